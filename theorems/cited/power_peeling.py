r"""Peeling in $\ell_p$ norms: predicates with the exponents $\alpha = 1/p$ and $\beta = 1/q$, and what is cited about them.

With $\alpha$ in $[0, 1]$, infinity is no special case: $p = 1/\alpha$, $p^* = 1/(1 - \alpha)$, and $Z(H) = \max_f \|\sum_i \varepsilon_i
h_f(x_i)\|_{p^*}$ for matrices of hidden outputs as in `_peeling`.
"""

from __future__ import annotations

from typing import Any

from flint import arb, fmpq

from numerics.arithmetic.exact import Matrix
from numerics.evidence.verdict import at_most as is_at_most
from numerics.evidence.verdict import every
from numerics.learning import rademacher_sums as sums
from numerics.learning.enumeration import sample_of
from numerics.learning.powers import features_norm, layer_norm, mean_sum, power, rows_norm
from numerics.learning.problems import ACTIVATIONS
from theorems.cited import learning as cited
from theorems.cited import peeling as peel
from theorems.cited.form import axiom
from theorems.proof import Derivation, at_least, at_most, nonnegative, predicate

LAYER = "G = s(W H) for layers W with h^[1-alpha-beta]_+ |W|_(p,q) at most M, 0 <= alpha, beta <= 1"


MEAN = "z = E Z(H) in the norm p*, 0 <= alpha <= 1"


LAST = "outputs O = V H on the sample, with k rows of V of norm p at most M, 0 <= alpha <= 1"


INPUTS = "all networks see the same inputs, the norms of their d features have norm p* X, 0 <= alpha <= 1"


BONAMI = "O'Donnell, Analysis of Boolean Functions, Chapter 9 (the Hypercontractivity Theorem of Bonami)"


def layer(G, H, W, M, n, alpha, beta):
    return predicate(LAYER, G, H, W, M, n, alpha, beta)


def mean(z, H, n, alpha, *_):
    return predicate(MEAN, z, H, n, alpha)


def last(O, H, V, M, u, n, k, alpha, *_):
    return predicate(LAST, O, H, V, M, u, n, k, alpha)


def inputs(H, X, n, d, alpha):
    return predicate(INPUTS, H, X, n, d, alpha)


def root_of_features(m, d, alpha):
    return predicate("m = d^(1 - alpha)", m, d, alpha)


COMPARE = axiom(
    "comparison of group norms",
    "G: g r, H: h r, W: w r, n, M, alpha, beta",
    lambda G, H, W, n, M, alpha, beta: (
        [layer(G, H, W, M, n, alpha, beta)],
        [layer(G, H, W, M, n, alpha, 1 - alpha)],
    ),
    "T",
    "Hoelder's inequality, and |v|_r <= |v|_q for q <= r",
    "the norm r = p* of h numbers is at most h^[1/r-1/q]_+ times their norm q",
)


PEEL = axiom(
    "peeling a layer, norm p*",
    "G: g r, H: h r, W: w r, n, M, y, z, alpha",
    lambda G, H, W, n, M, y, z, alpha: (
        [layer(G, H, W, M, n, alpha, 1 - alpha), mean(z, G, n, alpha), mean(y, H, n, alpha)],
        [at_most(z, 2 * M * y)],
    ),
    "F",
    f"{peel.LEAN}, empiricalRademacherComplexity_contraction (constant 2), for the rows w/|w|_p: for positively homogeneous s, "
    "each entry of sum e_i s(W h_i) is |w|_p sum e_i s(w h_i/|w|_p), and |w h| <= |w|_p |h|_p*",
    "E max |sum e_i s(W h_i)|_p* <= 2 M E max |sum e_i h_i|_p* for positively homogeneous 1-Lipschitz s",
)


READOUT = axiom(
    "last layer, norm p",
    "O: o r, H: h r, V: v r, u: q 1, n, k, M, z, T, alpha",
    lambda O, H, V, u, n, k, M, z, T, alpha: (
        [last(O, H, V, M, u, n, k, alpha), mean(z, H, n, alpha), peel.largest(T, O, u, n, k)],
        [at_most(T, M * z)],
    ),
    "T",
    "Hoelder's inequality",
    "E max sum e_i v h_i <= M E max |sum e_i h_i|_p*",
)


