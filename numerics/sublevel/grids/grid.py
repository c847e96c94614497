r"""Grids: which cells touch which, and the tables from which the compiled loops read it.

A vertex of the grid is a multi-index; its number is its position in C order. Three adjacencies, each a set $O = -O$ of offsets
$o \in \{-1, 0, 1\}^d$ such that $v$ and $v + o$ are neighbours:

- `face`: $\pm e_i$, the $2d$ cells that share a face;
- `freudenthal`: $\pm\sum_{i \in S} e_i$ for non-empty $S$, the edges of the Kuhn triangulation, $2(2^d - 1)$ neighbours;
- `full`: all $3^d - 1$ cells that share a point.

On a periodic axis the index is taken modulo the length.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from numerics.evidence.errors import InputError

ADJACENCIES = ("face", "freudenthal", "full")
MAX_DIMENSION = 6
Periodic = bool | Sequence[bool] | Sequence[int] | NDArray[np.bool_] | NDArray[np.integer]  # see `periodic_axes`
_WORD = 63  # bits in use per word of 64: a word of ones never occurs


@functools.cache
def offsets(dimension: int, adjacency: str) -> tuple[tuple[int, ...], ...]:
    """The neighbours' offsets, faces first; each set contains the negative of each of its members."""
    everything = [o for o in itertools.product((-1, 0, 1), repeat=dimension) if any(o)]
    if adjacency == "face":
        everything = [o for o in everything if sum(map(abs, o)) == 1]
    elif adjacency == "freudenthal":
        everything = [o for o in everything if min(o) * max(o) >= 0]
    return tuple(sorted(everything, key=lambda o: sum(map(abs, o))))


def periodic_axes(periodic: Periodic, dimension: int) -> tuple[bool, ...]:
    """One flag for each axis, from one for all, one for each, or the numbers of the periodic axes (negative: from the last).

    Flags are `bool`s and numbers are not, so that `(True, False)` and `(1, 0)` are two things.
    """
    if isinstance(periodic, bool | np.bool_):
        return (bool(periodic),) * dimension
    entries = tuple(periodic) if isinstance(periodic, Iterable) else (None,)
    if entries and all(isinstance(a, bool | np.bool_) for a in entries):
        if len(entries) != dimension:
            raise InputError(
                f"`periodic` needs one flag for each of the {dimension} axes, found {len(entries)}: {periodic!r}."
            )
        return tuple(bool(a) for a in entries)
    axes = [int(a) for a in entries if isinstance(a, int | np.integer) and not isinstance(a, bool)]
    if len(axes) < len(entries) or any(not -dimension <= a < dimension for a in axes):
        raise InputError(
            f"`periodic` needs True or False, one of them for each axis, or numbers of axes from 0 to {dimension - 1}, "
            f"found {periodic!r}."
        )
    return tuple(k in axes or k - dimension in axes for k in range(dimension))


class Tables(NamedTuple):
    r"""What the compiled loops know of a grid, as arrays.

    A vertex is compared with others row by row (a row runs along the last axis). `delta[r]` is the offset of the $r$-th
    neighbouring row; it contributes the bits `bit[r]` (and the two after it if `triple[r]`: columns $-1, 0, 1$) of word
    `word[r]`, each saying "that vertex is lower". Bits 0 and 1 of word 0 are the neighbours in the own row. `nodes` masks the
    bits that are neighbours; other bits are the far corners $v + i + j$ through which face neighbours $i$, $j$ can be joined.
    `touch[k]` masks the neighbours adjacent to neighbour $k$; `other[e]`, `through[e]` for `first[k] <= e < first[k + 1]`
    are the neighbours joined to $k$ if the corner `through[e]` is lower too. `row[k]` (-1: own) and `shift[k]` locate neighbour $k$.
    `ends` masks all bits of the column before, and of the column after: they mean nothing at the two ends of a row.
    """

    shape: NDArray[np.int64]
    periodic: NDArray[np.bool_]
    offsets: NDArray[np.int64]
    delta: NDArray[np.int64]
    triple: NDArray[np.bool_]
    word: NDArray[np.int64]
    bit: NDArray[np.int64]
    nodes: NDArray[np.uint64]
    touch: NDArray[np.uint64]
    first: NDArray[np.int64]
    other: NDArray[np.int64]
    through: NDArray[np.int64]
    row: NDArray[np.int64]
    shift: NDArray[np.int64]
    ends: NDArray[np.uint64]


