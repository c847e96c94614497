r"""Losses whose structure is known, so that a certificate can use it and need not be told.

`NetworkLoss` is the loss of a fully connected network on data,
$$E(W_1, \dots, W_K) = \sum_j \ell\bigl(W_K\,\sigma(\cdots \sigma(W_1 x_j)), y_j\bigr) + \lambda \sum_k \|W_k\|_F^2 ,$$
with a convex $\ell$. `PolynomialLoss` is any polynomial in the entries of the layers, weights shared or not. `ConvexLoss` is any
convex function of the outputs of a linear network. Points are tuples of rational matrices. Values are rational where they
can be, and balls elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from flint import arb, ctx, fmpq

from numerics.arithmetic.balls import BallMatrix, ball
from numerics.arithmetic.exact import Matrix, diagonal, rational, vstack, zeros
from numerics.arithmetic.polynomial import Polynomial
from numerics.evidence.certificate import Loss, Point
from numerics.evidence.errors import InputError

BITS = 128
"""The precision of balls, in bits."""


@dataclass(frozen=True)
class NetworkLoss:
    r"""The loss of a network on the samples in the columns of `X` ($n \times N$) with targets `Y` ($m \times N$).

    `activation` stands between the layers; `slope` belongs to `leaky_relu`. `outer` is `squared`, $\sum (z - y)^2$, or
    `absolute`, $\sum |z - y|$, or `cross-entropy`, $\sum_j (\log \sum_i e^{z_{ij}} - \langle y_j, z_j \rangle)$, where
    the columns of $Y$ are probability vectors. All are sums over the samples, not means. `ridge` is $\lambda \ge 0$. With
    `biases` every layer is $(W\ b)$, one column wider, and acts on $(z; 1)$.

    Raises `InputError` when `X` and `Y` do not fit, for names that are not known and for a negative `ridge`.
    """

    X: Matrix
    Y: Matrix
    activation: str = "identity"
    outer: str = "squared"
    ridge: Any = 0
    slope: Any = field(default=fmpq(1, 100))
    biases: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "ridge", rational(self.ridge))
        object.__setattr__(self, "slope", rational(self.slope))
        if self.X.cols != self.Y.cols:
            raise InputError(
                f"`X` and `Y` must have a column per sample, found {self.X.cols} and {self.Y.cols} columns."
            )
        for name, value, known in (
            ("activation", self.activation, (*_SLOPES, "tanh", "sigmoid")),
            ("outer", self.outer, ("squared", "absolute", "cross-entropy")),
        ):
            if value not in known:
                raise InputError(f"`{name}` must be one of {', '.join(known)}, found {value!r}.")
        if self.ridge < 0:
            raise InputError(f"`ridge` must not be negative, found {self.ridge}: the loss would have no minimum.")
        if self.outer == "cross-entropy":
            bad = [j for j in range(self.Y.cols) if sum(self.Y[:, j].entries(), fmpq(0)) != 1]
            if bad or any(y < 0 for y in self.Y.entries()):
                where = f"column {bad[0]}" if bad else "a negative entry"
                raise InputError(f"Every column of `Y` must be a probability vector for cross-entropy, found {where}.")

    def __repr__(self) -> str:
        return f"NetworkLoss({self.X.rows} inputs, {self.Y.rows} outputs, {self.X.cols} samples, {self.activation}, {self.outer})"

    # Structure.

    @property
    def has_rational_features(self) -> bool:
        """Whether rational weights give rational features."""
        return self.activation in _SLOPES

    @property
    def is_rational(self) -> bool:
        """Whether rational weights give a rational loss."""
        return self.has_rational_features and self.outer != "cross-entropy"

    def is_convex_in(self, layer: int, depth: int) -> bool:
        """Whether the loss is convex in one layer (counted from 0) of `depth`, all others fixed, whatever they are."""
        return layer == depth - 1 or self.activation == "identity"

    def problem(self, point: Point) -> str:
        """Why the point is none of this loss; empty if it is one."""
        if not point:
            return "there must be at least one layer"
        sizes = [self.X.rows, *(W.rows for W in point)]
        for k, W in enumerate(point):
            if W.cols != sizes[k] + self.biases:
                return f"layer {k + 1} must have {sizes[k] + self.biases} columns, found {W.cols}"
        m = self.Y.rows
        return "" if sizes[-1] == m else f"the last layer must have {m} rows, one for each output, found {sizes[-1]}"

    # Exact values.

    def entering(self, point: Point, layer: int) -> Matrix:
        """What enters a layer (counted from 0), samples in columns, with the row of ones if there are biases."""
        if not self.has_rational_features:
            raise TypeError(f"The features of `{self.activation}` are not rational: use `enclosed`.")
        z = self.entering_first()
        for W in point[:layer]:
            z = self._widened(self._activated(W @ z))
        return z

    def entering_first(self) -> Matrix:
        """What enters the first layer: the data, with the row of ones if there are biases."""
        return self._widened(self.X)

    def outputs(self, point: Point) -> Matrix:
        """The outputs, $m \\times N$, exactly."""
        return point[-1] @ self.entering(point, len(point) - 1)

    def __call__(self, point: Point) -> fmpq | arb:
        """The loss: rational if it is, otherwise a ball of `BITS` bits. Raises `InputError` for shapes that do not fit."""
        if wrong := self.problem(point):
            raise InputError(f"The point does not fit the loss: {wrong}.")
        if not self.is_rational:
            with ctx.workprec(BITS):
                return self.enclosed([BallMatrix(W) for W in point])
        error = self.outputs(point) - self.Y
        norms = sum((W.squared_norm() for W in point), fmpq(0)) if self.ridge else fmpq(0)
        fit = error.squared_norm() if self.outer == "squared" else sum((abs(x) for x in error.entries()), fmpq(0))
        return fit + self.ridge * norms

    def _widened(self, z: Matrix) -> Matrix:
        return vstack([z, _ones(z.cols)]) if self.biases else z

    def _activated(self, z: Matrix) -> Matrix:
        below = self.slope_below()
        return z if below == 1 else z.copy_with({(i, j): x * below for i, j, x in _negative(z)})

    def slope_below(self) -> fmpq:
        """The slope of a piecewise linear activation left of 0; right of it the slope is 1."""
        return self.slope if self.activation == "leaky_relu" else _SLOPES[self.activation]

    # Enclosures.

    def enclosed(self, layers: Sequence[BallMatrix]) -> arb:
        """A ball around the loss of every point inside the balls, at the working precision."""
        z = BallMatrix(self.entering_first())
        for k, W in enumerate(layers):
            z = W @ z
            if k < len(layers) - 1:
                rows = [[self.activated(z[i, j]) for j in range(z.cols)] for i in range(z.rows)]
                z = BallMatrix(rows + ([[1] * z.cols] if self.biases else [])) if rows else z
        total = sum((self._column_loss(z, j) for j in range(z.cols)), arb(0))
        if self.ridge:
            total += ball(self.ridge) * sum((W.squared_norm() for W in layers), arb(0))
        return total

    def activated(self, x: arb) -> arb:
        """The activation of a ball."""
        if self.activation == "tanh":
            return x.tanh()
        if self.activation == "sigmoid":
            return 1 / (1 + (-x).exp())
        below = self.slope_below()
        if x >= 0:
            return x
        if x <= 0:
            return below * x
        ends = [x.upper(), ball(below) * x.lower(), arb(0)]
        return ends[0].union(ends[1]).union(ends[2])

    def _column_loss(self, z: BallMatrix, j: int) -> arb:
        column = [z[i, j] for i in range(z.rows)]
        target = [ball(self.Y[i, j]) for i in range(z.rows)]
        if self.outer == "cross-entropy":
            top = max((x.mid() for x in column), key=float)
            total = sum(((x - top).exp() for x in column), arb(0))
            return total.log() + top - sum((y * x for x, y in zip(column, target, strict=True)), arb(0))
        errors = [x - y for x, y in zip(column, target, strict=True)]
        return sum(((e * e).nonnegative_part() if self.outer == "squared" else abs(e) for e in errors), arb(0))


_SLOPES: dict[str, fmpq] = {"identity": fmpq(1), "relu": fmpq(0), "abs": fmpq(-1), "leaky_relu": fmpq(0)}


def _ones(n: int) -> Matrix:
    return Matrix.from_entries(1, n, [1] * n)


def _negative(z: Matrix) -> list[tuple[int, int, fmpq]]:
    n = z.cols
    return [(k // n, k % n, x) for k, x in enumerate(z.entries()) if x < 0]


@dataclass(frozen=True)
class PolynomialLoss:
    r"""A polynomial in the entries of the layers: `function` takes them and uses + - * and whole powers only.

    `function` gets one nested tuple per layer, as in `lambda w: (w[0][0][0] ** 2 - fmpq(1, 4)) ** 2`; the entries are
    rational numbers or polynomials in one variable. Nothing is assumed of it, so that only the rule `polynomial` applies.
    """

    function: Callable[[Any], Any]

    is_rational = True

    def problem(self, point: Point) -> str:
        return "" if point else "there must be at least one layer"

    def is_convex_in(self, layer: int, depth: int) -> bool:
        return False

    def __call__(self, point: Point) -> fmpq:
        return rational(self.function(tuple(_nested(W.entries(), W.cols) for W in point)))

    def along(self, a: Point, b: Point) -> Polynomial:
        """The polynomial $t \\mapsto E(a + t (b - a))$."""
        moving = []
        for A, B in zip(a, b, strict=True):
            lines = [Polynomial([x, y - x]) for x, y in zip(A.entries(), B.entries(), strict=True)]
            moving.append(_nested(lines, A.cols))
        value = self.function(tuple(moving))
        return value if isinstance(value, Polynomial) else Polynomial([rational(value)])


@dataclass(frozen=True)
class ConvexLoss:
    r"""A convex function of the outputs $W_K \cdots W_1 X$ of a linear network: `function` takes the point, and is rational.

    That it is one is the caller's to know. Then it is convex in each layer, whatever the others are, and the rule `convex`
    applies to every move of one layer; no other rule does.
    """

    function: Loss

    is_rational = True

    def problem(self, point: Point) -> str:
        return "" if point else "there must be at least one layer"

    def is_convex_in(self, layer: int, depth: int) -> bool:
        return True

    def __call__(self, point: Point) -> fmpq:
        return rational(self.function(point))


def _nested(entries: Sequence[Any], cols: int) -> tuple[tuple[Any, ...], ...]:
    return tuple(tuple(entries[i : i + cols]) for i in range(0, len(entries), cols)) if cols else ()


def one_hot(labels: Sequence[int], classes: int) -> Matrix:
    """The $k \\times N$ matrix with a 1 at the label of each sample: targets for cross-entropy."""
    return zeros(classes, len(labels)).copy_with({(int(c), j): 1 for j, c in enumerate(labels)})


def scaled_rows(z: Matrix, factors: Sequence[fmpq]) -> Matrix:
    """Row $i$ times factor $i$."""
    return diagonal(factors) @ z
