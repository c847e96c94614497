r"""Linear networks of single units: the loss $\tfrac12 (y - w_1 \cdots w_L)^2$ and its derivatives from values alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import prod
from typing import Any

from numerics.arithmetic.exact import Matrix, as_fraction, identity


def loss(product: Any, target: Any = 1) -> Any:
    r"""$\tfrac12 (y - P)^2$ as a function of the product $P$, of a number or of a letter."""
    return (target - product) ** 2 / 2


@dataclass(frozen=True)
class Chain:
    r"""The point $w$ of the loss $\tfrac12 (y - w_1 \cdots w_L)^2$. Other targets than $y = 1$ violate a premise."""

    weights: tuple[Fraction, ...]
    target: int = 1

    @staticmethod
    def at(*weights: Fraction | int, target: int = 1) -> Chain:
        return Chain(tuple(map(Fraction, weights)), target)

    def loss(self, weights: Sequence[Fraction]) -> Fraction:
        return as_fraction(loss(prod(weights), Fraction(self.target)))

    def shifted(self, *shifts: tuple[int, int]) -> Fraction:
        """The loss when the coordinates named by the pairs move by so much."""
        weights = list(self.weights)
        for i, s in shifts:
            weights[i] += s
        return self.loss(weights)


def gradient(c: Chain) -> list[Fraction]:
    """From values of the loss alone: along one coordinate it is a quadratic, for which central differences are exact."""
    return [(c.shifted((i, 1)) - c.shifted((i, -1))) / 2 for i in range(len(c.weights))]


def second_difference(c: Chain, i: int, j: int) -> Fraction:
    """A second derivative from values of the loss alone: the mixed difference of a biquadratic is exact too."""
    if i == j:
        return c.shifted((i, 1)) - 2 * c.shifted() + c.shifted((i, -1))
    return sum(r * s * c.shifted((i, r), (j, s)) for r in (1, -1) for s in (1, -1)) / Fraction(4)


def hessian(c: Chain) -> Matrix:
    """All entries up to depth 7; beyond, equal weights make all diagonal entries equal, and all others."""
    L = len(c.weights)
    if L <= 7 or len(set(c.weights)) > 1:
        return Matrix([[second_difference(c, i, j) for j in range(L)] for i in range(L)])
    a, b = second_difference(c, 0, 0), second_difference(c, 0, 1)
    return (a - b) * identity(L) + b * Matrix([[1] * L] * L)
