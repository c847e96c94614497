r"""Lipschitz constants of layers that have no weights, and of whole networks, in Euclidean norms.

Max pooling is $\sqrt{w}$-Lipschitz, $w$ the largest number of windows that cover one place of the input: with $i(o)$
the place where window $o$ of $x$ or of $x'$, the larger one, has its maximum, $\|P(x) - P(x')\|^2 \le \sum_o
|x_{i(o)} - x'_{i(o)}|^2 \le w \|x - x'\|^2$. A single peak at the place of most windows attains it, so that this is
the best constant; it is 1 for windows that do not overlap and $\sqrt 3$ for size 3 and stride 1.

Average pooling is linear with non-negative entries; by Schur's test its norm is at most $\sqrt{rc}$, $r$ and $c$ the
largest sums of a row and of a column. It acts on the axes one by one, so that both are products over the axes. For
windows that do not overlap this is the norm.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction

import numpy as np
from flint import arb, fmpq

from numerics.evidence.errors import InputError
from numerics.networks.enclosing import factor_and_offset
from numerics.networks.layers import Activation, BatchNormalization, Layer, Linear, Pooling, Scaling
from numerics.networks.network import Network
from numerics.networks.windows import Shape


def pooling_lipschitz(layer: Pooling, input_shape: Shape) -> arb:
    r"""A ball around a Lipschitz constant of pooling on inputs of this shape: the best one for max pooling, Schur's
    bound for average pooling (see the head of this file). Raises `InputError` when the layer does not fit."""
    windows = layer.windows(input_shape)
    square = Fraction(1)
    for axis, (length, divisors) in enumerate(zip(input_shape[1:], layer.divisors(input_shape), strict=True)):
        window, place = windows.incidence(axis, length)
        if layer.kind == "max":
            square *= int(np.bincount(place).max())
            continue
        covered = windows.covered(axis, length)
        row = max(Fraction(c, d) for c, d in {*zip(covered.tolist(), divisors.tolist(), strict=True)})
        common = math.lcm(*divisors.tolist())
        column = sum(
            np.bincount(place[divisors[window] == d], minlength=length).astype(object) * (common // d)
            for d in {*divisors.tolist()}
        )
        square *= row * Fraction(int(np.max(column)), common)
    return arb(fmpq(square.numerator, square.denominator)).sqrt()


def layer_lipschitz(layer: Layer, input_shape: Shape) -> arb:
    r"""A ball around a Lipschitz constant of a layer without weights, with respect to each of its inputs.

    It is the best one but for average pooling. Raises `TypeError` for `Dense` and `Convolution`: their constants are
    operator norms. Raises `InputError` for `sign`, which has none.
    """
    if isinstance(layer, Linear):
        raise TypeError(f"`layer` must have no weights, found `{layer}`: its constant is its operator norm.")
    if isinstance(layer, Activation) and layer.jumps:
        raise InputError(
            f"`{layer}` must have a Lipschitz constant for this, but it jumps: use a continuous activation."
        )
    if isinstance(layer, Activation | Scaling):
        return arb(layer.lipschitz)
    if isinstance(layer, Pooling):
        return pooling_lipschitz(layer, input_shape)
    if isinstance(layer, BatchNormalization):
        result = arb(0)
        for channel in range(layer.channels):
            result = result.max(abs(factor_and_offset(layer, channel)[0]))
        return result
    return arb(1)


def lipschitz_bound(network: Network, norms: Mapping[int, arb]) -> arb:
    r"""A bound of the Lipschitz constant of the network, as the ball of a formula: certified by its upper end.

    `norms[number]` encloses the operator norm of the linear layer with that number (`network.linear_layers`). Along a
    chain the constants multiply; a sum has the sum of the constants of its terms, so that over the graph
    $\ell_0 = 1$, $\ell_{i+1} = c_i \sum_{v \text{ read by layer } i} \ell_v$. Raises `InputError` for a layer whose
    norm is missing, negative or not finite, and for `sign`, which has no constant.
    """
    values = [arb(1)]
    for i, (layer, reads) in enumerate(zip(network.layers, network.wiring, strict=True)):
        if isinstance(layer, Linear):
            constant = norms.get(i + 1)
            if constant is None or not constant.is_finite() or constant < 0:
                raise InputError(
                    f"`norms` must hold the operator norm of layer {i + 1}, `{layer}`, "
                    f"found {'none' if constant is None else constant}."
                )
        else:
            constant = layer_lipschitz(layer, network.shapes[reads[0]])
        values.append(constant * sum((values[v] for v in reads), arb(0)))
    return values[-1]
