r"""A network with random weights errs little if it errs little in training and its weights stay near a prior.

**Theorem.** Let $P$ be a probability distribution of classifiers, fixed before $n \ge 1$ independent examples are drawn,
and $0 < \delta < 1$. With probability at least $1 - \delta$, every distribution $Q$ of classifiers, chosen after the data
or not, satisfies
$$\mathrm{kl}\big(\widehat R(Q) \,\|\, R(Q)\big) \le \frac{\mathrm{KL}(Q\|P) + \ln(2\sqrt n/\delta)}{n},$$
where $\widehat R(Q)$ and $R(Q)$ are the training error and the probability of error of a classifier drawn from $Q$, and
$\mathrm{kl}(a\|p) = a\ln\frac ap + (1-a)\ln\frac{1-a}{1-p}$. Hence $R(Q) \le \mathrm{kl}^{-1}(\widehat R(Q), c)$ with $c$ the
right side and $\mathrm{kl}^{-1}(a, c) = \sup\{p : \mathrm{kl}(a\|p) \le c\}$.

(draws) If $\widehat q$ is the average training error of $N$ independent draws from $Q$ and $0 < \eta < 1$, then
$\widehat R(Q) \le \mathrm{kl}^{-1}(\widehat q, \ln(1/\eta)/N)$ with probability at least $1 - \eta$ over the draws. Both together hold
with probability at least $1 - \delta - \eta$, and then
$R(Q) \le \mathrm{kl}^{-1}(\mathrm{kl}^{-1}(\widehat q, \ln(1/\eta)/N),\, c)$.

(Gaussian) For weights $Q = \mathcal N(w, \sigma^2 I)$ and $P = \mathcal N(w_0, \sigma^2 I)$ with $w_0, \sigma$ fixed before the data,
$\mathrm{KL}(Q\|P) = \|w - w_0\|^2/(2\sigma^2)$. For all $\sigma = 2^e$ with integer $e$ at once, $\ln(1/\delta)$ becomes
$\ln(1/\delta) + \ln 3 + |e| \ln 2$.

**Idea.** Let a classifier err with probability $p$. The mean of $e^{n\,\mathrm{kl}(k/n\|p)}$ over its number $k$ of training errors
does not depend on $p$: the factor turns $p^k(1-p)^{n-k}$ into $(\frac kn)^k(1-\frac kn)^{n-k}$, and the sum over $k$ is
$$\xi(n) = \sum_{k=0}^n \binom nk \Big(\frac kn\Big)^k \Big(1-\frac kn\Big)^{n-k} = \sum_{l=0}^n \prod_{i<l}\Big(1 - \frac in\Big) \le 2\sqrt n.$$
So the prior's mean of it has expectation at most $2\sqrt n$ and is, by Markov, at most $2\sqrt n/\delta$ but for a
probability $\delta$. Donsker and Varadhan's inequality changes the prior's mean into the mean under any $Q$ at the price
$\mathrm{KL}(Q\|P)$, and kl is jointly convex. The last two are cited, with Markov's inequality and Hoeffding's inequality
in kl form for (draws). Own argument for $\xi(n) \le 2\sqrt n$: $\prod_{i<l}(1-\frac in) \le e^{-l(l-1)/2n}$, and the terms with
$l \ge 2$ are below the integral of $e^{-x(x-1)/2n}$ from 1 on, so that
$\xi(n) \le \frac32 + e^{1/8n}\sqrt{\pi n/2}$, which is less than $2\sqrt n$ for $n \ge 5$; the first four values are
$2, \frac52, \frac{26}9, \frac{103}{32}$. A grid of $\sigma$ is a union bound with the weights $2^{-|e|}/3$.

**Reading.** The bound is about the *randomised* network, not about the one in the middle. The posterior is free, the
prior is not: its centre (the initialisation, say) and its width must be fixed or paid for. $\sigma$ is a
standard deviation; noise drawn with $\sigma^2$ in its place belongs to another $Q$. What a computer knows of $\widehat R(Q)$ are
draws, and their error probability $\eta$ is part of the statement. Catoni's bound with its parameter chosen after the
data is, at the best parameter, this bound without $2\sqrt n$; nobody gets that for free.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from flint import arb, fmpq
from hypothesis import strategies as st

from numerics.arithmetic.balls import ball
from numerics.arithmetic.exact import Matrix, rational
from numerics.arithmetic.kl import relative_entropy
from numerics.evidence.verdict import Verdict, at_most, decided, equal, every
from numerics.learning.margins import distributions
from numerics.learning.problems import rarely_fails
from numerics.learning.zero_one import counts, errors, exponential, samples
from numerics.strategies import sizes
from theorems import Citation, Claim, Mutant, Premise, Tight
from theorems.proof import Derivation
from theorems.proof.crosscheck import Model
from theorems.schemes import premises

# Proof.


def proof() -> Derivation:
    from theorems.cited import learning
    from theorems.cited import pac_bayes as cited
    from theorems.proof import at_least, at_most, calculus, equal, positive

    d = Derivation("PAC-Bayes kl bound")
    mu, F, P, E, pi, rho, u = d.matrices("mu: k 1", "F: k h", "P: q 1", "E: q h", "pi: h 1", "rho: h 1", "u: q 1")
    n, delta, xi, p = d.scalars("n delta xi p")
    G, K, D, a, b, Z = d.scalars("G K D a b Z")
    n_, delta_, Z_, x_ = (calculus.Var(x) for x in ("n", "delta", "Z", "x"))
    n_positive, delta_positive = d.given(positive(n)), d.given(positive(delta))
    m_, level_ = calculus.sqrt(n_), 2 * calculus.sqrt(n_) / delta_
    m, level = d.term(m_), d.term(level_)

    # One count: the factor turns the probability at p into the one at the observed rate (c = k/n, s = 1 - c, p = w, r = 1 - w).
    c, s, w, r = d.scalars("c s w r")
    signs = [d.given(positive(x)) for x in (c, s, w, r)]
    c_, s_, w_, r_ = (calculus.Var(x) for x in ("c", "s", "w", "r"))
    entropy = c_ * calculus.log(c_ / w_) + s_ * calculus.log(s_ / r_)
    law = [calculus.exp(n_ * c_ * calculus.log(x) + n_ * s_ * calculus.log(y)) for x, y in ((w_, r_), (c_, s_))]
    one_count = d.goal(equal(d.term(law[0]) * d.term(calculus.exp(n_ * entropy)), d.term(law[1])))
    turned = d.calculus_equal(law[0] * calculus.exp(n_ * entropy), law[1], [*signs, n_positive])
    d.algebra(one_count, [turned])

    # The prior's mean is beyond 2 sqrt(n)/delta with probability at most delta.
    drawn = d.given(learning.samples(P, mu, n))
    moments = d.given(cited.moments(E, F, mu, n))
    prior = d.given(cited.weights(pi), "the prior, fixed before the data")
    sum_ = d.given(cited.maurer(xi, n))
    tail = d.given(learning.beyond(p, E @ pi, P, level))
    _, (mean,) = d.axiom(
        cited.MOMENT, {"mu": mu, "F": F, "P": P, "E": E, "pi": pi, "n": n, "xi": xi}, [drawn, moments, prior, sum_]
    )
    _, (xi_positive, xi_small) = d.axiom(cited.MAURER_SUM, {"xi": xi, "n": n}, [sum_])
    root = d.calculus_equal(m_**2, n_, [n_positive])
    m_sign = d.calculus_increasing(x_, "x", calculus.term(0), m_, [n_positive])
    xi_below = d.smt(at_most(xi, 2 * m), [xi_positive, xi_small, root, m_sign])
    sign = d.given(cited.not_negative(E @ pi), "exponentials are positive")
    place = {"P": P, "X": E @ pi, "mu": mu, "n": n, "s": level, "p": p}
    _, (markov,) = d.axiom(cited.MARKOV, place, [drawn, sign, tail])
    scaled = d.calculus_equal(delta_ * level_, 2 * m_, [n_positive, delta_positive])
    # p level <= 2m and delta level = 2m > 0
    bad = d.goal(at_most(p, delta))
    m_positive = d.smt(positive(m), [m_sign, root, n_positive])
    total = d.smt(at_most(p * level, 2 * m), [d.squares(at_most(level * p, xi), [(1, markov), (1, mean)]), xi_below])
    d.smt(bad, [total, scaled, m_positive, delta_positive])

    # One weight, normal with mean w and variance s^2: the mean of the logarithm of the quotient of densities.
    first, second, centre = d.scalars("m_1 m_2 w_0")
    w_mean = d.given(equal(first, w))
    quotient = (second - 2 * centre * first + centre**2) - (second - 2 * w * first + w**2)
    d.algebra(d.goal(equal(quotient, (w - centre) ** 2)), [w_mean], reason="the variances cancel")

    # On any other sample u: every posterior rho.
    posterior = d.given(cited.weights(rho), "the posterior")
    marked = d.given(equal(Z, u.T @ (E @ pi)))
    Z_positive = d.given(positive(Z))
    good = d.given(at_most(Z, level), "the sample is not among the bad ones")
    logs = d.given(cited.mean_logarithm(G, E, rho, u))
    divergence = d.given(cited.divergence(K, rho, pi))
    observed = d.given(cited.training_error(a, F, rho, u, n))
    expected = d.given(equal(b, mu.T @ F @ rho), "probability of error")
    kl = d.given(cited.entropy(D, a, b))
    y, y_named = learning.logarithm_of(d, Z_)
    _, (change,) = d.axiom(
        cited.DONSKER_VARADHAN,
        {"E": E, "pi": pi, "rho": rho, "u": u, "G": G, "K": K, "Z": Z, "y": y},
        [prior, posterior, logs, divergence, marked, y_named],
    )
    place = {"mu": mu, "F": F, "E": E, "rho": rho, "u": u, "n": n, "G": G, "D": D, "a": a, "b": b}
    _, (convex,) = d.axiom(cited.CONVEXITY, place, [moments, posterior, logs, observed, expected, kl])
    grows = d.calculus_increasing(calculus.log(x_), "x", Z_, level_, [Z_positive, n_positive, delta_positive, good])
    bound = d.goal(at_most(n * D, K + d.term(calculus.log(level_))))
    d.squares(bound, [(1, convex), (1, change), (1, grows)])

    # The draws.
    N, eta, e, c_N = d.scalars("N eta e c_N")
    x, eta_named = learning.logarithm_of(d, calculus.Var("eta"))
    limit = d.given(at_least(N * c_N, -x), "N c is at least ln(1/eta)")
    few_draws = d.given(cited.draws(e, F, rho, u, n, N, c_N))
    place = {"F": F, "rho": rho, "u": u, "n": n, "N": N, "c": c_N, "x": x, "eta": eta, "e": e}
    _, (few,) = d.axiom(cited.HOEFFDING, place, [posterior, few_draws, eta_named, limit])
    both = d.goal(at_most(p + e, delta + eta))
    settled = d.proof_of(bad)
    assert settled is not None
    d.squares(both, [(1, settled), (1, few)])
    cited.evaluate_predicates(d)
    return d


# Check.


@dataclass(frozen=True)
class Randomised:
    r"""Finitely many classifiers on finitely many points, a prior and one posterior, at the levels $\delta$ and $\eta$.

    `losses` has a row of 0 and 1 for each classifier. With `copies` one point is drawn and repeated n times. With
    `adaptive` the prior is put on classifier number $i$ when point $i$ is drawn first: it is chosen after the data.
    """

    losses: tuple[tuple[int, ...], ...]
    chances: tuple[Fraction, ...]
    prior: tuple[Fraction, ...]
    posterior: tuple[Fraction, ...]
    n: int
    delta: Fraction
    draws: int = 1
    eta: Fraction = Fraction(1, 11)
    copies: bool = False
    adaptive: bool = False

    @property
    def errors(self) -> list[fmpq]:
        """The probability of error of each classifier."""
        return errors(self.losses, self.chances)

    def samples(self) -> Iterator[tuple[tuple[int, ...], fmpq]]:
        return samples(self.chances, self.n, self.copies)

    def rates(self, sample: tuple[int, ...]) -> list[fmpq]:
        """Training errors."""
        return [fmpq(k, self.n) for k in counts(self.losses, sample)]


def mean(weights: Sequence[Fraction], values: Sequence[fmpq]) -> fmpq:
    return sum((rational(w) * x for w, x in zip(weights, values, strict=True)), fmpq(0))


def xi(n: int) -> fmpq:
    r"""$\xi(n)$ by its second form, the sum of products."""
    total, term = fmpq(0), fmpq(1)
    for i in range(n + 1):
        total += term
        term *= 1 - fmpq(i, n)
    return total


def posteriors(t: Randomised, sample: tuple[int, ...]) -> list[tuple[fmpq, ...]]:
    """The given one, the prior, and the one that Donsker and Varadhan's inequality makes worst, besides the points."""
    values = [
        w * exponential(t.n, int((t.n * a).p), p)
        for w, a, p in zip(prior(t, sample), t.rates(sample), t.errors, strict=True)
    ]
    total = sum(values, fmpq(0))
    return [tuple(map(rational, t.posterior)), tuple(prior(t, sample)), tuple(v / total for v in values)]


