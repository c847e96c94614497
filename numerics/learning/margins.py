r"""Margins and ramp risks on finite problems: how often a bound fails, random problems, and the sample that proofs speak of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

from flint import arb, fmpq
from hypothesis import strategies as st

from numerics.arithmetic.balls import ball, decide
from numerics.arithmetic.exact import Matrix
from numerics.evidence.verdict import Verdict, at_most
from numerics.learning.problems import ACTIVATIONS, Layers, Learning, deviation, rademacher, ramp
from numerics.strategies import labels, matrices, sizes

Sample = Sequence[int]
DELTAS = (Fraction(1, 100), Fraction(1, 10), Fraction(37, 100), Fraction(1, 2), Fraction(9, 10))


def losses(t: Learning) -> list[list[fmpq]]:
    """Ramp losses by network and point."""
    return [[ramp(M, t.gamma) for M in row] for row in t.margins()]


def errors(t: Learning) -> list[fmpq]:
    """The probability of an error, for each network. A tie counts as one."""
    return [sum((p for p, M in zip(t.probabilities, row, strict=True) if M <= 0), fmpq(0)) for row in t.margins()]


def gaps(t: Learning) -> list[tuple[tuple[int, ...], fmpq, int, fmpq]]:
    """(sample, probability, network, error minus training risk)."""
    wrong, risks = errors(t), losses(t)
    return [
        (s, p, j, wrong[j] - sum((risks[j][i] for i in s), fmpq(0)) / len(s))
        for s, p in t.samples()
        for j in t.allowed(s)
    ]


def failures_are_rare(
    t: Learning,
    gammas: Iterable[Fraction],
    bound: Callable[[Fraction, tuple[int, ...], int | None], arb | None],
    *,
    each: bool = True,
) -> Verdict:
    """Whether with probability at most delta some network breaks the bound at some of these margins, by enumeration.

    `bound(gamma, sample, network)` is what may be added to the training risk, `None` where there is no limit. It does not
    depend on the order of the sample and, without `each`, not on the network, which is then `None`.
    """

    def question(_: int) -> Verdict:
        bad: dict[tuple[int, ...], fmpq] = {}
        known: dict[Any, arb | None] = {}
        for gamma in gammas:
            for s, p, j, gap in gaps(replace(t, gamma=gamma)):
                if gap <= 0 or s in bad:
                    continue
                key = (gamma, tuple(sorted(s)), j if each else None)
                if key not in known:
                    known[key] = bound(*key)
                allowed = known[key]
                if allowed is None:
                    continue
                verdict = at_most(gap, allowed)
                if verdict.undecided:
                    return verdict
                if verdict.fails:
                    bad[s] = p
        return at_most(sum(bad.values(), fmpq(0)), t.delta, "probability that the bound fails")

    return decide(question)


# Problems.


@st.composite
def distributions(draw, count: int) -> tuple[Fraction, ...]:
    """Probabilities of `count` outcomes, none of them 0; all equal is simplest."""
    weights = [draw(sizes(1, 4)) for _ in range(count)]
    return tuple(Fraction(w, sum(weights)) for w in weights)


@st.composite
def networks(draw, widths: Sequence[int]) -> Layers:
    return tuple(draw(matrices(widths[i + 1], widths[i])) for i in range(len(widths) - 1))


@st.composite
def learnings(
    draw, depths: tuple[int, int] = (1, 2), activations: Iterable[str] = tuple(sorted(ACTIVATIONS))
) -> Learning:
    """Problems at margin 1 with at most three points and three networks, and at most 9 samples of two or three of them."""
    k = draw(sizes(1, 3))
    n = draw(sizes(1, 3 if k < 3 else 2))
    widths = [draw(sizes(1, 2)) for _ in range(draw(sizes(*depths)))] + [draw(sizes(2, 3))]
    classes = tuple(draw(networks(widths)) for _ in range(draw(sizes(1, 3))))
    return Learning(
        draw(matrices(k, widths[0])),
        draw(labels(k, widths[-1])),
        draw(distributions(k)),
        classes,
        n,
        Fraction(1),
        draw(st.sampled_from(DELTAS)),
        activation=draw(st.sampled_from(list(activations))),
    )


def coin(n: int = 1, delta: Fraction = Fraction(9, 10), **change: Any) -> Learning:
    """One input with both labels, and the two constant classifiers with margin 1."""
    constant = ((Matrix([["1/2"], ["-1/2"]]),), (Matrix([["-1/2"], ["1/2"]]),))
    t = Learning(Matrix([[1], [1]]), (0, 1), (Fraction(1, 2),) * 2, constant, n, Fraction(1), delta)
    return replace(t, **change)


# Models.


def own_class_first(t: Learning) -> Matrix:
    """By network the outputs at every point below each other, that of the point's own class first."""
    outputs = [
        [Z[i, c] for i, y in enumerate(t.labels) for c in [y, *(c for c in range(Z.cols) if c != y)]]
        for Z in t.scores()
    ]
    return Matrix([list(row) for row in zip(*outputs, strict=True)])


