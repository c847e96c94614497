"""The whole way from training a network on real data to its bounds, and the bounds on networks small enough to know."""

from __future__ import annotations

import json
import math
import re
import subprocess
import sys
import warnings
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from flint import arb

from numerics.evidence.errors import InputError
from numerics.networks import (
    Activation,
    Data,
    Dense,
    Network,
    from_scikit_learn,
    load_data,
    load_network,
    load_references,
    margins,
    save_network,
    scikit_learn_data,
)
from theorems.bounds import all_bounds
from theorems.commands.bounds import run
from theorems.commands.bounds_output import as_json, table
from theorems.commands.bounds_report import bounds_report

ROOT = Path(__file__).parents[2]
PAGE = "generalization.spectral_margin_bound"


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("digits")
    code = f"import runpy, sys; sys.argv = ['x', {str(folder)!r}]; runpy.run_path('examples/train_digits.py', run_name='__main__')"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, timeout=120)
    return folder / "digits-network.npz", folder / "digits-train.npz"


def bounds():
    return {b.name: b for b in all_bounds() if b.name.startswith("spectral-margin")}


def by_hand(network: Network, data: Data, gamma: float, delta: float, references=None) -> dict[str, float]:
    """Both fixed forms in plain floats, from the formulas in the theorem."""
    matrices = references or [np.zeros_like(A) for A in network.weights]
    s = [np.linalg.norm(A, 2) for A in network.weights]
    b = [np.linalg.norm(A - M, axis=1).sum() for A, M in zip(network.weights, matrices, strict=True)]
    R = math.prod(s) * sum((y / x) ** (2 / 3) for x, y in zip(s, b, strict=True)) ** 1.5
    n, x, W = len(data), np.linalg.norm(data.X), max(network.widths)
    risk = 1 - np.clip(margins(network, data) / gamma, 0, 1).mean()
    scale = x * math.sqrt(math.log(2 * W * W)) * R / gamma
    K = math.sqrt(2) * scale
    t = math.sqrt(math.log(1 / delta) / (2 * n))
    middle = 24 * K / n * (1 + max(0.0, math.log(n / (12 * K))))
    return {
        "spectral-margin-paper": risk + 8 / n**1.5 + 72 * scale * math.log(n) / n + 3 * t,
        "spectral-margin-sharp": risk + middle + 2 * t,
    }


def test_the_fixed_forms_on_digits_are_the_formulas_of_the_theorem(digits) -> None:
    network, data = load_network(digits[0]), load_data(digits[1])
    references = load_references(digits[0])
    for name, expected in by_hand(network, data, 2.0, 0.05, references).items():
        found = bounds()[name].on(network, data, delta="0.05", gamma=2, references=references)
        assert math.isclose(float(found.value), expected, rel_tol=1e-9)
        assert found.vacuous is True and found.capped == 1


def test_the_report_on_digits_names_every_ingredient(digits) -> None:
    text = run(*digits)
    for part in (
        "1347 training examples",
        "layer 1, Dense(40 x 64): spectral norm 10.77",
        "from its reference",
        "Lipschitz product",
        "margins: 0 %",
        "Bounds that need to know more",
    ):
        assert part in text
    for bound in all_bounds():
        (line,) = [x for x in text.splitlines() if x.startswith((f"  {bound.name} ", f"  {bound.name}:"))]
        assert bound.page in line or bound.required or bound.name == "vc-sign"
    row = next(x for x in text.splitlines() if x.startswith("  spectral-margin-paper"))
    assert row.split()[1:3] == ["1", "vacuous:"] and float(row.split()[3]) > 1e5 and row.split()[4] == "complexity"
    assert "from its reference" not in run(*digits, references="none")


def test_the_json_report_encloses_what_the_table_shows(digits) -> None:
    found = json.loads(run(*digits, gamma="4", format="json"))
    network, data = load_network(digits[0]), load_data(digits[1])
    s = np.linalg.norm(network.weights[0], 2)
    low, high = (found["layers"][0]["spectral_norm"][end] for end in ("lower", "upper"))
    assert low <= s * (1 + 1e-12) and s * (1 - 1e-12) <= high and high - low < 1e-5
    error = float((margins(network, data) <= 0).mean())
    assert found["training_error"]["lower"] <= error <= found["training_error"]["upper"]
    assert [b["name"] for b in found["bounds"]] == [b.name for b in all_bounds()]
    spectral = [b for b in found["bounds"] if b["page"] == PAGE]
    assert len(spectral) == 2 and all(b["applies"] and b["ingredients"]["gamma"] in (4, "4") for b in spectral)
    assert all(b["missing"] for b in found["bounds"] if b["name"].startswith("test-set"))


