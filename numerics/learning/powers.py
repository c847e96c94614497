r"""Group norms and Rademacher sums in the norm of any exponent, in balls."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from flint import arb, fmpq

from numerics.arithmetic.exact import Matrix
from numerics.learning import rademacher_sums as peel
from numerics.learning.enumeration import signs


def power(x: arb, exponent: fmpq) -> arb:
    return arb(0) if x.is_zero() else arb(1) if not exponent else x ** arb(exponent)


def norm(v: Iterable[Any], inverse: fmpq) -> arb:
    r"""$\|v\|_r$ with $1/r$ = `inverse`, the greatest modulus for 0."""
    values = [abs(arb(x)) for x in v]
    if not inverse:
        result = arb(0)
        for x in values:
            result = result.max(x)
        return result
    return power(sum((power(x, 1 / inverse) for x in values), arb(0)), inverse)


def rows_norm(W: Sequence[Sequence[Any]], alpha: fmpq, beta: fmpq) -> arb:
    r"""$\|W\|_{p,q}$."""
    return norm((norm(row, alpha) for row in W), beta)


def layer_norm(W: Sequence[Sequence[Any]], alpha: fmpq, beta: fmpq) -> arb:
    r"""$h^{[1 - \alpha - \beta]_+} \|W\|_{p,q}$."""
    return power(arb(len(W)), max(1 - alpha - beta, fmpq(0))) * rows_norm(W, alpha, beta)


def features_norm(x: Sequence[Sequence[Any]], alpha: fmpq, repeats: int = 1) -> arb:
    r"""$(\sum_j (\sum_i x_{ij}^2)^{p^*/2})^{1/p^*}$ of inputs in rows, each of them seen so many times."""
    columns = [(arb(sum((row[j] ** 2 for row in x), fmpq(0))) * repeats).sqrt() for j in range(len(x[0]))]
    return norm(columns, 1 - alpha)


def mean_sum(H: Matrix, n: int, alpha: fmpq) -> arb:
    columns = [peel.vectors(H, j, n) for j in range(H.cols)]
    total = arb(0)
    for e in signs(n):
        greatest = arb(0)
        for x in columns:
            sums = [sum((s * v[a] for s, v in zip(e, x, strict=True)), fmpq(0)) for a in range(H.rows // n)]
            greatest = greatest.max(norm(sums, 1 - alpha))
        total += greatest
    return total / 2**n


def constants(alpha: fmpq, d: int) -> tuple[arb | None, arb]:
    r"""$C_1 = \sqrt{\max(1, p^* - 1)}$, none for $p = 1$, and $C_2 = d^{1/p^*}\sqrt{2 \ln(2d)}$."""
    first = None if alpha == 1 else arb(max(fmpq(1), alpha / (1 - alpha))).sqrt()
    return first, power(arb(d), 1 - alpha) * (2 * arb(2 * d).log()).sqrt()
