r"""Two ways to doubt a derivation that do not go through the normal form.

*Modular check*: every equation step stores a certificate $g = \sum L_i f_i R_i$ (plus squares). It is evaluated with
random matrices modulo the prime $2^{61} - 1$ for all free letters, every dimension larger than the degree (low
dimensions lie: $AB = BA$ at $1 \times 1$).

*Model check*: every fact, axiom instance and goal is evaluated in exact arithmetic on instances of the claim. A false
axiom that the kernel took on trust is caught here.
"""

from __future__ import annotations

import functools
import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from flint import arb, ctx, fmpq, nmod, nmod_mat

from numerics.arithmetic import exact
from theorems.proof.derivation import Derivation
from theorems.proof.kernel.facts import Fact, free_letters
from theorems.proof.kernel.language import Content, Indexed, Relation, Statement
from theorems.proof.kernel.words import (
    BASIS,
    ONES,
    Dimension,
    Expr,
    Letter,
    Word,
    _cols,
    _rows,
    identity,
    indices,
    parse_index,
    shift_index,
)

PRIME = 2**61 - 1


@dataclass(frozen=True)
class Ring:
    """How to evaluate an expression: matrices with `@ .T + .trace()`, and rational coefficients as scalars."""

    identity: Callable[[int], Any]
    zeros: Callable[[int, int], Any]
    scalar: Callable[[Fraction], Any]


EXACT = Ring(exact.identity, exact.zeros, lambda c: fmpq(c.numerator, c.denominator))


class _Mod:
    """A matrix modulo `PRIME`."""

    def __init__(self, entries: nmod_mat):
        self.m = entries

    def __matmul__(self, other: _Mod) -> _Mod:
        return _Mod(self.m * other.m)

    def __add__(self, other: _Mod) -> _Mod:
        return _Mod(self.m + other.m)

    def __mul__(self, c: nmod) -> _Mod:
        return _Mod(self.m * c)

    @property
    def T(self) -> _Mod:
        return _Mod(self.m.transpose())

    def trace(self) -> nmod:
        return sum((self.m[i, i] for i in range(self.m.nrows())), nmod(0, PRIME))

    def is_zero(self) -> bool:
        return all(int(x) == 0 for x in self.m.entries())


MODULAR = Ring(
    lambda n: _Mod(nmod_mat(n, n, [int(i == j) for i in range(n) for j in range(n)], PRIME)),
    lambda m, n: _Mod(nmod_mat(m, n, [0] * (m * n), PRIME)),
    lambda c: nmod(c.numerator, PRIME) / nmod(c.denominator, PRIME),
)


def evaluate(expr: Expr, value: Callable[[Letter], Any], size: Callable[[Dimension], int], ring: Ring) -> Any:
    """The value of an expression: a ring scalar when it is 1 x 1, else a matrix."""

    def word(w: Word) -> Any:
        result = None
        for x, t in w:
            m = value(x).T if t else value(x)
            result = m if result is None else result @ m
        return result

    total: Any = None
    for (atoms, w), c in expr.terms.items():
        factor = ring.scalar(c)
        for a in atoms:
            if isinstance(a, str):
                factor = factor * ring.scalar(Fraction(size(a)))
            elif len(a) == 1 and a[0][0].rows == "1":
                factor = factor * value(a[0][0])
            else:
                factor = factor * _cycle(a, word).trace()
        term = factor if expr.is_scalar else (word(w) if w else ring.identity(size(expr.rows))) * factor
        total = term if total is None else total + term
    if total is None:
        return ring.scalar(Fraction(0)) if expr.is_scalar else ring.zeros(size(expr.rows), size(expr.cols))
    return total


def _cycle(a: Word, word: Callable[[Word], Any]) -> Any:
    """A closed word as a product, started at its smallest side so that a scalar is a 1 x 1 product."""
    for i, s in enumerate(a):
        if _rows(s) == "1":
            return word(a[i:] + a[:i])
    assert _rows(a[0]) == _cols(a[-1])
    return word(a)


