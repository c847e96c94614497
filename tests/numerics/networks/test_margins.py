"""Margins and risks: the rigorous forward pass, the ramp sandwich, refused input, the way from training to risk."""

import math
import runpy
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from flint import arb, ctx, fmpq
from hypothesis import given, settings
from hypothesis import strategies as st

from numerics.arithmetic.exact import Matrix, rational
from numerics.evidence.errors import InputError
from numerics.networks import (
    Activation,
    Add,
    Data,
    Dense,
    Flatten,
    Network,
    RegressionData,
    certified_margins,
    data_norm,
    empirical_margin_risk,
    enclosed_outputs,
    load_data,
    load_network,
    load_references,
    margin_risk_curve,
    margins,
    mean,
    normalized_margins,
    plot_margins,
    ramp_risk,
    regression_losses,
    spectral_complexity,
)
from numerics.networks import margins as margins_function

IDENTITY = Network([Dense(np.eye(3))])


def random_network(seed: int, names: list[str], scale: float = 1.0) -> tuple[Network, Data]:
    rng = np.random.default_rng(seed)
    widths = rng.integers(2, 6, len(names) + 1)
    layers = []
    for i, name in enumerate(names):
        bias = rng.standard_normal(widths[i + 1]) if rng.random() < 0.5 else None
        layers += [Dense(scale * rng.standard_normal((widths[i + 1], widths[i])), bias), Activation(name)]
    data = Data(rng.standard_normal((5, widths[0])), rng.integers(0, widths[-1], 5))
    return Network(layers), data


def exact_outputs(network: Network, data: Data) -> list[list[arb]]:
    """The forward pass in 200-bit balls, layer by layer: a second route."""
    rows = [[arb(float(v)) for v in x] for x in data.X]
    for layer in network.layers:
        if isinstance(layer, Dense):
            W = [[arb(float(v)) for v in row] for row in layer.weight]
            b = [arb(float(v)) for v in (np.zeros(layer.outputs) if layer.bias is None else layer.bias)]
            rows = [
                [sum((w * v for w, v in zip(row, x, strict=True)), start) for row, start in zip(W, b, strict=True)]
                for x in rows
            ]
        else:
            assert isinstance(layer, Activation)
            rows = [[exact_activation(layer, v) for v in x] for x in rows]
    return rows


def exact_activation(activation: Activation, x: arb) -> arb:
    if activation.name == "relu":
        return x.max(arb(0))
    if activation.name == "leaky_relu":
        return x if x >= 0 else x * arb(activation.slope)
    if activation.name == "sigmoid":
        return 1 / (1 + (-x).exp())
    return {"abs": abs(x), "tanh": x.tanh(), "identity": x}[activation.name]


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    names=st.lists(
        st.sampled_from(["relu", "leaky_relu", "abs", "tanh", "sigmoid", "identity"]), min_size=1, max_size=4
    ),
    scale=st.sampled_from([1.0, 1e-3, 30.0]),
)
def test_the_exact_margin_lies_in_the_certified_one(seed, names, scale):
    network, data = random_network(seed, names, scale)
    lower, upper = certified_margins(network, data)
    centre, radius = enclosed_outputs(network, data.X)
    plain = margins(network, data)
    with ctx.workprec(200):
        for i, (scores, y) in enumerate(zip(exact_outputs(network, data), data.y, strict=True)):
            for j, score in enumerate(scores):
                assert abs(score - arb(float(centre[i, j]))) <= arb(float(radius[i, j]))
            others = [s for j, s in enumerate(scores) if j != y]
            best = others[0]
            for s in others[1:]:
                best = best.max(s)
            margin = scores[y] - best
            assert arb(float(lower[i])) <= margin
            assert margin <= arb(float(upper[i]))
    size = np.abs(centre).max() + 1
    assert (upper - lower).max() <= 1e-9 * size * max(1.0, scale) ** len(names)
    assert np.allclose(plain, (lower + upper) / 2, atol=1e-9 * size * max(1.0, scale) ** len(names))