def prior(t: Randomised, sample: tuple[int, ...]) -> list[fmpq]:
    if t.adaptive:
        return [fmpq(int(j == sample[0] % len(t.losses))) for j in range(len(t.losses))]
    return [rational(w) for w in t.prior]


def obeys(t: Randomised, sample: tuple[int, ...], price: Any) -> Verdict:
    """Whether every posterior has n kl(training error || error) <= KL + ln(price)."""
    weights, rates, errors = prior(t, sample), t.rates(sample), t.errors
    # All mass on one classifier: e^(n kl) pi > price, in rational numbers but for the price.
    verdicts = [
        at_most(exponential(t.n, int((t.n * a).p), p) * w, price)
        for a, p, w in zip(rates, errors, weights, strict=True)
    ]
    for rho in posteriors(t, sample):
        pairs = [(x, y) for x, y in zip(rho, weights, strict=True) if x > 0]
        if any(y == 0 for _, y in pairs) or len(pairs) == 1:
            continue
        K = sum((x * arb(x / y).log() for x, y in pairs), arb(0))
        a, b = (sum((x * v for x, v in zip(rho, values, strict=True)), fmpq(0)) for values in (rates, errors))
        verdicts.append(at_most(t.n * relative_entropy(a, b), K + arb(price).log()))
    return every(verdicts)


