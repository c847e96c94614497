"""Lipschitz constants of pooling, attained, and of graphs, never exceeded."""

import numpy as np
import pytest
from flint import arb, fmpq
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from reference_network import fits, networks

from numerics.evidence.errors import InputError
from numerics.networks import (
    Activation,
    Add,
    BatchNormalization,
    Convolution,
    Dense,
    Flatten,
    Network,
    Pooling,
    Scaling,
    layer_lipschitz,
    lipschitz_bound,
    lipschitz_product,
    pooling_lipschitz,
    spectral_complexity,
    spectral_norm,
)


def operator(layer, shape) -> np.ndarray:
    """A linear layer as a matrix, by unit vectors."""
    size = int(np.prod(shape))
    basis = np.eye(size).reshape(size, *shape)
    return (layer(basis) - layer(np.zeros((1, *shape)))).reshape(size, -1).T


@pytest.mark.parametrize(
    ("layer", "shape", "square"),
    [
        (Pooling("max", 3, 1), (1, 9), 3),  # the ledger's D11
        (Pooling("max", 3, 2), (64, 13, 13), 4),  # AlexNet
        (Pooling("max", 3, 2), (1, 4), 1),  # one window fits: no overlap, whatever ceil(size / stride) says
        (Pooling("max", 2), (3, 8, 8), 1),
        (Pooling("max", None), (3, 8, 8), 1),
        (Pooling("max", 3, 1), (1, 3, 9), 3),  # one window along the first axis
        (Pooling("max", 2, 1, dilation=2), (1, 4), 1),  # windows {0, 2}, {1, 3}
        (Pooling("max", 2, 1, dilation=2), (1, 5), 2),  # ... and {2, 4}
        (Pooling("max", 3, 2, 1), (1, 5), 2),
        (Pooling("max", (3, 5), 1), (1, 8, 20), 15),
        (Pooling("average", 2), (1, 8), fmpq(1, 2)),
        (Pooling("average", 3, 2), (1, 4), fmpq(1, 3)),
        (Pooling("average", None), (5, 4, 4), fmpq(1, 16)),
        (Pooling("average", 3, 1), (1, 9), 1),
    ],
)
def test_constants_of_pooling(layer, shape, square):
    assert pooling_lipschitz(layer, shape).overlaps(arb(square).sqrt())


@st.composite
def poolings(draw):
    axes = draw(st.integers(1, 2))
    each = lambda low, high: tuple(draw(st.integers(low, high)) for _ in range(axes))  # noqa: E731
    size = each(1, 4)
    layer = Pooling(
        draw(st.sampled_from(["max", "average"])),
        size,
        each(1, 3),
        [(draw(st.integers(0, 2)), draw(st.integers(0, 2))) for _ in size],
        dilation=each(1, 2),
        count_padding=draw(st.booleans()),
    )
    return layer, (1, *each(1, 7))


@settings(max_examples=150)
@given(poolings())
def test_constants_of_pooling_are_attained_or_close(drawn):
    layer, shape = drawn
    assume(fits(layer, shape))
    constant = float(pooling_lipschitz(layer, shape))
    if layer.kind == "max":
        # a peak at each place in turn: the best of them attains the constant
        steps = [np.linalg.norm(layer(peak[None])) for peak in np.eye(int(np.prod(shape))).reshape(-1, *shape)]
        assert max(steps) == pytest.approx(constant, rel=1e-14)
    else:
        norm = np.linalg.norm(operator(layer, shape), 2)
        assert norm <= constant * (1 + 1e-12)
        assert constant <= norm * 2


def test_max_pooling_never_stretches_more():
    rng = np.random.default_rng(0)
    layer, shape = Pooling("max", 3, 2, 1), (2, 7, 6)
    x, y = rng.standard_normal((2, 200, *shape))
    y[::2] = x[::2] + (rng.random((100, *shape)) < 0.05)
    ratio = np.linalg.norm((layer(x) - layer(y)).reshape(200, -1), axis=1) / np.linalg.norm(
        (x - y).reshape(200, -1), axis=1
    )
    assert ratio.max() <= float(pooling_lipschitz(layer, shape))
    assert ratio.max() > 1  # so that 1 would be wrong


def test_constants_of_other_layers():
    assert layer_lipschitz(Activation("sigmoid"), (3,)) == arb(0.25)
    assert layer_lipschitz(Scaling(-3.5), (3,)) == arb(3.5)
    assert layer_lipschitz(Flatten(), (3, 2)) == 1
    assert layer_lipschitz(Add(), (3,)) == 1
    bn = BatchNormalization([1.0, 2.0], [2.0, 3.0], [1.0, -2.0], epsilon=1.0)
    assert layer_lipschitz(bn, (2, 4)) == 1  # |-2| / sqrt(3 + 1), above 1 / sqrt(2 + 1)
    with pytest.raises(TypeError, match=r"`layer` must have no weights, found `Dense\(1 x 1\)`: its constant is its"):
        layer_lipschitz(Dense([[1.0]]), (1,))


def norms(network: Network) -> dict[int, arb]:
    return {p.number: spectral_norm(operator(p.layer, p.input_shape)) for p in network.linear_layers}


def test_constants_multiply_along_chains_and_add_up_in_sums():
    W = np.array([[2.0]])
    chain = Network([Dense(W), Activation("sigmoid"), Scaling(-3.0), Dense(W)])
    assert lipschitz_bound(chain, norms(chain)).overlaps(arb(3))
    block = Network([Dense(W), Activation("relu"), Add()], wiring=[(0,), (1,), (0, 2)])
    assert lipschitz_bound(block, norms(block)).overlaps(arb(3))  # x + 2 relu(x): attained
    assert block([[1.0]])[0, 0] - block([[0.0]])[0, 0] == 3
    twice = Network([Dense(W), Add()], wiring=[(0,), (1, 1, 0)])
    assert lipschitz_bound(twice, norms(twice)).overlaps(arb(5))


@settings(max_examples=60)
@given(network=networks(), seed=st.integers(0, 2**32 - 1))
def test_no_pair_of_points_is_stretched_more_than_the_bound(network, seed):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((30, network.inputs))
    y = x + rng.standard_normal(x.shape) * rng.choice([1e-3, 1.0, 10.0], (30, 1)) * (rng.random(x.shape) < 0.5)
    moved = np.linalg.norm(x - y, axis=1)
    stretched = np.linalg.norm(network(x) - network(y), axis=1)
    bound = float(lipschitz_bound(network, norms(network)).upper())
    assert (stretched <= bound * moved * (1 + 1e-9) + 1e-9 * np.abs(network(x)).max()).all()


def test_norms_must_be_there():
    network = Network([Convolution(np.ones((1, 1, 2)))], input_shape=(1, 3))
    for wrong, found in (({}, "none"), ({1: arb(-1)}, "-1"), ({1: arb("nan")}, "nan")):
        with pytest.raises(InputError) as caught:
            lipschitz_bound(network, wrong)
        assert str(caught.value).startswith(
            "`norms` must hold the operator norm of layer 1, `Convolution(1 x 1 x 2)`, found"
        )
        assert found in str(caught.value)


def test_a_sign_has_no_constant_not_even_between_zeros():
    network = Network([Dense([[0.0]]), Activation("sign"), Dense([[0.0]])])
    for make in (
        lambda: layer_lipschitz(network.layers[1], (1,)),
        lambda: lipschitz_bound(network, norms(network)),
        lambda: lipschitz_product(network),
        lambda: spectral_complexity(network),
    ):
        with pytest.raises(
            InputError, match="`sign` must have a Lipschitz constant for this, but it jumps: use a cont"
        ):
            make()
