r"""Samples with one example replaced: the exchange of names, and means of small differences."""

from __future__ import annotations

from theorems.cited.form import axiom
from theorems.proof import Expr, Relation, at_least, at_most, equal, predicate


def own(r: Expr, T: Expr, mu: Expr, i: Expr, n: Expr) -> Relation:
    return predicate("r is the mean loss of A(S) on example i of S", r, T, mu, i, n)


def replaced(t: Expr, T: Expr, mu: Expr, i: Expr, n: Expr) -> Relation:
    return predicate("t is the mean loss of A(S) on the new example, example i of S replaced by it", t, T, mu, i, n)


def fresh(s: Expr, T: Expr, mu: Expr, n: Expr) -> Relation:
    return predicate("s is the mean loss of A(S) on a fresh example", s, T, mu, n)


def stable(T: Expr, eps: Expr, n: Expr) -> Relation:
    return predicate("one example more or less changes every loss by at most", T, eps, n)


def distribution(mu: Expr) -> Relation:
    return predicate("the probabilities of the points", mu)


EXCHANGE_OF_NAMES = axiom(
    "exchange of names",
    "T: q k, mu: k 1, i, n, r, t",
    lambda T, mu, i, n, r, t: (
        [distribution(mu), own(r, T, mu, i, n), replaced(t, T, mu, i, n)],
        [equal(r, t)],
    ),
    "P",
    "Hardt, Recht and Singer, ICML 2016, proof of Theorem 2.2",
    "(S with z' in place i, z') has the law of (S, z_i)",
)


MEANS_OF_SMALL_DIFFERENCES = axiom(
    "means of small differences",
    "T: q k, mu: k 1, i, n, s, t, eps",
    lambda T, mu, i, n, s, t, eps: (
        [distribution(mu), fresh(s, T, mu, n), replaced(t, T, mu, i, n), stable(T, eps, n)],
        [at_most(s - t, eps), at_least(s - t, -eps)],
    ),
    "T",
    "a mean lies between the least and the greatest value",
    "the means differ by at most eps when the losses do",
)
