r"""Learners on finitely many points, of which all mutual information is a finite sum; and runs with normal examples."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from flint import arb, fmpq

from numerics.arithmetic.exact import rational
from numerics.learning.zero_one import samples


@dataclass(frozen=True)
class Channel:
    r"""A learner on finitely many points, and a run with noise on normal examples.

    `outputs[a]` is the law of W given sample number a (lexicographically), `losses[w]` has the loss of output w on every point,
    `M` is the stated length of the interval of its values. With `copies` one example is drawn and repeated n times.

    The run has `dimension` d, and step t uses a fresh example, normal with mean square `powers[t]`, and noise of variance 1 in
    every direction; `L2` is the stated bound on the mean square.
    """

    outputs: tuple[tuple[Fraction, ...], ...]
    losses: tuple[tuple[Fraction, ...], ...]
    chances: tuple[Fraction, ...]
    n: int
    M: Fraction
    dimension: int = 1
    powers: tuple[Fraction, ...] = (Fraction(1),)
    L2: Fraction = Fraction(1)
    copies: bool = False

    def drawn(self) -> Iterator[tuple[tuple[int, ...], fmpq, list[fmpq]]]:
        """(sample, its probability, law of the output)."""
        k = len(self.chances)
        for s, p in samples(self.chances, self.n, self.copies):
            number = 0
            for i in s:
                number = number * k + i
            yield s, p, [rational(x) for x in self.outputs[number]]

    def risks(self) -> list[fmpq]:
        return [
            sum((rational(p) * rational(x) for p, x in zip(self.chances, row, strict=True)), fmpq(0))
            for row in self.losses
        ]

    def gaps(self) -> list[tuple[fmpq, fmpq]]:
        """(probability, mean gap) of every sample."""
        risks, found = self.risks(), []
        for s, p, law in self.drawn():
            training = [sum((rational(row[i]) for i in s), fmpq(0)) / self.n for row in self.losses]
            found.append((p, sum((w * (r - e) for w, r, e in zip(law, risks, training, strict=True)), fmpq(0))))
        return found

    def gap(self) -> fmpq:
        return sum((p * x for p, x in self.gaps()), fmpq(0))

    def marginal(self) -> list[fmpq]:
        total = [fmpq(0)] * len(self.losses)
        for _, p, law in self.drawn():
            total = [x + p * w for x, w in zip(total, law, strict=True)]
        return total

    def ignores(self) -> bool:
        """Whether the output does not depend on the sample."""
        return len({tuple(law) for _, _, law in self.drawn()}) == 1

    def information(self) -> arb:
        if self.ignores():
            return arb(0)
        marginal = self.marginal()
        return sum(
            (
                p * w * arb(w / m).log()
                for _, p, law in self.drawn()
                for w, m in zip(law, marginal, strict=True)
                if w > 0
            ),
            arb(0),
        )


def log_moment(t: Channel, lam: fmpq) -> arb:
    """The logarithm of the mean of exp(lambda gap) for sample and output drawn apart."""
    if lam == 0:
        return arb(0)
    risks, marginal = t.risks(), t.marginal()
    total = arb(0)
    for s, p, _ in t.drawn():
        for row, r, w in zip(t.losses, risks, marginal, strict=True):
            training = sum((rational(row[i]) for i in s), fmpq(0)) / t.n
            total += p * w * arb(lam * (r - training)).exp()
    return total.log()
