r"""Steps on indices: facts about every member of a chain, and induction along it.

Trusted file.
"""

from __future__ import annotations

from theorems.proof.kernel.facts import Fact, ProofError, free_letters, free_symbols
from theorems.proof.kernel.language import Indexed, Relation, Statement, predicate
from theorems.proof.kernel.ledger import Ledger
from theorems.proof.kernel.words import index_symbol, indices, parse_index, show_index


def next_index(index: str, by: int) -> str:
    symbol, offset = parse_index(index)
    return show_index(symbol, offset + by)


class Chains(Ledger):
    """Steps on indices: facts about every member of a chain, and induction along it."""

    def index_constant(self, symbol: str, *, at_least: str = "1", at_most: str | None = None) -> str:
        """A universally quantified integer, such as the depth `K >= 1` or a layer `1 <= k <= K-1`."""
        self._fresh_symbol(symbol)
        bounds = {parse_index(bound)[0] for bound in (at_least, at_most) if bound is not None}
        if bounds & {symbol, *self._eigen}:
            raise ProofError(f"The range of the constant `{symbol}` cannot mention itself or an open index.")
        known = len(self._order)
        self._between(symbol, at_least, at_most, None)
        if self._is_empty():
            del self._order[known:]
            raise ProofError(
                f"No integer is in the range of the constant `{symbol}`: at least {at_least}, at most {at_most}."
            )
        return symbol

    def _is_empty(self) -> bool:
        """Whether no integers are in the ranges of the constants: their differences gain along a cycle (Bellman-Ford)."""
        edges = [(p, q, g) for p, q, g, h in self._order if h is None]
        best = {s: 0 for edge in edges for s in edge[:2]}
        for _ in range(len(best)):
            for p, q, g in edges:
                best[q] = max(best[q], best[p] + g)
        return any(best[p] + g > best[q] for p, q, g in edges)

    def index(self, symbol: str, low: str, high: str) -> Fact:
        """Open the hypothesis that `symbol` is an integer from `low` to `high`; discharged by `for_all`, `induction`."""
        self._fresh_symbol(symbol)
        if any(symbol in free_symbols(g) for g in self.goals):
            raise ProofError(f"The index `{symbol}` is not fresh: a goal speaks of it.")
        if symbol in (parse_index(low)[0], parse_index(high)[0]):
            raise ProofError(f"The range of the index `{symbol}` cannot mention itself: found {low} to {high}.")
        number_ = len(self.facts) + 1
        self._eigen[symbol] = number_
        self._between(symbol, low, high, number_)
        content = predicate(f"[{low}] <= [{symbol}] <= [{high}]")  # in brackets, so that it speaks of its symbols
        return self._add(
            content,
            "suppose",
            f"let {symbol} be such an index",
            hypotheses=frozenset({number_}),
            payload={"symbol": symbol, "low": low, "high": high},
        )

    def _fresh_symbol(self, symbol: str) -> None:
        index_symbol(symbol)
        used = {s for edge in self._order for s in edge[:2]}
        names = [*self._letters, *(x.name for x in self._families.values())]
        spoken = frozenset().union(*(free_symbols(f.content) for f in self.facts))
        spoken |= {f.content.symbol for f in self.facts if isinstance(f.content, Indexed)}
        if symbol in used or symbol in spoken or any(symbol in indices(n) for n in self._letters) or symbol in names:
            raise ProofError(f"The index `{symbol}` is not fresh.")

    def _between(self, symbol: str, low: str, high: str | None, hypothesis: int | None) -> None:
        s, gap = parse_index(low)
        self._order.append((symbol, s, gap, hypothesis))  # symbol - s >= gap
        if high is not None:
            s, gap = parse_index(high)
            self._order.append((s, symbol, -gap, hypothesis))  # s - symbol >= -gap

    def _at_least(self, above: str, below: str, symbols: frozenset[str]) -> bool:
        """Whether index `above` >= index `below` follows from the declared ranges (longest path, no cycles of gain).

        Only constants and the indices in `symbols`, on whose hypotheses the caller's fact will rest, are used.
        """
        (a, i), (b, j) = parse_index(above), parse_index(below)
        edges = [(p, q, g) for p, q, g, h in self._order if h is None or p in symbols or q in symbols]
        edges = [(p, q, g) for p, q, g in edges if all(s not in self._eigen or s in symbols for s in (p, q))]
        best: dict[str, int] = {a: 0}
        for _ in range(len(edges) + 1):
            for p, q, g in edges:
                if p in best and best[p] + g > best.get(q, -(10**9)):
                    best[q] = best[p] + g
        return b in best and best[b] + i - j >= 0

    def at(self, fact: Fact, index: str) -> Fact:
        """One member of an `Indexed` fact, at an index that is in its range."""
        self._own(fact)
        if not isinstance(fact.content, Indexed):
            raise ProofError(f"Fact ({fact.number}) is not indexed.")
        c = fact.content
        used = {parse_index(index)[0]} & set(self._eigen)
        if not (self._at_least(index, c.low, frozenset(used)) and self._at_least(c.high, index, frozenset(used))):
            raise ProofError(f"The index {index} is not known to lie between {c.low} and {c.high}.")
        hypotheses = fact.hypotheses | {self._eigen[s] for s in used}
        return self._add(
            c.relation.at(c.symbol, index),
            "at",
            f"({fact.number}) at {index}",
            [fact],
            hypotheses=frozenset(hypotheses),
        )

    def for_all(self, index: Fact, fact: Fact) -> Fact:
        """Generalise a fact about an index that was arbitrary in its range."""
        symbol, low, high = self._index_of(index)
        hypotheses = fact.hypotheses - {index.number}
        self._arbitrary(symbol, fact.member, hypotheses, index)
        content = Indexed(fact.member, symbol, low, high)
        return self._add(
            content, "for all", f"({fact.number}) for every {symbol}", [fact, index], hypotheses=hypotheses
        )

    def induction(self, index: Fact, supposed: Fact, step: Fact, base: Fact) -> Fact:
        """Induction along a chain: `base` at one end, and a step from `supposed` at the index to `step` next to it.

        With `index` from `low` to `high`, `supposed` says R(j): upward, `step` says R(j+1) and `base` R(low), and R
        holds from `low` to `high+1`; downward, `step` says R(j-1) and `base` R(high), and R holds from `low-1` to `high`.
        """
        symbol, low, high = self._index_of(index)
        for f in (supposed, step, base):
            self._own(f)
        if supposed.step != "suppose":
            raise ProofError("The induction hypothesis must be opened with `suppose`.")
        relation = supposed.member
        if step.member.is_same_as(relation.at(symbol, f"{symbol}+1")):
            end, bounds = low, (low, next_index(high, 1))
        elif step.member.is_same_as(relation.at(symbol, f"{symbol}-1")):
            end, bounds = high, (next_index(low, -1), high)
        else:
            raise ProofError(f"The step proves {step.content}, not the neighbour of {relation}.")
        if not base.member.is_same_as(relation.at(symbol, end)):
            raise ProofError(f"The base proves {base.content}: needed {relation.at(symbol, end)}.")
        if index.number in base.hypotheses or supposed.number in base.hypotheses:
            raise ProofError("The base of an induction cannot rest on the induction's hypotheses.")
        hypotheses = (step.hypotheses - {index.number, supposed.number}) | base.hypotheses
        self._arbitrary(symbol, relation, hypotheses, index)
        content = Indexed(relation, symbol, *bounds)
        return self._add(
            content,
            "induction",
            f"induction on {symbol} from ({base.number}), ({step.number})",
            [base, step, supposed, index],
            hypotheses=hypotheses,
        )

    def _index_of(self, index: Fact) -> tuple[str, str, str]:
        self._own(index)
        if "symbol" not in index.payload:
            raise ProofError(f"Fact ({index.number}) opens no index.")
        return index.payload["symbol"], index.payload["low"], index.payload["high"]

    def _arbitrary(self, symbol: str, content: Relation | Statement, hypotheses: frozenset[int], index: Fact) -> None:
        """The index must be arbitrary: no remaining hypothesis and no premise speaks of it, no letter depends on it."""
        for n in hypotheses:
            f = self._fact(n)
            if symbol in free_symbols(f.content) or index.number in self._birth_hypotheses(free_letters(f.content)):
                raise ProofError(f"The index {symbol} is not arbitrary: hypothesis ({n}) speaks of it.")
        for f in self.facts:
            if f.step == "given" and symbol in free_symbols(f.content):
                raise ProofError(f"The index {symbol} is not arbitrary: premise ({f.number}) speaks of it.")
        for x in free_letters(content):
            if not self._is_universal(x) and not self._birth_hypotheses([x]) <= hypotheses:
                raise ProofError(f"The letter `{x.name}` came into being for one {symbol} and cannot leave it.")
