"""Files made to do harm: each is refused in one sentence, in 2 s and 500 MB, and nothing outside it is read.

All files of `FILES` are read by one other process, which has limits, sees every file that is opened and every process
that is started (by an audit hook), and reports time and peak memory.
"""

import importlib.util
import io
import json
import os
import pickle
import re
import struct
import subprocess
import sys
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from numerics.evidence.errors import InputError
from numerics.networks import load_data, load_network, load_tensors

FIXTURES = Path(__file__).with_name("fixtures")
HAS_H5PY = importlib.util.find_spec("h5py") is not None
MANY = 10**6


def zipped(members: list[tuple[str, bytes]], compression: int = zipfile.ZIP_STORED) -> bytes:
    stream = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # zipfile warns of duplicate names
        with zipfile.ZipFile(stream, "w", compression) as target:
            for name, content in members:
                target.writestr(name, content)
    return stream.getvalue()


def npy(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array(stream, array)
    return stream.getvalue()


def npy_header(shape: str, descr: str = "<f8") -> bytes:
    text = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode()


def many_members() -> bytes:
    """A zip directory of a million entries, written by hand."""
    entry = b"PK\x01\x02" + bytes(24) + struct.pack("<H", 8) + bytes(16)
    directory = b"".join(entry + b"%08d" % i for i in range(MANY))
    wide = b"PK\x06\x06" + struct.pack("<QHHIIQQQQ", 44, 45, 45, 0, 0, MANY, MANY, len(directory), 4)
    locator = b"PK\x06\x07" + struct.pack("<IQI", 0, 4 + len(directory), 1)
    return b"PK\x03\x04" + directory + wide + locator + b"PK\x05\x06" + b"\0\0\0\0" + b"\xff" * 12 + b"\0\0"


# PyTorch


def torch_file(pickled: bytes, **storages: bytes) -> bytes:
    return zipped([("a/data.pkl", pickled), *((f"a/data/{key[1:]}", content) for key, content in storages.items())])


def tensor_pickle(
    shape: tuple[int, ...], stride: tuple[int, ...], offset: int = 0, count: int = 4, key: str = "0"
) -> bytes:
    """The opcodes of a state dict `{"w": tensor}`."""

    def number(n: int) -> bytes:
        return b"\x8a\x09" + n.to_bytes(9, "little", signed=True)

    def text(value: str) -> bytes:
        return b"X" + struct.pack("<I", len(value)) + value.encode()

    def numbers(values: tuple[int, ...]) -> bytes:
        return b"(" + b"".join(number(n) for n in values) + b"t"

    storage = b"(" + text("storage") + b"ctorch\nFloatStorage\n" + text(key) + text("cpu") + number(count) + b"tQ"
    call = (
        b"ctorch._utils\n_rebuild_tensor_v2\n("
        + storage
        + number(offset)
        + numbers(shape)
        + numbers(stride)
        + b"\x89Nt"
    )
    return b"\x80\x02}(" + text("w") + call + b"Ru."


class Evil:
    def __reduce__(self) -> Any:
        return os.system, ("touch /tmp/theorems-was-here",)


def nested_tuples() -> bytes:
    """A dict whose key is a tuple of two equal tuples, forty deep: hashing it takes 2^40 steps."""
    return b"\x80\x02}" + b")" + b"q\x00h\x00\x86" * 40 + b"Ns."


def nested_lists() -> bytes:
    """Lists that hold the list before ten times: 10^18 visits."""
    raw = b"\x80\x02}"
    for i in range(18):
        held = b"(" + (b"h" + bytes([i - 1])) * 10 + b"e" if i else b""
        raw += b"X\x01\x00\x00\x00" + bytes([97 + i]) + b"]q" + bytes([i]) + held + b"s"
    return raw + b"."


# safetensors


def safetensors_file(header: Any, data: bytes = b"", length: int | None = None) -> bytes:
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(raw) if length is None else length) + raw + data


def entry(shape: list[Any], begin: Any, end: Any, dtype: Any = "F32") -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


# ONNX


def varint(n: int) -> bytes:
    out = b""
    while n > 127:
        out += bytes([n & 127 | 128])
        n >>= 7
    return out + bytes([n])


def field(number: int, content: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(content)) + content


