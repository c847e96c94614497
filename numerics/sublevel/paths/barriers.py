r"""Barriers among many points: a graph of certified paths, its minimum spanning tree, and the ultrametric of both.

The barrier of two points is $b(x, y) = \inf_\gamma \max_t E(\gamma(t))$ over the paths between them, with $b(x, x) = E(x)$. Following
one path by another, $b(x, z) \le \max(b(x, y), b(y, z))$. A certified path bounds $b$ from above by its level, and
so does any chain of them by the largest level in it; the least such bound, over all chains in the graph, is found along
the minimum spanning tree (this is the bookkeeping of AutoNEB, Draxler et al. 2018).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from itertools import combinations, pairwise
from typing import TYPE_CHECKING, Any

from numerics.arithmetic.exact import as_fraction
from numerics.evidence.certificate import Point
from numerics.evidence.errors import InputError
from numerics.evidence.verdict import Verdict, decided, every
from numerics.sublevel.paths.certified import PathCertificate, joined, reversed_path
from numerics.sublevel.paths.exact_segments import bracket

if TYPE_CHECKING:
    import networkx as nx
    from matplotlib.axes import Axes


def barrier_graph(
    points: Sequence[Point],
    connect: Callable[[Point, Point], PathCertificate],
    pairs: Iterable[tuple[int, int]] | None = None,
) -> nx.Graph:
    r"""The graph of certified paths among the points: nodes $0, 1, \dots$, an edge for each pair (all pairs if none are given).

    A node has `point` and `value`, an upper bound of its loss; an edge has `weight`, the level of its path, and `path`, the
    certificate, which was verified. Weights are `Fraction`s. Raises `InputError` for fewer than two points, for pairs that
    name no points, and when a path is not between its two points or does not verify.
    """
    import networkx as nx

    if len(points) < 2:
        raise InputError(f"`points` must hold at least two points, found {len(points)}.")
    graph = nx.Graph()
    for i, j in pairs if pairs is not None else combinations(range(len(points)), 2):
        if i == j or not (0 <= i < len(points) and 0 <= j < len(points)):
            raise InputError(f"`pairs` must name two different points from 0 to {len(points) - 1}, found {(i, j)}.")
        path = connect(points[i], points[j])
        if path.start != points[i] or path.end != points[j]:
            raise InputError(f"The path for the points {i} and {j} must go from one to the other: it does not.")
        if not (verdict := path.verify()).holds:
            raise InputError(f"The path between the points {i} and {j} must verify: {verdict.reason}.")
        level = path.level if path.level is not None else path.maximum().upper
        graph.add_edge(i, j, weight=as_fraction(level), path=path)
        for k in (i, j):
            graph.add_node(k, point=points[k], value=as_fraction(bracket(path.loss(points[k])).upper))
    return graph


def spanning_tree(graph: nx.Graph) -> nx.Graph:
    """The minimum spanning tree (a forest if the graph is not connected), with all attributes."""
    import networkx as nx

    return nx.minimum_spanning_tree(graph)


def barriers(graph: nx.Graph) -> dict[tuple[Any, Any], Fraction]:
    r"""The minimax bound of every ordered pair that a chain of paths joins, and of every point with itself: its value.

    Kruskal's algorithm: when an edge joins two parts, its weight is the bound of all pairs between them.
    """
    found = {(v, v): as_fraction(data["value"]) for v, data in graph.nodes(data=True)}
    part = {v: {v} for v in graph}
    for u, v, weight in sorted(graph.edges(data="weight"), key=lambda edge: edge[2]):
        if part[u] is part[v]:
            continue
        for x in part[u]:
            for y in part[v]:
                found[x, y] = found[y, x] = as_fraction(weight)
        merged = part[u] | part[v]
        for x in merged:
            part[x] = merged
    return found


def is_ultrametric(found: dict[tuple[Any, Any], Fraction]) -> Verdict:
    r"""Whether $b(x, z) \le \max(b(x, y), b(y, z))$ for all triples with known bounds, and $b(x, y) = b(y, x)$: exact."""
    verdicts = []
    for (x, y), first in found.items():
        verdicts.append(decided(found.get((y, x)) == first, f"b({x}, {y}) = b({y}, {x})"))
        for z in {v for pair in found for v in pair}:
            second, direct = found.get((y, z)), found.get((x, z))
            if second is None:
                continue
            reason = f"b({x}, {z}) = {direct} against b({x}, {y}) = {first} and b({y}, {z}) = {second}"
            verdicts.append(decided(direct is not None and direct <= max(first, second), reason))
    return every(verdicts)


def lowest_path(graph: nx.Graph, x: Any, y: Any) -> PathCertificate:
    """The path from x to y along the minimum spanning tree: one certificate whose level is their minimax bound.

    Raises `InputError` when no chain of paths joins them, or x and y are the same.
    """
    import networkx as nx

    tree = spanning_tree(graph)
    if x == y or x not in tree or y not in tree or not nx.has_path(tree, x, y):
        raise InputError(f"The points {x} and {y} must be different and joined by a chain of paths: they are not.")
    chain = nx.shortest_path(tree, x, y)
    parts = []
    for u, v in pairwise(chain):
        path = tree.edges[u, v]["path"]
        parts.append(path if path.start == tree.nodes[u]["point"] else reversed_path(path))
    total = parts[0]
    for part in parts[1:]:
        total = joined(total, part)
    return total


def plot_barriers(graph: nx.Graph, ax: Axes) -> Axes:
    """A dendrogram: each point hangs at its value, and two branches join at the level of their lowest path."""
    order: dict[Any, float] = {}
    tops: dict[Any, tuple[frozenset[Any], float]] = {}
    edges = sorted(spanning_tree(graph).edges(data="weight"), key=lambda edge: edge[2])
    clusters = {v: [v] for v in graph}
    for u, v, _ in edges:
        merged = [*clusters[u], *clusters[v]]
        for w in merged:
            clusters[w] = merged
    for k, v in enumerate(dict.fromkeys(w for c in clusters.values() for w in c)):
        order[v] = float(k)
        tops[v] = (frozenset([v]), float(graph.nodes[v]["value"]))
    place = dict(order)
    for u, v, weight in edges:
        height = float(weight)
        for w in (u, v):
            ax.plot([place[w]] * 2, [tops[w][1], height], color="C0")
        ax.plot([place[u], place[v]], [height] * 2, color="C0")
        middle, members = (place[u] + place[v]) / 2, tops[u][0] | tops[v][0]
        for w in members:
            place[w], tops[w] = middle, (members, height)
    ax.set_xticks(list(order.values()), [str(v) for v in order])
    ax.set_ylabel("certified loss")
    return ax


def plot_profile(path: PathCertificate, ax: Axes, samples: int = 20) -> Axes:
    """The loss along a path, sampled, below its certified level."""
    from numerics.sublevel.paths.certified import profile

    positions, values = zip(*profile(path, samples), strict=True)
    (curve,) = ax.plot(positions, values)
    if path.level is not None:
        ax.axhline(float(path.level), linestyle="--", color=curve.get_color(), alpha=0.6)
    ax.set_xlabel("segment")
    ax.set_ylabel("loss")
    return ax
