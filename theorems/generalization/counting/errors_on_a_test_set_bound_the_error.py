r"""Errors on a test set bound the probability of error by the inverse of a binomial tail, and by its Chernoff form.

**Theorem.** Let a classifier with probability of error $p$ be fixed before $m \ge 1$ independent test examples are drawn,
$K$ the number of its errors on them, and $F_k(p) = \sum_{i \le k} \binom mi p^i (1-p)^{m-i}$. For $0 < \delta < 1$ and
$0 \le k \le m$ put
$$U(k) = \sup\{p \in [0, 1] : F_k(p) \ge \delta\}, \qquad
  V(k) = \sup\{p \in [\tfrac km, 1] : \mathrm{kl}(\tfrac km \| p) \le \tfrac1m \ln\tfrac1\delta\},$$
$\mathrm{kl}(a \| p) = a \ln\frac ap + (1-a) \ln\frac{1-a}{1-p}$. Then

(exact) $\Pr[p > U(K)] \le \delta$;

(chernoff) $F_k(p) \le e^{-m\, \mathrm{kl}(k/m \| p)}$ for $\frac km \le p$; hence $U(k) \le V(k)$ and $\Pr[p > V(K)] \le \delta$.

At the ends both limits are $U(0) = V(0) = 1 - \delta^{1/m}$ and $U(m) = V(m) = 1$.

**Idea.** Above $U(k)$ the tail $F_k(p)$ is below $\delta$. Go through the counts $k = 0, \dots, m$ and add up the probability
of those with $p > U(k)$: the sum $S_k$ never exceeds $F_k(p)$, and it only grows at counts with $F_k(p) < \delta$, where
$S_k \le F_k(p) < \delta$. So it ends at most at $\delta$, by induction and for every distribution of $K$ that has these tails.
For the Chernoff form compare the counts $i \le k$ under $p$ and under $a = k/m \le p$. At $i = k$ the probabilities
differ by the factor $e^{-m\,\mathrm{kl}(a\|p)}$, and each step down multiplies the quotient by
$\frac{a(1-p)}{p(1-a)} \le 1$; so $F_k(p) \le e^{-m\,\mathrm{kl}(a\|p)} F_k(a)$, and $F_k(a) \le 1$. Nothing is cited. The formal
proof has $0 < k < m$; for $k = 0$ both sides of (chernoff) are $(1-p)^m$, and for $k = m$ it says $1 \le 1$, because then $p = 1$.

**Reading.** This is the bound to compare all others with: it knows nothing of the network and costs a test set that is used
once. $U$ is the upper limit of Clopper and Pearson with all of $\delta$ on one side. The classifier must not
depend on the test set: the best of several, chosen on it, is not covered (divide $\delta$ by their number then). Reporting
the middle of a bisection for $V$, in place of its upper end, gives a number below the limit about every second time.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any

from flint import arb, fmpq
from hypothesis import strategies as st

from numerics.arithmetic.balls import decide
from numerics.arithmetic.binomial import binomial_upper_limit
from numerics.arithmetic.exact import rational
from numerics.arithmetic.kl import kl_inverse, relative_entropy
from numerics.evidence.verdict import Verdict, at_most, decided, equal, every
from numerics.strategies import sizes
from theorems import Citation, Claim, Mutant, Premise, Tight
from theorems.proof import Derivation
from theorems.proof.crosscheck import Model
from theorems.schemes import premises

# Proof.


def proof() -> Derivation:
    from theorems.proof import at_most, calculus, equal, nonnegative, positive, zero
    from theorems.proof.sums import each, induction

    d = Derivation("errors on a test set")
    N = d.index_constant("n", at_least="0")  # counts run from 0 to n
    B, F, S, c = (d.family(f"{name}[i]: 1 1", "i") for name in "BFSc")
    delta = d.scalar("delta")
    delta_positive = d.given(positive(delta))

    # (exact): B[i] is the probability of i errors, F its sums, c[i] = 1 where p > U(i), S the probability of those.
    likely = each(d, nonnegative(B("i")), N, low="0")
    first = d.given(equal(F("0"), B("0"))), d.given(equal(S("0"), c("0") * B("0")))
    tails = each(d, equal(F("i"), F("i-1") + B("i")), N)
    sums = each(d, equal(S("i"), S("i-1") + c("i") * B("i")), N)
    marks = each(d, zero(c("i") * (1 - c("i"))), N, low="0")
    beyond = each(d, nonnegative(c("i") * (delta - F("i"))), N, low="0", name="above U(i) the tail is below delta")
    exact = d.goal(at_most(S(N), delta))

    def by_mark(relation, k, facts):
        """The relation at count k, for c[k] = 0 and for c[k] = 1."""
        facts = [*facts, d.at(likely, k), d.at(beyond, k)]
        unmarked = d.suppose(zero(c(k)))
        marked = d.suppose(unmarked.relation.negation)
        one = d.smt(equal(c(k), 1), [marked, d.at(marks, k)])
        branches = ((unmarked, unmarked), (marked, one))
        return d.cases([(case, d.smt(relation, [value, *facts])) for case, value in branches])

    def below_tail(k):
        return at_most(S(k), F(k))

    def below_delta(k):
        return at_most(S(k), delta)

    base = by_mark(below_tail("0"), "0", list(first))
    under = induction(
        d, below_tail, lambda s, k: by_mark(below_tail(k), k, [s, d.at(tails, k), d.at(sums, k)]), "j", N, base
    )
    base = by_mark(below_delta("0"), "0", [*first, delta_positive])
    last = induction(
        d,
        below_delta,
        lambda s, k: by_mark(below_delta(k), k, [s, d.at(under, k), d.at(sums, k)]),
        "l",
        N,
        base,
    )
    d.weaken(d.at(last, N), exact)

    # (chernoff) at the count k, a = k/m, b = 1 - a, r = 1 - p: A[i] are the probabilities at a, G their sums.
    k = d.index_constant("k", at_most=N)
    A, G, w = (d.family(f"{name}[i]: 1 1", "i") for name in "AGw")
    m, p, r, a, b, C = d.scalars("m p r a b C")
    m_, p_, r_, a_, b_, delta_ = (calculus.Var(x) for x in ("m", "p", "r", "a", "b", "delta"))
    signs = [d.given(positive(x)) for x in (p, r, a, b, m)]
    p_positive, r_positive, a_positive = signs[:3]
    total_p, total_a = d.given(equal(p + r, 1)), d.given(equal(a + b, 1))
    order = d.given(at_most(a, p))
    entropy = a_ * calculus.log(a_ / p_) + b_ * calculus.log(b_ / r_)
    at_p = calculus.exp(m_ * a_ * calculus.log(p_) + m_ * b_ * calculus.log(r_))
    at_a = calculus.exp(m_ * a_ * calculus.log(a_) + m_ * b_ * calculus.log(b_))
    factor_ = calculus.exp(-(m_ * entropy))
    E = d.term(factor_)
    top_p = d.given(equal(B(k), C * d.term(at_p)), "C p^k r^(m-k)")
    top_a = d.given(equal(A(k), C * d.term(at_a)), "C a^k b^(m-k)")
    weights = each(d, nonnegative(w("i")), k, name="i/(m - i + 1)")
    down_p = each(d, equal(p * B("i-1"), w("i") * r * B("i")), k)
    down_a = each(d, equal(a * A("i-1"), w("i") * b * A("i")), k)
    likely_a = each(d, nonnegative(A("i")), k, low="0")
    first_a = d.given(equal(G("0"), A("0")))
    tails_a = each(d, equal(G("i"), G("i-1") + A("i")), k)
    chance = d.given(at_most(G(k), 1), "a probability is at most 1")

    exponent = d.calculus_equal(at_p, factor_ * at_a, signs)
    half = calculus.exp(-(m_ * entropy) / 2)
    E_sign = d.squares(nonnegative(E), [d.term(half)], [d.calculus_equal(factor_, half**2, signs)])
    slope = d.squares(nonnegative(p * b - a * r), [(1, order)], [total_p, total_a])
    u, inverse_p = d.reciprocal(p_positive, "1/p")
    v, inverse_a = d.reciprocal(a_positive, "1/a")
    u_positive = d.smt(positive(u), [p_positive, inverse_p])
    v_positive = d.smt(positive(v), [a_positive, inverse_a])

    def quotient(i):
        return at_most(B(i), E * A(i))

    top = d.weaken(d.algebra(equal(B(k), E * A(k)), [top_p, top_a, exponent]), quotient(k))
    here = d.index("s", "1", k)
    supposed = d.suppose(quotient("s"))
    terms = [
        (1, u_positive, v_positive, a_positive, r_positive, d.at(weights, "s"), supposed),
        (1, u_positive, v_positive, slope, d.at(weights, "s"), E_sign, d.at(likely_a, "s")),
    ]
    using = [d.at(down_p, "s"), d.at(down_a, "s"), inverse_p, inverse_a]
    step = d.squares(quotient("s-1"), terms, using, rounds=6)
    below = d.induction(here, supposed, step, top)

    def tail(i):
        return at_most(F(i), E * G(i))

    base = d.squares(tail("0"), [(1, d.at(below, "0"))], [first[0], first_a])
    all_tails = induction(
        d,
        tail,
        lambda s, i: d.squares(tail(i), [(1, s), (1, d.at(below, i))], [d.at(tails, i), d.at(tails_a, i)]),
        "t",
        k,
        base,
    )
    goal = d.goal(at_most(F(k), E))
    d.squares(goal, [(1, d.at(all_tails, k)), (1, chance, E_sign)])

    # The same with delta in front: at most delta where m kl >= ln(1/delta), so that U(k) <= V(k).
    rest = delta_ * calculus.exp(-(m_ * entropy - calculus.log(1 / delta_)))
    same = d.calculus_equal(factor_, rest, [*signs, delta_positive])
    proved = d.proof_of(goal)
    assert proved is not None
    d.squares(d.goal(at_most(F(k), d.term(rest))), [(1, proved)], [same])
    return d


# Check.


@dataclass(frozen=True)
class Testing:
    r"""A classifier with probability of error $p$ on $m$ test examples, at the level $\delta$.

    With `copies` one example is drawn and counted m times. With `rivals` > 1 so many classifiers, whose errors are
    independent, take the test, and the one with the fewest errors is reported: it was chosen on the test set.
    """

    m: int
    p: Fraction
    delta: Fraction
    copies: bool = False
    rivals: int = 1

    def chances(self) -> list[Fraction]:
        """The probabilities of 0, ..., m errors, by adding up independent examples one at a time."""
        law = [1 - self.p, self.p]
        if self.copies:
            return [law[0], *[Fraction(0)] * (self.m - 1), law[1]] if self.m > 1 else law
        total = [Fraction(1)]
        for _ in range(self.m):
            stay, up = [x * law[0] for x in total] + [Fraction(0)], [Fraction(0)] + [x * law[1] for x in total]
            total = [x + y for x, y in zip(stay, up, strict=True)]
        if self.rivals > 1:  # the least of several: Pr[least >= k] is a power
            at_least = [sum(total[k:], Fraction(0)) ** self.rivals for k in range(self.m + 1)] + [Fraction(0)]
            total = [x - y for x, y in pairwise(at_least)]
        return total


def tail(m: int, p: Fraction, k: int) -> Fraction:
    r"""$F_k(p)$, by the sum in the theorem."""
    return sum((math.comb(m, i) * p**i * (1 - p) ** (m - i) for i in range(k + 1)), Fraction(0))


def chernoff(m: int, p: Fraction, k: int, times: int = 1) -> Fraction:
    r"""$e^{-m\,\mathrm{kl}(k/m \| p)} = (p/a)^k ((1-p)/(1-a))^{m-k}$, which is rational."""
    a = Fraction(k, m)
    return ((p / a) ** k if k else 1) ** times * (((1 - p) / (1 - a)) ** (m - k) if k < m else 1) ** times


def covers(t: Testing, is_beyond: Callable[[int], bool], name: str) -> Verdict:
    r"""Whether the counts with `is_beyond`, where $p$ is above the limit, have probability at most $\delta$."""
    bad = sum((x for k, x in enumerate(t.chances()) if is_beyond(k)), Fraction(0))
    return at_most(bad, t.delta, name)


def limits_agree(t: Testing, k: int) -> Verdict:
    """The limits as numbers: on the right side of p, U at most V, equal at the ends."""

    def question(_: int) -> Verdict:
        p, rate = rational(t.p), fmpq(k, t.m)
        U = binomial_upper_limit(k, t.m, t.delta)
        V = kl_inverse(rate, -arb(rational(t.delta)).log() / t.m)
        exactly = tail(t.m, t.p, k) < t.delta
        verdicts = [decided(not (U < p and not exactly), "U"), decided(not (p < U and exactly), "U")]
        if t.p > Fraction(k, t.m):
            beyond = chernoff(t.m, t.p, k) < t.delta
            verdicts += [decided(not (V < p and not beyond), "V"), decided(not (p < V and beyond), "V")]
        ends = k in (0, t.m)  # equal there: balls can only refute it
        verdicts.append(decided(U.overlaps(V), "U = V") if ends else at_most(U, V, "U <= V"))
        return every(verdicts)

    return decide(question)


def check(t: Testing) -> Verdict:
    verdicts = [
        covers(t, lambda k: tail(t.m, t.p, k) < t.delta, "exact"),
        covers(t, lambda k: k < t.m * t.p and chernoff(t.m, t.p, k) < t.delta, "chernoff"),
    ]
    for k in range(t.m + 1):
        if k <= t.m * t.p:
            verdicts.append(at_most(tail(t.m, t.p, k), chernoff(t.m, t.p, k), "tail"))
        verdicts.append(limits_agree(t, k))
    return every(verdicts)


LEVELS = (Fraction(1, 2), Fraction(1, 10), Fraction(9, 10), Fraction(1, 100))


@st.composite
def testings(draw) -> Testing:
    m = draw(sizes(1, 8))
    p = Fraction(draw(st.integers(0, 12)), 12)
    # Levels at which p lies exactly on the limit of some count are common.
    ties = [x for k in range(m) if 0 < (x := tail(m, p, k)) < 1]
    return Testing(m, p, draw(st.sampled_from([*LEVELS, *ties])))


def interpret(t: Testing) -> Model | None:
    """At the greatest count k below m with k/m <= p."""
    m, p = t.m, t.p
    k = min(int(m * p), m - 1)
    if k < 1 or p == 1:
        return None
    a = Fraction(k, m)
    B, A = ([math.comb(m, i) * x**i * (1 - x) ** (m - i) for i in range(m + 1)] for x in (p, a))
    values: dict[str, Any] = {"delta": t.delta, "m": m, "p": p, "r": 1 - p, "a": a, "b": 1 - a, "C": math.comb(m, k)}
    F = S = G = Fraction(0)
    for i in range(m + 1):
        mark = int(tail(m, p, i) < t.delta)
        F, S, G = F + B[i], S + mark * B[i], G + A[i]
        values |= {f"B[{i}]": B[i], f"F[{i}]": F, f"S[{i}]": S, f"c[{i}]": mark, f"A[{i}]": A[i], f"G[{i}]": G}
        values[f"w[{i}]"] = Fraction(i, m - i + 1)
    return Model(values, {"n": m, "k": k})


def stratum(t: Testing) -> str:
    if t.p in (0, 1):
        return "never or always wrong"
    if any(tail(t.m, t.p, k) == t.delta for k in range(t.m)):
        return "p is a limit"
    return "generic"


# Colophon.


def shown(t: Testing) -> str:
    """The numbers that show a counterexample."""
    bad = [k for k in range(t.m + 1) if tail(t.m, t.p, k) < t.delta]
    chance = sum((t.chances()[k] for k in bad), Fraction(0))
    return (
        f"p = {t.p} is above the limit U(K) for K in {bad}: U(0) = {float(1 - arb(rational(t.delta)).root(t.m)):.4f}\n"
        f"Pr[p > U(K)] = {float(chance):.4f}, and delta = {t.delta}"
    )


def middle(m: int, k: int, delta: Fraction) -> arb:
    """The middle of what 20 halvings leave of [k/m, 1], in exact numbers."""
    low, high = arb(fmpq(k, m)), arb(1)
    for _ in range(20):
        x = ((low + high) / 2).mid()
        far = relative_entropy(fmpq(k, m), x) * m > -arb(rational(delta)).log()
        low, high = (low, x) if far else (x, high)
    return ((low + high) / 2).mid()


def middle_is_a_limit(t: Testing) -> Verdict:
    def question(_: int) -> Verdict:
        level = -arb(rational(t.delta)).log() / t.m
        return every(at_most(kl_inverse(fmpq(k, t.m), level), middle(t.m, k, t.delta)) for k in range(1, t.m))

    return decide(question)


def half(m: int = 1, delta: Fraction = Fraction(1, 10), **change: Any) -> Testing:
    return Testing(m, Fraction(1, 2), delta, **change)


# Bounds.


claim = Claim(
    __name__,
    __doc__,
    source=Citation("clopper1934use", "pp. 404-413"),
    also=(Citation("langford2005tutorial", "abstract"),),
    premises=(
        Premise(
            "independent",
            "The test examples are drawn independently.",
            holds=lambda t: not t.copies,
            without=lambda: half(10, copies=True),
            show=shown,
        ),
        Premise(
            "fixed before the test",
            "The classifier does not depend on the test examples.",
            holds=lambda t: t.rivals == 1,
            without=lambda: half(5, rivals=20),
            show=shown,
        ),
        premises.probability(),
    ),
    derivation=proof,
    interpret=interpret,
    instances=testings,
    check=check,
    stratum=stratum,
    beyond="the numbers U(k) and V(k) as the package computes them, at every count, and the two ends k = 0 and k = m",
    tight=(
        Tight(
            "no errors",
            lambda: half(3),
            lambda t: equal(tail(t.m, t.p, 0), chernoff(t.m, t.p, 0)),
        ),
    ),
    mutants=(
        Mutant(
            "no confidence",
            r"$\Pr[p > K/m] \le \delta$.",
            lambda t: covers(t, lambda k: t.p * t.m > k, "rate"),
            half,
        ),
        Mutant(
            "one error less",
            r"$U$ from the tail of fewer than $k$ errors, $\sum_{i<k}$.",
            lambda t: covers(t, lambda k: k == 0 or tail(t.m, t.p, k - 1) < t.delta, "one error less"),
            lambda: half(2),
        ),
        Mutant(
            "all counts",
            r"$F_k(p) \le e^{-m\,\mathrm{kl}(k/m\|p)}$ for $k/m > p$ too.",
            lambda t: every(at_most(tail(t.m, t.p, k), chernoff(t.m, t.p, k)) for k in range(t.m + 1)),
            half,
        ),
        Mutant(
            "twice the exponent",
            r"$F_k(p) \le e^{-2m\,\mathrm{kl}(k/m\|p)}$ for $k/m \le p$.",
            lambda t: every(
                at_most(tail(t.m, t.p, k), chernoff(t.m, t.p, k, 2)) for k in range(t.m + 1) if k <= t.m * t.p
            ),
            half,
        ),
        Mutant(
            "arguments swapped",
            r"$F_k(p) \le e^{-m\,\mathrm{kl}(p\|k/m)}$ for $0 < k/m \le p$.",
            lambda t: decide(
                lambda _: every(
                    at_most(tail(t.m, t.p, k), (-t.m * relative_entropy(t.p, Fraction(k, t.m))).exp())
                    for k in range(1, t.m)
                    if k <= t.m * t.p
                )
            ),
            lambda: half(10),
        ),
        Mutant(
            "nothing at the end",
            r"$V(m) = 0$, as a search that starts above $k/m = 1$ returns.",
            lambda t: covers(t, lambda k: k == t.m or (k < t.m * t.p and chernoff(t.m, t.p, k) < t.delta), "V(m) = 0"),
            half,
        ),
        Mutant(
            "middle of a bisection",
            r"$V(k)$ is at most the middle of what 20 halvings leave.",
            middle_is_a_limit,
            lambda: half(8),
        ),
    ),
)
