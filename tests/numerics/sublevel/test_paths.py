"""Certified paths: every rule where it applies, and every way to misuse one is seen."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from flint import arb, fmpq
from hypothesis import given, settings
from hypothesis import strategies as st

from numerics.arithmetic.exact import Matrix, column, diagonal, identity, rational, zeros
from numerics.evidence import Certificate, InputError, Rigour
from numerics.strategies import Stream, data_matrices, matrices, sizes
from numerics.sublevel.losses import ConvexLoss, NetworkLoss, PolynomialLoss, one_hot
from numerics.sublevel.paths import chords, exact_segments
from numerics.sublevel.paths.certified import (
    PathCertificate,
    Turn,
    between,
    certify,
    joined,
    profile,
    reversed_path,
    rule_for,
    straight,
)
from numerics.sublevel.paths.exact_segments import bernstein

one = Matrix([[1]])


def scalars(*numbers):
    return tuple(Matrix([[x]]) for x in numbers)


@st.composite
def problems(draw, rational_loss: bool | None = None):
    """A network, two points of it, and data; degenerate ones are common."""
    activation = draw(
        st.sampled_from(["relu", "identity", "leaky_relu", "abs", "tanh", "sigmoid"][: 4 if rational_loss else 6])
    )
    outer = draw(st.sampled_from(["squared", "absolute", "cross-entropy"][: 2 if rational_loss else 3]))
    biases = draw(st.booleans())
    widths = [draw(sizes(1, 3)) for _ in range(draw(sizes(2, 4)))]
    samples = draw(sizes(1, 3))
    X = draw(data_matrices(widths[0], samples))
    if outer == "cross-entropy":
        Y = one_hot([draw(st.integers(0, widths[-1] - 1)) for _ in range(samples)], widths[-1])
    else:
        Y = draw(matrices(widths[-1], samples))
    loss = NetworkLoss(X, Y, activation, outer, draw(st.sampled_from([0, fmpq(1, 10)])), fmpq(1, 3), biases)
    layers = [draw(matrices(m, n + biases)) for n, m in itertools.pairwise(widths)]
    others = [draw(matrices(m, n + biases)) for n, m in itertools.pairwise(widths)]
    kept = draw(st.integers(0, 3))  # often only some layers move
    if kept:
        others = [w if k % kept else layers[k] for k, w in enumerate(others)]
    return loss, tuple(layers), tuple(others)


def sampled(loss, a, b, n=9):
    values = [loss(between(a, b, fmpq(k, n - 1))) for k in range(n)]
    return max(float(v if isinstance(v, arb) else arb(v)) for v in values)


# Segments.


@settings(max_examples=120, deadline=None)
@given(problems(rational_loss=True))
def test_exact_segments_are_above_all_samples_and_attained(problem):
    loss, a, b = problem
    found = exact_segments.maximum_along(loss, a, b)
    assert found.lower <= found.upper <= found.lower + fmpq(1, 10**6) * (1 + abs(found.lower))
    for k in range(8):
        assert loss(between(a, b, fmpq(k, 7))) <= found.upper
    assert exact_segments.stays_below(loss, a, b, found.upper) is not False
    if found.lower > 0:
        assert exact_segments.stays_below(loss, a, b, found.lower * fmpq(999, 1000)) is not True
    # no piece is missing, and each agrees with the loss at a point inside
    parts = exact_segments.pieces(loss, a, b)
    assert parts[0].left == 0 and parts[-1].right == 1
    assert all(p.right == q.left for p, q in itertools.pairwise(parts))
    for p in parts[:12]:
        t = (p.left + 2 * p.right) / 3
        assert p.loss is None or p.loss(t) == loss(between(a, b, t))


@settings(max_examples=60, deadline=None)
@given(problems())
def test_chords_enclose_the_maximum_of_any_activation_and_loss(problem):
    loss, a, b = problem
    found = chords.maximum_along(loss, a, b, 1e-2, pieces=2000)
    top = sampled(loss, a, b)
    assert found.lower <= found.upper and float(found.upper) >= top * (1 - 1e-12) - 1e-12
    assert float(found.upper) <= float(found.lower) + 2e-2 * (1 + float(found.lower))
    low, high = chords.value_at(loss, a)
    value = exact_segments.bracket(loss(a))
    assert rational(low) <= value.upper and value.lower <= rational(high)
    assert high - low <= 1e-9 * (1 + high)


@settings(max_examples=150, deadline=None)
@given(problems())
def test_one_undivided_piece_encloses_outputs_and_loss(problem):
    """Bisection would hide a radius that is too small, so the whole segment is one piece here."""
    loss, a, b = problem
    segment = chords._Segment(loss, a, b)
    ends = np.zeros(1), np.ones(1)
    z, upper = segment.outputs(*ends), segment.losses(*ends)[0][0]
    for k in range(1, 8):
        w, s = between(a, b, fmpq(k, 8)), k / 8
        assert exact_segments.bracket(loss(w)).lower <= rational(float(upper))
        at = chords._Segment(loss, w, w).outputs(np.zeros(1), np.zeros(1))
        off = np.abs(at.left - (1 - s) * z.left - s * z.right)
        assert (off <= z.radius + at.radius + 1e-12 * (1 + np.abs(at.left))).all()


def test_the_bounds_on_one_piece_are_needed():
    """Each source of error alone, on [0, 1]: the bound holds, and it is not much too large."""
    ends, half = (np.zeros(1), np.ones(1)), fmpq(1, 2)
    rising = (Matrix([[0]]), Matrix([[0]])), (Matrix([[2]]), Matrix([[-2]]))  # the product of two lines
    switch = (Matrix([[-1]]), Matrix([[1]])), (Matrix([[1]]), Matrix([[1]]))  # a unit that switches
    smooth = (Matrix([[0]]), Matrix([[1]])), (Matrix([[3]]), Matrix([[1]]))
    for activation, (a, b), gap in (("identity", rising, 1.0), ("relu", switch, 0.5), ("tanh", smooth, 0.867)):
        loss = NetworkLoss(one, Matrix([[0]]), activation)
        z = chords._Segment(loss, a, b).outputs(*ends)
        w = between(a, b, half)
        middle = chords._Segment(loss, w, w).outputs(*ends).left
        off = abs(float((middle - (z.left + z.right) / 2).item()))
        assert off <= float(z.radius.item()) <= gap + 1e-6 and off > 0.39
    # both outputs bend by 1 in the middle, and the cross-entropy there is larger than at both ends
    loss = NetworkLoss(one, one_hot([0], 2), "relu", "cross-entropy")
    V = Matrix([[1, 1], [-1, -1]])
    a, b, w = (column([-1, 1]), V), (column([1, -1]), V), (column([0, 0]), V)
    low, middle = float(arb(loss(a))), float(arb(loss(w)))
    upper = float(chords._Segment(loss, a, b).losses(*ends)[0][0])
    assert low + 0.5 < middle <= upper <= low + 2 + 1e-6


def test_a_level_or_a_floor_saves_work_and_stays_rigorous():
    loss = NetworkLoss(Matrix([[1, -1]]), Matrix([[1, 1]]), "tanh")
    a, b = (column([1, -1]), Matrix([[1, 1]])), (column([-1, 1]), Matrix([[1, 1]]))
    full = chords.maximum_along(loss, a, b, 1e-4)  # 2 in the middle
    assert 2 - 1e-3 < float(full.lower) <= 2 <= float(full.upper) < 2 + 1e-3
    above = chords.maximum_along(loss, a, b, 1e-4, level=2.25)
    assert 2 <= float(above.upper) <= 2.25
    below = chords.maximum_along(loss, a, b, 1e-4, level=1.5)
    assert float(below.lower) > 1.5
    high = chords.maximum_along(loss, a, b, 1e-4, floor=10.0)
    assert high.upper >= 2 and high.lower <= 2
    few = chords.maximum_along(loss, a, b, 1e-9, pieces=8)
    assert few.lower <= 2 <= few.upper and few.upper - few.lower > fmpq(1, 10**6), "wide, but rigorous"


@settings(max_examples=40, deadline=None)
@given(problems(rational_loss=True))
def test_both_engines_agree(problem):
    loss, a, b = problem
    exact, floats = exact_segments.maximum_along(loss, a, b), chords.maximum_along(loss, a, b, 1e-2, pieces=2000)
    assert floats.lower <= exact.upper and exact.lower <= floats.upper


def test_an_irrational_switch_is_enclosed():
    # three layers move at once: w3 relu(w2 relu(w1)) with w2 w1 = (2t-1)(1+t) - ... has irrational roots
    loss = NetworkLoss(one, Matrix([[0]]), "relu", biases=True)
    a = (Matrix([[1, 1]]), Matrix([[-1, 0]]), Matrix([[1, 0]]))
    b = (Matrix([[2, 1]]), Matrix([[1, 1]]), Matrix([[2, 0]]))
    parts = exact_segments.pieces(loss, a, b)
    gaps = [p for p in parts if p.loss is None]
    assert len(gaps) == 1 and 0 < gaps[0].right - gaps[0].left < fmpq(1, 2**39)
    found = exact_segments.maximum_along(loss, a, b)
    assert found.lower == loss(b) == found.upper == 64
    below = certify(loss, [a, between(a, b, fmpq(1, 2))], ["pieces"])
    assert below.verify().holds


@given(st.lists(st.integers(-3, 3), min_size=1, max_size=5), st.integers(-2, 2), st.integers(0, 3))
def test_bernstein_coefficients_bound_the_polynomial(coefficients, left, length):
    from numerics.arithmetic.polynomial import Polynomial

    p = Polynomial(coefficients)
    values = [p(left + fmpq(k, 6) * length) for k in range(7)]
    c = bernstein(p, fmpq(left), fmpq(left + length))
    assert min(c) <= min(values) and max(values) <= max(c) and c[0] == values[0] and c[-1] == values[-1]


# Rules.


@settings(max_examples=100, deadline=None)
@given(problems(), st.integers(0, 99))
def test_a_straight_path_is_certified_by_some_rule(problem, seed):
    loss, a, b = problem
    path = certify(loss, [a, b], tolerance=0.05)
    assert isinstance(path, Certificate)
    verdict = path.verify()
    assert verdict.holds, verdict.reason
    assert reversed_path(path).verify().holds
    assert float(arb(path.level)) >= sampled(loss, a, b, 5) * (1 - 1e-12) - 1e-12
    lower = replace(path, level=path.maximum().lower - fmpq(1, 10**6))
    assert not lower.verify().holds


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_rules_by_ends_never_miss_a_maximum(data):
    """Whenever `convex`, `idle` or `kept` applies, no sampled loss is above the two ends."""
    from numerics.sublevel.paths.certified import misused

    loss, a, b = data.draw(problems(rational_loss=True))
    k = data.draw(st.integers(0, len(a) - 1))
    b = (*a[:k], b[k], *a[k + 1 :])
    top = max(loss(a), loss(b))
    for rule in ("convex", "idle", "kept"):
        if not misused(loss, a, b, rule):
            assert all(loss(between(a, b, fmpq(i, 7))) <= top for i in range(8))


def test_two_wells_need_the_polynomial():
    loss = PolynomialLoss(lambda w: (w[0][0][0] ** 2 - fmpq(1, 4)) ** 2)
    a, b = scalars(fmpq(-1, 2)), scalars(fmpq(1, 2))
    assert loss(a) == loss(b) == 0 and loss(scalars(0)) == fmpq(1, 16)
    false = PathCertificate(loss, (a, b), ("convex",), 0, a, b)
    assert false.verify().fails and "not known to be convex in layer 0" in false.verify().reason
    for rule in ("idle", "kept", "pieces", "chords", Turn(0, one)):
        assert replace(false, rules=(rule,), level=1).verify().holds is (rule == "pieces")
    path = certify(loss, [a, b])
    assert path.rules == ("polynomial",) and path.level == fmpq(1, 16) and path.verify().rigour is Rigour.EXACT
    assert replace(path, level=fmpq(1, 17)).verify().fails


def quartic(w):
    """A convex function of the product that no `NetworkLoss` knows."""
    return sum((x**4 for x in (w[1] @ w[0] - identity(2)).entries()), fmpq(0))


def test_a_convex_loss_of_the_caller_is_bounded_by_the_ends_of_moves_of_one_layer():
    loss = ConvexLoss(quartic)
    a, m, b = ((column([k, 0]).T, column([k, 0])) for k in (1, 0, -1))
    path = certify(loss, [a, (m[0], a[1]), m, (m[0], b[1]), b])
    assert path.rules == ("convex",) * 4 and path.level == 2 and path.verify().holds
    assert isinstance(path, Certificate) and path.verify().rigour is Rigour.EXACT
    shorter = replace(path, vertices=path.vertices[:2] + path.vertices[3:], rules=("convex",) * 3)
    assert shorter.verify().holds  # two moves of one layer in a row are as good as one
    for rule in ("idle", "kept", "polynomial", "pieces", "chords", Turn(0, identity(1))):
        assert replace(path, rules=(rule, *path.rules[1:])).verify().fails
    for changes, reason in (
        ({"level": fmpq(2) - fmpq(1, 10**30)}, "the largest loss on segment 0 (convex) is 2, the level"),
        ({"vertices": (a, b), "rules": ("convex",)}, "moves one layer, found the layers [0, 1]"),
        (
            {"vertices": (a, (), b), "rules": ("convex",) * 2},
            "vertex 1 is no point of this loss: there must be at least",
        ),
    ):
        verdict = replace(path, **changes).verify()
        assert verdict.fails and reason in verdict.reason
    with pytest.raises(
        InputError, match=r"must move one layer at a time, found a segment that moves the layers \[0, 1\]"
    ):
        certify(loss, [a, b])


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_the_vertices_bound_a_path_of_a_convex_loss(data):
    a, b = (tuple(data.draw(matrices(*shape)) for shape in ((1, 2), (2, 1))) for _ in range(2))
    path = certify(ConvexLoss(quartic), [a, (b[0], a[1]), b])
    assert path.verify().holds and path.level == max(map(quartic, path.vertices))
    for v, w in itertools.pairwise(path.vertices):
        assert all(quartic(between(v, w, fmpq(i, 5))) <= path.level for i in range(6))


def test_a_hidden_layer_of_a_relu_network_is_not_convex():
    # f = relu(w) on x = 1, y = 1, from w = -1 to w = 1 through the plateau; with two units the middle is a hill
    loss = NetworkLoss(Matrix([[1, -1]]), Matrix([[1, 1]]), "relu")
    a, b = (column([1, -1]), Matrix([[1, 1]])), (column([-1, 1]), Matrix([[1, 1]]))
    assert loss(a) == loss(b) == 0
    false = PathCertificate(loss, (a, b), ("convex",), 0, a, b)
    assert "not known to be convex in layer 0" in false.verify().reason
    assert "outgoing weights are not zero" in replace(false, rules=("idle",)).verify().reason
    assert "what leaves layer 0 changes" in replace(false, rules=("kept",)).verify().reason
    assert "no polynomial" in replace(false, rules=("polynomial",)).verify().reason
    assert replace(false, rules=("pieces",)).verify().fails
    assert straight(loss, a, b).level == 2


def test_idle_rows_may_move_only_without_outgoing_weights():
    loss = NetworkLoss(Matrix([[1, 2]]), Matrix([[1, 1]]), "tanh")
    a, b = (column([1, 5]), Matrix([[1, 0]])), (column([1, -7]), Matrix([[1, 0]]))
    path = certify(loss, [a, b])
    assert path.rules == ("idle",) and path.verify().holds
    c = (column([2, -7]), Matrix([[1, 0]]))
    assert "row 0 of layer 0 moves" in PathCertificate(loss, (a, c), ("idle",), 9, a, c).verify().reason
    d = (a[0], Matrix([[0, 1]]))
    assert "use `convex`" in PathCertificate(loss, (a, d), ("idle",), 9, a, d).verify().reason


def test_weights_go_between_equal_units_of_any_activation():
    X = Matrix([[1, 2], [0, 1]])
    for activation in ("tanh", "relu"):
        loss = NetworkLoss(X, Matrix([[1, 1]]), activation)
        W1, last = Matrix([[1, 2], [1, 2], [3, 4]]), Matrix([[1, -1]])
        a = (W1, Matrix([[1, 2, 3], [0, 1, 1]]), last)
        b = (W1, Matrix([[3, 0, 3], [-2, 3, 1]]), last)
        assert certify(loss, [a, b]).rules == ("kept",)
        c = (W1, Matrix([[3, 1, 3], [-2, 3, 1]]), last)
        assert rule_for(loss, a, c) == ("chords" if activation == "tanh" else "pieces")


def test_a_turn_is_a_path_of_rotations():
    loss = NetworkLoss(identity(2), identity(2), ridge=fmpq(1, 3))
    a = (Matrix([[1, 2], [3, 4]]), Matrix([[1, 0], [1, 1]]))
    Q = Matrix([["3/5", "-4/5"], ["4/5", "3/5"]])
    b = (Q @ a[0], a[1] @ Q.T)
    path = PathCertificate(loss, (a, b), (Turn(0, Q),), loss(a), a, b)
    assert path.verify().holds and path.maximum() == exact_segments.bracket(loss(a))
    assert reversed_path(path).verify().holds
    mirror = diagonal([1, -1])
    c = (mirror @ a[0], a[1] @ mirror)
    for false, reason in (
        (replace(path, vertices=(a, c), end=c, rules=(Turn(0, mirror),)), "is no rotation"),
        (replace(path, rules=(Turn(0, 2 * Q),)), "is no rotation"),
        (replace(path, rules=(Turn(0, identity(2)),)), "not turned by this rotation"),
        (replace(path, rules=(Turn(1, Q),)), "a turn at layer 1 moves the layers"),
        (replace(path, loss=NetworkLoss(identity(2), identity(2), "relu")), "only a linear network"),
    ):
        assert false.verify().fails and reason in false.verify().reason


def test_every_spoiled_certificate_is_seen():
    loss = NetworkLoss(one, one)
    a, m, b = scalars(1, 1), scalars(2, 1), scalars(2, fmpq(1, 2))
    path = certify(loss, [a, m, b])
    assert path.rules == ("convex", "convex") and path.level == 1 and path.verify().holds
    for changes, reason in (
        ({"vertices": ()}, "no vertices"),
        ({"vertices": (m, m, b)}, "first vertex is not the start"),
        ({"vertices": (a, m, m)}, "last vertex is not the end"),
        ({"rules": ("convex",)}, "need a rule for each segment"),
        ({"rules": ("convex", "smooth")}, "no rule 'smooth'"),
        ({"vertices": (a, (one,), b)}, "other shapes"),
        ({"vertices": (a, (Matrix([[1, 1]]), one), b)}, "vertex 1 is no point of this loss"),
        ({"vertices": (a, b), "rules": ("convex",)}, "moves one layer, found the layers [0, 1]"),
    ):
        assert reason in replace(path, **changes).verify().reason and replace(path, **changes).verify().fails
    assert replace(path, level=fmpq(99, 100)).verify().fails
    assert replace(path, level=None).verify().fails  # the middle is higher than both ends
    with pytest.raises(InputError, match="proves nothing: the path has no vertices"):
        replace(path, vertices=()).maximum()


def test_one_point_is_a_path():
    loss = NetworkLoss(one, one)
    a = scalars(3, 1)
    path = certify(loss, [a, a, a])
    assert path.vertices == (a,) and path.level == 4 and path.verify().holds and replace(path, level=3).verify().fails
    assert replace(path, level=None).verify().holds


def test_cross_entropy_between_the_ends_needs_no_value():
    X, Y = identity(2), one_hot([0, 1], 2)
    loss = NetworkLoss(X, Y, outer="cross-entropy")
    a, b = (identity(2), identity(2)), (2 * identity(2), identity(2))
    path = PathCertificate(loss, (a, b), ("convex",), None, a, b)
    assert path.verify().holds and path.verify().rigour is Rigour.EXACT
    c = (-1 * identity(2), identity(2))
    away = PathCertificate(loss, (a, c, b), ("convex", "convex"), None, a, b)
    assert away.verify().undecided and "vertex 1" in away.verify().reason
    assert "need a level" in replace(path, rules=("chords",)).verify().reason


def test_paths_are_joined_end_to_start():
    loss = NetworkLoss(one, one)
    a, b, c = scalars(1, 1), scalars(2, 1), scalars(0, 1)
    path = joined(straight(loss, a, b), straight(loss, b, c))
    assert path.level == 1 and path.verify().holds
    assert [t for t, _ in profile(path, 2)] == [0, 0.5, 1, 1.5, 2] and profile(path, 2)[2][1] == 1
    with pytest.raises(InputError, match="must start where the first ends"):
        joined(straight(loss, a, b), straight(loss, a, b))


# Bad input.


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: NetworkLoss(one, zeros(1, 2)), "`X` and `Y` must have a column per sample, found 1 and 2 columns"),
        (lambda: NetworkLoss(one, one, "gelu"), "`activation` must be one of identity, relu, .*, found 'gelu'"),
        (lambda: NetworkLoss(one, one, outer="hinge"), "`outer` must be one of squared, .*, found 'hinge'"),
        (lambda: NetworkLoss(one, one, ridge=-1), "`ridge` must not be negative, found -1"),
        (lambda: NetworkLoss(one, 2 * one, outer="cross-entropy"), "must be a probability vector .*, found column 0"),
        (
            lambda: NetworkLoss(one, one)((Matrix([[1, 2]]),)),
            "does not fit the loss: layer 1 must have 1 columns, found 2",
        ),
        (lambda: NetworkLoss(one, one)((column([1, 2]),)), "last layer must have 1 rows, one for each output, found 2"),
        (lambda: NetworkLoss(one, one)(()), "there must be at least one layer"),
        (lambda: certify(NetworkLoss(one, one), []), "`vertices` must hold at least one point, found none"),
        (lambda: certify(NetworkLoss(one, one), [(column([1, 2]),)]), "must consist of points of the loss"),
    ],
)
def test_bad_input_gets_one_sentence(make, message):
    with pytest.raises(InputError, match=message):
        make()


def test_overflow_is_an_error_and_no_bracket():
    loss = NetworkLoss(one, one)
    huge = (Matrix(np.array([[1e300]])), Matrix(np.array([[1e300]])))
    with (
        np.errstate(over="ignore", invalid="ignore"),
        pytest.raises(ValueError, match="must be finite, found an overflow"),
    ):
        chords.maximum_along(loss, huge, huge)


def test_many_small_paths_of_linear_networks():
    """A few hundred exact instances of every depth, between points that share layers or not."""
    for i in range(200):
        s = Stream(7, i)
        widths = s.widths(1 + i % 3, 1, 3)
        loss = NetworkLoss(s.data(widths[0], 2), s.matrix(widths[-1], 2))
        a, b = s.linear_network(widths), s.linear_network(widths)
        path = straight(loss, a, b)
        assert path.verify().holds and path.maximum().lower >= max(loss(a), loss(b))
