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
$$\Pr[\operatorname{argmax} F_A(x) \ne y] \le \widehat R_\gamma(A)
  + \frac{24K}{n}\Big(1 + \ln\frac{n}{12K}\Big) + 2\sqrt{\frac{\ln(1/\delta) + C}{2n}} .$$
The letters are those of `generalization.spectral_margin_bound`.

**Idea.** A cell is a choice of integers $j_i, k_i \ge 1$ and $e$. It gets the share
$\omega = \frac13 2^{-|e|} \prod_i \frac1{j_i(j_i+1)}\frac1{k_i(k_i+1)}$ of $\delta$. The sums
$\sum_{j \le J} \frac1{j(j+1)} = \frac J{J+1}$ telescope and $\sum_{|e| \le E} 2^{-|e|} = 3 - 2^{1-E}$, so all shares
together are at most 1, and some cell's bound fails with probability at most $\delta$. A network with its margin lies in the cell of its rounded
numbers; the bound of that cell, at confidence $\delta\omega$, speaks of the ramp risk at $2^e \le \gamma$, which is at most that
at $\gamma$. Cited is the bound of one cell, which is the fixed form proved in `generalization.spectral_margin_bound`.

**Reading.** On problems small enough to enumerate, the probability of failure does not see the constants: without its middle
term the bound holds on all random instances too. The evidence for the constants is the derivation. This is the form that may be computed for a trained network: its norms and its margin are known after training only. The price
$C$ grows like twice the logarithms of the norms. No grid over $\|X\|_F$ is needed, since the fixed form has the norm of the sample itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from flint import arb, ctx, fmpq
from hypothesis import strategies as st

from numerics.arithmetic.balls import ball, decide
from numerics.evidence.verdict import Verdict, at_least, at_most, decided, equal, every
from numerics.strategies import rationals
from theorems import Citation, Claim, Mutant, Premise
from theorems.generalization._finite_learning import Learning, complexity, ramp
from theorems.generalization._finite_margins import coin, failures_are_rare, gaps
from theorems.generalization._spectral_margins import (
    inverse_share,
    problems,
    rounded_down,
    rounded_up,
    sharp_excess,
)
from theorems.proof import Derivation
from theorems.proof.crosscheck import Model

# Proof.


