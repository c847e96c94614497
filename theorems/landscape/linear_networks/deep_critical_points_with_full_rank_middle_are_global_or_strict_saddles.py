r"""Critical points of deep linear networks with a full-rank middle are global minima or strict saddles.

**Theorem.** Let $K \ge 2$, let $E(W_1, \dots, W_K) = \|W_K \cdots W_1 X - Y\|_F^2$ with any data $X$, $Y$ and any widths,
let $p$ be the smallest hidden width and $T = W_{K-1} \cdots W_2$ ($T = I$ for $K = 2$). Suppose that $\operatorname{rank} T = p$
and that $\partial E / \partial W_1 = 0$ and $\partial E / \partial W_K = 0$. If some network of the same widths has a smaller
loss, then there are $D_1$, $D_K$ with
$$\frac{d^2}{dt^2} \|(W_K + t D_K)\, T\, (W_1 + t D_1) X - Y\|_F^2 \Big|_{t = 0} < 0 .$$
So the point is a global minimum, or the Hessian has a negative eigenvalue in the end layers alone.

**Idea.** Factor $T = L R$ through dimension $p$, with $L^- L = I$ and $R R^- = I$. Then $(W_K, W_1) \mapsto (W_K L, R W_1)$ maps
the end layers onto the two-layer networks of width $p$ with the same loss. It is linear and onto, so criticality goes down,
and a direction $(D_U, D_V)$ of negative curvature comes up again as $(D_U L^-, R^- D_V)$. A better network of the same widths
passes through width $p$, so its map is $A B$ with $A \in \mathbb{R}^{m \times p}$ and $B \in \mathbb{R}^{p \times n}$: the
two-layer point is not global either. The formal proof has $L$, $R$, their one-sided inverses and $A$, $B$ as letters.

**Reading.** Flat saddles of deep networks need a middle that loses rank, such as zero weights at $K = 3$. The middle layers
need not be examined: with this rank their gradients vanish when those of the end layers do.
"""

from __future__ import annotations

import functools
from fractions import Fraction
from itertools import pairwise

from hypothesis import strategies as st

from numerics.arithmetic.exact import Matrix, diagonal, hstack, identity, unit, vstack, zeros
from numerics.evidence.verdict import Verdict, decided
from numerics.strategies import Batch, Stream, batches, seeds
from numerics.strategies.critical_points import (
    Channels,
    CriticalPoint,
    Sizes,
    ends,
    error,
    gradient,
    has_few_outputs,
    hessian,
    is_distinct,
    is_full_rank,
    is_not_global,
    is_optimal,
    numbers,
    places,
    scalars,
)
from theorems import Citation, Claim, Mutant, Premise
from theorems.proof import Derivation, Letter, Statement
from theorems.proof.crosscheck import Model
from theorems.schemes.strict_saddles import critical, linear, no_saddles, superfluous, too_many_saddles

# Proof.


def proof() -> Derivation:
    from theorems.proof import equal, identity, less, letter, zero

    d = Derivation("deep critical points with a full-rank middle are global or strict saddles")
    first, T, last = d.matrices("W_1: b n", "T: a b", "W_K: m a")
    X, Y, A, B = d.matrices("X: n N", "Y: m N", "A: m p", "B: p n")
    L, R, L_inv, R_inv = d.matrices("L: a p", "R: p b", "L^-: p a", "R^-: b p")
    E = error((first, T, last), X, Y).squared_norm()
    d.partial(first, T, last, X, Y)
    factors = d.given(equal(L @ R, T), "T has rank p")
    injective = d.given(equal(L_inv @ L, identity("p")), "L has full rank")
    surjective = d.given(equal(R @ R_inv, identity("p")), "R has full rank")
    in_first = d.given(zero(d.gradient(E, first)), "critical in W_1")
    in_last = d.given(zero(d.gradient(E, last)), "critical in W_K")
    smaller = d.given(less(error((B, A), X, Y).squared_norm(), E), "not a global minimum")
    D_first, D_last = Letter("D_1", "b", "n"), Letter("D_K", "m", "a")
    moves = {first: letter(D_first), last: letter(D_last)}
    bent = d.derivative(d.derivative(E, moves), moves)
    goal = Statement((), (), (less(bent, 0),), (D_first, D_last))
    d.goal(goal)

    for fact in (
        factors,
        d.algebra(equal(L_inv @ T, R), [factors, injective]),
        d.algebra(equal(T @ R_inv, L), [factors, surjective]),
        surjective,
    ):
        d.rule(fact)

    # Down: the two-layer point (U, V) = (W_K L, R W_1) is critical and not global.
    U, V = last @ L, R @ first
    off = error((V, U), X, Y)
    in_U = d.algebra(zero(2 * off @ (V @ X).T), [in_last])
    in_V = d.algebra(zero(2 * U.T @ off @ X.T), [in_first])
    better = d.squares(less(error((B, A), X, Y).squared_norm(), off.squared_norm()), [(1, smaller)])
    (D_U, D_V), (down,) = d.lemma(
        "landscape.two_layer_critical_points_are_global_or_strict_saddles",
        {"U": U, "V": V, "X": X, "Y": Y, "A": A, "B": B},
        [in_U, in_V, better],
        new={"D_U": "D_U", "D_V": "D_V"},
        values={"D_U": lambda model: descent(model)[1], "D_V": lambda model: descent(model)[0]},
    )

    # Up: the direction in the end layers.
    D, C = R_inv @ D_V, D_U @ L_inv
    straight = (C @ T @ first + last @ T @ D) @ X
    value = 2 * straight.squared_norm() + 4 * error((first, T, last), X, Y).inner(C @ T @ D @ X)
    up = d.squares(less(value, 0), [(1, down)])
    d.exhibit(goal, {"D_1": D, "D_K": C}, [up])
    return d


