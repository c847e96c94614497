r"""An instance worth keeping: the numbers that break a claim, or attain it, in one file.

A `Witness` is saved as one `.npz` file that `numpy.load` can open as well. Its member `json` holds everything that is
exact (rational matrices as texts `"p/q"`, integers of any size, texts, booleans) and the other members hold
arrays of floats. Nothing is pickled. A file is read with suspicion: all sizes are known to be small before
anything is decompressed, and whatever does not fit the format is refused with an `InputError`.
"""

from __future__ import annotations

import io
import json
import math
import os
import re
import secrets
import struct
import warnings
import zipfile
import zlib
from collections import Counter
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from flint import fmpq, fmpz

from numerics.arithmetic.exact import Matrix, as_fraction, rational
from numerics.evidence.errors import InputError

FORMAT = "theorems witness 1"
LARGEST_TOTAL = 256 * 2**20
"""Bytes that all members of a witness file may have together, unpacked."""
LARGEST_DIMENSION = 2**20
_MOST_MEMBERS = 10_000
_DEEPEST = 32
_JSON = "json"
_INTEGER = re.compile(r"-?[0-9]+")


@dataclass(frozen=True, eq=False)
class Witness:
    """Named values that belong to a claim.

    `claim` is the dotted name of the claim, `values` maps names to values and `note` says in words what they show.
    A value is a `Matrix`, an `fmpq`, a `Fraction`, an integer, a float, a boolean, a text, a NumPy array of floats,
    integers or booleans, or a tuple or list of values. Every one comes back from a file with the type it had, except
    that single numbers of NumPy's and FLINT's integers come back as Python's. Witnesses are equal when all of this is,
    floats bit for bit.

    Raises `TypeError` for a value of another type and `ValueError` for values nested too deeply.
    """

    claim: str
    values: dict[str, Any]
    note: str = ""

    def __post_init__(self) -> None:
        if not isinstance(self.claim, str) or not self.claim:
            raise ValueError(f"`claim` must be the name of a claim, found {self.claim!r}.")
        if not isinstance(self.note, str) or not all(isinstance(name, str) for name in self.values):
            raise TypeError("`note` and the names in `values` must be texts.")
        self._pack()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Witness):
            return NotImplemented
        mine, arrays = self._pack()
        theirs, others = other._pack()
        return mine == theirs and all(
            a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
            for a, b in zip(arrays, others, strict=True)
        )

    __hash__ = None  # type: ignore[assignment]  # the values can be changed

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the file, whole or not at all; equal witnesses give equal bytes.

        Raises `InputError` when the path cannot be written or the witness is larger than `LARGEST_TOTAL`.
        """
        target = Path(path)
        text, arrays = self._pack()
        members = {_JSON: np.frombuffer(text.encode("ascii"), dtype=np.uint8)}
        members |= {f"array_{k}": a for k, a in enumerate(arrays)}
        if len(members) > _MOST_MEMBERS or sum(a.nbytes + 256 for a in members.values()) > LARGEST_TOTAL:
            raise InputError(
                f"`values` must fit into {LARGEST_TOTAL // 2**20} MiB and {_MOST_MEMBERS} arrays, "
                f"found {sum(a.nbytes for a in members.values())} bytes in {len(members)}: keep less."
            )
        temporary = target.with_name(f".{target.name}.{secrets.token_hex(6)}.tmp")
        try:
            try:
                with open(temporary, "xb") as file:
                    with zipfile.ZipFile(file, "w") as archive:
                        for name, array in members.items():
                            packed = io.BytesIO()
                            np.lib.format.write_array(packed, array, allow_pickle=False)
                            info = zipfile.ZipInfo(f"{name}.npy")  # dated 1980, so that equal content gives equal bytes
                            info.compress_type = zipfile.ZIP_DEFLATED
                            archive.writestr(info, packed.getvalue())
                    file.flush()
                    os.fsync(file.fileno())
                os.replace(temporary, target)
            finally:
                temporary.unlink(missing_ok=True)
        except OSError as error:
            raise InputError(
                f"`{target}` cannot be written ({error.strerror or error}): choose a file in a folder that exists "
                "and that you may write to."
            ) from error

    @classmethod
    def load(cls, path: str | os.PathLike[str], claim: str | None = None) -> Witness:
        """Reads a file that `save` wrote; with `claim`, refuses the witness of any other claim.

        Raises `InputError` when the file cannot be read, is not a witness, or belongs to another claim.
        """
        source = Path(path)
        try:
            witness = _read(source)
        except _Malformed as error:
            raise InputError(
                f"`{source}` must be a witness file written by `Witness.save`, found {error}: save it again."
            ) from error
        except OSError as error:
            raise InputError(
                f"`{source}` cannot be read ({error.strerror or error}): give the path of a witness file."
            ) from error
        if claim is not None and witness.claim != claim:
            raise InputError(
                f"`{source}` must hold a witness of the claim `{claim}`, found one of `{witness.claim[:200]}`: "
                "give that claim's name or another file."
            )
        return witness

    def _pack(self) -> tuple[str, list[np.ndarray]]:
        arrays: list[np.ndarray] = []
        content = {
            "format": FORMAT,
            "claim": self.claim,
            "note": self.note,
            "values": {name: _encode(value, name, arrays) for name, value in self.values.items()},
        }
        return json.dumps(content), arrays


class _Malformed(Exception):
    """What is wrong with a file; the text completes the sentence 'found ...'."""


def _encode(value: Any, name: str, arrays: list[np.ndarray], depth: int = 0) -> Any:
    if depth > _DEEPEST:
        raise ValueError(f"`{name}` must be nested at most {_DEEPEST} deep, found more: flatten it.")
    if isinstance(value, bool | str):
        return value
    if isinstance(value, np.bool_):
        return bool(value)
    if isinstance(value, int | fmpz | np.integer):
        return {"integer": str(fmpz(int(value)))}  # Python refuses to print integers of more than 4300 digits
    if isinstance(value, float | np.floating):
        return {"float": float(value).hex()}
    if isinstance(value, fmpq):
        return {"rational": str(value)}
    if isinstance(value, Fraction):
        return {"fraction": str(rational(value))}
    if isinstance(value, Matrix):
        return {"matrix": [value.rows, value.cols], "entries": [str(x) for x in value.entries()]}
    if isinstance(value, np.ndarray) and _is_plain(value.dtype):
        arrays.append(value)
        return {"array": len(arrays) - 1}
    if isinstance(value, tuple | list):
        kind = "tuple" if isinstance(value, tuple) else "list"
        return {kind: [_encode(x, name, arrays, depth + 1) for x in value]}
    found = f"an array of dtype {value.dtype}" if isinstance(value, np.ndarray) else type(value).__name__
    raise TypeError(
        f"`{name}` must be made of matrices, rational numbers, floats, texts and arrays of numbers, found {found}: "
        "convert it first."
    )


def _is_plain(dtype: np.dtype[Any]) -> bool:
    return dtype.kind in "fiub" and dtype.itemsize <= 8


def _read(path: Path) -> Witness:
    if path.exists() and not path.is_file():
        raise _Malformed("something that is not a regular file")
    if path.stat().st_size > LARGEST_TOTAL:
        raise _Malformed(f"{path.stat().st_size} bytes where at most {LARGEST_TOTAL} are read")
    with open(path, "rb") as file:
        try:
            with zipfile.ZipFile(file) as archive:
                members = _members(archive)
        except (zipfile.BadZipFile, zlib.error, EOFError, struct.error, ValueError, RuntimeError) as error:
            raise _Malformed(f"no complete npz archive ({error})") from error
    if _JSON not in members:
        raise _Malformed(f"no member `{_JSON}`")
    text = members.pop(_JSON)
    if text.dtype != np.uint8 or text.ndim != 1:
        raise _Malformed(f"a member `{_JSON}` that is not text")
    try:
        content = json.loads(text.tobytes(), object_pairs_hook=_no_duplicates, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise _Malformed(f"a member `{_JSON}` that is not valid ({error})") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        found = content.get("format") if isinstance(content, dict) else None
        raise _Malformed(f"the format {str(found)[:40]!r} instead of {FORMAT!r}")
    if set(content) != {"format", "claim", "note", "values"} or not isinstance(content["values"], dict):
        raise _Malformed(f"the entries {sorted(content)} instead of claim, format, note, values")
    claim, note = content["claim"], content["note"]
    if not isinstance(claim, str) or not claim or not isinstance(note, str):
        raise _Malformed("a claim or a note that is not a text")
    values = {name: _decode(x, members) for name, x in content["values"].items()}
    if members:
        raise _Malformed(f"the member `{min(members)}`, which no value uses")
    return Witness(claim, values, note)


def _members(archive: zipfile.ZipFile) -> dict[str, np.ndarray]:
    infos = archive.infolist()
    if len(infos) > _MOST_MEMBERS:
        raise _Malformed(f"{len(infos)} members where at most {_MOST_MEMBERS} are read")
    name, times = max(Counter(info.filename for info in infos).items(), key=lambda item: item[1], default=("", 0))
    if times > 1:
        raise _Malformed(f"the member `{name}` {times} times")
    total = sum(info.file_size for info in infos)  # zipfile never unpacks more of a member than its declared size
    if total > LARGEST_TOTAL:
        raise _Malformed(f"{total} bytes declared where at most {LARGEST_TOTAL} are read")
    for info in infos:
        if not info.filename.endswith(".npy"):
            raise _Malformed(f"the member `{info.filename}`, which is not an array")
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise _Malformed(f"an unusual compression of the member `{info.filename}`")
    return {info.filename.removesuffix(".npy"): _array(archive.read(info), info.filename) for info in infos}


def _array(data: bytes, name: str) -> np.ndarray:
    """A `.npy` member, whose header must declare a plain dtype and exactly the bytes that follow."""
    stream = io.BytesIO(data)
    try:
        with warnings.catch_warnings(action="error"):  # NumPy warns of headers that it had to mend
            version = np.lib.format.read_magic(stream)
            read_header = {
                (1, 0): np.lib.format.read_array_header_1_0,
                (2, 0): np.lib.format.read_array_header_2_0,
            }[version]
            shape, is_fortran, dtype = read_header(stream)
    except Exception as error:  # a hostile header makes NumPy's parser raise errors of many kinds
        raise _Malformed(f"a damaged array in the member `{name}`") from error
    if not _is_plain(dtype) or any(n < 0 for n in shape):
        raise _Malformed(f"the dtype {dtype} and shape {shape} in the member `{name}`")
    body = data[stream.tell() :]
    if math.prod(shape) * dtype.itemsize != len(body):
        raise _Malformed(f"{len(body)} bytes for the shape {shape} in the member `{name}`")
    if math.prod(n for n in shape if n) > LARGEST_TOTAL or len(shape) > 32:
        raise _Malformed(f"the shape {shape} in the member `{name}`")
    return np.frombuffer(body, dtype=dtype).reshape(shape, order="F" if is_fortran else "C").copy()


def _decode(x: Any, members: dict[str, np.ndarray], depth: int = 0) -> Any:
    """The value of a JSON entry; takes the arrays that it uses out of `members`."""
    if depth > _DEEPEST:
        raise _Malformed(f"values nested more than {_DEEPEST} deep")
    match x:
        case bool() | str():
            return x
        case {"integer": str(text), **rest} if not rest and _INTEGER.fullmatch(text):
            return int(fmpz(text))
        case {"float": str(text), **rest} if not rest:
            try:
                return float.fromhex(text)
            except (ValueError, OverflowError) as error:
                raise _Malformed(f"the float {text[:40]!r}") from error
        case {"rational": str(text), **rest} if not rest:
            return _rational(text)
        case {"fraction": str(text), **rest} if not rest:
            return as_fraction(_rational(text))
        case {"matrix": [int(m), int(n)], "entries": list(texts), **rest} if not rest:
            if isinstance(m, bool) or isinstance(n, bool) or not (0 <= m <= LARGEST_DIMENSION >= n >= 0):
                raise _Malformed(f"a matrix of shape {m} x {n}")
            if m * n != len(texts):
                raise _Malformed(f"{len(texts)} entries for a {m}x{n} matrix")
            return Matrix.from_entries(m, n, [_rational(text) for text in texts])
        case {"array": int(k), **rest} if not rest and f"array_{k}" in members:
            return members.pop(f"array_{k}")
        case {"tuple": list(parts), **rest} if not rest:
            return tuple(_decode(part, members, depth + 1) for part in parts)
        case {"list": list(parts), **rest} if not rest:
            return [_decode(part, members, depth + 1) for part in parts]
    raise _Malformed(f"the value {str(x)[:60]!r}")


def _rational(text: Any) -> fmpq:
    try:
        if isinstance(text, str):
            return rational(text)
    except ValueError:
        pass
    raise _Malformed(f"the number {str(text)[:40]!r}")


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    out = dict(pairs)
    if len(out) != len(pairs):
        raise ValueError("a name occurs twice")
    return out


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a number of this format")