def test_rounding_that_flips_a_margin_is_seen():
    # float64 says 0 for 1 + 2^-60 - 1; the exact margin is 2^-60 > 0
    network = Network([Dense([[1.0, 1.0, -1.0], [0.0, 0.0, 0.0]])])
    data = Data([[1.0, 2.0**-60, 1.0]], [0])
    lower, upper = certified_margins(network, data)
    assert lower[0] < 0 < 2.0**-60 <= upper[0] < 1e-14


def test_margins_by_value():
    data = Data([[3, 1, 2], [1, 1, 0], [0, 5, 1]], [0, 0, 2])
    assert margins(IDENTITY, data).tolist() == [1, 0, -4]
    lower, upper = certified_margins(IDENTITY, data)
    assert (lower <= [1, 0, -4]).all()
    assert (upper >= [1, 0, -4]).all()
    assert (upper - lower).max() < 1e-13


def test_batches_change_nothing():
    rng = np.random.default_rng(0)
    network = Network([Dense(rng.standard_normal((4, 3))), Activation("relu"), Dense(rng.standard_normal((3, 4)))])
    data = Data(rng.standard_normal((5000, 3)), rng.integers(0, 3, 5000))
    lower, upper = certified_margins(network, data)
    m = margins(network, data)
    assert ((lower <= m) & (m <= upper)).all()
    scores = network(data.X)
    others = np.where(np.eye(3, dtype=bool)[data.y], -np.inf, scores).max(axis=1)
    assert np.allclose(m, scores[np.arange(5000), data.y] - others, atol=1e-12)


def exact_ramp(values: list[float], gamma: Fraction) -> Fraction:
    """The definition, in rationals."""
    total = Fraction(0)
    for m in values:
        r = -Fraction(m)
        total += 0 if r < -gamma else 1 + r / gamma if r <= 0 else 1
    return total / len(values)


FLOATS = st.floats(-4, 4, allow_nan=False).map(float) | st.sampled_from([0.0, 1.0, 0.5, -0.0, 5e-324, -1.0])


@settings(max_examples=200, deadline=None)
@given(
    values=st.lists(FLOATS, min_size=1, max_size=30), gamma=st.sampled_from([0.5, 1.0, 3.0, 1e-3, Fraction(1, 3), 2])
)
def test_ramp_risk_and_its_sandwich(values, gamma):
    risk = ramp_risk(np.array(values), gamma)
    truth = exact_ramp(values, Fraction(gamma))
    exact = rational(truth)
    assert risk.lower() <= arb(exact)
    assert arb(exact) <= risk.upper()
    assert float(risk.upper() - risk.lower()) < 1e-12
    assert risk.lower() > -1e-15
    assert risk.upper() < 1 + 1e-15
    # D13: errors <= 1[M <= 0] <= ramp <= 1[M < gamma] <= 1[M <= gamma]
    n = len(values)
    counts = [sum(Fraction(m) <= 0 for m in values), sum(Fraction(m) < Fraction(gamma) for m in values)]
    assert Fraction(counts[0], n) <= truth <= Fraction(counts[1], n)
    assert empirical_margin_risk(np.array(values)).overlaps(arb(fmpq(counts[0], n)))
    assert empirical_margin_risk(np.array(values), gamma, strict=True).overlaps(arb(fmpq(counts[1], n)))
    loose = sum(Fraction(m) <= Fraction(gamma) for m in values)
    assert empirical_margin_risk(np.array(values), gamma).overlaps(arb(fmpq(loose, n)))


@settings(max_examples=100, deadline=None)
@given(
    pairs=st.lists(st.tuples(FLOATS, FLOATS).map(sorted), min_size=1, max_size=12),
    gamma=st.sampled_from([0.5, 2.0]),
    at=st.floats(0, 1),
)
def test_enclosed_margins_give_enclosed_risks(pairs, gamma, at):
    lower, upper = np.array(pairs).T.copy()
    inside = [min(max(a + at * (b - a), a), b) for a, b in pairs]
    risk = ramp_risk((lower, upper), gamma)
    for values in (lower.tolist(), upper.tolist(), inside):
        truth = arb(rational(exact_ramp(values, Fraction(gamma))))
        assert risk.lower() <= truth
        assert truth <= risk.upper()
        for strict in (False, True):
            share = empirical_margin_risk((lower, upper), gamma, strict=strict)
            assert share.overlaps(empirical_margin_risk(np.array(values), gamma, strict=strict))


