r"""How many ways there are to classify n points: the growth function of piecewise linear and of sign networks, and what follows."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flint import arb

from numerics.networks import Data, Network, certified_margins, empirical_margin_risk
from numerics.networks.layers import Activation, Linear, Pooling
from theorems.bounds.bound import Bound
from theorems.bounds.conditions import learned_condition, outputs_condition

if TYPE_CHECKING:
    import sympy

    from theorems.bounds.bound import Value

PIECEWISE = ("relu", "leaky_relu", "prelu", "abs")


@dataclass(frozen=True)
class Step:
    """A nonlinear layer: numbers decided for each input, their degree, and the parameters they are polynomials in."""

    units: int
    degree: int
    parameters: int


def log_patterns(count: int, degree: int, parameters: int) -> arb:
    r"""$\ln N$: at most $2^M$ sign vectors of $M$ = `count` polynomials, and $2(2eMd/W)^W$ where $M \ge W$."""
    every = count * arb(2).log()
    if not parameters or not degree:
        return arb(0)  # the numbers do not depend on the parameters
    if count < parameters:
        return every
    warren = arb(2).log() + parameters * (2 * arb.const_e() * count * degree / parameters).log()
    return every.min(warren)


def growth(steps: Sequence[Step], n: int) -> arb:
    r"""$G = \sum_i \ln N_i$ for n inputs."""
    return sum((log_patterns(n * one.units, one.degree, one.parameters) for one in steps), arb(0))


def vc_dimension(steps: Sequence[Step]) -> int:
    r"""The greatest $n$ with $G(n) \ge n \ln 2$, where balls do not decide the next one.

    $G(n)/n$ does not increase: $\ln N_i/n$ is constant, and then $(\ln 2 + W \ln(cn/W))/n$, which decreases for
    $cn \ge W$; so bisection is enough.
    """

    def possible(n: int) -> bool:
        return not growth(steps, n) < n * arb(2).log()

    high = 1
    while possible(high):
        high *= 2
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if possible(middle) else (low, middle)
    return low


def vc_closed(steps: Sequence[Step]) -> arb:
    r"""$S + w \log_2(4eR\log_2(2eR))$ with $w = \sum_i W_i$ and $R = \sum_i k_i d_i$."""
    w, R = sum(one.parameters for one in steps), sum(one.units * one.degree for one in steps)
    x = 2 * arb.const_e() * R
    log_2 = arb(2).log()
    return len(steps) + w * (2 * x * x.log() / log_2).log() / log_2


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
