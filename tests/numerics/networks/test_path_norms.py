"""Path norms and norms of rows: against exact sums over all ways, and against the matrix of the operator."""

from __future__ import annotations

import itertools
from fractions import Fraction

import numpy as np
import pytest
from flint import arb, fmpq

from numerics.evidence.errors import InputError
from numerics.networks import Network
from numerics.networks.layers import Activation, Add, BatchNormalization, Convolution, Dense, Flatten, Pooling, Reshape
from numerics.networks.norms.paths import (
    greatest_feature,
    greatest_row,
    longest_row,
    operator_frobenius,
    path_norms,
    row_sums,
)


def contains(ball: arb, value: Fraction) -> bool:
    return ball.contains(fmpq(value.numerator, value.denominator))


def ways(network: Network) -> list[Fraction]:
    """The path norms by walking every way from the outputs back to inputs and biases, in exact arithmetic."""

    def walk(value: int, unit: int) -> Fraction:
        if value == 0:
            return Fraction(1)
        layer, reads = network.layers[value - 1], network.wiring[value - 1]
        if isinstance(layer, Dense):
            start = Fraction(0) if layer.bias is None else abs(Fraction(float(layer.bias[unit])))
            return start + sum(
                (abs(Fraction(float(w))) * walk(reads[0], j) for j, w in enumerate(layer.weight[unit])), Fraction(0)
            )
        if isinstance(layer, Activation):
            return Fraction(layer.lipschitz) * walk(reads[0], unit)
        assert isinstance(layer, Add)
        return sum((walk(v, unit) for v in reads), Fraction(0))

    return [walk(len(network.layers), i) for i in range(network.outputs)]


@pytest.mark.parametrize("seed", range(20))
def test_path_norms_are_sums_over_ways(seed: int) -> None:
    rng = np.random.default_rng(seed)
    network = Network(
        [
            Dense(rng.normal(size=(3, 2)), rng.normal(size=3)),
            Activation("leaky_relu", -2.5),
            Dense(rng.normal(size=(3, 3)) * 10.0 ** float(rng.integers(-5, 5))),
            Activation("relu"),
            Add(),
            Dense(rng.normal(size=(2, 3))),
        ],
        wiring=[(0,), (1,), (2,), (3,), (2, 4), (5,)],
    )
    found = path_norms(network)
    for ball, exact in zip(found, ways(network), strict=True):
        assert contains(ball, exact)
        assert ball.rad() < 1e-12 * ball.mid()
    # the outputs on inputs of absolute value at most 1 are never longer
    outputs = np.abs(network(rng.uniform(-1, 1, size=(50, 2)))).max(axis=0)
    assert all(ball.upper() >= arb(float(x)) * (1 - 1e-12) for ball, x in zip(found, outputs, strict=True))


@pytest.mark.parametrize(
    ("stride", "padding", "dilation", "groups", "circular"),
    [(1, 1, 1, 1, False), (2, 1, 1, 2, False), (1, 2, 2, 1, False), (1, 1, 1, 1, True), (2, 0, 1, 1, False)],
)
def test_row_sums_are_those_of_the_operator(
    stride: int, padding: int, dilation: int, groups: int, circular: bool
) -> None:
    rng = np.random.default_rng(3)
    layer = Convolution(
        rng.normal(size=(4, 2 // groups, 3, 3)),
        stride=stride,
        padding=padding,
        dilation=dilation,
        groups=groups,
        circular=circular,
    )
    network = Network(
        [layer, Flatten(), Dense(np.ones((2, np.prod(layer.output_shape((2, 6, 6))))))], input_shape=(2, 6, 6)
    )
    place = network.linear_layers[0]
    columns = layer(np.eye(72).reshape(72, 2, 6, 6)).reshape(72, -1)
    A = [[Fraction(float(columns[j, i])) for j in range(72)] for i in range(columns.shape[1])]
    for power in (1, 2):
        low, high = row_sums(place, power)
        for row, a, b in zip(A, low.ravel(), high.ravel(), strict=True):
            exact = sum((abs(x) ** power for x in row), Fraction(0))
            assert Fraction(float(a)) <= exact <= Fraction(float(b))
    total = sum((x * x for row in A for x in row), Fraction(0))
    assert contains(operator_frobenius(place) ** 2, total)
    assert contains(greatest_row(place, 1), max(sum(map(abs, row), Fraction(0)) for row in A))


def test_pooling_sums_over_windows_and_average_pooling_is_linear() -> None:
    shape = (1, 4, 4)
    for pooling, expected in ((Pooling("max", 2), 16), (Pooling("average", 2), 4)):
        network = Network([pooling, Flatten(), Dense(np.ones((2, 4)))], input_shape=shape)
        assert all(contains(x, Fraction(expected)) for x in path_norms(network))


def test_reshaping_changes_nothing() -> None:
    head = [Flatten(), Dense(np.array([[1.0, -2, 3, -4]]))]
    plain, reshaped = Network(head, input_shape=(2, 2)), Network([Reshape((1, 1, 4)), *head], input_shape=(2, 2))
    assert all(contains(path_norms(network)[0], Fraction(10)) for network in (plain, reshaped))


def test_data_norms() -> None:
    X = np.array([[3.0, 0.0], [4.0, 1.0]])
    assert contains(greatest_feature(X), Fraction(5))
    assert contains(longest_row(X) ** 2, Fraction(17))


def test_a_circular_kernel_that_wraps_is_refused() -> None:
    layer = Convolution(np.ones((1, 1, 3)), padding=1, circular=True)
    network = Network([layer, Flatten(), Dense(np.ones((2, 2)))], input_shape=(1, 2))
    with pytest.raises(InputError, match="kernel no longer than its input"):
        row_sums(network.linear_layers[0], 1)


def test_a_sign_has_no_path_norm() -> None:
    network = Network([Dense([[1.0]]), Activation("sign"), Dense([[1.0]])])
    with pytest.raises(
        InputError, match="Path norms need activations with a Lipschitz constant, found `sign`, which jumps"
    ):
        path_norms(network)


def test_batch_normalisation_must_be_folded_and_overflow_is_refused() -> None:
    norm = BatchNormalization(np.zeros(1), np.ones(1), np.ones(1), np.zeros(1), 1e-5)
    network = Network([norm, Flatten(), Dense(np.ones((2, 3)))], input_shape=(1, 3))
    with pytest.raises(InputError, match="fold_batch_normalization"):
        path_norms(network)
    with pytest.raises(InputError, match="overflow"):
        greatest_row(Network([Dense(np.full((2, 2), 1e200))]).linear_layers[0], 2)


def test_tiny_weights_are_not_lost() -> None:
    for power, w in itertools.product((1, 2), (5e-324, 1e-300)):
        low, high = row_sums(Network([Dense(np.full((2, 3), w))]).linear_layers[0], power)
        exact = 3 * Fraction(w) ** power
        assert Fraction(float(low[0])) <= exact <= Fraction(float(high[0]))
