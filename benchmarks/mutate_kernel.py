"""Mutation testing of the trusted files: change one thing, run the kernel's tests, see whether anybody notices.

    python benchmarks/mutate_kernel.py --file words --sample 50 --seed 0

Each mutant lives in a temporary copy of the package and meets the tests that run the mutated function, those that run
the mutated line first, and then all others. A mutant that no test kills is a *survivor*; those that change nothing that
can be observed are listed in `EXPLAINED` with the reason. Exit code 1 when one is not explained.
"""

from __future__ import annotations

import argparse
import ast
import copy
import importlib
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
# The files of the steps, one for each kind: what is explained of one line holds in whichever of them it stands.
STEPS = ("facts", "ledger", "equations", "order", "quantifiers", "statements", "sums", "chains", "analysis")
TESTS = {
    "words": ["test_words", "test_derivation", "test_soundness", "test_render", "test_crosscheck"],
    "language": ["test_language", "test_soundness", "test_derivation", "test_rules", "test_sums"],
    **{name: ["test_soundness", "test_derivation", "test_rules", "test_sums", "test_crosscheck"] for name in STEPS},
    "smt": ["test_smt", "test_soundness"],
    "calculus": ["test_calculus"],
}
MOST_BYTES = 4 * 2**30
# What only prints, or only proposes, is not mutated: no theorem rests on it.
SKIPPED = {"__str__", "__repr__", "latex", "_sides", "complete_model", "model_predicate", "_find"}

_ANY_ORDER = "Any fixed order of the atoms serves: it only makes one tuple of several that are equal as products."
_ATOM_ORDER = "return (0, ((atom, False),)) if isinstance(atom, str) else (1, _order(atom))"

_TWO_CUTS = "A normal form passes through dimension one at most once, so a product of two has at most two cuts."

_MOVED = "term = (moved @ around).trace() * _raw(expr.rows, expr.cols, word)"
_OWNED = "A fact that is used becomes a parent of the new one, and `_add` asks again whether it is owned."
_DIMENSIONS = "births |= {self._eigen[s] for d in replaced.values() for s in indices(d) if s in self._eigen}"
_EXHAUST = "answer = smt.prove([constraint(r, names) for r in relations], [], timeout_seconds=timeout_seconds)"
_UNBOUND = 'found = found - {content.symbol} | ({parse_index(content.low)[0], parse_index(content.high)[0]} - {""})'
_MODELS = "How a model computes new letters: the model check reports every fact that it then cannot evaluate."
_SIZE = "return len(word) + sum(1 if isinstance(a, str) else len(a) for a in atoms)"
_TEXT = 'text = a if isinstance(a, str) else str(Expr("1", "1", {((a,), ()): Fraction(1)}))'
_LESS = "With fewer assumptions less can be proved."
_MINUS = "if isinstance(t, calculus.Mul) and t.left == calculus.Const(Fraction(-1)):"
_POWER = "if isinstance(t, calculus.Pow) and t.exponent.denominator == 1 and t.exponent >= 0:"
_POINT = "name: Fraction(draw.randint(1, 64) * (1 if name in positive else draw.choice((-1, 1))), 16)"
_VERSION = 'done = subprocess.run([_solver(), "-version"], capture_output=True, text=True, timeout=60)'

