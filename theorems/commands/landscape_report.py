r"""What `theorems landscape` prints: the components of the sublevel sets of a loss that is written as a Python function.

The function takes its parameters one by one and uses `+ - * **` (and `relu`, `abs`), so that the same text runs on
arrays, for the grid, and on expressions, for what is certified. Three answers stand side by side and are never mixed:
the count on a grid (no proof), a certified lower bound for all levels at once, and the certified count at single levels.
"""

from __future__ import annotations

import inspect
import runpy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numerics.evidence.errors import InputError
from theorems.bounds.options import exact
from theorems.commands import figures

if TYPE_CHECKING:
    from numerics.sublevel import Bracket, Components, MergeTree

GRIDS = {1: 1000, 2: 400, 3: 80, 4: 24, 5: 12, 6: 8}
"""Grid points along each axis by default, for each number of parameters."""
FORMATS = ("table", "json")


@dataclass(frozen=True)
class Loss:
    """A loss as a Python function, the names of its parameters, and its box: an exact interval for each."""

    function: Callable[..., Any]
    names: tuple[str, ...]
    box: tuple[tuple[Fraction, Fraction], ...]

    def axes(self, points: int) -> list[Any]:
        import numpy as np

        return [np.linspace(float(low), float(high), points) for low, high in self.box]


@dataclass(frozen=True)
class Certified:
    """What is proved at one level: inside the box, whether an independent check of the certificate agrees, and beyond."""

    components: Components
    verified: bool
    everywhere: str


@dataclass(frozen=True)
class LandscapeReport:
    """The grid's merge tree, certified lower bounds at all levels where the loss is an expression, certified counts."""

    loss: Loss
    points: int
    tree: MergeTree
    bracket: Bracket | None
    levels: tuple[Fraction, ...]
    certified: tuple[Certified, ...]


def load_loss(target: str, box: str) -> Loss:
    """The loss named by `FILE.py:NAME`, on a box such as `-2,2`, or `w1=-2,2;w2=0,1`. Raises `InputError`.

    The file is run, as `python FILE.py` would run it.
    """
    path, colon, name = target.rpartition(":")
    if not colon or not name.isidentifier():
        raise InputError(f"The loss must be given as FILE.py:FUNCTION, found `{target}`.")
    if not Path(path).is_file():
        raise InputError(f"`{path}` must be a Python file, found none.")
    try:
        found = runpy.run_path(path).get(name)
    except Exception as error:
        raise InputError(f"`{path}` could not be run: {type(error).__name__}: {error}.") from error
    if not callable(found):
        what = "no such name" if found is None else f"a {type(found).__name__}"
        raise InputError(f"`{path}` must define the function `{name}`, found {what}.")
    names = []
    for p in inspect.signature(found).parameters.values():
        if p.kind not in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD):
            raise InputError(f"`{name}` must take its parameters one by one, found `{p}`: write `def {name}(w1, w2)`.")
        if p.default is p.empty:
            names.append(p.name)
    if not 1 <= len(names) <= 6:
        raise InputError(f"`{name}` must have 1 to 6 parameters without a default, found {len(names)}.")
    return Loss(found, tuple(names), _box(box, tuple(names)))


def _number(text: str, what: str) -> Fraction:
    found = exact(text)
    if found is None:
        raise InputError(f"{what} must be a number such as 0.5 or 1/3, found `{text.strip()}`.")
    return found


def _box(text: str, names: tuple[str, ...]) -> tuple[tuple[Fraction, Fraction], ...]:
    def interval(part: str) -> tuple[Fraction, Fraction]:
        ends = part.split(",")
        if len(ends) != 2:
            raise InputError(f"`--box` needs intervals LOW,HIGH, found `{part.strip()}`.")
        low, high = (_number(end, "An end of `--box`") for end in ends)
        if not low < high:
            raise InputError(f"`--box` needs intervals with LOW < HIGH, found `{part.strip()}`.")
        return low, high

    if "=" not in text:
        return (interval(text),) * len(names)
    sides = {}
    for part in text.split(";"):
        name, _, ends = part.partition("=")
        sides[name.strip()] = interval(ends)
    for name in names:
        if name not in sides:
            raise InputError(f"`--box` must give an interval for each of {', '.join(names)}, found none for `{name}`.")
    for name in sides:
        if name not in names:
            raise InputError(f"`--box` names `{name}`, which the loss does not have: it has {', '.join(names)}.")
    return tuple(sides[name] for name in names)


