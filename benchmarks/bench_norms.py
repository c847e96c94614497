"""Certified norms of network layers next to the float routes people use, in one run and on one thread.

Run `python -m benchmarks.bench_norms` in the root folder. Layers have the shapes of VGG-16, ResNet-18 and ResNet-50 at
224 x 224, with He-normal float32 weights or with weights of a decaying spectrum. It exits with 1 when a target of the
table in `benchmarks/README.md` is missed. `--quick` takes small layers and checks the widths only.

Rows of the table: processor seconds of the whole network, times over ours, and the largest distance to our enclosure.
A route whose cost is the same at every frequency is timed on one frequency in `--sample` and multiplied.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import sys
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from numerics.arithmetic.enclosure import outward
from numerics.arithmetic.spectral import spectral_norm, spectral_norm_bounds
from numerics.networks.norms.convolutions import convolution_norm

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Shape:
    """`count` layers of a kind; `side` is that of the input, 0 for a dense layer."""

    out: int
    channels: int
    k: int = 1
    side: int = 0
    stride: int = 1
    count: int = 1

    def weights(self, decaying: bool) -> Array:
        rng = np.random.default_rng([self.out, self.channels, self.k, self.side])
        fan = self.channels * self.k**2
        W = rng.standard_normal((self.out, self.channels, self.k, self.k), dtype=np.float32)
        W *= np.float32((2 / fan) ** 0.5)
        if decaying:
            decay = np.arange(1, max(self.out, self.channels) + 1, dtype=np.float32) ** -0.5
            taper = np.hanning(self.k + 2)[1:-1].astype(np.float32)
            W *= decay[: self.out, None, None, None] * decay[: self.channels, None, None]
            W *= np.outer(taper, taper)
        return W if self.side else W[:, :, 0, 0]


def vgg16() -> list[Shape]:
    sides = [(3, 64, 224, 1), (64, 64, 224, 1), (64, 128, 112, 1), (128, 128, 112, 1), (128, 256, 56, 1)]
    sides += [(256, 256, 56, 2), (256, 512, 28, 1), (512, 512, 28, 2), (512, 512, 14, 3)]
    dense = [Shape(4096, 25088), Shape(4096, 4096), Shape(1000, 4096)]
    return [Shape(o, c, 3, n, 1, count) for c, o, n, count in sides] + dense


def resnet18() -> list[Shape]:
    layers = [Shape(64, 3, 7, 224, 2), Shape(64, 64, 3, 56, 1, 4)]
    for c, n in ((64, 56), (128, 28), (256, 14)):
        layers += [Shape(2 * c, c, 3, n, 2), Shape(2 * c, c, 1, n, 2), Shape(2 * c, 2 * c, 3, n // 2, 1, 3)]
    return [*layers, Shape(1000, 512)]


def resnet50() -> list[Shape]:
    layers = [Shape(64, 3, 7, 224, 2)]
    for stage, (width, blocks) in enumerate(((64, 3), (128, 4), (256, 6), (512, 3))):
        n, first, stride = 56 >> max(stage - 1, 0), 64 if stage == 0 else 2 * width, 1 if stage == 0 else 2
        layers += [Shape(width, first, 1, n), Shape(width, width, 3, n, stride), Shape(4 * width, first, 1, n, stride)]
        m = n // stride
        layers += [Shape(4 * width, width, 1, m, 1, blocks), Shape(width, 4 * width, 1, m, 1, blocks - 1)]
        layers += [Shape(width, width, 3, m, 1, blocks - 1)]
    return [*layers, Shape(1000, 2048)]


QUICK = [Shape(16, 3, 3, 32), Shape(24, 16, 3, 16, 2), Shape(32, 24, 3, 8, 1, 2), Shape(200, 600)]


def flat(W: Array) -> Array:
    return W.reshape(W.shape[0], -1)


# The routes. Each gives one number for one layer.


def numpy_svd(W: Array) -> float:
    return float(np.linalg.svd(flat(W).astype(np.float64), compute_uv=False)[0])


def gram_alone(W: Array) -> float:
    A = flat(W).astype(np.float64)
    G = A @ A.T if A.shape[0] <= A.shape[1] else A.T @ A
    return float(np.sqrt(G.max()))


def power_iteration(W: Array, target: float) -> float:
    """Until it is within 1e-6 of the norm, which it could not know by itself, or 200 steps."""
    A = flat(W).astype(np.float64)
    v = np.random.default_rng(0).standard_normal(A.shape[1])
    s = 0.0
    for _ in range(200):
        u = A @ v
        v = A.T @ (u / np.linalg.norm(u))
        s = float(np.linalg.norm(v))
        v /= s
        if s >= target * (1 - 1e-6):
            break
    return s


def sedghi(W: Array, shape: Shape, sample: int) -> tuple[float, float]:
    """Sedghi, Gupta and Long's published NumPy code: FFT of the kernel, an SVD at each frequency; no stride."""
    start = time.process_time()
    transforms = np.fft.fft2(W.transpose(2, 3, 1, 0).astype(np.float64), (shape.side, shape.side), axes=(0, 1))
    fixed = time.process_time() - start
    blocks = transforms.reshape(-1, *transforms.shape[2:])
    start = time.process_time()
    value = float(np.linalg.svd(blocks[::sample], compute_uv=False).max())
    return value, fixed + (time.process_time() - start) * len(blocks) / len(blocks[::sample])


