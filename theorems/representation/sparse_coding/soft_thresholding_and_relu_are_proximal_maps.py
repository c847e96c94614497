r"""Soft thresholding and ReLU are proximal maps.

**Theorem.** Let $z, g \in \mathbb{R}$ and $\rho(t) = \max(t, 0)$.

* Let $\beta \ge 0$, $S_\beta(z) = \operatorname{sign}(z)\, \rho(|z| - \beta)$ and $F(g) = \tfrac12 (g - z)^2 + \beta |g|$. Then
  $F(g) \ge F(S_\beta(z)) + \tfrac12 (g - S_\beta(z))^2$, so that $S_\beta(z)$ is the only minimiser of $F$ on $\mathbb{R}$.
* Let $\gamma \in \mathbb{R}$, of any sign, and $H(g) = \tfrac12 (g - z)^2 + \gamma g$. If $g \ge 0$, then
  $H(g) \ge H(\rho(z - \gamma)) + \tfrac12 (g - \rho(z - \gamma))^2$, so that $\rho(z - \gamma)$ is the only minimiser of $H$ on
  $[0, \infty)$.
* For $\beta \ge 0$ two ramps make one soft threshold: $S_\beta(z) = \rho(z - \beta) - \rho(-z - \beta)$.
* Both maps are firmly nonexpansive: $(T(z) - T(z'))^2 \le (T(z) - T(z'))(z - z')$ for all $z, z' \in \mathbb{R}$, with
  $T = S_\beta$, $\beta \ge 0$, and with $T(z) = \rho(z - \gamma)$, $\gamma \in \mathbb{R}$.

**Idea.** A ramp $r = \rho(t)$ is the number with $r \ge 0$, $r \ge t$ and $r (r - t) = 0$. For the second claim, the gap between the
two sides is exactly $g\, (r - t)$ with $t = z - \gamma$, a product of two numbers $\ge 0$. For the first, what is cut off,
$e = z - s$ with $s = S_\beta(z)$, satisfies $|e| \le \beta$ and $e s = \beta |s|$, and the gap is exactly
$\beta |g| - e g \ge 0$. Firmness: $(s - s')(e - e') = (\beta |s| - e' s) + (\beta |s'| - e s') \ge 0$.

**Reading.** A layer $\rho(W x + b)$ is one proximal step: $W x$ is shrunk by $-b$ and kept non-negative. This is the link from
sparse coding to ReLU networks, coordinate by coordinate. It needs no sign of the bias; only the soft threshold does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from hypothesis import strategies as st

from numerics.evidence.verdict import Verdict, at_least, at_most, decided, equal, every, less_than
from numerics.strategies import rationals
from theorems import Citation, Claim, Mutant, Premise, Tight
from theorems.proof import Derivation, Expr, Fact, nonnegative, zero
from theorems.proof import at_least as is_at_least
from theorems.proof import at_most as is_at_most
from theorems.proof import equal as is_equal
from theorems.proof.crosscheck import Model

HALF = Fraction(1, 2)


def penalised(g, z, weight, size):
    r"""$\tfrac12 (g - z)^2 + \text{weight} \cdot \text{size}$: $F$ with the size $|g|$, $H$ with the size $g$."""
    return HALF * (g - z) ** 2 + weight * size


def gap(g, size, best, best_size, z, weight):
    """By how much the penalised distance at `g` exceeds what strong convexity promises from the minimiser."""
    return penalised(g, z, weight, size) - penalised(best, z, weight, best_size) - HALF * (g - best) ** 2


def firmness(image, other_image, z, other):
    return (image - other_image) * (z - other) - (image - other_image) ** 2


# Proof.


def proof() -> Derivation:
    d = Derivation("soft thresholding and ReLU are proximal maps")

    def ramp(r: Expr, t: Expr) -> tuple[Fact, Fact, Fact]:
        """r = max(t, 0), said without cases."""
        return d.given(nonnegative(r), "ramp"), d.given(is_at_least(r, t), "ramp"), d.given(zero(r * (r - t)), "ramp")

    def absolute(size: Expr, t: Expr) -> list[Fact]:
        """size = |t|."""
        return [d.given(nonnegative(size), "absolute value"), d.given(is_equal(size**2, t**2), "absolute value")]

    z, other, g, size = d.scalars("z z' g |g|")

    # ReLU, with any bias.
    gamma, k, r, r_other = d.scalars("gamma k r r'")
    allowed = d.given(nonnegative(k), "the competitor is not negative")
    low, above, on = ramp(r, z - gamma)
    low_other, above_other, on_other = ramp(r_other, other - gamma)
    d.squares(d.goal(nonnegative(gap(k, k, r, r, z, gamma))), [(1, allowed, above)], using=[on])
    firm = d.goal(nonnegative(firmness(r, r_other, z, other)))
    d.squares(firm, [(1, low, above_other), (1, low_other, above)], using=[on, on_other])

    # The soft threshold s = sign(z) m with m = max(|z| - beta, 0): m is the size of s, and s is on the side of z.
    beta, p, q = d.scalars("beta p q")
    shrinks = d.given(nonnegative(beta), "nonnegative threshold")

    def soft(z: Expr, names: str) -> tuple[Expr, Expr, list[Fact]]:
        size, m, s = d.scalars(names)
        facts = [*absolute(size, z), *ramp(m, size - beta), shrinks]
        return s, m, [*facts, d.given(is_equal(s**2, m**2), "size"), d.given(nonnegative(s * z), "side")]

    s, m, soft_z = soft(z, "|z| m s")
    s_other, m_other, soft_other = soft(other, "|z'| m' s'")
    two = [*ramp(p, z - beta), *ramp(q, -z - beta)]
    d.smt(d.goal(is_equal(s, p - q)), [*soft_z, *two])

    def cut(z: Expr, s: Expr, m: Expr, facts: list[Fact]) -> tuple[list[Fact], Fact]:
        """What is cut off, e = z - s, is at most beta in size, on the side of s."""
        bounds = [d.smt(is_at_most(z - s, beta), facts), d.smt(is_at_most(s - z, beta), facts)]
        return bounds, d.smt(is_equal((z - s) * s, beta * m), facts)

    bounds, side = cut(z, s, m, soft_z)
    bounds_other, side_other = cut(other, s_other, m_other, soft_other)

    def within(size: Expr, t: Expr, facts: list[Fact]) -> list[Fact]:
        """-size <= t <= size."""
        return [d.smt(is_at_least(size, t), facts), d.smt(is_at_least(size, -t), facts)]

    # beta |t| - e t is the mean of (beta - e)(|t| + t) and (beta + e)(|t| - t).
    def products(bounds: list[Fact], sizes: list[Fact]) -> list[tuple[Fraction, Fact, Fact]]:
        (below, above), (minus, plus) = bounds, sizes
        return [(HALF, below, plus), (HALF, above, minus)]

    sizes_g = within(size, g, absolute(size, g))
    d.squares(d.goal(nonnegative(gap(g, size, s, m, z, beta))), products(bounds, sizes_g), using=[side])
    sizes_s, sizes_other = within(m, s, soft_z), within(m_other, s_other, soft_other)
    firm = d.goal(nonnegative(firmness(s, s_other, z, other)))
    terms = products(bounds_other, sizes_s) + products(bounds, sizes_other)
    d.squares(firm, terms, using=[side, side_other])
    return d


# Check.


def ramp(t: Fraction) -> Fraction:
    return max(t, Fraction(0))


def sign(t: Fraction) -> int:
    return (t > 0) - (t < 0)


def soft(z: Fraction, beta: Fraction) -> Fraction:
    return sign(z) * ramp(abs(z) - beta)


@dataclass(frozen=True)
class Shrinkage:
    r"""Inputs $z$ and $z'$, a threshold $\beta$ (not negative in the theorem), a bias $\gamma$ of any sign, a competitor $g$."""

    z: Fraction
    other: Fraction
    beta: Fraction
    gamma: Fraction
    g: Fraction


