"""A graph of ONNX while it is read: its constants, who reads what, and the network that grows from it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from numerics.evidence.errors import InputError
from numerics.networks.readers.assembly import Assembly, Unsupported
from numerics.networks.readers.files import short
from numerics.networks.readers.onnx.wire import Graph, Node

Pairs = list[tuple[int, int]]


class Importer:
    """A graph of ONNX, its constants, and the network that grows from it."""

    def __init__(self, path: Path, graph: Graph) -> None:
        self.path, self.graph = path, graph
        self.constants: dict[str, NDArray[Any]] = dict(graph.constants)
        self.assembly = Assembly(
            str(path),
            "Export a network of dense, convolution, pooling and activation layers with residual additions.",
            graph.constants.values(),
        )
        self.samples: int | None = None
        """The number of samples that the file is for, where it says one."""
        self.padded: dict[str, tuple[str, Pairs, bool]] = {}
        """Of each padded value: what is padded, how much on each axis of space, and whether it is circular."""
        self.slices: dict[str, tuple[str, int, int, int]] = {}
        """Of each slice: of what, along which axis, from where to where."""
        self.ended: set[str] = set()
        self.logits: list[str] = []
        self.has_one_logit = False
        self._producers: dict[str, Node] = {}
        self._readers: dict[str, list[Node]] = {}
        for node in graph.nodes:
            for name in filter(None, node.outputs):
                if name in self._producers or name in graph.inputs or name in graph.constants:
                    raise InputError(f"`{path}` must give each value one name, found `{short(name)}` twice.")
                self._producers[name] = node
            for name in set(node.inputs):
                self._readers.setdefault(name, []).append(node)

    def readers(self, name: str) -> list[Node]:
        """The operators that read a value."""
        return self._readers.get(name, [])

    def is_end(self, name: str) -> bool:
        """Whether a value is an output of the file that no operator reads."""
        return name in self.graph.outputs and not self.readers(name)

    def constant(self, node: Node, place: int, what: str) -> NDArray[Any]:
        """The constant that the operator reads at this place."""
        name = node.inputs[place] if place < len(node.inputs) else ""
        if name not in self.constants:
            raise Unsupported(f", whose {what} is not a constant")
        return self.constants[name]

    def optional(self, node: Node, place: int, what: str) -> NDArray[Any] | None:
        return self.constant(node, place, what) if place < len(node.inputs) and node.inputs[place] else None
