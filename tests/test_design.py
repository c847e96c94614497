"""The rules of the house: which way things depend on each other, and how light the front door is."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from theorems.catalogue import modules

ROOT = Path(__file__).parent.parent
HEAVY = ("sympy", "scipy", "networkx", "numba", "matplotlib")


def imports(path: Path, *, top_level_only: bool = False) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = tree.body if top_level_only else list(ast.walk(tree))
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


@pytest.mark.parametrize("path", sorted((ROOT / "numerics").rglob("*.py")), ids=lambda p: str(p.relative_to(ROOT)))
def test_numerics_stands_alone(path: Path) -> None:
    roots = {name.split(".")[0] for name in imports(path)}
    assert not roots & {"theorems", "sympy"}


@pytest.mark.parametrize("name", modules())
def test_no_page_reaches_into_another_page(name: str) -> None:
    path = ROOT / Path(*modules()[name].split(".")).with_suffix(".py")
    pages = set(modules().values())
    assert not imports(path) & pages
    assert not {i.split(".")[0] for i in imports(path, top_level_only=True)} & set(HEAVY)


def loaded(*command: str) -> set[str]:
    """The modules that a fresh interpreter imports for a command, from `-X importtime`."""
    done = subprocess.run([sys.executable, "-X", "importtime", *command], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr[-2000:]
    return {line.rpartition("|")[2].strip().split(".")[0] for line in done.stderr.splitlines() if "|" in line}


@pytest.mark.parametrize("command", [("-c", "import theorems"), ("-m", "theorems", "--help")], ids=["import", "help"])
def test_the_front_door_is_light(command: tuple[str, ...]) -> None:
    assert not loaded(*command) & set(HEAVY)


def test_importing_every_page_is_light() -> None:
    assert not loaded("-c", "import theorems; theorems.claims()") & set(HEAVY)


def test_a_shadowed_numerics_gives_one_clear_sentence(tmp_path: Path) -> None:
    (tmp_path / "numerics.py").write_text("x = 1\n")
    run = f"import sys; sys.path[:0] = [{str(tmp_path)!r}, {str(ROOT)!r}]; import theorems"
    done = subprocess.run([sys.executable, "-c", run], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 1
    assert re.fullmatch(
        r"ImportError: `import numerics` found .*numerics\.py instead of the package that comes with `theorems`: "
        r"rename your own `numerics\.py` \(or folder\), or run from another folder\.",
        done.stderr.splitlines()[-1],
    )
