r"""Polynomials in one variable over the rationals, with exact answers about their sign and certified maxima.

Signs on an interval are decided by Sturm's theorem: let $p$ be square-free, $p_0 = p$, $p_1 = p'$,
$p_{k+1} = -(p_{k-1} \bmod p_k)$, and let $V(x)$ be the number of sign changes in $p_0(x), p_1(x), \dots$ with zeros
left out. Then $p$ has exactly $V(a) - V(b)$ roots in $(a, b]$ (Basu, Pollack and Roy, *Algorithms in Real Algebraic
Geometry*, 2nd ed., Theorem 2.50). Nothing here is ever undecided.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Any

from flint import fmpq, fmpq_poly, fmpz

from numerics.arithmetic.exact import Matrix, Rational, rational
from numerics.evidence.verdict import Verdict, decided, fails, holds

Interval = tuple[fmpq, fmpq]

_SCALARS = int | Fraction | fmpq | fmpz


class Polynomial:
    r"""A polynomial $c_0 + c_1 x + \dots + c_d x^d$ with rational coefficients, immutable and hashable.

    `Polynomial([c0, c1, ...])` lists the coefficients from the constant upwards; it also takes a FLINT polynomial or a
    single number. The zero polynomial has no coefficients and degree -1. Intervals have rational end points
    and are closed unless a docstring says otherwise; both ends may coincide, and $a > b$ raises `ValueError`.
    """

    __slots__ = ("_data",)

    _data: fmpq_poly

    def __init__(self, coefficients: Sequence[Any] | fmpq_poly | Rational) -> None:
        if isinstance(coefficients, fmpq_poly):
            data = fmpq_poly(coefficients)
        elif isinstance(coefficients, _SCALARS):
            data = fmpq_poly([rational(coefficients)])
        elif isinstance(coefficients, Sequence) and not isinstance(coefficients, str):
            if any(isinstance(c, float) for c in coefficients):
                raise TypeError("`coefficients` must be rational numbers, found a float: use Fraction or 'p/q'.")
            data = fmpq_poly([rational(c) for c in coefficients])
        else:
            raise TypeError(
                f"`coefficients` must be a list of rational numbers, found {type(coefficients).__name__}: "
                "list them from the constant upwards."
            )
        object.__setattr__(self, "_data", data)

    @classmethod
    def _of(cls, data: fmpq_poly) -> Polynomial:
        p = object.__new__(cls)
        object.__setattr__(p, "_data", data)
        return p

    @classmethod
    def from_roots(cls, roots: Iterable[Any], leading: Any = 1) -> Polynomial:
        r"""$\ell \prod_i (x - r_i)$ with the leading coefficient $\ell$."""
        data = fmpq_poly([rational(leading)])
        for r in roots:
            data = data * fmpq_poly([-rational(r), 1])
        return cls._of(data)

    @classmethod
    def interpolate(cls, xs: Sequence[Any], ys: Sequence[Any]) -> Polynomial:
        r"""The one polynomial of degree below $n$ through the $n$ points $(x_i, y_i)$ (Newton's divided differences).

        Raises `ValueError` when the numbers of `xs` and `ys` differ or two of the `xs` are equal.
        """
        nodes, table = [rational(x) for x in xs], [rational(y) for y in ys]
        if len(nodes) != len(table) or len(set(nodes)) != len(nodes):
            raise ValueError(
                f"`xs` must be different numbers, one for each of the `ys`, found {len(nodes)} numbers "
                f"({len(set(nodes))} different) for {len(table)} values."
            )
        n = len(nodes)
        for k in range(1, n):
            for i in range(n - 1, k - 1, -1):
                table[i] = (table[i] - table[i - 1]) / (nodes[i] - nodes[i - k])
        data = fmpq_poly()
        for x, difference in zip(reversed(nodes), reversed(table), strict=True):
            data = data * fmpq_poly([-x, 1]) + difference
        return cls._of(data)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"A `Polynomial` cannot be changed, found an assignment to `{name}`: build a new one.")

    def __reduce__(self) -> tuple[Any, ...]:
        return Polynomial, (self.coefficients(),)

    @property
    def degree(self) -> int:
        return self._data.degree()

    def coefficients(self) -> list[fmpq]:
        """From the constant upwards; empty for zero."""
        return [self._data[k] for k in range(self._data.length())]

    def to_flint(self) -> fmpq_poly:
        """A fresh `fmpq_poly` with the same coefficients."""
        return fmpq_poly(self._data)

    def is_zero(self) -> bool:
        return not self._data

    def __repr__(self) -> str:
        return f"Polynomial({[int(c.p) if c.q == 1 else f'{c.p}/{c.q}' for c in self.coefficients()]})"

    def __eq__(self, other: object) -> bool:
        return self._data == other._data if isinstance(other, Polynomial) else NotImplemented

    def __hash__(self) -> int:
        return hash(tuple(self.coefficients()))

    # Algebra.

    def __call__(self, x: Any) -> fmpq:
        """The value at a rational number."""
        return self._data(rational(x))

    def compose(self, inner: Polynomial) -> Polynomial:
        r"""$x \mapsto p(\text{inner}(x))$."""
        return Polynomial._of(self._data(inner._data))

    def derivative(self) -> Polynomial:
        return Polynomial._of(self._data.derivative())

    def __add__(self, other: Polynomial | Rational) -> Polynomial:
        return Polynomial._of(self._data + q) if (q := _operand(other)) is not None else NotImplemented

    __radd__ = __add__

    def __sub__(self, other: Polynomial | Rational) -> Polynomial:
        return Polynomial._of(self._data - q) if (q := _operand(other)) is not None else NotImplemented

    def __rsub__(self, other: Polynomial | Rational) -> Polynomial:
        return Polynomial._of(q - self._data) if (q := _operand(other)) is not None else NotImplemented

    def __mul__(self, other: Polynomial | Rational) -> Polynomial:
        return Polynomial._of(self._data * q) if (q := _operand(other)) is not None else NotImplemented

    __rmul__ = __mul__

    def __truediv__(self, other: Rational) -> Polynomial:
        return Polynomial._of(self._data / rational(other)) if isinstance(other, _SCALARS) else NotImplemented

    def __neg__(self) -> Polynomial:
        return Polynomial._of(-self._data)

    def __pow__(self, k: int) -> Polynomial:
        if k < 0:
            raise ValueError(f"`k` must not be negative in p ** k, found {k}: the result would not be a polynomial.")
        return Polynomial._of(self._data**k)

    # Roots.

    def square_free_part(self) -> Polynomial:
        r"""$p / \gcd(p, p')$: the same roots, each of them once. Raises `ValueError` for the zero polynomial."""
        self._not_zero("square_free_part")
        return Polynomial._of(self._data // self._data.gcd(self._data.derivative()))

    def sign_changes(self) -> int:
        r"""The number of sign changes in the coefficients, zeros left out (Descartes).

        It is at least the number of positive roots counted with multiplicity, and equal to it when all roots are real.
        """
        return _variations(self.coefficients())

    def number_of_real_roots(self, a: Any = None, b: Any = None) -> int:
        r"""The number of distinct real roots in $[a, b]$; `None` stands for $-\infty$ or $\infty$.

        Raises `ValueError` for the zero polynomial.
        """
        self._not_zero("number_of_real_roots")
        sturm = _Sturm(self)
        lo = -sturm.root_bound if a is None else rational(a)
        hi = sturm.root_bound if b is None else rational(b)
        if a is not None and b is not None:
            _ordered(lo, hi)
        if lo > hi:  # an unbounded side, and the other end lies beyond all roots
            return 0
        return (self._data(lo) == 0) + sturm.variations(lo) - sturm.variations(hi)

    def isolate_real_roots(self, a: Any = None, b: Any = None, *, width: Any = None) -> list[Interval]:
        r"""Disjoint closed intervals inside $[a, b]$, in increasing order, each with exactly one real root.

        Every root in $[a, b]$ has its interval; multiple roots count once. A rational root is found exactly: both ends
        of its interval are the root. Other intervals have no root at their ends, and are at most `width` long when
        that is given. `None` for an end stands for $-\infty$ or $\infty$.

        Raises `ValueError` for the zero polynomial and for a `width` that is not positive.
        """
        self._not_zero("isolate_real_roots")
        target = None if width is None else rational(width)
        if target is not None and target <= 0:
            raise ValueError(f"`width` must be positive, found {target}.")
        sturm = _Sturm(self)
        p = sturm.square_free
        lo = -sturm.root_bound if a is None else rational(a)
        hi = sturm.root_bound if b is None else rational(b)
        if a is not None and b is not None:
            _ordered(lo, hi)
        if lo > hi:
            return []
        found: list[Interval] = [(lo, lo)] if p(lo) == 0 else []
        rational_roots = [r for r, _ in p.roots()]
        todo = [(lo, sturm.variations(lo), hi, sturm.variations(hi))]
        while todo:  # half-open pieces (l, h], leftmost on top
            l, vl, h, vh = todo.pop()
            if vl == vh:
                continue
            if vl - vh == 1:
                exact = next((r for r in rational_roots if l < r <= h), None)
                if exact is not None:
                    found.append((exact, exact))
                    continue
                # The left end may be the end of the interval before, or its root: split until it is neither.
                if (not found or found[-1][1] < l) and (target is None or h - l <= target):
                    found.append((l, h))
                    continue
            mid = (l + h) / 2
            # The sign change of a single irrational root tells its side, at less cost than the whole sequence.
            is_single = vl - vh == 1 and p(l) != 0
            vm = vl - ((p(l) > 0) != (p(mid) > 0)) if is_single else sturm.variations(mid)
            todo += [(mid, vm, h, vh), (l, vl, mid, vm)]
        return found

    # Signs and maxima.

    def is_nonnegative_on(self, a: Any, b: Any) -> Verdict:
        r"""Whether $p(x) \ge 0$ for all $x \in [a, b]$: exact, and a failure names a point where $p$ is negative."""
        lo, hi = _ordered(rational(a), rational(b))
        if self.is_zero():
            return holds("the polynomial is zero")
        roots = self.isolate_real_roots(lo, hi)
        # One point in every gap between neighbouring roots; at the outer gaps the end points tell the sign.
        between = [(left[1] + right[0]) / 2 for left, right in pairwise(roots)]
        for x in (lo, *between, hi):
            value = self._data(x)
            if value < 0:
                return fails(f"the value at {x} is {value}, below 0", slack=_reported(value))
        return holds(f"no sign change to below 0 at the {len(roots)} roots in [{lo}, {hi}]")

    def is_positive_on(self, a: Any, b: Any) -> Verdict:
        r"""Whether $p(x) > 0$ for all $x \in [a, b]$, exact."""
        lo, hi = _ordered(rational(a), rational(b))
        if self.is_zero():
            return fails("the polynomial is zero", slack=0.0)
        if self.number_of_real_roots(lo, hi):
            left, right = self.isolate_real_roots(lo, hi)[0]
            return fails(f"there is a root at {left}" if left == right else f"there is a root in [{left}, {right}]")
        return decided(self._data(lo) > 0, f"no root in [{lo}, {hi}], and the value at {lo} is {self._data(lo)}")

    def is_at_most(self, c: Any, a: Any = 0, b: Any = 1) -> Verdict:
        r"""Whether $p(x) \le c$ for all $x \in [a, b]$, exact."""
        return (rational(c) - self).is_nonnegative_on(a, b)

    def maximum_on(self, a: Any, b: Any, width: Any = Fraction(1, 2**40)) -> Interval:
        r"""Rational numbers $l \le u$, at most `width` apart, with $l \le \max_{[a, b]} p \le u$; $l$ is attained.

        The critical points are isolated by Sturm's theorem. With $c$ in $[s, t]$ and $p'(c) = 0$, Taylor's formula
        gives $p(c) \le \max(p(s), p(t)) + \frac{1}{8} (t - s)^2 \max_{[a,b]} |p''|$, and the last maximum is bounded
        by the sum of $|c_k|$ times a power of $\max(|a|, |b|)$. When every critical point is rational, $l = u$.

        Raises `ValueError` when `width` is not positive or $a > b$.
        """
        lo, hi = _ordered(rational(a), rational(b))
        target = rational(width)
        if target <= 0:
            raise ValueError(f"`width` must be positive, found {target}.")
        lower = upper = max(self._data(lo), self._data(hi))
        slope = self.derivative()
        if slope.is_zero():
            return lower, upper
        reach = max(abs(lo), abs(hi))
        curvature = sum((abs(c) * reach**k for k, c in enumerate(slope.derivative().coefficients())), fmpq(0))
        step = max(hi - lo, fmpq(1))
        while step**2 * curvature > 8 * target:
            step /= 2
        for s, t in slope.isolate_real_roots(lo, hi, width=step):
            value = max(self._data(s), self._data(t))
            lower, upper = max(lower, value), max(upper, value + (t - s) ** 2 * curvature / 8)
        return lower, upper

    def maximum_on_unit_interval(self, width: Any = Fraction(1, 2**40)) -> Interval:
        r"""`maximum_on(0, 1, width)`."""
        return self.maximum_on(0, 1, width)

    def _not_zero(self, what: str) -> None:
        if self.is_zero():
            raise ValueError(f"`{what}` needs a polynomial other than zero, of which every number is a root.")


class _Sturm:
    """The Sturm sequence of the square-free part of a non-zero polynomial, and a bound on its real roots."""

    def __init__(self, p: Polynomial) -> None:
        self.square_free = p.square_free_part().to_flint()
        sequence = [self.square_free, self.square_free.derivative()]
        while sequence[-1]:
            remainder = -(sequence[-2] % sequence[-1])
            # A positive factor keeps every sign and, left in, would make the coefficients explode.
            sequence.append(fmpq_poly(remainder.numer() / c) if (c := remainder.numer().content()) else remainder)
        self.sequence = sequence[:-1]
        leading = abs(self.square_free.leading_coefficient())
        # Cauchy: all roots are smaller than this in absolute value.
        self.root_bound = 1 + max(abs(self.square_free[k]) for k in range(self.square_free.length())) / leading

    def variations(self, x: fmpq) -> int:
        return _variations([q(x) for q in self.sequence])


def _variations(values: list[fmpq]) -> int:
    signs = [v > 0 for v in values if v != 0]
    return sum(s != t for s, t in pairwise(signs))


def _operand(x: object) -> fmpq_poly | fmpq | None:
    if isinstance(x, Polynomial):
        return x._data
    return rational(x) if isinstance(x, _SCALARS) else None


def _ordered(a: fmpq, b: fmpq) -> Interval:
    if a > b:
        raise ValueError(f"`a` must be at most `b`, found the interval [{a}, {b}]: exchange the ends.")
    return a, b


def _reported(x: fmpq) -> float:
    try:
        return float(x)
    except OverflowError:
        return float("inf") if x > 0 else float("-inf")


def characteristic_polynomial(A: Matrix) -> Polynomial:
    r"""$\det(x I - A)$ for a square $A$. Raises `ValueError` when `A` is not square."""
    if A.rows != A.cols:
        raise ValueError(f"`characteristic_polynomial` needs a square matrix, found {A.rows}x{A.cols}.")
    return Polynomial(A.to_flint().charpoly())


def has_singular_values(A: Matrix, sigma: Iterable[Any]) -> bool:
    r"""Whether these rational numbers and zeros are the singular values of $A$: by the characteristic polynomial of $A A^\top$."""
    squares = [rational(s) ** 2 for s in sigma]
    return characteristic_polynomial(A @ A.T) == Polynomial.from_roots(squares + [fmpq(0)] * (A.rows - len(squares)))
