"""The configuration of a Keras model: its layers and their settings, checked as they are asked for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from numerics.evidence.errors import InputError
from numerics.networks.readers.files import short

MODELS = ("Sequential", "Functional", "Model")
"""The classes of models, which may be layers of others."""


Order = tuple[int, int]
"""Of flat values: (channels, places), which the file has places first and the network channels first."""


def get(config: Any, key: str, kind: type | tuple[type, ...], where: str) -> Any:
    """A setting of the configuration, of the type it must have; raises `InputError`."""
    value = config.get(key) if isinstance(config, Mapping) else None
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is int):
        raise InputError(f"The configuration of {where} must give `{key}`, found {short(value)}.")
    return value


class KerasLayer:
    """A layer of the configuration: class, name, settings, and for each use the values that it reads."""

    def __init__(self, entry: Any, path: Path, within: str = "") -> None:
        """`within` is the title of the model that it is part of, and a slash."""
        where = f"a layer of `{path}`"
        self.kind: str = get(entry, "class_name", str, where)
        self.config: Mapping[str, Any] = get(entry, "config", dict, where)
        self.name: str = get(self.config, "name", str, where)
        self.nodes: Any = entry.get("inbound_nodes", [])
        self.title = within + self.name
        self.where = f"layer {self} of `{path}`"
        self.layers: list[KerasLayer] = []
        """The layers of a model inside the model."""
        self.group = ""
        self.variables: list[NDArray[Any]] = []
        """Where in the file of weights its variables are, and what they are, once they are read."""
        built = entry.get("build_config")
        self.built: Any = built.get("input_shape") if isinstance(built, dict) else self.config.get("build_input_shape")

    def __str__(self) -> str:
        return f"`{short(self.title, 60)}` ({short(self.kind, 40)})"

    def get(self, key: str, kind: type | tuple[type, ...]) -> Any:
        return get(self.config, key, kind, self.where)

    def sizes(self, key: str, axes: int) -> list[int]:
        value = self.get(key, (list, int))
        values = value if isinstance(value, list) else [value] * axes
        if len(values) != axes or any(type(n) is not int or n < 1 for n in values):
            raise InputError(
                f"The configuration of {self.where} must give `{key}` for {axes} axes, found {short(value)}."
            )
        return values
