r"""The largest singular value of a matrix-valued trigonometric polynomial on a grid of frequencies, certified.

A convolution acts on the Fourier mode of frequency $\omega$ as its *symbol* $F(\omega) = \sum_t K_t
e^{i\langle\omega, t\rangle}$, a $p \times q$ matrix ($t$ runs over a finite set of integer points, $K_t$ is real). Wanted
is $\max_\omega \|F(\omega)\|_\sigma$ over the grid $\omega_a = 2\pi (j_a + h_a/2)/N_a$, $0 \le j_a < N_a$, of one or two
axes. The *twist* $h_a$ is 0 or 1.

# The route

With $p \le q$ (transpose otherwise), $G(\omega) = F(\omega)F(\omega)^*$ is itself a trigonometric polynomial,
$$G(\omega) = \sum_s C_s e^{i\langle\omega, s\rangle}, \qquad C_s = \sum_{t - t' = s} K_tK_{t'}^\top, \qquad
  C_{-s} = C_s^\top,$$
so that one real matrix product for each pair of opposite shifts replaces a complex one at each frequency. (Where $F$ is
made of blocks of columns with kernels of their own, the *phases* of a stride, $C_s$ is the sum over all blocks.)
$$G(\omega) = C_0 + \sum_{s > 0}\big[\cos\langle\omega,s\rangle\,(C_s + C_s^\top) + i\sin\langle\omega,s\rangle\,(C_s -
  C_s^\top)\big].$$
$G(-\omega) = \overline{G(\omega)}$ has the same eigenvalues: half of the grid is enough, which is its own mirror image. The frequencies are visited in
random order (a fixed seed), the one with the largest trace first. $\tau$ is the best value so far: a frequency is
passed when $\mathrm{tr}\,G(\omega) \le \tau$, or $\|G(\omega)\|_F \le \tau$, or the Cholesky factorisation of $\tau I -
G(\omega)$ runs to its end. Only where it does not, a *record*, an eigenvalue is computed, and $\tau$ grows to it and a
little more; in random order about $\ln(\text{number of frequencies})$ records are expected. The matrices are in LAPACK's
rectangular full packed format, which holds one triangle only.

*Memory*: the $2H + 1$ packed coefficients, $H$ the number of pairs of opposite shifts, are $(2H+1)p(p+1)/2$ floats: 26 MB
for 512 channels and 3 x 3 points, 1.4 times the kernel. The kernel itself is never copied as a whole
(`numerics.arithmetic.gram_polynomial`).

# Rounding

Notation and assumptions are those of `numerics.arithmetic.spectral`. The kernel is scaled by a power of two so that its
largest entry is in $[1/2, 1)$. Let $S = \sum_t |K_t|$ (entrywise), $T$ the number of points $t$, $m = qT$. With phases, $S$ is
made of the blocks $\sum_t |K_t|$, $q$ is the number of columns of one block, and $T$ counts the points of all: each has at most
one partner $t'$ in a $C_s$, which sums at most $m$ products again.

*Coefficients.* $C_s$ sums at most $m$ products: $|\hat C_s - C_s| \le \gamma_m \sum_{t-t'=s}|K_t||K_{t'}|^\top$.

*Cosines and sines* are taken from a table computed in balls, $|\hat c - c| \le 2u$ and $|\hat c| \le 1$; the index
$\sum_a (2j_a + h_a)s_aL/(2N_a) \bmod L$, $L$ the least common multiple of the $N_a$ (of $2N_a$ where $h_a = 1$), is exact.

*Sums.* The parts of $\hat G_{ij}$ are sums of at most $H+1$ products of a coefficient $\mathrm{fl}(\hat C_s \pm \hat
C_s^\top)$ and a table value: at most $H+2$ roundings on a path, so each part errs by at most $(\gamma_{H+2} +
2u)Z_{ij} \le \gamma_{H+4}Z_{ij}$, $Z = |\hat C_0| + \sum_{s>0}(|\hat C_s| + |\hat C_s|^\top) \le (1+\gamma_m)SS^\top$,
and the modulus by $\sqrt2$ times as much. As $\|SS^\top\|_2 \le \|S\|_F^2$ and $\gamma_m + \gamma_{H+4}(1 + \gamma_m)
\le \gamma_{m+H+4}$,
$$\|\hat G(\omega) - G(\omega)\|_2 \le E := \sqrt2\,\gamma_{m+p+H+8}\,\|S\|_F^2 + \nu. \tag{1}$$
The $p + 4$ more are for the *trace test*: $\mathrm{tr}\,C_s$ is summed over the $q$ columns, the $p$ rows, and the at most
$T$ pairs, on paths of at most $q + T - 1 + p \le m + p$ roundings, so the computed trace errs by at most $\gamma_{m+p+H+4}\,\mathrm{tr}\,SS^\top = \gamma_{m+p+H+4}\|S\|_F^2$, and $\lambda_{\max} \le
\mathrm{tr}$.

*Frobenius test.* With $h = p(p+1)/2$ packed entries, $\|\hat G\|_F^2 = 2\sum|z|^2 - \sum_{\text{diagonal}} z^2$ is a
float sum with at most $2h + 3$ roundings on a path and absolute terms at most $3\|\hat G\|_F^2$ in sum, so that
$\|\hat G\|_F^2$ is at most $1 + 4\gamma_{2h+4}$ times the computed one.

*Cholesky test*: equation (3) there, complex, with the largest trace of $M$ met. *Lower bound*: the Rayleigh quotient
(4) there at the records, less $E$.

So $\max_\omega\|F(\omega)\|_\sigma^2$ lies between the best Rayleigh quotient less $E$ and $\tau + \kappa_p\max
\mathrm{tr}\,M + E + \nu$: earlier frequencies were passed at a smaller $\tau$.

# Between the grid points

Let $F$ have the points $t_a \in \{0, \dots, 2d_a\}$ along axis $a$ ($2d_a$ an integer), and $N_a > 2d_a$. Then
$$\sup_{\omega \in \mathbb{R}^2}\|F(\omega)\|_\sigma \le \max_{\text{grid}}\|F(\omega)\|_\sigma \prod_a
  \frac{1}{\cos(\pi d_a/N_a)}. \tag{2}$$
*Proof.* One axis after the other. Let $\|F\|_\sigma$ take its supremum $\sigma$ at $\omega_*$, with unit vectors
$u^*F(\omega_*)v = \sigma$. $f(\omega) = \mathrm{Re}\,e^{-id(\omega-\omega_*)}u^*F(\omega)v$ is, in $\theta = \omega/2$, a
real trigonometric polynomial of degree $2d$ (exponents $2t - 2d$), $|f| \le \sigma$ and $f(\omega_*) = \sigma$. The
inequality of Bernstein and Szegő, $f'^2 + (2d)^2f^2 \le (2d)^2\sigma^2$ in $\theta$, says that $\arccos(f/\sigma)$ changes
at most at the rate $d$ in $\omega$, hence $f(\omega) \ge \sigma\cos(d(\omega - \omega_*))$ for $d|\omega - \omega_*| \le
\pi$ (M. Riesz). A grid point is within $\pi/N$. $\square$ It is attained: $K = (1, 0, -1)$, $|F| = 2|\sin\omega|$, $N = 6$.
"""

