"""Files and scikit-learn models: round trips, agreement with the original, hostile and broken files."""

import io
import json
import os
import random
import stat
import warnings
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from numerics.evidence.errors import InputError
from numerics.networks import (
    Activation,
    Add,
    BatchNormalization,
    Convolution,
    Data,
    Dense,
    Flatten,
    Network,
    Pooling,
    Reshape,
    Scaling,
    from_scikit_learn,
    load_data,
    load_initialization,
    load_network,
    load_references,
    margins,
    save_data,
    save_network,
    scikit_learn_data,
)
from numerics.networks.readers import files

GOOD = {
    "format": np.array("theorems-network-1"),
    "W1": np.arange(6.0).reshape(3, 2),
    "b1": np.ones(3),
    "W2": np.ones((2, 3)),
    "activations": np.array(["relu"]),
}


def write(path: Path, arrays: dict) -> Path:
    np.savez(path, **arrays)
    return path


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), depth=st.integers(1, 4), output=st.booleans(), references=st.booleans())
def test_round_trip(tmp_path_factory, seed, depth, output, references):
    rng = np.random.default_rng(seed)
    widths = rng.integers(1, 5, depth + 1)
    layers = []
    for i in range(depth):
        bias = rng.standard_normal(widths[i + 1]) if rng.random() < 0.5 else None
        name = rng.choice(["relu", "tanh", "leaky_relu", "sign"])
        layers += [Dense(rng.standard_normal((widths[i + 1], widths[i])), bias), Activation(str(name))]
    network = Network(layers if output else layers[:-1])
    matrices = [rng.standard_normal(W.shape) for W in network.weights] if references else None
    path = tmp_path_factory.mktemp("net") / "n.npz"
    save_network(path, network, matrices)
    again, found = load_network(path), load_references(path)
    assert again.name == "n"
    assert repr(again) == repr(network).replace("Network(", "Network('n', ")
    for a, b in zip(network.dense, again.dense, strict=True):
        assert (a.weight == b.weight).all()
        assert (a.bias is None) == (b.bias is None)
        assert a.bias is None or b.bias is None or (a.bias == b.bias).all()
    if matrices is None:
        assert found is None
    else:
        assert found is not None
        assert all((a == b).all() for a, b in zip(matrices, found, strict=True))
    assert os.listdir(path.parent) == ["n.npz"]


def test_files_of_other_writers_are_read(tmp_path):
    network = load_network(write(tmp_path / "a.npz", GOOD))
    assert network([[1.0, 1.0]]).tolist() == [[2 + 6 + 10, 2 + 6 + 10]]
    other: dict[str, Any] = GOOD | {"W1": np.asfortranarray(GOOD["W1"]).astype(">f4")}
    np.savez_compressed(tmp_path / "c.npz", **other)
    assert load_network(tmp_path / "c.npz")([[1.0, 1.0]]).tolist() == [[18, 18]]
    # with one layer there may be no activation at all
    assert load_network(write(tmp_path / "l.npz", {"format": GOOD["format"], "W1": np.eye(2)})).depth == 1
    save_network(tmp_path / "l.npz", Network([Dense(np.eye(2))]))
    assert load_network(tmp_path / "l.npz").activations == ((), ())


def test_data_round_trip(tmp_path):
    data = Data(np.random.default_rng(0).standard_normal((4, 3)), [0, 2, 1, 0])
    save_data(tmp_path / "d.npz", data)
    again = load_data(tmp_path / "d.npz")
    assert (again.X == data.X).all()
    assert (again.y == data.y).all()
    write(tmp_path / "e.npz", {"X": data.X, "y": data.y, "X_test": np.array([object()])})  # not ours to read
    assert len(load_data(tmp_path / "e.npz")) == 4


