"""Sitting the examination for many claims, with any executor."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, as_completed
from typing import Any

from theorems.catalogue import claim
from theorems.examination.campaign import ChunkResult, campaign_findings, chunk_of, chunks
from theorems.examination.findings import Finding, Report, standing
from theorems.examination.points import EXAMINERS, POINTS

DEFAULT_EXAMPLES = 200


def run_chunk(name: str, seed: int, chunk: int, examples: int) -> ChunkResult:
    """Check one chunk of a claim's random instances (in any process)."""
    return chunk_of(claim(name), seed, chunk, examples)


def run_points(name: str, examples: int, seed: int) -> list[Finding]:
    """All points of a claim that are not part of the campaign (in any process)."""
    page = claim(name)
    return [EXAMINERS[point](page, examples, seed) for point in POINTS if point in EXAMINERS]


def pool(jobs: int) -> Callable[[], Executor]:
    """The default executor: a pool of processes. Spawned, so that no thread of the parent is forked."""

    def factory() -> Executor:
        import multiprocessing

        return ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn"))

    return factory


class _Here(Executor):
    """Runs each task at once in this process."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except BaseException as error:
            future.set_exception(error)
        return future


def examine_all(
    names: Sequence[str],
    *,
    examples: int = DEFAULT_EXAMPLES,
    seed: int = 0,
    executor: Callable[[], Executor] | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> list[Report]:
    """Sit the examination for all `names`; `executor` is any factory of `concurrent.futures.Executor`."""
    started = time.perf_counter()
    points: dict[str, list[Finding]] = {}
    results: dict[str, list[ChunkResult]] = {name: [] for name in names}
    spent: Counter[str] = Counter()
    with (executor or _Here)() as running:
        tasks: dict[Future[Any], tuple[str, str]] = {}
        # The long tasks first, so that the short ones fill the gaps at the end.
        for name in names:
            tasks[running.submit(_timed, run_points, name, examples, seed)] = (name, "points")
        for name in names:
            for c, n in chunks(examples):
                tasks[running.submit(_timed, run_chunk, name, seed, c, n)] = (name, "chunk")
        for done, future in enumerate(as_completed(tasks), start=1):
            name, kind = tasks[future]
            seconds, value = future.result()
            spent[name] += seconds
            if kind == "points":
                points[name] = value
            else:
                results[name].append(value)
            progress(f"{done}/{len(tasks)} {name} ({time.perf_counter() - started:.0f} s)")
    reports = []
    for name in names:
        page = claim(name)
        found = {f.point: f for f in points[name]} | campaign_findings(page, results[name])
        ordered = tuple(found[p] for p in POINTS)
        reports.append(Report(page.dotted, ordered, standing(page, ordered), spent[name]))
    return reports


def _timed(fn: Callable[..., Any], *args: Any) -> tuple[float, Any]:
    started = time.perf_counter()
    value = fn(*args)
    return time.perf_counter() - started, value
