"""Generalisation and induction over statements: what they prove, and every way to cheat that we could think of."""

from __future__ import annotations

import random
from fractions import Fraction

import pytest
from attacks import FALSE, refused

from numerics.arithmetic import exact
from theorems.proof import (
    Axiom,
    Derivation,
    Expr,
    Fact,
    Indexed,
    Letter,
    Statement,
    at_least,
    at_most,
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
)
from theorems.proof.crosscheck import Model, model_check
from theorems.proof.report import trusted_base


def vanishing() -> tuple[Derivation, Expr, Fact, Fact]:
    """For an arbitrary A with A'A = 0: A = 0."""
    d = Derivation("a matrix with A'A = 0 vanishes")
    A = d.arbitrary("A: p q")
    h = d.suppose(zero(A.T @ A))
    norm = d.algebra(zero(A.squared_norm()), [h])
    return d, A, h, d.definite(norm, A)


# Generalisation.


def test_a_fact_about_an_arbitrary_letter_becomes_a_statement() -> None:
    d, A, h, f = vanishing()
    every = d.generalise(f, [A], [h], dims=["p", "q"])
    assert every.hypotheses == frozenset() and every.step == "generalise"
    assert str(every.content) == "for all dimensions p, q for all A: p x q if A' A = 0 A = 0"
    assert every.latex() == (
        "\\forall\\, p,\\ q \\ge 1:\\ \\forall\\, A \\in \\mathbb{R}^{p \\times q}:\\ A^{\\top} A = 0 \\implies\\ A = 0"
    )
    B, C = d.matrices("B: m n", "C: n k")
    premise = d.given(zero((B @ C).T @ (B @ C)))
    goal = d.goal(zero(B @ C))
    d.apply(every, {"A": B @ C}, [premise])
    assert d.gaps() == [] and d.proof_of(goal) is not None


def test_dimensions_that_are_not_bound_stay() -> None:
    d, A, h, f = vanishing()
    every = d.generalise(f, [A], [h])
    B = d.matrix("B: m n")
    premise = d.given(zero(B.T @ B))
    with refused("wrong shape"):
        d.apply(every, {"A": B}, [premise])
    with refused("does not bind the dimension `p`"):
        d.apply(every, {"A": B}, [premise], dims={"p": "m"})


def test_a_dimension_that_no_letter_shows_is_said() -> None:
    d = Derivation()
    every = d.generalise(d.dimension("p"), [], dims=["p"])
    with refused("say which dimensions"):
        d.apply(every, {})
    _, (f,) = d.apply(every, {}, dims={"p": "n"})
    assert f.relation == at_least(dimension("n"), 1) and not f.hypotheses


def test_the_premises_come_back_when_it_is_applied() -> None:
    d, A, h, f = vanishing()
    every = d.generalise(f, [A], [h], dims=["p", "q"])
    with refused("the premise .* is not among the facts given"):
        d.apply(every, {"A": d.matrix("B: m n")})


def test_without_its_premise_nothing_is_generalised() -> None:
    d, A, h, f = vanishing()
    with refused("A letter is not arbitrary: hypothesis"):
        d.generalise(f, [A])
    assert h.number in f.hypotheses


def test_only_arbitrary_letters() -> None:
    d = Derivation()
    B = d.matrix("B: n n")
    W = d.family("W[i]: n n", "i")
    A = d.arbitrary("A: n n")
    C, c = d.define("C", A @ A)
    fact = d.algebra(equal(B @ C, B @ A @ A), [c])
    for e in (B, W("2"), C, A @ A, A.T):
        with refused("is not arbitrary: open a letter with `arbitrary`"):
            d.generalise(fact, [e])
    with refused("cannot carry an index"):
        d.arbitrary("V[j]: n n")
    with refused("not fresh"):
        d.arbitrary("B: n n")


def test_a_letter_born_from_an_arbitrary_one_cannot_leave_it() -> None:
    d = Derivation()
    A = d.arbitrary("A: n n")
    c = d.define("C", A @ A)[1]
    assert c.hypotheses
    with refused("`C` belongs to a branch"):
        d.generalise(c, [A])


def test_a_hypothesis_that_stays_cannot_speak_of_the_letter_nor_of_one_born_from_it() -> None:
    d = Derivation()
    A = d.arbitrary("A: n n")
    C, c = d.define("C", A @ A)
    h = d.suppose(zero(C))
    f = d.algebra(zero(A @ A), [h, c])
    with refused("hypothesis .* speaks of it"):
        d.generalise(f, [A])
    with refused("`C` belongs to a branch"):
        d.generalise(f, [A], [h])


