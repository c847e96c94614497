r"""Every local minimum of a linear network under the squared loss is a global minimum.

**Theorem.** Let $K \ge 1$, $n_0, \dots, n_K \ge 1$, $X \in \mathbb{R}^{n_0 \times N}$ and $Y \in \mathbb{R}^{n_K \times N}$ be
arbitrary, and $E(W_1, \dots, W_K) = \|Y - W_K \cdots W_1 X\|_F^2$ for $W_i \in \mathbb{R}^{n_i \times n_{i-1}}$. Every local
minimum of $E$ is a global minimum. No condition on ranks, eigenvalues or widths is needed.

**Idea.** Let $R = Y - W_K \cdots W_1 X$ at a local minimum. If $R X^\top = 0$, no matrix at all does better, by convexity.
Otherwise the product has the largest rank that the narrowest hidden layer, of width $p$, allows, because a point of lower
rank can be left downhill along its fibre. (The page `degenerate_local_minima_are_critical_for_the_product` proves the walk
for any depth; that it can start at every such point is the one argument of our own that is cited here.) At that layer the
product is $B C$, with $B$ injective and $C = Z W_1 X$ surjective. First order: the part $S$ of $R$ that linear maps of $X$ can
reach has rows and columns orthogonal to those of $B C$. Second order: let $\sigma$ be the largest singular value of $S$, with
vectors $u, v$, and $s$ the smallest positive one of $B C$, with $u', v'$. Changes of the first and last layer alone move the
product by $b s (u' v^\top + u v'^\top + b\, u v^\top)$ and the loss by $2 s b^2 (s - \sigma) + s^2 b^4$. So $\sigma \le s$, and
then a sum of squares (Ky Fan; Eckart and Young) shows that no matrix of rank $p$ is nearer to $Y$ than $B C$. The derivation
avoids roots: its $\lambda$ is $\sigma^2$ and its $\kappa$ is $s^{-2}$, both from Rayleigh's principle. Also cited: every matrix
has a Moore-Penrose inverse.

**Reading.** A method that only stops at local minima solves linear networks of any shape. The same holds for an expected
loss: $\mathbb{E} \|Y - P X\|^2$ depends on the second moments alone, which finitely many samples can have. The theorem is
fragile: with weighted squares, with weight decay on three layers or with a ReLU it is false (see the premises). And it does
not speak of saddles, which from three layers on can be flat to second order.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import product as grid
from typing import Any

from flint import fmpq

from numerics.arithmetic.exact import Matrix, column, rational
from numerics.arithmetic.exact import identity as eye
from numerics.evidence.certificate import DescentCertificate
from numerics.evidence.verdict import Verdict, decided, every, fails, undecided
from numerics.strategies.layer_products import Layers, above, escape, small
from numerics.strategies.stationary_points import Point, critical_points
from theorems import Citation, Claim, Mutant, Premise, Printed
from theorems.cited.linear_networks import LOCAL_MINIMUM, full_rank, local_minimum
from theorems.cited.matrices import inverse, rayleigh
from theorems.proof import (
    Derivation,
    Statement,
    at_least,
    at_most,
    equal,
    identity,
    letter,
    letters,
    nonnegative,
    nonzero,
    positive,
    zero,
)
from theorems.proof.crosscheck import Model
from theorems.proof.lemmas import no_descent_no_gap, small_number
from theorems.schemes import premises
from theorems.schemes.strict_saddles import superfluous

# Proof.


def quantified(*declarations: str):
    """Letters for a statement, and the same letters as expressions."""
    bound = tuple(letters(text) for text in declarations)
    return bound, tuple(letter(x) for x in bound)


def proof() -> Derivation:
    d = Derivation("stationary, or of full rank without a gap")
    # U = W_K, W = W_1, and between them H above the narrowest hidden layer and Z below it. The product of any network of
    # these widths factors through that layer, as E A.
    U, H, Z, W, X, Y, R, E, A = d.matrices(
        "U: m q", "H: q p", "Z: p h", "W: h n", "X: n N", "Y: m N", "R: m N", "E: m p", "A: p n"
    )
    r = d.scalar("r")
    near = d.given(positive(r), "radius")
    residual = d.given(equal(R, Y - U @ H @ Z @ W @ X), "residual")
    local = d.given(local_minimum(U, H, Z, W, X, Y), "local minimum")
    bound, (U2, W2, P2) = quantified("U': m q", "W': h n", "P': m N")
    ball = (at_most((U2 - U).squared_norm(), r), at_most((W2 - W).squared_norm(), r), equal(P2, U2 @ H @ Z @ W2 @ X))
    higher = (at_least((Y - P2).squared_norm(), R.squared_norm()),)
    outer = d.given(Statement(bound, ball, higher), "local minimum in the first and last layer")
    goal = d.goal(at_least((Y - E @ A @ X).squared_norm(), R.squared_norm()))
    # One layer.
    T, Q = d.matrices("T: m n", "Q: m n")
    bound, (T2, P2) = quantified("T': m n", "P': m N")
    ball = (at_most((T2 - T).squared_norm(), r), equal(P2, T2 @ X))
    higher = (at_least((Y - P2).squared_norm(), (Y - T @ X).squared_norm()),)
    single = d.given(Statement(bound, ball, higher), "local minimum of one layer")
    single_goal = d.goal(at_least((Y - Q @ X).squared_norm(), (Y - T @ X).squared_norm()))

    at_centre = d.weaken(near, nonnegative(r))

    def small_step(size, slope, name):
        """A number tau > 0 with tau^2 size <= r and tau slope <= 1, from facts size >= 0 and slope >= 0."""

        def value(model):
            radius = model.evaluate(r)
            return radius / (radius * (1 + model.evaluate(slope.expr)) + model.evaluate(size.expr))

        at = {"a": size.expr, "q": slope.expr, "r": r}
        (tau,), facts = d.lemma(small_number(), at, [size, slope, near], new={"tau": name}, values={name: value})
        return tau, *facts

    def stationary(gradient, name, moved, R, minimum, layers, using):
        """A gradient vanishes: a step tau |G|^2 G in the first of `layers` moves the product by tau |G|^2 moved(G)."""
        G, G_is = d.define(f"G_{name}", gradient)
        g, D = G.squared_norm(), moved(G)
        size, slope = d.squares(nonnegative(g * g * g), [g * G]), d.squares(nonnegative(D.squared_norm()), [D])
        tau, above_zero, in_ball, short = small_step(size, slope, f"tau_{name}")
        (first, layer), *rest = layers.items()
        at = {first: layer + tau * g * G, **dict(rest), "P'": Y - R + tau * g * D}
        facts = [d.squares(at_most((tau * g * G).squared_norm(), r), [(1, in_ball)]), at_centre]
        if using:
            facts.append(d.algebra(equal(at["P'"], at["U'"] @ H @ Z @ at["W'"] @ X), using))
        _, (not_lower,) = d.apply(minimum, at, facts)
        below = d.squares(at_most(tau * g * g, 0), [(1, not_lower), (1, above_zero, short, g)], [G_is, *using])
        none = d.antisymmetric(d.squares(nonnegative(tau * g * g), [(1, above_zero, g)]), below)
        zero_gradient = d.definite(d.smt(zero(g), [above_zero, none]), G)
        return d.algebra(zero(gradient), [zero_gradient, G_is])

    flat_T = stationary((Y - T @ X) @ X.T, "T", lambda G: G @ X, Y - T @ X, single, {"T'": T}, [])
    d.squares(single_goal, [(Q - T) @ X], [flat_T])
    flat_U = stationary(
        R @ (H @ Z @ W @ X).T, "U", lambda G: G @ H @ Z @ W @ X, R, outer, {"U'": U, "W'": W}, [residual]
    )
    flat_W = stationary(
        (U @ H @ Z).T @ R @ X.T, "W", lambda G: U @ H @ Z @ G @ X, R, outer, {"W'": W, "U'": U}, [residual]
    )
    flat = d.suppose(zero(R @ X.T), "the product is stationary")
    steep = d.suppose(nonzero(R @ X.T), "it is not")
    easy = d.squares(goal, [(U @ H @ Z @ W - E @ A) @ X], [flat, residual], reason="the loss of the product is convex")

    # Full rank: the product is B C with a left inverse of B and a right inverse of C.
    B, B_is = d.define("B", U @ H)
    C, C_is = d.define("C", Z @ W @ X)
    D, D_is = d.define("D", A @ X)
    split = d.algebra(equal(Y, B @ C + R), [residual, B_is, C_is])
    at = {"U": U, "H": H, "Z": Z, "W": W, "X": X, "Y": Y, "R": R}
    values = {
        "B^-": lambda model: (model["U"] @ model["H"]).pseudo_inverse(),
        "C^-": lambda model: (model["Z"] @ model["W"] @ model["X"]).pseudo_inverse(),
    }
    new = {"B^-": "B^-", "C^-": "C^-"}
    (B_, C_), (B_left, C_right) = d.axiom(full_rank(), at, [local, steep, residual], new=new, values=values)
    X_p, (XX_X, X_XX_, _, X_X) = inverse(d, X, "X^+")
    B_p, (BB_B, _, B_B, _) = inverse(d, B, "B^+")
    C_p, (CC_C, _, _, C_C) = inverse(d, C, "C^+")
    D_p, (DD_D, _, DD_, D_D) = inverse(d, D, "D^+")
    S, S_is = d.define("S", R @ X_p @ X)
    rows = d.algebra(zero(R @ C.T), [flat_U, B_left, C_is])
    columns = d.algebra(zero(B.T @ R @ X.T), [flat_W, C_right, B_is])
    B_id = d.algebra(equal(B_ @ B, identity("p")), [B_left, B_is])
    B_id = d.algebra(equal(B_p @ B, identity("p")), [B_id, BB_B])
    C_right = d.algebra(equal(C @ C_, identity("p")), [C_right, C_is])
    C_id = d.algebra(equal(C @ C_p, identity("p")), [C_right, CC_C])
    C_in = d.algebra(equal(X_p @ X @ C.T, C.T), [X_X, XX_X, C_is])
    left = d.algebra(zero(B.T @ S), [columns, X_X, S_is])
    right = d.algebra(zero(S @ C.T), [rows, C_in, S_is])

    # lambda bounds S from above; kappa bounds (B C)^+ from above, and so B C from below.
    def top(S, B, value, vector):
        """Rayleigh's principle: S v = value v, and value |B|^2 is at least the quadratic form of S at B."""
        new, values = {"lambda": value, "v": vector}, {x: (lambda model, x=x: model.extra[x]) for x in (value, vector)}
        return d.axiom(rayleigh(), {"S": S, "B": B}, new=new, values=values)

    I, F, F_p = identity("N"), B @ C, C_p @ B_p
    onto_C, onto_D = C_p @ C, D_p @ D
    (lam, v), (S_v, v_size, largest) = top(S.T @ S, (I - onto_C) @ onto_D, "lambda", "v")
    M, M_is = d.define("M", onto_C @ (I - onto_D))
    (kappa, x), (F_x, x_size, least) = top(F_p.T @ F_p, F @ M, "kappa", "x")
    back = d.algebra(equal(F_p @ F @ M, M), [M_is, B_id, C_id])
    smallest = d.squares(at_least(kappa * (F @ M).squared_norm(), M.squared_norm()), [(1, least)], [back])
    lam_size = d.smt(nonnegative(lam), [v_size, d.squares(nonnegative(lam * v.squared_norm()), [S @ v], [S_v])])
    kappa_size = d.smt(nonnegative(kappa), [x_size, d.squares(nonnegative(kappa * x.squared_norm()), [F_p @ x], [F_x])])

    # Tilt the product by c, in the first and last layer only.
    u, u_is = d.define("u", S @ v)
    g, g_is = d.define("g", S.T @ u)
    t, t_is = d.define("t", B_p @ x)
    w, w_is = d.define("w", C_p @ t)
    D_U, D_U_is = d.define("D_U", lam * u @ w.T @ C_p @ B_ @ U)
    D_W, D_W_is = d.define("D_W", W @ X @ C_ @ t @ g.T @ X_p)
    excess = lam * kappa - 1
    bulk = lam**3 * kappa**2 * v.squared_norm() * x.squared_norm()
    moves = [excess * D_U, excess * D_W]
    size = d.squares(nonnegative(excess**2 * (D_U.squared_norm() + D_W.squared_norm())), moves)
    bulk_size = d.squares(nonnegative(bulk), [(1, lam_size, v_size, x_size, lam * kappa)])
    slope = d.squares(nonnegative(1 + (1 + excess**2) * bulk), [(1,), (1, bulk_size), (1, bulk_size, excess)])
    tau, above_zero, in_ball, short = small_step(size, slope, "tau")
    c, c_is = d.define("c", tau * excess)
    near_U = d.squares(at_most((c * D_U).squared_norm(), r), [(1, in_ball), tau * excess * D_W], [c_is])
    near_W = d.squares(at_most((c * D_W).squared_norm(), r), [(1, in_ball), tau * excess * D_U], [c_is])
    g_in = d.algebra(equal(X_p @ X @ g, g), [g_is, S_is, X_X, X_XX_])
    w_in = d.algebra(equal(onto_C @ w, w), [w_is, C_id])
    U_c, W_c = U + c * D_U, W + c * D_W
    upper = d.algebra(equal(U_c @ H, B + c * lam * u @ w.T @ C_p), [D_U_is, B_is, B_left])
    lower = d.algebra(equal(Z @ W_c @ X, C + c * t @ g.T), [D_W_is, C_is, C_right, g_in, X_X])
    size_w = w.squared_norm()
    tilt = lam * u @ w.T + B @ t @ g.T + c * lam * size_w * u @ g.T
    P_c = d.algebra(equal(Y - R + c * tilt, U_c @ H @ Z @ W_c @ X), [upper, lower, split, w_in, w_is, C_C])
    _, (not_lower,) = d.apply(outer, {"U'": U_c, "W'": W_c, "P'": Y - R + c * tilt}, [near_U, near_W, P_c])
    # Its parts are orthogonal, only u g' meets the residual, and their sizes are known.
    none = [
        d.algebra(zero(u.T @ R @ w), [w_in, C_C, rows]),
        d.algebra(zero(t.T @ B.T @ R @ g), [g_in, left, S_is]),
        d.algebra(zero(u.T @ B), [u_is, left]),
        d.algebra(zero(w.T @ g), [g_is, w_in, C_C, right], rounds=5),
    ]
    meets = d.algebra(equal(u.T @ R @ g, g.squared_norm()), [g_in, g_is, S_is])
    nu = v.squared_norm() * x.squared_norm()
    sizes = [
        d.algebra(equal(u.squared_norm(), lam * v.squared_norm()), [u_is, S_v]),
        d.algebra(equal(g.squared_norm(), lam**2 * v.squared_norm()), [g_is, u_is, S_v]),
        d.algebra(equal(size_w, kappa * x.squared_norm()), [w_is, t_is, F_x]),
    ]
    shadow = d.algebra(equal((x - B @ t).squared_norm(), x.squared_norm() - (B @ t).squared_norm()), [t_is, B_B, B_id])
    rise = d.squares(
        nonnegative(c**2 * lam**2 * nu * (c**2 * bulk - excess)),
        [(1, not_lower), (1, v_size, c * lam * (x - B @ t))],
        [*none, meets, *sizes, shadow],
    )
    rise = d.squares(
        nonnegative((tau * excess) ** 2 * lam**2 * nu * ((tau * excess) ** 2 * bulk - excess)), [(1, rise)], [c_is]
    )
    scalars = {"lambda": lam, "kappa": kappa, "nu": nu, "beta": bulk, "tau": tau}
    nu_size = d.squares(positive(nu), [(1, v_size, x_size)])
    facts = [lam_size, kappa_size, nu_size, bulk_size, above_zero, short, rise]
    _, (no_gap,) = d.lemma(no_descent_no_gap(), scalars, facts)

    # Without a gap the product is a best approximation.
    at = {"B": B, "C": C, "S": S, "E": E, "D": D, "C^+": C_p, "D^+": D_p, "M": M, "lambda": lam, "kappa": kappa}
    facts = [left, right, M_is, C_id, C_C, DD_D, DD_, D_D, largest, smallest, lam_size, no_gap]
    _, (best,) = d.lemma("landscape.products_without_a_gap_are_best_approximations", at, facts)
    hard = d.squares(goal, [(1, best)], [split, D_is, C_is, S_is, XX_X, X_X, X_XX_], rounds=6)
    d.cases([(flat, easy), (steep, hard)])
    d.model_predicate(LOCAL_MINIMUM, is_critical)  # `interpret` gives local minima only; this is what can be read off
    return d


