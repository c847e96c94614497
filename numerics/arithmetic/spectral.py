r"""Certified spectral norms of real and complex float matrices: Gram matrix, Lanczos, verified Cholesky.

$\|A\|_\sigma^2$ is the largest eigenvalue of the Gram matrix of the smaller side. An eigenvalue routine that need not
be right guesses it; a floating-point Cholesky factorisation that runs to its end *proves* that the guess, a little
enlarged, is an upper bound; the Rayleigh quotient of the guessed vector is a lower bound. Every rounding is paid by
the a-priori bounds derived below.

# What is assumed

As in `numerics.arithmetic.enclosure`: float64 with round to nearest, $u = 2^{-53}$, $\gamma_k = ku/(1-ku)$, sums in
any order and with fused multiply-add, no Strassen-like method and no complex product by three real ones; results
below $\eta = 2^{-1022}$ may be flushed to zero; square roots are correctly rounded; triangular solves may multiply by
a rounded reciprocal (OpenBLAS does). Underflow everywhere below is paid by $\nu = 2^{-450}$. Counts of roundings add
up: $\gamma_a + \gamma_b + \gamma_a\gamma_b \le \gamma_{a+b}$ (Higham, *Accuracy and Stability of Numerical
Algorithms*, 2nd ed., Lemma 3.3).

# Inner products, real and complex

Real: $|\mathrm{fl}(x^\top y) - x^\top y| \le \gamma_n |x|^\top|y|$ (Higham, equation 3.5). Complex: the real part of
$\bar x_j y_j = (a - bi)(c + di)$ is $ac + bd$, the imaginary part $ad - bc$, so each part of $x^*y$ is a real inner
product of length $2n$ and errs by $\gamma_{2n}\sum_j(|ac| + |bd|)$ or $\gamma_{2n}\sum_j(|ad| + |bc|)$. Both sums are
at most $|x|^\top|y|$ (Cauchy-Schwarz in $\mathbb{R}^2$), and a complex number both parts of which are at most $t$ has
modulus at most $\sqrt2\,t$. With $(r, k_n) = (1, n)$ for real and $(\sqrt2, 2n)$ for complex numbers, therefore,
$$|\mathrm{fl}(x^*y) - x^*y| \le r\,\gamma_{k_n} |x|^\top|y|. \tag{1}$$

# Scaling

$B = 2^{-e}A$ has its largest real or imaginary part in $[1/2, 1)$. Multiplication by powers of two is exact except
where the result is subnormal, at a distance of at most $2\eta$: $\|B\|_\sigma$ changes by at most $2\sqrt{2}\,mn\eta
< \nu$. $\|B\|_\sigma \ge 1/2$ (the largest entry), so $\nu$ costs no accuracy; nothing can overflow.

# Gram matrix

$B$ is $p \times q$ with $p \le q$ (transpose otherwise), $G = \mathrm{fl}(BB^*)$, of which one triangle counts and
the diagonal is real. (The complex BLAS routine gives the conjugate: the Gram matrix of $\bar B$, which has the same
norm.) By (1) $|G - BB^*| \le r\gamma_{k_q}|B||B|^\top$ entrywise, and $\||B||B|^\top\|_2 \le \|B\|_F^2$, so
$$\|G - BB^*\|_2 \le E := r\,\gamma_{k_q}\|B\|_F^2 + \nu, \qquad
  \|B\|_F^2 = \mathrm{tr}\,BB^* \le \mathrm{tr}\,G/(1 - \gamma_{k_q}) + \nu. \tag{2}$$
The chunks in which $BB^*$ is accumulated are one more order of summation.

# Verified Cholesky

After Rump, *Verification of positive definiteness*, BIT 46 (2006). For a trial value $\tau$ let $M$ have the
off-diagonal entries $-G_{ij}$ (exact) and the diagonal $\mathrm{fl}(\tau - G_{ii})$, so that $M = \tau I - G + D$
with $D$ diagonal and $|D_{ii}| \le u|M_{ii}|$. Let the floating-point factorisation run to its end with the factor
$R$ and a finite diagonal. For $i \le j$ the entry $r_{ij}$ came from $r_{ii}r_{ij} \approx m_{ij} - \sum_{k<i} \bar
r_{ki}r_{kj}$. In each real part the sum has $k_{i-1}$ products: on the path of each, one rounding for the product and
at most $k_{i-1}$ for the additions; then one for the division (by a real number) and one more if it is a product with
a rounded reciprocal; for $i = j$ instead one for the square root, whose squaring counts twice. Dividing by the
factor of $m_{ij}$ leaves no more than these (Higham, Lemma 8.4 and Theorem 10.3), $K := k_{p-1} + 3$ in all, so that
by the argument of (1)
$$|R^*R - M| \le r\,\gamma_K\,|R|^\top|R|, \qquad |R^*R - M|_{jj} \le \gamma_K (|R|^\top|R|)_{jj}$$
(the diagonal is real, so there $r = 1$). By Cauchy-Schwarz $(|R|^\top|R|)_{ij} \le \|r_i\|\|r_j\|$, $r_i$ the columns
of $R$, and the diagonal gives $\|r_i\|^2 \le m_{ii}/(1-\gamma_K)$. The matrix $(\sqrt{m_{ii}m_{jj}})_{ij}$ has rank
one and norm $\mathrm{tr}\,M$, hence $\|R^*R - M\|_2 \le \frac{r\gamma_K}{1-\gamma_K}\mathrm{tr}\,M$. As $R^*R \succeq
0$,
$$\lambda_{\max}(G) \le \tau + \kappa_p\,\mathrm{tr}\,M + \nu, \qquad
  \kappa_p := u + \frac{r\,\gamma_K}{1-\gamma_K}. \tag{3}$$
(The $m_{ii}$ are positive: a pivot is $m_{ii}$ less computed squares, and a pivot that is not positive stops the
factorisation. An infinity or NaN in column $j$ of $R$ would make the pivot $r_{jj}$ infinite or NaN; the diagonal is
looked at.) Underflow: at most $2p + 3$ operations for a part of an entry, each erring by $\eta$ times a factor
$r_{ii} \le 2^{31}$ (reciprocals of $2^{-537} \le r_{ii} \le 2^{31}$ are ordinary numbers), for a norm below $\nu$.

# Lower bound

For a float vector $v$, $w = \mathrm{fl}(Gv)$ and $\varrho = \mathrm{fl}(\mathrm{Re}\,v^*w)$, (1) gives
$$\lambda_{\max}(G) \ge \frac{v^*Gv}{\|v\|^2} \ge \frac{\varrho - \gamma_{k_p}\|v\|\,(r\|G\|_F\|v\| + \|w\|) - \nu}
  {\|v\|^2}. \tag{4}$$

Together $\|B\|_\sigma^2 \in [(4) - E,\ (3) + E]$. The relative width is about $\frac12(\varepsilon + p^2u +
2qu\|B\|_F^2/\sigma^2)$, with $\varepsilon = \tau/\hat\lambda - 1$ chosen by the caller: the rounding terms are below
$10^{-7}$ for all matrices up to $4096 \times 25088$ and about $10^{-12}$ for small ones.

# Which terms can be seen

The lower bound (4) and $\varepsilon$ are tight: tests catch them when they are dropped. The rounding terms of (2) and
(3) are worst cases that the random errors of real arithmetic stay far below; tests plant errors as large as the proof
allows (an altered Gram matrix, a guess that is too small), the rest stands on the proof.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from flint import arb, ctx
from numpy.typing import ArrayLike, NDArray

from numerics.arithmetic.enclosure import (
    BITS,
    EXACT_ENTRIES,
    NU,
    UNIT,
    Floats,
    as_float_matrix,
    frobenius_norm,
    gamma,
    norm_ball,
    outward,
    power_of_two,
)
from numerics.evidence.errors import InputError

Numbers = NDArray[Any]
"""float64 or complex128."""

RELATIVE_WIDTH = 1e-6
_CHUNK = 256  # columns of the matrix that are converted at once; also a block of the matrix product in BLAS
_DIRECT = 64  # up to this size a full eigendecomposition is quicker than Lanczos
_LEAST_EXCESS = 1e-12  # of the trial value over the guessed eigenvalue
_EXCESSES = (1e-11, 1e-10, 1e-9, 1e-8, 1e-7, 1e-6, 1e-4, 1e-2)
_BALL_SIDE = 64  # up to this size widths that float64 cannot certify are left to balls


# The rounding constants of both fields.


def _root(is_complex: bool) -> arb:
    return arb(2).sqrt() if is_complex else arb(1)


def _terms(n: int, is_complex: bool) -> int:
    return 2 * n if is_complex else n


def product_error(n: int, is_complex: bool) -> arb:
    r"""$r\gamma_{k_n}$ of (1): the relative error of an inner product of `n` terms, in terms of $|x|^\top|y|$."""
    return _root(is_complex) * arb(gamma(_terms(n, is_complex)))


def cholesky_error(p: int, is_complex: bool) -> arb:
    r"""$\kappa_p$ of (3), by which the trace of $M$ enters the bound."""
    g = gamma(_terms(p - 1, is_complex) + 3)
    return arb(UNIT) + _root(is_complex) * arb(g / (1 - g))


def rayleigh_bound(v: Numbers, w: Numbers, size: arb) -> arb:
    r"""A lower bound (4) of $\lambda_{\max}(G)$, from a vector, the float product $w = \mathrm{fl}(Gv)$ and `size`
    $\ge \|G\|_F$; at most 0 for a useless vector."""
    is_complex = np.iscomplexobj(w)
    if not (np.abs(v).max() <= 2 and np.linalg.norm(v) > 0.5 and np.isfinite(w).all()):
        return arb(0)
    quotient = float(np.real(np.vdot(v, w)))
    length, image = norm_ball(parts(v)), norm_ball(parts(w))
    g = arb(gamma(_terms(v.size, is_complex)))
    error = g * length * (_root(is_complex) * size * length + image) + NU
    return ((arb(quotient) - error) / (length * length)).lower()


def parts(x: Numbers) -> Floats:
    """The real and imaginary parts of an array, as floats in one axis."""
    flat = np.ascontiguousarray(x).ravel()
    return flat.view(np.float64) if np.iscomplexobj(flat) else flat


# The search for the largest eigenvalue: nothing below is trusted.


def lanczos(
    apply: Callable[[Numbers], Numbers], start: Numbers, tolerance: float, steps: int = 250
) -> tuple[float, Numbers]:
    r"""A float guess of the largest eigenvalue of a Hermitian map, and a unit vector for it.

    Lanczos with full reorthogonalisation; stops when the guess seems to be within `tolerance`, relatively. The error
    of a Ritz value is below the residual, and below its square over the gap.
    """
    V = np.empty((steps + 1, start.size), start.dtype)
    V[0] = start / np.linalg.norm(start)
    T = np.zeros((steps + 1, steps + 1))
    values, vectors, j = np.zeros(1), np.ones((1, 1)), 0
    for j in range(steps):
        w = apply(V[j])
        T[j, j] = np.vdot(V[j], w).real
        for _ in range(2):
            w = w - (V[: j + 1] @ w.conj()).conj() @ V[: j + 1]  # without a conjugated copy of V
        beta = float(np.linalg.norm(w))
        done = j + 1 == steps or j + 1 == start.size or beta <= 1e-14 * abs(T[j, j])
        if done or j % 4 == 3:
            values, vectors = np.linalg.eigh(T[: j + 1, : j + 1])
            residual = beta * abs(vectors[-1, -1])
            gap = values[-1] - values[-2] if j else 0.0
            error = min(residual, residual**2 / gap) if gap > 0 else residual
            if done or error <= tolerance * values[-1]:
                break
        V[j + 1] = w / beta
        T[j, j + 1] = T[j + 1, j] = beta
    vector = vectors[:, -1] @ V[: j + 1]
    return float(values[-1]), vector / np.linalg.norm(vector)


def random_start(n: int, is_complex: bool) -> Numbers:
    """A vector that no structured matrix is orthogonal to; the same one every time."""
    rng = np.random.default_rng(0)
    real = rng.standard_normal(n)
    return real + 1j * rng.standard_normal(n) if is_complex else real


def guesses(G: Numbers, tolerance: float) -> Iterator[tuple[float, Numbers]]:
    """Guesses of the largest eigenvalue of the Hermitian matrix in the lower triangle of `G`, and its vector."""
    if G.shape[0] > _DIRECT:
        yield lanczos(lambda v: times(G, v), random_start(G.shape[0], np.iscomplexobj(G)), tolerance)
    values, vectors = np.linalg.eigh(G)
    yield float(values[-1]), vectors[:, -1]


# Certificates.


def trace_when_positive_definite(G: Numbers, tau: float) -> float | None:
    r"""$\mathrm{tr}\,M$ up to two roundings, $M = \mathrm{fl}(\tau I - G)$, if float Cholesky succeeds; else `None`.

    `G` is in column order, its lower triangle counts.
    """
    from scipy.linalg import get_lapack_funcs

    factor: Any = get_lapack_funcs("potrf", dtype=G.dtype)
    M = np.negative(G, order="F")
    diagonal = tau - np.real(np.diagonal(G))
    np.fill_diagonal(M, diagonal)
    R, info = factor(M, lower=1, clean=0, overwrite_a=1)
    if info or not np.isfinite(np.diagonal(R)).all():
        return None
    return math.fsum(diagonal.tolist())


def largest_eigenvalue(G: Numbers, size: arb, tolerance: float) -> tuple[arb, arb]:
    r"""Bounds of $\lambda_{\max}$ of the positive semidefinite matrix in the lower triangle of `G`, in column order.

    `size` $\ge \|G\|_F$ bounds it where everything else fails. `tolerance` is about the relative width that is wanted.
    """
    p = G.shape[0]
    lower, per_trace = arb(0), cholesky_error(p, np.iscomplexobj(G)) * arb(1 + 2 * UNIT)
    # what the factorisation survives: a small matrix has small errors, and is worth an accurate guess
    least = max(_LEAST_EXCESS, 4 * p * 2.0**-53 if p > _DIRECT else 0.0)
    first = max(least, tolerance / 4)
    exact = (least, *(x for x in _EXCESSES if x > least))
    # a guess from Lanczos that needs a large excess is wrong: ask for the next one
    excesses = (exact,) if p <= _DIRECT else ((first, 3 * first), exact)
    for trials, (value, vector) in zip(excesses, guesses(G, tolerance / 16), strict=False):
        lower = lower.max(rayleigh_bound(vector, times(G, vector), size))
        for excess in trials:
            tau = value * (1 + excess)
            trace = trace_when_positive_definite(G, tau)
            if trace is not None:
                return lower, (arb(tau) + per_trace * arb(trace) + NU).upper()
    return lower, size.upper()


def times(G: Numbers, v: Numbers) -> Numbers:
    """The float product with the Hermitian matrix in the lower triangle of `G`."""
    from scipy.linalg import get_blas_funcs

    multiply: Any = get_blas_funcs("hemv" if np.iscomplexobj(G) else "symv", dtype=G.dtype)
    return multiply(1.0, G, v, lower=1)


# Dense matrices.


def _as_matrix(A: ArrayLike) -> tuple[Numbers, float]:
    """`A` in a floating type that float64 or complex128 hold exactly, not copied, and its largest part in size."""
    array = np.asarray(A)
    if array.dtype.kind == "c" and array.dtype.itemsize <= 16:
        array = array.astype(array.dtype.newbyteorder("="), copy=False)
    elif array.dtype not in (np.float16, np.float32, np.float64):
        array = as_float_matrix(array)  # which also says what is wrong with other types
    if array.ndim != 2:
        raise InputError(f"`A` must have 2 dimension(s), found shape {array.shape}.")
    if not array.size:
        return array, 0.0
    sides = (np.real(array), np.imag(array)) if np.iscomplexobj(array) else (array,)
    ends = [float(end) for x in sides for end in (x.max(), x.min())]  # no temporary array; NaN comes through
    if not all(map(math.isfinite, ends)):
        place = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
        raise InputError(f"`A` must have finite entries, found {array[place]} at index {place}.")
    return array, max(map(abs, ends))


def powers(exponent: int) -> list[float]:
    r"""Ordinary floats whose product is $2^{\text{exponent}}$."""
    steps = []
    while abs(exponent) > 1000:
        step = 1000 if exponent > 0 else -1000
        steps.append(2.0**step)
        exponent -= step
    return [*steps, 2.0**exponent] if exponent else steps


def _gram(A: Numbers, exponent: int) -> Numbers:
    r"""The lower triangle of the Gram matrix (or its conjugate) of the smaller side of $2^{-\text{exponent}}A$."""
    from scipy.linalg import get_blas_funcs

    is_complex, wide = np.iscomplexobj(A), A.shape[0] <= A.shape[1]
    dtype = np.complex128 if is_complex else np.float64
    update: Any = get_blas_funcs("herk" if is_complex else "syrk", dtype=dtype)
    adjoint = 2 if is_complex else 1
    p, q = sorted(A.shape)
    G = np.zeros((p, p), dtype, order="F")
    factors = powers(-exponent)
    for start in range(0, q, _CHUNK):
        piece = A[:, start : start + _CHUNK] if wide else A[start : start + _CHUNK]
        chunk = np.empty(piece.shape, dtype)
        chunk[...] = piece
        for factor in factors:
            chunk *= factor
        # the transpose of a chunk in row order is in column order: BLAS copies nothing
        G = update(1.0, chunk.T, beta=1.0, c=G, trans=adjoint if wide else 0, lower=1, overwrite_c=1)
    return G


def _enclosure(A: Numbers, exponent: int, relative_width: float) -> arb:
    r"""$\|2^{-\text{exponent}}A\|_\sigma$ for a matrix with at least two rows and columns."""
    is_complex, q = np.iscomplexobj(A), max(A.shape)
    G = _gram(A, exponent)
    trace = math.fsum(np.real(np.diagonal(G)).tolist())
    terms = _terms(q, is_complex) + 1  # and the sum of the diagonal
    squared = arb(trace) / arb(1 - gamma(terms)) + NU
    error = product_error(q, is_complex) * squared + NU
    lower, upper = largest_eigenvalue(G, squared + error, 2 * relative_width)
    lower, upper = (lower - error).max(arb(0.25)), (upper + error).min(squared)
    return between(lower.sqrt(), upper.sqrt()) + arb(0, NU)


def between(lower: arb, upper: arb) -> arb:
    """The ball from one to the other, rounded outwards.

    Raises `ArithmeticError` when the bounds contradict each other: then the arithmetic is not what is assumed above.
    """
    if lower.lower() > upper.upper():
        raise ArithmeticError(
            f"The certified bounds must not contradict each other, found {float(lower)} above {float(upper)}: the "
            "floating-point arithmetic or the BLAS library of this machine is not IEEE 754, rounding to nearest."
        )
    return lower.lower().union(upper.upper())


def width(ball: arb) -> float:
    """The relative width (upper - lower) / lower, rounded up; infinite when the ball reaches 0."""
    if not ball > 0:
        return 0.0 if ball == 0 else math.inf
    with ctx.workprec(BITS):
        return outward(arb(2 * ball.rad()) / ball.lower())[1]


def checked_width(relative_width: float) -> float:
    """`relative_width` if it is a positive number; raises `InputError` otherwise."""
    if not (isinstance(relative_width, float | int) and 0 < relative_width < math.inf):
        raise InputError(f"`relative_width` must be a positive number such as 1e-6, found {relative_width!r}.")
    return float(relative_width)


def spectral_norm(A: ArrayLike, relative_width: float = RELATIVE_WIDTH) -> arb:
    r"""A ball that encloses $\|A\|_\sigma$, the largest singular value of the real or complex m x n matrix `A`.

    Gram matrix of the smaller side, a float eigenvalue, one Cholesky factorisation that verifies it: see the head of
    this file for the proof. float16, float32 and complex64 matrices are not copied as a whole: the memory needed is
    the Gram matrix, the matrix that is factorised, and one chunk. The zero matrix and empty matrices give exactly 0;
    scales from $10^{-320}$ to $10^{308}$ are fine.

    The ball is at most `relative_width` wide, relatively. What float64 does not certify (below about $10^{-7}$ at 4096
    x 25088, $10^{-11}$ at 64 x 64) is left to ball arithmetic when the smaller side is at most 64
    (and there are at most 16 384 entries). Raises `InputError`
    for larger matrices then, saying which width they have, and for NaN and infinity.
    """
    relative_width = checked_width(relative_width)
    matrix, largest = _as_matrix(A)
    if not largest:
        return arb(0)
    exponent = math.frexp(largest)[1]
    with ctx.workprec(bits_for(relative_width)):
        if min(matrix.shape) == 1:
            result = frobenius_norm(_as_real(matrix))
        else:
            result = _enclosure(matrix, exponent, relative_width) * power_of_two(exponent)
        if width(result) <= relative_width:
            return result
        if min(matrix.shape) > _BALL_SIDE or matrix.size > EXACT_ENTRIES:
            raise InputError(
                f"`relative_width` must be at least {width(result):.1e}, which float64 certifies for this matrix of "
                f"shape {matrix.shape}, found {relative_width:.1e}: ask for a wider ball."
            )
        from numerics.arithmetic import balls

        return balls.spectral_norm(_as_real(matrix))


def bits_for(relative_width: float) -> int:
    """The precision at which a ball of this relative width is put together."""
    return max(BITS, 64 - math.frexp(relative_width)[1])


def _as_real(A: Numbers) -> Floats:
    r"""A real matrix with the same spectral norm: $\begin{pmatrix} X & -Y \\ Y & X \end{pmatrix}$ for $X + iY$, and
    the parts in a row, or column, for one row or column."""
    if not np.iscomplexobj(A):
        return as_float_matrix(A)
    X, Y = np.real(A).astype(np.float64), np.imag(A).astype(np.float64)
    if min(A.shape) == 1:
        return np.concatenate([X, Y], axis=int(np.argmax(A.shape)))
    return np.block([[X, -Y], [Y, X]])


def spectral_norm_bounds(A: ArrayLike, relative_width: float = RELATIVE_WIDTH) -> tuple[float, float]:
    r"""Floats `(lower, upper)`, rounded outward, with lower $\le \|A\|_\sigma \le$ upper; see `spectral_norm`.

    `upper` is infinite when the norm is beyond the largest float.
    """
    lower, upper = outward(spectral_norm(A, relative_width))
    return max(lower, 0.0), upper
