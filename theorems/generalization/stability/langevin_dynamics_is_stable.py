r"""Noise makes training stable: the gap of Langevin dynamics grows with the root of the total step over n.

**Theorem.** Let $w_t = w_{t-1} - \frac{\eta_t}n \sum_{i=1}^n \nabla\varphi(w_{t-1}, z_i) + \sqrt{2\eta_t/\beta}\,\xi_t$,
$1 \le t \le T$, with independent $\xi_t \sim \mathcal N(0, I)$, $\eta_t, \beta > 0$ and
$\|\nabla\varphi(w, z) - \nabla\varphi(w, z')\| \le G$ for all $w, z, z'$. For two samples that differ in one example and the same
law of $w_0$, the laws $\mu, \mu'$ of $w_T, w'_T$ satisfy
$$\mathrm{KL}(\mu\|\mu') \le \frac{\beta G^2}{4n^2} \sum_{t=1}^T \eta_t, \qquad
  |E\,\ell(w_T, z) - E\,\ell(w'_T, z)| \le \frac{MG}{4n} \sqrt{2\beta {\textstyle\sum_t} \eta_t}$$
for every loss whose values $\ell(\cdot, z)$ lie in an interval of length $M$. So for independent examples
$|E[R(w_T) - R_S(w_T)]| \le \frac{MG}{4n}\sqrt{2\beta\sum_t\eta_t}$: a bound in *expectation* over sample and noise, with no condition
on the size of the steps. The bound on KL is attained by losses that are linear in $w$.

**Idea.** From the same weights, one step of the two runs gives normal laws with one covariance $\frac{2\eta}\beta I$ and
means that differ by $\frac\eta n\|\nabla\varphi(w, z_n) - \nabla\varphi(w, z'_n)\| \le \frac{\eta G}n$. Their divergence is the
squared distance over twice the variance, at most $\frac{\beta\eta G^2}{4n^2}$. The chain rule adds up the divergences of the
steps; forgetting all weights but the last only decreases the sum. Pinsker's inequality, total variation
$\le \sqrt{\mathrm{KL}/2}$, gives the rest, with `generalization.stability_bounds_the_expected_gap` for the last sentence. Cited: the
divergence of two normal laws, the chain rule, Pinsker's inequality.

**Reading.** Here the whole gradient is used in every step; with mini-batches see
`generalization.stochastic_langevin_dynamics_is_stable`. Compared with plain gradient descent the noise buys a bound without convexity or smoothness, and
a hot run (small $\beta$) pays little. $\sqrt{2\eta/\beta}$ is a standard deviation: taking $2\eta/\beta$ for it makes, for short
steps, less noise than the theorem assumes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from flint import arb, fmpq
from hypothesis import strategies as st

from numerics.arithmetic.balls import decide
from numerics.arithmetic.exact import Matrix, rational
from numerics.evidence.verdict import Verdict, at_most, equal, every
from numerics.strategies import rationals, sizes
from theorems import Citation, Claim, Mutant, Premise, Tight
from theorems.proof import Derivation
from theorems.proof.crosscheck import Model
from theorems.schemes import premises


def gap_bound(M, G, n, root):
    r"""$\frac{MG}{4n} \sqrt{2\beta\sum_t\eta_t}$, given the root."""
    return M * G * root / (4 * n)


# Proof.


def proof() -> Derivation:
    from theorems.cited import entropy as cited
    from theorems.proof import at_most, equal, nonnegative, positive
    from theorems.proof.sums import Total, each, induction

    d = Derivation("Langevin dynamics is stable")
    beta, G, n, nu, M = d.scalars("beta G n nu M")
    beta_positive = d.given(positive(beta))
    inverse_n = d.given(equal(n * nu, 1))

    # One step from weights w, with gradients g and h of the two examples and variance s.
    m, m_, g, h = d.matrices("m: d 1", "m': d 1", "g: d 1", "h: d 1")
    eta, s, kappa = d.scalars("eta s kappa")
    eta_positive = d.given(positive(eta))
    variance = d.given(equal(beta * s, 2 * eta))
    means = d.given(equal(m - m_, eta * nu * (h - g)), "the means differ in one example")
    apart = d.given(at_most((h - g).squared_norm(), G**2))
    normal = d.given(cited.normals(kappa, m, m_, s), "divergence of the two laws")
    s_positive = d.smt(positive(s), [variance, beta_positive, eta_positive])
    _, (value,) = d.axiom(cited.NORMAL, {"kappa": kappa, "m": m, "m'": m_, "s": s}, [normal, s_positive])
    spread = d.squares(
        at_most((m - m_).squared_norm(), eta**2 * nu**2 * G**2), [(1, apart, eta * nu)], [means], rounds=4
    )
    # 2 s kappa <= eta^2 nu^2 G^2 and beta s = 2 eta
    scaled = d.squares(
        at_most(4 * eta * kappa, beta * eta**2 * nu**2 * G**2),
        [(1, beta_positive, spread)],
        [value, variance],
        rounds=4,
    )
    step = d.goal(at_most(4 * kappa, beta * eta * nu**2 * G**2))
    inverse, unit = d.reciprocal(eta_positive, "1/eta")
    inverse_positive = d.smt(positive(inverse), [eta_positive, unit])
    d.squares(step, [(1, inverse_positive, scaled)], [unit], rounds=4)

    # All steps: K[t] is the divergence of the laws after t steps, k[t] the greatest one of step t, e[t] its size.
    T = d.index_constant("T")
    K, k, e, S = (d.family(f"{name}[i]: 1 1", "i") for name in ("K", "k", "e", "S"))
    start = d.given(equal(K("0"), 0), "one law of the first weights")
    chain = each(d, cited.chained(K("i"), K("i-1"), k("i")), T)
    steps = each(d, at_most(4 * k("i"), beta * e("i") * nu**2 * G**2), T, name="each step, as just shown")
    total = Total(d, S, e, T)

    def bound(i):
        return at_most(4 * K(i), beta * nu**2 * G**2 * S(i))

    def add(supposed, i):
        place = {"K": K(i), "L": K(i.removesuffix("+1")), "k": k(i)}
        _, (grown,) = d.axiom(cited.CHAIN, place, [d.at(chain, i)])
        return d.squares(bound(i), [(4, grown), (1, supposed), (1, d.at(steps, i))], [total.at(i)])

    base = d.squares(bound("0"), [], [start, total.empty])
    whole = d.at(induction(d, bound, add, "j", T, base), T)
    divergence = d.goal(at_most(4 * n**2 * K(T), beta * G**2 * S(T)))
    d.squares(divergence, [(1, whole, n)], [inverse_n], rounds=4)

    # The loss: eps <= M tv.
    tv, eps = d.scalars("tv epsilon")
    variation = d.given(cited.variation(tv, K(T)))
    _, (pinsker, _) = d.axiom(cited.PINSKER, {"tv": tv, "K": K(T)}, [variation])
    loss = d.given(at_most(eps, M * tv), "values in an interval of length M")
    eps_sign = d.given(nonnegative(eps))
    mean = d.smt(at_most(eps**2, M**2 * tv**2), [loss, eps_sign])
    goal = d.goal(at_most(8 * n**2 * eps**2, M**2 * beta * G**2 * S(T)))
    squared = d.squares(at_most(2 * M**2 * tv**2, M**2 * K(T)), [(1, pinsker, M)])
    proved = d.proof_of(divergence)
    assert proved is not None
    d.squares(goal, [(8, mean, n), (4, squared, n), (1, proved, M)])
    cited.evaluate_predicates(d)
    return d


# Check.


@dataclass(frozen=True)
class Langevin:
    r"""Langevin dynamics of one weight on $\varphi(w, z) = \frac\lambda2 w^2 - z w$, so that all laws are normal.

    `first` and `second` are the two last examples $z_n, z'_n$ (the others are 0), `G` the stated difference of gradients,
    `M` the stated length of the interval of values; the loss is `height` on one side of a threshold and 0 on the other.
    The variance of the noise is `noise` times $2\eta/\beta$. With `one` each step uses the last example alone.
    """

    n: int
    steps: tuple[Fraction, ...]
    beta: Fraction
    curvature: Fraction
    first: Fraction
    second: Fraction
    G: Fraction
    M: Fraction = Fraction(1)
    height: Fraction = Fraction(1)
    noise: Fraction = Fraction(1)
    one: bool = False

    def laws(self) -> list[tuple[fmpq, fmpq, fmpq]]:
        """(mean, mean of the other run, variance) after 0, 1, ..., T steps, from the weight 0."""
        mean = other = variance = fmpq(0)
        found = [(mean, other, variance)]
        share = 1 if self.one else self.n
        for a in self.steps:
            eta, shrink = rational(a), 1 - rational(a * self.curvature)
            mean = shrink * mean + eta * rational(self.first) / share
            other = shrink * other + eta * rational(self.second) / share
            variance = shrink**2 * variance + rational(self.noise) * 2 * eta / rational(self.beta)
            found.append((mean, other, variance))
        return found


def divergence(t: Langevin) -> fmpq:
    """Of the two normal laws at the end."""
    mean, other, variance = t.laws()[-1]
    return (mean - other) ** 2 / (2 * variance)


def divergence_bound(t: Langevin) -> fmpq:
    return rational(t.beta * t.G**2 * sum(t.steps, Fraction(0))) / (4 * t.n**2)


def loss_change(t: Langevin) -> arb:
    """Of the loss with its threshold halfway between the means: height times the total variation."""
    mean, other, variance = t.laws()[-1]
    return arb(rational(t.height)) * (arb(abs(mean - other)) / (8 * arb(variance)).sqrt()).erf()


def loss_bound(t: Langevin) -> arb:
    total = rational(2 * t.beta * sum(t.steps, Fraction(0)))
    return gap_bound(arb(rational(t.M)), rational(t.G), t.n, arb(total).sqrt())


def check(t: Langevin) -> Verdict:
    return every(
        [
            at_most(divergence(t), divergence_bound(t), "divergence"),
            decide(lambda _: at_most(loss_change(t), loss_bound(t), "loss")) if t.first != t.second else at_most(0, 0),
        ]
    )


@st.composite
def runs(draw) -> Langevin:
    first, second = Fraction(draw(rationals())), Fraction(draw(rationals()))
    spare = draw(st.sampled_from([Fraction(0), Fraction(1, 2)]))
    return Langevin(
        draw(sizes(1, 6)),
        tuple(draw(st.lists(st.sampled_from([Fraction(1), Fraction(1, 3), Fraction(4)]), min_size=1, max_size=5))),
        draw(st.sampled_from([Fraction(1), Fraction(10), Fraction(1, 4)])),
        draw(st.sampled_from([Fraction(0), Fraction(1), Fraction(1, 2), Fraction(-1, 2)])),
        first,
        second,
        abs(first - second) + spare,
        draw(st.sampled_from([Fraction(1), Fraction(3)])),
    )


def interpret(t: Langevin) -> Model:
    nu, beta = fmpq(1, t.n), rational(t.beta)
    eta = rational(t.steps[-1])
    laws = t.laws()
    before = laws[-2][0]
    shrink = 1 - eta * rational(t.curvature)
    m, m_ = (shrink * before + eta * nu * rational(z) for z in (t.first, t.second))
    g, h = (rational(t.curvature) * before - rational(z) for z in (t.first, t.second))
    s = 2 * eta / beta
    final = divergence(t)
    values: dict[str, Any] = {"beta": beta, "G": t.G, "n": t.n, "nu": nu, "M": t.M, "eta": eta, "s": s}
    values |= {"m": Matrix([[m]]), "m'": Matrix([[m_]]), "g": Matrix([[g]]), "h": Matrix([[h]])}
    values |= {"kappa": (m - m_) ** 2 / (2 * s), "K[0]": 0, "S[0]": 0}
    values |= {"tv": loss_change(replace(t, height=Fraction(1))), "epsilon": loss_change(t)}
    total = fmpq(0)
    for i, a in enumerate(t.steps, 1):
        mean, other, variance = laws[i]
        total += rational(a)
        values |= {f"e[{i}]": a, f"S[{i}]": total, f"K[{i}]": (mean - other) ** 2 / (2 * variance)}
        values[f"k[{i}]"] = beta * rational(a) * nu**2 * rational(t.first - t.second) ** 2 / 4
    if final == 0:
        values |= {"tv": 0, "epsilon": 0}
    return Model(values, {"T": len(t.steps)})


def stratum(t: Langevin) -> str:
    return "the same example" if t.first == t.second else "linear losses" if t.curvature == 0 else "generic"


# Colophon.


def linear(**change: Any) -> Langevin:
    run = Langevin(2, (Fraction(1), Fraction(1, 2)), Fraction(1), Fraction(0), Fraction(1), Fraction(-1), Fraction(2))
    return replace(run, **change)


def shown(t: Langevin) -> str:
    mean, other, variance = t.laws()[-1]
    return (
        f"w_T is normal with mean {mean} or {other} and variance {variance}\n"
        f"divergence {divergence(t)}, its bound {divergence_bound(t)}; "
        f"loss changes by {loss_change(t).str(4, radius=False)}, its bound {loss_bound(t).str(4, radius=False)}"
    )


# Bounds.


claim = Claim(
    __name__,
    __doc__,
    source=Citation("zhang2023mathematical", "Theorem 7.23"),
    premises=(
        Premise(
            "gradients differ by at most G",
            r"$\|\nabla\varphi(w, z) - \nabla\varphi(w, z')\| \le G$.",
            holds=lambda t: abs(t.first - t.second) <= t.G,
            without=lambda: linear(G=Fraction(1)),
            show=shown,
        ),
        premises.noise("t", without=lambda: linear(noise=Fraction(1, 2)), show=shown),
        Premise(
            "all examples in every step",
            "Every step uses the mean gradient of all examples.",
            holds=lambda t: not t.one,
            without=lambda: linear(one=True),
            show=shown,
        ),
        premises.range_of_loss(without=lambda: linear(height=Fraction(2)), show=shown),
        Premise(
            "positive",
            r"$\eta_t, \beta > 0$ and $n \ge 1$.",
            holds=lambda t: min(t.steps) > 0 and t.beta > 0 and t.n >= 1,
            kind="typing",
            why="the noise of a step has a density",
        ),
    ),
    derivation=proof,
    interpret=interpret,
    instances=runs,
    check=check,
    stratum=stratum,
    beyond="the laws of the last weights of runs on quadratic losses, as normal laws with exact means and variances",
    tight=(Tight("linear losses", linear, lambda t: equal(divergence(t), divergence_bound(t))),),
    mutants=(
        Mutant(
            "half the divergence",
            r"$\mathrm{KL} \le \frac{\beta G^2}{8n^2}\sum_t\eta_t$.",
            lambda t: at_most(2 * divergence(t), divergence_bound(t)),
            linear,
        ),
        Mutant(
            "n squared",
            r"$|E\ell(w_T, z) - E\ell(w'_T, z)| \le \frac{MG}{4n^2}\sqrt{2\beta\sum_t\eta_t}$.",
            lambda t: decide(lambda _: at_most(t.n * loss_change(t), loss_bound(t))),
            linear,
        ),
        Mutant(
            "half of Pinsker",
            r"$|E\ell(w_T, z) - E\ell(w'_T, z)| \le \frac{MG}{8n}\sqrt{2\beta\sum_t\eta_t}$.",
            lambda t: decide(lambda _: at_most(2 * loss_change(t), loss_bound(t))),
            linear,
        ),
        Mutant(
            "the last step alone",
            r"$\mathrm{KL} \le \frac{\beta G^2}{4n^2}\eta_T$.",
            lambda t: at_most(divergence(t), divergence_bound(replace(t, steps=t.steps[-1:]))),
            linear,
        ),
        Mutant(
            "variance for standard deviation",
            r"The same with noise of standard deviation $2\eta_t/\beta$.",
            lambda t: at_most(
                divergence(replace(t, noise=2 * t.steps[-1] / t.beta, steps=t.steps[-1:])),
                divergence_bound(replace(t, steps=t.steps[-1:])),
            ),
            lambda: linear(steps=(Fraction(1, 10),)),
        ),
    ),
)
