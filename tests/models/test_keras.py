"""Networks trained in Keras on real digits give its logits; what cannot be read is listed."""

import io
import json
import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rounding import rounding_error

os.environ.setdefault("KERAS_BACKEND", "torch")
pytest.importorskip("h5py")
pytest.importorskip("torch")
keras: Any = pytest.importorskip("keras")
layers = keras.layers

from numerics.evidence.errors import InputError  # noqa: E402
from numerics.networks import load_network  # noqa: E402
from numerics.networks.readers import assembly  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # Keras with PyTorch


def digits() -> tuple[np.ndarray, np.ndarray]:
    from sklearn.datasets import load_digits

    X, y = load_digits(return_X_y=True)
    return (X[:300] / 16).astype(np.float32).reshape(-1, 8, 8, 1), y[:300]


def sequential() -> Any:
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Rescaling(2.0, offset=-0.5),
            layers.Conv2D(4, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(2, strides=1, padding="same"),
            layers.Conv2D(6, (3, 2), strides=2, padding="same", groups=2, name="second", use_bias=False),
            layers.BatchNormalization(scale=False),
            layers.LeakyReLU(negative_slope=0.2),
            layers.AveragePooling2D((1, 2), strides=1),
            layers.Flatten(),
            layers.BatchNormalization(center=False),
            layers.Dropout(0.2),
            layers.Dense(12, activation="tanh"),
            layers.Dense(10, activation="softmax"),
        ]
    )


def functional() -> Any:
    x = inputs = keras.Input((8, 8, 1))
    x = layers.Conv2D(5, 3, padding="valid", dilation_rate=2)(x)
    shortcut = layers.Conv2D(7, 1, strides=2)(x)
    x = layers.ReLU(negative_slope=0.1)(layers.BatchNormalization()(x))
    x = layers.Conv2D(7, 3, strides=2, padding="same")(x)
    x = layers.Add()([shortcut, x, x])
    shared = layers.Activation("sigmoid")
    x = shared(x)
    a = layers.GlobalAveragePooling2D()(x)
    b = layers.Dense(7, activation="leaky_relu")(layers.Flatten()(x))
    x = shared(layers.add([a, b]))
    return keras.Model(inputs, layers.Softmax()(layers.Dense(10, activation="linear")(x)))


def dense() -> Any:
    return keras.Sequential([layers.Flatten(), layers.Dense(20, activation="relu"), layers.Dense(10)])


def signal() -> Any:
    return keras.Sequential(
        [
            keras.Input((64, 1)),
            layers.Conv1D(3, 5, padding="causal", dilation_rate=2, activation="relu"),
            layers.MaxPooling1D(4),
            layers.Conv1D(4, 3, padding="same"),
            layers.GlobalAveragePooling1D(keepdims=True),
            layers.Flatten(),
            layers.Dense(10),
        ]
    )


def channels_first() -> Any:
    return keras.Sequential(
        [
            keras.Input((2, 8, 4)),
            layers.Conv2D(3, 3, data_format="channels_first"),
            layers.BatchNormalization(axis=1),
            layers.MaxPooling2D(2, data_format="channels_first"),
            layers.Flatten(data_format="channels_first"),
            layers.Dense(10),
        ]
    )


def submodels() -> Any:
    """Models inside models, one used twice, the softmax in the last of them."""
    stem = keras.Sequential([keras.Input((8, 8, 1)), layers.Conv2D(4, 3, name="same"), layers.BatchNormalization()])
    x = inner = keras.Input((6, 6, 4))
    x = layers.Conv2D(4, 3, padding="same", activation="relu", name="same")(x)
    block = keras.Model(
        inner, layers.Add()([inner, keras.Sequential([layers.Conv2D(4, 1)], name="deep")(x)]), name="block"
    )
    unbuilt = keras.Sequential([layers.Flatten(), layers.Dense(10), layers.Softmax()])
    x = inputs = keras.Input((8, 8, 1), name="input")
    return keras.Model(inputs, keras.Sequential([unbuilt])(block(block(stem(x)))))


