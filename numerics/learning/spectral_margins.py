r"""The spectral margin bound as functions: what it adds to the training risk, and how often it fails on finite problems."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
from flint import arb, fmpq
from hypothesis import strategies as st

from numerics.arithmetic.balls import ball
from numerics.evidence.verdict import Verdict
from numerics.learning.margins import failures_are_rare, gaps, good_sample, learnings
from numerics.learning.problems import Learning, complexity
from numerics.strategies import rationals

if TYPE_CHECKING:
    pass


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


def model(t: Learning) -> tuple[tuple[int, ...], dict[str, Any]] | None:
    """A good sample and the letters of the proof of (sharp); `None` where (sharp) says nothing."""
    s, values = good_sample(t, confidence(t))
    norms = t.norms()
    K = arb(2).sqrt() * scale_of(t, norms, s)
    if not (K > 0 and 12 * K <= t.n):
        return None
    return s, values | {"w": arb(2 * t.width**2).log(), "R": complexity(norms), "K": K}


def fails_rarely(t: Learning, excess: Callable[[Learning, arb], arb | None]) -> Verdict:
    """Whether the bound fails with probability at most delta; norms are those of the class, or of the network if `adaptive`."""
    return failures_are_rare(t, [t.gamma], lambda _, s, j: excess(t, scale_of(t, t.norms(j), s)), each=t.adaptive)


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


@st.composite
def problems(draw) -> Learning:
    t = draw(learnings())
    t = replace(t, references=draw(st.sampled_from([None, t.networks[0]])))
    # Margins at which the sharp form speaks, for most draws: K <= n/12 needs gamma >= 17 times the scale over n.
    factor = draw(st.sampled_from([Fraction(17), Fraction(40), Fraction(1, 3), Fraction(200)]))
    gamma = factor * Fraction(int(_rough_scale(t) * 16) + 1, 16 * t.n) + draw(rationals()) ** 2
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
