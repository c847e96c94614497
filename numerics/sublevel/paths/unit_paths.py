r"""Paths that move hidden units from place to place without changing the network: idle rows are written, weights shifted.

Losses here are without ridge. A unit with zero outgoing weights is *idle*: its incoming row may become anything. Two units with equal rows may share
their outgoing weights in any proportion. With one idle unit this is enough to permute all others (Nguyen 2019; Draxler et al.
2018 explain it by redundancy), to split one unit into two, and to merge two equal ones: every vertex computes the same function.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from numerics.arithmetic.exact import Matrix, rational
from numerics.evidence.certificate import Point
from numerics.evidence.errors import InputError
from numerics.sublevel.losses import NetworkLoss
from numerics.sublevel.paths.certified import PathCertificate, Rule


class Walk:
    """A path that grows move by move, at one hidden `layer` (counted from 0) of a network."""

    def __init__(self, start: Point, layer: int) -> None:
        if not 0 <= layer < len(start) - 1:
            raise InputError(f"`layer` must be a hidden layer, from 0 to {len(start) - 2}, found {layer}.")
        self.layer = layer
        self.vertices = [start]
        self.rules: list[Rule] = []

    @property
    def rows(self) -> Matrix:
        """The incoming weights, one row for each unit."""
        return self.vertices[-1][self.layer]

    @property
    def weights(self) -> Matrix:
        """The outgoing weights, one column for each unit (and one for a bias)."""
        return self.vertices[-1][self.layer + 1]

    def go(self, layer: int, W: Matrix, rule: Rule) -> None:
        """Move one layer; nothing is added if it is there already."""
        here = self.vertices[-1]
        if here[layer] != W:
            self.vertices.append((*here[:layer], W, *here[layer + 1 :]))
            self.rules.append(rule)

    def write(self, rows: dict[int, Matrix]) -> None:
        """Give idle units new incoming rows."""
        change = {(i, j): x for i, row in rows.items() for j, x in enumerate(row.entries())}
        self.go(self.layer, self.rows.copy_with(change), "idle")

    def shift(self, source: int, target: int, share: Any = 1) -> None:
        """Move a share of the outgoing weights of one unit to another with an equal row."""
        moved = self.weights[:, [source]] * rational(share)
        columns = {source: self.weights[:, [source]] - moved, target: self.weights[:, [target]] + moved}
        change = {(i, j): x for j, c in columns.items() for i, x in enumerate(c.entries())}
        self.go(self.layer + 1, self.weights.copy_with(change), "kept")

    def certificate(self, loss: NetworkLoss, level: Any = None) -> PathCertificate:
        return PathCertificate(
            loss, tuple(self.vertices), tuple(self.rules), level, self.vertices[0], self.vertices[-1]
        )


def is_idle(point: Point, layer: int, unit: int) -> bool:
    """Whether a hidden unit has no outgoing weights."""
    return point[layer + 1][:, [unit]].is_zero()


def permuted(point: Point, layer: int, order: Sequence[int]) -> Point:
    """The same network with the units of a hidden layer in another order: unit `order[i]` comes to place i."""
    W, V = point[layer], point[layer + 1]
    order = [int(i) for i in order]
    if sorted(order) != list(range(W.rows)):
        raise InputError(f"`order` must list every unit from 0 to {W.rows - 1} once, found {order}.")
    columns = [*order, *range(W.rows, V.cols)]
    return (*point[:layer], W[order, :], V[:, columns], *point[layer + 2 :])


def permute(point: Point, loss: NetworkLoss, layer: int, order: Sequence[int], spare: int) -> PathCertificate:
    r"""A path of constant loss from `point` to `permuted(point, layer, order)`, through the idle unit `spare`.

    Each cycle of the permutation takes two moves for each of its units and two more; swapping the units $(1, -1)$ through
    a third one is the path of seven segments of the classical example. Raises `InputError` when `spare` is not idle.
    """
    _idle(point, layer, spare)
    target = permuted(point, layer, order)
    walk = Walk(point, layer)
    # The spare comes to its new place first: a place whose unit it takes is idle then, and serves as the spare.
    place = list(order).index(spare)
    before, now = {i: point[layer][[i], :] for i in range(len(order))}, list(range(len(order)))  # unit at each place
    if place != spare:
        walk.write({spare: before[place]})
        walk.shift(place, spare)
        now[spare], now[place] = place, spare
    for start in range(len(order)):
        if start == place or now[start] == order[start]:
            continue
        walk.write({place: before[now[start]]})
        walk.shift(start, place)
        parked, hole = now[start], start
        while order[hole] != parked:
            source = now.index(order[hole])
            walk.write({hole: before[order[hole]]})
            walk.shift(source, hole)
            now[hole], hole = order[hole], source
        walk.write({hole: before[parked]})
        walk.shift(place, hole)
        now[hole] = parked
    walk.write({place: before[spare]})
    certificate = walk.certificate(loss)
    assert certificate.end == target
    return certificate


def split(point: Point, loss: NetworkLoss, layer: int, unit: int, into: int, share: Any = "1/2") -> PathCertificate:
    """A path of constant loss that makes the idle unit `into` a copy of `unit`, with a `share` of its outgoing weights.

    Raises `InputError` when `into` is not idle or is the unit itself.
    """
    _idle(point, layer, into)
    if unit == into:
        raise InputError(f"`unit` and `into` must differ, found {unit} for both.")
    walk = Walk(point, layer)
    walk.write({into: point[layer][[unit], :]})
    walk.shift(unit, into, share)
    return walk.certificate(loss)


def merge(point: Point, loss: NetworkLoss, layer: int, unit: int, into: int) -> PathCertificate:
    """A path of constant loss that gives all outgoing weights of `unit` to the equal unit `into`, so that `unit` is idle.

    Raises `InputError` when their incoming rows differ.
    """
    walk = Walk(point, layer)
    if walk.rows[[unit], :] != walk.rows[[into], :]:
        raise InputError(
            f"Units {unit} and {into} must have equal incoming weights to be merged, found different ones."
        )
    walk.shift(unit, into)
    return walk.certificate(loss)


def _idle(point: Point, layer: int, unit: int) -> None:
    walk = Walk(point, layer)
    if not 0 <= unit < walk.rows.rows or not is_idle(point, layer, unit):
        raise InputError(
            f"Unit {unit} of hidden layer {layer} (both counted from 0) must exist and be idle: its outgoing weights must be 0."
        )


def aligned(reference: Point, point: Point, loss: NetworkLoss) -> tuple[Point, tuple[tuple[int, ...], ...]]:
    r"""`point` with its hidden units permuted to resemble those of `reference`, and the orders used: the same function.

    From the first hidden layer up, the assignment maximises the sum of the inner products of the features of matched
    units on the data plus those of their incoming weights (Git Re-Basin: Ainsworth, Hayase and Srinivasa, ICLR 2023). It
    is a search: whatever it returns has the loss of `point`.
    """
    from scipy.optimize import linear_sum_assignment

    from numerics.sublevel.paths.point_vectors import hidden_features

    orders: list[tuple[int, ...]] = []
    for k in range(len(point) - 1):
        a, b = (hidden_features(loss, w)[k] for w in (reference, point))
        similarity = a @ b.T + reference[k].to_numpy() @ point[k].to_numpy().T
        order = tuple(int(j) for j in linear_sum_assignment(similarity, maximize=True)[1])
        orders.append(order)
        point = permuted(point, k, order)
    return point, tuple(orders)
