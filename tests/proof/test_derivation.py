"""What the kernel accepts: every step at work, on true statements, with the facts and hypotheses it leaves."""

from __future__ import annotations

import random
from fractions import Fraction
from typing import Any, cast

import pytest
from attacks import ONE, scalar

from numerics.arithmetic import exact
from theorems.proof import (
    Axiom,
    Derivation,
    Expr,
    Fact,
    Indexed,
    Letter,
    ProofError,
    Relation,
    Square,
    Statement,
    at_least,
    at_most,
    dimension,
    equal,
    identity,
    letter,
    letters,
    nonnegative,
    nonzero,
    number,
    positive,
    predicate,
    zero,
    zeros,
)
from theorems.proof.crosscheck import Model, modular_check
from theorems.proof.derivation import lemmas_from
from theorems.proof.kernel.calculus import Const, Mul, Var, exp, log, sqrt
from theorems.proof.search import Cofactor


def complete(d: Derivation) -> None:
    assert d.gaps() == [] and modular_check(d) == []


# Letters.


def test_declarations() -> None:
    assert letters("W_1: h n") == Letter("W_1", "h", "n") and letters("S: n n symmetric") == Letter("S", "n", "n", True)
    assert letters(" s : 1 1") == Letter("s", "1", "1")
    for wrong in ("W", "W: n", "W: n m k", ": n m", "W n m", "W: n n antisymmetric", "W: symmetric"):
        with pytest.raises(ProofError, match="declares no letter: write `name: rows cols` or `name: n n symmetric`"):
            letters(wrong)
    d = Derivation("title")
    A, S = d.matrices("A: n m", "S: n n symmetric")
    s, t = d.scalars("s t")
    assert (A.shape, S.T, s.shape) == (("n", "m"), S, ("1", "1")) and d.title == "title"
    assert d.matrix("B: m m") == letter(Letter("B", "m", "m")) and d.scalar("r") == scalar("r") and s != t
    W = d.family("W[i]: n[i] n[i-1]", "i")
    assert W("j+1").shape == ("n[j+1]", "n[j]") and W(1) == W("1") and (W("K") @ W("K-1")).shape == ("n[K]", "n[K-2]")
    d.given(zero(W("j+1") @ W("j")))
    with pytest.raises(ProofError, match="`W\\[j\\]` was never declared"):
        d.given(zero(letter(Letter("W[j]", "n[j]", "n[j+1]"))))
    with pytest.raises(ProofError, match="family `V\\[1\\]` needs the index `\\[i\\]` in its name"):
        d.family("V[1]: n n", "i")


def test_premises_goals_and_gaps() -> None:
    d = Derivation()
    s = d.scalar("s")
    assert d.gaps() == ["no goal was declared"]
    assert d.goal(nonnegative(s)) == nonnegative(s)
    assert d.gaps() == ["no fact without hypotheses says: s >= 0"]
    p = d.given(positive(s), "s is positive")
    assert (p.number, p.step, p.reason, p.hypotheses, p.parents) == (1, "given", "s is positive", frozenset(), ())
    assert d.given(positive(s)).reason == "premise" and d.suppose(zero(s)).reason == "supposition"
    assert repr(p) == "(1) s > 0   [s is positive]" and p.expr == s and p.latex() == "s > 0"
    w = d.weaken(p, nonnegative(s))
    assert d.proof_of(nonnegative(s)) is w and w.parents == (p,) and w.reason == "by (1)"
    complete(d)
    d.goal(zero(s))
    assert d.gaps() == ["no fact without hypotheses says: s = 0"]


def test_a_goal_follows_from_a_stronger_fact() -> None:
    d = Derivation()
    A, s = d.matrix("A: n n"), d.scalar("s")
    d.goal(zero(A.T))
    d.goal(nonzero(-s))
    p, q = d.given(zero(A)), d.given(positive(s))
    assert len(d.gaps()) == 2
    d.algebra(zero(A), [p])
    d.smt(positive(s), [q])
    complete(d)


# Equations.


def random_word(rng: random.Random, d: list[Expr], shape: tuple[str, str]) -> Expr:
    """A random product of letters and transposes of a shape."""
    while True:
        e = rng.choice(d)
        e = e.T if rng.random() < 0.5 else e
        for _ in range(rng.randrange(3)):
            f = rng.choice(d)
            f = f.T if rng.random() < 0.5 else f
            if e.cols == f.rows:
                e = e @ f
        if e.shape == shape:
            return e


