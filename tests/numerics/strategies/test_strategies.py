r"""What the strategies draw: exact, common in the special cases, simplest at the end of shrinking, and reproducible."""

from __future__ import annotations

import pickle
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any

import hypothesis
import numpy as np
import pytest
from flint import fmpq
from hypothesis import given, settings
from hypothesis import strategies as st

from numerics.arithmetic.exact import Matrix, identity, orthogonal, planted, rational, zeros
from numerics.arithmetic.polynomial import Polynomial, characteristic_polynomial, has_singular_values
from numerics.strategies import (
    TINY,
    Batch,
    Planted,
    Stream,
    alone,
    batches,
    data_matrices,
    frames,
    labels,
    linear_networks,
    matrices,
    planted_matrices,
    rationals,
    seeds,
    sizes,
    spectra,
    symmetric_matrices,
    widths,
)
from numerics.strategies import stream as module
from numerics.strategies.layer_products import above, mirror_images, through

PHASES = (hypothesis.Phase.generate, hypothesis.Phase.shrink)


def find(strategy: Any, wanted: Callable[[Any], bool], seed: int = 0, examples: int = 50) -> Any:
    """The simplest instance that Hypothesis reaches; an error when `examples` draws do not show any."""
    return hypothesis.find(
        strategy,
        wanted,
        settings=settings(max_examples=examples, database=None, deadline=None, derandomize=False, phases=PHASES),
        random=random.Random(seed),
    )


def drawn(strategy: Any, count: int) -> list[Any]:
    found: list[Any] = []

    @hypothesis.seed(0)
    @settings(max_examples=count, database=None, deadline=None, phases=[hypothesis.Phase.generate], derandomize=False)
    @given(strategy)
    def collect(x: Any) -> None:
        found.append(x)

    collect()
    return found


def share(members: list[Any], wanted: Callable[[Any], bool]) -> float:
    return sum(map(wanted, members)) / len(members)


# False claims.


def has_two_best_rank_one_approximations(p: Planted) -> bool:
    """Whether the first two singular triples give different matrices of one rank-1 error."""
    if len(p.spectrum) < 2:
        return False
    B, C = (p.left[:, [k]] @ p.right[:, [k]].T * p.spectrum[k] for k in (0, 1))
    return B != C and (p.matrix - B).squared_norm() == (p.matrix - C).squared_norm()


@pytest.mark.parametrize("seed", range(6))
def test_unique_best_rank_one_approximation_is_refuted_and_shrinks_to_the_smallest_tie(seed):
    p = find(planted_matrices(), has_two_best_rank_one_approximations, seed)
    assert p == Planted(identity(2), (Fraction(1), Fraction(1)), identity(2), identity(2))


@pytest.mark.parametrize("seed", range(2))
def test_every_square_matrix_is_invertible_is_refuted_by_zero(seed):
    squares = sizes().flatmap(lambda n: matrices(n, n))
    assert find(squares, lambda A: A.det() == 0, seed) == Matrix([[0]])


@pytest.mark.parametrize("seed", range(2))
def test_every_orthogonal_matrix_is_a_rotation_is_refuted_by_a_sign(seed):
    assert find(frames(sizes()), lambda Q: Q.det() == -1, seed) == Matrix([[-1]])


@pytest.mark.parametrize("seed", range(2))
def test_every_rational_frame_is_a_signed_permutation_is_refuted_by_the_first_pythagorean_triple(seed):
    Q = find(frames(sizes()), lambda Q: any(x not in (0, 1, -1) for x in Q.entries()), seed)
    assert Q.rows <= 3
    assert {abs(x) for x in Q.entries()} - {0, 1} == {fmpq(3, 5), fmpq(4, 5)}


@pytest.mark.parametrize("seed", range(2))
def test_singular_values_are_equal_or_well_separated_is_refuted(seed):
    s = find(spectra(sizes()), lambda s: any(0 < x - y < Fraction(1, 10**9) for x, y in pairwise(s)), seed)
    assert len(s) == 2
    assert 0 < s[0] - s[1] <= TINY**2


@pytest.mark.parametrize("seed", range(2))
def test_every_symmetric_matrix_is_positive_semidefinite_is_refuted(seed):
    assert find(symmetric_matrices(), lambda p: not p.matrix.is_positive_semidefinite(), seed).matrix == Matrix([[-1]])


