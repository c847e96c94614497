r"""Stochastic gradient descent on one rational weight, followed along every path of draws at once, exactly.

Losses of one weight with rational gradients: `linear` $\lambda w$, `huber` (convex, a parabola of curvature $\kappa$
around $u$ that goes on with slope $\pm\lambda$), `hill` (its negative), and `wave`, whose gradient is a triangular wave of slope
$\pm\kappa$ between $-\lambda$ and $\lambda$. They are $|\lambda|$-Lipschitz and, but for `linear`, $\kappa$-smooth.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

from flint import fmpq

from numerics.arithmetic.exact import rational


@dataclass(frozen=True)
class Example:
    """A loss of one weight; `curvature` is 0 for `linear`."""

    kind: str
    slope: Fraction
    curvature: Fraction = Fraction(0)
    centre: Fraction = Fraction(0)

    @property
    def is_convex(self) -> bool:
        return self.kind in ("linear", "huber")

    def gradient(self, w: fmpq) -> fmpq:
        slope, curvature = rational(self.slope), rational(self.curvature)
        if self.kind == "linear":
            return slope
        x = w - rational(self.centre)
        if self.kind == "wave":
            quarter = slope / curvature  # the wave rises from -slope to slope while x goes from -quarter to quarter
            turns = (x / (4 * quarter) + fmpq(1, 4)).floor()
            x -= 4 * quarter * fmpq(turns)
            return curvature * (x if x <= quarter else 2 * quarter - x)
        pull = min(max(curvature * x, -slope), slope)
        return -pull if self.kind == "hill" else pull

    def value(self, w: fmpq) -> fmpq:
        """Zero at the centre (at 0 for `linear`)."""
        slope, curvature = rational(self.slope), rational(self.curvature)
        if self.kind == "linear":
            return slope * w
        x = w - rational(self.centre)
        if self.kind == "wave":
            quarter = slope / curvature
            x -= 4 * quarter * fmpq((x / (4 * quarter) + fmpq(1, 4)).floor())
            if x <= quarter:
                return curvature * x * x / 2
            return slope * quarter - curvature * (2 * quarter - x) ** 2 / 2
        x = abs(x)
        knee = slope / curvature
        bowl = curvature * x * x / 2 if x <= knee else slope * (x - knee / 2)
        return -bowl if self.kind == "hill" else bowl


@dataclass(frozen=True)
class Run:
    r"""SGD from 0 on `examples`, and on the same with `other` in the place of the last one.

    With `always` every step draws the last example. `draws` says what a path is: `with replacement` or `permutation`
    (epochs of random order).
    """

    examples: tuple[Example, ...]
    other: Example
    steps: tuple[Fraction, ...]
    lipschitz: Fraction
    smoothness: Fraction
    draws: str = "with replacement"
    always: bool = False

    @property
    def n(self) -> int:
        return len(self.examples)

    @cached_property
    def paths(self) -> list[tuple[int, ...]]:
        """All paths, equally likely."""
        if self.always:
            return [(self.n - 1,) * len(self.steps)]
        if self.draws == "permutation":
            epochs = -(-len(self.steps) // self.n)
            orders = itertools.product(itertools.permutations(range(self.n)), repeat=epochs)
            return [tuple(itertools.chain(*order))[: len(self.steps)] for order in orders]
        return list(itertools.product(range(self.n), repeat=len(self.steps)))

    def follow(self, path: tuple[int, ...]) -> Iterator[tuple[fmpq, fmpq, Example, Example, fmpq]]:
        """For each step: both weights before it, the two examples it uses, and the step size."""
        w = v = fmpq(0)
        for a, i in zip(self.steps, path, strict=True):
            first = self.examples[i]
            second = self.other if i == self.n - 1 else first
            step = rational(a)
            yield w, v, first, second, step
            w, v = w - step * first.gradient(w), v - step * second.gradient(v)
        yield w, v, self.other, self.other, fmpq(0)

    @cached_property
    def ends(self) -> list[tuple[fmpq, fmpq]]:
        """Both weights at the end of every path."""
        return [next(itertools.islice(self.follow(p), len(self.steps), None))[:2] for p in self.paths]

    @cached_property
    def distances(self) -> list[list[fmpq]]:
        """Distances before each step and at the end, path by path."""
        return [[abs(w - v) for w, v, *_ in self.follow(p)] for p in self.paths]

    def mean_distance(self, t: int) -> fmpq:
        """After t steps."""
        return sum((d[t] for d in self.distances), fmpq(0)) / len(self.paths)

    def stability(self) -> fmpq:
        """The greatest change of a mean loss at the end, over all examples at hand and their mirror images."""
        pool = {*self.examples, self.other, Example("linear", self.lipschitz)}
        changes = [abs(sum((z.value(w) - z.value(v) for w, v in self.ends), fmpq(0))) / len(self.paths) for z in pool]
        return max(changes)