def test_random_consequences_are_found_and_corrupted_ones_are_not() -> None:
    """A goal made as a random combination of random facts is proved; changed in one place it is not."""
    rng = random.Random(11)
    shapes = ("n", "m")
    accepted = rejected = 0
    for _ in range(100):
        d = Derivation()
        pool = list(d.matrices("A: n n", "B: n m", "C: m n", "S: n n symmetric"))
        facts = []
        for _ in range(rng.randrange(1, 3)):
            shape = (rng.choice(shapes), rng.choice(shapes))
            e = random_word(rng, pool, shape) + rng.choice((-2, 1, Fraction(1, 3))) * random_word(rng, pool, shape)
            if not e.is_zero():
                facts.append(d.given(zero(e)))
        goal = zeros("n", "n")
        for f in facts:
            left, right = random_word(rng, pool, ("n", f.expr.rows)), random_word(rng, pool, (f.expr.cols, "n"))
            goal = goal + rng.choice((1, -1, 2)) * (left @ f.expr @ right)
            if rng.random() < 0.5:
                goal = goal + (random_word(rng, pool, (f.expr.cols, f.expr.rows)) @ f.expr).trace() * identity("n")
        d.goal(zero(goal))
        d.algebra(zero(goal), facts)
        complete(d)
        accepted += 1
        wrong = goal + rng.choice((1, -1)) * random_word(rng, pool, ("n", "n"))
        # a corrupted goal is rejected unless it is a consequence too, which the modular check then confirms
        try:
            d.algebra(zero(wrong), facts, rounds=1)
        except ProofError:
            rejected += 1
        assert modular_check(d) == []
    assert accepted == 100 and rejected > 90


def test_algebra_stores_what_it_used() -> None:
    d = Derivation()
    A, B = d.matrices("A: n n", "B: n n")
    unused, used = d.given(zero(A @ A)), d.given(equal(A @ B, identity("n")))
    f = d.algebra(equal(A @ B @ A, A), [unused, used])
    assert f.parents == (used,) and f.reason == f"algebra from ({used.number})" and f.step == "algebra"
    (c,) = f.payload["cofactors"]
    assert c.fact == 0 and c.value(used.expr) == f.expr
    assert (
        d.algebra(equal(A, A)).reason == "expand both sides"
        and d.algebra(equal(A, A), reason="clear").reason == "clear"
    )
    assert d.algebra(equal(A @ B @ A, A), [used], reason="why").reason == "why"
    given = d.algebra(zero(A @ A @ B), [unused], cofactors=[Cofactor(0, ONE, identity("n"), B)])
    assert given.parents == (unused,)
    scaled = d.algebra(zero(3 * (A @ A).trace()), [unused])
    assert scaled.parents == (unused,) and scaled.payload["cofactors"][0].traced
    turned = d.algebra(zero(A.T @ A.T), [unused])
    assert turned.payload["cofactors"][0].transposed
    with pytest.raises(ProofError, match="No cofactors were found for A = 0 from \\[1\\]"):
        d.algebra(zero(A), [unused])
    assert modular_check(d) == []


def test_hypotheses_are_collected() -> None:
    d = Derivation()
    A, B = d.matrices("A: n n", "B: n n")
    h, k = d.suppose(zero(A)), d.suppose(zero(B))
    assert d.algebra(zero(A + B), [h, k]).hypotheses == {h.number, k.number}
    assert d.algebra(zero(2 * B), [h, k]).hypotheses == {k.number}
    assert d.algebra(equal(A + B, B + A)).hypotheses == frozenset()


def test_rules_rewrite_and_are_recorded() -> None:
    d = Derivation()
    P, Q, S = d.matrices("P: n n symmetric", "Q: n n", "S: n n")
    idempotent = d.given(equal(P @ P, P))
    rule = d.rule(idempotent)
    assert rule.fact is idempotent and rule.lead == ((), ((Letter("P", "n", "n", True), False),) * 2)
    f = d.algebra(equal(P @ P @ P @ P, P))
    assert f.parents == (idempotent,) and f.reason == "algebra from (1)"
    assert d.algebra(equal((P @ P @ Q).trace(), (Q @ P).trace())).parents == (idempotent,)
    commute = d.given(equal(S @ Q, identity("n")))
    g = d.algebra(equal(S @ Q @ P @ P, P), [commute])  # a rule and a fact together
    assert set(g.parents) == {idempotent, commute}
    traced = d.given(equal((Q @ S @ P).trace(), Q.trace() + 1))
    assert d.rule(traced).lead == next(iter((Q @ S @ P).trace().terms))
    weighted = d.given(zero(dimension("n") * Q @ S - 3 * Q))
    assert d.rule(weighted).lead[0] == ("n",)
    d.rule(d.given(equal(Q @ Q, S)))
    square = d.squares(nonnegative(P.trace()), [P])
    assert square.parents == (idempotent,)
    late = d.given(equal(Q @ S @ Q, S + P))
    assert d.algebra(equal(Q @ S @ Q @ P, S @ P + P), [late])
    assert modular_check(d) == []


def test_a_rule_helps_where_rewriting_alone_does_not_end() -> None:
    """What is left after rewriting may need the rule again, in a place that only the search finds."""
    d = Derivation()
    A, B, C = d.matrices("A: n n", "B: n n", "C: n n")
    rule = d.given(equal(A @ B, C))
    d.rule(rule)
    other = d.given(equal(A @ B @ B, identity("n")))
    f = d.algebra(equal(C @ B, identity("n")), [other])
    assert set(f.parents) == {rule, other} and modular_check(d) == []