def test_saving_is_deterministic_atomic_and_readable_by_others(tmp_path, monkeypatch):
    network = load_network(write(tmp_path / "a.npz", GOOD))
    save_network(tmp_path / "b.npz", network)
    before = (tmp_path / "b.npz").read_bytes()
    save_network(tmp_path / "c.npz", network)
    assert (tmp_path / "c.npz").read_bytes() == before
    mask = os.umask(0)
    os.umask(mask)
    assert stat.S_IMODE((tmp_path / "b.npz").stat().st_mode) == 0o666 & ~mask

    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fdopen", full)
    with pytest.raises(InputError, match=r"b.npz` could not be written: No space left on device"):
        save_network(tmp_path / "b.npz", Network([Dense([[1.0]])]))
    assert (tmp_path / "b.npz").read_bytes() == before
    assert sorted(os.listdir(tmp_path)) == ["a.npz", "b.npz", "c.npz"]
    with pytest.raises(InputError, match=r"could not be written: No such file or directory"):
        save_network(tmp_path / "missing" / "b.npz", network)


@pytest.mark.parametrize(
    ("layers", "input_shape"),
    [
        ([Dense(np.eye(2)), Dense(np.eye(2))], None),
        ([Activation("relu"), Dense(np.eye(2))], None),
        ([Dense(np.eye(2)), Activation("relu"), Scaling(0.5)], None),
        ([Flatten(), Dense(np.ones((2, 6)))], (3, 2)),
        ([Reshape((2, 1, 3)), Activation("relu6"), Convolution(np.ones((2, 2, 1, 2)))], (6,)),
        (
            [
                Convolution(np.arange(12.0).reshape(2, 1, 2, 3), [1.0, 2.0], padding=[(1, 0), (2, 1)], circular=True),
                BatchNormalization([1.0, 2.0], [0.5, 1.0], [1.0, -1.0], [0.0, 3.0], 0.1),
                Pooling("max", (2, 1), 1, 0, dilation=2),
                Pooling("average", 2, 1, 1, count_padding=False),
                Pooling("average", None),
                Flatten(),
                Dense(np.eye(2), [1.0, 2.0]),
            ],
            (1, 5, 4),
        ),
        ([Convolution(np.ones((4, 2, 3)), groups=2, stride=2, dilation=2, padding="valid")], (4, 9)),
    ],
)
def test_graphs_round_trip(tmp_path, layers, input_shape):
    network = Network(layers, input_shape=input_shape)
    references = [np.full(place.layer.weight.shape, i) for i, place in enumerate(network.linear_layers)]
    save_network(tmp_path / "n.npz", network, references)
    with np.load(tmp_path / "n.npz") as file:
        assert str(file["format"]) == "theorems-network-2"
    again, found = load_network(tmp_path / "n.npz"), load_references(tmp_path / "n.npz")
    assert repr(again) == repr(network).replace("Network(", "Network('n', ")
    assert again.shapes == network.shapes
    X = np.random.default_rng(0).standard_normal((3, network.inputs))
    assert (again(X) == network(X)).all()
    assert found is not None
    assert all((a == b).all() for a, b in zip(found, references, strict=True))


def test_residual_networks_round_trip_and_give_references(tmp_path):
    layers = [Dense(np.eye(2), [1.0, 0.0]), Activation("relu"), Dense(2 * np.eye(2)), Add(), Activation("tanh")]
    network = Network(layers, wiring=[(0,), (1,), (2,), (1, 3, 0), (4,)])
    save_network(tmp_path / "n.npz", network)
    again = load_network(tmp_path / "n.npz")
    assert again.wiring == network.wiring
    assert (again([[1.0, -2.0]]) == network([[1.0, -2.0]])).all()
    assert load_references(tmp_path / "n.npz") is None
    start = load_initialization(tmp_path / "n.npz", network)
    assert all((a == b.layer.weight).all() for a, b in zip(start, network.linear_layers, strict=True))
    save_network(tmp_path / "other.npz", Network([Dense(np.eye(2))]))
    with pytest.raises(
        InputError, match=r"must hold the network `.*` before training: `references` must hold one array"
    ):
        load_initialization(tmp_path / "other.npz", network)
    with pytest.raises(InputError, match=r"`references\[0\]` must have the shape \(2, 2\)"):
        save_network(tmp_path / "n.npz", Network([Dense(np.eye(2))]), [np.eye(3)])


def described(layers: object, shape: object = (2,), **arrays: Any) -> dict[str, Any]:
    text = json.dumps({"input_shape": shape, "layers": layers})
    return {"format": np.array("theorems-network-2"), "network": np.frombuffer(text.encode(), np.uint8)} | arrays


