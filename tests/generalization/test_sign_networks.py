r"""Networks of signs: their VC bound by hand, against all networks on few points, on digits, and against true risks."""

from __future__ import annotations

import itertools
import json
import math
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flint import arb
from scipy.stats import binom

from numerics.evidence.errors import InputError
from numerics.learning.growth import Step, growth
from numerics.networks import (
    Activation,
    Add,
    Convolution,
    Data,
    Dense,
    Flatten,
    Network,
    Pooling,
    Scaling,
    absorb_biases,
    load_network,
    save_data,
    save_network,
)
from numerics.networks.layers import Layer
from theorems.bounds import all_bounds
from theorems.bounds.bound import Bound
from theorems.bounds.counting import network_steps
from theorems.commands.bounds import run

SIGN, RELU = Activation("sign"), Activation("relu")


def bound(name: str = "vc-sign") -> Bound:
    return next(b for b in all_bounds() if b.name == name)


def gates(*weights: Any, biases: bool = True) -> Network:
    """A chain of dense layers with signs between them; the last column of a weight is its bias."""
    layers: list[Layer] = []
    for W in (np.asarray(W, float) for W in weights):
        layers += [Dense(W[:, :-1], W[:, -1]) if biases else Dense(W), SIGN]
    return Network(layers[:-1])


# The count.


def test_the_steps_are_counted_from_the_last_signs_on() -> None:
    network = gates(np.ones((3, 5)), np.ones((2, 4)), np.ones((4, 3)))
    assert network_steps(network) == [Step(6, 1, 15), Step(4, 1, 8), Step(6, 1, 12)]
    relu = Network([RELU if a == SIGN else a for a in network.layers])
    assert network_steps(relu) == [Step(3, 1, 15), Step(2, 2, 23), Step(6, 3, 35)]
    image = Network(
        [Convolution(np.ones((2, 1, 2, 2))), SIGN, Pooling("max", 2), Flatten(), Dense(np.ones((2, 2)), np.ones(2))],
        input_shape=(1, 3, 3),
    )
    # what is pooled is decided already: pooling cuts nothing
    assert network_steps(image) == [Step(16, 1, 8), Step(12, 0, 0), Step(1, 1, 6)]
    assert growth([Step(12, 0, 0)], 1000) == 0


def test_the_bound_by_hand() -> None:
    n, rng = 4000, np.random.default_rng(0)
    network = gates([[1.0, 0.5, 0.25], [0.0, 1.0, -1.0]], [[1.0, 1.0, 0.0], [-1.0, 2.0, 0.5], [0.0, 0.0, 0.25]])
    data = Data(rng.normal(size=(n, 2)), rng.integers(0, 3, n))
    scores = np.sign(data.X @ [[1.0, 0.0], [0.5, 1.0]] + [0.25, -1.0]) @ [[1.0, -1.0, 0.0], [1.0, 2.0, 0.0]]
    error = (np.argmax(scores + np.array([0.0, 0.5, 0.25]), axis=1) != data.y).mean()
    # 2 units decide by two numbers each, with 6 weights and biases; 3 outputs by their 3 differences, with 9
    G = sum(math.log(2) + W * math.log(2 * math.e * n * k / W) for k, W in ((4, 6), (3, 9)))
    value = error + 2 * math.sqrt(G / (2 * n)) + math.sqrt(math.log(20) / (2 * n))
    found = bound().on(network, data, delta="0.05")
    assert math.isclose(float(found.value), value, rel_tol=1e-12) and found.vacuous is False
    assert {s: v for s, _, v in found.ingredients}["W"] == 15


