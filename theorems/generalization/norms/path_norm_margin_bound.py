r"""The error of any network of ReLU-like units, skip connections included, is bounded by its l1 path norm.

**Theorem.** Fix an acyclic graph of layers: linear ones (dense, convolution, average pooling, sums of several values, with biases),
activations of $a \ge 1$ positively homogeneous 1-Lipschitz kinds (identity not counted), and max-pooling. Let $D$ be the greatest number of activations on a
way from the input to the output, a max-pooling of windows of $m$ counting $\lceil \log_2 m \rceil$ (and the absolute value as one more
kind). Let $P(A)$ be the greatest path norm of the $k \ge 2$ outputs: the sum over all ways from an input, or from a bias, to
the output of the product of the absolute weights, where max-pooling sums over its window. Let $(x_1, y_1), \dots, (x_n, y_n)$ be independent
draws of $(x, y)$, $x \in \mathbb{R}^d$ (a constant 1 included where there are biases), $X_\infty = \max_j (\sum_i x_{ij}^2)^{1/2}$, and $0 < \delta < 1$. With
probability at least $1 - \delta$, for all weights $A$, all $\gamma > 0$ and all integers $e$ with $P(A) \le 2^e \gamma$,
$$\Pr[\operatorname{argmax} F_A(x) \ne y] \le \widehat R_\gamma(A) +
  \frac{4 k\, 2^e \sqrt{2 (D \ln (2a+1) + \ln (2d))}\, X_\infty}{n} + 2\sqrt{\frac{\ln(1/\delta) + \ln(i (i+1))}{2n}},$$
with $i = 2e$ for $e > 0$ and $i = 1 - 2e$ for $e \le 0$, and the ramp risk $\widehat R_\gamma$ of `generalization.spectral_margin_bound`.

**Idea.** Let $\pi_v$ be the path norm of unit $v$. By positive homogeneity $h_v/\pi_v = \sigma(\sum_u c_{vu} h_u/\pi_u)$ with
$\sum_u |c_{vu}| \le 1$: after rescaling every unit is an activation of an absolutely convex combination of units below it, whatever the
graph, and an output is $\pi$ times such a combination. So the classes $\mathcal N_0 = \{x_j\}$,
$\mathcal N_{i+1} = \mathcal N_i \cup \sigma(\operatorname{absconv} \mathcal N_i)$ hold all units. Peeling inside an exponential as in
`generalization.l1_margin_bound`, but with the old units kept: $E e^{\lambda Z_{i+1}} \le (1 + 2a) E e^{\lambda Z_i}$ for
$Z_i = \max_{h \in \mathcal N_i} |\sum_l \varepsilon_l h(x_l)|$. Since $\max(s, t) = \frac12(s + t + |s - t|)$, max-pooling is $\lceil\log_2 m\rceil$
levels of absolute values whose path norm is the sum over the window. Cited: the peeling step, moments of Rademacher sums, Maurer, and
what `generalization.frobenius_margin_bound` cites; the induction, the best $\lambda$, the union and the assembly are proved.

**Reading.** Gonon, Brisebarre, Riccietti and Gribonval have a bound of this kind for all such networks (with other constants); the argument here is
own. The path norm is at most the product of the l1 norms, often far below it, and it does not change when units are rescaled. The
path norm with squares, which calculators in use print, is no substitute.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from fractions import Fraction
from typing import Any

from flint import arb, ctx, fmpq
from hypothesis import strategies as st

from numerics.arithmetic.exact import Matrix, rational
from numerics.evidence.verdict import Verdict, at_most, every
from numerics.learning import norm_margins as finite
from numerics.learning.norm_margins import Norm, Search
from numerics.learning.problems import ACTIVATIONS, Layers, Learning
from numerics.learning.rademacher_sums import frobenius_columns, log_moment
from theorems import Citation, Claim, Mutant
from theorems.proof import Derivation
from theorems.proof.crosscheck import Model
from theorems.schemes import norm_margins as shared


def complexity(size, data_norm, root):
    r"""$P X_\infty \sqrt{2(D \ln(2a+1) + \ln(2d))}$ with the root as given."""
    return size * data_norm * root


# Proof.


def proof() -> Derivation:
    from theorems.cited import learning as cited
    from theorems.cited import path_peeling as path
    from theorems.cited import peeling as peel
    from theorems.proof import Indexed, at_least, at_most, calculus, equal, nonnegative, positive, zero
    from theorems.schemes import every_scale as scale

    d = Derivation("path norm")
    cell = scale.every_scale(d)
    D = d.index_constant("D", at_least="0")  # levels of activations
    H, W = d.family("H[i]: n h[i]", "i"), d.family("W[i]: h[i-1] h[i]", "i")
    z, b = (d.family(f"{name}[i]: 1 1", "i") for name in ["z", "b"])
    V = d.matrix("V_L: h[D] g")
    k, T, kappa, X, lam, root, level, kinds, base, inputs = d.scalars("k T kappa X lambda root level kinds base d")
    log_base, base_named = cited.logarithm_of(d, calculus.Var("base"))
    log_inputs, inputs_named = cited.logarithm_of(d, 2 * calculus.Var("d"))

    def each(relation, low="1"):
        return d.given(Indexed(relation, "i", low, D))

    n = cell.n
    grown, moments = (
        each(path.grows(H("i"), H("i-1"), W("i"), kinds)),
        each(peel.moment(z("i"), H("i"), n, level, "oo"), "0"),
    )
    counted, b_0 = each(equal(b("i"), b("i-1") + 1)), d.given(zero(b("0")))
    enough = d.given(equal(base, 2 * kinds + 1))
    seen = d.given(path.columns(H("0"), X, inputs))
    read = d.given(path.outputs(cell.outputs, H(D), V, kappa, cell.sample, n, k))
    taken = d.given(peel.largest(T, cell.outputs, cell.sample, n, k))
    lam_positive, scaled_by = d.given(positive(lam)), d.given(equal(level, lam * kappa))
    level_sign = d.given(nonnegative(level))
    root_value = d.given(equal(root**2, 2 * (b(D) * log_base + log_inputs)), "the root")
    best = d.given(equal(lam * kappa * X, root), "the best lambda")
    k_large = d.given(at_least(k, 2))

    def peeled_to(i):
        return at_most(2 * z(i), 2 * log_inputs + level**2 * X**2 + 2 * (b(i) * log_base))

    place = {"H": H("0"), "n": n, "X": X, "d": inputs, "a": level, "z": z("0"), "x": log_inputs}
    _, (first,) = d.axiom(path.START, place, [seen, d.at(moments, "0"), inputs_named, level_sign])
    j = d.index("g", "0", f"{D}-1")
    here = d.suppose(peeled_to("g"))
    place = {"G": H("g+1"), "H": H("g"), "W": W("g+1"), "n": n, "a": level, "y": z("g"), "z": z("g+1")}
    place |= {"kinds": kinds, "base": base, "x": log_base}
    facts = [d.at(grown, "g+1"), d.at(moments, "g+1"), d.at(moments, "g"), enough, base_named, level_sign]
    _, (peeled,) = d.axiom(path.PEEL, place, facts)
    step = d.squares(peeled_to("g+1"), [(1, here), (2, peeled)], [d.at(counted, "g+1")])
    whole = d.at(d.induction(j, here, step, d.squares(peeled_to("0"), [(1, first)], [b_0])), D)

    place = {"O": cell.outputs, "H": H(D), "V": V, "u": cell.sample, "n": n, "k": k, "M": kappa, "a": lam, "b": level}
    facts = [read, d.at(moments, D), scaled_by, taken, d.weaken(lam_positive, nonnegative(lam))]
    _, (jensen,) = d.axiom(path.READOUT, place | {"z": z(D), "T": T}, facts)
    bound = complexity(kappa, X, root)
    terms = [(1, jensen), (Fraction(1, 2), whole)]
    scaled = d.squares(at_most(lam * T, lam * bound), terms, [scaled_by, best, root_value], rounds=4)
    inverse, is_inverse = d.reciprocal(lam_positive, "1/lambda")
    inverse_positive = d.smt(positive(inverse), [lam_positive, is_inverse])
    small = d.squares(d.goal(at_most(T, bound)), [(1, inverse_positive, scaled)], [is_inverse], rounds=4)
    _, (bounded,) = d.axiom(peel.IS_A_BOUND, {"O": cell.outputs, "u": cell.sample, "n": n, "k": k, "T": T}, [taken])
    scale.close(d, cell, bound, k, T, bounded, small, d.smt(nonnegative(k), [k_large]))
    peel.evaluate_predicates(d)
    path.evaluate_predicates(d)
    return d


# Check.


@dataclass(frozen=True)
class Residual(Learning):
    """A `Learning` problem whose networks add the input of a hidden layer to its output where the shapes agree."""

    def scores(self) -> tuple[Matrix, ...]:
        act = ACTIVATIONS[self.activation]
        found = []
        for layers in self.networks:
            Z = self.inputs
            for W in layers[:-1]:
                Y = Z @ W.T
                Y = Matrix([[act(Y[a, b]) + self.shift for b in range(Y.cols)] for a in range(Y.rows)])
                Z = Y + Z if Y.cols == Z.cols else Y
            found.append(Z @ layers[-1].T)
        return tuple(found)


def absolute(W: Matrix) -> Matrix:
    return Matrix([[abs(W[i, j]) for j in range(W.cols)] for i in range(W.rows)])


def paths(layers: Layers, change: Callable[[Matrix], Matrix] = absolute, skip: bool = True) -> list[fmpq]:
    """The path norms of the outputs, by summing over ways."""
    p = Matrix([[1]] * layers[0].cols)
    for W in layers[:-1]:
        q = change(W) @ p
        p = q + p if skip and q.rows == p.rows else q
    p = change(layers[-1]) @ p
    return [p[i, 0] for i in range(p.rows)]


def size(layers: Layers) -> arb:
    return arb(max(paths(layers)))


def data_norm(t: Learning, sample: finite.Sample) -> arb:
    found = frobenius_columns([[t.inputs[i, j] for j in range(t.inputs.cols)] for i in sample])
    return found * arb(t.n // len(sample)).sqrt()


def squared_root(t: Learning) -> arb:
    return 2 * ((t.depth - 1) * arb(3).log() + arb(2 * t.inputs.cols).log())


def factor(t: Learning, sample: finite.Sample) -> arb:
    return complexity(arb(1), data_norm(t, sample), squared_root(t).sqrt())


NORM = Norm(size, factor)


def check(t: Search) -> Verdict:
    verdicts = [finite.check(t, NORM)]
    if t.problem.shift == 0:
        # No output is longer than the path norm times the longest entry of the input.
        for layers, Z in zip(t.problem.networks, t.problem.scores(), strict=True):
            for i in range(Z.rows):
                longest = max(abs(t.problem.inputs[i, j]) for j in range(t.problem.inputs.cols))
                verdicts += [at_most(abs(Z[i, c]), p * longest, "an output") for c, p in enumerate(paths(layers))]
    return every(verdicts)


def residual(problem: Learning) -> Residual:
    return Residual(**{f.name: getattr(problem, f.name) for f in fields(problem)})


def searches() -> st.SearchStrategy[Search]:
    return finite.searches().map(lambda t: replace(t, problem=residual(t.problem)))


def interpret(t: Search) -> Model | None:
    """Units divided by their path norms, of all networks together; cell 2 has all networks."""
    problem, gamma = t.problem, rational(t.gammas[0])
    with ctx.workprec(320):
        values = finite.interpret_cells(t)
        sample = values.pop("sample")
        assert isinstance(sample, tuple)
        X = data_norm(problem, sample)
        kappa = max(max(paths(layers)) for layers in problem.networks) / gamma
        if not (X > 0 and kappa > 0):
            return None
        act, width, depth = ACTIVATIONS[problem.activation], problem.inputs.cols, problem.depth
        # Units are columns on the sample; a state has for each hidden entry its coefficients in the units, times path norms.
        units = [[problem.inputs[i, j] for i in sample] for j in range(width)]
        states = [[{j: fmpq(1)} for j in range(width)] for _ in problem.networks]
        values["H[0]"] = _columns(units)
        for level in range(1, depth):
            weights: list[dict[int, fmpq]] = [{j: fmpq(1)} for j in range(len(units))]
            below = len(units)
            for number, layers in enumerate(problem.networks):
                W, state, new = layers[level - 1], states[number], []
                for r in range(W.rows):
                    mixed = _mixed([W[r, c] for c in range(W.cols)], state)
                    norm = sum((abs(x) for x in mixed.values()), fmpq(0))
                    if norm == 0:
                        new.append({})
                        continue
                    weights.append({j: x / norm for j, x in mixed.items()})
                    column = [
                        sum((x * units[j][i] for j, x in weights[-1].items()), fmpq(0)) for i in range(len(sample))
                    ]
                    new.append({len(units): norm})
                    units.append([act(x) for x in column])
                if len(new) == len(state):
                    new = [{**a, **b} for a, b in zip(new, state, strict=True)]
                states[number] = new
            values[f"H[{level}]"] = _columns(units)
            values[f"W[{level}]"] = _columns([[w.get(j, fmpq(0)) for j in range(below)] for w in weights])
        read = []
        for layers, state in zip(problem.networks, states, strict=True):
            W = layers[-1]
            for r in range(W.rows):
                mixed = _mixed([W[r, c] / gamma for c in range(W.cols)], state)
                read.append([mixed.get(j, fmpq(0)) for j in range(len(units))])
        root = squared_root(problem).sqrt()
        lam = root / (arb(kappa) * X)
        values |= {
            "V_L": _columns(read),
            "kappa": kappa,
            "X": X,
            "lambda": lam,
            "root": root,
            "level": lam * arb(kappa),
        }
        values |= {"kinds": 1, "base": 3, "d": width}
        for level in range(depth):
            H = values[f"H[{level}]"]
            assert isinstance(H, Matrix)
            values |= {f"z[{level}]": log_moment(H, problem.n, lam * arb(kappa), "oo"), f"b[{level}]": level}
        return Model(values, indices={"m": 2, "c": 2, "D": depth - 1})


def _columns(columns: Any) -> Matrix:
    return Matrix([list(row) for row in zip(*columns, strict=True)])


def _mixed(row: list[fmpq], state: list[dict[int, fmpq]]) -> dict[int, fmpq]:
    found: dict[int, fmpq] = {}
    for w, part in zip(row, state, strict=True):
        for j, x in part.items():
            found[j] = found.get(j, fmpq(0)) + w * x
    return found


# Colophon.


def variant(size: Callable[[Layers], arb]) -> Callable[[Search], Verdict]:
    return lambda t: finite.alone(t, Norm(size, factor))


def squared(layers: Layers) -> arb:
    """The root of the sum over ways of the squared products."""
    return arb(
        max(paths(layers, lambda W: Matrix([[W[i, j] ** 2 for j in range(W.cols)] for i in range(W.rows)])))
    ).sqrt()


def same_inputs(*hidden: Matrix, last: int = 1) -> Search:
    """The input (1, ..., 1), and networks that end in +-(sum of the entries)."""
    width = hidden[0].cols if hidden else 64
    t = finite.plus_minus(*hidden, Matrix([[last] * width]), inputs=Matrix([[1] * width] * 2))
    return replace(t, problem=residual(t.problem))


claim = Claim(
    __name__,
    __doc__,
    source=Citation("gonon2024path", "abstract"),
    also=(*shared.citations(), Citation("golowich2018size", "Theorem 2")),
    premises=shared.premises(NORM, homogeneous="units could not be divided by their path norms otherwise"),
    derivation=proof,
    interpret=interpret,
    instances=searches,
    check=check,
    stratum=finite.stratum,
    beyond="networks with skip connections: the expected suprema of every output over explicit classes, exactly, against size times "
    "factor; that no output is longer than the path norm allows; the probability that the bound fails",
    mutants=(
        Mutant(
            "squares", "The path norm may be the root of the sum of squares over ways.", variant(squared), same_inputs
        ),
        Mutant(
            "signed weights",
            "The path norm may sum products of signed weights.",
            variant(lambda layers: arb(max(paths(layers, lambda W: W)))),
            lambda: same_inputs(Matrix([[1, -1], [-1, 1]]), last=4),
        ),
        Mutant(
            "no skipped ways",
            "Ways along skip connections need not be counted.",
            variant(lambda layers: arb(max(paths(layers, skip=False)))),
            lambda: same_inputs(Matrix([[0, 0], [0, 0]])),
        ),
        Mutant(
            "no logarithm",
            r"The root $\sqrt{2(D\ln(2a+1) + \ln(2d))}$ may be $\frac12$.",
            lambda t: finite.alone(t, Norm(size, lambda p, s: data_norm(p, s) / 2)),
            same_inputs,
        ),
        *shared.common_mutants(),
    ),
)
