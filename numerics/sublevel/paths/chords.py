r"""The maximum of a network's loss on a segment in weight space, enclosed in float64 by bisection; any activation, any size.

Every layer moves on a line, $W(s) = (1 - s) W_l + s W_h$ on the piece $[l, h]$ of the segment. A quantity $f$ on the piece is
kept as a *chord*: floats $p, q$ for its ends and a radius $r$ with $|f(s) - (1 - s) p - s q| \le r$ for $0 \le s \le 1$.

- *A layer.* For chords $v$ with radius $r$ the product $W(s) v(s)$ of the lines differs from the chord of its end
  values by $s (1 - s)\, \Delta W\, (v_h - v_l)$, at most $\frac14 |\Delta W| |v_h - v_l|$, and $r$ costs $|W|\, r$.
- *An activation* $\sigma$ with Lipschitz constant $c$ costs $c\, r$ and the distance of $\sigma$ on the line from $p$ to $q$
  to its chord: $(1 - \text{slope})\, |p| |q| / (|p| + |q|)$ for a piecewise linear one whose unit switches and 0 else, and
  $\frac18 (q - p)^2 \max |\sigma''|$ for a smooth one, where $\max|\tanh''| = 4/(3\sqrt3) < 0.77$ and $\max |\mathrm{sigmoid}''| =
  1/(6\sqrt3) < 0.0963$.
- *The loss* is convex in the outputs, hence convex in $s$ along a chord: its end values bound it, and $r$ costs at most
  $2 \max_i r_i$ for cross-entropy (the gradient is a difference of probability vectors) and is added to $|z - y|$ for
  the others. The ridge is convex in $s$ as well.

Without switches all this is of second order in $h - l$. Pieces whose bound exceeds the best value seen are halved.

**Rounding.** $u = 2^{-53}$, and the model of `numerics.arithmetic.enclosure`. The weights at $t$ are $\mathrm{fl}(A + t\,
\mathrm{fl}(B - A))$ for floats $A, B$ within $u|\cdot| + 2^{-1022}$ of the rational ends: together they err by less than
$\omega = 2^{-49} (|A| + |B|) + 2^{-1000}$. A product of a row of $d$ weights and a chord errs by $\gamma_d\, |W||v|$ for the sum
and by $\omega |v|$ for the weights. Sums of non-negative floats that bound something are multiplied by $1 + 2^{-40}$, which
pays for their own roundings while $d < 2^{10}$ ($\gamma_{2^{10}} < 2^{-42}$), and by $\gamma$ beyond; $2^{-1000}$ pays for underflow.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from flint import arb, ctx

from numerics.arithmetic.enclosure import SMOOTH_ERROR, Floats, exp_of_minus, inflation, outward, sigmoid, tanh
from numerics.arithmetic.exact import Matrix, rational
from numerics.evidence.certificate import Point
from numerics.sublevel.losses import NetworkLoss
from numerics.sublevel.paths.exact_segments import Height

PIECES = 200_000
"""So many pieces of a segment are looked at before the bracket is returned as it is."""

_BATCH_ENTRIES = 2_000_000
_UP = 1 + 2.0**-40
_TINY = 2.0**-1000
_SECOND_DERIVATIVE = {"tanh": 0.77, "sigmoid": 0.0963}


def _floats(A: Matrix) -> Floats:
    return A.to_numpy()


@dataclass(frozen=True)
class _Chord:
    """Values at both ends and the radius: arrays of shape (pieces, units, samples)."""

    left: Floats
    right: Floats
    radius: Floats


class _Segment:
    """The segment in floats; layers carry their bias as a last column."""

    def __init__(self, loss: NetworkLoss, a: Point, b: Point) -> None:
        self.loss = loss
        self.A = [_floats(W) for W in a]
        self.B = [_floats(W) for W in b]
        self.step = [B - A for A, B in zip(self.A, self.B, strict=True)]
        self.error = [2.0**-49 * (np.abs(A) + np.abs(B)) + _TINY for A, B in zip(self.A, self.B, strict=True)]
        # a bound of |W| on the whole segment, and of |B - A|
        self.size = [np.maximum(np.abs(A), np.abs(B)) + e for A, B, e in zip(self.A, self.B, self.error, strict=True)]
        self.reach = [np.abs(D) + e for D, e in zip(self.step, self.error, strict=True)]
        X = _floats(loss.X)
        self.X = np.vstack([X, np.ones((1, X.shape[1]))]) if loss.biases else X
        self.X_error = 2.0**-52 * np.abs(self.X) + _TINY
        self.Y = _floats(loss.Y)
        # What leaves the first layer is linear in t: value, slope and one radius for the whole segment.
        relative = inflation(self.X.shape[0] + 2)[0]
        self.first, self.slope = self.A[0] @ self.X, self.step[0] @ self.X
        spread = relative * (np.abs(self.A[0]) + self.reach[0]) + 2 * self.error[0]
        self.first_error = spread @ np.abs(self.X) + self.size[0] @ self.X_error
        self.first_error += 2.0**-50 * (np.abs(self.first) + np.abs(self.slope))
        self.first_error = self.first_error * max(_UP, 1 + 4 * relative) + _TINY
        self.widest = max(W.size for W in self.A) + max(W.shape[0] + 1 for W in self.A) * X.shape[1]

    def weights(self, k: int, t: Floats) -> Floats:
        return self.A[k] + t[:, None, None] * self.step[k]

    def outputs(self, left: Floats, right: Floats) -> _Chord:
        """The outputs on the pieces [left, right] as chords."""
        p, q = (self.first + t[:, None, None] * self.slope for t in (left, right))
        v = _Chord(p, q, np.broadcast_to(self.first_error, p.shape))
        for k in range(1, len(self.A)):
            v = self._through(k, self._activated(v), left, right)
        return v

    def _through(self, k: int, v: _Chord, left: Floats, right: Floats) -> _Chord:
        relative = inflation(v.left.shape[1] + 2)[0]
        up = max(_UP, 1 + 4 * relative)
        p, q = self.weights(k, left) @ v.left, self.weights(k, right) @ v.right
        magnitude = np.maximum(np.abs(v.left), np.abs(v.right))
        length = ((right - left) * up)[:, None, None]
        radius = self.size[k] @ (v.radius + relative * magnitude) + self.error[k] @ magnitude
        radius += 0.25 * length * (self.reach[k] @ np.abs(v.right - v.left))
        return _Chord(p, q, radius * up + _TINY)

    def _activated(self, v: _Chord) -> _Chord:
        name = self.loss.activation
        if name in _SECOND_DERIVATIVE:
            apply, lipschitz = (tanh, 1.0) if name == "tanh" else (sigmoid, 0.25)
            gap = np.square(v.right - v.left) * (_SECOND_DERIVATIVE[name] / 8)
            out = _Chord(apply(v.left), apply(v.right), (v.radius * lipschitz + gap + SMOOTH_ERROR) * _UP)
        elif name == "identity":
            out = v
        else:
            slope = float(self.loss.slope_below())
            p, q = (np.where(x >= 0, x, slope * x) for x in (v.left, v.right))
            low, high = np.abs(v.left), np.abs(v.right)
            switches = (v.left < 0) != (v.right < 0)
            share = np.divide(np.maximum(low, high), low + high, out=np.zeros_like(low), where=switches)
            kink = np.minimum(low, high) * share  # in this order nothing underflows
            # the float slope is within 2^-53 of the rational one, relatively, and its product is rounded
            rounding = 2.0**-50 * np.maximum(np.abs(p), np.abs(q))
            bend = abs(1 - slope) + 2.0**-50
            out = _Chord(p, q, (v.radius * max(1.0, abs(slope)) + bend * kink + rounding) * _UP + _TINY)
        if not self.loss.biases:
            return out
        count, _, samples = out.left.shape
        one = np.ones((count, 1, samples))
        return _Chord(
            *(np.concatenate([x, c], axis=1) for x, c in ((out.left, one), (out.right, one), (out.radius, 0 * one)))
        )

    def losses(self, left: Floats, right: Floats) -> tuple[Floats, Floats]:
        """An upper bound of the loss on each piece, and a lower bound of the larger of its end values."""
        z = self.outputs(left, right)
        if not (np.isfinite(z.radius).all() and np.isfinite(z.left).all() and np.isfinite(z.right).all()):
            raise ValueError("The loss must be finite, found an overflow: scale the weights down.")
        ends = [self._fit(end, z.radius) for end in (z.left, z.right)]
        ridge = [self._ridge(t) for t in (left, right)]
        upper = np.maximum(*(f[1] + r[1] for f, r in zip(ends, ridge, strict=True)))
        lower = np.maximum(*(f[0] + r[0] for f, r in zip(ends, ridge, strict=True)))
        return np.nextafter(upper, np.inf), np.nextafter(lower, -np.inf)

    def _fit(self, z: Floats, radius: Floats) -> tuple[Floats, Floats]:
        """Bounds (lower, upper) of the fit of every point within `radius` of z."""
        if self.loss.outer == "cross-entropy":
            return _cross_entropy(z, self.Y, 2 * radius.max(axis=1))
        size = np.abs(z - self.Y)
        rounding = 2.0**-51 * (np.abs(z) + np.abs(self.Y)) + _TINY
        up = max(_UP, 1 + 4 * inflation(z.shape[1] * z.shape[2] + 8)[0])
        low, high = np.maximum(size - radius - rounding, 0.0), size + radius + rounding
        if self.loss.outer == "squared":
            low, high = np.square(low), np.square(high)
        return low.sum(axis=(1, 2)) / up, high.sum(axis=(1, 2)) * up + _TINY

    def _ridge(self, t: Floats) -> tuple[Floats | float, Floats | float]:
        if not self.loss.ridge:
            return 0.0, 0.0
        low, high = 0.0, 0.0
        for k, error in enumerate(self.error):
            size = np.abs(self.weights(k, t))
            low = low + np.square(np.maximum(size - error, 0.0)).sum(axis=(1, 2))
            high = high + np.square(size + error).sum(axis=(1, 2))
        factor = float(self.loss.ridge)
        up = max(_UP, 1 + 4 * inflation(sum(e.size for e in self.error) + 8)[0])
        return factor * low / up, factor * high * up + _TINY


def _cross_entropy(z: Floats, Y: Floats, slack: Floats) -> tuple[Floats, Floats]:
    r"""Bounds of $\sum_j (\log \sum_i e^{z_{ij}} - \langle y_j, z_j \rangle)$ when every column may be off by `slack`.

    With $m = \max_i z_i$ the sum of the $e^{z_i - m}$ lies in $[1, k]$; in floats it errs by $k\,2^{-46}$ for the exponentials
    (`exp_of_minus`, and the rounded difference) and $\gamma_k k$ for the sum, together below $(k + 2) 2^{-45}$, relatively. Products
    of 16 of them are taken in floats, and balls take the logarithm. The rest, $m - \langle y, z \rangle$, has at most
    $k + 3$ roundings per column.
    """
    count, classes, samples = z.shape
    top = z.max(axis=1)
    terms = exp_of_minus(top[:, None, :] - z).sum(axis=1)  # each difference rounds relatively: below 40 * 2^-53
    rest = top - (Y * z).sum(axis=1)
    size = np.abs(top) + (np.abs(Y) * np.abs(z)).sum(axis=1)
    relative = inflation(classes + samples + 8)[0]
    error = size.sum(axis=1) * relative * 4 + slack.sum(axis=1) * (1 + 4 * relative) + _TINY
    padded = np.ones((count, -(-samples // 16) * 16))
    padded[:, :samples] = terms
    products = padded.reshape(count, -1, 16).prod(axis=2)
    lower, upper = np.empty(count), np.empty(count)
    with ctx.workprec(64):
        spread = arb(1, 16 * (classes + 2) * 2.0**-44)  # relative errors of 16 terms, all at least 1 - 2^-40
        for i in range(count):
            total = arb(math.fsum(rest[i].tolist())) + arb(0, float(error[i]))
            for x in products[i].tolist():
                total += (arb(x) * spread).log()
            lower[i], upper[i] = outward(total)
    return lower, upper


def maximum_along(
    loss: NetworkLoss,
    a: Point,
    b: Point,
    tolerance: float = 1e-3,
    pieces: int = PIECES,
    *,
    floor: float = -math.inf,
    level: float | None = None,
) -> Height:
    r"""$\max_t E(a + t(b - a))$ in a bracket of length about `tolerance` times $1 + \max E$, if `pieces` suffice.

    Every bracket is rigorous; one that is wider than asked says that rounding, or `pieces`, did not allow more. With
    `floor`, as another segment gives it, values below the floor and its tolerance are not looked at more closely. With
    `level` the only question is whether the maximum is at most that, and the search ends when it knows. Raises `ValueError`
    for an overflow.
    """
    segment = _Segment(loss, a, b)
    batch = max(1, _BATCH_ENTRIES // segment.widest)
    todo = [(k / 8, (k + 1) / 8) for k in range(8)]
    best, highest, used = -math.inf, -math.inf, 0
    while todo:
        part, todo = todo[-batch:], todo[:-batch]
        left, right = (np.array(x) for x in zip(*part, strict=True))
        upper, _ = segment.losses(left, right)
        used += len(part)
        # what is attained: the left end of the piece that promises most
        k = int(np.argmax(upper))
        ends = np.array([left[k], right[k]])
        best = max(best, float(segment.losses(ends, ends)[1].max()))
        top = max(best, floor)
        enough = top + tolerance * (1 + abs(top)) if level is None else level
        if used >= pieces or (level is not None and best > level):
            enough = math.inf
        for (l, h), u in zip(part, upper.tolist(), strict=True):
            middle = (l + h) / 2
            if u <= enough or h - l < 2.0**-40:
                highest = max(highest, u)
            else:
                todo += [(l, middle), (middle, h)]
    return Height(rational(best), rational(highest))


def value_at(loss: NetworkLoss, point: Point) -> tuple[float, float]:
    """Floats around the loss at one point; quicker than balls for networks with many weights."""
    upper, lower = _Segment(loss, point, point).losses(np.zeros(1), np.zeros(1))
    return float(lower[0]), float(upper[0])
