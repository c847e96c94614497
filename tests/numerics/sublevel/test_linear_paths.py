"""Paths below a level: of wide linear networks, and through gauge moves."""

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from numerics.arithmetic.exact import Matrix, diagonal, hstack, identity, vstack, zeros
from numerics.evidence.verdict import every
from numerics.strategies import data_matrices, linear_networks, matrices, sizes
from numerics.sublevel import GaugePath, connect, connect_through_gauge, exchange, sign_pattern, squared_error
from numerics.sublevel.paths.gauge_paths import Move


@st.composite
def problems(draw):
    """Two points of a network whose hidden layers are just wide enough, and data of any rank."""
    n, m, samples, depth = (draw(sizes(1, k)) for k in (3, 3, 4, 4))
    X = draw(data_matrices(n, samples))
    p = min(m, X.rank())
    layers = linear_networks((n, *(p + draw(sizes(1, 2)) for _ in range(depth - 1)), m))
    return draw(layers), draw(layers), X, draw(matrices(m, samples))


@given(problems())
@settings(max_examples=150, deadline=None)
def test_any_two_points_of_a_wide_network_are_joined_below_their_level(problem):
    start, end, X, Y = problem
    path = connect(start, end, X, squared_error(X, Y))
    assert path.verify().holds
    assert path.level == max(path.loss(start), path.loss(end))


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_the_exchange_moves_one_factor_keeps_the_product_and_ends_at_the_identity(data):
    m, r = data.draw(sizes(1, 3)), data.draw(sizes(1, 3))
    V, U = data.draw(data_matrices(m, m + data.draw(sizes(1, 2)))), None
    U = data.draw(data_matrices(V.cols, r))
    states = [(V, U), *exchange(V, U)]
    for (a, b), (c, d) in pairwise(states):
        assert (a == c or b == d) and c @ d == V @ U
    assert states[-1] == (hstack([identity(m), zeros(m, V.cols - m)]), vstack([V @ U, zeros(V.cols - m, r)]))


def test_all_zero_points_and_zero_data():
    zero = (zeros(3, 2), zeros(2, 3))
    other = (Matrix([[1, 2], [3, 4], [5, 6]]), Matrix([[1, 0, 0], [0, 1, 0]]))
    for X in (identity(2), zeros(2, 2), Matrix([[1, 1], [2, 2]])):
        assert connect(zero, other, X, squared_error(X, identity(2))).verify().holds
        assert connect(zero, zero, X, squared_error(X, identity(2))).verify().holds


def test_one_layer_is_one_segment():
    a, b = (Matrix([[1, 2]]),), (Matrix([[3, 4]]),)
    path = connect(a, b, identity(2), squared_error(identity(2), Matrix([[0, 0]])))
    assert path.vertices == (a, b) and path.verify().holds


def test_a_layer_without_a_spare_neuron_is_refused():
    a, b = (Matrix([[1]]), Matrix([[1]])), (Matrix([[-1]]), Matrix([[-1]]))
    one = Matrix([[1]])
    with pytest.raises(
        ValueError, match=r"Hidden layer 1 must be wider than min\(outputs, rank of `X`\) = 1, found width 1"
    ):
        connect(a, b, one, squared_error(one, one))
    with pytest.raises(ValueError, match="`V` must have more columns than rows, found 1x1"):
        list(exchange(one, one))


def test_layers_that_do_not_fit_are_refused():
    one = Matrix([[1]])
    loss = squared_error(one, one)
    with pytest.raises(ValueError, match="`start` and `end` must have layers of the same shapes"):
        connect((one,), (one, one), one, loss)
    with pytest.raises(ValueError, match="Layer 1 must take 1 inputs, found 2: the layers do not chain"):
        connect((Matrix([[1, 2]]),), (Matrix([[1, 2]]),), one, loss)
    with pytest.raises(ValueError, match="`start` must have at least one layer, found none"):
        connect((), (), one, loss)


@given(st.data())
@settings(max_examples=80, deadline=None)
def test_a_product_of_smaller_rank_joins_any_two_points_of_a_narrow_network(data):
    m = data.draw(sizes(1, 3))
    n = data.draw(sizes(m, 3))
    widths = (n, *(m + data.draw(sizes(0, 1)) for _ in range(data.draw(sizes(1, 3)) - 1)), m)
    start, end = data.draw(linear_networks(widths)), data.draw(linear_networks(widths))
    loss = squared_error(identity(n), data.draw(matrices(m, n)))
    path = connect_through_gauge(start, end, loss, zeros(m, n))
    assert path.verify().holds
    signs = sign_pattern(start)
    if signs == sign_pattern(end) and 0 not in signs:
        direct = connect_through_gauge(start, end, loss)
        assert direct.verify().holds and direct.level == max(loss(start), loss(end))
        determinants = [sign_pattern(move.point) for move in direct.moves]
        assert all(s == signs for s in determinants), "a path that keeps the level keeps the signs here"


def test_signs_of_determinants():
    assert sign_pattern((diagonal([1, 1]), diagonal([1, -1]), diagonal([-1, 1]))) == (1, -1)
    assert sign_pattern((diagonal([1], 2, 1), Matrix([[1, 1]]))) == ()
    assert sign_pattern((Matrix([[1]]), Matrix([[0]]))) == (0,)


def test_different_signs_need_a_product_of_smaller_rank():
    a, b = (Matrix([[1]]), Matrix([[1]])), (Matrix([[-1]]), Matrix([[-1]]))
    loss = squared_error(Matrix([[1]]), Matrix([[1]]))
    with pytest.raises(ValueError, match=r"The sign patterns must be equal and without 0, found \(1,\) and \(-1,\)"):
        connect_through_gauge(a, b, loss)
    with pytest.raises(ValueError, match="`through` must be 1x1 of rank below 1, found 1x1 of rank 1"):
        connect_through_gauge(a, b, loss, Matrix([[2]]))
    path = connect_through_gauge(a, b, loss, Matrix([[0]]))
    assert path.verify().holds and path.level == 1
    with pytest.raises(ValueError, match="Hidden layer 1 must have at least 2 neurons, found 1"):
        connect_through_gauge((Matrix([[1, 0]]), Matrix([[1], [0]])), (Matrix([[1, 0]]), Matrix([[1], [0]])), loss)


def test_false_gauge_paths_are_refuted():
    a = (diagonal([1, 1]), diagonal([1, 1]))
    loss = squared_error(identity(2), identity(2))
    rotated = diagonal([-1, -1])
    flip = GaugePath(loss, a, (Move((rotated, rotated), 0, rotated),), (rotated, rotated), 0)
    assert "neither I + N with N^2 = 0 nor positive diagonal" in flip.verify().reason
    assert "is no gauge move" in replace(flip, moves=(Move((rotated, rotated)),)).verify().reason
    assert (
        "not those of the gauge matrix"
        in replace(flip, moves=(Move((rotated, rotated), 0, 2 * rotated),)).verify().reason
    )
    assert "the shapes of the layers change" in replace(flip, moves=(Move((rotated,)),)).verify().reason
    high = replace(flip, moves=(Move((3 * a[0], a[1])),), end=(3 * a[0], a[1]))
    assert high.verify().fails
    assert every([replace(high, level=8).verify()]).holds
    assert replace(high, level=8, end=a).verify().fails
    outside = replace(flip, moves=(Move((rotated, rotated), 1, rotated),))
    assert "a gauge move at layer 1 moves the layers [0, 1]" in outside.verify().reason
