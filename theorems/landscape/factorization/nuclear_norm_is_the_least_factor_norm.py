r"""The nuclear norm of a product is half the least sum of squared factor norms, attained by balanced factors.

**Theorem.** For all $U \in \mathbb{R}^{m \times p}$ and $V \in \mathbb{R}^{p \times n}$, with $\|\cdot\|_*$ the sum of the
singular values,
$$\|U\|_F^2 + \|V\|_F^2 \;\ge\; 2\, \|U V\|_* ,$$
with equality if and only if $U^\top U = V V^\top$. If $U V = L D R^\top$ is a singular value decomposition (orthonormal columns
in $L$ and $R$, $D$ diagonal and non-negative), then $L \sqrt D$ and $\sqrt D R^\top$ have the same product and attain equality.

**Idea.** Since $\operatorname{tr}(L^\top U V R) = \operatorname{tr} D$, the excess is a sum of three squares,
$$\|U\|^2 + \|V\|^2 - 2 \operatorname{tr} D = \|L^\top U - R^\top V^\top\|^2 + \|U - L L^\top U\|^2 + \|V - V R R^\top\|^2 .$$
If all vanish, then $U^\top U = U^\top L L^\top U = V R R^\top V^\top = V V^\top$. Conversely let $U^\top U = V V^\top$. Then
$W = U U^\top$ and $Z = L D L^\top$ are positive semidefinite with $W^2 = U V V^\top U^\top = L D^2 L^\top = Z^2$, so
$\operatorname{tr} (W - Z) (W + Z) (W - Z) = 0$. Both halves of this trace are squares, so $W = Z$, and
$\|U\|^2 = \operatorname{tr} Z = \operatorname{tr} D = \|V\|^2$. Nothing is cited.

In the formal goal, factors $e$ and $f$ say *if*: that $e \cdot x = 0$ implies $e \cdot M = 0$ for all numbers $e$ means that
$x = 0$ implies $M = 0$.

**Reading.** Weight decay on the two layers of a linear network is a nuclear norm on what it computes, hence a preference for
low rank. Gradient flow keeps $U^\top U - V V^\top$, so from a small start it stays near the least norm without weight decay.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flint import fmpq
from hypothesis import strategies as st

from numerics.arithmetic.exact import Matrix, diagonal, hstack, vstack, zeros
from numerics.arithmetic.polynomial import has_singular_values
from numerics.evidence.verdict import Verdict, at_least, decided, equal, every, greater_than
from numerics.strategies import frames, matrices
from numerics.strategies.factorizations import gram, mixes, targets
from theorems import Citation, Claim, Mutant, Tight
from theorems.proof import Derivation
from theorems.proof.crosscheck import Model
from theorems.schemes.projections import vanishes


def imbalance(U, V):
    r"""$U^\top U - V V^\top$."""
    return U.T @ U - V @ V.T


def cost(U, V):
    r"""$\|U\|_F^2 + \|V\|_F^2$."""
    return U.squared_norm() + V.squared_norm()


# Proof.


def proof() -> Derivation:
    from theorems.proof import equal, identity, nonnegative, zero

    d = Derivation("the nuclear norm is the least factor norm")
    U, V, L, R = d.matrices("U: m p", "V: p n", "L: m r", "R: n r")
    D, G = d.matrices("D: r r symmetric", "G: r g")
    e, f = d.scalars("e f")
    svd = d.given(equal(U @ V, L @ D @ R.T), "the singular value decomposition of the product")
    left = d.given(equal(L.T @ L, identity("r")), "orthonormal left singular vectors")
    right = d.given(equal(R.T @ R, identity("r")), "orthonormal right singular vectors")
    root = d.given(equal(D, G @ G.T), "singular values are not negative, and G is a square root")
    excess = cost(U, V) - 2 * D.trace()
    attained = d.given(zero(e * excess), "if e is not 0: equality")
    balanced = d.given(zero(f * imbalance(U, V)), "if f is not 0: the factors are balanced")

    least = d.goal(nonnegative(excess))
    only_if = d.goal(zero(e * imbalance(U, V)))
    if_ = d.goal(zero(f * excess))
    product = d.goal(equal((L @ G) @ (G.T @ R.T), U @ V))
    reached = d.goal(equal(cost(L @ G, G.T @ R.T), 2 * D.trace()))
    d.algebra(product, [svd, root])
    d.algebra(reached, [left, right, root])

    squares = (L.T @ U - R.T @ V.T, U - L @ L.T @ U, V - V @ R @ R.T)
    a, b, c = (x.squared_norm() for x in squares)
    sum_ = d.algebra(equal(excess, a + b + c), [svd, left, right], reason="three squares")
    d.squares(least, squares, [sum_])

    # Equality: each square vanishes.
    gone = []
    for x in squares:
        others = [e * y for y in squares if y is not x]
        gone.append(vanishes(d, e * x, d.squares(nonnegative(-(e * x).squared_norm()), others, [attained, sum_])))
    d.algebra(only_if, gone)

    # Balance: W = U U' and Z = L D L' have one square, and positive semidefinite square roots are unique.
    W, Z = U @ U.T, L @ D @ L.T
    T = W - Z
    middle = d.algebra(equal(f * W @ W, f * U @ V @ V.T @ U.T), [balanced])
    square = d.algebra(equal(f * W @ W, f * Z @ Z), [middle, svd, right, left])
    both = d.algebra(zero((f * T @ U).squared_norm() + (f * T @ L @ G).squared_norm()), [square, root])

    def half(x, other):
        return vanishes(d, f * x, d.squares(nonnegative(-(f * x).squared_norm()), [f * other], [both]))

    first, second = half(T @ U, T @ L @ G), half(T @ L @ G, T @ U)
    same = d.definite(d.algebra(zero((f * T).squared_norm()), [first, second, root]), f * T)
    d.algebra(if_, [same, balanced, left])
    return d


# Check.


@dataclass(frozen=True)
class Pair:
    r"""Factors $U$, $V$. With `sigma`, the singular values of $U V$ were planted: $U V = L D R^\top$ with these matrices."""

    U: Matrix
    V: Matrix
    sigma: tuple[fmpq, ...] = ()
    L: Matrix | None = None
    R: Matrix | None = None

    def is_balanced(self) -> bool:
        return imbalance(self.U, self.V).is_zero()

    @property
    def product(self) -> Matrix:
        return self.U @ self.V


@st.composite
def pairs(draw: st.DrawFn) -> Pair:
    r"""Balanced pairs, mixed ones, with idle columns of $U$ or idle rows of $V$; and pairs of which nothing is planted."""
    target = draw(targets(st.integers(1, 4), largest=3))
    m, n = target.left.rows, target.right.rows
    if draw(st.sampled_from((False, False, False, True))):
        p = draw(st.integers(1, 3))
        return Pair(draw(matrices(m, p)), draw(matrices(p, n)))
    U, V = target.best()
    idle = draw(st.integers(0, 1))
    above, below = zeros(m, idle), zeros(idle, n)
    which = draw(st.sampled_from(("none", "above", "below")))
    if which == "above":
        above = draw(matrices(m, idle))
    elif which == "below":
        below = draw(matrices(idle, n))
    p = target.width + idle
    mix = draw(st.one_of(frames(p), mixes(p)))
    U, V = hstack([U, above]) @ mix, mix.inverse() @ vstack([V, below])
    k = min(target.width, len(target.roots))
    return Pair(U, V, tuple(target.sigma[:k]), target.left[:, :k], target.right[:, :k])


def check(t: Pair) -> Verdict:
    if t.sigma:
        twice = 2 * sum(t.sigma, fmpq(0))
        return every(
            [
                decided(has_singular_values(t.product, t.sigma), "the planted spectrum"),
                at_least(cost(t.U, t.V), twice, "the sum of squares"),
                decided(t.is_balanced() == (cost(t.U, t.V) == twice), "equality if and only if balanced"),
            ]
        )
    if t.is_balanced():
        # U U' is positive semidefinite, so if its square is A A' then its trace is the nuclear norm of A.
        W = t.U @ t.U.T
        square = decided(W @ W == t.product @ t.product.T, "U U' is the square root of (U V)(U V)'")
        return every([square, equal(cost(t.U, t.V), 2 * W.trace(), "equality")])
    from numerics.arithmetic.balls import decide, nuclear_norm

    return decide(lambda bits: greater_than(cost(t.U, t.V), 2 * nuclear_norm(t.product), "strict, by balls"))


def interpret(t: Pair) -> Model | None:
    if t.L is None or t.R is None:
        return None
    attained = cost(t.U, t.V) == 2 * sum(t.sigma, fmpq(0))
    letters = {"U": t.U, "V": t.V, "L": t.L, "R": t.R, "D": diagonal(t.sigma), "G": gram(t.sigma)}
    return Model({**letters, "e": int(attained), "f": int(t.is_balanced())})


def stratum(t: Pair) -> str:
    if t.product.is_zero():
        return "zero product"
    if not t.sigma:
        return "balanced" if t.is_balanced() else "generic"
    return "planted, balanced" if t.is_balanced() else "planted"


def square(*diagonals: Sequence[int]) -> Pair:
    """Two diagonal matrices with a product in descending order."""
    U, V = diagonals
    sigma = tuple(fmpq(x * y) for x, y in zip(U, V, strict=True))
    eye = diagonal([1] * len(U))
    return Pair(diagonal(U), diagonal(V), sigma, eye, eye)


def crossed() -> Pair:
    """The product $e_1 e_2^T$, balanced."""
    e1, e2 = Matrix([[1], [0]]), Matrix([[0], [1]])
    return Pair(e1, e2.T, (fmpq(1),), e1, e2)


def twice_nuclear(t: Pair) -> fmpq:
    return 2 * sum(t.sigma, fmpq(0))


def draw_costs(ax: Any) -> Any:
    """The half cost of the factors (t U, V / t) of one product, against t: the nuclear norm is the least value."""
    import numpy as np

    U, V = np.diag([2.0, 1.0]), np.diag([2.0, 1.0])
    ts = np.linspace(0.5, 2, 200)
    ax.plot(ts, [((t * U) ** 2).sum() / 2 + ((V / t) ** 2).sum() / 2 for t in ts], label="(t U, V / t), balanced at 1")
    S = np.diag([2.0, 0.5])
    ax.plot(
        ts, [((t * U @ S) ** 2).sum() / 2 + ((np.linalg.inv(S) @ V / t) ** 2).sum() / 2 for t in ts], label="unbalanced"
    )
    ax.axhline(5, linestyle=":", color="black", label="nuclear norm")
    ax.set_xlabel("t")
    ax.set_ylabel("half the sum of squared norms")
    ax.legend()
    return ax


claim = Claim(
    __name__,
    __doc__,
    source=Citation("li2017geometry", "abstract"),
    derivation=proof,
    interpret=interpret,
    instances=pairs,
    check=check,
    stratum=stratum,
    beyond="products whose singular values were not planted, by certified singular values",
    mutants=(
        Mutant(
            "without the two",
            r"The least value of $\|U\|_F^2 + \|V\|_F^2$ is $\|U V\|_*$: balanced factors attain it.",
            lambda t: decided(not t.is_balanced() or 2 * cost(t.U, t.V) == twice_nuclear(t)),
            lambda: square([1], [1]),
        ),
        Mutant(
            "Frobenius norm",
            r"Balanced factors attain $2\, \|U V\|_F$.",
            lambda t: decided(not t.is_balanced() or cost(t.U, t.V) ** 2 == 4 * t.product.squared_norm()),
            lambda: square([1, 1], [1, 1]),
        ),
        Mutant(
            "twice too large",
            r"$\|U\|_F^2 + \|V\|_F^2 \ge 4\, \|U V\|_*$.",
            lambda t: at_least(cost(t.U, t.V), 2 * twice_nuclear(t)),
            lambda: square([1], [1]),
        ),
        Mutant(
            "equal norms",
            r"$\|U\|_F = \|V\|_F$ is enough for equality.",
            lambda t: decided(
                t.U.squared_norm() != t.V.squared_norm() or cost(t.U, t.V) == twice_nuclear(t),
            ),
            lambda: square([2, 1], [1, 2]),
        ),
        Mutant(
            "outer Gram matrices",
            r"Equality holds only if $U U^\top = V^\top V$.",
            lambda t: decided(cost(t.U, t.V) != twice_nuclear(t) or t.U @ t.U.T == t.V.T @ t.V),
            crossed,
        ),
        Mutant(
            "never strict",
            r"$\|U\|_F^2 + \|V\|_F^2 = 2\, \|U V\|_*$ for all factors.",
            lambda t: equal(cost(t.U, t.V), twice_nuclear(t)),
            lambda: square([2], [1]),
        ),
    ),
    tight=(
        Tight(
            "balanced factors of a product that is not symmetric",
            crossed,
            lambda t: equal(cost(t.U, t.V), twice_nuclear(t)),
        ),
    ),
    figure=draw_costs,
)
