r"""Vectors that the layers annihilate from both ends lead a linear network downhill along its fibre.

**Theorem.** Let $P = W_K \cdots W_1 X$ with $K \ge 1$, $W_i \in \mathbb{R}^{n_i \times n_{i-1}}$ and
$X \in \mathbb{R}^{n_0 \times N}$, let $R = Y - P$, $0 \le k < K$ and $w \in \mathbb{R}^{n_K}$ with $X R^\top w \ne 0$.
Choose $V_1, \dots, V_k$, then $V_K, \dots, V_{k+2}$, then $V_{k+1}$, and vectors $v_i, z_j \ne 0$ on the way, such that
with $C_i = V_i \cdots V_1 X$, $\ell_i = C_i R^\top w$ and $a_j = (V_K \cdots V_{j+1})^\top R\, C_k^\top \ell_k$
$$V_i = W_i + v_i \ell_{i-1}^\top, \quad W_K \cdots W_{i+1} v_i = 0, \quad v_i^\top W_i \ell_{i-1} \ge 0
\qquad (1 \le i \le k),$$
$$V_j = W_j + a_j z_{j-1}^\top, \quad z_{j-1}^\top W_{j-1} \cdots W_{k+1} C_k = 0, \quad z_{j-1}^\top W_j^\top a_j \ge 0
\qquad (k + 2 \le j \le K),$$
and $V_{k+1} = W_{k+1} + q\, a_{k+1} \ell_k^\top$. Then
$V_K \cdots V_1 X = P + q \Delta$ with $\Delta = V_K \cdots V_{k+2}\, a_{k+1} \ell_k^\top C_k$ and
$\langle R, \Delta \rangle > 0$. Hence $\|Y - V_K \cdots V_1 X\|_F^2 < \|Y - P\|_F^2$ whenever
$0 < q$ and $q \|\Delta\|_F^2 < 2 \langle R, \Delta \rangle$.

**Idea.** The changes below layer $k + 1$ vanish on the way up and those above it on the way down, so together they leave
the product alone: they walk along the fibre. Each one hands a non-zero vector on,
$\langle \ell_i, v_i \rangle = v_i^\top W_i \ell_{i-1} + \|v_i\|^2 \|\ell_{i-1}\|^2 > 0$ and
$\langle a_{j-1}, z_{j-1} \rangle = z_{j-1}^\top W_j^\top a_j + \|z_{j-1}\|^2 \|a_j\|^2 > 0$, from the input and from the output
to layer $k + 1$, whose gradient $a_{k+1} \ell_k^\top$ cannot stay zero. Two inductions along the chain for the product, two
for the vectors; nothing is cited. That such vectors exist at every point of deficient rank is argued under Reading and tested.

**Reading.** When $\operatorname{rank} P < \min(\operatorname{rank} X, n_1, \dots, n_K)$ such vectors exist, with either
sign and of any length, so $V$ is as near to $W$ as one likes. Take for $k \le K - 1$ the largest index with
$\operatorname{rank} W_k \cdots W_1 X = n_k$, or 0 when there is none. For $k < i < K$ the rows of $W_i \cdots W_{k+1} C_k$
are dependent: if $k = 0$ by the choice of $k$, and if $k \ge 1$ because $W_k \cdots W_1 X$ is then surjective and
$\operatorname{rank} W_i \cdots W_{k+1} = \operatorname{rank} W_i \cdots W_1 X < n_i$. For $1 \le i \le k$ the map
$W_K \cdots W_{i+1}$ is not injective, for otherwise
$\operatorname{rank} P = \operatorname{rank} W_i \cdots W_1 X \ge \operatorname{rank} W_k \cdots W_1 X = n_k$. So a local minimum
of deficient rank has $R X^\top = 0$: its product is optimal among all matrices, whatever the widths. For another
differentiable loss of the product read $-\nabla$ for $R$; the last sentence of the theorem then holds for small $q$.
"""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import strategies as st

