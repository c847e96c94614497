r"""On distributions whose true risk is known exactly, no bound is below it more often than its $\delta$ allows.

The inputs are finitely many points with exact probabilities and noisy labels, so that the true risk of a network is a
finite sum. The network is chosen *after* the sample is drawn, as the best of many on it, which is what the bounds that
hold for all networks must survive.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from scipy.stats import binom

from numerics.networks import Activation, Data, Dense, Network, certified_margins
from theorems.bounds import all_bounds

DELTA = Fraction(1, 5)
TRIALS = 20
POINTS = np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0], [1.0, 1.0], [-1.0, -1.0]]) / 2
NOISE = Fraction(1, 10)
CLEAN = np.array([0, 0, 1, 1, 0, 1])


def sample(n: int, rng: np.random.Generator) -> Data:
    """`n` points, uniform, with their labels flipped with probability `NOISE`."""
    place = rng.integers(0, len(POINTS), n)
    return Data(POINTS[place], CLEAN[place] ^ (rng.random(n) < float(NOISE)))


def true_risk(network: Network) -> Fraction:
    """The exact probability that the label has not the strictly largest score; ties count as errors."""
    total = Fraction(0)
    for label in (0, 1):
        lower, upper = certified_margins(network, Data(POINTS, np.full(len(POINTS), label)))
        assert (
            (lower > 0) | (upper < 1e-12)
        ).all()  # right, wrong, or a tie: dead units give 0, and the rounding of 0 - 0
        chances = np.where(label == CLEAN, 1, 0)
        for wrong, clean in zip(lower <= 0, chances, strict=True):
            total += (1 - NOISE if clean else NOISE) * int(wrong) / len(POINTS)
    return total


def candidates(rng: np.random.Generator, count: int) -> list[Network]:
    """Random small networks, linear and with one hidden layer, of many sizes."""
    found = []
    for i in range(count):
        scale = 2.0 ** rng.integers(-2, 3)
        if i % 2:
            found.append(Network([Dense(scale * rng.normal(size=(2, 2)))]))
        else:
            first = scale * rng.normal(size=(3, 2))
            found.append(Network([Dense(first), Activation("relu"), Dense(rng.normal(size=(2, 3)))]))
    return found


def chosen(data: Data, rng: np.random.Generator) -> Network:
    networks = candidates(rng, 40)
    return min(networks, key=lambda network: float((certified_margins(network, data)[0] <= 0).mean()))


OPTIONS: dict[str, Any] = {"bits": "best", "draws": 20}


@pytest.mark.parametrize("n", [100, 50_000])
def test_bounds_are_above_the_true_risk(n: int) -> None:
    below: dict[str, int] = {}
    sharp: set[str] = set()
    for trial in range(TRIALS if n < 1000 else 4):
        rng = np.random.default_rng([n, trial])
        data = sample(n, rng)
        network = chosen(data, rng)
        risk = true_risk(network)
        given = {**OPTIONS, "test_data": sample(500, rng), "seed": trial}
        for bound in all_bounds():
            options = {k: v for k, v in given.items() if k in bound.options}
            if bound.quantity.partition(",")[0] != "Pr[error]" or bound.missing(options) or bound.conditions(network):
                continue
            value = bound.on(network, data, delta=DELTA, **options)
            below[bound.name] = below.get(bound.name, 0) + (not value.value >= float(risk))
            if value.vacuous is False:
                sharp.add(bound.name)
    assert len(below) >= 10
    if n > 1000:
        assert {"frobenius", "peeling", "vc-piecewise-linear"} <= sharp  # they say something here
    allowed = int(binom.isf(1e-9, TRIALS, float(DELTA)))
    assert all(count <= allowed for count in below.values()), below
    assert below["test-set-exact"] <= allowed and "test-set-exact" in sharp


def test_a_bound_that_forgets_its_complexity_is_caught() -> None:
    """The training risk alone is below the true risk more often than a bound may be: the test above can fail."""
    low, trials = 0, 3 * TRIALS
    for trial in range(trials):
        rng = np.random.default_rng([5, trial])
        data = sample(5, rng)
        network = chosen(data, rng)
        low += float((certified_margins(network, data)[0] <= 0).mean()) < true_risk(network)
    assert low > binom.isf(1e-3, trials, float(DELTA))
