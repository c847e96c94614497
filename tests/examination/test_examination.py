"""A page that is false in one point is caught by exactly that point."""

from __future__ import annotations

import dataclasses
import importlib
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction

import pytest
from hypothesis import strategies as st

from numerics.evidence.verdict import Verdict, at_least, at_most, decided, equal, greater_than, undecided
from theorems import Citation, Claim, Mutant, Premise, Printed, Tight, claim
from theorems.bounds import all_bounds
from theorems.bounds.bound import Bound
from theorems.examination.campaign import chunk_of
from theorems.examination.draws import draw
from theorems.examination.findings import standing as standing_of
from theorems.examination.points import POINTS, examine
from theorems.examination.runner import examine_all, pool
from theorems.proof import Axiom, Derivation, Letter, Statement, letter, nonnegative
from theorems.proof import at_least as is_at_least
from theorems.proof.crosscheck import Model

ONE = Citation("sun2019lecture", "Section 1.4")


def proof() -> Derivation:
    d = Derivation("a square above one")
    x = d.scalar("x")
    premise = d.given(is_at_least(x, 1))
    d.squares(d.goal(nonnegative(x * x - x)), [x - 1, (1, premise)])
    return d


def false_axiom() -> Derivation:
    """The kernel must accept this proof, because an axiom says so; the model check must not."""
    d = Derivation("a square above one")
    x = d.scalar("x")
    premise = d.given(is_at_least(x, 1))
    y = Letter("y", "1", "1")
    claims = Statement((y,), (is_at_least(letter(y), 1),), (is_at_least(letter(y), 2),))
    _, [more] = d.axiom(Axiom("one is two", claims, "T", "no book, page 0"), {"y": x}, [premise])
    d.squares(d.goal(nonnegative(x * x - x)), [x - 1, (1, premise)])
    d.goal(is_at_least(x, 2))
    assert d.gaps() == []
    assert more.relation == is_at_least(x, 2)
    return d


def check(x: Fraction) -> Verdict:
    return at_least(x * x, x, "x^2 against x")


def _twice_the_langevin_bound() -> Bound:
    """A calculator above what its page proves."""
    bound = next(b for b in all_bounds() if b.name == "langevin")
    return dataclasses.replace(bound, formula=lambda: 2 * bound.expression)


def numbers() -> st.SearchStrategy[Fraction]:
    return st.fractions(1, 9, max_denominator=8)


TRUE = Claim(
    "theorems.toy.a_square_above_one",
    "Numbers above one do not exceed their squares.\n\n**Theorem.** If $x \\ge 1$ then $x^2 \\ge x$.\n\n**Idea.** Multiply.\n",
    source=ONE,
    premises=(
        Premise("above one", "$x \\ge 1$", lambda x: x >= 1, without=lambda: Fraction(1, 2)),
        Premise(
            "integer",
            "$x$ is an integer",
            lambda x: x.denominator == 1,
            kind="superfluous",
            violating=lambda: numbers().filter(lambda x: x.denominator > 1),
        ),
    ),
    derivation=proof,
    interpret=lambda x: Model({"x": x}) if x >= 1 else None,
    instances=numbers,
    check=check,
    mutants=(Mutant("twice", "$x^2 \\ge 2x$", lambda x: at_least(x * x, 2 * x), lambda: Fraction(1)),),
    printed=(Printed("$x^2 \\ge x$ always", ONE, check, lambda: Fraction(1, 2)),),
    tight=(Tight("at one", lambda: Fraction(1), lambda x: equal(x * x, x)),),
    stratum=lambda x: "x = 1" if x == 1 else "generic",
)

above_one = TRUE.premises[0]
FALSE = {
    "derivation": dataclasses.replace(TRUE, derivation=false_axiom),
    "instances": dataclasses.replace(TRUE, check=lambda x: greater_than(x * x, x)),
    "premises": dataclasses.replace(TRUE, instances=lambda: st.one_of(numbers(), st.just(Fraction(-1)))),
    "necessity": dataclasses.replace(TRUE, premises=(dataclasses.replace(above_one, without=lambda: Fraction(-1)),)),
    "mutants": dataclasses.replace(
        TRUE,
        mutants=(*TRUE.mutants, Mutant("weaker", "$x^2 \\ge 1$", lambda x: at_least(x * x, 1), lambda: Fraction(1))),
    ),
    "tightness": dataclasses.replace(TRUE, tight=(dataclasses.replace(TRUE.tight[0], instance=lambda: Fraction(2)),)),
    "printed": dataclasses.replace(TRUE, printed=(dataclasses.replace(TRUE.printed[0], witness=lambda: Fraction(2)),)),
    "citation": dataclasses.replace(TRUE, source=Citation("nobody1900nothing", "page 1")),
    "calculators": dataclasses.replace(TRUE, bounds=lambda: (_twice_the_langevin_bound(),)),
    "decided": dataclasses.replace(TRUE, check=lambda x: undecided("a tie") if x == 1 else check(x)),
}


@pytest.mark.parametrize("point", POINTS)
def test_the_true_page_passes(point: str) -> None:
    finding = examine(TRUE, point, examples=60)
    assert finding.passed, finding.detail


@pytest.mark.parametrize("point", POINTS)
def test_a_false_page_is_caught_by_exactly_one_point(point: str) -> None:
    failed = [p for p in POINTS if not examine(FALSE[point], p, examples=60).passed]
    assert failed == [point]


