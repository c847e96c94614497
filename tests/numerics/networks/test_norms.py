"""Lipschitz product and spectral complexity: values, conventions, invariances."""

from itertools import pairwise

import numpy as np
import pytest
from flint import arb, ctx, fmpq
from hypothesis import given, settings
from hypothesis import strategies as st

from numerics.arithmetic import balls
from numerics.evidence.errors import InputError
from numerics.networks import Activation, Dense, Network, lipschitz_product, spectral_complexity, spectral_norms
from numerics.networks.norms.layers import activation_constants


def relu_network(*weights) -> Network:
    layers = [layer for W in weights for layer in (Dense(W), Activation("relu"))]
    return Network(layers[:-1])


def random_weights(seed: int, widths=(4, 6, 5, 3)) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.standard_normal((m, n)) for n, m in pairwise(widths)]


def by_the_printed_formula(weights, references, rho: arb) -> arb:
    """Equation 1.2 of Bartlett, Foster and Telgarsky as it stands, with norms by the independent ball route."""
    product, total = rho, arb(0)
    for A, M in zip(weights, references, strict=True):
        s = balls.spectral_norm(A)
        product *= s
        # the transpose in the paper: columns of A^T are rows of A
        b = balls.norm_21((balls.BallMatrix(A) - balls.BallMatrix(M)).T)
        total += (b / s) ** arb(fmpq(2, 3))
    return product * total ** arb(fmpq(3, 2))


@pytest.mark.parametrize("seed", range(6))
def test_spectral_complexity_by_a_second_route(seed):
    weights = random_weights(seed)
    network = Network(
        [Dense(weights[0]), Activation("leaky_relu", -2.0), Dense(weights[1]), Dense(weights[2]), Activation("sigmoid")]
    )
    references = [W / 2 + 0.125 for W in weights]
    with ctx.workprec(128):
        rho = arb(0.5)
        zero = [0 * W for W in weights]
        for M, given_ in ((references, references), (zero, None)):
            truth = by_the_printed_formula(weights, M, rho)
            found = spectral_complexity(network, given_)
            assert found.contains(truth)
            assert found.rel_accuracy_bits() > 34


def test_a_network_with_a_known_complexity():
    # |A_1| = 5, |A_1^T|_{2,1} = 7; |A_2| = 5 (rank one, 3-4), |A_2^T|_{2,1} = 5
    network = relu_network(np.diag([3.0, 4.0]) * 1.0, np.array([[3.0, 4.0]]))
    assert spectral_norms(network)[0].contains(arb(4))
    assert lipschitz_product(network).contains(arb(20))
    with ctx.workprec(100):
        third = arb(fmpq(2, 3))
        truth = 20 * ((arb(7) / 4) ** third + 1) ** arb(fmpq(3, 2))
    assert spectral_complexity(network).overlaps(truth)
    assert spectral_complexity(network).rel_accuracy_bits() > 34


def test_one_layer_has_the_norm_of_its_rows_alone():
    assert spectral_complexity(Network([Dense(np.ones((1, 9)))])).overlaps(arb(3))
    assert spectral_complexity(Network([Dense(np.ones((9, 1)))])).overlaps(arb(9))


def test_constants_of_activations_multiply():
    network = Network(
        [
            Activation("sigmoid"),
            Dense([[2.0]]),
            Activation("leaky_relu", 3.0),
            Activation("leaky_relu", -5.0),
            Dense([[1.0]]),
        ]
    )
    assert activation_constants(network) == (arb(0.25), arb(15), arb(1))
    assert lipschitz_product(network).contains(arb(7.5))


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), k=st.integers(-40, 40), m=st.integers(-40, 40))
def test_complexity_does_not_see_how_scale_is_spread_over_layers(seed, k, m):
    W = random_weights(seed)
    scaled = [W[0] * 2.0**k, W[1] * 2.0**m, W[2] * 2.0 ** (-k - m)]
    first, second = spectral_complexity(relu_network(*W)), spectral_complexity(relu_network(*scaled))
    assert first.overlaps(second)
    # output and complexity scale together
    assert (spectral_complexity(relu_network(W[0], W[1], 4 * W[2])) / 4).overlaps(first)


def test_complexity_does_see_references_and_single_neurons():
    W = random_weights(1)
    M = [np.zeros_like(w) for w in W]
    M[0] = W[0] + 0.01
    scaled = [W[0] * 8.0, W[1] / 8.0, W[2]]
    assert not spectral_complexity(relu_network(*W), M).overlaps(spectral_complexity(relu_network(*scaled), M))
    D = np.diag([1.0, 1.0, 64.0, 1.0, 1.0, 1.0])
    same_function = relu_network(D @ W[0], W[1] @ np.linalg.inv(D), W[2])
    X = np.random.default_rng(0).standard_normal((5, 4))
    assert np.allclose(same_function(X), relu_network(*W)(X))
    assert spectral_complexity(same_function) > spectral_complexity(relu_network(*W))


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_network_is_as_lipschitz_as_the_product_says(seed):
    rng = np.random.default_rng(seed)
    network = relu_network(*random_weights(seed))
    x, y = rng.standard_normal((2, 20, 4))
    steps = np.linalg.norm(network(x) - network(y), axis=1) / np.linalg.norm(x - y, axis=1)
    assert float(lipschitz_product(network)) >= steps.max()


def test_the_product_is_attained_by_positive_diagonal_networks():
    network = relu_network(np.diag([1.0, 3.0]), np.diag([0.5, 2.0]))
    assert lipschitz_product(network).contains(arb(6))
    assert (network([[0, 1.0]]) - network([[0, 0]])).tolist() == [[0, 6]]


def test_zero_layers_are_the_limit_of_small_ones():
    A, Z = np.array([[3.0, 4.0]]), np.zeros((2, 2))
    assert spectral_complexity(relu_network(Z, A)) == 0
    assert spectral_complexity(relu_network(Z, np.zeros((1, 2))), [np.eye(2), A]) == 0
    assert lipschitz_product(relu_network(Z, A)) == 0
    # one zero layer away from its reference still contributes: 5 * |M|_{2,1}
    M = [np.eye(2), np.zeros((1, 2))]
    limit = spectral_complexity(relu_network(Z, A), M)
    assert limit.overlaps(arb(10))
    near = spectral_complexity(relu_network(Z + 1e-9, A), M)
    assert abs(near - limit) < 1e-3


def test_references_must_fit():
    network = relu_network(*random_weights(0))
    with pytest.raises(
        InputError, match="`references` must hold one reference for each of the 3 linear layers, found 1"
    ):
        spectral_complexity(network, [np.eye(2)])