def test_held_out_data_and_options_reach_their_bounds(digits) -> None:
    found = json.loads(run(*digits, test=digits[1], settings=["draws=2", "seed=3"], format="json"))
    rows = {b["name"]: b for b in found["bounds"]}
    assert rows["test-set-exact"]["ingredients"]["m"] == 1347
    assert rows["test-set-exact"]["ingredients"]["k"] == 1
    assert 1 / 1347 < rows["test-set-exact"]["value"]["lower"] < 0.01
    assert rows["pac-bayes-kl"]["ingredients"]["N"] == 2 and rows["pac-bayes-kl"]["rigour"] == "statistical"


def test_a_training_file_gives_options(digits, tmp_path) -> None:
    training = tmp_path / "training.toml"
    training.write_text("draws = 2\nseed = 3\n")
    from_file = json.loads(run(*digits, training=training, format="json"))
    assert from_file == json.loads(run(*digits, settings=["draws=2", "seed=3"], format="json"))


def test_the_initialization_from_another_file(digits, tmp_path) -> None:
    network = load_network(digits[0])
    references = load_references(digits[0])
    assert references is not None
    start = tmp_path / "start.npz"
    save_network(start, Network([Dense(references[0]), Activation("relu"), Dense(references[1])]))
    assert run(*digits, init=start) == run(*digits)
    assert run(*digits, init=start, gamma="2") != run(*digits, references="none", gamma="2")
    other = tmp_path / "other.npz"
    save_network(other, Network([Dense(np.eye(3))]))
    with pytest.raises(InputError, match=r"other\.npz` must hold the network .* before training"):
        run(*digits, init=other)
    assert network.depth == 2


def test_latex_and_bibtex(digits) -> None:
    text = run(*digits, format="latex")
    assert text.count("\\begin{tabular}") == text.count("\\end{tabular}") >= 2
    assert (
        "spectral-margin-sharp (vacuous: 7745.04) & $1$ & complexity & \\cite[Theorem 1.1]{bartlett2017spectrally}"
        in text
    )
    entries = run(*digits, format="bibtex")
    cited = set(re.findall(r"\\cite(?:\[[^]]*\])?\{([^}]*)\}", text))
    assert cited and all(f"{{{key}," in entries for key in cited)
    assert "@software{theorems:generalization:spectral_margin_bound," in entries


def test_the_figure_of_margins(digits, tmp_path) -> None:
    run(*digits, plot=tmp_path / "margins.pdf")
    first = (tmp_path / "margins.pdf").read_bytes()
    assert first.startswith(b"%PDF")
    run(*digits, plot=tmp_path / "margins.pdf")
    assert (tmp_path / "margins.pdf").read_bytes() == first


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"settings": ["drws=2"]}, "No bound has the option `drws`: did you mean `draws`?"),
        ({"settings": ["draws"]}, "`--set` needs NAME=VALUE, found `draws`."),
        ({"settings": ["draws=0"]}, "`draws` must be a whole number > 0, found '0'."),
        ({"format": "xml"}, "`--format` must be one of table, json, latex, bibtex, found `xml`."),
        ({"plot": "margins.txt"}, "`--plot` needs a file that ends in .pdf, .png, .svg, found `margins.txt`."),
        ({"plot": "nowhere/margins.pdf"}, "`--plot` needs a folder that exists"),
        ({"training": "nowhere.toml"}, "`nowhere.toml` could not be read: No such file or directory."),
        ({"init": "x.npz", "references": "none"}, "`--init` gives reference matrices and `--references none` forbids"),
    ],
)
def test_faults_of_the_command_are_one_sentence(digits, given, sentence) -> None:
    with pytest.raises(InputError) as caught:
        run(*digits, **given)
    assert str(caught.value).startswith(sentence)


