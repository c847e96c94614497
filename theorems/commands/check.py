"""`theorems check`: the examination of pages, as a table and as a record."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from theorems.catalogue import claim, names
from theorems.commands import console

if TYPE_CHECKING:
    from theorems.examination.findings import Report


@click.command()
@click.argument("name", nargs=-1)
@click.option("--examples", type=click.IntRange(min=1), help="Random specifications for each claim (default 200).")
@click.option("--quick", is_flag=True, help="20 specifications for each claim.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@click.option("--jobs", type=click.IntRange(min=1), default=None, help="Worker processes (default: one for each core).")
@click.option(
    "--json", "json_file", type=click.Path(path_type=Path, dir_okay=False), help="Write a record of everything found."
)
def check(
    name: tuple[str, ...], examples: int | None, quick: bool, seed: int, jobs: int | None, json_file: Path | None
) -> None:
    """Examine claims: proof, random instances, necessity, mutants. Exit code 1 when anything fails."""
    from theorems.examination.points import QUICK_EXAMPLES
    from theorems.examination.runner import DEFAULT_EXAMPLES, examine_all, pool

    pages = [claim(n) for n in name] or [claim(n) for n in names()]
    dotted = list(dict.fromkeys(p.dotted for p in pages))
    if json_file is not None and not json_file.absolute().parent.is_dir():
        from numerics.evidence.errors import InputError

        raise InputError(f"`--json` needs a folder that exists: found {json_file.absolute().parent}.")
    count = examples or (QUICK_EXAMPLES if quick else DEFAULT_EXAMPLES)
    workers = jobs or os.cpu_count() or 1
    executor = None if workers == 1 else pool(workers)
    progress = console.progress()
    try:
        reports = examine_all(dotted, examples=count, seed=seed, executor=executor, progress=progress)
    except KeyboardInterrupt:
        print("\ntheorems: interrupted, nothing was written.", file=sys.stderr)
        raise SystemExit(130) from None
    progress("")
    table(reports)
    for r in reports:
        for f in r.findings:
            if not f.passed:
                click.echo(f"\n{r.claim}: {f.point} fails: {f.detail}")
    if json_file is not None:
        from theorems.examination.record import record, write_json

        write_json(json_file, record(reports, seed=seed, examples=count))
        click.echo(f"\nrecord written to {json_file}")
    if not all(r.passed for r in reports):
        raise SystemExit(1)


def _brief(report: Report) -> str:
    """The standing with the number of axioms instead of their names, which `theorems axioms` prints."""
    head, separator, _ = report.standing.partition(" [")
    return f"{head} {len(report.axioms)}" if separator else head


def table(reports: list[Report]) -> None:
    """One line for each claim, or two where the terminal is too narrow for its name beside the rest."""
    from rich.console import Console
    from rich.table import Table

    headings = ("claim", "points", "instances", "undecided", "standing", "s")
    rows = []
    for r in reports:
        data = next(f.data for f in r.findings if f.point == "instances")
        strata = next(f.data for f in r.findings if f.point == "decided")["counts"]
        undecided = sum(row.get("undecided", 0) for row in strata.values())
        marks = "".join("." if f.passed else "F" for f in r.findings)
        rows.append((r.claim, marks, str(data["instances"]), str(undecided), _brief(r), f"{r.seconds:.1f}"))
    screen = Console(width=None if sys.stdout.isatty() else 200, highlight=False, markup=False)
    widths = [max(map(len, column)) for column in zip(headings, *rows, strict=True)]
    narrow = sum(widths) + 2 * (len(widths) - 1) > screen.width
    table = Table(box=None, pad_edge=False)
    for heading in headings[narrow:]:
        table.add_column(
            heading,
            justify="right" if heading in ("instances", "undecided", "s") else "left",
            no_wrap=heading != "standing",
        )
    for row in rows:
        table.add_row(*row[narrow:])
    if narrow:
        # The columns are those of one table, so that they stand below each other with the names between them.
        with screen.capture() as captured:
            screen.print(table)
        heading, *lines = captured.get().splitlines()
        click.echo(heading)
        for row, line in zip(rows, lines, strict=True):
            click.echo(f"{row[0]}\n{line}")
    else:
        screen.print(table)
    passed = sum(r.passed for r in reports)
    screen.print(f"\n{passed} of {len(reports)} claims pass all ten points.")
