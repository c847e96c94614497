r"""Norms of the linear parts of layers as operators between flattened inputs and outputs, certified.

Conventions as in `numerics.networks.norms.layers`: the $(2,1)$ norm *of the rows*, $\|A^\top\|_{2,1} = \sum_i\|A_{i,:}\|_2$, runs
over the outputs, that *of the columns*, $\|A\|_{2,1}$, over the inputs; the $(1,\infty)$ norm of the rows, $\max_i
\|A_{i,:}\|_1$, is the norm of $A$ from $\ell_\infty$ to $\ell_\infty$ and the one of Golowich, Rakhlin and Shamir (2018),
that of the columns, $\max_j\|A_{:,j}\|_1$, the norm from $\ell_1$ to $\ell_1$.

A row of a convolution operator is an output channel at one position: the filter, less the taps that the boundary cuts
off. A column is an input channel at one position: the weights of all taps that reach it. Along one axis only a few
patterns of taps occur (at most about $2k$), each with a number of positions; with several axes the patterns multiply.
So the norms of the operator are sums over patterns, with the boundary exact, and cost no more than a few passes over the
weight. A circular kernel longer than its input has taps that meet and are added first.

Rounding. All sums have non-negative terms, so that their relative error is $\gamma_k$, $k$ the roundings on the longest
path (`numerics.arithmetic.enclosure`): the difference to the reference and the square (3, as the difference is squared), the channels, the
taps of each axis, the factors that count positions. Added taps err by $\gamma_{k}$ times the sum of their sizes; the norms are
monotone in the sizes of the entries, so the norm of these errors is added to the radius.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from flint import arb, ctx
from numpy.typing import ArrayLike

from numerics.arithmetic.enclosure import (
    BITS,
    NU,
    Floats,
    as_float_matrix,
    frobenius_norm,
    inflation,
    norm_1_inf_columns,
    norm_1_inf_rows,
    norm_21_columns,
    norm_21_rows,
    power_of_two,
    rounded_ball,
    scaled_difference,
)
from numerics.arithmetic.spectral import RELATIVE_WIDTH, spectral_norm
from numerics.evidence.errors import InputError
from numerics.networks.layers import Convolution, Dense, Linear
from numerics.networks.norms.axes import has_aliases
from numerics.networks.norms.convolutions import layer_norm
from numerics.networks.windows import Shape


def operator_norm(layer: Linear, input_shape: Shape, relative_width: float = RELATIVE_WIDTH) -> arb:
    r"""A ball around $\|A\|_\sigma$, $A$ the linear part of the layer on inputs of this shape.

    Dense layers and circular convolutions are at most `relative_width` wide, relatively; convolutions with zero padding
    that are too large to be written as matrices as wide as their boundary makes them: see
    `numerics.networks.norms.convolutions`. Raises `InputError` when the layer does not take this shape or the width
    cannot be had.
    """
    if isinstance(layer, Convolution):
        return layer_norm(layer, tuple(input_shape), relative_width)
    layer.output_shape(tuple(input_shape))
    return spectral_norm(layer.weight, relative_width)


def operator_norm_21_rows(layer: Linear, input_shape: Shape, minus: ArrayLike | None = None) -> arb:
    r"""$\|A^\top - M^\top\|_{2,1}$: the Euclidean norms of the rows (outputs, at all positions), summed up.

    `minus` is the weight of a layer with the same geometry, whose operator is $M$; zero by default. Raises `InputError`
    when shapes do not fit.
    """
    return _norm(layer, input_shape, minus, norm_21_rows, _rows_21)


def operator_norm_21_columns(layer: Linear, input_shape: Shape, minus: ArrayLike | None = None) -> arb:
    r"""$\|A - M\|_{2,1}$: the Euclidean norms of the columns (inputs, at all positions); see `operator_norm_21_rows`."""
    return _norm(layer, input_shape, minus, norm_21_columns, _columns_21)


def operator_norm_1_inf(layer: Linear, input_shape: Shape, minus: ArrayLike | None = None) -> arb:
    r"""$\|A^\top - M^\top\|_{1,\infty}$: the largest 1-norm of a row (an output); see `operator_norm_21_rows`."""
    return _norm(layer, input_shape, minus, norm_1_inf_rows, _rows_1_inf)


def operator_norm_1_inf_columns(layer: Linear, input_shape: Shape, minus: ArrayLike | None = None) -> arb:
    r"""$\|A - M\|_{1,\infty}$: the largest 1-norm of a column (an input); see `operator_norm_21_rows`."""
    return _norm(layer, input_shape, minus, norm_1_inf_columns, _columns_1_inf)


def operator_frobenius_norm(layer: Linear, input_shape: Shape, minus: ArrayLike | None = None) -> arb:
    r"""$\|A - M\|_F$; its square is the sum over the weights of the square times the number of positions at which that
    tap falls inside. See `operator_norm_21_rows`."""
    return _norm(layer, input_shape, minus, frobenius_norm, _frobenius)


# Convolutions.


@dataclass(frozen=True, eq=False)
class _Patterns:
    """Along one axis: patterns (patterns x taps, how often each tap occurs) and the number of positions of each."""

    rows: Floats
    row_counts: Floats
    columns: Floats
    column_counts: Floats


def _patterns(layer: Convolution, axis: int, length: int) -> _Patterns:
    read = layer.places(axis, length)
    if has_aliases(layer, axis, length):
        # the taps that meet are one; each row reads all that are left
        _, first = np.unique(read[0], return_index=True)
        read = read[:, np.sort(first)]
    hit = np.zeros((length, read.shape[1]))
    for tap in range(read.shape[1]):
        inside = read[:, tap] >= 0
        hit[:, tap] = np.bincount(read[inside, tap], minlength=length)
    rows, row_counts = np.unique((read >= 0).astype(np.float64), axis=0, return_counts=True)
    columns, column_counts = np.unique(hit, axis=0, return_counts=True)
    return _Patterns(rows, row_counts.astype(float), columns, column_counts.astype(float))


def _folded(B: Floats, layer: Convolution, lengths: Shape) -> tuple[Floats, Floats | None]:
    """The weight with the taps that meet around the circle added, and bounds of the errors of that, if any."""
    size, additions = np.abs(B), 0
    for axis, length in enumerate(lengths):
        if not has_aliases(layer, axis, length):
            continue
        read = layer.places(axis, length)[0]
        _, first, group = np.unique(read, return_index=True, return_inverse=True)
        order = np.argsort(np.argsort(first))[group]  # groups in the order of their first taps
        additions += read.size + 1  # and the difference to the reference
        B, size = (_added(x, order, axis + 2) for x in (B, size))
    return (B, size * inflation(additions)[0]) if additions else (B, None)


def _added(x: Floats, group: np.ndarray, axis: int) -> Floats:
    x = np.moveaxis(x, axis, 0)
    result = np.zeros((int(group.max()) + 1, *x.shape[1:]))
    np.add.at(result, group, x)
    return np.moveaxis(result, 0, axis)


def _apply(sums: Floats, patterns: Sequence[Floats]) -> Floats:
    """Sums over taps, in the last axes, for all patterns of each axis."""
    n = len(patterns)
    for axis, pattern in enumerate(patterns):
        sums = np.moveaxis(np.moveaxis(sums, axis - n, -1) @ pattern.T, -1, axis - n)
    return sums


def _counts(counts: Sequence[Floats]) -> Floats:
    return functools.reduce(np.multiply.outer, counts)


class _Sum(NamedTuple):
    """A float sum, the roundings on its longest path without those of the weight, and whether its root is wanted."""

    value: float
    roundings: int
    is_square: bool = False


# Each takes the scaled weight, groups x out x in x *taps, and the patterns.


def _sum_of_roots(squares: Floats, patterns: Sequence[Floats], counts: Sequence[Floats], added: int) -> _Sum:
    roots = np.sqrt(_apply(squares, patterns)) * _counts(counts)
    # `added` terms, the taps and (twice) their multiplicities, the root, the count, the sum over roots
    return _Sum(float(roots.sum()), added + sum(squares.shape[2:]) + 2 * len(patterns) + 2 + roots.size)


def _rows_21(W: Floats, patterns: Sequence[_Patterns]) -> _Sum:
    rows, counts = [p.rows for p in patterns], [p.row_counts for p in patterns]
    return _sum_of_roots(np.square(W).sum(axis=2), rows, counts, W.shape[2])


def _columns_21(W: Floats, patterns: Sequence[_Patterns]) -> _Sum:
    columns, counts = [p.columns for p in patterns], [p.column_counts for p in patterns]
    return _sum_of_roots(np.square(W).sum(axis=1), columns, counts, W.shape[1])


def _largest_sum(sums: Floats, patterns: Sequence[Floats], added: int) -> _Sum:
    return _Sum(float(_apply(sums, patterns).max()), added + sum(sums.shape[2:]) + 2 * len(patterns))


def _rows_1_inf(W: Floats, patterns: Sequence[_Patterns]) -> _Sum:
    return _largest_sum(np.abs(W).sum(axis=2), [p.rows for p in patterns], W.shape[2])


def _columns_1_inf(W: Floats, patterns: Sequence[_Patterns]) -> _Sum:
    return _largest_sum(np.abs(W).sum(axis=1), [p.columns for p in patterns], W.shape[1])


def _frobenius(W: Floats, patterns: Sequence[_Patterns]) -> _Sum:
    squares = np.square(W).sum(axis=(0, 1, 2))
    total = (squares * _counts([p.row_counts @ p.rows for p in patterns])).sum()
    return _Sum(float(total), math.prod(W.shape[:3]) + 1 + squares.size, is_square=True)


def _norm(
    layer: Linear,
    input_shape: Shape,
    minus: ArrayLike | None,
    dense: Callable[[ArrayLike, ArrayLike | None], arb],
    convolution: Callable[[Floats, Sequence[_Patterns]], _Sum],
) -> arb:
    layer.output_shape(tuple(input_shape))
    if isinstance(layer, Dense):
        return dense(layer.weight, minus)
    lengths = tuple(input_shape)[1:]
    reference = None if minus is None else as_float_matrix(minus, "minus", layer.weight.ndim)
    if reference is not None and reference.shape != layer.weight.shape:
        raise InputError(f"`minus` must have the shape {layer.weight.shape} of the weight, found {reference.shape}.")
    scaled = scaled_difference(layer.weight, reference)
    if scaled is None:
        return arb(0)
    B, exponent = scaled
    patterns = [_patterns(layer, axis, length) for axis, length in enumerate(lengths)]
    W, errors = _folded(B, layer, lengths)

    def value(x: Floats) -> arb:
        split = x.reshape(layer.groups, -1, *x.shape[1:])
        found = convolution(split, patterns)
        # one rounding for the difference and one for the square; under a root the first counts twice
        if found.is_square:
            return rounded_ball(found.value, found.roundings + 3, arb(0)).sqrt() + arb(0, NU)
        return rounded_ball(found.value, found.roundings + 3, NU)

    with ctx.workprec(BITS):
        result = value(W)
        if errors is not None:
            result += arb(0, value(errors).upper())
        return result * power_of_two(exponent)
