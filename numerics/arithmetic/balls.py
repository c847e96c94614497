r"""Balls: real numbers known up to a certified radius, and matrices of them.

A ball is an `arb` of python-flint. Every operation on balls returns a ball that contains the true result, so an
inequality that holds for two disjoint balls is a proof, and two balls that overlap are undecided. `decide` asks the
same question at rising precision until the balls are small enough.

Eigenvalues and singular values are enclosed *in order* and with no assumption about gaps: repeated, zero and clustered
values are ordinary. A factorisation is guessed (floating point, then refinement in multiprecision); two theorems turn
any guess, good or bad, into enclosures:

**Symmetric eigenvalues.** Let $A$ be symmetric, $Q$ any square matrix, $D$ diagonal with descending entries $d_i$,
$\alpha \ge \|Q^\top Q - I\|_2$ and $\eta \ge \|A - Q D Q^\top\|_2$. For every $i$, in descending order, $\lambda_i(A)
= \theta_i d_i + \delta_i$ with $|\theta_i - 1| \le \alpha$ and $|\delta_i| \le \eta$. *Proof.* By Ostrowski's theorem
(Horn and Johnson, *Matrix Analysis*, 2nd ed., Theorem 4.5.9) $\lambda_i(QDQ^\top) = \theta_i d_i$ with $\theta_i$
between the least and the greatest eigenvalue of $QQ^\top$, which are those of $Q^\top Q$ and so lie in $[1 - \alpha,
1 + \alpha]$ (a singular $Q$ is a limit of invertible ones). Weyl's inequality $|\lambda_i(A) - \lambda_i(B)| \le \|A
- B\|_2$ adds $\delta_i$. $\square$

**Singular values.** Let $A$ be $m \times n$, $U$ and $V$ of sizes $m \times r$ and $n \times r$, $D \ge 0$ diagonal
with descending entries, $\alpha \ge \|U^\top U - I\|_2$, $\beta \ge \|V^\top V - I\|_2$, $\eta \ge \|A -
UDV^\top\|_2$. Then $\sigma_i(A) = \theta_i d_i + \delta_i$ with $(1 - \alpha)(1 - \beta) \le \theta_i \le (1 +
\alpha)(1 + \beta)$ when $\alpha, \beta \le 1$, with $|\delta_i| \le \eta$, and with $d_i = 0$ for $i > r$. *Proof.*
The inequality $\sigma_i(XY) \le \|X\|_2\, \sigma_i(Y)$ gives $\sigma_i(UDV^\top) \le \|U\|_2 \|V\|_2\, d_i$, and
$\|U\|_2 \le \sqrt{1 + \alpha} \le 1 + \alpha$. If $\alpha < 1$ then $U$ has a left inverse with $\|U^+\|_2 \le (1 -
\alpha)^{-1/2} \le (1 - \alpha)^{-1}$, so $\sigma_i(DV^\top) = \sigma_i(U^+ U D V^\top)$ gives $\sigma_i(UDV^\top) \ge
(1 - \alpha)\, \sigma_i(DV^\top)$; likewise for $V$. (If $\alpha$ or $\beta$ exceeds 1, the product of the balls $1
\pm \alpha$ and $1 \pm \beta$ contains 0 and stays valid.) Weyl's inequality for singular values adds $\delta_i$, and
$UDV^\top$ has rank at most $r$. $\square$

The Frobenius norm bounds all the norms above. When $A$ itself has radii, $\eta$ is computed with them, so every matrix
inside the balls is covered. No square root of an eigenvalue is taken to find a singular value, so values near zero keep
an absolute accuracy of about $2^{-\text{bits}} \|A\|_2$.

The working precision is FLINT's `ctx.prec`, which all threads of a process share: use processes to run in parallel.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from typing import Any, NamedTuple, overload

import numpy as np
from flint import arb, arb_mat, ctx, fmpq, fmpz

from numerics.arithmetic.exact import Matrix
from numerics.evidence.verdict import Verdict, undecided

PRECISIONS = (53, 128, 512, 2048)
"""Bits at which a question is asked, one after another."""

_FLOAT_BITS = 53
_GUARD_BITS = 32


class TooWide(ValueError):
    """A ball is too wide to go on, such as a divisor that contains zero. A higher precision may help."""


def decide(question: Callable[[int], Verdict], precisions: Sequence[int] = PRECISIONS) -> Verdict:
    """Asks `question(bits)` with that working precision, for rising `precisions`, until it is decided.

    The verdict says at which precision it was decided, if that was not the first one. When no precision decides it, the
    last undecided verdict is returned. `TooWide` counts as undecided; every other exception passes through. The
    working precision of the caller is restored in every case.

    Raises `ValueError` when `precisions` is empty.
    """
    if not precisions:
        raise ValueError("`precisions` must name at least one precision in bits, found none.")
    verdict, bits = undecided("not asked"), 0
    for turn, bits in enumerate(precisions):
        with ctx.workprec(bits):
            try:
                verdict = question(bits)
            except TooWide as trouble:
                verdict = undecided(str(trouble))
        if not verdict.undecided:
            return verdict.because(f"decided at {bits} bits") if turn else verdict
    return verdict.because(f"undecided at {bits} bits")


def ball(x: Any) -> arb:
    """The exact number `x` (int, `Fraction`, `fmpq`, `fmpz`) as a ball at the working precision; a ball stays itself.

    Raises `TypeError` for anything else. Floats are refused: 0.1 nearly always means 1/10, which it is not.
    """
    if isinstance(x, arb):
        return x
    if isinstance(x, Fraction):
        return arb(fmpq(x.numerator, x.denominator))
    if isinstance(x, fmpq | fmpz):
        return arb(x)
    if isinstance(x, int | np.integer) and not isinstance(x, bool):
        return arb(int(x))
    raise TypeError(
        f"`x` must be a ball or an exact number (int, Fraction, fmpq), found {type(x).__name__} {x!r}: "
        "write a decimal as a Fraction, or pass `arb(x)` to mean the dyadic number that a float is."
    )


class BallMatrix:
    """An $m \times n$ matrix of balls; a vector is a matrix with one column.

    `BallMatrix(rows)` takes a list of rows (balls or exact numbers), a rational `Matrix`, an `arb_mat`, another
    `BallMatrix`, or a 2-D NumPy array of integers or finite floats, which are taken exactly. Rationals are enclosed at
    the working precision of the moment, and so is the result of every operation. A rational `Matrix` or an array may
    stand on either side of `@`, `+` and `-`.

    Raises `ValueError` for ragged rows, for arrays that are not 2-D or not finite, and for shapes that do not fit.
    """

    __slots__ = ("_data",)
    __array_ufunc__ = None  # so that `numpy_array @ BallMatrix` comes here
    __hash__ = None  # type: ignore[assignment]  # balls do not decide equality

    _data: arb_mat

    def __init__(self, rows: Sequence[Sequence[Any]] | BallMatrix | Matrix | arb_mat | np.ndarray) -> None:
        if isinstance(rows, BallMatrix):
            self._data = rows._data
        elif isinstance(rows, Matrix):
            self._data = arb_mat(rows.to_flint())
        elif isinstance(rows, arb_mat):
            self._data = _copy(rows)
        elif isinstance(rows, np.ndarray):
            self._data = _from_array(rows)
        else:
            table = [[ball(x) for x in row] for row in rows]
            n = len(table[0]) if table else 0
            if any(len(row) != n for row in table):
                lengths = sorted({len(row) for row in table})
                raise ValueError(f"`rows` must have equal lengths, found lengths {lengths}: pad or cut them.")
            self._data = arb_mat(len(table), n, [x for row in table for x in row])

    @classmethod
    def _of(cls, data: arb_mat) -> BallMatrix:
        A = object.__new__(cls)
        A._data = data
        return A

    @property
    def rows(self) -> int:
        return self._data.nrows()

    @property
    def cols(self) -> int:
        return self._data.ncols()

    @property
    def shape(self) -> tuple[int, int]:
        return self._data.nrows(), self._data.ncols()

    @property
    def T(self) -> BallMatrix:
        return BallMatrix._of(self._data.transpose())

    @overload
    def __getitem__(self, index: tuple[int, int]) -> arb: ...
    @overload
    def __getitem__(self, index: tuple[slice, int | slice] | tuple[int, slice]) -> BallMatrix: ...
    def __getitem__(self, index: tuple[int | slice, int | slice]) -> arb | BallMatrix:
        """`A[i, j]` is an entry; with a slice in either place it is a (2-D) `BallMatrix`."""
        (m, n), (i, j) = self.shape, index
        rows, cols = _positions(i, m, "row"), _positions(j, n, "column")
        if isinstance(i, slice) or isinstance(j, slice):
            return BallMatrix._of(arb_mat(len(rows), len(cols), [self._data[k, l] for k in rows for l in cols]))
        return self._data[rows[0], cols[0]]

    def entries(self) -> list[arb]:
        """All entries, row by row."""
        return self._data.entries()

    def to_flint(self) -> arb_mat:
        """A fresh `arb_mat` with the same entries."""
        return _copy(self._data)

    def contains(self, other: BallMatrix | Matrix | np.ndarray) -> bool:
        """Whether every entry of `other` surely lies inside the ball of the same place."""
        return self._data.contains(Matrix(other).to_flint() if isinstance(other, np.ndarray) else _flint(other))

    def __repr__(self) -> str:
        m, n = self.shape
        shown = [[self._data[i, j].str(6) for j in range(min(n, 6))] for i in range(min(m, 6))]
        dots = " ..." if max(m, n) > 6 else ""
        return f"<{m}x{n} BallMatrix [{', '.join('[' + ', '.join(row) + ']' for row in shown)}]{dots}>"

    def __matmul__(self, other: BallMatrix | Matrix | np.ndarray) -> BallMatrix:
        right = _operand(other)
        return NotImplemented if right is None else _product(self._data, right)

    def __rmatmul__(self, other: Matrix | np.ndarray) -> BallMatrix:
        left = _operand(other)
        return NotImplemented if left is None else _product(left, self._data)

    def __add__(self, other: BallMatrix | Matrix | np.ndarray) -> BallMatrix:
        right = _operand(other)
        return NotImplemented if right is None else self._sum(right, "A + B")

    __radd__ = __add__

    def __sub__(self, other: BallMatrix | Matrix | np.ndarray) -> BallMatrix:
        right = _operand(other)
        return NotImplemented if right is None else self._sum(-right, "A - B")

    def __rsub__(self, other: Matrix | np.ndarray) -> BallMatrix:
        return -self + other

    def _sum(self, right: arb_mat, what: str) -> BallMatrix:
        found = right.nrows(), right.ncols()
        if self.shape != found:
            raise ValueError(f"`{what}` needs two matrices of one shape, found {self.shape} and {found}.")
        return BallMatrix._of(self._data + right)

    def __neg__(self) -> BallMatrix:
        return BallMatrix._of(-self._data)

    def __mul__(self, q: arb | fmpq | fmpz | Fraction | int) -> BallMatrix:
        if not isinstance(q, arb | fmpq | fmpz | Fraction | int):
            return NotImplemented
        return BallMatrix._of(self._data * ball(q))

    __rmul__ = __mul__

    def __truediv__(self, q: arb | fmpq | fmpz | Fraction | int) -> BallMatrix:
        if not isinstance(q, arb | fmpq | fmpz | Fraction | int):
            return NotImplemented
        divisor = ball(q)
        if divisor.contains(0):
            raise TooWide(f"`A / q` needs a divisor away from zero, found {divisor.str(6)}: raise the precision.")
        return BallMatrix._of(self._data / divisor)

    def trace(self) -> arb:
        if self.rows != self.cols:
            raise ValueError(f"`trace` needs a square matrix, found shape {self.shape}.")
        return _total(self._data[i, i] for i in range(self.rows))

    def squared_norm(self) -> arb:
        r"""The squared Frobenius norm $\operatorname{tr}(A^\top A)$; its lower end is never negative."""
        return _sum_of_squares(self._data.entries())

    def inner(self, other: BallMatrix | Matrix) -> arb:
        r"""The Frobenius inner product $\operatorname{tr}(A^\top B)$; raises `ValueError` for different shapes."""
        B = BallMatrix(other)
        if self.shape != B.shape:
            raise ValueError(f"`inner` needs two matrices of one shape, found {self.shape} and {B.shape}.")
        return _total(x * y for x, y in zip(self.entries(), B.entries(), strict=True))


def _copy(A: arb_mat) -> arb_mat:
    return arb_mat(A.nrows(), A.ncols(), A.entries())


def _from_array(a: np.ndarray) -> arb_mat:
    if a.ndim != 2:
        raise ValueError(f"The array must be 2-D, found {a.ndim}-D of shape {a.shape}: reshape it.")
    if a.dtype.kind not in "iuf" or a.dtype.itemsize > 8:
        raise TypeError(f"The array must hold integers or floats of at most 64 bits, found {a.dtype}: convert it.")
    if not np.isfinite(a).all():
        i, j = (int(k) for k in np.argwhere(~np.isfinite(a))[0])
        raise ValueError(f"The array must hold finite numbers, found {a[i, j]} at ({i}, {j}): remove or replace it.")
    m, n = a.shape
    return arb_mat(m, n, a.ravel().tolist())


def _positions(index: int | slice, size: int, what: str) -> Sequence[int]:
    if isinstance(index, slice):
        return range(*index.indices(size))
    if not -size <= index < size:
        raise IndexError(f"`{what}` must lie between {-size} and {size - 1}, found {index}.")
    return (index % size,)


def _flint(A: BallMatrix | Matrix) -> Any:
    return A._data if isinstance(A, BallMatrix) else A.to_flint()


def _operand(other: object) -> arb_mat | None:
    return BallMatrix(other)._data if isinstance(other, BallMatrix | Matrix | np.ndarray) else None


def _product(left: arb_mat, right: arb_mat) -> BallMatrix:
    if left.ncols() != right.nrows():
        found = f"{left.nrows()}x{left.ncols()} @ {right.nrows()}x{right.ncols()}"
        raise ValueError(f"`A @ B` needs as many columns in A as rows in B, found {found}.")
    return BallMatrix._of(left * right)


def _total(xs: Iterable[arb]) -> arb:
    total = arb(0)
    for x in xs:
        total += x
    return total


def _sum_of_squares(xs: Iterable[arb]) -> arb:
    # A square never is negative, but FLINT's product of a ball around zero with itself can be.
    return _total(x * x for x in xs).nonnegative_part()


def _norm_above(A: arb_mat) -> arb:
    """An exact number that is at least the Frobenius norm of every matrix inside `A`."""
    return _sum_of_squares(x.abs_upper() for x in A.entries()).sqrt().abs_upper()


def _eye(n: int) -> arb_mat:
    return arb_mat(n, n, [int(i == j) for i in range(n) for j in range(n)])


def _diagonal(d: Sequence[arb]) -> arb_mat:
    D = arb_mat(len(d), len(d))
    for i, x in enumerate(d):
        D[i, i] = x
    return D


def _finite(A: Any) -> BallMatrix:
    B = BallMatrix(A)
    if not all(x.is_finite() for x in B.entries()):
        raise TooWide(f"`A` must hold finite balls, found {B!r}: raise the precision.")
    return B


def _exponent(A: arb_mat) -> int:
    """Some e with all entries of the exact, non-zero matrix `A` below $2^e$ and one of them at least $2^{e-1}$."""
    parts = (x.man_exp() for x in A.entries() if not x.is_zero())
    return max(int(man).bit_length() + int(exp) for man, exp in parts)


def _to_floats(A: arb_mat) -> np.ndarray:
    return np.array([float(x) for x in A.entries()], dtype=np.float64).reshape(A.nrows(), A.ncols())


def _from_floats(a: np.ndarray) -> arb_mat:
    m, n = a.shape
    return arb_mat(m, n, a.ravel().tolist())


# Guesses. Nothing in this part is trusted: the enclosures below hold for any guess.


class _Eigen(NamedTuple):
    values: list[arb]  # exact, descending
    vectors: arb_mat  # exact, one column per value, nearly orthonormal


def _guess_eigen(S: arb_mat, bits: int) -> _Eigen:
    """Approximate eigen-decomposition of the exact symmetric non-zero `S`, to about `bits` bits of its norm."""
    n = S.nrows()
    e = _exponent(S)
    S = S * arb((1, -e))
    Q, T = _from_floats(np.linalg.eigh(_to_floats(S))[1]), S
    level = _FLOAT_BITS
    while level < bits:
        level = min(2 * level, bits)
        tiny = arb((1, -level))
        with ctx.workprec(level + _GUARD_BITS + 2 * n.bit_length()):
            # A round doubles the number of correct bits; every further scale in a nest of clusters takes one more.
            for _ in range(20):
                Q = _orthonormal(Q, tiny)
                T = (Q.transpose() * S * Q).mid()
                change = _refinement(T, tiny)
                if change is None:
                    break
                Q = (Q * change).mid()
    order = sorted(range(n), key=lambda i: T[i, i], reverse=True)
    Q = arb_mat(n, n, [Q[i, j] for i in range(n) for j in order])
    return _Eigen([T[i, i] * arb((1, e)) for i in order], Q)


def _orthonormal(Q: arb_mat, tiny: arb) -> arb_mat:
    """Newton's iteration for the orthogonal factor of `Q`, which must be nearly orthonormal already."""
    for _ in range(20):
        defect = (_eye(Q.ncols()) - Q.transpose() * Q).mid()
        if all(abs(x) < tiny for x in defect.entries()):
            break
        Q = (Q + Q * defect / 2).mid()
    return Q


