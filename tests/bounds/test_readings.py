"""Each calculator computes exactly what the goal of its page says, and one with a wrong constant does not."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from random import Random
from typing import Any

import pytest
import sympy
from flint import arb

from theorems.bounds import all_bounds
from theorems.bounds.bound import Bound
from theorems.bounds.readings import READINGS
from theorems.catalogue import claim
from theorems.examination.calculators import difference, drawn
from theorems.examination.points import POINTS, examine

BOUNDS = {b.name: b for b in all_bounds()}


def wrong(name: str, bound: Bound, draws: int = 5) -> str:
    derivation = claim(READINGS[name].page or bound.page).proof()
    assert derivation is not None
    rng = Random(name)
    found = (difference(bound, derivation, READINGS[name], drawn(bound, READINGS[name], rng)) for _ in range(draws))
    return next(filter(None, found), "")


def test_every_calculator_has_a_reading() -> None:
    assert set(READINGS) == set(BOUNDS)


@pytest.mark.parametrize("name", READINGS)
def test_a_calculator_is_what_the_goal_of_its_page_says(name: str) -> None:
    assert not wrong(name, BOUNDS[name])


def altered(name: str, change: Callable[[sympy.Expr], sympy.Expr]) -> Bound:
    bound = BOUNDS[name]
    expression = change(bound.expression)
    assert expression != bound.expression
    return dataclasses.replace(bound, formula=lambda: expression)


@pytest.mark.parametrize("name", READINGS)
def test_a_factor_a_little_too_small_is_caught(name: str) -> None:
    assert wrong(name, scaled(name)).startswith(f"`{name}`")


def scaled(name: str) -> Bound:
    if BOUNDS[name].expression.func.__name__ == "KlInverse":  # the second argument is the price
        return altered(name, lambda e: e.func(e.args[0], e.args[1] * sympy.Rational(999, 1000)))
    return altered(name, lambda e: e * sympy.Rational(999, 1000))


def _symbol(name: str, symbol: str) -> sympy.Symbol:
    return next(s for s in BOUNDS[name].expression.atoms(sympy.Symbol) if s.name == symbol)


@pytest.mark.parametrize(
    "name, symbol, change",
    [
        ("frobenius", "L", lambda s: s + 1),  # one layer too many
        ("peeling", "L", lambda s: s - 1),  # a factor of two lost
        ("l1-rows", "d", lambda s: sympy.Integer(1)),  # a logarithm dropped
        ("path-norm", "a", lambda s: s + 1),
        ("spectral-margin-uniform", "C", lambda s: sympy.Integer(0)),  # the price of all cells forgotten
        ("spectral-margin-sharp", "W", lambda s: sympy.sqrt(s)),  # an exponent
        ("covering-norms", "R", lambda s: s / 2),
        ("sgd-smooth", "t0", lambda s: -s),  # a sign
        ("langevin", "beta", lambda s: s**2),
        ("vc-sign", "delta", lambda s: s**2),
    ],
)
def test_a_wrong_constant_exponent_logarithm_or_sign_is_caught(
    name: str, symbol: str, change: Callable[[sympy.Symbol], sympy.Expr]
) -> None:
    s = _symbol(name, symbol)
    assert wrong(name, altered(name, lambda e: e.subs(s, change(s))))


def test_a_reading_that_breaks_a_premise_is_refused() -> None:
    reading = READINGS["frobenius"]

    def misread(v: Any, value: arb) -> dict[str, Any]:
        return {**reading.letters(v, value), "root": arb(1)}

    derivation = claim(BOUNDS["frobenius"].page).proof()
    assert derivation is not None
    values = drawn(BOUNDS["frobenius"], reading, Random(0))
    said = difference(BOUNDS["frobenius"], derivation, dataclasses.replace(reading, letters=misread), values)
    assert "the premise root^2" in said


def test_a_wrong_calculator_is_caught_by_exactly_point_10(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong_one = scaled("sgd-convex")
    page = claim(wrong_one.page)
    assert examine(page, "calculators").passed
    monkeypatch.setattr("theorems.bounds.all_bounds", lambda: (wrong_one,))
    assert [p for p in POINTS if not examine(page, p).passed] == ["calculators"]


def test_a_calculator_without_a_reading_fails_its_page(monkeypatch: pytest.MonkeyPatch) -> None:
    nameless = dataclasses.replace(BOUNDS["langevin"], name="langevin-too")
    monkeypatch.setattr("theorems.bounds.all_bounds", lambda: (nameless,))
    finding = examine(claim(nameless.page), "calculators")
    assert finding.detail == "`langevin-too` has no reading: it is not compared with any goal"


def test_a_page_brings_its_own_calculator_with_its_reading() -> None:
    own = dataclasses.replace(BOUNDS["langevin"], name="mine", reading=READINGS["langevin"])
    page = dataclasses.replace(claim(own.page), bounds=lambda: (own,))
    assert "mine" in examine(page, "calculators").detail
