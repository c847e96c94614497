"""Certified spectral norms against balls and exact arithmetic, on ordinary and adversarial matrices.

Larger campaigns run with HYPOTHESIS_PROFILE=nightly.
"""

import math
import os
from fractions import Fraction

import numpy as np
import pytest
from flint import arb, ctx, fmpq
from hypothesis import given, settings
from hypothesis import strategies as st
from wild_matrices import SCALES, hadamard, wild_matrix

from numerics.arithmetic import balls, spectral
from numerics.arithmetic.exact import Matrix, identity
from numerics.arithmetic.spectral import largest_eigenvalue, spectral_norm, spectral_norm_bounds, width
from numerics.evidence.errors import InputError

CAMPAIGN = 20_000 if os.environ.get("HYPOTHESIS_PROFILE") == "nightly" else 1200


def assert_encloses_norm(A: np.ndarray, lower: float, upper: float) -> None:
    """lower <= |A| <= upper, decided by exact inertia: x >= |A| when x^2 I - A A^T is positive semidefinite."""
    M = Matrix(A if A.shape[0] <= A.shape[1] else A.T)
    gram = M @ M.T

    def above(x: float) -> Matrix:
        p, q = x.as_integer_ratio()
        return identity(gram.rows) * fmpq(p * p, q * q) - gram

    assert math.isinf(upper) or above(upper).is_positive_semidefinite()
    assert lower >= 0
    assert not above(lower).is_positive_definite()


def realified(A: np.ndarray) -> np.ndarray:
    """A real matrix with the norm of the complex one."""
    return np.block([[np.real(A), -np.imag(A)], [np.imag(A), np.real(A)]])


@settings(max_examples=150, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    m=st.integers(1, 7),
    n=st.integers(1, 7),
    kind=st.integers(0, 5),
    scale=st.sampled_from(SCALES),
)
def test_the_exact_norm_is_enclosed(seed, m, n, kind, scale):
    A = wild_matrix(seed, m, n, kind, scale)
    lower, upper = spectral_norm_bounds(A)
    assert_encloses_norm(A, lower, upper)
    if scale > -1000 and A.any():
        assert upper - lower <= 1e-11 * lower


