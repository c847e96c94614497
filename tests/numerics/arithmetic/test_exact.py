"""Rational matrices against their definitions and against other routes to the same number."""

import pickle
from fractions import Fraction
from itertools import pairwise, product

import numpy as np
import pytest
from flint import fmpq, fmpq_mat
from hypothesis import given, settings
from hypothesis import strategies as st

from numerics.arithmetic.exact import (
    Matrix,
    as_fraction,
    block_diagonal,
    cayley,
    column,
    diagonal,
    hstack,
    identity,
    orthogonal,
    planted,
    rational,
    unit,
    vstack,
    zeros,
)
from numerics.arithmetic.polynomial import characteristic_polynomial

relaxed = settings(deadline=None)

numbers = st.sampled_from([fmpq(0), fmpq(1), fmpq(-1), fmpq(2), fmpq(1, 2), fmpq(-3), fmpq(-2, 3), fmpq(7, 5)])
sizes = st.integers(0, 4)


@st.composite
def matrices(draw, m: int | st.SearchStrategy[int] = sizes, n: int | st.SearchStrategy[int] = sizes):
    rows, cols = (k if isinstance(k, int) else draw(k) for k in (m, n))
    return Matrix.from_entries(rows, cols, draw(st.lists(numbers, min_size=rows * cols, max_size=rows * cols)))


@st.composite
def low_rank_matrices(draw):
    r = draw(st.integers(0, 2))
    return draw(matrices(n=r)) @ draw(matrices(m=r))


@st.composite
def frames(draw, n):
    k = n * (n - 1) // 2
    params = draw(st.lists(numbers, min_size=k, max_size=k))
    return orthogonal(n, params, draw(st.lists(st.sampled_from([1, -1]), min_size=n, max_size=n)))


@st.composite
def symmetric_matrices(draw):
    n = draw(st.integers(0, 5))
    A = draw(matrices(n, n))
    # A zero diagonal, on which elimination needs a pivot block, would be rare otherwise.
    off = A - diagonal([A[i, i] for i in range(n)]) if draw(st.booleans()) else A
    return off + off.T


def table(A):
    return [[as_fraction(A[i, j]) for j in range(A.cols)] for i in range(A.rows)]


# Construction.


def test_entries_may_be_integers_fractions_texts_and_floats_in_arrays():
    A = Matrix([[1, Fraction(1, 2)], [fmpq(-3, 4), "2/6"]])
    assert A.entries() == [fmpq(1), fmpq(1, 2), fmpq(-3, 4), fmpq(1, 3)]
    assert Matrix(np.array([[0.1]]))[0, 0] == fmpq(3602879701896397, 2**55)
    assert Matrix(np.array([[3, -4]], dtype=np.int8)).entries() == [3, -4]
    assert Matrix(np.array([[0.5]], dtype=np.float16))[0, 0] == fmpq(1, 2)
    assert Matrix(np.array([[1, 0]]).T @ np.array([[True, False]])) == Matrix([[1, 0], [0, 0]])
    assert Matrix(fmpq_mat([[1]])) == identity(1)
    assert Matrix(np.array([[Fraction(1, 2), 10**30]], dtype=object)) == Matrix([["1/2", 10**30]])
    assert Matrix(A) == A
    assert Matrix([[1]]) != 1


def test_a_matrix_does_not_change_with_the_flint_matrix_it_came_from():
    data = fmpq_mat([[1]])
    A = Matrix(data)
    data[0, 0] = 2
    A.to_flint()[0, 0] = 3
    assert A[0, 0] == 1
    with pytest.raises(AttributeError, match=r"cannot be changed, found an assignment to `T`: use `copy_with`"):
        A.T = A  # type: ignore[misc]


