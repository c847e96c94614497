"""Citing a page: LaTeX theorem, BibTeX of the source and of the page, one line of evidence."""

from __future__ import annotations

import re
from typing import Any

from theorems.claim import Claim
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
        f"  title   = {{{page.title.rstrip('.')}}},\n"
        f"  author  = {{{{The theorems team}}}},\n"
        f"  note    = {{Page \\texttt{{{tex(page.dotted)}}} of the Python package \\texttt{{theorems}}}},\n"
        f"  version = {{{__version__}}}\n}}"
    )
    return [*cited, own]


def theorem(page: Claim) -> str:
    r"""The statement as a LaTeX `theorem` environment (needs amsmath and amsthm)."""
    cited = f"\\cite[{page.source.locator}]{{{page.source.key}}}"
    premises = [p for p in page.premises if p.kind != "superfluous"]
    # The braces keep the bracket of `\cite[...]` from ending the theorem's own optional argument.
    lines = [f"\\begin{{theorem}}[{{{tex(page.title.rstrip('.'))}; {cited}}}]", latex_prose(page.statement)]
    if premises:
        lines.append("% premises: " + "; ".join(p.name for p in premises))
    lines.append("\\end{theorem}")
    return "\n".join(lines)


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


_TEX = {"&": "\\&", "%": "\\%", "#": "\\#", "_": "\\_"}


def tex(text: str) -> str:
    """Plain text with `$...$` in it, safe for LaTeX."""
    parts = re.split(r"(\$[^$]*\$)", text)
    return "".join(p if p.startswith("$") else re.sub(r"[&%#_]", lambda m: _TEX[m[0]], p) for p in parts)


def latex_prose(markdown: str) -> str:
    """The little Markdown of a statement as LaTeX: `*emphasis*`, `` `code` ``, bullet lists, `$...$` and `$$...$$`."""
    out: list[str] = []
    in_list = False
    for paragraph in re.split(r"(\$\$.*?\$\$)", markdown, flags=re.S):
        if paragraph.startswith("$$"):
            out.append("\\[" + paragraph[2:-2].strip() + "\\]")
            continue
        for line in paragraph.splitlines():
            bullet = re.match(r"\s*[*-] (.*)", line)
            if bullet and not in_list:
                out.append("\\begin{itemize}")
                in_list = True
            elif in_list and not bullet and not line.startswith("  "):
                out.append("\\end{itemize}")
                in_list = False
            text = tex(bullet[1] if bullet else line)
            text = re.sub(r"`([^`]*)`", r"\\texttt{\1}", text)
            text = re.sub(r"(?<![\\*$\w])\*([^*$]+)\*(?!\*)", r"\\emph{\1}", text)
            out.append(("\\item " if bullet else "") + text)
    if in_list:
        out.append("\\end{itemize}")
    return "\n".join(out)