class _Dual:
    r"""$a + \varepsilon b$ with $\varepsilon^2 = 0$: it differentiates with no rule for derivatives in it."""

    def __init__(self, a: Any, b: Any):
        self.a, self.b = a, b

    def __add__(self, o: _Dual) -> _Dual:
        return _Dual(self.a + o.a, self.b + o.b)

    def __matmul__(self, o: _Dual) -> _Dual:
        return _Dual(self.a @ o.a, self.a @ o.b + self.b @ o.a)

    def __mul__(self, o: _Dual) -> _Dual:
        return _Dual(_times(self.a, o.a), _times(self.a, o.b) + _times(self.b, o.a))

    @property
    def T(self) -> _Dual:
        return _Dual(self.a.T, self.b.T)

    def trace(self) -> _Dual:
        return _Dual(self.a.trace(), self.b.trace())


def _is_scalar(x: Any) -> bool:
    return not hasattr(x.a if isinstance(x, _Dual) else x, "trace")


def _times(x: Any, y: Any) -> Any:
    """A product in which scalars may stand on either side of a matrix."""
    if _is_scalar(x) and not _is_scalar(y):
        x, y = y, x
    return x * y if _is_scalar(y) else x @ y


class _Walk:
    """Evaluate expressions the way they were made; each distinct part once."""

    def __init__(self, ring: Ring, value: Callable[[Letter], Any], size: Callable[[Dimension], int]):
        self.ring, self.value, self.size = ring, value, size
        self.known: dict[Any, tuple[Expr, Any]] = {}

    def key(self, e: Expr) -> Any:
        return id(e)  # the expression is kept, so that its id is not used again

    def lift(self, x: Any) -> Any:
        """A constant of the ring."""
        return x

    def __call__(self, e: Expr) -> Any:
        key = self.key(e)
        if key not in self.known:
            self.known[key] = (e, self._visit(e))
        return self.known[key][1]

    def _visit(self, e: Expr) -> Any:
        op, *args = e.made or ("normal form",)
        scalar, ring = e.is_scalar, self.ring
        if op == "letter":
            return self.value(args[0])
        if op == "number" or (scalar and op in ("identity", "zeros")):
            return self.lift(ring.scalar(args[0] if op == "number" else Fraction(op == "identity")))
        if op == "identity":
            return self.lift(ring.identity(self.size(args[0])))
        if op == "zeros":
            return self.lift(ring.zeros(self.size(e.rows), self.size(e.cols)))
        if op == "+":
            return self(args[0]) + self(args[1])
        if op == "-":
            return self(args[0]) * self.lift(ring.scalar(Fraction(-1)))
        if op in ("*", "@"):
            product = _times(self(args[0]), self(args[1]))
            return product.trace() if scalar and not _is_scalar(product) else product  # a row times a column
        if op == "^":
            value = self(identity(e.rows))
            for _ in range(args[1]):
                value = _times(value, self(args[0]))
            return value
        if op == "T":
            x = self(args[0])
            return x if _is_scalar(x) else x.T
        if op == "trace":
            x = self(args[0])
            return x if _is_scalar(x) else x.trace()
        if op in ("inner", "norm"):
            x, y = self(args[0]), self(args[-1])
            return _times(x, y) if _is_scalar(x) else (x.T @ y).trace()
        return self._leaf(e, op, args)

    def _leaf(self, e: Expr, op: str, args: list[Any]) -> Any:
        """Derivatives and substituted expressions: by the normal form."""
        return evaluate(e, self.value, self.size, self.ring)