def is_critical(U, H, Z, W, X, Y) -> bool:
    R = Y - U @ H @ Z @ W @ X
    return (R @ (H @ Z @ W @ X).T).is_zero() and ((U @ H @ Z).T @ R @ X.T).is_zero()


# Check.


RADII = (1, "1/1000000000000")


def check(t: Point) -> Verdict:
    """The point is a global minimum, or exact certificates lead downhill at every radius of `RADII`."""
    if t.better:
        return trap(t)
    if t.is_global:
        return decided(True, "the loss is the optimum")
    return every(DescentCertificate(t.loss, t.layers, descend(t, r), r).verify() for r in RADII)


def descend(t: Point, squared_radius: Any) -> Layers:
    """A nearby point that should be lower: along the fibre if the rank can grow, else by a tilt."""
    if t.rank_can_grow:
        way = escape(t.layers, t.X, t.residual, squared_radius)
        return t.layers if way is None else way.lower
    U, H, Z, W = around_narrowest(t.layers)
    sigma, u, v, s, _, v2 = gap_of(t)  # s u' = P v', and the product moves by b (s u' v' + s u v2' + b s u v')
    D_U = s * u @ v2.T @ (Z @ W @ t.X).pseudo_inverse() @ (U @ H).pseudo_inverse() @ U
    D_W = W @ t.X @ (Z @ W @ t.X).pseudo_inverse() @ Z @ W @ t.X @ v2 @ v.T @ t.X.pseudo_inverse()
    b = min(small(squared_radius, D_U.squared_norm() + D_W.squared_norm()), (sigma - s) / sigma)
    return (W + b * D_W, *t.layers[1:-1], U + b * D_U)


