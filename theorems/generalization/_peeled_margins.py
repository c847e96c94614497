"""The margin bound that peels layers off one by one, for Frobenius norms and for norms of rows: what two pages share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flint import arb, ctx

from theorems.generalization import _norm_margins as finite
from theorems.generalization._finite_learning import Learning
from theorems.generalization._norm_margins import Search
from theorems.generalization._peeling import greatest_row_2, mean_sum
from theorems.proof import Derivation
from theorems.proof.crosscheck import Model


def complexity(size, data_norm, power):
    r"""$P \|X\|_F\, 2^{L-1}$ with the power as given."""
    return size * data_norm * power


def derive(title: str, rows: bool = False) -> Derivation:
    r"""The bound for layers of Frobenius norm at most M, or (`rows`) of $\sqrt h$ times the greatest row at most M."""
    from theorems.generalization import _every_scale as scale
    from theorems.generalization import _peeling as peel
    from theorems.proof import Indexed, at_least, at_most, equal, nonnegative

    d = Derivation(title)
    cell = scale.every_scale(d)
    D = d.index_constant("D", at_least="0")  # hidden layers
    H, W = d.family("H[i]: h[i] r[c]", "i"), d.family("W[i]: b[i] r[c]", "i")
    M, z, A, b = (d.family(f"{name}[i]: 1 1", "i") for name in ["M", "z", "A", "b"])
    V = d.matrix("V_L: l r[c]")
    k, T, X, last_norm = d.scalars("k T X M_L")

    def each(relation, low="1"):
        return d.given(Indexed(relation, "i", low, D))

    n = cell.n
    norm = peel.GREATEST_ROW if rows else "Frobenius norm"
    hidden, means = each(peel.layer(H("i"), H("i-1"), W("i"), M("i"), n, norm)), each(peel.mean(z("i"), H("i"), n), "0")
    signs, last_sign = each(nonnegative(M("i"))), d.given(nonnegative(last_norm))
    # A_i is the product of the first norms, b_i = 2^i.
    A_0, product = d.given(equal(A("0"), 1)), each(equal(A("i"), A("i-1") * M("i")))
    b_0, doubled = d.given(equal(b("0"), 1)), each(equal(b("i"), 2 * b("i-1")))
    seen, X_sign = d.given(peel.inputs(H("0"), X, n)), d.given(nonnegative(X))
    read = d.given(peel.last(cell.outputs, H(D), V, last_norm, cell.sample, n, k))
    taken, k_large = d.given(peel.largest(T, cell.outputs, cell.sample, n, k)), d.given(at_least(k, 2))

    def peeled_to(i):
        return at_most(z(i), A(i) * b(i) * X)

    _, (first,) = d.axiom(
        peel.SECOND_MOMENT, {"H": H("0"), "n": n, "X": X, "z": z("0")}, [seen, d.at(means, "0"), X_sign]
    )
    j = d.index("g", "0", f"{D}-1")
    here = d.suppose(peeled_to("g"))
    place = {"G": H("g+1"), "H": H("g"), "W": W("g+1"), "n": n, "M": M("g+1")}
    frobenius_norm = d.axiom(peel.ROWS, place, [d.at(hidden, "g+1")])[1][0] if rows else d.at(hidden, "g+1")
    place |= {"y": z("g"), "z": z("g+1")}
    _, (peeled,) = d.axiom(peel.PEEL, place, [frobenius_norm, d.at(means, "g+1"), d.at(means, "g")])
    grown = [d.at(product, "g+1"), d.at(doubled, "g+1")]
    step = d.squares(peeled_to("g+1"), [(1, peeled), (2, d.at(signs, "g+1"), here)], grown, rounds=4)
    whole = d.at(d.induction(j, here, step, d.squares(peeled_to("0"), [(1, first)], [A_0, b_0], rounds=4)), D)

    place = {"O": cell.outputs, "H": H(D), "V": V, "u": cell.sample, "n": n, "k": k, "M": last_norm, "z": z(D), "T": T}
    _, (final,) = d.axiom(peel.READOUT, place, [read, d.at(means, D), taken])
    bound = complexity(last_norm * A(D), X, b(D))
    small = d.squares(d.goal(at_most(T, bound)), [(1, final), (1, last_sign, whole)])
    _, (bounded,) = d.axiom(peel.IS_A_BOUND, {"O": cell.outputs, "u": cell.sample, "n": n, "k": k, "T": T}, [taken])
    scale.close(d, cell, bound, k, T, bounded, small, d.smt(nonnegative(k), [k_large]))
    peel.evaluate_predicates(d)
    return d


def factor(t: Learning, sample: finite.Sample) -> arb:
    return complexity(arb(1), t.data_norm(sample), 2 ** (t.depth - 1))


def model(t: Search, norm: Callable[[list[list[Any]]], arb]) -> Model:
    """Cell 2 has all networks, the norms of its layers are the greatest ones."""
    with ctx.workprec(320):
        values = finite.interpret_cells(t)
        sample = values.pop("sample")
        layers = finite.interpret_layers(t, sample, greatest_row_2, norm)  # type: ignore[arg-type]
        layers |= {"X": t.problem.data_norm(sample), "A[0]": arb(1)}  # type: ignore[arg-type]
        for i in range(t.problem.depth):
            layers |= {f"z[{i}]": mean_sum(layers[f"H[{i}]"], t.problem.n), f"b[{i}]": 2**i}
            if i:
                layers[f"A[{i}]"] = layers[f"A[{i - 1}]"] * layers[f"M[{i}]"]
        return Model(values | layers, indices={"m": 2, "c": 2, "D": t.problem.depth - 1})
