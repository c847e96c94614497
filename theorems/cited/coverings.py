r"""Coverings of the outputs of layered networks, and of their parameters."""

from __future__ import annotations

from theorems.cited import learning as cited
from theorems.cited.form import axiom
from theorems.proof import Expr, Relation, at_most, equal, nonnegative, positive, predicate


def structured(H: Expr, Z: Expr, u: Expr, n: Expr, x: Expr, w: Expr, R: Expr, S: Expr, gamma: Expr) -> Relation:
    text = "outputs of layered networks: data norm x, w = ln(2W), complexity R, S of the parameter form at gamma"
    return predicate(text, H, Z, u, n, x, w, R, S, gamma)


COVERING_LAYERS = axiom(
    "covering layered networks",
    "H: h r, Z: k d, u: q 1, n, x, w, R, S, gamma",
    lambda H, Z, u, n, x, w, R, S, gamma: (
        [structured(H, Z, u, n, x, w, R, S, gamma)],
        [cited.covered(H, u, n, x**2 * w * R**2)],
    ),
    "P",
    "Graf, Zeng, Rieck, Niethammer and Kwitt, NeurIPS 2022, Theorem 3.5 (norms), as in rkwitt/excess_capacity; graphs, the ceiling and "
    "properness by own arguments",
    "ln N(e) <= |X|_F^2 ln(2W) R^2/e^2",
)


COUNTING_PARAMETERS = axiom(
    "counting parameters",
    "F: k r, H: h r, N: q 1, Z: k d, u: q 1, n, m, x, w, R, S, gamma, s",
    lambda F, H, N, Z, u, n, m, x, w, R, S, gamma, s: (
        [
            structured(H, Z, u, n, x, w, R, S, gamma),
            cited.ramps(F, H, gamma),
            cited.averages(N, F, n),
            cited.marked(u),
            positive(gamma),
            nonnegative(m),
            equal(m**2, n),
            nonnegative(s),
            equal(s**2, S),
        ],
        [at_most(n * (u.T @ N), 3 * m * s)],
    ),
    "P",
    "Graf, Zeng, Rieck, Niethammer and Kwitt, NeurIPS 2022, Theorem 3.5 (parameters), as in rkwitt/excess_capacity, with centred losses and "
    "the integral of ln(2 + K^2/t^2) at most ln(2 + K^2) + 2",
    "average <= (3/sqrt n) (sum 2 W_i (ln(2 + K_i^2) + 2))^(1/2)",
)
