"""What z3 is asked, and that nothing but `unsat` counts as a proof."""

from __future__ import annotations

import itertools
import random
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from fractions import Fraction
from pathlib import Path

import pytest

from theorems.proof.kernel import smt
from theorems.proof.kernel.smt import Constraint, SmtAnswer, prove

ONE = Fraction(1)


def linear(a: int | Fraction, b: int | Fraction, kind: smt.Kind) -> Constraint:
    """a x + b (kind)."""
    return Constraint({("x",): Fraction(a), (): Fraction(b)}, kind)


def square(name: str, kind: smt.Kind) -> Constraint:
    return Constraint({(name, name): ONE}, kind)


def submultiplicative() -> Constraint:
    """|AB|^2 <= |A|^2 |B|^2 in Frobenius norms at 2 x 2, which takes z3 many seconds."""
    poly: dict[tuple[str, ...], Fraction] = {}
    for i, j, k, l in itertools.product(range(2), repeat=4):
        for monomial, sign in (
            ((f"a{i}{j}", f"a{i}{j}", f"b{k}{l}", f"b{k}{l}"), 1),
            ((f"a{i}{j}", f"b{j}{k}", f"a{i}{l}", f"b{l}{k}"), -1),
        ):
            poly[monomial] = poly.get(monomial, Fraction(0)) + sign
    return Constraint(poly, ">=0")


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Puts a shell script in the place of z3 and forgets all answers."""

    def install(script: str) -> None:
        program = tmp_path / "z3"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        monkeypatch.setattr(smt, "_solver", lambda: str(program))

    monkeypatch.setattr(smt, "_answers", {})
    return install


def test_the_query_is_this_text() -> None:
    goal = Constraint({("x", "x", "y"): Fraction(-1, 3), (): Fraction(2)}, ">0")
    other = Constraint({("y",): ONE}, "=0")
    assumption = Constraint({}, "!=0")
    answer = prove([goal, other], [assumption])
    assert answer.query == (
        "(set-logic QF_NRA)\n"
        "(declare-const x0 Real) ; 'x'\n"
        "(declare-const x1 Real) ; 'y'\n"
        "(assert (not (= 0.0 0.0)))\n"
        "(assert (not (> (+ 0.0 (* 1.0 (- (/ 1.0 3.0)) x0 x0 x1) (* 1.0 (/ 2.0 1.0))) 0.0)))\n"
        "(assert (not (= (+ 0.0 (* 1.0 (/ 1.0 1.0) x1)) 0.0)))\n"
        "(check-sat)\n"
    )
    assert answer.proved  # the assumption 0 != 0 is false
    assert answer.reason == "z3 found the negation unsatisfiable"
    assert (answer.solver, answer.version.split(".")[0].isdigit()) == ("z3", True)
    assert 0 < answer.seconds < 20


@pytest.mark.parametrize(
    ("kind", "goal", "true"),
    [
        (">=0", ">=0", True),
        (">=0", ">0", False),
        (">0", ">=0", True),
        (">0", "!=0", True),
        ("!=0", ">0", False),
        ("!=0", "!=0", True),
        ("=0", ">=0", True),
        ("=0", "!=0", False),
        (">=0", "=0", False),
    ],
)
def test_one_kind_implies_another(kind: smt.Kind, goal: smt.Kind, true: bool) -> None:
    assert prove([linear(2, 1, goal)], [linear(2, 1, kind)]).proved is true


def test_a_square_is_not_negative_and_may_be_zero() -> None:
    assert prove([square("x", ">=0")]).proved
    answer = prove([square("x", ">0")])
    assert not answer.proved
    assert answer.reason.startswith("z3 found a counterexample: ")
    assert "'x' () Real 0.0" in answer.reason


def test_goals_are_a_disjunction_and_assumptions_a_conjunction() -> None:
    positive, at_most_zero, one = linear(1, 0, ">0"), linear(-1, 0, ">=0"), linear(1, -1, "=0")
    assert prove([positive, at_most_zero]).proved
    assert not prove([positive]).proved
    assert not prove([at_most_zero]).proved
    assert prove([], [positive, at_most_zero]).proved
    assert not prove([], [positive]).proved
    assert not prove([]).proved
    assert prove([square("x", ">=0"), one], [positive]).proved


def test_there_is_no_division_to_hide_a_side_condition() -> None:
    """x y = 1 implies x != 0; but nothing says that such a y exists for x = 0."""
    inverse = Constraint({("x", "y"): ONE, (): -ONE}, "=0")
    assert prove([linear(1, 0, "!=0")], [inverse]).proved
    assert not prove([linear(1, 0, "!=0")]).proved


NAMES = ["x", "x0", "x y", "x|y", "x\n(assert false)", ";", '"', ")", "σ₁", "\u2028(assert false)", "", "\\", "(/ 1 0)"]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_may_hold_any_characters(name: str) -> None:
    assert prove([square(name, ">=0")]).proved
    assert not prove([square(name, ">0")]).proved
    assert len(prove([square(name, ">0")]).query.splitlines()) == 4


def test_different_names_stay_different_and_equal_names_equal() -> None:
    for first, second in itertools.combinations(NAMES, 2):
        difference = Constraint({(first,): ONE, (second,): -ONE}, "=0")
        assert smt._query([difference], [], [first, second]).count("declare-const") == 2
    assert not prove([Constraint({("x0",): ONE, ("x1",): -ONE}, "=0")]).proved
    assert prove([Constraint({("a", "b"): ONE, ("b", "a"): -ONE}, "=0")]).proved


def test_the_model_carries_the_names_of_the_user() -> None:
    reason = prove([Constraint({("b",): ONE, ("a",): Fraction(7)}, ">=0")], [Constraint({("a",): ONE}, "=0")]).reason
    assert "'a' () Real 0.0" in reason
    assert "'b' () Real (- 1.0)" in reason


def test_random_squares_are_accepted_and_shifted_squares_rejected() -> None:
    """(p x + q y + r)^2 >= 0 always; minus any positive number it fails."""
    draw = random.Random(5)
    for _ in range(12):
        form = {name: Fraction(draw.randint(1, 9), draw.randint(1, 9)) for name in (("x",), ("y",), ())}
        poly: dict[tuple[str, ...], Fraction] = {}
        for (m, p), (n, q) in itertools.product(form.items(), repeat=2):
            poly[tuple(sorted(m + n))] = poly.get(tuple(sorted(m + n)), Fraction(0)) + p * q
        assert prove([Constraint(poly, ">=0")]).proved
        assert not prove([Constraint({**poly, (): poly[()] - Fraction(1, 10**6)}, ">=0")]).proved


def test_a_large_rational_is_kept_exactly() -> None:
    huge = Fraction(10**40 + 1, 3**50)
    assert prove([linear(1, -huge, "=0")], [linear(-2, 2 * huge, "=0")]).proved
    assert not prove([linear(1, -huge + Fraction(1, 10**60), "=0")], [linear(-2, 2 * huge, "=0")]).proved


def test_too_long_is_killed_at_once_and_not_remembered() -> None:
    started = time.monotonic()
    answer = prove([submultiplicative()], timeout_seconds=0.3)
    assert time.monotonic() - started < 3
    assert not answer.proved
    assert answer.reason == "z3 was killed: no answer within 0.3 s"
    assert answer.seconds >= 0.3
    assert answer.query not in smt._answers


def test_a_solver_that_ignores_its_limit_is_killed(fake) -> None:
    fake('[ "$1" = -version ] && exit 0\nexec sleep 60')
    answer = prove([linear(1, 0, "=0")], timeout_seconds=0.2)
    assert (answer.proved, answer.reason) == (False, "z3 was killed: no answer within 0.2 s")


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("cat >/dev/null; echo unknown", "z3 did not decide: unknown"),
        ("cat >/dev/null; echo timeout", "z3 did not decide: timeout"),
        ("cat >/dev/null", "z3 did not decide: no answer"),
        ("cat >/dev/null; echo unsat; echo sat", "z3 did not decide: unsat\nsat"),
        ("cat >/dev/null; echo ' unsat'", "z3 did not decide: unsat"),
        ("cat >/dev/null; printf unsat", "z3 did not decide: unsat"),
        ("cat >/dev/null; echo unsat; exit 1", "z3 ended with code 1: unsat"),
        ("cat >/dev/null; echo sat; echo broken >&2; exit 3", "z3 ended with code 3: sat\nbroken"),
        ("cat >/dev/null; kill -9 $$", "z3 ended with code -9: "),
        ("cat >/dev/null; printf '%0400d' 7; exit 1", "z3 ended with code 1: " + 200 * "0"),
        ("cat >/dev/null; printf '%0400d' 7", "z3 did not decide: " + 200 * "0"),
    ],
)
def test_anything_but_a_clean_unsat_is_no_proof(fake, script: str, reason: str) -> None:
    fake(script)
    answer = prove([linear(1, 0, "=0")])
    assert (answer.proved, answer.reason) == (False, reason)
    assert smt._answers == {}


def test_z3_is_given_a_time_and_a_memory_limit_of_its_own(fake, tmp_path: Path) -> None:
    fake(f'echo "$@" > {tmp_path}/arguments; cat > {tmp_path}/input; echo unsat')
    answer = prove([linear(1, 0, "=0")], timeout_seconds=2.5)
    assert answer.proved
    assert (tmp_path / "arguments").read_text() == "-in -smt2 -T:4 -memory:4096 dump_models=true\n"
    assert (tmp_path / "input").read_text() == answer.query


def test_answers_are_remembered_by_the_text_of_the_query(fake, tmp_path: Path) -> None:
    fake(f"cat >/dev/null; echo x >> {tmp_path}/calls; echo unsat")
    first = prove([linear(1, 0, "=0")])
    assert prove([linear(1, 0, "=0")], timeout_seconds=5) is first
    assert prove([linear(1, 1, "=0")]) is not first
    assert (tmp_path / "calls").read_text() == "x\nx\n"
    fake(f"cat >/dev/null; echo x >> {tmp_path}/calls; echo sat")
    refuted = prove([linear(1, 2, "=0")])
    assert not refuted.proved
    assert prove([linear(1, 2, "=0")]) is refuted
    assert (tmp_path / "calls").read_text() == "x\nx\nx\n"


def test_other_processes_may_ask_too() -> None:
    prove([square("x", ">=0")])
    with ProcessPoolExecutor(2) as pool:
        answers: list[SmtAnswer] = list(
            pool.map(prove, [[square("x", ">=0")], [square("z", ">=0")], [linear(1, 0, "=0")]])
        )
    assert [a.proved for a in answers] == [True, True, False]


def test_the_solver_is_the_one_of_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    from importlib import metadata

    files = metadata.files
    smt._solver.cache_clear()
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(metadata, "files", lambda name: (files(name) or [])[::-1])  # wherever it stands in the list
    assert Path(smt._solver()).name in ("z3", "z3.exe")
    assert Path(smt._solver()).resolve().is_relative_to(Path(sys.prefix).resolve())
    said = subprocess.run([smt._solver(), "-version"], capture_output=True, text=True).stdout
    assert said.startswith(f"Z3 version {smt._version()}")
    assert smt._version()[0].isdigit()


def test_without_the_package_the_path_is_searched_and_then_it_is_an_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from importlib import metadata

    def missing(name: str) -> None:
        raise metadata.PackageNotFoundError(name)

    smt._solver.cache_clear()
    monkeypatch.setattr(metadata, "files", missing)
    program = tmp_path / "z3"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    try:
        assert smt._solver() == str(program)
        smt._solver.cache_clear()
        program.unlink()
        monkeypatch.setattr(metadata, "files", lambda name: None)
        with pytest.raises(RuntimeError, match="`z3` is needed and was not found: install the package `z3-solver`"):
            prove([linear(1, 17, "=0")])
    finally:
        smt._solver.cache_clear()


@pytest.mark.parametrize("seconds", [0, -1, float("inf"), float("nan")])
def test_a_time_must_be_positive_and_finite(seconds: float) -> None:
    with pytest.raises(ValueError, match=r"`timeout_seconds` must be positive and finite: found"):
        prove([], [], seconds)


def test_a_constraint_is_exact_and_of_a_known_kind() -> None:
    with pytest.raises(ValueError, match=r"`kind` must be one of =0, >=0, >0, !=0: found '<0'\."):
        Constraint({}, "<0")  # pyright: ignore[reportArgumentType]
    for inexact in (0.5, True, "1"):
        with pytest.raises(TypeError, match=r"A coefficient of `poly` must be an int or a Fraction: found"):
            Constraint({(): inexact}, "=0")  # pyright: ignore[reportArgumentType]
    for monomial in ("xy", (1,), ("x", 2)):
        with pytest.raises(TypeError, match=r"A monomial of `poly` must be a tuple of variable names: found"):
            Constraint({monomial: ONE}, "=0")  # pyright: ignore[reportArgumentType]


def test_constraints_and_answers_cannot_be_changed() -> None:
    for fixed in (square("x", ">=0"), prove([square("x", ">=0")])):
        for name in vars(fixed):
            with pytest.raises(AttributeError):
                setattr(fixed, name, True)


def test_importing_loads_neither_z3_nor_sympy() -> None:
    code = "import sys, theorems.proof.kernel.smt; print([m for m in ('z3', 'sympy') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"
