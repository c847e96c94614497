r"""Rigorous bounds of a loss and of its slopes over boxes, for many boxes at once in floats, or for one box exactly.

Two enclosures of $E$ on a box $X$ are intersected: the *natural extension* (every operation replaced by its interval form)
and the *mean-value form* $E(c) + \sum_i G_i (X_i - c_i)$ with $G_i$ enclosing $\partial_i E$ on $X$ and $c$ the centre. For the
latter go from $c$ to $x \in X$ one coordinate at a time: the path stays in $X$ and the slope lemma of `expression.py`
applies to each step, kinks or not.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from flint import fmpq

from numerics.arithmetic.exact import rational
from numerics.evidence.errors import InputError
from numerics.sublevel.cells.expression import Expression, as_expression
from numerics.sublevel.cells.intervals import (
    Array,
    FloatIntervals,
    Interval,
    RationalInterval,
    RationalIntervals,
    float_above,
    float_below,
)
from numerics.sublevel.cells.tape import Tape

CHUNK = 1 << 13
"""Boxes that are evaluated at once: few enough for the cache of the processor."""


@dataclass(frozen=True)
class Box:
    r"""A box $\prod_i [\mathrm{lo}_i, \mathrm{hi}_i]$ with rational ends, one side for each of the named parameters."""

    names: tuple[str, ...]
    lo: tuple[fmpq, ...]
    hi: tuple[fmpq, ...]

    @property
    def dimension(self) -> int:
        return len(self.names)

    def __str__(self) -> str:
        return " x ".join(f"{n} in [{a}, {b}]" for n, a, b in zip(self.names, self.lo, self.hi, strict=True))

    @staticmethod
    def of(box: Any, E: Expression) -> Box:
        """What a user writes: `(-2, 2)` for all parameters, `{"w1": (-2, 2), ...}`, or a list of pairs in the order of
        `E.parameters`. Ends are rational numbers or floats, which are taken as they are.

        Raises `InputError` unless every side has lo < hi, is finite, and belongs to a parameter.
        """
        if isinstance(box, Box):
            box = dict(zip(box.names, zip(box.lo, box.hi, strict=True), strict=True))
        names = E.parameters
        if isinstance(box, Mapping):
            sides = dict(box)
        else:
            try:
                ends = list(box)
            except TypeError:
                raise InputError(
                    f"`box` must be (lo, hi) or a pair (lo, hi) for each parameter, found {box!r}."
                ) from None
            if len(ends) == 2 and not any(
                isinstance(x, Sequence | np.ndarray) and not isinstance(x, str) for x in ends
            ):
                ends = [(ends[0], ends[1])] * len(names)
            if len(ends) != len(names):
                raise InputError(
                    f"`box` must have one pair (lo, hi) for each of the {len(names)} parameters {', '.join(names)}, "
                    f"found {len(ends)}."
                )
            sides = dict(zip(names, ends, strict=True))
        missing = [name for name in names if name not in sides]
        if missing:
            raise InputError(
                f"`box` must have a side for the parameter `{missing[0]}`, found {', '.join(map(str, sides))}."
            )
        if not sides:
            raise InputError("`box` must have at least one side: the loss has no parameters, so name them in the box.")
        lo, hi = zip(*(_side(name, side) for name, side in sides.items()), strict=True)
        return Box(tuple(map(str, sides)), lo, hi)


def _side(name: Any, side: Any) -> tuple[fmpq, fmpq]:
    try:
        a, b = side
    except (TypeError, ValueError):
        raise InputError(f"`box` must have a pair (lo, hi) for `{name}`, found {side!r}.") from None
    lo, hi = finite(a, f"the lower end of `{name}` in `box`"), finite(b, f"the upper end of `{name}` in `box`")
    if lo >= hi:
        raise InputError(f"`box` must have lo < hi on every side, found [{lo}, {hi}] for `{name}`.")
    return lo, hi


def finite(x: Any, what: str) -> fmpq:
    """`x` as a rational number; raises `InputError` with the name `what` when it is none."""
    try:
        return rational(x)
    except (TypeError, ValueError):
        raise InputError(f"{what[0].upper() + what[1:]} must be a finite number, found {x!r}.") from None


class Enclosures:
    """The bounds of one loss, whose parameters are the coordinates `names`, in this order."""

    def __init__(self, E: Expression, names: Sequence[str]) -> None:
        self.E = E
        self.slopes = E.gradient(names)
        self._all = Tape((E, *self.slopes), names)
        self._value = Tape((E,), names)
        self._slope = [Tape((g,), names) for g in self.slopes]
        self._arithmetic = FloatIntervals()

    def of_boxes(self, lo: Array, hi: Array) -> tuple[Interval, Interval]:
        """The values and the slopes over the boxes `lo[:, k]` to `hi[:, k]`: two arrays (N,), and two arrays (d, N)."""
        d, n = lo.shape
        values, slopes = (np.empty(n), np.empty(n)), (np.empty((d, n)), np.empty((d, n)))
        with np.errstate(all="ignore"):
            for start in range(0, n, CHUNK):
                part = slice(start, start + CHUNK)
                (v0, v1), g = self._chunk(lo[:, part], hi[:, part])
                values[0][part], values[1][part] = v0, v1
                for i, (g0, g1) in enumerate(g):
                    slopes[0][i, part], slopes[1][i, part] = g0, g1
        return values, slopes

    def _chunk(self, lo: Array, hi: Array) -> tuple[Interval, list[Interval]]:
        ops = self._arithmetic
        shape = lo.shape[1:]
        natural, *slopes = (ops.finish(x, shape) for x in self._all.run(ops, list(zip(lo, hi, strict=True))))
        centre = lo + (hi - lo) / 2
        centre = np.where((lo <= centre) & (centre <= hi), centre, lo)  # any point of the box serves
        (mean,) = self._value.run(ops, [(c, c) for c in centre])
        for g, a, b, c in zip(slopes, lo, hi, centre, strict=True):
            away = ops.add((a, b), (-c, -c))
            mean = ops.add(mean, ops.multiply(g, away))
        mean = ops.finish(mean, shape)
        return (np.maximum(natural[0], mean[0]), np.minimum(natural[1], mean[1])), slopes

    # Exactly, for one box.

    def value(self, box: Sequence[RationalInterval]) -> RationalInterval:
        """The natural extension of the loss."""
        return self._value.run(RationalIntervals(), box)[0]

    def slope(self, i: int, box: Sequence[RationalInterval]) -> RationalInterval:
        r"""The natural extension of $\partial_i E$."""
        return self._slope[i].run(RationalIntervals(), box)[0]

    def mean_value(self, box: Sequence[RationalInterval]) -> RationalInterval:
        """The mean-value form of the loss."""
        ops = RationalIntervals()
        centre = [(a + b) / 2 for a, b in box]
        mean = self._value.run(ops, [(c, c) for c in centre])[0]
        for i, ((a, b), c) in enumerate(zip(box, centre, strict=True)):
            mean = ops.add(mean, ops.multiply(self.slope(i, box), (a - c, b - c)))
        return mean


def cell_bounds(E: Any, box: Any, shape: Sequence[int], memory: int = 4 * 2**30) -> Interval:
    r"""Arrays `lo`, `hi` of the given shape with `lo[k]` $\le E \le$ `hi[k]` on the closed cell $k$ of the box.

    Axis $i$ of the box, in the order of `box` (see `Box.of`), is cut into `shape[i]` equal closed intervals. The bounds are
    rigorous float64 numbers. Of these arrays alone follows, for every $u$: $\{E \le u\}$ meets no cell with `lo > u`, and
    contains every cell with `hi <= u`. What follows is in `bracket.py`.

    Raises `InputError` for a shape that does not fit the box, and before any allocation when the two arrays and the work
    space would need more than `memory` bytes.
    """
    loss = as_expression(E)
    region = Box.of(box, loss)
    counts = tuple(int(n) for n in shape)
    if len(counts) != region.dimension or any(n < 1 for n in counts):
        raise InputError(
            f"`shape` must have a positive number of cells for each of the {region.dimension} sides of the box, "
            f"found {tuple(shape)}."
        )
    total = math.prod(counts)
    if 24 * total > memory:
        raise InputError(
            f"`shape` {counts} needs {24 * total / 2**30:.1f} GiB for the bounds of {total} cells where {memory / 2**30:.1f} GiB "
            "are allowed: take fewer cells or allow more `memory`."
        )
    ends = []
    for a, b, n in zip(region.lo, region.hi, counts, strict=True):
        corners = [a + (b - a) * k / n for k in range(n + 1)]
        ends.append((np.array([float_below(q) for q in corners[:-1]]), np.array([float_above(q) for q in corners[1:]])))
    enclosures = Enclosures(loss, region.names)
    low, high = np.empty(total), np.empty(total)
    step = 16 * CHUNK
    for start in range(0, total, step):
        index = np.unravel_index(np.arange(start, min(start + step, total)), counts)
        lo = np.stack([e[0][k] for e, k in zip(ends, index, strict=True)])
        hi = np.stack([e[1][k] for e, k in zip(ends, index, strict=True)])
        (low[start : start + step], high[start : start + step]), _ = enclosures.of_boxes(lo, hi)
    return low.reshape(counts), high.reshape(counts)
