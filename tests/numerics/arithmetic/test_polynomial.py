"""Polynomials: planted roots, and Bernstein coefficients as the second route to signs and maxima."""

import operator
import pickle
from fractions import Fraction
from itertools import pairwise
from math import comb

import pytest
from flint import fmpq, fmpq_poly
from hypothesis import example, given, settings
from hypothesis import strategies as st

from numerics.arithmetic.polynomial import Polynomial
from numerics.evidence.verdict import Rigour

relaxed = settings(deadline=None)
numbers = st.sampled_from([fmpq(k, d) for d in (1, 2, 3) for k in (0, 1, -1, 2, -2, 3, 5)])
polynomials = st.lists(numbers, max_size=6).map(Polynomial)
x = Polynomial([0, 1])


def bernstein(p, a, b):
    """The coefficients of p in the Bernstein basis of [a, b]: p lies between the smallest and the largest."""
    c = p.compose(Polynomial([a, b - a])).coefficients() or [fmpq(0)]
    n = len(c) - 1
    return [sum((c[j] * comb(i, j) / fmpq(comb(n, j)) for j in range(i + 1)), fmpq(0)) for i in range(n + 1)]


def bernstein_maximum(p, a, b, width):
    """An enclosure of the maximum by subdivision, with no derivative and no root."""
    lower, pieces = max(p(a), p(b)), [(a, b, max(bernstein(p, a, b)))]
    while max(bound for *_, bound in pieces) - lower > width:
        finer = []
        for s, t, bound in pieces:
            if bound - lower > width:
                m = (s + t) / 2
                lower = max(lower, p(m))
                finer += [(s, m, max(bernstein(p, s, m))), (m, t, max(bernstein(p, m, t)))]
        pieces = finer or [(a, b, lower)]
    return lower, max(lower + width, lower)


# Algebra.


@relaxed
@given(polynomials, polynomials, numbers)
def test_algebra_is_pointwise(p, q, t):
    assert (p + q)(t) == p(t) + q(t)
    assert (p - q)(t) == p(t) - q(t)
    assert (p * q)(t) == p(t) * q(t)
    assert (p**3)(t) == p(t) ** 3
    assert p.compose(q)(t) == p(q(t))
    assert (2 - p + 1)(t) == 3 - p(t)
    assert (Fraction(1, 2) * p / 3)(t) == p(t) / 6
    assert (-p + p).is_zero()
    assert (p * q).derivative() == p.derivative() * q + p * q.derivative()


@relaxed
@given(polynomials)
def test_repr_pickle_hash_and_interpolation_keep_the_polynomial(p):
    assert eval(repr(p)) == p
    assert pickle.loads(pickle.dumps(p)) == p
    assert hash(Polynomial(p.to_flint())) == hash(p)
    nodes = range(-1, p.degree + 1)
    assert Polynomial.interpolate(nodes, [p(t) for t in nodes]) == p
    assert p.degree == len(p.coefficients()) - 1


def test_smallest_polynomials():
    zero, one = Polynomial([]), Polynomial(1)
    assert zero == Polynomial([0, 0]) == Polynomial(fmpq_poly())
    assert zero.degree == -1
    assert one.degree == 0
    assert zero.maximum_on_unit_interval() == (0, 0)
    assert one.maximum_on_unit_interval() == (1, 1)
    assert one.isolate_real_roots() == []
    assert one.number_of_real_roots() == 0
    assert zero.is_nonnegative_on(0, 1).holds
    assert zero.is_positive_on(0, 1).fails
    assert one.is_positive_on(0, 0).holds
    assert Polynomial.interpolate([], []) == zero
    assert Polynomial.from_roots([]) == one
    assert zero.sign_changes() == 0


