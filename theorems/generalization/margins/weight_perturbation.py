r"""Perturbed weights move the outputs of a network by at most the growth of its Lipschitz bound.

**Theorem.** Let $F_A(x) = A_L\,\sigma_{L-1}(\cdots \sigma_1(A_1 x))$ with activations that satisfy
$\|\sigma_i(u) - \sigma_i(v)\|_2 \le \|u - v\|_2$ and $\sigma_i(0) = 0$. For all $A$, $U$ and $x$, with $s_i \ge \|A_i\|_\sigma$ and
$u_i \ge \|U_i\|_\sigma$,
$$\|F_{A+U}(x) - F_A(x)\|_2 \le \|x\|_2 \Big(\prod_{i=1}^L (s_i + u_i) - \prod_{i=1}^L s_i\Big),$$
and equality is attained. If $u_i \le s_i/L$ for all $i$, then
$$\prod_{i=1}^L (s_i + u_i) - \prod_{i=1}^L s_i \le \Big(1 + \frac1L\Big)^{L-1} \prod_{i=1}^L s_i \sum_{i=1}^L \frac{u_i}{s_i}
  \quad (s_i > 0),$$
and $(1 + 1/L)^{L-1} < e$.

**Idea.** Let $h_i$ and $g_i$ be the hidden vectors of $A$ and $A + U$, $a_i = s_i a_{i-1}$ and $c_i = (s_i + u_i) c_{i-1}$ with
$a_0 = c_0 = \|x\|$. By induction $\|h_i\| \le a_i$ and $\|g_i - h_i\| \le c_i - a_i$, because
$(A + U) g - A h = A (g - h) + U g$ has norm at most $s (c - a) + u c$. For the second part write $t_i = u_i/s_i$; then
$\prod_{i \le j} (1 + t_i) - 1 \le (1 + 1/L)^{j-1} \sum_{i \le j} t_i$ by induction.

**Reading.** This is the step that turns PAC-Bayes into a bound with spectral norms (Neyshabur, Bhojanapalli and Srebro); their lemma
has the constant $e$ and needs $u_i \le s_i/L$. The first form needs nothing of $U$ and is sharp.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from flint import fmpq
from hypothesis import strategies as st

from numerics.arithmetic.exact import Matrix, rational
from numerics.evidence.verdict import Verdict, at_most, equal, every
from numerics.learning.problems import ACTIVATIONS
from numerics.strategies import Planted, matrices, planted_matrices, sizes
from theorems import Citation, Claim, Mutant, Premise, Tight
from theorems.proof import Derivation
from theorems.proof.crosscheck import Model
from theorems.proof.lemmas import triangle_inequality

# Proof.


def proof() -> Derivation:
    from theorems.proof import Indexed, at_least, at_most, equal, nonnegative, zero

    triangle = triangle_inequality()
    d = Derivation("perturbed weights")
    L = d.index_constant("L")
    A, U = d.family("A[i]: k[i] h[i-1]", "i"), d.family("U[i]: k[i] h[i-1]", "i")
    h, g = d.family("h[i]: h[i] 1", "i"), d.family("g[i]: h[i] 1", "i")
    s, u, a, c = (d.family(f"{name}[i]: 1 1", "i") for name in ["s", "u", "a", "c"])

    def each(relation, low="1"):
        return d.given(Indexed(relation, "i", low, L))

    signs, more = each(nonnegative(s("i"))), each(nonnegative(u("i")))
    grown, larger = each(equal(a("i"), s("i") * a("i-1"))), each(equal(c("i"), (s("i") + u("i")) * c("i-1")))
    start, same = d.given(zero(g("0") - h("0"))), d.given(equal(c("0"), a("0")))
    a_0, norm_0 = d.given(nonnegative(a("0"))), d.given(at_most(h("0").squared_norm(), a("0") ** 2))
    image = A("i") @ h("i-1")
    moved = (A("i") + U("i")) @ g("i-1") - image
    keeps = each(at_most(h("i").squared_norm(), image.squared_norm()))
    contracts = each(at_most((g("i") - h("i")).squared_norm(), moved.squared_norm()))
    gap = g("i-1") - h("i-1")
    norms = [
        each(at_most(image.squared_norm(), s("i") ** 2 * h("i-1").squared_norm())),
        each(at_most((A("i") @ gap).squared_norm(), s("i") ** 2 * gap.squared_norm())),
        each(at_most((U("i") @ g("i-1")).squared_norm(), u("i") ** 2 * g("i-1").squared_norm())),
    ]

    def induction(symbol, relation, step, base):
        index = d.index(symbol, "0", f"{L}-1")
        here = d.suppose(relation(symbol))
        return d.induction(index, here, step(here, symbol, f"{symbol}+1"), base)

    def at(facts, i):
        return [d.at(f, i) for f in facts]

    positive = induction(
        "j",
        lambda i: nonnegative(a(i)),
        lambda here, i, k: d.squares(nonnegative(a(k)), [(1, d.at(signs, k), here)], [d.at(grown, k)]),
        a_0,
    )
    above = induction(
        "l",
        lambda i: at_least(c(i), a(i)),
        lambda here, i, k: d.squares(
            at_least(c(k), a(k)),
            [(1, d.at(signs, k), here), (1, d.at(more, k), here), (1, d.at(more, k), d.at(positive, i))],
            at((grown, larger), k),
        ),
        d.weaken(d.algebra(equal(c("0") - a("0"), 0), [same]), at_least(c("0"), a("0"))),
    )
    clean = induction(
        "m",
        lambda i: at_most(h(i).squared_norm(), a(i) ** 2),
        lambda here, i, k: d.squares(
            at_most(h(k).squared_norm(), a(k) ** 2),
            [(1, d.at(keeps, k)), (1, d.at(norms[0], k)), (1, here, s(k))],
            [d.at(grown, k)],
            rounds=4,
        ),
        norm_0,
    )

    def distance(i):
        return at_most((g(i) - h(i)).squared_norm(), (c(i) - a(i)) ** 2)

    def further(here, i, k):
        wide = d.weaken(d.at(above, i), nonnegative(c(i) - a(i)))
        place = {"X": h(i), "Y": g(i) - h(i), "p": a(i), "q": c(i) - a(i)}
        _, (perturbed,) = d.lemma(triangle, place, [d.at(clean, i), here, d.at(positive, i), wide])
        kept = d.squares(
            at_most((A(k) @ (g(i) - h(i))).squared_norm(), (s(k) * (c(i) - a(i))) ** 2),
            [(1, d.at(norms[1], k)), (1, here, s(k))],
        )
        added = d.squares(
            at_most((U(k) @ g(i)).squared_norm(), (u(k) * c(i)) ** 2), [(1, d.at(norms[2], k)), (1, perturbed, u(k))]
        )
        first = d.squares(nonnegative(s(k) * (c(i) - a(i))), [(1, d.at(signs, k), wide)])
        c_sign = d.squares(nonnegative(c(i)), [(1, wide), (1, d.at(positive, i))])
        second = d.squares(nonnegative(u(k) * c(i)), [(1, d.at(more, k), c_sign)])
        place = {"X": A(k) @ (g(i) - h(i)), "Y": U(k) @ g(i), "p": s(k) * (c(i) - a(i)), "q": u(k) * c(i)}
        _, (sum_,) = d.lemma(triangle, place, [kept, added, first, second])
        return d.squares(distance(k), [(1, d.at(contracts, k)), (1, sum_)], at((grown, larger), k), rounds=4)

    gap_0 = (g("0") - h("0")).squared_norm()
    vanishes = d.algebra(equal(gap_0 - (c("0") - a("0")) ** 2, 0), [start, same], rounds=4)
    whole = induction("n", distance, further, d.weaken(vanishes, distance("0")))
    d.weaken(d.at(whole, L), d.goal(distance(L)))

    # The second part: Q_j = product of 1 + t_i, T_j their sum, w_j = (1 + 1/L)^j.
    t, Q, T, w = (d.family(f"{name}[i]: 1 1", "i") for name in ["t", "Q", "T", "w"])
    (nu,) = d.scalars("1/L")
    small, t_sign = each(at_most(t("i"), nu)), each(nonnegative(t("i")))
    multiplied, added = each(equal(Q("i"), Q("i-1") * (1 + t("i")))), each(equal(T("i"), T("i-1") + t("i")))
    power = each(equal(w("i"), w("i-1") * (1 + nu)))
    Q_0, T_0, w_0 = d.given(equal(Q("0"), 1)), d.given(zero(T("0"))), d.given(equal(w("0"), 1))
    nu_sign = d.given(nonnegative(nu))
    w_sign = induction(
        "o",
        lambda i: nonnegative(w(i)),
        lambda here, i, k: d.squares(nonnegative(w(k)), [(1, here), (1, here, nu_sign)], [d.at(power, k)]),
        d.squares(nonnegative(w("0")), [1 + 0 * nu], [w_0]),
    )
    T_sign = induction(
        "r",
        lambda i: nonnegative(T(i)),
        lambda here, i, k: d.squares(nonnegative(T(k)), [(1, here), (1, d.at(t_sign, k))], [d.at(added, k)]),
        d.weaken(T_0, nonnegative(T("0"))),
    )
    below = induction(
        "v",
        lambda i: at_most(Q(i), w(i)),
        lambda here, i, k: d.squares(
            at_most(Q(k), w(k)),
            [(1, here), (1, here, d.at(t_sign, k)), (1, d.at(w_sign, i), d.at(small, k))],
            at((multiplied, power), k),
        ),
        d.weaken(d.algebra(equal(w("0") - Q("0"), 0), [Q_0, w_0]), at_most(Q("0"), w("0"))),
    )
    # (1 + 1/L) (Q_j - 1) <= w_j T_j, so that no w_(j-1) is needed.
    claimed = induction(
        "y",
        lambda i: at_most((1 + nu) * (Q(i) - 1), w(i) * T(i)),
        lambda here, i, k: d.squares(
            at_most((1 + nu) * (Q(k) - 1), w(k) * T(k)),
            [
                (1, here),
                (1, d.at(t_sign, k), d.at(below, i)),
                (1, d.at(t_sign, k), d.at(below, i), nu_sign),
                (1, d.at(w_sign, i), d.at(T_sign, i), nu_sign),
            ],
            at((multiplied, added, power), k),
            rounds=4,
        ),
        d.weaken(
            d.algebra(equal(w("0") * T("0") - (1 + nu) * (Q("0") - 1), 0), [Q_0, T_0]),
            at_most((1 + nu) * (Q("0") - 1), w("0") * T("0")),
        ),
    )
    d.weaken(d.at(claimed, L), d.goal(at_most((1 + nu) * (Q(L) - 1), w(L) * T(L))))
    return d


# Check.


@dataclass(frozen=True)
class Perturbed:
    """Layers and perturbations with known spectral norms, and an input; `shift` is added to every hidden activation."""

    layers: tuple[Planted, ...]
    moves: tuple[Planted, ...]
    activation: str
    x: Matrix
    shift: int = 0

    def norms(self) -> list[tuple[fmpq, fmpq]]:
        return [
            (rational(max(A.spectrum, default=Fraction(0))), rational(max(U.spectrum, default=Fraction(0))))
            for A, U in zip(self.layers, self.moves, strict=True)
        ]

    def hidden(self) -> list[tuple[Matrix, Matrix]]:
        """(h_i, g_i) for i = 0, ..., L."""
        act = ACTIVATIONS.get(self.activation, lambda x: 2 * x)
        h = g = self.x
        found = [(h, g)]
        for i, (A, U) in enumerate(zip(self.layers, self.moves, strict=True), 1):
            h, g = A.matrix @ h, (A.matrix + U.matrix) @ g
            if i < len(self.layers):
                h, g = (Matrix([[act(v[r, 0]) + self.shift] for r in range(v.rows)]) for v in (h, g))
            found.append((h, g))
        return found


def distance(t: Perturbed) -> fmpq:
    h, g = t.hidden()[-1]
    return (g - h).squared_norm()


def growth(t: Perturbed) -> fmpq:
    before = after = rational(1)
    for s, u in t.norms():
        before, after = before * s, after * (s + u)
    return after - before


def linearised(t: Perturbed, constant: fmpq) -> fmpq:
    """constant times the product of the norms and the sum of the ratios."""
    product, ratios = rational(1), rational(0)
    for s, u in t.norms():
        product, ratios = product * s, ratios + u / s
    return constant * product * ratios


def small(t: Perturbed) -> bool:
    return all(s > 0 and len(t.layers) * u <= s for s, u in t.norms())


def constant(depth: int) -> fmpq:
    return rational(Fraction(depth + 1, depth)) ** (depth - 1)


def check(t: Perturbed) -> Verdict:
    verdicts = [at_most(distance(t), growth(t) ** 2 * t.x.squared_norm(), "squared distance of the outputs")]
    if small(t):
        verdicts.append(at_most(growth(t), linearised(t, constant(len(t.layers))), "linear in the perturbation"))
    return every(verdicts)


@st.composite
def perturbed(draw) -> Perturbed:
    depth = draw(sizes(1, 3))
    widths = [draw(sizes(1, 3)) for _ in range(depth + 1)]
    layers = tuple(draw(planted_matrices(widths[i + 1], widths[i])) for i in range(depth))
    moves = []
    for A in layers:
        U = draw(planted_matrices(*A.matrix.shape))
        top, s = max(U.spectrum, default=Fraction(0)), max(A.spectrum, default=Fraction(0))
        factor = Fraction(1)
        if draw(st.booleans()) and s and top:  # small enough for the second part, or with equality there
            factor = s / (depth * top)
        moves.append(Planted(factor * U.matrix, tuple(factor * z for z in U.spectrum), U.left, U.right))
    return Perturbed(layers, tuple(moves), draw(st.sampled_from(sorted(ACTIVATIONS))), draw(matrices(widths[0], 1)))


def interpret(t: Perturbed) -> Model:
    from numerics.arithmetic import balls

    a = c = balls.frobenius_norm(t.x)
    depth = len(t.layers)
    values: dict[str, object] = {"a[0]": a, "c[0]": c, "h[0]": t.x, "g[0]": t.x, "1/L": Fraction(1, depth)}
    values |= {"Q[0]": 1, "T[0]": 0, "w[0]": 1}
    Q, T, w = rational(1), rational(0), rational(1)
    for i, ((h, g), (s, u)) in enumerate(zip(t.hidden()[1:], t.norms(), strict=True), 1):
        a, c = a * s, c * (s + u)
        ratio = u / s if small(t) else rational(0)
        Q, T, w = Q * (1 + ratio), T + ratio, w * (1 + rational(Fraction(1, depth)))
        values |= {f"A[{i}]": t.layers[i - 1].matrix, f"U[{i}]": t.moves[i - 1].matrix, f"h[{i}]": h, f"g[{i}]": g}
        values |= {f"s[{i}]": s, f"u[{i}]": u, f"a[{i}]": a, f"c[{i}]": c}
        values |= {f"t[{i}]": ratio, f"Q[{i}]": Q, f"T[{i}]": T, f"w[{i}]": w}
    return Model(values, indices={"L": depth})


def stratum(t: Perturbed) -> str:
    if t.x.is_zero():
        return "input zero"
    return "a layer is zero" if any(s == 0 for s, _ in t.norms()) else "generic"


def scalars(*pairs: tuple[int, int], **change) -> Perturbed:
    """A scalar chain with weights and perturbations, at x = 1."""

    def planted(value: int) -> Planted:
        one = Matrix([[1]])
        return Planted(Matrix([[value]]), (Fraction(abs(value)),), one, Matrix([[1 if value >= 0 else -1]]))

    layers, moves = zip(*((planted(w), planted(u)) for w, u in pairs), strict=True)
    return Perturbed(layers, moves, change.pop("activation", "relu"), change.pop("x", Matrix([[1]])), **change)


def variant(amount: Callable[[Perturbed], fmpq]) -> Callable[[Perturbed], Verdict]:
    return lambda t: at_most(distance(t), amount(t) ** 2 * t.x.squared_norm())


def shown(t: Perturbed) -> str:
    return f"|F_(A+U)(x) - F_A(x)|^2 = {distance(t)}, allowed {growth(t) ** 2 * t.x.squared_norm()}"


claim = Claim(
    __name__,
    __doc__,
    source=Citation("neyshabur2018pac", "abstract"),
    premises=(
        Premise(
            "zero to zero",
            r"$\sigma_i(0) = 0$.",
            holds=lambda t: t.shift == 0,
            without=lambda: scalars((0, 0), (0, 1), shift=1),
            show=shown,
        ),
        Premise(
            "1-Lipschitz",
            r"The activations are 1-Lipschitz.",
            holds=lambda t: t.activation in ACTIVATIONS,
            without=lambda: scalars((1, 1), (1, 0), activation="double"),
            show=shown,
        ),
    ),
    derivation=proof,
    interpret=interpret,
    instances=perturbed,
    check=check,
    stratum=stratum,
    tight=(
        Tight(
            "positive chain",
            lambda: scalars((2, 1), (3, 5), (1, 1)),
            lambda t: equal(distance(t), growth(t) ** 2 * t.x.squared_norm()),
        ),
        Tight(
            "one layer",
            lambda: scalars((2, 1)),
            lambda t: equal(growth(t), linearised(t, constant(1))),
        ),
    ),
    mutants=(
        Mutant(
            "first order",
            r"The distance is at most $\|x\| \prod s_i \sum u_i/s_i$.",
            variant(lambda t: linearised(t, rational(1))),
            lambda: scalars((1, 1), (1, 1)),
        ),
        Mutant(
            "any perturbation",
            r"The second form, with $e < 2.719$, needs no $u_i \le s_i/L$.",
            variant(lambda t: linearised(t, rational(Fraction(2719, 1000)))),
            lambda: scalars((1, 3), (1, 3), (1, 3)),
        ),
        Mutant(
            "product of the perturbations",
            r"The distance is at most $\|x\| \prod u_i$.",
            variant(lambda t: growth(t) - linearised(t, rational(1)) if len(t.layers) == 2 else growth(t)),
            lambda: scalars((1, 1), (1, 1)),
        ),
        Mutant(
            "a power less",
            r"The constant of the second form is $(1 + 1/L)^{L-2}$.",
            lambda t: at_most(growth(t), linearised(t, constant(len(t.layers)) * len(t.layers) / (len(t.layers) + 1))),
            lambda: scalars((2, 1), (2, 1)),
        ),
    ),
)