def test_squares() -> None:
    d = Derivation()
    A, B = d.matrices("A: n m", "B: n m")
    s, t = d.scalars("s t")
    young = at_least(A.squared_norm() + B.squared_norm(), 2 * A.inner(B))
    f = d.squares(young, [A - B])
    assert (
        f.parents == () and f.reason == "sum of squares" and f.payload["squares"] == (Square(Fraction(1), (), A - B),)
    )
    p, q, e = d.given(nonnegative(s)), d.given(positive(t)), d.given(equal(s * t, 1))
    for relation, terms, using, parents in [
        (nonnegative(s * t), [(1, p, q)], [], (p, q)),
        (positive(t * t), [(1, q, q)], [], (q, q)),
        (nonnegative(3 * s * A.squared_norm()), [(3, p, A)], [], (p,)),
        (positive(s * t), [(1,)], [e], (e,)),
        (nonnegative(2 * number(1)), [Square(Fraction(2))], [], ()),
        (nonnegative(A.squared_norm() + s), [A, (1, p)], [], (p,)),
        (nonnegative(zeros("1", "1")), [], [], ()),
        (positive(t + A.squared_norm()), [(1, q), A], [], (q,)),
        (nonnegative(number(0)), [(0, A)], [], ()),
    ]:
        g = d.squares(relation, terms, using, reason="because")
        assert g.relation == relation and g.parents == parents and g.reason == "because"
    h = d.suppose(nonnegative(s - 1))
    assert d.squares(nonnegative(2 * s - 2), [(2, h)]).hypotheses == {h.number}
    assert (
        Square(Fraction(2), (p,), A).value() == 2 * s * A.squared_norm()
        and not Square(Fraction(2), (q,), A).is_strict()
    )
    assert Square(Fraction(2), (q,)).is_strict() and not Square(Fraction(0), (q,)).is_strict()
    assert not Square(Fraction(1), (p, q)).is_strict() and Square(Fraction(1)).is_strict()
    with pytest.raises(ProofError, match=r"do not add up to .*: what is left is s"):
        d.squares(nonnegative(s + A.squared_norm()), [A])
    assert modular_check(d) == []


# Order and zero.


def test_weaken_definite_antisymmetric() -> None:
    d = Derivation()
    A, s = d.matrix("A: n m"), d.scalar("s")
    p, e, n = d.given(positive(s)), d.given(zero(A)), d.given(nonzero(A))
    for fact, relation in [
        (p, positive(s)),
        (p, nonnegative(s)),
        (p, nonzero(s)),
        (p, nonzero(-s)),
        (e, zero(A.T)),
        (e, zero(-A)),
        (n, nonzero(-A.T)),
        (d.given(zero(s)), nonnegative(-s)),
    ]:
        assert d.weaken(fact, relation).parents == (fact,)
    q = d.given(zero(A.squared_norm()))
    f = d.definite(q, A)
    assert f.relation == zero(A) and f.parents == (q,) and f.reason == f"the norm in ({q.number}) vanishes"
    assert d.definite(q, A.T).relation == zero(A.T)
    g = d.definite(n, A)
    assert g.relation == positive(A.squared_norm()) and g.reason == f"a norm is positive by ({n.number})"
    assert d.definite(n, A.T).relation == positive(A.squared_norm())
    h = d.suppose(zero(-A.squared_norm()))
    assert d.definite(h, A).hypotheses == {h.number}
    above, below = d.given(at_least(s, 1)), d.given(at_most(s, 1))
    assert d.antisymmetric(above, below).relation == equal(s, 1)
    assert d.antisymmetric(below, above).parents == (below, above)


def test_defined_letters() -> None:
    d = Derivation()
    A, s = d.matrix("A: n m"), d.scalar("s")
    G, g = d.define("G", A @ A.T, symmetric=True)
    assert G == G.T and g.relation == equal(G, A @ A.T) and g.reason == "definition of G" and g.step == "define"
    H, _ = d.define("H", A @ A.T)
    assert H != H.T and d.define("c", A.squared_norm())[0].shape == ("1", "1")
    p = d.given(positive(s))
    r, one = d.reciprocal(p, "r")
    assert one.relation == equal(s * r, 1) and one.parents == (p,) and one.reason == "r is the reciprocal in (4)"
    q, other = d.reciprocal(d.given(nonzero(s + 1)), "q")
    assert other.relation == equal((s + 1) * q, 1)
    root, square, sign = d.root(p, "x")
    assert square.relation == equal(root * root, s) and sign.relation == nonnegative(root)
    assert square.reason == "x is the square root in (4)" and sign.reason == "x is the non-negative root"
    assert sign.parents == square.parents == (p,)
    assert d.root(d.given(nonnegative(s)), "y")[0] == scalar("y")
    d.goal(nonnegative(s))
    d.algebra(zero(s * r * s - s), [one])
    assert modular_check(d) == [] and d.gaps()
    size = d.dimension("n")
    assert size.relation == at_least(dimension("n"), 1) and size.reason == "n is a dimension" and not size.hypotheses


def test_absurd() -> None:
    d = Derivation()
    s = d.scalar("s")
    p, h = d.given(positive(s)), d.suppose(zero(s))
    f = d.absurd(p, h, zero(ONE))
    assert f.relation == zero(ONE) and f.hypotheses == {h.number} and f.parents == (p, h)
    assert f.reason == "(1) contradicts (2)"
    for a, b in [
        (predicate("P"), predicate("P").negation),
        (zero(s), nonzero(-s)),
        (nonnegative(s), positive(-s)),
        (positive(s), nonnegative(-s)),
    ]:
        assert d.absurd(d.suppose(a), d.suppose(b), zero(ONE)) and d.absurd(d.suppose(b), d.suppose(a), zero(ONE))


