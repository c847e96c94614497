r"""Flows of densities: how fast a divergence falls, logarithmic Sobolev, Gronwall."""

from __future__ import annotations

from theorems.cited.form import axiom
from theorems.proof import Expr, Relation, at_least, at_most, equal, nonnegative, positive, predicate


def flow(change: Expr, J: Expr, X: Expr, beta: Expr) -> Relation:
    return predicate(
        "rate of the divergence, for J the relative Fisher information and X the mean of <g, grad>",
        change,
        J,
        X,
        beta,
    )


def inner_products(X: Expr, J: Expr, energy: Expr) -> Relation:
    return predicate("X is a mean of inner products of fields with mean squares J and energy", X, J, energy)


def relative_to_normal(J: Expr, K: Expr, beta: Expr, lam: Expr) -> Relation:
    return predicate("J, K relative to a normal law of variance at most 1/(beta lambda)", J, K, beta, lam)


def integrated(end: Expr, total: Expr) -> Relation:
    return predicate(
        "K at the end, where K' <= -lambda K + h from 0 on, and the integral of h with its factor", end, total
    )


DISSIPATION = axiom(
    "rate of the divergence",
    "c, J, X, beta",
    lambda c, J, X, beta: ([flow(c, J, X, beta), positive(beta)], [equal(beta * c, -J - beta * X)]),
    "P",
    "Mou, Wang, Zhai and Zheng, COLT 2018, proof of the PAC-Bayes bound in continuous time; by the two Fokker-Planck equations",
    "d/dt KL(q || p) = -J/beta - E<g, grad ln(q/p)>",
)


CAUCHY_SCHWARZ = axiom(
    "Cauchy-Schwarz in the mean",
    "X, J, e",
    lambda X, J, e: ([inner_products(X, J, e)], [at_most(X**2, J * e), nonnegative(J), nonnegative(e)]),
    "T",
    "Cauchy-Schwarz inequality",
    "(E<a, b>)^2 <= E|a|^2 E|b|^2",
)


LOG_SOBOLEV = axiom(
    "logarithmic Sobolev inequality",
    "J, K, beta, lam",
    lambda J, K, beta, lam: (
        [relative_to_normal(J, K, beta, lam), positive(beta), positive(lam)],
        [at_least(J, 2 * beta * lam * K)],
    ),
    "T",
    "Gross 1975, for normal laws",
    "J >= (2/v) KL for a normal law of variance v",
)


GRONWALL = axiom(
    "Gronwall",
    "K, I",
    lambda K, I: ([integrated(K, I)], [at_most(K, I)]),
    "T",
    "Gronwall's lemma: e^(lambda t) K has a derivative of at most e^(lambda t) h",
    "K(T) <= integral of e^(-lambda (T-t)) h(t) when K(0) = 0 and K' <= -lambda K + h",
)
