"""A slow, obviously correct forward pass in exact rationals, and random networks to run it on."""

from itertools import product

import numpy as np
from flint import fmpq
from hypothesis import strategies as st

from numerics.arithmetic.exact import rational
from numerics.networks import (
    Activation,
    Add,
    BatchNormalization,
    Convolution,
    Dense,
    Flatten,
    Network,
    Pooling,
    Reshape,
    Scaling,
)
from numerics.networks.activations import CLIPS


def exact(array) -> np.ndarray:
    """Floats as an object array of rationals."""
    array = np.asarray(array, float)
    result = np.empty(array.shape, object)
    for place in np.ndindex(array.shape):
        result[place] = rational(float(array[place]))
    return result


def windows(lengths, size, stride, padding, dilation):
    """For each output place, the list of (place in the window, place in the input); the latter may lie outside."""
    counts = [
        len([o for o in range(n + b + a) if o * s + d * (k - 1) < n + b + a])
        for n, k, s, (b, a), d in zip(lengths, size, stride, padding, dilation, strict=True)
    ]
    for out in product(*map(range, counts)):
        yield (
            out,
            [
                (
                    t,
                    tuple(
                        o * s + d * j - b for o, s, d, j, (b, _) in zip(out, stride, dilation, t, padding, strict=True)
                    ),
                )
                for t in product(*map(range, size))
            ],
        )


def inside(place, lengths) -> bool:
    return all(0 <= p < n for p, n in zip(place, lengths, strict=True))


def convolve(layer: Convolution, x: np.ndarray) -> np.ndarray:
    W = exact(layer.weight)
    bias = exact(np.zeros(layer.outputs) if layer.bias is None else layer.bias)
    lengths, per_group = x.shape[1:], W.shape[1]
    result = {}
    for out, cells in windows(lengths, W.shape[2:], layer.stride, layer.padding, layer.dilation):
        for k in range(layer.outputs):
            group = k // (layer.outputs // layer.groups)
            total = bias[k]
            for t, place in cells:
                if layer.circular:
                    place = tuple(p % n for p, n in zip(place, lengths, strict=True))
                elif not inside(place, lengths):
                    continue
                for c in range(per_group):
                    total += W[(k, c, *t)] * x[(group * per_group + c, *place)]
            result[(k, *out)] = total
    return as_array(result)


def pool(layer: Pooling, x: np.ndarray) -> np.ndarray:
    lengths = x.shape[1:]

    def each(value, default):
        if value is None:
            value = default
        return tuple(value) if isinstance(value, tuple) else (value,) * len(lengths)

    size = each(layer.size, lengths)
    padding = tuple(p if isinstance(p, tuple) else (p, p) for p in each(layer.padding, 0))
    result = {}
    for out, cells in windows(lengths, size, each(layer.stride, size), padding, each(layer.dilation, 1)):
        places = [place for _, place in cells if inside(place, lengths)]
        for c in range(x.shape[0]):
            values = [x[(c, *place)] for place in places]
            if layer.kind == "max":
                result[(c, *out)] = max(values)
            else:
                result[(c, *out)] = sum(values, fmpq(0)) / (len(cells) if layer.count_padding else len(places))
    return as_array(result)


def as_array(entries: dict) -> np.ndarray:
    array = np.empty([1 + max(place[i] for place in entries) for i in range(len(next(iter(entries))))], object)
    for place, value in entries.items():
        array[place] = value
    return array


def apply(layer, *inputs: np.ndarray) -> np.ndarray:
    """One layer on one sample."""
    x = inputs[0]
    if isinstance(layer, Dense):
        y = exact(layer.weight).dot(x)
        return y if layer.bias is None else y + exact(layer.bias)
    if isinstance(layer, Convolution):
        return convolve(layer, x)
    if isinstance(layer, Pooling):
        return pool(layer, x)
    if isinstance(layer, Flatten):
        return x.reshape(-1)
    if isinstance(layer, Reshape):
        return x.reshape(layer.shape)
    if isinstance(layer, Scaling):
        return x * rational(layer.factor)
    if isinstance(layer, Add):
        return sum(inputs[1:], x)
    if isinstance(layer, BatchNormalization):
        y = x.copy()
        for c in range(layer.channels):
            root = (rational(layer.variance[c]) + rational(layer.epsilon)).sqrt()  # raises unless rational
            y[c] = rational(layer.scale[c]) * (x[c] - rational(layer.mean[c])) / root + rational(layer.shift[c])
        return y
    flat = [activate(layer, v) for v in x.reshape(-1)]
    result = np.empty(len(flat), object)
    result[:] = flat
    return result.reshape(x.shape)


def activate(activation: Activation, x: fmpq) -> fmpq:
    if activation.name == "sign":
        return fmpq(int(x > 0) - int(x < 0))
    if activation.name in CLIPS:
        low, high = (fmpq(int(end)) for end in CLIPS[activation.name])
        return min(max(x, low), high)
    slope = {"relu": fmpq(0), "abs": fmpq(-1), "identity": fmpq(1)}.get(activation.name)
    if activation.name == "leaky_relu":
        slope = rational(activation.slope)
    assert slope is not None, f"{activation} is not rational"
    return x if x >= 0 else slope * x