class _Modular(_Walk):
    """Modulo `PRIME`, for letters and dimensions drawn on first use; derivatives by dual numbers."""

    def __init__(self, rng: random.Random, degree: int):
        super().__init__(MODULAR, self._draw, self._size)
        self.rng, self.degree = rng, degree
        self.sizes: dict[Dimension, int] = {"1": 1}
        self.drawn: dict[Letter, Any] = {}
        self.moved: Mapping[Letter, Any] | None = None  # directions, inside a derivative
        self.epoch = 0  # how many derivatives were begun: what is known holds within one of them

    def key(self, e: Expr) -> Any:
        return (id(e), self.epoch if self.moved is not None else 0)

    def _size(self, d: Dimension) -> int:
        return self.sizes.setdefault(d, self.degree + 1 + self.rng.randrange(3))

    def _random(self, rows: Dimension, cols: Dimension, symmetric: bool = False) -> Any:
        m, n = self.size(rows), self.size(cols)
        if rows == cols == "1":
            return nmod(self.rng.randrange(PRIME), PRIME)
        drawn = nmod_mat(m, n, [self.rng.randrange(PRIME) for _ in range(m * n)], PRIME)
        return _Mod(drawn + drawn.transpose() if symmetric else drawn)

    def _draw(self, x: Letter) -> Any:
        if x not in self.drawn:
            self.drawn[x] = self._random(x.rows, x.cols, x.symmetric)
        value = self.drawn[x]
        if self.moved is None:
            return value
        return _Dual(value, self.moved[x] if x in self.moved else _times(value, nmod(0, PRIME)))

    def lift(self, x: Any) -> Any:
        """A constant: inside a derivative it does not move."""
        return x if self.moved is None else _Dual(x, _times(x, nmod(0, PRIME)))

    def _leaf(self, e: Expr, op: str, args: list[Any]) -> Any:
        # Inside another derivative the inner one is taken from its normal form, which is checked where it stands alone.
        if self.moved is not None:
            return self._dual_normal_form(e)
        if op == "derivative":
            return self._derivative(args[0], {x: self(d) for x, d in args[1].items()})
        if op == "gradient":
            self._check_gradient(args[0], args[1], e)
        return super()._leaf(e, op, args)

    def _derivative(self, e: Expr, moved: Mapping[Letter, Any]) -> Any:
        self.moved = moved
        self.epoch += 1
        try:
            return self(e).b
        finally:
            self.moved = None

    def _check_gradient(self, e: Expr, x: Letter, g: Expr) -> None:
        """The derivative in a random direction is the inner product with the gradient's normal form."""
        direction = self._random(x.rows, x.cols)
        slope = self._derivative(e, {x: direction})
        value = evaluate(g, self.value, self.size, MODULAR)
        inner = _times(direction, value) if _is_scalar(value) else (direction.T @ value).trace()
        if int(slope) != int(inner):
            raise ArithmeticError(f"the gradient in `{x.name}` is wrong modulo {PRIME}")

    def _dual_normal_form(self, e: Expr) -> Any:
        ring = Ring(
            lambda n: self.lift(MODULAR.identity(n)),
            lambda m, n: self.lift(MODULAR.zeros(m, n)),
            lambda c: self.lift(MODULAR.scalar(c)),
        )
        return evaluate(e, self.value, self.size, ring)


def _degree(e: Expr) -> int:
    """The degree of an expression the way it was made: in normal form everything may cancel."""
    op, *args = e.made or ("normal form",)
    if op == "substituted":
        return e.degree()
    degrees = [_degree(x) for x in args if isinstance(x, Expr)]
    if op in ("*", "@", "inner"):
        return sum(degrees)
    if op in ("^", "norm"):
        return degrees[0] * (args[1] if op == "^" else 2)
    if op == "derivative":
        return degrees[0] + max(map(_degree, args[1].values()), default=0)
    return max(degrees) if degrees else e.degree()


def modular_check(derivation: Derivation, seed: int = 0) -> list[str]:
    """Re-evaluate the certificate of every `algebra` and `squares` step modulo a prime; what is wrong, if anything."""
    wrong = []
    for fact in derivation.facts:
        if fact.step not in ("algebra", "squares"):
            continue
        try:
            sound = certificate_holds(fact.expr, fact, random.Random(seed * 10007 + fact.number))
        except ArithmeticError as error:
            sound = False
            wrong.append(f"step ({fact.number}): {error}")
        if not sound:
            wrong.append(f"step ({fact.number}) {fact.content} fails modulo {PRIME}")
    return wrong


def certificate_holds(goal: Expr, fact: Fact, rng: random.Random) -> bool:
    """Whether `goal` is the sum of the fact's stored cofactors and squares, at random matrices modulo `PRIME`."""
    cofactors = fact.payload["cofactors"]
    squares = fact.payload.get("squares", ())
    pieces = [goal, *(p.expr for p in fact.parents)]
    pieces += [e for c in cofactors for e in (c.outer, c.left, c.right)]
    pieces += [s.matrix for s in squares if s.matrix is not None]
    walk = _Modular(rng, max(map(_degree, pieces)))
    minus = nmod(-1, PRIME)
    total = walk(goal)
    for c in cofactors:
        f = walk(fact.parents[c.fact].expr)
        core = _times(_times(walk(c.left), f.T if c.transposed and not _is_scalar(f) else f), walk(c.right))
        if not _is_scalar(core) and (c.traced or c.left.rows == c.right.cols == "1"):
            core = core.trace()
        total = total + _times(_times(core, walk(c.outer)), minus)
    for s in squares:
        term = MODULAR.scalar(s.q)
        for f in s.facts:
            term = term * walk(f.expr)
        if s.matrix is not None:
            term = term * walk(s.matrix.squared_norm())
        total = total + term * minus
    return total.is_zero() if hasattr(total, "is_zero") and not _is_scalar(total) else int(total) == 0


