r"""What a file of tensors alone does not say: the order of the layers, the activations and the shape of the input.

An architecture is a small TOML file, or the same as a Python `dict`:

```toml
input_shape = [1, 8, 8]            # (d,), (channels, length) or (channels, height, width) of one sample
prefix = "encoder."                # optional: what all tensor names begin with
ignore = ["*.num_batches_tracked"] # optional: tensors that no layer needs (this is the default)
layers = [
  { convolution = "features.0", padding = 1 },         # the tensors features.0.weight and features.0.bias
  { batch_normalization = "features.1" },              # .weight .bias .running_mean .running_var
  "relu",
  { max_pooling = 2, name = "stem" },                  # a name, so that a later layer can read it
  { convolution = "block.0", padding = 1 },
  "leaky_relu(0.1)",
  { convolution = "block.3", padding = 1, circular = true },
  { add = ["stem"] },                                  # the layer before plus the layers named
  "global_average_pooling",
  "flatten",
  { dense = "head" },
]
```

What `torch.compile` and `DataParallel` put in front of all names, `_orig_mod.` and `module.`, may be left out.
Layers read the one before, or `from = "NAME"` (`"input"` is the input of the network). Options are those of the
classes: `convolution` has `stride`, `padding`, `dilation`, `groups`, `circular`; `max_pooling` and `average_pooling`
give the size and have `stride`, `padding`, `dilation`, `count_padding`; `batch_normalization` has `epsilon` (1e-5);
`scaling` gives the factor; `{ activation = "relu", name = "a" }` is `"relu"` with a name. Tensors with other names are given one by one, `{ dense = { weight = "W1", bias = "b1" } }`,
and `transpose = true` reads kernels that count the inputs first (Flax, Keras): in x out, or *window x in x out.

Tensors that are missing, not used or of the wrong number of dimensions are listed in one error.
"""

from __future__ import annotations

import fnmatch
import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

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
    Scaling,
)
from numerics.networks.network import Network
from numerics.networks.readers.assembly import Assembly
from numerics.networks.readers.files import Tensors, listed, read_text, short

Architecture = str | os.PathLike[str] | Mapping[str, Any]

_TENSORS = {
    "dense": {"weight": (2,), "bias": (1,)},
    "convolution": {"weight": (3, 4), "bias": (1,)},
    "batch_normalization": {"running_mean": (1,), "running_var": (1,), "weight": (1,), "bias": (1,)},
}
"""The tensors of a layer and how many dimensions they may have."""
_OPTIONAL = {"dense": ("bias",), "convolution": ("bias",), "batch_normalization": ("weight", "bias")}
_OPTIONS = {
    "dense": ("transpose",),
    "convolution": ("stride", "padding", "dilation", "groups", "circular", "transpose"),
    "batch_normalization": ("epsilon",),
    "max_pooling": ("stride", "padding", "dilation"),
    "average_pooling": ("stride", "padding", "dilation", "count_padding"),
    "scaling": (),
    "add": (),
    "activation": (),
}
_PLAIN = ("global_average_pooling", "flatten")


def read_architecture(architecture: Architecture) -> tuple[str, Mapping[str, Any]]:
    """What to call it in errors, and its content; raises `InputError` when it is no TOML."""
    if isinstance(architecture, Mapping):
        return "architecture", architecture
    path = Path(architecture)
    try:
        return str(path), tomllib.loads(read_text(path).decode("utf-8"))
    except (ValueError, RecursionError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"The architecture `{path}` must be TOML, found an error: {short(error, 200)}.") from error


def _wrapper(tensors: Tensors) -> str:
    """What `torch.compile` and `DataParallel` put in front of all names, such as `_orig_mod.module.`."""
    names, wrapper = list(tensors), ""
    for _ in range(4):
        match = re.match(r"module\.|_orig_mod\.", names[0]) if names else None
        if match is None or not all(name.startswith(match[0]) for name in names):
            break
        names, wrapper = [name.removeprefix(match[0]) for name in names], wrapper + match[0]
    return wrapper