@pytest.mark.parametrize(
    ("arrays", "text"),
    [
        (described([{"kind": "dense"}]), "Layer 1 of"),
        (described([{"kind": "dense"}]), "must have a weight, found none"),
        (described([{"kind": "dens"}], W1=np.eye(2)), "must be of a known kind, found dens"),
        (described([{"kind": "dense", "reads": [1]}], W1=np.eye(2)), "must read values before it, found [1]"),
        (described([{"kind": "dense", "reads": [0, 0]}], W1=np.eye(2)), "It must read one value"),
        (described([{"kind": "dense"}], W1=np.eye(2), W2=np.eye(2)), "arrays of its layers only, found `W2`"),
        (described([{"kind": "dense", "x": 1}], W1=np.eye(2)), "unexpected keyword argument 'x'"),
        (described([{"kind": "dense"}], [3], W1=np.eye(2)), "must get 2 values, found shape (3,)"),
        (described([{"kind": "dense"}], [2**40], W1=np.eye(2)), "must have at most 134217728 numbers"),
        (described([{"kind": "dense"}], [-1], W1=np.eye(2)), "must be (d,), (channels, length)"),
        (described({"kind": "dense"}, W1=np.eye(2)), "must have `input_shape` and `layers`, two lists"),
        (described(["dense"], W1=np.eye(2)), "Layer 1 of"),
        (described([{"kind": "flatten"}]), "at least one `Dense` or `Convolution` layer"),
        (
            described([{"kind": "dense"}, {"kind": "dense"}], W1=np.eye(2), W2=np.eye(2), M1=np.eye(2)),
            "must hold `M2` or no reference at all",
        ),
        (
            described([{"kind": "dense"}, {"kind": "flatten", "reads": [0]}], W1=np.eye(2)),
            "Every value but the last must be read",
        ),
        (
            described([{"kind": "pooling", "of": "max", "size": [1, 70000]}], [1, 9, 9]),
            "Windows, strides and paddings must be at most 65536",
        ),
        (
            described([]) | {"network": np.frombuffer(b'{"layers": [], "layers": []}', np.uint8)},
            "`layers` is given twice",
        ),
        (described([]) | {"network": np.frombuffer(b"{" * 9999, np.uint8)}, "must be JSON, found an error"),
        (described([]) | {"network": np.array("x")}, "must hold the member `network`, the bytes of a JSON object"),
    ],
)
def test_graphs_that_are_refused(tmp_path, arrays, text):
    path = write(tmp_path / "n.npz", arrays)
    with pytest.raises(InputError) as caught:
        load_network(path)
    assert text in str(caught.value)
    assert str(path) in str(caught.value)


def without(*names):
    return {name: array for name, array in GOOD.items() if name not in names}


