"""Finite sums, means and maxima: what they prove, and every way to cheat that we could think of."""

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
    Letter,
    Statement,
    at_least,
    at_most,
    basis,
    dimension,
    equal,
    identity,
    letter,
    nonnegative,
    ones,
    positive,
    predicate,
    zero,
)
from theorems.proof.crosscheck import Model, model_check

e = Letter("e", "n", "1")


def each(says) -> Statement:
    """For every basis vector e: what `says` makes of it."""
    return Statement((e,), (basis(letter(e)),), (says(letter(e)),))


def markov() -> Derivation:
    """Weights w >= 0 and a vector v >= 0 with v >= t on the members counted by b (0 or 1): t w'b <= w'v."""
    d = Derivation("Markov's inequality")
    w, v, b = d.matrices("w: n 1", "v: n 1", "b: n 1")
    t = d.scalar("t")
    weights = d.given(each(lambda x: nonnegative(x.T @ w)), "weights")
    large = d.given(each(lambda x: nonnegative(x.T @ v - t * x.T @ b)), "v is at least t where b is 1")
    goal = d.goal(at_most(t * w.T @ b, w.T @ v))
    x = d.arbitrary("x: n 1")
    here = d.suppose(basis(x))
    (weight,), (above,) = d.apply(weights, {"e": x}, [here])[1], d.apply(large, {"e": x}, [here])[1]
    product = nonnegative(x.T @ w * (x.T @ v - t * x.T @ b))
    every = d.generalise(d.squares(product, [(1, weight, above)]), [x], [here])
    total = d.total(every, quadratic=w @ (v - t * b).T)
    d.weaken(total, goal)
    return d


def test_markov() -> None:
    d = markov()
    assert d.gaps() == []
    d2 = markov()
    model = Model(
        {
            "w": exact.Matrix([[1], [0], [2]]),
            "v": exact.Matrix([[3], [0], [1]]),
            "b": exact.Matrix([[1], [0], [0]]),
            "t": 2,
        }
    )
    d2.complete_model(model)
    assert not model_check(d2, [model]).false


def test_a_mean_lies_between_the_least_and_the_greatest_value() -> None:
    d = Derivation()
    w, v = d.matrices("w: n 1", "v: n 1")
    weights = d.given(each(lambda x: nonnegative(x.T @ w)), "weights")
    one = d.given(equal(w.T @ ones("n"), 1), "of sum 1")
    top, at_top, greatest = d.maximum("top", v)
    x = d.arbitrary("x: n 1")
    here = d.suppose(basis(x))
    (weight,) = d.apply(weights, {"e": x}, [here])[1]
    (below,) = d.apply(greatest, {"f": x}, [here])[1]
    product = d.squares(nonnegative(x.T @ w * (top.T @ v - x.T @ v)), [(1, weight, below)])
    every = d.generalise(product, [x], [here])
    mean = d.total(every, quadratic=-w @ v.T, linear=w * (top.T @ v))
    d.squares(at_most(w.T @ v, top.T @ v), [(1, mean)], [one])
    assert not mean.hypotheses and at_top.relation == basis(top)
    d.goal(at_least(dimension("n"), 1))
    model = Model({"w": exact.Matrix([["1/3"], ["2/3"]]), "v": exact.Matrix([[5], [-1]])})
    d.complete_model(model)
    report = model_check(d, [model])
    assert not report.false and not report.never


