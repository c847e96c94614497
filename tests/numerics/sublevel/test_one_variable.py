"""Sublevel sets of polynomials of one variable."""

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from numerics.arithmetic.polynomial import Polynomial
from numerics.strategies import rationals
from numerics.sublevel.cells.one_variable import components, is_strict_minimum, last_root

WELLS = Polynomial([-1, 0, 1]) ** 2  # (x^2 - 1)^2


def test_two_wells_merge_at_the_hill():
    assert components(WELLS, -1) == []
    assert components(WELLS, 0) == [(0, 0), (1, 1)]
    assert components(WELLS, Fraction(1, 2)) == [(0, 1), (2, 3)]
    assert components(WELLS, 1) == [(0, 2)]
    assert components(WELLS, 2) == [(0, 1)]


def test_points_lie_in_components():
    assert last_root(WELLS, Fraction(1, 2), -1) == 0
    assert last_root(WELLS, Fraction(1, 2), 1) == 2
    assert last_root(WELLS, Fraction(1, 2), -5) == -1


def test_strict_minima():
    assert is_strict_minimum(WELLS, 1) and not is_strict_minimum(WELLS, 0)
    assert is_strict_minimum(Polynomial([0, 0, 0, 0, 1]), 0)
    assert not is_strict_minimum(Polynomial([0, 0, 0, 1]), 0)
    assert not is_strict_minimum(Polynomial([3]), 0)


@pytest.mark.parametrize("E", [Polynomial([0, 1]), Polynomial([0, 0, -1]), Polynomial([1]), Polynomial([0, 0, 0, 1])])
def test_a_polynomial_that_does_not_rise_on_both_sides_is_refused(E):
    with pytest.raises(ValueError, match="`E` must tend to infinity on both sides"):
        components(E, 0)


@given(st.lists(rationals(), min_size=1, max_size=3), rationals())
@settings(max_examples=80, deadline=None)
def test_components_are_as_many_as_runs_of_a_fine_count(roots, u):
    """With E = prod (x - r)^2 and u >= 0: count the runs between the roots of E - u by their signs at midpoints."""
    E, level = Polynomial.from_roots([*roots, *roots]), abs(u)
    found = components(E, level)
    assert found[0][0] == 0 and found[-1][1] == (E - level).number_of_real_roots() - 1
    assert all(i <= j for i, j in found) and all(a[1] + 1 == b[0] for a, b in pairwise(found))
    inhabited = {last_root(E, level, r) for r in roots}
    assert all(any(i <= k <= j for k in inhabited) for i, j in found), "each component has a root of E"
