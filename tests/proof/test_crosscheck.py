"""The two doubters: they accept what is true, and notice what was changed behind the kernel's back."""

from __future__ import annotations

import dataclasses
import random
from fractions import Fraction
from typing import Any

import pytest
from attacks import ONE
from flint import arb, fmpq, nmod

from numerics.arithmetic import exact
from theorems.proof import (
    Axiom,
    Derivation,
    Expr,
    Fact,
    Indexed,
    Letter,
    Relation,
    Square,
    Statement,
    at_least,
    dimension,
    equal,
    identity,
    letter,
    nonnegative,
    nonzero,
    number,
    positive,
    predicate,
    zero,
    zeros,
)
from theorems.proof.crosscheck import (
    EXACT,
    MODULAR,
    PRIME,
    Model,
    certificate_holds,
    evaluate,
    model_check,
    modular_check,
)
from theorems.proof.search import Cofactor


def rows(*values: Any) -> Any:
    return exact.Matrix([list(v) for v in values])


def test_evaluation_over_the_rationals() -> None:
    A, v, s = (letter(Letter(*x)) for x in (("A", "n", "n"), ("v", "n", "1"), ("s", "1", "1")))
    a, x = rows((1, 2), (3, 4)), rows((1,), (Fraction(-1, 2),))
    values: dict[str, Any] = {"A": a, "v": x, "s": fmpq(3, 2)}

    def ev(e: Expr) -> Any:
        return evaluate(e, lambda l: values[l.name], {"n": 2, "1": 1}.__getitem__, EXACT)

    assert ev(A @ A - 2 * A.T) == rows((5, 4), (11, 14)) and ev(v.T @ A @ v) == fmpq(-1, 2)
    assert ev(s * A + identity("n")) == rows((Fraction(5, 2), 3), (Fraction(9, 2), 7))
    assert ev(A.trace() * s + dimension("n")) == fmpq(19, 2) and ev(v @ v.T) == rows(
        (1, Fraction(-1, 2)), (Fraction(-1, 2), Fraction(1, 4))
    )
    assert ev(s - s) == 0 and ev(A - A) == rows((0, 0), (0, 0)) and ev(A.squared_norm()) == 30
    assert ev((v.T @ v) * A.trace()) == fmpq(25, 4) and ev(s**3) == fmpq(27, 8)


def proof() -> Derivation:
    """A derivation with certificates of every sort."""
    d = Derivation()
    A, B, S = d.matrices("A: n m", "B: m n", "S: n n symmetric")
    v, s, t = d.matrix("v: n 1"), *d.scalars("s t")
    d.partial(A, B, S, v, s, t)
    p, q = d.given(equal(A @ B, identity("n"))), d.given(equal(S @ v, s * v))
    e, o = d.given(equal(s * t, 1)), d.given(nonnegative(t))
    d.algebra(equal(B @ A @ B, B), [p])
    d.algebra(equal((B @ A).trace(), dimension("n")), [p])
    d.algebra(equal(B.T @ A.T, identity("n")), [p])
    d.algebra(equal(v.T @ S, s * v.T), [q])
    d.algebra(equal(v.T @ S @ S @ v, s**2 * v.squared_norm()), [q])
    d.algebra(equal(t * S @ v, v), [q, e])
    d.algebra(equal((A - B.T).squared_norm(), A.squared_norm() + B.squared_norm() - 2 * dimension("n")), [p])
    d.squares(at_least(A.squared_norm() + B.squared_norm(), 2 * dimension("n")), [A - B.T], [p])
    d.squares(nonnegative(t * v.squared_norm()), [(1, o, v)])
    d.squares(nonnegative(2 * t**2 + 3 * s**2), [(2, t), (3, s)])
    d.squares(positive(s * t + t**2), [(1,), (1, t)], [e])
    d.algebra(equal((s + t) ** 2 - (s - t) ** 2, 4 * (s * t)), [e])
    moved = d.derivative((A @ B).trace() ** 2, {A: B.T})
    d.algebra(equal(moved, 2 * (A @ B).trace() * B.squared_norm()))
    d.algebra(equal(d.gradient((S @ A @ A.T).trace(), A), 2 * S @ A))
    d.algebra(equal(d.gradient(s**2 * t, s), 2 * s * t))
    d.algebra(equal((v @ v.T) ** 2, v.squared_norm() * v @ v.T))
    d.algebra(zero(d.derivative(v.T @ v - v.inner(v), {v: v}) + (zeros("n", "n") @ S).trace()))
    return d


