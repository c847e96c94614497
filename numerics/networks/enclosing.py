r"""Outputs of a network with proved bounds of the rounding of its float64 forward pass.

Each value of the graph is carried as midpoints and radii $(c, r)$: the exact value $\tilde x$, in exact arithmetic
from the exact input, has $|\tilde x - c| \le r$ entrywise. With $u = 2^{-53}$ and $\gamma_k = ku/(1-ku)$:

- dense and convolution: `numerics.arithmetic.enclosure.affine`, the latter on the rows of its windows;
- average pooling over $m$ places: $m-1$ additions and a division, in any order, err by at most $\gamma_m$ times the
  average of $|c|$, and the spread of the input adds the average of $r$;
- max pooling: the maximum of floats is exact, and $|\max_i \tilde x_i - \max_i c_i| \le \max_i r_i$;
- addition of $k$ values: $\gamma_{k-1}\sum|c_i| + \sum r_i$;
- constant scaling and the slope of a leaky ReLU: one rounding; other piecewise linear activations: none;
- sign: exact where the ball does not contain 0 or is 0 itself, else midpoint 0 and radius 1;
- tanh and sigmoid: the proved error of our own evaluation, and the radius times the Lipschitz constant;
- batch normalisation: its factor and offset as enclosures, then two roundings.

Sums of non-negative floats that bound an error are divided by $1 - \gamma_k$ (`inflation`), underflow is paid by
`underflow`, and the last few roundings of the radius itself by a factor just above 1.
"""

from __future__ import annotations

import numpy as np
from flint import arb, ctx
from numpy.typing import ArrayLike

from numerics.arithmetic.enclosure import (
    SMOOTH_ERROR,
    Floats,
    affine,
    inflation,
    outward,
    sigmoid,
    tanh,
    underflow,
)
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

Enclosed = tuple[Floats, Floats]
_ROOM = 1 + 2.0**-50  # more than (1 + u)^7


def finite(values: Floats, start: int) -> None:
    """Raise `InputError` naming the first sample, counted from `start`, with a value that is not finite."""
    bad = ~np.isfinite(values).reshape(values.shape[0], -1).all(axis=1)
    if bad.any():
        raise InputError(
            f"The outputs of the network must be finite, found an overflow at sample {start + int(np.argmax(bad))}: "
            "scale the weights or the data down."
        )


