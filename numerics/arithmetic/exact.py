r"""Rational matrices: every answer in this file is exact.

A `Matrix` is an immutable, hashable $m \times n$ matrix over $\mathbb{Q}$ on top of FLINT's `fmpq_mat`. Rank, solution,
pseudo-inverse, inertia and definiteness are decided by rational arithmetic, never by a tolerance. Empty matrices are
ordinary ($m = 0$ or $n = 0$): a product through an empty dimension is zero.

Instances whose singular values are *known* are planted: integers give a rational orthogonal frame by Cayley's
transform (`cayley`, `orthogonal`), and frames around a rational diagonal give the matrix (`planted`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any, overload

import numpy as np
from flint import fmpq, fmpq_mat, fmpz, fmpz_mat

if TYPE_CHECKING:
    from numpy.typing import NDArray

Rational = int | Fraction | fmpq | fmpz
"""What counts as a rational number in an argument."""

Index = int | slice | Sequence[int]

_RATIONAL_TEXT = re.compile(r"[+-]?[0-9]+(/[0-9]+)?")
_LONGEST_REPR = 4000


def rational(x: Any) -> fmpq:
    r"""The number `x` as an `fmpq`.

    Takes integers (Python's, NumPy's, FLINT's), `Fraction`, `fmpq`, texts such as `"-3/4"`, and finite floats, which
    are taken as the dyadic rationals they are: `rational(0.1)` is $3602879701896397/2^{55}$.

    Raises `TypeError` for anything else and `ValueError` for infinity, not-a-number and malformed text.
    """
    if isinstance(x, fmpq):
        return x
    if isinstance(x, int | fmpz):
        return fmpq(x)
    if isinstance(x, Fraction):
        return fmpq(x.numerator, x.denominator)
    if isinstance(x, np.integer | np.bool_):
        return fmpq(int(x))
    if isinstance(x, float | np.floating):
        if not np.isfinite(x):
            raise ValueError(f"`x` must be a finite number, found {x}: remove or replace it.")
        p, q = x.as_integer_ratio()
        return fmpq(int(p), int(q))
    if isinstance(x, str):
        if not _RATIONAL_TEXT.fullmatch(x) or (("/" in x) and not x.partition("/")[2].strip("0")):
            raise ValueError(f"`x` must be a rational number written as 'p' or 'p/q' with q > 0, found {x[:40]!r}.")
        return fmpq(x.removeprefix("+"))
    raise TypeError(
        f"`x` must be a rational number (int, Fraction, fmpq, a finite float or a text 'p/q'), "
        f"found {type(x).__name__}: convert it first."
    )


def as_fraction(x: Any) -> Fraction:
    """The number `x` as a `fractions.Fraction`; takes what `rational` takes."""
    q = rational(x)
    return Fraction(int(q.p), int(q.q))


def _entry(x: Any) -> fmpq:
    # In a list of numbers a float such as 0.1 nearly always means 1/10, which it is not.
    if isinstance(x, float | np.floating):
        raise TypeError(
            f"`rows` must hold rational numbers, found the float {x!r}: write Fraction or 'p/q', "
            "or pass a NumPy array to mean the dyadic numbers that floats are."
        )
    return rational(x)


def _from_lists(rows: Sequence[Any]) -> fmpq_mat:
    table = [list(row) if isinstance(row, Iterable) and not isinstance(row, str) else None for row in rows]
    if None in table:
        raise TypeError("`rows` must be a list of rows, found a flat list: use `column` for a vector.")
    lists = [row for row in table if row is not None]
    n = len(lists[0]) if lists else 0
    if any(len(row) != n for row in lists):
        lengths = sorted({len(row) for row in lists})
        raise ValueError(f"`rows` must have equal lengths, found lengths {lengths}: pad or cut them.")
    flat = [x for row in lists for x in row]
    try:
        return fmpq_mat(len(lists), n, flat)
    except (TypeError, ValueError, ZeroDivisionError):  # FLINT takes fewer types, and its errors name nothing
        return fmpq_mat(len(lists), n, [_entry(x) for x in flat])


def _from_array(a: NDArray[Any]) -> fmpq_mat:
    if a.ndim != 2:
        raise ValueError(f"`rows` must be a 2-D array, found {a.ndim}-D of shape {a.shape}: reshape it.")
    m, n = a.shape
    if a.dtype.kind in "iub":
        return fmpq_mat(m, n, [int(x) for x in a.ravel().tolist()])
    if a.dtype.kind == "f":
        bad = np.argwhere(~np.isfinite(a))
        if len(bad):
            i, j = (int(k) for k in bad[0])
            raise ValueError(f"`rows` must hold finite numbers, found {a[i, j]} at ({i}, {j}): remove or replace it.")
        ratios = (x.as_integer_ratio() for x in a.ravel().tolist())
        return fmpq_mat(m, n, [fmpq(int(p), int(q)) for p, q in ratios])
    if a.dtype.kind == "O":
        return fmpq_mat(m, n, [_entry(x) for x in a.ravel().tolist()])
    raise TypeError(f"`rows` must hold real numbers, found dtype {a.dtype}: convert it to float64 or integers.")


def _positions(index: Index, size: int, what: str) -> Sequence[int]:
    if isinstance(index, slice):
        return range(*index.indices(size))
    found = [index] if isinstance(index, int | np.integer) else list(index)
    out = [i + size if i < 0 else i for i in found]
    if any(not 0 <= i < size for i in out):
        raise IndexError(f"`{what}` must lie between {-size} and {size - 1}, found {index}.")
    return out


class Matrix:
    r"""An $m \times n$ matrix of rational numbers, immutable and hashable.

    `Matrix(rows)` takes a list of rows (integers, `Fraction`, `fmpq`, texts `"p/q"`), a FLINT matrix, another
    `Matrix`, or a 2-D NumPy array of integers or finite floats; floats are taken as the dyadic rationals they are.
    `Matrix([])` is $0 \times 0$ and `Matrix([[], []])` is $2 \times 0$; use `zeros(0, n)` for an empty stack of rows.

    Raises `ValueError` for ragged rows and for infinity or not-a-number, `TypeError` for entries that are not rational.
    """

    __slots__ = ("_data",)
    __array_ufunc__ = None  # so that `numpy_array @ Matrix` is a TypeError and not an array of objects

    _data: fmpq_mat

    def __init__(self, rows: Sequence[Sequence[Any]] | fmpq_mat | fmpz_mat | Matrix | NDArray[Any]) -> None:
        if isinstance(rows, Matrix):
            data = rows._data
        elif isinstance(rows, fmpq_mat | fmpz_mat):
            data = fmpq_mat(rows)  # a copy: FLINT matrices can be changed from outside
        elif isinstance(rows, np.ndarray):
            data = _from_array(rows)
        elif isinstance(rows, Sequence) and not isinstance(rows, str):
            data = _from_lists(rows)
        else:
            raise TypeError(
                f"`rows` must be a list of rows, a FLINT matrix or a NumPy array, found {type(rows).__name__}."
            )
        object.__setattr__(self, "_data", data)

    @classmethod
    def _of(cls, data: fmpq_mat) -> Matrix:
        """Wraps without a copy: `data` must be fresh."""
        A = object.__new__(cls)
        object.__setattr__(A, "_data", data)
        return A

    @classmethod
    def from_entries(cls, rows: int, cols: int, entries: Sequence[Any]) -> Matrix:
        """The `rows` x `cols` matrix of the given rational entries, row by row; either size may be 0.

        Raises `ValueError` when their number is not `rows * cols`.
        """
        if rows < 0 or cols < 0 or len(entries) != rows * cols:
            raise ValueError(f"`entries` must fill a {rows}x{cols} matrix, found {len(entries)} of them.")
        return cls._of(fmpq_mat(rows, cols, [_entry(x) for x in entries]))

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"A `Matrix` cannot be changed, found an assignment to `{name}`: use `copy_with`.")

    def __reduce__(self) -> tuple[Any, ...]:
        numerators, denominator = self._data.numer_denom()
        return _restore, (self.rows, self.cols, [int(x) for x in numerators.entries()], int(denominator))

    # Shape and entries.

    @property
    def rows(self) -> int:
        return self._data.nrows()

    @property
    def cols(self) -> int:
        return self._data.ncols()

    @property
    def shape(self) -> tuple[int, int]:
        return self._data.nrows(), self._data.ncols()

    @overload
    def __getitem__(self, index: tuple[int, int]) -> fmpq: ...
    @overload
    def __getitem__(self, index: tuple[Index, slice | Sequence[int]]) -> Matrix: ...
    @overload
    def __getitem__(self, index: tuple[slice | Sequence[int], Index]) -> Matrix: ...
    def __getitem__(self, index: tuple[Index, Index]) -> fmpq | Matrix:
        """`A[i, j]` is an entry; with a slice or a list of positions in either place it is a (2-D) `Matrix`."""
        if not isinstance(index, tuple) or len(index) != 2:
            raise TypeError(f"`Matrix` needs two indices as in A[i, j] or A[:, j], found {index!r}.")
        i, j = index
        data = self._data
        m, n = data.nrows(), data.ncols()
        if isinstance(i, int) and isinstance(j, int) and 0 <= i < m and 0 <= j < n:
            return data[i, j]
        ks, ls = _positions(i, m, "row"), _positions(j, n, "column")
        if isinstance(i, int | np.integer) and isinstance(j, int | np.integer):
            return data[ks[0], ls[0]]
        return Matrix._of(fmpq_mat(len(ks), len(ls), [data[k, l] for k in ks for l in ls]))

    def entries(self) -> list[fmpq]:
        """All entries, row by row."""
        return self._data.entries()

    def to_flint(self) -> fmpq_mat:
        """A fresh `fmpq_mat` with the same entries."""
        return fmpq_mat(self._data)

    def to_numpy(self) -> NDArray[np.float64]:
        """The nearest float64 of every entry; raises `OverflowError` beyond their range."""
        return np.array([float(x) for x in self._data.entries()], dtype=np.float64).reshape(self.shape)

    def copy_with(self, values: dict[tuple[int, int], Any]) -> Matrix:
        """A copy in which the entry at each key `(i, j)` is replaced by the rational value."""
        data = fmpq_mat(self._data)
        for (i, j), value in values.items():
            k, l = _positions(i, self.rows, "row")[0], _positions(j, self.cols, "column")[0]
            data[k, l] = _entry(value)
        return Matrix._of(data)

    def __repr__(self) -> str:
        m, n = self.shape
        if not self._data:
            return "Matrix([])" if m == n == 0 else f"zeros({m}, {n})"
        rows = [[int(x.p) if x.q == 1 else f"{x.p}/{x.q}" for x in row] for row in self._data.table()]
        text = f"Matrix({rows})"
        return text if len(text) <= _LONGEST_REPR else f"<{m}x{n} Matrix starting with {str(rows[0])[:200]}...>"

    # Algebra.

    def __matmul__(self, other: Matrix) -> Matrix:
        if not isinstance(other, Matrix):
            return NotImplemented
        if self.cols != other.rows:
            raise ValueError(f"`A @ B` needs as many columns in A as rows in B, found {self._x} @ {other._x}.")
        return Matrix._of(self._data * other._data)

    def __add__(self, other: Matrix) -> Matrix:
        if not isinstance(other, Matrix):
            return NotImplemented
        self._same_shape(other, "A + B")
        return Matrix._of(self._data + other._data)

    def __sub__(self, other: Matrix) -> Matrix:
        if not isinstance(other, Matrix):
            return NotImplemented
        self._same_shape(other, "A - B")
        return Matrix._of(self._data - other._data)

    def __neg__(self) -> Matrix:
        return Matrix._of(-self._data)

    def __mul__(self, q: Rational) -> Matrix:
        if not isinstance(q, int | fmpq | fmpz | Fraction | np.integer):
            return NotImplemented
        return Matrix._of(self._data * rational(q))

    __rmul__ = __mul__

    def __truediv__(self, q: Rational) -> Matrix:
        if not isinstance(q, int | fmpq | fmpz | Fraction | np.integer):
            return NotImplemented
        return Matrix._of(self._data / rational(q))

    def __pow__(self, k: int) -> Matrix:
        r"""$A^k$ for a square $A$; $A^0 = I$, and a negative $k$ inverts."""
        self._square("A ** k")
        return Matrix._of((self.inverse() if k < 0 else self)._data ** abs(k))

    @property
    def T(self) -> Matrix:
        return Matrix._of(self._data.transpose())

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Matrix):
            return NotImplemented
        return self._data == other._data

    def __hash__(self) -> int:
        numerators, denominator = self._data.numer_denom()
        return hash((self.shape, tuple(numerators.entries()), denominator))

    def is_zero(self) -> bool:
        return not self._data

    def is_symmetric(self) -> bool:
        return self._data == self._data.transpose()

    def is_orthogonal(self) -> bool:
        r"""Whether $A$ is square with $A^\top A = I$."""
        return self.rows == self.cols and self._data.transpose() * self._data == identity(self.rows)._data

    def trace(self) -> fmpq:
        self._square("trace")
        return sum((self._data[i, i] for i in range(self.rows)), fmpq(0))

    def inner(self, other: Matrix) -> fmpq:
        r"""$\langle A, B \rangle = \operatorname{tr}(A^\top B)$ for two matrices of one shape."""
        self._same_shape(other, "inner")
        A, a = self._data.numer_denom()
        B, b = other._data.numer_denom()
        gram = A * B.transpose() if self.rows <= self.cols else A.transpose() * B
        return fmpq(sum((gram[i, i] for i in range(gram.nrows())), fmpz(0)), a * b)

    def squared_norm(self) -> fmpq:
        r"""The squared Frobenius norm $\|A\|_F^2$."""
        return self.inner(self)

    def det(self) -> fmpq:
        self._square("det")
        return self._data.det()

    # Linear equations.

    def rank(self) -> int:
        return self._data.rank()

    def rref(self) -> tuple[Matrix, tuple[int, ...]]:
        """The reduced row echelon form and the positions of its pivot columns."""
        R, r = self._data.rref()
        pivots: list[int] = []
        j = 0
        for i in range(r):
            while R[i, j] == 0:
                j += 1
            pivots.append(j)
        return Matrix._of(R), tuple(pivots)

    def solve(self, B: Matrix) -> Matrix:
        r"""The unique $X$ with $A X = B$; raises `ValueError` when $A$ is not square or is singular."""
        self._square("solve")
        if B.rows != self.rows:
            raise ValueError(f"`B` must have {self.rows} rows to solve A X = B, found {B._x}.")
        try:
            return Matrix._of(self._data.solve(B._data))
        except ZeroDivisionError:
            raise self._singular("solve") from None

    def inverse(self) -> Matrix:
        """The inverse; raises `ValueError` when the matrix is not square or is singular."""
        self._square("inverse")
        try:
            return Matrix._of(self._data.inv())
        except ZeroDivisionError:
            raise self._singular("inverse") from None

    def pseudo_inverse(self) -> Matrix:
        r"""The Moore-Penrose inverse $A^+$, exact for any rank and shape.

        With the full-rank factorisation $A = F G$ ($F$: pivot columns, $G$: rows of the reduced echelon form),
        $A^+ = G^\top (F^\top A\, G^\top)^{-1} F^\top$ (MacDuffee; Ben-Israel and Greville, *Generalized Inverses*,
        2nd ed., section 1.6, Theorem 5).
        """
        R, pivots = self.rref()
        F, G = self[:, pivots], R[: len(pivots), :]
        return G.T @ (F.T @ self @ G.T).solve(F.T)

    def kernel(self) -> Matrix:
        r"""An $n \times (n - r)$ matrix whose columns are a basis of $\{x : A x = 0\}$."""
        numerators, _ = self._data.numer_denom()
        basis, nullity = numerators.nullspace()
        return Matrix._of(fmpq_mat(basis))[:, :nullity]

    def image(self) -> Matrix:
        r"""An $m \times r$ matrix whose columns, taken from $A$, are a basis of its column space."""
        return self[:, self.rref()[1]]

    def projector(self) -> Matrix:
        r"""The orthogonal projector onto the column space, $A A^+$, of size $m \times m$."""
        F = self.image()
        return F @ (F.T @ F).solve(F.T)

    # Symmetric matrices.

    def inertia(self) -> tuple[int, int, int]:
        r"""The numbers of positive, negative and zero eigenvalues of a symmetric matrix (Sylvester's law of inertia).

        By $L D L^\top$ with Schur complements. A non-zero diagonal entry is a pivot of its own sign. When the whole
        diagonal of the complement is zero, a non-zero entry $b$ at $(i, j)$ gives the pivot block
        $\begin{pmatrix} 0 & b \\ b & 0 \end{pmatrix}$, with one eigenvalue of each sign.

        Raises `ValueError` when the matrix is not symmetric.
        """
        if not self.is_symmetric():
            raise ValueError(
                f"`inertia` needs a symmetric matrix, found a {self._x} one that is not: use (A + A.T) / 2."
            )
        S, positive, negative = self._data, 0, 0
        while S:
            n = S.nrows()
            i = next((i for i in range(n) if S[i, i] != 0), None)
            if i is not None:
                d = S[i, i]
                positive, negative = positive + (d > 0), negative + (d < 0)
                rest = [k for k in range(n) if k != i]
                c = fmpq_mat(n - 1, 1, [S[k, i] for k in rest])
                update = c * (c.transpose() / d)
            else:
                i, j = next((i, j) for i in range(n) for j in range(i) if S[i, j] != 0)
                positive, negative = positive + 1, negative + 1
                rest = [k for k in range(n) if k not in (i, j)]
                c = fmpq_mat(n - 2, 2, [S[k, l] for k in rest for l in (i, j)])
                swapped = fmpq_mat(2, n - 2, [S[k, l] for l in (j, i) for k in rest])
                update = c * (swapped / S[i, j])
            S = fmpq_mat(len(rest), len(rest), [S[k, l] for k in rest for l in rest]) - update
        return positive, negative, self.rows - positive - negative

    def is_positive_definite(self) -> bool:
        """Whether all eigenvalues are positive; raises `ValueError` when the matrix is not symmetric."""
        return self.inertia()[0] == self.rows

    def is_positive_semidefinite(self) -> bool:
        """Whether no eigenvalue is negative; raises `ValueError` when the matrix is not symmetric."""
        return self.inertia()[1] == 0

    # Messages.

    @property
    def _x(self) -> str:
        return f"{self.rows}x{self.cols}"

    def _square(self, what: str) -> None:
        if self._data.nrows() != self._data.ncols():
            raise ValueError(f"`{what}` needs a square matrix, found {self._x}.")

    def _same_shape(self, other: Matrix, what: str) -> None:
        if self.shape != other.shape:
            raise ValueError(f"`{what}` needs two matrices of one shape, found {self._x} and {other._x}.")

    def _singular(self, what: str) -> ValueError:
        return ValueError(
            f"`{what}` needs an invertible matrix, found a {self._x} one of rank {self.rank()}: "
            "use `pseudo_inverse` or `kernel`."
        )


def _restore(m: int, n: int, numerators: list[int], denominator: int) -> Matrix:
    return Matrix._of(fmpq_mat(m, n, numerators) / denominator)


def identity(n: int) -> Matrix:
    r"""The $n \times n$ identity."""
    data = fmpq_mat(n, n)
    for i in range(n):
        data[i, i] = 1
    return Matrix._of(data)


def zeros(m: int, n: int) -> Matrix:
    r"""The $m \times n$ zero matrix; either size may be 0."""
    if m < 0 or n < 0:
        raise ValueError(f"`zeros` needs sizes that are not negative, found {m} and {n}.")
    return Matrix._of(fmpq_mat(m, n))


def diagonal(values: Sequence[Any], rows: int | None = None, cols: int | None = None) -> Matrix:
    """The matrix with `values` on its diagonal and zeros elsewhere, square unless `rows` or `cols` say otherwise.

    Raises `ValueError` when the values do not fit.
    """
    k = len(values)
    m = k if rows is None else rows
    n = k if cols is None else cols
    if k > min(m, n):
        raise ValueError(f"`values` must fit on the diagonal of a {m}x{n} matrix, found {k} values.")
    data = fmpq_mat(m, n)
    for i, value in enumerate(values):
        data[i, i] = _entry(value)
    return Matrix._of(data)


def column(values: Sequence[Any]) -> Matrix:
    r"""The $n \times 1$ matrix of the given values."""
    return Matrix._of(fmpq_mat(len(values), 1, [_entry(x) for x in values]))


def unit(n: int, i: int) -> Matrix:
    r"""The $n \times 1$ unit vector $e_i$, counted from 0."""
    return zeros(n, 1).copy_with({(i, 0): 1})


def hstack(parts: Sequence[Matrix]) -> Matrix:
    """The matrices side by side; raises `ValueError` when their numbers of rows differ or there is none."""
    if not parts:
        raise ValueError("`parts` must hold at least one matrix, found none: the number of rows would be unknown.")
    if len({A.rows for A in parts}) != 1:
        raise ValueError(f"`parts` must have equal numbers of rows, found {[A.rows for A in parts]}.")
    tables = [A._data.table() for A in parts]
    flat = [x for rows in zip(*tables, strict=True) for row in rows for x in row]
    return Matrix._of(fmpq_mat(parts[0].rows, sum(A.cols for A in parts), flat))


def vstack(parts: Sequence[Matrix]) -> Matrix:
    """The matrices on top of each other; raises `ValueError` when their numbers of columns differ or there is none."""
    if not parts:
        raise ValueError("`parts` must hold at least one matrix, found none: the number of columns would be unknown.")
    if len({A.cols for A in parts}) != 1:
        raise ValueError(f"`parts` must have equal numbers of columns, found {[A.cols for A in parts]}.")
    return Matrix._of(fmpq_mat(sum(A.rows for A in parts), parts[0].cols, [x for A in parts for x in A.entries()]))


def block_diagonal(parts: Sequence[Matrix]) -> Matrix:
    r"""The matrices along the diagonal and zeros elsewhere; of no matrices it is $0 \times 0$."""
    data = fmpq_mat(sum(A.rows for A in parts), sum(A.cols for A in parts))
    i0 = j0 = 0
    for A in parts:
        for i in range(A.rows):
            for j in range(A.cols):
                data[i0 + i, j0 + j] = A._data[i, j]
        i0, j0 = i0 + A.rows, j0 + A.cols
    return Matrix._of(data)


def cayley(skew_params: Sequence[Any], n: int) -> Matrix:
    r"""Cayley's transform $(I - K)(I + K)^{-1}$ of the skew matrix $K$ whose entries above the diagonal are given.

    The $n(n-1)/2$ parameters fill $K$ row by row. The result is orthogonal with determinant 1 and never has the
    eigenvalue $-1$; every such rational matrix is the transform of exactly one rational $K$, itself the transform
    $K = (I - Q)(I + Q)^{-1}$ (Cayley 1846). Zero parameters give the identity.

    Raises `ValueError` when the number of parameters is not $n(n-1)/2$.
    """
    if len(skew_params) != n * (n - 1) // 2:
        raise ValueError(
            f"`skew_params` must hold n(n-1)/2 = {n * (n - 1) // 2} numbers for n = {n}, found {len(skew_params)}."
        )
    I_plus_K = identity(n)._data
    params = iter(skew_params)
    for i in range(n):
        for j in range(i + 1, n):
            k = _entry(next(params))
            I_plus_K[i, j], I_plus_K[j, i] = k, -k
    # (I - K)(I + K)^{-1} = 2 (I + K)^{-1} - I, and I + K is invertible because K has no real eigenvalue but 0.
    return Matrix._of(I_plus_K.inv() * 2 - identity(n)._data)


def orthogonal(n: int, params: Sequence[Any], signs: Sequence[int]) -> Matrix:
    r"""The rational orthogonal matrix $D\,Q$, with $D$ the diagonal of `signs` ($\pm 1$) and $Q$ = `cayley(params, n)`.

    Every rational matrix in $O(n)$ is reached exactly, and since these are dense, all of $O(n)$ up to density: for
    each $Q \in O(n)$ some $D$ makes $D Q$ free of the eigenvalue $-1$ (Liebeck and Osborne, *The generation of all
    rational orthogonal matrices*, Amer. Math. Monthly 98, 1991), because $\det(D + Q)$ is affine in every sign with
    leading coefficient 1 and cannot vanish at all $2^n$ of them.

    Raises `ValueError` when there are not $n$ signs or one is not 1 or -1, and as `cayley` does.
    """
    if len(signs) != n or any(s not in (1, -1) for s in signs):
        raise ValueError(f"`signs` must hold {n} numbers that are 1 or -1, found {list(signs)}.")
    Q = cayley(params, n)
    return Q if all(s == 1 for s in signs) else diagonal(signs) @ Q


def planted(spectrum: Sequence[Any], rows: int, cols: int, U: Matrix, V: Matrix) -> Matrix:
    r"""$U \operatorname{diag}(\text{spectrum})\, V^\top$, of size `rows` x `cols`.

    When $U$ and $V$ are orthogonal, as from `orthogonal`, its singular values are the absolute values of the spectrum
    filled up with zeros, and its rank is the number of non-zero ones. (Orthogonality is not tested here, where it
    would cost more than the product: `U.is_orthogonal()` does.)

    Raises `ValueError` when the sizes do not fit.
    """
    if U.shape != (rows, rows) or V.shape != (cols, cols):
        raise ValueError(f"`U` and `V` must be {rows}x{rows} and {cols}x{cols}, found {U._x} and {V._x}.")
    return U @ diagonal(spectrum, rows, cols) @ V.T
