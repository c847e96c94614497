r"""Bounds of a given network in numbers: `Bound`, and a calculator for each bound that a page proves.

A calculator uses the formula of its page and names the page; pages know nothing of it. So this room stands above the
pages, and a page in somebody else's repository hands its own bounds over with `Claim.bounds`.
"""

from __future__ import annotations

import functools
import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from theorems.bounds.bound import Bound
    from theorems.claim import Claim

CALCULATORS = (
    "counting",
    "coverings",
    "group_norms",
    "information",
    "norm_products",
    "pac_bayes_spectral",
    "path_norms",
    "quantised_networks",
    "random_networks",
    "spectral",
    "stability",
    "test_sets",
)
"""The modules of this room that have a function `bounds`."""


@functools.cache
def all_bounds() -> tuple[Bound, ...]:
    """The bounds of all calculators, in the order of the pages' names."""
    found = [b for name in CALCULATORS for b in importlib.import_module(f"theorems.bounds.{name}").bounds()]
    return tuple(sorted(found, key=lambda b: b.page))


def bounds_of(page: Claim) -> tuple[Bound, ...]:
    """The bounds that a page proves: those of this room that name it, and those that it brings itself."""
    own = () if page.bounds is None else page.bounds()
    return (*(b for b in all_bounds() if b.page == page.dotted), *own)
