"""Every page sits the whole examination: one item for each page and point, so that a failure names both."""

from collections.abc import Callable

import pytest

from theorems import claim, names
from theorems.examination.findings import Finding
from theorems.examination.points import POINTS


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("name", names())
def test_page(name: str, point: str, finding: Callable[[str, str], Finding]) -> None:
    found = finding(name, point)
    assert found.passed, found.detail


@pytest.mark.parametrize("name", names())
def test_page_reads_like_a_page(name: str) -> None:
    page = claim(name)
    assert page.title.endswith("."), "the first line is a complete sentence"
    assert page.statement, "the docstring states a **Theorem.**"
    assert page.idea, "the docstring tells the **Idea.**"
    assert page.dotted == name
