"""`theorems list`: all claims with their computed standing."""

from __future__ import annotations

import click

from theorems.catalogue import names


@click.command("list")
def list_() -> None:
    """All claims with their computed standing."""
    from theorems.examination.record import standings

    known = standings()
    for name in names():
        entry = known.get(name, {"standing": "not examined", "title": ""})
        click.echo(click.style(name, bold=True))
        click.echo(f"    {entry['title']}")
        click.echo(f"    {entry['standing']}")
