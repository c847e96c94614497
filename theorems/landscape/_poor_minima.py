r"""What the page on poor local minima works with: points that are planted, and three poor local minima outside the theorem.

Layers are numbered $W_1, \dots, W_K$ from the input; in code `layers[0]` is $W_1$.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import product as grid
from typing import Any

from flint import fmpq
from hypothesis import strategies as st

from numerics.arithmetic.exact import Matrix, column, diagonal, identity, rational, zeros
from numerics.evidence.verdict import Verdict, fails, undecided
from numerics.strategies import Batch, Stream, batches, seeds
from theorems.landscape._linear_networks import Layers, through
from theorems.proof import Derivation, at_least, at_most, nonnegative, positive


@dataclass(frozen=True)
class Point:
    r"""A critical point of $\|Y - W_K \cdots W_1 X\|_F^2$ with everything about it known.

    The part of $Y$ that maps of $X$ can reach is planted: `left` diag(`spectrum`) `right`$^\top$, and the product keeps the
    channels `kept` of it. `weights` of the squares, weight `decay` and a hidden `relu` violate a premise; such a point
    says where it is beaten (`better`).
    """

    layers: Layers
    X: Matrix
    Y: Matrix
    spectrum: tuple[Fraction, ...] = ()
    kept: tuple[int, ...] = ()
    left: Matrix = field(default=identity(0), repr=False)
    right: Matrix = field(default=identity(0), repr=False)
    weights: Matrix | None = None
    decay: int = 0
    relu: bool = False
    better: Layers = ()

    @property
    def residual(self) -> Matrix:
        return self.Y - through(self.layers, self.X)[-1]

    def loss(self, layers: Layers) -> fmpq:
        z = self.X
        for k, W in enumerate(layers):
            z = W @ z
            if self.relu and k < len(layers) - 1:
                z = Matrix([[max(z[i, j], fmpq(0)) for j in range(z.cols)] for i in range(z.rows)])
        errors = (self.Y - z).entries()
        weights = [1] * len(errors) if self.weights is None else self.weights.entries()
        return sum((w * e * e for w, e in zip(weights, errors, strict=True)), fmpq(0)) + self.decay * sum(
            (W.squared_norm() for W in layers), fmpq(0)
        )

    @property
    def width(self) -> int:
        return min(W.rows for W in self.layers)

    @property
    def optimum(self) -> fmpq:
        """What no map of $X$ can reach, and the singular values beyond the narrowest layer (Eckart and Young)."""
        reached = sum((x * x for x in self.spectrum[: self.width]), Fraction(0))
        return self.Y.squared_norm() - rational(reached)

    @property
    def is_global(self) -> bool:
        return self.loss(self.layers) == self.optimum

    @property
    def rank_can_grow(self) -> bool:
        return through(self.layers, self.X)[-1].rank() < min(self.X.rank(), self.width)


def critical_point(seed: int, i: int) -> Point:
    """Kept channels in slots of their own; dropped channels are cut in two layers; then any basis in every hidden layer."""
    stream = Stream(seed, i)
    K = stream.choice((1, 2, 2, 3, 3, 4))
    n = (stream.choice((1, 2, 3, 3, 4)), *stream.widths(K, 1, stream.choice((1, 2, 3)))[1:-1], stream.integer(1, 4))
    m, N = n[-1], stream.choice((1, 2, 3, 3, 4))
    s = max(0, min(n[0], N) - stream.choice((0, 0, 0, 0, 1, 2)))  # the rank of X
    sample_frame, input_frame, left = stream.frame(N), stream.frame(n[0]), stream.frame(m)
    right, unreached = sample_frame[:, :s], sample_frame[:, s:]
    inputs = input_frame[:, :s] @ triangular(stream, s)
    spectrum = stream.spectrum(min(m, s))
    X = inputs @ right.T
    Y = left @ diagonal(spectrum, m, s) @ right.T + stream.matrix(m, N - s) @ unreached.T
    q, slots = len(spectrum), min(n[1:-1], default=m)
    most = min(q, slots)
    how = "best" if K == 1 else stream.choice(("best", "worst", "as many", "fewer"))
    order = list(range(q)) if how == "best" else list(range(q))[::-1] if how == "worst" else shuffled(stream, q)
    kept = tuple(sorted(order[: stream.integer(0, most) if how == "fewer" else most]))
    dropped = [c for c in order if c not in kept][: slots - len(kept)]
    factors = {c: [spectrum[c]] + [Fraction(1)] * (K - 1) for c in kept}
    for c in dropped:
        cut = shuffled(stream, K)[:2]
        factors[c] = [Fraction(k not in cut) for k in range(K)]
    slot = {c: j for j, c in enumerate(factors)}
    layers, basis = [], inputs.pseudo_inverse()
    for k in range(K):
        rows, cols = n[k + 1], (n[k] if k > 0 else s)
        entries = {(slot[c] if k < K - 1 else c, slot[c] if k > 0 else c): factors[c][k] for c in factors}
        target = left if k == K - 1 else stream.frame(rows) @ triangular(stream, rows)
        layers.append(target @ zeros(rows, cols).copy_with(entries) @ basis)
        basis = target.inverse()
    unseen = identity(n[0]) - inputs @ inputs.pseudo_inverse()
    layers[0] = layers[0] + stream.matrix(n[1], n[0]) @ unseen
    return Point(tuple(layers), X, Y, spectrum, kept, left, right)


def triangular(stream: Stream, n: int) -> Matrix:
    """An invertible matrix: 1 on the diagonal, anything below."""
    A = stream.matrix(n, n)
    return Matrix.from_entries(n, n, [A[i, j] if j < i else int(i == j) for i in range(n) for j in range(n)])


def shuffled(stream: Stream, n: int) -> list[int]:
    rest = list(range(n))
    return [rest.pop(stream.integer(0, k - 1)) for k in range(n, 0, -1)]


def critical_points() -> st.SearchStrategy[Batch[Point]]:
    return batches(seeds(), critical_point, size=3)


# Three local minima that are not global, outside the theorem, each with a proof.


def weighted(x, a, y, b):
    r"""$\sum_{ij} c_{ij} (u v^\top - \operatorname{diag}(1, \frac12))_{ij}^2$ for $u = (x, a)$, $v = (y, b)$, $c = (1, 4; 4, 1)$."""
    return (x * y - 1) ** 2 + (2 * a * b - 1) ** 2 / 4 + 4 * (x * b) ** 2 + 4 * (a * y) ** 2


def weighted_minimum() -> Derivation:
    """Where a b >= 1/4 the weighted loss is at least 1."""
    d = Derivation("a local minimum of weighted squares")
    x, a, y, b = d.scalars("x a y b")
    near = d.given(at_least(a * b, Fraction(1, 4)))
    goal = d.goal(at_least(weighted(x, a, y, b), 1))
    same, opposite = d.suppose(nonnegative(x * y)), d.suppose(positive(-x * y))
    common = [x * y, a * b - Fraction(1, 2)]
    one = d.squares(goal, [*common, (4, x * b - a * y), (8, same, near)])
    other = d.squares(goal, [*common, (4, x * b + a * y), (8, opposite, near), (4, opposite)])
    d.cases([(same, one), (opposite, other)])
    return d


def decayed(u, v, w):
    """One weight in each of three layers, target 8, weight decay 1."""
    return (w * v * u - 8) ** 2 + u**2 + v**2 + w**2


def decayed_minimum() -> Derivation:
    r"""Where $|w| \le 1/8$ the loss with weight decay is at least $64$, its value at zero."""
    d = Derivation("a local minimum of three layers with weight decay")
    u, v, w = d.scalars("u v w")
    low, high = d.given(at_least(w, -Fraction(1, 8))), d.given(at_most(w, Fraction(1, 8)))
    goal = d.goal(at_least(decayed(u, v, w), 64))
    d.squares(goal, [(4, high, u + v), (4, low, u - v), u * v * w, w])
    return d


@functools.cache
def is_proved(derivation: Callable[[], Derivation]) -> bool:
    return not derivation().gaps()


def agrees(formula: Callable[..., Any], loss: Callable[..., Any], letters: int) -> bool:
    """Whether two polynomials of degree at most 2 in each of their letters are the same: they agree on a grid."""
    return all(formula(*map(fmpq, p)) == loss(*map(fmpq, p)) for p in grid(range(3), repeat=letters))


def trap(t: Point) -> Verdict:
    """Fails when the point is a local minimum, by proof, and `better` is lower; undecided when there is no proof."""
    if t.weights is not None:
        b, a = t.layers[0][0, 1], t.layers[1][1, 0]
        same = agrees(weighted, lambda x, a, y, b: t.loss((Matrix([[y, b]]), column([x, a]))), 4)
        trapped = same and is_proved(weighted_minimum) and a * b > fmpq(1, 4) and t.loss(t.layers) == 1
    elif t.decay:
        same = agrees(decayed, lambda *p: t.loss(tuple(Matrix([[x]]) for x in p)), 3)
        trapped = same and is_proved(decayed_minimum) and all(W.is_zero() for W in t.layers)
    else:  # dead units stay dead nearby, so the output does not move
        trapped = len(t.layers) == 2 and all(x < 0 for x in (t.layers[0] @ t.X).entries())
    if trapped and t.loss(t.better) < t.loss(t.layers):
        return fails(f"a local minimum with loss {t.loss(t.layers)}, and {t.better} has {t.loss(t.better)}")
    return undecided("no proof that this is a local minimum")
