"""Figures that a command writes: the file is checked before anything is computed, and written the same each time."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from numerics.evidence.errors import InputError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DATES = {".pdf": {"CreationDate": None}, ".png": {}, ".svg": {"Date": None}}
"""The formats by suffix, each with the metadata that leaves the date out."""


def check_file(path: str | Path) -> None:
    """Raise `InputError` when `--plot` could not write a figure there."""
    path = Path(path)
    if path.suffix not in DATES:
        raise InputError(f"`--plot` needs a file that ends in {', '.join(DATES)}, found `{path.name}`.")
    if not path.absolute().parent.is_dir():
        raise InputError(f"`--plot` needs a folder that exists, found {path.absolute().parent}.")


def write(figure: Figure, path: str | Path) -> None:
    """Write the figure, without the date."""
    figure.savefig(path, metadata=DATES[Path(path).suffix])