@pytest.mark.parametrize("seed", range(2))
def test_a_narrowest_layer_gives_the_rank_of_the_product_is_refuted_by_zeros(seed):
    def drops(layers: tuple[Matrix, ...]) -> bool:
        product = layers[0]
        for W in layers[1:]:
            product = W @ product
        return product.rank() < min(min(W.shape) for W in layers)

    assert find(linear_networks(), drops, seed) == (zeros(1, 1), zeros(1, 1))


@pytest.mark.parametrize("seed", range(2))
def test_commuting_matrices_are_refuted_by_matrix_units(seed):
    pairs = sizes().flatmap(lambda n: st.tuples(matrices(n, n), matrices(n, n)))
    A, B = find(pairs, lambda p: p[0] @ p[1] != p[1] @ p[0], seed)
    assert (A, B) == (Matrix([[1, 0], [0, 0]]), Matrix([[0, 1], [0, 0]]))


@pytest.mark.parametrize("seed", range(2))
def test_non_zero_samples_are_distinct_is_refuted(seed):
    def repeats(X: Matrix) -> bool:
        samples = [X[:, j] for j in range(X.cols)]
        return all(not x.is_zero() for x in samples) and len(set(samples)) < len(samples)

    assert find(data_matrices(sizes(), sizes()), repeats, seed) == Matrix([[1, 1]])


@pytest.mark.parametrize("seed", range(2))
def test_all_samples_have_one_label_is_refuted(seed):
    assert find(labels(sizes(), 3), lambda y: len(set(y)) > 1, seed) == (0, 1)


# The end of shrinking.


@dataclass(frozen=True)
class Shape:
    rows: int
    cols: int
    seed: int


def member(shape: Shape, i: int) -> Planted:
    return Stream(shape.seed, i).planted(shape.rows, shape.cols)


SHAPES = st.builds(Shape, sizes(), sizes(), seeds())
ZERO = Planted(zeros(1, 1), (Fraction(0),), identity(1), identity(1))


@pytest.mark.parametrize(
    ("strategy", "simplest"),
    [
        (sizes(), 1),
        (sizes(0), 0),
        (seeds(), 0),
        (rationals(), 0),
        (matrices(sizes(), sizes()), zeros(1, 1)),
        (matrices(sizes(0), sizes(0)), zeros(0, 0)),
        (spectra(sizes()), (0,)),
        (spectra(3, minimum=Fraction(1, 2)), (Fraction(1, 2),) * 3),
        (frames(4), identity(4)),
        (planted_matrices(), ZERO),
        (planted_matrices(2, sizes()), Planted(zeros(2, 1), (Fraction(0),), identity(2), identity(1))),
        (symmetric_matrices(), ZERO),
        (data_matrices(sizes(), sizes(0)), zeros(1, 0)),
        (labels(3, 4), (0, 0, 0)),
        (widths(2), (1, 1, 1)),
        (linear_networks(), (zeros(1, 1), zeros(1, 1))),
        (linear_networks((2, 1, 3)), (zeros(1, 2), zeros(3, 1))),
        (batches(SHAPES, member), Batch(Shape(1, 1, 0), member, 16)),
        (alone(batches(SHAPES, member)), ZERO),
    ],
)
def test_the_simplest_instance(strategy, simplest):
    assert find(strategy, lambda _: True) == simplest


# Exactness.


@settings(max_examples=60, deadline=None)
@given(planted_matrices())
def test_planted_matrices_have_the_singular_values_they_name(p):
    m, n = p.matrix.shape
    assert p.left.is_orthogonal()
    assert p.right.is_orthogonal()
    assert p.matrix == planted(p.spectrum, m, n, p.left, p.right)
    assert list(p.spectrum) == sorted(p.spectrum, reverse=True)
    assert min(p.spectrum) >= 0
    assert p.rank == p.matrix.rank()
    # Another route: the eigenvalues of the Gram matrix.
    x = Polynomial([0, 1])
    expected = Polynomial([1])
    for s in [*p.spectrum, *[Fraction(0)] * (n - len(p.spectrum))]:
        expected = expected * (x - Polynomial([rational(s * s)]))
    assert characteristic_polynomial(p.matrix.T @ p.matrix) == expected
    assert has_singular_values(p.matrix, p.spectrum)
    assert not has_singular_values(p.matrix, (p.spectrum[0] + 1, *p.spectrum[1:]) if p.spectrum else (1,))