def good_in_all_cells(
    t: Learning, cells: Sequence[tuple[Sequence[Sequence[fmpq]], fmpq]]
) -> tuple[tuple[int, ...], dict[str, Any]]:
    r"""A sample that is good for all cells, and the letters of `_every_scale.every_scale`, but for outputs and labels.

    A cell is the losses of its class, by network and point, and its share of $\delta$. The last cell has all networks of the
    problem; the network there is the one that errs most.
    """
    chances, drawn = t.probabilities, list(t.samples())
    values: dict[str, Any] = {"U[0]": 0, "V[0]": 0}
    U = V = fmpq(0)
    good = set(range(len(drawn)))
    for i, (F, share) in enumerate(cells, 1):
        G = [deviation(F, chances, s) for s, _ in drawn]
        N = [rademacher(F, s) for s, _ in drawn]
        x = (ball(t.delta) * share).log()
        bound = 2 * (-x / (2 * t.n)).sqrt()
        bad = {j for j, (a, b) in enumerate(zip(G, N, strict=True)) if a - 2 * b > bound}
        good -= bad
        p = sum((drawn[j][1] for j in bad), fmpq(0))
        U, V = U + p, V + share
        values |= {
            f"F[{i}]": Matrix([list(row) for row in zip(*F, strict=True)]),
            f"G[{i}]": Matrix([[a] for a in G]),
            f"N[{i}]": Matrix([[a] for a in N]),
            f"o[{i}]": share,
            f"x[{i}]": x,
            f"t[{i}]": bound,
            f"p[{i}]": p,
            f"U[{i}]": U,
            f"V[{i}]": V,
            f"w[{i}]": Matrix([[int(j == 0)] for j in range(len(F))]),
        }
    here = max(good, key=lambda j: drawn[j][0])
    s, last = drawn[here][0], cells[-1][0]
    for i, (F, _) in enumerate(cells, 1):
        values[f"s[{i}]"] = sum((F[0][j] for j in s), fmpq(0)) / t.n
    error, risk, v = max((e, sum(last[j][i] for i in s) / t.n, j) for j, e in enumerate(errors(t)))
    return s, values | {
        "mu": Matrix([[p] for p in chances]),
        "P": Matrix([[p] for _, p in drawn]),
        "u": Matrix([[int(j == here)] for j in range(len(drawn))]),
        "v": Matrix([[int(j == v)] for j in range(len(last))]),
        "n": t.n,
        "delta": t.delta,
        "q": sum((drawn[j][1] for j in range(len(drawn)) if j not in good), fmpq(0)),
        "err": error,
        "risk": risk,
    }


def good_sample(t: Learning, bound: arb) -> tuple[tuple[int, ...], dict[str, Any]]:
    r"""A sample with $\varphi = G - 2N \le$ `bound`, and the letters of the proofs for it.

    Of the good samples it is the one with the greatest deviation, and the network is the one that errs most.
    """
    F, chances, drawn = losses(t), t.probabilities, list(t.samples())
    G = [deviation(F, chances, s) for s, _ in drawn]
    N = [rademacher(F, s) for s, _ in drawn]
    good = [i for i in range(len(drawn)) if G[i] - 2 * N[i] <= bound]
    here = max(good, key=lambda i: G[i])
    s, _ = drawn[here]
    error, risk, v = max((e, sum(F[j][i] for i in s) / t.n, j) for j, e in enumerate(errors(t)))
    return s, {
        "mu": Matrix([[p] for p in chances]),
        "F": Matrix([list(row) for row in zip(*F, strict=True)]),
        "P": Matrix([[p] for _, p in drawn]),
        "G": Matrix([[x] for x in G]),
        "N": Matrix([[x] for x in N]),
        "H": own_class_first(t),
        "Z": t.inputs,
        "u": Matrix([[int(i == here)] for i in range(len(drawn))]),
        "v": Matrix([[int(j == v)] for j in range(len(F))]),
        "n": t.n,
        "delta": t.delta,
        "t": bound,
        "p": sum((p for (_, p), x, y in zip(drawn, G, N, strict=True) if x - 2 * y > bound), fmpq(0)),
        "err": error,
        "risk": risk,
        "gamma": t.gamma,
        "x": t.data_norm(s),
    }
