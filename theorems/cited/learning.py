r"""What proofs of generalization bounds cite: predicates about samples, classes and averages, and axioms on them.

A vector over all samples has $k^n$ entries, for $k$ points and samples of size $n$, in lexicographic order. Statements are
about finitely many points and functions; the model check evaluates every predicate by enumeration.

Logarithms and integrals are the calculus' own: a proof has the letter `log(a)` from `Derivation.term` and a letter from
`Derivation.integral`. An axiom that speaks of logarithms has a letter $x$ with the premise $x = \ln a$, and `logarithm_of`
says of the letter `log(a)` that it is meant there. That is notation, and all that is trusted about it.
"""

from __future__ import annotations

import functools
import itertools
from typing import Any

from flint import arb, fmpq

from numerics.arithmetic.exact import Matrix
from numerics.evidence.verdict import Verdict
from numerics.evidence.verdict import at_most as is_at_most
from numerics.learning.problems import deviation, entropy_constant, rademacher, ramp
from theorems.cited.form import axiom
from theorems.proof import (
    Derivation,
    at_least,
    at_most,
    calculus,
    equal,
    nonnegative,
    positive,
    predicate,
)
from theorems.proof.kernel.facts import Fact
from theorems.proof.kernel.words import Expr

LEAN = "auto-res/lean-rademacher"


UML = "Shalev-Shwartz and Ben-David, Understanding Machine Learning"


def samples(P, mu, n):
    return predicate("P holds the probabilities of all samples of n independent draws", P, mu, n)


def deviations(G, F, mu, n):
    return predicate("G holds the greatest deviations of mean from average", G, F, mu, n)


def averages(N, F, n):
    return predicate("N holds the Rademacher averages", N, F, n)


def differences(Phi, n, c):
    return predicate("changing one example changes the entry by at most", Phi, n, c)


def beyond(p, Phi, P, s):
    return predicate("p is the probability of an entry beyond", p, Phi, P, s)


def logarithm(x, a):
    return predicate("x = ln a", x, a)


def logarithm_of(d: Derivation, a: calculus.Term) -> tuple[Expr, Fact]:
    """The letter `log(a)` of the calculus, and that it is what the axioms call ln a."""
    x = d.term(calculus.log(a))
    return x, d.given(logarithm(x, d.term(a)), "notation")


def losses(F):
    return predicate("all losses lie between 0 and 1", F)


def covered(F, u, n, c):
    return predicate("on the sample, part of a class whose e-entropy is at most c/e^2", F, u, n, c)


def networks(H, Z, u, n, x, w, R):
    return predicate("outputs of networks with data norm x, w = ln(2W^2), complexity R", H, Z, u, n, x, w, R)


def ramps(F, H, gamma):
    return predicate("ramp losses at margin gamma of these outputs", F, H, gamma)


def average(r, F, v, u, n):
    return predicate("r is the average loss of network v on sample u", r, F, v, u, n)


def marked(u):
    return predicate("u marks one sample", u)


SYMMETRISATION = axiom(
    "symmetrisation",
    "mu: k 1, F: k r, P: q 1, G: q 1, N: q 1, n",
    lambda mu, F, P, G, N, n: (
        [samples(P, mu, n), deviations(G, F, mu, n), averages(N, F, n), losses(F)],
        [at_most(P.T @ G, 2 * (P.T @ N))],
    ),
    "F",
    f"{LEAN}@db9f18714b0b, OneSidedDeviation.lean, expectation_sup_sum_sub_le (for -f); {UML}, Lemma 26.2",
    r"E sup (Ef - average of f) <= 2 E (Rademacher average)",
)


CHANGE_OF_DEVIATION = axiom(
    "bounded differences of the deviation",
    "mu: k 1, F: k r, G: q 1, n, c",
    lambda mu, F, G, n, c: ([deviations(G, F, mu, n), losses(F), equal(n * c, 1)], [differences(G, n, c)]),
    "T",
    f"{UML}, proof of Theorem 26.5",
    "sup (Ef - average of f) changes by at most 1/n with one example, for 0 <= f <= 1",
)


CHANGE_OF_AVERAGE = axiom(
    "bounded differences of the Rademacher average",
    "F: k r, N: q 1, n, c",
    lambda F, N, n, c: ([averages(N, F, n), losses(F), equal(2 * n * c, 1)], [differences(N, n, c)]),
    "O",
    "for 0 <= h <= 1, the mean over the sign e of sup (g + e(h - 1/2)) lies between sup g and sup g + 1/2; shifting h "
    "by 1/2 changes no mean, so each example adds between 0 and 1/2 to n times the average",
    "the Rademacher average of functions with values in [0, 1] changes by at most 1/(2n) with one example",
)