def test_references_near_the_weights_make_the_bounds_smaller(digits) -> None:
    network, data = load_network(digits[0]), load_data(digits[1])
    for bound in bounds().values():
        near = bound.on(network, data, delta="0.01", gamma=1, references=load_references(digits[0]))
        assert near.value < bound.on(network, data, delta="0.01", gamma=1).value


def test_a_live_scikit_learn_classifier() -> None:
    from sklearn.datasets import load_iris
    from sklearn.neural_network import MLPClassifier

    X, y = load_iris(return_X_y=True)
    X = X / np.linalg.norm(X, axis=1).mean()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = MLPClassifier((8,), max_iter=200, random_state=0).fit(X, y)
    network, data = from_scikit_learn(model), scikit_learn_data(model, X, y)
    report = bounds_report(network, data)
    spectral = [row for row in report.rows if row.bound.page == PAGE]
    assert spectral and all(row.value is None and "has a bias" in row.broken[0] for row in spectral)
    assert "  spectral-margin-sharp: Layer 1, `Dense(8 x 4, bias)`, has a bias" in table(report)
    absorbed = bounds_report(network, data, absorb=True)
    left_out = [row.bound.name for row in absorbed.rows if row.value is None and not row.bound.required]
    assert left_out == ["vc-sign"]  # its units are no signs
    assert absorbed.shapes == ((5,), (9,), (9,), (3,))
    accuracy = float(np.mean(model.predict(X) == y))
    assert math.isclose(1 - accuracy, float(absorbed.training_error), abs_tol=1e-12)
    assert as_json(absorbed)["samples"] == 150


# Networks that are small enough to be sure.


def sign_network(scale: float = 1.0) -> Network:
    """x -> (x, -x)/2: margin x at label 0, complexity R = 1."""
    return Network([Dense(scale * np.array([[0.5], [-0.5]]))])


def line(n: int) -> Data:
    """n times the inputs 1 and -1 in turn, with labels 0 and 1: all margins are 1."""
    x = np.where(np.arange(n) % 2 == 0, 1.0, -1.0)
    return Data(x[:, None], (x < 0).astype(int))


def test_a_bound_that_is_not_vacuous() -> None:
    n = 200_000
    network, data = sign_network(), line(n)
    sharp = bounds()["spectral-margin-sharp"].on(network, data, delta="0.01")
    K = math.sqrt(2 * n * math.log(8))  # R = b = |A^T|_{2,1} = 1, W = 2
    expected = 24 * K / n * (1 + math.log(n / (12 * K))) + 2 * math.sqrt(math.log(100) / (2 * n))
    assert math.isclose(float(sharp.value), expected, rel_tol=1e-9)
    assert sharp.vacuous is False and sharp.value < 1 and str(sharp.capped) == str(sharp.value)
    uniform = bounds()["spectral-margin-uniform"].on(network, data, delta="0.01", gamma=1)
    assert uniform.value >= sharp.value and uniform.vacuous is False
    best = bounds()["spectral-margin-uniform"].on(network, data, delta="0.01")
    assert float(best.value) <= float(uniform.value) * (1 + 1e-12)
    text = table(bounds_report(network, data))
    row = next(line for line in text.splitlines() if line.startswith("  spectral-margin-sharp"))
    assert sharp.value > arb("0.434213") and row.split()[1:3] == ["0.434214", "complexity"]  # rounded up


def test_what_may_be_vacuous_is_cut_at_one() -> None:
    report = bounds_report(sign_network(), line(1000))
    row = next(row for row in report.rows if row.bound.name == "spectral-margin-sharp")
    assert row.value is not None
    close = replace(row.value, value=arb(1, 0.001), capped=arb(1, 0.001).min(arb(1)), vacuous=None)
    text = table(replace(report, rows=(replace(row, value=close),)))
    (shown,) = [x for x in text.splitlines() if row.bound.name in x]
    assert shown.split()[1:5] == ["1", "perhaps", "vacuous:", "1.00101"]


