"""Lemmas about chains, used at other chains; and the ways in which that must be refused."""

from __future__ import annotations

import pytest

from theorems.proof import (
    Derivation,
    Indexed,
    Letter,
    ProofError,
    Statement,
    at_most,
    calculus,
    equal,
    identity,
    letter,
    nonnegative,
    ones,
    positive,
    predicate,
    zero,
)


def telescoping(low: str = "1") -> Derivation:
    """If B[i] = B[i+1] W[i+1] down from B[K] = I and A[i] = W[i] A[i-1], then B[i] A[i] is one matrix."""
    d = Derivation("a product of layers, cut anywhere")
    d.index_constant("K", at_least=low)
    W, B, A = d.family("W[i]: n[i] n[i-1]", "i"), d.family("B[i]: n[K] n[i]", "i"), d.family("A[i]: n[i] N", "i")
    X = d.matrix("X: n[0] N")
    A_0 = d.given(equal(A("0"), X))
    up = d.given(Indexed(equal(A("i"), W("i") @ A("i-1")), "i", "1", "K"))
    down = d.given(Indexed(equal(B("i-1"), B("i") @ W("i")), "i", "1", "K"))
    goal = d.goal(Indexed(equal(B("j") @ A("j"), B("0") @ X), "j", "0", "K"))
    j = d.index("j", "0", "K-1")
    here = d.suppose(equal(B("j") @ A("j"), B("0") @ X))
    step = d.algebra(equal(B("j+1") @ A("j+1"), B("0") @ X), [here, d.at(up, "j+1"), d.at(down, "j+1")])
    done = d.induction(j, here, step, d.algebra(equal(B("0") @ A("0"), B("0") @ X), [A_0]))
    assert done.content == goal and not d.gaps()
    return d


class Chain:
    """A derivation with a chain V of its own, from layer c to layer D, and what the lemma asks for there."""

    def __init__(self) -> None:
        self.d = d = Derivation("user")
        d.index_constant("D", at_least="2")
        self.V = d.family("V[k]: h[k] h[k-1]", "k")
        self.P, self.Q = d.family("P[k]: h[D] h[k]", "k"), d.family("Q[k]: h[k] M", "k")
        self.Z = d.matrix("Z: h[1] M")
        self.start = d.given(equal(self.Q("1"), self.Z))
        self.up = d.given(Indexed(equal(self.Q("k"), self.V("k") @ self.Q("k-1")), "k", "2", "D"))
        self.down = d.given(Indexed(equal(self.P("l-1"), self.P("l") @ self.V("l")), "l", "2", "D"))

    def used(self, **change):
        """The lemma with K = D-1 and everything moved by one layer."""
        given = {
            "at": {"X": self.Z},
            "families": {
                "W": lambda i: self.V(f"{i}+1"),
                "B": lambda i: self.P(f"{i}+1"),
                "A": lambda i: self.Q(f"{i}+1"),
            },
            "constants": {"K": "D-1"},
            "premises": [self.start, self.up, self.down],
        }
        return self.d.chain_lemma(telescoping(), **(given | change))


def test_a_lemma_is_used_at_a_shifted_chain() -> None:
    c = Chain()
    (fact,) = c.used()
    assert str(c.d.at(fact, "D-1").content) == "P[D] Q[D] = P[1] Z"
    assert c.d.at(fact, "0").content == equal(c.P("1") @ c.Q("1"), c.P("1") @ c.Z)
    assert fact.step == "lemma" and c.d.lemmas and not fact.hypotheses
    with pytest.raises(ProofError, match="not known to lie"):
        c.d.at(fact, "D")


def test_families_may_be_terms_and_constant() -> None:
    """W[i] the identity of one dimension, so that every product is the same."""
    d = Derivation()
    d.index_constant("D")
    S, X = d.matrices("S: m m", "X: m N")
    values = {"W": lambda i: identity("m"), "B": lambda i: S, "A": lambda i: X}
    (fact,) = d.chain_lemma(telescoping(), {"X": X}, values, {"K": "D"}, [])  # all premises say 0 = 0
    assert d.at(fact, "D").content == equal(S @ X, S @ X)


def test_what_is_missing_or_too_short_is_refused() -> None:
    c = Chain()
    with pytest.raises(ProofError, match=r"the premise .* is not among the facts given"):
        c.used(premises=[c.start, c.up])
    short = c.d.given(Indexed(equal(c.P("l-1"), c.P("l") @ c.V("l")), "l", "2", "D-1"), "one layer less")
    with pytest.raises(ProofError, match=r"the premise .* is not among the facts given"):
        c.used(premises=[c.start, c.up, short])
    late = c.d.given(Indexed(equal(c.Q("k"), c.V("k") @ c.Q("k-1")), "k", "3", "D"), "one layer later")
    with pytest.raises(ProofError, match=r"the premise .* is not among the facts given"):
        c.used(premises=[c.start, late, c.down])


