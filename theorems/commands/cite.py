"""`theorems cite`: BibTeX of the source and of the page, one line of evidence; the theorem itself is in `latex`."""

from __future__ import annotations

from typing import Any

import click

from theorems.catalogue import claim
from theorems.claim import Claim
from theorems.commands.latex import escaped, line, theorem
from theorems.examination.bibliography import bibliography
from theorems.examination.record import standings


def key_of_page(page: Claim) -> str:
    return "theorems:" + page.dotted.replace(".", ":")


def bibtex(page: Claim) -> str:
    """The source's entries, then the page's own."""
    return "\n\n".join(entries(page))


def entries(page: Claim) -> list[str]:
    """The BibTeX entries of a page: those of its sources, then its own."""
    from theorems import __version__

    keys = list(dict.fromkeys(c.key for c in (page.source, *page.also)))
    cited = [bibliography()[key] for key in keys if key in bibliography()]
    own = (
        f"@software{{{key_of_page(page)},\n"
        f"  title   = {{{line(page.title.rstrip('.'))}}},\n"
        f"  author  = {{{{The theorems team}}}},\n"
        f"  note    = {{Page \\texttt{{{escaped(page.dotted)}}} of the Python package \\texttt{{theorems}}}},\n"
        f"  version = {{{__version__}}}\n}}"
    )
    return [*cited, own]


def evidence(page: Claim) -> str:
    """One line that a referee can repeat."""
    from theorems import __version__

    entry: dict[str, Any] | None = standings().get(page.dotted)
    found = (
        f"{entry['standing']}, {entry['instances']} random instances, statement {entry['digest']}"
        if entry
        else "not examined"
    )
    return f"theorems {__version__}, {page.dotted}: {found}; repeat with `theorems check {page.dotted} --seed 0`."


@click.command()
@click.argument("name")
@click.option("--bibtex", "only", flag_value="bibtex", help="Only the BibTeX entries.")
@click.option("--theorem", "only", flag_value="theorem", help="Only the LaTeX theorem.")
@click.option("--evidence", "only", flag_value="evidence", help="Only the line of evidence.")
def cite(name: str, only: str | None) -> None:
    """LaTeX theorem, BibTeX of the source and of the page, and one line of evidence."""
    page = claim(name)
    parts = {"theorem": theorem, "bibtex": bibtex, "evidence": lambda p: "% " + evidence(p)}
    click.echo("\n\n".join(f(page) for key, f in parts.items() if only in (None, key)))
