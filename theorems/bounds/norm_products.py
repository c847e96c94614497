r"""Bounds by products of norms over the layers of a chain: Frobenius, l1 rows, peeled, and group norms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from numerics.networks.norms.paths import greatest_feature
from theorems.bounds.norm_sizes import frobenius_size, group_size, l1_size
from theorems.bounds.norms import norm_bound
from theorems.generalization.norms import frobenius_margin_bound, l1_margin_bound
from theorems.schemes import peeling_in_the_mean as peeling

if TYPE_CHECKING:
    import sympy

    from theorems.bounds.bound import Bound


def _frobenius(v: Any) -> sympy.Expr:
    from sympy import log, sqrt

    return frobenius_margin_bound.complexity(1, v["X"], sqrt(2 * (v["L"] - 1) * log(2)))


def _rows(v: Any) -> sympy.Expr:
    from sympy import log, sqrt

    return l1_margin_bound.complexity(1, v["X"], sqrt(2 * (v["L"] * log(2) + log(v["d"]))))


def _peeled(v: Any) -> sympy.Expr:
    return peeling.complexity(1, v["X"], 2 ** (v["L"] - 1))


def bounds() -> tuple[Bound, ...]:
    return (
        norm_bound(
            "frobenius",
            "product of Frobenius norms and square root of the depth (Golowich, Rakhlin, Shamir), many classes",
            "generalization.frobenius_margin_bound",
            "golowich2018size, Theorem 1",
            size=frobenius_size,
            factor=_frobenius,
        ),
        norm_bound(
            "group-norm",
            "product of greatest Euclidean norms of units and roots of widths (Neyshabur, Tomioka, Srebro; p = 2, q infinite), many classes",
            "generalization.group_norm_margin_bound",
            "neyshabur2015norm, abstract; own constants",
            size=group_size,
            factor=_peeled,
        ),
        norm_bound(
            "l1-rows",
            "product of greatest l1 norms of rows (Golowich, Rakhlin, Shamir), many classes",
            "generalization.l1_margin_bound",
            "golowich2018size, Theorem 2",
            size=l1_size,
            factor=_rows,
            sample=lambda network, data: {"X": greatest_feature(data.X), "L": network.depth, "d": network.inputs},
            meanings={
                "X": "greatest Euclidean norm of a feature over the sample",
                "L": "depth",
                "d": "number of inputs",
            },
        ),
        norm_bound(
            "peeling",
            "product of Frobenius norms and 2^(L-1), layers peeled one by one, many classes",
            "generalization.peeling_margin_bound",
            "neyshabur2015norm, Corollary 2",
            size=frobenius_size,
            factor=_peeled,
        ),
    )