@pytest.mark.parametrize(
    ("rows", "error", "text"),
    [
        ([[1, 2], [3]], ValueError, r"`rows` must have equal lengths, found lengths \[1, 2\]"),
        ([1, 2], TypeError, "found a flat list: use `column`"),
        ([[0.1]], TypeError, "found the float 0.1: write Fraction"),
        ([["1/0"]], ValueError, "must be a rational number written as 'p' or 'p/q' with q > 0, found '1/0'"),
        ([["a"]], ValueError, "found 'a'"),
        ([[None]], TypeError, "found NoneType: convert it first"),
        (np.array([[1.0, np.nan]]), ValueError, r"`rows` must hold finite numbers, found nan at \(0, 1\)"),
        (np.array([[-np.inf]]), ValueError, "found -inf"),
        (np.zeros(3), ValueError, r"must be a 2-D array, found 1-D of shape \(3,\)"),
        (np.zeros((1, 1), dtype=complex), TypeError, "must hold real numbers, found dtype complex128"),
        ("12", TypeError, "must be a list of rows, a FLINT matrix or a NumPy array, found str"),
    ],
)
def test_unusable_rows_are_named(rows, error, text):
    with pytest.raises(error, match=text):
        Matrix(rows)


def test_single_numbers():
    assert rational(np.int64(3)) == 3
    assert rational(0.75) == fmpq(3, 4)
    assert rational("-6/4") == fmpq(-3, 2)
    assert as_fraction(fmpq(-3, 2)) == Fraction(-3, 2)
    with pytest.raises(ValueError, match="must be a finite number, found inf"):
        rational(float("inf"))


@relaxed
@given(matrices())
def test_repr_pickle_and_hash_keep_the_matrix(A):
    assert eval(repr(A)) == A
    assert pickle.loads(pickle.dumps(A)) == A
    B = A + zeros(*A.shape)
    assert A == B
    assert hash(A) == hash(B)
    assert (A == A.T) == (table(A) == table(A.T) and A.rows == A.cols)


def test_repr_of_a_large_matrix_is_short():
    A = Matrix(np.arange(4000).reshape(40, 100))
    assert repr(A).startswith("<40x100 Matrix starting with [0, 1, 2,")
    assert len(repr(A)) < 300


def test_slices_and_positions():
    A = Matrix([[1, 2, 3], [4, 5, 6]])
    assert A[1, 2] == A[-1, -1] == 6
    assert A[:, 0] == column([1, 4])
    assert A[0, :] == Matrix([[1, 2, 3]])
    assert A[:, 1:] == Matrix([[2, 3], [5, 6]])
    assert A[[1, 0], [2]] == Matrix([[6], [3]])
    assert A[:, []].shape == (2, 0)
    with pytest.raises(IndexError, match="`column` must lie between -3 and 2, found 3"):
        A[0, 3]
    with pytest.raises(TypeError, match="needs two indices"):
        A[0]  # type: ignore[call-overload]


def test_copy_with_replaces_and_leaves_the_original():
    A = identity(2)
    assert A.copy_with({(0, 1): "1/2", (-1, -1): 0}) == Matrix([[1, "1/2"], [0, 0]])
    assert identity(2) == A


# Algebra, against arithmetic on lists of Fractions.


@relaxed
@given(st.data(), sizes, sizes, sizes)
def test_products_and_sums_are_those_of_their_entries(data, m, k, n):
    A, A2, B = (data.draw(matrices(*shape)) for shape in [(m, k), (m, k), (k, n)])
    a, a2, b = table(A), table(A2), table(B)
    assert table(A @ B) == [
        [sum((a[i][l] * b[l][j] for l in range(k)), Fraction(0)) for j in range(n)] for i in range(m)
    ]
    assert table(A - A2) == [[x - y for x, y in zip(r, s, strict=True)] for r, s in zip(a, a2, strict=True)]
    assert A + A2 == A - (-A2)
    assert (A @ B).T == B.T @ A.T
    assert (
        A.inner(A2)
        == (A.T @ A2).trace()
        == sum((x * y for x, y in zip(A.entries(), A2.entries(), strict=True)), fmpq(0))
    )
    assert A.squared_norm() == sum((x * x for x in A.entries()), fmpq(0))
    assert 2 * A == A + A == A * fmpq(2) == A * Fraction(4, 2)
    assert A / Fraction(3) * 3 == A
    assert np.array_equal(A.to_numpy(), np.array([[float(x) for x in r] for r in a]).reshape(m, k))


