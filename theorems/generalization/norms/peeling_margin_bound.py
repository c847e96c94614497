r"""Peeling the layers off one by one costs a factor two for each, which is the smaller price for two layers.

**Theorem.** Fix a depth $L$, widths and positively homogeneous 1-Lipschitz activations, and let
$F_A(x) = A_L\,\sigma_{L-1}(\cdots\sigma_1(A_1 x))$ have $k \ge 2$ outputs. Let $P(A) = \|A_L\|_{2,\infty} \prod_{i<L} \|A_i\|_F$,
where $\|A_L\|_{2,\infty}$ is the greatest Euclidean norm of a row. Let $(x_1, y_1), \dots, (x_n, y_n)$ be independent draws of
$(x, y)$, $X$ the matrix with rows $x_i$, and $0 < \delta < 1$. With probability at least $1 - \delta$, for all $A$, all $\gamma > 0$ and
all integers $e$ with $P(A) \le 2^e \gamma$,
$$\Pr[\operatorname{argmax} F_A(x) \ne y] \le \widehat R_\gamma(A) + \frac{4 k\, 2^e\, 2^{L-1} \|X\|_F}{n} +
  2\sqrt{\frac{\ln(1/\delta) + \ln(i (i+1))}{2n}},$$
with $i = 2e$ for $e > 0$ and $i = 1 - 2e$ for $e \le 0$, and the ramp risk $\widehat R_\gamma$ of
`generalization.spectral_margin_bound`. For $\rho_i$-Lipschitz activations, also before the first and after the last layer, $P$ gets the
factor $\prod_i \rho_i$.

**Idea.** Let $Z_i = \max \|\sum_l \varepsilon_l h_i(x_l)\|$ for the $i$-th hidden layer. By positive homogeneity the squared norm of
$\sum_l \varepsilon_l \sigma(A h(x_l))$ is a sum over rows $a$ of $\|a\|^2 (\sum_l \varepsilon_l \sigma(\langle a/\|a\|, h(x_l)\rangle))^2$, so one row of
norm $\|A\|_F$ is the worst; the contraction of absolute Rademacher sums has the constant 2, so $E Z_i \le 2 \|A_i\|_F E Z_{i-1}$.
With $E Z_0 \le \|X\|_F$ and Cauchy-Schwarz for the last layer, the expected supremum of one output is at most
$2^{L-1} P \|X\|_F$. The rest is that of `generalization.frobenius_margin_bound`: Maurer's contraction and a union over cells. Cited
are the contractions, $E Z_0 \le \|X\|_F$, McDiarmid and symmetrisation; the induction, the union and the assembly are proved.

**Reading.** $2^{L-1}$ is 1 and 2 for one and two layers, where peeling inside an exponential has
$\sqrt{2(L-1)\ln2} + 1 = 1$ and $2.18$; from three layers on ($4$ against $2.67$) the exponential is better. For one layer both are the
bound for linear classifiers, which orthogonal inputs attain up to the class of signs.
"""

from __future__ import annotations

from flint import arb

from numerics.evidence.verdict import Verdict
from numerics.learning import norm_margins as finite
from numerics.learning.norm_margins import Norm, Search
from numerics.learning.problems import Learning
from numerics.learning.rademacher_sums import frobenius, greatest_row_2
from theorems import Citation, Claim, Mutant, Tight
from theorems.proof import Derivation
from theorems.proof.crosscheck import Model
from theorems.schemes import norm_margins as shared
from theorems.schemes.peeling_in_the_mean import derive, factor, model

# Proof.


def proof() -> Derivation:
    return derive("peeling")


# Check.


size = finite.product(frobenius, last=greatest_row_2)
NORM = Norm(size, factor)


def check(t: Search) -> Verdict:
    return finite.check(t, NORM)


def interpret(t: Search) -> Model:
    return model(t, frobenius)


# Colophon.


def variant(factor):
    return lambda t: finite.alone(t, Norm(size, factor))


def greatest_input(t: Learning, s: finite.Sample) -> arb:
    """The greatest norm of an input, with the factor of the layers."""
    return 2 ** (t.depth - 1) * greatest_row_2([[t.inputs[i, j] for j in range(t.inputs.cols)] for i in s])


claim = Claim(
    __name__,
    __doc__,
    source=Citation("golowich2018size", "abstract, for the peeling that it improves"),
    also=shared.citations(),
    premises=shared.premises(
        NORM,
        homogeneous="the reduction of a layer to its worst row uses it; no other 1-Lipschitz activation that keeps 0 refutes "
        "the bound here",
    ),
    derivation=proof,
    interpret=interpret,
    instances=finite.searches,
    check=check,
    stratum=finite.stratum,
    beyond=finite.BEYOND,
    tight=(
        Tight("all vectors of signs", lambda: finite.sign_class(3), finite.attained),
        Tight("one input", finite.single_input, finite.attained),
    ),
    mutants=(
        Mutant(
            "without a half",
            r"$2^{L-1}$ may be $2^{L-2}$.",
            variant(lambda t, s: t.data_norm(s) * arb(2) ** (t.depth - 2)),
            finite.single_input,
        ),
        Mutant(
            "one over the root of n",
            r"$\|X\|_F$ may be $\|X\|_F/\sqrt n$.",
            variant(lambda t, s: factor(t, s) / arb(len(s)).sqrt()),
            lambda: finite.sign_class(3),
        ),
        Mutant(
            "greatest input",
            r"$\|X\|_F$ may be the greatest norm of an input.",
            variant(greatest_input),
            lambda: finite.sign_class(2),
        ),
        *shared.common_mutants(),
    ),
)
