r"""Interval arithmetic: on float arrays with outward rounding, and on rational numbers exactly.

An interval is a pair `(lo, hi)`; for floats both are arrays of one shape, a whole batch of intervals at once. Every
operation returns an interval that contains $f(x, y)$ for all real $x$, $y$ of its arguments (the *inclusion property*,
kept by composition).

# Why one ulp is enough

Assumed of float64: round to nearest with gradual underflow; `_check_rounding` tests both. Let $r$ be the float result of one operation on floats and $x$ the exact
one. If $r$ is finite, no float lies strictly between $x$ and $r$, for otherwise it would be nearer to $x$. So
$\mathrm{pred}(r) \le x \le \mathrm{succ}(r)$, which is `nextafter(r, -inf)` and `nextafter(r, inf)`; this holds for
subnormal numbers and zero too. If $r = +\infty$, $x$ exceeds the largest float, which is `nextafter(inf, -inf)`; $-\infty$
alike. Bounds that are infinite stand for "no bound": $\infty - \infty$ and $0 \cdot \infty$ give NaN, which survives
`minimum`, `maximum` and arithmetic, is read as "no information" by `step` and `sign`, and is replaced by $\mp\infty$ at the
end (`FloatIntervals.finish`).

Sums and products are monotone in each end, so that the extreme values are taken at ends: rounding them outward encloses
all. A power is computed from the absolute values by repeated multiplication of non-negative numbers, rounded down for the
lower and up for the upper bound; an even power of an interval around 0 starts at 0.

# Kinks

`step` and `sign` are the derivatives of `relu` and `abs`. Over an interval that contains 0, *also as an end*, they are the
whole $[0, 1]$ and $[-1, 1]$. Hence the **neighbourhood lemma**: let $G$ be the enclosure of a derivative $g_i$ (see
`expression.py`) on a closed box $C$. For every $\varepsilon > 0$ there is a neighbourhood of $C$ on which $g_i$ lies within
$\varepsilon$ of $G$, whichever numbers are chosen at kinks. *Proof.* By induction over the expression, with enclosures
$F$ of the subexpressions $f$ on $C$. Sums, products, powers, `relu`, `abs` are continuous: when the arguments lie within a
small $\varepsilon'$ of their enclosures, the result lies within $\varepsilon$ of its own. If $F < 0$, then $f < 0$ in a
neighbourhood of the compact set $C$ and `step(f)` $= 0$ there, as on $C$; $F > 0$ alike. Otherwise its enclosure is $[0, 1]$,
which contains every value anywhere. $\square$ With a one-sided value at an end the lemma is false ($|x|$ on $[-1, 0]$ would
have the derivative $-1$), and with it the certificate that rests on it: a test plants this.
"""

from __future__ import annotations

import functools

import numpy as np
from flint import fmpq
from numpy.typing import NDArray

Array = NDArray[np.float64]
Interval = tuple[Array, Array]
RationalInterval = tuple[fmpq, fmpq]

_INF = np.inf


def down(x: Array) -> Array:
    """The floats just below."""
    return np.nextafter(x, -_INF)


def up(x: Array) -> Array:
    """The floats just above."""
    return np.nextafter(x, _INF)


def float_below(q: fmpq) -> float:
    """A float that is at most `q`; `q` itself where it is a float."""
    x = _nearest(q)
    return x if np.isfinite(x) and fmpq(*x.as_integer_ratio()) <= q else float(np.nextafter(x, -_INF))


def float_above(q: fmpq) -> float:
    """A float that is at least `q`; `q` itself where it is a float."""
    return -float_below(-q)


def _nearest(q: fmpq) -> float:
    try:
        return int(q.p) / int(q.q)  # Python divides integers of any size correctly rounded
    except OverflowError:
        return _INF if q > 0 else -_INF


