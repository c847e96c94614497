"""Elementary lemmas: complete, right modulo a prime, and sharp where vectors are parallel."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given

from numerics.arithmetic.exact import Matrix
from numerics.strategies import matrices, sizes
from theorems.proof import Derivation, ProofError, at_most, lemmas, nonnegative
from theorems.proof.crosscheck import Model, modular_check

ALL: tuple[Callable[[], Derivation], ...] = (
    lemmas.nonzero_by_inner_product,
    lemmas.small_number,
    lemmas.no_descent_no_gap,
    lemmas.cauchy_schwarz,
    lemmas.triangle_inequality,
)


@pytest.mark.parametrize("lemma", ALL, ids=lambda f: f.__name__)
def test_the_lemma_is_proved_and_can_be_used(lemma: Callable[[], Derivation]) -> None:
    d = lemma()
    assert not d.gaps() and not modular_check(d) and not d.axioms and not d.glue_sentences
    assert d.statement().conclusions


@given(matrices(3, 1), sizes(0, 5))
def test_parallel_vectors_attain_cauchy_schwarz(X: Matrix, k: int) -> None:
    d = lemmas.cauchy_schwarz()
    model = Model({"X": X, "Y": k * X})
    d.complete_model(model)
    (relation,) = d.statement().conclusions
    assert model.evaluate(relation.expr) == 0


def test_too_much_is_refused() -> None:
    d = Derivation()
    X, Y = d.matrices("X: n 1", "Y: n 1")
    with pytest.raises(ProofError, match="do not add up"):
        d.squares(at_most(2 * (X.T @ Y) ** 2, X.squared_norm() * Y.squared_norm()), [X @ Y.T - Y @ X.T])
    with pytest.raises(ProofError, match="do not add up"):
        d.squares(nonnegative(X.squared_norm() + Y.squared_norm() + 3 * X.inner(Y)), [X + Y])