def test_a_hypothesis_of_a_premise_of_the_claim_is_no_premise_of_a_statement() -> None:
    d = Derivation()
    A = d.arbitrary("s")
    p = d.given(predicate("P"))
    every = Statement((), (), (zero(A - A),))
    for h in (p, d.suppose(every), d.index("j", "1", "3")):
        with refused("premises of a generalisation are relations, opened with `suppose`"):
            d.generalise(d.algebra(zero(A - A)), [A], [h])


@pytest.mark.parametrize("how", ["premise", "supposition", "letter", "shape", "other letter"])
def test_a_dimension_that_is_not_arbitrary(how: str) -> None:
    d = Derivation()
    fact = d.dimension("q")
    if how == "premise":
        small = d.given(at_least(2, dimension("q")))
        fact = d.smt(at_least(3, dimension("q")), [small])
    elif how == "supposition":
        small = d.suppose(at_least(2, dimension("q")))
        fact = d.smt(at_least(3, dimension("q")), [small])
    elif how == "letter":
        B = d.matrix("B: q q")
        fact = d.squares(nonnegative(B.squared_norm()), [B])
    elif how == "shape":
        d.given(predicate("tall", d.matrix("B: q n")))
    else:
        B = d.arbitrary("B: q n")
        h = d.suppose(nonzero(B))
        fact = d.weaken(d.definite(h, B), nonnegative(B.squared_norm()))
        d.generalise(fact, [B], [h], dims=["q"])
        with refused("not arbitrary|binds a dimension"):
            d.generalise(fact, [], [h], dims=["q"])
        return
    with refused("not arbitrary|binds a dimension"):
        d.generalise(fact, [], dims=["q"])


@pytest.mark.parametrize("dims", [["1"], ["n[j]"], ["p", "p"]])
def test_what_is_no_dimension_to_bind(dims: list[str]) -> None:
    d = Derivation()
    with refused("cannot bind the dimension"):
        d.generalise(d.dimension("n"), [], dims=dims)


def test_statements_are_merged() -> None:
    d, A, h, f = vanishing()
    B = d.arbitrary("B: q r")
    product = d.algebra(zero(A @ B), [f])
    inner = d.generalise(product, [B], dims=["r"])
    outer = d.generalise(inner, [A], [h], dims=["p", "q"])
    content = outer.content
    assert isinstance(content, Statement) and [x.name for x in content.letters] == ["A", "B"]
    assert content.dims == ("p", "q", "r") and not outer.hypotheses
    with refused("hypothesis"):  # the inner statement still rests on what was supposed of A
        d.apply(inner, {"B": d.matrix("C: q n")})
        d.generalise(inner, [A])


def test_an_existence_is_generalised() -> None:
    d = Derivation()
    s = d.arbitrary("s")
    z = Letter("z", "1", "1")
    more = d.exhibit(
        Statement((), (), (positive(letter(z) - s),), (z,)), {"z": s + 1}, [d.squares(positive(s + 1 - s), [(1,)])]
    )
    every = d.generalise(more, [s])
    t = d.scalar("t")
    (w,), (f,) = d.apply(every, {"s": t * t}, new={"z": "w"}, values={"w": lambda model: model.evaluate(t * t) + 1})
    assert f.relation == positive(w - t * t) and not f.hypotheses
    with refused("not fresh"):
        d.apply(every, {"s": t}, new={"z": "w"})


def test_the_order_of_quantifiers_cannot_be_exchanged() -> None:
    """From "for every s there is a z above it" no z above every s."""
    d = Derivation()
    s = d.arbitrary("s")
    z = Letter("z", "1", "1")
    premise = d.given(
        Statement((Letter("a", "1", "1"),), (), (positive(letter(z) - letter(Letter("a", "1", "1"))),), (z,))
    )
    _, (f,) = d.apply(premise, {"a": s}, new={"z": "w"})
    with refused("`w` belongs to a branch"):
        d.generalise(f, [s])


def test_branches_are_joined_under_an_arbitrary_letter() -> None:
    d = Derivation()
    s = d.arbitrary("s")
    up, down = d.suppose(nonnegative(s)), d.suppose(positive(-s))
    square = nonnegative(s * s)
    joined = d.cases([(up, d.squares(square, [s])), (down, d.squares(square, [s]))])
    assert joined.hypotheses == {1}
    assert not d.generalise(joined, [s]).hypotheses
    with refused("no hypothesis"):
        d.cases([(d.facts[0], joined)])


