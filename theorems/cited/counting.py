r"""Counting: patterns of polynomials, averages of few patterns, limits of a test."""

from __future__ import annotations

from theorems.cited import learning as cited
from theorems.cited.form import axiom
from theorems.proof import Expr, Relation, at_least, at_most, nonnegative, positive, predicate


def cut(g: Expr, f: Expr, x: Expr, k: Expr, D: Expr, W: Expr, n: Expr) -> Relation:
    text = "each of e^f patterns is cut by k n signs of polynomials of degree D in W parameters into patterns, e^g in all; x = ln N"
    return predicate(text, g, f, x, k, D, W, n)


def patterns(F: Expr, n: Expr, g: Expr) -> Relation:
    return predicate("on every sample the losses, 0 or 1, make at most e^g patterns", F, n, g)


WARREN = axiom(
    "Warren",
    "g, f, x, k, D, W, n",
    lambda g, f, x, k, D, W, n: ([cut(g, f, x, k, D, W, n)], [at_most(g, f + x)]),
    "P",
    "Bartlett, Harvey, Liaw and Mehrabian, JMLR 2019, from Warren's theorem: at most 2(2eMD/W)^W sign vectors of M >= W polynomials of "
    "degree D in W variables, and never more than 2^M",
    "the number of patterns grows by the factor N at most",
)


MASSART = axiom(
    "Massart",
    "mu: k 1, F: k r, N: q 1, P: q 1, n, g, v",
    lambda mu, F, N, P, n, g, v: (
        [
            cited.samples(P, mu, n),
            cited.averages(N, F, n),
            patterns(F, n, g),
            nonnegative(v),
            at_least(2 * n * v**2, g),
        ],
        [at_most(P.T @ N, v)],
    ),
    "T",
    f"{cited.UML}, Lemma 26.8, for losses - 1/2, which are vectors of length sqrt(n)/2",
    "e^g patterns of 0 and 1 have a Rademacher average of at most sqrt(g/(2n))",
)


def beyond_limit(b: Expr, p: Expr, eta: Expr, n: Expr) -> Relation:
    return predicate("b is the probability that p is above the limit at level eta", b, p, eta, n)


TEST_LIMIT = axiom(
    "limit of a test",
    "b, p, eta, n",
    lambda b, p, eta, n: ([beyond_limit(b, p, eta, n), positive(eta)], [at_most(b, eta)]),
    "O",
    "proved for every number of examples in generalization.errors_on_a_test_set_bound_the_error, (exact)",
    "the probability of error is above U(K, n, eta) with probability at most eta",
)
