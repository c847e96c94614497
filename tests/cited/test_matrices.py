r"""The cited facts about matrices on planted instances, whose eigenvalues and ranks are known exactly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from numerics.arithmetic.exact import Matrix, identity, rational, zeros
from numerics.strategies import Planted, data_matrices, matrices, symmetric_matrices
from theorems.cited.matrices import moore_penrose, rayleigh
from theorems.proof import Relation, Statement, at_least, equal, letter, nonnegative
from theorems.proof import identity as unit
from theorems.proof.crosscheck import Model


def satisfied(statement: Statement, conclusions: Sequence[Relation], values: dict[str, Any]) -> bool:
    model = Model({})
    for x in (*statement.letters, *statement.new):
        model.learn(x, values[x.name])
    assert all(model.says(r, {}) for r in statement.premises)
    return all(model.says(r, {}) for r in conclusions)


@given(data_matrices(st.integers(1, 3), st.integers(1, 3)))
def test_the_pseudo_inverse_has_the_four_laws(A: Matrix) -> None:
    statement = moore_penrose().statement
    assert satisfied(statement, statement.conclusions, {"A": A, "P": A.pseudo_inverse()})


@given(matrices(2, 3), matrices(3, 2))
def test_each_law_of_the_pseudo_inverse_says_something(A: Matrix, P: Matrix) -> None:
    """Another matrix breaks one of them: the pseudo-inverse is unique."""
    statement = moore_penrose().statement
    assert satisfied(statement, statement.conclusions, {"A": A, "P": P}) == (A.pseudo_inverse() == P)


@given(matrices(3, 2))
def test_a_right_inverse_is_too_much(P: Matrix) -> None:
    statement = moore_penrose().statement
    a, p = (letter(x) for x in (*statement.letters, *statement.new))
    assert not satisfied(statement, [equal(a @ p, unit("m"))], {"A": zeros(2, 3), "P": P})


def eigenpairs(S: Planted) -> list[tuple[Any, Matrix]]:
    return [(rational(x), S.left[:, [i]]) for i, x in enumerate(S.spectrum)]


def holds_for_some_eigenpair(statement: Statement, S: Planted, B: Matrix) -> bool:
    pairs = [{"S": S.matrix, "B": B, "lambda": value, "v": v} for value, v in eigenpairs(S)]
    return any(satisfied(statement, statement.conclusions, values) for values in pairs)


@given(st.data(), symmetric_matrices(st.integers(1, 3)))
def test_the_largest_eigenvalue_bounds_the_quotient(data, S: Planted) -> None:
    B = data.draw(matrices(S.matrix.rows, 2))
    statement = rayleigh().statement
    value, v = eigenpairs(S)[0]
    assert satisfied(statement, statement.conclusions, {"S": S.matrix, "B": B, "lambda": value, "v": v})


def test_wrong_constants_are_refuted() -> None:
    """At S = I and S = -I, B = I, with the only eigenvalue that there is."""
    statement = rayleigh().statement
    s, b = (letter(x) for x in statement.letters)
    value, _ = (letter(x) for x in statement.new)
    plus, minus = (Planted(c * identity(2), (c, c), identity(2), identity(2)) for c in (1, -1))  # pyright: ignore
    assert all(holds_for_some_eigenpair(statement, S, identity(2)) for S in (plus, minus))
    half = replace(
        statement, conclusions=(*statement.conclusions[:2], at_least(value * b.squared_norm(), 2 * b.inner(s @ b)))
    )
    assert not holds_for_some_eigenpair(half, plus, identity(2))
    positive = replace(statement, conclusions=(*statement.conclusions, nonnegative(value)))
    assert not holds_for_some_eigenpair(positive, minus, identity(2))
