r"""Test-set bounds in numbers: errors on held-out examples, counted with certified margins."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from theorems.bounds.bound import Bound
from theorems.bounds.conditions import outputs_condition

PAGE = "generalization.errors_on_a_test_set_bound_the_error"


def errors(network: Any, options: Mapping[str, Any]) -> tuple[int, int]:
    """(errors, examples): test examples that are not surely right count; the limits increase with the count."""
    from numerics.networks import certified_margins

    lower, _ = certified_margins(network, options["test_data"])
    return int((lower <= 0).sum()), len(options["test_data"])


def measure_count(network: Any, data: Any, options: Mapping[str, Any]) -> Mapping[str, Any]:
    return dict(zip("km", errors(network, options), strict=True))


def measure_rate(network: Any, data: Any, options: Mapping[str, Any]) -> Mapping[str, Any]:
    k, m = errors(network, options)
    return {"q": Fraction(k, m), "m": m}


def exact_formula() -> Any:
    from sympy import Symbol

    from theorems.bounds.functions import BinomialLimit

    k, m = Symbol("k", integer=True, nonnegative=True), Symbol("m", integer=True, positive=True)
    return BinomialLimit(k, m, Symbol("delta", positive=True))


def chernoff_formula() -> Any:
    from sympy import Symbol, log

    from theorems.bounds.functions import KlInverse

    q, m = Symbol("q", nonnegative=True), Symbol("m", integer=True, positive=True)
    return KlInverse(q, log(1 / Symbol("delta", positive=True)) / m)


def bounds() -> tuple[Bound, ...]:
    counted = "a tie, and a margin that rounding does not decide, counts as one"
    symbols = {
        "m": "number of test examples",
        "delta": "probability that the bound fails",
    }
    options = {"test_data": "labelled examples that were not used in training nor to choose the network, as `Data`"}
    common: dict[str, Any] = {"options": options, "required": ("test_data",)}
    return (
        Bound(
            "test-set-exact",
            "inverse of the binomial tail on a held-out test set (Clopper and Pearson)",
            exact_formula,
            {"k": f"errors on the test examples ({counted})", **symbols},
            measure_count,
            lambda network: tuple(outputs_condition(network)),
            PAGE,
            "clopper1934use, pp. 404-413",
            **common,
        ),
        Bound(
            "test-set-chernoff",
            "Chernoff form of the binomial tail on a held-out test set",
            chernoff_formula,
            {"q": f"share of errors on the test examples ({counted})", **symbols},
            measure_rate,
            lambda network: tuple(outputs_condition(network)),
            PAGE,
            "langford2005tutorial, abstract",
            **common,
        ),
    )
