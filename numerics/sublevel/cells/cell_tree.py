r"""A box cut into cells by halving: corners, neighbours, the cell of a point.

Coordinates are integers in units of $2^{-30}$ of the side of the box, so that all of this is exact.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from flint import fmpq
from numpy.typing import NDArray

from numerics.sublevel.cells.component_certificate import DEPTH
from numerics.sublevel.cells.enclosures import Box
from numerics.sublevel.cells.intervals import Array, FloatIntervals, float_above, float_below

Ints = NDArray[np.int64]
Bytes = NDArray[np.int8]


class CellTree:
    """The binary tree of halvings. Node 0 is the box; leaves are the cells.

    `lo` (d, n) and `log_size` (d, n) say where a node is, `axis` in which direction it is halved (-1 for a leaf) and
    `child` which node is its lower half; the upper half is the next one. `status` is the caller's, and so is `steepest`, the
    direction in which a node is best halved (-1: it is too small).
    """

    def __init__(self, dimension: int) -> None:
        self.lo = np.zeros((dimension, 1), dtype=np.int64)
        self.log_size = np.full((dimension, 1), DEPTH, dtype=np.int8)
        self.axis = np.full(1, -1, dtype=np.int8)
        self.child = np.full(1, -1, dtype=np.int64)
        self.status = np.zeros(1, dtype=np.int8)
        self.steepest = np.zeros(1, dtype=np.int8)

    @property
    def dimension(self) -> int:
        return len(self.lo)

    @property
    def cells(self) -> int:
        return (len(self.axis) + 1) // 2

    def hi(self, nodes: Ints | slice = slice(None)) -> Ints:
        return self.lo[:, nodes] + (np.int64(1) << self.log_size[:, nodes].astype(np.int64))

    def volume(self, nodes: Ints | slice = slice(None)) -> Ints:
        """The logarithms of the volumes."""
        return self.log_size[:, nodes].sum(axis=0, dtype=np.int64)

    def halves(self, cells: Ints, axis: Ints) -> tuple[Ints, Bytes]:
        """Where the halves of the given cells would be: lower, upper, lower, upper, ..."""
        lo, log_size = np.repeat(self.lo[:, cells], 2, axis=1), np.repeat(self.log_size[:, cells], 2, axis=1)
        n = np.arange(2 * len(cells))
        log_size[np.repeat(axis, 2), n] -= 1
        lo[axis, n[1::2]] += np.int64(1) << log_size[axis, n[1::2]].astype(np.int64)
        return lo, log_size

    def grow(self, cells: Ints, axis: Ints, lo: Ints, log_size: Bytes, status: Bytes, steepest: Bytes) -> None:
        """Puts the halves in. The arrays are replaced at the very end, so that an interruption leaves a whole tree."""
        n, first = len(cells), len(self.axis)
        new_axis, new_child = self.axis.copy(), self.child.copy()
        new_axis[cells], new_child[cells] = axis, first + 2 * np.arange(n)
        leaf = np.full(2 * n, -1)
        self.__dict__.update(
            lo=np.concatenate([self.lo, lo], axis=1),
            log_size=np.concatenate([self.log_size, log_size], axis=1),
            axis=np.concatenate([new_axis, leaf.astype(np.int8)]),
            child=np.concatenate([new_child, leaf.astype(np.int64)]),
            status=np.concatenate([self.status, status]),
            steepest=np.concatenate([self.steepest, steepest]),
        )

    def neighbours(self, without: int) -> tuple[Ints, Ints, Ints]:
        """All pairs of cells that share a piece of dimension d - 1, and the direction across it; the first cell is below
        the second. Cells of the status `without` are left out. Two subtrees that touch are descended at once."""
        alive = (self.axis >= 0) | (self.status != without)
        volume = self.volume()
        found = []
        inner = np.flatnonzero(self.axis >= 0)
        a, b, across = self.child[inner], self.child[inner] + 1, self.axis[inner].astype(np.int64)
        while len(a):
            keep = alive[a] & alive[b]
            a, b, across = a[keep], b[keep], across[keep]
            is_pair = (self.axis[a] < 0) & (self.axis[b] < 0)
            found.append((a[is_pair], b[is_pair], across[is_pair]))
            a, b, across = a[~is_pair], b[~is_pair], across[~is_pair]
            split_a = (self.axis[b] < 0) | ((self.axis[a] >= 0) & (volume[a] >= volume[b]))
            low, high = self.child[np.where(split_a, a, b)], self.child[np.where(split_a, a, b)] + 1
            a = np.concatenate([np.where(split_a, low, a), np.where(split_a, high, a)])
            b = np.concatenate([np.where(split_a, b, low), np.where(split_a, b, high)])
            across = np.tile(across, 2)
            keep = self._share_a_face(a, b, across)
            a, b, across = a[keep], b[keep], across[keep]
        empty = np.zeros(0, dtype=np.int64)
        columns = zip(*found, strict=True) if found else [(empty,)] * 3
        a, b, across = (np.concatenate(column) for column in columns)
        return a, b, across

    def _share_a_face(self, a: Ints, b: Ints, across: Ints) -> NDArray[np.bool_]:
        overlap = np.minimum(self.hi(a), self.hi(b)) - np.maximum(self.lo[:, a], self.lo[:, b])
        touch = overlap > 0
        touch[across, np.arange(len(a))] = overlap[across, np.arange(len(a))] == 0
        return np.logical_and.reduce(touch, axis=0)

    def locate(self, doubled: Ints, is_downward: NDArray[np.bool_]) -> Ints:
        """The cells that contain the points with *twice* these coordinates (d, n).

        Where a point lies between cells, in the directions that `is_downward` marks the lower one is meant, in others the
        upper one, as far as the box goes.
        """
        at = np.zeros(doubled.shape[1], dtype=np.int64)
        active = np.arange(doubled.shape[1])
        while len(active):
            node = at[active]
            i = self.axis[node].astype(np.int64)
            active, node, i = active[i >= 0], node[i >= 0], i[i >= 0]
            middle = 2 * self.lo[i, node] + (np.int64(1) << self.log_size[i, node].astype(np.int64))
            x = doubled[i, active]
            is_upper = np.where(is_downward[i, active], x > middle, x >= middle)
            at[active] = self.child[node] + is_upper
        return at

    def preorder(self) -> tuple[Ints, Ints]:
        """The nodes, each before its halves, and for each node its number among the leaves in this order (-1: no leaf)."""
        order: list[int] = []
        child, stack = self.child.tolist(), [0]
        while stack:
            k = stack.pop()
            order.append(k)
            if child[k] >= 0:
                stack += (child[k] + 1, child[k])
        nodes = np.array(order, dtype=np.int64)
        number = np.full(len(nodes), -1, dtype=np.int64)
        leaves = nodes[self.axis[nodes] < 0]
        number[leaves] = np.arange(len(leaves))
        return nodes, number


class Corners:
    """Float bounds of the points of a box; exact where its ends are short binary numbers."""

    def __init__(self, box: Box) -> None:
        self._sides = [_Side(a, b) for a, b in zip(box.lo, box.hi, strict=True)]

    def of(self, lo: Ints, hi: Ints) -> tuple[Array, Array]:
        """Float boxes that contain the cells from `lo` to `hi`, (d, n)."""
        below = np.stack([side.enclose(k)[0] for side, k in zip(self._sides, lo, strict=True)])
        above = np.stack([side.enclose(k)[1] for side, k in zip(self._sides, hi, strict=True)])
        return below, above


class _Side:
    def __init__(self, a: fmpq, b: fmpq) -> None:
        self._short: tuple[int, int, int] | None = None
        denominator = max(int(a.q), int(b.q))
        start, width = a * denominator, (b - a) * denominator
        if _is_power_of_two(int(a.q)) and _is_power_of_two(int(b.q)) and abs(start) + width < 1 << (53 - DEPTH):
            self._short = int(start.p) << DEPTH, int(width.p), 1 - denominator.bit_length() - DEPTH
        self._start = np.array(float_below(a)), np.array(float_above(a))
        self._width = np.array(float_below(b - a)), np.array(float_above(b - a))

    def enclose(self, k: Ints) -> tuple[Array, Array]:
        if self._short is not None:  # integers below 2^53 times a power of two: no rounding at all
            start, width, exponent = self._short
            x = np.ldexp((start + width * k).astype(np.float64), exponent)
            return x, x
        ops: Any = FloatIntervals()
        t = np.ldexp(k.astype(np.float64), -DEPTH)
        return ops.add(self._start, ops.multiply(self._width, (t, t)))


def _is_power_of_two(n: int) -> bool:
    return n & (n - 1) == 0
