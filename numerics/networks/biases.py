r"""Biases as weights of a constant: a network without biases that computes the same, for bounds that allow none.

Every value that a linear layer still reads gets one more channel (or feature), which is constantly 1 in all its places.
A linear layer takes its bias from there and hands the 1 on; activations with $\sigma(1) = 1$, pooling and flattening
keep it. Of the terms of a sum only one may hand it on: the others end in a linear layer, which gives 0 there.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from numerics.arithmetic.enclosure import Floats
from numerics.evidence.errors import InputError
from numerics.networks.layers import (
    Activation,
    Add,
    BatchNormalization,
    Convolution,
    Dense,
    Flatten,
    Layer,
    Linear,
    Pooling,
    Reshape,
    Scaling,
)
from numerics.networks.network import Network
from numerics.networks.references import Reference, reference_weights
from numerics.networks.windows import Shape


def absorb_biases(
    network: Network, references: Sequence[Reference] | None = None
) -> tuple[Network, tuple[Floats, ...] | None]:
    r"""A network without biases that gives the same outputs on data with `changed.inputs - network.inputs` more
    features, constantly 1 (`Data.with_constant`): one for flat inputs, one channel for images.

    A dense weight becomes $\begin{pmatrix} W & b \\ 0 & 1\end{pmatrix}$, the last one $(W \; b)$; a kernel of a
    convolution likewise, at a place of its window that never falls into zero padding. Reference weights get the same
    last row and the column 0: handing on the constant then costs nothing in $\|A_i - M_i\|$. Returns the network and
    the weights of the references (or `None`). Bounds of the new network are bounds of the old one, in terms of the
    larger norms.

    Raises `InputError` for a layer that does not keep the constant: activations other than relu, leaky_relu, prelu,
    abs, relu6, hard_tanh, identity and sign, scalings, reshaping across channels, averages over padding, batch
    normalisation (fold it first), grouped convolutions, convolutions whose windows all touch the padding, and sums of
    which two terms hand it on.
    """
    carries = _carries(network)
    silent = _silent(network, carries)
    flat = all(isinstance(layer, Flatten) for layer, reads in _reading(network, 0))
    input_shape: Shape = (network.inputs,) if flat else network.input_shape
    constants = [1 if flat else math.prod(input_shape[1:])]
    weights = None if references is None else iter(reference_weights(network, references))
    layers: list[Layer] = []
    matrices: list[Floats] = []
    for i, (layer, reads) in enumerate(zip(network.layers, network.wiring, strict=True)):
        shape = (network.inputs,) if flat and reads == (0,) else network.shapes[reads[0]]
        if isinstance(layer, Linear):
            count = constants[reads[0]]
            row = carries[i + 1], i + 1 not in silent
            if weights is not None:
                reference = next(weights)
                reference = np.zeros_like(layer.weight) if reference is None else reference
                matrices.append(_widened(layer, shape, reference, None, count, row, i + 1))
            weight = _widened(layer, shape, layer.weight, layer.bias, count, row, i + 1)
            layers.append(Dense(weight) if isinstance(layer, Dense) else layer.with_weight(weight, None))
        else:
            if carries[i + 1]:
                _check_keeps(layer, shape, i + 1)
                if isinstance(layer, Reshape):
                    layer = Reshape((shape[0] + 1, *layer.shape[1:]))
            layers.append(layer)
        constants.append(1 if len(network.shapes[i + 1]) == 1 else math.prod(network.shapes[i + 1][1:]))
        if isinstance(layer, Flatten):
            constants[-1] = constants[reads[0]]
    name = f"{network.name} (biases absorbed)".strip()
    widened = (input_shape[0] + 1, *input_shape[1:])
    changed = Network(layers, name, input_shape=widened, wiring=network.wiring)
    return changed, None if weights is None else tuple(matrices)


def _reading(network: Network, value: int) -> list[tuple[Layer, tuple[int, ...]]]:
    """The layers that read a value, with all that they read."""
    return [(a, reads) for a, reads in zip(network.layers, network.wiring, strict=True) if value in reads]


def _carries(network: Network) -> list[bool]:
    """Whether each value needs the constant: a linear layer comes after it."""
    carries = [False] * len(network.shapes)
    for i in reversed(range(len(network.layers))):
        for v in network.wiring[i]:
            carries[v] |= carries[i + 1] or isinstance(network.layers[i], Linear)
    return carries


def _silent(network: Network, carries: Sequence[bool]) -> set[int]:
    """The values that are 0 where others are constantly 1, because another term of a sum hands the constant on."""
    silent: set[int] = set()
    for i, (layer, reads) in enumerate(zip(network.layers, network.wiring, strict=True)):
        if not isinstance(layer, Add) or not carries[i + 1]:
            continue
        able = [
            v
            for v in reads
            if v and isinstance(network.layers[v - 1], Linear) and sum(r.count(v) for r in network.wiring) == 1
        ]
        others = [v for v in reads if v not in able]
        if len(others) > 1:
            raise InputError(
                f"Layer {i + 1}, `{layer}`, must have one term at most that does not come straight from a linear layer "
                f"to absorb biases, found {len(others)}: the constant feature would be added up."
            )
        silent.update(able if others else able[1:])
    return silent


def _check_keeps(layer: Layer, shape: Shape, number: int) -> None:
    what = f"Layer {number}, `{layer}`, must keep a constant feature to absorb biases: "
    if isinstance(layer, Activation) and not layer.keeps_one:
        raise InputError(
            f"{what}it needs sigma(1) = 1, which only relu, leaky_relu, prelu, abs, relu6, hard_tanh, identity and sign have."
        )
    if isinstance(layer, Scaling) and layer.factor != 1:
        raise InputError(f"{what}multiply its factor into a weight first.")
    if isinstance(layer, Reshape) and (len(shape) == 1 or layer.shape[0] != shape[0]):
        raise InputError(f"{what}it must rearrange each channel alone, found {shape} to {layer.shape}.")
    if isinstance(layer, BatchNormalization):
        raise InputError(f"{what}fold it into a linear layer first (`fold_batch_normalization`).")
    if isinstance(layer, Pooling) and layer.kind == "average":
        windows = layer.windows(shape)
        for axis, divisors in enumerate(layer.divisors(shape)):
            if (windows.covered(axis, shape[1 + axis]) != divisors).any():
                raise InputError(f"{what}its averages count padding, which is 0.")


def _widened(
    layer: Dense | Convolution,
    shape: Shape,
    weight: Floats,
    bias: Floats | None,
    constants: int,
    row: tuple[bool, bool],
    number: int,
) -> Floats:
    """The weight with the bias in a column for the constant, and if `row[0]` a row that gives 1, or 0 if not `row[1]`."""
    rows = weight.shape[0] + row[0]
    if isinstance(layer, Dense):
        result = np.zeros((rows, weight.shape[1] + constants))
        tap: tuple[int, ...] = (-1,)
        result[: weight.shape[0], : weight.shape[1]] = weight
    else:
        if layer.groups > 1:
            raise InputError(
                f"Layer {number}, `{layer}`, must have one group to absorb its bias, found {layer.groups}: "
                "not every group sees the constant channel."
            )
        result = np.zeros((rows, weight.shape[1] + 1, *weight.shape[2:]))
        tap = (-1, *_safe_place(layer, shape, number))
        result[: weight.shape[0], : weight.shape[1]] = weight
    if bias is not None:
        result[(slice(weight.shape[0]), *tap)] = bias
    if row[0]:
        result[(-1, *tap)] = float(row[1])
    return result


def _safe_place(layer: Convolution, shape: Shape, number: int) -> tuple[int, ...]:
    """A place of the window that is inside the input wherever the window stands."""
    if layer.circular:
        return (0,) * len(layer.stride)
    place = []
    for axis, length in enumerate(shape[1:]):
        stride, dilation, before = layer.stride[axis], layer.dilation[axis], layer.padding[axis][0]
        last = stride * (layer.windows.counts(shape[1:])[axis] - 1) - before
        good = [
            t for t in range(layer.weight.shape[2 + axis]) if dilation * t >= before and last + dilation * t < length
        ]
        if not good:
            raise InputError(
                f"Layer {number}, `{layer}`, must have a place in its window that never falls into the padding to "
                "absorb its bias, found none: train it without a bias."
            )
        place.append(good[len(good) // 2])
    return tuple(place)