@dataclass
class Model:
    """Exact values for the letters of a derivation.

    `values` holds matrices and scalars by the letter's name (`"W[2]"` for a member of a family), `indices` values of
    index constants such as `K`, `extra` whatever the functions that compute existing letters want to know, such as a
    planted decomposition. `sizes` (dimensions) follow from the values.
    """

    values: dict[str, Any]
    indices: Mapping[str, int] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._walk = _Walk(EXACT, self.value, self.size)
        self._resolved: dict[str, str] = {}

    def resolve(self, text: str) -> str:
        """A name with its index symbols replaced by their values: `W[j+1]` becomes `W[3]` when j is 2."""
        if "[" not in text:
            return text
        if text not in self._resolved:
            resolved = text
            for symbol in indices(text):
                if symbol in self.indices:
                    resolved = shift_index(resolved, symbol, str(self.indices[symbol]))
            self._resolved[text] = resolved
        return self._resolved[text]

    def index(self, text: str) -> int:
        symbol, offset = parse_index(text)
        return offset + (self.indices[symbol] if symbol else 0)

    def with_index(self, symbol: str, value: int) -> Model:
        # Copies: a letter that came into being for one value of the index has another value for the next.
        return Model(dict(self.values), {**self.indices, symbol: value}, self.extra, dict(self.sizes))

    def satisfies_ranges(self, derivation: Derivation) -> bool:
        """Whether the index constants have values in their declared ranges."""
        known = {"": 0, **self.indices}
        ranges = [(high, low, gap) for high, low, gap, hypothesis in derivation._order if hypothesis is None]
        return all(known[p] - known[q] >= gap for p, q, gap in ranges if p in known and q in known)

    def learn(self, x: Letter, value: Any) -> None:
        """Store the value of a letter and what it says of dimensions; raises `ValueError` when they disagree."""
        if isinstance(value, exact.Matrix):
            for d, n in ((x.rows, value.rows), (x.cols, value.cols)):
                d = self.resolve(d)
                if (d == "1" and n != 1) or (d != "1" and self.sizes.setdefault(d, n) != n):
                    raise ValueError(f"`{x.name}` has dimension {d} = {n}, elsewhere it is {self.sizes.get(d, 1)}.")
            if x.rows == x.cols == "1":
                value = value[0, 0]
        self.values[self.resolve(x.name)] = value

    def value(self, x: Letter) -> Any:
        if x.name == ONES:
            return exact.Matrix([[1]] * self.size(x.rows))
        found = self.values[self.resolve(x.name)]
        if x.rows == x.cols == "1" and isinstance(found, exact.Matrix):
            return found[0, 0]
        if isinstance(found, int | Fraction):
            return fmpq(found.numerator, found.denominator)
        return found

    def rows_of(self, x: Letter, term: Expr) -> Any:
        """The matrix whose rows are the values of `term` at the basis vectors in place of `x`."""
        rows = []
        for i in range(self.size(x.rows)):
            there = Model(
                {**self.values, x.name: exact.unit(self.size(x.rows), i)}, self.indices, self.extra, dict(self.sizes)
            )
            row = there.evaluate(term)
            rows.append([row[0, j] for j in range(row.cols)] if isinstance(row, exact.Matrix) else [row])
        return exact.Matrix(rows)

    def largest(self, v: Expr, weights: Expr | None = None) -> Any:
        """The basis vector at a largest entry of `v`, among those with a positive weight."""
        entries = self.evaluate(v)
        heavy = None if weights is None else self.evaluate(weights)
        found = [(entries[i, 0], -i) for i in range(entries.rows) if heavy is None or heavy[i, 0] > 0]
        if not found:
            raise KeyError("no member has a positive weight")
        return exact.unit(entries.rows, -max(found)[1])

    def scalar(self, name: str) -> Any:
        """The value of a scalar letter by its name."""
        return self.value(Letter(name, "1", "1"))

    def __getitem__(self, name: str) -> Any:
        return self.values[self.resolve(name)]

    def size(self, d: Dimension) -> int:
        return 1 if d == "1" else self.sizes[self.resolve(d)]

    def evaluate(self, expr: Expr) -> Any:
        """The exact value of an expression, computed the way it was made."""
        return self._walk(expr)

    def root(self, x: Any) -> Any:
        """The square root: rational when it is, else a ball."""
        if isinstance(x, fmpq) and x >= 0 and x.p.is_square() and x.q.is_square():
            return fmpq(x.p.isqrt(), x.q.isqrt())
        return arb(x).sqrt()

    def says(self, content: Content, predicates: Mapping[str, Callable[..., bool]]) -> bool | None:
        """Whether a content is true in this model; `None` when that is not decided (overlapping balls, quantifiers)."""
        if isinstance(content, Statement):
            return None
        if isinstance(content, Indexed):
            if isinstance(content.relation, Statement):
                return None
            low, high = self.index(content.low), self.index(content.high)
            answers = [
                self.with_index(content.symbol, i).says(content.relation, predicates) for i in range(low, high + 1)
            ]
            return False if False in answers else None if None in answers else True
        if content.predicate:
            holds = _is_basis if content.predicate == BASIS else predicates.get(content.predicate)
            if holds is None:
                return None
            truth = holds(*(self.evaluate(e) for e in content.arguments))
            return truth if content.kind == "predicate" else not truth
        value = self.evaluate(content.expr)
        return _says(content.kind, value)


