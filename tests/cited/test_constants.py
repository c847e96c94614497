r"""Every cited fact, exactly, on small instances: it holds, and a wrong constant in it would be seen.

The instances are those of the pages that cite a fact: finite problems on which every predicate of the fact is decided by
enumeration. On each of them the conclusion is evaluated, and so are false variants of it: one of its terms (or one scalar that
its predicate speaks of) changed by a tenth, by a half or by the whole. `SEEN` says for every axiom the least change of the
constant in question that some instance refutes. A bound that is loose on small instances is seen late; for those that are not
seen at all there is an instance of their own below, or a reason why no small one can exist.
"""

from __future__ import annotations

import functools
import importlib
import itertools
import pkgutil
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any

import pytest
from flint import arb, ctx, fmpq

import theorems.cited
from numerics.arithmetic.exact import Matrix
from theorems import claims
from theorems.cited import learning, pac_bayes_margins
from theorems.examination.points import MODELS, _models
from theorems.proof import Axiom, Derivation, Expr, Fact, Relation
from theorems.proof.crosscheck import Model, prepare

TENTH, HALF, WHOLE = Fraction(1, 10), Fraction(1, 2), Fraction(1)


def axioms() -> dict[str, Axiom]:
    """All axioms of `theorems.cited`, those that a function makes included."""
    found = {}
    for module in pkgutil.iter_modules(theorems.cited.__path__):
        for value in vars(importlib.import_module(f"theorems.cited.{module.name}")).values():
            made = value() if isinstance(value, functools._lru_cache_wrapper) else value
            if isinstance(made, Axiom):
                found[made.name] = made
    return found


def variants(said: Relation, change: Fraction) -> Iterator[tuple[int, Relation]]:
    """The relation with one term, or one scalar argument of its predicate, changed by a part of itself, either way."""
    if said.predicate:
        for k, argument in enumerate(said.arguments):
            if argument.is_scalar:
                for factor in (1 + change, 1 - change):
                    arguments = (*said.arguments[:k], argument * factor, *said.arguments[k + 1 :])
                    yield k, Relation(said.kind, predicate=said.predicate, arguments=arguments)
    else:
        for k, (term, c) in enumerate(said.expr.terms.items()):
            part = Expr(said.expr.rows, said.expr.cols, {term: c * change})
            for changed in (said.expr + part, said.expr - part):
                yield k, Relation(said.kind, changed)


def places(d: Derivation, fact: Fact, model: Model) -> list[Model]:
    """The model at every value of the open indices that a fact rests on."""
    found = [model]
    for n in sorted(fact.hypotheses):
        if "symbol" in (opened := d.facts[n - 1].payload):
            low, high = opened["low"], opened["high"]
            found = [p.with_index(opened["symbol"], v) for p in found for v in range(p.index(low), p.index(high) + 1)]
    return found


@functools.cache
def seen() -> dict[str, dict[tuple[str, int], Fraction | None]]:
    """For each axiom and each part of a conclusion of it, the least change that some instance refutes."""
    found: dict[str, dict[tuple[str, int], Fraction | None]] = {}
    for page in claims():
        d = page.proof()
        cited = [f for f in d.facts if f.step == "axiom"] if d is not None else []
        if d is None or not cited or page.interpret is None:
            continue
        with ctx.workprec(256):
            for model in itertools.islice(_models(page, d, 0), MODELS):
                for fact in cited:
                    for place in places(d, fact, model):
                        look(d, fact, place, found.setdefault(fact.payload["axiom"], {}))
    return found


def look(d: Derivation, fact: Fact, place: Model, found: dict[tuple[str, int], Fraction | None]) -> None:
    said = fact.content
    assert isinstance(said, Relation)
    if not prepare(d, said, place) or place.says(said, d.predicates) is not True:
        return
    for change in (TENTH, HALF, WHOLE):
        for part, changed in variants(said, change):
            known = found.setdefault((said.kind, part), None)
            if (known is None or known > change) and is_refuted(changed, d, place):
                found[said.kind, part] = change


def is_refuted(said: Relation, d: Derivation, place: Model) -> bool:
    try:
        return place.says(said, d.predicates) is False
    except (ArithmeticError, LookupError, StopIteration, TypeError, ValueError):
        return False  # the changed scalar counts things, such as examples, and 9/10 of it has no meaning


