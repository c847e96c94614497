"""Layers and graphs: the forward pass against exact rationals and SciPy, wiring, shapes, refused input."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference_network import exact_outputs, networks
from scipy import signal

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
    Reshape,
    Scaling,
)

RELU = Activation("relu")


@settings(max_examples=120)
@given(network=networks(integers=True), seed=st.integers(0, 2**32 - 1))
def test_outputs_agree_with_the_definition(network, seed):
    X = np.random.default_rng(seed).integers(-4, 5, (2, network.inputs))
    outputs = network(X)
    assert outputs.shape == (2, network.outputs)
    for x, y in zip(network.samples(X), outputs, strict=True):
        truth = np.array([float(v) for v in exact_outputs(network, x)])
        assert np.allclose(y, truth, rtol=1e-12, atol=1e-9)


@settings(max_examples=60)
@given(network=networks(integers=True, normalization=False), seed=st.integers(0, 2**32 - 1))
def test_integers_come_out_exactly_where_nothing_is_divided(network, seed):
    inexact = [a for a in network.layers if (isinstance(a, Pooling) and a.kind == "average") or a == Scaling(0.1)]
    if not inexact and not any(a == Activation("leaky_relu", 0.3) for a in network.layers):
        x = np.random.default_rng(seed).integers(-4, 5, (1, network.inputs))
        assert network(x)[0].tolist() == [float(v) for v in exact_outputs(network, network.samples(x)[0])]


@pytest.mark.parametrize("circular", [False, True])
def test_convolutions_agree_with_scipy(circular):
    rng = np.random.default_rng(0)
    W, x = rng.standard_normal((4, 3, 3, 3)), rng.standard_normal((2, 3, 7, 6))
    layer = Convolution(W, padding=1, circular=circular)
    for n in range(2):
        for k in range(4):
            options: Any = {"mode": "same", "boundary": "wrap" if circular else "fill"}
            truth = sum(signal.correlate2d(x[n, c], W[k, c], **options) for c in range(3))
            assert np.allclose(layer(x)[n, k], truth, atol=1e-12)
    V, z = rng.standard_normal((2, 1, 4)), rng.standard_normal((1, 2, 9))
    truth = [signal.correlate(z[0, g], V[g, 0], mode="valid")[::2] for g in range(2)]
    assert np.allclose(Convolution(V, groups=2, stride=2)(z)[0], truth, atol=1e-12)


def test_padding_in_words():
    x = np.arange(1.0, 6.0)[None, None]
    assert Convolution([[[1.0, 1.0]]], padding="same")(x).tolist() == [[[3, 5, 7, 9, 5]]]  # the odd place is behind
    assert Convolution([[[1.0, 1.0]]], padding="valid")(x).tolist() == [[[3, 5, 7, 9]]]
    layer = Convolution(np.ones((1, 1, 3, 2)), padding=[1, (0, 2)], stride=[2, 1], dilation=(1, 2))
    assert (layer.padding, layer.stride, layer.dilation) == (((1, 1), (0, 2)), (2, 1), (1, 2))
    assert Convolution(np.ones((1, 1, 5)), padding="same", dilation=2).padding == ((4, 4),)
    assert Convolution([[[1.0, 10.0, 100.0]]], padding=(((0, 2)),), circular=True)(x)[0, 0].tolist() == [
        321,
        432,
        543,
        154,
        215,
    ]


def test_pooling_by_value():
    x = np.array([[[-1.0, -2.0, -3.0, -4.0, -5.0]]])
    assert Pooling("max", 3, 2, 1)(x).tolist() == [[[-1, -2, -4]]]  # padding never wins
    assert Pooling("average", 3, 2, 1)(x).tolist() == [[[-1, -3, -3]]]
    assert Pooling("average", 3, 2, 1, count_padding=False)(x).tolist() == [[[-1.5, -3, -4.5]]]
    assert Pooling("average", None)(x).tolist() == [[[-3]]]
    assert Pooling("max", None)(x).tolist() == [[[-1]]]
    assert Pooling("max", 2)(x).tolist() == [[[-1, -3]]]
    assert Pooling("max", 2, 1, dilation=3)(x).tolist() == [[[-1, -2]]]
    square = np.arange(16.0).reshape(1, 1, 4, 4)
    assert Pooling("average", (2, 4))(square).tolist() == [[[[3.5], [11.5]]]]
    # a window of padding alone averages to 0 when padding counts
    assert Pooling("average", 1, 1, (1,))(x)[0, 0].tolist() == [0, -1, -2, -3, -4, -5, 0]


def test_reshaping_keeps_the_order_and_the_number():
    x = np.arange(12.0).reshape(2, 6)
    layer = Reshape((3, 1, 2))
    assert layer(x).tolist() == x.reshape(2, 3, 1, 2).tolist()
    assert layer(layer(x).reshape(2, 2, 3)).tolist() == layer(x).tolist()
    assert layer.output_shape((2, 3)) == (3, 1, 2)
    assert layer(np.empty((0, 6))).shape == (0, 3, 1, 2)
    with pytest.raises(InputError, match=r"`Reshape\(shape=\(3, 1, 2\)\)` must get 6 numbers, found shape \(5,\)\."):
        layer.output_shape((5,))
    wrong: list[Any] = [(), 6, (1, 1, 1, 6)]
    for shape in wrong:
        with pytest.raises(InputError, match=r"`shape` must be that of a sample, with one to three axes, found"):
            Reshape(shape)
    with pytest.raises(InputError, match=r"`shape` must be an integer of at least 1, found -1"):
        Reshape((-1, 2))


def residual_network() -> Network:
    return Network(
        [
            Convolution(np.ones((2, 2, 3)), padding=1),
            RELU,
            Add(),
            Pooling("average", None),
            Flatten(),
            Dense([[1.0, 2.0]]),
        ],
        "small",
        input_shape=(2, 5),
        wiring=[(0,), (1,), (0, 2), (3,), (4,), (5,)],
    )


def test_a_graph_knows_what_it_is_made_of():
    network = residual_network()
    assert network.shapes == ((2, 5), (2, 5), (2, 5), (2, 5), (2, 1), (2,), (1,))
    assert (network.inputs, network.outputs, network.input_shape, network.output_shape) == (10, 1, (2, 5), (1,))
    assert (network.depth, network.is_chain, network.is_fully_connected, network.has_bias) == (2, False, False, False)
    assert [(p.number, p.input_shape, p.output_shape) for p in network.linear_layers] == [
        (1, (2, 5), (2, 5)),
        (6, (2,), (1,)),
    ]
    assert all(network.layers[p.number - 1] is p.layer for p in network.linear_layers)
    assert repr(network) == (
        "Network('small', Convolution(2 x 2 x 3, padding 1) -> relu -> Add[0, 2] -> "
        "Pooling(average, whole channels) -> Flatten() -> Dense(1 x 2))"
    )
    graph = network.graph()
    assert sorted(graph.edges) == [(0, 1), (0, 3), (1, 2), (2, 3), (3, 4), (4, 5), (5, 6)]
    assert graph.nodes[3]["layer"] == Add()
    assert graph.nodes[0] == {"layer": None, "shape": (2, 5)}


def test_depth_is_that_of_the_longest_way():
    W = np.eye(2)
    network = Network([Dense(W), Dense(W), Dense(W), Add()], wiring=[(0,), (1,), (0,), (2, 3)])
    assert network.depth == 2
    assert len(network.linear_layers) == 3
    assert network([[1.0, 2.0]]).tolist() == [[2, 4]]


def test_fully_connected_networks_may_scale_and_flatten():
    network = Network(
        [Flatten(), Dense(np.ones((2, 4)), [1.0, 0.0]), Scaling(-0.5), RELU, Dense([[1.0, 1.0]])], input_shape=(1, 2, 2)
    )
    assert network.is_fully_connected
    assert network.widths == (4, 2, 1)
    assert [[str(a) for a in group] for group in network.activations] == [[], ["Scaling(-0.5)", "relu"], []]
    assert network(-np.ones((1, 1, 2, 2))).tolist() == [[1.5 + 2.0]]
    assert network.zero_failures() == (
        "Layer 2, `Dense(2 x 4, bias)`, has a bias: absorb it into the weights (`absorb_biases`) or train without.",
    )


@pytest.mark.parametrize("name", ["dense", "weights", "activations", "widths"])
def test_other_networks_say_that_they_have_no_weights_in_a_row(name):
    with pytest.raises(InputError) as caught:
        getattr(residual_network(), name)
    assert str(caught.value).startswith(f"`{name}` needs a fully connected network (a chain of dense layers and")
    assert "found layer 1, `Convolution(2 x 2 x 3, padding 1)`: use `linear_layers`." in str(caught.value)
    with pytest.raises(InputError, match=r"found layer 3, `Add\(\)`"):
        getattr(Network([Dense([[1.0]]), Dense([[1.0]]), Add()], wiring=[(0,), (0,), (1, 2)]), name)


def test_what_does_not_keep_zero_is_named():
    layers = [
        Convolution(np.ones((2, 1, 3)), [0.0, 1.0]),
        Activation("sigmoid"),
        BatchNormalization([1.0, 0.0], [1.0, 1.0]),
        Pooling("max", 2),
    ]
    assert Network(layers, input_shape=(1, 6)).zero_failures() == (
        "Layer 1, `Convolution(2 x 1 x 3, bias)`, has a bias: absorb it into the weights (`absorb_biases`) or train without.",
        "Layer 2, `sigmoid`, has sigma(0) = 0.5, not 0.",
        "Layer 3, `BatchNormalization(2)`, does not map 0 to 0: its shift acts as a bias.",
    )
    assert residual_network().zero_failures() == ()


@pytest.mark.parametrize(
    ("mean", "variance", "scale", "shift", "moves"),
    [(0, 1, 2, 0, False), (3, 4, 2, 3, False), (3, 4, 2, -3, True), (1, 2, 1, 0.5, True), (5, 1, 0, 0, False)],
)
def test_normalisation_that_keeps_zero_is_recognised_exactly(mean, variance, scale, shift, moves):
    layer = BatchNormalization([mean], [variance], [scale], [shift], 0.0)
    assert layer.moves_zero == moves
    assert (layer(np.zeros((1, 1)))[0, 0] != 0) == moves


def test_layers_cannot_be_changed_behind_the_back():
    W = np.ones((1, 1, 2))
    layer = Convolution(W)
    W[0, 0, 0] = 7
    assert layer.weight[0, 0, 0] == 1
    with pytest.raises(ValueError, match="read-only"):
        layer.weight[0, 0, 0] = 2


def test_texts_of_layers():
    assert repr(Convolution(np.ones((4, 1, 3, 3)), [1] * 4, stride=2, padding=[(0, 1), 1], groups=2)) == (
        "Convolution(4 x 1 x 3 x 3, stride 2, padding ((0, 1), (1, 1)), groups 2, bias)"
    )
    assert repr(Convolution(np.ones((1, 1, 3)), dilation=2, circular=True)) == (
        "Convolution(1 x 1 x 3, dilation 2, circular)"
    )
    assert repr(Pooling("average", (3, 2), 1, 1, dilation=2, count_padding=False)) == (
        "Pooling(average, size (3, 2), stride (1, 1), padding ((1, 1), (1, 1)), dilation (2, 2), padding not counted)"
    )
    assert repr(Pooling("max", 3, 2)) == "Pooling(max, size 3, stride 2)"


CONVOLUTION = Convolution(np.ones((2, 3, 3, 3)))
IMAGE = (3, 4, 4)
ONE_AND_A_HALF: Any = 1.5


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (
            lambda: Convolution(np.ones((2, 2))),
            "must be out x in x length or out x in x height x width, found shape (2",
        ),
        (lambda: Convolution(np.ones((1, 0, 3))), "`weight` must have at least one entry along each axis, found shape"),
        (lambda: Convolution(np.full((1, 1, 1), np.nan)), "`weight` must have finite entries, found nan at index"),
        (
            lambda: Convolution(np.ones((2, 1, 1)), [1.0]),
            "one entry for each of the 2 rows of `weight` (2, 1, 1), found 1",
        ),
        (lambda: Convolution(np.ones((1, 1, 1)), stride=0), "`stride` must be an integer of at least 1, found 0"),
        (lambda: Convolution(np.ones((1, 1, 1)), stride=True), "`stride` must be an integer of at least 1, found True"),
        (
            lambda: Convolution(np.ones((1, 1, 1)), stride=(1, 2)),
            "one integer or one for each of the 1 axes, found (1, 2)",
        ),
        (
            lambda: Convolution(np.ones((1, 1, 1)), dilation=ONE_AND_A_HALF),
            "`dilation` must be an integer of at least 1, found 1.5",
        ),
        (lambda: Convolution(np.ones((1, 1, 1)), padding=-1), "`padding` must be an integer of at least 0, found -1"),
        (
            lambda: Convolution(np.ones((1, 1, 1)), padding=(1, 2)),
            "a pair (before, after) for each of the 1 axes, found",
        ),
        (
            lambda: Convolution(np.ones((1, 1, 1)), padding=[(1, 2, 3)]),
            "a pair (before, after) for an axis, found (1, 2, 3)",
        ),
        (
            lambda: Convolution(np.ones((1, 1, 1)), padding="full"),
            "`padding` must be integers, 'same' or 'valid', found 'fu",
        ),
        (
            lambda: Convolution(np.ones((1, 1, 1)), stride=2, padding="same"),
            "`padding` 'same' needs stride 1, found (2,)",
        ),
        (lambda: Convolution(np.ones((3, 1, 1)), groups=2), "`groups` must divide the 3 output channels, found 2"),
        (lambda: Pooling("mean", 2), "`kind` must be 'max' or 'average', found 'mean'"),  # pyright: ignore[reportArgumentType]
        (lambda: Pooling("max", None, 2), "Pooling of whole channels has no `stride`, found 2: leave it out."),
        (lambda: Pooling("max", 0), "`size` must be an integer of at least 1, found 0"),
        (
            lambda: Pooling("max", (2, 2), (1,)),
            "`stride` must be one integer or one for each of the 2 axes, found (1,)",
        ),
        (lambda: Scaling(float("inf")), "`factor` must be finite, found inf"),
        (lambda: BatchNormalization([], []), "`mean` must have at least one entry, found none"),
        (lambda: BatchNormalization([0.0], [1.0, 1.0]), "`variance` must have 1 entries as `mean`, found 2"),
        (lambda: BatchNormalization([0.0], [-1.0]), "`variance` must be >= 0, found -1.0"),
        (lambda: BatchNormalization([0.0], [0.0], epsilon=0.0), "`variance` + `epsilon` must be > 0, found 0"),
        (lambda: BatchNormalization([0.0], [1.0], epsilon=-1.0), "`epsilon` must be >= 0, found -1.0"),
        (
            lambda: Network([CONVOLUTION]),
            "`input_shape` must be given for a network whose first layer with weights is a convolution, found none: "
            "pass (3, height, width).",
        ),
        (
            lambda: Network([CONVOLUTION], input_shape=()),
            "`input_shape` must be (d,), (channels, length) or (channels, heig",
        ),
        (
            lambda: Network([CONVOLUTION], input_shape=(3, 0, 1)),
            "`input_shape` must be an integer of at least 1, found 0",
        ),
        (
            lambda: Network([CONVOLUTION], input_shape=(1, 9, 9)),
            "Layer 1: `Convolution(2 x 3 x 3 x 3)` must get 3 channels x height x width, found shape (1, 9, 9). It reads "
            "the input.",
        ),
        (
            lambda: Network([CONVOLUTION, CONVOLUTION], input_shape=(3, 9, 9)),
            "Layer 2: `Convolution(2 x 3 x 3 x 3)` must get 3 channels x height x width, found shape (2, 7, 7). It reads "
            "layer 1, `Convolution(2 x 3 x 3 x 3)`.",
        ),
        (
            lambda: Network([CONVOLUTION], input_shape=(3, 2, 9)),
            "must fit into its padded input, found shape (3, 2, 9).",
        ),
        (
            lambda: Network([Convolution(np.ones((1, 1, 9)), padding=4, circular=True)], input_shape=(1, 3)),
            "must not wrap around more than once, found shape (1, 3): pad less.",
        ),
        (
            lambda: Network([CONVOLUTION, Dense(np.ones((1, 8)))], input_shape=IMAGE),
            "Layer 2: `Dense(1 x 8)` must get 8 values, found shape (2, 2, 2): put a `Flatten` before it.",
        ),
        (
            lambda: Network([CONVOLUTION, Pooling("max", 3)], input_shape=IMAGE),
            "Layer 2: `Pooling(max, size 3)` must fit into its padded input, found shape (2, 2, 2).",
        ),
        (
            lambda: Network([CONVOLUTION, Pooling("max", 1, 1, 1)], input_shape=IMAGE),
            "must have no window in the padding alone, found one for shape (2, 2, 2).",
        ),
        (
            lambda: Network([CONVOLUTION, Pooling("average", 1, 1, 1, count_padding=False)], input_shape=IMAGE),
            "must have no window in the padding alone, found one for shape (2, 2, 2).",
        ),
        (
            lambda: Network([CONVOLUTION, Pooling("max", (2,))], input_shape=IMAGE),
            "must get channels and 1 axes of space, found shape (2, 2, 2).",
        ),
        (
            lambda: Network([Dense([[1.0]]), Pooling("max", 2)]),
            "must get channels and at least one axes of space, found",
        ),
        (
            lambda: Network([CONVOLUTION, BatchNormalization([0.0], [1.0])], input_shape=IMAGE),
            "Layer 2: `BatchNormalization(1)` must get 1 channels, found shape (2, 2, 2).",
        ),
        (
            lambda: Network([Dense(np.ones((2, 1))), Add()], wiring=[(0,), (0, 1)]),
            "Layer 2: `Add()` must get values of one shape, found (1,) and (2,). It reads the input and layer 1, `Dense(2 x "
            "1)`.",
        ),
        (
            lambda: Network([Dense([[1.0]])], wiring=[]),
            "`wiring` must hold one tuple for each of the 1 layers, found 0",
        ),
        (lambda: Network([Dense([[1.0]])], wiring=[0]), "`wiring[0]` must be a tuple of value numbers, found 0"),  # pyright: ignore[reportArgumentType]
        (lambda: Network([Dense([[1.0]])], wiring=[(-1,)]), "`wiring[0]` must be an integer of at least 0, found -1"),
        (
            lambda: Network([Dense([[1.0]]), RELU], wiring=[(0,), (2,)]),
            "Layer 2, `relu`, must read values computed before it, 0 to 1, found 2.",
        ),
        (
            lambda: Network([Dense([[1.0]]), Add()], wiring=[(0,), (1,)]),
            "Layer 2, `Add()`, must read two values or more, fo",
        ),
        (lambda: Network([Dense([[1.0]]), Add()]), "Layer 2, `Add()`, must read two values or more, found 1."),
        (lambda: Network([Dense([[1.0]])], wiring=[(0, 0)]), "Layer 1, `Dense(1 x 1)`, must read one value, found 2."),
        (
            lambda: Network([Dense([[1.0]]), RELU, RELU], wiring=[(0,), (1,), (1,)]),
            "Every value but the last must be read by a layer, found value of layer 2, `relu`, unused.",
        ),
        (
            lambda: residual_network()(np.ones((1, 9))),
            "`X` must have 10 columns, one for each input, found shape (1, 9)",
        ),
        (lambda: residual_network()(np.ones((1, 5, 2))), "`X` must have shape (n, 2, 5), found (1, 5, 2)"),
        (lambda: residual_network()(np.full((1, 2, 5), np.nan)), "`X` must have finite entries, found nan"),
    ],
)
def test_bad_input_is_refused_in_one_sentence(make, text):
    with pytest.raises(InputError) as caught:
        make()
    assert text in str(caught.value)


def test_programming_mistakes():
    with pytest.raises(
        TypeError, match="`layers` must hold layers such as `Dense` and `Activation`, found `Add` itself: call it"
    ):
        Network([Dense([[1.0]]), Add])  # pyright: ignore[reportArgumentType]
    with pytest.raises(TypeError, match="`factor` must be a real number, found str"):
        Scaling("2")  # pyright: ignore[reportArgumentType]