def test_a_mean_is_attained_by_a_member() -> None:
    """Maurey's step: among rows g_i of norm at most b with mean f some g has |s + f - g|^2 <= |s|^2 + b^2 - |f|^2."""
    d = Derivation("Maurey's step")
    w, G, s = d.matrices("w: n 1", "G: n k", "s: 1 k")
    b = d.scalar("b")
    weights = d.given(each(lambda x: nonnegative(x.T @ w)), "weights")
    one = d.given(equal(ones("n").T @ w, 1), "of sum 1")
    short = d.given(each(lambda x: nonnegative(b**2 - (x.T @ G).squared_norm())), "rows of norm at most b")
    f = w.T @ G
    y = d.arbitrary("y: n 1")
    grow = s.squared_norm() + b**2 - f.squared_norm() - (s + f - y.T @ G).squared_norm()
    u, defined = d.comprehend("u", y, grow)
    x = d.arbitrary("x: n 1")
    here = d.suppose(basis(x))
    (weight,), (bound,) = d.apply(weights, {"e": x}, [here])[1], d.apply(short, {"e": x}, [here])[1]
    (entry,) = d.apply(defined, {"y": x}, [here])[1]
    linear = 2 * (s + f) @ G.T
    lower = -2 * s @ f.T - 2 * f.squared_norm()
    row = d.squares(nonnegative(x.T @ u - (linear @ x + lower)), [(1, bound)], [entry])
    every = d.generalise(
        d.squares(nonnegative(x.T @ w * (x.T @ u - linear @ x - lower)), [(1, weight, row)]), [x], [here]
    )
    total = d.total(every, quadratic=w @ (u - linear.T).T, linear=-lower * w)
    mean = d.squares(nonnegative(w.T @ u), [(1, total)], [one])
    some = d.squares(positive(ones("n").T @ w), [(1,)], [one])
    g, member, good, _ = d.choose("g", mean, weights, some, w, u)
    (value,) = d.apply(defined, {"y": g}, [member])[1]
    goal = nonnegative(s.squared_norm() + b**2 - f.squared_norm() - (s + f - g.T @ G).squared_norm())
    step = d.squares(goal, [(1, good)], [value])
    assert not step.hypotheses
    d.goal(equal(ones("n").T @ w, 1))
    half = exact.Matrix([[0], ["1/2"], ["1/2"]])  # the row that would be best has no weight
    model = Model({"w": half, "G": exact.Matrix([[1, 0], [0, 1], [0, -1]]), "s": exact.Matrix([[2, -1]]), "b": 1})
    d.complete_model(model)
    report = model_check(d, [model])
    assert not report.false and not report.never


def test_sums_of_equal_members_and_of_constants() -> None:
    d = Derivation()
    v, u = d.matrices("v: n 1", "u: n 1")
    same = d.given(each(lambda x: equal(x.T @ v, 2 * x.T @ u + 3)))
    f = d.total(same, linear=v - 2 * u, constant=-3)
    assert f.relation == equal(ones("n").T @ v, 2 * ones("n").T @ u + 3 * dimension("n"))
    strict = d.given(each(lambda x: positive(x.T @ v)))
    assert d.total(strict, linear=v).relation == positive(ones("n").T @ v)
    A = d.matrix("A: n n")
    assert d.total(d.given(each(lambda x: nonnegative(x.T @ A @ x))), quadratic=A).relation == nonnegative(A.trace())


def test_a_sum_whose_bound_index_is_captured() -> None:
    d = Derivation()
    v = d.matrix("v: n 1")
    x = letter(e)
    says = d.given(each(lambda x: nonnegative(x.T @ v)))
    with refused("cannot contain its bound member"):
        d.total(says, constant=x.T @ v)
    with refused("cannot contain its bound member"):
        d.total(says, linear=x * (x.T @ v))
    with refused("cannot contain its bound member"):
        d.total(says, quadratic=x @ v.T)
    for wrong in ({"linear": 2 * v}, {"linear": -v}, {}, {"linear": v, "constant": 1}, {"quadratic": v @ v.T}):
        with refused("The members are not"):
            d.total(says, **wrong)
    with refused("Sums keep"):
        d.total(d.given(each(lambda x: predicate("P", x.T @ v))), linear=v)
    with refused("Sums keep"):
        d.total(d.given(each(lambda x: zero(x.T @ v).negation)), linear=v)


@pytest.mark.parametrize(
    "how", ["no premise", "another premise", "two letters", "two conclusions", "new", "relation", "dims"]
)
def test_what_is_no_statement_about_every_member(how: str) -> None:
    d = Derivation()
    v = d.matrix("v: n 1")
    x, f = letter(e), Letter("f", "n", "1")
    good = nonnegative(x.T @ v)
    content = {
        "no premise": Statement((e,), (), (good,)),
        "another premise": Statement((e,), (basis(x), positive(x.T @ v)), (good,)),
        "two letters": Statement((e, f), (basis(x),), (good,)),
        "two conclusions": Statement((e,), (basis(x),), (good, good)),
        "new": Statement((e,), (basis(x),), (good,), (f,)),
        "relation": nonnegative(v.T @ v),
        "dims": Statement((Letter("e", "m", "1"),), (basis(letter(Letter("e", "m", "1"))),), (FALSE,), (), "", ("m",)),
    }[how]
    with refused("is no statement about every basis vector|needs the one premise"):
        d.total(d.given(content), linear=v)
    with refused("is no statement about every basis vector|needs the one premise"):
        d.extensional(d.given(content), v)