def proof() -> Derivation:
    from theorems.generalization import _learning_axioms as cited
    from theorems.proof import Indexed, at_most, calculus, equal, nonnegative, positive, predicate, zero

    d = Derivation("the bound for all cells")
    J, E, D, m = (d.index_constant(x) for x in "JEDm")

    def fails_in_cell(p, o, delta):
        return predicate("p is the probability that the bound of a cell with share o of delta fails", p, o, delta)

    def holds_in_cell(err, risk, K, h, t, nu):
        return predicate("the sample is good for the cell of a network with these numbers", err, risk, K, h, t, nu)

    source = "generalization.spectral_margin_bound at the norms, the margin and the share of the cell"
    rare = cited.axiom(
        "the bound of a cell rarely fails",
        "p, o, delta",
        lambda p, o, delta: ([fails_in_cell(p, o, delta)], [at_most(p, delta * o)]),
        "O",
        source,
        "the fixed form fails with probability at most its share of delta",
    )
    fixed = cited.axiom(
        "the bound of a cell",
        "err, risk, K, h, t, nu",
        lambda err, risk, K, h, t, nu: (
            [holds_in_cell(err, risk, K, h, t, nu)],
            [at_most(err, risk + sharp_excess(K, h, t, nu))],
        ),
        "O",
        source,
        "the fixed form, on a good sample",
    )

    def families(names):
        return [d.family(f"{name}[i]: 1 1", "i") for name in names.split()]

    def each(relation, high, low="1"):
        return d.given(Indexed(relation, "i", low, high))

    def induction(symbol, high, relation, step, base):
        index = d.index(symbol, "0", f"{high}-1")
        here = d.suppose(relation(symbol))
        return d.at(d.induction(index, here, step(here, f"{symbol}+1"), base), high)

    # S_J = 1/(1 2) + ... + 1/(J (J+1)) with c_i = i and r_i = 1/(i+1): S_i + r_i = 1.
    c, v, r, S = families("c v r S")
    counted, summed = each(equal(c("i"), c("i-1") + 1), J), each(equal(S("i"), S("i-1") + v("i")), J)
    term = each(equal(v("i") * c("i") * (c("i") + 1), 1), J)
    inverse = each(equal(r("i") * (c("i") + 1), 1), J, "0")
    c_0, S_0 = d.given(zero(c("0"))), d.given(zero(S("0")))

    def telescope(here, k):
        j = k.removesuffix("+1")
        before = d.algebra(equal(r(j) * c(k), 1), [d.at(counted, k), d.at(inverse, j)])
        half = d.algebra(equal(v(k) * (c(k) + 1), r(j)), [d.at(term, k), before])
        product = d.algebra(equal(v(k), r(j) * r(k)), [half, d.at(inverse, k)])
        both = d.algebra(equal(r(j) * r(k) * (c(k) + 1), r(j)), [d.at(inverse, k)])
        difference = d.algebra(equal(r(j) - r(k), r(j) * r(k)), [both, before])
        return d.algebra(equal(S(k) + r(k), 1), [here, d.at(summed, k), product, difference])

    base = d.algebra(equal(S("0") + r("0"), 1), [S_0, c_0, d.at(inverse, "0")])
    whole = induction("a", J, lambda k: equal(S(k) + r(k), 1), telescope, base)
    d.algebra(d.goal(equal(S(J) * (c(J) + 1), c(J))), [whole, d.at(inverse, J)])

    # G_E = sum of 2^(-|e|) over |e| <= E, with u_i = 2^(-i): G_i + 2 u_i = 3.
    u, G = families("u G")
    halved, added = each(equal(2 * u("i"), u("i-1")), E), each(equal(G("i"), G("i-1") + 2 * u("i")), E)
    u_0, G_0 = d.given(equal(u("0"), 1)), d.given(equal(G("0"), 1))
    d.goal(equal(G(E) + 2 * u(E), 3))
    induction(
        "b",
        E,
        lambda k: equal(G(k) + 2 * u(k), 3),
        lambda here, k: d.algebra(equal(G(k) + 2 * u(k), 3), [here, d.at(added, k), d.at(halved, k)]),
        d.algebra(equal(G("0") + 2 * u("0"), 3), [u_0, G_0]),
    )

    # A box of cells: sums f_i = N_i/(N_i + 1) of the two kinds of integers, g of the exponents; products of sums stay below 1.
    f, N, B = families("f N B")
    closed, sizes_ = each(equal(f("i") * (N("i") + 1), N("i")), D), each(nonnegative(N("i")), D)
    boxed, B_0 = each(equal(B("i"), B("i-1") * f("i")), D), d.given(equal(B("0"), 1))
    g, y = d.scalars("g y")
    g_value, y_sign, g_sign = d.given(equal(3 * g + 2 * y, 3)), d.given(nonnegative(y)), d.given(nonnegative(g))

    def shrink(here, k):
        n, value = d.at(sizes_, k), d.at(closed, k)
        sign, small = d.smt(nonnegative(f(k)), [n, value]), d.smt(at_most(f(k), 1), [n, value])
        return d.squares(at_most(B(k), 1), [(1, here, sign), (1, small)], [d.at(boxed, k)])

    base = d.weaken(d.algebra(equal(1 - B("0"), 0), [B_0]), at_most(B("0"), 1))
    box = induction("k", D, lambda k: at_most(B(k), 1), shrink, base)

    # The union over the cells: p_i is the probability that the bound of cell i fails, o_i its share, q that some bound fails.
    p, o, U, V = families("p o U V")
    q, delta = d.scalars("q delta")
    delta_positive = d.given(positive(delta))
    fails = each(fails_in_cell(p("i"), o("i"), delta), m)
    united, shared = each(equal(U("i"), U("i-1") + p("i")), m), each(equal(V("i"), V("i-1") + o("i")), m)
    U_0, V_0 = d.given(zero(U("0"))), d.given(zero(V("0")))
    subadditive = d.given(at_most(q, U(m)), "the probability of a union is at most the sum")
    distributive = d.given(at_most(V(m), g * B(D)), "the shares of a box add up to the product of the sums")

    def unite(here, k):
        _, (rarely,) = d.axiom(rare, {"p": p(k), "o": o(k), "delta": delta}, [d.at(fails, k)])
        sums = [d.at(united, k), d.at(shared, k)]
        return d.squares(at_most(U(k), delta * V(k)), [(1, here), (1, rarely)], sums)

    base = d.weaken(d.algebra(equal(delta * V("0") - U("0"), 0), [U_0, V_0]), at_most(U("0"), delta * V("0")))
    union = induction("l", m, lambda k: at_most(U(k), delta * V(k)), unite, base)
    d.squares(
        d.goal(at_most(q, delta)),
        [
            (1, subadditive),
            (1, union),
            (1, delta_positive, distributive),
            (1, delta_positive, g_sign, box),
            (Fraction(2, 3), delta_positive, y_sign),
        ],
        [g_value],
    )

    # In one cell: ln(1/(delta o)) = ln(1/delta) + C for o = 1/price, and the ramp at 2^e is below the ramp at gamma.
    (price,) = d.scalars("price")
    err, risk, narrow, K, h, t, nu = d.scalars("err risk risk' K h t 1/n")
    price_positive = d.given(positive(price))
    share = calculus.Var("delta") * (1 / calculus.Var("price"))
    apart = calculus.log(1 / calculus.Var("delta")) + calculus.log(calculus.Var("price"))
    d.goal(equal(d.term(calculus.log(1 / share)), d.term(apart)))
    d.calculus_equal(calculus.log(1 / share), apart, [delta_positive, price_positive])
    good = d.given(holds_in_cell(err, narrow, K, h, t, nu))
    _, (cell,) = d.axiom(fixed, {"err": err, "risk": narrow, "K": K, "h": h, "t": t, "nu": nu}, [good])
    lower = d.given(at_most(narrow, risk), "generalization.margins_and_ramp")
    d.squares(d.goal(at_most(err, risk + sharp_excess(K, h, t, nu))), [(1, cell), (1, lower)])
    d.model_predicate(fails_in_cell(t, t, t).predicate, lambda p, o, delta: 0 <= p <= 1 and 0 < o <= 1)
    d.model_predicate(holds_in_cell(t, t, t, t, t, t).predicate, lambda err, *_: 0 <= err <= 1)
    d.glue(
        "The two facts about a cell are the fixed form of generalization.spectral_margin_bound, with all that it cites "
        "(McDiarmid, symmetrisation, Dudley, the covering theorem, bounded differences); K, h, t and 1/n are those of the cell "
        "at confidence delta times its share; a network with its margin lies in its cell; and finite boxes of cells grow to all."
    )
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
    broken = at_most(1 - Fraction(t.problem.n, t.memory), bound if bound is not None else arb(1))
    return broken if broken.undecided else at_most(int(broken.fails), t.problem.delta)


