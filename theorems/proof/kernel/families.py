r"""Lemmas about families: what a derivation proves of chains of any length, used at other chains.

Trusted file. A derivation with families $W_i$, index constants $K$ and premises for every index of a range proves
$$\forall K \text{ in its range},\ \forall \text{ families}, \text{ letters}:\quad \text{premises} \implies \text{goals}.$$
Its families and letters are universal, so they may be replaced: a family by a function of the index, such as
$i \mapsto V_{i+1}$ or $i \mapsto A\, U_i$, a constant by an index whose range is known, a letter by a term, and dimensions follow
from the shapes. What has to be shown is that the constants lie in their ranges and every premise, for its whole range.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count

from theorems.proof.kernel.chains import Chains
from theorems.proof.kernel.facts import Fact, ProofError
from theorems.proof.kernel.language import Indexed, Relation
from theorems.proof.kernel.ledger import Ledger
from theorems.proof.kernel.words import (
    Dimension,
    Expr,
    Letter,
    ShapeError,
    at_index,
    indices,
    is_constant,
    letter,
    parse_index,
    replace_indices,
    shift_index,
    show_index,
)

Family = Callable[[str], Expr]


@dataclass(frozen=True)
class Schema:
    """What a complete derivation about families proves, closed."""

    letters: tuple[Letter, ...]
    families: tuple[Letter, ...]
    ranges: tuple[tuple[str, str, int], ...]  # high symbol - low symbol >= gap
    premises: tuple[Relation | Indexed, ...]
    conclusions: tuple[Relation | Indexed, ...]


def schema_of(d: Ledger, name: str) -> Schema:
    """The schema that a complete derivation proves; refuses what is no relation or speaks of terms of the calculus."""
    premises = [f.content for f in d.facts if f.step == "given"]
    said: list[Relation | Indexed] = []
    for content in (*premises, *d.goals):
        relation = content.relation if isinstance(content, Indexed) else content
        if not isinstance(relation, Relation) or not isinstance(content, Relation | Indexed):
            raise ProofError(f"The lemma `{name}` has a premise or a goal that is a statement: {content}.")
        if any(d._is_term(x) for x in relation.letters()):
            raise ProofError(f"The lemma `{name}` speaks of terms of the calculus: {content}.")
        said.append(content)
    letters = tuple(sorted((x for x in d._universal if not is_constant(x)), key=lambda x: x.name))
    ranges = tuple((p, q, gap) for p, q, gap, hypothesis in d._order if hypothesis is None)
    return Schema(
        letters, tuple(d._families.values()), ranges, tuple(said[: len(premises)]), tuple(said[len(premises) :])
    )


@dataclass
class _Reading:
    """How a schema is read in another derivation: what its letters, families, constants and dimensions are there."""

    letters: Mapping[str, Expr]
    families: Mapping[str, Expr]  # by head, at the index `symbol`
    symbol: str
    constants: Mapping[str, str]
    bound: Mapping[str, str] = field(default_factory=dict)
    dims: dict[str, Dimension] = field(default_factory=dict)  # of a family by its head, at the index `symbol`

    def index(self, text: str) -> str:
        """An index of the schema: its constants replaced, its bound symbols renamed."""
        symbol, offset = parse_index(text)
        known = {"": "0", **self.constants, **self.bound}
        if symbol not in known:
            raise ProofError(f"The lemma speaks of the index {symbol}, which it neither binds nor has as a constant.")
        there, more = parse_index(known[symbol])
        return show_index(there, more + offset)

    def learn(self, pattern: Dimension, found: Dimension, symbol: str) -> None:
        """What the shape of a value says of a dimension; that all shapes agree is checked where they are replaced."""
        if pattern == "1":
            return
        head, _, index = pattern.partition("[")
        if not index:
            self.dims.setdefault(pattern, found)
        elif symbol and parse_index(index.removesuffix("]"))[0] == symbol:
            offset = parse_index(index.removesuffix("]"))[1]
            self.dims.setdefault(head + "[", shift_index(found, self.symbol, show_index(self.symbol, -offset)))

    def dimension(self, d: Dimension) -> Dimension:
        head, _, index = d.partition("[")
        key = head + "[" if index else d
        if key not in self.dims:
            raise ProofError(f"No value says what the dimension {d} of the lemma is.")
        return shift_index(self.dims[key], self.symbol, self.index(index.removesuffix("]"))) if index else self.dims[d]

    def value(self, x: Letter) -> Expr:
        head, _, index = x.name.partition("[")
        if is_constant(x):
            return letter(Letter(x.name, self.dimension(x.rows), x.cols))
        if index and head in self.families:
            return at_index(self.families[head], self.symbol, self.index(index.removesuffix("]")))
        return self.letters[x.name]

    def relation(self, r: Relation) -> Relation:
        dims = {d: self.dimension(d) for d in r.dimensions()}
        said = r.substitute({x: self.value(x) for x in r.letters()}, dims)
        if not r.predicate:
            return said
        symbols = {s: self.index(s) for s in indices(r.predicate)}
        return Relation(said.kind, predicate=replace_indices(said.predicate, symbols), arguments=said.arguments)


def _is_trivial(content: Relation | Indexed) -> bool:
    """Whether a premise says $0 = 0$, as one that defines a family does where the values are as it says."""
    relation = content.relation if isinstance(content, Indexed) else content
    return isinstance(relation, Relation) and relation.kind == "=0" and relation.expr.is_zero()


def _moved(index: str, by: int) -> str:
    symbol, offset = parse_index(index)
    return show_index(symbol, offset + by)


def _shifts(needed: Indexed, said: Indexed) -> set[int]:
    """By how much the bound index may be counted differently: by nothing, or so that one end of the ranges agrees."""
    ends = ((parse_index(a), parse_index(b)) for a, b in ((needed.low, said.low), (needed.high, said.high)))
    return {0} | {b[1] - a[1] for a, b in ends if a[0] == b[0]}


class Families(Chains):
    """Lemmas about families, used at other families."""

    def chain_lemma(
        self,
        source: Ledger | str,
        at: Mapping[str, Expr],
        families: Mapping[str, Family],
        constants: Mapping[str, str],
        premises: Sequence[Fact] = (),
    ) -> list[Fact]:
        r"""Use what another derivation proves of families: its goals, for the families, letters and constants given.

        `families` maps the head of each family to a function of the index; `constants` each index constant to an index.
        An indexed premise is met by an indexed fact whose range contains that of the premise, perhaps counted from elsewhere.
        """
        name, other = self.resolve(source) if isinstance(source, str) else (source.title or "unnamed", source)
        if other is self:
            raise ProofError("A derivation cannot be its own lemma.")
        if gaps := other.gaps():
            raise ProofError(f"The lemma `{name}` is not proved: {gaps[0]}.")
        schema = schema_of(other, name)
        heads = {x.name.partition("[")[0]: x for x in schema.families}
        symbols = {s for edge in schema.ranges for s in edge[:2] if s}
        for what, wanted, found in (
            ("letters", {x.name for x in schema.letters}, set(at)),
            ("families", set(heads), set(families)),
            ("constants", symbols, set(constants)),
        ):
            if wanted != found:
                raise ProofError(f"lemma {name}: needed values for the {what} {sorted(wanted)}, found {sorted(found)}.")
        symbol = self._unused("i_", constants)
        members = {head: family(symbol) for head, family in families.items()}
        values = (*at.values(), *members.values())
        self._written(*values)
        for e in values:
            for y in e.letters():
                self._known(y)
        used = frozenset(
            s for e in values for n in (*e.dimensions(), *(x.name for x in e.letters())) for s in indices(n)
        )
        used = (used | {parse_index(index)[0] for index in constants.values()}) & set(self._eigen)
        reading = _Reading(at, members, symbol, constants)
        for x in schema.letters:
            reading.learn(x.rows, at[x.name].rows, "")
            reading.learn(x.cols, at[x.name].cols, "")
        for head, x in heads.items():
            (own,) = indices(x.name)
            reading.learn(x.rows, members[head].rows, own)
            reading.learn(x.cols, members[head].cols, own)
        for high, low, gap in schema.ranges:
            above, below = reading.index(high or "0"), reading.index(show_index(low, gap))
            if not self._at_least(above, below, used):
                raise ProofError(f"lemma {name}: the index {above} is not known to be at least {below}.")
        needed = [self._read(p, reading, name) for p in schema.premises]
        parents = [self._met(p, premises, used, name) for p in needed if not _is_trivial(p)]
        hypotheses = frozenset(self._eigen[s] for s in used).union(*(p.hypotheses for p in parents))
        hypotheses |= self._rests_on(*values)
        # two lemmas of one title: no axiom of one is hidden
        names = (name if n == 1 else f"{name} ({n})" for n in count(1))
        name = next(n for n in names if self.lemmas.setdefault(n, other) is other)
        return [
            self._add(
                self._read(c, reading, name),
                "lemma",
                f"lemma {name}",
                parents,
                hypotheses=hypotheses,
                payload={"lemma": name},
            )
            for c in schema.conclusions
        ]

    def _unused(self, stem: str, constants: Mapping[str, str]) -> str:
        """An index symbol that nothing here speaks of."""
        taken = {parse_index(index)[0] for index in constants.values()}

        def free(symbol: str) -> bool:
            try:
                self._fresh_symbol(symbol)
            except ProofError:
                return False
            return symbol not in taken

        # with "b" after it: what premises and goals bind
        return next(s for s in (f"{stem}{n}" for n in count()) if free(s) and free(f"{s}b"))

    def _read(self, content: Relation | Indexed, reading: _Reading, name: str) -> Relation | Indexed:
        """A premise or conclusion of the schema in the words of this derivation; what it binds gets a name that is free here."""
        try:
            if isinstance(content, Relation):
                return reading.relation(content)
            relation = content.relation
            assert isinstance(relation, Relation)
            bound = f"{reading.symbol}b"
            inner = _Reading(
                reading.letters,
                reading.families,
                reading.symbol,
                reading.constants,
                {content.symbol: bound},
                reading.dims,
            )
            return Indexed(inner.relation(relation), bound, reading.index(content.low), reading.index(content.high))
        except (ShapeError, KeyError, ValueError) as error:
            raise ProofError(f"lemma {name}: {error}") from error

    def _met(self, needed: Relation | Indexed, facts: Sequence[Fact], used: frozenset[str], name: str) -> Fact:
        """The fact that meets a premise: the same relation, for a range that contains the one needed."""
        for f in facts:
            self._own(f)
            if isinstance(needed, Relation):
                if isinstance(f.content, Relation) and needed.follows_from(f.content):
                    return f
                continue
            said = f.content
            if not isinstance(said, Indexed) or not isinstance(said.relation, Relation):
                continue
            assert isinstance(needed.relation, Relation)
            for by in _shifts(needed, said):
                low, high = (_moved(end, by) for end in (needed.low, needed.high))
                inside = self._at_least(low, said.low, used) and self._at_least(said.high, high, used)
                if inside and needed.relation.follows_from(said.relation.at(said.symbol, _moved(needed.symbol, by))):
                    return f
        raise ProofError(f"lemma {name}: the premise {needed} is not among the facts given.")
