"""Citing a page: BibTeX of the source and of the page, one line of evidence; the theorem itself is in `latex`."""

from __future__ import annotations

from typing import Any

from theorems.claim import Claim
from theorems.commands.latex import escaped, line
from theorems.examination.points import bibliography
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
