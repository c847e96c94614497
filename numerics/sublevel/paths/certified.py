r"""Polygons in weight space with a certified maximum of the loss: an upper bound of the barrier between their ends.

A `PathCertificate` holds rational vertices and a *rule* for every segment, and `verify()` recomputes everything from these,
however the path was found. What each rule needs is checked against the structure of the loss:

- `convex`: one layer moves, in which the loss is convex (any layer of a linear network, the output layer of any
  network). The end values bound the segment. Not for hidden layers in general: $E = (w^2 - \frac14)^2$ is 0 at
  $w = \pm\frac12$ and $\frac1{16}$ between.
- `idle`: rows of a hidden layer move whose outgoing weights are zero. Nothing changes (but the ridge, which is convex).
- `kept`: one layer moves, and what enters the next activation does not change, as when a weight goes from one of
  two equal units to the other. Likewise.
- `Turn(k, Q)`: the layers $W_k$, $W_{k+1}$ of a linear network become $Q W_k$, $W_{k+1} Q^\top$ with $Q \in SO(h)$. This
  segment is no straight line but a path in $SO(h)$, which is connected, and the loss is constant on it.
- `polynomial`: any layers move, and the loss is a polynomial on the segment: exact rational arithmetic, Sturm.
- `pieces`: the same for piecewise linear activations, between the switches of units.
- `chords`: any layers, any activation: bisection in float64 with proved rounding. It gives a bracket, never equality.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any

from flint import arb, fmpq

from numerics.arithmetic.exact import Matrix, rational
from numerics.evidence.certificate import Point
from numerics.evidence.errors import InputError
from numerics.evidence.verdict import Rigour, Verdict, decided, every, fails, undecided
from numerics.sublevel.losses import ConvexLoss, NetworkLoss, PolynomialLoss
from numerics.sublevel.paths import chords, exact_segments
from numerics.sublevel.paths.exact_segments import Height, bracket

KnownLoss = NetworkLoss | PolynomialLoss | ConvexLoss


@dataclass(frozen=True)
class Turn:
    r"""$W_k \mapsto Q W_k$ and $W_{k+1} \mapsto W_{k+1} Q^\top$ along a path of rotations; `layer` is $k$, counted from 0."""

    layer: int
    Q: Matrix


Rule = str | Turn
"""One of `convex`, `idle`, `kept`, `polynomial`, `pieces`, `chords`, or a `Turn`."""

_BY_ENDS = ("convex", "idle", "kept")


@dataclass(frozen=True)
class PathCertificate:
    r"""A path from `start` to `end` on which the loss never exceeds `level`.

    Segment $i$ goes from vertex $i$ to vertex $i + 1$ by `rules[i]`. `level` is a rational number, or `None` for "the
    larger of the losses of the two ends". `tolerance` is how closely the rule `chords` looks.
    """

    loss: KnownLoss
    vertices: tuple[Point, ...]
    rules: tuple[Rule, ...]
    level: Any
    start: Point
    end: Point
    tolerance: float = 1e-3

    def __repr__(self) -> str:
        return f"PathCertificate({len(self.rules)} segments, level {self.level}, {self.loss!r})"

    def problem(self) -> str:
        """What is wrong with the path itself, apart from the height of the loss; empty if nothing is."""
        if not self.vertices:
            return "the path has no vertices"
        if self.vertices[0] != self.start:
            return "the first vertex is not the start"
        if self.vertices[-1] != self.end:
            return "the last vertex is not the end"
        if len(self.rules) != len(self.vertices) - 1:
            return f"{len(self.vertices)} vertices need a rule for each segment between them, found {len(self.rules)}"
        shapes = [W.shape for W in self.start]
        for k, vertex in enumerate(self.vertices):
            if wrong := self.loss.problem(vertex):
                return f"vertex {k} is no point of this loss: {wrong}"
            if [W.shape for W in vertex] != shapes:
                return f"vertex {k} has other shapes than the start"
        for k, rule in enumerate(self.rules):
            if wrong := misused(self.loss, self.vertices[k], self.vertices[k + 1], rule):
                return f"segment {k}: {wrong}"
        return ""

    def maximum(self) -> Height:
        """The largest loss on the path, in a bracket. Raises `InputError` when the path is not one (`problem`)."""
        if wrong := self.problem():
            raise InputError(f"The certificate proves nothing: {wrong}.")
        result = self._at(self.start)
        for a, b, rule in self._segments():
            result = result.union(self._on(a, b, rule, floor=exact_segments.float_ends(result)[0]))
        return result

    def verify(self) -> Verdict:
        """Whether the loss stays at most `level` on the path: decided from the vertices, the rules and the loss alone."""
        if wrong := self.problem():
            return fails(wrong)
        if self.level is None:
            return self._below_the_ends()
        level = rational(self.level)
        verdicts = [self._compared(self._at(self.start), level, "at the start")]
        for k, (a, b, rule) in enumerate(self._segments()):
            reason = f"on segment {k} ({rule if isinstance(rule, str) else 'turn'})"
            if rule in ("polynomial", "pieces"):
                assert not isinstance(self.loss, ConvexLoss)  # see `misused`
                below = exact_segments.stays_below(self.loss, a, b, level)
                verdicts.append(
                    undecided(f"{reason}: a unit switches at an irrational point")
                    if below is None
                    else decided(below, f"the loss {reason}")
                )
            else:
                # rounded down, so that what is at most the float is at most the level
                found = self._on(a, b, rule, level=exact_segments.float_ends(Height(level, level))[0])
                verdicts.append(self._compared(found, level, reason))
        return every(verdicts)

    def _below_the_ends(self) -> Verdict:
        losses = [self.loss(self.start), self.loss(self.end)]
        if all(isinstance(x, fmpq) for x in losses):
            return PathCertificate(
                self.loss, self.vertices, self.rules, max(losses), self.start, self.end, self.tolerance
            ).verify()
        # The loss is not rational, but outputs are: convex in them, it is at most the larger end value between the two.
        loss = self.loss
        if not isinstance(loss, NetworkLoss) or not loss.has_rational_features or loss.ridge:
            return undecided("values that are not rational cannot be compared with those of the ends: give a level")
        if any(isinstance(rule, str) and rule not in _BY_ENDS for rule in self.rules):
            return undecided("segments that move several layers need a level")
        a, b = (loss.outputs(w) for w in (self.start, self.end))
        outside = [k for k, w in enumerate(self.vertices) if not _between(loss.outputs(w), a, b)]
        if outside:
            return undecided(f"the outputs at vertex {outside[0]} do not lie between those of the ends: give a level")
        return decided(True, "all outputs lie on the segment between those of the ends, and the loss is convex in them")

    def _segments(self) -> list[tuple[Point, Point, Rule]]:
        return list(zip(self.vertices, self.vertices[1:], self.rules, strict=False))

    @property
    def _plain(self) -> bool:
        """Whether losses at points are taken exactly or in balls, and not by the float engine."""
        return "chords" not in self.rules

    def _at(self, point: Point) -> Height:
        if self._plain or self.loss.is_rational:
            return bracket(self.loss(point))
        assert isinstance(self.loss, NetworkLoss)
        return Height(*(rational(x) for x in chords.value_at(self.loss, point)))

    def _on(self, a: Point, b: Point, rule: Rule, **options: Any) -> Height:
        if rule == "chords":
            assert isinstance(self.loss, NetworkLoss)
            return chords.maximum_along(self.loss, a, b, self.tolerance, **options)
        if rule in ("polynomial", "pieces"):
            assert not isinstance(self.loss, ConvexLoss)
            return exact_segments.maximum_along(self.loss, a, b)
        return self._at(b)  # the other end was seen before

    def _compared(self, found: Height, level: fmpq, where: str) -> Verdict:
        rigour = Rigour.EXACT if found.lower == found.upper else Rigour.BALL
        reason = f"the largest loss {where} is {found}, the level {level}"
        if found.lower > level:
            return fails(reason, rigour=rigour)
        if found.upper > level:
            return undecided(reason)
        return decided(True, reason, rigour=rigour)


def misused(loss: KnownLoss, a: Point, b: Point, rule: Rule) -> str:
    """Why the rule does not apply to the segment; empty if it does."""
    moved = [k for k, (x, y) in enumerate(zip(a, b, strict=True)) if x != y]
    if rule == "chords":
        return "" if isinstance(loss, NetworkLoss) else "`chords` needs a network"
    if rule == "polynomial":
        is_one = isinstance(loss, PolynomialLoss) or (
            isinstance(loss, NetworkLoss) and loss.activation == "identity" and loss.outer == "squared"
        )
        return "" if is_one else "the loss is no polynomial in the weights"
    if rule == "pieces":
        is_known = not isinstance(loss, ConvexLoss) and loss.is_rational
        return "" if is_known else "the loss is not piecewise a polynomial with rational coefficients"
    if isinstance(rule, Turn):
        return _no_turn(loss, a, b, rule, moved)
    if rule not in _BY_ENDS:
        return f"there is no rule {rule!r}"
    if len(moved) != 1:
        return "" if not moved else f"the rule `{rule}` moves one layer, found the layers {moved}, counted from 0"
    k = moved[0]
    if rule == "convex":
        return (
            "" if loss.is_convex_in(k, len(a)) else f"the loss is not known to be convex in layer {k}, counted from 0"
        )
    if not isinstance(loss, NetworkLoss):
        return f"the rule `{rule}` needs a network"
    if rule == "idle":
        return _not_idle(a, b, k)
    return "" if _is_kept(loss, a, b, k) else f"what leaves layer {k} changes"


def _not_idle(a: Point, b: Point, k: int) -> str:
    if k == len(a) - 1:
        return "the output layer has no outgoing weights: use `convex`"
    for i in range(a[k].rows):
        if a[k][[i], :] != b[k][[i], :] and not a[k + 1][:, [i]].is_zero():
            return f"row {i} of layer {k} moves and its outgoing weights are not zero"
    return ""


def _is_kept(loss: NetworkLoss, a: Point, b: Point, k: int) -> bool:
    change = b[k] - a[k]
    if loss.has_rational_features:
        return (change @ loss.entering(a, k)).is_zero()
    # Units with equal incoming weights have equal values, whatever the activation is.
    groups: dict[Matrix | int, list[int]] = defaultdict(list)
    for i in range(change.cols):
        groups[a[k - 1][[i], :] if 0 < k and i < a[k - 1].rows else i].append(i)
    ones = [(g, Matrix.from_entries(len(g), 1, [1] * len(g))) for g in groups.values()]
    return all((change[:, g] @ one).is_zero() for g, one in ones)


def _no_turn(loss: KnownLoss, a: Point, b: Point, turn: Turn, moved: Sequence[int]) -> str:
    k, Q = turn.layer, turn.Q
    if not isinstance(loss, NetworkLoss) or loss.activation != "identity" or loss.biases:
        return "only a linear network without biases may turn a hidden layer"
    if not 0 <= k < len(a) - 1 or not set(moved) <= {k, k + 1}:
        return f"a turn at layer {k} moves the layers {list(moved)}, counted from 0"
    if not Q.is_orthogonal() or Q.rows != a[k].rows or Q.det() != 1:
        return f"the turn is no rotation of {a[k].rows} coordinates"
    return "" if b[k] == Q @ a[k] and b[k + 1] == a[k + 1] @ Q.T else "the layers are not turned by this rotation"


def _between(z: Matrix, a: Matrix, b: Matrix) -> bool:
    """Whether z lies on the segment from a to b."""
    if z in (a, b):
        return True
    if a == b:
        return False
    s = (z - a).inner(b - a) / (b - a).squared_norm()
    return 0 <= s <= 1 and z == a + (b - a) * s


# Building.


def rule_for(loss: KnownLoss, a: Point, b: Point) -> Rule:
    """The cheapest rule that applies to the segment. Raises `InputError` when there is none."""
    for rule in ("idle", "kept", "convex", "polynomial", "pieces", "chords"):
        if not misused(loss, a, b, rule):
            return rule
    moved = [k for k, (x, y) in enumerate(zip(a, b, strict=True)) if x != y]
    raise InputError(
        f"A path of this loss must move one layer at a time, found a segment that moves the layers {moved}, counted from 0."
    )


def certify(
    loss: KnownLoss,
    vertices: Sequence[Point],
    rules: Sequence[Rule] | None = None,
    level: Any = None,
    tolerance: float = 1e-3,
) -> PathCertificate:
    r"""The certificate of a polygon: with its own upper bound, rounded up to a multiple of $2^{-40}$, as `level` if none is given.

    Vertices that repeat the one before are dropped, unless `rules` are given. Raises `InputError` for points that do not
    fit the loss, and for rules that do not apply.
    """
    path = list(vertices)
    if rules is None:
        path = [w for k, w in enumerate(path) if k == 0 or w != path[k - 1]]
        for w in path:
            if wrong := loss.problem(w):
                raise InputError(f"The path must consist of points of the loss: {wrong}.")
        rules = [rule_for(loss, a, b) for a, b in pairwise(path)]
    if not path:
        raise InputError("`vertices` must hold at least one point, found none.")
    make = partial(PathCertificate, loss, tuple(path), tuple(rules), start=path[0], end=path[-1], tolerance=tolerance)
    return make(level=_rounded_up(make(level=None).maximum()) if level is None else rational(level))


def _rounded_up(height: Height) -> fmpq:
    if height.lower == height.upper:
        return height.upper
    return fmpq((height.upper * 2**40).ceil()) / 2**40


def reversed_path(path: PathCertificate) -> PathCertificate:
    """The same path walked backwards."""
    back: tuple[Rule, ...] = tuple(Turn(r.layer, r.Q.T) if isinstance(r, Turn) else r for r in reversed(path.rules))
    return PathCertificate(
        path.loss, tuple(reversed(path.vertices)), back, path.level, path.end, path.start, path.tolerance
    )


def joined(first: PathCertificate, second: PathCertificate, level: Any = None) -> PathCertificate:
    """One path after the other, at the larger of their levels if no `level` is given.

    Raises `InputError` when the second does not start where the first ends, or their losses differ.
    """
    if first.end != second.start or first.loss != second.loss:
        raise InputError("The second path must start where the first ends, and have its loss.")
    if level is None:
        levels = [p.level for p in (first, second)]
        known = [rational(u) for u in levels if u is not None]
        level = max(known) if len(known) == 2 else max(_rounded_up(p.maximum()) for p in (first, second))
    return PathCertificate(
        first.loss,
        first.vertices + second.vertices[1:],
        first.rules + second.rules,
        level,
        first.start,
        second.end,
        max(first.tolerance, second.tolerance),
    )


def straight(loss: KnownLoss, a: Point, b: Point, tolerance: float = 1e-3) -> PathCertificate:
    """The straight line from `a` to `b` with its certified maximum."""
    return certify(loss, [a, b], tolerance=tolerance)


def between(a: Point, b: Point, t: Any) -> Point:
    r"""The point $a + t (b - a)$ with rational $t$."""
    q = rational(t)
    return tuple(A + (B - A) * q for A, B in zip(a, b, strict=True))


def profile(path: PathCertificate, samples: int = 20) -> list[tuple[float, float]]:
    """Position (in segments) and loss at sampled points, as floats, for figures. A turn is sampled at its ends."""
    found = []
    for k, rule in enumerate(path.rules):
        for i in range(samples if isinstance(rule, str) else 1):
            w = between(path.vertices[k], path.vertices[k + 1], fmpq(i, samples))
            found.append((k + i / samples, _approximate(path.loss, w)))
    return [*found, (float(len(path.rules)), _approximate(path.loss, path.end))]


def _approximate(loss: KnownLoss, w: Point) -> float:
    if isinstance(loss, NetworkLoss) and not loss.is_rational:
        low, high = chords.value_at(loss, w)
        return (low + high) / 2
    return float(arb(loss(w)))
