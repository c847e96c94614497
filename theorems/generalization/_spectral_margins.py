r"""The spectral margin bound as functions: what it adds to the training risk, and how often it fails on finite problems."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
from flint import arb, fmpq
from hypothesis import strategies as st

from numerics.arithmetic.balls import ball, decide
from numerics.arithmetic.exact import Matrix, rational
from numerics.evidence.verdict import Verdict, at_most
from numerics.strategies import labels, matrices, rationals, sizes
from theorems.generalization._finite_learning import ACTIVATIONS, Learning, complexity, ramp


def sharp_excess(K, log_ratio, t, inverse_n):
    r"""$\frac{24K}n (1 + \ln\frac n{12K}) + t$ with $t = 2\sqrt{\ln(1/\delta)/(2n)}$ and the logarithm as given."""
    return 24 * K * inverse_n * (1 + log_ratio) + t


def paper_excess(kappa, log_n, t, inverse_n, inverse_root):
    r"""$8 n^{-3/2} + 36 \kappa \ln(n)/n + \frac32 t$ with $\kappa = 2 \|X\|_F \sqrt{\ln(2W^2)} R/\gamma$."""
    return 8 * inverse_n * inverse_root + 36 * kappa * log_n * inverse_n + 3 * t / 2


def confidence(t: Learning) -> arb:
    r"""$2\sqrt{\ln(1/\delta)/(2n)}$."""
    return 2 * ((1 / ball(t.delta)).log() / (2 * t.n)).sqrt()


def scale_of(t: Learning, norms: Sequence[tuple[arb, arb]], sample: Sequence[int]) -> arb:
    r"""$\|X\|_F \sqrt{\ln(2W^2)}\, R/\gamma$."""
    return t.data_norm(sample) * arb(2 * t.width**2).log().sqrt() * complexity(norms) / ball(t.gamma)


def sharp(t: Learning, scale: arb) -> arb | None:
    """What (sharp) adds to the training risk; `None` where it says nothing."""
    K = arb(2).sqrt() * scale
    if K.is_zero():
        return confidence(t)
    if not 12 * K <= t.n:
        return None
    return sharp_excess(K, (t.n / (12 * K)).log(), confidence(t), arb(fmpq(1, t.n)))


def paper(t: Learning, scale: arb) -> arb:
    n = arb(t.n)
    return paper_excess(2 * scale, n.log(), confidence(t), 1 / n, 1 / n.sqrt())


def losses(t: Learning) -> list[list[fmpq]]:
    return [[ramp(M, t.gamma) for M in row] for row in t.margins()]


def gaps(t: Learning) -> list[tuple[tuple[int, ...], fmpq, int, fmpq]]:
    """(sample, probability, network, error minus training risk). A tie counts as an error."""
    errors = [sum((rational(p) for p, M in zip(t.chances, row, strict=True) if M <= 0), fmpq(0)) for row in t.margins()]
    risks = losses(t)
    return [
        (s, p, j, errors[j] - sum((risks[j][i] for i in s), fmpq(0)) / len(s))
        for s, p in t.samples()
        for j in t.allowed(s)
    ]


def fails_rarely(t: Learning, excess) -> Verdict:
    """Whether the probability that some network of the class breaks the bound is at most delta, by enumeration."""

    def question(_: int) -> Verdict:
        known: dict[Any, arb | None] = {}
        bad: dict[tuple[int, ...], fmpq] = {}
        for s, p, j, gap in gaps(t):
            key = (tuple(sorted(s)), j if t.adaptive else None)
            if key not in known:
                known[key] = excess(t, scale_of(t, t.norms(key[1]), s))
            bound = known[key]
            if bound is None or gap <= 0:
                continue
            verdict = at_most(gap, bound)
            if verdict.undecided:
                return verdict
            if verdict.fails:
                bad[s] = p
        return at_most(sum(bad.values(), fmpq(0)), t.delta, "probability that the bound fails")

    return decide(question)


def coin(n: int = 1, delta: Fraction = Fraction(9, 10), **change: Any) -> Learning:
    """One input with both labels, and the two constant classifiers with margin 1."""
    networks = ((Matrix([["1/2"], ["-1/2"]]),), (Matrix([["-1/2"], ["1/2"]]),))
    t = Learning(Matrix([[1], [1]]), (0, 1), (Fraction(1, 2),) * 2, networks, n, Fraction(1), delta)
    return replace(t, **change)


def shown(t: Learning) -> str:
    """The numbers that show a counterexample."""
    lines = []
    for s, p, j, gap in gaps(t)[:4]:
        excess = sharp(t, scale_of(t, t.norms(j if t.adaptive else None), s))
        allowed = "nothing" if excess is None else excess.str(4, radius=False)
        drawn = f"point {s[0]}" + (f", {t.n} times" if t.copies else "") if len(s) == 1 else f"points {s}"
        lines.append(
            f"{drawn} (probability {p}), network {j}: error - training risk = {gap}, the bound allows {allowed}"
        )
    return "\n".join(lines)


# Problems.


@st.composite
def problems(draw) -> Learning:
    k = draw(sizes(1, 3))
    n = draw(sizes(1, 3 if k < 3 else 2))
    depth = draw(sizes(1, 2))
    widths = [draw(sizes(1, 2)) for _ in range(depth)] + [draw(sizes(2, 3))]
    count = draw(sizes(1, 3))
    classes = tuple(tuple(draw(matrices(widths[i + 1], widths[i])) for i in range(depth)) for _ in range(count))
    weights = [draw(sizes(1, 4)) for _ in range(k)]
    t = Learning(
        draw(matrices(k, widths[0])),
        draw(labels(k, widths[-1])),
        tuple(Fraction(w, sum(weights)) for w in weights),
        classes,
        n,
        Fraction(1),
        draw(st.sampled_from([Fraction(1, 100), Fraction(1, 10), Fraction(37, 100), Fraction(1, 2), Fraction(9, 10)])),
        references=draw(st.sampled_from([None, classes[0]])),
        activation=draw(st.sampled_from(sorted(ACTIVATIONS))),
    )
    # Margins at which the sharp form speaks, for most draws: K <= n/12 needs gamma >= 17 times the scale over n.
    factor = draw(st.sampled_from([Fraction(17), Fraction(40), Fraction(1, 3), Fraction(200)]))
    gamma = factor * Fraction(int(_rough_scale(t) * 16) + 1, 16 * n) + draw(rationals()) ** 2
    return replace(t, gamma=gamma)


def _rough_scale(t: Learning) -> float:
    """About the largest scale of a sample at gamma = 1, in floats: it only aims the draws."""
    norms = [(0.0, 0.0)] * t.depth
    for layers in t.networks:
        zeros = [W - W for W in layers]
        for i, (W, M) in enumerate(zip(layers, t.references or zeros, strict=True)):
            s = float(np.linalg.norm(W.to_numpy(), 2))
            b = float(np.linalg.norm((W - M).to_numpy(), axis=1).sum())
            norms[i] = (max(norms[i][0], s), max(norms[i][1], b))
    terms = [b * math.prod(s for j, (s, _) in enumerate(norms) if j != i) for i, (_, b) in enumerate(norms)]
    data = math.sqrt(t.n) * float(np.linalg.norm(t.inputs.to_numpy(), axis=1).max())
    return data * math.sqrt(math.log(2 * t.width**2)) * sum(x ** (2 / 3) for x in terms) ** 1.5


# For every network at once: norms rounded up to multiples of 1/depth, margins down to powers of 2.


def rounded_up(norm: arb, depth: int) -> int:
    r"""$\max(1, \lceil L\,\text{norm} \rceil)$; where the ball does not decide it, the next integer, which is as good."""
    count = (norm * depth).upper().ceil().unique_fmpz()
    assert count is not None
    return max(1, int(count))


def rounded_down(gamma: Fraction) -> int:
    r"""$\lfloor \log_2 \gamma \rfloor$."""
    e = gamma.numerator.bit_length() - gamma.denominator.bit_length()
    return e if Fraction(2) ** e <= gamma else e - 1


def inverse_share(counts: Sequence[int], e: int) -> int:
    r"""$3 \cdot 2^{|e|} \prod_c c(c+1)$: a cell gets $\delta$ divided by this."""
    result = 3 * 2 ** abs(e)
    for c in counts:
        result *= c * (c + 1)
    return result