@given(st.data(), sizes(1, 3), sizes(1, 4))
def test_mirror_images_have_one_product_and_all_signs(data, width, depth):
    network = data.draw(linear_networks([width] * (depth + 1)))
    points = mirror_images(network, width)
    assert len(points) == 2 ** (depth - 1)
    assert len({through(w, identity(width))[-1] for w in points}) == 1
    tops = [above(w)[1:-1] for w in points]  # the products of the layers above each hidden layer
    if all(B.det() != 0 for B in tops[0]):
        assert len({tuple(B.det() > 0 for B in row) for row in tops}) == len(points)
    wider = mirror_images(network, width + 1)
    assert wider == [network]


@settings(max_examples=40, deadline=None)
@given(symmetric_matrices())
def test_symmetric_matrices_have_the_eigenvalues_they_name(p):
    assert p.matrix.is_symmetric()
    assert p.left == p.right
    assert list(p.spectrum) == sorted(p.spectrum, reverse=True)
    signs = [(s > 0) - (s < 0) for s in p.spectrum]
    assert p.matrix.inertia() == (signs.count(1), signs.count(-1), signs.count(0))
    for k, s in enumerate(p.spectrum):
        assert p.matrix @ p.left[:, [k]] == p.left[:, [k]] * s


@settings(max_examples=40, deadline=None)
@given(sizes(0, 5), st.data())
def test_frames_are_cayley_transforms_with_signs(n, data):
    """The integer route agrees with `exact.orthogonal`, which inverts rationals."""
    count = 1 + n * (n + 1) // 2
    drawn_bytes = data.draw(st.binary(min_size=count, max_size=count))
    b = iter(drawn_bytes)
    c = module._SKEW_DENOMINATORS[next(b)]
    signs, above = [], {}
    for j in range(n):
        signs.append(1 if next(b) < 128 else -1)
        above.update({(i, j): Fraction(module._SKEW[next(b)], c) for i in range(j)})
    expected = orthogonal(n, [above[i, j] for i in range(n) for j in range(i + 1, n)], signs)
    assert module._frame(n, drawn_bytes).Q == expected


@settings(max_examples=40, deadline=None)
@given(spectra(sizes(0, 4), minimum=Fraction(2, 7)))
def test_spectra_stay_above_their_minimum(s):
    assert list(s) == sorted(s, reverse=True)
    assert all(x >= Fraction(2, 7) for x in s)


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_sizes_and_ranges_are_those_asked_for(data):
    m, n, k = (data.draw(sizes(0, 4)) for _ in range(3))
    assert data.draw(matrices(m, n)).shape == (m, n)
    assert data.draw(data_matrices(m, n)).shape == (m, n)
    assert data.draw(planted_matrices(m, n)).matrix.shape == (m, n)
    y = data.draw(labels(n, 300))
    assert len(y) == n
    assert all(0 <= c < 300 for c in y)
    w = data.draw(widths(k + 1, 2, 3))
    assert len(w) == k + 2
    assert set(w) <= {2, 3}
    assert [W.shape for W in data.draw(linear_networks(w))] == list(zip(w[1:], w, strict=False))
    layers = data.draw(linear_networks(min_depth=1, max_depth=3, min_width=2, max_width=3))
    assert 1 <= len(layers) <= 3
    assert all(U.cols == W.rows for W, U in pairwise(layers))
    assert {s for W in layers for s in W.shape} <= {2, 3}


# What is common.


def test_every_stratum_of_planted_matrices_is_common():
    members = drawn(planted_matrices(), 400)
    strata = Counter(p.stratum for p in members)
    assert set(strata) == {"zero", "tie", "rank drop", "tiny gap", "generic"}
    assert min(strata.values()) >= 0.05 * len(members), strata
    assert share(members, lambda p: p.matrix.shape == (1, 1)) >= 0.05
    assert share(members, lambda p: p.matrix.rows != p.matrix.cols) >= 0.05
    assert share(members, lambda p: p.matrix.shape == (5, 5)) >= 0.05
    assert len(set(members)) >= 0.4 * len(members)


def test_every_stratum_of_a_batch_is_common():
    def any_size(seed: int, i: int) -> Planted:
        stream = Stream(seed, i)
        return stream.planted(stream.integer(1, 5), stream.integer(1, 5))

    members = list(Batch(1, any_size, 2000))
    strata = Counter(p.stratum for p in members)
    assert set(strata) == {"zero", "tie", "rank drop", "tiny gap", "generic"}
    assert min(strata.values()) >= 0.05 * len(members), strata


def test_frames_reach_both_components_and_do_not_repeat():
    members = drawn(frames(3), 300)
    assert 0.2 <= share(members, lambda Q: Q.det() == 1) <= 0.8
    assert len(set(members)) >= 150


