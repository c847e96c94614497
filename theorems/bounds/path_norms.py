r"""The path norm bound for any acyclic network of linear layers, activations and pooling, and its training data."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from flint import arb

from numerics.networks import Data, Network
from numerics.networks.layers import Activation, Pooling
from numerics.networks.norms.paths import greatest_feature, path_norms
from theorems.bounds.bound import Bound
from theorems.bounds.conditions import activation_condition, learned_condition, outputs_condition
from theorems.bounds.norms import norm_bound
from theorems.generalization.norms.path_norm_margin_bound import complexity

if TYPE_CHECKING:
    from theorems.bounds.bound import Value

CURVED = ("relu", "leaky_relu", "prelu", "abs")


def conditions(network: Network) -> tuple[str, ...]:
    """What the network breaks; biases, skip connections and pooling are covered."""
    broken = activation_condition(network) + outputs_condition(network)
    for i, layer in enumerate(network.layers, 1):
        if isinstance(layer, Activation) and layer.at_zero:
            broken.append(f"Layer {i}, `{layer}`, has sigma(0) = {layer.at_zero}, not 0")
    return (*broken, *learned_condition(network))


def levels(network: Network) -> int:
    r"""The greatest number of activations on a way to the output, max-pooling of m counting $\lceil\log_2 m\rceil$."""
    depths = [0]
    for layer, reads in zip(network.layers, network.wiring, strict=True):
        cost = 0
        if isinstance(layer, Activation) and layer.name in CURVED:
            cost = 1
        elif isinstance(layer, Pooling) and layer.kind == "max":
            cost = math.ceil(math.log2(layer.windows(network.shapes[reads[0]]).cells))
        depths.append(max(depths[v] for v in reads) + cost)
    return depths[-1]


def kinds(network: Network) -> int:
    """How many different activations there are, each slope of its own, max-pooling counted as the absolute value."""
    found = {str(layer) for layer in network.layers if isinstance(layer, Activation) and layer.name in CURVED}
    if any(isinstance(layer, Pooling) and layer.kind == "max" for layer in network.layers):
        found.add("abs")
    return max(1, len(found))


def size(network: Network) -> arb:
    result = arb(0)
    for norm in path_norms(network):
        result = result.max(norm)
    return result


def sample(network: Network, data: Data) -> Mapping[str, Value]:
    biased = network.has_bias
    X = data.X if not biased else np.hstack([data.X, np.ones((len(data), 1))])
    return {"X": greatest_feature(X), "d": network.inputs + biased, "D": levels(network), "a": kinds(network)}


def _factor(v: Mapping[str, Any]) -> Any:
    from sympy import Symbol, log, sqrt

    D, a = Symbol("D", nonnegative=True, integer=True), Symbol("a", positive=True, integer=True)
    return complexity(1, v["X"], sqrt(2 * (D * log(2 * a + 1) + log(2 * v["d"]))))


def bounds() -> tuple[Bound, ...]:
    return (
        norm_bound(
            "path-norm",
            "l1 path norm, skip connections, biases and pooling included, many classes",
            "generalization.path_norm_margin_bound",
            "gonon2024path, abstract; own constants",
            size=size,
            factor=_factor,
            sample=sample,
            meanings={
                "X": "greatest Euclidean norm of a feature over the sample",
                "D": "levels of activations",
                "a": "kinds of activations",
                "d": "number of inputs, with the constant 1 where there are biases",
            },
            conditions=conditions,
        ),
    )
