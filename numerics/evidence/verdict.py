r"""Three answers to a numerical question, and how far each can be trusted.

A `Verdict` is what every check in this project returns: *holds*, *fails* or *undecided*, together with the slack
of the comparison and the rigour of the arithmetic that decided it. Verdicts are joined with `&` (all must hold);
the join is never more rigorous than its weakest part, and an undecided part never lets the whole hold.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from flint import arb, fmpq, fmpz


class Answer(enum.Enum):
    """What a check found."""

    HOLDS = "holds"
    FAILS = "fails"
    UNDECIDED = "undecided"


class Rigour(enum.IntEnum):
    """What stands behind an answer, weakest first."""

    FLOAT = 0
    STATISTICAL = 1
    BALL = 2
    EXACT = 3

    def __str__(self) -> str:
        return self.name.lower()


@dataclass(frozen=True)
class Verdict:
    r"""The answer of a check.

    `slack` is how much room the inequality had (right side minus left side, as a float for reporting only: it never
    decides anything), or `None` where the question has no room, such as a rank. `error_probability` is the chance
    that a *statistical* verdict is wrong; it is `None` for every other rigour.
    """

    answer: Answer
    rigour: Rigour = Rigour.EXACT
    slack: float | None = None
    reason: str = ""
    error_probability: float | None = None

    def __post_init__(self) -> None:
        if (self.rigour is Rigour.STATISTICAL) != (self.error_probability is not None):
            raise ValueError(
                "A statistical verdict, and no other, needs `error_probability`: "
                f"found rigour {self.rigour} with error_probability {self.error_probability}."
            )

    @property
    def holds(self) -> bool:
        return self.answer is Answer.HOLDS

    @property
    def fails(self) -> bool:
        return self.answer is Answer.FAILS

    @property
    def undecided(self) -> bool:
        return self.answer is Answer.UNDECIDED

    def __bool__(self) -> bool:
        raise TypeError("A `Verdict` has three answers and no truth value: ask `.holds`, `.fails` or `.undecided`.")

    def __and__(self, other: Verdict) -> Verdict:
        return every([self, other])

    def __invert__(self) -> Verdict:
        """The verdict of the negated statement."""
        flipped = {Answer.HOLDS: Answer.FAILS, Answer.FAILS: Answer.HOLDS, Answer.UNDECIDED: Answer.UNDECIDED}
        return replace(self, answer=flipped[self.answer], slack=None if self.slack is None else -self.slack)

    def because(self, reason: str) -> Verdict:
        """The same verdict with `reason` in front of its own."""
        return replace(self, reason=f"{reason}: {self.reason}" if self.reason else reason)


def holds(reason: str = "", *, rigour: Rigour = Rigour.EXACT, slack: float | None = None) -> Verdict:
    return Verdict(Answer.HOLDS, rigour, slack, reason)


def fails(reason: str = "", *, rigour: Rigour = Rigour.EXACT, slack: float | None = None) -> Verdict:
    return Verdict(Answer.FAILS, rigour, slack, reason)


def undecided(reason: str, *, rigour: Rigour = Rigour.BALL) -> Verdict:
    return Verdict(Answer.UNDECIDED, rigour, None, reason)


def decided(truth: bool, reason: str = "", *, rigour: Rigour = Rigour.EXACT) -> Verdict:
    """A verdict from a fact that was decided elsewhere, by default in exact arithmetic."""
    return Verdict(Answer.HOLDS if truth else Answer.FAILS, rigour, None, reason)


def every(verdicts: Iterable[Verdict]) -> Verdict:
    """Holds when all hold; fails when one fails; undecided otherwise.

    A failure is as rigorous as the failing part alone. No verdicts at all hold exactly.
    Error probabilities of statistical parts are added up (union bound).
    """
    parts = list(verdicts)
    failing = [v for v in parts if v.fails]
    if failing:
        return max(failing, key=lambda v: v.rigour)
    open_ = [v for v in parts if v.undecided]
    if open_:
        return open_[0]
    if not parts:
        return holds()
    weakest = min(v.rigour for v in parts)
    errors = [v.error_probability for v in parts if v.error_probability is not None]
    slacks = [v.slack for v in parts if v.slack is not None]
    if weakest is Rigour.FLOAT:
        errors = []
    return Verdict(
        Answer.HOLDS,
        weakest,
        min(slacks) if slacks else None,
        "; ".join(v.reason for v in parts if v.reason and v.rigour is weakest),
        sum(errors) if errors else None,
    )


def _exact(x: Any) -> fmpq | None:
    if isinstance(x, bool):
        return None
    if isinstance(x, int | fmpz):
        return fmpq(x)
    if isinstance(x, Fraction):
        return fmpq(x.numerator, x.denominator)
    return x if isinstance(x, fmpq) else None


def _as_float(x: fmpq | arb) -> float:
    return float(x) if isinstance(x, arb) else float(arb(x))


def at_most(left: Any, right: Any, reason: str = "") -> Verdict:
    r"""Whether `left` $\le$ `right`: exact for rationals, by balls when one side is a ball, else `float`.

    Two balls that overlap are undecided, and so is an equality between balls: see `equal`.
    """
    return _compare(left, right, reason, strict=False)


def less_than(left: Any, right: Any, reason: str = "") -> Verdict:
    r"""Whether `left` $<$ `right`; rigour as in `at_most`."""
    return _compare(left, right, reason, strict=True)


def at_least(left: Any, right: Any, reason: str = "") -> Verdict:
    r"""Whether `left` $\ge$ `right`; rigour as in `at_most`."""
    return at_most(right, left, reason)


def greater_than(left: Any, right: Any, reason: str = "") -> Verdict:
    r"""Whether `left` $>$ `right`; rigour as in `at_most`."""
    return less_than(right, left, reason)


def _compare(left: Any, right: Any, reason: str, *, strict: bool) -> Verdict:
    a, b = _exact(left), _exact(right)
    if a is not None and b is not None:
        truth = a < b if strict else a <= b
        return Verdict(Answer.HOLDS if truth else Answer.FAILS, Rigour.EXACT, _as_float(b - a), reason)
    if isinstance(left, arb) or isinstance(right, arb):
        x = left if isinstance(left, arb) else arb(a if a is not None else left)
        y = right if isinstance(right, arb) else arb(b if b is not None else right)
        yes, no = (x < y, x >= y) if strict else (x <= y, x > y)
        answer = Answer.HOLDS if yes else Answer.FAILS if no else Answer.UNDECIDED
        return Verdict(answer, Rigour.BALL, _as_float(y - x), reason)
    x, y = float(left), float(right)
    if x != x or y != y:
        return Verdict(Answer.UNDECIDED, Rigour.FLOAT, None, f"{reason}: not a number" if reason else "not a number")
    truth = x < y if strict else x <= y
    return Verdict(Answer.HOLDS if truth else Answer.FAILS, Rigour.FLOAT, y - x, reason)


def equal(left: Any, right: Any, reason: str = "") -> Verdict:
    r"""Whether `left` $=$ `right`.

    Exact for rationals. Balls can refute an equality, never confirm one, so overlapping balls are undecided
    (unless both are exact). Floats are compared bit for bit, with rigour `float`.
    """
    a, b = _exact(left), _exact(right)
    if a is not None and b is not None:
        return Verdict(Answer.HOLDS if a == b else Answer.FAILS, Rigour.EXACT, -abs(_as_float(b - a)), reason)
    if isinstance(left, arb) or isinstance(right, arb):
        x = left if isinstance(left, arb) else arb(a if a is not None else left)
        y = right if isinstance(right, arb) else arb(b if b is not None else right)
        answer = Answer.HOLDS if x == y else Answer.FAILS if x != y else Answer.UNDECIDED
        return Verdict(answer, Rigour.BALL, -abs(_as_float(y - x)), reason)
    return Verdict(
        Answer.HOLDS if float(left) == float(right) else Answer.FAILS,
        Rigour.FLOAT,
        -abs(float(left) - float(right)),
        reason,
    )
