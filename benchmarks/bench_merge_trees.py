"""Merge trees of grids next to other libraries: time as a ratio in one run, and extra memory.

Run `python -m benchmarks.bench_merge_trees` in the root folder (`--quick`: small grids, no verdict). Peers that are not installed are
left out with a line: `pip install gudhi cripser higra`. Every method runs in a forked process of its own, methods take turns, and the best
processor time of `--rounds` counts (one round for methods that take more than 20 seconds), so that a busy machine disturbs
the ratios less. The columns: seconds of processor time, the ratio to our stored pass, and the growth of the peak resident
memory in MB. Exits with 1 when a goal is missed.

`--only` runs one part: `peers`, `threads` (one thread against two by the clock, on large arrays: needs two idle cores; about a minute), or
`noise` (the pass against the sort of all vertices on white noise: why noise does not fall back; about two minutes).
`--fused N` measures instead the pass over the product of two weights on an N x N grid that is never stored: seconds and peak memory.
"""

from __future__ import annotations

import argparse
import os
import pickle
import resource
import sys
import time
from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np

from numerics.sublevel import merge_tree, merge_tree_of_loss
from numerics.sublevel.grids.grid import offsets

Method = Callable[[np.ndarray], Any]


def product(n: int, d: int) -> np.ndarray:
    """The loss $(w_1 \\cdots w_d - 1)^2$ on $[-2, 2]^d$."""
    x = np.linspace(-2, 2, n)
    return product_loss(np.ix_(*[x] * d))


def product_loss(w: Any) -> Any:
    p = w[0]
    for x in w[1:]:
        p = p * x
    return (p - 1.0) ** 2


def noise(n: int, d: int) -> np.ndarray:
    return np.random.default_rng(0).random((n,) * d)


def smooth_field(n: int, d: int) -> np.ndarray:
    """A random field with many critical points, about one minimum in a cube of side 8."""
    from scipy.ndimage import gaussian_filter

    return gaussian_filter(noise(n, d), 2.0, mode="wrap")


