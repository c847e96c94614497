"""Biases become weights of a constant, and nothing else changes: exact in integers, for every kind of graph."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from numerics.evidence import InputError
from numerics.networks import (
    Activation,
    Add,
    Convolution,
    Data,
    Dense,
    Flatten,
    Network,
    Pooling,
    RegressionData,
    Reshape,
    Scaling,
    absorb_biases,
    batches,
)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    depth=st.integers(1, 4),
    activation=st.sampled_from(["relu", "abs", "leaky_relu", "sign"]),
)
def test_absorbed_biases_change_no_output(seed, depth, activation):
    rng = np.random.default_rng(seed)
    widths = rng.integers(1, 5, depth + 1)
    layers = []
    for i in range(depth):
        # integers make float arithmetic exact, so the outputs can be compared with ==
        bias = rng.integers(-3, 4, widths[i + 1]) if rng.random() < 0.7 else None
        layers += [Dense(rng.integers(-3, 4, (widths[i + 1], widths[i])), bias)]
        layers += [Activation(activation, 0.5 if activation == "leaky_relu" else None)]
    network = Network(layers[:-1], "n")
    data = Data(rng.integers(-3, 4, (6, widths[0])), np.zeros(6, int))
    references = [W + 1 for W in network.weights]
    absorbed, changed = absorb_biases(network, references)
    assert changed is not None
    assert absorbed.zero_failures() == ()
    assert (absorbed(data.with_constant().X) == network(data.X)).all()
    # the constant neuron costs nothing: the last rows of hidden layers agree with the references
    assert all((W[-1] == M[-1]).all() for W, M in list(zip(absorbed.weights, changed, strict=True))[:-1])
    assert absorb_biases(network)[1] is None
    assert absorbed.name == "n (biases absorbed)"


def test_biases_cannot_be_absorbed_through_an_activation_that_moves_one():
    network = Network([Dense([[1.0]], [1.0]), Activation("tanh"), Dense([[1.0]])])
    with pytest.raises(
        InputError,
        match=r"Layer 2, `tanh`, must keep a constant .* only relu, leaky_relu, prelu, abs, relu6, hard_tanh, identity and sign have",
    ):
        absorb_biases(network)
    absorb_biases(Network([Dense([[1.0]], [1.0]), Activation("tanh")]))  # behind the last layer it does not matter
    with pytest.raises(InputError, match="Layer 1, `sigmoid`, must keep"):
        absorb_biases(Network([Activation("sigmoid"), Dense([[1.0]], [1.0])]))


def test_references_must_fit():
    network = Network([Dense([[1.0, 2.0]], [1.0])])
    with pytest.raises(
        InputError, match="`references` must hold one reference for each of the 1 linear layers, found 2"
    ):
        absorb_biases(network, [[[1.0]], [[1.0]]])
    with pytest.raises(InputError, match=r"`references\[0\]` must have the shape \(1, 2\) of .*, found \(1, 1\)"):
        absorb_biases(network, [[[1.0]]])


def random_convolution(rng, inputs, outputs, *, stride=1, size=3, padding=1, circular=False):
    weight = rng.integers(-2, 3, (outputs, inputs, size, size))
    return Convolution(weight, rng.integers(-3, 4, outputs), stride=stride, padding=padding, circular=circular)


def residual(rng, circular, pooled):
    """An image network with a projected and an identity shortcut, pooling, and a dense head."""
    c = int(rng.integers(1, 4))
    layers = [
        random_convolution(rng, 2, c, circular=circular),
        Activation("relu"),
        random_convolution(rng, c, c, circular=circular),
        Add(),  # 4: reads 2 and 3, the first hands the constant on
        Activation("abs"),
        random_convolution(rng, c, 2, stride=2, circular=circular),
        random_convolution(rng, c, 2, stride=2, size=1, padding=0),
        Add(),  # 8: reads 6 and 7, both from linear layers
        Activation("relu"),
        pooled,
        Flatten(),
    ]
    wiring = [(0,), (1,), (2,), (2, 3), (4,), (5,), (5,), (6, 7), (8,), (9,), (10,)]
    d = Network(layers, input_shape=(2, 6, 6), wiring=wiring).outputs
    layers += [Dense(rng.integers(-2, 3, (3, d)), rng.integers(-3, 4, 3)), Activation("relu")]
    layers += [Dense(rng.integers(-2, 3, (2, 3)), rng.integers(-3, 4, 2))]
    return Network(layers, input_shape=(2, 6, 6), wiring=[*wiring, (11,), (12,), (13,)])


@given(st.integers(0, 10**6), st.booleans(), st.sampled_from([Pooling("max", 2, 1), Pooling("max", 3, 2, 1)]))
def test_biases_of_residual_image_networks(seed, circular, pooled):
    rng = np.random.default_rng(seed)
    network = residual(rng, circular, pooled)
    data = Data(rng.integers(-3, 4, (4, 2, 6, 6)), np.zeros(4, int))
    references = ["zero" if rng.random() < 0.5 else p.layer.weight + 1 for p in network.linear_layers]
    absorbed, changed = absorb_biases(network, references)
    assert absorbed.zero_failures() == () and not absorbed.has_bias
    assert absorbed.inputs == 3 * 36
    more = data.with_constant(absorbed.inputs - network.inputs)
    assert (absorbed(more.X) == network(data.X)).all()
    assert changed is not None and len(changed) == len(absorbed.linear_layers)
    for place, M, old in zip(absorbed.linear_layers, changed, network.linear_layers, strict=True):
        assert M.shape == place.layer.weight.shape
        if place.layer.outputs > old.layer.outputs:  # a row for the constant: at its reference it costs nothing
            assert (place.layer.weight[-1] == M[-1]).all()


def test_reshaping_of_each_channel_keeps_the_constant():
    rng = np.random.default_rng(0)
    first, head = Convolution(rng.integers(-2, 3, (3, 2, 2)), [1, 2, -3]), Dense(rng.integers(-2, 3, (2, 6)), [1, -2])
    layers = [first, Activation("relu6"), Reshape((3, 1, 4)), Pooling("max", (1, 2)), Reshape((3, 2)), Flatten(), head]
    network = Network(layers, input_shape=(2, 5))
    data = Data(rng.integers(-3, 4, (9, 2, 5)), np.zeros(9, int))
    absorbed, _ = absorb_biases(network)
    more = data.with_constant(absorbed.inputs - network.inputs)
    assert not absorbed.has_bias and (absorbed(more.X) == network(data.X)).all()
    for shape in ((4, 1, 3), (6, 1, 2)):
        crossing = Network([first, Reshape(shape), Flatten(), Dense(np.ones((2, 12)))], input_shape=(2, 5))
        with pytest.raises(InputError, match=r"it must rearrange each channel alone, found \(3, 4\) to"):
            absorb_biases(crossing)


def test_averages_keep_the_constant_where_they_count_no_padding():
    rng = np.random.default_rng(0)
    image = [random_convolution(rng, 1, 2), Activation("relu")]
    head = Dense(rng.integers(-2, 3, (2, 2)), [1, -2])

    def network(pooling, head=head):
        return Network([*image, pooling, Flatten(), head], input_shape=(1, 4, 4))

    data = Data(rng.integers(-3, 4, (5, 1, 4, 4)), np.zeros(5, int))
    for pooling in (Pooling("average", None), Pooling("average", 4)):
        absorbed, _ = absorb_biases(network(pooling))
        assert (absorbed(data.with_constant(16).X) == network(pooling)(data.X)).all()
    wide = Dense(rng.integers(-2, 3, (2, 18)), [1, -2])
    with pytest.raises(InputError, match="must keep a constant feature to absorb biases: its averages count padding"):
        absorb_biases(network(Pooling("average", 2, 2, 1), wide))
    absorb_biases(network(Pooling("average", 2, 2, 1, count_padding=False), wide))


def test_what_cannot_absorb():
    one = Convolution(np.ones((1, 1, 3)), [1.0])
    end = Dense(np.ones((1, 6)), [1.0])
    shape: dict[str, Any] = {"input_shape": (1, 8)}
    absorb_biases(Network([one, Flatten(), end], **shape))
    # the window of the last output reaches the input with its first place only, the first output with the last only
    with pytest.raises(InputError, match="must have a place in its window that never falls into the padding"):
        absorb_biases(
            Network([Convolution(np.ones((1, 1, 3)), [1.0], padding=2), Flatten(), Dense(np.ones((1, 10)))], **shape)
        )
    with pytest.raises(InputError, match="must have one group to absorb its bias, found 2"):
        absorb_biases(Network([Convolution(np.ones((2, 1, 1)), [1.0, 1.0], groups=2)], input_shape=(2, 4)))
    with pytest.raises(InputError, match="multiply its factor into a weight first"):
        absorb_biases(Network([Dense([[1.0]], [1.0]), Scaling(2.0), Dense([[1.0]])]))
    doubled = Network([Activation("relu"), Add(), Dense([[1.0]], [1.0])], wiring=[(0,), (0, 1), (2,)])
    with pytest.raises(InputError, match="must have one term at most that does not come straight from a linear layer"):
        absorb_biases(doubled)


def test_data_gets_constants():
    data = Data([[1, 2], [3, 4]], [0, 1])
    assert data.with_constant().X.tolist() == [[1, 2, 1], [3, 4, 1]]
    assert data.with_constant(2).X.tolist() == [[1, 2, 1, 1], [3, 4, 1, 1]]
    assert RegressionData([[1.0]], [2.0]).with_constant(2).X.tolist() == [[1, 1, 1]]
    stream = batches(np.array([[1.0], [2.0]]), np.array([0, 1]), rows=1).with_constant().with_constant(2)
    assert stream.inputs == 4 and [part.X.tolist() for part in stream] == [[[1, 1, 1, 1]], [[2, 1, 1, 1]]]
