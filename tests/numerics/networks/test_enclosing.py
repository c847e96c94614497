"""Enclosed outputs: exact rational values lie inside for every layer, and the radii are no larger than they must be."""

import numpy as np
import pytest
from flint import arb, ctx
from hypothesis import given, settings
from hypothesis import strategies as st
from reference_network import PIECEWISE, apply, exact, exact_outputs, networks

from numerics.arithmetic.exact import rational
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
    enclosed_outputs,
)
from numerics.networks import network as network_module
from numerics.networks.enclosing import _step

U = 2.0**-53


@settings(max_examples=150)
@given(network=networks(), seed=st.integers(0, 2**32 - 1))
def test_exact_outputs_lie_in_the_enclosures(network, seed):
    X = np.random.default_rng(seed).standard_normal((2, network.inputs))
    centre, radius = enclosed_outputs(network, X)
    for x, c, r in zip(network.samples(X), centre, radius, strict=True):
        for value, middle, width in zip(exact_outputs(network, x), c.tolist(), r.tolist(), strict=True):
            assert abs(value - rational(middle)) <= rational(width)
    assert np.allclose(network(X), centre, rtol=1e-9, atol=1e-9)
    assert (radius <= 1e-8 * (1 + np.abs(centre).max())).all()


@settings(max_examples=150)
@given(
    network=networks(integers=True, activations=[Activation("sign"), *PIECEWISE[:2]]), seed=st.integers(0, 2**32 - 1)
)
def test_networks_of_signs_are_enclosed_where_they_are_undecided(network, seed):
    """Small integers, so that the exact argument of a sign is often 0 while that in floats has a radius."""
    X = np.random.default_rng(seed).integers(-1, 2, (3, network.inputs)).astype(float)
    centre, radius = enclosed_outputs(network, X)
    for x, c, r in zip(network.samples(X), centre, radius, strict=True):
        for value, middle, width in zip(exact_outputs(network, x), c.tolist(), r.tolist(), strict=True):
            assert abs(value - rational(middle)) <= rational(width)


def test_the_sign_of_a_ball_is_decided_only_outside_of_it():
    tiny = 5e-324
    centre = np.array([[2.0, -2.0, 1.0, -1.0, 0.0, -0.0, 0.0, tiny, tiny, -tiny, 1.0, 1.0]])
    radius = np.array([[1.0, 1.0, 1.0, 1.0, 0.0, 0.0, tiny, 0.0, tiny, 0.0, 3.0, np.nextafter(1.0, 0.0)]])
    c, r = _step(Activation("sign"), [(centre, radius)])
    assert c.tolist() == [[1, -1, 0, 0, 0, 0, 0, 1, 0, -1, 0, 1]]
    assert r.tolist() == [[0, 0, 1, 1, 0, 0, 1, 0, 1, 0, 1, 0]]
    # decided values are exact again behind it, and undecided ones are what both signs give
    network = Network([Activation("sign"), Dense([[1.0, 2.0]])])
    c, r = enclosed_outputs(network, [[0.0, 3.0], [-tiny, 0.0]])
    assert c.tolist() == [[2.0], [-1.0]] and r.max() < 1e-14
    tie = Network([Dense([[1.0, -1.0]]), Activation("sign"), Dense([[3.0], [0.0]])])
    c, r = enclosed_outputs(tie, [[0.1, 0.1], [0.2, 0.1]])
    assert c.tolist() == [[0.0, 0.0], [3.0, 0.0]] and 3 <= r[0, 0] < 3.1 and r[1].max() < 1e-14
    assert tie([[0.1, 0.1]]).tolist() == [[0.0, 0.0]]


