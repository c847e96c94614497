"""References are read as BibTeX reads them, and printed as they are written."""

from __future__ import annotations

import pytest

from theorems.examination.bibliography import FILE, bibliography, parsed


def test_every_entry_is_read_and_printed_as_it_is_written() -> None:
    text = FILE.read_text(encoding="utf-8")
    assert len(bibliography()) == sum(line.startswith("@") for line in text.splitlines())
    assert "\n\n".join(bibliography().values()) + "\n" == text


def test_every_entry_is_cited() -> None:
    sources = "".join(path.read_text(encoding="utf-8") for path in FILE.parent.rglob("*.py"))
    assert [key for key in bibliography() if key not in sources] == []


def test_indentation_and_braces_do_not_hide_an_entry() -> None:
    assert list(parsed("  @book{a, title={An {@} sign\n}\n}\n@misc{b,note={x}}")) == ["a", "b"]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("@misc{a, title={x}}\n@misc{a, title={y}}", 2),  # a key that stands twice
        ("@misc{a,\n title={x},\n title={y}}", 1),  # a field that stands twice
        ("\n\n@misc{a, title={x}\n\n@misc{b, title={y}}", 3),  # an entry that does not close
        ("@misc{a title={x}}", 1),  # no comma after the key
    ],
)
def test_what_bibtex_would_not_read_is_an_error(text: str, line: int) -> None:
    with pytest.raises(ValueError, match=f"line {line} of the bibliography"):
        parsed(text)