from __future__ import annotations

import copy
import functools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from flint import arb, ctx, fmpq

from numerics.arithmetic.enclosure import BITS, NU, Floats, gamma, norm_ball
from numerics.arithmetic.gram_polynomial import GramPolynomial, Ints, Kernel, Pairs
from numerics.arithmetic.spectral import Numbers, cholesky_error, guesses, rayleigh_bound, times

_PACKED = 2**18  # complex numbers that are evaluated at once
_TWISTS = 2  # so many twists are tried for each group: those with the smallest traces at their peak
_EXCESSES = (1.0, 3.0, 1e1, 1e2, 1e3, 1e4, 1e5)


@dataclass(frozen=True, eq=False)
class Peak:
    """The largest norm of the symbol on a grid, between `lower` and `upper`, and where it is: the number of the group,
    the frequency, the (guessed) singular vector of the p outputs."""

    lower: arb
    upper: arb
    group: int
    frequency: Floats
    vector: Numbers


@functools.lru_cache(maxsize=64)
def _table(L: int) -> tuple[Floats, Floats]:
    r"""$\cos(2\pi i/L)$ and $\sin(2\pi i/L)$, $0 \le i < L$, within $2u$ and in $[-1, 1]$."""
    with ctx.workprec(80):
        # the float of a ball is its midpoint, rounded by less than one unit in the last place (2^-53 below 1)
        cosines = np.array([float(arb.cos_pi_fmpq(fmpq(2 * i, L))) for i in range(L)])
        sines = np.array([float(arb.sin_pi_fmpq(fmpq(2 * i, L))) for i in range(L)])
    return np.clip(cosines, -1, 1), np.clip(sines, -1, 1)


