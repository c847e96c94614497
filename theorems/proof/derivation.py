r"""The proof kernel: a derivation is a list of facts, each justified by one checked step.

Trusted file. A `Fact` says a `Relation`, a `Statement` or an `Indexed` relation and carries the suppositions
(*hypotheses*) on which it still rests, natural-deduction style: `suppose` opens one, `cases`, `induction` and
`for_all` discharge it, and a goal must rest on none. Letters that came into being under a hypothesis cannot be
mentioned by a fact that no longer rests on it. A step may only use facts of the same derivation that stand before it,
so a derivation cannot be circular; lemmas across derivations are guarded in `lemma`.

What is *not* proved here is visible: `axiom` takes a cited statement on trust (with a grade), `glue` records a
sentence that only a human can read and yields no fact.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, TypeVar, cast

from theorems.proof import calculus, search
from theorems.proof.language import Content, Indexed, Relation, Statement, equal, nonzero, positive, predicate, zero
from theorems.proof.search import Cofactor
from theorems.proof.words import (
    Atom,
    Dimension,
    Expr,
    Letter,
    ShapeError,
    Term,
    at_index,
    derivative,
    gradient,
    index_symbol,
    indices,
    is_well_formed,
    letter,
    number,
    parse_index,
    show_index,
)
from theorems.proof.words import dimension as _dimension

GRADES = {
    "F": "formalised elsewhere (name@commit)",
    "T": "textbook (page or theorem)",
    "P": "paper (theorem number)",
    "O": "own argument, written out in the page",
}


AnyContent = TypeVar("AnyContent", bound=Content)


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
        free |= {f"[{s}]" for r in _relations(self.statement) for s in indices(r.predicate)}
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


class Derivation:
    """A proof under construction. Every method that returns a `Fact` checks first, or raises `ProofError`."""

    def __init__(self, title: str = "") -> None:
        self.title = title
        self.facts: list[Fact] = []
        self.goals: list[Content] = []
        self.glue_sentences: list[str] = []
        self.axioms: dict[str, Axiom] = {}
        self.rules: list[Rule] = []
        self.lemmas: dict[str, Derivation] = {}
        self.predicates: dict[str, Callable[..., bool]] = {}
        self.values: dict[Letter, Callable[..., Any]] = {}
        self._letters: dict[str, Letter] = {}
        self._universal: set[Letter] = set()
        self._families: dict[str, Letter] = {}
        self._members: dict[str, Letter] = {}
        self._births: dict[Letter, frozenset[int]] = {}
        self._depends: dict[Letter, frozenset[Letter]] = {}
        self._order: list[tuple[str, str, int, int | None]] = []  # high symbol - low symbol >= gap, hypothesis or None
        self._eigen: dict[str, int] = {}
        self._terms: dict[calculus.Term, Expr] = {}

    # Letters.

    def matrices(self, *declarations: str) -> tuple[Expr, ...]:
        r"""Universally quantified letters: `d.matrices("W_1: h n", "S: n n symmetric")`."""
        return tuple(self._declare(letters(text), universal=True) for text in declarations)

    def matrix(self, declaration: str) -> Expr:
        return self.matrices(declaration)[0]

    def scalars(self, names: str) -> tuple[Expr, ...]:
        """Universally quantified real numbers: `d.scalars("s t")`."""
        return tuple(self._declare(Letter(name, "1", "1"), universal=True) for name in names.split())

    def scalar(self, name: str) -> Expr:
        return self.scalars(name)[0]

    def family(self, declaration: str, symbol: str) -> Callable[[str | int], Expr]:
        """A family of universally quantified letters: `W = d.family("W[i]: n[i] n[i-1]", "i")`, then `W("j+1")`."""
        pattern = letters(declaration)
        if symbol not in indices(pattern.name):
            raise ProofError(f"The family `{pattern.name}` needs the index `[{symbol}]` in its name.")
        head = pattern.name.partition("[")[0]
        if head in self._families or any(name.partition("[")[0] == head for name in self._letters):
            raise ProofError(f"The letter `{head}` is not fresh.")
        self._families[head] = pattern

        def member(index: str | int) -> Expr:
            return at_index(letter(pattern), symbol, str(index))

        return member

    def dimension(self, n: Dimension) -> Fact:
        r"""A dimension is a positive integer: $n \ge 1$."""
        return self._add(Relation(">=0", _dimension(n) - 1), "dimension", f"{n} is a dimension")

    def _declare(self, x: Letter, *, universal: bool = False, hypotheses: frozenset[int] = frozenset()) -> Expr:
        if x.name in self._letters or x.name.partition("[")[0] in self._families:
            raise ProofError(f"The letter `{x.name}` is not fresh.")
        if universal and indices(x.name) & set(self._eigen):
            raise ProofError(f"The letter `{x.name}` cannot be universal: it carries the index of an induction.")
        self._letters[x.name] = x
        self._births[x] = hypotheses
        if universal:
            self._universal.add(x)
        return letter(x)

    def _is_universal(self, x: Letter) -> bool:
        return x in self._universal or self._is_member(x)

    def _known(self, x: Letter) -> None:
        if self._letters.get(x.name, x) != x:
            raise ProofError(f"The letter `{x.name}` has two shapes in this derivation.")
        if x.name not in self._letters and not self._is_member(x):
            raise ProofError(f"The letter `{x.name}` was never declared.")

    def _is_member(self, x: Letter) -> bool:
        """Whether a letter is a member of a declared family, shape included."""
        return self._member(x.name) == x

    def _member(self, name: str) -> Letter | None:
        """The member of a declared family with this name."""
        if name not in self._members:
            head, _, index = name.partition("[")
            pattern = self._families.get(head)
            if pattern is None or not index:
                return None
            (symbol,) = indices(pattern.name)
            (self._members[name],) = at_index(letter(pattern), symbol, index.removesuffix("]")).letters()
        return self._members[name]

    # Facts: the only door.

    def _add(
        self,
        content: Content,
        step: str,
        reason: str,
        parents: Sequence[Fact] = (),
        *,
        hypotheses: frozenset[int] | None = None,
        payload: Mapping[str, Any] | None = None,
    ) -> Fact:
        for p in parents:
            self._own(p)
        for r in _relations(content):
            self._written(*r.expressions())
        for x in _free(content):
            self._known(x)
        if hypotheses is None:
            hypotheses = frozenset().union(*(p.hypotheses for p in parents))
        fact = Fact(len(self.facts) + 1, content, step, reason, hypotheses, tuple(parents), payload or {})
        self.facts.append(fact)
        return fact

    def _written(self, *exprs: Expr) -> None:
        for e in exprs:
            if not is_well_formed(e):
                raise ProofError(
                    f"An expression of shape {e.rows} x {e.cols} is not in normal form: build it from letters with operators."
                )

    def _own(self, fact: Fact) -> None:
        if not (1 <= fact.number <= len(self.facts)) or self.facts[fact.number - 1] is not fact:
            raise ProofError(f"Fact `{fact!r}` is not a fact of this derivation.")

    def _fact(self, number_: int) -> Fact:
        return self.facts[number_ - 1]

    # Premises, hypotheses, goals.

    def given(self, content: Content, name: str = "premise") -> Fact:
        """A premise of the claim, about universal letters."""
        self._universal_only(content, "premise")
        return self._add(content, "given", name)

    def suppose(self, content: Relation | Statement, name: str = "supposition") -> Fact:
        """Open a hypothesis. Every fact derived from it rests on it until `cases` or `induction` discharges it."""
        number_ = len(self.facts) + 1
        symbols = frozenset().union(*(r.symbols() for r in _relations(content)))
        indexed = {self._eigen[s] for s in symbols if s in self._eigen}
        return self._add(content, "suppose", name, hypotheses=frozenset({number_} | indexed))

    def goal(self, content: AnyContent) -> AnyContent:
        """Declare what is to be proved. It may mention universal letters only."""
        self._universal_only(content, "goal")
        if isinstance(content, Statement) and (content.letters or content.premises):
            raise ProofError("A goal that is a statement is an existence: declare its universal letters and premises.")
        if isinstance(content, Relation) and content.symbols() & set(self._eigen):
            raise ProofError("A goal cannot mention the index of an induction.")
        self.goals.append(content)
        return content

    def _universal_only(self, content: Content, what: str) -> None:
        for x in _free(content):
            self._known(x)
            if not self._is_universal(x) and not self._is_term(x):
                raise ProofError(f"A {what} speaks of universal letters only: `{x.name}` came into being in the proof.")

    def _is_term(self, x: Letter) -> bool:
        """Whether a letter stands for a term of the calculus in universal letters, such as log(s)."""
        if all(letter(x) != e for e in self._terms.values()):
            return False
        return all(self._is_universal(y) for y in self._depends[x])

    def proof_of(self, goal: Content) -> Fact | None:
        """The fact that settles a goal: it says the goal and rests on no hypothesis."""
        for f in self.facts:
            if f.hypotheses or f.step == "given":
                continue
            if f.content == goal:
                return f
            if isinstance(f.content, Relation) and isinstance(goal, Relation) and goal.follows_from(f.content):
                return f
        return None

    def gaps(self) -> list[str]:
        """What is missing before the derivation proves its goals; empty when it is complete."""
        if not self.goals:
            return ["no goal was declared"]
        return [f"no fact without hypotheses says: {g}" for g in self.goals if self.proof_of(g) is None]

    def statement(self) -> Statement:
        """What a complete derivation proves, for use as a lemma. Families and indexed premises cannot be exported."""
        quantified = any(isinstance(f.content, Indexed | Statement) for f in self.facts if f.step == "given")
        if self._families or quantified or any(hypothesis is None for *_, hypothesis in self._order):
            raise ProofError(f"`{self.title}` speaks of families or has quantified premises: it is no lemma.")
        new: list[Letter] = []
        conclusions: list[Relation] = []
        for g in self.goals:
            if isinstance(g, Statement):
                new += g.new
                conclusions += g.conclusions
            elif isinstance(g, Relation):
                conclusions.append(g)
        premises = tuple(f.relation for f in self.facts if f.step == "given")
        spoken = frozenset().union(*(r.letters() for r in (*premises, *conclusions)))
        if any(self._is_term(x) for x in spoken):
            raise ProofError(f"`{self.title}` speaks of terms of the calculus: it is no lemma.")
        universal = tuple(sorted(self._universal, key=lambda x: x.name))
        try:
            return Statement(universal, premises, tuple(conclusions), tuple(new))
        except ValueError as error:
            raise ProofError(f"`{self.title}` is no lemma: {error}") from error

    # Steps on equations.

    def define(self, name: str, term: Expr, *, symmetric: bool = False) -> tuple[Expr, Fact]:
        """A fresh letter for a total explicit term: (the letter, the fact that it equals the term)."""
        if symmetric and term != term.T:
            raise ProofError(f"`{name}` cannot be symmetric: its term is not, in normal form.")
        self._written(term)
        for y in term.letters():
            self._known(y)  # before the new letter is: no letter is defined by itself
        hypotheses = self._rests_on(term)
        x = self._declare(Letter(name, term.rows, term.cols, symmetric), hypotheses=hypotheses)
        self._depends[Letter(name, term.rows, term.cols, symmetric)] = self._with_dependencies(term.letters())
        self.values[self._letters[name]] = lambda model: model.evaluate(term)
        fact = self._add(equal(x, term), "define", f"definition of {name}", hypotheses=hypotheses)
        return x, fact

    def _birth_hypotheses(self, xs: Iterable[Letter]) -> frozenset[int]:
        """The hypotheses on which letters depend: those of their birth, and the indices in their names."""
        found: set[int] = set()
        for x in xs:
            found |= self._births.get(x, frozenset())
            found |= {self._eigen[s] for n in (x.name, x.rows, x.cols) for s in indices(n) if s in self._eigen}
        return frozenset(found)

    def _rests_on(self, *exprs: Expr) -> frozenset[int]:
        """The hypotheses on which the values of expressions depend, through letters and through dimensions."""
        dims = {self._eigen[s] for e in exprs for n in e.dimensions() for s in indices(n) if s in self._eigen}
        return self._birth_hypotheses(x for e in exprs for x in e.letters()) | dims

    def _with_dependencies(self, xs: Iterable[Letter]) -> frozenset[Letter]:
        xs = frozenset(xs)
        return xs.union(*(self._depends.get(x, frozenset()) for x in xs))

    def rule(self, fact: Fact) -> Rule:
        """Install a rewriting rule from a fact `expr = 0`: one monomial has more letters than each other one."""
        self._own(fact)
        if fact.relation.kind != "=0":
            raise ProofError(f"A rule needs an equation: found {fact.relation}.")
        sizes = {t: _size(t) for t in fact.expr.terms}
        top = [t for t, s in sizes.items() if s == max(sizes.values())]
        if len(top) != 1:
            raise ProofError(f"The rule {fact.relation} does not decrease: its longest monomial is not unique.")
        rule = Rule(fact, top[0])
        self.rules.append(rule)
        return rule

    def algebra(
        self,
        relation: Relation,
        using: Sequence[Fact] = (),
        *,
        reason: str = "",
        rounds: int = 3,
        cofactors: Sequence[Cofactor] | None = None,
    ) -> Fact:
        """An equation that follows from equations: goal = sum of cofactors times facts, found or given, then checked.

        Installed rules are tried too; those that fire become parents of the new fact. Nothing else is trusted: rules
        and search only propose cofactors, and `identity_holds` decides.
        """
        if relation.kind != "=0":
            raise ProofError(f"`algebra` proves equations: found {relation}.")
        for f in using:
            self._own(f)
            if f.relation.kind != "=0":
                raise ProofError(f"`algebra` uses equations only: fact ({f.number}) says {f.relation}.")
        facts = [*using, *(r.fact for r in self.rules)]
        exprs = [f.expr for f in facts]
        cofactors = None if cofactors is None else tuple(cofactors)
        if cofactors is None:
            cofactors = self._find(relation.expr, exprs, len(using), rounds)
        if cofactors is None:
            raise ProofError(f"No cofactors were found for {relation} from {[f.number for f in using]}.")
        if not identity_holds(relation.expr, exprs, cofactors):
            raise ProofError(f"The cofactors do not prove {relation}.")
        used = sorted({c.fact for c in cofactors})
        parents = [facts[k] for k in used]
        renumbered = tuple(_renumber(c, used.index(c.fact)) for c in cofactors)
        names = ", ".join(f"({p.number})" for p in parents)
        return self._add(
            relation,
            "algebra",
            reason or (f"algebra from {names}" if names else "expand both sides"),
            parents,
            payload={"cofactors": renumbered},
        )

    def _find(self, goal: Expr, exprs: Sequence[Expr], n_using: int, rounds: int) -> list[Cofactor] | None:
        rules = [(n_using + i, r.fact.expr, r.lead) for i, r in enumerate(self.rules)]
        rest, fired = search.rewrite(goal, rules)
        if rest.is_zero():
            return fired
        found = search.find_cofactors(rest, exprs[:n_using], rounds)
        if found is None and rules:
            found = search.find_cofactors(rest, exprs, rounds)
        return None if found is None else fired + found

    def squares(
        self,
        relation: Relation,
        terms: Sequence[Square | tuple[Any, ...] | Expr],
        using: Sequence[Fact] = (),
        *,
        reason: str = "",
        rounds: int = 3,
    ) -> Fact:
        r"""$e \ge 0$ or $e > 0$ as a sum $\sum q \prod f_i \|M\|_F^2$ modulo equations (`using`).

        A term is a matrix $M$ (for $\|M\|_F^2$), a tuple `(q, M)`, `(q, fact, ..., M)`, `(q, fact, ...)`, or a `Square`.
        A strict goal needs a strict term: positive $q$, facts that are all $> 0$, and no matrix.
        """
        if relation.kind not in (">=0", ">0"):
            raise ProofError(f"`squares` proves inequalities: found {relation}.")
        squares = [_as_square(t) for t in terms]
        for s in squares:
            if s.matrix is not None:
                self._written(s.matrix)
            if s.q < 0:
                raise ProofError(f"A sum of squares needs coefficients >= 0: found {s.q}.")
            for f in s.facts:
                self._own(f)
                if f.relation.kind not in (">=0", ">0"):
                    raise ProofError(f"A factor needs to be >= 0 or > 0: fact ({f.number}) says {f.relation}.")
        if relation.kind == ">0" and not any(s.is_strict() for s in squares):
            raise ProofError(f"The strict goal {relation} needs a strict term.")
        for f in using:
            self._own(f)
            if f.relation.kind != "=0":
                raise ProofError(f"`using` takes equations: fact ({f.number}) says {f.relation}.")
        rest = relation.expr
        for s in squares:
            rest = rest - s.value()
        facts = [*using, *(r.fact for r in self.rules)]
        cofactors = self._find(rest, [f.expr for f in facts], len(using), rounds)
        if cofactors is None or not identity_holds(rest, [f.expr for f in facts], cofactors):
            raise ProofError(f"The squares do not add up to {relation}: what is left is {rest!r}.")
        used = sorted({c.fact for c in cofactors})
        parents = [facts[k] for k in used] + [f for s in squares for f in s.facts]
        renumbered = tuple(_renumber(c, used.index(c.fact)) for c in cofactors)
        return self._add(
            relation,
            "squares",
            reason or "sum of squares",
            parents,
            payload={"squares": tuple(squares), "cofactors": renumbered, "equations": len(used)},
        )

    # Steps on the order and on zero.

    def weaken(self, fact: Fact, relation: Relation) -> Fact:
        r"""$> 0$ used as $\ge 0$ or $\ne 0$; $= 0$ used as $\ge 0$; the sign or transpose of an equation."""
        self._own(fact)
        if not relation.follows_from(fact.relation):
            raise ProofError(f"{relation} does not follow from {fact.relation} alone.")
        return self._add(relation, "weaken", f"by ({fact.number})", [fact])

    def definite(self, fact: Fact, matrix: Expr) -> Fact:
        r"""The Frobenius norm is definite: $\|M\|_F^2 = 0$ gives $M = 0$, and $M \ne 0$ gives $\|M\|_F^2 > 0$."""
        self._own(fact)
        square = matrix.squared_norm()
        if fact.relation.is_same_as(zero(square)):
            return self._add(zero(matrix), "definite", f"the norm in ({fact.number}) vanishes", [fact])
        if fact.relation.is_same_as(nonzero(matrix)):
            return self._add(positive(square), "definite", f"a norm is positive by ({fact.number})", [fact])
        raise ProofError(f"`definite` needs |M|^2 = 0 or M != 0 for the matrix at hand: found {fact.relation}.")

    def antisymmetric(self, above: Fact, below: Fact) -> Fact:
        r"""$e \ge 0$ and $-e \ge 0$ give $e = 0$."""
        for f in (above, below):
            self._own(f)
            if f.relation.kind != ">=0":
                raise ProofError(f"`antisymmetric` needs two facts of kind >= 0: found {f.relation}.")
        if above.expr != -below.expr:
            raise ProofError(f"`antisymmetric` needs e >= 0 and -e >= 0: found {above.relation} and {below.relation}.")
        return self._add(zero(above.expr), "antisymmetric", f"({above.number}) and ({below.number})", [above, below])

    def reciprocal(self, fact: Fact, name: str) -> tuple[Expr, Fact]:
        """A fresh letter for 1/s, from a fact s != 0 or s > 0: (the letter, the fact s * letter - 1 = 0)."""
        self._own(fact)
        if fact.relation.kind not in ("!=0", ">0") or not fact.expr.is_scalar:
            raise ProofError(f"A reciprocal needs a scalar known to be non-zero: found {fact.relation}.")
        s = fact.expr
        x = self._declare(Letter(name, "1", "1"), hypotheses=fact.hypotheses | self._rests_on(s))
        self._depends[self._letters[name]] = self._with_dependencies(s.letters())
        self.values[self._letters[name]] = lambda model: 1 / model.evaluate(s)
        return x, self._add(equal(s * x, 1), "define", f"{name} is the reciprocal in ({fact.number})", [fact])

    def root(self, fact: Fact, name: str) -> tuple[Expr, Fact, Fact]:
        r"""A fresh letter for $\sqrt s$ from $s \ge 0$: (letter, letter^2 = s, letter >= 0)."""
        self._own(fact)
        if fact.relation.kind not in (">=0", ">0"):
            raise ProofError(f"A square root needs a scalar known to be >= 0: found {fact.relation}.")
        s = fact.expr
        x = self._declare(Letter(name, "1", "1"), hypotheses=fact.hypotheses | self._rests_on(s))
        self._depends[self._letters[name]] = self._with_dependencies(s.letters())
        self.values[self._letters[name]] = lambda model: model.root(model.evaluate(s))
        square = self._add(equal(x * x, s), "define", f"{name} is the square root in ({fact.number})", [fact])
        sign = self._add(Relation(">=0", x), "define", f"{name} is the non-negative root", [fact])
        return x, square, sign

    def absurd(self, fact: Fact, contrary: Fact, relation: Relation) -> Fact:
        """From a relation and its negation, anything (used to close a branch that cannot happen)."""
        self._own(fact)
        self._own(contrary)
        if not contrary.relation.negation.follows_from(fact.relation):
            raise ProofError(f"No contradiction between {fact.relation} and {contrary.relation}.")
        return self._add(relation, "absurd", f"({fact.number}) contradicts ({contrary.number})", [fact, contrary])

    def smt(self, relation: Relation, using: Sequence[Fact] = (), *, timeout_seconds: float = 20.0) -> Fact:
        """A scalar relation that follows from scalar facts in real arithmetic: its negation is `unsat` for the solver.

        Traces and scalar letters become real variables, so what is proved holds for any real numbers in their place.
        """
        from theorems.proof.smt import prove

        for f in using:
            self._own(f)
        names: dict[Atom, str] = {}
        answer = prove(
            [_constraint(relation, names)],
            [_constraint(f.relation, names) for f in using],
            timeout_seconds=timeout_seconds,
        )
        if not answer.proved:
            raise ProofError(f"The solver did not prove {relation}: {answer.reason}")
        return self._add(
            relation,
            "smt",
            f"{answer.solver} {answer.version}: unsat",
            list(using),
            payload={"query": answer.query, "solver": answer.solver, "version": answer.version},
        )

    # Steps on quantifiers.

    def axiom(
        self,
        axiom: Axiom,
        at: Mapping[str, Expr],
        premises: Sequence[Fact] = (),
        *,
        new: Mapping[str, str] | None = None,
        values: Mapping[str, Callable[..., Any]] | None = None,
        dims: Mapping[Dimension, Dimension] | None = None,
    ) -> tuple[list[Expr], list[Fact]]:
        """Use a cited statement: (its new letters, its conclusions) for the letters replaced as in `at`.

        `new` names the letters whose existence the axiom gives; `values` tells the model check how to compute each.
        """
        known = self.axioms.get(axiom.name)
        if known is not None and known != axiom:
            raise ProofError(f"Two different axioms are called `{axiom.name}`.")
        self.axioms[axiom.name] = axiom
        reason = f"axiom {axiom.name} [{axiom.grade}]"
        return self._apply(
            axiom.statement,
            at,
            premises,
            new or {},
            values or {},
            dims or {},
            frozenset(),
            "axiom",
            reason,
            {"axiom": axiom.name},
        )

    def lemma(
        self,
        source: Derivation | str,
        at: Mapping[str, Expr],
        premises: Sequence[Fact] = (),
        *,
        new: Mapping[str, str] | None = None,
        values: Mapping[str, Callable[..., Any]] | None = None,
        dims: Mapping[Dimension, Dimension] | None = None,
    ) -> tuple[list[Expr], list[Fact]]:
        """Use what another derivation proves: a `Derivation`, or the dotted name of a claim of this package."""
        name, other = _lemma(source)
        if other is self:
            raise ProofError("A derivation cannot be its own lemma.")
        gaps = other.gaps()
        if gaps:
            raise ProofError(f"The lemma `{name}` is not proved: {gaps[0]}.")
        title, count = name, 1
        while self.lemmas.setdefault(name, other) is not other:  # two lemmas of one title: no axiom of one is hidden
            count += 1
            name = f"{title} ({count})"
        return self._apply(
            other.statement(),
            at,
            premises,
            new or {},
            values or {},
            dims or {},
            frozenset(),
            "lemma",
            f"lemma {name}",
            {"lemma": name},
        )

    def apply(
        self,
        fact: Fact,
        at: Mapping[str, Expr],
        premises: Sequence[Fact] = (),
        *,
        new: Mapping[str, str] | None = None,
        values: Mapping[str, Callable[..., Any]] | None = None,
    ) -> tuple[list[Expr], list[Fact]]:
        """Use a fact that is a statement (a quantified premise or hypothesis)."""
        self._own(fact)
        statement = fact.content
        if not isinstance(statement, Statement):
            raise ProofError(f"Fact ({fact.number}) is no statement: nothing to apply.")
        fixed = frozenset().union(*(r.dimensions() for r in _relations(statement)))
        return self._apply(
            statement,
            at,
            premises,
            new or {},
            values or {},
            {},
            fixed,
            "apply",
            f"({fact.number}) applied",
            {},
            (fact,),
        )

    def _apply(
        self,
        statement: Statement,
        at: Mapping[str, Expr],
        premises: Sequence[Fact],
        new: Mapping[str, str],
        values: Mapping[str, Callable[..., Any]],
        dims: Mapping[Dimension, Dimension],
        fixed: frozenset[Dimension],
        step: str,
        reason: str,
        payload: Mapping[str, Any],
        extra: tuple[Fact, ...] = (),
    ) -> tuple[list[Expr], list[Fact]]:
        bound = {x.name: x for x in statement.letters}
        if set(at) != set(bound):
            raise ProofError(f"{reason}: needed values for {sorted(bound)}, found {sorted(at)}.")
        if "1" in dims:
            raise ProofError(f"{reason}: the dimension 1 is a number and cannot be replaced.")
        self._written(*at.values())
        for e in at.values():
            for y in e.letters():
                self._known(y)  # before the new letters are: none is given in terms of itself
        replaced = dict(dims)
        replaced.update({d: d for d in fixed})
        for name, x in bound.items():
            for d, found in ((x.rows, at[name].rows), (x.cols, at[name].cols)):
                if d == "1" or replaced.setdefault(d, found) != found:
                    if d == found == "1":
                        continue
                    expected = "1" if d == "1" else replaced[d]
                    raise ProofError(
                        f"{reason}: `{name}` has the wrong shape: dimension {d} is {expected}, found {found}."
                    )
        mentioned = frozenset().union(*(r.dimensions() for r in _relations(statement)))
        missing = {d for x in statement.new for d in (x.rows, x.cols)} | mentioned
        missing -= set(replaced) | {"1"}
        if missing:
            raise ProofError(f"{reason}: say which dimensions {sorted(missing)} are, with `dims`.")
        if set(new) != {x.name for x in statement.new}:
            raise ProofError(f"{reason}: name the new letters {[x.name for x in statement.new]}, found {sorted(new)}.")
        mapping: dict[Letter, Expr] = {bound[name]: e for name, e in at.items()}
        needed, shown = _instance(statement, mapping, replaced, reason)
        parents: list[Fact] = list(extra)
        for r in needed:
            if r.kind == "=0" and r.expr.is_zero():
                continue
            match = next((f for f in premises if isinstance(f.content, Relation) and r.follows_from(f.content)), None)
            if match is None:
                raise ProofError(f"{reason}: the premise {r} is not among the facts given.")
            parents.append(match)
        for p in parents:
            self._own(p)
        hypotheses = frozenset().union(*(p.hypotheses for p in parents))
        births = hypotheses | self._rests_on(*at.values(), *(e for r in needed + shown for e in r.expressions()))
        births |= {self._eigen[s] for d in replaced.values() for s in indices(d) if s in self._eigen}
        created: list[Expr] = []
        depends = self._with_dependencies(x for e in at.values() for x in e.letters())
        if extra:
            depends |= self._with_dependencies(
                x for r in _relations(statement) for x in r.letters() if x not in bound.values()
            )
        for x in statement.new:
            fresh = Letter(new[x.name], replaced.get(x.rows, x.rows), replaced.get(x.cols, x.cols), x.symmetric)
            created.append(self._declare(fresh, hypotheses=births))
            self._depends[fresh] = depends
            if new[x.name] in values:
                self.values[fresh] = values[new[x.name]]
            mapping[x] = created[-1]
        _, conclusions = _instance(statement, mapping, replaced, reason)
        facts = [self._add(c, step, reason, parents, payload=payload) for c in conclusions]
        return created, facts

    def exhibit(self, existence: Statement, at: Mapping[str, Expr], facts: Sequence[Fact]) -> Fact:
        """Prove that letters exist by giving them: every conclusion, with the letters replaced, is among `facts`."""
        if existence.letters or existence.premises:
            raise ProofError("`exhibit` proves an existence: no universal letters, no premises.")
        if set(at) != {x.name for x in existence.new}:
            raise ProofError(f"`exhibit` needs terms for {[x.name for x in existence.new]}: found {sorted(at)}.")
        self._written(*at.values())
        mapping = {x: at[x.name] for x in existence.new}
        _, conclusions = _instance(existence, mapping, {}, "exhibit")
        parents = []
        for c in conclusions:
            match = next((f for f in facts if isinstance(f.content, Relation) and c.follows_from(f.content)), None)
            if match is None:
                raise ProofError(f"`exhibit`: {c} is not among the facts given.")
            parents.append(match)
        births = self._rests_on(*at.values())
        hypotheses = births.union(*(p.hypotheses for p in parents))
        return self._add(
            existence, "exhibit", "by the letters just found", parents, hypotheses=hypotheses, payload={"at": dict(at)}
        )

    def cases(self, branches: Sequence[tuple[Fact, Fact]], *, timeout_seconds: float = 20.0) -> Fact:
        """Join branches `(hypothesis, fact)` that all end in the same content; the hypotheses exhaust all cases.

        Exhaustive means: a relation and its negation, or (for scalars) that the solver refutes that all of them fail.
        The joined fact rests on what the branches rest on, less each branch's own hypothesis.
        """
        if not branches:
            raise ProofError("`cases` needs at least one branch.")
        for h, f in branches:
            self._own(h)
            self._own(f)
            if h.step != "suppose":
                raise ProofError(f"Fact ({h.number}) is no hypothesis: open it with `suppose`.")
        content = branches[0][1].content
        if any(f.content != content for _, f in branches):
            raise ProofError("The branches end in different facts: " + "; ".join(str(f.content) for _, f in branches))
        how = self._exhaustive([h.relation for h, _ in branches], timeout_seconds)
        hypotheses = frozenset().union(*(f.hypotheses - {h.number} for h, f in branches))
        self._guard(content, hypotheses)
        parents = [f for _, f in branches] + [h for h, _ in branches]
        reason = "cases " + ", ".join(f"({h.number})" for h, _ in branches)
        return self._add(content, "cases", reason, parents, hypotheses=hypotheses, payload={"exhaustive": how})

    def _exhaustive(self, relations: Sequence[Relation], timeout_seconds: float) -> str:
        for a in relations:
            if any(a.negation.is_same_as(b) for b in relations):
                return "a relation and its negation"
        if any(r.predicate or not r.expr.is_scalar for r in relations):
            raise ProofError("The cases are not known to be exhaustive: " + " | ".join(map(str, relations)))
        from theorems.proof.smt import prove

        names: dict[Atom, str] = {}
        answer = prove([_constraint(r, names) for r in relations], [], timeout_seconds=timeout_seconds)
        if not answer.proved:
            raise ProofError(f"The cases are not exhaustive: {answer.reason}")
        return f"{answer.solver} {answer.version}: unsat"

    def _guard(self, content: Content, hypotheses: frozenset[int]) -> None:
        """No letter of `content` may have come into being under a hypothesis that is no longer rested on."""
        for x in _free(content):
            if not self._birth_hypotheses([x]) <= hypotheses:
                raise ProofError(f"The letter `{x.name}` belongs to a branch and cannot leave it.")

    # Indices: facts about every member of a chain.

    def index_constant(self, symbol: str, *, at_least: str = "1", at_most: str | None = None) -> str:
        """A universally quantified integer, such as the depth `K >= 1` or a layer `1 <= k <= K-1`."""
        self._fresh_symbol(symbol)
        bounds = {parse_index(bound)[0] for bound in (at_least, at_most) if bound is not None}
        if bounds & {symbol, *self._eigen}:
            raise ProofError(f"The range of the constant `{symbol}` cannot mention itself or an open index.")
        self._between(symbol, at_least, at_most, None)
        return symbol

    def index(self, symbol: str, low: str, high: str) -> Fact:
        """Open the hypothesis that `symbol` is an integer from `low` to `high`; discharged by `for_all`, `induction`."""
        self._fresh_symbol(symbol)
        if any(symbol in _symbols(g) for g in self.goals):
            raise ProofError(f"The index `{symbol}` is not fresh: a goal speaks of it.")
        if symbol in (parse_index(low)[0], parse_index(high)[0]):
            raise ProofError(f"The range of the index `{symbol}` cannot mention itself: found {low} to {high}.")
        number_ = len(self.facts) + 1
        self._eigen[symbol] = number_
        self._between(symbol, low, high, number_)
        content = predicate(f"[{low}] <= [{symbol}] <= [{high}]")  # in brackets, so that it speaks of its symbols
        return self._add(
            content,
            "suppose",
            f"let {symbol} be such an index",
            hypotheses=frozenset({number_}),
            payload={"symbol": symbol, "low": low, "high": high},
        )

    def _fresh_symbol(self, symbol: str) -> None:
        index_symbol(symbol)
        used = {s for edge in self._order for s in edge[:2]}
        names = [*self._letters, *(x.name for x in self._families.values())]
        spoken = frozenset().union(*(_symbols(f.content) for f in self.facts))
        spoken |= {f.content.symbol for f in self.facts if isinstance(f.content, Indexed)}
        if symbol in used or symbol in spoken or any(symbol in indices(n) for n in self._letters) or symbol in names:
            raise ProofError(f"The index `{symbol}` is not fresh.")

    def _between(self, symbol: str, low: str, high: str | None, hypothesis: int | None) -> None:
        s, gap = parse_index(low)
        self._order.append((symbol, s, gap, hypothesis))  # symbol - s >= gap
        if high is not None:
            s, gap = parse_index(high)
            self._order.append((s, symbol, -gap, hypothesis))  # s - symbol >= -gap

    def _at_least(self, above: str, below: str, symbols: frozenset[str]) -> bool:
        """Whether index `above` >= index `below` follows from the declared ranges (longest path, no cycles of gain).

        Only constants and the indices in `symbols`, on whose hypotheses the caller's fact will rest, are used.
        """
        (a, i), (b, j) = parse_index(above), parse_index(below)
        edges = [(p, q, g) for p, q, g, h in self._order if h is None or p in symbols or q in symbols]
        edges = [(p, q, g) for p, q, g in edges if all(s not in self._eigen or s in symbols for s in (p, q))]
        best: dict[str, int] = {a: 0}
        for _ in range(len(edges) + 1):
            for p, q, g in edges:
                if p in best and best[p] + g > best.get(q, -(10**9)):
                    best[q] = best[p] + g
        return b in best and best[b] + i - j >= 0

    def at(self, fact: Fact, index: str) -> Fact:
        """One member of an `Indexed` fact, at an index that is in its range."""
        self._own(fact)
        if not isinstance(fact.content, Indexed):
            raise ProofError(f"Fact ({fact.number}) is not indexed.")
        c = fact.content
        used = {parse_index(index)[0]} & set(self._eigen)
        if not (self._at_least(index, c.low, frozenset(used)) and self._at_least(c.high, index, frozenset(used))):
            raise ProofError(f"The index {index} is not known to lie between {c.low} and {c.high}.")
        hypotheses = fact.hypotheses | {self._eigen[s] for s in used}
        return self._add(
            c.relation.at(c.symbol, index),
            "at",
            f"({fact.number}) at {index}",
            [fact],
            hypotheses=frozenset(hypotheses),
        )

    def for_all(self, index: Fact, fact: Fact) -> Fact:
        """Generalise a fact about an index that was arbitrary in its range."""
        symbol, low, high = self._index_of(index)
        hypotheses = fact.hypotheses - {index.number}
        self._arbitrary(symbol, fact.relation, hypotheses, index)
        content = Indexed(fact.relation, symbol, low, high)
        return self._add(
            content, "for all", f"({fact.number}) for every {symbol}", [fact, index], hypotheses=hypotheses
        )

    def induction(self, index: Fact, supposed: Fact, step: Fact, base: Fact) -> Fact:
        """Induction along a chain: `base` at one end, and a step from `supposed` at the index to `step` next to it.

        With `index` from `low` to `high`, `supposed` says R(j): upward, `step` says R(j+1) and `base` R(low), and R
        holds from `low` to `high+1`; downward, `step` says R(j-1) and `base` R(high), and R holds from `low-1` to `high`.
        """
        symbol, low, high = self._index_of(index)
        for f in (supposed, step, base):
            self._own(f)
        if supposed.step != "suppose":
            raise ProofError("The induction hypothesis must be opened with `suppose`.")
        relation = supposed.relation
        if step.relation.is_same_as(relation.at(symbol, f"{symbol}+1")):
            end, bounds = low, (low, _next(high, 1))
        elif step.relation.is_same_as(relation.at(symbol, f"{symbol}-1")):
            end, bounds = high, (_next(low, -1), high)
        else:
            raise ProofError(f"The step proves {step.relation}, not the neighbour of {relation}.")
        if not base.relation.is_same_as(relation.at(symbol, end)):
            raise ProofError(f"The base proves {base.relation}: needed {relation.at(symbol, end)}.")
        if index.number in base.hypotheses or supposed.number in base.hypotheses:
            raise ProofError("The base of an induction cannot rest on the induction's hypotheses.")
        hypotheses = (step.hypotheses - {index.number, supposed.number}) | base.hypotheses
        self._arbitrary(symbol, relation, hypotheses, index)
        content = Indexed(relation, symbol, *bounds)
        return self._add(
            content,
            "induction",
            f"induction on {symbol} from ({base.number}), ({step.number})",
            [base, step, supposed, index],
            hypotheses=hypotheses,
        )

    def _index_of(self, index: Fact) -> tuple[str, str, str]:
        self._own(index)
        if "symbol" not in index.payload:
            raise ProofError(f"Fact ({index.number}) opens no index.")
        return index.payload["symbol"], index.payload["low"], index.payload["high"]

    def _arbitrary(self, symbol: str, relation: Relation, hypotheses: frozenset[int], index: Fact) -> None:
        """The index must be arbitrary: no remaining hypothesis and no premise speaks of it, no letter depends on it."""
        for n in hypotheses:
            f = self._fact(n)
            if symbol in _symbols(f.content) or index.number in self._birth_hypotheses(_free(f.content)):
                raise ProofError(f"The index {symbol} is not arbitrary: hypothesis ({n}) speaks of it.")
        for f in self.facts:
            if f.step == "given" and symbol in _symbols(f.content):
                raise ProofError(f"The index {symbol} is not arbitrary: premise ({f.number}) speaks of it.")
        for x in relation.letters():
            if not self._is_universal(x) and not self._birth_hypotheses([x]) <= hypotheses:
                raise ProofError(f"The letter `{x.name}` came into being for one {symbol} and cannot leave it.")

    # Calculus, and what is only read.

    def derivative(self, expr: Expr, direction: Mapping[Expr, Expr]) -> Expr:
        """The directional derivative; refuses an expression with letters that are defined from the moved ones."""
        moved = {_single(x): d for x, d in direction.items()}
        self._independent(expr, moved)
        return derivative(expr, moved)

    def gradient(self, expr: Expr, x: Expr) -> Expr:
        """The Frobenius gradient in one letter; refuses an expression with letters that are defined from it."""
        moved = _single(x)
        self._independent(expr, {moved})
        return gradient(expr, moved)

    def _independent(self, expr: Expr, moved: Iterable[Letter]) -> None:
        for y in expr.letters():
            clash = self._depends.get(y, frozenset()) & frozenset(moved)
            if clash:
                raise ProofError(f"`{y.name}` depends on `{next(iter(clash)).name}`: expand it before differentiating.")

    def term(self, t: calculus.Term) -> Expr:
        r"""A term of `theorems.proof.calculus` as a scalar of this derivation.

        Its variables are scalar letters of the same names; what is not a polynomial ($\log$, $\exp$, quotients, roots)
        becomes a letter of its own, about which only the steps `calculus_*` and `integral` say anything.
        """
        if isinstance(t, calculus.Const):
            return number(t.value)
        if isinstance(t, calculus.Var):
            x = self._letters.get(t.name)
            if x is None or not (x.rows == x.cols == "1"):
                raise ProofError(f"The variable `{t.name}` needs a scalar letter of that name.")
            return letter(x)
        if isinstance(t, calculus.Add):
            return self.term(t.left) + self.term(t.right)
        if isinstance(t, calculus.Mul) and t.left == calculus.Const(Fraction(-1)):
            return -self.term(t.right)
        if isinstance(t, calculus.Mul):
            return self.term(t.left) * self.term(t.right)
        if isinstance(t, calculus.Pow) and t.exponent.denominator == 1 and t.exponent >= 0:
            return self.term(t.base) ** int(t.exponent)
        if t not in self._terms:
            variables = [self.term(calculus.Var(v)) for v in sorted(calculus.variables(t))]
            depends = self._with_dependencies(x for e in variables for x in e.letters())
            name = str(t)
            while name in self._letters:
                name += "'"
            x = self._declare(Letter(name, "1", "1"), hypotheses=self._birth_hypotheses(depends))
            self._terms[t] = x
            self._depends[self._letters[name]] = depends
            self.values[self._letters[name]] = lambda model: calculus.evaluate(
                t, {v: model.scalar(v) for v in calculus.variables(t)}
            )
        return self._terms[t]

    def _assumptions(self, using: Sequence[Fact]) -> tuple[frozenset[str], list[calculus.Condition]]:
        """Scalar facts as the positive variables and the conditions that the calculus may assume."""
        positive: set[str] = set()
        conditions: list[calculus.Condition] = []
        known = {x: t for t, e in self._terms.items() for x in e.letters()}
        for f in using:
            self._own(f)
            r = f.relation
            if r.predicate or not r.expr.is_scalar:
                raise ProofError(f"The calculus assumes scalar relations only: found {r}.")
            total: calculus.Term = calculus.Const(Fraction(0))
            for (atoms, _), c in r.expr.terms.items():
                product: calculus.Term = calculus.Const(c)
                for a in atoms:
                    if isinstance(a, str) or len(a) != 1 or a[0][0].rows != "1":
                        raise ProofError(f"The calculus knows scalar letters only: found {r}.")
                    x = a[0][0]
                    product = product * known.get(x, calculus.Var(x.name))
                total = total + product
            xs = r.letters()
            if r.kind == ">0" and len(xs) == 1 and letter(next(iter(xs))) == r.expr and next(iter(xs)) not in known:
                positive.add(next(iter(xs)).name)
            else:
                conditions.append(calculus.Condition(total, cast(Any, r.kind)))
        return frozenset(positive), conditions

    def _calculus(self, relation: Relation, rule: str, using: Sequence[Fact]) -> Fact:
        version = calculus.smt._version()
        return self._add(relation, "calculus", rule, list(using), payload={"solver": "z3", "version": version})

    def calculus_equal(self, a: calculus.Term, b: calculus.Term, using: Sequence[Fact] = ()) -> Fact:
        """Two terms are equal by the rules of the calculus, and both are shown to be defined."""
        using = tuple(using)  # it is read twice
        positive, assuming = self._assumptions(using)
        try:
            calculus.discharge([*calculus.obligations(a), *calculus.obligations(b)], None, positive, assuming)
            same = calculus.equal(a, b, positive)
        except calculus.CalculusError as error:
            raise ProofError(str(error)) from error
        if not same:
            raise ProofError(f"The rules of the calculus do not show {a} = {b}.")
        return self._calculus(equal(self.term(a), self.term(b)), "calculus: equal terms", using)

    def calculus_minimum(self, t: calculus.Term, var: str, point: calculus.Term, using: Sequence[Fact] = ()) -> Fact:
        """A convex term is at least its value where its derivative vanishes: t(var) >= t(point) for `var` > 0."""
        using = tuple(using)  # it is read twice
        positive, assuming = self._assumptions(using)
        if var not in positive:
            raise ProofError(f"`calculus_minimum` needs the fact {var} > 0 among those it uses.")
        free = [c for c in assuming if var not in calculus.variables(c.term)]
        try:
            least = calculus.minimum_at(t, var, point, None, positive, free)
        except calculus.CalculusError as error:
            raise ProofError(str(error)) from error
        return self._calculus(
            Relation(">=0", self.term(t) - self.term(least)), f"calculus: convex in {var}, stationary at {point}", using
        )

    def calculus_increasing(
        self, t: calculus.Term, var: str, start: calculus.Term, end: calculus.Term, using: Sequence[Fact] = ()
    ) -> Fact:
        """A term with non-negative derivative between `start` <= `end`: t(end) - t(start) >= 0."""
        using = tuple(using)  # it is read twice
        positive, assuming = self._assumptions(using)
        try:
            difference = calculus.increasing(t, var, start, end, positive, assuming)
        except calculus.CalculusError as error:
            raise ProofError(str(error)) from error
        return self._calculus(Relation(">=0", self.term(difference)), f"calculus: increasing in {var}", using)

    def integral(
        self,
        name: str,
        antiderivative: calculus.Term,
        integrand: calculus.Term,
        var: str,
        start: calculus.Term,
        end: calculus.Term,
        using: Sequence[Fact] = (),
    ) -> tuple[Expr, Fact]:
        """A letter for a definite integral and its value: the antiderivative is differentiated and compared.

        That integrand and antiderivative are defined on the whole closed interval is shown, so no pole hides in it.
        """
        using = tuple(using)  # it is read twice
        positive, assuming = self._assumptions(using)
        try:
            value = calculus.definite_integral(antiderivative, integrand, var, start, end, positive, assuming)
        except calculus.CalculusError as error:
            raise ProofError(str(error)) from error
        amount = self.term(value)
        hypotheses = frozenset().union(*(f.hypotheses for f in using)) | self._birth_hypotheses(amount.letters())
        x = self._declare(Letter(name, "1", "1"), hypotheses=hypotheses)
        self._depends[self._letters[name]] = self._with_dependencies(amount.letters())
        self.values[self._letters[name]] = lambda model: model.evaluate(amount)
        rule = f"calculus: integral of {integrand} in {var} from {start} to {end}"
        return x, self._calculus(equal(x, amount), rule, using)

    def limit(self, name: str, parameter: calculus.Term | None = None, using: Sequence[Fact] = ()) -> Fact:
        """A limit of the cited table `calculus.LIMITS`, as a predicate that says it in words."""
        using = tuple(using)  # it is read twice
        positive, _ = self._assumptions(using)
        try:
            found = calculus.limit(name, parameter, positive)
        except calculus.CalculusError as error:
            raise ProofError(str(error)) from error
        says = predicate(f"{found.term} -> {found.value} as {found.var} -> {found.to}")
        return self._calculus(says, f"limit table: {found.source}", using)

    def glue(self, sentence: str) -> None:
        """A sentence that a human must read. It yields no fact, and the claim's standing says that it is there."""
        if not sentence.strip():
            raise ProofError("An empty sentence says nothing.")
        self.glue_sentences.append(sentence.strip())

    def model_predicate(self, name: str, holds: Callable[..., bool]) -> None:
        """How the model check evaluates a predicate: a function of the values of its arguments."""
        self.predicates[name] = holds

    def complete_model(self, model: Any) -> None:
        """Tell a model the shapes of its values (the sizes of all dimensions follow)."""
        for name, value in list(model.values.items()):
            x = self._letters.get(name) or self._member(name)
            if x is None:
                raise ProofError(f"`interpret` gives a value to `{name}`, which the derivation does not have.")
            model.learn(x, value)

    def cone(self) -> list[Fact]:
        """The facts on which the goals rest, in order."""
        wanted: set[int] = set()
        stack = [f for g in self.goals if (f := self.proof_of(g)) is not None]
        while stack:
            f = stack.pop()
            if f.number not in wanted:
                wanted.add(f.number)
                stack += f.parents
                stack += [self._fact(n) for n in f.hypotheses]
        return [f for f in self.facts if f.number in wanted]


