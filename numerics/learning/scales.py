r"""Cells of sizes and margins: which number a cell has, and what a bound that holds for all of them adds."""

from __future__ import annotations


def number_of(e: int) -> int:
    """The number of the cell of the exponent e: 0, 1, -1, 2, -2 have the numbers 1, 2, 3, 4, 5."""
    return 2 * e if e > 0 else 1 - 2 * e


def norm_excess(complexity, classes, t, inverse_n):
    r"""$4kT/n + t$ for the expected supremum $T$ of one output, $k$ outputs and $t = 2\sqrt{\ln(i(i+1)/\delta)/(2n)}$."""
    return 4 * classes * complexity * inverse_n + t
