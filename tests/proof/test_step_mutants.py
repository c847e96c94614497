"""Every step of every page, with a sign, factor, exponent or transposition changed, is rejected.

The stored certificate of a step proves the step's relation and no other. Each mutant is judged twice, by the normal form
and by the modular evaluation, which share no code: they must both refuse it.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from theorems import claim, names
from theorems.proof import Expr, Fact, number
from theorems.proof.crosscheck import certificate_holds
from theorems.proof.kernel.facts import identity_holds
from theorems.proof.kernel.words import ShapeError

MUTANTS_OF_A_STEP = 4


def mutations(e: Expr) -> Iterator[Expr]:
    """The expression with one change somewhere in the way it was written."""
    op, *args = e.made or ("normal form",)
    if op == "+":
        yield args[0] - args[1]
        yield from (m + args[1] for m in mutations(args[0]))
        yield from (args[0] + m for m in mutations(args[1]))
    elif op == "-":
        yield args[0]
        yield from (-m for m in mutations(args[0]))
    elif op == "number":
        yield number(2 * args[0] + 1)
    elif op == "*":
        yield 2 * e
        yield from (m * args[1] for m in mutations(args[0]))
        yield from (args[0] * m for m in mutations(args[1]))
    elif op == "@":
        yield from (m @ args[1] for m in mutations(args[0]) if m.cols == args[1].rows)
        yield from (args[0] @ m for m in mutations(args[1]) if m.rows == args[0].cols)
        if e.rows == e.cols:
            yield e.T
    elif op == "^":
        yield args[0] ** (args[1] + 1)
    elif op == "T":
        if e.rows == e.cols:
            yield args[0]
        yield from (m.T for m in mutations(args[0]))
    elif op == "trace":
        yield from (m.trace() for m in mutations(args[0]) if m.rows == m.cols)
    elif op == "norm":
        yield 2 * e
        yield from (m.squared_norm() for m in mutations(args[0]))
    elif op == "inner":
        yield -e
    else:
        yield 2 * e


def certificate(fact: Fact) -> tuple[Expr, list[Expr]]:
    """(the squares of a step, the facts that its cofactors refer to)."""
    total = number(0)
    for s in fact.payload.get("squares", ()):
        total = total + s.value()
    return total, [p.expr for p in fact.parents]


@pytest.mark.parametrize("name", names())
def test_changed_steps_are_rejected(name: str) -> None:
    derivation = claim(name).proof()
    if derivation is None:
        pytest.skip("the page has no derivation")
    rng = random.Random(name)
    judged = 0
    for fact in derivation.facts:
        if fact.step not in ("algebra", "squares"):
            continue
        squares, parents = certificate(fact)
        assert identity_holds(
            fact.expr - squares if fact.step == "squares" else fact.expr, parents, fact.payload["cofactors"]
        )
        changed = []
        try:
            changed = [m for m in mutations(fact.expr) if m.shape == fact.expr.shape and m != fact.expr]
        except ShapeError:
            pytest.fail(f"step ({fact.number}) has an ill-formed mutant")
        for mutant in rng.sample(changed, min(MUTANTS_OF_A_STEP, len(changed))):
            rest = mutant - squares if fact.step == "squares" else mutant
            assert not identity_holds(rest, parents, fact.payload["cofactors"]), (fact, mutant)
            assert not certificate_holds(mutant, fact, random.Random(fact.number)), (fact, mutant)
            judged += 1
    assert judged or not any(f.step in ("algebra", "squares") for f in derivation.facts)
