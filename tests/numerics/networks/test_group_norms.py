"""Group norms against exact arithmetic on the dense operator, scales, ties, and exponents that are refused."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from flint import arb, ctx, fmpq
from hypothesis import given, settings
from hypothesis import strategies as st

from numerics.evidence.errors import InputError
from numerics.networks import Convolution, Dense, Network, dense_operator
from numerics.networks.layers import Layer
from numerics.networks.network import LinearLayer
from numerics.networks.norms.groups import dual_group_norm, features_norm, row_norm
from numerics.networks.norms.paths import greatest_feature, greatest_row, operator_frobenius

EXPONENTS = [Fraction(n, 8) for n in (8, 9, 10, 12, 13, 15, 16, 20, 24, 31, 40, 127, 128)]


def place(layer: Layer, shape: tuple[int, ...] | None = None) -> LinearLayer:
    return Network([layer], input_shape=shape).linear_layers[0]


def norm(values: list[arb], p: Fraction | None) -> arb:
    """The norm of numbers >= 0 at the precision of the moment; `None` is infinity."""
    if p is None:
        result = arb(0)
        for x in values:
            result = result.max(x)
        return result
    e = arb(fmpq(p.numerator, p.denominator))
    total = sum((x**e for x in values if x > 0), arb(0))
    return total ** (1 / e) if total > 0 else arb(0)


def dual(p: Fraction) -> Fraction | None:
    return None if p == 1 else p / (p - 1)


def check(found: arb, truth: arb, width: float = 1e-12) -> None:
    assert not (found < truth or found > truth)
    assert found.upper() - found.lower() <= arb(width) * truth + arb("1e-290")


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    rows=st.integers(1, 5),
    columns=st.integers(1, 5),
    p=st.sampled_from(EXPONENTS),
    scale=st.sampled_from([1.0, 1e-3, 1e150, 1e-150, 2.0**-1060]),
)
def test_dense_layers_against_balls(seed, rows, columns, p, scale):
    rng = np.random.default_rng(seed)
    A = rng.standard_normal((rows, columns)) * scale * rng.choice([0.0, 1.0, 1e-20], (rows, columns), p=[0.2, 0.6, 0.2])
    with ctx.workprec(400):
        lengths = [norm([abs(arb(float(x))) for x in row], p) for row in A]
        greatest, whole = norm(lengths, None), norm(lengths, dual(p))
        data = norm([norm([abs(arb(float(x))) for x in column], Fraction(2)) for column in A.T], dual(p))
    check(row_norm(place(Dense(A)), p), greatest)
    check(dual_group_norm(place(Dense(A)), p), whole)
    if 1e-140 < scale < 1e140:
        found = features_norm(A, p)
        assert not (found < data or found > data)


@pytest.mark.parametrize("p", EXPONENTS)
def test_convolutions_are_operators(p):
    rng = np.random.default_rng(0)
    for layer, shape in (
        (Convolution(rng.standard_normal((3, 2, 3, 2)), padding=1, stride=(1, 2)), (2, 4, 5)),
        (Convolution(rng.standard_normal((4, 2, 3)), groups=2, dilation=2, circular=True, padding=2), (4, 6)),
        (Convolution(np.full((2, 1, 2), 0.5), padding=1), (1, 3)),
    ):
        conv = place(layer, shape)
        flat = place(Dense(dense_operator(layer, shape)))
        for measure in (row_norm, dual_group_norm):
            one, other = measure(conv, p), measure(flat, p)
            assert one.overlaps(other) and abs(one / other - 1) < arb("1e-12")


def test_the_known_exponents_are_the_known_norms():
    rng = np.random.default_rng(1)
    A, X = rng.standard_normal((30, 70)), rng.standard_normal((40, 9))
    layer = place(Dense(A))
    one, two = Fraction(1), Fraction(2)
    assert dual_group_norm(layer, two).overlaps(operator_frobenius(layer))
    assert row_norm(layer, two).overlaps(greatest_row(layer, 2))
    assert dual_group_norm(layer, one).overlaps(greatest_row(layer, 1)) and row_norm(layer, one).overlaps(
        greatest_row(layer, 1)
    )
    assert abs(float(features_norm(X, two)) - np.linalg.norm(X)) < 1e-12 and features_norm(X, one).overlaps(
        greatest_feature(X)
    )
    # p = 3/2: p* = 3, and the norm is (sum_r (sum_c |a|^(3/2))^2)^(1/3)
    by_hand = ((np.abs(A) ** 1.5).sum(axis=1) ** 2).sum() ** (1 / 3)
    assert abs(float(dual_group_norm(layer, Fraction(3, 2))) / by_hand - 1) < 1e-13
    assert dual_group_norm(place(Dense(np.zeros((2, 3)))), Fraction(3, 2)) == 0
    equal = dual_group_norm(place(Dense(np.ones((8, 1)))), Fraction(3, 2))
    assert equal.overlaps(arb(2)) and equal.rad() < 1e-14


@pytest.mark.parametrize("p", [Fraction(7, 8), Fraction(4, 3), Fraction(129, 8), Fraction(-1)])
def test_exponents_that_are_refused(p):
    for measure in (row_norm, dual_group_norm):
        with pytest.raises(InputError, match="`p` must be a multiple of 1/8 from 1 to 16, found"):
            measure(place(Dense([[1.0]])), p)
    with pytest.raises(InputError, match="take 3/2, say"):
        features_norm(np.ones((1, 1)), p)
