r"""Points as vectors of floats, as searches want them, and back to rational points: nothing here is certified.

Also the bridge from networks and data to losses and points, exactly: floats are rational numbers.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from numerics.arithmetic.enclosure import Floats
from numerics.arithmetic.exact import Matrix
from numerics.evidence.certificate import Point
from numerics.evidence.errors import InputError
from numerics.networks import Activation, Data, Dense, Network
from numerics.networks.gradients import Affine, backpropagate
from numerics.sublevel.losses import NetworkLoss, one_hot

Objective = Callable[[Floats], tuple[float, Floats]]
"""A loss of a vector: its value and its gradient."""


def pack(point: Point) -> Floats:
    """All entries of all layers in one vector."""
    return np.concatenate([W.to_numpy().ravel() for W in point])


def unpack(vector: Floats, like: Point) -> list[Floats]:
    """The layers, of the shapes of `like`, in a vector."""
    found, at = [], 0
    for W in like:
        size = W.rows * W.cols
        found.append(vector[at : at + size].reshape(W.shape))
        at += size
    return found


def rounded(vector: Floats, like: Point, bits: int | None = None) -> Point:
    r"""The rational point of a vector of floats: exactly, or rounded to multiples of $2^{-\text{bits}}$."""
    values = vector if bits is None else np.round(vector * 2.0**bits) * 2.0**-bits
    return tuple(Matrix(W) for W in unpack(values, like))


def objective(loss: NetworkLoss, like: Point) -> Objective:
    """The loss as a function of one vector, with its gradient (`numerics.networks.gradients`)."""
    X, Y, ridge = loss.X.to_numpy().T, loss.Y.to_numpy().T, float(loss.ridge)
    activation = _activation(loss)

    def evaluate(vector: Floats) -> tuple[float, Floats]:
        layers: list[Affine | Activation] = []
        for W in unpack(vector, like):
            layers += [(W[:, :-1], W[:, -1]) if loss.biases else (W, None), activation]
        value, gradients = backpropagate(layers[:-1], X, Y, loss.outer)
        parts = [np.column_stack([G, g]) if g is not None else G for G, g in gradients]
        gradient = np.concatenate([p.ravel() for p in parts])
        return value + ridge * float(vector @ vector), gradient + 2 * ridge * vector

    return evaluate


def hidden_features(loss: NetworkLoss, point: Point) -> list[Floats]:
    """The features after each hidden layer in floats, a row for each unit and a column for each sample."""
    z, found, activation = loss.X.to_numpy(), [], _activation(loss)
    for W in point[:-1]:
        A = W.to_numpy()
        z = activation(A[:, :-1] @ z + A[:, -1:] if loss.biases else A @ z)
        found.append(z)
    return found


def _activation(loss: NetworkLoss) -> Activation:
    return Activation(loss.activation, float(loss.slope) if loss.activation == "leaky_relu" else None)


def of_network(
    network: Network, data: Data, outer: str = "cross-entropy", ridge: object = 0
) -> tuple[NetworkLoss, Point]:
    """The loss of a network on data, with one-hot targets, and the network as its point: exact.

    The network must be dense layers with one and the same activation between them. If some layer has a bias, all get one. Raises
    `InputError` for other networks.
    """
    kinds = {str(a) for group in network.activations[1:-1] for a in group}
    is_plain = all(isinstance(layer, Dense | Activation) for layer in network.layers)
    is_chain = all(len(group) == 1 for group in network.activations[1:-1])
    if not is_plain or not is_chain or len(kinds) > 1 or network.activations[0] or network.activations[-1]:
        raise InputError(f"The network must be dense layers with one activation between them, found {network!r}.")
    if network.inputs != data.X.shape[1] or network.outputs <= int(data.y.max()):
        raise InputError(
            f"The data must have {network.inputs} features and labels below {network.outputs}, as the network, found "
            f"{data.X.shape[1]} features and the label {int(data.y.max())}."
        )
    activation = Activation.from_text(next(iter(kinds), "identity"))
    biases = network.has_bias
    layers = [
        np.column_stack([d.weight, np.zeros(d.outputs) if d.bias is None else d.bias]) if biases else d.weight
        for d in network.dense
    ]
    targets = one_hot(data.y.tolist(), network.outputs)
    slope = 0 if activation.slope is None else activation.slope
    loss = NetworkLoss(Matrix(data.X.T.copy()), targets, activation.name, outer, ridge, slope, biases)
    return loss, tuple(Matrix(W) for W in layers)


def to_network(point: Point, loss: NetworkLoss) -> Network:
    """The network of a point, its weights rounded to floats."""
    layers: list[Dense | Activation] = []
    for W in point:
        A = W.to_numpy()
        layers += [Dense(A[:, :-1], A[:, -1]) if loss.biases else Dense(A), _activation(loss)]
    return Network(layers[:-1])
