"""The code blocks of README.md and docs/ run, and show what really comes out.

Per file, in order and in a folder of its own that holds nothing but `examples`: blocks fenced `python` run in one namespace, as doctests where they
hold `>>>`; blocks fenced `console` hold commands after `$ `, and what is shown below a command is compared with its
output, where `...` stands for anything. Other blocks (`sh`, `latex`, `bibtex`, none) are not run.
"""

from __future__ import annotations

import doctest
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import pytest

ROOT = Path(__file__).parent.parent
PAGES = sorted(p.relative_to(ROOT).as_posix() for p in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
FENCE = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```[ \t]*$", re.S | re.M)


class Block(NamedTuple):
    language: str
    text: str
    line: int


def blocks(markdown: str) -> Iterator[Block]:
    for found in FENCE.finditer(markdown):
        yield Block(found[1], found[2], markdown.count("\n", 0, found.start(2)) + 1)


def run_python(block: Block, names: dict[str, Any], where: str) -> None:
    if ">>>" not in block.text:
        exec(compile("\n" * (block.line - 1) + block.text, where, "exec"), names)
        return
    test = doctest.DocTestParser().get_doctest(block.text, {}, where, where, block.line - 1)
    test.globs = names  # the names themselves, so that functions defined above see what is redefined here
    report: list[str] = []
    doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(test, out=report.append, clear_globs=False)
    assert not report, "".join(report)


def run_console(block: Block, folder: Path, where: str) -> None:
    for part in re.split(r"^\$ ", block.text, flags=re.M)[1:]:
        command, _, expected = part.partition("\n")
        words = shlex.split(command)
        assert words and words[0] in ("theorems", "python"), (
            f"{where}: `{command}`: only `theorems` and `python` are run"
        )
        program = [sys.executable, *(["-m", "theorems"] if words[0] == "theorems" else []), *words[1:]]
        done = subprocess.run(
            program,
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT), "NO_COLOR": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
        )
        got = "\n".join(line.rstrip() for line in done.stdout.splitlines()) + "\n"
        if expected.strip():
            same = doctest.OutputChecker().check_output(expected.rstrip() + "\n", got.rstrip() + "\n", doctest.ELLIPSIS)
            assert same, f"{where}, line {block.line}: `{command}` printed\n{got}instead of\n{expected}"
        else:
            assert done.returncode == 0, f"{where}, line {block.line}: `{command}` ended with {done.returncode}\n{got}"


def run_page(markdown: str, where: str, folder: Path) -> None:
    # A real module, because dataclasses look their own up by name.
    module = ModuleType("docs." + re.sub(r"\W", "_", where))
    sys.modules[module.__name__] = module
    try:
        for block in blocks(markdown):
            if block.language == "python":
                run_python(block, module.__dict__, where)
            elif block.language == "console":
                run_console(block, folder, where)
    finally:
        del sys.modules[module.__name__]


@pytest.mark.parametrize("page", PAGES)
def test_the_code_of_a_page_runs(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    run_page((ROOT / page).read_text(encoding="utf-8"), page, tmp_path)


@pytest.mark.parametrize("page", PAGES)
def test_links_between_pages_lead_somewhere(page: str) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", (ROOT / page).read_text(encoding="utf-8")):
        if "://" not in target and not target.startswith("mailto:"):
            assert ((ROOT / page).parent / target).exists(), f"{page} links to {target}"


@pytest.mark.parametrize(
    "wrong",
    [
        "```python\n>>> 1 + 1\n3\n```\n",
        "```python\nassert 1 == 2\n```\n",
        "```python\nx = 1\n```\n\n```python\n>>> x\n2\n```\n",
        "```console\n$ theorems --version\ntheorems, version 0\n```\n",
        "```console\n$ theorems show no_such_claim\n```\n",
        "```console\n$ rm -r /tmp/nothing\n```\n",
    ],
)
def test_a_page_that_shows_something_false_is_noticed(wrong: str, tmp_path: Path) -> None:
    with pytest.raises(AssertionError):
        run_page(wrong, "wrong.md", tmp_path)


def test_names_and_ellipses_carry_on(tmp_path: Path) -> None:
    page = "```python\nx = 2\n```\n```python\n>>> x + 1\n3\n>>> y = 5\n```\n```python\nassert x + y == 7\n```\n"
    page += "```console\n$ theorems --version\ntheorems, ...\n$ python -c 'print(1)'\n1\n```\n```sh\nexit 1\n```\n"
    run_page(page, "right.md", tmp_path)
    assert [b.language for b in blocks(page)] == ["python", "python", "python", "console", "sh"]