def test_an_empty_dimension_gives_zeros():
    assert zeros(2, 0) @ zeros(0, 3) == zeros(2, 3)
    assert zeros(0, 2) @ zeros(2, 0) == Matrix([])
    assert Matrix([[], []]).shape == (2, 0)
    assert zeros(0, 0).det() == 1
    assert zeros(0, 0).trace() == 0


def test_powers():
    A = Matrix([[1, 1], [0, 2]])
    assert identity(2) == A**0
    assert A**3 == A @ A @ A
    assert identity(2) == A**-2 @ A @ A


@pytest.mark.parametrize(
    ("action", "error", "text"),
    [
        (lambda A: A @ A, ValueError, r"`A @ B` needs as many columns in A as rows in B, found 2x3 @ 2x3"),
        (lambda A: A + A.T, ValueError, r"`A \+ B` needs two matrices of one shape, found 2x3 and 3x2"),
        (lambda A: A - A.T, ValueError, "`A - B` needs two matrices of one shape"),
        (lambda A: A.inner(A.T), ValueError, "`inner` needs two matrices of one shape"),
        (lambda A: A.trace(), ValueError, "`trace` needs a square matrix, found 2x3"),
        (lambda A: A.det(), ValueError, "`det` needs a square matrix"),
        (lambda A: A.inverse(), ValueError, "`inverse` needs a square matrix"),
        (lambda A: A**2, ValueError, r"`A \*\* k` needs a square matrix"),
        (lambda A: A.solve(A), ValueError, "`solve` needs a square matrix"),
        (lambda A: identity(2).solve(A.T), ValueError, "`B` must have 2 rows to solve A X = B, found 3x2"),
        (
            lambda A: zeros(2, 2).inverse(),
            ValueError,
            "needs an invertible matrix, found a 2x2 one of rank 0: use `pseudo",
        ),
        (lambda A: zeros(2, 2).solve(A), ValueError, "`solve` needs an invertible matrix"),
        (lambda A: A.inertia(), ValueError, r"`inertia` needs a symmetric matrix, found a 2x3 one that is not"),
        (lambda A: Matrix([[0, 1], [0, 0]]).is_positive_definite(), ValueError, "needs a symmetric matrix"),
        (lambda A: A * 0.5, TypeError, "unsupported operand"),
        (lambda A: A * A, TypeError, "unsupported operand"),
        (lambda A: A / A, TypeError, "unsupported operand"),
        (lambda A: A + 1, TypeError, "unsupported operand"),
        (lambda A: A - 1, TypeError, "unsupported operand"),
        (lambda A: A @ 1, TypeError, "unsupported operand"),
        (lambda A: np.eye(2) @ A, TypeError, "unsupported operand|does not support ufuncs"),
        (lambda A: A / 0, ZeroDivisionError, "division by zero"),
        (lambda A: zeros(-1, 2), ValueError, "`zeros` needs sizes that are not negative, found -1 and 2"),
        (lambda A: diagonal([1, 2], 1, 2), ValueError, "must fit on the diagonal of a 1x2 matrix, found 2 values"),
        (lambda A: Matrix.from_entries(2, 2, [1]), ValueError, "`entries` must fill a 2x2 matrix, found 1 of them"),
        (lambda A: hstack([]), ValueError, "`parts` must hold at least one matrix"),
        (lambda A: vstack([]), ValueError, "`parts` must hold at least one matrix"),
        (lambda A: hstack([A, A.T]), ValueError, r"equal numbers of rows, found \[2, 3\]"),
        (lambda A: vstack([A, A.T]), ValueError, r"equal numbers of columns, found \[3, 2\]"),
        (lambda A: cayley([1], 3), ValueError, r"must hold n\(n-1\)/2 = 3 numbers for n = 3, found 1"),
        (
            lambda A: orthogonal(2, [1], [1, 2]),
            ValueError,
            r"`signs` must hold 2 numbers that are 1 or -1, found \[1, 2\]",
        ),
        (lambda A: planted([1], 2, 3, identity(2), identity(2)), ValueError, "must be 2x2 and 3x3, found 2x2 and 2x2"),
    ],
)
def test_misuse_is_named(action, error, text):
    with pytest.raises(error, match=text):
        action(Matrix([[1, 2, 3], [4, 5, 6]]))


