r"""The bounds with the hardest constants, recomputed in floats from the statement of their page on two small networks.

Nothing of `theorems.generalization` enters the recomputation: a residual convolutional network is taken apart by hand,
and its operators are found by applying layers to unit vectors.
"""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
from flint import arb

from numerics.evidence.errors import InputError
from numerics.networks import Data, Network
from numerics.networks.layers import (
    Activation,
    Add,
    BatchNormalization,
    Convolution,
    Dense,
    Flatten,
    Pooling,
)
from theorems.bounds import bounds_of
from theorems.bounds.bound import Bound
from theorems.catalogue import claim

DELTA = 0.02
ROWS = np.random.default_rng(1).normal(size=(40, 6))
DATA = Data(ROWS, (ROWS[:, 0] > 0).astype(int))


def bounds(page: str) -> dict[str, Bound]:
    return {bound.name: bound for bound in bounds_of(claim(f"generalization.{page}"))}


def dense() -> Network:
    rng = np.random.default_rng(2)
    layers = [Dense(rng.normal(size=(5, 6))), Activation("leaky_relu", 0.25), Dense(rng.normal(size=(3, 5)))]
    return Network([*layers, Activation("relu"), Dense(rng.normal(size=(2, 3)))])


def residual() -> Network:
    """Two channels of length 3; max-pooling of windows of 2; the second convolution adds what it reads."""
    rng = np.random.default_rng(3)
    layers = [
        Convolution(rng.normal(size=(2, 2, 3)), padding=1),
        Activation("relu"),
        Convolution(rng.normal(size=(2, 1, 3)), padding=1, groups=2),
        Add(),
        Pooling("max", 2, 1),
        Flatten(),
        Dense(rng.normal(size=(3, 4))),
    ]
    wiring = [(0,), (1,), (2,), (2, 3), (4,), (5,), (6,)]
    return Network(layers, input_shape=(2, 3), wiring=wiring)


def kernels(network: Network) -> list[np.ndarray]:
    return [place.layer.weight for place in network.linear_layers]


def operators(network: Network) -> list[np.ndarray]:
    found = []
    for place in network.linear_layers:
        units = np.eye(math.prod(place.input_shape)).reshape(-1, *place.input_shape)
        found.append(place.layer(units).reshape(len(units), -1).T)
    return found


def margins(network: Network) -> np.ndarray:
    scores = network(DATA.X)
    own = scores[np.arange(len(DATA)), DATA.y]
    scores[np.arange(len(DATA)), DATA.y] = -np.inf
    return own - scores.max(axis=1)


def ramp(network: Network, gamma: float) -> float:
    return float(1 - np.clip(margins(network) / gamma, 0, 1).mean())


def ways(network: Network, s: list[float]) -> list[float]:
    """Gamma_i Lambda_i for the linear layers."""
    if network.is_chain:
        return [math.prod(s) / x for x in s]
    first, second, last = s
    # What max-pooling with stride 1 and windows of 2 reads twice counts twice: its constant is the root of 2.
    pooled = math.sqrt(2) * last
    return [(1 + second) * pooled, first * pooled, first * (1 + second) * math.sqrt(2)]


def confidence(price: float = 0.0) -> float:
    return 2 * math.sqrt((math.log(1 / DELTA) + price) / (2 * len(DATA)))


def sharp(K: float) -> float:
    n = len(DATA)
    return 24 * K / n * (1 + max(0.0, math.log(n / (12 * K))))


def cell(norms: list[float], L: int) -> tuple[list[float], float]:
    """Norms rounded up to multiples of 1/L, and what that costs."""
    counts = [max(1, math.ceil(L * x)) for x in norms]
    return [c / L for c in counts], sum(math.log(c * (c + 1)) for c in counts)


def power_mean(terms: list[float]) -> float:
    return sum(x ** (2 / 3) for x in terms) ** 1.5


