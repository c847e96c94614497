r"""A network stretches distances at most by the product of its layers' spectral norms and activation constants.

**Theorem.** Let $F(x) = \sigma_L(A_L\,\sigma_{L-1}(\cdots \sigma_1(A_1 x)))$ where
$\|\sigma_i(u) - \sigma_i(u')\|_2 \le \rho_i \|u - u'\|_2$ for all $u, u'$. Then for all $x, x'$
$$\|F(x) - F(x')\|_2 \le \Big(\prod_{i=1}^L \rho_i \|A_i\|_\sigma\Big) \|x - x'\|_2 ,$$
with $\|A\|_\sigma$ the greatest singular value. Equality is attained.

**Idea.** Layer by layer: $\|z_i - z_i'\| \le \rho_i \|A_i (z_{i-1} - z_{i-1}')\| \le \rho_i \|A_i\|_\sigma
\|z_{i-1} - z_{i-1}'\|$. Induction over the layers; nothing is cited.

**Reading.** ReLU, leaky ReLU with slopes in $[-1, 1]$, the absolute value, tanh and max-pooling of windows that do not overlap have $\rho = 1$.
Max-pooling of *overlapping* windows has $\rho = \sqrt m$ when an entry lies in up to $m$ windows: windows of 3 at stride 1 on a line
stretch by $\sqrt3$, because one large entry is copied three times.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from flint import arb
from hypothesis import strategies as st

from numerics.arithmetic.exact import Matrix, rational
from numerics.evidence.verdict import Verdict, at_most, equal
from numerics.strategies import Planted, matrices, planted_matrices, sizes
from theorems import Citation, Claim, Mutant, Premise, Tight
from theorems.proof import Derivation
from theorems.proof.crosscheck import Model

# Proof.


def proof() -> Derivation:
    from theorems.proof import Indexed, at_most, equal

    d = Derivation("product of Lipschitz constants")
    A = d.family("A[i]: k[i] h[i-1]", "i")
    z, u = d.family("z[i]: h[i] 1", "i"), d.family("u[i]: k[i] 1", "i")
    rho, s, P = (d.family(f"{name}[i]: 1 1", "i") for name in ("rho", "s", "P"))
    L = d.index_constant("L")

    def each(relation):
        return d.given(Indexed(relation, "i", "1", L))

    # z_i is the difference of two activations, u_i = A_i z_{i-1} that of the values before them, P_i the squared product.
    before = each(equal(u("i"), A("i") @ z("i-1")))
    spectral = each(at_most((A("i") @ z("i-1")).squared_norm(), s("i") ** 2 * z("i-1").squared_norm()))
    activation = each(at_most(z("i").squared_norm(), rho("i") ** 2 * u("i").squared_norm()))
    empty = d.given(equal(P("0"), 1))
    product = each(equal(P("i"), P("i-1") * rho("i") ** 2 * s("i") ** 2))

    def bound(k):
        return at_most(z(k).squared_norm(), P(k) * z("0").squared_norm())

    k = d.index("k", "0", "L-1")
    here = d.suppose(bound("k"))
    up, norm, act, grow = (d.at(f, "k+1") for f in (before, spectral, activation, product))
    terms = [(1, act), (1, norm, rho("k+1")), (1, here, rho("k+1") * s("k+1"))]
    step = d.squares(bound("k+1"), terms, [up, grow], rounds=4)
    base = d.weaken(d.algebra(equal(bound("0").expr, 0), [empty]), bound("0"))
    whole = d.at(d.induction(k, here, step, base), L)
    d.weaken(whole, d.goal(bound(L)))
    return d


# Check.


def relu(v: Matrix) -> Matrix:
    return Matrix([[max(v[i, 0], rational(0))] for i in range(v.rows)])


def leaky(v: Matrix) -> Matrix:
    return Matrix([[v[i, 0] if v[i, 0] >= 0 else 2 * v[i, 0]] for i in range(v.rows)])


def absolute(v: Matrix) -> Matrix:
    return Matrix([[abs(v[i, 0])] for i in range(v.rows)])


def pool(v: Matrix) -> Matrix:
    """Max-pooling of pairs that do not overlap."""
    return Matrix([[max(v[j, 0] for j in range(i, min(i + 2, v.rows)))] for i in range(0, v.rows, 2)])


def overlapping(v: Matrix) -> Matrix:
    """Max-pooling of windows of 3 at stride 1."""
    return Matrix([[max(v[j, 0] for j in range(i, i + 3))] for i in range(v.rows - 2)])


def square(v: Matrix) -> Matrix:
    return Matrix([[v[i, 0] ** 2] for i in range(v.rows)])


ACTIVATIONS: dict[str, tuple[Callable[[Matrix], Matrix], int]] = {
    "relu": (relu, 1),
    "abs": (absolute, 1),
    "leaky": (leaky, 4),
    "pool": (pool, 1),
    "overlapping": (overlapping, 3),
    "square": (square, 4),
}
"""With the square of the constant that is claimed; for `square` there is none."""


@dataclass(frozen=True)
class Pair:
    """Layers with known spectral norms, an activation after each, and two inputs."""

    layers: tuple[Planted, ...]
    activations: tuple[str, ...]
    x: Matrix
    y: Matrix

    def traces(self) -> list[tuple[Matrix, Matrix, Matrix, Matrix]]:
        """For each layer the two values before the activation, and after it."""
        found, x, y = [], self.x, self.y
        for A, name in zip(self.layers, self.activations, strict=True):
            act = ACTIVATIONS[name][0]
            u, v = A.matrix @ x, A.matrix @ y
            x, y = act(u), act(v)
            found.append((u, v, x, y))
        return found

    def constants(self) -> list[tuple[int, Fraction]]:
        """(rho_i^2, spectral norm of A_i)."""
        return [
            (ACTIVATIONS[name][1], max(A.spectrum, default=Fraction(0)))
            for A, name in zip(self.layers, self.activations, strict=True)
        ]


def stretched(t: Pair) -> tuple:
    """Squared distances of the outputs and of the inputs."""
    *_, x, y = t.traces()[-1]
    return (x - y).squared_norm(), (t.x - t.y).squared_norm()


def check(t: Pair) -> Verdict:
    out, into = stretched(t)
    factor = rational(1)
    for rho, s in t.constants():
        factor = factor * rho * rational(s) ** 2
    return at_most(out, factor * into)


@st.composite
def pairs(draw) -> Pair:
    layers, names = [], []
    width = draw(sizes(1, 3))
    inputs = width
    for _ in range(draw(sizes(1, 3))):
        A = draw(planted_matrices(draw(sizes(1, 3)), width))
        names.append(
            draw(st.sampled_from(["relu", "abs", "leaky", "pool", *(["overlapping"] if A.matrix.rows > 2 else [])]))
        )
        layers.append(A)
        width = ACTIVATIONS[names[-1]][0](Matrix([[0]] * A.matrix.rows)).rows
    return Pair(tuple(layers), tuple(names), draw(matrices(inputs, 1)), draw(matrices(inputs, 1)))


def interpret(t: Pair) -> Model:
    values: dict[str, object] = {"z[0]": t.x - t.y, "P[0]": 1}
    factor = rational(1)
    for i, ((u, v, x, y), (rho, s)) in enumerate(zip(t.traces(), t.constants(), strict=True), 1):
        factor = factor * rho * rational(s) ** 2
        values |= {f"A[{i}]": t.layers[i - 1].matrix, f"u[{i}]": u - v, f"z[{i}]": x - y}
        values |= {
            f"rho[{i}]": {1: rational(1), 3: arb(3).sqrt(), 4: rational(2)}[rho],
            f"s[{i}]": s,
            f"P[{i}]": factor,
        }
    return Model(values, indices={"L": len(t.layers)})


def stratum(t: Pair) -> str:
    if stretched(t)[1] == 0:
        return "equal inputs"
    return "a layer is zero" if any(s == 0 for _, s in t.constants()) else "generic"


def diagonal(*entries: int, activation: str = "relu", x: Matrix, y: Matrix) -> Pair:
    from numerics.arithmetic.exact import diagonal as diag
    from numerics.arithmetic.exact import identity

    ordered = tuple(Fraction(e) for e in entries)
    eye = identity(len(entries))
    return Pair((Planted(diag(entries), ordered, eye, eye),), (activation,), x, y)


def one_peak() -> Pair:
    """A single large entry, which three overlapping windows copy."""
    zero = Matrix([[0]] * 5)
    return diagonal(1, 1, 1, 1, 1, activation="overlapping", x=Matrix([[0], [0], [1], [0], [0]]), y=zero)


def chain(*factors: int, activation: str = "relu") -> Pair:
    single = diagonal(1, x=Matrix([[1]]), y=Matrix([[0]]))
    layers = tuple(diagonal(f, x=single.x, y=single.y).layers[0] for f in factors)
    return Pair(layers, (activation,) * len(factors), single.x, single.y)


def with_factor(factor: Callable[[list[tuple[int, Fraction]]], Fraction]) -> Callable[[Pair], Verdict]:
    """A check with another constant in the place of the product, given as its square."""

    def variant(t: Pair) -> Verdict:
        out, into = stretched(t)
        return at_most(out, rational(factor(t.constants())) * into)

    return variant


claim = Claim(
    __name__,
    __doc__,
    source=Citation("bartlett2017spectrally", "equations (1.1) and (1.2)"),
    premises=(
        Premise(
            "Lipschitz activations",
            r"Every $\sigma_i$ is $\rho_i$-Lipschitz.",
            holds=lambda t: "square" not in t.activations,
            without=lambda: diagonal(1, activation="square", x=Matrix([[3]]), y=Matrix([[0]])),
            show=lambda t: "t -> t^2 with rho = 2: |F(x) - F(y)|^2 = {} > 4 |x - y|^2 = 4 * {}".format(*stretched(t)),
        ),
    ),
    derivation=proof,
    interpret=interpret,
    instances=pairs,
    check=check,
    stratum=stratum,
    tight=(
        Tight("positive chain", lambda: chain(2, 3), lambda t: equal(stretched(t)[0], 36 * stretched(t)[1])),
        Tight("overlapping windows", one_peak, lambda t: equal(stretched(t)[0], 3 * stretched(t)[1])),
    ),
    mutants=(
        Mutant(
            "greatest factor",
            r"The constant is $\max_i \rho_i\|A_i\|_\sigma$.",
            with_factor(lambda cs: max(rho * s**2 for rho, s in cs)),
            lambda: chain(2, 3),
        ),
        Mutant(
            "sum",
            r"The constant is $\sum_i \rho_i\|A_i\|_\sigma$.",
            with_factor(lambda cs: sum((s for _, s in cs), Fraction(0)) ** 2),
            lambda: chain(2, 3),
        ),
        Mutant(
            "slope 2 counts as 1",
            r"A leaky ReLU with slope 2 has $\rho = 1$.",
            with_factor(lambda cs: max(s for _, s in cs) ** 2),
            lambda: diagonal(1, activation="leaky", x=Matrix([[-1]]), y=Matrix([[0]])),
        ),
        Mutant(
            "overlapping windows count as 1",
            r"Max-pooling of overlapping windows has $\rho = 1$.",
            with_factor(lambda cs: max(s for _, s in cs) ** 2),
            one_peak,
        ),
        Mutant(
            "least singular value",
            r"The constant is $\prod_i \rho_i \sigma_{\min}(A_i)$.",
            lambda t: at_most(stretched(t)[0], rational(min(t.layers[0].spectrum)) ** 2 * stretched(t)[1]),
            lambda: diagonal(2, 1, x=Matrix([[1], [0]]), y=Matrix([[0], [0]])),
        ),
    ),
)
