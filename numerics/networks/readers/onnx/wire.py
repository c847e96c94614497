r"""The parts of an ONNX file that a network needs, read from the wire format of protocol buffers.

The `onnx` package is not used, because it builds an object for everything a file declares: 20 MB of empty nodes took
it 6 s and 1.6 GB. A message here is a `dict` from field numbers to lists of values: integers for fields on the wire
as varints, floats for 32 bits, `memoryview` for the rest, so that weights are never copied. Counts are bounded before
anything is built. Field numbers are those of `onnx.proto`.
"""

from __future__ import annotations

import os
import stat
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numerics.evidence.errors import InputError
from numerics.networks.readers.files import MOST_MEMBERS, counted, from_bfloat16, short

Message = dict[int, list[Any]]
MOST_FIELDS = 50 * MOST_MEMBERS

_DTYPES = {
    1: "<f4", 2: "u1", 3: "i1", 4: "<u2", 5: "<i2", 6: "<i4", 7: "<i8", 9: "?", 10: "<f2", 11: "<f8", 12: "<u4",
    13: "<u8", 16: "<u2",
}  # fmt: skip
_TEXTS, _BFLOAT16 = 8, 16


@dataclass(frozen=True)
class Node:
    """An operator: what it is called, reads and writes, and its attributes as numbers, texts, lists and arrays."""

    name: str
    operator: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any]

    def __str__(self) -> str:
        return f"`{short(self.name or (self.outputs[0] if self.outputs else ''), 60)}` ({short(self.operator, 40)})"


@dataclass(frozen=True)
class Graph:
    """Nodes in their order, constants, and the inputs (with the sizes that are known) and outputs by name."""

    nodes: tuple[Node, ...]
    constants: dict[str, NDArray[Any]]
    inputs: dict[str, tuple[int | None, ...] | None]
    outputs: tuple[str, ...] = field(default=())


def _varint(view: memoryview, place: int) -> tuple[int, int]:
    result = shift = 0
    while True:
        byte = view[place]  # IndexError at the end
        place += 1
        result |= (byte & 127) << shift
        if byte < 128:
            return result & (2**64 - 1), place
        shift += 7
        if shift > 63:
            raise ValueError("a number is too long")


def _fields(view: memoryview) -> Iterator[tuple[int, Any]]:
    place = 0
    while place < len(view):
        tag, place = _varint(view, place)
        number, kind = tag >> 3, tag & 7
        if kind == 0:
            value, place = _varint(view, place)
            yield number, value
            continue
        if kind == 2:
            size, place = _varint(view, place)
        elif kind in (1, 5):
            size = 8 if kind == 1 else 4
        else:
            raise ValueError(f"a field has the wire type {kind}")
        if size > len(view) - place:
            raise ValueError("a field is longer than its message")
        yield number, view[place : place + size]
        place += size


def _message(view: Any, wanted: set[int], repeated: set[int], budget: list[int]) -> Message:
    """The `wanted` fields of a message; only `repeated` ones may come more than once, `MOST_MEMBERS` times.

    `budget` holds how many fields may still be read of the whole file.
    """
    if not isinstance(view, memoryview):
        raise ValueError("a message is a number")
    found: Message = {}
    for number, value in _fields(view):
        budget[0] -= 1
        if budget[0] < 0:
            raise ValueError(f"it has more than {MOST_FIELDS} fields")
        if number in wanted:
            values = found.setdefault(number, [])
            if len(values) >= (MOST_MEMBERS if number in repeated else 1):
                raise ValueError(
                    f"it has more than {MOST_MEMBERS} nodes, tensors or names"
                    if number in repeated
                    else f"field {number} comes twice"
                )
            values.append(value)
    return found


def _text(message: Message, number: int) -> str:
    values = message.get(number, [b""])
    return _decoded(values[0])


def _decoded(value: Any) -> str:
    if isinstance(value, int):
        raise ValueError("a text is a number")
    if len(value) > 4096:
        raise ValueError("a name is longer than 4096 bytes")
    return bytes(value).decode("utf-8")


def _signed(value: Any) -> int:
    if not isinstance(value, int):
        raise ValueError("a whole number is something else")
    return value - 2**64 if value >= 2**63 else value


def _float(value: Any) -> float:
    if isinstance(value, int) or len(value) != 4:
        raise ValueError("a 32-bit float is something else")
    return struct.unpack("<f", value)[0]


