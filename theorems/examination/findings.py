"""What an examination finds: the finding of one point, the report of one claim, and the standing that follows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from numerics.evidence.verdict import Rigour
from theorems.claim import Claim


@dataclass(frozen=True)
class Finding:
    """What one point of the examination found. `detail` is for people, `data` for the record."""

    point: str
    passed: bool
    detail: str
    data: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Report:
    """The examination of one claim."""

    claim: str
    findings: tuple[Finding, ...]
    standing: str
    seconds: float

    @property
    def passed(self) -> bool:
        return all(f.passed for f in self.findings)

    @property
    def axioms(self) -> list[str]:
        """The names of the axioms that the derivation rests on."""
        return next((f.data.get("axioms", []) for f in self.findings if f.point == "derivation"), [])


def standing(page: Claim, findings: Iterable[Finding]) -> str:
    """`proved`, `proved modulo [axioms]`, `tested (...)` or `refuted`, from what the examination found."""
    found = {f.point: f for f in findings}
    instances = found.get("instances")
    if instances is not None and "failure" in instances.data:
        return "refuted"
    rigours = instances.data.get("rigours", {}) if instances is not None else {}
    order = [str(r) for r in sorted(Rigour)]
    weakest = min(rigours, key=order.index, default="not run")
    tested = f"tested ({weakest})"
    if page.derivation is None or not found["derivation"].passed:
        return tested
    # From the finding and not from the derivation, which then is not built once more where the findings are collected.
    trusted = found["derivation"].data
    if glue := trusted["glue"]:
        return f"{tested}; the derivation rests on {glue} sentence{'s' * (glue > 1)} of glue"
    return f"proved modulo [{', '.join(trusted['axioms'])}]" if trusted["axioms"] else "proved"
