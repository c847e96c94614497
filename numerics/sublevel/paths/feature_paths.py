r"""Paths between two points of a wide two-layer network with any activation, on which the loss does not rise.

The output is $W_2 \Phi$, $\Phi = \sigma(W_1 X)$ with a row of features for each unit (and a row of ones for a bias).

**A unit to spare** (`connect_by_exchange`; after Nguyen, *A note on connectivity of sublevel sets in deep learning*, 2021). Let
there be more units than the features of both points have rank, as with at least $N + 1$ units for $N$ samples. Shift the
weights to units with independent features: the others are idle. Write the units of the other end, one by one, into an idle place.
By Steinitz each takes the weights of a unit that is not wanted any more, and the output is kept. When all are there, $W_2$ moves
on a straight line, which is the only segment where the output changes; the loss is convex there.

**Half of the units** (`connect_by_compression`; after Freeman and Bruna 2017, Theorem 2.4). If the loss of each end does
not rise much when its weights are restricted to half of the units, the others are idle, and there is room for both halves.
The level is the largest of the losses of both ends and of both restrictions.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from flint import arb, ctx, fmpq

from numerics.arithmetic.exact import Matrix, hstack, vstack, zeros
from numerics.evidence.certificate import Point
from numerics.evidence.errors import InputError
from numerics.sublevel.losses import NetworkLoss
from numerics.sublevel.paths.certified import PathCertificate, certify
from numerics.sublevel.paths.unit_paths import Walk

_FEATURE_BITS = 192


def features(loss: NetworkLoss, W1: Matrix) -> Matrix:
    r"""$\Phi$: exact where the activation is piecewise linear, else rounded to multiples of $2^{-192}$."""
    if loss.has_rational_features:
        return loss.entering((W1, W1), 1)
    z = W1 @ loss.entering_first()
    with ctx.workprec(_FEATURE_BITS + 64):
        rounded = [_rounded(loss.activated(arb(x))) for x in z.entries()]
    phi = Matrix.from_entries(z.rows, z.cols, rounded)
    return vstack([phi, Matrix.from_entries(1, z.cols, [1] * z.cols)]) if loss.biases else phi


def _rounded(x: arb) -> fmpq:
    scaled = (x.mid() * 2**_FEATURE_BITS).floor().unique_fmpz()
    assert scaled is not None
    return fmpq(scaled) / fmpq(2) ** _FEATURE_BITS


def connect_by_exchange(start: Point, end: Point, loss: NetworkLoss) -> PathCertificate:
    r"""A path from `start` to `end` on which the loss is at most the larger of its two end values.

    Two layers; more units than the rank of the features of both ends together (a bias of the output not counted), for
    which at least $N + 1$ units are enough. With a piecewise linear activation everything is exact and `level` is `None`. For
    other activations features are rounded, and `level` is what the path attains, above the ends by rounding only.

    Raises `InputError` when there are not two layers, or too few units.
    """
    a, b = _two_layers(start, end, loss)
    units = a[0].rows
    own, other = features(loss, a[0]), features(loss, b[0])
    rank = vstack([own, other]).rank() - (1 if loss.biases and loss.X.cols else 0)
    if units <= rank:
        raise InputError(
            f"The hidden layer must have more units than the features of both ends have rank, {rank}, found {units}: "
            "samples + 1 units are always enough."
        )
    walk, back = Walk(a, 0), Walk(b, 0)
    active, wanted = _gathered(walk, own, loss), _gathered(back, other, loss)
    fixed = [i for i in active if i >= units]  # the bias stays where it is
    placed = list(fixed)
    phi = {i: own[[i], :] for i in active}
    for place in (i for i in wanted if i < units):
        if place in active and walk.rows[[place], :] == b[0][[place], :]:
            placed.append(place)
            continue
        if place in active:
            free = next(i for i in range(units) if i not in active and i != place)
            walk.write({free: walk.rows[[place], :]})
            walk.shift(place, free)
            active[active.index(place)], phi[free] = free, phi[place]
        walk.write({place: b[0][[place], :]})
        phi[place] = other[[place], :]
        active = _exchanged(walk, phi, active, place, placed, loss)
        placed.append(place)
    walk.go(1, back.weights, "convex")
    walk.go(0, b[0], "idle")
    vertices = [*walk.vertices, *reversed(back.vertices[:-1])]
    rules = [*walk.rules, *reversed(back.rules)]
    if loss.has_rational_features and not loss.ridge:
        return PathCertificate(loss, tuple(vertices), tuple(rules), None, a, b)
    return certify(loss, vertices, rules)


def _gathered(walk: Walk, phi: Matrix, loss: NetworkLoss) -> list[int]:
    """Shift the weights to units with independent features, the bias among them; these units."""
    order = [*range(walk.rows.rows, phi.rows), *range(walk.rows.rows)]
    R, pivots = phi[order, :].T.rref()
    active = [order[j] for j in pivots]
    rest = [j for j in range(len(order)) if j not in pivots]
    combination = R[: len(pivots), rest]
    others = [order[j] for j in rest]
    columns = walk.weights[:, active] + walk.weights[:, others] @ combination.T
    walk.go(1, _with_columns(zeros(*walk.weights.shape), active, columns), _keeping(loss))
    return active


def _exchanged(
    walk: Walk, phi: dict[int, Matrix], active: list[int], new: int, placed: Sequence[int], loss: NetworkLoss
) -> list[int]:
    """Let the new unit take the place of an active one that is not wanted; the active units after it."""
    basis = vstack([phi[i] for i in active]) if active else zeros(0, phi[new].cols)
    R, pivots = hstack([basis.T, phi[new].T]).rref()
    if len(active) in pivots:  # independent of all: there is room for it
        return [*active, new]
    a = [R[k, len(active)] for k in range(len(active))]
    s = next(k for k, i in enumerate(active) if i not in placed and a[k] != 0)
    u = walk.weights[:, [active[s]]]
    columns = [walk.weights[:, [i]] - u * (a[k] / a[s]) for k, i in enumerate(active) if k != s]
    kept = [i for k, i in enumerate(active) if k != s]
    weights = _with_columns(walk.weights, [*kept, new, active[s]], hstack([*columns, u / a[s], u * 0]))
    walk.go(1, weights, _keeping(loss))
    return [*kept, new]


def _keeping(loss: NetworkLoss) -> str:
    # Rounded features are kept only nearly; the output layer is convex in any case.
    return "kept" if loss.has_rational_features else "convex"


def _with_columns(A: Matrix, places: Sequence[int], columns: Matrix) -> Matrix:
    return A.copy_with({(i, p): columns[i, k] for k, p in enumerate(places) for i in range(A.rows)})


def connect_by_compression(
    start: Point, end: Point, loss: NetworkLoss, keep: tuple[Sequence[int], Sequence[int]] | None = None
) -> PathCertificate:
    r"""A path from `start` to `end` through half of the units of each; `level` is its certified maximum.

    `keep` names the units that each end keeps, together at most as many as there are; by default a greedy search chooses
    half of the units each. For the squared loss the kept units get the weights with the least error, otherwise those whose
    output is nearest to that of all units.

    Raises `InputError` when there are not two layers, or `keep` does not fit.
    """
    a, b = _two_layers(start, end, loss)
    units = a[0].rows
    phis = [features(loss, w[0]) for w in (a, b)]
    aims = [loss.Y if loss.outer == "squared" else w[1] @ phi for w, phi in zip((a, b), phis, strict=True)]
    if keep is None:
        keep = _greedy(phis[0], aims[0], units // 2, units), _greedy(phis[1], aims[1], units // 2, units)
    mine, theirs = (sorted({int(i) for i in k}) for k in keep)
    if len(mine) + len(theirs) > units or any(not 0 <= i < units for i in (*mine, *theirs)):
        raise InputError(
            f"`keep` must name at most {units} units from 0 to {units - 1} for both ends together, found "
            f"{len(mine)} and {len(theirs)}."
        )
    weights = [_compressed(phi, aim, kept, units) for phi, aim, kept in zip(phis, aims, (mine, theirs), strict=True)]
    walk = Walk(a, 0)
    walk.go(1, weights[0], "convex")
    rooms = [i for i in range(units) if i not in mine and i not in theirs]
    place = {i: i if i not in mine else rooms.pop() for i in theirs}
    walk.write({place[i]: b[0][[i], :] for i in theirs})
    bias = range(units, weights[1].cols)
    there = [*(place[i] for i in theirs), *bias]
    moved = _with_columns(zeros(*weights[1].shape), there, weights[1][:, [*theirs, *bias]])
    walk.go(1, moved, "convex")
    walk.write({i: b[0][[i], :] for i in theirs})  # their own places are idle now
    for i in theirs:
        if place[i] != i:
            walk.shift(place[i], i)
    walk.go(0, b[0], "idle")
    walk.go(1, b[1], "convex")
    return certify(loss, walk.vertices, walk.rules)


def _compressed(phi: Matrix, aim: Matrix, kept: Sequence[int], units: int) -> Matrix:
    """The weights on the kept units (and the bias) whose output is nearest to `aim`."""
    rows = [*kept, *range(units, phi.rows)]
    best = aim @ phi[rows, :].pseudo_inverse() if rows else zeros(aim.rows, 0)
    return _with_columns(zeros(aim.rows, phi.rows), rows, best)


def _greedy(phi: Matrix, aim: Matrix, count: int, units: int) -> list[int]:
    """Orthogonal matching pursuit: the unit that fits what is left best, again and again."""
    F, target = phi.to_numpy(), aim.to_numpy()
    chosen: list[int] = []
    for _ in range(count):
        rows = [*chosen, *range(units, len(F))]
        left = target - (target @ np.linalg.pinv(F[rows]) @ F[rows] if rows else 0)
        length = np.linalg.norm(F[:units], axis=1)
        gain = np.linalg.norm(F[:units] @ left.T, axis=1) / np.where(length > 0, length, np.inf)
        gain[chosen] = -1
        chosen.append(int(gain.argmax()))
    return chosen


def _two_layers(start: Point, end: Point, loss: NetworkLoss) -> tuple[Point, Point]:
    a, b = tuple(start), tuple(end)
    for name, w in (("start", a), ("end", b)):
        if wrong := loss.problem(w):
            raise InputError(f"`{name}` must be a point of the loss: {wrong}.")
        if len(w) != 2:
            raise InputError(f"`{name}` must have two layers, found {len(w)}.")
    if a[0].rows != b[0].rows:
        raise InputError(f"Both points must have the same hidden width, found {a[0].rows} and {b[0].rows}.")
    return a, b
