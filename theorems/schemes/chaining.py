r"""Steps of proofs: Dudley's integral of $\kappa/\varepsilon$, and its best lower end $3K/\sqrt n$."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from theorems.cited import learning as cited
from theorems.proof import Derivation, at_most, calculus, equal, nonnegative, positive
from theorems.proof.kernel.facts import Fact
from theorems.proof.kernel.words import Expr

_n, _e = calculus.Var("n"), calculus.Var("e")
BEST_END = "generalization.dudleys_integral_is_least_at_three_times_the_entropy"


@dataclass(frozen=True)
class Roots:
    r"""$m = \sqrt n$, $\nu = 1/n$ and $1/\sqrt n$ as terms of the calculus, and what is known of them."""

    n_positive: Fact
    m: Expr
    nu: Expr
    root: Expr
    root_n: Fact  # m^2 = n
    inverse_n: Fact  # n nu = 1
    inverse_root: Fact  # m (1/m) = 1
    m_positive: Fact
    nu_positive: Fact
    root_positive: Fact


def roots(d: Derivation, n_positive: Fact) -> Roots:
    m_ = calculus.sqrt(_n)
    m, nu, root = d.term(m_), d.term(1 / _n), d.term(1 / m_)
    root_n = d.calculus_equal(m_**2, _n, [n_positive])
    inverse_n = d.calculus_equal(_n * (1 / _n), calculus.term(1), [n_positive])
    inverse_root = d.calculus_equal(m_ * (1 / m_), calculus.term(1), [n_positive])
    m_sign = d.calculus_increasing(_e, "e", calculus.term(0), m_, [n_positive])
    m_positive = d.smt(positive(m), [m_sign, root_n, n_positive])
    nu_positive = d.smt(positive(nu), [n_positive, inverse_n])
    root_positive = d.smt(positive(root), [m_positive, inverse_root])
    signs = (m_positive, nu_positive, root_positive)
    return Roots(n_positive, m, nu, root, root_n, inverse_n, inverse_root, *signs)


@dataclass(frozen=True)
class Average:
    r"""The Rademacher average $\rho = u^\top N$ of the losses F on the sample u, with the facts that Dudley's bound needs."""

    F: Expr
    N: Expr
    u: Expr
    facts: Sequence[Fact]

    @property
    def rho(self) -> Expr:
        return self.u.T @ self.N


def chained(
    d: Derivation,
    r: Roots,
    average: Average,
    kappa_: calculus.Term,
    a: calculus.Term,
    b: calculus.Term,
    value: calculus.Term,
    kappa_positive: Fact,
    facts: Sequence[Fact],
) -> Fact:
    r"""Dudley's bound $n\rho \le 4ma + 12J$, where $J$, the integral of $\kappa/\varepsilon$ from a to b, has this value."""
    kappa, known = d.term(kappa_), [r.n_positive, kappa_positive]
    J, ends = d.integral(f"J_{kappa_}", kappa_ * calculus.log(_e), kappa_ / _e, "e", a, b, known)
    rule = d.calculus_equal(kappa_ * calculus.log(b) - kappa_ * calculus.log(a), value, known)
    (x, lower), (y, upper) = (cited.logarithm_of(d, end) for end in (a, b))
    place = {"F": average.F, "N": average.N, "u": average.u, "n": d.term(_n), "m": r.m, "kappa": kappa, "J": J}
    place |= {"a": d.term(a), "b": d.term(b), "x": x, "y": y}
    sign = d.weaken(kappa_positive, nonnegative(kappa))
    facts = [*facts, sign, lower, upper, ends, *average.facts, r.m_positive, r.root_n]
    _, (bound,) = d.axiom(cited.DUDLEY, place, facts)
    stated = at_most(d.term(_n) * average.rho, 4 * r.m * d.term(a) + 12 * d.term(value))
    return d.squares(stated, [(1, bound)], [ends, rule])


def sharply_chained(
    d: Derivation, r: Roots, average: Average, K_positive: Fact, K_small: Fact, entropy: Fact
) -> tuple[Expr, Fact]:
    r"""$h = \ln\frac n{12K}$ and $n\rho \le 12K(1 + h)$: from $\alpha = 3K/\sqrt n$ to $\sqrt n/4$, so that $b/a = n/(12K)$."""
    K_, m_ = calculus.Var("K"), calculus.sqrt(_n)
    alpha_, beta_, h_ = 3 * K_ * (1 / m_), m_ * Fraction(1, 4), calculus.log(_n / (12 * K_))
    K, alpha, beta, h = (d.term(t) for t in (K_, alpha_, beta_, h_))
    n = d.term(_n)
    known = [r.n_positive, K_positive]
    rule = d.calculus_equal(calculus.log(beta_) - calculus.log(alpha_), h_, known)
    (x, lower), (y, upper) = (cited.logarithm_of(d, end) for end in (alpha_, beta_))
    place = {"F": average.F, "N": average.N, "u": average.u, "n": n, "m": r.m, "K": K, "a": alpha, "b": beta}
    ends = [d.algebra(equal(alpha * r.m, 3 * K), [r.inverse_root]), d.algebra(equal(4 * beta, r.m))]
    facts = [entropy, *average.facts, K_positive, K_small, r.m_positive, r.root_n, *ends, lower, upper]
    _, (bound,) = d.lemma(BEST_END, place | {"x": x, "y": y}, facts)
    return h, d.squares(at_most(n * average.rho, 12 * K * (1 + h)), [(1, bound)], [rule])
