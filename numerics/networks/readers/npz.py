r"""Our own format for networks, `.npz` archives that NumPy can read, without pickle.

A fully connected network with one activation after each layer but perhaps the last is written as version 1:

| member | content |
|---|---|
| `format` | the text `theorems-network-1` |
| `W1` ... `WL` | weights, `Wi` of size $d_i \times d_{i-1}$, real numbers of at most 64 bits |
| `b1` ... `bL` | biases, each optional |
| `activations` | texts such as `relu` or `leaky_relu(0.1)`: one for each hidden layer, and optionally one for the output |
| `M1` ... `ML` | reference matrices, for instance the initialisation: all or none |

and nothing else. Every other network is written as version 2, where layers are numbered as values are, from 1:

| member | content |
|---|---|
| `format` | the text `theorems-network-2` |
| `network` | the bytes of a JSON object with `input_shape` and `layers`, each with `kind`, `reads` and its options |
| `Wi`, `bi` | weight and optional bias of layer i, dense or convolution |
| `meani`, `variancei`, `scalei`, `shifti` | those of layer i, batch normalisation |
| `Mi` | the reference for layer i, of the shape of its weight: for all dense and convolution layers or for none |
"""

from __future__ import annotations

import json
import os
import re
import sys
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import ArrayLike, NDArray

from numerics.arithmetic.enclosure import Floats, as_float_matrix
from numerics.evidence.errors import InputError
from numerics.networks.layers import (
    Activation,
    Add,
    BatchNormalization,
    Convolution,
    Dense,
    Flatten,
    Layer,
    Pooling,
    Reshape,
    Scaling,
)
from numerics.networks.network import Network
from numerics.networks.readers.assembly import Assembly
from numerics.networks.readers.files import MOST_TEXT, Archive, Tensors, json_object, listed, short, write_whole

FORMAT, GRAPH_FORMAT = "theorems-network-1", "theorems-network-2"
_MEMBER = re.compile(r"([WbM])([1-9][0-9]{0,3})")
_GRAPH_MEMBER = re.compile(r"(W|b|M|mean|variance|scale|shift)([1-9][0-9]{0,4})")
_WINDOWS = ("stride", "padding", "dilation")


def read_npy(stream: Any, size: int) -> NDArray[Any]:
    """The array in a .npy stream of `size` bytes; raises `ValueError` when the header claims another size."""
    shape, fortran, dtype = read_npy_header(stream)
    count = 1
    for length in shape:
        count *= length
    left = size - stream.tell()
    if count * dtype.itemsize != left:
        raise ValueError(f"its header declares {count * dtype.itemsize} bytes and {left} follow")
    content = stream.read(left)
    if stream.read(1) or len(content) != left:  # reading to the end makes zipfile compare the checksum
        raise ValueError("it is truncated")
    flat = np.frombuffer(content, dtype) if content else np.empty(0, dtype)
    if dtype.kind == "U" and content:  # NumPy makes texts of any code points, and Python then fails in odd places
        codes = np.frombuffer(content, np.dtype(np.uint32).newbyteorder(dtype.byteorder))
        if int(codes.max()) > sys.maxunicode:
            raise ValueError("it has a text with a character that does not exist")
    return flat.reshape(shape, order="F" if fortran else "C")


