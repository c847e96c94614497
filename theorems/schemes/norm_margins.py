r"""What the pages on norm-based margin bounds share: premises, false variants, citations."""

from __future__ import annotations

from fractions import Fraction

from flint import arb, fmpq

from numerics.evidence.verdict import at_least, at_most
from numerics.learning.norm_margins import Norm, cell_number, shown, simple, suprema, tossed
from numerics.learning.problems import ACTIVATIONS, rademacher, ramp
from theorems.claim import Citation, Mutant, Premise
from theorems.schemes import premises as said


def premises(norm: Norm, *, homogeneous: str) -> tuple[Premise, ...]:
    """The premises of every such bound; `homogeneous` says why positive homogeneity is asked for."""
    return (
        said.independent(holds=lambda t: not t.problem.copies, without=tossed, show=shown(norm)),
        Premise(
            "zero to zero",
            r"Every activation keeps zero, $\sigma_i(0) = 0$, and no layer has a bias.",
            holds=lambda t: t.problem.shift == 0,
            kind="unknown",
            why="without it constants escape the bound, but the confidence term at cell 1 and above covers all constants",
        ),
        Premise(
            "positively homogeneous",
            r"$\sigma_i(ct) = c\,\sigma_i(t)$ for $c \ge 0$, as for ReLU, leaky ReLU and the absolute value.",
            holds=lambda t: t.problem.activation in ACTIVATIONS,
            kind="unknown",
            why=homogeneous,
        ),
        Premise(
            "positive margin",
            r"$\gamma > 0$ and $0 < \delta < 1$.",
            holds=lambda t: min(t.gammas) > 0 and 0 < t.problem.delta < 1,
            kind="typing",
            why="the formula divides by the one and takes the logarithm of the other",
        ),
    )


def common_mutants() -> tuple[Mutant, ...]:
    """False variants of the parts that all these bounds share."""
    return (
        Mutant(
            "shares 1/i",
            r"Cell number $i$ may get the share $1/(i+1)$ of $\delta$.",
            lambda t: at_most(sum((Fraction(1, i + 1) for i in range(1, 5)), Fraction(0)), 1, "all shares"),
            simple,
        ),
        Mutant(
            "no complexity",
            r"The expected supremum of the losses is at most half that of one output, divided by $\gamma$.",
            lambda t: at_most(
                2 * rademacher([[ramp(M, fmpq(1)) for M in r] for r in t.problem.margins()], (0,)),
                max(suprema(t.problem, (0,))),
            ),
            simple,
        ),
        Mutant(
            "exponent rounded down",
            r"The cell of $P/\gamma$ may be that of $e = \lfloor \log_2 (P/\gamma) \rfloor$.",
            lambda t: at_least(arb(2) ** (cell_number(arb(3), Fraction(1))[0] - 1), 3, "2^e bounds P/gamma"),
            simple,
        ),
    )


def citations() -> tuple[Citation, ...]:
    return (
        Citation("maurer2016vector", "abstract"),
        Citation("shalev2014understanding", "Lemmas 26.2, 26.4, 26.8 to 26.10, Theorem 26.5"),
    )
