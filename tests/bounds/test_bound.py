"""Enclosing formulas in balls, and bounds on the probability of error."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import sympy
from flint import arb, ctx, fmpq
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from numerics.arithmetic.balls import TooWide
from numerics.evidence.errors import InputError
from numerics.evidence.verdict import Rigour
from theorems.bounds.bound import Bound, BoundValue, enclose

x, y, z = sympy.symbols("x y z")
p, q = sympy.symbols("p q", positive=True)
DIGITS = 120


def digits(expression: sympy.Expr) -> arb:
    """The real value by SymPy and mpmath, to DIGITS digits, as a ball that contains it generously."""
    text = str(expression.evalf(DIGITS + 20))
    with ctx.workprec(2000):
        approximation = arb(text)
        return arb(approximation.mid(), (abs(approximation) + 1) * arb(10) ** -DIGITS)


def agrees(found: arb, expression: sympy.Expr) -> bool:
    """Both enclose one number; the first must contain nearly all of the second, which is far smaller."""
    truth = digits(expression)
    with ctx.workprec(2000):
        return bool(found.contains(truth)) or bool(found.overlaps(truth) and found.rad() <= truth.rad())


# The trap.


def test_a_third_is_enclosed_and_lambdify_is_the_trap_that_we_avoid() -> None:
    formula = sympy.Rational(1, 3) * x
    with ctx.workprec(200):
        trapped = sympy.lambdify(x, formula)(arb(1))
        ours = enclose(formula, {"x": 1})
    with ctx.workprec(2000):
        third = arb(fmpq(1, 3))
        assert not trapped.overlaps(third)
        assert ours.contains(third) and ours.rad() < arb(2) ** -195


CONSTANTS = [
    sympy.pi,
    sympy.E,
    sympy.exp(sympy.Rational(-1, 3)),
    sympy.sqrt(2),
    sympy.Rational(1, 3) ** sympy.Rational(2, 3),
    sympy.Integer(7) ** sympy.Rational(-5, 2),
    sympy.log(3),
    sympy.log(sympy.Rational(1, 1000)),
    sympy.Integer(2) ** sympy.pi,
    sympy.Pow(sympy.E, sympy.sqrt(3), evaluate=False),
    sympy.Abs(sympy.sqrt(2) - 3),
    sympy.Max(sympy.sqrt(2), sympy.Rational(7, 5)),
    sympy.Min(sympy.sqrt(2), sympy.Rational(7, 5), 9),
    sympy.ceiling(sympy.pi * 10, evaluate=False),
    sympy.floor(sympy.pi * 10, evaluate=False),
    sympy.Integer(-3) ** -3,
    sympy.Rational(-22, 7),
    8 + 72 * sympy.sqrt(sympy.log(2 * 784**2)) * sympy.log(60000) / 60000 + 3 * sympy.sqrt(sympy.log(100) / 120000),
]


@pytest.mark.parametrize("formula", CONSTANTS, ids=str)
@pytest.mark.parametrize("bits", [53, 200])
def test_constants_agree_with_mpmath(formula: sympy.Expr, bits: int) -> None:
    with ctx.workprec(bits):
        found = enclose(formula, {})
        assert found.rad() <= (abs(found.mid()) + 1) * arb(2) ** (12 - bits)
    assert agrees(found, formula)


LEAVES = st.sampled_from([x, y, sympy.Integer(2), sympy.Integer(-3), sympy.Rational(1, 3), sympy.pi])


def grown(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    pair = st.tuples(inner, inner)
    return st.one_of(
        pair.map(lambda t: t[0] + t[1]),
        pair.map(lambda t: t[0] * t[1]),
        pair.map(lambda t: sympy.Max(*t)),
        pair.map(lambda t: sympy.Min(*t)),
        st.tuples(inner, st.sampled_from([2, 3, -1, -2])).map(lambda t: t[0] ** t[1]),
        inner.map(sympy.Abs),
        inner.map(lambda e: sympy.sqrt(sympy.Abs(e) + 1)),
        inner.map(lambda e: sympy.log(sympy.Abs(e) + 2)),
        inner.map(lambda e: sympy.exp(-sympy.Abs(e))),
        inner.map(lambda e: (e**2 + 1) ** sympy.Rational(2, 3)),
    )


SMALL = st.fractions(min_value=-3, max_value=3, max_denominator=6)


@given(st.recursive(LEAVES, grown, max_leaves=6), SMALL, SMALL)
@settings(max_examples=60, deadline=None)
def test_random_formulas_agree_with_mpmath(formula: Any, a: Fraction, b: Fraction) -> None:
    assume(not formula.has(sympy.zoo, sympy.nan, sympy.oo))
    point = formula.subs({x: sympy.Rational(str(a)), y: sympy.Rational(str(b))})
    assume(not point.has(sympy.zoo, sympy.nan, sympy.oo))
    try:
        with ctx.workprec(200):
            found = enclose(formula, {"x": a, "y": b})
    except ValueError as error:
        # A division by something that is zero: a ball does not always see it, and SymPy may have simplified it away.
        assume(not (isinstance(error, TooWide) or "has no value there" in str(error)))
        raise
    assert agrees(found, point)


ROUGH = [
    x**2,
    x**3,
    x**4 - x,
    sympy.Abs(x),
    sympy.Max(x, y),
    sympy.Min(x, -y),
    sympy.ceiling(x),
    sympy.floor(x + y),
    sympy.sqrt(sympy.Abs(x)),
    sympy.sqrt(x**2 + y**2),
    sympy.sqrt(x**2 * sympy.Abs(y) * sympy.exp(x)),
    sympy.sqrt(sympy.sqrt(x**2) + x**4),
    (x**2) ** sympy.Rational(3, 2),
    sympy.Piecewise((x, x < y), (y**2, True)),
    sympy.Piecewise((1, x <= 0), (2, y > 1), (3, x >= y), (sympy.Integer(4), True)),
    1 / (x**2 + 1),
    sympy.exp(x) * sympy.log(3 + y),
]


@pytest.mark.parametrize("formula", ROUGH, ids=str)
@given(st.data())
@settings(max_examples=15, deadline=None)
def test_wide_balls_cover_every_point_inside(formula: sympy.Expr, data: st.DataObject) -> None:
    a, b = (data.draw(st.fractions(-2, 2, max_denominator=4)) for _ in range(2))
    r, s = (data.draw(st.sampled_from([Fraction(1, 4), Fraction(1, 2), Fraction(3, 4)])) for _ in range(2))
    wide = enclose(
        formula,
        {
            name: arb(fmpq(m.numerator, m.denominator), fmpq(w.numerator, w.denominator))
            for name, m, w in (("x", a, r), ("y", b, s))
        },
    )
    for i in (-1, 0, 1):
        for j in (-1, 0, 1):
            point = formula.subs({x: sympy.Rational(str(a + i * r)), y: sympy.Rational(str(b + j * s))})
            with ctx.workprec(300):
                assert wide.contains(digits(sympy.sympify(point)).mid())


def test_ranges_that_are_known() -> None:
    around = arb(0, 1)
    for formula, low, high in (
        (x**2, 0, 1),
        (x**3, -1, 1),
        (sympy.Abs(x), 0, 1),
        (sympy.Pow(x**2, sympy.Rational(1, 2), evaluate=False), 0, 1),
        (sympy.ceiling(x), -1, 2),
        (sympy.Piecewise((sympy.Integer(5), x < 0), (sympy.Integer(7), True)), 5, 7),
    ):
        found = enclose(formula, {"x": around})
        assert found.contains(low) and found.contains(high)
        assert found >= low - fmpq(1, 10**6) and found <= high + fmpq(1, 10**6) + (formula == sympy.ceiling(x))
    assert enclose(x**2, {"x": around}) >= 0
    assert enclose(sympy.Abs(x), {"x": around}) >= 0


def test_decided_jumps_and_cases_are_exact() -> None:
    assert enclose(sympy.ceiling(x), {"x": Fraction(7, 2)}) == 4
    assert enclose(sympy.floor(x), {"x": Fraction(7, 2)}) == 3
    cases = sympy.Piecewise((1 / x, x > 0), (sympy.Integer(0), True))
    assert enclose(cases, {"x": 2}) == arb(0.5)
    assert enclose(cases, {"x": 0}) == 0  # the other branch is not evaluated
    assert enclose(sympy.Piecewise((x, x <= 1), (y, True)), {"x": 1, "y": 9}) == 1
    assert enclose(sympy.Piecewise((x, x < 1), (y, True)), {"x": 1, "y": 9}) == 9
    assert enclose(sympy.Piecewise((x, x >= 1), (y, True)), {"x": 1, "y": 9}) == 1
    assert enclose(sympy.Piecewise((x, x > 1), (y, True)), {"x": 1, "y": 9}) == 9
    from_zero = arb(0, 1).nonnegative_part()  # its lower end is exactly zero
    open_ = enclose(sympy.Piecewise((sympy.Integer(5), x > 0), (sympy.Integer(7), True)), {"x": from_zero})
    assert open_.contains(5) and open_.contains(7)
    assert enclose(sympy.Piecewise((sympy.Integer(5), x >= 0), (sympy.Integer(7), True)), {"x": from_zero}) == 5


def test_powers_with_measured_exponents() -> None:
    assert enclose(x**y, {"x": -2, "y": 3}) == -8
    assert enclose(x**y, {"x": -2, "y": -1}) == arb(-0.5)
    assert enclose(x**y, {"x": 0, "y": 0}) == 1
    half = enclose(x**y, {"x": 2, "y": Fraction(1, 2)})
    assert agrees(half, sympy.sqrt(2)) and half.rad() < 1e-12
    assert enclose(x**y, {"x": 1, "y": 2**400}).contains(1)
    around_three = enclose(x**y, {"x": 2, "y": arb(3, 0.125)})  # only one integer in there, yet not an integer
    assert around_three.contains(arb(8.5)) and around_three.contains(arb(7.5))
    assert enclose(sympy.Pow(x, sympy.Rational(1, 3)), {"x": 0}) == 0


def test_symbols_take_balls_and_exact_numbers() -> None:
    for value in (3, Fraction(3), fmpq(3), arb(3), np.int64(3)):
        assert enclose(x + 1, {"x": value}) == 4  # type: ignore[dict-item]
    assert enclose(x + 1, {"x": 3, "unused": 5}) == 4


def test_a_non_negative_symbol_is_cut_at_zero() -> None:
    assert enclose(p, {"p": arb(0, 1)}) >= 0
    found = enclose(sympy.sqrt(p), {"p": arb(0, 1e-20)})
    assert found >= 0 and found.contains(0) and found.contains(arb(1e-10))
    found = enclose(sympy.sqrt(p + q), {"p": arb(0.25, 1), "q": Fraction(1, 9)})
    assert found.is_finite() and found.contains(arb(fmpq(1, 3)))


# What is refused.


@pytest.mark.parametrize(
    ("formula", "values", "error", "text"),
    [
        (
            x + y,
            {"x": 1},
            ValueError,
            "`values` must give every symbol of the formula, found none for `y`: it gives x.",
        ),
        (x + y, {}, ValueError, "found none for `x`, `y`: it gives nothing."),
        (0.5 * x, {"x": 1}, TypeError, "The float 0.5.* is not exact: write it as `Rational` in the formula."),
        (sympy.erf(x), {"x": 1}, TypeError, r"`erf\(x\)` cannot be enclosed: no rule for `erf`. Write it with"),
        (x * sympy.I, {"x": 1}, TypeError, "no rule for `ImaginaryUnit`"),
        (sympy.Max(x, sympy.oo, evaluate=False), {"x": 1}, TypeError, "no rule for `Infinity`"),
        (sympy.Add(x, sympy.nan, evaluate=False), {"x": 1}, TypeError, "no rule for `NaN`"),
        (x, {"x": 0.5}, TypeError, "The value of `x` is neither a ball nor an exact number. .* found float 0.5"),
        (x, {"x": True}, TypeError, "found bool True"),
        (
            sympy.log(x),
            {"x": 0},
            ValueError,
            r"`log\(x\)` needs a positive argument, found 0: the formula has no value",
        ),
        (sympy.log(x), {"x": arb(-2, 1)}, ValueError, "needs a positive argument"),
        (1 / x, {"x": 0}, ValueError, "`1/x` needs a base other than zero, found 0: the formula has no value there."),
        (sympy.sqrt(x), {"x": -1}, ValueError, r"`sqrt\(x\)` needs a non-negative base, found -1.00000: the formula"),
        (x**sympy.pi, {"x": -1}, ValueError, r"`x\*\*pi` needs a positive argument"),
        (x ** sympy.Rational(-1, 2), {"x": 0}, ValueError, "needs a base other than zero"),
        (p, {"p": 0}, ValueError, "`p` must be positive, as the formula assumes, found 0"),
        (sympy.Symbol("k", integer=True), {"k": Fraction(1, 2)}, ValueError, "`k` must be an integer, as the form"),
        (sympy.Symbol("k", nonnegative=True), {"k": -1}, ValueError, "`k` must be non-negative"),
        (sympy.Symbol("k", negative=True), {"k": 0}, ValueError, "`k` must be negative"),
        (sympy.Symbol("k", nonpositive=True), {"k": 1}, ValueError, "`k` must be non-positive"),
        (sympy.Symbol("k", nonzero=True), {"k": 0}, ValueError, "`k` must be non-zero"),
        (sympy.Piecewise((x, x > 1)), {"x": 0}, ValueError, "must have a case for every value, found one that no case"),
        (sympy.Piecewise((x, sympy.Ne(x, 1)), (y, True)), {"x": 0, "y": 0}, TypeError, "cannot be a case of a `Piecew"),
    ],
    ids=str,
)
def test_refusals(formula: sympy.Expr, values: Mapping[str, Any], error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text) as found:
        enclose(formula, values)
    assert not isinstance(found.value, TooWide)


@pytest.mark.parametrize(
    ("formula", "values"),
    [
        (sympy.log(x), {"x": arb(1, 1.5)}),
        (1 / x, {"x": arb(1, 1.5)}),
        (sympy.sqrt(x), {"x": arb(1, 1.5)}),
        (x**y, {"x": arb(1, 1.5), "y": Fraction(1, 2)}),
        (sympy.sqrt(x**3), {"x": arb(1, 1.5)}),
        (sympy.sqrt(x**2 * y), {"x": 1, "y": arb(1, 1.5)}),
        (sympy.sqrt(x**2 + y), {"x": 1, "y": arb(1, 3)}),
        (1 / (sympy.sqrt(2) ** 2 - x), {"x": arb(2).sqrt() ** 2}),
        (sympy.exp(x), {"x": arb("nan")}),
        (sympy.Piecewise((1 / x, x > 0), (sympy.Integer(0), True)), {"x": arb(0, 1)}),
    ],
    ids=str,
)
def test_balls_that_are_too_wide_say_so(formula: sympy.Expr, values: Mapping[str, Any]) -> None:
    with pytest.raises(TooWide, match="raise the precision"):
        enclose(formula, values)


# Bounds.

K, n, delta = sympy.symbols("K n delta", positive=True)
R = sympy.Symbol("R", nonnegative=True)


@dataclass(frozen=True)
class Toy:
    complexity: Any
    bias: bool = False


def measured(network: Toy, data: int, options: Mapping[str, Any]) -> dict[str, Any]:
    k = network.complexity() if callable(network.complexity) else network.complexity
    return {"R": options.get("risk", Fraction(0)), "K": k, "n": data}


TOY = Bound(
    name="toy",
    title="A toy",
    formula=lambda: R + 24 * K / n + 2 * sympy.sqrt(sympy.log(1 / delta) / (2 * n)),
    symbols={"R": "ramp risk", "K": "complexity", "n": "sample size", "delta": "chance of failure"},
    measure=measured,
    conditions=lambda network: ("layer 1 has a bias", "layer 2 pools") if network.bias else (),
    page="generalization.toy",
    citation="nobody2026, Theorem 1",
    options={"risk": "the ramp risk"},
)
PLAIN = replace(
    TOY, formula=lambda: K, symbols={"K": "complexity"}, measure=lambda net, data, o: {"K": net.complexity()}
)


def test_a_bound_that_says_something() -> None:
    found = TOY.on(Toy(10), 10000, delta=0.05, risk=Fraction(1, 10))
    truth = sympy.Rational(1, 10) + sympy.Rational(240, 10000) + 2 * sympy.sqrt(sympy.log(20) / 20000)
    assert agrees(found.value, truth) and agrees(found.capped, truth)
    assert found.vacuous is False and found.dominated_by == "R"
    assert (found.name, found.page, found.citation) == ("toy", "generalization.toy", "nobody2026, Theorem 1")
    assert found.ingredients == (
        ("R", "ramp risk", Fraction(1, 10)),
        ("K", "complexity", 10),
        ("n", "sample size", 10000),
        ("delta", "chance of failure", Fraction(1, 20)),  # the decimal, not the float next to it
    )
    assert str(found).startswith("toy: Pr[error] <= 0.14847") and str(found).endswith("; dominated by R")


def test_measuring_knows_the_options_and_delta() -> None:
    told = []

    def measure(network: Toy, data: int, options: Mapping[str, Any]) -> dict[str, Any]:
        told.append(dict(options))
        return measured(network, data, options)

    replace(TOY, measure=measure).on(Toy(1), 10**6, delta="1/20", risk=Fraction(1, 10))
    assert told == [{"risk": Fraction(1, 10), "delta": Fraction(1, 20), "memory": {}}]


def test_what_was_drawn_at_random_is_remembered_from_one_precision_to_the_next() -> None:
    precisions, draws = [], []

    def measure(network: Toy, data: int, options: Mapping[str, Any]) -> dict[str, Any]:
        precisions.append(ctx.prec)
        if "drawn" not in options["memory"]:
            draws.append(1)
            options["memory"]["drawn"] = Fraction(1)
        third = arb(fmpq(1, 3)) * 3 * data  # a ball around the exact threshold, never decided
        return {"R": options["memory"]["drawn"] * 0, "K": third / 24, "n": data}

    calls = replace(TOY, measure=measure, formula=lambda: 24 * sympy.Symbol("K") / sympy.Symbol("n"))
    assert calls.on(Toy(1), 24, delta="1/20").vacuous is None
    assert len(precisions) > 1 and draws == [1]
    calls.on(Toy(1), 24, delta="1/20")
    assert draws == [1, 1]


GAP = Bound(
    "gap",
    "a bound in expectation from the training alone",
    lambda: sympy.Symbol("M", nonnegative=True) * sympy.Symbol("T") / sympy.Symbol("n"),
    {"M": "oscillation of the loss", "T": "steps", "n": "sample size"},
    lambda network, data, options: {k: options[k] for k in "MTn"},
    lambda network: (),
    "generalization.toy",
    "nobody2026, Theorem 2",
    {"M": "how far the loss moves", "T": "number of steps", "n": "number of examples"},
    required=("M", "T", "n"),
    quantity="expected generalization gap",
    trivial="M",
)


def test_a_bound_in_expectation_needs_no_delta_and_no_network() -> None:
    found = GAP.on(M=3, T=5, n=8)
    assert found.value == arb("1.875") and found.vacuous is False and found.rigour is Rigour.BALL
    assert str(found).startswith("gap: expected generalization gap <= 1.875")
    assert GAP.on(M=3, T=20, n=8).capped == 3 and GAP.on(M=3, T=20, n=8).vacuous is True
    assert GAP.on(M=3, T=5, n=8, delta="0.1").ingredients == found.ingredients
    with pytest.raises(InputError, match=r"cannot be computed: it needs `T`: number of steps; it needs `n`: number of"):
        GAP.on(M=3)
    assert GAP.missing({"M": 1, "T": None, "n": 2}) == ("it needs `T`: number of steps",)


def test_where_nothing_is_trivial_nothing_is_vacuous() -> None:
    found = replace(GAP, trivial=None).on(M=3, T=1600, n=8)
    assert found.value == found.capped == 600 and found.vacuous is False


def test_a_statistical_bound_says_so() -> None:
    found = replace(GAP, rigour=Rigour.STATISTICAL).on(M=3, T=5, n=8)
    assert found.rigour is Rigour.STATISTICAL and " (statistical); dominated by" in str(found)


def test_functions_that_enclose_themselves() -> None:
    from theorems.bounds import functions as _functions

    KlInverse: Any = _functions.KlInverse
    BinomialLimit: Any = _functions.BinomialLimit
    q, c = sympy.Symbol("q"), sympy.Symbol("c")
    found = enclose(1 + KlInverse(q, c), {"q": 0, "c": arb(2).log()})
    assert found.overlaps(arb("1.5")) and found.rad() < 1e-14
    k, n, delta = sympy.symbols("k n delta")
    limit = BinomialLimit(k, n, delta)
    assert enclose(limit, {"k": 0, "n": 2, "delta": Fraction(1, 4)}).overlaps(arb("0.5"))
    with pytest.raises(TooWide, match="needs whole numbers of errors and trials, found"):
        enclose(limit, {"k": arb(1, 1), "n": 2, "delta": Fraction(1, 4)})


def test_a_vacuous_bound_is_capped() -> None:
    found = TOY.on(Toy(1000), 100, delta="1/100")
    assert found.value > 240 and found.capped == 1 and found.vacuous is True
    assert found.dominated_by == "24*K/n"
    assert str(found).startswith("toy: Pr[error] <= 240.") and ", vacuous; dominated by 24*K/n" in str(found)


def test_exactly_one_is_vacuous() -> None:
    asked = []

    def one() -> Fraction:
        asked.append(ctx.prec)
        return Fraction(1)

    assert PLAIN.on(Toy(one), None, delta=0.5).vacuous is True and asked == [53]


def test_the_precision_is_raised_until_one_is_decided() -> None:
    asked = []

    def just_below() -> arb:
        asked.append(ctx.prec)
        return arb(2).sqrt() ** 2 / 2 - arb(fmpq(1, 10**30))

    found = PLAIN.on(Toy(just_below), None, delta=0.5)
    assert found.vacuous is False and asked == [53, 128] and ctx.prec == 53


def test_measurements_that_do_not_sharpen_leave_it_open() -> None:
    asked = []

    def double_precision() -> arb:
        asked.append(ctx.prec)
        return arb(1, 1e-10)

    found = PLAIN.on(Toy(double_precision), None, delta=0.5)
    assert found.vacuous is None and asked == [53, 128]
    assert found.value.contains(arb(1)) and found.capped.contains(arb(1)) and ", perhaps vacuous;" in str(found)


def test_a_formula_that_is_too_wide_is_asked_again() -> None:
    bound = replace(PLAIN, formula=lambda: -1 / sympy.log(K))
    found = bound.on(Toy(lambda: arb(1) - arb(fmpq(1, 10**30))), None, delta=0.5)
    assert found.vacuous is True
    with pytest.raises(ValueError, match=r"Bound `toy` has no value on this network: .*raise the precision"):
        bound.on(Toy(lambda: arb(1, 1e-10)), None, delta=0.5)
    assert ctx.prec == 53


def test_what_dominates_a_product_is_a_factor() -> None:
    bound = replace(TOY, formula=lambda: 24 * K * sympy.sqrt(1 / n))
    assert bound.on(Toy(1000), 10000, delta=0.5).dominated_by == "K"
    assert PLAIN.on(Toy(lambda: 3), None, delta=0.5).dominated_by == "K"


@pytest.mark.parametrize("bad", [0, 1, 1.5, -0.1, "half", None, float("nan"), "1/0", True])
def test_delta_out_of_range(bad: Any) -> None:
    with pytest.raises(
        InputError, match=r"`delta` must be a probability strictly between 0 and 1, found .*: pass 0.01"
    ):
        TOY.on(Toy(1), 10, delta=bad)


def test_broken_conditions_are_all_listed() -> None:
    text = "Bound `toy` does not apply to this network: layer 1 has a bias; layer 2 pools."
    with pytest.raises(InputError, match=text):
        TOY.on(Toy(1, bias=True), 10, delta=0.5)


def test_unknown_option() -> None:
    with pytest.raises(InputError, match=r"Bound `toy` has no option `gama`: it takes delta, risk."):
        TOY.on(Toy(1), 10, delta=0.5, gama=1)


def test_a_page_that_names_its_symbols_badly() -> None:
    with pytest.raises(
        ValueError, match=r"`symbols` of bound `toy` must explain every symbol .* nothing about `K`, `R`"
    ):
        replace(TOY, symbols={"n": "", "delta": ""}).on(Toy(1), 10, delta=0.5)
    with pytest.raises(
        ValueError, match=r"`measure` of bound `toy` must return symbols of the formula only, found `R`."
    ):
        replace(PLAIN, measure=measured, symbols={"K": "complexity", "n": ""}).on(Toy(1), 10, delta=0.5)


def test_the_formula_is_built_once_and_late() -> None:
    built = []

    def formula() -> sympy.Expr:
        built.append(1)
        return K

    bound = replace(PLAIN, formula=formula)
    assert repr(bound) == "<Bound toy>" and built == []
    assert bound.latex() == "K" and bound.on(Toy(lambda: 3), None, delta=0.5).value == 3 and built == [1]


def test_latex() -> None:
    assert TOY.latex() == sympy.latex(TOY.expression) and r"\delta" in TOY.latex()


def test_a_value_can_be_made_by_hand() -> None:
    value = BoundValue("b", arb(2), arb(1), True, (), "K", "page", "key")
    assert str(value) == "b: Pr[error] <= 2.00000, vacuous; dominated by K"


def test_importing_loads_no_sympy() -> None:
    code = "import sys, theorems.bounds.bound; print([m for m in ('sympy', 'scipy', 'matplotlib') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