@st.composite
def shrinkages(draw) -> Shrinkage:
    z, other, beta, gamma, g = (Fraction(draw(rationals())) for _ in range(5))
    return Shrinkage(z, other, abs(beta), gamma, g)


def piece(z: Fraction, slope: Fraction, side: int) -> tuple[Fraction, Fraction]:
    """The minimum of (g - z)^2 / 2 + slope * g on the half-line of a sign, by its vertex: (value, place)."""
    vertex = z - slope
    place = vertex if vertex * side > 0 else Fraction(0)
    return HALF * place**2 - z * place + HALF * z**2 + slope * place, place


def minimisers(z: Fraction, beta: Fraction) -> set[Fraction]:
    """All minimisers of F: the better of its two quadratic pieces, or both."""
    pieces = [piece(z, beta, 1), piece(z, -beta, -1)]
    least = min(value for value, _ in pieces)
    return {place for value, place in pieces if value == least}


def soft_is_proximal(t: Shrinkage) -> Verdict:
    found = minimisers(t.z, t.beta)
    return decided(found == {soft(t.z, t.beta)}, f"S(z) = {soft(t.z, t.beta)}, minimisers {sorted(map(str, found))}")


def relu_is_proximal(t: Shrinkage) -> Verdict:
    return equal(ramp(t.z - t.gamma), piece(t.z, t.gamma, 1)[1], "ReLU is the minimiser on the half-line")