def test_the_weights_do_not_matter_but_for_the_errors() -> None:
    rng = np.random.default_rng(1)
    data = Data(rng.normal(size=(300, 3)), rng.integers(0, 2, 300))
    one = gates(rng.normal(size=(2, 4)), rng.normal(size=(2, 3)))
    scaled = gates(*(np.exp(rng.normal(size=(W.weight.shape[0], 1))) * np.c_[W.weight, W.bias] for W in one.dense[:1]),
                   1e9 * np.c_[one.dense[1].weight, one.dense[1].bias])  # fmt: skip
    assert bound().on(one, data, delta="0.1").value.overlaps(bound().on(scaled, data, delta="0.1").value)
    changed, _ = absorb_biases(one)
    absorbed = bound().on(changed, data.with_constant(1), delta="0.1")
    # the row that hands the constant on counts as four more weights and one more unit
    assert network_steps(changed) == [Step(6, 1, 12), Step(1, 1, 6)]
    assert bound().on(one, data, delta="0.1").value < absorbed.value


def test_all_small_networks_classify_no_more_often_than_counted() -> None:
    """Ties at exactly 0 included: the weights are -1, 0, 1 and so are the points."""
    X = np.array(list(itertools.product((-1.0, 0.0, 1.0), repeat=2)))
    for points in (X[[0]], X[[4, 5]], X[[1, 3, 8]], X):
        hidden, ways = set(), set()
        for w in itertools.product((-1.0, 0.0, 1.0), repeat=4):
            h = np.sign(points @ np.reshape(w[:2], (2, 1)))
            hidden.add(tuple(h.ravel()))
            ways.add(tuple(np.argmax(h @ np.reshape(w[2:], (1, 2)), axis=1)))
        steps = [Step(2, 1, 2), Step(1, 1, 2)]
        assert network_steps(gates(np.ones((1, 2)), np.ones((2, 1)), biases=False)) == steps
        assert arb(len(hidden)).log() <= growth(steps[:1], len(points)) + arb("1e-12")
        assert arb(len(ways)).log() <= growth(steps, len(points)) + arb("1e-12")
    # one point: -1, 0 and 1 are more than the two values that one number would decide
    assert len({float(np.sign(w)) for w in (-1.0, 0.0, 1.0)}) > math.exp(float(growth([Step(1, 1, 1)], 1)))


# What it does not apply to, and what does not apply to it.


def test_no_bound_by_norms_gives_a_number_for_signs() -> None:
    rng = np.random.default_rng(2)
    network = gates(rng.normal(size=(3, 4)), rng.normal(size=(2, 3)), biases=False)
    data = Data(rng.normal(size=(40, 4)), rng.integers(0, 2, 40))
    refused = {b.name: b.conditions(network) for b in all_bounds()}
    norms = (
        "spectral-margin-paper", "spectral-margin-sharp", "spectral-margin-uniform", "frobenius", "l1-rows", "peeling",
        "group-norm", "path-norm", "pac-bayes-spectral", "covering-norms", "covering-parameters",
    )  # fmt: skip
    for name in norms:
        assert refused[name] == (
            "Layer 2, `sign`, jumps: it has no Lipschitz constant, so that no norm of the weights bounds the network",
        ), name
        with pytest.raises(InputError, match="no norm of the weights bounds the network"):
            next(b for b in all_bounds() if b.name == name).on(network, data, delta="0.1")
    assert "`vc-sign` is the bound for networks of signs alone" in refused["vc-piecewise-linear"][0]
    assert not refused["vc-sign"] and not refused["pac-bayes-kl"] and not refused["quantised-occam"]


@pytest.mark.parametrize(
    ("layers", "text"),
    [
        ([Dense(np.ones((2, 1)))], "It has no `sign`: this is the bound for networks whose activations are all signs"),
        ([Dense(np.ones((3, 1))), SIGN, Dense(np.ones((1, 3)))], "A margin needs at least two outputs, found 1"),
        ([Dense([[1.0]]), RELU, Dense([[1.0]]), SIGN, Dense(np.ones((2, 1)))], "Layer 2, `relu`, is not `sign`, so that"),
        ([Dense([[1.0]]), SIGN, Dense([[1.0]]), Dense(np.ones((2, 1)))], "A linear layer stands after another one with"),
        ([Dense([[1.0]]), Dense([[1.0]]), SIGN, Dense(np.ones((2, 1)))], "A linear layer stands after another one with"),
    ],
)  # fmt: skip
def test_conditions_say_what_is_broken(layers: list[Layer], text: str) -> None:
    with pytest.raises(InputError, match=f"`vc-sign` does not apply to this network: .*{text}"):
        bound().on(Network(layers), Data(np.ones((2, 1)), [0, 1]), delta="0.1")