# The least change of one of its constants that is seen; where another constant of the same axiom is seen later or not at
# all, it is one that only makes the conclusion weaker on these instances.
SEEN = {
    "Cauchy-Schwarz in the mean": TENTH,
    "Donsker-Varadhan": TENTH,
    "Donsker-Varadhan for the gap": WHOLE,
    "Dudley": WHOLE,
    "Gronwall": TENTH,
    "Hoeffding in kl form": HALF,
    "Lipschitz images of covers": WHOLE,
    "Markov": HALF,
    "Massart": WHOLE,
    "Maurer's moment": TENTH,
    "Maurer's sum": TENTH,
    "Moore-Penrose inverse": TENTH,
    "Pinsker": HALF,
    "Rayleigh's principle": TENTH,
    "Warren": HALF,
    "an entry of a vector of roots": TENTH,
    "bounded differences of the deviation": TENTH,
    "capacity of the Gaussian channel": TENTH,
    "chain rule and data processing": TENTH,
    "co-coercivity": TENTH,
    "comparison of group norms": TENTH,
    "conditioning": HALF,
    "counting parameters": WHOLE,
    "covering layered networks": WHOLE,
    "covering networks": TENTH,
    "degenerate local minima are stationary": TENTH,
    "divergence of normal laws": TENTH,
    "exchange of names": TENTH,
    "exponential moment of a Rademacher sum": WHOLE,
    "exponential moment of the largest Rademacher sum": HALF,
    "exponential moment of the largest column": HALF,
    "from the posterior to its centre": TENTH,
    "joint convexity of kl": TENTH,
    "last layer": TENTH,
    "last layer, exponential": TENTH,
    "last layer, exponential, maximum norm": HALF,
    "last layer, norm p": TENTH,
    "limit of a test": TENTH,
    "logarithmic Sobolev inequality": TENTH,
    "margins of close outputs": WHOLE,
    "mean of a Rademacher sum": TENTH,
    "mean of a Rademacher sum, norm p*": TENTH,
    "mean of a Rademacher sum, through the maximum norm": HALF,
    "means of independent steps": HALF,
    "means of small differences": TENTH,
    "means of steps": TENTH,
    "mixtures that differ in one component": TENTH,
    "outputs of units, exponential": HALF,
    "peeling a layer": WHOLE,
    "peeling a layer from an exponential": HALF,
    "peeling a layer from an exponential, maximum norm": HALF,
    "peeling a layer, norm p*": WHOLE,
    "peeling a level of units": HALF,
    "rate of the divergence": TENTH,
    "rows of a matrix": TENTH,
    "sums of sub-Gaussian losses": HALF,
    "symmetrisation": HALF,
    "the greatest deviation is an upper bound": TENTH,
    "the largest supremum bounds each": TENTH,
    "vector contraction": WHOLE,
}
ELSEWHERE = {
    "connected sets": "it has no constant: test_topology",
    "compact sets are closed": "it has no constant: test_topology",
    "McDiarmid": "below: one toss of a coin",
    "PAC-Bayes": "below: one point, one classifier",
    "bounded differences of the Rademacher average": "below: one point and two functions",
    "bounded differences add up": "below: differences of opposite signs",
    "longest input": "below: one rare long input",
}


def test_every_axiom_has_its_instances() -> None:
    assert set(SEEN) | set(ELSEWHERE) == set(axioms()) and not set(SEEN) & set(ELSEWHERE)


def test_pages_cite_nothing_else() -> None:
    known = set(axioms().values())
    for page in claims():
        proofs: list[Any] = [page.proof()]
        while proofs:
            d = proofs.pop()
            assert d is None or set(d.axioms.values()) <= known, page
            proofs.extend([] if d is None else d.lemmas.values())


@pytest.mark.parametrize("name", SEEN)
def test_a_wrong_constant_is_seen(name: str) -> None:
    changes = [change for change in seen()[name].values() if change is not None]
    assert changes and min(changes) == SEEN[name]


def models_of(axiom: Axiom, values: Mapping[str, object]) -> tuple[list[bool | None], list[bool | None]]:
    """What premises and conclusions of an axiom say of values for its letters."""
    d = Derivation()
    learning.evaluate_predicates(d)
    pac_bayes_margins.evaluate_predicates(d)
    model = Model({})
    for x in axiom.statement.letters:
        model.learn(x, values[x.name])
    with ctx.workprec(256):
        return tuple(  # type: ignore[return-value]
            [model.says(r, d.predicates) for r in side]
            for side in (axiom.statement.premises, axiom.statement.conclusions)
        )


def vector(*entries: object) -> Matrix:
    return Matrix([[x] for x in entries])


