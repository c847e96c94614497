"""Networks, activations, absorbed biases and data."""

import numpy as np
import pytest

from numerics.evidence.errors import InputError
from numerics.networks import ACTIVATIONS, Activation, Data, Dense, Network


def test_forward_pass_is_the_textbook_one():
    network = Network([Dense([[1, -2], [0, 1], [3, 0]], [0, 1, -1]), Activation("relu"), Dense([[1, 1, -1]])])
    assert network([[1, 1], [2, 0]]).tolist() == [[0 + 2 - 2], [2 + 1 - 5]]
    assert network(np.zeros((0, 2))).shape == (0, 1)
    assert network.widths == (2, 3, 1)
    assert (network.inputs, network.outputs, network.depth) == (2, 1, 2)
    assert [len(group) for group in network.activations] == [0, 1, 0]
    assert repr(network) == "Network(Dense(3 x 2, bias) -> relu -> Dense(1 x 3))"


def test_layers_may_come_in_any_order():
    network = Network([Activation("abs"), Dense([[2.0]]), Dense([[-1.0]]), Activation("relu"), Activation("tanh")], "n")
    assert network([[-3.0]]).tolist() == [[0.0]]
    assert [[str(a) for a in group] for group in network.activations] == [["abs"], [], ["relu", "tanh"]]
    assert repr(network).startswith("Network('n', abs -> Dense(1 x 1)")


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_the_table_of_activations_is_true(name):
    activation = Activation(name)
    x = np.linspace(-7, 7, 5601)
    y = activation(x)
    slopes = np.abs(np.diff(y) / np.diff(x))
    if activation.jumps:
        assert activation.lipschitz == np.inf and (activation(np.array([1e-300])) - activation(np.zeros(1)))[0] == 1
    else:
        assert slopes.max() <= activation.lipschitz + 1e-9
        assert slopes.max() >= activation.lipschitz - 1e-5  # the constant is the best one
    assert activation(np.zeros(1))[0] == activation.at_zero
    assert (activation(np.ones(1))[0] == 1) == activation.keeps_one


def test_activations_by_value():
    x = np.array([-2.0, 0.0, 3.0])
    assert Activation("relu6")(3 * x).tolist() == [0, 0, 6]
    assert Activation("hard_tanh")(x).tolist() == [-1, 0, 1]
    assert Activation("leaky_relu", 0.5)(x).tolist() == [-1, 0, 3]
    assert Activation("leaky_relu", -4.0).lipschitz == 4
    assert Activation("leaky_relu").slope == 0.01
    assert np.allclose(Activation("sigmoid")(x), 1 / (1 + np.exp(-x)), rtol=1e-15)
    assert Activation("sigmoid")(np.array([-1000.0, 1000.0])).tolist() == [0, 1]
    assert Activation("logistic") == Activation("sigmoid")
    assert Activation("linear") == Activation("identity")
    tiny = np.array([[-np.inf, -5e-324, -0.0], [0.0, 5e-324, 7.0]])
    assert Activation("sign")(tiny).tolist() == [[-1, -1, 0], [0, 1, 1]]
    assert [name for name in ACTIVATIONS if Activation(name).jumps] == ["sign"]


def test_a_network_says_where_it_jumps():
    network = Network([Dense([[1.0]]), Activation("sign"), Dense([[1.0], [2.0]])])
    assert network.zero_failures() == () and Network([Dense([[1.0]]), Activation("tanh")]).jump_failures() == ()
    assert network.jump_failures() == (
        "Layer 2, `sign`, jumps: it has no Lipschitz constant, so that no norm of the weights bounds the network.",
    )


