r"""Networks of Keras 3 `.keras` files, read without Keras; needs h5py (`pip install 'theorems[models]'`).

Such a file is a zip archive of `config.json`, the layers and their wiring, and `model.weights.h5`. Sequential and
functional models of the layers in `LAYERS` are read, also inside each other; every other layer is listed by name in one error, and nothing in
the configuration is ever called. A softmax at the end is left out: the network stops at the logits.

Keras puts channels last, `Network` puts them in front. Kernels are transposed, and behind a `Flatten` the columns of
the next dense layer are permuted, so that the function is the same; its images are n x channels x height x width, so
data with more than one channel must be transposed (`X.transpose(0, 3, 1, 2)`). Where no layer looks at space, the
input is flat, in the order of the file.
"""

from __future__ import annotations

import graphlib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numerics.evidence.errors import InputError
from numerics.networks.network import Network
from numerics.networks.readers.assembly import Assembly
from numerics.networks.readers.files import MOST_TEXT, Archive, json_object, short
from numerics.networks.readers.keras.config import MODELS
from numerics.networks.readers.keras.hdf5 import read_hdf5
from numerics.networks.readers.keras.layers import LAYERS
from numerics.networks.readers.keras.wiring import Wiring

_CONFIG, _WEIGHTS = "config.json", "model.weights.h5"
_GROUP = r"(?:layers/[^/]+/)*layers/[^/]+"


def looks_like(members: Mapping[str, object]) -> bool:
    """Whether a zip archive with these members is a Keras file."""
    return _CONFIG in members and any(name.startswith("model.weights") for name in members)


def read_keras(path: Path) -> Network:
    """The network in a `.keras` file. Raises `InputError` for every fault and for layers that cannot be read."""
    with Archive(path, "a Keras") as archive:
        if _WEIGHTS not in archive.members or _CONFIG not in archive.members:
            raise InputError(f"`{path}` must hold `{_CONFIG}` and `{_WEIGHTS}`, found one of them missing.")
        config = json_object(archive.bytes(_CONFIG, MOST_TEXT), f"`{_CONFIG}` of `{path}`")
        model = Model(path, config)
        model.check()
        tensors, names = read_hdf5(path, archive.bytes(_WEIGHTS), f"Member `{_WEIGHTS}`")
    return model.network(tensors, names)


class Model(Wiring):
    """A model of Keras, and the network that grows from it."""

    def check(self) -> None:
        """List the layers of unknown classes before anything is read."""
        for layer in self.layers:
            if layer.kind not in LAYERS:
                self.unsupported.append(str(layer))
            elif "Quantized" in str(layer.config.get("dtype")) or layer.config.get("quantization_config"):
                self.unsupported.append(f"{layer} with quantized weights")
        self._assembly([]).check()

    def _assembly(self, tensors: Iterable[NDArray[Any]]) -> Assembly:
        kind = "Save a network of dense, convolution, pooling and activation layers with residual additions."
        assembly = Assembly(str(self.path), kind, tensors)
        assembly.unsupported += self.unsupported
        return assembly

    def network(self, tensors: Mapping[str, NDArray[Any]], names: Mapping[str, str]) -> Network:
        self.assembly = self._assembly(tensors.values())
        self._find_variables(tensors, names)
        sorter = graphlib.TopologicalSorter({value: reads for value, (_, reads) in self.uses.items()})
        try:
            order = list(sorter.static_order())
        except graphlib.CycleError as error:
            raise InputError(f"`{self.path}` must be wired without a circle, found one.") from error
        for value in [self.output, *order]:
            if value not in self.uses:
                raise InputError(f"`{self.path}` must compute `{short(value)}`, which is used, found it nowhere.")
        while self.uses[self.output][0].kind in MODELS:
            (self.output,) = self.uses[self.output][1]
        for value in order:
            layer, reads = self.uses[value]
            with (
                self.assembly.reading(value, "layer", layer, "settings and tensors"),
                np.errstate(over="ignore"),  # what is infinite then is refused by its layer
            ):
                LAYERS[layer.kind](self, layer, value, reads, layer.variables)
        self.assembly.check()
        if self.orders.get(self.output) is not None:
            raise InputError(f"`{self.path}` must end with a dense layer, found values in the order of an image.")
        title = self.path.stem
        if (
            self.has_space
            and self.channels_last
            and len(self.assembly.shapes[0]) > 1
            and self.assembly.shapes[0][0] > 1
        ):
            title += " (its images with the channels in front)"
        return self.assembly.network(self.output, title)

    def _find_variables(self, tensors: Mapping[str, NDArray[Any]], names: Mapping[str, str]) -> None:
        """Give each layer its variables, in their order.

        Groups are called by class and count (`dense_1`), in the order of the layers, and carry the name of the layer
        as an attribute since Keras 3.5 or so. The groups of a model inside the model lie in its own.
        """
        groups: dict[str, dict[int, NDArray[Any]]] = {}
        for path, tensor in tensors.items():
            match = re.fullmatch(rf"({_GROUP})/vars/(\d{{1,4}})", path)
            if match is None:
                if path.startswith("layers/"):
                    raise InputError(
                        f"`{self.path}` must keep variables directly in its layers, found `{short(path)}`."
                    )
                continue
            groups.setdefault(match[1], {})[int(match[2])] = tensor
        by_name: dict[str, dict[str, str]] = {}
        for path, name in names.items():
            if match := re.fullmatch(rf"({_GROUP})/vars", path):
                by_name.setdefault(match[1].rpartition("layers/")[0], {})[name] = match[1]
        for model in self.models:
            within = f"{model.group}/" if model.group else ""
            named = by_name.get(within, {})
            counts: dict[str, int] = {}
            for layer in model.layers:
                stem = _snake(layer.kind)
                count = counts[stem] = counts.get(stem, -1) + 1
                counted = f"{within}layers/{stem}{f'_{count}' if count else ''}"
                layer.group = counted if "" in named else named.get(layer.name, counted)
                parts = groups.pop(layer.group, {})
                if sorted(parts) != list(range(len(parts))):
                    raise InputError(
                        f"`{self.path}` must number the variables of layer {layer} from 0, found {sorted(parts)}."
                    )
                layer.variables = [parts[i] for i in range(len(parts))]
        if groups:
            raise InputError(
                f"`{self.path}` must have a layer for all variables, found none for `{short(min(groups))}`."
            )


def _snake(name: str) -> str:
    """`MaxPooling2D` as `max_pooling2d`, as Keras names groups."""
    name = re.sub(r"\W+", "", name)
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()
