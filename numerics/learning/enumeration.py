r"""Suprema of finite classes on a sample, by enumeration of all signs."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

from flint import fmpq

from numerics.arithmetic.exact import Matrix


def signs(n: int) -> itertools.product[tuple[int, ...]]:
    return itertools.product((1, -1), repeat=n)


def expected_supremum(columns: Any, n: int) -> fmpq:
    r"""$E \max \sum_i \varepsilon_i f(x_i)$ over columns of n values, exactly."""
    total = fmpq(0)
    for e in signs(n):
        total += max(sum((x if s > 0 else -x for s, x in zip(e, f, strict=True)), fmpq(0)) for f in columns)
    return total / 2**n


def greatest_supremum(O: Matrix, outputs: int, sample: Sequence[int]) -> fmpq:
    """The largest expected supremum among the outputs; O has the outputs at a point below each other."""
    return max(
        expected_supremum([[O[i * outputs + c, j] for i in sample] for j in range(O.cols)], len(sample))
        for c in range(outputs)
    )


def sample_of(u: Matrix, k: int, n: int) -> tuple[int, ...]:
    return next(s for i, s in enumerate(itertools.product(range(k), repeat=n)) if u[i, 0] == 1)
