r"""A bound that fails in cell number $i$ with probability at most $\delta/(i(i+1))$ fails in some cell with probability at most $\delta$.

**Theorem.** Let $\delta \ge 0$, and for $1 \le i \le m$ let $p_i \le \frac{\delta}{i(i+1)}$. Then
$p_1 + \dots + p_m \le \delta \big(1 - \frac1{m+1}\big) \le \delta$.

**Idea.** $\frac1{i(i+1)} = \frac1i - \frac1{i+1}$, so the shares telescope. Two inductions: one adds the inequalities up, the
other the shares.

**Reading.** This is the price of a bound for all networks and all margins at once. They are sorted into countably many cells, each
with constants of its own; in cell $i$ the bound is used with $\delta/(i(i+1))$ in the place of $\delta$, which costs $\ln(i(i+1))$
beside $\ln(1/\delta)$. The probability that some cell fails is at most the sum over the first $m$ cells in the limit of large $m$,
because probabilities are subadditive and continuous from below.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from hypothesis import strategies as st

from numerics.evidence.verdict import Verdict, at_most, decided, equal
from numerics.strategies import sizes
from theorems import Citation, Claim, Mutant, Premise, Tight
from theorems.proof import Derivation
from theorems.proof.crosscheck import Model

# Proof.


def proof() -> Derivation:
    from theorems.proof import Indexed, at_most, equal, nonnegative, zero

    d = Derivation("shares of all cells")
    m = d.index_constant("m")
    o, p, a, r, U, V = (d.family(f"{name}[i]: 1 1", "i") for name in ["o", "p", "a", "r", "U", "V"])
    delta = d.scalar("delta")
    delta_sign = d.given(nonnegative(delta))

    def each(relation, name="premise", low="1"):
        return d.given(Indexed(relation, "i", low, m), name)

    # a_i = i, o_i = 1/(i (i+1)), r_i = 1/(i+1); U and V are the sums of p and o.
    rarely = each(at_most(p("i"), delta * o("i")), "each cell fails rarely")
    counted, share = each(equal(a("i"), a("i-1") + 1)), each(equal(o("i") * a("i") * (a("i") + 1), 1), "shares")
    inverse, inverse_sign = each(equal(r("i") * (a("i") + 1), 1), low="0"), each(nonnegative(r("i")), low="0")
    united, shared = each(equal(U("i"), U("i-1") + p("i"))), each(equal(V("i"), V("i-1") + o("i")))
    a_0, U_0, V_0 = d.given(zero(a("0"))), d.given(zero(U("0"))), d.given(zero(V("0")))

    l = d.index("l", "0", f"{m}-1")
    supposed = d.suppose(at_most(U("l"), delta * V("l")))
    sums = [d.at(united, "l+1"), d.at(shared, "l+1")]
    step = d.squares(at_most(U("l+1"), delta * V("l+1")), [(1, supposed), (1, d.at(rarely, "l+1"))], sums)
    base = d.weaken(d.algebra(equal(delta * V("0") - U("0"), 0), [U_0, V_0]), at_most(U("0"), delta * V("0")))
    union = d.at(d.induction(l, supposed, step, base), m)

    j = d.index("j", "0", f"{m}-1")
    whole = d.suppose(equal(V("j") + r("j"), 1))
    before = d.algebra(equal(r("j") * a("j+1"), 1), [d.at(counted, "j+1"), d.at(inverse, "j")])
    half = d.algebra(equal(o("j+1") * (a("j+1") + 1), r("j")), [d.at(share, "j+1"), before])
    product = d.algebra(equal(o("j+1"), r("j") * r("j+1")), [half, d.at(inverse, "j+1")])
    both = d.algebra(equal(r("j") * r("j+1") * (a("j+1") + 1), r("j")), [d.at(inverse, "j+1")])
    difference = d.algebra(equal(r("j") - r("j+1"), r("j") * r("j+1")), [both, before])
    next_ = d.algebra(equal(V("j+1") + r("j+1"), 1), [whole, d.at(shared, "j+1"), product, difference])
    base = d.algebra(equal(V("0") + r("0"), 1), [V_0, a_0, d.at(inverse, "0")])
    total = d.at(d.induction(j, whole, next_, base), m)
    sharp = d.squares(d.goal(at_most(U(m), delta * (1 - r(m)))), [(1, union)], [total])
    d.squares(d.goal(at_most(U(m), delta)), [(1, sharp), (1, delta_sign, d.at(inverse_sign, m))])
    return d


# Check.


@dataclass(frozen=True)
class Cells:
    """The probabilities with which the bounds of the cells fail, as parts of their shares of delta."""

    parts: tuple[Fraction, ...]
    delta: Fraction

    @property
    def probabilities(self) -> list[Fraction]:
        return [part * self.delta / (i * (i + 1)) for i, part in enumerate(self.parts, 1)]


@st.composite
def cells(draw) -> Cells:
    parts = st.sampled_from([Fraction(1), Fraction(0), Fraction(1, 2), Fraction(9, 10)])
    kind = draw(st.sampled_from(["any", "full"]))
    m = draw(sizes(1, 8))
    return Cells(
        tuple(Fraction(1) if kind == "full" else draw(parts) for _ in range(m)),
        draw(st.sampled_from([Fraction(1, 2), Fraction(0), Fraction(1), Fraction(1, 100)])),
    )


def check(t: Cells) -> Verdict:
    m = len(t.parts)
    return at_most(sum(t.probabilities, Fraction(0)), t.delta * Fraction(m, m + 1), "all cells together")


def interpret(t: Cells) -> Model:
    values: dict[str, Any] = {"delta": t.delta, "a[0]": 0, "r[0]": 1, "U[0]": 0, "V[0]": 0}
    for i, p in enumerate(t.probabilities, 1):
        o = Fraction(1, i * (i + 1))
        values |= {f"a[{i}]": i, f"o[{i}]": o, f"r[{i}]": Fraction(1, i + 1), f"p[{i}]": p}
        values |= {f"U[{i}]": values[f"U[{i - 1}]"] + p, f"V[{i}]": values[f"V[{i - 1}]"] + o}
    return Model(values, indices={"m": len(t.parts)})


def stratum(t: Cells) -> str:
    if t.delta == 0:
        return "delta = 0"
    return "all shares used up" if set(t.parts) == {1} else "one cell" if len(t.parts) == 1 else "generic"


# Colophon.


def full(m: int, delta: Fraction = Fraction(1, 2)) -> Cells:
    return Cells((Fraction(1),) * m, delta)


def with_shares(share: Callable[[int], Fraction]) -> Callable[[Cells], Verdict]:
    """Whether the sum of other shares, used up, is at most delta."""
    return lambda t: at_most(sum((t.delta * share(i) for i in range(1, len(t.parts) + 1)), Fraction(0)), t.delta)


claim = Claim(
    __name__,
    __doc__,
    source=Citation("shalev2014understanding", "Section 7.2"),
    premises=(
        Premise(
            "shares",
            r"$p_i \le \delta/(i(i+1))$ for every cell.",
            holds=lambda t: all(part <= 1 for part in t.parts),
            without=lambda: Cells((Fraction(2),), Fraction(1, 2)),
            show=lambda t: f"p_1 = {t.probabilities[0]}, and delta (1 - 1/2) = {t.delta / 2}",
        ),
        Premise(
            "not negative",
            r"$\delta \ge 0$.",
            holds=lambda t: t.delta >= 0,
            kind="typing",
            why="it bounds a probability",
        ),
    ),
    derivation=proof,
    interpret=interpret,
    instances=cells,
    check=check,
    stratum=stratum,
    beyond="",
    tight=(
        Tight(
            "every share used up",
            lambda: full(5),
            lambda t: equal(sum(t.probabilities, Fraction(0)), t.delta * Fraction(len(t.parts), len(t.parts) + 1)),
        ),
    ),
    mutants=(
        Mutant(
            "shares 1/(i+1)",
            r"Cell $i$ may have the share $\delta/(i+1)$.",
            with_shares(lambda i: Fraction(1, i + 1)),
            lambda: full(4),
        ),
        Mutant(
            "shares 1/i^2",
            r"Cell $i$ may have the share $\delta/i^2$.",
            with_shares(lambda i: Fraction(1, i * i)),
            lambda: full(2),
        ),
        Mutant(
            "counted from 0",
            r"Cell $i$ may have the share $\delta/((i-1) i)$ for $i \ge 2$, and $\delta/2$ for $i = 1$.",
            with_shares(lambda i: Fraction(1, i * (i - 1)) if i > 1 else Fraction(1, 2)),
            lambda: full(3),
        ),
        Mutant(
            "something is left",
            r"$p_1 + \dots + p_m \le \delta (1 - \frac1m)$.",
            lambda t: at_most(sum(t.probabilities, Fraction(0)), t.delta * (1 - Fraction(1, len(t.parts)))),
            lambda: full(3),
        ),
        Mutant(
            "a finite number is enough",
            r"With all shares used up some finite number of cells has $p_1 + \dots + p_m = \delta$.",
            lambda t: decided(t.delta == 0 or sum(t.probabilities, Fraction(0)) == t.delta),
            lambda: full(8),
        ),
    ),
)