@pytest.mark.parametrize(
    ("action", "error", "text"),
    [
        (lambda: Polynomial([0.5]), TypeError, "must be rational numbers, found a float: use Fraction"),
        (lambda: Polynomial("12"), TypeError, "must be a list of rational numbers, found str"),
        (lambda: Polynomial([]).isolate_real_roots(), ValueError, "needs a polynomial other than zero"),
        (lambda: Polynomial([]).number_of_real_roots(0, 1), ValueError, "needs a polynomial other than zero"),
        (lambda: Polynomial([]).square_free_part(), ValueError, "needs a polynomial other than zero"),
        (lambda: x.is_nonnegative_on(1, 0), ValueError, r"`a` must be at most `b`, found the interval \[1, 0\]"),
        (lambda: x.number_of_real_roots(1, 0), ValueError, "`a` must be at most `b`"),
        (lambda: x.isolate_real_roots(1, 0), ValueError, "`a` must be at most `b`"),
        (lambda: x.isolate_real_roots(0, 1, width=0), ValueError, "`width` must be positive, found 0"),
        (lambda: x.maximum_on_unit_interval(-1), ValueError, "`width` must be positive, found -1"),
        (lambda: Polynomial.interpolate([1, 1], [0, 0]), ValueError, r"found 2 numbers \(1 different\) for 2 values"),
        (lambda: operator.truediv(x, x), TypeError, "unsupported operand"),
        (lambda: x**-1, ValueError, r"`k` must not be negative in p \*\* k, found -1"),
        (lambda: setattr(x, "degree", 2), AttributeError, "cannot be changed, found an assignment to `degree`"),
    ],
)
def test_misuse_is_named(action, error, text):
    with pytest.raises(error, match=text):
        action()


# Roots.


@st.composite
def planted_roots(draw):
    """A polynomial with known rational roots of any multiplicity, and factors that have no real root."""
    roots = draw(st.lists(numbers, max_size=5))
    p = Polynomial.from_roots(roots, draw(numbers.filter(bool)))
    return p * draw(st.sampled_from([Polynomial(1), x**2 + 1, (x**2 + x + 1) ** 2])), roots


@relaxed
@given(planted_roots(), numbers, numbers)
@example((x**2 * (x - 1) ** 2, [fmpq(0), fmpq(0), fmpq(1), fmpq(1)]), fmpq(0), fmpq(1))
def test_sturm_counts_planted_roots(planted, a, b):
    p, roots = planted
    a, b = min(a, b), max(a, b)
    distinct = sorted(set(roots))
    inside = [r for r in distinct if a <= r <= b]
    assert p.number_of_real_roots() == len(distinct)
    assert p.number_of_real_roots(a, b) == len(inside)
    assert p.number_of_real_roots(a=a) == sum(r >= a for r in distinct)
    assert p.number_of_real_roots(b=b) == sum(r <= b for r in distinct)
    assert p.isolate_real_roots() == [(r, r) for r in distinct]
    assert p.isolate_real_roots(a, b) == [(r, r) for r in inside]
    # Descartes: at least as many sign changes as positive roots with multiplicity, and the same parity.
    excess = p.sign_changes() - sum(r > 0 for r in roots)
    assert excess >= 0
    assert excess % 2 == 0


@relaxed
@given(st.lists(st.sampled_from([2, 3, 5, 6, 7, 8]), unique=True, max_size=3), st.lists(numbers, max_size=2))
def test_irrational_roots_are_isolated_apart_from_rational_ones(squares, roots):
    p = Polynomial.from_roots(roots)
    for s in squares:
        p = p * (x**2 - s)
    width = fmpq(1, 100)
    found = p.isolate_real_roots(width=width)
    assert len(found) == 2 * len(squares) + len(set(roots))
    assert all(left[1] < right[0] for left, right in pairwise(found))
    for l, h in found:
        assert h - l <= width
        assert p.number_of_real_roots(l, h) == 1
        if l == h:
            assert l in roots
        else:
            assert p.square_free_part()(l) * p.square_free_part()(h) < 0


def test_ends_of_the_interval_that_are_roots_count():
    p = x * (x - 1) * (x**2 - Fraction(1, 2))
    assert p.number_of_real_roots(0, 1) == 3
    assert [l == h for l, h in p.isolate_real_roots(0, 1)] == [True, False, True]
    assert p.number_of_real_roots(0, 0) == 1
    assert p.isolate_real_roots(0, 0) == [(0, 0)]
    assert p.number_of_real_roots(100) == p.number_of_real_roots(b=-100) == 0
    assert p.isolate_real_roots(100) == p.isolate_real_roots(b=-100) == []