def batched_svd(W: Array, shape: Shape, sample: int) -> tuple[float, float]:
    """complex64 SVD at half of the frequencies, with the stride as channels."""
    n, s = shape.side // shape.stride, shape.stride
    start = time.process_time()
    a = -(-shape.k // s)
    padded = np.zeros((shape.out, shape.channels, a * s, a * s), np.float32)
    padded[:, :, : shape.k, : shape.k] = W
    phases = (
        padded.reshape(shape.out, shape.channels, a, s, a, s).transpose(2, 4, 0, 1, 3, 5).reshape(a, a, shape.out, -1)
    )
    transforms = np.fft.fft2(phases, (n, n), axes=(0, 1))[: n // 2 + 1].astype(np.complex64)
    fixed = time.process_time() - start
    blocks = transforms.reshape(-1, *transforms.shape[2:])
    start = time.process_time()
    value = float(np.linalg.svd(blocks[::sample], compute_uv=False).max())
    return value, fixed + (time.process_time() - start) * len(blocks) / len(blocks[::sample])


def weightwatcher_seconds(weights: list[tuple[Array, int]]) -> float | None:
    """Processor seconds of `WeightWatcher.analyze` on a model with these layers; `None` where it is not installed."""
    if not (importlib.util.find_spec("weightwatcher") and importlib.util.find_spec("torch")):
        return None
    import torch  # pyright: ignore[reportMissingImports]
    import weightwatcher  # pyright: ignore[reportMissingImports]

    torch.set_num_threads(1)
    layers = []
    for W, count in weights:
        for _ in range(count):
            o, c, *k = W.shape
            layer = torch.nn.Conv2d(c, o, tuple(k), bias=False) if k else torch.nn.Linear(c, o, bias=False)
            layer.weight.data = torch.from_numpy(W.copy())
            layers.append(layer)
    model = torch.nn.Sequential(*layers)
    start = time.process_time()
    weightwatcher.WeightWatcher(model=model).analyze()
    return time.process_time() - start


def timed(function: Callable[[], Any]) -> tuple[Any, float]:
    start = time.process_time()
    result = function()
    return result, time.process_time() - start


def memory(function: Callable[[], Any]) -> int:
    tracemalloc.start()
    function()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


class Table:
    def __init__(self) -> None:
        self.ratios: dict[tuple[str, str], float] = {}

    def show(self, network: str, ours: float, rows: list[tuple[str, float | None, str]]) -> None:
        for name, seconds, note in rows:
            if seconds is None:
                print(f"{network:<34}{name:<34}{'-':>9}{'-':>9}  {note}")
                continue
            self.ratios[network, name] = seconds / ours
            print(f"{network:<34}{name:<34}{seconds:>9.3f}{seconds / ours:>9.2f}  {note}", flush=True)


def outside(value: float, bounds: tuple[float, float]) -> float:
    """How far a float result lies outside of the enclosure, relatively."""
    return max(bounds[0] - value, value - bounds[1], 0.0) / bounds[1]


def dense_table(table: Table, network: str, shapes: list[Shape], decaying: bool) -> float:
    """All layers as matrices; returns the largest relative width."""
    seconds = dict.fromkeys(("ours", "svd", "gram", "power"), 0.0)
    widest, off, short, weights, largest = 0.0, 0.0, 0.0, [], (0, 0)
    matrix = np.zeros((1, 1))
    for shape in shapes:
        W = shape.weights(decaying)
        weights.append((W, shape.count))
        bounds, t = timed(lambda W=W: spectral_norm_bounds(flat(W)))
        seconds["ours"] += shape.count * t
        widest = max(widest, bounds[1] / bounds[0] - 1)
        value, t = timed(lambda W=W: numpy_svd(W))
        seconds["svd"] += shape.count * t
        off = max(off, outside(value, bounds))
        seconds["gram"] += shape.count * timed(lambda W=W: gram_alone(W))[1]
        value, t = timed(lambda W=W, b=bounds: power_iteration(W, b[0]))
        seconds["power"] += shape.count * t
        short = max(short, 1 - value / bounds[0])
        if W.nbytes > largest[0]:
            largest = (W.nbytes, 8 * min(flat(W).shape) ** 2)
            matrix = flat(W)
    peak = memory(lambda: spectral_norm(matrix))
    allowed = 3 * largest[0] + largest[1]
    table.ratios[network, "memory over the allowed"] = (peak + largest[0]) / allowed
    watcher = weightwatcher_seconds(weights)
    table.show(
        f"{network}, dense",
        seconds["ours"],
        [
            (
                "ours, certified",
                seconds["ours"],
                f"width {widest:.1e}; {(peak + largest[0]) / 1e6:.0f} MB of {allowed / 1e6:.0f} MB",
            ),
            ("Gram matrix alone", seconds["gram"], "no bound"),
            ("NumPy full SVD", seconds["svd"], f"outside of the enclosure by {off:.1e}"),
            ("power iteration", seconds["power"], f"below the norm by up to {short:.1e} after at most 200 steps"),
            ("WeightWatcher", watcher, "spectra of kernel slices" if watcher else "not installed: skipped"),
        ],
    )
    return widest


def convolution_table(table: Table, network: str, shapes: list[Shape], decaying: bool, sample: int) -> float:
    """The convolutions of more than one tap, circular, at their sizes; returns the largest relative width."""
    seconds = dict.fromkeys(("ours", "torus", "sedghi", "batched"), 0.0)
    widest = boundary = fallen = 0.0
    peaks, largest, allowed = [0, 0], 0, 0
    for shape in (s for s in shapes if s.k > 1):
        W = shape.weights(decaying)
        total = shape.k - 1
        options: dict[str, Any] = {
            "input_shape": (shape.channels, shape.side, shape.side),
            "stride": shape.stride,
            "padding": ((total // 2, total - total // 2),) * 2,
        }
        ball, t = timed(lambda W=W, o=options: convolution_norm(W, circular=True, **o))
        seconds["ours"] += shape.count * t
        bounds = outward(ball)
        widest = max(widest, bounds[1] / bounds[0] - 1)
        ball, t = timed(lambda W=W, o=options: convolution_norm(W, **o))
        seconds["torus"] += shape.count * t
        zero = outward(ball)
        boundary = max(boundary, zero[1] / zero[0] - 1)
        value, t = sedghi(W, shape, sample)
        seconds["sedghi"] += shape.count * t
        value, t = batched_svd(W, shape, sample)
        seconds["batched"] += shape.count * t
        if sample == 1:
            fallen = max(fallen, outside(value, bounds))
        if W.size >= largest:
            # with the float64 copy that a `Convolution` keeps, without the float32 weight that it is made from
            found = [memory(lambda W=W, o=options, c=c: convolution_norm(W, circular=c, **o)) for c in (True, False)]
            peaks = found if W.size > largest else [max(pair) for pair in zip(peaks, found, strict=True)]
            largest, allowed = W.size, 3 * 8 * W.size + 16 * min(W.shape[:2]) ** 2
    table.ratios[network, "memory of convolutions over the allowed"] = max(peaks) / allowed
    timing = f"timed at 1 frequency of {sample}" if sample > 1 else "all frequencies"
    note = f"{timing}; outside of the enclosure by {fallen:.1e}" if sample == 1 else timing
    table.show(
        f"{network}, convolutions",
        seconds["ours"],
        [
            (
                "ours, circular, certified",
                seconds["ours"],
                f"width {widest:.1e}; {peaks[0] / 1e6:.0f} MB of {allowed / 1e6:.0f} MB at the largest layer",
            ),
            (
                "ours, zero padding, certified",
                seconds["torus"],
                f"width {boundary:.1e}, from the boundary; {peaks[1] / 1e6:.0f} MB",
            ),
            ("Sedghi et al., NumPy", seconds["sedghi"], f"{timing}; ignores the stride"),
            ("batched complex64 SVD", seconds["batched"], note),
        ],
    )
    return widest


TARGETS: tuple[tuple[str, str, float, bool], ...] = (
    ("VGG-16, dense", "NumPy full SVD", 6.0, True),
    ("VGG-16, dense", "Gram matrix alone", 0.5, True),
    ("ResNet-50, dense", "WeightWatcher", 5.0, True),
    ("ResNet-18, convolutions", "Sedghi et al., NumPy", 8.0, True),
    ("ResNet-50, convolutions", "batched complex64 SVD", 2.3, True),
    ("VGG-16", "memory over the allowed", 1.0, False),
    ("ResNet-18", "memory of convolutions over the allowed", 1.0, False),
    ("ResNet-50", "memory of convolutions over the allowed", 1.0, False),  # of VGG-16 the largest layer is dense
)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="small layers, widths only")
    parser.add_argument("--networks", nargs="+", default=["ResNet-18", "ResNet-50", "VGG-16"])
    parser.add_argument("--sample", type=int, default=8, help="time per-frequency routes at one frequency in so many")
    parser.add_argument("--weights", nargs="+", default=["he", "decaying"], choices=["he", "decaying"])
    parser.add_argument("--parts", nargs="+", default=["dense", "convolutions"], choices=["dense", "convolutions"])
    options = parser.parse_args(arguments)
    makers = {"ResNet-18": resnet18, "ResNet-50": resnet50, "VGG-16": vgg16}
    networks = {"quick": QUICK} if options.quick else {name: makers[name]() for name in options.networks}
    table, widest = Table(), 0.0
    spectral_norm_bounds(np.ones((80, 90)))  # loads SciPy
    print(f"{'network':<34}{'route':<34}{'seconds':>9}{'/ ours':>9}")
    for name, shapes in networks.items():
        for decaying in (weights == "decaying" for weights in options.weights):
            title = f"{name} decaying" if decaying else name
            if "dense" in options.parts:
                widest = max(widest, dense_table(table, title, shapes, decaying))
            if "convolutions" in options.parts:
                sample = 1 if options.quick else options.sample
                widest = max(widest, convolution_table(table, title, shapes, decaying, sample))
    missed = [] if widest <= 1e-6 else [f"relative width 1e-6, found {widest:.1e}"]
    for network, route, target, at_least in TARGETS:
        ratio = table.ratios.get((network, route))
        if ratio is None or options.quick:
            continue
        reached = ratio >= target if at_least else ratio <= target
        print(
            f"target {network}, {route}: {ratio:.2f}, needs {'>=' if at_least else '<='} {target}: {'reached' if reached else 'missed'}"
        )
        missed += [] if reached else [f"{network}, {route}"]
    print(
        f"widths at most {widest:.1e}; "
        + (f"missed: {'; '.join(missed)}" if missed else "all targets that were measured are reached")
    )
    return 1 if missed else 0


if __name__ == "__main__":
    one_thread = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    if not one_thread.items() <= os.environ.items():  # the libraries read it when they are loaded: start again
        os.execve(
            sys.executable, [sys.executable, "-m", "benchmarks.bench_norms", *sys.argv[1:]], os.environ | one_thread
        )
    sys.exit(main())