def read_npy_header(stream: Any) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Shape, whether the first index runs fastest, and dtype of a .npy stream; raises `ValueError`."""
    version = np.lib.format.read_magic(stream)
    if version not in ((1, 0), (2, 0)):
        raise ValueError(f"it is of .npy version {version}")
    read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, fortran, dtype = read_header(stream)
    if dtype.kind not in "fiuU" or dtype.itemsize > (4096 if dtype.kind == "U" else 8):
        raise ValueError(f"it has dtype {dtype}")
    if any(length < 0 for length in shape):
        raise ValueError(f"it has the shape {shape}")
    return shape, fortran, dtype


def read_members(path: Path, wanted: Iterable[str] | None = None) -> Tensors:
    """All arrays of an archive, or only the `wanted` ones where they exist."""
    with Archive(path, "an .npz") as archive:
        for name in archive.members:
            if not name.endswith(".npy"):
                raise InputError(f"`{path}` must hold .npy members only, found {short(name)!r}.")
        names = [name.removesuffix(".npy") for name in archive.members]
        chosen = names if wanted is None else [name for name in wanted if name in names]
        return {name: archive.read(f"{name}.npy", read_npy, " as a plain array") for name in chosen}


# Networks.


def read_npz(path: Path) -> tuple[Network, tuple[Floats, ...] | None] | Tensors:
    """The network in an archive of our format and its references, or `None`; of other archives, the arrays.

    Raises `InputError` for every fault.
    """
    arrays = read_members(path)
    if "format" not in arrays and "activations" not in arrays:
        return arrays
    if "format" not in arrays:
        raise InputError(f"`{path}` must hold the member `format` with the text {FORMAT!r}, found none.")
    text = str(arrays["format"]) if arrays["format"].shape == () else ""
    if text not in (FORMAT, GRAPH_FORMAT):
        raise InputError(
            f"`{path}` must hold the member `format` with the text {FORMAT!r} or {GRAPH_FORMAT!r}, "
            f"found {short(arrays['format'], 40)!r}."
        )
    try:
        return (_dense_network if text == FORMAT else _graph)(path, arrays)
    except (InputError, TypeError) as error:
        text = str(error)
        raise (
            error if isinstance(error, InputError) and f"`{path}`" in text else InputError(f"`{path}`: {text}")
        ) from error


def _numbered(arrays: Mapping[str, NDArray[Any]], letter: str) -> dict[int, NDArray[Any]]:
    matches = [(name, _MEMBER.fullmatch(name)) for name in arrays]
    return {int(match[2]): arrays[name] for name, match in matches if match and match[1] == letter}


def _complete(path: Path, letter: str, found: Mapping[int, NDArray[Any]], depth: int) -> list[NDArray[Any]]:
    for i in range(1, depth + 1):
        if i not in found:
            raise InputError(f"`{path}` must hold `{letter}1` to `{letter}{depth}`, found no `{letter}{i}`.")
    if len(found) > depth:
        raise InputError(f"`{path}` must hold `{letter}1` to `{letter}{depth}`, found `{letter}{max(found)}`.")
    return [found[i] for i in range(1, depth + 1)]


def _dense_network(path: Path, arrays: Tensors) -> tuple[Network, tuple[Floats, ...] | None]:
    for name in arrays:
        if name not in ("format", "activations") and not _MEMBER.fullmatch(name):
            raise InputError(
                f"`{path}` must hold `format`, `activations`, `W1`, `b1`, `M1` and so on, found `{short(name)}`."
            )
    weights = _numbered(arrays, "W")
    if not weights:
        raise InputError(f"`{path}` must hold the weights `W1`, `W2` and so on, found none.")
    depth = max(weights)
    ordered = _complete(path, "W", weights, depth)
    biases, references = _numbered(arrays, "b"), _numbered(arrays, "M")
    if biases and max(biases) > depth:
        raise InputError(f"`{path}` must hold a weight for each bias, found `b{max(biases)}` and {depth} weights.")
    texts = arrays.get("activations", np.zeros(0, "U1"))
    if texts.ndim != 1 or texts.dtype.kind != "U" or texts.size not in (depth - 1, depth):
        raise InputError(
            f"`{path}` must hold `activations`, {depth - 1} texts for the hidden layers and optionally one for the "
            f"output, found {'none' if 'activations' not in arrays else f'shape {texts.shape} of {texts.dtype}'}."
        )
    layers: list[Layer] = []
    for i, weight in enumerate(ordered, 1):
        layers.append(Dense(weight, biases.get(i)))
        if i <= texts.size:
            layers.append(Activation.from_text(str(texts[i - 1])))
    network = Network(layers, path.stem)
    return network, fitting(network, _complete(path, "M", references, depth)) if references else None


def fitting(network: Network, references: Sequence[ArrayLike]) -> tuple[Floats, ...]:
    """References as float64, one of the shape of each linear layer's weight; raises `InputError` otherwise."""
    places = network.linear_layers
    if len(references) != len(places):
        raise InputError(
            f"`references` must hold one array for each of the {len(places)} dense and convolution layers, "
            f"found {len(references)}."
        )
    found = []
    for i, (M, place) in enumerate(zip(references, places, strict=True)):
        shape = place.layer.weight.shape
        matrix = as_float_matrix(M, f"references[{i}]", np.ndim(M))
        if matrix.shape != shape:
            raise InputError(f"`references[{i}]` must have the shape {shape} of {place}, found {matrix.shape}.")
        found.append(matrix)
    return tuple(found)


