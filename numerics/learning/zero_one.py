r"""Learning with 0-1 losses on finitely many points, where probabilities of samples are exact sums.

`losses` has a row of 0 and 1 for each classifier, with an entry for each point; `chances` are the probabilities of the
points. A sample is a tuple of points.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from fractions import Fraction

from flint import fmpq

from numerics.arithmetic.exact import rational

Losses = Sequence[Sequence[int]]


def samples(chances: Sequence[Fraction], n: int, copies: bool = False) -> Iterator[tuple[tuple[int, ...], fmpq]]:
    """Samples of positive probability with their probabilities; with `copies`, of one point repeated n times."""
    for s in itertools.product(range(len(chances)), repeat=1 if copies else n):
        chance = math.prod((rational(chances[i]) for i in s), start=fmpq(1))
        if chance > 0:
            yield (s * n if copies else s), chance


def errors(losses: Losses, chances: Sequence[Fraction]) -> list[fmpq]:
    """The probability of error of each classifier."""
    return [sum((rational(w) * x for w, x in zip(chances, row, strict=True)), fmpq(0)) for row in losses]


def counts(losses: Losses, sample: Sequence[int]) -> list[int]:
    """The number of training errors of each classifier."""
    return [sum(row[i] for i in sample) for row in losses]


def exponential(n: int, k: int, p: fmpq) -> fmpq:
    r"""$e^{n\,\mathrm{kl}(k/n\|p)}$, a product of powers; 1 for $p \in \{0, 1\}$, where $k = np$ surely."""
    return (fmpq(k) / (n * p)) ** k * ((n - k) / (n * (1 - p))) ** (n - k) if 0 < p < 1 else fmpq(1)


def tail(n: int, p: fmpq, k: int) -> fmpq:
    r"""$\Pr[\mathrm{Bin}(n, p) \le k]$."""
    return sum((math.comb(n, i) * p**i * (1 - p) ** (n - i) for i in range(k + 1)), fmpq(0))
