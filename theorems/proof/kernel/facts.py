r"""What a derivation is made of: facts, axioms, rewriting rules, squares, cofactors, and the check behind `algebra`.

Trusted file. A `Fact` says a `Relation`, a `Statement` or an `Indexed` relation and carries the suppositions
(*hypotheses*) on which it still rests.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from theorems.proof.kernel.language import Content, Indexed, Relation, Statement
from theorems.proof.kernel.words import (
    Expr,
    Letter,
    Term,
    indices,
    is_constant,
    is_well_formed,
    letter,
    number,
    parse_index,
)

GRADES = {
    "F": "formalised elsewhere (name@commit)",
    "T": "textbook (page or theorem)",
    "P": "paper (theorem number)",
    "O": "own argument, written out in the page",
}


class ProofError(Exception):
    """A step that the kernel refuses. The message says which, what was needed and what was found."""


@dataclass(frozen=True, eq=False)
class Fact:
    """One line of a derivation. Made by the methods of `Derivation` only; compared by identity."""

    number: int
    content: Content
    step: str
    reason: str
    hypotheses: frozenset[int]
    parents: tuple[Fact, ...] = ()
    payload: Mapping[str, Any] = field(default_factory=dict)

    @property
    def relation(self) -> Relation:
        if not isinstance(self.content, Relation):
            raise ProofError(f"Fact ({self.number}) is not a single relation: `apply` or `at` makes one of it.")
        return self.content

    @property
    def member(self) -> Relation | Statement:
        """What the fact says, which `for_all` and `induction` say of every index."""
        if isinstance(self.content, Indexed):
            raise ProofError(f"Fact ({self.number}) is indexed already: take one member with `at`.")
        return self.content

    @property
    def expr(self) -> Expr:
        """The expression of `expr = 0`, `expr >= 0`, ..."""
        return self.relation.expr

    def latex(self) -> str:
        return self.content.latex()

    def __repr__(self) -> str:
        return f"({self.number}) {self.content}   [{self.reason}]"


@dataclass(frozen=True)
class Axiom:
    """A closed statement that is taken on trust, with where it comes from and a grade of `GRADES`."""

    name: str
    statement: Statement
    grade: str
    source: str

    def __post_init__(self) -> None:
        if self.grade not in GRADES:
            raise ProofError(f"Axiom `{self.name}` needs a grade among {', '.join(GRADES)}: found `{self.grade}`.")
        if not self.source.strip():
            raise ProofError(f"Axiom `{self.name}` needs a source.")
        free = {x.name for x in self.statement.free_letters()}
        free |= {f"[{s}]" for r in relations_of(self.statement) for s in indices(r.predicate)}
        if free:
            names = ", ".join(sorted(free))
            raise ProofError(f"Axiom `{self.name}` must be closed: quantify {names}.")


@dataclass(frozen=True)
class Rule:
    """A decreasing rewriting rule read off a fact: its leading monomial is replaced by minus the rest."""

    fact: Fact
    lead: Term


def letters(declaration: str) -> Letter:
    """`"W_1: h n"` or `"S: n n symmetric"` as a `Letter`."""
    name, _, shape = declaration.partition(":")
    words = shape.split()
    symmetric = words[-1:] == ["symmetric"]
    words = words[: len(words) - symmetric]
    if not name.strip() or len(words) != 2:
        raise ProofError(f"`{declaration}` declares no letter: write `name: rows cols` or `name: n n symmetric`.")
    return Letter(name.strip(), words[0], words[1], symmetric)


@dataclass(frozen=True)
class Cofactor:
    r"""One summand `outer * (left @ f @ right)`, or `outer * tr(left @ f @ right)` when `traced`, `f` or its transpose.

    `fact` is an index into the list of facts at hand, so that a cofactor is data that can be stored and mutated.
    """

    fact: int
    outer: Expr
    left: Expr
    right: Expr
    traced: bool = False
    transposed: bool = False

    def value(self, f: Expr) -> Expr:
        core = self.left @ (f.T if self.transposed else f) @ self.right
        return self.outer * (core.trace() if self.traced else core)


def identity_holds(goal: Expr, facts: Sequence[Expr], cofactors: Iterable[Cofactor]) -> bool:
    """The check behind `algebra`: `goal` minus the cofactors' values is zero in normal form."""
    rest = goal
    for c in cofactors:
        if not all(map(is_well_formed, (c.outer, c.left, c.right))):
            return False
        f = facts[c.fact]
        core = c.left @ (f.T if c.transposed else f) @ c.right
        value = c.outer * (core.trace() if c.traced else core)
        if value.shape != goal.shape:
            return False
        rest = rest - value
    return rest.is_zero()


@dataclass(frozen=True)
class Square:
    r"""One summand $q \prod_i f_i \|M\|_F^2$ of a sum-of-squares proof: $q \ge 0$, facts $f_i \ge 0$ or $> 0$."""

    q: Fraction
    facts: tuple[Fact, ...] = ()
    matrix: Expr | None = None

    def value(self) -> Expr:
        result = number(self.q) * (number(1) if self.matrix is None else self.matrix.squared_norm())
        for f in self.facts:
            result = result * f.expr
        return result

    def is_strict(self) -> bool:
        return self.q > 0 and self.matrix is None and all(f.relation.kind == ">0" for f in self.facts)


def free_letters(content: Content) -> frozenset[Letter]:
    """The letters that a content speaks of without binding them."""
    if isinstance(content, Indexed):
        return free_letters(content.relation)
    return (
        content.free_letters()
        if isinstance(content, Statement)
        else frozenset(x for x in content.letters() if not is_constant(x))
    )


def free_symbols(content: Content) -> frozenset[str]:
    """The index symbols that a content speaks of without binding them."""
    if isinstance(content, Indexed):
        ends = {parse_index(content.low)[0], parse_index(content.high)[0]} - {""}
        return content.relation.symbols() - {content.symbol} | ends
    return content.symbols()


def relations_of(content: Content) -> tuple[Relation, ...]:
    if isinstance(content, Relation):
        return (content,)
    if isinstance(content, Indexed):
        return relations_of(content.relation)
    return content.premises + content.conclusions


def single_letter(x: Expr) -> Letter:
    xs = x.letters()
    if len(xs) != 1 or letter(next(iter(xs))) != x:
        raise ProofError(f"Differentiate in a letter: found `{x!r}`.")
    return next(iter(xs))
