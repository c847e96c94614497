"""From values to the forest of local minima: the pass over all blocks, or the sort where the pass is not good enough.

On white noise the pass keeps 0.6 feet per vertex. On small grids the sort is then up to three times faster,
because all it touches stays in the cache, and takes over when there is more than one foot for eight vertices. On larger ones the pass wins in
all dimensions, by a factor of 1 to 3 (`benchmarks/README.md`), and the number of saddles alone is no reason to sort. There are two others: the
feet do not fit in memory, and descents that are long and many (a winding valley with pockets along it), whose steps are counted.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from numerics.evidence.errors import InputError
from numerics.sublevel.grids import forest_by_sorting, saddle_pass
from numerics.sublevel.grids.compiled import announced
from numerics.sublevel.grids.grid import Grid, Tables, available_memory, require_memory
from numerics.sublevel.grids.grid_blocks import Progress, Source, Stored, Window, in_threads, settle, windows

_PER_ENTRY = 48  # bytes for a foot of a saddle: vertex, foot, height, root, order, and room to grow
_SMALL = 50_000  # times the dimension: vertices up to which sorting noise is faster than keeping its saddles
_STEPS = 8  # steps of descent per vertex after which sorting is the better bound


class Forest(NamedTuple):
    """Local minima sorted by vertex; `into` is the place of the minimum into which each dies at (`death`, `saddle`), or -1.

    Minima of plateaus, which die where they are born, are there too.
    """

    minima: NDArray[np.integer]
    birth: NDArray[np.float64]
    into: NDArray[np.int64]
    saddle: NDArray[np.int64]
    death: NDArray[np.float64]


class _TooMuchError(Exception):
    """More saddles, or longer descents, than the pass over saddles is good for."""


def forest(source: Source, grid: Grid, *, workers: int, method: str, progress: Progress | None) -> Forest:
    tables = grid.tables()
    with announced():
        if method == "sort":
            return _sort(source, grid, tables)
        try:
            return _pass(source, grid, tables, workers, method == "auto", progress)
        except _TooMuchError:
            return _sort(source, grid, tables)


def _refused(grid: Grid, vertex: Any, found: str) -> InputError:
    index = tuple(int(i) for i in np.unravel_index(int(vertex), grid.shape))
    advice = "put +inf where the loss is not defined" if found == "NaN" else "bound the loss from below"
    return InputError(f"`values` needs numbers or +inf, found {found} at {index}: {advice}.")


def _scan(
    window: Window, tables: Tables, grid: Grid, blocks: range, limit: int, budget: int, progress: Progress | None
) -> list[tuple[NDArray, ...]]:
    """Minima and saddles of some blocks, each foot moved down as far as the window goes."""
    found, entries, steps = [], 0, 0
    for b in blocks:
        window.load(b)
        first, last = window.slabs(b)
        state, v, minima, births, saddles, feet, heights = saddle_pass.scan(
            window.flat, window.where, tables, first, last, limit - entries, np.empty(0, grid.index_type)
        )
        if state == saddle_pass.NOT_A_NUMBER:
            raise _refused(grid, v, "NaN")
        if np.isneginf(births).any():
            raise _refused(grid, minima[np.isneginf(births)][0], "-inf")
        arrived = np.zeros(feet.size, np.bool_)
        entries += feet.size
        if state == saddle_pass.DONE:
            steps += saddle_pass.descend(window.flat, window.where, tables, feet, arrived, budget - steps)
        if state == saddle_pass.TOO_MANY or steps > budget:
            raise _TooMuchError
        found.append((minima, births, saddles, feet, heights, arrived))
        if progress is not None:
            progress(len(found), len(blocks))
    return found


def _pass(source: Source, grid: Grid, tables: Tables, workers: int, auto: bool, progress: Progress | None) -> Forest:
    views = windows(source, grid, workers)
    limit = max(2**16, available_memory() // 2 // _PER_ENTRY)
    sortable = auto and isinstance(source, Stored)  # a loss has no array to sort
    if sortable and grid.size <= _SMALL * len(grid.shape):
        limit = grid.size // 8
    budget = _STEPS * grid.size + 2**16 if sortable else 2**62
    count = views[0].blocks
    cuts = [count * k // len(views) for k in range(len(views) + 1)]
    jobs = [
        (view, tables, grid, range(a, b), limit // len(views), budget, progress if a == 0 else None)
        for view, a, b in zip(views, cuts, cuts[1:], strict=False)
        if a < b
    ]
    try:
        parts = [block for part in in_threads(_scan, jobs) for block in part]
    except _TooMuchError:
        if sortable:
            raise
        raise InputError(
            f"`loss` has more than {limit} feet of saddles, all that the available memory holds: smooth it or use a coarser grid."
        ) from None
    minima, births, saddles, feet, heights, arrived = (
        column[0] if len(column) == 1 else np.concatenate(column) for column in zip(*parts, strict=True)
    )
    del parts
    if settle(views[0], tables, feet, arrived, budget) > budget:
        raise _TooMuchError
    del arrived, views
    starts = (
        np.concatenate([[0], np.flatnonzero(np.diff(saddles)) + 1, [saddles.size]])
        if saddles.size
        else np.zeros(1, np.int64)
    )
    saddles, heights = saddles[starts[:-1]].astype(np.int64), heights[starts[:-1]]
    roots = places(grid, minima, feet)
    order = forest_by_sorting.total_order(heights)
    into, at = saddle_pass.kruskal(order, starts, roots, births, np.arange(births.size, dtype=grid.index_type))
    return Forest(
        minima, births, into, np.where(at >= 0, _at(saddles, at), -1), np.where(at >= 0, _at(heights, at), np.inf)
    )


def _at(array: NDArray, index: NDArray) -> NDArray:
    """`array[index]`, also where the index is -1 and the array is empty."""
    return array[np.maximum(index, 0)] if array.size else np.zeros(index.size, array.dtype)


def places(grid: Grid, minima: NDArray, vertices: NDArray) -> NDArray[np.int64]:
    """The places of `vertices` in the sorted list of minima, all of which are in it."""
    shift = max(0, int(np.log2(grid.size / max(1, minima.size))))
    found = saddle_pass.positions(minima, vertices, shift, np.empty((grid.size >> shift) + 2, np.int64))
    if (found < 0).any():
        raise InputError(
            "`values` needs to stay as it is while its tree is used, found other minima: give the tree a copy."
        )
    return found


def _sort(source: Source, grid: Grid, tables: Tables) -> Forest:
    flat = source.whole()
    needed = forest_by_sorting.memory(grid.size) + (0 if flat is not None else 8 * grid.size)
    require_memory(
        f"`values` has {grid.size} vertices and many saddles: sorting them", needed, "use a coarser grid or smooth it."
    )
    if flat is None:
        flat = np.empty(grid.size)
        source.fill(0, grid.rows[0], flat.reshape(grid.rows))
    if np.isnan(flat).any():
        raise _refused(grid, np.isnan(flat).argmax(), "NaN")
    minima, into, saddle = forest_by_sorting.forest(flat, tables, grid.index_type)
    if np.isneginf(flat[minima]).any():
        raise _refused(grid, minima[np.isneginf(flat[minima])][0], "-inf")
    return Forest(minima, flat[minima], into, saddle, np.where(saddle >= 0, flat[np.maximum(saddle, 0)], np.inf))


def descents(source: Source, grid: Grid, vertices: NDArray[np.int64], minima: NDArray) -> NDArray[np.int64]:
    """For every vertex, whose value must be finite, the place of the local minimum to which its steepest descent leads."""
    tables = grid.tables()
    feet = np.array(vertices, dtype=grid.index_type)
    with announced():
        settle(windows(source, grid, 1)[0], tables, feet, np.zeros(feet.size, np.bool_), 2**62)
        return places(grid, minima, feet)