@pytest.mark.parametrize(
    ("arrays", "text"),
    [
        (without("W2") | {"b2": np.ones(2)}, "must hold a weight for each bias, found `b2` and 1 weights"),
        (without("W1"), "must hold `W1` to `W2`, found no `W1`"),
        (GOOD | {"W4": np.eye(2)}, "must hold `W1` to `W4`, found no `W3`"),
        (without("W1", "W2", "b1"), "must hold the weights `W1`, `W2` and so on, found none"),
        (without("format"), "must hold the member `format` with the text 'theorems-network-1', found none"),
        (GOOD | {"format": np.array("theorems-network-9")}, "found 'theorems-network-9'"),
        (GOOD | {"V1": np.eye(2)}, "must hold `format`, `activations`, `W1`, `b1`, `M1` and so on, found `V1`"),
        (
            without("activations"),
            "`activations`, 1 texts for the hidden layers and optionally one for the output, found none",
        ),
        (GOOD | {"activations": np.array(["relu"] * 3)}, "found shape (3,) of <U4"),
        (GOOD | {"activations": np.array([1.0])}, "found shape (1,) of float64"),
        (GOOD | {"activations": np.array(["reluu"])}, "`reluu` is not a known activation: did you mean `relu`?"),
        (GOOD | {"W1": np.full((3, 2), np.nan)}, "`weight` must have finite entries, found nan"),
        (GOOD | {"W1": np.ones((3, 2), complex)}, "Member `W1.npy` of"),
        (GOOD | {"W1": np.ones((3, 2), object)}, "Member `W1.npy` of"),
        (GOOD | {"W1": np.ones((3, 2), "U1")}, "`weight` must be an array of real numbers, found dtype <U1"),
        (GOOD | {"W1": np.ones((3, 2), np.longdouble)}, "could not be read as a plain array: it has dtype"),
        (GOOD | {"W1": np.ones(3)}, "`weight` must have 2 dimension(s), found shape (3,)"),
        (GOOD | {"W2": np.ones((2, 4))}, "Layer 3: `Dense(2 x 4)` must get 4 values, found shape (3,)"),
        (GOOD | {"b1": np.ones(2)}, "`bias` must have one entry for each of the 3 rows"),
        (GOOD | {"b3": np.ones(2)}, "must hold a weight for each bias, found `b3` and 2 weights"),
        (GOOD | {"M1": np.ones((3, 2))}, "must hold `M1` to `M2`, found no `M2`"),
        (GOOD | {"M1": np.ones((3, 2)), "M2": np.ones((2, 3)), "M3": np.eye(2)}, "must hold `M1` to `M2`, found `M3`"),
        (GOOD | {"M1": np.ones((2, 3)), "M2": np.ones((2, 3))}, "`references[0]` must have the shape (3, 2)"),
    ],
)
def test_networks_that_are_refused(tmp_path, arrays, text):
    path = write(tmp_path / "n.npz", arrays)
    for load in (load_network, load_references):
        with pytest.raises(InputError) as caught:
            load(path)
        assert text in str(caught.value)
        assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("arrays", "text"),
    [
        ({"X": np.eye(2)}, "must hold the members `X` and `y`, found no `y`"),
        ({"y": np.arange(2)}, "must hold the members `X` and `y`, found no `X`"),
        ({"X": np.eye(2), "y": np.array([0, -1])}, "found the label -1"),
        ({"X": np.eye(2), "y": np.array([0.0, 1.0])}, "`y` must hold integer class numbers, found dtype float64"),
        ({"X": np.zeros((0, 2)), "y": np.zeros(0, int)}, "`X` must have at least one sample"),
        ({"X": np.array([[np.inf]]), "y": np.array([0])}, "`X` must have finite entries, found inf"),
        ({"X": np.ones(3), "y": np.arange(3)}, "`X` must have 2 dimension(s), found shape (3,)"),
        ({"X": np.array([["a"]]), "y": np.array([0])}, "`X` must be an array of real numbers"),
    ],
)
def test_data_that_is_refused(tmp_path, arrays, text):
    path = write(tmp_path / "d.npz", arrays)
    with pytest.raises(InputError) as caught:
        load_data(path)
    assert text in str(caught.value)
    assert str(path) in str(caught.value)


