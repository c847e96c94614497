r"""The catalogue: all pages of the package, found by walking the topic folders; nothing is registered.

A page is a module of a topic folder or of one of its theme folders. Its *permanent name* is `topic.stem`: the theme is a
matter of the shelf, and a page may move to another without a new name. So stems are unique within a topic.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Mapping
from pathlib import Path

from theorems.claim import CATALOGUE, Claim, UnknownClaim, did_you_mean

TOPICS = ("landscape", "dynamics", "generalization", "approximation", "representation")


@functools.cache
def modules() -> Mapping[str, str]:
    """The module of each page by its permanent name, in the order of topics and names, without importing a page.

    Raises `ValueError` when two pages of one topic have the same stem.
    """
    root = Path(__file__).parent
    found: dict[str, str] = {}
    for topic in TOPICS:
        # Not `pkgutil`: it takes a tenth of what `theorems --help` may take.
        pages = [path for depth in ("*.py", "*/*.py") for path in (root / topic).glob(depth) if path.stem[0] != "_"]
        for path in sorted(pages, key=lambda path: path.stem):
            name, module = f"{topic}.{path.stem}", ".".join(("theorems", *path.relative_to(root).with_suffix("").parts))
            if name in found:
                raise ValueError(f"Two pages are called `{name}`: {found[name]} and {module}. Rename one of them.")
            found[name] = module
    return found


def names() -> tuple[str, ...]:
    """The permanent names of all pages."""
    return tuple(modules())


def claim(name: str) -> Claim:
    """The claim with a permanent name, or with its last part when that is unique.

    Raises `UnknownClaim` with close names when there is none.
    """
    if name not in modules():
        ends = [n for n in modules() if n.split(".")[-1] == name]
        if len(ends) != 1:
            raise UnknownClaim(did_you_mean("claim", name, list(modules()), ""))
        name = ends[0]
    return importlib.import_module(modules()[name]).claim


CATALOGUE["claim"] = claim


def claims() -> tuple[Claim, ...]:
    """All claims, in the order of their names."""
    return tuple(claim(name) for name in modules())
