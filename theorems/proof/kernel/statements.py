r"""Steps that make statements: letters are opened, facts about them generalised, statements proved by induction.

Trusted file. `arbitrary` opens a letter as a hypothesis of its own, so that the rules about hypotheses are the rules about
arbitrary letters: what is born from it is born under that hypothesis, and no fact that has lost it may speak of either.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from theorems.proof.kernel.facts import Fact, ProofError, free_letters, letters
from theorems.proof.kernel.language import Indexed, Relation, Statement, at_least, nonnegative, predicate
from theorems.proof.kernel.ledger import Ledger
from theorems.proof.kernel.words import Dimension, Expr, Letter, dimension, indices, letter, number


class Statements(Ledger):
    """Generalise over letters, premises and dimensions; induction over a natural number for whole statements."""

    def arbitrary(self, declaration: str, value: Callable[..., Any] | None = None) -> Expr:
        """An arbitrary letter, such as `A = d.arbitrary("A: n m")`, about which nothing is known.

        `value` tells the model check how to compute one from a model; without it a random one is drawn.
        """
        x = letters(declaration) if ":" in declaration else Letter(declaration, "1", "1")
        if indices(x.name):
            raise ProofError(f"The arbitrary letter `{x.name}` cannot carry an index in its name.")
        number_ = len(self.facts) + 1
        expr = self._declare(x, hypotheses=frozenset({number_}))
        self._lets[x] = number_
        if value is not None:
            self.values[x] = value
        content = predicate(f"{x.name} is any {x.rows} x {x.cols} matrix")
        self._add(content, "let", "arbitrary", hypotheses=frozenset({number_}), payload={"let": x})
        return expr

    def generalise(
        self,
        facts: Fact | Sequence[Fact],
        over: Sequence[Expr],
        premises: Sequence[Fact] = (),
        *,
        dims: Sequence[Dimension] = (),
        text: str = "",
    ) -> Fact:
        r"""Facts about arbitrary letters under suppositions, as one statement: $\forall$ letters: premises $\implies$ facts.

        Sound because the facts were derived for letters that only their own opening speaks of: no hypothesis that stays
        mentions them, or a letter born from them, and the suppositions that go become the premises. A dimension may be
        bound if no premise of the claim, no hypothesis that stays and no free letter speaks of it. A fact that is itself
        a statement or an existence is merged: $\forall A\, (P \implies \forall B\, (Q \implies C))$ says
        $\forall A, B\, (P \land Q \implies C)$.
        """
        facts = [facts] if isinstance(facts, Fact) else list(facts)
        for f in (*facts, *premises):
            self._own(f)
        bound = [self._let_letter(e) for e in over]
        if any(h.step != "suppose" or not isinstance(h.content, Relation) or "symbol" in h.payload for h in premises):
            raise ProofError("The premises of a generalisation are relations, opened with `suppose`.")
        gone = {self._lets[x] for x in bound} | {h.number for h in premises}
        hypotheses = frozenset().union(*(f.hypotheses for f in facts)) - gone
        if len(facts) == 1 and isinstance(facts[0].content, Statement):
            inner = facts[0].content
        else:
            inner = Statement((), (), tuple(f.relation for f in facts))
        outer = frozenset().union(*(h.relation.letters() for h in premises))
        sizes = frozenset(d for x in bound for d in (x.rows, x.cols)).union(
            *(h.relation.dimensions() for h in premises)
        )
        if outer & {*inner.letters, *inner.new} or sizes & {*inner.dims}:
            raise ProofError(f"What ({facts[0].number}) binds would capture a letter or dimension of the premises.")
        try:
            content = Statement(
                (*bound, *inner.letters),
                (*(h.relation for h in premises), *inner.premises),
                inner.conclusions,
                inner.new,
                text,
                (*dims, *inner.dims),
            )
        except ValueError as error:
            raise ProofError(f"The facts cannot be generalised: {error}") from error
        self._stays(hypotheses, gone, dims)
        self._guard(content, hypotheses, gone)
        names = ", ".join([*(x.name for x in bound), *dims])
        parents = [*facts, *premises, *(self._fact(self._lets[x]) for x in bound)]
        return self._add(content, "generalise", f"for every {names}", parents, hypotheses=hypotheses)

    def induct(
        self, s: Expr, supposed: Fact, step: Fact, base: Fact, to: Dimension | int, bounds: Iterable[Fact] = ()
    ) -> Fact:
        r"""Induction over a natural number: from $C(0)$ and $C(s) \implies C(s+1)$ follows $C(n)$, $n$ a dimension or a number.

        `s` is an arbitrary scalar (`arbitrary`), `supposed` says $C(s)$, `step` says $C(s+1)$, `base` says $C(0)$; each may be a
        statement, so that the supposition is there for all its letters. `bounds` are suppositions $s \ge 0$ and
        $n - s \ge 1$, under which the step may stand. Sound because the step is used at $s = 0, \dots, n-1$ only, where
        both hold, and nothing that stays speaks of `s`.
        """
        bounds = list(bounds)
        for f in (supposed, step, base, *bounds):
            self._own(f)
        x = self._let_letter(s)
        if supposed.step != "suppose" or x not in free_letters(supposed.member):
            raise ProofError(f"The supposition of an induction over `{x.name}` speaks of it, opened with `suppose`.")
        if not x.rows == x.cols == "1":
            raise ProofError(f"An induction runs over a scalar: `{x.name}` is {x.rows} x {x.cols}.")
        if isinstance(to, int) and to < 0:
            raise ProofError(f"An induction ends at a natural number: found {to}.")
        end = number(to) if isinstance(to, int) else dimension(to)
        for f in bounds:
            if f.step != "suppose" or f.content not in (nonnegative(s), at_least(end - s, 1)):
                raise ProofError(
                    f"The bounds of the induction are {s!r} >= 0 and {end!r} - {s!r} >= 1: found {f.content}."
                )
        try:
            next_, first, last = (supposed.member.substitute({x: e}, {}) for e in (s + 1, number(0), end))
        except ValueError as error:
            raise ProofError(f"The supposition cannot be taken at another number: {error}") from error
        if not next_.is_same_as(step.member):
            raise ProofError(f"The step proves {step.content}: needed {next_}.")
        if not first.is_same_as(base.member):
            raise ProofError(f"The base proves {base.content}: needed {first}.")
        gone = {self._lets[x], supposed.number, *(f.number for f in bounds)}
        if base.hypotheses & gone:
            raise ProofError("The base of an induction cannot rest on the induction's hypotheses.")
        hypotheses = (step.hypotheses - gone) | base.hypotheses
        self._stays(hypotheses, gone, ())
        self._guard(last, hypotheses, gone)
        reason = f"induction over {x.name} from ({base.number}), ({step.number})"
        parents = [base, step, supposed, *bounds, self._fact(self._lets[x])]
        return self._add(last, "induction", reason, parents, hypotheses=hypotheses)

    def _let_letter(self, e: Expr) -> Letter:
        xs = [x for x in self._lets if letter(x) == e]
        if not xs:
            raise ProofError(f"`{e!r}` is not arbitrary: open a letter with `arbitrary`.")
        return xs[0]

    def _stays(self, hypotheses: frozenset[int], gone: set[int], dims: Sequence[Dimension]) -> None:
        """No hypothesis that stays speaks of a letter that goes, or of one born from it, or of a dimension that goes."""
        for n in hypotheses:
            f = self._fact(n)
            if self._birth_hypotheses(free_letters(f.content)) & gone:
                raise ProofError(f"A letter is not arbitrary: hypothesis ({n}) {f.content} speaks of it.")
        for f in self.facts:
            if f.step != "given" and f.number not in hypotheses:
                continue
            opened = f.payload.get("let")
            spoken = {opened.rows, opened.cols} if opened else _dimensions(f.content)
            if tied := sorted(spoken & set(dims)):
                raise ProofError(f"The dimension {tied[0]} is not arbitrary: ({f.number}) {f.content} speaks of it.")


def _dimensions(content: Relation | Statement | Indexed) -> frozenset[Dimension]:
    """The dimensions that a content speaks of without binding them."""
    if isinstance(content, Indexed):
        return _dimensions(content.relation)
    return content.dimensions() - frozenset(content.dims if isinstance(content, Statement) else ())
