"""What the points do not cover on the pages about poor minima of linear networks."""

from fractions import Fraction
from itertools import product

import pytest
from flint import fmpq

from numerics.arithmetic.exact import Matrix, identity, zeros
from numerics.evidence.certificate import DescentCertificate
from numerics.strategies import layer_products, stationary_points
from theorems import claim
from theorems.landscape.linear_networks import linear_networks_have_no_poor_minima as page
from theorems.proof import ProofError
from theorems.proof.crosscheck import modular_check

PAGE = claim("landscape.linear_networks_have_no_poor_minima")
WALK = claim("landscape.degenerate_local_minima_are_critical_for_the_product")
LEMMAS = (
    page.weighted_minimum,
    page.decayed_minimum,
)


@pytest.mark.parametrize("lemma", LEMMAS, ids=lambda f: f.__name__)
def test_lemmas_are_complete_and_hold_modulo_a_prime(lemma):
    derivation = lemma()
    assert derivation.gaps() == []
    assert modular_check(derivation) == []


def witness(name):
    without = PAGE.premise(name).without
    assert without is not None
    return without()


def test_the_trusted_base_is_what_the_docstrings_say():
    from theorems.proof.report import trusted_base

    proof, walk_proof = PAGE.proof(), WALK.proof()
    assert proof is not None and walk_proof is not None
    base = trusted_base(proof)
    assert [(a.grade, a.name) for a in base.axioms] == [
        ("F", "Moore-Penrose inverse"),
        ("F", "Rayleigh's principle"),
        ("O", "degenerate local minima are stationary"),
    ]
    walk = trusted_base(walk_proof)
    assert walk.axioms == ()
    for b in (base, walk):
        assert b.glue == () and b.unused_premises == ()


@pytest.mark.parametrize("exponent", [0, 3, 9, 30])
def test_the_walk_descends_at_every_scale(exponent):
    r"""Four zero layers: every step of the walk is needed, and the loss is flat to order seven."""
    layers, X, Y = (zeros(2, 2),) * 4, identity(2), Matrix([[2, 0], [0, 1]])
    radius = Fraction(1, 10**exponent)
    way = layer_products.escape(layers, X, Y, radius)
    assert way is not None

    def loss(point):
        return (Y - layer_products.through(point, X)[-1]).squared_norm()

    assert DescentCertificate(loss, layers, way.lower, radius).verify().holds
    assert all(V != W for V, W in zip(way.lower, layers, strict=True))


def test_the_walk_needs_a_rank_to_gain():
    assert (
        layer_products.escape((Matrix([[1, 0]]), Matrix([[1], [0]])), identity(2), Matrix([[0, 0], [0, 1]]), 1) is None
    )


@pytest.mark.parametrize("name", ["squared loss", "no weight decay", "linear"])
def test_nothing_near_a_trap_is_lower(name):
    """The proofs say so; a grid of exact neighbours at three scales agrees."""
    trap = witness(name)
    here = trap.loss(trap.layers)
    sizes = [(k, i, j) for k, W in enumerate(trap.layers) for i in range(W.rows) for j in range(W.cols)]
    for scale in (fmpq(1, 8), fmpq(1, 100), fmpq(1, 10**6)):
        for signs in product((-1, 0, 1), repeat=len(sizes)):
            layers = list(trap.layers)
            for (k, i, j), sign in zip(sizes, signs, strict=True):
                layers[k] = layers[k].copy_with({(i, j): layers[k][i, j] + sign * scale})
            assert trap.loss(tuple(layers)) >= here
    assert trap.loss(trap.better) < here
    show = PAGE.premise(name).show
    assert show is not None and str(here) in show(trap)


def test_a_trap_without_its_proof_is_undecided(monkeypatch):
    monkeypatch.setattr(page, "is_proved", lambda _: False)
    assert PAGE.check(witness("squared loss")).undecided


def test_a_wrong_constant_is_refused():
    """Weights 3 instead of 4 in the trap, a factor 2 too much in the drop of the tilt."""
    d = page.Derivation("weights 3")
    x, a, y, b = d.scalars("x a y b")
    near = d.given(page.at_least(a * b, Fraction(1, 4)))
    same = d.suppose(page.nonnegative(x * y))
    light = (x * y - 1) ** 2 + (2 * a * b - 1) ** 2 / 4 + 3 * (x * b) ** 2 + 3 * (a * y) ** 2
    with pytest.raises(ProofError, match="do not add up"):
        d.squares(
            page.at_least(light, 1),
            [x * y, a * b - Fraction(1, 2), (3, x * b - a * y), (6, same, near)],
        )


def test_planted_points_are_critical_and_reach_every_kind():
    kinds = set()
    for i in range(400):
        t = stationary_points.critical_point(7, i)
        assert all(G.is_zero() for G in layer_products.gradients(t.layers, t.X, t.residual))
        assert t.loss(t.layers) >= t.optimum
        kinds.add(PAGE.stratum(t).partition(",")[0])
    assert kinds == {"global", "rank can grow", "wrong channels"}
