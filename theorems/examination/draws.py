"""Random instances that a seed determines, and the judgement of one of them."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import hypothesis
from hypothesis import HealthCheck
from hypothesis.errors import HypothesisWarning

from numerics.evidence.verdict import Verdict


def chunk_seed(name: str, seed: int, chunk: int) -> int:
    """The seed of a chunk, from its address alone."""
    digest = hashlib.sha256(f"{name}/{seed}/{chunk}".encode()).digest()
    return int.from_bytes(digest[:8], "big")


def members(drawn: Any) -> Iterator[Any]:
    """The instances in a drawn value: the members of a `Batch`, or the value itself."""
    from numerics.strategies import Batch

    if isinstance(drawn, Batch):
        yield from drawn
    else:
        yield drawn


def draw(strategy: Any, examples: int, seed: int) -> list[Any]:
    """`examples` values of a Hypothesis strategy, determined by `seed` alone (no database, no deadline)."""
    drawn: list[Any] = []

    @hypothesis.seed(seed)
    @hypothesis.settings(settings(examples), phases=[hypothesis.Phase.generate])
    @hypothesis.given(strategy)
    def collect(value: Any) -> None:
        drawn.append(value)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", HypothesisWarning)
        collect()
    return drawn[:examples]


def settings(examples: int) -> Any:
    return hypothesis.settings(
        max_examples=examples,
        database=None,
        deadline=None,
        derandomize=False,
        print_blob=False,
        report_multiple_bugs=False,
        # How slow or how large a draw is must not decide what is drawn.
        suppress_health_check=[
            HealthCheck.too_slow,
            HealthCheck.data_too_large,
            HealthCheck.filter_too_much,
            HealthCheck.large_base_example,
        ],
    )


def judge(check: Callable[[Any], Verdict], instance: Any) -> Verdict:
    """The verdict of a check; anything else than a `Verdict` is an error of the page."""
    verdict = check(instance)
    if not isinstance(verdict, Verdict):
        raise TypeError(f"A check returns a `Verdict`: found {type(verdict).__name__}.")
    return verdict