def _refinement(T: arb_mat, tiny: arb) -> arb_mat | None:
    r"""A nearly orthogonal matrix that brings the nearly diagonal `T` closer to diagonal; None when it is diagonal.

    Columns whose gap is large are rotated by the first-order angle $T_{ij} / (T_{jj} - T_{ii})$. Columns whose coupling
    is comparable to their gap form clusters; the block of a cluster, shifted and scaled so that float64 sees its
    structure, is diagonalised by `eigh`.
    """
    n = T.nrows()
    d = [T[i, i] for i in range(n)]
    cluster = list(range(n))
    change = _eye(n)
    done = True
    for i in range(n):
        for j in range(i):
            t = T[i, j]
            if abs(t) <= tiny:
                continue
            done = False
            gap = d[j] - d[i]
            if abs(t) * 256 > abs(gap):
                old, new = cluster[i], cluster[j]
                cluster = [new if c == old else c for c in cluster]
            else:
                angle = (t / gap).mid()
                change[i, j], change[j, i] = angle, -angle
    if done:
        return None
    blocks = _eye(n)
    for c in set(cluster):
        members = [i for i in range(n) if cluster[i] == c]
        if len(members) == 1:
            continue
        k = len(members)
        for i in members:
            for j in members:
                change[i, j] = int(i == j)
        shift = d[members[0]]
        block = arb_mat(k, k, [T[i, j] - (shift if i == j else 0) for i in members for j in members]).mid()
        W = np.linalg.eigh(_to_floats(block * arb((1, -_exponent(block)))))[1]
        for p, i in enumerate(members):
            for q, j in enumerate(members):
                blocks[i, j] = float(W[p, q])
    return change * blocks


