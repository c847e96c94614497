"""Float64 enclosures against exact arithmetic, on ordinary and adversarial matrices."""

import math
from fractions import Fraction

import numpy as np
import pytest
from flint import arb, ctx, fmpq
from hypothesis import given, settings
from hypothesis import strategies as st
from wild_matrices import SCALES, wild_matrix

from numerics.arithmetic import enclosure
from numerics.arithmetic.enclosure import (
    affine,
    as_float_matrix,
    exp_of_minus,
    frobenius_norm,
    norm_1_inf_columns,
    norm_1_inf_rows,
    norm_21_columns,
    norm_21_rows,
    outward,
    product,
    sigmoid,
    tanh,
)
from numerics.arithmetic.exact import Matrix, rational
from numerics.evidence.errors import InputError


@settings(max_examples=80, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    m=st.integers(0, 6),
    n=st.integers(0, 6),
    kind=st.sampled_from((0, 1, 3)),
    scale=st.sampled_from(SCALES),
    minus=st.booleans(),
)
def test_sums_of_squares_agree_by_three_routes(seed, m, n, kind, scale, minus):
    A = wild_matrix(seed, m, n, kind, scale)
    M = A * np.random.default_rng(seed).choice([0.0, 0.5, -1.0, 1.0, 1 + 2.0**-50], (m, n)) if minus else None
    exact = Matrix(A) - Matrix(M) if M is not None else Matrix(A)
    with ctx.workprec(200):
        square = arb(exact.squared_norm())
        rows = sum((arb(exact[i : i + 1, :].squared_norm()).sqrt() for i in range(m)), arb(0))
        columns = sum((arb(exact[:, j : j + 1].squared_norm()).sqrt() for j in range(n)), arb(0))
        sizes = [[abs(exact[i, j]) for j in range(n)] for i in range(m)]
        widest = arb(max((sum(row, fmpq(0)) for row in sizes), default=fmpq(0)))
        tallest = arb(max((sum(column, fmpq(0)) for column in zip(*sizes, strict=True)), default=fmpq(0)))
    for function, truth in ((norm_1_inf_rows, widest), (norm_1_inf_columns, tallest)):
        assert function(A, M).contains(truth)
        assert function(A, M).rel_accuracy_bits() > 45 or function(A, M) == 0
    pairs = [(frobenius_norm, square.sqrt()), (norm_21_rows, rows), (norm_21_columns, columns)]
    for function, truth in pairs:
        quick = function(A, M)
        assert quick.overlaps(truth)
        assert quick.rel_accuracy_bits() > 45 or quick == 0
    limit = enclosure.EXACT_ENTRIES
    try:
        enclosure.EXACT_ENTRIES = -1
        for function, truth in pairs:
            large = function(A, M)
            assert large.contains(truth)
            # zero must come out as zero, however large the entries that cancelled
            assert large.rel_accuracy_bits() >= 44 or large == 0
    finally:
        enclosure.EXACT_ENTRIES = limit


def test_norms_of_large_matrices():
    A = np.full((300, 400), 3.0)
    M = np.full((300, 400), -1.0)
    for ball, truth in [
        (frobenius_norm(A), arb(9 * 120_000).sqrt()),
        (frobenius_norm(A, M), arb(16 * 120_000).sqrt()),
        (norm_21_rows(A), arb(300) * 60),
        (norm_21_columns(A), arb(400) * arb(2700).sqrt()),
        (norm_21_rows(A, M), arb(300) * 80),
    ]:
        assert ball.overlaps(truth)
        assert ball.rel_accuracy_bits() > 38
    assert norm_21_rows(A, A) == 0
    assert frobenius_norm(A, A) == 0
    huge = np.full((200, 200), 1.5e308)
    assert frobenius_norm(huge, -huge).overlaps(arb(1.5e308) * 400)


def test_exact_norms_sharpen_with_the_precision():
    A = wild_matrix(0, 5, 5, 0, 0)
    with ctx.workprec(500):
        assert frobenius_norm(A).rel_accuracy_bits() > 480
        assert norm_21_rows(A, A / 3).rel_accuracy_bits() > 480


