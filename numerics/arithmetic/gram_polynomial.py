r"""The Gram matrix of a matrix-valued trigonometric polynomial as a polynomial of its own, in blocks and packed.

$F(\omega) = \sum_t K_te^{i\langle\omega,t\rangle}$ with real $p \times q$ matrices $K_t$ has $F(\omega)F(\omega)^* = \sum_s
C_se^{i\langle\omega,s\rangle}$, $C_s = \sum_{t-t'=s}K_tK_{t'}^\top = C_{-s}^\top$. Where $F$ is made of blocks of columns with
kernels of their own, the *phases* of a stride, $C_s$ is the sum over all blocks: only points of one phase meet.

The kernel is copied and scaled in blocks of rows only; one product of two blocks holds what they contribute to all $C_s$. The
result is one triangle in LAPACK's rectangular full packed format. `numerics.arithmetic.symbols` says what the roundings cost.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from numerics.arithmetic.enclosure import Floats
from numerics.arithmetic.spectral import Numbers, powers

Ints = NDArray[np.int64]

_ROWS = 512  # points times rows of the kernel that are copied, scaled and multiplied at once


class Phase(NamedTuple):
    """The numbers of the points of one phase; for each two of them which difference it is."""

    points: Ints
    which: Ints


class Pairs(NamedTuple):
    r"""The differences of points that share a phase: $-s_H, \dots, -s_1, 0, s_1, \dots, s_H$; `shifts` are the $s_i$, H x
    axes."""

    phases: tuple[Phase, ...]
    shifts: Ints

    @staticmethod
    def of(positions: Ints, phases: Ints) -> Pairs:
        low = positions.min(axis=0)
        extent = positions.max(axis=0) - low + 1
        # one number for each difference, growing in their order
        code = (positions - low) @ np.cumprod([1, *(2 * extent[:0:-1])])[::-1]
        groups = [np.flatnonzero(phases == phase) for phase in np.unique(phases)]
        codes = [code[points, None] - code[points] for points in groups]
        vectors = [(positions[points, None] - positions[points]).reshape(-1, low.size) for points in groups]
        known, first = np.unique(np.concatenate([c.ravel() for c in codes]), return_index=True)
        found = tuple(Phase(points, np.searchsorted(known, c)) for points, c in zip(groups, codes, strict=True))
        return Pairs(found, np.concatenate(vectors)[first[len(known) // 2 + 1 :]])


@functools.lru_cache(maxsize=4)
def _packing(p: int) -> tuple[NDArray[np.int32], NDArray[np.int8], Ints]:
    """For each place of the packed format: the number i + j p of its entry, i >= j, and -1 where the conjugate is
    stored; then the places of the diagonal."""
    from scipy.linalg import get_lapack_funcs

    pack: Any = get_lapack_funcs("trttf", dtype=np.complex128)
    code = np.arange(p * p, dtype=np.float64).reshape(p, p, order="F") + 1j
    packed, _ = pack(code, transr="N", uplo="L")
    index = packed.real.astype(np.int32)
    return index, packed.imag.astype(np.int8), np.flatnonzero(index % (p + 1) == 0)


class Kernel:
    """The kernel of one group, T x p x q, any strides; scaled block by block, so that it is never copied as a whole."""

    def __init__(self, K: Floats, pairs: Pairs, exponent: int) -> None:
        self.K, self.pairs, self.factors = K, pairs, powers(-exponent)

    def blocks(self, end: int | None = None) -> Iterator[tuple[slice, list[Floats]]]:
        """Rows for each phase, points x rows x q, up to the block that begins at `end`; the next block overwrites them."""
        T, p, q = self.K.shape
        step = min(max(1, _ROWS // T), p)
        buffers = [np.empty((phase.points.size, step, q)) for phase in self.pairs.phases]
        for start in range(0, p if end is None else end, step):
            rows = slice(start, min(start + step, p))
            parts = [buffer[:, : rows.stop - start] for buffer in buffers]
            for part, phase in zip(parts, self.pairs.phases, strict=True):
                for i, point in enumerate(phase.points.tolist()):
                    part[i] = self.K[point, rows]
                for factor in self.factors:
                    part *= factor
            yield rows, parts

    def absolute_sum(self) -> Floats:
        r"""$S = \sum_t |K_t|$ for each phase, with at most T - 1 roundings."""
        S = np.empty((len(self.pairs.phases), *self.K.shape[1:]))
        for rows, parts in self.blocks():
            for sums, part in zip(S[:, rows], parts, strict=True):
                np.abs(part, out=part).sum(axis=0, out=sums)
        return S

    def traces(self) -> Floats:
        r"""$\mathrm{tr}\,C_0$ and $2\,\mathrm{tr}\,C_s$ for $s > 0$, summed row by row: see the head of this file."""
        H = len(self.pairs.shifts)
        totals = [np.zeros(phase.which.shape) for phase in self.pairs.phases]
        for _, parts in self.blocks():
            for total, part in zip(totals, parts, strict=True):
                total += (part.transpose(1, 0, 2) @ part.transpose(1, 2, 0)).sum(axis=0)
        sums = np.zeros(2 * H + 1)
        for total, phase in zip(totals, self.pairs.phases, strict=True):
            np.add.at(sums, phase.which, total)
        sums[H + 1 :] *= 2
        return sums[H:]


class GramPolynomial:
    r"""$-F(\omega)F(\omega)^*$ of one group, packed: the real parts are sums of `even` with cosines, the imaginary ones of
    `odd` with sines. `diagonal` are the places of the diagonal."""

    def __init__(self, kernel: Kernel) -> None:
        self.p = p = kernel.K.shape[1]
        H = len(kernel.pairs.shifts)
        self.index, self.sign, self.diagonal = _packing(p)
        self.even = np.empty((H + 1, self.index.size))
        self.odd = np.empty((H, self.index.size))
        places = np.full(p * p, -1, np.int32)
        places[self.index] = np.arange(self.index.size)
        places = places.reshape(p, p, order="F")
        for rows, left in kernel.blocks():
            for columns, right in itertools.chain(kernel.blocks(rows.start), [(rows, left)]):
                C = correlation(left, right, kernel.pairs)
                lower = places[rows, columns] >= 0
                C, place = C[:, lower], places[rows, columns][lower]
                # the part for -s is the transpose of that for s
                self.odd[:, place] = (C[H - 1 :: -1] - C[H + 1 :]) * self.sign[place] if H else 0
                C[H + 1 :] += C[:H][::-1]
                self.even[:, place] = -C[H:]
        self.odd[:, self.diagonal] = 0

    def evaluated(self, cosines: Floats, sines: Floats) -> Numbers:
        result = np.empty((cosines.shape[0], self.index.size), np.complex128)
        result.real = cosines @ self.even
        result.imag = sines @ self.odd
        return result

    def unpacked(self, z: Numbers) -> Numbers:
        r"""The lower triangle of $\hat G$, in column order."""
        entries = -z
        entries.view(np.float64)[1::2] *= self.sign
        G = np.zeros(self.p * self.p, np.complex128)
        G[self.index] = entries
        return G.reshape(self.p, self.p, order="F")


def correlation(X: list[Floats], Y: list[Floats], pairs: Pairs) -> Floats:
    r"""$\sum_{t-t'=s} X_tY_{t'}^\top$ for all differences $s$, of blocks T x b x q and T x c x q for each phase."""
    b, c = X[0].shape[1], Y[0].shape[1]
    C = np.zeros((2 * len(pairs.shifts) + 1, b, c))
    for x, y, phase in zip(X, Y, pairs.phases, strict=True):
        T = phase.points.size
        products = (x.reshape(T * b, -1) @ y.reshape(T * c, -1).T).reshape(T, b, T, c)
        for own, which in zip(products, phase.which, strict=True):
            C[which] += own.swapaxes(0, 1)  # no difference occurs twice
    return C
