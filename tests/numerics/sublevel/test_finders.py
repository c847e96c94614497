"""Searched paths, the barrier graph and gradients: what is found is certified, and the certificate is checked against samples."""

from __future__ import annotations

import itertools
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import networkx as nx
import numpy as np
import pytest
from flint import arb, fmpq
from hypothesis import given, settings
from hypothesis import strategies as st

from numerics.arithmetic.exact import Matrix, zeros
from numerics.evidence import InputError
from numerics.networks import Activation, Data, Dense, Network
from numerics.networks.gradients import loss_and_gradient
from numerics.sublevel.losses import NetworkLoss, one_hot
from numerics.sublevel.paths import chords
from numerics.sublevel.paths.barriers import (
    barrier_graph,
    barriers,
    is_ultrametric,
    lowest_path,
    plot_barriers,
    plot_profile,
    spanning_tree,
)
from numerics.sublevel.paths.certified import between, straight
from numerics.sublevel.paths.finders import FINDERS, bezier, connect_by_search, nudged_elastic_band, string_sampling
from numerics.sublevel.paths.point_vectors import objective, of_network, pack, rounded, to_network

rng = np.random.default_rng(0)
X = Matrix(np.round(rng.standard_normal((2, 6)) * 8) / 8)
Y = Matrix(np.round(rng.standard_normal((1, 6)) * 8) / 8)
LIKE = (zeros(4, 3), zeros(1, 5))


def trained(loss, seed, like=LIKE):
    from scipy.optimize import minimize

    size = sum(W.rows * W.cols for W in like)
    start = np.random.default_rng(seed).standard_normal(size)
    return rounded(minimize(objective(loss, like), start, jac=True, method="L-BFGS-B").x, like, 24)


# Gradients.


@pytest.mark.parametrize("activation", ["tanh", "sigmoid", "relu", "leaky_relu", "abs", "identity"])
@pytest.mark.parametrize("outer", ["squared", "absolute", "cross-entropy"])
def test_gradients_are_the_limits_of_difference_quotients(activation, outer):
    for biases in (False, True):
        targets = one_hot([0, 1, 2, 0, 1, 2], 3) if outer == "cross-entropy" else Matrix(rng.integers(-3, 4, (3, 6)))
        loss = NetworkLoss(X, targets, activation, outer, fmpq(1, 7), fmpq(1, 4), biases)
        like = (zeros(4, 2 + biases), zeros(2, 4 + biases), zeros(3, 2 + biases))
        f, v = objective(loss, like), rng.standard_normal(sum(W.rows * W.cols for W in like))
        value, gradient = f(v)
        exact = loss(rounded(v, like))
        assert abs(value - float(exact if isinstance(exact, arb) else arb(exact))) <= 1e-12 * (1 + abs(value))
        h = 1e-6
        for k in range(v.size):
            e = h * (np.arange(v.size) == k)
            assert abs((f(v + e)[0] - f(v - e)[0]) / (2 * h) - gradient[k]) < 1e-5 * (1 + abs(gradient[k]))


def test_nothing_flows_back_through_a_sign():
    network = Network([Dense([[2.0], [-1.0]]), Activation("sign"), Dense([[1.0, 3.0]])])
    value, ((first, _), (last, _)) = loss_and_gradient(network, [[1.0], [0.0]], [[0.0], [0.0]], "squared")
    assert value == 4.0 and first.tolist() == [[0.0], [0.0]] and last.tolist() == [[-4.0, 4.0]]


def test_gradients_of_a_network_with_and_without_biases():
    W1, W2, b = rng.standard_normal((3, 2)), rng.standard_normal((2, 3)), rng.standard_normal(2)
    x, y = rng.standard_normal((5, 2)), np.eye(2)[[0, 1, 0, 0, 1]]

    def at(b):
        return loss_and_gradient(Network([Dense(W1), Activation("tanh"), Dense(W2, b)]), x, y)

    value, ((_, none), (dW2, db)) = at(b)
    assert none is None and db is not None and dW2.shape == (2, 3) and value > 0
    e = np.array([1e-6, 0])
    assert abs((at(b + e)[0] - at(b - e)[0]) / 2e-6 - db[0]) < 1e-6
    with pytest.raises(InputError, match="`X` and `Y` must be n x 2 and n x 2, found shapes"):
        loss_and_gradient(Network([Dense(W1), Dense(W2)]), x, y[:3])
    with pytest.raises(InputError, match="`outer` must be one of squared, absolute, cross-entropy, found 'hinge'"):
        loss_and_gradient(Network([Dense(W1), Dense(W2)]), x, y, "hinge")


