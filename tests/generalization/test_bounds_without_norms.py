"""Bounds that look at a test set, at randomised weights or at the training: their numbers, by hand and by other routes."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from flint import arb

from numerics.arithmetic.kl import kl_inverse
from numerics.evidence.errors import InputError
from numerics.networks import Data, Dense, Network
from theorems import claim
from theorems.bounds import bounds_of
from theorems.bounds.bound import Bound


def bounds(page: str) -> dict[str, Bound]:
    return {b.name: b for b in bounds_of(claim(f"generalization.{page}"))}


def sign_network() -> Network:
    """x -> (x, -x)/2: right where the label is 0 for x > 0 and 1 for x < 0."""
    return Network([Dense(np.array([[0.5], [-0.5]]))])


def line(n: int, wrong: int = 0, ties: int = 0) -> Data:
    """Inputs 1 with label 0, but for `wrong` ones with label 1 and `ties` inputs 0."""
    x, y = np.ones((n, 1)), np.zeros(n, dtype=int)
    y[:wrong] = 1
    x[n - ties :] = 0
    return Data(x, y)


# A test set.

TEST = "errors_on_a_test_set_bound_the_error"


def test_the_limits_of_a_test_set() -> None:
    from scipy.stats import beta

    exact, chernoff = (bounds(TEST)[f"test-set-{name}"] for name in ("exact", "chernoff"))
    given: dict[str, Any] = {"delta": "0.05", "test_data": line(400, wrong=7, ties=2)}
    found = exact.on(sign_network(), **given)
    assert math.isclose(float(found.value), beta.ppf(0.95, 10, 391), rel_tol=1e-9)
    assert found.vacuous is False and {s: v for s, _, v in found.ingredients}["k"] == 9
    looser = chernoff.on(sign_network(), **given)
    assert found.value < looser.value < 2 * found.value
    assert kl_inverse(Fraction(9, 400), arb(20).log() / 400).overlaps(looser.value)
    assert (
        found.dominated_by == "k"
        and looser.dominated_by == "log(1/delta)"
        and str(found).startswith("test-set-exact: Pr[error] <= 0.0389")
    )
    assert "U\\left(k, m, \\delta\\right)" in exact.latex() and "kl" in chernoff.latex()


def test_no_errors_and_nothing_but_errors() -> None:
    for bound in bounds(TEST).values():
        none = bound.on(sign_network(), delta="0.01", test_data=line(100))
        assert math.isclose(float(none.value), 1 - 0.01 ** (1 / 100), rel_tol=1e-12)
        assert "delta" in none.dominated_by
        every = bound.on(sign_network(), delta="0.01", test_data=line(100, wrong=100))
        assert every.value == 1 and every.vacuous is True


def test_a_bound_says_what_it_needs() -> None:
    bound = bounds(TEST)["test-set-exact"]
    with pytest.raises(
        InputError, match="`test-set-exact` cannot be computed: it needs `test_data`: labelled examples that were not"
    ):
        bound.on(sign_network(), delta="0.01")
    with pytest.raises(InputError, match=r"`delta` must be a probability strictly between 0 and 1, found None"):
        bound.on(sign_network(), test_data=line(4))
    with pytest.raises(InputError, match="A margin needs at least two outputs, found 1: turn one score"):
        bound.on(Network([Dense(np.eye(1))]), delta="0.01", test_data=line(4))


# PAC-Bayes.

PAC_BAYES = "pac_bayes_kl_bound"


def by_hand(q: float, c: float) -> float:
    """The inverse of kl by SciPy."""
    from scipy.optimize import brentq
    from scipy.special import rel_entr

    found: Any = brentq(lambda p: rel_entr(q, p) + rel_entr(1 - q, 1 - p) - c, max(q, 1e-12), 1 - 1e-12, xtol=1e-14)
    return float(found)


def test_pac_bayes_by_hand() -> None:
    n, network, data = 2000, sign_network(), line(2000, wrong=20)
    centre = [np.array([[0.25], [-0.25]])]
    bound = bounds(PAC_BAYES)["pac-bayes-kl"]
    found = bound.on(
        network, data, delta="0.05", draws=40, references=centre, sigma="0.125", draws_delta="0.01", seed=3
    )
    values: dict[str, Any] = {s: v for s, _, v in found.ingredients}
    # Q: the scores differ by x (w_1 - w_2) with w_1 - w_2 normal, mean 1, standard deviation sqrt(2)/8
    assert float(values["q"]) == 0.01 and math.isclose(float(values["distance"]), 0.125) and values["C"] == 0
    inner = by_hand(0.01, math.log(100) / 40)
    c = (0.125 / (2 / 64) + math.log(2 * math.sqrt(n) / 0.04)) / n
    assert math.isclose(float(found.value), by_hand(inner, c), rel_tol=1e-9)
    assert found.rigour.name == "STATISTICAL" and "(statistical)" in str(found)
    assert found.quantity == "Pr[error of the randomised network]" and found.vacuous is False


def test_sigma_chosen_after_the_data_is_paid_for() -> None:
    bound = bounds(PAC_BAYES)["pac-bayes-kl"]
    found = bound.on(sign_network(), line(500), delta="0.05", draws=5)
    values: dict[str, Any] = {s: v for s, _, v in found.ingredients}
    e = round(math.log2(float(values["sigma"])))
    assert float(values["sigma"]) == 2.0**e
    assert math.isclose(float(values["C"]), math.log(3 * 2 ** abs(e)), rel_tol=1e-12)
    assert values["eta"] == Fraction(1, 200)
    again = bound.on(sign_network(), line(500), delta="0.05", draws=5)
    assert str(again.value) == str(found.value)  # the seed is fixed
    assert found.value > bound.on(sign_network(), line(500), delta="0.05", draws=200).value


def test_sigma_is_a_standard_deviation() -> None:
    from theorems.bounds.random_networks import drawn

    network = Network([Dense(np.zeros((300, 300)), np.zeros(300))])
    moved = drawn(network, 0.25, np.random.default_rng(0))
    layer: Any = moved.layers[0]
    # 90 000 normal draws: the sample deviation is within 1.5 % of 0.25 but for a probability below 1e-9
    assert abs(layer.weight.std() / 0.25 - 1) < 0.015 and layer.bias.std() > 0.2
    assert not network.weights[0].any()


@pytest.mark.parametrize(
    ("option", "value", "text"),
    [
        ("draws", 2.5, r"`draws` must be a whole number > 0, found 2.5"),
        ("draws", -1, r"`draws` must be a whole number > 0, found -1"),
        ("seed", "x", r"`seed` must be a whole number >= 0, found 'x'"),
        ("sigma", "x", r"`sigma` must be a number > 0, found 'x'"),
        ("draws_delta", "0.05", r"`draws_delta` must be less than `delta`, of which it is a part: found 1/20 and 1/20"),
        ("references", [], r"`references` must hold one array for each of the 1 layers with weights, found 0"),
    ],
)
def test_options_of_pac_bayes(option: str, value: Any, text: str) -> None:
    options: dict[str, Any] = {"draws": 2, option: value}
    with pytest.raises(InputError, match=text):
        bounds(PAC_BAYES)["pac-bayes-kl"].on(sign_network(), line(4), delta="0.05", **options)


# Quantised networks.

BITS = "few_bits_make_few_errors"


def test_quantised_by_hand() -> None:
    from theorems.bounds.quantised_networks import quantised

    network = Network([Dense(np.array([[0.5, 0.2], [-0.5, 0.7]]), np.array([0.1, 0.0]))])
    (layer,) = quantised(network, 3, 0).dense
    # eight middles in [-1, 1]: -7/8, ..., 7/8
    assert layer.weight.tolist() == [[0.625, 0.125], [-0.375, 0.625]] and layer.bias is not None
    assert layer.bias.tolist() == [0.125, 0.125]
    moved = quantised(network, 3, 0, [network.weights[0]]).dense[0]
    assert np.abs(moved.weight - network.weights[0]).max() == 0.125
    assert (
        len(set(quantised(Network([Dense(np.random.default_rng(0).normal(size=(50, 50)))]), 2, 1).weights[0].flat)) == 4
    )

    data = Data(np.tile([[1.0, 0.0]], (3000, 1)), np.zeros(3000, dtype=int))
    found = bounds(BITS)["quantised-occam"].on(network, data, delta="0.1", bits=3)
    price = math.log(3)  # the range is 2^0, and 3 bits were fixed in advance
    assert math.isclose(
        float(found.value), 1 - math.exp(-(6 * 3 * math.log(2) + price + math.log(10)) / 3000), rel_tol=1e-9
    )
    assert found.quantity == "Pr[error of the quantised network]" and found.dominated_by == "N*b*log(2)/n"
    best = bounds(BITS)["quantised-occam"].on(network, data, delta="0.1", bits="best")
    values: dict[str, Any] = {s: v for s, _, v in best.ingredients}
    b = values["b"]
    assert b < 3 and math.isclose(float(values["C"]), math.log(3 * b * (b + 1)), rel_tol=1e-12)


def test_bits_as_text_of_the_command_line() -> None:
    data = Data(np.tile([[1.0, 0.0]], (30, 1)), np.zeros(30, dtype=int))
    bound, network = bounds(BITS)["quantised-occam"], Network([Dense(np.eye(2))])
    assert str(bound.on(network, data, delta="0.1", bits="3")) == str(bound.on(network, data, delta="0.1", bits=3))


def test_bits_out_of_range() -> None:
    for bits in (0, 33, 1.5, "all"):
        with pytest.raises(InputError, match="`bits` must be a whole number from 1 to 32, or `best`, found"):
            bounds(BITS)["quantised-occam"].on(sign_network(), line(4), delta="0.1", bits=bits)
    with pytest.raises(InputError, match="`references` must hold one array of the shape of each of the 1 weights"):
        bounds(BITS)["quantised-occam"].on(sign_network(), line(4), delta="0.1", bits=2, references=[np.zeros(2)])


# Stochastic gradient descent.

CONVEX, SMOOTH = "sgd_is_stable_for_convex_losses", "sgd_is_stable_for_smooth_losses"


def test_convex_descent_by_hand() -> None:
    bound = bounds(CONVEX)["sgd-convex"]
    given: dict[str, Any] = {"lipschitz": 2, "smoothness": 10}
    found = bound.on(step_sizes="0.1", steps=500, examples=1000, **given)
    assert math.isclose(float(found.value), 2 * 4 * 50 / 1000) and found.vacuous is False
    assert found.quantity == "expected generalization gap" and found.capped.overlaps(found.value)
    listed = bound.on(None, line(1000), step_sizes=[0.1] * 500, **given)
    assert math.isclose(float(listed.value), float(found.value))
    decaying = bound.on(step_sizes="0.2/t", steps=100, examples=1000, **given)
    assert math.isclose(float(decaying.value), 8 * 0.2 * sum(1 / t for t in range(1, 101)) / 1000)


def test_smooth_descent_by_hand() -> None:
    bound = bounds(SMOOTH)["sgd-smooth"]
    T, n, L, beta = 400, 5000, 0.5, 4.0
    found = bound.on(step_sizes="0.5/t", steps=T, lipschitz=L, smoothness=beta, examples=n)

    def value(t0: int) -> float:
        growth = math.prod(1 + (1 - 1 / n) * beta * 0.5 / t for t in range(t0 + 1, T + 1))
        return t0 / n + 2 * L * L / (beta * (n - 1)) * (growth - 1)

    assert math.isclose(float(found.value), min(map(value, range(T + 1))), rel_tol=1e-9)
    constant = bound.on(step_sizes="0.01", steps=T, lipschitz=L, smoothness=beta, examples=n)
    listed = bound.on(step_sizes=[Fraction(1, 100)] * T, lipschitz=L, smoothness=beta, examples=n)
    assert math.isclose(float(constant.value), float(listed.value), rel_tol=1e-12)
    # the closed form of Hardt, Recht and Singer, whose start is a real number, is not far
    q = beta * 0.5
    printed = (1 + 1 / q) / (n - 1) * (2 * 0.5 * L * L) ** (1 / (q + 1)) * T ** (q / (q + 1))
    assert float(found.value) <= printed + 1 / n
    assert bound.on(step_sizes="1", steps=10**5, lipschitz=L, smoothness=beta, examples=100).vacuous is True


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (
            {"step_sizes": "0.3"},
            r"`step_sizes` must not exceed 2/beta = 1/5 for convex losses, found 3/10: use the bound",
        ),
        ({"steps": None}, r"`steps` must say how many steps there are, where `step_sizes` does not list them"),
        ({"steps": 1.5}, r"`steps` must be a whole number > 0, found 1.5"),
        ({"step_sizes": []}, r"`step_sizes` must hold at least one step size, found none"),
        ({"step_sizes": "fast"}, r"`step_sizes` must be a number > 0, found 'fast'"),
        ({"lipschitz": -1}, r"`lipschitz` must be a number > 0, found -1"),
        ({"examples": None}, r"`examples` must say how many training examples there are, where no data is given"),
        ({"smoothness": None}, r"cannot be computed: it needs `smoothness`: Lipschitz constant beta of its gradient"),
    ],
)
def test_descriptions_of_training(change: dict[str, Any], text: str) -> None:
    given: dict[str, Any] = {"lipschitz": 1, "smoothness": 10, "step_sizes": "0.1", "steps": 5, "examples": 10} | change
    with pytest.raises(InputError, match=text):
        bounds(CONVEX)["sgd-convex"].on(**given)


# Langevin dynamics.


def test_langevin_by_hand() -> None:
    bound = bounds("langevin_dynamics_is_stable")["langevin"]
    given: dict[str, Any] = {"gradient_change": 2, "inverse_temperature": 1000, "step_sizes": "0.01", "steps": 300}
    found = bound.on(loss_range=1, examples=5000, **given)
    assert math.isclose(float(found.value), 2 / (4 * 5000) * math.sqrt(2 * 1000 * 3), rel_tol=1e-12)
    assert found.vacuous is False and found.quantity == "expected generalization gap"
    small = bound.on(loss_range=2, examples=2, **given)
    assert small.vacuous is True and small.capped == 2


# The truth is known: the label of the one input is wrong with probability p, whatever the network.


@pytest.mark.parametrize(
    ("page", "name"), [(TEST, "test-set-exact"), (TEST, "test-set-chernoff"), (BITS, "quantised-occam")]
)
@pytest.mark.parametrize("p", [0.02, 0.1, 0.5])
def test_bounds_fail_as_rarely_as_they_say(page: str, name: str, p: float) -> None:
    m, delta, repeats = 40, 0.2, 2000
    bound, known = bounds(page)[name], {}
    wrong = np.random.default_rng(1).binomial(m, p, repeats)
    for k in set(wrong.tolist()):
        data = line(m, wrong=k)
        options: dict[str, Any] = {"test_data": data} if page == TEST else {"bits": 1}
        known[k] = float(bound.on(sign_network(), data, delta=delta, **options).value)
    failures = sum(known[k] < p for k in wrong.tolist())
    # 2000 draws of probability 0.2: above 530 with probability below 1e-11
    assert failures <= 530


def test_pac_bayes_is_above_the_truth() -> None:
    from math import erf

    bound, sigma, p, n = bounds(PAC_BAYES)["pac-bayes-kl"], 0.5, 0.1, 400
    # the scores differ by w_1 - w_2, normal with mean 1 and deviation sigma sqrt(2)
    flipped = (1 - erf(1 / (2 * sigma))) / 2
    truth = p * (1 - flipped) + (1 - p) * flipped
    generator = np.random.default_rng(2)
    values = [
        bound.on(
            sign_network(), line(n, wrong=int(generator.binomial(n, p))), delta="0.1", draws=400, sigma=sigma, seed=i
        )
        for i in range(5)
    ]
    # The bound fails with probability at most 0.1 for each; it is far above here, and says something.
    assert all(truth < float(v.value) < truth + 0.25 for v in values)
