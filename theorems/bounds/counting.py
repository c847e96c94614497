r"""The growth function of a piecewise linear or sign network, and the bound by counting patterns, in numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from numerics.learning.growth import Step, growth
from numerics.networks import Data, Network, certified_margins, empirical_margin_risk
from numerics.networks.layers import Activation, Linear, Pooling
from theorems.bounds.bound import Bound
from theorems.bounds.conditions import learned_condition, outputs_condition

if TYPE_CHECKING:
    import sympy

    from theorems.bounds.bound import Value

PIECEWISE = ("relu", "leaky_relu", "prelu", "abs")


def parameter_count(network: Network) -> int:
    return sum(
        place.layer.weight.size + (0 if place.layer.bias is None else place.layer.bias.size)
        for place in network.linear_layers
    )


def network_steps(network: Network) -> list[Step]:
    r"""The nonlinear layers of a network, and the choice of the class.

    A sign with its three values decides by two numbers, $z > 0$ and $-z > 0$. Where all is decided its value is a constant,
    so that degrees and parameters are counted from the last signs on.
    """
    degrees, above = [0], [frozenset[int]()]
    steps = []
    sizes = {
        p.number: p.layer.weight.size + (0 if p.layer.bias is None else p.layer.bias.size)
        for p in network.linear_layers
    }

    def parameters(v: int) -> int:
        return sum(sizes[i] for i in above[v])

    for number, (layer, reads) in enumerate(zip(network.layers, network.wiring, strict=True), 1):
        degree, below = max(degrees[v] for v in reads), frozenset[int]().union(*(above[v] for v in reads))
        if isinstance(layer, Linear):
            degree, below = degree + 1, below | {number}
        elif isinstance(layer, Activation) and layer.name in PIECEWISE:
            steps.append(Step(math.prod(network.shapes[number]), degree, parameters(reads[0])))
        elif isinstance(layer, Activation) and layer.name == "sign":
            steps.append(Step(2 * math.prod(network.shapes[number]), degree, parameters(reads[0])))
            degree, below = 0, frozenset[int]()
        elif isinstance(layer, Pooling) and layer.kind == "max":
            pairs = math.comb(layer.windows(network.shapes[reads[0]]).cells, 2)
            steps.append(Step(math.prod(network.shapes[number]) * pairs, degree, parameters(reads[0])))
        degrees.append(degree)
        above.append(below)
    steps.append(Step(math.comb(network.outputs, 2), degrees[-1], parameters(len(network.layers))))
    return steps


def conditions(network: Network) -> tuple[str, ...]:
    broken = outputs_condition(network)
    for i, layer in enumerate(network.layers, 1):
        if isinstance(layer, Activation) and layer.jumps:
            broken.append(f"Layer {i}, `{layer}`, jumps: `vc-sign` is the bound for networks of signs alone")
        elif isinstance(layer, Activation) and layer.name not in (*PIECEWISE, "identity"):
            broken.append(f"Layer {i}, `{layer}`, is not piecewise linear with two pieces")
    return (*broken, *learned_condition(network))


def sign_conditions(network: Network) -> tuple[str, ...]:
    broken = outputs_condition(network) + learned_condition(network)
    activations = [
        (i, a) for i, a in enumerate(network.layers, 1) if isinstance(a, Activation) and a.name != "identity"
    ]
    if not any(a.name == "sign" for _, a in activations):
        return (*broken, "It has no `sign`: this is the bound for networks whose activations are all signs")
    for i, layer in activations:
        if layer.name != "sign":
            broken.append(
                f"Layer {i}, `{layer}`, is not `sign`, so that its outputs still depend on the weights before it"
            )
    if not broken and any(step.degree > 1 for step in network_steps(network)):
        broken.append("A linear layer stands after another one without a `sign` between them: multiply them into one")
    return tuple(broken)


def formula() -> sympy.Expr:
    from sympy import Symbol, log, sqrt

    from theorems.generalization.counting.vc_bound_for_piecewise_linear_networks import vc_excess

    n, delta = Symbol("n", positive=True, integer=True), Symbol("delta", positive=True)
    risk, G = Symbol("risk", nonnegative=True), Symbol("G", nonnegative=True)
    return risk + vc_excess(sqrt(G / (2 * n)), sqrt(log(1 / delta) / (2 * n)))


def measure(network: Network, data: Data, options: Mapping[str, Any]) -> Mapping[str, Value]:
    steps = network_steps(network)
    risk = empirical_margin_risk(certified_margins(network, data))
    return {"risk": risk, "n": len(data), "G": growth(steps, len(data)), "W": parameter_count(network)}


def bounds() -> tuple[Bound, ...]:
    symbols = {
        "risk": "training error, ties counted as errors",
        "n": "number of training examples",
        "G": "logarithm of the number of ways to classify n inputs",
        "W": "number of parameters",
        "delta": "probability that the bound fails",
    }
    page = "generalization.vc_bound_for_piecewise_linear_networks"
    return (
        Bound(
            "vc-piecewise-linear",
            "counting activation patterns of piecewise linear networks (Bartlett, Harvey, Liaw, Mehrabian)",
            formula,
            symbols,
            measure,
            conditions,
            page,
            "bartlett2019nearly, Theorem 7",
        ),
        Bound(
            "vc-sign",
            "counting activation patterns of networks of sign units, many classes",
            formula,
            symbols,
            measure,
            sign_conditions,
            page,
            "bartlett2019nearly, Theorem 7; own count for signs",
        ),
    )
