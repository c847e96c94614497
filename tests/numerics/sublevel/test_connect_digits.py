"""The example that connects two networks trained on digits, on fewer digits and with fewer units."""

from __future__ import annotations

import runpy
from pathlib import Path

import numpy as np
import pytest

from numerics.sublevel.paths.certified import between
from numerics.sublevel.paths.chords import value_at
from numerics.sublevel.paths.point_vectors import to_network

EXAMPLE = Path(__file__).parents[3] / "examples" / "connect_digits.py"


@pytest.fixture(scope="module")
def example() -> dict:
    return runpy.run_path(str(EXAMPLE))


def test_two_trained_networks_are_connected_below_certified_levels(example) -> None:
    data = example["training_data"](60)
    (loss, a), (_, b) = (example["trained"](data, seed, 6) for seed in (0, 1))
    assert loss.biases and loss.outer == "cross-entropy" and [W.shape for W in a] == [(6, 65), (10, 7)]
    paths = example["connections"](loss, a, b)
    ends = max(value_at(loss, w)[1] for w in (a, b))
    # the units in another order are the same network
    ordered = paths["straight line, units in order"].end
    assert np.allclose(to_network(ordered, loss)(data.X), to_network(b, loss)(data.X), atol=1e-9)
    for path in paths.values():
        assert path.verify().holds and path.start == a and path.end in (b, ordered)
        sampled = max(
            value_at(loss, between(v, w, f"{k}/4"))[0]
            for v, w in zip(path.vertices, path.vertices[1:], strict=False)
            for k in range(5)
        )
        assert sampled <= float(path.level) <= sampled * 1.03 + 0.03
    levels = {name: float(path.level) for name, path in paths.items()}
    assert levels["straight line"] > levels["straight line, units in order"] > 1.2 * ends
    assert min(levels["Bezier curve"], levels["elastic band"]) < 1.1 * ends


def test_the_example_prints_and_draws(example, tmp_path, capsys) -> None:
    figure = tmp_path / "digits.pdf"
    example["main"](str(figure), 40, 3)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("mean loss of the two networks: ") and lines[-1] == f"wrote {figure}"
    assert sum(line.endswith("certified") and "NOT" not in line for line in lines) == 4
    assert figure.read_bytes().startswith(b"%PDF")