def mobile() -> Any:
    """The layers of MobileNet, for images that come as matrices."""
    return keras.Sequential(
        [
            keras.Input((8, 8)),
            layers.Rescaling(2.0, offset=-0.5),
            layers.Reshape((8, -1, 1)),
            layers.ZeroPadding2D(((0, 1), (2, 1))),
            layers.Conv2D(4, 3, strides=2, padding="same", use_bias=False),
            layers.BatchNormalization(),
            layers.ReLU(max_value=6.0),
            layers.DepthwiseConv2D((3, 2), depth_multiplier=2, padding="same", activation="relu6"),
            layers.ZeroPadding2D(1),
            layers.SeparableConv2D(6, 3, depth_multiplier=2, strides=2, activation="tanh"),
            layers.GlobalMaxPooling2D(keepdims=True),
            layers.Conv2D(10, 1),
            layers.Reshape((10,)),
            layers.Activation("softmax"),
        ]
    )


def separable_signal() -> Any:
    normalization = layers.Normalization(axis=None)
    normalization.adapt(digits()[0].reshape(-1, 64))
    return keras.Sequential(
        [
            keras.Input((64,)),
            normalization,
            layers.Reshape((64, 1)),
            layers.DepthwiseConv1D(5, depth_multiplier=3, padding="same", dilation_rate=2),
            layers.ZeroPadding1D((1, 2)),
            layers.SeparableConv1D(4, 3, strides=2, use_bias=False, activation="hard_tanh"),
            layers.GlobalMaxPooling1D(),
            layers.Dense(10),
        ]
    )


def reordered() -> Any:
    """Values that are flattened, scaled, made images again and reshaped, with several channels."""
    constants = layers.Normalization(mean=np.linspace(-1, 1, 3).tolist(), variance=np.linspace(0.5, 2, 3).tolist())
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(3, 3),
            constants,
            layers.Reshape((-1,)),
            layers.BatchNormalization(),
            layers.Reshape((6, 6, 3)),
            layers.AveragePooling2D(3),
            layers.Reshape((4, 3)),
            layers.Conv1D(5, 2),
            layers.Reshape((3, 1, 5)),
            layers.Flatten(),
            layers.Dense(10),
        ]
    )


MODELS = {
    f.__name__: f
    for f in (
        sequential, functional, dense, signal, channels_first, submodels, mobile, separable_signal, reordered,
    )
}  # fmt: skip


@pytest.mark.parametrize("name", MODELS)
def test_models(tmp_path, name, monkeypatch):
    keras.utils.set_random_seed(0)
    X, y = digits()
    model = MODELS[name]()
    X = X.reshape(-1, *model.input_shape[1:]) if model.built else X
    ended = name in ("sequential", "functional", "submodels", "mobile")
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=not ended)
    model.compile(keras.optimizers.Adam(0.01), loss)
    model.fit(X, y, batch_size=50, epochs=2, verbose=0)
    path = tmp_path / f"{name}.keras"
    model.save(path)
    network = load_network(path)
    monkeypatch.setattr(assembly, "fold_batch_normalization", lambda network: network)
    unfolded = load_network(path)
    expected = model.predict(X, verbose=0)
    images = X.reshape(len(X), -1)  # one channel, or channels in front already: the order is the same
    found, bound = network(images), rounding_error(unfolded, images)
    if ended:
        found, expected = found - found[:, :1], np.log(expected / expected[:, :1])
        bound = bound + bound[:, :1] + 1e-5 * (1 + np.abs(expected))
    assert (np.abs(found - expected) <= bound).all()
    assert bound.max() < np.ptp(expected) / 20
    assert network.name == name


def test_color_images_have_their_channels_in_front(tmp_path):
    model = keras.Sequential([keras.Input((6, 5, 3)), layers.Conv2D(4, 3), layers.Flatten(), layers.Dense(2)])
    model.save(tmp_path / "m.keras")
    network = load_network(tmp_path / "m.keras")
    X = np.random.default_rng(0).standard_normal((4, 6, 5, 3)).astype(np.float32)
    assert network.input_shape == (3, 6, 5)
    assert np.allclose(network(X.transpose(0, 3, 1, 2)), model.predict(X, verbose=0), atol=1e-5)
    assert network.name == "m (its images with the channels in front)"


