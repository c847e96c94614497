r"""What the pages on sublevel sets of networks with narrow layers share: the printed claim that they refute."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numerics.evidence.verdict import Verdict
from theorems.claim import Citation, Printed


def printed(check: Callable[[Any], Verdict], refuted_by: Callable[[], Any], remark: str) -> Printed:
    """The condition as printed, an inequality that is not strict."""
    return Printed(
        r"$n_j \ge \min(n_1, n_K)$ for all hidden layers implies connected sublevel sets.",
        Citation("freeman2017topology", "Proposition 2.2"),
        check,
        refuted_by,
        remark,
    )