@pytest.mark.parametrize("n", [1, 2, 3, 10, 1000, 10**6])
@pytest.mark.parametrize("R", ["1/1000", "1/20", "1", "30"])
def test_sharp_is_below_paper_and_uniform_above_sharp(n: int, R: str) -> None:
    from theorems.bounds.bound import enclose

    found = bounds()
    values = {
        "risk": 0,
        "n": n,
        "X": arb(n).sqrt(),
        "W": 10,
        "R": Fraction(R),
        "gamma": 1,
        "delta": Fraction(1, 100),
        "C": arb(3).log(),
    }
    paper, sharp, uniform = (
        enclose(found[f"spectral-margin-{k}"].expression, values) for k in ("paper", "sharp", "uniform")
    )
    assert uniform > sharp
    K = math.sqrt(2 * n * math.log(200)) * float(Fraction(R))
    # For n = 1 the logarithm of the paper form is 0, which is a bound all the same: 8 is more than 1.
    if 12 * K <= n:
        assert sharp <= paper
    else:
        assert sharp > 1


@pytest.mark.parametrize(
    ("R", "form", "n"),
    [
        (1, "paper", 6_825_172),
        (1, "sharp", 45_822),
        (10, "paper", 1_200_796_436),
        (10, "sharp", 4_398_766),
        (100, "paper", 184_862_337_456),
        (100, "sharp", 438_051_457),
    ],
)
def test_the_first_sample_size_with_something_to_say(R: int, form: str, n: int) -> None:
    from theorems.bounds.bound import enclose

    expression = bounds()[f"spectral-margin-{form}"].expression

    def value(n: int) -> arb:
        values = {"risk": 0, "n": n, "X": arb(n).sqrt(), "W": 10, "R": R, "gamma": 1, "delta": Fraction(1, 100)}
        return enclose(expression, values)

    assert value(n) < 1 and value(n - 1) >= 1


def test_no_complexity_costs_nothing() -> None:
    data = line(8)
    sharp = bounds()["spectral-margin-sharp"].on(sign_network(), data, delta="1/2", references=sign_network().weights)
    assert math.isclose(float(sharp.value), 2 * math.sqrt(math.log(2) / 16), rel_tol=1e-12)


def test_the_price_of_uniformity() -> None:
    found = bounds()["spectral-margin-uniform"].on(sign_network(3.0), line(4), delta=0.1, gamma=5)
    values = {symbol: value for symbol, _, value in found.ingredients}
    # norms |A| = 3/sqrt 2 -> 3 and |A^T|_{2,1} = 3 -> 3, perhaps 4 as a ball; gamma = 5 -> 4
    assert values["gamma"] == 4
    costs = [math.log(12) + math.log(k * (k + 1)) + 2 * math.log(2) + math.log(3) for k in (3, 4)]
    assert any(math.isclose(float(values["C"]), c, rel_tol=1e-12) for c in costs)


# Bad input.


def test_conditions_are_named() -> None:
    data = line(4)
    biased = Network([Dense(np.eye(2)[:, :1], np.ones(2))])
    with pytest.raises(
        InputError, match=r"does not apply to this network: Layer 1, `Dense\(2 x 1, bias\)`, has a bias"
    ):
        bounds()["spectral-margin-sharp"].on(biased, data, delta="0.01")
    sigmoid = Network([Dense(np.eye(2)[:, :1]), Activation("sigmoid"), Dense(np.eye(2))])
    rows = {row.bound.name: row for row in bounds_report(sigmoid, data).rows}
    assert "sigma(0) = 0.5, not 0" in rows["spectral-margin-sharp"].broken[0]


@pytest.mark.parametrize("gamma", [0, -1, "x", "1/0", float("nan")])
def test_a_margin_out_of_range(gamma) -> None:
    for bound in bounds().values():
        with pytest.raises(InputError, match=r"`gamma` must be a margin > 0, found .*: pass 1, say."):
            bound.on(sign_network(), line(4), delta="0.01", gamma=gamma)


def test_choices_of_the_command(digits) -> None:
    with pytest.raises(InputError, match=r"`--references` must be one of auto, none, found `zero`."):
        run(*digits, references="zero")
    with pytest.raises(InputError, match=r"`--format` must be one of table, json, latex, bibtex, found `xml`."):
        run(*digits, format="xml")
    with pytest.raises(InputError, match="`delta` must be a probability strictly between 0 and 1, found '2'"):
        run(*digits, delta="2")
    with pytest.raises(InputError, match="could not be read"):
        run("nowhere.npz", digits[1])