def _numbers(values: list[Any], dtype: str) -> NDArray[Any]:
    """A repeated field, packed (bytes) or not, of varints (`i8`) or of floats."""
    parts = []
    for value in values:
        if dtype == "<i8":
            if isinstance(value, int):
                parts.append(np.array([_signed(value)]))
            else:
                parts.append(_varints(value))
        elif isinstance(value, int):
            raise ValueError("a float is a whole number")
        else:
            parts.append(np.frombuffer(value, dtype))
    return np.concatenate(parts) if parts else np.empty(0, dtype)


def _varints(packed: memoryview) -> NDArray[np.int64]:
    if len(packed) > 100 * MOST_MEMBERS:
        raise ValueError("whole numbers are packed one by one: more than a million bytes of them")
    numbers, place = [], 0
    while place < len(packed):
        number, place = _varint(packed, place)
        numbers.append(_signed(number))
    return np.array(numbers, dtype=np.int64)


class Reader:
    """Reads graphs; `folder` is where tensors outside the file may lie."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.budget = [MOST_FIELDS]

    def _message(self, view: Any, wanted: set[int], repeated: set[int]) -> Message:
        return _message(view, wanted, repeated, self.budget)

    def tensor(self, view: Any) -> tuple[str, NDArray[Any] | None]:
        """Name and content of a TensorProto, `None` for texts, which are names of classes."""
        m = self._message(view, {1, 2, 3, 4, 5, 7, 8, 9, 10, 13, 14}, {1, 4, 5, 7, 10, 13})
        name, kind = _text(m, 8), m.get(2, [0])[0]
        if kind == _TEXTS:
            return name, None
        try:
            if kind not in _DTYPES:
                raise ValueError(f"it has the data type number {short(kind)}, which is not one of real numbers")
            shape = tuple(int(n) for n in _numbers(m.get(1, []), "<i8"))
            count, dtype = counted(shape), np.dtype(_DTYPES[kind])
            if len(shape) > 8:
                raise ValueError(f"it has {len(shape)} dimensions")
            if m.get(14, [0])[0] == 1:
                array = np.frombuffer(self._outside(m.get(13, []), count * dtype.itemsize), dtype)
            elif 9 in m:
                raw = m[9][0]
                if isinstance(raw, int) or len(raw) != count * dtype.itemsize:
                    raise ValueError(f"its shape {shape} needs {count * dtype.itemsize} bytes, found others")
                array = np.frombuffer(raw, dtype)
            else:
                array = self._listed(m, kind, dtype)
            if array.size != count:
                raise ValueError(f"its shape {shape} needs {count} numbers, found {array.size}")
        except (ValueError, IndexError) as error:
            raise InputError(f"tensor `{short(name)}` could not be read: {error}") from error
        array = from_bfloat16(array) if kind == _BFLOAT16 else array
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise InputError(f"tensor `{short(name)}` must have finite entries, found NaN or infinity")
        return name, array.reshape(shape)

    def _listed(self, m: Message, kind: int, dtype: np.dtype[Any]) -> NDArray[Any]:
        """The numbers of a tensor that stand in a field of their type."""
        if kind in (1, 11):
            return _numbers(m.get(4 if kind == 1 else 10, []), dtype.str)
        numbers = _numbers(m.get(7 if kind == 7 else 5, []), "<i8")
        if kind in (12, 13):
            raise ValueError("it has unsigned numbers in a list")
        if kind in (10, _BFLOAT16):  # the bits of 16-bit floats
            if ((numbers < 0) | (numbers >= 2**16)).any():
                raise ValueError("it has a 16-bit float of more than 16 bits")
            return numbers.astype(np.uint16).view("<f2" if kind == 10 else "<u2")
        converted = numbers.astype(dtype)
        if (converted != numbers).any():
            raise ValueError(f"it has a number that does not fit into {dtype}")
        return converted

    def _outside(self, entries: list[Any], size: int) -> bytes:
        """The bytes of a tensor in a file beside this one: a plain name, no link, and inside that file."""
        pairs = [self._message(entry, {1, 2}, set()) for entry in entries]
        found = {_text(pair, 1): _text(pair, 2) for pair in pairs}
        if len(found) != len(pairs):
            raise ValueError("its place outside the file is given twice")
        name = found.get("location", "").removeprefix("./")
        if name in ("", ".", "..") or "/" in name or "\\" in name or "\0" in name or ":" in name:
            raise ValueError(f"its data must lie in a file beside this one, found the location `{short(name)}`")
        numbers = {}
        for key, default in (("offset", "0"), ("length", str(size))):
            text = found.get(key, default)
            if not (text.isascii() and text.isdigit() and len(text) < 16):
                raise ValueError(f"the {key} of its data must be a number, found {short(text)}")
            numbers[key] = int(text)
        if numbers["length"] != size:
            raise ValueError(f"it needs {size} bytes, and {numbers['length']} are declared in `{short(name)}`")
        flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
        try:
            with os.fdopen(os.open(self.folder / name, flags), "rb") as stream:
                state = os.fstat(stream.fileno())
                if not stat.S_ISREG(state.st_mode) or (self.folder / name).is_symlink():
                    raise ValueError(f"its data `{short(name)}` is not a regular file")
                if numbers["offset"] + size > state.st_size:
                    raise ValueError(f"its data ends after that of `{short(name)}`, which has {state.st_size} bytes")
                stream.seek(numbers["offset"])
                content = stream.read(size)
        except OSError as error:
            raise ValueError(f"its data `{short(name)}` could not be read: {error.strerror or error}") from error
        if len(content) != size:
            raise ValueError(f"its data `{short(name)}` is truncated")
        return content

    def attribute(self, view: Any) -> tuple[str, Any]:
        """Name and value of an AttributeProto; a graph or another kind becomes `None`."""
        m = self._message(view, {1, 2, 3, 4, 5, 7, 8, 9, 20}, {7, 8, 9})
        kind = m.get(20, [0])[0]
        value: Any = None
        if kind == 1:
            value = _float(m.get(2, [bytes(4)])[0])
        elif kind == 2:
            value = _signed(m.get(3, [0])[0])
        elif kind == 3:
            value = _text(m, 4)
        elif kind == 4 and 5 in m:
            value = self.tensor(m[5][0])[1]
        elif kind == 6:
            value = [float(x) for x in _numbers(m.get(7, []), "<f4")]
        elif kind == 7:
            value = [int(x) for x in _numbers(m.get(8, []), "<i8")]
        elif kind == 8:
            value = [_decoded(x) for x in m.get(9, [])]
        return _text(m, 1), value

    def node(self, view: Any) -> Node:
        m = self._message(view, {1, 2, 3, 4, 5, 7}, {1, 2, 5})
        pairs = [self.attribute(entry) for entry in m.get(5, [])]
        attributes = dict(pairs)
        if len(attributes) != len(pairs):
            raise ValueError(f"node `{short(_text(m, 3))}` gives an attribute twice")
        operator = _text(m, 4)
        if _text(m, 7) not in ("", "ai.onnx", "ai.onnx.ml"):
            operator = f"{_text(m, 7)}.{operator}"
        names = [tuple(_decoded(name) for name in m.get(number, [])) for number in (1, 2)]
        return Node(_text(m, 3), operator, names[0], names[1], attributes)

    def graph(self, view: Any) -> Graph:
        m = self._message(view, {1, 5, 11, 12, 15}, {1, 5, 11, 12, 15})
        if 15 in m:
            raise ValueError("it has sparse tensors")
        pairs = [self.tensor(entry) for entry in m.get(5, [])]
        if len({name for name, _ in pairs}) != len(pairs):
            raise ValueError("it gives a tensor twice")
        constants = {name: array for name, array in pairs if array is not None}
        inputs = dict(self.value(entry) for entry in m.get(11, []))
        outputs = tuple(self.value(entry)[0] for entry in m.get(12, []))
        return Graph(tuple(self.node(entry) for entry in m.get(1, [])), constants, inputs, outputs)

    def value(self, view: Any) -> tuple[str, tuple[int | None, ...] | None]:
        """Name and shape of a ValueInfoProto; a size is `None` where it is not a number."""
        m = self._message(view, {1, 2}, set())
        name = _text(m, 1)
        tensor = self._message(m[2][0], {1}, set()) if 2 in m else {}
        shape = self._message(tensor[1][0], {2}, set()) if 1 in tensor else {}
        if 2 not in shape:
            return name, None
        sizes: list[int | None] = []
        for entry in self._message(shape[2][0], {1}, {1}).get(1, []):
            size = self._message(entry, {1}, set())
            sizes.append(_signed(size[1][0]) if 1 in size else None)
        return name, tuple(sizes)


def read_graph(path: Path, content: memoryview) -> Graph:
    """The graph of the ModelProto in `content`. Raises `InputError` for every fault."""
    try:
        reader = Reader(path.parent)
        model = _message(content, {1, 7}, set(), reader.budget)
        if 7 not in model:
            raise ValueError("it has no graph")
        return reader.graph(model[7][0])
    except (ValueError, IndexError, TypeError, OverflowError) as error:  # InputError is a ValueError
        text = "it is truncated" if isinstance(error, IndexError) else short(error, 300).rstrip(".")
        raise InputError(f"`{path}` could not be read as an ONNX model: {text}.") from error
