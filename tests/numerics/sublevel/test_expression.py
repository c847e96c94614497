from fractions import Fraction

import numpy as np
import pytest
from flint import fmpq
from hypothesis import given
from hypothesis import strategies as st

from numerics.evidence.errors import InputError
from numerics.sublevel.cells.expression import Parameter, as_expression, from_lists, parameters, relu
from numerics.sublevel.cells.tape import Exact, Floats, Tape

x, y = parameters("x y")
FIFTHS = st.integers(-10, 10).map(lambda k: Fraction(k, 5))


@st.composite
def expressions(draw, depth=4, kinks=True):
    """Random losses of x and y. Integer shifts make kinks and cell boundaries meet."""
    if depth == 0 or draw(st.integers(0, 4)) == 0:
        return draw(st.sampled_from([x, y, x - 1, y + 1, x - y, as_expression(Fraction(1, 3))]))
    kind = draw(st.sampled_from(["+", "*", "**", "relu", "abs"] if kinks else ["+", "*", "**"]))
    f = draw(expressions(depth - 1, kinks))
    if kind in "+*":
        g = draw(expressions(depth - 1, kinks))
        return f + draw(FIFTHS) * g if kind == "+" else f * g
    if kind == "**":
        return f ** draw(st.integers(0, 3))
    return relu(f) if kind == "relu" else abs(f)


def python_value(text, point):
    """The value of a printed expression, by Python's own arithmetic."""
    names = {k: Fraction(v) for k, v in point.items()} | {"relu": lambda t: max(t, Fraction(0)), "abs": abs}
    digits = __import__("re").sub(r"(?<![\w*])(\d+)", r"Fraction(\1)", text)  # exponents stay integers
    return eval(digits, {"Fraction": Fraction, **names})


@given(expressions(), FIFTHS, FIFTHS)
def test_value_agrees_with_the_printed_form(E, a, b):
    here = {n: v for n, v in {"x": a, "y": b}.items() if n in E.parameters}
    assert Fraction(int(E(**here).p), int(E(**here).q)) == python_value(str(E), {"x": a, "y": b})


@given(expressions(kinks=False), FIFTHS, FIFTHS)
def test_gradient_of_a_polynomial(E, a, b):
    """Against the exact central difference of a polynomial along a line, extrapolated by interpolation."""
    from numerics.arithmetic.polynomial import Polynomial

    names = ("x", "y")
    tape = Tape((E, *E.gradient(names)), names)

    def at(s, t):
        return tape.run(Exact(), [fmpq(s.numerator, s.denominator), fmpq(t.numerator, t.denominator)])

    n = 90
    if max_degree(E) < n:
        nodes = range(max_degree(E) + 1)
        line = Polynomial.interpolate(nodes, [at(a + k, b)[0] for k in nodes])
        assert line.derivative()(0) == at(a, b)[1]
        line = Polynomial.interpolate(nodes, [at(a, b + k)[0] for k in nodes])
        assert line.derivative()(0) == at(a, b)[2]


def max_degree(E):
    from numerics.sublevel.cells.whole_space import expand

    return max((sum(e) for e in expand(E)), default=0)


@given(expressions(), FIFTHS, FIFTHS)
def test_floats_agree_with_exact_values(E, a, b):
    (value,) = Tape((E,), ("x", "y")).run(Floats(), [np.array([float(a)]), np.array([float(b)])])
    here = {n: v for n, v in {"x": a, "y": b}.items() if n in E.parameters}
    exact = float(Fraction(int(E(**here).p), int(E(**here).q)))
    scale = 1 + max(abs(exact), 30.0 ** min(max_degree_bound(E), 20) * 1e-6)
    assert np.allclose(value, exact, rtol=1e-6, atol=1e-9 * scale)


def max_degree_bound(E):
    match E.op:
        case "parameter":
            return 1
        case "constant":
            return 0
        case "product":
            return sum(map(max_degree_bound, E.args))
        case "power":
            return E.value * max_degree_bound(E.args[0])
        case _:
            return max(map(max_degree_bound, E.args))


@given(expressions())
def test_files_and_sharing(E):
    assert from_lists(Tape((E,), E.parameters).to_lists()) is E


def test_equal_parts_are_one_object_and_like_terms_are_collected():
    assert x * x is x**2 and (x * y) ** 2 is x**2 * y**2
    assert x + x is 2 * x and x - x is as_expression(0)
    assert Parameter("x") is x
    assert str((x * y - 1) ** 2 / 2) == "1/2*(x*y - 1)**2"
    assert len(Tape(((x * y - 1) ** 2 + abs(x * y - 1),), ("x", "y")).instructions) == 8


def test_derivatives_at_kinks_are_named():
    assert [str(g) for g in abs(relu(x) - y).gradient()] == ["sign(relu(x) - y)*step(x)", "-sign(relu(x) - y)"]
    with pytest.raises(InputError, match="has jumps and no derivative"):
        relu(x).gradient()[0].gradient()


def test_matrices_of_parameters():
    a, b, c, d = parameters("a b c d")
    product = np.array([[c], [d]], dtype=object) @ np.array([[a, b]], dtype=object)
    assert product[1, 0] is a * d or product[1, 0] is d * a
    loss = ((product - np.array([[Fraction(3, 2), 0], [0, 1]], dtype=object)) ** 2).sum()
    assert loss(a=1, b=0, c=Fraction(3, 2), d=0) == 1


def test_losses_of_users():
    E = as_expression(lambda w1, w2: (w1 * w2 - 0.5) ** 2)
    assert E.parameters == ("w1", "w2") and E(w1=1, w2=Fraction(1, 2)) == 0
    assert as_expression(lambda *w: sum(w), ("p", "q")).parameters == ("p", "q")
    with pytest.raises(
        InputError, match=r"must be an expression in \+ - \* \*\* relu abs of its parameters, found str"
    ):
        as_expression("x**2")
    with pytest.raises(InputError, match=r"divided by numbers other than 0 only, found the divisor y\."):
        _ = x / y
    with pytest.raises(InputError, match=r"exponent must be an integer 0, 1, 2, \.\.\., found -1"):
        _ = x**-1
    with pytest.raises(TypeError, match=r"write max\(x, 0\) as `relu\(x\)`"):
        max(x, 0)
    with pytest.raises(TypeError, match="must not branch on its parameters"):
        bool(x)
    with pytest.raises(InputError, match="must be a word such as `w1`, found '2x'"):
        Parameter("2x")
    with pytest.raises(InputError, match="`y` must have a value: give all of x, y"):
        (x + y)(x=1)
    with pytest.raises(TypeError, match="made of parameters, rational numbers"):
        _ = x + "1"


@pytest.mark.parametrize(
    "lines",
    [
        [],
        [["power", "2", 0]],
        [["parameter", "x"], ["tan", "", 0]],
        [["parameter", "x"], ["power", "-1", 0]],
        [["sum", "", 0, 0]],
    ],
)
def test_damaged_files_are_refused(lines):
    with pytest.raises(InputError, match=r"of the loss must|The loss must"):
        from_lists(lines)


def test_long_sums_need_no_recursion():
    E = as_expression(0)
    for k in range(1500):
        E = (E + x * k) * y  # nested 1500 deep
    assert E(x=1, y=0) == 0
    assert len(E.gradient()) == 2