def onnx_file(graph: bytes) -> bytes:
    return b"\x08\x08" + field(7, graph)


def onnx_tensor(name: str, dims: list[int], raw: bytes, kind: int = 1) -> bytes:
    return (
        b"".join(b"\x08" + varint(n) for n in dims) + b"\x10" + varint(kind) + field(8, name.encode()) + field(9, raw)
    )


def onnx_matmul(*initializers: bytes) -> bytes:
    value = field(1, b"x") + field(2, field(1, field(2, field(1, b"\x08\x01") + field(1, b"\x08\x02"))))
    matmul = field(1, b"x") + field(1, b"k") + field(2, b"y") + field(4, b"MatMul")
    parts = [field(1, matmul), *(field(5, t) for t in initializers), field(11, value), field(12, field(1, b"y"))]
    return onnx_file(b"".join(parts))


def onnx_graph(nodes: list[bytes], initializers: list[bytes], sizes: tuple[int, ...] = (1, 2)) -> bytes:
    dimensions = b"".join(field(1, b"\x08" + varint(n)) for n in sizes)
    value = field(1, b"x") + field(2, field(1, field(2, dimensions)))
    parts = [field(1, node) for node in nodes] + [field(5, tensor) for tensor in initializers]
    return onnx_file(b"".join([*parts, field(11, value), field(12, field(1, b"y"))]))


def onnx_node(operator: str, inputs: str, output: str, *attributes: bytes) -> bytes:
    names = b"".join(field(1, name.encode()) for name in inputs.split())
    return names + field(2, output.encode()) + field(4, operator.encode()) + b"".join(attributes)


def onnx_integers(name: str, *numbers: int) -> bytes:
    return onnx_tensor(name, [len(numbers)], struct.pack(f"<{len(numbers)}q", *numbers), 7)


def chained(operator: str, inputs: str, count: int, last: str, *initializers: bytes, sizes: tuple[int, ...]) -> bytes:
    """A chain of one operator, whose last value an operator `last` reads."""
    nodes = [onnx_node(operator, f"v{i} {inputs}", f"v{i + 1}") for i in range(count)]
    ends = [onnx_node("Identity", "x", "v0"), *nodes, onnx_node(last, f"v{count} k", "y")]
    return onnx_graph(ends, list(initializers), sizes)


def shared_matrix() -> bytes:
    """A matrix of a megabyte that 9000 layers use."""
    matrix = onnx_tensor("k", [500, 500], np.eye(500, dtype=np.float32).tobytes())
    return chained("MatMul", "k", 9000, "MatMul", matrix, sizes=(1, 500))


def many_slices() -> bytes:
    """Circular padding that pads its own result, 3000 times."""
    axis = b"\x0a\x04axis\x18\x02\xa0\x01\x02"
    nodes = [onnx_node("Identity", "x", "v0")]
    for i in range(3000):
        nodes += [
            onnx_node("Slice", f"v{i} s e a", f"w{i}"),
            onnx_node("Concat", f"w{i} v{i}", f"v{i + 1}", field(5, axis)),
        ]
    nodes.append(onnx_node("Conv", "v3000 k", "y"))
    numbers = [onnx_integers("s", -1), onnx_integers("e", 2**63 - 1), onnx_integers("a", 2)]
    return onnx_graph(nodes, [*numbers, onnx_tensor("k", [1, 1, 1], bytes(4))], (1, 1, 4))


# Keras


def keras_layer(kind: str, name: str, reads: str = "", **config: Any) -> dict[str, Any]:
    history = {"class_name": "__keras_tensor__", "config": {"keras_history": [reads, 0, 0]}}
    nodes = [{"args": [history], "kwargs": {}}] if reads else []
    return {"class_name": kind, "config": {"name": name, **config}, "inbound_nodes": nodes}


def keras_layers(*inside: dict[str, Any], shape: tuple[int, ...] = (8, 8, 1), kind: str = "Sequential") -> bytes:
    entry = keras_layer("InputLayer", "in", batch_shape=[None, *shape])
    stream = io.BytesIO()
    importlib.import_module("h5py").File(stream, "w").close()
    return keras_file(stream.getvalue(), json.dumps(keras_layer(kind, "m", layers=[entry, *inside])).encode())