# (file, source line, change): why nothing that can be observed is different.
EXPLAINED: dict[tuple[str, str, str], str] = {
    ("steps", "if value is not None:", "condition always true"): _MODELS,
    ("steps", "best = {s: 0 for edge in edges for s in edge[:2]}", "0 -> 1"): "A cycle that gains does from any start.",
    ("steps", "best = {s: 0 for edge in edges for s in edge[:2]}", "2 -> 3"): "A gap is no symbol.",
    (
        "steps",
        'self._add(content, "let", "arbitrary", hypotheses=frozenset({number_}), payload={"let": x})',
        "drop argument hypotheses",
    ): "What speaks of the letter rests on its opening by `_add`; this line only says that it is opened.",
    **{
        ("steps", f"for f in ({names}):", "drop loop"): _OWNED
        for names in ("*facts, *premises", "supposed, step, base, *bounds", "mean, weights, some")
    },
    **{
        ("steps", f"self._written({x})", "drop call"): "It stands in the new fact, and `_add` asks again."
        for x in ("term", "v")
    },
    ("words", _ATOM_ORDER, "0 -> 1"): _ANY_ORDER,
    ("words", _ATOM_ORDER, "1 -> 2"): _ANY_ORDER,
    ("words", _ATOM_ORDER, "False -> True"): _ANY_ORDER,
    ("words", "if y != x or k is None:", "drop operand 1"): "A scalar in normal form has no letter outside its atoms.",
    ("words", 'found, offset = match[1] or "", int(match[2] or 0)', "drop operand 1"): "No index symbol is empty.",
    (
        "words",
        'return _combine(x.rows, x.cols, [(((), ((x, False),)), Fraction(1))], ("letter", x))',
        "drop argument 3",
    ): ("A letter is printed and evaluated alike from its normal form."),
    ("words", "assert not isinstance(atom, str)", "drop assert"): "It states what always holds, for the type checker.",
    ("words", _MOVED, "swap the factors"): "The traces of D M and of M D are equal.",
    ("words", "return pieces, word[: cuts[0]] + word[cuts[-1] :]", "drop USub"): _TWO_CUTS,
    ("words", "for i, s in enumerate(word):", "drop loop"): _TWO_CUTS,
    ("words", 'if _rows(s) == "1":', "condition always false"): _TWO_CUTS,
    ("words", "assert not rest", "drop assert"): "It states what always holds.",
    ("words", "if self._hash is None:", "condition always true"): "The hash is computed again, and is the same.",
    ("words", "result = result @ self", "swap the factors"): "The powers of one matrix commute.",
    ("words", 'return Expr("1", "1", (self.T @ self).trace().terms, ("norm", self))', "swap the factors"): (
        "The traces of M^T M and of M M^T are equal."
    ),
    ("language", "expr: Expr = field(default_factory=lambda: number(0))", "0 -> 1"): (
        "A predicate has this expression too, but nobody reads it, and all predicates have the same one."
    ),
    ("steps", "if p in best and best[p] + g > best.get(q, -(10**9)):", "9 -> 10"): "Both are below all indices.",
    ("steps", _DIMENSIONS, "drop augassign"): (
        "The dimensions are those of relations and values, on which the letters rest already."
    ),
    **{("steps", f"self._own({x})", "drop call"): _OWNED for x in ("f", "p", "fact", "contrary", "h")},
    ("steps", "rounds: int = 3,", "3 -> 4"): "Only how long is searched, and that is not trusted.",
    ("steps", "if p in best and best[p] + g > best.get(q, -(10**9)):", "10 -> 11"): "Both are below all indices.",
    ("steps", "stack += [self._fact(n) for n in f.hypotheses]", "drop augassign"): (
        "What discharges a hypothesis has it as a parent, and a goal rests on none."
    ),
    ("steps", _EXHAUST, "drop argument 1"): "No assumptions are the default.",
    ("steps", _EXHAUST, "drop argument timeout_seconds"): "Only how long the solver may think.",
    ("steps", _UNBOUND, "Sub -> left operand"): "No index symbol is empty.",
    ("smt", 'return f"(- {size})" if q < 0 else size', "Lt -> LtE"): "Minus zero is zero.",
    ("smt", _VERSION, "60 -> 61"): "Only how long the version may take to print.",
    ("smt", _VERSION, "drop argument timeout"): "Only how long the version may take to print.",
    ("steps", "for f in using:", "drop loop"): _OWNED,
    **{
        ("steps", _SIZE, change): "Only whether a rule decreases hangs on it, so that rewriting ends."
        for change in ("1 -> 2", "condition always false")
    },
    **{
        ("steps", _TEXT, change): "Only what is printed of a counterexample."
        for change in ("1 -> 2", "condition always false", "condition always true")
    },
    **{
        ("steps", text, change): _MODELS
        for text in (
            "self.values[self._letters[name]] = lambda model: calculus.evaluate(",
            "self.values[self._letters[name]] = lambda model: model.evaluate(amount)",
        )
        for change in ("drop assignment", "drop argument 1")
    },
    (
        "steps",
        'if r.kind == ">0" and len(xs) == 1 and letter(next(iter(xs))) == r.expr and next(iter(xs)) not in known:',
        "drop operand 1",
    ): "An expression that equals one of its letters has no other.",
    ("calculus", "Operand: TypeAlias = Term | Rational | int", "BitOr -> left operand"): "A name for readers.",
    **{
        ("calculus", "top = max((dict(m).get(i, 0) for m in p), default=0) // k", change): (
            "One more power of a denominator, which is not zero, changes no zero."
        )
        for change in ("FloorDiv -> Mult", "FloorDiv -> left operand")
    },
    ("calculus", "top = max((dict(m).get(i, 0) for m in p), default=0) // k", "0 -> 1"): (
        "A root has an order k of 2 or more, so that 1 // k is 0."
    ),
    ("calculus", "found += [(rest, sign)] if rest > 1 else []", "1 -> 2"): "What is left is 1 or at least 17.",
    ("calculus", "order: int = 0", "0 -> 1"): "Atoms are made in one place, which says their order.",
    (
        "calculus",
        'def _atom(self, kind: Literal["variable", "root", "log", "exp"], name: str, of: Ratio, order: int = 0) -> Poly:',
        "0 -> 1",
    ): "Atoms that are no roots share one order, whatever it is.",
    (
        "calculus",
        "return p[max(p, key=lambda m: tuple(dict(m).get(i, 0) for i in range(len(self.atoms))))]",
        "max -> min",
    ): "Any fixed choice of a monomial serves.",
    (
        "calculus",
        'name = "*".join(f"{self.atoms[i].name}^{e}" for i, e in m) or "1"',
        "drop operand 1",
    ): "Only printed.",
    (
        "calculus",
        "outside = positive - {var}",
        "Sub -> left operand",
    ): "What is shown there does not contain the variable.",
    (
        "calculus",
        'discharge([Condition(ends.end - ends.start, ">=0")], None, positive - {var}, assuming)',
        "Sub -> left operand",
    ): "What is shown there does not contain the variable.",
    ("calculus", "if not equal(substitute(slope, var, point), 0, outside):", "drop argument 2"): _LESS,
    (
        "calculus",
        'discharge([*obligations(t), Condition(derivative(slope, var), ">=0")], interval, positive, assuming)',
        "drop argument 3",
    ): _LESS,
    **{
        ("calculus", _POINT, change): "Any points serve: a difference is certain."
        for change in ("1 -> 2", "64 -> 65", "16 -> 17")
    },
    ("calculus", "compared += 1", "1 -> 2"): "Asked is only whether it is 0.",
    ("calculus", "return {m: c for m, c in product.items() if c}", "drop filter"): (
        "Products are compared through sums, which drop zero coefficients."
    ),
    **{
        ("calculus", "n, d = base if exponent >= 0 else (base[1], base[0])", change): "The power 0 of either is 1."
        for change in ("0 -> 1", "GtE -> Gt")
    },
    (
        "steps",
        "if index.number in base.hypotheses or supposed.number in base.hypotheses:",
        "drop operand 1",
    ): "What is concluded rests on all that the base rests on.",
    ("steps", _MINUS, "condition always false"): "Minus a term and -1 times it are equal in normal form.",
    **{
        ("steps", _POWER, change): "A power 0 becomes a letter of its own, of which less can be proved."
        for change in ("0 -> 1", "GtE -> Gt")
    },
    ("steps", "for p in parents:", "drop loop"): _OWNED,
    (
        "steps",
        "x for r in relations_of(statement) for x in r.letters() if x not in bound.values()",
        "drop filter",
    ): "The letters of the statement itself are none of the derivation: nobody differentiates in them.",
    ("steps", "used = {s for edge in self._order for s in edge[:2]}", "2 -> 3"): "A gap is no symbol.",
    (
        "steps",
        "edges = [(p, q, g) for p, q, g, h in self._order if h is None or p in symbols or q in symbols]",
        "drop filter",
    ): "What an open index bounds mentions that index, and the next line leaves it out.",
    ("steps", "for _ in range(len(edges) + 1):", "1 -> 2"): "A longest path has at most as many steps as edges.",
    ("steps", "for _ in range(len(edges) + 1):", "Add -> left operand"): (
        "A longest path has at most as many steps as edges."
    ),
    ("steps", "if p in best and best[p] + g > best.get(q, -(10**9)):", "Gt -> GtE"): (
        "An equal value is written over an equal one."
    ),
    ("steps", "answer = smt.prove(", "drop argument timeout_seconds"): "Only how long the solver may think.",
    (
        "steps",
        "values or {},",
        "drop operand 0",
    ): _MODELS,
    (
        "steps",
        "if name not in self._members:",
        "condition always true",
    ): "The member is made again, and is the same.",
}