def test_an_arbitrary_letter_is_in_no_goal_and_no_premise() -> None:
    d = Derivation()
    s = d.arbitrary("s")
    for door in (d.goal, d.given):
        with refused("universal letters only"):
            door(nonnegative(s))
    d.goal(FALSE)
    f = d.suppose(equal(s, s + 1))
    d.algebra(FALSE, [f])
    assert d.gaps()


def test_a_statement_under_an_index_is_generalised_over_it() -> None:
    d = Derivation()
    d.index_constant("K")
    j = d.index("j", "1", "K")
    A = d.arbitrary("A: n[j] m")
    every = d.generalise(d.squares(nonnegative(A.squared_norm()), [A]), [A])
    members = d.for_all(j, every)
    first = d.at(members, "1")
    B = d.matrix("B: n[1] m")
    _, (f,) = d.apply(first, {"A": B})
    assert f.relation == nonnegative(B.squared_norm())
    with refused("indexed already"):
        d.for_all(d.index("i", "1", "2"), members)


def test_a_letter_is_named_once() -> None:
    d = Derivation()
    A = d.arbitrary("A: n n")
    fact = d.algebra(equal(A, A))
    with refused("binds each letter once"):
        d.generalise(fact, [A, A])


def test_what_an_inner_statement_binds_captures_no_premise() -> None:
    """From "if b = 0 then for all b: false" no "for all b: if b = 0 then false"."""
    d = Derivation()
    b = d.scalar("b")
    not_zero, is_zero = d.given(nonzero(b)), d.suppose(zero(b))
    anything = d.absurd(is_zero, not_zero, FALSE)
    x = d.arbitrary("x")
    inner = d.suppose(Statement((Letter("b", "1", "1"),), (), (equal(letter(Letter("b", "1", "1")) * 0 + 0, 1),)))
    with refused("would capture"):
        d.generalise(inner, [x], [is_zero])
    tall = d.suppose(at_least(dimension("q"), 3))
    every = d.generalise(d.dimension("q"), [], dims=["q"])
    with refused("would capture"):
        d.generalise(every, [], [tall])
    A = d.arbitrary("A: q n")
    with refused("would capture"):
        d.generalise(every, [A])
    assert anything.hypotheses == {is_zero.number}


# Induction over a natural number.


def frames() -> tuple[Derivation, Statement, Fact]:
    """A projection of every rank up to m, from: one that is not yet everything misses a unit vector."""
    d = Derivation("projections of every rank")
    m = dimension("m")
    P, e = Letter("P", "m", "m", True), Letter("e", "m", "1")
    p, v = letter(P), letter(e)
    premise = (equal(p @ p, p), at_least(m - p.trace(), 1))
    missed = d.given(Statement((P,), premise, (zero(p @ v), equal(v.T @ v, 1)), (e,)), "a vector is missed")
    D = Letter("D", "m", "m", True)

    def ranked(s: Expr | int) -> Statement:
        x = letter(D)
        return Statement((), (), (equal(x @ x, x), equal(x.trace(), s)), (D,))

    goal = d.goal(ranked(m))
    none = d.exhibit(
        ranked(0),
        {"D": identity("m") - identity("m")},
        [d.algebra(zero(identity("m") - identity("m"))), d.algebra(equal(number(0), 0))],
    )
    s = d.arbitrary("s")
    room = d.suppose(at_least(m - s, 1))
    supposed = d.suppose(ranked(s))
    (Q,), (idempotent, rank) = d.apply(supposed, {}, new={"D": "Q"})
    left = d.smt(at_least(m - Q.trace(), 1), [room, rank])
    (u,), (away, unit) = d.apply(missed, {"P": Q}, [idempotent, left], new={"e": "u"})
    R = Q + u @ u.T
    step = d.exhibit(
        ranked(s + 1),
        {"D": R},
        [d.algebra(equal(R @ R, R), [idempotent, away, unit]), d.algebra(equal(R.trace(), s + 1), [rank, unit])],
    )
    return d, goal, d.induct(s, supposed, step, none, "m", [room])


def test_an_existence_is_proved_by_induction_up_to_a_dimension() -> None:
    d, goal, fact = frames()
    assert not fact.hypotheses and d.gaps() == [] and fact.content == goal


def counting() -> tuple[Derivation, Expr, Fact, Fact, Fact]:
    """(d, s, supposed, step, base) of: t >= s for s = 0, 1, ..., from t >= 0 and a premise that is false in general."""
    d = Derivation()
    t = d.scalar("t")
    grows = d.given(Statement((Letter("a", "1", "1"),), (), (at_least(t, letter(Letter("a", "1", "1"))),)))
    (base,) = d.apply(grows, {"a": number(0)})[1]
    s = d.arbitrary("s")
    supposed = d.suppose(at_least(t, s))
    (step,) = d.apply(grows, {"a": s + 1})[1]
    return d, s, supposed, step, base


