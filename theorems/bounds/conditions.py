"""What a network breaks of the conditions that several bounds share: sentences without the last full stop."""

from __future__ import annotations

import math

from numerics.networks import Network
from numerics.networks.layers import Activation, BatchNormalization, Convolution

HOMOGENEOUS = ("relu", "leaky_relu", "prelu", "abs", "identity")


def zero_condition(network: Network) -> list[str]:
    """What breaks that every layer maps 0 to 0 and has a Lipschitz constant."""
    return [sentence.rstrip(".") for sentence in (*network.zero_failures(), *network.jump_failures())]


def outputs_condition(network: Network) -> list[str]:
    if network.outputs >= 2:
        return []
    return ["A margin needs at least two outputs, found 1: turn one score z into the two logits (0, z)"]


def learned_condition(network: Network, *, moving: bool = True) -> list[str]:
    """Batch normalisation and slopes that were learned: parameters that depend on the data and that no bound counts.

    Without `moving` batch normalisations that do not map 0 to 0 are left out: `zero_condition` names them.
    """
    broken = []
    for i, layer in enumerate(network.layers, 1):
        if isinstance(layer, BatchNormalization) and (moving or not layer.moves_zero):
            broken.append(f"Layer {i}, `{layer}`, is not folded into a linear layer: call `fold_batch_normalization`")
        elif isinstance(layer, Activation) and layer.name == "prelu":
            broken.append(f"Layer {i}, `{layer}`, has a slope that was learned, which the bound does not pay for")
    return broken


def weights_condition(network: Network) -> tuple[str, ...]:
    """For bounds that count or shake the weights and biases of linear layers: there must be no other parameters."""
    return (*outputs_condition(network), *learned_condition(network))


def activation_condition(network: Network) -> list[str]:
    """Activations that jump or are not positively homogeneous; those that move 0 are left out: `zero_condition` names them."""
    jumps = [sentence.rstrip(".") for sentence in network.jump_failures()]
    return jumps + [
        f"Layer {i}, `{layer}`, is not positively homogeneous, so that norms cannot be moved between layers"
        for i, layer in enumerate(network.layers, 1)
        if isinstance(layer, Activation) and layer.name not in HOMOGENEOUS and not (layer.at_zero or layer.jumps)
    ]


def shift_condition(network: Network) -> list[str]:
    r"""Circular convolutions in which one place of the kernel reads an entry twice, so that its shift is no contraction.

    Along an axis of length $n$ window $j$ reads entry $sj + c$ modulo $n$: the first $n/\gcd(n, s)$ windows read different ones.
    """
    return [
        f"Layer {p.number}, `{p.layer}`, reads an entry twice at one place of its kernel: pad less"
        for p in network.linear_layers
        if isinstance(p.layer, Convolution)
        and p.layer.circular
        and any(
            count > n // math.gcd(n, s)
            for count, n, s in zip(p.output_shape[1:], p.input_shape[1:], p.layer.stride, strict=True)
        )
    ]
