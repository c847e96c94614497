r"""Peeling inside an exponential, the proof that the Frobenius and the l1 bound share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from flint import arb, ctx

from numerics.learning import norm_margins as finite
from numerics.learning import rademacher_sums as sums
from numerics.learning.norm_margins import Search
from theorems.cited import learning as cited
from theorems.cited import peeling as peel
from theorems.proof import (
    Axiom,
    Derivation,
    Expr,
    Fact,
    Indexed,
    Relation,
    at_least,
    at_most,
    calculus,
    equal,
    nonnegative,
    positive,
    zero,
)
from theorems.proof.crosscheck import Model
from theorems.schemes import every_scale as scale


@dataclass(frozen=True)
class Geometry:
    """Norms of hidden layers, of rows of the last layer, and of hidden outputs; the axioms that go with them."""

    norm: str
    row: str
    dual: str
    peeling: Axiom
    readout: Axiom
    layer_norm: Callable[[list[list[Any]]], arb]
    row_norm: Callable[[list[list[Any]]], arb]


EUCLIDEAN = Geometry(
    "Frobenius norm", "2", "2", peel.EUCLIDEAN_PEEL, peel.EUCLIDEAN_READOUT, sums.frobenius, sums.greatest_row_2
)


MAXIMUM = Geometry(
    "greatest l1 norm of a row",
    "1",
    "oo",
    peel.MAXIMUM_PEEL,
    peel.MAXIMUM_READOUT,
    sums.greatest_row_1,
    sums.greatest_row_1,
)


def derive(
    title: str,
    geometry: Geometry,
    inputs: Callable[[Derivation, Expr, Expr, Expr, Expr, list[Fact]], tuple[Expr, Fact]],
    squared_root: Callable[[Expr], Expr],
    complexity: Callable[[Expr, Expr, Expr], Expr],
) -> Derivation:
    r"""The bound in all cells, and in one of them $T \le$ `complexity`$(\kappa, X, \text{root})$ at the best $\lambda$.

    `inputs(d, H_0, X, n, a, facts)` gives the right side $r$ and the fact $2 \ln E e^{aZ_0} \le r$ from a letter for the left;
    `squared_root(x)` is the square of the root, $x = (L - 1)\ln 2$.
    """
    d = Derivation(title)
    cell = scale.every_scale(d)
    D = d.index_constant("D", at_least="0")  # hidden layers
    H, W = d.family("H[i]: h[i] r[c]", "i"), d.family("W[i]: b[i] r[c]", "i")
    M, z, A, b = (d.family(f"{name}[i]: 1 1", "i") for name in ["M", "z", "A", "b"])
    V = d.matrix("V_L: l r[c]")
    k, T, kappa, X, lam, root, last_norm = d.scalars("k T kappa X lambda root M_L")
    log_2, two_named = cited.logarithm_of(d, calculus.term(2))

    def each(relation: Relation, low: str = "1") -> Fact:
        return d.given(Indexed(relation, "i", low, D))

    n = cell.n
    hidden = each(peel.layer(H("i"), H("i-1"), W("i"), M("i"), n, geometry.norm))
    moments = each(peel.moment(z("i"), H("i"), n, A("i"), geometry.dual), "0")
    weights, signs = each(equal(A("i-1"), A("i") * M("i"))), each(nonnegative(A("i")), "0")
    counted, b_0 = each(equal(b("i"), b("i-1") + 1)), d.given(zero(b("0")))
    read = d.given(peel.last(cell.outputs, H(D), V, last_norm, cell.sample, n, k, geometry.row))
    taken = d.given(peel.largest(T, cell.outputs, cell.sample, n, k))
    top = d.given(equal(A(D), lam * last_norm))
    product = d.given(equal(A("0"), lam * kappa), "kappa is the product of all norms")
    lam_positive = d.given(positive(lam))
    start, first = inputs(d, H("0"), X, n, A("0"), [d.at(moments, "0"), d.at(signs, "0")])
    root_value = d.given(equal(root**2, squared_root(b(D) * log_2)), "the root")
    best = d.given(equal(lam * kappa * X, root), "the best lambda")
    k_large = d.given(at_least(k, 2))

    # Layers one by one: 2 z_j <= start + 2 j ln 2.
    def peeled_to(i: str) -> Relation:
        return at_most(2 * z(i), start + 2 * (b(i) * log_2))

    j = d.index("g", "0", f"{D}-1")
    here = d.suppose(peeled_to("g"))
    place = {"G": H("g+1"), "H": H("g"), "W": W("g+1"), "n": n, "M": M("g+1"), "a": A("g+1"), "b": A("g")}
    facts = [
        d.at(f, i) for f, i in ((hidden, "g+1"), (moments, "g+1"), (moments, "g"), (weights, "g+1"), (signs, "g+1"))
    ]
    place |= {"y": z("g"), "z": z("g+1"), "x": log_2}
    _, (peeled,) = d.axiom(geometry.peeling, place, [*facts, two_named])
    step = d.squares(peeled_to("g+1"), [(1, here), (2, peeled)], [d.at(counted, "g+1")])
    whole = d.at(d.induction(j, here, step, d.squares(peeled_to("0"), [(1, first)], [b_0])), D)

    # The last layer, and the best lambda.
    place = {
        "O": cell.outputs,
        "H": H(D),
        "V": V,
        "u": cell.sample,
        "n": n,
        "k": k,
        "M": last_norm,
        "a": lam,
        "b": A(D),
    }
    lam_sign = d.weaken(lam_positive, nonnegative(lam))
    facts = [read, d.at(moments, D), top, taken, lam_sign]
    _, (jensen,) = d.axiom(geometry.readout, place | {"z": z(D), "T": T}, facts)
    bound = complexity(kappa, X, root)
    equations = [product, best, root_value]
    scaled = d.squares(at_most(lam * T, lam * bound), [(1, jensen), (Fraction(1, 2), whole)], equations, rounds=4)
    inverse, is_inverse = d.reciprocal(lam_positive, "1/lambda")
    inverse_positive = d.smt(positive(inverse), [lam_positive, is_inverse])
    small = d.squares(d.goal(at_most(T, bound)), [(1, inverse_positive, scaled)], [is_inverse], rounds=4)
    place = {"O": cell.outputs, "u": cell.sample, "n": n, "k": k, "T": T}
    _, (bounded,) = d.axiom(peel.IS_A_BOUND, place, [taken])
    scale.close(d, cell, bound, k, T, bounded, small, d.smt(nonnegative(k), [k_large]))
    peel.evaluate_predicates(d)
    return d


def interpret(
    t: Search, geometry: Geometry, data_norm: Callable[[Search, Any], arb], squared_root: Callable[[Search], arb]
):
    """Cell 2 has all networks, the norms of its layers are the greatest ones; nothing is zero."""
    with ctx.workprec(320):
        values = finite.interpret_cells(t)
        sample = values.pop("sample")
        layers = finite.interpret_layers(t, sample, geometry.row_norm, geometry.layer_norm)  # type: ignore[arg-type]
        depth, n = t.problem.depth, t.problem.n
        X = data_norm(t, sample)
        kappa = layers["M_L"]
        for i in range(1, depth):
            kappa = kappa * layers[f"M[{i}]"]
        root = squared_root(t).sqrt()
        if not kappa * X * root > 0:
            return None
        lam = root / (kappa * X)
        layers |= {"kappa": kappa, "X": X, "lambda": lam, "root": root}
        layers[f"A[{depth - 1}]"] = lam * layers["M_L"]
        for i in range(depth - 1, 0, -1):
            layers[f"A[{i - 1}]"] = layers[f"A[{i}]"] * layers[f"M[{i}]"]
        for i in range(depth):
            layers[f"z[{i}]"] = sums.log_moment(layers[f"H[{i}]"], n, layers[f"A[{i}]"], geometry.dual)
            layers[f"b[{i}]"] = i
        return Model(values | layers, indices={"m": 2, "c": 2, "D": depth - 1})