def npy(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array(stream, array)
    return stream.getvalue()


def archive(path: Path, members: list[tuple[str, bytes]], compression: int = zipfile.ZIP_DEFLATED) -> Path:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # zipfile warns of duplicate names
        with zipfile.ZipFile(path, "w", compression) as target:
            for name, content in members:
                target.writestr(name, content)
    return path


def header(shape: str, descr: str = "'<f8'") -> bytes:
    text = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode()


def test_files_that_are_no_archives(tmp_path):
    path = tmp_path / "x.npz"
    for load in (load_network, load_data, load_references):
        with pytest.raises(InputError, match=r"x.npz` could not be read: No such file or directory"):
            load(path)
        with pytest.raises(InputError, match="could not be read: Is a directory"):
            load(tmp_path)
    for content in (b"", b"hello", npy(np.eye(2)), b"PK\x03\x04" + bytes(100)):
        path.write_bytes(content)
        with pytest.raises(InputError, match=r"x.npz` must be an .* archive, found a file that is not one or is trunc"):
            load_network(path)


@pytest.mark.parametrize(
    ("members", "text"),
    [
        ([("W1.npy", npy(np.eye(2)))] * 2, "must hold each member once, found `W1.npy` twice"),
        ([("../../W1", b"x")], "must hold .npy members only, found '../../W1'"),
        (
            [("W1.npy", header("(1000000000000, 3)") + bytes(8))],
            "its header declares 24000000000000 bytes and 8 follow",
        ),
        ([("W1.npy", header("(-1, -8)") + bytes(64))], "Member `W1.npy` of"),
        ([("W1.npy", header("(2, 2)") + bytes(31))], "its header declares 32 bytes and 31 follow"),
        ([("W1.npy", header("(2, 2)") + bytes(33))], "its header declares 32 bytes and 33 follow"),
        ([("W1.npy", header("(1,)", "'|O'") + bytes(8))], "it has dtype object"),
        ([("W1.npy", header("(1,)", "__import__('os')") + bytes(8))], "Member `W1.npy` of"),
        ([("W1.npy", b"nonsense")], "Member `W1.npy` of"),
        ([("W1.npy", b"")], "Member `W1.npy` of"),
        ([("W1.npy", b"\x93NUMPY\x03\x00" + bytes(200))], "it is of .npy version (3, 0)"),
        ([("activations.npy", npy(np.zeros(1, "U5000")))], "it has dtype <U5000"),
    ],
)
def test_hostile_archives(tmp_path, members, text):
    path = archive(tmp_path / "h.npz", members)
    with pytest.raises(InputError) as caught:
        load_network(path)
    assert text in str(caught.value)


def test_a_directory_that_declares_more_than_there_is(tmp_path):
    content = header("(2, 2)") + bytes(24)  # 8 bytes short, and the checksum is that of what there is
    path = archive(tmp_path / "s.npz", [("W1.npy", content)], zipfile.ZIP_DEFLATED)
    raw = bytearray(path.read_bytes())
    place = raw.rfind(b"PK\x01\x02") + 24
    raw[place : place + 4] = (len(content) + 8).to_bytes(4, "little")
    path.write_bytes(raw)
    with pytest.raises(InputError, match=r"Member `W1.npy` of .* could not be read as a plain array: it is truncated"):
        load_network(path)


def test_a_directory_that_lost_a_member(tmp_path):
    """A longer comment of one entry swallows the next one, and zipfile says nothing."""
    members = [(f"{name}.npy", npy(array)) for name, array in GOOD.items()]
    path = archive(tmp_path / "l.npz", members, zipfile.ZIP_STORED)
    raw = bytearray(path.read_bytes())
    lost = raw.rfind(b"PK\x01\x02")
    before = raw.rfind(b"PK\x01\x02", 0, lost)
    raw[before + 32 : before + 34] = (len(raw) - 22 - lost).to_bytes(2, "little")
    path.write_bytes(raw)
    with zipfile.ZipFile(path) as damaged:
        assert len(damaged.infolist()) == 4
    with pytest.raises(InputError, match="must list the 5 members that it declares, found 4: it is damaged"):
        load_network(path)


def test_bombs_are_refused_before_they_are_unpacked(tmp_path, monkeypatch):
    path = archive(tmp_path / "b.npz", [("W1.npy", header("(12500, 1000)") + bytes(100_000_000))])
    assert path.stat().st_size < 200_000
    with monkeypatch.context() as patch:
        patch.setattr(zipfile.ZipFile, "open", lambda *a, **k: pytest.fail("something was unpacked"))
        with pytest.raises(
            InputError, match=r"must unpack to at most 100 times its size of \d+ bytes, found 100000128"
        ):
            load_network(path)
        with pytest.raises(InputError, match="must unpack to at most 100 times its size"):
            load_data(path)
        patch.setattr(files, "MOST_BYTES", 1000)
        with pytest.raises(InputError, match="must unpack to at most 1000 bytes, found 100000128 declared"):
            load_network(path)
    many = archive(tmp_path / "m.npz", [(f"W{i}.npy", b"") for i in range(1, 10_002)], zipfile.ZIP_STORED)
    with pytest.raises(InputError, match="must hold at most 10000 members, found 10001"):
        load_network(many)


def test_a_changed_byte_is_noticed(tmp_path):
    path = write(tmp_path / "n.npz", GOOD)  # stored, not compressed: the weights are there to be changed
    content = bytearray(path.read_bytes())
    place = content.find(np.array([4.0, 5.0]).tobytes())
    content[place] ^= 1
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"Member `W1.npy` of .* could not be read as a plain array: Bad CRC-32"):
        load_network(path)


