r"""A scalar chain is critical exactly where its product is one or two weights vanish, and its curvature there is known.

**Theorem.** Let $L \ge 1$, $F(w) = \tfrac12 (1 - P)^2$ with $P = w_1 \cdots w_L$, and $w \in \mathbb{R}^L$. Then
$\nabla F(w) = 0$ if and only if $P = 1$ or at least two coordinates of $w$ vanish. Moreover:

* if $P = 1$, then $F(w) = 0$ is the global minimum and $\nabla^2 F(w) = g g^\top$ with $g_i = 1 / w_i$;
* if exactly two coordinates vanish and $R$ is the product of the others, then $\nabla^2 F(w)$ has the eigenvalues $R$, $-R$ and
  $L - 2$ times $0$: a strict saddle;
* if three or more coordinates vanish, then $\nabla^2 F(w) = 0$.

If $P \ne 1$ at a critical point then $F = \tfrac12$ there, and $F < \tfrac12$ where $0 < P < 2$ and $F > \tfrac12$ where $P < 0$.

**Idea.** $\partial_i F = -(1 - P) Q_i$ with $Q_i$ the product of the other coordinates. If all coordinates but one are
non-zero, the $Q$ of that one is not zero (induction along the chain from both ends), so $P = 1$. If two vanish, every
$Q_i$ contains one of them (induction again). The Hessian is $-R\,(e_a e_b^\top + e_b e_a^\top)$ when exactly the coordinates $a$, $b$ vanish.

**Reading.** Moving all vanishing coordinates a little gives the product every small value of either sign (this last step is not
part of the formal goal; the check does it exactly, at three scales). So a critical point with $P \ne 1$ is neither a local
minimum nor a local maximum: $F$ has no poor local minima and no local maxima, at any depth. For $L \ge 3$ it has saddles
without negative curvature.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from math import prod

from hypothesis import strategies as st

from numerics.arithmetic.exact import Matrix, unit
from numerics.arithmetic.polynomial import Polynomial, characteristic_polynomial
from numerics.evidence.verdict import Verdict, decided, equal, every, greater_than, less_than
from numerics.strategies import rationals, sizes
from numerics.strategies.scalar_chains import Chain, gradient, hessian, loss
from theorems import Citation, Claim, Mutant, Premise
from theorems.proof import Derivation, Indexed, Square, less, nonzero, number, positive, zero
from theorems.proof import equal as is_equal
from theorems.proof.crosscheck import Model

# Proof.


def chain(d: Derivation, w: str, below: str, above: str, length: str):
    """A chain of scalars w_1, ..., w_L with its partial products from below and from above, and its slopes."""
    W, A, B = (d.family(f"{name}[i]: 1 1", "i") for name in (w, below, above))
    up = d.given(Indexed(is_equal(A("i"), W("i") * A("i-1")), "i", "1", length), "products from below")
    down = d.given(Indexed(is_equal(B("i-1"), B("i") * W("i")), "i", "1", length), "products from above")
    d.given(is_equal(A(0), 1), "the empty product")
    d.given(is_equal(B(length), 1), "the empty product")

    def slope(i: str):
        return -(1 - A(length)) * A(f"{i}-1") * B(i)

    return W, A, B, up, down, slope


def proof() -> Derivation:
    d = Derivation("critical points of scalar chains")

    # If only the coordinate k may vanish and the slope in it is zero, then P = 1.
    L = d.index_constant("L", at_least="1")
    k = d.index_constant("k", at_least="1", at_most=L)
    w, A, B, up, down, slope = chain(d, "w", "A", "B", L)
    empty_below, empty_above = d.facts[-2], d.facts[-1]
    left = d.given(Indexed(nonzero(w("i")), "i", "1", "k-1"), "the coordinates below k do not vanish")
    right = d.given(Indexed(nonzero(w("i")), "i", "k+1", L), "the coordinates above k do not vanish")
    critical = d.given(zero(slope(k)), "critical in the coordinate k")
    at_one = d.goal(is_equal(A(L), 1))

    j = d.index("j", "0", "k-2")
    known = d.suppose(nonzero(A("j")))
    step = d.smt(nonzero(A("j+1")), [known, d.at(left, "j+1"), d.at(up, "j+1")])
    from_below = d.at(d.induction(j, known, step, d.smt(nonzero(A(0)), [empty_below])), "k-1")
    r = d.index("r", "k+1", L)
    known = d.suppose(nonzero(B("r")))
    step = d.smt(nonzero(B("r-1")), [known, d.at(right, "r"), d.at(down, "r")])
    from_above = d.at(d.induction(r, known, step, d.smt(nonzero(B(L)), [empty_above])), k)
    d.smt(at_one, [critical, from_below, from_above])

    # If the coordinates a < b vanish, then so does every slope.
    N = d.index_constant("N", at_least="2")
    b = d.index_constant("b", at_least="2", at_most=N)
    a = d.index_constant("a", at_least="1", at_most="b-1")
    v, C, D, up, down, slope = chain(d, "v", "C", "D", N)
    v_a, v_b = d.given(zero(v(a)), "the coordinate a vanishes"), d.given(zero(v(b)), "the coordinate b vanishes")
    below_b = d.goal(Indexed(zero(slope("s")), "s", "1", "b-1"))
    from_b = d.goal(Indexed(zero(slope("t")), "t", "b", N))

    p = d.index("p", a, "N-1")
    known = d.suppose(zero(C("p")))
    step = d.algebra(zero(C("p+1")), [known, d.at(up, "p+1")])
    C_zero = d.induction(p, known, step, d.algebra(zero(C(a)), [v_a, d.at(up, a)]))
    q = d.index("q", "1", "b-1")
    known = d.suppose(zero(D("q")))
    step = d.algebra(zero(D("q-1")), [known, d.at(down, "q")])
    D_zero = d.induction(q, known, step, d.algebra(zero(D("b-1")), [v_b, d.at(down, b)]))
    s = d.index("s", "1", "b-1")
    assert d.for_all(s, d.algebra(zero(slope("s")), [d.at(D_zero, "s")])).content == below_b
    t = d.index("t", "b", N)
    assert d.for_all(t, d.algebra(zero(slope("t")), [d.at(C_zero, "t-1")])).content == from_b

    # Second derivatives in the coordinates x, y, z when S is the product of the rest. First at x = y = 0.
    x, y, z, u, S = d.scalars("x y z u S")
    x_0, y_0 = d.given(zero(x), "one coordinate vanishes"), d.given(zero(y), "another coordinate vanishes")

    def second(F, p, q):
        return d.derivative(d.derivative(F, {p: number(1)}), {q: number(1)})

    F, R = loss(x * y * z * u * S), z * u * S
    for entry, value in (((x, x), 0), ((y, y), 0), ((z, z), 0), ((x, z), 0), ((y, z), 0), ((z, u), 0), ((x, y), -R)):
        d.algebra(d.goal(is_equal(second(F, *entry), value)), [x_0, y_0])
    # So the curvature along e_x + R e_y is negative, and along e_x - R e_y positive, unless R = 0.
    for sign in (1, -1):
        along = {x: number(1), y: sign * R}
        d.algebra(d.goal(is_equal(d.derivative(d.derivative(F, along), along), -2 * sign * R**2)), [x_0, y_0])

    # So the Hessian is -R (a b^T + b a^T) with unit vectors a, b: its spectrum is R, -R and zeros.
    a_, b_, free = d.matrices("a: n 1", "b: n 1", "v_0: n 1")
    frame = [d.given(is_equal(a_.T @ a_, 1), "unit vector"), d.given(is_equal(b_.T @ b_, 1), "unit vector")]
    frame.append(d.given(zero(a_.T @ b_), "of different coordinates"))
    others = [d.given(zero(a_.T @ free), "other coordinates"), d.given(zero(b_.T @ free), "other coordinates")]
    hessian_ = -R * (a_ @ b_.T + b_ @ a_.T)
    d.algebra(d.goal(is_equal(hessian_ @ (a_ + b_), -R * (a_ + b_))), frame)
    d.algebra(d.goal(is_equal(hessian_ @ (a_ - b_), R * (a_ - b_))), frame)
    d.algebra(d.goal(zero(hessian_ @ free)), others)

    # The slope in one coordinate is what was used above, and it vanishes where the product is one.
    c, A_, B_ = d.scalars("c A_0 B_0")
    d.algebra(d.goal(is_equal(d.gradient(loss(A_ * c * B_), c), -(1 - A_ * c * B_) * A_ * B_)))

    # At product one: the Hessian is g g^T with g_i = 1 / w_i.
    e, f, T = d.scalars("e f T")
    d.partial(e, f, T)
    one = d.given(is_equal(e * f * T, 1), "the product is one")
    F = loss(e * f * T)
    d.algebra(d.goal(zero(d.gradient(F, e))), [one])
    d.algebra(d.goal(is_equal(second(F, e, e) * e**2, 1)), [one])
    d.algebra(d.goal(is_equal(second(F, e, f) * e * f, 1)), [one])

    # Where the product can take every small value of either sign, 1/2 is no extremum.
    h = d.scalar("h")
    above_0, below_2 = d.given(positive(h), "a small product"), d.given(less(h, 2), "a small product")
    d.squares(d.goal(less(loss(h), loss(number(0)))), [(Fraction(1, 2), above_0, below_2)])
    d.squares(d.goal(less(loss(number(0)), loss(-h))), [(1, above_0), Square(Fraction(1, 2), (above_0, above_0))])
    return d


# Check.


@st.composite
def chains(draw) -> Chain:
    depth = draw(sizes(1, 6))
    weights = [draw(rationals()) for _ in range(depth)]
    if draw(st.booleans()) and all(weights):  # bring the product to one
        weights[-1] /= prod(weights)
    return Chain.at(*weights)


def is_stated_critical(c: Chain) -> bool:
    """The theorem's condition: the product is one, or two coordinates vanish."""
    return prod(c.weights) == 1 or zeros(c) >= 2