def test_vectors_are_equal_when_their_entries_are() -> None:
    d = Derivation()
    A, B = d.matrices("A: n k", "B: n k")
    same = d.given(each(lambda x: equal(x.T @ A, x.T @ B)))
    assert d.extensional(same, A - B).relation == equal(A, B)
    for wrong in (A, A + B, letter(e) @ letter(e).T @ (A - B), identity("n")):
        with refused("`extensional` needs"):
            d.extensional(same, wrong)


def test_the_rows_of_a_matrix_are_given() -> None:
    d = Derivation()
    v = d.matrix("v: n 1")
    x = d.arbitrary("x: n 1")
    squares, fact = d.comprehend("q", x, (x.T @ v) ** 2)
    assert squares.shape == ("n", "1") and not fact.hypotheses
    y, born = d.define("y", x.T @ v + 1)
    with refused("was born from `x`"):
        d.comprehend("r", x, y * x.T @ v)
    with refused("A row has one row"):
        d.comprehend("r", x, v)
    with refused("A member is an arbitrary column"):
        d.comprehend("r", v, v.T @ v)
    with refused("A member is an arbitrary column"):
        d.comprehend("r", d.arbitrary("A: n n"), v.T @ v)
    with refused("not fresh"):
        d.comprehend("q", x, v.T @ v)
    with refused("never declared"):
        d.comprehend("r", x, letter(Letter("z", "1", "1")))
    assert born.hypotheses
    with refused("depends on `v`"):
        d.gradient(squares.squared_norm(), v)


def test_rows_that_exist_in_a_branch_stay_there() -> None:
    d = Derivation()
    s, v = d.scalar("s"), d.matrix("v: n 1")
    branch = d.suppose(positive(s))
    r, _ = d.reciprocal(branch, "r")
    x = d.arbitrary("x: n 1")
    q, fact = d.comprehend("q", x, r * x.T @ v)
    assert branch.number in fact.hypotheses
    with refused("universal letters only"):
        d.goal(zero(q))


def test_choice_needs_weights() -> None:
    d = Derivation()
    w, v = d.matrices("w: n 1", "v: n 1")
    weights = d.given(each(lambda x: nonnegative(x.T @ w)))
    others = d.given(each(lambda x: nonnegative(x.T @ v)))
    mean, some = d.given(nonnegative(w.T @ v)), d.given(positive(ones("n").T @ w))
    no_sum, wrong = d.given(nonnegative(ones("n").T @ w)), d.given(positive(ones("n").T @ v))
    for facts, text in (
        ((mean, others, some), "weights that are >= 0"),
        ((mean, weights, no_sum), "weights with a positive sum"),
        ((mean, weights, wrong), "weights with a positive sum"),
        ((some, weights, some), "needs w' v >= 0 or > 0"),
        ((mean, mean, some), "is no statement about every basis vector"),
    ):
        with refused(text):
            d.choose("g", *facts, w, v)
    g, here, value, weight = d.choose("g", mean, weights, some, w, v)
    assert [here.relation, value.relation, weight.relation] == [basis(g), nonnegative(g.T @ v), positive(g.T @ w)]
    strict = d.given(positive(w.T @ v))
    assert d.choose("h", strict, weights, some, w, v)[2].relation.kind == ">0"
    with refused("not fresh"):
        d.choose("g", mean, weights, some, w, v)


def test_a_choice_in_a_branch_stays_there() -> None:
    d = Derivation()
    w, v = d.matrices("w: n 1", "v: n 1")
    weights, some = d.given(each(lambda x: nonnegative(x.T @ w))), d.given(positive(ones("n").T @ w))
    up, down = d.suppose(nonnegative(w.T @ v)), d.suppose(positive(-w.T @ v))
    g, _, value, _ = d.choose("g", up, weights, some, w, v)
    assert value.hypotheses == {up.number}
    lie = d.suppose(value.relation)
    with refused("`g` belongs to a branch"):
        d.cases([(up, value), (down, lie)])
    with refused("depends on `v`"):
        d.gradient(g.T @ v, v)


