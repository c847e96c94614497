"""Layers that slide windows over space: convolution and pooling, in one dimension or two.

`windows.py` says where the windows stand; `layers.py` has the other layers and the conventions for arrays.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from numerics.arithmetic.enclosure import Floats, as_float_matrix
from numerics.evidence.errors import InputError
from numerics.networks.windows import Counts, Shape, Windows, paddings, per_axis, whole


def frozen(array: NDArray[Any]) -> NDArray[Any]:
    """A read-only copy."""
    copy = array.copy()
    copy.setflags(write=False)
    return copy


def store_weight(layer: Any, weight: Floats, bias: ArrayLike | None) -> None:
    """Store weight and bias, checked against each other."""
    if weight.size == 0:
        what = "one row and one column" if weight.ndim == 2 else "one entry along each axis"
        raise InputError(f"`weight` must have at least {what}, found shape {weight.shape}.")
    if bias is not None:
        bias = as_float_matrix(bias, "bias", dimensions=1)
        if bias.shape[0] != weight.shape[0]:
            raise InputError(
                f"`bias` must have one entry for each of the {weight.shape[0]} rows of `weight` "
                f"{weight.shape}, found {bias.shape[0]}."
            )
    object.__setattr__(layer, "weight", frozen(weight))
    object.__setattr__(layer, "bias", None if bias is None else frozen(bias))


@dataclass(frozen=True, eq=False, init=False)
class Convolution:
    r"""A 1-D or 2-D convolution layer, the cross-correlation of PyTorch and ONNX:

    $$y_{k,o} = b_k + \sum_{c,t} W_{k,c,t}\, x_{g(k) + c,\; s o + d t - p},$$

    with $x$ zero outside its range, or periodic if `circular`. `weight` is out x in/groups x *size, `bias` (out,) or
    `None`. `stride` and `dilation` are integers or one for each axis; `padding` is an integer, one for each axis, a
    pair (before, after) for each axis, `"valid"` (none) or `"same"` (for stride 1: the output is as long as the
    input, with the odd place behind, as in PyTorch); all are stored as tuples, `padding` as pairs. Raises
    `InputError` for anything else.
    """

    weight: Floats
    bias: Floats | None
    stride: tuple[int, ...]
    padding: tuple[tuple[int, int], ...]
    dilation: tuple[int, ...]
    groups: int
    circular: bool

    def __init__(
        self,
        weight: ArrayLike,
        bias: ArrayLike | None = None,
        *,
        stride: int | Sequence[int] = 1,
        padding: int | str | Sequence[int | Sequence[int]] = 0,
        dilation: int | Sequence[int] = 1,
        groups: int = 1,
        circular: bool = False,
    ) -> None:
        dimensions = np.ndim(weight)
        if dimensions not in (3, 4):
            raise InputError(
                "`weight` of a convolution must be out x in x length or out x in x height x width, "
                f"found shape {np.shape(weight)}."
            )
        store_weight(self, as_float_matrix(weight, "weight", dimensions), bias)
        axes, size = dimensions - 2, self.weight.shape[2:]
        strides = per_axis(stride, axes, "stride", 1)
        dilations = per_axis(dilation, axes, "dilation", 1)
        if padding == "same":
            if any(s != 1 for s in strides):
                raise InputError(f"`padding` 'same' needs stride 1, found {strides}: give the padding in numbers.")
            total = [d * (k - 1) for k, d in zip(size, dilations, strict=True)]
            padding = [(t // 2, t - t // 2) for t in total]
        groups = whole(groups, "groups", 1)
        if self.weight.shape[0] % groups:
            raise InputError(f"`groups` must divide the {self.weight.shape[0]} output channels, found {groups}.")
        object.__setattr__(self, "stride", strides)
        object.__setattr__(
            self, "padding", paddings(0 if isinstance(padding, str) and padding == "valid" else padding, axes)
        )
        object.__setattr__(self, "dilation", dilations)
        object.__setattr__(self, "groups", groups)
        object.__setattr__(self, "circular", bool(circular))

    @property
    def inputs(self) -> int:
        """The number of input channels."""
        return self.weight.shape[1] * self.groups

    @property
    def outputs(self) -> int:
        """The number of output channels."""
        return self.weight.shape[0]

    @property
    def windows(self) -> Windows:
        return Windows(self.weight.shape[2:], self.stride, self.padding, self.dilation)

    def places(self, axis: int, length: int) -> Counts:
        """The place of the input that each output reads at each tap along one axis, outputs x taps; -1 for zero padding."""
        return self.windows.places(axis, length, circular=self.circular)

    @property
    def has_bias(self) -> bool:
        """Whether there is a bias that is not zero."""
        return self.bias is not None and bool(self.bias.any())

    def with_weight(self, weight: ArrayLike, bias: ArrayLike | None) -> Convolution:
        """The same geometry with another weight and bias."""
        options: Any = {name: getattr(self, name) for name in ("stride", "padding", "dilation", "groups", "circular")}
        return Convolution(weight, bias, **options)

    def output_shape(self, *inputs: Shape) -> Shape:
        shape, windows = inputs[0], self.windows
        axes = len(windows.size)
        if len(shape) != axes + 1 or shape[0] != self.inputs:
            what = ("length", "height x width")[axes - 1]
            raise InputError(f"`{self}` must get {self.inputs} channels x {what}, found shape {shape}.")
        counts = windows.counts(shape[1:])
        if min(counts) < 1:
            raise InputError(f"`{self}` must fit into its padded input, found shape {shape}.")
        if self.circular and any(max(p) > n for p, n in zip(self.padding, shape[1:], strict=True)):
            raise InputError(f"`{self}` must not wrap around more than once, found shape {shape}: pad less.")
        return (self.outputs, *counts)

    def patches(self, x: Floats) -> Floats:
        """The windows of (n, in, *space) as rows: (groups, n * outputs in space, in/groups * cells of a window)."""
        padded = self.windows.padded(x, circular=self.circular)
        n, axes = x.shape[0], len(self.stride)
        view = self.windows.view(padded.reshape(n, self.groups, -1, *padded.shape[2:]))
        counts = view.shape[3 : 3 + axes]
        order = (1, 0, *range(3, 3 + axes), 2, *range(3 + axes, 3 + 2 * axes))
        return view.transpose(order).reshape(self.groups, n * math.prod(counts), -1)

    @property
    def kernels(self) -> Floats:
        """The weight as matrices that act on the rows of `patches`: (groups, out/groups, in/groups * cells)."""
        return self.weight.reshape(self.groups, self.outputs // self.groups, -1)

    def assemble(self, y: Floats, n: int, shape: Shape) -> Floats:
        """(groups, n * outputs in space, out/groups) as (n, *shape), the inverse arrangement of `patches`."""
        split = y.reshape(self.groups, n, math.prod(shape[1:]), -1).transpose(1, 0, 3, 2)
        return split.reshape(n, *shape)

    def __call__(self, x: Floats) -> Floats:
        shape = self.output_shape(x.shape[1:])
        y = self.assemble(self.patches(x) @ self.kernels.transpose(0, 2, 1), x.shape[0], shape)
        return y if self.bias is None else y + self.bias.reshape(-1, *[1] * (len(shape) - 1))

    def __repr__(self) -> str:
        parts = [" x ".join(str(n) for n in self.weight.shape)]
        for name, plain in (("stride", 1), ("dilation", 1), ("padding", (0, 0))):
            values = getattr(self, name)
            if any(v != plain for v in values):
                same = values[0] if len(set(values)) == 1 else values
                parts.append(f"{name} {same[0] if isinstance(same, tuple) and len(set(same)) == 1 else same}")
        parts += [f"groups {self.groups}"] * (self.groups > 1) + ["circular"] * self.circular
        parts += ["bias"] * (self.bias is not None)
        return f"Convolution({', '.join(parts)})"


@dataclass(frozen=True, eq=False, init=False)
class Pooling:
    r"""Max or average pooling: `kind` is `"max"` or `"average"`.

    `size` is an integer or one for each axis; `None` pools each channel to one number. `stride` is the size by
    default; `padding` and `dilation` are as for `Convolution`. Padding is $-\infty$ for the maximum and 0 for the
    average, which divides by the number of places of the window: all of them, or only those inside the input when
    `count_padding` is false. Every window must meet the input unless padding counts. Raises `InputError` for anything
    else.
    """

    kind: Literal["max", "average"]
    size: int | tuple[int, ...] | None
    stride: int | tuple[int, ...] | None
    padding: int | tuple[int | tuple[int, int], ...]
    dilation: int | tuple[int, ...]
    count_padding: bool

    def __init__(
        self,
        kind: Literal["max", "average"],
        size: int | Sequence[int] | None,
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int | Sequence[int]] = 0,
        *,
        dilation: int | Sequence[int] = 1,
        count_padding: bool = True,
    ) -> None:
        if kind not in ("max", "average"):
            raise InputError(f"`kind` must be 'max' or 'average', found {kind!r}.")
        plain = {"stride": (stride, None), "padding": (padding, 0), "dilation": (dilation, 1)}
        if size is None and (changed := [name for name, (value, default) in plain.items() if value != default]):
            raise InputError(
                f"Pooling of whole channels has no `{changed[0]}`, found {plain[changed[0]][0]!r}: leave it out."
            )
        settings: dict[str, Any] = {"kind": kind, "count_padding": bool(count_padding)}
        lists: dict[str, Any] = {"size": size, "stride": stride, "dilation": dilation}
        axes = next((len(v) for v in (*lists.values(), padding) if isinstance(v, Sequence | np.ndarray)), None)
        for name, value in lists.items():
            if value is not None and axes is None:
                value = whole(value, name, 1)
            elif value is not None:
                value = per_axis(value, axes or 0, name, 1)
            settings[name] = value
        settings["padding"] = paddings(padding, 1)[0][0] if axes is None else paddings(padding, axes)
        for name, value in settings.items():
            object.__setattr__(self, name, value)

    def windows(self, shape: Shape) -> Windows:
        """The windows on an input of this shape; raises `InputError` when there are none or one is all padding."""
        axes = len(shape) - 1
        given = [v for v in (self.size, self.stride, self.padding, self.dilation) if isinstance(v, tuple)]
        if axes < 1 or (given and len(given[0]) != axes):
            what = f"{len(given[0])}" if given else "at least one"
            raise InputError(f"`{self}` must get channels and {what} axes of space, found shape {shape}.")
        if self.size is None:
            return Windows(shape[1:], (1,) * axes, ((0, 0),) * axes, (1,) * axes)
        result = Windows(
            per_axis(self.size, axes, "size", 1),
            per_axis(self.size if self.stride is None else self.stride, axes, "stride", 1),
            paddings(self.padding, axes),
            per_axis(self.dilation, axes, "dilation", 1),
        )
        if min(result.counts(shape[1:])) < 1:
            raise InputError(f"`{self}` must fit into its padded input, found shape {shape}.")
        if self.kind == "max" or not self.count_padding:
            for axis, n in enumerate(shape[1:]):
                if not result.covered(axis, n).all():
                    raise InputError(f"`{self}` must have no window in the padding alone, found one for shape {shape}.")
        return result

    def divisors(self, shape: Shape) -> tuple[Counts, ...]:
        """For each axis and each window along it, the factor by which the average divides there."""
        windows = self.windows(shape)
        counts = windows.counts(shape[1:])
        if self.count_padding:
            return tuple(np.full(count, k) for count, k in zip(counts, windows.size, strict=True))
        return tuple(windows.covered(axis, n) for axis, n in enumerate(shape[1:]))

    def output_shape(self, *inputs: Shape) -> Shape:
        return (inputs[0][0], *self.windows(inputs[0]).counts(inputs[0][1:]))

    def __call__(self, x: Floats) -> Floats:
        windows = self.windows(x.shape[1:])
        if self.kind == "max":
            return windows.reduce(windows.padded(x, -np.inf), np.maximum)
        divisors = functools.reduce(np.multiply.outer, self.divisors(x.shape[1:]))
        return windows.reduce(windows.padded(x), np.add) / divisors

    def __repr__(self) -> str:
        parts = [self.kind, "whole channels" if self.size is None else f"size {self.size}"]
        parts += [f"stride {self.stride}"] * (self.stride is not None) + [f"padding {self.padding}"] * (
            self.padding != 0
        )
        parts += [f"dilation {self.dilation}"] * (self.dilation != 1)
        return f"Pooling({', '.join(parts)}{'' if self.count_padding else ', padding not counted'})"