def zeros(c: Chain) -> int:
    return sum(x == 0 for x in c.weights)


def nearby(c: Chain, sign: int, radius: Fraction) -> Fraction:
    """The loss at distance at most `radius` in each coordinate: zeros move so that the product gets the given sign."""
    places = [i for i, x in enumerate(c.weights) if x == 0]
    size = min(radius, 1 / (1 + Fraction(abs(prod(x for x in c.weights if x)))))  # keeps the product below one
    weights = [size if x == 0 else x for x in c.weights]
    if prod(weights) * sign < 0:
        weights[places[0]] = -size
    return c.loss(weights)


def check(c: Chain) -> Verdict:
    verdicts = [decided(all(g == 0 for g in gradient(c)) == is_stated_critical(c), "critical exactly where stated")]
    if not is_stated_critical(c):
        return every(verdicts)
    H, here, L = hessian(c), c.loss(c.weights), len(c.weights)
    if prod(c.weights) == 1:
        g = Matrix([[1 / x] for x in c.weights])
        verdicts += [equal(here, 0, "global minimum"), decided(g @ g.T == H, "the Hessian is g g^T")]
        return every(verdicts)
    R = prod(x for x in c.weights if x)
    spectrum = Polynomial([-R * R, 0, 1]) * Polynomial([*([0] * (L - 2)), 1])
    expected = spectrum if zeros(c) == 2 else Polynomial([*([0] * L), 1])
    verdicts.append(decided(characteristic_polynomial(H) == expected, "spectrum of the Hessian"))
    for radius in (Fraction(1), Fraction(1, 100), Fraction(1, 10**9)):
        verdicts.append(less_than(nearby(c, 1, radius), here, "descent at every scale"))
        verdicts.append(greater_than(nearby(c, -1, radius), here, "ascent at every scale"))
    return every(verdicts)


