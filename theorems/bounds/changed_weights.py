"""Networks with other weights: shaken or rounded."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from numerics.networks import Network
from numerics.networks.layers import Dense

if TYPE_CHECKING:
    from numpy import ndarray


def changed(network: Network, weight: Callable[[int, ndarray], ndarray], bias: Callable[[ndarray], ndarray]) -> Network:
    """The same network with `weight(k, W)` for the weight of its k-th linear layer, and `bias(b)` for each bias."""
    layers = list(network.layers)
    for k, place in enumerate(network.linear_layers):
        old = place.layer
        W, b = weight(k, old.weight), None if old.bias is None else bias(old.bias)
        layers[place.number - 1] = Dense(W, b) if isinstance(old, Dense) else old.with_weight(W, b)
    return Network(layers, network.name, input_shape=network.input_shape, wiring=network.wiring)
