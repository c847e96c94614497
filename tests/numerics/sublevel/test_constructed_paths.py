"""Paths that are constructed: linear networks, wide layers, ridge, half of the units, permutations, splitting."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations, pairwise

import numpy as np
import pytest
from flint import arb, fmpq
from hypothesis import given, settings
from hypothesis import strategies as st

from numerics.arithmetic.exact import Matrix, column, identity, orthogonal
from numerics.evidence import InputError
from numerics.evidence.verdict import Rigour
from numerics.strategies import Stream, data_matrices, linear_networks, matrices, sizes
from numerics.sublevel.losses import NetworkLoss, one_hot
from numerics.sublevel.paths.certified import Turn, certify, joined, straight
from numerics.sublevel.paths.feature_paths import connect_by_compression, connect_by_exchange, features
from numerics.sublevel.paths.linear_paths import connect_linear
from numerics.sublevel.paths.ridge_paths import connect_with_ridge, rational_rotation, rotation_between
from numerics.sublevel.paths.unit_paths import Walk, aligned, merge, permute, permuted, split

one = Matrix([[1]])


def point(w, b):
    return column(list(w)), Matrix([list(b)])


# Linear networks.


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_linear_networks_of_any_depth_and_any_convex_loss(data):
    n, m, samples, depth = (data.draw(sizes(1, k)) for k in (3, 3, 3, 4))
    X = data.draw(data_matrices(n, samples))
    p = min(m, X.rank())
    widths = (n, *(p + data.draw(sizes(1, 2)) for _ in range(depth - 1)), m)
    outer = data.draw(st.sampled_from(["squared", "absolute", "cross-entropy"]))
    Y = one_hot([j % m for j in range(samples)], m) if outer == "cross-entropy" else data.draw(matrices(m, samples))
    a, b = data.draw(linear_networks(widths)), data.draw(linear_networks(widths))
    path = connect_linear(a, b, NetworkLoss(X, Y, outer=outer))
    assert path.start == a and path.end == b and path.level is None
    verdict = path.verify()
    assert verdict.holds and verdict.rigour is Rigour.EXACT, verdict.reason


def test_linear_paths_refuse_what_they_cannot_do():
    with pytest.raises(InputError, match="`loss` must be that of a linear network without biases and ridge"):
        connect_linear((one,), (one,), NetworkLoss(one, one, ridge=1))
    with pytest.raises(ValueError, match="Hidden layer 1 must be wider than"):
        connect_linear((one, one), (-1 * one, -1 * one), NetworkLoss(one, one))


# A unit to spare.


def wide(stream: Stream, activation: str, outer: str, extra: int = 1):
    n, m, samples = stream.integers(1, 3, 3)
    biases = bool(stream.integer(0, 1))
    X = stream.data(n, samples)
    Y = one_hot([j % m for j in range(samples)], m) if outer == "cross-entropy" else stream.matrix(m, samples)
    loss = NetworkLoss(X, Y, activation, outer, slope=fmpq(1, 3), biases=biases)
    h = samples + extra
    shapes = ((h, n + biases), (m, h + biases))
    return loss, *(tuple(stream.data(*s) for s in shapes) for _ in range(2))


@pytest.mark.parametrize("activation", ["relu", "abs", "leaky_relu", "identity"])
@pytest.mark.parametrize("outer", ["squared", "absolute", "cross-entropy"])
def test_two_layers_with_a_unit_to_spare_are_joined_below_the_ends(activation, outer):
    for i in range(40):
        loss, a, b = wide(Stream(11, i), activation, outer)
        path = connect_by_exchange(a, b, loss)
        verdict = path.verify()
        assert verdict.holds and verdict.rigour is Rigour.EXACT, (i, verdict.reason)
        outputs = [loss.outputs(w) for w in path.vertices]
        assert sum(x != y for x, y in pairwise(outputs)) <= 1
        assert path.start == a and path.end == b and len(path.rules) <= 6 * a[0].rows + 6


@pytest.mark.parametrize("activation", ["tanh", "sigmoid"])
def test_smooth_activations_lose_only_rounding(activation):
    for i in range(12):
        loss, a, b = wide(Stream(13, i), activation, "cross-entropy" if i % 2 else "squared")
        path = connect_by_exchange(a, b, loss)
        assert path.verify().holds
        ends = [loss(w) for w in (a, b)]
        assert float(arb(path.level)) <= max(float(arb(x)) for x in ends) * (1 + 1e-9) + 1e-9


def test_the_rank_of_the_features_is_enough_and_too_few_units_are_refused():
    X = Matrix([[1, 2, 3]])  # three samples on a ray: the features of ReLU units with w > 0 have rank 1
    loss = NetworkLoss(X, Matrix([[1, 2, 4]]), "relu")
    path = connect_by_exchange(point((1, 2), (1, 0)), point((3, 1), (0, -2)), loss)
    assert path.verify().holds
    two = NetworkLoss(Matrix([[1, -1]]), Matrix([[1, 1]]), "relu")
    with pytest.raises(InputError, match="must have more units than the features of both ends have rank, 2, found 2"):
        connect_by_exchange(point((1, -1), (1, 1)), point((-1, 1), (1, 1)), two)
    with pytest.raises(InputError, match="`start` must have two layers, found 1"):
        connect_by_exchange((one,), (one,), NetworkLoss(one, one))
    with pytest.raises(InputError, match="the same hidden width, found 2 and 3"):
        connect_by_exchange(point((1, 1), (1, 1)), point((1, 1, 1), (1, 1, 1)), two)
    with pytest.raises(InputError, match="`end` must be a point of the loss"):
        connect_by_exchange(point((1, 1), (1, 1)), (identity(2), identity(2)), two)


# Half of the units.


def test_half_of_the_units_are_enough_where_they_fit():
    for i in range(40):
        s = Stream(17, i)
        n, m, samples = s.integers(1, 2, 3)
        loss = NetworkLoss(s.data(n, samples), s.matrix(m, samples), "relu", "squared" if i % 2 else "absolute")
        h = 2 * samples + s.integer(0, 1)
        a, b = ((s.matrix(h, n), s.matrix(m, h)) for _ in range(2))
        path = connect_by_compression(a, b, loss)
        assert path.verify().holds and path.start == a and path.end == b
        assert path.level >= max(loss(a), loss(b))
        if all(features(loss, w[0]).rank() == samples for w in (a, b)):
            assert path.level == max(loss(a), loss(b))


def test_the_kept_units_decide_the_level():
    loss = NetworkLoss(Matrix([[1, -1]]), Matrix([[1, 1]]), "relu")
    a, b = point((1, -1, 1, -1), (1, 1, 0, 0)), point((-1, 1, 2, 3), (1, 1, 0, 0))
    assert connect_by_compression(a, b, loss, ((0, 1), (0, 1))).level == 0
    worse = connect_by_compression(a, b, loss, ((0, 2), (0, 1)))
    assert worse.level == 1 and worse.verify().holds
    assert replace(worse, level=fmpq(9, 10)).verify().fails
    with pytest.raises(InputError, match=r"`keep` must name at most 4 units from 0 to 3 .* found 3 and 2"):
        connect_by_compression(a, b, loss, ((0, 1, 2), (0, 1)))


# Units change places.


def test_two_units_are_swapped_through_a_third_at_no_loss():
    loss = NetworkLoss(Matrix([[1, -1]]), Matrix([[1, 1]]), "relu")
    a = point((1, -1, 0), (1, 1, 0))
    path = permute(a, loss, 0, [1, 0, 2], spare=2)
    expected = [
        point((1, -1, 0), (1, 1, 0)),
        point((1, -1, 1), (1, 1, 0)),
        point((1, -1, 1), (0, 1, 1)),
        point((-1, -1, 1), (0, 1, 1)),
        point((-1, -1, 1), (1, 0, 1)),
        point((-1, 1, 1), (1, 0, 1)),
        point((-1, 1, 1), (1, 1, 0)),
        point((-1, 1, 0), (1, 1, 0)),
    ]
    assert list(path.vertices) == expected and path.verify().holds and path.maximum().upper == 0
    # with two units only, the straight line and every other path must climb to 1
    assert straight(loss, point((1, -1), (1, 1)), point((-1, 1), (1, 1))).level == 2
    with pytest.raises(InputError, match=r"Unit 1 of hidden layer 0 .* must exist and be idle"):
        permute(point((1, -1), (1, 1)), loss, 0, [1, 0], spare=1)


def to_a_minimum(w):
    r"""The proof that two ReLU units $(a, b; c, d)$ on the samples $\pm 1$ with targets 1 have $N_u = 1$ for all $u \ge 1$, as a path.

    With $a > 0 > b$ the outputs are $ca$ and $d|b|$: $E$ is convex in $(c, d)$ and 0 at $(1/a, 1/|b|)$, and the minima with these signs are
    joined. With $a > 0$, $b \ge 0$ go to $(c, d) = (1/a, 0)$, where $E = 1$; then $b$ is idle and goes to $-1$. Likewise with $b > 0$, and
    with both signs turned. At $a = b = 0$, where $E = 2$, first let $c = d = 0$. So every point is joined to $a > 0 > b$ or $b > 0 > a$ at
    most at its own level and 1, and these to each other through $a = b = 1$ and $(c, d) = (t, 1 - t)$. For $0 \le u < 1$ no point with $ab \ge 0$
    is in the set, since one output is 0 there: $N_u = 2$.
    """
    path = [w]
    a, b = w[0].entries()
    if a == b == 0:
        path.append(point((a, b), (0, 0)))
        a = fmpq(1)
        path.append(point((a, b), (0, 0)))
    if a * b >= 0 and a != 0:
        path.append(point((a, b), (1 / abs(a), 0)))
        b = -a
        path.append(point((a, b), (1 / abs(a), 0)))
    elif a * b >= 0:
        path.append(point((a, b), (0, 1 / abs(b))))
        a = -b
        path.append(point((a, b), (0, 1 / abs(b))))
    return [*path, point((a, b), (1 / abs(a), 1 / abs(b)))]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sampled_from([fmpq(0), fmpq(1), fmpq(-1), fmpq(1, 3), fmpq(-5, 2), fmpq(3)]), min_size=4, max_size=4)
)
def test_two_relu_units_are_connected_from_one_on(numbers):
    loss = NetworkLoss(Matrix([[1, -1]]), Matrix([[1, 1]]), "relu")
    w = point(numbers[:2], numbers[2:])
    path = certify(loss, to_a_minimum(w), level=max(loss(w), fmpq(1)))
    assert path.verify().holds and loss(path.end) == 0
    a, b = path.end[0].entries()
    assert a * b < 0


def test_two_relu_units_merge_at_exactly_one():
    loss = NetworkLoss(Matrix([[1, -1]]), Matrix([[1, 1]]), "relu")
    ends = [
        ((1, -1), (1, 1)),
        ((1, -1), (1, 0)),
        ((1, 1), (1, 0)),
        ((1, 1), (0, 1)),
        ((-1, 1), (0, 1)),
        ((-1, 1), (1, 1)),
    ]
    path = certify(loss, [point(*w) for w in ends])
    assert path.level == 1 and path.verify().holds and path.maximum().lower == 1
    assert replace(path, level=fmpq(10**9 - 1, 10**9)).verify().fails


def test_one_two_one_is_connected_at_its_minimum_and_at_its_saddle():
    """$(ab + cd - 1)^2$: any two points are joined at the larger of their levels, at the critical values 0 and 1 too."""
    loss = NetworkLoss(one, one)
    minima = [point(*w) for w in (((1, 0), (1, 0)), ((0, 2), (5, fmpq(1, 2))), ((-1, 3), (2, 1)), ((-1, -1), (0, -1)))]
    saddles = [point(*w) for w in (((0, 0), (0, 0)), ((1, 0), (0, 7)), ((1, 1), (1, 1)))]
    for points, level in ((minima, 0), (minima + saddles, 1)):
        for a, b in combinations(points, 2):
            path = connect_linear(a, b, loss)
            assert max(loss(a), loss(b)) <= level and replace(path, level=level).verify().holds


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_every_permutation_is_a_path_of_constant_loss(data):
    stream = Stream(data.draw(st.integers(0, 10**6)))
    activation = data.draw(st.sampled_from(["relu", "tanh"]))
    biases = data.draw(st.booleans())
    n, h, g, m = stream.integers(1, 2, 1)[0], data.draw(st.integers(1, 4)), 2, 1
    loss = NetworkLoss(stream.data(n, 2), stream.matrix(m, 2), activation, biases=biases)
    layer = data.draw(st.integers(0, 1))
    shapes = ((h, n), (g, h), (m, g)) if layer == 0 else ((g, n), (h, g), (m, h))
    layers = [stream.data(p, q + biases) for p, q in shapes]
    spare = data.draw(st.integers(0, h - 1))
    layers[layer + 1] = layers[layer + 1].copy_with({(i, spare): 0 for i in range(layers[layer + 1].rows)})
    order = data.draw(st.permutations(range(h)))
    path = permute(tuple(layers), loss, layer, order, spare)
    assert path.end == permuted(tuple(layers), layer, order)
    assert set(path.rules) <= {"idle", "kept"} and len(path.rules) <= 3 * h + 3
    assert not path.problem()
    if loss.is_rational:
        assert path.verify().holds and {loss(w) for w in path.vertices} == {loss(path.start)}


def test_units_split_and_merge():
    loss = NetworkLoss(Matrix([[1, 2]]), Matrix([[1, 1]]), "relu", ridge=fmpq(1, 5))
    a = point((2, 0), (3, 0))
    path = split(a, loss, 0, 0, 1, "1/3")
    assert path.end == point((2, 2), (2, 1)) and path.verify().holds is False  # the ridge grows when a row is written
    free = replace(loss, ridge=0)
    path = split(a, free, 0, 0, 1, "1/3")
    assert path.verify().holds and free(path.end) == free(a)
    back = merge(path.end, free, 0, 1, 0)
    assert back.end == point((2, 2), (3, 0)) and joined(path, back).verify().holds
    with pytest.raises(InputError, match="must differ, found 1 for both"):
        split(a, free, 0, 1, 1)
    with pytest.raises(InputError, match="must have equal incoming weights to be merged"):
        merge(a, free, 0, 0, 1)
    with pytest.raises(InputError, match="`layer` must be a hidden layer, from 0 to 0, found 1"):
        Walk(a, 1)
    with pytest.raises(InputError, match=r"`order` must list every unit from 0 to 1 once, found \[0, 0\]"):
        permuted(a, 0, [0, 0])


def test_alignment_undoes_a_permutation():
    rng = np.random.default_rng(0)
    shapes = ((5, 3), (4, 6), (2, 5))
    a = tuple(Matrix(rng.integers(-9, 9, s)) for s in shapes)
    loss = NetworkLoss(Matrix(rng.integers(-3, 4, (2, 12))), Matrix(rng.integers(-3, 4, (2, 12))), "relu", biases=True)
    shuffled = permuted(permuted(a, 0, [3, 1, 4, 0, 2]), 1, [2, 3, 1, 0])
    assert loss(shuffled) == loss(a)
    found, orders = aligned(a, shuffled, loss)
    assert found == a and sorted(orders[0]) == [0, 1, 2, 3, 4]
    other = tuple(Matrix(rng.integers(-9, 9, s)) for s in shapes)
    nearer, _ = aligned(a, other, loss)
    assert loss(nearer) == loss(other)


# Ridge.


@pytest.mark.parametrize("ridge", [fmpq(1, 10), fmpq(1), fmpq(0)])
def test_two_linear_layers_with_ridge_are_joined_below_their_level(ridge):
    for i in range(12):
        s = Stream(3, i)
        n, m = s.integers(1, 3, 2)
        N = s.integer(1, 3)
        loss = NetworkLoss(s.data(n, N), s.matrix(m, N), ridge=ridge)
        h = min(n, m) + 1 + s.integer(0, 1)
        a, b = s.linear_network((n, h, m)), s.linear_network((n, h, m))
        path = connect_with_ridge(a, b, loss)
        level = path.level if path.level is not None else max(loss(a), loss(b))
        assert level == max(loss(a), loss(b)) and path.verify().holds and path.start == a and path.end == b


def test_turned_copies_are_joined_by_one_exact_turn():
    loss = NetworkLoss(identity(2), Matrix([[2, 0], [0, 1]]), ridge=fmpq(1, 4))
    for i in range(20):
        s = Stream(5, i)
        W1, W2 = s.data(3, 2), s.data(2, 3)
        Q = orthogonal(3, s.integers(-2, 2, 3), [1, 1, 1])
        a, b = (W1, W2), (Q @ W1, W2 @ Q.T)
        path = connect_with_ridge(a, b, loss)
        assert len(path.rules) == 1 and isinstance(path.rules[0], Turn) and path.verify().holds
    # a reflection is mended by the idle direction when there is one, and impossible without
    mirror = Matrix([[-1, 0], [0, 1]])
    flat = (Matrix([[1], [1]]), Matrix([[2, 2]]))
    Q = rotation_between(flat, (mirror @ flat[0], flat[1] @ mirror))
    assert Q is not None and Q.det() == 1 and Q @ flat[0] == mirror @ flat[0]
    full = (identity(2), identity(2))
    assert rotation_between(full, (mirror, mirror)) is None and rotation_between(full, flat) is None


def test_rounded_rotations_are_rotations():
    rng = np.random.default_rng(1)
    for n in (1, 2, 3, 5):
        R, _ = np.linalg.qr(rng.standard_normal((n, n)))
        R[:, 0] *= np.linalg.det(R)
        Q = rational_rotation(R)
        assert Q.is_orthogonal() and Q.det() == 1 and np.abs(Q.to_numpy() - R).max() < 1e-12
    assert rational_rotation(np.eye(3)) == identity(3)
    half = np.diag([-1.0, -1.0, 1.0])
    assert np.array_equal(rational_rotation(half).to_numpy(), half)


def test_ridge_needs_a_spare_unit():
    loss = NetworkLoss(one, one, ridge=fmpq(1, 4))
    with pytest.raises(InputError, match=r"one hidden width above min\(inputs, outputs\) = 1, found 1 and 1"):
        connect_with_ridge((one, one), (-1 * one, -1 * one), loss)
    with pytest.raises(InputError, match="`loss` must be squared, of a linear network"):
        connect_with_ridge(point((1, 1), (1, 1)), point((1, 1), (1, 1)), NetworkLoss(one, one, "relu"))
    with pytest.raises(InputError, match="must have two layers, found 3"):
        connect_with_ridge((one, one, one), (one, one, one), loss)
