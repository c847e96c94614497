r"""The spectral margin bound in numbers: its paper, sharp and uniform form, for a network and its training data.

The formulas are those of the page: `sharp_excess` and `paper_excess` are the functions that its derivation proves
things about. What is measured are balls: certified margins, spectral norms and (2,1) norms.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
from flint import arb, fmpq

from numerics.evidence.errors import InputError
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
from numerics.networks.norms import activation_constants, deviations_21, spectral_norms
from theorems.bound import Bound
from theorems.generalization._spectral_margins import (
    inverse_share,
    paper_excess,
    rounded_down,
    rounded_up,
    sharp_excess,
)

if TYPE_CHECKING:
    import sympy

    from theorems.bound import Value

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
    r"""$24K/n$, which is at least 2, stands where $K \ge n/12$: there the theorem says nothing, and neither does this."""
    from sympy import Piecewise, log, sqrt

    n, K = v["n"], sqrt(2) * _scale(v)
    middle = sharp_excess(K, log(n / (12 * K)), 0, 1 / n)
    return v["risk"] + Piecewise((0, v["X"] * v["R"] <= 0), (middle, 12 * K < n), (24 * K / n, True)) + confidence


def sharp_formula() -> sympy.Expr:
    v = _symbols()
    return _sharp(v, _confidence(v))


def uniform_formula() -> sympy.Expr:
    v = _symbols()
    return _sharp(v, _confidence(v, v["C"]))


def conditions(network: Network) -> tuple[str, ...]:
    """What of the theorem the network breaks."""
    broken = [*network.zero_failures(), *network.jump_failures()]
    if not network.is_chain:
        broken.append("It is not a chain of layers: path norms cover residual networks.")
    if network.outputs < 2:
        broken.append("A margin needs at least two outputs, found 1: turn one score z into the two logits (0, z).")
    # A Bound joins these sentences to one.
    return tuple(sentence.rstrip(".") for sentence in broken)


def _gamma(options: Mapping[str, Any], default: Fraction | None) -> Fraction | None:
    if options.get("gamma") is None:
        return default
    try:
        gamma = Fraction(str(options["gamma"]))
    except (ValueError, ZeroDivisionError):
        gamma = Fraction(0)
    if gamma <= 0:
        raise InputError(f"`gamma` must be a margin > 0, found {options['gamma']!r}: pass 1, say.")
    return gamma


def _rational(x: Fraction) -> fmpq:
    return fmpq(x.numerator, x.denominator)


def _common(network: Network, data: Data) -> dict[str, Value]:
    return {"n": sample_count(data), "X": data_norm(data), "W": _width(network)}


def _width(network: Network) -> int:
    """The greatest number of entries of a value; a convolution counts as the matrix that it is between flat values."""
    return max(math.prod(shape) for shape in network.shapes)


def measure_fixed(network: Network, data: Data, options: Mapping[str, Any]) -> Mapping[str, Value]:
    gamma = _rational(_gamma(options, Fraction(1)) or Fraction(1))
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

    gamma = _gamma(options, None)
    if gamma is not None:
        return at(rounded_down(gamma))
    return at(_best_exponent(network, data, float(R), (*js, *ks), options["delta"]))


def _best_exponent(network: Network, data: Data, R: float, counts: Sequence[int], delta: Fraction) -> int:
    """The power of 2 with the least bound, by floats: the bound holds for each of them, so that searching is allowed.

    Where each of them is vacuous, the least bound is that of an absurdly large margin; then it is the one at the median.
    """
    M = margins(network, data)
    n = sample_count(data)
    scale = float(data_norm(data)) * np.sqrt(2 * np.log(2 * _width(network) ** 2)) * R

    def value(e: int) -> float:
        K = scale / 2.0**e
        excess = 24 * K / n * (1 + max(0.0, float(np.log(n / (12 * K))))) if K > 0 else 0.0
        price = float(arb(inverse_share(counts, e)).log()) - np.log(float(delta))
        return float(1 - np.clip(M / 2.0**e, 0, 1).mean() + excess + 2 * np.sqrt(price / (2 * n)))

    best = min(range(-64, 65), key=value)
    middle = float(np.median(M))
    return rounded_down(Fraction(middle)) if value(best) >= 1 and middle > 0 else best


def bounds() -> tuple[Bound, ...]:
    r"""Paper, sharp and uniform form. The first two hold for norms and a margin that were fixed before the data."""
    gamma = "margin, fixed before the data (default 1)"
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
    )
    sharp = Bound(
        "spectral-margin-sharp",
        "spectral margin bound, sharp constants; norms and gamma fixed before the data",
        sharp_formula,
        SYMBOLS,
        measure_fixed,
        conditions,
        PAGE,
        CITATION,
        {"gamma": gamma, "references": REFERENCES},
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