def test_an_induction_ends_at_a_dimension_or_at_a_natural_number() -> None:
    d, s, supposed, step, base = counting()
    t = d.facts[0].content.conclusions[0]  # type: ignore[union-attr]
    assert d.induct(s, supposed, step, base, "n").relation == t.substitute({Letter("a", "1", "1"): dimension("n")}, {})
    assert d.induct(s, supposed, step, base, 7).relation == t.substitute({Letter("a", "1", "1"): number(7)}, {})
    assert d.induct(s, supposed, step, base, 0).relation == base.relation
    with refused("ends at a natural number: found -1"):
        d.induct(s, supposed, step, base, -1)


def test_the_step_proves_the_next_and_the_base_the_first() -> None:
    d, s, supposed, step, base = counting()
    with refused("The step proves .*: needed"):
        d.induct(s, supposed, supposed, base, "n")
    with refused("The step proves .*: needed"):
        d.induct(s, supposed, base, base, "n")
    with refused("The base proves .*: needed"):
        d.induct(s, supposed, step, step, "n")
    with refused("speaks of it, opened with `suppose`"):
        d.induct(s, base, step, base, "n")
    with refused("speaks of it, opened with `suppose`"):
        d.induct(s, d.suppose(base.relation), step, base, "n")
    with refused("is not arbitrary: open a letter"):
        d.induct(d.scalar("r"), supposed, step, base, "n")
    with refused("runs over a scalar"):
        A = d.arbitrary("A: n n")
        d.induct(A, d.suppose(zero(A)), step, base, "n")


def test_the_base_cannot_rest_on_the_supposition() -> None:
    d = Derivation()
    s, t = d.arbitrary("s"), d.scalar("t")
    supposed = d.suppose(equal(s * t, 0))
    wrong = d.suppose(equal(s * 0, 1))
    base = d.algebra(equal(0 * t, 0), [])
    step = d.algebra(equal((s + 1) * t, 0), [wrong, supposed])
    with refused("hypothesis .* speaks of it|belongs"):
        d.induct(s, supposed, d.smt(step.relation, [step, d.suppose(positive(s))]), base, 3)
    free = d.algebra(supposed.relation, [supposed])
    first = d.suppose(equal(0 * t, 0))
    with refused("cannot rest on the induction's hypotheses"):
        d.induct(s, supposed, step, d.absurd(free, d.suppose(free.relation.negation), base.relation), 3)
    assert first.hypotheses


def test_a_hypothesis_about_the_number_cannot_stay() -> None:
    d, s, supposed, step, base = counting()
    small = d.suppose(at_least(3, s))
    conditional = d.smt(step.relation, [step, small])
    with refused("A letter is not arbitrary: hypothesis"):
        d.induct(s, supposed, conditional, base, "n")
    with refused("The bounds of the induction are"):
        d.induct(s, supposed, conditional, base, "n", [small])


def test_a_step_below_the_end_serves_for_that_end_only() -> None:
    d, s, supposed, step, base = counting()
    room = d.suppose(at_least(dimension("n") - s, 1))
    natural = d.suppose(nonnegative(s))
    conditional = d.smt(step.relation, [step, room, natural])
    assert not d.induct(s, supposed, conditional, base, "n", [room, natural]).hypotheses
    with refused("The bounds of the induction are"):
        d.induct(s, supposed, conditional, base, "m", [room, natural])
    with refused("A letter is not arbitrary"):
        d.induct(s, supposed, conditional, base, "n", [room])
    with refused("The bounds of the induction are"):
        d.induct(s, supposed, step, base, "n", [step])


def test_a_letter_born_from_the_number_cannot_leave_the_induction() -> None:
    d = Derivation()
    s = d.arbitrary("s")
    t, defined = d.define("t", s + 1)
    supposed = d.suppose(positive(t - s))
    step = d.suppose(positive(t - s - 1))
    base = d.suppose(positive(t))
    with refused("not arbitrary|belongs to a branch|cannot rest"):
        d.induct(s, supposed, step, base, "n")
    assert defined.hypotheses


def test_what_a_statement_binds_captures_nothing() -> None:
    d = Derivation()
    s = d.arbitrary("s")
    a, D = Letter("a", "1", "1"), Letter("D", "n", "n")
    supposed = d.suppose(Statement((D,), (), (equal(letter(D) * s, letter(D) * s * 1), positive(s)), (), "", ("n",)))
    with refused("cannot be taken at another number: A value would be captured"):
        d.induct(s, supposed, supposed, supposed, "n")
    S = Statement((a,), (), (positive(letter(a) + s),))
    with pytest.raises(ValueError, match="captured"):
        S.substitute({Letter("s", "1", "1"): letter(a)}, {})
    with pytest.raises(ValueError, match="captured"):
        S.substitute({a: number(1)}, {})


