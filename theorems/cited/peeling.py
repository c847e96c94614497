r"""Peeling: what the layers of a network do to Rademacher sums, as axioms about finite sets of networks.

A matrix $H$ of hidden outputs has a column for each network; in a column stand the $n$ vectors $h(x_1), \dots, h(x_n)$ of
the sample below each other. $Z(H) = \max_f \|\sum_i \varepsilon_i h_f(x_i)\|$, in the Euclidean norm or in the maximum
norm. Facts about all finite sets of networks of one class hold for the class, because a supremum over it is approached by
finite sets (for each of the $2^n$ signs one network that nearly attains it).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flint import arb, fmpq

from numerics.arithmetic.exact import Matrix
from numerics.evidence.verdict import at_most as is_at_most
from numerics.evidence.verdict import every
from numerics.learning.enumeration import greatest_supremum, sample_of
from numerics.learning.problems import ACTIVATIONS
from numerics.learning.rademacher_sums import (
    apply,
    frobenius,
    frobenius_columns,
    greatest_row_1,
    greatest_row_2,
    greatest_rows,
    log_moment,
    mean_sum,
    vectors,
    weight,
)
from theorems.cited import learning as cited
from theorems.cited.contraction import suprema
from theorems.cited.form import axiom
from theorems.proof import Derivation, at_most, equal, nonnegative, number, predicate

LEAN = "auto-res/lean-rademacher@c835667716a5, FoML/ToFoML/Contraction.lean"


GOLOWICH = "Golowich, Rakhlin and Shamir, COLT 2018"


def layer(G, H, W, M, n, norm="Frobenius norm"):
    return predicate(f"G = s(W H) for layers W with {norm} at most M", G, H, W, M, n)


def moment(z, H, n, a, norm="2"):
    return predicate(f"z = ln E exp(a Z(H)) in the norm {norm}", z, H, n, a)


def mean(z, H, n):
    return predicate("z = E Z(H) in the norm 2", z, H, n)


def inputs(H, X, n):
    return predicate("all networks see the same inputs, with Frobenius norm X", H, X, n)


def features(H, X, d, n):
    return predicate("all networks see the same inputs of d features, each of norm at most X", H, X, d, n)


def last(O, H, V, M, u, n, k, norm="2"):
    return predicate(f"outputs O = V H on the sample, with k rows of V of norm {norm} at most M", O, H, V, M, u, n, k)


def _peel(name: str, norm: str, dual: str, source: str, text: str):
    return axiom(
        name,
        "G: g r, H: h r, W: w r, n, M, a, b, y, z, x",
        lambda G, H, W, n, M, a, b, y, z, x: (
            [
                layer(G, H, W, M, n, norm),
                moment(z, G, n, a, dual),
                moment(y, H, n, b, dual),
                equal(b, a * M),
                cited.logarithm(x, number(2)),
                nonnegative(a),
            ],
            [at_most(z, y + x)],
        ),
        "P",
        source,
        text,
    )


EUCLIDEAN_PEEL = _peel(
    "peeling a layer from an exponential",
    "Frobenius norm",
    "2",
    f"{GOLOWICH}, Lemma 1 for g = exp, by the contraction in {LEAN} and the convexity of exp: for positively homogeneous "
    "s, |sum e_i s(W h_i)|^2 is a sum over rows of |w|^2 (sum e_i s(w h_i/|w|))^2, at most |W|_F^2 times the largest",
    "E exp(a max |sum e_i s(W h_i)|) <= 2 E exp(a M max |sum e_i h_i|) for positively homogeneous 1-Lipschitz s",
)


MAXIMUM_PEEL = _peel(
    "peeling a layer from an exponential, maximum norm",
    "greatest l1 norm of a row",
    "oo",
    f"{GOLOWICH}, proof of Theorem 2, by the contraction in {LEAN} and the convexity of exp",
    "E exp(a max |sum e_i s(W h_i)|_oo) <= 2 E exp(a M max |sum e_i h_i|_oo) for 1-Lipschitz s with s(0) = 0",
)


PEEL = axiom(
    "peeling a layer",
    "G: g r, H: h r, W: w r, n, M, y, z",
    lambda G, H, W, n, M, y, z: (
        [layer(G, H, W, M, n), mean(z, G, n), mean(y, H, n)],
        [at_most(z, 2 * M * y)],
    ),
    "F",
    f"{LEAN}, empiricalRademacherComplexity_contraction (constant 2), for the rows w/|w|: for positively homogeneous s, "
    "|sum e_i s(W h_i)|^2 is a sum over rows of |w|^2 (sum e_i s(w h_i/|w|))^2",
    "E max |sum e_i s(W h_i)| <= 2 M E max |sum e_i h_i| for positively homogeneous 1-Lipschitz s",
)


GREATEST_ROW = "root of the height times the greatest norm of a row"


ROWS = axiom(
    "rows of a matrix",
    "G: g r, H: h r, W: w r, n, M",
    lambda G, H, W, n, M: ([layer(G, H, W, M, n, GREATEST_ROW)], [layer(G, H, W, M, n)]),
    "T",
    "the squared Frobenius norm is the sum of the squared norms of the rows",
    "the Frobenius norm of h rows is at most sqrt(h) times the greatest norm of a row",
)


BOUNDED_DIFFERENCES = axiom(
    "exponential moment of a Rademacher sum",
    "H: h r, n, X, a, z",
    lambda H, n, X, a, z: (
        [inputs(H, X, n), moment(z, H, n, a), nonnegative(a), nonnegative(X)],
        [at_most(2 * z, 2 * a * X + a**2 * X**2)],
    ),
    "T",
    "Boucheron, Lugosi and Massart, Concentration Inequalities, Theorem 6.2 (bounded differences 2|x_i|), with "
    "E|sum e_i x_i| <= (sum |x_i|^2)^(1/2)",
    "ln E exp(a |sum e_i x_i|) <= a X + a^2 X^2/2",
)


HOEFFDING = axiom(
    "exponential moment of the largest Rademacher sum",
    "H: h r, n, X, d, a, z, x",
    lambda H, n, X, d, a, z, x: (
        [features(H, X, d, n), moment(z, H, n, a, "oo"), cited.logarithm(x, 2 * d), nonnegative(a)],
        [at_most(2 * z, 2 * x + a**2 * X**2)],
    ),
    "T",
    f"{cited.UML}, proof of Lemma 26.8 (Massart), for the 2d sums of +-features",
    "ln E exp(a max_j |sum e_i x_ij|) <= ln(2d) + a^2 X^2/2",
)


SECOND_MOMENT = axiom(
    "mean of a Rademacher sum",
    "H: h r, n, X, z",
    lambda H, n, X, z: ([inputs(H, X, n), mean(z, H, n), nonnegative(X)], [at_most(z, X)]),
    "T",
    f"{cited.UML}, proof of Lemma 26.10",
    "E|sum e_i x_i| <= (sum |x_i|^2)^(1/2)",
)


def _readout(name: str, dual: str, norm: str):
    return axiom(
        name,
        "O: o r, H: h r, V: v r, u: q 1, n, k, M, a, b, z, T",
        lambda O, H, V, u, n, k, M, a, b, z, T: (
            [
                last(O, H, V, M, u, n, k, norm),
                moment(z, H, n, b, dual),
                equal(b, a * M),
                largest(T, O, u, n, k),
                nonnegative(a),
            ],
            [at_most(a * T, z)],
        ),
        "T",
        "Jensen's inequality and Hoelder's",
        "a E max sum e_i v h_i <= ln E exp(a M max |sum e_i h_i|)",
    )


def largest(T, O, u, n, k):
    return predicate("T is the largest expected supremum of an output on the sample", T, O, u, n, k)


EUCLIDEAN_READOUT = _readout("last layer, exponential", "2", "2")


MAXIMUM_READOUT = _readout("last layer, exponential, maximum norm", "oo", "1")


READOUT = axiom(
    "last layer",
    "O: o r, H: h r, V: v r, u: q 1, n, k, M, z, T",
    lambda O, H, V, u, n, k, M, z, T: (
        [last(O, H, V, M, u, n, k), mean(z, H, n), largest(T, O, u, n, k)],
        [at_most(T, M * z)],
    ),
    "T",
    "Cauchy-Schwarz",
    "E max sum e_i v h_i <= M E max |sum e_i h_i|",
)


IS_A_BOUND = axiom(
    "the largest supremum bounds each",
    "O: o r, u: q 1, n, k, T",
    lambda O, u, n, k, T: ([largest(T, O, u, n, k)], [suprema(T, O, u, n, k)]),
    "T",
    "definition of the maximum",
    "the largest expected supremum bounds that of each output",
)


def evaluate_predicates(d: Derivation) -> None:
    """How the model check decides the predicates of this file."""

    def is_layer(norm: Callable[[list[list[fmpq]]], arb]):
        def holds(G: Matrix, H: Matrix, W: Matrix, M: Any, n: Any) -> Any:
            size = int(n.p)
            weights = [weight(W, j, G.rows // size) for j in range(W.cols)]
            images = [[apply(w, x) for x in vectors(H, j, size)] for j, w in enumerate(weights)]
            found = [vectors(G, j, size) for j in range(G.cols)]
            acts = any(
                all(
                    [act(z) for z in v] == w
                    for x, y in zip(images, found, strict=True)
                    for v, w in zip(x, y, strict=True)
                )
                for act in ACTIVATIONS.values()
            )
            return acts and not every(is_at_most(norm(w), M) for w in weights).fails

        return holds

    def is_last(norm: Callable[[list[list[fmpq]]], arb]):
        def holds(O: Matrix, H: Matrix, V: Matrix, M: Any, u: Matrix, n: Any, k: Any) -> Any:
            size, outputs = int(n.p), int(k.p)
            s = sample_of(u, O.rows // outputs, size)
            for j in range(V.cols):
                w = weight(V, j, outputs)
                expected = [apply(w, x) for x in vectors(H, j, size)]
                if expected != [[O[i * outputs + c, j] for c in range(outputs)] for i in s]:
                    return False
                if is_at_most(norm(w), M).fails:
                    return False
            return True

        return holds

    def seen(H: Matrix, n: Any) -> list[list[fmpq]] | None:
        columns = [vectors(H, j, int(n.p)) for j in range(H.cols)]
        return columns[0] if all(c == columns[0] for c in columns) else None

    def same_inputs(H: Matrix, X: Any, n: Any) -> bool:
        x = seen(H, n)
        return x is not None and bool(frobenius(x).overlaps(arb(X)))

    def same_features(H: Matrix, X: Any, dimension: Any, n: Any) -> bool:
        x = seen(H, n)
        if x is None or len(x[0]) != dimension:
            return False
        return not is_at_most(frobenius_columns(x), arb(X)).fails

    def is_largest(T: Any, O: Matrix, u: Matrix, n: Any, k: Any) -> bool:
        outputs = int(k.p)
        return T == greatest_supremum(O, outputs, sample_of(u, O.rows // outputs, int(n.p)))

    norms = {"Frobenius norm": frobenius, "greatest l1 norm of a row": greatest_row_1, GREATEST_ROW: greatest_rows}
    for name, norm in norms.items():
        d.model_predicate(f"G = s(W H) for layers W with {name} at most M", is_layer(norm))
    for dual in ("2", "oo"):
        d.model_predicate(
            f"z = ln E exp(a Z(H)) in the norm {dual}",
            lambda z, H, n, a, dual=dual: bool(arb(z).overlaps(log_moment(H, int(n.p), arb(a), dual))),
        )
    for dual, norm in (("2", greatest_row_2), ("1", greatest_row_1)):
        d.model_predicate(f"outputs O = V H on the sample, with k rows of V of norm {dual} at most M", is_last(norm))
    d.model_predicate("z = E Z(H) in the norm 2", lambda z, H, n: bool(arb(z).overlaps(mean_sum(H, int(n.p)))))
    d.model_predicate("all networks see the same inputs, with Frobenius norm X", same_inputs)
    d.model_predicate("all networks see the same inputs of d features, each of norm at most X", same_features)
    d.model_predicate("T is the largest expected supremum of an output on the sample", is_largest)
