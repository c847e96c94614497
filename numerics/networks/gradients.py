r"""Losses of a network and their gradients in float64 by reverse mode: for training and for searches; nothing is certified.

The losses are sums over the samples of the outputs $z$ and targets $y$: `squared`, $\sum (z - y)^2$, `absolute`,
$\sum |z - y|$, and `cross-entropy`, $\sum (\log \sum_i e^{z_i} - \langle y, z \rangle)$, with one row per sample.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from numerics.arithmetic.enclosure import Floats, as_float_matrix
from numerics.evidence.errors import InputError
from numerics.networks.activations import CLIPS
from numerics.networks.network import Activation, Dense, Network

OUTER = ("squared", "absolute", "cross-entropy")
Affine = tuple[Floats, Floats | None]
"""A weight (d_out x d_in) and a bias (d_out,) or `None`."""


def loss_and_gradient(
    network: Network, X: ArrayLike, Y: ArrayLike, outer: str = "cross-entropy"
) -> tuple[float, list[Affine]]:
    r"""The loss of a chain of dense layers and activations on `X` (n x d) and `Y` (n x k), and its gradient.

    The gradient has $(\partial E/\partial W, \partial E/\partial b)$ for each dense layer, `None` where there is no bias. Raises
    `InputError` when the shapes do not fit, for an unknown loss, and for layers that are neither dense nor activations.
    """
    x, y = as_float_matrix(X, "X"), as_float_matrix(Y, "Y")
    if x.shape[1] != network.inputs or y.shape != (x.shape[0], network.outputs):
        raise InputError(
            f"`X` and `Y` must be n x {network.inputs} and n x {network.outputs}, found shapes {x.shape} and {y.shape}."
        )
    if outer not in OUTER:
        raise InputError(f"`outer` must be one of {', '.join(OUTER)}, found {outer!r}.")
    layers: list[Affine | Activation] = []
    for layer in network.layers:
        if isinstance(layer, Dense):
            layers.append((layer.weight, layer.bias))
        elif isinstance(layer, Activation):
            layers.append(layer)
        else:
            raise InputError(f"Gradients need dense layers and activations, found {layer!r}: unroll it first.")
    return backpropagate(layers, x, y, outer)


def backpropagate(
    layers: Sequence[Affine | Activation], X: Floats, Y: Floats, outer: str
) -> tuple[float, list[Affine]]:
    """The same for plain arrays, without checks."""
    tape: list[Floats] = []
    z = X
    for layer in layers:
        tape.append(z)
        z = layer(z) if isinstance(layer, Activation) else _affine(layer, z)
    value, delta = _outer(outer, z, Y)
    gradients: list[Affine] = []
    for layer, x in zip(reversed(layers), reversed(tape), strict=True):
        if isinstance(layer, Activation):
            delta = delta * derivative(layer, x)
        else:
            W, b = layer
            gradients.append((delta.T @ x, None if b is None else delta.sum(axis=0)))
            delta = delta @ W
    return value, gradients[::-1]


def _affine(layer: Affine, z: Floats) -> Floats:
    W, b = layer
    return z @ W.T if b is None else z @ W.T + b


def derivative(activation: Activation, x: Floats) -> Floats:
    r"""$\sigma'$ entry by entry; at a kink the derivative from the right, and 0 at the jump of `sign`."""
    if activation.name == "sign":
        return np.zeros_like(x)
    if activation.name in ("tanh", "sigmoid"):
        y = activation(x)
        return 1 - y * y if activation.name == "tanh" else y * (1 - y)
    if activation.name in CLIPS:
        low, high = CLIPS[activation.name]
        return np.where((x >= low) & (x < high), 1.0, 0.0)
    below = {"identity": 1.0, "relu": 0.0, "abs": -1.0}.get(activation.name, activation.slope or 0.0)
    return np.where(x >= 0, 1.0, below)


def _outer(outer: str, z: Floats, Y: Floats) -> tuple[float, Floats]:
    if outer == "cross-entropy":
        top = z.max(axis=1, keepdims=True)
        e = np.exp(z - top)
        total = e.sum(axis=1, keepdims=True)
        return float((np.log(total) + top).sum() - (Y * z).sum()), e / total - Y
    error = z - Y
    if outer == "squared":
        return float(np.square(error).sum()), 2 * error
    return float(np.abs(error).sum()), np.sign(error)