@functools.lru_cache(maxsize=32)
def _neighbourhood(dimension: int, adjacency: str) -> dict[str, NDArray]:
    neighbours = offsets(dimension, adjacency)
    known = set(neighbours)
    corners = {}  # far corner -> the pair of face neighbours that it joins
    if adjacency == "face":
        for a, b in itertools.combinations(neighbours, 2):
            far = tuple(x + y for x, y in zip(a, b, strict=True))
            if any(far):
                corners[far] = (a, b)
    rows: dict[tuple[int, ...], bool] = {}
    for o in sorted([*neighbours, *corners], key=lambda o: sum(map(abs, o))):
        if any(o[:-1]):
            rows[o[:-1]] = rows.get(o[:-1], False) or o[-1] != 0
    own = (0,) * (dimension - 1)
    at: dict[tuple[int, ...], int] = {(*own, -1): 0, (*own, 1): 1}
    word, bit, cursor = [], [], 2
    for delta, triple in rows.items():
        width = 3 if triple else 1
        if cursor % 64 + width > _WORD:
            cursor += 64 - cursor % 64
        word.append(cursor // 64)
        bit.append(cursor % 64)
        for k, s in enumerate((-1, 0, 1) if triple else (0,)):
            at[(*delta, s)] = cursor + k
        cursor += width
    words = (cursor + 63) // 64
    numbers = list(rows)
    nodes = np.zeros(words, np.uint64)
    touch = np.zeros((64 * words, words), np.uint64)
    row, shift = np.zeros(64 * words, np.int64), np.zeros(64 * words, np.int64)
    joined: list[list[tuple[int, int]]] = [[] for _ in range(64 * words)]
    ends = np.zeros((2, words), np.uint64)
    for o, k in at.items():
        if o[-1]:
            ends[(o[-1] + 1) // 2, k // 64] |= np.uint64(1 << k % 64)
    for o in neighbours:
        k = at[o]
        nodes[k // 64] |= np.uint64(1 << k % 64)
        row[k], shift[k] = numbers.index(o[:-1]) if any(o[:-1]) else -1, o[-1]
        for p in neighbours:
            if tuple(x - y for x, y in zip(o, p, strict=True)) in known:
                touch[k, at[p] // 64] |= np.uint64(1 << at[p] % 64)
    for far, (a, b) in corners.items():
        joined[at[a]].append((at[b], at[far]))
        joined[at[b]].append((at[a], at[far]))
    flat = [pair for pairs in joined for pair in pairs]
    return {
        "offsets": np.array(neighbours, np.int64),
        "delta": np.array(numbers, np.int64).reshape(len(numbers), dimension - 1),
        "triple": np.array(list(rows.values()), np.bool_),
        "word": np.array(word, np.int64),
        "bit": np.array(bit, np.int64),
        "nodes": nodes,
        "touch": touch,
        "first": np.concatenate([[0], np.cumsum([len(pairs) for pairs in joined])]).astype(np.int64),
        "other": np.array([pair[0] for pair in flat], np.int64),
        "through": np.array([pair[1] for pair in flat], np.int64),
        "row": row,
        "shift": shift,
        "ends": ends,
    }


@dataclass(frozen=True)
class Grid:
    """A grid of `shape`, an adjacency, and for every axis whether it is periodic. Made by `Grid.of`, which checks."""

    shape: tuple[int, ...]
    adjacency: str = "face"
    periodic: tuple[bool, ...] = ()

    @classmethod
    def of(cls, shape: Sequence[int], adjacency: str, periodic: Periodic) -> Grid:
        shape = tuple(int(n) for n in shape)
        d = len(shape)
        if not 1 <= d <= MAX_DIMENSION:
            raise InputError(
                f"`values` needs 1 to {MAX_DIMENSION} dimensions, found {d}: take a slice or a projection."
            )
        if math.prod(shape) < 2:
            found = f"{math.prod(shape)} (shape {shape})"
            raise InputError(f"`values` needs at least two vertices, found {found}: sample the loss on a finer grid.")
        if adjacency not in ADJACENCIES:
            raise InputError(f"`adjacency` needs one of {', '.join(ADJACENCIES)}, found {adjacency!r}.")
        return cls(shape, adjacency, periodic_axes(periodic, d))

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    @property
    def index_type(self) -> type[np.unsignedinteger]:
        """The smallest type that holds the number of every vertex, and one more value."""
        return np.uint32 if self.size < 2**32 - 1 else np.uint64

    @property
    def rows(self) -> tuple[int, ...]:
        """The shape with at least two axes: one dimension becomes one row."""
        return self.shape if len(self.shape) > 1 else (1, *self.shape)

    def tables(self) -> Tables:
        # A periodic axis of length one would make a vertex its own neighbour: the wrap adds nothing there.
        wraps = [p and n > 1 for p, n in zip(self.periodic, self.shape, strict=True)]
        wraps = wraps if len(self.shape) > 1 else [False, *wraps]
        known = _neighbourhood(len(self.rows), self.adjacency)
        return Tables(shape=np.array(self.rows, np.int64), periodic=np.array(wraps, np.bool_), **known)


def available_memory() -> int:
    """Bytes that this process can still allocate: free memory, and what its control group leaves."""
    free = math.inf
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                free = int(line.split()[1]) * 1024
        group = Path("/sys/fs/cgroup")
        limit, used = (group / "memory.max").read_text(), (group / "memory.current").read_text()
        free = min(free, math.inf if limit.strip() == "max" else int(limit) - int(used))
    except (OSError, ValueError):
        pass  # not Linux, or no control group: whatever was found so far
    return int(free) if free < math.inf else 2**62


def require_memory(what: str, needed: int, advice: str) -> None:
    """Refuse, before anything is allocated, what would not fit."""
    found = available_memory()
    if needed > found:
        raise InputError(f"{what} needs {needed / 2**30:.3g} GiB, found {found / 2**30:.3g} GiB available: {advice}")
