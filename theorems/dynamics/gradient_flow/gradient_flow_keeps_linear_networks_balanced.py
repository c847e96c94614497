r"""Gradient flow keeps the layers of a linear network balanced.

**Theorem.** Let $E(W_1, \dots, W_K) = L(W_K \cdots W_1)$ with $L$ differentiable and $K \ge 2$, and let
$G_k = \partial E / \partial W_k$. For every $1 \le k < K$ the imbalance $D_k = W_{k+1}^\top W_{k+1} - W_k W_k^\top$ is
constant along gradient flow $\dot W_k = -G_k$. One step $W_k \mapsto W_k - \eta G_k$ of gradient descent changes it by
exactly $\eta^2 (G_{k+1}^\top G_{k+1} - G_k G_k^\top)$.

**Idea.** Both gradients are one matrix seen through the other layer. With $B$ the product of the layers above $k + 1$, $A$
the product of those below $k$, $G = \nabla L$ and $M = B^\top G A^\top$, we have $G_k = W_{k+1}^\top M$ and
$G_{k+1} = M W_k^\top$. So $W_{k+1}^\top G_{k+1} = W_{k+1}^\top M W_k^\top = G_k W_k^\top$, and everything of first order
in $\eta$ cancels. The second order does not: it is the imbalance of the gradients. The formal proof starts from the chain
rule: $E$ changes as the linear function $\langle G, \cdot \rangle$ of the product does.

**Reading.** Balanced layers share their non-zero singular values, so no layer can vanish or explode alone. Gradient
descent with a finite step drifts, by the amount stated; smaller steps drift less over the same time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from hypothesis import strategies as st

from numerics.arithmetic.exact import Matrix
from numerics.evidence.verdict import Verdict, decided, every
from numerics.strategies import linear_networks, matrices, rationals, sizes
from theorems import Citation, Claim, Mutant, Premise
from theorems.proof import Derivation, equal, zero
from theorems.proof.crosscheck import Model


def imbalance(lower, upper):
    r"""$W_{k+1}^\top W_{k+1} - W_k W_k^\top$ for `lower` $= W_k$ and `upper` $= W_{k+1}$ (or for their gradients)."""
    return upper.T @ upper - lower @ lower.T


# Proof.


def proof() -> Derivation:
    d = Derivation("gradient flow keeps linear networks balanced")
    W, V, A, B, G = d.matrices("W_k: h h_0", "W_{k+1}: h_2 h", "A: h_0 n", "B: m h_2", "G: m n")
    eta = d.scalar("eta")
    # The chain rule: L changes as the linear function <G, .> of the product does, with G = grad L held fixed.
    linearised = G.inner(B @ V @ W @ A)
    G_W, G_V = d.gradient(linearised, W), d.gradient(linearised, V)
    flow = d.goal(zero(d.derivative(imbalance(W, V), {W: -G_W, V: -G_V})))
    descent = d.goal(equal(imbalance(W - eta * G_W, V - eta * G_V), imbalance(W, V) + eta**2 * imbalance(G_W, G_V)))
    d.algebra(flow, reason="both first-order terms are the same matrix")
    d.algebra(descent, reason="only the second order of the step is left")
    return d


# Check.


@dataclass(frozen=True)
class Training:
    r"""Layers $W_1, \dots, W_K$ in training on $E = \|f(X) - Y\|_F^2$ with step $\eta$.

    The theorem has equal `rates` for all layers, no weight `decay` and no activation; other values violate a premise.
    """

    layers: tuple[Matrix, ...]
    X: Matrix
    Y: Matrix
    step: Fraction
    rates: tuple[int, ...] = ()
    decay: int = 0
    squared: bool = False  # the hidden activation t -> t^2 instead of the identity

    def loss(self, layers: Sequence[Matrix]):
        z = self.X
        for k, W in enumerate(layers):
            z = W @ z
            if self.squared and k < len(layers) - 1:
                z = Matrix([[z[i, j] * z[i, j] for j in range(z.cols)] for i in range(z.rows)])
        return (z - self.Y).squared_norm()


@st.composite
def trainings(draw) -> Training:
    layers = draw(linear_networks(max_depth=4, max_width=3))
    samples = draw(sizes(1, 3))
    X = draw(matrices(layers[0].cols, samples))
    Y = draw(matrices(layers[-1].rows, samples))
    return Training(layers, X, Y, Fraction(draw(rationals())))


def velocities(t: Training) -> list[Matrix]:
    r"""$-\partial E/\partial W_k$ entry by entry, from values of $E$ alone: no backpropagation, no matrix calculus.

    Along one entry $E$ is a polynomial of degree at most 4, and for those the five-point difference is exact.
    """
    rates = t.rates or (1,) * len(t.layers)
    result = []
    for k, W in enumerate(t.layers):

        def along(i, j, s, k=k, W=W):
            moved = list(t.layers)
            moved[k] = W.copy_with({(i, j): W[i, j] + s})
            return t.loss(moved)

        def slope(i, j, along=along):
            return (8 * (along(i, j, 1) - along(i, j, -1)) - (along(i, j, 2) - along(i, j, -2))) / 12

        gradient = Matrix([[slope(i, j) for j in range(W.cols)] for i in range(W.rows)])
        result.append(-rates[k] * gradient - t.decay * W)
    return result


def pairs(t: Training):
    """Neighbouring layers with their velocities: (W_k, W_{k+1}, V_k, V_{k+1})."""
    V = velocities(t)
    return [(t.layers[k], t.layers[k + 1], V[k], V[k + 1]) for k in range(len(t.layers) - 1)]


def is_conserved(W, U, V_W, V_U) -> Verdict:
    """The time derivative of the imbalance, written out entry by entry of the product rule, vanishes."""
    rate = V_U.T @ U + U.T @ V_U - V_W @ W.T - W @ V_W.T
    return decided(rate.is_zero(), "imbalance along the flow")


def check(t: Training) -> Verdict:
    verdicts = []
    for W, U, V_W, V_U in pairs(t):
        h = t.step
        after = imbalance(W + h * V_W, U + h * V_U)
        verdicts.append(is_conserved(W, U, V_W, V_U))
        drift = h * h * imbalance(V_W, V_U)
        verdicts.append(decided(after == imbalance(W, U) + drift, "drift of one step of gradient descent"))
    return every(verdicts)


def interpret(t: Training) -> Model:
    r"""The letters at $k = 1$ of a network of at least two layers, with $G = 2 (P X - Y) X^\top$."""
    lower, upper = t.layers[0], t.layers[1]
    B = Matrix([[int(i == j) for j in range(upper.rows)] for i in range(upper.rows)])
    for W in t.layers[2:]:
        B = W @ B
    A = t.X
    G = 2 * (B @ upper @ lower @ A - t.Y)
    return Model({"W_k": lower, "W_{k+1}": upper, "A": A, "B": B, "G": G, "eta": t.step})


def stratum(t: Training) -> str:
    if any(W.is_zero() for W in t.layers):
        return "a layer is zero"
    if any(W.rank() < min(W.shape) for W in t.layers):
        return "a layer drops rank"
    return "generic"


def scalars(*weights: int, **change) -> Training:
    """A scalar chain on the sample $x = 1$, $y = 3$."""
    return replace(
        Training(tuple(Matrix([[w]]) for w in weights), Matrix([[1]]), Matrix([[3]]), Fraction(1, 10)), **change
    )


def mutant(expression) -> Callable[[Training], Verdict]:
    """A check of a variant: `expression(W, U, V_W, V_U, h)` must be zero for all neighbours."""
    return lambda t: every(decided(expression(*p, t.step).is_zero()) for p in pairs(t))


claim = Claim(
    __name__,
    __doc__,
    source=Citation("du2018algorithmic", "abstract"),
    premises=(
        Premise(
            "one rate",
            "All layers move with the same learning rate.",
            holds=lambda t: len(set(t.rates)) <= 1,
            without=lambda: scalars(1, 2, rates=(1, 2)),
        ),
        Premise(
            "no weight decay",
            "The loss depends on the product of the layers alone: no weight decay.",
            holds=lambda t: t.decay == 0,
            without=lambda: scalars(1, 2, decay=1),
        ),
        Premise(
            "linear",
            "No activation function stands between the layers.",
            holds=lambda t: not t.squared,
            without=lambda: scalars(1, 2, squared=True),
        ),
    ),
    derivation=proof,
    interpret=interpret,
    instances=trainings,
    check=check,
    stratum=stratum,
    beyond="every pair of neighbours of networks of up to four layers, with gradients taken from values of the loss alone",
    mutants=(
        Mutant(
            "descent conserves",
            "One step of gradient descent keeps the imbalance exactly.",
            mutant(lambda W, U, V, Z, h: imbalance(W + h * V, U + h * Z) - imbalance(W, U)),
            lambda: scalars(1, 2),
        ),
        Mutant(
            "first order drift",
            r"The drift of one step is $\eta (G_{k+1}^\top G_{k+1} - G_k G_k^\top)$.",
            mutant(lambda W, U, V, Z, h: imbalance(W + h * V, U + h * Z) - imbalance(W, U) - h * imbalance(V, Z)),
            lambda: scalars(1, 2),
        ),
        Mutant(
            "sign of the drift",
            r"The drift of one step is $-\eta^2 (G_{k+1}^\top G_{k+1} - G_k G_k^\top)$.",
            mutant(lambda W, U, V, Z, h: imbalance(W + h * V, U + h * Z) - imbalance(W, U) + h * h * imbalance(V, Z)),
            lambda: scalars(1, 2),
        ),
        Mutant(
            "sum instead of difference",
            r"$W_{k+1}^\top W_{k+1} + W_k W_k^\top$ is conserved by the flow.",
            mutant(lambda W, U, V, Z, h: Z.T @ U + U.T @ Z + V @ W.T + W @ V.T),
            lambda: scalars(1, 2),
        ),
        Mutant(
            "transposed Gram matrices",
            r"For square layers, $W_{k+1} W_{k+1}^\top - W_k^\top W_k$ is conserved.",
            lambda t: every(
                decided((Z @ U.T + U @ Z.T - V.T @ W - W.T @ V).is_zero())
                for W, U, V, Z in pairs(t)
                if W.cols == U.rows
            ),
            lambda: Training(
                (Matrix([[1, 0], [0, 0]]), Matrix([[0, 1], [1, 0]])),
                Matrix([[1, 0], [0, 1]]),
                Matrix([[1, 0], [0, 0]]),
                Fraction(1),
            ),
        ),
    ),
)