class _Singular(NamedTuple):
    left: arb_mat  # exact, m x r, nearly orthonormal columns
    values: list[arb]  # exact, descending, r of them
    right: arb_mat  # exact, n x r


def _guess_singular(A: arb_mat, bits: int) -> _Singular:
    """Approximate singular value decomposition of the exact `A` without the values below $2^{-bits}$ of the first."""
    m, n = A.nrows(), A.ncols()
    if m < n:
        U, d, V = _guess_singular(A.transpose(), bits)
        return _Singular(V, d, U)
    if all(x.is_zero() for x in A.entries()):
        return _Singular(arb_mat(m, 0), [], arb_mat(n, 0))
    e = _exponent(A)
    A = A * arb((1, -e))
    if bits <= _FLOAT_BITS:
        u, s, vt = np.linalg.svd(_to_floats(A), full_matrices=False)
        return _Singular(_from_floats(u), [arb(x) * arb((1, e)) for x in s.tolist()], _from_floats(vt.T))
    # The Gram matrix squares the values, and dividing A v by a small one loses as many bits again.
    with ctx.workprec(3 * bits + _GUARD_BITS):
        values, V = _guess_eigen((A.transpose() * A).mid(), 3 * bits)
        r = sum(bool(x > values[0] * arb((1, -2 * bits))) for x in values)
        d = [x.sqrt().mid() for x in values[:r]]
        V = arb_mat(n, r, [V[i, j] for i in range(n) for j in range(r)])
        AV = A * V
        U = arb_mat(m, r, [AV[i, j] / d[j] for i in range(m) for j in range(r)]).mid()
        return _Singular(U, [x * arb((1, e)) for x in d], V)


