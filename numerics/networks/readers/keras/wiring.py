"""A Keras model as its configuration has it: layers, models inside models, and which value reads which."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from numerics.evidence.errors import InputError
from numerics.networks.readers.assembly import Assembly, Unsupported
from numerics.networks.readers.files import MOST_MEMBERS, short
from numerics.networks.readers.keras.config import MODELS, KerasLayer, Order

_SPACE = re.compile(r"((Depthwise|Separable)?Conv|ZeroPadding|(Global)?(Max|Average)Pooling)[12]D")


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


class Wiring:
    """A model of Keras: its layers, those of models inside it, and which value reads which."""

    assembly: Assembly
    """The network that grows from the model, once its weights are read."""

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


def _input_layer(first: KerasLayer) -> KerasLayer:
    """The input of a sequential model that was built without one, from what its first layer was built for."""
    entry = {"class_name": "InputLayer", "config": {"name": "input", "batch_shape": first.built}}
    return KerasLayer(entry, Path())