def test_stacks():
    A, B = Matrix([[1], [2]]), Matrix([[3, 4], [5, 6]])
    assert hstack([A, B]) == Matrix([[1, 3, 4], [2, 5, 6]])
    assert vstack([A.T, B]) == Matrix([[1, 2], [3, 4], [5, 6]])
    assert block_diagonal([A, zeros(0, 1), identity(1)]) == Matrix([[1, 0, 0], [2, 0, 0], [0, 0, 1]])
    assert block_diagonal([]) == zeros(0, 0)
    assert hstack([zeros(0, 2), zeros(0, 1)]).shape == (0, 3)
    assert unit(3, 1) == column([0, 1, 0])
    assert diagonal([1, 2], 2, 3) == Matrix([[1, 0, 0], [0, 2, 0]])


# Equations.


@relaxed
@given(low_rank_matrices() | matrices())
def test_the_pseudo_inverse_satisfies_penroses_equations(A):
    P = A.pseudo_inverse()
    assert P.shape == (A.cols, A.rows)
    assert A @ P @ A == A
    assert P @ A @ P == P
    assert (A @ P).is_symmetric()
    assert (P @ A).is_symmetric()
    assert A.projector() == A @ P


@relaxed
@given(low_rank_matrices() | matrices())
def test_kernel_image_and_echelon_form_agree_on_the_rank(A):
    r = A.rank()
    K, B = A.kernel(), A.image()
    assert K.shape == (A.cols, A.cols - r)
    assert (A @ K).is_zero()
    assert K.rank() == K.cols
    assert B.shape == (A.rows, r)
    assert B.rank() == r == hstack([A, B]).rank()
    R, pivots = A.rref()
    assert len(pivots) == r
    assert R[:r, pivots] == identity(r)
    assert vstack([A, R]).rank() == r
    assert all(R[i, j] == 0 for i, p in enumerate(pivots) for j in range(p))


@relaxed
@given(st.data(), st.integers(0, 4))
def test_the_solution_solves_or_the_matrix_is_singular(data, n):
    A, B = data.draw(matrices(n, n)), data.draw(matrices(n, 2))
    if A.rank() < n:
        assert A.det() == 0
        with pytest.raises(ValueError, match="needs an invertible matrix"):
            A.solve(B)
    else:
        assert A @ A.solve(B) == B
        assert A @ A.inverse() == identity(n)
        assert A.inverse() == A.pseudo_inverse()


# Symmetric matrices.


@relaxed
@given(symmetric_matrices())
def test_inertia_agrees_with_the_signs_of_the_characteristic_polynomial(A):
    # All roots are real, so Descartes' rule counts the positive ones exactly, without any elimination.
    p = characteristic_polynomial(A)
    zero = next(k for k, c in enumerate(p.coefficients()) if c != 0)
    positive = p.sign_changes()
    assert A.inertia() == (positive, A.rows - zero - positive, zero)
    assert A.is_positive_definite() == (positive == A.rows)
    assert A.is_positive_semidefinite() == (positive + zero == A.rows)


@relaxed
@given(st.data(), st.lists(numbers, max_size=5))
def test_inertia_survives_congruence(data, values):
    n = len(values)
    C = data.draw(matrices(n, n).filter(lambda C: C.det() != 0))
    expected = (sum(x > 0 for x in values), sum(x < 0 for x in values), sum(x == 0 for x in values))
    assert (C @ diagonal(values) @ C.T).inertia() == expected


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([], (0, 0, 0)),
        ([[0]], (0, 0, 1)),
        ([[0, 1], [1, 0]], (1, 1, 0)),
        ([[0, 0, 1], [0, 0, 0], [1, 0, 0]], (1, 1, 1)),
        ([[0, 1, 1], [1, 0, 1], [1, 1, 0]], (1, 2, 0)),
        ([[1, 1], [1, 1]], (1, 0, 1)),
        ([[1, 2], [2, 1]], (1, 1, 0)),
        ([[0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, -2], [0, 0, -2, 0]], (2, 2, 0)),
    ],
)
def test_inertia_where_a_pivot_is_zero(rows, expected):
    assert Matrix(rows).inertia() == expected