def test_constants_must_lie_in_their_ranges() -> None:
    c = Chain()
    with pytest.raises(ProofError, match="the index D-2 is not known to be at least 1"):
        c.used(constants={"K": "D-2"})
    with pytest.raises(ProofError, match="needed values for the constants"):
        c.used(constants={})
    d = Derivation()
    S, X = d.matrices("S: m m", "X: m N")
    with pytest.raises(ProofError, match="is not known to be at least"):
        d.chain_lemma(
            telescoping(), {"X": X}, {"W": lambda i: identity("m"), "B": lambda i: S, "A": lambda i: X}, {"K": "q"}
        )


def test_shapes_must_fit() -> None:
    c = Chain()
    with pytest.raises(ProofError, match="has shape"):
        c.used(at={"X": c.d.matrix("Y: h[2] M")})
    with pytest.raises(ProofError, match="has shape"):
        c.used(families={"W": lambda i: c.V(f"{i}+2"), "B": lambda i: c.P(f"{i}+1"), "A": lambda i: c.Q(f"{i}+1")})


def test_an_open_index_stays_a_hypothesis() -> None:
    """A family that depends on an index still open gives a fact that rests on it."""
    d = Derivation()
    d.index_constant("D")
    T, X = d.family("T[k]: m m", "k"), d.matrix("X: m N")
    opened = d.index("k", "1", "D")
    values = {"W": lambda i: identity("m"), "B": lambda i: T("k"), "A": lambda i: X}
    (fact,) = d.chain_lemma(telescoping(), {"X": X}, values, {"K": "D"})
    assert fact.hypotheses == {opened.number}
    (of_length,) = d.chain_lemma(telescoping(), {"X": X}, values | {"B": lambda i: T(1)}, {"K": "k"})
    assert of_length.hypotheses == {opened.number}


def test_a_value_that_uses_the_name_of_a_bound_index_is_not_captured() -> None:
    """The lemma binds j and i; here j is a constant, and the family at j means that one member."""
    d = Derivation()
    d.index_constant("D")
    d.index_constant("j")
    T, X = d.family("T[k]: m m", "k"), d.matrix("X: m N")
    values = {"W": lambda i: identity("m"), "B": lambda i: T("j"), "A": lambda i: X}
    (fact,) = d.chain_lemma(telescoping(), {"X": X}, values, {"K": "D"})
    assert d.at(fact, "1").content == equal(T("j") @ X, T("j") @ X)
    assert "T[j]" in str(fact.content)


def test_predicates_that_name_an_index_are_read_too() -> None:
    d = Derivation("marked")
    d.index_constant("K")
    a = d.family("a[i]: 1 1", "i")
    marked = d.given(Indexed(predicate("a good layer [i]", a("i")), "i", "1", "K"))
    d.goal(predicate("a good layer [K]", a("K")))
    d.at(marked, "K")
    user = Derivation()
    user.index_constant("D", at_least="3")
    s = user.family("s[i]: 1 1", "i")
    good = user.given(Indexed(predicate("a good layer [i]", s("i+1")), "i", "1", "D"))
    (fact,) = user.chain_lemma(d, {}, {"a": lambda i: s(f"{i}+1")}, {"K": "D-1"}, [good])
    assert fact.content == predicate("a good layer [D-1]", s("D"))
    with pytest.raises(ProofError, match="is not among the facts given"):
        user.chain_lemma(d, {}, {"a": lambda i: s(i)}, {"K": "D-1"}, [good])


def test_incomplete_and_quantified_lemmas_are_refused() -> None:
    d = Derivation("incomplete")
    d.index_constant("K")
    a = d.family("a[i]: 1 1", "i")
    d.goal(zero(a("K")))
    user = Derivation()
    user.index_constant("D")
    with pytest.raises(ProofError, match="is not proved"):
        user.chain_lemma(d, {}, {"a": user.family("b[i]: 1 1", "i")}, {"K": "D"})
    with pytest.raises(ProofError, match="its own lemma"):
        user.chain_lemma(user, {}, {}, {})