POOL = keras_layer("MaxPooling2D", "p", data_format="channels_last", pool_size=2, strides=None, padding="valid")


def doubling(depth: int) -> dict[str, Any]:
    """A model that uses a model inside it ten times, `depth` deep."""
    entry = keras_layer("InputLayer", "in", batch_shape=[None, 4])
    if not depth:
        return keras_layer("Functional", f"m{depth}", layers=[entry], output_layers=["in", 0, 0])
    inner = doubling(depth - 1)
    uses = [
        {"class_name": "__keras_tensor__", "config": {"keras_history": [n, i, 0]}}
        for n, i in [("in", 0), *((inner["config"]["name"], i) for i in range(9))]
    ]
    inner["inbound_nodes"] = [{"args": [use], "kwargs": {}} for use in uses]
    return keras_layer("Functional", f"m{depth}", layers=[entry, inner], output_layers=[inner["config"]["name"], 9, 0])


def nested_models(depth: int) -> dict[str, Any]:
    inner = keras_layer("Sequential", "m", layers=[])
    for _ in range(depth):
        inner = keras_layer("Sequential", "m", layers=[inner])
    return inner


def keras_file(weights: bytes | None = None, config: bytes | None = None) -> bytes:
    with zipfile.ZipFile(FIXTURES / "functional.keras") as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members |= {"model.weights.h5": weights} if weights is not None else {}
    members |= {"config.json": config} if config is not None else {}
    return zipped(list(members.items()))


def nested_config() -> Any:
    with zipfile.ZipFile(FIXTURES / "functional.keras") as archive:
        config = json.loads(archive.read("config.json"))
    deep: list[Any] = []
    for _ in range(900):
        deep = [deep]
    config["config"]["layers"][-1]["inbound_nodes"] = [{"args": deep}]
    return config


def hdf5(build: Callable[[Any, Any], None]) -> bytes:
    """The weights of the fixture, changed by `build(h5py, group of a dense layer's variables)`."""
    h5py: Any = importlib.import_module("h5py")
    with zipfile.ZipFile(FIXTURES / "functional.keras") as archive:
        stream = io.BytesIO(archive.read("model.weights.h5"))
    with h5py.File(stream, "r+") as file:
        build(h5py, file["layers/dense/vars"])
    return stream.getvalue()


def external_link(h5py: Any, group: Any) -> None:
    del group["0"]
    group["0"] = h5py.ExternalLink("/tmp/theorems-secret.h5", "/secret")


def soft_link(h5py: Any, group: Any) -> None:
    del group["0"]
    group["0"] = h5py.SoftLink("/layers/dense/vars/1")


def external_storage(h5py: Any, group: Any) -> None:
    del group["0"]
    group.create_dataset("0", (2, 2), "f4", external=[("/etc/passwd", 0, 16)])


def virtual(h5py: Any, group: Any) -> None:
    del group["0"]
    layout = h5py.VirtualLayout((2, 2), "f4")
    layout[:] = h5py.VirtualSource("/tmp/theorems-secret.h5", "secret", (2, 2))
    group.create_virtual_dataset("0", layout)


def declared(h5py: Any, group: Any) -> None:
    del group["0"]
    group.create_dataset("0", (10**6, 10**6), "f4")  # never written: the file stays small


def compressed(h5py: Any, group: Any) -> None:
    del group["0"]
    group.create_dataset("0", data=np.zeros((1000, 1000), "f4"), compression="gzip")


def circle(h5py: Any, group: Any) -> None:
    group["again"] = group.parent
    group["twice"] = group.parent


def texts(h5py: Any, group: Any) -> None:
    del group["0"]
    group["0"] = ["a", "b"]


