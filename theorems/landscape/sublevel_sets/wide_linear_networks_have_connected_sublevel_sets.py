r"""Sublevel sets of a linear network are connected when every hidden layer has a spare neuron.

**Theorem.** Let $X \in \mathbb{R}^{n \times N}$ be any data, $\ell : \mathbb{R}^{m \times N} \to \mathbb{R}$ convex, $K \ge 1$, and
$E(W_1, \dots, W_K) = \ell(W_K \cdots W_1 X)$ with $W_k \in \mathbb{R}^{n_k \times n_{k-1}}$, $n_0 = n$, $n_K = m$. If
$n_k > \min(m, \operatorname{rank} X)$ for all $0 < k < K$, then for every real $u$ the set $\{E \le u\}$ is empty or connected.
Moreover any two of its points are joined inside it by a polygon whose segments move one layer each.

**Idea.** On a segment that moves one layer, $E$ is convex, so its end values bound it. It remains to find the vertices. Let
all hidden layers be wider than $m$. Take $V = W_K$ and $U = W_{K-1}$; we bring $V$ to $[I\ 0]$ and keep $V U$. First make the
rows of $U$ zero that meet dependent columns of $V$; now these columns may be anything, so let them complete the others
to a basis. One column is still free: write a unit vector $e$ into it. By Steinitz it can replace a basis column $z$ with
$e = \alpha z + N c$, $\alpha \ne 0$, when the rows $y$ of $z$ and $M$ of the other columns $N$ change to
$$e\, (y / \alpha) + N (M - c\, y / \alpha) = z y + N M .$$
At the end $U = [P; 0]$, and $P$ and $W_{K-2}$ are the next pair. Two points prepared like this differ in $W_1$ alone; one last
segment joins them. If instead all hidden layers are wider than $\operatorname{rank} X$, go up the chain with the transposes.

**Reading.** There are no valleys apart: from any start one can walk to a global minimum without ever climbing. The spare
neuron is what is needed: with $n_k = \min(m, n)$ a determinant can stand in the way. The printed condition asks for
more than $\min(n, m)$; a small rank of the data is enough.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

from flint import fmpq
from hypothesis import strategies as st

from numerics.arithmetic.exact import Matrix, diagonal, identity, rational
from numerics.evidence.certificate import Point
from numerics.evidence.verdict import Verdict, at_most, decided, every, fails, undecided
from numerics.strategies import data_matrices, linear_networks, matrices, sizes
from numerics.sublevel.losses import NetworkLoss
from numerics.sublevel.paths.linear_paths import connect_linear, end_to_end, exchange
from theorems import Citation, Claim, Mutant, Premise, Printed
from theorems.proof import Derivation
from theorems.proof.crosscheck import Model


def exchanged(e, N, M, c, y, beta):
    r"""$e\,(\beta y) + N (M - c\, \beta y)$: the product after $e = \alpha z + N c$ took the place of $z$, $\beta = 1/\alpha$."""
    return e @ (beta * y) + N @ (M - c @ (beta * y))


def between(a, b, t):
    return (1 - t) * a + t * b


# Proof.


def proof() -> Derivation:
    from theorems.proof import at_most, equal, nonnegative
    from theorems.proof.kernel.language import Indexed

    d = Derivation("wide linear networks have connected sublevel sets")
    # A segment of one layer W, with B the product of the layers above it and A that of the layers below.
    B, W, Z, A, X, Y = d.matrices("B: m h", "W: h l", "Z: h l", "A: l n", "X: n N", "Y: m N")
    t, u = d.scalars("t u")

    def E(layer):
        return (B @ layer @ A @ X - Y).squared_norm()

    start, end = (
        d.given(at_most(E(W), u), "the start lies in the set"),
        d.given(at_most(E(Z), u), "and so does the end"),
    )
    after, before = d.given(nonnegative(t), "t >= 0"), d.given(nonnegative(1 - t), "t <= 1")
    line = d.goal(equal(B @ between(W, Z, t) @ A @ X, between(B @ W @ A @ X, B @ Z @ A @ X, t)))
    d.algebra(line, reason="the output moves on a straight line, so a convex loss of it is convex")
    segment = d.goal(at_most(E(between(W, Z, t)), u))
    slack = [(1, before, start), (1, after, end), (1, before, after, B @ (W - Z) @ A @ X)]
    d.squares(segment, slack, reason="for the squared error: what is missing to (1-t) E(W) + t E(Z) is a square")

    # The moves that make room: rows that meet dependent columns S C are given to S, and a basis column is exchanged.
    S, C, U_S, U_F = d.matrices("S: v a", "C: a f", "U_S: a g", "U_F: f g")
    room = d.goal(equal(S @ (U_S + C @ U_F), S @ U_S + (S @ C) @ U_F))
    d.algebra(room, reason="the dependent columns are free now")
    e, z, N, c, y, M = d.matrices("e: v 1", "z: v 1", "Q: v k", "c: k 1", "y: 1 r", "M: k r")
    alpha, beta = d.scalars("alpha beta")
    combination = d.given(equal(e, alpha * z + N @ c), "e in terms of the basis")
    inverse = d.given(equal(alpha * beta, 1), "z takes part in e: alpha is not 0")
    steinitz = d.goal(equal(exchanged(e, N, M, c, y, beta), z @ y + N @ M))
    d.algebra(steinitz, [combination, inverse], reason="Steinitz' exchange keeps the product")

    # Along the polygon nothing changes: at each vertex one of the two layers moved, and the other annihilates the move.
    T = d.index_constant("T")
    V, U = d.family("V[i]: v q", "i"), d.family("U[i]: q r", "i")
    upper = d.given(Indexed(equal(V("i+1") @ U("i"), V("i") @ U("i")), "i", "0", f"{T}-1"), "a move of V keeps VU")
    lower = d.given(Indexed(equal(V("i+1") @ U("i+1"), V("i+1") @ U("i")), "i", "0", f"{T}-1"), "a move of U keeps VU")
    fibre = d.goal(Indexed(equal(V("j") @ U("j"), V("0") @ U("0")), "j", "0", "T"))
    first = equal(between(V("k"), V("k+1"), t) @ U("k"), V("0") @ U("0"))
    second = equal(V("k+1") @ between(U("k"), U("k+1"), t), V("0") @ U("0"))
    for move in (first, second):
        d.goal(Indexed(move, "k", "0", "T-1"))
    base = d.algebra(equal(V("0") @ U("0"), V("0") @ U("0")))
    j = d.index("j", "0", "T-1")
    so_far = d.suppose(equal(V("j") @ U("j"), V("0") @ U("0")), "kept so far")
    step = d.algebra(equal(V("j+1") @ U("j+1"), V("0") @ U("0")), [so_far, d.at(upper, "j"), d.at(lower, "j")])
    kept = d.induction(j, so_far, step, base)
    assert kept.content == fibre
    k = d.index("k", "0", "T-1")
    here, up, down = d.at(kept, "k"), d.at(upper, "k"), d.at(lower, "k")
    d.for_all(k, d.algebra(first, [here, up]))
    d.for_all(k, d.algebra(second, [here, up, down]))
    d.glue(
        "These moves reach V = [I 0]: while a unit vector is missing, q > m leaves a free column for it, and a column that is "
        "no unit vector takes part in it, because unit vectors are independent; after at most m exchanges none is missing. "
        "Then the pair (P, W_{k-1}) is next, down to W_1, and points that agree in all other layers are joined by one segment."
    )
    return d


# Check.


@dataclass(frozen=True)
class Ends:
    r"""Two points of a linear network, to be joined below the larger of their losses.

    With outputs $z$ and labels $y$ the loss is $\sum (z - y)^2$ (`squared`), $\sum |z - y|$ (`absolute`), or
    $\sum (z^2 - y^2)^2$ (`two wells`), which is not convex.
    """

    start: Point
    end: Point
    X: Matrix
    Y: Matrix
    kind: Literal["squared", "absolute", "two wells"] = "squared"

    def loss(self, layers: Point) -> fmpq:
        if self.kind == "two wells":
            pairs = zip(end_to_end(layers, self.X).entries(), self.Y.entries(), strict=True)
            return sum(((z**2 - y**2) ** 2 for z, y in pairs), fmpq(0))
        return rational(self.network(layers))

    @property
    def network(self) -> NetworkLoss:
        """The loss as one that is known to be convex. Raises `InputError` for two wells."""
        return NetworkLoss(self.X, self.Y, outer=self.kind)

    @property
    def level(self) -> fmpq:
        return max(self.loss(self.start), self.loss(self.end))

    @property
    def hidden(self) -> list[int]:
        return [W.rows for W in self.start[:-1]]

    @property
    def dimension(self) -> int:
        """What a hidden layer must exceed."""
        return min(self.Y.rows, self.X.rank())


def is_convex(t: Ends) -> bool:
    return t.kind != "two wells"


def is_wide(t: Ends) -> bool:
    return all(h > t.dimension for h in t.hidden)


def is_wide_as_printed(t: Ends) -> bool:
    return all(h > min(t.Y.rows, t.X.rows) for h in t.hidden)


@st.composite
def ends(draw, printed: bool | None = None) -> Ends:
    """Two points; with `printed=False` the hidden widths exceed min(m, rank X) but one does not exceed min(m, n)."""
    n, m = draw(sizes(1, 4)), draw(sizes(1, 3))
    if printed is False:
        n, m, depth = n + 1, m + 1, draw(sizes(2, 4))
        rank = draw(sizes(0, min(n, m) - 1))
        X = draw(matrices(n, rank)) @ draw(matrices(rank, draw(sizes(1, 4))))
    else:
        depth = draw(sizes(1, 4))
        X = draw(data_matrices(n, draw(sizes(1, 4))))
    p = min(m, X.rank())
    hidden = [p + draw(sizes(1, 2)) for _ in range(depth - 1)]
    if printed is False:
        hidden[draw(st.integers(0, depth - 2))] = p + 1
    layers = linear_networks((n, *hidden, m))
    kind = draw(st.sampled_from(["squared", "absolute"]))
    return Ends(draw(layers), draw(layers), X, draw(matrices(m, X.cols)), kind)


def check(t: Ends) -> Verdict:
    """Construct the path and certify it: end values of every segment, one layer at a time, no change but on one."""
    if not is_convex(t) or not is_wide(t):
        return separated(t)
    path = connect_linear(t.start, t.end, t.network)
    outputs = [end_to_end(w, t.X) for w in path.vertices]
    moves = sum(a != b for a, b in pairwise(outputs))
    third = fmpq(1, 3)
    inside = [
        at_most(t.loss(tuple(between(a, b, third) for a, b in zip(v, w, strict=True))), t.level, "inside a segment")
        for v, w in pairwise(path.vertices)
    ]
    return every([path.verify(), decided(moves <= 1, f"the output moves on {moves} segments"), *inside])


def separated(t: Ends) -> Verdict:
    r"""Whether a continuous quantity changes sign between the ends that cannot vanish below their level.

    With one output, the product above a hidden layer of width 1 is a number; where it is zero the output is zero, and the
    loss that of zero weights. With one sample too, the output itself is such a number. Undecided in all other cases.
    """
    level, zero = t.level, t.loss(tuple(0 * W for W in t.start))
    if t.Y.rows == 1 and zero > level:
        for k, h in enumerate(t.hidden):
            if h == 1:
                one = identity(1)
                a, b = (end_to_end(w[k + 1 :], one)[0, 0] for w in (t.start, t.end))
                if a * b < 0:
                    return fails(
                        f"the product above hidden layer {k + 1} goes from {a} to {b}; where it is 0, E = {zero} > {level}"
                    )
        if t.Y.cols == 1:
            a, b = (end_to_end(w, t.X)[0, 0] for w in (t.start, t.end))
            if not is_convex(t) and a * b < 0:
                return fails(f"the output goes from {a} to {b}; where it is 0, E = {zero} > {level}")
    return undecided("no quantity at hand separates the ends")


def interpret(t: Ends) -> Model | None:
    r"""The polygon on the first pair of layers, and one exchange, one collapse and one segment made from the same numbers."""
    if t.hidden == [] or t.dimension == 0:
        return None
    if t.dimension == t.Y.rows:
        V, U = t.start[-1], t.start[-2]
    else:
        _, basis = t.X.rref()
        V, U = (t.start[0] @ t.X[:, basis]).T, t.start[1].T
    states = [(V, U), *exchange(V, U)][:8]  # the first moves show every kind
    B = end_to_end(t.start[1:], identity(t.start[0].rows))
    loss = replace(t, kind="squared").loss
    u = max(loss((W, *t.start[1:])) for W in (t.start[0], t.end[0]))
    z, N, y, M = V[:, [0]], V[:, 1:], U[[0], :], U[1:, :]
    c, alpha = U[1:, [0]], 2 + U[0, 0] ** 2
    polygon = {f"V[{i}]": v for i, (v, _) in enumerate(states)} | {f"U[{i}]": w for i, (_, w) in enumerate(states)}
    segment = {
        "B": B,
        "W": t.start[0],
        "Z": t.end[0],
        "A": identity(t.X.rows),
        "X": t.X,
        "Y": t.Y,
        "t": fmpq(2, 7),
        "u": u,
    }
    swap = {"e": alpha * z + N @ c, "z": z, "Q": N, "c": c, "y": y, "M": M, "alpha": alpha, "beta": 1 / alpha}
    collapse = {"S": V, "C": U, "U_S": U @ U.T, "U_F": U.T}
    return Model(polygon | segment | swap | collapse, indices={"T": len(states) - 1})


def stratum(t: Ends) -> str:
    if t.X.rank() < min(t.X.shape):
        return "the data drop rank"
    if any(W.is_zero() for W in (*t.start, *t.end)):
        return "a layer is zero"
    if any(W.rank() < min(W.shape) for W in (*t.start, *t.end)):
        return "a layer drops rank"
    return "generic"


def two_signs(*widths: int, two_wells: bool = False) -> Ends:
    r"""$x = y = 1$, and the points with first entries 1 and with two of them turned to $-1$: the same output, or minus it."""
    sizes_ = (1, *widths, 1)
    start = [diagonal([1], m, n) for n, m in pairwise(sizes_)]
    end = [*start[:-1], -start[-1]] if two_wells else [*start[:-2], -start[-2], -start[-1]]
    return Ends(tuple(start), tuple(end), Matrix([[1]]), Matrix([[1]]), "two wells" if two_wells else "squared")


def show(t: Ends) -> str:
    losses = ", ".join(str(t.loss(w)) for w in (t.start, t.end))
    return f"start {t.start}\nend {t.end}\nlosses {losses}; {separated(t).reason}"


def straight(t: Ends) -> Verdict:
    half = tuple(between(a, b, fmpq(1, 2)) for a, b in zip(t.start, t.end, strict=True))
    return at_most(t.loss(half), t.level, "half way on the straight line")


def wrong_sign(t: Ends) -> Verdict:
    V, U = t.start[-1], t.start[-2]
    z, N, y, M, c = V[:, [0]], V[:, 1:], U[[0], :], U[1:, :], U[1:, [0]]
    return decided(exchanged(z + N @ c, N, M, -1 * c, y, fmpq(1)) == z @ y + N @ M)


def only_first_layer(t: Ends) -> Verdict:
    """Whether the ends differ in the first layer alone, or their outputs can be joined with the other layers fixed."""
    reach = end_to_end(t.start[1:], identity(t.start[0].rows))
    goal = end_to_end(t.end, t.X)
    return decided(reach @ reach.pseudo_inverse() @ goal == goal, "the end's output with the start's upper layers")


claim = Claim(
    __name__,
    __doc__,
    source=Citation("freeman2017topology", "Proposition 2.2"),
    also=(Citation("nguyen2019connected", "abstract"),),
    premises=(
        Premise(
            "a spare neuron in every hidden layer",
            r"$n_k > \min(m, \operatorname{rank} X)$ for every hidden layer.",
            holds=is_wide,
            without=lambda: two_signs(1),
            show=show,
        ),
        Premise(
            "convex loss",
            r"The loss is a convex function of the outputs $W_K \cdots W_1 X$.",
            holds=is_convex,
            without=lambda: two_signs(2, two_wells=True),
            show=show,
        ),
        Premise(
            "wider than the sizes",
            r"$n_k > \min(n, m)$, as the slide prints: more than the rank of the data requires.",
            holds=is_wide_as_printed,
            kind="superfluous",
            violating=lambda: ends(printed=False),
        ),
        Premise(
            "data of full rank",
            r"$\operatorname{rank} X = n$.",
            holds=lambda t: t.X.rank() == t.X.rows,
            kind="superfluous",
            violating=lambda: ends(printed=False),
        ),
    ),
    derivation=proof,
    interpret=interpret,
    instances=ends,
    check=check,
    stratum=stratum,
    beyond="the whole polygon, constructed and certified in exact arithmetic for up to four layers of any rank, with squared and absolute errors",
    mutants=(
        Mutant(
            "width equal to the bound",
            r"$n_k \ge \min(m, \operatorname{rank} X)$ is enough.",
            check,
            lambda: two_signs(1),
        ),
        Mutant(
            "one wide layer",
            r"One hidden layer with $n_k > \min(m, \operatorname{rank} X)$ is enough.",
            check,
            lambda: two_signs(2, 1),
        ),
        Mutant(
            "straight line",
            "The loss on the straight line between two points is at most the larger end value.",
            straight,
            lambda: two_signs(2),
        ),
        Mutant(
            "wrong sign in the exchange",
            r"The exchange keeps the product with $M + c\, y / \alpha$.",
            wrong_sign,
            lambda: replace(two_signs(2), start=(Matrix([[1], [1]]), Matrix([[1, 1]]))),
        ),
        Mutant(
            "one layer is enough",
            "Moving $W_1$ alone joins any two points.",
            only_first_layer,
            lambda: replace(two_signs(2), start=(Matrix([[0], [0]]), Matrix([[0, 0]]))),
        ),
    ),
    printed=(
        Printed(
            r"$n_j \ge \min(n_1, n_K)$ for all hidden layers implies connected sublevel sets.",
            Citation("freeman2017topology", "Proposition 2.2"),
            check,
            lambda: two_signs(1),
            r"At $(w_1 w_2 - 1)^2$ the points $(1, 1)$ and $(-1, -1)$ have loss 0, and $w_2 = 0$ costs 1.",
        ),
    ),
)
