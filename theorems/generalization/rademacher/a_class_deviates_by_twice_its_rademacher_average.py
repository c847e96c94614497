r"""No function of a class has a mean far above its sample average plus twice the class's own Rademacher average.

**Theorem.** Let $\mathcal F$ be a finite class of functions with values in $[0, 1]$, $z_1, \dots, z_n$ independent draws of $z$,
$S = (z_1, \dots, z_n)$, and $\widehat{\mathfrak R}_S = \frac1n E_\varepsilon \max_{f \in \mathcal F} \sum_i \varepsilon_i f(z_i)$ the
Rademacher average of the class on the sample, with independent fair signs $\varepsilon_i$. For $0 < \delta < 1$, with probability at
least $1 - \delta$, all $f \in \mathcal F$ at once satisfy
$$E f(z) \le \frac1n \sum_i f(z_i) + 2\, \widehat{\mathfrak R}_S + 2 \sqrt{\frac{\ln(1/\delta)}{2n}} .$$

**Idea.** Let $G(S) = \max_f (E f - \frac1n \sum_i f(z_i))$. By symmetrisation $E G \le 2\, E \widehat{\mathfrak R}_S$. Another value of one
$z_i$ changes $G$ by at most $1/n$ and $\widehat{\mathfrak R}_S$ by at most $1/(2n)$, so it changes $\Phi = G - 2 \widehat{\mathfrak R}_S$ by at
most $2/n$, and McDiarmid's inequality for $\Phi$ bounds the probability that $\Phi$ is beyond $E\Phi + t \le t$ by
$\exp(-n t^2/2) = \delta$. One inequality for $\Phi$, instead of one for $G$ and one for the average, saves the union bound.

**Reading.** The average is that of the sample at hand, so it can be computed. A class that may be infinite is covered when its
suprema are those of countable parts, because probabilities are continuous from below. Margin bounds put the ramp losses of
networks here; the classes of all sizes at once are joined by shares of $\delta$.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from flint import arb, ctx, fmpq
from hypothesis import strategies as st

from numerics.arithmetic.exact import Matrix, rational
from numerics.evidence.verdict import Verdict, at_most, every
from numerics.learning.problems import deviation, rademacher, rarely_fails
from numerics.strategies import sizes
from theorems import Citation, Claim, Mutant, Premise
from theorems.cited import learning as cited
from theorems.proof import Derivation
from theorems.proof.crosscheck import Model
from theorems.schemes import premises


def excess(average, t):
    r"""$2 \widehat{\mathfrak R}_S + t$ with $t = 2\sqrt{\ln(1/\delta)/(2n)}$."""
    return 2 * average + t


# Proof.


def proof() -> Derivation:
    from theorems.proof import at_least, at_most, equal, nonnegative, positive

    d = Derivation("deviation from the sample's own Rademacher average")
    mu, F, P, G, N, u, v = d.matrices("mu: k 1", "F: k r", "P: q 1", "G: q 1", "N: q 1", "u: q 1", "v: r 1")
    n, delta, x, t, p, risk = d.scalars("n delta x t p risk")
    n_positive = d.given(positive(n))
    nu, inverse = d.reciprocal(n_positive, "1/n")
    drawn, greatest = d.given(cited.samples(P, mu, n)), d.given(cited.deviations(G, F, mu, n))
    rad, unit = d.given(cited.averages(N, F, n)), d.given(cited.losses(F))
    named, t_sign = d.given(cited.logarithm(x, delta)), d.given(nonnegative(t))
    t_value = d.given(equal(n * t**2, -2 * x), "t = 2 sqrt(ln(1/delta)/(2n))")
    tail = d.given(cited.beyond(p, G - 2 * N, P, t))

    place = {"mu": mu, "F": F, "P": P, "G": G, "N": N, "n": n}
    _, (mean,) = d.axiom(cited.SYMMETRISATION, place, [drawn, greatest, rad, unit])
    place = {"mu": mu, "F": F, "G": G, "n": n, "c": nu}
    _, (dG,) = d.axiom(cited.CHANGE_OF_DEVIATION, place, [greatest, unit, inverse])
    halved = d.algebra(equal(2 * n * (nu / 2), 1), [inverse])
    _, (dN,) = d.axiom(cited.CHANGE_OF_AVERAGE, {"F": F, "N": N, "n": n, "c": nu / 2}, [rad, unit, halved])
    _, (dPhi,) = d.axiom(cited.CHANGE_OF_SUM, {"G": G, "N": N, "n": n, "a": nu, "b": nu / 2}, [dG, dN])
    c = nu + 2 * (nu / 2)
    below = d.squares(at_least(t, P.T @ (G - 2 * N) + t), [(1, mean)])
    enough = d.algebra(equal(2 * t**2, -n * c**2 * x), [inverse, t_value])
    place = {"mu": mu, "Phi": G - 2 * N, "P": P, "n": n, "c": c, "tau": t, "s": t, "p": p, "delta": delta, "x": x}
    d.goal(at_most(p, delta))
    d.axiom(cited.MCDIARMID, place, [drawn, dPhi, tail, named, t_sign, below, enough])

    # What holds on a sample that is not among the bad ones.
    mean_loss = d.given(cited.average(risk, F, v, u, n))
    good = d.given(at_most(u.T @ (G - 2 * N), t), "a good sample")
    place = {"mu": mu, "F": F, "G": G, "u": u, "v": v, "n": n, "r": risk}
    _, (of_function,) = d.axiom(cited.DEFINITION, place, [greatest, mean_loss])
    d.squares(d.goal(at_most(mu.T @ F @ v, risk + excess(u.T @ N, t))), [(1, of_function), (1, good)])
    cited.evaluate_predicates(d)
    return d


# Check.


@dataclass(frozen=True)
class Class:
    """Functions on finitely many points, each a tuple of its values; with `copies` the sample is one draw, repeated."""

    chances: tuple[Fraction, ...]
    functions: tuple[tuple[Fraction, ...], ...]
    n: int
    delta: Fraction
    copies: bool = False

    @property
    def values(self) -> list[list[fmpq]]:
        return [[rational(x) for x in f] for f in self.functions]

    @property
    def mu(self) -> list[fmpq]:
        return [rational(p) for p in self.chances]

    def drawn(self) -> Iterator[tuple[tuple[int, ...], fmpq]]:
        """All samples with their probabilities, in lexicographic order; a repeated draw is written out."""
        for s in itertools.product(range(len(self.chances)), repeat=1 if self.copies else self.n):
            chance = functools.reduce(lambda p, i: p * self.mu[i], s, fmpq(1))
            yield (s * self.n if self.copies else s), chance

    def t(self, factor: int | Fraction = 2) -> arb:
        return rational(factor) * (-arb(rational(self.delta)).log() / (2 * self.n)).sqrt()


@st.composite
def classes(draw) -> Class:
    """Any functions, or now and then the two classes for which the bound allows little more than there is."""
    kind = draw(st.sampled_from(["any"] * 6 + ["coin", "spikes"]))
    if kind != "any":
        return coin() if kind == "coin" else spikes(draw(sizes(2, 4)))
    k = draw(sizes(1, 4))
    weights = [draw(st.integers(0, 4)) for _ in range(k)]
    weights[0] += not any(weights)
    values = st.sampled_from([Fraction(x, 4) for x in (0, 4, 2, 1, 3)])
    functions = tuple(tuple(draw(values) for _ in range(k)) for _ in range(draw(sizes(1, 4))))
    delta = draw(st.sampled_from([Fraction(x, 100) for x in (50, 99, 90, 10, 1)]))
    return Class(tuple(Fraction(w, sum(weights)) for w in weights), functions, draw(sizes(1, 3)), delta)


def rarely(allowed: Callable[[Class, fmpq], arb]) -> Callable[[Class], Verdict]:
    """Whether the deviation is beyond what is allowed, for the average of the sample, with probability at most delta."""

    def fails_rarely(t: Class) -> Verdict:
        F, mu = t.values, t.mu

        def holds(s: tuple[int, ...]) -> Verdict:
            return at_most(deviation(F, mu, s), allowed(t, rademacher(F, s)))

        return rarely_fails(t.drawn, holds, t.delta)

    return fails_rarely


def check(t: Class) -> Verdict:
    """The probability of a bad sample, and the two facts about the class that the proof cites, by enumeration."""
    F, mu = t.values, t.mu
    verdicts = [rarely(lambda t, average: excess(average, t.t()))(t)]
    if not t.copies and all(0 <= x <= 1 for f in F for x in f):
        deviations = sum((p * deviation(F, mu, s) for s, p in t.drawn()), fmpq(0))
        averages = sum((p * rademacher(F, s) for s, p in t.drawn()), fmpq(0))
        verdicts.append(at_most(deviations, 2 * averages, "symmetrisation"))
    return every(verdicts)


def interpret(t: Class) -> Model | None:
    r"""A good sample with the greatest deviation, and the function that deviates most there."""
    F, mu, drawn = t.values, t.mu, list(t.drawn())
    with ctx.workprec(320):
        root = t.t()
        G, N = [deviation(F, mu, s) for s, _ in drawn], [rademacher(F, s) for s, _ in drawn]
        good = [i for i in range(len(drawn)) if G[i] - 2 * N[i] <= root]
        if not good:
            return None
        here = max(good, key=lambda i: G[i])
        s = drawn[here][0]
        j = max(range(len(F)), key=lambda j: deviation([F[j]], mu, s))
        values: dict[str, Any] = {
            "mu": Matrix([[p] for p in mu]),
            "F": Matrix([list(row) for row in zip(*F, strict=True)]),
            "P": Matrix([[p] for _, p in drawn]),
            "G": Matrix([[x] for x in G]),
            "N": Matrix([[x] for x in N]),
            "u": Matrix([[int(i == here)] for i in range(len(drawn))]),
            "v": Matrix([[int(i == j)] for i in range(len(F))]),
            "n": t.n,
            "delta": rational(t.delta),
            "x": arb(rational(t.delta)).log(),
            "t": root,
            "p": sum((p for (_, p), x, y in zip(drawn, G, N, strict=True) if x - 2 * y > root), fmpq(0)),
            "risk": sum((F[j][i] for i in s), fmpq(0)) / t.n,
        }
    return Model(values)


def stratum(t: Class) -> str:
    return "one function" if len(t.functions) == 1 else "one example" if t.n == 1 else "generic"


# Colophon.

HALF = Fraction(1, 2)


def coin(**change: Any) -> Class:
    """One function that is 0 or 1 with equal chances: it deviates by 1/2 from half of the samples of one."""
    return Class(
        **(
            {"chances": (HALF, HALF), "functions": ((Fraction(0), Fraction(1)),), "n": 1, "delta": Fraction(2, 5)}
            | change
        )
    )


def spikes(k: int) -> Class:
    """One example, and k functions that are 1 at all of k points but one: each sample has one that deviates by 1 - 1/k."""
    functions = tuple(tuple(Fraction(int(i != j)) for i in range(k)) for j in range(k))
    return Class((Fraction(1, k),) * k, functions, 1, Fraction(99, 100))


def shown(t: Class) -> str:
    lines = [
        f"sample {s}, probability {p}: deviation {deviation(t.values, t.mu, s)}, "
        f"allowed {excess(rademacher(t.values, s), t.t()).str(4, radius=False)}"
        for s, p in t.drawn()
    ]
    return "\n".join([*lines, f"delta = {t.delta}"])


claim = Claim(
    __name__,
    __doc__,
    source=Citation("shalev2014understanding", "Theorem 26.5"),
    premises=(
        premises.independent(without=lambda: coin(n=10, copies=True), show=shown),
        Premise(
            "values in the unit interval",
            r"$0 \le f \le 1$ for all $f \in \mathcal F$.",
            holds=lambda t: all(0 <= x <= 1 for f in t.functions for x in f),
            without=lambda: coin(functions=((Fraction(0), Fraction(10)),)),
            show=shown,
        ),
        Premise(
            "probability",
            r"$0 < \delta < 1$.",
            holds=lambda t: 0 < t.delta < 1,
            kind="typing",
            why="the root has no meaning for delta outside of it",
        ),
        Premise(
            "finite",
            r"$\mathcal F$ is finite.",
            holds=lambda t: len(t.functions) > 0,
            kind="typing",
            why="greatest deviations and Rademacher averages are maxima here; suprema of larger classes are limits of them",
        ),
    ),
    derivation=proof,
    interpret=interpret,
    instances=classes,
    check=check,
    stratum=stratum,
    beyond="the probability of a bad sample over explicit classes, by enumeration; symmetrisation, exactly",
    mutants=(
        Mutant(
            "without the average",
            r"$E f \le \frac1n \sum_i f(z_i) + 2\sqrt{\ln(1/\delta)/(2n)}$ for all $f \in \mathcal F$ at once.",
            rarely(lambda t, average: t.t()),
            lambda: spikes(4),
        ),
        Mutant(
            "once the average",
            r"$\widehat{\mathfrak R}_S$ in the place of $2\, \widehat{\mathfrak R}_S$.",
            rarely(lambda t, average: average + t.t()),
            lambda: spikes(4),
        ),
        Mutant(
            "a quarter of the root",
            r"$\frac12 \sqrt{\ln(1/\delta)/(2n)}$ in the place of $2 \sqrt{\ln(1/\delta)/(2n)}$.",
            rarely(lambda t, average: excess(average, t.t(HALF))),
            coin,
        ),
        Mutant(
            "without the root",
            r"$E f \le \frac1n \sum_i f(z_i) + 2\, \widehat{\mathfrak R}_S$ with probability $1 - \delta$.",
            rarely(lambda t, average: excess(arb(average), arb(0))),
            coin,
        ),
        Mutant(
            "half of symmetrisation",
            r"$E \max_f (E f - \frac1n \sum_i f(z_i)) \le E\, \widehat{\mathfrak R}_S$.",
            lambda t: at_most(
                sum((p * deviation(t.values, t.mu, s) for s, p in t.drawn()), fmpq(0)),
                sum((p * rademacher(t.values, s) for s, p in t.drawn()), fmpq(0)),
            ),
            lambda: spikes(4),
        ),
    ),
)
