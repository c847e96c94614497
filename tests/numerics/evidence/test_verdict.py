"""Verdicts: three answers, never more rigorous than what decided them."""

from fractions import Fraction

import numpy as np
import pytest
from flint import arb, fmpq, fmpz
from hypothesis import given
from hypothesis import strategies as st

from numerics.evidence import (
    Answer,
    Rigour,
    Verdict,
    at_least,
    at_most,
    decided,
    equal,
    every,
    fails,
    greater_than,
    holds,
    less_than,
    undecided,
)

rationals = st.fractions(min_value=-3, max_value=3, max_denominator=4)
statistical = Verdict(Answer.HOLDS, Rigour.STATISTICAL, None, "sampled", 0.01)
verdicts = st.builds(
    Verdict,
    st.sampled_from(Answer),
    st.sampled_from([Rigour.FLOAT, Rigour.BALL, Rigour.EXACT]),
    st.none() | st.floats(-1, 1),
) | st.sampled_from([statistical])


@given(rationals, rationals)
def test_rationals_are_compared_exactly_whatever_their_type(a, b):
    for x in (a, fmpq(a.numerator, a.denominator)):
        for compare, truth in [
            (at_most, a <= b),
            (less_than, a < b),
            (at_least, a >= b),
            (greater_than, a > b),
            (equal, a == b),
        ]:
            v = compare(x, b)
            assert v.holds == truth
            assert v.fails == (not truth)
            assert v.rigour is Rigour.EXACT
    assert at_most(a, b).slack == pytest.approx(float(b - a))
    assert at_least(a, b).slack == pytest.approx(float(a - b))
    assert equal(a, b).slack == pytest.approx(-abs(float(b - a)))


@pytest.mark.parametrize("one", [1, fmpz(1), fmpq(1), Fraction(1)])
def test_ties_are_decided_exactly(one):
    assert at_most(one, 1).holds
    assert less_than(one, 1).fails
    assert equal(one, 1).holds


def test_differences_below_floats_are_seen():
    tiny = fmpq(1, 10**400)
    assert less_than(0, tiny).holds
    assert equal(1 + tiny, 1).fails
    assert at_most(0, fmpq(10) ** 400).slack == float("inf")


def test_balls_decide_only_what_they_separate():
    third = arb(1) / 3
    wide = arb(1, 0.5)
    assert less_than(third, fmpq(1, 2)).holds
    assert at_most(fmpq(1, 2), third).fails
    assert less_than(third, fmpq(1, 3)).undecided
    assert at_most(third, fmpq(1, 3)).undecided
    assert equal(third, fmpq(1, 3)).undecided
    assert equal(third, fmpq(1, 2)).fails
    assert equal(arb(2), 2).holds  # both sides are exact
    assert less_than(wide, 1).undecided
    assert at_most(wide, wide).undecided
    assert less_than(arb("nan"), 1).undecided
    assert less_than(third, 0.5).holds
    assert all(v.rigour is Rigour.BALL for v in [less_than(third, 1), equal(third, third), at_least(1, third)])


def test_floats_are_only_floats():
    assert less_than(0.1, 0.2).rigour is Rigour.FLOAT
    assert less_than(np.float64(0.1), 1).holds
    assert equal(0.1 + 0.2, 0.3).fails
    assert at_most(float("nan"), 1.0, "norm").undecided
    assert at_most(float("nan"), 1.0, "norm").reason == "norm: not a number"
    assert at_most(1.0, float("nan")).undecided


def test_a_verdict_has_no_truth_value():
    with pytest.raises(TypeError, match=r"three answers and no truth value: ask `.holds`, `.fails` or `.undecided`"):
        bool(holds())


@pytest.mark.parametrize("rigour", Rigour)
def test_an_error_probability_belongs_to_statistics_alone(rigour):
    wrong = None if rigour is Rigour.STATISTICAL else 0.1
    with pytest.raises(ValueError, match="A statistical verdict, and no other, needs `error_probability`"):
        Verdict(Answer.HOLDS, rigour, None, "", wrong)


@given(st.lists(verdicts, max_size=4))
def test_joining_never_gains(parts):
    whole = every(parts)
    if any(v.fails for v in parts):
        assert whole.fails
        assert whole in parts
        assert whole.rigour == max(v.rigour for v in parts if v.fails)
    elif any(v.undecided for v in parts):
        assert whole.undecided
    else:
        assert whole.holds
        assert all(whole.rigour <= v.rigour for v in parts)
        assert whole.slack == min((v.slack for v in parts if v.slack is not None), default=None)


def test_joins_of_nothing_of_two_and_of_samples():
    assert every([]) == holds()
    assert (holds("a") & fails("b")).reason == "b"
    assert (holds("a") & undecided("b")).undecided
    assert (undecided("a") & fails("b")).fails
    assert every([statistical, statistical]).error_probability == pytest.approx(0.02)
    assert every([statistical, holds(rigour=Rigour.FLOAT)]).rigour is Rigour.FLOAT
    assert every([holds("exact"), holds("ball", rigour=Rigour.BALL)]).reason == "ball"


@given(verdicts)
def test_negation_is_an_involution_and_keeps_the_undecided(v):
    assert ~~v == v
    assert (~v).undecided == v.undecided
    assert (~v).holds == v.fails


def test_reasons_are_kept_and_put_in_front():
    assert holds("inner").because("outer").reason == "outer: inner"
    assert holds().because("outer").reason == "outer"
    assert decided(True, "rank").holds
    assert decided(False, "rank") == fails("rank")
    assert str(Rigour.BALL) == "ball"