def _free(content: Content) -> frozenset[Letter]:
    """The letters that a content speaks of without binding them."""
    bound = frozenset(content.letters + content.new) if isinstance(content, Statement) else frozenset()
    return frozenset().union(*(r.letters() for r in _relations(content))) - bound


def _symbols(content: Content) -> frozenset[str]:
    """The index symbols that a content speaks of without binding them."""
    found = frozenset().union(*(r.symbols() for r in _relations(content)))
    if isinstance(content, Indexed):
        found = found - {content.symbol} | ({parse_index(content.low)[0], parse_index(content.high)[0]} - {""})
    return found


def _relations(content: Content) -> tuple[Relation, ...]:
    if isinstance(content, Relation):
        return (content,)
    if isinstance(content, Indexed):
        return (content.relation,)
    return content.premises + content.conclusions


def _instance(
    statement: Statement, mapping: Mapping[Letter, Expr], dims: Mapping[Dimension, Dimension], reason: str
) -> tuple[tuple[Relation, ...], tuple[Relation, ...]]:
    try:
        return statement.instance(mapping, dims)
    except ShapeError as error:
        raise ProofError(f"{reason}: {error}") from error


def _size(term: Term) -> int:
    atoms, word = term
    return len(word) + sum(1 if isinstance(a, str) else len(a) for a in atoms)


