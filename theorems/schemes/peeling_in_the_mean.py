r"""The margin bound that peels layers off one by one, for Frobenius norms, norms of rows and group norms: what the pages share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from flint import arb, ctx

from numerics.arithmetic.exact import Matrix
from numerics.learning import norm_margins as finite
from numerics.learning import rademacher_sums as sums
from numerics.learning.norm_margins import Search
from numerics.learning.problems import Learning
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
    equal,
    nonnegative,
)
from theorems.proof.crosscheck import Model
from theorems.schemes import every_scale as scale


def complexity(size, data_norm, power):
    r"""$P \|X\|_F\, 2^{L-1}$ with the power as given."""
    return size * data_norm * power


@dataclass(frozen=True)
class Geometry:
    """Norms of layers and of their outputs, as predicates, and what is cited about them; all take the `exponents` last.

    `start` says how the inputs begin: pairs of an expression and the fact that the mean of the Rademacher sum is at most
    that, one bound for each. `compared` is an axiom that turns the norm of a layer into the one that `peeled` speaks of.
    """

    layer: Callable[..., Relation]
    mean: Callable[..., Relation]
    last: Callable[..., Relation]
    peeled: Axiom
    readout: Axiom
    start: Callable[[Derivation, Expr, Fact, Expr, tuple[Expr, ...]], list[tuple[Expr, Fact]]]
    compared: Axiom | None = None
    exponents: str = ""

    def of(self, named: Mapping[str, Expr], axiom: Axiom) -> dict[str, Expr]:
        """The exponents that an axiom speaks of."""
        known = {letter.name for letter in axiom.statement.letters}
        return {name: e for name, e in named.items() if name in known}


def _frobenius(d: Derivation, H: Expr, mean: Fact, n: Expr, _: tuple[Expr, ...]) -> list[tuple[Expr, Fact]]:
    X = d.scalar("X")
    seen, sign = d.given(peel.inputs(H, X, n)), d.given(nonnegative(X))
    z = mean.relation.arguments[0]
    return [(X, d.axiom(peel.SECOND_MOMENT, {"H": H, "n": n, "X": X, "z": z}, [seen, mean, sign])[1][0])]


FROBENIUS = Geometry(peel.layer, peel.mean, peel.last, peel.PEEL, peel.READOUT, _frobenius)


ROWS = replace(FROBENIUS, layer=lambda G, H, W, M, n: peel.layer(G, H, W, M, n, peel.GREATEST_ROW), compared=peel.ROWS)


def derive(title: str, geometry: Geometry = FROBENIUS) -> Derivation:
    """The bound for layers of norm at most M, one for each start."""
    d = Derivation(title)
    cell = scale.every_scale(d)
    D = d.index_constant("D", at_least="0")  # hidden layers
    H, W = d.family("H[i]: h[i] r[c]", "i"), d.family("W[i]: b[i] r[c]", "i")
    M, z, A, b = (d.family(f"{name}[i]: 1 1", "i") for name in ["M", "z", "A", "b"])
    V = d.matrix("V_L: l r[c]")
    k, T, last_norm = d.scalars("k T M_L")
    exponents = d.scalars(geometry.exponents)
    named = dict(zip(geometry.exponents.split(), exponents, strict=True))

    def each(relation, low="1"):
        return d.given(Indexed(relation, "i", low, D))

    n = cell.n
    hidden = each(geometry.layer(H("i"), H("i-1"), W("i"), M("i"), n, *exponents))
    means = each(geometry.mean(z("i"), H("i"), n, *exponents), "0")
    signs, last_sign = each(nonnegative(M("i"))), d.given(nonnegative(last_norm))
    # A_i is the product of the first norms, b_i = 2^i.
    A_0, product = d.given(equal(A("0"), 1)), each(equal(A("i"), A("i-1") * M("i")))
    b_0, doubled = d.given(equal(b("0"), 1)), each(equal(b("i"), 2 * b("i-1")))
    starts = geometry.start(d, H("0"), d.at(means, "0"), n, exponents)
    read = d.given(geometry.last(cell.outputs, H(D), V, last_norm, cell.sample, n, k, *exponents))
    taken, k_large = d.given(peel.largest(T, cell.outputs, cell.sample, n, k)), d.given(at_least(k, 2))
    _, (bounded,) = d.axiom(peel.IS_A_BOUND, {"O": cell.outputs, "u": cell.sample, "n": n, "k": k, "T": T}, [taken])
    k_sign = d.smt(nonnegative(k), [k_large])
    place = {"O": cell.outputs, "H": H(D), "V": V, "u": cell.sample, "n": n, "k": k, "M": last_norm, "z": z(D), "T": T}
    _, (final,) = d.axiom(geometry.readout, place | geometry.of(named, geometry.readout), [read, d.at(means, D), taken])

    for g, (X, first) in zip("gf", starts, strict=False):

        def peeled_to(i, X=X):
            return at_most(z(i), A(i) * b(i) * X)

        j, after = d.index(g, "0", f"{D}-1"), f"{g}+1"
        here = d.suppose(peeled_to(g))
        place = {"G": H(after), "H": H(g), "W": W(after), "n": n, "M": M(after)}
        bounded_layer = d.at(hidden, after)
        if geometry.compared is not None:
            _, (bounded_layer,) = d.axiom(geometry.compared, place | named, [bounded_layer])
        place |= {"y": z(g), "z": z(after)}
        peels = [bounded_layer, d.at(means, after), d.at(means, g)]
        _, (peeled,) = d.axiom(geometry.peeled, place | geometry.of(named, geometry.peeled), peels)
        grown = [d.at(product, after), d.at(doubled, after)]
        step = d.squares(peeled_to(after), [(1, peeled), (2, d.at(signs, after), here)], grown, rounds=4)
        whole = d.at(d.induction(j, here, step, d.squares(peeled_to("0"), [(1, first)], [A_0, b_0], rounds=4)), D)
        bound = complexity(last_norm * A(D), X, b(D))
        small = d.squares(d.goal(at_most(T, bound)), [(1, final), (1, last_sign, whole)])
        scale.close(d, cell, bound, k, T, bounded, small, k_sign)
    peel.evaluate_predicates(d)
    return d


def factor(t: Learning, sample: finite.Sample) -> arb:
    return complexity(arb(1), t.data_norm(sample), 2 ** (t.depth - 1))


def model(
    t: Search,
    norm: Callable[[list[list[Any]]], arb],
    row: Callable[[list[list[Any]]], arb] = sums.greatest_row_2,
    mean: Callable[[Matrix, int], arb] = sums.mean_sum,
    data_norm: Callable[[Learning, finite.Sample], arb] = Learning.data_norm,
) -> Model:
    """Cell 2 has all networks, the norms of its layers are the greatest ones."""
    with ctx.workprec(320):
        values = finite.interpret_cells(t)
        sample: Any = values.pop("sample")
        layers = finite.interpret_layers(t, sample, row, norm)
        layers |= {"X": data_norm(t.problem, sample), "A[0]": arb(1)}
        for i in range(t.problem.depth):
            layers |= {f"z[{i}]": mean(layers[f"H[{i}]"], t.problem.n), f"b[{i}]": 2**i}
            if i:
                layers[f"A[{i}]"] = layers[f"A[{i - 1}]"] * layers[f"M[{i}]"]
        return Model(values | layers, indices={"m": 2, "c": 2, "D": t.problem.depth - 1})
