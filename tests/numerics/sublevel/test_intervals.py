import math
from fractions import Fraction

import numpy as np
import pytest
from flint import fmpq
from hypothesis import given
from hypothesis import strategies as st
from test_expression import expressions

from numerics.evidence.errors import InputError
from numerics.sublevel.cells.enclosures import Box, Enclosures, cell_bounds
from numerics.sublevel.cells.expression import as_expression, parameters, relu
from numerics.sublevel.cells.intervals import FloatIntervals, RationalIntervals, float_above, float_below
from numerics.sublevel.cells.tape import Exact, Tape

x, y = parameters("x y")
ENDS = st.lists(st.integers(-8, 8), min_size=2, max_size=2, unique=True).map(
    lambda e: [Fraction(k, 4) for k in sorted(e)]
)
PLACES = st.fractions(0, 1, max_denominator=7)
FINITE = st.floats(allow_nan=False, allow_infinity=False)


def to_fmpq(q):
    return fmpq(q.numerator, q.denominator)


def sample(E, x, y):
    return Tape((E,), ("x", "y")).run(Exact(), [to_fmpq(x), to_fmpq(y)])[0]


@given(expressions(), ENDS, ENDS, st.lists(st.tuples(PLACES, PLACES), min_size=1, max_size=4))
def test_enclosures_contain_all_values_and_slopes(E, X, Y, places):
    (lo, hi), (g0, g1) = Enclosures(E, ("x", "y")).of_boxes(
        np.array([[float(X[0])], [float(Y[0])]]), np.array([[float(X[1])], [float(Y[1])]])
    )
    e = Enclosures(E, ("x", "y"))
    cell = [(to_fmpq(X[0]), to_fmpq(X[1])), (to_fmpq(Y[0]), to_fmpq(Y[1]))]
    natural, mean = e.value(cell), e.mean_value(cell)
    # Rounding outward only widens: the exact enclosure lies in the float one.
    below, above = float_below(max(natural[0], mean[0])), float_above(min(natural[1], mean[1]))
    assert lo[0] <= below and above <= hi[0]
    points = [(X[0] + (X[1] - X[0]) * s, Y[0] + (Y[1] - Y[0]) * t) for s, t in places]
    for a, b in points:
        value = sample(E, a, b)
        for enclosure in (natural, mean):
            assert enclosure[0] <= value <= enclosure[1]
        # Slopes between two points that differ in x alone; kinks lie at ends and inside.
        for c in X:
            if c != a:
                slope = (sample(E, c, b) - value) / to_fmpq(c - a)
                assert e.slope(0, cell)[0] <= slope <= e.slope(0, cell)[1]
                assert fmpq_or_inf(g0[0, 0]) <= slope <= fmpq_or_inf(g1[0, 0])


def fmpq_or_inf(v):
    return fmpq(*float(v).as_integer_ratio()) if math.isfinite(v) else fmpq(10) ** 400 * (1 if v > 0 else -1)


def exact(v):
    return Fraction(float(v))


@given(FINITE, FINITE, st.integers(1, 5))
def test_one_operation_encloses_the_exact_result(a, b, n):
    ops = FloatIntervals()
    p, q = (np.array([a]), np.array([a])), (np.array([b]), np.array([b]))
    with np.errstate(all="ignore"):
        for result, value in (
            (ops.add(p, q), exact(a) + exact(b)),
            (ops.multiply(p, q), exact(a) * exact(b)),
            (ops.power(p, n), exact(a) ** n),
        ):
            low, high = (float(v[0]) for v in ops.finish(result, (1,)))
            assert low == -math.inf or exact(low) <= value
            assert high == math.inf or value <= exact(high)


def test_nan_means_no_bound():
    ops = FloatIntervals()
    huge = (np.array([-1e308]), np.array([1e308]))
    with np.errstate(all="ignore"):
        squared = ops.multiply(huge, huge)
        low, high = ops.finish(ops.multiply(squared, ops.constant(fmpq(0))), (1,))
    assert low[0] == -math.inf and high[0] == math.inf


