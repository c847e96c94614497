"""Networks trained in PyTorch on real digits: modules, state dicts, safetensors and ONNX files give its logits."""

import tomllib
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rounding import DOUBLE, rounding_error

from numerics.evidence.errors import InputError
from numerics.networks import BatchNormalization, Network, from_torch, load_network, load_tensors
from numerics.networks.readers import assembly

torch: Any = pytest.importorskip("torch")
nn = torch.nn
F = torch.nn.functional


def digits() -> tuple[np.ndarray, np.ndarray]:
    from sklearn.datasets import load_digits

    X, y = load_digits(return_X_y=True)
    return (X[:400] / 16).astype(np.float32), y[:400]


class Block(nn.Module):
    """A residual block with a projection, in the style of ResNet."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(),
            nn.Conv2d(outputs, outputs, 3, padding="same", padding_mode="circular"),
            nn.BatchNorm2d(outputs),
        )
        self.shortcut = nn.Conv2d(inputs, outputs, 1, stride=stride)

    def forward(self, x: Any) -> Any:
        return F.relu(self.body(x) + self.shortcut(x))


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, 4, 3, padding=1)
        self.blocks = nn.Sequential(Block(4, 4, 1), Block(4, 6, 2))
        self.head = nn.Linear(6, 10)

    def forward(self, x: Any) -> Any:
        x = F.leaky_relu(self.stem(x), 0.2)
        x = self.blocks(x) * 0.5
        return self.head(x.mean((2, 3)))


class Functional(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 3, (3, 2), stride=(1, 2), padding=(2, 1), dilation=(2, 1))
        self.norm = nn.BatchNorm2d(3)
        self.fc = nn.Linear(3 * 4 * 3, 10)

    def forward(self, x: Any) -> Any:
        x = torch.tanh(self.norm(self.conv(x)))
        x = F.avg_pool2d(x, 2, stride=(2, 1), padding=(0, 1), count_include_pad=False)
        x = F.max_pool2d(x, (1, 2))
        x = x.view(x.size(0), -1)
        return F.log_softmax(self.fc(x), dim=1)


class ResNet(nn.Module):
    """The blocks of torchvision: normalisation after each convolution, a shortcut with its own, and in front of the
    second block a normalisation before the convolution."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.bn, self.relu = nn.Conv2d(1, 4, 3, 1, 1, bias=False), nn.BatchNorm2d(4), nn.ReLU(inplace=True)
        self.conv1, self.bn1 = nn.Conv2d(4, 6, 3, 2, 1, bias=False), nn.BatchNorm2d(6)
        self.conv2, self.bn2 = nn.Conv2d(6, 6, 3, 1, 1, bias=False), nn.BatchNorm2d(6)
        self.downsample = nn.Sequential(nn.Conv2d(4, 6, 1, 2, bias=False), nn.BatchNorm2d(6))
        self.bn3, self.conv3, self.drop = nn.BatchNorm2d(6), nn.Conv2d(6, 6, 3, padding=1), nn.Dropout2d()
        self.avgpool, self.fc = nn.AdaptiveAvgPool2d((1, 1)), nn.Linear(6, 10)

    def forward(self, x: Any) -> Any:
        x = self.relu(self.bn(self.conv(x)))
        out = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        out += self.downsample(x)
        out = self.relu(out)
        out = out + self.drop(self.conv3(F.relu(self.bn3(out))))
        return self.fc(torch.flatten(self.avgpool(out), 1))


