r"""Counting activation patterns bounds the error of piecewise linear networks, whatever their weights.

**Theorem.** Fix an architecture: linear layers (dense or convolution, with biases), activations with two linear pieces that meet at 0
(ReLU, leaky ReLU, absolute value), max-pooling, average pooling and sums of values. Number its nonlinear layers $i = 1, \dots, S$ in an order in which they
can be computed. Layer $i$ decides by the signs of $k_i$ numbers for each input (its units; for max-pooling the differences of the
pairs in each window), which are polynomials of degree at most $d_i$, the greatest number of linear layers on a way to it, in the
$W_i$ parameters before it; the last step decides the class by the $\binom k2$ differences of the $k \ge 2$ outputs. For $n$ inputs let
$$\ln N_i = \begin{cases} \min\big(n k_i \ln 2,\ \ln 2 + W_i \ln \frac{2 e n k_i d_i}{W_i}\big) & n k_i \ge W_i \\
  n k_i \ln 2 & n k_i < W_i.\end{cases}$$
Then the networks classify $n$ inputs in at most $e^G$ ways, $G = \sum_i \ln N_i$. With probability at least $1 - \delta$ over $n$ independent
examples, for all weights,
$$\Pr[\operatorname{argmax} F(x) \ne y] \le \frac1n \#\{l : \operatorname{argmax} F(x_l) \ne y_l\} +
  2\sqrt{\frac{G}{2n}} + \sqrt{\frac{\ln(1/\delta)}{2n}},$$
ties of the argmax broken in a fixed order. For two classes the VC dimension is at most the greatest $n$ with $G \ge n \ln 2$, hence at most
$S + w \log_2(4 e R \log_2(2 e R))$ with $w = \sum_i W_i$ and $R = \sum_i k_i d_i$, if $R \ge 3$ and $w \ge S$. For sign units in the place of the
activations the same holds with $d_i = 1$ and $W_i$ the parameters of layer $i$ alone.

**Idea.** Where all earlier decisions are fixed, the next numbers are polynomials in the parameters, and Warren's theorem bounds the sign vectors of
$M$ polynomials of degree $d$ in $W \le M$ variables by $2(2eMd/W)^W$. So each nonlinear layer cuts each cell of parameters into at most $N_i$.
Finitely many patterns of 0-1 losses have a Rademacher average of at most $\sqrt{G/(2n)}$ (Massart, losses centred), symmetrisation doubles it,
and McDiarmid adds the last term. For sign units outputs are constant on a cell, so that the next numbers are linear in the layer's own parameters. The
closed form is weighted arithmetic and geometric means, $2^n \le 2^S (2enR/w)^w$, and $2^n \le 2^t (nr/w)^w \Rightarrow n \le t + w \log_2(2 r \log_2 r)$
for $r \ge 16$ and $n \ge w \ge t$.
Cited: Warren, Massart, symmetrisation, McDiarmid; the sum over the layers and the assembly are proved.

**Reading.** This is Theorem 7 of Bartlett, Harvey, Liaw and Mehrabian in the form before it is solved for $n$, for networks with many classes,
shared weights and skip connections. Solving the inequality with the true $N_i$ is never worse than the closed form. The often quoted
$O(|E| \log |E|)$, $|E|$ the number of edges, holds for sign units; for ReLU the depth enters. A sign of two values decides by one
number $z$. The activation `sign` here has three, with the value 0 at 0, and decides by two, $z$ and $-z$: its $k_i$ is twice the number of
its units.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from flint import arb, ctx, fmpq
from hypothesis import strategies as st

from numerics.arithmetic.balls import ball, decide
from numerics.arithmetic.exact import Matrix
from numerics.evidence.verdict import Verdict, at_most, decided, every
from numerics.learning.growth import Step, growth, log_patterns, vc_closed, vc_dimension
from numerics.learning.margins import coin, learnings
from numerics.learning.problems import ACTIVATIONS, Layers, Learning, deviation, rademacher, rarely_fails
from numerics.strategies import matrices, sizes
from theorems import Citation, Claim, Mutant, Premise
from theorems.cited import counting
from theorems.proof import Derivation
from theorems.proof.crosscheck import Model
from theorems.schemes import premises


def vc_excess(root, t):
    r"""$2\sqrt{G/(2n)} + \sqrt{\ln(1/\delta)/(2n)}$ with the roots as given."""
    return 2 * root + t


# Proof.


def proof() -> Derivation:
    from theorems.cited import learning as cited
    from theorems.proof import Indexed, at_least, at_most, equal, nonnegative, positive, predicate, zero

    def cells(g, i):
        return predicate(f"g is the logarithm of the number of patterns of decisions [{i}] and before", g)

    d = Derivation("counting patterns")
    S = d.index_constant("S")
    mu, F, P, G, N, u, v = d.matrices("mu: k 1", "F: k r", "P: q 1", "G: q 1", "N: q 1", "u: q 1", "v: r 1")
    n, delta, t, p, log_delta, err, risk, root = d.scalars("n delta t p ln(delta) err risk root")
    g, x, k, D, W, T = (d.family(f"{name}[i]: 1 1", "i") for name in ["g", "x", "k", "D", "W", "T"])

    def each(relation):
        return d.given(Indexed(relation, "i", "1", S))

    # The patterns: g_S <= x_1 + ... + x_S = T_S.
    cuts, summed = (
        each(counting.cut(g("i"), g("i-1"), x("i"), k("i"), D("i"), W("i"), n)),
        each(equal(T("i"), T("i-1") + x("i"))),
    )
    g_0, T_0 = d.given(zero(g("0"))), d.given(zero(T("0")))
    j = d.index("j", "0", f"{S}-1")
    here = d.suppose(at_most(g("j"), T("j")))
    place = {"g": g("j+1"), "f": g("j"), "x": x("j+1"), "k": k("j+1"), "D": D("j+1"), "W": W("j+1"), "n": n}
    _, (grown,) = d.axiom(counting.WARREN, place, [d.at(cuts, "j+1")])
    step = d.squares(at_most(g("j+1"), T("j+1")), [(1, here), (1, grown)], [d.at(summed, "j+1")])
    base = d.weaken(d.algebra(equal(T("0") - g("0"), 0), [g_0, T_0]), at_most(g("0"), T("0")))
    total = d.weaken(d.at(d.induction(j, here, step, base), S), d.goal(at_most(g(S), T(S))))

    # The deviation: McDiarmid for G itself, since the average is bounded for all samples.
    n_positive = d.given(positive(n))
    nu, inverse = d.reciprocal(n_positive, "1/n")
    drawn, greatest = d.given(cited.samples(P, mu, n)), d.given(cited.deviations(G, F, mu, n))
    rad, unit, patterns = (
        d.given(cited.averages(N, F, n)),
        d.given(cited.losses(F)),
        d.given(counting.patterns(F, n, g(S))),
    )
    root_sign, root_value = d.given(nonnegative(root)), d.given(equal(2 * n * root**2, T(S)), "root = sqrt(G/(2n))")
    enough = d.squares(at_least(2 * n * root**2, g(S)), [(1, total)], [root_value])
    place = {"mu": mu, "F": F, "N": N, "P": P, "n": n, "g": g(S), "v": root}
    _, (small,) = d.axiom(counting.MASSART, place, [drawn, rad, patterns, root_sign, enough])
    place = {"mu": mu, "F": F, "P": P, "G": G, "N": N, "n": n}
    _, (mean,) = d.axiom(cited.SYMMETRISATION, place, [drawn, greatest, rad, unit])
    place = {"mu": mu, "F": F, "G": G, "n": n, "c": nu}
    _, (changes,) = d.axiom(cited.CHANGE_OF_DEVIATION, place, [greatest, unit, inverse])
    named, t_sign = d.given(cited.logarithm(log_delta, delta)), d.given(nonnegative(t))
    t_value = d.given(equal(2 * n * t**2, -log_delta), "t = sqrt(ln(1/delta)/(2n))")
    allowed = vc_excess(root, t)
    tail = d.given(cited.beyond(p, G, P, allowed))
    above = d.squares(at_least(allowed, P.T @ G + t), [(1, mean), (2, small)])
    squared = d.algebra(equal(2 * t**2, -n * nu**2 * log_delta), [inverse, t_value], rounds=4)
    place = {"mu": mu, "Phi": G, "P": P, "n": n, "c": nu, "tau": t, "s": allowed, "p": p, "delta": delta}
    place |= {"x": log_delta}
    d.goal(at_most(p, delta))
    d.axiom(cited.MCDIARMID, place, [drawn, changes, tail, named, t_sign, above, squared])

    mean_loss, good = d.given(cited.average(risk, F, v, u, n)), d.given(at_most(u.T @ G, allowed), "a good sample")
    error = d.given(equal(err, mu.T @ F @ v), "the error of the network")
    place = {"mu": mu, "F": F, "G": G, "u": u, "v": v, "n": n, "r": risk}
    _, (of_network,) = d.axiom(cited.DEFINITION, place, [greatest, mean_loss])
    d.squares(d.goal(at_most(err, risk + allowed)), [(1, of_network), (1, good)], [error])

    cited.evaluate_predicates(d)

    def is_cut(g: Any, f: Any, x: Any, k: Any, D: Any, W: Any, n: Any) -> bool:
        found = log_patterns(int(k.p) * int(n.p), int(D.p), int(W.p))
        return bool(arb(x).overlaps(found)) and not arb(g) > arb(f) + found

    d.model_predicate(counting.cut(*[err] * 7).predicate, is_cut)
    d.model_predicate(counting.patterns(F, n, err).predicate, lambda F, n, g: _patterns_at_most(F, int(n.p), g))
    return d


def _patterns_at_most(F: Matrix, n: int, g: Any) -> bool:
    for s in itertools.product(range(F.rows), repeat=n):
        count = len({tuple(F[i, j] for i in s) for j in range(F.cols)})
        if arb(count).log() > arb(g):
            return False
    return all(F[i, j] in (0, 1) for i in range(F.rows) for j in range(F.cols))


# Check.


@dataclass(frozen=True)
class Classifiers:
    """A finite problem, and inputs in rows on which the class of all networks with small integer weights is counted.

    With `signs` the units are signs instead, of two values (1) or three (2): so many numbers decide each.
    """

    problem: Learning
    points: Matrix
    signs: int = 0

    def steps(self) -> list[Step]:
        layers = self.problem.networks[0]
        found, before = [], 0
        for i, W in enumerate(layers, 1):
            before += W.rows * W.cols
            last = i == len(layers)
            units = W.rows * (W.rows - 1) // 2 if last else W.rows * max(1, self.signs)
            found.append(Step(units, 1, W.rows * W.cols) if self.signs else Step(units, i, before))
        return found

    def networks(self) -> list[Layers]:
        """All networks of the architecture with few integer weights, or those of the problem when there are many."""
        shapes = [W.shape for W in self.problem.networks[0]]
        count = sum(a * b for a, b in shapes)
        if count > 4:
            return list(self.problem.networks)
        found = []
        for entries in itertools.product((-1, 0, 1), repeat=count):
            left, layers = list(entries), []
            for a, b in shapes:
                layers.append(Matrix([[left.pop() for _ in range(b)] for _ in range(a)]))
            found.append(tuple(layers))
        return found


def act(t: Classifiers, x: fmpq) -> fmpq:
    return fmpq(int(x > 0) - int(x < 0 and t.signs == 2)) if t.signs else ACTIVATIONS[t.problem.activation](x)


def decisions(t: Classifiers, layers: Layers, X: Matrix) -> list[tuple[int, ...]]:
    """For each step what the network decides on the inputs: signs of units, then of differences of outputs."""
    found, Z = [], X
    for W in layers[:-1]:
        Y = Z @ W.T
        sides = (1, -1) if t.signs == 2 else (1,)
        found.append(tuple(int(s * Y[i, j] > 0) for i in range(Y.rows) for j in range(Y.cols) for s in sides))
        Z = Matrix([[act(t, Y[i, j]) for j in range(Y.cols)] for i in range(Y.rows)])
    Y = Z @ layers[-1].T
    pairs = list(itertools.combinations(range(Y.cols), 2))
    found.append(tuple(int(Y[i, b] - Y[i, a] > 0) for i in range(Y.rows) for a, b in pairs))
    return found


def winners(t: Classifiers, layers: Layers, X: Matrix) -> tuple[int, ...]:
    Z = X
    for W in layers[:-1]:
        Z = Z @ W.T
        Z = Matrix([[act(t, Z[i, j]) for j in range(Z.cols)] for i in range(Z.rows)])
    Z = Z @ layers[-1].T
    return tuple(max(range(Z.cols), key=lambda c: (Z[i, c], -c)) for i in range(Z.rows))


def errs(t: Classifiers) -> list[list[int]]:
    problem = t.problem
    return [
        [int(c != y) for c, y in zip(winners(t, layers, problem.inputs), problem.labels, strict=True)]
        for layers in problem.networks
    ]


def counts(t: Classifiers, steps: Sequence[Step] | None = None) -> Verdict:
    """The patterns of all small integer networks on the points, after each step, against the product of the N_i."""
    chosen, n = t.steps() if steps is None else steps, t.points.rows
    networks = t.networks()
    made = [decisions(t, layers, t.points) for layers in networks]

    def below(found: int, first: Sequence[Step]) -> Verdict:
        # 2 to the number of decisions is compared exactly; a ball decides where Warren's count is less.
        whole = sum(n * one.units for one in first)
        verdict = at_most(found, 2**whole, "patterns")
        if growth(first, n) < whole * arb(2).log():
            return verdict & decide(lambda _: at_most(arb(found).log(), growth(first, n), "patterns"))
        return verdict

    verdicts = [below(len({tuple(m[:i]) for m in made}), chosen[:i]) for i in range(1, len(chosen) + 1)]
    return every([*verdicts, below(len({winners(t, layers, t.points) for layers in networks}), chosen)])


def fails_rarely(t: Classifiers, factor: int = 2) -> Verdict:
    """The probability, over all samples, that some network of the problem breaks the bound."""
    problem, n = t.problem, t.problem.n
    F = [[fmpq(x) for x in row] for row in errs(t)]
    chances = problem.probabilities

    def holds(s: tuple[int, ...]) -> Verdict:
        # On a finite class the logarithm of its size may stand for G, which makes the test sharper.
        G = growth(t.steps(), n).min(arb(len({tuple(row) for row in F})).log())
        allowed = vc_excess((G / (2 * n)).sqrt() * factor / 2, ((1 / ball(problem.delta)).log() / (2 * n)).sqrt())
        return at_most(deviation(F, chances, s), allowed)

    return rarely_fails(problem.samples, holds, problem.delta)


def massart(t: Classifiers, factor: Fraction = Fraction(1)) -> Verdict:
    F = [[fmpq(x) for x in row] for row in errs(t)]
    verdicts = []
    for s, _ in t.problem.samples():
        if list(s) == sorted(s):
            count = len({tuple(row[i] for i in s) for row in F})
            bound = (arb(count).log() / (2 * t.problem.n)).sqrt() * ball(factor)
            average = rademacher(F, s)
            verdicts.append(
                at_most(average, 0) if count == 1 else decide(lambda _, a=average, b=bound: at_most(a, b, "Massart"))
            )
    return every(verdicts)


def closed_form(t: Classifiers, least: int) -> Verdict:
    """The solved inequality against the closed form, where R is at least this much and w at least S."""
    steps = t.steps()
    R, w = sum(one.units * one.degree for one in steps), sum(one.parameters for one in steps)
    if R < least or w < len(steps):
        return decided(True, "the closed form says nothing")
    return decide(lambda _: at_most(vc_dimension(steps), vc_closed(steps), "solved inequality against the closed form"))


def check(t: Classifiers) -> Verdict:
    verdicts = [fails_rarely(t)]
    if t.problem.copies:
        return every(verdicts)
    verdicts += [counts(t), massart(t)]
    if t.problem.networks[0][-1].rows == 2:
        m = vc_dimension(t.steps())
        verdicts.append(closed_form(t, 3))
        shattered = 0
        for size in range(1, min(t.points.rows, 4) + 1):
            part = Matrix([[t.points[i, j] for j in range(t.points.cols)] for i in range(size)])
            ways = {winners(t, layers, part) for layers in t.networks()}
            shattered = size if len(ways) == 2**size else shattered
        verdicts.append(at_most(shattered, m, "points shattered"))
    return every(verdicts)


@st.composite
def classifiers(draw) -> Classifiers:
    problem = draw(learnings(activations=("relu", "abs")))
    inputs = draw(matrices(draw(sizes(1, 8)), problem.inputs.cols))
    return Classifiers(problem, inputs, draw(st.sampled_from([0, 0, 1, 2])))


def interpret(t: Classifiers) -> Model | None:
    problem, n = t.problem, t.problem.n
    with ctx.workprec(320):
        F = [[fmpq(x) for x in row] for row in errs(t)]
        chances = problem.probabilities
        samples, P = [s for s, _ in problem.samples()], [p for _, p in problem.samples()]
        G, N = [deviation(F, chances, s) for s in samples], [rademacher(F, s) for s in samples]
        steps = t.steps()
        total = growth(steps, n)
        root, bound = (total / (2 * n)).sqrt(), ((1 / ball(problem.delta)).log() / (2 * n)).sqrt()
        allowed = vc_excess(root, bound)
        good = [i for i, x in enumerate(G) if x <= allowed]
        if not good:
            return None
        here = max(good, key=lambda i: G[i])
        s = samples[here]
        v = max(range(len(F)), key=lambda j: sum((c * x for c, x in zip(chances, F[j], strict=True)), fmpq(0)))
        made = [decisions(t, layers, problem.inputs) for layers in problem.networks]
        values: dict[str, Any] = {"g[0]": 0, "T[0]": 0}
        T: Any = fmpq(0)
        for i, one in enumerate(steps, 1):
            # The most patterns on a sample of n points, for the networks of the problem.
            most = max(
                len({tuple(_on(m[:i], points, len(problem.labels)) for m in [row]) for row in made})
                for points in samples
            )
            x = log_patterns(one.units * n, one.degree, one.parameters)
            T = T + x
            values |= {f"g[{i}]": arb(most).log(), f"x[{i}]": x, f"T[{i}]": T}
            values |= {f"k[{i}]": one.units, f"D[{i}]": one.degree, f"W[{i}]": one.parameters}
        values |= {
            "mu": Matrix([[c] for c in chances]),
            "F": Matrix([list(row) for row in zip(*F, strict=True)]),
            "P": Matrix([[p] for p in P]),
            "G": Matrix([[x] for x in G]),
            "N": Matrix([[x] for x in N]),
            "u": Matrix([[int(i == here)] for i in range(len(samples))]),
            "v": Matrix([[int(j == v)] for j in range(len(F))]),
            "n": n,
            "delta": problem.delta,
            "ln(delta)": ball(problem.delta).log(),
            "t": bound,
            "root": root,
            "p": sum((p for p, x in zip(P, G, strict=True) if x > allowed), fmpq(0)),
            "err": sum((c * x for c, x in zip(chances, F[v], strict=True)), fmpq(0)),
            "risk": sum((F[v][i] for i in s), fmpq(0)) / n,
        }
        return Model(values, indices={"S": len(steps)})


def _on(decided: Sequence[tuple[int, ...]], sample: Sequence[int], points: int) -> tuple[tuple[int, ...], ...]:
    """The decisions at the points of a sample only."""
    return tuple(tuple(d[i * (len(d) // points) + j] for i in sample for j in range(len(d) // points)) for d in decided)


def stratum(t: Classifiers) -> str:
    return "sign units" if t.signs and len(t.problem.networks[0]) > 1 else "generic"


# Colophon.


def line(n: int = 12) -> Classifiers:
    """The inputs (1, -5), (1, -4), ... and one linear layer with two outputs: thresholds on a line."""
    problem = coin(inputs=Matrix([[1, 0], [1, 1]]), networks=((Matrix([[0, 0], [0, 0]]),),))
    return Classifiers(problem, Matrix([[1, Fraction(2 * i - n, 2)] for i in range(n)]))


def tie() -> Classifiers:
    """The input 1 and one sign unit, which is negative, positive or undecided there."""
    problem = coin(inputs=Matrix([[1], [1]]), networks=((Matrix([[0]]), Matrix([[1], [0]])),))
    return Classifiers(problem, Matrix([[1]]), 2)


def without_ties(t: Classifiers) -> Verdict:
    """The patterns of signs of the first layer against the count for two values."""
    made = {decisions(t, layers, t.points)[0] for layers in t.networks()}
    return decide(lambda _: at_most(arb(len(made)), growth([replace(t, signs=1).steps()[0]], t.points.rows).exp()))


def constants() -> Classifiers:
    return Classifiers(coin(), Matrix([[1]]))


claim = Claim(
    __name__,
    __doc__,
    source=Citation("bartlett2019nearly", "Theorem 7, as announced in the head of the paper"),
    also=(Citation("shalev2014understanding", "Lemmas 26.2, 26.4 and 26.8"),),
    premises=(
        premises.independent(
            holds=lambda t: not t.problem.copies,
            without=lambda: replace(constants(), problem=coin(n=250_000, delta=Fraction(2, 5), copies=True)),
            show=lambda t: "one toss, repeated: error - training error = 1/2, allowed less than 1/50",
        ),
        Premise(
            "two pieces at zero",
            "Every activation is linear on either side of 0, or a sign.",
            holds=lambda t: t.problem.activation in ACTIVATIONS,
            kind="typing",
            why="the numbers k_i, d_i and W_i count the decisions of such units; the sine of one weight shatters any number of points",
        ),
        Premise(
            "probability",
            r"$0 < \delta < 1$.",
            holds=lambda t: 0 < t.problem.delta < 1,
            kind="typing",
            why="delta is the probability that the bound fails",
        ),
    ),
    derivation=proof,
    interpret=interpret,
    instances=classifiers,
    check=check,
    stratum=stratum,
    beyond="all networks with small integer weights: their activation patterns and classifications on up to 8 points, for ReLU-like and sign "
    "units; shattered points against the solved inequality, and that against the closed form",
    mutants=(
        Mutant(
            "without parameters",
            r"$\ln N_i$ may be $\ln 2$: the number of ways does not grow with $n$.",
            lambda t: at_most(len({winners(t, a, t.points) for a in t.networks()}), 2),
            line,
        ),
        Mutant(
            "closed form for every R",
            r"The VC dimension that solves the inequality is at most $S + w \log_2(4eR\log_2(2eR))$ for $R = 1$ too (it is 20, against 19.9).",
            lambda t: closed_form(t, 1),
            line,
        ),
        Mutant(
            "half of Massart",
            r"The Rademacher average of the losses is at most $\frac12\sqrt{G/(2n)}$.",
            lambda t: massart(t, Fraction(1, 2)),
            constants,
        ),
        Mutant(
            "VC dimension is the number of outputs",
            r"The VC dimension is at most 1 for one linear layer on the line.",
            lambda t: at_most(len({winners(t, a, Matrix([[1, 0], [1, 1]])) for a in t.networks()}), 3),
            line,
        ),
        Mutant(
            "a sign never vanishes",
            r"A sign with the value 0 at 0 decides by one number as well.",
            without_ties,
            tie,
        ),
    ),
)
