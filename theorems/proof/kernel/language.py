r"""What a fact can say: relations between expressions, and statements that quantify over letters.

Trusted file. A `Relation` is `expr = 0`, `expr >= 0`, `expr > 0`, `expr != 0`, or a named predicate of expressions
(such as *invertible(A)*) or its negation. A `Statement` is

$$\forall\, \text{dimensions, letters}:\quad \text{premises} \implies \exists\, \text{new letters}:\ \text{conclusions},$$

the one shape that axioms, lemmas, existence facts and the claim itself share. `Indexed` is a relation for every
value of an index symbol in a range.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from theorems.proof.kernel.words import (
    Dimension,
    Expr,
    Letter,
    Printed,
    ShapeError,
    at_index,
    index_symbol,
    indices,
    is_constant,
    letter,
    number,
    parse_index,
    shift_index,
    substitute,
)

ORDER_KINDS = (">=0", ">0")
KINDS = ("=0", *ORDER_KINDS, "!=0", "predicate", "not predicate")


@dataclass(frozen=True)
class Relation(Printed):
    """One atomic formula. Build it with `zero`, `equal`, `at_least`, `positive`, ... rather than by hand."""

    kind: str
    expr: Expr = field(default_factory=lambda: number(0))
    predicate: str = ""
    arguments: tuple[Expr, ...] = ()

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"`{self.kind}` is no kind of relation: needed one of {', '.join(KINDS)}.")
        if bool(self.predicate) != self.kind.endswith("predicate") or (self.arguments and not self.predicate):
            raise ValueError(f"A relation `{self.kind}` with the predicate `{self.predicate}`: name one or the other.")
        if self.kind in ORDER_KINDS and not self.expr.is_scalar:
            raise ShapeError(f"Only scalars are ordered: found a {self.expr.rows} x {self.expr.cols} matrix.")

    @property
    def negation(self) -> Relation:
        """The relation that holds exactly when this one does not."""
        if self.kind == "=0":
            return Relation("!=0", self.expr)
        if self.kind == "!=0":
            return Relation("=0", self.expr)
        if self.kind == ">=0":
            return Relation(">0", -self.expr)
        if self.kind == ">0":
            return Relation(">=0", -self.expr)
        other = "not predicate" if self.kind == "predicate" else "predicate"
        return Relation(other, predicate=self.predicate, arguments=self.arguments)

    def is_same_as(self, other: Content) -> bool:
        """Whether the two say the same up to the normal form (and, for `= 0` and `!= 0`, the sign or transpose)."""
        if self == other:
            return True
        if isinstance(other, Relation) and self.kind == other.kind and self.kind in ("=0", "!=0"):
            variants = [-other.expr, other.expr.T, -other.expr.T]
            return any(self.expr == v for v in variants)
        return False

    def follows_from(self, other: Relation) -> bool:
        """Whether `other` alone gives this relation: the same, or `> 0` used as `>= 0` or `!= 0`, or `= 0` as `>= 0`."""
        if self.is_same_as(other):
            return True
        if other.kind == ">0" and self.kind == ">=0":
            return self.expr == other.expr
        if other.kind == ">0" and self.kind == "!=0":
            return self.expr in (other.expr, -other.expr)
        if other.kind == "=0" and self.kind == ">=0":
            return self.expr in (other.expr, -other.expr)
        return False

    def expressions(self) -> tuple[Expr, ...]:
        return self.arguments if self.predicate else (self.expr,)

    def letters(self) -> frozenset[Letter]:
        return self._letters

    @functools.cached_property
    def _letters(self) -> frozenset[Letter]:
        return frozenset().union(*(e.letters() for e in self.expressions()))

    def dimensions(self) -> frozenset[Dimension]:
        return frozenset().union(*(e.dimensions() for e in self.expressions()))

    def symbols(self) -> frozenset[str]:
        """The index symbols that occur."""
        names = [self.predicate, *(x.name for x in self.letters()), *self.dimensions()]
        return frozenset().union(*(indices(name) for name in names))

    def substitute(self, values: Mapping[Letter, Expr], dims: Mapping[Dimension, Dimension]) -> Relation:
        if self.predicate:
            args = tuple(substitute(e, values, dims) for e in self.arguments)
            return Relation(self.kind, predicate=self.predicate, arguments=args)
        return Relation(self.kind, substitute(self.expr, values, dims))

    def at(self, symbol: str, to: str) -> Relation:
        if self.predicate:
            args = tuple(at_index(e, symbol, to) for e in self.arguments)
            return Relation(self.kind, predicate=shift_index(self.predicate, symbol, to), arguments=args)
        return Relation(self.kind, at_index(self.expr, symbol, to))


def _expr(x: Expr | int | Fraction) -> Expr:
    return x if isinstance(x, Expr) else number(x)


def zero(e: Expr) -> Relation:
    return Relation("=0", e)


def equal(a: Expr | int | Fraction, b: Expr | int | Fraction) -> Relation:
    return Relation("=0", _expr(a) - b)


def nonzero(e: Expr) -> Relation:
    return Relation("!=0", e)


def nonnegative(e: Expr) -> Relation:
    return Relation(">=0", e)


def positive(e: Expr) -> Relation:
    return Relation(">0", e)


def at_least(a: Expr | int | Fraction, b: Expr | int | Fraction) -> Relation:
    r"""$a \ge b$."""
    return Relation(">=0", _expr(a) - b)


def at_most(a: Expr | int | Fraction, b: Expr | int | Fraction) -> Relation:
    r"""$a \le b$."""
    return Relation(">=0", _expr(b) - a)


def less(a: Expr | int | Fraction, b: Expr | int | Fraction) -> Relation:
    r"""$a < b$."""
    return Relation(">0", _expr(b) - a)


def predicate(name: str, *arguments: Expr) -> Relation:
    """An opaque predicate. Only axioms, hypotheses and cases speak about it; the model check evaluates it."""
    return Relation("predicate", predicate=name, arguments=arguments)


@dataclass(frozen=True)
class Statement(Printed):
    r"""$\forall$ letters: premises $\implies \exists$ new letters: conclusions.

    In an axiom or a lemma, which are closed, all dimensions are universal too. As a fact of a derivation a statement
    speaks of the derivation's dimensions, except those in `dims`, which it binds: no free letter has one of them.
    """

    letters: tuple[Letter, ...]
    premises: tuple[Relation, ...]
    conclusions: tuple[Relation, ...]
    new: tuple[Letter, ...] = ()
    text: str = ""
    dims: tuple[Dimension, ...] = ()

    def __post_init__(self) -> None:
        bound = [x.name for x in (*self.letters, *self.new)]
        twice = sorted({name for name in bound if bound.count(name) > 1})
        if twice:
            raise ValueError(f"A statement binds each letter once: found `{twice[0]}` twice.")
        if any(is_constant(x) for x in (*self.letters, *self.new)):
            raise ValueError("A statement cannot bind the column of ones, which is no letter.")
        early = sorted({x.name for r in self.premises for x in r.letters()} & {x.name for x in self.new})
        if early:
            raise ValueError(
                f"The premises of a statement come before its new letters: found `{early[0]}` in a premise."
            )
        if wrong := [d for d in self.dims if d == "1" or "[" in d or self.dims.count(d) > 1]:
            raise ValueError(f"A statement cannot bind the dimension `{wrong[0]}`.")
        if tied := sorted(x.name for x in self.free_letters() if {x.rows, x.cols} & set(self.dims)):
            raise ValueError(f"A statement binds a dimension of the letter `{tied[0]}` and not the letter.")

    def instance(
        self, values: Mapping[Letter, Expr], dims: Mapping[Dimension, Dimension]
    ) -> tuple[tuple[Relation, ...], tuple[Relation, ...]]:
        """(premises, conclusions) with letters and dimensions replaced."""
        return (
            tuple(r.substitute(values, dims) for r in self.premises),
            tuple(r.substitute(values, dims) for r in self.conclusions),
        )

    def substitute(self, values: Mapping[Letter, Expr], dims: Mapping[Dimension, Dimension]) -> Statement:
        """With free letters replaced; refuses a value that the statement's own letters or dimensions would capture."""
        bound = {*self.letters, *self.new}
        spoken = frozenset(values).union(*(v.letters() for v in values.values()))
        if bound & spoken or set(self.dims) & (
            {*dims, *dims.values()}.union(*(v.dimensions() for v in values.values()))
        ):
            raise ValueError("A value would be captured by the letters or dimensions that a statement binds.")
        premises, conclusions = self.instance(values, dims)
        shapes = [
            [Letter(x.name, dims.get(x.rows, x.rows), dims.get(x.cols, x.cols), x.symmetric) for x in xs]
            for xs in (self.letters, self.new)
        ]
        return Statement(tuple(shapes[0]), premises, conclusions, tuple(shapes[1]), self.text, self.dims)

    def at(self, symbol: str, to: str) -> Statement:
        """With an index symbol replaced; the bound letters carry no index in their names, so none is captured."""
        bound = [*self.letters, *self.new]
        if any(indices(x.name) for x in bound):
            raise ValueError("A statement about an index cannot bind letters that carry an index in their names.")
        moved = {
            x: Letter(x.name, shift_index(x.rows, symbol, to), shift_index(x.cols, symbol, to), x.symmetric)
            for x in bound
        }
        return Statement(
            tuple(moved[x] for x in self.letters),
            tuple(r.at(symbol, to) for r in self.premises),
            tuple(r.at(symbol, to) for r in self.conclusions),
            tuple(moved[x] for x in self.new),
            self.text,
            self.dims,
        )

    def is_same_as(self, other: Content) -> bool:
        """Whether the two say the same up to the names of what they bind, each relation up to `Relation.is_same_as`."""
        if not isinstance(other, Statement) or len(self.dims) != len(other.dims):
            return False
        mine, theirs = (*self.letters, *self.new), (*other.letters, *other.new)
        renamed = dict(zip(other.dims, self.dims, strict=True))
        if len(self.letters) != len(other.letters) or len(self.new) != len(other.new):
            return False
        shapes = [(renamed.get(y.rows, y.rows), renamed.get(y.cols, y.cols), y.symmetric) for y in theirs]
        if shapes != [(x.rows, x.cols, x.symmetric) for x in mine]:
            return False
        if other.free_letters() & {*mine} or set(self.dims) & (other.dimensions() - {*other.dims}):
            return False  # what is free there would be taken for what is bound here
        values = {y: letter(x) for x, y in zip(mine, theirs, strict=True)}
        ours, found = self.premises + self.conclusions, sum(other.instance(values, renamed), ())
        return (
            len(self.premises) == len(other.premises)
            and len(ours) == len(found)
            and all(a.is_same_as(b) for a, b in zip(ours, found, strict=True))
        )

    def dimensions(self) -> frozenset[Dimension]:
        """All dimensions that occur, bound ones too."""
        spoken = frozenset().union(*(r.dimensions() for r in (*self.premises, *self.conclusions)))
        return (spoken | {d for x in (*self.letters, *self.new) for d in (x.rows, x.cols)}) - {"1"}

    def symbols(self) -> frozenset[str]:
        """The index symbols that occur."""
        shapes = frozenset(s for x in (*self.letters, *self.new) for d in (x.rows, x.cols) for s in indices(d))
        return shapes.union(*(r.symbols() for r in (*self.premises, *self.conclusions)))

    def free_letters(self) -> frozenset[Letter]:
        """Letters that are spoken about without being quantified here."""
        spoken = frozenset().union(*(r.letters() for r in (*self.premises, *self.conclusions)))
        return frozenset(x for x in spoken if not is_constant(x)) - frozenset(self.letters) - frozenset(self.new)


@dataclass(frozen=True)
class Indexed(Printed):
    """`relation`, or a statement, for every integer value of `symbol` from `low` to `high` (index expressions, both included)."""

    relation: Relation | Statement
    symbol: str
    low: str
    high: str

    def __post_init__(self) -> None:
        index_symbol(self.symbol)
        for bound in (self.low, self.high):
            if parse_index(bound)[0] == self.symbol:
                raise ValueError(f"The range of `{self.symbol}` cannot mention itself: found `{bound}`.")


Content = Relation | Statement | Indexed