def test_the_supposition_is_there_for_all_its_letters() -> None:
    """For all v: |v|^2 s >= 0, at every natural number, with the supposition used at another vector."""
    d = Derivation()
    v = Letter("v", "k", "1")

    def every(s: Expr | int) -> Statement:
        x = letter(v)
        return Statement((v,), (), (nonnegative(x.squared_norm() * s),), (), "", ("k",))

    x = d.arbitrary("x: k 1")
    base = d.generalise(d.squares(nonnegative(x.squared_norm() * 0), []), [x], dims=["k"])
    s = d.arbitrary("s")
    supposed = d.suppose(every(s))
    y = d.arbitrary("y: k 1")
    (at_double,) = d.apply(supposed, {"v": 2 * y})[1]
    more = d.squares(nonnegative(y.squared_norm() * (s + 1)), [(Fraction(1, 4), at_double), y])
    step = d.generalise(more, [y], dims=["k"])
    fact = d.induct(s, supposed, step, base, "m")
    assert isinstance(fact.content, Statement) and fact.content.is_same_as(every(dimension("m")))
    w = d.matrix("w: p 1")
    goal = d.goal(nonnegative(w.squared_norm() * dimension("m")))
    d.apply(fact, {"v": w})
    assert d.gaps() == [] and d.proof_of(goal) is not None


def test_statements_are_compared_up_to_the_names_that_they_bind() -> None:
    A, B, C = Letter("A", "p", "q"), Letter("B", "p", "q"), Letter("C", "r", "q")

    def says(x: Letter, *more: Letter, dims: tuple[str, ...] = ()) -> Statement:
        return Statement((x, *more), (zero(letter(x)),), (zero(2 * letter(x)),), (), "", dims)

    assert says(A).is_same_as(says(B)) and says(A, B).is_same_as(says(B, A))
    assert not says(A).is_same_as(says(C)) and not says(A).is_same_as(says(A, B)) and not says(A).is_same_as(FALSE)
    assert says(A, dims=("p",)).is_same_as(says(C, dims=("r",))) and not says(A).is_same_as(says(A, dims=("p",)))
    assert not says(A, dims=("p",)).is_same_as(says(A, dims=("q",)))
    free = Statement((A,), (), (zero(letter(A) - letter(B)),))
    assert free.is_same_as(Statement((Letter("Z", "p", "q"),), (), (zero(letter(Letter("Z", "p", "q")) - letter(B)),)))
    assert not free.is_same_as(Statement((B,), (), (zero(letter(B) - letter(B)),)))
    assert not free.is_same_as(Statement((B,), (), (zero(letter(A) - letter(B)),)))  # its A is free
    assert not says(A).is_same_as(Statement((A,), (zero(2 * letter(A)),), (zero(letter(A)),)))
    assert not Statement((A,), (), (zero(letter(A)),)).is_same_as(Statement((A,), (zero(letter(A)),), ()))
    square = Letter("S", "p", "p", True)
    assert not says(square).is_same_as(says(Letter("S", "p", "p")))


def test_indices_move_in_statements() -> None:
    A = Letter("A", "n[j]", "m")
    S = Statement((A,), (zero(letter(A)),), (zero(2 * letter(A)),))
    assert S.at("j", "K-1").letters == (Letter("A", "n[K-1]", "m"),) and S.symbols() == {"j"}
    V = Letter("V[j]", "n", "m")
    with pytest.raises(ValueError, match="cannot bind letters that carry an index"):
        Statement((V,), (), (zero(letter(V)),)).at("j", "2")
    with pytest.raises(ValueError, match="binds a dimension of the letter `B`"):
        Statement((), (), (zero(letter(Letter("B", "p", "q"))),), (), "", ("p",))


def test_the_model_check_looks_at_arbitrary_letters() -> None:
    d, A, h, f = vanishing()
    every = d.generalise(f, [A], [h], dims=["p", "q"])
    B = d.matrix("B: m n")
    premise = d.given(zero(B.T @ B))
    d.goal(zero(B))
    d.apply(every, {"A": B}, [premise])
    model = Model({"B": exact.zeros(2, 3)})
    d.complete_model(model)
    assert model_check(d, [model]).passes
    wrong = Derivation()
    s = wrong.arbitrary("s", value=lambda model: -1)
    lie = Statement((Letter("a", "1", "1"),), (), (nonnegative(letter(Letter("a", "1", "1"))),))
    (fact,) = wrong.apply(wrong.given(lie), {"a": s})[1]
    t = wrong.arbitrary("T: n n symmetric")
    wrong.squares(nonnegative((t @ t).trace()), [t])
    report = model_check(wrong, [Model({})])
    assert len(report.false) == 1 and str(fact.content) in report.false[0]


