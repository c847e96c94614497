r"""What the PAC-Bayes margin bound cites: predicates of posteriors on finitely many networks, and axioms on them.

Columns of `R` are posteriors, one for each sample; `F` has a row for each point and a column for each network.
"""

from __future__ import annotations

import itertools
from typing import Any

from flint import arb, fmpq

from numerics.arithmetic.exact import Matrix
from numerics.evidence.verdict import at_most as is_at_most
from numerics.learning.enumeration import sample_of
from theorems.cited import learning as cited
from theorems.cited.form import axiom
from theorems.proof import Derivation, at_least, at_most, equal, nonnegative, number, predicate


def divergences(K, R, pi):
    return predicate("K holds the divergences of the posteriors from the prior", K, R, pi)


def conditioned(S, R):
    return predicate("S holds the posteriors R given events of probability at least 1/2", S, R)


def posterior_gaps(G, F, R, mu, n):
    return predicate("G holds mean minus sample average of the posteriors' losses", G, F, R, mu, n)


def roots(t, K, x, n):
    return predicate("t holds the roots of (K + x)/(2n)", t, K, x, n)


def half(F, M, gamma):
    return predicate("F marks the margins M at most gamma/2", F, M, gamma)


def within(m, M, z, R, u, gamma):
    return predicate("margins of the posterior's networks are within gamma/2 of m outside z", m, M, z, R, u, gamma)


def distances(m, M, S):
    return predicate("squared differences of margins are at most twice S, those of outputs", m, M, S)


def moved(S, z, R, u, q):
    return predicate("squared distances S of the posterior's networks are at most q outside z", S, z, R, u, q)


def clear(z, u, n):
    return predicate("no sample point is in z", z, u, n)


def errors(err, m, mu):
    return predicate("err is the probability of a margin at most 0", err, m, mu)


def counted(risk, m, u, n, gamma):
    return predicate("risk is the share of sample margins at most gamma", risk, m, u, n, gamma)


def far(p, X, mu, P, n, eps):
    return predicate("p is the probability that inputs longer than the sample's weigh beyond eps", p, X, mu, P, n, eps)


PAC_BAYES = axiom(
    "PAC-Bayes",
    "mu: k 1, F: k r, pi: r 1, R: r q, K: q 1, G: q 1, t: q 1, P: q 1, n, m, a, x, delta, p",
    lambda mu, F, pi, R, K, G, t, P, n, m, a, x, delta, p: (
        [
            cited.samples(P, mu, n),
            cited.losses(F),
            divergences(K, R, pi),
            posterior_gaps(G, F, R, mu, n),
            roots(t, K, x, n),
            cited.logarithm(x, a),
            at_least(a * delta, 2 * m),
            equal(m**2, n),
            nonnegative(m),
            cited.beyond(p, G - t, P, number(0)),
        ],
        [at_most(p, delta)],
    ),
    "P",
    "Maurer, A note on the PAC Bayesian theorem, 2004 (constant ln(2 sqrt n/delta)), with kl(a, b) >= 2 (a - b)^2",
    "with probability 1 - delta, all posteriors have mean loss at most sample loss + sqrt((KL + ln(2 sqrt n/delta))/(2n))",
)


ROOT = axiom(
    "an entry of a vector of roots",
    "t: q 1, K: q 1, u: q 1, x, n",
    lambda t, K, u, x, n: ([roots(t, K, x, n), cited.marked(u)], [equal(2 * n * (u.T @ t) ** 2, u.T @ K + x)]),
    "T",
    "definition",
    "t = sqrt((K + x)/(2n)) at the marked sample",
)