def _described(layer: Layer) -> tuple[dict[str, Any], dict[str, ArrayLike | None]]:
    """Kind and options of a layer, and its arrays."""
    match layer:
        case Dense(weight=weight, bias=bias):
            return {"kind": "dense"}, {"W": weight, "b": bias}
        case Convolution(weight=weight, bias=bias):
            options = {name: getattr(layer, name) for name in (*_WINDOWS, "groups", "circular")}
            return {"kind": "convolution", **options}, {"W": weight, "b": bias}
        case BatchNormalization(epsilon=epsilon):
            names = ("mean", "variance", "scale", "shift")
            return {"kind": "batch_normalization", "epsilon": epsilon}, {name: getattr(layer, name) for name in names}
        case Pooling(kind=kind, size=size, count_padding=count):
            if size is None:
                return {"kind": "pooling", "of": kind, "size": None}, {}
            options = {name: getattr(layer, name) for name in _WINDOWS}
            return {"kind": "pooling", "of": kind, "size": size, "count_padding": count, **options}, {}
        case Activation():
            return {"kind": "activation", "of": str(layer)}, {}
        case Scaling(factor=factor):
            return {"kind": "scaling", "factor": factor}, {}
        case Flatten():
            return {"kind": "flatten"}, {}
        case Reshape(shape=shape):
            return {"kind": "reshape", "shape": shape}, {}
        case Add():
            return {"kind": "add"}, {}
    raise TypeError(f"`layers` must hold layers, found {type(layer).__name__}.")


def _made(options: dict[str, Any], array: Callable[[str], NDArray[Any] | None]) -> Layer:
    """The layer that `_described` describes; raises `TypeError` or `ValueError` when it is none."""
    kind = options.pop("kind", None)
    if kind in ("dense", "convolution"):
        weight = array("W")
        if weight is None:
            raise InputError("It must have a weight, found none.")
        return (Dense if kind == "dense" else Convolution)(weight, array("b"), **options)
    if kind == "batch_normalization":
        mean, variance = array("mean"), array("variance")
        if mean is None or variance is None:
            raise InputError("It must have a mean and a variance, found none.")
        return BatchNormalization(mean, variance, array("scale"), array("shift"), **options)
    if kind == "pooling":
        return Pooling(options.pop("of", ""), options.pop("size", 0), **options)
    if kind == "activation":
        return Activation.from_text(str(options.pop("of", "")), **options)
    plain: dict[Any, Any] = {"scaling": Scaling, "flatten": Flatten, "reshape": Reshape, "add": Add}
    if kind not in plain:
        raise InputError(f"It must be of a known kind, found {short(kind, 40)}.")
    return plain[kind](**options)


