"""Which way the arrows go: imports are read from the source, those inside functions and for type checkers too."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

import networkx as nx
import pytest

from theorems.catalogue import TOPICS

ROOT = Path(__file__).parent.parent

# From the ground up. A file may import files of its own layer and of those below.
LAYERS = (
    ("numerics", ("numerics",)),
    ("the trusted kernel", ("theorems.proof.kernel",)),
    ("proof", ("theorems.proof",)),
    ("the form of a page", ("theorems.claim",)),
    ("what is cited", ("theorems.cited",)),
    ("proof schemes", ("theorems.schemes",)),
    ("pages", tuple(f"theorems.{topic}" for topic in TOPICS)),
    ("bounds and the catalogue", ("theorems.bounds", "theorems.catalogue")),
    ("the examination", ("theorems.examination",)),
    ("the front doors and the commands", ("theorems", "theorems.__main__", "theorems.commands")),
)


def modules(root: Path) -> dict[str, Path]:
    """The files of both packages by their dotted names."""
    found = {}
    for package in ("numerics", "theorems"):
        for path in sorted((root / package).rglob("*.py")):
            parts = path.relative_to(root).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imported(tree: ast.AST, known: Mapping[str, Path], doors: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    """The files that a file imports. A name that a front door hands on counts as an import of where it comes from."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom) and node.module is not None and node.module in known:
            assert node.level == 0, "imports name their module in full"
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield doors.get(node.module, {}).get(alias.name) or (inner if inner in known else node.module)


def handed_on(tree: ast.AST) -> dict[str, str]:
    """The names that a front door hands on with `from m import x as x`, and the module that has them."""
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {alias.asname: node.module for alias in node.names if alias.name == alias.asname}
    return found


def arrows(root: Path) -> nx.DiGraph:
    """The graph of imports between files."""
    known = modules(root)
    trees = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in known.items()}
    doors = {name: handed_on(trees[name]) for name, path in known.items() if path.stem == "__init__"}
    for door in doors.values():  # a door may stand behind another
        for name, module in door.items():
            door[name] = doors.get(module, {}).get(name, module)
    graph = nx.DiGraph()
    graph.add_nodes_from(known)
    for name, tree in trees.items():
        graph.add_edges_from((name, other) for other in imported(tree, known, doors) if other != name)
    return graph


def layer(name: str) -> int:
    """The layer with the longest prefix of a name."""
    fits = [
        (len(prefix), k)
        for k, (_, prefixes) in enumerate(LAYERS)
        for prefix in prefixes
        if name == prefix or name.startswith(f"{prefix}.")
    ]
    return max(fits)[1]


GRAPH = arrows(ROOT)


def test_no_circle_of_imports() -> None:
    circles = [sorted(c) for c in nx.strongly_connected_components(GRAPH) if len(c) > 1]
    assert not circles


def upwards(graph: nx.DiGraph) -> list[str]:
    return [f"{a} imports {b}" for a, b in graph.edges if layer(a) < layer(b)]


def test_no_arrow_goes_up() -> None:
    assert not upwards(GRAPH)


def test_topic_folders_hold_pages_and_nothing_else() -> None:
    for topic in TOPICS:
        for path in (ROOT / "theorems" / topic).rglob("*.py"):
            if path.stem != "__init__":
                assert path.stem[0] != "_", f"{path} is private"
                assert "claim = Claim(" in path.read_text(encoding="utf-8"), f"{path} is no page"


@pytest.mark.parametrize(
    ("files", "circle", "up"),
    [
        ({"numerics/a.py": "import theorems.proof.b\n", "theorems/proof/b.py": ""}, False, True),
        (
            {"numerics/a.py": "from numerics import b\n", "numerics/b.py": "def f():\n    import numerics.a\n"},
            True,
            False,
        ),
        ({"theorems/proof/kernel/a.py": "from theorems.proof import b\n", "theorems/proof/b.py": ""}, False, True),
        ({"theorems/claim.py": "from theorems.bounds.x import y\n", "theorems/bounds/x.py": "y = 1\n"}, False, True),
        ({"theorems/bounds/x.py": "from theorems.claim import y\n", "theorems/claim.py": "y = 1\n"}, False, False),
    ],
)
def test_a_circle_and_an_arrow_that_goes_up_are_seen(
    tmp_path: Path, files: dict[str, str], circle: bool, up: bool
) -> None:
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        for folder in path.relative_to(tmp_path).parents:
            if str(folder) != ".":
                (tmp_path / folder / "__init__.py").touch()
    graph = arrows(tmp_path)
    assert any(len(c) > 1 for c in nx.strongly_connected_components(graph)) is circle
    assert bool(upwards(graph)) is up
