"""Records: what an examination found, in a form that can be kept, compared and repeated."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import platform
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from theorems.catalogue import claim
from theorems.claim import Claim
from theorems.examination.findings import Report

STANDINGS = Path(__file__).parent.parent / "standings.json"
ENGINES = ("theorems", "numpy", "python-flint", "hypothesis", "sympy", "z3-solver")


def digest(page: Claim) -> str:
    """A digest of what the claim says: its statement, its premises and its formal goal."""
    parts = [page.dotted, page.statement]
    parts += [f"{p.name}|{p.kind}|{p.statement}" for p in page.premises]
    derivation = page.proof()
    if derivation is not None:
        parts += [f"given {f.content}" for f in derivation.facts if f.step == "given"]
        parts += [f"goal {g}" for g in derivation.goals]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in ENGINES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


def record(reports: Sequence[Report], *, seed: int, examples: int) -> dict[str, Any]:
    """Everything that is needed to compare or repeat an examination."""
    return {
        "versions": versions(),
        "seed": seed,
        "examples": examples,
        "claims": {
            r.claim: {
                "digest": digest(claim(r.claim)),
                "standing": r.standing,
                "passed": r.passed,
                "axioms": r.axioms,
                "points": {
                    f.point: {"passed": f.passed, "detail": f.detail, **({"data": f.data} if f.data else {})}
                    for f in r.findings
                },
                "seconds": round(r.seconds, 3),
            }
            for r in reports
        },
    }


def write_json(path: Path, value: Any) -> None:
    """Write JSON so that the file is either the old one or the whole new one."""
    text = json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def standings() -> dict[str, dict[str, Any]]:
    """The computed standing of every claim, from the generated record that a test keeps fresh."""
    if not STANDINGS.exists():
        return {}
    return json.loads(STANDINGS.read_text(encoding="utf-8"))


def standing_entry(report: Report) -> dict[str, Any]:
    """One line of the generated record."""
    page = claim(report.claim)
    data = next(f.data for f in report.findings if f.point == "instances")
    return {
        "digest": digest(page),
        "standing": report.standing,
        "axioms": report.axioms,
        "instances": data["instances"],
        "title": page.title,
    }
