r"""Steps on quantifiers and branches: axioms, lemmas, statements applied, existence, cases.

Trusted file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from theorems.proof.kernel import smt
from theorems.proof.kernel.facts import Axiom, Fact, ProofError, relations_of
from theorems.proof.kernel.language import Relation, Statement
from theorems.proof.kernel.ledger import Ledger
from theorems.proof.kernel.order import constraint
from theorems.proof.kernel.words import Atom, Dimension, Expr, Letter, ShapeError, indices


def instance_of(
    statement: Statement, mapping: Mapping[Letter, Expr], dims: Mapping[Dimension, Dimension], reason: str
) -> tuple[tuple[Relation, ...], tuple[Relation, ...]]:
    try:
        return statement.instance(mapping, dims)
    except ShapeError as error:
        raise ProofError(f"{reason}: {error}") from error


class Quantifiers(Ledger):
    """Steps on quantifiers and branches: axioms, lemmas, statements applied, existence, cases."""

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
        source: Ledger | str,
        at: Mapping[str, Expr],
        premises: Sequence[Fact] = (),
        *,
        new: Mapping[str, str] | None = None,
        values: Mapping[str, Callable[..., Any]] | None = None,
        dims: Mapping[Dimension, Dimension] | None = None,
    ) -> tuple[list[Expr], list[Fact]]:
        """Use what another derivation proves: a derivation, or a name that `resolve` knows."""
        name, other = self.resolve(source) if isinstance(source, str) else (source.title or "unnamed", source)
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
        dims: Mapping[Dimension, Dimension] | None = None,
    ) -> tuple[list[Expr], list[Fact]]:
        """Use a fact that is a statement (a quantified premise or hypothesis, or what `generalise` made)."""
        self._own(fact)
        statement = fact.content
        if not isinstance(statement, Statement):
            raise ProofError(f"Fact ({fact.number}) is no statement: nothing to apply.")
        if strange := sorted(set(dims or {}) - set(statement.dims)):
            raise ProofError(f"Fact ({fact.number}) does not bind the dimension `{strange[0]}`.")
        fixed = statement.dimensions() - set(statement.dims)
        return self._apply(
            statement,
            at,
            premises,
            new or {},
            values or {},
            dims or {},
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
        mentioned = frozenset().union(*(r.dimensions() for r in relations_of(statement)))
        missing = {d for x in statement.new for d in (x.rows, x.cols)} | mentioned
        missing -= set(replaced) | {"1"}
        if missing:
            raise ProofError(f"{reason}: say which dimensions {sorted(missing)} are, with `dims`.")
        if set(new) != {x.name for x in statement.new}:
            raise ProofError(f"{reason}: name the new letters {[x.name for x in statement.new]}, found {sorted(new)}.")
        mapping: dict[Letter, Expr] = {bound[name]: e for name, e in at.items()}
        needed, shown = instance_of(statement, mapping, replaced, reason)
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
                x for r in relations_of(statement) for x in r.letters() if x not in bound.values()
            )
        for x in statement.new:
            fresh = Letter(new[x.name], replaced.get(x.rows, x.rows), replaced.get(x.cols, x.cols), x.symmetric)
            created.append(self._declare(fresh, hypotheses=births))
            self._depends[fresh] = depends
            if new[x.name] in values:
                self.values[fresh] = values[new[x.name]]
            mapping[x] = created[-1]
        _, conclusions = instance_of(statement, mapping, replaced, reason)
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
        _, conclusions = instance_of(existence, mapping, {}, "exhibit")
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
        names: dict[Atom, str] = {}
        answer = smt.prove([constraint(r, names) for r in relations], [], timeout_seconds=timeout_seconds)
        if not answer.proved:
            raise ProofError(f"The cases are not exhaustive: {answer.reason}")
        return f"{answer.solver} {answer.version}: unsat"