def test_true_certificates_pass() -> None:
    d = proof()
    assert modular_check(d) == [] and modular_check(d, seed=7) == []


def test_changed_goals_fail() -> None:
    """The same certificate does not prove another goal: sign, factor, transposition, an added or dropped term."""
    d, rng, killed = proof(), random.Random(1), 0
    for fact in d.facts:
        if fact.step not in ("algebra", "squares"):
            continue
        e = fact.expr
        assert certificate_holds(e, fact, rng)
        changed = [e + (identity(e.rows) if e.rows == e.cols else 0 * e + e)]
        for term, c in list(e.terms.items()):
            for factor in (-1, 2, Fraction(1, 2)):
                changed.append(Expr(e.rows, e.cols, {**e.terms, term: factor * c}))
            changed.append(Expr(e.rows, e.cols, {t: c for t, c in e.terms.items() if t != term}))
        if e.rows == e.cols and e.T != e:
            changed.append(e.T)
        for g in changed:
            assert g == e or not certificate_holds(g, fact, rng)
            killed += g != e
    assert killed > 90


def replaced(d: Derivation, fact: Fact, **payload: Any) -> list[str]:
    """What the modular check says when the certificate of a fact is another."""
    d.facts[fact.number - 1] = dataclasses.replace(fact, payload={**fact.payload, **payload})
    found = modular_check(d)
    d.facts[fact.number - 1] = fact
    return found


def test_changed_certificates_fail() -> None:
    d, seen = proof(), set()
    for fact in d.facts:
        for i, c in enumerate(fact.payload.get("cofactors", ())):
            changes = [dataclasses.replace(c, outer=factor * c.outer) for factor in (2, -1)]
            if fact.parents[c.fact].expr.rows == fact.parents[c.fact].expr.cols != "1" and not c.traced:
                changes.append(dataclasses.replace(c, transposed=not c.transposed))
            for change in changes:
                others = fact.payload["cofactors"]
                (message,) = replaced(d, fact, cofactors=(*others[:i], change, *others[i + 1 :]))
                assert message == f"step ({fact.number}) {fact.content} fails modulo {PRIME}"
                seen.add(fact.step)
        for i, s in enumerate(fact.payload.get("squares", ())):
            others = fact.payload["squares"]
            for change in (
                Square(s.q + 1, s.facts, s.matrix),
                Square(s.q, s.facts * 2, s.matrix),
                Square(s.q, (), None),
            ):
                if change.value() != s.value():
                    assert replaced(d, fact, squares=(*others[:i], change, *others[i + 1 :]))
    assert seen == {"algebra", "squares"}


