"""The operators of ONNX that only move numbers: shapes, and padding in front of a convolution.

Circular padding is a `Pad` with the mode `wrap`, or, from the older exporter of PyTorch, for each axis a `Concat` of the
end of a value, the value and its beginning, which are `Slice`s of it. Padded values are no values of the network; they
are remembered in `Importer.padded` until the convolution that reads them.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from numerics.networks.layers import Flatten, Reshape
from numerics.networks.readers.assembly import Unsupported
from numerics.networks.readers.files import short
from numerics.networks.readers.onnx.importer import Importer, Pairs
from numerics.networks.readers.onnx.operators import add_layer, same, shape_of
from numerics.networks.readers.onnx.wire import Node
from numerics.networks.windows import Shape

BATCH = 7919
"""The number of samples while sizes are computed: a number that no other size is likely to be."""


def _unknown(graph: Importer, node: Node) -> None:
    graph.assembly.name(node.outputs[0], None)


def _reshaped(graph: Importer, node: Node, shape: Shape, new: Shape) -> None:
    """The value of `shape` in the shape `new`; () is one number for each sample, without an axis of its own."""
    if new == shape or (new == () and shape == (1,) and graph.is_end(node.outputs[0])):
        return same(graph, node)
    if len(new) == 1 or (new == () and graph.is_end(node.outputs[0])):
        return add_layer(graph, node, Flatten)
    if not 1 < len(new) <= 3:
        raise Unsupported(f" to {(short(graph.samples or 'samples'), *new)}, which is no shape of samples")
    return add_layer(graph, node, lambda: Reshape(new))


def flatten(graph: Importer, node: Node) -> None:
    shape = shape_of(graph, node)
    if shape and node.attributes.get("axis", 1) % (len(shape) + 1) != 1:
        raise Unsupported(" from another axis than 1")
    add_layer(graph, node, Flatten)


def reshape(graph: Importer, node: Node) -> None:
    shape, given = shape_of(graph, node), graph.constant(node, 1, "shape").reshape(-1).tolist()
    if shape == ():
        return _unknown(graph, node)
    full = (BATCH, *shape)
    copied = not node.attributes.get("allowzero")
    target = [full[i] if n == 0 and copied and i < len(full) else n for i, n in enumerate(given)]
    rows, rest, size = target[:1], target[1:], math.prod(shape)
    if rest.count(-1) == 1 and rows != [-1] and (known := -math.prod(rest)) > 0 and size % known == 0:
        rest[rest.index(-1)] = size // known
    whole = all(type(n) is int and n > 0 for n in rest) and math.prod(rest) == size
    counts = (BATCH, -1, 1) if graph.samples is None else (BATCH, -1, graph.samples)
    if not whole or rows[0] not in counts:
        raise Unsupported(f" to {short(given)}, which is not (samples, features) or (samples, channels, ...)")
    return _reshaped(graph, node, shape, tuple(rest))


def _axes(graph: Importer, node: Node, rank: int) -> list[int]:
    """The axes that an operator gives as a list or reads, from 0 to `rank` - 1, and none of them twice or the first."""
    given = graph.optional(node, 1, "axes")
    axes = node.attributes.get("axes") if given is None else given.reshape(-1).tolist()
    if not axes or any(not -rank <= axis < rank for axis in axes):
        raise Unsupported(" of no axes, or of some that do not exist")
    places = sorted(axis % rank for axis in axes)
    if 0 in places or len(set(places)) < len(places):
        raise Unsupported(" of the axis of samples, or of an axis twice")
    return places


def squeeze(graph: Importer, node: Node) -> None:
    shape = shape_of(graph, node)
    if shape == ():
        return _unknown(graph, node)
    axes = _axes(graph, node, len(shape) + 1)
    if any(shape[axis - 1] != 1 for axis in axes):
        raise Unsupported(f" of axes with more than one number in shape {shape}")
    return _reshaped(graph, node, shape, tuple(n for i, n in enumerate(shape, 1) if i not in axes))


def unsqueeze(graph: Importer, node: Node) -> None:
    shape = shape_of(graph, node)
    if shape == ():
        return _unknown(graph, node)
    sizes = list(shape)
    given = graph.optional(node, 1, "axes")
    more = node.attributes.get("axes", []) if given is None else given.reshape(-1).tolist()
    for axis in _axes(graph, node, len(shape) + 1 + len(more)):
        sizes.insert(axis - 1, 1)
    return _reshaped(graph, node, shape, tuple(sizes))


# Padding.


def pad(graph: Importer, node: Node) -> None:
    shape, attributes, read = shape_of(graph, node), node.attributes, node.inputs[0]
    pads = attributes.get("pads") or graph.constant(node, 1, "padding").tolist()
    value = graph.optional(node, 2, "value")
    mode, axes, rank = attributes.get("mode", "constant"), len(shape) - 1, len(shape) + 1
    if shape == ():
        return _unknown(graph, node)
    if len(pads) != 2 * rank or any(type(n) is not int or n < 0 for n in pads) or len(node.inputs) > 3:
        raise Unsupported(" along other axes than those of space")
    pairs = list(zip(pads[:rank], pads[rank:], strict=True))
    if mode not in ("constant", "wrap") or any(map(any, pairs[:2])) or not 1 <= axes <= 2:
        raise Unsupported(f" in mode `{short(mode)}` or along other axes than those of space")
    if attributes.get("value") or (value is not None and value.any()):
        raise Unsupported(" with a value that is not 0")
    if read in graph.padded:
        raise Unsupported(" of padded values")
    return _padded(graph, node, read, pairs[2:], circular=mode == "wrap")


def _padded(graph: Importer, node: Node, read: str, pairs: Pairs, *, circular: bool) -> None:
    """Remember the padding for the operators that read it, which must all be able to take it over."""
    others = ("Slice", "Concat") if circular else ("AveragePool",)
    fits = all(
        n.attributes.get("auto_pad", "NOTSET") in ("NOTSET", "VALID")
        and (n.operator == "Conv" or (n.operator in others and not any(n.attributes.get("pads", []))))
        for n in graph.readers(node.outputs[0])
    )
    if not fits or node.outputs[0] in graph.graph.outputs:
        raise Unsupported(" that is not in front of a convolution")
    graph.padded[node.outputs[0]] = (read, pairs, circular)


def _along(graph: Importer, read: str, axis: int, shape: Shape) -> tuple[int, Pairs]:
    """The length of a value along an axis of space, its padding counted, and the padding of all axes."""
    rank = len(shape) + 1
    if not 2 <= axis % rank or not -rank <= axis < rank:
        raise Unsupported(" along another axis than those of space")
    read, pairs, circular = graph.padded.get(read, (read, [(0, 0)] * (rank - 2), True))
    if not circular:
        raise Unsupported(" of values padded with zeros")
    return shape[axis % rank - 1] + sum(pairs[axis % rank - 2]), pairs


def cut(graph: Importer, node: Node) -> None:
    """Slice: the beginning or the end of a value along one axis, for circular padding."""
    shape = shape_of(graph, node)
    if shape == ():
        return _unknown(graph, node)
    settings: list[list[int] | None] = []
    for place, key in enumerate(("starts", "ends", "axes", "steps"), 1):
        given = graph.optional(node, place, key)
        settings.append(node.attributes.get(key) if given is None else given.reshape(-1).tolist())
    starts, ends, axes, steps = settings
    if (
        not starts
        or not ends
        or not axes
        or len(starts) != 1
        or len(ends) != 1
        or len(axes) != 1
        or steps not in (None, [1])
    ):
        raise Unsupported(" of more than one axis or with steps")
    output = node.outputs[0]
    if output in graph.graph.outputs or any(n.operator != "Concat" for n in graph.readers(output)):
        raise Unsupported(" that is not part of circular padding")
    length, _ = _along(graph, node.inputs[0], axes[0], shape)
    begin, end, _ = slice(starts[0], ends[0]).indices(length)
    graph.slices[output] = (node.inputs[0], axes[0] % (len(shape) + 1), begin, end)
    return None


def concatenate(graph: Importer, node: Node) -> None:
    """Concat: the end of a value, the value and its beginning, of which the end or the beginning may be missing."""
    if any(graph.assembly.numbers.get(read, 0) is None for read in node.inputs):
        return _unknown(graph, node)
    wholes = [read for read in node.inputs if read not in graph.slices]
    place = node.inputs.index(wholes[0]) if len(wholes) == 1 else -1
    if place not in (0, 1) or len(node.inputs) - place > 2:
        raise Unsupported(" that is not circular padding")
    shape, axis = shape_of(graph, node, place), node.attributes["axis"]
    length, pairs = _along(graph, wholes[0], axis, shape)
    axis %= len(shape) + 1
    ends = [graph.slices[read] for read in node.inputs[:place]]
    beginnings = [graph.slices[read] for read in node.inputs[place + 1 :]]
    before, after = sum(end - begin for *_, begin, end in ends), sum(end for *_, end in beginnings)
    if (
        any(pairs[axis - 2])
        or any(part != (wholes[0], axis, length - before, length) for part in ends)
        or any(part != (wholes[0], axis, 0, after) for part in beginnings)
    ):
        raise Unsupported(" that is not circular padding")
    pairs = [(before, after) if i == axis else pair for i, pair in enumerate(pairs, 2)]
    read = graph.padded[wholes[0]][0] if wholes[0] in graph.padded else wholes[0]
    return _padded(graph, node, read, pairs, circular=True)


MOVES: dict[str, Callable[[Importer, Node], None]] = {
    "Flatten": flatten,
    "Reshape": reshape,
    "Squeeze": squeeze,
    "Unsqueeze": unsqueeze,
    "Pad": pad,
    "Slice": cut,
    "Concat": concatenate,
}
