r"""Reading and writing networks and data: our own `.npz` format, and fitted scikit-learn models.

A network file is an `.npz` archive with the members

| member | content |
|---|---|
| `format` | the text `theorems-network-1` |
| `W1` ... `WL` | weights, `Wi` of size $d_i \times d_{i-1}$, real numbers of at most 64 bits |
| `b1` ... `bL` | biases, each optional |
| `activations` | texts such as `relu` or `leaky_relu(0.1)`: one for each hidden layer, and optionally one for the
output | | `M1` ... `ML` | reference matrices, for instance the initialisation: all or none |

and nothing else. A data file has `X` (n x d, real) and `y` (n integers from 0). Files are read without pickle; the
sizes that an archive declares are checked before anything is unpacked, and every fault is an `InputError` of one
sentence.
"""

from __future__ import annotations

import os
import re
import tempfile
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import ArrayLike, NDArray

from numerics.arithmetic.enclosure import Floats
from numerics.evidence.errors import InputError
from numerics.networks.network import Activation, Data, Dense, Layer, Network, checked_references

FORMAT = "theorems-network-1"
MOST_BYTES = 4 * 2**30
"""An archive whose members declare more than this many bytes in total is refused."""
MOST_COMPRESSION = 100
"""... and so is one that declares more than this many times its size, beyond `HARMLESS_BYTES`."""
HARMLESS_BYTES = 64 * 2**20
MOST_MEMBERS = 10_000

_MEMBER = re.compile(r"([WbM])([1-9][0-9]{0,3})")


def _declared_count(path: Path) -> int:
    """The number of members in the end record of a zip file, which zipfile does not compare with what it lists."""
    with path.open("rb") as stream:
        stream.seek(max(0, path.stat().st_size - 22 - 65_535))
        tail = stream.read()
    start = tail.rfind(b"PK\x05\x06")
    return int.from_bytes(tail[start + 10 : start + 12], "little")


def _declared(archive: zipfile.ZipFile, path: Path) -> dict[str, zipfile.ZipInfo]:
    """The members by name without `.npy`, after checking what the directory of the archive declares."""
    infos = archive.infolist()
    if len(infos) > MOST_MEMBERS:
        raise InputError(f"`{path}` must hold at most {MOST_MEMBERS} members, found {len(infos)}.")
    if len(infos) != (declared := _declared_count(path)):
        raise InputError(
            f"`{path}` must list the {declared} members that it declares, found {len(infos)}: it is damaged."
        )
    total = sum(info.file_size for info in infos)
    if total > MOST_BYTES:
        raise InputError(f"`{path}` must unpack to at most {MOST_BYTES} bytes, found {total} declared.")
    packed = path.stat().st_size
    if total > HARMLESS_BYTES and total > MOST_COMPRESSION * packed:
        raise InputError(
            f"`{path}` must unpack to at most {MOST_COMPRESSION} times its size of {packed} bytes, "
            f"found {total} declared."
        )
    members: dict[str, zipfile.ZipInfo] = {}
    for info in infos:
        if not info.filename.endswith(".npy"):
            raise InputError(f"`{path}` must hold .npy members only, found {info.filename[:80]!r}.")
        name = info.filename.removesuffix(".npy")
        if name in members:
            raise InputError(f"`{path}` must hold each member once, found `{name[:80]}` twice.")
        members[name] = info
    return members


def _read_array(stream: Any, size: int) -> NDArray[Any]:
    """The array in a .npy stream of `size` bytes; raises `ValueError` when the header claims another size."""
    version = np.lib.format.read_magic(stream)
    if version not in ((1, 0), (2, 0)):
        raise ValueError(f"it is of .npy version {version}")
    read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, fortran, dtype = read_header(stream)
    if dtype.kind not in "fiuU" or dtype.itemsize > (4096 if dtype.kind == "U" else 8):
        raise ValueError(f"it has dtype {dtype}")
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
    return flat.reshape(shape, order="F" if fortran else "C")


def _load(path: str | os.PathLike[str], wanted: Iterable[str] | None = None) -> tuple[Path, dict[str, NDArray[Any]]]:
    """All members of an archive, or only the `wanted` ones where they exist."""
    path = Path(path)
    try:
        archive = zipfile.ZipFile(path)
    except OSError as error:
        raise InputError(f"`{path}` could not be read: {error.strerror or error}.") from error
    except Exception as error:  # a hostile directory can make zipfile raise many things
        raise InputError(f"`{path}` must be an .npz archive, found a file that is not one or is truncated.") from error
    with archive:
        arrays = {}
        members = _declared(archive, path)
        for name in members if wanted is None else [name for name in wanted if name in members]:
            try:
                with archive.open(members[name]) as stream:
                    arrays[name] = _read_array(stream, members[name].file_size)
            except Exception as error:  # as above: zlib, struct, unicode, checksum, encryption, header syntax
                raise InputError(
                    f"Member `{name[:80]}` of `{path}` could not be read as a plain array: {str(error)[:200]}."
                ) from error
    return path, arrays