NAN = np.array([np.nan, 1], np.float32).tobytes()
GOOD = torch_file(tensor_pickle((2, 2), (2, 1)), _0=np.ones(4, np.float32).tobytes())
DENSE = {"format": np.array("theorems-network-1"), "W1": np.eye(2)}
FILES: dict[str, tuple[Callable[[], bytes], str]] = {
    "truncated.npz": (lambda: zipped([(f"{k}.npy", npy(v)) for k, v in DENSE.items()])[:-30], "is truncated"),
    "truncated.pt": (lambda: (FIXTURES / "residual.pt").read_bytes()[:-30], "is truncated"),
    "truncated.keras": (lambda: (FIXTURES / "functional.keras").read_bytes()[:40_000], "is truncated"),
    "truncated.onnx": (lambda: (FIXTURES / "convolution.onnx").read_bytes()[:-30], "longer than its message"),
    "truncated.safetensors": (lambda: (FIXTURES / "residual.safetensors").read_bytes()[:-30], "is truncated or damaged"),
    "comment.npz": (lambda: zipped([("W1.npy", npy(np.eye(2)))])[:-2] + b"\x01\x00x", "is not one or is truncated"),
    "bomb.npz": (
        lambda: zipped([("W1.npy", npy_header("(12500000,)") + bytes(10**8))], zipfile.ZIP_DEFLATED),
        "must unpack to at most 100 times",
    ),
    "bomb.pt": (lambda: zipped([("a/data.pkl", bytes(10**8))], zipfile.ZIP_DEFLATED), "must unpack to at most 100 times"),
    "lzma.npz": (lambda: zipped([("W1.npy", bytes(10**7))], zipfile.ZIP_LZMA), "must be stored or deflated"),
    "large pickle.pt": (lambda: zipped([("a/data.pkl", b"\x80\x02" + b"N" * 5_000_000 + b".")]), "it has 5000003 bytes"),
    "members.npz": (many_members, "must hold at most 10000 members, found 1000000"),
    "members.pt": (many_members, "must hold at most 10000 members, found 1000000"),
    "members.keras": (many_members, "must hold at most 10000 members, found 1000000"),
    "twice.npz": (lambda: zipped([("W1.npy", npy(np.eye(2)))] * 2), "must hold each member once"),
    "twice.pt": (lambda: zipped([("a/data.pkl", b"\x80\x02}."), ("a/data.pkl", b"\x80\x02}.")]), "each member once"),
    "twice.keras": (lambda: keras_file(config=b'{"class_name": 1, "class_name": 2}'), "the key `class_name` is given twice"),
    "path.npz": (lambda: zipped([("../../../../tmp/W1.npz", b"x")]), "must hold .npy members only"),
    "header.npz": (lambda: zipped([("W1.npy", npy_header("(10**12,)"))]), "could not be read"),
    "declared.npz": (lambda: zipped([("W1.npy", npy_header("(1000000000000, 8)") + bytes(8))]), "its header declares"),
    "pickled.npz": (lambda: zipped([("W1.npy", npy_header("(1,)", "|O") + pickle.dumps(Evil()))]), "it has dtype object"),
    "nan.npz": (lambda: zipped([(f"{k}.npy", npy(v)) for k, v in (DENSE | {"W1": np.full((2, 2), np.nan)}).items()]), "must have finite entries"),
    "dtype.npz": (lambda: zipped([(f"{k}.npy", npy(v)) for k, v in (DENSE | {"W1": np.eye(2) + 1j}).items()]), "it has dtype complex128"),
    "program.pt": (lambda: torch_file(pickle.dumps(Evil(), 2)), "it holds an object `posix.system`"),
    "program 4.pt": (lambda: torch_file(pickle.dumps(Evil(), 4)), "it holds an object `posix.system`"),
    "bare.pt": (lambda: pickle.dumps(Evil(), 2), "found a bare pickle"),
    "eval.pt": (lambda: torch_file(b"\x80\x02cbuiltins\neval\nX\x01\x00\x00\x001\x85R."), "it holds an object `builtins.eval`"),
    "instance.pt": (lambda: torch_file(b"(iposix\nsystem\n."), "the pickle opcode INST"),
    "bytes.pt": (lambda: torch_file(b"\x80\x05\x96" + struct.pack("<Q", 2**60) + b"."), "The pickle in"),
    "memo.pt": (lambda: torch_file(b"\x80\x02}r\xff\xff\xff\x7f."), "must hold the tensors of a network, found none"),
    "hash.pt": (lambda: torch_file(nested_tuples()), "it has a key of type tuple"),
    "lists.pt": (lambda: torch_file(nested_lists()), "it must hold at most"),
    "circle.pt": (lambda: torch_file(b"\x80\x02]q\x00h\x00a."), "it must hold at most"),
    "opcodes.pt": (lambda: torch_file(b"\x80\x02" + b"N0" * 2_000_000 + b"."), "The pickle in"),
    "marks.pt": (lambda: torch_file(b"\x80\x02" + b"(" * 4_000_000 + b"t."), "The pickle in"),
    "empty.pt": (lambda: torch_file(b"."), "it is damaged"),
    "short.pt": (lambda: torch_file(tensor_pickle((2, 2), (2, 1)), _0=bytes(12)), "must have the 16 bytes"),
    "far.pt": (lambda: torch_file(tensor_pickle((2, 2), (2, 1), 10**9), _0=bytes(16)), "it needs entry 1000000003 of a st"),
    "negative.pt": (lambda: torch_file(tensor_pickle((2, 2), (-2, 1)), _0=bytes(16)), "in a way that no state dict does"),
    "wide.pt": (lambda: torch_file(tensor_pickle((10**6, 10**6), (0, 0)), _0=bytes(16)), "use entries more than once"),
    "storage.pt": (lambda: torch_file(tensor_pickle((2,), (1,), count=10**15), _0=bytes(16)), "4000000000000000 bytes"),
    "traversal.pt": (lambda: torch_file(tensor_pickle((2,), (1,), key="../../../etc/passwd"), _0=bytes(16)), "found none"),
    "nan.pt": (lambda: torch_file(tensor_pickle((2,), (1,), count=2), _0=NAN), "must have finite entries"),
    "header.safetensors": (lambda: safetensors_file({}, length=2**31) + bytes(100), "must begin with a header of at most"),
    "deep.safetensors": (lambda: safetensors_file(b'{"a":' + b"[" * 10**6), "must be JSON, found an error"),
    "many.safetensors": (lambda: safetensors_file({str(i): entry([0], 0, 0) for i in range(60_000)}), "must hold at most 10000 tensors"),
    "million.safetensors": (lambda: safetensors_file({str(i): entry([0], 0, 0) for i in range(MANY)}), "must begin with a header"),
    "nested.safetensors": (lambda: safetensors_file(b'{"a":{"dtype":"F32","data_offsets":[0,4],"shape":' + b"[" * 900 + b"]" * 900 + b"}}", bytes(4)), "it has the shape"),
    "twice.safetensors": (lambda: safetensors_file(b'{"a": {}, "a": {}}'), "the key `a` is given twice"),
    "overlap.safetensors": (lambda: safetensors_file({"a": entry([2], 0, 8), "b": entry([2], 4, 12)}, bytes(12)), "must begin where the last one ends, at 8, found 4"),
    "hole.safetensors": (lambda: safetensors_file({"a": entry([2], 0, 8), "b": entry([1], 12, 16)}, bytes(16)), "at 8, found 12"),
    "rest.safetensors": (lambda: safetensors_file({"a": entry([2], 0, 8)}, bytes(9)), "must hold the 8 bytes"),
    "declared.safetensors": (lambda: safetensors_file({"a": entry([2**39, 2**39], 0, 8)}, bytes(8)), "its shape needs"),
    "negative.safetensors": (lambda: safetensors_file({"a": entry([-1, -2], 0, 8)}, bytes(8)), "it has the shape [-1, -2]"),
    "bool.safetensors": (lambda: safetensors_file({"a": entry([True], 0, 4)}, bytes(4)), "it has the shape [True]"),
    "huge.safetensors": (lambda: safetensors_file(b'{"a":{"dtype":"F32","shape":[1' + b"0" * 5000 + b'],"data_offsets":[0,4]}}', bytes(4)), "must be JSON"),
    "dtype.safetensors": (lambda: safetensors_file({"a": entry([1], 0, 8, "C64")}, bytes(8)), "it has dtype C64"),
    "bool dtype.safetensors": (lambda: safetensors_file({"a": entry([1], 0, 1, "BOOL")}, bytes(1)), "it has dtype BOOL"),
    "offsets.safetensors": (lambda: safetensors_file({"a": entry([1], "0", 4)}, bytes(4)), "it has the offsets"),
    "array.safetensors": (lambda: safetensors_file(b"{}[]"), "must be JSON"),
    "nan.safetensors": (lambda: safetensors_file({"a": entry([2], 0, 8)}, NAN), "must have finite entries"),
    "nodes.onnx": (lambda: onnx_file(b"\x0a\x00" * MANY), "more than 10000 nodes, tensors or names"),
    "tensors.onnx": (lambda: onnx_file(b"\x2a\x00" * MANY), "more than 10000 nodes, tensors or names"),
    "fields.onnx": (lambda: onnx_file(b"\x50\x00" * MANY), "it has more than 500000 fields"),
    "names.onnx": (lambda: onnx_file(field(1, b"\x0a\x00" * MANY)), "more than 10000 nodes, tensors or names"),
    "declared.onnx": (lambda: onnx_matmul(onnx_tensor("k", [2**39, 2], bytes(16))), "its shape"),
    "negative.onnx": (lambda: onnx_matmul(onnx_tensor("k", [2**64 - 1, 2], bytes(16))), "it has the shape"),
    "size.onnx": (lambda: onnx_matmul(onnx_tensor("k", [2, 3], bytes(20))), "needs 24 bytes, found others"),
    "twice.onnx": (lambda: onnx_matmul(*[onnx_tensor("k", [2, 1], bytes(8))] * 2), "it gives a tensor twice"),
    "dtype.onnx": (lambda: onnx_matmul(onnx_tensor("k", [2, 1], bytes(16), 14)), "it has the data type number 14"),
    "nan.onnx": (lambda: onnx_matmul(onnx_tensor("k", [2, 1], NAN)), "must have finite entries"),
    "varint.onnx": (lambda: onnx_file(b"\x80" * 100), "a number is too long"),
    "graphs.onnx": (lambda: onnx_file(b"") + field(7, b""), "field 7 comes twice"),
    "config.keras": (lambda: keras_file(config=b"[" * 10**6), "must be JSON"),
    "nested config.keras": (lambda: keras_file(config=json.dumps(nested_config()).encode()), "reads something other"),
    "large config.keras": (lambda: keras_file(config=b" " * 10**7), "it has 10000000 bytes and may have 4194304"),
    "shared.onnx": (shared_matrix, "must not use the tensors of the file more than 10 times over"),
    "channels.onnx": (
        lambda: chained("Add", "k", 1, "Add", onnx_tensor("k", [], bytes(4)), sizes=(1, 2**27)),
        "must scale or shift at most 1048576 channels, found 134217728",
    ),
    "scaler.onnx": (lambda: chained("Scaler", "", 1, "Add", onnx_tensor("k", [], bytes(4)), sizes=(1, 2**27)), "must scale or shift"),
    "reshapes.onnx": (
        lambda: chained("Reshape", "s", 9000, "MatMul", onnx_integers("s", 1, 3), onnx_tensor("k", [2, 1], bytes(8)), sizes=(1, 2)),
        "(Reshape) to [1, 3], which is not",
    ),
    "axes.onnx": (
        lambda: chained("Unsqueeze", "s", 9000, "Flatten", onnx_integers("s", 1), sizes=(1, 2)),
        "which is no shape of samples",
    ),
    "constant axes.onnx": (
        lambda: onnx_graph([onnx_node("Unsqueeze", "k s", "m"), onnx_node("MatMul", "x m", "y")], [onnx_integers("s", *range(900)), onnx_tensor("k", [2, 1], bytes(8))]),
        "does not fit its constants",
    ),
    "constant of shape.onnx": (
        lambda: onnx_graph([onnx_node("ConstantOfShape", "s", "m"), onnx_node("MatMul", "x m", "y")], [onnx_integers("s", 2**40, 2**40)]),
        "(ConstantOfShape)",
    ),
    "slices.onnx": (many_slices, "(Concat) that is not circular padding"),
    "channels.keras": (lambda: keras_layers(keras_layer("Rescaling", "a", scale=1.0, offset=1.0), shape=(2**27,)), "must scale or shift at most 1048576 channels"),
    "order.keras": (
        lambda: keras_layers(POOL, keras_layer("Flatten", "f"), shape=(2**12, 2**12, 8)),
        "must end with a dense layer, found values in the order of an image",
    ),
    "reshape.keras": (
        lambda: keras_layers(keras_layer("Reshape", "r", target_shape=[2**13, -1, 2]), POOL, shape=(2**27,)),
        "which moves numbers from one channel to another",
    ),
    "shapes.keras": (lambda: keras_layers(keras_layer("Reshape", "r", target_shape=[10**4000] * 500), shape=(8,)), "must give `target_shape`, found [1000"),
    "doubling.keras": (lambda: keras_file(config=json.dumps(doubling(8)).encode()), "must use its layers at most 10000 times"),
    "nested models.keras": (lambda: keras_file(config=json.dumps(nested_models(60)).encode()), "in models 20 deep, found more"),
    "weights.keras": (lambda: keras_file(weights=bytes(1000)), "could not be read"),
    "external link.keras": (lambda: keras_file(hdf5(external_link)), "leads elsewhere"),
    "soft link.keras": (lambda: keras_file(hdf5(soft_link)), "leads elsewhere"),
    "external storage.keras": (lambda: keras_file(hdf5(external_storage)), "must lie in this file in one piece"),
    "virtual.keras": (lambda: keras_file(hdf5(virtual)), "must lie in this file in one piece"),
    "declared.keras": (lambda: keras_file(hdf5(declared)), "declares more than the"),
    "compressed.keras": (lambda: keras_file(hdf5(compressed)), "must lie in this file in one piece"),
    "circle.keras": (lambda: keras_file(hdf5(circle)), "it is nested more than 20 deep, or has too many"),
    "texts.keras": (lambda: keras_file(hdf5(texts)), "must hold numbers"),
    "text": (lambda: b"hello", "found another kind or a damaged file"),
    "nothing": (lambda: b"", "found another kind or a damaged file"),
    "wide.csv": (lambda: b"1," * 5_000_000, "must be text with lines of at most"),
    "words.csv": (lambda: b"a,b\n1,x\n", "could not convert string 'x' to float64"),
    "ragged.csv": (lambda: b"1,2\n1,2,3\n", "must hold numbers in columns"),
    "binary.csv": (lambda: b"\0\1\2\n", "must be text with lines"),
    "latin.csv": (lambda: b"1,2\n\xff,3\n", "must hold numbers in columns"),
    "empty.csv": (lambda: b"", "must have two columns or more and a row"),
    "nan.csv": (lambda: b"nan,1\n", "must have finite entries"),
    "labels.csv": (lambda: b"1,0.5\n", "must hold integer class numbers, found 0.5"),
    "declared.npy": (lambda: npy_header("(1000000000000, 8)") + bytes(8), "its header declares"),
    "pickled.npy": (lambda: npy_header("(1,)", "|O") + pickle.dumps(Evil()), "it has dtype object"),
    "header.npy": (lambda: b"\x93NUMPY\x02\x00\xff\xff\xff\x7f" + bytes(1000), "could not be read as a .npy file"),
}  # fmt: skip

