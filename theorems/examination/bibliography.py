"""The works that pages cite: `references.bib`, read by bibtexparser and kept as it is written."""

from __future__ import annotations

import functools
from pathlib import Path

from bibtexparser.entrypoint import parse_string

FILE = Path(__file__).parent.parent / "references.bib"


def parsed(text: str) -> dict[str, str]:
    """The entries of a BibTeX text by key, each as it is written.

    Raises `ValueError` where BibTeX would stumble: a block that does not close, a key or a field that stands twice.
    """
    # No middleware: an entry is printed for the reader's own .bib, with the braces and accents that its author chose.
    library = parse_string(text, parse_stack=[])
    for block in library.failed_blocks:
        line, reason = (block.start_line or 0) + 1, str(block.error).strip() or "it is no BibTeX"
        raise ValueError(f"The block in line {line} of the bibliography cannot be read: {reason}")
    return {entry.key: (entry.raw or "").strip() for entry in library.entries}


@functools.cache
def bibliography() -> dict[str, str]:
    """The entries of `references.bib` by key, as text."""
    return parsed(FILE.read_text(encoding="utf-8"))