@dataclass(frozen=True)
class Mutant:
    file: str
    line: int
    text: str
    change: str
    source: str

    @property
    def key(self) -> tuple[str, str, str]:
        return ("steps" if self.file in STEPS else self.file, self.text, self.change)

    def __str__(self) -> str:
        return f"{self.file}.py:{self.line}: {self.change}\n    {self.text}"


COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
}
OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.Div: ast.Mult,
}
SWAPPED = {"any": "all", "all": "any", "min": "max", "max": "min"}


def changes(node: ast.AST) -> Iterator[tuple[str, ast.AST | None]]:
    """Descriptions and replacements of one node; `None` deletes a statement."""

    def edited(**fields: object) -> ast.AST:
        new = copy.copy(node)
        for name, value in fields.items():
            setattr(new, name, value)
        return new

    match node:
        case ast.Compare(ops=ops):
            for i, op in enumerate(ops):
                for other in COMPARISONS[type(op)]:
                    yield f"{type(op).__name__} -> {other.__name__}", edited(ops=[*ops[:i], other(), *ops[i + 1 :]])
        case ast.BinOp(op=op, left=left) if type(op) in OPERATORS:
            other = OPERATORS[type(op)]
            yield f"{type(op).__name__} -> {other.__name__}", edited(op=other())
            yield f"{type(op).__name__} -> left operand", left
        case ast.BinOp(op=ast.MatMult(), left=left, right=right):
            yield "swap the factors", edited(left=right, right=left)
        case ast.UnaryOp(op=ast.Not() | ast.USub(), operand=operand):
            yield f"drop {type(node.op).__name__}", operand
        case ast.BoolOp(op=op, values=values):
            yield "and <-> or", edited(op=ast.Or() if isinstance(op, ast.And) else ast.And())
            for i in range(len(values)):
                rest = values[:i] + values[i + 1 :]
                yield f"drop operand {i}", rest[0] if len(rest) == 1 else edited(values=rest)
        case ast.Constant(value=bool() as value):
            yield f"{value} -> {not value}", ast.Constant(not value)
        case ast.Constant(value=int() as value):
            yield f"{value} -> {value + 1}", ast.Constant(value + 1)
        case ast.If(body=[ast.Raise() | ast.Continue()]):
            yield "condition always true", edited(test=ast.Constant(True))
        case ast.If() | ast.IfExp() | ast.While():
            yield "condition always true", edited(test=ast.Constant(True))
            yield "condition always false", edited(test=ast.Constant(False))
        case ast.Raise() | ast.Continue() | ast.Break() | ast.AugAssign() | ast.Assert():
            yield f"drop {type(node).__name__.lower()}", ast.Pass()
        case ast.Assign(targets=[ast.Attribute() | ast.Subscript()]):
            yield "drop assignment", ast.Pass()
        case ast.Expr(value=ast.Call()):
            yield "drop call", ast.Pass()
        case ast.Return(value=ast.Compare() | ast.BoolOp() | ast.Call(func=ast.Name(id="any" | "all"))):
            for value in (True, False):
                yield f"return {value}", ast.Return(ast.Constant(value))
        case ast.Call(func=ast.Name(id=name)) if name in SWAPPED:
            yield f"{name} -> {SWAPPED[name]}", edited(func=ast.Name(SWAPPED[name], ast.Load()))
        case ast.Call(args=args, keywords=keywords):
            for k in keywords:
                yield f"drop argument {k.arg}", edited(keywords=[x for x in keywords if x is not k])
            if len(args) > 1 and not any(isinstance(a, ast.Starred) for a in args):
                yield f"drop argument {len(args) - 1}", edited(args=args[:-1])
        case ast.For():
            yield "drop loop", ast.Pass()
        case ast.comprehension(ifs=[_, *_]):
            yield "drop filter", edited(ifs=[])


