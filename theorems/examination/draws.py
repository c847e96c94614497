"""Random instances that a seed determines, and the judgement of one of them."""

from __future__ import annotations

import contextlib
import hashlib
import warnings
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

import hypothesis
from hypothesis import HealthCheck
from hypothesis.errors import HypothesisWarning
from hypothesis.internal.conjecture import providers

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


@contextlib.contextmanager
def no_local_constants() -> Iterator[None]:
    """Within, Hypothesis does not draw constants that it finds in the modules loaded so far.

    Now and then it does, in versions that look for them, with a probability of a few percent. Which modules are loaded, and
    which of them count as local, differs between a worker and a process that has run other things: then a seed alone would
    not say what is drawn.
    """
    with contextlib.ExitStack() as changed:
        if hasattr(providers, "_get_local_constants"):
            none = providers.Constants(integers=set(), floats=set(), bytes=set(), strings=set())  # type: ignore[arg-type]
            changed.enter_context(mock.patch.object(providers, "_get_local_constants", lambda: none))
            # What was found permitted is kept for each kind of draw, local constants among it.
            fresh = type(providers.CONSTANTS_CACHE)(1024)
            changed.enter_context(mock.patch.object(providers, "CONSTANTS_CACHE", fresh))
        yield


def draw(strategy: Any, examples: int, seed: int) -> list[Any]:
    """`examples` values of a Hypothesis strategy, determined by `seed` alone (no database, no deadline)."""
    drawn: list[Any] = []

    @hypothesis.seed(seed)
    @hypothesis.settings(settings(examples), phases=[hypothesis.Phase.generate])
    @hypothesis.given(strategy)
    def collect(value: Any) -> None:
        drawn.append(value)

    with warnings.catch_warnings(), no_local_constants():
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
