"""Folded batch normalisation: the same function, each weight the nearest float, exactly where padding allows it."""

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from flint import arb, ctx
from hypothesis import given, settings
from hypothesis import strategies as st
from reference_network import networks

from numerics.evidence.errors import InputError
from numerics.networks import (
    Activation,
    Add,
    BatchNormalization,
    Convolution,
    Dense,
    Flatten,
    Network,
    enclosed_outputs,
    fold_batch_normalization,
)
from numerics.networks.folding import nearest

RELU = Activation("relu")


def normalization(rng, channels: int, scale: float = 1.0) -> BatchNormalization:
    normal = rng.standard_normal
    return BatchNormalization(
        normal(channels), rng.random(channels) + 0.1, scale * normal(channels), normal(channels), 1e-3
    )


def kinds(network: Network) -> list[str]:
    return [type(layer).__name__ for layer in network.layers]


@settings(max_examples=120)
@given(network=networks(), seed=st.integers(0, 2**32 - 1))
def test_folding_keeps_the_function(network, seed):
    folded = fold_batch_normalization(network)
    assert not any(isinstance(layer, BatchNormalization) for layer in folded.layers)
    assert (folded.input_shape, folded.output_shape) == (network.input_shape, network.output_shape)
    x = np.random.default_rng(seed).standard_normal((3, network.inputs))
    (c1, r1), (c2, r2) = enclosed_outputs(network, x), enclosed_outputs(folded, x)
    # weights change by one rounding each, which moves outputs about as much as the rounding of the forward pass
    assert (np.abs(c1 - c2) <= 20 * (r1 + r2) + 1e-300).all()


def exact_root(x: Fraction) -> arb:
    return (arb(x.numerator) / x.denominator).sqrt()


def to_nearest(ball: arb) -> float:
    """A second route to rounding: compare with the two halves around a guess, in rationals."""
    guess = float(ball)
    mantissa, exponent = (int(k) for k in ball.mid().man_exp())
    value = Fraction(mantissa) * Fraction(2) ** exponent
    near = [guess, np.nextafter(guess, -np.inf), np.nextafter(guess, np.inf)]
    return min(near, key=lambda f: abs(Fraction(float(f)) - value))


