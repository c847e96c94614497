r"""Paths of a two-layer linear network with weight decay, $E = \|W_2 W_1 X - Y\|^2 + \lambda (\|W_1\|^2 + \|W_2\|^2)$.

With more hidden units than $\mu = \min(n, m)$ every non-empty sublevel set is connected, along this path from either end:

1. *Project*: $W_1 \mapsto W_2^+ W_2 W_1$, then $W_2 \mapsto W_2 W_1 W_1^+$. The product is kept, the norms do not grow.
2. *Balance*: with $W_2 = U Q^\top$, $W_1 = Q V$, $Q$ orthonormal, and $S$ the geometric mean of $(U^\top U)^{-1}$ and $V V^\top$, walk
   along $(U S^{t/2}, S^{-t/2} V)$. The sum of squared norms is convex in $t$ with slope 0 at $t = 1$: it falls, to
   $2 \|W_2 W_1\|_*$.
3. *Straight on*: along $A(t) = (1 - t) A + t B$ the balanced pairs $(P \Sigma^{1/2} P^\top, P \Sigma^{1/2} R^\top)$ of
   $A(t) = P \Sigma R^\top$ are continuous (padded with zeros to the hidden width, seen through one fixed rotation), and
   there $E = \|A(t) X - Y\|^2 + 2 \lambda \|A(t)\|_*$, which is convex in $t$.
4. *Turn*: balanced pairs of one product differ by a rotation of the hidden units, which exists because one is spare.

Steps 1 are exact. 2 and 3 are polygons with vertices of 46 bits, certified by their exact polynomials; the turn is an exact
rational rotation, a product of reflections, followed by a tiny correction. It is made where the path is lowest, so
that rounding costs nothing there. Ends that are turned copies of each other are joined by one exact turn.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from numerics.arithmetic.enclosure import Floats
from numerics.arithmetic.exact import Matrix, hstack, identity
from numerics.evidence.certificate import Point
from numerics.evidence.errors import InputError
from numerics.sublevel.losses import NetworkLoss
from numerics.sublevel.paths.certified import PathCertificate, Rule, Turn, certify
from numerics.sublevel.paths.linear_paths import connect_linear

BITS = 46
_STEPS = (8, 32, 128, 512)


def connect_with_ridge(start: Point, end: Point, loss: NetworkLoss) -> PathCertificate:
    r"""A path from `start` to `end` whose level is the larger of their losses, or as near above it as the search came.

    The network has two linear layers, no biases, the squared loss and any ridge $\ge 0$ (for 0 see `connect_linear`); it must have more hidden units
    than $\min(n, m)$. Raises `InputError` otherwise.
    """
    a, b = tuple(start), tuple(end)
    _suitable(a, b, loss)
    if loss.ridge == 0:  # nothing falls on the way, so that rounding would show: the exchange is exact
        return connect_linear(a, b, loss)
    level = max(loss(a), loss(b))
    if (Q := rotation_between(a, b)) is not None:
        return PathCertificate(loss, (a, b), (Turn(0, Q),), level, a, b)
    best: PathCertificate | None = None
    for steps in _STEPS:
        path = _path(a, b, loss, steps)
        if best is None or path.level < best.level:
            best = path
        if path.level <= level:
            return PathCertificate(loss, path.vertices, path.rules, level, a, b)
    assert best is not None
    return best


def _suitable(a: Point, b: Point, loss: NetworkLoss) -> None:
    for name, w in (("start", a), ("end", b)):
        if wrong := loss.problem(w):
            raise InputError(f"`{name}` must be a point of the loss: {wrong}.")
        if len(w) != 2:
            raise InputError(f"`{name}` must have two layers, found {len(w)}.")
    if loss.activation != "identity" or loss.outer != "squared" or loss.biases:
        raise InputError(f"`loss` must be squared, of a linear network without biases, found {loss!r}.")
    least = min(loss.X.rows, loss.Y.rows)
    if a[0].rows != b[0].rows or a[0].rows <= least:
        raise InputError(
            f"Both points must have one hidden width above min(inputs, outputs) = {least}, found {a[0].rows} and {b[0].rows}."
        )


def rotation_between(a: Point, b: Point) -> Matrix | None:
    r"""A rational $Q \in SO(h)$ with $b = (Q W_1, W_2 Q^\top)$ for $a = (W_1, W_2)$; `None` if there is none.

    It exists exactly when $M = (W_1\ W_2^\top)$ has the same Gram matrix at both points (Witt), up to the sign of the
    determinant, which an idle direction mends: reflections take the columns to their places one after another.
    """
    here, there = (hstack([w[0], w[1].T]) for w in (a, b))
    if here.T @ here != there.T @ there:
        return None
    Q, flips = identity(here.rows), 0
    for j in here.rref()[1]:
        v = Q @ here[:, [j]] - there[:, [j]]  # orthogonal to the columns that are in place
        if not v.is_zero():
            Q, flips = _reflected(Q, v), flips + 1
    if flips % 2:
        idle = there.T.kernel()
        if not idle.cols:
            return None
        Q = _reflected(Q, idle[:, [0]])
    return Q


def _reflected(Q: Matrix, v: Matrix) -> Matrix:
    return Q - v @ (v.T @ Q) * (2 / v.squared_norm())


def rational_rotation(R: Floats) -> Matrix:
    """A rational rotation near the float one: its Householder vectors are rounded, and each gives an exact reflection."""
    n, A, vectors = len(R), R.copy(), []
    for i in range(n):
        v = A[i:, i].copy()
        v[0] += np.copysign(np.linalg.norm(v), v[0])
        full = np.zeros(n)
        full[i:] = v / np.abs(v).max()
        vectors.append(full)
        A -= np.outer(full, full @ A) * (2 / (full @ full))
    signs = np.where(np.diagonal(A) < 0, -1, 1)  # R = H_1 ... H_n D
    Q = Matrix(np.diag(signs))
    for v in reversed(vectors):
        Q = _reflected(Q, Matrix(_short(v)[:, None]))
    return Q


def _short(x: Floats) -> Floats:
    return np.round(x * 2.0**BITS) * 2.0**-BITS


def _point(pair: tuple[Floats, Floats]) -> Point:
    return Matrix(_short(pair[0])), Matrix(_short(pair[1]))


def _path(a: Point, b: Point, loss: NetworkLoss, steps: int) -> PathCertificate:
    h = a[0].rows
    ways, frames = [], []
    for w in (a, b):
        projected = _projected(w)
        W1, W2 = (W.to_numpy() for W in projected[-1])
        balancing = _balancing(W1, W2, steps)
        frames.append(_frame(*(balancing[-1] if balancing else (W1, W2))))
        ways.append([*projected, *(_point(p) for p in balancing)])
    A, B = ((w[1] @ w[0]).to_numpy() for w in (a, b))
    ts = np.linspace(0, 1, steps + 1)
    products = [(1 - t) * A + t * B for t in ts]
    heights = [_height(loss, P) for P in products]
    low = int(np.argmin(heights))
    there = [_point(_lifted(P, h, frames[0])) for P in products[1 : low + 1]]
    back = [_point(_lifted(P, h, frames[1])) for P in reversed(products[low:-1])]
    first, second = [*ways[0], *there], [*ways[1], *back]
    Q = rational_rotation(frames[1] @ frames[0].T)
    W1, W2 = first[-1]
    turned = (Q @ W1, W2 @ Q.T)
    vertices = [*first, turned, *reversed(second)]
    turns = {len(first) - 1}
    return _certified(loss, vertices, turns, Q)


def _certified(loss: NetworkLoss, vertices: Sequence[Point], turns: set[int], Q: Matrix) -> PathCertificate:
    kept: list[Point] = [vertices[0]]
    rules: list[Rule] = []
    for k, w in enumerate(vertices[1:]):
        if k in turns:
            kept.append(w)
            rules.append(Turn(0, Q))
        elif w != kept[-1]:
            moved = sum(x != y for x, y in zip(kept[-1], w, strict=True))
            rules.append("convex" if moved == 1 else "polynomial")
            kept.append(w)
    return certify(loss, kept, rules)


def _projected(w: Point) -> list[Point]:
    W1, W2 = w
    first = W2.pseudo_inverse() @ (W2 @ W1)
    second = W2 @ first @ first.pseudo_inverse() if not first.is_zero() else W2 * 0
    return [w, (first, W2), (first, second)]


def _balancing(W1: Floats, W2: Floats, steps: int) -> list[tuple[Floats, Floats]]:
    """From a projected pair to a balanced one; empty when it is balanced already."""
    if np.allclose(W1 @ W1.T, W2.T @ W2, rtol=1e-13, atol=1e-13 * (1 + np.abs(W1 @ W1.T).max())):
        return []
    Q, s, _ = np.linalg.svd(W1, full_matrices=False)
    Q = Q[:, s > 1e-12 * max(s.max(), 1e-300)]
    U, V = W2 @ Q, Q.T @ W1
    root = _power(U.T @ U, 0.5)
    inverse = np.linalg.inv(root)
    mean = inverse @ _power(root @ V @ V.T @ root, 0.5) @ inverse
    found = []
    for t in np.linspace(0, 1, steps + 1)[1:]:
        found.append((Q @ _power(mean, -t / 2) @ V, U @ _power(mean, t / 2) @ Q.T))
    return found


def _power(S: Floats, exponent: float) -> Floats:
    w, Z = np.linalg.eigh((S + S.T) / 2)
    return (Z * np.maximum(w, 1e-300) ** exponent) @ Z.T


def _pair(A: Floats, h: int) -> tuple[Floats, Floats]:
    """The balanced pair of a product, padded with zeros to the hidden width h: continuous in A."""
    P, s, Rt = np.linalg.svd(A, full_matrices=False)
    m, n = A.shape
    if m <= n:
        upper, lower = (P * np.sqrt(s)) @ P.T, (P * np.sqrt(s)) @ Rt
    else:
        upper, lower = (P * np.sqrt(s)) @ Rt, (Rt.T * np.sqrt(s)) @ Rt
    W1, W2 = np.zeros((h, n)), np.zeros((m, h))
    k = min(m, n)
    W1[:k], W2[:, :k] = lower, upper
    return W1, W2


def _frame(W1: Floats, W2: Floats) -> Floats:
    """The rotation R with (W_1, W_2) = (R V, U R^T) for a balanced pair and the padded pair (V, U) of its product."""
    V, U = _pair(W2 @ W1, W1.shape[0])
    P, _, Qt = np.linalg.svd(np.hstack([W1, W2.T]) @ np.hstack([V, U.T]).T)
    P[:, -1] *= np.sign(np.linalg.det(P @ Qt))  # the last singular value is 0: a neuron is spare
    return P @ Qt


def _lifted(A: Floats, h: int, R: Floats) -> tuple[Floats, Floats]:
    V, U = _pair(A, h)
    return R @ V, U @ R.T


def _height(loss: NetworkLoss, A: Floats) -> float:
    fit = np.square(A @ loss.X.to_numpy() - loss.Y.to_numpy()).sum()
    return float(fit + 2 * float(loss.ridge) * np.linalg.svd(A, compute_uv=False).sum())
