"""`theorems axioms`: everything that the proof of a claim takes on trust."""

from __future__ import annotations

import click

from theorems.catalogue import claim, claims


@click.command()
@click.argument("name", required=False)
def axioms(name: str | None) -> None:
    """Everything that the proof of a claim takes on trust; without a name, what the whole catalogue does."""
    if name is None:
        from theorems.examination.trust import as_text, trust_of

        click.echo(as_text(trust_of(claims())))
        return
    from theorems.proof.kernel.facts import GRADES
    from theorems.proof.report import trusted_base, trusted_lines

    page = claim(name)
    derivation = page.proof()
    if derivation is None:
        click.echo(f"{page.dotted} has no derivation: it is tested, not proved.")
        return
    base = trusted_base(derivation)
    click.echo(click.style(f"{page.dotted} rests on", bold=True))
    for a in base.axioms:
        click.echo(f"  axiom [{a.grade}] {a.name}: {a.statement.text or a.statement}")
        click.echo(f"      {a.source}; {GRADES[a.grade]}")
    for sentence in base.glue:
        click.echo(f"  glue (read it): {sentence}")
    for lemma in base.lemmas:
        click.echo(f"  lemma {lemma}")
    for engine in base.engines:
        click.echo(f"  engine {engine}")
    if not (base.axioms or base.glue or base.engines):
        click.echo("  no axiom, no glue and no solver")
    lines = trusted_lines()
    click.echo(f"  the kernel: {sum(lines.values())} lines ({', '.join(f'{k} {v}' for k, v in lines.items())})")
    if base.held_fixed:
        click.echo(f"  derivatives are partial: of {', '.join(base.held_fixed)} each is held fixed while others move")
    for premise in base.unused_premises:
        click.echo(f"  premise that the derivation never uses: {premise}")
