r"""Each hidden layer without a spare neuron doubles the number of pieces of a low sublevel set.

**Theorem.** Let $Y \in \mathbb{R}^{m \times n}$, $\mu = \min(m, n)$, $K \ge 1$, and $E(W_1, \dots, W_K) = \|W_K \cdots W_1 - Y\|_F^2$
with $W_k \in \mathbb{R}^{n_k \times n_{k-1}}$, $n_0 = n$, $n_K = m$ and $n_k \ge \mu$ for all $0 < k < K$. Let
$J = \{0 < k < K : n_k = \mu\}$ and let $\sigma_\mu$ be the smallest of the $\mu$ singular values of $Y$. Then
$\{E \le u\}$ has exactly $2^{|J|}$ connected components for $0 \le u < \sigma_\mu^2$, and is connected for $u \ge \sigma_\mu^2$.

**Idea.** Transposing the chain, let $m \le n$. For $k \in J$ the matrix $B_k = W_K \cdots W_{k+1}$ is square. If it is singular,
$z^\top B_k = 0$, then the error has at least the size of $z^\top Y$, so $E \ge \sigma_\mu^2$. Hence below $\sigma_\mu^2$ the sign of
$\det B_k$ cannot change along a path, and all signs occur: a reflection between $W_{k+1}$ and $W_k$ keeps the product. Points
with the same signs are joined: $B_k$ with positive determinant is a product of shears and positive scalings, and between
the layers these can be switched on gradually. From the level $\sigma_\mu^2$ on, the product can be moved to the best one of smaller
rank; there $z^\top W_k \cdots W_1 = 0$ for some $z \ne 0$, and $W_{k+1} (I - t\, z z^\top / \|z\|^2)$, $0 \le t \le 2$, turns the sign for free.

**Reading.** This is the boundary case of connected sublevel sets: the inequality "more than $\min(m, n)$" cannot be weakened
for a single layer. The pieces are copies of each other, each with its global minima, so no piece is a trap.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from flint import fmpq
from hypothesis import strategies as st

from numerics.arithmetic.exact import Matrix, column, diagonal, identity, rational
from numerics.arithmetic.polynomial import has_singular_values
from numerics.evidence.certificate import Point
from numerics.evidence.verdict import Verdict, decided, equal, every, fails, undecided
from numerics.strategies import linear_networks, planted_matrices, rationals, sizes
from numerics.strategies.layer_products import mirror_images
from numerics.sublevel.paths.gauge_paths import connect_through_gauge, sign_pattern
from numerics.sublevel.paths.linear_paths import end_to_end, squared_error
from theorems import Citation, Claim, Mutant, Premise, Tight
from theorems.proof import Derivation
from theorems.proof.crosscheck import Model
from theorems.schemes.narrow_layers import printed


def turned(V, z, t, c, one):
    r"""$V (I - t\, c\, z z^\top)$: with $c = 1 / \|z\|^2$ and $t = 2$ a reflection. `one` is the identity."""
    return V @ (one - t * c * (z @ z.T))


# Proof.


def proof() -> Derivation:
    from theorems.proof import (
        Letter,
        Statement,
        at_least,
        equal,
        identity,
        letter,
        nonnegative,
        nonzero,
        number,
        zero,
    )

    d = Derivation("narrow layers split sublevel sets")
    B, A, Y, z = d.matrices("B: m p", "A: p n", "Y: m n", "z: m 1")
    s2, t = d.scalars("sigma2 t")
    v = Letter("v", "m", "1")
    x = letter(v)
    smallest = Statement((v,), (), (at_least((Y.T @ x).squared_norm(), s2 * x.squared_norm()),))
    rayleigh = d.given(smallest, "sigma is the smallest singular value of Y")
    kernel = d.given(zero(z.T @ B), "B is singular")
    proper = d.given(nonzero(z), "z is a vector other than 0")
    wall = d.goal(at_least((B @ A - Y).squared_norm(), s2))

    length = d.definite(proper, z)
    kappa, inverted = d.reciprocal(length, "kappa")
    sign = d.squares(nonnegative(kappa), [(1, length, kappa)], [inverted])
    _, (seen,) = d.apply(rayleigh, {"v": z})
    M = B @ A - Y
    d.squares(
        wall,
        [(1, sign, seen), M - kappa * z @ z.T @ M],
        [inverted, kernel],
        reason="the error keeps all of Y along z",
    )

    # Moves that keep the product: reflections and shears between two layers, and turning a sign where w'C = 0.
    V, U, e, N, w, C = d.matrices("V: q p", "U: p n", "e: p 1", "N: p p", "w: p 1", "C: p n")
    c, a = d.scalars("c a")
    unit = d.given(equal(c * e.squared_norm(), 1), "c is 1/|e|^2")
    nilpotent = d.given(zero(N @ N), "N is a shear")
    dead = d.given(zero(w.T @ C), "the product below has smaller rank")
    one = identity("p")
    reflection = d.goal(equal(turned(V, e, number(2), c, one) @ turned(one, e, number(2), c, one) @ U, V @ U))
    d.algebra(reflection, [unit], reason="a reflection is its own inverse")
    shear = d.goal(equal(V @ (one + t * N) @ (one - t * N) @ U, V @ U))
    d.algebra(shear, [nilpotent], reason="a shear, switched on gradually")
    free = d.goal(equal(turned(V, w, t, a, one) @ C, V @ C))
    d.algebra(free, [dead], reason="the reflected direction does not reach the data")
    d.glue(
        "A reflection multiplies det B_k by -1 and the free move turns it through 0, so by the intermediate value theorem the "
        "signs are constant on components below sigma^2 and all occur; by Gaussian elimination shears and positive scalings "
        "take B_k to diag(+-1, 1, ..., 1); layers with a spare neuron go to [I 0] as in "
        "landscape.wide_linear_networks_have_connected_sublevel_sets; then W_1 alone moves, on one segment."
    )
    return d


# Check.


@dataclass(frozen=True)
class Level:
    r"""A linear network with target $Y$, at the level $u$ that two of its points span.

    `lower` is a best approximation of $Y$ of rank $\mu - 1$ and `spectrum` the singular values of $Y$, planted.
    """

    start: Point
    end: Point
    Y: Matrix
    lower: Matrix
    spectrum: tuple[Fraction, ...]

    @property
    def transposed(self) -> Level:
        a, b = (tuple(W.T for W in reversed(w)) for w in (self.start, self.end))
        return Level(a, b, self.Y.T, self.lower.T, self.spectrum)

    @property
    def dual(self) -> Level:
        """The same with the chain transposed when there are more outputs than inputs."""
        return self if self.Y.rows <= self.Y.cols else self.transposed

    def loss(self, layers: Point) -> fmpq:
        return squared_error(identity(self.Y.cols), self.Y)(layers)

    @property
    def u(self) -> fmpq:
        return max(self.loss(self.start), self.loss(self.end))

    @property
    def widths(self) -> list[int]:
        return [W.rows for W in self.start[:-1]]

    @property
    def mu(self) -> int:
        return min(self.Y.shape)

    @property
    def narrow(self) -> int:
        """The number of hidden layers without a spare neuron."""
        return self.widths.count(self.mu)


def predicted(t: Level) -> int:
    r"""$2^{|J|}$ below $\sigma_\mu^2$, else 1."""
    return 2**t.narrow if t.u < rational(t.spectrum[-1]) ** 2 else 1


def aimed(layers: Point, target: Matrix) -> Point:
    """The point with the first layer changed so that the product is `target`, where the upper layers allow it."""
    upper = end_to_end(layers[1:], identity(layers[0].rows))
    return (upper.pseudo_inverse() @ target, *layers[1:]) if upper.rank() == upper.rows else layers


@st.composite
def levels(draw, deficient: bool = False) -> Level:
    """Both points are aimed at products on the line from $Y$ to `lower`, or left as drawn; then perhaps transposed."""
    m, depth = draw(sizes(1, 3)), draw(sizes(1, 3))
    n = draw(sizes(m, 3))
    planted = draw(planted_matrices(m, n, minimum=0 if deficient else draw(st.sampled_from([0, 1]))))
    spectrum = planted.spectrum
    if deficient:
        spectrum = (*spectrum[:-1], Fraction(0))
    Y = planted.left @ diagonal(spectrum, m, n) @ planted.right.T
    lower = planted.left @ diagonal((*spectrum[:-1], 0), m, n) @ planted.right.T
    networks = linear_networks((n, *(m + draw(sizes(0, 1)) for _ in range(depth - 1)), m))
    ends = []
    for _ in range(2):
        w = draw(networks)
        s = draw(st.sampled_from([Fraction(0), Fraction(1, 2), Fraction(1), None]))
        ends.append(w if s is None else aimed(w, Y + (lower - Y) * (s + draw(rationals()) / 8)))
    t = Level(ends[0], ends[1], Y, lower, spectrum)
    return t.transposed if draw(st.booleans()) else t


def components(level: Level) -> tuple[int, Verdict]:
    r"""The number of classes of the mirror images of both points, and whether it is certain.

    Below $\sigma_\mu^2$ different signs of the determinants keep points apart, and a certified path joins equal signs;
    from there on, certified paths join all of them.
    """
    t = level.dual
    images, through = mirror_images(t.start, t.mu), None
    certain = [is_planted(t)]
    if t.u < rational(t.spectrum[-1]) ** 2:
        signs = [sign_pattern(w) for w in images]
        certain.append(decided(all(0 not in s for s in signs), f"no determinant vanishes: {signs}"))
        if certain[-1].fails or sign_pattern(t.end) not in signs:
            return 0, fails(f"the signs {sign_pattern(t.end)} are not among {signs}")
        pairs, count = [(images[signs.index(sign_pattern(t.end))], t.end)], len(set(signs))
    else:
        pairs, count, through = [(t.start, w) for w in (*images[1:], t.end)], 1, t.lower
    for a, b in pairs:
        path = connect_through_gauge(a, b, t.loss, through)
        certain += [path.verify(), decided(path.level <= t.u, f"the path stays below {t.u}")]
    return count, every(certain)


def is_planted(t: Level) -> Verdict:
    """The spectrum is that of Y, and `lower` is at the distance of its last value with smaller rank."""
    return every(
        [
            decided(has_singular_values(t.Y, t.spectrum), "the planted spectrum"),
            equal((t.lower - t.Y).squared_norm(), rational(t.spectrum[-1]) ** 2, "the distance to smaller rank"),
            decided(t.lower.rank() < t.mu, "smaller rank"),
        ]
    )


def counts(formula: Callable[[Level], int]) -> Callable[[Level], Verdict]:
    """A check that `formula` gives the number of components."""

    def compare(t: Level) -> Verdict:
        if any(h < t.mu for h in t.widths):
            return split_by_a_row(t, formula(t))
        count, certain = components(t)
        return certain & equal(count, formula(t), "the number of components") if certain.holds else certain

    return compare


def split_by_a_row(t: Level, count: int) -> Verdict:
    """At a hidden layer of width 1, entry i of the product above cannot vanish below the squared norm of row i of Y."""
    for k, h in enumerate(t.widths):
        a, b = (end_to_end(w[k + 1 :], identity(h)) for w in (t.start, t.end))
        for i in range(t.Y.rows):
            if h == 1 and a[i, 0] * b[i, 0] < 0 and t.u < t.Y[[i], :].squared_norm():
                reason = f"row {i + 1} of Y keeps apart {a[i, 0]} and {b[i, 0]}: at least 2 components at u = {t.u}"
                return fails(f"{reason}, not {count}") if count < 2 else undecided(reason)
    return undecided("nothing at hand separates the points")


check = counts(predicted)


def interpret(level: Level) -> Model | None:
    """The top layer made singular along (1, 2, ...), and moves at the layer below it."""
    t = level.dual
    if not t.widths:
        return None
    z = column([i + 1 for i in range(t.Y.rows)])
    V, U = t.start[-1], end_to_end(t.start[:-1], identity(t.Y.cols))
    p = V.cols
    e = column([1] * p)
    w = column([(-1) ** i for i in range(p)])

    def without(a: Matrix) -> Matrix:
        return identity(a.rows) - a @ a.T / a.squared_norm()

    f = column([1, -1] + [0] * (p - 2)) if p > 1 else column([0])
    values = {"B": without(z) @ V, "A": U, "Y": t.Y, "z": z, "sigma2": rational(t.spectrum[-1]) ** 2, "t": fmpq(2, 3)}
    moves = {"V": V, "U": U, "e": e, "N": e @ f.T, "w": w, "C": without(w) @ U, "c": fmpq(1, p), "a": fmpq(1, p)}
    return Model(values | moves)


def stratum(t: Level) -> str:
    where = (
        "below" if t.u < rational(t.spectrum[-1]) ** 2 else "at" if t.u == rational(t.spectrum[-1]) ** 2 else "above"
    )
    return f"{where} the threshold"


def example(spectrum: tuple[int, ...], hidden: tuple[int, ...], product: tuple[object, ...]) -> Level:
    """A diagonal target, unit matrices as upper layers, and a first layer that makes the product diagonal."""
    m = len(spectrum)
    sizes_ = (m, *hidden, m)
    layers = tuple(diagonal([1] * min(a, b), b, a) for a, b in pairwise(sizes_))
    w = (layers[0] @ diagonal(product), *layers[1:])
    Y, lower = diagonal(spectrum), diagonal((*spectrum[:-1], 0))
    return Level(w, w, Y, lower, tuple(map(Fraction, spectrum)))


def too_narrow() -> Level:
    """Y = diag(2, 1) through one neuron: the best product diag(2, 0), written with both signs."""
    W1, W2 = Matrix([[2, 0]]), Matrix([[1], [0]])
    return Level((W1, W2), (-W1, -W2), diagonal([2, 1]), diagonal([2, 0]), (Fraction(2), Fraction(1)))


def show(t: Level) -> str:
    return f"Y = {t.Y}, start {t.start}, end {t.end}\nu = {t.u}, 2^|J| = {2**t.narrow}\n{check(t).reason}"


claim = Claim(
    __name__,
    __doc__,
    source=Citation("freeman2017topology", "Proposition 2.2"),
    premises=(
        Premise(
            "no layer below the smaller size",
            r"$n_k \ge \min(m, n)$ for all hidden layers.",
            holds=lambda t: all(h >= t.mu for h in t.widths),
            without=too_narrow,
            show=show,
        ),
        Premise(
            "target of full rank",
            r"$\operatorname{rank} Y = \min(m, n)$; without it $\sigma_\mu = 0$ and every non-empty sublevel set is connected.",
            holds=lambda t: t.Y.rank() == t.mu,
            kind="superfluous",
            violating=lambda: levels(deficient=True),
        ),
    ),
    derivation=proof,
    interpret=interpret,
    instances=levels,
    check=check,
    stratum=stratum,
    beyond="the number of components among all mirror images of two points, by signs of determinants and by certified paths",
    mutants=(
        Mutant(
            "always two",
            "There are at most two components.",
            counts(lambda t: min(predicted(t), 2)),
            lambda: example((1,), (1, 1), (1,)),
        ),
        Mutant(
            "every hidden layer counts",
            r"There are $2^{K-1}$ components below $\sigma_\mu^2$.",
            counts(lambda t: 2 ** len(t.widths) if predicted(t) > 1 else 1),
            lambda: example((1,), (2, 1), (1,)),
        ),
        Mutant(
            "threshold at the largest singular value",
            r"There are $2^{|J|}$ components for $u < \sigma_1^2$.",
            counts(lambda t: 2**t.narrow if t.u < rational(t.spectrum[0]) ** 2 else 1),
            lambda: example((2, 1), (2,), (1, 0)),
        ),
        Mutant(
            "threshold without the square",
            r"The sublevel set is connected for $u \ge \sigma_\mu$.",
            counts(lambda t: 2**t.narrow if t.u < rational(t.spectrum[-1]) else 1),
            lambda: example((3, 2), (2,), (2, 1)),
        ),
        Mutant(
            "pieces at the threshold",
            r"There are $2^{|J|}$ components for $u \le \sigma_\mu^2$.",
            counts(lambda t: 2**t.narrow if t.u <= rational(t.spectrum[-1]) ** 2 else 1),
            lambda: example((1,), (1,), (0,)),
        ),
    ),
    printed=(
        printed(
            counts(lambda t: 1),
            lambda: example((1,), (1,), (1,)),
            r"$(w_1 w_2 - 1)^2$ has two components for $u < 1$, one for each sign of $w_2$.",
        ),
    ),
    tight=(
        Tight(
            "the pieces meet at the threshold",
            lambda: example((2, 1), (2,), (2, 0)),
            lambda t: every([equal(t.u, rational(t.spectrum[-1]) ** 2), equal(components(t)[0], 1), components(t)[1]]),
        ),
    ),
)
