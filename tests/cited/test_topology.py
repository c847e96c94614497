r"""The cited facts of topology on the real line, cut into finitely many cells, where everything is decided by looking.

The line is cut at the points $1, \dots, n$ into $2n + 1$ cells: points (odd numbers) and the open intervals between them (even
numbers). $E$ is constant on cells and $S$ is a union of cells; a union of cells is open if it contains with each point the two
intervals beside it, closed if with each interval its ends, and bounded if it contains neither end of the line.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace

import pytest

from numerics.arithmetic.exact import Matrix, column
from theorems.cited.topology import COMPACT_SETS, CONNECTED_SETS, clopen, inside, isolated
from theorems.proof import Statement, letter, letters
from theorems.proof.crosscheck import Model

Cells = frozenset[int]


def described(theta: Matrix) -> tuple[list[int], Cells]:
    """The values of E on the cells, and S."""
    numbers = [int(x.p) for x in theta.entries()]
    half = len(numbers) // 2
    return numbers[:half], frozenset(k for k, s in enumerate(numbers[half:]) if s)


def beside(k: int, count: int) -> Cells:
    return frozenset(j for j in (k - 1, k + 1) if 0 <= j < count)


def is_interval(cells: Cells) -> bool:
    """The connected sets of the line are its intervals: no cell is missing between two."""
    return not cells or len(cells) == max(cells) - min(cells) + 1


def is_open_within(S: Cells, L: Cells, count: int) -> bool:
    """Each point of S has the intervals beside it in S, as far as they are in L."""
    return S <= L and all(beside(k, count) & L <= S for k in S if k % 2)


def is_compact(S: Cells, count: int) -> bool:
    return all(0 < k < count - 1 and (k % 2 or beside(k, count) <= S) for k in S)


def sublevel(E: list[int], c: int) -> Cells:
    return frozenset(k for k, value in enumerate(E) if value <= c)


def is_clopen(theta: Matrix, c) -> bool:
    E, S = described(theta)
    L = sublevel(E, c)
    return is_open_within(S, L, len(E)) and is_open_within(L - S, L, len(E))


def is_isolated(theta: Matrix, c) -> bool:
    E, S = described(theta)
    near = S | {k for k, value in enumerate(E) if value > c}  # the largest candidate for O
    return all(E[k] == c for k in S) and all(beside(k, len(E)) <= near for k in S if k % 2)


def cell(x) -> int:
    return int((x[0, 0] if isinstance(x, Matrix) else x).p)


PREDICATES = {
    "the sublevel set is connected": lambda theta, c: is_interval(sublevel(described(theta)[0], c)),
    "lies in S": lambda theta, x: cell(x) in described(theta)[1],
    "has the value": lambda theta, x, e: described(theta)[0][cell(x)] == e,
    "S is open and closed in the sublevel set": is_clopen,
    "S is compact": lambda theta: is_compact(described(theta)[1], len(described(theta)[0])),
    "E = c on S, and E > c on O without S for an open O around S": is_isolated,
}


def lines(points: int, values: int) -> Iterator[Matrix]:
    """All E with these values and all S."""
    count = 2 * points + 1
    for E in itertools.product(range(values), repeat=count):
        for S in itertools.product((0, 1), repeat=count):
            yield column([*E, *S])


def models(statement: Statement) -> Iterator[Model]:
    """Every value of every letter of the statement, on the cells that it can afford."""
    names = [x.name for x in statement.letters]
    points = 1 if "x" in names else 2
    choices = {"theta": lines(points, 3 if points == 1 else 2), "c": range(2), "e": range(3)}
    cells = [column([k]) for k in range(2 * points + 1)]
    for values in itertools.product(*(choices.get(name, cells) for name in names)):
        yield Model(dict(zip(names, values, strict=True)))


def judged(statement: Statement) -> tuple[int, Model | None]:
    """How many models satisfy the premises, and the first of them that refutes a conclusion."""
    count = 0
    for model in models(statement):
        if all(model.says(r, PREDICATES) for r in statement.premises):
            count += 1
            if not all(model.says(r, PREDICATES) for r in statement.conclusions):
                return count, model
    return count, None


@pytest.mark.parametrize("axiom", [CONNECTED_SETS, COMPACT_SETS], ids=lambda a: a.name)
def test_the_axiom_holds_on_every_line(axiom) -> None:
    count, refuted = judged(axiom.statement)
    assert refuted is None and count > 100


@pytest.mark.parametrize(
    ("axiom", "k"), [(a, k) for a in (CONNECTED_SETS, COMPACT_SETS) for k in range(len(a.statement.premises))]
)
def test_no_premise_can_be_left_out(axiom, k: int) -> None:
    premises = axiom.statement.premises
    assert judged(replace(axiom.statement, premises=premises[:k] + premises[k + 1 :]))[1] is not None


def test_wrong_conclusions_are_refuted() -> None:
    theta, c, x = (letter(y) for y in (letters("theta: k 1"), letters("c: 1 1"), letters("x: d 1")))
    wrong = [
        replace(CONNECTED_SETS.statement, conclusions=(isolated(theta, c).negation,)),
        replace(CONNECTED_SETS.statement, conclusions=(inside(theta, x).negation,)),
        replace(COMPACT_SETS.statement, conclusions=(isolated(theta, c),)),
        replace(COMPACT_SETS.statement, premises=(clopen(theta, c),)),
    ]
    assert all(judged(statement)[1] is not None for statement in wrong)