def test_a_wrong_normal_form_is_noticed() -> None:
    """Expressions remember how they were made; the check multiplies that out without normal forms."""
    d = Derivation()
    A, B, s = d.matrix("A: n n"), d.matrix("B: n n"), d.scalar("s")
    wrong = [
        Expr("n", "n", (B @ A).terms, ("@", A, B)),
        Expr("n", "n", A.terms, ("T", A)),
        Expr("1", "1", (A @ B.T).trace().terms, ("trace", A @ B)),
        Expr("1", "1", (A @ A).trace().terms, ("norm", A)),
        Expr("1", "1", (A @ B).trace().terms, ("inner", A, B)),
        Expr("n", "n", (A - B).terms, ("+", A, B)),
        Expr("n", "n", A.terms, ("-", A)),
        Expr("n", "n", (2 * A).terms, ("*", s, A)),
        Expr("n", "n", (A @ A).terms, ("^", A, 3)),
        Expr("n", "n", (2 * A).terms, ("derivative", A @ A, {Letter("A", "n", "n"): identity("n") * 2})),
        Expr("n", "n", (2 * A.T).terms, ("gradient", A.squared_norm(), Letter("A", "n", "n"))),
        Expr("n", "n", (2 * A).terms, ("gradient", (A @ A).trace(), Letter("A", "n", "n"))),
        Expr("1", "1", (3 * s).terms, ("gradient", s**2, Letter("s", "1", "1"))),
        Expr("1", "1", ONE.terms, ("number", Fraction(2))),
        Expr("1", "1", ONE.terms, ("zeros",)),
        Expr("n", "n", A.terms, ("identity", "n")),
    ]
    for e in wrong:
        plain = Expr(e.rows, e.cols, e.terms)
        fact = d.algebra(equal(e, plain))
        found = modular_check(d)
        assert found and all(m.startswith(f"step ({fact.number})") for m in found), e.made
        d.facts.pop()
    gradient = d.algebra(equal(wrong[11], Expr("n", "n", (2 * A).terms)))
    assert modular_check(d)[0] == f"step ({gradient.number}): the gradient in `A` is wrong modulo {PRIME}"


def test_derivatives_inside_derivatives() -> None:
    d = Derivation()
    A, D, s = d.matrix("A: n n"), d.matrix("D: n n"), d.scalar("s")
    first = d.derivative((A @ A @ A).trace() + s * A.squared_norm() + dimension("n") - 3, {A: D})
    d.algebra(equal(d.derivative(first, {A: D}), 6 * (A @ D @ D).trace() + 2 * s * D.squared_norm()))
    g = d.gradient(s**3 + (zeros("n", "n") - A).trace() * s, s)
    d.algebra(equal(d.derivative(g, {A: D, s: 2 * s}), 12 * s**2 - D.trace()))
    d.algebra(equal(d.derivative(A**2 @ A.T, {A: A}), 3 * A @ A @ A.T))
    assert modular_check(d) == []


def test_low_dimensions_lie_and_are_not_used() -> None:
    """AB = BA at 1 x 1: a false certificate that every 1 x 1 matrix satisfies is refused for every seed."""
    d = Derivation()
    A, B = d.matrices("A: n n", "B: n n")
    fact = d.algebra(zero(A - A))
    for seed in range(20):
        assert not certificate_holds(A @ B - B @ A, fact, random.Random(seed))
        assert not certificate_holds(A.trace() * A - A @ A, fact, random.Random(seed))
        assert certificate_holds(A @ B - A @ B, fact, random.Random(seed))


# Models.


def test_what_a_model_knows() -> None:
    m = Model({"W[1]": rows((1, 2)), "s": 3, "t": Fraction(1, 2)}, {"K": 1}, {"note": "planted"})
    m.learn(Letter("W[K]", "n[K]", "n[K-1]"), rows((1, 2)))
    assert m.sizes == {"n[1]": 1, "n[0]": 2} and m.size("n[K-1]") == 2 and m.size("1") == 1
    assert m["W[K]"] == rows((1, 2)) and m.resolve("W[K+1][j]") == "W[2][j]"
    assert m.index("K+2") == 3 and m.index("4") == 4 and m.extra["note"] == "planted"
    assert m.scalar("t") == fmpq(1, 2) and isinstance(m.scalar("s"), fmpq)
    m.learn(Letter("r", "1", "1"), rows((5,)))
    assert m.values["r"] == 5 and m.scalar("r") == 5
    m.values["q"] = rows((7,))
    assert m.scalar("q") == 7
    n = m.with_index("K", 2)
    n.values["new"] = 1
    assert n.index("K") == 2 and m.index("K") == 1 and "new" not in m.values
    with pytest.raises(ValueError, match="`B` has dimension n\\[0\\] = 3, elsewhere it is 2"):
        m.learn(Letter("B", "n[0]", "1"), rows((1,), (2,), (3,)))
    with pytest.raises(ValueError, match="`c` has dimension 1 = 2, elsewhere it is 1"):
        m.learn(Letter("c", "n[0]", "1"), rows((1, 2), (3, 4)))
    assert m.root(fmpq(9, 4)) == fmpq(3, 2) and m.root(fmpq(0)) == 0
    two = m.root(fmpq(2))
    assert isinstance(two, arb) and (two * two).overlaps(arb(2)) and isinstance(m.root(arb(2)), arb)


