r"""Networks and data from files: one format per module, none of them with a line of code from the file executed.

| file | read by | needs |
|---|---|---|
| `.npz`, ours | `npz` | - |
| safetensors | `safetensors`, with an architecture | - |
| PyTorch `.pt`, `.pth` state dicts | `pytorch`, with an architecture | - |
| other `.npz` archives of weights | `npz`, with an architecture | - |
| ONNX | `onnx` | - |
| Keras `.keras` | `keras` | h5py |
| fitted scikit-learn models | `scikit_learn` | - |
| live PyTorch modules | `torch_modules` | the module |

What kind of file it is, is decided by its content. `architecture` says what an architecture is; `files` what is
checked of every file. All faults are `InputError`s of one or two sentences.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from numpy.typing import ArrayLike

from numerics.arithmetic.enclosure import Floats
from numerics.evidence.errors import InputError
from numerics.networks.network import Network
from numerics.networks.readers import architecture as _architecture
from numerics.networks.readers import npz as _npz
from numerics.networks.readers import safetensors as _safetensors
from numerics.networks.readers.architecture import Architecture
from numerics.networks.readers.data import load_batches as load_batches
from numerics.networks.readers.data import load_data as load_data
from numerics.networks.readers.data import save_data as save_data
from numerics.networks.readers.files import Archive, Tensors, checked_tensors, open_file
from numerics.networks.readers.npz import save_network as save_network
from numerics.networks.readers.scikit_learn import from_scikit_learn as from_scikit_learn
from numerics.networks.readers.scikit_learn import scikit_learn_data as scikit_learn_data
from numerics.networks.readers.torch_modules import from_torch as from_torch

_Found = tuple[Network, tuple[Floats, ...] | None] | Tensors


def _read(path: Path) -> _Found:
    """The network and its references in a file, or its tensors where they are all that it holds."""
    with open_file(path) as stream:
        head = stream.read(16)
    if head[:4] == b"PK\x03\x04" or path.suffix in (".npz", ".keras"):
        return _read_archive(path)
    if _safetensors.looks_like(head):
        return _safetensors.read_safetensors(path)
    if head[:8] == b"\x89HDF\r\n\x1a\n":
        raise InputError(f"`{path}` must be a `.keras` file, found HDF5: load it in Keras 3 and save it as `.keras`.")
    if head[:1] == b"\x80" and head[1:2] in b"\x02\x03\x04\x05":
        raise InputError(
            f"`{path}` must be a zip archive as `torch.save` writes it since PyTorch 1.6, found a bare pickle, which "
            "is a program and is not run: save `model.state_dict()` again with a newer PyTorch, or as safetensors."
        )
    if head[:1] == b"\x08" or path.suffix == ".onnx":  # field 1 of an ONNX model is a number
        from numerics.networks.readers.onnx.reader import read_onnx

        return read_onnx(path), None
    raise InputError(
        f"`{path}` must be a network in an .npz archive or a safetensors, PyTorch, ONNX or Keras file, "
        "found another kind or a damaged file."
    )


def _read_archive(path: Path) -> _Found:
    from numerics.networks.readers import pytorch
    from numerics.networks.readers.keras import reader as keras

    with Archive(path, "an .npz, PyTorch or Keras") as archive:
        members = list(archive.members)
    if pytorch.looks_like(dict.fromkeys(members)):
        return pytorch.read_pytorch(path)
    if keras.looks_like(dict.fromkeys(members)):
        return keras.read_keras(path), None
    return _npz.read_npz(path)


def load_network(path: str | os.PathLike[str], architecture: Architecture | None = None) -> Network:
    """The network in a file of any of the formats above, named after it.

    `architecture`, a TOML file or a `dict`, is needed where a file holds tensors alone and refused elsewhere. Raises
    `InputError` for every fault; for tensors without an architecture its text lists them, with an architecture to
    start from.
    """
    return _network(Path(path), architecture)[0]


def _network(path: Path, architecture: Architecture | None) -> tuple[Network, tuple[Floats, ...] | None]:
    found = _read(path)
    if isinstance(found, tuple):
        if architecture is not None:
            raise InputError(f"`{path}` says itself how its layers are wired: leave `architecture` out.")
        return found
    tensors = checked_tensors(path, found)
    if not tensors:
        raise InputError(f"`{path}` must hold the tensors of a network, found none.")
    if architecture is None:
        raise _architecture.suggestion(path, tensors)
    return _architecture.build(path, tensors, architecture), None


def load_tensors(path: str | os.PathLike[str]) -> Tensors:
    """The tensors in a safetensors, PyTorch or `.npz` file by name, in the precision of the file (bfloat16 as float32).

    Raises `InputError` for every fault, for NaN and infinity, and for files that hold a network.
    """
    path = Path(path)
    found = _read(path)
    if isinstance(found, tuple):
        raise InputError(f"`{path}` holds a network: use `load_network`.")
    return checked_tensors(path, found)


def load_references(path: str | os.PathLike[str]) -> tuple[Floats, ...] | None:
    """The reference matrices in a network file of our format, `None` where there are none and for other formats.

    Raises `InputError` as `load_network`.
    """
    path = Path(path)
    with open_file(path) as stream:
        head = stream.read(4)
    if path.suffix != ".npz" and head != b"PK\x03\x04":
        return None
    found = _read(path)
    return found[1] if isinstance(found, tuple) else None


def load_initialization(
    path: str | os.PathLike[str], network: Network, architecture: Architecture | None = None
) -> tuple[Floats, ...]:
    """The weights of another network file, such as the initialisation of `network`, as references for it.

    They are one array for each dense and convolution layer, in their order; any format will do, `architecture` as in
    `load_network`. Raises `InputError` for every fault, and when a shape differs from that in `network`.
    """
    start = load_network(path, architecture)
    weights: Sequence[ArrayLike] = [place.layer.weight for place in start.linear_layers]
    try:
        return _npz.fitting(network, weights)
    except InputError as error:
        raise InputError(f"`{path}` must hold the network `{network.name}` before training: {error}") from error
