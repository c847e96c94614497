"""Certificates: good ones verify, and every way to spoil one is seen."""

from dataclasses import replace
from fractions import Fraction

import pytest
from flint import fmpq
from hypothesis import given, settings
from hypothesis import strategies as st

from numerics.arithmetic.exact import Matrix, identity
from numerics.arithmetic.polynomial import Polynomial
from numerics.evidence import (
    Certificate,
    DescentCertificate,
    DescentCurve,
    NegativeCurvatureCertificate,
    Rigour,
)

Y = Matrix([[2, 0], [0, 1]])
entries = st.integers(-2, 2)


def loss(w):
    """The squared error of a linear network with two layers."""
    W1, W2 = w
    return (W2 @ W1 - Y).squared_norm()


def point(*numbers):
    """A network 2-1-2 from the entries of its layers."""
    return Matrix.from_entries(1, 2, numbers[:2]), Matrix.from_entries(2, 1, numbers[2:])


def scalar(*numbers):
    return tuple(Matrix([[x]]) for x in numbers)


points = st.lists(entries, min_size=4, max_size=4).map(lambda x: point(*x))
origin = point(0, 0, 0, 0)
best = point(1, 0, 2, 0)


def test_all_are_certificates():
    for c in (
        DescentCertificate(loss, origin, best),
        DescentCurve(loss, (origin, best), 4),
        NegativeCurvatureCertificate(loss, origin, best, 4),
    ):
        assert isinstance(c, Certificate)
        assert c.verify().rigour is Rigour.EXACT


# Descent.


@settings(deadline=None)
@given(points, points)
def test_a_descent_certificate_verifies_exactly_when_the_loss_is_smaller(w, v):
    verdict = DescentCertificate(loss, w, v).verify()
    assert verdict.holds == (loss(v) < loss(w))
    assert verdict.slack == float(loss(w) - loss(v))
    distance = sum(((a - b).squared_norm() for a, b in zip(w, v, strict=True)), fmpq(0))
    assert DescentCertificate(loss, w, v, distance).verify().holds == verdict.holds
    assert DescentCertificate(loss, w, v, distance - fmpq(1, 10**30)).verify().fails


def test_descent_to_another_shape_is_refused():
    verdict = DescentCertificate(loss, origin, (identity(2), identity(2))).verify()
    assert verdict.fails
    assert verdict.reason == "the layers have the shapes [(1, 2), (2, 1)] and [(2, 2), (2, 2)]"


def test_the_origin_is_left_along_a_curve():
    curve = DescentCurve(loss, (origin, best), degree=4)
    verdict = curve.verify()
    assert verdict.holds
    assert "divided by t^2 is positive on [0, 1]" in verdict.reason
    assert curve.at(Fraction(1, 2)) == point(Fraction(1, 2), 0, 1, 0)
    # (2t^2 - 2)^2 + 1 returns to 5 at t^2 = 2 and stays below until then.
    assert replace(curve, length=Fraction(7, 5)).verify().holds
    assert replace(curve, length=Fraction(3, 2)).verify().fails


def test_curves_that_prove_nothing_are_refused():
    ascent = DescentCurve(loss, (origin, point(1, 0, -1, 0)), 4)
    assert ascent.verify().fails
    flat = DescentCurve(loss, (origin, point(1, 0, 0, 0)), 4).verify()
    assert flat.fails
    assert flat.reason == "the loss is constant along the curve"
    curve = DescentCurve(loss, (origin, best), 4)
    assert (
        replace(curve, degree=3).verify().reason == "the loss along the curve is not a polynomial of degree at most 3"
    )
    assert replace(curve, degree=3).verify().fails
    assert replace(curve, length=0).verify().fails
    assert replace(curve, coefficients=()).verify().reason == "the curve has no points"
    assert replace(curve, coefficients=(origin, (identity(2),))).verify().fails
    with pytest.raises(ValueError, match="`degree` must not be negative, found -1"):
        replace(curve, degree=-1).verify()


def test_a_descent_curve_of_higher_order():
    # A degenerate critical point of the scalar chain (w3 w2 w1 - 1)^2: the drop starts with t^3.
    def chain(w):
        return ((w[2] @ w[1] @ w[0])[0, 0] - 1) ** 2

    curve = DescentCurve(chain, (scalar(0, 0, 0), scalar(1, 1, 1)), 6)
    assert curve.verify().holds
    assert "t^3" in curve.verify().reason
    quadratic = DescentCurve(chain, (scalar(0, 0, 0), scalar(0, 0, 1), scalar(1, 1, 0)), 10)
    assert quadratic.verify().holds
    assert "t^5" in quadratic.verify().reason


# Curvature.


def test_the_origin_is_a_strict_saddle():
    certificate = NegativeCurvatureCertificate(loss, origin, best, 4)
    assert certificate.along() == Polynomial([5, 0, -8, 0, 4])
    verdict = certificate.verify()
    assert verdict.holds
    assert verdict.slack == 16


@settings(deadline=None)
@given(points, points)
def test_the_second_derivative_is_that_of_the_expanded_loss(w, d):
    (W1, W2), (D1, D2) = w, d
    R, S = W2 @ W1 - Y, W2 @ D1 + D2 @ W1
    slope, curvature = 2 * R.inner(S), 2 * S.squared_norm() + 4 * R.inner(D2 @ D1)
    certificate = NegativeCurvatureCertificate(loss, w, d, 4)
    assert certificate.verify().holds == (slope == 0 and curvature < 0)
    assert replace(certificate, is_critical=False).verify().holds == (curvature < 0)


def test_curvature_that_proves_nothing_is_refused():
    certificate = NegativeCurvatureCertificate(loss, origin, best, 4)
    assert replace(certificate, direction=point(1, 0, 0, 0)).verify().fails
    assert replace(certificate, direction=point(1, 0, -1, 0)).verify().fails
    assert replace(certificate, direction=(identity(2),)).verify().fails
    assert (
        replace(certificate, degree=3).verify().reason
        == "the loss along the line is not a polynomial of degree at most 3"
    )
    start = NegativeCurvatureCertificate(lambda w: -((w[0][0, 0] + 1) ** 2), scalar(0), scalar(1), 2).verify()
    assert start.fails
    assert start.reason == "the first derivative is -2"
