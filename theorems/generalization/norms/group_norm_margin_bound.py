r"""With every unit's weights bounded in Euclidean norm, the width enters the bound, a root for each layer.

**Theorem.** Fix a depth $L$, widths $h_1, \dots, h_{L-1}$ of the hidden layers and positively homogeneous 1-Lipschitz activations, and let
$F_A(x) = A_L\,\sigma_{L-1}(\cdots\sigma_1(A_1 x))$ have $k \ge 2$ outputs. Let
$$P(A) = \|A_L\|_{2,\infty} \prod_{i<L} \sqrt{h_i}\, \|A_i\|_{2,\infty},$$
$\|A\|_{2,\infty}$ the greatest Euclidean norm of a row, that is of the weights into a unit. Let $(x_1, y_1), \dots, (x_n, y_n)$ be independent
draws of $(x, y)$, $X$ the matrix with rows $x_i$, and $0 < \delta < 1$. With probability at least $1 - \delta$, for all $A$, all $\gamma > 0$
and all integers $e$ with $P(A) \le 2^e \gamma$,
$$\Pr[\operatorname{argmax} F_A(x) \ne y] \le \widehat R_\gamma(A) + \frac{4 k\, 2^e\, 2^{L-1} \|X\|_F}{n} +
  2\sqrt{\frac{\ln(1/\delta) + \ln(i (i+1))}{2n}},$$
with $i = 2e$ for $e > 0$ and $i = 1 - 2e$ for $e \le 0$, and the ramp risk $\widehat R_\gamma$ of
`generalization.spectral_margin_bound`. For $\rho_i$-Lipschitz activations, also before the first and after the last layer, $P$ gets the
factor $\prod_i \rho_i$.

**Idea.** A matrix of $h$ rows has a Frobenius norm of at most $\sqrt h$ times the greatest norm of a row, so that this follows from the peeling
of `generalization.peeling_margin_bound`, whose derivation it shares.

**Reading.** Neyshabur, Tomioka and Srebro bound networks by products $\gamma$ of group norms
$\|A\|_{p,q} = (\sum_r (\sum_c |A_{rc}|^p)^{q/p})^{1/q}$, with the Rademacher average at most
$\sqrt{\gamma^2 (2 H^{[1/p^* - 1/q]_+})^{2(L-1)} \min(p^*, 4 \ln(2d)) \max_i \|x_i\|_{p^*}^2/n}$, $H$ the width. This page is the case $p = 2$, $q = \infty$
of their form with $1$ in the place of $\sqrt2$ and the sample's own $\|X\|_F/\sqrt n$ in the place of the longest input; $p = 2$, $q \le 2$ is the peeling
bound, and $p = 1$ is `generalization.l1_margin_bound`, whose root replaces $2^{L-1}$. Other $p$ and $q$ have
`generalization.every_group_norm_margin_bound`. The bound by Frobenius norms is never larger than this one: the width is the price of not measuring them.
"""

from __future__ import annotations

from collections.abc import Callable

from flint import arb, fmpq

from numerics.arithmetic.exact import Matrix
from numerics.evidence.verdict import Verdict, at_most, every
from numerics.learning import norm_margins as finite
from numerics.learning.norm_margins import Norm, Search
from numerics.learning.rademacher_sums import greatest_row_2, greatest_rows
from theorems import Citation, Claim, Mutant, Tight
from theorems.proof import Derivation
from theorems.proof.crosscheck import Model
from theorems.schemes import norm_margins as shared
from theorems.schemes import peeling_in_the_mean as peeling

# Proof.


def proof() -> Derivation:
    return peeling.derive("group norms", peeling.ROWS)


# Check.


NORM = Norm(finite.product(greatest_rows, last=greatest_row_2), peeling.factor)


def check(t: Search) -> Verdict:
    # The squared Frobenius norms, exactly: the greatest row times the height is at least the sum over the rows.
    rows = [
        at_most(W.squared_norm(), W.rows * max(W[i, :].squared_norm() for i in range(W.rows)), "rows")
        for layers in t.problem.networks
        for W in layers
    ]
    return every([*rows, finite.check(t, NORM)])


def interpret(t: Search) -> Model:
    return peeling.model(t, greatest_rows)


# Colophon.


def least_rows(W: finite.Rows) -> arb:
    """The root of the height times the least Euclidean norm of a row."""
    return arb(len(W) * min(sum((x * x for x in row), fmpq(0)) for row in W)).sqrt()


def variant(norm: Callable[[finite.Rows], arb]) -> Callable[[Search], Verdict]:
    return lambda t: finite.alone(t, Norm(finite.product(norm, last=greatest_row_2), peeling.factor))


def uneven() -> Search:
    """One unit of weight 1 and one of weight 0."""
    return finite.plus_minus(Matrix([[1], [0]]), Matrix([[1, 0]]))


claim = Claim(
    __name__,
    __doc__,
    source=Citation("neyshabur2015norm", "abstract"),
    also=shared.citations(),
    premises=shared.premises(NORM, homogeneous="as in generalization.peeling_margin_bound"),
    derivation=proof,
    interpret=interpret,
    instances=finite.searches,
    check=check,
    stratum=finite.stratum,
    beyond=finite.BEYOND,
    tight=(Tight("all vectors of signs", lambda: finite.sign_class(3), finite.attained),),
    mutants=(
        Mutant(
            "no width",
            r"The roots $\sqrt{h_i}$ are not needed.",
            variant(greatest_row_2),
            finite.wide,
        ),
        Mutant(
            "least row",
            "The greatest norm of a row may be the least.",
            variant(least_rows),
            uneven,
        ),
        *shared.common_mutants(),
    ),
)