def test_an_unknown_letter_and_a_letter_of_a_branch() -> None:
    d = Derivation("squares")
    d.index_constant("K")
    a = d.family("a[i]: 1 1", "i")
    goal = d.goal(nonnegative(a("K") ** 2))
    d.squares(goal, [a("K")])
    stranger = Derivation().family("c[i]: 1 1", "i")
    user = Derivation()
    user.index_constant("D")
    with pytest.raises(ProofError, match="was never declared"):
        user.chain_lemma(d, {}, {"a": stranger}, {"K": "D"})
    s = user.scalar("s")
    branch = user.suppose(at_most(1, s))
    x, _ = user.reciprocal(user.smt(positive(s), [branch]), "x")
    (fact,) = user.chain_lemma(d, {}, {"a": lambda i: x}, {"K": "D"})
    assert branch.number in fact.hypotheses


def test_what_a_lemma_about_families_cannot_say_is_refused() -> None:
    user = Derivation()
    user.index_constant("D")
    b = user.family("b[i]: 1 1", "i")

    quantified = Derivation("quantified")
    quantified.index_constant("K")
    a = quantified.family("a[i]: 1 1", "i")
    x = Letter("x", "1", "1")
    quantified.given(Statement((x,), (), (nonnegative(letter(x) ** 2),)))
    quantified.squares(quantified.goal(nonnegative(a("K") ** 2)), [a("K")])
    with pytest.raises(ProofError, match="a premise or a goal that is a statement"):
        user.chain_lemma(quantified, {}, {"a": b}, {"K": "D"})

    terms = Derivation("terms")
    terms.index_constant("K")
    a = terms.family("a[i]: 1 1", "i")
    terms.scalar("s")
    logarithm = terms.term(calculus.log(calculus.Var("s")))
    terms.squares(terms.goal(nonnegative((logarithm + a("K")) ** 2)), [logarithm + a("K")])
    with pytest.raises(ProofError, match="speaks of terms of the calculus"):
        user.chain_lemma(terms, {"s": user.scalar("s")}, {"a": b}, {"K": "D"})

    stray = Derivation("stray")
    stray.index_constant("K")
    a = stray.family("a[i]: 1 1", "i")
    every = stray.given(Indexed(predicate("[i] is as good as [q]", a("i")), "i", "1", "K"))
    stray.goal(predicate("[K] is as good as [q]", a("K")))
    stray.at(every, "K")
    with pytest.raises(ProofError, match="speaks of the index q, which it neither binds nor has as a constant"):
        user.chain_lemma(stray, {}, {"a": b}, {"K": "D"})


def all_ones(d: Derivation, goal_of) -> Derivation:
    d.index_constant("K")
    goal = goal_of(d.family("v[i]: p 1", "i"))
    d.squares(d.goal(nonnegative(goal.squared_norm())), [goal])
    return d


def test_constants_of_a_lemma_take_their_dimensions_from_the_values() -> None:
    user = Derivation()
    user.index_constant("D")
    u = user.family("u[i]: m 1", "i")
    (fact,) = user.chain_lemma(all_ones(Derivation("known"), lambda v: ones("p") - v("K")), {}, {"v": u}, {"K": "D"})
    assert fact.content == nonnegative((ones("m") - u("D")).squared_norm())
    untold = all_ones(Derivation("untold"), lambda v: ones("q"))
    with pytest.raises(ProofError, match="No value says what the dimension q of the lemma is"):
        user.chain_lemma(untold, {}, {"v": u}, {"K": "D"})


def test_a_predicate_may_name_a_number() -> None:
    d = Derivation("the first layer")
    d.index_constant("K")
    a = d.family("a[i]: 1 1", "i")
    every = d.given(Indexed(predicate("[i] is as good as [0]", a("i")), "i", "1", "K"))
    d.goal(predicate("[K] is as good as [0]", a("K")))
    d.at(every, "K")
    user = Derivation()
    user.index_constant("D")
    b = user.family("b[i]: 1 1", "i")
    good = user.given(Indexed(predicate("[k] is as good as [0]", b("k")), "k", "1", "D"))
    (fact,) = user.chain_lemma(d, {}, {"a": b}, {"K": "D"}, [good])
    assert fact.content == predicate("[D] is as good as [0]", b("D"))


def test_the_names_that_a_lemma_binds_are_free_and_two_lemmas_of_one_title_stay_two() -> None:
    """Symbols of the user that look like those which the kernel makes up."""
    user = Derivation()
    user.index_constant("i_0")
    user.index_constant("i_1b")
    S, X = user.matrices("S: m m", "X: m N")
    values = {"W": lambda i: identity("m"), "B": lambda i: S, "A": lambda i: X}
    for _ in range(2):
        (fact,) = user.chain_lemma(telescoping(), {"X": X}, values, {"K": "i_0"})
        assert user.at(fact, "i_0").content == equal(S @ X, S @ X)
    (_, first), (_, second) = user.lemmas.items()
    assert first is not second
