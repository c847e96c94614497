r"""The ramp loss of the margin lies between two error counts and moves at most √2/γ times as fast as the scores.

**Theorem.** For scores $v \in \mathbb{R}^k$, $k \ge 2$, and a label $y$ let $M(v) = v_y - \max_{j \ne y} v_j$, and for
$\gamma > 0$ let $\ell_\gamma(-M) = 1 - \min(\max(M/\gamma, 0), 1)$. Then, with any rule for ties in the argmax,
$$\mathbf 1[\operatorname{argmax} v \ne y] \le \mathbf 1[M(v) \le 0] \le \ell_\gamma(-M(v)) \le \mathbf 1[M(v) < \gamma],$$
$\ell_\gamma(-M) \le \ell_{\gamma'}(-M)$ for $\gamma \le \gamma'$, and for all $v, w \in \mathbb{R}^k$
$$|M(v) - M(w)| \le \sqrt2\, \|v - w\|_2, \qquad
\gamma\, |\ell_\gamma(-M(v)) - \ell_\gamma(-M(w))| \le |M(v) - M(w)| .$$
The constant $\sqrt2$ is attained.

**Idea.** Let $i$ be the best wrong class of $v$ and $j$ that of $w$. Then $M(v) - M(w)$ lies between
$\langle e_y - e_i, v - w\rangle$ and $\langle e_y - e_j, v - w\rangle$, and each of these is at most
$\sqrt2\,\|v - w\|$, because $(a - b)^2 \le 2(a^2 + b^2)$ and $a, b$ are two coordinates of $v - w$. The ramp is
piecewise linear, so the rest is a comparison in each of its three pieces.

**Reading.** The ramp is what lets a bound on averages of Lipschitz functions speak of errors: below, errors; above, training examples
with margin less than $\gamma$. Bartlett, Foster and Telgarsky use the constant 2 in place of $\sqrt2$. A tie counts as an error
in the first inequality: $\mathbf 1[M < 0]$ would be too small.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from hypothesis import strategies as st

from numerics.arithmetic.exact import Matrix, as_fraction, rational, unit
from numerics.evidence.verdict import Verdict, at_most, equal, every
from numerics.strategies import matrices, sizes
from theorems import Citation, Claim, Mutant, Premise, Tight
from theorems.proof import Derivation
from theorems.proof.crosscheck import Model

# Proof.


def proof() -> Derivation:
    from theorems.proof import Statement, at_least, at_most, equal, less, nonnegative, positive

    d = Derivation("margins and ramp")
    v, w, y, i, j = d.matrices("v: k 1", "w: k 1", "y: k 1", "i: k 1", "j: k 1")
    gamma, wider = d.scalars("gamma gamma'")
    r, s, R, error, near = d.scalars("r s R error near")
    M, N = y.T @ v - i.T @ v, y.T @ w - j.T @ w

    # Unit vectors: y of the label, i of the best wrong class of v, j of the best wrong class of w.
    units = [d.given(equal(e.T @ e, 1)) for e in (y, i, j)]
    others = [d.given(equal(y.T @ e, 0)) for e in (i, j)]
    best_of_v = d.given(at_least(i.T @ v, j.T @ v))
    best_of_w = d.given(at_least(j.T @ w, i.T @ w))
    margin = d.goal(at_most((M - N) ** 2, 2 * (v - w).squared_norm()))

    def between(e):
        """<y - e, v - w>^2 <= 2 |v - w|^2: 2(a^2 + b^2) - (a - b)^2 = (a + b)^2, and Bessel's inequality."""
        a, b = y.T @ (v - w), e.T @ (v - w)
        rest = (v - w) - y * a - e * b
        return d.squares(
            at_most((a - b) ** 2, 2 * (v - w).squared_norm()), [a + b, (2, rest)], [*units, *others], rounds=4
        )

    def bounded(case, e, sign):
        """On one side of zero, 0 <= sign (M - N) <= sign <y - e, v - w>."""
        D, A = sign * (M - N), sign * ((y - e).T @ (v - w))
        best = best_of_v if e is j else best_of_w
        ahead = d.squares(at_least(A, D), [(1, best)])
        both = d.squares(nonnegative(A + D), [(1, ahead), (2, case)])
        square = between(e)
        return d.squares(margin, [(1, square), (1, ahead, both)])

    above = d.suppose(nonnegative(M - N))
    below = d.suppose(above.relation.negation)
    d.cases([(above, bounded(above, j, 1)), (below, bounded(d.weaken(below, nonnegative(N - M)), i, -1))])

    # The ramp, by its three pieces.
    g = d.given(positive(gamma))

    def ramp(m, value, gamma):
        def piece(premises, conclusion):
            return d.given(Statement((), tuple(premises), (conclusion,)))

        low = piece([at_most(m, 0)], equal(value, 1))
        middle = piece([nonnegative(m), at_most(m, gamma)], equal(gamma * value, gamma - m))
        high = piece([at_least(m, gamma)], equal(value, 0))
        return low, middle, high

    def pieces(m, gamma, statements, use):
        """Join what `use` makes of the value in the three pieces."""
        low, middle, high = statements
        h0 = d.suppose(at_most(m, 0))
        h1 = d.suppose(positive(m))
        inner_low, inner_high = d.suppose(at_most(m, gamma)), d.suppose(less(gamma, m))
        first = use(d.apply(low, {}, [h0])[1][0], [h0])
        second = use(d.apply(middle, {}, [h1, inner_low])[1][0], [h1, inner_low])
        third = use(d.apply(high, {}, [inner_high])[1][0], [h1, inner_high])
        rest = d.cases([(inner_low, second), (inner_high, third)])
        return d.cases([(h0, first), (h1, rest)])

    of_v, of_w = ramp(M, r, gamma), ramp(N, s, gamma)
    lipschitz = d.goal(at_most(gamma**2 * (r - s) ** 2, (M - N) ** 2))
    pieces(
        M,
        gamma,
        of_v,
        lambda first, here: pieces(
            N, gamma, of_w, lambda second, there: d.smt(lipschitz, [g, first, second, *here, *there])
        ),
    )

    # The two counts: an error needs a margin at most 0; `near` is 1 where the margin is below gamma.
    at_most_1 = d.given(at_most(error, 1))
    no_error = d.given(Statement((), (positive(M),), (equal(error, 0),)))
    at_least_0 = d.given(nonnegative(near))
    counted = d.given(Statement((), (less(M, gamma),), (equal(near, 1),)))
    sandwich_low, sandwich_high = d.goal(at_most(error, r)), d.goal(at_most(r, near))

    def low_side(value, here):
        if here[0].relation.kind == ">=0":
            return d.smt(sandwich_low, [value, at_most_1])
        return d.smt(sandwich_low, [g, value, *here, d.apply(no_error, {}, [here[0]])[1][0]])

    pieces(M, gamma, of_v, low_side)

    inside = d.suppose(less(M, gamma))
    outside = d.suppose(at_least(M, gamma))
    unit_value = pieces(M, gamma, of_v, lambda value, here: d.smt(at_most(r, 1), [g, value, *here]))
    one = d.apply(counted, {}, [inside])[1][0]
    nothing = d.apply(of_v[2], {}, [outside])[1][0]
    d.cases(
        [
            (inside, d.smt(sandwich_high, [unit_value, one])),
            (outside, d.smt(sandwich_high, [nothing, at_least_0])),
        ]
    )

    # A wider ramp is higher: the pieces are those of the wider one.
    order = d.given(at_most(gamma, wider))
    wide = ramp(M, R, wider)
    grows = d.goal(at_most(r, R))

    def below_wide(value, here):
        first, *inside = here
        if not inside:  # M <= 0, where both are 1
            return d.squares(grows, [], [value, d.apply(of_v[0], {}, [first])[1][0]])
        if inside[0].relation.kind == ">0":  # gamma' < M, where both are 0
            beyond = d.smt(at_least(M, gamma), [order, *inside])
            return d.squares(grows, [], [value, d.apply(of_v[2], {}, [beyond])[1][0]])
        near_, far = d.suppose(at_most(M, gamma)), d.suppose(less(gamma, M))
        mine = d.apply(of_v[1], {}, [first, near_])[1][0]
        nothing = d.apply(of_v[2], {}, [far])[1][0]
        wide_positive = d.smt(positive(wider), [g, order])
        both = d.smt(grows, [g, order, wide_positive, value, mine, first, near_])
        none = d.smt(grows, [wide_positive, value, nothing, *inside])
        return d.cases([(near_, both), (far, none)])

    pieces(M, wider, wide, below_wide)
    return d


