r"""Planted critical points of linear networks, and their derivatives from values of the loss alone.

Data are planted in *channels*: $Y X^+ X = \sum_i s_i a_i b_i^\top$ with orthonormal $a_i$, and orthonormal $b_i$ in the row
space of $X$. A network that keeps some channels and loses the others is at a critical point. Layers are numbered
$W_1, \dots, W_K$ from the input; in code `layers[0]` is $W_1$.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from flint import fmpq

from numerics.arithmetic.exact import Matrix, diagonal, hstack, identity, rational, vstack, zeros
from numerics.arithmetic.polynomial import characteristic_polynomial, has_singular_values
from numerics.evidence.verdict import Verdict, decided, equal
from numerics.strategies.stream import Stream


def error(layers, X, Y):
    r"""$W_K \cdots W_1 X - Y$ for `layers` $= (W_1, \dots, W_K)$, of letters or of matrices."""
    for W in layers:
        X = W @ X
    return X - Y


@dataclass(frozen=True)
class CriticalPoint:
    r"""A network $x \mapsto W_K \cdots W_1 x$ at a critical point of $\|W_K \cdots W_1 X - Y\|_F^2$, and a `better` or equal one.

    `spectrum` holds the planted singular values of $Y X^+ X$ in descending order. Entry `weights` in the squared error, or
    the hidden activation $t \mapsto t^2$ (`squared`), violate a premise.
    """

    layers: tuple[Matrix, ...]
    X: Matrix
    Y: Matrix
    better: tuple[Matrix, ...]
    spectrum: tuple[Fraction, ...] = ()
    weights: Matrix | None = None
    squared: bool = False

    def loss(self, layers: Sequence[Matrix]) -> fmpq:
        z = self.X
        if self.squared:
            for W in layers[:-1]:
                z = W @ z
                z = Matrix([[x**2 for x in z[i, :].entries()] for i in range(z.rows)])
            layers = layers[-1:]
        off = error(layers, z, self.Y)
        if self.weights is None:
            return off.squared_norm()
        return sum((w * x**2 for w, x in zip(self.weights.entries(), off.entries(), strict=True)), fmpq(0))

    @property
    def width(self) -> int:
        """The smallest hidden width."""
        return min(W.rows for W in self.layers[:-1])

    @property
    def middle(self) -> Matrix:
        """The product of the layers between the first and the last."""
        n = self.layers[0].rows
        return error(self.layers[1:-1], identity(n), zeros(self.layers[-1].cols, n))


# Derivatives.

Place = tuple[int, int, int]


def places(t: CriticalPoint, layers: Sequence[int] | None = None) -> list[Place]:
    """The weights of some layers (of all), as (layer, row, column)."""
    chosen = range(len(t.layers)) if layers is None else layers
    return [(k, i, j) for k in chosen for i in range(t.layers[k].rows) for j in range(t.layers[k].cols)]


def ends(t: CriticalPoint) -> list[Place]:
    """The weights of the first and the last layer."""
    return places(t, (0, len(t.layers) - 1))


def shifts(t: CriticalPoint) -> list[tuple[int, fmpq]]:
    """Differences that are exact derivatives: the loss has degree 2 in each weight, or 4 with squared activations."""
    if t.squared:
        return [(1, fmpq(2, 3)), (-1, fmpq(-2, 3)), (2, fmpq(-1, 12)), (-2, fmpq(1, 12))]
    return [(1, fmpq(1, 2)), (-1, fmpq(-1, 2))]


def moved(layers: tuple[Matrix, ...], place: Place, s: int) -> tuple[Matrix, ...]:
    k, i, j = place
    W = layers[k]
    return (*layers[:k], W.copy_with({(i, j): W[i, j] + s}), *layers[k + 1 :])


def gradient(t: CriticalPoint, where: Sequence[Place]) -> list[fmpq]:
    """The first derivatives in some weights, from values of the loss alone: no matrix calculus."""
    return [sum((c * t.loss(moved(t.layers, x, s)) for s, c in shifts(t)), fmpq(0)) for x in where]


def hessian(t: CriticalPoint, where: Sequence[Place]) -> Matrix:
    """The second derivatives in some weights, from values of the loss alone."""
    n, steps = len(where), shifts(t)
    table: dict[tuple[int, int], fmpq] = {}
    for i, x in enumerate(where):
        near = [(c, moved(t.layers, x, s)) for s, c in steps]
        for j, y in enumerate(where[: i + 1]):
            table[i, j] = sum((c * b * t.loss(moved(at, y, s)) for c, at in near for s, b in steps), fmpq(0))
    return Matrix([[table[max(i, j), min(i, j)] for j in range(n)] for i in range(n)])


# What is known of a point.


def is_not_global(t: CriticalPoint) -> bool:
    return t.loss(t.better) < t.loss(t.layers)


def is_optimal(t: CriticalPoint) -> Verdict:
    """The loss is what no linear map can reach plus the discarded part of the spectrum, which is indeed that of the data."""
    best = t.Y @ t.X.pseudo_inverse() @ t.X
    squares = [rational(s) ** 2 for s in t.spectrum]
    floor = (t.Y - best).squared_norm() + sum(squares[t.width :], fmpq(0))
    return decided(has_singular_values(best, t.spectrum), "the planted spectrum") & equal(
        t.loss(t.layers), floor, "the loss at a global minimum"
    )


def is_full_rank(t: CriticalPoint) -> bool:
    return t.X.rank() == t.X.rows and (t.X @ t.Y.T).rank() == min(t.X.rows, t.Y.rows)


def is_distinct(t: CriticalPoint) -> bool:
    r"""Whether $Y X^+ X Y^\top$, which is $Y X^\top (X X^\top)^{-1} X Y^\top$ where that exists, has distinct eigenvalues."""
    f = characteristic_polynomial(t.Y @ t.X.pseudo_inverse() @ t.X @ t.Y.T).to_flint()
    return f.gcd(f.derivative()).degree() == 0


def has_few_outputs(t: CriticalPoint) -> bool:
    return t.Y.rows <= t.X.rows


def numbers(t: CriticalPoint) -> str:
    """What a witness shows."""
    positive, negative, null = hessian(t, places(t)).inertia()
    return (
        f"E = {t.loss(t.layers)} at {t.layers}, and {t.loss(t.better)} at {t.better}.\n"
        f"gradient: {', '.join(str(g) for g in gradient(t, places(t)))}\n"
        f"Hessian: {positive} positive, {null} zero, {negative} negative eigenvalues"
    )


# Instances.


@dataclass(frozen=True)
class Sizes:
    outputs: int
    inputs: int
    hidden: tuple[int, ...]
    samples: int
    seed: int


@dataclass(frozen=True)
class Channels:
    r"""Data $(X, Y)$ with $Y X^+ X = \text{left} \cdot S \cdot \text{right}$, `S` diagonal with the spectrum."""

    X: Matrix
    Y: Matrix
    spectrum: tuple[Fraction, ...]
    left: Matrix
    S: Matrix
    right: Matrix

    @staticmethod
    def drawn(draw: Stream, m: int, n: int, samples: int) -> Channels:
        reach = max(min(n, samples) - draw.choice((0, 0, 0, 1)), 0)
        rows = draw.frame(samples)
        basis, unseen = rows[:reach, :], rows[reach:, :]  # of the row space of X, and of what no linear map of X sees
        X = draw.frame(n)[:, :reach] @ diagonal(draw.spectrum(reach, minimum=1)) @ basis
        spectrum = draw.spectrum(min(m, reach), minimum=draw.choice((0, 1, 1)))
        left, S, right = draw.frame(m), diagonal(spectrum, m, reach), draw.frame(reach) @ basis
        Y = left @ S @ right + draw.matrix(m, samples) @ unseen.T @ unseen
        return Channels(X, Y, spectrum, left, S, right)

    def best(self, p: int) -> list[int]:
        """The channels that an optimal network of width `p` keeps."""
        return list(range(min(len(self.spectrum), p)))

    def some(self, draw: Stream, p: int) -> list[int]:
        """At most `p` channels: often not the best ones, often too few."""
        k, most = len(self.spectrum), len(self.best(p))
        turn = draw.integer(0, max(k - 1, 0))
        turned = [(j + turn) % k for j in range(k)]
        fewer = turned[: draw.integer(0, most)]
        return draw.choice((fewer, turned[:most], turned[1:][:most], turned[1:most], self.best(p)))

    def network(self, kept: Sequence[int], p: int, mix: Matrix, draw: Stream | None = None) -> tuple[Matrix, Matrix]:
        """Layers (V, U) of width `p` that keep some channels; `mix` is a change of basis of the hidden layer.

        With `draw`, one of the layers may also hold something in the free hidden directions, as long as it meets neither the
        other layer nor the residual.
        """
        free = p - len(kept)
        above, below = zeros(self.left.rows, free), zeros(free, self.right.cols)
        lost = [j for j, s in enumerate(self.spectrum) if j not in kept and s != 0]
        spare = draw.choice(("nothing", "above", "below")) if draw else "nothing"
        if draw and spare == "above":
            columns = [j for j in range(self.left.cols) if j not in lost]
            above = self.left[:, columns] @ draw.matrix(len(columns), free)
        elif draw and spare == "below":
            columns = [j for j in range(self.right.rows) if j not in lost]
            below = draw.matrix(free, len(columns)) @ self.right[columns, :]
        U = hstack([self.left[:, kept], above]) @ mix
        return mix.inverse() @ vstack([self.S[kept, :] @ self.right, below]) @ self.X.pseudo_inverse(), U


def scalars(*weights: int, y: Any = 1, **change: Any) -> CriticalPoint:
    r"""A chain of single units on the sample $x = 1$ with target $y$; a better one is $(1, \dots, 1, y)$."""
    layers, better = (tuple(Matrix([[w]]) for w in ws) for ws in (weights, [1] * (len(weights) - 1) + [y]))
    return CriticalPoint(layers, Matrix([[1]]), Matrix([[y]]), better, (Fraction(y),), **change)