# Enclosures.


def symmetric_eigenvalues(A: BallMatrix | Matrix | np.ndarray, bits: int | None = None) -> list[arb]:
    r"""Enclosures of $\lambda_1 \ge \dots \ge \lambda_n$ of a symmetric $n \times n$ matrix, repeated ones too.

    The i-th ball contains the i-th eigenvalue (of every symmetric matrix inside `A`, when `A` has radii). The radius is
    about $2^{-\text{bits}} \|A\|_2$ plus what the radii of `A` cost; `bits` is the working precision by default.

    Raises `ValueError` when `A` is not square, or surely not symmetric.
    """
    bits = ctx.prec if bits is None else bits
    with ctx.workprec(bits + _GUARD_BITS):
        S = _finite(A)._data
        n = S.nrows()
        if n != S.ncols():
            raise ValueError(f"`A` must be square, found shape {(n, S.ncols())}.")
        symmetric = A.is_symmetric() if isinstance(A, Matrix) else S.overlaps(S.transpose())
        if not symmetric:
            raise ValueError("`A` must be symmetric, found A != A.T: pass (A + A.T) / 2 if that is what you mean.")
        # A symmetric matrix inside the balls lies in both triangles, so one of them encloses it.
        S = arb_mat(n, n, [S[min(i, j), max(i, j)] for i in range(n) for j in range(n)])
        middle = S.mid()
        if all(x.is_zero() for x in middle.entries()):
            values, Q = [arb(0)] * n, _eye(n)
        elif bits <= _FLOAT_BITS:
            e = _exponent(middle)
            w, q = np.linalg.eigh(_to_floats(middle * arb((1, -e))))
            values, Q = [arb(x) * arb((1, e)) for x in w[::-1].tolist()], _from_floats(q[:, ::-1])
        else:
            values, Q = _guess_eigen(middle, bits)
        alpha = _norm_above(Q.transpose() * Q - _eye(n))
        eta = _norm_above(S - Q * _diagonal(values) * Q.transpose())
        return [x * arb(1, alpha) + arb(0, eta) for x in values]


