r"""Group norms $\|A\|_{p,q} = (\sum_r (\sum_c |A_{rc}|^p)^{q/p})^{1/q}$ of linear layers and of data, as certified balls.

*Rounding.* For an exponent $p = a + b/8$ with whole numbers $1 \le a \le 16$ and $b < 8$, $|w|^p$ is a product of $|w|$ and of
$|w|^{1/2}, |w|^{1/4}, |w|^{1/8}$, each the root of the one before. Products and roots round once each, and a root halves the
error that comes in: the three roots err by at most 1, 3/2 and 7/4 units $u = 2^{-53}$, at most 18 products by one unit more, so that
each power errs by at most $\gamma_{23}$, as if its sum had 23 terms more. The weights are first divided by a power of 2 so
that none is above 1 and the greatest is at least 1/2; then nothing overflows, and underflow, less than $2^{-1021}$ for
each power, is below what `path_norms` pays for each term. The powers of the sums of rows are balls.
"""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
from flint import arb, fmpq
from numpy.typing import ArrayLike

from numerics.arithmetic.enclosure import Floats, as_float_matrix
from numerics.evidence.errors import InputError
from numerics.networks.network import LinearLayer
from numerics.networks.norms.paths import column_squares, sums_with

_GREATEST = 16


def checked_exponent(p: Fraction) -> Fraction:
    """`p` itself, if it is a multiple of 1/8 from 1 to 16; raises `InputError` otherwise."""
    if not 1 <= p <= _GREATEST or (8 * p).denominator != 1:
        raise InputError(f"`p` must be a multiple of 1/8 from 1 to {_GREATEST}, found {p}: take 3/2, say.")
    return p


def _power(w: Floats, p: Fraction) -> Floats:
    """$w^p$ for entries from 0 to 1."""
    whole, eighths = divmod(int(8 * p), 8)
    result, root = w, w
    for _ in range(whole - 1):
        result = result * w
    for bit in (4, 2, 1):
        root = np.sqrt(root)
        if eighths & bit:
            result = result * root
    return result


def _raised(x: arb, exponent: fmpq) -> arb:
    """The power of a number that is known not to be negative; the ball may reach below zero."""
    low, high = (end ** arb(exponent) if end > 0 else arb(0) for end in (x.lower(), x.upper()))
    return low.union(high).nonnegative_part()


def _rows(place: LinearLayer, p: Fraction) -> tuple[list[tuple[arb, int]], arb]:
    r"""The different values of $\sum_c |A_{rc}/s|^p$ over the rows with how often they occur, and $s$, a power of 2."""
    weight = np.abs(place.layer.weight)
    if not weight.any():
        return [(arb(0), math.prod(place.output_shape))], arb(1)
    k = int(np.frexp(weight.max())[1])
    low, high = sums_with(place, _power(np.ldexp(weight, -k), p), 24)
    ends, counts = np.unique(np.stack([low.ravel(), high.ravel()]), axis=1, return_counts=True)
    values = [
        (arb(a).union(arb(b)).nonnegative_part(), n) for (a, b), n in zip(ends.T.tolist(), counts.tolist(), strict=True)
    ]
    return values, arb(2) ** k


def row_norm(place: LinearLayer, p: Fraction) -> arb:
    r"""$\|A\|_{p,\infty}$, the greatest norm of a row of the operator. Raises `InputError` for an exponent out of range."""
    values, scale = _rows(place, checked_exponent(p))
    greatest = arb(0)
    for x, _ in values:
        greatest = greatest.max(x)
    return _raised(greatest, fmpq(p.denominator, p.numerator)) * scale


def dual_group_norm(place: LinearLayer, p: Fraction) -> arb:
    r"""$\|A\|_{p,p^*}$ of the operator, $1/p + 1/p^* = 1$; raises `InputError` for an exponent out of range."""
    if p == 1:
        return row_norm(place, p)
    values, scale = _rows(place, checked_exponent(p))
    ratio = 1 / (p - 1)  # p*/p
    total = arb(0)
    for x, count in values:
        total += count * _raised(x, fmpq(ratio.numerator, ratio.denominator))
    inverse = (p - 1) / p  # 1/p*
    return _raised(total, fmpq(inverse.numerator, inverse.denominator)) * scale


def features_norm(X: ArrayLike, p: Fraction) -> arb:
    r"""$(\sum_j (\sum_l x_{lj}^2)^{p^*/2})^{1/p^*}$ of n x d data: the norm of $p^*$ of the Euclidean norms of the features."""
    checked_exponent(p)
    squares = [
        arb(a).union(arb(b)).nonnegative_part() for a, b in zip(*column_squares(as_float_matrix(X, "X")), strict=True)
    ]
    if p == 1:
        greatest = arb(0)
        for x in squares:
            greatest = greatest.max(x)
        return _raised(greatest, fmpq(1, 2))
    dual = p / (p - 1)
    total = sum((_raised(x, fmpq(dual.numerator, 2 * dual.denominator)) for x in squares), arb(0))
    return _raised(total, fmpq(dual.denominator, dual.numerator))