def test_random_statements_hold_where_they_are_applied() -> None:
    """True statements about arbitrary letters are accepted and come back right; with one sign changed they are not."""
    rng = random.Random(0)
    for number_ in range(150):
        d = Derivation()
        A, B = d.arbitrary("A: p q"), d.arbitrary("B: p q")
        c, e = (rng.choice([-2, -1, 1, 2]) for _ in range(2))
        h = d.suppose(equal(A, c * B))
        f = d.algebra(equal(A @ B.T + e * B @ B.T, (c + e) * B @ B.T), [h])
        if c + e:
            with refused("No cofactors"):
                d.algebra(equal(A @ B.T + e * B @ B.T, -(c + e) * B @ B.T), [h])
        every = d.generalise(f, [A, B], [h], dims=["p", "q"])
        C = d.matrix("C: m n")
        with refused("the premise"):
            d.apply(every, {"A": (c + 1) * C, "B": C})
        (fact,) = d.apply(every, {"A": c * C, "B": C})[1]
        assert fact.relation.is_same_as(equal(c * C @ C.T + e * C @ C.T, (c + e) * C @ C.T)), number_


def test_members_of_statements_are_not_indexed_twice() -> None:
    d = Derivation()
    j = d.index("j", "1", "3")
    s = d.arbitrary("s")
    every = d.generalise(d.squares(nonnegative(s * s), [s]), [s])
    members = d.for_all(j, every)
    assert isinstance(members.content, Indexed) and isinstance(d.at(members, "2").content, Statement)
    assert members.latex().startswith("\\forall\\, 1 \\le j \\le 3")


def test_an_indexed_statement_is_proved_along_the_chain() -> None:
    """|x|^2 + j-th member >= 0 for every x, by induction over j, for a family with b[j+1] = b[j] + 1."""
    d = Derivation()
    d.index_constant("K")
    b = d.family("b[i]: 1 1", "i")
    start = d.given(zero(b("0")))
    grows = d.given(Indexed(equal(b("i+1"), b("i") + 1), "i", "0", "K-1"))
    v = Letter("v", "k", "1")

    def every(i: str) -> Statement:
        return Statement((v,), (), (nonnegative(letter(v).squared_norm() + b(i)),), (), "", ("k",))

    x = d.arbitrary("x: k 1")
    base = d.generalise(d.squares(nonnegative(x.squared_norm() + b("0")), [x], [start]), [x], dims=["k"])
    j = d.index("j", "0", "K-1")
    supposed = d.suppose(every("j"))
    y = d.arbitrary("y: k 1")
    (here,) = d.apply(supposed, {"v": y})[1]
    grown = d.at(grows, "j")
    step = d.generalise(
        d.squares(nonnegative(y.squared_norm() + b("j+1")), [(1, here), (1,)], [grown]), [y], dims=["k"]
    )
    fact = d.induction(j, supposed, step, base)
    w = d.matrix("w: p 1")
    goal = d.goal(nonnegative(w.squared_norm() + b("K")))
    d.apply(d.at(fact, "K"), {"v": w})
    assert d.gaps() == [] and d.proof_of(goal) is not None


def test_several_facts_become_one_statement() -> None:
    d = Derivation()
    s = d.arbitrary("s")
    facts = [d.squares(nonnegative(s * s), [s]), d.squares(positive(s * s + 1), [s, (1,)])]
    every = d.generalise(facts, [s])
    assert len(d.apply(every, {"s": d.scalar("t")})[1]) == 2
    with refused("is not a single relation"):
        d.generalise([every, *facts], [s])


def test_what_a_statement_rests_on_is_in_the_cone() -> None:
    nonsense = Axiom("nonsense", Statement((), (), (FALSE,)), "O", "nowhere")
    for how in ("generalise", "induct"):
        d = Derivation()
        s, t = d.arbitrary("s"), d.scalar("t")
        _, (lie,) = d.axiom(nonsense, {})
        if how == "generalise":
            every = d.generalise(d.algebra(equal(s * s, s), [lie]), [s])
            (fact,) = d.apply(every, {"s": t})[1]
        else:
            h = d.suppose(equal(s * t, 0))
            step, base = (d.algebra(equal(e * t, 0), [lie]) for e in (s + 1, number(3) - 3))
            fact = d.induct(s, h, step, base, "n")
        d.goal(fact.relation)
        assert d.gaps() == [] and [a.name for a in trusted_base(d).axioms] == ["nonsense"]


