"""Examine every claim and write down the standings: `theorems/standings.json`, the table in README.md and the page on trust.

Run it from the root of the checkout after a page or the kernel has changed: `python docs/refresh.py`.
`tests/examination/test_standings.py` fails while either is out of date.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from theorems import claims, names
from theorems.examination.record import STANDINGS, standing_entry, write_json
from theorems.examination.runner import DEFAULT_EXAMPLES, examine_all, pool
from theorems.examination.trust import as_markdown, trust_of

README = Path(__file__).parent.parent / "README.md"
TRUST = Path(__file__).parent / "explanation" / "trust.md"
BEGIN, END = "<!-- claims: begin -->", "<!-- claims: end -->"


def table(entries: dict[str, dict]) -> str:
    """The claims as a Markdown table, with axioms shortened to their number."""
    rows = ["| claim | page | standing |", "| --- | --- | --- |"]
    for name, entry in sorted(entries.items()):
        count = len(entry["axioms"])
        standing = entry["standing"]
        if standing.startswith("proved modulo"):
            standing = f"proved modulo {count} axiom{'s' * (count > 1)}"
        rows.append(f"| {entry['title'].rstrip('.')} | `{name}` | {standing} |")
    return "\n".join(rows)


def with_table(readme: str, entries: dict[str, dict]) -> str:
    head, _, rest = readme.partition(BEGIN)
    _, _, tail = rest.partition(END)
    return f"{head}{BEGIN}\n{table(entries)}\n{END}{tail}"


def main() -> None:
    reports = examine_all(names(), examples=DEFAULT_EXAMPLES, executor=pool(os.cpu_count() or 1))
    for r in reports:
        if not r.passed:
            failed = "; ".join(f"{f.point}: {f.detail}" for f in r.findings if not f.passed)
            raise SystemExit(f"{r.claim} does not pass, nothing was written: {failed}")
    entries = {r.claim: standing_entry(r) for r in reports}
    write_json(STANDINGS, entries)
    README.write_text(with_table(README.read_text(encoding="utf-8"), entries), encoding="utf-8")
    TRUST.write_text(as_markdown(trust_of(claims())), encoding="utf-8")
    print(json.dumps({name: e["standing"] for name, e in entries.items()}, indent=1))


if __name__ == "__main__":
    main()
