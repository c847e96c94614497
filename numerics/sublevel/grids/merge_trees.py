r"""Merge trees of arrays and losses: the number of components of every sublevel set of a grid at once.

For a grid with values $E$, $N_u$ is the number of connected components of $\{v : E_v \le u\}$. A component is *born* at a local
minimum and *dies* where it meets one that was born lower (elder rule); the oldest never die. So

$$N_u = \#\{\text{pairs} : \text{birth} \le u < \text{death}\},$$

exactly, for all $u$: $0$ below the minimum, constant between levels, continuous from the right. Ties are broken by *simulation of
simplicity*, in the order (value, number of the vertex in C order) for every memory order, which decides representatives; births and
deaths do not depend on it. The value +inf means outside, where there is no vertex; NaN and -inf are refused.

Nothing here is proved about the function *between* the grid points: `MergeTree.noise` says how much that can matter,
`numerics.sublevel.grids.bracket` proves bounds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from numerics.evidence.errors import InputError
from numerics.sublevel.grids.grid import Grid, Periodic, offsets, require_memory

if TYPE_CHECKING:
    import networkx as nx

    from numerics.sublevel.grids.grid_blocks import Progress, Source
    from numerics.sublevel.grids.merge_forest import Forest

# How far the levels of the grid and of the function are apart, in units of the noise: see `MergeTree.noise`.
_REAL_ABOVE = {"face": 4, "freudenthal": 2, "full": 2}
_METHODS = ("auto", "saddles", "sort")


def merge_tree(
    values: ArrayLike,
    *,
    adjacency: str = "face",
    periodic: Periodic = False,
    workers: int = 1,
    method: str = "auto",
) -> MergeTree:
    r"""The merge tree of an array of 1 to 6 dimensions: floats of 16 to 64 bits or integers, in any memory order.

    `adjacency` is `face`, `freudenthal` (the edges of the Kuhn triangulation) or `full`; `periodic` says which axes close
    up: one flag for all, one for each axis, as `(False, True)`, or the numbers of those that do, as `[1]`. `workers` threads share the pass; the result does not depend on them. `method`: the pass over `saddles` needs almost
    no memory on smooth data; `sort` takes all vertices; `auto` begins with the first and turns to the second where that is faster or
    the saddles do not fit (`merge_forest.py`). The array is not copied (other than a contiguous float64
    array it is converted a block at a time) and must not change while the tree is used.

    Raises `InputError` for NaN, -inf, empty or one-cell arrays, more than six dimensions, and what would not fit in memory.
    """
    from numerics.sublevel.grids.grid_blocks import Stored

    return _tree(Stored(values), adjacency, periodic, workers, method)


def merge_tree_of_loss(
    loss: Callable[..., Any],
    axes: Sequence[ArrayLike],
    *,
    adjacency: str = "face",
    periodic: Periodic = False,
    workers: int = 1,
    progress: Progress | None = None,
) -> MergeTree:
    r"""The merge tree of `loss` on the product of `axes`, evaluated block by block inside the pass and never stored.

    `loss(w)` gets the coordinates `w[0], ..., w[d-1]`. As a Python function it is called with arrays that broadcast to a block of
    the grid and returns an array; compiled by `numba.njit` it is called with floats, from several threads if `workers > 1`. So one text
    serves both: `lambda w: (w[0] * w[1] - 1) ** 2`. It must be deterministic. Memory: a window of three blocks for every worker (at least 12 slabs
    of the first axis, so put the longest axis first) and the saddles. A periodic axis lists each point once, not its two ends.

    `progress(done, total)` is called after every block. Raises `InputError` as `merge_tree`, and if `loss` raises, returns the wrong
    shape, changes its values, or has more saddles than memory can hold.
    """
    from numerics.sublevel.grids.grid_blocks import Loss

    if not callable(loss):
        raise TypeError(f"`loss` needs a function of the coordinates, found {type(loss).__name__}.")
    return _tree(Loss(loss, axes), adjacency, periodic, workers, "auto", progress)


def _tree(
    source: Source, adjacency: str, periodic: Periodic, workers: int, method: str, progress: Progress | None = None
) -> MergeTree:
    from numerics.sublevel.grids.merge_forest import forest

    if method not in _METHODS:
        raise InputError(f"`method` needs one of {', '.join(_METHODS)}, found {method!r}.")
    if workers < 1:
        raise InputError(f"`workers` needs a number of threads of at least 1, found {workers}.")
    grid = Grid.of(source.shape, adjacency, periodic)
    return MergeTree(grid, source, forest(source, grid, workers=workers, method=method, progress=progress))


class Pairs(NamedTuple):
    """Births and deaths, most persistent first. `death` is +inf and `death_vertex` is -1 for the oldest of each connected part.

    Vertices are numbers in C order (`numpy.unravel_index`); `death_vertex` is the saddle.
    """

    birth: NDArray[np.float64]
    death: NDArray[np.float64]
    birth_vertex: NDArray[np.int64]
    death_vertex: NDArray[np.int64]

    @property
    def persistence(self) -> NDArray[np.float64]:
        return self.death - self.birth


class Noise(NamedTuple):
    """`size` bounds the error of linear interpolation; pairs more persistent than `real_above` belong to the function itself.

    `proved` is False if the second derivatives were estimated from the values.
    """

    size: float
    real_above: float
    proved: bool


@dataclass(frozen=True, eq=False)
class MergeTree:
    """Components of all sublevel sets of a grid. Made by `merge_tree` and `merge_tree_of_loss`."""

    grid: Grid
    source: Source
    forest: Forest
    threshold: float = 0.0  # pairs of at most this persistence are left out

    @cached_property
    def pairs(self) -> Pairs:
        """Births and deaths whose persistence exceeds the threshold (0: pairs that only ties make are left out)."""
        f = self.forest
        kept = self._kept
        order = kept[np.lexsort((f.minima[kept], f.birth[kept], f.birth[kept] - f.death[kept]))]
        return Pairs(f.birth[order], f.death[order], f.minima[order].astype(np.int64), f.saddle[order])

    @cached_property
    def _kept(self) -> NDArray[np.int64]:
        return np.flatnonzero(self.forest.death - self.forest.birth > self.threshold)

    @cached_property
    def counts(self) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """The levels where $N_u$ changes, and its value from each of them on; below the first it is 0."""
        births, deaths = self.pairs.birth, self.pairs.death[np.isfinite(self.pairs.death)]
        levels = np.unique(np.concatenate([births, deaths]))
        steps = np.searchsorted(np.sort(births), levels, "right") - np.searchsorted(np.sort(deaths), levels, "right")
        changes = np.diff(steps, prepend=0) != 0
        return levels[changes], steps[changes]

    def count(self, u: ArrayLike) -> Any:
        """$N_u$: the number of components of $\\{E \\le u\\}$ on the grid; an array of numbers for an array of levels."""
        levels, numbers = self.counts
        found = np.concatenate([[0], numbers])[np.searchsorted(levels, _level(u), "right")]
        return int(found) if found.ndim == 0 else found

    def simplify(self, persistence: float) -> MergeTree:
        """The tree of the pairs of more than this persistence; the others are taken for noise."""
        if not persistence >= 0:
            raise InputError(f"`persistence` needs a number of at least 0, found {persistence}.")
        return replace(self, threshold=max(self.threshold, float(persistence)))

    def representatives(self, u: float) -> NDArray[np.int64]:
        """The lowest vertex of every component at level `u`, lowest first: multi-indices, an array of shape $(N_u, d)$."""
        return np.stack(np.unravel_index(self._alive(u), self.grid.shape), axis=-1)

    def _alive(self, u: float) -> NDArray[np.int64]:
        p = self.pairs
        alive = np.flatnonzero((p.birth <= _level(u)) & (u < p.death))
        return p.birth_vertex[alive[np.lexsort((p.birth_vertex[alive], p.birth[alive]))]]

    def labels(self, u: float) -> NDArray[np.int32]:
        """An array of the grid's shape: the number, from 1, of the component of $\\{E \\le u\\}$ of each vertex, in the order of `representatives(u)`.

        0 means not in the set, or (in a simplified tree) in a component that is left out.
        """
        from scipy import ndimage, sparse

        level = _level(u)
        d, shape = len(self.grid.shape), self.grid.shape
        require_memory(
            f"`labels` of {self.grid.size} vertices", 14 * self.grid.size, "use representatives, or a coarser grid."
        )
        inside = np.concatenate([(block <= level) & (block < np.inf) for _, block in self._blocks()]).reshape(shape)
        structure = np.zeros((3,) * d, np.bool_)
        for o in [(0,) * d, *offsets(d, self.grid.adjacency)]:
            structure[tuple(k + 1 for k in o)] = True
        # A periodic axis is continued by one slab on either side; what is labelled twice is then one component.
        widths = [(1, 1) if p else (0, 0) for p in self.grid.periodic]
        marked: NDArray[np.int32] = np.empty([n + a + b for n, (a, b) in zip(shape, widths, strict=True)], np.int32)
        number: Any = ndimage.label(np.pad(inside, widths, mode="wrap"), structure, output=marked)
        core = marked[tuple(slice(w[0], marked.shape[k] - w[1]) for k, w in enumerate(widths))]
        if any(self.grid.periodic):
            again = np.pad(core, widths, mode="wrap")
            same = marked > 0
            links = sparse.coo_matrix((np.ones(same.sum()), (marked[same], again[same])), shape=(number + 1,) * 2)
            core = np.asarray(sparse.csgraph.connected_components(links, directed=False)[1], np.int32)[core]
            number = int(core.max(initial=0))
            core = np.where(inside, core, 0)
        renamed = np.zeros(number + 1, np.int32)
        alive = self._alive(u)
        renamed[core.reshape(-1)[alive]] = np.arange(1, alive.size + 1)
        renamed[0] = 0
        return np.where(inside, renamed[core], 0).astype(np.int32)

    def _blocks(self, overlap: int = 0) -> Any:
        from numerics.sublevel.grids.grid_blocks import arrays

        return arrays(self.source, overlap)

    def values(self) -> NDArray:
        """The values, an array of the grid's shape. A loss is evaluated for it, which may need more memory than there is."""
        flat = self.source.whole()
        if flat is not None:
            return flat.reshape(self.grid.shape)
        needed = 8 * self.grid.size
        require_memory(f"all {self.grid.size} values", needed, "use a coarser grid.")
        return np.concatenate([block for _, block in self._blocks()]).reshape(self.grid.shape)

    def merge_level(self, v: Sequence[int], w: Sequence[int]) -> float:
        r"""The lowest $u$ such that the vertices `v` and `w` lie in one component of $\{E \le u\}$; +inf if there is none.

        Multi-indices. This is the lowest possible maximum of $E$ along paths of the grid from `v` to `w`; simplification does not change it.
        """
        from numerics.sublevel.grids.merge_forest import descents

        at = np.array([self._vertex(v), self._vertex(w)])
        height = max(self._value(v), self._value(w))
        if height == np.inf:
            return height
        i, j = (int(k) for k in descents(self.source, self.grid, at, self.forest.minima))
        return max(height, meeting(self.forest, i, j))

    def _vertex(self, index: Sequence[int]) -> int:
        place = tuple(int(k) for k in index)
        if len(place) != len(self.grid.shape) or any(
            not 0 <= k < n for k, n in zip(place, self.grid.shape, strict=True)
        ):
            raise InputError(f"a vertex needs an index inside {self.grid.shape}, found {place}.")
        return int(np.ravel_multi_index(place, self.grid.shape))

    def _value(self, index: Sequence[int]) -> float:
        flat = self.source.whole()
        if flat is not None:
            return float(flat[self._vertex(index)])
        place = (0, *index) if len(self.grid.shape) == 1 else tuple(index)
        # Blocks are evaluated as in the pass, so that the value is the same bits.
        from numerics.sublevel.grids.grid_blocks import windows

        window = windows(self.source, self.grid, 1)[0]
        window.load(place[0] // window.block)
        v = self._vertex(index)
        slab = v // window.slab
        return float(window.flat[window.where[slab] * window.slab + v % window.slab])

    def graph(self) -> nx.DiGraph:
        """The tree: a node for every minimum and every merge, an edge from each child to its parent.

        A node is the number of its vertex (a minimum is never a merge). Attributes: `value`; `vertex`, the multi-index; `kind`, "minimum"
        or "merge"; `persistence`, of a minimum that of its pair (inf if it never dies), of a merge the largest among the pairs
        that end there. One tree for each connected part. Merges at one level but at different vertices are different nodes.
        """
        import networkx as nx

        f, tree = self.forest, nx.DiGraph()

        def add(v: int, value: float, kind: str, persistence: float) -> None:
            vertex = tuple(int(k) for k in np.unravel_index(v, self.grid.shape))
            tree.add_node(v, value=value, vertex=vertex, kind=kind, persistence=persistence)

        for k in self._kept:
            add(int(f.minima[k]), float(f.birth[k]), "minimum", float(f.death[k] - f.birth[k]))
        top = {int(k): int(f.minima[k]) for k in self._kept}
        dying = self._kept[f.into[self._kept] >= 0]
        for k in dying[np.lexsort((f.saddle[dying], f.death[dying]))].tolist():
            v, elder = int(f.saddle[k]), int(f.into[k])
            if v not in tree:
                add(v, float(f.death[k]), "merge", 0.0)
            if top[elder] != v:
                tree.add_edge(top[elder], v)
                top[elder] = v
            tree.add_edge(top[k], v)
            tree.nodes[v]["persistence"] = max(tree.nodes[v]["persistence"], float(f.death[k] - f.birth[k]))
        return tree

    def noise(self, hessian: ArrayLike | None = None, spacing: float | Sequence[float] | None = None) -> Noise:
        r"""How far the grid and a $C^2$ function on its box are apart, and which pairs therefore belong to the function.

        Let $M_{ij} \ge \sup |\partial_i \partial_j f|$ on the box, $h_i$ the spacing, and
        $$\varepsilon = \tfrac18 \sum_{ij} h_i h_j M_{ij} .$$
        `hessian` is the matrix $M$ or a number $\ge \sum_{ij} M_{ij}$ (the sum of the largest entries, not the largest sum); with a number,
        the largest spacing counts. Without it $h_i h_j M_{ij}$ is estimated by the largest second difference of the values, also across the seam of periodic axes:
        then nothing is proved.

        **Claim.** Every pair with persistence above $2\varepsilon$ (Freudenthal, full) or $4\varepsilon$ (face) is matched with a pair of $f$ on the box
        of positive persistence, different pairs with different ones.

        *Proof.* (1) On a Kuhn simplex with vertices $x_k$, at $x = \sum \lambda_k x_k$, Taylor's formula at $x$ gives
        $|\sum \lambda_k f(x_k) - f(x)| \le \tfrac12 \sum_k \lambda_k \sum_{ij} M_{ij} |y_{ki}| |y_{kj}|$, $y_k = x_k - x$. As $x_{ki}$ takes two
        values $h_i$ apart, $\sum_k \lambda_k y_{ki}^2 \le h_i^2/4$, so by Cauchy-Schwarz the error is at most $\varepsilon$. The piecewise linear
        interpolant has the merge tree of the Freudenthal grid; by stability of persistence its pairs move by at most $\varepsilon$, so those above $2\varepsilon$ survive.
        (2) Full: on the segment of an edge $f$ exceeds its ends by at most $\varepsilon$ (one variable), so components at $u$ map to those of $f$ at
        $u + \varepsilon$, and those of $f$ at $u$ by (1) to Freudenthal, hence full ones at $u + \varepsilon$: an $\varepsilon$-interleaving.
        (3) Face: two corners of a face of a cube that are Freudenthal neighbours are joined along its edges below the maximum of
        both plus $2\varepsilon$: about the centre, $|f - \text{linear}| \le \tfrac18 \sum h_i h_j M_{ij} \le \varepsilon$ at all corners, and a path that takes all
        steps down of the linear part before all steps up has its maximum at an end. So $f$ at $u$ maps to the face grid at $u + 3\varepsilon$, which maps back
        at $+\varepsilon$: a $2\varepsilon$-interleaving with $f$ shifted by $\varepsilon$. $\square$

        Rounding in the values is not counted. All values must be finite, since the box is filled.
        """
        d = len(self.grid.shape)
        if hessian is None:
            size, proved = self._second_differences / 8, False
        else:
            if spacing is None:
                raise InputError(
                    "`spacing` is needed with `hessian`: the distance of neighbouring grid points along each axis."
                )
            h, M = np.broadcast_to(np.abs(np.asarray(spacing, float)), (d,)), np.abs(np.asarray(hessian, float))
            if M.shape not in ((), (d, d)):
                raise InputError(f"`hessian` needs a number or a matrix of shape {(d, d)}, found shape {M.shape}.")
            size, proved = float(h @ M @ h if M.ndim else h.max() ** 2 * M) / 8, True
            flat = self.source.whole()
            if flat is not None and np.isinf(flat).any():
                raise InputError(
                    "`noise` needs finite values on the whole box, found +inf: give it a box inside the domain."
                )
        return Noise(size, _REAL_ABOVE[self.grid.adjacency] * size, proved)

    @cached_property
    def _second_differences(self) -> float:
        periodic = self.grid.periodic if len(self.grid.shape) > 1 else (False, *self.grid.periodic)
        d = len(periodic)
        largest = np.zeros((d, d))
        for block in self._across_seams(periodic):
            finite = np.where(np.isfinite(block), block, np.nan)
            for i in range(d):
                once = np.diff(finite, axis=i)
                for j in range(i, d):
                    found = np.abs(np.diff(once, axis=j))
                    largest[i, j] = largest[j, i] = max(
                        largest[i, j], np.nanmax(found, initial=0.0) if found.size else 0.0
                    )
        return float(largest.sum())

    def _across_seams(self, periodic: Sequence[bool]) -> Iterator[NDArray]:
        """The values in blocks that overlap by two slabs; a periodic axis goes on with its first two at its end."""
        beyond = [(0, 0), *((0, 2) if p else (0, 0) for p in periodic[1:])]
        start: NDArray | None = None
        block = np.empty(0)
        for _, block in self._blocks(overlap=2):
            start = block[:2] if start is None else start
            yield np.pad(block, beyond, mode="wrap") if any(periodic[1:]) else block
        if periodic[0] and start is not None:
            yield np.pad(np.concatenate([block[-2:], start]), beyond, mode="wrap")

    def __str__(self) -> str:
        p = self.pairs
        shape = " x ".join(map(str, self.grid.shape))
        born, kept = (
            f"{p.birth.size} {'component is' if p.birth.size == 1 else 'components are'} born",
            min(8, p.birth.size),
        )
        left_out = f" (persistence above {self.threshold:.6g})" if self.threshold else ""
        lines = [f"Merge tree of a grid {shape}, {self.grid.adjacency} adjacency: {born}{left_out}."]
        rows = zip(p.birth[:kept], p.death[:kept], p.persistence[:kept], strict=True)
        lines += ["       birth        death  persistence"] if kept else []
        lines += [f"{b:12.6g} {d:12.6g} {q:12.6g}" for b, d, q in rows]
        lines += [f"... and {p.birth.size - kept} less persistent ones"] if p.birth.size > kept else []
        if self.source.whole() is None and self.grid.size > 2**24:
            lines.append(
                "The second-order noise was not estimated, since that evaluates the loss again: call `noise()`."
            )
        else:
            noise = self.noise()
            lines.append(
                f"Second-order noise about {noise.size:.3g}, estimated from second differences: pairs of persistence above "
                f"{noise.real_above:.3g} probably belong to the function between the points; nothing is proved."
            )
        return "\n".join(lines)

    def __repr__(self) -> str:
        return f"<MergeTree of a grid {self.grid.shape}, {self.pairs.birth.size} pairs>"


def meeting(forest: Forest, i: int, j: int) -> float:
    """The level where the components born at the minima number `i` and `j` become one; +inf if they never do."""
    level = -np.inf
    while i != j:
        if (forest.death[j], forest.saddle[j]) < (forest.death[i], forest.saddle[i]):
            i, j = j, i
        if forest.into[i] < 0:
            return np.inf
        level = max(level, float(forest.death[i]))
        i = int(forest.into[i])
    return level


def _level(u: ArrayLike) -> NDArray[np.float64]:
    level = np.asarray(u, np.float64)
    if np.isnan(level).any():
        raise InputError("a level `u` needs to be a number, found NaN.")
    return level