class Line(nn.Module):
    """Flat samples as signals, with all kinds of pooling along one axis."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(1, 4, 5, stride=2, padding=2, padding_mode="circular")
        self.norm, self.mean, self.most = nn.BatchNorm1d(4), nn.AdaptiveAvgPool1d(16), nn.AdaptiveMaxPool1d(1)
        self.second, self.head = nn.Conv1d(4, 5, 3), nn.Linear(5, 10)

    def forward(self, x: Any) -> Any:
        x = self.mean(F.hardtanh(self.norm(self.conv(x.unsqueeze(1)))))
        x = F.avg_pool1d(F.max_pool1d(x, 2), 3, stride=1, padding=1)
        return self.head(self.most(F.relu6(3 * self.second(x))).squeeze(2))


class Reshaped(nn.Module):
    """Flat samples as images and then as signals, and circular padding of its own for each axis."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 4, (3, 5), padding=(1, 2), padding_mode="circular")
        self.slope, self.second = nn.PReLU(), nn.Conv1d(4, 3, 2)
        self.clip, self.head = nn.Hardtanh(), nn.Linear(21, 10)

    def forward(self, x: Any) -> Any:
        x = F.max_pool2d(self.slope(self.conv(x.view(-1, 1, 8, 8))), (4, 2))
        x = self.second(x.reshape(x.size(0), 4, 8))
        return self.head(self.clip(x.view(x.size(0), 3, 1, -1)).view(x.size(0), -1))


MODELS: dict[str, tuple[Any, tuple[int, ...]]] = {
    "dense": (
        lambda: nn.Sequential(
            nn.Flatten(),
            nn.Linear(64, 20),
            nn.BatchNorm1d(20),
            nn.Tanh(),
            nn.Dropout(),
            nn.Sequential(nn.Linear(20, 10)),
        ),
        (64,),
    ),
    "convolution": (
        lambda: nn.Sequential(
            nn.Conv2d(1, 6, 3, padding=1),
            nn.BatchNorm2d(6),
            nn.LeakyReLU(0.1),
            nn.MaxPool2d(3, stride=2, padding=1),
            nn.Conv2d(6, 4, 3, groups=2),
            nn.Sigmoid(),
            nn.AvgPool2d(2, stride=1, padding=1),
            nn.Flatten(),
            nn.Linear(36, 10),
            nn.Softmax(dim=-1),
        ),
        (1, 8, 8),
    ),
    "signal": (
        lambda: nn.Sequential(
            nn.Conv1d(1, 4, 5, stride=2, padding=2, padding_mode="circular"),
            nn.BatchNorm1d(4),
            nn.ReLU(),
            nn.MaxPool1d(2),
            nn.AvgPool1d(3, stride=1, padding=1, count_include_pad=False),
            nn.AdaptiveAvgPool1d(4),
            nn.Flatten(1),
            nn.Linear(16, 10),
        ),
        (1, 64),
    ),
    "residual": (Residual, (1, 8, 8)),
    "functional": (Functional, (1, 8, 8)),
    "resnet": (ResNet, (1, 8, 8)),
    "line": (Line, (64,)),
    "reshaped": (Reshaped, (64,)),
}