# Check.


@dataclass(frozen=True)
class Scores:
    """Two vectors of scores, the label, and two margins of the ramp."""

    v: Matrix
    w: Matrix
    label: int
    gamma: Fraction
    wider: Fraction

    @property
    def width(self):
        return rational(self.gamma)


def best_other(v: Matrix, label: int) -> int:
    """The best wrong class, by sorting."""
    return sorted((i for i in range(v.rows) if i != label), key=lambda i: (-v[i, 0], i))[0]


def margin(v: Matrix, label: int):
    return v[label, 0] - v[best_other(v, label), 0]


def ramp(m, gamma):
    if m <= 0:
        return 1
    return 0 if m >= gamma else 1 - m / gamma


def errs(v: Matrix, label: int) -> bool:
    """Whether some rule for ties makes the argmax another class than the label."""
    return any(v[i, 0] == max(v[c, 0] for c in range(v.rows)) for i in range(v.rows) if i != label)


def check(t: Scores) -> Verdict:
    M, N = margin(t.v, t.label), margin(t.w, t.label)
    r, s, R = ramp(M, t.width), ramp(N, t.width), ramp(M, rational(t.wider))
    return every(
        [
            at_most((M - N) ** 2, 2 * (t.v - t.w).squared_norm(), "margins"),
            at_most(t.width**2 * (r - s) ** 2, (M - N) ** 2, "ramps"),
            at_most(int(errs(t.v, t.label)), int(M <= 0), "an error needs a margin at most 0"),
            at_most(int(M <= 0), r, "errors are below the ramp"),
            at_most(r, int(t.width > M), "the ramp is below the count"),
            at_most(r, R, "a wider ramp is higher"),
        ]
    )