def test_smt() -> None:
    d = Derivation()
    A, s, t = d.matrix("A: n n"), *d.scalars("s t")
    p, h = d.given(positive(s)), d.suppose(at_least(t, s))
    f = d.smt(positive(t), [p, h])
    assert f.relation == positive(t) and f.parents == (p, h) and f.hypotheses == {h.number} and f.step == "smt"
    assert f.payload["solver"] == "z3" and "(check-sat)" in f.payload["query"] and f.reason.endswith(": unsat")
    trace = d.given(equal(A.trace(), Fraction(1, 2)))
    assert d.smt(equal(2 * A.trace() ** 2, A.trace()), [trace])
    n = d.dimension("n")
    assert d.smt(at_least(dimension("n") ** 2, dimension("n")), [n]) and d.smt(nonzero(s), [p])


# Cases.


def test_cases_by_a_relation_and_its_negation() -> None:
    d = Derivation()
    A = d.matrix("A: n m")
    d.goal(nonnegative(A.squared_norm()))
    yes, no = d.suppose(zero(A)), d.suppose(nonzero(-A.T))
    first = d.squares(nonnegative(A.squared_norm()), [A])
    second = d.weaken(d.definite(no, A), nonnegative(A.squared_norm()))
    f = d.cases([(yes, first), (no, second)])
    assert (
        not f.hypotheses
        and f.parents == (first, second, yes, no)
        and f.reason == f"cases ({yes.number}), ({no.number})"
    )
    assert f.payload["exhaustive"] == "a relation and its negation"
    complete(d)
    p, q = d.suppose(predicate("P", A)), d.suppose(predicate("P", A).negation)
    assert not d.cases([(p, first), (q, first)]).hypotheses


def test_cases_by_the_solver() -> None:
    d = Derivation()
    s = d.scalar("s")
    d.goal(nonnegative(s * s))
    branches = []
    for r in (positive(s), zero(s), positive(-s)):
        h = d.suppose(r)
        branches.append((h, d.smt(nonnegative(s * s), [h])))
    f = d.cases(branches)
    assert (
        not f.hypotheses and f.payload["exhaustive"].endswith(": unsat") and f.payload["exhaustive"].startswith("z3 ")
    )
    complete(d)
    one = d.suppose(nonnegative(s * s))
    assert not d.cases([(one, f)]).hypotheses


def test_cases_join_statements() -> None:
    d = Derivation()
    s = d.scalar("s")
    z = Letter("z", "1", "1")
    exists = Statement((), (), (equal(s * letter(z) * s, s),), (z,))
    d.goal(exists)
    no, yes = d.suppose(zero(s)), d.suppose(nonzero(s))
    first = d.exhibit(exists, {"z": number(0)}, [d.algebra(zero(s), [no])])
    r, one = d.reciprocal(yes, "r")
    second = d.exhibit(exists, {"z": r}, [d.algebra(equal(s * r * s, s), [one])])
    assert first.hypotheses == {no.number} and second.hypotheses == {yes.number}
    assert second.payload == {"at": {"z": r}} and second.step == "exhibit"
    joined = d.cases([(no, first), (yes, second)])
    complete(d)
    (found,), (f,) = d.apply(joined, {}, new={"z": "w"})
    assert f.relation == equal(s * found * s, s) and f.parents == (joined,) and f.reason == f"({joined.number}) applied"


def test_letters_that_do_not_depend_on_the_branch_leave_it() -> None:
    d = Derivation()
    s = d.scalar("s")
    c, definition = d.define("c", s + 1)
    yes, no = d.suppose(zero(s)), d.suppose(nonzero(s))
    inside, _ = d.define("e", 2 * s)
    about = d.algebra(equal(c * inside, (s + 1) * inside), [definition])
    assert d.cases([(yes, about), (no, about)]).relation == about.relation


# Indices.


def test_members_of_an_indexed_fact() -> None:
    d = Derivation()
    w = d.family("w[i]: 1 1", "i")
    assert d.index_constant("K", at_least="2") == "K"
    d.index_constant("k", at_least="1", at_most="K-1")
    p = d.given(Indexed(zero(w("i") * w("i-1")), "i", "1", "K"))
    for index in ("1", "2", "K", "K-1", "k", "k+1"):
        f = d.at(p, index)
        assert f.relation == zero(
            w(index) * w(f"{index}-1" if index.isalnum() and not index.isdigit() else shifted(index))
        )
        assert f.parents == (p,) and not f.hypotheses and f.reason == f"(1) at {index}"
    h = d.suppose(Indexed(zero(w("i")), "i", "0", "k"))  # type: ignore[arg-type]
    assert d.at(h, "k-1").hypotheses == {h.number}


def shifted(index: str) -> str:
    from theorems.proof.kernel.words import parse_index, show_index

    symbol, offset = parse_index(index)
    return show_index(symbol, offset - 1)