def test_a_choice_for_an_arbitrary_letter_belongs_to_it() -> None:
    d = Derivation()
    v = d.arbitrary("v: n 1")
    _, _, greatest = d.maximum("top", v)
    with refused("`top` belongs to a branch"):
        d.generalise(greatest, [v])


def test_the_maximum_is_of_a_column() -> None:
    d = Derivation()
    A = d.matrix("A: n m")
    with refused("The largest entry of a column"):
        d.maximum("top", A)
    with refused("never declared"):
        d.maximum("top", letter(Letter("z", "n", "1")))
    f = d.matrix("f: n 1")
    with refused("The other member `f` would capture a letter of f"):
        d.maximum("top", f)
    with refused("named otherwise than the rest"):
        d.maximum("top", f, "top")
    top, _, says = d.maximum("top", f, "g")
    (value,) = d.apply(says, {"g": f}, [d.given(basis(f))])[1]
    assert value.relation == nonnegative(top.T @ f - f.T @ f)


def test_members_are_units() -> None:
    d = Derivation()
    x = d.matrix("x: n 1")
    length, one = d.member(d.given(basis(x)))
    assert length.relation == equal(x.T @ x, 1) and one.relation == equal(x.T @ ones("n"), 1)
    for wrong in (predicate("P", x), basis(x).negation, zero(x)):
        with refused("A member is a standard basis vector"):
            d.member(d.given(wrong))
    for wrong in (predicate(basis(x).predicate, x, x), basis(d.matrix("A: n n")), basis(x.T)):
        with refused("A member is one column"):
            d.member(d.given(wrong))
    y = d.arbitrary("y: n 1")
    here = d.suppose(basis(y))
    every = d.generalise(d.member(here)[1], [y], [here])
    count = d.total(every, linear=ones("n"), constant=-1)
    assert count.relation == equal(ones("n").T @ ones("n"), dimension("n")) and not count.hypotheses


def test_the_column_of_ones_is_no_letter() -> None:
    d = Derivation()
    name = next(iter(ones("n").letters())).name
    for shape in ("n 1", "n n", "1 1"):
        with refused("not fresh"):
            d.matrix(f"{name}: {shape}")
        with refused("not fresh"):
            d.arbitrary(f"{name}: {shape}")
    with refused("not in normal form"):
        d.given(zero(letter(Letter(name, "n", "m"))))
    with refused("not in normal form"):
        d.given(zero(letter(Letter(name, "1", "1"))))
    with pytest.raises(ValueError, match="cannot bind the column of ones"):
        Statement((Letter(name, "n", "1"),), (), (zero(ones("n")),))
    assert d.goal(positive(ones("n").T @ ones("n")))
    assert Axiom("ones", Statement((), (), (equal(ones("n").T @ ones("n"), dimension("n")),)), "O", "here")


def test_ones_follow_their_dimension() -> None:
    lemma = Derivation("ones")
    v = lemma.matrix("v: n 1")
    given = lemma.given(zero(ones("n").T @ v))
    lemma.goal(zero(2 * ones("n").T @ v))
    lemma.algebra(zero(2 * ones("n").T @ v), [given])
    d = Derivation()
    u, s = d.matrix("u: m 1"), d.scalar("s")
    with refused("the premise"):
        d.lemma(lemma, {"v": ones("m")})
    (f,) = d.lemma(lemma, {"v": u}, [d.given(zero(ones("m").T @ u))])[1]
    assert f.relation == zero(2 * ones("m").T @ u)
    (f,) = d.lemma(lemma, {"v": s}, [d.given(zero(s))])[1]
    assert f.relation == zero(2 * s)


