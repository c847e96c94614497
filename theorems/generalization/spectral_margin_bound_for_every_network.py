r"""The spectral margin bound holds for every network and every margin at once, for a few logarithms more.

**Theorem.** Fix a depth $L$, widths, $\rho_i$-Lipschitz activations with $\sigma_i(0) = 0$ and reference matrices $M_i$ before seeing
the data. For layers $A_1, \dots, A_L$ and $\gamma > 0$ put
$$j_i = \max(1, \lceil L \|A_i\|_\sigma \rceil),\quad
k_i = \max(1, \lceil L \|A_i^\top - M_i^\top\|_{2,1} \rceil),\quad e = \lfloor \log_2 \gamma \rfloor,$$
$s_i = j_i/L$, $b_i = k_i/L$, and
$$C = \ln 3 + |e| \ln 2 + \sum_{i=1}^L \ln\big(j_i (j_i + 1)\, k_i (k_i + 1)\big), \qquad
K = \sqrt2\, \|X\|_F \sqrt{\ln(2W^2)}\, 2^{-e} \Big(\sum_{i=1}^L \big(b_i \rho_i {\textstyle\prod_{j \ne i}}
\rho_j s_j\big)^{2/3}\Big)^{3/2}.$$
With probability at least $1 - \delta$ over $n$ independent examples, for all $A$ and all $\gamma > 0$ with $K \le n/12$
$$\Pr[\operatorname{argmax} F_A(x) \ne y] \le \widehat R_\gamma(A)
  + \frac{24K}{n}\Big(1 + \ln\frac{n}{12K}\Big) + 2\sqrt{\frac{\ln(1/\delta) + C}{2n}} .$$
The letters are those of `generalization.spectral_margin_bound`.

**Idea.** A cell is a choice of integers $j_i, k_i \ge 1$ and $e$. It gets the share
$\omega = \frac13 2^{-|e|} \prod_i \frac1{j_i(j_i+1)}\frac1{k_i(k_i+1)}$ of $\delta$. The sums
$\sum_{j \le J} \frac1{j(j+1)} = \frac J{J+1}$ telescope and $\sum_{|e| \le E} 2^{-|e|} = 3 - 2^{1-E}$, so all shares
together are at most 1, and some cell's bound fails with probability at most $\delta$. A network with its margin lies in the cell of its rounded
numbers; the bound of that cell, at confidence $\delta\omega$, speaks of the ramp risk at $2^e \le \gamma$, which is at most that
at $\gamma$. In the formal goal the bound of a cell is a premise: it is the fixed form, `generalization.spectral_margin_bound`. Cited are rules of
the logarithm.

**Reading.** This is the form that may be computed for a trained network: its norms and its margin are known after training only. The price
$C$ grows like twice the logarithms of the norms. No grid over $\|X\|_F$ is needed, since the fixed form has the norm of the sample itself.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from flint import arb, ctx, fmpq
from hypothesis import strategies as st

from numerics.arithmetic.balls import decide
from numerics.arithmetic.exact import as_fraction
from numerics.evidence.verdict import Verdict, at_least, at_most, decided, equal, every
from numerics.strategies import rationals, sizes
from theorems import Citation, Claim, Mutant, Premise
from theorems.generalization._finite_learning import Learning, complexity, ramp
from theorems.generalization._spectral_margins import (
    as_ball,
    coin,
    gaps,
    inverse_share,
    problems,
    rounded_down,
    rounded_up,
    sharp_excess,
)
from theorems.proof import Derivation
from theorems.proof.crosscheck import Model

# Proof.


def proof() -> Derivation:
    from theorems.generalization import _learning_axioms as cited
    from theorems.proof import Indexed, at_most, equal, nonnegative, positive, zero
    from theorems.proof.words import number

    d = Derivation("the bound for all cells")
    delta, q, share, price, ell, C = d.scalars("delta q delta' price ell C")
    err, risk, wide, K, h, t, nu = d.scalars("err risk risk' K h t 1/n")
    J, E, D, m = (d.index_constant(x) for x in "JEDm")

    def family(name):
        return d.family(f"{name}[i]: 1 1", "i")

    def each(relation, high):
        return d.given(Indexed(relation, "i", "1", high))

    def induction(symbol, high, relation, step, base):
        index = d.index(symbol, "0", f"{high}-1")
        here = d.suppose(relation(symbol))
        return d.induction(index, here, step(here, f"{symbol}+1"), base)

    # 1/(1 2) + 1/(2 3) + ... + 1/(J (J+1)) = J/(J+1), with r_i = 1/(i+1).
    c, v, S, r = (family(x) for x in "cvSr")
    first, counted = d.given(zero(c("0"))), each(equal(c("i"), c("i-1") + 1), J)
    term = each(equal(v("i") * c("i") * (c("i") + 1), 1), J)
    inverse = each(equal(r("i") * (c("i") + 1), 1), J)
    none, summed = d.given(zero(S("0"))), each(equal(S("i"), S("i-1") + v("i")), J)
    start = d.given(equal(r("0") * (c("0") + 1), 1))

    # r_{i-1} c_i = 1, so v_i = r_{i-1} - r_i, and S_i + r_i = 1 is an invariant; c_i stays non-negative.
    def inverse_at(k):
        """r_{k-1} c_k = 1 from r_{k-1} (c_{k-1} + 1) = 1."""
        return d.algebra(equal(r(f"{k[0]}") * c(k), 1), [d.at(counted, k), before[k[0]]])

    before = {}

    def telescope(here, k):
        j = k.removesuffix("+1")
        before[j] = reciprocal_here
        previous = d.algebra(equal(r(j) * c(k), 1), [d.at(counted, k), reciprocal_here])
        difference = d.algebra(
            equal(v(k), r(j) - r(k)),
            [d.algebra(equal(v(k) * (c(k) + 1), r(j)), [d.at(term, k), previous]), d.at(inverse, k), previous],
            rounds=6,
        )
        return d.algebra(equal(S(k) + r(k), 1), [here, d.at(summed, k), difference])

    index = d.index("a", "0", "J-1")
    reciprocal_here = d.suppose(equal(r("a") * (c("a") + 1), 1))
    step = d.weaken(d.at(inverse, "a+1"), equal(r("a+1") * (c("a+1") + 1), 1))
    reciprocals = d.induction(index, reciprocal_here, step, start)
    return d
