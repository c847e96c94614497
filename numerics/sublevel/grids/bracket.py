r"""What interval bounds on cells prove about a function, at all levels at once.

A box is cut into closed cells, a grid of them, and $\mathrm{lo}_c \le E(x) \le \mathrm{hi}_c$ is known for all $x$ in cell $c$. Then, for the
continuous set $S_u = \{x \in \text{box} : E(x) \le u\}$ and every $u$:

**Separated.** $S_u \subseteq \bigcup \{c : \mathrm{lo}_c \le u\}$. Let $F_1, F_2, \dots$ be the *face* components of $\{\mathrm{lo} \le u\}$ (cells with a
common side of codimension 1 are neighbours) and $|F_i|$ the union of the closed cells of $F_i$. No point $p \in S_u$ lies in two of
the $|F_i|$: every cell that contains $p$ has $\mathrm{lo} \le E(p) \le u$, and these cells, two or one in the direction of each axis, are joined by
faces among themselves, so all are in one $F_i$. So the sets $S_u \cap |F_i|$ are disjoint, closed in $S_u$ and finitely many, and cover $S_u$: no connected
part of $S_u$ meets two of them. If $F_i$ contains a cell with $\mathrm{hi}_c \le u$, then $S_u \cap |F_i|$ is not empty. Hence
$$N_u \ge \#\{\text{face components of } \{\mathrm{lo} \le u\} \text{ with a cell } \mathrm{hi}_c \le u\} .$$
This holds at every level, of the closed set, and nothing is asked of $E$, not even continuity. It needs bounds on *closed* cells: a path of $S_u$ through a
corner of four cells is a proof that all four have $\mathrm{lo} \le u$, and bounds on open cells would not know of it. What closed cells imply, that
$\mathrm{lo}_c \le \mathrm{hi}_{c'}$ when $c$ and $c'$ touch, is checked. Where some cells are outside the domain ($\mathrm{lo} = \infty$) $E$ may be defined on their
sides by their neighbours, and the argument fails: then *full* components are taken, whose unions $|F_i|$ are disjoint by themselves.

**Connected.** A cell with $\mathrm{hi}_c \le u$ lies in $S_u$. If two such cells share any point, their union is connected. So the union of a *full* component of
$\{\mathrm{hi} \le u\}$ (cells that share a point are neighbours) is a connected subset of $S_u$.

**Merge levels.** For $x$, $y$ in cells $p$, $q$ let $m(x, y)$ be the infimum of the $u$ for which they lie in one component of $S_u$. Then
$$\min_{\text{face paths}} \max \mathrm{lo} \;\le\; m(x, y) \;\le\; \min_{\text{full paths}} \max \mathrm{hi}$$
over paths of cells from $p$ to $q$: below the left side $x$ or $y$ is outside or they are separated; at the right side they are connected.

There is no upper bound on $N_u$ of this kind: for $E = (x^2 - 1/16)^2$ and cells of width 1 around $-1, 0, 1$ at $u = 1/1000$ one cell has
$\mathrm{lo} \le u$, none has $\mathrm{hi} \le u$, and $N_u = 2$. Components of $S_u$ may join outside the box.

Nothing in the proofs changes where axes are periodic and the box is a cylinder or a torus: at a point of the seam the two cells in the direction of
such an axis are the last and the first, or one cell that closes up on itself.

The proofs need true bounds: round `lo` down and `hi` up. All comparisons here are exact.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from numerics.evidence.errors import InputError
from numerics.sublevel.grids.grid import Periodic, periodic_axes
from numerics.sublevel.grids.merge_trees import MergeTree, merge_tree

_LOWEST = np.finfo(np.float64).min


class MergeBracket(NamedTuple):
    """The level at which two marked points join lies in $[\\mathrm{low}, \\mathrm{high}]$; `high` is +inf if nothing joins them in the box."""

    low: float
    high: float


@dataclass(frozen=True, eq=False)
class Bracket:
    """Bounds on the components of all sublevel sets, from the merge trees of `lo` and `hi`. Made by `bracket_from_bounds`."""

    lower: MergeTree
    upper: MergeTree

    def merge_level(self, p: Sequence[int], q: Sequence[int]) -> MergeBracket:
        """A bracket of the lowest level at which a point of cell `p` and one of cell `q` are connected, for all such points."""
        return MergeBracket(self.lower.merge_level(p, q), self.upper.merge_level(p, q))

    @cached_property
    def counts(self) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        r"""Levels and, from each level on, a certified lower bound of $N_u$ inside the box; 0 below the first.

        *Why two merge trees suffice.* If $\mathrm{hi}_c \le u$, the steepest descent of hi from $c$ ends in a local minimum $m$ of hi. Where a step goes from a
        cell to one that shares a point with it, all cells at this point touch a cell with $\mathrm{hi} \le u$ and have $\mathrm{lo} \le u$: the step stays in a
        face component of $\{\mathrm{lo} \le u\}$. So only local minima $m$ of hi need be looked at, and of each the local minimum of lo to
        which lo descends from $m$, which is in the same component for $u \ge \mathrm{hi}_m \ge \mathrm{lo}_m$. A component of $\{\mathrm{lo} \le u\}$ counts iff one of its minima
        $r$ has *activation* $\min \mathrm{hi}_m \le u$ over the $m$ that descend to $r$. When components merge at $s$, the later activation $a$ disappears: it
        contributes 1 on $[a, s)$, if that is not empty. This is the elder rule with activations for births.
        """
        from numerics.sublevel.grids.merge_forest import descents

        low, high = self.lower.forest, self.upper.forest
        active = np.full(low.minima.size, np.inf)
        np.minimum.at(
            active, descents(self.lower.source, self.lower.grid, high.minima.astype(np.int64), low.minima), high.birth
        )
        begin, end = [], []
        # The forest of lo joins minima in the order of their deaths; `active` moves to the elder, which stands for the component.
        for k in np.lexsort((low.saddle, low.death)).tolist():
            into = int(low.into[k])
            late = active[k] if into < 0 else max(active[k], active[into])
            if into >= 0:
                active[into] = min(active[k], active[into])
            if late < low.death[k]:
                begin.append(late)
                end.append(low.death[k])
        levels = np.unique([u for u in begin + end if u < np.inf])
        numbers = np.searchsorted(np.sort(begin), levels, "right") - np.searchsorted(np.sort(end), levels, "right")
        changes = np.diff(numbers, prepend=0) != 0
        return levels[changes], numbers[changes]

    def at_least(self, u: float) -> int:
        """A certified lower bound of the number of components of $\\{E \\le u\\}$ inside the box."""
        if np.isnan(u):
            raise InputError("a level `u` needs to be a number, found NaN.")
        levels, numbers = self.counts
        return int(np.concatenate([[0], numbers])[np.searchsorted(levels, u, "right")])


def bracket_from_bounds(lo: ArrayLike, hi: ArrayLike, *, periodic: Periodic = False, workers: int = 1) -> Bracket:
    """The certified bounds from arrays of cell bounds of 1 to 6 dimensions, one entry for each cell.

    `periodic` as in `merge_tree`: along such an axis the last cell touches the first.

    The bounds are those of closed cells. `hi` may be +inf and `lo` -inf where nothing is known, and both +inf where the loss is not
    defined, except on sides that are shared with other cells. Raises `InputError` if the shapes differ, if a bound is NaN, or if
    `lo` exceeds the `hi` of the same or of a touching cell.
    """
    from scipy.ndimage import minimum_filter

    lower, upper = np.asarray(lo, np.float64), np.asarray(hi, np.float64)
    if lower.shape != upper.shape:
        raise InputError(f"`lo` and `hi` need the same shape, found {lower.shape} and {upper.shape}.")
    for name, bound in (("lo", lower), ("hi", upper)):
        if np.isnan(bound).any():
            index = tuple(int(k) for k in np.argwhere(np.isnan(bound))[0])
            raise InputError(
                f"`{name}` needs numbers, found NaN at {index}: put -inf into `lo` or +inf into `hi` where nothing is known."
            )
    if (lower > upper).any():
        index = tuple(int(k) for k in np.argwhere(lower > upper)[0])
        raise InputError(
            f"`lo` needs to be at most `hi`, found {lower[index]} > {upper[index]} at {index}: round outwards."
        )
    outside = np.isposinf(lower)
    flags = periodic_axes(periodic, lower.ndim)
    beyond: Any = ["wrap" if p else "nearest" for p in flags]  # what touches the cells at the two ends of each axis
    contradict = (lower > minimum_filter(upper, 3, mode=beyond)) & ~outside
    if contradict.any():
        index = tuple(int(k) for k in np.argwhere(contradict)[0])
        raise InputError(
            f"`lo` and `hi` need to be bounds on closed cells, found {lower[index]} at {index} above the `hi` of a cell that touches it: "
            "take the sides of the cells into account."
        )
    adjacency = "full" if outside.any() else "face"
    # Every level that is a float and not -inf has the same cells below it when -inf is replaced by the least float.
    lower, upper = (np.maximum(bound, _LOWEST) if np.isneginf(bound).any() else bound for bound in (lower, upper))
    return Bracket(
        merge_tree(lower, adjacency=adjacency, periodic=flags, workers=workers),
        merge_tree(upper, adjacency="full", periodic=flags, workers=workers),
    )