def around_narrowest(layers: Layers) -> tuple[Matrix, Matrix, Matrix, Matrix]:
    """$W_K$, the layers above the narrowest hidden layer, those below it, and $W_1$ (of at least two layers)."""
    K = len(layers)
    i = min(range(1, K), key=lambda k: layers[k - 1].rows)
    H, Z = above(layers[i:-1] or [eye(layers[-1].cols)])[0], above(layers[1:i] or [eye(layers[0].rows)])[0]
    return layers[-1], H, Z, layers[0]


def gap_of(t: Point):
    """The largest dropped singular value with its vectors, and the smallest kept one."""
    out = next(c for c in range(len(t.spectrum)) if c not in t.kept)
    kept = t.kept[-1]
    pairs = [(rational(t.spectrum[c]), t.left[:, [c]], t.right[:, [c]]) for c in (out, kept)]
    return (*pairs[0], *pairs[1])


# Witnesses.


def squares(*layers: Sequence[Sequence[Any]], Y: Sequence[Sequence[Any]], **rest: Any) -> Point:
    r"""Layers $W_1, \dots, W_K$ on unit inputs."""
    maps = tuple(Matrix(W) for W in layers)
    return Point(maps, eye(maps[0].cols), Matrix(Y), **rest)


def weighted_squares() -> Point:
    better = (Matrix([[1, 0]]), column([1, 0]))
    half = Fraction(1, 2)
    return squares([[0, half]], [[0], [1]], Y=[[1, 0], [0, half]], weights=Matrix([[1, 4], [4, 1]]), better=better)


