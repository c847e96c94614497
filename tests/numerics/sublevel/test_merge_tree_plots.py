"""Pictures of merge trees: drawn on the Axes that is given, which is returned, with the content that the tree has."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, QuadMesh
from matplotlib.figure import Figure

from numerics.evidence.errors import InputError
from numerics.sublevel.grids.merge_trees import merge_tree
from numerics.sublevel.grids.plots import plot_counts, plot_diagram, plot_landscape, plot_tree

X = np.linspace(-2, 2, 33)
TREE = merge_tree((X[:, None] * X - 1) ** 2).simplify(0.1)


@pytest.fixture
def ax() -> Iterator[Axes]:
    yield Figure().add_subplot()


def test_the_tree_has_a_leaf_for_every_minimum_and_no_crossing(ax: Axes) -> None:
    tree = merge_tree(np.random.default_rng(0).random((12, 12)))
    assert plot_tree(tree, ax) is ax
    assert np.size(ax.lines[0].get_xdata()) == tree.pairs.birth.size
    (lines,) = [c for c in ax.collections if isinstance(c, LineCollection)]
    segments = [np.asarray(s) for s in lines.get_segments()]
    across = sorted((s[0, 1], *sorted(s[:, 0])) for s in segments if s[0, 1] == s[1, 1])
    upright = [(s[0, 0], *sorted(s[:, 1])) for s in segments if s[0, 1] != s[1, 1]]
    assert not [1 for y, a, b in across for x, low, high in upright if a < x < b and low < y < high]
    ax.figure.draw_without_rendering()  # pyright: ignore[reportAttributeAccessIssue]


def test_the_counts_are_a_step_function_from_zero(ax: Axes) -> None:
    assert plot_counts(TREE, ax) is ax
    assert np.asarray(ax.lines[0].get_ydata())[:3].tolist() == [0, 2, 1]
    assert ax.lines[0].get_drawstyle() == "steps-post"


def test_the_diagram_marks_what_never_dies(ax: Axes) -> None:
    assert plot_diagram(TREE, ax) is ax
    assert [np.size(line.get_xdata()) for line in ax.lines] == [2, 1, 1]


def test_the_landscape_shows_the_components(ax: Axes) -> None:
    assert plot_landscape(TREE, 0.5, ax, axes=(X, X)) is ax
    assert ax.get_title() == "2 components at u = 0.5"
    (mesh,) = [c for c in ax.collections if isinstance(c, QuadMesh)]
    colours: Any = mesh.get_array()
    assert set(colours.compressed()) == {1, 2}
    x, y = map(np.asarray, ax.lines[0].get_data())
    assert (x * y).tolist() == [1, 1] and x[0] * x[1] < 0
    plot_landscape(merge_tree([[0, np.inf], [1, 2]]), 0, ax)
    with pytest.raises(InputError, match="needs a grid of 2 dimensions, found 1: take a slice"):
        plot_landscape(merge_tree([0, 1]), 0, ax)


def test_nothing_to_draw_is_drawn(ax: Axes) -> None:
    empty = merge_tree([np.inf, np.inf])
    assert empty.count(np.inf) == 0
    for plot in (plot_tree, plot_counts, plot_diagram):
        assert plot(empty, ax) is ax
