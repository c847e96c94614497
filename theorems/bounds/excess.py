r"""The middle term of the sharp spectral margin bound for every size, and the search of the best margin."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from numerics.learning.spectral_margins import rounded_down, sharp_excess

if TYPE_CHECKING:
    import sympy


def sharp_middle(K: sympy.Expr, n: sympy.Expr, size: sympy.Expr) -> sympy.Expr:
    r"""The middle term of (sharp) for every $K$, which is 0 where `size` is.

    $24K/n$, which is at least 2, stands where $K \ge n/12$: there the theorem says nothing, and neither does this.
    """
    from sympy import Piecewise, log

    middle = sharp_excess(K, log(n / (12 * K)), 0, 1 / n)
    return Piecewise((0, size <= 0), (middle, 12 * K < n), (24 * K / n, True))


def sharp_middle_in_floats(K: float, n: int) -> float:
    return 24 * K / n * (1 + (math.log(n / (12 * K)) if 0 < 12 * K < n else 0.0))


def best_exponent(value: Callable[[int], float], margins: np.ndarray) -> int:
    """The power of 2 with the least bound, by floats: the bound holds for each of them, so that searching is allowed.

    Where each of them is vacuous, the least bound is that of an absurdly large margin; then it is the one at the median.
    """
    best, middle = min(range(-64, 65), key=value), float(np.median(margins))
    return rounded_down(Fraction(middle)) if value(best) >= 1 and middle > 0 else best