def three_decayed_layers() -> Point:
    return squares([[0]], [[0]], [[0]], Y=[[8]], decay=1, better=(Matrix([[2]]),) * 3)


def dead_unit() -> Point:
    return squares([[-1]], [[1]], Y=[[1]], relu=True, better=(eye(1), eye(1)))


def shown(t: Point) -> str:
    W, V = ", ".join(map(repr, t.layers)), ", ".join(map(repr, t.better))
    return f"at W_1, ..., W_K = {W} the loss is {t.loss(t.layers)},\nno smaller anywhere near,\nbut at {V} it is {t.loss(t.better)}."


def interpret(t: Point) -> Model | None:
    r"""Global minima of at least two layers; competitors and the single layer are read off the data."""
    if len(t.layers) == 1 or not t.is_global:
        return None
    U, H, Z, W = around_narrowest(t.layers)
    m, n, p, R = t.Y.rows, t.X.rows, H.cols, t.residual

    def pattern(rows: int, cols: int) -> Matrix:
        return Matrix.from_entries(rows, cols, [(i + 2 * j) % 3 - 1 for i in range(rows) for j in range(cols)])

    values = {"U": U, "H": H, "Z": Z, "W": W, "X": t.X, "Y": t.Y, "R": R, "r": 1}
    values |= {"E": pattern(m, p), "A": pattern(p, n), "Q": pattern(m, n), "T": t.Y @ t.X.pseudo_inverse()}
    if (R @ t.X.T).is_zero():
        return Model(values)
    return Model(values, extra=eigenpairs(t))


