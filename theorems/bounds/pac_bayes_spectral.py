r"""The PAC-Bayes bound with spectral norms, for a fully connected network and its training data."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
from flint import arb

from numerics.arithmetic.exact import rational
from numerics.learning.scales import number_of
from numerics.networks import (
    Data,
    Network,
    certified_margins,
    empirical_margin_risk,
    frobenius_norm,
    margins,
    spectral_norm,
)
from numerics.networks.layers import Activation, Add, Convolution, Pooling, Scaling
from numerics.networks.norms.paths import longest_row
from numerics.networks.references import reference_weights
from theorems.bounds.bound import Bound
from theorems.bounds.conditions import HOMOGENEOUS, learned_condition, outputs_condition, zero_condition
from theorems.bounds.norms import symbols
from theorems.bounds.options import margin

if TYPE_CHECKING:
    import sympy

    from theorems.bounds.bound import Value

REFERENCES = (
    "reference matrices, the mean of the prior, fixed before the data (default: zero, and the layers are balanced)"
)


def formula() -> sympy.Expr:
    from sympy import Symbol, log, sqrt

    from theorems.generalization.pac_bayes.pac_bayes_spectral_bound import bound_value, radicand

    v = symbols()
    D, variance = Symbol("D", nonnegative=True), Symbol("v", positive=True)
    n, delta = v["n"], v["delta"]
    x = log(4 * sqrt(n) / delta) + v["C"]
    return bound_value(v["risk"], log(2 / delta) / n, sqrt(radicand(D, variance, log(2), x) / (2 * n * variance)))


def conditions(network: Network) -> tuple[str, ...]:
    broken = zero_condition(network) + outputs_condition(network)
    for i, layer in enumerate(network.layers, 1):
        if isinstance(layer, Convolution):
            broken.append(f"Layer {i}, `{layer}`, shares its weights; the Gaussian tail is that of dense matrices")
        elif isinstance(layer, Activation | Scaling) and 1 < layer.lipschitz < math.inf:
            broken.append(f"Layer {i}, `{layer}`, has the Lipschitz constant {layer.lipschitz}, more than 1")
        elif isinstance(layer, Add | Pooling):
            broken.append(f"Layer {i}, `{layer}`, is no part of a chain of dense layers and activations")
    return (*broken, *learned_condition(network, moving=False))


def norms(network: Network, references: Sequence[Any] | None) -> tuple[list[arb], arb]:
    """Spectral norms, rounded up, and the squared distance from the references, both after balancing where that is possible."""
    s = [spectral_norm(W).upper() for W in network.weights]
    if references is not None:
        matrices = reference_weights(network, references)
        squared = [frobenius_norm(A, M) ** 2 for A, M in zip(network.weights, matrices, strict=True)]
        return s, sum(squared, arb(0))
    squared = [frobenius_norm(A) ** 2 for A in network.weights]
    balanced = all(a.name in HOMOGENEOUS for a in network.layers if isinstance(a, Activation)) and all(x > 0 for x in s)
    if not balanced:
        return s, sum(squared, arb(0))
    product = arb(1)
    for x in s:
        product *= x
    beta = product.root(len(s))
    return [beta.upper()] * len(s), sum((beta**2 * f / x**2 for f, x in zip(squared, s, strict=True)), arb(0))


def growth(s: Sequence[arb], eta: arb) -> arb:
    r"""$\prod (s_i + \eta) - \prod s_i$, added up so that nothing cancels."""
    before, result = arb(1), arb(0)
    for x in s:
        result = result * (x + eta) + before * eta
        before *= x
    return result


def measure(network: Network, data: Data, options: Mapping[str, Any]) -> Mapping[str, Value]:
    s, D = norms(network, options.get("references"))
    n, B = len(data), longest_row(data.X)
    width = arb(2 * max(network.widths) * (4 * arb(max(network.widths) * network.depth)).log()).sqrt()
    enclosed = certified_margins(network, data)

    def exponent(gamma: arb) -> int:
        """The greatest e with sigma = 2^(e/4) small enough."""

        def fits(e: int) -> bool:
            sigma = (arb(2) ** (e // 4)) * (arb(2) ** (e % 4)).root(4)
            return bool((8 * arb(B) ** 2 * growth(s, sigma * width) ** 2).upper() <= gamma**2)

        low, high = -4000, 4000
        while not fits(low):
            low, high = 2 * low, low
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if fits(middle) else (low, middle)
        return low

    def at(gamma: Fraction) -> dict[str, Value]:
        g = rational(gamma)
        e = exponent(arb(g))
        i = number_of(e)
        risk = empirical_margin_risk(enclosed, g)
        v = (arb(2) ** (e // 2)) * (arb(2) ** (e % 2)).sqrt()
        return {"risk": risk, "n": n, "D": D, "v": v, "C": arb(i * (i + 1)).log(), "B": B, "gamma": g}

    gamma = margin(options)
    if gamma is not None:
        return at(gamma)
    # The bound holds for all margins at once: try some of the network's own, judged in floats.
    M = margins(network, data)
    # Just below a margin, so that balls decide how many there are.
    tried = [
        float(q) * (1 - 1e-9) for q in np.quantile(M, [0.01, 0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0]) if q > 0
    ] or [1.0]

    def value(found: Mapping[str, Any]) -> float:
        x = math.log(16 * math.sqrt(n) / float(options["delta"])) + float(found["C"])
        return float(found["risk"]) + math.sqrt((float(found["D"]) / float(found["v"]) + x) / (2 * n))

    return min((at(Fraction(g)) for g in tried), key=value)


def bounds() -> tuple[Bound, ...]:
    return (
        Bound(
            "pac-bayes-spectral",
            "PAC-Bayes with spectral norms (Neyshabur, Bhojanapalli, Srebro), every constant, for every network and margin at once",
            formula,
            {
                "risk": "share of training margins at most gamma",
                "n": "number of training examples",
                "D": "squared Frobenius distance of the weights from the references",
                "v": "variance of the weights, a power of the root of 2",
                "C": "price of holding for all variances, added to ln(1/delta)",
                "B": "greatest length of a training input",
                "gamma": "margin",
                "delta": "probability that the bound fails",
            },
            measure,
            conditions,
            "generalization.pac_bayes_spectral_bound",
            "neyshabur2018pac, abstract",
            {"gamma": "margin (default: the best of the network's own)", "references": REFERENCES},
        ),
    )