def test_for_all() -> None:
    d = Derivation()
    w = d.family("w[i]: 1 1", "i")
    d.index_constant("K")
    p = d.given(Indexed(zero(w("i")), "i", "1", "K"))
    goal = d.goal(Indexed(zero(w("j") + w("j") ** 2), "j", "1", "K"))
    j = d.index("j", "1", "K")
    assert j.hypotheses == {j.number} and j.reason == "let j be such an index" and j.step == "suppose"
    assert j.payload == {"symbol": "j", "low": "1", "high": "K"}
    member = d.at(p, "j")
    assert member.hypotheses == {j.number}
    f = d.algebra(zero(w("j") + w("j") ** 2), [member])
    g = d.for_all(j, f)
    assert g.content == goal and not g.hypotheses and g.parents == (f, j) and g.reason == f"({f.number}) for every j"
    complete(d)
    s = d.scalar("s")
    h = d.suppose(zero(s))
    assert d.for_all(j, d.algebra(zero(s * w("j")), [h])).hypotheses == {h.number}
    c, _ = d.define("c", s + 1)
    assert d.for_all(j, d.squares(nonnegative(c**2 + w("j") ** 2), [c, w("j")])).content


def test_induction_upward() -> None:
    """Products of a chain: w[1] = 1 and w[j+1] = w[j] give w[K] = 1 for every K."""
    d = Derivation()
    w = d.family("w[i]: 1 1", "i")
    d.index_constant("K")
    base = d.given(equal(w(1), 1))
    law = d.given(Indexed(equal(w("i+1"), w("i")), "i", "1", "K-1"))
    d.goal(equal(w("K"), 1))
    j = d.index("j", "1", "K-1")
    h = d.suppose(equal(w("j"), 1))
    step = d.algebra(equal(w("j+1"), 1), [h, d.at(law, "j")])
    assert step.hypotheses == {j.number, h.number}
    f = d.induction(j, h, step, base)
    assert f.content == Indexed(equal(w("j"), 1), "j", "1", "K") and not f.hypotheses
    assert f.parents == (base, step, h, j) and f.reason == f"induction on j from ({base.number}), ({step.number})"
    d.at(f, "K")
    complete(d)


def test_induction_downward() -> None:
    d = Derivation()
    W = d.family("W[i]: n n", "i")
    d.index_constant("K")
    base = d.given(zero(W("K")))
    law = d.given(Indexed(equal(W("i"), W("i-1")), "i", "2", "K"))
    d.goal(zero(W(1)))
    j = d.index("j", "2", "K")
    h = d.suppose(zero(W("j").T))
    step = d.algebra(zero(W("j-1")), [h, d.at(law, "j")])
    f = d.induction(j, h, step, base)
    assert f.content == Indexed(zero(W("j").T), "j", "1", "K")
    d.weaken(d.at(f, "1"), zero(W(1)))
    complete(d)


def test_nested_indices() -> None:
    d = Derivation()
    w = d.family("w[i]: 1 1", "i")
    d.index_constant("K")
    p = d.given(Indexed(zero(w("i")), "i", "1", "K"))
    k = d.index("k", "1", "K")
    j = d.index("j", "1", "k")
    f = d.at(p, "k")
    both = d.algebra(zero(w("k") * w("j")), [f])
    inner = d.for_all(j, both)
    assert inner.content == Indexed(zero(w("k") * w("j")), "j", "1", "k") and inner.hypotheses == {k.number}
    member = d.at(inner, "k")
    assert member.relation == zero(w("k") ** 2) and d.for_all(k, member).hypotheses == frozenset()
    outside = d.absurd(j, d.suppose(j.relation.negation), both.relation)
    with pytest.raises(ProofError, match="not arbitrary: hypothesis"):
        d.for_all(k, outside)


# Axioms and lemmas.


def inverse() -> Axiom:
    a, z = Letter("A", "n", "n"), Letter("Z", "n", "n")
    A, Z = letter(a), letter(z)
    concl = (equal(A @ Z, identity("n")), equal(Z @ A, identity("n")))
    return Axiom("inverse", Statement((a,), (predicate("invertible", A),), concl, (z,)), "T", "Axler, 3.63")


def test_an_axiom_at_work() -> None:
    d = Derivation()
    B, C = d.matrices("B: k k", "C: k m")
    p, q = d.given(predicate("invertible", B)), d.given(zero(B @ C))
    d.goal(zero(C))
    (Z,), (right, left) = d.axiom(inverse(), {"A": B}, [q, p], new={"Z": "Binv"}, values={"Binv": lambda m: m["B"]})
    assert Z == letter(Letter("Binv", "k", "k")) and right.relation == equal(B @ Z, identity("k"))
    assert right.parents == left.parents == (p,) and right.reason == "axiom inverse [T]"
    assert right.payload == {"axiom": "inverse"} and right.step == "axiom" and d.axioms == {"inverse": inverse()}
    assert set(d.values) == {Letter("Binv", "k", "k")}
    d.algebra(zero(C), [left, q])
    complete(d)
    with pytest.raises(ProofError, match="depends on `B`: expand it"):
        d.gradient(Z.trace(), B)


