r"""Two hidden units compute XOR, and one monotone unit cannot.

**Theorem.** Let $x, y \in \{0, 1\}$ and $0 < p < 1 < q < 2$. Two threshold units $h_1 = [x + y > p]$ and $h_2 = [x + y > q]$
give $x \oplus y = [h_1 - h_2 - \tfrac12 > 0]$, and two ramps give $x \oplus y = \rho(x + y) - 2 \rho(x + y - 1)$ with
$\rho(t) = \max(t, 0)$. One unit is not enough: let $\sigma: \mathbb{R} \to \mathbb{R}$ be monotone (non-decreasing or
non-increasing, continuous or not), $w_1, w_2, \beta, v, c \in \mathbb{R}$ and $u(x, y) = v\, \sigma(w_1 x + w_2 y + \beta) + c$.
If $u(0, 1) > u(0, 0)$, then $u(1, 0) \le u(1, 1)$. Hence neither $[u > 0]$ nor $[u \ge 0]$ is $\oplus$ on $\{0, 1\}^2$.

**Idea.** The count $x + y$ is $0$, $1$ or $2$, and two units cut the middle out of it. For the second half write
$g(x, y) = w_1 x + w_2 y + \beta$. If $v > 0$ and $\sigma$ does not decrease, $u(0, 1) > u(0, 0)$ needs $g(0, 1) > g(0, 0)$.
The diagonals of the square have one sum, $g(0, 1) + g(1, 0) = g(0, 0) + g(1, 1)$, so $g(1, 0) < g(1, 1)$ and
$u(1, 0) \le u(1, 1)$. If $v < 0$, the first inequality between the $g$ turns round and the last step turns it back. For a
non-increasing $\sigma$ change the signs of $\sigma$ and $v$.

**Reading.** A monotone activation after one affine form still cuts the plane by parallel lines in one direction only. A
second unit, an activation that is not monotone, or a wire from the inputs past the hidden layer each break this.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction

from hypothesis import strategies as st

from numerics.evidence.verdict import Verdict, decided, every
from numerics.strategies import rationals
from theorems import Citation, Claim, Mutant, Premise
from theorems.proof import Derivation, Statement, at_least, at_most, equal, less, nonnegative, positive, zero
from theorems.proof.crosscheck import Model

HALF = Fraction(1, 2)


def xor(x, y):
    return x + y - 2 * x * y


def by_thresholds(h_1, h_2):
    return h_1 - h_2 - HALF


def by_ramps(r_1, r_2):
    return r_1 - 2 * r_2


def output(v, s, c):
    """One hidden unit of value `s`, read out."""
    return v * s + c


def form(w_1, w_2, beta, x, y):
    return w_1 * x + w_2 * y + beta


# Proof.


def proof() -> Derivation:
    d = Derivation("two hidden units compute XOR")
    x, y, p, q = d.scalars("x y p q")
    bits = [d.given(zero(t * t - t), "a bit") for t in (x, y)]
    places = [d.given(r, "threshold") for r in (positive(p), less(p, 1), less(1, q), less(q, 2))]
    h_1, h_2, r_1, r_2 = d.scalars("h_1 h_2 r_1 r_2")
    steps, ramps = [], []
    for h, t in ((h_1, x + y - p), (h_2, x + y - q)):  # h = [t > 0], where t is never zero
        steps += [
            d.given(zero(h * h - h), "a threshold unit"),
            d.given(positive((2 * h - 1) * t), "which is on or off"),
        ]
    for r, t in ((r_1, x + y), (r_2, x + y - 1)):  # r = max(t, 0)
        ramps += [
            d.given(nonnegative(r), "a ramp"),
            d.given(at_least(r, t), "a ramp"),
            d.given(zero(r * (r - t)), "a ramp"),
        ]
    d.smt(d.goal(positive((2 * xor(x, y) - 1) * by_thresholds(h_1, h_2))), [*bits, *places, *steps])
    d.smt(d.goal(equal(by_ramps(r_1, r_2), xor(x, y))), [*bits, *ramps])

    # One unit. s_xy is the value of the activation at g_xy; that it does not decrease is used at two pairs of corners.
    w_1, w_2, beta, v, c = d.scalars("w_1 w_2 beta v c")
    s_00, s_01, s_10, s_11 = d.scalars("s_00 s_01 s_10 s_11")
    g_00, g_01, g_10, g_11 = (form(w_1, w_2, beta, i, j) for i, j in CORNERS)

    def monotone(premise, conclusion):
        return d.given(Statement((), (premise,), (conclusion,)), "the activation does not decrease")

    up, down = monotone(less(s_00, s_01), less(g_00, g_01)), monotone(less(s_01, s_00), less(g_01, g_00))
    rises, falls = (
        monotone(at_most(g_10, g_11), at_most(s_10, s_11)),
        monotone(at_most(g_11, g_10), at_most(s_11, s_10)),
    )
    above = d.given(less(output(v, s_00, c), output(v, s_01, c)), "the output rises from (0, 0) to (0, 1)")
    goal = d.goal(at_most(output(v, s_10, c), output(v, s_11, c)))

    branches = []
    plus = positive(v)
    for sign, first, second, low, high, order in (
        (d.suppose(plus, "positive weight"), up, rises, s_00, s_01, at_most(g_10, g_11)),
        (d.suppose(plus.negation, "no positive weight"), down, falls, s_01, s_00, at_most(g_11, g_10)),
    ):
        (forms,) = d.apply(first, {}, [d.smt(less(low, high), [sign, above])])[1]
        (values,) = d.apply(second, {}, [d.smt(order, [forms])])[1]
        branches.append((sign, d.smt(goal, [sign, values])))
    d.cases(branches)
    return d


# Check.

CORNERS = ((0, 0), (0, 1), (1, 0), (1, 1))
XOR = (0, 1, 1, 0)

MONOTONE: dict[str, Callable[[Fraction], Fraction]] = {
    "step": lambda t: Fraction(t > 0),
    "closed step": lambda t: Fraction(t >= 0),
    "relu": lambda t: max(t, Fraction(0)),
    "clip": lambda t: min(max(t, Fraction(0)), Fraction(1)),
    "cube": lambda t: t**3,
    "falling step": lambda t: Fraction(t < 0),
}
ACTIVATIONS = MONOTONE | {"square": lambda t: t * t, "bump": lambda t: max(1 - abs(t), Fraction(0))}


@dataclass(frozen=True)
class Unit:
    r"""One hidden unit, $v\, \sigma(w_1 x + w_2 y + \beta) + c$, and the thresholds of the two units.

    The theorem has an activation of `MONOTONE` and no `skip`, the weights of wires from the inputs to the output.
    """

    w: tuple[Fraction, Fraction]
    beta: Fraction
    activation: str = "step"
    v: Fraction = Fraction(1)
    c: Fraction = Fraction(0)
    skip: tuple[Fraction, Fraction] = (Fraction(0), Fraction(0))
    thresholds: tuple[Fraction, Fraction] = (HALF, 3 * HALF)

    def form(self, x: int, y: int) -> Fraction:
        return form(*self.w, self.beta, x, y)

    def hidden(self, x: int, y: int) -> Fraction:
        return ACTIVATIONS[self.activation](self.form(x, y))

    def output(self, x: int, y: int) -> Fraction:
        return output(self.v, self.hidden(x, y), self.c) + self.skip[0] * x + self.skip[1] * y


@st.composite
def units(draw) -> Unit:
    w_1, w_2, beta, v, c = (Fraction(draw(rationals())) for _ in range(5))
    p = draw(st.sampled_from([HALF, Fraction(1, 3), Fraction(9, 10), Fraction(1, 10**6)]))
    q = 1 + draw(st.sampled_from([HALF, Fraction(2, 3), Fraction(1, 10**6)]))
    return Unit((w_1, w_2), beta, draw(st.sampled_from(sorted(MONOTONE))), v, c, thresholds=(p, q))


def two_units(t: Unit) -> Verdict:
    """The two explicit networks, run on all four inputs."""
    step, ramp = MONOTONE["step"], MONOTONE["relu"]
    on = [by_thresholds(*(step(x + y - s) for s in t.thresholds)) > 0 for x, y in CORNERS]
    values = [by_ramps(ramp(Fraction(x + y)), ramp(Fraction(x + y - 1))) for x, y in CORNERS]
    found = f"thresholds give {[int(o) for o in on]}, ramps give {[str(r) for r in values]}"
    return decided(tuple(on) == XOR and tuple(values) == XOR, found)


def one_unit(t: Unit) -> Verdict:
    """The truth tables of u > 0 and u >= 0."""
    outputs = [t.output(*corner) for corner in CORNERS]
    tables = [tuple(int(o > 0) for o in outputs), tuple(int(o >= 0) for o in outputs)]
    return decided(XOR not in tables, f"u at {CORNERS} is {[str(o) for o in outputs]}")


def any_activation(t: Unit) -> Verdict:
    """What a monotone activation and an output weight can make of the form: a cut of its levels, either side on."""
    forms = [t.form(*corner) for corner in CORNERS]
    tables = {tuple(int(g >= level) for g in forms) for level in forms}
    return decided(not {XOR, tuple(1 - b for b in XOR)} & tables, "no cut of the levels is XOR or its negation")


def neighbours():
    """(a, b, c, d) with a + d = b + c: every corner a with either neighbour b."""
    for x, y in CORNERS:
        yield (x, y), (x, 1 - y), (1 - x, y), (1 - x, 1 - y)
        yield (x, y), (1 - x, y), (x, 1 - y), (1 - x, 1 - y)


def sides(t: Unit) -> Verdict:
    """Where the output rises along one side of the square, it does not fall along the opposite one."""
    return every(decided(t.output(*c) <= t.output(*d)) for a, b, c, d in neighbours() if t.output(*b) > t.output(*a))


def check(t: Unit) -> Verdict:
    return every([two_units(t), one_unit(t), sides(t), any_activation(t)])


def interpret(t: Unit) -> Model | None:
    """A corner of the square, and the square turned so that the output rises from (0, 0) to (0, 1)."""
    rising = next(((a, b, c, d) for a, b, c, d in neighbours() if t.output(*b) > t.output(*a)), None)
    if rising is None:
        return None
    step, ramp = MONOTONE["step"], MONOTONE["relu"]
    x, y = CORNERS[(t.w[0] > 0) + 2 * (t.w[1] > 0)]
    g = [t.form(*corner) for corner in rising]
    flip = -1 if t.activation == "falling step" else 1  # -sigma does not decrease
    s = [flip * t.hidden(*corner) for corner in rising]
    return Model(
        {
            "x": x,
            "y": y,
            "p": t.thresholds[0],
            "q": t.thresholds[1],
            **{f"h_{i}": step(x + y - s) for i, s in enumerate(t.thresholds, 1)},
            "r_1": ramp(Fraction(x + y)),
            "r_2": ramp(Fraction(x + y - 1)),
            "w_1": g[2] - g[0],
            "w_2": g[1] - g[0],
            "beta": g[0],
            "v": flip * t.v,
            "c": t.c,
            **{f"s_{i}{j}": value for (i, j), value in zip(CORNERS, s, strict=True)},
        }
    )


def stratum(t: Unit) -> str:
    levels = len({t.form(*corner) for corner in CORNERS})
    if 0 in (*t.w, t.v):
        return "a weight is zero"
    if t.form(0, 0) == 0 or any(t.form(*corner) == 0 for corner in CORNERS):
        return "the form vanishes at a corner"
    return "two corners tie" if levels < 4 else "generic"


def unit(w_1: int, w_2: int, beta: Fraction | int = 0, activation: str = "step", **change) -> Unit:
    return replace(Unit((Fraction(w_1), Fraction(w_2)), Fraction(beta), activation), **change)


def show(t: Unit) -> str:
    return "\n".join(f"u{corner} = {t.output(*corner)}, x xor y = {xor(*corner)}" for corner in CORNERS)


def everywhere(says: Callable[[int, int], bool]) -> Callable[[Unit], Verdict]:
    return lambda t: every(decided(says(x, y), f"at ({x}, {y})") for x, y in CORNERS)


def depends_on_both(t: Unit) -> bool:
    on = [t.output(*corner) > 0 for corner in CORNERS]
    return (on[:2] != on[2:]) and (on[::2] != on[1::2])


claim = Claim(
    __name__,
    __doc__,
    source=Citation(
        "yao2019theories",
        'slide "Multilayer Perceptrons (MLP) and Back-Propagation (BP) Algorithms": "MLP classifies XOR"',
    ),
    premises=(
        Premise(
            "monotone activation",
            "The activation of the single unit is monotone.",
            holds=lambda t: t.activation in MONOTONE,
            without=lambda: unit(1, -1, activation="square"),
            show=show,
        ),
        Premise(
            "no skip connection",
            "The output sees the hidden unit only: no wire from the inputs.",
            holds=lambda t: not any(t.skip),
            without=lambda: unit(1, 1, -3 * HALF, v=Fraction(-2), c=-HALF, skip=(Fraction(1), Fraction(1))),
            show=show,
        ),
        Premise(
            "thresholds",
            r"The thresholds lie between the counts: $0 < p < 1 < q < 2$.",
            holds=lambda t: 0 < t.thresholds[0] < 1 < t.thresholds[1] < 2,
            without=lambda: unit(0, 0, thresholds=(HALF, HALF)),
            show=lambda t: "h_1 = h_2, so h_1 - h_2 - 1/2 = -1/2 at every corner: constant, not XOR",
        ),
    ),
    derivation=proof,
    interpret=interpret,
    instances=units,
    check=check,
    stratum=stratum,
    beyond="the truth tables of both networks and of single units, and every cut of the levels of the affine form, hence every monotone activation",
    mutants=(
        Mutant(
            "ramps with weights one and minus one",
            r"$x \oplus y = \rho(x + y) - \rho(x + y - 1)$.",
            everywhere(lambda x, y: max(x + y, 0) - max(x + y - 1, 0) == xor(x, y)),
        ),
        Mutant(
            "thresholds with weights one and one",
            r"$x \oplus y = [h_1 + h_2 - \tfrac12 > 0]$.",
            everywhere(lambda x, y: (2 * ((x + y > HALF) + (x + y > 3 * HALF)) - 1 > 0) == xor(x, y)),
        ),
        Mutant(
            "one ramp suffices",
            r"$x \oplus y = [\rho(x + y) - \tfrac12 > 0]$.",
            everywhere(lambda x, y: (2 * max(x + y, 0) - 1 > 0) == xor(x, y)),
        ),
        Mutant(
            "strictly",
            "If $u(0, 1) > u(0, 0)$, then $u(1, 0) < u(1, 1)$.",
            lambda t: decided(t.output(0, 1) <= t.output(0, 0) or t.output(1, 0) < t.output(1, 1)),
            lambda: unit(1, 1, activation="clip"),
        ),
        Mutant(
            "one unit sees one input",
            "The truth table of one hidden unit does not depend on both inputs.",
            lambda t: decided(not depends_on_both(t)),
            lambda: unit(1, 1),
        ),
        Mutant(
            "rising on both sides",
            "If $u(0, 1) > u(0, 0)$, then $u(1, 0) > u(0, 0)$.",
            lambda t: decided(t.output(0, 1) <= t.output(0, 0) or t.output(1, 0) > t.output(0, 0)),
            lambda: unit(0, 1),
        ),
    ),
)
