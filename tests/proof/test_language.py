"""Relations and statements: what they say, when one gives another, and how they are read aloud."""

from __future__ import annotations

import itertools
from fractions import Fraction

import pytest

from theorems.proof import (
    Expr,
    Indexed,
    Letter,
    Relation,
    Statement,
    at_least,
    at_most,
    dimension,
    equal,
    identity,
    less,
    letter,
    nonnegative,
    nonzero,
    number,
    positive,
    predicate,
    zero,
    zeros,
)
from theorems.proof.kernel.language import KINDS
from theorems.proof.kernel.words import ShapeError

a, b = Letter("A", "n", "n"), Letter("B", "n", "m")
x, y = Letter("x", "1", "1"), Letter("y", "1", "1")
A, B, s, t = letter(a), letter(b), letter(x), letter(y)


def test_how_relations_are_made() -> None:
    assert zero(A) == Relation("=0", A) and nonzero(A) == Relation("!=0", A)
    assert nonnegative(s) == Relation(">=0", s) and positive(s) == Relation(">0", s)
    assert (
        equal(A, A.T) == zero(A - A.T)
        and equal(2, s) == zero(2 - s)
        and equal(s, Fraction(1, 2)).expr == s - Fraction(1, 2)
    )
    assert at_least(s, 1) == nonnegative(s - 1) and at_least(1, s) == nonnegative(1 - s)
    assert at_most(s, 1) == nonnegative(1 - s) and at_most(2, t) == nonnegative(t - 2)
    assert less(s, t) == positive(t - s) and less(0, s) == positive(s)
    p = predicate("P", A, s)
    assert (p.kind, p.predicate, p.arguments) == ("predicate", "P", (A, s))
    assert p.expressions() == (A, s) and zero(A).expressions() == (A,)
    for make in (nonnegative, positive):
        with pytest.raises(ShapeError, match="Only scalars are ordered: found a n x m matrix"):
            make(B)
    with pytest.raises(ValueError, match="`<0` is no kind of relation: needed one of =0, >=0, >0, !=0, predicate"):
        Relation("<0", s)


VALUES = [number(q) for q in (-2, -1, 0, 1, 2)]


def truth(r: Relation) -> bool:
    """The truth of a relation between numbers."""
    q = r.expr.terms.get(((), ()), Fraction(0))
    return {"=0": q == 0, "!=0": q != 0, ">=0": q >= 0, ">0": q > 0}[r.kind]


def test_negation_is_the_opposite() -> None:
    for kind in ("=0", "!=0", ">=0", ">0"):
        for e in VALUES:
            r = Relation(kind, e)
            assert truth(r.negation) is not truth(r)
        assert Relation(kind, s).negation.negation == Relation(kind, s)
    p = predicate("P", A)
    assert p.negation == Relation("not predicate", predicate="P", arguments=(A,)) and p.negation.negation == p
    assert zero(A).negation == nonzero(A) and nonzero(A).negation == zero(A)


def test_what_follows_from_one_relation_is_true() -> None:
    """For all kinds and all pairs of expressions in one letter: no consequence is false at any number."""
    shapes = [lambda e: e, lambda e: -e, lambda e: 2 * e, lambda e: e + 1, lambda e: e * e, lambda e: 0 * e]
    follows = set()
    for (f, g), (k, l) in itertools.product(
        itertools.product(shapes, repeat=2), itertools.product(KINDS[:4], repeat=2)
    ):
        if Relation(l, g(s)).follows_from(Relation(k, f(s))):
            follows.add((k, l))
            assert all(truth(Relation(l, g(e))) for e in VALUES if truth(Relation(k, f(e))))
    same = {(k, k) for k in KINDS[:4]}
    assert follows == same | {(">0", ">=0"), (">0", "!=0"), ("=0", ">=0")}
    assert nonzero(-s).follows_from(positive(s)) and nonnegative(-s).follows_from(zero(s))
    assert not nonnegative(-s).follows_from(positive(s)) and not nonnegative(t).follows_from(zero(s))
    assert not nonzero(t).follows_from(positive(s))


def test_the_same_up_to_sign_and_transpose() -> None:
    for variant in (B, -B, B.T, -B.T):
        assert zero(variant).is_same_as(zero(B)) and nonzero(variant).is_same_as(nonzero(B))
        assert not zero(variant).is_same_as(nonzero(B))
    assert not zero(2 * B).is_same_as(zero(B)) and not zero(A @ B).is_same_as(zero(B))
    assert not nonnegative(-s).is_same_as(nonnegative(s)) and not positive(-s).is_same_as(positive(s))
    assert not zero(zeros("n", "m")).is_same_as(zero(zeros("n", "n")))
    p = predicate("P", B)
    assert p.is_same_as(predicate("P", B)) and not p.is_same_as(predicate("P", -B))
    assert not p.is_same_as(p.negation) and not predicate("P").is_same_as(predicate("Q"))


