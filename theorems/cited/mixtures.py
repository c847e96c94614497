r"""Divergences of mixtures of normal laws."""

from __future__ import annotations

from theorems.cited.form import axiom
from theorems.proof import Expr, Relation, at_least, at_most, predicate


def mixtures(kappa: Expr, n: Expr, B: Expr) -> Relation:
    return predicate(
        "divergence of two mixtures of n normals, one different, of chi-square terms at most B", kappa, n, B
    )


ONE_DIFFERENT_COMPONENT = axiom(
    "mixtures that differ in one component",
    "kappa, n, B",
    lambda kappa, n, B: ([mixtures(kappa, n, B), at_least(n, 2)], [at_most(n * (n - 1) * kappa, B)]),
    "O",
    "written out in generalization.stochastic_langevin_dynamics_is_stable",
    "KL <= chi^2 <= mean of the terms exp|u|^2 + exp|v|^2 - 2 exp<u, v>, divided by n (n - 1)",
)
