r"""The expected generalization gap is the average change of the loss when one training example is replaced.

**Theorem.** Let $S = (z_1, \dots, z_n)$ and $z'_1, \dots, z'_n$ be independent draws from one distribution, $A(S)$ the output of
a learning algorithm (randomised or not), $\ell$ a loss with finite means, $R(w) = E\,\ell(w, z)$,
$R_S(w) = \frac1n \sum_i \ell(w, z_i)$, and $S^{(i)}$ the sample $S$ with $z'_i$ in the place of $z_i$. Then
$$E\big[R(A(S)) - R_S(A(S))\big] = \frac1n \sum_{i=1}^n E\big[\ell(A(S), z'_i) - \ell(A(S^{(i)}), z'_i)\big],$$
with means over the examples and the algorithm's own randomness. If $A$ is $\varepsilon$-stable, that is
$|E\,\ell(A(S), z) - E\,\ell(A(S'), z)| \le \varepsilon$ (mean over the algorithm) for every $z$ and all samples $S, S'$ that
differ in one example, then $|E[R(A(S)) - R_S(A(S))]| \le \varepsilon$. No smaller factor will do: for $n = 1$ and $k$ equally
likely points, losing 0 on the point that was seen and $\varepsilon$ elsewhere has the gap $(1 - \frac1k)\varepsilon$.

**Idea.** $z'_i$ is as good as any fresh example, so $E\,R(A(S)) = E\,\ell(A(S), z'_i)$ for every $i$. And $(S^{(i)}, z'_i)$ has the
law of $(S, z_i)$: exchanging the names of $z_i$ and $z'_i$ turns one into the other. So
$E\,\ell(A(S), z_i) = E\,\ell(A(S^{(i)}), z'_i)$, and the rest is linear. The exchange of names is what is cited, and that a
mean of numbers at most $\varepsilon$ is at most $\varepsilon$.

**Reading.** This is how training becomes generalization without any class of functions: `generalization.sgd_is_stable_for_convex_losses`
and its neighbours bound $\varepsilon$ from a description of the training. It holds in expectation only: with large probability
the gap may be far larger, and stability gives tails only by further work.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from flint import fmpq
from hypothesis import strategies as st

from numerics.arithmetic.exact import Matrix, rational
from numerics.evidence.verdict import Verdict, at_most, equal, every
from numerics.learning.margins import distributions
from numerics.learning.zero_one import samples
from numerics.strategies import rationals, sizes
from theorems import Citation, Claim, Mutant, Tight
from theorems.cited import exchange
from theorems.proof import Derivation
from theorems.proof.crosscheck import Model
from theorems.schemes import premises

# Proof.


def proof() -> Derivation:
    from theorems.proof import at_most, equal, number, positive
    from theorems.proof.sums import Total, each, induction

    d = Derivation("stability bounds the expected gap")
    N = d.index_constant("n")
    T, mu = d.matrices("T: q k", "mu: k 1")
    m, s, eps, gap = d.scalars("m s epsilon gap")
    r, t, i, V, W, X = (d.family(f"{name}[i]: 1 1", "i") for name in ("r", "t", "i", "V", "W", "X"))
    m_positive = d.given(positive(m), "m is the number n of examples")
    chances = d.given(exchange.distribution(mu))
    outside = d.given(exchange.fresh(s, T, mu, m))
    inside = each(d, exchange.own(r("i"), T, mu, i("i"), m), N)
    exchanged = each(d, exchange.replaced(t("i"), T, mu, i("i"), m), N)
    rate = d.given(exchange.stable(T, eps, m))
    training, differences, count = (
        Total(d, V, r, N),
        Total(d, W, lambda k: s - t(k), N),
        Total(d, X, lambda k: number(1), N),
    )
    length = d.given(equal(X(N), m))
    gap_value = d.given(equal(m * gap, m * s - V(N)), "the expected gap: fresh less training")

    def names(k):
        place = {"T": T, "mu": mu, "i": i(k), "n": m, "r": r(k), "t": t(k)}
        return d.axiom(exchange.EXCHANGE_OF_NAMES, place, [chances, d.at(inside, k), d.at(exchanged, k)])[1][0]

    def closeness(k):
        place = {"T": T, "mu": mu, "i": i(k), "n": m, "s": s, "t": t(k), "eps": eps}
        return d.axiom(exchange.MEANS_OF_SMALL_DIFFERENCES, place, [chances, outside, d.at(exchanged, k), rate])[1]

    def sums(k):
        return equal(W(k), s * X(k) - V(k))

    empties = [training.empty, differences.empty, count.empty]
    base = d.algebra(sums("0"), empties)

    def add(supposed, k):
        return d.algebra(sums(k), [supposed, training.at(k), differences.at(k), count.at(k), names(k)])

    total = d.at(induction(d, sums, add, "j", N, base), N)
    identity = d.algebra(d.goal(equal(m * gap, W(N))), [total, length, gap_value])
    for sign, symbol in ((1, "l"), (-1, "o")):

        def bounded(k, sign=sign):
            return at_most(sign * W(k), eps * X(k))

        def grow(supposed, k, sign=sign):
            close = closeness(k)[0 if sign == 1 else 1]
            return d.squares(
                at_most(sign * W(k), eps * X(k)), [(1, supposed), (1, close)], [differences.at(k), count.at(k)]
            )

        start = d.squares(bounded("0"), [], empties)
        whole = d.at(induction(d, bounded, grow, symbol, N, start), N)
        scaled = d.squares(at_most(m * sign * gap, m * eps), [(1, whole)], [identity, length])
        d.smt(d.goal(at_most(sign * gap, eps)), [scaled, m_positive])
    evaluate_predicates(d)
    return d


def evaluate_predicates(d: Derivation) -> None:
    """By enumeration of all samples, the new example included."""

    def learning(T: Matrix, mu: Matrix, n: Any) -> Learning:
        rows = tuple(tuple(T[a, b] for b in range(T.cols)) for a in range(T.rows))
        return Learning(rows, tuple(Fraction(int(x.p), int(x.q)) for x in mu.entries()), int(n.p))

    d.model_predicate("the probabilities of the points", lambda mu: sum(mu.entries()) == 1 and min(mu.entries()) >= 0)
    d.model_predicate(
        "r is the mean loss of A(S) on example i of S",
        lambda r, T, mu, i, n: bool(r == learning(T, mu, n).own(int(i.p) - 1)),
    )
    d.model_predicate(
        "t is the mean loss of A(S) on the new example, example i of S replaced by it",
        lambda t, T, mu, i, n: bool(t == learning(T, mu, n).replaced(int(i.p) - 1)),
    )
    d.model_predicate(
        "s is the mean loss of A(S) on a fresh example", lambda s, T, mu, n: bool(s == learning(T, mu, n).fresh())
    )

    def is_stable(T: Matrix, eps: Any, n: Any) -> bool:
        k = T.cols
        return learning(T, Matrix([[fmpq(1, k)] for _ in range(k)]), n).stability() <= eps

    d.model_predicate("one example more or less changes every loss by at most", is_stable)


# Check.


@dataclass(frozen=True)
class Learning:
    r"""A learning algorithm on k points: `losses[a][b]` is $E\,\ell(A(S), z_b)$ for sample number a of all $k^n$.

    Samples are counted lexicographically, and the mean is over the algorithm's own randomness, so that the table is all
    there is to know of the algorithm. With `copies` one example is drawn and repeated n times.
    """

    losses: tuple[tuple[Any, ...], ...]
    chances: tuple[Fraction, ...]
    n: int
    copies: bool = False

    def loss(self, sample: tuple[int, ...], point: int) -> fmpq:
        number = 0
        for i in sample:
            number = number * len(self.chances) + i
        return rational(self.losses[number][point])

    def drawn(self) -> Iterator[tuple[tuple[int, ...], fmpq]]:
        return samples(self.chances, self.n, self.copies)

    def points(self) -> Iterator[tuple[int, fmpq]]:
        return ((b, rational(w)) for b, w in enumerate(self.chances) if w > 0)

    def fresh(self) -> fmpq:
        """The mean of the loss on a fresh example."""
        return sum((p * w * self.loss(s, b) for s, p in self.drawn() for b, w in self.points()), fmpq(0))

    def own(self, i: int) -> fmpq:
        """The mean of the loss on example i of the sample."""
        return sum((p * self.loss(s, s[i]) for s, p in self.drawn()), fmpq(0))

    def replaced(self, i: int) -> fmpq:
        """The mean of the loss on a new example that stands at place i of the sample."""
        return sum(
            (p * w * self.loss((*s[:i], b, *s[i + 1 :]), b) for s, p in self.drawn() for b, w in self.points()), fmpq(0)
        )

    def gap(self) -> fmpq:
        """Fresh less training: the expected generalization gap."""
        return self.fresh() - sum((self.own(i) for i in range(self.n)), fmpq(0)) / self.n

    def stability(self) -> fmpq:
        """The least epsilon."""
        k, worst = len(self.chances), fmpq(0)
        for s in itertools.product(range(k), repeat=self.n):
            for i, c in itertools.product(range(self.n), range(k)):
                other = (*s[:i], c, *s[i + 1 :])
                worst = max(worst, *(abs(self.loss(s, b) - self.loss(other, b)) for b in range(k)))
        return worst


def check(t: Learning) -> Verdict:
    changes = sum((t.fresh() - t.replaced(i) for i in range(t.n)), fmpq(0)) / t.n
    return every(
        [
            equal(t.gap(), changes, "gap and mean change"),
            at_most(abs(t.gap()), t.stability(), "stability"),
        ]
    )


@st.composite
def problems(draw) -> Learning:
    k = draw(sizes(1, 3))
    n = draw(sizes(1, 3 if k < 3 else 2))
    chances = draw(distributions(k))
    memory = draw(st.booleans())
    table = []
    for s in itertools.product(range(k), repeat=n):
        # Half of the algorithms remember: they lose less on what they saw.
        table.append(tuple(draw(rationals()) - (2 if memory and b in s else 0) for b in range(k)))
    return Learning(tuple(table), chances, n)


def interpret(t: Learning) -> Model:
    T = Matrix([list(row) for row in t.losses])
    s = t.fresh()
    values: dict[str, Any] = {"T": T, "mu": Matrix([[w] for w in t.chances]), "m": t.n, "s": s, "gap": t.gap()}
    values |= {"epsilon": t.stability(), "V[0]": 0, "W[0]": 0, "X[0]": 0}
    V = W = fmpq(0)
    for i in range(1, t.n + 1):
        own, new = t.own(i - 1), t.replaced(i - 1)
        V, W = V + own, W + s - new
        values |= {f"r[{i}]": own, f"t[{i}]": new, f"i[{i}]": i, f"V[{i}]": V, f"W[{i}]": W, f"X[{i}]": i}
    return Model(values, {"n": t.n})


def stratum(t: Learning) -> str:
    if t.stability() == 0:
        return "the output does not depend on the sample"
    return "one example" if t.n == 1 else "generic"


# Colophon.


def memory(k: int = 2, n: int = 1, **change: Any) -> Learning:
    """k equally likely points; the loss is 0 on those that were seen and 1 elsewhere."""
    table = tuple(tuple(int(b not in s) for b in range(k)) for s in itertools.product(range(k), repeat=n))
    return replace(Learning(table, (Fraction(1, k),) * k, n), **change)


def majority(n: int) -> Learning:
    """The loss on a point is the share of examples that are the other point."""
    table = tuple(tuple(Fraction(n - s.count(b), n) for b in range(2)) for s in itertools.product(range(2), repeat=n))
    return Learning(table, (Fraction(1, 2),) * 2, n)


def shown(t: Learning) -> str:
    changes = sum((t.fresh() - t.replaced(i) for i in range(t.n)), fmpq(0)) / t.n
    return (
        f"one of two points is drawn and repeated {t.n} times\n"
        f"expected gap {t.gap()}, mean change {changes}, stability {t.stability()}"
    )


claim = Claim(
    __name__,
    __doc__,
    source=Citation("hardt2016train", "Theorem 2.2"),
    premises=(premises.independent(without=lambda: replace(majority(2), copies=True), show=shown),),
    derivation=proof,
    interpret=interpret,
    instances=problems,
    check=check,
    stratum=stratum,
    beyond="arbitrary tables of losses for all samples at once, by enumeration",
    tight=(Tight("rote learning, k = 2", memory, lambda t: equal(2 * t.gap(), t.stability())),),
    mutants=(
        Mutant(
            "half the stability",
            r"$|E[R - R_S]| \le \varepsilon/2$.",
            lambda t: at_most(2 * abs(t.gap()), t.stability()),
            lambda: memory(3),
        ),
        Mutant(
            "divided by n",
            r"$|E[R - R_S]| \le \varepsilon/n$.",
            lambda t: at_most(t.n * abs(t.gap()), t.stability()),
            lambda: memory(4, 2),
        ),
        Mutant(
            "old example",
            r"$E[R - R_S] = \frac1n \sum_i E[\ell(A(S), z_i) - \ell(A(S^{(i)}), z_i)]$.",
            lambda t: equal(t.gap(), sum((t.own(i) - t.fresh() for i in range(t.n)), fmpq(0)) / t.n),
            memory,
        ),
        Mutant(
            "never negative",
            r"$E[R - R_S] \ge 0$.",
            lambda t: at_most(0, t.gap()),
            lambda: replace(memory(), losses=((1, 0), (0, 1))),
        ),
    ),
)
