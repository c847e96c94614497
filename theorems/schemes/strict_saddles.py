r"""What the pages on critical points of linear networks share: premises, and false variants that say too much."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from hypothesis.strategies import SearchStrategy

from numerics.evidence.verdict import decided
from numerics.strategies.batches import Batch, alone
from numerics.strategies.critical_points import CriticalPoint, Place, gradient, hessian, is_not_global, numbers
from theorems.claim import Mutant, Premise
from theorems.schemes import premises

T = TypeVar("T")
Witness = Callable[[], CriticalPoint]
Layers = Callable[[CriticalPoint], Sequence[Place]]


def critical(statement: str, where: Layers, without: Witness) -> Premise:
    """The gradients in the weights `where` vanish."""
    return Premise("critical", statement, holds=lambda t: not any(gradient(t, where(t))), without=without, show=numbers)


def linear(without: Witness) -> Premise:
    return premises.linear(holds=lambda t: not t.squared, without=without, show=numbers)


def superfluous(
    points: Callable[[], SearchStrategy[Batch[T]]], name: str, statement: str, holds: Callable[[T], bool]
) -> Premise:
    """What papers state about the data and nobody needs: it is violated by some of the critical points that are drawn."""
    return Premise(
        name,
        statement,
        holds=holds,
        kind="superfluous",
        violating=lambda: alone(points()).filter(lambda t: not holds(t)),
    )


def too_many_saddles(statement: str, where: Layers, at: Witness) -> Mutant:
    """The variant that the Hessian in the weights `where` has a negative eigenvalue at global minima, too."""
    return Mutant("global minima too", statement, lambda t: decided(hessian(t, where(t)).inertia()[1] > 0), at)


def no_saddles(statement: str, at: Witness) -> Mutant:
    return Mutant("no saddles", statement, lambda t: decided(not is_not_global(t)), at)
