r"""The geometry of group norms of any two exponents, for the scheme that peels layers in the mean."""

from __future__ import annotations

from theorems.cited import learning as cited
from theorems.cited.power_peeling import (
    COMPARE,
    KHINTCHINE,
    LARGEST,
    PEEL,
    READOUT,
    inputs,
    last,
    layer,
    mean,
    root_of_features,
)
from theorems.proof import Derivation, Expr, Fact, at_least, calculus, nonnegative
from theorems.schemes.peeling_in_the_mean import Geometry


def _start(d: Derivation, H: Expr, known: Fact, n: Expr, exponents: tuple[Expr, ...]) -> list[tuple[Expr, Fact]]:
    (alpha, _), z = exponents, known.relation.arguments[0]
    X, C_1, C_2, m, dimension = d.scalars("X C_1 C_2 m d")
    log, named = cited.logarithm_of(d, 2 * calculus.Var("d"))
    seen, power = d.given(inputs(H, X, n, dimension, alpha)), d.given(root_of_features(m, dimension, alpha))
    place = {"H": H, "n": n, "d": dimension, "X": X, "alpha": alpha, "z": z}
    first = [seen, known, d.given(at_least(C_1, 1)), d.given(at_least((1 - alpha) * C_1**2, alpha))]
    second = [seen, known, named, power, d.given(nonnegative(C_2)), d.given(at_least(C_2**2, 2 * log * m**2))]
    return [
        (C_1 * X, d.axiom(KHINTCHINE, place | {"C": C_1}, first)[1][0]),
        (C_2 * X, d.axiom(LARGEST, place | {"C": C_2, "x": log, "m": m}, second)[1][0]),
    ]


GEOMETRY = Geometry(layer, mean, last, PEEL, READOUT, _start, COMPARE, "alpha beta")
