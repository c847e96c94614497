r"""Where all sublevel sets are connected, no poor local minimum is strict.

**Theorem.** Let $\Theta$ be a Hausdorff space and $E : \Theta \to \mathbb{R}$ a function for which $\{E \le u\}$ is connected for
every real $u$ (the empty set is connected). Then:
(a) no strict local minimum $x$ of $E$ has $E(x) > \inf E$;
(b) more generally, for $c > \inf E$ there are no compact $S \ne \emptyset$ with $E = c$ on $S$ and open $O \supseteq S$ with
$E > c$ on $O \setminus S$;
(c) if $E$ attains its minimum, every connected component of every non-empty $\{E \le u\}$ contains a global minimum.

**Idea.** In (b), $S = O \cap \{E \le c\}$ is open in $\{E \le c\}$; a compact set is closed. A connected set has no non-empty part
that is open and closed in it, except itself; but some $a$ with $E(a) < c$ lies in $\{E \le c\}$ and not in $S$. For (a) take
$S = \{x\}$. In (c) there is one component, the set itself. Two textbook facts of topology are cited. Continuity is not used. The formal goal is (b), and what refutes the
printed form; (a) and (c) follow as said.

**Reading.** Papers print "no poor local minima". That is false: a plateau may be a poor local minimum. With
$s = x^2 + z^2$ let $E = s\, y^2 + (s - \tfrac12)^2$. From any point let $y$ shrink to 0, then move $s$ to $\tfrac12$; $E$ never
rises, and there lies a circle: all sublevel sets are connected. But $E - \tfrac14 = s\, (s + y^2 - 1) \ge 0$ for
$y \ge 1$, so the points $(0, y, 0)$ with $y > 1$ are local minima, of value $\tfrac14 > 0$. Two ReLU neurons and one sample do the
same: where both neurons are dead, the loss is constant. And the converse is false: $(x^2 - 1)^2$ has only global minima.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import pairwise

from flint import fmpq
from hypothesis import strategies as st

from numerics.arithmetic.exact import Matrix, Rational, column, rational
from numerics.arithmetic.polynomial import Polynomial
from numerics.evidence.verdict import Verdict, at_most, decided, equal, every, fails, greater_than
from numerics.strategies import rationals, sizes
from numerics.sublevel.cells.one_variable import components, is_strict_minimum, last_root
from theorems import Citation, Claim, Mutant, Premise, Printed
from theorems.cited import topology
from theorems.proof import Derivation, Letter, Statement
from theorems.proof.crosscheck import Model


def surface(x, y, z):
    r"""$E = s\, y^2 + (s - \tfrac12)^2$ with $s = x^2 + z^2$."""
    s = x**2 + z**2
    return s * y**2 + (2 * s - 1) ** 2 / 4


def between(s, t):
    r"""From $s$ to $\tfrac12$."""
    return (1 - t) * s + t / 2


# Proof.


def proof() -> Derivation:
    from theorems.proof import at_least, at_most, equal, less, letter, nonnegative

    d = Derivation("connected sublevel sets exclude strict poor minima")
    theta, x, a = d.matrices("theta: k 1", "x: d 1", "a: d 1")
    c, e = d.scalars("c e")
    point, number = Letter("v", "d", "1"), Letter("f", "1", "1")
    v, f = letter(point), letter(number)
    connected = d.given(topology.connected(theta, c), "the sublevel set is connected")
    nonempty = d.given(topology.inside(theta, x), "S is not empty")
    compact = d.given(topology.compact(theta), "S is compact")
    value = d.given(topology.value(theta, a, e), "the value at a")
    lower = d.given(less(e, c), "c is not the infimum")
    outside = Statement(
        (point, number), (topology.value(theta, v, f), less(f, c)), (topology.inside(theta, v).negation,)
    )
    on_level = d.given(outside, "E = c on S")
    poor = d.goal(topology.isolated(theta, c).negation)
    _, (a_outside,) = d.apply(on_level, {"v": a, "f": e}, [value, lower])
    below = d.weaken(lower, at_most(e, c))
    at = {"theta": theta, "x": x, "a": a, "c": c, "e": e}
    _, (not_clopen,) = d.axiom(topology.CONNECTED_SETS, at, [connected, nonempty, value, below, a_outside])
    _, (done,) = d.axiom(topology.COMPACT_SETS, {"theta": theta, "c": c}, [compact, not_clopen])
    assert done.content == poor

    # The surface that refutes the printed form: moving y to 0 and s to 1/2 never climbs, and there is a plateau.
    p, q, r, t, h = d.scalars("p q r t h")
    after, before = d.given(nonnegative(t), "t >= 0"), d.given(nonnegative(1 - t), "t <= 1")
    edge = d.given(at_least(q, 1), "q >= 1")
    slide = d.goal(at_most(surface(p, t * q, r), surface(p, q, r)))
    d.squares(slide, [(1, before, p * q), (1, before, r * q), (1, after, before, p * q), (1, after, before, r * q)])
    s = p**2 + r**2
    turn = d.goal(at_most((2 * between(s, t) - 1) ** 2, (2 * s - 1) ** 2))
    d.squares(turn, [(1, after, 2 * s - 1), (1, after, before, 2 * s - 1)])
    plateau = d.goal(at_least(surface(p, q, r), Fraction(1, 4)))
    d.squares(plateau, [s, (1, edge, edge, p), (1, edge, edge, r), (2, edge, p), (2, edge, r)])
    poor_value = d.goal(equal(surface(0 * p, h, 0 * r), Fraction(1, 4)))
    d.algebra(poor_value, reason="the value on the axis, while the circle has the value 0")
    d.model_predicate("the sublevel set is connected", lambda theta, c: len(components(described(theta)[0], c)) <= 1)
    d.model_predicate("lies in S", is_in_S)
    d.model_predicate("has the value", lambda theta, v, f: described(theta)[0](scalar(v)) == f)
    d.model_predicate("S is compact", lambda theta: described(theta)[2] <= described(theta)[3])
    d.model_predicate("S is open and closed in the sublevel set", is_open_and_closed)
    d.model_predicate("E = c on S, and E > c on O without S for an open O around S", is_isolated)
    return d


# Check.


@dataclass(frozen=True)
class Line:
    r"""The polynomial $E$ on $\mathbb{R}$ with $E(0) = 0$ and $E' = \prod_i (x - r_i)$; an odd number of `roots` $r_i$.

    `reach` says how far around a point the set $S$ of the theorem goes.
    """

    roots: tuple[Fraction, ...]
    reach: Fraction = Fraction(0)

    @cached_property
    def E(self) -> Polynomial:
        return Polynomial(Polynomial.from_roots(self.roots).to_flint().integral())

    @cached_property
    def minimum(self) -> fmpq:
        return min(map(self.E, self.roots))

    @property
    def minimisers(self) -> list[Fraction]:
        return sorted({r for r in self.roots if self.E(r) == self.minimum})

    @cached_property
    def levels(self) -> list[fmpq]:
        """All critical values, a level between each two, and one above: the topology changes nowhere else."""
        values = sorted({self.E(r) for r in self.roots})
        return [*values, *((a + b) / 2 for a, b in pairwise(values)), values[-1] + 1]


@dataclass(frozen=True)
class Surface:
    r"""$E = s\, y^2 + (s - \tfrac12)^2$, $s = x^2 + z^2$, at a point of its plateau and at points to be joined."""

    poor: tuple[Fraction, Fraction, Fraction] = (Fraction(0), Fraction(2), Fraction(0))
    points: tuple[tuple[Rational, ...], ...] = ((0, 2, 0), (1, 3, -2), (0, 0, 0), (1, 0, 0), (2, -5, 1))

    def loss(self, point) -> fmpq:
        return surface(*map(rational, point))


Neurons = tuple[fmpq, fmpq, fmpq, fmpq]


@dataclass(frozen=True)
class DeadNeurons:
    r"""$E = (b_1 \rho(w_1) + b_2 \rho(w_2) - 1)^2$: two ReLU neurons and the sample $x = y = 1$; points $(w_1, w_2, b_1, b_2)$."""

    poor: tuple[int, int, int, int] = (-1, -1, 3, 5)
    points: tuple[tuple[Rational, ...], ...] = (
        (-1, -1, 3, 5),
        (2, -1, 1, 7),
        (1, 3, 2, -1),
        (-3, 2, 4, 1),
        (2, 1, 0, 1),
    )

    def loss(self, point) -> fmpq:
        w, v, b, c = map(rational, point)
        return (b * max(w, fmpq(0)) + c * max(v, fmpq(0)) - 1) ** 2

    def path(self, point) -> list[Neurons]:
        """To the neurons (1, 1) with output weights (1, 0), below the level of the start."""
        w, v, b, c = map(rational, point)
        one, zero = fmpq(1), fmpq(0)
        vertices = [(w, v, b, c)]
        if self.loss(point) >= 1:  # the output weights may vanish, and then the neurons are free
            return [*vertices, (w, v, zero, zero), (one, v, zero, zero), (one, one, zero, zero), (one, one, one, zero)]
        total = b * max(w, zero) + c * max(v, zero)
        first = b > 0 and w > 0  # this neuron helps: it takes over the whole sum, and the other is free
        if first:
            vertices += [(w, v, total / w, zero), (w, one, total / w, zero), (w, one, one / w, zero)]
        else:
            vertices += [(w, v, zero, total / v), (one, v, zero, total / v), (one, v, zero, one / v)]
        if first:
            vertices += [(w, one, zero, one), (one, one, zero, one)]
        else:
            vertices += [(one, v, one, zero), (one, one, one, zero)]
        return [*vertices, (one, one, one, zero)]


Instance = Line | Surface | DeadNeurons


@st.composite
def lines(draw) -> Line:
    """One sign change of the slope, and double roots, which are inflections or make the minimum flat."""
    bottom, inflections = draw(rationals()), [draw(rationals()) for _ in range(draw(sizes(0, 3)))]
    return Line(tuple(sorted([bottom, *inflections, *inflections])), abs(draw(rationals())))


@st.composite
def plateaus(draw) -> Surface | DeadNeurons:
    """One of the two, with other points to be joined."""
    kind = draw(st.sampled_from([Surface, DeadNeurons]))
    size = 3 if kind is Surface else 4
    return kind(points=(tuple(draw(rationals()) for _ in range(size)), *kind.points[:1]))


def landscapes() -> st.SearchStrategy[Instance]:
    return st.integers(0, 5).flatmap(lambda k: plateaus() if k == 5 else lines())


def is_connected(t: Instance) -> bool:
    """At every level; for the two plateaus by the paths that `check` follows."""
    if not isinstance(t, Line):
        return is_joined(t).holds
    return all(len(components(t.E, u)) <= 1 for u in t.levels)


def check(t: Instance) -> Verdict:
    """Strict local minima by Taylor expansion, components by Sturm sequences; plateaus by explicit paths."""
    if not isinstance(t, Line):
        return is_not_strict(t) & is_joined(t)
    strict = [r for r in t.roots if is_strict_minimum(t.E, r)]
    verdicts = [equal(t.E(r), t.minimum, f"the strict local minimum at {r} is global") for r in strict]
    for u in t.levels:
        inhabited = {last_root(t.E, u, r) for r in t.minimisers}
        for i, j in components(t.E, u):
            verdicts.append(decided(any(i <= k <= j for k in inhabited), f"a global minimum in each component at {u}"))
    return every(verdicts)


def is_not_strict(t: Surface | DeadNeurons) -> Verdict:
    k = 1 if isinstance(t, Surface) else 0
    beside = [(*t.poor[:k], t.poor[k] + Fraction(1, n), *t.poor[k + 1 :]) for n in (2, 10, 1000)]
    return decided(
        all(t.loss(x) == t.loss(t.poor) for x in beside), "points of the same value beside the plateau's point"
    )


def is_refuted(t: Instance) -> Verdict:
    """The printed form at a plateau: fails when the evidence for connectedness and for a poor local minimum is complete."""
    if isinstance(t, Line):
        return check(t)
    if not (evidence := is_joined(t)).holds:
        return ~evidence
    best = (Fraction(1, 2), 0, Fraction(1, 2)) if isinstance(t, Surface) else (1, 1, 1, 0)
    poor = greater_than(t.loss(t.poor), t.loss(best)) & is_a_local_minimum(t)
    return (
        fails(f"a local minimum of value {t.loss(t.poor)} > {t.loss(best)}, and {evidence.reason}")
        if poor.holds
        else ~poor
    )


def is_joined(t: Surface | DeadNeurons) -> Verdict:
    """Paths from all points to the global minima, below their starts."""
    return climbs_nowhere(t) if isinstance(t, Surface) else joins(t)


def climbs_nowhere(t: Surface) -> Verdict:
    """From each point, as polynomials on [0, 1]: first y shrinks to 0, then s moves to 1/2. The rest is a circle."""
    verdicts = []
    for x, y, z in t.points:
        slide = Polynomial.interpolate(range(3), [t.loss((x, k * y, z)) for k in range(3)])
        s = rational(x) ** 2 + rational(z) ** 2
        turn = Polynomial([s - fmpq(1, 2), fmpq(1, 2) - s]) ** 2
        verdicts += [slide.is_at_most(slide(1)), turn.is_at_most(t.loss((x, y, z)))]
    return decided(every(verdicts).holds, "the paths to the circle of global minima never climb")


def joins(t: DeadNeurons) -> Verdict:
    """Each segment moves one hidden weight, or output weights only: the output is monotone on it, so ends bound E."""
    verdicts = []
    for point in t.points:
        path = t.path(point)
        verdicts += [at_most(t.loss(x), t.loss(point), "on the path") for x in path]
        for a, b in pairwise(path):
            moved = [k for k in range(4) if a[k] != b[k]]
            verdicts.append(decided(len(moved) <= 1 or moved == [2, 3], f"a segment moves {moved}"))
        verdicts.append(decided(path[-1] == (1, 1, 1, 0), "the end"))
    return decided(every(verdicts).holds, "the paths to one global minimum stay below their starts")


def is_a_local_minimum(t: Surface | DeadNeurons) -> Verdict:
    r"""$E - \tfrac14 = s (s + y^2 - 1)$, compared at more points than its degrees need, and $y > 1$; or both neurons dead."""
    if isinstance(t, DeadNeurons):
        return decided(t.poor[0] < 0 and t.poor[1] < 0, "both neurons are dead near the point")
    grid = [(fmpq(x), fmpq(y), fmpq(z)) for x in range(-2, 3) for y in range(-1, 2) for z in range(-2, 3)]
    same = all(surface(x, y, z) - fmpq(1, 4) == (x**2 + z**2) * (x**2 + z**2 + y**2 - 1) for x, y, z in grid)
    return decided(same and t.poor[0] == t.poor[2] == 0 and abs(t.poor[1]) > 1, "no smaller value nearby")


# The letters: theta lists the coefficients of E, the level c and the ends of an interval; S is where E = c on it.


def described(theta: Matrix) -> tuple[Polynomial, fmpq, fmpq, fmpq]:
    *coefficients, c, low, high = theta.entries()
    return Polynomial(coefficients), c, low, high


def scalar(v) -> fmpq:
    return v[0, 0] if isinstance(v, Matrix) else v


def is_in_S(theta: Matrix, v) -> bool:
    E, c, low, high = described(theta)
    return low <= scalar(v) <= high and E(scalar(v)) == c


def roots_in_S(theta: Matrix) -> range:
    """The numbers of the roots of $E - c$ that lie in S."""
    E, c, low, high = described(theta)
    last = (E - c).number_of_real_roots(None, high)
    return range(last - (E - c).number_of_real_roots(low, high), last)


def is_open_and_closed(theta: Matrix, c: fmpq) -> bool:
    """S is a union of components of the sublevel set: each that meets it is one point."""
    touched = [(i, j) for i, j in components(described(theta)[0], c) if any(i <= k <= j for k in roots_in_S(theta))]
    return described(theta)[1] == c and all(i == j for i, j in touched)


def is_isolated(theta: Matrix, c: fmpq) -> bool:
    """E = c on S, and on both sides of each root in S the polynomial is larger than c."""
    E, level, _, _ = described(theta)
    roots = (E - c).isolate_real_roots()
    ends = [roots[0][0] - 1, *((a[1] + b[0]) / 2 for a, b in pairwise(roots)), roots[-1][1] + 1] if roots else []
    return level == c and all(E(ends[k]) > c and E(ends[k + 1]) > c for k in roots_in_S(theta))


def interpret(t: Instance) -> Model | None:
    if not isinstance(t, Line):
        return None
    poor = [r for r in t.roots if t.E(r) > t.minimum]
    x = poor[0] if poor else max(t.roots) + 1
    a, c = t.minimisers[0], t.E(x)
    theta = column([*t.E.coefficients(), c, x - t.reach, x + t.reach])
    numbers = {"p": x, "q": 1 + a**2, "r": a, "t": Fraction(2, 5), "h": x}
    return Model({"theta": theta, "x": column([x]), "a": column([a]), "c": c, "e": t.minimum, **numbers})


def stratum(t: Instance) -> str:
    if not isinstance(t, Line):
        return "plateau"
    if len(set(t.roots)) < len(t.roots) - (len(t.roots) - 1) // 2:
        return "critical points coincide"
    return "a parabola" if len(t.roots) == 1 else "inflections"


def converse(t: Instance) -> Verdict:
    """No strict poor minimum and no component without a global one, hence connected."""
    return decided(not check(t).holds or is_connected(t), "connected")


def all_critical_points(t: Instance) -> Verdict:
    points = [] if not isinstance(t, Line) else t.roots
    return every(equal(t.E(r), t.minimum, f"the critical point {r}") for r in points if isinstance(t, Line))


def wells(*roots: int) -> Callable[[], Line]:
    return lambda: Line(tuple(map(Fraction, roots)))


def show(t: Instance) -> str:
    assert isinstance(t, Line)
    pieces = [f"{{E <= {u}}} has {len(components(t.E, u))} components" for u in sorted(t.levels)]
    values = [f"E({r}) = {t.E(r)}" for r in t.roots]
    return f"E = {t.E}; critical points {', '.join(values)}\n" + "\n".join(pieces)


claim = Claim(
    __name__,
    __doc__,
    source=Citation("freeman2017topology", "Proposition 2.1"),
    also=(Citation("venturi2019spurious", "abstract"),),
    premises=(
        Premise(
            "connected at every level",
            r"$\{E \le u\}$ is connected for every real $u$.",
            holds=is_connected,
            without=wells(-2, 0, 1),
            show=show,
        ),
    ),
    derivation=proof,
    interpret=interpret,
    instances=landscapes,
    check=check,
    stratum=stratum,
    beyond="(a) and (c) for polynomials of one variable at all their levels, with components counted by Sturm sequences, and two plateaus",
    mutants=(
        Mutant(
            "connected at the minimum only",
            r"It is enough that $\{E \le \min E\}$ is connected.",
            check,
            wells(-2, 0, 1),
        ),
        Mutant(
            "no poor critical points",
            "All critical points are global minima.",
            all_critical_points,
            wells(0, 1, 1),
        ),
        Mutant(
            "converse",
            "If no poor local minimum is strict and no component lacks a global minimum, all sublevel sets are connected.",
            converse,
            wells(-1, 0, 1),
        ),
        Mutant(
            "no plateaus",
            "All local minima are global.",
            is_refuted,
            Surface,
        ),
    ),
    printed=(
        Printed(
            "If all sublevel sets are connected, every local minimum is a global minimum.",
            Citation("freeman2017topology", "Proposition 2.1"),
            is_refuted,
            Surface,
            r"The points $(0, y, 0)$, $y > 1$, of $s y^2 + (s - 1/2)^2$ are local minima of value $1/4$.",
        ),
        Printed(
            r"If $N_u = 1$ for all $u$ then $E$ has no poor local minima.",
            Citation("yao2019theories", "Proposition on N_u = 1"),
            is_refuted,
            DeadNeurons,
            "Two ReLU neurons and one sample: with both neurons dead the loss is constant.",
        ),
    ),
)
