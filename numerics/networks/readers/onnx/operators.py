"""The operators of ONNX, one function for each kind: what they become in a network. Those that only move numbers are in
`moves`, and `reader` has the table of all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numerics.evidence.errors import InputError
from numerics.networks.activations import CLIPS
from numerics.networks.layers import (
    Activation,
    Add,
    BatchNormalization,
    Convolution,
    Dense,
    Flatten,
    Layer,
    Pooling,
    Scaling,
)
from numerics.networks.readers.assembly import Unsupported, same_padding
from numerics.networks.readers.files import short
from numerics.networks.readers.onnx.importer import Importer, Pairs
from numerics.networks.readers.onnx.wire import Node

_LARGEST = float(np.finfo(np.float32).max)
_ACTIVATIONS = {"Relu": "relu", "Tanh": "tanh", "Sigmoid": "sigmoid", "Abs": "abs", "Sign": "sign"}


def add_layer(graph: Importer, node: Node, make: Callable[[], Layer], read: str | None = None) -> None:
    graph.assembly.add(node.outputs[0], [node.inputs[0] if read is None else read], make, str(node))


def shape_of(graph: Importer, node: Node, place: int = 0) -> tuple[int, ...]:
    """The shape of what the operator reads; one with an unknown shape has a listed cause before it."""
    if place >= len(node.inputs):
        raise Unsupported(", which reads nothing")
    name = node.inputs[place]
    if name in graph.constants:
        raise Unsupported(" of a constant")
    return graph.assembly.shape(graph.padded[name][0] if name in graph.padded else name) or ()


def same(graph: Importer, node: Node) -> None:
    shape_of(graph, node)
    graph.assembly.same(node.outputs[0], node.inputs[0])


def cast(graph: Importer, node: Node) -> None:
    if node.attributes.get("to") not in (1, 11):
        raise Unsupported(" to another type than float or double")
    same(graph, node)


def dropout(graph: Importer, node: Node) -> None:
    training = graph.optional(node, 2, "training mode")
    if training is not None and training.any():
        raise Unsupported(" in training mode")
    same(graph, node)


def activation(graph: Importer, node: Node) -> None:
    shape_of(graph, node)
    add_layer(graph, node, lambda: Activation(_ACTIVATIONS[node.operator]))


def leaky(graph: Importer, node: Node) -> None:
    shape_of(graph, node)
    slope: Any = node.attributes.get("alpha", 0.01)
    add_layer(graph, node, lambda: Activation("leaky_relu", slope))


def prelu(graph: Importer, node: Node) -> None:
    shape_of(graph, node)
    slopes = graph.constant(node, 1, "slope")
    if slopes.size != 1:
        raise Unsupported(" with more than one slope")
    add_layer(graph, node, lambda: Activation("prelu", slopes.item()))


def clip(graph: Importer, node: Node) -> None:
    shape_of(graph, node)
    ends = []
    for place, key in enumerate(("min", "max"), 1):
        given = graph.optional(node, place, "limit")
        end = node.attributes.get(key) if given is None else given.item()
        ends.append(None if end is None or abs(end) >= _LARGEST else float(end))
    names = {(0.0, None): "relu"} | {pair: name for name, pair in CLIPS.items()}
    if (name := names.get((ends[0], ends[1]))) is None:
        raise Unsupported(f" to {ends}, and only [0, None], [0, 6] and [-1, 1] can be read")
    add_layer(graph, node, lambda: Activation(name))


def gemm(graph: Importer, node: Node) -> None:
    shape_of(graph, node)
    weight, bias = graph.constant(node, 1, "matrix"), graph.optional(node, 2, "bias")
    alpha, beta = node.attributes.get("alpha", 1.0), node.attributes.get("beta", 1.0)
    if node.attributes.get("transA"):
        raise Unsupported(" with `transA`")
    _dense(graph, node, weight if node.attributes.get("transB") else weight.T, bias, alpha, beta)


def matmul(graph: Importer, node: Node) -> None:
    shape_of(graph, node)
    _dense(graph, node, graph.constant(node, 1, "matrix").T)


def _dense(
    graph: Importer,
    node: Node,
    weight: NDArray[Any],
    bias: NDArray[Any] | None = None,
    alpha: float = 1.0,
    beta: float = 1.0,
) -> None:
    def make() -> Layer:
        shift = bias
        if shift is not None:
            if shift.size not in (1, weight.shape[0]) or (shift.ndim and shift.shape[-1] != shift.size):
                raise InputError(f"`bias` must have one number or {weight.shape[0]}, found shape {shift.shape}.")
            shift = np.broadcast_to(beta * shift.reshape(-1).astype(np.float64), (weight.shape[0],))
        return Dense(weight if alpha == 1 else alpha * weight.astype(np.float64), shift)

    add_layer(graph, node, make)


def convolution(graph: Importer, node: Node) -> None:
    shape = shape_of(graph, node)
    weight, bias = graph.constant(node, 1, "kernel"), graph.optional(node, 2, "bias")
    if shape == ():
        return graph.assembly.name(node.outputs[0], None)
    read, before, circular = graph.padded.get(node.inputs[0], (node.inputs[0], [], False))
    size, stride, dilation = _windows(graph, node, shape, weight.shape[2:])
    own = _padding(graph, node, shape, size, stride, dilation)
    if circular and any(map(any, own)):
        raise Unsupported(" with both circular and zero padding")
    padding = [(a + c, b + d) for (a, b), (c, d) in zip(before, own, strict=True)] if before else own
    groups = node.attributes.get("group", 1)
    return add_layer(
        graph,
        node,
        lambda: Convolution(
            weight, bias, stride=stride, padding=padding, dilation=dilation, groups=groups, circular=circular
        ),
        read,
    )


def _windows(
    graph: Importer, node: Node, shape: Sequence[int], size: Sequence[int]
) -> tuple[list[int], list[int], list[int]]:
    axes, a = len(shape) - 1, node.attributes
    lists = [a.get("kernel_shape", list(size)), a.get("strides", [1] * axes), a.get("dilations", [1] * axes)]
    if axes not in (1, 2) or any(not isinstance(x, list) or len(x) != axes for x in lists):
        raise Unsupported(" other than in one or two dimensions")
    if any(type(n) is not int or n < 1 for x in lists for n in x):
        raise InputError(f"`{graph.path}`: the operator {node} must have positive sizes, found {short(lists)}.")
    return lists[0], lists[1], lists[2]


def _padding(
    graph: Importer, node: Node, shape: Sequence[int], size: list[int], stride: list[int], dilation: list[int]
) -> Pairs:
    axes, auto = len(shape) - 1, node.attributes.get("auto_pad", "NOTSET")
    if auto in ("SAME_UPPER", "SAME_LOWER"):
        pairs = same_padding(tuple(shape), size, stride, dilation)
        return pairs if auto == "SAME_UPPER" else [(after, before) for before, after in pairs]
    pads = node.attributes.get("pads", [0] * 2 * axes) if auto == "NOTSET" else [0] * 2 * axes
    if auto not in ("NOTSET", "VALID") or not isinstance(pads, list) or len(pads) != 2 * axes:
        raise Unsupported(" with such padding")
    return list(zip(pads[:axes], pads[axes:], strict=True))


def pooling(graph: Importer, node: Node) -> None:
    shape = shape_of(graph, node)
    if shape == ():
        return graph.assembly.name(node.outputs[0], None)
    kind = "max" if node.operator == "MaxPool" else "average"
    size, stride, dilation = _windows(graph, node, shape, ())
    padding, read = _padding(graph, node, shape, size, stride, dilation), node.inputs[0]
    counted = bool(node.attributes.get("count_include_pad", 0))
    if read in graph.padded:
        read, padding, _ = graph.padded[read]
        counted = True
    if node.attributes.get("ceil_mode"):
        for n, k, s, d, pair in zip(shape[1:], size, stride, dilation, padding, strict=True):
            if (n + sum(pair) - d * (k - 1) - 1) % s:
                raise Unsupported(" with `ceil_mode` and a window that reaches over the end")
    return add_layer(
        graph, node, lambda: Pooling(kind, size, stride, padding, dilation=dilation, count_padding=counted), read
    )


def whole_channels(graph: Importer, node: Node) -> None:
    """The mean or the maximum of each channel."""
    shape = shape_of(graph, node)
    kind = "average" if node.operator in ("GlobalAveragePool", "ReduceMean") else "max"
    if shape == ():
        return graph.assembly.name(node.outputs[0], None)
    if len(shape) < 2:
        raise Unsupported(" of flat values")
    if node.operator.startswith("Global"):
        return add_layer(graph, node, lambda: Pooling(kind, None))
    given = graph.optional(node, 1, "axes")
    axes = node.attributes.get("axes") if given is None else given.tolist()
    rank = len(shape) + 1
    if not axes or sorted(axis % rank for axis in axes) != list(range(2, rank)):
        raise Unsupported(" over other axes than those of space")
    if node.attributes.get("keepdims", 1):
        return add_layer(graph, node, lambda: Pooling(kind, None))
    between = f"{node.outputs[0]} before flattening"
    graph.assembly.add(between, [node.inputs[0]], lambda: Pooling(kind, None), str(node))
    return add_layer(graph, node, Flatten, between)


def normalization(graph: Importer, node: Node) -> None:
    shape_of(graph, node)
    scale, shift, mean, variance = (
        graph.constant(node, i, what) for i, what in enumerate(("scale", "shift", "mean", "variance"), 1)
    )
    if node.attributes.get("training_mode"):
        raise Unsupported(" in training mode")
    epsilon = node.attributes.get("epsilon", 1e-5)
    add_layer(graph, node, lambda: BatchNormalization(mean, variance, scale, shift, epsilon))


def scaler(graph: Importer, node: Node) -> None:
    r"""$(x - o)\,s$ of ai.onnx.ml, with one number or one for each feature."""
    shape = shape_of(graph, node)
    if shape == ():
        return graph.assembly.name(node.outputs[0], None)
    if len(shape) != 1:
        raise Unsupported(" of images")

    ones = graph.assembly.ones(shape[0])
    zeros = 0 * ones

    def each(key: str, plain: float) -> NDArray[np.float64]:
        values = np.asarray(node.attributes.get(key, [plain]), np.float64)
        return values * ones if values.size == 1 else values

    offset, scale = each("offset", 0.0), each("scale", 1.0)
    return add_layer(graph, node, lambda: BatchNormalization(offset, ones, scale, zeros, 0.0))


def arithmetic(graph: Importer, node: Node) -> None:
    """Add, Sum, Sub, Mul, Div: of values a residual addition, with a constant a factor and a shift."""
    reads = node.inputs
    values = [read for read in reads if read not in graph.constants]
    if node.operator in ("Add", "Sum") and len(values) == len(reads) >= 2:
        if any(read in graph.padded for read in reads):
            raise Unsupported(" of padded values")
        return graph.assembly.add(node.outputs[0], reads, Add, str(node))
    if len(reads) != 2 or len(values) != 1 or (node.operator == "Div" and reads[1] not in graph.constants):
        raise Unsupported(" of such values")
    number = graph.constants[reads[0] if reads[0] in graph.constants else reads[1]].astype(np.float64)
    shape = graph.assembly.shape(values[0])
    if shape is None:
        return graph.assembly.name(node.outputs[0], None)
    if number.ndim > len(shape) + 1:
        raise Unsupported(" with a constant of more dimensions")
    full = number.reshape((1,) * (len(shape) + 1 - number.ndim) + number.shape)
    if full.size not in (1, shape[0]) or full.shape[1] != full.size:
        raise Unsupported(" with a constant that is not one number or one for each channel")
    if node.operator == "Div" and not number.all():
        raise InputError(f"`{graph.path}`: the operator {node} must not divide by zero.")
    one = full.size == 1 and node.operator in ("Mul", "Div")
    if one:
        value = full.item()
        return add_layer(graph, node, lambda: Scaling(value if node.operator == "Mul" else 1 / value), values[0])
    ones = graph.assembly.ones(shape[0])
    channels, zeros = full.reshape(-1) * ones, 0 * ones
    variance = ones
    match node.operator:
        case "Mul":
            factor, shift = channels, zeros
        case "Div" if (channels == channels.astype(np.float32)).all():
            # x / c = sign(c) x / sqrt(c^2), and the squares of float32 numbers are float64 numbers
            factor, shift, variance = np.sign(channels), zeros, np.square(channels)
        case "Div":
            factor, shift = 1 / channels, zeros
        case "Sub":
            factor, shift = (ones, -channels) if reads[1] in graph.constants else (-ones, channels)
        case _:
            factor, shift = ones, channels
    return add_layer(
        graph,
        node,
        lambda: BatchNormalization(zeros, variance, factor, shift, 0.0),
        values[0],
    )


CALCULATIONS: dict[str, Callable[[Importer, Node], None]] = {
    "Gemm": gemm,
    "MatMul": matmul,
    "Conv": convolution,
    "BatchNormalization": normalization,
    "LeakyRelu": leaky,
    "PRelu": prelu,
    "Clip": clip,
    **dict.fromkeys(("MaxPool", "AveragePool"), pooling),
    **dict.fromkeys(("GlobalAveragePool", "GlobalMaxPool", "ReduceMean", "ReduceMax"), whole_channels),
    "Scaler": scaler,
    "Identity": same,
    "Dropout": dropout,
    "Cast": cast,
    **dict.fromkeys(("Add", "Sum", "Sub", "Mul", "Div"), arithmetic),
    **dict.fromkeys(_ACTIVATIONS, activation),
}
