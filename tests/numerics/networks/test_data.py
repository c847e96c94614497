"""Data whole and in batches: the same results, memory-mapped files, refused input."""

import numpy as np
import pytest
from flint import arb

from numerics.evidence.errors import InputError
from numerics.networks import (
    Activation,
    Convolution,
    Data,
    DataStream,
    Dense,
    Flatten,
    Network,
    RegressionData,
    batches,
    certified_margins,
    data_norm,
    margins,
    normalized_margins,
    regression_losses,
)

RNG = np.random.default_rng(0)
NETWORK = Network([Dense(RNG.standard_normal((5, 6))), Activation("relu"), Dense(RNG.standard_normal((3, 5)))])
X, Y = RNG.standard_normal((50, 6)), RNG.integers(0, 3, 50)


def test_images_are_flattened():
    images = np.arange(24.0).reshape(2, 3, 2, 2)
    data = Data(images, [0, 1])
    assert data.X.tolist() == images.reshape(2, 12).tolist()
    network = Network([Convolution(np.ones((1, 3, 2, 2))), Flatten()], input_shape=(3, 2, 2))
    assert network(data.X).tolist() == network(images).tolist() == [[66], [210]]


def test_regression_data():
    data = RegressionData([[1, 2], [3, 4], [5, 6]], [0.5, 1, 2])
    assert data.Y.tolist() == [[0.5], [1], [2]]
    assert data.with_constant().X.tolist() == [[1, 2, 1], [3, 4, 1], [5, 6, 1]]
    assert repr(data) == "RegressionData(3 samples, 2 features, 1 targets)"
    assert len(data) == 3


