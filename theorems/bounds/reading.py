"""How the goal of a derivation reads in the symbols of a calculator."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flint import arb


@dataclass(frozen=True)
class Reading:
    """How goal number `goal` reads at values of the symbols of a calculator.

    `letters(v, value)` gives the letters from the values `v` of the symbols and the `value` of the calculator, `indices(v)`
    the index constants. `page` is the page whose derivation has the goal, where it is not the calculator's own.
    `whole` names the symbols that are small whole numbers and decide how many letters there are.
    """

    goal: int
    letters: Callable[[Mapping[str, Any], arb], Mapping[str, Any]]
    indices: Callable[[Mapping[str, Any]], Mapping[str, int]] = field(default=lambda v: {})
    page: str = ""
    whole: tuple[str, ...] = ()
