r"""What proofs from mutual information cite, for learners on finitely many points.

`mu` holds the probabilities of the points, `F` the losses (points in rows, outputs in columns), `C` the laws of the output
given each sample (samples in rows, in lexicographic order). The model check decides every predicate by enumeration.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from flint import arb, fmpq

from numerics.arithmetic.exact import Matrix
from numerics.learning.channels import Channel
from numerics.learning.channels import log_moment as moment_of
from theorems.cited.entropy import CHAIN as CHAIN
from theorems.cited.entropy import chained as chained
from theorems.cited.form import axiom
from theorems.proof import Derivation, at_most, positive, predicate


def distribution(mu):
    return predicate("the probabilities of the points", mu)


def learner(C):
    return predicate("each row is a law of outputs", C)


def gap(g, C, F, mu, n):
    return predicate("g is the expected gap", g, C, F, mu, n)


def information(info, C, mu, n):
    return predicate("I is the mutual information of sample and output", info, C, mu, n)


def sub_gaussian(F, mu, sigma):
    return predicate("the loss of every output is sigma-sub-Gaussian", F, mu, sigma)


def log_moment(Lambda, t, C, F, mu, n):
    return predicate("Lambda = ln E exp(t gap), sample and output drawn apart", Lambda, t, C, F, mu, n)


def channel(j, x, d, c):
    return predicate("j is the information of a Gaussian channel, x signal to noise, c = (d/2) ln(1 + x/d)", j, x, d, c)


DONSKER_VARADHAN = axiom(
    "Donsker-Varadhan for the gap",
    "mu: k 1, F: k h, C: q h, n, g, I, t, Lambda",
    lambda mu, F, C, n, g, I, t, Lambda: (
        [
            distribution(mu),
            learner(C),
            gap(g, C, F, mu, n),
            information(I, C, mu, n),
            log_moment(Lambda, t, C, F, mu, n),
        ],
        [at_most(t * g, I + Lambda)],
    ),
    "F",
    "Robby955/FormalSLT@0cd4e6a52516, FormalSLT/PACBayes/ChangeOfMeasure.lean, dv_variational_step, for the law of sample "
    "and output against the product of their laws",
    "t E f <= I(S; W) + ln E' exp(t f), E' for S and W drawn apart",
)


SUMS = axiom(
    "sums of sub-Gaussian losses",
    "mu: k 1, F: k h, C: q h, n, sigma, t, Lambda",
    lambda mu, F, C, n, sigma, t, Lambda: (
        [
            distribution(mu),
            learner(C),
            sub_gaussian(F, mu, sigma),
            log_moment(Lambda, t, C, F, mu, n),
            positive(n),
        ],
        [at_most(2 * n * Lambda, t**2 * sigma**2)],
    ),
    "T",
    "for one output the gap is a mean of n independent centred losses, whose moments multiply: exp((t/n)^2 sigma^2/2)^n; a "
    "mean over outputs keeps the bound. Hoeffding's lemma: values in an interval of length 2 sigma are sigma-sub-Gaussian",
    "ln E' exp(t gap) <= t^2 sigma^2/(2n)",
)


CAPACITY = axiom(
    "capacity of the Gaussian channel",
    "j, x, d, c",
    lambda j, x, d, c: ([channel(j, x, d, c)], [at_most(j, c)]),
    "T",
    "Shannon 1948: at given power no input tells more through Gaussian noise than a Gaussian one",
    "I(F; F + noise) <= (d/2) ln(1 + E|F|^2/(d s)) for noise of variance s in each of d directions",
)


def evaluate_predicates(d: Derivation) -> None:
    """How the model check decides the predicates."""

    def of(C: Matrix, F: Matrix | None, mu: Matrix, n: Any) -> Channel:
        def row(A: Matrix, i: int) -> tuple[Fraction, ...]:
            return tuple(Fraction(int(A[i, j].p), int(A[i, j].q)) for j in range(A.cols))

        losses = [(Fraction(0),) * mu.rows] * C.cols if F is None else [row(F.T, i) for i in range(F.cols)]
        return Channel(tuple(row(C, i) for i in range(C.rows)), tuple(losses), row(mu.T, 0), int(n.p), Fraction(1))

    def is_law(entries: list[fmpq]) -> bool:
        return sum(entries) == 1 and min(entries) >= 0

    d.model_predicate("the probabilities of the points", lambda mu: is_law(mu.entries()))
    d.model_predicate("each row is a law of outputs", lambda C: all(is_law(C[i, :].entries()) for i in range(C.rows)))
    d.model_predicate("g is the expected gap", lambda g, C, F, mu, n: bool(g == of(C, F, mu, n).gap()))
    d.model_predicate(
        "I is the mutual information of sample and output",
        lambda I, C, mu, n: bool(arb(I).overlaps(of(C, None, mu, n).information())),
    )
    d.model_predicate(
        "the loss of every output is sigma-sub-Gaussian",  # by Hoeffding's lemma
        lambda F, mu, sigma: all(max(F[:, j].entries()) - min(F[:, j].entries()) <= 2 * sigma for j in range(F.cols)),
    )
    d.model_predicate(
        "Lambda = ln E exp(t gap), sample and output drawn apart",
        lambda L, t, C, F, mu, n: bool(arb(L).overlaps(moment_of(of(C, F, mu, n), t))),
    )
    d.model_predicate(
        "j is the information of a Gaussian channel, x signal to noise, c = (d/2) ln(1 + x/d)",
        lambda j, x, d, c: bool(arb(c).overlaps(arb(d) / 2 * (1 + arb(x / d)).log())) and bool(arb(j) <= arb(c)),
    )
    d.model_predicate(
        "divergences after a step, before it, and the greatest one of the step itself",
        lambda K, L, k: bool(0 <= K) and bool(K <= L + k),
    )
