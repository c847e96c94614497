r"""Matrices $Y$ to be factored, with a planted singular value decomposition, and their balanced factors.

Letters are those of the truncated SVD $Y = L C^2 R^\top + E$: the columns of $L$ and $R$ are the first $p$ singular vectors,
$C = \operatorname{diag}(\sqrt{\sigma_1}, \dots, \sqrt{\sigma_p})$, and $E$ is the rest. `loss` and `factors` run on
matrices and on the kernel's letters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import isqrt
from typing import Any

from flint import fmpq
from hypothesis import strategies as st

from numerics.arithmetic.exact import Matrix, block_diagonal, diagonal, hstack, planted, rational, zeros
from numerics.arithmetic.polynomial import has_singular_values
from numerics.strategies.drawn import frames, spectra


def loss(U, V, Y):
    r"""$\|Y - U V\|_F^2$."""
    return (Y - U @ V).squared_norm()


def factors(L, C, R):
    r"""The balanced factors $(U_*, V_*) = (L C,\ C R^\top)$: a square root of the singular values goes to either side."""
    return L @ C, C @ R.T


@dataclass(frozen=True)
class Target:
    r"""$Y = \sum_i \sigma_i u_i v_i^\top$ with $\sigma_i = r_i^2$ planted: `roots` are the $r_i$, so that $U_*$ is rational.

    There are $\min(m, n)$ of them; `left` and `right` are orthogonal. `width` is the number $p$ of columns of $U$.
    """

    roots: tuple[Fraction, ...]
    left: Matrix
    right: Matrix
    width: int

    @property
    def sigma(self) -> list[fmpq]:
        return [rational(r) ** 2 for r in self.roots]

    @property
    def Y(self) -> Matrix:
        return planted(self.sigma, self.left.rows, self.right.rows, self.left, self.right)

    @property
    def rank(self) -> int:
        return sum(r != 0 for r in self.roots)

    @property
    def is_descending(self) -> bool:
        return all(r >= t >= 0 for r, t in zip(self.roots, (*self.roots[1:], 0), strict=True))

    @property
    def next(self) -> fmpq:
        r"""$\sigma_{p+1}$, which is 0 when there is no such singular value."""
        return self.sigma[self.width] if self.width < len(self.roots) else fmpq(0)

    @property
    def last(self) -> fmpq:
        r"""$\sigma_p$, which is 0 when there is no such singular value."""
        return self.sigma[self.width - 1] if self.width <= len(self.roots) else fmpq(0)

    @property
    def tail(self) -> fmpq:
        r"""$\sum_{i > p} \sigma_i^2$ over the singular values in descending order."""
        return sum((s**2 for s in sorted(self.sigma, reverse=True)[self.width :]), fmpq(0))

    def svd(self) -> tuple[Matrix, Matrix, Matrix]:
        """$(L, C, R)$ for the first $p$ singular values; columns of zeros where there are fewer."""
        k = min(self.width, len(self.roots))
        pad = self.width - k
        L = hstack([self.left[:, :k], zeros(self.left.rows, pad)])
        R = hstack([self.right[:, :k], zeros(self.right.rows, pad)])
        return L, diagonal([*self.roots[:k], *[0] * pad]), R

    def best(self) -> tuple[Matrix, Matrix]:
        """$(U_*, V_*)$."""
        return factors(*self.svd())

    def has_planted_spectrum(self) -> bool:
        r"""Whether the $\sigma_i^2$ and zeros are the eigenvalues of $Y Y^\top$: by its characteristic polynomial."""
        return has_singular_values(self.Y, self.sigma)

    def letters(self, floor: Any) -> dict[str, Any]:
        r"""The letters $Y, L, C, R, E, s, G, H$ with $C^2 = f I + G G^\top$ (`floor` is $f$), $s^2 I = E E^\top + H H^\top$."""
        L, C, R = self.svd()
        U, V = factors(L, C, R)
        low = self.next
        kept = [C[i, i] ** 2 - floor for i in range(self.width)]
        lost = [s**2 if i >= self.width else fmpq(0) for i, s in enumerate(self.sigma)]
        lost += [fmpq(0)] * (self.left.rows - len(lost))
        H = self.left @ gram([low**2 - x for x in lost])
        return {"Y": self.Y, "L": L, "C": C, "R": R, "E": self.Y - U @ V, "G": gram(kept), "H": H, "s": low}

    def mixed(self, T: Matrix) -> tuple[Matrix, Matrix]:
        """$(U_* T, T^{-1} V_*)$."""
        U, V = self.best()
        return U @ T, T.inverse() @ V


def gram(values: Sequence[fmpq]) -> Matrix:
    r"""A rational $G$ with $G G^\top = \operatorname{diag}$(`values`): each value is a sum of squares, largest first."""
    parts = []
    for q in values:
        rest, row = int(q.p) * int(q.q), []
        while rest or not row:
            row.append(fmpq(isqrt(rest), q.q))
            rest -= isqrt(rest) ** 2
        parts.append(Matrix([row]))
    return block_diagonal(parts)


@st.composite
def targets(draw: st.DrawFn, widths: st.SearchStrategy[int], *, largest: int = 4) -> Target:
    """Targets up to `largest` in both sizes, with ties, zeros and tiny gaps, in rational frames."""
    m, n = draw(st.integers(1, largest)), draw(st.integers(1, largest))
    return Target(draw(spectra(min(m, n))), draw(frames(m)), draw(frames(n)), draw(widths))


@st.composite
def mixes(draw: st.DrawFn, p: int) -> Matrix:
    r"""Invertible $p \times p$ matrices: a frame, then different scales."""
    return draw(frames(p)) @ diagonal(draw(spectra(p, minimum=Fraction(1, 2))))
