r"""Bounds on what training cannot see, and the enclosure of their formulas in balls.

A `Bound` is an inequality *quantity* $\le f(\dots)$, such as $\Pr[\text{error}] \le f(\dots)$, whose right side is a
SymPy expression, written once: the page shows it as LaTeX and `Bound.on` computes it for a network and its data, or
from a description of its training. Every symbol is measured as a ball or an exact number, and `enclose` walks the
expression tree with them, so the value is a certified enclosure of the formula. Where an ingredient comes from random
draws, the bound is `statistical`: the draws have an error probability of their own, which the statement counts.

`sympy.lambdify` is not used: it turns `Rational(1, 3)` into a float, and the ball it yields at 200 bits excludes the
true value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Any

from numerics.evidence.errors import InputError
from numerics.evidence.verdict import Rigour
from theorems.bounds.options import probability

if TYPE_CHECKING:
    import sympy
    from flint import arb, fmpq, fmpz

    from theorems.bounds.reading import Reading

    Value = arb | fmpq | fmpz | Fraction | int


def enclose(expression: sympy.Expr, values: Mapping[str, Value]) -> arb:
    r"""A ball that contains `expression` at every point of `values` (symbol name to ball or exact number).

    The working precision is that of the moment; at a higher one the ball is smaller, as far as `values` allow. Enclosed
    are: integers, rationals, $\pi$, $e$, sums, products, powers (integer exponents; others of non-negative bases),
    `exp`, `log`, `Abs`, `Max`, `Min`, `ceiling`, `floor`, `Piecewise` on inequalities, and functions that enclose
    themselves by a method `enclosure(*balls)`. Where balls do not decide a jump or a case, the result contains all the
    values that are possible. A symbol assumed non-negative is one: the part of its ball below zero is cut off.

    Raises `TypeError` for a `Float` (it is not exact) and for every other node, `ValueError` for a missing symbol, for
    a value that contradicts the assumptions of its symbol, and outside of a domain (a division by zero, the logarithm
    of a number that is not positive). When the balls are too wide to tell, it is `TooWide`, a kind of `ValueError`.
    """
    import sympy

    missing = sorted({s.name for s in expression.atoms(sympy.Symbol)} - set(values))
    if missing:
        raise ValueError(
            f"`values` must give every symbol of the formula, found none for {', '.join(f'`{m}`' for m in missing)}: "
            f"it gives {', '.join(sorted(values)) or 'nothing'}."
        )
    return _Enclosure(values).of(expression)


class _Enclosure:
    def __init__(self, values: Mapping[str, Value]) -> None:
        self.values = values
        self.known: dict[Any, arb] = {}

    def of(self, x: Any) -> arb:
        from numerics.arithmetic.balls import TooWide

        if x not in self.known:
            result = self._node(x)
            if not result.is_finite():
                raise TooWide(f"`{x}` must be a finite number, found the ball {result.str(6)}: raise the precision.")
            self.known[x] = result
        return self.known[x]

    def _node(self, x: Any) -> arb:
        import sympy
        from flint import arb, fmpq

        if isinstance(x, sympy.Symbol):
            return self._symbol(x)
        if isinstance(x, sympy.Rational) and x.is_finite:
            return arb(fmpq(int(x.p), int(x.q)))
        if isinstance(x, sympy.Float):
            raise TypeError(f"The float {x} is not exact: write it as `Rational` in the formula.")
        if x is sympy.pi:
            return arb.pi()
        if x is sympy.E:
            return arb.const_e()
        if isinstance(x, sympy.Add):
            return self._fold(x.args, lambda a, b: a + b)
        if isinstance(x, sympy.Mul):
            return self._fold(x.args, lambda a, b: a * b)
        if isinstance(x, sympy.Max):
            return self._fold(x.args, lambda a, b: a.max(b))
        if isinstance(x, sympy.Min):
            return self._fold(x.args, lambda a, b: a.min(b))
        if isinstance(x, sympy.Pow):
            return self._power(x)
        if isinstance(x, sympy.exp):
            return self.of(x.args[0]).exp()
        if isinstance(x, sympy.log):
            return _logarithm(self.of(x.args[0]), x)
        if isinstance(x, sympy.Abs):
            a = self.of(x.args[0])
            return arb(0).union(a.abs_upper()).nonnegative_part() if a.contains(0) else abs(a)
        if isinstance(x, sympy.ceiling):
            return self.of(x.args[0]).ceil()
        if isinstance(x, sympy.floor):
            return self.of(x.args[0]).floor()
        if isinstance(x, sympy.Piecewise):
            return self._cases(x)
        enclosure = getattr(x, "enclosure", None)
        if enclosure is not None:
            return enclosure(*(self.of(a) for a in x.args))
        raise TypeError(
            f"`{x}` cannot be enclosed: no rule for `{type(x).__name__}`. Write it with +, *, powers, exp, log, Abs, "
            "Max, Min, ceiling, floor and Piecewise."
        )

    def _fold(self, xs: tuple[Any, ...], join: Callable[[arb, arb], arb]) -> arb:
        total = self.of(xs[0])
        for x in xs[1:]:
            total = join(total, self.of(x))
        return total

    def _symbol(self, x: sympy.Symbol) -> arb:
        from numerics.arithmetic.balls import ball

        try:
            a = ball(self.values[x.name])
        except TypeError as trouble:
            raise TypeError(f"The value of `{x.name}` is neither a ball nor an exact number. {trouble}") from None
        # SymPy simplified the formula with these assumptions, so it says nothing about a value that breaks them.
        contradictions = {
            "positive": x.is_positive and a <= 0,
            "non-negative": x.is_nonnegative and a < 0,
            "negative": x.is_negative and a >= 0,
            "non-positive": x.is_nonpositive and a > 0,
            "non-zero": x.is_nonzero and a == 0,
            "an integer": x.is_integer and not a.contains_integer(),
        }
        for what, found in contradictions.items():
            if found:
                raise ValueError(f"`{x.name}` must be {what}, as the formula assumes, found {a.str(6)}.")
        return a.nonnegative_part() if x.is_nonnegative and not a >= 0 else a

    def _power(self, x: sympy.Pow) -> arb:
        import sympy
        from flint import arb

        base, exponent = x.args
        a = self.of(base)
        if isinstance(exponent, sympy.Rational):
            p, q = int(exponent.p), int(exponent.q)
        else:
            e = self.of(exponent)
            n = e.unique_fmpz() if e.is_exact() else None
            if n is None:
                return (e * _logarithm(a, x)).exp()
            p, q = int(n), 1
        if q > 1:
            if not a >= 0 and _is_non_negative(base):
                a = a.nonnegative_part()
            if not a >= 0:
                raise _outside(x, "a non-negative base", a, a < 0)
            # Roots increase, so the two ends are enough; FLINT's root of a ball that touches zero is not finite.
            if a > 0:
                a = a.root(q)
            elif not a.is_zero():
                a = arb(0).union(a.abs_upper().root(q)).nonnegative_part()
        if p < 0 and a.contains(0):
            raise _outside(x, "a base other than zero", a, a == 0)
        return 1 / _integer_power(a, -p) if p < 0 else _integer_power(a, p)

    def _cases(self, x: Any) -> arb:
        import sympy

        found: arb | None = None
        for branch, condition in x.args:
            if isinstance(condition, sympy.StrictLessThan | sympy.LessThan):
                a, b = self.of(condition.args[0]), self.of(condition.args[1])
            elif isinstance(condition, sympy.StrictGreaterThan | sympy.GreaterThan):
                b, a = self.of(condition.args[0]), self.of(condition.args[1])
            elif condition == sympy.true:
                value = self.of(branch)
                return value if found is None else found.union(value)
            else:
                raise TypeError(f"`{condition}` cannot be a case of a `Piecewise`: write it with <, <=, > or >=.")
            strict = isinstance(condition, sympy.StrictLessThan | sympy.StrictGreaterThan)
            if a >= b if strict else a > b:
                continue
            value = self.of(branch)
            found = value if found is None else found.union(value)
            if a < b if strict else a <= b:
                return found
        raise ValueError(f"`{x}` must have a case for every value, found one that no case surely covers.")


def _outside(x: Any, needed: str, found: arb, surely: bool) -> ValueError:
    from numerics.arithmetic.balls import TooWide

    if surely:
        return ValueError(f"`{x}` needs {needed}, found {found.str(6)}: the formula has no value there.")
    return TooWide(f"`{x}` needs {needed}, found the ball {found.str(6)}: raise the precision.")


def _logarithm(a: arb, x: Any) -> arb:
    if not a > 0:
        raise _outside(x, "a positive argument", a, a <= 0)
    return a.log()


def _integer_power(a: arb, n: int) -> arb:
    from flint import arb

    if n == 1:
        return a
    if n == 0 or a.is_exact():
        return a**n
    # FLINT's power of a ball around zero is not a number, and wide elsewhere; monotony on either side gives the range.
    ends = (a.lower() ** n).union(a.upper() ** n)
    if a.contains(0):
        ends = ends.union(arb(0))
    return ends.nonnegative_part() if a >= 0 or n % 2 == 0 else ends


def _is_non_negative(x: Any) -> bool:
    """Whether `x` is surely not negative when all its symbols are real numbers that satisfy their assumptions."""
    import sympy

    if x.is_nonnegative or isinstance(x, sympy.Abs | sympy.exp):
        return True
    if isinstance(x, sympy.Pow):
        e = x.args[1]
        return isinstance(e, sympy.Rational) and (e.p % 2 == 0 or e.q > 1)
    return isinstance(x, sympy.Add | sympy.Mul) and all(_is_non_negative(part) for part in x.args)


ERROR = "Pr[error]"


@dataclass(frozen=True)
class BoundValue:
    r"""A bound on one network or training, with everything that went into it.

    `value` encloses the right side of the inequality *`quantity`* $\le \dots$, `capped` the same cut at what the
    quantity never exceeds (1 for a probability; nothing where the loss is unbounded). `vacuous` says whether `value` is
    at least that, and is `None` when its ball contains it at every precision tried. `ingredients` are triples (symbol,
    meaning, value); `dominated_by` is the greatest term of the sum (or factor of the product) that the formula is.
    `rigour` is `ball`, or `statistical` where an ingredient was estimated from random draws.
    """

    name: str
    value: arb
    capped: arb
    vacuous: bool | None
    ingredients: tuple[tuple[str, str, Value], ...]
    dominated_by: str
    page: str
    citation: str
    quantity: str = ERROR
    rigour: Rigour = Rigour.BALL

    def __str__(self) -> str:
        said = {True: ", vacuous", False: "", None: ", perhaps vacuous"}[self.vacuous]
        how = f" ({self.rigour})" if self.rigour is Rigour.STATISTICAL else ""
        value = self.value.str(6, radius=False)
        return f"{self.name}: {self.quantity} <= {value}{said}{how}; dominated by {self.dominated_by}"


@dataclass(frozen=True, repr=False)
class Bound:
    r"""`quantity` $\le$ `formula`, with explicit constants.

    - `formula` builds the SymPy expression, when it is first needed; `symbols` says what each of its symbols means.
    - `measure(network, data, options)` returns ball or exact value of every symbol at the working precision of the
      moment; $\delta$, the probability that the bound fails, is the symbol `delta` and need not be returned. `options`
      holds what the caller gave beyond that, `delta`, and `memory`, a dict that lasts for one call of `on`: what does
      not depend on the precision, such as random draws, is measured once.
    - `conditions(network)` returns a sentence for every condition of the theorem that the network breaks.
    - `options` gives the meaning of every further keyword that `on` takes, `required` names those that it needs.
    - `page` is the dotted name of the page that proves the bound, `citation` its reference.
    - `quantity` is what is bounded, in words; `trivial` what it never exceeds: 1, the name of a symbol of the formula,
      or `None` where nothing is known (then the bound is never called vacuous).
    - `rigour` is `Rigour.STATISTICAL` when `measure` estimates an ingredient from random draws.
    - `reading` says how the goal of the page reads in these symbols, for the examination to compare the two; those of
      our own calculators stand in `theorems.bounds.readings`.

    A bound without the symbol `delta` holds in expectation. Bounds from a description of the training alone do not
    look at the network; `conditions` and `measure` must then accept `None` for it and for the data.
    """

    name: str
    title: str
    formula: Callable[[], sympy.Expr]
    symbols: Mapping[str, str]
    measure: Callable[[Any, Any, Mapping[str, Any]], Mapping[str, Value]]
    conditions: Callable[[Any], tuple[str, ...]]
    page: str
    citation: str
    options: Mapping[str, str] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    quantity: str = ERROR
    trivial: str | None = "1"
    rigour: Rigour = Rigour.BALL
    reading: Reading | None = None

    def __repr__(self) -> str:
        return f"<Bound {self.name}>"

    @cached_property
    def expression(self) -> sympy.Expr:
        """The formula, built once. Raises `ValueError` when it has a symbol that `symbols` does not explain."""
        import sympy

        expression = self.formula()
        unexplained = sorted({s.name for s in expression.atoms(sympy.Symbol)} - set(self.symbols))
        if unexplained:
            raise ValueError(
                f"`symbols` of bound `{self.name}` must explain every symbol of the formula, "
                f"found nothing about {', '.join(f'`{s}`' for s in unexplained)}."
            )
        return expression

    def latex(self) -> str:
        """The formula as LaTeX, without dollar signs."""
        import sympy

        return sympy.latex(self.expression)

    def lacking(self, options: Mapping[str, Any]) -> tuple[str, ...]:
        """The required options that are not given."""
        return tuple(name for name in self.required if options.get(name) is None)

    def sentences(self, names: Iterable[str]) -> tuple[str, ...]:
        return tuple(f"it needs `{name}`: {self.options[name]}" for name in names)

    def missing(self, options: Mapping[str, Any]) -> tuple[str, ...]:
        """A sentence for every required option that is not given."""
        return self.sentences(self.lacking(options))

    def on(
        self,
        network: Any = None,
        data: Any = None,
        *,
        delta: float | str | Fraction | fmpq | None = None,
        **options: Any,
    ) -> BoundValue:
        r"""The bound for `network` and its training `data`, valid with probability at least $1 - \delta$.

        `delta` lies strictly between 0 and 1; a float stands for the decimal that it prints as. A bound in expectation
        has none. The ingredients are measured at rising precision until it is decided whether the value is below what
        is trivial, or precision no longer helps.

        Raises `InputError` when the network breaks a condition (all of them are listed), for a `delta` out of range or
        left out, for an unknown option and for a required one that is missing.
        """
        from flint import arb, ctx

        from numerics.arithmetic.balls import PRECISIONS, TooWide, ball

        broken = self.conditions(network)
        if broken:
            raise InputError(f"Bound `{self.name}` does not apply to this network: {'; '.join(broken)}.")
        unknown = sorted(set(options) - set(self.options))
        if unknown:
            raise InputError(
                f"Bound `{self.name}` has no option `{unknown[0]}`: it takes {', '.join(['delta', *self.options])}."
            )
        missing = self.missing(options)
        if missing:
            raise InputError(f"Bound `{self.name}` cannot be computed: {'; '.join(missing)}.")
        given: dict[str, Any] = {}
        memory: dict[str, Any] = {}
        if "delta" in self.symbols or delta is not None:
            given["delta"] = probability(delta)
        expression = self.expression
        value: arb | None = None
        trivial: arb | None = None
        values: Mapping[str, Value] = {}
        dominant = ""
        trouble: TooWide | None = None
        for bits in PRECISIONS:
            with ctx.workprec(bits):
                values = {**self.measure(network, data, {**options, **given, "memory": memory}), **given}
                try:
                    latest = enclose(expression, values)
                    dominant = _dominant(expression, values)
                except TooWide as error:
                    trouble = error
                    continue
                if self.trivial is not None:
                    trivial = arb(1) if self.trivial == "1" else ball(values[self.trivial])
                # Ingredients known in double precision only do not sharpen: then it is no use to go on.
                stuck = value is not None and latest.rad() * 2 > value.rad()
                value = latest
                if stuck or trivial is None or value < trivial or value >= trivial:
                    break
        if value is None:
            raise ValueError(f"Bound `{self.name}` has no value on this network: {trouble}")
        unexplained = sorted(set(values) - set(self.symbols) - {"delta"})
        if unexplained:
            raise ValueError(
                f"`measure` of bound `{self.name}` must return symbols of the formula only, found `{unexplained[0]}`."
            )
        return BoundValue(
            name=self.name,
            value=value,
            capped=value if trivial is None else value.min(trivial),
            vacuous=False if trivial is None or value < trivial else True if value >= trivial else None,
            ingredients=tuple((s, meaning, values[s]) for s, meaning in self.symbols.items() if s in values),
            dominated_by=dominant,
            page=self.page,
            citation=self.citation,
            quantity=self.quantity,
            rigour=self.rigour,
        )


def _dominant(expression: Any, values: Mapping[str, Value]) -> str:
    import sympy

    while hasattr(expression, "dominant"):  # a function that encloses itself says which argument matters most
        expression = expression.dominant(lambda part: enclose(part, values))
    parts = expression.args if isinstance(expression, sympy.Add | sympy.Mul) else (expression,)
    return str(max(parts, key=lambda part: enclose(part, values).mid()))