@pytest.mark.parametrize("text", ["relu", "leaky_relu(0.1)", "tanh", "leaky_relu(-2.0)", "sign"])
def test_activations_as_text(text):
    assert str(Activation.from_text(text)) == text
    assert Activation.from_text(f" {text} ") == Activation.from_text(text)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: Activation("rellu"), "`rellu` is not a known activation: did you mean `relu`?"),
        (lambda: Activation("??"), "`??` is not a known activation: use one of relu, leaky_relu, prelu, abs"),
        (lambda: Activation("relu", 0.1), "`relu` has no slope, found 0.1: leave it out"),
        (lambda: Activation("leaky_relu", float("nan")), "The slope of `leaky_relu` must be finite, found nan"),
        (lambda: Activation.from_text("leaky_relu(x)"), "An activation is written `relu` or `leaky_relu(0.1)`"),
        (lambda: Activation.from_text("a b"), "An activation is written `relu` or `leaky_relu(0.1)`, found 'a b'"),
        (lambda: Dense([[float("inf")]]), "`weight` must have finite entries, found inf at index (0, 0)"),
        (lambda: Dense([[1.0]], [float("nan")]), "`bias` must have finite entries, found nan at index (0,)"),
        (lambda: Dense(np.zeros((0, 3))), "`weight` must have at least one row and one column, found shape (0, 3)"),
        (lambda: Dense([1.0]), "`weight` must have 2 dimension(s), found shape (1,)"),
        (
            lambda: Dense([[1.0]], [1, 2]),
            "`bias` must have one entry for each of the 1 rows of `weight` (1, 1), found 2",
        ),
        (lambda: Network([]), "`layers` must hold at least one `Dense` or `Convolution` layer, found none"),
        (
            lambda: Network([Activation("relu")]),
            "`layers` must hold at least one `Dense` or `Convolution` layer, found none",
        ),
        (
            lambda: Network([Dense(np.ones((3, 2))), Activation("relu"), Dense(np.ones((1, 4)))]),
            "Layer 3: `Dense(1 x 4)` must get 4 values, found shape (3,). It reads layer 2, `relu`.",
        ),
        (
            lambda: Network([Dense([[1.0]])])(np.ones((2, 3))),
            "`X` must have 1 columns, one for each input, found shape (2, 3)",
        ),
        (lambda: Network([Dense([[1.0]])])([[float("nan")]]), "`X` must have finite entries"),
        (lambda: Data(np.ones((2, 1)), [0, -1]), "`y` must hold class numbers counted from 0, found the label -1"),
        (
            lambda: Data(np.ones((1, 1)), [2**40]),
            "`y` must hold class numbers counted from 0, found the label 1099511627776",
        ),
        (lambda: Data(np.ones((2, 1)), [0.0, 1.0]), "`y` must hold integer class numbers, found dtype float64"),
        (lambda: Data(np.ones((2, 1)), [0]), "`y` must have shape (2,), one label for each row of `X`, found (1,)"),
        (lambda: Data(np.ones((0, 4)), np.zeros(0, int)), "`X` must have at least one sample and one feature"),
        (lambda: Data([[float("nan")]], [0]), "`X` must have finite entries, found nan"),
    ],
)
def test_bad_input_is_refused_in_one_sentence(make, text):
    with pytest.raises(InputError) as caught:
        make()
    assert text in str(caught.value)


def test_layers_must_be_layers():
    with pytest.raises(TypeError, match="`layers` must hold layers such as `Dense` and `Activation`, found str"):
        Network([Dense([[1.0]]), "relu"])  # pyright: ignore[reportArgumentType]


def test_weights_and_data_cannot_be_changed_behind_the_back():
    W = np.ones((1, 2))
    layer, data = Dense(W), Data(W, [0])
    W[0, 0] = 5
    assert layer.weight[0, 0] == 1
    assert data.X[0, 0] == 1
    with pytest.raises(ValueError, match="read-only"):
        layer.weight[0, 0] = 2


def test_reasons_why_zero_is_not_kept():
    ok = Network([Dense([[1.0]], [0.0]), Activation("relu"), Dense([[1.0]])])
    assert ok.zero_failures() == ()
    assert not ok.has_bias
    bad = Network(
        [Activation("sigmoid"), Dense([[1.0]]), Activation("tanh"), Dense([[1.0]], [2.0]), Activation("sigmoid")]
    )
    assert bad.has_bias
    assert bad.zero_failures() == (
        "Layer 1, `sigmoid`, has sigma(0) = 0.5, not 0.",
        "Layer 4, `Dense(1 x 1, bias)`, has a bias: absorb it into the weights (`absorb_biases`) or train without.",
        "Layer 5, `sigmoid`, has sigma(0) = 0.5, not 0.",
    )


def test_data():
    data = Data([[1, 2], [3, 4]], np.array([2, 0], np.uint8))
    assert len(data) == 2
    assert data.y.dtype == np.int64
    assert data.with_constant().X.tolist() == [[1, 2, 1], [3, 4, 1]]
    assert repr(data) == "Data(2 samples, 2 features, labels 0 to 2)"
