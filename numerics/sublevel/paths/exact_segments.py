r"""The certified maximum of a loss on a segment $a + t (b - a)$, $0 \le t \le 1$, that moves any number of layers.

**Polynomials.** Without an activation, the loss of the segment is a polynomial in $t$ with rational coefficients, and
its maximum is known by Sturm's theorem.

**Pieces.** With a piecewise linear activation, what enters a unit on one sample is a polynomial in $t$ as long as no
unit below it switches. Its roots are where the unit switches. Rational roots cut $[0, 1]$ exactly (always so while only one
layer moves, because then everything is linear in $t$ on a piece). An irrational root lies in an interval of length
below $2^{-40}$; on that interval the loss is enclosed by ball arithmetic, whatever switches there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from math import comb

from flint import arb, ctx, fmpq

from numerics.arithmetic.balls import BallMatrix
from numerics.arithmetic.enclosure import outward
from numerics.arithmetic.exact import Matrix, rational
from numerics.arithmetic.polynomial import Polynomial
from numerics.evidence.certificate import Point
from numerics.sublevel.losses import BITS, NetworkLoss, PolynomialLoss, scaled_rows

WIDTH = Fraction(1, 2**40)


@dataclass(frozen=True)
class Height:
    """A loss, or the greatest one on a segment, between two rationals. (A `bracket.Bracket` is about all levels of a grid.)"""

    lower: fmpq
    upper: fmpq

    def union(self, other: Height) -> Height:
        """The larger of the two."""
        return Height(max(self.lower, other.lower), max(self.upper, other.upper))

    def __str__(self) -> str:
        if self.lower == self.upper:
            return str(self.lower)
        return f"[{float(self.lower)!r}, {float(self.upper)!r}]"


def bracket(x: fmpq | arb) -> Height:
    """The ends of a ball as rationals; a rational stays itself. Raises `ValueError` for a ball that is not finite."""
    if isinstance(x, fmpq):
        return Height(x, x)
    if not x.is_finite():
        raise ValueError(f"The loss must be finite, found {x}: scale the weights down.")
    return Height(*(_dyadic(end) for end in (x.lower(), x.upper())))


def _dyadic(x: arb) -> fmpq:
    mantissa, exponent = (int(k) for k in x.mid().man_exp())
    return fmpq(mantissa) * fmpq(2) ** exponent


@dataclass(frozen=True)
class Piece:
    r"""The loss on $[\text{left}, \text{right}]$: a polynomial in $t$, or `None` where a unit switches at an irrational $t$."""

    left: fmpq
    right: fmpq
    loss: Polynomial | None


def pieces(loss: NetworkLoss | PolynomialLoss, a: Point, b: Point) -> list[Piece]:
    """The loss along the segment from `a` to `b`, piece by piece. Needs a rational loss."""
    whole = fmpq(0), fmpq(1)
    if isinstance(loss, PolynomialLoss):
        return [Piece(*whole, loss.along(a, b))]
    moving = [(A, B - A) for A, B in zip(a, b, strict=True)]
    ridge = loss.ridge * sum((_squared([A, D]) for A, D in moving), Polynomial([0]))
    if loss.activation == "identity" and loss.outer == "squared":
        z = [loss.entering(a, 0)]
        for k, (A, D) in enumerate(moving):
            z = _through(A, D, z, loss.biases and k > 0)
        return [Piece(*whole, _squared(_minus(z, loss.Y)) + ridge)]
    samples = [_of_sample(loss, moving, j) for j in range(loss.X.cols)]
    cuts = sorted({*whole, *(end for sample in samples for piece in sample for end in (piece.left, piece.right))})
    return [Piece(*whole, ridge)] if not samples else list(_summed(samples, cuts, ridge))


def maximum_along(
    loss: NetworkLoss | PolynomialLoss, a: Point, b: Point, width: Fraction = WIDTH, found: Sequence[Piece] = ()
) -> Height:
    r"""$\max_t E(a + t(b - a))$, between rationals; of length at most `width` but for what irrational switches cost."""
    parts = found or pieces(loss, a, b)
    result = bracket(rational(loss(a))).union(bracket(rational(loss(b))))
    for piece in parts:
        if piece.loss is None:
            assert isinstance(loss, NetworkLoss)
            result = Height(result.lower, max(result.upper, bracket(_enclosed_on(loss, a, b, piece)).upper))
        else:
            result = result.union(Height(*piece.loss.maximum_on(piece.left, piece.right, width)))
    return result


def stays_below(loss: NetworkLoss | PolynomialLoss, a: Point, b: Point, level: fmpq) -> bool | None:
    r"""Whether $E \le$ `level` on the segment: exact; `None` if an irrational switch leaves it open."""
    parts = pieces(loss, a, b)
    is_open = False
    for piece in parts:
        if piece.loss is None:
            assert isinstance(loss, NetworkLoss)
            is_open |= bracket(_enclosed_on(loss, a, b, piece)).upper > level
            continue
        if max(bernstein(piece.loss, piece.left, piece.right)) <= level:
            continue
        if not piece.loss.is_at_most(level, piece.left, piece.right).holds:
            return False
    return None if is_open else True


def bernstein(p: Polynomial, left: fmpq, right: fmpq) -> list[fmpq]:
    r"""The coefficients of $p$ in the Bernstein basis of $[\text{left}, \text{right}]$; the largest one bounds $p$ there."""
    c = p.compose(Polynomial([left, right - left])).coefficients() or [fmpq(0)]
    d = len(c) - 1
    return [sum((fmpq(comb(j, i), comb(d, i)) * c[i] for i in range(j + 1)), fmpq(0)) for j in range(d + 1)]


# Polynomials in t whose coefficients are matrices, from the constant upwards.


def _through(A: Matrix, D: Matrix, z: list[Matrix], widen: bool) -> list[Matrix]:
    """(A + t D) z(t), where `widen` puts a row of ones below z."""
    if widen:
        z = [_with_row(c, 1 if k == 0 else 0) for k, c in enumerate(z)]
    product = [A @ c for c in z]
    if D.is_zero():
        return product
    moved = [D @ c for c in z]
    return [product[0], *(x + y for x, y in zip(product[1:], moved[:-1], strict=True)), moved[-1]]


def _with_row(c: Matrix, value: int) -> Matrix:
    return Matrix.from_entries(c.rows + 1, c.cols, [*c.entries(), *([value] * c.cols)])


def _minus(z: list[Matrix], Y: Matrix) -> list[Matrix]:
    return [z[0] - Y, *z[1:]]


def _squared(z: list[Matrix]) -> Polynomial:
    coefficients = [fmpq(0)] * (2 * len(z) - 1)
    for i, x in enumerate(z):
        for j, y in enumerate(z[: i + 1]):
            coefficients[i + j] += x.inner(y) * (1 if i == j else 2)
    return Polynomial(coefficients)


# One sample.

_State = tuple[fmpq, fmpq, list[Matrix] | None]


def _of_sample(loss: NetworkLoss, moving: list[tuple[Matrix, Matrix]], j: int) -> list[Piece]:
    x, y = loss.X[:, [j]], loss.Y[:, [j]]
    states: list[_State] = [(fmpq(0), fmpq(1), [_with_row(x, 1) if loss.biases else x])]
    for k, (A, D) in enumerate(moving):
        widen = loss.biases and k > 0
        states = [(l, h, None if z is None else _through(A, D, z, widen)) for l, h, z in states]
        if k < len(moving) - 1 and loss.activation != "identity":
            states = [new for state in states for new in _switched(state, loss.slope_below())]
    states = [(l, h, None if z is None else _minus(z, y)) for l, h, z in states]
    if loss.outer == "squared":
        return [Piece(l, h, None if z is None else _squared(z)) for l, h, z in states]
    states = [new for state in states for new in _switched(state, fmpq(-1))]
    return [Piece(l, h, None if z is None else _row_sum(z)) for l, h, z in states]


def _row_sum(z: list[Matrix]) -> Polynomial:
    return Polynomial([sum(c.entries(), fmpq(0)) for c in z])


def _switched(state: _State, below: fmpq) -> Iterator[_State]:
    """The piece after an activation with slope `below` left of 0: cut where a unit changes its sign."""
    left, right, z = state
    if z is None:
        yield state
        return
    units = [Polynomial([c[i, 0] for c in z]) for i in range(z[0].rows)]
    cuts = sorted(cut for p in units for cut in _sign_changes(p, left, right))
    at = left
    for s, e in [*cuts, (right, right)]:
        if at < s:
            middle = (at + s) / 2
            factors = [fmpq(1) if p(middle) >= 0 else below for p in units]
            yield at, s, [scaled_rows(c, factors) for c in z]
        if max(at, s) < e:
            yield max(at, s), e, None
        at = max(at, e)


def _sign_changes(p: Polynomial, left: fmpq, right: fmpq) -> list[tuple[fmpq, fmpq]]:
    """The roots inside the interval: points, or short intervals around irrational ones, cut at the ends."""
    if p.degree < 1:
        return []
    if p.degree == 1:
        c0, c1 = p.coefficients()
        root = -c0 / c1
        return [(root, root)] if left < root < right else []
    return [(max(s, left), min(e, right)) for s, e in p.isolate_real_roots(left, right, width=WIDTH)]


def _summed(samples: list[list[Piece]], cuts: list[fmpq], ridge: Polynomial) -> Iterator[Piece]:
    at = [0] * len(samples)
    for left, right in pairwise(cuts):
        total: Polynomial | None = ridge
        for k, sample in enumerate(samples):
            while sample[at[k]].right <= left:
                at[k] += 1
            part = sample[at[k]].loss
            total = None if total is None or part is None else total + part
        yield Piece(left, right, total)


def _enclosed_on(loss: NetworkLoss, a: Point, b: Point, piece: Piece) -> arb:
    with ctx.workprec(BITS):
        t = arb(piece.left).union(arb(piece.right))
        return loss.enclosed([BallMatrix(A) + BallMatrix(B - A) * t for A, B in zip(a, b, strict=True)])


def float_ends(x: Height) -> tuple[float, float]:
    """The ends of a bracket as floats, rounded outward."""
    return outward(arb(x.lower))[0], outward(arb(x.upper))[1]
