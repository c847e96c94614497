"""Fitted scikit-learn models, without importing scikit-learn: they are recognised by what they carry."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from numerics.evidence.errors import InputError
from numerics.networks.data import Data
from numerics.networks.folding import fold_batch_normalization
from numerics.networks.layers import Activation, BatchNormalization, Dense, Layer
from numerics.networks.network import Network
from numerics.networks.readers.assembly import with_two_logits
from numerics.networks.readers.files import short

_SCIKIT_ATTRIBUTES = ("coefs_", "intercepts_", "activation", "out_activation_")
_SCALERS = {"StandardScaler": "mean_", "RobustScaler": "center_", "MaxAbsScaler": "", "MinMaxScaler": ""}
"""What scales the features one by one, and the attribute that is subtracted first."""


def from_scikit_learn(model: Any) -> Network:
    r"""The scores (logits) of a fitted `MLPClassifier`, or the outputs of an `MLPRegressor`; also at the end of a
    `Pipeline` of `StandardScaler`, `RobustScaler`, `MaxAbsScaler` and `MinMaxScaler`, which become part of the first
    layer.

    scikit-learn keeps weights as d_in x d_out; they are transposed here. The final softmax is left out: it changes
    neither the order of the scores nor, up to a constant in each row, their logarithms. A weight behind scalers is
    rounded once, from a number that is within one part in $2^{53}$ of the exact one for each scaler that divides. A binary classifier has *one*
    logistic output $z$; it becomes the two logits $(0, z)$, and the name of the network says so. Raises `TypeError`
    when `model` is not such a model or not fitted, `InputError` for multilabel classifiers, output functions other
    than softmax, logistic and identity, and other steps of a pipeline, listed by name.
    """
    if isinstance(steps := getattr(model, "steps", None), list) and steps:
        return _pipeline(steps)
    missing = [name for name in _SCIKIT_ATTRIBUTES if not hasattr(model, name)]
    if missing:
        raise TypeError(
            f"`model` must be a fitted scikit-learn MLPClassifier or MLPRegressor, found {type(model).__name__} "
            f"without `{missing[0]}`: call `fit` first."
        )
    output = model.out_activation_
    if output not in ("softmax", "logistic", "identity"):
        raise InputError(f"The output function of `model` must be softmax, logistic or identity, found `{output}`.")
    weights = [np.asarray(coefs).T for coefs in model.coefs_]
    biases = [np.asarray(intercepts) for intercepts in model.intercepts_]
    name = type(model).__name__
    if output == "logistic" and weights[-1].shape[0] != 1:
        raise InputError("`model` must give one class to each sample, found a multilabel classifier.")
    layers: list[Layer] = []
    for weight, bias in zip(weights, biases, strict=True):
        layers += [Dense(weight, bias), Activation(model.activation)]
    network = Network(layers[:-1], name)
    return with_two_logits(network) if output == "logistic" else network


def _pipeline(steps: list[tuple[str, Any]]) -> Network:
    scalers = [(name, step) for name, step in steps[:-1] if step not in (None, "passthrough")]
    other = [f"`{short(name)}` ({type(step).__name__})" for name, step in scalers if not _is_scaler(step)]
    if other:
        raise InputError(
            f"The pipeline has steps that cannot be read: {'; '.join(other)}. Use {', '.join(_SCALERS)} without "
            "`clip`, then an MLPClassifier or MLPRegressor."
        )
    network = from_scikit_learn(steps[-1][1])
    normalizations = [_normalization(name, step, network.inputs) for name, step in scalers]
    return fold_batch_normalization(Network([*normalizations, *network.layers], network.name))


def _is_scaler(step: Any) -> bool:
    return type(step).__name__ in _SCALERS and not getattr(step, "clip", False)


def _normalization(name: str, step: Any, features: int) -> BatchNormalization:
    r"""What a scaler does: $(x - m)/c$, with $c = \sqrt{c^2}$, or $sx + t$ for a `MinMaxScaler`."""
    if not hasattr(step, "n_features_in_"):
        raise TypeError(f"Step `{name}` of the pipeline must be fitted, found a {type(step).__name__} that is not.")
    zeros, ones = np.zeros(features), np.ones(features)
    # a StandardScaler has a mean even if it does not subtract it
    centre = getattr(step, _SCALERS[type(step).__name__], None) if getattr(step, "with_mean", True) else None
    scale = step.scale_
    if type(step).__name__ == "MinMaxScaler":
        return BatchNormalization(zeros, ones, scale, step.min_, 0.0)
    variance = ones if scale is None else np.square(np.asarray(scale, np.float64))
    return BatchNormalization(zeros if centre is None else centre, variance, ones, zeros, 0.0)


def scikit_learn_data(model: Any, X: ArrayLike, y: ArrayLike) -> Data:
    """`X` and the labels `y` as a fitted classifier counts them: by their place in `model.classes_`.

    Raises `TypeError` when `model` has no `classes_`, `InputError` for a label that it was not fitted with.
    """
    if not hasattr(model, "classes_"):
        raise TypeError(f"`model` must be a fitted classifier with `classes_`, found {type(model).__name__}.")
    places = {label: i for i, label in enumerate(np.asarray(model.classes_).tolist())}
    labels = np.asarray(y).tolist()
    for label in labels:
        if label not in places:
            raise InputError(f"`y` must hold labels that `model` was fitted with, found {label!r}.")
    return Data(X, np.array([places[label] for label in labels], dtype=np.int64))
