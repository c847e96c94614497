r"""Steps of stochastic gradient descent on two samples: co-coercivity, and means over the paths."""

from __future__ import annotations

from theorems.cited.form import axiom
from theorems.proof import Expr, Relation, at_least, at_most, positive, predicate


def gradients(g: Expr, h: Expr, w: Expr, v: Expr, beta: Expr) -> Relation:
    return predicate("gradients at two points of a convex function with beta-Lipschitz gradient", g, h, w, v, beta)


def convex_step(R: Expr, Q: Expr, c: Expr, a: Expr, L: Expr) -> Relation:
    return predicate(
        "on every path, R becomes Q by a step of the theorem, with the different examples where c = 1",
        R,
        Q,
        c,
        a,
        L,
    )


def chances(e: Expr) -> Relation:
    return predicate("the probabilities of the paths", e)


CO_COERCIVITY = axiom(
    "co-coercivity",
    "g: d 1, h: d 1, w: d 1, v: d 1, beta",
    lambda g, h, w, v, beta: (
        [gradients(g, h, w, v, beta), positive(beta)],
        [at_least(beta * ((g - h).T @ (w - v)), (g - h).squared_norm())],
    ),
    "P",
    "Baillon and Haddad, 1977; used by Hardt, Recht and Singer, ICML 2016, proof of Lemma 3.6",
    "beta <g - h, w - v> >= |g - h|^2",
)


MEANS_OF_STEPS = axiom(
    "means of steps",
    "R: p 1, Q: p 1, c: p 1, e: p 1, a, L",
    lambda R, Q, c, e, a, L: (
        [convex_step(R, Q, c, a, L), chances(e)],
        [at_most(e.T @ Q, e.T @ R + 2 * a * L * (e.T @ c))],
    ),
    "O",
    "the first two goals of generalization.sgd_is_stable_for_convex_losses on every path, and means keep inequalities",
    "the mean distance grows by at most 2 a L times the probability of the different examples",
)


def smooth_step(R: Expr, Q: Expr, c: Expr, a: Expr, beta: Expr, L: Expr) -> Relation:
    return predicate(
        "on every path, R becomes Q by a step, with the different examples where c = 1", R, Q, c, a, beta, L
    )


def independent(c: Expr, R: Expr, e: Expr, nu: Expr) -> Relation:
    return predicate("c is 1 with probability nu, independent of R", c, R, e, nu)


MEANS_OF_INDEPENDENT_STEPS = axiom(
    "means of independent steps",
    "R: p 1, Q: p 1, c: p 1, e: p 1, a, beta, L, nu",
    lambda R, Q, c, e, a, beta, L, nu: (
        [smooth_step(R, Q, c, a, beta, L), independent(c, R, e, nu)],
        [at_most(e.T @ Q, (1 + (1 - nu) * a * beta) * (e.T @ R) + 2 * a * L * nu)],
    ),
    "O",
    "the first two goals of generalization.sgd_is_stable_for_smooth_losses on every path; means keep inequalities, and "
    "the mean of a product of independent numbers is the product of the means",
    "mean distance after a step whose examples differ with probability nu, whatever happened before",
)