def _is_basis(e: Any) -> bool:
    entries = [e[i, 0] for i in range(e.rows)] if isinstance(e, exact.Matrix) else [e]
    return sorted(entries) == [0] * (len(entries) - 1) + [1]


def _says(kind: str, value: Any) -> bool | None:
    if isinstance(value, arb):
        if kind == ">=0":
            return True if value >= 0 else False if value < 0 else None
        if kind == ">0":
            return True if value > 0 else False if value <= 0 else None
        if kind == "!=0":
            return True if value != 0 else False if value == 0 else None
        # Balls can only refute an equality. One that contains zero and is this small is what a true equality gives.
        return False if value != 0 else True if value.rad() < arb(2) ** -100 else None
    if kind == "=0":
        return value.is_zero() if isinstance(value, exact.Matrix) else value == 0
    if kind == "!=0":
        return not (value.is_zero() if isinstance(value, exact.Matrix) else value == 0)
    return value >= 0 if kind == ">=0" else value > 0


@dataclass(frozen=True)
class ModelReport:
    """What the model check saw: how many models, which facts were false, which were never evaluated."""

    models: int
    false: tuple[str, ...]
    never: tuple[str, ...]

    @property
    def passes(self) -> bool:
        return self.models > 0 and not self.false and not self.never


def model_check(derivation: Derivation, models: Iterable[Model], enough: int | None = None) -> ModelReport:
    """Evaluate every fact and goal of a derivation on every model.

    With `enough`, stop after that many models as soon as every fact was evaluated on at least one of them.

    A fact under hypotheses counts where they hold. A fact with an index is evaluated at every value of the index.
    A model that breaks a premise of the derivation is an error of `interpret`, reported as a false fact.
    """
    false: list[str] = []
    seen: set[int] = set()
    quantified = {f.number for f in derivation.facts if _is_quantified(f)}
    # About arbitrary letters facts may never be decided, because few random ones satisfy what is supposed of them; but
    # the statements made of them are used, and what they give is decided.
    lets = set(derivation._lets.values())
    quantified |= {
        f.number
        for f in derivation.facts
        if lets & (f.hypotheses | derivation._birth_hypotheses(free_letters(f.content)))
    }
    wanted = {f.number for f in derivation.facts} - quantified
    count = 0
    plan = _plan(derivation)
    with ctx.workprec(256):
        for number, model in enumerate(models):
            count = number + 1
            if not model.satisfies_ranges(derivation):
                false.append(f"the ranges of the constants do not hold in model {number}: {dict(model.indices)}")
            for fact, answer in _walk(derivation, plan, model):
                if answer is not None:
                    seen.add(fact.number)
                if answer is False:
                    false.append(f"({fact.number}) {fact.content} [{fact.step}] is false in model {number}")
            for goal in derivation.goals:
                if model.says(goal, derivation.predicates) is False:
                    false.append(f"the goal {goal} is false in model {number}")
            # Here, and not before the next model: asking for one more may cost a whole draw of instances.
            if enough is not None and count >= enough and wanted <= seen:
                break
    never = [f"({f.number}) {f.content}" for f in derivation.facts if f.number in wanted - seen]
    return ModelReport(count, tuple(false), tuple(never))