def test_close_roots_are_told_apart():
    tiny = fmpq(1, 10**40)
    p = (x**2 - 2) * ((x - tiny) ** 2 - 2) * Polynomial.from_roots([tiny, 2 * tiny])
    found = p.isolate_real_roots()
    assert len(found) == 6
    assert all(left[1] < right[0] for left, right in pairwise(found))


# Signs and maxima.


@relaxed
@given(polynomials, numbers, numbers)
def test_a_failing_sign_names_a_point_and_a_holding_one_survives_bernstein(p, a, b):
    a, b = min(a, b), max(a, b)
    verdict = p.is_nonnegative_on(a, b)
    assert verdict.rigour is Rigour.EXACT
    assert not verdict.undecided
    if verdict.fails:
        point = fmpq(verdict.reason.split("value at ")[1].split(" is")[0])
        assert a <= point <= b
        assert p(point) < 0
    else:
        assert bernstein_maximum(-p, a, b, fmpq(1, 16))[0] <= 0
        assert (p + 1).is_positive_on(a, b).holds


@relaxed
@given(polynomials, numbers, numbers)
def test_the_maximum_agrees_with_bernstein_subdivision(p, a, b):
    a, b = min(a, b), max(a, b)
    width = fmpq(1, 1000)
    l, u = p.maximum_on(a, b, width)
    assert 0 <= u - l <= width
    l2, u2 = bernstein_maximum(p, a, b, width)
    assert l <= u2
    assert l2 <= u
    assert p.is_at_most(u, a, b).holds
    assert p.is_at_most(l - width, a, b).fails


@pytest.mark.parametrize(
    ("p", "maximum"),
    [
        (x * (1 - x), fmpq(1, 4)),
        (x**2 * (1 - x), fmpq(4, 27)),
        (-((x - Fraction(1, 3)) ** 2), fmpq(0)),
        (x, fmpq(1)),
        (-x, fmpq(0)),
        ((2 * x - 1) ** 4, fmpq(1)),
    ],
)
def test_maxima_at_rational_points_are_exact(p, maximum):
    assert p.maximum_on_unit_interval() == (maximum, maximum)
    assert p.is_at_most(maximum).holds
    verdict = p.is_at_most(maximum - fmpq(1, 10**50))
    assert verdict.fails
    assert verdict.rigour is Rigour.EXACT


@relaxed
@given(st.integers(1, 12), st.integers(0, 60))
def test_an_irrational_maximum_lies_between_its_bounds(c, bits):
    # c x - x^3 has on [0, 4] its maximum at sqrt(c/3), with the square 4 c^3 / 27 of its value.
    l, u = (c * x - x**3).maximum_on(0, 4, fmpq(1, 2**bits))
    assert l**2 <= fmpq(4 * c**3, 27) <= u**2
    assert u - l <= fmpq(1, 2**bits)
    assert (l == u) == (c in (3, 12))


def test_double_roots_at_the_ends_do_not_change_the_sign():
    p = x**2 * (1 - x) ** 2
    assert p.is_nonnegative_on(0, 1).holds
    assert p.is_positive_on(0, 1).fails
    assert p.is_positive_on(Fraction(1, 10), Fraction(9, 10)).holds
    assert (-p).is_nonnegative_on(0, 1).fails
    assert (-p).is_nonnegative_on(0, 0).holds
    assert "root at 0" in p.is_positive_on(0, 1).reason
    assert "root in [" in (2 - x**2).is_positive_on(0, 2).reason
    assert (-1 - x**2).is_positive_on(0, 2).fails


def test_a_dip_between_floats_is_seen():
    # Negative only between 1/3 - 1e-20 and 1/3 + 1e-20, where no float lies.
    p = (x - Fraction(1, 3)) ** 2 - Fraction(1, 10**40)
    assert p.is_nonnegative_on(0, 1).fails
    assert (p + Fraction(1, 10**40)).is_nonnegative_on(0, 1).holds


def test_values_beyond_floats_are_reported_as_infinite_slack():
    assert Polynomial(-(10**400)).is_nonnegative_on(0, 1).slack == float("-inf")