def places(tree: ast.Module) -> Iterator[tuple[ast.AST, str, int | None, ast.AST]]:
    """(parent, field, position, node) of every node that may be mutated."""
    stack: list[ast.AST] = [tree]
    while stack:
        parent = stack.pop()
        for name, value in ast.iter_fields(parent):
            if name in ("annotation", "returns", "decorator_list", "exc", "type_params", "msg", "bases"):
                continue
            for i, node in enumerate(value) if isinstance(value, list) else [(None, value)]:
                if not isinstance(node, ast.AST) or (isinstance(node, ast.FunctionDef) and node.name in SKIPPED):
                    continue
                if isinstance(node, ast.JoinedStr) or (isinstance(parent, ast.Module) and isinstance(node, ast.Assign)):
                    continue
                if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
                    continue
                yield parent, name, i, node
                stack.append(node)


def mutants(name: str) -> list[Mutant]:
    """All mutants of one trusted file, in the order of its lines."""
    path = ROOT / "theorems" / "proof" / "kernel" / f"{name}.py"
    lines = path.read_text(encoding="utf-8").splitlines()
    tree = ast.parse("\n".join(lines))
    found = []
    for parent, field, i, node in places(tree):
        for change, new in changes(node):
            line = getattr(node, "lineno", getattr(getattr(node, "iter", parent), "lineno", 0))
            siblings = getattr(parent, field)
            if i is None:
                setattr(parent, field, new)
            else:
                siblings[i] = new
            source = ast.unparse(ast.fix_missing_locations(tree))
            if i is None:
                setattr(parent, field, node)
            else:
                siblings[i] = node
            found.append(Mutant(name, line, lines[line - 1].strip(), change, source))
    found.sort(key=lambda m: (m.line, m.change))
    unchanged = ast.unparse(ast.parse("\n".join(lines)))
    return [m for m in found if m.source != unchanged]