@st.composite
def scores(draw) -> Scores:
    k = draw(sizes(2, 5))
    v = draw(matrices(k, 1))
    w = draw(st.one_of(matrices(k, 1), st.just(v), st.just(2 * v), st.just(v / 2)))
    right = max(range(k), key=lambda c: v[c, 0])
    label = draw(st.one_of(st.just(right), st.integers(0, k - 1)))
    # Margins on both sides of gamma and gamma', and equal to them, are all common.
    near = [as_fraction(abs(margin(x, label))) for x in (v, w)]
    gamma = draw(st.sampled_from([Fraction(1), *near, sum(near), near[0] / 2])) or Fraction(1, 2)
    wider = draw(st.sampled_from([gamma, 2 * gamma, gamma + near[0]]))
    return Scores(v, w, label, gamma, wider)


def interpret(t: Scores) -> Model:
    M, N = margin(t.v, t.label), margin(t.w, t.label)
    k = t.v.rows
    return Model(
        {
            "v": t.v,
            "w": t.w,
            "y": unit(k, t.label),
            "i": unit(k, best_other(t.v, t.label)),
            "j": unit(k, best_other(t.w, t.label)),
            "gamma": t.gamma,
            "gamma'": t.wider,
            "r": ramp(M, t.width),
            "s": ramp(N, t.width),
            "R": ramp(M, rational(t.wider)),
            "error": int(errs(t.v, t.label)),
            "near": int(t.width > M),
        }
    )