@pytest.mark.parametrize("gamma", [0.7, 3000.0])
def test_the_spectral_margin_bound(gamma: float) -> None:
    f = dense()
    n, X, L, W = len(DATA), np.linalg.norm(DATA.X), 3, 6
    s = [float(np.linalg.norm(A, 2)) for A in f.weights]
    b = [float(np.linalg.norm(A, axis=1).sum()) for A in f.weights]

    def scale(s: list[float], b: list[float], gamma: float) -> float:
        R = power_mean([y * math.prod(s) / x for x, y in zip(s, b, strict=True)])
        return float(X) * math.sqrt(math.log(2 * W**2)) * R / gamma

    fixed = bounds("spectral_margin_bound") | bounds("spectral_margin_bound_for_every_network")
    K = scale(s, b, gamma)
    expected = {
        "spectral-margin-sharp": ramp(f, gamma) + sharp(math.sqrt(2) * K) + confidence(),
        "spectral-margin-paper": ramp(f, gamma)
        + 8 / n**1.5
        + 72 * K * math.log(n) / n
        + 3 * math.sqrt(math.log(1 / DELTA) / (2 * n)),
    }
    e = math.floor(math.log2(gamma))
    (s_up, price_s), (b_up, price_b) = cell(s, L), cell(b, L)
    price = price_s + price_b + math.log(3) + abs(e) * math.log(2)
    expected["spectral-margin-uniform"] = (
        ramp(f, 2.0**e) + sharp(math.sqrt(2) * scale(s_up, b_up, 2.0**e)) + confidence(price)
    )
    for name, value in expected.items():
        assert float(fixed[name].on(f, DATA, delta=DELTA, gamma=gamma).value) == pytest.approx(value, rel=1e-5)


@pytest.mark.parametrize("gamma", [0.7, 30000.0])
@pytest.mark.parametrize("f", [dense(), residual()], ids=["dense", "residual"])
def test_the_covering_bounds(f: Network, gamma: float) -> None:
    n, X, L, e = len(DATA), float(np.linalg.norm(DATA.X)), 3, math.floor(math.log2(gamma))
    sizes = [K.size for K in kernels(f)]
    s, price_s = cell([float(np.linalg.norm(A, 2)) for A in operators(f)], L)
    b, price_b = cell([float(np.sqrt((K**2).sum(axis=1)).sum()) for K in kernels(f)], L)
    reach = [x * y for x, y in zip(ways(f, s), b, strict=True)]
    rest = ramp(f, 2.0**e) + confidence(price_s + price_b + math.log(3) + abs(e) * math.log(2))
    K = math.sqrt(2) * X * math.sqrt(math.log(2 * max(sizes))) * power_mean(reach) / 2.0**e
    K_i = [4 * math.sqrt(2) * L * X * x / (2.0**e * math.sqrt(n)) for x in reach]
    root = math.sqrt(sum(2 * W * (math.log(2 + x**2) + 2) for W, x in zip(sizes, K_i, strict=True)))
    expected = {"covering-norms": rest + sharp(K), "covering-parameters": rest + 6 * root / math.sqrt(n)}
    for name, value in expected.items():
        found = bounds("convolution_covering_bound")[name].on(f, DATA, delta=DELTA, gamma=gamma)
        assert float(found.value) == pytest.approx(value, rel=1e-5)


@pytest.mark.parametrize("referenced", [False, True])
@pytest.mark.parametrize("gamma", [0.3, 40.0])
def test_the_pac_bayes_bound_with_spectral_norms(gamma: float, referenced: bool) -> None:
    f = dense()
    n, h, L = len(DATA), 6, 3
    s = [float(np.linalg.norm(A, 2)) for A in f.weights]
    if referenced:
        references = [A + 0.01 for A in f.weights]
        D = sum(float(np.sum((A - M) ** 2)) for A, M in zip(f.weights, references, strict=True))
    else:
        references, beta = None, math.prod(s) ** (1 / L)
        D = sum(float(np.sum(A**2)) * (beta / x) ** 2 for A, x in zip(f.weights, s, strict=True))
        s = [beta] * L
    B = float(np.linalg.norm(DATA.X, axis=1).max())

    def small(e: int) -> bool:
        eta = 2 ** (e / 4) * math.sqrt(2 * h * math.log(4 * h * L))
        return 2 * math.sqrt(2) * B * (math.prod(x + eta for x in s) - math.prod(s)) <= gamma

    e = next(e for e in itertools.count(100, -1) if small(e))
    i = 2 * e if e > 0 else 1 - 2 * e
    inside = D / 2 ** (e / 2) + math.log(16 * math.sqrt(n) * i * (i + 1) / DELTA)
    value = float((margins(f) <= gamma).mean()) + math.log(2 / DELTA) / n + math.sqrt(inside / (2 * n))
    bound = bounds("pac_bayes_spectral_bound")["pac-bayes-spectral"]
    found = bound.on(f, DATA, delta=DELTA, gamma=gamma, references=references)
    assert float(found.value) == pytest.approx(value, rel=1e-5)


