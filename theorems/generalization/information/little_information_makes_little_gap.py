r"""A learner whose output tells little about its training examples has a small expected gap.

**Theorem.** Let $S = (Z_1, \dots, Z_n)$ be independent draws from one distribution, $W$ the output of a learning algorithm, $I(S; W)$
their mutual information in nats, and $\ell(w, Z)$ be $\sigma$-sub-Gaussian for every $w$:
$\ln E e^{\lambda(\ell(w, Z) - E\ell(w, Z))} \le \lambda^2\sigma^2/2$ for all real $\lambda$. Then
$$\big| E[R(W) - R_S(W)] \big| \le \sqrt{\frac{2\sigma^2}n\, I(S; W)},$$
and $M\sqrt{I(S; W)/(2n)}$ when the values $\ell(w, \cdot)$ lie in an interval of length $M$ for every $w$.

(noise) Let $W = W_T$ with $W_t = W_{t-1} - \eta_t F_t + \xi_t$ in $\mathbb R^d$, independent $\xi_t \sim \mathcal N(0, \sigma_t^2 I)$,
and $F_t$ a function of $W_{t-1}$ and of examples chosen without looking at the weights, with
$E[\|F_t\|^2 \,|\, W_{t-1}] \le L^2$. If $W_0$ does not depend on $S$,
$$I(S; W_T) \le \sum_{t=1}^T \frac d2 \ln\Big(1 + \frac{\eta_t^2L^2}{d\,\sigma_t^2}\Big) \le \sum_{t=1}^T \frac{\eta_t^2L^2}{2\sigma_t^2}.$$

**Idea.** Let $g$ be the expected gap. If $W$ were drawn without regard to $S$, the gap would be the mean of $n$ independent
centred losses: sub-Gaussian with $\sigma^2/n$, and of mean 0. Donsker and Varadhan's inequality compares this with what
happens: $\lambda g \le I(S; W) + \lambda^2\sigma^2/(2n)$ for every real $\lambda$, and $\lambda = ng/\sigma^2$ gives
$ng^2/(2\sigma^2) \le I$. By Hoeffding's lemma $\sigma = M/2$ will do for values in an interval of length $M$.
(noise) What $W_T$ knows of $S$ it has from the examples of the steps; the chain rule adds up what each step tells given the
weights before it, and a step is a Gaussian channel of power $\eta_t^2L^2$, whose capacity is the term of the sum. Cited:
Donsker and Varadhan's inequality, sums of independent sub-Gaussian numbers, Hoeffding's lemma, the chain rule, the capacity of the
Gaussian channel.

**Reading.** The bound holds in expectation, for whatever the algorithm is; but a network trained without noise has
$I(S; W) = \infty$ for continuous data. For stochastic Langevin dynamics $\sigma_t^2 = 2\eta_t/\beta$, and the bound is of order
$n^{-1/2}$, where `generalization.stochastic_langevin_dynamics_is_stable` has $n^{-1}$. The constant is right: for $n = 1$ and one
bit that agrees with the example with probability $\frac12 + \varepsilon$, gap and bound have the ratio 1 in the limit
$\varepsilon \to 0$.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

from flint import arb, fmpq
from hypothesis import strategies as st

from numerics.arithmetic.balls import decide
from numerics.arithmetic.exact import Matrix, rational
from numerics.evidence.verdict import Verdict, at_most, every
from numerics.learning.channels import Channel, log_moment
from numerics.learning.margins import distributions
from numerics.strategies import rationals, sizes
from theorems import Citation, Claim, Mutant, Premise
from theorems.proof import Derivation
from theorems.proof.crosscheck import Model
from theorems.schemes import premises


def scaled_square(M, information):
    r"""$M^2 I$, which is at least $2n$ times the squared gap."""
    return M**2 * information


# Proof.


def proof() -> Derivation:
    from theorems.cited import entropy
    from theorems.cited import information as cited
    from theorems.proof import at_most, calculus, equal, nonnegative, positive
    from theorems.proof.sums import Total, each, induction

    d = Derivation("little information makes little gap")
    mu, F, C = d.matrices("mu: k 1", "F: k h", "C: q h")
    n, g, info, sigma, bound, t = d.scalars("n g I sigma Lambda lambda")
    n_positive = d.given(positive(n))
    law = d.given(cited.distribution(mu))
    learner = d.given(cited.learner(C))
    gap = d.given(cited.gap(g, C, F, mu, n), "the expected gap")
    information = d.given(cited.information(info, C, mu, n))
    losses = d.given(cited.sub_gaussian(F, mu, sigma))
    value = d.given(equal(sigma**2 * t, n * g), "the best lambda")
    moment = d.given(cited.log_moment(bound, t, C, F, mu, n), "logarithmic moment of the gap when W ignores S")

    place = {"mu": mu, "F": F, "n": n, "C": C, "t": t, "Lambda": bound}
    _, (change,) = d.axiom(
        cited.DONSKER_VARADHAN, place | {"g": g, "I": info}, [law, learner, gap, information, moment]
    )
    _, (small,) = d.axiom(cited.SUMS, place | {"sigma": sigma}, [law, learner, losses, moment, n_positive])
    # t g <= I + Lambda and 2 n Lambda <= t^2 sigma^2, with sigma^2 t = n g: sigma^2 t g = n g^2
    sides = d.squares(at_most(2 * n * t * g, 2 * n * info + t**2 * sigma**2), [(2, n_positive, change), (1, small)])
    scaled = d.squares(at_most(n**2 * g**2, 2 * n * sigma**2 * info), [(1, sides, sigma)], [value], rounds=4)
    inverse, unit = d.reciprocal(n_positive, "1/n")
    inverse_positive = d.smt(positive(inverse), [n_positive, unit])
    squared = d.goal(at_most(n * g**2, 2 * sigma**2 * info))
    d.squares(squared, [(1, inverse_positive, scaled)], [unit], rounds=4)
    # Values in an interval of length 2 sigma are sub-Gaussian: M^2 I/(2n) with M = 2 sigma.
    M = d.scalar("M")
    length = d.given(equal(M, 2 * sigma))
    proved = d.proof_of(squared)
    assert proved is not None
    d.squares(d.goal(at_most(2 * n * g**2, scaled_square(M, info))), [(2, proved)], [length])

    # Noise: J[t] is the information after t steps, j[t] that of step t given the weights before it.
    T = d.index_constant("T")
    J, j, c, S = (d.family(f"{name}[i]: 1 1", "i") for name in ("J", "j", "c", "S"))
    start = d.given(equal(J("0"), 0), "W_0 does not depend on S")
    chain = each(d, entropy.chained(J("i"), J("i-1"), j("i")), T)
    dim = d.scalar("d")
    power = d.family("x[i]: 1 1", "i")
    steps = each(d, cited.channel(j("i"), power("i"), dim, c("i")), T)
    total = Total(d, S, c, T)

    def known(i):
        return at_most(J(i), S(i))

    def add(supposed, i):
        place = {"K": J(i), "L": J(i.removesuffix("+1")), "k": j(i)}
        _, (grown,) = d.axiom(entropy.CHAIN, place, [d.at(chain, i)])
        _, (capacity,) = d.axiom(cited.CAPACITY, {"j": j(i), "x": power(i), "d": dim, "c": c(i)}, [d.at(steps, i)])
        return d.squares(known(i), [(1, supposed), (1, grown), (1, capacity)], [total.at(i)])

    base = d.squares(known("0"), [], [start, total.empty])
    d.weaken(d.at(induction(d, known, add, "m", T, base), T), d.goal(known(T)))

    # One term: (d/2) ln(1 + x/d) <= x/2 for the quotient x = eta^2 L^2/sigma^2.
    x = d.scalar("y")
    x_, d_, z_ = (calculus.Var(name) for name in ("y", "d", "z"))
    signs = [d.given(nonnegative(x)), d.given(positive(dim))]
    logarithm = d.calculus_increasing(z_, "z", calculus.log(1 + x_ / d_), x_ / d_, signs)
    term = calculus.log(1 + x_ / d_)
    ratio = d.calculus_equal(d_ * (x_ / d_), x_, signs)
    goal = d.goal(at_most(dim * d.term(term) / 2, x / 2))
    d.squares(goal, [(Fraction(1, 2), signs[1], logarithm)], [ratio])
    cited.evaluate_predicates(d)
    return d


# Check.


def length(t: Channel) -> Fraction:
    """The longest interval of values of one output."""
    return max(max(row) - min(row) for row in t.losses)


def learnt(t: Channel) -> arb:
    """The mutual information of the run: one Gaussian channel with the sum of the powers, and of the noises."""
    total, steps = rational(sum(t.powers, Fraction(0))), len(t.powers)
    return arb(fmpq(t.dimension, 2)) * (1 + arb(total / (t.dimension * steps))).log()


def capacities(t: Channel) -> arb:
    """The sum in the theorem at the stated bound."""
    one = arb(fmpq(t.dimension, 2)) * (1 + arb(rational(t.L2) / t.dimension)).log()
    return len(t.powers) * one


def gap_is_small(t: Channel, factor: int = 2) -> Verdict:
    if t.ignores() and not t.copies:
        return at_most(abs(t.gap()), 0, "nothing learnt")
    return decide(
        lambda _: at_most(t.gap() ** 2 * (factor * t.n), scaled_square(rational(t.M), t.information()), "gap")
    )


def check(t: Channel) -> Verdict:
    verdicts = [gap_is_small(t)]
    if t.powers != (t.L2,):  # one step at full power attains the bound: balls cannot decide it
        verdicts.append(decide(lambda _: at_most(learnt(t), capacities(t), "information of the run")))
    linear = len(t.powers) * rational(t.L2) / 2
    verdicts.append(decide(lambda _: at_most(capacities(t), linear, "ln(1 + x) <= x")))
    return every(verdicts)


@st.composite
def channels(draw) -> Channel:
    k, h = draw(sizes(1, 3)), draw(sizes(1, 3))
    n = draw(sizes(1, 3 if k < 3 else 2))

    def distribution(size: int) -> tuple[Fraction, ...]:
        parts = [draw(st.integers(0, 3)) for _ in range(size)]
        parts = parts if sum(parts) else [1] * size
        return tuple(Fraction(x, sum(parts)) for x in parts)

    first = distribution(h)
    blind = draw(st.integers(0, 5)) == 0
    outputs = tuple(first if blind else distribution(h) for _ in range(k**n))
    losses = tuple(tuple(Fraction(draw(rationals())) for _ in range(k)) for _ in range(h))
    chances = draw(distributions(k))
    L2 = draw(st.sampled_from([Fraction(1), Fraction(1, 4), Fraction(5)]))
    powers = draw(st.lists(st.sampled_from([L2, L2 / 2]), min_size=1, max_size=3))
    t = Channel(outputs, losses, chances, n, Fraction(0), draw(sizes(1, 3)), tuple(powers), L2)
    return replace(t, M=length(t) or Fraction(1))


def interpret(t: Channel) -> Model:
    mu = Matrix([[p] for p in t.chances])
    F = Matrix([list(row) for row in zip(*t.losses, strict=True)])
    sigma, g = rational(t.M) / 2, t.gap()
    lam = t.n * g / sigma**2
    values: dict[str, Any] = {"mu": mu, "F": F, "C": Matrix([list(row) for row in t.outputs]), "n": t.n, "g": g}
    values |= {"I": t.information(), "sigma": sigma, "lambda": lam, "M": t.M, "d": t.dimension}
    values |= {"Lambda": log_moment(t, lam), "J[0]": 0, "S[0]": 0, "y": rational(t.L2)}
    total = arb(0)
    for i in range(1, len(t.powers) + 1):
        one = arb(fmpq(t.dimension, 2)) * (1 + arb(rational(t.powers[i - 1]) / t.dimension)).log()
        total += one
        values |= {f"J[{i}]": learnt(replace(t, powers=t.powers[:i])) * fmpq(99, 100), f"j[{i}]": one * fmpq(999, 1000)}
        values |= {f"x[{i}]": rational(t.powers[i - 1]), f"c[{i}]": one, f"S[{i}]": total}
    return Model(values, {"T": len(t.powers)})


def stratum(t: Channel) -> str:
    return "nothing learnt" if t.ignores() else "one example" if t.n == 1 else "generic"


# Colophon.

HALF = Fraction(1, 2)


def bit(epsilon: Fraction = Fraction(1, 10), **change: Any) -> Channel:
    """One fair bit; the output agrees with it with probability 1/2 + epsilon, and loses 1 on the other bit."""
    near, far = HALF + epsilon, HALF - epsilon
    zero, one = Fraction(0), Fraction(1)
    return replace(Channel(((near, far), (far, near)), ((zero, one), (one, zero)), (HALF, HALF), 1, one), **change)


def majority_of_copies() -> Channel:
    """Ten examples that are all one fair bit, and the output repeats it."""
    n = 4
    table = tuple((Fraction(1), Fraction(0)) if a == 0 else (Fraction(0), Fraction(1)) for a in range(2**n))
    return bit(outputs=table, n=n, copies=True)


def shown(t: Channel) -> str:
    limit = (rational(t.M) ** 2 * t.information() / (2 * t.n)).sqrt()
    return (
        f"expected gap {t.gap()}, information {t.information().str(4, radius=False)}: the bound is {limit.str(4, radius=False)}\n"
        f"the run learns {learnt(t).str(4, radius=False)}, its bound is {capacities(t).str(4, radius=False)}"
    )


def for_every_sample(t: Channel) -> Verdict:
    return decide(
        lambda _: every(at_most(2 * t.n * x**2, rational(t.M) ** 2 * t.information()) for p, x in t.gaps() if p > 0)
    )


def linear_in_information(t: Channel) -> Verdict:
    return decide(lambda _: at_most(abs(t.gap()) * t.n, rational(t.M) * t.information()))


def without_dimension(t: Channel) -> Verdict:
    one = (1 + arb(rational(t.L2))).log() / 2
    return at_most(learnt(t), len(t.powers) * one)


# Bounds.


claim = Claim(
    __name__,
    __doc__,
    source=Citation("xu2017information", "abstract"),
    also=(Citation("pensia2018generalization", "abstract"),),
    premises=(
        premises.independent(without=majority_of_copies, show=shown),
        Premise(
            "range of the loss",
            r"The values $\ell(w, \cdot)$ lie in an interval of length $M$ (or are $M/2$-sub-Gaussian).",
            holds=lambda t: length(t) <= t.M,
            without=lambda: bit(M=HALF),
            show=shown,
        ),
        Premise(
            "power",
            r"$E[\|F_t\|^2 \,|\, W_{t-1}] \le L^2$.",
            holds=lambda t: max(t.powers) <= t.L2,
            without=lambda: bit(powers=(Fraction(4),)),
            show=shown,
        ),
    ),
    derivation=proof,
    interpret=interpret,
    instances=channels,
    check=check,
    stratum=stratum,
    beyond="arbitrary learners on finitely many points by enumeration; runs on normal examples, whose information is known",
    mutants=(
        Mutant(
            "a quarter",
            r"$|E[R - R_S]| \le M\sqrt{I/(4n)}$.",
            lambda t: gap_is_small(t, 4),
            bit,
        ),
        Mutant(
            "no root",
            r"$|E[R - R_S]| \le M I/n$.",
            linear_in_information,
            bit,
        ),
        Mutant(
            "for every sample",
            r"$|E[R(W) - R_S(W) | S]| \le M\sqrt{I/(2n)}$ for every $S$.",
            for_every_sample,
            lambda: bit(
                chances=(Fraction(1, 10), Fraction(9, 10)),
                outputs=((Fraction(1), Fraction(0)), (Fraction(0), Fraction(1))),
            ),
        ),
        Mutant(
            "without the dimension",
            r"$I(S; W_T) \le \sum_t \frac12 \ln(1 + \eta_t^2L^2/\sigma_t^2)$ for every $d$.",
            without_dimension,
            lambda: bit(dimension=2),
        ),
    ),
)
