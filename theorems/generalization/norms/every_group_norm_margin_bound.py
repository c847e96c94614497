r"""Products of group norms of any two exponents bound the error of a network, with explicit constants.

**Theorem.** Fix $p, q \in [1, \infty]$ and $p^*$ with $1/p + 1/p^* = 1$, a depth $L$, widths $h_1, \dots, h_{L-1}$ of the hidden layers and positively
homogeneous 1-Lipschitz activations, and let $F_A(x) = A_L\,\sigma_{L-1}(\cdots\sigma_1(A_1 x))$, $x \in \mathbb{R}^d$, have $k \ge 2$ outputs. Let
$\|A\|_{p,q} = (\sum_r (\sum_c |A_{rc}|^p)^{q/p})^{1/q}$, a maximum where an exponent is infinite, and
$$P(A) = \|A_L\|_{p,\infty} \prod_{i<L} h_i^{[1/p^* - 1/q]_+}\, \|A_i\|_{p,q}, \qquad
  C = \min\big(\sqrt{\max(1, p^* - 1)},\ d^{1/p^*} \sqrt{2 \ln(2d)}\big).$$
Let $(x_1, y_1), \dots, (x_n, y_n)$ be independent draws of $(x, y)$, $X_{p^*} = (\sum_{j \le d} (\sum_l x_{lj}^2)^{p^*/2})^{1/p^*}$, and
$0 < \delta < 1$. With probability at least $1 - \delta$, for all $A$, all $\gamma > 0$ and all integers $e$ with $P(A) \le 2^e \gamma$,
$$\Pr[\operatorname{argmax} F_A(x) \ne y] \le \widehat R_\gamma(A) + \frac{4 k\, 2^e\, 2^{L-1}\, C X_{p^*}}{n} +
  2\sqrt{\frac{\ln(1/\delta) + \ln(i (i+1))}{2n}},$$
with $i = 2e$ for $e > 0$ and $i = 1 - 2e$ for $e \le 0$, and the ramp risk $\widehat R_\gamma$ of
`generalization.spectral_margin_bound`. For $\rho_i$-Lipschitz activations, also before the first and after the last layer, $P$ gets the
factor $\prod_i \rho_i$.

**Idea.** The peeling of `generalization.peeling_margin_bound` in the norm of $p^*$: a row $a$ of a hidden layer contributes $\|a\|_p$ times the Rademacher
sum of $\sigma(\langle a/\|a\|_p, h\rangle)$, contraction of absolute values costs 2, Hölder gives $\|\sum_l \varepsilon_l h(x_l)\|_{p^*}$, and the norm of
$p^*$ of the numbers $\|a\|_p$ is at most $h^{[1/p^* - 1/q]_+}$ times that of $q$. At the inputs, feature by feature,
$(E |\sum_l \varepsilon_l x_{lj}|^r)^{1/r} \le \sqrt{\max(1, r - 1)}\,(\sum_l x_{lj}^2)^{1/2}$ by hypercontractivity, or through the greatest
feature by Massart's lemma. Cited are these, Maurer's contraction, McDiarmid and symmetrisation; the induction, the union and the assembly are proved.

**Reading.** Theorem 1 of Neyshabur, Tomioka and Srebro has $2^{L-1} H^{(L-1)[1/p^* - 1/q]_+} \sqrt{\min(p^*, 4 \ln(2d))}\, \max_l \|x_l\|_{p^*}/\sqrt n$ for the
Rademacher average, $H$ the width. For $p \le 2$ this page is sharper in every factor: $X_{p^*} \le (\sum_l \|x_l\|_{p^*}^2)^{1/2}$ by Minkowski's inequality, and
$C^2 \le \min(p^*, 4 \ln(2d))$, because $d^{2/p^*} \le \sqrt e$ for $p^* \ge 4 \ln(2d)$. For $p > 2$ their data norm is too small: orthonormal inputs
and $p = \infty$ have the average 1, and the formula with $p^* = 1$ decreases as $1/\sqrt n$. Among all $q$ the best is $q = p^*$, with which the others are
compared; then no width occurs, and the bound here takes it. $p = q = 2$ is `generalization.peeling_margin_bound`, $q = \infty$
`generalization.group_norm_margin_bound`; for $p = 1$ `generalization.l1_margin_bound` is better.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction

from flint import arb, ctx, fmpq
from hypothesis import strategies as st

from numerics.arithmetic.balls import decide
from numerics.arithmetic.exact import Matrix, rational
from numerics.evidence.verdict import Verdict, at_most, equal, every
from numerics.learning import norm_margins as finite
from numerics.learning import powers
from numerics.learning.margins import coin
from numerics.learning.norm_margins import Norm, Search
from numerics.learning.problems import Layers, Learning
from theorems import Citation, Claim, Mutant, Tight
from theorems.cited import power_peeling as cited_powers
from theorems.proof import Derivation
from theorems.proof.crosscheck import Model
from theorems.schemes import norm_margins as shared
from theorems.schemes import peeling_in_the_mean as peeling
from theorems.schemes import peeling_of_every_norm as scheme
from theorems.schemes.peeling_in_the_mean import complexity

# Proof.


def proof() -> Derivation:
    d = peeling.derive("group norms of every exponent", scheme.GEOMETRY)
    cited_powers.evaluate_predicates(d)
    return d


# Check.


@dataclass(frozen=True)
class Grouped(Search):
    r"""A finite problem, margins, and the exponents $\alpha = 1/p$ and $\beta = 1/q$."""

    alpha: Fraction = Fraction(1, 2)
    beta: Fraction = Fraction(1, 2)


def size(layers: Layers, alpha: fmpq, beta: fmpq) -> arb:
    result = powers.rows_norm(finite.rows(layers[-1]), alpha, fmpq(0))
    for W in layers[:-1]:
        result *= powers.layer_norm(finite.rows(W), alpha, beta)
    return result


def seen(t: Learning, sample: finite.Sample) -> list[list[fmpq]]:
    return [[t.inputs[i, j] for j in range(t.inputs.cols)] for i in sample]


def data_norm(t: Learning, sample: finite.Sample, alpha: fmpq) -> arb:
    return powers.features_norm(seen(t, sample), alpha, t.n // len(sample))


def constant(alpha: fmpq, d: int) -> arb:
    first, second = powers.constants(alpha, d)
    return second if first is None else first.min(second)


def norm(t: Grouped) -> Norm:
    alpha, beta = rational(t.alpha), rational(t.beta)
    return Norm(
        lambda layers: size(layers, alpha, beta),
        lambda p, s: complexity(constant(alpha, p.inputs.cols), data_norm(p, s, alpha), 2 ** (p.depth - 1)),
    )


def check(t: Grouped) -> Verdict:
    return every([finite.check(t, norm(t)), starts(t), compared(t)])


def compared(t: Grouped) -> Verdict:
    """For each layer, the norm p* of the norms of its rows against the norm that the bound takes."""
    alpha, beta = rational(t.alpha), rational(t.beta)
    pairs = [
        (powers.rows_norm(finite.rows(W), alpha, 1 - alpha), powers.layer_norm(finite.rows(W), alpha, beta))
        for layers in t.problem.networks
        for W in layers
    ]
    return every(at_most(a, b * MORE, "comparison of norms") for a, b in pairs)


def starts(t: Grouped) -> Verdict:
    """The mean of the Rademacher sum of the inputs against each constant, all signs enumerated."""
    alpha, problem = rational(t.alpha), t.problem
    s = tuple(range(len(problem.labels)))
    H = Matrix([[x] for row in seen(problem, s) for x in row])

    def question(_: int) -> Verdict:
        z, X = powers.mean_sum(H, len(s), alpha), powers.features_norm(seen(problem, s), alpha)
        found = [at_most(z, c * X * MORE) for c in powers.constants(alpha, problem.inputs.cols) if c is not None]
        return at_most(z, 0) if X.is_zero() else every(found)

    return decide(question)


# Equality is common, for single rows, inputs and features: balls then decide up to a factor only.
MORE = 1 + arb(2) ** -40
EXPONENTS = [Fraction(0), Fraction(1, 3), Fraction(1, 2), Fraction(2, 3), Fraction(4, 5), Fraction(1)]


@st.composite
def instances(draw) -> Grouped:
    t = draw(finite.searches())
    return Grouped(t.problem, t.gammas, draw(st.sampled_from(EXPONENTS)), draw(st.sampled_from(EXPONENTS)))


def interpret(t: Grouped) -> Model | None:
    alpha, beta = rational(t.alpha), rational(t.beta)
    d = t.problem.inputs.cols
    with ctx.workprec(320):
        first, second = powers.constants(alpha, d)
        if first is None:  # p = 1 has the second constant only, and the derivation speaks of both
            return None
        model = peeling.model(
            t,
            lambda W: powers.layer_norm(W, alpha, beta),
            lambda W: powers.rows_norm(W, alpha, fmpq(0)),
            lambda H, n: powers.mean_sum(H, n, alpha),
            lambda problem, s: data_norm(problem, s, alpha),
        )
        more = 1 + arb(2) ** -60  # so that balls decide what the constants are at least
        values = {"C_1": first * more, "C_2": second * more, "alpha": alpha, "beta": beta, "d": d}
        model.values |= values | {"m": powers.power(arb(d), 1 - alpha)}
        return model


# Colophon.


def grouped(t: Search, alpha: Fraction = Fraction(1, 2), beta: Fraction = Fraction(1, 2)) -> Grouped:
    return Grouped(t.problem, t.gammas, alpha, beta)


def shown(t: Grouped) -> str:
    return finite.shown(norm(t))(t)


def premises():
    for p in shared.premises(norm(grouped(finite.simple())), homogeneous="as in generalization.peeling_margin_bound"):
        yield replace(p, without=lambda: grouped(finite.tossed()), show=shown) if p.without else p


def true_factor(true: Norm, p: Learning, s: finite.Sample, alpha: fmpq) -> arb:
    return true.factor(p, s)


def variant(
    size: Callable[[Layers, fmpq, fmpq], arb] = size,
    factor: Callable[[Norm, Learning, finite.Sample, fmpq], arb] = true_factor,
) -> Callable[[Grouped], Verdict]:
    """The suprema against another size, or another factor, made of the true one."""

    def judge(t: Grouped) -> Verdict:
        alpha, beta, true = rational(t.alpha), rational(t.beta), norm(t)
        other = Norm(lambda layers: size(layers, alpha, beta), lambda p, s: factor(true, p, s, alpha))
        return finite.alone(t, other)

    return judge


def without_width(layers: Layers, alpha: fmpq, beta: fmpq) -> arb:
    result = powers.rows_norm(finite.rows(layers[-1]), alpha, fmpq(0))
    for W in layers[:-1]:
        result *= powers.rows_norm(finite.rows(W), alpha, beta)
    return result


def without_bracket(layers: Layers, alpha: fmpq, beta: fmpq) -> arb:
    result = without_width(layers, alpha, beta)
    for W in layers[:-1]:
        result *= powers.power(arb(W.rows), 1 - alpha - beta)
    return result


def euclidean_inputs(true: Norm, p: Learning, s: finite.Sample, alpha: fmpq) -> arb:
    lengths = [powers.norm(x, 1 - alpha) for x in seen(p, s)]
    return powers.norm(lengths, fmpq(1, 2)) * 2 ** (p.depth - 1)


def wide(units: int = 100, used: int = 100, alpha: Fraction = Fraction(1, 2), beta: Fraction = Fraction(0)) -> Grouped:
    """x -> +-(x_+ + ... + x_+) with so many units, so many of them with the weight 1 and the others 0."""
    first = Matrix([[1]] * used + [[0]] * (units - used))
    networks = tuple((first, Matrix([[s] * units, [-s] * units])) for s in (1, -1))
    return grouped(Search(coin(networks=networks), finite.simple().gammas), alpha, beta)


def single_input() -> Grouped:
    """One input 1 seen once, and the networks +-x: the supremum 1 is attained."""
    networks = tuple((Matrix([[s], [-s]]),) for s in (1, -1))
    problem = coin(networks=networks, inputs=Matrix([[1]]), labels=(0,), chances=(1,))
    return grouped(Search(problem, finite.simple().gammas))


def all_features() -> Grouped:
    """Four inputs whose 16 features are all vectors of signs, and p = 1: the classifiers that read one feature each."""
    signs = [[1 - 2 * (j >> i & 1) for j in range(16)] for i in range(4)]
    reads = [[int(i == j) for j in range(16)] for i in range(16)]
    networks = tuple((Matrix([r, [-x for x in r]]),) for r in reads)
    chances = (Fraction(1, 4),) * 4
    problem = Learning(Matrix(signs), (0,) * 4, chances, networks, 4, Fraction(1), Fraction(1, 2))
    return grouped(Search(problem, (Fraction(1),)), Fraction(1), Fraction(0))


def maximal() -> Grouped:
    """Orthonormal inputs, all vectors of signs, p infinite."""
    return grouped(finite.sign_class(3), Fraction(0), Fraction(1))


def attained(t: Grouped) -> Verdict:
    s = tuple(range(len(t.problem.labels)))
    right = norm(t)
    return equal(max(finite.suprema(t.problem, s)), right.size(t.problem.networks[0]) * right.factor(t.problem, s))


claim = Claim(
    __name__,
    __doc__,
    source=Citation("neyshabur2015norm", "Theorem 1"),
    also=shared.citations(),
    premises=tuple(premises()),
    derivation=proof,
    interpret=interpret,
    instances=instances,
    check=check,
    stratum=finite.stratum,
    beyond="the expected suprema of every output over explicit classes against size times factor, and those of the inputs against both constants; "
    "the probability that some network at some margin breaks the bound",
    tight=(Tight("all vectors of signs, p infinite", maximal, attained),),
    mutants=(
        Mutant("no width", r"The powers of the widths are not needed.", variant(without_width), wide),
        Mutant(
            "no bracket",
            r"$[1/p^* - 1/q]_+$ may be $1/p^* - 1/q$, negative for $q < p^*$.",
            variant(without_bracket),
            lambda: wide(used=1, alpha=Fraction(1), beta=Fraction(1)),
        ),
        Mutant(
            "without a half",
            r"$2^{L-1}$ may be $2^{L-2}$.",
            variant(factor=lambda true, p, s, alpha: true.factor(p, s) / 2),
            single_input,
        ),
        Mutant(
            "lengths of the inputs",
            r"$C X_{p^*}$ may be $(\sum_l \|x_l\|_{p^*}^2)^{1/2}$ for $p > 2$.",
            variant(factor=euclidean_inputs),
            maximal,
        ),
        Mutant(
            "no logarithm",
            r"$C$ may be 1 for $p = 1$.",
            variant(factor=lambda true, p, s, alpha: data_norm(p, s, alpha) * 2 ** (p.depth - 1)),
            all_features,
        ),
        *shared.common_mutants(),
    ),
)
