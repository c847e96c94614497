"""Divergences that proofs about noisy training cite, integrated by FLINT; and the numbers of the bounds."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import pytest
from flint import acb, arb, ctx, fmpq

from numerics.evidence.errors import InputError
from theorems import claim
from theorems.bounds import bounds_of
from theorems.bounds.bound import Bound


def bounds(page: str) -> dict[str, Bound]:
    return {b.name: b for b in bounds_of(claim(f"generalization.{page}"))}


def divergence(first: list[float], second: list[float], variance: float) -> arb:
    """KL of two equal mixtures of normal laws with these means, integrated over 14 deviations beyond all means."""

    def density(means: list[float], x: acb) -> acb:
        terms = ((-((x - m) ** 2) / (2 * variance)).exp() for m in means)
        return sum(terms, acb(0)) / (len(means) * acb(2 * math.pi * variance).sqrt())

    def integrand(x: acb, analytic: bool) -> acb:
        p, q = density(first, x), density(second, x)
        return p * (p / q).log(analytic=analytic)

    reach = 14 * math.sqrt(variance)
    low, high = min(first + second) - reach, max(first + second) + reach
    with ctx.workprec(80):
        return acb.integral(integrand, acb(low), acb(high), rel_tol=arb("1e-10"), abs_tol=arb("1e-12")).real


@pytest.mark.parametrize("others", [[0.0], [0.0, 1.0], [-1.0, 0.0, 0.5]])
@pytest.mark.parametrize(("a", "b"), [(1.0, -1.0), (0.5, 0.0), (1.0, 0.75)])
@pytest.mark.parametrize("variance", [0.25, 1.0, 16.0])
def test_mixtures_that_differ_in_one_component(others: list[float], a: float, b: float, variance: float) -> None:
    n = len(others) + 1
    found = divergence([*others, a], [*others, b], variance)
    terms = [
        math.exp((a - z) ** 2 / variance)
        + math.exp((b - z) ** 2 / variance)
        - 2 * math.exp((a - z) * (b - z) / variance)
        for z in others
    ]
    chi_square = sum(terms) / len(terms) / (n * (n - 1))
    spread = max(*others, a, b) - min(*others, a, b)
    r = spread**2 / (2 * variance)
    stated = 2 * math.exp(r) * math.expm1(r) / (n * (n - 1))
    assert 0 < found <= chi_square * (1 + 1e-9) and chi_square <= stated * (1 + 1e-12)


def test_one_normal_law_each() -> None:
    assert divergence([0.5], [-0.25], 2.0).overlaps(arb(0.75**2 / 4) + arb(0, 1e-9))


def test_stochastic_langevin_by_hand() -> None:
    bound = bounds("stochastic_langevin_dynamics_is_stable")["sgld"]
    n, D, beta, T = 2000, 2.0, 50.0, 60
    given: dict[str, Any] = {
        "gradient_change": D,
        "inverse_temperature": beta,
        "loss_range": 1,
        "examples": n,
        "steps": T,
    }
    found = bound.on(step_sizes="0.5/t", **given)

    def value(k0: int) -> float:
        rs = [0.5 / t * beta * D**2 / 4 for t in range(k0 + 1, T + 1)]
        return k0 / n + math.sqrt(sum(math.exp(r) * math.expm1(r) for r in rs) / (n * (n - 1)))

    assert math.isclose(float(found.value), min(map(value, range(T + 1))), rel_tol=1e-9)
    short = bound.on(step_sizes="0.001", **given)
    # 0.57 D sqrt(beta sum eta / (n (n - 1))) for r <= ln 2/4
    assert float(short.value) <= 0.57 * D * math.sqrt(beta * T * 0.001 / (n * (n - 1)))
    listed = bound.on(step_sizes=[Fraction(1, 1000)] * T, **given)
    assert math.isclose(float(listed.value), float(short.value), rel_tol=1e-12)
    assert bound.on(step_sizes="1000", **given).value < arb(fmpq(T, n)) + arb("1e-9")


def test_pac_bayes_of_noisy_training_by_hand() -> None:
    from numerics.arithmetic.kl import kl_inverse

    bound = bounds("noisy_training_obeys_pac_bayes")["pac-bayes-sgld"]
    given: dict[str, Any] = {"inverse_temperature": 100, "examples": 5000, "delta": "0.05"}
    found = bound.on(gradient_energy=2, training_error="0.04", **given)
    c = (arb(100 * 2) / 4 + (2 * arb(5000).sqrt() * 20).log()) / 5000
    assert found.value.overlaps(kl_inverse(Fraction(1, 25), c)) and found.value.rad() < 1e-13
    assert found.quantity == "Pr[error of the random network]" and found.vacuous is False
    with pytest.raises(InputError, match=r"`training_error` must be a share between 0 and 1, found 2"):
        bound.on(gradient_energy=2, training_error=2, **given)


def test_information_by_hand() -> None:
    found = bounds("little_information_makes_little_gap")
    stated = found["mutual-information"].on(information="3.5", loss_range=2, examples=700)
    assert math.isclose(float(stated.value), 2 * math.sqrt(3.5 / 1400), rel_tol=1e-12)
    noisy = found["mutual-information-noise"]
    given: dict[str, Any] = {"gradient_bound": 3, "inverse_temperature": 20, "loss_range": 1, "examples": 10_000}
    value = noisy.on(step_sizes="0.01/t", steps=50, dimension=7, **given)
    information = sum(3.5 * math.log(1 + 0.01 / t * 20 * 9 / 14) for t in range(1, 51))
    assert math.isclose(float(value.value), math.sqrt(information / 20_000), rel_tol=1e-12)
    constant = noisy.on(step_sizes="0.01", steps=50, dimension=7, **given)
    assert math.isclose(float(constant.value), math.sqrt(50 * 3.5 * math.log(1 + 1.8 / 14) / 20_000), rel_tol=1e-12)
    with pytest.raises(InputError, match="`dimension` must say how many weights there are, where no network is given"):
        noisy.on(step_sizes="0.01", steps=50, **given)


def test_the_dimension_is_that_of_the_network() -> None:
    import numpy as np

    from numerics.networks import Data, Dense, Network

    network = Network([Dense(np.ones((2, 3)), np.ones(2))])
    data = Data(np.ones((40, 3)), np.zeros(40, dtype=int))
    noisy = bounds("little_information_makes_little_gap")["mutual-information-noise"]
    given: dict[str, Any] = {"gradient_bound": 1, "inverse_temperature": 2, "loss_range": 1, "step_sizes": [1]}
    value = noisy.on(network, data, **given)
    assert math.isclose(float(value.value), math.sqrt(4 * math.log(1 + 1 / 8) / 80), rel_tol=1e-12)


def test_one_bit_that_agrees_a_little_makes_the_bound_tight() -> None:
    from theorems.generalization.information.little_information_makes_little_gap import bit

    def ratio(epsilon: Fraction) -> float:
        t = bit(epsilon)
        return float(arb(t.gap()) / (t.information() / 2).sqrt())

    assert ratio(Fraction(3, 10)) < ratio(Fraction(1, 10)) < ratio(Fraction(1, 1000)) < 1
    assert ratio(Fraction(1, 1000)) > 0.999998
