r"""Entropies of at most $K^2/\varepsilon^2$ keep a Rademacher average below $\frac{12K}n (1 + \ln\frac n{12K})$, by Dudley's integral.

**Theorem.** Let $\mathcal F$ be a finite class of functions with values in $[0, 1]$ and $z_1, \dots, z_n$ points such that for every
$\varepsilon > 0$ the vectors $(f(z_1), \dots, f(z_n))$, $f \in \mathcal F$, are covered by at most $\exp(K^2/\varepsilon^2)$ balls of
radius $\varepsilon$ in $\mathbb{R}^n$. If $0 < 12 K \le n$, then
$$E_\varepsilon \max_{f \in \mathcal F} \sum_i \varepsilon_i f(z_i) \le 12 K \Big(1 + \ln\frac n{12K}\Big).$$

**Idea.** Dudley's chaining bounds the left side by $4 \sqrt n\, a + 12 \int_a^b \frac K\varepsilon\, d\varepsilon$ for every $a > 0$ and $b \ge \sqrt n/4$,
$b \ge a$. The integral is $K (\ln b - \ln a)$. In $a$ the bound is convex and stationary at $a = 3K/\sqrt n$, where the first
term is $12 K$; with $b = \sqrt n/4$ the quotient $b/a$ is $n/(12K)$, and $a \le b$ is the premise $12 K \le n$. Any other end is
allowed and costs more: the ends $1/n$ and $\sqrt n$ of the literature give a factor $\ln n$ in the place of $1 + \ln\frac n{12K}$.

**Reading.** A cover of the outputs of networks turns into a Rademacher average here, and the average into a bound of the error by
the page on deviations. Above $K = n/12$ the bound would be more than $n$, which says nothing.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from flint import arb, ctx, fmpq
from hypothesis import strategies as st

from numerics.arithmetic.balls import decide
from numerics.arithmetic.exact import Matrix, rational
from numerics.evidence.verdict import Verdict, at_most, every, holds
from numerics.learning.problems import entropy_constant, rademacher
from numerics.strategies import sizes
from theorems import Citation, Claim, Mutant, Premise
from theorems.cited import learning as cited
from theorems.proof import Derivation
from theorems.proof.crosscheck import Model


def chained(K, log_ratio):
    r"""$12 K (1 + \ln\frac n{12K})$ with the logarithm as given."""
    return 12 * K * (1 + log_ratio)


# Proof.


def proof() -> Derivation:
    from theorems.proof import at_least, at_most, equal, nonnegative, positive

    d = Derivation("Dudley's integral at its best lower end")
    F, N, u = d.matrices("F: k r", "N: q 1", "u: q 1")
    n, m, K, a, b, x, y = d.scalars("n m K a b x y")
    entropy = d.given(cited.covered(F, u, n, K**2), "entropy")
    unit, averages, marked = d.given(cited.losses(F)), d.given(cited.averages(N, F, n)), d.given(cited.marked(u))
    K_positive, K_small = d.given(positive(K)), d.given(at_most(12 * K, n))
    m_positive, root = d.given(positive(m)), d.given(equal(m**2, n), "m is the root of n")
    lower, upper = d.given(equal(a * m, 3 * K), "the lower end"), d.given(equal(4 * b, m), "the upper end")
    x_named, y_named = d.given(cited.logarithm(x, a)), d.given(cited.logarithm(y, b))
    goal = d.goal(at_most(n * (u.T @ N), chained(K, y - x)))
    J, J_is = d.define("J", K * y - K * x)
    a_positive = d.smt(positive(a), [lower, m_positive, K_positive])
    ordered = d.smt(at_least(b, a), [lower, upper, root, m_positive, K_small])
    wide = d.weaken(d.algebra(equal(4 * b - m, 0), [upper]), at_least(4 * b, m))
    place = {"F": F, "N": N, "u": u, "n": n, "m": m, "kappa": K, "J": J, "a": a, "b": b, "x": x, "y": y}
    facts = [entropy, unit, averages, x_named, y_named, J_is, marked, d.weaken(K_positive, nonnegative(K))]
    _, (bound,) = d.axiom(cited.DUDLEY, place, [*facts, m_positive, root, a_positive, ordered, wide])
    d.squares(goal, [(1, bound)], [lower, J_is])
    cited.evaluate_predicates(d)
    return d


# Check.


@dataclass(frozen=True)
class Covered:
    """Functions on k points, a sample of n of them, and a number K."""

    functions: tuple[tuple[Fraction, ...], ...]
    sample: tuple[int, ...]
    K: Fraction

    @property
    def n(self) -> int:
        return len(self.sample)

    @property
    def values(self) -> list[list[fmpq]]:
        return [[rational(x) for x in f] for f in self.functions]

    def entropy(self) -> arb:
        r"""The least $c$ with at most $\exp(c/\varepsilon^2)$ balls for every $\varepsilon$."""
        return entropy_constant([[f[i] for i in self.sample] for f in self.values])


@st.composite
def covered(draw) -> Covered:
    """Functions that vary little, as the theorem needs on few points, and a K just above the least or far above it."""
    k, n = draw(sizes(1, 2)), draw(sizes(1, 5))
    start = draw(st.sampled_from([Fraction(x, 4) for x in (0, 2, 1)]))
    height = draw(st.sampled_from([Fraction(1, x) for x in (30, 60, 12, 8)]))
    functions = tuple(
        tuple(start + height * draw(st.integers(0, 2)) for _ in range(k)) for _ in range(draw(sizes(1, 3)))
    )
    sample = tuple(draw(st.integers(0, k - 1)) for _ in range(n))
    return fitted(functions, sample, draw(st.sampled_from([Fraction(1), Fraction(3, 2), Fraction(10)])))


def fitted(functions: Sequence[tuple[Fraction, ...]], sample: Sequence[int], factor: Fraction) -> Covered:
    """With K the least multiple of 1/1000 above the root of the entropy's constant, times a factor, and at most n/12."""
    bare = Covered(tuple(functions), tuple(sample), Fraction(1))
    least = bare.entropy().sqrt() if not bare.entropy().is_zero() else arb(0)
    steps = (1000 * least).upper().ceil().unique_fmpz()
    assert steps is not None
    K = max(Fraction(1, 1000), Fraction(int(steps), 1000))
    return Covered(tuple(functions), tuple(sample), min(K * factor, max(K, Fraction(len(sample), 12))))