def _plan(derivation: Derivation) -> list[tuple[Fact, tuple[Fact, ...], tuple[Fact, ...]]]:
    """Each fact to be evaluated, with the open indices and the suppositions that it rests on."""
    plan = []
    for fact in derivation.facts:
        if _is_quantified(fact):
            continue
        rests = [derivation.facts[n - 1] for n in sorted(fact.hypotheses)]
        opened = tuple(h for h in rests if "symbol" in h.payload)
        # A supposed statement is not evaluated, its instances are.
        supposed = (h for h in rests if not _is_quantified(h))
        plan.append((fact, opened, tuple(supposed)))
    return plan


def _walk(
    derivation: Derivation, plan: list[tuple[Fact, tuple[Fact, ...], tuple[Fact, ...]]], model: Model
) -> list[tuple[Fact, bool | None]]:
    """Evaluate the facts in order, once for every value of the open indices that a fact rests on."""
    out: list[tuple[Fact, bool | None]] = []
    everywhere: dict[tuple[int, ...], list[_Place]] = {(): [_Place(model)]}
    for fact, opened, supposed in plan:
        numbers: tuple[int, ...] = ()
        for h in opened:
            outer, numbers = everywhere[numbers], (*numbers, h.number)
            if numbers not in everywhere:
                everywhere[numbers] = [
                    _Place(p.model.with_index(h.payload["symbol"], value))
                    for p in outer
                    for value in range(p.model.index(h.payload["low"]), p.model.index(h.payload["high"]) + 1)
                ]
        for place in everywhere[numbers]:
            holds = all(place.says(derivation, h) is True for h in supposed)
            out.append((fact, place.says(derivation, fact) if holds else None))
    return out


def _is_quantified(fact: Fact) -> bool:
    """Whether the fact says something of infinitely many matrices, or only opens an index or a letter."""
    says = fact.content.relation if isinstance(fact.content, Indexed) else fact.content
    return isinstance(says, Statement) or "symbol" in fact.payload or "let" in fact.payload


class _Place:
    """A model with values for the open indices, and what was decided there."""

    def __init__(self, model: Model):
        self.model = model
        self.known: dict[int, bool] = {}

    def says(self, derivation: Derivation, fact: Fact) -> bool | None:
        if fact.number not in self.known:
            if not prepare(derivation, fact.content, self.model):
                return None
            answer = self.model.says(fact.content, derivation.predicates)
            if answer is None:
                return None  # perhaps decided later, when more letters are known
            self.known[fact.number] = answer
        return self.known[fact.number]


def prepare(derivation: Derivation, content: Content, model: Model) -> bool:
    """Compute the letters that `content` needs and that came into being in the proof; False when it cannot be done."""
    relations = (
        (content,)
        if isinstance(content, Relation)
        else (content.relation,)
        if isinstance(content, Indexed) and isinstance(content.relation, Relation)
        else ()
    )
    for r in relations:
        for x in sorted(r.letters(), key=lambda x: x.name):
            if isinstance(content, Indexed) and content.symbol in indices(x.name):
                continue
            if not _compute(derivation, x, model):
                return False
    return True


def _arbitrary(x: Letter, model: Model) -> Any:
    """A small matrix for an arbitrary letter; dimensions that the model does not know are drawn too."""
    rng = random.Random(f"{x.name} {sorted(model.sizes.items())}")
    m, n = (1 if d == "1" else model.sizes.setdefault(model.resolve(d), rng.randint(1, 3)) for d in (x.rows, x.cols))
    entries = [[rng.randint(-2, 2) for _ in range(n)] for _ in range(m)]
    drawn = exact.Matrix(entries)
    return drawn + drawn.T if x.symmetric and (m, n) != (1, 1) else drawn


def _compute(derivation: Derivation, x: Letter, model: Model) -> bool:
    name = model.resolve(x.name)
    if x.name == ONES or name in model.values:
        return True
    compute = derivation.values.get(x)
    if compute is None and x in derivation._lets:
        compute = functools.partial(_arbitrary, x)
    if compute is None:
        return False
    for y in derivation._depends.get(x, frozenset()):
        if y != x and not _compute(derivation, y, model):
            return False
    try:
        value = compute(model)
    except (ZeroDivisionError, KeyError):
        return False
    model.learn(x, value)
    return True
