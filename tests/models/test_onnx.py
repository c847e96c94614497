"""ONNX files: each operator against the reference evaluator of the onnx package, and what is refused."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rounding import rounding_error

from numerics.evidence.errors import InputError
from numerics.networks import Network, load_network
from numerics.networks.readers import assembly

onnx: Any = pytest.importorskip("onnx")
reference: Any = pytest.importorskip("onnx.reference")
helper, numpy_helper, FLOAT = onnx.helper, onnx.numpy_helper, onnx.TensorProto.FLOAT
RNG = np.random.default_rng(0)


def draw(*shape: int) -> np.ndarray:
    return RNG.standard_normal(shape).astype(np.float32)


def node(operator: str, inputs: str, outputs: str, **attributes: Any) -> Any:
    return helper.make_node(operator, inputs.split(), outputs.split(), **attributes)


def model(nodes: list[Any], constants: dict[str, np.ndarray], shape: Any, outputs: str = "y", opset: int = 18) -> Any:
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", FLOAT, ["n", *shape])],
        [helper.make_tensor_value_info(name, FLOAT, None) for name in outputs.split()],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    opsets = [helper.make_opsetid("", opset), helper.make_opsetid("ai.onnx.ml", 3)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8)


def integers(*numbers: int) -> np.ndarray:
    return np.array(numbers, np.int64)


W = {"w": draw(4, 2, 3, 3), "b": draw(4), "k": draw(4, 6), "d": draw(3, 4 * 7 * 6), "e": draw(3), "v": draw(5, 2, 3)}
TAIL = [node("Flatten", "h", "f"), node("Gemm", "f d e", "y", transB=1)]
CONV = [node("Conv", "x w b", "c", pads=[1, 1, 1, 1])]
BN = {"s": draw(4), "t": draw(4), "m": draw(4), "q": np.abs(draw(4)) + 1}

GRAPHS: dict[str, tuple[list[Any], dict[str, np.ndarray], tuple[int, ...]]] = {
    "gemm": ([node("Gemm", "x k e4", "y", alpha=0.5, beta=2.0, transB=1)], {"k": draw(4, 6), "e4": draw(4)}, (6,)),
    "gemm with one bias": ([node("Gemm", "x k o", "y")], {"k": draw(6, 4), "o": draw(1)}, (6,)),
    "matmul and bias": ([node("MatMul", "x k", "z"), node("Add", "o z", "y")], {"k": draw(6, 4), "o": draw(1, 4)}, (6,)),
    "arithmetic": (
        [
            node("Sub", "x m", "a"),
            node("Div", "a s", "b"),
            node("MatMul", "b k", "c"),
            node("Mul", "c two", "d"),
            node("Sub", "o d", "e"),
            node("Div", "e two", "f"),
            node("Mul", "f o", "y"),
        ],
        {"m": draw(6), "s": draw(6) + 3, "k": draw(6, 4), "o": draw(4), "two": np.array(2.5, np.float32)},
        (6,),
    ),
    "residual": (
        [
            node("MatMul", "x k", "a"),
            node("Relu", "a", "b"),
            node("MatMul", "b k", "c"),
            node("Add", "c a", "d"),
            node("Sum", "d b c", "y"),
        ],
        {"k": draw(6, 6)},
        (6,),
    ),
    "activations": (
        [node("MatMul", "x k", "v0")]
        + [node(op, f"v{i}", f"v{i + 1}") for i, op in enumerate(["Tanh", "LeakyRelu", "Abs", "Sigmoid", "Identity"])]
        + [node("LeakyRelu", "v5", "v6", alpha=-0.5), node("Dropout", "v6", "v7"), node("Cast", "v7", "y", to=11)],
        {"k": draw(6, 4)},
        (6,),
    ),
    "convolution": ([*CONV, node("Relu", "c", "h"), *TAIL], {n: W[n] for n in "wbde"}, (2, 7, 6)),
    "strides, groups, dilations": (
        [node("Conv", "x w", "y", strides=[2, 1], group=2, dilations=[1, 2], pads=[0, 1, 2, 3])],
        {"w": draw(4, 1, 3, 3)},
        (2, 7, 6),
    ),
    "same upper": ([node("Conv", "x w b", "y", strides=[2, 2], auto_pad="SAME_UPPER")], {n: W[n] for n in "wb"}, (2, 7, 6)),
    "same lower": ([node("Conv", "x w b", "y", strides=[2, 2], auto_pad="SAME_LOWER")], {n: W[n] for n in "wb"}, (2, 7, 6)),
    "one dimension": (
        [
            node("Conv", "x v", "c", strides=[2], pads=[2, 1]),
            node("MaxPool", "c", "p", kernel_shape=[2], strides=[1]),
            node("GlobalAveragePool", "p", "g"),
            node("Squeeze", "g axes", "y"),
        ],
        {"v": W["v"], "axes": integers(2)},
        (2, 9),
    ),
    "normalization": (
        [*CONV, node("BatchNormalization", "c s t m q", "h", epsilon=0.01), *TAIL],
        {n: W[n] for n in "wbde"} | BN,
        (2, 7, 6),
    ),
    "normalization in front": (
        [node("BatchNormalization", "x s t m q", "c"), node("Conv", "c w", "y", pads=[1, 1, 1, 1])],
        {n: BN[n][:2] for n in "stmq"} | {"w": W["w"]},
        (2, 7, 6),
    ),
    "channels": (
        [*CONV, node("Mul", "c i", "a"), node("Add", "a g", "h"), *TAIL],
        {n: W[n] for n in "wbde"} | {"i": draw(4, 1, 1), "g": draw(1, 4, 1, 1)},
        (2, 7, 6),
    ),
    "zero padding": (
        [node("Pad", "x p", "z"), node("Conv", "z w", "y", pads=[1, 0, 0, 0])],
        {"w": W["w"], "p": integers(0, 0, 1, 2, 0, 0, 0, 3)},
        (2, 7, 6),
    ),
    "circular padding": (
        [node("Pad", "x p", "z", mode="wrap"), node("Conv", "z w", "y")],
        {"w": W["w"], "p": integers(0, 0, 1, 2, 0, 0, 0, 3)},
        (2, 7, 6),
    ),
    "max pooling": (
        [*CONV, node("MaxPool", "c", "y", kernel_shape=[3, 2], strides=[2, 2], pads=[1, 0, 1, 0])],
        {n: W[n] for n in "wb"},
        (2, 7, 6),
    ),
    "average pooling": (
        [
            *CONV,
            node("AveragePool", "c", "p", kernel_shape=[3, 2], strides=[2, 1], pads=[1, 1, 1, 0]),
            node("AveragePool", "p", "y", kernel_shape=[2, 2], pads=[1, 1, 0, 0], count_include_pad=1),
        ],
        {n: W[n] for n in "wb"},
        (2, 7, 6),
    ),
    "ceil mode that changes nothing": (
        [*CONV, node("MaxPool", "c", "y", kernel_shape=[3, 2], strides=[2, 2], ceil_mode=1)],
        {n: W[n] for n in "wb"},
        (2, 7, 6),
    ),
    "means": (
        [*CONV, node("ReduceMean", "c axes", "g", keepdims=0), node("Gemm", "g k", "y")],
        {n: W[n] for n in "wb"} | {"axes": integers(-1, 2), "k": draw(4, 6)},
        (2, 7, 6),
    ),
    "computed shapes": (
        [
            *CONV,
            node("Shape", "c", "sh"),
            node("Constant", "", "zero", value=numpy_helper.from_array(np.array(0))),
            node("Gather", "sh zero", "n"),
            node("Unsqueeze", "n first", "n1"),
            node("Concat", "n1 rest", "target", axis=0),
            node("Reshape", "c target", "f"),
            node("Identity", "d", "d2"),
            node("Transpose", "d2", "dt", perm=[1, 0]),
            node("MatMul", "f dt", "y"),
        ],
        {n: W[n] for n in "wbd"} | {"rest": integers(-1), "first": integers(0)},
        (2, 7, 6),
    ),
    "pooling of one axis in two": (
        [
            node("Conv", "x v", "c"),
            node("Unsqueeze", "c two", "u"),
            node("AveragePool", "u", "p", kernel_shape=[1, 3], strides=[1, 2]),
            node("Squeeze", "p two", "s"),
            node("Unsqueeze", "s last", "t"),
            node("MaxPool", "t", "q", kernel_shape=[2, 1], strides=[1, 1]),
            node("Squeeze", "q last", "y"),
        ],
        {"v": W["v"], "two": integers(-2), "last": integers(3)},
        (2, 9),
    ),
    "maxima of channels": (
        [
            *CONV,
            node("ReduceMax", "c axes", "m", keepdims=1),
            node("GlobalMaxPool", "c", "g"),
            node("Add", "m g", "h"),
            node("Squeeze", "h axes", "y"),
        ],
        {n: W[n] for n in "wb"} | {"axes": integers(-1, -2)},
        (2, 7, 6),
    ),
    "circular padding as slices": (
        [
            node("Slice", "x m2 end a2", "l"),
            node("Slice", "x zero one a2", "r"),
            node("Concat", "l x r", "c", axis=2),
            node("Slice", "c zero two a3", "rr"),
            node("Concat", "c rr", "d", axis=-1),
            node("Conv", "d w b", "y", strides=[1, 2]),
        ],
        {n: W[n] for n in "wb"}
        | {"m2": integers(-2), "end": integers(2**63 - 1), "zero": integers(0), "one": integers(1), "two": integers(2)}
        | {"a2": integers(2), "a3": integers(3)},
        (2, 7, 6),
    ),
    "shapes in the middle": (
        [
            node("Reshape", "x image", "i"),
            node("Conv", "i v", "c"),
            node("Reshape", "c other", "o"),
            node("Relu", "o", "p"),
            node("Shape", "p", "n", start=0, end=1),
            node("Concat", "n all", "flat", axis=0),
            node("Reshape", "p flat", "f"),
            node("Gemm", "f e", "g"),
            node("Squeeze", "g one", "y"),
        ],
        {"image": integers(-1, 2, 9), "v": W["v"], "other": integers(0, 5, 1, -1), "all": integers(-1)}
        | {"e": draw(35, 1), "one": integers(1)},
        (18,),
    ),
    "an input that is read in two shapes": (
        [
            node("Reshape", "x image", "i"),
            node("Conv", "i u", "c"),
            node("Flatten", "c", "f"),
            node("MatMul", "x k", "m"),
            node("Add", "f m", "y"),
        ],
        {"image": integers(-1, 2, 3), "u": draw(3, 2, 2), "k": draw(6, 6)},
        (6,),
    ),
    "clips and one slope": (
        [
            node("Gemm", "x k", "a"),
            node("Clip", "a low high", "b"),
            node("Gemm", "b l", "c"),
            node("Clip", "c minus one", "d"),
            node("Sub", "d half", "e"),
            node("Clip", "e low", "f"),
            node("PRelu", "a slope", "g"),
            node("Add", "f g", "y"),
        ],
        {"k": 9 * draw(6, 6), "l": draw(6, 6), "slope": np.array([[-0.3]], np.float32)}
        | {n: np.array(v, np.float32) for n, v in (("low", 0), ("high", 6), ("minus", -1), ("one", 1), ("half", 0.5))},
        (6,),
    ),
    "scaler": (
        [
            node("Scaler", "x", "a", domain="ai.onnx.ml", offset=[1.0, 2, 3, 4, 5, 6], scale=[0.1, 0.2, 0.3, 3, 2, 1]),
            node("Scaler", "a", "b", domain="ai.onnx.ml", offset=[0.5], scale=[3.0]),
            node("MatMul", "b k", "y"),
        ],
        {"k": draw(6, 4)},
        (6,),
    ),
    "computed padding": (
        [
            node("ConstantOfShape", "four", "zeros", value=numpy_helper.from_array(integers(0))),
            node("Concat", "ones zeros", "p", axis=0),
            node("Reshape", "p pairs", "q"),
            node("Slice", "q m1 first zero m1", "s"),
            node("Transpose", "s", "t", perm=[1, 0]),
            node("Reshape", "t all", "u"),
            node("Cast", "u", "v", to=7),
            node("Pad", "x v", "z"),
            node("Conv", "z w", "y"),
        ],
        {"w": W["w"], "four": integers(4), "ones": integers(1, 2, 3, 0), "pairs": integers(-1, 2), "m1": integers(-1)}
        | {"first": integers(-(2**63) + 1), "zero": integers(0), "all": integers(-1)},
        (2, 7, 6),
    ),
    "constants of another type": (
        [node("Cast", "k", "c", to=1), node("MatMul", "x c", "y")],
        {"k": RNG.standard_normal((6, 4))},
        (6,),
    ),
    "softmax at the end": (
        [node("Gemm", "x k", "z"), node("Softmax", "z", "y", axis=-1)],
        {"k": draw(6, 4)},
        (6,),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", GRAPHS)
def test_operators_agree_with_the_reference_evaluator(tmp_path, name, monkeypatch):
    nodes, constants, shape = GRAPHS[name]
    proto = model(nodes, constants, shape)
    path = tmp_path / "m.onnx"
    onnx.save(proto, path)
    X = draw(5, *shape)
    network = load_network(path)
    monkeypatch.setattr(assembly, "fold_batch_normalization", lambda network: network)
    unfolded = load_network(path)
    [expected] = reference.ReferenceEvaluator(proto).run(None, {"x": X})
    bound, found = rounding_error(unfolded, X), network(X)
    if name == "softmax at the end":
        found, expected = found - found[:, :1], np.log(expected / expected[:, :1])
        bound = bound + bound[:, :1] + 1e-5
    assert (np.abs(found - expected.reshape(5, -1)) <= bound).all()
    assert bound.max() < np.ptp(expected) / 100  # the comparison means something
    assert network.name == "m"


def test_the_sign_of_onnx_is_zero_at_zero(tmp_path):
    """Small integers, so that both compute exactly: a third of the arguments of the sign are 0."""
    constants = {
        "k": np.array([[1, -1, 0], [1, 1, 0]], np.float32),
        "w": np.array([[1, 2], [4, 8], [16, 32]], np.float32),
    }
    proto = model([node("MatMul", "x k", "z"), node("Sign", "z", "s"), node("MatMul", "s w", "y")], constants, (2,))
    onnx.save(proto, tmp_path / "m.onnx")
    X = np.array([(a, b) for a in (-1, 0, 1) for b in (-1, 0, 1)], np.float32)
    [expected] = reference.ReferenceEvaluator(proto).run(None, {"x": X})
    network = load_network(tmp_path / "m.onnx")
    assert "-> sign ->" in repr(network)
    assert (network(X) == expected).all() and len(np.unique(expected, axis=0)) == 9
    with pytest.raises(InputError, match=r"`s` \(Sign\) of a constant"):
        onnx.save(model([node("Sign", "k", "s"), node("MatMul", "x s", "y")], constants, (2,)), tmp_path / "c.onnx")
        load_network(tmp_path / "c.onnx")


def test_classifiers_of_scikit_learn_stop_at_the_logits(tmp_path):
    """The shape of graphs that skl2onnx writes."""
    nodes = [
        node("Cast", "x", "c", to=1),
        node("MatMul", "c k", "z"),
        node("Add", "z b", "l"),
        node("Softmax", "l", "p"),
        node("ArgMax", "p", "a", axis=1),
        node("ArrayFeatureExtractor", "classes a", "r", domain="ai.onnx.ml"),
        node("Cast", "r", "s", to=7),
        node("Reshape", "s flat", "label"),
        node("ZipMap", "p", "probabilities", classlabels_int64s=[0, 1, 2, 3], domain="ai.onnx.ml"),
    ]
    constants = {"k": draw(6, 4), "b": draw(4), "classes": integers(0, 1, 2, 3), "flat": integers(-1)}
    path = tmp_path / "m.onnx"
    onnx.save(model(nodes, constants, (None,), "label probabilities"), path)
    X = draw(5, 6)
    assert np.allclose(load_network(path)(X), X @ constants["k"] + constants["b"], atol=1e-5)


LOGISTIC = [node("MatMul", "x k", "m"), node("Add", "m b", "z"), node("Sigmoid", "z", "p")]


def test_binary_classifiers_of_scikit_learn_stop_at_the_two_logits(tmp_path):
    nodes = [
        *LOGISTIC,
        node("Sub", "one p", "q"),
        node("Concat", "q p", "both", axis=1),
        node("ArgMax", "both", "a", axis=1),
        node("ArrayFeatureExtractor", "classes a", "label", domain="ai.onnx.ml"),
        node("ZipMap", "both", "probabilities", classlabels_strings=["no", "yes"], domain="ai.onnx.ml"),
    ]
    constants = {"k": draw(6, 1), "b": draw(1, 1), "one": np.ones(1, np.float32), "classes": np.array(["no", "yes"])}
    path = tmp_path / "m.onnx"
    onnx.save(model(nodes, constants, (6,), "label probabilities"), path)
    X = draw(5, 6)
    network, z = load_network(path), X @ constants["k"] + constants["b"]
    assert (network(X)[:, 0] == 0).all() and np.allclose(network(X)[:, 1:], z, atol=1e-5)
    assert repr(network) == "Network('m (its one logistic output z as the two logits 0 and z)', Dense(2 x 6, bias))"
    bare = [node("Sigmoid", "r", "p"), *nodes[3:]]  # a layer that is not dense comes last
    onnx.save(model([node("MatMul", "x k", "z"), node("Relu", "z", "r"), *bare], constants, (6,), "label"), path)
    assert np.allclose(load_network(path)(X)[:, 1:], np.maximum(X @ constants["k"], 0), atol=1e-5)


@pytest.mark.parametrize(
    ("nodes", "what"),
    [
        ([node("Sub", "one p", "q"), node("Concat", "p q", "y", axis=1)], "`y` (Concat) that is not circular padding"),
        ([node("Sub", "two p", "q"), node("Concat", "q p", "y", axis=1)], "`y` (Concat) that is not circular padding"),
        ([node("Sub", "p one", "q"), node("Concat", "q p", "y", axis=1)], "`y` (Concat) that is not circular padding"),
        ([node("Sub", "one z", "q"), node("Concat", "q p", "y", axis=1)], "`y` (Concat) that is not circular padding"),
        ([node("Sub", "one p", "q"), node("Concat", "q p", "y", axis=0)], "`y` (Concat) that is not circular padding"),
        (
            [node("Sub", "one p", "q"), node("Concat", "q p p", "y", axis=1)],
            "`y` (Concat) that is not circular padding",
        ),
        (
            [node("Sub", "one p", "q"), node("Concat", "q p", "c", axis=1), node("Relu", "c", "y")],
            "`y` (Relu) behind the end of the network",
        ),
    ],
)
def test_other_concatenations_are_no_probabilities(tmp_path, nodes, what):
    constants = {"k": draw(6, 1), "b": draw(1, 1), "one": np.ones(1, np.float32), "two": 2 * np.ones(1, np.float32)}
    onnx.save(model([*LOGISTIC, *nodes], constants, (6,)), tmp_path / "m.onnx")
    with pytest.raises(InputError) as caught:
        load_network(tmp_path / "m.onnx")
    assert what in str(caught.value)


PADDED = {
    "w": draw(4, 2, 3),
    "v": draw(2, 2, 1),
    "channels": integers(1),
    "space": integers(2),
    "end": integers(2**63 - 1),
}
PADDED |= {str(n): integers(n) for n in (-2, 0, 1, 2, 6)}
CIRCULAR = [
    node("Slice", "x -2 end space", "l"),
    node("Slice", "x 0 1 space", "r"),
    node("Concat", "l x r", "c", axis=2),
]


@pytest.mark.parametrize(
    ("nodes", "text"),
    [
        (CIRCULAR, ""),
        ([node("Slice", "x -2 6 space", "l"), *CIRCULAR[1:]], "`c` (Concat) that is not circular padding"),
        ([CIRCULAR[0], node("Slice", "x 1 2 space", "r"), CIRCULAR[2]], "`c` (Concat) that is not circular padding"),
        ([node("Slice", "k -2 end space", "l"), *CIRCULAR[1:]], "`c` (Concat) that is not circular padding"),
        ([*CIRCULAR[:2], node("Concat", "r x l", "c", axis=2)], "`c` (Concat) that is not circular padding"),
        ([*CIRCULAR[:2], node("Concat", "l x l", "c", axis=2)], "`c` (Concat) that is not circular padding"),
        ([*CIRCULAR[:2], node("Concat", "l r x", "c", axis=2)], "`c` (Concat) that is not circular padding"),
        ([*CIRCULAR[:2], node("Concat", "x r r", "c", axis=2)], "`c` (Concat) that is not circular padding"),
        ([*CIRCULAR[:2], node("Concat", "l r", "c", axis=2)], "`c` (Concat) that is not circular padding"),
        ([*CIRCULAR[:2], node("Concat", "l k r", "c", axis=2)], "`c` (Concat) that is not circular padding"),
        ([*CIRCULAR[:2], node("Concat", "l x r", "c", axis=1)], "`c` (Concat) along another axis than those of space"),
        ([*CIRCULAR[:2], node("Concat", "l x r", "c", axis=3)], "`c` (Concat) along another axis than those of space"),
        ([node("Slice", "x -2 end space 2", "l"), *CIRCULAR[1:]], "`l` (Slice) of more than one axis or with steps"),
        ([node("Slice", "x -2 end channels", "l"), *CIRCULAR[1:]], "`l` (Slice) along another axis than those of space"),
        (
            [*CIRCULAR[:2], node("Concat", "l x r", "b", axis=2), node("Slice", "b 0 1 space", "s"), node("Concat", "b s", "c", axis=2)],
            "`c` (Concat) that is not circular padding",
        ),
        (
            [node("Slice", "x 0 1 space", "l"), node("Relu", "l", "c")],
            "`l` (Slice) that is not part of circular padding",
        ),
    ],
)  # fmt: skip
def test_only_slices_that_are_circular_padding_are_read(tmp_path, nodes, text):
    convolutions = [node("Conv", "x v", "k"), *nodes, node("Conv", "c w", "y")]
    onnx.save(model(convolutions, PADDED, (2, 7)), tmp_path / "m.onnx")
    if not text:
        assert "padding (2, 1), circular" in repr(load_network(tmp_path / "m.onnx"))
        return
    with pytest.raises(InputError) as caught:
        load_network(tmp_path / "m.onnx")
    assert text in str(caught.value)


@pytest.mark.parametrize("rows", [5, 27])
def test_files_for_a_fixed_number_of_samples(tmp_path, rows):
    def proto(target: np.ndarray, declared: int) -> Any:
        nodes = [node("Conv", "x w", "c"), node("Reshape", "c s", "y")]
        m = model(nodes, {"w": draw(3, 1, 2, 2), "s": target}, (1, 4, 4))
        m.graph.input[0].type.tensor_type.shape.dim[0].dim_value = declared
        return m

    for target in (integers(rows, 27), integers(rows, -1), integers(-1, 27), integers(0, -1)):
        m = proto(target, rows)
        onnx.save(m, tmp_path / "m.onnx")
        X = draw(rows, 1, 4, 4)
        [expected] = reference.ReferenceEvaluator(m).run(None, {"x": X})
        assert np.allclose(load_network(tmp_path / "m.onnx")(X), expected, atol=1e-5)
    for target in (integers(3, -1), integers(1, -1), integers(27, rows + 1)):
        onnx.save(proto(target, rows), tmp_path / "m.onnx")
        with pytest.raises(InputError, match=r"`y` \(Reshape\) to \["):
            load_network(tmp_path / "m.onnx")


@pytest.mark.parametrize("kind", ["FLOAT16", "BFLOAT16", "FLOAT", "DOUBLE"])
@pytest.mark.parametrize("raw", [False, True])
def test_weights_of_every_precision_are_exact(tmp_path, kind, raw):
    values = np.array([[0.5, -3.0], [0.15625, 2.0**-14], [65280.0, 0.0]])
    code = getattr(onnx.TensorProto, kind)
    if raw:
        proto = numpy_helper.from_array(values.astype(helper.tensor_dtype_to_np_dtype(code)), "k")
    else:
        proto = helper.make_tensor("k", code, values.shape, values.ravel())
    m = model([node("MatMul", "x k", "y")], {}, (3,))
    m.graph.initializer.append(proto)
    onnx.save(m, tmp_path / "m.onnx")
    assert (load_network(tmp_path / "m.onnx").weights[0].T == values).all()


REFUSED: dict[str, tuple[list[Any], dict[str, np.ndarray], Any, str]] = {
    "two operators by name": (
        [node("Gelu", "x", "a"), node("LSTM", "a", "b", name="memory"), node("MatMul", "b k", "y")],
        {"k": draw(6, 4)},
        (6,),
        "layers that cannot be read: `a` (Gelu); `memory` (LSTM). Export a network of",
    ),
    "softmax inside": (
        [node("Softmax", "x", "a"), node("MatMul", "a k", "y", name="last")],
        {"k": draw(6, 4)},
        (6,),
        "`last` (MatMul) behind the end of the network",
    ),
    "over samples": ([node("MatMul", "x k", "a"), node("ArgMax", "a", "y")], {"k": draw(6, 4)}, (6,), "`y` (ArgMax) along another axis than the classes"),
    "over places": ([node("Conv", "x w", "a"), node("Softmax", "a", "y")], {"w": draw(1, 1, 2, 2)}, (1, 4, 4), "`y` (Softmax) along another axis"),
    "product of values": ([node("MatMul", "x k", "a"), node("MatMul", "a x", "y")], {"k": draw(6, 6)}, (6,), "`y` (MatMul), whose matrix is not a constant"),
    "power of two": ([node("Mul", "x x", "y")], {}, (6,), "`y` (Mul) of such values"),
    "reshape": ([node("Reshape", "x s", "y")], {"s": integers(0, 3, 3)}, (6,), "`y` (Reshape) to [0, 3, 3], which is not (samples, features) or (samples, channels, ...)"),
    "reshape of samples": ([node("Reshape", "x s", "y")], {"s": integers(-1, 3)}, (6,), "`y` (Reshape) to [-1, 3], which is not (samples"),
    "reshape without samples": ([node("Reshape", "x s", "y")], {"s": integers(-1)}, (6,), "`y` (Reshape) to [-1], which is not (samples"),
    "reshape to four axes": ([node("Reshape", "x s", "y")], {"s": integers(-1, 1, 2, 3, 1)}, (6,), "`y` (Reshape) to ('samples', 1, 2, 3, 1), which is no shape of samples"),
    "reshape with zeros": ([node("Reshape", "x s", "y", allowzero=1)], {"s": integers(0, 2, 3)}, (6,), "`y` (Reshape) to [0, 2, 3], which is not (samples"),
    "transposition": ([node("Transpose", "x", "a", perm=[0, 2, 3, 1]), node("Flatten", "a", "y")], {}, (2, 2, 3), "`a` (Transpose)"),
    "squeeze": ([node("Squeeze", "x s", "y")], {"s": integers(2)}, (2, 3), "`y` (Squeeze) of axes with more than one number in shape (2, 3)"),
    "squeeze of samples": ([node("Squeeze", "x s", "y")], {"s": integers(0)}, (2, 3), "`y` (Squeeze) of the axis of samples, or of an axis twice"),
    "squeeze inside": ([node("Squeeze", "x s", "a"), node("Relu", "a", "y")], {"s": integers(1)}, (1,), "`a` (Squeeze) to ('samples',), which is no shape of samples"),
    "unsqueeze": ([node("Unsqueeze", "x s", "y")], {"s": integers(0)}, (2,), "`y` (Unsqueeze) of the axis of samples"),
    "unsqueeze twice": ([node("Unsqueeze", "x s", "y")], {"s": integers(1, -3)}, (2,), "`y` (Unsqueeze) of the axis of samples, or of an axis twice"),
    "unsqueeze nowhere": ([node("Unsqueeze", "x s", "y")], {"s": integers(5)}, (2,), "`y` (Unsqueeze) of no axes, or of some that do not exist"),
    "clip": ([node("Clip", "x low high", "y")], {"low": np.array(0, np.float32), "high": np.array(5, np.float32)}, (6,), "`y` (Clip) to [0.0, 5.0], and only [0, None], [0, 6] and [-1, 1] can be read"),
    "slopes": ([node("PRelu", "x s", "y")], {"s": draw(6)}, (6,), "`y` (PRelu) with more than one slope"),
    "maxima of samples": ([node("ReduceMax", "x s", "y")], {"s": integers(1, 2)}, (2, 3, 3), "`y` (ReduceMax) over other axes than those of space"),
    "scaler": ([node("Scaler", "x", "y", domain="ai.onnx.ml", scale=[1.0, 2.0])], {}, (6,), "`scale` must have 6 entries as `mean`, found 2"),
    "slice": ([node("Slice", "x s e a", "y")], {"s": integers(0), "e": integers(1), "a": integers(2)}, (1, 4), "`y` (Slice) that is not part of circular padding"),
    "slice of channels": ([node("Slice", "x s e a", "c"), node("Concat", "x c", "y", axis=1)], {"s": integers(0), "e": integers(1), "a": integers(1)}, (1, 4), "`c` (Slice) along another axis than those of space"),
    "concatenation": ([node("Relu", "x", "a"), node("Concat", "x a", "b", axis=1), node("MatMul", "b k", "y")], {"k": draw(12, 2)}, (6,), "`b` (Concat) that is not circular padding"),
    "pad of pad": ([node("Pad", "x p", "z"), node("Pad", "z p", "zz"), node("Conv", "zz w", "y")], {"p": integers(0, 0, 1, 0, 0, 1), "w": draw(1, 1, 2)}, (1, 4), "`z` (Pad) that is not in front of a convolution"),
    "texts": ([node("MatMul", "x k", "y")], {"k": np.array([["a"], ["b"]])}, (2,), "`y` (MatMul), whose matrix is not a constant"),
    "truncation": ([node("Cast", "k", "c", to=7), node("Cast", "c", "d", to=1), node("MatMul", "x d", "y")], {"k": draw(6, 4)}, (6,), "`c` (Cast) to another type than float or double"),
    "pad": ([node("Pad", "x p", "z"), node("Relu", "z", "y")], {"p": integers(0, 0, 1, 1, 0, 0, 1, 1)}, (1, 4, 4), "`z` (Pad) that is not in front of a convolution"),
    "pad value": ([node("Pad", "x p v", "z"), node("Conv", "z w", "y")], {"p": integers(0, 0, 1, 1, 0, 0, 1, 1), "v": np.array(1.0, np.float32), "w": draw(1, 1, 2, 2)}, (1, 4, 4), "`z` (Pad) with a value that is not 0"),
    "ceil": ([node("MaxPool", "x", "y", kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1)], {}, (1, 4, 4), "`y` (MaxPool) with `ceil_mode` and a window"),
    "shapes": ([node("MatMul", "x k", "a"), node("MatMul", "a k", "y")], {"k": draw(6, 4)}, (6,), "layer `y` (MatMul): `Dense(4 x 6)` must get 6 values, found shape (4,)"),
    "unknown sizes": ([node("Conv", "x w", "y")], {"w": draw(1, 1, 2, 2)}, (1, None, None), "must declare the sizes of a sample, found (None, 1, None, None)"),
    "no layers": ([node("Relu", "x", "y")], {}, (6,), "must have a dense or convolution layer before its output"),
    "two outputs": ([node("MatMul", "x k", "a"), node("Relu", "a", "y")], {"k": draw(6, 4)}, (6,), "must have one output, found 2"),
    "order": ([node("Relu", "a", "y"), node("MatMul", "x k", "a")], {"k": draw(6, 4)}, (6,), "must compute `a` before it is used"),
    "twice": ([node("Relu", "x", "y"), node("Tanh", "x", "y")], {}, (6,), "must give each value one name, found `y` twice"),
    "infinite": ([node("MatMul", "x k", "y")], {"k": np.full((6, 4), np.inf, np.float32)}, (6,), "tensor `k` must have finite entries, found NaN or infinity"),
    "constant": ([node("Relu", "x", "k"), node("MatMul", "x k", "y")], {"k": draw(6, 4)}, (6,), "must give each value one name, found `k` twice"),
    "text": ([node("LeakyRelu", "x", "y", alpha="much")], {}, (6,), "the operator `y` (LeakyRelu) must have the attributes and inputs of its kind"),
    "groups": ([node("Conv", "x w", "y", group=3)], {"w": draw(4, 1, 2, 2)}, (1, 4, 4), "`groups` must divide the 4 output channels, found 3"),
    "zero": ([node("Div", "x z", "y")], {"z": np.zeros(6, np.float32)}, (6,), "the operator `y` (Div) must not divide by zero"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_graphs_that_are_refused(tmp_path, name):
    nodes, constants, shape, text = REFUSED[name]
    path = tmp_path / "m.onnx"
    onnx.save(model(nodes, constants, shape, "a y" if name == "two outputs" else "y"), path)
    with pytest.raises(InputError) as caught:
        load_network(path)
    assert text in str(caught.value)
    assert f"`{path}`" in str(caught.value)


def outside(path: Path, entries: dict[str, str], where: str = "w.bin") -> Path:
    """A model whose matrix lies in a file `where` beside it, as `entries` say."""
    weight = draw(6, 4)
    (path.parent / where).write_bytes(b"head" + weight.tobytes())
    m = model([node("MatMul", "x k", "y")], {}, (6,))
    tensor = m.graph.initializer.add()
    tensor.name, tensor.data_type, tensor.data_location = "k", FLOAT, onnx.TensorProto.EXTERNAL
    tensor.dims.extend([6, 4])
    for key, value in ({"location": where, "offset": "4", "length": "96"} | entries).items():
        tensor.external_data.add(key=key, value=value)
    path.write_bytes(m.SerializeToString())
    return path


def test_weights_beside_the_file(tmp_path):
    network = load_network(outside(tmp_path / "m.onnx", {}))
    assert (network.weights[0].T.astype("f4").tobytes()) == (tmp_path / "w.bin").read_bytes()[4:]


def test_weights_elsewhere_are_refused(tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    secret = tmp_path / "secret"
    secret.write_bytes(bytes(200))
    (folder / "link").symlink_to(secret)
    (folder / "folder").mkdir()
    os.mkfifo(folder / "pipe")
    cases = [
        ({"location": "../secret"}, "must lie in a file beside this one, found the location `../secret`"),
        ({"location": str(secret)}, "must lie in a file beside this one"),
        ({"location": "folder/../../secret"}, "must lie in a file beside this one"),
        ({"location": ".."}, "must lie in a file beside this one"),
        ({"location": ""}, "must lie in a file beside this one"),
        ({"location": "link"}, "`link` could not be read: Too many levels of symbolic links"),
        ({"location": "folder"}, "`folder` could not be read: Is a directory"),
        ({"location": "pipe"}, "`pipe` is not a regular file"),
        ({"location": "none"}, "`none` could not be read: No such file or directory"),
        ({"offset": "5"}, "its data ends after that of `w.bin`, which has 100 bytes"),
        ({"offset": "-4"}, "the offset of its data must be a number, found -4"),
        ({"offset": "9" * 30}, "the offset of its data must be a number"),
        ({"length": "95"}, "it needs 96 bytes, and 95 are declared"),
    ]
    for entries, text in cases:
        with pytest.raises(InputError) as caught:
            load_network(outside(folder / "m.onnx", entries))
        assert text in str(caught.value), (entries, str(caught.value))


def test_the_network_is_a_network(tmp_path):
    nodes, constants, shape = GRAPHS["residual"]
    onnx.save(model(nodes, constants, shape), tmp_path / "m.onnx")
    network = load_network(tmp_path / "m.onnx")
    assert isinstance(network, Network)
    assert network.wiring == ((0,), (1,), (2,), (3, 1), (4, 2, 3))
    with pytest.raises(InputError, match="says itself how its layers are wired: leave `architecture` out"):
        load_network(tmp_path / "m.onnx", {"layers": []})
