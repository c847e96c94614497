r"""Margins of a classifier and losses of a regressor on data, enclosed against the rounding of the forward pass.

The margin of scores $v \in \mathbb{R}^k$ at the label $y$ is $M(v, y) = v_y - \max_{j \ne y} v_j$. Data is whole or
comes in parts (`DataStream`, or a list of `Data`); the results are those for the whole. `risks` makes numbers of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from flint import arb
from numpy.typing import ArrayLike, NDArray

from numerics.arithmetic.enclosure import Floats, as_float_matrix, frobenius_norm, inflation, underflow
from numerics.evidence.errors import InputError
from numerics.networks.data import Data, DataStream, RegressionData, Samples, Targets, parts
from numerics.networks.enclosing import enclosed_outputs, finite
from numerics.networks.memory import remembered
from numerics.networks.network import Network

Interval = tuple[Floats, Floats]


def _check_inputs(network: Network, part: Data | RegressionData) -> None:
    if part.X.shape[1] != network.inputs:
        raise InputError(
            f"The data must have {network.inputs} features, one for each input of the network, found {part.X.shape[1]}."
        )


def _check(network: Network, part: Data, start: int) -> None:
    _check_inputs(network, part)
    if network.outputs < 2:
        raise InputError(
            "A margin needs at least two outputs of the network, found 1: turn one score z into the two logits (0, z)."
        )
    if int(part.y.max()) >= network.outputs:
        place = int(np.argmax(part.y))
        raise InputError(
            f"`y` must hold labels from 0 to {network.outputs - 1}, one for each output of the network, found "
            f"{int(part.y[place])} of sample {start + place}."
        )


def _split(scores: Floats, y: NDArray[np.int64]) -> tuple[Floats, Floats]:
    """The score of the label and the best other one, for each row."""
    rows = np.arange(scores.shape[0])
    others = scores.copy()
    others[rows, y] = -np.inf
    return scores[rows, y], others.max(axis=1)


def margins(network: Network, data: Samples) -> Floats:
    r"""The margins $M(F(x_i), y_i)$ in plain float64, (n,); for rigorous bounds see `certified_margins`.

    Raises `InputError` when data and network do not fit, for a label that the network has no output for, for a
    network with one output, and when the outputs overflow.
    """
    results: list[Floats] = []
    start = 0
    for part in parts(data, Data):
        _check(network, part, start)
        scores = network(part.X)
        finite(scores, start)
        own, other = _split(scores, part.y)
        results.append(own - other)
        start += len(part)
    return np.concatenate(results)


@remembered(at_each_precision=False)
def certified_margins(network: Network, data: Samples) -> Interval:
    r"""Arrays `(lower, upper)`, each (n,), with lower$_i \le M(F(x_i), y_i) \le$ upper$_i$, $F$ in exact arithmetic.

    The rounding of the forward pass is bounded (`enclosed_outputs`), and the subtraction is rounded outward. Raises
    as `margins`.
    """
    lower: list[Floats] = []
    upper: list[Floats] = []
    start = 0
    for part in parts(data, Data):
        _check(network, part, start)
        low, high = _outputs(network, part, start)
        lower.append(_down(_split(low, part.y)[0] - _split(high, part.y)[1]))
        upper.append(_up(_split(high, part.y)[0] - _split(low, part.y)[1]))
        start += len(part)
    result = np.concatenate(lower), np.concatenate(upper)
    for ends in result:
        ends.setflags(write=False)  # they are remembered
    return result


def _down(values: Floats) -> Floats:
    return np.nextafter(values, -np.inf)


def _up(values: Floats) -> Floats:
    return np.nextafter(values, np.inf)


def _outputs(network: Network, part: Data | RegressionData, start: int) -> Interval:
    centre, radius = enclosed_outputs(network, part.X, first=start)
    return _down(centre - radius), _up(centre + radius)


def data_norm(X: ArrayLike | Samples | Targets) -> arb:
    r"""$\|X\|_F = (\sum_i \|x_i\|^2)^{1/2}$ of the n x d data: an array, or data whole or in parts."""
    if isinstance(X, Data | RegressionData):
        return frobenius_norm(X.X)
    if isinstance(X, DataStream) or (isinstance(X, Sequence) and X and isinstance(X[0], Data | RegressionData)):
        squares: list[arb] = [data_norm(part) ** 2 for part in X]  # pyright: ignore[reportArgumentType]
        return sum(squares, arb(0)).sqrt()
    return frobenius_norm(as_float_matrix(X, "X"))  # pyright: ignore[reportArgumentType]


def regression_losses(network: Network, data: Targets, loss: Literal["squared", "absolute"] = "squared") -> Interval:
    r"""Arrays `(lower, upper)`, each (n,), around $\|F(x_i) - y_i\|_2^2$ or $\|F(x_i) - y_i\|_1$, $F$ in exact
    arithmetic.

    `loss` is `"squared"` or `"absolute"`; averages are `risks.mean`. With $F(x_i)_j - y_{ij}$ in $[l, h]$ its size lies
    between $\max(l, -h, 0)$ and $\max(-l, h)$, and a float sum of the $k$ sizes or squares has at most $k$ roundings.
    Raises `InputError` when data and network do not fit and when the outputs or losses overflow.
    """
    if loss not in ("squared", "absolute"):
        raise InputError(f"`loss` must be 'squared' or 'absolute', found {loss!r}.")
    lower: list[Floats] = []
    upper: list[Floats] = []
    error, _ = inflation(network.outputs)
    room = underflow(network.outputs)
    start = 0
    for part in parts(data, RegressionData):
        _check_inputs(network, part)
        if part.Y.shape[1] != network.outputs:
            raise InputError(
                f"`Y` must have {network.outputs} columns, one for each output of the network, found {part.Y.shape[1]}."
            )
        low, high = _outputs(network, part, start)
        low, high = _down(low - part.Y), _up(high - part.Y)
        sizes = np.maximum(np.maximum(low, -high), 0.0), np.maximum(-low, high)
        with np.errstate(over="ignore"):
            least, most = (s.sum(axis=1) if loss == "absolute" else np.square(s).sum(axis=1) for s in sizes)
            finite(most, start)
            # a float sum s of terms >= 0 is within s * error + room of the exact one; that takes two roundings more
            lower.append(np.maximum(_down(least - (least * error + room) * (1 + 2.0**-50)), 0.0))
            upper.append(_up(most + (most * error + room) * (1 + 2.0**-50)))
        finite(upper[-1], start)
        start += len(part)
    result = np.concatenate(lower), np.concatenate(upper)
    for ends in result:
        ends.setflags(write=False)  # they are remembered
    return result
