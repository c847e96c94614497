r"""The ledger of a derivation: letters, facts, premises, hypotheses and goals, and what a complete derivation proves.

Trusted file. All facts come in through `Ledger._add`. Letters that came into being under a hypothesis cannot be mentioned
by a fact that no longer rests on it. A step may only use facts of the same derivation that stand before it, so a
derivation cannot be circular.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from theorems.proof.kernel import calculus
from theorems.proof.kernel.facts import Axiom, Fact, ProofError, Rule, free_letters, free_symbols, letters, relations_of
from theorems.proof.kernel.language import Content, Indexed, Relation, Statement
from theorems.proof.kernel.words import Dimension, Expr, Letter, at_index, indices, is_constant, is_well_formed, letter
from theorems.proof.kernel.words import dimension as _dimension

AnyContent = TypeVar("AnyContent", bound=Content)


class Ledger:
    """The ledger of a derivation: letters, facts, premises, hypotheses and goals, and what a complete derivation proves."""

    def __init__(self, title: str = "") -> None:
        self.title = title
        self.facts: list[Fact] = []
        self.goals: list[Content] = []
        self.glue_sentences: list[str] = []
        self.axioms: dict[str, Axiom] = {}
        self.rules: list[Rule] = []
        self.lemmas: dict[str, Ledger] = {}
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
        self._partial: set[Letter] = set()
        self._differentiated: list[tuple[frozenset[Letter], frozenset[Letter]]] = []  # which moved, which did not
        self._lets: dict[Letter, int] = {}  # letters that are arbitrary until `generalise` or `induct` discharges them
        self._terms: dict[calculus.Term, Expr] = {}

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
        if is_constant(x) or x.name in self._letters or x.name.partition("[")[0] in self._families:
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
        if is_constant(x):
            return
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
        for r in relations_of(content):
            self._written(*r.expressions())
        for x in free_letters(content):
            self._known(x)
        if hypotheses is None:
            hypotheses = frozenset().union(*(p.hypotheses for p in parents))
        # What speaks of an arbitrary letter rests on it, until `generalise` or `induct` discharges the letter.
        hypotheses |= self._birth_hypotheses(free_letters(content)) & frozenset(self._lets.values())
        if step in ("given", "suppose") and self._differentiated:
            known = [f.content for f in self.facts if f.step in ("given", "suppose")]
            for moved, others in self._differentiated:
                self._untied(moved, others, [*known, content])
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

    def given(self, content: Content, name: str = "premise") -> Fact:
        """A premise of the claim, about universal letters."""
        self._universal_only(content, "premise")
        return self._add(content, "given", name)

    def suppose(self, content: Relation | Statement, name: str = "supposition") -> Fact:
        """Open a hypothesis. Every fact derived from it rests on it until `cases` or `induction` discharges it."""
        number_ = len(self.facts) + 1
        symbols = free_symbols(content).union(*(r.symbols() for r in relations_of(content)))
        indexed = {self._eigen[s] for s in symbols if s in self._eigen}
        return self._add(content, "suppose", name, hypotheses=frozenset({number_} | indexed))

    def _untied(self, moved: frozenset[Letter], others: frozenset[Letter], contents: Iterable[Content]) -> None:
        """Refuse contents that tie one of `others` to a moved letter, directly or by one another.

        Relations `> 0` and `!= 0` hold on open sets and tie nothing. Members of one family count as one letter, except
        that a relation about a single letter ties nothing.
        """
        groups = []
        for content in contents:
            bound = frozenset(content.letters + content.new) if isinstance(content, Statement) else frozenset()
            for r in relations_of(content):
                xs = (frozenset(x for x in r.letters() if not is_constant(x)) - bound - self._partial) | (
                    r.letters() & moved
                )
                if r.kind not in (">0", "!=0") and len(xs) > 1:
                    groups.append(_heads(xs))
        ends, tied = _heads(moved), frozenset()
        while more := [g for g in groups if g & (ends | tied) and not g <= tied]:
            tied = tied.union(*more)
        clash = sorted(x.name for x in others if x.name.partition("[")[0] in tied)
        if clash:
            moving = ", ".join(sorted(x.name for x in moved))
            raise ProofError(
                f"A premise or supposition ties {', '.join(clash)} to {moving}, in which an expression with them is "
                "differentiated: expand it before, or say by `partial` that it is held fixed."
            )

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
        for x in free_letters(content):
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
            if f.content == goal or (isinstance(goal, Statement) and goal.is_same_as(f.content)):
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

    def resolve(self, name: str) -> tuple[str, Ledger]:
        """The derivation of this name; the kernel knows no catalogue, whoever builds a derivation may have one."""
        raise ProofError(f"The lemma `{name}` is a name and no catalogue was given: hand over a derivation.")

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

    def _guard(self, content: Content, hypotheses: frozenset[int], gone: Iterable[int] = ()) -> None:
        """No letter of `content` may have come into being under a hypothesis that is no longer rested on.

        Arbitrary letters are rested on by whatever speaks of them, except those that are `gone` with this step.
        """
        allowed = hypotheses | (frozenset(self._lets.values()) - frozenset(gone))
        for x in free_letters(content):
            if not self._birth_hypotheses([x]) <= allowed:
                raise ProofError(f"The letter `{x.name}` belongs to a branch and cannot leave it.")

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


def _heads(xs: Iterable[Letter]) -> frozenset[str]:
    """The names of letters without their indices."""
    return frozenset(x.name.partition("[")[0] for x in xs)