RNG = np.random.default_rng(7)
NORMAL = RNG.standard_normal
LAYERS = [
    (Dense(NORMAL((3, 5)), NORMAL(3)), (5,)),
    (Dense(NORMAL((3, 5)) * 1e-160), (5,)),
    (Convolution(NORMAL((4, 2, 3, 2)), NORMAL(4), stride=(2, 1), padding=[(1, 2), (0, 1)]), (2, 4, 3)),
    (Convolution(NORMAL((4, 2, 3)), NORMAL(4), groups=2, dilation=2, padding=2, circular=True), (4, 6)),
    (Convolution(NORMAL((3, 1, 2)), groups=3), (3, 4)),
    (Pooling("max", 3, 2, 1), (2, 5, 4)),
    (Pooling("max", 2, 1, [(1, 0)], dilation=2), (2, 5)),
    (Pooling("average", 3, 1, 1), (2, 4, 4)),
    (Pooling("average", 3, 2, 1, count_padding=False), (2, 5, 4)),
    (Pooling("average", None), (2, 3, 3)),
    (Activation("relu"), (6,)),
    (Activation("abs"), (6,)),
    (Activation("sign"), (6,)),
    (Activation("relu6"), (6,)),
    (Activation("hard_tanh"), (6,)),
    (Activation("leaky_relu", -3.1), (6,)),
    (Activation("leaky_relu", 0.1), (6,)),
    (Scaling(0.1), (6,)),
    (Scaling(-7.3), (2, 3)),
    (Flatten(), (2, 3)),
    (Reshape((3, 1, 2)), (2, 3)),
    (BatchNormalization(NORMAL(3), [9.0, 0.25, 49.0], NORMAL(3), NORMAL(3), 0.0), (3, 4)),
    (BatchNormalization([1e5] * 2, [9.0, 1.0], [1.0, 3.0], [0.0, 0.0], 0.0), (2,)),
]


@pytest.mark.parametrize(("layer", "shape"), LAYERS, ids=lambda v: repr(v))
@pytest.mark.parametrize("scale", [0.0, 1e-9, 10.0])
def test_each_layer_encloses_all_corners_of_its_input_box(layer, shape, scale):
    rng = np.random.default_rng(0)
    for _ in range(6):
        centre = rng.standard_normal((2, *shape)) * rng.choice([1.0, 1e-3, 1e6])
        radius = np.abs(rng.standard_normal(centre.shape)) * scale
        c, r = _step(layer, [(centre, radius)])
        assert c.shape == r.shape == (2, *layer.output_shape(shape))
        for sign in (rng.choice([-1, 1], centre.shape), np.ones(centre.shape), -np.sign(centre)):
            for n in range(2):
                value = apply(layer, exact(centre[n]) + exact(sign[n]) * exact(radius[n])).reshape(-1)
                pairs = zip(value, exact(c[n]).reshape(-1), exact(r[n]).reshape(-1), strict=True)
                assert all(abs(v - m) <= width for v, m, width in pairs)


@pytest.mark.parametrize("scale", [0.0, 1.0])
def test_linear_layers_enclose_their_own_worst_corner_tightly(scale):
    """Corners that push one output as far as it goes: the spread may not be too small, nor much too large."""
    rng = np.random.default_rng(1)
    for layer, shape in LAYERS:
        if not isinstance(layer, Dense | Convolution) and not (isinstance(layer, Pooling) and layer.kind == "average"):
            continue
        centre = rng.standard_normal((1, *shape))
        radius = np.abs(rng.standard_normal(centre.shape)) * scale
        c, r = _step(layer, [(centre, radius)])
        size = int(np.prod(shape))
        # the rows of the linear map, by unit vectors
        zero = apply(layer, exact(np.zeros(shape))).reshape(-1)
        rows = np.array([apply(layer, exact(e.reshape(shape))).reshape(-1) - zero for e in np.eye(size)]).T
        for row, offset, m, width in zip(rows, zero, c.reshape(-1), r.reshape(-1), strict=True):
            for sign in (1, -1):
                corner = exact(centre).reshape(-1) + [
                    (sign if entry >= 0 else -sign) * s for entry, s in zip(row, exact(radius).reshape(-1), strict=True)
                ]
                far = abs((row * corner).sum() + offset - rational(float(m)))
                assert far <= rational(float(width))
                assert float(rational(float(width)) - far) <= 1e-13 * (1 + float(far)) + 100 * U