def test_every_stratum_of_symmetric_matrices_is_common():
    members = drawn(symmetric_matrices(), 300)
    for name in ("zero", "tie", "rank drop", "tiny gap", "generic"):
        assert share(members, lambda p, name=name: p.stratum == name) >= 0.05, name
    inertias = [p.matrix.inertia() for p in members]
    assert share(inertias, lambda i: i[0] > 0 and i[1] > 0) >= 0.05
    assert share(inertias, lambda i: i[0] > 0 and i[1] == 0) >= 0.05
    assert share(inertias, lambda i: i[1] > 0 and i[0] == 0) >= 0.05
    assert share(members, lambda p: any(s == -t != 0 for s in p.spectrum for t in p.spectrum)) >= 0.05


def test_every_stratum_of_data_is_common():
    members = drawn(data_matrices(sizes(2, 4), sizes(2, 5)), 300)
    samples = [[X[:, j] for j in range(X.cols)] for X in members]
    assert share(members, Matrix.is_zero) >= 0.05
    assert share(members, lambda X: 0 < X.rank() < min(X.shape)) >= 0.05
    assert share(members, lambda X: X.rank() == min(X.shape)) >= 0.2
    assert share(samples, lambda xs: len({x for x in xs if not x.is_zero()}) < sum(not x.is_zero() for x in xs)) >= 0.05
    assert share(samples, lambda xs: any(x.is_zero() for x in xs) and not all(x.is_zero() for x in xs)) >= 0.05


def test_every_stratum_of_linear_networks_is_common():
    members = drawn(linear_networks(), 300)
    assert {len(layers) for layers in members} == {2, 3, 4}
    assert share(members, lambda layers: any(W.is_zero() for W in layers)) >= 0.05
    assert share(members, lambda layers: any(0 < W.rank() < min(W.shape) for W in layers)) >= 0.05
    assert share(members, lambda layers: all(W.rank() == min(W.shape) for W in layers)) >= 0.05
    assert share(members, lambda layers: all(W.shape == (1, 1) for W in layers)) > 0
    hidden = [min(W.rows for W in layers[:-1]) < min(layers[0].cols, layers[-1].rows) for layers in members]
    assert share(hidden, bool) >= 0.05


def test_labels_of_one_class_only_are_common():
    members = drawn(labels(4, 3), 200)
    assert share(members, lambda y: len(set(y)) == 1) >= 0.05
    assert share(members, lambda y: len(set(y)) == 3) >= 0.05


def test_rationals_are_simple():
    members = drawn(rationals(), 200)
    assert {x for x in members if x.denominator == 1} == {-5, -3, -2, -1, 0, 1, 2, 3, 5}
    assert {x.denominator for x in members} == {1, 2, 3, 4}


# Batches.


def test_a_batch_makes_its_members_alone_and_in_any_order():
    made: list[int] = []

    def make(seed: int, i: int) -> tuple[Matrix, int]:
        made.append(i)
        stream = Stream(seed, i)
        return stream.matrix(2, 2), stream.integer(0, 9)

    batch = Batch(5, make, 4)
    assert made == []
    last = batch[3]
    assert made == [3]
    assert batch[-1] == last == list(batch)[3]
    assert batch[1:3] == (batch[1], batch[2])
    assert len(batch) == 4
    assert last in batch
    assert len(set(batch)) == 4
    assert Batch(6, make, 4)[3] != last


def test_a_batch_prints_its_specification_and_survives_pickling():
    batch = Batch(Shape(2, 3, 4), member, 8)
    assert repr(batch) == "Batch(spec=Shape(rows=2, cols=3, seed=4), size=8)"
    again = pickle.loads(pickle.dumps(batch))
    assert again == batch
    assert list(again) == list(batch)


def test_streams_depend_on_their_arguments_alone():
    random.seed(1)
    np.random.seed(1)
    first = Stream(7, 3)
    a = [first.bytes(5), first.bytes(200), first.frame(3), first.linear_network((2, 2, 1))]
    before = random.getstate()
    second = Stream(7, 3)
    assert [second.bytes(5), second.bytes(200), second.frame(3), second.linear_network((2, 2, 1))] == a
    assert random.getstate() == before
    assert Stream(7, 4).bytes(5) != a[0] != Stream(8, 3).bytes(5)
    assert Stream(73).bytes(5) != a[0]
    module._pooled.cache_clear()
    assert Stream(7, 3).bytes(5) == a[0]


