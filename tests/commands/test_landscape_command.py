"""The command `theorems landscape` on losses whose answers are known."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import pytest
from click.testing import CliRunner

from numerics.evidence.errors import InputError
from theorems.commands.cli import command
from theorems.commands.landscape import run
from theorems.commands.landscape_output import table
from theorems.commands.landscape_report import landscape_report, load_loss

LOSSES = Path(__file__).parents[2] / "examples" / "losses.py"


def record(name: str, box: str = "-2,2", **options) -> dict:
    return json.loads(run(f"{LOSSES}:{name}", box=box, format="json", **options))


def test_the_product_of_two_weights(tmp_path: Path) -> None:
    found = record("product", certify=["1/2", "99/100", "101/100"], grid=100, plot_file=tmp_path / "product.pdf")
    assert [(c["at_least"], c["at_most"], c["verified"]) for c in found["certified"]] == [
        (2, 2, True),
        (2, 2, True),
        (1, 1, True),
    ]
    assert all(
        c["in_all_of_space"] == f"N_u = {c['at_most']} in all of space, by the lemma on a chain"
        for c in found["certified"]
    )
    rows = {row["level"]: row for row in found["levels"]}
    assert rows["1/2"] == {"level": "1/2", "on_the_grid": 2, "certified_at_least": 2}
    assert rows["101/100"]["certified_at_least"] == 1
    assert (tmp_path / "product.pdf").read_bytes().startswith(b"%PDF")


def test_weight_decay_and_relu() -> None:
    found = record("ridge", certify=["18/100", "1/2"], grid=60, box="w1=-3,3;w2=-3,3")
    assert [(c["at_least"], c["at_most"]) for c in found["certified"]] == [(0, 0), (2, 2)]
    assert found["certified"][1]["in_all_of_space"] == "N_u = 2 in all of space, by the lemma on a ridge"
    found = record("two_units", certify=["1/2"], grid=60)
    assert found["certified"][0]["at_least"] == 2 and found["certified"][0]["verified"]


def test_a_critical_value_is_answered_by_a_formula() -> None:
    for name, count in (("product", 1), ("ridge", 1), ("chain", 1), ("deep_ridge", 5)):
        (found,) = record(name, certify=["1"], grid=20, cells=2000, box="-2,2")["certified"]
        assert found["at_most"] is None and found["verified"]
        assert found["in_all_of_space"].startswith(f"N_u = {count} in all of space, by the formula for scalar chains")


def test_levels_are_exact() -> None:
    """A level a little below 1 as a fraction is not rounded up to where the components join."""
    loss = load_loss(f"{LOSSES}:product", "-2,2")
    below = Fraction(1) - Fraction(1, 10**30)
    report = landscape_report(loss, points=41, levels=[below])
    assert report.tree.count(1.0) == 1  # the origin is a grid point
    (row,) = [line for line in table(report).splitlines() if line.split()[:1] == ["1.0"] or line.split()[:1] == ["1"]]
    assert row.split()[1] == "2"


def test_different_levels_look_different() -> None:
    report = landscape_report(load_loss(f"{LOSSES}:product", "-2,2"), points=100)
    rows = table(report).partition("certified at least\n")[2].splitlines()[: len(report.levels)]
    texts = [row.split()[0] for row in rows]
    assert len(set(texts)) == len(texts) == len(set(report.levels)) >= 3
    assert len({text[:9] for text in texts}) < len(texts)  # two of them are close


def test_a_loss_that_is_no_expression_is_counted_on_the_grid(tmp_path: Path) -> None:
    file = tmp_path / "wave.py"
    file.write_text("import numpy as np\ndef wave(x):\n    return np.cos(x)\n")
    text = run(f"{file}:wave", box="-7,7", grid=200, levels="0,1")
    assert "nothing is certified: the loss is no expression" in text
    assert [line.split()[1] for line in text.splitlines() if line.split()[:1] in (["0"], ["1"])] == ["2", "1"]
    with pytest.raises(InputError, match=r"Only a loss in \+ - \* \*\* relu abs of its parameters can be certified"):
        run(f"{file}:wave", box="-7,7", certify=["0"])


@pytest.mark.parametrize(
    ("target", "options", "sentence"),
    [
        ("losses.py", {}, "The loss must be given as FILE.py:FUNCTION, found `losses.py`."),
        ("nowhere.py:f", {}, "`nowhere.py` must be a Python file, found none."),
        (f"{LOSSES}:nothing", {}, "must define the function `nothing`, found no such name"),
        (f"{LOSSES}:product", {"box": "2,-2"}, "`--box` needs intervals with LOW < HIGH, found `2,-2`."),
        (f"{LOSSES}:product", {"box": "-2"}, "`--box` needs intervals LOW,HIGH, found `-2`."),
        (f"{LOSSES}:product", {"box": "a,2"}, "An end of `--box` must be a number such as 0.5 or 1/3, found `a`."),
        (
            f"{LOSSES}:product",
            {"box": "w1=-2,2"},
            "`--box` must give an interval for each of w1, w2, found none for `w2`.",
        ),
        (f"{LOSSES}:product", {"box": "w1=0,1;w2=0,1;w3=0,1"}, "`--box` names `w3`, which the loss does not have"),
        (f"{LOSSES}:product", {"grid": 1}, "`--grid` must be at least 2, found 1."),
        (f"{LOSSES}:product", {"levels": "nan"}, "A level must be a number such as 0.5 or 1/3, found `nan`."),
        (f"{LOSSES}:product", {"format": "xml"}, "`--format` must be one of table, json, found `xml`."),
        (
            f"{LOSSES}:product",
            {"plot_file": "x.txt"},
            "`--plot` needs a file that ends in .pdf, .png, .svg, found `x.txt`.",
        ),
    ],
)
def test_faults_are_one_sentence(target: str, options: dict, sentence: str) -> None:
    with pytest.raises(InputError) as caught:
        run(target, **{"box": "-2,2", **options})
    assert sentence in str(caught.value)


def test_losses_that_misbehave(tmp_path: Path) -> None:
    file = tmp_path / "bad.py"
    file.write_text(
        "def raises(x):\n    raise ValueError('no')\n"
        "import numpy as np\ndef shape(x):\n    return np.zeros((3, 3))\n"
        "def star(*x):\n    return x[0]\n"
        "def many(a, b, c, d, e, f, g):\n    return a\n"
        "def unused(x, y):\n    return x * x\n"
    )
    for name, sentence in [
        ("raises", "raised ValueError"),
        ("shape", "shape"),
        ("star", "must take its parameters one by one"),
        ("many", "must have 1 to 6 parameters without a default, found 7"),
        ("unused", "must depend on all its parameters, found none of `y`"),
    ]:
        with pytest.raises(InputError, match=sentence):
            run(f"{file}:{name}", box="-1,1", grid=5)
    (tmp_path / "broken.py").write_text("1/0\n")
    with pytest.raises(InputError, match="could not be run: ZeroDivisionError: division by zero"):
        run(f"{tmp_path / 'broken.py'}:f", box="-1,1")


def test_the_command() -> None:
    done = CliRunner().invoke(
        command, ["landscape", f"{LOSSES}:product", "--box=-2,2", "--grid", "50", "--certify", "0.5", "--levels", "2"]
    )
    assert done.exit_code == 0
    assert "N_u = 2 for u = 1/2" in done.output and "verified again from the cells alone" in done.output
    failed = CliRunner().invoke(command, ["landscape", f"{LOSSES}:product", "--box", "1,0"])
    assert failed.exit_code == 2
