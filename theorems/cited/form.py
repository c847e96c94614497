"""How axioms are written down: letters, premises and conclusions on a line each."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from theorems.proof import Axiom, Expr, Relation, Statement, letter, letters

Sides = tuple[Iterable[Relation], Iterable[Relation]]


def axiom(name: str, declarations: str, build: Callable[..., Sides], grade: str, source: str, text: str) -> Axiom:
    """An axiom for all letters of `declarations`, such as `"F: k r, n"`; one without a shape is a scalar.

    `build(*letters)` gives its premises and its conclusions.
    """
    bound = tuple(letters(x if ":" in x else f"{x}: 1 1") for x in declarations.split(", "))
    arguments: tuple[Expr, ...] = tuple(map(letter, bound))
    premises, conclusions = build(*arguments)
    return Axiom(name, Statement(bound, tuple(premises), tuple(conclusions), text=text), grade, source)