def test_mcdiarmid_with_one_toss_of_a_coin() -> None:
    r"""$\Pr[\Phi > E\Phi + \tau] = p$ for every $\tau < 1 - p$: with 5/2 in the place of the 2 in the exponent it is false at p = 2/7."""
    p = fmpq(2, 7)
    tau = 1 - p - fmpq(1, 1000)
    base = {
        "mu": vector(1 - p, p),
        "Phi": vector(0, 1),
        "P": vector(1 - p, p),
        "n": 1,
        "c": 1,
        "tau": tau,
        "s": p + tau,
    }

    def said(exponent: fmpq) -> list[bool | None]:
        """The conclusion, where delta is what the bound with this exponent allows."""
        with ctx.workprec(256):
            delta = (-arb(exponent) * arb(tau) ** 2).exp()
            premises, conclusions = models_of(learning.MCDIARMID, base | {"p": p, "delta": delta, "x": delta.log()})
        if exponent == 2:
            assert all(x is not False for x in premises)
        return conclusions

    assert said(fmpq(2)) == [True] and said(fmpq(5, 2)) == [False]


def test_the_rademacher_average_of_one_example_moves_by_a_half() -> None:
    r"""The class of 0 and a function that is 0 at one point and 1 at the other: averages 0 and 1/2, so $1/(2n)$ is attained."""
    values = {"F": Matrix([[0, 0], [0, 1]]), "N": vector(0, fmpq(1, 2)), "n": 1, "c": fmpq(1, 2)}
    assert models_of(learning.CHANGE_OF_AVERAGE, values) == ([True] * 3, [True])
    premises, conclusions = models_of(learning.CHANGE_OF_AVERAGE, values | {"c": fmpq(49, 100)})
    assert premises == [True, True, False] and conclusions == [False]


def test_differences_of_opposite_signs_add_up() -> None:
    values = {"G": vector(0, 1), "N": vector(1, 0), "n": 1, "a": 1, "b": 1}
    assert models_of(learning.CHANGE_OF_SUM, values) == ([True, True], [True])
    d = Derivation()
    learning.evaluate_predicates(d)
    moved = d.predicates["changing one example changes the entry by at most"]
    assert moved(vector(-2, 1), fmpq(1), fmpq(3)) and not moved(vector(-2, 1), fmpq(1), fmpq(299, 100))


def test_pac_bayes_with_one_classifier() -> None:
    r"""A classifier that errs at one of two equal points: with $\frac45 \sqrt n$ in the place of $2 \sqrt n$ it is false."""
    half, delta = fmpq(1, 2), fmpq(49, 100)
    base = {"mu": vector(half, half), "F": vector(0, 1), "pi": vector(1), "R": Matrix([[1, 1]]), "K": vector(0, 0)}
    base |= {"G": vector(half, -half), "P": vector(half, half), "n": 1, "m": 1, "delta": delta}

    def said(constant: fmpq) -> tuple[list[bool | None], list[bool | None]]:
        with ctx.workprec(256):
            a = constant / delta
            x = arb(a).log()
            # The root of ln(a)/2 as a rational number within 2^-60.
            below = ((x / 2).sqrt() * 2**60).floor().unique_fmpz()
            assert below is not None
            t = fmpq(below, 2**60)
            beyond = sum((half for g in (half, -half) if g > t), fmpq(0))
            return models_of(pac_bayes_margins.PAC_BAYES, base | {"a": a, "x": x, "t": vector(t, t), "p": beyond})

    premises, conclusions = said(fmpq(2))
    assert all(x is not False for x in premises) and conclusions == [True]
    premises, conclusions = said(fmpq(4, 5))
    assert conclusions == [False]
    assert [
        str(r) for r, x in zip(pac_bayes_margins.PAC_BAYES.statement.premises, premises, strict=True) if x is False
    ] == ["a delta >= 2 m"]


def test_the_longest_input_with_one_rare_long_input() -> None:
    r"""One example misses an input of weight 1/10 with probability 9/10, above $e^{-11/100}$: so $n\epsilon = \ln(1/\delta)$ is sharp."""
    rare = fmpq(1, 10)
    eps = rare - fmpq(1, 10**6)
    base = {
        "X": vector(0, 1),
        "mu": vector(1 - rare, rare),
        "P": vector(1 - rare, rare),
        "n": 1,
        "eps": eps,
        "p": 1 - rare,
    }

    def said(factor: fmpq) -> list[bool | None]:
        with ctx.workprec(256):
            x = -arb(factor * eps)
            premises, conclusions = models_of(pac_bayes_margins.RADIUS, base | {"delta": x.exp(), "x": x})
        if factor == 1:
            assert all(y is not False for y in premises)
        return conclusions

    assert said(fmpq(1)) == [True] and said(fmpq(11, 10)) == [False]
