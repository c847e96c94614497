r"""Rescaling whole layers multiplies spectral complexity and function alike, so normalised margins do not see it.

**Theorem.** For non-zero layers $A_1, \dots, A_L$ and reference matrices zero let
$$R(A) = \prod_{i=1}^L \|A_i\|_\sigma \Big(\sum_{i=1}^L
   \big(\|A_i^\top\|_{2,1} / \|A_i\|_\sigma\big)^{2/3}\Big)^{3/2},$$
with $\|A^\top\|_{2,1}$ the sum of the Euclidean norms of the rows of $A$. For all $\alpha_i > 0$
$$R(\alpha_1 A_1, \dots, \alpha_L A_L) = \alpha_1 \cdots \alpha_L\, R(A_1, \dots, A_L) .$$
If all activations are positively homogeneous, $\sigma(tu) = t\,\sigma(u)$ for $t > 0$, then also
$F_{\alpha A} = \alpha_1 \cdots \alpha_L F_A$, and the normalised margin $M(F_A(x), y) / R(A)$ is the same for $A$ and
$\alpha A$.

**Idea.** Both norms of a layer are multiplied by $\alpha_i$, so the ratios under the sum stay, and only the product of the
spectral norms changes. The kernel shows the first statement, with $g_i \ge 0$, $g_i^3 \|A_i\|_\sigma^2 =
\|A_i^\top\|_{2,1}^2$ for the two-thirds powers; nothing is cited.

**Reading.** Not every reparametrisation that keeps the function keeps $R$: multiplying the incoming weights of *one neuron* and
dividing its outgoing ones does not, and with reference matrices $M_i \ne 0$ not even the rescaling of whole layers does.
The orientation of the (2,1) norm matters as well. For $A = (1, \dots, 1)$ of size $1 \times 9$ the rows give 3 and the columns 9, and
the covering lemma behind the bound (Lemma 3.2 of the paper) is *false* for the sum over columns: for $A$ with a single column of $m$
entries the ball $\{\|A\|_{2,1} \le 1\}$ is the Euclidean ball of $\mathbb{R}^m$, which needs at least $2^m$ balls of radius $\frac12$,
while the lemma would allow $(2m)^4$: wrong from $m = 22$ on. In between,
$\|A\|_\sigma \le \|A\|_F \le \|A^\top\|_{2,1} \le \sqrt{m}\,\|A\|_F$ for $m$ rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from flint import arb, ctx
from hypothesis import strategies as st

from numerics.arithmetic import balls
from numerics.arithmetic.balls import decide
from numerics.arithmetic.exact import Matrix, rational
from numerics.evidence.verdict import Verdict, at_most, decided, equal, every, less_than
from numerics.learning.problems import ACTIVATIONS, Layers, complexity, norm_21_rows
from numerics.strategies import matrices, sizes
from theorems import Citation, Claim, Mutant, Premise
from theorems.proof import Derivation
from theorems.proof.crosscheck import Model

# Proof.


def squared_complexity(product, ratios):
    r"""$R^2 = P^2 S^3$ with $P = \prod_i \|A_i\|_\sigma$ and $S = \sum_i g_i$, $g_i = (b_i/s_i)^{2/3}$."""
    return product**2 * ratios**3


def proof() -> Derivation:
    from theorems.proof import Indexed, equal, nonnegative

    d = Derivation("rescaling layers")
    s, b, g, h, alpha, e = (d.family(f"{name}[i]: 1 1", "i") for name in ("s", "b", "g", "h", "alpha", "e"))
    c, P, Q, S, T = (d.family(f"{name}[i]: 1 1", "i") for name in "cPQST")
    L = d.index_constant("L")

    def each(relation):
        return d.given(Indexed(relation, "i", "1", L))

    # e_i = 1/(alpha_i s_i); g and h are the two-thirds powers for the layers and for the rescaled ones.
    inverse = each(equal(e("i") * alpha("i") * s("i"), 1))
    power = each(equal(g("i") ** 3 * s("i") ** 2, b("i") ** 2))
    scaled = each(equal(h("i") ** 3 * (alpha("i") * s("i")) ** 2, (alpha("i") * b("i")) ** 2))
    g_sign, h_sign = each(nonnegative(g("i"))), each(nonnegative(h("i")))
    steps = {
        c: c("i-1") * alpha("i"),
        P: P("i-1") * s("i"),
        Q: Q("i-1") * (alpha("i") * s("i")),
        S: S("i-1") + g("i"),
        T: T("i-1") + h("i"),
    }
    start = {f: d.given(equal(f("0"), int(f in (c, P, Q)))) for f in steps}
    grown = {f: each(equal(f("i"), term)) for f, term in steps.items()}

    j = d.index("j", "0", "L-1")
    here = d.suppose(equal(T("j"), S("j")))
    at = {f: d.at(grown[f], "j+1") for f in steps}
    facts = [d.at(f, "j+1") for f in (inverse, power, scaled)]
    cubes = d.algebra(equal(h("j+1") ** 3, g("j+1") ** 3), facts, rounds=6)
    same = d.smt(equal(h("j+1"), g("j+1")), [cubes, d.at(g_sign, "j+1"), d.at(h_sign, "j+1")])
    step = d.algebra(equal(T("j+1"), S("j+1")), [here, same, at[S], at[T]])
    base = d.algebra(equal(T("0"), S("0")), [start[S], start[T]])
    sums = d.at(d.induction(j, here, step, base), L)

    k = d.index("k", "0", "L-1")
    here = d.suppose(equal(Q("k"), c("k") * P("k")))
    at = [d.at(grown[f], "k+1") for f in (Q, c, P)]
    step = d.algebra(equal(Q("k+1"), c("k+1") * P("k+1")), [here, *at], rounds=5)
    base = d.algebra(equal(Q("0"), c("0") * P("0")), [start[f] for f in (c, P, Q)])
    products = d.at(d.induction(k, here, step, base), L)

    goal = d.goal(equal(squared_complexity(Q(L), T(L)), c(L) ** 2 * squared_complexity(P(L), S(L))))
    replaced = d.algebra(equal(squared_complexity(Q(L), T(L)), squared_complexity(Q(L), S(L))), [sums], rounds=4)
    moved = d.algebra(
        equal(squared_complexity(Q(L), S(L)), c(L) ** 2 * squared_complexity(P(L), S(L))), [products], rounds=4
    )
    d.algebra(goal, [replaced, moved])
    return d


# Check.


@dataclass(frozen=True)
class Rescaling:
    """Layers, a positive factor for each, an input, the activation and (where the theorem has none) references."""

    layers: Layers
    factors: tuple[Fraction, ...]
    x: Matrix
    activation: str = "relu"
    shift: int = 0
    references: Layers | None = None

    @property
    def scaled(self) -> Layers:
        return tuple(rational(a) * A for a, A in zip(self.factors, self.layers, strict=True))

    @property
    def total(self):
        result = rational(1)
        for a in self.factors:
            result = result * rational(a)
        return result

    def output(self, layers: Layers) -> Matrix:
        act = ACTIVATIONS[self.activation]
        z = self.x
        for i, A in enumerate(layers):
            z = A @ z
            if i < len(layers) - 1:
                z = Matrix([[act(z[r, 0]) + self.shift] for r in range(z.rows)])
        return z

    def norms(self, layers: Layers) -> list[tuple[arb, arb]]:
        references: Sequence[Matrix] = self.references or [0 * A for A in layers]
        return [(balls.spectral_norm(A), norm_21_rows(A - M)) for A, M in zip(layers, references, strict=True)]


def row_norms(A: Matrix) -> list:
    """Squared Euclidean norms of the rows."""
    return [A[i, :].squared_norm() for i in range(A.rows)]


def keeps_complexity(t: Rescaling, layers: Layers, factor) -> Verdict:
    """Whether R is multiplied by the factor: balls can only refute it."""

    def question(_: int) -> Verdict:
        left, right = complexity(t.norms(layers)), factor * complexity(t.norms(t.layers))
        return equal(left, right, "spectral complexity")

    return decide(question)


def between(A: Matrix) -> Verdict:
    """Spectral norm <= Frobenius norm <= sum of row norms <= sqrt(rows) Frobenius norm.

    The cases of equality (rank one; a single row that is not zero; rows of equal length) are known exactly and left to
    algebra; balls decide the strict inequalities.
    """
    lengths = [A[i, :].squared_norm() for i in range(A.rows)]

    def question(_: int) -> Verdict:
        frobenius, rows, verdicts = arb(A.squared_norm()), norm_21_rows(A), []
        if A.rank() > 1:
            verdicts.append(less_than(balls.spectral_norm(A) ** 2, frobenius))
        if sum(x != 0 for x in lengths) > 1:
            verdicts.append(less_than(frobenius, rows**2))
        if len(set(lengths)) > 1:
            verdicts.append(less_than(rows**2, A.rows * frobenius))
        return every(verdicts)

    return decide(question)


def check(t: Rescaling) -> Verdict:
    verdicts = [
        decided(t.output(t.scaled) == t.total * t.output(t.layers), "the function is multiplied by the factors")
    ]
    for a, A, B in zip(t.factors, t.layers, t.scaled, strict=True):
        factor = rational(a) ** 2
        gram, scaled_gram = A.T @ A, B.T @ B
        verdicts.append(decided(scaled_gram == factor * gram, "squared singular values"))
        verdicts.append(decided(row_norms(B) == [factor * x for x in row_norms(A)], "squared row norms"))
        verdicts.append(between(A))
    whole = keeps_complexity(t, t.scaled, arb(t.total))
    # Equal layers give equal balls; an equality of balls is never confirmed, only refuted.
    return every([*verdicts, whole]) if whole.fails else every(verdicts)


POSITIVE = [Fraction(n, m) for n, m in ((1, 1), (2, 1), (1, 2), (3, 1), (1, 3), (10, 1), (1, 10))]


@st.composite
def rescalings(draw) -> Rescaling:
    widths = [draw(sizes(1, 3)) for _ in range(draw(sizes(1, 3)) + 1)]
    layers = []
    for m, n in zip(widths[1:], widths, strict=False):
        A = draw(matrices(m, n))
        layers.append(A if not A.is_zero() else A.copy_with({(0, 0): 1}))
    factors = tuple(draw(st.sampled_from(POSITIVE)) for _ in layers)
    activation = draw(st.sampled_from(sorted(ACTIVATIONS)))
    return Rescaling(tuple(layers), factors, draw(matrices(widths[0], 1)), activation)


def interpret(t: Rescaling) -> Model:
    with ctx.workprec(400):
        values: dict[str, object] = {"c[0]": 1, "P[0]": 1, "Q[0]": 1, "S[0]": 0, "T[0]": 0}
        c, P, Q, S, T = rational(1), arb(1), arb(1), arb(0), arb(0)
        for i, (a, (s, b), (s2, b2)) in enumerate(zip(t.factors, t.norms(t.layers), t.norms(t.scaled), strict=True), 1):
            g, h = (b / s).root(3) ** 2, (b2 / s2).root(3) ** 2
            c, P, Q, S, T = c * rational(a), P * s, Q * s2, S + g, T + h
            values |= {f"s[{i}]": s, f"b[{i}]": b, f"alpha[{i}]": a, f"e[{i}]": 1 / s2, f"g[{i}]": g, f"h[{i}]": h}
            values |= {f"c[{i}]": c, f"P[{i}]": P, f"Q[{i}]": Q, f"S[{i}]": S, f"T[{i}]": T}
        return Model(values, indices={"L": len(t.layers)})


def stratum(t: Rescaling) -> str:
    if t.x.is_zero():
        return "input zero"
    return "one layer" if len(t.layers) == 1 else "generic"


def pair(**change) -> Rescaling:
    """Two layers with two hidden neurons, rescaled by 2 and 1/2: the function stays."""
    layers = (Matrix([[1, 0], [0, 1]]), Matrix([[1, 1], [1, -1]]))
    return replace(Rescaling(layers, (Fraction(2), Fraction(1, 2)), Matrix([[1], [1]])), **change)


def one_neuron(t: Rescaling) -> Layers:
    """The incoming weights of the first hidden neuron times 10, its outgoing ones divided by 10."""
    A, B, *rest = t.layers
    incoming = A.copy_with({(0, j): 10 * A[0, j] for j in range(A.cols)})
    outgoing = B.copy_with({(i, 0): B[i, 0] / 10 for i in range(B.rows)})
    return (incoming, outgoing, *rest)


def same_ratio_by_columns(t: Rescaling) -> Verdict:
    """That the covering lemma allows as many balls for a single column as its Euclidean ball needs."""
    m = t.layers[0].rows
    return at_most(2**m, (2 * m) ** 4)


claim = Claim(
    __name__,
    __doc__,
    source=Citation("bartlett2017spectrally", "equation (1.2) and Lemma 3.2"),
    premises=(
        Premise(
            "no references",
            "The reference matrices are zero.",
            holds=lambda t: t.references is None,
            without=lambda: pair(references=(Matrix([[1, 0], [0, 1]]), Matrix([[1, 1], [1, 0]]))),
            show=lambda t: (
                f"R = {complexity(t.norms(t.layers)).str(5)}, after rescaling by "
                f"{', '.join(map(str, t.factors))}: {complexity(t.norms(t.scaled)).str(5)}"
            ),
        ),
        Premise(
            "positively homogeneous",
            r"$\sigma(tu) = t\,\sigma(u)$ for $t > 0$.",
            holds=lambda t: t.shift == 0,
            without=lambda: pair(shift=1),
            show=lambda t: (
                f"sigma(u) = {t.activation}(u) + {t.shift}: F_(alpha A)(x) = {t.output(t.scaled)}, "
                f"F_A(x) = {t.output(t.layers)}, product of the factors {t.total}"
            ),
        ),
        Premise(
            "positive factors",
            r"$\alpha_i > 0$.",
            holds=lambda t: min(t.factors) > 0,
            without=lambda: pair(factors=(Fraction(-1), Fraction(1))),
            show=lambda t: f"F_(alpha A)(x) = {t.output(t.scaled)}, F_A(x) = {t.output(t.layers)}, factors {t.factors}",
        ),
        Premise(
            "layers are not zero",
            r"$A_i \ne 0$.",
            holds=lambda t: not any(A.is_zero() for A in t.layers),
            kind="typing",
            why="R divides by the spectral norms",
        ),
    ),
    derivation=proof,
    interpret=interpret,
    instances=rescalings,
    check=check,
    stratum=stratum,
    beyond="that the function is multiplied by the factors, and the inequalities between the three norms",
    mutants=(
        Mutant(
            "neurons",
            "R does not change when one neuron's incoming weights are multiplied and its outgoing ones divided.",
            lambda t: keeps_complexity(t, one_neuron(t), arb(1)),
            pair,
        ),
        Mutant(
            "one factor",
            r"$R(\alpha A) = \max_i \alpha_i\, R(A)$.",
            lambda t: keeps_complexity(t, t.scaled, arb(rational(max(t.factors)))),
            pair,
        ),
        Mutant(
            "exponent 2/3",
            r"$R(\alpha A) = (\prod_i \alpha_i)^{2/3} R(A)$.",
            lambda t: keeps_complexity(t, t.scaled, arb(t.total).root(3) ** 2),
            lambda: pair(factors=(Fraction(2), Fraction(1))),
        ),
        Mutant(
            "rows are columns",
            r"$\|A^\top\|_{2,1} = \|A\|_{2,1}$.",
            lambda t: every(equal(norm_21_rows(A), norm_21_rows(A.T)) for A in t.layers),
            lambda: Rescaling((Matrix([[1] * 9]),), (Fraction(1),), Matrix([[1]] * 9)),
        ),
        Mutant(
            "cover by columns",
            r"Lemma 3.2 for $\{A \in \mathbb{R}^{m \times 1} : \|A\|_{2,1} \le 1\}$ at $\varepsilon = 1/2$: "
            r"$N \le (2m)^4$, although $N \ge 2^m$ by volume.",
            same_ratio_by_columns,
            lambda: Rescaling((Matrix([[1]] * 22),), (Fraction(1),), Matrix([[1]])),
        ),
    ),
)