def fails_rarely(t: Randomised, price: Any) -> Verdict:
    """The probability, over all samples, that some posterior breaks the bound."""

    return rarely_fails(t.samples, lambda sample: obeys(t, sample, price()), t.delta)


def stated_price(t: Randomised) -> Any:
    return lambda: 2 * arb(t.n).sqrt() / ball(t.delta)


def moments_are_maurers(t: Randomised) -> Verdict:
    """The mean over all samples, one classifier at a time, against the second form of xi(n); and 2 sqrt(n)."""
    verdicts = [at_most(xi(t.n) ** 2, 4 * t.n, "Maurer's sum")]
    for j, p in enumerate(t.errors):
        moment = sum((w * exponential(t.n, int((t.n * t.rates(s)[j]).p), p) for s, w in t.samples()), fmpq(0))
        verdicts.append(equal(moment, xi(t.n) if 0 < p < 1 else 1, "moment"))
    return every(verdicts)


def draws_fail_rarely(t: Randomised, times: int = 1) -> Verdict:
    """For every sample: the mean of the drawn training errors is not too far below its expectation, with N times as many draws."""

    def for_rates(rates: tuple[fmpq, ...]) -> Verdict:
        law = {fmpq(0): fmpq(1)}
        for _ in range(t.draws):
            after: dict[fmpq, fmpq] = {}
            for (total, w), (x, v) in itertools.product(law.items(), zip(rates, t.posterior, strict=True)):
                after[total + x] = after.get(total + x, fmpq(0)) + w * rational(v)
            law = after
        middle = mean(t.posterior, rates)

        def near(total: fmpq) -> Verdict:
            if total >= t.draws * middle:
                return decided(True, "not below the mean")
            return at_most(relative_entropy(total / t.draws, middle), -ball(t.eta).log() / (times * t.draws))

        return rarely_fails(law.items, near, t.eta, "probability that the draws mislead")

    return every(for_rates(rates) for rates in {tuple(t.rates(s)) for s, _ in t.samples()})


