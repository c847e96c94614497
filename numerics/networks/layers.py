r"""The layers of a network: plain data that knows its shapes and its float64 forward pass.

Arrays have the batch in front, then channels, then space: (n, channels, length) or (n, channels, height, width); flat
values are (n, d). `output_shape` speaks of one sample and raises `InputError` for shapes that a layer cannot take.
Convolution is the cross-correlation of PyTorch and ONNX.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from numerics.arithmetic.enclosure import Floats, as_float_matrix
from numerics.evidence.errors import InputError
from numerics.networks.activations import Activation
from numerics.networks.convolution import Convolution as Convolution
from numerics.networks.convolution import Pooling as Pooling
from numerics.networks.convolution import frozen, store_weight
from numerics.networks.windows import Shape, per_axis


def _real(value: Any, name: str) -> float:
    if isinstance(value, bool | np.bool_) or not isinstance(value, int | float | np.integer | np.floating):
        raise TypeError(f"`{name}` must be a real number, found {type(value).__name__}.")
    if not math.isfinite(number := float(value)):
        raise InputError(f"`{name}` must be finite, found {value}.")
    return number


@dataclass(frozen=True, eq=False, init=False)
class Dense:
    r"""The layer $x \mapsto Wx + b$; `weight` $W$ is d_out x d_in, `bias` $b$ has d_out entries or is `None`.

    Both are kept as read-only float64 copies. Raises `InputError` for NaN or infinity, an empty weight, or a bias of
    another length.
    """

    weight: Floats
    bias: Floats | None

    def __init__(self, weight: ArrayLike, bias: ArrayLike | None = None) -> None:
        store_weight(self, as_float_matrix(weight, "weight"), bias)

    @property
    def inputs(self) -> int:
        return self.weight.shape[1]

    @property
    def outputs(self) -> int:
        return self.weight.shape[0]

    @property
    def has_bias(self) -> bool:
        """Whether there is a bias that is not zero."""
        return self.bias is not None and bool(self.bias.any())

    def output_shape(self, *inputs: Shape) -> Shape:
        if inputs[0] != (self.inputs,):
            hint = ": put a `Flatten` before it" if math.prod(inputs[0]) == self.inputs else ""
            raise InputError(f"`{self}` must get {self.inputs} values, found shape {inputs[0]}{hint}.")
        return (self.outputs,)

    def __call__(self, x: Floats) -> Floats:
        y = x @ self.weight.T
        return y if self.bias is None else y + self.bias

    def __repr__(self) -> str:
        return f"Dense({self.outputs} x {self.inputs}{', bias' if self.bias is not None else ''})"


@dataclass(frozen=True)
class Flatten:
    """All axes of a sample as one, the last running fastest."""

    def output_shape(self, *inputs: Shape) -> Shape:
        return (math.prod(inputs[0]),)

    def __call__(self, x: Floats) -> Floats:
        return x.reshape(x.shape[0], -1) if x.size else x.reshape(x.shape[0], math.prod(x.shape[1:]))

    def __repr__(self) -> str:
        return "Flatten()"


@dataclass(frozen=True)
class Reshape:
    """The numbers of a sample in another `shape`, in the same order, the last axis running fastest."""

    shape: Shape

    def __post_init__(self) -> None:
        shape = tuple(self.shape) if isinstance(self.shape, Sequence) else ()
        if not 1 <= len(shape) <= 3:
            raise InputError(f"`shape` must be that of a sample, with one to three axes, found {self.shape!r}.")
        object.__setattr__(self, "shape", per_axis(shape, len(shape), "shape", 1))

    def output_shape(self, *inputs: Shape) -> Shape:
        if math.prod(inputs[0]) != math.prod(self.shape):
            raise InputError(f"`{self}` must get {math.prod(self.shape)} numbers, found shape {inputs[0]}.")
        return self.shape

    def __call__(self, x: Floats) -> Floats:
        return x.reshape(x.shape[0], *self.shape)


@dataclass(frozen=True)
class Scaling:
    r"""The layer $x \mapsto cx$ with the constant $c$ = `factor`, finite; it may stand where an activation does."""

    factor: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "factor", _real(self.factor, "factor"))

    @property
    def lipschitz(self) -> float:
        return abs(self.factor)

    @property
    def at_zero(self) -> float:
        return 0.0

    @property
    def keeps_one(self) -> bool:
        return self.factor == 1

    def output_shape(self, *inputs: Shape) -> Shape:
        return inputs[0]

    def __call__(self, x: Floats) -> Floats:
        return x * self.factor

    def __repr__(self) -> str:
        return f"Scaling({self.factor!r})"


@dataclass(frozen=True)
class Add:
    """The sum of two or more values of one shape, such as the end of a residual block."""

    def output_shape(self, *inputs: Shape) -> Shape:
        if len(set(inputs)) != 1:
            raise InputError(f"`Add()` must get values of one shape, found {' and '.join(str(s) for s in inputs)}.")
        return inputs[0]

    def __call__(self, *x: Floats) -> Floats:
        total = x[0] + x[1]
        for value in x[2:]:
            total += value
        return total

    def __repr__(self) -> str:
        return "Add()"


@dataclass(frozen=True, eq=False, init=False)
class BatchNormalization:
    r"""Batch normalisation in inference form, for each channel: $y = s\,(x - \mu)/\sqrt{v + \varepsilon} + t$.

    `mean` $\mu$, `variance` $v$, `scale` $s$ and `shift` $t$ have one entry for each channel; $s$ is 1 and $t$ is 0
    by default. Raises `InputError` for NaN or infinity, lengths that differ, a negative variance or $\varepsilon$,
    or $v + \varepsilon = 0$. `fold_batch_normalization` makes it part of a linear layer.
    """

    mean: Floats
    variance: Floats
    scale: Floats
    shift: Floats
    epsilon: float

    def __init__(
        self,
        mean: ArrayLike,
        variance: ArrayLike,
        scale: ArrayLike | None = None,
        shift: ArrayLike | None = None,
        epsilon: float = 1e-5,
    ) -> None:
        first = as_float_matrix(mean, "mean", 1)
        if not first.size:
            raise InputError("`mean` must have at least one entry, found none.")
        scale = np.ones_like(first) if scale is None else scale
        shift = np.zeros_like(first) if shift is None else shift
        for name, value in (("mean", first), ("variance", variance), ("scale", scale), ("shift", shift)):
            array = as_float_matrix(value, name, 1)
            if array.shape != first.shape:
                raise InputError(f"`{name}` must have {first.size} entries as `mean`, found {array.size}.")
            object.__setattr__(self, name, frozen(array))
        object.__setattr__(self, "epsilon", _real(epsilon, "epsilon"))
        if self.epsilon < 0:
            raise InputError(f"`epsilon` must be >= 0, found {self.epsilon}.")
        if (self.variance < 0).any():
            raise InputError(f"`variance` must be >= 0, found {self.variance.min()}.")
        if not (self.variance + self.epsilon > 0).all():
            raise InputError("`variance` + `epsilon` must be > 0, found 0.")

    @property
    def channels(self) -> int:
        return self.mean.size

    @property
    def moves_zero(self) -> bool:
        r"""Whether 0 is not mapped to 0: $t\sqrt{v + \varepsilon} \ne s\mu$, decided exactly."""
        for m, v, s, t in zip(*(a.tolist() for a in (self.mean, self.variance, self.scale, self.shift)), strict=True):
            left, right = Fraction(t), Fraction(s) * Fraction(m)
            if left * right < 0 or left**2 * (Fraction(v) + Fraction(self.epsilon)) != right**2:
                return True
        return False

    def output_shape(self, *inputs: Shape) -> Shape:
        if inputs[0][0] != self.channels:
            raise InputError(f"`{self}` must get {self.channels} channels, found shape {inputs[0]}.")
        return inputs[0]

    def __call__(self, x: Floats) -> Floats:
        factor = self.scale / np.sqrt(self.variance + self.epsilon)
        shape = (-1, *[1] * (x.ndim - 2))
        return x * factor.reshape(shape) + (self.shift - self.mean * factor).reshape(shape)

    def __repr__(self) -> str:
        return f"BatchNormalization({self.channels})"


Layer = Dense | Convolution | Pooling | Flatten | Reshape | Scaling | Activation | Add | BatchNormalization
Linear = Dense | Convolution
