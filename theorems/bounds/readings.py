r"""How the goals of the pages read in the symbols of the calculators, so that the two can be compared.

A letter gets its value from what it means on the page: $t$ from $n t^2 = -2 \ln \delta$, $b_D$ as the D-th power of 2. No
function that a calculator uses is called here; a premise of the derivation refuses a letter that is read wrongly.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from flint import arb

from theorems.bounds.reading import Reading

Values = Mapping[str, Any]


def _cells(v: Values) -> dict[str, Any]:
    """The cells up to the one whose price is $C = \\ln(i(i+1))$, each with its share of the probability and its t."""
    found: dict[str, Any] = {"a[0]": arb(0), "n": v["n"], "delta": v["delta"]}
    for i in range(1, _cell(v) + 1):
        share = 1 / arb(i * (i + 1))
        logarithm = (v["delta"] * share).log()
        found |= {f"a[{i}]": arb(i), f"o[{i}]": share, f"x[{i}]": logarithm}
        found[f"t[{i}]"] = (-2 * logarithm / v["n"]).sqrt()
    return found


def _cell(v: Values) -> int:
    i = 1
    while not arb(i * (i + 1)).log().overlaps(v["C"]):
        i += 1
    return i


def _norms(
    letters: Callable[[Values], Mapping[str, Any]],
    levels: str = "L",
    less: int = 1,
    whole: tuple[str, ...] = ("L", "d", "k"),
) -> Reading:
    """A bound risk + 4 k T/n + t[c] for every cell, with D = L - 1 hidden layers or levels of activations."""

    def read(v: Values, value: arb) -> dict[str, Any]:
        return {**_cells(v), "risk": v["risk"], "k": v["k"], "X": v["X"], "err": value, **letters(v)}

    return Reading(2, read, lambda v: {"m": _cell(v), "c": _cell(v), "D": int(v[levels]) - less}, whole=whole)


def _counted(top: int) -> dict[str, Any]:
    return {f"b[{i}]": arb(i) for i in range(top + 1)}


def _doubled(top: int) -> dict[str, Any]:
    return {f"b[{i}]": arb(2) ** i for i in range(top + 1)}


def _frobenius(v: Values) -> dict[str, Any]:
    D, log2 = v["L"] - 1, arb(2).log()
    return {**_counted(D), "kappa": v["R"], "log(2)": log2, "root": (2 * D * log2).sqrt()}


def _rows(v: Values) -> dict[str, Any]:
    D, log2, log_d = v["L"] - 1, arb(2).log(), arb(2 * v["d"]).log()
    named = {"kappa": v["R"], "log(2)": log2, "log(2*d)": log_d, "d": v["d"]}
    return {**_counted(D), **named, "root": (2 * (D * log2 + log_d)).sqrt()}


def _paths(v: Values) -> dict[str, Any]:
    base = 2 * v["a"] + 1
    log_base, log_d = arb(base).log(), arb(2 * v["d"]).log()
    named = {"kappa": v["R"], "kinds": v["a"], "base": base, "log(base)": log_base, "log(2*d)": log_d, "d": v["d"]}
    return {**_counted(v["D"]), **named, "root": (2 * (v["D"] * log_base + log_d)).sqrt()}


def _peeled(v: Values) -> dict[str, Any]:
    # The product of the norms, of which M_L is the last factor and A[D] the others.
    D = v["L"] - 1
    return {**_doubled(D), "M_L": v["R"], f"A[{D}]": arb(1)}


def _confidence(v: Values) -> dict[str, Any]:
    logarithm = v["delta"].log()
    return {"n": v["n"], "delta": v["delta"], "t": (-2 * logarithm / v["n"]).sqrt()}


def _spectral(v: Values, value: arb, squared: int, letter: str) -> dict[str, Any]:
    w = arb(2 * v["W"] ** 2).log()
    complexity = (squared * v["X"] ** 2 * w * v["R"] ** 2).sqrt() / v["gamma"]
    named = {"x": v["X"], "w": w, "R": v["R"], "gamma": v["gamma"], letter: complexity}
    return {**_confidence(v), **named, "log(delta)": v["delta"].log(), "risk": v["risk"], "err": value}


def _uniform(v: Values, value: arb) -> dict[str, Any]:
    found = _spectral(v, value, 2, "K")
    for name in ("t", "log(delta)", "x", "w"):
        del found[name]
    found |= {"X": v["X"], "W": arb(2 * v["W"] ** 2).log(), "risk_gamma": v["risk"]}
    # The share of the cell is 1/price.
    logarithm = v["delta"].log() - v["C"]
    return found | {"o[1]": (-v["C"]).exp(), "x[1]": logarithm, "t[1]": (-2 * logarithm / v["n"]).sqrt()}


def _covering(v: Values, value: arb, more: Mapping[str, Any]) -> dict[str, Any]:
    # The page fixes norms and margin; holding for all of them costs the price C, that is a smaller delta.
    delta = v["delta"] * (-v["C"]).exp()
    found = {**_confidence({**v, "delta": delta}), "ln(delta)": delta.log(), "risk": v["risk"], "err": value}
    return found | {"gamma": v["gamma"], **more}


def _covering_norms(v: Values, value: arb) -> dict[str, Any]:
    w = arb(2 * v["d"]).log()
    K = (2 * v["X"] ** 2 * w * v["R"] ** 2).sqrt() / v["gamma"]
    return _covering(v, value, {"x": v["X"], "w": w, "R": v["R"], "K": K})


def _covering_parameters(v: Values, value: arb) -> dict[str, Any]:
    return _covering(v, value, {"S": v["S"], "s": v["S"].sqrt()})


def _patterns(v: Values, value: arb) -> dict[str, Any]:
    logarithm, n = v["delta"].log(), v["n"]
    found = {"n": n, "delta": v["delta"], "ln(delta)": logarithm, "T[1]": v["G"], "risk": v["risk"], "err": value}
    return found | {"root": (v["G"] / (2 * n)).sqrt(), "t": (-logarithm / (2 * n)).sqrt()}


def _langevin(v: Values, value: arb) -> dict[str, Any]:
    return {
        "M": v["M"],
        "G": v["G"],
        "beta": v["beta"],
        "S[1]": v["S"],
        "n": v["n"],
        "nu": 1 / v["n"],
        "epsilon": value,
    }


def _sgld(v: Values, value: arb) -> dict[str, Any]:
    n = v["n"]
    found = {"M": v["M"], "n": n, "nu": 1 / n, "k_0": v["k0"], "S[1]": v["S"], "epsilon": value}
    return found | {"s": (v["S"] / (n * (n - 1))).sqrt()}


def _convex(v: Values, value: arb) -> dict[str, Any]:
    return {"L": v["L"], "S[1]": v["S"], "n": v["n"], "epsilon": value}


def _smooth(v: Values, value: arb) -> dict[str, Any]:
    n = v["n"]
    found = {"L": v["L"], "beta": v["beta"], "n": n, "nu": 1 / n, "t_0": v["t0"], "Y[1]": v["G"], "epsilon": value}
    return found | {"K": 2 * v["L"] / ((n - 1) * v["beta"])}


def _information(v: Values, value: arb) -> dict[str, Any]:
    return {"M": v["M"], "I": v["I"], "n": v["n"], "g": value}


def _kl(q: arb, p: arb) -> arb:
    return q * (q / p).log() + (1 - q) * ((1 - q) / (1 - p)).log()


def _noisy(v: Values, value: arb) -> dict[str, Any]:
    # The page bounds the divergence K[N]; by the lemma, n kl(q, error) is at most K[N] + ln(2 sqrt(n)/delta).
    n = v["n"]
    divergence = n * _kl(v["q"], value) - (2 * n.sqrt() / v["delta"]).log()
    return {"beta": v["beta"], "S[1]": v["energy"], "K[1]": divergence}


def _tail(v: Values, value: arb) -> dict[str, Any]:
    """The mass of the counts up to k at the limit; F[k] itself is the last count that the goal adds up."""
    k, m = int(v["k"].unique_fmpz()), int(v["m"].unique_fmpz())
    chances = [arb(math.comb(m, i)) * value**i * (1 - value) ** (m - i) for i in range(k + 1)]
    return {"delta": v["delta"], f"S[{m}]": sum(chances, arb(0))}


def _chernoff(delta: arb, q: arb, m: arb, value: arb) -> dict[str, Any]:
    # At the limit the tail that the goal allows is delta itself.
    return {"delta": delta, "a": q, "b": 1 - q, "p": value, "r": 1 - value, "m": m, "F[1]": delta}


def _occam(v: Values, value: arb) -> dict[str, Any]:
    # One of the weighted classifiers is a classifier fixed in advance at the level of its weight times delta.
    weight = (-v["C"]).exp() / arb(2) ** (v["N"] * v["b"])
    return _chernoff(v["delta"] * weight, v["q"], v["n"], value)


def _posterior(v: Values, value: arb) -> dict[str, Any]:
    # The training error a of the random classifier is at most the limit from the draws; K is the price of the posterior.
    n, delta = v["n"], v["delta"] - v["eta"]
    a = _kl_limit(v["q"], -v["eta"].log() / v["N"])
    logarithm = (2 * n.sqrt() / delta).log()
    found = {"n": n, "delta": delta, "eta": v["eta"], "K": v["C"] + v["distance"] / (2 * v["sigma"] ** 2)}
    return found | {"a": a, "b": value, "D": _kl(a, value), "log(2*(n)^(1/2)*(delta)^(-1))": logarithm}


def _kl_limit(q: arb, c: arb) -> arb:
    """The p above q with kl(q || p) = c, by halving the interval."""
    low, high = q, arb(1)
    while high - low > arb(2) ** -200:
        middle = arb(((low + high) / 2).mid())
        low, high = (low, middle) if _kl(q, middle) > c else (middle, high)
    return low.union(high)


def _shaken(v: Values, value: arb) -> dict[str, Any]:
    n, delta = v["n"], v["delta"]
    i = _cell(v)
    share = 1 / arb(i * (i + 1))
    y = 4 * n.sqrt() / (delta * share)
    logarithm = (delta / 2).log()
    found = {"n": n, "delta": delta, "sqrt(n)": n.sqrt(), "risk": v["risk"], "err": value, "u": arb(1)}
    found |= {"ln(delta/2)": logarithm, "eps": -logarithm / n, "log(2)": arb(2).log()}
    found |= {"sigma^2": v["v"], "|A-M|^2": v["D"], f"o[{i}]": share, f"y[{i}]": y, f"x[{i}]": y.log()}
    # The second goal is an equality by this root.
    root = (v["D"] + v["v"] * (2 * arb(2).log() + y.log())) / (2 * n * v["v"])
    return found | {f"t[{i}]": root.sqrt()}


TEST_SET = "generalization.errors_on_a_test_set_bound_the_error"

READINGS: Mapping[str, Reading] = {
    "frobenius": _norms(_frobenius),
    "l1-rows": _norms(_rows),
    "path-norm": _norms(_paths, "D", 0, ("D", "a", "d", "k")),
    "peeling": _norms(_peeled),
    "group-norm": _norms(_peeled),
    "group-norm-dual": _norms(lambda v: {**_peeled(v), "C_1": v["K"]}),
    "spectral-margin-sharp": Reading(1, lambda v, value: _spectral(v, value, 2, "K"), whole=("W",)),
    "spectral-margin-paper": Reading(2, lambda v, value: _spectral(v, value, 4, "kappa"), whole=("W",)),
    "spectral-margin-uniform": Reading(3, _uniform, lambda v: {"c": 1}, whole=("W",)),
    "covering-norms": Reading(1, _covering_norms, whole=("d",)),
    "covering-parameters": Reading(2, _covering_parameters),
    "vc-piecewise-linear": Reading(2, _patterns, lambda v: {"S": 1}),
    "vc-sign": Reading(2, _patterns, lambda v: {"S": 1}),
    "langevin": Reading(2, _langevin, lambda v: {"T": 1}),
    "sgld": Reading(2, _sgld, lambda v: {"N": 1}),
    "sgd-convex": Reading(3, _convex, lambda v: {"T": 1}),
    "sgd-smooth": Reading(3, _smooth, lambda v: {"T": 1}),
    "mutual-information": Reading(1, _information),
    "mutual-information-noise": Reading(1, _information),
    "pac-bayes-sgld": Reading(1, _noisy, lambda v: {"N": 1}),
    "pac-bayes-kl": Reading(3, _posterior),
    "pac-bayes-spectral": Reading(1, _shaken, lambda v: {"c": _cell(v)}),
    "test-set-exact": Reading(0, _tail, lambda v: {"n": int(v["m"].unique_fmpz())}),
    "test-set-chernoff": Reading(2, lambda v, value: _chernoff(v["delta"], v["q"], v["m"], value), lambda v: {"k": 1}),
    "quantised-occam": Reading(2, _occam, lambda v: {"k": 1}, page=TEST_SET),
}
"""The reading of each calculator by its name."""
