r"""Fully connected networks as plain data: dense layers, activations, and the labelled data they are evaluated on.

A `Network` computes $F(x) = \sigma_L(A_L\,\sigma_{L-1}(\cdots\sigma_1(A_1x + b_1)\cdots) + b_L)$ in float64. Weights
are $d_i \times d_{i-1}$, data has one sample per *row*. What theorems need to know of an activation, its best
Lipschitz constant and its value at 0, stands in one table, `ACTIVATIONS`.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from numerics.arithmetic.enclosure import Floats, as_float_matrix
from numerics.evidence.errors import InputError


@dataclass(frozen=True)
class Kind:
    r"""What is known of a family of activations $\sigma_s$, $s$ the slope where the family has one.

    `lipschitz` is the best constant and `zero` is $\sigma(0)$, both exact in binary; `keeps_one` says that
    $\sigma(1) = 1$.
    """

    apply: Callable[[Floats, float], Floats]
    lipschitz: Callable[[float], float]
    zero: float
    keeps_one: bool


def _sigmoid(x: Floats) -> Floats:
    y = np.exp(-np.abs(x))
    return np.where(x >= 0, 1.0, y) / (1 + y)


ACTIVATIONS: Mapping[str, Kind] = {
    "relu": Kind(lambda x, s: np.maximum(x, 0.0), lambda s: 1.0, 0.0, True),
    "leaky_relu": Kind(lambda x, s: np.where(x >= 0, x, s * x), lambda s: max(1.0, abs(s)), 0.0, True),
    "abs": Kind(lambda x, s: np.abs(x), lambda s: 1.0, 0.0, True),
    "identity": Kind(lambda x, s: x, lambda s: 1.0, 0.0, True),
    "tanh": Kind(lambda x, s: np.tanh(x), lambda s: 1.0, 0.0, False),
    "sigmoid": Kind(lambda x, s: _sigmoid(x), lambda s: 0.25, 0.5, False),
}
"""The activations, by name. `leaky_relu` alone has a slope, 0.01 by default; `logistic` is read as `sigmoid`."""

_TEXT = re.compile(r"\s*(\w+)\s*(?:\(\s*([^()\s]+)\s*\))?\s*")
_OTHER_NAMES = {"logistic": "sigmoid", "linear": "identity"}


@dataclass(frozen=True)
class Activation:
    r"""An activation, applied entry by entry.

    `name` is one of `ACTIVATIONS`, or `logistic` for `sigmoid`, or `linear` for `identity`; `slope` belongs to
    `leaky_relu`, $\sigma(x) = x$ for $x \ge 0$ and slope $\cdot\, x$ below. Raises `InputError` for an unknown name, a
    slope that is not finite, or a slope where there is none.
    """

    name: str
    slope: float | None = None

    def __post_init__(self) -> None:
        name = _OTHER_NAMES.get(self.name, self.name)
        if name not in ACTIVATIONS:
            near = difflib.get_close_matches(str(self.name), [*ACTIVATIONS, *_OTHER_NAMES], 1)
            hint = f"did you mean `{near[0]}`?" if near else f"use one of {', '.join(ACTIVATIONS)}."
            raise InputError(f"`{self.name}` is not a known activation: {hint}")
        slope = self.slope
        if name == "leaky_relu":
            slope = 0.01 if slope is None else float(slope)
            if not np.isfinite(slope):
                raise InputError(f"The slope of `leaky_relu` must be finite, found {slope}.")
        elif slope is not None:
            raise InputError(f"`{name}` has no slope, found {slope}: leave it out, or use `leaky_relu`.")
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "slope", slope)

    @classmethod
    def from_text(cls, text: str) -> Activation:
        """The activation written as `relu` or `leaky_relu(0.1)`, which is what `str` gives back."""
        match = _TEXT.fullmatch(text)
        try:
            slope = float(match[2]) if match and match[2] else None
        except ValueError:
            match, slope = None, None
        if match is None:
            raise InputError(f"An activation is written `relu` or `leaky_relu(0.1)`, found {text[:40]!r}.")
        return cls(match[1], slope)

    def __str__(self) -> str:
        return self.name if self.slope is None else f"{self.name}({self.slope!r})"

    @property
    def _kind(self) -> Kind:
        return ACTIVATIONS[self.name]

    @property
    def lipschitz(self) -> float:
        """The best Lipschitz constant, an exact float."""
        return self._kind.lipschitz(self.slope or 0.0)

    @property
    def at_zero(self) -> float:
        r"""$\sigma(0)$, exactly."""
        return self._kind.zero

    @property
    def keeps_one(self) -> bool:
        r"""Whether $\sigma(1) = 1$, so that a constant feature passes through."""
        return self._kind.keeps_one

    def __call__(self, x: Floats) -> Floats:
        return self._kind.apply(x, self.slope or 0.0)


def _frozen(array: NDArray[Any]) -> NDArray[Any]:
    copy = array.copy()
    copy.setflags(write=False)
    return copy


@dataclass(frozen=True, eq=False, init=False)
class Dense:
    r"""The layer $x \mapsto Wx + b$; `weight` $W$ is d_out x d_in, `bias` $b$ has d_out entries or is `None`.

    Both are kept as read-only float64 copies. Raises `InputError` for NaN or infinity, an empty weight, or a bias of
    another length.
    """

    weight: Floats
    bias: Floats | None

    def __init__(self, weight: ArrayLike, bias: ArrayLike | None = None) -> None:
        weight = as_float_matrix(weight, "weight")
        if weight.size == 0:
            raise InputError(f"`weight` must have at least one row and one column, found shape {weight.shape}.")
        if bias is not None:
            bias = as_float_matrix(bias, "bias", dimensions=1)
            if bias.shape[0] != weight.shape[0]:
                raise InputError(
                    f"`bias` must have one entry for each of the {weight.shape[0]} rows of `weight` "
                    f"{weight.shape}, found {bias.shape[0]}."
                )
        object.__setattr__(self, "weight", _frozen(weight))
        object.__setattr__(self, "bias", None if bias is None else _frozen(bias))

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

    def __call__(self, x: Floats) -> Floats:
        y = x @ self.weight.T
        return y if self.bias is None else y + self.bias

    def __repr__(self) -> str:
        return f"Dense({self.outputs} x {self.inputs}{', bias' if self.bias is not None else ''})"


Layer = Dense | Activation


@dataclass(frozen=True, eq=False, init=False)
class Network:
    r"""Layers in the order in which they are applied; call it on data to evaluate it.

    `layers` are `Dense` and `Activation` in any order, at least one of them dense; consecutive dense layers must fit.
    `network(X)` maps n x d float64 to n x k. Raises `InputError` when the layers do not chain or none is dense,
    `TypeError` for anything that is not a layer.
    """

    layers: tuple[Layer, ...]
    name: str

    def __init__(self, layers: Sequence[Layer], name: str = "") -> None:
        object.__setattr__(self, "layers", tuple(layers))
        object.__setattr__(self, "name", name)
        for layer in self.layers:
            if not isinstance(layer, Dense | Activation):
                raise TypeError(f"`layers` must hold `Dense` and `Activation`, found {type(layer).__name__}.")
        if not self.dense:
            raise InputError("`layers` must hold at least one `Dense` layer, found none.")
        for i, (first, second) in enumerate(zip(self.dense, self.dense[1:], strict=False), 1):
            if first.outputs != second.inputs:
                raise InputError(
                    f"Dense layers {i} and {i + 1} must chain: layer {i} ({first.outputs} x {first.inputs}) gives "
                    f"{first.outputs} values, layer {i + 1} ({second.outputs} x {second.inputs}) takes {second.inputs}."
                )

    @property
    def dense(self) -> tuple[Dense, ...]:
        """The dense layers; theorems number them from 1."""
        return tuple(layer for layer in self.layers if isinstance(layer, Dense))

    @property
    def weights(self) -> tuple[Floats, ...]:
        return tuple(layer.weight for layer in self.dense)

    @property
    def activations(self) -> tuple[tuple[Activation, ...], ...]:
        """The activations after each dense layer, with those before the first one in front: depth + 1 tuples."""
        groups: list[list[Activation]] = [[]]
        for layer in self.layers:
            if isinstance(layer, Dense):
                groups.append([])
            else:
                groups[-1].append(layer)
        return tuple(tuple(group) for group in groups)

    @property
    def depth(self) -> int:
        """The number of dense layers."""
        return len(self.dense)

    @property
    def widths(self) -> tuple[int, ...]:
        """$(d_0, d_1, \\dots, d_L)$: inputs, then the outputs of each dense layer."""
        return (self.dense[0].inputs, *(layer.outputs for layer in self.dense))

    @property
    def inputs(self) -> int:
        return self.widths[0]

    @property
    def outputs(self) -> int:
        return self.widths[-1]

    @property
    def has_bias(self) -> bool:
        """Whether some dense layer has a bias that is not zero."""
        return any(layer.has_bias for layer in self.dense)

    def zero_failures(self) -> tuple[str, ...]:
        r"""Why some layer does not map 0 to 0, one sentence for each reason; empty when every layer does.

        Covering-number bounds such as Bartlett, Foster and Telgarsky (2017) need $\sigma_i(0) = 0$ and no biases.
        """
        failures = [
            f"Dense layer {i} has a bias: absorb it into the weights (`absorb_biases`) or train without."
            for i, layer in enumerate(self.dense, 1)
            if layer.has_bias
        ]
        for i, group in enumerate(self.activations):
            where = f"after dense layer {i}" if i else "before dense layer 1"
            failures += [f"The activation `{a}` {where} has sigma(0) = {a.at_zero}, not 0." for a in group if a.at_zero]
        return tuple(failures)

    def __call__(self, X: ArrayLike) -> Floats:
        x = as_float_matrix(X, "X")
        if x.shape[1] != self.inputs:
            raise InputError(f"`X` must have {self.inputs} columns, one for each input, found shape {x.shape}.")
        with np.errstate(over="ignore", invalid="ignore"):
            for layer in self.layers:
                x = layer(x)
        return x

    def __repr__(self) -> str:
        name = f"{self.name!r}, " if self.name else ""
        return f"Network({name}{' -> '.join(str(layer) for layer in self.layers)})"


def absorb_biases(
    network: Network, references: Sequence[ArrayLike] | None = None
) -> tuple[Network, tuple[Floats, ...] | None]:
    r"""A network without biases that gives, on data with a last feature 1 (`Data.with_constant`), the same outputs.

    Each weight becomes $\begin{pmatrix} W & b \\ 0 & 1\end{pmatrix}$, the last one $(W \; b)$, so that the constant
    runs along as one more neuron; this needs $\sigma(1) = 1$ (relu, leaky_relu, abs, identity) of every activation
    but the last group, and `InputError` says so otherwise. Reference matrices get the same last row and the column 0:
    the constant neuron then costs nothing in $\|A_i - M_i\|$. Returns the network and the references (or `None`).

    Bounds of the new network are bounds of the old one, in terms of the larger norms.
    """
    last = network.depth
    for i, group in enumerate(network.activations[:-1]):
        for activation in group:
            if not activation.keeps_one:
                where = f"after dense layer {i}" if i else "before dense layer 1"
                raise InputError(
                    f"The activation `{activation}` {where} must keep a constant feature, sigma(1) = 1, to absorb "
                    "biases: only relu, leaky_relu, abs and identity do."
                )

    def widened(weight: Floats, column: Floats | float, number: int) -> Floats:
        rows, columns = weight.shape
        result = np.zeros((rows + (number < last), columns + 1))
        result[:rows, :columns] = weight
        result[:rows, columns] = column
        if number < last:
            result[rows, columns] = 1.0
        return result

    layers: list[Layer] = []
    number = 0
    for layer in network.layers:
        if isinstance(layer, Dense):
            number += 1
            layer = Dense(widened(layer.weight, 0.0 if layer.bias is None else layer.bias, number))
        layers.append(layer)
    changed = Network(layers, f"{network.name} (biases absorbed)".strip())
    if references is None:
        return changed, None
    matrices = checked_references(network, references)
    return changed, tuple(widened(M, 0.0, i) for i, M in enumerate(matrices, 1))


def checked_references(network: Network, references: Sequence[ArrayLike]) -> tuple[Floats, ...]:
    """The reference matrices as float64, one for each dense layer, of its shape; raises `InputError` otherwise."""
    if len(references) != network.depth:
        raise InputError(
            f"`references` must hold one matrix for each of the {network.depth} dense layers, found {len(references)}."
        )
    matrices = tuple(as_float_matrix(M, f"references[{i}]") for i, M in enumerate(references))
    for i, (M, layer) in enumerate(zip(matrices, network.dense, strict=True)):
        if M.shape != layer.weight.shape:
            raise InputError(
                f"`references[{i}]` must have the shape {layer.weight.shape} of dense layer {i + 1}, found {M.shape}."
            )
    return matrices


@dataclass(frozen=True, eq=False, init=False)
class Data:
    r"""Labelled data: `X` is n x d (a sample in each row, float64), `y` has n class numbers, counted from 0.

    Both are kept as read-only copies. Raises `InputError` for NaN or infinity, no samples, labels that are not
    integers or negative, or lengths that differ; whether labels are below the number of classes is checked against a
    network (`margins`).
    """

    X: Floats
    y: NDArray[np.int64]

    def __init__(self, X: ArrayLike, y: ArrayLike) -> None:
        X = as_float_matrix(X, "X")
        if X.size == 0:
            raise InputError(f"`X` must have at least one sample and one feature, found shape {X.shape}.")
        y = np.asarray(y)
        if y.dtype.kind not in "iu":
            raise InputError(f"`y` must hold integer class numbers, found dtype {y.dtype}: convert it to int64.")
        if y.shape != (X.shape[0],):
            raise InputError(f"`y` must have shape ({X.shape[0]},), one label for each row of `X`, found {y.shape}.")
        if int(y.min()) < 0 or int(y.max()) >= 2**31:
            worst = int(y.min()) if int(y.min()) < 0 else int(y.max())
            raise InputError(f"`y` must hold class numbers counted from 0, found the label {worst}.")
        object.__setattr__(self, "X", _frozen(X))
        object.__setattr__(self, "y", _frozen(y.astype(np.int64)))

    def __len__(self) -> int:
        return self.X.shape[0]

    def with_constant(self) -> Data:
        """The same data with one more feature, constantly 1, behind the others; see `absorb_biases`."""
        return Data(np.hstack([self.X, np.ones((len(self), 1))]), self.y)

    def __repr__(self) -> str:
        return f"Data({self.X.shape[0]} samples, {self.X.shape[1]} features, labels {self.y.min()} to {self.y.max()})"
