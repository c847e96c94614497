r"""Norms of Rademacher sums of vectors, by enumeration of all signs, and the norms of layers that go with them."""

from __future__ import annotations

from collections.abc import Iterator

from flint import arb, fmpq

from numerics.arithmetic.exact import Matrix
from numerics.learning.enumeration import signs


def vectors(H: Matrix, column: int, n: int) -> list[list[fmpq]]:
    """The n vectors in a column."""
    d = H.rows // n
    return [[H[i * d + a, column] for a in range(d)] for i in range(n)]


def largest_sums(H: Matrix, n: int, norm: str = "2") -> Iterator[arb]:
    r"""$Z(H)$ for each of the $2^n$ signs."""
    columns = [vectors(H, j, n) for j in range(H.cols)]
    d = H.rows // n
    for e in signs(n):
        sums = [[sum((s * x[i][a] for i, s in enumerate(e)), fmpq(0)) for a in range(d)] for x in columns]
        if norm == "oo":
            yield arb(max(abs(x) for v in sums for x in v))
        else:
            yield arb(max(sum((x * x for x in v), fmpq(0)) for v in sums)).sqrt()


def log_moment(H: Matrix, n: int, a: arb, norm: str = "2") -> arb:
    return (sum(((a * Z).exp() for Z in largest_sums(H, n, norm)), arb(0)) / 2**n).log()


def mean_sum(H: Matrix, n: int) -> arb:
    return sum(largest_sums(H, n), arb(0)) / 2**n


def frobenius(W: list[list[fmpq]]) -> arb:
    return arb(sum((x * x for row in W for x in row), fmpq(0))).sqrt()


def greatest_row_2(W: list[list[fmpq]]) -> arb:
    return arb(max(sum((x * x for x in row), fmpq(0)) for row in W)).sqrt()


def greatest_row_1(W: list[list[fmpq]]) -> arb:
    return arb(max(sum((abs(x) for x in row), fmpq(0)) for row in W))


def greatest_rows(W: list[list[fmpq]]) -> arb:
    """The root of the height times the greatest Euclidean norm of a row."""
    return arb(len(W)).sqrt() * greatest_row_2(W)


def weight(W: Matrix, column: int, rows: int) -> list[list[fmpq]]:
    """The matrix whose rows stand below each other in a column."""
    cols = W.rows // rows
    return [[W[i * cols + j, column] for j in range(cols)] for i in range(rows)]


def apply(W: list[list[fmpq]], x: list[fmpq]) -> list[fmpq]:
    return [sum((w * y for w, y in zip(row, x, strict=True)), fmpq(0)) for row in W]


def frobenius_columns(x: list[list[fmpq]]) -> arb:
    r"""$\max_j (\sum_i x_{ij}^2)^{1/2}$."""
    return arb(max(sum((row[j] ** 2 for row in x), fmpq(0)) for j in range(len(x[0])))).sqrt()
