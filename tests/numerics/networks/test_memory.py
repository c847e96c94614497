"""Measurements are kept per network, data and precision, and forgotten with the network."""

from __future__ import annotations

import gc
import weakref

import numpy as np
from flint import ctx

from numerics.networks import Data, Dense, Network, certified_margins, spectral_norms
from numerics.networks.memory import remembered


def test_results_are_kept_with_the_network() -> None:
    calls: list[tuple[object, ...]] = []

    def measure(network: Network, *rest: object, factor: int = 1) -> int:
        calls.append((*rest, factor))
        return factor * len(calls)

    network, other = Network([Dense([[1.0]])]), Network([Dense([[1.0]])])
    kept = remembered(at_each_precision=True)(measure)
    assert [kept(network, 1), kept(network, 1), kept(network, 1, factor=2), kept(other, 1)] == [1, 1, 4, 3]
    with ctx.workprec(200):
        assert kept(network, 1) == 4
    assert kept(network, [1]) == 5 and kept(network, [1]) == 6  # a list cannot be hashed
    plain = remembered(at_each_precision=False)(measure)
    first = plain(network)
    with ctx.workprec(200):
        assert plain(network) == first


def test_a_network_that_is_gone_is_forgotten() -> None:
    network = Network([Dense([[1.0], [2.0]])])
    data = Data([[1.0]], [0])
    lower, _ = certified_margins(network, data)
    assert certified_margins(network, data)[0] is lower and not lower.flags.writeable
    assert spectral_norms(network) is spectral_norms(network)
    gone = weakref.ref(network)
    del network
    gc.collect()
    assert gone() is None
    assert np.isfinite(lower).all()
