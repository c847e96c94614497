r"""Learning on finitely many points, where every probability and every Rademacher average is a finite exact sum.

A point carries an input and a label, a network is a tuple of rational weights, a sample of size $n$ is an $n$-tuple of
points. Samples are counted lexicographically, so that a vector over all samples has $k^n$ entries.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeVar

from flint import arb, fmpq

from numerics.arithmetic import balls
from numerics.arithmetic.exact import Matrix, rational, zeros
from numerics.evidence.verdict import Verdict, at_most

Layers = tuple[Matrix, ...]
T = TypeVar("T")

ACTIVATIONS: dict[str, Callable[[fmpq], fmpq]] = {
    "relu": lambda x: x if x > 0 else fmpq(0),
    "abs": abs,
    "identity": lambda x: x,
}
"""All of them are 1-Lipschitz and keep 0."""


@dataclass(frozen=True)
class Learning:
    r"""Points with probabilities, a class of networks, and the numbers $n$, $\gamma$, $\delta$ of the theorem.

    The premises hold for the default values. `shift` is added to every hidden activation, so that $\sigma(0)$ is not 0.
    With `copies` one point is drawn and repeated $n$ times: the sample is not independent. With `adaptive` only network
    number $i$ is in play when point $i$ is drawn first, and the reference matrices are its own weights: they are
    chosen after the data is seen.
    """

    inputs: Matrix  # one point in each row
    labels: tuple[int, ...]
    chances: tuple[Fraction, ...]
    networks: tuple[Layers, ...]
    n: int
    gamma: Fraction
    delta: Fraction
    references: Layers | None = None
    activation: str = "relu"
    shift: int = 0
    copies: bool = False
    adaptive: bool = False

    @property
    def depth(self) -> int:
        return len(self.networks[0])

    @property
    def width(self) -> int:
        """$W$, the largest dimension of a layer, input and output included."""
        return max(max(W.shape) for W in self.networks[0])

    @property
    def probabilities(self) -> list[fmpq]:
        """Of the points, exactly."""
        return [rational(p) for p in self.chances]

    def samples(self) -> Iterator[tuple[tuple[int, ...], fmpq]]:
        """The distinct samples, as tuples of points that are repeated to length $n$ where needed, with probabilities."""
        places, chances = range(len(self.labels)), self.probabilities
        for s in itertools.product(places, repeat=1 if self.copies else self.n):
            chance = fmpq(1)
            for i in s:
                chance *= chances[i]
            yield s, chance

    def allowed(self, sample: Sequence[int]) -> Sequence[int]:
        """The networks about which the theorem speaks when this sample was drawn."""
        return [sample[0] % len(self.networks)] if self.adaptive else range(len(self.networks))

    def scores(self) -> tuple[Matrix, ...]:
        """For each network, the outputs: points in rows, classes in columns."""
        act = ACTIVATIONS[self.activation]
        found = []
        for layers in self.networks:
            Z = self.inputs
            for i, W in enumerate(layers):
                Z = Z @ W.T
                if i < len(layers) - 1:
                    Z = Matrix([[act(Z[a, b]) + self.shift for b in range(Z.cols)] for a in range(Z.rows)])
            found.append(Z)
        return tuple(found)

    def margins(self) -> list[list[fmpq]]:
        """Margins by network and point."""
        return [[margin([Z[i, c] for c in range(Z.cols)], y) for i, y in enumerate(self.labels)] for Z in self.scores()]

    def norms(self, network: int | None = None) -> list[tuple[arb, arb]]:
        r"""The norm bounds $(s_i, b_i)$ of the layers: the largest ones in the class, or those of one network."""
        chosen = self.networks if network is None else (self.networks[network],)
        return [self._layer(chosen, i) for i in range(self.depth)]

    def _layer(self, chosen: Sequence[Layers], i: int) -> tuple[arb, arb]:
        s, b = arb(0), arb(0)
        for layers in chosen:
            M = layers[i] if self.adaptive else self.references[i] if self.references else zeros(*layers[i].shape)
            s = s.max(balls.spectral_norm(layers[i]))
            b = b.max(norm_21_rows(layers[i] - M))
        return s, b

    def data_norm(self, sample: Sequence[int]) -> arb:
        repeats = self.n // len(sample)
        total = sum((self.inputs[i, j] ** 2 for i in sample for j in range(self.inputs.cols)), fmpq(0))
        return arb(repeats * total).sqrt()


def rarely_fails(
    chances: Callable[[], Iterable[tuple[T, fmpq]]],
    holds: Callable[[T], Verdict],
    delta: Fraction | fmpq,
    what: str = "probability that the bound fails",
) -> Verdict:
    """Whether the outcomes for which `holds` fails have together a probability of at most `delta`, by enumeration.

    `chances()` are all outcomes, samples for example, with their probabilities.
    """

    def question(_: int) -> Verdict:
        bad = fmpq(0)
        for outcome, chance in chances():
            verdict = holds(outcome)
            if verdict.undecided:
                return verdict
            bad += chance if verdict.fails else 0
        return at_most(bad, delta, what)

    return balls.decide(question)


def margin(scores: Sequence[fmpq], label: int) -> fmpq:
    r"""$M(v, y) = v_y - \max_{j \ne y} v_j$."""
    return scores[label] - max(v for j, v in enumerate(scores) if j != label)


def ramp(margin: fmpq, gamma: Fraction | fmpq) -> fmpq:
    r"""$\ell_\gamma(-M)$: 1 for $M \le 0$, 0 for $M \ge \gamma$, linear between."""
    g = rational(gamma)
    return 1 - min(max(margin / g, fmpq(0)), fmpq(1))


def norm_21_rows(A: Matrix) -> arb:
    r"""$\|A^\top\|_{2,1}$, the sum of the Euclidean norms of the rows of $A$, as a ball."""
    return sum((arb(A[i, :].squared_norm()).sqrt() for i in range(A.rows)), arb(0))


def complexity(norms: Sequence[tuple[arb, arb]]) -> arb:
    r"""$R = (\sum_i (b_i \prod_{j \ne i} s_j)^{2/3})^{3/2}$ for 1-Lipschitz activations."""
    total = arb(0)
    for i, (_, b) in enumerate(norms):
        term = b
        for j, (s, _) in enumerate(norms):
            term = term * (s if j != i else 1)
        if term > 0:
            total += term.root(3) ** 2
        elif not term.is_zero():
            total += arb(0).union(term.abs_upper().root(3)) ** 2
    return arb(0) if total.is_zero() else total.sqrt() ** 3


@functools.lru_cache(maxsize=4096)
def _rademacher(columns: tuple[tuple[fmpq, ...], ...]) -> fmpq:
    n = len(columns[0])
    total = fmpq(0)
    for signs in itertools.product((1, -1), repeat=n):
        total += max(
            sum((x if e > 0 else -x for e, x in zip(signs, column, strict=True)), fmpq(0)) for column in columns
        )
    return total / (n * 2**n)


def rademacher(functions: Sequence[Sequence[fmpq]], sample: Sequence[int]) -> fmpq:
    r"""$\frac1n E_\varepsilon \max_f \sum_i \varepsilon_i f(z_i)$, by all $2^n$ signs."""
    return _rademacher(tuple(tuple(f[i] for i in sample) for f in functions))


def deviation(functions: Sequence[Sequence[fmpq]], chances: Sequence[fmpq], sample: Sequence[int]) -> fmpq:
    r"""$\max_f (E f - \frac1n \sum_i f(z_i))$."""
    return max(
        sum((p * x for p, x in zip(chances, f, strict=True)), fmpq(0))
        - sum((f[i] for i in sample), fmpq(0)) / len(sample)
        for f in functions
    )


def squared_radii(points: Sequence[Sequence[fmpq]]) -> list[fmpq]:
    r"""$r_1^2 \ge r_2^2 \ge \dots$: $r_m$ is the least radius at which $m$ balls cover at most three points.

    The centres may lie anywhere, so covering numbers are $N(\varepsilon) = \min\{m : r_m \le \varepsilon\}$.
    """
    if len(points) > 3:
        raise ValueError(f"At most three points are covered exactly: found {len(points)}.")
    if len(points) == 1:
        return [fmpq(0)]

    def squared(p: Sequence[fmpq], q: Sequence[fmpq]) -> fmpq:
        return sum(((a - b) ** 2 for a, b in zip(p, q, strict=True)), fmpq(0))

    sides = sorted(squared(p, q) for p, q in itertools.combinations(points, 2))
    if len(points) == 2:
        return [sides[0] / 4, fmpq(0)]
    a, b, c = sides
    area = 2 * (a * b + b * c + c * a) - a * a - b * b - c * c  # 16 times the squared area
    whole = c / 4 if c >= a + b else a * b * c / area
    return [whole, a / 4, fmpq(0)]


def entropy_constant(points: Sequence[Sequence[fmpq]]) -> arb:
    r"""The least $c$ with $\ln N(\varepsilon) \le c / \varepsilon^2$ for all $\varepsilon > 0$."""
    radii = squared_radii(points)
    return functools.reduce(arb.max, (arb(r) * arb(m + 1).log() for m, r in enumerate(radii, 1)), arb(0))
