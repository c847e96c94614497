"""Certified brackets from cell bounds: against brute force on all paths, and on losses whose answer is known."""

from __future__ import annotations

import itertools

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_merge_tree import reference_graph

from numerics.evidence.errors import InputError
from numerics.sublevel.grids.bracket import Bracket, bracket_from_bounds
from numerics.sublevel.grids.grid import Grid
from numerics.sublevel.grids.merge_trees import merge_tree


def product_bounds(n: int, d: int, factor: int = 1) -> tuple[np.ndarray, np.ndarray]:
    r"""Bounds of $(w_1 \cdots w_d - 1)^2$ on the $n^d$ cells of $[-2, 2]^d$, rounded outwards.

    `n` is a power of two, so that the corners and their differences are exact; every product and the difference to 1 is followed by one
    step of `nextafter`, which bounds the error of a correctly rounded operation.
    """
    ends = np.linspace(-2, 2, n + 1)
    low = high = np.ones((1,) * d)
    for k in range(d):
        shape = [-1 if a == k else 1 for a in range(d)]
        a, b = ends[:-1].reshape(shape), ends[1:].reshape(shape)
        corners = np.stack(np.broadcast_arrays(low * a, low * b, high * a, high * b))
        low, high = np.nextafter(corners.min(0), -np.inf), np.nextafter(corners.max(0), np.inf)
    low, high = np.nextafter(low - 1, -np.inf), np.nextafter(high - 1, np.inf)
    squares = np.stack([low * low, high * high])
    inner = np.where((low <= 0) & (high >= 0), 0.0, np.maximum(np.nextafter(squares.min(0), -np.inf), 0.0))
    return inner, np.nextafter(squares.max(0), np.inf)


def cell(n: int, *w: float) -> tuple[int, ...]:
    return tuple(min(n - 1, int((x + 2) * n / 4)) for x in w)


@pytest.mark.parametrize(("n", "d", "below"), [(256, 2, 1e-14), (64, 3, 1e-14), (16, 4, 1.1)])
def test_the_product_merges_at_one(n: int, d: int, below: float) -> None:
    b = bracket_from_bounds(*product_bounds(n, d))
    level = b.merge_level(cell(n, *[1] * d), cell(n, *[-1] * 2, *[1] * (d - 2)))
    assert level.low <= 1 <= level.high
    assert level.high - level.low <= below
    assert b.at_least(level.high) >= 1
    assert b.at_least(-1e-9) == 0


def test_the_product_of_two_has_two_components_at_all_levels_below_the_bracket() -> None:
    b = bracket_from_bounds(*product_bounds(512, 2))
    level = b.merge_level(cell(512, 1, 1), cell(512, -1, -1))
    levels, numbers = b.counts
    assert b.at_least(0.5) == b.at_least(0.9) == b.at_least(np.nextafter(level.low, 0)) == 2
    assert b.at_least(1) == 1 and b.at_least(np.inf) == 1
    # Below the truth everywhere: 2 for u in [0, 1), 1 from there.
    assert (numbers[levels < 1] <= 2).all() and (numbers[levels >= 1] <= 1).all() and levels.min() >= 0


def test_bounds_are_bounds() -> None:
    """What the proof rests on: the values at points of a cell lie between its bounds."""
    lo, hi = product_bounds(32, 2)
    r = np.random.default_rng(0)
    x = r.uniform(-2, 2, (2, 20_000))
    i, j = np.minimum(((x + 2) * 8).astype(int), 31)
    value = (x[0] * x[1] - 1) ** 2
    assert (lo[i, j] <= value).all() and (value <= hi[i, j]).all()


def test_no_upper_bound_is_claimed() -> None:
    """The example of the docstring: the two components inside the middle cell are invisible; the bound says at least 0."""
    lo, hi = np.array([(1 / 4 - 1 / 16) ** 2, 0.0, (1 / 4 - 1 / 16) ** 2]), np.array([4.8, (3 / 16) ** 2, 4.8])
    assert bracket_from_bounds(lo, hi).at_least(1e-3) == 0


# A function that is constant on every open face of a grid of cells: on corners, open edges, open squares and open cubes. `values` has
# shape 2 n + 1; an odd index means the inside of a cell along this axis, an even one a side. Its sublevel set is connected exactly when
# the faces in it are, where a face is joined to the faces in its closure. So everything about it can be counted.


def closed_cells(values: np.ndarray, pick: np.ufunc) -> np.ndarray:
    """The least (`np.minimum`) or largest value on every closed cell."""
    for a in range(values.ndim):
        values = np.moveaxis(values, a, 0)
        values = np.moveaxis(pick(pick(values[:-2:2], values[1::2]), values[2::2]), 0, a)
    return values