TRUNCATION = axiom(
    "conditioning",
    "R: r q, S: r q, K: q 1, D: q 1, pi: r 1, u: q 1, x",
    lambda R, S, K, D, pi, u, x: (
        [
            divergences(K, R, pi),
            divergences(D, S, pi),
            conditioned(S, R),
            cited.marked(u),
            cited.logarithm(x, number(2)),
        ],
        [at_most(u.T @ D, 2 * (u.T @ K) + 2 * x)],
    ),
    "O",
    "KL(R|pi) = Z KL(S|pi) + (1 - Z) KL(R given not|pi) - H(Z) with Z >= 1/2, H(Z) <= ln 2 and divergences >= 0",
    "the divergence of a distribution given an event of probability at least 1/2 is at most 2 KL + 2 ln 2",
)


MARGINS = axiom(
    "margins of close outputs",
    "m: k 1, M: k r, S: k r, z: k 1, R: r q, u: q 1, q, gamma",
    lambda m, M, S, z, R, u, q, gamma: (
        [distances(m, M, S), moved(S, z, R, u, q), at_most(8 * q, gamma**2)],
        [within(m, M, z, R, u, gamma)],
    ),
    "T",
    "monotony of the root: 2 q <= (gamma/2)^2",
    "margins are sqrt 2-Lipschitz, so outputs within gamma/(2 sqrt 2) have margins within gamma/2",
)


DERANDOMISATION = axiom(
    "from the posterior to its centre",
    "m: k 1, M: k r, F: k r, z: k 1, R: r q, u: q 1, mu: k 1, G: q 1, n, err, risk, gamma",
    lambda m, M, F, z, R, u, mu, G, n, err, risk, gamma: (
        [
            within(m, M, z, R, u, gamma),
            half(F, M, gamma),
            clear(z, u, n),
            errors(err, m, mu),
            counted(risk, m, u, n, gamma),
            posterior_gaps(G, F, R, mu, n),
        ],
        [at_most(err, risk + u.T @ G + mu.T @ z)],
    ),
    "O",
    "1[m <= 0] <= 1[M <= gamma/2] + 1_z for each network in the support, and 1[M <= gamma/2] <= 1[m <= gamma] on the sample",
    "the error of the centre is at most its margin count plus the gap of the posterior plus the weight of z",
)


RADIUS = axiom(
    "longest input",
    "X: k 1, mu: k 1, P: q 1, n, eps, x, delta, p",
    lambda X, mu, P, n, eps, x, delta, p: (
        [cited.samples(P, mu, n), far(p, X, mu, P, n, eps), cited.logarithm(x, delta), equal(n * eps, -x)],
        [at_most(p, delta)],
    ),
    "O",
    "if the inputs longer than r weigh more than eps for the greatest such r, a sample misses them with probability at most "
    "(1 - eps)^n <= exp(-n eps)",
    "the inputs longer than all of the sample weigh at most ln(1/delta)/n, with probability 1 - delta",
)


def divergence(rho: list[fmpq], pi: list[fmpq]) -> arb:
    return sum((arb(a) * arb(a / b).log() for a, b in zip(rho, pi, strict=True) if a > 0), arb(0))


def column(A: Matrix, j: int = 0) -> list[fmpq]:
    return [A[i, j] for i in range(A.rows)]