CHANGE_OF_SUM = axiom(
    "bounded differences add up",
    "G: q 1, N: q 1, n, a, b",
    lambda G, N, n, a, b: ([differences(G, n, a), differences(N, n, b)], [differences(G - 2 * N, n, a + 2 * b)]),
    "T",
    "triangle inequality",
    "G - 2N changes by at most a + 2b when G does by a and N by b",
)


MCDIARMID = axiom(
    "McDiarmid",
    "mu: k 1, Phi: q 1, P: q 1, n, c, tau, s, p, delta, x",
    lambda mu, Phi, P, n, c, tau, s, p, delta, x: (
        [
            samples(P, mu, n),
            differences(Phi, n, c),
            beyond(p, Phi, P, s),
            logarithm(x, delta),
            nonnegative(tau),
            at_least(s, P.T @ Phi + tau),
            at_least(2 * tau**2, -n * c**2 * x),
        ],
        [at_most(p, delta)],
    ),
    "F",
    f"{LEAN}@87ce12e70cea, FoML/McDiarmid.lean, mcdiarmid_inequality_pos'; {UML}, Lemma 26.4",
    "Pr[Phi > E Phi + tau] <= exp(-2 tau^2/(n c^2)) for n independent arguments and differences at most c",
)


DEFINITION = axiom(
    "the greatest deviation is an upper bound",
    "mu: k 1, F: k r, G: q 1, u: q 1, v: r 1, n, r",
    lambda mu, F, G, u, v, n, r: (
        [deviations(G, F, mu, n), average(r, F, v, u, n)],
        [at_most(mu.T @ F @ v - r, u.T @ G)],
    ),
    "T",
    "definition of the supremum",
    "the deviation of one network on one sample is at most the greatest one on that sample",
)


COVERING = axiom(
    "covering networks",
    "H: h r, Z: k d, u: q 1, n, x, w, R",
    lambda H, Z, u, n, x, w, R: ([networks(H, Z, u, n, x, w, R)], [covered(H, u, n, x**2 * w * R**2)]),
    "P",
    "Bartlett, Foster and Telgarsky, NIPS 2017, Theorem 3.3; the ceiling and properness by own arguments",
    r"ln N(e) <= |X|_F^2 ln(2W^2) R^2 / e^2 for the outputs of the networks in the class on the sample",
)


CONTRACTION = axiom(
    "Lipschitz images of covers",
    "F: k r, H: h r, u: q 1, n, gamma, a, c",
    lambda F, H, u, n, gamma, a, c: (
        [ramps(F, H, gamma), covered(H, u, n, a), positive(gamma), at_least(gamma**2 * c, 2 * a)],
        [covered(F, u, n, c)],
    ),
    "O",
    "the margin is sqrt(2)-Lipschitz and the ramp 1/gamma-Lipschitz, and the image of a cover is a cover "
    "(generalization.margins_and_ramp)",
    "ramp losses have entropy at most c/e^2 when the outputs have (gamma^2 c/2)/e^2",
)


DUDLEY = axiom(
    "Dudley",
    "F: k r, N: q 1, u: q 1, n, m, kappa, J, a, b, x, y",
    lambda F, N, u, n, m, kappa, J, a, b, x, y: (
        [
            covered(F, u, n, kappa**2),
            losses(F),
            averages(N, F, n),
            logarithm(x, a),
            logarithm(y, b),
            equal(J, kappa * y - kappa * x),
            marked(u),
            nonnegative(kappa),
            positive(m),
            equal(m**2, n),
            positive(a),
            at_least(b, a),
            at_least(4 * b, m),
        ],
        [at_most(n * (u.T @ N), 4 * m * a + 12 * J)],
    ),
    "F",
    f"{LEAN}@bcb29a165230, FoML/Entropy/Dudley.lean, dudley_entropy_integral' for f - 1/2, in the norm that is not "
    "divided by sqrt n, for entropy at most kappa^2/e^2; that the integral of kappa/e from a to b is "
    "kappa ln b - kappa ln a is shown by the step `integral` where this is used; for a >= sqrt(n)/4 the left side is at "
    "most n/2 anyway",
    "average <= 4a/sqrt n + (12/n) (integral of sqrt(entropy) from a to b), for b >= sqrt(n)/4 and values in [0, 1]",
)


