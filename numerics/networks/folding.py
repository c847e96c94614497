r"""Batch normalisation in inference form as part of a neighbouring linear layer.

After a linear layer, $y = f\,(Wx + b) + o$ has the weight $fW$ and the bias $fb + o$, exactly and for any padding.
Before one, $y = W(fx + o) + b$ has the weight $Wf$ and the bias $Wo + b$; padding with zeros spoils that for a
convolution unless $o = 0$, because zeros would have to become $o$. Elsewhere a diagonal linear layer takes the place.

The folded weights are square roots away from floats. Each is computed with an error far below its last place and
rounded once, to the nearest float: for weights in double-double arithmetic (see `_nearest_products`), for biases and
doubtful cases in balls of growing precision. *The network that is studied afterwards is the one with these floats.*
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import numpy as np
from flint import arb, ctx
from numpy.typing import NDArray

from numerics.arithmetic.enclosure import Floats
from numerics.evidence.errors import InputError
from numerics.networks.enclosing import factor_and_offset
from numerics.networks.layers import BatchNormalization, Convolution, Dense, Layer, Linear
from numerics.networks.network import Network
from numerics.networks.windows import Shape

_PRECISIONS = (160, 600, 2400, 9600)


def fold_batch_normalization(network: Network) -> Network:
    r"""The network with each `BatchNormalization` folded into a linear layer, of the same function up to the rounding
    of each folded weight and bias to the nearest float64; the network itself when it has none.

    A layer of it becomes part of the linear layer before, if nothing else reads that one; else of the linear layer
    behind (or behind more of them), if that is the only reader and dense, circular, without padding or without offset;
    else a diagonal layer: a
    1x1 convolution with one group for each channel, or a diagonal dense layer for flat values. The nearest float is
    decided with up to 9600 bits; a number that is a tie, or that close to one, may go to either side. Raises
    `InputError` when a folded weight does not fit into float64.

    Theorems on the result hold for its float64 weights; they are *its* properties, which differ from those of the
    unfolded network in the last place of each weight.
    """
    layers, wiring = list(network.layers), network.wiring
    readers: list[list[int]] = [[] for _ in range(len(layers) + 1)]
    for i, reads in enumerate(wiring):
        for v in reads:
            readers[v].append(i)
    before: dict[int, list[BatchNormalization]] = {}
    after: dict[int, list[BatchNormalization]] = {}
    carrier = list(range(len(layers) + 1))  # which value stands for a value whose layer was folded away
    for i, layer in enumerate(network.layers):
        if not isinstance(layer, BatchNormalization) or carrier[i + 1] != i + 1:
            continue
        (read,) = wiring[i]
        source = carrier[read] - 1
        if source >= 0 and isinstance(layers[source], Linear) and len(readers[read]) == 1:
            after.setdefault(source, []).append(layer)
            carrier[i + 1] = carrier[read]
            continue
        chain, follower = _followers(layers, readers, i)
        if follower is None:
            layers[i] = _identity(network.shapes[i + 1])
            after[i] = [layer]
            continue
        before[follower] = [normalization for normalization, _ in chain]
        for _, place in chain:
            carrier[place + 1] = carrier[read]
    if not before and not after:
        return network
    kept = [i for i in range(len(layers)) if carrier[i + 1] == i + 1]
    number = {0: 0} | {i + 1: place for place, i in enumerate(kept, 1)}
    folded: list[Layer] = []
    for i in kept:
        layer = layers[i]
        if isinstance(layer, Linear) and (i in before or i in after):
            layer = _folded(layer, before.get(i, []), after.get(i, []), i + 1)
        folded.append(layer)
    return Network(
        folded,
        network.name,
        input_shape=network.input_shape,
        wiring=[tuple(number[carrier[v]] for v in wiring[i]) for i in kept],
    )


def _followers(
    layers: Sequence[Layer], readers: Sequence[Sequence[int]], place: int
) -> tuple[list[tuple[BatchNormalization, int]], int | None]:
    """The normalisations that begin at `place`, each the only reader of the one before, with their places, and the
    place of the linear layer behind them that takes them all, or `None`."""
    chain: list[tuple[BatchNormalization, int]] = []
    while isinstance(layer := layers[place], BatchNormalization):
        chain.append((layer, place))
        if len(readers[place + 1]) != 1:
            return chain, None
        (place,) = readers[place + 1]
    return chain, place if all(_takes(layer, normalization) for normalization, _ in chain) else None


def _takes(follower: Layer, layer: BatchNormalization) -> bool:
    """Whether a normalisation before `follower` folds into it exactly."""
    if isinstance(follower, Convolution):
        return follower.circular or not follower.windows.is_padded or not layer.moves_zero
    return isinstance(follower, Dense)


def _identity(shape: Shape) -> Linear:
    if len(shape) == 1:
        return Dense(np.eye(shape[0]))
    return Convolution(np.ones((shape[0], 1, *[1] * (len(shape) - 1))), groups=shape[0])


def _composed(layers: Sequence[BatchNormalization], channel: int) -> tuple[arb, arb]:
    """Factor and offset of normalisations one after the other, at the precision of the caller."""
    factor, offset = arb(1), arb(0)
    for layer in layers:
        f, o = factor_and_offset(layer, channel)
        factor, offset = factor * f, offset * f + o
    return factor, offset


def _folded(
    layer: Linear, before: Sequence[BatchNormalization], after: Sequence[BatchNormalization], number: int
) -> Linear:
    outputs, groups = layer.outputs, layer.groups if isinstance(layer, Convolution) else 1
    weight = layer.weight.reshape(outputs, layer.inputs // groups, -1)

    # the input channel that entry c of row k acts on
    channel = np.arange(outputs)[:, None] // (outputs // groups) * (layer.inputs // groups) + np.arange(weight.shape[1])

    def exact_weight(k: int, c: int, t: int) -> arb:
        return arb(float(weight[k, c, t])) * _composed(after, k)[0] * _composed(before, int(channel[k, c]))[0]

    @functools.cache
    def offsets(precision: int) -> list[arb]:
        return [_composed(before, c)[1] for c in range(layer.inputs)]

    def exact_bias(k: int) -> arb:
        total = arb(0 if layer.bias is None else float(layer.bias[k]))
        for c in range(weight.shape[1]) if before else ():
            total += sum((arb(w) for w in weight[k, c].tolist()), arb(0)) * offsets(ctx.prec)[channel[k, c]]
        factor, offset = _composed(after, k)
        return total * factor + offset

    with ctx.workprec(_PRECISIONS[0]):
        high, low, exponent = _pairs([_composed(after, k)[0] for k in range(outputs)])
        factor = high[:, None], low[:, None], exponent[:, None]
        if before:
            high, low, exponent = _pairs([_composed(before, c)[0] for c in range(layer.inputs)])
            factor = _times(factor, (high[channel], low[channel], exponent[channel]))
    high, low, exponent = factor
    folded, doubtful = _nearest_products(weight, (high[:, :, None], low[:, :, None], exponent[:, :, None]))
    for k, c, t in np.argwhere(doubtful).tolist():
        folded[k, c, t] = nearest(lambda k=k, c=c, t=t: exact_weight(k, c, t))
    bias = np.array([nearest(lambda k=k: exact_bias(k)) for k in range(outputs)])
    if not np.isfinite(folded).all() or not np.isfinite(bias).all():
        raise InputError(
            f"Batch normalisation folded into layer {number}, `{layer}`, must fit into float64, found an overflow: "
            "its variance is too small."
        )
    kept_bias = bias if layer.bias is not None or bias.any() else None
    new = folded.reshape(layer.weight.shape)
    return layer.with_weight(new, kept_bias) if isinstance(layer, Convolution) else Dense(new, kept_bias)


# Rounding to the nearest float.


def nearest(value: Callable[[], arb]) -> float:
    """The float nearest to a number given as a ball at any precision, infinite beyond the range of floats."""
    low = high = 0.0
    for precision in _PRECISIONS:
        with ctx.workprec(precision):
            ball = value()
            low, high = _round(ball.lower()), _round(ball.upper())
        if low == high:
            break
    return low


def _round(exact: arb) -> float:
    mantissa, exponent = (int(k) for k in exact.man_exp())
    try:
        return float(mantissa << exponent) if exponent >= 0 else mantissa / (1 << -exponent)  # correctly rounded
    except OverflowError:
        return np.inf if mantissa > 0 else -np.inf


Double = tuple[Floats, Floats, NDArray[np.int64]]
r"""Numbers $(h + l)\,2^e$ with $h = 0$ or $|h| \in [1/2, 1]$, and $|l| \le 2^{-53}$."""


def _pairs(balls: Sequence[arb]) -> Double:
    r"""Balls with relative radii below $2^{-120}$ as double-doubles, with relative errors below $2^{-105}$."""
    high, low, exponents = np.zeros(len(balls)), np.zeros(len(balls)), np.zeros(len(balls), np.int64)
    for i, ball in enumerate(balls):
        middle = ball.mid()
        mantissa, exponent = (int(k) for k in middle.man_exp())
        if mantissa:
            exponents[i] = exponent + mantissa.bit_length()
            scaled = middle * arb(2) ** -int(exponents[i])
            high[i] = float(scaled)
            low[i] = float(scaled - arb(high[i]))
    return high, low, exponents


def _two_product(a: Floats, b: Floats) -> tuple[Floats, Floats]:
    r"""$p = \mathrm{fl}(ab)$ and $e = ab - p$ exactly (Dekker 1971), for entries of size in $\{0\} \cup [2^{-10}, 2]$."""

    def split(x: Floats) -> tuple[Floats, Floats]:
        big = x * (2.0**27 + 1)
        high = big - (big - x)
        return high, x - high

    p = a * b
    (a1, a2), (b1, b2) = split(a), split(b)
    return p, ((a1 * b1 - p) + a1 * b2 + a2 * b1) + a2 * b2


def _times(x: Double, y: Double) -> Double:
    r"""The product, with a relative error below $2^{-102}$ of its own: $x_l y_l$ and three roundings below $2^{-53}$."""
    p, e = _two_product(x[0], y[0])
    rest = e + (x[0] * y[1] + x[1] * y[0])
    high = p + rest
    return high, rest - (high - p), x[2] + y[2]


def _nearest_products(weight: Floats, factor: Double) -> tuple[Floats, NDArray[np.bool_]]:
    r"""Floats nearest to `weight` times `factor`, and where that is in doubt.

    With `weight` $= w 2^e$ as `frexp` gives it, $w(h+l) = p + t + \delta$, $p$ and its error exact, where $|t| \le
    2^{-51}$ and $|\delta| < 2^{-100}$ takes in the error of the factor and two roundings. The float $s$ nearest to
    $p + t$ leaves $q = (p - s) + t$ exactly, and is nearest to the product too if $|q| + 2^{-100}$ is below half the gap
    to the neighbour, which is spacing / 2, or spacing / 4 below a power of 2. Results below the normal range are
    always in doubt.
    """
    w, exponent = np.frexp(weight)
    p, e = _two_product(w, np.broadcast_to(factor[0], w.shape))
    t = e + w * factor[1]
    s = p + t
    q = np.abs((p - s) + t)
    gap = np.where(np.abs(np.frexp(s)[0]) == 0.5, 0.25, 0.5) * np.spacing(np.abs(s))
    total = exponent + factor[2]
    with np.errstate(over="ignore", under="ignore"):
        result = np.ldexp(s, np.clip(total, -2000, 2000).astype(np.int32))
    doubtful = (q + 2.0**-100 >= gap) | (np.frexp(s)[1] + total < -1020)
    return result, doubtful & (s != 0)