def two_ramps(t: Shrinkage) -> Verdict:
    both = ramp(t.z - t.beta) - ramp(-t.z - t.beta)
    return equal(soft(t.z, t.beta), both, f"S(z) = {soft(t.z, t.beta)}, two ramps give {both}")


def strongly_convex(t: Shrinkage) -> Verdict:
    s, k = soft(t.z, t.beta), abs(t.g)
    r = ramp(t.z - t.gamma)
    return at_least(gap(t.g, abs(t.g), s, abs(s), t.z, t.beta), 0, "F at a competitor") & at_least(
        gap(k, k, r, r, t.z, t.gamma), 0, "H at a competitor"
    )


def firm(t: Shrinkage) -> Verdict:
    images = [(soft(t.z, t.beta), soft(t.other, t.beta)), (ramp(t.z - t.gamma), ramp(t.other - t.gamma))]
    return every(at_least(firmness(*pair, t.z, t.other), 0, "firmly nonexpansive") for pair in images)


def check(t: Shrinkage) -> Verdict:
    return every([soft_is_proximal(t), relu_is_proximal(t), two_ramps(t), strongly_convex(t), firm(t)])


def interpret(t: Shrinkage) -> Model:
    def letters(z: Fraction, mark: str) -> dict[str, Fraction]:
        s = soft(z, t.beta)
        return {f"z{mark}": z, f"|z{mark}|": abs(z), f"s{mark}": s, f"m{mark}": abs(s), f"r{mark}": ramp(z - t.gamma)}

    return Model(
        {
            **letters(t.z, ""),
            **letters(t.other, "'"),
            "beta": t.beta,
            "gamma": t.gamma,
            "g": t.g,
            "|g|": abs(t.g),
            "k": abs(t.g),
            "p": ramp(t.z - t.beta),
            "q": ramp(-t.z - t.beta),
        }
    )


def stratum(t: Shrinkage) -> str:
    if t.beta == 0:
        return "threshold zero"
    if abs(t.z) == t.beta or t.z == t.gamma:
        return "at the kink"
    return "shrunk to zero" if abs(t.z) < t.beta else "generic"


def at(z: int | str, beta: int | str, *, other: int | str = 0, g: int | str = 0) -> Shrinkage:
    return Shrinkage(*map(Fraction, (z, other, beta, beta, g)))


def hard(z: Fraction, threshold: Fraction) -> Fraction:
    return z if abs(z) > threshold else Fraction(0)


def proximal(variant: Callable[[Fraction, Fraction], Fraction]) -> Callable[[Shrinkage], Verdict]:
    """A check of another formula for the minimiser of F."""
    return lambda t: decided(minimisers(t.z, t.beta) == {variant(t.z, t.beta)})


def draw_maps(ax: Any) -> Any:
    """The soft threshold and the ramp with threshold 1, and hard thresholding for comparison."""
    zs = [Fraction(k, 20) for k in range(-60, 61)]
    one = Fraction(1)
    for label, image, style in (
        ("soft threshold", soft, "-"),
        ("ReLU with bias -1", lambda z, gamma: ramp(z - gamma), "--"),
        ("hard threshold", hard, ":"),
    ):
        ax.plot([float(z) for z in zs], [float(image(z, one)) for z in zs], style, label=label)
    ax.set(xlabel="z")
    ax.legend()
    return ax


