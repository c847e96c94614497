r"""The truncated SVD, split evenly between two factors, is an optimal factorisation for every width.

**Theorem.** Let $Y \in \mathbb{R}^{m \times n}$ have singular values $\sigma_1 \ge \sigma_2 \ge \dots \ge 0$ with singular
vectors $u_i$, $v_i$, let $p \ge 1$ be any integer, and put $\sigma_i = 0$, $u_i = 0$, $v_i = 0$ for $i > \min(m, n)$. Let
$$U_* = (\sqrt{\sigma_1}\, u_1, \dots, \sqrt{\sigma_p}\, u_p), \qquad
V_* = (\sqrt{\sigma_1}\, v_1, \dots, \sqrt{\sigma_p}\, v_p)^\top .$$
Then for all $A \in \mathbb{R}^{m \times p}$ and $B \in \mathbb{R}^{p \times n}$
$$\|Y - A B\|_F^2 \;\ge\; \|Y - U_* V_*\|_F^2 = \sum_{i > p} \sigma_i^2 .$$
The factors are balanced, $U_*^\top U_* = V_* V_*^\top = \operatorname{diag}(\sigma_1, \dots, \sigma_p)$, so that
$\|U_*\|_F^2 + \|V_*\|_F^2 = 2 \sum_{i \le p} \sigma_i$. For every invertible $T \in \mathbb{R}^{p \times p}$ the pair
$(U_* T,\ T^{-1} V_*)$ is optimal too.

**Idea.** Let $F$ project onto the image of $A$. Then $\|Y - A B\|^2 = \|Y - F Y\|^2 + \|F Y - A B\|^2$, so it is enough that
$F$ keeps no more of $Y$ than $p$ singular vectors do. Write $Y = L C^2 R^\top + E$ with $U_* = L C$, $V_* = C R^\top$, and let
$s = \sigma_{p+1}$. What $F$ loses of the first part is at least $s^2 \|L - F L\|^2$, because every singular value there is at
least $s$. What it gains of $E$ is at most $s^2 (\operatorname{tr} F - \|F L\|^2)$, because none there is larger than $s$. The
loss minus the gain is at least $s^2 (p - \operatorname{tr} F) = s^2 \|I - A^+ A\|^2 \ge 0$. Both bounds are identities between
squares once "at least" and "at most" are written as $C^2 = s I + G G^\top$ and $s^2 I = E E^\top + H H^\top$. Cited is only
that the Moore-Penrose inverse $A^+$ exists.

**Reading.** This is the whole landscape's bottom for two-layer linear networks. Ties, zero singular values and $p$ larger
than the rank need no care. But there is never *the* optimal solution: one half of $(3 U_*, V_* / 3)$ is heavier, the
product is the same; and if $\sigma_p = \sigma_{p+1} > 0$ even the product is not determined.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from flint import fmpq
from hypothesis import strategies as st

from numerics.arithmetic.exact import Matrix, identity
from numerics.evidence.verdict import Verdict, at_most, decided, equal, every
from numerics.strategies import matrices
from numerics.strategies.factorizations import Target, factors, loss, mixes, targets
from theorems import Citation, Claim, Mutant, Premise, Printed, Tight
from theorems.proof import Derivation
from theorems.proof.crosscheck import Model
from theorems.schemes.projections import image

# Proof.


def proof() -> Derivation:
    from theorems.proof import at_least, dimension, equal, identity, nonnegative, zero

    d = Derivation("the truncated SVD is an optimal factorisation")
    Y, L, C, R, E = d.matrices("Y: m n", "L: m p", "C: p p symmetric", "R: n p", "E: m n")
    G, H, A, B = d.matrices("G: p g", "H: m h", "A: m p", "B: p n")
    T, T_inv = d.matrices("T: p p", "T^{-1}: p p")
    s = d.scalar("s")
    U, V = factors(L, C, R)

    # Singular vectors of singular value 0 may be left out: L' L and R' R need to be the identity on the image of C only.
    svd = d.given(equal(Y, U @ V + E), "the SVD, cut after p terms")
    left = d.given(equal(L.T @ L @ C, C), "orthonormal left singular vectors")
    right = d.given(equal(R.T @ R @ C, C), "orthonormal right singular vectors")
    below = d.given(zero(L.T @ E), "the rest has other left singular vectors")
    beside = d.given(zero(E @ R), "the rest has other right singular vectors")
    high = d.given(equal(C @ C, s * identity("p") + G @ G.T), "the singular values kept are at least s")
    low = d.given(equal(s**2 * identity("m"), E @ E.T + H @ H.T), "those of the rest are at most s")
    sign = d.given(nonnegative(s), "singular values are not negative")
    inverse = d.given(equal(T @ T_inv, identity("p")), "T is invertible")

    optimal = d.goal(at_least(loss(A, B, Y), loss(U, V, Y)))
    value = d.goal(equal(loss(U, V, Y), E.squared_norm()))
    balanced = d.goal(equal(U.T @ U, V @ V.T))
    norm = d.goal(equal(U.squared_norm() + V.squared_norm(), 2 * (C @ C).trace()))
    orbit = d.goal(equal(loss(U @ T, T_inv @ V, Y), loss(U, V, Y)))
    least = d.algebra(value, [svd])
    d.algebra(balanced, [left, right])
    d.algebra(norm, [left, right])
    d.algebra(orbit, [inverse])

    # If s > 0 then L has orthonormal columns: s (I - L' L) = 0.
    N = identity("p") - L.T @ L
    kills = d.algebra(zero(N @ C), [left])
    above = d.squares(nonnegative(s * N.squared_norm()), [(1, sign, N)])
    under = d.squares(nonnegative(-s * N.squared_norm()), [N @ G], [high, kills])
    none = d.antisymmetric(above, under)
    frame = d.definite(d.algebra(zero((s * N).squared_norm()), [none]), s * N)

    # Pythagoras for the projector F onto the image of A, and K onto its kernel.
    a = image(d, A)
    F, K = a.F, a.K
    J, X = L - F @ L, F - L @ L.T @ F
    parts = (F @ Y - A @ B).squared_norm() + (J @ C @ C).squared_norm() - (F @ E).squared_norm()
    split = d.algebra(equal(loss(A, B, Y) - E.squared_norm(), parts), [svd, below, beside, a.FA, a.FF, right])

    # Ky Fan's comparison.
    gain = at_least(s**2 * (F.trace() - (F @ L).squared_norm()), (F @ E).squared_norm())
    gained = d.squares(gain, [H.T @ X], [low, below, frame, a.FF], reason="the rest has singular values at most s")
    loses = at_least((J @ C @ C).squared_norm(), s**2 * J.squared_norm())
    lost = d.squares(loses, [(2, sign, J @ G), J @ G @ G.T], [high], reason="those kept are at least s")
    missed = d.algebra(equal(s**2 * J.squared_norm(), s**2 * (dimension("p") - (F @ L).squared_norm())), [a.FF, frame])
    d.squares(optimal, [F @ Y - A @ B, (1, lost), (1, gained), s * K], [split, least, missed, a.rank, a.KK])
    return d


# Check.


@dataclass(frozen=True)
class Approximation:
    r"""A target, a `rival` pair $(A, B)$, and an invertible $T$.

    Entry `weights` in the squared error, or singular values that do not descend, violate a premise.
    """

    target: Target
    rival: tuple[Matrix, Matrix]
    T: Matrix
    weights: Matrix | None = None

    def error(self, U: Matrix, V: Matrix) -> fmpq:
        if self.weights is None:
            return loss(U, V, self.target.Y)
        off = (self.target.Y - U @ V).entries()
        return sum((w * x**2 for w, x in zip(self.weights.entries(), off, strict=True)), fmpq(0))

    def least(self) -> fmpq:
        """The error of the balanced factors."""
        return self.error(*self.target.best())


@st.composite
def approximations(draw: st.DrawFn) -> Approximation:
    """Rivals anywhere, and near the balanced factors."""
    target = draw(targets(st.integers(1, 5)))
    p = target.width
    A, B = draw(matrices(target.left.rows, p)), draw(matrices(p, target.right.rows))
    near = draw(st.sampled_from((0, 4, 1000)))
    if near:
        U, V = target.best()
        A, B = U + A / near, V + B / near
    return Approximation(target, (A, B), draw(mixes(p)))


def alternated(t: Approximation) -> list[tuple[Matrix, Matrix]]:
    """The rival, then exact alternating least squares: the best B for its A, and the best A for that B."""
    (A, B), Y = t.rival, t.target.Y
    rivals = [(A, B)]
    if t.weights is None:
        fitted = A.pseudo_inverse() @ Y
        rivals += [(A, fitted), (Y @ fitted.pseudo_inverse(), fitted)]
    return rivals


def check(t: Approximation) -> Verdict:
    U, V = t.target.best()
    least = t.least()
    verdicts = [
        decided(t.target.has_planted_spectrum(), "the planted spectrum"),
        equal(least, t.target.tail, "the error of the truncated SVD"),
        equal(t.error(*t.target.mixed(t.T)), least, "the error after mixing"),
        decided(U.T @ U == V @ V.T, "balanced factors"),
        equal(U.squared_norm() + V.squared_norm(), 2 * sum(t.target.sigma[: t.target.width], fmpq(0)), "their norm"),
    ]
    verdicts += [at_most(least, t.error(A, B), "a rival") for A, B in alternated(t)]
    return every(verdicts)


def interpret(t: Approximation) -> Model | None:
    if t.weights is not None or not t.target.is_descending:
        return None
    A, B = t.rival
    letters = t.target.letters(t.target.next)
    return Model({**letters, "A": A, "B": B, "T": t.T, "T^{-1}": t.T.inverse()})


def stratum(t: Approximation) -> str:
    target = t.target
    if target.rank == 0:
        return "zero"
    if target.width > len(target.roots):
        return "wider than the matrix"
    if target.width >= target.rank:
        return "no narrower than the rank"
    return "a tie where it is cut" if target.last == target.next else "generic"


def diagonal_target(*roots: int, width: int = 1) -> Target:
    r"""$Y = \operatorname{diag}(r_1^2, r_2^2, \dots)$."""
    n = len(roots)
    return Target(tuple(map(Fraction, roots)), identity(n), identity(n), width)


def with_rival(target: Target, A: list[list[Any]], B: list[list[Any]], **change: Any) -> Approximation:
    return replace(Approximation(target, (Matrix(A), Matrix(B)), identity(target.width)), **change)


def rescaled() -> Approximation:
    r"""$Y = \operatorname{diag}(4, 1)$ with $p = 1$, and the rival $(3 U_*, V_* / 3)$."""
    return with_rival(diagonal_target(2, 1), [[6], [0]], [[Fraction(2, 3), 0]])


def tied() -> Approximation:
    r"""$Y = I_2$ with $p = 1$, and a rival that keeps the other singular vector."""
    return with_rival(diagonal_target(1, 1), [[0], [1]], [[0, 1]])


def truncated(t: Approximation, order: Callable[[list[int]], list[int]], power: int = 1) -> fmpq:
    r"""The error when the terms in the first $p$ places of `order` are kept, with $\sigma^{\text{power}}$ for $\sigma$."""
    target = t.target
    kept = order(list(range(len(target.roots))))[: target.width]
    terms = [target.left[:, [i]] @ target.right[:, [i]].T * target.sigma[i] ** power for i in kept]
    return (sum(terms, Matrix.from_entries(*target.Y.shape, [0] * len(target.Y.entries()))) - target.Y).squared_norm()


def is_as_good(t: Approximation) -> bool:
    return t.error(*t.rival) == t.least()


def is_narrow(t: Approximation) -> bool:
    return t.target.width < t.target.rank


def is_distinct(t: Approximation) -> bool:
    return len(set(t.target.roots)) == len(t.target.roots)


def violations(holds: Callable[[Approximation], bool]) -> Callable[[], st.SearchStrategy[Approximation]]:
    return lambda: approximations().filter(lambda t: not holds(t))


def numbers(t: Approximation) -> str:
    U, V = t.target.best()
    weights = f"Y = {t.target.Y}" + (f", weights {t.weights}" if t.weights is not None else "")
    A, B = t.rival
    return f"{weights}\nerror {t.least()} at U V = {U @ V}\nerror {t.error(A, B)} at A B = {A @ B}"


def draw_errors(ax: Any) -> Any:
    """The least error for each width, and what a sweep of alternating least squares reaches from random starts."""
    import numpy as np

    target = np.diag([4.0, 3.0, 2.0, 2.0, 1.0])
    rng = np.random.default_rng(0)
    widths = range(1, 6)
    for p in widths:
        errors = []
        for _ in range(20):
            A = rng.normal(size=(5, p))
            A = target @ np.linalg.pinv(np.linalg.pinv(A) @ target)
            errors.append(((target - A @ np.linalg.pinv(A) @ target) ** 2).sum())
        ax.plot([p] * 20, errors, ".", color="C1", alpha=0.5, label="alternating least squares" if p == 1 else None)
    best = [sum(s**2 for s in np.diag(target)[p:]) for p in widths]
    ax.plot(widths, best, "_", markersize=24, markeredgewidth=2, color="C0", label="sum of the squares left out")
    ax.set_xticks(list(widths))
    ax.set_xlabel("width p")
    ax.set_ylabel("squared error")
    ax.legend()
    return ax


claim = Claim(
    __name__,
    __doc__,
    source=Citation("dutta2015problem", "Section 1, equations (1) and (2)"),
    also=(Citation("eckart1936approximation", "pages 211-218"), Citation("srebro2003generalized", "Section 1")),
    premises=(
        Premise(
            "largest first",
            "The singular values that are kept are the largest ones.",
            holds=lambda t: t.target.is_descending,
            without=lambda: with_rival(diagonal_target(1, 2), [[0], [2]], [[0, 2]]),
            show=numbers,
        ),
        Premise(
            "equal weights",
            "All entries of the error have the same weight.",
            holds=lambda t: t.weights is None,
            without=lambda: with_rival(diagonal_target(2, 1), [[0], [1]], [[0, 1]], weights=Matrix([[1, 1], [1, 100]])),
            show=numbers,
        ),
        Premise(
            "narrower than the rank",
            r"$p < \operatorname{rank} Y$.",
            holds=is_narrow,
            kind="superfluous",
            violating=violations(is_narrow),
        ),
        Premise(
            "distinct singular values",
            "No two singular values are equal.",
            holds=is_distinct,
            kind="superfluous",
            violating=violations(is_distinct),
        ),
    ),
    derivation=proof,
    interpret=interpret,
    instances=approximations,
    check=check,
    stratum=stratum,
    beyond="that the planted numbers are the singular values of Y (by a characteristic polynomial), and that their squares "
    "left out add up to the error",
    mutants=(
        Mutant(
            "no square roots",
            r"$U = (\sigma_1 u_1, \dots)$, $V = (\sigma_1 v_1, \dots)^\top$ are optimal.",
            lambda t: at_most(truncated(t, list, power=2), t.error(*t.rival)),
            rescaled,
        ),
        Mutant(
            "sum without squares",
            r"The least error is $\sum_{i > p} \sigma_i$.",
            lambda t: equal(t.least(), sum(t.target.sigma[t.target.width :], fmpq(0))),
            lambda: with_rival(diagonal_target(3, 2, 1), [[0]] * 3, [[0] * 3]),
        ),
        Mutant(
            "smallest kept",
            "The last $p$ singular values are the ones to keep.",
            lambda t: at_most(truncated(t, lambda order: order[::-1]), t.error(*t.rival)),
            rescaled,
        ),
        Mutant(
            "one term too many",
            r"The least error is $\sum_{i > p + 1} \sigma_i^2$.",
            lambda t: equal(t.least(), sum((s**2 for s in t.target.sigma[t.target.width + 1 :]), fmpq(0))),
            rescaled,
        ),
        Mutant(
            "norm off by two",
            r"$\|U_*\|_F^2 + \|V_*\|_F^2 = \sum_{i \le p} \sigma_i$.",
            lambda t: equal(
                sum((M.squared_norm() for M in t.target.best()), fmpq(0)),
                sum(t.target.sigma[: t.target.width], fmpq(0)),
            ),
            rescaled,
        ),
        Mutant(
            "always balanced",
            "Every optimal pair is balanced.",
            lambda t: decided(not is_as_good(t) or t.rival[0].T @ t.rival[0] == t.rival[1] @ t.rival[1].T),
            rescaled,
        ),
        Mutant(
            "unique product",
            "The optimal product is unique.",
            lambda t: decided(not is_as_good(t) or t.rival[0] @ t.rival[1] == t.target.best()[0] @ t.target.best()[1]),
            tied,
        ),
        Mutant(
            "mixed without inverse",
            r"$(U_* T,\ T^\top V_*)$ is optimal for every invertible $T$.",
            lambda t: equal(t.error(t.target.best()[0] @ t.T, t.T.T @ t.target.best()[1]), t.least()),
            lambda: replace(rescaled(), T=Matrix([[2]])),
        ),
    ),
    printed=(
        Printed(
            r"if p < rank(Y), then *the* optimal solution is $U_*$, $V_*$",
            Citation("sun2019lecture", "equation (1.2)"),
            lambda t: decided(not is_as_good(t) or t.rival == t.target.best(), "the rival is as good and different"),
            rescaled,
            "The optimal pair is never unique, not even its product where singular values tie; p < rank(Y) is not needed.",
        ),
    ),
    tight=(
        Tight(
            "another optimum with positive error",
            rescaled,
            lambda t: every([equal(t.error(*t.rival), t.least()), decided(t.least() > 0)]),
        ),
    ),
    figure=draw_errors,
)
