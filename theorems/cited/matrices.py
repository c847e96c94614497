r"""Facts about matrices that proofs cite: the Moore-Penrose inverse and Rayleigh's principle."""

from __future__ import annotations

import functools

from theorems.proof import (
    Axiom,
    Derivation,
    Expr,
    Fact,
    Letter,
    Statement,
    at_least,
    equal,
    letter,
    positive,
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
