r"""Langevin dynamics that draws one example in each step is stable, with explicit constants and without convexity.

**Theorem.** Let $w_k = w_{k-1} - \eta_k \nabla f(w_{k-1}; z_{i_k}) + \sqrt{2\eta_k/\beta}\,\xi_k$, $1 \le k \le N$, with $i_k$ drawn
independently and uniformly from $\{1, \dots, n\}$, $n \ge 2$, independent $\xi_k \sim \mathcal N(0, I)$, $\eta_k, \beta > 0$ and
$\|\nabla f(w; z) - \nabla f(w; z')\| \le D$ for all $w, z, z'$; put $r_k = \eta_k \beta D^2/4$. For two samples that differ in one
example and the same law of $w_0$, every loss whose values $\ell(\cdot, z)$ lie in an interval of length $M$, and every integer
$0 \le k_0 \le N$,
$$|E\,\ell(w_N, z) - E\,\ell(w'_N, z)| \le M \Big[ \frac{k_0}n +
  \Big( \frac{\sum_{k > k_0} e^{r_k}(e^{r_k} - 1)}{n(n-1)} \Big)^{1/2} \Big].$$
So for independent examples $|E[R(w_N) - R_S(w_N)]|$, the gap in *expectation* over sample, draws and noise, is at most this.

**Idea.** With probability at least $1 - k_0/n$ the differing example is not drawn in the first $k_0$ steps, and the two laws are
one. From the same weights, a later step gives two mixtures of $n$ normal laws of variance $s = 2\eta/\beta$ that differ in one
component. Their divergence is at most the $\chi^2$ divergence; the mixture in its denominator is at least $\frac{n-1}n$ times the
mean of the $n - 1$ common components, and one over a mean is at most the mean of one over. So
$$\mathrm{KL} \le \frac1{n(n-1)} \operatorname{mean}_i \big( e^{|u|^2} + e^{|v|^2} - 2 e^{\langle u, v\rangle} \big),$$
with $u, v$ the distances of the two different means from that of component $i$, divided by $\sqrt s$. Their lengths and that of
$u - v$ are at most $\eta D/\sqrt s = \sqrt{2r}$, and then the parenthesis is at most $2e^r(e^r - 1)$: with
$P = e^{|u|^2/2}$, $Q = e^{|v|^2/2}$, $R = e^r$ it is at most $P^2 + Q^2 - 2PQ/R$, which for $1 \le P, Q \le R$ is greatest
at $P = Q = R$. Chain rule, Pinsker and `generalization.stability_bounds_the_expected_gap` do the rest. Cited: the bound by
mixtures (argument as above), the chain rule, Pinsker's inequality.

**Reading.** For $r_k \le \frac{\ln 2}4$ this is at most $M[\frac{k_0}n + 0.57\, D \sqrt{\beta \sum_{k>k_0} \eta_k/(n(n-1))}]$, and
the first steps may be as long as they like at the price $M k_0/n$. The theorem of Mou, Wang, Zhai and Zheng has the price
$2k_0/n$ for losses in $[-C, C]$: the factor $C$ is missing. A run of one long step that learns the drawn example by heart
has the expected gap $C/n$, more than $2/n$ for $C > 2$.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from typing import Any

from flint import arb, fmpq
from hypothesis import strategies as st

from numerics.arithmetic.balls import decide
from numerics.arithmetic.exact import Matrix, rational
from numerics.evidence.verdict import Verdict, at_most, every
from numerics.strategies import rationals, sizes
from theorems import Citation, Claim, Mutant, Premise, Printed
from theorems.cited import mixtures
from theorems.proof import Derivation
from theorems.proof.crosscheck import Model
from theorems.schemes import premises


def gap_bound(M, share, root):
    r"""$M [\frac{k_0}n + \text{root}]$."""
    return M * (share + root)


# Proof.


def proof() -> Derivation:
    from theorems.cited import entropy as cited
    from theorems.proof import at_least, at_most, calculus, equal, nonnegative, positive
    from theorems.proof.sums import Total, each, induction

    d = Derivation("stochastic Langevin dynamics is stable")

    # One term: x = |u|^2, y = |v|^2, q = <u, v>.
    u, v = d.matrices("u: d 1", "v: d 1")
    x, y, q, r = d.scalars("x y q r")
    named = [d.given(equal(x, u.squared_norm())), d.given(equal(y, v.squared_norm())), d.given(equal(q, u.T @ v))]
    short = [d.given(at_most(x, 2 * r)), d.given(at_most(y, 2 * r))]
    close = d.given(at_most((u - v).squared_norm(), 2 * r))
    x_sign, y_sign = (d.squares(nonnegative(z), [w], [fact]) for z, w, fact in ((x, u, named[0]), (y, v, named[1])))
    x_, y_, q_, r_, z_ = (calculus.Var(name) for name in ("x", "y", "q", "r", "z"))
    half = Fraction(1, 2)
    P_, Q_, R_ = calculus.exp(half * x_), calculus.exp(half * y_), calculus.exp(r_)
    P, Q, R = (d.term(z) for z in (P_, Q_, R_))
    one = d.calculus_equal(calculus.exp(calculus.term(0)), calculus.term(1))

    def grows(start, end, using):
        return d.calculus_increasing(calculus.exp(z_), "z", start, end, using)

    low = [
        d.smt(at_least(E, 1), [grows(calculus.term(0), half * z, [sign]), one])
        for E, z, sign in ((P, x_, x_sign), (Q, y_, y_sign))
    ]
    high = [
        d.smt(at_most(E, R), [grows(half * z, r_, [fact])]) for E, z, fact in ((P, x_, short[0]), (Q, y_, short[1]))
    ]
    angle = d.squares(at_least(q, (x + y) / 2 - r), [(half, close)], named)
    middle_ = calculus.exp(half * x_ + half * y_ - r_)
    product = d.calculus_equal(middle_ * R_, P_ * Q_)
    squares = [
        d.calculus_equal(calculus.exp(x_), P_**2),
        d.calculus_equal(calculus.exp(y_), Q_**2),
        d.calculus_equal(calculus.exp(2 * r_), R_**2),
    ]
    inner = grows(half * x_ + half * y_ - r_, q_, [angle])
    cubic = d.smt(nonnegative(R * (2 * R**2 - 2 * R - P**2 - Q**2) + 2 * P * Q), [*low, *high])
    R_positive = d.smt(positive(R), [low[0], high[0]])
    inverse, unit = d.reciprocal(R_positive, "1/R")
    inverse_positive = d.smt(positive(inverse), [R_positive, unit])
    M0 = d.term(middle_)
    term = d.squares(
        at_most(P**2 + Q**2 - 2 * M0, 2 * R**2 - 2 * R), [(1, inverse_positive, cubic)], [unit, product], rounds=6
    )
    left = d.term(calculus.exp(x_)) + d.term(calculus.exp(y_)) - 2 * d.term(calculus.exp(q_))
    right = 2 * d.term(calculus.exp(2 * r_)) - 2 * R
    d.squares(d.goal(at_most(left, right)), [(1, term), (2, inner)], squares)

    # The steps after k_0: k[t] is the greatest divergence of step t, b[t] = e^r (e^r - 1) there, K their sum.
    N = d.index_constant("N")
    n, nu, M, p, tv, eps, k0, root = d.scalars("n nu M p tv epsilon k_0 s")
    K, k, b, S = (d.family(f"{name}[i]: 1 1", "i") for name in ("K", "k", "b", "S"))
    n_large = d.given(at_least(n, 2))
    inverse_n = d.given(equal(n * nu, 1))
    M_sign = d.given(nonnegative(M))
    start = d.given(equal(K("0"), 0), "one law after k_0 steps without the differing example")
    chain = each(d, cited.chained(K("i"), K("i-1"), k("i")), N)
    steps = each(d, mixtures.mixtures(k("i"), n, 2 * b("i")), N, name="2 b = 2 e^r (e^r - 1), as just shown")
    total = Total(d, S, b, N)
    pair_sign = d.smt(positive(n * (n - 1)), [n_large])

    def bound(i):
        return at_most(n * (n - 1) * K(i), 2 * S(i))

    def add(supposed, i):
        _, (step,) = d.axiom(
            mixtures.ONE_DIFFERENT_COMPONENT, {"kappa": k(i), "n": n, "B": 2 * b(i)}, [d.at(steps, i), n_large]
        )
        place = {"K": K(i), "L": K(i.removesuffix("+1")), "k": k(i)}
        _, (grown,) = d.axiom(cited.CHAIN, place, [d.at(chain, i)])
        return d.squares(bound(i), [(1, supposed), (1, pair_sign, grown), (1, step)], [total.at(i)])

    base = d.squares(bound("0"), [], [start, total.empty])
    d.weaken(d.at(induction(d, bound, add, "j", N, base), N), d.goal(bound(N)))
    whole = d.proof_of(bound(N))
    assert whole is not None

    variation = d.given(cited.variation(tv, K(N)))
    _, (pinsker, tv_sign) = d.axiom(cited.PINSKER, {"tv": tv, "K": K(N)}, [variation])
    soon = d.given(at_most(n * p, k0), "p, the probability of the differing example in the first k_0 steps")
    loss = d.given(at_most(eps, M * (p + tv)), "values in an interval of length M")
    root_sign = d.given(nonnegative(root))
    root_value = d.given(equal(n * (n - 1) * root**2, S(N)), "the root in the theorem")
    scaled = d.squares(at_most(n * (n - 1) * tv**2, S(N)), [(half, pair_sign, pinsker), (half, whole)])
    small = d.smt(at_most(tv, root), [scaled, root_value, root_sign, tv_sign, pair_sign])
    nu_positive = d.smt(positive(nu), [n_large, inverse_n])
    early = d.squares(at_most(p, k0 * nu), [(1, nu_positive, soon)], [inverse_n])
    d.squares(d.goal(at_most(eps, gap_bound(M, k0 * nu, root))), [(1, loss), (1, M_sign, small), (1, M_sign, early)])
    cited.evaluate_predicates(d)
    d.model_predicate(  # tests/generalization/test_noisy_training.py integrates such divergences
        "divergence of two mixtures of n normals, one different, of chi-square terms at most B",
        lambda kappa, n, B: bool(0 <= n * (n - 1) * kappa) and bool(n * (n - 1) * kappa <= B),
    )
    return d


# Check.


@dataclass(frozen=True)
class Noisy:
    r"""SGLD of one weight on the linear losses $f(w; z) = -zw$: the last weight is a mixture of normal laws.

    `points` are $z_1, \dots, z_n$ and `other` is $z'_n$; `D` and `M` are the stated constants, and the loss is `height`
    above a threshold and 0 below. The variance of the noise is `noise` times $2\eta/\beta$. With `always` every step draws the
    last example.
    """

    points: tuple[Fraction, ...]
    other: Fraction
    steps: tuple[Fraction, ...]
    beta: Fraction
    D: Fraction
    M: Fraction = Fraction(1)
    height: Fraction = Fraction(1)
    noise: Fraction = Fraction(1)
    always: bool = False

    @property
    def n(self) -> int:
        return len(self.points)

    @cached_property
    def means(self) -> tuple[dict[fmpq, fmpq], dict[fmpq, fmpq]]:
        """For both runs, the means of the normal laws with their weights."""
        found = []
        for last in (self.points[-1], self.other):
            choices = [last] if self.always else [*self.points[:-1], last]
            law = {fmpq(0): fmpq(1)}
            for a in self.steps:
                after: dict[fmpq, fmpq] = {}
                for (m, w), z in itertools.product(law.items(), choices):
                    place = m + rational(a * z)
                    after[place] = after.get(place, fmpq(0)) + w / len(choices)
                law = after
            found.append(law)
        return found[0], found[1]

    @property
    def variance(self) -> fmpq:
        return rational(self.noise * 2 * sum(self.steps, Fraction(0)) / self.beta)

    def above(self, law: dict[fmpq, fmpq], threshold: fmpq) -> arb:
        deviation = (2 * arb(self.variance)).sqrt()
        return sum((w * (arb(threshold - m) / deviation).erfc() / 2 for m, w in law.items()), arb(0))


def thresholds(t: Noisy) -> list[fmpq]:
    """Halfway between neighbouring means of either run."""
    means = sorted({*t.means[0], *t.means[1]})
    return [(a + b) / 2 for a, b in itertools.pairwise(means)]


def bound(t: Noisy, k0: int) -> arb:
    total = arb(0)
    for a in t.steps[k0:]:
        growth = arb(rational(a * t.beta * t.D**2) / 4).exp()
        total += growth * (growth - 1)
    return gap_bound(rational(t.M), fmpq(k0, t.n), (total / (t.n * (t.n - 1))).sqrt())


def change(t: Noisy) -> list[arb]:
    """How much the mean loss changes, for every threshold."""
    first, second = t.means
    return [arb(rational(t.height)) * abs(t.above(first, x) - t.above(second, x)) for x in thresholds(t)]


def terms_are_small(t: Noisy, factor: int = 2) -> Verdict:
    r"""$e^{|u|^2} + e^{|v|^2} - 2e^{uv} \le 2e^r(e^r - 1)$ for the last step and every common component."""
    scale = rational(t.steps[-1] * t.beta) / 2  # eta^2/s
    a, b, r = rational(t.points[-1]), rational(t.other), rational(t.steps[-1] * t.beta * t.D**2) / 4
    verdicts = []
    for z in t.points[:-1]:
        x, y, q = (
            arb(scale * p).exp()
            for p in ((a - rational(z)) ** 2, (b - rational(z)) ** 2, (a - rational(z)) * (b - rational(z)))
        )
        R = arb(r).exp()
        verdicts.append(at_most(x + y - 2 * q, factor * R * (R - 1), "chi-square term"))
    return every(verdicts)


def spread(t: Noisy) -> Fraction:
    """The greatest difference of two gradients."""
    slopes = (*t.points, t.other)
    return max(slopes) - min(slopes)


def check(t: Noisy) -> Verdict:
    def question(_: int) -> Verdict:
        bounds_ = [bound(t, k0) for k0 in range(len(t.steps) + 1)]
        return every(at_most(x, y, f"k_0 = {k0}") for x in change(t) for k0, y in enumerate(bounds_))

    return every([decide(question), decide(lambda _: terms_are_small(t))])


@st.composite
def runs(draw) -> Noisy:
    n = draw(sizes(2, 4))
    points = tuple(Fraction(draw(rationals())) for _ in range(n))
    other = Fraction(draw(rationals()))
    steps = draw(
        st.lists(
            st.sampled_from([Fraction(1, 4), Fraction(1), Fraction(1, 100), Fraction(9, 4)]), min_size=1, max_size=3
        )
    )
    t = Noisy(
        points, other, tuple(steps), draw(st.sampled_from([Fraction(2), Fraction(1, 2), Fraction(8)])), Fraction(0)
    )
    extra = draw(st.sampled_from([Fraction(0), Fraction(1, 3)]))
    return replace(t, D=spread(t) + extra, M=draw(st.sampled_from([Fraction(1), Fraction(5)])))


def interpret(t: Noisy) -> Model:
    """The last step alone, as if all the others were among the first k_0."""
    unit = rational(t.steps[-1] * t.beta) / 2  # eta^2/s, a square for the runs that are drawn
    c = fmpq(unit.p.isqrt(), unit.q.isqrt())
    u, v = ((rational(z - t.points[0])) * c for z in (t.points[-1], t.other))
    n, k0, M, r = t.n, len(t.steps) - 1, rational(t.M), rational(t.steps[-1] * t.beta * t.D**2) / 4
    R = arb(r).exp()
    b = R * (R - 1)
    kappa = arb(0) if u == v else (arb(u * u).exp() + arb(v * v).exp() - 2 * arb(u * v).exp()) / (n * (n - 1))
    K = kappa * fmpq(9, 10)  # forgetting the other weights may lose something
    tv = (K.nonnegative_part().sqrt() / 2).erf()
    values: dict[str, Any] = {"u": Matrix([[u]]), "v": Matrix([[v]]), "x": u * u, "y": v * v, "q": u * v, "r": r}
    values |= {"n": n, "nu": fmpq(1, n), "M": M, "k_0": k0, "p": 1 - fmpq(n - 1, n) ** k0}
    values |= {"K[0]": 0, "S[0]": 0, "b[1]": b, "S[1]": b, "k[1]": kappa, "K[1]": K, "tv": tv}
    return Model(values | {"epsilon": M * tv / 2, "s": (b / (n * (n - 1))).sqrt()}, {"N": 1})


def stratum(t: Noisy) -> str:
    return "the same example" if t.points[-1] == t.other else "generic"


# Colophon.


def coin(**change: Any) -> Noisy:
    """Two examples 1, and -1 in the place of the second."""
    return replace(
        Noisy((Fraction(1), Fraction(1)), Fraction(-1), (Fraction(1, 10),), Fraction(1), Fraction(2)), **change
    )


def long_step(**change: Any) -> Noisy:
    return coin(steps=(Fraction(50),), beta=Fraction(10), **change)


def rote(t: Noisy) -> arb:
    r"""The expected gap of one step on n fair signs, $f(w; z) = -zw$, for the loss $-C z \operatorname{sign} w$ with $C$ = `height`.

    The gap is $\frac Cn E[z_i \operatorname{sign} w]$ for the index $i$ that is drawn, and $w = \eta z_i + \sqrt s\,\xi$.
    """
    wrong = (arb(rational(t.steps[0])) / (2 * arb(t.variance)).sqrt()).erfc() / 2
    return arb(rational(t.height)) / t.n * (1 - 2 * wrong)


def as_printed(t: Noisy) -> Verdict:
    r"""$\frac{2k_0}n + \frac{2LC}n (\beta \sum_{i > k_0} \eta_i)^{1/2}$ with $k_0 = \sup\{k : \eta_k > \ln 2/(\beta L^2)\}$."""

    def question(_: int) -> Verdict:
        limit = arb(2).log() / rational(t.beta * t.D**2)
        k0 = 1 if rational(t.steps[0]) > limit else 0
        later = sum(t.steps[k0:], Fraction(0))
        total = fmpq(2 * k0, t.n) + 2 * rational(t.D * t.height) / t.n * arb(rational(t.beta * later)).sqrt()
        return at_most(rote(t), total, "expected gap")

    return decide(question)


def rote_learner() -> Noisy:
    signs = tuple(Fraction(1) for _ in range(20))
    return Noisy(signs, Fraction(-1), (Fraction(400),), Fraction(100), Fraction(2), Fraction(20), Fraction(10))


def shown(t: Noisy) -> str:
    worst = max(change(t), key=float)
    best = min((bound(t, k0) for k0 in range(len(t.steps) + 1)), key=float)
    return f"the mean loss changes by {worst.str(4, radius=False)}, the bound is {best.str(4, radius=False)}"


# Bounds.


claim = Claim(
    __name__,
    __doc__,
    source=Citation("mou2018generalization", "stability bound for SGLD"),
    premises=(
        Premise(
            "gradients differ by at most D",
            r"$\|\nabla f(w; z) - \nabla f(w; z')\| \le D$.",
            holds=lambda t: spread(t) <= t.D,
            without=lambda: long_step(D=Fraction(1, 100)),
            show=shown,
        ),
        premises.noise("k", without=lambda: coin(noise=Fraction(1, 100)), show=shown),
        Premise(
            "uniform draws",
            "The indices are drawn independently and uniformly.",
            holds=lambda t: not t.always,
            without=lambda: long_step(always=True),
            show=shown,
        ),
        premises.range_of_loss(without=lambda: long_step(height=Fraction(2)), show=shown),
        Premise(
            "two examples",
            r"$n \ge 2$ and $\eta_k, \beta > 0$.",
            holds=lambda t: t.n >= 2 and min(t.steps) > 0 and t.beta > 0,
            kind="typing",
            why="the bound divides by n - 1, and the noise of a step has a density",
        ),
    ),
    derivation=proof,
    interpret=interpret,
    instances=runs,
    check=check,
    stratum=stratum,
    beyond="the last weights of runs on linear losses as mixtures of normal laws, for every k_0 and many thresholds",
    mutants=(
        Mutant(
            "nothing for the first steps",
            "The same without $k_0/n$.",
            lambda t: decide(
                lambda _: every(
                    at_most(x, bound(t, len(t.steps)) - rational(t.M) * fmpq(len(t.steps), t.n)) for x in change(t)
                )
            ),
            long_step,
        ),
        Mutant(
            "n squared",
            r"$k_0/n^2$ in place of $k_0/n$.",
            lambda t: decide(lambda _: every(at_most(t.n * x, bound(t, len(t.steps))) for x in change(t))),
            long_step,
        ),
        Mutant(
            "only the product",
            r"$e^{|u|^2} + e^{|v|^2} - 2e^{\langle u, v\rangle} \le e^r(e^r - 1)$.",
            lambda t: decide(lambda _: terms_are_small(t, 1)),
            lambda: coin(points=(Fraction(1), Fraction(1)), D=Fraction(2)),
        ),
    ),
    printed=(
        Printed(
            r"for losses in $[-C, C]$: $E\,\mathrm{err}_{gen} \le \frac{2k_0}n + \frac{2LC}n\big(\beta\sum_{i>k_0}\eta_i\big)^{1/2}$",
            Citation("mou2018generalization", "final stability theorem"),
            as_printed,
            rote_learner,
            "the first term needs the factor C",
        ),
    ),
)