def _renumber(c: Cofactor, k: int) -> Cofactor:
    return Cofactor(k, c.outer, c.left, c.right, c.traced, c.transposed)


def _as_square(t: Square | tuple[Any, ...] | Expr) -> Square:
    if isinstance(t, Square):
        return t
    if isinstance(t, Expr):
        return Square(Fraction(1), (), t)
    q, *rest = t
    matrix = rest.pop() if rest and isinstance(rest[-1], Expr) else None
    return Square(Fraction(q), tuple(rest), matrix)


def _single(x: Expr) -> Letter:
    xs = x.letters()
    if len(xs) != 1 or letter(next(iter(xs))) != x:
        raise ProofError(f"Differentiate in a letter: found `{x!r}`.")
    return next(iter(xs))


def _next(index: str, by: int) -> str:
    symbol, offset = parse_index(index)
    return show_index(symbol, offset + by)


def _constraint(relation: Relation, names: dict[Atom, str]) -> Any:
    """A scalar relation for the solver: each trace, scalar letter or dimension is a real variable of its own.

    `names` collects the variables of one query. A number in each name keeps two atoms that print alike apart.
    """
    from theorems.proof.render import plain
    from theorems.proof.smt import Constraint

    if relation.predicate or not relation.expr.is_scalar:
        raise ProofError(f"The solver reads scalar relations only: found {relation}.")
    poly: dict[tuple[str, ...], Fraction] = {}
    for (atoms, _), c in relation.expr.terms.items():
        for a in atoms:
            text = a if isinstance(a, str) else plain(Expr("1", "1", {((a,), ()): Fraction(1)}))
            names.setdefault(a, f"{len(names)}: {text}")
        key = tuple(names[a] for a in atoms)
        poly[key] = poly.get(key, Fraction(0)) + c
    return Constraint(poly, cast(Any, relation.kind))


_BUILDING: list[str] = []


def _lemma(source: Derivation | str) -> tuple[str, Derivation]:
    if isinstance(source, Derivation):
        return source.title or "unnamed", source
    from theorems.catalogue import claim

    if source in _BUILDING:
        raise ProofError("The lemmas are circular: " + " -> ".join([*_BUILDING, source]) + ".")
    _BUILDING.append(source)
    try:
        other = claim(source).proof()
    finally:
        _BUILDING.pop()
    if other is None:
        raise ProofError(f"The claim `{source}` has no derivation and cannot be a lemma.")
    return source, other
