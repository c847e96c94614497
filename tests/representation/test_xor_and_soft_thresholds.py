"""What the ten points do not cover on the pages about representation."""

from __future__ import annotations

import importlib
import itertools
from fractions import Fraction

import pytest

from theorems import Claim
from theorems.proof import ProofError

perceptron = importlib.import_module("theorems.representation.perceptrons.a_perceptron_cannot_compute_xor")
hidden = importlib.import_module("theorems.representation.perceptrons.two_hidden_units_compute_xor")
shrinking = importlib.import_module(
    "theorems.representation.sparse_coding.soft_thresholding_and_relu_are_proximal_maps"
)


def draw(page: Claim, count: int = 60) -> list:
    from theorems.examination.draws import draw

    return draw(page.instances(), count, 7)


# A perceptron cannot compute XOR.


def test_in_up_to_three_bits_a_parallelogram_is_the_only_obstruction():
    tables = [t for n in (1, 2, 3) for t in itertools.product((0, 1), repeat=2**n)]
    assert all(perceptron.check(perceptron.BooleanFunction(t)).holds for t in tables)
    assert [len(perceptron.threshold_functions(n)) for n in (1, 2, 3)] == [4, 14, 104]
    missing = set(itertools.product((0, 1), repeat=4)) - perceptron.threshold_functions(2)
    assert missing == {(0, 1, 1, 0), (1, 0, 0, 1)}


@pytest.mark.parametrize(
    ("rows", "feasible"),
    [
        ([((1, -1), False), ((-1, 1), False)], True),  # x >= 1 and x <= 1
        ([((1, -1), True), ((-1, 1), False)], False),  # x > 1 and x <= 1
        ([((1, 1, 0), True), ((-1, -1, 0), False)], False),  # x + y > 0 and x + y <= 0
        ([((1, 1, -1), True), ((1, -1, 0), True), ((-1, 0, 2), True)], True),
        ([((0, -1), False)], False),  # -1 >= 0
        ([], True),
    ],
)
def test_elimination_decides_and_solves(rows, feasible):
    exact = [(tuple(map(Fraction, r)), strict) for r, strict in rows]
    unknowns = len(rows[0][0]) - 1 if rows else 2
    found = perceptron.solve(exact, unknowns)
    assert (found is not None) == feasible
    if found is not None:
        values = [sum(p * q for p, q in zip(r, [*found, 1], strict=True)) for r, _ in exact]
        assert len(found) == unknowns
        assert all(v > 0 or (v == 0 and not strict) for v, (_, strict) in zip(values, exact, strict=True))


@pytest.mark.parametrize("broken", [lambda w, beta, x: w.inner(x), lambda w, beta, x: beta - 3 * w.inner(x)])
def test_every_affine_unit_obeys_the_theorem(monkeypatch, broken):
    monkeypatch.setattr(perceptron, "unit", broken)
    assert perceptron.proof().gaps() == []


def test_a_unit_that_is_not_affine_is_noticed_by_proof_and_check(monkeypatch):
    monkeypatch.setattr(perceptron, "unit", lambda w, beta, x: w.inner(x) * x.inner(x) + beta)
    with pytest.raises(ProofError):
        perceptron.proof()
    assert any(perceptron.check(i).fails for i in draw(perceptron.claim))


def test_wrong_sides_are_noticed_by_proof_and_check(monkeypatch):
    monkeypatch.setattr(perceptron, "SIGNS", (-1, -1, 1, 1))
    with pytest.raises(ProofError):
        perceptron.proof()
    assert perceptron.separator(perceptron.square(), (-1, -1, 1, 1)) is not None


# Two hidden units compute XOR.


@pytest.mark.parametrize(
    ("name", "broken"),
    [
        ("by_ramps", lambda r_1, r_2: r_1 - r_2),
        ("by_thresholds", lambda h_1, h_2: h_1 + h_2 - Fraction(1, 2)),
        ("form", lambda w_1, w_2, beta, x, y: w_1 * x + w_2 * y + beta - 2 * w_1 * x * y),
    ],
)
def test_a_wrong_network_is_noticed_by_proof_and_check(monkeypatch, name, broken):
    monkeypatch.setattr(hidden, name, broken)
    with pytest.raises(ProofError):
        hidden.proof()
    assert any(hidden.check(t).fails for t in draw(hidden.claim))


def test_a_unit_that_is_not_monotone_breaks_the_cut_and_not_only_one_threshold():
    bump = hidden.unit(1, 1, -1, "bump")
    assert hidden.one_unit(bump).fails
    assert hidden.sides(bump).fails
    assert hidden.any_activation(bump).holds  # the form itself is as affine as ever


# Soft thresholding and ReLU.


def test_the_pieces_find_both_minimisers_of_a_tie():
    assert shrinking.minimisers(Fraction(0), Fraction(-1)) == {1, -1}
    assert shrinking.minimisers(Fraction(3), Fraction(1)) == {2}
    assert shrinking.minimisers(Fraction(-3), Fraction(1)) == {-2}
    assert shrinking.minimisers(Fraction(1), Fraction(1)) == {0}


@pytest.mark.parametrize(
    ("name", "broken"),
    [
        ("penalised", lambda g, z, weight, size: (g - z) ** 2 + weight * size),
        ("penalised", lambda g, z, weight, size: Fraction(1, 2) * (g - z) ** 2 - weight * size),
        ("firmness", lambda s, t, z, y: (s - t) * (z - y) - 2 * (s - t) ** 2),
    ],
)
def test_a_wrong_objective_is_noticed_by_proof_and_check(monkeypatch, name, broken):
    monkeypatch.setattr(shrinking, name, broken)
    with pytest.raises(ProofError):
        shrinking.proof()
    assert any(shrinking.check(t).fails for t in draw(shrinking.claim))


@pytest.mark.parametrize("broken", [lambda z, b: shrinking.ramp(abs(z) - b), lambda z, b: z - b])
def test_a_wrong_threshold_is_noticed_by_the_check(monkeypatch, broken):
    monkeypatch.setattr(shrinking, "soft", broken)
    assert any(shrinking.soft_is_proximal(t).fails for t in draw(shrinking.claim))


@pytest.mark.parametrize("page", [perceptron.claim, shrinking.claim], ids=repr)
def test_figures_are_drawn_on_the_given_axes(page):
    from matplotlib.figure import Figure

    ax = Figure().subplots()
    assert page.figure(ax) is ax
    legend = ax.get_legend()
    assert legend is not None
    assert len(legend.get_texts()) >= 2
