"""The norm-based bounds as calculators: invariances, paid grids, conditions, and truth on a known distribution."""

from __future__ import annotations

import functools
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from flint import arb

from numerics.evidence.errors import InputError
from numerics.learning.growth import Step, growth, vc_closed, vc_dimension
from numerics.networks import Data, Network
from numerics.networks.layers import Activation, Add, Convolution, Dense, Flatten, Pooling
from theorems.bounds import all_bounds
from theorems.bounds.bound import Bound

PAGES = (
    "frobenius_margin_bound",
    "l1_margin_bound",
    "peeling_margin_bound",
    "group_norm_margin_bound",
    "every_group_norm_margin_bound",
    "path_norm_margin_bound",
    "pac_bayes_spectral_bound",
    "convolution_covering_bound",
    "vc_bound_for_piecewise_linear_networks",
)


@functools.cache
def bounds() -> dict[str, Bound]:
    """The bounds of these pages but `vc-sign`, which is for other networks: see test_sign_networks."""
    pages = {f"generalization.{name}" for name in PAGES}
    return {b.name: b for b in all_bounds() if b.page in pages and b.name != "vc-sign"}


def sample(n: int, seed: int = 0) -> Data:
    """Two classes along the first feature, 5 away from 0, with 2 % of the labels wrong."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 4))
    y = rng.integers(0, 2, size=n)
    X[:, 0] += np.where(y == 1, 5.0, -5.0)
    return Data(X, np.where(rng.random(n) < 0.02, 1 - y, y))


def network(scale: float = 1.0, last: float = 1.0) -> Network:
    W = scale * np.array([[1.0, 0, 0, 0], [-1, 0, 0, 0], [0, 0, 0, 0]])
    return Network([Dense(W), Activation("relu"), Dense(last * np.array([[0.0, 1, 0], [1, 0, 0]]))])


@pytest.mark.parametrize(
    "name", sorted(["frobenius", "l1-rows", "peeling", "group-norm-dual", "path-norm", "pac-bayes-spectral"])
)
def test_scaling_the_layers_changes_nothing(name: str) -> None:
    data = sample(3000)
    one, other = (bounds()[name].on(f, data, delta="0.05").value for f in (network(), network(8.0, 0.25)))
    # the spectral norms that `pac-bayes-spectral` is made of are known to 1e-6 of their size only
    assert abs(one - other) < arb("1e-4")


@pytest.mark.parametrize("name", sorted(["frobenius", "l1-rows", "peeling", "group-norm-dual", "path-norm"]))
def test_the_grid_is_paid_for(name: str) -> None:
    """The chosen margin is no better than asking for it in advance: the same cell is paid."""
    data = sample(3000)
    best = bounds()[name].on(network(), data, delta="0.05")
    ingredients = {symbol: value for symbol, _, value in best.ingredients}
    assert ingredients["C"] > 0
    again = bounds()[name].on(network(), data, delta="0.05", gamma=float(ingredients["gamma"]) * (1 + 1e-9))
    assert again.value >= best.value - arb("1e-3")


@pytest.mark.parametrize("p", ["1", "9/8", 1.5, "2", 3, "16"])
def test_group_norms_by_hand(p: object) -> None:
    """From the theorem, with q = p* where no width occurs, and with other q, which are never better."""
    rng = np.random.default_rng(3)
    W, V, data = rng.normal(size=(5, 4)), rng.normal(size=(3, 5)), sample(2000)
    f = Network([Dense(W), Activation("leaky_relu", -2.0), Dense(V)])
    e = float(Fraction(str(p)))
    dual = np.inf if e == 1 else e / (e - 1)

    def size(q: float) -> float:
        width = 5 ** max(1 / dual - 1 / q, 0)
        rows = np.linalg.norm(W, ord=e, axis=1)
        return 2 * width * np.linalg.norm(rows, ord=q) * np.linalg.norm(V, ord=e, axis=1).max()

    C = min(np.sqrt(max(1, dual - 1)), 4 ** (1 / dual) * np.sqrt(2 * np.log(8)))
    X = np.linalg.norm(np.linalg.norm(data.X, axis=0), ord=dual)
    found = bounds()["group-norm-dual"].on(f, data, delta="0.05", gamma=1, p=p)
    values: dict[str, Any] = {symbol: value for symbol, _, value in found.ingredients}
    assert abs(float(values["K"]) / C - 1) < 1e-12 and abs(float(values["X"]) / X - 1) < 1e-12
    cell = int(np.ceil(np.log2(size(dual))))
    assert values["R"] == arb(2) ** cell and all(size(q) >= size(dual) * (1 - 1e-12) for q in (1, 1.5, 2, 7, np.inf))
    price = np.log(20) + np.log(2 * cell * (2 * cell + 1))
    value = float(values["risk"]) + 4 * 3 * 2**cell * 2 * C * X / 2000 + 2 * np.sqrt(price / 4000)
    assert cell > 0 and abs(float(found.value) / value - 1) < 1e-12


def test_group_norms_meet_the_known_bounds() -> None:
    data = sample(3000)
    dual = bounds()["group-norm-dual"]
    assert dual.on(network(), data, delta="0.05", p=2).value.overlaps(
        bounds()["peeling"].on(network(), data, delta="0.05").value
    )
    assert dual.on(network(), data, delta="0.05").value.overlaps(dual.on(network(), data, delta="0.05", p="1.5").value)
    assert (
        bounds()["l1-rows"].on(network(), data, delta="0.05").value < dual.on(network(), data, delta="0.05", p=1).value
    )
    for p in ("4/3", "x", 0.5, "17", "inf"):
        with pytest.raises(InputError, match=f"`p` must be a multiple of 1/8 from 1 to 16, found {p!r}: take 3/2, say"):
            dual.on(network(), data, delta="0.05", p=p)


def test_no_bound_is_below_the_true_error() -> None:
    data, fresh = sample(20_000), sample(100_000, seed=1)
    for bound in bounds().values():
        f = network()
        true = float(np.mean(np.argmax(f(fresh.X), axis=1) != fresh.y))
        assert bound.on(f, data, delta="0.05").value > arb(true)


def test_many_of_them_are_below_one_here() -> None:
    data = sample(200_000)
    found = {name: bound.on(network(), data, delta="0.01").vacuous for name, bound in bounds().items()}
    assert {name for name, vacuous in found.items() if not vacuous} == {
        "frobenius",
        "l1-rows",
        "peeling",
        "group-norm",
        "group-norm-dual",
        "path-norm",
        "pac-bayes-spectral",
        "covering-parameters",
        "vc-piecewise-linear",
    }


def test_residual_convolutional_networks_are_covered_or_refused_in_words() -> None:
    rng = np.random.default_rng(0)
    layers = [
        Convolution(rng.normal(size=(2, 1, 3)), padding=1),
        Activation("relu"),
        Convolution(rng.normal(size=(2, 2, 3)), padding=1),
        Add(),
        Pooling("max", 2),
        Flatten(),
        Dense(rng.normal(size=(2, 4))),
    ]
    wiring = [(0,), (1,), (2,), (2, 3), (4,), (5,), (6,)]
    residual = Network(layers, input_shape=(1, 4), wiring=wiring)
    data = sample(500)
    for name in ("path-norm", "covering-norms", "covering-parameters", "vc-piecewise-linear"):
        assert bounds()[name].on(residual, data, delta="0.05").value > 0
    for name in ("frobenius", "l1-rows", "peeling"):
        with pytest.raises(InputError, match=r"Layer 4, `Add\(\)`, adds several values.*Layer 5, `Pooling"):
            bounds()[name].on(residual, data, delta="0.05")
    with pytest.raises(InputError, match="shares its weights"):
        bounds()["pac-bayes-spectral"].on(residual, data, delta="0.05")


def test_conditions_say_what_is_broken() -> None:
    curved = Network([Dense(np.eye(4)), Activation("tanh"), Dense(np.ones((2, 4)), np.ones(2))])
    with pytest.raises(InputError, match=r"has a bias.*`tanh`, is not positively homogeneous"):
        bounds()["frobenius"].on(curved, sample(10), delta="0.05")
    with pytest.raises(InputError, match="`tanh`, is not piecewise linear"):
        bounds()["vc-piecewise-linear"].on(curved, sample(10), delta="0.05")
    with pytest.raises(InputError, match="`gamma` must be a margin > 0"):
        bounds()["peeling"].on(network(), sample(10), delta="0.05", gamma=-1)


def test_references_shorten_the_distance() -> None:
    data, f = sample(5000), network()
    near = [W + 1e-3 for W in f.weights]
    for name in ("pac-bayes-spectral", "covering-parameters"):
        free, known = (bounds()[name].on(f, data, delta="0.05", references=r).value for r in (None, near))
        assert known < free
    values = [
        bounds()["pac-bayes-spectral"].on(f, data, delta="0.05", references=r).value
        for r in ([np.zeros_like(W) for W in f.weights], ["zero"] * len(f.weights))
    ]
    assert values[0].contains(values[1]) and values[1].contains(values[0])


def test_zero_networks_have_values() -> None:
    zero = Network([Dense(np.zeros((3, 4))), Activation("relu"), Dense(np.zeros((2, 3)))])
    for bound in bounds().values():
        assert bound.on(zero, sample(50), delta="0.05").value >= 1


def test_the_solved_inequality_is_the_greatest_that_it_allows() -> None:
    for steps in ([Step(3, 1, 12), Step(1, 2, 16)], [Step(50, 1, 550), Step(50, 2, 3100), Step(1, 3, 3151)]):
        m = vc_dimension(steps)
        assert not growth(steps, m) < m * arb(2).log()
        assert growth(steps, m + 1) < (m + 1) * arb(2).log()
        assert m <= vc_closed(steps)