class _Grid:
    r"""Half of a grid: the frequencies $2\pi\,$`points`$/$`turns`, F x axes; `shifts` the positive $s$, H x axes."""

    def __init__(self, sides: tuple[int, ...], twist: tuple[int, ...], shifts: Ints) -> None:
        self.shifts, self.turns = shifts, np.array(sides) * (1 + np.array(twist))
        points = np.indices(sides).reshape(len(sides), -1).T * (1 + np.array(twist)) + twist
        flat, opposite = (
            np.ravel_multi_index(tuple((x // (1 + np.array(twist))).T), sides) for x in (points, -points % self.turns)
        )
        self.points: Ints = points[flat <= opposite].astype(np.int64)

    def waves(self, rows: Any) -> tuple[Floats, Floats]:
        r"""$\cos\langle\omega, s\rangle$ with a first column 1 for $s = 0$, and $\sin\langle\omega, s\rangle$."""
        L = math.lcm(*self.turns.tolist())
        phases = (self.points[rows] * (L // self.turns) @ self.shifts.T) % L
        cosines, sines = _table(L)
        return np.hstack([np.ones((phases.shape[0], 1)), cosines[phases]]), sines[phases]

    def frequency(self, row: int) -> Floats:
        return 2 * math.pi * self.points[row] / self.turns


class _Records:
    r"""The best value $\tau$ so far, and what it rests on."""

    def __init__(self, p: int, axes: int, size: arb, tolerance: float) -> None:
        from scipy.linalg import get_lapack_funcs

        self.factor: Any = get_lapack_funcs("pftrf", dtype=np.complex128)
        self.p, self.size, self.tolerance = p, size, max(tolerance, 16 * p * 2.0**-53, 1e-12)
        self.tau, self.trace, self.lower = 0.0, 0.0, arb(-1)
        terms = p * (p + 1) + 4
        self.frobenius_factor = 1.0 + 5 * terms * 2.0**-53  # above 1 + 4 gamma, and the rounding of this line
        # where `lower` was found
        self.group, self.frequency = 0, np.zeros(axes)
        self.vector: Numbers = np.ones(p, np.complex128)

    def visit(self, number: int, group: GramPolynomial, grid: _Grid, traces: Floats, limit: float) -> None:
        r"""Raise $\tau$ until all frequencies of this group pass, or it has reached `limit`."""
        for rows in _visits(traces, max(1, 2 * _PACKED // (self.p * (self.p + 1)))):
            rows = rows[traces[rows] > self.tau]
            if not rows.size:
                continue
            for row, z in zip(rows.tolist(), group.evaluated(*grid.waves(rows)), strict=True):
                if self.passes(z, group.diagonal):
                    continue
                if self.raise_to(z, group):
                    self.group, self.frequency = number, grid.frequency(row)
                if self.tau >= limit:
                    return

    def passes(self, z: Numbers, diagonal: Ints) -> bool:
        r"""Whether $\lambda_{\max} \le \tau$ up to the rounding terms, for the packed $-\hat G$."""
        flat, own = z.view(np.float64), np.real(z[diagonal])
        # tau^2 is rounded, and so is the product: two more roundings, for which the factor has room
        if (2 * (flat @ flat) - own @ own) * self.frobenius_factor <= self.tau * self.tau:
            return True
        return self._factorised(z, diagonal, self.tau)

    def _factorised(self, z: Numbers, diagonal: Ints, tau: float) -> bool:
        M = z.copy()
        shifted = tau + np.real(z[diagonal])
        M[diagonal] = shifted
        R, info = self.factor(self.p, M, transr="N", uplo="L", overwrite_a=1)
        if info or not math.isfinite(np.real(R[diagonal]).sum()):
            return False
        self.trace = max(self.trace, float(shifted.sum()))
        return True

    def raise_to(self, z: Numbers, group: GramPolynomial) -> bool:
        """A higher value that this frequency passes; whether its own lower bound is the best one."""
        G = group.unpacked(z)
        improved = False
        for value, vector in guesses(G, self.tolerance / 8):
            bound = rayleigh_bound(vector, times(G, vector), self.size)
            if bound > self.lower:
                self.lower, self.vector, improved = bound, vector, True
            for factor in _EXCESSES[: 2 if group.p > 64 else None]:
                tau = value * (1 + factor * self.tolerance)
                if tau > self.tau and self._factorised(z, group.diagonal, tau):
                    self.tau = tau
                    return improved
        # nothing was certified: the trace always is a bound
        self.tau = max(self.tau, -math.fsum(np.real(z[group.diagonal]).tolist()) * (1 + 1e-12))
        return improved


def _visits(traces: Floats, batch: int) -> Iterator[Ints]:
    """The frequencies in batches: the one with the largest trace alone, then the others in random order."""
    first = int(np.argmax(traces))
    yield np.array([first])
    rest = np.random.default_rng(0).permutation(traces.size)
    rest = rest[rest != first]
    for start in range(0, rest.size, batch):
        yield rest[start : start + batch]


def largest_on_grid(
    K: Floats,
    positions: Ints,
    sides: tuple[int, ...],
    relative_width: float,
    exponent: int = 0,
    twists: Sequence[tuple[int, ...]] | None = None,
    phases: Ints | None = None,
) -> Peak:
    r"""$\max_g\max_\omega\|F_g(\omega)\|_\sigma$ of the symbols of all groups over the grid with these sides, times
    $2^{-\text{exponent}}$.

    `K` is groups x T x p x q, float64 in any memory order, its largest entry in $2^{\text{exponent}}[1/2, 1)$ in size;
    `positions` T x axes, the points $t$. `relative_width` is about the relative width that is wanted. With `phases`, a
    number for each point, $F(\omega)$ has the sum over each phase as a block of columns; points of one phase are distinct.

    With several `twists`, each 0 or 1 for each axis, the result is $\max_g\min_{\text{twists}}\max_\omega$; a twist moves
    the grid by half a step along the axes where it is 1. The default is one grid that is not moved.
    """
    swapped = phases is None and K.shape[2] > K.shape[3]
    K = K.swapaxes(2, 3) if swapped else K
    _, T, p, q = K.shape
    pairs = Pairs.of(positions, np.zeros(T, np.int64) if phases is None else phases)
    H = len(pairs.shifts)
    grids = [_Grid(sides, twist, pairs.shifts) for twist in twists or [(0,) * len(sides)]]
    kernels = [Kernel(k, pairs, exponent) for k in K]
    with ctx.workprec(BITS):
        totals = [norm_ball(kernel.absolute_sum()) * arb(1 / (1 - gamma(T))) for kernel in kernels]
        size = functools.reduce(arb.max, totals).upper()
        error = arb(2).sqrt() * arb(gamma(q * T + p + H + 8)) * size * size + NU
        coefficients = np.array([kernel.traces() for kernel in kernels]).T
        traces = [_traces(coefficients, grid) for grid in grids]
        peaks = np.array([trace.max(axis=0) for trace in traces])
        largest = peaks.min(axis=0)
        best = start = _Records(p, len(sides), size * size + error, relative_width)
        for g in np.argsort(-largest, kind="stable").tolist():
            if largest[g] <= best.tau:
                break
            group = GramPolynomial(kernels[g])
            trials: list[_Records] = []
            for twist in np.argsort(peaks[:, g], kind="stable").tolist()[:_TWISTS]:
                limit = min((trial.tau for trial in trials), default=math.inf)
                trials.append(copy.copy(best))
                trials[-1].visit(g, group, grids[twist], traces[twist][:, g], limit)
            start = max([start, *trials], key=lambda trial: float(trial.lower))
            # the first one: those that stopped at the limit come later
            best = copy.copy(min(trials, key=lambda trial: trial.tau))
            best.lower = functools.reduce(arb.min, [trial.lower for trial in trials])
        # the float sum of a trace has at most p roundings, as has the fallback to the trace
        trace = arb(best.trace) / arb(1 - gamma(p + 1))
        upper = arb(best.tau) + cholesky_error(p, True) * trace + error + NU
        lower = (best.lower - error).max(arb(0))
        vector = start.vector
        if swapped:  # the vector belongs to the inputs, conjugated
            vector = symbol(K[start.group].swapaxes(1, 2), positions, start.frequency, exponent) @ vector.conj()
        return Peak(lower.sqrt().lower(), upper.sqrt().upper(), start.group, start.frequency, vector)


def symbol(K: Floats, positions: Ints, frequency: Floats, exponent: int = 0) -> Numbers:
    r"""$2^{-\text{exponent}}F(\omega)$ in plain floats, for a kernel T x p x q."""
    F = np.zeros(K.shape[1:], np.complex128)
    for wave, k in zip(np.exp(1j * (positions @ frequency)).tolist(), K, strict=True):
        F += wave * np.ldexp(k, -exponent)
    return F


def _traces(coefficients: Floats, grid: _Grid) -> Floats:
    r"""$\mathrm{tr}\,\hat G_g(\omega)$, F x groups."""
    result = np.empty((grid.points.shape[0], coefficients.shape[1]))
    for start in range(0, len(result), 4096):
        rows = slice(start, start + 4096)
        result[rows] = grid.waves(rows)[0] @ coefficients
    return result


def between_grid_points(positions: Ints, sides: tuple[int, ...]) -> arb:
    r"""$\prod_a 1/\cos(\pi d_a/N_a)$ of (2). Raises `ValueError` when a side is not above the range of the points."""
    factor = arb(1)
    for places, N in zip(positions.T, sides, strict=True):
        spread = int(places.max() - places.min())
        if N <= spread:
            raise ValueError(f"`sides` must be above the range {spread} of the points, found {N}.")
        factor /= arb.cos_pi_fmpq(fmpq(spread, 2 * N))
    return factor
