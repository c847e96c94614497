r"""Where the windows of convolution and pooling stand: sizes, strides, padding and dilation, one for each axis.

Window $o$ along an axis covers the places $s\,o + d\,t - p$, $t = 0, \dots, k-1$, of the input, with $k$ the size, $s$
the stride, $d$ the dilation and $p$ the padding before it; places outside the input are padding. An input of length
$n$ has $\lfloor (n + p + p' - d(k-1) - 1)/s \rfloor + 1$ windows, $p'$ the padding behind it.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numerics.arithmetic.enclosure import Floats
from numerics.evidence.errors import InputError

Shape = tuple[int, ...]
Counts = NDArray[np.int64]


def whole(value: Any, name: str, least: int) -> int:
    """`value` as an integer of at least `least`; `InputError` otherwise."""
    try:
        number = operator.index(value)
    except TypeError:
        number = None
    if number is None or isinstance(value, bool | np.bool_) or not least <= number < 2**31:
        raise InputError(f"`{name}` must be an integer of at least {least}, found {value!r}.")
    return number


def per_axis(value: Any, axes: int, name: str, least: int) -> tuple[int, ...]:
    """One integer for each axis, from one for all or one for each."""
    values = list(value) if isinstance(value, Sequence | np.ndarray) else [value] * axes
    if len(values) != axes:
        raise InputError(f"`{name}` must be one integer or one for each of the {axes} axes, found {value!r}.")
    return tuple(whole(v, name, least) for v in values)


def paddings(value: Any, axes: int) -> tuple[tuple[int, int], ...]:
    """One pair (before, after) for each axis, from one integer for all, or an integer or a pair for each."""
    if isinstance(value, str):
        raise InputError(f"`padding` must be integers, 'same' or 'valid', found {value!r}.")
    values = list(value) if isinstance(value, Sequence | np.ndarray) else [value] * axes
    if len(values) != axes:
        raise InputError(
            f"`padding` must be one integer, or an integer or a pair (before, after) for each of the {axes} axes, "
            f"found {value!r}."
        )
    pairs = []
    for v in values:
        pair = list(v) if isinstance(v, Sequence | np.ndarray) else [v, v]
        if len(pair) != 2:
            raise InputError(f"`padding` must have an integer or a pair (before, after) for an axis, found {v!r}.")
        pairs.append((whole(pair[0], "padding", 0), whole(pair[1], "padding", 0)))
    return tuple(pairs)


@dataclass(frozen=True)
class Windows:
    """Windows along all spatial axes; the fields are as in the head of this file."""

    size: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[tuple[int, int], ...]
    dilation: tuple[int, ...]

    @property
    def cells(self) -> int:
        """The number of places in a window."""
        return int(np.prod(self.size))

    @property
    def is_padded(self) -> bool:
        return any(before or after for before, after in self.padding)

    def counts(self, lengths: Shape) -> tuple[int, ...]:
        """The number of windows along each axis of an input with these lengths; not positive where there are none."""
        return tuple(
            (n + sum(p) - d * (k - 1) - 1) // s + 1
            for n, k, s, p, d in zip(lengths, self.size, self.stride, self.padding, self.dilation, strict=True)
        )

    def padded(self, x: Floats, fill: float = 0.0, *, circular: bool = False) -> Floats:
        """`x` with its last axes padded."""
        if not self.is_padded:
            return x
        pairs = [(0, 0)] * (x.ndim - len(self.padding)) + list(self.padding)
        return np.pad(x, pairs, mode="wrap") if circular else np.pad(x, pairs, constant_values=fill)

    def view(self, padded: Floats) -> Floats:
        """A read-only view of (..., *lengths), padded already, as (..., *counts, *size): each window of the input."""
        reach = tuple(d * (k - 1) + 1 for k, d in zip(self.size, self.dilation, strict=True))
        axes = tuple(range(-len(reach), 0))
        steps = tuple(slice(None, None, s) for s in (*self.stride, *self.dilation))
        return np.lib.stride_tricks.sliding_window_view(padded, reach, axes)[(..., *steps)]

    def reduce(self, padded: Floats, join: np.ufunc) -> Floats:
        """Each window joined by a ufunc such as `np.add`, axis by axis: (..., *counts)."""
        for axis, (k, s, d) in enumerate(zip(self.size, self.stride, self.dilation, strict=True)):
            x = np.moveaxis(padded, axis - len(self.size), 0)
            count = (x.shape[0] - d * (k - 1) - 1) // s + 1
            result = x[: s * (count - 1) + 1 : s].copy()
            for t in range(1, k):
                join(result, x[d * t : d * t + s * (count - 1) + 1 : s], out=result)
            padded = np.moveaxis(result, 0, axis - len(self.size))
        return padded

    def places(self, axis: int, length: int, *, circular: bool = False) -> Counts:
        """The place of the input that each window reads at each tap along one axis, windows x taps; -1 for zero padding."""
        k, s, (before, after), d = self.size[axis], self.stride[axis], self.padding[axis], self.dilation[axis]
        count = (length + before + after - d * (k - 1) - 1) // s + 1
        read = s * np.arange(count)[:, None] + d * np.arange(k) - before
        return read % length if circular else np.where((read >= 0) & (read < length), read, -1)

    def incidence(self, axis: int, length: int) -> tuple[Counts, Counts]:
        """All pairs (window, place of the input that it covers) along one axis, as two arrays."""
        places = self.places(axis, length)
        inside = places >= 0
        return np.nonzero(inside)[0], places[inside]

    def covered(self, axis: int, length: int) -> Counts:
        """How many places of the input each window covers along one axis."""
        count = length + sum(self.padding[axis]) - self.dilation[axis] * (self.size[axis] - 1) - 1
        return np.bincount(self.incidence(axis, length)[0], minlength=count // self.stride[axis] + 1)
