"""What the ten points do not cover on the two pages about strict saddles of linear networks."""

from __future__ import annotations

import importlib
import random

import pytest

from numerics.arithmetic.exact import Matrix, zeros
from theorems.proof import ProofError

shared = importlib.import_module("numerics.strategies.critical_points")
two = importlib.import_module(
    "theorems.landscape.linear_networks.two_layer_critical_points_are_global_or_strict_saddles"
)
deep = importlib.import_module(
    "theorems.landscape.linear_networks.deep_critical_points_with_full_rank_middle_are_global_or_strict_saddles"
)


@pytest.mark.parametrize(("s", "sigma"), [(1, 2), (1, 3), (2, 3), (1, 1), (3, 2)])
def test_exchanging_a_kept_singular_value_bends_by_two_minus_twice_the_ratio(s, sigma):
    assert two.rotation(two.exchange(s, sigma)) == 2 - 2 * Matrix([[sigma]])[0, 0] / s


def test_the_hessian_at_the_origin_has_plus_and_minus_two_singular_values():
    # Y = diag(3, 2), p = 1: eigenvalues +-2 * 3, +-2 * 2, so that the characteristic polynomial is known.
    point = two.CriticalPoint((zeros(1, 2), zeros(2, 1)), Matrix([[1, 0], [0, 1]]), Matrix([[3, 0], [0, 2]]), ())
    H = two.hessian(point, two.places(point))
    assert H.inertia() == (2, 2, 0)
    assert (H @ H).trace() == 2 * (36 + 16) and H.det() == 36 * 16


@pytest.mark.parametrize(
    "broken",
    [
        lambda f: lambda U, V, X, Y, D, C: f(U, V, X, Y, D, C) - 8 * two.error((V, U), X, Y).inner(D @ C @ X),  # a sign
        lambda f: lambda U, V, X, Y, D, C: f(U, V, X, Y, D, C) / 2,
        lambda f: lambda U, V, X, Y, D, C: 2 * ((D @ V + U @ C) @ X).squared_norm(),  # Gauss-Newton
    ],
)
def test_a_wrong_second_derivative_is_refused(monkeypatch, broken):
    monkeypatch.setattr(two, "curvature", broken(two.curvature))
    with pytest.raises(ProofError):
        two.proof()


def test_a_wrong_error_is_noticed_by_proof_and_check(monkeypatch):
    instances = [two.planted(two.Sizes(2, 2, (1,), 2, seed), 0) for seed in range(20)]
    assert all(two.check(t).holds for t in instances)

    def wrong(layers, X, Y):
        for W in layers:
            X = W @ X
        return X + Y

    monkeypatch.setattr(two, "error", wrong)  # written once, in the room that both pages share
    monkeypatch.setattr(shared, "error", wrong)
    assert any(two.check(t).fails for t in instances)
    with pytest.raises(ProofError):
        two.proof()


def test_a_negative_direction_is_found_whenever_there_is_one():
    draw = random.Random(1)
    for _ in range(200):
        n = draw.randint(1, 4)
        A = Matrix([[draw.randint(-2, 2) for _ in range(n)] for _ in range(n)])
        S = A + A.T
        if S.inertia()[1]:
            v = deep.negative_direction(S)
            assert v.inner(S @ v) < 0
        else:
            with pytest.raises(KeyError):
                deep.negative_direction(S)


def test_the_figure_shows_flat_saddles_for_three_layers_only():
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    from matplotlib.figure import Figure

    ax = two.claim.figure(Figure().subplots())
    shallow, threefold = ([y for x, y in zip(*line.get_data(), strict=True) if x > 0] for line in ax.get_lines())
    assert max(shallow) < -0.5
    assert max(threefold) > -1e-9