MORE_FALSE = {
    "a gap": ("derivation", dataclasses.replace(TRUE, derivation=lambda: _unfinished())),
    "no interpret": ("derivation", dataclasses.replace(TRUE, interpret=None)),
    "refused step": ("derivation", dataclasses.replace(TRUE, derivation=lambda: _refused())),
    "no models": ("derivation", dataclasses.replace(TRUE, interpret=lambda x: None)),
    "float only": ("instances", dataclasses.replace(TRUE, check=lambda x: at_most(float(x), float(x * x)))),
    "one instance": ("premises", dataclasses.replace(TRUE, instances=lambda: st.just(Fraction(3)))),
    "two premises at once": (
        "necessity",
        dataclasses.replace(TRUE, premises=(above_one, dataclasses.replace(above_one, name="again"))),
    ),
    "not superfluous": (
        "necessity",
        dataclasses.replace(
            TRUE,
            premises=(
                Premise("above one", "", lambda x: x >= 1, "superfluous", violating=lambda: st.just(Fraction(1, 2))),
            ),
        ),
    ),
    "no mutants": ("mutants", dataclasses.replace(TRUE, mutants=())),
    "an exception is not a kill": (
        "mutants",
        dataclasses.replace(TRUE, mutants=(Mutant("undecided", "", lambda x: undecided("?"), lambda: Fraction(1)),)),
    ),
    "no locator": ("citation", dataclasses.replace(TRUE, source=Citation("sun2019lecture", " "))),
}


def _unfinished() -> Derivation:
    d = Derivation("unfinished")
    x = d.scalar("x")
    d.goal(nonnegative(x * x - x))
    return d


def _refused() -> Derivation:
    d = Derivation("wrong sign")
    x = d.scalar("x")
    d.squares(d.goal(nonnegative(x - x * x)), [x - 1])
    return d


@pytest.mark.parametrize("name", MORE_FALSE)
def test_more_false_pages_are_caught(name: str) -> None:
    point, page = MORE_FALSE[name]
    assert not examine(page, point, examples=40).passed


def test_a_check_that_holds_of_everything_is_vacuous() -> None:
    page = dataclasses.replace(TRUE, check=lambda x: decided(True), mutants=(), printed=(), premises=())
    finding = examine(page, "premises", examples=40)
    assert not finding.passed
    assert "vacuous" in finding.detail


def test_a_failure_is_shrunken_and_says_how_to_see_it_again() -> None:
    page = dataclasses.replace(TRUE, check=lambda x: at_most(x, Fraction(5, 2)))
    failure = chunk_of(page, seed=3, chunk=0, examples=50).failure
    assert failure is not None
    assert failure.instance == "Fraction(3, 1)"
    assert failure.reproduce == "theorems check toy.a_square_above_one --seed 3 --examples 50"


def test_standing_is_computed() -> None:
    def standing(page: Claim) -> str:
        return standing_of(page, [examine(page, p, examples=40) for p in POINTS])

    assert standing(TRUE) == "proved"
    assert standing(FALSE["derivation"]) == "tested (exact)"
    assert standing(FALSE["instances"]) == "refuted"
    assert standing(dataclasses.replace(TRUE, derivation=None, interpret=None)) == "tested (exact)"
    assert standing(dataclasses.replace(TRUE, derivation=_glued)) == (
        "tested (exact); the derivation rests on 1 sentence of glue"
    )
    assert standing(dataclasses.replace(TRUE, derivation=_assumed)) == "proved modulo [squares]"


def _glued() -> Derivation:
    d = proof()
    d.glue("Everybody knows this.")
    return d


def _assumed() -> Derivation:
    d = Derivation("from an axiom")
    x = d.scalar("x")
    premise = d.given(is_at_least(x, 1))
    y = Letter("y", "1", "1")
    statement = Statement((y,), (is_at_least(letter(y), 1),), (nonnegative(letter(y) ** 2 - letter(y)),))
    goal = d.goal(nonnegative(x * x - x))
    _, [fact] = d.axiom(Axiom("squares", statement, "T", "a textbook, page 1"), {"y": x}, [premise])
    assert goal.follows_from(fact.relation)
    return d


def test_counts_do_not_depend_on_the_number_of_workers() -> None:
    name = "dynamics.gradient_flow_keeps_linear_networks_balanced"
    [alone] = examine_all([name], examples=120, seed=5)
    [many] = examine_all([name], examples=120, seed=5, executor=lambda: ThreadPoolExecutor(1))
    assert alone.findings == many.findings
    assert alone.passed


@pytest.mark.slow
def test_counts_are_the_same_in_other_processes() -> None:
    name = "dynamics.gradient_flow_keeps_linear_networks_balanced"
    [alone] = examine_all([name], examples=120, seed=5)
    [many] = examine_all([name], examples=120, seed=5, executor=pool(2))
    assert alone.findings == many.findings


def test_the_seed_matters() -> None:
    page = claim("dynamics.gradient_flow_keeps_linear_networks_balanced")
    first, again, other = (draw(page.instances(), 20, s) for s in (1, 1, 2))
    assert list(map(repr, first)) == list(map(repr, again))
    assert list(map(repr, first)) != list(map(repr, other))


def test_constants_of_loaded_modules_are_not_drawn(tmp_path, monkeypatch) -> None:
    """Hypothesis looks for constants in the local modules that are loaded; what a chunk draws must not depend on them."""
    rare = 987654321987
    (tmp_path / "local_numbers.py").write_text(f"NUMBER = {rare}\n")
    monkeypatch.syspath_prepend(tmp_path)
    near = st.integers(rare - 10**9, rare + 10**9)
    before = draw(near, 400, seed=7)
    importlib.import_module("local_numbers")
    assert draw(near, 400, seed=7) == before and rare not in before