def landscape_report(
    loss: Loss,
    *,
    points: int | None = None,
    levels: Sequence[Fraction] = (),
    certify: Sequence[Fraction] = (),
    cells: int = 1_000_000,
    progress: Callable[[str], None] = lambda _: None,
) -> LandscapeReport:
    r"""The components of $\{E \le u\}$ in the box: on a grid of `points` along each axis, and as far as they are certified.

    `levels` are the levels to be shown (default: those where the count on the grid changes, the most persistent first),
    `certify` those at which the count is to be proved with at most `cells` cells; interrupting that returns what was
    proved so far. Raises `InputError` for a loss that raises or gives values of the wrong shape, and, with `certify`, for
    one that is no expression.
    """
    from numerics.sublevel import bracket_from_bounds, cell_bounds, merge_tree_of_loss

    dimension = len(loss.names)
    points = GRIDS[dimension] if points is None else points
    if points < 2:
        raise InputError(f"`--grid` must be at least 2, found {points}.")
    progress("grid")
    tree = merge_tree_of_loss(lambda w: loss.function(*w), loss.axes(points))
    expression = _expression(loss, needed=bool(certify))
    bracket = None
    if expression is not None:
        progress("bounds on cells")
        box = dict(zip(loss.names, loss.box, strict=True))
        bracket = bracket_from_bounds(*cell_bounds(expression, box, [points] * dimension))
    certified = tuple(_certified(loss, expression, u, cells, progress) for u in certify)
    progress("")
    shown = tuple(levels) or _telling(tree)
    return LandscapeReport(loss, points, tree, bracket, tuple(sorted({*shown, *certify})), certified)


def _telling(tree: MergeTree, most: int = 8) -> tuple[Fraction, ...]:
    """The births and deaths of the most persistent pairs, those of less than a hundredth of the greatest left out."""
    import numpy as np

    pairs = tree.pairs
    mortal = np.isfinite(pairs.death)
    least = pairs.persistence[mortal].max(initial=0.0) / 100
    kept = ~mortal | (pairs.persistence >= least)
    ends = [u for pair in zip(pairs.birth[kept], pairs.death[kept], strict=True) for u in pair if np.isfinite(u)]
    return tuple(dict.fromkeys(Fraction(float(u)) for u in ends[:most]))


def _below(u: Fraction) -> float:
    """The greatest float that is at most `u`: floats are at most `u` exactly when they are at most this one."""
    from flint import fmpq

    from numerics.sublevel.cells.intervals import float_below

    return float_below(fmpq(u.numerator, u.denominator))


def _expression(loss: Loss, *, needed: bool) -> Any:
    """The loss as an expression whose parameters are all those of the function; `None` where it is no expression."""
    from numerics.sublevel import Parameter
    from numerics.sublevel.cells.expression import as_expression

    try:
        expression = as_expression(loss.function(*(Parameter(name) for name in loss.names)))
    except Exception as error:
        if needed:
            raise InputError(
                f"Only a loss in + - * ** relu abs of its parameters can be certified, found one that raises on them: "
                f"{error}"
            ) from error
        return None
    if missing := [name for name in loss.names if name not in expression.parameters]:
        raise InputError(f"The loss must depend on all its parameters, found none of `{missing[0]}`: leave it out.")
    return expression


def _certified(loss: Loss, E: Any, u: Fraction, cells: int, progress: Callable[[str], None]) -> Certified:
    from numerics.sublevel import components_in_box, count_by_formula, in_all_of_space

    box = dict(zip(loss.names, loss.box, strict=True))
    found = components_in_box(E, box, u, cells, lambda text: progress(f"u = {u}: {text}"))
    progress(f"u = {u}: verifying")
    verified = found.certificate.verify().holds
    try:
        space = in_all_of_space(found.certificate)
        count, lemma = space.count, f"by the lemma on a {space.lemma}"
    except InputError:
        count, lemma = None, ""
    if count is None and (known := count_by_formula(E, u)) is not None:
        count, lemma = known
    return Certified(found, verified, "" if count is None else f"N_u = {count} in all of space, {lemma}")


def _text(u: Fraction, digits: int = 9) -> str:
    return str(u) if u.denominator <= 10**6 else f"{float(u):.{digits}g}"


def _apart(levels: Sequence[Fraction]) -> list[str]:
    """Texts of levels with so many digits that different levels look different."""
    short = [_text(u) for u in levels]
    return short if len(set(short)) == len(set(levels)) else [_text(u, 17) for u in levels]