class _Builder:
    def __init__(self, source: str, path: Path, tensors: Tensors, prefix: str) -> None:
        self.source, self.path, self.tensors, self.prefix = source, path, tensors, prefix
        self.missing: list[str] = []
        self.misshaped: list[str] = []
        self.used: set[str] = set()

        self.wrapper = _wrapper(tensors)

    def fault(self, where: str, text: str) -> InputError:
        return InputError(f"`{self.source}`, {where}: {text}")

    def tensor_names(self, kind: str, value: Any, where: str) -> dict[str, str]:
        """The name of each tensor of a layer, from its prefix or given one by one."""
        if isinstance(value, str):
            return {part: f"{self.prefix}{value}.{part}" for part in _TENSORS[kind]}
        if not isinstance(value, Mapping) or not all(isinstance(name, str) for name in value.values()):
            raise self.fault(where, f"`{kind}` must be a name of tensors or a table of them, found {short(value)}.")
        if unknown := set(value) - set(_TENSORS[kind]):
            raise self.fault(where, f"`{kind}` has the tensors {listed(_TENSORS[kind])}, found {listed(unknown)}.")
        return {part: f"{self.prefix}{name}" for part, name in value.items()}

    def parts(self, kind: str, value: Any, where: str) -> dict[str, NDArray[Any]] | None:
        """The tensors of a layer, or `None` after noting what is missing or has the wrong number of dimensions."""
        names = self.tensor_names(kind, value, where)
        found: dict[str, NDArray[Any]] = {}
        complete = True
        for part, dimensions in _TENSORS[kind].items():
            name = names.get(part)
            if name is not None and name not in self.tensors:
                name = self.wrapper + name if self.wrapper + name in self.tensors else name
            if name is not None and name in self.tensors:
                self.used.add(name)
                found[part] = self.tensors[name]
                if found[part].ndim not in dimensions:
                    self.misshaped.append(f"`{short(name)}` has shape {found[part].shape}, for {where}")
                    complete = False
            elif part not in _OPTIONAL[kind] or (name is not None and not isinstance(value, str)):
                self.missing.append(f"`{short(name or part)}` for {where}")
                complete = False
        return found if complete else None

    def layer(self, kind: str, value: Any, options: dict[str, Any], where: str) -> Layer | None:
        """The layer, or `None` when its tensors are not all there; raises `InputError` for options out of range."""
        if kind in _TENSORS:
            parts = self.parts(kind, value, where)
            if parts is None:
                return None
            if kind == "batch_normalization":
                return BatchNormalization(
                    parts["running_mean"],
                    parts["running_var"],
                    parts.get("weight"),
                    parts.get("bias"),
                    options.get("epsilon", 1e-5),
                )
            weight = parts["weight"]
            if options.pop("transpose", False):
                weight = np.transpose(weight, (weight.ndim - 1, weight.ndim - 2, *range(weight.ndim - 2)))
            make = Dense if kind == "dense" else Convolution
            return make(weight, parts.get("bias"), **options)
        if kind in ("max_pooling", "average_pooling"):
            return Pooling("max" if kind == "max_pooling" else "average", value, **options)
        if kind == "activation":
            if not isinstance(value, str):
                raise InputError(f"`activation` must be a text, found {short(value)}.")
            return Activation.from_text(value)
        return Scaling(value) if kind == "scaling" else Add()


def _entry(entry: Any, where: str, fault: Any) -> tuple[str, Any, dict[str, Any]]:
    """Kind, value and options of an entry of `layers`."""
    if isinstance(entry, str):
        return entry, None, {}
    if not isinstance(entry, Mapping):
        raise fault(where, f"A layer must be a text or a table, found {type(entry).__name__}.")
    kinds = [key for key in entry if key in _OPTIONS]
    if len(kinds) != 1:
        plain = [key for key in entry if key in _PLAIN]
        hint = f": write '{plain[0]}' as a text" if plain else ""
        raise fault(where, f"A layer must have one of {listed(_OPTIONS)}, found {listed(entry) or 'none'}{hint}.")
    options = {key: value for key, value in entry.items() if key != kinds[0]}
    if unknown := [key for key in options if key not in (*_OPTIONS[kinds[0]], "name", "from")]:
        allowed = listed((*_OPTIONS[kinds[0]], "name", "from"))
        raise fault(where, f"`{kinds[0]}` has the options {allowed}, found {listed(unknown)}.")
    for key in ("name", "from"):
        if not isinstance(options.get(key, ""), str):
            raise fault(where, f"`{key}` must be a text, found {short(options[key])}.")
    return kinds[0], entry[kinds[0]], options