def eigenpairs(t: Point) -> dict[str, Any]:
    """Of S' S, the largest dropped singular value squared; of the inverse of B C, the smallest kept one."""
    sigma, _, v, s, x, _ = gap_of(t)
    return {"lambda": sigma * sigma, "v": v, "kappa": 1 / (s * s), "x": x}


def stratum(t: Point) -> str:
    """Every stratum is decided in full."""
    where = "global" if t.is_global else "rank can grow" if t.rank_can_grow else "wrong channels"
    distinct = len(set(t.spectrum)) == len(t.spectrum) and all(t.spectrum)
    return f"{where}, {'inputs zero' if t.X.is_zero() else 'simple spectrum' if distinct else 'ties or zeros'}"


# Three local minima that are not global, outside the theorem, each with a proof.


def weighted(x, a, y, b):
    r"""$\sum_{ij} c_{ij} (u v^\top - \operatorname{diag}(1, \frac12))_{ij}^2$ for $u = (x, a)$, $v = (y, b)$, $c = (1, 4; 4, 1)$."""
    return (x * y - 1) ** 2 + (2 * a * b - 1) ** 2 / 4 + 4 * (x * b) ** 2 + 4 * (a * y) ** 2


def weighted_minimum() -> Derivation:
    """Where a b >= 1/4 the weighted loss is at least 1."""
    d = Derivation("a local minimum of weighted squares")
    x, a, y, b = d.scalars("x a y b")
    near = d.given(at_least(a * b, Fraction(1, 4)))
    goal = d.goal(at_least(weighted(x, a, y, b), 1))
    same, opposite = d.suppose(nonnegative(x * y)), d.suppose(positive(-x * y))
    common = [x * y, a * b - Fraction(1, 2)]
    one = d.squares(goal, [*common, (4, x * b - a * y), (8, same, near)])
    other = d.squares(goal, [*common, (4, x * b + a * y), (8, opposite, near), (4, opposite)])
    d.cases([(same, one), (opposite, other)])
    return d


