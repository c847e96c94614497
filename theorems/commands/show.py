"""`theorems show`: what a page says, or its theorem and derivation in LaTeX."""

from __future__ import annotations

import click

from theorems.catalogue import claim


@click.command()
@click.argument("name")
@click.option("--latex", is_flag=True, help="The theorem and its derivation in LaTeX.")
def show(name: str, latex: bool) -> None:
    """The statement, premises and standing of a claim."""
    from theorems.examination.record import standings

    page = claim(name)
    if latex:
        from theorems.commands.latex import proof, theorem

        click.echo(theorem(page))
        derivation = page.proof()
        if derivation is not None:
            click.echo(proof(derivation))
        return
    click.echo(click.style(page.title, bold=True) + f"\n{page.dotted}\n")
    click.echo(page.statement + "\n")
    for p in page.premises:
        click.echo(f"  [{p.kind}] {p.name}: {p.statement}" + (f" ({p.why})" if p.why else ""))
    for p in page.printed:
        click.echo(
            f"  [printed, false] {p.statement} ({p.source.key}, {p.source.locator})"
            + (f" {p.remark}" if p.remark else "")
        )
    if page.idea:
        click.echo("\n" + page.idea)
    entry = standings().get(page.dotted)
    click.echo(f"\nStanding: {entry['standing'] if entry else 'not examined'}")
    click.echo(f"Source: {page.source.key}, {page.source.locator}")
