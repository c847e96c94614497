"""Pictures of merge trees, each drawn on a given matplotlib `Axes`, which is returned. Simplify a tree with very many minima first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from numerics.evidence.errors import InputError
from numerics.sublevel.grids.merge_trees import MergeTree

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def _top(tree: MergeTree) -> float:
    """A level above all finite ones, where components that never die are cut."""
    finite = np.concatenate(
        [tree.pairs.birth, tree.pairs.death[np.isfinite(tree.pairs.death)], [0.0][: not tree.pairs.birth.size]]
    )
    return float(finite.max() + 0.1 * ((finite.max() - finite.min()) or 1))


def plot_tree(tree: MergeTree, ax: Axes) -> Axes:
    """The merge tree: leaves are minima, spread out so that no branches cross; heights are levels."""
    from matplotlib.collections import LineCollection

    graph, top = tree.graph(), _top(tree)
    place: dict[int, float] = {}
    leaves = 0
    lines = []
    for root in [v for v in graph if graph.out_degree(v) == 0]:
        stack = [(root, False)]
        while stack:
            v, ready = stack.pop()
            children = sorted(graph.predecessors(v), key=lambda w: -graph.nodes[w]["persistence"])
            if children and not ready:
                stack += [(v, True), *((w, False) for w in reversed(children))]
                continue
            if not children:
                place[v], leaves = float(leaves), leaves + 1
                continue
            at = [place[w] for w in children]
            place[v] = (min(at) + max(at)) / 2
            height = graph.nodes[v]["value"]
            lines.append([(min(at), height), (max(at), height)])
            lines += [[(place[w], graph.nodes[w]["value"]), (place[w], height)] for w in children]
        lines.append([(place[root], graph.nodes[root]["value"]), (place[root], top)])
    ax.add_collection(LineCollection(lines, colors="C0", linewidths=1.2))
    minima = [v for v in graph if graph.nodes[v]["kind"] == "minimum"]
    ax.plot([place[v] for v in minima], [graph.nodes[v]["value"] for v in minima], "o", color="C3", markersize=4)
    ax.set_xticks([])
    ax.set_xlabel("components")
    ax.set_ylabel("level u")
    ax.autoscale_view()
    return ax


def plot_counts(tree: MergeTree, ax: Axes) -> Axes:
    """The step function $N_u$, which is 0 below the first level."""
    levels, numbers = tree.counts
    top = _top(tree)
    left = 2 * levels[0] - top if levels.size else -top
    ax.step([left, *levels, top], [0, *numbers, numbers[-1] if levels.size else 0], where="post", color="C0")
    ax.set_xlabel("level u")
    ax.set_ylabel("components of {E ≤ u}")
    ax.set_ylim(bottom=0)
    return ax


def plot_diagram(tree: MergeTree, ax: Axes) -> Axes:
    """The persistence diagram: birth against death, triangles at the top for components that never die."""
    p, top = tree.pairs, _top(tree)
    dies = np.isfinite(p.death)
    low = float(p.birth.min()) if p.birth.size else 0.0
    ax.plot([low, top], [low, top], color="0.7", linewidth=1)
    ax.plot(p.birth[dies], p.death[dies], "o", color="C0", markersize=4)
    ax.plot(p.birth[~dies], np.full((~dies).sum(), top), "^", color="C3", markersize=6)
    ax.set_xlabel("birth")
    ax.set_ylabel("death")
    return ax


def plot_landscape(tree: MergeTree, u: float, ax: Axes, axes: Sequence[ArrayLike] | None = None) -> Axes:
    """A landscape of two parameters: contours of the values, the components at level `u` in colours, their lowest points.

    `axes`: the coordinates of the grid; without them its indices.
    """
    if len(tree.grid.shape) != 2:
        raise InputError(f"`plot_landscape` needs a grid of 2 dimensions, found {len(tree.grid.shape)}: take a slice.")
    x, y = (np.asarray(a, float) for a in axes) if axes is not None else (np.arange(float(n)) for n in tree.grid.shape)
    values, labels, lowest = tree.values(), tree.labels(u), tree.representatives(u)
    finite = np.where(np.isfinite(values), values, np.nan)
    if min(values.shape) > 1 and np.nanmin(finite) < np.nanmax(finite):
        ax.contour(
            x,
            y,
            finite.T,
            levels=np.unique(np.nanquantile(finite, np.linspace(0, 1, 12))),
            colors="0.75",
            linewidths=0.6,
        )
    shown = np.ma.masked_where(labels.T == 0, (labels.T - 1) % 10 + 1)  # ten colours, again and again
    ax.pcolormesh(x, y, shown, cmap="tab10", vmin=1, vmax=10, alpha=0.6, shading="nearest")
    ax.plot(x[lowest[:, 0]], y[lowest[:, 1]], "k.", markersize=5)
    ax.set_title(f"{len(lowest)} component{'s' if len(lowest) != 1 else ''} at u = {u:g}")
    return ax