def test_a_derivation_as_lemma() -> None:
    lemma = Derivation("cancel")
    A, B = lemma.matrices("A: n n", "B: n m")
    premises = lemma.given(equal(A.T @ A, identity("n"))), lemma.given(zero(A @ B))
    z = Letter("z", "1", "1")
    exists = Statement((), (), (equal(letter(z), B.squared_norm()),), (z,))
    lemma.goal(zero(B))
    lemma.goal(exists)
    lemma.goal(Indexed(zero(B), "i", "1", "2"))
    i = lemma.index("i", "1", "2")
    f = lemma.algebra(zero(B), premises)
    lemma.for_all(i, f)
    lemma.exhibit(exists, {"z": B.squared_norm()}, [lemma.algebra(zero(B.squared_norm() - B.squared_norm()))])
    complete(lemma)
    S = lemma.statement()
    assert S.letters == (Letter("A", "n", "n"), Letter("B", "n", "m")) and len(S.premises) == 2
    assert S.conclusions == (zero(B), *exists.conclusions) and S.new == (z,)
    d = Derivation()
    Q, C = d.matrices("Q: k k", "C: k 1")
    p, q = d.given(equal(Q.T @ Q, identity("k"))), d.given(zero(Q @ C))
    (c,), (g, h) = d.lemma(lemma, {"A": Q, "B": C}, [p, q], new={"z": "c"}, values={"c": lambda m: 0})
    assert g.relation == zero(C) and h.relation == equal(c, C.squared_norm()) and g.parents == (p, q)
    assert g.reason == "lemma cancel" and g.payload == {"lemma": "cancel"} and d.lemmas == {"cancel": lemma}
    assert d.lemma(lemma, {"A": Q, "B": C}, [p, q], new={"z": "e"})[0] == [scalar("e")]


def test_a_claim_as_lemma() -> None:
    other = Derivation("page")
    n = other.dimension("n")
    other.goal(n.relation)
    pages = {"topic.page": other}
    d = Derivation()
    d.goal(at_least(dimension("m"), 1))
    with pytest.raises(ProofError, match="`topic\\.page` is a name and no catalogue was given"):
        d.lemma("topic.page", {}, dims={"n": "m"})
    with lemmas_from(pages.__getitem__):
        _, [f] = d.lemma("topic.page", {}, dims={"n": "m"})
    assert f.reason == "lemma topic.page" and d.lemmas == {"topic.page": other} and d.gaps() == []


def test_quantified_premises() -> None:
    d = Derivation()
    A, B = d.matrices("A: n n", "B: n n")
    X, y = Letter("X", "n", "n"), Letter("y", "1", "1")
    small = Statement(
        (X,), (predicate("P", letter(X)),), (at_most((A @ letter(X)).trace(), letter(y)), equal(letter(y), 1)), (y,)
    )
    p, q = d.given(small), d.given(predicate("P", B))
    (c,), (f, g) = d.apply(p, {"X": B}, [q], new={"y": "c"}, values={"c": lambda m: 1})
    assert f.relation == at_most((A @ B).trace(), c) and g.relation == equal(c, 1) and f.parents == (p, q)
    assert f.step == "apply" and Letter("c", "1", "1") in d.values
    with pytest.raises(ProofError, match="`c` depends on `A`"):
        d.gradient(c, A)


# What is only read.


def test_derivatives() -> None:
    d = Derivation()
    A, D, s = d.matrix("A: n n"), d.matrix("D: n n"), d.scalar("s")
    assert d.derivative(A @ A, {A: D}) == A @ D + D @ A
    assert d.gradient(s * (A @ A).trace(), A) == 2 * s * A.T
    assert d.gradient(s**2, s) == 2 * s
    c, _ = d.define("c", s**2)
    assert d.gradient(c * A.trace(), A) == c * identity("n")


def test_the_cone_of_the_goals() -> None:
    d = Derivation()
    s, t = d.scalars("s t")
    p, unused = d.given(zero(s)), d.given(zero(t))
    d.goal(zero(2 * s))
    d.goal(zero(3 * t))
    f = d.algebra(zero(2 * s), [p])
    d.algebra(zero(t + s), [p, unused])
    assert d.cone() == [p, f]
    h, k = d.suppose(zero(t)), d.suppose(nonzero(t))
    first = d.algebra(zero(3 * t), [h])
    second = d.absurd(unused, k, zero(3 * t))
    joined = d.cases([(h, first), (k, second)])
    assert d.cone() == [p, unused, f, h, k, first, second, joined] and d.facts[3] not in d.cone()


def test_facts_that_are_no_relation() -> None:
    d = Derivation()
    s = d.scalar("s")
    for content in (Indexed(zero(s), "i", "1", "2"), Statement((), (), (zero(s),))):
        fact = d.given(content)
        with pytest.raises(ProofError, match="is not a single relation: `apply` or `at` makes one of it"):
            assert fact.expr
        assert content.latex() == fact.latex()


def test_model_hooks() -> None:
    d = Derivation()
    d.model_predicate("P", lambda x: x > 0)
    assert d.predicates["P"](1)


def relations() -> list[Relation]:
    s = scalar("s")
    return [zero(s), nonzero(s), nonnegative(s), positive(s), predicate("P", s), predicate("P", s).negation]