@pytest.mark.parametrize("rows", [1, 7, 50, 1000])
def test_results_in_batches_are_those_of_the_whole(rows):
    whole, stream = Data(X, Y), batches(X, Y, rows)
    listed = [Data(X[:20], Y[:20]), Data(X[20:], Y[20:])]
    assert (len(stream), stream.inputs, len(list(stream))) == (50, 6, -(-50 // rows))
    low, high = certified_margins(NETWORK, whole)
    for parts in (stream, listed):
        assert data_norm(parts).overlaps(data_norm(whole))
        # matrix products of another size may round otherwise; what is certified overlaps
        assert np.allclose(margins(NETWORK, parts), margins(NETWORK, whole), rtol=1e-12, atol=1e-12)
        lower, upper = certified_margins(NETWORK, parts)
        assert (np.maximum(lower, low) <= np.minimum(upper, high)).all()
        assert (upper - lower).max() < 1e-12
        assert np.allclose(normalized_margins(NETWORK, parts), normalized_margins(NETWORK, whole), rtol=1e-9)
    targets = X[:, :3] / 2
    first = regression_losses(NETWORK, RegressionData(X, targets))
    second = regression_losses(NETWORK, batches(X, targets, rows))
    assert np.allclose(first, second, rtol=1e-12)
    with_constant = stream.with_constant()
    assert with_constant.inputs == 7
    assert next(iter(with_constant)).X.tolist() == whole.with_constant().X[:rows].tolist()
    assert next(iter(with_constant.with_constant(2))).X.tolist() == whole.with_constant(3).X[:rows].tolist()
    assert (data_norm(with_constant) ** 2).overlaps(data_norm(whole) ** 2 + 50)
    assert repr(stream) == f"DataStream(50 samples, 6 features, in batches of {rows})"


def test_files_on_disk_are_read_in_batches(tmp_path):
    images = RNG.integers(0, 256, (9, 1, 2, 3)).astype(np.uint8)
    mapped = np.memmap(tmp_path / "X.bin", np.uint8, "w+", shape=images.shape)
    mapped[:] = images
    mapped.flush()
    np.save(tmp_path / "y.npy", Y[:9].astype(np.uint8))
    stream = batches(
        np.memmap(tmp_path / "X.bin", np.uint8, "r", shape=images.shape), np.load(tmp_path / "y.npy", mmap_mode="r"), 4
    )
    assert [len(part) for part in stream] == [4, 4, 1]
    assert stream.inputs == 6
    assert np.allclose(margins(NETWORK, stream), margins(NETWORK, Data(images, Y[:9])))
    assert data_norm(stream).overlaps(arb(int((images.astype(int) ** 2).sum())).sqrt())
    assert [len(part) for part in stream] == [4, 4, 1]  # and again


class Recorder:
    """An array that notes which rows are asked for."""

    def __init__(self, array):
        self.array, self.asked = array, []
        self.shape, self.dtype = array.shape, array.dtype

    def __getitem__(self, rows):
        self.asked.append((rows.start, rows.stop))
        return self.array[rows]


def test_nothing_is_read_before_its_turn():
    recorder = Recorder(X)
    stream = DataStream(recorder, Y, 20)
    parts = iter(stream)
    assert recorder.asked == []
    next(parts)
    assert recorder.asked == [(0, 20)]
    list(parts)
    assert recorder.asked == [(0, 20), (20, 40), (40, 50)]


def with_nan() -> np.ndarray:
    bad = X.copy()
    bad[33, 2] = np.nan
    return bad


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (
            lambda: RegressionData(X, np.ones(3)),
            "`Y` must have 50 rows, one target for each row of `X`, found shape (3, 1)",
        ),
        (lambda: RegressionData(X[:1], [np.inf]), "`Y` must have finite entries, found inf"),
        (lambda: RegressionData(X[:0], []), "`X` must have at least one sample and one feature, found shape (0, 6)"),
        (lambda: batches(X, Y[:3]), "`y` must have 50 rows as `X`, found shape (3,)"),
        (lambda: batches(X[:0], Y[:0]), "`X` must have at least one sample and one feature, found shape (0, 6)"),
        (lambda: batches(X[:, 0], Y), "`X` must have at least one sample and one feature, found shape (50,)"),
        (lambda: batches(X, Y, 0), "`rows` must be an integer of at least 1, found 0"),
        (
            lambda: margins(NETWORK, batches(with_nan(), Y, 8)),
            "Samples 32 to 39: `X` must have finite entries, found nan",
        ),
        (
            lambda: margins(NETWORK, batches(X, np.where(np.arange(50) == 41, 3, Y), 8)),
            "`y` must hold labels from 0 to 2, one for each output of the network, found 3 of sample 41",
        ),
        (
            lambda: margins(NETWORK, batches(X[:, :5], Y, 8)),
            "The data must have 6 features, one for each input of the ne",
        ),
        (lambda: margins(NETWORK, []), "The data must hold at least one `Data`, found an empty list"),
        (
            lambda: regression_losses(NETWORK, RegressionData(X, X)),
            "`Y` must have 3 columns, one for each output of the network, found 6",
        ),
        (
            lambda: regression_losses(NETWORK, RegressionData(X, X[:, :3]), "cubic"),  # pyright: ignore[reportArgumentType]
            "`loss` must be 'squared' or 'absolute', found 'cubic'",
        ),
        (
            lambda: regression_losses(NETWORK, RegressionData(X, np.full((50, 3), 1e200))),
            "The outputs of the network must be finite, found an overflow at sample 0",
        ),
    ],
)
def test_bad_input_is_refused_in_one_sentence(make, text):
    with pytest.raises(InputError) as caught:
        make()
    assert text in str(caught.value)


def test_programming_mistakes():
    with pytest.raises(TypeError, match=r"`X` must be an array such as `numpy\.memmap`, found list"):
        batches([[1.0]], [0])
    with pytest.raises(TypeError, match="The data must be `Data`, a `DataStream` or a list of `Data`, found generator"):
        margins(NETWORK, (part for part in batches(X, Y)))  # pyright: ignore[reportArgumentType]
    with pytest.raises(TypeError, match="The parts of the data must be `Data`, found RegressionData"):
        margins(NETWORK, batches(X, X[:, :3]))
