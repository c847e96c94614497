"""What tests of the kernel say again and again: that it refuses, that nothing false was proved, and a letter or two."""

from __future__ import annotations

from typing import Any

import pytest

from theorems.proof import Derivation, Expr, Letter, ProofError, equal, letter, number

ONE = number(1)
FALSE = equal(0, 1)


def scalar(name: str) -> Expr:
    return letter(Letter(name, "1", "1"))


def refused(message: str) -> Any:
    return pytest.raises(ProofError, match=message)


def not_proved(d: Derivation) -> None:
    assert d.gaps() and all(d.proof_of(g) is None for g in d.goals)