from numerics.arithmetic.exact import Matrix, diagonal, zeros
from numerics.evidence.certificate import DescentCertificate
from numerics.evidence.verdict import Verdict, decided, every, fails, holds, less_than, undecided
from numerics.strategies import Batch, Stream, batches, seeds
from numerics.strategies.layer_products import Layers, above, escape, gradients, through
from theorems import Citation, Claim, Mutant, Premise
from theorems.proof import Derivation, Indexed, equal, identity, less, nonnegative, positive, zero
from theorems.proof.crosscheck import Model
from theorems.proof.lemmas import nonzero_by_inner_product

# Proof.


def proof() -> Derivation:
    d = Derivation("walk along the fibre, then descend in one layer")
    d.index_constant("K")
    d.index_constant("k", at_least="0", at_most="K-1")
    W, V = d.family("W[i]: n[i] n[i-1]", "i"), d.family("V[i]: n[i] n[i-1]", "i")
    B, D = d.family("B[i]: n[K] n[i]", "i"), d.family("D[i]: n[K] n[i]", "i")  # W_K...W_{i+1} and V_K...V_{i+1}
    C, T = d.family("C[i]: n[i] N", "i"), d.family("T[i]: n[i] N", "i")  # V_i...V_1 X and W_i...W_{k+1} C_k
    v, z = d.family("v[i]: n[i] 1", "i"), d.family("z[i]: n[i] 1", "i")
    X, Y, R, w = d.matrices("X: n[0] N", "Y: n[K] N", "R: n[K] N", "w: n[K] 1")
    q = d.scalar("q")
    P = B(0) @ X
    residual = d.given(equal(R, Y - P), "residual")

    def ell(i):
        return C(i) @ R.T @ w

    def a(j):
        return D(j).T @ R @ C("k").T @ ell("k")

    def each(relation, low, high, name):
        return d.given(Indexed(relation, "i", low, high), name)

    B_K = d.given(equal(B("K"), identity("n[K]")), "products of W from above")
    B_i = each(equal(B("i-1"), B("i") @ W("i")), "1", "K", "products of W from above")
    C_0 = d.given(equal(C(0), X), "products of V from below")
    C_i = each(equal(C("i"), V("i") @ C("i-1")), "1", "k", "products of V from below")
    T_k = d.given(equal(T("k"), C("k")), "W on top of V")
    T_i = each(equal(T("i"), W("i") @ T("i-1")), "k+1", "K", "W on top of V")
    D_K = d.given(equal(D("K"), identity("n[K]")), "products of V from above")
    D_i = each(equal(D("i-1"), D("i") @ V("i")), "k+2", "K", "products of V from above")
    lower_V = each(equal(V("i"), W("i") + v("i") @ ell("i-1").T), "1", "k", "lower layers")
    lower_kernel = each(zero(B("i") @ v("i")), "1", "k", "nothing arrives above")
    lower_sign = each(nonnegative(v("i").T @ W("i") @ ell("i-1")), "1", "k", "sign of v")
    lower_size = each(positive(v("i").squared_norm()), "1", "k", "v is not zero")
    upper_V = each(equal(V("i"), W("i") + a("i") @ z("i-1").T), "k+2", "K", "upper layers")
    upper_kernel = each(zero(z("i-1").T @ T("i-1")), "k+2", "K", "nothing comes from below")
    upper_sign = each(nonnegative(z("i-1").T @ W("i").T @ a("i")), "k+2", "K", "sign of z")
    upper_size = each(positive(z("i-1").squared_norm()), "k+2", "K", "z is not zero")
    middle = d.given(equal(V("k+1"), W("k+1") + q * a("k+1") @ ell("k").T), "the layer that descends")
    start = d.given(positive(ell(0).squared_norm()), "X R' w is not zero")
    delta = D("k+1") @ a("k+1") @ ell("k").T @ C("k")
    forward = d.given(positive(q), "a step forwards")
    short = d.given(less(q * delta.squared_norm(), 2 * R.inner(delta)), "not too far")
    product = D("k+1") @ V("k+1") @ C("k")
    moved = d.goal(equal(product, P + q * delta))
    slope = d.goal(positive(R.inner(delta)))
    descent = d.goal(less((Y - product).squared_norm(), R.squared_norm()))
    nonzero = nonzero_by_inner_product()

    # The lower layers keep the product: B_i C_i = P for i up to k.
    i = d.index("i_1", "0", "k-1")
    here = d.suppose(equal(B("i_1") @ C("i_1"), P))
    facts = [d.at(f, "i_1+1") for f in (B_i, C_i, lower_V, lower_kernel)]
    step = d.algebra(equal(B("i_1+1") @ C("i_1+1"), P), [here, *facts])
    lower = d.induction(i, here, step, d.algebra(equal(B(0) @ C(0), P), [C_0]))
    # They hand on a vector that is not zero.
    i = d.index("i_2", "0", "k-1")
    here = d.suppose(positive(ell("i_2").squared_norm()))
    sign, size, V_i, C_next = (d.at(f, "i_2+1") for f in (lower_sign, lower_size, lower_V, C_i))
    seen = d.squares(positive(ell("i_2+1").inner(v("i_2+1"))), [(1, sign), (1, size, here)], [C_next, V_i])
    _, (step,) = d.lemma(nonzero, {"F": ell("i_2+1"), "H": v("i_2+1")}, [seen])
    line = d.at(d.induction(i, here, step, start), "k")
    # So do the upper layers, from the output down.
    j = d.index("j_1", "k+2", "K")
    here = d.suppose(equal(D("j_1") @ T("j_1"), B("j_1") @ T("j_1")))
    facts = [d.at(f, "j_1") for f in (D_i, B_i, T_i, upper_V, upper_kernel)]
    step = d.algebra(equal(D("j_1-1") @ T("j_1-1"), B("j_1-1") @ T("j_1-1")), [here, *facts])
    upper = d.induction(j, here, step, d.algebra(equal(D("K") @ T("K"), B("K") @ T("K")), [D_K, B_K]))
    j = d.index("j_2", "k+2", "K")
    here = d.suppose(positive(a("j_2").squared_norm()))
    sign, size, V_j, D_next = (d.at(f, "j_2") for f in (upper_sign, upper_size, upper_V, D_i))
    seen = d.squares(positive(a("j_2-1").inner(z("j_2-1"))), [(1, sign), (1, size, here)], [D_next, V_j])
    _, (step,) = d.lemma(nonzero, {"F": a("j_2-1"), "H": z("j_2-1")}, [seen])
    _, (base,) = d.lemma(nonzero, {"F": a("K"), "H": w}, [d.squares(positive(a("K").inner(w)), [(1, line)], [D_K])])
    gradient = d.at(d.induction(j, here, step, base), "k+1")
    # With both in place, layer k+1 descends.
    facts = [d.at(upper, "k+1"), d.at(T_i, "k+1"), T_k, d.at(B_i, "k+1"), d.at(lower, "k")]
    fibre = d.algebra(equal(D("k+1") @ W("k+1") @ C("k"), P), facts, rounds=8, reason="the product has not moved")
    new = d.algebra(moved, [fibre, middle])
    d.squares(slope, [(1, gradient)])
    d.squares(descent, [(1, forward, short)], [new, residual])
    return d