@pytest.mark.parametrize(
    ("kind", "truths"),
    [
        ("=0", (False, True, False)),
        ("!=0", (True, False, True)),
        (">=0", (False, True, True)),
        (">0", (False, False, True)),
    ],
)
def test_what_a_model_says(kind: str, truths: tuple[bool, ...]) -> None:
    s = letter(Letter("s", "1", "1"))
    for value, truth in zip((-1, 0, 1), truths, strict=True):
        for v in (value, fmpq(value), arb(value)):
            assert Model({"s": v}).says(Relation(kind, s), {}) is truth
    wide = arb(0, 1)
    assert Model({"s": wide}).says(Relation(kind, s), {}) is None


def test_what_a_model_says_of_matrices_and_predicates() -> None:
    A, s = letter(Letter("A", "n", "n")), letter(Letter("s", "1", "1"))
    m = Model({"A": rows((1, 0), (0, 0)), "s": 2}, sizes={"n": 2})
    assert m.says(equal(A @ A, A), {}) is True and m.says(nonzero(A - A), {}) is False
    assert m.says(zero(A), {}) is False and m.says(nonzero(A), {}) is True
    predicates = {"large": lambda x: x > 1}
    assert (
        m.says(predicate("large", s), predicates) is True
        and m.says(predicate("large", s).negation, predicates) is False
    )
    assert m.says(predicate("unknown", s), predicates) is None and m.says(Statement((), (), (zero(s),)), {}) is None
    w = Model({"w[1]": 1, "w[2]": 0, "w[3]": arb(0, 1)}, {"K": 3})
    member = letter(Letter("w[i]", "1", "1"))
    assert w.says(Indexed(nonnegative(member), "i", "1", "K-1"), {}) is True
    assert w.says(Indexed(positive(member), "i", "1", "K"), {}) is False
    assert w.says(Indexed(nonnegative(member), "i", "1", "K"), {}) is None


def small() -> Derivation:
    d = Derivation()
    A, s = d.matrix("A: n n"), d.scalar("s")
    d.goal(nonnegative(s * A.squared_norm()))
    p = d.given(positive(s))
    r, one = d.reciprocal(p, "r")
    x, square, _ = d.root(p, "x")
    c, definition = d.define("c", r * A.trace())
    d.algebra(equal(s * c, A.trace()), [one, definition])
    d.algebra(equal(x**4, s**2), [square])
    h, k = d.suppose(zero(A)), d.suppose(nonzero(A))
    same = nonnegative(s * A.squared_norm())
    first = d.squares(same, [], [h])
    second = d.smt(same, [p, d.definite(k, A)])
    d.cases([(h, first), (k, second)])
    return d


def test_true_facts_hold_in_models() -> None:
    d = small()
    models = [Model({"A": m, "s": s}) for m in (rows((0,)), rows((1, 2), (3, 4))) for s in (1, Fraction(9, 4), 2)]
    for m in models:
        d.complete_model(m)
    report = model_check(d, models)
    assert report.passes and report.models == 6 and not report.false and not report.never
    assert not model_check(d, []).passes


def test_a_model_that_breaks_a_premise_is_an_error() -> None:
    d = small()
    m = Model({"A": rows((1,)), "s": -1}, sizes={"n": 1})
    report = model_check(d, [m])
    assert not report.passes and report.false[0] == "(1) s > 0 [given] is false in model 0"
    assert report.false[-1] == "the goal s |A|^2 >= 0 is false in model 0"


