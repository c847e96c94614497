"""The report of `theorems landscape` as a table, as JSON and as a figure."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

from theorems.commands import figures
from theorems.commands.landscape_report import LandscapeReport, float_below


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
        row = f"  {text:>{width}}  {tree.count(float_below(u)):>11}"
        lines.append(row if report.bracket is None else f"{row}  {report.bracket.at_least(float_below(u)):>18}")
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
                "on_the_grid": report.tree.count(float_below(u)),
                "certified_at_least": None if report.bracket is None else report.bracket.at_least(float_below(u)),
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