def workplace(folder: Path) -> Path:
    """A copy of the package in which one file at a time is mutated."""
    folder.mkdir()
    shutil.copytree(ROOT / "theorems", folder / "theorems", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("numerics", "tests", "pyproject.toml"):
        os.symlink(ROOT / name, folder / name)
    return folder


def preload() -> None:
    """Import what does not change from mutant to mutant; each test run is a fork that starts with it."""
    sys.path.insert(0, str(ROOT))
    for module in ("hypothesis", "sympy", "numerics.arithmetic.exact", "numerics.arithmetic.balls", "flint"):
        importlib.import_module(module)
    sys.path.remove(str(ROOT))
    assert not any(name.partition(".")[0] == "theorems" for name in sys.modules)


def start(file: str, folder: Path, tests: Sequence[str] = (), contexts: Path | None = None) -> int:
    """Run `tests`, or all tests of one trusted file, on the package in `folder`, in a forked process: its id.

    With `contexts`, write there which test ran which line.
    """
    child = os.fork()
    if child:
        return child
    try:
        os.setsid()
        resource.setrlimit(resource.RLIMIT_AS, (MOST_BYTES, MOST_BYTES))  # a mutant may never stop growing
        os.chdir(folder)
        sys.path.insert(0, str(folder))
        sys.dont_write_bytecode = True
        nowhere = os.open(os.devnull, os.O_RDWR)
        for stream in range(3):
            os.dup2(nowhere, stream)
        chosen = tests or [f"tests/proof/{t}.py" for t in TESTS[file] if (folder / f"tests/proof/{t}.py").exists()]
        arguments = ["-x", "-q", "-p", "no:cacheprovider", "--tb=no", "--assert=plain", "-m", "not slow", *chosen]
        if contexts is None:
            os._exit(int(pytest.main(arguments)))
        import coverage

        measured = coverage.Coverage(
            data_file=str(contexts),
            config_file=False,
            include=[str(folder / "theorems" / "proof" / "kernel" / f"{file}.py")],
        )
        measured.set_option("run:dynamic_context", "test_function")
        measured.start()
        code = pytest.main(arguments)
        measured.stop()
        measured.save()
        os._exit(int(code))
    except BaseException:
        os._exit(1)


class Coverage:
    """Which tests run which lines of a trusted file."""

    def __init__(self, file: str, folder: Path, contexts: Path):
        from coverage import CoverageData

        path = folder / "theorems" / "proof" / "kernel" / f"{file}.py"
        data = CoverageData(str(contexts))
        data.read()
        self.lines = data.contexts_by_lineno(str(path))
        tree = ast.parse(path.read_text(encoding="utf-8"))
        self.functions = [
            (node.lineno, node.end_lineno or node.lineno)
            for node in ast.walk(tree)
            if isinstance(node, ast.FunctionDef)
        ]

    def tests(self, line: int) -> list[str]:
        """The tests that run the function around `line`, the likeliest killers first; none means all."""
        around = [f for f in self.functions if f[0] < line <= f[1]]
        if not around:
            return []
        first, last = min(around, key=lambda f: f[1] - f[0])
        here = set(self.lines.get(line, ()))
        found = {test for at in range(first + 1, last + 1) for test in self.lines.get(at, ()) if test}
        names = [test.split(".")[-2:] for test in sorted(found, key=lambda test: (test not in here, test))]
        return [f"tests/proof/{module}.py::{name}" for module, name in names]


def finished(child: int, started: float, timeout: float) -> bool | None:
    """Whether the tests passed; `None` while they run. Too slow counts as not passed."""
    done, status = os.waitpid(child, os.WNOHANG)
    if done:
        return status == 0
    if time.monotonic() - started < timeout:
        return None
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return False


def verdicts(
    chosen: list[Mutant], covered: Mapping[str, Coverage], folder: Path, jobs: int, timeout: float
) -> Iterator[tuple[Mutant, bool]]:
    """Each mutant with whether it survives; up to `jobs` of them run at a time."""
    idle = [workplace(folder / str(i)) for i in range(jobs)]
    running: dict[int, tuple[Mutant, Path, str, bool, float]] = {}
    waiting = [(m, covered[m.file].tests(m.line)) for m in reversed(chosen)]
    while waiting or running:
        while waiting and idle:
            (mutant, tests), place = waiting.pop(), idle.pop()
            target = place / "theorems" / "proof" / "kernel" / f"{mutant.file}.py"
            original = target.read_text(encoding="utf-8")
            target.write_text(mutant.source, encoding="utf-8")
            running[start(mutant.file, place, tests)] = (mutant, place, original, bool(tests), time.monotonic())
        for child, (mutant, place, original, some, started) in list(running.items()):
            passed = finished(child, started, timeout)
            if passed is not None:
                del running[child]
                (place / "theorems" / "proof" / "kernel" / f"{mutant.file}.py").write_text(original, encoding="utf-8")
                idle.append(place)
                if passed and some and mutant.key not in EXPLAINED:
                    waiting.append((mutant, []))  # a cache, or code that runs on import, may show it to other tests
                else:
                    yield mutant, passed
        time.sleep(0.02)


def is_explained(m: Mutant) -> bool:
    # A shorter citation in the table of limits is not false.
    citation = m.file == "calculus" and "_RUDIN + " in m.text and m.change == "Add -> left operand"
    return citation or m.key in EXPLAINED


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--file", action="append", choices=sorted(TESTS), help="a trusted file; all when not given")
    parser.add_argument("--sample", type=int, help="how many mutants of each file; all when not given")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--lines", help="only mutants on these lines, such as 100-150")
    parser.add_argument("--timeout", type=float, default=120.0, help="seconds for one mutant; a timeout is a kill")
    parser.add_argument("--list", action="store_true", help="print the mutants and stop")
    options = parser.parse_args()
    chosen: list[Mutant] = []
    for name in options.file or [n for n in TESTS if (ROOT / "theorems" / "proof" / "kernel" / f"{n}.py").exists()]:
        found = mutants(name)
        if options.lines:
            low, high = map(int, options.lines.split("-"))
            found = [m for m in found if low <= m.line <= high]
        if options.sample is not None and options.sample < len(found):
            found = random.Random(options.seed).sample(found, options.sample)
        chosen += found
    if options.list:
        print(*chosen, sep="\n")
        return 0
    preload()
    unexplained = explained = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        whole = workplace(folder / "whole")
        covered: dict[str, Coverage] = {}
        for file in sorted({m.file for m in chosen}):
            if os.waitpid(start(file, whole, contexts=folder / file), 0)[1]:
                print(f"The tests of {file}.py fail without any mutation: nothing can be learned from mutants.")
                return 2
            covered[file] = Coverage(file, whole, folder / file)
        for i, (m, alive) in enumerate(verdicts(chosen, covered, folder, options.jobs, options.timeout), 1):
            print(f"{i}/{len(chosen)} ", end="\r", file=sys.stderr, flush=True)
            if alive and is_explained(m):
                explained += 1
            elif alive:
                unexplained += 1
                print(f"SURVIVED {m}", flush=True)
    print(
        f"{len(chosen)} mutants: {len(chosen) - explained - unexplained} killed, {explained} explained, {unexplained} not"
    )
    return 1 if unexplained else 0


if __name__ == "__main__":
    sys.exit(main())