def face_graph(shape: tuple[int, ...], periodic: tuple[bool, ...] = ()) -> nx.Graph:
    """All faces, each joined to the faces in its closure, and the two copies of a face on the seam of a periodic axis."""
    graph = nx.Graph()
    steps = [v for v in itertools.product((-1, 0, 1), repeat=len(shape)) if any(v)]
    for f in itertools.product(*map(range, shape)):
        graph.add_node(f)
        for v in steps:
            if all(f[a] % 2 for a in range(len(shape)) if v[a]):  # only open directions have sides
                graph.add_edge(f, tuple(f[a] + v[a] for a in range(len(shape))))
        for a, p in enumerate(periodic):
            if p and f[a] == 0:
                graph.add_edge(f, (*f[:a], shape[a] - 1, *f[a + 1 :]))
    return graph


def random_faces(seed: int, d: int) -> tuple[np.random.Generator, np.ndarray, tuple[bool, ...]]:
    """Values on faces, equal on the two copies of a seam, and which axes are periodic."""
    r = np.random.default_rng(seed)
    shape = tuple(2 * int(n) + 1 for n in r.integers(1, {1: 8, 2: 4, 3: 2}[d], d, endpoint=True))
    shape = shape if max(shape) > 3 else (5, *shape[1:])  # a tree needs two cells
    values, periodic = r.integers(0, 6, shape).astype(float), tuple(bool(p) for p in r.integers(0, 2, d))
    for a, p in enumerate(periodic):
        if p:
            seam = np.moveaxis(values, a, 0)
            seam[-1] = seam[0]
    return r, values, periodic


@given(st.integers(0, 2**32 - 1), st.integers(1, 3))
def test_never_claims_more_than_the_truth(seed: int, d: int) -> None:
    r, values, periodic = random_faces(seed, d)
    lo, hi = closed_cells(values, np.minimum), closed_cells(values, np.maximum)
    b = bracket_from_bounds(lo, hi, periodic=periodic)
    graph = face_graph(values.shape, periodic)
    p, q = (tuple(int(k) for k in r.integers(lo.shape)) for _ in range(2))
    x, y = (tuple(2 * k + int(s) for k, s in zip(v, r.integers(0, 3, d), strict=True)) for v in (p, q))
    merge = np.inf
    for u in range(5, -1, -1):
        inside = graph.subgraph([f for f in graph if values[f] <= u])
        assert b.at_least(u) <= nx.number_connected_components(inside)
        merge = u if x in inside and y in nx.node_connected_component(inside, x) else merge
    level = b.merge_level(p, q)
    assert level.low <= merge <= level.high


@given(st.integers(0, 2**32 - 1), st.integers(1, 3), st.booleans())
def test_equals_the_definition(seed: int, d: int, outside: bool) -> None:
    """Components and minimal paths counted by networkx at every level, ties and infinities included."""
    r, values, periodic = random_faces(seed, d)
    lo, hi = closed_cells(values, np.minimum), closed_cells(values, np.maximum)
    shape = lo.shape
    hi[r.random(shape) < 0.1] = np.inf
    lo[r.random(shape) < 0.1] = -np.inf
    if outside:
        gone = r.random(shape) < 0.3
        lo[gone] = hi[gone] = np.inf
    full = reference_graph(Grid(shape, "full", periodic))
    below = full if np.isposinf(lo).any() else reference_graph(Grid(shape, "face", periodic))
    b = bracket_from_bounds(lo, hi, periodic=periodic)

    def components(graph: nx.Graph, bound: np.ndarray, u: float) -> list[set[int]]:
        return list(nx.connected_components(graph.subgraph(np.flatnonzero(bound <= u).tolist())))

    for u in [-1.0, *range(7)]:
        certain = set(np.flatnonzero(hi <= u).tolist())
        assert b.at_least(u) == sum(bool(c & certain) for c in components(below, lo, u))
    p, q = (tuple(int(k) for k in r.integers(shape)) for _ in range(2))
    ends = {int(np.ravel_multi_index(v, shape)) for v in (p, q)}

    def first(graph: nx.Graph, bound: np.ndarray) -> float:
        levels = [
            u for u in np.unique(bound[np.isfinite(bound)]) if any(ends <= c for c in components(graph, bound, u))
        ]
        return min(levels, default=np.inf)

    level = b.merge_level(p, q)
    assert level.high == first(full, hi)
    assert level.low == first(below, np.maximum(lo, np.finfo(float).min))


