r"""Sublevel sets of polynomials of one variable, exactly.

For $E$ with $E(\pm\infty) = \infty$ the set $\{E \le u\}$ is a finite union of closed intervals between roots of $E - u$. They
are named by the numbers of these roots in increasing order, so that irrational ends need no name of their own.
"""

from __future__ import annotations

from typing import Any

from flint import fmpq_poly

from numerics.arithmetic.exact import rational
from numerics.arithmetic.polynomial import Polynomial


def components(E: Polynomial, u: Any) -> list[tuple[int, int]]:
    r"""The components of $\{E \le u\}$, each from root number $i$ to root number $j \ge i$ of $E - u$, counted from 0.

    Roots are isolated by Sturm sequences. Raises `ValueError` unless the degree is even and positive and the leading
    coefficient positive.
    """
    leading = E.coefficients()[-1:]
    if E.degree < 2 or E.degree % 2 or leading[0] < 0:
        raise ValueError(f"`E` must tend to infinity on both sides, found {E}: give it even degree and positive lead.")
    level = rational(u)
    roots = (E - level).isolate_real_roots()
    found: list[tuple[int, int]] = []
    for k in range(len(roots)):
        if found and E((roots[k - 1][1] + roots[k][0]) / 2) < level:
            found[-1] = (found[-1][0], k)
        else:
            found.append((k, k))
    return found


def last_root(E: Polynomial, u: Any, x: Any) -> int:
    r"""The number of the last root of $E - u$ up to $x$, or -1: a point of $\{E \le u\}$ lies in the component with it."""
    return (E - rational(u)).number_of_real_roots(None, x) - 1


def is_strict_minimum(E: Polynomial, x: Any) -> bool:
    """Whether `x` is a strict local minimum: the first term of the Taylor expansion that moves has even order and is positive."""
    shifted = E.to_flint()(fmpq_poly([rational(x), 1]))
    order = next((k for k in range(1, shifted.length()) if shifted[k] != 0), None)
    return order is not None and order % 2 == 0 and shifted[order] > 0