def test_skip_connections_and_signs_at_the_end_are_counted() -> None:
    # x -> sign(W x) + V x: linear in both on a cell
    skip = Network([Dense(np.ones((2, 2))), SIGN, Dense(np.ones((2, 2))), Dense(np.ones((2, 2))), Add(), Scaling(3.0)],
                   wiring=[(0,), (1,), (2,), (0,), (3, 4), (5,)])  # fmt: skip
    assert bound().conditions(skip) == () and network_steps(skip) == [Step(4, 1, 4), Step(1, 1, 8)]
    end = Network([Dense(np.ones((2, 2))), SIGN])
    assert bound().conditions(end) == () and network_steps(end) == [Step(4, 1, 4), Step(1, 0, 0)]


# Data.


def digits() -> tuple[Data, Data]:
    """Digits 0 against all others by two features, the ink in the middle and in a ring around it; train and test."""
    from sklearn.datasets import load_digits

    X, y = load_digits(return_X_y=True)
    images = X.reshape(-1, 8, 8) / 16
    middle, whole = images[:, 2:6, 3:5].mean(axis=(1, 2)), images.mean(axis=(1, 2))
    data = np.c_[middle, whole], (y == 0).astype(int)
    order = np.random.default_rng(0).permutation(len(y))
    first, rest = order[:1347], order[1347:]
    return Data(data[0][first], data[1][first]), Data(data[0][rest], data[1][rest])


def trained(data: Data) -> Network:
    """Two perceptrons by scikit-learn as hidden units, a third on their signs: a network of signs that is fitted."""
    from sklearn.linear_model import Perceptron

    units: list[Any] = [
        Perceptron(random_state=i, class_weight={0: 1, 1: w}, max_iter=50, tol=0.0).fit(data.X, data.y)
        for i, w in enumerate((1, 4))
    ]
    W, b = np.vstack([u.coef_ for u in units]), np.hstack([u.intercept_ for u in units])
    signs = np.sign(data.X @ W.T + b)
    top: Any = Perceptron(random_state=0, max_iter=50, tol=0.0).fit(signs, data.y)
    last = np.vstack([-top.coef_, top.coef_]), np.hstack([-top.intercept_, top.intercept_])
    return Network([Dense(W, b), SIGN, Dense(*last)], "perceptrons")


def test_perceptrons_on_digits(tmp_path: Path) -> None:
    train, test = digits()
    network = trained(train)
    found = bound().on(network, train, delta="0.01")
    errors = [float((np.argmax(network(d.X), axis=1) != d.y).mean()) for d in (train, test)]
    assert errors[0] < 0.05 and found.vacuous is False
    assert errors[0] + 0.3 < float(found.value) < 0.6 and errors[1] < float(found.value)
    save_network(tmp_path / "n.npz", network)
    save_data(tmp_path / "d.npz", train)
    assert repr(load_network(tmp_path / "n.npz")) == repr(network).replace("perceptrons", "n")
    text = run(tmp_path / "n.npz", tmp_path / "d.npz")
    assert "Lipschitz product does not exist: an activation jumps\n" in text
    assert "vc-sign" in text.split("Bounds that do not apply")[0]
    row = json.loads(run(tmp_path / "n.npz", tmp_path / "d.npz", format="json", plot=tmp_path / "f.pdf"))
    assert row["lipschitz_product"] is None and row["spectral_complexity"] is None
    assert "vc-sign" in run(tmp_path / "n.npz", tmp_path / "d.npz", format="latex")


