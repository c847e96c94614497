r"""Steps on equations: definitions, rewriting rules, `algebra`, and sums of squares.

Trusted file. Rules and search only propose cofactors, and `identity_holds` decides.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from theorems.proof.kernel.facts import Cofactor, Fact, ProofError, Rule, Square, identity_holds
from theorems.proof.kernel.language import Relation, equal
from theorems.proof.kernel.ledger import Ledger
from theorems.proof.kernel.words import Expr, Letter, Term


def size_of(term: Term) -> int:
    atoms, word = term
    return len(word) + sum(1 if isinstance(a, str) else len(a) for a in atoms)


def renumbered(c: Cofactor, k: int) -> Cofactor:
    return Cofactor(k, c.outer, c.left, c.right, c.traced, c.transposed)


def as_square(t: Square | tuple[Any, ...] | Expr) -> Square:
    if isinstance(t, Square):
        return t
    if isinstance(t, Expr):
        return Square(Fraction(1), (), t)
    q, *rest = t
    matrix = rest.pop() if rest and isinstance(rest[-1], Expr) else None
    return Square(Fraction(q), tuple(rest), matrix)


class Equations(Ledger):
    """Steps on equations: definitions, rewriting rules, `algebra`, and sums of squares."""

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

    def rule(self, fact: Fact) -> Rule:
        """Install a rewriting rule from a fact `expr = 0`: one monomial has more letters than each other one."""
        self._own(fact)
        if fact.relation.kind != "=0":
            raise ProofError(f"A rule needs an equation: found {fact.relation}.")
        sizes = {t: size_of(t) for t in fact.expr.terms}
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
        numbered = tuple(renumbered(c, used.index(c.fact)) for c in cofactors)
        names = ", ".join(f"({p.number})" for p in parents)
        return self._add(
            relation,
            "algebra",
            reason or (f"algebra from {names}" if names else "expand both sides"),
            parents,
            payload={"cofactors": numbered},
        )

    def _find(self, goal: Expr, exprs: Sequence[Expr], n_using: int, rounds: int) -> Sequence[Cofactor] | None:
        """Propose cofactors. The kernel searches for none; `theorems.proof.derivation` does, and is not trusted."""
        return []

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
        squares = [as_square(t) for t in terms]
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
        numbered = tuple(renumbered(c, used.index(c.fact)) for c in cofactors)
        return self._add(
            relation,
            "squares",
            reason or "sum of squares",
            parents,
            payload={"squares": tuple(squares), "cofactors": numbered, "equations": len(used)},
        )