def exact_outputs(network: Network, sample: np.ndarray) -> list[fmpq]:
    """The output of the network on one sample of shape `network.input_shape`, flattened."""
    values = [exact(sample)]
    for layer, reads in zip(network.layers, network.wiring, strict=True):
        values.append(apply(layer, *(values[v] for v in reads)))
    return values[-1].reshape(-1).tolist()


# Random networks.

PIECEWISE = [
    Activation("relu"),
    Activation("leaky_relu", 0.3),
    Activation("leaky_relu", -2.5),
    Activation("abs"),
    Activation("identity"),
]


@st.composite
def layers(draw, shape: tuple[int, ...], weights, normalization: bool = True, activations=PIECEWISE):
    """A layer other than `Add` that takes `shape`; `weights(*shape)` draws arrays."""
    axes = len(shape) - 1
    kinds = ["activation", "dense" if axes == 0 else "convolution", "scaling"]
    kinds += ["normalization"] * normalization + ["pooling", "flatten"] * (axes > 0)
    kind = draw(st.sampled_from(kinds))
    if kind == "activation":
        return draw(st.sampled_from(activations))
    if kind == "scaling":
        return Scaling(draw(st.sampled_from([2.0, 0.1, -3.0, 0.0])))
    if kind == "flatten":
        return Flatten()
    if kind == "dense":
        outputs = draw(st.integers(1, 4))
        return Dense(weights(outputs, shape[0]), weights(outputs) if draw(st.booleans()) else None)
    if kind == "normalization":
        roots = np.array(draw(st.lists(st.sampled_from([1.0, 0.5, 3.0]), min_size=shape[0], max_size=shape[0])))
        c = shape[0]
        return BatchNormalization(weights(c), roots**2, weights(c), weights(c), 0.0)
    size = tuple(draw(st.integers(1, 3)) for _ in range(axes))
    dilation = tuple(draw(st.integers(1, 2)) for _ in range(axes))
    stride = tuple(draw(st.integers(1, 3)) for _ in range(axes))
    if kind == "pooling":
        if draw(st.booleans()):
            return Pooling(draw(st.sampled_from(["max", "average"])), None)
        layer = Pooling(
            draw(st.sampled_from(["max", "average"])),
            size,
            draw(st.sampled_from([None, stride])),
            [(draw(st.integers(0, k // 2)), draw(st.integers(0, k // 2))) for k in size],
            dilation=dilation,
            count_padding=draw(st.booleans()),
        )
    else:
        groups = draw(st.sampled_from([g for g in (1, 2, 3) if shape[0] % g == 0]))
        outputs = groups * draw(st.integers(1, 2))
        layer = Convolution(
            weights(outputs, shape[0] // groups, *size),
            weights(outputs) if draw(st.booleans()) else None,
            stride=stride,
            padding=[(draw(st.integers(0, 2)), draw(st.integers(0, 2))) for _ in range(axes)],
            dilation=dilation,
            groups=groups,
            circular=draw(st.booleans()),
        )
    return layer if fits(layer, shape) else draw(st.sampled_from(PIECEWISE))


def fits(layer, shape) -> bool:
    try:
        layer.output_shape(shape)
    except ValueError:
        return False
    return True


SHAPES = [(3,), (1,), (2, 5), (1, 4), (2, 4, 3), (1, 3, 3), (3, 1, 1)]


@st.composite
def networks(
    draw, *, integers: bool = False, most: int = 6, normalization: bool = True, activations=PIECEWISE
) -> Network:
    """Random wirings: each layer reads some earlier value, loose ends are flattened, mapped to two values and added.

    Weights are small integers, so that float arithmetic is exact but for averages and quotients, or normal.
    """
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))

    def weights(*shape):
        return rng.integers(-3, 4, shape).astype(float) if integers else rng.standard_normal(shape)

    shapes = [draw(st.sampled_from(SHAPES))]
    chosen, wiring = [], []

    def append(layer, reads):
        chosen.append(layer)
        wiring.append(reads)
        shapes.append(layer.output_shape(*(shapes[v] for v in reads)))

    for _ in range(draw(st.integers(1, most))):
        v = len(shapes) - 1 - draw(st.integers(0, min(2, len(shapes) - 1)))
        same = [w for w in range(len(shapes)) if shapes[w] == shapes[v]]
        if draw(st.integers(0, 3)) == 3:
            append(Add(), (v, *draw(st.lists(st.sampled_from(same), min_size=1, max_size=2))))
        else:
            append(draw(layers(shapes[v], weights, normalization, activations)), (v,))
    ends = sorted(set(range(len(shapes))).difference(*wiring))
    heads = []
    for v in ends:
        if len(shapes[v]) > 1:
            append(Flatten(), (v,))
            v = len(shapes) - 1
        append(Dense(weights(2, shapes[v][0]), weights(2)), (v,))
        heads.append(len(shapes) - 1)
    if len(heads) > 1:
        append(Add(), tuple(heads))
    return Network(chosen, input_shape=shapes[0], wiring=wiring)
