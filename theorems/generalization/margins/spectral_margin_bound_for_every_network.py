r"""The spectral margin bound holds for every network and every margin at once, for a few logarithms more.

**Theorem.** Fix a depth $L$, widths, $\rho_i$-Lipschitz activations with $\sigma_i(0) = 0$ and reference matrices $M_i$ before seeing
the data. For layers $A_1, \dots, A_L$ and $\gamma > 0$ put
$$j_i = \max(1, \lceil L \|A_i\|_\sigma \rceil),\quad
k_i = \max(1, \lceil L \|A_i^\top - M_i^\top\|_{2,1} \rceil),\quad e = \lfloor \log_2 \gamma \rfloor,$$
$s_i = j_i/L$, $b_i = k_i/L$, and
$$C = \ln 3 + |e| \ln 2 + \sum_{i=1}^L \ln\big(j_i (j_i + 1)\, k_i (k_i + 1)\big), \qquad
K = \sqrt2\, \|X\|_F \sqrt{\ln(2W^2)}\, 2^{-e} \Big(\sum_{i=1}^L \big(b_i \rho_i {\textstyle\prod_{j \ne i}}
\rho_j s_j\big)^{2/3}\Big)^{3/2}.$$
With probability at least $1 - \delta$ over $n$ independent examples, for all $A$ and all $\gamma > 0$ with $K \le n/12$
(for $K = 0$ the middle term is 0), where $0 < \delta < 1$,
$$\Pr[\operatorname{argmax} F_A(x) \ne y] \le \widehat R_\gamma(A) +
  \frac{24K}{n}\Big(1 + \ln\frac{n}{12K}\Big) + 2\sqrt{\frac{\ln(1/\delta) + C}{2n}} .$$
The letters are those of `generalization.spectral_margin_bound`.

**Idea.** A cell is a choice of integers $j_i, k_i \ge 1$ and $e$. It gets the share
$\omega = \frac13 2^{-|e|} \prod_i \frac1{j_i(j_i+1)}\frac1{k_i(k_i+1)}$ of $\delta$. The sums
$\sum_{j \le J} \frac1{j(j+1)} = \frac J{J+1}$ telescope and $\sum_{|e| \le E} 2^{-|e|} = 3 - 2^{1-E}$, so all shares
together are at most 1, and some cell's bound fails with probability at most $\delta$. A network with its margin lies in the cell of its rounded
numbers; the bound of that cell, at confidence $\delta\omega$, speaks of the ramp risk at $2^e \le \gamma$, which is at most that
at $\gamma$. Within a cell the derivation is that of `generalization.spectral_margin_bound`, with what it cites. What holds of any
finitely many cells holds of all, because probabilities are continuous from below. Where $K = 0$ all margins on the sample are 0, and the
risk is 1.

**Reading.** On problems small enough to enumerate, the probability of failure does not see the constants: without its middle
term the bound holds on all random instances too. The evidence for the constants is the derivation. This is the form that may be computed for a trained network: its norms and its margin are known after training only. The price
$C$ grows like twice the logarithms of the norms. No grid over $\|X\|_F$ is needed, since the fixed form has the norm of the sample itself.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from flint import arb, ctx, fmpq
from hypothesis import strategies as st

from numerics.arithmetic.balls import ball, decide
from numerics.arithmetic.exact import rational
from numerics.evidence.verdict import Verdict, at_least, decided, every
from numerics.evidence.verdict import at_most as is_at_most
from numerics.evidence.verdict import equal as is_equal
from numerics.learning.margins import (
    coin,
    failures_are_rare,
    gaps,
    good_in_all_cells,
    losses,
    own_class_first,
)
from numerics.learning.problems import Learning, complexity, ramp
from numerics.learning.spectral_margins import inverse_share, problems, rounded_down, rounded_up, scale_of, sharp_excess
from numerics.strategies import rationals
from theorems import Citation, Claim, Mutant, Premise
from theorems.proof import (
    Derivation,
    Expr,
    Fact,
    Indexed,
    Relation,
    at_most,
    calculus,
    equal,
    nonnegative,
    positive,
    zero,
)
from theorems.proof.crosscheck import Model
from theorems.schemes import premises

# Proof.


class Boxes:
    r"""Cells $1, \\dots, m$ in a box with the shares $o_i$ and the probabilities $p_i$ that their bounds fail."""

    def __init__(self, d: Derivation, m: str) -> None:
        self.d, self.m = d, m
        self.o, self.p, self.U, self.V = self._families("o p U V")

    def _families(self, names: str) -> list[Any]:
        return [self.d.family(f"{name}[i]: 1 1", "i") for name in names.split()]

    def _each(self, relation: Relation, high: str, low: str = "1") -> Fact:
        return self.d.given(Indexed(relation, "i", low, high))

    def _induction(self, symbol: str, high: str, relation: Any, step: Any, base: Fact) -> Fact:
        index = self.d.index(symbol, "0", f"{high}-1")
        here = self.d.suppose(relation(symbol))
        return self.d.at(self.d.induction(index, here, step(here, f"{symbol}+1"), base), high)

    def telescope(self) -> None:
        r"""$S_J = \sum_{a \le J} \frac1{a(a+1)}$ is $\frac J{J+1}$: with $r_a = \frac1{a+1}$, $S_a + r_a = 1$."""
        d, J = self.d, self.d.index_constant("J")
        a, c, r, S = self._families("a c r S")
        counted, summed = self._each(equal(a("i"), a("i-1") + 1), J), self._each(equal(S("i"), S("i-1") + c("i")), J)
        term = self._each(equal(c("i") * a("i") * (a("i") + 1), 1), J)
        inverse = self._each(equal(r("i") * (a("i") + 1), 1), J, "0")
        a_0, S_0 = d.given(zero(a("0"))), d.given(zero(S("0")))

        def step(here, k):
            j = k.removesuffix("+1")
            before = d.algebra(equal(r(j) * a(k), 1), [d.at(counted, k), d.at(inverse, j)])
            half = d.algebra(equal(c(k) * (a(k) + 1), r(j)), [d.at(term, k), before])
            product = d.algebra(equal(c(k), r(j) * r(k)), [half, d.at(inverse, k)])
            both = d.algebra(equal(r(j) * r(k) * (a(k) + 1), r(j)), [d.at(inverse, k)])
            difference = d.algebra(equal(r(j) - r(k), r(j) * r(k)), [both, before])
            return d.algebra(equal(S(k) + r(k), 1), [here, d.at(summed, k), product, difference])

        base = d.algebra(equal(S("0") + r("0"), 1), [S_0, a_0, d.at(inverse, "0")])
        whole = self._induction("j", J, lambda k: equal(S(k) + r(k), 1), step, base)
        d.algebra(d.goal(equal(S(J) * (a(J) + 1), a(J))), [whole, d.at(inverse, J)])

    def powers(self) -> None:
        r"""$Q_E = \sum_{|e| \le E} 2^{-|e|}$ is $3 - 2 b_E$ with $b_i = 2^{-i}$."""
        d, E = self.d, self.d.index_constant("E")
        b, Q = self._families("b Q")
        halved, added = self._each(equal(2 * b("i"), b("i-1")), E), self._each(equal(Q("i"), Q("i-1") + 2 * b("i")), E)
        b_0, Q_0 = d.given(equal(b("0"), 1)), d.given(equal(Q("0"), 1))
        d.goal(equal(Q(E) + 2 * b(E), 3))
        self._induction(
            "e",
            E,
            lambda k: equal(Q(k) + 2 * b(k), 3),
            lambda here, k: d.algebra(equal(Q(k) + 2 * b(k), 3), [here, d.at(added, k), d.at(halved, k)]),
            d.algebra(equal(Q("0") + 2 * b("0"), 3), [b_0, Q_0]),
        )

    def total(self, delta: Expr, delta_positive: Fact, rarely: Callable[[str], Fact]) -> Fact:
        r"""$\sum_i p_i \le \delta$ from `rarely(k)`, which says $p_k \le \delta o_k$."""
        self.telescope()
        self.powers()
        d, m, o, p, U, V, D = self.d, self.m, self.o, self.p, self.U, self.V, self.d.index_constant("D")
        # The sums f_i = M_i/(M_i + 1) of the integers of each kind up to M_i, g of the exponents: products stay below 1.
        f, M, B = self._families("f M B")
        closed, sizes_ = self._each(equal(f("i") * (M("i") + 1), M("i")), D), self._each(nonnegative(M("i")), D)
        boxed, B_0 = self._each(equal(B("i"), B("i-1") * f("i")), D), d.given(equal(B("0"), 1))
        g, z = d.scalars("g z")
        g_value, z_sign, g_sign = d.given(equal(3 * g + 2 * z, 3)), d.given(nonnegative(z)), d.given(nonnegative(g))

        def shrink(here, k):
            top, value = d.at(sizes_, k), d.at(closed, k)
            sign, small = d.smt(nonnegative(f(k)), [top, value]), d.smt(at_most(f(k), 1), [top, value])
            return d.squares(at_most(B(k), 1), [(1, here, sign), (1, small)], [d.at(boxed, k)])

        base = d.weaken(d.algebra(equal(1 - B("0"), 0), [B_0]), at_most(B("0"), 1))
        box = self._induction("k", D, lambda k: at_most(B(k), 1), shrink, base)

        united, shared = (
            self._each(equal(U("i"), U("i-1") + p("i")), m),
            self._each(equal(V("i"), V("i-1") + o("i")), m),
        )
        U_0, V_0 = d.given(zero(U("0"))), d.given(zero(V("0")))
        distributive = d.given(at_most(V(m), g * B(D)), "the shares of a box add up to the product of the sums")

        def unite(here, k):
            return d.squares(
                at_most(U(k), delta * V(k)), [(1, here), (1, rarely(k))], [d.at(united, k), d.at(shared, k)]
            )

        base = d.weaken(d.algebra(equal(delta * V("0") - U("0"), 0), [U_0, V_0]), at_most(U("0"), delta * V("0")))
        union = self._induction("l", m, lambda k: at_most(U(k), delta * V(k)), unite, base)
        shares = [
            (1, delta_positive, distributive),
            (1, delta_positive, g_sign, box),
            (Fraction(2, 3), delta_positive, z_sign),
        ]
        return d.squares(at_most(U(m), delta), [(1, union), *shares], [g_value])


def proof() -> Derivation:
    from theorems.cited import learning as cited
    from theorems.schemes import chaining
    from theorems.schemes import every_scale as scale

    d = Derivation("the spectral margin bound in all cells")
    gamma, K, R, X, W, full = d.scalars("gamma K R X W risk_gamma")  # gamma is 2^e, and W is ln(2 W^2)
    Z = d.matrix("Z: k d")
    cell = scale.every_scale(d, Boxes, lambda F, H, _: cited.ramps(F, H, gamma))
    F, H, u, n, N = (
        cell.losses.relation.arguments[0],
        cell.outputs,
        cell.sample,
        cell.n,
        cell.averages.relation.arguments[0],
    )
    roots = chaining.roots(d, cell.n_positive)

    # In the cell of a network and its margin the fixed form of generalization.spectral_margin_bound is derived again.
    bounded, gamma_positive = d.given(cited.networks(H, Z, u, n, X, W, R)), d.given(positive(gamma))
    K_positive, K_small = d.given(positive(K)), d.given(at_most(12 * K, n))
    K_value = d.given(equal(K**2 * gamma**2, 2 * X**2 * W * R**2), "definition of K")
    _, (outputs,) = d.axiom(cited.COVERING, {"H": H, "Z": Z, "u": u, "n": n, "x": X, "w": W, "R": R}, [bounded])
    place = {"F": F, "H": H, "u": u, "n": n, "gamma": gamma, "a": X**2 * W * R**2, "c": K**2}
    _, (entropy,) = d.axiom(cited.CONTRACTION, place, [cell.losses, outputs, gamma_positive, K_value])
    average = chaining.Average(F, N, u, [cell.unit, cell.averages, cell.marked])
    h, sharp = chaining.sharply_chained(d, roots, average, K_positive, K_small, entropy)
    wider = d.given(
        at_most(cell.risk, full), "the ramp at 2^e is below the ramp at gamma: generalization.margins_and_ramp"
    )
    d.squares(
        d.goal(at_most(cell.error, full + sharp_excess(K, h, cell.t, roots.nu))),
        [(1, cell.excess), (1, wider), (2, sharp, roots.nu_positive)],
        [roots.inverse_n, roots.inverse_root],
    )

    # ln(1/(delta o)) = ln(1/delta) + C for the share o = 1/price.
    price_positive = d.given(positive(d.scalar("price")))
    share = calculus.Var("delta") * (1 / calculus.Var("price"))
    apart = calculus.log(1 / calculus.Var("delta")) + calculus.log(calculus.Var("price"))
    d.goal(equal(d.term(calculus.log(1 / share)), d.term(apart)))
    d.calculus_equal(calculus.log(1 / share), apart, [cell.delta_positive, price_positive])
    return d


# Check.


@dataclass(frozen=True)
class Search:
    """A finite problem and the margins that are tried on it after the data is seen.

    With `memory` $= k$ the points are instead the $k$ unit vectors, all of class 0 and equally likely, and the network is the
    matrix $\\gamma \\sum_{i \\in S} e_1 e_i^\\top$ that knows the sample $S$ and nothing else; it is its own reference.
    """

    problem: Learning
    gammas: tuple[Fraction, ...]
    memory: int = 0


@dataclass(frozen=True)
class Cell:
    """The integers of a network with its margin."""

    js: tuple[int, ...]
    ks: tuple[int, ...]
    e: int

    @property
    def share(self) -> Fraction:
        return Fraction(1, inverse_share((*self.js, *self.ks), self.e))

    @property
    def norms(self) -> list[tuple[arb, arb]]:
        depth = len(self.js)
        return [(arb(fmpq(j, depth)), arb(fmpq(k, depth))) for j, k in zip(self.js, self.ks, strict=True)]


def cell_of(norms: Sequence[tuple[arb, arb]], gamma: Fraction) -> Cell:
    depth = len(norms)
    js, ks = zip(*((rounded_up(s, depth), rounded_up(b, depth)) for s, b in norms), strict=True)
    return Cell(js, ks, rounded_down(gamma))


def excess(cell: Cell, data_norm: arb, width: int, n: int, delta: Fraction) -> arb | None:
    """What the theorem adds to the training risk; `None` where it says nothing."""
    K = arb(2).sqrt() * data_norm * arb(2 * width**2).log().sqrt() * complexity(cell.norms) / arb(2) ** cell.e
    t = 2 * ((1 / ball(delta * cell.share)).log() / (2 * n)).sqrt()
    if K.is_zero():
        return t
    return sharp_excess(K, (n / (12 * K)).log(), t, arb(fmpq(1, n))) if 12 * K <= n else None


def fails_rarely(t: Search) -> Verdict:
    """The probability, over all samples, that some network at some margin breaks the bound."""
    problem = t.problem
    if t.memory:
        return decide(lambda _: memory_fails_rarely(t))

    def bound(gamma: Fraction, s: tuple[int, ...], j: int | None) -> arb | None:
        cell = cell_of(problem.norms(j), gamma)
        return excess(cell, problem.data_norm(s), problem.width, problem.n, problem.delta)

    return failures_are_rare(problem, t.gammas, bound)


def memory_bound(t: Search) -> arb | None:
    """What the theorem adds for the network that knows its sample: $|A|$ is $\\gamma$ times the root of the number of points seen.

    They are at most $n$, and more of them cost more.
    """
    n, gamma = t.problem.n, t.gammas[0]
    cell = cell_of([(ball(gamma) * arb(n).sqrt(), arb(0))], gamma)
    return excess(cell, arb(n).sqrt(), t.memory, n, t.problem.delta)


def memory_fails_rarely(t: Search) -> Verdict:
    bound = memory_bound(t)
    broken = is_at_most(1 - Fraction(t.problem.n, t.memory), bound if bound is not None else arb(1))
    return broken if broken.undecided else is_at_most(int(broken.fails), t.problem.delta)


def total_share(cell: Cell, share: Callable[[int], Fraction], base: Fraction = Fraction(1, 3)) -> Fraction:
    """The shares of all cells in the box up to this one: the product of sums, added up term by term."""
    result = base * sum((Fraction(1, 2 ** abs(e)) for e in range(-abs(cell.e) - 1, abs(cell.e) + 2)), Fraction(0))
    for top in (*cell.js, *cell.ks):
        result *= sum((share(c) for c in range(1, min(top, 50) + 1)), Fraction(0))
    return result


@functools.cache
def shares_of_a_box(depth: int) -> Fraction:
    """All cells with integers up to 6 and exponents up to 4, one by one: more than half of all shares."""
    counts = itertools.product(range(1, 7), repeat=2 * depth)
    cells = (Cell(c[:depth], c[depth:], e) for c in counts for e in range(-4, 5))
    return sum((cell.share for cell in cells), Fraction(0))


def risk_below(t: Search, power: Callable[[Fraction], int]) -> Verdict:
    """That the ramp risk at the rounded margin is at most the one at the margin."""
    margins = [M for row in t.problem.margins() for M in row]
    return every(
        is_at_most(ramp(M, Fraction(2) ** power(gamma)), ramp(M, gamma), "ramp at the rounded margin")
        for gamma in t.gammas
        for M in margins
    )


def check(t: Search) -> Verdict:
    verdicts = [fails_rarely(t)]
    if t.memory or t.problem.copies:
        return every(verdicts)
    verdicts += [risk_below(t, rounded_down), is_at_most(shares_of_a_box(t.problem.depth), 1, "the shares of a box")]
    for j, gamma in [(j, gamma) for j in range(len(t.problem.networks)) for gamma in t.gammas]:
        norms = t.problem.norms(j)
        cell = cell_of(norms, gamma)
        verdicts.append(is_at_most(total_share(cell, lambda c: Fraction(1, c * (c + 1))), 1, "all shares"))
        in_cell = Fraction(2) ** cell.e <= gamma < Fraction(2) ** (cell.e + 1)
        verdicts.append(decided(all(c >= 1 for c in (*cell.js, *cell.ks)) and in_cell, "the margin lies in its cell"))
        depth = len(cell.js)
        for (s, b), j_, k_ in zip(norms, cell.js, cell.ks, strict=True):
            # The count is above the whole ball, so that this is never open.
            verdicts += [at_least(j_, (depth * s).upper()), at_least(k_, (depth * b).upper())]
    return every(verdicts)


@st.composite
def searches(draw) -> Search:
    t = draw(problems())
    more = [t.gamma * draw(st.sampled_from([Fraction(1, 3), Fraction(5), Fraction(1, 100)])), draw(rationals()) ** 2]
    return Search(t, tuple(sorted({t.gamma, *(x for x in more if x > 0)})))


def interpret(t: Search) -> Model | None:
    """Two cells of a box: the class of all networks at the largest margin, and the first network in a corner."""
    with ctx.workprec(320):
        gamma = t.gammas[-1]
        cell = cell_of(t.problem.norms(), gamma)
        problem = replace(t.problem, gamma=Fraction(2) ** cell.e)
        tops = (*cell.js, *cell.ks)
        corner = Cell((1,) * len(cell.js), (1,) * len(cell.ks), 0)
        if corner == cell:
            corner = replace(corner, e=1)
        classes = (losses(replace(problem, gamma=Fraction(2) ** corner.e))[:1], corner), (losses(problem), cell)
        s, values = good_in_all_cells(problem, [(F, rational(c.share)) for F, c in classes])
        K = arb(2).sqrt() * scale_of(problem, cell.norms, s)
        if not (K > 0 and 12 * K <= problem.n):
            return None
        j = max(range(len(problem.networks)), key=lambda i: values["v"][i, 0])
        values |= {
            "O": own_class_first(problem),
            "Z": problem.inputs,
            "X": problem.data_norm(s),
            "W": arb(2 * problem.width**2).log(),
            "R": complexity(cell.norms),
            "K": K,
            "gamma": problem.gamma,
            "risk_gamma": sum((ramp(problem.margins()[j][i], gamma) for i in s), fmpq(0)) / problem.n,
            "price": inverse_share(tops, cell.e),
        }
        return Model(
            values | sums(tops, cell.e), indices={"m": 2, "c": 2, "J": 6, "E": abs(cell.e) + 1, "D": len(tops)}
        )


def sums(tops: Sequence[int], e: int) -> dict[str, Any]:
    """The letters of `Boxes` that do not speak of probabilities."""
    S, Q, b, B = Fraction(0), Fraction(1), Fraction(1), Fraction(1)
    values: dict[str, Any] = {"a[0]": 0, "S[0]": S, "r[0]": 1, "b[0]": b, "Q[0]": Q, "B[0]": B}
    for i in range(1, 7):
        S += Fraction(1, i * (i + 1))
        values |= {f"a[{i}]": i, f"c[{i}]": Fraction(1, i * (i + 1)), f"r[{i}]": Fraction(1, i + 1), f"S[{i}]": S}
    for i in range(1, abs(e) + 2):
        b /= 2
        Q += 2 * b
        values |= {f"b[{i}]": b, f"Q[{i}]": Q}
    for i, top in enumerate(tops, 1):
        B *= Fraction(top, top + 1)
        values |= {f"f[{i}]": Fraction(top, top + 1), f"M[{i}]": top, f"B[{i}]": B}
    return values | {"g": Q / 3, "z": b}


def stratum(t: Search) -> str:
    return "all inputs are zero" if t.problem.inputs.is_zero() else "generic"


def tossed() -> Search:
    """One toss of a coin, repeated 250 000 times, and the two constant classifiers."""
    return Search(coin(n=250_000, delta=Fraction(2, 5), copies=True), (Fraction(1),))


def memory() -> Search:
    """100 draws of 1000 points, learnt by heart at margin 1024 and declared to be the reference."""
    return Search(coin(n=100), (Fraction(1024),), memory=1000)


def simple(gamma: Fraction = Fraction(1)) -> Search:
    return Search(coin(networks=coin().networks[:1]), (gamma,))


def shown(t: Search) -> str:
    gamma, n = t.gammas[0], t.problem.n
    if t.memory:
        bound = memory_bound(t)
        gap: object = 1 - Fraction(n, t.memory)
    else:
        cell = cell_of(t.problem.norms(0), gamma)
        bound = excess(cell, t.problem.data_norm((0,)), t.problem.width, n, t.problem.delta)
        gap = max(x for *_, x in gaps(t.problem))
    assert bound is not None
    return f"error - training risk is at least {gap}, the bound allows {bound.str(4, radius=False)}"


claim = Claim(
    __name__,
    __doc__,
    source=Citation("bartlett2017spectrally", "Theorem 1.1"),
    also=(Citation("shalev2014understanding", "Lemmas 26.2 and 26.4, Theorem 26.5"),),
    premises=(
        premises.independent(holds=lambda t: not t.problem.copies, without=tossed, show=shown),
        Premise(
            "references fixed before the data",
            "The reference matrices $M_i$ are chosen before the data is seen.",
            holds=lambda t: not t.memory,
            without=memory,
            show=shown,
        ),
        Premise(
            "zero to zero",
            r"Every activation keeps zero, $\sigma_i(0) = 0$, and no layer has a bias.",
            holds=lambda t: t.problem.shift == 0,
            kind="unknown",
            why="it breaks the fixed form, but there the bound sees no complexity only for inputs zero, where all functions "
            "are constant, and the price C covers those",
        ),
        Premise(
            "positive margin",
            r"$\gamma > 0$ and $0 < \delta < 1$.",
            holds=lambda t: min(t.gammas) > 0 and 0 < t.problem.delta < 1,
            kind="typing",
            why="the formula takes the logarithm of both",
        ),
    ),
    derivation=proof,
    interpret=interpret,
    instances=searches,
    check=check,
    stratum=stratum,
    beyond="the probability that some network of an explicit class breaks the bound at some of several margins, and that "
    "every network lies in its cell",
    mutants=(
        Mutant(
            "shares 1/j",
            r"The shares may be $\frac1{j_i + 1}$ instead of $\frac1{j_i (j_i + 1)}$.",
            lambda t: is_at_most(total_share(Cell((9,), (9,), 1), lambda c: Fraction(1, c + 1)), 1),
            simple,
        ),
        Mutant(
            "squares",
            r"The shares may be $1/j_i^2$.",
            lambda t: is_at_most(total_share(Cell((9,), (9,), 1), lambda c: Fraction(1, c**2)), 1),
            simple,
        ),
        Mutant(
            "without the third",
            r"The exponent may have the share $2^{-|e|}$.",
            lambda t: is_at_most(total_share(Cell((9,), (9,), 1), lambda c: Fraction(1, c * (c + 1)), Fraction(1)), 1),
            simple,
        ),
        Mutant(
            "margin rounded up",
            r"The ramp risk at $2^{e+1}$ is at most that at $\gamma$.",
            lambda t: risk_below(t, lambda gamma: rounded_down(gamma) + 1),
            lambda: simple(Fraction(3, 2)),
        ),
        Mutant(
            "norms rounded down",
            r"$s_i = \lfloor L \|A_i\|_\sigma \rfloor / L$ bounds the norm.",
            lambda t: every(at_least(int(float(s)), s) for s, _ in t.problem.norms(0)),
            simple,
        ),
        Mutant(
            "sum of powers is 2",
            r"$\sum_e 2^{-|e|} = 2$.",
            lambda t: is_equal(
                sum((Fraction(1, 2 ** abs(e)) for e in range(-9, 10)), Fraction(0)) + Fraction(1, 256), 2
            ),
            simple,
        ),
    ),
)