@pytest.mark.parametrize("name", ["relu6", "hard_tanh"])
def test_gradients_where_activations_are_clipped(name):
    W1, W2 = 4 * rng.standard_normal((6, 2)), rng.standard_normal((2, 6))
    x, y = rng.standard_normal((5, 2)), np.zeros((5, 2))
    inside = x @ W1.T
    assert (inside > 6).any() and (abs(inside) < 1).any() and (inside < -1).any()

    def at(W1):
        return loss_and_gradient(Network([Dense(W1), Activation(name), Dense(W2)]), x, y)

    gradient = at(W1)[1][0][0]
    for i, j in np.ndindex(W1.shape):
        e = np.zeros_like(W1)
        e[i, j] = 1e-6
        assert abs((at(W1 + e)[0] - at(W1 - e)[0]) / 2e-6 - gradient[i, j]) < 1e-5 * (1 + abs(gradient[i, j]))


def test_networks_become_points_and_come_back():
    network = Network(
        [Dense(rng.standard_normal((3, 2)), rng.standard_normal(3)), Activation("relu"), Dense(np.ones((2, 3)))]
    )
    data = Data(rng.standard_normal((4, 2)), np.array([0, 1, 1, 0]))
    loss, point = of_network(network, data)
    assert loss.biases and loss.activation == "relu" and point[1].cols == 4
    assert np.array_equal(to_network(point, loss)(data.X), network(data.X))
    targets = np.eye(2)[data.y]
    assert abs(loss_and_gradient(network, data.X, targets)[0] - float(arb(loss(point)))) < 1e-12
    two = Network([Dense(np.eye(2)), Activation("relu"), Dense(np.eye(2)), Activation("tanh"), Dense(np.eye(2))])
    with pytest.raises(InputError, match="must be dense layers with one activation between them"):
        of_network(two, data)
    with pytest.raises(
        InputError, match=r"must have 2 features and labels below 1, as the network, found .* the label 1"
    ):
        of_network(Network([Dense(np.ones((1, 2)))]), data)
    plain, point = of_network(Network([Dense(np.eye(2))]), data, "squared")
    assert plain.activation == "identity" and not plain.biases and point == (Matrix([[1, 0], [0, 1]]),)


# Finders.


@pytest.mark.parametrize("method", FINDERS)
def test_searched_paths_are_certified(method):
    loss = NetworkLoss(X, Y, "tanh", biases=True)
    a, b = trained(loss, 1), trained(loss, 2)
    path = connect_by_search(a, b, loss, method, tolerance=5e-2)
    assert path.start == a and path.end == b and path.verify().holds
    inside = [between(v, w, fmpq(k, 8)) for v, w in pairwise(path.vertices) for k in range(1, 8)]
    top = max(chords.value_at(loss, w)[0] for w in (*path.vertices, *inside))
    assert top <= float(path.level) <= top * 1.3 + 0.05
    if method != "line":
        assert path.level < straight(loss, a, b).level / 2
    assert not replace(path, level=fmpq(path.level) * fmpq(9, 10)).verify().holds


def test_an_exact_loss_is_certified_exactly():
    loss = NetworkLoss(X, Y, "relu", biases=True)
    a, b = trained(loss, 1), trained(loss, 2)
    path = connect_by_search(a, b, loss, "elastic band", cycles=2, steps=20)
    assert set(path.rules) == {"pieces"} and path.verify().holds


def ring(v):
    """Minima on the unit circle, a hill in the middle: a straight line must climb to 1, a path need not."""
    r2 = v @ v
    return float((r2 - 1) ** 2), 4 * (r2 - 1) * v


def highest(path):
    return max(ring(v + t * (w - v))[0] for v, w in itertools.pairwise(path) for t in np.linspace(0, 1, 21))


def test_finders_go_around_a_hill():
    # not quite opposite: exactly opposite ends are a symmetric saddle of the search
    a, b = np.array([1.0, 0.0]), np.array([-0.98, np.sqrt(1 - 0.98**2)])
    assert highest(np.array([a, b])) > 0.9
    assert highest(nudged_elastic_band(ring, a, b, steps=100)) < 0.15
    assert highest(string_sampling(ring, a, b, level=0.05, depth=6)) <= 0.06
    assert highest(bezier(ring, a, b)) < 0.35
    path = nudged_elastic_band(ring, a, b, pivots=1, cycles=3)
    assert len(path) > 3, "new pivots come where the chain is high"


def test_equal_ends_stay_where_they_are():
    a = np.array([1.0, 0.0])
    for finder in FINDERS.values():
        path = finder(ring, a, a)
        assert np.isfinite(path).all() and np.array_equal(path[0], a) and np.array_equal(path[-1], a)
    loss = NetworkLoss(X, Y, "tanh", biases=True)
    w = trained(loss, 1)
    assert connect_by_search(w, w, loss, "line").verify().holds


