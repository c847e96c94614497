"""Makes the files in `fixtures/`: small networks trained on real digits, saved by PyTorch, Keras and skl2onnx, with their outputs.

They let the readers be tested where these are not installed. Run, with all of them installed and in this folder:
`KERAS_BACKEND=torch python make_fixtures.py`.
"""

import importlib
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from test_keras import digits, functional, mobile, submodels
from test_torch import export, logits, trained

onnx: Any = importlib.import_module("onnx")
keras: Any = importlib.import_module("keras")
torch: Any = importlib.import_module("torch")
to_onnx: Any = importlib.import_module("skl2onnx").to_onnx
save_file: Any = importlib.import_module("safetensors.torch").save_file
TARGET = Path(__file__).with_name("fixtures")
SAMPLES = 20


def shorten(path: Path) -> None:
    """Leave out where in whose files the exporter was called, so that mutations meet the network."""
    model = onnx.load(path)
    for part in (model, model.graph, *model.graph.node):
        del part.metadata_props[:]
    del model.graph.value_info[:]
    onnx.save(model, path)


def main() -> None:
    TARGET.mkdir(exist_ok=True)
    model, X, _ = trained("residual")
    expected = {"X": X[:SAMPLES].reshape(SAMPLES, -1), "residual": logits(model, X[:SAMPLES])}
    state = model.state_dict()
    torch.save(state, TARGET / "residual.pt")
    save_file(state, TARGET / "residual.safetensors")
    export(model, X, TARGET / "residual.onnx", dynamo=True)
    model, X, _ = trained("convolution")
    expected["convolution"] = logits(model, X[:SAMPLES])
    export(model[:-1], X, TARGET / "convolution.onnx", dynamo=False)
    for name, options in (("line", {"dynamo": True, "external_data": False}), ("reshaped", {"dynamo": False})):
        model, X, _ = trained(name)
        expected[name] = logits(model, X[:SAMPLES])
        export(model, X, TARGET / f"{name}.onnx", **options)
        shorten(TARGET / f"{name}.onnx")
    for make in (functional, submodels, mobile):
        keras.utils.set_random_seed(0)
        X, y = digits()
        model, name = make(), make.__name__
        X = X.reshape(-1, *model.input_shape[1:])
        model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy")
        model.fit(X, y, batch_size=50, epochs=3, verbose=0)
        model.save(TARGET / f"{name}.keras")
        expected[name] = np.log(model.predict(X[:SAMPLES], verbose=0))  # the logits but for a number in each row
    X = X.reshape(len(X), -1)
    model = make_pipeline(StandardScaler(), MLPClassifier((8,), max_iter=50, random_state=0))
    model.fit(X, np.where(y > 4, "large", "small"))
    (TARGET / "binary.onnx").write_bytes(to_onnx(model, X[:1]).SerializeToString())
    expected["binary"] = model.predict_log_proba(X[:SAMPLES])
    np.savez_compressed(TARGET / "expected.npz", **expected)


if __name__ == "__main__":
    main()