def evaluate_predicates(d: Derivation) -> None:
    """How the model check decides the predicates: by enumeration of samples, signs and covers."""

    def points(q: int, n: Any) -> int:
        """k from q = k^n samples."""
        return next(k for k in range(1, q + 1) if k ** int(n.p) == q)

    def column(A: Matrix) -> list[fmpq]:
        return [A[i, 0] for i in range(A.rows)]

    def functions(F: Matrix) -> list[list[fmpq]]:
        return [[F[i, j] for i in range(F.rows)] for j in range(F.cols)]

    def all_samples(k: int, n: Any) -> list[tuple[int, ...]]:
        return list(itertools.product(range(k), repeat=int(n.p)))

    def products(P: Matrix, mu: Matrix, n: Any) -> bool:
        chances = [functools.reduce(lambda a, i: a * mu[i, 0], s, fmpq(1)) for s in all_samples(mu.rows, n)]
        return column(P) == chances and sum(column(mu)) == 1 and min(column(mu)) >= 0

    def greatest(G: Matrix, F: Matrix, mu: Matrix, n: Any) -> bool:
        return column(G) == [deviation(functions(F), column(mu), s) for s in all_samples(F.rows, n)]

    def averages(N: Matrix, F: Matrix, n: Any) -> bool:
        return column(N) == [rademacher(functions(F), s) for s in all_samples(F.rows, n)]

    def differences(Phi: Matrix, n: Any, c: Any) -> bool:
        places = all_samples(points(Phi.rows, n), n)
        values = dict(zip(places, column(Phi), strict=True))
        near = [(s, z) for s in places for z in places if sum(a != b for a, b in zip(s, z, strict=True)) == 1]
        return all(abs(values[s] - values[z]) <= c for s, z in near)

    def beyond(p: Any, Phi: Matrix, P: Matrix, s: Any) -> bool:
        return p == sum((x for x, y in zip(column(P), column(Phi), strict=True) if y > s), fmpq(0))

    def logarithm(x: Any, a: Any) -> bool:
        return bool(arb(a) > 0 and arb(a).log().overlaps(arb(x)))

    def covered(X: Matrix, u: Matrix, n: Any, c: Any) -> Any:
        k = points(u.rows, n)
        sample = all_samples(k, n)[column(u).index(fmpq(1))]
        rows = X.rows // k
        places = [i * rows + a for i in sample for a in range(rows)]
        return _truth(is_at_most(entropy_constant([[X[i, j] for i in places] for j in range(X.cols)]), arb(c)))

    def networks(H: Matrix, Z: Matrix, u: Matrix, n: Any, x: Any, w: Any, R: Any) -> bool:
        sample = all_samples(Z.rows, n)[column(u).index(fmpq(1))]
        norm = arb(sum((Z[i, :].squared_norm() for i in sample), fmpq(0)))
        width = (arb(w).exp() / 2).sqrt()
        return bool(norm.overlaps(arb(x) ** 2) and width.contains_integer() and width > 0.5 and R >= 0)

    def ramps(F: Matrix, H: Matrix, gamma: Any) -> bool:
        rows = H.rows // F.rows
        margins = {
            (i, j): H[i * rows, j] - max(H[i * rows + a, j] for a in range(1, rows))
            for i in range(F.rows)
            for j in range(F.cols)
        }
        return all(F[i, j] == ramp(margins[i, j], gamma) for i, j in margins)

    def average(r: Any, F: Matrix, v: Matrix, u: Matrix, n: Any) -> bool:
        sample = all_samples(F.rows, n)[column(u).index(fmpq(1))]
        j = column(v).index(fmpq(1))
        return r == sum((F[i, j] for i in sample), fmpq(0)) / len(sample)

    d.model_predicate("P holds the probabilities of all samples of n independent draws", products)
    d.model_predicate("G holds the greatest deviations of mean from average", greatest)
    d.model_predicate("N holds the Rademacher averages", averages)
    d.model_predicate("changing one example changes the entry by at most", differences)
    d.model_predicate("p is the probability of an entry beyond", beyond)
    d.model_predicate("x = ln a", logarithm)
    d.model_predicate("all losses lie between 0 and 1", lambda F: all(0 <= x <= 1 for f in functions(F) for x in f))
    d.model_predicate("on the sample, part of a class whose e-entropy is at most c/e^2", covered)
    d.model_predicate("outputs of networks with data norm x, w = ln(2W^2), complexity R", networks)
    d.model_predicate("ramp losses at margin gamma of these outputs", ramps)
    d.model_predicate("r is the average loss of network v on sample u", average)
    d.model_predicate("u marks one sample", lambda u: sorted(column(u)) == [0] * (u.rows - 1) + [1])


def _truth(verdict: Verdict) -> bool | None:
    return None if verdict.undecided else verdict.holds