def decayed(u, v, w):
    """One weight in each of three layers, target 8, weight decay 1."""
    return (w * v * u - 8) ** 2 + u**2 + v**2 + w**2


def decayed_minimum() -> Derivation:
    r"""Where $|w| \le 1/8$ the loss with weight decay is at least $64$, its value at zero."""
    d = Derivation("a local minimum of three layers with weight decay")
    u, v, w = d.scalars("u v w")
    low, high = d.given(at_least(w, -Fraction(1, 8))), d.given(at_most(w, Fraction(1, 8)))
    goal = d.goal(at_least(decayed(u, v, w), 64))
    d.squares(goal, [(4, high, u + v), (4, low, u - v), u * v * w, w])
    return d


@functools.cache
def is_proved(derivation: Callable[[], Derivation]) -> bool:
    return not derivation().gaps()


def agrees(formula: Callable[..., Any], loss: Callable[..., Any], letters: int) -> bool:
    """Whether two polynomials of degree at most 2 in each of their letters are the same: they agree on a grid."""
    return all(formula(*map(fmpq, p)) == loss(*map(fmpq, p)) for p in grid(range(3), repeat=letters))


def trap(t: Point) -> Verdict:
    """Fails when the point is a local minimum, by proof, and `better` is lower; undecided when there is no proof."""
    if t.weights is not None:
        b, a = t.layers[0][0, 1], t.layers[1][1, 0]
        same = agrees(weighted, lambda x, a, y, b: t.loss((Matrix([[y, b]]), column([x, a]))), 4)
        trapped = same and is_proved(weighted_minimum) and a * b > fmpq(1, 4) and t.loss(t.layers) == 1
    elif t.decay:
        same = agrees(decayed, lambda *p: t.loss(tuple(Matrix([[x]]) for x in p)), 3)
        trapped = same and is_proved(decayed_minimum) and all(W.is_zero() for W in t.layers)
    else:  # dead units stay dead nearby, so the output does not move
        trapped = len(t.layers) == 2 and all(x < 0 for x in (t.layers[0] @ t.X).entries())
    if trapped and t.loss(t.better) < t.loss(t.layers):
        return fails(f"a local minimum with loss {t.loss(t.layers)}, and {t.better} has {t.loss(t.better)}")
    return undecided("no proof that this is a local minimum")


