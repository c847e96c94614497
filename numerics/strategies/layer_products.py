r"""Linear networks in exact numbers: products, gradients, and the way down from a point of deficient rank.

Layers are numbered $W_1, \dots, W_K$ from the input; in code `layers[0]` is $W_1$.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flint import fmpq

from numerics.arithmetic.exact import Matrix, diagonal, identity, rational

Layers = tuple[Matrix, ...]


def through(layers: Sequence[Matrix], X: Matrix) -> list[Matrix]:
    r"""$X, W_1 X, W_2 W_1 X, \dots, W_K \cdots W_1 X$."""
    out = [X]
    for W in layers:
        out.append(W @ out[-1])
    return out


def above(layers: Sequence[Matrix]) -> list[Matrix]:
    r"""$W_K \cdots W_1,\ W_K \cdots W_2,\ \dots,\ W_K,\ I$: entry $i$ is the product of the layers above layer $i$."""
    out = [identity(layers[-1].rows)]
    for W in reversed(layers):
        out.append(out[-1] @ W)
    return out[::-1]


def mirror_images(layers: Layers, width: int) -> list[Layers]:
    r"""The point and its images under one reflection at every set of hidden layers of this width: equal products.

    A reflection $H$ of a hidden layer turns $(W_{k+1}, W_k)$ into $(W_{k+1} H, H W_k)$.
    """
    points = [layers]
    for k, W in enumerate(layers[:-1]):
        if W.rows == width:
            H = diagonal([-1] + [1] * (width - 1))
            points += [(*w[:k], H @ w[k], w[k + 1] @ H, *w[k + 2 :]) for w in points]
    return points


def gradients(layers: Sequence[Matrix], X: Matrix, R: Matrix) -> list[Matrix]:
    r"""Minus half the gradients of $\|Y - W_K \cdots W_1 X\|_F^2$ in the layers, where $R = Y - W_K \cdots W_1 X$."""
    A, B = through(layers, X), above(layers)
    return [B[i + 1].T @ R @ A[i].T for i in range(len(layers))]


def small(squared_radius: Any, squared_norm: Any) -> fmpq:
    r"""A number $t > 0$ with $t^2 \cdot$ `squared_norm` $\le$ `squared_radius`."""
    r = rational(squared_radius)
    return r / (r + rational(squared_norm)) if squared_norm else fmpq(1)


@dataclass(frozen=True)
class Escape:
    r"""The point `lower` $= (V_1, \dots, V_K)$ below `layers`, and every choice that led to it (see `escape`)."""

    lower: Layers
    k: int
    w: Matrix
    v: dict[int, Matrix]
    z: dict[int, Matrix]
    step: fmpq


def escape(layers: Layers, X: Matrix, R: Matrix, squared_radius: Any, *, walk: bool = True) -> Escape | None:
    r"""A nearby point whose product is $W_K \cdots W_1 X + q \Delta$ with $\langle R, \Delta \rangle > 0$.

    Rank-one changes $v_i \ell_{i-1}^\top$ below layer $k+1$ and $a_j z_{j-1}^\top$ above it leave the product alone, because
    $W_K \cdots W_{i+1} v_i = 0$ and $z_{j-1}^\top W_{j-1} \cdots W_{k+1} V_k \cdots V_1 X = 0$, and turn the gradient of
    layer $k+1$ away from zero; a step $q$ along it follows. `None` when such vectors do not exist or $R X^\top = 0$.
    With `walk=False` (for a mutant) the other layers stay where they are.
    """
    K = len(layers)
    near = rational(squared_radius) / K
    seen = X @ R.T
    columns = [j for j in range(seen.cols) if not seen[:, [j]].is_zero()]
    if not columns:
        return None
    w = identity(R.rows)[:, [columns[0]]]
    A, B = through(layers, X), above(layers)
    k = max((i for i in range(1, K) if A[i].rank() == layers[i - 1].rows), default=0)
    V, v, z = list(layers), {}, {}
    C, line = X, seen @ w
    for i in range(1, k + 1):
        v[i] = _chosen(B[i], V[i - 1] @ line, line, near)
        if v[i] is None:
            return None
        if walk:
            V[i - 1] = V[i - 1] + v[i] @ line.T
        C, line = V[i - 1] @ C, V[i - 1] @ line
    T = through(layers[k:], C)
    D, a = identity(R.rows), R @ C.T @ line
    for j in range(K, k + 1, -1):
        z[j - 1] = _chosen(T[j - 1 - k].T, V[j - 1].T @ a, a, near)
        if z[j - 1] is None:
            return None
        if walk:
            V[j - 1] = V[j - 1] + a @ z[j - 1].T
        D, a = D @ V[j - 1], V[j - 1].T @ a
    direction = D @ a @ line.T @ C
    step = small(near, a.squared_norm() * line.squared_norm())
    if not direction.is_zero():
        step = min(step, a.squared_norm() / direction.squared_norm())
    V[k] = V[k] + step * (a @ line.T)
    return Escape(tuple(V), k, w, v, z, step)


def _chosen(A: Matrix, sight: Matrix, other: Matrix, near: fmpq) -> Any:
    r"""A vector $x \ne 0$ with $A x = 0$ and $\langle x, \text{sight} \rangle \ge 0$, so short that $\|x\, \text{other}^\top\|_F^2 \le$ `near`."""
    basis = A.kernel()
    if basis.cols == 0:
        return None
    x = basis[:, [0]]
    x = small(near, x.squared_norm() * other.squared_norm()) * x
    return x if x.inner(sight) >= 0 else -x
