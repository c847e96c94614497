"""Merge trees of grids against a slow reference in networkx, and what must not change them.

`HYPOTHESIS_PROFILE=nightly` runs the same comparison on many more arrays.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from numerics.evidence.errors import InputError
from numerics.sublevel.grids import merge_forest
from numerics.sublevel.grids.grid import ADJACENCIES, Grid, offsets
from numerics.sublevel.grids.merge_trees import MergeTree, merge_tree, merge_tree_of_loss

MEMBERS = 15  # arrays in one example: the graph of the grid is built once for all


def is_neighbour(adjacency: str, o: tuple[int, ...]) -> bool:
    """By the definitions: one step, a step of a Kuhn path, a shared point."""
    if adjacency == "face":
        return sum(abs(k) for k in o) == 1
    if adjacency == "freudenthal":
        return any(o) and (all(k >= 0 for k in o) or all(k <= 0 for k in o))
    return any(o)


def reference_graph(grid: Grid) -> nx.Graph:
    """Vertices in C order, every pair of neighbours joined."""
    graph = nx.Graph()
    for v in np.ndindex(grid.shape):
        a = int(np.ravel_multi_index(v, grid.shape))
        graph.add_node(a)
        for o in itertools.product((-1, 0, 1), repeat=len(v)):
            w = [x + k for x, k in zip(v, o, strict=True)]
            w = [x % n if p else x for x, n, p in zip(w, grid.shape, grid.periodic, strict=True)]
            if is_neighbour(adjacency=grid.adjacency, o=o) and all(
                0 <= x < n for x, n in zip(w, grid.shape, strict=True)
            ):
                b = int(np.ravel_multi_index(w, grid.shape))
                if a != b:
                    graph.add_edge(a, b)
    return graph


Pair = tuple[float, float, int, int]


def reference(graph: nx.Graph, values: np.ndarray) -> tuple[list[Pair], dict[float, list[set[int]]]]:
    """The pairs by the elder rule, and the components at every level, both read off the components after every vertex."""
    flat = values.reshape(-1).astype(float)
    order = sorted((v for v in graph if flat[v] < np.inf), key=lambda v: (flat[v], v))
    rank = {v: k for k, v in enumerate(order)}
    pairs, oldest, levels, inside = [], set(), {}, nx.Graph()
    for v in order:
        inside.add_node(v)
        inside.add_edges_from((v, w) for w in graph[v] if w in inside)
        levels[flat[v]] = list(nx.connected_components(inside))
        after = {min(c, key=rank.__getitem__) for c in levels[flat[v]]}
        pairs += [(flat[m], flat[v], m, v) for m in oldest - after if flat[m] < flat[v]]
        oldest = after
    return sorted(pairs + [(flat[m], np.inf, m, -1) for m in oldest]), levels


def listed(tree: MergeTree) -> list[Pair]:
    p = tree.pairs
    return sorted(zip(*(column.tolist() for column in p), strict=True))


@st.composite
def grids(draw: st.DrawFn) -> Grid:
    d = draw(st.integers(1, 6))
    longest = {1: 12, 2: 6, 3: 4, 4: 3, 5: 2, 6: 2}[d]
    shape = draw(st.lists(st.integers(1, longest), min_size=d, max_size=d).filter(lambda s: 2 <= np.prod(s) <= 36))
    periodic = draw(st.lists(st.booleans(), min_size=d, max_size=d))
    return Grid(tuple(shape), draw(st.sampled_from(ADJACENCIES)), tuple(periodic))


def fields(grid: Grid, seed: int) -> Iterator[np.ndarray]:
    """Noise with all values distinct, few values (ties), a constant, holes, steps, and whole numbers."""
    for k in range(MEMBERS):
        r = np.random.default_rng((seed, k))
        values = r.standard_normal(grid.shape)
        kind = k % 6
        if kind == 1:
            values = r.integers(0, 3, grid.shape).astype(float)
        elif kind == 2:
            values = np.where(r.random(grid.shape) < 0.3, np.inf, r.integers(0, 4, grid.shape))
        elif kind == 3:
            values = np.where(r.random(grid.shape) < 0.5, np.inf, 1.0) if k % 4 else np.zeros(grid.shape)
        elif kind == 4:
            values = values.astype(np.float32)
        elif kind == 5:
            values = r.integers(-5, 5, grid.shape, dtype=(np.int8, np.int32, np.int64)[k // 6 % 3])
        yield values


@given(grids(), st.integers(0, 2**32 - 1))
def test_equals_the_reference(grid: Grid, seed: int) -> None:
    graph = reference_graph(grid)
    axes = [k for k, p in enumerate(grid.periodic) if p]
    for k, values in enumerate(fields(grid, seed)):
        expected, levels = reference(graph, values)
        method = ("auto", "saddles", "sort")[k % 3]
        tree = merge_tree(values, adjacency=grid.adjacency, periodic=axes, method=method, workers=1 + k % 2)
        assert listed(tree) == expected, (grid, values, method)
        assert tree.count(-100) == 0
        assert tree.count(list(levels)).tolist() == [len(components) for components in levels.values()]
        if levels:
            u = sorted(levels)[len(levels) // 2]
            labels, lowest = tree.labels(u), tree.representatives(u)
            found = [set(np.flatnonzero(labels == i + 1).tolist()) for i in range(len(lowest))]
            assert sorted(map(sorted, found)) == sorted(map(sorted, levels[u]))
            assert labels.sum() == sum((i + 1) * len(c) for i, c in enumerate(found))
            assert [labels[tuple(v)] for v in lowest] == list(range(1, len(lowest) + 1))


@given(st.integers(0, 2**32 - 1), st.integers(1, 4), st.sampled_from(ADJACENCIES))
def test_larger_arrays_and_losses_equal_the_sort(seed: int, d: int, adjacency: str) -> None:
    """Whole rows, several segments, windows that move; on average the two engines share no line but `find`."""
    r = np.random.default_rng(seed)
    shape = tuple(int(n) for n in r.integers(2, {1: 3000, 2: 60, 3: 16, 4: 8}[d], d))
    values = r.standard_normal(shape)
    for _ in range(int(r.integers(0, 3))):
        for a in range(d):
            values = values + np.roll(values, 1, a)
    if r.random() < 0.5:
        values = np.round(values * 2)
    periodic = [k for k in range(d) if r.random() < 0.5]
    expected = listed(merge_tree(values, adjacency=adjacency, periodic=periodic, method="sort"))
    assert listed(merge_tree(values, adjacency=adjacency, periodic=periodic, method="saddles")) == expected
    assert listed(merge_tree(values, adjacency=adjacency, periodic=periodic, method="saddles", workers=2)) == expected
    turned = np.asfortranarray(values)
    assert listed(merge_tree(turned, adjacency=adjacency, periodic=periodic, method="saddles")) == expected
    stepped = np.repeat(values, 2, axis=-1)[..., ::2]
    assert listed(merge_tree(stepped[..., ::-1][..., ::-1], adjacency=adjacency, periodic=periodic)) == expected


@pytest.mark.parametrize("kind", ["?", "u1", "i2", "u4", "i8", "u8", "f2", "f4", "f8", ">f4", ">f8"])
def test_every_type_and_memory_order_gives_the_same(kind: str) -> None:
    values = np.random.default_rng(1).integers(0, 2 if kind == "?" else 9, (6, 7, 5)).astype(kind)
    expected = listed(merge_tree(values.astype(float), method="sort"))
    padded = np.zeros((12, 8, 5), kind)
    padded[::2, :-1] = values
    backwards = np.ascontiguousarray(values[::-1, :, ::-1])[::-1, :, ::-1]
    for same in (
        values,
        np.asfortranarray(values),
        padded[::2, :-1],
        backwards,
        values.transpose(1, 2, 0).copy().transpose(2, 0, 1),
    ):
        assert (same == values).all()
        assert listed(merge_tree(same)) == expected == listed(merge_tree(same, method="sort"))


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    import numerics.sublevel.grids.grid_blocks

    monkeypatch.setattr(numerics.sublevel.grids.grid_blocks, "_BLOCK", 1)


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("adjacency", ADJACENCIES)
@pytest.mark.parametrize("periodic", [False, True])
@pytest.mark.parametrize("d", [1, 2, 3])
def test_descents_that_leave_the_window_arrive(adjacency: str, periodic: bool, d: int) -> None:
    """Blocks of four slabs, and long valleys along the first axis that many saddles descend."""
    r = np.random.default_rng(d)
    n = {1: 200, 2: 60, 3: 41}[d]
    x = np.linspace(0, 6, n)
    table = {k: r.standard_normal(n) for k in range(d)}

    def loss(w: tuple[np.ndarray, ...]) -> np.ndarray:
        rough = sum(np.interp(c, x, table[k]) for k, c in enumerate(w))
        return 0.05 * rough + (w[0] - 5.2) ** 2 * (w[0] - 1) ** 2 / 20 + sum(np.sin(3 * c + w[0]) ** 2 for c in w[1:])

    axes = [x] + [x[: max(8, n // 3)]] * (d - 1)
    mesh = np.meshgrid(*axes, indexing="ij")
    expected = merge_tree(loss(tuple(mesh)), adjacency=adjacency, periodic=periodic, method="sort")
    fused = merge_tree_of_loss(loss, axes, adjacency=adjacency, periodic=periodic)
    assert expected.pairs.birth.size > 3
    assert listed(fused) == listed(expected)
    u = float(np.quantile(fused.values(), 0.3))
    assert (fused.labels(u) == expected.labels(u)).all()
    a, b = fused.representatives(u)[[0, -1]]
    assert fused.merge_level(a, b) == expected.merge_level(a, b)
    stored = merge_tree(expected.values().astype(np.float32), adjacency=adjacency, periodic=periodic)
    assert listed(stored) == listed(
        merge_tree(expected.values().astype(np.float32), adjacency=adjacency, periodic=periodic, method="sort")
    )


@pytest.mark.usefixtures("small_blocks")
def test_a_compiled_loss_equals_its_array() -> None:
    from numba import njit

    @njit
    def loss(w):
        return (w[0] * w[1] * w[2] - 1) ** 2

    x = np.linspace(-2, 2, 40)
    tree = merge_tree_of_loss(loss, [x, x, x])
    assert listed(merge_tree_of_loss(loss, [x, x, x], workers=2)) == listed(tree)
    X, Y, Z = np.meshgrid(x, x, x, indexing="ij")
    values = (X * Y * Z - 1) ** 2
    assert (tree.values() == values).all()
    assert listed(tree) == listed(merge_tree(values, method="sort"))
    assert tree.simplify(0.5).count([-1.0, 0.1, 0.999, 1.1]).tolist() == [0, 4, 4, 1]
    line = merge_tree_of_loss(njit(lambda w: w[0] ** 4 - w[0] ** 2), [np.linspace(-1, 1, 101)])
    assert line.counts[1].tolist() == [2, 1]


def test_the_sort_takes_over_when_descents_are_long_and_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """A falling valley with a pocket beside every second point, over a low saddle each."""
    n = 1200
    E = np.stack([np.arange(n, 0.0, -1), np.full(n, np.inf), np.full(n, np.inf)])
    E[1, ::2] = E[0, ::2] + 2.5
    E[2, ::2] = E[0, ::2] - 0.5
    tree = merge_tree(E)
    assert tree.pairs.birth.size == n // 2 + 1
    assert listed(tree) == listed(merge_tree(E, method="saddles"))
    with pytest.raises(merge_forest._TooMuchError):
        merge_forest._pass(tree.source, tree.grid, tree.grid.tables(), 1, True, None)


def test_the_sort_takes_over_on_noise_where_it_is_faster_or_the_saddles_do_not_fit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sorts = []
    sort = merge_forest._sort
    monkeypatch.setattr(merge_forest, "_sort", lambda *given: sorts.append(1) or sort(*given))
    noise = np.random.default_rng(0).random((400, 400))
    small = noise[:300, :300].copy()
    for workers in (1, 2):
        assert listed(merge_tree(small, workers=workers)) == listed(merge_tree(small, method="saddles"))
    assert len(sorts) == 2
    x = np.linspace(-2, 2, 300)
    assert merge_tree(np.outer(x, x)).pairs.birth.size > 0 and len(sorts) == 2  # few saddles
    expected = listed(merge_tree(noise))
    assert len(sorts) == 2  # 160 000 vertices: the pass is faster
    monkeypatch.setattr(merge_forest, "available_memory", lambda: 0)  # 65 536 feet are always allowed; here are 93 000
    assert listed(merge_tree(noise)) == expected and len(sorts) == 3
    x = np.arange(400.0)
    with pytest.raises(
        InputError, match="`loss` has more than 65536 feet of saddles, all that the available memory holds"
    ):
        merge_tree_of_loss(lambda w: np.sin(1e4 * np.sin(w[0] * 7 + w[1] ** 2)), [x, x])


@given(st.integers(0, 2**32 - 1), st.integers(1, 5), st.sampled_from(ADJACENCIES))
def test_invariances(seed: int, d: int, adjacency: str) -> None:
    """Increasing maps, permuted axes, and reflections (Freudenthal: of all axes at once), cyclic shifts of periodic axes."""
    r = np.random.default_rng(seed)
    shape = tuple(int(n) for n in r.integers(2, {1: 40, 2: 12, 3: 6, 4: 4, 5: 3}[d], d))
    values = r.integers(0, 40, shape).astype(float)
    periodic = [k for k in range(d) if r.random() < 0.3]

    def levels(values: np.ndarray, periodic: list[int]) -> list[tuple[float, float]]:
        return [pair[:2] for pair in listed(merge_tree(values, adjacency=adjacency, periodic=periodic))]

    expected = levels(values, periodic)
    assert levels(values**3 / 8 - 100, periodic) == [(b**3 / 8 - 100, e**3 / 8 - 100) for b, e in expected]
    order = r.permutation(d)
    assert levels(values.transpose(order), [int(np.flatnonzero(order == k)[0]) for k in periodic]) == expected
    flipped = range(d) if adjacency == "freudenthal" else [k for k in range(d) if r.random() < 0.5]
    assert levels(np.flip(values, tuple(flipped)), periodic) == expected
    assert levels(np.roll(values, 1, periodic) if periodic else values, periodic) == expected


def mixtures(d: int) -> list[tuple[bool, ...]]:
    """All ways to close up some of the axes."""
    return list(itertools.product((False, True), repeat=d))


def union_find(values: np.ndarray, adjacency: str, flags: tuple[bool, ...]) -> list[tuple[float, float]]:
    """Births and deaths by the elder rule, vertex by vertex, from the definitions alone."""
    parent: dict[tuple[int, ...], tuple[int, ...]] = {}
    born: dict[tuple[int, ...], tuple[float, tuple[int, ...]]] = {}
    pairs = []

    def root(v: tuple[int, ...]) -> tuple[int, ...]:
        while parent[v] != v:
            v = parent[v]
        return v

    for v in sorted(np.ndindex(values.shape), key=lambda v: (values[v], v)):
        if values[v] == np.inf:
            break
        parent[v], born[v] = v, (float(values[v]), v)
        for o in itertools.product((-1, 0, 1), repeat=values.ndim):
            w = tuple((x + k) % n if p else x + k for x, k, n, p in zip(v, o, values.shape, flags, strict=True))
            if is_neighbour(adjacency, o) and w in parent and root(w) != root(v):
                elder, younger = sorted((root(v), root(w)), key=born.__getitem__)
                parent[younger] = elder
                pairs.append((born[younger][0], float(values[v])))
    pairs += [(born[v][0], np.inf) for v in parent if parent[v] == v]
    return sorted(pair for pair in pairs if pair[0] < pair[1])


@pytest.mark.parametrize("adjacency", ADJACENCIES)
@pytest.mark.parametrize("shape", [(9,), (2, 7), (5, 6), (3, 1, 4), (2, 3, 5), (3, 2, 3, 4)])
def test_a_flag_for_each_axis(shape: tuple[int, ...], adjacency: str) -> None:
    """Every mixture, in all passes: stored, by sorting, evaluated a block at a time in Python and compiled."""
    numba = pytest.importorskip("numba")
    axes = [np.arange(n, dtype=float) for n in shape]
    weights = np.random.default_rng(len(shape)).uniform(0.5, 2.5, 3)
    a, b, c = (float(x) for x in weights)

    def loss(w):
        y = 0.3
        for x in w:
            y = (a * x + b * y + c) % 2.0  # no two axes alike
        return y

    compiled = numba.njit(loss)
    for flags in mixtures(len(shape)):
        r = np.random.default_rng(7)
        for values in (r.random(shape), np.where(r.random(shape) < 0.2, np.inf, r.integers(0, 4, shape))):
            expected = union_find(values, adjacency, flags)
            numbers = [k for k, p in enumerate(flags) if p]
            for periodic in (flags, list(flags), np.array(flags), numbers, [k - len(shape) for k in numbers]):
                for method in ("saddles", "sort"):
                    tree = merge_tree(values, adjacency=adjacency, periodic=periodic, method=method)
                    assert [pair[:2] for pair in listed(tree)] == expected, (flags, periodic, method)
                    assert tree.grid.periodic == flags
        for fused in (loss, compiled):
            tree = merge_tree_of_loss(fused, axes, adjacency=adjacency, periodic=flags)
            expected = union_find(tree.values(), adjacency, flags)
            assert [pair[:2] for pair in listed(tree)] == expected, flags
    with pytest.raises(InputError, match=f"one flag for each of the {len(shape)} axes, found {len(shape) + 1}"):
        merge_tree_of_loss(loss, axes, periodic=(True,) * (len(shape) + 1))


@given(st.integers(0, 2**32 - 1), st.integers(1, 4))
def test_the_estimated_noise_knows_no_seam(seed: int, d: int) -> None:
    """Turned along its periodic axes, a grid has the same second differences; across an open end there are none."""
    r = np.random.default_rng(seed)
    values = r.standard_normal(r.integers(3, 7, d))
    flags = tuple(bool(p) for p in r.integers(0, 2, d))
    turned = np.roll(values, r.integers(0, 7, d) * np.array(flags), range(d))
    noise = merge_tree(values, periodic=flags).noise().size
    assert merge_tree(turned, periodic=flags).noise().size == pytest.approx(noise)
    assert merge_tree(values).noise().size <= noise
    bordered = np.pad(values, [(0, 2) if p else (0, 0) for p in flags], mode="wrap")
    assert merge_tree(bordered).noise().size == pytest.approx(noise)
    axes = [np.arange(n) for n in values.shape]
    fused = merge_tree_of_loss(lambda w: values[tuple(x.astype(int) for x in w)], axes, periodic=flags)
    assert fused.noise().size == noise


@pytest.mark.parametrize("shape", [(50,), (20, 21), (8, 9, 7), (4, 5, 4, 5)])
def test_equals_gudhi(shape: tuple[int, ...]) -> None:
    gudhi = pytest.importorskip("gudhi")
    for seed in range(5):
        values = np.random.default_rng(seed).standard_normal(shape)
        for flags in mixtures(len(shape)):
            kind = gudhi.PeriodicCubicalComplex if any(flags) else gudhi.CubicalComplex
            extra = {"periodic_dimensions": flags} if any(flags) else {}
            # Top cells touch in all their points, vertices along edges.
            for key, adjacency in [("top_dimensional_cells", "full"), ("vertices", "face")]:
                if any(flags) and key == "vertices":
                    continue  # gudhi counts the vertices of a periodic axis in another way
                diagram = [pair for k, pair in kind(**{key: values}, **extra).persistence(min_persistence=0) if k == 0]
                ours = [pair[:2] for pair in listed(merge_tree(values, adjacency=adjacency, periodic=flags))]
                assert sorted(diagram) == ours


def test_neighbours() -> None:
    for d in range(1, 7):
        assert [len(offsets(d, a)) for a in ADJACENCIES] == [2 * d, 2 * (2**d - 1), 3**d - 1]
        for a in ADJACENCIES:
            assert {tuple(-k for k in o) for o in offsets(d, a)} == set(offsets(d, a))


def test_the_tree_of_a_small_landscape() -> None:
    tree = merge_tree(np.array([3.0, 0, 2, 1, 5, np.inf, 4, 4, 7]))
    assert tree.pairs.birth.tolist() == [0, 4, 1]
    assert tree.pairs.death.tolist() == [np.inf, np.inf, 2]
    assert tree.counts[0].tolist() == [0, 1, 2, 4]
    assert tree.counts[1].tolist() == [1, 2, 1, 2]
    assert tree.count([-1, 0, 0.5, 1, 1.99, 2, 4, np.inf]).tolist() == [0, 1, 1, 2, 2, 1, 2, 2]
    assert tree.labels(2).tolist() == [0, 1, 1, 1, 0, 0, 0, 0, 0]
    assert tree.labels(1).tolist() == [0, 1, 0, 2, 0, 0, 0, 0, 0]
    assert tree.representatives(1).tolist() == [[1], [3]]
    assert tree.representatives(-1).shape == (0, 1)
    assert tree.merge_level([1], [3]) == 2
    assert tree.merge_level([0], [4]) == 5
    assert tree.merge_level([0], [8]) == np.inf
    graph = tree.graph()
    assert sorted(graph.edges) == [(1, 2), (3, 2)]
    assert graph.nodes[2] == {"value": 2.0, "vertex": (2,), "kind": "merge", "persistence": 1.0}
    assert graph.nodes[6] == {"value": 4.0, "vertex": (6,), "kind": "minimum", "persistence": np.inf}
    simple = tree.simplify(1)
    assert simple.pairs.birth.tolist() == [0, 4]
    assert simple.labels(1).tolist() == [0, 1, 0, 0, 0, 0, 0, 0, 0]
    assert sorted(simple.graph().nodes) == [1, 6]


def test_many_components_that_meet_in_one_vertex() -> None:
    star = np.full((3, 3, 3), np.inf)
    star[1, 1, 1] = 10
    for k, v in enumerate([(0, 1, 1), (2, 1, 1), (1, 0, 1), (1, 2, 1), (1, 1, 0), (1, 1, 2)]):
        star[v] = k
    tree = merge_tree(star)
    assert listed(tree) == [
        (0, np.inf, 4, -1),
        *[(k, 10.0, v, 13) for k, v in [(1, 22), (2, 10), (3, 16), (4, 12), (5, 14)]],
    ]
    graph = tree.graph()
    assert set(graph.predecessors(13)) == {4, 22, 10, 16, 12, 14}
    assert tree.merge_level((1, 1, 0), (1, 1, 2)) == 10


@given(st.integers(0, 2**32 - 1))
def test_the_graph_is_the_tree(seed: int) -> None:
    r = np.random.default_rng(seed)
    tree = merge_tree(np.where(r.random((8, 9)) < 0.2, np.inf, r.integers(0, 9, (8, 9))))
    graph = tree.graph()
    assert nx.is_forest(graph) or not len(graph)
    assert all(graph.out_degree(v) <= 1 for v in graph)
    kinds = nx.get_node_attributes(graph, "kind")
    assert sum(k == "minimum" for k in kinds.values()) == tree.pairs.birth.size
    for v, w in graph.edges:
        assert graph.nodes[v]["value"] <= graph.nodes[w]["value"] and kinds[w] == "merge"
    # Cutting the tree at a level leaves N_u pieces.
    for u in tree.counts[0]:
        assert nx.number_weakly_connected_components(
            graph.subgraph(v for v in graph if graph.nodes[v]["value"] <= u)
        ) == tree.count(u)
    minima = [v for v in graph if kinds[v] == "minimum"]
    for a, b in itertools.pairwise(minima):
        above = [set(nx.descendants(graph, v)) for v in (a, b)]
        meet = min((graph.nodes[w]["value"] for w in above[0] & above[1]), default=np.inf)
        assert tree.merge_level(graph.nodes[a]["vertex"], graph.nodes[b]["vertex"]) == meet


def test_the_noise_bound_holds_and_is_not_vacuous() -> None:
    """A fine grid tells the truth about the product; on coarse ones every pair above the bound must be one of its pairs."""
    d2 = np.array([[8.0, 18.0], [18.0, 8.0]])  # sup |H| of (w1 w2 - 1)^2 on [-2, 2]^2: 2 w2^2, |4 w1 w2 - 2| <= 18
    for n in (11, 20, 41, 80, 200):
        x = np.linspace(-2, 2, n)
        for adjacency in ADJACENCIES:
            tree = merge_tree((x[:, None] * x - 1) ** 2, adjacency=adjacency)
            noise = tree.noise(d2, spacing=x[1] - x[0])
            assert noise.proved and noise.real_above == {"face": 4, "freudenthal": 2, "full": 2}[adjacency] * noise.size
            assert tree.simplify(noise.real_above).pairs.birth.size <= 2
            assert tree.simplify(noise.real_above).pairs.birth.size == 2 or n < 41
            assert tree.noise().size <= noise.size and not tree.noise().proved
            assert noise.size == pytest.approx(tree.noise(52, spacing=x[1] - x[0]).size)


def test_the_text_of_a_tree() -> None:
    text = str(merge_tree(np.array([[0.0, 3, 1], [2, 5, 4]])))
    assert text.splitlines()[0] == "Merge tree of a grid 2 x 3, face adjacency: 2 components are born."
    assert "pairs of persistence above" in text and "nothing is proved" in text


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.zeros((2,) * 7), "`values` needs 1 to 6 dimensions, found 7: take a slice or a projection."),
        (np.float64(3), "`values` needs 1 to 6 dimensions, found 0: take a slice or a projection."),
        (
            np.zeros((3, 0)),
            "`values` needs at least two vertices, found 0 (shape (3, 0)): sample the loss on a finer grid.",
        ),
        ([[1.0]], "`values` needs at least two vertices, found 1 (shape (1, 1)): sample the loss on a finer grid."),
        ([1.0, np.nan], "`values` needs numbers or +inf, found NaN at (1,): put +inf where the loss is not defined."),
        ([1.0, -np.inf], "`values` needs numbers or +inf, found -inf at (1,): bound the loss from below."),
        ([1j, 2], "`values` needs real numbers of at most 64 bits, found complex128: convert it to float64."),
        (
            np.array([2**53 + 1, 0]),
            "`values` needs integers of at most 2^53 in size, which float64 holds exactly, found larger ones: subtract an offset.",
        ),
        (
            np.ma.masked_array([1.0, 2.0], [True, False]),
            "`values` needs a plain array, found a masked array: fill it with +inf, which means outside.",
        ),
    ],
)
@pytest.mark.parametrize("method", ["auto", "sort"])
def test_bad_values(values: np.ndarray, message: str, method: str) -> None:
    with pytest.raises(InputError) as error:
        merge_tree(values, method=method)
    assert str(error.value) == message


@given(st.integers(0, 2**32 - 1))
def test_nan_is_found_wherever_it_is(seed: int) -> None:
    r = np.random.default_rng(seed)
    values = r.standard_normal((3, 30, 5))
    place = tuple(int(r.integers(n)) for n in values.shape)
    values[place] = np.nan
    for method in ("saddles", "sort"):
        with pytest.raises(InputError, match=f"found NaN at \\({place[0]}, {place[1]}, {place[2]}\\)"):
            merge_tree(values, method=method, periodic=[2] if r.random() < 0.5 else [])


def test_bad_options() -> None:
    E = np.zeros((2, 2))
    flags = "`periodic` needs True or False, one of them for each axis, or numbers of axes from 0 to 1"
    for options, message in [
        ({"adjacency": "edge"}, "`adjacency` needs one of face, freudenthal, full, found 'edge'."),
        ({"periodic": [2]}, f"{flags}, found [2]."),
        ({"periodic": [-3]}, f"{flags}, found [-3]."),
        ({"periodic": (True, 1)}, f"{flags}, found (True, 1)."),
        ({"periodic": [0.0]}, f"{flags}, found [0.0]."),
        ({"periodic": 1}, f"{flags}, found 1."),
        ({"periodic": (True,)}, "`periodic` needs one flag for each of the 2 axes, found 1: (True,)."),
        (
            {"periodic": (False, True, False)},
            "`periodic` needs one flag for each of the 2 axes, found 3: (False, True, False).",
        ),
        ({"method": "fast"}, "`method` needs one of auto, saddles, sort, found 'fast'."),
        ({"workers": 0}, "`workers` needs a number of threads of at least 1, found 0."),
    ]:
        with pytest.raises(InputError) as error:
            merge_tree(E, **options)
        assert str(error.value) == message
    tree = merge_tree(E)
    with pytest.raises(InputError, match="a level `u` needs to be a number, found NaN"):
        tree.count(np.nan)
    with pytest.raises(InputError, match=r"`persistence` needs a number of at least 0, found -1"):
        tree.simplify(-1)
    with pytest.raises(InputError, match=r"a vertex needs an index inside \(2, 2\), found \(2, 0\)"):
        tree.merge_level((2, 0), (0, 0))
    with pytest.raises(InputError, match="`spacing` is needed with `hessian`"):
        tree.noise(1.0)
    with pytest.raises(InputError, match="found \\+inf: give it a box inside the domain"):
        merge_tree([[0, np.inf], [1, 2]]).noise(1.0, 1.0)


def test_values_that_change_under_the_tree_are_noticed() -> None:
    values = np.array([0.0, 2, 1, 3])
    tree = merge_tree(values)
    values[:] = values[::-1].copy()
    with pytest.raises(InputError, match="`values` needs to stay as it is while its tree is used, found other minima"):
        tree.merge_level([0], [3])


def test_bad_losses() -> None:
    x = np.linspace(0, 1, 5)

    def fails(w: tuple[np.ndarray, ...]) -> np.ndarray:
        raise ZeroDivisionError("no such point")

    calls = itertools.count()
    for loss, message in [
        (fails, "`loss` raised ZeroDivisionError on slabs 0 to 5: no such point"),
        (
            lambda w: np.zeros(3),
            "`loss` needs to return real numbers of shape (5, 5) for the block it is given, found float64 of shape (3,).",
        ),
        (
            lambda w: w[0] * w[1] * np.nan,
            "`values` needs numbers or +inf, found NaN at (0, 0): put +inf where the loss is not defined.",
        ),
        (
            lambda w: w[0] + 1j * w[1],
            "`loss` needs to return real numbers of shape (5, 5) for the block it is given, found complex128 of shape (5, 5).",
        ),
    ]:
        with pytest.raises(InputError) as error:
            merge_tree_of_loss(loss, [x, x])
        assert str(error.value) == message
    tree = merge_tree_of_loss(lambda w: w[0] * w[1] + next(calls), [x, x])
    with pytest.raises(
        InputError, match="`loss` needs to be deterministic, found other values on slabs 0 to 5 at a second call"
    ):
        tree.values()
    with pytest.raises(InputError, match=r"`axes\[1\]` needs a list of finite coordinates, found shape \(1, 2\)"):
        merge_tree_of_loss(fails, [x, [[1, 2]]])
    with pytest.raises(TypeError, match="`loss` needs a function of the coordinates, found int"):
        merge_tree_of_loss(3, [x, x])  # pyright: ignore[reportArgumentType]


def test_a_constant_loss_may_return_a_number() -> None:
    assert merge_tree_of_loss(lambda w: 1.0, [[0, 1], [0, 1]]).counts[1].tolist() == [1]


def test_what_does_not_fit_is_refused_before_it_is_allocated(monkeypatch: pytest.MonkeyPatch) -> None:
    from numerics.sublevel.grids import grid

    E = np.random.default_rng(0).random((300, 300))
    tree = merge_tree(E)
    monkeypatch.setattr(grid, "available_memory", lambda: 100_000)
    with pytest.raises(InputError) as error:
        merge_tree(E, method="sort")
    assert str(error.value) == (
        "`values` has 90000 vertices and many saddles: sorting them needs 0.00268 GiB, found 9.31e-05 GiB available: "
        "use a coarser grid or smooth it."
    )
    with pytest.raises(InputError, match="`labels` of 90000 vertices needs"):
        tree.labels(0.5)
    x = np.linspace(0, 1, 10**5)
    with pytest.raises(InputError, match="a window of 2 blocks of 6 slabs needs"):
        merge_tree_of_loss(lambda w: w[0] + w[1], [np.arange(8.0), x])


def test_memory_that_is_left_is_a_positive_number() -> None:
    from numerics.sublevel.grids.grid import available_memory

    assert 2**20 < available_memory() <= 2**62


def test_progress_is_told() -> None:
    told = []
    x = np.linspace(-1, 1, 2000)
    merge_tree_of_loss(lambda w: w[0] ** 2 + w[1] ** 2, [x, x], progress=lambda done, total: told.append((done, total)))
    assert told == [(k + 1, len(told)) for k in range(len(told))] and len(told) > 3