def test_risks_at_the_ends_are_exact():
    assert ramp_risk([1.0, 2.0, 1.0], 1) == 0
    assert ramp_risk([0.0, -1.0], 1) == 1
    assert ramp_risk([0.5, 2.0], 1.0).contains(arb(0.25))
    assert empirical_margin_risk([0.0, 1.0]) == 0.5
    assert empirical_margin_risk([1.0, 2.0], 1, strict=True) == 0
    assert empirical_margin_risk([1.0, 2.0], 1) == 0.5
    # a ball for gamma that contains a margin cannot tell
    wide = arb(1, 0.25)
    assert empirical_margin_risk([1.0, 2.0], wide).overlaps(arb(0))
    assert empirical_margin_risk([1.0, 2.0], wide).overlaps(arb(0.5))
    assert ramp_risk([0.5], wide).contains(1 - arb(0.5) / arb(1.2))
    assert ramp_risk([0.5], wide).contains(1 - arb(0.5) / arb(0.8))
    assert ramp_risk([0.5], np.float32(1)).overlaps(ramp_risk([0.5], np.int64(1)))


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (
            lambda: margins(IDENTITY, Data([[1, 2]], [0])),
            "The data must have 3 features, one for each input of the network, found 2",
        ),
        (
            lambda: margins(IDENTITY, Data([[1, 2, 3]] * 2, [0, 3])),
            "`y` must hold labels from 0 to 2, one for each output of the network, found 3 of sample 1",
        ),
        (lambda: certified_margins(IDENTITY, Data([[1, 2, 3]], [7])), "found 7 of sample 0"),
        (
            lambda: margins(Network([Dense([[1.0]])]), Data([[1.0]], [0])),
            "A margin needs at least two outputs of the network, found 1",
        ),
        (
            lambda: margins(Network([Dense([[1e300], [1.0]])]), Data([[1.0], [1e300]], [0, 0])),
            "The outputs of the network must be finite, found an overflow at sample 1",
        ),
        (
            lambda: certified_margins(Network([Dense([[1e300], [1.0]])]), Data([[1e300]], [0])),
            "found an overflow at sample 0",
        ),
        (
            lambda: enclosed_outputs(IDENTITY, [[1.0]]),
            "`X` must have 3 columns, one for each input, found shape (1, 1)",
        ),
        (lambda: ramp_risk([1.0], 0), "`gamma` must be a finite number > 0, found 0"),
        (lambda: ramp_risk([1.0], -1.0), "`gamma` must be a finite number > 0, found -1.0"),
        (lambda: ramp_risk([1.0], math.nan), "`gamma` must be a finite number > 0, found nan"),
        (lambda: ramp_risk([1.0], math.inf), "`gamma` must be a finite number > 0, found inf"),
        (lambda: empirical_margin_risk([1.0], -1), "`gamma` must be a finite number >= 0, found -1"),
        (lambda: ramp_risk([], 1), "`margins` must hold at least one number"),
        (lambda: ramp_risk([math.nan], 1), "`margins` must have finite entries, found nan"),
        (
            lambda: ramp_risk((np.ones(2), np.zeros(2)), 1),
            "`margins` must be (lower, upper), found lower > upper at sample 0",
        ),
        (lambda: ramp_risk((np.ones(2), np.ones(3)), 1), "found shapes (2,) and (3,)"),
        (lambda: normalized_margins(IDENTITY, Data([[0, 0, 0]], [0])), "which must be positive, found 0"),
    ],
)
def test_bad_input_is_refused_in_one_sentence(make, text):
    with pytest.raises(InputError) as caught:
        make()
    assert text in str(caught.value)


@pytest.mark.parametrize("gamma", ["1", True, None])
def test_gamma_must_be_a_number(gamma):
    with pytest.raises(TypeError, match="`gamma` must be a number, found"):
        ramp_risk([1.0], gamma)


