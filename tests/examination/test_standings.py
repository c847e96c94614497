"""The generated record and the README's table say what the pages say today."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path

import pytest

from theorems import claim, claims, names
from theorems.examination.findings import Finding, Report, standing
from theorems.examination.points import POINTS
from theorems.examination.record import digest, standings
from theorems.examination.trust import as_markdown, trust_of

ROOT = Path(__file__).parents[2]
STALE = "run `python docs/refresh.py`"


def refresh():
    spec = importlib.util.spec_from_file_location("refresh", ROOT / "docs" / "refresh.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_record_lists_the_pages() -> None:
    assert sorted(standings()) == sorted(names()), STALE


@pytest.mark.parametrize("name", names())
def test_the_record_is_fresh(name: str, finding: Callable[[str, str], Finding]) -> None:
    page, entry = claim(name), standings()[name]
    assert entry["digest"] == digest(page), STALE
    assert entry["title"] == page.title, STALE
    found = [finding(name, point) for point in POINTS if point in ("derivation", "instances")]
    assert entry["standing"] == standing(page, found), STALE
    assert entry["axioms"] == Report(name, tuple(found), "", 0.0).axioms, STALE


def test_the_readme_table_is_fresh() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert readme == refresh().with_table(readme, standings()), STALE


def test_the_page_on_trust_is_fresh() -> None:
    assert refresh().TRUST.read_text(encoding="utf-8") == as_markdown(trust_of(claims())), STALE