@relaxed
@given(st.data(), st.integers(0, 4))
def test_the_characteristic_polynomial_is_the_determinant_and_kills_its_matrix(data, n):
    A, x = data.draw(matrices(n, n)), data.draw(numbers)
    p = characteristic_polynomial(A)
    assert p(x) == (x * identity(n) - A).det()
    killed = zeros(n, n)
    for c in reversed(p.coefficients()):
        killed = killed @ A + c * identity(n)
    assert killed.is_zero()


# Frames and planted spectra.


@relaxed
@given(st.data(), st.integers(0, 4))
def test_cayley_frames_are_rotations_without_the_eigenvalue_minus_one(data, n):
    k = n * (n - 1) // 2
    params = data.draw(st.lists(numbers, min_size=k, max_size=k))
    Q = cayley(params, n)
    assert Q.is_orthogonal()
    assert Q.det() == 1
    assert (identity(n) + Q).det() != 0
    K = (identity(n) - Q) @ (identity(n) + Q).inverse()
    assert [K[i, j] for i in range(n) for j in range(i + 1, n)] == params


def reached(Q):
    """Arguments of `orthogonal` that give Q, by trying all signs."""
    n = Q.rows
    for signs in product([1, -1], repeat=n):
        D = diagonal(signs)
        if (identity(n) + D @ Q).det() != 0:
            K = (identity(n) - D @ Q) @ (identity(n) + D @ Q).inverse()
            return [K[i, j] for i in range(n) for j in range(i + 1, n)], signs
    return None


@relaxed
@given(st.permutations(range(4)), st.lists(st.sampled_from([1, -1]), min_size=4, max_size=4))
def test_every_signed_permutation_is_an_orthogonal_frame(order, signs):
    # These have the eigenvalue -1 more often than any other orthogonal matrix.
    Q = diagonal(signs) @ identity(4)[list(order), :]
    found = reached(Q)
    assert found is not None
    assert orthogonal(4, *found) == Q


@pytest.mark.parametrize("n", [0, 1, 2, 3])
def test_minus_the_identity_is_reached(n):
    assert orthogonal(n, [0] * (n * (n - 1) // 2), [-1] * n) == -identity(n)


@relaxed
@given(st.data(), st.integers(0, 3), st.integers(0, 3))
def test_planted_singular_values_are_the_roots_of_the_gram_matrix(data, m, n):
    k = min(m, n)
    spectrum = data.draw(st.lists(numbers, min_size=k, max_size=k))
    A = planted(spectrum, m, n, data.draw(frames(m)), data.draw(frames(n)))
    assert A.shape == (m, n)
    assert A.rank() == sum(x != 0 for x in spectrum)
    assert A.squared_norm() == sum((x * x for x in spectrum), fmpq(0))
    expected = diagonal([x * x for x in spectrum], n, n)
    assert characteristic_polynomial(A.T @ A) == characteristic_polynomial(expected)


def test_numbers_beyond_floats_raise_when_converted():
    with pytest.raises(OverflowError):
        Matrix([[10**400]]).to_numpy()
    assert Matrix([[fmpq(10**400, 10**400 + 1)]]).to_numpy() == [[1.0]]


def test_ranks_are_exact_where_floats_see_full_rank():
    A = Matrix([[1, "1/3"], [3, 1]])
    nearly = A.copy_with({(0, 0): fmpq(10**30 + 1, 10**30)})
    assert A.rank() == 1
    assert nearly.rank() == 2
    assert nearly.to_numpy().tolist() == A.to_numpy().tolist()


def test_entries_increase_row_by_row():
    entries = Matrix(np.arange(6).reshape(2, 3)).entries()
    assert all(x < y for x, y in pairwise(entries))