def stratum(t: Scores) -> str:
    M = margin(t.v, t.label)
    return "tie" if M == 0 else "margin is gamma" if t.width == M else "generic"


def opposite(gamma: Fraction = Fraction(1)) -> Scores:
    """Scores (1, -1)/4 against 0: the margin moves by 1/2."""
    v = Matrix([["1/4"], ["-1/4"]])
    return Scores(v, 0 * v, 0, gamma, gamma)


claim = Claim(
    __name__,
    __doc__,
    source=Citation("bartlett2017spectrally", "Theorem 1.1 and Lemma 3.1"),
    premises=(
        Premise(
            "positive width",
            r"$0 < \gamma \le \gamma'$.",
            holds=lambda t: 0 < t.gamma <= t.wider,
            kind="typing",
            why="the ramp divides by gamma",
        ),
        Premise(
            "two classes",
            r"$k \ge 2$.",
            holds=lambda t: t.v.rows >= 2,
            kind="typing",
            why="the margin is a maximum over the wrong classes",
        ),
    ),
    derivation=proof,
    interpret=interpret,
    instances=scores,
    check=check,
    stratum=stratum,
    tight=(
        Tight(
            "opposite scores",
            opposite,
            lambda t: equal((margin(t.v, t.label) - margin(t.w, t.label)) ** 2, 2 * (t.v - t.w).squared_norm()),
        ),
        Tight(
            "slope of the ramp",
            opposite,
            lambda t: equal(
                ramp(margin(t.w, t.label), t.width) - ramp(margin(t.v, t.label), t.width),
                (margin(t.v, t.label) - margin(t.w, t.label)) / t.width,
            ),
        ),
    ),
    mutants=(
        Mutant(
            "constant 1",
            r"$|M(v) - M(w)| \le \|v - w\|_2$.",
            lambda t: at_most((margin(t.v, t.label) - margin(t.w, t.label)) ** 2, (t.v - t.w).squared_norm()),
            opposite,
        ),
        Mutant(
            "greatest entry",
            r"$|M(v) - M(w)| \le \sqrt2\, \|v - w\|_\infty$.",
            lambda t: at_most(
                (margin(t.v, t.label) - margin(t.w, t.label)) ** 2,
                2 * max((t.v[i, 0] - t.w[i, 0]) ** 2 for i in range(t.v.rows)),
            ),
            opposite,
        ),
        Mutant(
            "ties are right",
            r"$\mathbf 1[\operatorname{argmax} v \ne y] \le \mathbf 1[M(v) < 0]$.",
            lambda t: at_most(int(errs(t.v, t.label)), int(margin(t.v, t.label) < 0)),
            lambda: Scores(Matrix([[0], [0]]), Matrix([[0], [0]]), 0, Fraction(1), Fraction(1)),
        ),
        Mutant(
            "ramp below the errors",
            r"$\ell_\gamma(-M) \le \mathbf 1[M \le 0]$.",
            lambda t: at_most(ramp(margin(t.v, t.label), t.width), int(margin(t.v, t.label) <= 0)),
            opposite,
        ),
        Mutant(
            "slope 1",
            r"$|\ell_\gamma(-M(v)) - \ell_\gamma(-M(w))| \le |M(v) - M(w)|$ (false for $\gamma < 1$ only).",
            lambda t: at_most(
                (ramp(margin(t.v, t.label), t.width) - ramp(margin(t.w, t.label), t.width)) ** 2,
                (margin(t.v, t.label) - margin(t.w, t.label)) ** 2,
            ),
            lambda: opposite(Fraction(1, 2)),
        ),
        Mutant(
            "wider is lower",
            r"$\ell_{\gamma'}(-M) \le \ell_\gamma(-M)$ for $\gamma \le \gamma'$.",
            lambda t: at_most(ramp(margin(t.v, t.label), rational(t.wider)), ramp(margin(t.v, t.label), t.width)),
            lambda: Scores(opposite().v, opposite().w, 0, Fraction(1), Fraction(2)),
        ),
    ),
)
