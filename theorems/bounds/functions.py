r"""Functions of formulas that are known by an inverse: SymPy nodes that enclose themselves in balls.

Imported only where a formula is built, because it loads SymPy.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sympy
from flint import arb

from numerics.arithmetic.balls import TooWide
from numerics.arithmetic.binomial import binomial_upper_limit
from numerics.arithmetic.kl import kl_inverse


class KlInverse(sympy.Function):
    r"""$\mathrm{kl}^{-1}(q, c) = \sup\{p \in [q, 1] : \mathrm{kl}(q\,\|\,p) \le c\}$."""

    nargs = 2
    is_nonnegative = True

    def enclosure(self, q: arb, c: arb) -> arb:
        return kl_inverse(q, c)

    def dominant(self, enclosed: Callable[[Any], arb]) -> Any:
        """$q$ where it is more than half of the value, else $c$."""
        q, c = self.args
        return q if 2 * enclosed(q).mid() > enclosed(self).mid() else c

    def _latex(self, printer: Any) -> str:
        q, c = (printer._print(a) for a in self.args)
        return rf"\mathrm{{kl}}^{{-1}}\left({q},\ {c}\right)"


class BinomialLimit(sympy.Function):
    r"""$U(k, n, \delta) = \sup\{p : \Pr[\mathrm{Bin}(n, p) \le k] \ge \delta\}$."""

    nargs = 3
    is_nonnegative = True

    def enclosure(self, k: arb, n: arb, delta: arb) -> arb:
        counts = [x.unique_fmpz() for x in (k, n)]
        if counts[0] is None or counts[1] is None:
            raise TooWide(f"`{self}` needs whole numbers of errors and trials, found {k.str(6)} and {n.str(6)}.")
        return binomial_upper_limit(int(counts[0]), int(counts[1]), delta)

    def dominant(self, enclosed: Callable[[Any], arb]) -> Any:
        """$k$ where $k/n$ is more than half of the value, else $\\delta$."""
        k, n, delta = self.args
        return k if 2 * (enclosed(k) / enclosed(n)).mid() > enclosed(self).mid() else delta

    def _latex(self, printer: Any) -> str:
        return rf"U\left({', '.join(printer._print(a) for a in self.args)}\right)"