def _numbered(path: Path, arrays: Mapping[str, NDArray[Any]], letter: str) -> dict[int, NDArray[Any]]:
    found = {}
    for name, array in arrays.items():
        match = _MEMBER.fullmatch(name)
        if match and match[1] == letter:
            found[int(match[2])] = array
    return found


def _complete(path: Path, letter: str, found: Mapping[int, NDArray[Any]], depth: int) -> list[NDArray[Any]]:
    for i in range(1, depth + 1):
        if i not in found:
            raise InputError(f"`{path}` must hold `{letter}1` to `{letter}{depth}`, found no `{letter}{i}`.")
    if len(found) > depth:
        raise InputError(f"`{path}` must hold `{letter}1` to `{letter}{depth}`, found `{letter}{max(found)}`.")
    return [found[i] for i in range(1, depth + 1)]


def _read_network(path: str | os.PathLike[str]) -> tuple[Network, tuple[Floats, ...] | None]:
    path, arrays = _load(path)
    for name in arrays:
        if name not in ("format", "activations") and not _MEMBER.fullmatch(name):
            raise InputError(
                f"`{path}` must hold `format`, `activations`, `W1`, `b1`, `M1` and so on, found `{name[:80]}`."
            )
    if "format" not in arrays or arrays["format"].shape != () or str(arrays["format"]) != FORMAT:
        found = f"{str(arrays['format'])[:40]!r}" if "format" in arrays else "none"
        raise InputError(f"`{path}` must hold the member `format` with the text {FORMAT!r}, found {found}.")
    weights = _numbered(path, arrays, "W")
    if not weights:
        raise InputError(f"`{path}` must hold the weights `W1`, `W2` and so on, found none.")
    depth = max(weights)
    ordered = _complete(path, "W", weights, depth)
    biases, references = _numbered(path, arrays, "b"), _numbered(path, arrays, "M")
    if biases and max(biases) > depth:
        raise InputError(f"`{path}` must hold a weight for each bias, found `b{max(biases)}` and {depth} weights.")
    texts = arrays.get("activations", np.zeros(0, "U1"))
    if texts.ndim != 1 or texts.dtype.kind != "U" or texts.size not in (depth - 1, depth):
        raise InputError(
            f"`{path}` must hold `activations`, {depth - 1} texts for the hidden layers and optionally one for the "
            f"output, found {'none' if 'activations' not in arrays else f'shape {texts.shape} of {texts.dtype}'}."
        )
    try:
        layers: list[Layer] = []
        for i, weight in enumerate(ordered, 1):
            layers.append(Dense(weight, biases.get(i)))
            if i <= texts.size:
                layers.append(Activation.from_text(str(texts[i - 1])))
        network = Network(layers, path.stem)
        if not references:
            return network, None
        return network, checked_references(network, _complete(path, "M", references, depth))
    except (InputError, TypeError) as error:
        raise InputError(f"`{path}`: {error}") from error


def load_network(path: str | os.PathLike[str]) -> Network:
    """The network in an `.npz` file of our format, named after the file. Raises `InputError` for every fault."""
    return _read_network(path)[0]


def load_references(path: str | os.PathLike[str]) -> tuple[Floats, ...] | None:
    """The reference matrices `M1` to `ML` in a network file, or `None`. Raises `InputError` as `load_network`."""
    return _read_network(path)[1]


def load_data(path: str | os.PathLike[str]) -> Data:
    """The members `X` and `y` of an `.npz` file; others are left alone. Raises `InputError` for every fault."""
    path, arrays = _load(path, ("X", "y"))
    for name in ("X", "y"):
        if name not in arrays:
            raise InputError(f"`{path}` must hold the members `X` and `y`, found no `{name}`.")
    try:
        return Data(arrays["X"], arrays["y"])
    except (InputError, TypeError) as error:
        raise InputError(f"`{path}`: {error}") from error


def _write(path: str | os.PathLike[str], arrays: Mapping[str, ArrayLike]) -> None:
    """Write an archive beside its place and move it there: a reader sees the old file or the whole new one."""
    path = Path(path)
    try:
        handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    except OSError as error:
        raise InputError(f"`{path}` could not be written: {error.strerror or error}.") from error
    try:
        with os.fdopen(handle, "wb") as stream:
            _savez(stream, arrays)
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, path)
    except OSError as error:
        raise InputError(f"`{path}` could not be written: {error.strerror or error}.") from error
    finally:
        Path(temporary).unlink(missing_ok=True)


