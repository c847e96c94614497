"""Balls: certified singular values and eigenvalues, ball matrices, and raising the precision."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from flint import acb_mat, arb, arb_mat, ctx, fmpq
from hypothesis import given, settings
from hypothesis import strategies as st

from numerics.arithmetic import balls, exact
from numerics.arithmetic.balls import (
    PRECISIONS,
    BallMatrix,
    TooWide,
    ball,
    decide,
    frobenius_norm,
    norm_21,
    nuclear_norm,
    singular_values,
    spectral_norm,
    symmetric_eigenvalues,
)
from numerics.arithmetic.exact import Matrix
from numerics.evidence.verdict import Verdict, decided, less_than, undecided

THIRD = fmpq(1, 3)
PLENTY = 8000


def contains(x: arb, exactly: Any) -> bool:
    """Whether the ball contains the exact number, asked with enough bits to tell."""
    with ctx.workprec(PLENTY):
        return bool(x.contains(ball(exactly)))


def radius_bits(x: arb) -> float:
    """log2 of the radius."""
    return float("-inf") if x.is_exact() else float(x.rad().log() / arb.const_log2())


def frame(draw: st.DrawFn, n: int) -> Matrix:
    small = st.integers(-3, 3).map(Fraction)
    k = n * (n - 1) // 2
    params = draw(st.lists(small, min_size=k, max_size=k))
    signs = draw(st.lists(st.sampled_from([1, -1]), min_size=n, max_size=n))
    return exact.orthogonal(n, params, signs)


VALUES = st.sampled_from(
    [Fraction(0), Fraction(1), Fraction(2), Fraction(1, 3), Fraction(1) + Fraction(1, 10**25), Fraction(1, 10**30)]
)


@st.composite
def planted(draw: st.DrawFn) -> tuple[Matrix, list[Fraction]]:
    """A matrix and its singular values, descending; ties, zeros and tiny gaps are common."""
    m, n = draw(st.integers(1, 5)), draw(st.integers(1, 5))
    spectrum = sorted(draw(st.lists(VALUES, min_size=min(m, n), max_size=min(m, n))), reverse=True)
    return exact.planted(spectrum, m, n, frame(draw, m), frame(draw, n)), spectrum


@st.composite
def planted_symmetric(draw: st.DrawFn) -> tuple[Matrix, list[Fraction]]:
    n = draw(st.integers(1, 5))
    signs = draw(st.lists(st.sampled_from([1, -1]), min_size=n, max_size=n))
    values = draw(st.lists(VALUES, min_size=n, max_size=n))
    spectrum = sorted((s * v for s, v in zip(signs, values, strict=True)), reverse=True)
    Q = frame(draw, n)
    return Q @ exact.diagonal(spectrum) @ Q.T, spectrum


# Singular values and eigenvalues that are known exactly.


@pytest.mark.parametrize("bits", [53, 128, 512])
@given(planted())
@settings(max_examples=40, deadline=None)
def test_planted_singular_values_lie_in_small_balls_in_order(
    bits: int, instance: tuple[Matrix, list[Fraction]]
) -> None:
    A, spectrum = instance
    found = singular_values(A, bits)
    assert len(found) == len(spectrum)
    assert all(contains(x, s) for x, s in zip(found, spectrum, strict=True))
    assert all(x >= 0 for x in found)
    # Three rounding errors per unit of norm: an enclosure that stagnates at double precision does not pass.
    assert all(radius_bits(x) < 8 - bits for x in found)


@pytest.mark.parametrize("bits", [53, 128, 512])
@given(planted_symmetric())
@settings(max_examples=40, deadline=None)
def test_planted_eigenvalues_lie_in_small_balls_in_order(bits: int, instance: tuple[Matrix, list[Fraction]]) -> None:
    A, spectrum = instance
    found = symmetric_eigenvalues(A, bits)
    assert all(contains(x, s) for x, s in zip(found, spectrum, strict=True))
    assert all(radius_bits(x) < 8 - bits for x in found)


def test_repeated_and_nearly_repeated_values_are_told_apart_at_full_precision() -> None:
    n = 8
    Q = exact.orthogonal(n, [Fraction(i % 5 - 2, 3) for i in range(28)], [1, -1] * 4)
    P = exact.orthogonal(n, [Fraction(i % 7 - 3, 2) for i in range(28)], [1] * 8)
    spectrum = [1 + Fraction(1, 10**40), 1, 1, 1 - Fraction(1, 10**20), Fraction(1, 2), Fraction(1, 2), 0, 0]
    for found in (
        singular_values(exact.planted(spectrum, n, n, Q, P), 2048),
        symmetric_eigenvalues(exact.planted(spectrum, n, n, Q, Q), 2048),
    ):
        assert all(contains(x, s) for x, s in zip(found, spectrum, strict=True))
        assert all(radius_bits(x) < -2040 for x in found)
        assert found[0] > found[1] and found[2] > found[3] and found[1].overlaps(found[2])


@pytest.mark.parametrize("n", [3, 10, 20])
def test_hilbert_matrices_agree_with_two_hundred_digits_of_another_algorithm(n: int) -> None:
    H = Matrix([[Fraction(1, i + j + 1) for j in range(n)] for i in range(n)])
    with ctx.workprec(1200):
        isolated = acb_mat(arb_mat(H.to_flint())).eig()  # Rump's certified simple eigenvalues
        truth = sorted((z.real.mid() for z in isolated), reverse=True)
        assert all(z.real.rad() < arb(10) ** -200 for z in isolated)
    for bits in (53, 128, 512):
        for found in (singular_values(H, bits), symmetric_eigenvalues(H, bits)):
            assert all(x.contains(t) for x, t in zip(found, truth, strict=True))
            assert all(radius_bits(x) < 10 - bits for x in found)


def test_random_floats_agree_with_another_algorithm() -> None:
    A = np.random.default_rng(5).normal(size=(9, 6))
    with ctx.workprec(1000):
        X = arb_mat(Matrix(A).to_flint())
        truth = sorted((z.real.sqrt().mid() for z in acb_mat(X.transpose() * X).eig()), reverse=True)
    for bits in (53, 128, 512):
        for B in (A, A.T):
            found = singular_values(B, bits)
            assert all(x.contains(t) for x, t in zip(found, truth, strict=True))
            assert all(radius_bits(x) < 10 - bits for x in found)


# The smallest and the strangest cases.


@pytest.mark.parametrize("bits", [53, 128])
def test_empty_zero_and_one_by_one(bits: int) -> None:
    for shape in ((0, 0), (0, 3), (3, 0)):
        assert singular_values(np.zeros(shape), bits) == []
    assert symmetric_eigenvalues(np.zeros((0, 0)), bits) == []
    assert [x.is_zero() for x in singular_values(np.zeros((2, 3)), bits)] == [True, True]
    assert [x.is_zero() for x in symmetric_eigenvalues(np.zeros((2, 2)), bits)] == [True, True]
    assert contains(singular_values(Matrix([[-THIRD]]), bits)[0], THIRD)
    assert contains(symmetric_eigenvalues(Matrix([[-THIRD]]), bits)[0], -THIRD)


@pytest.mark.parametrize("bits", [53, 128, 512, 2048])
def test_extreme_scales(bits: int) -> None:
    tiny = Fraction(1, 10**300)
    A = Matrix([[3 * 10**300, 4 * 10**300], [0, 0]])
    assert contains(singular_values(A, bits)[0], 5 * 10**300)
    assert contains(singular_values(A / 10**600, bits)[0], 5 * tiny)
    graded = singular_values(Matrix([[10**300, 0], [0, tiny]]), bits)
    assert contains(graded[0], 10**300) and contains(graded[1], tiny)
    subnormal = singular_values(np.array([[5e-324, 0.0]]), bits)
    assert contains(subnormal[0], Fraction(5e-324)) and radius_bits(subnormal[0]) < -1074 - 40
    assert contains(spectral_norm(np.full((2, 2), 1e308)), 2 * Fraction(1e308))


def test_graded_matrix_is_resolved_when_the_bits_suffice() -> None:
    assert singular_values(np.array([[1e300, 1e-300], [3e-300, 1e-300]]), 2048)[1] > 0


def test_tied_top_values_and_rank_one() -> None:
    assert all(contains(x, 1) for x in singular_values(np.eye(7)))
    ones = singular_values(np.ones((4, 9)))
    assert contains(ones[0], 6) and all(contains(x, 0) for x in ones[1:])


# Matrices known up to radii.


@given(planted(), st.integers(0, 2**25 - 1))
@settings(max_examples=40, deadline=None)
def test_every_matrix_inside_the_balls_is_covered(instance: tuple[Matrix, list[Fraction]], pattern: int) -> None:
    A, spectrum = instance
    m, n = A.shape
    r = fmpq(1, 64)
    moved = A + Matrix([[r if pattern >> (i * n + j) & 1 else -r for j in range(n)] for i in range(m)])
    around = BallMatrix([[arb(moved[i, j], r) for j in range(n)] for i in range(m)])
    for bits in (53, 128):
        assert all(contains(x, s) for x, s in zip(singular_values(around, bits), spectrum, strict=True))


def test_eigenvalues_of_a_symmetric_ball_matrix_are_covered() -> None:
    around = BallMatrix([[arb(0, 0.25), arb(1, 0.25)], [arb(1, 0.25), arb(0, 0.25)]])
    for bits in (53, 128):
        found = symmetric_eigenvalues(around, bits)
        assert contains(found[0], Fraction(3, 2)) and contains(found[1], Fraction(-3, 2))
        assert found[0] > 0 > found[1]


def test_an_entry_without_a_finite_radius_is_too_wide() -> None:
    A = BallMatrix([[arb("nan")]])
    for f in (singular_values, symmetric_eigenvalues, norm_21, frobenius_norm):
        with pytest.raises(TooWide, match="`A` must hold finite balls, found <1x1 BallMatrix"):
            f(A)


# The theorems in the docstring: any guess, however bad, gives enclosures.


def rationals(draw: st.DrawFn, m: int, n: int) -> arb_mat:
    entries = st.sampled_from([0, 1, -1, 2, Fraction(1, 2), Fraction(-1, 8)])
    return arb_mat(m, n, [ball(draw(entries)) for _ in range(m * n)])


@given(st.data())
@settings(max_examples=80, deadline=None)
def test_a_bad_guess_still_encloses(data: st.DataObject) -> None:
    A, spectrum = data.draw(planted())
    S, eigenvalues = data.draw(planted_symmetric())
    (m, n), p = A.shape, S.rows

    @st.composite
    def guesses(draw: st.DrawFn) -> tuple[Any, Any]:
        r = draw(st.integers(0, min(m, n)))
        d = [ball(x) for x in sorted(draw(st.lists(VALUES, min_size=r, max_size=r)), reverse=True)]
        d = [x.mid() for x in d]
        w = [arb(x) for x in sorted(draw(st.lists(st.integers(-2, 2), min_size=p, max_size=p)), reverse=True)]
        singular = balls._Singular(rationals(draw, m, r), d, rationals(draw, n, r))
        return singular, balls._Eigen(w, rationals(draw, p, p))

    singular, eigen = data.draw(guesses())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(balls, "_guess_singular", lambda A, bits: singular)
        patch.setattr(balls, "_guess_eigen", lambda A, bits: eigen)
        assert all(contains(x, s) for x, s in zip(singular_values(A, 128), spectrum, strict=True))
        assert all(contains(x, s) for x, s in zip(symmetric_eigenvalues(S, 128), eigenvalues, strict=True))


def test_the_enclosure_of_a_near_guess_is_no_larger_than_the_theorem_says() -> None:
    # U = V = 1 + h, D = 1, A = 1: alpha = beta = 2h + h^2 and eta = 2h + h^2, so the radius is about 6h.
    h = arb((1, -20))
    one_and_h = arb_mat(1, 1, [1 + h])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(balls, "_guess_singular", lambda A, bits: balls._Singular(one_and_h, [arb(1)], one_and_h))
        patch.setattr(balls, "_guess_eigen", lambda A, bits: balls._Eigen([arb(1)], one_and_h))
        (sigma,), (lam,) = singular_values(Matrix([[1]]), 128), symmetric_eigenvalues(Matrix([[1]]), 128)
    assert 5.9 * h < sigma.rad() < 6.1 * h
    assert 3.9 * h < lam.rad() < 4.1 * h


# Norms.


def test_norm_21_sums_the_columns() -> None:
    A = Matrix([[1] * 9])
    assert contains(norm_21(A), 9) and contains(norm_21(A.T), 3)
    assert contains(norm_21(np.array([[3.0, 0.0], [4.0, 0.0]])), 5)
    assert norm_21(np.zeros((0, 3))).is_zero() and norm_21(np.zeros((3, 0))).is_zero()


@given(planted())
@settings(max_examples=40, deadline=None)
def test_norms_of_planted_matrices(instance: tuple[Matrix, list[Fraction]]) -> None:
    A, spectrum = instance
    assert contains(spectral_norm(A), spectrum[0])
    assert contains(nuclear_norm(A), sum(spectrum))
    for B in (A, BallMatrix(A)):
        assert contains(frobenius_norm(B) ** 2, A.squared_norm()) or A.is_zero()
    # Norms in their order; the (2,1) norm of the transpose is the sum over rows.
    for B in (A, A.T):
        assert not spectral_norm(B) > frobenius_norm(B)
        assert not frobenius_norm(B) > norm_21(B)
        assert not norm_21(B) > arb(B.cols).sqrt() * frobenius_norm(B)


def test_norms_of_balls_around_zero_stay_non_negative() -> None:
    A = BallMatrix([[arb(0, 1), arb(0, 1)]])
    assert A.squared_norm() >= 0 and contains(A.squared_norm(), 2)
    for norm in (frobenius_norm, spectral_norm, nuclear_norm, norm_21):
        assert norm(A).is_finite() and norm(A) >= 0 and contains(norm(A), 1) and contains(norm(A), 0)


def test_empty_norms_are_zero() -> None:
    for norm in (spectral_norm, nuclear_norm, frobenius_norm):
        assert norm(np.zeros((0, 2))).is_zero()
        assert norm(Matrix([])).is_zero()


# Ball matrices.

ENTRIES = st.fractions(min_value=-3, max_value=3, max_denominator=7)


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_algebra_encloses_exact_algebra(data: st.DataObject) -> None:
    def matrix(m: int, n: int) -> Matrix:
        flat = data.draw(st.lists(ENTRIES, min_size=m * n, max_size=m * n))
        return Matrix([flat[i * n : (i + 1) * n] for i in range(m)]) if m * n else exact.zeros(m, n)

    m, n, k = (data.draw(st.integers(0, 3)) for _ in range(3))
    A, B, C = matrix(m, n), matrix(n, k), matrix(m, n)
    X, Y, Z = BallMatrix(A), BallMatrix(B), BallMatrix(C)
    for product in (X @ Y, A @ Y, X @ B):
        assert product.shape == (m, k) and product.contains(A @ B)
    for total in (X + Z, A + Z, X + C):
        assert total.contains(A + C)
    for difference in (X - Z, A - Z, X - C):
        assert difference.contains(A - C)
    assert (-X).contains(-A) and X.T.contains(A.T) and X.T.shape == (n, m)
    for q in (Fraction(2, 3), fmpq(2, 3), 2, arb(fmpq(2, 3))):
        c = q if not isinstance(q, arb) else Fraction(2, 3)
        assert (q * X).contains(c * A) and (X * q).contains(A * c) and (X / q).contains(A / c)
    assert contains(X.squared_norm(), A.squared_norm()) and contains(X.inner(Z), A.inner(C))
    assert contains((X @ X.T).trace(), A.squared_norm())
    assert [x.str(5) for x in X.entries()] == [arb(x).str(5) for x in A.entries()]


def test_numpy_on_either_side_is_taken_exactly() -> None:
    a, B = np.array([[0.1, 2.0]]), BallMatrix([[THIRD], [1]])
    tenth = Fraction(0.1)
    assert contains((a @ B)[0, 0], tenth / 3 + 2)
    assert contains((B @ a)[0, 0], tenth / 3)
    assert contains((a + BallMatrix([[1, 2]]))[0, 0], tenth + 1)
    assert contains((a - BallMatrix([[1, 2]]))[0, 0], tenth - 1)
    assert BallMatrix(a).contains(a) and BallMatrix(np.array([[2**62 + 1]]))[0, 0] == 2**62 + 1
    assert BallMatrix(np.array([[0.5]], dtype=np.float32))[0, 0] == arb(0.5)


def test_index_and_slice() -> None:
    A = BallMatrix([[1, 2, 3], [4, 5, 6]])
    assert A[1, 2] == 6 and A[-1, -3] == 4 and A.shape == (A.rows, A.cols) == (2, 3)
    assert A[:, 1].contains(Matrix([[2], [5]])) and A[:, 1].shape == (2, 1)
    assert A[0, :2].contains(Matrix([[1, 2]])) and A[1:, 1:].contains(Matrix([[5, 6]]))
    with pytest.raises(IndexError, match="`row` must lie between -2 and 1, found 2"):
        _ = A[2, 0]


def test_a_ball_matrix_shares_nothing_that_can_change() -> None:
    given_matrix = arb_mat([[1]])
    A = BallMatrix(given_matrix)
    given_matrix[0, 0] = 7
    A.to_flint()[0, 0] = 7
    assert A[0, 0] == 1 and BallMatrix(A)[0, 0] == 1
    with pytest.raises(TypeError, match="unhashable"):
        hash(A)


def test_repr_is_short() -> None:
    assert repr(BallMatrix([[1, 2]])) == "<1x2 BallMatrix [[1.00000, 2.00000]]>"
    assert len(repr(BallMatrix(np.zeros((100, 100))))) < 1000


def test_bad_matrices() -> None:
    for rows, error, text in (
        ([[1], [1, 2]], ValueError, r"`rows` must have equal lengths, found lengths \[1, 2\]: pad or cut them."),
        (
            [[0.5]],
            TypeError,
            r"must be a ball or an exact number \(int, Fraction, fmpq\), found float 0.5: write a dec",
        ),
        ([[True]], TypeError, "found bool True"),
        (np.zeros(3), ValueError, r"The array must be 2-D, found 1-D of shape \(3,\): reshape it."),
        (np.array([[0.0, np.nan]]), ValueError, r"must hold finite numbers, found nan at \(0, 1\): remove or replace"),
        (np.array([[-np.inf]]), ValueError, r"must hold finite numbers, found -inf at \(0, 0\)"),
        (np.array([[1j]]), TypeError, "must hold integers or floats of at most 64 bits, found complex128: convert it"),
        (np.zeros((1, 1), dtype=np.longdouble), TypeError, "of at most 64 bits, found float128"),
    ):
        with pytest.raises(error, match=text):
            BallMatrix(rows)
    A, B = BallMatrix([[1, 2]]), BallMatrix([[1]])
    with pytest.raises(ValueError, match="`A @ B` needs as many columns in A as rows in B, found 1x2 @ 1x2"):
        _ = A @ A
    with pytest.raises(ValueError, match=r"`A \+ B` needs two matrices of one shape, found \(1, 2\) and \(1, 1\)"):
        _ = A + B
    with pytest.raises(ValueError, match=r"`A - B` needs two matrices of one shape"):
        _ = A - B
    with pytest.raises(ValueError, match=r"`inner` needs two matrices of one shape"):
        A.inner(B)
    with pytest.raises(ValueError, match=r"`trace` needs a square matrix, found shape \(1, 2\)"):
        A.trace()
    with pytest.raises(TooWide, match="`A / q` needs a divisor away from zero, found"):
        _ = A / arb(0, 1)
    for bad in ("text", 0.5):
        with pytest.raises(TypeError):
            _ = A * bad  # type: ignore[operator]
        with pytest.raises(TypeError):
            _ = A / bad  # type: ignore[operator]
        with pytest.raises(TypeError):
            _ = A @ bad  # type: ignore[operator]
        with pytest.raises(TypeError):
            _ = A + bad  # type: ignore[operator]
        with pytest.raises(TypeError):
            _ = A - bad  # type: ignore[operator]


def test_bad_symmetric_matrices() -> None:
    with pytest.raises(ValueError, match=r"`A` must be square, found shape \(1, 2\)"):
        symmetric_eigenvalues(Matrix([[1, 2]]))
    nearly = Matrix([[0, 1], [1 + Fraction(1, 10**50), 0]])
    for A in (nearly, np.array([[0, 1.0], [1.0 + 2**-52, 0]]), BallMatrix([[0, arb(1)], [arb(2), 0]])):
        with pytest.raises(ValueError, match=r"`A` must be symmetric, found A != A.T: pass \(A \+ A.T\) / 2"):
            symmetric_eigenvalues(A)


def test_ball_takes_exact_numbers_and_balls() -> None:
    for x in (Fraction(1, 3), THIRD):
        assert contains(ball(x), THIRD) and not ball(x).is_exact()
    assert ball(np.int64(7)) == 7 and ball(10**40) == arb(10**40) and ball(arb(2)) == 2
    for bad in (0.5, "1/3", None, np.float64(1)):
        with pytest.raises(TypeError, match=f"`x` must be a ball or an exact number .* found {type(bad).__name__}"):
            ball(bad)


# Raising the precision.


def test_decide_raises_the_precision_until_decided() -> None:
    asked = []

    def question(bits: int) -> Verdict:
        asked.append((bits, ctx.prec))
        return less_than(arb(1) + arb(fmpq(1, 10**60)), arb(1), "one plus a little")

    verdict = decide(question)
    assert verdict.fails and asked == [(53, 53), (128, 128), (512, 512)]
    assert verdict.reason == "decided at 512 bits: one plus a little"
    assert ctx.prec == 53


def test_decide_says_nothing_about_the_first_precision() -> None:
    assert decide(lambda bits: decided(True, "yes")).reason == "yes"


def test_decide_stays_undecided() -> None:
    verdict = decide(lambda bits: less_than(arb(2).sqrt() ** 2, 2))
    assert verdict.undecided and verdict.reason == f"undecided at {PRECISIONS[-1]} bits"


def test_decide_takes_too_wide_as_undecided() -> None:
    def question(bits: int) -> Verdict:
        if bits < 512:
            raise TooWide("a divisor contains zero")
        return decided(True)

    assert decide(question).holds
    assert decide(question, precisions=[53]).reason == "undecided at 53 bits: a divisor contains zero"


def test_decide_restores_the_precision_of_the_caller() -> None:
    def careless(bits: int) -> Verdict:
        ctx.prec = 999
        return undecided("no")

    def broken(bits: int) -> Verdict:
        ctx.prec = 999
        raise ZeroDivisionError

    before = ctx.prec
    with ctx.workprec(77):
        assert decide(careless).undecided
        assert ctx.prec == 77
        with pytest.raises(ZeroDivisionError):
            decide(broken)
        assert ctx.prec == 77
    assert ctx.prec == before
    with pytest.raises(ValueError, match="`precisions` must name at least one precision in bits, found none"):
        decide(careless, precisions=())


def test_functions_restore_the_precision_of_the_caller() -> None:
    before = ctx.prec
    singular_values(np.eye(3), 512)
    symmetric_eigenvalues(np.eye(3), 512)
    with pytest.raises(ValueError):
        symmetric_eigenvalues(np.ones((2, 3)), 512)
    assert ctx.prec == before