@pytest.mark.parametrize("seed", range(4))
def test_each_folded_weight_is_the_nearest_float(seed):
    rng = np.random.default_rng(seed)
    first, last = normalization(rng, 4), normalization(rng, 6, 1e3)
    layer = Convolution(
        rng.standard_normal((6, 2, 3)) * 10.0 ** rng.integers(-3, 4, (6, 2, 3)), rng.standard_normal(6), groups=2
    )
    folded = fold_batch_normalization(Network([first, layer, last], input_shape=(4, 5)))
    assert kinds(folded) == ["Convolution"]
    (new,) = folded.layers
    assert isinstance(new, Convolution)
    with ctx.workprec(500):

        def constants(bn, c):
            root = exact_root(Fraction(bn.variance[c]) + Fraction(bn.epsilon))
            factor = arb(float(bn.scale[c])) / root
            return factor, arb(float(bn.shift[c])) - arb(float(bn.mean[c])) * factor

        assert layer.bias is not None
        assert new.bias is not None
        for k in range(6):
            f, o = constants(last, k)
            bias = arb(float(layer.bias[k]))
            for c in range(2):
                g, p = constants(first, 2 * (k // 3) + c)
                for t in range(3):
                    w = arb(float(layer.weight[k, c, t]))
                    assert new.weight[k, c, t] == to_nearest(f * w * g)
                    bias += w * p
            assert new.bias[k] == to_nearest(f * bias + o)


def test_thousands_of_weights_are_rounded_to_the_nearest():
    rng = np.random.default_rng(5)
    W = rng.standard_normal((30, 80)) * 10.0 ** rng.integers(-290, 290, (30, 80))
    W[0, :4] = [0.0, 1.0, 0.5, 5e-324]
    bn = BatchNormalization(np.zeros(30), rng.random(30) + 0.5, rng.standard_normal(30) * 3, None, 0.0)
    new = fold_batch_normalization(Network([Dense(W), bn])).weights[0]
    assert not (new == W * (bn.scale / np.sqrt(bn.variance))[:, None]).all()  # plain floats are off in the last place
    with ctx.workprec(300):
        for k, c in np.ndindex(W.shape):
            factor = arb(float(bn.scale[k])) / arb(float(bn.variance[k])).sqrt()
            assert new[k, c] == to_nearest(arb(float(W[k, c])) * factor)


def test_subnormal_results_are_rounded_once():
    # 1.5 (1 - 2^-71) smallest floats: 53 bits first make that a tie, which would go to 2
    bn = BatchNormalization([0.0], [1.0], [0.5], [0.0], 2.0**-70)
    new = fold_batch_normalization(Network([Dense([[3 * 2.0**-1074, 2.0**-1074, 4 * 2.0**-1074]]), bn])).weights[0]
    assert new[0].tolist() == [2.0**-1074, 0.0, 2 * 2.0**-1074]


def test_doubts_are_decided_with_more_digits():
    # (1 + 2^-52) 1.5 lies in the middle between two floats, and the root moves it down by a factor of 1 - 2^-301
    bn = BatchNormalization([0.0], [1.0], [1.5], [0.0], 2.0**-300)
    new = fold_batch_normalization(Network([Dense([[1 + 2.0**-52]]), bn])).weights[0]
    assert (1 + 2.0**-52) * 1.5 == 1.5 + 2 * 2.0**-52
    assert new[0, 0] == 1.5 + 2.0**-52


def test_nearest_rounds_ties_and_doubts():
    assert nearest(lambda: arb(2) ** 53 + 1) == 2.0**53
    assert nearest(lambda: arb(2).sqrt() * arb(2).sqrt()) == 2
    assert nearest(lambda: arb(2).sqrt() ** 2 - 2) == 0
    assert nearest(lambda: -(arb(10) ** 400)) == -np.inf
    assert nearest(lambda: arb(1) / 3) == 1 / 3
    # between two floats by 2^-300: more than the first precision decides
    assert nearest(lambda: arb(2) ** 53 + 1 + arb(2) ** -300) == 2.0**53 + 2
    assert nearest(lambda: arb(2) ** 53 + 1 - arb(2) ** -300) == 2.0**53


def structure(layers, **options: Any) -> list[str]:
    rng = np.random.default_rng(0)
    network = Network(layers, **options)
    folded = fold_batch_normalization(network)
    x = rng.standard_normal((4, network.inputs))
    assert np.allclose(folded(x), network(x), rtol=1e-10, atol=1e-10)
    return kinds(folded)


def test_where_it_goes():
    rng = np.random.default_rng(1)
    W, K, bn = rng.standard_normal((3, 3)), rng.standard_normal((3, 3, 3)), normalization(rng, 3)
    image = {"input_shape": (3, 6)}
    assert structure([Dense(W), bn, RELU, Dense(W)]) == ["Dense", "Activation", "Dense"]
    assert structure([RELU, bn, Dense(W)]) == ["Activation", "Dense"]
    assert structure([bn, Dense(W), bn]) == ["Dense"]
    assert structure([Dense(W), bn, bn, bn]) == ["Dense"]
    assert structure([Convolution(K, padding=1), bn], **image) == ["Convolution"]
    assert structure([RELU, bn, Convolution(K)], **image) == ["Activation", "Convolution"]
    assert structure([bn, Convolution(K, padding=1, circular=True)], **image) == ["Convolution"]
    # zeros around the input would have to become the offset
    assert structure([bn, Convolution(K, padding=1)], **image) == ["Convolution", "Convolution"]
    still = BatchNormalization([0.0, 1.0, 0.0], [1.0, 4.0, 1.0], [2.0, 6.0, 1.0], [0.0, 3.0, 0.0], 0.0)
    assert not still.moves_zero
    assert structure([still, Convolution(K, padding=1)], **image) == ["Convolution"]
    assert structure([Dense(W), RELU, bn, RELU]) == ["Dense", "Activation", "Dense", "Activation"]
    assert structure([RELU, bn, bn, Dense(W)]) == ["Activation", "Dense"]
    assert structure([RELU, bn, bn, bn, Dense(W), bn]) == ["Activation", "Dense"]
    assert structure([Dense(W), RELU, bn, bn, RELU]) == ["Dense", "Activation", "Dense", "Activation"]
    assert structure([still, bn, Convolution(K, padding=1)], **image) == ["Convolution", "Convolution"]
    assert structure([still, still, Convolution(K, padding=1)], **image) == ["Convolution"]


def test_where_it_goes_in_graphs():
    rng = np.random.default_rng(2)
    K, bn = rng.standard_normal((2, 2, 3)), normalization(rng, 2)
    image: Any = {"input_shape": (2, 5)}
    convolution = Convolution(K, padding=1)
    # the convolution has another reader, which must not see the normalisation; then nothing behind takes it
    layers = [convolution, bn, Add(), Flatten(), Dense(rng.standard_normal((2, 10)))]
    assert structure(layers, wiring=[(0,), (1,), (1, 2), (3,), (4,)], **image) == [
        "Convolution",
        "Convolution",
        "Add",
        "Flatten",
        "Dense",
    ]
    # a residual block with normalisation on the branch and before the end
    layers = [convolution, bn, RELU, convolution, bn, Add(), bn, Flatten(), Dense(rng.standard_normal((2, 10)))]
    wiring = [(0,), (1,), (2,), (3,), (4,), (5, 0), (6,), (7,), (8,)]
    assert structure(layers, wiring=wiring, **image) == [
        "Convolution",
        "Activation",
        "Convolution",
        "Add",
        "Convolution",
        "Flatten",
        "Dense",
    ]
    # two readers of a normalised input: it cannot go forward
    layers = [bn, convolution, Add(), Flatten(), Dense(rng.standard_normal((2, 10)))]
    assert structure(layers, wiring=[(0,), (1,), (1, 2), (3,), (4,)], **image)[0] == "Convolution"
    W = rng.standard_normal((2, 2))
    assert structure([bn, Dense(W), Add()], wiring=[(0,), (1,), (1, 2)]) == ["Dense", "Dense", "Add"]
    folded = fold_batch_normalization(Network([bn, RELU, convolution], "n", **image))
    (diagonal, *_) = folded.layers
    assert isinstance(diagonal, Convolution)
    assert (diagonal.weight.shape, diagonal.groups, folded.name) == ((2, 1, 1), 2, "n")


def test_networks_without_normalisation_stay_as_they_are():
    network = Network([Dense([[1.0]])])
    assert fold_batch_normalization(network) is network
    plain = fold_batch_normalization(Network([Dense([[2.0]]), BatchNormalization([0.0], [4.0], epsilon=0.0)]))
    assert plain.dense[0].bias is None
    assert plain.weights[0].tolist() == [[1.0]]


def test_what_does_not_fit_into_floats_is_refused():
    bn = BatchNormalization([0.0], [1e-300], [1e300], epsilon=0.0)
    with pytest.raises(
        InputError, match=r"folded into layer 1, `Dense\(1 x 1\)`, must fit into float64, found an overf"
    ):
        fold_batch_normalization(Network([Dense([[1e10]]), bn]))
