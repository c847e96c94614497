r"""The two covering bounds for graphs of dense and convolution layers, for every network and margin at once."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from flint import arb, fmpq

from numerics.arithmetic.enclosure import norm_21_rows
from numerics.evidence.errors import InputError
from numerics.learning.spectral_margins import inverse_share, rounded_down, rounded_up
from numerics.networks import Data, Network, certified_margins, data_norm, margins, ramp_risk
from numerics.networks.layers import Add, Convolution, Dense, Linear
from numerics.networks.norms.lipschitz import layer_lipschitz
from numerics.networks.norms.operators import operator_norm
from theorems.bounds.bound import Bound
from theorems.bounds.conditions import learned_condition, outputs_condition, shift_condition, zero_condition
from theorems.bounds.excess import best_exponent, sharp_middle, sharp_middle_in_floats
from theorems.bounds.norms import confidence, symbols
from theorems.bounds.options import margin

if TYPE_CHECKING:
    import sympy

    from theorems.bounds.bound import Value

PAGE = "generalization.convolution_covering_bound"
CITATION = "graf2022measuring, Theorem 3.5; own constants"
REFERENCES = "reference weights, one of the shape of each linear layer's, fixed before the data (default: zero)"


def conditions(network: Network) -> tuple[str, ...]:
    folded = learned_condition(network, moving=False)
    return (*zero_condition(network), *outputs_condition(network), *folded, *shift_condition(network))


def kernel_norm(layer: Dense | Convolution, minus: Any = None) -> arb:
    r"""$\sum_{o,p} (\sum_c (K - M)_{ocp}^2)^{1/2}$; the sum of the norms of the rows for a dense layer."""

    def rows(weight: np.ndarray) -> np.ndarray:
        return np.moveaxis(weight, 1, -1).reshape(-1, weight.shape[1])

    if minus is None:
        return norm_21_rows(rows(layer.weight))
    reference = np.asarray(minus, dtype=np.float64)
    if reference.shape != layer.weight.shape:
        raise InputError(
            f"`references` must hold a weight of shape {layer.weight.shape} for `{layer}`, found {reference.shape}."
        )
    return norm_21_rows(rows(layer.weight), minus=rows(reference))


def reaches(network: Network, s: Sequence[fmpq]) -> list[arb]:
    r"""$\Gamma_i \Lambda_i$ for each linear layer, with the numbers $s_i$ for their norms."""
    norms = iter(s)
    factor = [
        arb(next(norms))
        if isinstance(layer, Linear)
        else arb(1)
        if isinstance(layer, Add)
        else layer_lipschitz(layer, network.shapes[reads[0]])
        for layer, reads in zip(network.layers, network.wiring, strict=True)
    ]
    into = [arb(1)]
    for i, reads in enumerate(network.wiring):
        into.append(factor[i] * sum((into[v] for v in reads), arb(0)))
    out = [arb(0)] * (len(network.layers) + 1)
    out[-1] = arb(1)
    for i in reversed(range(len(network.layers))):
        for v in network.wiring[i]:
            out[v] += factor[i] * out[i + 1]
    return [into[network.wiring[p.number - 1][0]] * out[p.number] for p in network.linear_layers]


@dataclass(frozen=True)
class Layered:
    """What both forms need of a network: rounded norms, and their counts for the price."""

    reach: tuple[arb, ...]  # Gamma_i Lambda_i b_i
    counts: tuple[int, ...]
    sizes: tuple[int, ...]

    @property
    def complexity(self) -> arb:
        total = arb(0)
        for x in self.reach:
            total += x.root(3) ** 2 if x > 0 else arb(0)
        return total.sqrt() ** 3


def layered(network: Network, references: Sequence[Any] | None) -> Layered:
    places = network.linear_layers
    if references is not None and len(references) != len(places):
        raise InputError(
            f"`references` must hold one weight for each of the {len(places)} linear layers, found {len(references)}."
        )
    L = len(places)
    js = [rounded_up(operator_norm(p.layer, p.input_shape), L) for p in places]
    ks = [
        rounded_up(kernel_norm(p.layer, None if references is None else references[i]), L) for i, p in enumerate(places)
    ]
    reach = reaches(network, [fmpq(j, L) for j in js])
    stretched = tuple(x * fmpq(k, L) for x, k in zip(reach, ks, strict=True))
    return Layered(stretched, (*js, *ks), tuple(p.layer.weight.size for p in places))


def norms_formula() -> sympy.Expr:
    from sympy import log, sqrt

    v = symbols()
    K = sqrt(2) * v["X"] * sqrt(log(2 * v["d"])) * v["R"] / v["gamma"]
    return v["risk"] + sharp_middle(K, v["n"], v["X"] * v["R"]) + confidence(v)


def parameters_formula() -> sympy.Expr:
    from sympy import Symbol, sqrt

    from theorems.generalization.margins.convolution_covering_bound import parameter_excess

    v = symbols()
    return v["risk"] + parameter_excess(sqrt(Symbol("S", nonnegative=True)), confidence(v), 1 / sqrt(v["n"]))


def summed(found: Layered, X: arb, n: int, gamma: arb) -> arb:
    r"""$\sum_i 2W_i(\ln(2 + K_i^2) + 2)$ with $K_i = 4\sqrt2\,L\,\|X\|_F\,\Gamma_i\Lambda_ib_i/(\gamma\sqrt n)$."""
    total = arb(0)
    for size, reach in zip(found.sizes, found.reach, strict=True):
        square = 32 * len(found.sizes) ** 2 * X**2 * reach**2 / (gamma**2 * n)
        total += 2 * size * ((2 + square).log() + 2)
    return total


def measured(network: Network, data: Data, options: Mapping[str, Any], form: str) -> Mapping[str, Value]:
    found, X, n = layered(network, options.get("references")), data_norm(data), len(data)
    R, enclosed, widest = found.complexity, certified_margins(network, data), max(found.sizes)

    def at(e: int) -> dict[str, Value]:
        gamma = fmpq(2) ** e
        known: dict[str, Value] = {"n": n, "gamma": gamma, "risk": ramp_risk(enclosed, gamma)}
        known["C"] = arb(inverse_share(found.counts, e)).log()
        if form == "norms":
            return {**known, "X": X, "R": R, "d": widest}
        return {**known, "S": summed(found, X, n, arb(gamma))}

    gamma = margin(options)
    if gamma is not None:
        return at(rounded_down(gamma))
    M, X_, R_ = margins(network, data), float(X), float(R)

    def value(e: int) -> float:
        price = float(arb(inverse_share(found.counts, e)).log()) - math.log(float(options["delta"]))
        risk = float(1 - np.clip(M / 2.0**e, 0, 1).mean()) + 2 * math.sqrt(price / (2 * n))
        if form == "parameters":
            return risk + 6 * math.sqrt(float(summed(found, X, n, arb(2) ** e)) / n)
        return risk + sharp_middle_in_floats(math.sqrt(2 * math.log(2 * widest)) * X_ * R_ / 2.0**e, n)

    return at(best_exponent(value, M))


def _bound(name: str, title: str, formula: Any, meanings: Mapping[str, str]) -> Bound:
    explained = {
        "risk": "ramp risk of the training data at margin gamma",
        "n": "number of training examples",
        **meanings,
        "gamma": "margin, a power of 2",
        "C": "price of holding for all norms and margins, added to ln(1/delta)",
        "delta": "probability that the bound fails",
    }
    options = {"gamma": "margin, rounded down to a power of 2 (default: the best one)", "references": REFERENCES}
    form = name.removeprefix("covering-")
    return Bound(
        name, title, formula, explained, lambda a, b, c: measured(a, b, c, form), conditions, PAGE, CITATION, options
    )


def bounds() -> tuple[Bound, ...]:
    norms = _bound(
        "covering-norms",
        "covering bound for convolutions and residual networks (Graf et al.), norms",
        norms_formula,
        {
            "X": "Frobenius norm of the inputs",
            "R": "complexity at the norms rounded up to multiples of 1/depth",
            "d": "greatest number of parameters of a layer",
        },
    )
    counted = _bound(
        "covering-parameters",
        "covering bound for convolutions and residual networks (Graf et al.), parameter counts",
        parameters_formula,
        {"S": "sum over the layers of parameters times logarithms of norms"},
    )
    return norms, counted