KHINTCHINE = axiom(
    "mean of a Rademacher sum, norm p*",
    "H: h r, n, d, X, alpha, C, z",
    lambda H, n, d, X, alpha, C, z: (
        [inputs(H, X, n, d, alpha), mean(z, H, n, alpha), at_least(C, 1), at_least((1 - alpha) * C**2, alpha)],
        [at_most(z, C * X)],
    ),
    "T",
    f"{BONAMI}: (E|sum e_i a_i|^r)^(1/r) <= sqrt(r-1) |a|_2 for r >= 2, and <= |a|_2 for r <= 2 by Jensen; with r = p*, feature by "
    "feature, and E|S|_r <= (sum_j E|S_j|^r)^(1/r)",
    "E|sum e_i x_i|_p* <= C X for C^2 >= max(1, p* - 1)",
)


LARGEST = axiom(
    "mean of a Rademacher sum, through the maximum norm",
    "H: h r, n, d, X, alpha, C, z, x, m",
    lambda H, n, d, X, alpha, C, z, x, m: (
        [
            inputs(H, X, n, d, alpha),
            mean(z, H, n, alpha),
            cited.logarithm(x, 2 * d),
            root_of_features(m, d, alpha),
            nonnegative(C),
            at_least(C**2, 2 * x * m**2),
        ],
        [at_most(z, C * X)],
    ),
    "T",
    f"{cited.UML}, Lemma 26.8 (Massart) for the 2d sums of +-features, with |v|_r <= d^(1/r) |v|_oo and |v|_oo <= |v|_r",
    "E|sum e_i x_i|_p* <= C X for C >= d^(1/p*) sqrt(2 ln(2d))",
)


def evaluate_predicates(d: Derivation) -> None:
    """How the model check decides the predicates of this file."""

    def is_layer(G: Matrix, H: Matrix, W: Matrix, M: Any, n: Any, alpha: Any, beta: Any) -> bool:
        size = int(n.p)
        weights = [sums.weight(W, j, G.rows // size) for j in range(W.cols)]
        images = [[sums.apply(w, x) for x in sums.vectors(H, j, size)] for j, w in enumerate(weights)]
        found = [sums.vectors(G, j, size) for j in range(G.cols)]
        if not (0 <= alpha <= 1 and 0 <= beta <= 1):
            return False
        acts = any([[[act(z) for z in v] for v in x] for x in images] == found for act in ACTIVATIONS.values())
        return acts and not every(is_at_most(layer_norm(w, alpha, beta), M) for w in weights).fails

    def is_last(O: Matrix, H: Matrix, V: Matrix, M: Any, u: Matrix, n: Any, k: Any, alpha: Any) -> bool:
        if not 0 <= alpha <= 1:
            return False
        size, outputs = int(n.p), int(k.p)
        s = sample_of(u, O.rows // outputs, size)
        for j in range(V.cols):
            w = sums.weight(V, j, outputs)
            expected = [sums.apply(w, x) for x in sums.vectors(H, j, size)]
            if expected != [[O[i * outputs + c, j] for c in range(outputs)] for i in s]:
                return False
            if is_at_most(rows_norm(w, alpha, fmpq(0)), M).fails:
                return False
        return True

    def same_inputs(H: Matrix, X: Any, n: Any, dimension: Any, alpha: Any) -> bool:
        columns = [sums.vectors(H, j, int(n.p)) for j in range(H.cols)]
        alike = 0 <= alpha <= 1 and all(c == columns[0] for c in columns) and len(columns[0][0]) == dimension
        return alike and bool(features_norm(columns[0], alpha).overlaps(arb(X)))

    d.model_predicate(LAYER, is_layer)
    d.model_predicate(LAST, is_last)
    d.model_predicate(INPUTS, same_inputs)
    d.model_predicate(
        MEAN, lambda z, H, n, alpha: 0 <= alpha <= 1 and bool(arb(z).overlaps(mean_sum(H, int(n.p), alpha)))
    )
    d.model_predicate("m = d^(1 - alpha)", lambda m, d, alpha: bool(arb(m).overlaps(power(arb(d), 1 - alpha))))