@pytest.mark.parametrize("relation", relations(), ids=str)
def test_every_kind_can_be_given_supposed_and_a_goal(relation: Relation) -> None:
    d = Derivation()
    d.scalar("s")
    goal = d.goal(relation)
    p: Fact = d.given(relation)
    h = d.suppose(relation)
    assert d.gaps() and d.proof_of(goal) is None and h.hypotheses == {h.number}
    d.weaken(p, relation)
    assert d.gaps() == []


# Calculus.


def test_terms_are_letters_of_their_own() -> None:
    d = Derivation()
    x, y = d.scalars("x y")
    X, Y = Var("x"), Var("y")
    assert d.term(X * X + 2 * Y - Fraction(1, 2)) == x**2 + 2 * y - Fraction(1, 2)
    assert d.term(-(X + 1)) == -x - 1 and d.term((X + Y) ** 3) == (x + y) ** 3
    logarithm = d.term(log(X))
    assert logarithm == d.term(log(X)) == scalar("log(x)") and d.term(1 / X) != d.term(1 / Y)
    assert d.term(X * log(X)) == x * logarithm and d.term(sqrt(X)) != d.term(sqrt(Y))
    named = Derivation()
    named.scalars("x log(x)")
    assert named.term(log(X)) == scalar("log(x)'")
    for wrong in (Var("z"), log(Var("z"))):
        with pytest.raises(ProofError, match="variable `z` needs a scalar letter of that name"):
            d.term(wrong)
    d.matrix("M: n n")
    with pytest.raises(ProofError, match="variable `M` needs a scalar letter"):
        d.term(Var("M"))
    d.define("c", x + 1)
    d.term(log(Var("c")))
    with pytest.raises(ProofError, match="`log\\(c\\)` depends on `x`"):
        d.gradient(scalar("log(c)"), x)
    with pytest.raises(ProofError, match="A goal speaks of universal letters only"):
        d.goal(zero(scalar("log(c)")))
    d.goal(zero(logarithm))


def test_calculus_equal() -> None:
    d = Derivation()
    x, y = d.scalars("x y")
    X, Y = Var("x"), Var("y")
    p, q, n = d.given(positive(x)), d.given(positive(y)), d.given(nonzero(x))
    f = d.calculus_equal(log(X * Y), log(X) + log(Y), [p, q])
    assert f.relation == equal(d.term(log(X * Y)), d.term(log(X)) + d.term(log(Y)))
    assert f.step == "calculus" and f.parents == (p, q) and f.reason == "calculus: equal terms"
    assert f.payload["solver"] == "z3" and f.payload["version"]
    g = d.calculus_equal(X * (1 / X), Const(Fraction(1)), [n])
    assert g.relation == equal(x * d.term(1 / X), 1) and g.parents == (n,)
    for a, b, using in [
        (X * (1 / X), Const(Fraction(1)), []),  # x may be zero
        (log(X * Y), log(X) + log(Y), [p]),  # y may be negative
        (log(X), log(X), [n]),
        (log(X), X, [p]),
        (X, Y, [p, q]),
    ]:
        with pytest.raises(ProofError, match=r"was not shown|do not show"):
            d.calculus_equal(a, b, using)
    with pytest.raises(ProofError, match="divides by zero"):
        d.calculus_equal(1 / (X - X), Y, [d.suppose(nonzero(number(0)))])
    h = d.suppose(positive(x + y))
    k = d.calculus_equal(exp(log(X + Y)), X + Y, [h])
    assert k.hypotheses == {h.number}
    consumed = d.calculus_equal(exp(log(X + Y)), X + Y, cast(Any, iter([h])))
    assert consumed.parents == (h,) and consumed.hypotheses == {h.number}
    about = d.given(positive(d.matrix("A: n n").trace()))
    with pytest.raises(ProofError, match="knows scalar letters only"):
        d.calculus_equal(X, X, [about])
    with pytest.raises(ProofError, match="knows scalar letters only"):
        d.calculus_equal(X, X, [d.dimension("n")])
    for bad in (d.given(predicate("P", x)), d.given(zero(d.matrix("B: n n")))):
        with pytest.raises(ProofError, match="assumes scalar relations only"):
            d.calculus_equal(X, X, [bad])
    with pytest.raises(ProofError, match="is not a fact of this derivation"):
        d.calculus_equal(X, X, [Derivation().dimension("n")])


def test_calculus_reads_its_own_letters() -> None:
    """A fact about `log(x)` is a condition on the logarithm of x, not on a free variable."""
    d = Derivation()
    x = d.scalar("x")
    X = Var("x")
    p = d.given(positive(x))
    h = d.suppose(positive(d.term(log(X))))
    f = d.calculus_equal(log(log(X)), log(log(X)), [p, h])
    assert f.parents == (p, h)
    with pytest.raises(ProofError, match="was not shown"):
        d.calculus_equal(log(log(X)), log(log(X)), [p])
    b = d.suppose(equal(2 * x * x - 3, 0))
    assert d.calculus_equal(1 / (X * X), 1 / (X * X), [b])