def test_letters_dimensions_symbols() -> None:
    w = letter(Letter("w[j+1]", "n[k]", "1"))
    r = zero(w.T @ w - dimension("n[i]"))
    assert r.letters() == {Letter("w[j+1]", "n[k]", "1")}
    assert r.dimensions() == {"n[k]", "n[i]"} and r.symbols() == {"i", "j", "k"}
    p = predicate("P[l]", w, A)
    assert p.letters() == {Letter("w[j+1]", "n[k]", "1"), a} and p.dimensions() == {"n[k]", "n"}
    assert p.symbols() == {"j", "k", "l"} and predicate("P").symbols() == frozenset()


def test_substitution_and_shift() -> None:
    c = letter(Letter("C", "k", "k"))
    assert equal(A @ B, B).substitute({a: c}, {"n": "k"}) == equal(
        c @ letter(Letter("B", "k", "m")), letter(Letter("B", "k", "m"))
    )
    p = predicate("P", A, s).substitute({a: A.T, x: t + 1, y: s}, {})
    assert p == predicate("P", A.T, t + 1)
    assert predicate("P", A).negation.substitute({a: A.T}, {}) == predicate("P", A.T).negation
    assert positive(s).substitute({x: t, b: A}, {"m": "n"}) == positive(t)
    with pytest.raises(ShapeError, match="`B` has shape n x m"):  # also where the letter does not occur
        positive(s).substitute({x: t, b: A}, {})

    def w(i: str) -> Expr:
        return letter(Letter(f"w[{i}]", f"n[{i}]", "m"))

    assert zero(w("j") - w("j")).at("j", "2").expr.shape == ("n[2]", "m")
    assert nonzero(w("j+1")).at("j", "K-1") == nonzero(w("K"))
    assert predicate("P[j]", w("j")).at("j", "3") == predicate("P[3]", w("3"))
    assert predicate("P[j]", w("j")).negation.at("j", "3") == predicate("P[3]", w("3")).negation
    assert Indexed(zero(w("i")), "i", "1", "K").relation.at("i", "1") == zero(w("1"))


def test_instances_of_statements() -> None:
    S = Statement((a,), (zero(A),), (zero(A @ B), positive(s)), (x,))
    premises, conclusions = S.instance({a: A.T @ A, x: t}, {})
    assert premises == (zero(A.T @ A),) and conclusions == (zero(A.T @ A @ B), positive(t))
    assert S.free_letters() == {b} and Statement((a, b), (), (zero(A @ B),)).free_letters() == frozenset()
    assert Statement((), (zero(A),), (zero(B),)).free_letters() == {a, b}
    with pytest.raises(ShapeError):
        S.instance({a: B}, {})


def test_reading_aloud() -> None:
    assert str(equal(A @ B, 2 * B)) == "A B = 2 B" and str(zero(A)) == "A = 0"
    assert str(at_least(s, t)) == "x >= y" and str(less(s, 1)) == "1 > x" and str(nonzero(B.T)) == "B' != 0"
    assert str(predicate("invertible", A)) == "invertible(A)" and str(predicate("P")) == "P"
    assert str(predicate("P", A, s).negation) == "not P(A, x)" and str(predicate("P").negation) == "not P"
    S = Statement((a, x), (zero(A), positive(s)), (equal(B, B),), (b,))
    assert str(S) == "for all A: n x n, x: 1 x 1 if A = 0 and x > 0 there are B: n x m with B = B"
    assert str(Statement((), (), (zero(A),))) == "A = 0"
    assert str(Indexed(zero(s), "i", "1", "K")) == "for all 1 <= i <= K: x = 0"


def test_latex() -> None:
    assert equal(A @ B, 2 * B).latex() == "A B = 2 B" and nonzero(A).latex() == "A \\ne 0"
    assert at_least(s, t).latex() == "x \\ge y" and positive(s).latex() == "x > 0"
    assert predicate("invertible", A).latex() == "\\text{invertible}(A)" and predicate("P").latex() == "\\text{P}"
    assert predicate("P", A, B).negation.latex() == "\\lnot\\,\\text{P}(A,\\ B)"
    S = Statement((a, x), (zero(A), positive(s)), (equal(B, B), zero(A)), (b,))
    assert S.latex() == (
        "\\forall\\, A \\in \\mathbb{R}^{n \\times n},\\ x \\in \\mathbb{R}^{1 \\times 1}:\\ "
        "A = 0 \\land x > 0 \\implies\\ \\exists\\, B \\in \\mathbb{R}^{n \\times m}:\\ B = B \\land A = 0"
    )
    assert Statement((), (), (zero(A),)).latex() == "A = 0"
    assert Indexed(zero(s), "i", "1", "K").latex() == "\\forall\\, 1 \\le i \\le K:\\ x = 0"


def test_the_range_of_an_index() -> None:
    for low, high in (("i", "K"), ("1", "i-1")):
        with pytest.raises(ValueError, match="range of `i` cannot mention itself: found `i"):
            Indexed(zero(s), "i", low, high)
    with pytest.raises(ValueError, match="`K\\*2` is no index"):
        Indexed(zero(s), "i", "1", "K*2")
    assert Indexed(zero(identity("n")), "i", "1", "0").high == "0"
