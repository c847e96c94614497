r"""Tensors of a PyTorch `.pt` or `.pth` file, read without PyTorch and without unpickling.

Such a file is a zip archive: `NAME/data.pkl` is a pickle in which each tensor is a call
`torch._utils._rebuild_tensor_v2(storage, offset, size, stride, ...)`, and `NAME/data/KEY` are the bytes of a storage.
A pickle is a program; here its *opcodes* are interpreted by `Program`, which knows the few that a state dict needs
and, instead of importing anything, recognises the few names of `_NAMES`. Nothing that the file names is ever called.
"""

from __future__ import annotations

import pickletools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numerics.evidence.errors import InputError
from numerics.networks.readers.files import (
    HARMLESS_BYTES,
    MOST_COMPRESSION,
    MOST_MEMBERS,
    MOST_TEXT,
    Archive,
    Tensors,
    checked_tensors,
    counted,
    from_bfloat16,
    short,
)

_STORAGES = {
    "DoubleStorage": "f8", "FloatStorage": "f4", "HalfStorage": "f2", "BFloat16Storage": "u2", "LongStorage": "i8",
    "IntStorage": "i4", "ShortStorage": "i2", "CharStorage": "i1", "ByteStorage": "u1",
}  # fmt: skip
_NAMES = {
    "collections OrderedDict",
    "torch._utils _rebuild_tensor_v2",
    "torch._utils _rebuild_parameter",
    *(f"torch {storage}" for storage in _STORAGES),
}


_STATES = ("state_dict", "model_state_dict", "model", "net", "network")
_MOST_STEPS = 50 * MOST_MEMBERS
"""The most opcodes of a pickle; a tensor takes about 35."""


@dataclass(frozen=True)
class Name:
    """What the pickle calls by this name; only compared, never imported."""

    text: str


@dataclass(frozen=True)
class Storage:
    """The bytes under `key`, as `count` numbers of the storage class `kind`."""

    kind: str
    key: str
    count: int