# Check.


@dataclass(frozen=True)
class Network:
    """The layers $W_1, \\dots, W_K$ of a linear network, inputs $X$ and targets $Y$, samples as columns."""

    layers: Layers
    X: Matrix
    Y: Matrix

    @property
    def residual(self) -> Matrix:
        return self.Y - through(self.layers, self.X)[-1]

    def loss(self, layers: Layers):
        return (self.Y - through(layers, self.X)[-1]).squared_norm()

    @property
    def narrowest(self) -> int:
        """The largest rank that $W_K \\cdots W_1 X$ can have with these widths and data."""
        return min(self.X.rank(), *(W.rows for W in self.layers))


def rank(t: Network) -> int:
    return through(t.layers, t.X)[-1].rank()


def network(seed: int, i: int) -> Network:
    """Layers and data with rank drops; if the product has full rank all the same, one layer loses a dimension."""
    stream = Stream(seed, i)
    layers = stream.linear_network(stream.widths(stream.integer(1, 4), stream.choice((1, 2)), 3))
    N = stream.integer(1, 3)
    X, Y = stream.data(layers[0].cols, N), stream.matrix(layers[-1].rows, N)
    if X.is_zero():
        X = X.copy_with({(0, 0): 1})
    t = Network(layers, X, Y)
    if rank(t) == t.narrowest:
        k, r = stream.integer(0, len(layers) - 1), t.narrowest - 1
        lost = stream.matrix(layers[k].rows, r) @ stream.matrix(r, layers[k].cols)
        t = Network((*layers[:k], lost, *layers[k + 1 :]), X, Y)
    return t


