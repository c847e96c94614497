"""The files of `fixtures/`, saved by PyTorch and Keras, read where neither is installed; and architectures."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rounding import rounding_error

from numerics.evidence.errors import InputError
from numerics.networks import (
    Convolution,
    Network,
    load_initialization,
    load_network,
    load_references,
    load_tensors,
)
from numerics.networks.readers import assembly

FIXTURES = Path(__file__).with_name("fixtures")
EXPECTED = np.load(FIXTURES / "expected.npz")


def architecture_of(file: str) -> Path | None:
    return FIXTURES / "residual.toml" if file in ("residual.pt", "residual.safetensors") else None


FILES = (
    "residual.pt", "residual.safetensors", "residual.onnx", "convolution.onnx", "line.onnx", "reshaped.onnx", "binary.onnx",
    "functional.keras", "submodels.keras", "mobile.keras",
)  # fmt: skip
LOGARITHMS = ("binary", "functional", "submodels", "mobile")
"""Of these the logarithms of the probabilities are known, which are the logits but for a number in each row."""


@pytest.mark.parametrize("file", FILES)
def test_networks_of_other_frameworks_without_them(file, monkeypatch):
    if file.endswith(".keras"):
        pytest.importorskip("h5py")
    network = load_network(FIXTURES / file, architecture_of(file))
    same = load_initialization(FIXTURES / file, network, architecture_of(file)) if ".keras" not in file else ()
    assert all(M.shape == place.layer.weight.shape for M, place in zip(same, network.linear_layers, strict=False))
    monkeypatch.setattr(assembly, "fold_batch_normalization", lambda network: network)
    bound = rounding_error(load_network(FIXTURES / file, architecture_of(file)), EXPECTED["X"])
    expected, found = EXPECTED[Path(file).stem], network(EXPECTED["X"])
    if Path(file).stem in LOGARITHMS:
        expected, found = expected - expected[:, :1], found - found[:, :1]
        bound = bound + bound[:, :1] + 2.0**-17 * (1 + np.abs(expected))
    assert (np.abs(found - expected) <= bound).all()
    assert bound.max() < np.ptp(expected) / 20
    assert load_references(FIXTURES / file) is None


def test_state_dicts_and_safetensors_hold_the_same_tensors():
    a, b = load_tensors(FIXTURES / "residual.pt"), load_tensors(FIXTURES / "residual.safetensors")
    assert a.keys() == b.keys()
    assert all((a[name] == b[name]).all() and a[name].dtype == b[name].dtype for name in a)
    with pytest.raises(InputError, match="holds a network: use `load_network`"):
        load_tensors(FIXTURES / "convolution.onnx")


def tensors(tmp_path: Path, **changes: Any) -> Path:
    rng = np.random.default_rng(0)
    arrays: dict[str, Any] = {
        "a.weight": rng.standard_normal((3, 1, 2, 2)),
        "a.bias": np.ones(3),
        "n.weight": np.ones(3),
        "n.bias": np.ones(3),
        "n.running_mean": np.ones(3),
        "n.running_var": np.ones(3),
        "n.num_batches_tracked": np.array(7),
        "d.weight": rng.standard_normal((2, 27)),
    } | changes
    np.savez(tmp_path / "t.npz", **{name: array for name, array in arrays.items() if array is not None})
    return tmp_path / "t.npz"


LAYERS: list[Any] = [{"convolution": "a"}, {"batch_normalization": "n"}, "relu", "flatten", {"dense": "d"}]


def architecture(*layers: Any, **more: Any) -> dict[str, Any]:
    return {"input_shape": [1, 4, 4], "layers": list(layers or LAYERS)} | more


def test_an_architecture_is_suggested(tmp_path):
    path = tensors(tmp_path)
    with pytest.raises(InputError) as caught:
        load_network(path)
    text = str(caught.value)
    assert "`a.weight` (3, 1, 2, 2), `a.bias` (3,)" in text
    toml = text[text.index("input_shape") :].replace("HEIGHT, WIDTH", "4, 4")
    toml = toml.replace('  { dense = "d" }', '  "relu",\n  "flatten",\n  { dense = "d" }')
    (tmp_path / "a.toml").write_text(toml)
    assert repr(load_network(path, tmp_path / "a.toml")) == repr(load_network(path, architecture()))


def test_signs_are_named_in_architectures(tmp_path):
    layers = [*LAYERS[:2], "sign", "flatten", {"dense": "d"}]
    path = tensors(tmp_path)
    network = load_network(path, architecture(*layers))
    items = ['{ convolution = "a" }', '{ batch_normalization = "n" }', '"sign"', '"flatten"', '{ dense = "d" }']
    (tmp_path / "a.toml").write_text(f"input_shape = [1, 4, 4]\nlayers = [{', '.join(items)}]\n")
    assert repr(load_network(path, tmp_path / "a.toml")) == repr(network)
    assert [str(layer) for layer in network.layers[1:3]] == ["sign", "Flatten()"]
    hidden = network.layers[1](network.layers[0](np.zeros((1, 1, 4, 4))))
    assert set(hidden.ravel().tolist()) <= {-1.0, 0.0, 1.0}


def test_tensors_are_missing_unused_and_misshaped_in_one_error(tmp_path):
    path = tensors(tmp_path, **{"d.weight": np.ones(27), "n.running_var": None, "extra": np.ones(2)})
    with pytest.raises(InputError) as caught:
        load_network(path, architecture())
    assert str(caught.value) == (
        f"`architecture` must fit the tensors of `{path}`; missing: `n.running_var` for layer 2 (batch_normalization); "
        "of the wrong shape: `d.weight` has shape (27,), for layer 5 (dense); not used by any layer: `extra` (name them "
        "in `ignore` if that is right)."
    )


def test_tensors_are_named_one_by_one_and_transposed(tmp_path):
    rng = np.random.default_rng(1)
    K, W, b = rng.standard_normal((2, 3, 1, 4)), rng.standard_normal((16, 2)), np.ones(2)
    np.savez(tmp_path / "t.npz", kernel=K, W=W, c=b)
    layers = [
        {"convolution": {"weight": "kernel"}, "transpose": True},
        "flatten",
        {"dense": {"weight": "W", "bias": "c"}, "transpose": True},
    ]
    network = load_network(tmp_path / "t.npz", {"input_shape": (1, 3, 4), "layers": layers})
    first = network.layers[0]
    assert isinstance(first, Convolution)
    assert (first.weight[3, 0] == K[:, :, 0, 3]).all()
    assert (network.linear_layers[1].layer.weight == W.T).all()


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ({}, "must give `layers`, a list, found None"),
        ({"layers": []}, "must give `input_shape`, a list, found None"),
        (architecture(prefix=3), "must give `prefix`, a text, found 3"),
        (architecture(layer=3), "must have `input_shape`, `layers` and possibly `prefix` and `ignore`, found `layer`"),
        (architecture(input_shape=["x"]), "must be (d,), (channels, length) or (channels, height, width)"),
        (architecture("rely"), "layer 1 (rely): `rely` is not a known activation: did you mean `relu`?"),
        (architecture("dense"), "layer 1 (dense): `dense` needs a table such as { dense = ... }"),
        (architecture({"flatten": True}), "found `flatten`: write 'flatten' as a text"),
        (architecture({"dense": "d", "add": ["x"]}), "must have one of"),
        (architecture(7), "layer 1: A layer must be a text or a table, found int"),
        (architecture({"dense": "d", "stride": 2}), "has the options `transpose`, `name`, `from`, found `stride`"),
        (architecture({"dense": 7}), "`dense` must be a name of tensors or a table of them, found 7"),
        (architecture({"dense": {"kernel": "d"}}), "`dense` has the tensors `weight`, `bias`, found `kernel`"),
        (architecture({"dense": {"weight": "d.weight", "bias": "z"}}), "missing: `z` for layer 1 (dense)"),
        (architecture({"add": ["x"]}), "It must read `input` or a `name` before it, found `x`"),
        (architecture({"add": []}), "`add` must be a list of names of layers"),
        (architecture({"convolution": "a", "stride": 0}), "`stride` must be an integer of at least 1, found 0"),
        (architecture({"max_pooling": "2"}), "must be an integer of at least 1"),
        (architecture({"convolution": "a", "name": 3}), "`name` must be a text, found 3"),
        (architecture(*LAYERS[:3], LAYERS[4]), "layer 4 (dense): `Dense(2 x 27)` must get 27 values"),
        (architecture({"activation": 3}), "`activation` must be a text, found 3"),
    ],
)
def test_architectures_that_are_refused(tmp_path, content, text):
    path = tensors(tmp_path)
    with pytest.raises(InputError) as caught:
        load_network(path, content)
    assert text in str(caught.value)


def test_architecture_files_that_are_refused(tmp_path):
    path = tensors(tmp_path)
    (tmp_path / "a.toml").write_text("layers = [")
    with pytest.raises(InputError, match=r"The architecture `.*a.toml` must be TOML, found an error"):
        load_network(path, tmp_path / "a.toml")
    with pytest.raises(InputError, match=r"b.toml` could not be read: No such file"):
        load_network(path, str(tmp_path / "b.toml"))
    (tmp_path / "a.toml").write_bytes(b"x" * 2**23)
    with pytest.raises(InputError, match="must have at most 4194304 bytes"):
        load_network(path, tmp_path / "a.toml")


def test_the_example_of_the_docstring_is_an_architecture():
    from numerics.networks.readers import architecture as module

    assert module.__doc__ is not None
    found = re.search(r"```toml\n(.*?)```", module.__doc__, re.DOTALL)
    assert found is not None
    import tomllib

    content = tomllib.loads(found[1])
    rng = np.random.default_rng(0)
    shapes = {
        "features.0.weight": (4, 1, 3, 3),
        "features.0.bias": (4,),
        "block.0.weight": (4, 4, 3, 3),
        "block.3.weight": (4, 4, 3, 3),
        "head.weight": (2, 4),
    } | {f"features.1.{name}": (4,) for name in ("weight", "bias", "running_mean", "running_var")}
    arrays = {f"encoder.{name}": np.abs(rng.standard_normal(shape)) for name, shape in shapes.items()}
    network = module.build(Path("m.pt"), arrays, content)
    assert isinstance(network, Network)
    assert any(len(reads) == 2 for reads in network.wiring)
    assert network.output_shape == (2,)