def enclosed_outputs(network: Network, X: ArrayLike, *, first: int = 0) -> tuple[Floats, Floats]:
    r"""Midpoints and radii $(c, r)$, n x k, with $|F(x_i) - c_i| \le r_i$ entrywise, $F$ in exact arithmetic.

    `X` is what `network` takes. See the head of this file for the analysis. Raises `InputError` for a wrong shape and
    for overflow, where it counts samples from `first`.
    """
    x = network.samples(X)
    rows = max(1, network.batch_rows // 4)  # midpoints, radii and the absolute values of both
    results = [_enclose(network, x[start : start + rows], first + start) for start in range(0, x.shape[0], rows)]
    if not results:
        return np.empty((0, network.outputs)), np.empty((0, network.outputs))
    return np.concatenate([c for c, _ in results]), np.concatenate([r for _, r in results])


def _enclose(network: Network, x: Floats, start: int) -> Enclosed:
    values: dict[int, Enclosed] = {0: (x, np.zeros_like(x))}
    for number, layer, reads, done in network.steps():
        with np.errstate(over="ignore", invalid="ignore"):
            values[number] = _step(layer, [values[v] for v in reads])
        finite(values[number][0], start)
        finite(values[number][1], start)
        for v in done:
            del values[v]
    centre, radius = values[len(network.layers)]
    return centre.reshape(len(x), network.outputs), radius.reshape(len(x), network.outputs)


def _step(layer: Layer, inputs: list[Enclosed]) -> Enclosed:
    centre, radius = inputs[0]
    match layer:
        case Dense():
            return affine(centre, radius if radius.any() else 0.0, layer.weight, layer.bias)
        case Convolution():
            return _convolve(layer, centre, radius)
        case Pooling():
            return _pool(layer, centre, radius)
        case Activation():
            return _activate(layer, centre, radius)
        case Scaling():
            return _rounded_once(layer(centre), radius * abs(layer.factor))
        case Flatten() | Reshape():
            return layer(centre), layer(radius)
        case Add():
            error, spread = inflation(len(inputs) - 1)
            magnitude = layer(*(np.abs(c) for c, _ in inputs))
            bound = magnitude * error + layer(*(r for _, r in inputs)) * spread + underflow(len(inputs))
            return layer(*(c for c, _ in inputs)), bound * _ROOM
        case BatchNormalization():
            return _normalize(layer, centre, radius)


def _convolve(layer: Convolution, centre: Floats, radius: Floats) -> Enclosed:
    shape, n = layer.output_shape(centre.shape[1:]), centre.shape[0]
    patches = layer.patches(centre)
    spreads = layer.patches(radius) if radius.any() else [0.0] * layer.groups
    biases = [None] * layer.groups if layer.bias is None else np.split(layer.bias, layer.groups)
    pairs = [affine(*group) for group in zip(patches, spreads, layer.kernels, biases, strict=True)]
    return layer.assemble(np.stack([c for c, _ in pairs]), n, shape), layer.assemble(
        np.stack([r for _, r in pairs]), n, shape
    )


def _pool(layer: Pooling, centre: Floats, radius: Floats) -> Enclosed:
    windows = layer.windows(centre.shape[1:])
    if layer.kind == "max":
        return layer(centre), windows.reduce(windows.padded(radius), np.maximum)
    error, spread = inflation(windows.cells)
    return layer(centre), (layer(np.abs(centre)) * error + layer(radius) * spread + underflow(windows.cells)) * _ROOM


def _rounded_once(values: Floats, radius: Floats) -> Enclosed:
    # |c x| <= |fl(c x)| (1 + 2u) + underflow, so one rounding is at most 2^-52 |fl(c x)| + 2^-1022
    return values, (radius + np.abs(values) * 2.0**-52 + 2.0**-1021) * _ROOM


def _activate(activation: Activation, centre: Floats, radius: Floats) -> Enclosed:
    if activation.name == "tanh":
        return tanh(centre), (radius + SMOOTH_ERROR) * _ROOM
    if activation.name == "sigmoid":
        return sigmoid(centre), (radius * 0.25 + SMOOTH_ERROR) * _ROOM
    if activation.slope is not None:
        return _rounded_once(activation(centre), radius * activation.lipschitz)
    if activation.name == "sign":
        # The centre is on the side of the whole ball, and an exact 0 stays 0: elsewhere the three values are possible.
        open_ = (np.abs(centre) <= radius) & (radius > 0)
        return np.where(open_, 0.0, activation(centre)), open_.astype(np.float64)
    return activation(centre), radius


def factor_and_offset(layer: BatchNormalization, channel: int) -> tuple[arb, arb]:
    r"""$s/\sqrt{v+\varepsilon}$ and $t - \mu s/\sqrt{v+\varepsilon}$ of one channel, at the precision of the caller."""
    values = (layer.mean, layer.variance, layer.scale, layer.shift)
    mean, variance, scale, shift = (arb(float(array[channel])) for array in values)
    factor = scale / (variance + arb(layer.epsilon)).sqrt()
    return factor, shift - mean * factor


def _as_floats(balls: list[arb], shape: tuple[int, ...]) -> Enclosed:
    """Midpoints, and radii around them that hold the balls."""
    middles = [float(ball) for ball in balls]
    radii = [outward(abs(ball - arb(m)))[1] for ball, m in zip(balls, middles, strict=True)]
    return np.array(middles).reshape(shape), np.array(radii).reshape(shape)


def _normalize(layer: BatchNormalization, centre: Floats, radius: Floats) -> Enclosed:
    with ctx.workprec(128):
        pairs = [factor_and_offset(layer, channel) for channel in range(layer.channels)]
        shape = (-1, *[1] * (centre.ndim - 2))
        factor, factor_radius = _as_floats([f for f, _ in pairs], shape)
        offset, offset_radius = _as_floats([o for _, o in pairs], shape)
    error, _ = inflation(2)
    size, steepest = np.abs(centre), np.abs(factor) + factor_radius
    bound = (size * np.abs(factor) + np.abs(offset)) * error
    bound += size * factor_radius + offset_radius + radius * steepest + underflow(8)
    return centre * factor + offset, bound * _ROOM
