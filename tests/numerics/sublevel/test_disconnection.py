"""Certificates that two points are apart, and every way to spoil one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from flint import arb, fmpq

from numerics.arithmetic.balls import singular_values
from numerics.arithmetic.exact import Matrix, column, diagonal, identity
from numerics.evidence import Certificate, InputError
from numerics.strategies import Stream
from numerics.sublevel.losses import NetworkLoss
from numerics.sublevel.paths.certified import certify, straight
from numerics.sublevel.paths.disconnection import DisconnectionCertificate, separate, target_gram

one = Matrix([[1]])


def best_pair(loss: NetworkLoss, s: int) -> tuple[tuple[Matrix, Matrix], tuple[Matrix, Matrix]]:
    """A rounded global minimum of width s, and its mirror image."""
    M = (loss.Y @ loss.X.pseudo_inverse()).to_numpy()
    u = np.linalg.svd((loss.Y @ loss.X.T.projector()).to_numpy())[0][:, :s]
    W1, W2, D = (
        Matrix(np.round(u.T @ M * 2**20) / 2**20),
        Matrix(np.round(u * 2**20) / 2**20),
        diagonal([-1] + [1] * (s - 1)),
    )
    return (W1, W2), (D @ W1, W2 @ D)


def test_the_scalar_chain():
    loss = NetworkLoss(one, one)
    a, b = (one, one), (-1 * one, -1 * one)
    exact = DisconnectionCertificate(loss, a, b, 0, 0, one, 0, one, 1)
    assert isinstance(exact, Certificate)
    assert exact.wall() == 1 and exact.determinants() == (1, -1) and exact.verify().holds
    assert replace(exact, level=fmpq(99, 100)).verify().holds and replace(exact, level=1).verify().fails
    # the wall is right: at level 1 there is a path
    zero = 0 * one
    path = certify(loss, [a, (zero, one), (zero, -1 * one), b])
    assert path.level == 1 and path.verify().holds


def test_two_one_two_merges_at_exactly_nine_quarters():
    """diag(3/2, 1) through one unit: apart at every level below 9/4, and joined at 9/4 by a turn of the product."""
    loss = NetworkLoss(identity(2), diagonal([fmpq(3, 2), 1]))
    a = (Matrix([["3/2", 0]]), column([1, 0]))
    b = (-1 * a[0], -1 * a[1])
    below = DisconnectionCertificate(
        loss, a, b, fmpq(9, 4) - fmpq(1, 10**9), 0, column([1, 0]), 1, diagonal(["5/4", 0]), "5/4"
    )
    assert below.wall() == fmpq(9, 4) and below.verify().holds and replace(below, level=fmpq(9, 4)).verify().fails
    half = [((1 - q * q) / (1 + q * q), 2 * q / (1 + q * q)) for q in (fmpq(k, 6) for k in range(7))]
    circle = [*half, *((-e, r) for e, r in reversed(half[:-1]))]
    at = certify(loss, [(Matrix([[e * fmpq(3, 2), r]]), column([e, r])) for e, r in circle], level=fmpq(9, 4))
    assert (at.start, at.end) == (a, b) and at.verify().holds


def test_every_condition_is_needed():
    Y = diagonal([2, 1])
    loss = NetworkLoss(identity(2), Y)
    a = (Matrix([[2, 0]]), column([1, 0]))
    b = (-1 * a[0], -1 * a[1])
    good = DisconnectionCertificate(loss, a, b, 1, 0, column([1, 0]), 1, diagonal([3, 0]), 3)
    assert good.verify().holds and good.wall() == 4  # E* + 4 - 1 with E* = 1
    for changes, reason in (
        ({"end": a}, "the determinant goes from 1 to 1"),
        ({"U": column([0, 1])}, "the determinant goes from 0 to 0"),
        ({"tau": -1, "Z": diagonal([5, 2])}, "tau is not negative"),
        ({"tau": 2, "Z": diagonal([2, -1])}, "Z is positive semidefinite"),
        ({"tau": fmpq(1, 2)}, "tau I + Z is at least S"),
        ({"Z": diagonal([2, 0])}, "tau I + Z is at least S"),
        ({"zeta": 4}, "Z is at least zeta on the range of U"),
        ({"level": 4}, "the level is below the wall"),
        ({"level": fmpq(1, 2)}, "both ends lie in the set"),
        ({"layer": 1}, "layer 1 is no hidden layer"),
        ({"U": identity(2)}, "U must be 2x1"),
        ({"Z": Matrix([[3, 1], [0, 0]])}, "Z symmetric"),
        ({"loss": NetworkLoss(identity(2), Y, "relu")}, "the loss must be squared, of a linear network"),
        ({"loss": NetworkLoss(identity(2), Y, outer="absolute")}, "the loss must be squared"),
        ({"start": (one, one)}, "an end is no point of the loss"),
        ({"end": (Matrix([[2, 0], [0, 0]]), Matrix([[1, 0], [0, 0]]))}, "different shapes"),
    ):
        verdict = replace(good, **changes).verify()
        assert verdict.fails and reason in verdict.reason, (changes, verdict.reason)


def test_the_chain_with_two_bottlenecks():
    loss = NetworkLoss(identity(2), diagonal(["3/2", 1]))
    a = (Matrix([["3/2", 0]]), one, column([1, 0]))
    flips = {(0, 1): (0,), (1, 2): (1,), (0, 2): (0, 1)}
    for flipped, layers in flips.items():
        b = tuple(-1 * W if k in flipped else W for k, W in enumerate(a))
        found = [k for k in (0, 1) if separate(a, b, loss, k)]
        assert tuple(found) == layers
        certificate = separate(a, b, loss, layers[0])
        assert certificate is not None and abs(float(arb(certificate.wall())) - 2.25) < 1e-8


def test_rounded_singular_vectors_prove_nearly_the_best_wall():
    found = 0
    for i in range(120):
        stream = Stream(23, i)
        m, n, N = stream.integers(1, 4, 3)
        s = stream.integer(1, m)
        loss = NetworkLoss(stream.data(n, N), stream.matrix(m, N))
        a, b = best_pair(loss, s)
        certificate = separate(a, b, loss, 0)
        sigma = [float(x) for x in singular_values(loss.Y @ loss.X.T.projector())] + [0.0] * (m + 1)
        gap = sigma[s - 1] ** 2 - sigma[s] ** 2
        if certificate is None:
            assert gap < 1e-4
            continue
        found += 1
        best = float(arb(loss.Y.squared_norm())) - sum(x**2 for x in sigma[:s]) + gap
        assert best - 1e-6 < float(arb(certificate.wall())) <= best + 1e-9
        # no path that we can think of stays below the wall
        for path in (straight(loss, a, b), certify(loss, [a, (a[0], b[1]), b]), certify(loss, [a, (b[0], a[1]), b])):
            assert path.maximum().upper >= certificate.wall()
    assert found > 60


def test_the_gram_matrix_of_the_target_forgets_what_the_data_cannot_reach():
    X = Matrix([[1, 0, 0]])
    Y = Matrix([[1, 2, 3], [4, 5, 6]])
    assert target_gram(NetworkLoss(X, Y)) == Matrix([[1, 4], [4, 16]])


def test_separate_refuses_what_has_no_determinant():
    loss = NetworkLoss(one, one)
    wide = (column([1, 1]), Matrix([[1, 1]]))
    with pytest.raises(InputError, match="a hidden layer with at most 1 units, as many as outputs, found layer 0"):
        separate(wide, wide, loss, 0)
    with pytest.raises(InputError, match="found layer 1"):
        separate((one, one), (one, one), loss, 1)
    with pytest.raises(InputError, match="`start` must be a point of the loss"):
        separate((Matrix([[1, 1]]), one), (one, one), loss, 0)
    assert separate((one, one), (one, one), loss, 0) is None
