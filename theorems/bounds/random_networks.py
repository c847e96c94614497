r"""The PAC-Bayes bound in numbers: a network with Gaussian noise on its weights, drawn many times."""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from flint import arb

from numerics.evidence.errors import InputError
from theorems.bounds.bound import Bound
from theorems.bounds.changed_weights import changed
from theorems.bounds.conditions import weights_condition
from theorems.bounds.options import number

PAGE = "generalization.pac_bayes_kl_bound"

OPTIONS = {
    "draws": "number of random networks drawn to estimate the training error, 1000 say",
    "references": "centre of the prior, a matrix for each layer with weights, fixed before the data (default: zero)",
    "sigma": "standard deviation of prior and posterior, fixed before the data (default: a power of 2, which is paid for)",
    "draws_delta": "probability that the draws mislead, a part of delta (default: a tenth)",
    "seed": "seed of the draws (default 0)",
}
SYMBOLS = {
    "q": "average training error of the drawn networks",
    "N": "number of drawn networks",
    "distance": "squared distance of the weights from the centre of the prior",
    "sigma": "standard deviation of the weights",
    "C": "price of choosing sigma after the data",
    "n": "number of training examples",
    "delta": "probability that the bound fails",
    "eta": "part of delta that pays for the draws",
}


def formula() -> Any:
    from sympy import Symbol, log, sqrt

    from theorems.bounds.functions import KlInverse

    v = {name: Symbol(name, nonnegative=True) for name in ("q", "distance", "C")}
    v |= {name: Symbol(name, positive=True) for name in ("sigma", "delta", "eta")}
    n, N = (Symbol(name, integer=True, positive=True) for name in ("n", "N"))
    divergence = v["distance"] / (2 * v["sigma"] ** 2)
    right = divergence / n + v["C"] / n + log(2 * sqrt(n) / (v["delta"] - v["eta"])) / n
    return KlInverse(KlInverse(v["q"], log(1 / v["eta"]) / N), right)


def drawn(network: Any, sigma: float, generator: Any) -> Any:
    """The network with normal noise of standard deviation `sigma` (not variance) on every weight and bias."""

    def noisy(array: Any) -> Any:
        return array + sigma * generator.standard_normal(array.shape)

    return changed(network, lambda _, weight: noisy(weight), noisy)


def average_error(network: Any, data: Any, sigma: float, count: int, generator: Any) -> Fraction:
    """The average training error of `count` draws; what rounding does not decide counts as an error."""
    from numerics.networks import certified_margins

    wrong = sum(int((certified_margins(drawn(network, sigma, generator), data)[0] <= 0).sum()) for _ in range(count))
    return Fraction(wrong, count * len(data))


def squared_distance(network: Any, references: Any) -> arb:
    """Of all weights and biases from the centre of the prior, where biases are 0."""
    from numerics.arithmetic.enclosure import frobenius_norm

    layers = [place.layer for place in network.linear_layers]
    if references is not None and len(references) != len(layers):
        raise InputError(
            f"`references` must hold one array for each of the {len(layers)} layers with weights, found {len(references)}."
        )
    total = arb(0)
    for i, layer in enumerate(layers):
        weight = layer.weight.reshape(len(layer.weight), -1)
        centre = None if references is None else references[i].reshape(len(references[i]), -1)
        total += frobenius_norm(weight, minus=centre) ** 2
        if layer.bias is not None:
            total += frobenius_norm(layer.bias[None, :]) ** 2
    return total


def measure(network: Any, data: Any, options: Mapping[str, Any]) -> Mapping[str, Any]:
    import numpy as np

    count, delta = number(options, "draws", whole=True), options["delta"]
    eta, seed = (
        number(options, "draws_delta", default=delta / 10),
        int(number(options, "seed", whole=True, zero=True, default=0)),
    )
    if eta >= delta:
        raise InputError(f"`draws_delta` must be less than `delta`, of which it is a part: found {eta} and {delta}.")
    distance, memory = squared_distance(network, options.get("references")), options["memory"]
    if "sigma" not in memory:
        chosen = options.get("sigma") is None
        # The draws that choose sigma are not those that estimate the error.
        pilot = np.random.default_rng([seed, 1])
        e = _best_exponent(network, data, float(distance), delta, pilot) if chosen else 0
        memory["sigma"] = Fraction(2) ** e if chosen else number(options, "sigma")
        memory["price"] = 3 * 2 ** abs(e) if chosen else 1
        generator = np.random.default_rng([seed, 0])
        memory["q"] = average_error(network, data, float(memory["sigma"]), int(count), generator)
    return {
        "q": memory["q"],
        "N": int(count),
        "distance": distance,
        "sigma": Fraction(float(memory["sigma"])),  # the one that was drawn with
        "C": arb(memory["price"]).log(),
        "n": len(data),
        "eta": eta,
    }


def _best_exponent(network: Any, data: Any, distance: float, delta: Fraction, generator: Any) -> int:
    """The power of 2 with the least bound by three float draws each: all of them are paid for, so searching is allowed."""
    from numerics.arithmetic.kl import kl_inverse_upper
    from numerics.networks import margins

    def value(e: int) -> tuple[float, float]:
        wrong = [float((margins(drawn(network, 2.0**e, generator), data) <= 0).mean()) for _ in range(3)]
        price = math.log(3) + abs(e) * math.log(2) + math.log(2 * math.sqrt(len(data)) / float(delta))
        c = (distance / 2 / 4.0**e + price) / len(data)
        return kl_inverse_upper(Fraction(sum(wrong) / 3), Fraction(c)), c

    return min(range(-10, 4), key=value)


def bounds() -> tuple[Bound, ...]:
    from numerics.evidence.verdict import Rigour

    return (
        Bound(
            "pac-bayes-kl",
            "PAC-Bayes bound in kl form for the network with Gaussian noise on its weights",
            formula,
            SYMBOLS,
            measure,
            weights_condition,
            PAGE,
            "maurer2004note, the bound in kl form with 2 sqrt(n)",
            OPTIONS,
            required=("draws",),
            quantity="Pr[error of the randomised network]",
            rigour=Rigour.STATISTICAL,
        ),
    )