def interpret(c: Chain) -> Model:
    """Both chains of the derivation: one with at most one zero, at k, and product one; one with zeros at a < b."""
    L = len(c.weights)
    k = next((i for i, x in enumerate(c.weights, 1) if x == 0), L)
    w = [x or Fraction(1) for x in c.weights]
    w[k - 1] = Fraction(0)
    w[k - 1] = Fraction(1) / prod(x for i, x in enumerate(w, 1) if i != k)
    a, b = 1 + L // 3, 2 + L // 2
    v = [*c.weights, Fraction(2)]
    v[a - 1] = v[b - 1] = Fraction(0)
    values: dict[str, object] = {}
    for weights, names in ((w, "wAB"), (v, "vCD")):
        n = len(weights)
        values |= {f"{names[0]}[{i}]": weights[i - 1] for i in range(1, n + 1)}
        values |= {f"{names[1]}[{i}]": Fraction(prod(weights[:i])) for i in range(n + 1)}
        values |= {f"{names[2]}[{i}]": Fraction(prod(weights[i:])) for i in range(n + 1)}
    z, e = c.weights[0], 1 + abs(c.weights[-1])
    values |= {"x": 0, "y": 0, "z": z, "u": -e, "S": e, "e": e, "f": -e, "T": -1 / e**2, "h": 1 / e}
    values |= {"c": z, "A_0": e, "B_0": -e, "a": unit(3, 0), "b": unit(3, 1), "v_0": z * unit(3, 2)}
    return Model(values, {"L": L, "k": k, "N": L + 1, "a": a, "b": b})