def networks() -> st.SearchStrategy[Batch[Network]]:
    return batches(seeds(), network, size=2)


RADII = (1, "1/1000000000000")


def check(t: Network) -> Verdict:
    """The product is stationary, or exact descent certificates exist at every radius of `RADII`."""
    R = t.residual
    if (t.X @ R.T).is_zero():
        return holds("the product is stationary")
    verdicts = []
    for r in RADII:
        way = escape(t.layers, t.X, R, r)
        if way is None:
            return fails("no matrix of this rank is nearer") if is_truncation(t) else undecided("no way down was found")
        verdicts.append(DescentCertificate(t.loss, t.layers, way.lower, r).verify())
    return every(verdicts)


def is_truncation(t: Network) -> bool:
    r"""Whether $P = W_K \cdots W_1 X$ has orthogonal row and column space to $R$ and stretches by at least $\|R\|_F$.

    Then no matrix of the rank of $P$ is nearer to $Y$ (Eckart and Young), so the point is a global minimum of the
    networks whose narrowest layer is that rank.
    """
    P, R = through(t.layers, t.X)[-1], t.residual
    if not ((P.T @ R).is_zero() and (P @ R.T).is_zero() and rank(t) == t.narrowest):
        return False
    return (P.T @ P - R.squared_norm() * P.T.projector()).is_positive_semidefinite()


def interpret(t: Network) -> Model | None:
    way = escape(t.layers, t.X, t.residual, 1)
    if way is None:
        return None
    K, k, V = len(t.layers), way.k, way.lower
    C, B, D = through(V[:k], t.X), above(t.layers), above(V)
    T = through(t.layers[k:], C[-1])
    values: dict[str, object] = {"X": t.X, "Y": t.Y, "R": t.residual, "w": way.w, "q": way.step}
    values |= {f"W[{i}]": t.layers[i - 1] for i in range(1, K + 1)} | {f"V[{i}]": V[i - 1] for i in range(1, K + 1)}
    values |= {f"B[{i}]": B[i] for i in range(K + 1)} | {f"D[{j}]": D[j] for j in range(k + 1, K + 1)}
    values |= {f"C[{i}]": C[i] for i in range(k + 1)} | {f"T[{j}]": T[j - k] for j in range(k, K + 1)}
    values |= {f"v[{i}]": way.v[i] for i in way.v} | {f"z[{j}]": way.z[j] for j in way.z}
    # The model check reads the suppositions of the inductions without their index: they stand at the base.
    values |= {"B[i_1]": B[0], "C[i_1]": C[0], "C[i_2]": C[0]}
    values |= {"B[j_1]": B[K], "D[j_1]": D[K], "T[j_1]": T[K - k], "D[j_2]": D[K]}
    return Model(values, {"K": K, "k": k})


