"""Instances in witness files: a claim's instance, field by field, exactly."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from theorems.claim import Claim


def save_instance(page: Claim, instance: Any, path: Path, *, note: str = "") -> None:
    """Write the fields of an instance (a dataclass) to a witness file."""
    from numerics.evidence.witness import Witness

    fields = {f.name: getattr(instance, f.name) for f in dataclasses.fields(instance)}
    fields["instance of"] = type(instance).__name__
    Witness(page.dotted, fields, note).save(path)


def load_instance(page: Claim, path: Path) -> Any:
    """Read an instance back; `InputError` when the file belongs to another claim or lacks a field."""
    import sys

    from numerics.evidence.errors import InputError
    from numerics.evidence.witness import Witness

    values = dict(Witness.load(path, claim=page.dotted).values)
    kind = values.pop("instance of", None)
    cls = getattr(sys.modules[page.name], str(kind), None)
    if not (isinstance(cls, type) and dataclasses.is_dataclass(cls)):
        raise InputError(f"The witness `{path}` holds a `{kind}`, which {page.dotted} does not have: save it again.")
    wanted = {f.name for f in dataclasses.fields(cls)}
    if wanted != set(values):
        raise InputError(f"The witness `{path}` has the fields {sorted(values)}: needed {sorted(wanted)}.")
    return cls(**values)