# Premises that papers state.


def has_distinct_eigenvalues(t: Point) -> bool:
    """Of the matrix $Y X^+ X Y^\\top$, which is $Y X^\\top (X X^\\top)^{-1} X Y^\\top$ when that inverse exists."""
    values = [*t.spectrum, *[0] * (t.Y.rows - len(t.spectrum))]
    return len(set(values)) == len(values)


def zero_layers() -> Point:
    frame = {"left": eye(1), "right": eye(1)}
    return squares([[0]], [[0]], Y=[[1]], spectrum=(Fraction(1),), **frame)


def wrong_channel() -> Point:
    frame = {"left": eye(2), "right": eye(2)}
    return squares([[0, 1]], [[0], [1]], Y=[[2, 0], [0, 1]], spectrum=(Fraction(2), Fraction(1)), kept=(1,), **frame)


def right_channel() -> Point:
    frame = {"left": eye(2), "right": eye(2)}
    return squares([[3, 0]], [[1], [0]], Y=[[3, 0], [0, 2]], spectrum=(Fraction(3), Fraction(2)), kept=(0,), **frame)


def nouiehed_razaviyayn() -> Point:
    return squares([[1, 0]], [[0]], [[1], [0]], Y=[[0, 0], [0, 1]])


def is_local_minimum_there(t: Point) -> Verdict:
    r"""False: $W_1 = (1, b)$, $W_2 = b^2$, $W_3 = (1, b)^\top$ has loss $1 - b^4 + 2 b^6 + b^8$."""

    def lower(b: Fraction) -> Layers:
        return (Matrix([[1, b]]), Matrix([[b * b]]), column([1, b]))

    steps = (Fraction(1, 10), Fraction(1, 1000))
    down = every(DescentCertificate(t.loss, t.layers, lower(b), 3 * b * b).verify() for b in steps)
    value = decided(t.loss(lower(steps[0])) == fmpq(99990201, 10**8), "the loss at b = 1/10")
    return ~(down & value)


def mutant(conclusion: Callable[[Point], bool]) -> Callable[[Point], Verdict]:
    return lambda t: decided(conclusion(t))