def test_random_sums_have_the_sign_of_their_members() -> None:
    """Random true totals are accepted and right in numbers; with one part changed they are refused."""
    rng = random.Random(1)
    for _ in range(300):
        d = Derivation()
        v, u = d.matrices("v: n 1", "u: n 1")
        a, b, c = (Fraction(rng.randint(-3, 3)) for _ in range(3))
        M, l = a * v @ u.T + rng.choice([0, 1]) * u @ u.T, b * v + rng.choice([0, 1]) * u
        kind = rng.choice([equal, at_least])
        fact: Fact = d.given(each(lambda x, M=M, l=l, c=c, kind=kind: kind(x.T @ M @ x + x.T @ l + c, 0)))
        total = d.total(fact, quadratic=M, linear=l, constant=c)
        k = rng.randint(1, 4)
        values = {x: exact.Matrix([[rng.randint(-3, 3)] for _ in range(k)]) for x in ("v", "u")}
        model = Model(values)
        d.complete_model(model)
        members: Expr = fact.content.conclusions[0].expr  # type: ignore[union-attr]
        rows = model.rows_of(e, members)
        assert model.evaluate(total.expr) == sum(rows[i, 0] for i in range(k))
        for wrong in ((M + v @ v.T, l, c), (M, l + u, c), (M, l, c + 1), (2 * M + v @ u.T, l, c)):
            if wrong[0] == M and wrong[1] == l and wrong[2] == c:
                continue
            if (letter(e).T @ (wrong[0] - M) @ letter(e)).is_zero() and wrong[1] == l and wrong[2] == c:
                continue
            with refused("The members are not"):
                d.total(fact, quadratic=wrong[0], linear=wrong[1], constant=wrong[2])


def test_what_is_concluded_rests_on_what_it_was_concluded_from() -> None:
    d = Derivation()
    v, x = d.matrices("v: n 1", "x: n 1")
    says, here = d.suppose(each(lambda x: zero(x.T @ v))), d.suppose(basis(x))
    assert d.total(says, linear=v).hypotheses == d.extensional(says, v).hypotheses == {says.number}
    assert all(f.hypotheses == {here.number} and f.parents == (here,) for f in d.member(here))


def test_a_bound_member_is_not_a_letter_of_the_same_name() -> None:
    d = Derivation()
    x, A, v = d.matrices("e: n 1", "A: n k", "v: n 1")
    vague = d.given(each(lambda e: zero(e.T @ e @ e.T @ A)))
    with refused("M free of it"):
        d.extensional(vague, x @ x.T @ A)
    square = d.given(each(lambda e: nonnegative(e.T @ e)))
    mean, some = d.given(nonnegative(x.T @ v)), d.given(positive(ones("n").T @ x))
    with refused("weights that are >= 0"):
        d.choose("g", mean, square, some, x, v)
    other = d.given(Statement((Letter("e", "k", "1"),), (basis(letter(Letter("e", "k", "1"))),), (zero(A.T @ v),)))
    with refused("`extensional` needs"):
        d.extensional(other, v)


def test_a_matrix_is_not_defined_by_itself() -> None:
    d = Derivation()
    x = d.arbitrary("x: n 1")
    with refused("`q` was never declared"):
        d.comprehend("q", x, x.T @ letter(Letter("q", "n", "1")) + 1)
    with refused("A member is an arbitrary column"):
        d.comprehend("q", d.arbitrary("s"), letter(Letter("s", "1", "1")))
    wide = Letter("B", "n", "m")
    with refused("needs the one premise"):
        d.total(d.given(Statement((wide,), (basis(letter(wide)),), (nonnegative(letter(wide).squared_norm()),))))


def test_what_is_born_in_a_branch_stays_there() -> None:
    d = Derivation()
    s, v = d.scalar("s"), d.matrix("v: n 1")
    up, down = d.suppose(positive(s)), d.suppose(nonnegative(-s))
    r, _ = d.reciprocal(up, "r")
    x = d.arbitrary("x: n 1")
    q = d.comprehend("q", x, r * x.T @ v)[0]
    square = d.squares(nonnegative(q.squared_norm()), [q])
    with refused("`q` belongs to a branch"):
        d.cases([(up, square), (down, square)])
    top, at_top, greatest = d.maximum("top", r * v)
    assert at_top.hypotheses == greatest.hypotheses == {up.number}
    square = d.squares(nonnegative(top.squared_norm()), [top])
    with refused("`top` belongs to a branch"):
        d.cases([(up, square), (down, square)])


def test_rows_along_a_chain_rest_on_the_index() -> None:
    d = Derivation()
    j = d.index("j", "1", "3")
    x = d.arbitrary("x: n[j] 1")
    _, fact = d.comprehend("q", x, x.T @ x)
    assert j.number in fact.hypotheses
