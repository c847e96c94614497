r"""A perceptron cannot compute XOR.

**Theorem.** Let $m \ge 1$, let $a, b, c, d \in \mathbb{R}^m$ be a parallelogram, $a + d = b + c$ (it may be degenerate), and let
$g(x) = w^\top x + \beta$ with $w \in \mathbb{R}^m$ and $\beta \in \mathbb{R}$. Then $g(a) + g(d) = g(b) + g(c)$. If moreover
$g(a) \le 0$, $g(d) \le 0$, $g(b) \ge 0$ and $g(c) \ge 0$, then all four values are $0$. In particular no $w \in \mathbb{R}^2$ and
$\beta \in \mathbb{R}$ satisfy $[w^\top x + \beta > 0] = x_1 \oplus x_2$ for all $x \in \{0, 1\}^2$, and none do with $\ge$ in
place of $>$; the same holds for the negation of $\oplus$.

**Idea.** Both diagonals of a parallelogram have the same midpoint, and an affine function takes at a midpoint the mean of
its values at the ends. So $0 \ge g(a) + g(d) = g(b) + g(c) \ge 0$, and numbers of one sign with the sum $0$ vanish. For XOR
take $a = (0, 0)$, $b = (1, 0)$, $c = (0, 1)$, $d = (1, 1)$: one diagonal would have to be strictly on its side. For the
negation, change the sign of $g$.

**Reading.** What one unit cannot see is whether two bits agree. Nothing else is missing in so few variables: among the
functions of $n \le 3$ bits, those that are no threshold function are exactly those that have a parallelogram with one
diagonal mapped to $0$ and the other to $1$. That leaves 4 of 4, 14 of 16 (all but XOR and its negation) and 104 of 256.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from hypothesis import strategies as st

from numerics.arithmetic.exact import Matrix, as_fraction, column, hstack, rational
from numerics.evidence.verdict import Verdict, decided, fails, holds
from numerics.strategies import matrices, sizes
from theorems import Citation, Claim, Mutant, Premise
from theorems.proof import Derivation, equal, nonnegative, zero
from theorems.proof.crosscheck import Model


def unit(w, beta, x):
    r"""$w^\top x + \beta$."""
    return w.inner(x) + beta


SIGNS = (-1, 1, 1, -1)  # the sides of a, b, c, d


# Proof.


def proof() -> Derivation:
    d = Derivation("a perceptron cannot compute XOR")
    corners = d.matrices("a: m 1", "b: m 1", "c: m 1", "d: m 1")
    a, b, c, e = corners
    parallelogram = d.given(equal(a + e, b + c), "parallelogram")
    w, beta = d.matrix("w: m 1"), d.scalar("beta")
    means = d.goal(equal(unit(w, beta, a) + unit(w, beta, e), unit(w, beta, b) + unit(w, beta, c)))
    d.algebra(means, [parallelogram], reason="both diagonals have the same midpoint")

    # A unit (v, gamma) that has one diagonal on either side, weakly.
    v, gamma = d.matrix("v: m 1"), d.scalar("gamma")
    values = [unit(v, gamma, x) for x in corners]
    for g in values:
        d.goal(zero(g))
    sides = [d.given(nonnegative(s * g), "on its side") for s, g in zip(SIGNS, values, strict=True)]
    for s, g, side in zip(SIGNS, values, sides, strict=True):
        others = [(1, f) for f in sides if f is not side]
        opposite = d.squares(nonnegative(-s * g), others, using=[parallelogram], reason="the other three, added up")
        d.antisymmetric(side, opposite)
    return d


# Check.


@dataclass(frozen=True)
class Quadruple:
    r"""Points $a, d$ (to be on the side $g \le 0$) and $b, c$ (on the side $g \ge 0$), columns in $\mathbb{R}^m$.

    The theorem has $a + d = b + c$ and a unit that is affine in the inputs; `product` gives it $x_1 x_2$ as one more input.
    """

    a: Matrix
    b: Matrix
    c: Matrix
    d: Matrix
    product: bool = False

    def inputs(self) -> list[tuple[Fraction, ...]]:
        points = [tuple(as_fraction(x) for x in p.entries()) for p in (self.a, self.b, self.c, self.d)]
        return [(*p, p[0] * p[1]) for p in points] if self.product else points


@dataclass(frozen=True)
class BooleanFunction:
    r"""A function $\{0, 1\}^n \to \{0, 1\}$ by its values at $(0, \dots, 0), (0, \dots, 1), \dots, (1, \dots, 1)$."""

    table: tuple[int, ...]

    @property
    def bits(self) -> int:
        return len(self.table).bit_length() - 1

    def corners(self, value: int) -> list[tuple[int, ...]]:
        return [x for x, y in zip(cube(self.bits), self.table, strict=True) if y == value]


def cube(bits: int) -> list[tuple[int, ...]]:
    return list(itertools.product((0, 1), repeat=bits))


Instance = Quadruple | BooleanFunction


@st.composite
def quadruples(draw) -> Quadruple:
    m = draw(sizes(1, 3))
    a, b, c = (draw(matrices(m, 1)) for _ in range(3))
    return Quadruple(a, b, c, b + c - a)


def boolean_functions(max_bits: int = 3) -> st.SearchStrategy[BooleanFunction]:
    bit = st.integers(0, 1)
    return sizes(1, max_bits).flatmap(lambda n: st.tuples(*[bit] * 2**n).map(BooleanFunction))


Row = tuple[tuple[Fraction, ...], bool]
"""Coefficients of the unknowns, then a constant. Their sum is to be >= 0, or > 0 where the flag says so."""


def solve(rows: Sequence[Row], unknowns: int) -> list[Fraction] | None:
    """A solution of linear inequalities, or `None` when there is none, by the elimination of Fourier and Motzkin."""
    if unknowns == 0:
        return [] if all(r[0] > 0 or (r[0] == 0 and not strict) for r, strict in rows) else None
    # Divided by |coefficient of the first unknown x|, each row says nothing of x, or x >= -rest, or x <= rest.
    sides: tuple[list[Row], ...] = ([], [], [])
    for (first, *rest), strict in rows:
        side = sides[0 if first == 0 else 1 if first > 0 else 2]
        side.append((tuple(t / abs(first or 1) for t in rest), strict))
    free, low, high = sides
    both = [(tuple(x + y for x, y in zip(p, q, strict=True)), s or t) for p, s in low for q, t in high]
    others = solve(list(dict.fromkeys(free + both)), unknowns - 1)
    if others is None:
        return None
    at = [*others, Fraction(1)]
    lows, highs = ([sum((p * q for p, q in zip(r, at, strict=True)), Fraction(0)) for r, _ in s] for s in (low, high))
    least = max((-t for t in lows), default=min(highs, default=Fraction(0)) - 2)
    return [(least + min(highs, default=least + 2)) / 2, *others]


def separator(q: Quadruple, signs: Sequence[int] = SIGNS, *, strict: bool = True) -> list[Fraction] | None:
    """(w, beta) with each point weakly on the side of its sign and, if `strict`, one of them strictly; or `None`."""
    points = q.inputs()
    size = len(points[0])
    # The value of the unit at x is linear in (w, beta): read the coefficients off the formula.
    units = [(column([int(i == j) for j in range(size)]), int(i == size)) for i in range(size + 1)]
    values = [[as_fraction(unit(w, beta, column(x))) for w, beta in units] for x in points]
    for k in range(4) if strict else [-1]:
        rows = [
            ((*(s * t for t in r), Fraction(0)), i == k) for i, (s, r) in enumerate(zip(signs, values, strict=True))
        ]
        found = solve(rows, size + 1)
        if found is not None:
            return found
    return None


def values_of(q: Quadruple, found: Sequence[Fraction]) -> list[Fraction]:
    return [as_fraction(unit(column(found[:-1]), rational(found[-1]), column(x))) for x in q.inputs()]


@functools.cache
def threshold_functions(bits: int) -> frozenset[tuple[int, ...]]:
    """The tables [w x > t] for integer weights of at most 2 in size and every half-integer t between their sums."""
    found = set()
    for w in itertools.product(range(-2, 3), repeat=bits):
        sums = [sum(p * q for p, q in zip(w, x, strict=True)) for x in cube(bits)]
        found |= {tuple(int(2 * s > t) for s in sums) for t in range(2 * min(sums) - 1, 2 * max(sums) + 2, 2)}
    return frozenset(found)


def parallelogram(f: BooleanFunction) -> Quadruple | None:
    """Corners with a + d = b + c, f(a) = f(d) = 0 and f(b) = f(c) = 1."""
    pairs = itertools.combinations_with_replacement
    ends = {tuple(map(sum, zip(b, c, strict=True))): (b, c) for b, c in pairs(f.corners(1), 2)}
    for a, d in pairs(f.corners(0), 2):
        if (diagonal := ends.get(tuple(map(sum, zip(a, d, strict=True))))) is not None:
            b, c = diagonal
            return Quadruple(column(a), column(b), column(c), column(d))
    return None


def check(i: Instance) -> Verdict:
    if isinstance(i, BooleanFunction):
        same = (i.table in threshold_functions(i.bits)) == (parallelogram(i) is None)
        return decided(same, "integer weights were found, or else a parallelogram")
    found = separator(i)
    if found is None:
        return holds("no unit separates the diagonals")
    return fails(f"separated by (w, beta) = {shown(found)} with the values {shown(values_of(i, found))}")


def shown(numbers: Sequence[Fraction]) -> str:
    return f"({', '.join(map(str, numbers))})"


def interpret(i: Instance) -> Model | None:
    """A parallelogram, any unit, and a unit that weakly separates: by the theorem it vanishes at the corners."""
    q = parallelogram(i) if isinstance(i, BooleanFunction) else i
    if q is None:
        return None
    kernel = hstack([q.b - q.a, q.c - q.a]).T.kernel()
    v = kernel[:, :1] if kernel.cols else q.a - q.a
    return Model(
        {
            "a": q.a,
            "b": q.b,
            "c": q.c,
            "d": q.d,
            "w": q.a + 2 * q.b,
            "beta": Fraction(1, 3),
            "v": v,
            "gamma": -v.inner(q.a),
        }
    )


def stratum(i: Instance) -> str:
    if isinstance(i, BooleanFunction):
        return f"function of {i.bits} bits"
    if i.a in (i.b, i.c):
        return "two corners coincide"
    return "generic" if hstack([i.b - i.a, i.c - i.a]).rank() == 2 else "four points on a line"


def square(d: Sequence[Any] = (1, 1), **change: bool) -> Quadruple:
    """The corners of the unit square, with the last one moved to `d`."""
    return Quadruple(column([0, 0]), column([1, 0]), column([0, 1]), column(d), **change)


def show(q: Quadruple) -> str:
    found = separator(q)
    assert found is not None
    names = "(w_1, w_2, beta)" if not q.product else "(w_1, w_2, weight of x_1 x_2, beta)"
    return f"{names} = {shown(found)}\ng(a), g(b), g(c), g(d) = {', '.join(map(str, values_of(q, found)))}"


def of_square(conclusion: Callable[[Quadruple], bool]) -> Callable[[Instance], Verdict]:
    return lambda i: decided(not isinstance(i, Quadruple) or conclusion(i))


def of_function(conclusion: Callable[[BooleanFunction], bool]) -> Callable[[Instance], Verdict]:
    return lambda i: decided(not isinstance(i, BooleanFunction) or conclusion(i))


def is_monotone(f: BooleanFunction) -> bool:
    """Non-decreasing in every bit."""
    value = dict(zip(cube(f.bits), f.table, strict=True))
    ordered = [(x, y) for x in value for y in value if all(p <= q for p, q in zip(x, y, strict=True))]
    return all(value[x] <= value[y] for x, y in ordered)


def draw_counts(ax):
    """How many of the functions of n bits are threshold functions."""
    bits = [1, 2, 3]
    ax.bar(bits, [2**2**n for n in bits], color="lightgrey", label="all functions of n bits")
    ax.bar(bits, [len(threshold_functions(n)) for n in bits], width=0.5, label="computed by one unit")
    ax.set(yscale="log", xlabel="n", xticks=bits)
    ax.legend()
    return ax


claim = Claim(
    __name__,
    __doc__,
    source=Citation("yao2019theories", 'slide "Locality or Sparsity of Computation"'),
    also=(
        Citation("minsky1969perceptrons", "as cited on that slide"),
        Citation("oeis-A000609", "the terms 4, 14, 104"),
    ),
    premises=(
        Premise(
            "parallelogram",
            "The points on one side and those on the other have the same midpoint: $a + d = b + c$.",
            holds=lambda i: isinstance(i, BooleanFunction) or i.a + i.d == i.b + i.c,
            without=lambda: square((Fraction(2, 5), Fraction(2, 5))),
            show=show,
        ),
        Premise(
            "affine",
            "The unit is affine in the inputs: no feature such as $x_1 x_2$ is computed first.",
            holds=lambda i: isinstance(i, BooleanFunction) or not i.product,
            without=lambda: square(product=True),
            show=show,
        ),
    ),
    derivation=proof,
    interpret=interpret,
    instances=lambda: st.one_of(quadruples(), boolean_functions()),
    check=check,
    stratum=stratum,
    figure=draw_counts,
    beyond="infeasibility of the inequalities by elimination, and that a function of up to three bits without such a parallelogram is a threshold function",
    mutants=(
        Mutant(
            "not even weakly",
            r"No $(w, \beta)$ has $g(a), g(d) \le 0 \le g(b), g(c)$.",
            of_square(lambda q: separator(q, strict=False) is None),
            square,
        ),
        Mutant(
            "sides instead of diagonals",
            "The points $a, b$ cannot be separated from $c, d$.",
            of_square(lambda q: separator(q, (-1, -1, 1, 1)) is None),
            square,
        ),
        Mutant(
            "a perceptron cannot compute AND",
            "The point $d$ cannot be separated from $a, b, c$.",
            of_square(lambda q: separator(q, (-1, -1, -1, 1)) is None),
            square,
        ),
        Mutant(
            "threshold functions are monotone",
            "A threshold function is non-decreasing in every bit.",
            of_function(lambda f: is_monotone(f) or f.table not in threshold_functions(f.bits)),
            lambda: BooleanFunction((0, 0, 1, 0)),
        ),
        Mutant(
            "XNOR is a threshold function",
            "Of the functions of two bits, XOR alone is no threshold function: fifteen of sixteen are.",
            of_function(lambda f: f.bits != 2 or f.table == (0, 1, 1, 0) or f.table in threshold_functions(2)),
            lambda: BooleanFunction((1, 0, 0, 1)),
        ),
        Mutant(
            "two bits suffice",
            "A function of three bits that is no threshold function is XOR or its negation in two of its bits.",
            of_function(
                lambda f: (
                    f.bits != 3
                    or f.table in threshold_functions(3)
                    or any(f.table in (s, tuple(1 - y for y in s)) for s in xors_of_two_among_three())
                )
            ),
            lambda: BooleanFunction((0, 1, 1, 0, 1, 0, 0, 1)),
        ),
    ),
)


def xors_of_two_among_three() -> list[tuple[int, ...]]:
    return [tuple(x[i] ^ x[j] for x in cube(3)) for i, j in ((0, 1), (0, 2), (1, 2))]