claim = Claim(
    __name__,
    __doc__,
    source=Citation("zhang2019depth", "abstract"),
    also=(
        Citation("kawaguchi2016deep", "Theorem 2.3"),
        Citation("lu2017depth", "Theorem 2.2"),
        Citation("yao2019theories", "Linear Networks"),
    ),
    premises=(
        Premise(
            "squared loss",
            r"The loss is the squared Frobenius norm: all squares have the same weight.",
            holds=lambda t: t.weights is None,
            without=weighted_squares,
            show=shown,
        ),
        Premise(
            "no weight decay",
            r"There is no term $\lambda \sum_i \|W_i\|_F^2$. (Here $K = 3$. Two layers do not save it: for $X = \operatorname{diag}(1, \frac12)$, $Y = \operatorname{diag}(10, \frac{56}5)$, $\lambda = 1$ the point $W_1 = (3, 0)$, $W_2 = (3, 0)^\top$ is a strict local minimum of value $144.44$, and $W_1 = (0, 4.3)$, $W_2 = (0, 4.3)^\top$ has $140.81$.)",
            holds=lambda t: not t.decay,
            without=three_decayed_layers,
            show=shown,
        ),
        premises.linear(holds=lambda t: not t.relu, without=dead_unit, show=shown),
        superfluous(
            critical_points, "full-rank inputs", r"$X X^\top$ has full rank.", lambda t: t.X.rank() == t.X.rows
        ),
        superfluous(
            critical_points,
            "full-rank correlation",
            r"$X Y^\top$ has full rank.",
            lambda t: (t.X @ t.Y.T).rank() == min(t.X.rows, t.Y.rows),
        ),
        superfluous(critical_points, "few outputs", r"$n_K \le n_0$.", lambda t: t.Y.rows <= t.X.rows),
        superfluous(
            critical_points,
            "distinct eigenvalues",
            r"$Y X^\top (X X^\top)^{-1} X Y^\top$ has $n_K$ distinct eigenvalues.",
            has_distinct_eigenvalues,
        ),
    ),
    derivation=proof,
    interpret=interpret,
    instances=critical_points,
    check=check,
    stratum=stratum,
    beyond="exact descent from every planted critical point that is not global, for one to four layers",
    printed=(
        Printed(
            r"With $X = I$ and $Y = \operatorname{diag}(0, 1)$ of deficient rank, $W_3 = (1, 0)^\top$, $W_2 = 0$, "
            r"$W_1 = (1, 0)$ is a local minimum that is not global.",
            Citation("nouiehed2018learning", "ICLR 2018 submission, counterexample for multi-layer linear networks"),
            is_local_minimum_there,
            nouiehed_razaviyayn,
            remark=r"The loss at $W_3 = (1, b)^\top$, $W_2 = b^2$, $W_1 = (1, b)$ is $1 - b^4 + 2 b^6 + b^8 < 1$.",
        ),
    ),
    mutants=(
        Mutant(
            "every critical point",
            r"For $K \ge 2$ every critical point is a global minimum.",
            mutant(lambda t: t.is_global),
            zero_layers,
        ),
        Mutant(
            "full rank is enough",
            r"For $K \ge 2$ every critical point whose product has the largest possible rank is a global minimum.",
            mutant(lambda t: t.rank_can_grow or t.is_global),
            wrong_channel,
        ),
        Mutant("any convex loss", "The same holds for every convex loss of the output.", check, weighted_squares),
        Mutant("weight decay is harmless", "The same holds with weight decay.", check, three_decayed_layers),
        Mutant(
            "zero loss",
            "At a local minimum the product is the best of all matrices, whatever the widths.",
            mutant(lambda t: not t.is_global or (t.residual @ t.X.T).is_zero()),
            right_channel,
        ),
        Mutant(
            "value without squares",
            r"The value at a local minimum is $\sum_{i > p} \sigma_i$.",
            mutant(lambda t: t.loss(t.layers) == sum(map(rational, t.spectrum[t.width :]), fmpq(0))),
            right_channel,
        ),
    ),
)