def is_covered(t: Covered) -> bool:
    return bool(t.entropy() <= rational(t.K) ** 2)


def is_short(t: Covered) -> bool:
    return 0 < 12 * t.K <= t.n


def sum_is_at_most(bound: Callable[[Covered], arb]) -> Callable[[Covered], Verdict]:
    def obeys(t: Covered) -> Verdict:
        return decide(lambda _: at_most(t.n * rademacher(t.values, range_of(t)), bound(t)))

    return obeys


def range_of(t: Covered) -> tuple[int, ...]:
    return t.sample


def log_ratio(t: Covered) -> arb:
    return arb(fmpq(t.n) / (12 * rational(t.K))).log()


def check(t: Covered) -> Verdict:
    """The sum over all signs, against the bound at this end and at other ends of the integral, none of which is lower."""
    bound = chained(rational(t.K), log_ratio(t))
    verdicts = [sum_is_at_most(lambda t: chained(rational(t.K), log_ratio(t)))(t)]
    if is_short(t):
        at_this_end = 4 * arb(t.n).sqrt() * (3 * rational(t.K) / arb(t.n).sqrt()) + 12 * rational(t.K) * log_ratio(t)
        verdicts.append(at_most(at_this_end, bound * (1 + fmpq(1, 10**9)), "Dudley's bound at this end is no more"))
        for end in (Fraction(1, 2), Fraction(9, 10), Fraction(11, 10), Fraction(2)):
            # 4 sqrt(n) a + 12 K ln(b/a) at a = end 3K/sqrt(n)
            other = 12 * rational(t.K) * (rational(end) + log_ratio(t) - arb(rational(end)).log())
            verdicts.append(at_most(bound, other, f"the end {end} is no better"))
    return every(verdicts) if verdicts else holds()