@dataclass(frozen=True)
class Tensor:
    """A tensor inside a storage; offset and strides count numbers, not bytes."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


class _Mark:
    """The place on the stack where a tuple, a list or a dict begins."""


def _called(name: object, arguments: object) -> object:
    """What a call gives: an empty dict or a description of a tensor."""
    if not isinstance(name, Name) or not isinstance(arguments, tuple):
        raise ValueError("it calls something that has no name")
    if name.text == "collections OrderedDict" and arguments == ():
        return {}
    if name.text == "torch._utils _rebuild_parameter" and arguments and isinstance(arguments[0], Tensor):
        return arguments[0]
    if name.text == "torch._utils _rebuild_tensor_v2" and len(arguments) >= 4:
        storage, offset, shape, strides = arguments[:4]
        lengths = (shape, strides)
        if (
            isinstance(storage, Storage)
            and type(offset) is int
            and all(isinstance(x, tuple) and all(type(i) is int and i >= 0 for i in x) for x in lengths)
            and len(shape) == len(strides) <= 8
            and offset >= 0
        ):
            return Tensor(storage, offset, shape, strides)
    raise ValueError(f"it calls `{name.text}` in a way that no state dict does")


def _storage(identity: object) -> Storage:
    match identity:
        case ("storage", Name(text), str(key), str(_), int(count)) if text.removeprefix("torch ") in _STORAGES:
            return Storage(text.removeprefix("torch "), key, count)
    raise ValueError("it refers to something that is not a storage of numbers")


def _interpret(raw: bytes) -> object:
    """The value that the pickle `raw` describes, with `Tensor` in the place of tensors.

    Dicts keep text and whole numbers as keys only, so that no hash is computed of nested tuples, which can take
    exponential time. Raises `ValueError` for every opcode, name or use that a state dict has no need of.
    """
    stack: list[Any] = []
    memo: dict[int, Any] = {}

    def above_mark() -> list[Any]:
        place = len(stack) - 1
        while not isinstance(stack[place], _Mark):
            place -= 1
            if place < 0:
                raise IndexError
        items = stack[place + 1 :]
        del stack[place:]
        return items

    def put(target: object, keys_and_values: list[Any]) -> None:
        if not isinstance(target, dict) or len(keys_and_values) % 2:
            raise ValueError("it sets items of something that is no dict")
        for key, value in zip(keys_and_values[::2], keys_and_values[1::2], strict=True):
            if type(key) not in (str, int):
                raise ValueError(f"it has a key of type {type(key).__name__}")
            if key in target:
                raise ValueError(f"it gives the key `{short(key)}` twice")
            target[key] = value

    argument: Any
    for count, (opcode, argument, _) in enumerate(pickletools.genops(raw)):
        if count > _MOST_STEPS:
            raise ValueError(f"it has more than {_MOST_STEPS} opcodes")
        match opcode.name:
            case "PROTO" | "FRAME":
                pass
            case "MARK":
                stack.append(_Mark())
            case "NONE":
                stack.append(None)
            case "NEWTRUE" | "NEWFALSE":
                stack.append(opcode.name == "NEWTRUE")
            case "BININT" | "BININT1" | "BININT2" | "LONG1" | "BINFLOAT" | "BINUNICODE" | "SHORT_BINUNICODE":
                stack.append(argument)
            case "EMPTY_DICT":
                stack.append({})
            case "EMPTY_LIST":
                stack.append([])
            case "EMPTY_TUPLE":
                stack.append(())
            case "TUPLE1" | "TUPLE2" | "TUPLE3":
                size = int(opcode.name[-1])
                items = tuple(stack[-size:])
                if len(items) < size or any(isinstance(item, _Mark) for item in items):
                    raise IndexError
                stack[-size:] = [items]
            case "TUPLE":
                stack.append(tuple(above_mark()))
            case "APPEND" | "APPENDS":
                items = above_mark() if opcode.name == "APPENDS" else [stack.pop()]
                if not isinstance(stack[-1], list):
                    raise ValueError("it appends to something that is no list")
                stack[-1].extend(items)
            case "SETITEM":
                value, key = stack.pop(), stack.pop()
                put(stack[-1], [key, value])
            case "SETITEMS":
                items = above_mark()
                put(stack[-1], items)
            case "BINPUT" | "LONG_BINPUT":
                memo[int(argument)] = stack[-1]
            case "MEMOIZE":
                memo[len(memo)] = stack[-1]
            case "BINGET" | "LONG_BINGET":
                stack.append(memo[int(argument)])
            case "GLOBAL" | "STACK_GLOBAL":
                if opcode.name == "STACK_GLOBAL":
                    member, module = stack.pop(), stack.pop()
                    argument = f"{module} {member}"
                if argument not in _NAMES:
                    raise ValueError(
                        f"it holds an object `{short(str(argument).replace(' ', '.'))}`, and only tensors in dicts and "
                        "lists can be read: save the network with `torch.save(model.state_dict(), path)`"
                    )
                stack.append(Name(str(argument)))
            case "REDUCE":
                arguments, name = stack.pop(), stack.pop()
                stack.append(_called(name, arguments))
            case "BINPERSID":
                stack.append(_storage(stack.pop()))
            case "BUILD":  # OrderedDict._metadata, the versions of the modules
                if not isinstance(stack.pop(), dict) or not isinstance(stack[-1], dict):
                    raise ValueError("it sets the state of something that is no dict")
            case "STOP":
                break
            case other:
                raise ValueError(f"it uses the pickle opcode {other}, which no state dict needs")
    if len(stack) != 1:
        raise IndexError
    return stack[0]


def _collect(
    value: object, prefix: str, found: dict[str, Tensor], depth: int = 0, budget: list[int] | None = None
) -> None:
    """Tensors in nested dicts and lists by their joined names; numbers and texts beside them are left out.

    `budget` holds how many items may still be visited: lists may hold the same list many times.
    """
    budget = [_MOST_STEPS] if budget is None else budget
    budget[0] -= 1
    if depth > 20 or len(found) > MOST_MEMBERS or budget[0] < 0:
        raise ValueError(f"it must hold at most {MOST_MEMBERS} tensors, nested 20 deep")
    if isinstance(value, Tensor):
        if prefix in found:
            raise ValueError(f"it gives the tensor `{short(prefix)}` twice")
        found[prefix] = value
    elif isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, item in items:
            _collect(item, f"{prefix}.{key}" if prefix else str(key), found, depth + 1, budget)


def _state(value: object) -> object:
    """The state dict inside a checkpoint: under one of `_STATES`, where one is, and there again."""
    for _ in range(20):
        if not isinstance(value, Mapping) or any(isinstance(item, Tensor) for item in value.values()):
            break
        inside = [value[key] for key in _STATES if isinstance(value.get(key), dict)]
        if not inside:
            break
        value = inside[0]
    return value


def looks_like(members: Mapping[str, object]) -> bool:
    """Whether a zip archive with these members was written by `torch.save`."""
    return any(name.endswith("/data.pkl") for name in members)


def read_pytorch(path: Path) -> Tensors:
    """All tensors of a state dict by name, also when it lies under `state_dict` in a checkpoint.

    Raises `InputError` for every fault, for anything but tensors, numbers and texts in dicts and lists, for
    TorchScript archives, and for tensors that repeat entries of their storage (strides of 0).
    """
    with Archive(path, "a PyTorch") as archive:
        roots = [name.removesuffix("data.pkl") for name in archive.members if name.endswith("/data.pkl")]
        if len(roots) != 1:
            raise InputError(f"`{path}` must hold one `data.pkl`, found {len(roots)}: it is not a state dict.")
        root = roots[0]
        if f"{root}constants.pkl" in archive.members:
            raise InputError(
                f"`{path}` must be a state dict, found a TorchScript program: "
                "save the network with `torch.save(model.state_dict(), path)`."
            )
        order = (
            ">" if archive.members.get(f"{root}byteorder") and archive.bytes(f"{root}byteorder", 6) == b"big" else "<"
        )
        raw = archive.bytes(f"{root}data.pkl", MOST_TEXT)
        found: dict[str, Tensor] = {}
        try:
            _collect(_state(_interpret(raw)), "", found)
        except (IndexError, KeyError) as error:
            raise InputError(f"The pickle in `{path}` could not be read: it is damaged.") from error
        except ValueError as error:
            raise InputError(f"The pickle in `{path}` could not be read: {short(error, 300)}.") from error
        storages: dict[Storage, NDArray[Any]] = {}
        tensors: Tensors = {}
        total = 0
        for name, tensor in found.items():
            storage = tensor.storage
            if storage not in storages:
                member = f"{root}data/{storage.key}"
                if member not in archive.members:
                    raise InputError(
                        f"Tensor `{short(name)}` of `{path}` needs the member `{short(member)}`, found none."
                    )
                dtype = np.dtype(order + _STORAGES[storage.kind])
                content = archive.bytes(member)
                if len(content) != storage.count * dtype.itemsize:
                    raise InputError(
                        f"Member `{short(member)}` of `{path}` must have the {storage.count * dtype.itemsize} bytes "
                        f"that are declared, found {len(content)}."
                    )
                numbers = np.frombuffer(content, dtype)
                storages[storage] = from_bfloat16(numbers) if storage.kind == "BFloat16Storage" else numbers
            try:
                tensors[name] = _strided(storages[storage], tensor)
            except ValueError as error:
                raise InputError(f"Tensor `{short(name)}` of `{path}` could not be read: {error}.") from error
            total += tensors[name].nbytes
            if total > HARMLESS_BYTES and total > MOST_COMPRESSION * path.stat().st_size:
                raise InputError(f"`{path}` must not use its storages more than {MOST_COMPRESSION} times over.")
    return checked_tensors(path, tensors)


def _strided(numbers: NDArray[Any], tensor: Tensor) -> NDArray[Any]:
    """The part of a storage that a tensor is; raises `ValueError` when it reaches outside or repeats entries."""
    count = counted(tensor.shape)
    if count == 0:
        return np.zeros(tensor.shape, numbers.dtype)
    axes = [(stride, length) for stride, length in zip(tensor.strides, tensor.shape, strict=True) if length > 1]
    last = tensor.offset + sum(stride * (length - 1) for stride, length in axes)
    if last >= numbers.size:
        raise ValueError(f"it needs entry {last} of a storage with {numbers.size}")
    reach = 0
    for stride, length in sorted(axes):  # every entry once: each axis steps over all that the faster ones reach
        if stride <= reach:
            raise ValueError(f"its strides {tensor.strides} use entries more than once")
        reach += stride * (length - 1)
    steps = tuple(stride * numbers.itemsize for stride in tensor.strides)
    return np.lib.stride_tricks.as_strided(numbers[tensor.offset :], tensor.shape, steps, writeable=False)
