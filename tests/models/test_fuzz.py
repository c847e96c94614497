"""Mutated files of every format: only our own errors, never a crash, a hang or a network that is silently another.

500 files on every run, 20 000 with `HYPOTHESIS_PROFILE=nightly`, then with a seed of its own, which is printed.
Files are changed as bytes; archives also member by member, with the checksums made right again, so that what lies
behind them is reached. A file that still loads must have finite tensors of consistent shapes; where a checksum covers
the tensors, and only bytes were changed, they must be those of the original.
"""

import importlib.util
import io
import os
import random
import time
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

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
    load_data,
    load_network,
    save_data,
    save_network,
)

FIXTURES = Path(__file__).with_name("fixtures")
NIGHTLY = os.environ.get("HYPOTHESIS_PROFILE") == "nightly"
TOTAL = 20_000 if NIGHTLY else 500
SEED = random.SystemRandom().randrange(2**32) if NIGHTLY else 0


def graph(path: Path) -> None:
    rng = np.random.default_rng(0)
    layers = [
        Convolution(rng.standard_normal((2, 1, 3, 3)), padding=1),
        BatchNormalization([1.0, 2.0], [1.0, 2.0]),
        Activation("relu"),
        Add(),
        Pooling("max", 2),
        Flatten(),
        Dense(rng.standard_normal((2, 8)), [1.0, 2.0]),
    ]
    wiring = [(0,), (1,), (2,), (3, 1), (4,), (5,), (6,)]
    save_network(path, Network(layers, input_shape=(1, 4, 4), wiring=wiring))


def dense(path: Path) -> None:
    save_network(
        path, Network([Dense(np.arange(6.0).reshape(3, 2), np.ones(3)), Activation("relu"), Dense(np.ones((2, 3)))])
    )


def table(path: Path) -> None:
    rows = "\n".join(
        f"{x:.3f},{y},{i % 3}" for i, (x, y) in enumerate(np.random.default_rng(0).standard_normal((20, 2)))
    )
    path.write_text(f"a,b,label\n{rows}\n")


def matrix(path: Path) -> None:
    X = np.random.default_rng(0).standard_normal((9, 3))
    X[:, 2] = np.arange(9) % 3
    np.save(path, X)


def samples(path: Path) -> None:
    save_data(path, Data(np.random.default_rng(0).standard_normal((9, 3)), np.arange(9) % 3))


def tensors(path: Path) -> None:
    rng = np.random.default_rng(0)
    np.savez(path, **{"0.weight": rng.standard_normal((3, 2)), "0.bias": np.ones(3), "2.weight": np.ones((2, 3))})


def toml(path: Path) -> None:
    path.write_text('input_shape = [2]\nlayers = [{ dense = "0" }, "relu", { dense = "2" }]\n')


def copy(name: str) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        path.write_bytes((FIXTURES / name).read_bytes())

    return write


SOURCES: dict[str, tuple[Callable[[Path], None], str, int]] = {
    "dense.npz": (dense, "network", 10),
    "graph.npz": (graph, "network", 14),
    "tensors.npz": (tensors, "tensors", 6),
    "residual.pt": (copy("residual.pt"), "residual", 18),
    "residual.safetensors": (copy("residual.safetensors"), "residual", 12),
    "convolution.onnx": (copy("convolution.onnx"), "network", 14),
    "residual.onnx": (copy("residual.onnx"), "network", 8),
    "line.onnx": (copy("line.onnx"), "network", 10),
    "reshaped.onnx": (copy("reshaped.onnx"), "network", 12),
    "binary.onnx": (copy("binary.onnx"), "network", 6),
    "functional.keras": (copy("functional.keras"), "network", 3),
    "submodels.keras": (copy("submodels.keras"), "network", 3),
    "mobile.keras": (copy("mobile.keras"), "network", 3),
    "data.npz": (samples, "data", 5),
    "data.npy": (matrix, "data", 4),
    "data.csv": (table, "data", 4),
    "architecture.toml": (toml, "architecture", 5),
}
"""How to make each file, how it is read, and its share of the files."""


def bytes_changed(rng: random.Random, raw: bytes) -> bytes:
    """A few of: other bytes, a piece removed, repeated, moved or replaced by a number; sometimes the end is missing."""
    content = bytearray(raw)
    for _ in range(rng.choice((1, 1, 1, 2, 4, 8))):
        if not content:
            break
        place, length = rng.randrange(len(content)), rng.choice((1, 1, 2, 4, 8, 30))
        match rng.randrange(8):
            case 0 | 1 | 2:
                content[place] = rng.randrange(256)
            case 3:
                content[place] ^= 1 << rng.randrange(8)
            case 4:
                number = rng.choice((0, 1, 2**31, 2**32 - 1, 2**63, 2**64 - 1, rng.randrange(2**64)))
                size = rng.choice((1, 2, 4, 8))
                content[place : place + size] = (number % 256**size).to_bytes(size, rng.choice(("little", "big")))
            case 5:
                del content[place : place + length]
            case 6:
                content[place:place] = content[place : place + length]
            case 7:
                other = rng.randrange(len(content))
                content[place : place + length] = content[other : other + length]
    return bytes(content[: rng.randrange(len(content) + 1)] if rng.random() < 0.05 else content)


