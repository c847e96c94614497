"""The layers of Keras, one function each: what they become in a network. `keras` says what is read and how.

Each gets the model, the layer, the name of its value, the names of what it reads, and its variables.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numerics.evidence.errors import InputError
from numerics.networks.layers import (
    Activation,
    Add,
    BatchNormalization,
    Convolution,
    Dense,
    Flatten,
    Layer,
    Pooling,
    Reshape,
    Scaling,
)
from numerics.networks.readers.assembly import Unsupported, same_padding
from numerics.networks.readers.files import short
from numerics.networks.readers.keras.config import MODELS, KerasLayer, Order
from numerics.networks.readers.keras.wiring import Wiring

_ACTIVATIONS = {
    "linear": "identity",
    "relu": "relu",
    "tanh": "tanh",
    "sigmoid": "sigmoid",
    "leaky_relu": "leaky_relu(0.2)",
    "relu6": "relu6",
    "hard_tanh": "hard_tanh",
}
_NOTHING = (
    "Dropout", "SpatialDropout1D", "SpatialDropout2D", "GaussianNoise", "GaussianDropout", "AlphaDropout",
    "ActivityRegularization", "Identity",
)  # fmt: skip

_ENTRY_BY_ENTRY = ("InputLayer", "Rescaling", *MODELS, *_NOTHING)


def _target(layer: KerasLayer, size: int) -> list[int]:
    """The shape that a Reshape of this many numbers gives, in the order of the file."""
    target = list(layer.get("target_shape", list))
    if len(target) > 8 or any(type(n) is not int or not -1 <= n < 2**31 for n in target):
        raise InputError(f"The configuration of {layer.where} must give `target_shape`, found {short(target)}.")
    if target.count(-1) == 1 and (known := -math.prod(target)) > 0 and size % known == 0:
        target[target.index(-1)] = size // known
    if not target or min(target) < 1 or math.prod(target) != size:
        raise Unsupported(f" of {size} numbers to {short(target)}")
    return target


def _shape_of_input(model: Wiring, value: str, shape: list[int]) -> list[int]:
    """The shape of a sample in the file: that of a Reshape to one channel, if nothing else reads the input before it."""
    while len(readers := model.readers.get(value, [])) == 1:
        (value,) = readers
        layer = model.uses[value][0]
        if layer.kind == "Reshape":
            target = _target(layer, math.prod(shape))
            return target if _order(_here(model, target)) is None else shape
        if layer.kind not in _ENTRY_BY_ENTRY:
            break
    return shape


def _here(model: Wiring, shape: Sequence[int]) -> tuple[int, ...]:
    """A shape of the file with the channels in front; where no layer looks at space all is flat."""
    if not model.has_space:
        return (math.prod(shape),)
    return (shape[-1], *shape[:-1]) if model.channels_last else tuple(shape)


def _order(shape: Sequence[int]) -> Order | None:
    """The order of an image with the channels in front when it is made flat; `None` where it is that of the file."""
    places = math.prod(shape[1:])
    return None if shape[0] == 1 or places == 1 else (shape[0], places)


def _sorted(array: NDArray[Any], order: Order | None) -> NDArray[Any]:
    """An array whose first index runs over flat values in the order of the file, in that of the network."""
    if order is None or array.shape[:1] != (order[0] * order[1],):
        return array  # of another length: the layer itself will refuse it
    rest = array.shape[1:]
    return np.moveaxis(array.reshape(order[1], order[0], *rest), 1, 0).reshape(array.shape)


def input_layer(model: Wiring, layer: KerasLayer, value: str, reads: list[str], w: Sequence[NDArray[Any]]) -> None:
    if reads:  # of a model inside the model
        return nothing(model, layer, value, reads, w)
    shape = layer.config.get("batch_shape", layer.config.get("batch_input_shape"))
    if not isinstance(shape, list) or len(shape) < 2 or any(type(n) is not int or n < 1 for n in shape[1:]):
        raise InputError(
            f"The input of `{model.path}` must have fixed sizes but for the samples, found {short(shape)}."
        )
    model.assembly.input(value, _here(model, _shape_of_input(model, value, shape[1:])))
    model.orders[value] = None
    return None


def _shape(model: Wiring, reads: Sequence[str]) -> tuple[int, ...]:
    """The shape of what is read, () when it is unknown."""
    if not reads:
        raise Unsupported(" without an input")
    return model.assembly.shape(reads[0]) or ()


def _then(model: Wiring, layer: KerasLayer, value: str, reads: Sequence[str], make: Callable[[], Layer]) -> None:
    """A layer that keeps the order of flat values."""
    _shape(model, reads)
    model.assembly.add(value, reads, make, str(layer))
    model.orders[value] = model.orders.get(reads[0])


def _activated(model: Wiring, layer: KerasLayer, value: str, reads: Sequence[str], make: Callable[[], Layer]) -> None:
    """A linear layer and its activation; a softmax is the end."""
    name = _activation(layer, "linear")
    if name == "linear":
        return _then(model, layer, value, reads, make)
    between = f"{value} before its activation"
    _then(model, layer, between, reads, make)
    return _activate(model, layer, value, [between], name)


def _activation(layer: KerasLayer, default: str | None) -> str:
    """The name of the activation of a layer, if it can be read."""
    name = layer.config.get("activation", default)
    if name != "softmax" and (not isinstance(name, str) or name not in _ACTIVATIONS):
        what = name.get("registered_name") or name.get("class_name") if isinstance(name, dict) else name
        raise Unsupported(f" with the activation `{short(what, 40)}`")
    return name


def _activate(model: Wiring, layer: KerasLayer, value: str, reads: Sequence[str], name: str) -> None:
    if name == "softmax":
        if value != model.output:
            raise Unsupported(" with a softmax that is not at the end")
        if len(_shape(model, reads)) > 1 or layer.config.get("axis", -1) not in (-1, 1):
            raise Unsupported(" with a softmax along another axis than the classes")
        model.orders[value] = model.orders.get(reads[0])
        return model.assembly.same(value, reads[0])
    return _then(model, layer, value, reads, lambda: Activation.from_text(_ACTIVATIONS[name]))


def activation(model: Wiring, layer: KerasLayer, value: str, reads: list[str], w: Sequence[NDArray[Any]]) -> None:
    _shape(model, reads)
    _activate(model, layer, value, reads, _activation(layer, None))


def softmax(model: Wiring, layer: KerasLayer, value: str, reads: list[str], w: Sequence[NDArray[Any]]) -> None:
    _shape(model, reads)
    _activate(model, layer, value, reads, "softmax")


def relu(model: Wiring, layer: KerasLayer, value: str, reads: list[str], w: Sequence[NDArray[Any]]) -> None:
    slope = layer.config.get("negative_slope", layer.config.get("alpha", 0.0)) or 0.0
    most, threshold = layer.config.get("max_value"), layer.config.get("threshold")
    if threshold or most not in (None, 6) or (most is not None and slope):
        raise Unsupported(" with a threshold, or a maximum other than 6 without a slope")
    name = "relu6" if most else "relu"
    _then(model, layer, value, reads, lambda: Activation("leaky_relu", slope) if slope else Activation(name))


def dense(model: Wiring, layer: KerasLayer, value: str, reads: list[str], w: Sequence[NDArray[Any]]) -> None:
    kernel, bias = _kernel_and_bias(model, layer, w)
    weight = _sorted(kernel, model.orders.get(reads[0]) if reads else None).T
    _activated(model, layer, value, reads, lambda: Dense(weight, bias))
    model.orders[value] = None
    model.orders[f"{value} before its activation"] = None


def _kernel_and_bias(
    model: Wiring, layer: KerasLayer, w: Sequence[NDArray[Any]]
) -> tuple[NDArray[Any], NDArray[Any] | None]:
    biased = layer.get("use_bias", bool)
    if len(w) != 1 + biased:
        raise InputError(f"`{model.path}` must hold {1 + biased} tensors for layer {layer}, found {len(w)}.")
    return w[0], w[1] if biased else None


def convolution(model: Wiring, layer: KerasLayer, value: str, reads: list[str], w: Sequence[NDArray[Any]]) -> None:
    """Conv, DepthwiseConv, and SeparableConv, which is a depthwise convolution and one of single places."""
    kernel, bias = _kernel_and_bias(model, layer, [*w[:1], *w[2:]] if layer.kind.startswith("Sep") else w)
    options = _windows(model, layer, reads, kernel)
    if layer.kind.startswith("Conv"):
        groups, weight = layer.get("groups", int), np.moveaxis(kernel, (-1, -2), (0, 1))
        return _activated(model, layer, value, reads, lambda: Convolution(weight, bias, groups=groups, **options))
    # the kernel of *window x in x times: each channel has its own group, and its outputs follow each other
    groups, each = kernel.shape[-2:]
    weight = np.moveaxis(kernel, (-2, -1), (0, 1)).reshape(groups * each, 1, *kernel.shape[:-2])
    if layer.kind.startswith("Depthwise"):
        return _activated(model, layer, value, reads, lambda: Convolution(weight, bias, groups=groups, **options))
    pointwise = np.moveaxis(w[1], (-1, -2), (0, 1))
    if w[1].shape[:-2] != (1,) * len(options["stride"]):
        raise InputError(f"The second kernel of layer {layer} in `{model.path}` must be of single places.")
    between = f"{value} between its convolutions"
    _then(model, layer, between, reads, lambda: Convolution(weight, groups=groups, **options))
    return _activated(model, layer, value, [between], lambda: Convolution(pointwise, bias))


def _windows(model: Wiring, layer: KerasLayer, reads: Sequence[str], kernel: NDArray[Any]) -> dict[str, Any]:
    """Stride, padding and dilation of a convolution with this kernel, whose last two axes are channels."""
    axes, shape = int(layer.kind[-2]), _shape(model, reads)
    size, stride, dilation = (layer.sizes(key, axes) for key in ("kernel_size", "strides", "dilation_rate"))
    if kernel.shape[:-2] != tuple(size):
        raise InputError(f"The kernel of layer {layer} in `{model.path}` must be {size}, found shape {kernel.shape}.")
    more = model.padded.get(reads[0], [(0, 0)] * axes)
    if len(more) != axes or (shape and len(shape) != axes + 1):
        raise Unsupported(f" of values with shape {shape}")
    padded = shape and (shape[0], *(n + sum(pair) for n, pair in zip(shape[1:], more, strict=True)))
    own = _padding(model, layer, padded, size, stride, dilation)
    padding = [(a + c, b + d) for (a, b), (c, d) in zip(more, own, strict=True)]
    return {"stride": stride, "padding": padding, "dilation": dilation}


def zero_padding(model: Wiring, layer: KerasLayer, value: str, reads: list[str], w: Sequence[NDArray[Any]]) -> None:
    axes, padding = int(layer.kind[-2]), layer.get("padding", list)
    pairs = [padding] if axes == 1 else padding
    sizes = [n for pair in pairs if isinstance(pair, list) and len(pair) == 2 for n in pair]
    if len(sizes) != 2 * axes or any(type(n) is not int or n < 0 for n in sizes):
        raise InputError(f"The configuration of {layer.where} must give `padding`, found {short(padding)}.")
    kinds = [model.uses[reader][0].kind for reader in model.readers.get(value, [])]
    if value == model.output or not reads or reads[0] in model.padded or any("Conv" not in kind for kind in kinds):
        raise Unsupported(" that is not in front of a convolution")
    model.padded[value] = [(a, b) for a, b in pairs]
    model.assembly.same(value, reads[0])


def _padding(
    model: Wiring, layer: KerasLayer, shape: Sequence[int], size: list[int], stride: list[int], dilation: list[int]
) -> list[tuple[int, int]]:
    padding = layer.get("padding", str)
    if padding == "valid" or not shape:
        return [(0, 0)] * len(size)
    if padding == "same" and len(shape) == len(size) + 1:
        return same_padding(tuple(shape), size, stride, dilation)
    if padding == "causal" and len(size) == 1:
        return [(dilation[0] * (size[0] - 1), 0)]
    raise Unsupported(f" with the padding `{short(padding, 40)}`")


def pooling(model: Wiring, layer: KerasLayer, value: str, reads: list[str], w: Sequence[NDArray[Any]]) -> None:
    axes = int(layer.kind[-2])
    shape = _shape(model, reads)
    if shape and len(shape) != axes + 1:
        raise Unsupported(f" of values with shape {shape}")
    size = layer.sizes("pool_size", axes)
    stride = layer.sizes("strides", axes) if layer.config.get("strides") is not None else size
    padding = _padding(model, layer, shape, size, stride, [1] * axes)
    kind = "max" if layer.kind.startswith("Max") else "average"
    _then(model, layer, value, reads, lambda: Pooling(kind, size, stride, padding, count_padding=False))


def whole_channels(model: Wiring, layer: KerasLayer, value: str, reads: list[str], w: Sequence[NDArray[Any]]) -> None:
    shape, axes = _shape(model, reads), int(layer.kind[-2])
    if shape and len(shape) != axes + 1:
        raise Unsupported(f" of values with shape {shape}")
    between = f"{value} before flattening"
    kind = "max" if layer.kind.startswith("GlobalMax") else "average"
    _then(model, layer, between, reads, lambda: Pooling(kind, None))
    if layer.config.get("keepdims"):
        return model.assembly.same(value, between)
    return _then(model, layer, value, [between], Flatten)


def flatten(model: Wiring, layer: KerasLayer, value: str, reads: list[str], w: Sequence[NDArray[Any]]) -> None:
    shape = _shape(model, reads)
    if len(shape) < 2:
        model.assembly.same(value, reads[0])
        model.orders[value] = model.orders.get(reads[0])
        return
    first = layer.config.get("data_format") == "channels_first"
    if model.channels_last and first:
        raise Unsupported(" that puts channels first among layers with channels last")
    model.assembly.add(value, reads, Flatten, str(layer))
    # Keras: space first, then channels; here: channels first
    model.orders[value] = _order(shape) if model.channels_last or first else None


def reshape(model: Wiring, layer: KerasLayer, value: str, reads: list[str], w: Sequence[NDArray[Any]]) -> None:
    shape = _shape(model, reads)
    if not shape:
        return model.assembly.same(value, reads[0])
    target = _target(layer, math.prod(shape))
    if not model.has_space and sum(n > 1 for n in target) > 1:
        raise Unsupported(f" to {short(target)} where no layer looks at space")
    new = _here(model, target) if len(target) > 1 else tuple(target)
    order = model.orders.get(reads[0]) if len(shape) == 1 or not model.channels_last else _order(shape)
    model.orders[value] = None
    if new == shape:
        model.orders[value] = model.orders.get(reads[0])
        return model.assembly.same(value, reads[0])
    if len(new) == 1:
        model.orders[value] = order
        return model.assembly.add(value, reads, Flatten, str(layer))
    if len(new) > 3 or order != (_order(new) if model.channels_last else None):
        raise Unsupported(f" to {short(target)}, which moves numbers from one channel to another")
    return model.assembly.add(value, reads, lambda: Reshape(new), str(layer))


def nothing(model: Wiring, layer: KerasLayer, value: str, reads: list[str], w: Sequence[NDArray[Any]]) -> None:
    _shape(model, reads)
    model.assembly.same(value, reads[0])
    model.orders[value] = model.orders.get(reads[0])


def add(model: Wiring, layer: KerasLayer, value: str, reads: list[str], w: Sequence[NDArray[Any]]) -> None:
    if len(reads) < 2:
        raise Unsupported(" of fewer than two values")
    if len({model.orders.get(read) for read in reads}) > 1:
        raise Unsupported(" of values in different orders")
    _then(model, layer, value, reads, Add)


def _check_axis(model: Wiring, layer: KerasLayer, shape: Sequence[int]) -> None:
    """Refuse a normalisation of anything but each channel."""
    axis = layer.config.get("axis")
    axis = axis[0] if isinstance(axis, list) and len(axis) == 1 else axis
    wanted = (-1, len(shape)) if model.channels_last or len(shape) < 2 else (1, -len(shape))
    if shape and (type(axis) is not int or axis not in wanted):
        raise Unsupported(f" along the axis {short(axis)}")


def standardization(model: Wiring, layer: KerasLayer, value: str, reads: list[str], w: Sequence[NDArray[Any]]) -> None:
    r"""Normalization: $(x - m)/\max(\sqrt{v}, 10^{-7})$ for each channel or for all, from the weights or the settings."""
    shape = _shape(model, reads)
    if layer.config.get("invert"):
        raise Unsupported(" with `invert`")
    if layer.config.get("axis") not in (None, []):
        _check_axis(model, layer, shape)
    if len(w) not in (0, 3):
        raise InputError(f"`{model.path}` must hold 0 or 3 tensors for layer {layer}, found {len(w)}.")
    given = (
        [np.asarray(layer.get(key, (int, float, list)), np.float32) for key in ("mean", "variance")] if not w else w[:2]
    )
    ones = model.assembly.ones(shape[0] if shape else 1)
    mean, variance = (
        part.item() * ones if part.size == 1 else _sorted(part.reshape(-1), model.orders.get(reads[0]))
        for part in given
    )
    variance = np.maximum(variance, 1e-14)
    _then(model, layer, value, reads, lambda: BatchNormalization(mean, variance, epsilon=0.0))


def normalization(model: Wiring, layer: KerasLayer, value: str, reads: list[str], w: Sequence[NDArray[Any]]) -> None:
    shape = _shape(model, reads)
    scaled, centred = layer.get("scale", bool), layer.get("center", bool)
    _check_axis(model, layer, shape)
    if len(w) != 2 + scaled + centred:
        raise InputError(f"`{model.path}` must hold {2 + scaled + centred} tensors for layer {layer}, found {len(w)}.")
    parts = [_sorted(part, model.orders.get(reads[0])) for part in w]
    scale = parts.pop(0) if scaled else None
    shift = parts.pop(0) if centred else None
    epsilon = layer.get("epsilon", (int, float))
    _then(model, layer, value, reads, lambda: BatchNormalization(parts[0], parts[1], scale, shift, epsilon))


def rescaling(model: Wiring, layer: KerasLayer, value: str, reads: list[str], w: Sequence[NDArray[Any]]) -> None:
    factor, offset = layer.get("scale", (int, float)), layer.get("offset", (int, float))
    shape = _shape(model, reads)
    if offset == 0:
        return _then(model, layer, value, reads, lambda: Scaling(float(factor)))
    ones = model.assembly.ones(shape[0] if shape else 1)
    return _then(
        model, layer, value, reads, lambda: BatchNormalization(0 * ones, ones, factor * ones, offset * ones, 0.0)
    )


LAYERS: dict[str, Callable[[Wiring, KerasLayer, str, list[str], Sequence[NDArray[Any]]], None]] = {
    "InputLayer": input_layer,
    "Dense": dense,
    **dict.fromkeys((f"{kind}Conv{axes}D" for kind in ("", "Depthwise", "Separable") for axes in (1, 2)), convolution),
    **dict.fromkeys(("ZeroPadding1D", "ZeroPadding2D"), zero_padding),
    "BatchNormalization": normalization,
    "Activation": activation,
    **dict.fromkeys(("ReLU", "LeakyReLU"), relu),
    "Softmax": softmax,
    **dict.fromkeys(("MaxPooling1D", "MaxPooling2D", "AveragePooling1D", "AveragePooling2D"), pooling),
    **dict.fromkeys((f"Global{kind}Pooling{axes}D" for kind in ("Average", "Max") for axes in (1, 2)), whole_channels),
    "Flatten": flatten,
    "Reshape": reshape,
    "Normalization": standardization,
    "Add": add,
    "Rescaling": rescaling,
    **dict.fromkeys((*MODELS, *_NOTHING), nothing),
}
