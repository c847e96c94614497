r"""Critical points of deep linear networks of any shape, about which everything is known: global or not, and why not.

Layers are numbered $W_1, \dots, W_K$ from the input; in code `layers[0]` is $W_1$.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

from flint import fmpq
from hypothesis import strategies as st

from numerics.arithmetic.exact import Matrix, diagonal, identity, rational, zeros
from numerics.strategies.batches import Batch, batches
from numerics.strategies.drawn import seeds
from numerics.strategies.layer_products import Layers, through
from numerics.strategies.stream import Stream


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
