"""What commands show while they work."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable


def progress() -> Callable[[str], None]:
    """Progress on stderr: one line that is rewritten in a terminal, elsewhere a line every ten seconds."""
    terminal = sys.stderr.isatty()
    last = time.monotonic()

    def write(text: str) -> None:
        nonlocal last
        if terminal:
            print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)
        elif text and time.monotonic() - last >= 10:
            last = time.monotonic()
            print(text, file=sys.stderr, flush=True)

    return write