def test_even_powers_are_tight_and_kinks_are_whole():
    ops, exact_ops = FloatIntervals(), RationalIntervals()
    around = (np.array([-1.0]), np.array([2.0]))
    assert ops.power(around, 2)[0][0] == 0.0 and ops.power(around, 2)[1][0] == np.nextafter(4.0, 5)
    assert exact_ops.power((fmpq(-1), fmpq(2)), 2) == (0, 4) and exact_ops.power((fmpq(-2), fmpq(-1)), 4) == (1, 16)
    for low, high, step, sign in (
        (-1, 0, (0, 1), (-1, 1)),
        (0, 1, (0, 1), (-1, 1)),
        (0.5, 1, (1, 1), (1, 1)),
        (-2, -1, (0, 0), (-1, -1)),
    ):
        batch = np.array([float(low)]), np.array([float(high)])
        assert tuple(float(v[0]) for v in ops.step(batch)) == step
        assert tuple(float(v[0]) for v in ops.sign(batch)) == sign
        pair = fmpq(*float(low).as_integer_ratio()), fmpq(*float(high).as_integer_ratio())
        assert exact_ops.step(pair) == step and exact_ops.sign(pair) == sign


@given(st.fractions())
def test_float_bounds_of_rational_numbers(q):
    below, above = float_below(to_fmpq(q)), float_above(to_fmpq(q))
    assert exact(below) <= q <= exact(above)
    assert below == above if Fraction(float(q)) == q else above == np.nextafter(below, math.inf)


def test_float_bounds_beyond_the_largest_float():
    assert float_above(fmpq(10) ** 400) == math.inf and float_below(fmpq(10) ** 400) == np.finfo(float).max


@given(expressions(depth=3), st.integers(1, 5), st.integers(1, 5), PLACES, PLACES)
def test_cell_bounds(E, n, m, s, t):
    lo, hi = cell_bounds(E, {"x": (Fraction(-1, 3), 2), "y": (-1, Fraction(5, 7))}, (n, m))
    assert lo.shape == hi.shape == (n, m)
    a, b = Fraction(-1, 3) + Fraction(7, 3) * s, -1 + Fraction(12, 7) * t
    value = sample(E, a, b)
    for i in {min(int(s * n), n - 1), max(math.ceil(s * n) - 1, 0)}:  # both cells at a common face
        for j in {min(int(t * m), m - 1), max(math.ceil(t * m) - 1, 0)}:
            assert fmpq_or_inf(lo[i, j]) <= value <= fmpq_or_inf(hi[i, j])


def test_cell_bounds_refuse_what_does_not_fit():
    with pytest.raises(
        InputError, match=r"needs 22\.4 GiB for the bounds of 1000000000 cells where 4\.0 GiB are allowed"
    ):
        cell_bounds(x + y, (-1, 1), (10**4, 10**5))
    with pytest.raises(InputError, match=r"positive number of cells for each of the 2 sides of the box, found \(3,\)"):
        cell_bounds(x + y, (-1, 1), (3,))


@pytest.mark.parametrize(
    ("box", "message"),
    [
        ((1, 1), r"must have lo < hi on every side, found \[1, 1\] for `x`"),
        ({"x": (0, 1)}, "must have a side for the parameter `y`, found x"),
        ([(0, 1)], "one pair .* for each of the 2 parameters x, y, found 1"),
        ((0, math.inf), "The upper end of `x` in `box` must be a finite number, found inf"),
        ((math.nan, 1), "The lower end of `x` in `box` must be a finite number, found nan"),
        ({"x": 3, "y": (0, 1)}, r"must have a pair \(lo, hi\) for `x`, found 3"),
        (7, r"`box` must be \(lo, hi\) or a pair"),
    ],
)
def test_boxes_that_make_no_sense(box, message):
    with pytest.raises(InputError, match=message):
        Box.of(box, x + y)


def test_boxes():
    assert Box.of((-1, 1), x + y) == Box.of([(-1, 1), (-1, 1)], x + y) == Box.of({"x": (-1, 1), "y": (-1, 1)}, x + y)
    assert str(Box.of({"z": (0, 0.5)}, as_expression(1))) == "z in [0, 1/2]"
    with pytest.raises(InputError, match="the loss has no parameters, so name them in the box"):
        Box.of((), as_expression(1))


def test_one_sided_derivatives_are_not_an_enclosure():
    """The slope of |x| from -1/2 to 1/8 is -3/5: over [-1, 0] and beyond no one-sided value will do."""
    e = Enclosures(abs(x) + 0 * relu(y), ("x", "y"))
    assert e.slope(0, [(fmpq(-1), fmpq(0)), (fmpq(0), fmpq(1))]) == (-1, 1)
