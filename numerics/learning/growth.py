r"""How many ways there are to classify n points with networks that are polynomials between finitely many decisions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flint import arb


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
