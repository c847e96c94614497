r"""Networks of live PyTorch modules.

The module is traced by `torch.fx`, so that residual additions and functions such as `torch.relu` and
`torch.flatten` are seen as well as layers; PyTorch is used because whoever has a module has it. Modules are read as
they are in evaluation mode.
"""

from __future__ import annotations

import importlib
import math
import re
import sys
from collections.abc import Callable, Sequence
from typing import Any

from numerics.evidence.errors import InputError
from numerics.networks.activations import CLIPS
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
from numerics.networks.readers.files import short

_NOTHING = ("Identity", "Dropout", "Dropout1d", "Dropout2d", "AlphaDropout", "FeatureAlphaDropout")
_ENDS = ("Softmax", "LogSoftmax")


class _Unsupported(Exception):
    """Something that cannot be read; the text says what."""


def from_torch(module: Any, input_shape: Sequence[int] | int, name: str = "") -> Network:
    r"""The network that a `torch.nn.Module` computes in evaluation mode, float64, in float64.

    `input_shape` is that of one sample: (d,), (channels, length) or (channels, height, width). Linear, Conv1d and
    Conv2d (padding zeros or circular), BatchNorm1d and BatchNorm2d, ReLU, LeakyReLU, PReLU of one slope, ReLU6, Hardtanh
    to [-1, 1], Tanh, Sigmoid, Identity, Dropout, MaxPool, AvgPool, adaptive pooling to sizes that divide, Flatten and
    Unflatten are read, in any nesting, with additions of values, and
    functions of the same names; a Softmax or LogSoftmax at the end is left out. Raises `InputError` with a list of
    everything else, and `TypeError` when `module` is no module.
    """
    torch = sys.modules.get("torch")
    if torch is None or not isinstance(module, torch.nn.Module):
        raise TypeError(f"`module` must be a torch.nn.Module, found {type(module).__name__}.")
    title = name or type(module).__name__
    assembly = Assembly(title, "Use dense, convolution, pooling and activation layers with residual additions.")
    if type(module).__module__.startswith("torch.nn") and not isinstance(module, torch.nn.Sequential):
        module = torch.nn.Sequential(module)  # fx looks into the outermost module, whatever it is
    nodes = _trace(module)
    assembly.input(nodes[0].name, [input_shape] if isinstance(input_shape, int) else [int(n) for n in input_shape])
    return _Importer(torch, module, assembly).network(nodes, title)


def _trace(module: Any) -> list[Any]:
    """The steps of the module as nodes of torch.fx; a layer of torch.nn is one step."""
    fx = importlib.import_module("torch.fx")
    try:
        nodes = list(fx.Tracer().trace(module).nodes)
    except Exception as error:
        raise InputError(
            f"`module` must be traceable by torch.fx, found an error: {short(error, 200)} "
            "Write it without control flow that depends on data."
        ) from error
    if sum(node.op == "placeholder" for node in nodes) != 1 or nodes[0].op != "placeholder":
        raise InputError("`module` must have one input, found another number.")
    return nodes


def _array(tensor: Any) -> Any:
    """A tensor of any precision and place as float64."""
    return None if tensor is None else tensor.detach().cpu().double().numpy()


