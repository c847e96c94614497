r"""How many components $\{E \le u\}$ has inside a box, with a certificate.

```python
w1, w2 = parameters("w1 w2")
components_in_box((w1 * w2 - 1) ** 2, (-2, 2), Fraction(1, 2)).count      # 2
```

# Definitions

$B$ is a closed box, $E$ an expression (`expression.py`), $S = \{w \in B : E(w) \le u\}$ and $N_u$ the number of its connected
components. $B$ is tiled by closed boxes, the *cells*, made by halving again and again. A cell $C$ is

- **inside** when it is proved that $E \le u$ on all of $C$;
- **outside** when it is proved that $E > u$ (strictly) on all of $C$;
- **safe** when neither is proved, and for one coordinate $i$ the enclosure over the closed cell of $\partial_i E$ (set-valued
  at kinks, see `intervals.py`) excludes 0, and the *downhill face* of $C$ (its lower end in $w_i$ if the slope is positive,
  its upper end if it is negative) does not lie in the boundary of $B$;
- **open** otherwise.

*Neighbours* are cells that share a piece of dimension $d - 1$. From a safe cell one goes *downhill* to its neighbours across
its downhill face. An inside, open or safe cell is *wet* when downhill steps lead from it to an inside or open cell (in no
steps, for these); other safe cells are *dry*. A *cluster* is a connected component of the graph of wet cells, a *core* one of
the graph of inside cells. A *descent* is a polygon that starts in an inside cell, goes through safe cells, in each straight
down its coordinate to its downhill face, and ends in an inside cell. A *family* is a class of cores joined by descents.

# Theorem

(a) $S$ is the disjoint union of its closed parts in the clusters; no component of $S$ meets two of them. (b) A cluster with an
inside cell carries at least one component. (c) A cluster without open cells carries at most as many components as it has
families; so exactly one if it has one family. (d) When no cell of a cluster meets the boundary of $B$, its components are
components of $\{E \le u\}$ in all of space.

*Descending.* Let $w \in S$ lie in a safe cell $C$, say with a positive slope in $w_i$ (negative: mirror). Then $w$ is not at
the lower end of $B$ in $w_i$, for that would be the downhill face; so $w - te_i \in B$ for small $t > 0$. This point may lie
in another cell, of whose slope the enclosure over $C$ says nothing. But by the neighbourhood lemma of `intervals.py` there
are $\delta > 0$ and a neighbourhood of $C$ where all values of $\partial_i E$ are above $\delta$, and by the slope lemma of
`expression.py` $E(w - te_i) \le E(w) - \delta t$ for small $t$. So the segment lies in $S$ and $E$ is smaller there. $(*)$

*No point of $S$ is in a dry cell.* Else let $w$ be a minimum of $E$ over $S \cap D$, with $D$ the union of the dry cells: it
is compact. Let $C$ be a dry cell at $w$ and go down by $(*)$. If $w - te_i$ stays in $C$, it contradicts minimality. Else $w$
is on the downhill face. Consider the points $w - te_i + t^2 v$, with $v$ from $w$ to an inner point of the face: for small $t$
they lie in one cell $C'$ across the face, which shares with $C$ a piece of dimension $d - 1$ at $w$. $C'$ is closed and a box:
it contains $w$, and with these points $w - te_i$ for small $t$. There $E < u$, so $C'$ is not outside. It is not wet, else
$C$ would be. So it is dry, and $w - te_i \in S \cap D$ contradicts minimality. $\square$

*Proof of (a).* Let $p \in S$. All cells that contain $p$ are wet. They tile a neighbourhood of $p$ in $B$, which may be
taken convex. Take away from its interior all pieces of dimension at most $d - 2$ that two cells share: what is left is
connected, because pieces of codimension two do not separate. A path in it from one cell at $p$ to another passes from cell to
cell through pieces of dimension $d - 1$. So all cells at $p$ are in one cluster. Hence the unions of the cells of two clusters
have no point of $S$ in common; they are closed. $\square$

(b) is clear. *Proof of (c).* Let $K$ be a component of $S$ in the cluster. It is compact; let $w$ be a minimum of $E$ over
$K$. If $w$ lay in a safe cell, the segment of $(*)$ would lie in $S$ and meet $K$, hence lie in $K$, against minimality. So
all cells at $w$ are inside cells. The core of such a cell is a connected subset of $S$ that meets $K$, hence lies in $K$. A
descent from a core stays in $S$, because $E$ falls along it by the slope lemma; so a family lies in one component. Different
components contain different families. $\square$

*Proof of (d).* The part of $S$ in the cluster lies in the interior of $B$. It is closed, and by (a) it has a neighbourhood
without other points of $S$, nor of $\{E \le u\}$. So it is open and closed in $\{E \le u\}$. $\square$

*Remarks.* Cells that share only a corner need not be joined for (a): all cells at a point of $S$ are wet, because outside
cells are closed and the inequality is strict. With "$E \ge u$" this is false: $E = xy$, $u = 0$, where the quadrants $x > 0 > y$
and $x < 0 < y$ meet at 0. Cores that share a corner do lie in one component; not joining them costs refinement at most.
Everything is used: a slope over the open cell, or one-sided at kinks, loses the minimum of $|x|$ at 0; without the condition
on the face $E = x$ on $[0, 1]$ loses its minimum; tests plant these.

# Search

Open cells are halved, in the direction in which $E$ varies most, until none is left. Then, in clusters with more than one
family, safe cells from which two families can be reached downhill and those next to a cell of another basin. At a critical
value of $E$ (also of $E$ on a face of $B$) open cells remain for ever and the answer is a bracket; there use a statement of
`whole_space.py` or a path.

**Cost**, in cells and seconds of processor time of the search on one core, symmetry not used (`verify()`: about 0.05 ms for
each cell): two parameters 30 to 400 cells and 0.03 s; three 0.03 to 0.3 s (chain with ridge 0.1 in $[-4, 4]^3$ at $u =
1.0005$, between events 0.001 apart: 3500 and 0.2 s); four 0.1 to 0.7 s (2-1-2, diag(3/2, 1): 3800 at $u = 2$; 1-2-1: 26 000 at
$1/2$, 270 000 and 4 s at $1/10$; chain: 24 000 at $1/2$); five, chain: 320 000 and 8 s at $1.1$, 1.2 million and 47 s at
$1/2$; six, 1-3-1 in $[-1, 1]^6$: 68 000 and 1.6 s at $1/2$. What costs is curved level sets of many dimensions near the
minimum.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from flint import fmpq
from numpy.typing import NDArray

from numerics.evidence.errors import InputError
from numerics.sublevel.cells.cell_tree import Bytes, CellTree, Corners, Ints
from numerics.sublevel.cells.component_certificate import DEPTH, INSIDE, OPEN, OUTSIDE, ComponentsCertificate, safe_code
from numerics.sublevel.cells.enclosures import Box, Enclosures, finite
from numerics.sublevel.cells.expression import as_expression
from numerics.sublevel.cells.intervals import float_above, float_below

_ROUND = 1 << 17  # cells halved at once: bounds the memory of a round and the wait for an interruption
_MOST_BASINS = 62  # one bit each
_LONGEST_DESCENT = 10_000  # steps; a descent ends by itself, this only bounds the time


@dataclass(frozen=True)
class Part:
    """A cluster: a part of the box that no component leaves.

    It carries at least `lower` and at most `upper` components (`None`: no bound). `lo` and `hi` are the corners of the
    smallest box around it. `touches_box`: it has cells at the boundary of the box, so that its components may be joined
    outside, or to others. `point` lies in the set, where one is known.
    """

    lower: int
    upper: int | None
    lo: tuple[fmpq, ...]
    hi: tuple[fmpq, ...]
    touches_box: bool
    point: tuple[fmpq, ...] | None


@dataclass(frozen=True)
class Components:
    r"""What is proved of the number of components of $\{E \le u\}$ inside a box.

    `lower` and `upper` bound it (`upper` is `None` without a bound), and `count` is their common value, or `None`. `reason`
    says why it is not decided. `cut`: the set may touch the boundary of the box, so that components may join outside; when
    it is `False`, every component inside the box is one of all of space (others may lie elsewhere). `parts` are the clusters
    that carry or may carry components. `certificate.verify()` proves all this again.
    """

    u: fmpq
    lower: int
    upper: int | None
    cut: bool
    reason: str
    parts: tuple[Part, ...]
    certificate: ComponentsCertificate

    @property
    def count(self) -> int | None:
        return self.lower if self.lower == self.upper else None

    def __str__(self) -> str:
        cut = "; the set may touch the box, so that components may join outside" if self.cut else ""
        if self.count is not None:
            return f"N_u = {self.count} for u = {self.u} in {self.certificate.box}{cut}"
        bracket = f"at least {self.lower}" + ("" if self.upper is None else f" and at most {self.upper}")
        return f"N_u is {bracket} for u = {self.u} in {self.certificate.box}, undecided: {self.reason}{cut}"


def components_in_box(
    E: Any, box: Any, u: Any, cells: int = 1_000_000, progress: Callable[[str], None] | None = None
) -> Components:
    r"""The number of components of $\{E \le u\}$ inside the box, proved, or what could be proved with `cells` cells.

    `E` is an `Expression` or a Python function that makes one, `box` see `Box.of`, `u` a rational number or a float (taken as
    it is). `progress` is called with one line of text now and then. Interrupting with Ctrl-C returns the bracket reached.
    To go on from there, use `Search`. Raises `InputError` for a box or a level that makes no sense.
    """
    return Search(E, box, u).run(cells, progress)


class Search:
    """The subdivision of a box, which can be refined further at any time: nothing that was certified is lost."""

    def __init__(self, E: Any, box: Any, u: Any) -> None:
        self.E = as_expression(E)
        self.box = Box.of(box, self.E)
        self.u = finite(u, "the level `u`")
        self._enclosures = Enclosures(self.E, self.box.names)
        self._u_below, self._u_above = float_below(self.u), float_above(self.u)
        self._corners = Corners(self.box)
        self.tree = CellTree(self.box.dimension)
        self.tree.status, self.tree.steepest = self._classify(self.tree.lo, self.tree.log_size)
        self._counted: tuple[int, _Clusters] | None = None

    # Refinement.

    def _classify(self, lo: Ints, log_size: Bytes) -> tuple[Bytes, Bytes]:
        """The status of cells, and for each the direction in which the loss varies most."""
        hi = lo + (np.int64(1) << log_size.astype(np.int64))
        low, high = self._corners.of(lo, hi)
        (e0, e1), (g0, g1) = self._enclosures.of_boxes(low, high)
        rises = (g0 > 0) & (lo > 0)  # the downhill face is not on the box
        falls = (g1 < 0) & (hi < 1 << DEPTH)
        status = np.full(lo.shape[1], OPEN, dtype=np.int8)
        for i in range(len(lo)):
            status[rises[i]] = safe_code(i, +1)
            status[falls[i]] = safe_code(i, -1)
        status[e1 <= self._u_below] = INSIDE
        status[e0 > self._u_above] = OUTSIDE
        with np.errstate(all="ignore"):
            variation = np.maximum(np.abs(g0), np.abs(g1)) * (high - low)
        unbounded = ~np.isfinite(variation)
        variation[unbounded] = 1e300 * (1.0 + log_size[unbounded])
        variation[log_size == 0] = -1.0
        axis = np.argmax(variation, axis=0).astype(np.int8)
        axis[(log_size == 0).all(axis=0)] = -1
        return status, axis

    def _halve(self, cells: Ints) -> None:
        axis = self.tree.steepest[cells].astype(np.int64)
        lo, log_size = self.tree.halves(cells, axis)
        self.tree.grow(cells, axis, lo, log_size, *self._classify(lo, log_size))

    @property
    def cells(self) -> int:
        """How many cells there are now."""
        return self.tree.cells

    def run(self, cells: int = 1_000_000, progress: Callable[[str], None] | None = None) -> Components:
        """Refines until the count is decided, or there are `cells` cells, or Ctrl-C. Call again to go on."""
        if cells < 1:
            raise InputError(f"`cells` must be a positive number, found {cells}.")
        try:
            reason = self._refine(cells, progress or (lambda text: None))
        except KeyboardInterrupt:
            reason = "interrupted"
        return self._result(reason)

    def _refine(self, cells: int, say: Callable[[str], None]) -> str:
        while True:
            tree = self.tree
            is_open = (tree.axis < 0) & (tree.status == OPEN)
            todo = np.flatnonzero(is_open & (tree.steepest >= 0))
            if not len(todo):
                if is_open.any():
                    return f"open cells cannot be halved more than {DEPTH} times: the level may be a critical value"
                todo = self._clusters().between_families()
                todo = todo[tree.steepest[todo] >= 0]
                if not len(todo):
                    return ""
            room = cells - tree.cells
            if room <= 0:
                return f"the limit of {cells} cells is reached: allow more, unless the level is a critical value"
            if len(todo) > min(room, _ROUND):  # large cells first
                todo = todo[np.argsort(-tree.volume(todo), kind="stable")[: min(room, _ROUND)]]
            self._halve(todo)
            say(f"{tree.cells} cells, {int(((tree.axis < 0) & (tree.status == OPEN)).sum())} open")

    # The answer.

    def _clusters(self) -> _Clusters:
        if self._counted is None or self._counted[0] != self.cells:
            self._counted = self.cells, _Clusters(self.tree)
        return self._counted[1]

    def _result(self, reason: str) -> Components:
        tree, clusters = self.tree, self._clusters()
        n = len(clusters.families)
        has_open = np.bincount(clusters.number[tree.status[clusters.cells] == OPEN], minlength=n) > 0
        at_box = ((tree.lo == 0) | (tree.hi() == 1 << DEPTH)).any(axis=0)
        order = np.argsort(clusters.number, kind="stable")
        ends = np.searchsorted(clusters.number[order], np.arange(n + 1))
        parts = []
        for k in np.flatnonzero((clusters.families > 0) | has_open):
            cells = clusters.cells[order[ends[k] : ends[k + 1]]]
            inside = cells[tree.status[cells] == INSIDE]
            point = None
            if len(inside):
                best = inside[[np.argmax(tree.volume(inside))]]
                point = self._point((tree.lo[:, best] + tree.hi(best))[:, 0], 2)
            families = int(clusters.families[k])
            corners = self._point(tree.lo[:, cells].min(axis=1)), self._point(tree.hi(cells).max(axis=1))
            parts.append(
                Part(min(families, 1), None if has_open[k] else families, *corners, bool(at_box[cells].any()), point)
            )
        lower = sum(part.lower for part in parts)
        upper = None if has_open.any() else int(clusters.families.sum())
        cut = any(part.touches_box for part in parts)
        nodes, number = tree.preorder()
        axes, status = tree.axis[nodes], tree.status[nodes]
        certificate = ComponentsCertificate(
            self.E,
            self.box,
            self.u,
            axes,
            status[axes < 0],
            tuple(number[route] for route in clusters.descents),
            lower,
            upper,
            cut,
        )
        return Components(self.u, lower, upper, cut, "" if upper == lower else reason, tuple(parts), certificate)

    def _point(self, k: Ints, over: int = 1) -> tuple[fmpq, ...]:
        return tuple(
            a + (b - a) * fmpq(int(x), over << DEPTH)
            for a, b, x in zip(self.box.lo, self.box.hi, k.tolist(), strict=True)
        )


class _Clusters:
    """The clusters of a tree: its wet `cells`, the `number` of the cluster of each, how many `families` of cores each cluster
    has, and the `descents` (routes of cells) that join cores to families."""

    def __init__(self, tree: CellTree) -> None:
        self._tree = tree
        a, b, across = tree.neighbours(without=OUTSIDE)
        inside = tree.status == INSIDE
        # Downhill from a to b where the loss falls in this direction at a, and from b to a where it rises at b.
        down, up = tree.status[a] == safe_code(across, -1), tree.status[b] == safe_code(across, +1)
        self._uphill = np.concatenate([b[down], a[up]]), np.concatenate([a[down], b[up]])
        sources = (tree.axis < 0) & ((tree.status == INSIDE) | (tree.status == OPEN))
        wet = self._above(sources)
        self.cells = np.flatnonzero(wet)
        kept = wet[a] & wet[b]
        a, b, across = a[kept], b[kept], across[kept]
        self._pairs = a, b
        whole = _label(len(tree.axis), a, b)
        names, self.number = np.unique(whole[self.cells], return_inverse=True)
        joined = inside[a] & inside[b]
        core = _label(len(tree.axis), a[joined], b[joined])
        self.descents: list[Ints] = []
        is_core = inside[self.cells]
        _, one_each = np.unique(core[self.cells[is_core]], return_index=True)
        several = np.bincount(self.number[is_core][one_each], minlength=len(names)) > 1
        self._family = core
        if several.any():
            blocked = np.zeros(len(tree.axis), dtype=bool)
            blocked[self.cells[several[self.number]]] = True
            self._family = self._join(core, *(x[blocked[a]] for x in (a, b, across)))
        _, one_each = np.unique(self._family[self.cells[is_core]], return_index=True)
        self.families = np.bincount(self.number[is_core][one_each], minlength=len(names))

    def _above(self, sources: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """The cells from which one of the sources can be reached downhill, from neighbour to neighbour, and these."""
        from scipy.sparse import coo_array
        from scipy.sparse.csgraph import breadth_first_order

        n, start = len(sources), np.flatnonzero(sources)
        root = np.full(len(start), n)  # one more vertex, from which all sources are reached
        tail, head = np.concatenate([self._uphill[0], root]), np.concatenate([self._uphill[1], start])
        graph = coo_array((np.ones(len(tail), dtype=np.int8), (tail, head)), shape=(n + 1, n + 1)).tocsr()
        found = np.zeros(n + 1, dtype=bool)
        found[breadth_first_order(graph, n, return_predecessors=False)] = True
        return found[:n]

    def between_families(self) -> Ints:
        """Safe cells of clusters with several families, those where the basins of these meet."""
        several = self.families > 1
        cells = self.cells[several[self.number]]
        inside = cells[self._tree.status[cells] == INSIDE]
        basins = np.zeros(len(self._tree.axis), dtype=np.int64)
        for k, name in enumerate(np.unique(self._family[inside])[:_MOST_BASINS]):
            sources = np.zeros(len(basins), dtype=bool)
            sources[inside[self._family[inside] == name]] = True
            basins |= self._above(sources).astype(np.int64) << k
        a, b = self._pairs
        at_border = basins & (basins - 1) != 0  # more than one bit
        differ = basins[a] != basins[b]
        at_border[a[differ]] = at_border[b[differ]] = True
        return cells[at_border[cells] & (self._tree.status[cells] > OPEN)]

    def _join(self, core: Ints, a: Ints, b: Ints, across: Ints) -> Ints:
        """Follows descents from the pieces that inside cells share with safe cells; the families they make of the cores."""
        from networkx.utils import UnionFind

        tree, status = self._tree, self._tree.status
        starts, first = [], []
        for start, cell, is_up in ((a, b, True), (b, a, False)):
            code = status[cell]
            downhill_is_back = (code - 1 == 2 * across + (not is_up)) & (code > OPEN)
            chosen = (status[start] == INSIDE) & (code > OPEN) & ~downhill_is_back
            starts.append(start[chosen])
            first.append(cell[chosen])
        start, cell = np.concatenate(starts), np.concatenate(first)
        doubled = np.maximum(tree.lo[:, start], tree.lo[:, cell]) + np.minimum(tree.hi(start), tree.hi(cell))
        end = self._descend(doubled, cell)[-1]
        is_new = np.flatnonzero((status[end] == INSIDE) & (core[start] != core[end]))
        pairs = np.sort(np.stack([core[start[is_new]], core[end[is_new]]]), axis=0)
        pairs, one_each = np.unique(pairs, axis=1, return_index=True)
        families: Any = UnionFind()
        needed = []
        for p, q, k in zip(*pairs.tolist(), is_new[one_each].tolist(), strict=True):
            if families[p] != families[q]:
                families.union(p, q)
                needed.append(k)
        routes = np.stack([start[needed], *self._descend(doubled[:, needed], cell[needed])], axis=1)
        self.descents = [route[: 1 + int(np.argmax(route == route[-1]))] for route in routes]
        name = np.arange(len(core))
        for p in families:
            name[p] = families[p]
        return name[core]

    def _descend(self, doubled: Ints, cell: Ints) -> list[Ints]:
        """The cells through which the descents from these points (twice their coordinates) go, starting in `cell`.

        At a point between cells the side to which it last went in each direction is kept: in a corner two cells may send
        it to each other's face without a move, but not to that of the cell on the lower side in both directions.
        """
        tree = self._tree
        doubled, route = doubled.copy(), [cell]
        is_downward = np.zeros(doubled.shape, dtype=bool)
        moving = np.arange(len(cell))
        for _ in range(_LONGEST_DESCENT):
            cell = route[-1]
            moving = moving[tree.status[cell[moving]] > OPEN]
            if not len(moving):
                break
            at = cell[moving]
            i, falls = np.divmod(tree.status[at].astype(np.int64) - 1, 2)
            doubled[i, moving] = 2 * np.where(falls == 1, tree.hi(at)[i, np.arange(len(at))], tree.lo[i, at])
            is_downward[i, moving] = falls == 0
            cell = cell.copy()
            cell[moving] = tree.locate(doubled[:, moving], is_downward[:, moving])
            route.append(cell)
        return route


def _label(n: int, a: Ints, b: Ints) -> Ints:
    """Labels of the connected components of a graph with n vertices."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    graph = coo_array((np.ones(len(a), dtype=np.int8), (a, b)), shape=(n, n))
    return connected_components(graph, directed=False)[1].astype(np.int64)
