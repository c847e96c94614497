r"""Paths between two points of a wide linear network on which no convex loss rises, in exact arithmetic.

Let $p = \min(m, \operatorname{rank} X)$ and let every hidden width exceed $p$. `connect` joins two points
$(W_1, \dots, W_K)$, of any rank, by a polygon whose segments move one layer each. All segments but one keep
$W_K \cdots W_1 X$; the remaining one moves the product along a straight line, in one layer.

**The pair lemma** (`exchange`). Let $V$ be $m \times q$ and $U$ be $q \times r$ with $q > m$. Moving one of the two at a
time and keeping $V U$, we reach $V = [I\ 0]$. Rows of $U$ that meet dependent columns of $V$ are made zero; then those
columns are free. Unit vectors in free columns complete the others to a basis. By Steinitz' exchange every other unit
vector is written into a free column, which is possible because $q > m$, and takes the place of a column that is no
unit vector yet. No determinant, square root or path of invertible matrices is needed: the spare neuron does it.

**Down the chain.** The lemma at $(W_K, W_{K-1})$ leaves $W_{K-1} = [P; 0]$, and then applies to $P$ and $W_{K-2}$. When
only $\operatorname{rank} X$ is small, let $X_c$ be a basis among the columns of $X$ and $L X_c = I$. Then
$W_1 \mapsto W_1 X_c L$ keeps $W_1 X$, and the transposed chain $(W_1 X_c)^\top, W_2^\top, \dots$ is the case before.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from flint import fmpq

from numerics.arithmetic.exact import Matrix, hstack, identity, vstack, zeros
from numerics.evidence.certificate import Loss, Point
from numerics.evidence.errors import InputError
from numerics.sublevel.losses import ConvexLoss, NetworkLoss
from numerics.sublevel.paths.certified import PathCertificate

Pair = tuple[Matrix, Matrix]


def squared_error(X: Matrix, Y: Matrix) -> Loss:
    r"""The loss $(W_1, \dots, W_K) \mapsto \|W_K \cdots W_1 X - Y\|_F^2$."""

    def loss(layers: Point) -> fmpq:
        return (end_to_end(layers, X) - Y).squared_norm()

    return loss


def end_to_end(layers: Sequence[Matrix], X: Matrix) -> Matrix:
    r"""$W_K \cdots W_1 X$."""
    for W in layers:
        X = W @ X
    return X


def connect(start: Sequence[Matrix], end: Sequence[Matrix], X: Matrix, loss: Loss) -> PathCertificate:
    r"""A polygon from `start` to `end` on which `loss` is at most the larger of its two end values.

    `start` and `end` are layers $(W_1, \dots, W_K)$ of the same shapes; every hidden width must exceed
    $p = \min(m, \operatorname{rank} X)$, where $m$ is the number of outputs. The loss must be a convex function of
    $W_K \cdots W_1 X$, such as `squared_error(X, Y)`. The points and $X$ may have any rank.

    Raises `ValueError` when the shapes do not fit or a hidden layer is too narrow. That the loss is convex is taken from the
    caller; `connect_linear` knows it.
    """
    a, b = _points(start, end, X)
    vertices = polygon(a, b, X)
    return PathCertificate(ConvexLoss(loss), vertices, ("convex",) * (len(vertices) - 1), max(loss(a), loss(b)), a, b)


def connect_linear(start: Sequence[Matrix], end: Sequence[Matrix], loss: NetworkLoss) -> PathCertificate:
    r"""The same for a `NetworkLoss`, which is known to be convex; also when its values are not rational.

    Its `level` is `None`: the larger of the two end values. Raises `InputError` for an activation, biases or a ridge, and
    `ValueError` as `connect` does.
    """
    if loss.activation != "identity" or loss.biases or loss.ridge:
        raise InputError(f"`loss` must be that of a linear network without biases and ridge, found {loss!r}.")
    a, b = _points(start, end, loss.X)
    vertices = polygon(a, b, loss.X)
    return PathCertificate(loss, vertices, ("convex",) * (len(vertices) - 1), None, a, b)


def polygon(start: Sequence[Matrix], end: Sequence[Matrix], X: Matrix) -> tuple[Point, ...]:
    """The vertices of that path, which do not depend on the loss."""
    a, b = _points(start, end, X)
    m, rank = a[-1].rows, X.rank()
    p = min(m, rank)
    narrow = [k for k, W in enumerate(a[:-1], start=1) if W.rows <= p]
    if narrow:
        raise ValueError(
            f"Hidden layer {narrow[0]} must be wider than min(outputs, rank of `X`) = {p}, found width "
            f"{a[narrow[0] - 1].rows}: widen it."
        )
    if p == 0:  # the output never changes
        path = [(*b[:k], *a[k:]) for k in range(len(a) + 1)]
    elif m == p:
        path = [a, *_descend(a), *reversed([b, *_descend(b)])]
    else:
        path = [*_through_data(a, X), *reversed(list(_through_data(b, X)))]
    return without_repeats(path)


def exchange(V: Matrix, U: Matrix) -> Iterator[Pair]:
    r"""The states after $(V, U)$ on the way to $V = [I\ 0]$, $U = [V U; 0]$; each changes at most one of the two, and keeps $V U$.

    $V$ must have more columns than rows. Raises `ValueError` when it has not.
    """
    m, q = V.shape
    if q <= m:
        raise ValueError(f"`V` must have more columns than rows, found {m}x{q}: the exchange needs a spare column.")
    if V == hstack([identity(m), zeros(m, q - m)]):  # only the rows of U that do not matter are left
        yield V, vstack([U[:m, :], zeros(q - m, U.cols)])
        return
    V, U, active, states = spanning(V, U, 1)
    yield from states
    for i in range(m):
        unit = [int(r == i) for r in range(m)]
        if i in active and V[:, i].entries() == unit:
            continue
        if i in active:  # make room: the column moves to a free place, its row follows
            free = next(j for j in range(q) if j not in active)
            V = _with_column(V, free, V[:, i].entries())
            yield V, U
            U = _with_rows(U, {free: U[i, :].entries(), i: [0] * U.cols})
            yield V, U
            active = [free if j == i else j for j in active]
        V = _with_column(V, i, unit)
        yield V, U
        # The unit vector in terms of the basis; one of the columns beyond the targets must take part.
        a = dict(zip(active, V[:, active].solve(V[:, [i]]).entries(), strict=True))
        s = next(j for j in active if not (j < i) and a[j] != 0)
        row = U[[s], :]
        changed = {j: (U[[j], :] - row * (a[j] / a[s])).entries() for j in active if j != s and a[j] != 0}
        U = _with_rows(U, {**changed, i: (row / a[s]).entries(), s: [0] * U.cols})
        yield V, U
        active = [i if j == s else j for j in active]
    yield hstack([identity(m), zeros(m, q - m)]), U


def spanning(V: Matrix, U: Matrix, sign: int) -> tuple[Matrix, Matrix, list[int], list[Pair]]:
    r"""Make $m$ columns of $V$ a basis and all other rows of $U$ zero: (V, U, these columns, the states on the way).

    Columns that are filled get unit vectors, the first of them times `sign`. $V$ needs at least as many columns as rows.
    """
    m, q = V.shape
    R, pivots = V.rref()
    active = list(pivots)
    free = [j for j in range(q) if j not in pivots]
    C = R[: len(pivots), free]
    rows = {s: (U[[s], :] + C[[k], :] @ U[free, :]).entries() for k, s in enumerate(active)}
    U = _with_rows(U, {**rows, **{f: [0] * U.cols for f in free}})
    states = [(V, U)]
    _, completing = hstack([V[:, active], identity(m)]).rref()
    missing = [j - len(active) for j in completing if j >= len(active)]
    for k, (f, i) in enumerate(zip(free, missing, strict=False)):
        V = _with_column(V, f, [(sign if k == 0 else 1) * int(r == i) for r in range(m)])
        active.append(f)
    for f in free[len(missing) :]:
        V = _with_column(V, f, [0] * m)
    return V, U, active, [*states, (V, U)]


def below(m: int, layers: Point, k: int) -> Pair:
    r"""The first $m$ rows of layer `k + 1` (counted from 0), and layer `k`."""
    return layers[k + 1][:m, :], layers[k]


def put(layers: Point, k: int, V: Matrix, U: Matrix) -> Point:
    """The point with layer `k` equal to $U$ and layer `k + 1` equal to $V$ above zero rows."""
    upper = vstack([V, zeros(layers[k + 1].rows - V.rows, V.cols)])
    return (*layers[:k], U, upper, *layers[k + 2 :])


def _descend(layers: Point) -> Iterator[Point]:
    """The states on the way to W_K = [I 0], then W_{K-1} = [I 0; 0 0], ..., W_1 = [P; 0]."""
    m = layers[-1].rows
    for k in range(len(layers) - 2, -1, -1):
        for V, U in exchange(*below(m, layers, k)):
            layers = put(layers, k, V, U)
            yield layers


def _through_data(layers: Point, X: Matrix) -> Iterator[Point]:
    """The states on the way to W_1 = [L; 0], ..., W_{K-1} = [I 0; 0 0], W_K = [P 0]."""
    yield layers
    _, chosen = X.rref()
    basis = X[:, chosen]
    left = basis.pseudo_inverse()
    if len(layers) == 1:
        yield (layers[0] @ basis @ left,)
        return
    yield (layers[0] @ basis @ left, *layers[1:])
    chain = (layers[0] @ basis, *layers[1:])
    for dual in _descend(tuple(W.T for W in reversed(chain))):
        first, *others = (W.T for W in reversed(dual))
        yield (first @ left, *others)


def without_repeats(path: Sequence[Point]) -> tuple[Point, ...]:
    """The path without steps that do not move."""
    return tuple(w for k, w in enumerate(path) if k == 0 or w != path[k - 1])


def _with_column(V: Matrix, j: int, values: Sequence[object]) -> Matrix:
    return V.copy_with({(i, j): x for i, x in enumerate(values)})


def _with_rows(U: Matrix, rows: dict[int, Sequence[object]]) -> Matrix:
    return U.copy_with({(i, j): x for i, values in rows.items() for j, x in enumerate(values)})


def _points(start: Sequence[Matrix], end: Sequence[Matrix], X: Matrix) -> tuple[Point, Point]:
    a, b = tuple(start), tuple(end)
    if not a:
        raise ValueError("`start` must have at least one layer, found none.")
    if [W.shape for W in a] != [W.shape for W in b]:
        raise ValueError(
            f"`start` and `end` must have layers of the same shapes, found {[W.shape for W in a]} and "
            f"{[W.shape for W in b]}."
        )
    sizes = [X.rows, *(W.rows for W in a)]
    for k, W in enumerate(a):
        if W.cols != sizes[k]:
            raise ValueError(f"Layer {k + 1} must take {sizes[k]} inputs, found {W.cols}: the layers do not chain.")
    return a, b