def singular_values(A: BallMatrix | Matrix | np.ndarray, bits: int | None = None) -> list[arb]:
    r"""Enclosures of $\sigma_1 \ge \dots \ge \sigma_{\min(m, n)} \ge 0$ of any $m \times n$ matrix.

    The i-th ball contains the i-th singular value (of every matrix inside `A`, when `A` has radii); ties, zeros, rank
    deficiency and empty matrices need no care, and no ball reaches below zero. The radius is about
    $2^{-\text{bits}} \|A\|_2$ plus what the radii of `A` cost; `bits` is the working precision by default.
    """
    bits = ctx.prec if bits is None else bits
    with ctx.workprec(bits + _GUARD_BITS):
        X = _finite(A)._data
        U, values, V = _guess_singular(X.mid(), bits)
        r = len(values)
        alpha = _norm_above(U.transpose() * U - _eye(r))
        beta = _norm_above(V.transpose() * V - _eye(r))
        eta = _norm_above(X - U * _diagonal(values) * V.transpose())
        padded = values + [arb(0)] * (min(X.nrows(), X.ncols()) - r)
        return [(x * arb(1, alpha) * arb(1, beta) + arb(0, eta)).nonnegative_part() for x in padded]


def spectral_norm(A: BallMatrix | Matrix | np.ndarray) -> arb:
    r"""$\|A\|_2 = \sigma_1(A)$, and 0 for an empty matrix."""
    values = singular_values(A)
    return values[0] if values else arb(0)


def nuclear_norm(A: BallMatrix | Matrix | np.ndarray) -> arb:
    r"""$\|A\|_* = \sum_i \sigma_i(A)$."""
    return _total(singular_values(A)).nonnegative_part()


def frobenius_norm(A: BallMatrix | Matrix | np.ndarray) -> arb:
    r"""$\|A\|_F = (\sum_{ij} A_{ij}^2)^{1/2}$."""
    return ball(A.squared_norm()).sqrt() if isinstance(A, Matrix) else _finite(A).squared_norm().sqrt()


def norm_21(A: BallMatrix | Matrix | np.ndarray) -> arb:
    r"""$\|A\|_{2,1} = \sum_j (\sum_i A_{ij}^2)^{1/2}$: the sum of the Euclidean norms of the **columns**.

    The bounds for networks with layers $x \mapsto Ax$ use $\|A^\top\|_{2,1}$, the sum over rows: `norm_21(A.T)`.
    """
    B = _finite(A)._data
    m, n = B.nrows(), B.ncols()
    return _total(_sum_of_squares(B[i, j] for i in range(m)).sqrt() for j in range(n))
