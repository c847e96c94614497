r"""Facts about matrices that proofs cite: the Moore-Penrose inverse and Rayleigh's principle, and how they are used."""

from __future__ import annotations

import functools
from dataclasses import dataclass

from theorems.proof import (
    Axiom,
    Derivation,
    Expr,
    Fact,
    Letter,
    Statement,
    at_least,
    dimension,
    equal,
    identity,
    letter,
    nonnegative,
    positive,
    zero,
)


@functools.cache
def moore_penrose() -> Axiom:
    """Every matrix has a Moore-Penrose inverse."""
    A, P = Letter("A", "m", "n"), Letter("P", "n", "m")
    a, p = letter(A), letter(P)
    laws = (equal(a @ p @ a, a), equal(p @ a @ p, p), equal((a @ p).T, a @ p), equal((p @ a).T, p @ a))
    return Axiom(
        "Moore-Penrose inverse",
        Statement((A,), (), laws, (P,), "Every matrix has a Moore-Penrose inverse."),
        "F",
        "LeanNumDetect.exists_moorePenrose, Liu-s-Team-ZJU/LeanNumDetect, "
        "src/General/MatrixAnalysis/MoorePenrose.lean@79d20d8 (over C; real for a real matrix, because unique)",
    )


def inverse(d: Derivation, A: Expr, name: str) -> tuple[Expr, list[Fact]]:
    """The Moore-Penrose inverse of a term, with its four laws."""
    values = {name: lambda model: model.evaluate(A).pseudo_inverse()}
    (P,), laws = d.axiom(moore_penrose(), {"A": A}, new={"P": name}, values=values)
    return P, laws


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
    KK: Fact
    rank: Fact


def image(d: Derivation, A: Expr, mark: str = "") -> Image:
    r"""For $A$ of size $m \times p$: $F A = A$, $F^2 = F$, $K^2 = K$ and $\operatorname{tr} F = p - \operatorname{tr} K$.

    `mark` is put behind the names of the new letters, for a second image in one derivation.
    """
    P, laws = inverse(d, A, f"A^+{mark}")

    def projector(name: str, term: Expr, symmetry: Fact) -> tuple[Expr, Fact]:
        Q, defined = d.define(name, (term + term.T) / 2, symmetric=True)
        return Q, d.algebra(equal(Q, term), [defined, symmetry])

    F, F_is = projector(f"F{mark}", A @ P, laws[2])
    K, K_is = projector(f"K{mark}", identity(A.cols) - P @ A, laws[3])
    FA = d.algebra(equal(F @ A, A), [F_is, laws[0]])
    FF = d.algebra(equal(F @ F, F), [F_is, FA])
    AK = d.algebra(zero(A @ K), [K_is, laws[0]])
    KK = d.algebra(equal(K @ K, K), [K_is, AK])
    rank = d.algebra(equal(F.trace(), dimension(A.cols) - K.trace()), [F_is, K_is])
    return Image(F, K, P, F_is, K_is, FA, FF, KK, rank)


def vanishes(d: Derivation, M: Expr, at_most_zero: Fact) -> Fact:
    r"""$M = 0$ from $-\|M\|_F^2 \ge 0$."""
    return d.definite(d.antisymmetric(d.squares(nonnegative(M.squared_norm()), [M]), at_most_zero), M)


@functools.cache
def rayleigh() -> Axiom:
    """The largest eigenvalue of a symmetric matrix bounds its Rayleigh quotient, here for the columns of B together."""
    S, B = Letter("S", "n", "n", symmetric=True), Letter("B", "n", "k")
    value, vector = Letter("lambda", "1", "1"), Letter("v", "n", "1")
    s, b, l, v = letter(S), letter(B), letter(value), letter(vector)
    top = (equal(s @ v, l * v), positive(v.squared_norm()), at_least(l * b.squared_norm(), b.inner(s @ b)))
    return Axiom(
        "Rayleigh's principle",
        Statement((S, B), (), top, (value, vector), "The largest eigenvalue bounds the Rayleigh quotient."),
        "F",
        "LinearMap.IsSymmetric.hasEigenvalue_iSup_of_finiteDimensional, leanprover-community/mathlib4, "
        "Mathlib/Analysis/InnerProductSpace/Rayleigh.lean@e47f46e (each column of B a vector)",
    )
