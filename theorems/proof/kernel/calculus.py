r"""Derivatives, integrals and minima of explicit scalar terms, checked by a small table of rules.

A `Term` is built from rational numbers and variables by $+$, $\cdot$, powers with rational exponent, $\log$ and
$\exp$. It stands for a partial function of real variables, defined where its `obligations` hold: the base of a negative
integer power is not zero, the base of a power with a non-integer exponent is positive (so $\sqrt 0$ counts as
undefined), the argument of a logarithm is positive. These conditions are strict, so the domain is open and the term is
smooth there; that is why differentiating term by term is sound.

Three things are decided, all by exact arithmetic and never by evaluation:

- `equal`: two terms agree wherever both are defined, by clearing denominators and comparing polynomials;
- `discharge`: conditions hold for all values of the variables, or on a whole closed interval, by `smt.prove`;
- the rules on top of them: `definite_integral`, `minimum_at`, `increasing`, and `limit` from a table of cited limits.

What cannot be shown is refused with a `CalculusError`. Variables named in `positive` are taken to be positive
everywhere, `assuming` lists what else is known; whoever calls has to have both as facts.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import reduce
from numbers import Rational
from typing import TYPE_CHECKING, Literal, TypeAlias

from theorems.proof.kernel import smt

if TYPE_CHECKING:
    from flint import arb


class CalculusError(ValueError):
    """The rules of this module do not show what was asked."""


def _rational(value: object) -> Fraction:
    if isinstance(value, bool) or not isinstance(value, Rational):
        raise TypeError(f"A number in a term must be exact, an int or a Fraction: found {value!r}.")
    return Fraction(value)


class Term:
    """A scalar expression; the operators build terms and simplify nothing."""

    def __add__(self, other: Operand) -> Term:
        return Add(self, term(other))

    def __radd__(self, other: Operand) -> Term:
        return Add(term(other), self)

    def __sub__(self, other: Operand) -> Term:
        return Add(self, -term(other))

    def __rsub__(self, other: Operand) -> Term:
        return Add(term(other), -self)

    def __mul__(self, other: Operand) -> Term:
        return Mul(self, term(other))

    def __rmul__(self, other: Operand) -> Term:
        return Mul(term(other), self)

    def __truediv__(self, other: Operand) -> Term:
        return Mul(self, Pow(term(other), Fraction(-1)))

    def __rtruediv__(self, other: Operand) -> Term:
        return Mul(term(other), Pow(self, Fraction(-1)))

    def __neg__(self) -> Term:
        return Mul(Const(Fraction(-1)), self)

    def __pow__(self, exponent: Fraction | int) -> Term:
        return Pow(self, _rational(exponent))


Operand: TypeAlias = Term | Rational | int


@dataclass(frozen=True)
class Const(Term):
    value: Fraction

    def __post_init__(self) -> None:
        object.__setattr__(self, "value", _rational(self.value))

    def __str__(self) -> str:
        return str(self.value) if self.value.denominator == 1 and self.value >= 0 else f"({self.value})"


@dataclass(frozen=True)
class Var(Term):
    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Add(Term):
    left: Term
    right: Term

    def __str__(self) -> str:
        return f"({self.left} + {self.right})"


@dataclass(frozen=True)
class Mul(Term):
    left: Term
    right: Term

    def __str__(self) -> str:
        return f"{self.left}*{self.right}"


@dataclass(frozen=True)
class Pow(Term):
    base: Term
    exponent: Fraction

    def __post_init__(self) -> None:
        object.__setattr__(self, "exponent", _rational(self.exponent))

    def __str__(self) -> str:
        return f"({self.base})^{Const(self.exponent)}"


@dataclass(frozen=True)
class Log(Term):
    argument: Term

    def __str__(self) -> str:
        return f"log({self.argument})"


@dataclass(frozen=True)
class Exp(Term):
    argument: Term

    def __str__(self) -> str:
        return f"exp({self.argument})"


def term(value: Operand) -> Term:
    """A term as it is, a rational number as a constant. Raises `TypeError` for anything else, floats included."""
    return value if isinstance(value, Term) else Const(_rational(value))


def log(x: Operand) -> Term:
    return Log(term(x))


def exp(x: Operand) -> Term:
    return Exp(term(x))


def sqrt(x: Operand) -> Term:
    return Pow(term(x), Fraction(1, 2))


def _names(positive: Iterable[str]) -> frozenset[str]:
    if isinstance(positive, str):
        raise TypeError(
            f"`positive` must be a collection of names: found the string {positive!r}; write [{positive!r}]."
        )
    return frozenset(positive)


def subterms(t: Term) -> Iterator[Term]:
    """All parts of `t`, inner ones first, and `t` itself."""
    match t:
        case Add(left, right) | Mul(left, right):
            yield from subterms(left)
            yield from subterms(right)
        case Pow(inner, _) | Log(inner) | Exp(inner):
            yield from subterms(inner)
    yield t


def variables(t: Term) -> frozenset[str]:
    return frozenset(part.name for part in subterms(t) if isinstance(part, Var))


def substitute(t: Term, var: str, value: Term) -> Term:
    """`t` with `value` in the place of the variable `var`."""
    match t:
        case Var(name) if name == var:
            return value
        case Add(left, right):
            return Add(substitute(left, var, value), substitute(right, var, value))
        case Mul(left, right):
            return Mul(substitute(left, var, value), substitute(right, var, value))
        case Pow(base, exponent):
            return Pow(substitute(base, var, value), exponent)
        case Log(argument):
            return Log(substitute(argument, var, value))
        case Exp(argument):
            return Exp(substitute(argument, var, value))
    return t


@dataclass(frozen=True)
class Condition:
    """A term is `=0`, `>=0`, `>0` or `!=0`; true at a point only if the term is defined there."""

    term: Term
    kind: smt.Kind

    def __str__(self) -> str:
        return f"{self.term} {self.kind[:-1]} 0"


def obligations(t: Term) -> tuple[Condition, ...]:
    """Where `t` is defined: all of these hold. Each is about a proper subterm, inner ones first, so that each is
    meaningful where those before it hold."""
    found = []
    for part in subterms(t):
        match part:
            case Pow(base, exponent) if exponent.denominator != 1:
                found.append(Condition(base, ">0"))
            case Pow(base, exponent) if exponent < 0:
                found.append(Condition(base, "!=0"))
            case Log(argument):
                found.append(Condition(argument, ">0"))
    return tuple(dict.fromkeys(found))


def bounds(t: Term) -> tuple[Condition, ...]:
    r"""What is true of the logarithms and exponentials in `t` wherever it is defined, by convexity:
    $1 - 1/u \le \log u \le u - 1$, and $1 + u \le \exp u$ and $(1 - u) \exp u \le 1$."""
    found = []
    for part in subterms(t):
        match part:
            case Log(u):
                found += [Condition(u - 1 - part, ">=0"), Condition(u * part - u + 1, ">=0")]
            case Exp(u):
                found += [Condition(part - 1 - u, ">=0"), Condition(1 - (1 - u) * part, ">=0")]
    return tuple(dict.fromkeys(found))


def derivative(t: Term, var: str) -> Term:
    """The partial derivative; it is defined, and right, wherever `t` is defined."""
    match t:
        case Var(name) if name == var:
            return Const(Fraction(1))
        case Add(left, right):
            return derivative(left, var) + derivative(right, var)
        case Mul(left, right):
            return derivative(left, var) * right + left * derivative(right, var)
        case Pow(base, exponent) if exponent != 0:
            return exponent * base ** (exponent - 1) * derivative(base, var)
        case Log(argument):
            return derivative(argument, var) / argument
        case Exp(argument):
            return derivative(argument, var) * t
    return Const(Fraction(0))


# Equality: terms as quotients of polynomials in atoms.

Monomial: TypeAlias = tuple[tuple[int, int], ...]  # ((atom, exponent > 0), ...) with increasing atoms
Poly: TypeAlias = dict[Monomial, Fraction]  # no coefficient is zero
Ratio: TypeAlias = tuple[Poly, Poly]

ZERO: Poly = {}
ONE: Poly = {(): Fraction(1)}


def _times(p: Poly, q: Poly) -> Poly:
    product: Poly = {}
    for m, a in p.items():
        for n, b in q.items():
            powers = dict(m)
            for atom, exponent in n:
                powers[atom] = powers.get(atom, 0) + exponent
            monomial = tuple(sorted(powers.items()))
            product[monomial] = product.get(monomial, Fraction(0)) + a * b
    return {m: c for m, c in product.items() if c}


def _plus(p: Poly, q: Poly, factor: int = 1) -> Poly:
    """p + factor q."""
    total = {m: p.get(m, Fraction(0)) + factor * q.get(m, Fraction(0)) for m in {**p, **q}}
    return {m: c for m, c in total.items() if c}


def _power(p: Poly, exponent: int) -> Poly:
    return reduce(_times, [p] * exponent, ONE)


def _integer_power(base: Ratio, exponent: int) -> Ratio:
    n, d = base if exponent >= 0 else (base[1], base[0])
    return _power(n, abs(exponent)), _power(d, abs(exponent))


def _is_positive(t: Term, positive: frozenset[str]) -> bool:
    """Whether the form of `t` shows that it is positive wherever it is defined."""
    match t:
        case Const(value):
            return value > 0
        case Var(name):
            return name in positive
        case Add(left, right) | Mul(left, right):
            return _is_positive(left, positive) and _is_positive(right, positive)
        case Pow(base, exponent):
            return exponent.denominator != 1 or _is_positive(base, positive)
    return isinstance(t, Exp)


def _primes(value: Fraction) -> list[tuple[int, int]]:
    """Pairs (base, exponent) whose powers have the product `value` > 0: small primes, and what is left."""
    found = []
    for rest, sign in ((value.numerator, 1), (value.denominator, -1)):
        for prime in (2, 3, 5, 7, 11, 13):
            exponent = 0
            while rest % prime == 0:
                rest, exponent = rest // prime, exponent + 1
            found += [(prime, sign * exponent)] if exponent else []
        found += [(rest, sign)] if rest > 1 else []
    return found


@dataclass(frozen=True)
class _Atom:
    """A variable, or a root, log or exp of the quotient `of`; a root of order k is positive, its k-th power `of`."""

    kind: Literal["variable", "root", "log", "exp"]
    name: str
    of: Ratio
    order: int = 0


@dataclass
class _Atoms:
    r"""Writes terms as quotients of polynomials in a growing list of atoms.

    At a point where a term is defined and the variables in `positive` are positive, its denominator is not zero and
    the quotient is its value. Arguments of an atom contain only atoms before it.
    """

    positive: frozenset[str]
    atoms: list[_Atom] = field(default_factory=list)

    def ratio(self, t: Term) -> Ratio:
        match t:
            case Const(value):
                return ({(): value} if value else ZERO), ONE
            case Var(name):
                return self._atom("variable", name, (ZERO, ONE)), ONE
            case Add(left, right):
                (n, d), (m, e) = self.ratio(left), self.ratio(right)
                return _plus(_times(n, e), _times(m, d)), _times(d, e)
            case Mul(left, right):
                (n, d), (m, e) = self.ratio(left), self.ratio(right)
                return _times(n, m), _times(d, e)
            case Pow(base, exponent) if exponent.denominator == 1:
                n, d = self.ratio(base)
                if exponent < 0 and self.is_zero(n):
                    raise CalculusError(f"`{t}` divides by zero: its base vanishes everywhere.")
                return _integer_power((n, d), exponent.numerator)
            case Pow(base, exponent):
                return self._root(base, exponent)
            case Log(argument):
                return self._log(argument)
            case Exp(argument):
                return self._exp(argument, Fraction(1))
        raise TypeError(f"A term was needed: found {t!r}.")

    def _root(self, base: Term, exponent: Fraction) -> Ratio:
        """A power with an exponent that is not an integer; its base is positive where it is defined."""
        match base:
            case Mul(left, right) if _is_positive(left, self.positive) and _is_positive(right, self.positive):
                return self.ratio(left**exponent * right**exponent)
            case Pow(inner, first) if first.denominator != 1 or _is_positive(inner, self.positive):
                return self.ratio(inner ** (first * exponent))
            case Exp(argument):
                return self._exp(argument, exponent)
        top, bottom = ONE, ONE
        for of, name, e in self._factors(base):
            n, d = self._power_of(of, name, e * exponent)
            top, bottom = _times(top, n), _times(bottom, d)
        return top, bottom

    def _log(self, argument: Term) -> Ratio:
        match argument:
            case Mul(left, right) if _is_positive(left, self.positive) and _is_positive(right, self.positive):
                return self.ratio(log(left) + log(right))
            case Pow(inner, first) if first.denominator != 1 or _is_positive(inner, self.positive):
                return self.ratio(first * log(inner))
            case Exp(inner):
                return self.ratio(inner)
        total = ZERO
        for of, name, e in self._factors(argument):
            total = _plus(total, self._atom("log", name, of), e)
        return total, ONE

    def _factors(self, t: Term) -> list[tuple[Ratio, str, int]]:
        """(factor, its name, exponent): `t` as a product of powers of small primes and one quotient without them.

        The primes are those of a positive rational factor, so the quotient has the sign of `t`.
        """
        n, d = self.ratio(t)
        if self.is_zero(n):
            raise CalculusError(f"`{t}` has neither a root nor a logarithm: it vanishes everywhere.")
        size = abs(self._lead(n) / self._lead(d))
        n = {m: c / size for m, c in n.items()}
        found = [(({(): Fraction(p)}, ONE), str(p), e) for p, e in _primes(size)]
        return found if self.same((n, d), (ONE, ONE)) else [*found, ((n, d), str(t), 1)]

    def _lead(self, p: Poly) -> Fraction:
        """The coefficient of the lexicographically first monomial."""
        return p[max(p, key=lambda m: tuple(dict(m).get(i, 0) for i in range(len(self.atoms))))]

    def _exp(self, argument: Term, exponent: Fraction) -> Ratio:
        """exp(argument)^exponent, one factor for each monomial of the argument."""
        n, d = self.ratio(argument)
        lead = self._lead(d)
        d = {m: c / lead for m, c in d.items()}
        top, bottom = ONE, ONE
        for m, c in n.items():
            p, q = self._exp_of_monomial(m, d, exponent * c / lead)
            top, bottom = _times(top, p), _times(bottom, q)
        return top, bottom

    def _exp_of_monomial(self, m: Monomial, d: Poly, exponent: Fraction) -> Ratio:
        """exp(m/d)^exponent, which is u^exponent where m/d is log u."""
        name = "*".join(f"{self.atoms[i].name}^{e}" for i, e in m) or "1"
        logs = [self.atoms[i] for i, e in m if self.atoms[i].kind == "log" and (m, d) == (((i, 1),), ONE)]
        base = logs[0].of if logs else (self._atom("exp", name, ({m: Fraction(1)}, d)), ONE)
        return self._power_of(base, f"exp({name})", exponent)

    def _power_of(self, base: Ratio, name: str, exponent: Fraction) -> Ratio:
        """A power of something positive, where an exponent that is not an integer needs a root."""
        if exponent.denominator != 1:
            base = self._atom("root", name, base, exponent.denominator), ONE
        return _integer_power(base, exponent.numerator)

    def _atom(self, kind: Literal["variable", "root", "log", "exp"], name: str, of: Ratio, order: int = 0) -> Poly:
        for i, atom in enumerate(self.atoms):
            if (atom.kind, atom.order) != (kind, order):
                continue
            if atom.name == name if kind == "variable" else self.same(atom.of, of):
                return {((i, 1),): Fraction(1)}
        self.atoms.append(_Atom(kind, name, of, order))
        return {((len(self.atoms) - 1, 1),): Fraction(1)}

    def same(self, a: Ratio, b: Ratio) -> bool:
        return self.is_zero(_plus(_times(a[0], b[1]), _times(b[0], a[1]), -1))

    def is_zero(self, p: Poly) -> bool:
        """Whether `p` vanishes once every k-th power of a root is replaced by what the root is of.

        Each replacement multiplies the whole by a power of a denominator, which is not zero.
        """
        for i in reversed(range(len(self.atoms))):
            if self.atoms[i].kind == "root":
                (n, d), k = self.atoms[i].of, self.atoms[i].order
                top = max((dict(m).get(i, 0) for m in p), default=0) // k
                replaced = ZERO
                for m, c in p.items():
                    times, rest = divmod(dict(m).get(i, 0), k)
                    others = tuple((j, e) for j, e in m if j != i)
                    kept: Poly = {tuple(sorted((*others, *([(i, rest)] if rest else [])))): c}
                    replaced = _plus(replaced, _times(kept, _times(_power(n, times), _power(d, top - times))))
                p = replaced
        return not p

    # Conditions for the solver. Reducing roots could change signs, so it is left to the solver here.

    def constraint(self, condition: Condition) -> smt.Constraint:
        """The condition with its denominator cleared: n/d and n d have the same sign where d is not zero."""
        n, d = self.ratio(condition.term)
        return self._written(_times(n, d), condition.kind)

    def facts(self) -> list[smt.Constraint]:
        """What is true of the atoms by themselves: the defining equation of a root, and what is positive."""
        found: list[smt.Constraint] = []
        for i, atom in enumerate(self.atoms):
            x, (n, d) = {((i, 1),): Fraction(1)}, atom.of
            if atom.kind == "root":
                found.append(self._written(_plus(_times(_power(x, atom.order), d), n, -1), "=0"))
            if atom.kind in ("root", "exp") or (atom.kind == "variable" and atom.name in self.positive):
                found.append(self._written(x, ">0"))
        return found

    def _written(self, p: Poly, kind: smt.Kind) -> smt.Constraint:
        # The number keeps a variable that is called "log(x)" apart from the logarithm of x.
        names = [f"{i}: {atom.kind} {atom.name}" for i, atom in enumerate(self.atoms)]
        return smt.Constraint({tuple(names[i] for i, e in m for _ in range(e)): c for m, c in p.items()}, kind)


def equal(a: Operand, b: Operand, positive: Iterable[str] = ()) -> bool:
    r"""Whether the rules show $a = b$ wherever both are defined and the variables in `positive` are positive.

    `True` is a proof, `False` only means that it was not shown: roots of different orders, or of factors not known
    to be positive, are not related to each other. Raises `CalculusError` for a division by what is zero everywhere.
    """
    atoms = _Atoms(_names(positive))
    return atoms.same(atoms.ratio(term(a)), atoms.ratio(term(b)))


# Conditions that hold everywhere, or on a whole interval.


@dataclass(frozen=True)
class Interval:
    """All values of the variable `var` between `start` and `end`, both included, whichever of them is larger."""

    var: str
    start: Term
    end: Term

    def __post_init__(self) -> None:
        if self.var in variables(self.start) | variables(self.end):
            raise CalculusError(f"The ends of an interval of `{self.var}` must not contain `{self.var}`.")


def discharge(
    conditions: Iterable[Condition],
    interval: Interval | None = None,
    positive: Iterable[str] = (),
    assuming: Sequence[Condition] = (),
) -> tuple[smt.SmtAnswer, ...]:
    r"""Shows that all conditions hold (and their terms are defined) and returns the solver's answers.

    They hold for all real values of the variables that satisfy `assuming` and the positivity of `positive`. With an
    interval, they hold for all values of its variable on it, about which nothing else is assumed. That the
    assumptions and the ends of the interval are defined is shown too, each assumption from those before it.
    Raises `CalculusError` for the first condition that cannot be shown.
    """
    bound = () if interval is None else (interval.var,)
    free = _names(positive).difference(bound)
    known: list[Condition] = []
    answers: list[smt.SmtAnswer] = []

    def show(condition: Condition) -> None:
        for wanted in (*obligations(condition.term), condition):
            atoms = _Atoms(free)
            stated = [c.term for c in (*known, wanted)]
            # What a term needs to be defined was shown before it is assumed here: its subterms come first.
            given = [*known, *(c for t in stated for c in (*obligations(t), *bounds(t)))]
            goal, assumed = atoms.constraint(wanted), [atoms.constraint(c) for c in dict.fromkeys(given)]
            answers.append(smt.prove([goal], [*assumed, *atoms.facts()]))
            if not answers[-1].proved:
                where = f" for all `{interval.var}` between {interval.start} and {interval.end}" if interval else ""
                raise CalculusError(f"`{wanted}` is needed{where} and was not shown: {answers[-1].reason}.")

    for condition in assuming:
        if variables(condition.term).intersection(bound):
            raise CalculusError(f"`{condition}` must not restrict the variable of the interval.")
        for needed in obligations(condition.term):
            show(needed)
        known.append(condition)
    if interval is not None:
        x = Var(interval.var)
        between = Condition((x - interval.start) * (interval.end - x), ">=0")
        for needed in obligations(between.term):
            show(needed)
        known.append(between)
    for condition in conditions:
        show(condition)
    return tuple(answers)


# The rules.


def check_antiderivative(F: Term, f: Term, var: str, positive: Iterable[str] = ()) -> tuple[Condition, ...]:
    """Shows that the derivative of `F` is `f` and returns what must hold on the whole interval of integration.

    Raises `CalculusError` when the derivative of `F` is not shown to be `f`.
    """
    positive = _names(positive)
    if not equal(derivative(F, var), f, positive):
        raise CalculusError(f"`{F}` is not shown to be an antiderivative of `{f}` in `{var}`.")
    sign = (Condition(Var(var), ">0"),) if var in positive else ()
    return tuple(dict.fromkeys((*sign, *obligations(F), *obligations(f))))


def definite_integral(
    F: Term,
    f: Term,
    var: str,
    start: Operand,
    end: Operand,
    positive: Iterable[str] = (),
    assuming: Sequence[Condition] = (),
) -> Term:
    r"""$\int_{start}^{end} f \,d\,var = F(end) - F(start)$, after showing $F' = f$ and that $F$ and $f$ are defined,
    hence smooth, on the whole closed interval. Raises `CalculusError` when one of these is not shown."""
    ends, positive = Interval(var, term(start), term(end)), _names(positive)
    discharge(check_antiderivative(F, f, var, positive), ends, positive, assuming)
    return substitute(F, var, ends.end) - substitute(F, var, ends.start)


def minimum_at(
    t: Term,
    var: str,
    point: Operand,
    interval: Interval | None = None,
    positive: Iterable[str] = (),
    assuming: Sequence[Condition] = (),
) -> Term:
    r"""The least value of `t` over `var`, attained at `point`: $t \ge t(point)$ on the whole domain.

    The domain is the interval, else all positive values when `var` is in `positive`, else the real line. Shown are:
    `point` lies in the domain, the derivative vanishes there, and on the domain `t` is defined and its second
    derivative is $\ge 0$ (convexity). Raises `CalculusError` when one of these is not shown.
    """
    point, positive = term(point), _names(positive)
    outside = positive - {var}
    if var in variables(point).union(*(variables(c.term) for c in assuming)):
        raise CalculusError(f"Neither `point` nor `assuming` may contain `{var}`.")
    inside = obligations(point)
    if interval is not None:
        if interval.var != var:
            raise CalculusError(f"The interval must be one of `{var}`: found `{interval.var}`.")
        inside = (Condition((point - interval.start) * (interval.end - point), ">=0"),)
    elif var in positive:
        inside = (Condition(point, ">0"),)
    slope = derivative(t, var)
    if not equal(substitute(slope, var, point), 0, outside):
        raise CalculusError(f"The derivative of `{t}` in `{var}` is not shown to vanish at `{point}`.")
    discharge(inside, None, outside, assuming)
    discharge([*obligations(t), Condition(derivative(slope, var), ">=0")], interval, positive, assuming)
    return substitute(t, var, point)


def increasing(
    t: Term,
    var: str,
    start: Operand,
    end: Operand,
    positive: Iterable[str] = (),
    assuming: Sequence[Condition] = (),
) -> Term:
    r"""$t(end) - t(start)$, shown to be $\ge 0$: $start \le end$, and between them `t` is defined and its derivative
    is $\ge 0$. Raises `CalculusError` when one of these is not shown."""
    ends, positive = Interval(var, term(start), term(end)), _names(positive)
    discharge([Condition(ends.end - ends.start, ">=0")], None, positive - {var}, assuming)
    discharge([*obligations(t), Condition(derivative(t, var), ">=0")], ends, positive, assuming)
    return substitute(t, var, ends.end) - substitute(t, var, ends.start)


@dataclass(frozen=True)
class Limit:
    r"""`term` tends to `value` as `var` tends to `to`: `"0+"` from above, `"0"` from both sides, `"oo"` to $+\infty$.

    `parameter`, where there is one, may be any real that satisfies `conditions`.
    """

    term: Term
    var: str
    to: Literal["0+", "0", "oo"]
    value: Term
    source: str
    parameter: str | None = None
    conditions: tuple[Condition, ...] = ()


_x, _n, _p, _t = Var("x"), Var("n"), Var("p"), Var("t")
_power_of_x, _p_is_positive = exp(_p * log(_x)), (Condition(_p, ">0"),)
_RUDIN = "Rudin, Principles of Mathematical Analysis, 3rd ed., chapter 8, "
LIMITS: Mapping[str, Limit] = {
    "x^p log x": Limit(_power_of_x * log(_x), "x", "0+", term(0), _RUDIN + "(45) at 1/x", "p", _p_is_positive),
    "log x / x^p": Limit(log(_x) / _power_of_x, "x", "oo", term(0), _RUDIN + "(45)", "p", _p_is_positive),
    "x^p exp(-x)": Limit(_power_of_x * exp(-_x), "x", "oo", term(0), _RUDIN + "Theorem 8.6 (f)", "p"),
    "(1 + t/n)^n": Limit(exp(_n * log(1 + _t / _n)), "n", "oo", exp(_t), _RUDIN + "Exercise 4 (d)", "t"),
    "log(1 + x) / x": Limit(log(1 + _x) / _x, "x", "0", term(1), _RUDIN + "Exercise 4 (b)"),
    "(exp(x) - 1) / x": Limit((exp(_x) - 1) / _x, "x", "0", term(1), _RUDIN + "Exercise 4 (a) at b = e"),
}


def limit(name: str, parameter: Operand | None = None, positive: Iterable[str] = ()) -> Limit:
    """A limit of the table, with a term for its parameter, which is shown to be defined and admissible.

    Raises `CalculusError` for a name that is not in the table, a parameter that is missing, superfluous or contains
    the variable of the limit, and a condition that is not shown.
    """
    if name not in LIMITS:
        raise CalculusError(f"`{name}` is not in the table of limits: needed one of {', '.join(LIMITS)}.")
    entry = LIMITS[name]
    if entry.parameter is None or parameter is None:
        if entry.parameter != parameter:
            raise CalculusError(f"`{name}` has the parameter {entry.parameter}: found {parameter}.")
        return entry
    letter, value = entry.parameter, term(parameter)
    if entry.var in variables(value):
        raise CalculusError(f"`{letter}` must not contain the variable `{entry.var}` of the limit: found {value}.")
    conditions = tuple(Condition(substitute(c.term, letter, value), c.kind) for c in entry.conditions)
    discharge((*obligations(value), *conditions), None, positive)
    left, right = (substitute(t, letter, value) for t in (entry.term, entry.value))
    return Limit(left, entry.var, entry.to, right, entry.source, None, conditions)


# A cross-check, which proves nothing.


def evaluate(t: Term, point: Mapping[str, arb | Fraction | int]) -> arb:
    """A ball around the value of `t`; not finite where `t` is undefined or the precision does not decide that."""
    from flint import arb, fmpq

    def ball(value: arb | Fraction | int) -> arb:
        return value if isinstance(value, arb) else arb(fmpq(value.numerator, value.denominator))

    match t:
        case Const(value):
            return ball(value)
        case Var(name):
            return ball(point[name])
        case Add(left, right):
            return evaluate(left, point) + evaluate(right, point)
        case Mul(left, right):
            return evaluate(left, point) * evaluate(right, point)
        case Pow(base, exponent) if exponent.denominator == 1:
            return evaluate(base, point) ** int(exponent)
        case Pow(base, exponent):
            return evaluate(exp(exponent * log(base)), point)
        case Log(argument):
            return evaluate(argument, point).log()
        case Exp(argument):
            return evaluate(argument, point).exp()
    raise TypeError(f"A term was needed: found {t!r}.")


def crosscheck(
    a: Operand, b: Operand, positive: Iterable[str] = (), points: int = 16, seed: int = 0
) -> dict[str, Fraction] | None:
    """A point where `a` and `b` certainly differ, or `None` when none of the random points shows a difference.

    Raises `CalculusError` when both terms are defined at none of the points, so that nothing was compared.
    """
    a, b, positive = term(a), term(b), _names(positive)
    draw, compared = random.Random(seed), 0
    for _ in range(points):
        point = {
            name: Fraction(draw.randint(1, 64) * (1 if name in positive else draw.choice((-1, 1))), 16)
            for name in sorted(variables(a) | variables(b))
        }
        left, right = evaluate(a, point), evaluate(b, point)
        if left.is_finite() and right.is_finite():
            compared += 1
            if not left.overlaps(right):
                return point
    if not compared:
        raise CalculusError(f"`{a}` and `{b}` are both defined at none of {points} random points.")
    return None