def test_layers_that_cannot_be_read_are_listed(tmp_path):
    inputs = keras.Input((8, 4))
    x = layers.LSTM(3, name="memory")(inputs)
    x = layers.LayerNormalization(name="norm")(x)
    keras.Model(inputs, layers.Dense(2)(x)).save(tmp_path / "m.keras")
    with pytest.raises(InputError, match=r"cannot be read: `memory` \(LSTM\); `norm` \(LayerNormalization\)\. Save a"):
        load_network(tmp_path / "m.keras")
    keras.Sequential([keras.Input((4,)), layers.Dense(2, activation="gelu", name="a")]).save(tmp_path / "m.keras")
    with pytest.raises(InputError, match=r"cannot be read: `a` \(Dense\) with the activation `gelu`\. Save"):
        load_network(tmp_path / "m.keras")
    model = keras.Sequential([keras.Input((4,)), layers.Dense(3, activation="softmax", name="a"), layers.Dense(2)])
    model.save(tmp_path / "m.keras")
    with pytest.raises(InputError, match=r"`a` \(Dense\) with a softmax that is not at the end"):
        load_network(tmp_path / "m.keras")
    inner = keras.Sequential([keras.Input((4,)), layers.LayerNormalization(name="norm"), layers.Dense(2)], name="inner")
    keras.Sequential([keras.Input((4,)), inner]).save(tmp_path / "m.keras")
    with pytest.raises(InputError, match=r"cannot be read: `inner/norm` \(LayerNormalization\)"):
        load_network(tmp_path / "m.keras")
    a, b = keras.Input((4,)), keras.Input((4,))
    both = keras.Model([a, b], layers.Dense(2)(layers.Add()([a, b])), name="both")
    keras.Model(a, both([a, layers.Dense(4)(a)])).save(tmp_path / "m.keras")
    with pytest.raises(InputError, match=r"cannot be read: `both` \(Functional\) with 2 inputs that reads 2 values"):
        load_network(tmp_path / "m.keras")
    x = layers.BatchNormalization(name="batch")(layers.Dense(4)(a), training=True)
    keras.Model(a, layers.Dense(2)(x)).save(tmp_path / "m.keras")
    with pytest.raises(InputError, match=r"cannot be read: `batch` \(BatchNormalization\) called with `training`"):
        load_network(tmp_path / "m.keras")


@pytest.mark.parametrize(
    ("inside", "text"),
    [
        ([layers.Reshape((8, 4, 2))], r"`a` \(Reshape\) to \[8, 4, 2\], which moves numbers from one channel to another"),
        ([layers.Flatten(), layers.Reshape((8, 8, 1))], ""),
        ([layers.Conv2D(4, 1), layers.Reshape((16, 8, 2))], r"to \[16, 8, 2\], which moves numbers from one channel"),
        ([layers.Conv2D(4, 1), layers.Flatten(), layers.Reshape((8, 16, 2))], "which moves numbers from one channel"),
        ([layers.ReLU(max_value=5.0)], r"`a` \(ReLU\) with a threshold, or a maximum other than 6 without a slope"),
        ([layers.ReLU(threshold=1.0)], r"`a` \(ReLU\) with a threshold"),
        ([layers.ReLU(max_value=6.0, negative_slope=0.1)], r"`a` \(ReLU\) with a threshold, or a maximum other than 6"),
        ([layers.ZeroPadding2D(1), layers.MaxPooling2D(2)], r"`a` \(ZeroPadding2D\) that is not in front of a conv"),
        ([layers.Normalization(axis=1, mean=[0.0] * 8, variance=[1.0] * 8)], "along the axis 1"),
        ([layers.Normalization(mean=[1.0], variance=[2.0], invert=True)], r"`a` \(Normalization\) with `invert`"),
        ([layers.Permute((2, 1, 3))], r"`a` \(Permute\)"),
        ([layers.Softmax(axis=1)], r"`a` \(Softmax\) with a softmax that is not at the end"),
    ],
)  # fmt: skip
def test_settings_that_cannot_be_read_are_listed(tmp_path, inside, text):
    first, *others = inside
    model = keras.Sequential(
        [keras.Input((8, 8, 1)), first, *others, layers.Conv2D(2, 1), layers.Flatten(), layers.Dense(2)]
    )
    model.save(tmp_path / "m.keras")

    if not text:
        X = np.random.default_rng(0).standard_normal((3, 8, 8, 1)).astype(np.float32)
        assert np.allclose(load_network(tmp_path / "m.keras")(X.reshape(3, -1)), model.predict(X, verbose=0), atol=1e-5)
        return
    with pytest.raises(InputError, match=text.replace("`a`", f"`{first.name}`")):
        load_network(tmp_path / "m.keras")


