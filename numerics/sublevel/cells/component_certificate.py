r"""The certificate of a component count: a subdivision of the box whose every cell is decided again, exactly.

It is the binary tree of halvings in preorder (`axes`: the coordinate that is halved, -1 for a cell), the status of each cell
(`status`), and routes of cells that join cores to families (`descents`, cells numbered as in `status`). The cells tile the box because they are the leaves of such a tree. `verify()` shares nothing with the
search but the expression: it goes through the tree with integer corners, evaluates every cell in *rational* interval
arithmetic, finds neighbours by sorting cells in space instead of descending in the tree, counts on graphs of its own, and
compares with what is claimed. What follows from the cells is the theorem of `box_components.py`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from flint import fmpq
from numpy.typing import NDArray

from numerics.evidence.errors import InputError
from numerics.evidence.verdict import Verdict, fails, holds
from numerics.evidence.witness import Witness
from numerics.sublevel.cells.enclosures import Box, Enclosures
from numerics.sublevel.cells.expression import Expression, from_lists
from numerics.sublevel.cells.tape import Tape

DEPTH = 30
"""A side of the box can be halved this often; corners are integer multiples of $2^{-30}$ of the side."""

OPEN, INSIDE, OUTSIDE = 0, -1, -2

Ints = NDArray[np.int64]
Bytes = NDArray[np.int8]

_KIND = "components of a sublevel set in a box"
_BLOCK = 1 << 14  # pairs of cells that are compared each with each, and cells that are Python numbers at once


def safe_code(axis: Any, slope: int) -> Any:
    """The status of a safe cell (or of several, for an array): positive, even for a negative slope in the coordinate `axis`."""
    return 1 + 2 * axis + (slope < 0)


class _Refuted(Exception):
    """What is wrong with a certificate."""


@dataclass(frozen=True, eq=False)
class ComponentsCertificate:
    r"""Proves that $\{E \le u\}$ has at least `lower` and at most `upper` (`None`: no bound) components inside `box`, and,
    when `cut` is `False`, that they do not touch its boundary."""

    E: Expression
    box: Box
    u: fmpq
    axes: NDArray[np.int8]
    status: NDArray[np.int8]
    descents: tuple[Ints, ...]
    lower: int
    upper: int | None
    cut: bool

    @property
    def cells(self) -> int:
        return len(self.status)

    def verify(self) -> Verdict:
        """Decides every cell and the count again.

        **Cost**: about 0.05 ms of processor time and 0.6 kB for each cell of a small loss. A million cells of
        $(a_1 b_1 + a_2 b_2 - 1)^2$ took 50 s (half of it in rational arithmetic, half to find the 5.6 million pairs of
        neighbours) and 620 MB.
        """
        try:
            lo, hi = self.corners()
            self._check_cells(lo, hi)
            lower, upper, cut = self._count(lo, hi)
        except _Refuted as problem:
            return fails(str(problem))
        found = f"at least {lower}" + ("" if upper is None else f" and at most {upper}") + " components"
        if lower < self.lower or (self.upper is not None and (upper is None or upper > self.upper)):
            claimed = f"at least {self.lower}" + ("" if self.upper is None else f" and at most {self.upper}")
            return fails(f"the cells prove {found}, claimed are {claimed}")
        if cut and not self.cut:
            return fails("the set may touch the boundary of the box, claimed is that it does not")
        return holds(f"{self.cells} cells prove {found} of E <= {self.u} in the box")

    def corners(self) -> tuple[Ints, Ints]:
        r"""The lower and upper corners of the cells, (N, d) integers in units of $2^{-30}$ of the sides of the box."""
        d = self.box.dimension
        if self.axes.ndim != 1 or self.status.ndim != 1 or int((self.axes < 0).sum()) != len(self.status):
            raise _Refuted("the tree and the list of cells do not fit together")
        lo, hi = np.empty((self.cells, d), dtype=np.int64), np.empty((self.cells, d), dtype=np.int64)
        k = 0
        stack = [((0,) * d, (1 << DEPTH,) * d)]
        for axis in self.axes.tolist():
            if not stack:
                raise _Refuted("the tree of cells goes on after its end")
            a, b = stack.pop()
            if axis < 0:
                lo[k], hi[k] = a, b
                k += 1
                continue
            if axis >= d or b[axis] - a[axis] < 2:
                raise _Refuted(f"a cell is halved in the direction {axis}, where it cannot be")
            middle = (a[axis] + b[axis]) // 2
            stack.append(((*a[:axis], middle, *a[axis + 1 :]), b))
            stack.append((a, (*b[:axis], middle, *b[axis + 1 :])))
        if stack:
            raise _Refuted("the tree of cells ends too early")
        return lo, hi

    def _check_cells(self, lo: Ints, hi: Ints) -> None:
        enclosures, u = Enclosures(self.E, self.box.names), self.u
        sides = [(a, (b - a) / (1 << DEPTH)) for a, b in zip(self.box.lo, self.box.hi, strict=True)]
        for k, low, high, status in self._one_by_one(lo, hi):
            if status == OPEN:
                continue
            cell = [(a + w * p, a + w * q) for (a, w), p, q in zip(sides, low, high, strict=True)]
            if status == INSIDE:
                is_right = enclosures.value(cell)[1] <= u or enclosures.mean_value(cell)[1] <= u
            elif status == OUTSIDE:
                is_right = enclosures.value(cell)[0] > u or enclosures.mean_value(cell)[0] > u
            elif 0 < status <= 2 * self.box.dimension:
                i, is_falling = divmod(status - 1, 2)
                slope = enclosures.slope(i, cell)
                is_right = (slope[1] < 0 and high[i] < 1 << DEPTH) if is_falling else (slope[0] > 0 and low[i] > 0)
            else:
                raise _Refuted(f"cell {k} has the unknown status {status}")
            if not is_right:
                name = {INSIDE: "inside", OUTSIDE: "outside"}.get(status, "safe")
                raise _Refuted(f"cell {k} is not proved to be {name}: {_show(cell)}")

    def _one_by_one(self, lo: Ints, hi: Ints) -> Iterator[tuple[int, list[int], list[int], int]]:
        """The cells as Python numbers: number, corners, status. Never many at once, since these take ten times the memory."""
        for start in range(0, self.cells, _BLOCK):
            part = slice(start, start + _BLOCK)
            yield from zip(
                range(start, self.cells), lo[part].tolist(), hi[part].tolist(), self.status[part].tolist(), strict=False
            )

    def _count(self, lo: Ints, hi: Ints) -> tuple[int, int | None, bool]:
        inside, opened = self.status == INSIDE, self.status == OPEN
        below, above, across = neighbours(lo, hi, np.flatnonzero(self.status != OUTSIDE))
        wet = self._wet(below, above, across)
        is_core = inside[below] & inside[above]
        for k, route in enumerate(self.descents):
            self._check_descent(k, route, lo, hi)
        ends = np.array([(route[0], route[-1]) for route in self.descents], dtype=np.int64).reshape(-1, 2)
        family = self._components(
            np.concatenate([below[is_core], ends[:, 0]]), np.concatenate([above[is_core], ends[:, 1]])
        )
        is_wet = wet[below] & wet[above]
        cluster = self._components(below[is_wet], above[is_wet])
        # One inside cell of each family; the cluster of this cell carries the family.
        cores = np.flatnonzero(inside)
        members = cores[np.unique(family[cores], return_index=True)[1]]
        at_box = ((lo == 0) | (hi == 1 << DEPTH)).any(axis=1)
        families, is_open, is_cut = (
            np.bincount(cluster[cells], minlength=self.cells)
            for cells in (members, np.flatnonzero(opened), np.flatnonzero(at_box))
        )
        upper = None if opened.any() else int(families.sum())
        return int((families > 0).sum()), upper, bool((((families > 0) | (is_open > 0)) & (is_cut > 0)).any())

    def _components(self, one: Ints, other: Ints) -> Ints:
        """For every cell the number of its component when the cells `one[k]` and `other[k]` are joined."""
        from scipy.sparse import coo_array
        from scipy.sparse.csgraph import connected_components

        joined = np.ones(len(one), dtype=bool)  # a pair may come often: bools do not overflow when added
        return connected_components(coo_array((joined, (one, other)), shape=(self.cells,) * 2), directed=False)[1]

    def _wet(self, below: Ints, above: Ints, across: Bytes) -> NDArray[np.bool_]:
        """The cells from which an inside or open cell is reached downhill, and these."""
        wet = (self.status == INSIDE) | (self.status == OPEN)
        falls, rises = self.status[below] == safe_code(across, -1), self.status[above] == safe_code(across, +1)
        uphill, downhill = (np.concatenate([a[falls], b[rises]]) for a, b in ((below, above), (above, below)))
        while len(uphill):
            reached = wet[downhill]
            if not reached.any():
                break
            wet[uphill[reached]] = True
            left = ~wet[uphill]
            uphill, downhill = uphill[left], downhill[left]
        return wet

    def _check_descent(self, k: int, route: Ints, lo: Ints, hi: Ints) -> None:
        """That the descent starts in an inside cell, falls in safe ones and ends in an inside one; see `box_components.py`."""
        if len(route) < 2 or not ((route >= 0) & (route < self.cells)).all():
            raise _Refuted(f"descent {k} is not a route of cells")
        first, *between, last = route.tolist()
        if not self.status[first] == self.status[last] == INSIDE or any(self.status[c] <= OPEN for c in between):
            raise _Refuted(f"descent {k} does not go from an inside cell through safe ones to an inside one")
        # Twice the coordinates of the middle of the piece that the first two cells share.
        point = np.maximum(lo[route[0]], lo[route[1]]) + np.minimum(hi[route[0]], hi[route[1]])
        for cell in route.tolist():
            if not ((2 * lo[cell] <= point) & (point <= 2 * hi[cell])).all():
                raise _Refuted(f"descent {k} leaves its cells at cell {cell}")
            if cell in (first, last):
                continue
            i, falls = divmod(int(self.status[cell]) - 1, 2)
            point[i] = 2 * (hi[cell, i] if falls else lo[cell, i])

    # Files.

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes one `.npz` file without pickles, see `Witness.save`."""
        tape = Tape((self.E,), self.E.parameters)
        values = {
            "expression": tuple(tuple(line) for line in tape.to_lists()),
            "names": self.box.names,
            "lo": self.box.lo,
            "hi": self.box.hi,
            "u": self.u,
            "axes": self.axes,
            "status": self.status,
            "descents": np.concatenate([np.zeros(0, dtype=np.int64), *self.descents]),
            "lengths": np.array([len(route) for route in self.descents], dtype=np.int64),
            "lower": self.lower,
            "upper": () if self.upper is None else (self.upper,),
            "cut": self.cut,
        }
        Witness(_KIND, values, f"E = {self.E}"[:10_000]).save(path)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> ComponentsCertificate:
        """Reads a file that `save` wrote. Raises `InputError` for any other; what it claims is for `verify()` to decide."""
        v: dict[str, Any] = Witness.load(path, _KIND).values
        try:
            E = from_lists(v["expression"])
            box = Box.of({n: (a, b) for n, a, b in zip(v["names"], v["lo"], v["hi"], strict=True)}, E)
            axes, status = (np.asarray(v[name], dtype=np.int8) for name in ("axes", "status"))
            steps, lengths = (np.asarray(v[name], dtype=np.int64) for name in ("descents", "lengths"))
            if steps.ndim != 1 or lengths.ndim != 1 or (lengths < 0).any() or int(lengths.sum()) != len(steps):
                raise ValueError("the descents have other lengths than they say")
            descents = tuple(np.split(steps, np.cumsum(lengths)[:-1])) if len(lengths) else ()
            upper = int(v["upper"][0]) if v["upper"] else None
            return cls(E, box, fmpq(v["u"]), axes, status, descents, int(v["lower"]), upper, bool(v["cut"]))
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            if isinstance(error, InputError):
                raise
            raise InputError(
                f"`{os.fspath(path)}` must hold a certificate written by `ComponentsCertificate.save`, found one whose entries "
                f"do not fit ({error})."
            ) from error


