"""The kernels of a convolution, ready for its symbol."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from numerics.arithmetic.enclosure import Floats
from numerics.arithmetic.spectral import Numbers
from numerics.arithmetic.symbols import Ints, symbol
from numerics.networks.layers import Convolution
from numerics.networks.norms.axes import Axis


class Kernels(NamedTuple):
    r"""The kernels of the symbol, groups x T x p x q, a view of the weight where that is possible; their places, T x axes;
    their phases, where those are not side by side in the kernels already; and the $e$ with the largest entry in $2^e[1/2,
    1)$. Empty when all weights that count are zero."""

    K: Floats
    positions: Ints
    phases: Ints | None
    exponent: int

    def singular_vector(self, group: int, frequency: Floats) -> Numbers:
        """The first left singular vector of the symbol, in floats."""
        phases = np.zeros(len(self.positions), np.int64) if self.phases is None else self.phases
        F = [
            symbol(self.K[group, own], self.positions[own], frequency, self.exponent)
            for own in (phases == phase for phase in np.unique(phases))
        ]
        return np.linalg.svd(np.hstack(F), full_matrices=False)[0][:, 0]


def kernels_of(layer: Convolution, axes: Sequence[Axis]) -> Kernels:
    out, channels = layer.outputs // layer.groups, layer.weight.shape[1]
    weight = layer.weight
    for number, axis in enumerate(axes, 2):
        if axis.taps.size < weight.shape[number]:
            weight = weight.take(axis.taps, axis=number)
    largest = max(float(weight.max()), -float(weight.min()))
    if not largest:
        return Kernels(np.empty(0), np.empty((0, len(axes)), np.int64), None, 0)
    exponent = math.frexp(largest)[1]
    weight = weight.reshape(layer.groups, out, channels, -1)
    # of each tap, the last axis running fastest
    positions = np.array(list(itertools.product(*(axis.blocks.tolist() for axis in axes))), np.int64)
    residues = np.array(list(itertools.product(*(axis.phases.tolist() for axis in axes))), np.int64)
    phases = np.unique(residues, axis=0, return_inverse=True)[1].ravel()
    K, count = np.moveaxis(weight, -1, 1), int(phases.max()) + 1
    if (positions == positions[0]).all():
        # all taps have phases of their own; the order of columns does not matter
        return Kernels(weight.reshape(layer.groups, 1, out, -1), positions[:1], None, exponent)
    if count == 1 or out <= count * channels:
        return Kernels(K, positions, phases if count > 1 else None, exponent)
    # the smaller side is that of the phases and channels: they are written side by side
    grid, place = np.unique(positions, axis=0, return_inverse=True)
    wide = np.zeros((layer.groups, len(grid), out, count, channels))
    for tap, (a, b) in enumerate(zip(place.ravel(), phases, strict=True)):
        wide[:, a, :, b] = K[:, tap]
    return Kernels(wide.reshape(layer.groups, len(grid), out, -1), grid, None, exponent)