CHILD = r"""
import json, os, resource, sys, time
folder = sys.argv[1]
from numerics.networks import load_data, load_network, load_tensors
from numerics.networks.readers import pytorch
from numerics.networks.readers.keras import hdf5, reader as keras
from numerics.networks.readers.onnx import reader as onnx
from numerics.evidence.errors import InputError
opened = []
def hook(event, args):
    if event == "open" and isinstance(args[0], (str, bytes, os.PathLike)):
        opened.append(os.fsdecode(args[0]))
    elif event in ("os.system", "subprocess.Popen", "os.exec", "os.posix_spawn", "socket.connect", "pickle.find_class"):
        opened.append(f"{event} {args[0]}")
sys.addaudithook(hook)
results = {}
for name in sorted(os.listdir(folder)):
    path = os.path.join(folder, name)
    del opened[:]
    start = [time.process_time(), resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime]
    try:
        load = load_data if name.endswith((".csv", ".npy")) else load_network
        text = "loaded " + repr(load(path))
    except InputError as error:
        text = str(error)
    except BaseException as error:
        text = f"CRASHED {type(error).__name__} {error}"
    seconds = time.process_time() - start[0] + resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - start[1]
    results[name] = [text, seconds, sorted(set(opened) - {path})]
own = int(open("/proc/self/status").read().split("VmHWM:")[1].split()[0])  # ru_maxrss is inherited from the parent
peak = max(own, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
print(json.dumps({"results": results, "peak": peak / 1024}))
"""