def test_normalised_margins_do_not_see_scale():
    rng = np.random.default_rng(3)
    A, B = rng.standard_normal((5, 4)), rng.standard_normal((3, 5))
    data = Data(rng.standard_normal((7, 4)), rng.integers(0, 3, 7))
    first = normalized_margins(Network([Dense(A), Activation("relu"), Dense(B)]), data)
    second = normalized_margins(Network([Dense(A * 8), Activation("relu"), Dense(B * 3)]), data)
    assert np.allclose(first, second, rtol=1e-12)
    network = Network([Dense(A), Activation("relu"), Dense(B)])
    scale = float(spectral_complexity(network) * data_norm(data)) / 7
    assert np.allclose(first, margins_function(network, data) / scale, rtol=1e-12)


def test_normalised_margins_take_a_known_complexity():
    data = Data([[3, 1, 2], [0, 2, 1]], [0, 0])
    network = Network([Flatten(), Dense(np.eye(3)), Add()], input_shape=(3,), wiring=[(0,), (1,), (1, 2)])
    with pytest.raises(InputError, match="The network must be a chain"):
        normalized_margins(network, data)
    values = normalized_margins(network, data, complexity=arb(4))
    assert np.allclose(values, 2 * np.array([1, -2]) / (4 * np.sqrt(19) / 2))


@settings(max_examples=100, deadline=None)
@given(
    pairs=st.lists(st.tuples(FLOATS, FLOATS).map(sorted), min_size=1, max_size=12),
    gammas=st.lists(FLOATS, min_size=1, max_size=5),
    strict=st.booleans(),
)
def test_the_risk_curve_is_the_risk_at_every_gamma(pairs, gammas, strict):
    lower, upper = np.array(pairs).T.copy()
    curve = margin_risk_curve((lower, upper))
    assert len(curve) == len(pairs)
    surely, perhaps = curve.counts(gammas, strict=strict)
    for gamma, least, most in zip(gammas, surely, perhaps, strict=True):
        below = [(m < gamma if strict else m <= gamma) for m in (*lower, *upper)]
        assert (most, least) == (sum(below[: len(pairs)]), sum(below[len(pairs) :]))
        if gamma >= 0:
            single = empirical_margin_risk((lower, upper), gamma, strict=strict)
            assert str(curve(gamma, strict=strict)) == str(single)
    jumps = curve.counts(np.sort(np.concatenate([lower, upper])))
    assert all((np.diff(counts) >= 0).all() for counts in jumps)
    assert int(jumps[0][-1]) == int(jumps[1][-1]) == len(pairs)


@settings(max_examples=100, deadline=None)
@given(values=st.lists(FLOATS, min_size=1, max_size=12), share=st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.99]))
def test_the_largest_gamma_with_a_small_risk(values, share):
    curve = margin_risk_curve(np.array(values))
    gamma = curve.largest_gamma(share)
    assert curve.counts(gamma, strict=True)[1] <= share * len(values)
    assert curve.counts(np.nextafter(gamma, np.inf), strict=True)[1] > share * len(values)
    assert curve.largest_gamma(1.0) == math.inf


def test_risk_curves_refuse_what_is_no_number():
    curve = margin_risk_curve([1.0, 2.0])
    with pytest.raises(InputError, match="`gamma` must hold numbers, found nan"):
        curve.counts(math.nan)
    with pytest.raises(InputError, match="`share` must be >= 0, found -1"):
        curve.largest_gamma(-1.0)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), outputs=st.integers(1, 4), scale=st.sampled_from([1e-3, 1.0, 1e5]))
