r"""Peeling units instead of layers: the classes hold all units of all networks, each as a column of its values on the sample."""

from __future__ import annotations

import itertools
from typing import Any

from flint import arb, fmpq

from numerics.arithmetic.exact import Matrix
from numerics.evidence.verdict import at_most as is_at_most
from numerics.learning.enumeration import sample_of
from numerics.learning.problems import ACTIVATIONS
from theorems.cited import learning as cited
from theorems.cited.form import axiom
from theorems.cited.peeling import GOLOWICH, largest, moment
from theorems.proof import Derivation, at_most, equal, nonnegative, predicate


def grows(G, H, W, kinds):
    return predicate("units G are units H, or s(H w) with |w|_1 <= 1 for one of so many s", G, H, W, kinds)


def columns(H, X, d):
    return predicate("H has d columns of norm at most X", H, X, d)


def outputs(O, H, V, M, u, n, k):
    return predicate("outputs O on the sample are H v with |v|_1 at most M", O, H, V, M, u, n, k)


PEEL = axiom(
    "peeling a level of units",
    "G: n g, H: n h, W: h g, n, a, y, z, kinds, base, x",
    lambda G, H, W, n, a, y, z, kinds, base, x: (
        [
            grows(G, H, W, kinds),
            moment(z, G, n, a, "oo"),
            moment(y, H, n, a, "oo"),
            equal(base, 2 * kinds + 1),
            cited.logarithm(x, base),
            nonnegative(a),
        ],
        [at_most(z, y + x)],
    ),
    "O",
    f"the exponential of a maximum is at most the sum: one for the old units, and for each kind 2 by {GOLOWICH}, Lemma 1 (contraction "
    "for exp, s(0) = 0), the supremum over |w|_1 <= 1 of |sum e_i H w| being that over the columns",
    "E exp(a max over G) <= (2 kinds + 1) E exp(a max over H)",
)


START = axiom(
    "exponential moment of the largest column",
    "H: n h, n, X, d, a, z, x",
    lambda H, n, X, d, a, z, x: (
        [columns(H, X, d), moment(z, H, n, a, "oo"), cited.logarithm(x, 2 * d), nonnegative(a)],
        [at_most(2 * z, 2 * x + a**2 * X**2)],
    ),
    "T",
    f"{cited.UML}, proof of Lemma 26.8 (Massart), for the 2d sums of +-columns",
    "ln E exp(a max_j |sum e_i h_ij|) <= ln(2d) + a^2 X^2/2",
)


READOUT = axiom(
    "outputs of units, exponential",
    "O: o r, H: n h, V: h g, u: q 1, n, k, M, a, b, z, T",
    lambda O, H, V, u, n, k, M, a, b, z, T: (
        [
            outputs(O, H, V, M, u, n, k),
            moment(z, H, n, b, "oo"),
            equal(b, a * M),
            largest(T, O, u, n, k),
            nonnegative(a),
        ],
        [at_most(a * T, z)],
    ),
    "T",
    "Jensen's inequality and Hoelder's",
    "a E max sum e_i (H v)_i <= ln E exp(a M max |sum e_i h_i|)",
)


def evaluate_predicates(d: Derivation) -> None:
    def column(A: Matrix, j: int) -> list[fmpq]:
        return [A[i, j] for i in range(A.rows)]

    def length(A: Matrix, j: int) -> fmpq:
        return sum((abs(x) for x in column(A, j)), fmpq(0))

    def are_units(G: Matrix, H: Matrix, W: Matrix, kinds: Any) -> bool:
        old = [column(H, j) for j in range(H.cols)]
        Y = H @ W
        new = [j for j in range(G.cols) if column(G, j) not in old]
        if any(length(W, j) > 1 for j in new):
            return False
        acts = [{name for name, s in ACTIVATIONS.items() if list(map(s, column(Y, j))) == column(G, j)} for j in new]
        sets = itertools.combinations(ACTIVATIONS, min(int(kinds.p), len(ACTIVATIONS)))
        return not new or any(all(set(chosen) & found for found in acts) for chosen in sets)

    def are_columns(H: Matrix, X: Any, dimension: Any) -> bool:
        norms = [arb(sum((x * x for x in column(H, j)), fmpq(0))).sqrt() for j in range(H.cols)]
        return dimension == H.cols and not any(is_at_most(v, X).fails for v in norms)

    def are_outputs(O: Matrix, H: Matrix, V: Matrix, M: Any, u: Matrix, n: Any, k: Any) -> bool:
        count = int(k.p)
        s = sample_of(u, O.rows // count, int(n.p))
        Y = H @ V
        same = all(
            [O[i * count + c, t] for i in s] == column(Y, t * count + c) for t in range(O.cols) for c in range(count)
        )
        return same and not any(is_at_most(length(V, j), M).fails for j in range(V.cols))

    d.model_predicate("units G are units H, or s(H w) with |w|_1 <= 1 for one of so many s", are_units)
    d.model_predicate("H has d columns of norm at most X", are_columns)
    d.model_predicate("outputs O on the sample are H v with |v|_1 at most M", are_outputs)