def check(t: Randomised) -> Verdict:
    verdicts = [fails_rarely(t, stated_price(t)), draws_fail_rarely(t)]
    if not (t.copies or t.adaptive):
        verdicts.append(moments_are_maurers(t))
    return every(verdicts)


# Errors, priors and posteriors are quotients of numbers up to 12, so that levels with greater primes make no comparison a tie.
LEVELS = (Fraction(8, 17), Fraction(11, 19), Fraction(2, 19), Fraction(16, 17), Fraction(1, 101))


@st.composite
def problems(draw) -> Randomised:
    k, h = draw(sizes(1, 3)), draw(sizes(1, 3))
    n = draw(sizes(1, 4 if k < 3 else 3))

    losses = tuple(tuple(draw(st.integers(0, 1)) for _ in range(k)) for _ in range(h))
    return Randomised(
        losses,
        draw(distributions(k)),
        draw(distributions(h)),
        draw(distributions(h)),
        n,
        draw(st.sampled_from(LEVELS)),
        draw(sizes(1, 3)),
        draw(st.sampled_from([Fraction(1, 13), Fraction(13, 17)])),
    )


def interpret(t: Randomised) -> Model | None:
    """The good sample on which the worst posterior comes closest to the bound."""
    from theorems.cited.pac_bayes import lower_tail

    if not all(0 < p < 1 for p in t.errors):
        return None
    F = Matrix([[row[i] for row in t.losses] for i in range(len(t.chances))])
    drawn_samples = [s for s, _ in t.samples()]
    E = Matrix(
        [
            [exponential(t.n, int((t.n * a).p), p) for a, p in zip(t.rates(s), t.errors, strict=True)]
            for s in drawn_samples
        ]
    )
    pi = Matrix([[w] for w in t.prior])
    level = 2 * arb(t.n).sqrt() / ball(t.delta)
    X = E @ pi
    good = [i for i in range(len(drawn_samples)) if X[i, 0] <= level]
    if not good:
        return None
    here = max(good, key=lambda i: X[i, 0])
    s = drawn_samples[here]
    rho = [rational(x) for x in t.posterior]
    a, b = (mean(t.posterior, values) for values in (t.rates(s), t.errors))
    c_N = -ball(t.eta).log() / t.draws + fmpq(1, 1000)
    e = lower_tail(t.rates(s), list(rho), t.draws, c_N)
    c, w = fmpq(1, t.n + 1), t.errors[0]
    return Model(
        {
            "mu": Matrix([[x] for x in t.chances]),
            "F": F,
            "E": E,
            "pi": pi,
            "rho": Matrix([[x] for x in rho]),
            "P": Matrix([[p] for _, p in t.samples()]),
            "u": Matrix([[int(i == here)] for i in range(len(drawn_samples))]),
            "n": t.n,
            "delta": t.delta,
            "xi": xi(t.n),
            "Z": X[here, 0],
            "a": a,
            "b": b,
            "p": sum((p for i, (_, p) in enumerate(t.samples()) if not X[i, 0] <= level), fmpq(0)),
            "G": sum((x * arb(E[here, j]).log() for j, x in enumerate(rho)), arb(0)),
            "K": sum((x * arb(x / rational(y)).log() for x, y in zip(rho, t.prior, strict=True)), arb(0)),
            "D": relative_entropy(a, b),
            "c": c,
            "s": 1 - c,
            "w": w,
            "r": 1 - w,
            "m_1": w,
            "m_2": 1 + w**2,
            "w_0": 2,
            "N": t.draws,
            "eta": t.eta,
            "c_N": c_N,
            "e": e if e is not None else 0,
        }
    )