def total_share(cell: Cell, share: Callable[[int], Fraction], base: Fraction = Fraction(1, 3)) -> Fraction:
    """The shares of all cells in the box up to this one: the product of sums, added up term by term."""
    result = base * sum((Fraction(1, 2 ** abs(e)) for e in range(-abs(cell.e) - 1, abs(cell.e) + 2)), Fraction(0))
    for top in (*cell.js, *cell.ks):
        result *= sum((share(c) for c in range(1, min(top, 50) + 1)), Fraction(0))
    return result


def risk_below(t: Search, power: Callable[[Fraction], int]) -> Verdict:
    """That the ramp risk at the rounded margin is at most the one at the margin."""
    margins = [M for row in t.problem.margins() for M in row]
    return every(
        at_most(ramp(M, Fraction(2) ** power(gamma)), ramp(M, gamma), "ramp at the rounded margin")
        for gamma in t.gammas
        for M in margins
    )


def check(t: Search) -> Verdict:
    verdicts = [fails_rarely(t)]
    if t.memory or t.problem.copies:
        return every(verdicts)
    verdicts.append(risk_below(t, rounded_down))
    for j, gamma in [(j, gamma) for j in range(len(t.problem.networks)) for gamma in t.gammas]:
        norms = t.problem.norms(j)
        cell = cell_of(norms, gamma)
        verdicts.append(at_most(total_share(cell, lambda c: Fraction(1, c * (c + 1))), 1, "all shares"))
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