def test_calculus_minimum() -> None:
    d = Derivation()
    x, a = d.scalars("x a")
    X, A = Var("x"), Var("a")
    p, q = d.given(positive(x)), d.given(positive(a))
    f = d.calculus_minimum(X + A * A / X, "x", A, [p, q])
    least = d.term(A + A * A / A)
    assert f.relation == nonnegative(d.term(X + A * A / X) - least) and f.parents == (p, q)
    assert f.reason == "calculus: convex in x, stationary at a"
    r = d.given(nonnegative(a - 1))
    assert d.calculus_minimum((A - 1) * (X - 1) ** 2, "x", Const(Fraction(1)), [p, r]).parents == (p, r)
    with pytest.raises(ProofError, match="was not shown"):
        d.calculus_minimum((A - 1) * (X - 1) ** 2, "x", Const(Fraction(1)), [p])
    with pytest.raises(ProofError, match="needs the fact x > 0 among those it uses"):
        d.calculus_minimum(X + A * A / X, "x", A, [q])
    with pytest.raises(ProofError, match="not shown to vanish"):
        d.calculus_minimum(X + A * A / X, "x", 2 * A, [p, q])
    with pytest.raises(ProofError, match="was not shown"):
        d.calculus_minimum(-((X - 1) ** 2), "x", Const(Fraction(1)), [p])
    bound = d.suppose(at_most(x, 2))
    assert d.calculus_minimum((X - 1) ** 2, "x", Const(Fraction(1)), [p, bound]).hypotheses == {bound.number}


def test_calculus_increasing() -> None:
    d = Derivation()
    a, b = d.scalars("a b")
    A, B, X = Var("a"), Var("b"), Var("x")
    p, q = d.given(positive(a)), d.given(at_least(b, a))
    f = d.calculus_increasing(log(X), "x", A, B, [p, q])
    assert f.relation == nonnegative(d.term(log(B)) - d.term(log(A))) and f.parents == (p, q)
    assert f.reason == "calculus: increasing in x"
    with pytest.raises(ProofError, match="was not shown"):
        d.calculus_increasing(log(X), "x", A, B, [q])
    with pytest.raises(ProofError, match="was not shown"):
        d.calculus_increasing(-X, "x", A, B, [p, q])
    with pytest.raises(ProofError, match="was not shown"):
        d.calculus_increasing(X, "x", A, B, [p])


def test_integrals() -> None:
    d = Derivation()
    a, b = d.scalars("a b")
    A, B, X = Var("a"), Var("b"), Var("x")
    p, q = d.given(positive(a)), d.suppose(at_least(b, a))
    area, f = d.integral("area", log(X), 1 / X, "x", A, B, [p, q])
    assert f.relation == equal(area, d.term(log(B)) - d.term(log(A))) and f.hypotheses == {q.number}
    assert f.reason == "calculus: integral of 1*(x)^(-1) in x from a to b" and f.parents == (p, q)
    with pytest.raises(ProofError, match="was not shown"):
        d.integral("pole", -1 / X, 1 / X**2, "x", Const(Fraction(-1)), Const(Fraction(1)))
    with pytest.raises(ProofError, match="not shown to be an antiderivative"):
        d.integral("wrong", X**2, X, "x", A, B)
    with pytest.raises(ProofError, match="`area` is not fresh"):
        d.integral("area", X, Const(Fraction(1)), "x", A, B)
    with pytest.raises(ProofError, match="`area` depends on `a`"):
        d.gradient(area, a)
    other = d.suppose(nonnegative(a - b))
    with pytest.raises(ProofError, match="`area` belongs to a branch"):
        g = d.squares(nonnegative(area**2), [area])
        d.cases([(q, g), (other, g)])


def test_limits() -> None:
    d = Derivation()
    a = d.scalar("a")
    h = d.suppose(positive(a))
    f = d.limit("x^p log x", Var("a"), [h])
    assert f.content == predicate("exp(a*log(x))*log(x) -> 0 as x -> 0+") and f.hypotheses == {h.number}
    assert f.reason.startswith("limit table: Rudin")
    assert not d.limit("log(1 + x) / x").hypotheses
    with pytest.raises(ProofError, match="is not in the table of limits"):
        d.limit("sin x / x")
    with pytest.raises(ProofError, match="was not shown"):
        d.limit("x^p log x", Var("a"))
    with pytest.raises(ProofError, match="has the parameter p"):
        d.limit("x^p log x")


def test_models_learn_shapes() -> None:
    d = Derivation()
    d.matrix("A: n m")
    d.family("W[i]: n[i] n[i-1]", "i")
    model = Model({"A": exact.identity(2), "W[3]": exact.zeros(2, 5)})
    d.complete_model(model)
    assert model.sizes == {"n": 2, "m": 2, "n[3]": 2, "n[2]": 5}
    with pytest.raises(ProofError, match="gives a value to `Z`, which the derivation does not have"):
        d.complete_model(Model({"Z": exact.identity(1)}))


def test_multiples_of_terms() -> None:
    d = Derivation()
    x = d.scalar("x")
    X = Var("x")
    for c in (-2, -1, 0, 1, 2, Fraction(1, 3)):
        assert d.term(Const(Fraction(c)) * X) == Fraction(c) * x
        assert d.term(Mul(Const(Fraction(c)), X)) == Fraction(c) * x
