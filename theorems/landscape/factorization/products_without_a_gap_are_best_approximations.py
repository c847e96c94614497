r"""A product whose singular values are not below those of the orthogonal rest is a best approximation of its rank.

**Theorem.** Let $B \in \mathbb{R}^{m \times p}$, let $C \in \mathbb{R}^{p \times N}$ have rank $p$, and let
$S \in \mathbb{R}^{m \times N}$ be orthogonal to the product on both sides, $B^\top S = 0$ and $S\, C^\top = 0$. If no singular
value of $S$ is larger than the smallest of the $p$ singular values of $B C$, then for all $E \in \mathbb{R}^{m \times p}$ and
$D \in \mathbb{R}^{p \times N}$
$$\|B C + S - E D\|_F^2 \;\ge\; \|S\|_F^2 .$$

**Idea.** Let $P = C^+ C$ and $Q = D^+ D$ project onto the row spaces. Only what $Q$ does not see costs anything:
$\|B C + S - E D\|^2 \ge \|B C\, (I - Q)\|^2 + \|S\, (I - Q)\|^2$. Let $\lambda$ bound the squares of the singular values of $S$ from
above and $1 / \kappa$ those of $B C$ from below, $\lambda \kappa \le 1$. What $Q$ takes from $S$ is at most
$\lambda \|(I - P) Q\|^2$, since $S P = 0$. What it misses of $B C$ is at least $\|P (I - Q)\|^2 / \kappa$. Both overlaps are $p$ minus
the same trace $\operatorname{tr} P Q$, up to the rank that $Q$ lacks, so that the loss outweighs the gain. This is Ky Fan's
comparison with one term on each side. The formal proof has the pseudo-inverses as letters with the laws that it needs, and
uses $\lambda$ and $\kappa$ at these two overlaps only.

**Reading.** Eckart and Young's theorem, seen from a product that somebody already has: no singular value decomposition
is needed, only that no dropped direction is longer than a kept one. A critical point of a linear network of full rank is of
this form, with $S$ the part of the residual that maps of the data can reach.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from flint import fmpq
from hypothesis import strategies as st

from numerics.arithmetic.exact import Matrix, diagonal, identity, rational
from numerics.evidence.verdict import Verdict, at_least, decided, equal, every
from numerics.strategies import frames, matrices, spectra
from numerics.strategies.factorizations import loss, mixes
from theorems import Citation, Claim, Mutant, Premise, Tight
from theorems.proof import Derivation
from theorems.proof.crosscheck import Model

# Proof.


def proof() -> Derivation:
    from theorems.proof import at_least, at_most, equal, identity, nonnegative, zero

    d = Derivation("without a gap the product is a best approximation")
    B, C, S, E, D = d.matrices("B: m p", "C: p N", "S: m N", "E: m p", "D: p N")
    C_p, D_p, M = d.matrices("C^+: N p", "D^+: N p", "M: N N")
    lam, kappa = d.scalars("lambda kappa")
    I, F, onto_C, onto_D = identity("N"), B @ C, C_p @ C, D_p @ D
    off_C, off_D = I - onto_C, I - onto_D
    left, right = d.given(zero(B.T @ S), "orthogonal columns"), d.given(zero(S @ C.T), "orthogonal rows")
    C_id = d.given(equal(C @ C_p, identity("p")), "C has rank p")
    C_sym = d.given(equal(onto_C.T, onto_C), "the pseudo-inverse of C")
    DDD, DD = d.given(equal(D @ D_p @ D, D), "that of D"), d.given(equal((D @ D_p).T, D @ D_p), "that of D")
    D_sym = d.given(equal(onto_D.T, onto_D), "that of D")
    lost, missed = off_C @ onto_D, onto_C @ off_D
    M_is = d.given(equal(M, missed), "what D misses of the rows of C")
    largest = d.given(at_most((S @ lost).squared_norm(), lam * lost.squared_norm()), "lambda bounds S")
    smallest = d.given(at_least(kappa * (F @ M).squared_norm(), M.squared_norm()), "1 / kappa bounds B C from below")
    lam_size, no_gap = d.given(nonnegative(lam), "lambda bounds S"), d.given(at_most(lam * kappa, 1), "no gap")
    goal = d.goal(at_least(loss(E, D, F + S), S.squared_norm()))

    twice = d.algebra(equal(onto_D @ onto_D, onto_D), [DDD])
    S_off = d.algebra(zero(S @ onto_C), [right, C_sym])
    F_on = d.algebra(equal(F @ M, F @ off_D), [M_is, C_id])
    inside = (F + S - E @ D) @ onto_D
    outside = (F @ off_D).squared_norm() + (S @ off_D).squared_norm()
    parts = d.algebra(
        equal(loss(E, D, F + S), inside.squared_norm() + outside), [DDD, D_sym, left], rounds=6, reason="Pythagoras"
    )
    rest = S.squared_norm() - (S @ lost).squared_norm()
    kept = d.algebra(equal((S @ off_D).squared_norm(), rest), [DDD, D_sym, S_off], rounds=6)
    # Both overlaps are p minus the same trace, up to the rank that D lacks.
    spare = identity("p") - D @ D_p
    overlaps = equal(lost.squared_norm() + spare.squared_norm(), missed.squared_norm())
    overlap = d.algebra(overlaps, [DDD, D_sym, DD, C_id, C_sym, twice], rounds=4)
    M_size = d.algebra(equal(M.squared_norm(), missed.squared_norm()), [M_is])
    terms = [inside, (1, largest), (1, lam_size, smallest), (1, no_gap, F @ M), (1, lam_size, spare)]
    d.squares(goal, terms, [parts, kept, overlap, M_size, F_on])
    return d


# Check.


@dataclass(frozen=True)
class Split:
    r"""The matrix $B C + S$, a `rival` pair $(E, D)$, and numbers that separate the singular values.

    `top` is at least the square of every singular value of $S$, and `bottom` at most that of each of the $p$ of $B C$.
    """

    B: Matrix
    C: Matrix
    S: Matrix
    rival: tuple[Matrix, Matrix]
    top: Fraction
    bottom: Fraction

    @property
    def Y(self) -> Matrix:
        return self.B @ self.C + self.S


@st.composite
def splits(draw: st.DrawFn) -> Split:
    """Products with any basis in the middle, ties between kept and dropped singular values, rivals anywhere and near."""
    m, N = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    p = draw(st.integers(1, min(m, N)))
    # The smallest one that is kept is positive, and the others are dropped below it.
    kept, dropped = draw(spectra(p, minimum=Fraction(1, 2))), draw(spectra(min(m, N) - p))
    shrink = max(1, dropped[0] / kept[-1]) if dropped else 1
    dropped = tuple(s / shrink for s in dropped)
    U, V, T = draw(frames(m)), draw(frames(N)), draw(mixes(p))
    B = U[:, :p] @ diagonal(kept) @ T
    C = T.inverse() @ V[:, :p].T
    S = U[:, p:] @ diagonal(dropped, m - p, N - p) @ V[:, p:].T
    E, D = draw(matrices(m, p)), draw(matrices(p, N))
    near = draw(st.sampled_from((0, 4, 1000)))
    if near:
        E, D = B + E / near, C + D / near
    return Split(B, C, S, (E, D), max((s**2 for s in dropped), default=Fraction(0)), kept[-1] ** 2)


def is_semidefinite(A: Matrix) -> bool:
    return A.is_positive_semidefinite()


def has_no_gap(t: Split) -> bool:
    """By inertia: `top` bounds S from above, `bottom` the product from below on the row space of C, and they do not cross."""
    product, rows = t.B @ t.C, t.C.pseudo_inverse() @ t.C
    return (
        0 <= t.top <= t.bottom
        and is_semidefinite(identity(t.S.cols) * t.top - t.S.T @ t.S)
        and is_semidefinite(product.T @ product - rows * t.bottom)
    )


def errors(t: Split) -> list[fmpq]:
    """Of the rival, and of two steps of exact alternating least squares from it."""
    E, D = t.rival
    fitted = t.Y @ D.pseudo_inverse()
    pairs = [(E, D), (fitted, D), (fitted, fitted.pseudo_inverse() @ t.Y)]
    return [loss(*pair, t.Y) for pair in pairs]


def check(t: Split) -> Verdict:
    return every(at_least(error, t.S.squared_norm(), "a rival") for error in errors(t))


def interpret(t: Split) -> Model | None:
    if t.bottom == 0:
        return None
    E, D = t.rival
    C_p, D_p, one = t.C.pseudo_inverse(), D.pseudo_inverse(), identity(t.C.cols)
    M = C_p @ t.C @ (one - D_p @ D)
    letters = {"B": t.B, "C": t.C, "S": t.S, "E": E, "D": D, "C^+": C_p, "D^+": D_p, "M": M}
    return Model({**letters, "lambda": rational(t.top), "kappa": 1 / rational(t.bottom)})


def stratum(t: Split) -> str:
    if t.S.is_zero():
        return "nothing is left"
    if t.top == t.bottom:
        return "a tie where it is cut"
    return "generic" if t.rival[1].rank() == t.C.rows else "a rival of lower rank"


def split(B: Any, C: Any, S: Any, E: Any, D: Any, top: Any, bottom: Any) -> Split:
    return Split(Matrix(B), Matrix(C), Matrix(S), (Matrix(E), Matrix(D)), Fraction(top), Fraction(bottom))


def channels(kept: int, dropped: int, E: Any, D: Any) -> Split:
    r"""$Y = \operatorname{diag}(\text{kept}, \text{dropped})$ with $p = 1$."""
    return split([[kept], [0]], [[1, 0]], [[0, 0], [0, dropped]], E, D, dropped**2, kept**2)


def itself(t: Split) -> Split:
    return replace(t, rival=(t.B, t.C))


def exchanged() -> Split:
    """diag(1, 2): the dropped singular value is the larger one."""
    return channels(1, 2, [[0], [2]], [[0, 1]])


def beside() -> Split:
    r"""$B C = (1, 0)$ and $S = (0, \frac12)$ are one row: a matrix of rank 1."""
    return split([[1]], [[1, 0]], [[0, "1/2"]], [[1]], [[1, "1/2"]], "1/4", 1)


def below() -> Split:
    r"""$B C = (1, 0)^\top$ and $S = (0, \frac12)^\top$ are one column: a matrix of rank 1."""
    return split([[1], [0]], [[1]], [[0], ["1/2"]], [[1], ["1/2"]], [[1]], "1/4", 1)


def idle() -> Split:
    """B = C = 0 and S = 1: the only column of the product is not used."""
    return split([[0]], [[0]], [[1]], [[1]], [[1]], 1, 1)


def numbers(t: Split) -> str:
    E, D = t.rival
    return f"B C = {t.B @ t.C}, S = {t.S}, E D = {E @ D}\nerror {loss(E, D, t.Y)}, |S|^2 = {t.S.squared_norm()}"


def compared(conclusion: Callable[[Split, Matrix], bool]) -> Callable[[Split], Verdict]:
    return lambda t: decided(conclusion(t, t.rival[0] @ t.rival[1]))


claim = Claim(
    __name__,
    __doc__,
    source=Citation("eckart1936approximation", "pages 211-218"),
    premises=(
        Premise(
            "no gap",
            r"No singular value of $S$ is larger than the smallest of the $p$ singular values of $B C$.",
            holds=has_no_gap,
            without=exchanged,
            show=numbers,
        ),
        Premise(
            "orthogonal columns",
            r"$B^\top S = 0$.",
            holds=lambda t: (t.B.T @ t.S).is_zero(),
            without=beside,
            show=numbers,
        ),
        Premise(
            "orthogonal rows",
            r"$S\, C^\top = 0$.",
            holds=lambda t: (t.S @ t.C.T).is_zero(),
            without=below,
            show=numbers,
        ),
        Premise(
            "full rank",
            r"$\operatorname{rank} C = p$.",
            holds=lambda t: t.C.rank() == t.C.rows,
            without=idle,
            show=numbers,
        ),
    ),
    derivation=proof,
    interpret=interpret,
    instances=splits,
    check=check,
    stratum=stratum,
    beyond="that alternating least squares from the rival finds nothing better",
    mutants=(
        Mutant(
            "Pythagoras",
            r"$\|B C + S - E D\|_F^2 \ge \|S\|_F^2 + \|B C - E D\|_F^2$.",
            compared(lambda t, ED: (t.Y - ED).squared_norm() >= t.S.squared_norm() + (t.B @ t.C - ED).squared_norm()),
            lambda: channels(2, 1, [[1], [1]], [[1, 1]]),
        ),
        Mutant(
            "the only one",
            r"Equality holds only for $E D = B C$.",
            compared(lambda t, ED: (t.Y - ED).squared_norm() > t.S.squared_norm() or t.B @ t.C == ED),
            lambda: channels(1, 1, [[0], [1]], [[0, 1]]),
        ),
        Mutant(
            "one rank more",
            r"The same holds for $E \in \mathbb{R}^{m \times (p + 1)}$, $D \in \mathbb{R}^{(p + 1) \times N}$.",
            check,
            lambda: channels(2, 1, [[2, 0], [0, 1]], [[1, 0], [0, 1]]),
        ),
        Mutant(
            "twice the rest",
            r"$\|B C + S - E D\|_F^2 \ge 2 \|S\|_F^2$.",
            compared(lambda t, ED: (t.Y - ED).squared_norm() >= 2 * t.S.squared_norm()),
            lambda: itself(channels(2, 1, [[0], [0]], [[0, 0]])),
        ),
    ),
    tight=(
        Tight(
            "the product itself",
            lambda: itself(channels(2, 1, [[0], [0]], [[0, 0]])),
            lambda t: equal(errors(t)[0], t.S.squared_norm()),
        ),
    ),
)