def _savez(stream: BinaryIO, arrays: Mapping[str, ArrayLike]) -> None:
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in arrays.items():
            # a fixed date makes equal networks equal files
            info = zipfile.ZipInfo(f"{name}.npy", (1980, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            with archive.open(info, "w", force_zip64=True) as member:
                np.lib.format.write_array(member, np.asanyarray(array), allow_pickle=False)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def save_network(path: str | os.PathLike[str], network: Network, references: Sequence[ArrayLike] | None = None) -> None:
    """Write `network`, and `references` of the shapes of its weights, to an `.npz` file that `load_network` reads.

    The file holds exactly one activation after each dense layer but the last, where it may hold none: `InputError`
    for any other order, for references that do not fit, and when the file cannot be written. Nothing is ever half
    written.
    """
    groups = network.activations
    texts = [str(group[0]) for group in groups[1:] if group]
    if groups[0] or any(len(group) != 1 for group in groups[1:-1]) or len(groups[-1]) > 1:
        raise InputError(
            "A network file needs one activation after each dense layer (none or one after the last) and none before "
            f"the first, found {network!r}: write `identity` where there is none."
        )
    arrays: dict[str, ArrayLike] = {"format": np.array(FORMAT), "activations": np.array(texts, dtype=np.str_)}
    for i, layer in enumerate(network.dense, 1):
        arrays[f"W{i}"] = layer.weight
        if layer.bias is not None:
            arrays[f"b{i}"] = layer.bias
    if references is not None:
        arrays |= {f"M{i}": M for i, M in enumerate(checked_references(network, references), 1)}
    _write(path, arrays)


def save_data(path: str | os.PathLike[str], data: Data) -> None:
    """Write `data` to an `.npz` file that `load_data` reads, whole or not at all; `InputError` when that fails."""
    _write(path, {"X": data.X, "y": data.y})


# scikit-learn, without importing it: fitted models are recognised by what they carry.

_SCIKIT_ATTRIBUTES = ("coefs_", "intercepts_", "activation", "out_activation_")


def from_scikit_learn(model: Any) -> Network:
    r"""The scores (logits) of a fitted `MLPClassifier`, or the outputs of an `MLPRegressor`.

    scikit-learn keeps weights as d_in x d_out; they are transposed here. The final softmax is left out: it changes
    neither the order of the scores nor, up to a constant in each row, their logarithms. A binary classifier has *one*
    logistic output $z$; it becomes the two logits $(0, z)$, and the name of the network says so. Raises `TypeError`
    when `model` is not such a model or not fitted, `InputError` for multilabel classifiers and output functions other
    than softmax, logistic and identity.
    """
    missing = [name for name in _SCIKIT_ATTRIBUTES if not hasattr(model, name)]
    if missing:
        raise TypeError(
            f"`model` must be a fitted scikit-learn MLPClassifier or MLPRegressor, found {type(model).__name__} "
            f"without `{missing[0]}`: call `fit` first."
        )
    output = model.out_activation_
    if output not in ("softmax", "logistic", "identity"):
        raise InputError(f"The output function of `model` must be softmax, logistic or identity, found `{output}`.")
    weights = [np.asarray(coefs).T for coefs in model.coefs_]
    biases = [np.asarray(intercepts) for intercepts in model.intercepts_]
    name = type(model).__name__
    if output == "logistic":
        if weights[-1].shape[0] != 1:
            raise InputError("`model` must give one class to each sample, found a multilabel classifier.")
        weights[-1] = np.vstack([np.zeros_like(weights[-1]), weights[-1]])
        biases[-1] = np.array([0.0, biases[-1][0]])
        name += " (its one logistic output z as the two logits 0 and z)"
    layers: list[Layer] = []
    for weight, bias in zip(weights, biases, strict=True):
        layers += [Dense(weight, bias), Activation(model.activation)]
    return Network(layers[:-1], name)


def scikit_learn_data(model: Any, X: ArrayLike, y: ArrayLike) -> Data:
    """`X` and the labels `y` as a fitted classifier counts them: by their place in `model.classes_`.

    Raises `TypeError` when `model` has no `classes_`, `InputError` for a label that it was not fitted with.
    """
    if not hasattr(model, "classes_"):
        raise TypeError(f"`model` must be a fitted classifier with `classes_`, found {type(model).__name__}.")
    places = {label: i for i, label in enumerate(np.asarray(model.classes_).tolist())}
    labels = np.asarray(y).tolist()
    for label in labels:
        if label not in places:
            raise InputError(f"`y` must hold labels that `model` was fitted with, found {label!r}.")
    return Data(X, np.array([places[label] for label in labels], dtype=np.int64))
