"""How many exact instances a batch makes and checks per second, next to floats that do the same.

Run `python -m benchmarks.bench_instances` in the root folder; it exits with 1 when batches make fewer than 20 000 exact
5x5 instances per second. Rates are per second of processor time of one process, the best of several runs.
"""

from __future__ import annotations

import argparse
import functools
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings

from numerics.arithmetic.exact import diagonal
from numerics.strategies import POOL, Batch, Planted, Stream, batches, planted_matrices, seeds

TARGET = 20_000
TARGET_SIZE = 5


@dataclass(frozen=True)
class Spec:
    n: int
    seed: int


def exact_instance(spec: Spec, i: int) -> Planted:
    return Stream(spec.seed, i).planted(spec.n, spec.n)


def exact_check(p: Planted) -> bool:
    """The decomposition multiplied out, and the rank, which elimination finds without looking at it."""
    return p.matrix @ p.right == p.left @ diagonal(p.spectrum) and p.matrix.rank() == p.rank


def unchecked(_: Any) -> bool:
    return True


@dataclass(frozen=True)
class Floats:
    matrix: np.ndarray
    spectrum: np.ndarray
    left: np.ndarray
    right: np.ndarray


@functools.lru_cache(maxsize=1024)
def float_frame(seed: int, n: int, k: int) -> np.ndarray:
    return np.linalg.qr(np.random.default_rng((seed, k)).standard_normal((n, n)))[0]


def float_instance(spec: Spec, i: int) -> Floats:
    """As the exact one: two frames of a pool, and a spectrum with ties and zeros."""
    drawn = np.frombuffer(Stream(spec.seed, i).bytes(2 + spec.n), np.uint8)
    U, V = (float_frame(spec.seed, spec.n, int(k) % POOL) for k in drawn[:2])
    s = np.sort(drawn[2:] % 6)[::-1] / 2
    return Floats((U * s) @ V.T, s, U, V)


def float_check(p: Floats) -> bool:
    same = np.abs(p.matrix @ p.right - p.left * p.spectrum).max() <= 1e-12
    return bool(same and np.linalg.matrix_rank(p.matrix) == np.count_nonzero(p.spectrum))


def rate(make: Callable[[Spec, int], Any], check: Callable[[Any], bool], n: int, options: argparse.Namespace) -> float:
    """Checked instances per second; every batch has a new seed, so that its frames are new too."""
    best = float("inf")
    for run in range(options.runs):
        start = time.process_time()
        for k in range(options.batches):
            batch = Batch(Spec(n, run * options.batches + k), make, options.size)
            for i, p in enumerate(batch):
                if not check(p):
                    raise AssertionError(f"{batch!r}[{i}] has not the spectrum that was planted: {p}.")
        best = min(best, time.process_time() - start)
    return options.batches * options.size / best


def per_example(strategy: Any, members: Callable[[Any], int], examples: int) -> float:
    """Instances per second when Hypothesis draws each example."""
    total = 0

    def run(count: int) -> None:
        @settings(max_examples=count, database=None, deadline=None, suppress_health_check=[HealthCheck.too_slow])
        @given(strategy)
        def test(example: Any) -> None:
            nonlocal total
            total += members(example)

        test()

    run(5)  # Hypothesis reads the source of the modules under test once
    total, start = 0, time.process_time()
    run(examples)
    return total / (time.process_time() - start)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--size", type=int, default=256, help="members of a batch")
    parser.add_argument("--batches", type=int, default=8, help="batches in a run")
    parser.add_argument("--runs", type=int, default=7, help="runs, of which the best counts")
    options = parser.parse_args(arguments)
    achieved = 0.0
    print(f"{'instances per second':<28}{'exact':>10}{'float64':>10}{'exact/float':>13}")
    for n in (2, TARGET_SIZE, 10):
        made = rate(exact_instance, unchecked, n, options)
        made_float = rate(float_instance, unchecked, n, options)
        print(f"{f'{n}x{n}, made':<28}{made:>10.0f}{made_float:>10.0f}{made / made_float:>13.2f}")
        checked = rate(exact_instance, exact_check, n, options)
        checked_float = rate(float_instance, float_check, n, options)
        print(
            f"{f'{n}x{n}, made and checked':<28}{checked:>10.0f}{checked_float:>10.0f}{checked / checked_float:>13.2f}"
        )
        achieved = made if n == TARGET_SIZE else achieved
    specs = seeds().map(lambda seed: Spec(TARGET_SIZE, seed))
    single = per_example(planted_matrices(TARGET_SIZE, TARGET_SIZE), lambda _: 1, 200)
    batched = per_example(batches(specs, exact_instance, options.size), lambda batch: sum(1 for _ in batch), 40)
    print(f"{'5x5, Hypothesis, one by one':<28}{single:>10.0f}")
    print(f"{'5x5, Hypothesis, in batches':<28}{batched:>10.0f}")
    reached = achieved >= TARGET
    print(f"target {TARGET} exact 5x5 instances made per second: {'reached' if reached else 'missed'}")
    return 0 if reached else 1


if __name__ == "__main__":
    sys.exit(main())