def stratum(c: Chain) -> str:
    if zeros(c):
        return {1: "one zero", 2: "two zeros"}.get(zeros(c), "three or more zeros")
    return "product one" if prod(c.weights) == 1 else "generic"


def where(condition: Callable[[Chain], bool], conclusion: Callable[[Chain], Verdict]) -> Callable[[Chain], Verdict]:
    """A variant: `conclusion` wherever `condition`."""
    return lambda c: conclusion(c) if condition(c) else decided(True)


def is_lowest_nearby(c: Chain) -> Verdict:
    """No point at distance 1/100 in each coordinate is lower, as far as moving the zeros shows."""
    return decided(nearby(c, 1, Fraction(1, 100)) >= c.loss(c.weights), "no descent by moving the zeros")


claim = Claim(
    __name__,
    __doc__,
    source=Citation("sun2019lecture", "Section 1.4"),
    premises=(
        Premise(
            "target one",
            "The target is 1 (any other target but 0 becomes 1 after scaling a coordinate).",
            holds=lambda c: c.target == 1,
            without=lambda: Chain.at(0, 3, target=0),
            show=lambda c: (
                f"gradient {[str(g) for g in gradient(c)]} at w = (0, 3), where one coordinate vanishes and P = 0"
            ),
        ),
    ),
    derivation=proof,
    interpret=interpret,
    instances=chains,
    check=check,
    stratum=stratum,
    beyond="the whole spectrum of the Hessian by its characteristic polynomial, and explicit lower and higher points nearby",
    mutants=(
        Mutant(
            "one zero suffices",
            "If one coordinate vanishes, the gradient is zero.",
            where(lambda c: zeros(c) >= 1, lambda c: decided(not any(gradient(c)))),
            lambda: Chain.at(0, 2, 3),
        ),
        Mutant(
            "two zeros are flat",
            r"If two coordinates vanish, then $\nabla^2 F = 0$.",
            where(lambda c: zeros(c) >= 2, lambda c: decided(hessian(c).is_zero())),
            lambda: Chain.at(0, 0, 3, -2),
        ),
        Mutant(
            "all saddles are strict",
            r"Every critical point with $P \ne 1$ has a direction of negative curvature.",
            where(lambda c: zeros(c) >= 2, lambda c: decided(hessian(c).inertia()[1] > 0)),
            lambda: Chain.at(0, 0, 0),
        ),
        Mutant(
            "the origin is a local minimum at odd depth",
            "For odd $L \\ge 3$ the origin is a local minimum.",
            where(lambda c: not any(c.weights) and len(c.weights) % 2 == 1 and len(c.weights) > 1, is_lowest_nearby),
            lambda: Chain.at(0, 0, 0),
        ),
        Mutant(
            "curvature at the minima",
            r"At $P = 1$ the largest curvature is $L$.",
            where(lambda c: prod(c.weights) == 1, lambda c: equal(hessian(c).trace(), len(c.weights))),
            lambda: Chain.at(2, Fraction(1, 2)),
        ),
    ),
)