def test_the_base_may_rest_on_what_stays() -> None:
    d = Derivation()
    s, t = d.arbitrary("s"), d.scalar("t")
    supposed = d.suppose(at_least(t, s))
    all_of_it = d.given(Statement((Letter("a", "1", "1"),), (), (at_least(t, letter(Letter("a", "1", "1"))),)))
    (step,) = d.apply(all_of_it, {"a": s + 1})[1]
    branch = d.suppose(nonnegative(t))
    fact = d.induct(s, supposed, step, branch, "n")
    assert fact.hypotheses == {branch.number}


def test_only_suppositions_are_discharged() -> None:
    d, s, supposed, step, base = counting()
    derived = d.smt(supposed.relation, [supposed])
    with refused("speaks of it, opened with `suppose`"):
        d.induct(s, derived, step, base, "n")
    natural = d.suppose(nonnegative(s))
    again = d.smt(natural.relation, [natural])
    with refused("The bounds of the induction are"):
        d.induct(s, supposed, step, base, "n", [again])


def test_a_letter_defined_from_the_number_is_not_in_the_conclusion() -> None:
    d = Derivation()
    s, t = d.arbitrary("s"), d.scalar("t")
    nothing = d.given(zero(t))
    z = d.define("z", s + 1)[0]
    supposed = d.suppose(zero(s * z * t))
    step, base = d.algebra(zero((s + 1) * z * t), [nothing]), d.algebra(zero(0 * z * t))
    with refused("`z` belongs to a branch"):
        d.induct(s, supposed, step, base, "n")


def test_a_letter_that_stays_keeps_its_dimensions() -> None:
    d = Derivation()
    B = d.arbitrary("B: q n")
    fact = d.smt(at_least(dimension("q"), 1), [d.dimension("q"), d.squares(nonnegative(B.squared_norm()), [B])])
    with refused("The dimension q is not arbitrary"):
        d.generalise(fact, [], dims=["q"])
    assert not d.generalise(fact, [B], dims=["q"]).hypotheses


def test_the_model_check_takes_the_value_of_an_arbitrary_letter() -> None:
    d = Derivation()
    s = d.arbitrary("s", value=lambda model: 7)
    d.goal(d.dimension("n").relation)
    d.suppose(equal(s, 7))
    d.suppose(equal(s, 8))
    report = model_check(d, [Model({}, {}, {}, {"n": 2})])
    assert [text.split(" [")[0] for text in report.false] == []
    lie = d.given(Statement((Letter("a", "1", "1"),), (), (at_most(letter(Letter("a", "1", "1")), 6),)))
    d.apply(lie, {"a": s})
    assert len(model_check(d, [Model({}, {}, {}, {"n": 2})]).false) == 1


def test_the_kernel_alone_searches_for_nothing() -> None:
    from theorems.proof.kernel.derivation import Derivation as Kernel

    d = Kernel()
    A, B = d.matrices("A: n n", "B: n n")
    p = d.given(equal(A, B))
    d.algebra(equal(A @ (A + B), A @ A + A @ B))
    with refused("The cofactors do not prove"):
        d.algebra(equal(A @ A, A @ B), [p])
    with refused("no catalogue was given"):
        d.lemma("topic.page", {})


# Derivatives of what is tied, and ranges that are empty.


def residual() -> tuple[Derivation, Expr, Expr, Expr, Expr]:
    d = Derivation()
    R, Y, W, X = d.matrices("R: m k", "Y: m k", "W: m n", "X: n k")
    return d, R, Y, W, X


def test_a_premise_that_ties_letters_is_seen() -> None:
    """With R = Y - W X the gradient of |R|^2 in W is not 0."""
    d, R, Y, W, X = residual()
    d.given(equal(R, Y - W @ X))
    with refused("ties R to W, in which an expression with them is differentiated"):
        d.gradient(R.squared_norm(), W)
    with refused("ties R to W"):
        d.derivative(R, {W: Y @ X.T})
    assert d.gradient(W.squared_norm(), W) == 2 * W