class _Importer:
    def __init__(self, torch: Any, module: Any, assembly: Assembly) -> None:
        self.torch, self.module, self.assembly = torch, module, assembly
        self.sizes: set[str] = set()  # steps that give shapes, and
        self.counts: set[str] = set()  # those that give the number of samples

    def network(self, nodes: Sequence[Any], title: str) -> Network:
        output = ""
        for node in nodes:
            if node.op == "placeholder":
                continue
            if node.op == "output":
                if not isinstance(node.args[0], self.torch.fx.Node):
                    raise InputError(f"`module` must have one output, found {type(node.args[0]).__name__}.")
                output = node.args[0].name
                continue
            try:
                self._step(node)
            except _Unsupported as what:
                self.assembly.unknown(node.name, str(what))
        return self.assembly.network(output, title)

    def _step(self, node: Any) -> None:
        reads = [read.name for read in node.all_input_nodes]
        if node.op == "call_module":
            part = self.module.get_submodule(node.target)
            what = f"`{short(node.target, 60)}` ({type(part).__name__})"
        else:
            part = None
            what = f"`{short(getattr(node.target, '__name__', node.target), 60)}` ({node.op.replace('_', ' ')})"
        if part is not None:
            if reads != [read.name for read in node.args] or len(reads) != 1:
                raise _Unsupported(f"{what} called with more than one value")
            return self._layer(node, part, what)
        return self._function(node, reads, what)

    def shape(self, name: str) -> tuple[int, ...]:
        """The shape of a value, () when it is unknown."""
        if name in self.sizes | self.counts:
            raise _Unsupported("arithmetic with shapes")
        return self.assembly.shape(name) or ()

    def add(self, node: Any, make: Callable[[], Layer], what: str) -> None:
        self.shape(node.args[0].name)
        self.assembly.add(node.name, [node.args[0].name], make, what)

    def same(self, node: Any) -> None:
        self.shape(node.args[0].name)
        self.assembly.same(node.name, node.args[0].name)

    def _layer(self, node: Any, m: Any, what: str) -> None:
        kind = type(m).__name__.removeprefix("Parametrized")
        if not type(m).__module__.startswith("torch.nn") or (
            getattr(m, "training", False) and type(m).__name__ != kind
        ):
            raise _Unsupported(f"{what}, a class of its own or a parametrization in training mode")
        if m._forward_hooks or m._forward_pre_hooks:
            raise _Unsupported(f"{what} with hooks")
        if kind in _NOTHING:
            self.same(node)
        elif kind == "Linear":
            self.add(node, lambda: Dense(_array(m.weight), _array(m.bias)), what)
        elif kind in ("Conv1d", "Conv2d"):
            if m.padding_mode not in ("zeros", "circular"):
                raise _Unsupported(f"{what} with padding mode `{m.padding_mode}`")
            options: dict[str, Any] = {"stride": m.stride, "padding": m.padding, "dilation": m.dilation}
            circular = m.padding_mode == "circular"
            self.add(
                node,
                lambda: Convolution(_array(m.weight), _array(m.bias), groups=m.groups, circular=circular, **options),
                what,
            )
        elif kind in ("BatchNorm1d", "BatchNorm2d"):
            if m.running_mean is None or m.running_var is None:
                raise _Unsupported(f"{what} without running statistics")
            parts = [_array(part) for part in (m.running_mean, m.running_var, m.weight, m.bias)]
            self.add(node, lambda: BatchNormalization(parts[0], parts[1], parts[2], parts[3], m.eps), what)
        elif kind in ("MaxPool1d", "MaxPool2d"):
            self._pool(node, "max", int(kind[-2]), m.kernel_size, m.stride, m.padding, m.dilation, m.ceil_mode, what)
        elif kind in ("AvgPool1d", "AvgPool2d"):
            if getattr(m, "divisor_override", None) is not None:
                raise _Unsupported(f"{what} with `divisor_override`")
            counted = m.count_include_pad
            self._pool(
                node, "average", int(kind[-2]), m.kernel_size, m.stride, m.padding, 1, m.ceil_mode, what, counted
            )
        elif re.fullmatch("Adaptive(Avg|Max)Pool[12]d", kind):
            if getattr(m, "return_indices", False):
                raise _Unsupported(f"{what} with `return_indices`")
            self._adaptive(node, "max" if "Max" in kind else "average", int(kind[-2]), m.output_size, what)
        elif kind == "Unflatten":
            if not isinstance(m.dim, int) or not all(isinstance(n, int) for n in m.unflattened_size):
                raise _Unsupported(f"{what} of named axes")
            self._unflatten(node, m.dim, list(m.unflattened_size), what)
        elif kind == "Flatten":
            self._flatten(node, m.start_dim, m.end_dim, what)
        elif kind == "LeakyReLU":
            self.add(node, lambda: Activation("leaky_relu", m.negative_slope), what)
        elif kind == "PReLU" and m.weight.numel() == 1:
            self.add(node, lambda: Activation("prelu", m.weight.item()), what)
        elif kind in ("ReLU6", "Hardtanh"):
            self._clip(node, m.min_val, m.max_val, what)
        elif kind in ("ReLU", "Tanh", "Sigmoid"):
            self.add(node, lambda: Activation(kind.lower()), what)
        elif kind in _ENDS:
            self._end(node, m.dim, what)
        else:
            raise _Unsupported(what)

    def _end(self, node: Any, axis: Any, what: str) -> None:
        if axis not in (1, -1) or any(user.op != "output" for user in node.users):
            raise _Unsupported(f"{what} that is not over the classes at the end")
        self.same(node)

    def _pool(
        self, node: Any, kind: Any, axes: int, size: Any, stride: Any, padding: Any, dilation: Any, ceil: bool,
        what: str, counted: bool = True,
    ) -> None:  # fmt: skip
        each = [
            value if isinstance(value, tuple | list) else (value,) * axes
            for value in (size, stride or size, padding, dilation)
        ]
        shape = self.shape(node.args[0].name)
        if ceil and shape:
            for n, k, s, p, d in zip(shape[1:], *each, strict=True):
                if (n + 2 * p - d * (k - 1) - 1) % s:
                    raise _Unsupported(f"{what} with `ceil_mode` and a window that reaches over the end")
        self.add(node, lambda: Pooling(kind, each[0], each[1], each[2], dilation=each[3], count_padding=counted), what)

    def _clip(self, node: Any, low: Any, high: Any, what: str) -> None:
        names = [name for name, ends in CLIPS.items() if ends == (low, high)]
        if not names:
            raise _Unsupported(f"{what} to [{low}, {high}], and only [0, 6] and [-1, 1] can be read")
        self.add(node, lambda: Activation(names[0]), what)

    def _adaptive(self, node: Any, kind: Any, axes: int, size: Any, what: str) -> None:
        wanted = tuple(size) if isinstance(size, tuple | list) else (size,) * axes
        shape = self.shape(node.args[0].name)
        if set(wanted) == {1}:
            return self.add(node, lambda: Pooling(kind, None), what)
        if shape and (
            len(shape) != axes + 1 or any(k is None or n % k for n, k in zip(shape[1:], wanted, strict=True))
        ):
            raise _Unsupported(f"{what} to {wanted}, which does not divide {shape[1:]}")
        steps = [n // k for n, k in zip(shape[1:], wanted, strict=bool(shape))]
        return self.add(node, lambda: Pooling(kind, steps), what)

    def _flatten(self, node: Any, start: int, end: int, what: str) -> None:
        rank = len(self.shape(node.args[0].name)) + 1
        if rank > 1 and (start % rank, end % rank) != (1, rank - 1):
            raise _Unsupported(f"{what} of other axes than all but the first")
        self.add(node, Flatten, what)

    def _function(self, node: Any, reads: Sequence[str], what: str) -> None:
        """A function or a method, known by its name."""
        name, args = getattr(node.target, "__name__", str(node.target)), list(node.args)
        if node.op not in ("call_function", "call_method") or not args or not hasattr(args[0], "name"):
            if name not in ("mul", "add") or len(args) != 2:
                raise _Unsupported(what)
            args.reverse()  # number * value
            if not hasattr(args[0], "name"):
                raise _Unsupported(what)
        rest, options = args[1:], dict(node.kwargs)
        value = args[0].name
        if name == "size" or (name == "getattr" and rest == ["shape"]):
            (self.counts if rest == [0] else self.sizes).add(node.name)
        elif name == "getitem" and value in self.sizes and rest == [0]:
            self.counts.add(node.name)
        elif name in ("add", "iadd", "add_") and len(reads) == 2 and len(rest) == 1 and not options:
            for read in reads:
                self.shape(read)
            self.assembly.add(node.name, [args[0].name, rest[0].name], Add, what)
        elif name in ("add", "iadd", "add_") and len(rest) == 1 and args[0] is rest[0] and not options:  # x + x
            self.shape(value)
            self.assembly.add(node.name, [value, value], Add, what)
        elif name in ("mul", "truediv", "div") and len(rest) == 1 and isinstance(rest[0], int | float) and not options:
            number = float(rest[0])
            if name != "mul" and number == 0:
                raise _Unsupported(f"{what} by zero")
            self.shape(value)
            self.assembly.add(node.name, [value], lambda: Scaling(number if name == "mul" else 1 / number), what)
        elif (
            name in ("relu", "relu_", "tanh", "sigmoid", "abs", "sign")
            and not rest
            and options in ({}, {"inplace": False}, {"inplace": True})
        ):
            self.add(node, lambda: Activation(name.removesuffix("_")), what)
        elif name == "leaky_relu" and len(rest) <= 1 and options.keys() <= {"negative_slope", "inplace"}:
            slope = rest[0] if rest else options.get("negative_slope", 0.01)
            self.add(node, lambda: Activation("leaky_relu", slope), what)
        elif name == "flatten" and options.keys() <= {"start_dim", "end_dim"}:
            bounds = [
                *rest,
                *[options.get(key, default) for key, default in (("start_dim", 0), ("end_dim", -1))][len(rest) :],
            ]
            self._flatten(node, bounds[0], bounds[1], what)
        elif name in ("view", "reshape") and not options:
            self._view(node, list(rest[0]) if len(rest) == 1 and isinstance(rest[0], tuple | list) else rest, what)
        elif name == "mean" and (rest or "dim" in options):
            self._mean(
                node, rest[0] if rest else options["dim"], bool(options.get("keepdim", rest[1:] == [True])), what
            )
        elif name in ("unsqueeze", "squeeze") and len(rest) == 1 and isinstance(rest[0], int) and not options:
            self._axis(node, name, rest[0], what)
        elif name in ("relu6", "hardtanh") and options.keys() <= {"min_val", "max_val", "inplace"} and len(rest) <= 2:
            low, high = CLIPS["relu6"] if name == "relu6" else CLIPS["hard_tanh"]
            given = dict(zip(("min_val", "max_val"), rest, strict=False)) | options if name == "hardtanh" else {}
            self._clip(node, given.get("min_val", low), given.get("max_val", high), what)
        elif name == "dropout":
            if options.get("training", rest[1] if len(rest) > 1 else True):
                raise _Unsupported(f"{what} in training mode: call `module.eval()`")
            self.same(node)
        elif name in ("softmax", "log_softmax"):
            self._end(node, rest[0] if rest else options.get("dim"), what)
        elif re.fullmatch(r"(max|avg)_pool[12]d", name):
            self._pool_function(node, name, rest, options, what)
        elif re.fullmatch(r"adaptive_(avg|max)_pool[12]d", name) and len(rest) == 1 and not any(options.values()):
            self._adaptive(node, "max" if "max" in name else "average", int(name[-2]), rest[0], what)
        else:
            raise _Unsupported(what)

    def _pool_function(self, node: Any, name: str, rest: list[Any], options: dict[str, Any], what: str) -> None:
        names = ["kernel_size", "stride", "padding"]
        names += ["dilation", "ceil_mode"] if name.startswith("max") else ["ceil_mode", "count_include_pad"]
        given = dict(zip(names, rest, strict=False)) | options
        if len(rest) > len(names) or not given.keys() <= set(names) | {"return_indices"} or given.get("return_indices"):
            raise _Unsupported(what)
        kind = "max" if name.startswith("max") else "average"
        self._pool(
            node, kind, int(name[-2]), given["kernel_size"], given.get("stride"), given.get("padding", 0),
            given.get("dilation", 1), given.get("ceil_mode", False), what, given.get("count_include_pad", True),
        )  # fmt: skip

    def _view(self, node: Any, target: list[Any], what: str) -> None:
        shape = self.shape(node.args[0].name)
        rows, rest = target[0] if target else None, target[1:]
        counted = rows == -1 or getattr(rows, "name", None) in self.counts
        if not shape:
            return self.same(node)
        if not counted or not all(type(n) is int for n in rest) or (rows == -1 and -1 in rest):
            raise _Unsupported(f"{what} to something other than (samples, features) or (samples, channels, ...)")
        return self._reshaped(node, shape, rest, what)

    def _unflatten(self, node: Any, axis: int, sizes: list[Any], what: str) -> None:
        shape = self.shape(node.args[0].name)
        place = axis % (len(shape) + 1) - 1
        if shape and place < 0:
            raise _Unsupported(f"{what} of the axis of samples")
        self._reshaped(node, shape, [*shape[:place], *sizes, *shape[place + 1 :]], what)

    def _axis(self, node: Any, name: str, axis: int, what: str) -> None:
        """An axis of length 1 more or less."""
        shape = self.shape(node.args[0].name)
        rank = len(shape) + 1 + (name == "unsqueeze")
        place = axis % rank - 1
        if shape and (place < 0 or not -rank <= axis < rank or (name == "squeeze" and shape[place] != 1)):
            raise _Unsupported(f"{what} of the axis {axis} of {('samples', *shape)}")
        new = [*shape[:place], 1, *shape[place:]] if name == "unsqueeze" else [*shape[:place], *shape[place + 1 :]]
        self._reshaped(node, shape, new, what)

    def _reshaped(self, node: Any, shape: tuple[int, ...], new: list[Any], what: str) -> None:
        """A value of `shape` in the shape `new`, in which one size may be -1."""
        size = math.prod(shape)
        if new.count(-1) == 1 and (known := -math.prod(new)) > 0 and size % known == 0:
            new[new.index(-1)] = size // known
        is_last = all(user.op == "output" for user in node.users)
        if not shape or tuple(new) == shape or (not new and shape == (1,) and is_last):  # one number for each sample
            return self.same(node)
        if not 1 <= len(new) <= 3 or min(new) < 1 or math.prod(new) != size:
            raise _Unsupported(f"{what} of {('samples', *shape)} to {('samples', *new)}")
        return self.add(node, Flatten if len(new) == 1 else lambda: Reshape(tuple(new)), what)

    def _mean(self, node: Any, axes: Any, keep: bool, what: str) -> None:
        rank = len(self.shape(node.args[0].name)) + 1
        chosen = [axes] if isinstance(axes, int) else list(axes)
        if rank > 1 and (rank < 3 or sorted(axis % rank for axis in chosen) != list(range(2, rank))):
            raise _Unsupported(f"{what} over other axes than those of space")
        if keep:
            return self.add(node, lambda: Pooling("average", None), what)
        between = f"{node.name} before flattening"
        self.assembly.add(between, [node.args[0].name], lambda: Pooling("average", None), what)
        return self.assembly.add(node.name, [between], Flatten, what)