def test_facts_that_no_model_reaches_are_reported() -> None:
    d = small()
    m = Model({"A": rows((1,)), "s": 1}, sizes={"n": 1})
    never = model_check(d, [m]).never
    assert len(never) == 2 and "A = 0" in never[0]


def test_a_false_axiom_is_caught() -> None:
    a, z = Letter("a", "1", "1"), Letter("z", "1", "1")
    d = Derivation()
    s = d.scalar("s")
    law = Axiom("roots", Statement((a,), (), (equal(letter(z) ** 2, letter(a)),), (z,)), "T", "wrong without a >= 0")
    (y,), [f] = d.axiom(law, {"a": s}, new={"z": "y"}, values={"y": lambda m: m.root(abs(m.scalar("s")))})
    d.goal(nonnegative(s))
    d.squares(nonnegative(s), [y], [f])
    assert d.gaps() == [] and modular_check(d) == []
    good, bad = Model({"s": 4}), Model({"s": -4})
    assert model_check(d, [good]).passes
    report = model_check(d, [good, bad])
    assert not report.passes and "(1) y^2 = s [axiom] is false in model 1" in report.false
    unvalued = Derivation()
    s = unvalued.scalar("s")
    unvalued.axiom(law, {"a": s}, new={"z": "y"})
    assert model_check(unvalued, [Model({"s": 4})]).never == ("(1) y^2 = s",)


def test_indexed_facts_are_evaluated_everywhere() -> None:
    def chain(values: dict[str, Any], depth: int) -> Any:
        d = Derivation()
        w = d.family("w[i]: 1 1", "i")
        d.index_constant("K")
        p = d.given(Indexed(nonnegative(w("i")), "i", "1", "K"))
        j = d.index("j", "1", "K")
        f = d.at(p, "j")
        c, e = d.define("c", w("j") + 1)
        d.smt(positive(c), [f, e])
        g = d.for_all(j, f)
        d.goal(g.content)
        m = Model(values, {"K": depth})
        d.complete_model(m)
        return model_check(d, [m])

    assert chain({"w[1]": 1, "w[2]": 0}, 2).passes
    report = chain({"w[1]": 1, "w[2]": -2}, 2)
    assert not report.passes and len(report.false) == 5  # premise, member, positive, for all, goal


def test_hypotheses_that_no_model_can_evaluate() -> None:
    d = Derivation()
    s = d.scalar("s")
    h = d.suppose(Statement((), (), (zero(s),)))
    _, [f] = d.apply(h, {})
    k = d.suppose(predicate("P", s))
    g = d.smt(equal(s * s, 0), [f])
    d.absurd(k, d.suppose(predicate("P", s).negation), zero(s))
    q, one = d.reciprocal(d.suppose(nonzero(s)), "q")
    inside = d.suppose(positive(q))
    d.weaken(inside, nonnegative(q))
    report = model_check(d, [Model({"s": 0})])
    assert report.false == () and not report.passes
    assert any(str(one.relation) in x for x in report.never)
    assert g.hypotheses == {h.number}


def test_rings() -> None:
    assert MODULAR.identity(2).trace() == nmod(2, PRIME) and MODULAR.zeros(2, 3).is_zero()
    assert not MODULAR.identity(2).is_zero() and MODULAR.scalar(Fraction(1, 3)) * 3 == 1
    assert EXACT.scalar(Fraction(1, 3)) == fmpq(1, 3)


def test_cofactors_say_their_value() -> None:
    A = letter(Letter("A", "n", "m"))
    B = letter(Letter("B", "k", "n"))
    assert Cofactor(0, number(2), B, A.T).value(A) == 2 * B @ A @ A.T
    assert Cofactor(0, ONE, A, identity("n"), transposed=True, traced=True).value(A) == A.squared_norm()
