r"""Projectors onto images and kernels through the pseudo-inverse, as facts of a derivation."""

from __future__ import annotations

from dataclasses import dataclass

from theorems.cited.matrices import inverse
from theorems.proof import Derivation, Expr, Fact, dimension, equal, identity, nonnegative, zero


@dataclass(frozen=True)
class Image:
    r"""The projector $F = A A^+$ onto the image of $A$, and $K = I - A^+ A$ onto its kernel, with their facts."""

    F: Expr
    K: Expr
    inverse: Expr
    F_is: Fact
    K_is: Fact
    FA: Fact
    FF: Fact
    AK: Fact
    KK: Fact
    rank: Fact


def image(d: Derivation, A: Expr, names: tuple[str, str, str] = ("A^+", "F", "K")) -> Image:
    r"""For $A$ of size $m \times p$: $F A = A$, $F^2 = F$, $A K = 0$, $K^2 = K$ and $\operatorname{tr} F = p - \operatorname{tr} K$.

    `names` are those of the new letters.
    """
    P, laws = inverse(d, A, names[0])

    def projector(name: str, term: Expr, symmetry: Fact) -> tuple[Expr, Fact]:
        Q, defined = d.define(name, (term + term.T) / 2, symmetric=True)
        return Q, d.algebra(equal(Q, term), [defined, symmetry])

    F, F_is = projector(names[1], A @ P, laws[2])
    K, K_is = projector(names[2], identity(A.cols) - P @ A, laws[3])
    FA = d.algebra(equal(F @ A, A), [F_is, laws[0]])
    FF = d.algebra(equal(F @ F, F), [F_is, FA])
    AK = d.algebra(zero(A @ K), [K_is, laws[0]])
    KK = d.algebra(equal(K @ K, K), [K_is, AK])
    rank = d.algebra(equal(F.trace(), dimension(A.cols) - K.trace()), [F_is, K_is])
    return Image(F, K, P, F_is, K_is, FA, FF, AK, KK, rank)


def vanishes(d: Derivation, M: Expr, at_most_zero: Fact) -> Fact:
    r"""$M = 0$ from $-\|M\|_F^2 \ge 0$."""
    return d.definite(d.antisymmetric(d.squares(nonnegative(M.squared_norm()), [M]), at_most_zero), M)
