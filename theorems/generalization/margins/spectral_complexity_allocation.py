r"""Covering a deep network costs least when the layers share the radius by the two-thirds rule.

**Theorem.** Let $c_i, d_i > 0$ for $1 \le i \le L$, $\varepsilon > 0$, and
$T = \sum_{i=1}^L (c_i d_i)^{2/3}$. All radii $\varepsilon_i > 0$ with $\sum_i d_i \varepsilon_i \le \varepsilon$ satisfy
$$\sum_{i=1}^L \frac{c_i^2}{\varepsilon_i^2} \ge \frac{T^3}{\varepsilon^2},$$
with equality and $\sum_i d_i \varepsilon_i = \varepsilon$ for
$\varepsilon_i = \varepsilon\, (c_i d_i)^{2/3} / (d_i T)$.

**Idea.** Put $a_i = (c_i d_i)^{1/3}$ and $x_i = d_i \varepsilon_i$, so that $c_i^2/\varepsilon_i^2 = a_i^6/x_i^2$ and
$T = \sum_i a_i^2$. The tangent of the convex function $x \mapsto a^6/x^2$ at the claimed optimum lies below it:
$$\varepsilon^3 \frac{a^6}{x^2} - 3 \varepsilon T^2 a^2 + 2 T^3 x
  = \frac{(a^2 \varepsilon - T x)^2\, (a^2 \varepsilon + 2 T x)}{x^2} \ge 0 .$$
The slope $-2T^3$ is the same for all layers, so that the sum over the layers only sees $\sum_i x_i \le \varepsilon$. The sums
are built up by induction over the layers; nothing is cited.

**Reading.** Layer $i$ of a network is covered at radius $\varepsilon_i$ with entropy
$c_i^2 \ln(2W^2)/\varepsilon_i^2$, $c_i = b_i \|X\|_F \prod_{j<i} \rho_j s_j$, and the layers above stretch its error by
$d_i = \rho_i \prod_{j>i} \rho_j s_j$. Then $c_i d_i = \|X\|_F\, (\prod_j \rho_j s_j)\, b_i/s_i$, and $T^{3/2}$ is $\|X\|_F$
times the spectral complexity: that is where its exponents 2/3 and 3/2 come from. Equal shares $d_i\varepsilon_i = \varepsilon/L$ would
cost $L^2 \sum_i (c_i d_i)^2/\varepsilon^2$ instead.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from hypothesis import strategies as st

from numerics.evidence.verdict import Verdict, at_least, equal, every
from numerics.strategies import sizes
from theorems import Citation, Claim, Mutant, Premise, Tight
from theorems.proof import Derivation
from theorems.proof.crosscheck import Model


def cost(a, inverse_share):
    r"""$a^6/x^2$, the entropy of a layer with $c d = a^3$ that gets the share $x = d \varepsilon$, given $1/x$."""
    return a**6 * inverse_share**2


# Proof.


def proof() -> Derivation:
    from theorems.proof import Indexed, at_least, at_most, equal, nonnegative, positive, zero

    d = Derivation("two-thirds rule")
    a, x, z = (d.family(f"{name}[i]: 1 1", "i") for name in "axz")
    y, w = (d.family(f"{name}[i]: 1 1", "i") for name in "yw")
    T, X, V, Y, U = (d.family(f"{name}[i]: 1 1", "i") for name in "TXVYU")
    eps = d.scalar("epsilon")
    L = d.index_constant("L")

    def each(relation, low="1"):
        return d.given(Indexed(relation, "i", low, L))

    eps_positive = d.given(positive(eps))
    cubes = each(positive(a("i")))
    shares = each(positive(x("i")))
    inverse = each(equal(x("i") * z("i"), 1))
    rule = each(equal(y("i") * T(L), eps * a("i") ** 2))
    rule_inverse = each(equal(y("i") * w("i"), 1))
    budget = d.given(at_most(X(L), eps))
    sums = {}
    for total, term in (
        (T, a("i") ** 2),
        (X, x("i")),
        (V, cost(a("i"), z("i"))),
        (Y, y("i")),
        (U, cost(a("i"), w("i"))),
    ):
        sums[total] = d.given(zero(total("0"))), each(equal(total("i"), total("i-1") + term))

    def induction(relation, step, symbol):
        """R(0) by the empty sums, R(j+1) from R(j) by `step`."""
        index = d.index(symbol, "0", "L-1")
        supposed = d.suppose(relation(symbol))
        after = step(supposed, f"{symbol}+1")
        base = d.algebra(zero(relation("0").expr), [empty for empty, _ in sums.values()])
        base = base if relation("0").kind == "=0" else d.weaken(base, relation("0"))
        return d.induction(index, supposed, after, base)

    def grown(total, k):
        return d.at(sums[total][1], k)

    # T_k = a_1^2 + ... + a_k^2 is non-negative, and t = T_L is positive.
    def add_square(supposed, k):
        return d.squares(nonnegative(T(k)), [(1, supposed), a(k)], [grown(T, k)])

    squares = induction(lambda k: nonnegative(T(k)), add_square, "k")
    t, last = T(L), d.at(cubes, L)
    t_positive = d.squares(positive(t), [(1, d.at(squares, "L-1")), (1, last, last)], [grown(T, L)], rounds=4)

    # V_j eps^3 >= 3 eps t^2 T_j - 2 t^3 X_j: the tangents add up.
    def tangents(k):
        return at_least(V(k) * eps**3, 3 * eps * t**2 * T(k) - 2 * t**3 * X(k))

    def add_tangent(supposed, k):
        gap = z(k) * (a(k) ** 2 * eps - t * x(k))
        terms = [(1, supposed), (1, eps_positive, gap * a(k)), (2, t_positive, d.at(shares, k), gap)]
        return d.squares(tangents(k), terms, [d.at(inverse, k), *(grown(s, k) for s in (V, T, X))])

    summed = d.at(induction(tangents, add_tangent, "j"), L)
    least = d.goal(at_least(V(L) * eps**2, t**3))
    terms = [(1, summed), (2, budget, t_positive, t_positive, t_positive)]
    scaled = d.squares(at_least(V(L) * eps**3, eps * t**3), terms)
    one_over, reciprocal = d.reciprocal(eps_positive, "1/epsilon")
    d.squares(least, [(1, scaled, d.smt(positive(one_over), [eps_positive, reciprocal]))], [reciprocal])

    # The rule spends the whole radius, and its cost is the least one.
    def add_share(supposed, k):
        return d.algebra(equal(Y(k) * t, eps * T(k)), [supposed, grown(Y, k), grown(T, k), d.at(rule, k)])

    spent = d.at(induction(lambda k: equal(Y(k) * t, eps * T(k)), add_share, "m"), L)
    radius = d.goal(equal(Y(L), eps))
    _, inverse_t = d.reciprocal(t_positive, "1/t")
    d.algebra(radius, [spent, inverse_t])

    def add_cost(supposed, k):
        facts = [supposed, grown(U, k), grown(T, k), d.at(rule, k), d.at(rule_inverse, k)]
        # t = eps a^2 / y
        share = d.algebra(equal(t, eps * a(k) ** 2 * w(k)), facts[3:])
        return d.algebra(equal(U(k) * eps**2, T(k) * t**2), [share, *facts[:3]], rounds=6)

    costs = d.at(induction(lambda k: equal(U(k) * eps**2, T(k) * t**2), add_cost, "n"), L)
    attained = d.goal(equal(U(L) * eps**2, t**3))
    d.algebra(attained, [costs])
    return d


# Check.


@dataclass(frozen=True)
class Budget:
    r"""Layers with $c_i d_i = a_i^3$, so that the least cost is rational, a radius, and some way to share it."""

    roots: tuple[Fraction, ...]
    stretch: tuple[Fraction, ...]
    radius: Fraction
    radii: tuple[Fraction, ...]

    @property
    def costs(self) -> tuple[Fraction, ...]:
        r"""$c_i$."""
        return tuple(a**3 / d for a, d in zip(self.roots, self.stretch, strict=True))

    @property
    def spent(self) -> Fraction:
        r"""$\sum_i d_i \varepsilon_i$."""
        return sum((d * e for d, e in zip(self.stretch, self.radii, strict=True)), Fraction(0))

    def shared(self, weights: Sequence[Fraction]) -> tuple[Fraction, ...]:
        """The radii when the layers get the whole radius in these proportions."""
        total = sum(weights, Fraction(0))
        return tuple(self.radius * w / (d * total) for w, d in zip(weights, self.stretch, strict=True))


def entropy(t: Budget, radii: Sequence[Fraction]) -> Fraction:
    r"""$\sum_i c_i^2/\varepsilon_i^2$."""
    return sum((c**2 / e**2 for c, e in zip(t.costs, radii, strict=True)), Fraction(0))


def least_cost(t: Budget, power: int = 2, total: int = 3) -> Fraction:
    r"""$T^3/\varepsilon^2$ with $T = \sum_i a_i^2$; other powers are for false variants."""
    return sum((a**power for a in t.roots), Fraction(0)) ** total / t.radius**2


def rule(t: Budget) -> tuple[Fraction, ...]:
    """The radii of the two-thirds rule."""
    return t.shared([a**2 for a in t.roots])


def check(t: Budget) -> Verdict:
    best = rule(t)
    spent = sum((d * e for d, e in zip(t.stretch, best, strict=True)), Fraction(0))
    return every(
        [
            at_least(entropy(t, t.radii), least_cost(t), "these radii"),
            equal(spent, t.radius, "the rule spends the radius"),
            equal(entropy(t, best), least_cost(t), "the rule costs least"),
            at_least(entropy(t, t.shared([Fraction(1)] * len(t.roots))), least_cost(t), "equal shares"),
        ]
    )


POSITIVE = [Fraction(n, d) for n, d in ((1, 1), (2, 1), (1, 2), (3, 1), (1, 3), (10, 1), (1, 1000), (7, 5))]


@st.composite
def budgets(draw) -> Budget:
    some = st.sampled_from(POSITIVE)
    depth = draw(sizes(1, 5))
    roots, stretch, weights = (tuple(draw(some) for _ in range(depth)) for _ in range(3))
    t = Budget(roots, stretch, draw(some), ())
    radii = draw(st.sampled_from([t.shared(weights), rule(t)]))
    share = draw(st.sampled_from([Fraction(1), Fraction(9, 10)]))
    return Budget(roots, stretch, t.radius, tuple(share * e for e in radii))


def interpret(t: Budget) -> Model:
    values: dict[str, object] = {"epsilon": t.radius}
    sums = dict.fromkeys("TXVYU", Fraction(0))
    best = rule(t)
    values |= {f"{name}[0]": Fraction(0) for name in sums}
    for i, (a, d) in enumerate(zip(t.roots, t.stretch, strict=True), 1):
        x, y = d * t.radii[i - 1], d * best[i - 1]
        terms = {"T": a**2, "X": x, "V": cost(a, 1 / x), "Y": y, "U": cost(a, 1 / y)}
        sums = {name: total + terms[name] for name, total in sums.items()}
        values |= {f"a[{i}]": a, f"x[{i}]": x, f"z[{i}]": 1 / x, f"y[{i}]": y, f"w[{i}]": 1 / y}
        values |= {f"{name}[{i}]": total for name, total in sums.items()}
    return Model(values, indices={"L": len(t.roots)})


def stratum(t: Budget) -> str:
    if t.radii == rule(t):
        return "at the optimum"
    return "one layer" if len(t.roots) == 1 else "generic"


def two_layers(*radii: int | Fraction) -> Budget:
    """Two layers with c = d = 1 and the radius 1."""
    one = Fraction(1)
    return Budget((one, one), (one, one), one, tuple(Fraction(e) for e in radii))


def uneven() -> Budget:
    """c d = 1 and 8: the rule shares the radius as 1 : 4."""
    t = Budget((Fraction(1), Fraction(2)), (Fraction(1), Fraction(1)), Fraction(1), ())
    return Budget(t.roots, t.stretch, t.radius, rule(t))


def costs_least(weights: Callable[[Fraction], Fraction]) -> Callable[[Budget], Verdict]:
    """That sharing in proportion to `weights(a)` is at least as good as the radii of the instance."""
    return lambda t: at_least(entropy(t, t.radii), entropy(t, t.shared([weights(a) for a in t.roots])))


def shown(t: Budget) -> str:
    return f"sum d_i eps_i = {t.spent} against {t.radius}\ncost {entropy(t, t.radii)} < {least_cost(t)} = T^3/eps^2"


claim = Claim(
    __name__,
    __doc__,
    source=Citation("bartlett2017spectrally", "Theorem 3.3 and equation (1.2)"),
    premises=(
        Premise(
            "budget",
            r"The radii fit: $\sum_i d_i \varepsilon_i \le \varepsilon$.",
            holds=lambda t: t.spent <= t.radius,
            without=lambda: two_layers(1, 1),
            show=shown,
        ),
        Premise(
            "positive radii",
            r"Every $\varepsilon_i$ is positive.",
            holds=lambda t: all(e > 0 for e in t.radii),
            without=lambda: two_layers(3, -2),
            show=shown,
        ),
        Premise(
            "positive data",
            r"$c_i, d_i, \varepsilon > 0$.",
            holds=lambda t: min(*t.roots, *t.stretch, t.radius) > 0,
            kind="typing",
            why="the rule divides by all of them; a layer with c_i = 0 costs nothing and is left out",
        ),
    ),
    derivation=proof,
    interpret=interpret,
    instances=budgets,
    check=check,
    stratum=stratum,
    tight=(
        Tight(
            "the two-thirds rule",
            uneven,
            lambda t: every([equal(entropy(t, t.radii), least_cost(t)), equal(t.spent, t.radius)]),
        ),
    ),
    mutants=(
        Mutant(
            "exponent 1",
            r"The rule costs $(\sum_i c_i d_i)^2/\varepsilon^2$.",
            lambda t: equal(entropy(t, rule(t)), least_cost(t, 3, 2)),
            uneven,
        ),
        Mutant(
            "exponent 1/3",
            r"The least cost is $(\sum_i (c_i d_i)^{1/3})^6/\varepsilon^2$.",
            lambda t: at_least(entropy(t, t.radii), least_cost(t, 1, 6)),
            uneven,
        ),
        Mutant(
            "square of the sum",
            r"The least cost is $T^2/\varepsilon^2$.",
            lambda t: equal(entropy(t, rule(t)), least_cost(t, 2, 2)),
            uneven,
        ),
        Mutant(
            "equal shares",
            r"$d_i \varepsilon_i = \varepsilon/L$ costs least.",
            costs_least(lambda a: Fraction(1)),
            uneven,
        ),
        Mutant(
            "one-third rule",
            r"$d_i \varepsilon_i \propto (c_i d_i)^{1/3}$ costs least.",
            costs_least(lambda a: a),
            uneven,
        ),
        Mutant(
            "proportional rule",
            r"$d_i \varepsilon_i \propto c_i d_i$ costs least.",
            costs_least(lambda a: a**3),
            uneven,
        ),
    ),
)
