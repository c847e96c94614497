r"""The cited argument about ranks, on planted critical points, of which it is known whether they are global minima."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from numerics.strategies.stationary_points import Point, critical_point
from theorems.cited.linear_networks import LOCAL_MINIMUM, full_rank
from theorems.landscape.linear_networks.linear_networks_have_no_poor_minima import around_narrowest
from theorems.proof import Statement
from theorems.proof.crosscheck import Model


def points() -> Iterator[Point]:
    for i in range(400):
        t = critical_point(11, i)
        if len(t.layers) > 1:
            yield t


def refuted(statement: Statement, is_local_minimum) -> tuple[int, int]:
    """How many points satisfy the premises, and at how many of them a conclusion is false for every choice of the inverses.

    A left inverse of $U H$ and a right inverse of $Z W X$ exist exactly when the pseudo-inverses are some.
    """
    satisfied = false = 0
    for t in points():
        U, H, Z, W = around_narrowest(t.layers)
        values = {"U": U, "H": H, "Z": Z, "W": W, "X": t.X, "Y": t.Y, "R": t.residual}
        values |= {"B^-": (U @ H).pseudo_inverse(), "C^-": (Z @ W @ t.X).pseudo_inverse()}
        model, predicates = Model({}), {LOCAL_MINIMUM: lambda *_, t=t: is_local_minimum(t)}
        for x in (*statement.letters, *statement.new):
            model.learn(x, values[x.name])
        if all(model.says(r, predicates) for r in statement.premises):
            satisfied += 1
            false += not all(model.says(r, predicates) for r in statement.conclusions)
    return satisfied, false


def test_global_minima_have_full_rank_or_a_stationary_product() -> None:
    satisfied, false = refuted(full_rank().statement, lambda t: t.is_global)
    assert satisfied > 30 and false == 0


def test_critical_points_do_not() -> None:
    assert refuted(full_rank().statement, lambda t: True)[1] > 0


@pytest.mark.parametrize("k", [0, 2])
def test_no_premise_can_be_left_out(k: int) -> None:
    premises = full_rank().statement.premises
    weaker = replace(full_rank().statement, premises=premises[:k] + premises[k + 1 :])
    assert refuted(weaker, lambda t: t.is_global)[1] > 0
