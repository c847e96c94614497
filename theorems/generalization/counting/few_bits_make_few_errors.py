r"""A network that can be written in few bits errs little beyond its training error.

**Theorem.** Let $h_1, h_2, \dots$ be classifiers with weights $\pi_i > 0$, $\sum_i \pi_i \le 1$, both fixed before $n \ge 1$
independent examples are drawn, let $p_i$ be the probability of error and $a_i$ the training error of $h_i$, and
$0 < \delta < 1$. With probability at least $1 - \delta$ all $i$ satisfy
$$p_i \le U(n a_i, n, \pi_i\delta) \le \mathrm{kl}^{-1}(a_i, c_i) \le a_i + \sqrt{c_i/2}, \qquad
  c_i = \frac{\ln(1/\pi_i) + \ln(1/\delta)}{n},$$
with $U(k, n, \eta) = \sup\{p : \Pr[\mathrm{Bin}(n, p) \le k] \ge \eta\}$ and
$\mathrm{kl}^{-1}(a, c) = \sup\{p : \mathrm{kl}(a\|p) \le c\}$.

(quantised) Networks of one architecture whose $N$ weights are taken from grids of $r$ numbers, fixed in advance, may have
the weight $\pi = r^{-N}$; those of all $r = 2^b$, $b \ge 1$, and all grid ranges $2^e$, $e \in \mathbb Z$, at once
$\pi = 2^{-bN}/(3 \cdot 2^{|e|}\, b (b+1))$.

(margin) If $|f(x)_j - g(x)_j| \le \gamma/2$ for every training example and every class $j$, then
$M(g(x), y) \ge M(f(x), y) - \gamma$, so the training error of $g$ (ties counted) is at most the share of examples with
$M(f(x_i), y_i) \le \gamma$. The bound is about $g$, which is one of the $h_i$, and says nothing of $f$.

**Idea.** For one classifier, $p_i$ is above the limit at level $\pi_i\delta$ with probability at most $\pi_i\delta$: that is
`generalization.errors_on_a_test_set_bound_the_error`, because a classifier that is fixed in advance may be tested on the
training examples. The union over all classifiers costs $\sum_i \pi_i\delta \le \delta$. The root form is Pinsker's inequality
$\mathrm{kl}(a\|p) \ge 2(p-a)^2$: the derivative of the difference in $p$ is $(p-a)(1-2p)^2/(p(1-p)) \ge 0$. For (margin)
the score of the label falls by at most $\gamma/2$ and each other rises by at most $\gamma/2$. What is cited is that page,
in the form of a predicate: the kernel cannot yet pass families on from a lemma.

**Reading.** $N$ weights of $b$ bits cost $N b \ln 2$ against $n$ examples, so that the bound says something when the network is
smaller, in bits, than the training set is long. A grid, a range or a number of bits chosen after training is paid for by its
share of $\pi$. Compression bounds in the style of Arora and others certify the compressed network $g$; reading them as a bound
for the network $f$ that was compressed is a mistake.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

from flint import arb, fmpq
from hypothesis import strategies as st

from numerics.arithmetic.balls import decide
from numerics.arithmetic.exact import Matrix, rational
from numerics.evidence.verdict import Verdict, at_least, at_most, equal, every
from numerics.learning.margins import distributions
from numerics.learning.problems import rarely_fails
from numerics.learning.zero_one import counts, errors, exponential, samples, tail
from numerics.strategies import matrices, rationals, sizes
from theorems import Citation, Claim, Mutant, Premise, Tight
from theorems.cited import counting
from theorems.proof import Derivation
from theorems.proof.crosscheck import Model

# Proof.


def proof() -> Derivation:
    from theorems.proof import at_least, at_most, calculus, equal, positive
    from theorems.proof.sums import Total, each, induction

    d = Derivation("few bits make few errors")
    H = d.index_constant("H")
    n, delta = d.scalars("n delta")
    delta_positive = d.given(positive(delta))

    # The union over h_1, ..., h_H: b[i] is the probability that h_i breaks its bound, V[i] that one of the first i does.
    p, b, pi, V, S = (d.family(f"{name}[i]: 1 1", "i") for name in ("p", "b", "pi", "V", "S"))
    weights = each(d, positive(pi("i")), H)
    shares = Total(d, S, pi, H)
    all_shares = d.given(at_most(S(H), 1))
    tested = each(d, counting.beyond_limit(b("i"), p("i"), pi("i") * delta, n), H)
    nothing = d.given(equal(V("0"), 0))
    union = each(d, at_most(V("i"), V("i-1") + b("i")), H, name="probabilities are subadditive")

    def add(supposed, k):
        level = d.squares(positive(pi(k) * delta), [(1, d.at(weights, k), delta_positive)])
        place = {"b": b(k), "p": p(k), "eta": pi(k) * delta, "n": n}
        _, (rare,) = d.axiom(counting.TEST_LIMIT, place, [d.at(tested, k), level])
        return d.squares(at_most(V(k), S(k) * delta), [(1, supposed), (1, d.at(union, k)), (1, rare)], [shares.at(k)])

    base = d.squares(at_most(V("0"), S("0") * delta), [], [nothing, shares.empty])
    total = d.at(induction(d, lambda k: at_most(V(k), S(k) * delta), add, "j", H, base), H)
    d.squares(d.goal(at_most(V(H), delta)), [(1, total), (1, all_shares, delta_positive)])

    # Pinsker's inequality, for 0 < a <= q < 1.
    a, q = d.scalars("a q")
    a_, q_, x_ = (calculus.Var(x) for x in "aqx")
    inside = [d.given(positive(a)), d.given(at_most(a, q)), d.given(positive(1 - q))]
    kl = a_ * calculus.log(a_ / x_) + (1 - a_) * calculus.log((1 - a_) / (1 - x_))
    difference = kl - 2 * (x_ - a_) ** 2
    grows = d.calculus_increasing(difference, "x", a_, q_, inside)
    start = d.calculus_equal(calculus.substitute(kl, "x", a_), calculus.term(0), inside)
    value = d.term(calculus.substitute(kl, "x", q_))
    d.squares(d.goal(at_least(value, 2 * (q - a) ** 2)), [(1, grows)], [start])

    # The margin: y marks the label, i the best wrong class of f and j that of g.
    f, g, y, i, j = d.matrices("f: c 1", "g: c 1", "y: c 1", "i: c 1", "j: c 1")
    gamma = d.scalar("gamma")
    best = d.given(at_least(i.T @ f, j.T @ f), "i is the best wrong class of f")
    label = d.given(at_least(2 * (y.T @ g), 2 * (y.T @ f) - gamma), "the score of the label is close")
    wrong = d.given(at_most(2 * (j.T @ g), 2 * (j.T @ f) + gamma), "the score of j is close")
    margin = d.goal(at_least(y.T @ g - j.T @ g, y.T @ f - i.T @ f - gamma))
    half = Fraction(1, 2)
    d.squares(margin, [(1, best), (half, label), (half, wrong)])

    d.model_predicate(
        "b is the probability that p is above the limit at level eta",
        lambda b, p, eta, n: bool(b == chance_beyond(int(n.p), p, eta)),
    )
    return d


def chance_beyond(n: int, p: fmpq, eta: fmpq) -> fmpq:
    r"""$\Pr[p > U(K, n, \eta)]$, by the counts where the tail is below $\eta$."""
    law = [math.comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(n + 1)]
    return sum((w for k, w in enumerate(law) if tail(n, p, k) < eta), fmpq(0))


# Check.


@dataclass(frozen=True)
class Described:
    r"""Classifiers with weights $\pi_i$ on finitely many points, and scores $f$, $g$ of labelled training examples.

    With `copies` one point is drawn and repeated n times. With `adaptive` only classifier number $i$ is in the class, with
    weight 1, when point $i$ is drawn first: the class is fixed after the data.
    """

    losses: tuple[tuple[int, ...], ...]
    chances: tuple[Fraction, ...]
    weights: tuple[Fraction, ...]
    n: int
    delta: Fraction
    f: Matrix = field(default_factory=lambda: Matrix([[1, 0]]))
    g: Matrix = field(default_factory=lambda: Matrix([[1, 0]]))
    labels: tuple[int, ...] = (0,)
    gamma: Fraction = Fraction(1)
    copies: bool = False
    adaptive: bool = False

    def in_play(self, sample: tuple[int, ...]) -> list[tuple[int, Fraction]]:
        """The classifiers with their weights, when this sample was drawn."""
        return [(sample[0], Fraction(1))] if self.adaptive else list(enumerate(self.weights))


def fails_rarely(t: Described, breaks: Any) -> Verdict:
    """The probability that `breaks(errors, n, probability of error, level)` of some classifier, over all samples."""
    ps = errors(t.losses, t.chances)

    def holds(sample: tuple[int, ...]) -> Verdict:
        ks = counts(t.losses, sample)
        return every(~breaks(ks[i], t.n, ps[i], rational(w * t.delta)) for i, w in t.in_play(sample))

    return rarely_fails(lambda: samples(t.chances, t.n, t.copies), holds, t.delta)


def exact(k: int, n: int, p: fmpq, level: fmpq) -> Verdict:
    return ~at_least(tail(n, p, k), level)


def in_kl(k: int, n: int, p: fmpq, level: fmpq) -> Verdict:
    # e^(n kl) is rational
    return ~at_most(exponential(n, k, p) * level, 1) if k < n * p else ~at_most(0, 0)


def by_root(k: int, n: int, p: fmpq, level: fmpq, factor: int = 2) -> Verdict:
    return ~at_most((p - fmpq(k, n)) ** 2 * (factor * n), -arb(level).log()) if k < n * p else ~at_most(0, 0)


def margin(scores: Matrix, i: int, label: int) -> fmpq:
    return scores[i, label] - max(scores[i, c] for c in range(scores.cols) if c != label)


def errors_of_g(t: Described) -> int:
    """Ties count."""
    return sum(margin(t.g, i, y) <= 0 for i, y in enumerate(t.labels))


def small_margins_of_f(t: Described) -> int:
    return sum(margin(t.f, i, y) <= rational(t.gamma) for i, y in enumerate(t.labels))


def check(t: Described) -> Verdict:
    verdicts = [fails_rarely(t, form) for form in (exact, in_kl, by_root)]
    for p in errors(t.losses, t.chances):
        for k in range(t.n):
            if 0 < k < t.n * p and p < 1:
                # each form contains the one before: tail <= e^(-n kl) <= e^(-2n (p - a)^2)
                verdicts.append(at_most(tail(t.n, p, k) * exponential(t.n, k, p), 1, "Chernoff"))
                verdicts.append(decide(lambda _, k=k, p=p: pinsker(t.n, k, p)))
    verdicts.append(at_most(errors_of_g(t), small_margins_of_f(t), "errors of g and margins of f"))
    for i, y in enumerate(t.labels):
        verdicts.append(at_least(margin(t.g, i, y), margin(t.f, i, y) - rational(t.gamma), "margin"))
    return every(verdicts)


def pinsker(n: int, k: int, p: fmpq) -> Verdict:
    return at_least(arb(exponential(n, k, p)).log(), arb(2 * n * (p - fmpq(k, n)) ** 2), "Pinsker")


def distance(t: Described) -> fmpq:
    """The greatest difference of a score."""
    return max(abs(x) for x in (t.f - t.g).entries())


@st.composite
def descriptions(draw) -> Described:
    k, h = draw(sizes(1, 3)), draw(sizes(1, 3))
    chances = draw(distributions(k))
    shares = [draw(st.integers(1, 3)) for _ in range(h)]
    spare = draw(st.integers(0, 2))
    f = draw(matrices(draw(sizes(1, 3)), draw(sizes(2, 3))))
    g = f + draw(matrices(*f.shape)) / draw(st.sampled_from([1, 8]))
    t = Described(
        tuple(tuple(draw(st.integers(0, 1)) for _ in range(k)) for _ in range(h)),
        chances,
        tuple(Fraction(x, sum(shares) + spare) for x in shares),
        draw(sizes(1, 4 if k < 3 else 3)),
        draw(st.sampled_from([Fraction(3, 5), Fraction(1, 11), Fraction(10, 11)])),
        f,
        g,
        tuple(draw(st.integers(0, f.cols - 1)) for _ in range(f.rows)),
    )
    least = 2 * distance(t)
    gamma = Fraction(int(least.p), int(least.q)) + draw(st.sampled_from([Fraction(0), abs(draw(rationals()))]))
    return replace(t, gamma=gamma or Fraction(1, 3))


def interpret(t: Described) -> Model | None:
    """All classifiers; Pinsker at the first that may err less in training; the margin of the first example."""
    ps = errors(t.losses, t.chances)
    pairs = [(k, p) for p in ps for k in range(1, t.n) if k <= t.n * p and p < 1]
    if not pairs:
        return None
    k, p = pairs[0]
    y = t.labels[0]
    values: dict[str, Any] = {"n": t.n, "delta": t.delta, "a": fmpq(k, t.n), "q": p, "V[0]": 0, "S[0]": 0}
    total = fmpq(0)
    broken: set[int] = set()
    drawn = list(samples(t.chances, t.n))
    for i, w in enumerate(t.weights, 1):
        eta = rational(w * t.delta)
        broken |= {
            number for number, (s, _) in enumerate(drawn) if tail(t.n, ps[i - 1], counts(t.losses, s)[i - 1]) < eta
        }
        total += rational(w)
        values |= {f"p[{i}]": ps[i - 1], f"b[{i}]": chance_beyond(t.n, ps[i - 1], eta), f"pi[{i}]": w, f"S[{i}]": total}
        values[f"V[{i}]"] = sum((drawn[number][1] for number in broken), fmpq(0))

    def unit(c: int) -> Matrix:
        return Matrix([[int(e == c)] for e in range(t.f.cols)])

    def best(scores: Matrix) -> int:
        return max((c for c in range(t.f.cols) if c != y), key=lambda c: scores[0, c])

    values |= {"f": t.f[0, :].T, "g": t.g[0, :].T, "y": unit(y), "i": unit(best(t.f)), "j": unit(best(t.g))}
    return Model(values | {"gamma": t.gamma}, {"H": len(t.weights)})


def stratum(t: Described) -> str:
    if 2 * distance(t) == rational(t.gamma):
        return "as far apart as allowed"
    return "one classifier" if len(t.losses) == 1 else "generic"


# Colophon.

HALF = Fraction(1, 2)


def coin(n: int = 1, delta: Fraction = Fraction(2, 5), **change: Any) -> Described:
    """One input with both labels and a constant classifier."""
    return replace(Described(((0, 1),), (HALF, HALF), (Fraction(1),), n, delta), **change)


def constants(n: int, **change: Any) -> Described:
    """One input with both labels, and both constant classifiers."""
    return replace(coin(n), losses=((0, 1), (1, 0)), weights=(HALF, HALF), **change)


def memorisers(**change: Any) -> Described:
    """Classifier i is right on point i alone, of twenty equally likely points."""
    losses = tuple(tuple(int(i != j) for j in range(20)) for i in range(20))
    share = (Fraction(1, 20),) * 20
    return replace(Described(losses, share, share, 1, HALF), **change)


def too_far() -> Described:
    """f has margin 3/2 and g, at distance 1 = gamma from it, errs."""
    return replace(coin(), f=Matrix([["3/2", 0]]), g=Matrix([["1/2", 1]]))


def shown(t: Described) -> str:
    """The numbers that show a counterexample."""
    if 2 * distance(t) > rational(t.gamma):
        return (
            f"f = {t.f[0, 0]}, {t.f[0, 1]} has margin {margin(t.f, 0, 0)} > gamma = {t.gamma} at label 0\n"
            f"g = {t.g[0, 0]}, {t.g[0, 1]} is within {distance(t)} and has margin {margin(t.g, 0, 0)}: it errs"
        )
    lines = []
    for s, chance in list(samples(t.chances, t.n, t.copies))[:2]:
        i, w = min(t.in_play(s), key=lambda x: counts(t.losses, s)[x[0]])
        k, p = counts(t.losses, s)[i], errors(t.losses, t.chances)[i]
        level = rational(w * t.delta)
        lines.append(
            f"points {s} (probability {chance}): {k} errors of {t.n}, probability of error {p}, and yet "
            f"Pr[Bin <= {k}] = {tail(t.n, p, k)} < pi delta = {level}"
        )
    return "\n".join(lines)


def without_weights(t: Described) -> Verdict:
    """The bound at level delta for every classifier."""
    return fails_rarely(replace(t, weights=(Fraction(1),) * len(t.weights)), in_kl)


def without_root(k: int, n: int, p: fmpq, level: fmpq) -> Verdict:
    return ~at_most((p - fmpq(k, n)) * (2 * n), -arb(level).log()) if k < n * p else ~at_most(0, 0)


def holds_for_f(t: Described) -> Verdict:
    """The bound of one perfect g for the network f that equals g on the training examples and errs elsewhere."""

    def holds(sample: tuple[int, ...]) -> Verdict:
        right = sum((rational(t.chances[i]) for i in set(sample)), fmpq(0))
        return at_least(right**t.n, t.delta)

    return rarely_fails(lambda: samples(t.chances, t.n), holds, t.delta)


def ramp_is_enough(t: Described) -> Verdict:
    """The training error of g below the ramp risk of f."""
    ramps = [1 - min(max(margin(t.f, i, y) / rational(t.gamma), fmpq(0)), fmpq(1)) for i, y in enumerate(t.labels)]
    return at_most(errors_of_g(t), sum(ramps, fmpq(0)))


# Bounds.


claim = Claim(
    __name__,
    __doc__,
    source=Citation("langford2005tutorial", "abstract"),
    also=(Citation("arora2018stronger", "abstract"),),
    premises=(
        Premise(
            "independent",
            "The examples are drawn independently.",
            holds=lambda t: not t.copies,
            without=lambda: constants(10, copies=True),
            show=shown,
        ),
        Premise(
            "described before the data",
            r"The classifiers and the weights $\pi_i$ are fixed before the examples are drawn.",
            holds=lambda t: not t.adaptive,
            without=lambda: memorisers(adaptive=True),
            show=shown,
        ),
        Premise(
            "half the margin",
            r"No score of a training example differs by more than $\gamma/2$ between $f$ and $g$.",
            holds=lambda t: 2 * distance(t) <= rational(t.gamma),
            without=too_far,
            show=shown,
        ),
        Premise(
            "weights",
            r"$\pi_i > 0$, $\sum_i \pi_i \le 1$ and $0 < \delta < 1$.",
            holds=lambda t: min(t.weights) > 0 and sum(t.weights) <= 1 and 0 < t.delta < 1,
            kind="typing",
            why="they are shares of the probability that the bound fails",
        ),
    ),
    derivation=proof,
    interpret=interpret,
    instances=descriptions,
    check=check,
    stratum=stratum,
    beyond="all three forms on every sample of an explicit class at once, and that each contains the one before",
    tight=(
        Tight(
            "as far apart as allowed",
            lambda: replace(coin(), f=Matrix([["3/2", 0]]), g=Matrix([[1, "1/2"]])),
            lambda t: equal(margin(t.g, 0, 0), margin(t.f, 0, 0) - rational(t.gamma)),
        ),
    ),
    mutants=(
        Mutant(
            "nobody pays for the choice",
            r"$c = \ln(1/\delta)/n$ for every classifier.",
            without_weights,
            memorisers,
        ),
        Mutant(
            "half the price",
            r"$p_i \le a_i + \sqrt{c_i/4}$.",
            lambda t: fails_rarely(t, lambda *x: by_root(*x, factor=4)),
            coin,
        ),
        Mutant(
            "no root",
            r"$p_i \le a_i + c_i/2$.",
            lambda t: fails_rarely(t, without_root),
            coin,
        ),
        Mutant(
            "the whole margin",
            r"$|f(x)_j - g(x)_j| \le \gamma$ is close enough.",
            lambda t: (
                at_most(errors_of_g(t), small_margins_of_f(t)) if distance(t) <= rational(t.gamma) else at_most(0, 0)
            ),
            too_far,
        ),
        Mutant(
            "ramp risk",
            r"The training error of $g$ is at most the ramp risk of $f$ at $\gamma$.",
            ramp_is_enough,
            lambda: replace(coin(), f=Matrix([["9/10", 0]]), g=Matrix([["2/5", "1/2"]])),
        ),
        Mutant(
            "a bound for the network that was compressed",
            r"The bound for $g$ holds for every $f$ with the same training errors.",
            holds_for_f,
            memorisers,
        ),
    ),
)