def stratum(t: Network) -> str:
    if (t.X @ t.residual.T).is_zero():
        return "stationary product"
    if any(W.is_zero() for W in t.layers):
        return "a layer is zero"
    if t.X.rank() < t.X.rows:
        return "inputs drop rank"
    return "generic"


def squares(*layers: Matrix, Y: Matrix) -> Network:
    return Network(layers, diagonal([1] * layers[0].cols), Y)


def best_of_rank_one() -> Network:
    r"""The nearest matrix of rank 1 to $\operatorname{diag}(2, 1)$: full rank for one hidden unit, and not stationary."""
    return squares(Matrix([[2, 0]]), Matrix([[1], [0]]), Y=diagonal([2, 1]))


def zero_network() -> Network:
    return squares(zeros(2, 2), zeros(2, 2), Y=diagonal([2, 1]))


def too_long(t: Network) -> Verdict:
    way = escape(t.layers, t.X, t.residual, 1)
    if way is None:
        return holds()
    V, k, C = list(way.lower), way.k, through(way.lower[: way.k], t.X)[-1]
    direction = V[k] - t.layers[k]
    delta = above(V)[k + 1] @ direction @ C
    V[k] = t.layers[k] + 3 * t.residual.inner(delta) / delta.squared_norm() * direction
    return less_than(t.loss(tuple(V)), t.loss(t.layers))


def without_walking(t: Network) -> Verdict:
    way = escape(t.layers, t.X, t.residual, 1, walk=False)
    return holds() if way is None else DescentCertificate(t.loss, t.layers, way.lower).verify()


def critical_is_stationary(t: Network) -> Verdict:
    stuck = all(G.is_zero() for G in gradients(t.layers, t.X, t.residual))
    return decided(not stuck or (t.X @ t.residual.T).is_zero())


def stationary_is_zero(t: Network) -> Verdict:
    stationary = (t.X @ t.residual.T).is_zero()
    return decided(not stationary or through(t.layers, t.X)[-1].is_zero())


claim = Claim(
    __name__,
    __doc__,
    source=Citation("zhang2019depth", "abstract"),
    also=(Citation("laurent2018deep", "abstract"),),
    premises=(
        Premise(
            "deficient rank",
            r"$\operatorname{rank} W_K \cdots W_1 X < \min(\operatorname{rank} X, n_1, \dots, n_K)$, which is what the "
            "vectors $v_i$ and $z_j$ need.",
            holds=lambda t: rank(t) < t.narrowest,
            without=best_of_rank_one,
            show=lambda t: (
                f"X R' = {t.X @ t.residual.T} is not zero, the loss is {t.loss(t.layers)},\n"
                "and no matrix of rank 1 is nearer to diag(2, 1): the product of a global minimum need not be stationary."
            ),
        ),
    ),
    derivation=proof,
    interpret=interpret,
    instances=networks,
    check=check,
    stratum=stratum,
    beyond="that the vectors exist at every point of deficient rank, as near as one likes",
    mutants=(
        Mutant("full rank will do", "The rank may be as large as the narrowest layer.", check, best_of_rank_one),
        Mutant("gradient step alone", "One gradient step descends, without the walk.", without_walking, zero_network),
        Mutant(
            "critical is enough",
            "Every critical point of deficient rank has a stationary product.",
            critical_is_stationary,
            zero_network,
        ),
        Mutant(
            "step of any length",
            r"The loss falls for all $q \|\Delta\|^2 < 4 \langle R, \Delta \rangle$.",
            too_long,
            zero_network,
        ),
        Mutant(
            "the product is zero",
            "A local minimum of deficient rank has product zero.",
            stationary_is_zero,
            lambda: squares(diagonal([1, 1]), diagonal([1, 0]), Y=diagonal([1, 0])),
        ),
    ),
)
