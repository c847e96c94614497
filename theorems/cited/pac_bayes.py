r"""What proofs of PAC-Bayes bounds cite, for finitely many classifiers with 0-1 losses on finitely many points.

`F` holds the losses (points in rows, classifiers in columns), `mu` the probabilities of the points, `E` the values
$e^{n\,\mathrm{kl}(\widehat R(h)\|R(h))}$ (samples in rows, classifiers in columns), `pi` and `rho` weights of the
classifiers, and `u` marks a sample. The model check decides every predicate by enumeration.
"""

from __future__ import annotations

import itertools
import math
from typing import Any, cast

from flint import arb, fmpq

from numerics.arithmetic.exact import Matrix
from numerics.arithmetic.kl import relative_entropy
from theorems.cited import learning as _learning_axioms
from theorems.cited.form import axiom
from theorems.cited.learning import beyond as beyond
from theorems.cited.learning import logarithm, samples
from theorems.cited.learning import logarithm_of as logarithm_of
from theorems.proof import Derivation, at_least, at_most, equal, positive, predicate

FORMAL = "Robby955/FormalSLT"


def moments(E, F, mu, n):
    return predicate("E holds exp(n kl(training error || error)), errors strictly between 0 and 1", E, F, mu, n)


def weights(w):
    return predicate("a probability distribution", w)


def not_negative(X):
    return predicate("no entry is negative", X)


def maurer(xi, n):
    return predicate("xi is the sum of C(n,k) (k/n)^k (1-k/n)^(n-k)", xi, n)


def mean_logarithm(G, E, rho, u):
    return predicate("G is the mean logarithm of the row of E", G, E, rho, u)


def divergence(K, rho, pi):
    return predicate("K is the relative entropy", K, rho, pi)


def training_error(a, F, rho, u, n):
    return predicate("a is the training error of a random classifier", a, F, rho, u, n)


def entropy(D, a, b):
    return predicate("D = kl(a || b)", D, a, b)


def draws(e, F, rho, u, n, N, c):
    return predicate(
        "e is the probability that N drawn training errors have a mean below their expectation, beyond c in kl",
        *(e, F, rho, u, n, N, c),
    )


MOMENT = axiom(
    "Maurer's moment",
    "mu: k 1, F: k h, P: q 1, E: q h, pi: h 1, n, xi",
    lambda mu, F, P, E, pi, n, xi: (
        [samples(P, mu, n), moments(E, F, mu, n), weights(pi), maurer(xi, n)],
        [at_most(P.T @ (E @ pi), xi)],
    ),
    "O",
    "exchange the two means, group the samples by the number k of errors, C(n,k) p^k (1-p)^(n-k) in probability, and "
    "multiply by exp(n kl(k/n || p)), which gives C(n,k) (k/n)^k (1-k/n)^(n-k) (first goal of generalization.pac_bayes_kl_bound)",
    "the mean of exp(n kl(training error || error)) is xi(n)",
)


MAURER_SUM = axiom(
    "Maurer's sum",
    "xi, n",
    lambda xi, n: ([maurer(xi, n)], [positive(xi), at_most(xi**2, 4 * n)]),
    "P",
    "Maurer, A note on the PAC Bayesian theorem (arXiv cs/0411099); own argument in generalization.pac_bayes_kl_bound",
    "0 < xi(n) <= 2 sqrt(n)",
)


MARKOV = axiom(
    "Markov",
    "mu: k 1, P: q 1, X: q 1, n, s, p",
    lambda mu, P, X, n, s, p: (
        [samples(P, mu, n), not_negative(X), beyond(p, X, P, s)],
        [at_most(s * p, P.T @ X)],
    ),
    "T",
    "Markov's inequality, in Mathlib MeasureTheory.mul_meas_ge_le_lintegral",
    "s Pr[X > s] <= E X for X >= 0",
)


DONSKER_VARADHAN = axiom(
    "Donsker-Varadhan",
    "E: q h, pi: h 1, rho: h 1, u: q 1, G, K, Z, y",
    lambda E, pi, rho, u, G, K, Z, y: (
        [
            weights(pi),
            weights(rho),
            mean_logarithm(G, E, rho, u),
            divergence(K, rho, pi),
            equal(Z, u.T @ (E @ pi)),
            logarithm(y, Z),
        ],
        [at_most(G, K + y)],
    ),
    "F",
    f"{FORMAL}@0cd4e6a52516, FormalSLT/PACBayes/ChangeOfMeasure.lean, dv_variational_step",
    "E_rho ln X <= KL(rho || pi) + ln E_pi X",
)


CONVEXITY = axiom(
    "joint convexity of kl",
    "mu: k 1, F: k h, E: q h, rho: h 1, u: q 1, n, G, D, a, b",
    lambda mu, F, E, rho, u, n, G, D, a, b: (
        [
            moments(E, F, mu, n),
            weights(rho),
            mean_logarithm(G, E, rho, u),
            training_error(a, F, rho, u, n),
            equal(b, mu.T @ F @ rho),
            entropy(D, a, b),
        ],
        [at_most(n * D, G)],
    ),
    "F",
    f"{FORMAL}@20318234b905, FormalSLT/PACBayes/MaurerKL.lean, binKL_posteriorMixture_jensen",
    "kl of the means is at most the mean of kl",
)


