"""`theorems landscape`: the components of sublevel sets of a loss in a Python file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from numerics.evidence.errors import InputError
from theorems.commands import console, figures
from theorems.commands.landscape_output import as_json, plot, table
from theorems.commands.landscape_report import exact_number, landscape_report, load_loss

FORMATS = ("table", "json")


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
        levels=[exact_number(u, "A level") for u in levels.split(",") if u.strip()],
        certify=[exact_number(u, "A level to certify") for u in certify],
        cells=cells,
        progress=progress,
    )
    if plot_file is not None:
        plot(report, plot_file)
    return json.dumps(as_json(report), indent=2) if format == "json" else table(report)


@click.command()
@click.argument("loss", metavar="FILE.py:FUNCTION")
@click.option("--box", required=True, help="`-2,2` for all parameters, or `w1=-2,2;w2=0,1`.")
@click.option("--grid", type=int, help="Grid points along each axis (default: 1000, 400, 80, 24, 12, 8 by dimension).")
@click.option("--levels", default="", help="Levels to show, such as `0.5,1,3/2` (default: where the count changes).")
@click.option("--certify", multiple=True, metavar="U", help="Prove the count at this level; may be repeated.")
@click.option(
    "--cells", type=click.IntRange(min=1), default=1_000_000, show_default=True, help="Most cells of a proof."
)
@click.option("--format", "format_", default="table", show_default=True, help="`table` or `json`.")
@click.option("--plot", "plot_file", type=click.Path(path_type=Path), help="Write a figure (.pdf, .png, .svg).")
def landscape(loss: str, format_: str, **options: Any) -> None:
    """How many components the sublevel sets of a loss have: on a grid, and certified. The file is run."""
    progress = console.progress()
    try:
        text = run(loss, format=format_, progress=progress, **options)
    finally:
        progress("")
    click.echo(text)
