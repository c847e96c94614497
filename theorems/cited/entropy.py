r"""Divergences of normal laws, the chain rule, Pinsker's inequality: what proofs about noisy training cite."""

from __future__ import annotations

from typing import Any

from flint import arb

from numerics.arithmetic.exact import Matrix
from theorems.cited.form import axiom
from theorems.proof import Derivation, at_most, equal, nonnegative, positive, predicate

ZHANG = "Zhang, Mathematical Analysis of Machine Learning Algorithms, proof of Theorem 7.23"


def normals(kappa, m, m_, s):
    return predicate("kappa is the divergence of N(m, s I) from N(m', s I)", kappa, m, m_, s)


def chained(K, L, k):
    return predicate("divergences after a step, before it, and the greatest one of the step itself", K, L, k)


def variation(tv, K):
    return predicate("total variation of two laws with divergence K", tv, K)


NORMAL = axiom(
    "divergence of normal laws",
    "kappa, m: d 1, m': d 1, s",
    lambda kappa, m, m_, s: (
        [normals(kappa, m, m_, s), positive(s)],
        [equal(2 * s * kappa, (m - m_).squared_norm())],
    ),
    "T",
    "with one covariance the logarithm of the quotient of the densities is linear, and its mean is half the squared "
    "distance of the means over the variance",
    "KL(N(m, s I) || N(m', s I)) = |m - m'|^2/(2s)",
)


CHAIN = axiom(
    "chain rule and data processing",
    "K, L, k",
    lambda K, L, k: ([chained(K, L, k)], [at_most(K, L + k)]),
    "T",
    f"chain rule for relative entropy, and its monotony under forgetting, as in {ZHANG}",
    "the divergence of what comes after a random step is at most the one before plus the greatest one of the step",
)


PINSKER = axiom(
    "Pinsker",
    "tv, K",
    lambda tv, K: ([variation(tv, K)], [at_most(2 * tv**2, K), nonnegative(tv)]),
    "T",
    f"Pinsker's inequality, as in {ZHANG}",
    "total variation is at most sqrt(K/2)",
)


def evaluate_predicates(d: Derivation) -> None:
    """In models all laws are normal with one covariance, so that total variation is an error function."""

    def is_normal(kappa: Any, m: Matrix, m_: Matrix, s: Any) -> bool:
        return bool(2 * s * kappa == (m - m_).squared_norm())

    def is_variation(tv: Any, K: Any) -> bool:
        return bool(arb(tv).overlaps((arb(K).sqrt() / 2).erf()))  # K = x^2/2 for the distance x in deviations

    d.model_predicate("kappa is the divergence of N(m, s I) from N(m', s I)", is_normal)
    d.model_predicate(
        "divergences after a step, before it, and the greatest one of the step itself",
        lambda K, L, k: bool(0 <= K <= L + k),
    )
    d.model_predicate("total variation of two laws with divergence K", is_variation)
