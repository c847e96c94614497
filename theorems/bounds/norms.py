r"""Norm-based margin bounds as `Bound`s: for every network and every margin at once, the best cell searched.

The sizes and factors are those of the pages. A margin $\gamma = P/2^e$ uses its cell fully, so that searching for the best
margin is searching for $e$; the bound holds for all of them together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
from flint import arb

from numerics.learning.scales import norm_excess, number_of
from numerics.networks import Data, Network, certified_margins, data_norm, margins, ramp_risk
from numerics.networks.layers import Activation, Add, Pooling, Scaling
from theorems.bounds.bound import Bound, enclose
from theorems.bounds.conditions import (
    activation_condition,
    learned_condition,
    outputs_condition,
    zero_condition,
)
from theorems.bounds.options import margin

if TYPE_CHECKING:
    import sympy

    from theorems.bounds.bound import Value

GAMMA = "margin; the size over it is rounded up to a power of 2 (default: the best one, or near the median where all are vacuous)"
EXPONENTS = range(-80, 81)
TINY = 1e-200  # the size of a network whose outputs are zero, up to what underflow might have lost


def symbols() -> dict[str, Any]:
    from sympy import Symbol

    found = {name: Symbol(name, nonnegative=True) for name in ("risk", "X", "R", "C")}
    found |= {name: Symbol(name, positive=True, integer=True) for name in ("n", "k", "L", "d")}
    return found | {name: Symbol(name, positive=True) for name in ("delta", "gamma")}


def chain_conditions(network: Network) -> tuple[str, ...]:
    """What a network breaks of: a chain of linear layers and positively homogeneous activations that act entry by entry."""
    broken = zero_condition(network) + activation_condition(network) + outputs_condition(network)
    for i, (layer, reads) in enumerate(zip(network.layers, network.wiring, strict=True), 1):
        if isinstance(layer, Add):
            broken.append(f"Layer {i}, `{layer}`, adds several values, but the theorem is about chains of layers")
        elif reads != (i - 1,):
            broken.append(f"Layer {i}, `{layer}`, does not read the layer before it, but the theorem is about chains")
        elif isinstance(layer, Pooling):
            broken.append(f"Layer {i}, `{layer}`, does not act entry by entry: write average pooling as a convolution")
    return tuple(dict.fromkeys(broken + learned_condition(network, moving=False)))


def constants(network: Network) -> arb:
    """The product of the Lipschitz constants of all activations and scalings of a chain."""
    result = arb(1)
    for layer in network.layers:
        if isinstance(layer, Activation | Scaling):
            result *= arb(layer.lipschitz)
    return result


def confidence(v: Mapping[str, Any]) -> sympy.Expr:
    from sympy import log, sqrt

    return 2 * sqrt((log(1 / v["delta"]) + v["C"]) / (2 * v["n"]))


LENGTHS = {"X": "Frobenius norm of the inputs", "L": "depth"}


def lengths(network: Network, data: Data) -> dict[str, Value]:
    return {"X": data_norm(data), "L": network.depth}


def norm_bound(
    name: str,
    title: str,
    page: str,
    citation: str,
    *,
    size: Callable[..., arb],
    factor: Callable[[Mapping[str, Any]], sympy.Expr],
    sample: Callable[..., Mapping[str, Value]] = lengths,
    meanings: Mapping[str, str] = LENGTHS,
    conditions: Callable[[Network], tuple[str, ...]] = chain_conditions,
    options: Mapping[str, str] | None = None,
) -> Bound:
    r"""The bound risk $+ 4 k\, 2^e\,$factor$/n + 2\sqrt{(\ln(1/\delta) + C)/(2n)}$.

    `size(network)` is homogeneous of degree 1 in the outputs. `factor` makes a SymPy expression of the symbols of `symbols()`;
    `sample(network, data)` measures those of them that are not `n`, `k`, `risk`, `R`, `C`; `meanings` explains them
    (default: the Frobenius norm of the inputs and the depth). What the caller gives of `options`, or `None`, goes to both
    by name.
    """
    more = dict(options or {})

    def formula() -> sympy.Expr:
        v = symbols()
        return v["risk"] + norm_excess(v["R"] * factor(v), v["k"], confidence(v), 1 / v["n"])

    def measure(network: Network, data: Data, options: Mapping[str, Any]) -> Mapping[str, Value]:
        chosen = {name: options.get(name) for name in more}
        P = size(network, **chosen)
        known = {**sample(network, data, **chosen), "n": len(data), "k": network.outputs}
        enclosed = certified_margins(network, data)
        scale = enclose(factor(symbols()), known)
        gamma = margin(options)
        if gamma is None:
            e = _best(network, data, float(P), float(scale), options["delta"])
            ball = P / arb(2) ** e
            # A network of size zero has the outputs zero; any margin is as good.
            ball = ball if ball > 0 else arb(1)
        else:
            ball = arb(gamma.numerator) / gamma.denominator
            e = _exponent(P / ball)
        i = number_of(e)
        price = arb(i * (i + 1)).log()
        return {**known, "R": arb(2) ** e, "C": price, "gamma": ball, "risk": ramp_risk(enclosed, ball)}

    explained = {
        "risk": "ramp risk of the training data at margin gamma",
        "n": "number of training examples",
        "k": "number of outputs",
        "R": "power of 2 that bounds the size of the network over gamma",
        **meanings,
        "gamma": "margin",
        "C": "price of holding for all networks and margins, added to ln(1/delta)",
        "delta": "probability that the bound fails",
    }
    return Bound(name, title, formula, explained, measure, conditions, page, citation, {"gamma": GAMMA, **more})


def _exponent(ratio: arb) -> int:
    r"""$\lceil \log_2 \rceil$ of the upper end of a ball, and 0 for zero."""
    if ratio.is_zero():
        return 0
    e = int(np.floor(np.log2(float(ratio)))) - 1
    while not ratio <= arb(2) ** e:
        e += 1
    return e


def _best(network: Network, data: Data, P: float, scale: float, delta: Fraction) -> int:
    """The exponent with the least bound, by floats: the bound holds for each of them, so that searching is allowed."""
    M, n = margins(network, data), len(data)

    def value(e: int) -> float:
        i = number_of(e)
        risk = 1 - np.clip(M * (2.0**e / P), 0, 1).mean() if P > TINY else 1.0
        price = float(arb(i * (i + 1)).log()) - np.log(float(delta))
        return float(risk + 4 * network.outputs * 2.0**e * scale / n + 2 * np.sqrt(price / (2 * n)))

    best = min(EXPONENTS, key=value)
    middle = float(np.median(M))
    return round(np.log2(P / middle)) if value(best) >= 1 and middle > 0 and P > TINY else best