def scipy_tree(E: np.ndarray) -> Any:
    """Minimum spanning tree of the edges weighted by their higher end, shifted because explicit zeros are dropped."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import minimum_spanning_tree

    number = np.arange(E.size, dtype=np.int32).reshape(E.shape)
    rows, columns, weights = [], [], []
    for a in range(E.ndim):
        one, two = [slice(None)] * E.ndim, [slice(None)] * E.ndim
        one[a], two[a] = slice(1, None), slice(None, -1)
        rows.append(number[tuple(one)].ravel())
        columns.append(number[tuple(two)].ravel())
        weights.append(np.maximum(E[tuple(one)], E[tuple(two)]).ravel())
    shift = 1 - float(E.min())
    graph = coo_matrix(
        (np.concatenate(weights) + shift, (np.concatenate(rows), np.concatenate(columns))), (E.size, E.size)
    )
    return minimum_spanning_tree(graph.tocsr())


def peers() -> dict[str, tuple[Method, Callable[[np.ndarray], bool]]]:
    """What is installed, and the arrays it can take."""
    found: dict[str, tuple[Method, Callable[[np.ndarray], bool]]] = {"scipy MST": (scipy_tree, lambda E: True)}
    try:
        gudhi = import_module("gudhi")
        found["GUDHI CubicalComplex"] = (
            lambda E: gudhi.CubicalComplex(vertices=E).compute_persistence(),
            lambda E: E.size <= 2_000_000,  # minutes and gigabytes beyond
        )
        rectangle = import_module("gudhi._pers_cub_low_dim_ext")._persistence_on_rectangle_from_top_cells
        found["GUDHI 2-D code"] = (lambda E: rectangle(E, 0.0), lambda E: E.ndim == 2)
    except ImportError as error:
        print(f"left out: GUDHI ({error})")
    try:
        cripser = import_module("cripser")
        found["CubicalRipser"] = (lambda E: cripser.computePH(E, maxdim=0), lambda E: E.ndim <= 4)
    except ImportError as error:
        print(f"left out: CubicalRipser ({error})")
    try:
        higra = import_module("higra")

        def min_tree(E: np.ndarray) -> Any:
            graph = higra.get_nd_regular_implicit_graph(E.shape, np.array(offsets(E.ndim, "face")))
            return higra.component_tree_min_tree(graph, E)

        found["higra"] = (min_tree, lambda E: True)
    except ImportError as error:
        print(f"left out: higra ({error})")
    return found


def measured(method: Method, E: np.ndarray) -> tuple[float, float, float]:
    """Processor seconds, wall seconds, MB of peak memory above the start, in a forked process."""
    read, write = os.pipe()
    child = os.fork()
    if not child:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        done = (1e9, 1e9)
        for _ in range(3):  # the first run also pays for pages that the fork shares
            start, wall = time.process_time(), time.perf_counter()
            method(E)
            done = min(done, (time.process_time() - start, time.perf_counter() - wall))
            if done[0] > 1:
                break
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
        os.write(write, pickle.dumps((*done, grown)))
        os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        answer = pipe.read()
    os.waitpid(child, 0)
    if not answer:
        raise RuntimeError("a method ended without an answer: it may have run out of memory.")
    return pickle.loads(answer)


def compare(
    name: str, E: np.ndarray, ours: dict[str, Method], others: dict[str, Any], rounds: int
) -> dict[str, list[float]]:
    methods = ours | {key: method for key, (method, fits) in others.items() if fits(E)}
    best: dict[str, list[float]] = {}
    for turn in range(rounds):
        for key, method in methods.items():
            if turn and best[key][0] > 20:
                continue
            now = measured(method, E)
            best[key] = [min(a, b) for a, b in zip(now, best.get(key, now), strict=True)]
    base = best["stored"][0]
    print(f"\n{name}, {E.nbytes / 2**20:.0f} MB{'seconds':>22}{'ratio':>9}{'wall':>9}{'extra MB':>10}")
    for key, (cpu, wall, grown) in best.items():
        print(f"  {key:<30}{cpu:>10.4f}{cpu / base:>9.2f}{wall:>9.4f}{grown:>10.0f}")
    return best


def fused(n: int) -> int:
    from numba import njit

    x = np.linspace(-2, 2, n)
    loss = njit(lambda w: (w[0] * w[1] - 1.0) ** 2)
    merge_tree_of_loss(loss, [x[:50], x[:50]])
    start, wall = time.process_time(), time.perf_counter()
    tree = merge_tree_of_loss(loss, [x, x])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{n} x {n} = {n * n:.3g} vertices, never stored: {time.process_time() - start:.2f} s of processor time, {time.perf_counter() - wall:.2f} s, peak resident "
        f"memory {peak:.0f} MB, {tree.pairs.birth.size} pairs, N_u above 0.01: {tree.count([0.011, 0.5, 0.99, 1.01]).tolist()} at 0.011, 0.5, 0.99, 1.01"
    )
    return 0 if peak < 1024 else 1


Goal = tuple[str, float, float]
"""What, the ratio found, the least that is needed."""


def threads(rounds: int, quick: bool) -> list[Goal]:
    """One thread against two, in turns, the median of the wall times of each: the best ones measure the neighbours' rest."""
    from numba import njit

    loss = njit(lambda w: (w[0] * w[1] - 1.0) ** 2)
    sizes = {2: 300, 3: 40} if quick else {2: 12_000, 3: 500}
    n = 400 if quick else 10_000
    axes = [np.linspace(-2, 2, n)] * 2
    jobs: list[tuple[str, Callable[[int], Any]]] = [
        (f"fused {n}^2", lambda k: merge_tree_of_loss(loss, axes, workers=k))
    ]
    for d, m in sizes.items():
        E = product(m, d)
        jobs.append((f"stored {m}^{d}", lambda k, E=E: merge_tree(E, workers=k)))
    print(f"\n{'product loss, wall seconds':<34}{'one':>9}{'two':>9}{'ratio':>9}   processor seconds")
    goals = []
    for name, run in jobs:
        run(2)  # compiled, and the array has been read once
        times: dict[int, list[tuple[float, float]]] = {1: [], 2: []}
        for _ in range(1 if quick else max(9, rounds)):
            for k, found in times.items():
                cpu, wall = time.process_time(), time.perf_counter()
                run(k)
                found.append((time.perf_counter() - wall, time.process_time() - cpu))
        one, two = (np.median(found, axis=0) for found in times.values())
        ratio = float(one[0] / two[0])
        print(f"  {name:<32}{one[0]:>9.4f}{two[0]:>9.4f}{ratio:>9.2f}   {one[1]:.4f} and {two[1]:.4f}")
        goals.append((f"{name}, two threads against one, wall", ratio, 1.6))
    return goals


def noise_against_the_sort(rounds: int, quick: bool) -> list[Goal]:
    """White noise has the most saddles: does the pass that keeps them stay faster than sorting all vertices?"""
    goals = []
    for d, n in ({2: 400, 3: 60, 4: 24} if quick else {2: 2000, 3: 200, 4: 50}).items():
        ours: dict[str, Method] = {
            "stored": lambda E: merge_tree(E, method="saddles"),
            "sort + union-find": lambda E: merge_tree(E, method="sort"),
        }
        best = compare(f"white noise {n}^{d}", noise(n, d), ours, {}, min(rounds, 2))
        ratio = best["sort + union-find"][0] / best["stored"][0]
        goals.append((f"{d}-D noise, the pass against sort + union-find", ratio, 1.0))
    return goals