def _show(cell: list[tuple[fmpq, fmpq]]) -> str:
    return " x ".join(f"[{a}, {b}]" for a, b in cell)


def neighbours(lo: Ints, hi: Ints, cells: Ints) -> tuple[Ints, Ints, Bytes]:
    """The pairs of `cells` that share a piece of dimension d - 1: the cells below, the cells above, and the directions.

    For each plane the cells below and above it are parted by further planes until few are left together. Some pairs come
    more than once.
    """
    below, above, across = [cells[:0]], [cells[:0]], [np.zeros(0, dtype=np.int8)]
    for i in range(lo.shape[1]):
        others = [j for j in range(lo.shape[1]) if j != i]
        under, over = _by_value(cells, hi[cells, i]), _by_value(cells, lo[cells, i])
        stack = [(under[x], over[x]) for x in under.keys() & over.keys()]
        while stack:
            a, b = stack.pop()
            if len(a) * len(b) > _BLOCK and (parts := _part(lo, hi, a, b, others)) is not None:
                stack.extend(parts)
                continue
            touch = np.ones((len(a), len(b)), dtype=bool)
            for j in others:
                touch &= (lo[a, j][:, None] < hi[b, j]) & (lo[b, j] < hi[a, j][:, None])
            p, q = np.nonzero(touch)
            below.append(a[p])
            above.append(b[q])
            across.append(np.full(len(p), i, dtype=np.int8))
    return np.concatenate(below), np.concatenate(above), np.concatenate(across)


def _by_value(cells: Ints, values: Ints) -> dict[int, Ints]:
    if not len(cells):
        return {}
    order = np.argsort(values, kind="stable")
    names, starts = np.unique(values[order], return_index=True)
    return dict(zip(names.tolist(), np.split(cells[order], starts[1:]), strict=True))


def _part(lo: Ints, hi: Ints, a: Ints, b: Ints, others: list[int]) -> list[tuple[Ints, Ints]] | None:
    """The pairs on either side of the best plane in the middle; cells that cross it are on both. None when none helps."""
    best, least = None, len(a) * len(b)
    for j in others:
        x = lo[a, j]
        plane = int(np.partition(x, len(x) // 2)[len(x) // 2])
        sides = [(a[x < plane], b[lo[b, j] < plane]), (a[hi[a, j] > plane], b[hi[b, j] > plane])]
        work = sum(len(p) * len(q) for p, q in sides)
        if work < least:
            best, least = sides, work
    return best
