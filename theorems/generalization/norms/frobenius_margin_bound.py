r"""The error of a deep network is bounded by the product of its Frobenius norms and the square root of its depth.

**Theorem.** Fix a depth $L$, widths and positively homogeneous 1-Lipschitz activations, and let
$F_A(x) = A_L\,\sigma_{L-1}(\cdots\sigma_1(A_1 x))$ have $k \ge 2$ outputs. Let
$$P(A) = \|A_L\|_{2,\infty} \prod_{i<L} \|A_i\|_F ,$$
where $\|A_L\|_{2,\infty}$ is the greatest Euclidean norm of a row. Let $(x_1, y_1), \dots, (x_n, y_n)$ be independent draws
of $(x, y)$, $X$ the matrix with rows $x_i$, and $0 < \delta < 1$. With probability at least $1 - \delta$, for all $A$, all $\gamma > 0$
and all integers $e$ with $P(A) \le 2^e \gamma$,
$$\Pr[\operatorname{argmax} F_A(x) \ne y] \le \widehat R_\gamma(A) +
  \frac{4 k\, 2^e \big(\sqrt{2 (L-1) \ln 2} + 1\big) \|X\|_F}{n} +
  2\sqrt{\frac{\ln(1/\delta) + \ln(i (i+1))}{2n}},$$
with $i = 2e$ for $e > 0$ and $i = 1 - 2e$ for $e \le 0$. Here $\widehat R_\gamma$ is the ramp risk of
`generalization.spectral_margin_bound`. For $\rho_i$-Lipschitz activations, also before the first and after the last layer, $P$ gets the factor
$\prod_i \rho_i$.

**Idea.** Golowich, Rakhlin and Shamir peel the layers off inside an exponential: a factor 2 for each layer then costs an
additive $\ln 2$ after the logarithm. For one output $f$ and the sums $Z_i = \max \|\sum_l \varepsilon_l h_i(x_l)\|$ of the
hidden layers, $\lambda E \max \sum_l \varepsilon_l f(x_l) \le \ln E e^{\lambda M_L Z_{L-1}} \le (L-1) \ln 2 +
\ln E e^{\lambda M Z_0}$, $M$ the product of the norms, and $\ln E e^{aZ_0} \le a\|X\|_F + a^2\|X\|_F^2/2$. The best
$\lambda$ gives $M \|X\|_F (\sqrt{2(L-1)\ln2} + 1)$. Losses of $k$ outputs are reduced to single outputs by Maurer's
contraction ($\sqrt2$), because the margin is $\sqrt2$-Lipschitz: $2k/\gamma$ times the largest. A network with
$P(A) \le 2^e\gamma$ is, after division by $\gamma$, one in a class of products at most $2^e$; positive homogeneity makes all layers
but the last have any norms with the same product. Cited are the peeling lemma, exponential moments of Rademacher sums, Maurer, and what
`generalization.spectral_margin_bound` cites of McDiarmid and symmetrisation; the choice of $\lambda$, the induction over the
layers and the union over the cells are proved. The formal goal has $L \ge 2$ and $P, X \ne 0$; for $L = 1$ it is
`generalization.peeling_margin_bound`.

**Reading.** The paper's Theorem 1 has $\sqrt{2 L \ln 2} + 1$ for one real output; the last layer needs no peeling, which makes $L$ an
$L - 1$, and the greatest row of the last layer can stand for its Frobenius norm, because outputs are treated one by one. The factor
$k$ is the price of many classes; without it a comparison with `generalization.spectral_margin_bound` is not fair. For a
convolution $A_i$ is the matrix of the operator, whose Frobenius norm counts each output position.
Spectral norms cannot replace the Frobenius norms: with $n$ orthonormal inputs and a hidden layer that maps each of them to a
row of a Hadamard matrix or out of the way, the supremum is $n/4$ and the bound would be $2.18 \sqrt n$.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from flint import arb

from numerics.arithmetic import balls
from numerics.arithmetic.exact import Matrix
from numerics.evidence.verdict import Verdict, at_most, decided, every
from numerics.learning import norm_margins as finite
from numerics.learning.norm_margins import Norm, Search
from numerics.learning.problems import Layers, Learning
from numerics.learning.rademacher_sums import frobenius, greatest_row_2
from theorems import Citation, Claim, Mutant, Tight
from theorems.proof import Derivation
from theorems.proof.crosscheck import Model
from theorems.schemes import norm_margins as shared


def complexity(size, data_norm, root):
    r"""$P \|X\|_F (\sqrt{2(L-1)\ln2} + 1)$ with the root as given."""
    return size * data_norm * (root + 1)


# Proof.


def proof() -> Derivation:
    from theorems.cited import peeling as peel
    from theorems.proof import nonnegative
    from theorems.schemes.peeling_in_the_exponent import EUCLIDEAN, derive

    def inputs(d, H, X, n, a, facts):
        z = facts[0].relation.arguments[0]
        seen, sign = d.given(peel.inputs(H, X, n)), d.given(nonnegative(X))
        place = {"H": H, "n": n, "X": X, "a": a, "z": z}
        return 2 * a * X + a**2 * X**2, d.axiom(peel.BOUNDED_DIFFERENCES, place, [seen, sign, *facts])[1][0]

    return derive("Frobenius norms", EUCLIDEAN, inputs, lambda x: 2 * x, complexity)


# Check.


size = finite.product(frobenius, last=greatest_row_2)


def factor(t: Learning, sample: finite.Sample) -> arb:
    return complexity(arb(1), t.data_norm(sample), (2 * (t.depth - 1) * arb(2).log()).sqrt())


NORM = Norm(size, factor)


def check(t: Search) -> Verdict:
    return finite.check(t, NORM)


def interpret(t: Search) -> Model | None:
    from theorems.schemes.peeling_in_the_exponent import EUCLIDEAN, interpret

    return interpret(
        t, EUCLIDEAN, lambda t, s: t.problem.data_norm(s), lambda t: 2 * (t.problem.depth - 1) * arb(2).log()
    )


# Colophon.


@dataclass(frozen=True)
class Hadamard:
    """n orthonormal inputs and the networks that send input i to row i of a Hadamard matrix over root n, or out of the way."""

    n: int


def spectral_instead(t: Hadamard) -> Verdict:
    r"""That the supremum is at most the spectral norms times $(\sqrt{2\ln2} + 1)\|X\|_F$, which it is not.

    For signs $\varepsilon$ the first layer has the columns $(H_i, 0)/\sqrt n$ where $\varepsilon_i = 1$ and $(0, -e_i)$ elsewhere,
    orthonormal, and the last layer $(1, \dots, 1, 0, \dots, 0)/\sqrt n$ has norm 1. So $f(x_i) = \sum_j \max(H_{ij}, 0)/n$, or 0.
    """
    rows = [[1]]
    while len(rows) < t.n:
        rows = [[*r, *r] for r in rows] + [[*r, *(-x for x in r)] for r in rows]
    H = Matrix(rows)
    orthonormal = (H @ H.T - t.n * Matrix([[int(i == j) for j in range(t.n)] for i in range(t.n)])).is_zero()
    values = [Fraction(sum(max(x, 0) for x in r), t.n) for r in rows]
    expected = sum(values, Fraction(0)) / 2  # input i counts for half of the signs
    bound = complexity(arb(1), arb(t.n).sqrt(), (2 * arb(2).log()).sqrt())
    return every([decided(orthonormal, "orthonormal"), at_most(expected, bound, "expected supremum")])


def spectral_data(t: Search) -> Verdict:
    norm = Norm(
        size, lambda p, s: balls.spectral_norm(Matrix([[p.inputs[i, j] for j in range(p.inputs.cols)] for i in s]))
    )
    return finite.alone(t, norm)


def arithmetic_mean(t: Search) -> Verdict:
    """The mean of the Frobenius norms in the place of their product."""

    def mean(layers: Layers) -> arb:
        return sum((frobenius(finite.rows(W)) for W in layers), arb(0)) / len(layers)

    return finite.alone(t, Norm(mean, factor))


def tall() -> Search:
    """Scalar networks x -> +-100 (10 x)_+ with two layers."""
    return finite.plus_minus(Matrix([[10]]), Matrix([[100]]))


def single_row(t: Search) -> Verdict:
    """The greatest row in the place of the Frobenius norm, for every layer."""
    return finite.alone(t, Norm(finite.product(greatest_row_2), factor))


claim = Claim(
    __name__,
    __doc__,
    source=Citation("golowich2018size", "Theorem 1"),
    also=shared.citations(),
    premises=shared.premises(
        NORM,
        homogeneous="the peeling lemma of the paper replaces a layer by its best row with it; no other 1-Lipschitz activation that "
        "keeps 0 refutes the bound here",
    ),
    derivation=proof,
    interpret=interpret,
    instances=finite.searches,
    check=check,
    stratum=finite.stratum,
    beyond=finite.BEYOND,
    tight=(Tight("all vectors of signs", lambda: finite.sign_class(3), finite.attained),),
    mutants=(
        Mutant(
            "spectral norms",
            r"The Frobenius norms may be spectral norms.",
            spectral_instead,
            lambda: Hadamard(128),
        ),
        Mutant(
            "spectral norm of the data",
            r"$\|X\|_F$ may be the spectral norm of $X$.",
            spectral_data,
            lambda: finite.sign_class(3),
        ),
        Mutant("mean of the norms", r"The product of the norms may be their mean.", arithmetic_mean, tall),
        Mutant("greatest rows", r"Every Frobenius norm may be the greatest norm of a row.", single_row, finite.wide),
        *shared.common_mutants(),
    ),
)
