r"""Searches for low paths between two points, in floats; what they find is rounded and certified.

Every finder takes an objective (a function of a vector that returns its value and gradient, as `numerics.sublevel.paths.point_vectors`
makes from a loss) and two vectors, and returns a polygon: an array with a vertex in each row, the ends first and last. None
claims anything of its path. `connect_by_search` turns a polygon into a `PathCertificate`, whose level is an upper bound
of the barrier; where the others report the largest of some samples, that level holds for every point of the path.

- `nudged_elastic_band`: a chain of pivots joined by springs slides down perpendicular to itself (Henkelman and Jonsson 2000); as
  in AutoNEB (Kolsbjerg, Groves and Hammer 2016; Draxler et al. 2018), new pivots come where the chain between two is high.
- `string_sampling`: the highest point of a segment slides down inside the hyperplane across the segment, until it is below the
  level; then both halves are treated likewise (the dynamic string sampling of Freeman and Bruna 2017).
- `bezier`: a quadratic Bezier curve whose control point minimises the mean loss on the curve (Garipov et al. 2018).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np

from numerics.arithmetic.enclosure import Floats
from numerics.evidence.certificate import Point
from numerics.evidence.errors import InputError
from numerics.sublevel.losses import NetworkLoss
from numerics.sublevel.paths.certified import PathCertificate, certify
from numerics.sublevel.paths.point_vectors import Objective, objective, pack, rounded

Finder = Callable[[Objective, Floats, Floats], Floats]


def nudged_elastic_band(
    f: Objective,
    a: Floats,
    b: Floats,
    *,
    pivots: int = 3,
    cycles: int = 4,
    steps: int = 60,
    spring: float = 1.0,
    tolerance: float = 0.1,
) -> Floats:
    r"""A polygon from `a` to `b`: `cycles` rounds of `steps` moves of all pivots, with new pivots between the rounds.

    A pivot moves against the part of the gradient across the chain, and by a `spring` along it towards equal spacing. After a
    round, a segment gets a new pivot in its middle where that rises above the higher end by more than `tolerance` times the
    range of the losses on the chain.
    """
    _ends(a, b)
    path = np.linspace(a, b, pivots + 2)
    scale = np.linalg.norm(b - a) / np.sqrt(a.size)
    for cycle in range(cycles):
        mean = square = np.zeros_like(path)
        for step in range(1, steps + 1):
            forces = _forces(f, path, spring)
            mean, square = 0.9 * mean + 0.1 * forces, 0.98 * square + 0.02 * forces**2
            size = np.sqrt(square / (1 - 0.98**step)) + 1e-300  # Adam's step: the same for every scale of the loss
            rate = 0.05 * scale * (1 - (step - 1) / steps) / (1 + cycle)
            path = path + rate * (mean / (1 - 0.9**step)) / size
        if cycle < cycles - 1:
            path = _refined(f, path, tolerance)
    return path


def _forces(f: Objective, path: Floats, spring: float) -> Floats:
    found = [f(w) for w in path]
    values = [v for v, _ in found]
    forces = np.zeros_like(path)
    for i in range(1, len(path) - 1):
        before, after = path[i] - path[i - 1], path[i + 1] - path[i]
        # along the higher neighbour, which keeps kinks from forming
        tangent = after if values[i + 1] > values[i - 1] else before
        length = np.linalg.norm(tangent)
        tangent = tangent / length if length else tangent
        gradient = found[i][1]
        forces[i] = -(gradient - (gradient @ tangent) * tangent)
        stretch = np.linalg.norm(after) - np.linalg.norm(before)
        forces[i] += spring * np.linalg.norm(gradient) * stretch / (length or 1.0) * tangent
    return forces


def _refined(f: Objective, path: Floats, tolerance: float) -> Floats:
    values = [f(w)[0] for w in path]
    middles = [(v + w) / 2 for v, w in itertools.pairwise(path)]
    heights = [f(w)[0] for w in middles]
    margin = tolerance * (max(*values, *heights) - min(values))
    rows: list[Floats] = []
    for i, middle in enumerate(middles):
        rows.append(path[i])
        if heights[i] > max(values[i], values[i + 1]) + margin:
            rows.append(middle)
    return np.array([*rows, path[-1]])


def string_sampling(
    f: Objective, a: Floats, b: Floats, *, level: float | None = None, depth: int = 4, steps: int = 100
) -> Floats:
    r"""A polygon from `a` to `b` of at most $2^{\text{depth}}$ segments, meant to stay below `level`.

    The level is by default 1.1 times the larger of the two end values.
    """
    _ends(a, b)
    if level is None:
        level = 1.1 * max(f(a)[0], f(b)[0])
    return np.array([a, *_string(f, a, b, level, depth, steps), b])


def _string(f: Objective, a: Floats, b: Floats, level: float, depth: int, steps: int) -> list[Floats]:
    from scipy.optimize import minimize

    direction = b - a
    length = np.linalg.norm(direction)
    if depth == 0 or length == 0:
        return []
    ts = np.linspace(0, 1, 11)[1:-1]
    values = [f(a + t * direction)[0] for t in ts]
    k = int(np.argmax(values))
    if values[k] <= level:
        return []
    tangent, origin = direction / length, a + ts[k] * direction

    def across(x: Floats) -> tuple[float, Floats]:
        value, gradient = f(origin + x - (x @ tangent) * tangent)
        return value, gradient - (gradient @ tangent) * tangent

    x = minimize(across, np.zeros_like(a), jac=True, method="L-BFGS-B", options={"maxiter": steps}).x
    c = origin + x - (x @ tangent) * tangent
    return [
        *_string(f, a, c, level, depth - 1, steps),
        c,
        *_string(f, c, b, level, depth - 1, steps),
    ]


def bezier(f: Objective, a: Floats, b: Floats, *, steps: int = 100, nodes: int = 9, segments: int = 16) -> Floats:
    r"""The curve $(1-t)^2 a + 2 t (1 - t) c + t^2 b$ as a polygon, $c$ minimising the mean loss at `nodes` points of it."""
    from scipy.optimize import minimize

    _ends(a, b)
    ts = np.linspace(0, 1, nodes + 2)[1:-1]

    def mean(c: Floats) -> tuple[float, Floats]:
        total, gradient = 0.0, np.zeros_like(c)
        for t in ts:
            value, slope = f((1 - t) ** 2 * a + 2 * t * (1 - t) * c + t**2 * b)
            total += value / nodes
            gradient += 2 * t * (1 - t) / nodes * slope
        return total, gradient

    c = minimize(mean, (a + b) / 2, jac=True, method="L-BFGS-B", options={"maxiter": steps}).x
    t = np.linspace(0, 1, segments + 1)[:, None]
    path = (1 - t) ** 2 * a + 2 * t * (1 - t) * c + t**2 * b
    path[0], path[-1] = a, b
    return path


def line(f: Objective, a: Floats, b: Floats) -> Floats:
    """The straight line: what every search should beat."""
    return np.array([a, b])


FINDERS: dict[str, Finder] = {
    "line": line,
    "elastic band": nudged_elastic_band,
    "string": string_sampling,
    "bezier": bezier,
}


def connect_by_search(
    start: Point,
    end: Point,
    loss: NetworkLoss,
    method: str = "elastic band",
    *,
    bits: int = 24,
    tolerance: float = 1e-3,
    **options: Any,
) -> PathCertificate:
    r"""The polygon that a finder finds between two points, its inner vertices rounded to multiples of $2^{-\text{bits}}$, certified.

    `method` is one of `FINDERS`, and `options` are passed to it. The level of the certificate is its own certified maximum.
    Raises `InputError` for an unknown method and for points that do not fit the loss.
    """
    if method not in FINDERS:
        raise InputError(f"`method` must be one of {', '.join(FINDERS)}, found {method!r}.")
    for name, w in (("start", start), ("end", end)):
        if wrong := loss.problem(w):
            raise InputError(f"`{name}` must be a point of the loss: {wrong}.")
    if [W.shape for W in start] != [W.shape for W in end]:
        raise InputError("`start` and `end` must have layers of the same shapes.")
    finder: Callable[..., Floats] = FINDERS[method]
    polygon = finder(objective(loss, start), pack(start), pack(end), **options)
    inner = [rounded(v, start, bits) for v in polygon[1:-1]]
    return certify(loss, [start, *inner, end], tolerance=tolerance)


def _ends(a: Floats, b: Floats) -> None:
    if a.shape != b.shape or a.ndim != 1:
        raise InputError(f"The ends must be two vectors of one length, found shapes {a.shape} and {b.shape}.")
