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

if TYPE_CHECKING:
    from numerics.sublevel import Bracket, Components, MergeTree

GRIDS = {1: 1000, 2: 400, 3: 80, 4: 24, 5: 12, 6: 8}
"""Grid points along each axis by default, for each number of parameters."""


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


def exact_number(text: str, what: str) -> Fraction:
    found = exact(text)
    if found is None:
        raise InputError(f"{what} must be a number such as 0.5 or 1/3, found `{text.strip()}`.")
    return found


def _box(text: str, names: tuple[str, ...]) -> tuple[tuple[Fraction, Fraction], ...]:
    def interval(part: str) -> tuple[Fraction, Fraction]:
        ends = part.split(",")
        if len(ends) != 2:
            raise InputError(f"`--box` needs intervals LOW,HIGH, found `{part.strip()}`.")
        low, high = (exact_number(end, "An end of `--box`") for end in ends)
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


def float_below(u: Fraction) -> float:
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
