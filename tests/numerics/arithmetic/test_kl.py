"""The inverse of the binary relative entropy and the binomial limit against other routes: mpmath, exact sums, SciPy."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import mpmath
import pytest
from flint import arb, ctx, fmpq
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from numerics.arithmetic.binomial import binomial_tail, binomial_upper_limit
from numerics.arithmetic.kl import kl_inverse, kl_inverse_upper, relative_entropy
from numerics.arithmetic.monotone import crossing
from numerics.evidence.errors import InputError

chances = st.fractions(min_value=0, max_value=1, max_denominator=1000)
inside = chances.filter(lambda q: 0 < q < 1)
levels = st.sampled_from(
    [Fraction(1, 10**12), Fraction(1, 1000), Fraction(1, 20), Fraction(1, 3), Fraction(2), Fraction(50)]
)


def entropy(q: Fraction, p: Any) -> Any:
    """kl(q||p) in mpmath at 60 digits."""
    a = mpmath.mpf(q.numerator) / q.denominator
    first = a * mpmath.log(a / p) if q else mpmath.mpf(0)
    return first + ((1 - a) * mpmath.log((1 - a) / (1 - p)) if q < 1 else 0)


def exact(x: arb) -> Any:
    m, e = x.man_exp()
    return mpmath.ldexp(mpmath.mpf(int(m)), int(e))


@given(chances, levels, st.sampled_from([53, 200]))
@settings(max_examples=80, deadline=None)
def test_the_inverse_lies_where_the_entropy_crosses_the_level(q: Fraction, c: Fraction, bits: int) -> None:
    with ctx.workprec(bits):
        found = kl_inverse(q, c)
        low, high = found.lower(), found.upper()
    assert high - low <= arb(2) ** (4 - bits) * high
    with mpmath.workdps(120):
        level = mpmath.mpf(c.numerator) / c.denominator
        assert low <= 1 and (exact(low) * q.denominator <= q.numerator or entropy(q, exact(low)) <= level)
        assert exact(high) >= 1 or entropy(q, exact(high)) >= level


@given(inside, levels)
@settings(max_examples=100, deadline=None)
def test_the_float_is_above_by_at_most_one_ulp(q: Fraction, c: Fraction) -> None:
    upper = kl_inverse_upper(q, c)
    with mpmath.workdps(60):
        level = mpmath.mpf(c.numerator) / c.denominator
        assert upper == 1.0 or entropy(q, mpmath.mpf(upper)) >= level
        below = math.nextafter(upper, 0.0)
        assert below <= q or entropy(q, mpmath.mpf(below)) < level


def test_the_ends_of_the_range() -> None:
    for c in (Fraction(1, 7), Fraction(3)):
        assert kl_inverse(0, c).overlaps(1 - (-arb(fmpq(c.numerator, c.denominator))).exp())
        assert kl_inverse(1, c) == 1 and kl_inverse_upper(1, c) == 1.0
    assert kl_inverse(fmpq(1, 3), 0).contains(arb(fmpq(1, 3)))
    assert kl_inverse(0, 0) == 0 and kl_inverse_upper(0, 0) == 0.0
    assert kl_inverse_upper(Fraction(1, 2), 10**4) == 1.0
    assert relative_entropy(0, fmpq(1, 2)).overlaps(arb(2).log())
    assert relative_entropy(0, 0) == 0 and relative_entropy(1, 1) == 0
    assert relative_entropy(fmpq(1, 2), 0) == arb("inf") and relative_entropy(fmpq(1, 2), 1) == arb("inf")


@given(inside, inside, levels, levels, st.integers(1, 40))
@settings(max_examples=60, deadline=None)
def test_a_ball_covers_every_point_inside(q: Fraction, r: Fraction, c: Fraction, e: Fraction, part: int) -> None:
    wide, level = arb(str(float(q))).union(arb(str(float(r)))), arb(str(float(c))).union(arb(str(float(e))))
    found = kl_inverse(wide, level)
    x, y = min(q, r) + abs(q - r) * Fraction(part, 41), min(c, e) + abs(c - e) * Fraction(part, 41)
    assert found.overlaps(kl_inverse(x, y))
    zero = arb(0).union(arb(str(float(q))))
    assert relative_entropy(zero, Fraction(1, 3)).overlaps(relative_entropy(q * Fraction(part, 41), Fraction(1, 3)))


def test_a_bisection_that_returns_its_midpoint_lies_below_the_truth_about_every_second_time() -> None:
    """What is in use elsewhere: 40 halvings in floats and the middle of what is left."""

    def midpoint(q: float, c: float) -> float:
        low, high = q, 1.0
        for _ in range(40):
            p = (low + high) / 2
            value = q * math.log(q / p) + (1 - q) * math.log((1 - q) / (1 - p))
            low, high = (p, high) if value < c else (low, p)
        return (low + high) / 2

    grid = [(Fraction(i, 64), Fraction(j, 256)) for i in range(1, 32) for j in range(1, 12)]
    below = sum(arb(midpoint(float(q), float(c))) < kl_inverse(q, c) for q, c in grid)
    assert len(grid) / 4 < below < 3 * len(grid) / 4
    assert not any(arb(kl_inverse_upper(q, c)) < kl_inverse(q, c) for q, c in grid)


@given(st.integers(1, 30), st.integers(0, 30), chances)
@settings(max_examples=80, deadline=None)
def test_tails_are_the_exact_sums(n: int, k: int, p: Fraction) -> None:
    assume(k <= n)
    total = sum((math.comb(n, i) * p**i * (1 - p) ** (n - i) for i in range(k + 1)), Fraction(0))
    found = binomial_tail(k, n, p)
    assert found.overlaps(arb(fmpq(total.numerator, total.denominator))) and found.rad() < 1e-9


@given(st.integers(1, 30), st.integers(0, 30), st.sampled_from([Fraction(1, 100), Fraction(1, 2), Fraction(99, 100)]))
@settings(max_examples=60, deadline=None)
def test_limits_are_where_the_exact_tail_crosses_delta(n: int, k: int, delta: Fraction) -> None:
    assume(k <= n)
    found = binomial_upper_limit(k, n, delta)
    if k == n:
        assert found == 1
        return

    def tail(x: arb) -> Fraction:
        m, e = (int(i) for i in x.man_exp())
        p = Fraction(m) * Fraction(2) ** e
        return sum((math.comb(n, i) * p**i * (1 - p) ** (n - i) for i in range(k + 1)), Fraction(0))

    assert tail(found.lower()) >= delta >= tail(found.upper())
    assert found.rad() < 1e-13


@pytest.mark.parametrize(("n", "k"), [(10_000, 200), (60_000, 30_000), (10**6, 999_999)])
def test_large_limits_agree_with_scipy(n: int, k: int) -> None:
    from scipy.stats import beta

    found = binomial_upper_limit(k, n, Fraction(1, 100))
    assert math.isclose(float(found), beta.ppf(0.99, k + 1, n - k), rel_tol=1e-9) and found.rad() < 1e-13


def test_a_question_without_an_answer_in_the_middle() -> None:
    third = fmpq(1, 3)

    def shy(x: arb) -> bool | None:
        return None if x == arb("0.5") else bool(x > arb(third))

    assert crossing(shy, arb(0), arb(1), 40).contains(arb(third))
    stuck = crossing(lambda x: None, arb(0), arb(1), 40)
    assert stuck.lower() <= 0 and stuck.upper() >= 1


def test_bad_input() -> None:
    with pytest.raises(InputError, match="`q` must be a probability between 0 and 1, found 2"):
        kl_inverse(2, 1)
    with pytest.raises(InputError, match="`c` must be finite and >= 0, found -1"):
        kl_inverse(0, -1)
    with pytest.raises(InputError, match=r"`k` must count between 0 and n of n >= 1 trials, found k = 5, n = 4."):
        binomial_tail(5, 4, 0)
    with pytest.raises(InputError, match=r"`delta` must be strictly between 0 and 1, found 1\.0"):
        binomial_upper_limit(1, 4, 1)
    with pytest.raises(TypeError, match="`k` and `n` must be integers, found float and int"):
        binomial_tail(1.0, 4, 0)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="must be a ball or an exact number"):
        kl_inverse(0.5, 1)
