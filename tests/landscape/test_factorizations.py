"""The planted SVDs that the pages on factorisations share, and their planted counterexamples seen from another side."""

from fractions import Fraction

from flint import fmpq
from hypothesis import given
from hypothesis import strategies as st

from numerics.arithmetic.exact import Matrix, diagonal, identity
from numerics.strategies import spectra
from numerics.strategies.factorizations import Target, gram, loss, targets
from theorems import claim
from theorems.landscape.factorization.optimal_factorizations_are_one_orbit import Rival

SVD = claim("landscape.svd_factorization_is_optimal")
ORBIT = claim("landscape.optimal_factorizations_are_one_orbit")
NUCLEAR = claim("landscape.nuclear_norm_is_the_least_factor_norm")


@given(st.integers(1, 4).flatmap(spectra))
def test_gram_is_a_rational_square_root_of_a_diagonal_matrix(values):
    numbers = [fmpq(x.numerator, x.denominator) for x in values]
    G = gram(numbers)
    assert G @ G.T == diagonal(numbers)


@given(targets(st.integers(1, 5)))
def test_the_letters_are_an_svd_cut_after_p_terms(target):
    x = target.letters(target.next)
    L, C, R, E, G, H, s = (x[name] for name in ("L", "C", "R", "E", "G", "H", "s"))
    assert target.Y == L @ C @ C @ R.T + E
    assert L.T @ L @ C == C and R.T @ R @ C == C
    assert (L.T @ E).is_zero() and (E @ R).is_zero()
    assert C @ C == identity(target.width) * s + G @ G.T
    assert identity(E.rows) * (s * s) == E @ E.T + H @ H.T
    U, V = target.best()
    assert E.squared_norm() == target.tail == loss(U, V, target.Y)


def test_the_proofs_rest_on_the_pseudo_inverse_alone_or_on_nothing():
    from theorems.proof.report import trusted_base

    for page, names in ((SVD, ["Moore-Penrose inverse"]), (ORBIT, ["Moore-Penrose inverse"]), (NUCLEAR, [])):
        derivation = page.proof()
        assert derivation is not None and derivation.gaps() == []
        base = trusted_base(derivation)
        assert [a.name for a in base.axioms] == names
        assert not base.glue and not base.unused_premises and not base.lemmas


def test_a_rank_deficient_target_has_minimisers_outside_the_orbit():
    """Both singular values at the cut are 0: (1, 0) and (0, 0) have the product 0 and different ranks."""
    target = Target((Fraction(0),), identity(1), identity(1), 1)
    rival = Rival(target, Matrix([[1]]), Matrix([[0]]), identity(1))
    assert rival.is_optimal() and not rival.is_in_orbit()
    assert ORBIT.check(rival).fails


def test_the_orbit_of_a_degenerate_pair_needs_equal_ranks_only():
    """Y = diag(1, 0) and p = 2: the idle column may hold anything on one side, and T completes it."""
    target = Target((Fraction(1), Fraction(0)), identity(2), identity(2), 2)
    A, B = Matrix([[1, 1], [0, 0]]), Matrix([[1, 0], [0, 0]])
    T = Matrix([[1, 1], [0, 1]])
    U, V = target.best()
    assert U @ T == A and T.inverse() @ V == B
    assert Rival(target, A, B, T).is_in_orbit()


def test_the_figures_draw_on_the_given_axes():
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    for page in (SVD, NUCLEAR):
        figure, ax = plt.subplots()
        assert page.figure is not None and page.figure(ax) is ax
        assert ax.get_xlabel() and ax.get_legend() is not None
        plt.close(figure)
