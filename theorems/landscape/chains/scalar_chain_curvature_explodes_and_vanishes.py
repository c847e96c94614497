r"""The curvature of a scalar chain explodes and vanishes exponentially with depth.

**Theorem.** Let $L \ge 2$, $F(w) = \tfrac12 (1 - w_1 \cdots w_L)^2$ and $H = \nabla^2 F(c, \dots, c)$ with $c \in \mathbb{R}$.
Then $H$ has the eigenvalue $e_1 = (2L - 1) c^{2L-2} - (L - 1) c^{L-2}$ on $(1, \dots, 1)$ and
$e_2 = c^{L-2} (1 - c^L)$ on its orthogonal complement, and nothing else. In particular:

* at $c = 2$ the largest eigenvalue is $e_1$, and $4^{L-1} \le e_1 \le (2L - 1) 4^{L-1}$, where $4^{L-1} = \partial_{11} F$;
* at $c = \tfrac12$ the largest eigenvalue is $e_2 = 2^{2-L} - 4^{1-L} = (2^L - 1)\, \partial_{11} F$, and for $L \ge 3$ the
  largest in modulus is $e_1 < 0$, with $-e_1 = (L - 1) 2^{2-L} - (2L - 1) 4^{1-L}$.

**Idea.** All diagonal entries of $H$ are equal, and so are all others: $H = (a - b) I + b\, 1 1^\top$ with
$a = c^{2L-2}$ and $b = c^{L-2} (2 c^L - 1)$. Put $q = c^{L-2}$; the rest is algebra in $c$, $q$ and $L$.

**Reading.** A step size below $2 / \lambda_{\max}$ must shrink like $4^{-L}$ on the one side, while on the other side the
landscape flattens like $2^{-L}$: not like $4^{-L}$, as the second derivative in one coordinate suggests, and mostly with
negative curvature. All this is local: on all of $\mathbb{R}^L$ the gradient of $F$ has no Lipschitz constant.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from hypothesis import strategies as st

from numerics.arithmetic.exact import Matrix, as_fraction
from numerics.evidence.verdict import Verdict, at_least, at_most, decided, equal, every, greater_than
from numerics.strategies import sizes
from numerics.strategies.scalar_chains import Chain, hessian, loss, second_difference
from theorems import Citation, Claim, Mutant, Premise, Printed
from theorems.proof import Derivation, dimension, less, number, positive, zero
from theorems.proof import at_least as is_at_least
from theorems.proof import equal as is_equal
from theorems.proof import identity as symbolic_identity
from theorems.proof.crosscheck import Model


def e1(c, q, L):
    r"""The eigenvalue on the vector of ones, with $q = c^{L-2}$."""
    return (2 * L - 1) * (c * q) ** 2 - (L - 1) * q


def e2(c, q, L):
    r"""The eigenvalue on the orthogonal complement of the vector of ones, with $q = c^{L-2}$."""
    return q * (1 - c**2 * q)


# Proof.


def proof() -> Derivation:
    d = Derivation("the Hessian of a scalar chain on the diagonal")
    L = dimension("L")
    c, q = d.scalars("c q")

    # Two coordinates x, y and the product S of the others, at x = y = c and S = q.
    x, y, S = d.scalars("x y S")
    d.partial(x, y, S)
    at_c = [d.given(is_equal(x, c), "equal weights"), d.given(is_equal(y, c), "equal weights")]
    at_c.append(d.given(is_equal(S, q), "q is the product of the other weights"))
    F = loss(x * y * S)
    F_xx = d.derivative(d.derivative(F, {x: number(1)}), {x: number(1)})
    F_xy = d.derivative(d.derivative(F, {x: number(1)}), {y: number(1)})
    a, b = (c * q) ** 2, q * (2 * c**2 * q - 1)
    d.algebra(d.goal(is_equal(F_xx, a)), at_c)
    d.algebra(d.goal(is_equal(F_xy, b)), at_c)

    # So the Hessian is (a - b) I + b 1 1^T, which the vector of ones and its complement diagonalise.
    H = d.matrix("H: L L")
    one, u = d.matrices("1: L 1", "u: L 1")
    shape = d.given(
        is_equal(H, (a - b) * symbolic_identity("L") + b * one @ one.T), "entries a on the diagonal, b elsewhere"
    )
    length = d.given(is_equal(one.T @ one, L), "the vector of ones has squared length L")
    across = d.given(zero(one.T @ u), "u is orthogonal to it")
    d.algebra(d.goal(is_equal(H @ one, e1(c, q, L) * one)), [shape, length])
    d.algebra(d.goal(is_equal(H @ u, e2(c, q, L) * u)), [shape, across])

    # At c = 2, q = 2^(L-2) >= 1; write Q for q there.
    Q = d.scalar("Q")
    large, deep = d.given(is_at_least(Q, 1), "2^(L-2) with L >= 2"), d.given(is_at_least(L, 2), "two layers")
    two = number(2)
    d.smt(d.goal(is_at_least(e1(two, Q, L), (2 * Q) ** 2)), [large, deep])
    d.smt(d.goal(is_at_least((2 * L - 1) * (2 * Q) ** 2, e1(two, Q, L))), [large, deep])
    d.smt(d.goal(is_at_least(e1(two, Q, L), e2(two, Q, L))), [large, deep])

    # At c = 1/2, q = 2^(2-L) <= 1; write r for q there, and p = 2^L.
    r, p, half = *d.scalars("r p"), number(Fraction(1, 2))
    small, above_0 = d.given(is_at_least(1, r), "2^(2-L) with L >= 2"), d.given(positive(r), "a power of 1/2")
    power = d.given(is_equal(r * p, 4), "2^(2-L) 2^L = 4")
    d.smt(d.goal(is_at_least(e2(half, r, L), e1(half, r, L))), [small, above_0, deep])
    d.algebra(d.goal(is_equal(e2(half, r, L), (p - 1) * (half * r) ** 2)), [power])
    # For L >= 3 the most negative curvature wins: s = 2^(2-l) <= 1/2 with l = L >= 3, letters of their own.
    s, l = d.scalars("s l")
    smaller, positive_s = (
        d.given(is_at_least(Fraction(1, 2), s), "2^(2-l) with l >= 3"),
        d.given(positive(s), "a power"),
    )
    deeper = d.given(is_at_least(l, 3), "three layers")
    d.smt(d.goal(less(e2(half, s, l), -e1(half, s, l))), [smaller, positive_s, deeper])
    return d


# Check.


def diagonal(c: Fraction | int, L: int) -> Chain:
    return Chain.at(*[c] * L)


@st.composite
def chains(draw) -> Chain:
    c = draw(st.sampled_from([Fraction(n, m) for m in (1, 2, 3) for n in range(-5, 6)]))
    return diagonal(c, draw(st.one_of(sizes(2, 7), st.sampled_from([10, 30, 100]))))


def letters(t: Chain) -> tuple[Fraction, Fraction, int]:
    c, L = t.weights[0], len(t.weights)
    return c, c ** (L - 2), L


def spectrum_is(first: Callable[..., Fraction], second: Callable[..., Fraction]) -> Callable[[Chain], Verdict]:
    """Whether the Hessian has the eigenvalue `first` on the vector of ones and `second` across."""

    def is_spectrum(t: Chain) -> Verdict:
        H, L = hessian(t), len(t.weights)
        ones = Matrix([[1]] * L)
        across = Matrix([[int(i == j) - int(i == j + 1) for j in range(L - 1)] for i in range(L)])
        on_ones, rest = first(*letters(t)), second(*letters(t))
        return decided(H @ ones == on_ones * ones, "on the vector of ones") & decided(
            H @ across == rest * across, "across it"
        )

    return is_spectrum


def largest(t: Chain) -> Fraction:
    """The largest eigenvalue, from two Rayleigh quotients, once the spectrum is known."""
    H, L = hessian(t), len(t.weights)
    ones, across = Matrix([[1]] * L), Matrix([[1], [-1], *([0] for _ in range(L - 2))])
    return max(as_fraction((v.T @ H @ v)[0, 0]) / as_fraction(v.squared_norm()) for v in (ones, across))


def check(t: Chain) -> Verdict:
    verdicts = [spectrum_is(e1, e2)(t)]
    c, _, L = letters(t)
    if verdicts[0].fails:
        return verdicts[0]
    proxy = second_difference(t, 0, 0)
    if c == 2:
        verdicts += [at_least(largest(t), proxy), at_most(largest(t), (2 * L - 1) * proxy), equal(proxy, 4 ** (L - 1))]
    if c == Fraction(1, 2):
        verdicts += [equal(largest(t), (2**L - 1) * proxy), equal(largest(t), Fraction(4, 2**L) - Fraction(4, 4**L))]
        if L >= 3:
            across, on_ones = e2(*letters(t)), e1(*letters(t))
            verdicts += [greater_than(-on_ones, abs(across)), equal(-on_ones, most_negative(L))]
    return every(verdicts)


def most_negative(L: int) -> Fraction:
    return Fraction(4 * (L - 1), 2**L) - Fraction(4 * (2 * L - 1), 4**L)


def interpret(t: Chain) -> Model:
    c, q, L = letters(t)
    l = max(L, 3)
    values = {
        "c": c, "q": q, "x": c, "y": c, "S": q, "H": hessian(t),
        "1": Matrix([[1]] * L), "u": Matrix([[1], [-1], *([0] for _ in range(L - 2))]),
        "Q": Fraction(2) ** (L - 2), "r": Fraction(4, 2**L), "p": Fraction(2**L), "s": Fraction(4, 2**l), "l": l,
    }  # fmt: skip
    return Model(values)


def stratum(t: Chain) -> str:
    c = t.weights[0]
    return "c = 0" if c == 0 else "c = 2" if c == 2 else "c = 1/2" if 2 * c == 1 else "generic"


def at_half(conclusion: Callable[[Chain], Verdict]) -> Callable[[Chain], Verdict]:
    return lambda t: conclusion(t) if 2 * t.weights[0] == 1 else decided(True)


claim = Claim(
    __name__,
    __doc__,
    source=Citation("sun2019lecture", "Section 1.4"),
    premises=(
        Premise(
            "two layers",
            r"$L \ge 2$.",
            holds=lambda t: len(t.weights) >= 2,
            kind="typing",
            why="a single weight has no orthogonal complement, and $c^{L-2}$ has no meaning at $c = 0$",
        ),
        Premise(
            "equal weights",
            "All weights are equal.",
            holds=lambda t: len(set(t.weights)) == 1,
            without=lambda: Chain.at(1, 2),
            show=lambda t: f"Hessian at w = (1, 2): {hessian(t)!r}, and $e_1 = 2$, $e_2 = 0$ for $c = 1$",
        ),
        Premise(
            "target one",
            "The target is 1.",
            holds=lambda t: t.target == 1,
            without=lambda: Chain.at(2, 2, 2, target=0),
            show=lambda t: f"Hessian at w = (2, 2, 2) with target 0: {hessian(t)!r}; for target 1, $e_1 = 76$",
        ),
    ),
    derivation=proof,
    interpret=interpret,
    instances=chains,
    check=check,
    stratum=stratum,
    beyond="the whole spectrum at depths up to 100, from values of the loss alone",
    printed=(
        Printed(
            r"Note that $L \approx \lambda_{\max}(\nabla_w^2 F)$. Here we simply use $\partial^2 F / \partial w_1^2$ to loosely study how large (small) $\beta$ is.",
            Citation("sun2019lecture", "Section 1.4"),
            lambda t: equal(largest(t), second_difference(t, 0, 0)),
            lambda: diagonal(Fraction(1, 2), 10),
            remark="read as an equality it is 1023 times too small at one half and $L = 10$: the rate is $2^{-L}$, not $4^{-L}$; "
            "the printed order $2^{-O(L)}$ is right",
        ),
    ),
    mutants=(
        Mutant(
            "multiplicities swapped",
            r"$e_2$ belongs to $(1, \dots, 1)$ and $e_1$ to its complement.",
            spectrum_is(e2, e1),
            lambda: diagonal(2, 3),
        ),
        Mutant(
            "2L + 1",
            r"$e_1 = (2L + 1) c^{2L-2} - (L - 1) c^{L-2}$.",
            spectrum_is(lambda c, q, L: e1(c, q, L) + 2 * (c * q) ** 2, e2),
            lambda: diagonal(1, 2),
        ),
        Mutant(
            "wrong power",
            r"$e_2 = c^{L-1} (1 - c^L)$.",
            spectrum_is(e1, lambda c, q, L: c * e2(c, q, L)),
            lambda: diagonal(2, 3),
        ),
        Mutant(
            "the ones always win",
            r"$\lambda_{\max} = e_1$ for every $c > 0$.",
            lambda t: equal(largest(t), e1(*letters(t))) if t.weights[0] > 0 else decided(True),
            lambda: diagonal(Fraction(1, 2), 2),
        ),
        Mutant(
            "convex at one half",
            r"$\nabla^2 F$ is positive semidefinite at $c = \tfrac12$.",
            at_half(lambda t: decided(hessian(t).is_positive_semidefinite())),
            lambda: diagonal(Fraction(1, 2), 2),
        ),
        Mutant(
            "rate four",
            r"$\lambda_{\max} \le 2 \cdot 4^{1-L}$ at $c = \tfrac12$.",
            at_half(lambda t: at_most(largest(t), Fraction(8, 4 ** len(t.weights)))),
            lambda: diagonal(Fraction(1, 2), 3),
        ),
    ),
)