def evaluate_predicates(d: Derivation) -> None:
    cited.evaluate_predicates(d)

    def place(u: Matrix) -> int:
        return column(u).index(fmpq(1))

    def support(R: Matrix, u: Matrix) -> list[int]:
        return [j for j in range(R.rows) if R[j, place(u)] > 0]

    def are_divergences(K: Matrix, R: Matrix, pi: Matrix) -> bool:
        # Divergences are not rational: the model has rational upper bounds, tight to 2^-60, of them.
        found = [divergence(column(R, s), column(pi)) for s in range(R.cols)]
        return all(not (arb(K[s, 0]) < v or arb(K[s, 0]) > v + arb(2) ** -50) for s, v in enumerate(found))

    def are_conditioned(S: Matrix, R: Matrix) -> bool:
        for s in range(R.cols):
            Z = sum((R[j, s] for j in range(R.rows) if S[j, s] > 0), fmpq(0))
            if Z < fmpq(1, 2) or any(S[j, s] > 0 and S[j, s] * Z != R[j, s] for j in range(R.rows)):
                return False
        return True

    def gaps(G: Matrix, F: Matrix, R: Matrix, mu: Matrix, n: Any) -> bool:
        size = int(n.p)
        for s, points in enumerate(itertools.product(range(F.rows), repeat=size)):
            loss = [sum((F[i, j] * R[j, s] for j in range(F.cols)), fmpq(0)) for i in range(F.rows)]
            mean = sum((mu[i, 0] * loss[i] for i in range(F.rows)), fmpq(0))
            if G[s, 0] != mean - sum((loss[i] for i in points), fmpq(0)) / size:
                return False
        return True

    def are_roots(t: Matrix, K: Matrix, x: Any, n: Any) -> bool:
        return all(
            (2 * n * arb(t[s, 0]) ** 2 - arb(K[s, 0]) - arb(x)).abs_upper() < arb(2) ** -40 for s in range(t.rows)
        )

    def is_within(m: Matrix, M: Matrix, z: Matrix, R: Matrix, u: Matrix, gamma: Any) -> bool:
        return all(2 * abs(m[i, 0] - M[i, j]) <= gamma for i in range(m.rows) if z[i, 0] == 0 for j in support(R, u))

    def is_moved(S: Matrix, z: Matrix, R: Matrix, u: Matrix, q: Any) -> Any:
        return all(not is_at_most(S[i, j], q).fails for i in range(S.rows) if z[i, 0] == 0 for j in support(R, u))

    def is_far(p: Any, X: Matrix, mu: Matrix, P: Matrix, n: Any, eps: Any) -> bool:
        found = fmpq(0)
        for s, points in enumerate(itertools.product(range(mu.rows), repeat=int(n.p))):
            longest = max(X[i, 0] for i in points)
            weight = sum((mu[i, 0] for i in range(mu.rows) if X[i, 0] > longest), fmpq(0))
            found += P[s, 0] if arb(weight) > arb(eps) else fmpq(0)
        return p == found

    d.model_predicate("K holds the divergences of the posteriors from the prior", are_divergences)
    d.model_predicate("S holds the posteriors R given events of probability at least 1/2", are_conditioned)
    d.model_predicate("G holds mean minus sample average of the posteriors' losses", gaps)
    d.model_predicate("t holds the roots of (K + x)/(2n)", are_roots)
    d.model_predicate(
        "F marks the margins M at most gamma/2",
        lambda F, M, gamma: all(F[i, j] == int(2 * M[i, j] <= gamma) for i in range(M.rows) for j in range(M.cols)),
    )
    d.model_predicate("margins of the posterior's networks are within gamma/2 of m outside z", is_within)
    d.model_predicate(
        "squared differences of margins are at most twice S, those of outputs",
        lambda m, M, S: all((m[i, 0] - M[i, j]) ** 2 <= 2 * S[i, j] for i in range(M.rows) for j in range(M.cols)),
    )
    d.model_predicate("squared distances S of the posterior's networks are at most q outside z", is_moved)
    d.model_predicate(
        "no sample point is in z", lambda z, u, n: all(z[i, 0] == 0 for i in sample_of(u, z.rows, int(n.p)))
    )
    d.model_predicate(
        "err is the probability of a margin at most 0",
        lambda err, m, mu: err == sum((mu[i, 0] for i in range(m.rows) if m[i, 0] <= 0), fmpq(0)),
    )
    d.model_predicate(
        "risk is the share of sample margins at most gamma",
        lambda risk, m, u, n, gamma: risk * n == sum(int(m[i, 0] <= gamma) for i in sample_of(u, m.rows, int(n.p))),
    )
    d.model_predicate("p is the probability that inputs longer than the sample's weigh beyond eps", is_far)
