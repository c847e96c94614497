r"""The bound by group norms of a network and its training data, for an exponent $p$ that was fixed in advance and $q = p^*$."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from flint import arb, fmpq

from numerics.evidence.errors import InputError
from numerics.learning.powers import constants
from numerics.networks import Data, Network
from numerics.networks.norms.groups import checked_exponent, features_norm
from theorems.bounds.bound import Bound
from theorems.bounds.norm_sizes import dual_group_size
from theorems.bounds.norms import norm_bound
from theorems.generalization.norms.every_group_norm_margin_bound import complexity

if TYPE_CHECKING:
    from theorems.bounds.bound import Value

DEFAULT = Fraction(3, 2)


def exponent(p: Any) -> Fraction:
    if p is None:
        return DEFAULT
    try:
        return checked_exponent(Fraction(str(p)))
    except (ValueError, ZeroDivisionError):
        raise InputError(f"`p` must be a multiple of 1/8 from 1 to 16, found {p!r}: take 3/2, say.") from None


def size(network: Network, p: Any) -> arb:
    return dual_group_size(network, exponent(p))


def sample(network: Network, data: Data, p: Any) -> Mapping[str, Value]:
    power = exponent(p)
    first, second = constants(fmpq(power.denominator, power.numerator), network.inputs)
    K = second if first is None else first.min(second)
    return {"X": features_norm(data.X, power), "K": K, "L": network.depth}


def _factor(v: Mapping[str, Any]) -> Any:
    from sympy import Symbol

    return complexity(1, v["X"], Symbol("K", positive=True) * 2 ** (v["L"] - 1))


def bounds() -> tuple[Bound, ...]:
    return (
        norm_bound(
            "group-norm-dual",
            "product of group norms of exponents p and p* (Neyshabur, Tomioka, Srebro), many classes",
            "generalization.every_group_norm_margin_bound",
            "neyshabur2015norm, Theorem 1; own constants",
            size=size,
            factor=_factor,
            sample=sample,
            meanings={
                "X": "norm of p* of the Euclidean norms of the features over the sample",
                "K": "constant of the Rademacher sum of the inputs in the norm of p*",
                "L": "depth",
            },
            options={
                "p": "exponent of the norms of units, fixed before the data (default: 3/2), a multiple of 1/8 from 1 to 16"
            },
        ),
    )
