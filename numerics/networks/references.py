"""Reference weights $M_i$: what the distances of weights are measured from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from numerics.arithmetic.enclosure import Floats
from numerics.evidence.errors import InputError
from numerics.networks.layers import Dense, Linear
from numerics.networks.network import Network, checked_references
from numerics.networks.windows import Shape

Reference = ArrayLike | Literal["identity", "zero"] | None


def identity_weight(layer: Linear, input_shape: Shape) -> Floats:
    r"""The weight with which a layer of this geometry is the identity, the reference matrix of a residual block.

    Raises `InputError` when there is none: inputs and outputs must have one shape, and some tap must read each output's
    own place, from its own group.
    """
    shape = layer.output_shape(tuple(input_shape))
    if shape != tuple(input_shape):
        raise InputError(
            f"`{layer}` must keep the shape of its input to be compared with the identity, found {tuple(input_shape)} "
            f"and {shape}: use another reference."
        )
    if isinstance(layer, Dense):
        return np.eye(layer.outputs)
    tap = []
    for axis, length in enumerate(shape[1:]):
        own = (layer.places(axis, length) == np.arange(length)[:, None]).all(axis=0)
        if not own.any():
            raise InputError(
                f"`{layer}` must have a tap that reads the place of its output, found none: use another reference."
            )
        tap.append(int(np.argmax(own)))
    result = np.zeros(layer.weight.shape)
    result[(np.arange(layer.outputs), np.arange(layer.outputs) % layer.weight.shape[1], *tap)] = 1.0
    return result


def reference_weights(network: Network, references: Sequence[Reference]) -> tuple[Floats | None, ...]:
    r"""The weights of the reference operators $M_i$, one for each linear layer; `None` is zero.

    Each of `references` is an array of the shape of the weight (such as the initialisation), `"identity"`, the
    reference of a residual layer $x \mapsto x + \dots$ written as one layer, or `"zero"` or `None`. Raises
    `InputError` when there are not as many as linear layers, a shape does not fit, or a layer cannot be the identity.
    """
    for i, M in enumerate(references):
        if isinstance(M, str) and M not in ("identity", "zero"):
            raise InputError(f"`references[{i}]` must be an array, 'identity' or 'zero', found {M!r}.")
    arrays = checked_references(network, [None if isinstance(M, str) else M for M in references])
    return tuple(
        identity_weight(place.layer, place.input_shape) if isinstance(M, str) and M == "identity" else array
        for M, array, place in zip(references, arrays, network.linear_layers, strict=True)
    )