@pytest.mark.parametrize(
    ("f", "steps"),
    [
        # (decisions for each input, degree, parameters)
        (dense(), [(5, 1, 30), (3, 2, 45), (1, 3, 51)]),
        # ReLU of 2 x 3 units; maxima of 2 x 2 windows of a pair each; 3 pairs of outputs
        (residual(), [(6, 1, 12), (4, 2, 18), (3, 3, 30)]),
    ],
    ids=["dense", "residual"],
)
@pytest.mark.parametrize("n", [40, 4])
def test_the_bound_that_counts_patterns(f: Network, steps: list[tuple[int, int, int]], n: int) -> None:
    G = 0.0
    for k, d, W in steps:
        every = n * k * math.log(2)
        G += min(every, math.log(2) + W * math.log(2 * math.e * n * k * d / W)) if n * k >= W else every
    risk = float((margins(f)[:n] <= 0).mean())
    value = risk + 2 * math.sqrt(G / (2 * n)) + math.sqrt(math.log(1 / DELTA) / (2 * n))
    bound = bounds("vc_bound_for_piecewise_linear_networks")["vc-piecewise-linear"]
    found = bound.on(f, Data(DATA.X[:n], DATA.y[:n]), delta=DELTA)
    # Where all units are off the two outputs are equal up to rounding: the upper end counts such ties as errors.
    assert float(found.value.upper()) == pytest.approx(value, rel=1e-8)


# Conditions without which the theorems say nothing.

EVERY_PAGE = (
    "spectral_margin_bound",
    "frobenius_margin_bound",
    "group_norm_margin_bound",
    "l1_margin_bound",
    "path_norm_margin_bound",
    "peeling_margin_bound",
    "every_group_norm_margin_bound",
    "pac_bayes_spectral_bound",
    "pac_bayes_kl_bound",
    "few_bits_make_few_errors",
    "convolution_covering_bound",
    "vc_bound_for_piecewise_linear_networks",
)


@pytest.mark.parametrize("page", EVERY_PAGE)
def test_a_slope_that_was_learned_is_no_part_of_the_architecture(page: str) -> None:
    def layers(activation: str) -> list[Any]:
        return [Dense(np.eye(2)), Activation(activation, 0.25), Dense(np.eye(2))]

    for bound in bounds(page).values():
        said, free = ("; ".join(bound.conditions(Network(layers(name)))) for name in ("prelu", "leaky_relu"))
        assert "Layer 2, `prelu(0.25)`, has a slope that was learned" in said and "learned" not in free


@pytest.mark.parametrize("shift", [0.0, 1.0])
@pytest.mark.parametrize("page", EVERY_PAGE)
def test_batch_normalisation_is_learned_and_must_be_folded(page: str, shift: float) -> None:
    normalisation: Any = BatchNormalization([0.0, 0], [1.0, 1], [0.5, 2], [shift, 0])
    f = Network([Dense(np.eye(2)), normalisation, Activation("relu"), Dense(np.eye(2))])
    for bound in bounds(page).values():
        said = "; ".join(bound.conditions(f))
        assert "call `fold_batch_normalization`" in said or (shift and "its shift acts as a bias" in said)


def circular(stride: int, padding: int) -> Network:
    layer = Convolution(np.ones((1, 1, 1)), stride=stride, padding=padding, circular=True)
    (length,) = layer.output_shape((1, 4))[1:]
    return Network([layer, Flatten(), Dense(np.ones((2, length)))], input_shape=(1, 4))


@pytest.mark.parametrize(("stride", "padding"), [(1, 1), (1, 2), (2, 2)])
def test_a_circular_shift_that_reads_twice_is_no_contraction(stride: int, padding: int) -> None:
    """A kernel of one weight 1 has an operator longer than 1: its (2,1) norm does not bound the outputs."""
    f = circular(stride, padding)
    assert np.linalg.norm(operators(f)[0], 2) > 1.4
    for bound in bounds("convolution_covering_bound").values():
        with pytest.raises(InputError, match="reads an entry twice at one place of its kernel: pad less"):
            bound.on(f, Data(ROWS[:, :4], DATA.y), delta=DELTA)


@pytest.mark.parametrize(("stride", "padding"), [(1, 0), (2, 0), (3, 1)])
def test_a_circular_shift_that_reads_once_is_one(stride: int, padding: int) -> None:
    f = circular(stride, padding)
    assert np.linalg.norm(operators(f)[0], 2) < 1 + 1e-12
    for bound in bounds("convolution_covering_bound").values():
        assert bound.on(f, Data(ROWS[:, :4], DATA.y), delta=DELTA).value > arb(0)


def test_the_variance_is_small_enough_for_the_smallest_margin() -> None:
    f = dense()
    bound = bounds("pac_bayes_spectral_bound")["pac-bayes-spectral"]
    found = bound.on(f, DATA, delta=DELTA, gamma="1e-1000", references=f.weights)
    v = next(value for symbol, _, value in found.ingredients if symbol == "v")
    assert isinstance(v, arb) and v < arb("1e-1990")
