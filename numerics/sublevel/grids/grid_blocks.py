r"""Where the values of a grid come from, a block of slabs at a time, and the pass over the blocks.

A contiguous float64 array is read where it lies. Everything else (other memory orders, float32, integers, a loss that is evaluated inside the
pass) fills a *window* of three neighbouring blocks: the middle one is scanned. A steepest descent that leaves the window waits; later
sweeps load the blocks in which descents wait, and only these. A block is always evaluated by the same call, so that
its values are the same bits at every visit; for a loss in Python this is checked.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from numerics.evidence.errors import InputError
from numerics.sublevel.grids.grid import Grid, Tables, require_memory

_BLOCK = 2**19  # vertices in a block, or as many as four slabs have
Progress = Callable[[int, int], None]


class Source(Protocol):
    """Values of a grid, as float64: `fill` writes the slabs `first` to `last` (first axis) into `out`, of shape `(last - first, *shape[1:])`."""

    shape: tuple[int, ...]
    threads: bool  # whether several threads may fill at once

    def fill(self, first: int, last: int, out: NDArray) -> None: ...

    def whole(self) -> NDArray | None:
        """All values in C order, if they lie there already."""
        ...


class Stored:
    """An array in memory."""

    threads = True

    def __init__(self, values: Any) -> None:
        if isinstance(values, np.ma.MaskedArray):
            raise InputError(
                "`values` needs a plain array, found a masked array: fill it with +inf, which means outside."
            )
        self.values = np.asarray(values)
        kind = self.values.dtype
        if kind.kind not in "fiub" or kind.itemsize > 8:
            raise InputError(f"`values` needs real numbers of at most 64 bits, found {kind}: convert it to float64.")
        self.shape = self.values.shape
        self._wide = kind.kind in "iu" and kind.itemsize == 8

    def whole(self) -> NDArray | None:
        fits = self.values.dtype == np.float64 and self.values.flags.c_contiguous and self.values.flags.aligned
        return self.values.reshape(-1) if fits else None

    def fill(self, first: int, last: int, out: NDArray) -> None:
        block = self.values.reshape(self.shape if len(self.shape) > 1 else (1, -1))[first:last]
        if self._wide and block.size and not -(2**53) <= int(block.min()) <= int(block.max()) <= 2**53:
            raise InputError(
                "`values` needs integers of at most 2^53 in size, which float64 holds exactly, found larger ones: subtract an offset."
            )
        out[...] = block


class Loss:
    """A loss on the product of `axes`, evaluated when it is needed and never kept.

    `loss(w)` gets the tuple `w` of the `d` coordinates: arrays that broadcast to a block (a Python function), or floats (a
    function compiled by `numba.njit`, which is then compiled into the loop).
    """

    def __init__(self, loss: Callable[..., Any], axes: Sequence[Any]) -> None:
        self.axes = [np.ascontiguousarray(axis, np.float64) for axis in axes]
        for k, axis in enumerate(self.axes):
            if axis.ndim != 1 or not np.isfinite(axis).all():
                raise InputError(f"`axes[{k}]` needs a list of finite coordinates, found shape {axis.shape}.")
        self.shape = tuple(axis.size for axis in self.axes)
        self.loss = loss
        self.threads = hasattr(loss, "py_func")  # a function of the user in Python may not be safe in threads
        self._compiled = _compiled_fill(loss, len(self.axes)) if self.threads else None
        self._sums: dict[int, int] = {}

    def whole(self) -> None:
        return None

    def fill(self, first: int, last: int, out: NDArray) -> None:
        lines = self.axes if len(self.axes) > 1 else [np.zeros(1), *self.axes]
        try:
            if self._compiled is not None:
                self._compiled(tuple(lines), first, last, out.reshape(-1))
                return
            w = np.ix_(lines[0][first:last], *lines[1:])
            values = np.asarray(self.loss(w if len(self.axes) > 1 else w[1:]))
        except Exception as error:
            raise InputError(f"`loss` raised {type(error).__name__} on slabs {first} to {last}: {error}") from error
        try:
            fits = values.dtype.kind in "fiub" and np.broadcast_shapes(values.shape, out.shape) == out.shape
        except ValueError:
            fits = False
        if not fits:
            raise InputError(
                f"`loss` needs to return real numbers of shape {out.shape} for the block it is given, found {values.dtype} of shape {values.shape}."
            )
        out[...] = values
        total = int(np.add.reduce(out.reshape(-1).view(np.uint64)))
        if self._sums.setdefault(first, total) != total:
            raise InputError(
                f"`loss` needs to be deterministic, found other values on slabs {first} to {last} at a second call."
            )


@functools.lru_cache(maxsize=16)
def _compiled_fill(loss: Any, dimension: int) -> Any:
    from numba import njit
    from numba.np.unsafe import ndarray

    fixed: Any = ndarray.to_fixed_tuple  # an array of known length as a tuple
    prefix = max(dimension, 2) - 1
    drop = 1 if dimension == 1 else 0

    @njit(nogil=True)
    def fill(axes: Any, first: Any, last: Any, out: Any) -> None:
        count = axes[prefix].size
        place = np.zeros(prefix, np.int64)
        place[0] = first
        point = np.empty(prefix)
        for k in range(out.size // count):
            for a in range(prefix):
                point[a] = axes[a][place[a]]
            start = fixed(point, prefix)
            row = out[k * count : (k + 1) * count]
            for j in range(count):
                w = (*start, axes[prefix][j])
                row[j] = loss(w[drop:])
            for a in range(prefix - 1, -1, -1):
                place[a] += 1
                if a == 0 or place[a] < axes[a].size:
                    break
                place[a] = 0

    return fill


class Window:
    """Some blocks of a source in memory; `where[s]` is the place of slab `s` in `flat`, or -1."""

    def __init__(self, source: Source, grid: Grid, block: int) -> None:
        self.source, self.block = source, block
        self.count, self.slab = grid.rows[0], math.prod(grid.rows[1:])
        self.shape = grid.rows[1:]
        self.wraps = grid.periodic[0] and len(grid.shape) > 1
        self.blocks = -(-self.count // block)
        self.where = np.full(self.count, -1, np.int64)
        self._slots: dict[int, int] = {}
        slots = min(3, self.blocks)
        require_memory(
            f"a window of {slots} blocks of {block} slabs", slots * block * self.slab * 8, "put the longest axis first."
        )
        self.flat = np.empty(slots * block * self.slab)

    def slabs(self, b: int) -> tuple[int, int]:
        return b * self.block, min((b + 1) * self.block, self.count)

    def load(self, b: int) -> None:
        """Have block `b` and its neighbours in the window."""
        near = {(b + k) % self.blocks for k in (-1, 0, 1) if self.wraps or 0 <= b + k < self.blocks}
        for old in [old for old in self._slots if old not in near]:
            self.where[slice(*self.slabs(old))] = -1
            del self._slots[old]
        for new in near - self._slots.keys():
            slot = next(k for k in range(3) if k not in self._slots.values())
            first, last = self.slabs(new)
            begin = slot * self.block
            view = self.flat[begin * self.slab : (begin + last - first) * self.slab].reshape(last - first, *self.shape)
            self.source.fill(first, last, view)
            self.where[first:last] = np.arange(begin, begin + last - first)
            self._slots[new] = slot


class Everything(Window):
    """The window of an array that lies in memory as the loops want it. Blocks only divide the work."""

    def __init__(self, flat: NDArray, grid: Grid, block: int) -> None:
        self.flat, self.block = flat, block
        self.count, self.slab = grid.rows[0], math.prod(grid.rows[1:])
        self.blocks = -(-self.count // block)
        self.where = np.arange(self.count)

    def load(self, b: int) -> None:
        pass


def _block(rows: Sequence[int]) -> int:
    """The number of slabs in a block, always the same for a grid, so that a loss is always evaluated by the same calls."""
    return min(rows[0], max(4, -(-_BLOCK // math.prod(rows[1:]))))


def windows(source: Source, grid: Grid, workers: int) -> list[Window]:
    """A window for every worker that can have one."""
    flat = source.whole()
    if flat is not None:
        return [Everything(flat, grid, -(-grid.rows[0] // (1 if workers == 1 else 4 * workers)))] * workers
    return [Window(source, grid, _block(grid.rows)) for _ in range(workers if source.threads else 1)]


def in_threads(function: Callable[..., Any], jobs: Iterable[Sequence[Any]]) -> list[Any]:
    jobs = list(jobs)
    if len(jobs) == 1:
        return [function(*jobs[0])]
    with ThreadPoolExecutor(len(jobs)) as pool:
        return list(pool.map(lambda job: function(*job), jobs))


def settle(window: Window, tables: Tables, feet: NDArray, arrived: NDArray, budget: int) -> int:
    """Sweep back and forth over the blocks in which descents wait until all have arrived. Returns the number of steps."""
    from numerics.sublevel.grids.saddle_pass import descend

    steps, at, ahead = 0, 0, 1
    span = window.block * window.slab
    while (left := np.flatnonzero(~arrived)).size and steps <= budget:
        blocks = feet[left].astype(np.int64) // span
        distance = (blocks - at) * ahead
        if not (distance >= 0).any():
            ahead = -ahead
            continue
        at += ahead * int(distance[distance >= 0].min())
        here = left[blocks == at]
        window.load(at)
        some, there = feet[here], np.zeros(here.size, np.bool_)
        steps += descend(window.flat, window.where, tables, some, there, budget - steps)
        feet[here], arrived[here] = some, there
    return steps


def arrays(source: Source, overlap: int = 0) -> Iterator[tuple[int, NDArray]]:
    """All slabs in blocks, each with its first slab; the first `overlap` slabs repeat the end of the block before."""
    rows = source.shape if len(source.shape) > 1 else (1, *source.shape)
    flat = source.whole()
    block = _block(rows)
    before: NDArray | None = None
    for first in range(0, rows[0], block):
        last = min(first + block, rows[0])
        if flat is not None:
            start = max(0, first - overlap)
            yield start, flat.reshape(rows)[start:last]
            continue
        fresh = np.empty((last - first, *rows[1:]))
        source.fill(first, last, fresh)
        joined = fresh if before is None else np.concatenate([before, fresh])
        yield last - len(joined), joined
        before = joined[-overlap:] if overlap else None
