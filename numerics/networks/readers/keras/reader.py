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
from numerics.networks.readers.files import MOST_MEMBERS, MOST_TEXT, Archive, json_object, short
from numerics.networks.readers.keras.config import MODELS, KerasLayer, Unsupported
from numerics.networks.readers.keras.hdf5 import read_hdf5
from numerics.networks.readers.keras.layers import LAYERS, Order

_CONFIG, _WEIGHTS = "config.json", "model.weights.h5"
_SPACE = re.compile(r"((Depthwise|Separable)?Conv|ZeroPadding|(Global)?(Max|Average)Pooling)[12]D")
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


def _tensors(value: Any, depth: int = 0) -> list[str]:
    """The names of the values that a use of a layer reads; raises `Unsupported` for anything else among them."""
    if isinstance(value, list) and depth < 5:
        return [name for item in value for name in _tensors(item, depth + 1)]
    if isinstance(value, dict) and value.get("class_name") == "__keras_tensor__":
        match value.get("config"):
            case {"keras_history": [str(name), int(node), 0]}:
                return [f"{name}:{node}"]
    raise Unsupported(" that reads something other than layers")


def _check_options(options: Any) -> None:
    """Refuse a call that does something else than a call with values alone, such as `training=True`."""
    options = {} if options is None else options
    if not isinstance(options, dict):
        raise Unsupported(f" called with {short(options)}")
    for key, value in options.items():
        parts = value if isinstance(value, list) else [value]  # such as the masks of several values
        if any(part is not None and part is not False for part in parts):
            raise Unsupported(f" called with `{short(key)}`")


class Model:
    """A model of Keras: its layers, those of models inside it, their wiring and the network that grows from them."""

    def __init__(self, path: Path, config: Mapping[str, Any]) -> None:
        self.path = path
        if config.get("class_name") not in MODELS or not isinstance(config.get("config"), dict):
            raise InputError(
                f"`{path}` must hold a sequential or functional model, found {short(config.get('class_name'))}: "
                "build the network from Keras layers without a class of its own."
            )
        self.unsupported: list[str] = []
        self.models: list[KerasLayer] = []
        """This model and those inside it, each before those inside itself."""
        self.layers: list[KerasLayer] = []
        """The layers of all of them."""
        whole = KerasLayer(config, path)
        self._fill(whole, "")
        self.uses: dict[str, tuple[KerasLayer, list[str]]] = {}
        """The value of each use of a layer: the layer, and the values that it reads."""
        self.output = self._wire(whole, "", [])
        self.readers: dict[str, list[str]] = {}
        for value, (_, reads) in self.uses.items():
            for read in reads:
                self.readers.setdefault(read, []).append(value)
        self.orders: dict[str, Order | None] = {}
        self.padded: dict[str, list[tuple[int, int]]] = {}
        formats = {layer.config.get("data_format") for layer in self.layers if _SPACE.fullmatch(layer.kind)}
        if len(formats) > 1 or not formats <= {"channels_last", "channels_first"}:
            raise InputError(
                f"`{path}` must put channels last or first in all layers, found {short(sorted(map(str, formats)))}."
            )
        self.has_space, self.channels_last = bool(formats), formats != {"channels_first"}

    def _fill(self, model: KerasLayer, within: str) -> None:
        """Make the layers of a model from its configuration."""
        entries = model.get("layers", list)
        if len(self.layers) + len(entries) > MOST_MEMBERS or within.count("/") > 20:
            raise InputError(f"`{self.path}` must hold at most {MOST_MEMBERS} layers, in models 20 deep, found more.")
        model.layers = [KerasLayer(entry, self.path, within) for entry in entries]
        if len({layer.name for layer in model.layers}) != len(model.layers):
            raise InputError(f"`{self.path}` must give each layer its own name, found one twice.")
        self.models.append(model)
        self.layers += model.layers
        for layer in model.layers:
            if layer.kind in MODELS:
                self._fill(layer, f"{within}{layer.name}/")

    def _wire(self, model: KerasLayer, scope: str, inputs: list[str]) -> str:
        """Fill `uses` for one use of a model, whose values begin with `scope`, and return its output.

        `inputs` holds the value that it reads; a whole model has none.
        """
        if model.kind == "Sequential":
            last = inputs
            for place, layer in enumerate(model.layers):
                if place == 0 and layer.kind != "InputLayer" and not inputs:
                    self._use(":input", _input_layer(layer), [])
                    last = [":input"]
                value = f"{scope}{layer.name}:0"
                self._use(value, layer, last)
                last = [value]
            return last[0] if last else ""
        for layer in model.layers:
            if layer.kind == "InputLayer":
                self._use(f"{scope}{layer.name}:0", layer, inputs)
                continue
            for number, node in enumerate(layer.nodes if isinstance(layer.nodes, list) else []):
                arguments = node.get("args") if isinstance(node, dict) else None
                if arguments is None:
                    raise InputError(f"`{self.path}` must be saved by Keras 3, found the wiring of Keras 2.")
                try:
                    _check_options(node.get("kwargs"))
                    reads = [scope + read for read in _tensors(arguments)]
                except Unsupported as why:
                    self.unsupported.append(f"{layer}{why}")
                    reads = []
                self._use(f"{scope}{layer.name}:{number}", layer, reads)
        outputs = model.config.get("output_layers")
        while isinstance(outputs, list) and len(outputs) == 1:
            outputs = outputs[0]
        match outputs:
            case [str(name), int(node), 0]:
                return f"{scope}{name}:{node}"
        raise InputError(f"`{self.path}` must have one output in each model, found {short(outputs)}.")

    def _use(self, value: str, layer: KerasLayer, reads: list[str]) -> None:
        if len(self.uses) >= MOST_MEMBERS:
            raise InputError(f"`{self.path}` must use its layers at most {MOST_MEMBERS} times, found more.")
        if value in self.uses:
            raise InputError(f"`{self.path}` must give each value its own name, found `{short(value)}` twice.")
        self.uses[value] = (layer, reads)
        if layer.kind not in MODELS:
            return
        inputs = 1 if layer.kind == "Sequential" else sum(part.kind == "InputLayer" for part in layer.layers)
        if inputs == len(reads) == 1:
            self.uses[value] = (layer, [self._wire(layer, f"{value}/", reads)])
        else:
            self.unsupported.append(f"{layer} with {inputs} inputs that reads {len(reads)} values")

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
            try:
                with np.errstate(over="ignore"):  # what is infinite then is refused by its layer
                    LAYERS[layer.kind](self, layer, value, reads, layer.variables)
            except Unsupported as why:
                self.assembly.unknown(value, f"{layer}{why}")
            except InputError:
                raise
            except (TypeError, ValueError, IndexError, KeyError, AttributeError, OverflowError) as error:
                raise InputError(
                    f"`{self.path}`: the layer {layer} must have the settings and tensors of its kind, "
                    f"found others: {short(error, 100)}."
                ) from error
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


def _input_layer(first: KerasLayer) -> KerasLayer:
    """The input of a sequential model that was built without one, from what its first layer was built for."""
    entry = {"class_name": "InputLayer", "config": {"name": "input", "batch_shape": first.built}}
    return KerasLayer(entry, Path())


def _snake(name: str) -> str:
    """`MaxPooling2D` as `max_pooling2d`, as Keras names groups."""
    name = re.sub(r"\W+", "", name)
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()
