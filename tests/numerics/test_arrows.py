"""Which way files of `numerics` depend on each other, imports inside functions included."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import networkx as nx
import pytest

ROOT = Path(__file__).parents[2]
NETWORKS, SUBLEVEL = "numerics.networks", "numerics.sublevel"


def modules() -> dict[str, Path]:
    paths = (ROOT / "numerics").rglob("*.py")
    named = {".".join(p.relative_to(ROOT).with_suffix("").parts): p for p in paths}
    return {name.removesuffix(".__init__"): path for name, path in named.items()}


def nodes(tree: ast.AST) -> Iterator[ast.AST]:
    """All that runs: what stands under `if TYPE_CHECKING` does not."""
    for node in ast.iter_child_nodes(tree):
        if not (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)):
            yield node
            yield from nodes(node)


def imported(path: Path, known: dict[str, Path]) -> Iterator[str]:
    """The modules that a file imports; `from package import module` names the module and not the front door."""
    for node in nodes(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                member = f"{node.module}.{alias.name}"
                yield member if member in known else node.module


@pytest.fixture(scope="module")
def arrows() -> nx.DiGraph:
    known = modules()
    return nx.DiGraph([(a, b) for a, path in known.items() for b in imported(path, known) if b in known and a != b])


def test_there_is_no_circle(arrows: nx.DiGraph) -> None:
    assert arrows.number_of_edges() > 200
    assert [sorted(part) for part in nx.strongly_connected_components(arrows) if len(part) > 1] == []


@pytest.mark.parametrize(
    ("folder", "unknown"),
    [
        (NETWORKS, (f"{NETWORKS}.norms", f"{NETWORKS}.readers")),
        (f"{NETWORKS}.norms", (f"{NETWORKS}.readers",)),
        (f"{NETWORKS}.readers", (f"{NETWORKS}.norms",)),
        (f"{NETWORKS}.readers.onnx", (f"{NETWORKS}.readers.keras",)),
        (f"{NETWORKS}.readers.keras", (f"{NETWORKS}.readers.onnx",)),
        (SUBLEVEL, (f"{SUBLEVEL}.grids", f"{SUBLEVEL}.cells", f"{SUBLEVEL}.paths")),
        (f"{SUBLEVEL}.grids", (f"{SUBLEVEL}.cells", f"{SUBLEVEL}.paths")),
        (f"{SUBLEVEL}.cells", (f"{SUBLEVEL}.grids", f"{SUBLEVEL}.paths")),
        (f"{SUBLEVEL}.paths", (f"{SUBLEVEL}.grids", f"{SUBLEVEL}.cells")),
    ],
)
def test_files_know_neither_folders_above_them_nor_sisters(
    arrows: nx.DiGraph, folder: str, unknown: tuple[str, ...]
) -> None:
    """Only front doors, which hand on, know the folders of their package."""
    files = {n for n, path in modules().items() if n.rpartition(".")[0] == folder and path.name != "__init__.py"}
    assert files
    assert [(a, b) for a, b in arrows.edges if a in files and b.startswith(unknown)] == []