@pytest.fixture(scope="module")
def report(tmp_path_factory) -> Any:
    folder = tmp_path_factory.mktemp("hostile")
    for name, (build, _) in FILES.items():
        if name.endswith(".keras") and not HAS_H5PY:
            continue
        (folder / name).write_bytes(build())
    run = subprocess.run([sys.executable, "-c", CHILD, str(folder)], capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stderr[-2000:]
    return folder, json.loads(run.stdout)


@pytest.mark.parametrize("name", FILES)
def test_hostile_files_are_refused_quickly(report, name):
    folder, found = report
    if name not in found["results"]:
        pytest.skip("h5py is not installed")
    text, seconds, opened = found["results"][name]
    assert FILES[name][1] in text
    assert not text.startswith(("CRASHED", "loaded"))
    assert len(text) < 1000
    assert f"`{folder / name}`" in text
    assert re.fullmatch(r"[^\n]*\.", text)
    assert seconds < 2
    elsewhere = [path for path in opened if not path.endswith((".py", ".pyc", "/dev/null"))]
    assert all(path.startswith(f"subprocess.Popen {sys.executable}") for path in elsewhere), elsewhere
    assert not Path("/tmp/theorems-was-here").exists()


def test_hostile_files_take_little_memory(report):
    assert report[1]["peak"] < 500  # megabytes, of the reading process and of its children


def test_good_files_of_the_same_kind_are_read(tmp_path):
    """The hand-written files differ from these only in what makes them hostile."""
    (tmp_path / "a.pt").write_bytes(GOOD)
    assert (load_tensors(tmp_path / "a.pt")["w"] == np.ones((2, 2))).all()
    (tmp_path / "a.safetensors").write_bytes(safetensors_file({"a": entry([2], 0, 8)}, np.ones(2, "f4").tobytes()))
    assert (load_tensors(tmp_path / "a.safetensors")["a"] == 1).all()
    (tmp_path / "a.onnx").write_bytes(onnx_matmul(onnx_tensor("k", [2, 1], np.ones(2, "f4").tobytes())))
    assert load_network(tmp_path / "a.onnx")([[2.0, 3.0]]).item() == 5
    (tmp_path / "a.csv").write_bytes(b"1,2\n3,0\n")
    assert load_data(tmp_path / "a.csv").y.tolist() == [2, 0]


def test_folding_cannot_be_made_to_take_forever(tmp_path):
    def write(n: int, weight: float, variance: float) -> Path:
        arrays = {
            "w.weight": np.full((n, 4), weight),
            "n.running_mean": np.zeros(n),
            "n.running_var": np.full(n, variance),
        }
        np.savez(tmp_path / "t.npz", **arrays)
        return tmp_path / "t.npz"

    layers: list[Any] = [{"dense": "w"}, {"batch_normalization": "n"}]
    with pytest.raises(InputError, match="must have weights of ordinary size, found many near 0 in layer 1"):
        load_network(write(10_000, 1e-310, 1.0), {"input_shape": [4], "layers": layers})
    with pytest.raises(InputError, match="must normalise by factors of ordinary size, found 1e-152 to 1e-152"):
        load_network(write(10_000, 1.0, 1e304), {"input_shape": [4], "layers": layers})
    layers = [{"dense": "w"}, "relu", {"batch_normalization": "n"}]
    with pytest.raises(
        InputError, match="normalises 12000 flat values one by one between other layers than dense ones"
    ):
        load_network(write(12_000, 1.0, 1.0), {"input_shape": [4], "layers": layers})
    assert load_network(write(10, 1e-310, 1.0), {"input_shape": [4], "layers": layers}).outputs == 10


def test_pipes_and_devices_are_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe.npz")
    for path in (tmp_path / "pipe.npz", Path("/dev/zero")):
        for load in (load_network, load_data, load_tensors):
            with pytest.raises(InputError, match="could not be read: it is not a regular file"):
                load(path)


def test_keras_needs_h5py(tmp_path, monkeypatch):
    from numerics.networks.readers.keras import hdf5 as module

    monkeypatch.setattr(module.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"the package h5py is needed: run `pip install 'theorems\[models\]'`"):
        load_network(FIXTURES / "functional.keras")
