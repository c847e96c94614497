r"""Networks as acyclic graphs of layers.

Values are numbered: 0 is the input and $i + 1$ the output of `layers[i]`, which reads the values `wiring[i]`; the
last one is the output. A chain reads the value before. Everything is checked at construction: which values are read,
that all are used, and that shapes fit. Theorems on fully connected networks
$F(x) = \sigma_L(A_L\,\sigma_{L-1}(\cdots\sigma_1(A_1x + b_1)\cdots) + b_L)$ read off `weights` and `activations`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from numerics.arithmetic.enclosure import Floats, as_float_matrix
from numerics.evidence.errors import InputError
from numerics.networks.activations import ACTIVATIONS as ACTIVATIONS
from numerics.networks.activations import Activation as Activation
from numerics.networks.data import Data as Data
from numerics.networks.layers import Add as Add
from numerics.networks.layers import BatchNormalization as BatchNormalization
from numerics.networks.layers import Convolution as Convolution
from numerics.networks.layers import Dense as Dense
from numerics.networks.layers import Flatten as Flatten
from numerics.networks.layers import Layer as Layer
from numerics.networks.layers import Linear as Linear
from numerics.networks.layers import Pooling as Pooling
from numerics.networks.layers import Reshape as Reshape
from numerics.networks.layers import Scaling as Scaling
from numerics.networks.windows import Shape, per_axis, whole

if TYPE_CHECKING:
    from networkx import DiGraph

_BATCH = 2**24
"""About how many floats the forward pass of one batch may hold at a time (128 MB); a single sample may need more."""
_MOST_ROWS = 2048
_FULLY_CONNECTED = (Dense, Activation, Scaling, Flatten)


@dataclass(frozen=True, eq=False)
class LinearLayer:
    """A dense or convolution layer in its place: `number` is that of its output, so that it is `layers[number - 1]`."""

    number: int
    layer: Linear
    input_shape: Shape
    output_shape: Shape

    def __repr__(self) -> str:
        return f"layer {self.number}, {self.layer!r}"


@dataclass(frozen=True, eq=False, init=False)
class Network:
    r"""An acyclic graph of layers; call it on data to evaluate it.

    `layers` are in an order in which they can be computed, at least one of them `Dense` or `Convolution`; `wiring[i]`
    are the numbers of the values that `layers[i]` reads, by default `(i,)`. `Add` reads two or more values, every
    other layer one; every value but the last must be read. `input_shape` is that of one sample, (d,), (channels,
    length) or (channels, height, width); by default what the first layer with weights takes, if that is dense.
    `shapes` are the shapes of all values. `network(X)` maps n x d or n x *input_shape to n x k, flattened, float64.

    Raises `InputError` when the wiring or the shapes do not fit, `TypeError` for anything that is not a layer.
    """

    layers: tuple[Layer, ...]
    name: str
    wiring: tuple[tuple[int, ...], ...]
    shapes: tuple[Shape, ...]

    def __init__(
        self,
        layers: Sequence[Layer],
        name: str = "",
        *,
        input_shape: int | Sequence[int] | None = None,
        wiring: Sequence[Sequence[int]] | None = None,
    ) -> None:
        object.__setattr__(self, "layers", tuple(layers))
        object.__setattr__(self, "name", name)
        for layer in self.layers:
            if not isinstance(layer, Layer):
                raise TypeError(f"`layers` must hold layers such as `Dense` and `Activation`, found {_found(layer)}.")
        first = next((layer for layer in self.layers if isinstance(layer, Linear)), None)
        if first is None:
            raise InputError("`layers` must hold at least one `Dense` or `Convolution` layer, found none.")
        if input_shape is None:
            if not isinstance(first, Dense):
                raise InputError(
                    "`input_shape` must be given for a network whose first layer with weights is a convolution, "
                    f"found none: pass ({first.inputs}, {('length', 'height, width')[len(first.stride) - 1]})."
                )
            input_shape = (first.inputs,)
        given = input_shape if isinstance(input_shape, Sequence | np.ndarray) else (input_shape,)
        if not 1 <= len(given) <= 3:
            raise InputError(
                f"`input_shape` must be (d,), (channels, length) or (channels, height, width), found {input_shape!r}."
            )
        object.__setattr__(self, "wiring", self._checked_wiring(wiring))
        object.__setattr__(self, "shapes", self._checked_shapes(per_axis(given, len(given), "input_shape", 1)))

    def _checked_wiring(self, wiring: Sequence[Sequence[int]] | None) -> tuple[tuple[int, ...], ...]:
        if wiring is None:
            wiring = [(i,) for i in range(len(self.layers))]
        if len(wiring) != len(self.layers):
            raise InputError(
                f"`wiring` must hold one tuple for each of the {len(self.layers)} layers, found {len(wiring)}."
            )
        result = []
        for i, (layer, reads) in enumerate(zip(self.layers, wiring, strict=True)):
            if not isinstance(reads, Sequence) or isinstance(reads, str):
                raise InputError(f"`wiring[{i}]` must be a tuple of value numbers, found {reads!r}.")
            numbers = tuple(whole(v, f"wiring[{i}]", 0) for v in reads)
            if any(v > i for v in numbers):
                raise InputError(
                    f"Layer {i + 1}, `{layer}`, must read values computed before it, 0 to {i}, found {max(numbers)}."
                )
            if (len(numbers) < 2) if isinstance(layer, Add) else (len(numbers) != 1):
                needed = "two values or more" if isinstance(layer, Add) else "one value"
                raise InputError(f"Layer {i + 1}, `{layer}`, must read {needed}, found {len(numbers)}.")
            result.append(numbers)
        unused = set(range(len(self.layers))).difference(*result)
        if unused:
            what = f"of layer {min(unused)}, `{self.layers[min(unused) - 1]}`," if min(unused) else "0, the input,"
            raise InputError(f"Every value but the last must be read by a layer, found value {what} unused.")
        return tuple(result)

    def _checked_shapes(self, input_shape: Shape) -> tuple[Shape, ...]:
        shapes = [input_shape]
        for i, (layer, reads) in enumerate(zip(self.layers, self.wiring, strict=True)):
            try:
                shapes.append(layer.output_shape(*(shapes[v] for v in reads)))
            except InputError as error:
                sources = " and ".join(f"layer {v}, `{self.layers[v - 1]}`" if v else "the input" for v in reads)
                raise InputError(f"Layer {i + 1}: {error} It reads {sources}.") from error
        return tuple(shapes)

    # What it is made of.

    @property
    def input_shape(self) -> Shape:
        return self.shapes[0]

    @property
    def output_shape(self) -> Shape:
        return self.shapes[-1]

    @property
    def inputs(self) -> int:
        """The number of features of a sample."""
        return math.prod(self.input_shape)

    @property
    def outputs(self) -> int:
        return math.prod(self.output_shape)

    @property
    def is_chain(self) -> bool:
        """Whether each layer reads the one before."""
        return all(reads == (i,) for i, reads in enumerate(self.wiring))

    @property
    def is_fully_connected(self) -> bool:
        """Whether it is a chain of dense layers, activations, constant scalings and flattening."""
        return all(isinstance(layer, _FULLY_CONNECTED) for layer in self.layers)  # without `Add` it is a chain

    @property
    def linear_layers(self) -> tuple[LinearLayer, ...]:
        """The dense and convolution layers in their places, in the order of `layers`."""
        return tuple(
            LinearLayer(i + 1, layer, self.shapes[reads[0]], self.shapes[i + 1])
            for i, (layer, reads) in enumerate(zip(self.layers, self.wiring, strict=True))
            if isinstance(layer, Linear)
        )

    @property
    def depth(self) -> int:
        """The largest number of linear layers on a way from the input to the output; of a chain, all of them."""
        depths = [0]
        for layer, reads in zip(self.layers, self.wiring, strict=True):
            depths.append(max(depths[v] for v in reads) + isinstance(layer, Linear))
        return depths[-1]

    @property
    def has_bias(self) -> bool:
        """Whether some linear layer has a bias that is not zero."""
        return any(place.layer.has_bias for place in self.linear_layers)

    def graph(self) -> DiGraph:
        """The values as a networkx graph; nodes have the attributes `layer` (`None` for the input) and `shape`."""
        from networkx import DiGraph

        graph = DiGraph(name=self.name)
        for number, (layer, shape) in enumerate(zip((None, *self.layers), self.shapes, strict=True)):
            graph.add_node(number, layer=layer, shape=shape)
        graph.add_edges_from((v, i + 1) for i, reads in enumerate(self.wiring) for v in reads)
        return graph

    # Fully connected networks.

    def _fully_connected(self, what: str) -> None:
        for i, layer in enumerate(self.layers, 1):
            if not isinstance(layer, _FULLY_CONNECTED):
                raise InputError(
                    f"`{what}` needs a fully connected network (a chain of dense layers and activations), "
                    f"found layer {i}, `{layer}`: use `linear_layers`."
                )

    @property
    def dense(self) -> tuple[Dense, ...]:
        """The layers of a fully connected network that are dense; theorems number them from 1."""
        self._fully_connected("dense")
        return tuple(layer for layer in self.layers if isinstance(layer, Dense))

    @property
    def weights(self) -> tuple[Floats, ...]:
        self._fully_connected("weights")
        return tuple(layer.weight for layer in self.dense)

    @property
    def activations(self) -> tuple[tuple[Activation | Scaling, ...], ...]:
        """The activations and constant scalings after each dense layer of a fully connected network, with those
        before the first one in front: depth + 1 tuples."""
        self._fully_connected("activations")
        groups: list[list[Activation | Scaling]] = [[]]
        for layer in self.layers:
            if isinstance(layer, Dense):
                groups.append([])
            elif isinstance(layer, Activation | Scaling):
                groups[-1].append(layer)
        return tuple(tuple(group) for group in groups)

    @property
    def widths(self) -> tuple[int, ...]:
        """$(d_0, d_1, \\dots, d_L)$ of a fully connected network: inputs, then the outputs of each dense layer."""
        self._fully_connected("widths")
        return (self.dense[0].inputs, *(layer.outputs for layer in self.dense))

    def jump_failures(self) -> tuple[str, ...]:
        """One sentence for each activation that jumps, such as `sign`: bounds by norms of weights need Lipschitz constants."""
        return tuple(
            f"Layer {i}, `{layer}`, jumps: it has no Lipschitz constant, so that no norm of the weights bounds the network."
            for i, layer in enumerate(self.layers, 1)
            if isinstance(layer, Activation) and layer.jumps
        )

    def zero_failures(self) -> tuple[str, ...]:
        r"""Why some layer does not map 0 to 0, one sentence for each reason; empty when every layer does.

        Covering-number bounds such as Bartlett, Foster and Telgarsky (2017) need $\sigma_i(0) = 0$ and no biases.
        """
        failures = []
        for i, layer in enumerate(self.layers, 1):
            if isinstance(layer, Linear) and layer.has_bias:
                failures.append(
                    f"Layer {i}, `{layer}`, has a bias: absorb it into the weights (`absorb_biases`) or train without."
                )
            elif isinstance(layer, Activation) and layer.at_zero:
                failures.append(f"Layer {i}, `{layer}`, has sigma(0) = {layer.at_zero}, not 0.")
            elif isinstance(layer, BatchNormalization) and layer.moves_zero:
                failures.append(f"Layer {i}, `{layer}`, does not map 0 to 0: its shift acts as a bias.")
        return tuple(failures)

    # Evaluation.

    def samples(self, X: ArrayLike) -> Floats:
        """`X` as n x *input_shape float64; raises `InputError` when it is neither that nor n x d, and for NaN."""
        x = np.asarray(X)
        if x.ndim == len(self.input_shape) + 1 and x.shape[1:] == self.input_shape:
            return as_float_matrix(x, "X", x.ndim)
        if x.ndim > 2:
            raise InputError(f"`X` must have shape (n, {', '.join(map(str, self.input_shape))}), found {x.shape}.")
        x = as_float_matrix(x, "X")
        if x.shape[1] != self.inputs:
            raise InputError(f"`X` must have {self.inputs} columns, one for each input, found shape {x.shape}.")
        return x.reshape(x.shape[0], *self.input_shape)

    @property
    def batch_rows(self) -> int:
        """How many samples to evaluate together, so that memory stays bounded."""
        floats = sum(math.prod(shape) for shape in self.shapes)
        patches = [
            math.prod(place.output_shape[1:]) * math.prod(place.layer.weight.shape[1:]) * place.layer.groups
            for place in self.linear_layers
            if isinstance(place.layer, Convolution)
        ]
        return min(_MOST_ROWS, max(1, _BATCH // (floats + max(patches, default=0))))

    def steps(self) -> Iterator[tuple[int, Layer, tuple[int, ...], tuple[int, ...]]]:
        """For each layer: the number of its output, itself, what it reads, and the values nobody reads after it."""
        last = {v: i for i, reads in enumerate(self.wiring) for v in reads}
        for i, (layer, reads) in enumerate(zip(self.layers, self.wiring, strict=True)):
            yield i + 1, layer, reads, tuple(v for v in set(reads) if last[v] == i)

    def _evaluate(self, x: Floats) -> Floats:
        values: dict[int, Floats] = {0: x}
        for number, layer, reads, done in self.steps():
            values[number] = layer(*(values[v] for v in reads))
            for v in done:
                del values[v]
        return values[len(self.layers)].reshape(x.shape[0], self.outputs)

    def __call__(self, X: ArrayLike) -> Floats:
        x = self.samples(X)
        rows = self.batch_rows
        with np.errstate(over="ignore", invalid="ignore"):
            parts = [self._evaluate(x[start : start + rows]) for start in range(0, x.shape[0], rows)]
        return np.concatenate(parts) if parts else np.empty((0, self.outputs))

    def __repr__(self) -> str:
        name = f"{self.name!r}, " if self.name else ""
        texts = [
            str(layer) if reads == (i,) else f"{str(layer).removesuffix('()')}{list(reads)}"
            for i, (layer, reads) in enumerate(zip(self.layers, self.wiring, strict=True))
        ]
        return f"Network({name}{' -> '.join(texts)})"


def _found(value: Any) -> str:
    return f"`{value.__name__}` itself: call it" if isinstance(value, type) else type(value).__name__


def checked_references(network: Network, references: Sequence[ArrayLike | None]) -> tuple[Floats | None, ...]:
    """The references as float64, one for each linear layer, of the shape of its weight; `None` stays.

    Raises `InputError` when there are not as many as linear layers or a shape does not fit.
    """
    places = network.linear_layers
    if len(references) != len(places):
        raise InputError(
            f"`references` must hold one reference for each of the {len(places)} linear layers, found {len(references)}."
        )
    result: list[Floats | None] = []
    for i, (M, place) in enumerate(zip(references, places, strict=True)):
        weight = place.layer.weight
        matrix = None if M is None else as_float_matrix(M, f"references[{i}]", weight.ndim)
        if matrix is not None and matrix.shape != weight.shape:
            raise InputError(
                f"`references[{i}]` must have the shape {weight.shape} of {place!r}, found {matrix.shape}."
            )
        result.append(matrix)
    return tuple(result)