def stratum(t: Randomised) -> str:
    if not all(0 < p < 1 for p in t.errors):
        return "a classifier never or always errs"
    return "one classifier" if len(t.losses) == 1 else "generic"


# Colophon.


def coin(n: int = 1, delta: Fraction = Fraction(3, 5), **change: Any) -> Randomised:
    """One input with both labels, and a constant classifier."""
    half = Fraction(1, 2)
    values: dict[str, Any] = {"losses": ((0, 1),), "prior": (Fraction(1),), "posterior": (Fraction(1),)} | change
    return Randomised(chances=(half, half), n=n, delta=delta, **values)


def memorisers() -> Randomised:
    """Classifier i is right on point i alone, and the prior sits on it when that point is drawn."""
    fifth = (Fraction(1, 5),) * 5
    losses = tuple(tuple(int(i != j) for j in range(5)) for i in range(5))
    return Randomised(losses, fifth, fifth, fifth, 1, Fraction(1, 2), adaptive=True)


def both_constants() -> dict[str, Any]:
    half = Fraction(1, 2)
    return {"losses": ((0, 1), (1, 0)), "prior": (half, half), "posterior": (half, half)}


def shown(t: Randomised) -> str:
    """The numbers that show a counterexample."""
    lines = []
    for s, chance in itertools.islice(t.samples(), 3):
        a, p, w = max(
            zip(t.rates(s), t.errors, prior(t, s), strict=True),
            key=lambda x: float(relative_entropy(x[0], x[1])) if x[2] else -1,
        )
        left = t.n * relative_entropy(a, p)
        right = stated_price(t)().log() - arb(w).log()
        points = f"point {s[0]}, {t.n} times" if t.copies else f"points {s}"
        lines.append(
            f"{points} (probability {chance}): training error {a}, error {p}: n kl = {left.str(4, radius=False)}, "
            f"but KL + ln(2 sqrt(n)/delta) = {right.str(4, radius=False)}"
        )
    return "\n".join(lines)


