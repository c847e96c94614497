r"""Weights trained with noise stay near a prior that ignores the data, at the price of the gradients' energy.

**Theorem.** (steps) Let $w_k = (1 - \lambda\eta_k) w_{k-1} - \eta_k g_k + \sqrt{2\eta_k/\beta}\,\xi_k$, $1 \le k \le N$, with
independent $\xi_k \sim \mathcal N(0, I)$, $\eta_k, \beta > 0$, $\lambda \ge 0$, and $g_k$ any function of the data, the earlier weights
and randomness independent of $\xi_k, \xi_{k+1}, \dots$, such as the gradient of a mini-batch. Let $Q$ be the law of $w_N$
given the data, and $P$ that of $v_N$ for $v_k = (1 - \lambda\eta_k) v_{k-1} + \sqrt{2\eta_k/\beta}\,\xi_k$, where $v_0$ has the
law of $w_0$ and that does not depend on the data. Then
$$\mathrm{KL}(Q\|P) \le \frac\beta4 \sum_{k=1}^N \eta_k\, E\|g_k\|^2 .$$
So with probability at least $1 - \delta$ over $n$ independent examples,
$\mathrm{kl}(\widehat R(Q)\|R(Q)) \le \frac1n \big(\frac\beta4 \sum_k \eta_k E\|g_k\|^2 + \ln(2\sqrt n/\delta)\big)$, with means over the
training given the data.

(flow) For $dw = -(g_t + \lambda w)\,dt + \sqrt{2/\beta}\,dB$, $dv = -\lambda v\,dt + \sqrt{2/\beta}\,dB$, $\lambda > 0$, with
$w_0, v_0 \sim \mathcal N(0, \sigma_0^2 I)$ and $\sigma_0^2 \le 1/(\beta\lambda)$,
$$\mathrm{KL}(Q\|P) \le \frac\beta2 \int_0^T e^{-\lambda(T-t)}\, E\|g_t\|^2\, dt .$$

**Idea.** (steps) Given the past, a step is a normal law of variance $s = 2\eta/\beta$ whose mean is $\eta g$ away from that of
the prior's step: a divergence of $\eta^2\|g\|^2/(2s) = \frac{\beta\eta}4\|g\|^2$. The chain rule adds them up. The last sentence is
`generalization.pac_bayes_kl_bound`, because $P$ is fixed before the data. (flow) With $J = E\|\nabla\ln\frac{q}{p}\|^2$ the
divergence $K$ of the two laws at one time changes by
$\dot K = -\frac1\beta J - E\langle g, \nabla\ln\frac qp\rangle \le -\frac1{2\beta}J + \frac\beta2 E\|g\|^2$. The prior's law is normal with
variance at most $\frac1{\beta\lambda}$, so its logarithmic Sobolev inequality says $J \ge 2\beta\lambda K$. Hence
$\dot K \le -\lambda K + \frac\beta2 E\|g\|^2$, which integrates to the claim. Cited: the divergence of normal laws, the chain rule;
for the flow, the formula for $\dot K$, the logarithmic Sobolev inequality, and Gronwall's lemma.

**Reading.** No Lipschitz constant occurs, only the energy of the gradients that were used, which may be recorded while training. In the
flow, gradients of long ago are forgotten at the rate $\lambda$, at the price of a factor 2; both savings at once,
$\frac\beta4\int e^{-\lambda(T-t)}E\|g_t\|^2 dt$, are too good to be true. Mou, Wang, Zhai and Zheng have the rate $\lambda/3$ for steps, with
terms in $\ln(N/\delta)$. $R(Q)$ belongs to the *random* network: its training error must be known as a mean over trainings.
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
from numerics.strategies import rationals
from theorems import Citation, Claim, Mutant, Premise, Tight
from theorems.cited import flows
from theorems.proof import Derivation
from theorems.proof.crosscheck import Model


def price(beta, energy):
    r"""$\frac\beta4 \sum_k \eta_k E\|g_k\|^2$."""
    return beta * energy / 4


# Proof.


def proof() -> Derivation:
    from theorems.cited import entropy as cited
    from theorems.proof import at_least, at_most, equal, positive
    from theorems.proof.sums import Total, each, induction

    d = Derivation("noisy training obeys PAC-Bayes")
    beta, lam, eta, s, kappa = d.scalars("beta lambda eta s kappa")
    beta_positive, eta_positive = d.given(positive(beta)), d.given(positive(eta))

    # One step from the weights w: means (1 - lambda eta) w - eta g and (1 - lambda eta) w.
    w, g = d.matrices("w: d 1", "g: d 1")
    variance = d.given(equal(beta * s, 2 * eta))
    s_positive = d.smt(positive(s), [variance, beta_positive, eta_positive])
    m, m_ = (1 - lam * eta) * w - eta * g, (1 - lam * eta) * w
    normal = d.given(cited.normals(kappa, m, m_, s), "divergence of the two laws of a step")
    _, (value,) = d.axiom(cited.NORMAL, {"kappa": kappa, "m": m, "m'": m_, "s": s}, [normal, s_positive])
    _, unit = d.reciprocal(eta_positive, "1/eta")
    # 2 s kappa = eta^2 |g|^2, and beta s = 2 eta
    square = d.algebra(equal(2 * s * kappa, eta**2 * g.squared_norm()), [value])
    scaled = d.algebra(equal(4 * eta * kappa, beta * eta**2 * g.squared_norm()), [square, variance], rounds=4)
    d.algebra(d.goal(equal(4 * kappa, beta * eta * g.squared_norm())), [scaled, unit], rounds=4)

    # All steps: K[t] is the divergence after t steps, k[t] the mean one of step t, e[t] = eta_t E|g_t|^2.
    N = d.index_constant("N")
    K, k, e, S = (d.family(f"{name}[i]: 1 1", "i") for name in ("K", "k", "e", "S"))
    start = d.given(equal(K("0"), 0), "one law of the first weights")
    chain = each(d, cited.chained(K("i"), K("i-1"), k("i")), N)
    steps = each(d, equal(4 * k("i"), beta * e("i")), N, name="the mean of what was just shown")
    total = Total(d, S, e, N)

    def bound(i):
        return at_most(K(i), price(beta, S(i)))

    def add(supposed, i):
        place = {"K": K(i), "L": K(i.removesuffix("+1")), "k": k(i)}
        _, (grown,) = d.axiom(cited.CHAIN, place, [d.at(chain, i)])
        return d.squares(bound(i), [(1, supposed), (1, grown)], [total.at(i), d.at(steps, i)])

    base = d.squares(bound("0"), [], [start, total.empty])
    d.weaken(d.at(induction(d, bound, add, "j", N, base), N), d.goal(bound(N)))

    # The flow.
    J, X, D, energy, rate, end, integral = d.scalars("J X D energy rate K_T I")
    lam_positive = d.given(positive(lam))
    changes = d.given(flows.flow(rate, J, X, beta))
    means = d.given(flows.inner_products(X, J, energy))
    normal_prior = d.given(flows.relative_to_normal(J, D, beta, lam))
    _, (rate_value,) = d.axiom(flows.DISSIPATION, {"c": rate, "J": J, "X": X, "beta": beta}, [changes, beta_positive])
    _, (product, J_sign, energy_sign) = d.axiom(flows.CAUCHY_SCHWARZ, {"X": X, "J": J, "e": energy}, [means])
    place = {"J": J, "K": D, "beta": beta, "lam": lam}
    _, (sobolev_fact,) = d.axiom(flows.LOG_SOBOLEV, place, [normal_prior, beta_positive, lam_positive])
    # 2 beta |X| <= J + beta^2 energy
    young = d.smt(at_least(2 * beta * X, -J - beta**2 * energy), [product, J_sign, energy_sign, beta_positive])
    slow = d.squares(at_most(2 * beta * rate, beta**2 * energy - J), [(1, young)], [rate_value])
    both = d.squares(at_most(2 * beta * rate, beta**2 * energy - 2 * beta * lam * D), [(1, slow), (1, sobolev_fact)])
    inverse_beta, unit_beta = d.reciprocal(beta_positive, "1/beta")
    inverse_positive = d.smt(positive(inverse_beta), [beta_positive, unit_beta])
    terms = [(Fraction(1, 2), inverse_positive, both)]
    d.squares(d.goal(at_most(rate, beta * energy / 2 - lam * D)), terms, [unit_beta], rounds=6)
    collected = d.given(flows.integrated(end, integral), "from 0 on, by the inequality just shown")
    d.axiom(flows.GRONWALL, {"K": end, "I": integral}, [collected])
    d.goal(at_most(end, integral))
    cited.evaluate_predicates(d)
    d.model_predicate(
        "rate of the divergence, for J the relative Fisher information and X the mean of <g, grad>",
        lambda c, J, X, beta: bool((beta * c + J + beta * X) == 0),
    )
    d.model_predicate(
        "X is a mean of inner products of fields with mean squares J and energy", lambda X, J, e: bool(X**2 <= J * e)
    )
    d.model_predicate(
        "J, K relative to a normal law of variance at most 1/(beta lambda)",
        lambda J, K, beta, lam: bool(J >= 2 * beta * lam * K),
    )
    d.model_predicate(
        "K at the end, where K' <= -lambda K + h from 0 on, and the integral of h with its factor",
        lambda K, I: bool(arb(K) <= arb(I)),
    )
    return d


# Check.


@dataclass(frozen=True)
class Training:
    r"""One weight, trained with $g = a w + b$: all laws are normal with exact means and variances.

    The first weight is normal with mean `shift` (0 for the prior) and variance `start`; the variance of the noise is
    `noise` times $2\eta/\beta$. `time` is the length of the flow, in which $g = b$.
    """

    steps: tuple[Fraction, ...]
    beta: Fraction
    decay: Fraction
    a: Fraction
    b: Fraction
    start: Fraction
    time: Fraction = Fraction(1)
    shift: Fraction = Fraction(0)
    noise: Fraction = Fraction(1)

    def laws(self) -> list[tuple[fmpq, fmpq, fmpq, fmpq]]:
        """(mean, variance, the prior's variance, mean of g^2 in the next step) after 0, 1, ... steps."""
        a, b = rational(self.a), rational(self.b)
        mean, variance, prior = rational(self.shift), rational(self.start), rational(self.start)
        found = []
        for eta in (*self.steps, Fraction(0)):
            found.append((mean, variance, prior, a**2 * (variance + mean**2) + 2 * a * b * mean + b**2))
            shrink, extra = 1 - rational(self.decay * eta), rational(2 * self.noise * eta / self.beta)
            mean, variance = (
                (shrink - rational(eta) * a) * mean - rational(eta) * b,
                (shrink - rational(eta) * a) ** 2 * variance + extra,
            )
            prior = shrink**2 * prior + extra
        return found


def energy(t: Training) -> fmpq:
    r"""$\sum_k \eta_k E g_k^2$."""
    return sum((rational(eta) * law[3] for eta, law in zip(t.steps, t.laws(), strict=False)), fmpq(0))


def divergence(t: Training) -> arb | fmpq:
    """Of the last laws; rational where the variances are equal."""
    mean, variance, prior, _ = t.laws()[-1]
    if variance == prior:
        return mean**2 / (2 * prior)
    return arb(mean**2 + variance - prior) / (2 * prior) - arb(variance / prior).log() / 2


def steps_bound(t: Training) -> fmpq:
    return price(rational(t.beta), energy(t))


def flow_divergence(t: Training) -> arb:
    r"""For $g = b$: the means differ by $\frac b\lambda(1 - e^{-\lambda T})$, and the variances are equal."""
    lam = rational(t.decay)
    E = (-arb(lam * rational(t.time))).exp()
    mean = arb(rational(t.b) / lam) * (1 - E)
    variance = E**2 * rational(t.start) + (1 - E**2) / (rational(t.beta) * lam)
    return mean**2 / (2 * variance)


def flow_bound(t: Training, rate: int = 1) -> arb:
    r"""$\frac\beta2 \int_0^T e^{-\lambda(T-t)} b^2 dt$."""
    lam = rational(t.decay)
    return rational(t.beta * t.b**2) / (2 * rate * lam) * (1 - (-arb(rate * lam * rational(t.time))).exp())


def check(t: Training) -> Verdict:
    verdicts = [decide(lambda _: at_most(divergence(t), steps_bound(t), "steps"))]
    if t.decay > 0 and t.start * t.beta * t.decay <= 1 and t.shift == 0 and t.noise == 1:
        verdicts.append(decide(lambda _: at_most(flow_divergence(t), flow_bound(t), "flow")) if t.b else at_most(0, 0))
    return every(verdicts)


@st.composite
def trainings(draw) -> Training:
    beta = draw(st.sampled_from([Fraction(1), Fraction(4), Fraction(1, 3)]))
    decay = draw(st.sampled_from([Fraction(1), Fraction(1, 2), Fraction(0), Fraction(2)]))
    return Training(
        tuple(draw(st.lists(st.sampled_from([Fraction(1, 4), Fraction(1, 10), Fraction(1)]), min_size=1, max_size=4))),
        beta,
        decay,
        draw(st.sampled_from([Fraction(0), Fraction(0), Fraction(1), Fraction(-1, 2)])),
        Fraction(draw(rationals())),
        draw(st.sampled_from([Fraction(0), Fraction(1), Fraction(1, 2)])) / (beta * (decay or 1)),
        draw(st.sampled_from([Fraction(1), Fraction(1, 10), Fraction(5)])),
    )


def interpret(t: Training) -> Model | None:
    """The steps; and the flow with g = b at the time when its mean is b and its variance the stationary one."""
    if t.decay == 0 or t.a != 0:
        return None
    laws = t.laws()
    eta, beta, lam, b = rational(t.steps[-1]), rational(t.beta), rational(t.decay), rational(t.b)
    w = laws[-2][0]
    values: dict[str, Any] = {"beta": beta, "lambda": lam, "eta": eta, "s": 2 * eta / beta, "w": Matrix([[w]])}
    values |= {"g": Matrix([[b]]), "kappa": beta * eta * b * b / 4, "K[0]": 0, "S[0]": 0}
    total = fmpq(0)
    for i, step in enumerate(t.steps, 1):
        mean, _, prior, _ = laws[i]
        total += rational(step) * b * b
        values |= {f"e[{i}]": rational(step) * b * b, f"S[{i}]": total, f"k[{i}]": beta * rational(step) * b * b / 4}
        values[f"K[{i}]"] = mean**2 / (2 * prior)
    # q = N(m, v), p = N(0, v) with v = 1/(beta lambda): grad ln(q/p) = m/v, K = m^2/(2v), and m' = -lambda m - b
    v = 1 / (beta * lam)
    mean = b
    values |= {"J": mean**2 / v**2, "X": b * mean / v, "D": mean**2 / (2 * v), "energy": b * b}
    values["rate"] = mean * (-lam * mean - b) / v
    return Model(values | {"K_T": flow_divergence(t), "I": flow_bound(t) + fmpq(1, 10**9)}, {"N": len(t.steps)})


def stratum(t: Training) -> str:
    return "constant gradients" if t.a == 0 else "generic"


# Colophon.


def constant(**change: Any) -> Training:
    half = Fraction(1, 2)
    return replace(Training((half, half), Fraction(1), Fraction(0), Fraction(0), Fraction(1), Fraction(0)), **change)


def long_flow() -> Training:
    return constant(decay=Fraction(1), start=Fraction(1), time=Fraction(10))


def shown(t: Training) -> str:
    mean, variance, prior, _ = t.laws()[-1]
    K = arb(divergence(t))
    return (
        f"w_N is normal with mean {mean} and variance {variance}, the prior with mean 0 and variance {prior}\n"
        f"divergence {K.str(4, radius=False)}, its bound {steps_bound(t)}"
    )


# Bounds.


claim = Claim(
    __name__,
    __doc__,
    source=Citation("mou2018generalization", "PAC-Bayes bound for SGLD"),
    also=(Citation("maurer2004note", "the bound in kl form with 2 sqrt(n)"),),
    premises=(
        Premise(
            "noise",
            r"The noise of step $k$ has the variance $2\eta_k/\beta$ in every direction, for weights and prior.",
            holds=lambda t: t.noise == 1,
            without=lambda: constant(noise=Fraction(1, 2)),
            show=shown,
        ),
        Premise(
            "a start without data",
            "The law of the first weight is that of the prior.",
            holds=lambda t: t.shift == 0,
            without=lambda: constant(shift=Fraction(-5)),
            show=shown,
        ),
        Premise(
            "narrow start",
            r"$\sigma_0^2 \le 1/(\beta\lambda)$, for the flow.",
            holds=lambda t: t.decay == 0 or t.start * t.beta * t.decay <= 1,
            kind="unknown",
            why="the proof needs it for the logarithmic Sobolev inequality; with constant gradients the bound holds without it",
        ),
        Premise(
            "positive",
            r"$\eta_k, \beta > 0$ and $\lambda \ge 0$.",
            holds=lambda t: min(t.steps) > 0 and t.beta > 0 and t.decay >= 0,
            kind="typing",
            why="the noise of a step has a density",
        ),
    ),
    derivation=proof,
    interpret=interpret,
    instances=trainings,
    check=check,
    stratum=stratum,
    beyond="linear gradients, for which weights and prior have different variances; the flow with constant gradients",
    tight=(Tight("constant gradients, no decay", constant, lambda t: equal(divergence(t), steps_bound(t))),),
    mutants=(
        Mutant(
            "an eighth",
            r"$\mathrm{KL} \le \frac\beta8 \sum_k \eta_k E\|g_k\|^2$.",
            lambda t: decide(lambda _: at_most(2 * divergence(t), steps_bound(t))),
            constant,
        ),
        Mutant(
            "the last step alone",
            r"$\mathrm{KL} \le \frac\beta4 \eta_N E\|g_N\|^2$.",
            lambda t: decide(lambda _: at_most(divergence(t), steps_bound(replace(t, steps=t.steps[-1:])))),
            constant,
        ),
        Mutant(
            "both savings at once",
            r"$\mathrm{KL} \le \frac\beta4 \int e^{-\lambda(T-t)} E\|g_t\|^2 dt$ for the flow.",
            lambda t: decide(lambda _: at_most(2 * flow_divergence(t), flow_bound(t))),
            long_flow,
        ),
        Mutant(
            "twice the rate",
            r"$\mathrm{KL} \le \frac\beta2 \int e^{-2\lambda(T-t)} E\|g_t\|^2 dt$ for the flow.",
            lambda t: decide(lambda _: at_most(flow_divergence(t), flow_bound(t, 2))),
            long_flow,
        ),
    ),
)