def test_streams_are_the_same_on_every_machine():
    """Fixed once: a change here makes every recorded seed mean another instance."""
    assert Stream(7, 3).bytes(8).hex() == "361d726d0cb97911"
    assert Stream(7, 3).planted(2, 3) == Planted(
        Matrix([["2/3", "-2/3", "1/3"], ["-1/3", "-2/3", "-2/3"]]),
        (Fraction(1), Fraction(1)),
        identity(2),
        Matrix([["2/3", "-1/3", "-2/3"], ["-2/3", "-2/3", "-1/3"], ["1/3", "-2/3", "2/3"]]),
    )


def test_members_of_a_batch_have_many_frames_and_spectra():
    members = list(Batch(Shape(4, 4, 11), member, 256))
    assert len({p.left for p in members}) == len({p.right for p in members}) == module.POOL
    assert len({(p.left, p.right) for p in members}) >= 100
    assert len({p.spectrum for p in members}) >= 128
    assert not {p.left for p in members} & {p.left for p in Batch(Shape(4, 4, 12), member, 64)}


@pytest.mark.parametrize("seed", range(2))
def test_a_failure_in_a_batch_is_found_and_its_member_rebuilt(seed):
    batch = find(batches(SHAPES, member), lambda b: any(map(has_two_best_rank_one_approximations, b)), seed)
    i = next(i for i, p in enumerate(batch) if has_two_best_rank_one_approximations(p))
    assert (batch.spec.rows, batch.spec.cols) == (2, 2)
    assert has_two_best_rank_one_approximations(Batch(batch.spec, member, batch.size)[i])


@pytest.mark.parametrize("seed", range(3))
def test_a_failing_member_alone_shrinks_to_the_simplest(seed):
    p = find(alone(batches(SHAPES, member)), has_two_best_rank_one_approximations, seed)
    assert p == Planted(identity(2), (Fraction(1), Fraction(1)), identity(2), identity(2))


def test_alone_draws_as_widely_as_the_strategies():
    members = drawn(alone(batches(SHAPES, member)), 200)
    assert len({p.stratum for p in members}) == 5
    assert len({p.left for p in members if p.left.rows == 3}) > module.POOL


# Bad input.


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: sizes(3, 2), "`low` must not exceed `high`, found 3 and 2: swap them."),
        (lambda: widths(2, 4, 3), "`low` must not exceed `high`, found 4 and 3: swap them."),
        (lambda: linear_networks(min_depth=3, max_depth=2), "`low` must not exceed `high`, found 3 and 2: swap them."),
        (lambda: spectra(2, minimum=-1), "`minimum` must not be negative, found -1."),
        (lambda: planted_matrices(minimum=-1), "`minimum` must not be negative, found -1."),
        (lambda: Stream(0).spectrum(2, minimum=Fraction(-1, 2)), "`minimum` must not be negative, found -1/2."),
        (lambda: batches(SHAPES, member, 0), "`size` must be at least 1, found 0."),
        (lambda: Batch(Shape(1, 1, 0), member, 0), "`size` must be at least 1, found 0."),
        (lambda: Stream(-1), "`seed` and `i` must not be negative, found -1 and 0."),
        (lambda: Stream(0).choice([]), "`options` must hold at least one, found none."),
        (lambda: Stream(0).matrix(-1, 2), "`rows` must be at least 0, found -1."),
        (lambda: Stream(0).labels(2, 0), "`classes` must be at least 1, found 0."),
        (lambda: Stream(0).widths(0), "`depth` must be at least 1, found 0."),
        (
            lambda: Stream(0).linear_network([3]),
            "`widths` must hold the input and the output size at least, found [3].",
        ),
    ],
)
def test_bad_input_is_refused_with_its_name_and_value(make, message):
    with pytest.raises(ValueError) as error:
        make()
    assert str(error.value) == message


def test_an_index_outside_the_batch_is_refused():
    with pytest.raises(IndexError, match="`index` must lie between -4 and 3, found 4"):
        Batch(Shape(1, 1, 0), member, 4)[4]


def test_a_choice_is_one_of_the_options():
    assert {Stream(0, i).choice("abc") for i in range(50)} == set("abc")
    assert {Stream(0, i).integer(-2, 1000) for i in range(300)} <= set(range(-2, 1001))
    assert max(Stream(0, i).integer(-2, 1000) for i in range(300)) > 900
    assert Stream(0).rational() in {Fraction(x, 12) for x in range(-60, 61)}
