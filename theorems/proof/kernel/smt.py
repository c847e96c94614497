r"""Polynomial facts about real numbers, decided by z3 in a process of its own.

`prove` asks whether, for *all* real values of all variables, the assumptions imply at least one of the goals. The
negation is written as SMT-LIB2 text in the logic QF_NRA and given to the program `z3`. The claim counts as proved
only when the program answers exactly `unsat` and ends well; `sat`, `unknown`, a crash and a timeout all leave it
unproved, each with its reason.

The text contains sums, products and rational constants only. There is no division, so no hidden choice of a value
for $1/0$: whoever has a quotient clears its denominator and proves by itself that it is not zero.

z3 does not always obey its own time limit, so this process keeps the time and kills.
"""

from __future__ import annotations

import math
import re
import shutil
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import Literal, get_args

Kind = Literal["=0", ">=0", ">0", "!=0"]
RELATIONS: dict[Kind, str] = {"=0": "(= {} 0.0)", ">=0": "(>= {} 0.0)", ">0": "(> {} 0.0)", "!=0": "(not (= {} 0.0))"}
MEGABYTES = 4096


@dataclass(frozen=True)
class Constraint:
    r"""A polynomial with rational coefficients is $= 0$, $\ge 0$, $> 0$ or $\ne 0$.

    A monomial is the tuple of its variables, with repetition, and `()` for the constant: $x^2 y/2 - 1$ is
    `{("x", "x", "y"): Fraction(1, 2), (): Fraction(-1)}`. A name may hold any characters. Raises `TypeError` for a
    coefficient that is not an exact rational, `ValueError` for an unknown kind.
    """

    poly: Mapping[tuple[str, ...], Fraction]
    kind: Kind

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            raise ValueError(f"`kind` must be one of {', '.join(get_args(Kind))}: found {self.kind!r}.")
        for monomial, coefficient in self.poly.items():
            if not isinstance(monomial, tuple) or not all(isinstance(name, str) for name in monomial):
                raise TypeError(f"A monomial of `poly` must be a tuple of variable names: found {monomial!r}.")
            if isinstance(coefficient, bool) or not isinstance(coefficient, int | Fraction):
                raise TypeError(f"A coefficient of `poly` must be an int or a Fraction: found {coefficient!r}.")


@dataclass(frozen=True)
class SmtAnswer:
    """What the solver said, with everything needed to ask it again."""

    proved: bool
    reason: str
    query: str
    solver: str
    version: str
    seconds: float


_answers: dict[str, SmtAnswer] = {}


def prove(
    goals: Sequence[Constraint], assumptions: Sequence[Constraint] = (), timeout_seconds: float = 20.0
) -> SmtAnswer:
    """Whether the assumptions imply at least one goal, for all real values of all variables.

    No goals at all: whether the assumptions contradict each other. A proof or a counterexample is remembered by the
    text of the query; a failure to decide is not, so that a longer time may be tried. Raises `ValueError` for a time
    that is not positive and finite, `RuntimeError` where z3 is not installed.
    """
    if not (0 < timeout_seconds < math.inf):
        raise ValueError(f"`timeout_seconds` must be positive and finite: found {timeout_seconds!r}.")
    names = sorted({name for c in (*goals, *assumptions) for monomial in c.poly for name in monomial})
    query = _query(goals, assumptions, names)
    if query in _answers:
        return _answers[query]
    started = time.monotonic()
    proved, decided, reason = _ask(query, timeout_seconds, names)
    answer = SmtAnswer(proved, reason, query, "z3", _version(), time.monotonic() - started)
    if decided:
        _answers[query] = answer
    return answer


def _query(goals: Sequence[Constraint], assumptions: Sequence[Constraint], names: Sequence[str]) -> str:
    """The negation of the claim. `ascii` keeps a name with a line break inside its comment."""
    letters = {name: f"x{i}" for i, name in enumerate(names)}
    assumed = [_formula(c, letters) for c in assumptions]
    refuted = [f"(not {_formula(c, letters)})" for c in goals]
    return "\n".join(
        [
            "(set-logic QF_NRA)",
            *(f"(declare-const {letter} Real) ; {name!a}" for name, letter in letters.items()),
            *(f"(assert {formula})" for formula in (*assumed, *refuted)),
            "(check-sat)\n",
        ]
    )


def _formula(constraint: Constraint, letters: Mapping[str, str]) -> str:
    terms = [
        _join("*", "1.0", [_number(coefficient), *(letters[name] for name in monomial)])
        for monomial, coefficient in constraint.poly.items()
    ]
    return RELATIONS[constraint.kind].format(_join("+", "0.0", terms))


def _join(operator: str, unit: str, parts: Sequence[str]) -> str:
    return f"({operator} {' '.join((unit, *parts))})" if parts else unit


def _number(q: Fraction | int) -> str:
    size = f"(/ {abs(q.numerator)}.0 {q.denominator}.0)"
    return f"(- {size})" if q < 0 else size


def _ask(query: str, timeout_seconds: float, names: Sequence[str]) -> tuple[bool, bool, str]:
    """Proved, decided, and why. z3's own limit is for the case that this process is killed before it can kill z3."""
    command = [
        _solver(),
        "-in",
        "-smt2",
        f"-T:{math.ceil(timeout_seconds) + 1}",
        f"-memory:{MEGABYTES}",
        "dump_models=true",
    ]
    try:
        done = subprocess.run(command, input=query, capture_output=True, text=True, timeout=timeout_seconds)
    except subprocess.TimeoutExpired:
        return False, False, f"z3 was killed: no answer within {timeout_seconds:g} s"
    answer, _, rest = done.stdout.partition("\n")
    if done.returncode != 0:
        return False, False, f"z3 ended with code {done.returncode}: {(done.stdout + done.stderr).strip()[:200]}"
    if answer == "sat":
        return False, True, f"z3 found a counterexample: {_model(rest, names)}"
    if done.stdout != "unsat\n":
        return False, False, f"z3 did not decide: {done.stdout.strip()[:200] or 'no answer'}"
    return True, True, "z3 found the negation unsatisfiable"


def _model(text: str, names: Sequence[str]) -> str:
    """z3's model with the names given back, for reading only."""
    return re.sub(r"\bx(\d+)\b", lambda match: ascii(names[int(match[1])]), " ".join(text.split()))


@cache
def _solver() -> str:
    """The program that comes with the Python package z3-solver, else `z3` on the path."""
    from importlib import metadata

    try:
        files = metadata.files("z3-solver") or []
    except metadata.PackageNotFoundError:
        files = []
    programs = [str(file.locate()) for file in files if file.name in ("z3", "z3.exe")]
    found = shutil.which(programs[0] if programs else "z3")
    if found is None:
        raise RuntimeError("The program `z3` is needed and was not found: install the package `z3-solver`.")
    return found


@cache
def _version() -> str:
    done = subprocess.run([_solver(), "-version"], capture_output=True, text=True, timeout=60)
    return done.stdout.removeprefix("Z3 version ").partition(" - ")[0].strip()