def test_thousands_of_small_matrices_contain_the_ball_value():
    rng = np.random.default_rng(7)
    for trial in range(CAMPAIGN):
        m, n = rng.integers(1, 6, 2)
        A = wild_matrix(trial, int(m), int(n), trial % 6, SCALES[trial % len(SCALES)] if trial % 5 == 0 else 0)
        if trial % 2:
            with np.errstate(over="ignore"):
                A = A.astype(np.float32)
            A[~np.isfinite(A)] = 1.0
        if trial % 6 == 0:
            A = A + 1j * wild_matrix(trial + 1, int(m), int(n), (trial // 36) % 6, 0)
        with ctx.workprec(128):
            truth = balls.spectral_norm((realified(A) if np.iscomplexobj(A) else A).astype(np.float64))
        found = spectral_norm(A)
        # one row or column is added up exactly: then the ball around the truth is the wider one
        assert found.contains(truth) or (found.is_exact() and truth.contains(found)), (trial, A)
        assert spectral_norm(A.T).overlaps(truth)
        assert width(found) < 1e-6 or np.abs(A).max() < 1e-300


@pytest.mark.parametrize("kind", range(6))
@pytest.mark.parametrize("shape", [(12, 12), (9, 30), (40, 11)])
def test_it_meets_the_ball_route(kind: int, shape: tuple[int, int]):
    for seed in range(3):
        A = wild_matrix(seed, shape[0], shape[1], kind, 0)
        found = spectral_norm(A)
        with ctx.workprec(128):
            assert found.contains(balls.spectral_norm(A))
        assert found.rel_accuracy_bits() > 34 or found == 0


LARGE = [
    (np.ones((500, 700)), 350_000),  # beyond the size where Lanczos guesses the eigenvalue
    (hadamard(9), 512),  # every singular value tied
    (np.kron(hadamard(8), np.ones((1, 3))), 768),
    (np.outer(np.arange(450.0), np.arange(460.0)), sum(k * k for k in range(450)) * sum(k * k for k in range(460))),
    (np.diag(np.arange(420.0)), 419**2),
    (np.diag(np.arange(420.0)) * (1 + 1j), 2 * 419**2),
    (np.kron(hadamard(7), np.array([[1, 1j]])), 256),
]


@pytest.mark.parametrize(
    ("A", "square"), LARGE, ids=["ones", "hadamard", "tied", "rank-one", "diagonal", "complex", "complex-tied"]
)
@pytest.mark.parametrize("relative_width", [1e-6, 1e-8, 1e-9])
def test_large_matrices_with_a_known_norm(A, square, relative_width):
    for matrix in (A, A.T):
        lower, upper = (Fraction(x) for x in spectral_norm_bounds(matrix, relative_width))
        assert lower**2 <= square <= upper**2
        assert upper - lower <= lower * Fraction(relative_width)


@pytest.mark.parametrize("is_complex", [False, True])
@pytest.mark.parametrize("shape", [(90, 130), (300, 300), (300, 90)])
def test_random_matrices_beyond_the_size_of_balls_agree_with_numpy(shape, is_complex):
    rng = np.random.default_rng(1)
    A = rng.standard_normal(shape) + (1j * rng.standard_normal(shape) if is_complex else 0)
    truth = np.linalg.norm(A, 2)
    for relative_width in (1e-4, 1e-6, 1e-9):
        lower, upper = spectral_norm_bounds(A, relative_width)
        assert lower <= truth * (1 + 1e-13)
        assert truth * (1 - 1e-13) <= upper <= lower * (1 + relative_width)


def test_tight_widths_come_from_balls_or_are_refused():
    A = wild_matrix(3, 5, 8, 0, 0)
    with ctx.workprec(400):
        truth = balls.spectral_norm(A)
        tight = spectral_norm(A, 1e-60)
        assert width(tight) <= 1e-60
        assert tight.overlaps(truth)
    unitary = np.linalg.qr(A.T)[0].T @ np.diag([1j] * 8)
    assert width(spectral_norm(unitary, 1e-30)) <= 1e-30
    with pytest.raises(
        InputError, match=r"`relative_width` must be at least .*, which float64 certifies for this matr"
    ):
        spectral_norm(np.ones((200, 300)), 1e-16)
    for bad in (0.0, -1.0, math.nan, math.inf, "1e-6"):
        with pytest.raises(InputError, match="`relative_width` must be a positive number such as 1e-6, found"):
            spectral_norm(A, bad)  # pyright: ignore[reportArgumentType]


def test_special_matrices():
    assert spectral_norm(np.zeros((3, 4))) == 0
    assert spectral_norm(np.zeros((0, 4))) == 0
    assert spectral_norm_bounds([[-3.0]])[0] <= 3 <= spectral_norm_bounds([[-3.0]])[1]
    assert spectral_norm([[3, 4]]).contains(arb(5))
    assert spectral_norm(np.array([[3 + 4j]])).contains(arb(5))
    assert spectral_norm(np.array([[3], [4j]])).contains(arb(5))
    assert spectral_norm(np.array([[3], [4]], dtype=np.float32)).contains(arb(5))
    assert spectral_norm(np.array([[3, 4]], dtype=">f8")).contains(arb(5))
    assert spectral_norm(np.array([[3, 4j]], dtype=">c8")).contains(arb(5))
    lower, upper = spectral_norm_bounds(np.full((4, 4), 1e308))
    assert lower == np.finfo(float).max
    assert upper == math.inf
    assert spectral_norm(np.full((4, 4), 1e308)).contains(arb(1e308) * 4)  # the ball knows no such limit
    lower, upper = spectral_norm_bounds(np.full((2, 2), 5e-324))
    assert lower <= 1e-323 <= upper
    hilbert = 1 / (np.arange(200)[:, None] + np.arange(200) + 1.0)
    lower, upper = spectral_norm_bounds(hilbert)
    assert lower <= np.linalg.norm(hilbert, 2) <= upper < math.pi


def test_power_of_two_scales_monotonicity_and_transposition():
    A = wild_matrix(3, 6, 4, 0, 0)
    with ctx.workprec(200):
        assert str(spectral_norm(A * 2.0**300)) == str(spectral_norm(A) * arb(2) ** 300)
    assert spectral_norm(A.T).overlaps(spectral_norm(A))
    big = np.abs(wild_matrix(3, 90, 100, 0, 0))
    for factor in (1.0, 1e300, 1e-300, 1e-310):
        lower, upper = spectral_norm_bounds(big * factor)
        assert lower <= np.linalg.norm(big, 2) * factor * (1 + 1e-9)
        assert upper >= np.linalg.norm(big, 2) * factor * (1 - 1e-9)
    # a larger non-negative matrix has a larger norm, and so has a matrix with more rows
    assert not spectral_norm(big) > spectral_norm(big + 1e-3)
    assert not spectral_norm(big[:80]) > spectral_norm(big)


def test_matrices_that_are_refused():
    for bad, text in (
        ([[1.0, math.nan]], r"`A` must have finite entries, found nan at index \(0, 1\)"),
        ([[math.inf]], "`A` must have finite entries, found inf"),
        (np.array([[1, math.nan * 1j]]), r"`A` must have finite entries, found .* at index \(0, 1\)"),
        (np.array([[-math.inf]], np.float32), r"`A` must have finite entries, found -inf at index \(0, 0\)"),
        ([1.0, 2.0], r"`A` must have 2 dimension\(s\), found shape \(2,\)"),
        (np.array([[1]], np.longdouble) / 3, "`A` must hold numbers that float64 represents exactly"),
    ):
        with pytest.raises(InputError, match=text):
            spectral_norm(bad)
    with pytest.raises(TypeError, match="`A` must be an array of real numbers, found dtype <U1"):
        spectral_norm([["1"]])


def test_float32_is_not_copied_as_a_whole():
    import tracemalloc

    A = np.ones((64, 100_000), np.float32)
    spectral_norm(A[:, :100])
    tracemalloc.start()
    spectral_norm(A)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < A.nbytes / 10


# What happens when a part fails.


def test_a_wrong_float_eigenvalue_is_never_believed(monkeypatch):
    A = hadamard(4)
    v = np.ones(16)
    # the scaled Gram matrix is 4 I; each guess is wrong, so that the Cholesky factorisation must fail for the excesses
    # that do not repair it
    for value in (1.0, 3.9, 4 * (1 - 1e-7), 4 * (1 - 1e-11), math.nan, math.inf, -1.0):
        monkeypatch.setattr(spectral, "guesses", lambda G, tolerance, value=value: iter([(value, v)]))
        lower, upper = spectral_norm_bounds(A, 100.0)
        assert lower <= 4 <= upper
        assert upper <= 16.001  # the Frobenius norm
    monkeypatch.setattr(spectral, "_DIRECT", 1)  # so that a second guess is asked for
    monkeypatch.setattr(spectral, "guesses", lambda G, tolerance: iter([(1.0, v), (4.0, v)]))
    lower, upper = spectral_norm_bounds(A)
    assert lower <= 4 <= upper < 4 + 1e-10


def test_useless_vectors_give_a_useless_lower_bound_and_no_wrong_one(monkeypatch):
    for v in (np.zeros(2), np.full(2, math.nan), np.full(2, 1e200), np.array([0.0, 1.0])):
        monkeypatch.setattr(spectral, "guesses", lambda G, tolerance, v=v: iter([(4.0, v)]))
        lower, upper = spectral_norm_bounds(np.diag([2.0, 1.0]), 10)
        assert lower <= 2 <= upper


def test_lanczos_that_finds_another_eigenvalue_is_followed_by_a_full_decomposition(monkeypatch):
    def stops_at_once(apply, start, tolerance, steps=250):
        v = np.zeros_like(start)
        v[0] = 1
        return float(np.real(np.vdot(v, apply(v)))), v

    monkeypatch.setattr(spectral, "lanczos", stops_at_once)
    lower, upper = spectral_norm_bounds(np.ones((101, 101)))
    assert lower <= 101 <= upper < 101 * (1 + 1e-8)


# Each rounding term left out. Some can be seen: the four tests below fail when their term is set to zero, and so does
# each test above when the Cholesky certificate is skipped. What cannot be seen, and stands on the proof: the factor
# sqrt(2) of complex arithmetic, the terms for underflow, and that gamma_k and not half of it is needed.


def enclosed_without(monkeypatch, names: tuple[str, ...], function, *arguments):
    """The result with the named rounding terms set to zero."""
    with monkeypatch.context() as patch:
        for name in names:
            patch.setattr(spectral, name, lambda *_: arb(0))
        return function(*arguments)


def test_the_gram_error_is_needed(monkeypatch):
    # 1 + sum of 2^-62: each chunk adds less than half of the last place of 1, so that all of it is lost
    q = 2**19
    A = np.full((2, q), 2.0**-31)
    A[:, 0] = (1.0, 0.0)
    A[1] = 0.0
    monkeypatch.setattr(spectral, "_LEAST_EXCESS", 2e-15)
    with ctx.workprec(128):
        truth = (1 + arb(q - 1) * arb(2) ** -62).sqrt()
        assert spectral_norm(A).contains(truth)
        cheated = enclosed_without(monkeypatch, ("product_error",), spectral_norm, A)
        assert cheated < truth


def small_grams() -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [(B @ B.T).astype(float) for B in (rng.integers(-9, 10, (n, n + 1)) for n in (2, 3, 5) * 60)]


def eigenvalue(G: np.ndarray) -> arb:
    with ctx.workprec(160):
        return balls.symmetric_eigenvalues(G)[0]


def test_the_cholesky_error_is_needed(monkeypatch):
    # guesses a few units in the last place below the eigenvalue, some of which the float factorisation accepts
    monkeypatch.setattr(spectral, "_LEAST_EXCESS", 0.0)
    monkeypatch.setattr(spectral, "_EXCESSES", (0.0, 1e-15, 1e-13))
    caught = 0
    for G in small_grams():
        truth = eigenvalue(G)
        for units in range(4):
            tau = float(truth) * (1 - units * 2.0**-53)
            vector = np.linalg.eigh(G)[1][:, -1]
            monkeypatch.setattr(spectral, "guesses", lambda G, tolerance, t=tau, v=vector: iter([(t, v)]))
            size = arb(float(np.linalg.norm(G))) * 1.001
            with ctx.workprec(128):
                _, upper = largest_eigenvalue(np.asfortranarray(G), size, 1e-6)
                assert upper > truth
                _, upper = enclosed_without(
                    monkeypatch, ("cholesky_error",), largest_eigenvalue, np.asfortranarray(G), size, 1e-6
                )
            caught += bool(upper < truth)
    assert caught


def test_the_rayleigh_error_is_needed(monkeypatch):
    caught = 0
    for G in small_grams():
        truth, size = eigenvalue(G), arb(float(np.linalg.norm(G))) * 1.001
        with ctx.workprec(128), monkeypatch.context() as patch:
            lower, _ = largest_eigenvalue(np.asfortranarray(G), size, 1e-6)
            assert lower < truth
            patch.setattr(spectral, "gamma", lambda k: fmpq(0))
            # the norm of the vector has an error bound of its own, wider than this one
            patch.setattr(spectral, "norm_ball", lambda b: sum((arb(x) ** 2 for x in b.tolist()), arb(0)).sqrt())
            lower, _ = largest_eigenvalue(np.asfortranarray(G), size, 1e-6)
        caught += bool(lower > truth)
    assert caught


def test_the_lower_bound_of_iteration_is_no_upper_bound(monkeypatch):
    """A power iteration in place of the certificate: below the norm nearly always."""
    monkeypatch.setattr(spectral, "trace_when_positive_definite", lambda G, tau: 0.0)
    caught = 0
    for seed in range(20):
        A = wild_matrix(seed, 80, 90, 0, 0)
        truth = np.linalg.norm(A, 2) * (1 - 1e-13)

        def powers(G, tolerance):
            v = np.ones(80) / math.sqrt(80)
            for _ in range(50):
                v = spectral.times(G, v)
                v /= np.linalg.norm(v)
            yield float(v @ spectral.times(G, v)), v

        monkeypatch.setattr(spectral, "guesses", powers)
        caught += int(spectral_norm_bounds(A)[1] < truth)
    assert caught > 10


def test_planted_errors_as_large_as_the_proof_allows_are_paid_for(monkeypatch):
    """A Gram matrix that errs by its whole bound, downwards: the exact norm stays inside."""
    rng = np.random.default_rng(5)
    original = spectral._gram
    for is_complex in (False, True):
        for _ in range(20):
            A = rng.standard_normal((3, 4)) + (1j * rng.standard_normal((3, 4)) if is_complex else 0)
            for sign in (1, -1):

                def planted(A, exponent, sign=sign):
                    G = original(A, exponent)
                    error = float(spectral.product_error(A.shape[1], np.iscomplexobj(A)))
                    return G + sign * 0.99 * error * float(np.trace(G).real) * np.eye(3)

                monkeypatch.setattr(spectral, "_gram", lambda A, e, f=planted: np.asfortranarray(f(A, e)))
                with ctx.workprec(128):
                    truth = balls.spectral_norm(realified(A) if is_complex else A)
                assert spectral_norm(A, 1e-3).contains(truth)
