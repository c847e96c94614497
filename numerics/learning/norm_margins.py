r"""Norm-based margin bounds on finite problems: how often they fail, and what the Rademacher averages really are.

A norm-based bound is a `Norm`: a size of networks, homogeneous of degree 1, and a factor of the sample such that the
expected supremum $E \max_f \sum_i \varepsilon_i f_j(x_i)$ of each output $j$ is at most size times factor.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from flint import arb, fmpq
from hypothesis import strategies as st

from numerics.arithmetic.balls import ball, decide
from numerics.arithmetic.exact import Matrix, rational
from numerics.evidence.verdict import Verdict, at_most, equal, every
from numerics.learning.enumeration import expected_supremum
from numerics.learning.margins import coin, failures_are_rare, gaps, good_in_all_cells, learnings
from numerics.learning.problems import ACTIVATIONS, Layers, Learning, rademacher, ramp
from numerics.learning.scales import norm_excess, number_of
from numerics.strategies import rationals

Sample = Sequence[int]


BEYOND = (
    "the expected suprema of every output over explicit classes, exactly, against size times factor; the probability that "
    "some network at some margin breaks the bound"
)


@dataclass(frozen=True)
class Search:
    """A finite problem and the margins that are tried on it after the data is seen (its own `gamma` is not used)."""

    problem: Learning
    gammas: tuple[Fraction, ...]


@dataclass(frozen=True)
class Norm:
    """A size of networks, and what the sample contributes; `depth` of a network is the number of its matrices."""

    size: Callable[[Layers], arb]
    factor: Callable[[Learning, Sample], arb]


Rows = list[list[fmpq]]


def rows(W: Matrix) -> Rows:
    return [[W[i, j] for j in range(W.cols)] for i in range(W.rows)]


def product(norm: Callable[[Rows], arb], last: Callable[[Rows], arb] | None = None) -> Callable[[Layers], arb]:
    """The size that multiplies a norm of every layer, or of every layer but the last, whose norm is `last`."""

    def size(layers: Layers) -> arb:
        result = (last or norm)(rows(layers[-1]))
        for W in layers[:-1]:
            result *= norm(rows(W))
        return result

    return size


def cell_number(size: arb, gamma: Fraction) -> tuple[int, int]:
    r"""The exponent $e$ with size$/\gamma \le 2^e$, the least that the ball shows, and the number of its cell."""
    upper = (size / ball(gamma)).upper()
    if upper.is_zero():
        return 0, 1
    e = 0
    while upper > arb(2) ** e:
        e += 1
    while upper <= arb(2) ** (e - 1):
        e -= 1
    return e, number_of(e)


def confidence(t: Learning, cell: int) -> arb:
    r"""$2\sqrt{\ln(i(i+1)/\delta)/(2n)}$."""
    return 2 * ((cell * (cell + 1) / ball(t.delta)).log() / (2 * t.n)).sqrt()


def allowed(t: Learning, norm: Norm, size: arb, gamma: Fraction, sample: Sample) -> arb:
    """What the bound adds to the training risk."""
    e, cell = cell_number(size, gamma)
    classes = t.networks[0][-1].rows
    return norm_excess(arb(2) ** e * norm.factor(t, sample), classes, confidence(t, cell), arb(fmpq(1, t.n)))


def fails_rarely(t: Search, norm: Norm) -> Verdict:
    """Whether with probability at most delta some network breaks the bound at some margin."""
    problem = t.problem

    def bound(gamma: Fraction, s: tuple[int, ...], j: int | None) -> arb:
        assert j is not None
        return allowed(problem, norm, norm.size(problem.networks[j]), gamma, s)

    return failures_are_rare(problem, t.gammas, bound)


def suprema(t: Learning, sample: Sample) -> list[fmpq]:
    """The expected supremum of each output over the networks of the problem, exactly."""
    scores = t.scores()
    return [expected_supremum([[Z[i, c] for i in sample] for Z in scores], len(sample)) for c in range(scores[0].cols)]


def complexity_obeys(t: Search, norm: Norm) -> Verdict:
    """The steps of the proof on the whole class: contraction to single outputs, and size times factor."""
    problem = t.problem
    verdicts = []
    largest = arb(0)
    for layers in problem.networks:
        largest = largest.max(norm.size(layers))
    for s, _ in problem.samples():
        if list(s) != sorted(s):
            continue
        T = suprema(problem, s)
        for gamma in t.gammas:
            losses = [[ramp(M, gamma) for M in row] for row in problem.margins()]
            verdicts.append(at_most(problem.n * rademacher(losses, s) * rational(gamma), 2 * sum(T), "contraction"))
        verdicts.append(decide(lambda _, s=s, T=T: _within(max(T), largest * norm.factor(problem, s))))
    return every(verdicts)


def _within(T: fmpq, bound: arb) -> Verdict:
    # Where the bound is attained balls cannot decide; a root is then compared by its square.
    verdict = at_most(T, bound, "expected supremum of an output")
    return at_most(T * T, bound * bound * (1 + arb(2) ** -40)) if verdict.undecided else verdict


def check(t: Search, norm: Norm) -> Verdict:
    verdicts = [fails_rarely(t, norm)]
    if not (t.problem.copies or t.problem.shift):
        verdicts.append(complexity_obeys(t, norm))
    return every(verdicts)


@st.composite
def searches(draw, depths: tuple[int, int] = (1, 3), activations: Sequence[str] = tuple(sorted(ACTIVATIONS))) -> Search:
    problem = draw(learnings(depths, activations))
    if draw(st.booleans()):  # with the negatives of the last layers, suprema are large
        negatives = tuple((*layers[:-1], -layers[-1]) for layers in problem.networks)
        problem = replace(problem, networks=problem.networks + negatives)
    gamma = draw(rationals()) ** 2 or Fraction(1)
    return Search(problem, tuple(sorted({gamma, gamma * draw(st.sampled_from([Fraction(1, 9), Fraction(50)]))})))


def stratum(t: Search) -> str:
    return "all inputs are zero" if t.problem.inputs.is_zero() else "generic"


def tossed() -> Search:
    """One toss of a coin, repeated 250 000 times, and the two constant classifiers."""
    return Search(coin(n=250_000, delta=Fraction(2, 5), copies=True), (Fraction(1),))


def simple() -> Search:
    return Search(coin(), (Fraction(1),))


def plus_minus(*layers: Matrix, **change: Any) -> Search:
    """The coin, changed, with the two networks of scores $(f, -f)$ and $(-f, f)$; the last of the layers of $f$ is a row."""
    *hidden, last = layers
    networks = tuple(
        (*hidden, Matrix([[s * x for x in last.entries()] for s in signs])) for signs in ((1, -1), (-1, 1))
    )
    return Search(coin(networks=networks, **change), (Fraction(1),))


def single_input() -> Search:
    """One input 1 seen once, and the networks +-x: the supremum 1 is attained."""
    return plus_minus(Matrix([[1]]), inputs=Matrix([[1]]), labels=(0,), chances=(1,))


def wide(units: int = 100) -> Search:
    """x -> +-(x_+ + ... + x_+), every unit with the weight 1."""
    return plus_minus(Matrix([[1]] * units), Matrix([[1] * units]))


def shown(norm: Norm) -> Callable[[Search], str]:
    def show(t: Search) -> str:
        gamma = t.gammas[0]
        s, _, j, gap = max(gaps(replace(t.problem, gamma=gamma)), key=lambda row: row[3])
        bound = allowed(t.problem, norm, norm.size(t.problem.networks[j]), gamma, s)
        return f"error - training risk = {gap}, the bound allows {bound.str(4, radius=False)}"

    return show


def sign_class(n: int, width: int = 2) -> Search:
    """Orthonormal inputs and all linear classifiers $(w, -w)$ with $w$ a vector of signs: suprema are $n$, the largest."""
    networks = tuple((Matrix([list(e), [-x for x in e]][:width]),) for e in itertools.product((1, -1), repeat=n))
    inputs = Matrix([[int(i == j) for j in range(n)] for i in range(n)])
    chances = tuple(Fraction(1, n) for _ in range(n))
    return Search(Learning(inputs, (0,) * n, chances, networks, n, Fraction(1), Fraction(1, 2)), (Fraction(1),))


def attained(t: Search) -> Verdict:
    s = range(len(t.problem.labels))
    return equal(max(suprema(t.problem, s)), len(s))


def alone(t: Search, norm: Norm) -> Verdict:
    """That size times factor bounds the suprema, on the sample of all points once."""
    s = tuple(range(len(t.problem.labels)))
    largest = arb(0)
    for layers in t.problem.networks:
        largest = largest.max(norm.size(layers))
    return decide(lambda _: _within(max(suprema(t.problem, s)), largest * norm.factor(t.problem, s)))


def interpret_cells(t: Search) -> dict[str, object]:
    """Values for `_every_scale.every_scale` with two cells; cell 2 has all networks at the first margin, cell 1 one."""
    problem, gamma = t.problem, t.gammas[0]
    scores = [(1 / rational(gamma)) * Z for Z in problem.scores()]
    F = [[ramp(M, gamma) for M in row] for row in problem.margins()]
    s, values = good_in_all_cells(problem, [(F[:1], fmpq(1, 2)), (F, fmpq(1, 6))])
    values |= {"a[0]": 0, "r[0]": 1} | {f"a[{i}]": i for i in (1, 2)} | {f"r[{i}]": fmpq(1, i + 1) for i in (1, 2)}
    k, outputs = len(problem.labels), scores[0].cols
    return values | {
        "O": Matrix([[Z[i, c] for Z in scores] for i in range(k) for c in range(outputs)]),
        "y": Matrix([[y] for y in problem.labels]),
        "k": outputs,
        "T": max(suprema(problem, s)) / rational(gamma),
        "sample": s,
    }


def interpret_layers(t: Search, sample: Sample, row: Callable[[Rows], arb], norm: Any) -> dict[str, Any]:
    """Hidden outputs on the sample, weights and norm bounds of the layers, and the last layer divided by gamma."""
    problem, gamma = t.problem, rational(t.gammas[0])
    act = ACTIVATIONS[problem.activation]
    depth = problem.depth
    values: dict[str, Any] = {}
    hidden = [[[problem.inputs[i, c] for c in range(problem.inputs.cols)] for i in sample] for _ in problem.networks]
    norms = []
    for i in range(depth):
        values[f"H[{i}]"] = Matrix([list(r) for r in zip(*([x for v in h for x in v] for h in hidden), strict=True)])
        weights = [layers[i] if i < depth - 1 else (1 / gamma) * layers[i] for layers in problem.networks]
        stacked = Matrix([list(r) for r in zip(*([x for r in rows(W) for x in r] for W in weights), strict=True)])
        values[f"W[{i + 1}]" if i < depth - 1 else "V_L"] = stacked
        bound = arb(0)
        for W in weights:
            bound = bound.max(norm(rows(W)) if i < depth - 1 else row(rows(W)))
        norms.append(bound)
        hidden = [
            [[act(sum((a * b for a, b in zip(r, x, strict=True)), fmpq(0))) for r in rows(W)] for x in h]
            for W, h in zip(weights, hidden, strict=True)
        ]
    values |= {f"M[{i + 1}]": norms[i] for i in range(depth - 1)} | {"M_L": norms[-1]}
    return values
