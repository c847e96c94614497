r"""Networks of ONNX files, read without any ONNX library.

| operators | become |
|---|---|
| Gemm, MatMul, Conv | `Dense`, `Convolution`; zeros (Pad) or circular padding (Pad with `wrap`, or Slice and Concat) in front of a Conv becomes its padding |
| Add, Sum | `Add`; with a constant for each channel a shift |
| Sub, Mul, Div with a constant, Scaler | `Scaling` for one number, otherwise a factor and a shift for each channel |
| BatchNormalization | folded into the neighbouring linear layer, as are the factors and shifts above |
| Relu, LeakyRelu, PRelu of one slope, Clip with some constants, Tanh, Sigmoid, Abs, Sign | `Activation` |
| MaxPool, AveragePool, GlobalMaxPool, GlobalAveragePool; ReduceMax, ReduceMean over space | `Pooling` |
| Flatten, Reshape, Squeeze, Unsqueeze of all axes but the first | `Flatten`, `Reshape` |
| Identity, Dropout, Cast to float or double | nothing |

The network stops at the logits: Softmax, LogSoftmax, ArgMax and ZipMap at the end, and what only rearranges their
results, are left out. A binary classifier of scikit-learn ends with the Concat of $1 - p$ and $p = \sigma(z)$; its
logits are $(0, z)$, and the name of the network says so. Every other operator is listed by name in one error. Weights may lie in a second file beside the
first; a path, a link or an offset that leads elsewhere is refused.
"""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numerics.evidence.errors import InputError
from numerics.networks.network import Network
from numerics.networks.readers.assembly import Unsupported, with_two_logits
from numerics.networks.readers.files import MOST_BYTES, open_file, short
from numerics.networks.readers.onnx.importer import Importer
from numerics.networks.readers.onnx.moves import BATCH, MOVES
from numerics.networks.readers.onnx.operators import CALCULATIONS
from numerics.networks.readers.onnx.wire import Node, read_graph

_OPERATORS = CALCULATIONS | MOVES
_ENDS = ("Softmax", "LogSoftmax", "ArgMax", "ZipMap")
_AFTER_ENDS = (
    *_ENDS, "Cast", "Reshape", "Identity", "Squeeze", "Unsqueeze", "Flatten", "ArrayFeatureExtractor", "LabelEncoder",
    "Normalizer", "Gather",
)  # fmt: skip


_CASTS = {1: np.dtype(np.float32), 6: np.dtype(np.int32), 7: np.dtype(np.int64), 11: np.dtype(np.float64)}
_FEW = 16
"""How many numbers an operator on whole numbers may read."""


def read_onnx(path: Path) -> Network:
    """The network in an ONNX file. Raises `InputError` for every fault and for operators that cannot be read."""
    with open_file(path) as stream:
        size = os.fstat(stream.fileno()).st_size
        if size > MOST_BYTES:
            raise InputError(f"`{path}` must have at most {MOST_BYTES} bytes, found {size}.")
        graph = read_graph(path, memoryview(stream.read()))
    return Reader(path, graph).network()


def _other(graph: Importer, node: Node) -> None:
    raise Unsupported("")