class FloatIntervals:
    """Batches of float intervals, an `Arithmetic` for `Tape`."""

    def __init__(self) -> None:
        _check_rounding()

    def constant(self, q: fmpq) -> Interval:
        return np.array(float_below(q)), np.array(float_above(q))

    def add(self, x: Interval, y: Interval) -> Interval:
        return down(x[0] + y[0]), up(x[1] + y[1])

    def multiply(self, x: Interval, y: Interval) -> Interval:
        if x[0].ndim == 0 and x[0] == x[1]:  # a float constant: its sign is known
            c = x[0]
            a, b = c * y[0], c * y[1]
            return (down(a), up(b)) if c >= 0 else (down(b), up(a))
        a, b, c, d = x[0] * y[0], x[0] * y[1], x[1] * y[0], x[1] * y[1]
        low = np.minimum(np.minimum(a, b), np.minimum(c, d))
        high = np.maximum(np.maximum(a, b), np.maximum(c, d))
        return down(low), up(high)

    def power(self, x: Interval, n: int) -> Interval:
        low, high = x
        if n % 2 == 0:
            near = np.where(low > 0, low, np.where(high < 0, -high, 0.0))
            far = np.maximum(np.abs(low), np.abs(high))
            return _power_down(near, n), _power_up(far, n)
        least, most = np.abs(low), np.abs(high)
        return (
            np.where(low >= 0, _power_down(least, n), -_power_up(least, n)),
            np.where(high >= 0, _power_up(most, n), -_power_down(most, n)),
        )

    def relu(self, x: Interval) -> Interval:
        return np.maximum(x[0], 0.0), np.maximum(x[1], 0.0)

    def abs(self, x: Interval) -> Interval:
        low, high = x
        near = np.where(low > 0, low, np.where(high < 0, -high, 0.0))
        return near, np.maximum(np.abs(low), np.abs(high))

    def step(self, x: Interval) -> Interval:
        return np.where(x[0] > 0, 1.0, 0.0), np.where(x[1] < 0, 0.0, 1.0)

    def sign(self, x: Interval) -> Interval:
        return np.where(x[0] > 0, 1.0, -1.0), np.where(x[1] < 0, -1.0, 1.0)

    def finish(self, x: Interval, shape: tuple[int, ...]) -> Interval:
        """The interval as two arrays of one shape, with NaN read as no bound."""
        low, high = (np.broadcast_to(a, shape) for a in x)
        return np.where(np.isnan(low), -_INF, low), np.where(np.isnan(high), _INF, high)


def _power_up(x: Array, n: int) -> Array:
    """Upper bounds of the n-th powers of non-negative numbers."""
    y = x
    for _ in range(n - 1):
        y = up(y * x)
    return y


def _power_down(x: Array, n: int) -> Array:
    """Lower bounds of the n-th powers of non-negative numbers, not below 0."""
    y = x
    for _ in range(n - 1):
        y = np.maximum(down(y * x), 0.0)
    return y


class RationalIntervals:
    """Intervals with rational ends and no rounding at all, an `Arithmetic` for `Tape`."""

    def constant(self, q: fmpq) -> RationalInterval:
        return q, q

    def add(self, x: RationalInterval, y: RationalInterval) -> RationalInterval:
        return x[0] + y[0], x[1] + y[1]

    def multiply(self, x: RationalInterval, y: RationalInterval) -> RationalInterval:
        if x[0] >= 0 and y[0] >= 0:
            return x[0] * y[0], x[1] * y[1]
        products = x[0] * y[0], x[0] * y[1], x[1] * y[0], x[1] * y[1]
        return min(products), max(products)

    def power(self, x: RationalInterval, n: int) -> RationalInterval:
        low, high = x[0] ** n, x[1] ** n
        if n % 2 or x[0] >= 0:
            return low, high
        return (high, low) if x[1] <= 0 else (fmpq(0), max(low, high))

    def relu(self, x: RationalInterval) -> RationalInterval:
        return max(x[0], fmpq(0)), max(x[1], fmpq(0))

    def abs(self, x: RationalInterval) -> RationalInterval:
        if x[0] >= 0:
            return x
        return (-x[1], -x[0]) if x[1] <= 0 else (fmpq(0), max(-x[0], x[1]))

    def step(self, x: RationalInterval) -> RationalInterval:
        return fmpq(int(x[0] > 0)), fmpq(int(not x[1] < 0))

    def sign(self, x: RationalInterval) -> RationalInterval:
        return fmpq(1 if x[0] > 0 else -1), fmpq(-1 if x[1] < 0 else 1)


@functools.cache
def _check_rounding() -> None:
    """That this process rounds to nearest and keeps subnormal numbers; some libraries switch the latter off."""
    half_ulp, tiny = np.array(2.0**-53), np.array(2.0**-1022)
    is_nearest = 1.0 + half_ulp == 1.0 and 1.0 + 1.5 * half_ulp > 1.0 and -1.0 - 1.5 * half_ulp < -1.0
    if not (is_nearest and -1.0 - half_ulp == -1.0 and 0.0 < tiny / 2 < tiny and np.nextafter(0.0, 1.0) > 0.0):
        raise RuntimeError(
            "Float arithmetic must round to nearest and keep subnormal numbers, found that it does not: "
            "a library loaded into this process has changed the mode of the processor."
        )
