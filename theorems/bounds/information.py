r"""Bounds by information: of the weights about the examples, and of noisy training as a posterior of PAC-Bayes."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from flint import arb, fmpq

from numerics.arithmetic.balls import ball
from numerics.evidence.errors import InputError
from theorems.bounds.bound import Bound
from theorems.bounds.options import number, share
from theorems.bounds.training import (
    EXAMPLES,
    RANGE,
    STEP_OPTIONS,
    TEMPERATURE,
    M,
    Measured,
    N,
    Schedule,
    positive,
    sample_size,
    training_bound,
)

if TYPE_CHECKING:
    import sympy


# Information.


def information_bounds() -> tuple[Bound, ...]:
    from theorems.generalization.information.little_information_makes_little_gap import scaled_square

    def formula() -> sympy.Expr:
        from sympy import Symbol, sqrt

        length, n = positive("M n")
        return sqrt(scaled_square(length, Symbol("I", nonnegative=True)) / (2 * n))

    def measure_stated(network: Any, data: Any, options: Mapping[str, Any]) -> Measured:
        given = number(options, "information")
        return {"M": number(options, "loss_range"), "I": given, "n": sample_size(data, options)}

    def measure_noise(network: Any, data: Any, options: Mapping[str, Any]) -> Measured:
        beta, power = number(options, "inverse_temperature"), number(options, "gradient_bound") ** 2
        d = _dimension(network, options)

        def term(a: Fraction) -> arb:
            # eta^2/s with s = 2 eta/beta
            return arb(fmpq(d, 2)) * (1 + ball(a * beta * power / (2 * d))).log()

        total = Schedule.read(options).sum(term)
        return {"M": number(options, "loss_range"), "I": total, "n": sample_size(data, options)}

    symbols = {**M, "I": "mutual information of examples and weights, in nats", **N}
    page = "little_information_makes_little_gap"
    return (
        training_bound(
            "mutual-information",
            "mutual information of examples and weights, as stated by the caller; in expectation",
            page,
            "xu2017information, abstract",
            formula,
            symbols,
            measure_stated,
            {"information": "an upper bound on I(S; W) in nats", **RANGE, **EXAMPLES},
            ("information", "loss_range"),
            trivial="M",
        ),
        training_bound(
            "mutual-information-noise",
            "mutual information of noisy iterative training; in expectation",
            page,
            "pensia2018generalization, abstract",
            formula,
            symbols,
            measure_noise,
            {
                "gradient_bound": "L, bound on the norm of the gradients used (of the root of their mean square)",
                **TEMPERATURE,
                "dimension": "number of weights (default: those of the network)",
                **RANGE,
                **STEP_OPTIONS,
                **EXAMPLES,
            },
            ("gradient_bound", "inverse_temperature", "step_sizes", "loss_range"),
            trivial="M",
        ),
    )


def _dimension(network: Any, options: Mapping[str, Any]) -> int:
    if options.get("dimension") is not None:
        return int(number(options, "dimension", whole=True))
    if network is None:
        raise InputError("`dimension` must say how many weights there are, where no network is given.")
    layers = [place.layer for place in network.linear_layers]
    return sum(layer.weight.size + (0 if layer.bias is None else layer.bias.size) for layer in layers)


# PAC-Bayes.


def noisy_training_bounds() -> tuple[Bound, ...]:
    from theorems.generalization.pac_bayes.noisy_training_obeys_pac_bayes import price

    def formula() -> Any:
        from sympy import Symbol, log, sqrt

        from theorems.bounds.functions import KlInverse

        beta, power, delta = positive("beta energy delta")
        n = Symbol("n", integer=True, positive=True)
        return KlInverse(Symbol("q", nonnegative=True), price(beta, power) / n + log(2 * sqrt(n) / delta) / n)

    def measure(network: Any, data: Any, options: Mapping[str, Any]) -> Measured:
        return {
            "q": share(options, "training_error"),
            "beta": number(options, "inverse_temperature"),
            "energy": number(options, "gradient_energy"),
            "n": sample_size(data, options),
        }

    return (
        training_bound(
            "pac-bayes-sgld",
            "PAC-Bayes bound for networks trained with Gaussian noise, from the energy of the gradients",
            "noisy_training_obeys_pac_bayes",
            "mou2018generalization, PAC-Bayes bound for SGLD",
            formula,
            {
                "q": "training error of the random network, as stated by the caller",
                "beta": "inverse temperature",
                "energy": "energy of the gradients, as stated by the caller",
                **N,
                "delta": "probability that the bound fails",
            },
            measure,
            {
                "gradient_energy": "sum over the steps of the step size times the mean squared norm of the gradient used",
                **TEMPERATURE,
                "training_error": "mean training error over the training's own randomness, or a number above it",
                **EXAMPLES,
            },
            ("gradient_energy", "inverse_temperature", "training_error"),
            quantity="Pr[error of the random network]",
        ),
    )


def bounds() -> tuple[Bound, ...]:
    return (*information_bounds(), *noisy_training_bounds())