def _graph(path: Path, arrays: Tensors) -> tuple[Network, tuple[Floats, ...] | None]:
    text = arrays.pop("network", None)
    arrays.pop("format")
    if text is None or text.dtype != np.uint8 or text.ndim != 1 or text.size > MOST_TEXT:
        raise InputError(f"`{path}` must hold the member `network`, the bytes of a JSON object, found none.")
    content = json_object(text.tobytes(), f"Member `network` of `{path}`")
    entries, shape = content.pop("layers", None), content.pop("input_shape", None)
    if not isinstance(entries, list) or not isinstance(shape, list) or content:
        raise InputError(f"Member `network` of `{path}` must have `input_shape` and `layers`, two lists, and no more.")
    assembly = Assembly(str(path), "")
    assembly.input("0", shape)
    used: set[str] = set()
    for number, entry in enumerate(entries, 1):
        reads = entry.pop("reads", [number - 1]) if isinstance(entry, dict) else None
        if not isinstance(reads, list) or not reads or any(type(r) is not int or not 0 <= r < number for r in reads):
            raise InputError(f"Layer {number} of `{path}` must read values before it, found {short(reads)}.")

        def array(letter: str, number: int = number) -> NDArray[Any] | None:
            used.add(f"{letter}{number}")
            return arrays.get(f"{letter}{number}")

        try:
            layer = _made(entry, array)
            if (len(reads) > 1) != isinstance(layer, Add):
                raise InputError(f"It must read {'two values or more' if isinstance(layer, Add) else 'one value'}.")
        except (TypeError, ValueError) as error:
            raise InputError(f"Layer {number} of `{path}`: {error}") from error
        assembly.add(str(number), [str(read) for read in reads], lambda layer=layer: layer, f"{number}")
    assembly.check()
    # not `assembly.network`, which leaves out what is not needed: here nothing may be left over
    network = Network(assembly.layers, path.stem, input_shape=assembly.shapes[0], wiring=assembly.wiring)
    names = [f"M{place.number}" for place in network.linear_layers]
    references = [arrays[name] for name in names if name in arrays]
    if left := [name for name in arrays if name not in used and name not in names]:
        raise InputError(f"`{path}` must hold arrays of its layers only, found {listed(left)}.")
    if references and len(references) < len(names):
        missing = next(name for name in names if name not in arrays)
        raise InputError(f"`{path}` must hold `{missing}` or no reference at all, found none.")
    return network, fitting(network, references) if references else None


# Writing.


def write_npz(path: str | os.PathLike[str], arrays: Mapping[str, ArrayLike]) -> None:
    """Write an archive, whole or not at all."""

    def write(stream: BinaryIO) -> None:
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, array in arrays.items():
                info = zipfile.ZipInfo(f"{name}.npy", (1980, 1, 1, 0, 0, 0))  # equal networks are equal files
                info.compress_type = zipfile.ZIP_DEFLATED
                with archive.open(info, "w", force_zip64=True) as member:
                    np.lib.format.write_array(member, np.asanyarray(array), allow_pickle=False)

    write_whole(path, write)


def save_network(path: str | os.PathLike[str], network: Network, references: Sequence[ArrayLike] | None = None) -> None:
    """Write `network`, and `references` of the shapes of its weights, to an `.npz` file that `load_network` reads.

    The references are one array for each dense and convolution layer, in their order: `InputError` when they do not
    fit and when the file cannot be written. Nothing is ever half written.
    """
    matrices = None if references is None else fitting(network, references)
    arrays: dict[str, ArrayLike]
    texts = _activation_texts(network)
    numbers: Sequence[int]
    if texts is not None:
        arrays = {"format": np.array(FORMAT), "activations": np.array(texts, dtype=np.str_)}
        for i, layer in enumerate(network.dense, 1):
            arrays |= {f"W{i}": layer.weight} | ({} if layer.bias is None else {f"b{i}": layer.bias})
        numbers = range(1, network.depth + 1)
    else:
        entries, arrays = [], {}
        for i, (layer, reads) in enumerate(zip(network.layers, network.wiring, strict=True), 1):
            options, parts = _described(layer)
            entries.append({**options, "reads": list(reads)})
            arrays |= {f"{letter}{i}": part for letter, part in parts.items() if part is not None}
        text = json.dumps({"input_shape": list(network.input_shape), "layers": entries})
        arrays = {"format": np.array(GRAPH_FORMAT), "network": np.frombuffer(text.encode(), np.uint8)} | arrays
        numbers = [place.number for place in network.linear_layers]
    if matrices is not None:
        arrays |= {f"M{i}": M for i, M in zip(numbers, matrices, strict=True)}
    write_npz(path, arrays)


def _activation_texts(network: Network) -> list[str] | None:
    """The activations of a network that version 1 can hold, `None` for others."""
    chain = network.is_chain and all(isinstance(layer, Dense | Activation) for layer in network.layers)
    if not chain or network.input_shape != (network.inputs,):
        return None
    groups = network.activations
    if groups[0] or any(len(group) != 1 for group in groups[1:-1]) or len(groups[-1]) > 1:
        return None
    return [str(group[0]) for group in groups[1:] if group]