def test_the_two_orientations():
    A = np.ones((1, 9))
    assert norm_21_rows(A) == 3
    assert norm_21_columns(A) == 9
    assert norm_21_rows([[3, 4], [5, 12]]) == 18
    assert norm_1_inf_rows(A).contains(9)
    assert norm_1_inf_columns(A).contains(1)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    m=st.integers(1, 4),
    k=st.integers(0, 6),
    n=st.integers(1, 4),
    kind=st.sampled_from((0, 1, 3)),
    scale=st.sampled_from((0, -500, -530, 400)),
)
def test_products_enclose_the_exact_ones(seed, m, k, n, kind, scale):
    A, B = wild_matrix(seed, m, k, kind, scale), wild_matrix(seed + 1, k, n, kind, scale)
    centre, radius = product(A, B)
    error = Matrix(A) @ Matrix(B) - Matrix(centre)
    assert all(abs(error[i, j]) <= Matrix(radius)[i, j] for i in range(m) for j in range(n))
    if scale == 0 and k:
        assert (radius <= 1e-13 * (np.abs(A) @ np.abs(B)) + 1e-300).all()


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1), n=st.integers(1, 4), d=st.integers(1, 6), k=st.integers(1, 4), bias=st.booleans()
)
def test_affine_maps_enclose_every_point_of_the_input_box(seed, n, d, k, bias):
    rng = np.random.default_rng(seed)
    x, W = rng.standard_normal((n, d)), rng.standard_normal((k, d))
    b = rng.standard_normal(k) if bias else None
    radius = np.abs(rng.standard_normal((n, d))) * 1e-3
    centre, bound = affine(x, radius, W, b)
    for j in range(k):  # the worst corner for output j
        for sign in (1, -1):
            corner = Matrix(x) + sign * Matrix(radius * np.sign(W[j]))
            values = corner @ Matrix(W[j : j + 1].T)
            for i in range(n):
                value = values[i, 0] + (rational(b[j]) if b is not None else 0)
                assert abs(value - Matrix(centre)[i, j]) <= Matrix(bound)[i, j]


def test_products_refuse_what_does_not_chain_or_overflows():
    with pytest.raises(InputError, match=r"`A` and `B` must chain, found shapes \(2, 3\) and \(2, 3\)"):
        product(np.ones((2, 3)), np.ones((2, 3)))
    with pytest.raises(InputError, match="found an overflow: scale the matrices down"):
        product([[1e200]], [[1e200]])


def test_smooth_activations_keep_their_proved_error():
    points = np.concatenate(
        [np.linspace(-45, 45, 3001), [0.0, -0.0, 1e-300, 5e-324, 1e308, -1e308, 0.346, 0.347, 40.0]]
    )
    with ctx.workprec(120):
        for x, e, s, t in zip(points, exp_of_minus(np.abs(points)), sigmoid(points), tanh(points), strict=True):
            exact = arb(float(x))
            assert abs((-abs(exact)).exp() - arb(float(e))) <= arb(2) ** -47
            assert abs((1 + (exact / 2).max(arb(-500)).min(arb(500)).tanh()) / 2 - arb(float(s))) <= arb(
                enclosure.SMOOTH_ERROR
            )
            assert abs(exact.tanh() - arb(float(t))) <= arb(enclosure.SMOOTH_ERROR)
    assert tanh(np.zeros(1))[0] == 0
    assert sigmoid(np.zeros(1))[0] == 0.5


def test_outward_rounds_to_the_next_floats():
    assert outward(arb(0.1)) == (0.1, 0.1)
    assert outward(arb(0)) == (0.0, 0.0)
    low, high = outward(arb(fmpq(1, 3)))
    assert Fraction(low) < Fraction(1, 3) < Fraction(high)
    assert high <= math.nextafter(math.nextafter(low, 1), 1)
    assert outward(-(arb(10) ** 400)) == (-math.inf, -np.finfo(float).max)
    assert outward(arb(10) ** 400) == (np.finfo(float).max, math.inf)
    assert outward(arb(2) ** -1080) == (0.0, 5e-324)
    assert outward(-(arb(2) ** -1080)) == (-5e-324, 0.0)
    with pytest.raises(ValueError, match="`ball` must be finite"):
        outward(arb(1) / 0)


@pytest.mark.parametrize(
    ("array", "error", "text"),
    [
        ([[1.0, math.nan]], InputError, r"`A` must have finite entries, found nan at index \(0, 1\)"),
        ([[math.inf]], InputError, "`A` must have finite entries, found inf"),
        ([1.0, 2.0], InputError, r"`A` must have 2 dimension\(s\), found shape \(2,\)"),
        ([["1"]], TypeError, "`A` must be an array of real numbers, found dtype <U1"),
        ([[1j]], TypeError, "`A` must be an array of real numbers, found dtype complex128"),
        ([[2**53 + 1]], InputError, "`A` must hold numbers that float64 represents exactly"),
        (np.array([[1]], np.longdouble) / 3, InputError, "`A` must hold numbers that float64 represents exactly"),
    ],
)
def test_matrices_that_are_refused(array, error, text):
    for function in (frobenius_norm, norm_21_rows, norm_21_columns, norm_1_inf_rows, norm_1_inf_columns):
        with pytest.raises(error, match=text):
            function(array)


def test_arrays_of_other_precisions_keep_their_values():
    assert as_float_matrix(np.array([[0.1]], np.float32))[0, 0] == float(np.float32(0.1))
    assert as_float_matrix(np.array([[7]], np.int8))[0, 0] == 7.0
    assert as_float_matrix(np.array([[0.5]], ">f8")).dtype == np.float64
    with pytest.raises(InputError, match=r"`minus` must have the shape \(1, 2\) of `A`, found \(2, 1\)"):
        frobenius_norm([[1, 2]], [[1], [2]])
