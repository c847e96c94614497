r"""Bottleneck layers split the low sublevel sets of a linear network.

**Theorem.** Let $X \in \mathbb{R}^{n \times N}$, $Y \in \mathbb{R}^{m \times N}$, $K \ge 2$ and
$E(W_1, \dots, W_K) = \|W_K \cdots W_1 X - Y\|_F^2$, where all hidden layers have at least $s \ge 1$ units, $s \le m$. Let $J$ be the
set of hidden layers $k$ with exactly $s$ units. Let $\sigma_1 \ge \sigma_2 \ge \dots$ be the singular values, followed by
zeros, of $Y P_X$, where $P_X$ is the orthogonal projector onto the row space of $X$, let the columns of
$U \in \mathbb{R}^{m \times s}$ be orthonormal left singular vectors for the first $s$, and
$E^* = \|Y\|_F^2 - \sum_{i \le s} \sigma_i^2$. Suppose $\sigma_s > 0$.

- For $E^* \le u < E^* + \sigma_s^2 - \sigma_{s+1}^2$ the signs of $\det(U^\top W_K \cdots W_{k+1})$, $k \in J$, are non-zero and
  constant on every component of $\{E \le u\}$, and all combinations occur. So there are at least $2^{|J|}$ components.
- For $E^* \le u < E^* + \sigma_s^2$ the signs of $\det(W_l \cdots W_{k+1})$, $k < l$ in $J$, are non-zero and constant on every
  component, and all that are consistent occur. So there are at least $2^{|J| - 1}$ components if $J$ is not empty.
- The first level is sharp: for every combination of signs, in $\{E \le E^* + \sigma_s^2 - \sigma_{s+1}^2\}$ a path leads
  from a global minimum with these signs to one with all signs opposite.

**Idea.** All products $B A X$ through a layer of $s$ units have rank at most $s$, so $E \ge E^*$. If $\det(U^\top B) = 0$, then some
unit vector $u$ in the range of $U$ has $u^\top B = 0$: the layer cannot use $u$, and the best that it can do is to replace the
direction of $\sigma_s$ by that of $\sigma_{s+1}$. If the product between two bottlenecks is singular, the rank is below $s$, and
the direction of $\sigma_s$ is lost. Signs cannot change but through zero. For the sharpness turn $u_s$ and $v_s$ together
through $u_{s+1}$ and $v_{s+1}$ to $-u_s$ and $-v_s$, with the best factor in between.

**Reading.** A bottleneck costs no poor minima, but it does cost connectedness, and the height of the walls is read off the
spectrum: between data with a clear gap they are high. With $s = \min(m, n)$ and $X = I$ this is the lower half of
landscape.narrow_layers_split_sublevel_sets, where $\sigma_{s+1} = 0$ and both levels agree. Below the second level, two
components of opposite signs have met, and $2^{|J|-1}$ are left.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise

from flint import fmpq
from hypothesis import strategies as st

from numerics.arithmetic.exact import Matrix, column, diagonal, hstack, identity, rational, vstack, zeros
from numerics.arithmetic.polynomial import has_singular_values
from numerics.evidence.certificate import Point
from numerics.evidence.verdict import Verdict, at_least, at_most, decided, equal, every, fails, undecided
from numerics.strategies import frames, matrices, sizes, spectra
from numerics.strategies.factorizations import gram
from numerics.strategies.layer_products import mirror_images
from numerics.sublevel.losses import NetworkLoss
from numerics.sublevel.paths.certified import PathCertificate, certify
from numerics.sublevel.paths.disconnection import DisconnectionCertificate, upper
from numerics.sublevel.paths.linear_paths import end_to_end
from theorems import Citation, Claim, Mutant, Premise, Tight
from theorems.proof import Derivation
from theorems.proof.crosscheck import Model
from theorems.schemes.narrow_layers import printed
from theorems.schemes.projections import image


def turned(up, aside, v, y, a, b, e, r):
    r"""$(e\,u + r\,w)(e\,a\,v + r\,b\,y)^\top$: the direction $u v^\top$ of $\sigma_s = a$ on its way through $w y^\top$, $\sigma_{s+1} = b$."""
    return (e * up + r * aside) @ (e * a * v + r * b * y).T


def mirrored(V, W, z, c, one):
    r"""$(V H, H W)$ with the reflection $H = I - 2 c\, z z^\top$, $c = 1/\|z\|^2$. `one` is the identity."""
    H = one - 2 * c * (z @ z.T)
    return V @ H, H @ W


# Proof.


def proof() -> Derivation:
    from theorems.proof import at_least, dimension, equal, identity, nonnegative, nonzero, zero

    d = Derivation("bottlenecks split low sublevel sets")
    X, Y, P = d.matrices("X: n N", "Y: m N", "P_X: N N symmetric")
    U, C, R, T, G, H = d.matrices("U: m s", "C: s s symmetric", "R: N s", "T: m N", "G: s g", "H: m h")
    B, M, A, c, z = d.matrices("B: m s", "M: s s", "A: s n", "c: s 1", "z: s 1")
    tau, zeta = d.scalars("tau zeta")

    projected = d.given(equal(X @ P, X), "P_X projects onto the row space of X")
    svd = d.given(equal(Y @ P, U @ C @ R.T + T), "the singular value decomposition, cut after s terms")
    left = d.given(equal(U.T @ U, identity("s")), "orthonormal left singular vectors")
    right = d.given(equal(R.T @ R, identity("s")), "orthonormal right singular vectors")
    below = d.given(zero(U.T @ T), "the rest has other left singular vectors")
    beside = d.given(zero(T @ R), "the rest has other right singular vectors")
    high = d.given(equal(C @ C, (tau + zeta) * identity("s") + G @ G.T), "the values kept are at least sigma_s")
    low = d.given(equal(tau * identity("m"), T @ T.T + H @ H.T), "those of the rest are at most sigma_{s+1}")
    tau_sign, zeta_sign = d.given(nonnegative(tau), "tau is a square"), d.given(nonnegative(zeta), "and so is the gap")

    def E(product):
        return (product @ A @ X - Y).squared_norm()

    best = Y.squared_norm() - (C @ C).trace()
    first = d.goal(at_least(E(B), best + zeta))
    second = d.goal(at_least(E(B @ M), best + zeta + tau))

    # Keep the part of Y in the image of the layers above, and no more.
    def kept(product, mark=""):
        F = image(d, product, (f"A^+{mark}", f"F{mark}", f"K{mark}"))
        rest = F.F @ (U @ C @ R.T + T) - product @ A @ X
        lost = Y.squared_norm() - (F.F @ U @ C).squared_norm() - (F.F @ T).squared_norm()
        pythagoras = d.algebra(
            equal(E(product), rest.squared_norm() + lost),
            [projected, svd, beside, right, F.FA, F.FF],
        )
        aside = F.F - U @ U.T @ F.F
        gain = at_least(tau * (F.F.trace() - (F.F @ U).squared_norm()), (F.F @ T).squared_norm())
        gained = d.squares(gain, [H.T @ aside], [low, below, left, F.FF], reason="the rest has values at most tau")
        return F, rest, pythagoras, aside, gained

    # A direction in the range of U that the layers above do not reach.
    dead = d.given(zero((U @ c).T @ B), "the determinant vanishes: some U c is not reached")
    proper = d.given(nonzero(c), "c is not 0")
    kappa, inverted = d.reciprocal(d.definite(proper, c), "kappa")
    F, rest, pythagoras, _, gained = kept(B)
    unseen = d.algebra(zero(c.T @ U.T @ F.F), [dead, F.F_is], reason="F projects onto the image of B")
    J = U - F.F @ U
    missed = at_least(dimension("s") - (F.F @ U).squared_norm(), 1)
    counted = d.squares(missed, [J - kappa * (J @ c) @ c.T], [left, F.FF, unseen, inverted])
    square = [rest, (1, gained), (1, zeta_sign, counted), J @ G, (1, tau_sign, F.K)]
    d.squares(first, square, [pythagoras, high, left, F.FF, F.rank, F.KK], reason="the s-th direction is replaced")

    # A singular product between two bottlenecks.
    flat = d.given(zero(M @ z), "the product between two bottlenecks is singular")
    other = d.given(nonzero(z), "z is not 0")
    lam, scaled = d.reciprocal(d.definite(other, z), "lambda")
    F, rest, pythagoras, aside, gained = kept(B @ M, "'")
    idle = d.algebra(equal(F.K @ z, z), [F.K_is, flat], reason="K projects onto the kernel of the product")
    drop = d.squares(at_least(F.K.squared_norm(), 1), [F.K - lam * (F.K @ z) @ z.T], [F.KK, idle, scaled])
    J = U - F.F @ U
    square = [rest, (1, gained), J @ G, (1, zeta_sign, aside), (1, zeta_sign, drop), (1, tau_sign, drop)]
    d.squares(second, square, [pythagoras, high, left, F.FF, F.rank, F.KK], reason="the s-th direction is lost")

    # Signs change by reflections, which keep the product, and along the turn.
    V, W, e = d.matrices("V: q p", "W: p l", "e: p 1")
    k = d.scalar("k")
    unit = d.given(equal(k * e.squared_norm(), 1), "k is 1/|e|^2")
    V2, W2 = mirrored(V, W, e, k, identity("p"))
    d.algebra(d.goal(equal(V2 @ W2, V @ W)), [unit], reason="a reflection is its own inverse")
    u, w, v, y, rest_ = d.matrices("u: m 1", "w: m 1", "v: N 1", "y: N 1", "D: m N")
    a, b, epsilon, rho = d.scalars("a b epsilon rho")
    given = [
        *(d.given(equal(x.squared_norm(), 1), f"{x} is a unit vector") for x in (u, v)),
        d.given(equal(b * w.squared_norm(), b), "w is a unit vector, if sigma_{s+1} > 0"),
        d.given(equal(b * y.squared_norm(), b), "and so is y"),
        d.given(equal((rho * w).squared_norm(), rho**2), "the turn leaves u only if there is a direction to go"),
        *(d.given(zero(p.T @ q), "orthogonal directions") for p, q in ((u, w), (v, y))),
        *(d.given(zero(p.T @ rest_), "the other directions do not turn") for p in (u, w)),
        d.given(equal(epsilon**2 + rho**2, 1), "a point of the circle"),
    ]
    error = (turned(u, w, v, y, a, b, epsilon, rho) - a * u @ v.T - b * w @ y.T - rest_).squared_norm()
    turn = d.goal(equal(error, rest_.squared_norm() + b**2 + rho**2 * (a**2 - b**2)))
    d.algebra(turn, given, reason="the product follows the turning direction with the best factor")
    d.glue(
        "The determinants are continuous, so by the intermediate value theorem their signs are constant where they do not "
        "vanish; det(U'B) = 0 gives a c with (Uc)'B = 0, and a singular M a z with M z = 0. A reflection between layers k and "
        "k + 1 has determinant -1 and changes the sign at k only. In the turn, det(U'B) is epsilon times its first value at "
        "every bottleneck, and the loss is at most that at epsilon = 0, because a >= b."
    )
    return d


# Check.


@dataclass(frozen=True)
class Bottleneck:
    r"""A point of a network and a planted target: $Y P_X = \sum_i \sigma_i u_i v_i^\top$, with $P_X = V V^\top$.

    `left` has the $u_i$ and `right` the $v_i$ (as many as the rank of $X$) as columns; `s` is the width of the bottleneck.
    """

    point: Point
    X: Matrix
    Y: Matrix
    left: Matrix
    right: Matrix
    spectrum: tuple[Fraction, ...]
    s: int
    level: fmpq | None = None

    def __repr__(self) -> str:
        widths = [self.X.rows, *(W.rows for W in self.point)]
        return f"Bottleneck(widths {widths}, s = {self.s}, spectrum {[str(x) for x in self.spectrum]}, u = {self.u})"

    @property
    def loss(self) -> NetworkLoss:
        return NetworkLoss(self.X, self.Y)

    @property
    def u(self) -> fmpq:
        """The level: that of the point, unless one is given."""
        found = self.loss(self.point) if self.level is None else self.level
        return rational(found)

    def sigma(self, i: int) -> fmpq:
        r"""$\sigma_i$, counted from 1."""
        return rational(self.spectrum[i - 1]) if i <= len(self.spectrum) else fmpq(0)

    def optimum(self, rank: int) -> fmpq:
        return self.Y.squared_norm() - sum((self.sigma(i) ** 2 for i in range(1, rank + 1)), fmpq(0))

    @property
    def wall(self) -> fmpq:
        return self.optimum(self.s) + self.sigma(self.s) ** 2 - self.sigma(self.s + 1) ** 2

    @property
    def hidden(self) -> list[int]:
        return [W.rows for W in self.point[:-1]]

    @property
    def narrow(self) -> list[int]:
        """The bottlenecks, counted from 0."""
        return [k for k, h in enumerate(self.hidden) if h == self.s]

    def column(self, i: int, frame: Matrix) -> Matrix:
        """Singular vector i, counted from 1, or zero when there is none."""
        return frame[:, [i - 1]] if i <= frame.cols else zeros(frame.rows, 1)

    def turn(self, e: fmpq, r: fmpq) -> Point:
        """The global minimum whose upper layers are (u_1, ..., u_s) and unit matrices, its last direction turned."""
        s = self.s
        lift = self.right.T @ self.X.pseudo_inverse()
        keys = [self.sigma(i) * self.column(i, self.right) for i in range(1, s)]
        values = [self.column(i, self.left) for i in range(1, s)]
        a, b = self.sigma(s), self.sigma(s + 1)
        keys.append(e * a * self.column(s, self.right) + r * b * self.column(s + 1, self.right))
        values.append(e * self.column(s, self.left) + r * self.column(s + 1, self.left))
        first = hstack(keys).T @ self.right @ lift
        sizes_ = [self.X.rows, *self.hidden, self.Y.rows]
        layers = [diagonal([1] * s, q, p) for p, q in pairwise(sizes_)]
        layers[0] = vstack([first, zeros(sizes_[1] - s, sizes_[0])])
        layers[-1] = hstack([*values, zeros(sizes_[-1], sizes_[-2] - s)])
        return tuple(layers)


@st.composite
def bottlenecks(draw) -> Bottleneck:
    """Points of all heights: global minima, near them, or anywhere."""
    m, r = draw(sizes(1, 3)), draw(sizes(1, 3))
    n, N = r + draw(sizes(0, 1)), r + draw(sizes(0, 1))
    V = draw(frames(N))[:, :r]
    X = vstack([identity(r), draw(matrices(n - r, r))]) @ V.T
    spectrum = draw(spectra(min(m, r), minimum=draw(st.sampled_from([Fraction(1, 3), Fraction(1, 3), Fraction(0)]))))
    rank = sum(x > 0 for x in spectrum)
    if rank == 0:
        spectrum, rank = (Fraction(1), *spectrum[1:]), 1
    left = draw(frames(m))
    aside = identity(N) - V @ V.T
    Y = left @ diagonal(spectrum, m, r) @ V.T + draw(matrices(m, N)) @ aside
    s = draw(sizes(1, rank))
    extra = [0, *(draw(sizes(0, 1)) for _ in range(draw(sizes(0, 2))))]
    sizes_ = [n, *(s + x for x in draw(st.permutations(extra))), m]
    t = Bottleneck(tuple(zeros(q, p) for p, q in pairwise(sizes_)), X, Y, left, V, spectrum, s)
    best = t.turn(fmpq(1), fmpq(0))
    share = draw(st.sampled_from([0, fmpq(1, 64), fmpq(1, 8), 1]))
    shrunk = (*best[:-1], best[-1] * draw(st.sampled_from([1, fmpq(1, 4)])))
    return replace(t, point=tuple(W + draw(matrices(*W.shape)) * share for W in shrunk))


def signs(t: Bottleneck, w: Point) -> tuple[int, ...]:
    U = t.left[:, : t.s]
    found = [(U.T @ upper(w, k)).det() for k in t.narrow]
    return tuple((x > 0) - (x < 0) for x in found)


def is_planted(t: Bottleneck) -> Verdict:
    reached, sigma = t.Y @ t.X.T.projector(), [t.sigma(i) for i in range(1, t.Y.rows + 1)]
    U = t.left[:, : t.s]
    return every(
        [
            decided(has_singular_values(reached, sigma), "the planted spectrum"),
            decided(
                reached @ reached.T @ U == U @ diagonal([x**2 for x in sigma[: t.s]]),
                "U has the first singular vectors",
            ),
        ]
    )


def certificate(t: Bottleneck, other: Point, k: int) -> DisconnectionCertificate:
    """The two points are apart, by the exact singular vectors."""
    U, tau = t.left[:, : t.s], t.sigma(t.s + 1) ** 2
    Z = U @ diagonal([t.sigma(i) ** 2 - tau for i in range(1, t.s + 1)]) @ U.T
    return DisconnectionCertificate(t.loss, t.point, other, t.u, k, U, tau, Z, t.sigma(t.s) ** 2 - tau)


def check(t: Bottleneck) -> Verdict:
    if any(h < t.s for h in t.hidden):
        least = t.optimum(min(t.hidden))
        below = t.optimum(t.s) <= t.u < t.wall and t.u < least
        return fails(f"the set is empty: E >= {least} > u = {t.u}") if below else undecided("a narrower layer")
    mirror = mirror_images(t.point, t.s)
    patterns = [signs(t, w) for w in mirror]
    verdicts = [is_planted(t), at_least(t.u, t.optimum(t.s), "no product of rank s is better")]
    verdicts += [equal(t.loss(w), t.loss(t.point), "a mirror image") for w in mirror]
    if t.u < t.wall:
        verdicts.append(decided(len(set(patterns)) == 2 ** len(t.narrow) and 0 not in patterns[0], f"signs {patterns}"))
        for k in t.narrow:
            other = next(
                w for w in mirror if all((signs(t, w)[i] == patterns[0][i]) == (j != k) for i, j in enumerate(t.narrow))
            )
            apart = certificate(t, other, k)
            verdicts += [apart.verify(), equal(apart.wall(), t.wall, "the wall of the certificate")]
    if t.u < t.optimum(t.s - 1):
        verdicts += [
            decided(between(w, k, l) != 0, "a product between bottlenecks")
            for w in mirror
            for k, l in pairwise(t.narrow)
        ]
    return every([*verdicts, *turning(t)])


def between(w: Point, k: int, l: int) -> fmpq:
    """The determinant of the product of the layers above hidden layer k, up to hidden layer l."""
    return end_to_end(w[k + 1 : l + 1], identity(w[k].rows)).det()


def turning(t: Bottleneck) -> list[Verdict]:
    """The loss on the whole turn: a rational function of q, compared at more points than its degree."""
    a, b = t.sigma(t.s), t.sigma(t.s + 1)
    verdicts = []
    for q in range(9):
        e, r = (fmpq(1) - q * q) / (1 + q * q), fmpq(2 * q, 1 + q * q)
        if t.s == t.Y.rows:  # there is no direction to turn to: straight through zero instead
            r, expected = fmpq(0), t.optimum(t.s) + a**2 * (1 - e * e) ** 2
        else:
            expected = t.optimum(t.s) + r * r * (a**2 - b**2)
        w = t.turn(e, r)
        u, aside, v, y = (t.column(i, frame) for frame in (t.left, t.right) for i in (t.s, t.s + 1))
        moved = turned(u, aside, v, y, a, b, e, r)
        fixed = [t.sigma(i) * t.column(i, t.left) @ t.column(i, t.right).T for i in range(1, t.s)]
        verdicts.append(decided(end_to_end(w, t.X) == sum(fixed, moved), "the product turns its last direction"))
        verdicts.append(equal(t.loss(w), expected, f"the loss at q = {q} of the turn"))
        verdicts.append(at_most(rational(t.loss(w)), t.wall, "the turn stays below the wall"))
        verdicts.append(decided(signs(t, w) == ((e > 0) - (e < 0),) * len(t.narrow), "its signs"))
    return verdicts


def crossing(t: Bottleneck, steps: int = 12) -> PathCertificate:
    """The turn as a polygon, certified at the wall exactly; it needs a gap that is not too small."""
    half = [((1 - q * q) / (1 + q * q), 2 * q / (1 + q * q)) for q in (fmpq(k, steps) for k in range(steps + 1))]
    circle = [*half, *((-e, r) for e, r in reversed(half[:-1]))]
    return certify(t.loss, [t.turn(e, r) for e, r in circle], level=t.wall)


def keeps_signs(level: Callable[[Bottleneck], fmpq], closed: bool = False) -> Callable[[Bottleneck], Verdict]:
    """The variant that signs are constant below (or at) another level: a certified path with that level refutes it."""

    def judged(t: Bottleneck) -> Verdict:
        path = crossing(t)
        if not path.verify().holds or signs(t, path.start) == signs(t, path.end):
            return undecided("no path at hand")
        if path.level < level(t) or (closed and path.level <= level(t)):
            return fails(f"a path from signs {signs(t, path.start)} to {signs(t, path.end)} stays at most {path.level}")
        return undecided("the path at hand is too high")

    return judged


def every_layer_counts(t: Bottleneck) -> Verdict:
    """The variant that wider layers have signs too: a reflection of an idle direction changes one on a flat segment."""
    for k, h in enumerate(t.hidden):
        z = end_to_end(t.point[: k + 1], t.X).T.kernel() if h == t.Y.rows else zeros(0, 0)
        if z.cols and t.u < t.wall:
            end, _ = mirrored(t.point[k + 1], t.point[k], z[:, [0]], 1 / z[:, [0]].squared_norm(), identity(h))
            other = (*t.point[: k + 1], end, *t.point[k + 2 :])
            a, b = upper(t.point, k).det(), upper(other, k).det()
            path = certify(t.loss, [t.point, other], level=t.u)
            if a * b < 0 and path.verify().holds:
                return fails(f"det goes from {a} to {b} at layer {k + 1} on a path of constant loss {t.u}")
    return undecided("no such layer")


def interpret(t: Bottleneck) -> Model | None:
    """The layers above and below a bottleneck, with U c removed from above, and a singular product between two."""
    if any(h < t.s for h in t.hidden):
        return None
    k, s, m = t.narrow[0], t.s, t.Y.rows
    U, a, b = t.left[:, :s], t.sigma(s), t.sigma(s + 1)
    C = diagonal([t.sigma(i) for i in range(1, s + 1)])
    R = t.right[:, :s]
    P = t.right @ t.right.T
    T = t.Y @ P - U @ C @ R.T
    rest = [b**2 - (t.sigma(i) ** 2 if i > s else 0) for i in range(1, m + 1)]
    letters = {
        "X": t.X, "Y": t.Y, "P_X": P, "U": U, "C": C, "R": R, "T": T, "tau": b**2, "zeta": a**2 - b**2,
        "G": gram([t.sigma(i) ** 2 - a**2 for i in range(1, s + 1)]), "H": t.left @ gram(rest),
    }  # fmt: skip
    c = column([1, *range(2, s + 1)])
    dead = U @ c
    B = upper(t.point, k)
    A = end_to_end(t.point[: k + 1], identity(t.X.rows))
    z = column([(-1) ** i for i in range(s)])
    M = (A @ A.T) @ (identity(s) - z @ z.T / s)
    walls = {"B": B - dead @ (dead.T @ B) / dead.squared_norm(), "A": A, "c": c, "z": z, "M": M}
    q = fmpq(1, 2)
    w, y = t.column(s + 1, t.left), t.column(s + 1, t.right)
    e, r = ((1 - q * q) / (1 + q * q), 2 * q / (1 + q * q)) if s < m else (fmpq(1), fmpq(0))
    u, v = t.column(s, t.left), t.column(s, t.right)
    D = T - b * w @ y.T
    turn = {"u": u, "w": w, "v": v, "y": y, "D": D, "a": a, "b": b, "epsilon": e, "rho": r}
    mirror = {"V": t.point[k + 1], "W": t.point[k], "e": column([1] * s), "k": fmpq(1, s)}
    return Model(letters | walls | turn | mirror)


def stratum(t: Bottleneck) -> str:
    if t.sigma(t.s) == t.sigma(t.s + 1):
        return "no gap"
    if t.u == t.optimum(t.s):
        return "at the minimum"
    return "below the wall" if t.u < t.wall else "between the levels" if t.u < t.optimum(t.s - 1) else "above"


def example(spectrum: tuple[object, ...], s: int, *hidden: int) -> Bottleneck:
    """A global minimum for a diagonal target and X = I."""
    m = len(spectrum)
    one, sizes_ = identity(m), [m, *hidden, m]
    point = tuple(zeros(q, p) for p, q in pairwise(sizes_))
    t = Bottleneck(point, one, diagonal(spectrum), one, one, tuple(Fraction(str(x)) for x in spectrum), s)
    return t if any(h < s for h in hidden) else replace(t, point=t.turn(fmpq(1), fmpq(0)))


def with_idle_unit() -> Bottleneck:
    """Layers of 1 and 2 units; nothing enters the second unit of the wider one, and its outgoing weights are (0, 1)."""
    t = example((2, 1), 1, 1, 2)
    return replace(t, point=(*t.point[:-1], identity(2)))


def too_narrow() -> Bottleneck:
    """Y = diag(2, 1) through layers of 2 and 1 units, with s = 2: below the wall there is nothing."""
    return replace(example((2, 1), 2, 2, 1), level=fmpq(1, 2))


def show(t: Bottleneck) -> str:
    return f"{t!r}\nE* = {t.optimum(t.s)}, wall {t.wall}\n{check(t).reason}"


claim = Claim(
    __name__,
    __doc__,
    source=Citation("freeman2017topology", "Proposition 2.2"),
    also=(Citation("venturi2019spurious", "abstract"),),
    premises=(
        Premise(
            "no narrower layer",
            r"All hidden layers have at least $s$ units.",
            holds=lambda t: all(h >= t.s for h in t.hidden),
            without=too_narrow,
            show=show,
        ),
        Premise(
            "a positive singular value",
            r"$\sigma_s > 0$.",
            holds=lambda t: t.sigma(t.s) > 0,
            kind="typing",
            why="Without it both ranges of levels are empty.",
        ),
    ),
    derivation=proof,
    interpret=interpret,
    instances=bottlenecks,
    check=check,
    stratum=stratum,
    beyond="that signs separate: for every bottleneck a disconnection certificate; that the turn is a path: exactly, as a curve",
    mutants=(
        Mutant(
            "the higher wall",
            r"The signs of $\det(U^\top W_K \cdots W_{k+1})$ are constant for $u < E^* + \sigma_s^2$.",
            keeps_signs(lambda t: t.optimum(t.s - 1)),
            lambda: example((2, 1), 1, 1),
        ),
        Mutant(
            "the wall belongs to it",
            r"The signs are constant for $u \le E^* + \sigma_s^2 - \sigma_{s+1}^2$.",
            keeps_signs(lambda t: t.wall, closed=True),
            lambda: example((2, 1), 1, 1, 1),
        ),
        Mutant(
            "the sum of the squares",
            r"The signs are constant for $u < E^* + \sigma_s^2 + \sigma_{s+1}^2$.",
            keeps_signs(lambda t: t.optimum(t.s) + t.sigma(t.s) ** 2 + t.sigma(t.s + 1) ** 2),
            lambda: example((2, 1), 1, 1),
        ),
        Mutant(
            "the first singular value",
            r"The signs are constant for $u < E^* + \sigma_1^2 - \sigma_{s+1}^2$.",
            keeps_signs(lambda t: t.optimum(t.s) + t.sigma(1) ** 2 - t.sigma(t.s + 1) ** 2),
            lambda: example((3, 2, 1), 2, 2),
        ),
        Mutant(
            "every hidden layer counts",
            r"The signs of $\det(W_K \cdots W_{k+1})$ are constant for hidden layers with $m$ units, too.",
            every_layer_counts,
            with_idle_unit,
        ),
    ),
    printed=(
        printed(
            lambda t: (
                fails(certificate(t, mirror_images(t.point, t.s)[1], t.narrow[0]).verify().reason)
                if all(h >= min(t.Y.rows, t.X.rows) for h in t.hidden)
                and certificate(t, mirror_images(t.point, t.s)[1], t.narrow[0]).verify().holds
                else undecided("nothing at hand")
            ),
            lambda: example((1,), 1, 1),
            r"$(w_1 w_2 - 1)^2$ has two components for $u < 1$.",
        ),
    ),
    tight=(
        Tight(
            "opposite signs meet at the wall, exactly",
            lambda: example((2, 1), 1, 1, 1),
            lambda t: every([crossing(t).verify(), equal(crossing(t).maximum().upper, t.wall, "the highest point")]),
        ),
    ),
)