def test_exact_losses_lie_in_the_enclosed_ones(seed, outputs, scale):
    rng = np.random.default_rng(seed)
    W, X = rng.standard_normal((outputs, 3)), rng.standard_normal((6, 3))
    network = Network([Dense(W), Activation("leaky_relu", 0.3)])
    near = network(X) * rng.choice([1.0, 1 + 1e-15, 0.0], (6, outputs))  # targets that the network hits
    data = RegressionData(X, near * scale)
    for loss in ("squared", "absolute"):
        lower, upper = regression_losses(network, data, loss)
        average = mean((lower, upper))
        total = Fraction(0)
        for x, y, low, high in zip(X, data.Y, lower, upper, strict=True):
            exact = Fraction(0)
            for row, target in zip(W, y, strict=True):
                score = sum((Fraction(w) * Fraction(v) for w, v in zip(row, x, strict=True)), Fraction(0))
                error = abs((score if score >= 0 else score * Fraction(0.3)) - Fraction(target))
                exact += error**2 if loss == "squared" else error
            assert Fraction(float(low)) <= exact <= Fraction(float(high))
            assert 0 <= low
            assert high - low <= 1e-12 * (1 + high) * (1 + scale)
            total += exact / 6
        assert average.lower() <= arb(rational(total))
        assert arb(rational(total)) <= average.upper()


def test_averages_of_losses():
    assert mean([1.0, 2.0]).contains(arb(1.5))
    enclosed = mean((np.array([0.0, 1.0]), np.array([1.0, 2.0])))
    assert enclosed.contains(arb(0.5))
    assert enclosed.contains(arb(1.5))
    assert not enclosed.contains(arb(1.6))
    with pytest.raises(InputError, match="`values` must have a sum within float64, found an overflow"):
        mean([1e308, 1e308])
    with pytest.raises(InputError, match="`values` must be \\(lower, upper\\), found lower > upper at sample 1"):
        mean((np.array([0.0, 1.0]), np.array([0.0, 0.5])))


def test_figures_are_drawn_on_the_given_axes():
    from matplotlib.figure import Figure

    figure = Figure()
    left, right = figure.subplots(1, 2)
    assert plot_margins(left, [0.1, 0.2, -0.3], "zero", bins=5) is left
    plot_margins(left, [0.4, 0.2], "other", bins=5)
    heights = [p.get_path().vertices[:, 1].max() for p in left.patches]
    assert len(heights) == 2
    assert left.get_legend() is not None
    assert (left.get_xlabel(), left.get_ylabel()) == ("margin", "density")
    with pytest.raises(InputError, match="`margins` must hold at least one margin, found none"):
        plot_margins(left, [])
    curve = margin_risk_curve((np.array([0.5, 1.0, -1.0]), np.array([0.5, 1.5, -1.0])))
    assert curve.plot(right, "net") is right
    line = right.lines[0]
    assert np.asarray(line.get_xdata()).tolist() == [-1, -1, 0.5, 1]
    assert np.allclose(np.asarray(line.get_ydata()), [0, 1 / 3, 2 / 3, 1])
    assert len(right.collections) == 1  # the band between both ends
    figure.canvas.draw()


def test_data_norm_is_the_frobenius_norm():
    X = np.array([[3.0, 0], [0, 4]])
    assert data_norm(X) == 5
    assert data_norm(Data(X, [0, 0])) == 5
    assert data_norm(X * 0.1).overlaps(arb(Matrix(X * 0.1).squared_norm()).sqrt())


def test_the_way_from_training_to_risks_on_digits(tmp_path, capsys):
    example = Path(__file__).parents[3] / "examples" / "train_digits.py"
    runpy.run_path(str(example))["main"](str(tmp_path))
    assert "test accuracy" in capsys.readouterr().out
    network, data = load_network(tmp_path / "digits-network.npz"), load_data(tmp_path / "digits-train.npz")
    references = load_references(tmp_path / "digits-network.npz")
    assert references is not None
    assert network.zero_failures() == ()
    assert (len(data), network.widths) == (1347, (64, 40, 10))
    assert (network(data.X).argmax(axis=1) == data.y).mean() > 0.99
    lower, upper = certified_margins(network, data)
    assert (upper - lower).max() < 1e-10
    risk = ramp_risk((lower, upper), 1.0)
    assert float(risk) < 0.05
    assert risk.rel_accuracy_bits() > 25
    # the initialisation is a better reference than zero, but the complexity stays large
    assert 10 < spectral_complexity(network, references) < spectral_complexity(network)
    assert abs(data_norm(data) - arb(1347).sqrt()) < 0.5