class Reader(Importer):
    """The reading of a graph, operator by operator."""

    def network(self) -> Network:
        self._input()
        for node in self.graph.nodes:
            with np.errstate(over="ignore"):  # what is infinite then is refused by its layer
                self._node(node)
        network = self.assembly.network(self._output(), self.path.stem)
        return with_two_logits(network) if self.has_one_logit else network

    def _input(self) -> None:
        inputs = {name: sizes for name, sizes in self.graph.inputs.items() if name not in self.constants}
        if len(inputs) != 1:
            raise InputError(f"`{self.path}` must have one input, found {len(inputs)}.")
        [(name, sizes)] = inputs.items()
        self.samples = sizes[0] if sizes else None
        shape = None if sizes is None or len(sizes) < 2 else list(sizes[1:])
        if shape == [None]:  # the width is that of the first matrix
            for node in self.graph.nodes:
                weight = self.constants.get(node.inputs[1]) if len(node.inputs) > 1 else None
                if node.operator in ("Gemm", "MatMul") and weight is not None and weight.ndim == 2:
                    shape = [weight.shape[1 if node.attributes.get("transB") else 0]]
                    break
        if shape is None or None in shape:
            raise InputError(
                f"The input `{short(name)}` of `{self.path}` must declare the sizes of a sample, found "
                f"{short(sizes)}: export with fixed sizes but for the first, the number of samples."
            )
        self.assembly.input(name, [n for n in shape if n is not None])

    def _output(self) -> str:
        """The logits: what the end operators read, or else the only output of the graph."""
        for name in self.graph.outputs:
            if name not in self.ended:
                self.logits.append(name)
        self.assembly.check()
        numbers = {self.assembly.numbers.get(name, -1) for name in self.logits}
        if len(numbers) != 1 or -1 in numbers:
            raise InputError(f"`{self.path}` must have one output, found {len(set(self.logits))}.")
        return self.logits[0]

    def _node(self, node: Node) -> None:
        if not node.outputs:
            raise InputError(f"`{self.path}` has the operator {node} without an output.")
        name = node.outputs[0]
        if any(read in self.ended for read in node.inputs):
            if node.operator not in _AFTER_ENDS:
                self.assembly.unsupported.append(f"{node} behind the end of the network")
            self.ended.update(node.outputs)
        elif node.operator in _ENDS:
            read = node.inputs[0] if node.inputs else ""
            known = self.assembly.shapes[number] if (number := self.assembly.numbers.get(read)) is not None else (0,)
            axis = node.attributes.get("axis", 0 if node.operator == "ArgMax" else -1)
            if node.operator != "ZipMap" and (axis not in (1, -1) or len(known) != 1):
                self.assembly.unsupported.append(f"{node} along another axis than the classes")
            self.logits.append(read)
            self.ended.update(node.outputs)
        elif (logit := self._logit_of_two_probabilities(node)) is not None:
            self.has_one_logit = True
            self.logits.append(logit)
            self.ended.update(node.outputs)
        elif not self._constant(node):
            with self.assembly.reading(name, "operator", node, "attributes and inputs"):
                _OPERATORS.get(node.operator, _other)(self, node)

    def _logit_of_two_probabilities(self, node: Node) -> str | None:
        r"""The value $z$ when the operator is the Concat of $1 - \sigma(z)$ and $\sigma(z)$, one number for each sample."""
        if node.operator != "Concat" or len(node.inputs) != 2 or node.attributes.get("axis") not in (1, -1):
            return None
        negative, positive = (self._producers.get(read) for read in node.inputs)
        if negative is None or positive is None or (negative.operator, positive.operator) != ("Sub", "Sigmoid"):
            return None
        one = self.constants.get(negative.inputs[0]) if len(negative.inputs) == 2 else None
        if one is None or one.size != 1 or one.item() != 1 or negative.inputs[1] != node.inputs[1]:
            return None
        read = positive.inputs[0] if positive.inputs else ""
        return read if read in self.assembly.numbers and self.assembly.shape(read) in ((1,), None) else None

    # Constants, and the sizes that exporters compute to reshape.

    def _constant(self, node: Node) -> bool:
        """Evaluate an operator whose inputs are all known numbers."""
        name, attributes = node.outputs[0], node.attributes
        value: NDArray[Any] | None = None
        if node.operator == "Constant":
            given = [
                attributes[key]
                for key in ("value", "value_float", "value_int", "value_floats", "value_ints")
                if key in attributes
            ]
            value = np.asarray(given[0]) if len(given) == 1 and given[0] is not None else None
        elif node.operator == "Shape" and node.inputs and node.inputs[0] in self.assembly.numbers:
            shape = self.assembly.shape(node.inputs[0])
            part = slice(attributes.get("start", 0), attributes.get("end"))
            value = None if shape is None else np.array([BATCH, *shape])[part]
        elif node.inputs and all(read in self.constants for read in node.inputs if read):
            arrays = [self.constants[read] for read in node.inputs if read]
            try:
                value = _folded(node, arrays)
            except (ValueError, IndexError, TypeError) as error:
                raise InputError(f"`{self.path}`: the operator {node} does not fit its constants.") from error
        if value is None:
            return False
        self.constants[name] = value
        return True


def _folded(node: Node, arrays: list[NDArray[Any]]) -> NDArray[Any] | None:
    """The value of an operator on constants: of any size for those that change little, else of a few whole numbers."""
    first, attributes = arrays[0], node.attributes
    if node.operator == "Identity":
        return first
    if node.operator == "Cast":
        dtype = _CASTS.get(attributes.get("to", 0))
        return None if dtype is None or (first.dtype.kind == "f" and dtype.kind == "i") else first.astype(dtype)
    if node.operator == "Transpose" and first.ndim == 2 and attributes.get("perm", [1, 0]) == [1, 0]:
        return first.T
    if node.operator in ("Unsqueeze", "Squeeze"):
        axes = attributes.get("axes") if len(arrays) == 1 else arrays[1].reshape(-1).tolist()
        places = None if axes is None else tuple(axes)
        return np.squeeze(first, places) if node.operator == "Squeeze" else np.expand_dims(first, places or ())
    if any(array.size > _FEW or array.dtype.kind not in "iu" for array in arrays):
        return None
    match node.operator:
        case "Gather" if len(arrays) == 2:
            return np.take(first, arrays[1], axis=attributes.get("axis", 0))
        case "Concat":
            return np.concatenate(arrays, axis=attributes.get("axis", 0))
        case "Reshape" if len(arrays) == 2 and not (arrays[1] == 0).any():
            return first.reshape(arrays[1].tolist())
        case "ConstantOfShape" if first.ndim == 1 and 0 <= math.prod(first.tolist()) <= _FEW:
            fill = attributes.get("value", np.zeros(1, np.float32))
            return np.full(first.tolist(), fill.item(), fill.dtype)
        case "Slice" if len(arrays) == 5 and all(array.shape == (1,) for array in arrays[1:]):
            begin, end, axis, step = (array.item() for array in arrays[1:])
            return first[(slice(None),) * (axis % first.ndim) + (slice(begin, end, step),)]
        case "Mul" if len(arrays) == 2:
            return first * arrays[1]
        case "Add" if len(arrays) == 2:
            return first + arrays[1]
    return None