def member_changed(rng: random.Random, raw: bytes) -> bytes:
    """An archive with one member changed, or left out, or under another name, and right checksums."""
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        members = [(info, archive.read(info)) for info in archive.infolist()]
    small = [i for i, (_, content) in enumerate(members) if content]
    chosen = rng.choice(small)
    target = io.BytesIO()
    action = rng.random()
    with zipfile.ZipFile(target, "w") as archive:
        for i, (info, content) in enumerate(members):
            name = info.filename
            if i == chosen:
                if action < 0.04:
                    continue
                if action < 0.08:
                    name = rng.choice(members)[0].filename + rng.choice(("", "x"))
                else:
                    content = bytes_changed(rng, content)
            if name not in archive.namelist():
                archive.writestr(name, content)
    return target.getvalue()


def read(kind: str, path: Path, folder: Path) -> Any:
    if kind == "data":
        return load_data(path)
    if kind == "architecture":
        return load_network(folder / "originals" / "tensors.npz", path)
    extra = {"tensors": folder / "originals" / "architecture.toml", "residual": FIXTURES / "residual.toml"}
    return load_network(path, extra.get(kind))


def parts(found: Any) -> list[np.ndarray]:
    """All the numbers of a network or of data."""
    if isinstance(found, Data):
        return [found.X, found.y]
    return [array for layer in found.layers for array in vars(layer).values() if isinstance(array, np.ndarray)]


def check(found: Any) -> None:
    assert all(np.isfinite(part).all() for part in parts(found))
    if isinstance(found, Network):
        shapes = [found.input_shape]
        for layer, reads in zip(found.layers, found.wiring, strict=True):
            shapes.append(layer.output_shape(*(shapes[v] for v in reads)))
        assert tuple(shapes) == found.shapes
        if sum(int(np.prod(shape, dtype=object)) for shape in shapes) < 10**5:
            assert found(np.zeros((2, found.inputs))).shape == (2, found.outputs)
    else:
        assert len(found.X) == len(found.y)


def test_mutated_files(tmp_path):
    originals = tmp_path / "originals"
    originals.mkdir()
    for name, (make, _, _) in SOURCES.items():
        make(originals / name)
    weights = sum(weight for _, _, weight in SOURCES.values())
    counts: Counter[str] = Counter()
    slowest = (0.0, "")
    for name, (_, kind, weight) in SOURCES.items():
        if name.endswith(".keras") and importlib.util.find_spec("h5py") is None:
            continue
        if (data := FIXTURES / f"{name}.data").exists():
            (tmp_path / data.name).write_bytes(data.read_bytes())
            (originals / data.name).write_bytes(data.read_bytes())
        raw, path = (originals / name).read_bytes(), tmp_path / name
        original = parts(read(kind, originals / name, tmp_path))
        is_archive = raw[:4] == b"PK\x03\x04"
        for number in range(-(-TOTAL * weight // weights)):
            rng = random.Random(f"{SEED} {name} {number}")
            by_member = is_archive and rng.random() < (0.3 if kind == "keras" else 0.7)
            path.write_bytes(member_changed(rng, raw) if by_member else bytes_changed(rng, raw))
            where = f"seed {SEED}, {name}, {number}"
            start = time.process_time()
            try:
                found = read(kind, path, tmp_path)
            except InputError as error:
                text = str(error)
                assert "`" in text and len(text) < 20_000, where
                counts[f"{name} refused"] += 1
            except Exception as error:
                raise AssertionError(f"{where}: {type(error).__name__}: {error}") from error
            else:
                counts[f"{name} read"] += 1
                check(found)
                if is_archive and not by_member:
                    same = parts(found)
                    assert len(same) == len(original) and all(
                        np.array_equal(a, b) for a, b in zip(same, original, strict=True)
                    ), where
            seconds = time.process_time() - start
            slowest = max(slowest, (seconds, where))
    print(f"\nseed {SEED}: {dict(counts)}; slowest {slowest[0]:.2f} s, {slowest[1]}")
    assert slowest[0] < 2, slowest
    for name, (_, _, weight) in SOURCES.items():
        refused, loaded = counts[f"{name} refused"], counts[f"{name} read"]
        if name.endswith(".keras") and importlib.util.find_spec("h5py") is None:
            continue
        assert refused + loaded == -(-TOTAL * weight // weights)
        assert refused > 0
    assert sum(-(-TOTAL * weight // weights) for _, _, weight in SOURCES.values()) >= TOTAL
