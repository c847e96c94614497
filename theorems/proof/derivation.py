"""The derivation that pages build: the kernel's, with a search for cofactors and a catalogue of lemmas. Untrusted.

What the search proposes the kernel checks; a lemma found by its name has to be proved, whoever found it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

from theorems.proof import search
from theorems.proof.kernel import derivation as kernel
from theorems.proof.kernel.facts import Cofactor, ProofError
from theorems.proof.kernel.ledger import Ledger
from theorems.proof.kernel.words import Expr

Lemmas = Callable[[str], Ledger | None]

_LEMMAS: ContextVar[Lemmas | None] = ContextVar("lemmas", default=None)
_BUILDING: list[str] = []


@contextmanager
def lemmas_from(find: Lemmas) -> Iterator[None]:
    """Within it, `d.lemma("a.name", ...)` asks `find` for the derivation of that name."""
    token = _LEMMAS.set(find)
    try:
        yield
    finally:
        _LEMMAS.reset(token)


class Derivation(kernel.Derivation):
    """A proof under construction. Every method that returns a `Fact` checks first, or raises `ProofError`."""

    def _find(self, goal: Expr, exprs: Sequence[Expr], n_using: int, rounds: int) -> Sequence[Cofactor] | None:
        rules = [(n_using + i, r.fact.expr, r.lead) for i, r in enumerate(self.rules)]
        rest, fired = search.rewrite(goal, rules)
        if rest.is_zero():
            return fired
        found = search.find_cofactors(rest, exprs[:n_using], rounds)
        if found is None and rules:
            found = search.find_cofactors(rest, exprs, rounds)
        return None if found is None else fired + found

    def resolve(self, name: str) -> tuple[str, Ledger]:
        find = _LEMMAS.get()
        if find is None:
            return super().resolve(name)
        if name in _BUILDING:
            raise ProofError("The lemmas are circular: " + " -> ".join([*_BUILDING, name]) + ".")
        _BUILDING.append(name)
        try:
            other = find(name)
        finally:
            _BUILDING.pop()
        if other is None:
            raise ProofError(f"The claim `{name}` has no derivation and cannot be a lemma.")
        return name, other
