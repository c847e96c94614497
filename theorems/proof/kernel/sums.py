r"""Steps on finite sums, means and maxima: an index set is a dimension $n$, an index a standard basis vector $e$.

Trusted file. The members of a family of $n$ numbers are the entries $e^\top v$ of a vector, their sum is
$\mathbf 1^\top v$, a weighted mean $w^\top v$, a double sum $\mathbf 1^\top A \mathbf 1$, so that sums are linear, may be
exchanged and renamed by the normal form, which knows no bound variable. What it cannot know stands here; everywhere a
dimension is at least 1, so no sum, choice or maximum is over nothing.
"""

from __future__ import annotations

from fractions import Fraction

from theorems.proof.kernel.facts import Fact, ProofError
from theorems.proof.kernel.language import Relation, Statement, equal, nonnegative, positive, predicate, zero
from theorems.proof.kernel.ledger import Ledger
from theorems.proof.kernel.words import BASIS, Expr, Letter, dimension, letter, number, ones, zeros


def basis(e: Expr) -> Relation:
    """`e` is a standard basis vector: one entry is 1, the others are 0."""
    return predicate(BASIS, e)


class Sums(Ledger):
    """Comprehension, extensionality, sums over all members, choice from a mean, maximum."""

    def member(self, fact: Fact) -> tuple[Fact, Fact]:
        r"""A basis vector $e$ has $e^\top e = 1$ and $e^\top \mathbf 1 = 1$."""
        self._own(fact)
        if fact.relation.kind != "predicate" or fact.relation.predicate != BASIS:
            raise ProofError(f"A member is a standard basis vector: found {fact.relation}.")
        if len(fact.relation.arguments) != 1 or fact.relation.arguments[0].cols != "1":
            raise ProofError(f"A member is one column: found {fact.relation}.")
        (e,) = fact.relation.arguments
        facts = [equal(e.T @ e, 1), equal(e.T @ ones(e.rows), 1)]
        length, one = (self._add(r, "member", f"({fact.number}) is a basis vector", [fact]) for r in facts)
        return length, one

    def comprehend(self, name: str, e: Expr, term: Expr) -> tuple[Expr, Fact]:
        r"""The matrix whose rows are given: $V$ with $e^\top V = t(e)$ for every basis vector $e$, and the statement of that.

        `e` is an arbitrary column (`arbitrary`) and `term` a row in which no other letter was born from `e`. Sound because
        there are finitely many rows, each the value of a term that is defined for every `e`.
        """
        x = self._column(e)
        if term.rows != "1":
            raise ProofError(f"A row has one row: found a term of shape {term.rows} x {term.cols}.")
        self._written(term)
        others = term.letters() - {x}
        for y in others:
            self._known(y)
        births = self._birth_hypotheses(others) | self._rests_on(zeros(x.rows, term.cols))
        if self._lets[x] in births:
            raise ProofError(f"A letter of the term was born from `{x.name}`: it has no value for another member.")
        V = self._declare(Letter(name, x.rows, term.cols), hypotheses=births)
        self._depends[self._letters[name]] = self._with_dependencies(others)
        self.values[self._letters[name]] = lambda model: model.rows_of(x, term)
        content = Statement((x,), (basis(e),), (equal(e.T @ V, term),))
        return V, self._add(content, "define", f"the rows of {name}", hypotheses=births)

    def extensional(self, fact: Fact, matrix: Expr) -> Fact:
        r"""From $e^\top M = 0$ for every basis vector $e$ follows $M = 0$: each row is one of them."""
        x, relation = self._for_members(fact)
        e = letter(x)
        if x in matrix.letters() or matrix.rows != x.rows or not relation.is_same_as(zero(e.T @ matrix)):
            raise ProofError(
                f"`extensional` needs {x.name}' M = 0 for every {x.name}, M free of it: found {fact.content}."
            )
        return self._add(zero(matrix), "extensional", f"row by row from ({fact.number})", [fact])

    def total(
        self,
        fact: Fact,
        *,
        quadratic: Expr | None = None,
        linear: Expr | None = None,
        constant: Expr | int | Fraction = 0,
    ) -> Fact:
        r"""The sum over all members of $e^\top M e + e^\top u + c$, which is $= 0$, $\ge 0$ or $> 0$ for each of them.

        The sum is $\operatorname{tr} M + \mathbf 1^\top u + n c$, because $\sum e e^\top = I$ and $\sum e = \mathbf 1$,
        and has the sign of its members. None of $M$, $u$, $c$ may contain the bound $e$.
        """
        x, relation = self._for_members(fact)
        e, n = letter(x), x.rows
        M = zeros(n, n) if quadratic is None else quadratic
        u = zeros(n, "1") if linear is None else linear
        c = constant if isinstance(constant, Expr) else number(constant)
        if any(x in part.letters() for part in (M, u, c)):
            raise ProofError(f"The parts of a sum cannot contain its bound member `{x.name}`.")
        if relation.kind not in ("=0", ">=0", ">0"):
            raise ProofError(f"Sums keep =, >= and >: found {relation}.")
        if e.T @ M @ e + e.T @ u + c != relation.expr:
            raise ProofError(
                f"The members are not {x.name}' M {x.name} + {x.name}' u + c with these parts: found {relation}."
            )
        whole = M.trace() + ones(n).T @ u + dimension(n) * c
        return self._add(Relation(relation.kind, whole), "sum", f"sum of ({fact.number}) over {x.name}", [fact])

    def choose(
        self, name: str, mean: Fact, weights: Fact, some: Fact, w: Expr, v: Expr
    ) -> tuple[Expr, Fact, Fact, Fact]:
        r"""A member of a mean: from $w^\top v \ge 0$ (or $> 0$), all $e^\top w \ge 0$ and $\mathbf 1^\top w > 0$, an $e$ with
        $e^\top v \ge 0$ (or $> 0$) and $e^\top w > 0$: (the letter, that it is a basis vector, the two relations).

        Otherwise $v_i < 0$ (or $\le 0$) wherever $w_i > 0$, and $w^\top v$ is a sum of such $w_i v_i$, at least one of them,
        so it is $< 0$ (or $\le 0$). For a mean at most $c$ take $v = c \mathbf 1 - a$.
        """
        for f in (mean, weights, some):
            self._own(f)
        x, each = self._for_members(weights)
        if mean.relation not in (nonnegative(w.T @ v), positive(w.T @ v)):
            raise ProofError(f"A choice needs w' v >= 0 or > 0: found {mean.relation}.")
        if x in w.letters() or not each.is_same_as(nonnegative(letter(x).T @ w)):
            raise ProofError(f"A choice needs weights that are >= 0: found {weights.content}.")
        if some.relation != positive(ones(w.rows).T @ w):
            raise ProofError(f"A choice needs weights with a positive sum: found {some.relation}.")
        parents = [mean, weights, some]
        e = self._born(name, [w, v], parents)
        self.values[self._letters[name]] = lambda model: model.largest(v, w)
        found = [basis(e), Relation(mean.relation.kind, e.T @ v), positive(e.T @ w)]
        here, value, weight = (self._add(r, "choice", f"a member of the mean ({mean.number})", parents) for r in found)
        return e, here, value, weight

    def maximum(self, name: str, v: Expr, other: str = "f") -> tuple[Expr, Fact, Fact]:
        r"""The largest of finitely many: $e$ with $f^\top v \le e^\top v$ for every basis vector $f$.

        (the letter, that it is a basis vector, the statement). A dimension is at least 1, so there is an entry.
        """
        if v.cols != "1" or name == other:
            raise ProofError(
                f"The largest entry of a column, named otherwise than the rest: found {v.rows} x {v.cols}."
            )
        self._written(v)
        for y in v.letters():
            self._known(y)
        f = Letter(other, v.rows, "1")
        if f in v.letters():
            raise ProofError(f"The other member `{other}` would capture a letter of {v!r}: name it otherwise.")
        e = self._born(name, [v], [])
        self.values[self._letters[name]] = lambda model: model.largest(v)
        says = Statement((f,), (basis(letter(f)),), (nonnegative(e.T @ v - letter(f).T @ v),))
        rests = self._rests_on(v)
        here = self._add(basis(e), "maximum", f"a largest entry of {v!r}", hypotheses=rests)
        return e, here, self._add(says, "maximum", f"a largest entry of {v!r}", hypotheses=rests)

    def _born(self, name: str, parts: list[Expr], parents: list[Fact]) -> Expr:
        """A fresh basis vector that depends on `parts`."""
        births = self._rests_on(*parts).union(*(p.hypotheses for p in parents))
        e = self._declare(Letter(name, parts[0].rows, "1"), hypotheses=births)
        self._depends[self._letters[name]] = self._with_dependencies(x for p in parts for x in p.letters())
        return e

    def _column(self, e: Expr) -> Letter:
        xs = [x for x in self._lets if letter(x) == e and x.cols == "1" and x.rows != "1"]
        if not xs:
            raise ProofError(f"A member is an arbitrary column, such as `arbitrary('e: n 1')`: found {e!r}.")
        return xs[0]

    def _for_members(self, fact: Fact) -> tuple[Letter, Relation]:
        """The bound basis vector of a statement about every member, and what it says of each."""
        self._own(fact)
        s = fact.content
        if not isinstance(s, Statement) or len(s.letters) != 1 or len(s.conclusions) != 1 or s.new or s.dims:
            raise ProofError(f"Fact ({fact.number}) is no statement about every basis vector: found {s}.")
        (x,) = s.letters
        if s.premises != (basis(letter(x)),) or x.cols != "1":
            raise ProofError(f"Fact ({fact.number}) needs the one premise that {x.name} is a basis vector: found {s}.")
        return x, s.conclusions[0]