# Check.


def negative_direction(S: Matrix) -> Matrix:
    r"""A vector with $v^\top S v < 0$, by Schur complements; raises `KeyError` when there is none."""
    n = S.rows
    for i in range(n):
        if S[i, i] < 0:
            return unit(n, i)
    i = next((i for i in range(n) if S[i, i] > 0), None)
    if i is not None:
        rest = [k for k in range(n) if k != i]
        c = S[rest, [i]]
        v = negative_direction(S[rest, rest] - c @ c.T / S[i, i])
        return Matrix([[-c.inner(v) / S[i, i] if k == i else v[rest.index(k), 0]] for k in range(n)])
    pair = next(((i, j) for i in range(n) for j in range(i) if S[i, j] != 0), None)
    if pair is None:
        raise KeyError("no negative direction")
    i, j = pair
    return unit(n, i) - unit(n, j) * (1 if S[i, j] > 0 else -1)


def check(t: CriticalPoint) -> Verdict:
    if not is_not_global(t):
        return is_optimal(t)
    below = decided(hessian(t, ends(t)).inertia()[1] > 0, "a negative eigenvalue in the end layers")
    inner = gradient(t, places(t, range(1, len(t.layers) - 1)))
    return below & decided(not any(inner), "the gradients of the middle layers")


def planted(sizes: Sizes, i: int) -> CriticalPoint:
    """A critical two-layer network of the smallest hidden width, lifted through middle layers of full rank.

    The end layers also hold anything that the middle does not pass.
    """
    draw = Stream(sizes.seed, i)
    m, n, hidden = sizes.outputs, sizes.inputs, sizes.hidden
    p = min(hidden)
    data = Channels.drawn(draw, m, n, sizes.samples)
    mix = draw.frame(p) @ diagonal(draw.spectrum(p, minimum=1))
    V, U = data.network(data.some(draw, p), p, mix, draw)
    middle = [draw.matrix(b, a) for a, b in pairwise(hidden)]
    plain = [diagonal([1] * min(a, b), b, a) for a, b in pairwise(hidden)]
    if product(middle, hidden[0]).rank() < p:
        middle = plain
    L, R = split(product(middle, hidden[0]))
    L_inv, R_inv = L.pseudo_inverse(), R.pseudo_inverse()
    first = R_inv @ V + (identity(hidden[0]) - R_inv @ R) @ draw.matrix(hidden[0], n)
    last = U @ L_inv + draw.matrix(m, hidden[-1]) @ (identity(hidden[-1]) - L @ L_inv)
    B, A = data.network(data.best(p), p, identity(p))
    B, A = vstack([B, zeros(hidden[0] - p, n)]), hstack([A, zeros(m, hidden[-1] - p)])
    return CriticalPoint((first, *middle, last), data.X, data.Y, (B, *plain, A), data.spectrum)


def product(layers: list[Matrix], n: int) -> Matrix:
    return functools.reduce(lambda T, W: W @ T, layers, identity(n))


