r"""Convolutions and residual networks obey the spectral margin bound with their kernels and parameter counts in it.

**Theorem.** Let a network be an acyclic graph of dense and convolution layers (any stride, dilation, groups, with zero padding, or with circular
padding by which no place of a kernel reads an entry twice), of layers without weights that are Lipschitz and map 0 to 0, and of sums of
values, with at least two outputs and no biases. For the linear layers $i = 1, \dots, L$ fix numbers $s_i, b_i \ge 0$, reference kernels $M_i$ and
$\gamma > 0$ before seeing the data. Let $W_i$ be the number
of parameters of layer $i$, $\|K\|_{2,1} = \sum_{o, p} (\sum_c K_{ocp}^2)^{1/2}$ over output channels $o$, places $p$ in the kernel and input
channels $c$; let $\Gamma_i$ bound the Lipschitz constant from the input to what layer $i$ reads and $\Lambda_i$ that from its output
to the output, both computed with $s_j$ for layer $j$ (products along ways, added up where values are summed). With probability at
least $1 - \delta$ over $n$ independent examples, all weights with $\|A_i\|_\sigma \le s_i$ (as operators) and $\|K_i - M_i\|_{2,1} \le b_i$
satisfy both

(norms) with $R = (\sum_i (\Gamma_i \Lambda_i b_i)^{2/3})^{3/2}$ and $K = \sqrt2\, \|X\|_F \sqrt{\ln (2 \max_i W_i)}\, R/\gamma$, if $0 < K \le n/12$,
$$\Pr[\operatorname{argmax} F(x) \ne y] \le \widehat R_\gamma +
  \frac{24K}n \Big(1 + \ln\frac n{12K}\Big) + 2\sqrt{\frac{\ln(1/\delta)}{2n}},$$

(parameters) with $K_i = 4\sqrt2\, L\, \|X\|_F \Gamma_i \Lambda_i b_i/(\gamma \sqrt n)$,
$$\Pr[\operatorname{argmax} F(x) \ne y] \le \widehat R_\gamma +
  \frac6{\sqrt n} \Big(\sum_i 2 W_i \big(\ln(2 + K_i^2) + 2\big)\Big)^{1/2} + 2\sqrt{\frac{\ln(1/\delta)}{2n}} .$$
Both hold for all weights and margins at once with the numbers and the price $C$ of
`generalization.spectral_margin_bound_for_every_network`.

**Idea.** With $X_c$ the channel $c$ of the data, a convolution is $\sum K_{ocp}\, T_{ocp} X_c$ with shifts $T_{ocp}$ of norm at most 1, so it
lies in $b \|X\|_F$ times the convex hull of the $2W$ functions $\pm T_{ocp} X_c/\|X_c\|$, because $\sum_c |K_{ocp}| \|X_c\| \le
(\sum_c K_{ocp}^2)^{1/2} \|X\|_F$. Maurey's lemma covers it: $\ln N \le \lceil b^2\|X\|_F^2/\varepsilon^2 \rceil \ln(2W)$, and also
$2W \ln(1 + \lceil b^2\|X\|_F^2/\varepsilon^2\rceil)$, since $k$ draws are counts in $\{0, \dots, k\}$. Replacing the layers one by one, layer $i$
sees data of norm $\Gamma_i\|X\|_F$ and its error is stretched by $\Lambda_i$. The first count and the best split of $\varepsilon$ give
(norms) as in `generalization.spectral_margin_bound`; the second, an equal split, Jensen's inequality in Dudley's integral and
$\int_0^1 \ln(2 + K^2/\tau^2) d\tau \le \ln(2 + K^2) + 2$ give (parameters). Cited are the two covering theorems (Graf et al., with the
repairs of that page), Dudley, contraction, McDiarmid and symmetrisation.

**Reading.** Theorem 3.5 of Graf, Zeng, Rieck, Niethammer and Kwitt has $4/n + 12 H_{n-1} \sqrt{\ln(2W)/n}\, (\sum_i \lceil C_i^{2/3}\rceil)^{3/2}$ and
$\frac{12}{\sqrt n} (\sum_i 2W_i \ln(1 + \lceil L^2 C_i^2\rceil) + \psi)^{1/2}$ for the Rademacher average, $C_i = \frac4\gamma \frac{\|X\|}{\sqrt n} \prod_j s_j\, b_i/s_i$;
here losses are centred, which divides the second by 4, and no ceiling is needed in the first. A convolution taken as a dense matrix has the sum of its
rows over all output positions for $b$; the kernel's norm has no positions in it. A calculator that reshapes the kernel for
$\|A_i\|_\sigma$ is wrong the other way: its product is too small.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from flint import arb, ctx, fmpq
from hypothesis import strategies as st

from numerics.arithmetic import balls
from numerics.arithmetic.balls import ball, decide
from numerics.arithmetic.exact import Matrix
from numerics.evidence.verdict import Verdict, at_least, at_most, every
from numerics.learning.margins import DELTAS, coin, distributions, losses
from numerics.learning.problems import (
    ACTIVATIONS,
    Layers,
    Learning,
    entropy_constant,
    norm_21_rows,
    rademacher,
)
from numerics.learning.spectral_margins import confidence, fails_rarely, model, scale_of, sharp, sharp_excess
from numerics.strategies import labels, matrices, rationals, sizes
from theorems import Citation, Claim, Mutant, Premise
from theorems.cited import coverings
from theorems.proof import Derivation
from theorems.proof.crosscheck import Model
from theorems.schemes import premises


def parameter_excess(root, t, inverse_root):
    r"""$6\,\text{root}/\sqrt n + t$ with root$^2 = \sum_i 2W_i(\ln(2 + K_i^2) + 2)$."""
    return 6 * root * inverse_root + t


# Proof.


def proof() -> Derivation:
    from theorems.cited import learning as cited
    from theorems.proof import at_most, equal, nonnegative, positive
    from theorems.schemes import chaining
    from theorems.schemes.every_scale import DEVIATION

    d = Derivation("covering of layered networks")
    mu, F, P, G, N, H, Z, u, v = d.matrices(
        "mu: k 1", "F: k r", "P: q 1", "G: q 1", "N: q 1", "H: h r", "Z: k d", "u: q 1", "v: r 1"
    )
    n, delta, t, p, log_delta = d.scalars("n delta t p ln(delta)")
    err, risk, gamma, x, w, R, S, s, K = d.scalars("err risk gamma x w R S s K")
    n_positive = d.given(positive(n))
    r = chaining.roots(d, n_positive)
    m, nu = r.m, r.nu

    rad, unit, marked = d.given(cited.averages(N, F, n)), d.given(cited.losses(F)), d.given(cited.marked(u))
    facts = [n_positive, rad, unit, d.given(cited.samples(P, mu, n)), d.given(cited.deviations(G, F, mu, n))]
    facts += [
        d.given(cited.logarithm(log_delta, delta)),
        d.given(nonnegative(t)),
        d.given(equal(n * t**2, -2 * log_delta)),
    ]
    facts += [d.given(cited.beyond(p, G - 2 * N, P, t)), d.given(cited.average(risk, F, v, u, n))]
    facts.append(d.given(at_most(u.T @ (G - 2 * N), t), "the sample is not among the bad ones"))
    costs = d.given(at_most(err, mu.T @ F @ v), "errors are below the ramp: generalization.margins_and_ramp")
    place = {"mu": mu, "F": F, "P": P, "G": G, "N": N, "u": u, "v": v, "n": n, "delta": delta, "x": log_delta}
    place |= {"t": t, "p": p}
    d.goal(at_most(p, delta))
    _, (_, deviates) = d.lemma(DEVIATION, place | {"risk": risk}, facts)
    excess = d.squares(at_most(err, risk + 2 * (u.T @ N) + t), [(1, costs), (1, deviates)])

    bounded, ramped = d.given(coverings.structured(H, Z, u, n, x, w, R, S, gamma)), d.given(cited.ramps(F, H, gamma))
    gamma_positive, K_positive = d.given(positive(gamma)), d.given(positive(K))
    K_value, K_small = (
        d.given(equal(K**2 * gamma**2, 2 * x**2 * w * R**2), "definition of K"),
        d.given(at_most(12 * K, n)),
    )
    place = {"H": H, "Z": Z, "u": u, "n": n, "x": x, "w": w, "R": R, "S": S, "gamma": gamma}
    _, (outputs,) = d.axiom(coverings.COVERING_LAYERS, place, [bounded])
    place |= {"F": F, "N": N, "m": m, "s": s}
    lipschitz = {"F": F, "H": H, "u": u, "n": n, "gamma": gamma, "a": x**2 * w * R**2, "c": K**2}
    _, (entropy,) = d.axiom(cited.CONTRACTION, lipschitz, [ramped, outputs, gamma_positive, K_value])

    average = chaining.Average(F, N, u, [unit, rad, marked])
    h, chained = chaining.sharply_chained(d, r, average, K_positive, K_small, entropy)
    goal = d.goal(at_most(err, risk + sharp_excess(K, h, t, nu)))
    d.squares(goal, [(1, excess), (2, chained, r.nu_positive)], [r.inverse_n, r.inverse_root], rounds=4)

    s_sign, s_value = d.given(nonnegative(s)), d.given(equal(s**2, S))
    facts = [
        bounded,
        ramped,
        rad,
        marked,
        gamma_positive,
        d.weaken(r.m_positive, nonnegative(m)),
        r.root_n,
        s_sign,
        s_value,
    ]
    _, (counted,) = d.axiom(coverings.COUNTING_PARAMETERS, place, facts)
    goal = d.goal(at_most(err, risk + parameter_excess(s, t, r.root)))
    d.squares(goal, [(1, excess), (2, r.nu_positive, counted)], [r.inverse_n, r.inverse_root, r.root_n], rounds=5)
    cited.evaluate_predicates(d)
    d.model_predicate(
        bounded.relation.predicate, lambda H, Z, u, n, x, w, R, S, gamma: bool(R >= 0 and S >= 0 and w > 0)
    )
    return d


# Check.


@dataclass(frozen=True)
class Structured(Learning):
    """Networks of 1-D convolutions of one channel (kernels of 3, zero padding, so that lengths stay) and a dense last layer.

    `networks` holds the operators, `kernels` the kernels and the last matrix. With `skip` every convolution adds what it reads.
    """

    kernels: tuple[Layers, ...] = ()
    skip: bool = False
    reshaped: bool = False  # norms of kernels in the place of those of operators: a mutant

    @property
    def width(self) -> Any:  # type: ignore[override]
        r"""$\\sqrt W$, so that $\\ln(2 \\text{width}^2) = \\ln(2W)$ where the spectral bound has its width."""
        return arb(max(K.rows * K.cols for K in self.kernels[0])).sqrt()

    def scores(self) -> tuple[Matrix, ...]:
        act = ACTIVATIONS[self.activation]
        found = []
        for layers in self.networks:
            Z = self.inputs
            for A in layers[:-1]:
                Y = Z @ A.T
                Y = Matrix([[act(Y[a, b]) + self.shift for b in range(Y.cols)] for a in range(Y.rows)])
                Z = Y + Z if self.skip else Y
            found.append(Z @ layers[-1].T)
        return tuple(found)

    def _layer(self, chosen: Sequence[Layers], i: int) -> tuple[arb, arb]:
        """What a layer stretches by, 1 more with a skip connection, and the (2,1) norm of its kernel."""
        s, b = arb(0), arb(0)
        for layers, kernels in zip(self.networks, self.kernels, strict=True):
            if layers in chosen:
                s = s.max(balls.spectral_norm(kernels[i] if self.reshaped else layers[i]))
                b = b.max(norm_21_rows(kernels[i] if i == self.depth - 1 else kernels[i].T))
        return s + int(self.skip and i < self.depth - 1), b


def operator(kernel: Matrix, length: int) -> Matrix:
    """The matrix of a convolution with a row of 3 weights and zero padding 1."""
    return Matrix([[kernel[0, j - i + 1] if 0 <= j - i + 1 < 3 else 0 for j in range(length)] for i in range(length)])


@functools.lru_cache(maxsize=4096)
def summed(t: Structured, sample: tuple[int, ...]) -> arb:
    r"""$\\sum_i 2W_i(\\ln(2 + K_i^2) + 2)$."""
    norms = t.norms()
    total = arb(0)
    for i, (_, b) in enumerate(norms):
        reach = b
        for j, (s, _) in enumerate(norms):
            reach = reach * (s if j != i else 1)
        K = 4 * arb(2).sqrt() * t.depth * t.data_norm(sample) * reach / (ball(t.gamma) * arb(t.n).sqrt())
        kernel = t.kernels[0][i]
        total += 2 * kernel.rows * kernel.cols * ((2 + K**2).log() + 2)
    return total


def parameters(t: Structured, sample: tuple[int, ...]) -> arb:
    return parameter_excess(summed(t, sample).sqrt(), confidence(t), 1 / arb(t.n).sqrt())


def steps(t: Structured) -> Verdict:
    """Entropies of the losses and Rademacher averages on every sample, exactly, against both forms."""
    F, verdicts = losses(t), []
    for s, _ in t.samples():
        if list(s) != sorted(s):
            continue
        entropy, average = entropy_constant([[f[i] for i in s] for f in F[:3]]), rademacher(F, s)

        def question(_: int, s: tuple[int, ...] = s, entropy: arb = entropy, average: fmpq = average) -> Verdict:
            K = arb(2).sqrt() * scale_of(t, t.norms(), s)
            found = [] if entropy.is_zero() else [at_most(entropy, K**2, "covering theorem")]
            found.append(at_most(average, 3 * (summed(t, s) / t.n).sqrt(), "counting parameters"))
            return every(found)

        verdicts.append(decide(question))
    return every(verdicts)


def integral_obeys(K: Fraction, extra: int = 2) -> Verdict:
    """Upper sums of the integral of ln(2 + K^2/t^2) over (0, 1) against ln(2 + K^2) + 2; ln(1/t^2) has the integral 2 on (0, 1)."""

    def question(_: int) -> Verdict:
        k2, cells = ball(K) ** 2, 200
        # ln(2 + K^2/t^2) = ln(2 t^2 + K^2) + 2 ln(1/t); the first increases.
        upper = sum(((2 * (arb(i) / cells) ** 2 + k2).log() for i in range(1, cells + 1)), arb(0)) / cells + 2
        return at_most(upper, (2 + k2).log() + extra, "integral")

    return decide(question)


def integral_below(K: Fraction) -> Verdict:
    """Whether lower sums of that integral are above ln(2 + K^2)."""

    def question(_: int) -> Verdict:
        k2, cells = ball(K) ** 2, 200
        lower = sum(((2 * (arb(i) / cells) ** 2 + k2).log() for i in range(cells)), arb(0)) / cells + 2
        return at_least(lower, (2 + k2).log(), "integral")

    return decide(question)


def check(t: Structured) -> Verdict:
    verdicts = [fails_rarely(t, sharp)]
    if not (t.copies or t.shift):
        verdicts += [steps(t), integral_obeys(t.gamma)]
        for layers in t.networks:
            for A, K in zip(layers[:-1], t.kernels[t.networks.index(layers)], strict=False):
                # The operator of a kernel is no longer than the sum of its weights, a shift being a contraction.
                total = sum((abs(K[0, j]) for j in range(K.cols)), fmpq(0))
                verdicts.append(at_least(arb(total) * (1 + arb(2) ** -40), balls.spectral_norm(A), "shifts"))
    return every(verdicts)


@st.composite
def problems(draw) -> Structured:
    k, n, length, depth = draw(sizes(1, 3)), draw(sizes(1, 2)), draw(sizes(1, 3)), draw(sizes(1, 3))
    outputs = draw(sizes(2, 3))
    kernels = tuple(
        (*(draw(matrices(1, 3)) for _ in range(depth - 1)), draw(matrices(outputs, length)))
        for _ in range(draw(sizes(1, 3)))
    )
    gamma = draw(st.sampled_from([Fraction(1), Fraction(50), Fraction(2000)])) * (draw(rationals()) ** 2 or 1)
    return Structured(
        draw(matrices(k, length)),
        draw(labels(k, outputs)),
        draw(distributions(k)),
        tuple(_operators(layers, length) for layers in kernels),
        n,
        gamma,
        draw(st.sampled_from(DELTAS)),
        activation=draw(st.sampled_from(sorted(ACTIVATIONS))),
        kernels=kernels,
        skip=draw(st.booleans()),
    )


def _operators(layers: Layers, length: int) -> Layers:
    return (*(operator(K, length) for K in layers[:-1]), layers[-1])


def interpret(t: Structured) -> Model | None:
    with ctx.workprec(320):
        found = None if len(t.networks) > 3 else model(t)
        if found is None:
            return None
        s, values = found
        S = summed(t, s)
        return Model(values | {"ln(delta)": ball(t.delta).log(), "S": S, "s": S.sqrt()})


def stratum(t: Structured) -> str:
    if t.inputs.is_zero():
        return "all inputs are zero"
    return "residual" if t.skip and t.depth > 1 else "generic"


# Colophon.


def convolved(**change: Any) -> Structured:
    """One class, the input (1, 1, 1), the kernel (1, 1, 1) and outputs +-(sum)."""
    kernels = tuple((Matrix([[1, 1, 1]]), Matrix([[s] * 3, [-s] * 3])) for s in (1, -1))
    t = coin(inputs=Matrix([[1] * 3] * 2))
    made = Structured(
        t.inputs,
        t.labels,
        t.chances,
        tuple(_operators(k, 3) for k in kernels),
        1,
        Fraction(1),
        Fraction(9, 10),
        kernels=kernels,
    )
    return replace(made, **change)


def stretches(t: Structured) -> Verdict:
    """That the operators stretch by no more than the norms in use say."""
    return every(
        at_most(balls.spectral_norm(A), t.norms()[i][0]) for layers in t.networks for i, A in enumerate(layers[:-1])
    )


def skipped(t: Structured) -> Verdict:
    """That outputs are at most the product of the norms times the input, without counting skip connections."""
    product = arb(1)
    for s, _ in replace(t, skip=False).norms():
        product *= s
    return every(
        at_most(arb(Z[i, :].squared_norm()), product**2 * arb(t.inputs[i, :].squared_norm()) * (1 + arb(2) ** -40))
        for Z in t.scores()
        for i in range(Z.rows)
    )


def tossed() -> Structured:
    flat = convolved(n=25_000_000, gamma=Fraction(6), delta=Fraction(2, 5), copies=True)
    dense = tuple((layers[-1],) for layers in flat.networks)
    return replace(flat, networks=dense, kernels=dense)


def shown(t: Structured) -> str:
    excess = sharp(t, scale_of(t, t.norms(), (0,)))
    assert excess is not None
    return f"a point drawn {t.n} times: error - training risk = 1/2 or more, the bound allows {excess.str(4, radius=False)}"


claim = Claim(
    __name__,
    __doc__,
    source=Citation("graf2022measuring", "Theorem 3.5"),
    also=(
        Citation("bartlett2017spectrally", "Lemma 3.1 and Theorem 3.3"),
        Citation("shalev2014understanding", "Theorem 26.5"),
    ),
    premises=(
        premises.independent(without=tossed, show=shown),
        Premise(
            "zero to zero",
            "Every layer maps 0 to 0; no layer has a bias.",
            holds=lambda t: t.shift == 0,
            kind="unknown",
            why="it is needed for the dense case (generalization.spectral_margin_bound); no convolution that shows it was sought",
        ),
        Premise(
            "fixed before the data",
            r"The numbers $s_i$, $b_i$, $\gamma$ and the references are chosen before the data is seen.",
            holds=lambda t: not t.adaptive,
            kind="unknown",
            why="needed for dense layers (generalization.spectral_margin_bound), of which this is the general case",
        ),
        Premise(
            "positive margin",
            r"$\gamma > 0$ and $0 < \delta < 1$.",
            holds=lambda t: t.gamma > 0 and 0 < t.delta < 1,
            kind="typing",
            why="the ramp divides by gamma, and delta is a probability",
        ),
    ),
    derivation=proof,
    interpret=interpret,
    instances=problems,
    check=check,
    stratum=stratum,
    beyond="entropies of the losses of explicit networks with convolutions and skip connections, and their Rademacher averages, against both "
    "forms; the integral of the parameter form by upper sums; that a shift is a contraction",
    mutants=(
        Mutant(
            "reshaped kernel",
            r"$\|A_i\|_\sigma$ may be the norm of the kernel as a matrix.",
            stretches,
            lambda: convolved(reshaped=True),
        ),
        Mutant(
            "skip connections are free",
            "A layer with a skip connection stretches by $s_i$, not $s_i + 1$.",
            skipped,
            lambda: convolved(skip=True),
        ),
        Mutant(
            "integral without 2",
            r"$\int_0^1 \ln(2 + K^2/\tau^2) d\tau \le \ln(2 + K^2)$.",
            lambda t: ~integral_below(Fraction(1)),
            convolved,
        ),
        Mutant(
            "no complexity",
            r"With probability $1 - \delta$, all errors are at most $\widehat R_\gamma + 2\sqrt{\ln(1/\delta)/(2n)}$.",
            lambda t: fails_rarely(t, lambda t, _: confidence(t)),
            convolved,
        ),
    ),
)
