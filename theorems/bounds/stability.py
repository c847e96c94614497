r"""The stability of SGD and Langevin dynamics as bounds on the expected gap, from a description of the training.

A free number of first steps is chosen by floats, because the bound holds for each.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
from flint import arb

from numerics.arithmetic.balls import ball
from numerics.evidence.errors import InputError
from theorems.bounds.bound import Bound
from theorems.bounds.options import number
from theorems.bounds.training import (
    EXAMPLES,
    RANGE,
    SMOOTH,
    STEP_OPTIONS,
    TEMPERATURE,
    L,
    M,
    Measured,
    N,
    Schedule,
    positive,
    sample_size,
    training_bound,
    two_examples,
)

if TYPE_CHECKING:
    import sympy


def best_start(costs: np.ndarray, value: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> int:
    """The number $t$ of first steps with the least `value(t, sum of the costs of the later steps)`."""
    late = np.append(np.cumsum(costs[::-1])[::-1], 0.0)
    return int(np.argmin(value(np.arange(late.size), late)))


# Stability of stochastic gradient descent.


def convex_bounds() -> tuple[Bound, ...]:
    from theorems.generalization.stability.sgd_is_stable_for_convex_losses import n_times_gap

    def formula() -> sympy.Expr:
        lipschitz, total, n = positive("L S n")
        return n_times_gap(lipschitz, total) / n

    def measure(network: Any, data: Any, options: Mapping[str, Any]) -> Measured:
        schedule, beta = Schedule.read(options), number(options, "smoothness")
        if schedule.largest() * beta > 2:
            raise InputError(
                f"`step_sizes` must not exceed 2/beta = {2 / beta} for convex losses, found {schedule.largest()}: "
                "use the bound for smooth losses, which need not be convex."
            )
        return {"L": number(options, "lipschitz"), "S": schedule.sum(ball), "n": sample_size(data, options)}

    return (
        training_bound(
            "sgd-convex",
            "stability of stochastic gradient descent on convex smooth losses, in expectation",
            "sgd_is_stable_for_convex_losses",
            "hardt2016train, Theorem 3.7",
            formula,
            {**L, "S": "sum of the step sizes", **N},
            measure,
            {**SMOOTH, **STEP_OPTIONS, **EXAMPLES},
            ("lipschitz", "smoothness", "step_sizes"),
            trivial=None,
        ),
    )


def smooth_bounds() -> tuple[Bound, ...]:
    from theorems.generalization.stability.sgd_is_stable_for_smooth_losses import gap_bound

    def formula() -> sympy.Expr:
        from sympy import Symbol

        lipschitz, beta, growth, n = positive("L beta G n")
        return gap_bound(Symbol("t0", nonnegative=True) / n, lipschitz, 2 * lipschitz / (beta * (n - 1)), growth)

    def measure(network: Any, data: Any, options: Mapping[str, Any]) -> Measured:
        schedule, n = Schedule.read(options), two_examples(data, options)
        lipschitz, beta, memory = number(options, "lipschitz"), number(options, "smoothness"), options["memory"]
        rate = (1 - Fraction(1, n)) * beta
        if "t0" not in memory:
            factor = float(2 * lipschitz**2 / (beta * (n - 1)))
            with np.errstate(over="ignore"):
                logarithms = np.log1p(float(rate) * schedule.floats())
                memory["t0"] = best_start(logarithms, lambda t, late: t / n + factor * np.expm1(late))
        growth = schedule.product(lambda a: 1 + ball(rate * a), after=memory["t0"])
        return {"t0": memory["t0"], "L": lipschitz, "beta": beta, "G": growth, "n": n}

    return (
        training_bound(
            "sgd-smooth",
            "stability of stochastic gradient descent on smooth losses with values in [0, 1], in expectation",
            "sgd_is_stable_for_smooth_losses",
            "hardt2016train, Theorem 3.8",
            formula,
            {
                "t0": "number of first steps in which the differing example may be drawn; the best one",
                **L,
                "beta": "smoothness of the loss, as stated by the caller",
                "G": "product of the growth factors of the later steps",
                **N,
            },
            measure,
            {**SMOOTH, **STEP_OPTIONS, **EXAMPLES},
            ("lipschitz", "smoothness", "step_sizes"),
        ),
    )


# Stability of Langevin dynamics.


_CHANGE = {"gradient_change": "how far the gradient at one point can differ between two examples (D, or G)"}
_LANGEVIN = ("gradient_change", "loss_range", "inverse_temperature", "step_sizes")


def langevin_bounds() -> tuple[Bound, ...]:
    from theorems.generalization.stability.langevin_dynamics_is_stable import gap_bound

    def formula() -> sympy.Expr:
        from sympy import sqrt

        length, change, beta, total, n = positive("M G beta S n")
        return gap_bound(length, change, n, sqrt(2 * beta * total))

    def measure(network: Any, data: Any, options: Mapping[str, Any]) -> Measured:
        return {
            "M": number(options, "loss_range"),
            "G": number(options, "gradient_change"),
            "beta": number(options, "inverse_temperature"),
            "S": Schedule.read(options).sum(ball),
            "n": sample_size(data, options),
        }

    return (
        training_bound(
            "langevin",
            "stability of full-batch Langevin dynamics, in expectation",
            "langevin_dynamics_is_stable",
            "zhang2023mathematical, Theorem 7.23",
            formula,
            {
                **M,
                "G": "greatest difference of gradients between examples, as stated by the caller",
                "beta": "inverse temperature",
                "S": "sum of the step sizes",
                **N,
            },
            measure,
            {**_CHANGE, **RANGE, **TEMPERATURE, **STEP_OPTIONS, **EXAMPLES},
            _LANGEVIN,
            trivial="M",
        ),
    )


def stochastic_langevin_bounds() -> tuple[Bound, ...]:
    from theorems.generalization.stability.stochastic_langevin_dynamics_is_stable import gap_bound

    def formula() -> sympy.Expr:
        from sympy import Symbol, sqrt

        k0, total = (Symbol(name, nonnegative=True) for name in ("k0", "S"))
        length, n = positive("M n")
        return gap_bound(length, k0 / n, sqrt(total / (n * (n - 1))))

    def measure(network: Any, data: Any, options: Mapping[str, Any]) -> Measured:
        schedule, n, memory = Schedule.read(options), two_examples(data, options), options["memory"]
        rate = number(options, "inverse_temperature") * number(options, "gradient_change") ** 2 / 4  # r = rate * eta
        if "k0" not in memory:
            with np.errstate(over="ignore"):
                r = float(rate) * schedule.floats()
                late_cost = np.exp(r) * np.expm1(r)
                memory["k0"] = best_start(late_cost, lambda k, late: k / n + np.sqrt(late / (n * (n - 1))))

        def term(a: Fraction) -> arb:
            growth = ball(rate * a).exp()
            return growth * (growth - 1)

        k0 = memory["k0"]
        return {"M": number(options, "loss_range"), "k0": k0, "S": schedule.sum(term, after=k0), "n": n}

    return (
        training_bound(
            "sgld",
            "stability of stochastic gradient Langevin dynamics with one example in each step, in expectation",
            "stochastic_langevin_dynamics_is_stable",
            "mou2018generalization, stability bound with explicit constants",
            formula,
            {
                **M,
                "k0": "number of first steps in which the differing example may be drawn; the best one",
                "S": "sum of e^r (e^r - 1) over the later steps, r = eta beta D^2/4",
                **N,
            },
            measure,
            {**_CHANGE, **RANGE, **TEMPERATURE, **STEP_OPTIONS, **EXAMPLES},
            _LANGEVIN,
            trivial="M",
        ),
    )


def bounds() -> tuple[Bound, ...]:
    return (*langevin_bounds(), *convex_bounds(), *smooth_bounds(), *stochastic_langevin_bounds())