def test_mutated_files_raise_our_error_or_are_read_rightly(tmp_path):
    network = load_network(write(tmp_path / "a.npz", GOOD))
    save_network(tmp_path / "deflated.npz", network)
    rng = random.Random(0)
    path = tmp_path / "m.npz"
    refused = 0
    for source in ("a.npz", "deflated.npz"):
        original = (tmp_path / source).read_bytes()
        for _ in range(150):
            content = bytearray(original)
            for _ in range(rng.randint(1, 4)):
                content[rng.randrange(len(content))] = rng.randrange(256)
            if rng.random() < 0.2:
                del content[rng.randrange(len(content)) :]
            path.write_bytes(content)
            try:
                found = load_network(path)
            except InputError as error:
                refused += 1
                assert "`" in str(error)
            else:  # only what carries no meaning was changed (dates, padding), or a whole member got another name
                assert all((a == b).all() for a, b in zip(found.weights, network.weights, strict=True))
    assert refused > 200


# scikit-learn


def fitted(kind: str, activation: str, y: np.ndarray) -> tuple[Any, np.ndarray]:
    from sklearn.datasets import load_digits
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    X = load_digits(return_X_y=True)[0][:300] / 16
    model = (MLPClassifier if kind == "classifier" else MLPRegressor)(
        hidden_layer_sizes=(12, 7), activation=activation, max_iter=15, random_state=0
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(X, y), X


def digits() -> np.ndarray:
    from sklearn.datasets import load_digits

    return load_digits(return_X_y=True)[1][:300]


@pytest.mark.parametrize("activation", ["relu", "tanh", "logistic", "identity"])
def test_classifiers_agree_with_scikit_learn(activation):
    y = digits()
    model, X = fitted("classifier", activation, y)
    network = from_scikit_learn(model)
    logits = network(X)
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_softmax = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    assert np.abs(log_softmax - model.predict_log_proba(X)).max() < 1e-9
    assert (model.classes_[logits.argmax(axis=1)] == model.predict(X)).all()
    data = scikit_learn_data(model, X, y)
    assert ((margins(network, data) > 0) == (model.predict(X) == y)).all()
    assert network.name == "MLPClassifier"


def test_binary_classifiers_get_two_logits():
    y = np.where(digits() > 4, "large", "small")
    model, X = fitted("classifier", "relu", y)
    network = from_scikit_learn(model)
    logits = network(X)
    assert logits.shape == (300, 2)
    assert (logits[:, 0] == 0).all()
    assert np.abs(-np.logaddexp(0, -logits[:, 1]) - model.predict_log_proba(X)[:, 1]).max() < 1e-9
    assert (model.classes_[logits.argmax(axis=1)] == model.predict(X)).all()
    assert "its one logistic output z as the two logits 0 and z" in network.name
    data = scikit_learn_data(model, X, y)
    assert set(data.y.tolist()) == {0, 1}
    assert ((margins(network, data) > 0) == (model.predict(X) == y)).all()


def test_regressors_agree_with_scikit_learn():
    model, X = fitted("regressor", "tanh", np.stack([digits(), digits() ** 2], axis=1) / 10.0)
    assert np.abs(from_scikit_learn(model)(X) - model.predict(X)).max() < 1e-9


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer:UserWarning")
def test_pipelines_agree_with_scikit_learn():
    from sklearn.neural_network import MLPClassifier, MLPRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, PolynomialFeatures, RobustScaler, StandardScaler

    X, y = fitted("classifier", "relu", digits())[1], digits()
    options: Any = {"hidden_layer_sizes": (8,), "max_iter": 20, "random_state": 0}
    for scalers in (
        [StandardScaler()],
        [MinMaxScaler(feature_range=(-1, 2)), "passthrough", StandardScaler(with_mean=False), None],
        [StandardScaler(with_std=False), MaxAbsScaler(), RobustScaler(with_centering=False), RobustScaler()],
    ):
        model = make_pipeline(*scalers, MLPClassifier(**options)).fit(X, y)
        network = from_scikit_learn(model)
        assert [str(layer)[:5] for layer in network.layers] == ["Dense", "relu", "Dense"]
        z = network(X) - np.log(np.exp(network(X)).sum(axis=1, keepdims=True))
        assert np.abs(z - model.predict_log_proba(X)).max() < 1e-9
        assert (scikit_learn_data(model, X, y).y == model.classes_.searchsorted(y)).all()
    binary = make_pipeline(StandardScaler(), MLPClassifier(**options)).fit(X, y > 4)
    assert (
        np.abs(-np.logaddexp(0, -from_scikit_learn(binary)(X)[:, 1]) - binary.predict_log_proba(X)[:, 1]).max() < 1e-9
    )
    regressor = make_pipeline(MinMaxScaler(), MLPRegressor(**options)).fit(X, y / 10)
    assert np.abs(from_scikit_learn(regressor)(X).ravel() - regressor.predict(X)).max() < 1e-9
    with pytest.raises(
        InputError,
        match=r"has steps that cannot be read: `polynomialfeatures` \(PolynomialFeatures\); `minmaxscaler` \(MinMaxSc"
        r"aler\)\. Use StandardScaler, RobustScaler, MaxAbsScaler, MinMaxScaler without `clip`, then an MLPClassifier",
    ):
        from_scikit_learn(make_pipeline(PolynomialFeatures(1), MinMaxScaler(clip=True), MLPClassifier()))
    with pytest.raises(TypeError, match=r"found StandardScaler without `coefs_`"):
        from_scikit_learn(make_pipeline(StandardScaler()))
    with pytest.raises(
        TypeError, match=r"Step `standardscaler` of the pipeline must be fitted, found a StandardScaler"
    ):
        from_scikit_learn(make_pipeline(StandardScaler(), fitted("classifier", "relu", y)[0]))


def test_weights_behind_a_scaler_are_rounded_once():
    from fractions import Fraction

    rng = np.random.default_rng(0)
    scale, mean, W = rng.integers(1, 2**24, 5) / 2**10, rng.standard_normal(5), rng.standard_normal((3, 5))
    mlp = SimpleNamespace(coefs_=[W.T], intercepts_=[np.ones(3)], activation="relu", out_activation_="identity")
    scaler = type("StandardScaler", (), {"scale_": scale, "mean_": mean, "with_mean": True, "n_features_in_": 5})()
    (layer,) = from_scikit_learn(SimpleNamespace(steps=[("s", scaler), ("m", mlp)])).dense
    assert (layer.weight == W / scale).all()  # the squares of these scales are floats, and IEEE division rounds once
    exact = [
        1 - sum((Fraction(w) * Fraction(m) / Fraction(c) for w, m, c in zip(row, mean, scale, strict=True)))
        for row in W
    ]
    assert layer.bias is not None and layer.bias.tolist() == [float(b) for b in exact]


def test_models_that_are_refused():
    from sklearn.linear_model import LogisticRegression
    from sklearn.neural_network import MLPClassifier

    with pytest.raises(
        TypeError, match=r"fitted scikit-learn MLPClassifier or MLPRegressor, found MLPClassifier without `coefs_`"
    ):
        from_scikit_learn(MLPClassifier())
    with pytest.raises(TypeError, match="found LogisticRegression without `coefs_`: call `fit` first"):
        from_scikit_learn(LogisticRegression())
    y = np.stack([digits() > 4, digits() % 2 == 0], axis=1).astype(int)
    model, X = fitted("classifier", "relu", y)
    with pytest.raises(InputError, match="`model` must give one class to each sample, found a multilabel classifier"):
        from_scikit_learn(model)
    fake = SimpleNamespace(coefs_=[np.eye(2)], intercepts_=[np.zeros(2)], activation="relu", out_activation_="exp")
    with pytest.raises(InputError, match="must be softmax, logistic or identity, found `exp`"):
        from_scikit_learn(fake)
    with pytest.raises(TypeError, match="`model` must be a fitted classifier with `classes_`, found SimpleNamespace"):
        scikit_learn_data(fake, X, y)
    with pytest.raises(InputError, match="`y` must hold labels that `model` was fitted with, found 7"):
        scikit_learn_data(SimpleNamespace(classes_=np.array([1, 2])), np.ones((1, 1)), [7])