def trained(name: str) -> tuple[Any, np.ndarray, tuple[int, ...]]:
    """A model after some steps of Adam, in evaluation mode, and samples in its shape."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
    make, shape = MODELS[name]
    model = make()
    X, y = digits()
    x, labels = torch.tensor(X.reshape(-1, *shape)), torch.tensor(y)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    for i in range(40):
        batch = slice(i % 4 * 100, i % 4 * 100 + 100)
        optimizer.zero_grad()
        F.cross_entropy(model(x[batch]), labels[batch]).backward()
        optimizer.step()
    return model.eval(), X.reshape(-1, *shape), shape


def logits(model: Any, X: np.ndarray) -> np.ndarray:
    """What the model computes in float32, before a softmax at its end."""
    if isinstance(model, nn.Sequential) and isinstance(model[-1], nn.Softmax):
        model = model[:-1]
    with torch.no_grad():
        return model(torch.tensor(X)).numpy()


def agree(network: Network, unfolded: Network, model: Any, X: np.ndarray, *, shifted: bool = False) -> None:
    """The float32 logits of the model are those of the network, within the rounding of float32."""
    expected, found = logits(model, X), network(X)
    bound = rounding_error(unfolded, X)
    if shifted:  # log-softmax subtracts a number from each row
        expected, found = expected - expected[:, :1], found - found[:, :1]
        bound = bound + bound[:, :1] + 2.0**-18 * (1 + np.abs(expected))
    assert (np.abs(found - expected) <= bound).all()
    assert np.abs(unfolded(X) - network(X)).max() <= 1e-12 * (1 + np.abs(unfolded(X)).max())
    assert bound.max() < np.ptp(expected) / 50  # the comparison means something


@pytest.fixture
def unfolded(monkeypatch):
    """Runs a reader without folding batch normalisation."""

    def run(read: Any) -> Network:
        with monkeypatch.context() as patch:
            patch.setattr(assembly, "fold_batch_normalization", lambda network: network)
            return read()

    return run


@pytest.mark.parametrize("name", MODELS)
def test_live_modules(name, unfolded):
    model, X, shape = trained(name)
    network = from_torch(model, shape)
    assert not any(isinstance(layer, BatchNormalization) for layer in network.layers)
    agree(network, unfolded(lambda: from_torch(model, shape)), model, X, shifted=name == "functional")
    assert network.name == type(model).__name__
    if name != "functional":  # in float64 the bound is half a billion times smaller
        whole = unfolded(lambda: from_torch(model, shape))
        difference = np.abs(logits(model.double(), X.astype(np.float64)) - network(X))
        assert (difference <= rounding_error(whole, X, 4 * DOUBLE)).all()


CONVOLUTION = """
input_shape = [1, 8, 8]
layers = [
  { convolution = "0", padding = 1 },
  { batch_normalization = "1" },
  "leaky_relu(0.1)",
  { max_pooling = 3, stride = 2, padding = 1 },
  { convolution = "4", groups = 2 },
  "sigmoid",
  { average_pooling = 2, stride = 1, padding = 1 },
  "flatten",
  { dense = "8" },
]
"""


RESIDUAL = (Path(__file__).with_name("fixtures") / "residual.toml").read_text()


@pytest.mark.parametrize(("name", "architecture"), [("convolution", CONVOLUTION), ("residual", RESIDUAL)])
def test_state_dicts(tmp_path, name, architecture, unfolded):
    model, X, _ = trained(name)
    state = model.state_dict()
    content = tomllib.loads(architecture)
    (tmp_path / "a.toml").write_text(architecture)
    architecture = tmp_path / "a.toml"
    torch.save(state, tmp_path / "a.pt")
    torch.save({"epoch": 3, "state_dict": state, "lr": 0.1, "notes": ["x", None, True]}, tmp_path / "b.pth")
    networks = [load_network(tmp_path / file, architecture) for file in ("a.pt", "b.pth")]
    agree(networks[0], unfolded(lambda: load_network(tmp_path / "a.pt", architecture)), model, X)
    save_file = pytest.importorskip("safetensors.torch").save_file
    save_file(state, tmp_path / "c.safetensors", metadata={"format": "pt"})
    networks.append(load_network(tmp_path / "c.safetensors", architecture))
    np.savez(tmp_path / "d.npz", **{key: value.numpy() for key, value in state.items()})
    networks.append(load_network(tmp_path / "d.npz", architecture))
    prefixed = {f"module.{key}": value for key, value in state.items()}
    torch.save(prefixed, tmp_path / "e.pt")
    networks.append(load_network(tmp_path / "e.pt", content | {"prefix": "module."}))
    networks.append(load_network(tmp_path / "e.pt", architecture))
    compiled = {f"_orig_mod.{key}": value for key, value in prefixed.items()}
    other = {"state": {0: {"exp_avg": torch.ones(3)}}, "param_groups": [{"lr": 0.1, "params": [0]}]}
    torch.save({"net": {"epoch": 3, "state_dict": compiled}, "optimizer": other}, tmp_path / "f.pt")
    networks.append(load_network(tmp_path / "f.pt", architecture))
    outputs = [network(X[:20]) for network in networks]
    assert all((output == outputs[0]).all() for output in outputs)
    assert networks[0].name == "a"


@pytest.mark.parametrize(
    "kind", ["float64", "float32", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8"]
)
def test_tensors_of_every_type_are_exact(tmp_path, kind):
    dtype = getattr(torch, kind)
    wide = (torch.arange(60) - 20).reshape(3, 4, 5)
    tensors = {"a": (wide / 7).to(dtype) if dtype.is_floating_point else wide.to(dtype)}
    tensors["transposed"] = tensors["a"].permute(2, 0, 1)
    tensors["part"] = tensors["a"][1:, ::2, 1]
    tensors["one"] = tensors["a"][2, 3, 4]
    tensors["none"] = tensors["a"][:0]
    torch.save(tensors, tmp_path / "a.pt")
    found = load_tensors(tmp_path / "a.pt")
    assert list(found) == list(tensors)
    save_file = pytest.importorskip("safetensors.torch").save_file
    save_file({name: tensor.clone().contiguous() for name, tensor in tensors.items()}, tmp_path / "b.safetensors")
    again = load_tensors(tmp_path / "b.safetensors")
    for name, tensor in tensors.items():
        for array in (found[name], again[name]):
            assert array.shape == tuple(tensor.shape)
            assert (array == tensor.double().numpy()).all()


def export(model: Any, X: np.ndarray, path: Path, **options: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(model, (torch.tensor(X[:2]),), str(path), input_names=["x"], **options)


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("name", MODELS)
def test_onnx_exports(tmp_path, name, training, unfolded):
    """The older exporter: it folds batch normalisation, or, exporting as in training, leaves that to the reader.

    The number of samples is left open or that of the example.
    """
    pytest.importorskip("onnx")
    model, X, _ = trained(name)
    path = tmp_path / "m.onnx"
    options: dict[str, Any] = {"do_constant_folding": not training}
    options |= {"dynamic_axes": {"x": {0: "n"}}} if training else {}
    mode = torch.onnx.TrainingMode.PRESERVE if training else torch.onnx.TrainingMode.EVAL
    export(model, X, path, dynamo=False, training=mode, **options)
    agree(load_network(path), unfolded(lambda: load_network(path)), model, X, shifted=name == "functional")


@pytest.mark.parametrize(("name", "samples"), [("line", None), ("reshaped", 2)])
def test_onnx_exports_of_the_newer_exporter(tmp_path, name, samples, unfolded):
    pytest.importorskip("onnxscript")
    model, X, _ = trained(name)
    path = tmp_path / "m.onnx"
    export(model, X, path, dynamo=True, **({} if samples else {"dynamic_shapes": ({0: torch.export.Dim("n")},)}))
    assert (tmp_path / "m.onnx.data").exists()
    agree(load_network(path), unfolded(lambda: load_network(path)), model, X)


def test_shapes_of_modules():
    class Shapes(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.shape, self.most, self.head = (
                nn.Unflatten(1, (3, -1, 4)),
                nn.AdaptiveMaxPool2d((2, 1)),
                nn.Linear(6, 1),
            )

        def forward(self, x: Any) -> Any:
            x = F.relu6(F.hardtanh(self.shape(x), 0.0, 6.0) + F.adaptive_max_pool2d(self.shape(x), (4, 4)))
            return self.head(self.most(x).flatten(1).unsqueeze(1).squeeze(1)).squeeze(-1)

    torch.manual_seed(0)
    model, X = Shapes().double(), 4 * torch.randn(5, 48, dtype=torch.float64)
    network = from_torch(model, 48)
    assert network.input_shape == (48,) and network.output_shape == (1,)
    with torch.no_grad():
        assert np.abs(network(X.numpy())[:, 0] - model(X).numpy()).max() < 1e-12
    for layer, text in (
        (nn.Unflatten(1, (3, 5)), r"`0` \(Unflatten\) of \('samples', 48\) to \('samples', 3, 5\)"),
        (nn.Unflatten(0, (3, 16)), r"`0` \(Unflatten\) of the axis of samples"),
        (nn.Hardtanh(-2, 2), r"`0` \(Hardtanh\) to \[-2, 2\], and only \[0, 6\] and \[-1, 1\] can be read"),
        (nn.PReLU(48), r"`0` \(PReLU\)"),
        (nn.AdaptiveMaxPool1d(1, return_indices=True), r"`0` \(AdaptiveMaxPool1d\) with `return_indices`"),
    ):
        with pytest.raises(InputError, match=text):
            from_torch(nn.Sequential(layer, nn.Linear(48, 2)), 48)


def test_modules_that_cannot_be_read_are_listed():
    class Odd(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b, self.c = nn.Linear(4, 4), nn.GELU(), nn.LayerNorm(4)
            self.d = torch.nn.utils.parametrizations.spectral_norm(nn.Linear(4, 4))

        def forward(self, x: Any) -> Any:
            return torch.cumsum(self.d(self.c(self.b(self.a(x)))), 1)

    with pytest.raises(InputError) as caught:
        from_torch(Odd(), 4)
    for part in ("`b` (GELU)", "`c` (LayerNorm)", "`d` (ParametrizedLinear)", "`cumsum` (call function)"):
        assert part in str(caught.value)
    odd = Odd().eval()
    odd.b, odd.c = nn.Tanh(), nn.Identity()
    with pytest.raises(InputError, match=r"layers that cannot be read: `cumsum` \(call function\)\. Use dense"):
        from_torch(odd, 4)
    with pytest.raises(InputError, match=r"`0` \(Conv2d\) with padding mode `reflect`"):
        from_torch(nn.Conv2d(1, 1, 3, padding=1, padding_mode="reflect"), (1, 5, 5))
    with pytest.raises(InputError, match=r"`1` \(Softmax\) that is not over the classes at the end"):
        from_torch(nn.Sequential(nn.Linear(4, 3), nn.Softmax(1), nn.Linear(3, 2)), 4)
    with pytest.raises(InputError, match=r"`dropout` \(call function\) in training mode: call `module.eval\(\)`"):
        from_torch(FunctionalDropout(), 4)
    with pytest.raises(InputError, match=r"`Linear`, layer `0` \(Linear\): .* must get 4 values, found shape \(5,\)"):
        from_torch(nn.Linear(4, 3), 5)
    with pytest.raises(TypeError, match=r"`module` must be a torch.nn.Module, found int"):
        from_torch(3, 4)

    class Branching(nn.Module):
        def forward(self, x: Any) -> Any:
            return x if x.sum() > 0 else -x

    with pytest.raises(InputError, match=r"`module` must be traceable by torch.fx"):
        from_torch(Branching(), 4)


class FunctionalDropout(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a = nn.Linear(4, 2)

    def forward(self, x: Any) -> Any:
        return F.dropout(self.a(x), 0.5, training=self.training)


class Signs(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(2, 3), nn.Linear(3, 2)

    def forward(self, x: Any) -> Any:
        return self.b(torch.sign(self.a(x))).sign()


def test_signs_are_zero_at_zero():
    model = Signs().eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.arange(parameter.numel()).reshape(parameter.shape) % 3 - 1)
    X = np.array([(a, b) for a in (-1, 0, 1) for b in (-1, 0, 1)], np.float32)
    expected = logits(model, X)
    assert (from_torch(model, 2)(X) == expected).all() and set(expected.ravel().tolist()) == {-1, 0, 1}


def test_functional_dropout_in_evaluation_mode_is_nothing():
    assert len(from_torch(FunctionalDropout().eval(), 4).layers) == 1


def test_old_files_and_whole_modules_are_refused(tmp_path):
    model = nn.Linear(2, 2)
    torch.save(model.state_dict(), tmp_path / "old.pt", _use_new_zipfile_serialization=False)
    with pytest.raises(
        InputError, match=r"as `torch.save` writes it since PyTorch 1.6, found a bare pickle, which is a"
    ):
        load_network(tmp_path / "old.pt")
    torch.save(model, tmp_path / "whole.pt")
    with pytest.raises(InputError, match=r"it holds an object `torch.nn.modules.linear.Linear`, and only tensors"):
        load_network(tmp_path / "whole.pt")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.script(model).save(str(tmp_path / "script.pt"))
    with pytest.raises(InputError, match="must be a state dict, found a TorchScript program"):
        load_network(tmp_path / "script.pt")
    torch.save({"a": torch.ones(1).expand(1000)}, tmp_path / "wide.pt")
    with pytest.raises(InputError, match=r"its strides \(0,\) use entries more than once"):
        load_tensors(tmp_path / "wide.pt")
    torch.save({"a": torch.tensor([1.0, float("nan")])}, tmp_path / "nan.pt")
    with pytest.raises(InputError, match=r"Tensor `a` of `.*` must have finite entries, found NaN or infinity"):
        load_tensors(tmp_path / "nan.pt")
