r"""Sums over an index, built up by induction: what proofs with finitely many but arbitrarily many terms share."""

from __future__ import annotations

from collections.abc import Callable

from theorems.proof import Derivation, Expr, Fact, Indexed, Relation, equal, zero

Family = Callable[[str | int], Expr]


def each(
    d: Derivation, relation: Relation, high: str, *, low: str = "1", symbol: str = "i", name: str = "premise"
) -> Fact:
    """A premise for every value of `symbol` from `low` to `high`."""
    return d.given(Indexed(relation, symbol, low, high), name)


class Total:
    """The family $S[0] = 0$, $S[i] = S[i-1] + \\text{term}[i]$ for $1 \\le i \\le$ `high`."""

    def __init__(self, d: Derivation, S: Family, term: Family, high: str) -> None:
        self.d, self.S = d, S
        self.empty = d.given(zero(S("0")), "empty sum")
        self.grown = each(d, equal(S("i"), S("i-1") + term("i")), high, name="sum")

    def at(self, k: str) -> Fact:
        """S[k] = S[k-1] + term[k]."""
        return self.d.at(self.grown, k)


def induction(
    d: Derivation,
    relation: Callable[[str], Relation],
    step: Callable[[Fact, str], Fact],
    symbol: str,
    high: str,
    base: Fact,
) -> Fact:
    """R(0) is `base`; `step(R(j), "j+1")` proves R(j+1); so R holds from 0 to `high`."""
    last = high if high.lstrip("-").isdigit() else f"{high}-1"
    index = d.index(symbol, "0", last)
    supposed = d.suppose(relation(symbol))
    return d.induction(index, supposed, step(supposed, f"{symbol}+1"), base)