HOEFFDING = axiom(
    "Hoeffding in kl form",
    "F: k h, rho: h 1, u: q 1, n, N, c, x, eta, e",
    lambda F, rho, u, n, N, c, x, eta, e: (
        [weights(rho), draws(e, F, rho, u, n, N, c), logarithm(x, eta), at_least(N * c, -x)],
        [at_most(e, eta)],
    ),
    "O",
    "exp(-t x) <= 1 - x + x exp(-t) on [0, 1] by convexity, so that no mean of exp(-t X) is above that of a 0-1 variable "
    "with the same expectation; for those it is the Chernoff bound (generalization.errors_on_a_test_set_bound_the_error). "
    "After Hoeffding, Probability inequalities for sums of bounded random variables, 1963",
    "a mean of N independent numbers in [0, 1] is below its expectation and beyond c in kl with probability at most exp(-N c)",
)


def row(E: Matrix, u: Matrix) -> list[fmpq]:
    """The row of the sample that `u` marks."""
    i = next(i for i in range(u.rows) if u[i, 0] == 1)
    return [E[i, j] for j in range(E.cols)]


def rates(F: Matrix, u: Matrix, n: int) -> list[fmpq]:
    """Training errors on the marked sample."""
    samples_ = list(itertools.product(range(F.rows), repeat=n))
    sample = samples_[next(i for i in range(u.rows) if u[i, 0] == 1)]
    return [sum((F[i, j] for i in sample), fmpq(0)) / n for j in range(F.cols)]


def exponential(n: int, a: fmpq, p: fmpq) -> fmpq:
    r"""$e^{n\,\mathrm{kl}(a\|p)}$ for $na$ an integer, which is rational."""
    k = int((n * a).p)
    return (fmpq(a / p) ** k if k else fmpq(1)) * (((1 - a) / (1 - p)) ** (n - k) if k < n else fmpq(1))


def lower_tail(values: list[fmpq], chances: list[fmpq], N: int, c: Any) -> fmpq | None:
    """The probability that the mean of N draws is below its expectation, beyond c in kl; `None` when not decided."""
    mean = sum((x * w for x, w in zip(values, chances, strict=True)), fmpq(0))
    law = {fmpq(0): fmpq(1)}
    for _ in range(N):
        after: dict[fmpq, fmpq] = {}
        for (total, w), (x, v) in itertools.product(law.items(), zip(values, chances, strict=True)):
            after[total + x] = after.get(total + x, fmpq(0)) + w * v
        law = after
    bad = fmpq(0)
    for total, w in law.items():
        if total >= N * mean or w == 0:
            continue
        value = relative_entropy(total / N, mean)
        if value > c:
            bad += w
        elif not value <= c:
            return None
    return bad


def evaluate_predicates(d: Derivation) -> None:
    """How the model check decides the predicates, those of `_learning_axioms` included."""
    _learning_axioms.evaluate_predicates(d)

    def column(A: Matrix) -> list[fmpq]:
        return [A[i, 0] for i in range(A.rows)]

    def is_moment(E: Matrix, F: Matrix, mu: Matrix, n: Any) -> bool:
        size = int(n.p)
        errors = column(F.T @ mu)
        if not all(0 < p < 1 for p in errors):
            return False
        for i, sample in enumerate(itertools.product(range(F.rows), repeat=size)):
            for j, p in enumerate(errors):
                a = sum((F[x, j] for x in sample), fmpq(0)) / size
                if E[i, j] != exponential(size, a, p):
                    return False
        return True

    def is_sum(xi: Any, n: Any) -> bool:
        size = int(n.p)
        terms = (
            fmpq(math.comb(size, k)) * fmpq(k, size) ** k * fmpq(size - k, size) ** (size - k) for k in range(size + 1)
        )
        return xi == sum(terms, fmpq(0))

    def is_close(x: Any, y: arb) -> bool:
        return bool(arb(x).overlaps(y))

    def is_divergence(K: Any, rho: Matrix, pi: Matrix) -> bool:
        pairs = [(x, y) for x, y in zip(column(rho), column(pi), strict=True) if x > 0]
        return all(y > 0 for _, y in pairs) and is_close(K, sum((x * arb(x / y).log() for x, y in pairs), arb(0)))

    def is_mean_logarithm(G: Any, E: Matrix, rho: Matrix, u: Matrix) -> bool:
        return is_close(G, sum((w * arb(x).log() for x, w in zip(row(E, u), column(rho), strict=True)), arb(0)))

    def is_draws(e: Any, F: Matrix, rho: Matrix, u: Matrix, n: Any, N: Any, c: Any) -> bool | None:
        found = lower_tail(rates(F, u, int(n.p)), column(rho), int(N.p), arb(c))
        return None if found is None else found == e

    d.model_predicate("E holds exp(n kl(training error || error)), errors strictly between 0 and 1", is_moment)
    d.model_predicate(
        "a probability distribution", lambda w: bool(sum(column(w)) == 1) and all(x >= 0 for x in column(w))
    )
    d.model_predicate("no entry is negative", lambda X: all(x >= 0 for x in column(X)))
    d.model_predicate("xi is the sum of C(n,k) (k/n)^k (1-k/n)^(n-k)", is_sum)
    d.model_predicate("G is the mean logarithm of the row of E", is_mean_logarithm)
    d.model_predicate("K is the relative entropy", is_divergence)
    d.model_predicate(
        "a is the training error of a random classifier",
        lambda a, F, rho, u, n: bool(
            a == sum((x * w for x, w in zip(rates(F, u, int(n.p)), column(rho), strict=True)), fmpq(0))
        ),
    )
    d.model_predicate("D = kl(a || b)", lambda D, a, b: is_close(D, relative_entropy(a, b)))
    d.model_predicate(  # None where balls do not decide it
        "e is the probability that N drawn training errors have a mean below their expectation, beyond c in kl",
        cast(Any, is_draws),
    )