def test_a_seam_joins_and_contradicts() -> None:
    """Three cells on a line: the outer two meet only where the axis closes up, and there their bounds must agree."""
    lo = hi = np.array([[0.0, 1.0, 0.0]])
    free, closed = (bracket_from_bounds(np.minimum(lo, 0), hi, periodic=p) for p in ((True, False), (False, True)))
    assert free.merge_level((0, 0), (0, 2)) == (0, 1)
    assert closed.merge_level((0, 0), (0, 2)) == (0, 0)
    bounds = np.array([0.0, 0.5, 2.0]), np.array([1.0, 2.0, 3.0])
    bracket_from_bounds(*bounds)
    with pytest.raises(InputError, match=r"found 2\.0 at \(2,\) above the `hi` of a cell that touches it"):
        bracket_from_bounds(*bounds, periodic=(True,))
    with pytest.raises(InputError, match="one flag for each of the 1 axes, found 2"):
        bracket_from_bounds(*bounds, periodic=(True, False))


CORNER = np.ones((5, 5))  # 2 x 2 cells; 0 on two closed squares that share the corner in the middle
CORNER[:3, :3] = CORNER[2:, 2:] = 0


def test_bounds_on_open_cells_are_unsound() -> None:
    """The two squares are one component. Bounds that know of the insides of cells only count two."""
    assert nx.number_connected_components(face_graph((5, 5)).subgraph(list(map(tuple, np.argwhere(CORNER <= 0))))) == 1
    closed = closed_cells(CORNER, np.minimum), closed_cells(CORNER, np.maximum)
    assert bracket_from_bounds(*closed).at_least(0) == 1
    opened = CORNER[1::2, 1::2]
    unsound = Bracket(merge_tree(opened, adjacency="face"), merge_tree(opened, adjacency="face"))
    assert unsound.at_least(0) == 2 and unsound.merge_level((0, 0), (1, 1)).low == 1
    with pytest.raises(InputError, match=r"bounds on closed cells, found 1\.0 at \(0, 1\) above the `hi` of a cell"):
        bracket_from_bounds(opened, opened)


def test_cells_outside_the_domain_separate_only_what_shares_no_point() -> None:
    """The other two cells are outside now: with face neighbours on `lo` the connected set would count as two."""
    lo = np.array([[0.0, np.inf], [np.inf, 0.0]])
    b = bracket_from_bounds(lo, lo)
    assert b.at_least(0) == 1 and b.merge_level((0, 0), (1, 1)) == (0, 0)
    assert Bracket(merge_tree(lo, adjacency="face"), merge_tree(lo, adjacency="face")).at_least(0) == 2


def test_a_corner_that_is_higher_separates() -> None:
    """What face neighbours gain: cells that only share a corner, and are below the level but for it, count as two."""
    values = np.ones(
        (9, 9)
    )  # 4 x 4 cells: 0 on two closed ones in opposite corners, and inside the two cells in the middle between them
    values[:3, :3] = values[6:, 6:] = values[3, 3] = values[5, 5] = 0
    lo, hi = closed_cells(values, np.minimum), closed_cells(values, np.maximum)
    assert bracket_from_bounds(lo, hi).at_least(0) == 2
    assert bracket_from_bounds(lo, hi).merge_level((0, 0), (3, 3)) == (1, 1)
    wider = Bracket(merge_tree(lo, adjacency="full"), merge_tree(hi, adjacency="full"))
    assert wider.at_least(0) == 1 and wider.merge_level((0, 0), (3, 3)).low == 0


@pytest.mark.parametrize(
    ("lo", "hi", "message"),
    [
        ([0.0, 1.0], [1.0], "`lo` and `hi` need the same shape, found (2,) and (1,)."),
        (
            [0.0, np.nan],
            [1.0, 1.0],
            "`lo` needs numbers, found NaN at (1,): put -inf into `lo` or +inf into `hi` where nothing is known.",
        ),
        ([0.0, 2.0], [1.0, 1.0], "`lo` needs to be at most `hi`, found 2.0 > 1.0 at (1,): round outwards."),
    ],
)
def test_bad_bounds(lo: list[float], hi: list[float], message: str) -> None:
    with pytest.raises(InputError) as error:
        bracket_from_bounds(lo, hi)
    assert str(error.value) == message
    with pytest.raises(InputError, match="a level `u` needs to be a number"):
        bracket_from_bounds([0, 1], [1, 2]).at_least(np.nan)
