r"""Paths between points of a linear network that may have hidden layers exactly as wide as its output.

A *gauge move* at layer $k$ replaces $(W_{k+1}, W_k)$ by $(W_{k+1} G, G^{-1} W_k)$ along a path of invertible matrices from
$I$ to $G$. Two kinds are used, and a verifier can see that they are paths: $G = I + N$ with $N^2 = 0$, along
$I + t N$ (its inverse is $I - t N$), and positive diagonal $G$, along $(1 - t) I + t G$. The product of the layers is the
same on the whole move.

With $m$ outputs and $m$ neurons in hidden layer $k$, the sign of $\det (W_K \cdots W_{k+1})$ cannot change while this matrix
is invertible. `connect_through_gauge` joins two points with the same signs in this way, and points with different
signs through a product of smaller rank, where a reflection costs nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from numerics.arithmetic.exact import Matrix, diagonal, identity, rational, vstack, zeros
from numerics.evidence.certificate import Loss, Point
from numerics.evidence.verdict import Verdict, at_most, decided, every, fails
from numerics.sublevel.paths.linear_paths import below, end_to_end, exchange, put, spanning


@dataclass(frozen=True)
class Move:
    """To `point`; by moving one layer, or by the gauge matrix `gauge` at the layers `at` and `at + 1` (from 0)."""

    point: Point
    at: int = -1
    gauge: Matrix | None = None


@dataclass(frozen=True)
class GaugePath:
    r"""A path from `start` to `end` on which the loss never exceeds `level`.

    Each of the `moves` changes one layer along a straight segment, or is a gauge move. Given by the caller: the loss is a
    convex function of the product of all layers. Then it is at most the larger end value on a segment, and
    constant on a gauge move, whose form and effect are verified.
    """

    loss: Loss
    start: Point
    moves: tuple[Move, ...]
    end: Point
    level: Any

    def verify(self) -> Verdict:
        at, verdicts = self.start, [at_most(self.loss(self.start), rational(self.level), "the loss at the start")]
        for k, move in enumerate(self.moves):
            problem = _wrong(at, move)
            if problem:
                return fails(f"move {k}: {problem}")
            at = move.point
            verdicts.append(at_most(self.loss(at), rational(self.level), f"the loss after move {k}"))
        return every([*verdicts, decided(at == self.end, "the last point is the end")])


def _wrong(a: Point, move: Move) -> str:
    """What is wrong with a move, if anything."""
    b = move.point
    if [W.shape for W in a] != [W.shape for W in b]:
        return "the shapes of the layers change"
    moved = [k for k, (x, y) in enumerate(zip(a, b, strict=True)) if x != y]
    if move.gauge is None:
        return "" if len(moved) <= 1 else f"it moves the layers {moved} and is no gauge move"
    G, k = move.gauge, move.at
    if not set(moved) <= {k, k + 1} or not 0 <= k < len(a) - 1:
        return f"a gauge move at layer {k} moves the layers {moved}"
    if b[k + 1] != a[k + 1] @ G or G @ b[k] != a[k]:
        return "the layers are not those of the gauge matrix"
    n = G.rows
    N = G - identity(n)
    if (N @ N).is_zero():
        return ""
    is_diagonal = all(G[i, j] == 0 for i in range(n) for j in range(n) if i != j)
    is_positive = is_diagonal and all(G[i, i] > 0 for i in range(n))
    return "" if is_positive else "the gauge matrix is neither I + N with N^2 = 0 nor positive diagonal"


def sign_pattern(layers: Sequence[Matrix]) -> tuple[int, ...]:
    r"""The signs of $\det(W_K \cdots W_{k+1})$ for the hidden layers $k$ of width $m$, the number of outputs; 0 if singular.

    From the first hidden layer to the last.
    """
    m, upper, signs = layers[-1].rows, identity(layers[-1].rows), []
    for W in reversed(layers[1:]):
        upper = upper @ W
        if upper.cols == m:
            d = upper.det()
            signs.append((d > 0) - (d < 0))
    return tuple(reversed(signs))


def connect_through_gauge(
    start: Sequence[Matrix], end: Sequence[Matrix], loss: Loss, through: Matrix | None = None
) -> GaugePath:
    r"""A path from `start` to `end` on which a convex `loss` of the product stays at most at its level.

    All hidden widths must be at least $m$, the number of outputs. Without `through` the points must have equal
    `sign_pattern`s without zeros, and the level is the larger of the two losses. `through` is an $m \times n$ matrix of rank
    less than $m$: then any two points are joined, and the level is the largest of their losses and that of
    `through`.

    Raises `ValueError` when a layer is too narrow, or when there is no such path.
    """
    a, b = tuple(start), tuple(end)
    m = a[-1].rows
    narrow = [k for k, W in enumerate(a[:-1], start=1) if W.rows < m]
    if narrow:
        raise ValueError(
            f"Hidden layer {narrow[0]} must have at least {m} neurons, found {a[narrow[0] - 1].rows}: widen it."
        )
    level = max(loss(a), loss(b))
    there, back = list(_canonical(a)), list(_canonical(b))
    if through is not None:
        if through.shape != (m, a[0].cols) or through.rank() >= m:
            raise ValueError(
                f"`through` must be {m}x{a[0].cols} of rank below {m}, found {through.rows}x{through.cols} of rank "
                f"{through.rank()}."
            )
        there += _to_plus(_last(there, a), through)
        back += _to_plus(_last(back, b), through)
        level = max(level, loss(_last(there, a)))
    elif sign_pattern(a) != sign_pattern(b) or 0 in sign_pattern(a):
        raise ValueError(
            f"The sign patterns must be equal and without 0, found {sign_pattern(a)} and {sign_pattern(b)}: "
            "give a matrix `through` of smaller rank."
        )
    moves = [*there, Move(_last(back, b)), *_reversed(b, back)]
    return GaugePath(loss, a, tuple(moves), b, level)


def _last(moves: Sequence[Move], otherwise: Point) -> Point:
    return moves[-1].point if moves else otherwise


def _reversed(start: Point, moves: Sequence[Move]) -> Iterator[Move]:
    points = [start, *(m.point for m in moves)]
    for k in range(len(moves) - 1, -1, -1):
        G = moves[k].gauge
        yield Move(points[k], moves[k].at, None if G is None else G.inverse())


def _canonical(layers: Point) -> Iterator[Move]:
    """Down the chain: [I 0] where there is a spare neuron, a diagonal of signs (the first may be -1) where not."""
    m = layers[-1].rows
    for k in range(len(layers) - 2, -1, -1):
        V, U = below(m, layers, k)
        if V.cols > m:
            for pair in exchange(V, U):
                layers = put(layers, k, *pair)
                yield Move(layers)
            continue
        if V.rank() < m:
            for pair in _filled(V, U):
                layers = put(layers, k, *pair)
                yield Move(layers)
            V, U = below(m, layers, k)
        for G in _reduction(V):
            V, U = V @ G, G.inverse() @ U
            layers = put(layers, k, V, U)
            yield Move(layers, k, G)


def _filled(V: Matrix, U: Matrix) -> list[tuple[Matrix, Matrix]]:
    """A singular V made invertible with positive determinant, which the free columns allow."""
    filled, _, _, states = spanning(V, U, 1)
    return states if filled.det() > 0 else spanning(V, U, -1)[3]


def _reduction(V: Matrix) -> Iterator[Matrix]:
    """Gauge matrices that take an invertible V to diag(+-1, 1, ..., 1), multiplied from the right."""
    m = V.rows

    def shear(entries: dict[tuple[int, int], Any]) -> Matrix:
        return identity(m).copy_with(entries)

    for i in range(m):
        if V[i, i] == 0:
            j = next(j for j in range(i + 1, m) if V[i, j] != 0)
            G = shear({(j, i): 1})
            V = V @ G
            yield G
        G = shear({(i, j): -V[i, j] / V[i, i] for j in range(m) if j != i})
        if G != identity(m):
            V = V @ G
            yield G
    scale = [1 / abs(V[i, i]) for i in range(m)]
    if any(s != 1 for s in scale):
        yield diagonal(scale)
    for i in range(1, m):
        if V[i, i] < 0:  # half a turn in the plane of the coordinates 0 and i, as two quarter turns of three shears
            for _ in range(2):
                yield shear({(0, i): -1})
                yield shear({(i, 0): 1})
                yield shear({(0, i): -1})


def _to_plus(layers: Point, target: Matrix) -> Iterator[Move]:
    """From a canonical point: move the product to `target`, of rank below m, and make all signs +1."""
    m = target.rows
    upper = end_to_end(layers[1:], identity(layers[0].rows))[:, :m]
    first = upper.inverse() @ target  # the upper layers of a canonical point are a diagonal of signs
    layers = (vstack([first, zeros(layers[0].rows - m, target.cols)]), *layers[1:])
    yield Move(layers)
    for _ in layers:  # each round makes the highest negative sign positive for good
        negative = [k for k in range(len(layers) - 1) if layers[k].rows == m and below(m, layers, k)[0].det() < 0]
        if not negative:
            return
        k = negative[-1]
        z = end_to_end(layers[: k + 1], identity(target.cols)).T.kernel()[:, [0]]
        W = layers[k + 1]
        layers = (*layers[: k + 1], W - (W @ z @ z.T) * (2 / z.squared_norm()), *layers[k + 2 :])
        yield Move(layers)
        for move in _canonical(layers):
            yield move
            layers = move.point