def test_finders_refuse_what_does_not_fit():
    loss = NetworkLoss(X, Y, "tanh", biases=True)
    with pytest.raises(InputError, match="`method` must be one of line, elastic band, string, bezier, found 'walk'"):
        connect_by_search(LIKE, LIKE, loss, "walk")
    with pytest.raises(InputError, match="`start` must be a point of the loss"):
        connect_by_search((zeros(1, 1),), LIKE, loss)
    with pytest.raises(InputError, match="layers of the same shapes"):
        connect_by_search((zeros(3, 3), zeros(1, 4)), LIKE, loss)
    with pytest.raises(InputError, match=r"two vectors of one length, found shapes \(2,\) and \(3,\)"):
        bezier(ring, np.zeros(2), np.zeros(3))


# Barriers.


def test_barriers_among_minima_are_an_ultrametric():
    loss = NetworkLoss(X, Y, "relu", biases=True)
    points = [trained(loss, s) for s in range(4)]
    graph = barrier_graph(points, lambda a, b: straight(loss, a, b))
    tree, found = spanning_tree(graph), barriers(graph)
    assert isinstance(graph, nx.Graph) and tree.number_of_edges() == 3 and len(found) == 16
    assert is_ultrametric(found).holds
    for x in range(4):
        assert found[x, x] == graph.nodes[x]["value"]
        for y in range(4):
            if x != y:
                best = min(
                    max(graph.edges[e]["weight"] for e in itertools.pairwise(chain))
                    for chain in nx.all_simple_paths(graph, x, y)
                )
                assert found[x, y] == best
                path = lowest_path(graph, x, y)
                assert path.start == points[x] and path.end == points[y] and path.verify().holds
                assert Fraction(int(path.level.p), int(path.level.q)) == best


@settings(max_examples=100, deadline=None)
@given(st.integers(2, 6), st.data())
def test_minimax_on_random_graphs(n, data):
    graph = nx.Graph()
    graph.add_nodes_from(range(n), value=Fraction(0))
    for i in range(n):
        for j in range(i):
            if data.draw(st.booleans()):
                graph.add_edge(i, j, weight=Fraction(data.draw(st.integers(0, 4))))
    found = barriers(graph)
    assert is_ultrametric(found).holds
    for x in range(n):
        for y in range(n):
            assert ((x, y) in found) == nx.has_path(graph, x, y)
            if x != y and (x, y) in found:
                chains = nx.all_simple_paths(graph, x, y)
                assert found[x, y] == min(max(graph.edges[e]["weight"] for e in itertools.pairwise(c)) for c in chains)


def test_a_broken_ultrametric_is_seen():
    one = Fraction(1)
    found = {(0, 0): 0 * one, (1, 1): 0 * one, (2, 2): 0 * one}
    for (x, y), b in {(0, 1): 1, (1, 2): 2, (0, 2): 3}.items():
        found[x, y] = found[y, x] = b * one
    assert is_ultrametric(found).fails, "the triangle inequality 3 <= 1 + 2 is not enough"
    assert is_ultrametric({**found, (0, 2): 2 * one, (2, 0): 2 * one}).holds
    assert is_ultrametric({**found, (0, 2): 2 * one, (2, 0): one}).fails


def test_the_graph_refuses_paths_that_prove_nothing():
    loss = NetworkLoss(X, Y, "relu", biases=True)
    points = [trained(loss, s) for s in range(3)]
    with pytest.raises(InputError, match="must hold at least two points, found 1"):
        barrier_graph(points[:1], lambda a, b: straight(loss, a, b))
    with pytest.raises(InputError, match=r"two different points from 0 to 2, found \(0, 3\)"):
        barrier_graph(points, lambda a, b: straight(loss, a, b), [(0, 3)])
    with pytest.raises(InputError, match="must go from one to the other"):
        barrier_graph(points, lambda a, b: straight(loss, b, a), [(0, 1)])
    with pytest.raises(InputError, match="The path between the points 0 and 1 must verify"):
        barrier_graph(points, lambda a, b: replace(straight(loss, a, b), level=0), [(0, 1)])
    part = barrier_graph(points, lambda a, b: straight(loss, a, b), [(0, 1)])
    with pytest.raises(InputError, match="must be different and joined by a chain of paths"):
        lowest_path(part, 0, 2)


def test_figures_are_drawn():
    from matplotlib.figure import Figure

    loss = NetworkLoss(X, Y, "relu", biases=True)
    graph = barrier_graph([trained(loss, s) for s in range(3)], lambda a, b: straight(loss, a, b))
    axes = Figure().subplots(1, 2)
    plot_barriers(graph, axes[0])
    assert len(axes[0].lines) == 6 and axes[0].get_ylabel() == "certified loss"
    plot_profile(graph.edges[0, 1]["path"], axes[1])
    assert len(axes[1].lines) == 2
    heights = max(y for line in axes[1].lines[:1] for y in line.get_ydata())
    assert heights <= float(graph.edges[0, 1]["weight"])
    assert pack(graph.nodes[0]["point"]).size == 17
