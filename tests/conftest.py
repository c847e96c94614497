"""Profiles for Hypothesis: `ci` (the same examples on every run) by default, `nightly` with fresh randomness."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from typing import TYPE_CHECKING

# Before NumPy is loaded: where other work keeps the cores busy, two threads of BLAS wait for each other, and products of
# the sizes of these tests take ten times as long as with one.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import hypothesis
import pytest

if TYPE_CHECKING:
    from theorems.examination.findings import Finding

hypothesis.settings.register_profile("ci", derandomize=True, deadline=None, database=None)
hypothesis.settings.register_profile("nightly", derandomize=False, deadline=None, max_examples=2000, print_blob=True)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


@functools.cache
def _finding(name: str, point: str) -> Finding:
    from theorems import claim
    from theorems.examination.points import (
        examine,  # here, because the tests of `numerics` and of the kernel need no page
    )

    return examine(claim(name), point)


@pytest.fixture(scope="session")
def finding() -> Callable[[str, str], Finding]:
    """What the examination of a page finds at one point; asked for by several tests and examined once in a run."""
    return _finding
