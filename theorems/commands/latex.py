r"""The Markdown of a page as LaTeX, read by a Markdown parser that knows `$...$`, and derivations laid out as lists.

A formula is copied to the letter; only text between formulas is escaped. What a statement may contain is paragraphs,
bullet lists, `*emphasis*`, `**strong**`, `` `code` `` and formulas; anything else is an error, so that nothing is lost in silence.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

    from theorems.claim import Claim
    from theorems.proof import Derivation

PREAMBLE = r"""\documentclass{article}
\usepackage[T1]{fontenc}
\usepackage[margin=2.5cm]{geometry}
\usepackage{amsmath, amssymb, amsthm}
\newtheorem{theorem}{Theorem}
\emergencystretch=5em"""

_OPENING = {
    "em_open": "\\emph{",
    "strong_open": "\\textbf{",
    "bullet_list_open": "\\begin{itemize}\n",
    "list_item_open": "\\item ",
}
_CLOSING = {"em_close": "}", "strong_close": "}", "bullet_list_close": "\\end{itemize}\n", "list_item_close": ""}


@functools.cache
def markdown() -> MarkdownIt:
    """The parser of all prose on pages: CommonMark with `$...$` and `$$...$$`."""
    from markdown_it import MarkdownIt
    from mdit_py_plugins.dollarmath import dollarmath_plugin

    return MarkdownIt("commonmark").use(dollarmath_plugin, allow_labels=False, double_inline=True)


@functools.cache
def _text() -> object:
    from pylatexenc.latexencode import UnicodeToLatexEncoder

    return UnicodeToLatexEncoder(replacement_latex_protection="braces-after-macro")


def escaped(text: str) -> str:
    """Plain text for LaTeX's text mode: special characters are escaped, and characters beyond ASCII named."""
    return _text().unicode_to_latex(text)  # type: ignore[attr-defined]


def _inline(tokens: Iterable[Token]) -> str:
    out = []
    for t in tokens:
        if t.type == "text":
            out.append(escaped(t.content))
        elif t.type in ("softbreak", "hardbreak"):
            out.append("\n")
        elif t.type == "code_inline":
            name = escaped(t.content).replace("\\_", "\\_\\allowbreak{}").replace(".", ".\\allowbreak{}")
            out.append(f"\\texttt{{{name}}}")
        elif t.type == "math_inline":
            out.append(f"${t.content}$")
        elif t.type in ("math_inline_double", "math_block"):
            out.append(f"\\[{t.content}\\]")
        elif t.type in _OPENING or t.type in _CLOSING:
            out.append(_OPENING.get(t.type) or _CLOSING[t.type])
        else:
            raise ValueError(f"The prose of a page cannot hold a `{t.type}`: found {t.content!r}.")
    return "".join(out)


def line(text: str) -> str:
    """One line of Markdown, such as a title, as LaTeX."""
    (token,) = markdown().parseInline(text)
    return _inline(token.children or ())


def prose(text: str) -> str:
    """Paragraphs and lists of Markdown as LaTeX, without a blank line at the end."""
    out: list[str] = []
    for t in markdown().parse(text):
        if t.type == "inline":
            out.append(_inline(t.children or ()))
        elif t.type == "paragraph_close":
            out.append("\n" if t.hidden else "\n\n")
        elif t.type == "math_block":
            out.append(f"\\[{t.content}\\]\n")
        elif t.type in _OPENING or t.type in _CLOSING:
            out.append(_OPENING.get(t.type) or _CLOSING[t.type])
        elif t.type != "paragraph_open":
            raise ValueError(f"The prose of a page cannot hold a `{t.type}`: found {t.content!r}.")
    return "".join(out).strip()


def theorem(page: Claim) -> str:
    r"""The statement with its premises as a LaTeX `theorem` environment (needs amsmath, amssymb and amsthm).

    The premises are those without which the statement fails, has no meaning, or is not known to hold; a premise that
    papers state and nobody needs is left out.
    """
    cited = f"\\cite[{escaped(page.source.locator)}]{{{page.source.key}}}"
    premises = [p for p in page.premises if p.kind != "superfluous"]
    # The braces keep the bracket of `\cite[...]` from ending the theorem's own optional argument.
    lines = [f"\\begin{{theorem}}[{{{line(page.title.rstrip('.'))}; {cited}}}]", prose(page.statement)]
    if premises:
        lines += ["", "\\noindent Premises:", "\\begin{itemize}"]
        lines += [f"\\item \\emph{{{line(p.name)}}}: {prose(p.statement)}" for p in premises]
        lines.append("\\end{itemize}")
    lines.append("\\end{theorem}")
    return "\n".join(lines)


def proof(derivation: Derivation) -> str:
    r"""The steps of a derivation as a LaTeX `proof`: what holds, and why, one item for each fact.

    Formulas are set in the running text, where TeX breaks them at relations and signs; a display would run over.
    """
    from theorems.proof.render import latex_prose

    lines = [
        "\\begin{proof}",
        "\\begin{list}{}{\\leftmargin=3em \\labelwidth=2.5em \\raggedright \\binoppenalty=50 \\relpenalty=20}",
    ]
    for fact in derivation.facts:
        lines.append(f"\\item[({fact.number})] {latex_prose(fact.content)} \\quad {{\\small [{escaped(fact.reason)}]}}")
    return "\n".join([*lines, "\\end{list}", "\\end{proof}"])


def document(parts: Sequence[str], entries: Sequence[str]) -> str:
    r"""A complete LaTeX document of some parts, with its bibliography in a `filecontents` block, ready to compile."""
    block = "\\begin{filecontents}[overwrite]{\\jobname.bib}\n" + "\n\n".join(entries) + "\n\\end{filecontents}"
    body = "\n\n".join(parts)
    end = "\\bibliographystyle{plain}\n\\bibliography{\\jobname}\n\\end{document}\n"
    return f"{block}\n{PREAMBLE}\n\\begin{{document}}\n{body}\n\n{end}"
