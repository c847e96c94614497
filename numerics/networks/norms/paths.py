r"""Norms of linear layers that sum absolute entries or squares, and path norms of whole networks, as certified balls.

The row of an operator that belongs to one output entry holds the weights with which the input entries enter it. Sums of
$|A_{ij}|^p$ over a row are the layer with weights $|w|^p$ applied to an input of ones: for convolutions that counts every
position and what zero padding cuts off. All terms are non-negative, so that float64 loses little:

*Rounding.* A sum of $m$ non-negative terms, each the product of at most two floats, has in any order and with or without
FMA a relative error of at most $\gamma_{m+1} = (m+1)u/(1-(m+1)u)$, $u = 2^{-53}$, and an absolute one of at most
$m 2^{-1074}$ from underflow. `_widened` allows $(m+4) 2^{-52} \ge \gamma_{m+2}$, valid for $m < 2^{50}$, and $2^{-1000}$ times $m$.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from flint import arb

from numerics.arithmetic.enclosure import Floats
from numerics.evidence.errors import InputError
from numerics.networks.layers import (
    Activation,
    Add,
    BatchNormalization,
    Convolution,
    Dense,
    Flatten,
    Pooling,
    Reshape,
    Scaling,
)
from numerics.networks.network import LinearLayer, Network
from numerics.networks.norms.operators import operator_frobenius_norm

Pair = tuple[Floats, Floats]


def _widened(low: Floats, high: Floats, terms: int) -> Pair:
    """The computed ends of sums of `terms` non-negative terms, moved outward by what rounding may have lost."""
    factor, tiny = (terms + 4) * 2.0**-52, terms * 2.0**-1000
    if not np.isfinite(high).all():
        raise InputError("The sums over the rows of a layer must be finite, found an overflow: scale the weights down.")
    return np.maximum(low * (1 - factor) - tiny, 0.0), high * (1 + factor) + tiny


def _terms(layer: Dense | Convolution) -> int:
    return math.prod(layer.weight.shape[1:])


def _with(layer: Dense | Convolution, weight: Floats) -> Dense | Convolution:
    return Dense(weight) if isinstance(layer, Dense) else layer.with_weight(weight, None)


def _wraps(place: LinearLayer) -> bool:
    """Whether two entries of a circular kernel fall on the same input, so that their weights add up."""
    layer = place.layer
    if isinstance(layer, Dense) or not layer.circular:
        return False
    sizes = zip(layer.weight.shape[2:], layer.dilation, place.input_shape[1:], strict=True)
    return any(d * (k - 1) >= n for k, d, n in sizes)


def row_sums(place: LinearLayer, power: int) -> Pair:
    r"""Bounds (lower, upper) of $\sum_j |A_{ij}|^p$, $p$ = `power` 1 or 2, in the shape of the layer's output.

    Raises `InputError` for a circular convolution whose kernel is longer than its input, because weights then add up.
    """
    weight = np.abs(place.layer.weight)
    with np.errstate(over="ignore"):
        raised = weight if power == 1 else weight * weight
    if not np.isfinite(raised).all():
        raise InputError("The squares of the weights must be finite, found an overflow: scale the weights down.")
    return sums_with(place, raised)


def sums_with(place: LinearLayer, weight: Floats, roundings: int = 0) -> Pair:
    """Bounds of the row sums of the operator with other weights, non-negative and each rounded so many times more."""
    if _wraps(place):
        raise InputError(
            f"`{place.layer}` must have a kernel no longer than its input {place.input_shape}, because it is circular."
        )
    with np.errstate(over="ignore"):
        sums = _with(place.layer, weight)(np.ones((1, *place.input_shape)))[0]
    return _widened(sums, sums, _terms(place.layer) + roundings)


def _ball(low: float, high: float) -> arb:
    return arb(low).union(arb(high))


def operator_frobenius(place: LinearLayer) -> arb:
    r"""`operator_frobenius_norm` of a layer in its place."""
    return operator_frobenius_norm(place.layer, place.input_shape)


def greatest_row(place: LinearLayer, power: int) -> arb:
    r"""$\max_i (\sum_j |A_{ij}|^p)^{1/p}$: for $p = 1$ the norm from $\ell_\infty$ to itself."""
    low, high = row_sums(place, power)
    found = _ball(low.max().item(), high.max().item()).nonnegative_part()
    return found if power == 1 else found.sqrt()


def column_squares(X: Floats) -> Pair:
    r"""Bounds of $\sum_i X_{ij}^2$ for each column $j$."""
    with np.errstate(over="ignore"):
        sums = (X * X).sum(axis=0)
    return _widened(sums, sums, X.shape[0])


def greatest_feature(X: Floats) -> arb:
    r"""$\max_j (\sum_i X_{ij}^2)^{1/2}$, the greatest Euclidean norm of a column of n x d data."""
    low, high = column_squares(X)
    return _ball(low.max().item(), high.max().item()).nonnegative_part().sqrt()


def longest_row(X: Floats) -> arb:
    r"""$\max_i (\sum_j X_{ij}^2)^{1/2}$, the greatest Euclidean length of a sample of n x d data."""
    return greatest_feature(np.ascontiguousarray(X.T))


def path_norms(network: Network) -> tuple[arb, ...]:
    r"""For each output, the sum over all paths from an input to it of the product of the absolute weights.

    Biases start paths of their own with the value 1. Each activation multiplies by its Lipschitz constant, each scaling by
    the absolute value of its factor; `Add` adds up; average pooling is the linear map that it is; max-pooling sums over its
    window, because each of its entries starts a way. One pass with absolute weights on an input of ones, enclosed.
    Raises `InputError` for batch normalisation that is not folded, and for `sign`, which has no Lipschitz constant.
    """
    values: dict[int, Pair] = {0: (np.ones((1, *network.input_shape)), np.ones((1, *network.input_shape)))}
    with np.errstate(over="ignore", invalid="ignore"):
        for number, layer, reads, done in network.steps():
            values[number] = _step(layer, [values[v] for v in reads])
            for v in done:
                del values[v]
    low, high = values[len(network.layers)]
    return tuple(
        _ball(a, b).nonnegative_part() for a, b in zip(low.ravel().tolist(), high.ravel().tolist(), strict=True)
    )


def _step(layer: object, reads: Sequence[Pair]) -> Pair:
    low, high = reads[0]
    if isinstance(layer, Dense | Convolution):
        positive = _with(layer, np.abs(layer.weight))
        start = 0.0
        if layer.bias is not None:
            start = np.abs(layer.bias) if isinstance(layer, Dense) else _per_channel(np.abs(layer.bias), layer)
        return _widened(positive(low) + start, positive(high) + start, _terms(layer) + 1)
    if isinstance(layer, Activation) and layer.jumps:
        raise InputError(f"Path norms need activations with a Lipschitz constant, found `{layer}`, which jumps.")
    if isinstance(layer, Activation | Scaling):
        return _widened(low * layer.lipschitz, high * layer.lipschitz, 1)
    if isinstance(layer, Add):
        return _widened(layer(*(a for a, _ in reads)), layer(*(b for _, b in reads)), len(reads))
    if isinstance(layer, Pooling):
        windows = layer.windows(low.shape[1:])
        if layer.kind == "max":
            sums = [windows.reduce(windows.padded(x), np.add) for x in (low, high)]
            return _widened(sums[0], sums[1], windows.cells)
        return _widened(layer(low), layer(high), windows.cells + 1)
    if isinstance(layer, Flatten | Reshape):
        return layer(low), layer(high)
    assert isinstance(layer, BatchNormalization)
    raise InputError(
        "Path norms need batch normalisation folded into the layers: call `fold_batch_normalization` first."
    )


def _per_channel(bias: Floats, layer: Convolution) -> Floats:
    return bias.reshape(-1, *(1,) * (layer.weight.ndim - 2))
