"""Convolution operators written out as matrices, one for each group."""

from __future__ import annotations

import functools
import itertools
import math

import numpy as np
from flint import arb, ctx

from numerics.arithmetic.enclosure import Floats
from numerics.arithmetic.spectral import between, bits_for, spectral_norm
from numerics.networks.layers import Convolution
from numerics.networks.norms.axes import has_aliases
from numerics.networks.windows import Shape


def dense_operator(layer: Convolution, input_shape: Shape) -> Floats:
    r"""The linear part of the layer as a matrix, outputs x inputs, both flattened with the last axis running fastest.

    Exact, but for circular kernels longer than the input, whose taps that meet are added in floats.
    """
    counts, lengths = layer.output_shape(input_shape)[1:], input_shape[1:]
    n = len(lengths)
    result = np.zeros((layer.outputs, *counts, layer.inputs, *lengths))
    view = np.moveaxis(result, n + 1, 1)
    reads = [layer.places(axis, length) for axis, length in enumerate(lengths)]
    out, channels = layer.outputs // layer.groups, layer.weight.shape[1]
    for tap in itertools.product(*map(range, layer.windows.size)):
        rows = [np.flatnonzero(read[:, t] >= 0) for read, t in zip(reads, tap, strict=True)]
        columns = [read[r, t] for read, r, t in zip(reads, rows, tap, strict=True)]
        across = (*np.meshgrid(*rows, indexing="ij"), *np.meshgrid(*columns, indexing="ij"))
        for g in range(layer.groups):
            block = view[g * out : (g + 1) * out, g * channels : (g + 1) * channels]
            values = layer.weight[(slice(g * out, (g + 1) * out), slice(None), *tap)]
            block[(slice(None), slice(None), *across)] += values.reshape(out, channels, *[1] * n)
    return result.reshape(layer.outputs * math.prod(counts), -1)


def _one_group(layer: Convolution, group: int) -> Convolution:
    if layer.groups == 1:
        return layer
    out = layer.outputs // layer.groups
    part = layer.weight[group * out : (group + 1) * out]
    return Convolution(
        part, stride=layer.stride, padding=layer.padding, dilation=layer.dilation, circular=layer.circular
    )


def is_small(layer: Convolution, input_shape: Shape, most_rows: int, most_entries: int, most_work: int) -> bool:
    lengths = input_shape[1:]
    rows = layer.outputs // layer.groups * math.prod(layer.windows.counts(lengths))
    columns = layer.weight.shape[1] * math.prod(lengths)
    side, entries = min(rows, columns), rows * columns
    small = side <= most_rows and entries <= most_entries and layer.groups * side * entries <= most_work
    return small and not any(has_aliases(layer, axis, length) for axis, length in enumerate(lengths))


def dense_norm(layer: Convolution, input_shape: Shape, relative_width: float) -> arb:
    balls = []
    for group in range(layer.groups):
        part = _one_group(layer, group)
        balls.append(spectral_norm(dense_operator(part, (part.inputs, *input_shape[1:])), relative_width))
    return largest_ball(balls, relative_width)


def largest_ball(balls: list[arb], relative_width: float) -> arb:
    """A ball around the largest of the numbers in the balls."""
    if len(balls) == 1:
        return balls[0]
    with ctx.workprec(bits_for(relative_width)):
        ends = [(ball.lower(), ball.upper()) for ball in balls]
        return between(*(functools.reduce(arb.max, side) for side in zip(*ends, strict=True)))