def swapped(t: Randomised) -> Verdict:
    """The bound with kl(error || training error), for the posterior that is the prior."""

    def holds(s: tuple[int, ...]) -> Verdict:
        a, b = (mean(t.prior, values) for values in (t.rates(s), t.errors))
        return at_most(t.n * relative_entropy(b, a), stated_price(t)().log())

    return rarely_fails(t.samples, holds, t.delta)


def without_draw_term(t: Randomised) -> Verdict:
    """That the error is below the bound with the error of one draw in place of the training error, draws and data together."""
    error = mean(t.posterior, t.errors)

    def draws() -> Iterator[tuple[fmpq, fmpq]]:
        for s, chance in t.samples():
            yield from ((a, chance * rational(w)) for a, w in zip(t.rates(s), t.posterior, strict=True))

    def holds(a: fmpq) -> Verdict:
        if a >= error:
            return decided(True, "not below the error")
        K = sum((rational(x) * arb(rational(x / y)).log() for x, y in zip(t.posterior, t.prior, strict=True)), arb(0))
        return at_most(t.n * relative_entropy(a, error), K + stated_price(t)().log())

    return rarely_fails(draws, holds, t.delta + t.eta)


def without_divergence(t: Randomised) -> Verdict:
    """The bound without KL, for all mass on one classifier."""

    def holds(s: tuple[int, ...]) -> Verdict:
        price = stated_price(t)()
        return every(
            at_most(exponential(t.n, int((t.n * a).p), p), price) for a, p in zip(t.rates(s), t.errors, strict=True)
        )

    return rarely_fails(t.samples, holds, t.delta)