def split(T: Matrix) -> tuple[Matrix, Matrix]:
    r"""$T = L R$ with as many columns in $L$ as the rank of $T$."""
    R, pivots = T.rref()
    return T[:, pivots], R[: len(pivots), :]


def critical_points() -> st.SearchStrategy[Batch[CriticalPoint]]:
    size = st.sampled_from((1, 2, 3, 3))
    hidden = st.lists(st.integers(1, 3), min_size=1, max_size=3).map(tuple)
    return batches(st.builds(Sizes, size, size, hidden, size, seeds()), planted, size=2)


def descent(model: Model) -> tuple[Matrix, Matrix]:
    """A direction (D_V, D_U) of negative curvature for the two-layer network."""
    V, U = model["R"] @ model["W_1"], model["W_K"] @ model["L"]
    return bending(V, U, model["X"], model["Y"])


@functools.lru_cache(maxsize=256)
def bending(V: Matrix, U: Matrix, X: Matrix, Y: Matrix) -> tuple[Matrix, Matrix]:
    t = CriticalPoint((V, U), X, Y, (V, U))
    v = negative_direction(hessian(t, ends(t))).entries()
    split = V.rows * V.cols
    return Matrix.from_entries(V.rows, V.cols, v[:split]), Matrix.from_entries(U.rows, U.cols, v[split:])


def interpret(t: CriticalPoint) -> Model | None:
    """The letters at a critical point that is not a global minimum."""
    if not is_not_global(t):
        return None
    T, p = t.middle, t.width
    L, R = split(T)
    B = product([*t.better[:-1]], t.X.rows)[:p, :]  # the better network passes everything through p hidden units
    A = t.better[-1][:, :p]
    letters = {"W_1": t.layers[0], "T": T, "W_K": t.layers[-1], "X": t.X, "Y": t.Y, "A": A, "B": B}
    return Model(letters | {"L": L, "R": R, "L^-": L.pseudo_inverse(), "R^-": R.pseudo_inverse()})


def stratum(t: CriticalPoint) -> str:
    if not is_not_global(t):
        return "global minimum"
    if t.X.rank() < t.X.rows:
        return "rank-deficient data"
    if len(set(t.spectrum)) < len(t.spectrum):
        return "a tie"
    if len(t.layers) == 2:
        return "two layers"
    return "generic"


def is_generic(t: CriticalPoint) -> bool:
    """What Kawaguchi assumes."""
    return is_full_rank(t) and is_distinct(t) and has_few_outputs(t)


claim = Claim(
    __name__,
    __doc__,
    source=Citation("kawaguchi2016deep", "Theorem 2.3 (iv)"),
    also=(Citation("achour2021loss", "abstract"),),
    premises=(
        critical(
            "The gradients in the first and in the last layer vanish.",
            ends,
            lambda: scalars(1, 1, 1, y=Fraction(3, 2)),
        ),
        Premise(
            "full-rank middle",
            r"The rank of $W_{K-1} \cdots W_2$ is the smallest hidden width.",
            holds=lambda t: t.middle.rank() == t.width,
            without=lambda: scalars(0, 0, 0),
            show=numbers,
        ),
        linear(lambda: scalars(0, 1, 0, squared=True)),
        superfluous(
            critical_points,
            "generic data",
            r"$X X^\top$ and $X Y^\top$ have full rank, $m \le n$, and $Y X^\top (X X^\top)^{-1} X Y^\top$ has $m$ distinct eigenvalues.",
            is_generic,
        ),
    ),
    derivation=proof,
    interpret=interpret,
    instances=critical_points,
    check=check,
    stratum=stratum,
    beyond="the gradients of the middle layers vanish too, and the loss at global minima is the Eckart-Young value",
    mutants=(
        Mutant(
            "one rank less",
            "It suffices that the rank of the middle is at least the smallest hidden width less one.",
            check,
            lambda: scalars(0, 0, 0),
        ),
        Mutant(
            "first layer alone",
            r"There is a direction of negative curvature that moves only $W_1$.",
            lambda t: decided(not is_not_global(t) or hessian(t, places(t, (0,))).inertia()[1] > 0),
            lambda: scalars(0, 1, 0),
        ),
        no_saddles("Every critical point with a full-rank middle is a global minimum.", lambda: scalars(0, 1, 0)),
        too_many_saddles(
            "The Hessian has a negative eigenvalue in the end layers at every critical point.",
            ends,
            lambda: scalars(1, 1, 1),
        ),
    ),
)