def table(report: LandscapeReport) -> str:
    """The report as plain text, for people."""
    tree, loss = report.tree, report.loss
    noise = tree.noise()
    levels = _apart(report.levels)
    width = max(12, *map(len, levels))
    box = " x ".join(f"{name} in [{_text(a)}, {_text(b)}]" for name, (a, b) in zip(loss.names, loss.box, strict=True))
    lines = [
        f"{getattr(loss.function, '__name__', 'loss')}({', '.join(loss.names)}) on {box}, grid {report.points}^{len(loss.names)}",
        f"  {len(tree.pairs.birth)} minima on the grid; pairs of persistence above about {noise.real_above:.3g} belong to "
        "the loss (estimated from second differences)",
        "",
        f"  {'level':>{width}}  {'on the grid':>11}" + ("" if report.bracket is None else "  certified at least"),
    ]
    for u, text in zip(report.levels, levels, strict=True):
        row = f"  {text:>{width}}  {tree.count(_below(u)):>11}"
        lines.append(row if report.bracket is None else f"{row}  {report.bracket.at_least(_below(u)):>18}")
    if report.bracket is None:
        lines.append("  nothing is certified: the loss is no expression in + - * ** relu abs of its parameters")
    for found in report.certified:
        lines += ["", f"  {found.components}"]
        checked = "verified again from the cells alone" if found.verified else "NOT VERIFIED: do not rely on it"
        lines.append(f"  certificate: {found.components.certificate.cells} cells, {checked}")
        if found.everywhere:
            lines.append(f"  {found.everywhere}")
    return "\n".join(lines)


def as_json(report: LandscapeReport) -> dict[str, Any]:
    """The report for machines; levels are exact, as text."""
    pairs = report.tree.pairs
    return {
        "parameters": list(report.loss.names),
        "box": [[str(a), str(b)] for a, b in report.loss.box],
        "points": report.points,
        "pairs": [
            [float(b), float(d) if d < float("inf") else None] for b, d in zip(pairs.birth, pairs.death, strict=True)
        ],
        "levels": [
            {
                "level": str(u),
                "on_the_grid": report.tree.count(_below(u)),
                "certified_at_least": None if report.bracket is None else report.bracket.at_least(_below(u)),
            }
            for u in report.levels
        ],
        "certified": [
            {
                "level": str(c.components.u),
                "at_least": c.components.lower,
                "at_most": c.components.upper,
                "may_join_outside": c.components.cut,
                "reason": c.components.reason,
                "verified": c.verified,
                "in_all_of_space": c.everywhere or None,
            }
            for c in report.certified
        ],
    }


def plot(report: LandscapeReport, path: str | Path) -> None:
    """Write a figure: merge tree, N_u and, of two parameters, the landscape with the components of the last level."""
    from matplotlib.figure import Figure

    from numerics.sublevel import plot_counts, plot_diagram, plot_landscape, plot_tree

    figure = Figure(figsize=(12, 3.8), layout="constrained")
    axes = figure.subplots(1, 3)
    plot_tree(report.tree, axes[0])
    plot_counts(report.tree, axes[1])
    if len(report.loss.names) == 2 and report.levels:
        plot_landscape(report.tree, float(report.levels[-1]), axes[2], report.loss.axes(report.points))
        axes[2].set_xlabel(report.loss.names[0])
        axes[2].set_ylabel(report.loss.names[1])
    else:
        plot_diagram(report.tree, axes[2])
    figures.write(figure, path)


def run(
    target: str,
    *,
    box: str,
    grid: int | None = None,
    levels: str = "",
    certify: Sequence[str] = (),
    cells: int = 1_000_000,
    format: str = "table",
    plot_file: str | Path | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> str:
    """The command: returns what is to be printed. Raises `InputError` for every fault."""
    import json

    if format not in FORMATS:
        raise InputError(f"`--format` must be one of {', '.join(FORMATS)}, found `{format}`.")
    if plot_file is not None:
        figures.check_file(plot_file)
    loss = load_loss(target, box)
    report = landscape_report(
        loss,
        points=grid,
        levels=[_number(u, "A level") for u in levels.split(",") if u.strip()],
        certify=[_number(u, "A level to certify") for u in certify],
        cells=cells,
        progress=progress,
    )
    if plot_file is not None:
        plot(report, plot_file)
    return json.dumps(as_json(report), indent=2) if format == "json" else table(report)