def right_and_wrong(n: int, delta: Fraction, **change: Any) -> Randomised:
    """One point, a classifier that is right and one that is wrong, equally likely in prior and posterior."""
    half = (Fraction(1, 2),) * 2
    return Randomised(((0,), (1,)), (Fraction(1),), half, half, n, delta, **change)


# Bounds.


claim = Claim(
    __name__,
    __doc__,
    source=Citation("maurer2004note", "the bound in kl form with 2 sqrt(n)"),
    also=(Citation("hoeffding1963probability", "pp. 13-30"), Citation("sneiderman2026formalslt", "MaurerKL.lean")),
    premises=(
        premises.independent(without=lambda: coin(10, Fraction(2, 5), copies=True, **both_constants()), show=shown),
        Premise(
            "prior before the data",
            "The prior $P$ does not depend on the examples.",
            holds=lambda t: not t.adaptive,
            without=memorisers,
            show=shown,
        ),
        Premise(
            "probabilities",
            r"$0 < \delta, \eta < 1$.",
            holds=lambda t: 0 < t.delta < 1 and 0 < t.eta < 1,
            kind="typing",
            why="they are the probabilities that the data or the draws mislead",
        ),
    ),
    derivation=proof,
    interpret=interpret,
    instances=problems,
    check=check,
    stratum=stratum,
    beyond="the posterior that is worst by Donsker and Varadhan, and all points, on every sample; the second form of xi(n)",
    tight=(
        Tight(
            "one example",
            coin,
            lambda t: equal(xi(t.n) ** 2, 4 * t.n),
        ),
    ),
    mutants=(
        Mutant(
            "root without 2",
            r"$\ln(\sqrt n/\delta)$ in place of $\ln(2\sqrt n/\delta)$.",
            lambda t: fails_rarely(t, lambda: arb(t.n).sqrt() / ball(t.delta)),
            coin,
        ),
        Mutant(
            "parameter for free",
            r"$\ln(1/\delta)$ in place of $\ln(2\sqrt n/\delta)$: Catoni's bound at the parameter that is best for the data.",
            lambda t: fails_rarely(t, lambda: 1 / ball(t.delta)),
            lambda: coin(2, Fraction(3, 10)),
        ),
        Mutant(
            "no divergence",
            r"$n\,\mathrm{kl} \le \ln(2\sqrt n/\delta)$ for every posterior.",
            without_divergence,
            memorisers,
        ),
        Mutant(
            "arguments swapped",
            r"$\mathrm{kl}(R(Q)\|\widehat R(Q))$ on the left.",
            swapped,
            coin,
        ),
        Mutant(
            "draws taken for the training error",
            r"$R(Q) \le \mathrm{kl}^{-1}(\widehat q, c)$ with probability $1 - \delta - \eta$.",
            without_draw_term,
            lambda: right_and_wrong(10, Fraction(1, 10)),
        ),
        Mutant(
            "half the price of the draws",
            r"$\widehat R(Q) \le \mathrm{kl}^{-1}(\widehat q, \ln(1/\eta)/(2N))$.",
            lambda t: draws_fail_rarely(t, 2),
            lambda: right_and_wrong(1, Fraction(1, 2), eta=Fraction(3, 10)),
        ),
    ),
)