@pytest.mark.parametrize("terms", [2, 3, 7])
def test_sums_of_values_enclose_all_corners(terms):
    rng = np.random.default_rng(terms)
    for scale in (0.0, 1e-12, 1.0):
        inputs = [
            (rng.standard_normal((1, 30)) * 10.0**k, np.abs(rng.standard_normal((1, 30))) * scale) for k in range(terms)
        ]
        c, r = _step(Add(), inputs)
        for sign in (1, -1):
            value = sum((exact(m) + sign * exact(s) for m, s in inputs), exact(np.zeros((1, 30))))
            assert (abs(value - exact(c)) <= exact(r)).all()
        assert (r <= sum(s for _, s in inputs) + 1e-14 * 10.0**terms).all()


def test_batch_normalisation_with_irrational_roots():
    layer = BatchNormalization([0.3, -2.0], [2.0, 0.7], [1.7, -0.1], [0.2, 5.0], 1e-5)
    x = np.random.default_rng(0).standard_normal((40, 2, 3)) * 100
    c, r = _step(layer, [(x, np.full(x.shape, 1e-14))])
    with ctx.workprec(300):
        for n, k, place in np.ndindex(x.shape):
            root = (arb(float(layer.variance[k])) + arb(layer.epsilon)).sqrt()
            for sign in (1, -1):
                exact_x = arb(float(x[n, k, place])) + sign * arb(1e-14)
                y = arb(float(layer.scale[k])) * (exact_x - arb(float(layer.mean[k]))) / root + arb(
                    float(layer.shift[k])
                )
                assert abs(y - arb(float(c[n, k, place]))) <= arb(float(r[n, k, place]))
    assert r.max() < 2e-13


def test_the_radius_of_the_factor_counts_for_large_values():
    # 1 / 3 is not a float: the error of the factor times 1e17 is beyond the rounding of the product alone
    layer = BatchNormalization([0.0], [9.0], [1.0], [0.0], 0.0)
    for x in (1e17, 3.0, 1.7e17):
        c, r = _step(layer, [(np.array([[x]]), np.zeros((1, 1)))])
        assert abs(rational(x) / 3 - rational(float(c[0, 0]))) <= rational(float(r[0, 0]))


def test_batches_and_image_shapes_change_nothing(monkeypatch):
    rng = np.random.default_rng(0)
    network = Network(
        [Convolution(rng.standard_normal((3, 2, 3, 3)), padding=1), Activation("relu"), Pooling("max", 2), Flatten()],
        input_shape=(2, 4, 4),
    )
    X = rng.standard_normal((7, 2, 4, 4))
    whole, outputs = enclosed_outputs(network, X), network(X)
    monkeypatch.setattr(network_module, "_BATCH", 1)
    assert network.batch_rows == 1
    single = enclosed_outputs(network, X.reshape(7, -1))
    # matrix products of other sizes may round otherwise, within the radii
    assert (np.abs(single[0] - whole[0]) <= whole[1] + single[1]).all()
    assert np.allclose(network(X), outputs, rtol=1e-12, atol=1e-12)
    assert enclosed_outputs(network, X[:0])[0].shape == (0, 12)
    assert network(X[:0]).shape == (0, 12)


def test_overflow_is_refused_with_the_number_of_the_sample():
    network = Network([Scaling(1e300), Convolution(np.ones((1, 1, 2)))], input_shape=(1, 3))
    with pytest.raises(InputError, match="must be finite, found an overflow at sample 1: scale the weights or"):
        enclosed_outputs(network, [[1.0, 1.0, 1.0], [1e300, 1.0, 1.0]])
    with pytest.raises(InputError, match="found an overflow at sample 11"):
        enclosed_outputs(network, [[1.0, 1.0, 1.0], [1e300, 1.0, 1.0]], first=10)