@pytest.mark.parametrize("how", ["suppose", "one after another", "order", "predicate", "statement", "indexed", "norm"])
def test_every_way_to_tie_is_seen(how: str) -> None:
    d, R, Y, W, X = residual()
    if how == "suppose":
        d.suppose(equal(R, Y - W @ X))
    elif how == "one after another":
        S = d.matrix("S: m k")
        d.given(equal(R, 2 * S))
        d.given(equal(S, Y - W @ X))
    elif how == "order":
        d.given(nonnegative(R.inner(Y) - W.inner(Y @ X.T)))
    elif how == "predicate":
        d.given(predicate("is the residual", R, W))
    elif how == "statement":
        a = Letter("a", "1", "1")
        d.given(Statement((a,), (), (equal(letter(a) * R, letter(a) * (Y - W @ X)),)))
    elif how == "indexed":
        V = d.family("V[i]: m k", "i")
        d.given(Indexed(equal(V("i"), V("i-1") - W @ X), "i", "1", "3"))
        d.given(equal(R, V("3")))
    else:
        d.given(nonnegative(-(R - Y + W @ X).squared_norm()))
    with refused("ties .*R.* to W"):
        d.gradient(R.squared_norm(), W)


def test_what_is_given_later_cannot_tie_either() -> None:
    d, R, Y, W, X = residual()
    G = d.gradient(R.squared_norm(), W)
    for door in (d.given, d.suppose):
        with refused("ties R to W"):
            door(equal(R, Y - W @ X))
    S = d.matrix("S: m k")
    d.given(equal(R, S))
    with refused("ties R to W"):
        d.given(equal(S, Y - W @ X))
    assert d.goal(zero(G)) and d.algebra(zero(G))


def test_members_of_a_family_are_tied_by_a_premise_about_neighbours() -> None:
    d = Derivation()
    W = d.family("W[i]: n n", "i")
    d.given(Indexed(equal(W("i").T @ W("i"), identity("n")), "i", "1", "3"))
    assert d.gradient((W("2") @ W("1")).trace(), W("1")) == W("2").T
    d2 = Derivation()
    W = d2.family("W[i]: n n", "i")
    d2.given(Indexed(equal(W("i"), W("i-1")), "i", "2", "3"))
    with refused(r"ties W\[2\] to W\[1\]"):
        d2.gradient((W("2") @ W("1")).trace(), W("1"))


def test_what_ties_nothing() -> None:
    d, R, Y, W, X = residual()
    d.given(positive(R.inner(Y) - W.inner(Y @ X.T)))
    d.given(nonzero(R - Y + W @ X))
    d.given(zero(X @ X.T - identity("n")))
    a = Letter("W'", "m", "n")
    d.given(Statement((a,), (), (nonnegative((R - letter(a) @ X).squared_norm()),)))
    assert d.gradient(R.inner(W @ X), W) == R @ X.T


def test_partial_derivatives_are_said() -> None:
    d, R, Y, W, X = residual()
    d.partial(R, W, X)
    d.given(equal(R, Y - W @ X))
    assert d.gradient(R.inner(W @ X), W) == R @ X.T and d.held_fixed == ("R", "W", "X")
    with refused("ties Y to W"):
        d.gradient(Y.inner(W @ X), W)
    with refused("Differentiate in a letter"):
        d.partial(R @ X.T)


@pytest.mark.parametrize(("low", "high"), [("5", "3"), ("L+1", "L"), ("L", "0"), ("M+1", "L"), ("L", "L-1")])
def test_a_constant_needs_an_integer_in_its_range(low: str, high: str) -> None:
    d = Derivation()
    d.index_constant("L")
    d.index_constant("M", at_least="L")
    with refused(f"No integer is in the range of the constant `K`: at least {low.replace('+', '.')}, at most {high}"):
        d.index_constant("K", at_least=low, at_most=high)
    assert d.index_constant("K", at_least="M", at_most="L") == "K"  # the refused range left nothing behind


def test_a_constant_that_squeezes_another_one() -> None:
    d = Derivation()
    d.index_constant("L", at_most="4")
    d.index_constant("M", at_least="L+2", at_most="6")
    with refused("No integer is in the range of the constant `K`"):
        d.index_constant("K", at_least="M+1", at_most="2")
    d.index_constant("K", at_least="M+1", at_most="4")  # L = 1, M = 3, K = 4


def test_an_open_index_may_have_an_empty_range() -> None:
    d = Derivation()
    d.index("j", "5", "3")
    assert d.index_constant("K") == "K"


def test_models_whose_constants_are_out_of_range_are_false() -> None:
    d = Derivation()
    d.index_constant("K", at_least="2", at_most="4")
    s = d.scalar("s")
    d.goal(nonnegative(s * s))
    d.squares(nonnegative(s * s), [s])
    for K, passes in ((1, False), (2, True), (4, True), (5, False)):
        report = model_check(d, [Model({"s": 2}, {"K": K})])
        assert report.passes is passes and bool(report.false) is not passes