def test_undecided_signs_make_the_bound_wide_and_never_low() -> None:
    """Inputs on the hyperplane of the hidden unit: floats do not decide its sign, so no error is excluded."""
    network = Network([Dense([[1.0, -1.0]]), SIGN, Dense([[1.0], [-1.0]])])
    X = np.array([[0.1, 0.1], [0.3, 0.3], [0.5, 0.25], [0.25, 0.5]] * 250)
    data = Data(X, [0, 1, 0, 1] * 250)
    found = bound().on(network, data, delta="0.1")
    risk: Any = {s: v for s, _, v in found.ingredients}["risk"]
    # the first two of four are ties, and so errors, or anything
    assert risk.contains(0) and risk.contains(0.5) and found.value.upper() > found.value.lower() + 0.49
    exact = Network([SIGN, Dense([[1.0, -1.0], [-1.0, 1.0]]), SIGN, Dense([[1.0, 0.0], [0.0, 1.0]])])
    decided = bound().on(exact, Data(np.array([[0.0, 1.0], [0.0, -2.0]]), [1, 0]), delta="0.1")
    assert {s: v for s, _, v in decided.ingredients}["risk"] == 0


# True risk.

DELTA = Fraction(1, 5)
POINTS = np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0], [1.0, 1.0], [-1.0, -1.0], [0.0, 0.0]])
CLEAN = np.array([0, 1, 2, 0, 1, 2, 0])
NOISE = 0.1


def classes(network: Network) -> np.ndarray:
    """What it says at the points: its weights are small integers, so that floats are exact and ties are ties."""
    return np.argmax(network(POINTS), axis=1)


def true_risk(network: Network) -> float:
    return float(np.where(classes(network) == CLEAN, NOISE, 1 - NOISE / 2).mean())


def drawn(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Places among the points, and labels of which a share is another one."""
    place = rng.integers(0, len(POINTS), n)
    return place, (CLEAN[place] + np.where(rng.random(n) < NOISE, rng.integers(1, 3, n), 0)) % 3


@pytest.mark.parametrize(("n", "trials"), [(60, 30), (20_000, 6)])
def test_the_bound_is_above_the_true_risk(n: int, trials: int) -> None:
    """The best of many random networks on the sample, three classes, ties of hidden units and of outputs."""
    low = over = 0
    for trial in range(trials):
        rng = np.random.default_rng([n, trial])
        place, y = drawn(n, rng)
        network = min((candidate(rng) for _ in range(60)), key=lambda f: float((classes(f)[place] != y).mean()))
        error = float((classes(network)[place] != y).mean())
        G = growth(network_steps(network), n)
        value = error + float(2 * (G / (2 * n)).sqrt()) + math.sqrt(math.log(1 / float(DELTA)) / (2 * n))
        found = bound().on(network, Data(POINTS[place], y), delta=DELTA)
        assert found.value.upper() >= value - 1e-9  # ties count as errors there, undecided signs as anything
        low += value < true_risk(network)
        over += value < 1
    assert low <= binom.isf(1e-9, trials, float(DELTA))
    assert over == (trials if n > 1000 else 0)


def candidate(rng: np.random.Generator) -> Network:
    units = int(rng.integers(1, 4))
    return gates(rng.integers(-2, 3, (units, 3)), rng.integers(-2, 3, (3, units + 1)))


def test_the_training_error_alone_is_not_above_the_true_risk() -> None:
    """The test above can fail: without the count of patterns it would."""
    low, trials = 0, 40
    for trial in range(trials):
        rng = np.random.default_rng([7, trial])
        place, y = drawn(8, rng)
        network = min((candidate(rng) for _ in range(60)), key=lambda f: float((classes(f)[place] != y).mean()))
        low += float((classes(network)[place] != y).mean()) < true_risk(network)
    assert low > binom.isf(1e-3, trials, float(DELTA))