def interpret(t: Covered) -> Model | None:
    if not (is_covered(t) and is_short(t)):
        return None
    k, F = len(t.functions[0]), t.values
    with ctx.workprec(320):
        all_samples = list(itertools.product(range(k), repeat=t.n))
        m = arb(t.n).sqrt()
        a, b = 3 * rational(t.K) / m, m / 4
        return Model(
            {
                "F": Matrix([[f[i] for f in F] for i in range(k)]),
                "N": Matrix([[average(tuple(map(tuple, F)), s)] for s in all_samples]),
                "u": Matrix([[int(s == t.sample)] for s in all_samples]),
                "n": t.n,
                "m": m,
                "K": rational(t.K),
                "a": a,
                "b": b,
                "x": a.log(),
                "y": b.log(),
            }
        )


@functools.lru_cache(maxsize=4096)
def average(F: tuple[tuple[fmpq, ...], ...], s: tuple[int, ...]) -> fmpq:
    return rademacher(F, s)


def stratum(t: Covered) -> str:
    if len(set(t.functions)) == 1:
        return "one function"
    return "12 K = n" if 12 * t.K == t.n else "generic"


# Colophon.


def nothing(K: Fraction) -> Covered:
    """The class of the function 0."""
    return Covered(((Fraction(0),),), (0,), K)


def both(K: Fraction, n: int = 1) -> Covered:
    """The functions 0 and 1."""
    return Covered(((Fraction(0),), (Fraction(1),)), (0,) * n, K)


def shown(t: Covered) -> str:
    return (
        f"the mean of the maxima is {t.n * rademacher(t.values, t.sample)}, the bound is "
        f"{chained(rational(t.K), log_ratio(t)).str(4, radius=False)}; the entropy needs K^2 >= {t.entropy().str(4, radius=False)}"
    )


claim = Claim(
    __name__,
    __doc__,
    source=Citation("bartlett2017spectrally", "Theorem 1.1, for the integral with other ends"),
    premises=(
        Premise(
            "entropy",
            r"For every $\varepsilon > 0$ at most $\exp(K^2/\varepsilon^2)$ balls of radius $\varepsilon$ cover the class on the sample.",
            holds=is_covered,
            without=lambda: both(Fraction(1, 100)),
            show=shown,
        ),
        Premise(
            "small entropy",
            r"$0 < 12 K \le n$.",
            holds=is_short,
            without=lambda: nothing(Fraction(1)),
            show=shown,
        ),
        Premise(
            "values in the unit interval",
            r"$0 \le f \le 1$ for all $f \in \mathcal F$.",
            holds=lambda t: all(0 <= x <= 1 for f in t.functions for x in f),
            kind="unknown",
            why="the upper end uses it, but where the entropy is small enough no class on few points with larger values refutes the bound",
        ),
    ),
    derivation=proof,
    interpret=interpret,
    instances=lambda: covered().filter(is_short),
    check=check,
    stratum=stratum,
    beyond="the mean over all signs on explicit classes with exact covering numbers; that other lower ends give no less",
    mutants=(
        Mutant(
            "without the one",
            r"$12 K \ln\frac n{12K}$ in the place of $12 K (1 + \ln\frac n{12K})$.",
            sum_is_at_most(lambda t: 12 * rational(t.K) * log_ratio(t)),
            lambda: both(Fraction(1, 12)),
        ),
        Mutant(
            "the entropy alone",
            r"$\frac12 K$ in the place of $12 K (1 + \ln\frac n{12K})$.",
            sum_is_at_most(lambda t: arb(rational(t.K)) / 2),
            lambda: fitted(((Fraction(0),), (Fraction(1, 30),)), (0,) * 5, Fraction(1)),
        ),
        Mutant(
            "n K",
            r"$\ln\frac 1{12 n K}$ in the place of $\ln\frac n{12K}$.",
            sum_is_at_most(lambda t: chained(rational(t.K), log_ratio(t) - 2 * arb(t.n).log())),
            lambda: fitted(((Fraction(0),), (Fraction(1, 8),)), (0,) * 5, Fraction(1)),
        ),
        Mutant(
            "a lower end of one root",
            r"The lower end $a = K/\sqrt n$ gives less: $4 K + 12 K \ln\frac n{4K}$ is at most $12 K (1 + \ln\frac n{12K})$.",
            lambda t: at_most(
                4 * rational(t.K) + 12 * rational(t.K) * (log_ratio(t) + arb(3).log()),
                chained(rational(t.K), log_ratio(t)),
            ),
            lambda: nothing(Fraction(1, 100)),
        ),
    ),
)
