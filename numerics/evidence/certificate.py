r"""Things that prove themselves: `verify()` decides by exact arithmetic, whatever search found them.

A *point* is a tuple of layers, each a rational `Matrix`, and a *loss* is any function from points to rationals.
`verify()` evaluates that loss afresh. A verdict that fails means that the certificate proves nothing; it does not
refute the statement. What a certificate cannot see for itself (that the loss is a polynomial of a given degree
along a line) is named in its docstring and is the caller's to know. Paths: `numerics.sublevel.PathCertificate`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from flint import fmpq

from numerics.arithmetic.exact import Matrix, rational
from numerics.evidence.verdict import Verdict, at_most, decided, fails, holds, less_than

if TYPE_CHECKING:  # polynomial.py needs verdicts, so importing it here at run time would be a circle
    from numerics.arithmetic.polynomial import Polynomial

Point = tuple[Matrix, ...]
Loss = Callable[[Point], fmpq]


@runtime_checkable
class Certificate(Protocol):
    """Something that decides by itself whether it proves what it says."""

    def verify(self) -> Verdict: ...


@dataclass(frozen=True)
class DescentCertificate:
    r"""A point `lower` with a strictly smaller loss than `point`, within the distance $\sqrt{\text{squared\_radius}}$.

    It proves that `point` is not a minimum, and with a radius that it is not one in that ball; the distance is
    Euclidean in all entries of all layers together. For "not a local minimum" at any scale see `DescentCurve`.
    """

    loss: Loss
    point: Point
    lower: Point
    squared_radius: Any = None

    def verify(self) -> Verdict:
        if (problem := _misfit(self.point, self.lower)) is not None:
            return fails(problem)
        near = holds()
        if self.squared_radius is not None:
            near = at_most(_squared_distance(self.point, self.lower), rational(self.squared_radius), "distance squared")
        return near & less_than(self.loss(self.lower), self.loss(self.point), "the loss at the lower point")


@dataclass(frozen=True)
class DescentCurve:
    r"""A curve $w(t) = \sum_k t^k w_k$ on which the loss is smaller than at $w(0)$ for all $t \in (0, \text{length}]$.

    It proves that $w(0)$ is not a local minimum. `coefficients` are $w_0, w_1, \dots$, points of one shape.

    Given by the caller: the loss is a polynomial of degree at most `degree` along the curve (for the squared error of
    $K$ linear layers and a curve of degree $d$ that is $2 K d$). The polynomial is interpolated, compared with the loss
    at one more point, and decided by Sturm's theorem.
    """

    loss: Loss
    coefficients: tuple[Point, ...]
    degree: int
    length: Any = 1

    def at(self, t: Any) -> Point:
        q = rational(t)
        total = self.coefficients[0]
        for k, w in enumerate(self.coefficients[1:], start=1):
            total = tuple(a + q**k * b for a, b in zip(total, w, strict=True))
        return total

    def verify(self) -> Verdict:
        if not self.coefficients:
            return fails("the curve has no points")
        for w in self.coefficients[1:]:
            if (problem := _misfit(self.coefficients[0], w)) is not None:
                return fails(problem)
        length = rational(self.length)
        if length <= 0:
            return fails(f"the length {length} is not positive")
        p = _along(self.loss, self.at, self.degree)
        if p is None:
            return fails(f"the loss along the curve is not a polynomial of degree at most {self.degree}")
        drop = (p(0) - p).to_flint()
        # Divide the zero at t = 0 out: what is left must be positive on the whole closed interval.
        order = next((k for k in range(drop.length()) if drop[k] != 0), None)
        if order is None:
            return fails("the loss is constant along the curve")
        verdict = type(p)(drop.right_shift(order)).is_positive_on(0, length)
        return verdict.because(f"the drop of the loss divided by t^{order} is positive on [0, {length}]")


@dataclass(frozen=True)
class NegativeCurvatureCertificate:
    r"""A direction along which the second derivative of the loss at `point` is negative.

    With $p(t) = \mathrm{loss}(\text{point} + t\,\text{direction})$ it proves $p''(0) < 0$, so that the Hessian has a
    negative eigenvalue; the slack is $-p''(0)$. With `is_critical` it also checks $p'(0) = 0$ on this line.

    Given by the caller: $p$ is a polynomial of degree at most `degree` ($2K$ for the squared error of $K$ linear
    layers). It is interpolated and compared with the loss at one more point.
    """

    loss: Loss
    point: Point
    direction: Point
    degree: int
    is_critical: bool = True

    def along(self) -> Polynomial | None:
        """The polynomial $p$, or `None` when the loss is not a polynomial of that degree on the line."""
        return _along(
            self.loss, lambda t: tuple(a + t * b for a, b in zip(self.point, self.direction, strict=True)), self.degree
        )

    def verify(self) -> Verdict:
        if (problem := _misfit(self.point, self.direction)) is not None:
            return fails(problem)
        p = self.along()
        if p is None:
            return fails(f"the loss along the line is not a polynomial of degree at most {self.degree}")
        slope = p.derivative()
        verdict = less_than(slope.derivative()(0), 0, "the second derivative")
        if self.is_critical:
            verdict = verdict & decided(slope(0) == 0, f"the first derivative is {slope(0)}")
        return verdict


def _misfit(a: Point, b: Point) -> str | None:
    shapes = [A.shape for A in a], [B.shape for B in b]
    return None if shapes[0] == shapes[1] else f"the layers have the shapes {shapes[0]} and {shapes[1]}"


def _squared_distance(a: Point, b: Point) -> fmpq:
    return sum(((x - y).squared_norm() for x, y in zip(a, b, strict=True)), fmpq(0))


def _along(loss: Loss, point: Callable[[Any], Point], degree: int) -> Polynomial | None:
    from numerics.arithmetic.polynomial import Polynomial

    if degree < 0:
        raise ValueError(f"`degree` must not be negative, found {degree}.")
    ts = range(degree + 2)
    values = [loss(point(fmpq(t))) for t in ts]
    p = Polynomial.interpolate(ts[:-1], values[:-1])
    return p if p(ts[-1]) == values[-1] else None