def build(path: Path, tensors: Tensors, architecture: Architecture) -> Network:
    """The network of these tensors, which came from `path`. Raises `InputError` for every fault."""
    source, content = read_architecture(architecture)
    if unknown := set(content) - {"input_shape", "prefix", "ignore", "layers"}:
        raise InputError(
            f"`{source}` must have `input_shape`, `layers` and possibly `prefix` and `ignore`, found {listed(sorted(map(str, unknown)))}."
        )
    entries, shape = content.get("layers"), content.get("input_shape")
    ignore, prefix = content.get("ignore", ["*.num_batches_tracked"]), content.get("prefix", "")
    for name, value, kind in (("layers", entries, list | tuple), ("input_shape", shape, list | tuple), ("ignore", ignore, list | tuple), ("prefix", prefix, str)):  # fmt: skip
        if not isinstance(value, kind):
            what = "a text" if kind is str else "a list"
            raise InputError(f"`{source}` must give `{name}`, {what}, found {short(value)}.")
    assert isinstance(entries, Sequence) and isinstance(shape, Sequence)
    assembly = Assembly(source, "", tensors.values())
    assembly.input("input", [int(n) if isinstance(n, np.integer) else n for n in shape])
    builder = _Builder(source, path, tensors, prefix)
    last = "input"
    for number, entry in enumerate(entries, 1):
        where = f"layer {number}"
        kind, value, options = _entry(entry, where, builder.fault)
        name = options.pop("name", f"layer {number}")
        read = options.pop("from", last)
        if kind == "add":
            others = [value] if isinstance(value, str) else value
            if not isinstance(others, Sequence) or not others or not all(isinstance(other, str) for other in others):
                raise builder.fault(where, f"`add` must be a list of names of layers, found {short(value)}.")
            reads = [read, *others]
        else:
            reads = [read]
        for other in reads:
            if other not in assembly.numbers:
                raise builder.fault(where, f"It must read `input` or a `name` before it, found `{short(other)}`.")
        where = f"layer {number} ({short(kind)})"
        try:
            if not isinstance(entry, str):
                layer = builder.layer(kind, value, options, where)
            elif kind in _PLAIN:
                layer = Flatten() if kind == "flatten" else Pooling("average", None)
            elif kind in _OPTIONS:
                raise InputError(f"`{kind}` needs a table such as {{ {kind} = ... }}.")
            else:
                layer = Activation.from_text(kind)
        except (TypeError, ValueError) as error:
            raise builder.fault(where, str(error)) from error
        if layer is None:
            assembly.name(name, None)
        else:
            made = layer
            assembly.add(name, reads, lambda made=made: made, where.removeprefix("layer "))
        last = name
    left = [
        name
        for name in tensors
        if name not in builder.used and not any(fnmatch.fnmatch(name, p) for p in ignore if isinstance(p, str))
    ]
    if builder.missing or builder.misshaped or left:
        parts = [
            f"missing: {'; '.join(builder.missing[:20])}" if builder.missing else "",
            f"of the wrong shape: {'; '.join(builder.misshaped[:20])}" if builder.misshaped else "",
            f"not used by any layer: {listed(left, 20)} (name them in `ignore` if that is right)" if left else "",
        ]
        raise InputError(f"`{source}` must fit the tensors of `{path}`; {'; '.join(part for part in parts if part)}.")
    return assembly.network(last, path.stem)


def suggestion(path: Path, tensors: Tensors) -> InputError:
    """The error for tensors without an architecture: what is there, and an architecture to start from."""
    groups: dict[str, dict[str, NDArray[Any]]] = {}
    for name, tensor in tensors.items():
        head, _, part = name.rpartition(".")
        groups.setdefault(head, {})[part] = tensor
    lines: list[str] = []
    shape = "[INPUTS]"
    for head, parts in groups.items():
        weight = parts.get("weight")
        if "running_mean" in parts:
            lines.append(f'{{ batch_normalization = "{head}" }},')
        elif weight is not None and weight.ndim in (2, 3, 4):
            if not lines:
                space = {2: "", 3: ", LENGTH", 4: ", HEIGHT, WIDTH"}[weight.ndim]
                shape = f"[{weight.shape[1]}{space}]"
            lines.append(f'{{ {"dense" if weight.ndim == 2 else "convolution"} = "{head}" }},')
        else:
            lines += [f"# {name}: {tensor.shape}" for name, tensor in parts.items()]
    shown = "\n".join(f"  {short(line, 120)}" for line in lines[:60])
    found = ", ".join(f"`{short(name)}` {tensor.shape}" for name, tensor in list(tensors.items())[:60])
    more = f" and {len(tensors) - 60} more" if len(tensors) > 60 else ""
    return InputError(
        f"`{path}` holds tensors and not the order of the layers, so an architecture is needed; it has {found}{more}. "
        'Write one to a file and pass it as `architecture`; put in the activations (such as "relu"), pooling, '
        f"strides and paddings, and check the order:\n\ninput_shape = {shape}\nlayers = [\n{shown}\n]\n"
    )
