"""Networks from the parts that a file names: layers are added by name, and all that cannot be read is listed at once."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numerics.arithmetic.enclosure import Floats
from numerics.evidence.errors import InputError
from numerics.networks.folding import fold_batch_normalization
from numerics.networks.layers import BatchNormalization, Convolution, Dense, Layer, Linear, Pooling, Reshape
from numerics.networks.network import Network
from numerics.networks.readers.files import MOST_MEMBERS, short
from numerics.networks.windows import Shape

MOST_VALUES = 2**27
"""A layer that makes more numbers than this of one sample (1 GB) is refused: a file may declare any shape."""
MOST_REUSE = 10
"""The weights of all layers may hold this many times as many numbers as the file, beyond `HARMLESS_NUMBERS`: layers may
share a tensor, and each has a copy."""
HARMLESS_NUMBERS = 2**23
MOST_CHANNELS = 2**20
"""The most channels, or flat values, that one number is made into a factor or a shift for."""
MOST_STEP = 2**16
"""The largest padding, stride, dilation or window."""


class Unsupported(Exception):
    """A layer or operator that cannot be read, or not as it is used; the text says how."""


class Assembly:
    """A network under construction.

    Values have the names that the file gives them. What a value is made of may be unknown, because its layer cannot be
    read; then so is everything behind it, and `network` raises one error that lists all such layers.
    """

    def __init__(self, source: str, kind: str, tensors: Iterable[NDArray[Any]] | None = None) -> None:
        """`source` is what is read and `kind` what else to save; `tensors` are those of the file, where layers may
        share them."""
        self.source, self.kind = source, kind
        numbers = math.inf if tensors is None else MOST_REUSE * sum(tensor.size for tensor in tensors)
        self.numbers_left = max(HARMLESS_NUMBERS, numbers)
        self.layers: list[Layer] = []
        self.wiring: list[tuple[int, ...]] = []
        self.shapes: list[Shape] = []
        self.numbers: dict[str, int | None] = {}
        self.unsupported: list[str] = []
        self.faults: list[InputError] = []

    def input(self, name: str, shape: Sequence[int]) -> None:
        """Name the one input of the network, with the shape of a sample: (d,), or channels first."""
        if self.shapes:
            raise InputError(f"`{self.source}` must have one input, found another one, `{short(name)}`.")
        shape = tuple(shape)
        if not 1 <= len(shape) <= 3 or any(type(n) is not int or n < 1 for n in shape):
            raise InputError(
                f"The input of `{self.source}` must be (d,), (channels, length) or (channels, height, width) for one "
                f"sample, found {short(shape)}."
            )
        self._checked(shape)
        self.shapes.append(shape)
        self.numbers[name] = 0

    def _checked(self, shape: Shape) -> Shape:
        if math.prod(shape) > MOST_VALUES:
            raise InputError(f"A value must have at most {MOST_VALUES} numbers for each sample, found shape {shape}.")
        return shape

    def _number(self, name: str) -> int | None:
        if name not in self.numbers:
            raise InputError(
                f"`{self.source}` must compute `{short(name)}` before it is used, found it nowhere before."
            )
        return self.numbers[name]

    def shape(self, name: str) -> Shape | None:
        """The shape of a value for one sample, `None` when it is unknown."""
        number = self._number(name)
        return None if number is None else self.shapes[number]

    def ones(self, channels: int) -> Floats:
        """Ones for all channels, of which a file may declare any number."""
        if channels > MOST_CHANNELS:
            raise InputError(f"`{self.source}` must scale or shift at most {MOST_CHANNELS} channels, found {channels}.")
        return np.ones(channels)

    def name(self, name: str, number: int | None) -> None:
        if name in self.numbers:
            raise InputError(f"`{self.source}` must give each value one name, found `{short(name)}` twice.")
        self.numbers[name] = number

    def same(self, name: str, read: str) -> None:
        """`name` is the value `read`."""
        self.name(name, self._number(read))

    def unknown(self, name: str, what: str) -> None:
        """`name` comes from a layer that cannot be read; `what` describes it in the list."""
        self.unsupported.append(what)
        self.name(name, None)

    @contextmanager
    def reading(self, name: str, part: str, of: object, needs: str) -> Iterator[None]:
        """While the value `name` is made by the layer or operator `of` (the word is `part`) of a file.

        What raises `Unsupported` is unknown from then on. Settings that are not of the types or sizes that every
        `of` has (`needs`) make Python raise an error of its own, which becomes an `InputError`.
        """
        try:
            yield
        except Unsupported as why:
            self.unknown(name, f"{of}{why}")
        except InputError:
            raise
        except (TypeError, ValueError, IndexError, KeyError, AttributeError, OverflowError) as error:
            raise InputError(
                f"`{self.source}`: the {part} {of} must have the {needs} of its kind, found others: {short(error, 100)}."
            ) from error

    def add(self, name: str, reads: Sequence[str], make: Callable[[], Layer], what: str = "") -> None:
        """`name` is the value of the layer that `make` builds; its faults are reported as those of layer `what`."""
        numbers = [self._number(read) for read in reads]
        if any(number is None for number in numbers):
            return self.name(name, None)
        known = tuple(number for number in numbers if number is not None)
        try:
            if len(self.layers) >= MOST_MEMBERS:
                raise InputError(f"A network must have at most {MOST_MEMBERS} layers, found more.")
            layer = make()
            if isinstance(layer, Convolution | Pooling):
                _check_steps(layer)
            self.numbers_left -= sum(part.size for part in vars(layer).values() if isinstance(part, np.ndarray))
            if self.numbers_left < 0:
                raise InputError(f"The layers must not use the tensors of the file more than {MOST_REUSE} times over.")
            shape = self._checked(layer.output_shape(*(self.shapes[number] for number in known)))
        except InputError as error:
            self.faults.append(InputError(f"`{self.source}`, layer {what or f'`{short(name)}`'}: {error}"))
            return self.name(name, None)
        self.layers.append(layer)
        self.wiring.append(known)
        self.shapes.append(shape)
        return self.name(name, len(self.layers))

    def check(self) -> None:
        """Raise an `InputError` of all layers that cannot be read, or else of the first fault, if there are any."""
        if self.unsupported:
            raise InputError(
                f"`{self.source}` has layers that cannot be read: {'; '.join(self.unsupported[:20])}"
                f"{f' and {len(self.unsupported) - 20} more' if len(self.unsupported) > 20 else ''}. {self.kind}"
            )
        if self.faults:
            raise self.faults[0]

    def network(self, output: str, title: str) -> Network:
        """The network from the input to `output` after `check`, without layers that it does not need and
        with batch normalisation folded into its neighbours.

        Where reshaping comes first, its result is the input: samples are the same numbers in the same order.
        """
        self.check()
        last = self._number(output)
        needed = {last}
        for number in range(len(self.layers), 0, -1):
            if number in needed:
                needed.update(self.wiring[number - 1])
        if last == 0 or not any(isinstance(self.layers[i - 1], Linear) for i in needed if i):
            raise InputError(f"`{self.source}` must have a dense or convolution layer before its output, found none.")
        kept = self._from_reshaped_input(sorted(number for number in needed if number is not None))
        places = {number: i for i, number in enumerate(kept)}
        network = Network(
            [self.layers[number - 1] for number in kept[1:]],
            title,
            input_shape=self.shapes[kept[0]],
            wiring=[tuple(places[read] for read in self.wiring[number - 1]) for number in kept[1:]],
        )
        self._check_folding(network)
        return fold_batch_normalization(network)

    def _from_reshaped_input(self, kept: Sequence[int]) -> Sequence[int]:
        """The numbers of values `kept`, in order, from the one that the input is reshaped to before anything reads it."""
        while True:
            start, *layers = kept
            readers = [number for number in layers if start in self.wiring[number - 1]]
            if len(readers) != 1 or not isinstance(self.layers[readers[0] - 1], Reshape):
                return kept
            kept = layers

    def _check_folding(self, network: Network) -> None:
        """Refuse what would take folding very long or very much memory, and no trained network has.

        These are normalisations of many flat values that would become a dense matrix of that size, and many products
        below the range of normal floats, each of which is rounded on its own. Float32 numbers give factors of at
        least $2^{-149}/2^{64}$ and weights of at least $2^{-149}$.
        """
        places = list(enumerate(zip(network.layers, network.wiring, strict=True), 1))
        for i, (layer, reads) in places:
            if not isinstance(layer, BatchNormalization):
                continue
            factor = np.abs(layer.scale) / np.sqrt(layer.variance + layer.epsilon)
            if (factor[factor > 0] < 2.0**-250).any() or (factor > 2.0**250).any():
                raise InputError(
                    f"`{self.source}` must normalise by factors of ordinary size, found {factor.min():.0e} to {factor.max():.0e}."
                )
            if len(network.shapes[i]) > 1 or layer.channels**2 < MOST_VALUES:
                continue
            behind = [j for j, others in enumerate(network.wiring) if i in others]
            while len(behind) == 1 and isinstance(network.layers[behind[0]], BatchNormalization):
                behind = [j for j, others in enumerate(network.wiring) if behind[0] + 1 in others]
            before = isinstance(network.layers[reads[0] - 1], Linear) if reads[0] else False
            if not before and not (len(behind) == 1 and isinstance(network.layers[behind[0]], Dense)):
                raise InputError(
                    f"`{self.source}` normalises {layer.channels} flat values one by one between other layers than "
                    "dense ones, which would become a matrix too large: put it next to a dense layer."
                )
        if any(isinstance(layer, BatchNormalization) for layer in network.layers):
            for place in network.linear_layers:
                size = np.abs(place.layer.weight)
                if np.count_nonzero((size > 0) & (size < 2.0**-520)) > 10_000:
                    raise InputError(
                        f"`{self.source}` must have weights of ordinary size, found many near 0 in {place}."
                    )


def _check_steps(layer: Convolution | Pooling) -> None:
    """Keep what windows allocate in proportion: a pooling layer lists the places that each window covers."""
    fields = [layer.stride, layer.padding, layer.dilation]
    fields.append(layer.weight.shape[2:] if isinstance(layer, Convolution) else layer.size)
    for field in fields:
        for value in field if isinstance(field, tuple) else (field,):
            if any(n is not None and n > MOST_STEP for n in (value if isinstance(value, tuple) else (value,))):
                raise InputError(f"Windows, strides and paddings must be at most {MOST_STEP}, found {short(field)}.")


def with_two_logits(network: Network) -> Network:
    r"""A network of one output $z$, the argument of a logistic function, with the two logits $(0, z)$ instead.

    Their softmax is $(1 - \sigma(z), \sigma(z))$. A dense layer at the end gets a row of zeros; behind any other
    layer comes the dense layer $(0\ 1)^\top$.
    """
    *layers, last = network.layers
    wiring = network.wiring
    if isinstance(last, Dense):
        bias = None if last.bias is None else [0.0, *last.bias]
        layers.append(Dense(np.vstack([np.zeros_like(last.weight), last.weight]), bias))
    else:
        layers += [last, Dense([[0.0], [1.0]])]
        wiring = (*wiring, (len(network.layers),))
    name = f"{network.name} (its one logistic output z as the two logits 0 and z)"
    return Network(layers, name, input_shape=network.input_shape, wiring=wiring)


def same_padding(
    shape: Shape, size: Sequence[int], stride: Sequence[int], dilation: Sequence[int]
) -> list[tuple[int, int]]:
    """The padding with which each axis has ceil(length / stride) windows; an odd place stands behind (TensorFlow)."""
    pairs = []
    for n, k, s, d in zip(shape[1:], size, stride, dilation, strict=True):
        total = max((-(-n // s) - 1) * s + d * (k - 1) + 1 - n, 0)
        pairs.append((total // 2, total - total // 2))
    return pairs