def interpret(t: Search) -> Model:
    """The box of the first network's cell at the first margin, and the two simplest cells in it."""
    with ctx.workprec(320):
        problem, gamma = t.problem, t.gammas[0]
        cell = cell_of(problem.norms(0), gamma)
        J, E = min(max(cell.js), 6), min(abs(cell.e), 6) + 1
        values: dict[str, object] = {
            "c[0]": 0,
            "S[0]": 0,
            "r[0]": 1,
            "u[0]": 1,
            "G[0]": 1,
            "B[0]": 1,
            "U[0]": 0,
            "V[0]": 0,
        }
        S, G, u = Fraction(0), Fraction(1), Fraction(1)
        for i in range(1, J + 1):
            S += Fraction(1, i * (i + 1))
            values |= {f"c[{i}]": i, f"v[{i}]": Fraction(1, i * (i + 1)), f"r[{i}]": Fraction(1, i + 1), f"S[{i}]": S}
        for i in range(1, E + 1):
            u /= 2
            G += 2 * u
            values |= {f"u[{i}]": u, f"G[{i}]": G}
        tops = (*cell.js, *cell.ks)
        B = Fraction(1)
        for i, top in enumerate(tops, 1):
            B *= Fraction(top, top + 1)
            values |= {f"f[{i}]": Fraction(top, top + 1), f"N[{i}]": top, f"B[{i}]": B}
        # Cells (1, ..., 1) at the exponents 0 and 1 are in every such box; nothing fails there on this problem.
        U, V = Fraction(0), Fraction(0)
        for i, e in enumerate((0, 1), 1):
            share = Fraction(1, inverse_share([1] * len(tops), e))
            V += share
            values |= {f"p[{i}]": U, f"o[{i}]": share, f"U[{i}]": U, f"V[{i}]": V}
        price = inverse_share(tops, cell.e)
        margins = problem.margins()[0]
        sample, _ = next(problem.samples())
        risk, narrow = (
            sum((ramp(margins[i], x) for i in sample), fmpq(0)) / len(sample) for x in (gamma, Fraction(2) ** cell.e)
        )
        values |= {
            "q": 0,
            "delta": problem.delta,
            "g": G / 3,
            "y": u,
            "price": price,
            "err": sum((p for p, M in zip(problem.probabilities, margins, strict=True) if M <= 0), fmpq(0)),
            "risk": risk,
            "risk'": narrow,
            "K": Fraction(1, 100),
            "h": arb(fmpq(100 * problem.n, 12)).log(),
            "t": 2 * ((price / ball(problem.delta)).log() / (2 * problem.n)).sqrt(),
            "1/n": Fraction(1, problem.n),
        }
        return Model(values, indices={"J": J, "E": E, "D": len(tops), "m": 2})


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
    premises=(
        Premise(
            "independent",
            "The examples are drawn independently from one distribution.",
            holds=lambda t: not t.problem.copies,
            without=tossed,
            show=shown,
        ),
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
            lambda t: at_most(total_share(Cell((9,), (9,), 1), lambda c: Fraction(1, c + 1)), 1),
            simple,
        ),
        Mutant(
            "squares",
            r"The shares may be $1/j_i^2$.",
            lambda t: at_most(total_share(Cell((9,), (9,), 1), lambda c: Fraction(1, c**2)), 1),
            simple,
        ),
        Mutant(
            "without the third",
            r"The exponent may have the share $2^{-|e|}$.",
            lambda t: at_most(total_share(Cell((9,), (9,), 1), lambda c: Fraction(1, c * (c + 1)), Fraction(1)), 1),
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
            lambda t: equal(sum((Fraction(1, 2 ** abs(e)) for e in range(-9, 10)), Fraction(0)) + Fraction(1, 256), 2),
            simple,
        ),
    ),
)