def against_peers(rounds: int, quick: bool) -> list[Goal]:
    from numba import njit

    others = peers()
    sizes = {2: 300, 3: 40, 4: 14} if quick else {2: 2000, 3: 200, 4: 50}
    small = {3: 30, 4: 12} if quick else {3: 100, 4: 32}
    pair = njit(lambda w: (w[0] * w[1] - 1.0) ** 2)
    triple = njit(lambda w: (w[0] * w[1] * w[2] - 1.0) ** 2)
    quadruple = njit(lambda w: (w[0] * w[1] * w[2] * w[3] - 1.0) ** 2)
    goals: list[Goal] = []

    def goal(text: str, best: dict[str, list[float]], theirs: str, mine: str, least: float) -> None:
        if theirs in best:
            goals.append((text, best[theirs][0] / best[mine][0], least))

    for d, loss in ((2, pair), (3, triple), (4, quadruple)):
        n = sizes[d]
        axes = [np.linspace(-2, 2, n)] * d
        merge_tree_of_loss(loss, [axis[:9] for axis in axes])  # compiled before anything is measured
        ours: dict[str, Method] = {
            "stored": merge_tree,
            "fused with the loss": lambda E, loss=loss, axes=axes: merge_tree_of_loss(loss, axes),
            "stored, full neighbours": lambda E: merge_tree(E, adjacency="full"),
            "sort + union-find": lambda E: merge_tree(E, method="sort"),
            "numpy argsort alone": lambda E: np.argsort(E, axis=None),
        }
        E = product(n, d)
        best = compare(f"product loss {n}^{d}", E, ours, others, rounds)
        if d == 2:
            goal("2-D stored, against GUDHI's 2-D code", best, "GUDHI 2-D code", "stored", 1.3)
            goal(
                "2-D fused, against GUDHI's 2-D code without the evaluation",
                best,
                "GUDHI 2-D code",
                "fused with the loss",
                1.7,
            )
        else:
            goal(f"{d}-D stored, against CubicalRipser", best, "CubicalRipser", "stored", 12)
            goal(f"{d}-D stored, against higra", best, "higra", "stored", 12)
            again = compare(
                f"product loss {small[d]}^{d}",
                product(small[d], d),
                {"stored": merge_tree},
                {k: v for k, v in others.items() if "GUDHI" in k},
                rounds,
            )
            goal(f"{d}-D stored, against GUDHI", again, "GUDHI CubicalComplex", "stored", 200)
        goals.append(
            (f"{d}-D extra memory of the stored pass, input / extra", E.nbytes / 2**20 / max(best["stored"][2], 0.1), 2)
        )
    for name, field in (("white noise", noise), ("smooth random field", smooth_field)):
        for d in (2, 3):
            ours = {"stored": merge_tree, "sort + union-find": lambda E: merge_tree(E, method="sort")}
            n = sizes[d] if d == 2 or quick else 120
            best = compare(f"{name} {n}^{d}", field(n, d), ours, others, rounds)
            if d == 2 and field is noise:
                goal("2-D noise, against CubicalRipser", best, "CubicalRipser", "stored", 2)
                goal("2-D noise, against GUDHI's 2-D code", best, "GUDHI 2-D code", "stored", 1 / 2.5)
    return goals


PARTS = {"peers": against_peers, "threads": threads, "noise": noise_against_the_sort}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="small grids, no verdict")
    parser.add_argument("--rounds", type=int, default=5, help="runs, of which the best counts")
    parser.add_argument("--only", choices=PARTS, help="only this part")
    parser.add_argument("--fused", type=int, metavar="N", help="only an N x N grid that is never stored")
    options = parser.parse_args(arguments)
    if options.fused:
        return fused(options.fused)
    merge_tree(noise(9, 2))  # compiled before anything is measured
    chosen = [PARTS[options.only]] if options.only else PARTS.values()
    goals = [goal for part in chosen for goal in part(options.rounds, options.quick)]
    print(f"\n{'goal':<66}{'found':>9}{'needed':>9}")
    for text, found, least in goals:
        print(f"{text:<66}{found:>9.2f}{least:>9.2f}  {'reached' if found >= least else 'MISSED'}")
    return 0 if options.quick or all(found >= least for _, found, least in goals) else 1


if __name__ == "__main__":
    sys.exit(main())
