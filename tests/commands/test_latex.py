"""What `theorems cite` and `show --latex` print is read again by a LaTeX parser and compared with the page."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pylatexenc.latex2text import LatexNodes2Text
from pylatexenc.latexwalker import LatexMathNode, LatexNode, LatexWalker

from theorems import Claim, claim, names
from theorems.commands.latex import escaped, line, markdown, proof, prose, theorem


def nodes(latex: str) -> list[LatexNode]:
    """All nodes of a LaTeX text; a text that does not parse is an error."""
    return LatexWalker(latex, tolerant_parsing=False).get_latex_nodes()[0]


def below(found: list[Any]) -> Iterator[LatexNode]:
    for node in found:
        if node is None:
            continue
        yield node
        inside = [*(getattr(node, "nodelist", None) or [])]
        arguments = getattr(getattr(node, "nodeargd", None), "argnlist", None) or []
        yield from below([*arguments, *inside])


def formulas_of_latex(latex: str) -> list[str]:
    found = [node for node in below(nodes(latex)) if isinstance(node, LatexMathNode)]
    return ["".join(part.latex_verbatim() for part in node.nodelist) for node in found]


def formulas_of_markdown(text: str) -> list[str]:
    tokens = [t for block in markdown().parse(text) for t in (block, *(block.children or ()))]
    found = [t for t in tokens if t.type.startswith("math")]
    signs = sum(2 if t.type == "math_inline" else 4 for t in found)
    assert signs == text.count("$"), f"a dollar sign of the page is no part of a formula: {text}"
    return [t.content for t in found]


def texts(page: Claim) -> list[str]:
    """What the theorem holds, in order: title, statement, and the premises that the theorem needs."""
    premises = [p for p in page.premises if p.kind != "superfluous"]
    return [page.title, page.statement, *(text for p in premises for text in (p.name, p.statement))]


@pytest.mark.parametrize("name", names())
def test_the_theorem_has_the_formulas_of_the_page(name: str) -> None:
    page = claim(name)
    expected = [formula for text in texts(page) for formula in formulas_of_markdown(text)]
    assert formulas_of_latex(theorem(page)) == expected


@pytest.mark.parametrize("name", names())
def test_the_theorem_has_the_words_of_the_page(name: str) -> None:
    """All text outside formulas, emphasis and code included, in the page's order."""
    page = claim(name)
    for text in texts(page)[1:]:
        plain = []
        for block in markdown().parse(text):
            for t in block.children or ():
                if t.type in ("text", "code_inline"):
                    plain.append(t.content)
                elif t.type == "softbreak" or t.type.startswith("math"):
                    plain.append(" ")
            plain.append(" ")
        # The reader drops what `\\texttt` holds: `\\emph` stands in for it.
        words = LatexNodes2Text(math_mode="remove").latex_to_text(prose(text).replace("\\texttt", "\\emph"))
        words = words.replace("* ", " ") if "\\item" in prose(text) else words  # the reader's bullets
        assert "".join(words.replace("’", "'").split()) == "".join("".join(plain).split())


@pytest.mark.parametrize("name", names())
def test_the_derivation_parses_and_has_an_item_for_each_fact(name: str) -> None:
    derivation = claim(name).proof()
    assert derivation is not None
    found = list(below(nodes(proof(derivation))))
    items = [node for node in found if getattr(node, "macroname", None) == "item"]
    assert len(items) == len(derivation.facts)


def test_a_star_in_a_formula_is_no_emphasis() -> None:
    assert prose(r"with $E^* \le u < E^* + 1$ and *this* $p^*$") == r"with $E^* \le u < E^* + 1$ and \emph{this} $p^*$"
    assert prose("$$a^*\nb^*$$") == "\\[a^*\nb^*\\]"


def test_text_is_escaped_and_formulas_are_not() -> None:
    assert line("50 % of a_b & $a_b \\% c$") == "50 \\% of a\\_b \\& $a_b \\% c$"
    assert line("√2/γ") == "\\ensuremath{\\sqrt{}}2/\\ensuremath{\\gamma}"
    assert escaped("Hölder <x>") == 'H\\"older \\ensuremath{<}x\\ensuremath{>}'


def test_lists_and_paragraphs() -> None:
    assert prose("one\ntwo\n\n* a\n* b\n\nthree") == (
        "one\ntwo\n\n\\begin{itemize}\n\\item a\n\\item b\n\\end{itemize}\nthree"
    )


@pytest.mark.parametrize("text", ["# heading", "1. one", "<b>bold</b>", "![x](y)", "```\ncode\n```"])
def test_what_has_no_place_in_a_statement_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match="The prose of a page cannot hold a `"):
        prose(text)


def test_a_wrong_formula_would_be_seen() -> None:
    page = claim("landscape.svd_factorization_is_optimal")
    broken = theorem(page).replace("\\sigma", "\\tau", 1)
    assert broken != theorem(page)
    expected = [formula for text in texts(page) for formula in formulas_of_markdown(text)]
    assert formulas_of_latex(broken) != expected
