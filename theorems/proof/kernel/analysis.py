r"""Steps of calculus: derivatives of expressions, terms such as logarithms, minima, monotony, integrals, limits.

Trusted file.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any, cast

from theorems.proof.kernel import calculus
from theorems.proof.kernel.facts import Fact, ProofError, single_letter
from theorems.proof.kernel.language import Relation, equal, predicate
from theorems.proof.kernel.ledger import Ledger
from theorems.proof.kernel.words import Expr, Letter, derivative, gradient, letter, number


class Analysis(Ledger):
    """Steps of calculus: derivatives of expressions, terms such as logarithms, minima, monotony, integrals, limits."""

    def partial(self, *xs: Expr) -> None:
        """Derivatives are partial in these letters: each is held fixed while another moves, whatever equations hold.

        So it is where an equation is a condition on the point, such as a vanishing gradient, and not a definition.
        `held_fixed` tells it to whoever reads the statement.
        """
        self._partial |= {single_letter(x) for x in xs}

    @property
    def held_fixed(self) -> tuple[str, ...]:
        """The letters in which derivatives are partial."""
        return tuple(sorted(x.name for x in self._partial))

    def derivative(self, expr: Expr, direction: Mapping[Expr, Expr]) -> Expr:
        """The directional derivative; refuses an expression with letters that move with the moved ones."""
        moved = {single_letter(x): d for x, d in direction.items()}
        self._independent(expr, moved)
        return derivative(expr, moved)

    def gradient(self, expr: Expr, x: Expr) -> Expr:
        """The Frobenius gradient in one letter; refuses an expression with letters that move with it."""
        moved = single_letter(x)
        self._independent(expr, {moved})
        return gradient(expr, moved)

    def _independent(self, expr: Expr, moved: Iterable[Letter]) -> None:
        """No other letter of `expr` may move with the moved ones: be defined from them, or tied to them by a relation.

        A premise or supposition that ties them may say that one is a function of the other, while the derivative treats
        it as a constant; what is given later cannot tie them either. `partial` says that a constant is meant.
        """
        moved = frozenset(moved)
        for y in expr.letters():
            clash = self._depends.get(y, frozenset()) & moved
            if clash:
                raise ProofError(f"`{y.name}` depends on `{next(iter(clash)).name}`: expand it before differentiating.")
        others = expr.letters() - moved - self._partial
        self._untied(moved, others, [f.content for f in self.facts if f.step in ("given", "suppose")])
        self._differentiated.append((moved, others))

    def term(self, t: calculus.Term) -> Expr:
        r"""A term of `theorems.proof.kernel.calculus` as a scalar of this derivation.

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
