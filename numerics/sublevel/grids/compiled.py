"""Compiled loops: cached on disk, announced when they must be compiled, and usable where nothing can be written."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from numba import njit
from numba.core import event


def kernel(function: Callable[..., Any]) -> Any:
    """`numba.njit` without the global lock and with a cache on disk.

    The cache is `__pycache__` next to the module or, in a read-only installation, numba's folder in the user's home;
    where neither can be written numba raises `RuntimeError`, and the loop is compiled anew in every process.
    No `fastmath`: comparisons of ties and infinities must be exact.
    """
    try:
        return njit(cache=True, nogil=True)(function)
    except RuntimeError:
        return njit(nogil=True)(function)


class _Announcer(event.Listener):
    said = False

    def on_start(self, event: Any) -> None:  # numba fires this only when a loop was not found in the cache
        if not _Announcer.said:
            print("numerics.sublevel: compiling its loops; this happens once and takes some seconds.", file=sys.stderr)
            _Announcer.said = True

    def on_end(self, event: Any) -> None:
        pass


@contextmanager
def announced() -> Iterator[None]:
    """Says on stderr, once per process, that loops are being compiled, if they are."""
    with event.install_listener("numba:compile", _Announcer()):
        yield