claim = Claim(
    __name__,
    __doc__,
    source=Citation("parikh2014proximal", "abstract"),
    also=(
        Citation("papyan2017convolutional", "abstract"),
        Citation("yao2019theories", 'slide "From Soft Thresholding to ReLU"'),
    ),
    premises=(
        Premise(
            "nonnegative threshold",
            r"The soft threshold is not negative: $\beta \ge 0$ (the bias $\gamma$ may have any sign).",
            holds=lambda t: t.beta >= 0,
            without=lambda: at("1/2", -1),
            show=lambda t: (
                f"sign(z) rho(|z| - beta) = {soft(t.z, t.beta)}\n"
                f"rho(z - beta) - rho(-z - beta) = {ramp(t.z - t.beta)} - {ramp(-t.z - t.beta)}"
            ),
        ),
    ),
    derivation=proof,
    interpret=interpret,
    instances=shrinkages,
    check=check,
    stratum=stratum,
    figure=draw_maps,
    beyond="the minimisers of both objectives by comparing the vertices of their quadratic pieces, with no formula for the threshold",
    tight=(
        Tight(
            "strong convexity",
            lambda: at(3, 1, g=5),
            lambda t: equal(gap(t.g, abs(t.g), soft(t.z, t.beta), abs(soft(t.z, t.beta)), t.z, t.beta), 0),
        ),
        Tight(
            "firmness",
            lambda: at(3, 1, other=5),
            lambda t: equal(firmness(soft(t.z, t.beta), soft(t.other, t.beta), t.z, t.other), 0),
        ),
    ),
    mutants=(
        Mutant(
            "no sign",
            r"$\rho(|z| - \beta)$ minimises $F$.",
            proximal(lambda z, beta: ramp(abs(z) - beta)),
            lambda: at(-2, 1),
        ),
        Mutant(
            "no clipping",
            r"$z - \beta$ minimises $F$ for $z \ge 0$.",
            lambda t: proximal(lambda z, beta: z - beta)(t) if t.z >= 0 else decided(True),
            lambda: at("1/2", 1),
        ),
        Mutant(
            "half the square",
            r"The threshold of the minimiser of $F$ is $\beta^2 / 2$.",
            proximal(lambda z, beta: soft(z, beta**2 / 2)),
            lambda: at(2, 1),
        ),
        Mutant(
            "hard thresholding",
            r"$z\,[|z| > \beta]$ minimises $\tfrac12 (g - z)^2 + \beta\, [g \ne 0]$ (the true threshold is $\sqrt{2 \beta}$).",
            lambda t: at_most(HALF * (hard(t.z, t.beta) - t.z) ** 2 + t.beta * (hard(t.z, t.beta) != 0), HALF * t.z**2),
            lambda: at("5/4", 1),
        ),
        Mutant(
            "hard thresholding is nonexpansive",
            r"$|h(z) - h(z')| \le |z - z'|$ for $h(z) = z\,[|z| > \beta]$.",
            lambda t: at_most(abs(hard(t.z, t.beta) - hard(t.other, t.beta)), abs(t.z - t.other)),
            lambda: at(1, 1, other="3/2"),
        ),
        Mutant(
            "ReLU without the constraint",
            r"$\rho(z - \gamma)$ minimises $H$ on all of $\mathbb{R}$.",
            lambda t: at_least(
                penalised(t.g, t.z, t.gamma, t.g),
                penalised(ramp(t.z - t.gamma), t.z, t.gamma, ramp(t.z - t.gamma)),
            ),
            lambda: at(0, 1, g=-1),
        ),
        Mutant(
            "contraction",
            r"$(S(z) - S(z'))^2 \le \tfrac12 (S(z) - S(z'))(z - z')$.",
            lambda t: at_most(
                2 * (soft(t.z, t.beta) - soft(t.other, t.beta)) ** 2,
                (soft(t.z, t.beta) - soft(t.other, t.beta)) * (t.z - t.other),
            ),
            lambda: at(3, 1, other=5),
        ),
        Mutant(
            "stronger convexity",
            r"$F(g) \ge F(S(z)) + (g - S(z))^2$.",
            lambda t: at_least(
                gap(t.g, abs(t.g), soft(t.z, t.beta), abs(soft(t.z, t.beta)), t.z, t.beta),
                HALF * (t.g - soft(t.z, t.beta)) ** 2,
            ),
            lambda: at(3, 1, g=5),
        ),
        Mutant(
            "a strict shrinkage",
            r"$|S(z)| < |z|$ for $z \ne 0$.",
            lambda t: less_than(abs(soft(t.z, t.beta)), abs(t.z)) if t.z else decided(True),
            lambda: at(1, 0),
        ),
    ),
)
