r"""Where the singular values drop, the optimal factorisations are one orbit of invertible matrices.

**Theorem.** Let $Y \in \mathbb{R}^{m \times n}$ have singular values $\sigma_1 \ge \sigma_2 \ge \dots \ge 0$ with singular
vectors $u_i$, $v_i$ ($\sigma_i = 0$ for $i > \min(m, n)$), let $p \ge 1$ with $\sigma_p > \sigma_{p+1}$, and put
$U_* = (\sqrt{\sigma_1}\, u_1, \dots, \sqrt{\sigma_p}\, u_p)$, $V_* = (\sqrt{\sigma_1}\, v_1, \dots, \sqrt{\sigma_p}\, v_p)^\top$.
A pair $A \in \mathbb{R}^{m \times p}$, $B \in \mathbb{R}^{p \times n}$ minimises $\|Y - A B\|_F^2$ if and only if there is an
invertible $T \in \mathbb{R}^{p \times p}$ with
$$A = U_* T \quad \text{and} \quad B = T^{-1} V_* .$$

**Idea.** Let $F = A A^+$ project onto the image of $A$ and let $Y = L C^2 R^\top + E$ with $U_* = L C$, $V_* = C R^\top$. The
proof that $U_* V_*$ is optimal leaves squares behind, and they say how far a rival is from optimal:
$$\|Y - A B\|^2 - \|Y - U_* V_*\|^2 \;\ge\; \|F Y - A B\|^2 + (\sigma_p^2 - \sigma_{p+1}^2)\, \|L - F L\|^2 .$$
So an optimal rival has $F L = L$, and then $F = L L^\top$ because $\operatorname{tr} F \le p$. Hence $A B = F Y = U_* V_*$,
$A^+ A = I$, and $T = C^{-1} L^\top A$ with $T^{-1} = A^+ L C$. Conversely $T$ cancels in the product. Cited is only that the
Moore-Penrose inverse exists.

**Reading.** The product is unique, the factors are not: the minimisers form one smooth manifold of dimension $p^2$, with two
connected components. If $\sigma_p = \sigma_{p+1}$ there are other minimisers: the product turns freely among tied singular
vectors, and where both values are zero the factors may lose rank.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction

from hypothesis import strategies as st

from numerics.arithmetic.exact import Matrix, identity, rational
from numerics.evidence.verdict import Verdict, at_least, decided, every
from numerics.strategies import frames, matrices, rationals, spectra
from numerics.strategies.factorizations import Target, factors, loss, mixes
from theorems import Citation, Claim, Mutant, Premise, Tight
from theorems.cited.matrices import inverse
from theorems.proof import Derivation
from theorems.proof.crosscheck import Model
from theorems.schemes.projections import image, vanishes

# Proof.


def proof() -> Derivation:
    from theorems.proof import (
        Letter,
        Statement,
        at_least,
        at_most,
        dimension,
        equal,
        identity,
        less,
        letter,
        nonnegative,
        positive,
        zero,
    )

    d = Derivation("optimal factorisations are one orbit")
    Y, L, C, R, E = d.matrices("Y: m n", "L: m p", "C: p p symmetric", "R: n p", "E: m n")
    G, H, A, B = d.matrices("G: p g", "H: m h", "A: m p", "B: p n")
    M, M_inv = d.matrices("M: p p", "M^{-1}: p p")
    s, t = d.scalars("s t")
    one = identity("p")
    U, V = factors(L, C, R)

    svd = d.given(equal(Y, U @ V + E), "the SVD, cut after p terms")
    left = d.given(equal(L.T @ L, one), "orthonormal left singular vectors")
    right = d.given(equal(R.T @ R, one), "orthonormal right singular vectors")
    below = d.given(zero(L.T @ E), "the rest has other left singular vectors")
    beside = d.given(zero(E @ R), "the rest has other right singular vectors")
    high = d.given(equal(C @ C, t * one + G @ G.T), "the singular values kept are at least t")
    low = d.given(equal(s**2 * identity("m"), E @ E.T + H @ H.T), "those of the rest are at most s")
    sign = d.given(nonnegative(s), "singular values are not negative")
    gap = d.given(less(s, t), "the singular values drop")
    optimal = d.given(at_most(loss(A, B, Y), loss(U, V, Y)), "the pair (A, B) is as good")
    invertible = d.given(equal(M @ M_inv, one), "M is invertible")
    T, T_inv = letter(Letter("T", "p", "p")), letter(Letter("T^{-1}", "p", "p"))
    said = (equal(A, U @ T), equal(B, T_inv @ V), equal(T @ T_inv, one), equal(T_inv @ T, one))
    orbit = d.goal(Statement((), (), said, (Letter("T", "p", "p"), Letter("T^{-1}", "p", "p"))))
    back = d.goal(equal(loss(U @ M, M_inv @ V, Y), loss(U, V, Y)))
    d.algebra(back, [invertible])

    # How much worse a rival is.
    a = image(d, A)
    F, K = a.F, a.K
    J, X, W = L - F @ L, F - L @ L.T @ F, F @ Y - A @ B
    t_sign = d.squares(positive(t), [(1, gap), (1, sign)])
    gain = at_least(s**2 * (F.trace() - (F @ L).squared_norm()), (F @ E).squared_norm())
    gained = d.squares(gain, [H.T @ X], [low, below, left, a.FF], reason="the rest has singular values at most s")
    loses = at_least((J @ C @ C).squared_norm(), t**2 * J.squared_norm())
    lost = d.squares(loses, [(2, t_sign, J @ G), J @ G @ G.T], [high], reason="those kept are at least t")
    parts = W.squared_norm() + (J @ C @ C).squared_norm() - (F @ E).squared_norm()
    split = d.algebra(
        equal(loss(A, B, Y) - loss(U, V, Y), parts), [svd, below, beside, a.FA, a.FF, right], reason="Pythagoras"
    )
    missed = d.algebra(equal(J.squared_norm(), dimension("p") - (F @ L).squared_norm()), [a.FF, left])

    # An optimal one keeps the singular vectors: F = L L'.
    drop = d.squares(positive(t**2 - s**2), [(1, gap, gap), (2, gap, sign)])
    kappa, drop_inverse = d.reciprocal(drop, "kappa")
    kappa_sign = d.squares(nonnegative(kappa), [(1, drop, kappa * identity("1"))], [drop_inverse])
    scaled = d.squares(
        nonnegative(-(t**2 - s**2) * J.squared_norm()),
        [(1, optimal), W, (1, lost), (1, gained), s * K],
        [split, missed, a.rank, a.KK],
    )
    kept = vanishes(d, J, d.squares(nonnegative(-J.squared_norm()), [(1, scaled, kappa_sign)], [drop_inverse]))
    spare = d.squares(nonnegative(-X.squared_norm()), [K], [kept, a.rank, a.KK, left, a.FF])
    same = d.algebra(equal(F, L @ L.T), [vanishes(d, X, spare), kept])
    full = d.definite(d.algebra(zero(K.squared_norm()), [a.rank, a.KK, same, left]), K)
    A_left = d.algebra(equal(a.inverse @ A, one), [full, a.K_is])
    nearest = vanishes(d, W, d.squares(nonnegative(-W.squared_norm()), [(1, optimal)], [split, same, below, left]))
    product = d.algebra(equal(A @ B, U @ V), [nearest, svd, same, below, left])

    # C is invertible, because C^2 >= t I.
    D, of_C = inverse(d, C, "C^+")
    N = one - D @ C
    tau, t_inverse = d.reciprocal(t_sign, "tau")
    tau_sign = d.squares(nonnegative(tau), [(1, t_sign, tau * identity("1"))], [t_inverse])
    thin = d.squares(nonnegative(-t * N.squared_norm()), [G.T @ N], [high, of_C[0]])
    DC = vanishes(d, N, d.squares(nonnegative(-N.squared_norm()), [(1, thin, tau_sign)], [t_inverse]))
    CD = d.algebra(equal(C @ D, one), [DC, of_C[2], of_C[3]])

    # The change of basis.
    new, new_inverse = D @ L.T @ A, a.inverse @ L @ C
    inner = d.algebra(equal(L.T @ F @ L, one), [same, left])
    outer = d.algebra(equal(L.T @ A @ a.inverse @ L, one), [inner, a.F_is])
    FA = d.algebra(equal(L @ L.T @ A, A), [same, a.FA])
    facts = [
        d.algebra(equal(A, U @ new), [CD, FA]),
        d.algebra(equal(B, new_inverse @ V), [product, A_left]),
        d.algebra(equal(new @ new_inverse, one), [DC, outer]),
        d.algebra(equal(new_inverse @ new, one), [CD, A_left, FA]),
    ]
    d.exhibit(orbit, {"T": new, "T^{-1}": new_inverse}, facts)
    return d


# Check.


@dataclass(frozen=True)
class Rival:
    r"""A target, a pair $(A, B)$, and an invertible $M$."""

    target: Target
    A: Matrix
    B: Matrix
    M: Matrix

    def is_optimal(self) -> bool:
        return loss(self.A, self.B, self.target.Y) == self.target.tail

    def is_in_orbit(self) -> bool:
        r"""Whether $A = U_* T$ and $B = T^{-1} V_*$ for an invertible $T$.

        For the product and both ranks are the same, and that is enough: if $r$ is the rank then $A = U_1 T_1$ and
        $B = S_1 V_1$, with $U_1$, $V_1$ the non-zero part of $U_*$, $V_*$ and $T_1 S_1 = I_r$; rows that annihilate $S_1$
        complete $T_1$ to $T$.
        """
        U, V = self.target.best()
        return self.A @ self.B == U @ V and self.A.rank() == U.rank() and self.B.rank() == V.rank()


@st.composite
def rivals(draw: st.DrawFn) -> Rival:
    """Members of the orbit, their neighbours, pairs that keep other singular vectors, and pairs anywhere."""
    m, n = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    k = min(m, n)
    p = draw(st.integers(1, k))
    drop = draw(st.sampled_from((Fraction(1), Fraction(1, 2), Fraction(3), Fraction(1, 10**6))))
    roots = tuple(r + drop if i < p else r for i, r in enumerate(draw(spectra(k))))
    target = Target(roots, draw(frames(m)), draw(frames(n)), p)
    M = draw(mixes(p))
    kind = draw(st.sampled_from(("orbit", "orbit", "beside", "other", "anywhere")))
    A, B = target.mixed(M)
    if kind == "beside":
        A = A.copy_with({(0, 0): A[0, 0] + rational(draw(rationals()))})
    elif kind == "other":
        turn = draw(st.integers(0, k - 1))
        order = [(i + turn) % k for i in range(k)]
        left, right = (Q[:, order + list(range(k, Q.rows))] for Q in (target.left, target.right))
        A, B = Target(tuple(roots[i] for i in order), left, right, p).mixed(M)
    elif kind == "anywhere":
        A, B = draw(matrices(m, p)), draw(matrices(p, n))
    return Rival(target, A, B, M)


def check(t: Rival) -> Verdict:
    """Optimal if and only if in the orbit; the least error is the sum of the squares left out."""
    optimal, near = t.is_optimal(), t.is_in_orbit()
    what = f"{'optimal' if optimal else 'not optimal'} and {'in the orbit' if near else 'outside the orbit'}"
    verdicts = [
        decided(t.target.has_planted_spectrum(), "the planted spectrum"),
        at_least(loss(t.A, t.B, t.target.Y), t.target.tail, "the error"),
        decided(optimal == near, what),
    ]
    if near and t.target.width <= t.target.rank:
        U, V = t.target.best()
        T = U.pseudo_inverse() @ t.A
        verdicts.append(decided(U @ T == t.A and T @ t.B == V and T.rank() == T.rows, "the change of basis"))
    return every(verdicts)


def interpret(t: Rival) -> Model | None:
    """The letters at an optimal pair."""
    if not (t.is_optimal() and t.target.is_descending and has_gap(t)):
        return None
    letters = t.target.letters(t.target.last)
    return Model({**letters, "t": t.target.last, "A": t.A, "B": t.B, "M": t.M, "M^{-1}": t.M.inverse()})


def has_gap(t: Rival) -> bool:
    return t.target.last > t.target.next


def stratum(t: Rival) -> str:
    if not t.is_optimal():
        return "generic"
    if t.target.width == t.target.rank:
        return "optimal without error"
    return "optimal with a tie" if len(set(t.target.roots)) < len(t.target.roots) else "optimal"


def diagonal_rival(roots: tuple[int, ...], A: list[list[int]], B: list[list[int]]) -> Rival:
    r"""$Y = \operatorname{diag}(r_1^2, r_2^2, \dots)$ and the pair $(A, B)$."""
    eye = identity(len(roots))
    target = Target(tuple(map(Fraction, roots)), eye, eye, len(B))
    return Rival(target, Matrix(A), Matrix(B), identity(len(B)))


def tied() -> Rival:
    return diagonal_rival((1, 1), [[0], [1]], [[0, 1]])


def moved(target: Target, M: Matrix) -> Rival:
    return Rival(target, *target.mixed(M), M)


def rescaled() -> Rival:
    return moved(diagonal_rival((2, 1), [[0], [0]], [[0, 0]]).target, Matrix([[3]]))


def rotated() -> Rival:
    r"""$Y = \operatorname{diag}(4, 1)$, $p = 2$, and $(U_* Q, Q^\top V_*)$ with a rotation $Q$."""
    Q = Matrix([[3, -4], [4, 3]]) / 5
    return moved(diagonal_rival((2, 1), [[0, 0], [0, 0]], [[0, 0], [0, 0]]).target, Q)


def basis(t: Rival) -> Matrix:
    return t.target.best()[0].pseudo_inverse() @ t.A


def numbers(t: Rival) -> str:
    U, V = t.target.best()
    return (
        f"Y = {t.target.Y}, p = {t.target.width}\n"
        f"error {loss(U, V, t.target.Y)} at U_* = {U}, V_* = {V}\n"
        f"error {loss(t.A, t.B, t.target.Y)} at A = {t.A}, B = {t.B}, and A B is not U_* V_*"
    )


claim = Claim(
    __name__,
    __doc__,
    source=Citation("eckart1936approximation", "pages 211-218"),
    also=(Citation("dutta2015problem", "Section 1, equations (1) and (2)"),),
    premises=(
        Premise(
            "drop",
            r"The singular values drop where they are cut: $\sigma_p > \sigma_{p+1}$.",
            holds=has_gap,
            without=tied,
            show=numbers,
        ),
        Premise(
            "not wider than the rank",
            r"$p \le \operatorname{rank} Y$.",
            holds=lambda t: t.target.width <= t.target.rank,
            kind="typing",
            why=r"It follows from the drop: $\sigma_p > \sigma_{p+1} \ge 0$.",
        ),
        Premise(
            "descending",
            "The singular values are numbered in descending order.",
            holds=lambda t: t.target.is_descending,
            kind="typing",
            why=r"It says which numbers $\sigma_p$ and $\sigma_{p+1}$ are.",
        ),
    ),
    derivation=proof,
    interpret=interpret,
    instances=rivals,
    check=check,
    stratum=stratum,
    beyond="that pairs outside the orbit, near it or far, have a strictly larger error",
    mutants=(
        Mutant(
            "orthogonal only",
            r"Every optimal pair is $(U_* Q, Q^\top V_*)$ with an orthogonal $Q$.",
            lambda t: decided(not t.is_optimal() or basis(t).is_orthogonal()),
            rescaled,
        ),
        Mutant(
            "a drop anywhere",
            r"$\sigma_1 > \sigma_2$ is enough for every $p$.",
            check,
            lambda: diagonal_rival((2, 1, 1), [[2, 0], [0, 0], [0, 1]], [[2, 0, 0], [0, 0, 1]]),
        ),
        Mutant(
            "balanced pairs differ in signs",
            "Two balanced optimal pairs differ in the signs of columns only.",
            lambda t: decided(
                not t.is_optimal()
                or t.A.T @ t.A != t.B @ t.B.T
                or all(basis(t)[i, j] == 0 for i in range(t.M.rows) for j in range(t.M.rows) if i != j)
            ),
            rotated,
        ),
        Mutant(
            "same direction",
            r"Every optimal pair is $(U_* T, T V_*)$.",
            lambda t: decided(not t.is_optimal() or t.B == basis(t) @ t.target.best()[1]),
            rescaled,
        ),
        Mutant(
            "same image is enough",
            r"A pair is optimal when $A$ has the image of $U_*$.",
            lambda t: decided(t.A.projector() != t.target.best()[0].projector() or t.is_optimal()),
            lambda: replace(rescaled(), B=Matrix([[1, 0]])),
        ),
    ),
    tight=(
        Tight("a rotation of two singular vectors", rotated, lambda t: decided(t.is_optimal() and t.is_in_orbit())),
    ),
)