def test_flat_images_of_several_channels_cannot_be_reshaped(tmp_path):
    """Flat data would be in the order of Keras, and the network would take them for the order of the others."""
    model = keras.Sequential(
        [keras.Input((48,)), layers.Reshape((4, 4, 3)), layers.Conv2D(2, 2), layers.Flatten(), layers.Dense(2)]
    )
    model.save(tmp_path / "m.keras")
    with pytest.raises(
        InputError, match=r"\(Reshape\) to \[4, 4, 3\], which moves numbers from one channel to another"
    ):
        load_network(tmp_path / "m.keras")


def test_softmax_of_images_is_no_end(tmp_path):
    model = keras.Sequential([keras.Input((4, 4, 1)), layers.Conv2D(2, 2), layers.Softmax(name="a")])
    model.save(tmp_path / "m.keras")
    with pytest.raises(InputError, match=r"`a` \(Softmax\) with a softmax along another axis than the classes"):
        load_network(tmp_path / "m.keras")


def changed(path: Path, change: Any) -> Path:
    """The file with another configuration."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(members["config.json"])
    change(config)
    with zipfile.ZipFile(path.with_name("changed.keras"), "w") as archive:
        for name, content in (members | {"config.json": json.dumps(config).encode()}).items():
            archive.writestr(name, content)
    return path.with_name("changed.keras")


def test_configurations_that_contradict_the_weights(tmp_path):
    functional().save(tmp_path / "m.keras")

    def layer(config: Any, kind: str) -> Any:
        return next(entry for entry in config["config"]["layers"] if entry["class_name"] == kind)

    cases: list[tuple[Any, str]] = [
        (lambda c: layer(c, "Conv2D")["config"].update(kernel_size=[2, 2]), "must be [2, 2], found shape (3, 3, 1, 5)"),
        (lambda c: layer(c, "Conv2D")["config"].update(use_bias=False), "must hold 1 tensors for layer"),
        (lambda c: layer(c, "Conv2D")["config"].update(groups="x"), "must give `groups`, found x"),
        (lambda c: layer(c, "Conv2D").update(class_name="Conv3D"), "cannot be read: `conv2d"),
        (lambda c: layer(c, "Flatten").update(inbound_nodes=[[["x", 0, 0, {}]]]), "found the wiring of Keras 2"),
        (lambda c: layer(c, "Flatten")["inbound_nodes"][0].update(args=[3]), "that reads something other than layers"),
        (lambda c: layer(c, "Add").update(inbound_nodes=layer(c, "Activation")["inbound_nodes"]), "without a circle"),
        (lambda c: c["config"].update(output_layers=[["x", 0, 0]]), "found it nowhere"),
        (lambda c: c.update(class_name="Functor"), "must hold a sequential or functional model, found Functor"),
        (lambda c: c["config"]["layers"].append(c["config"]["layers"][-1]), "must give each layer its own name"),
        (lambda c: layer(c, "InputLayer")["config"].update(batch_shape=[None, None, 8, 1]), "must have fixed sizes"),
    ]
    for change, text in cases:
        with pytest.raises(InputError) as caught:
            load_network(changed(tmp_path / "m.keras", change))
        assert text in str(caught.value), str(caught.value)


def test_hdf5_files_are_refused(tmp_path):
    h5py: Any = pytest.importorskip("h5py")
    stream = io.BytesIO()
    with h5py.File(stream, "w") as file:
        file["x"] = 1.0
    (tmp_path / "m.h5").write_bytes(stream.getvalue())
    with pytest.raises(InputError, match=r"must be a `.keras` file, found HDF5: load it in Keras 3 and save it as"):
        load_network(tmp_path / "m.h5")
