r"""The spectral margin bound in numbers: its paper, sharp and uniform form, for a network and its training data.

The formulas are those of the page: `sharp_excess` and `paper_excess` are the functions that its derivation proves
things about. What is measured are balls: certified margins, spectral norms and (2,1) norms.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
from flint import arb, fmpq

from numerics.arithmetic.exact import rational
from numerics.learning.spectral_margins import inverse_share, paper_excess, rounded_down, rounded_up
from numerics.networks import (
    Data,
    Network,
    certified_margins,
    data_norm,
    margins,
    ramp_risk,
    spectral_complexity,
)
from numerics.networks.data import sample_count
from numerics.networks.norms.layers import activation_constants, deviations_21, spectral_norms
from theorems.bounds.bound import Bound
from theorems.bounds.conditions import learned_condition, outputs_condition, zero_condition
from theorems.bounds.excess import best_exponent, sharp_middle, sharp_middle_in_floats
from theorems.bounds.options import margin

if TYPE_CHECKING:
    import sympy

    from theorems.bounds.bound import Value

PAGE = "generalization.spectral_margin_bound"
UNIFORM_PAGE = "generalization.spectral_margin_bound_for_every_network"
CITATION = "bartlett2017spectrally, Theorem 1.1"

SYMBOLS = {
    "risk": r"ramp risk of the training data at margin gamma",
    "n": "number of training examples",
    "X": "Frobenius norm of the inputs",
    "W": "greatest width of a layer, input and output included",
    "R": "spectral complexity at the network's own norms",
    "gamma": "margin",
    "delta": "probability that the bound fails",
}
UNIFORM_SYMBOLS = {
    **SYMBOLS,
    "R": "spectral complexity at the norms rounded up to multiples of 1/depth",
    "gamma": "margin, a power of 2",
    "C": "price of holding for all norms and margins, added to ln(1/delta)",
}
REFERENCES = "reference matrices, one for each layer, fixed before the data (default: zero)"


def _symbols() -> dict[str, Any]:
    from sympy import symbols

    found = {name: symbols(name, nonnegative=True) for name in ("risk", "X", "R", "C")}
    found |= {name: symbols(name, positive=True, integer=True) for name in ("n", "W")}
    return found | {name: symbols(name, positive=True) for name in ("gamma", "delta")}


def _scale(v: Mapping[str, Any]) -> sympy.Expr:
    from sympy import log, sqrt

    return v["X"] * sqrt(log(2 * v["W"] ** 2)) * v["R"] / v["gamma"]


def _confidence(v: Mapping[str, Any], extra: Any = 0) -> sympy.Expr:
    from sympy import log, sqrt

    return 2 * sqrt((log(1 / v["delta"]) + extra) / (2 * v["n"]))


def paper_formula() -> sympy.Expr:
    from sympy import log, sqrt

    v = _symbols()
    return v["risk"] + paper_excess(2 * _scale(v), log(v["n"]), _confidence(v), 1 / v["n"], 1 / sqrt(v["n"]))


def _sharp(v: Mapping[str, Any], confidence: sympy.Expr) -> sympy.Expr:
    from sympy import sqrt

    return v["risk"] + sharp_middle(sqrt(2) * _scale(v), v["n"], v["X"] * v["R"]) + confidence


def sharp_formula() -> sympy.Expr:
    v = _symbols()
    return _sharp(v, _confidence(v))


def uniform_formula() -> sympy.Expr:
    v = _symbols()
    return _sharp(v, _confidence(v, v["C"]))


def conditions(network: Network) -> tuple[str, ...]:
    """What of the theorem the network breaks."""
    broken = zero_condition(network)
    if not network.is_chain:
        broken.append("It is not a chain of layers: path norms cover residual networks")
    return (*broken, *outputs_condition(network), *learned_condition(network, moving=False))


def _common(network: Network, data: Data) -> dict[str, Value]:
    return {"n": sample_count(data), "X": data_norm(data), "W": _width(network)}


def _width(network: Network) -> int:
    """The greatest number of entries of a value; a convolution counts as the matrix that it is between flat values."""
    return max(math.prod(shape) for shape in network.shapes)


def measure_fixed(network: Network, data: Data, options: Mapping[str, Any]) -> Mapping[str, Value]:
    gamma = rational(margin(options) or 1)
    return {
        **_common(network, data),
        "risk": ramp_risk(certified_margins(network, data), gamma),
        "R": spectral_complexity(network, options.get("references")),
        "gamma": gamma,
    }


def _complexity(s: Sequence[fmpq], b: Sequence[fmpq], rho: arb) -> arb:
    total = arb(0)
    for i, x in enumerate(b):
        for j, y in enumerate(s):
            x = x * y if j != i else x
        total += arb(x).root(3) ** 2
    return rho * total.sqrt() ** 3


def measure_uniform(network: Network, data: Data, options: Mapping[str, Any]) -> Mapping[str, Value]:
    depth = len(network.linear_layers)
    js = [rounded_up(s, depth) for s in spectral_norms(network)]
    ks = [rounded_up(b, depth) for b in deviations_21(network, options.get("references"))]
    rho = arb(1)
    for factor in activation_constants(network):
        rho *= factor
    R = _complexity([fmpq(j, depth) for j in js], [fmpq(k, depth) for k in ks], rho)
    common = _common(network, data)
    enclosed = certified_margins(network, data)

    def at(e: int) -> dict[str, Value]:
        gamma = fmpq(2) ** e
        price = arb(inverse_share((*js, *ks), e)).log()
        return {**common, "R": R, "gamma": gamma, "C": price, "risk": ramp_risk(enclosed, gamma)}

    gamma = margin(options)
    if gamma is not None:
        return at(rounded_down(gamma))
    return at(_best_exponent(network, data, float(R), (*js, *ks), options["delta"]))


def _best_exponent(network: Network, data: Data, R: float, counts: Sequence[int], delta: Fraction) -> int:
    M = margins(network, data)
    n = sample_count(data)
    scale = float(data_norm(data)) * np.sqrt(2 * np.log(2 * _width(network) ** 2)) * R

    def value(e: int) -> float:
        K = scale / 2.0**e
        excess = sharp_middle_in_floats(float(K), n)
        price = float(arb(inverse_share(counts, e)).log()) - np.log(float(delta))
        return float(1 - np.clip(M / 2.0**e, 0, 1).mean() + excess + 2 * np.sqrt(price / (2 * n)))

    return best_exponent(value, M)


def bounds() -> tuple[Bound, ...]:
    r"""Paper, sharp and uniform form. The first two hold for norms and a margin that were fixed before the data."""
    gamma = "margin, fixed before the data (default 1)"
    # The norms of a trained network are known after the data only, so this is no promise about it.
    quantity = "Pr[error], as if the norms had been fixed before the data"
    paper = Bound(
        "spectral-margin-paper",
        "spectral margin bound, the paper's constants; norms and gamma fixed before the data",
        paper_formula,
        SYMBOLS,
        measure_fixed,
        conditions,
        PAGE,
        CITATION,
        {"gamma": gamma, "references": REFERENCES},
        quantity=quantity,
    )
    sharp = replace(
        paper,
        name="spectral-margin-sharp",
        title="spectral margin bound, sharp constants; norms and gamma fixed before the data",
        formula=sharp_formula,
    )
    uniform = Bound(
        "spectral-margin-uniform",
        "spectral margin bound for every network and every margin at once",
        uniform_formula,
        UNIFORM_SYMBOLS,
        measure_uniform,
        conditions,
        UNIFORM_PAGE,
        CITATION,
        {
            "gamma": "margin, rounded down to a power of 2 (default: the best one, or that of the median where all are vacuous)",
            "references": REFERENCES,
        },
    )
    return paper, sharp, uniform
