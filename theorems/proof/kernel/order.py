r"""Steps on the order and on zero: weakening, definiteness, reciprocals, roots, contradictions, real arithmetic.

Trusted file.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any, cast

from theorems.proof.kernel import smt
from theorems.proof.kernel.facts import Fact, ProofError
from theorems.proof.kernel.language import Relation, equal, nonzero, positive, zero
from theorems.proof.kernel.ledger import Ledger
from theorems.proof.kernel.words import Atom, Expr, Letter


def constraint(relation: Relation, names: dict[Atom, str]) -> smt.Constraint:
    """A scalar relation for the solver: each trace, scalar letter or dimension is a real variable of its own.

    `names` collects the variables of one query. A number in each name keeps two atoms that print alike apart.
    """
    if relation.predicate or not relation.expr.is_scalar:
        raise ProofError(f"The solver reads scalar relations only: found {relation}.")
    poly: dict[tuple[str, ...], Fraction] = {}
    for (atoms, _), c in relation.expr.terms.items():
        for a in atoms:
            text = a if isinstance(a, str) else str(Expr("1", "1", {((a,), ()): Fraction(1)}))
            names.setdefault(a, f"{len(names)}: {text}")
        key = tuple(names[a] for a in atoms)
        poly[key] = poly.get(key, Fraction(0)) + c
    return smt.Constraint(poly, cast(Any, relation.kind))


class Order(Ledger):
    """Steps on the order and on zero: weakening, definiteness, reciprocals, roots, contradictions, real arithmetic."""

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
        for f in using:
            self._own(f)
        names: dict[Atom, str] = {}
        answer = smt.prove(
            [constraint(relation, names)],
            [constraint(f.relation, names) for f in using],
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
