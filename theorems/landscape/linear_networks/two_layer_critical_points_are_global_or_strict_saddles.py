r"""Critical points of two-layer linear networks are global minima or strict saddles.

**Theorem.** Let $X \in \mathbb{R}^{n \times N}$ and $Y \in \mathbb{R}^{m \times N}$ be any data, $p \ge 1$ any width, and
$E(U, V) = \|U V X - Y\|_F^2$ for $U \in \mathbb{R}^{m \times p}$, $V \in \mathbb{R}^{p \times n}$. Let $(U, V)$ be a
critical point of $E$. If $E(A, B) < E(U, V)$ for some $A \in \mathbb{R}^{m \times p}$, $B \in \mathbb{R}^{p \times n}$,
then there are $D_U$, $D_V$ with
$$\frac{d^2}{dt^2} E(U + t D_U, V + t D_V) \Big|_{t = 0} < 0 .$$
So each critical point is a global minimum, or its Hessian has a negative eigenvalue.

**Idea.** Let $R$ be the part of the residual $Y - U V X$ that linear maps of $X$ can reach. Criticality says $U^\top R = 0$
and $R\, (V X)^\top = 0$. Let $u$ be the top eigenvector of $R R^\top$ and $\lambda$ its eigenvalue. For all vectors
$y, z \in \mathbb{R}^p$ there is a direction with $D_U = u y^\top$ and $D_V X = z u^\top R$, and along it the second
derivative is
$$2 \|u\|^2 \left( \|(V X)^\top y\|^2 + \lambda \|U z\|^2 - 2 \lambda\, y^\top z \right).$$
Suppose that it is never negative. If $\lambda > 0$, then $U$ has trivial kernel: $y$, $z$ in the kernel, with $z$ much
longer, would make it negative. And $y = U^\top U z$ gives $\|P^\top q\|^2 \ge \lambda \|q\|^2$ for $P = U V X$ and all
$q = U z$. So $P$ stretches the $p$ dimensions of its image at least as much as $R$ stretches anything, and by Ky Fan's
argument, which is one identity between squares, no matrix of rank $p$ is nearer to $P + R$ than $P$ is. The proof below runs
forwards: it finds the direction from a better pair $(A, B)$. It cites two facts: every matrix has a Moore-Penrose inverse,
and Rayleigh's principle.

**Reading.** A method that leaves strict saddles, such as noisy gradient descent, cannot stall above the global minimum. No
rank, eigenvalue or width condition is needed, though papers state them. Three layers are different: at zero weights all
second derivatives vanish.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from fractions import Fraction
from typing import Any

from flint import fmpq
from hypothesis import strategies as st

from numerics.arithmetic.exact import Matrix, diagonal, identity
from numerics.arithmetic.polynomial import characteristic_polynomial
from numerics.evidence.verdict import Verdict, decided, equal
from numerics.strategies import Batch, Stream, batches, seeds
from numerics.strategies.critical_points import (
    Channels,
    CriticalPoint,
    Sizes,
    error,
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
from theorems.cited.matrices import inverse, rayleigh
from theorems.proof import Derivation, Expr, Fact, Letter, Statement
from theorems.proof.crosscheck import Model
from theorems.schemes.projections import image
from theorems.schemes.strict_saddles import critical, linear, no_saddles, superfluous, too_many_saddles


def curvature(U, V, X, Y, D, C):
    r"""The second derivative of $\|U V X - Y\|_F^2$ along $D$ for $U$ and $C$ for $V$."""
    return 2 * ((D @ V + U @ C) @ X).squared_norm() + 4 * error((V, U), X, Y).inner(D @ C @ X)


# Proof.


@functools.lru_cache(maxsize=256)
def top_eigenpair(S: Matrix, B: Matrix) -> tuple[fmpq, Matrix]:
    r"""The largest rational eigenvalue of $S$ with a vector; raises `KeyError` when it is below the Rayleigh quotient."""
    _, factors = characteristic_polynomial(S).to_flint().factor()
    value = max((-f[0] / f[1] for f, _ in factors if f.degree() == 1), default=None)
    if value is None or value * B.squared_norm() < B.inner(S @ B):
        raise KeyError("the largest eigenvalue is not rational")
    return value, (S - value * identity(S.rows)).kernel()[:, [0]]


def proof() -> Derivation:
    from theorems.proof import at_least, dimension, equal, identity, less, letter, nonnegative, positive, zero

    d = Derivation("two-layer critical points are global or strict saddles")
    U, V, X, Y, A, B = d.matrices("U: m p", "V: p n", "X: n N", "Y: m N", "A: m p", "B: p n")
    d.partial(U, V, X, Y)
    E, better = error((V, U), X, Y).squared_norm(), error((B, A), X, Y).squared_norm()
    in_U = d.given(zero(d.gradient(E, U)), "critical in U")
    in_V = d.given(zero(d.gradient(E, V)), "critical in V")
    smaller = d.given(less(better, E), "not a global minimum")
    D_U, D_V = Letter("D_U", "m", "p"), Letter("D_V", "p", "n")
    moves = {U: letter(D_U), V: letter(D_V)}
    descent = less(d.derivative(d.derivative(E, moves), moves), 0)
    goal = Statement((), (), (descent,), (D_U, D_V))
    d.goal(goal)

    def eigenpair(S: Expr, B: Expr, value: str, vector: str) -> tuple[Expr, Expr, list[Fact]]:
        def part(k: int) -> Callable[[Model], Any]:
            return lambda model: top_eigenpair(model.evaluate(S), model.evaluate(B))[k]

        new = {"lambda": value, "v": vector}
        (l, v), facts = d.axiom(rayleigh(), {"S": S, "B": B}, new=new, values={value: part(0), vector: part(1)})
        return l, v, facts

    # The residual D and the part R = W X of it that linear maps of X can reach.
    D, d_is = d.define("D", Y - U @ V @ X)
    Z, z_is = d.define("Z", V @ X)
    X_inv, x = inverse(d, X, "X^+")
    W, w_is = d.define("W", D @ X_inv)
    R, r_is = d.define("R", W @ X)
    normal = d.algebra(equal(R @ X.T, D @ X.T), [w_is, r_is, x[0], x[3]], reason="normal equations")
    r_too = d.algebra(equal(R, D @ X.T @ X_inv.T), [w_is, r_is, x[3]])
    slope_V = d.algebra(zero(U.T @ D @ X.T), [in_V, d_is])
    slope_U = d.algebra(zero(D @ X.T @ V.T), [in_U, d_is])
    left = d.algebra(zero(U.T @ R), [r_too, slope_V])
    right = d.algebra(zero(R @ Z.T), [normal, slope_U, z_is])

    # Q and F project onto the images of U and A; N and K project onto their kernels.
    of_U, of_A = image(d, U, ("U^+", "Q", "N")), image(d, A)
    Q, N, QU, QQ = of_U.F, of_U.K, of_U.FA, of_U.FF
    F, K, FF = of_A.F, of_A.K, of_A.FF
    QR = d.algebra(zero(R.T @ Q), [of_U.F_is, left])

    # How much better (A, B) is: Pythagoras twice.
    C, c_is = d.define("C", A @ B @ X)
    M, m_is = d.define("M", U @ Z + R)
    FC = d.algebra(equal(F @ C, C), [c_is, of_A.FA])
    parts = (C - U @ Z).squared_norm() - 2 * (C - U @ Z).inner(R)
    expanded = d.algebra(equal(better - E, parts), [d_is, c_is, z_is, normal])
    parts = (C - F @ M).squared_norm() + (U @ Z).squared_norm() - (F @ U @ Z).squared_norm() - (F @ R).squared_norm()
    gap = d.algebra(equal(better - E, parts), [expanded, m_is, FC, FF, left, right])

    # The top eigenvalue lambda of R R' bounds what F can see of R.
    l, u, top = eigenpair(R @ R.T, F - Q @ F, "lambda", "u")
    seen = d.squares(at_least(l * (F.trace() - (Q @ F).trace()), (F @ R).squared_norm()), [(1, top[2])], [FF, QQ, QR])
    length = d.algebra(equal(l * u.squared_norm(), (R.T @ u).squared_norm()), [top[0]])
    kappa, inverted = d.reciprocal(top[1], "kappa")
    l_sign = d.squares(nonnegative(l), [(1, top[1], kappa * R.T @ u)], [inverted, length])

    # mu > 0 if U has a kernel; nu > 0 if P' stretches some q in the image of U too little.
    mu, z, kernel = eigenpair(N, identity("p"), "mu", "z")
    J, j_is = d.define("J", Q - Q @ F)
    S, s_is = d.define("S", l * J.T @ J - J.T @ U @ Z @ Z.T @ U.T @ J, symmetric=True)
    nu, e, weak = eigenpair(S, identity("m"), "nu", "e")
    missed = (F @ U @ Z).squared_norm() - (U @ Z).squared_norm()
    trace = d.algebra(equal(S.trace(), l * (Q.trace() - (Q @ F).trace()) + missed), [s_is, j_is, FF, QQ, QU])
    m, p = dimension("m"), dimension("p")
    either = d.squares(
        positive(nu * m + l * mu * p),
        [(1, smaller), C - F @ M, (1, seen), (1, weak[2]), (1, l_sign, K), (1, l_sign, kernel[2])],
        [gap, trace, of_U.rank, of_A.rank, of_A.KK],
        reason="a better pair exists: by Ky Fan, nu or lambda mu is positive",
    )

    # The second derivative along D_U = u y', D_V = z u' W.
    reach = d.algebra(equal(D @ X.T @ W.T, R @ R.T), [normal, r_is])
    m_sign = d.squares(positive(m), [(1,), (1, d.dimension("m"))])
    p_sign = d.squares(positive(p), [(1,), (1, d.dimension("p"))])

    def along(y: Expr, z: Expr) -> Expr:
        return curvature(U, V, X, Y, u @ y.T, z @ u.T @ W)

    def form(y: Expr, z: Expr) -> Expr:
        return 2 * u.squared_norm() * ((Z.T @ y).squared_norm() + l * (U @ z).squared_norm() - 2 * l * y.inner(z))

    def bends(y: Expr, z: Expr) -> Fact:
        return d.algebra(equal(along(y, z), form(y, z)), [d_is, z_is, r_is, right, length, reach])

    def found(y: Expr, z: Expr, negative: Fact) -> Fact:
        return d.exhibit(goal, {"D_U": u @ y.T, "D_V": z @ u.T @ W}, [negative])

    # First case: y = U' U z, and q = U z has |P' q|^2 < lambda |q|^2.
    first = d.suppose(positive(nu * m), "P' stretches some q in the image of U too little")
    q, q_def = d.define("q", m * J @ e)
    g, g_def = d.define("g", m * of_U.inverse @ (e - F @ e))
    Ug = d.algebra(equal(U @ g, q), [g_def, q_def, j_is, of_U.F_is])
    value = -2 * u.squared_norm() * e.squared_norm() * (nu * m) * m
    low = d.algebra(equal(form(U.T @ q, g), value), [Ug, q_def, s_is, weak[0]])
    down = d.squares(less(along(U.T @ q, g), 0), [(2, top[1], weak[1], first, m_sign)], [bends(U.T @ q, g), low])
    by_image = found(U.T @ q, g, down)

    # Second case: lambda > 0 and U has a kernel; y and z are multiples of v in it.
    second = d.suppose(positive(nu * m).negation, "no such q")
    both = d.squares(positive(l * mu * p), [(1, either), (1, second)])
    v, v_def = d.define("v", p * N @ z)
    a, a_def = d.define("a", (Z.T @ v).squared_norm())
    b, b_def = d.define("b", l * v.squared_norm())
    b_sign = d.squares(positive(b), [(1, both, p_sign, kernel[1])], [b_def, v_def, of_U.KK, kernel[0]])
    Uv = d.algebra(zero(U @ v), [v_def, of_U.AK])
    y, z = b * v, (a + 1) * v
    squares = [(4, top[1], b_sign, b_sign), (2, top[1], b_sign, b_sign, Z.T @ v)]
    down = d.squares(less(along(y, z), 0), squares, [bends(y, z), a_def, b_def, Uv])
    d.cases([(first, by_image), (second, found(y, z, down))])
    return d


# Check.


def signs(t: CriticalPoint) -> tuple[int, int, int]:
    """The numbers of positive, negative and zero eigenvalues of the whole Hessian."""
    return hessian(t, places(t)).inertia()


def check(t: CriticalPoint) -> Verdict:
    if not is_not_global(t):
        return is_optimal(t)
    _, negative, null = signs(t)
    return decided(negative > 0, f"not global; the Hessian has {negative} negative, {null} zero eigenvalues")


def planted(sizes: Sizes, i: int) -> CriticalPoint:
    """Some channels of the data are kept, the others are lost; then the hidden layer is mixed."""
    draw = Stream(sizes.seed, i)
    (p,) = sizes.hidden
    data = Channels.drawn(draw, sizes.outputs, sizes.inputs, sizes.samples)
    mix = draw.frame(p) @ diagonal(draw.spectrum(p, minimum=1))
    V, U = data.network(data.some(draw, p), p, mix, draw)
    V = V + draw.matrix(*V.shape) @ (identity(V.cols) - data.X @ data.X.pseudo_inverse())
    return CriticalPoint((V, U), data.X, data.Y, data.network(data.best(p), p, identity(p)), data.spectrum)


def critical_points() -> st.SearchStrategy[Batch[CriticalPoint]]:
    size = st.sampled_from((1, 2, 3, 3, 3))
    hidden = st.tuples(st.integers(1, 3))
    return batches(st.builds(Sizes, size, size, hidden, size, seeds()), planted, size=2)


def interpret(t: CriticalPoint) -> Model | None:
    """The letters at a critical point that is not a global minimum."""
    if not is_not_global(t):
        return None
    (V, U), (B, A) = t.layers, t.better
    return Model({"U": U, "V": V, "X": t.X, "Y": t.Y, "A": A, "B": B})


def stratum(t: CriticalPoint) -> str:
    if not is_not_global(t):
        return "global minimum"
    if t.layers[0].is_zero() and t.layers[1].is_zero():
        return "the origin"
    if t.X.rank() < t.X.rows:
        return "rank-deficient data"
    if len(set(t.spectrum)) < len(t.spectrum):
        return "a tie"
    if t.layers[1].rank() < t.layers[1].cols:
        return "U has a kernel"
    return "generic"


def weighted() -> CriticalPoint:
    r"""$(u_1 v_1 - 1)^2 + (u_2 v_2 - \tfrac12)^2 + 4 (u_1 v_2)^2 + 4 (u_2 v_1)^2$ at $u = (0, \tfrac12)$, $v = (0, 1)$."""
    half = Fraction(1, 2)
    point = Matrix([[0, 1]]), Matrix([[0], [half]])
    better = Matrix([[1, 0]]), Matrix([[1], [0]])
    weights = Matrix([[1, 4], [4, 1]])
    return CriticalPoint(point, identity(2), diagonal([1, half]), better, (Fraction(1), half), weights=weights)


def exchange(s: int, sigma: int) -> CriticalPoint:
    r"""$Y = \operatorname{diag}(s, \sigma)$, $p = 1$, and $s$ is kept although $\sigma > s$."""
    point, better = (Matrix([[s, 0]]), Matrix([[1], [0]])), (Matrix([[0, sigma]]), Matrix([[0], [1]]))
    return CriticalPoint(point, identity(2), diagonal([s, sigma]), better, (Fraction(sigma), Fraction(s)))


def rotation(t: CriticalPoint) -> fmpq:
    r"""The coefficient of $t^2$ at `exchange`$(s, \sigma)$ when $U$ moves to $(1, t/s)$ and $V$ to $(s, t)$."""
    s = t.Y[0, 0]
    D = Matrix([[0], [1], [0], [1 / s]])  # the entries of V, then those of U
    return D.inner(hessian(t, places(t)) @ D) / 2


def draw_curvature(ax: Any) -> Any:
    """The smallest Hessian eigenvalue against the loss where channels of diag(2, 1) are kept: two layers and three."""
    import numpy as np

    for depth, marker in ((2, "o"), (3, "x")):
        losses, lowest = [], []
        for kept in ((0, 0), (1, 0), (0, 1), (1, 1)):
            first, other = diagonal([2 * kept[0], kept[1]]), diagonal(kept)
            layers = (first, *[other] * (depth - 1))
            t = CriticalPoint(layers, identity(2), diagonal([2, 1]), layers)
            losses.append(int(t.loss(layers)))
            lowest.append(np.linalg.eigvalsh(hessian(t, places(t)).to_numpy())[0])
        ax.plot(losses, lowest, marker, label=f"{depth} layers", fillstyle="none")
    ax.set_xlabel("loss at a critical point")
    ax.set_ylabel("smallest eigenvalue of the Hessian")
    ax.legend()
    return ax


claim = Claim(
    __name__,
    __doc__,
    source=Citation("zhu2020global", "abstract"),
    also=(Citation("kawaguchi2016deep", "Theorem 2.3 (iv)"), Citation("baldi1989neural", "abstract")),
    premises=(
        critical("Both gradients vanish.", places, lambda: scalars(1, 1, y=Fraction(3, 2))),
        Premise(
            "two layers",
            "The network has two layers.",
            holds=lambda t: len(t.layers) == 2,
            without=lambda: scalars(0, 0, 0),
            show=numbers,
        ),
        Premise(
            "equal weights",
            "All entries of the error have the same weight in the loss.",
            holds=lambda t: t.weights is None,
            without=weighted,
            show=numbers,
        ),
        linear(lambda: scalars(0, 0, squared=True)),
        superfluous(critical_points, "full rank", r"$X X^\top$ and $X Y^\top$ have full rank.", is_full_rank),
        superfluous(
            critical_points,
            "distinct eigenvalues",
            r"$Y X^\top (X X^\top)^{-1} X Y^\top$ has distinct eigenvalues.",
            is_distinct,
        ),
        superfluous(
            critical_points,
            "few outputs",
            r"There are at most as many outputs as inputs, $m \le n$.",
            has_few_outputs,
        ),
    ),
    derivation=proof,
    interpret=interpret,
    instances=critical_points,
    check=check,
    stratum=stratum,
    beyond="the whole Hessian, from values of the loss alone, and at global minima that the loss is the Eckart-Young value",
    mutants=(
        too_many_saddles(
            "The Hessian has a negative eigenvalue at every critical point.", places, lambda: scalars(1, 1)
        ),
        no_saddles("Every critical point is a global minimum.", lambda: scalars(0, 0)),
        Mutant(
            "flat origin",
            r"At $U = 0$, $V = 0$ the Hessian has no negative eigenvalue.",
            lambda t: decided(any(not W.is_zero() for W in t.layers) or signs(t)[1] == 0),
            lambda: scalars(0, 0),
        ),
        Mutant(
            "local maxima",
            "At a critical point that is not a global minimum the Hessian has no positive eigenvalue.",
            lambda t: decided(not is_not_global(t) or signs(t)[0] == 0),
            lambda: exchange(1, 2),
        ),
        Mutant(
            "ratio of squares",
            r"Exchanging a kept $s$ for $\sigma > s$ has the second-order coefficient $2 - 2 \sigma^2 / s^2$.",
            lambda t: equal(rotation(t), 2 - 2 * (t.Y[1, 1] / t.Y[0, 0]) ** 2),
            lambda: exchange(1, 2),
        ),
    ),
    figure=draw_curvature,
)
