r"""The error of a deep network is bounded by the product of the greatest l1 norms of its rows, at a logarithmic price.

**Theorem.** Fix a depth $L$, widths and positively homogeneous 1-Lipschitz activations, and let
$F_A(x) = A_L\,\sigma_{L-1}(\cdots\sigma_1(A_1 x))$, $x \in \mathbb{R}^d$, have $k \ge 2$ outputs. Let
$$P(A) = \prod_{i \le L} \|A_i\|_{\infty}, \qquad \|A\|_\infty = \max_r {\textstyle\sum_c} |A_{rc}| .$$
Let $(x_1, y_1), \dots, (x_n, y_n)$ be independent draws of $(x, y)$, $X_\infty = \max_j (\sum_i x_{ij}^2)^{1/2}$ the greatest norm of
a feature, and $0 < \delta < 1$. With probability at least $1 - \delta$, for all $A$, all $\gamma > 0$ and all integers $e$ with
$P(A) \le 2^e \gamma$,
$$\Pr[\operatorname{argmax} F_A(x) \ne y] \le \widehat R_\gamma(A) +
  \frac{4 k\, 2^e \sqrt{2 (L \ln 2 + \ln d)}\, X_\infty}{n} + 2\sqrt{\frac{\ln(1/\delta) + \ln(i (i+1))}{2n}},$$
with $i = 2e$ for $e > 0$ and $i = 1 - 2e$ for $e \le 0$, and the ramp risk $\widehat R_\gamma$ of
`generalization.spectral_margin_bound`. For $\rho_i$-Lipschitz activations, also before the first and after the last layer, $P$ gets the
factor $\prod_i \rho_i$.

**Idea.** As in `generalization.frobenius_margin_bound`, with maximum norms of Rademacher sums: by Hölder's inequality
$|\langle w, \sum_l \varepsilon_l h(x_l) \rangle| \le \|w\|_1 \|\sum_l \varepsilon_l h(x_l)\|_\infty$, so that each layer costs its greatest
l1 norm and an additive $\ln 2$ inside the exponential. The inputs are $2d$ sums $\pm\sum_l \varepsilon_l x_{lj}$, each
sub-Gaussian, so $\ln E e^{a Z_0} \le \ln(2d) + a^2 X_\infty^2/2$. The best $\lambda$ turns $(L-1)\ln 2 + \ln(2d) = L \ln 2 + \ln d$
into the root.

**Reading.** The paper's Theorem 2 has $2\sqrt{L + 1 + \ln d}$ for $\sqrt{2(L\ln2 + \ln d)}$, which is always smaller. The paper asks of
activations only $\sigma(0) = 0$; positive homogeneity is what lets one class serve for all ways to distribute the product over the
layers. Widths do not occur. For a convolution the greatest row is the greatest l1 norm of a filter: positions are not multiplied.
"""

from __future__ import annotations

from flint import arb

from numerics.arithmetic.exact import Matrix
from numerics.evidence.verdict import Verdict
from numerics.learning import norm_margins as finite
from numerics.learning.margins import coin
from numerics.learning.norm_margins import Norm, Search
from numerics.learning.problems import Learning
from numerics.learning.rademacher_sums import frobenius_columns, greatest_row_1, greatest_row_2
from theorems import Citation, Claim, Mutant
from theorems.proof import Derivation
from theorems.proof.crosscheck import Model
from theorems.schemes import norm_margins as shared


def complexity(size, data_norm, root):
    r"""$P X_\infty \sqrt{2(L \ln2 + \ln d)}$ with the root as given."""
    return size * data_norm * root


# Proof.


def proof() -> Derivation:
    from theorems.cited import learning as cited
    from theorems.cited import peeling as peel
    from theorems.proof.kernel import calculus
    from theorems.schemes.peeling_in_the_exponent import MAXIMUM, derive

    known = {}

    def inputs(d, H, X, n, a, facts):
        z = facts[0].relation.arguments[0]
        dimension = d.scalar("d")
        seen = d.given(peel.features(H, X, dimension, n))
        known["log"], named = cited.logarithm_of(d, 2 * calculus.Var("d"))
        place = {"H": H, "n": n, "X": X, "d": dimension, "a": a, "z": z, "x": known["log"]}
        return 2 * known["log"] + a**2 * X**2, d.axiom(peel.HOEFFDING, place, [seen, named, *facts])[1][0]

    return derive("l1 norms", MAXIMUM, inputs, lambda x: 2 * (x + known["log"]), complexity)


# Check.


size = finite.product(greatest_row_1)


def columns(t: Learning, sample: finite.Sample) -> arb:
    repeats = t.n // len(sample)
    found = frobenius_columns([[t.inputs[i, j] for j in range(t.inputs.cols)] for i in sample])
    return found * arb(repeats).sqrt()


def squared_root(t: Learning) -> arb:
    return 2 * (t.depth * arb(2).log() + arb(t.inputs.cols).log())


def factor(t: Learning, sample: finite.Sample) -> arb:
    return complexity(arb(1), columns(t, sample), squared_root(t).sqrt())


NORM = Norm(size, factor)


def check(t: Search) -> Verdict:
    return finite.check(t, NORM)


def interpret(t: Search) -> Model | None:
    from theorems.schemes.peeling_in_the_exponent import MAXIMUM, interpret

    model = interpret(t, MAXIMUM, lambda t, s: columns(t.problem, s), lambda t: squared_root(t.problem))
    if model is not None:
        model.values["d"] = t.problem.inputs.cols
    return model


# Colophon.


def variant(size=size, factor=factor):
    return lambda t: finite.alone(t, Norm(size, factor))


def columns_instead(W: finite.Rows) -> arb:
    """The greatest l1 norm of a column."""
    return greatest_row_1([list(column) for column in zip(*W, strict=True)])


def same_inputs(width: int = 64) -> Search:
    """One input (1, ..., 1), and the two linear networks +-(sum of the entries)."""
    return finite.plus_minus(Matrix([[1] * width]), inputs=Matrix([[1] * width] * 2))


def without_logarithm(t: Learning, sample: finite.Sample) -> arb:
    return columns(t, sample) * (2 * (t.depth - 1) * arb(2).log()).sqrt()


claim = Claim(
    __name__,
    __doc__,
    source=Citation("golowich2018size", "Theorem 2"),
    also=shared.citations(),
    premises=shared.premises(
        NORM,
        homogeneous="with fixed norms of the layers the paper does without it; only the union over all networks here uses it",
    ),
    derivation=proof,
    interpret=interpret,
    instances=finite.searches,
    check=check,
    stratum=finite.stratum,
    beyond=finite.BEYOND,
    mutants=(
        Mutant(
            "Euclidean rows",
            "The l1 norms of rows may be Euclidean norms.",
            variant(size=finite.product(greatest_row_2)),
            same_inputs,
        ),
        Mutant(
            "columns",
            "The l1 norms of rows may be those of columns, the other orientation.",
            variant(size=finite.product(columns_instead)),
            same_inputs,
        ),
        Mutant(
            "no logarithm of the dimension",
            r"$L \ln 2 + \ln d$ may be $(L-1) \ln 2$.",
            variant(factor=without_logarithm),
            finite.single_input,
        ),
        Mutant(
            "root of the data norm",
            r"$X_\infty$ may be its square root, as a calculator in use has it.",
            variant(factor=lambda t, s: columns(t, s).sqrt() * squared_root(t).sqrt()),
            lambda: Search(coin(inputs=Matrix([[100]] * 2)), finite.simple().gammas),
        ),
        *shared.common_mutants(),
    ),
)
