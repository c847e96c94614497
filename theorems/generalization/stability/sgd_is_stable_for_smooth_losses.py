r"""Stochastic gradient descent on smooth losses is stable for as long as its late steps are short.

**Theorem.** Let $f(\cdot; z)$ be $\beta$-smooth and $L$-Lipschitz on $\mathbb R^d$ with values in $[0, 1]$ (convex or not) for
every $z$, and let $w_t = w_{t-1} - \alpha_t \nabla f(w_{t-1}; z_{i_t})$, $1 \le t \le T$, with $\alpha_t \ge 0$ and $i_t$ drawn
independently and uniformly from $\{1, \dots, n\}$, $n \ge 2$. For two samples that differ in one example, run from the same
start with the same indices, every $z$ and every integer $0 \le t_0 \le T$,
$$|E f(w_T; z) - E f(w'_T; z)| \le \frac{t_0}n + \frac{2L^2}{\beta(n-1)} \Big(\prod_{t=t_0+1}^T
  \big(1 + (1 - \tfrac1n)\alpha_t\beta\big) - 1\Big).$$
If $\alpha_t \le c/t$ and $t_0 \ge 1$, the product is at most $(T/t_0)^{\beta c}$. So for independent examples
$|E[R(w_T) - R_S(w_T)]|$, the gap in *expectation* over sample and indices, is at most the least of these numbers.

**Idea.** With probability at least $1 - t_0/n$ the differing example is not drawn in the first $t_0$ steps; else the losses differ
by at most 1. From then on, the distance of the runs grows at most by the factor $1 + \alpha\beta$ in a step with one and the
same example, because gradients are $\beta$-Lipschitz, and by $2\alpha L$ in a step with the two different ones, which has
probability $1/n$ whatever happened before. So the mean distance satisfies
$\Delta_t \le (1 + (1-\frac1n)\alpha_t\beta)\Delta_{t-1} + \frac{2\alpha_t L}n$, and $\Delta + K$ with $K = \frac{2L}{\beta(n-1)}$ is
multiplied by $1 + (1-\frac1n)\alpha_t\beta$ at most. For $\alpha_t \le c/t$, each factor is at most
$1 + \frac{\beta c}t \le (\frac t{t-1})^{\beta c}$, because $\ln\frac t{t-1} \ge \frac1t$. The last sentence is
`generalization.stability_bounds_the_expected_gap`. Cited: that inequalities on every path hold in the mean.

**Reading.** With $t_0$ a real number and the terms $-1$ and $1 - \frac1n$ dropped, the best $t_0$ is
$(2cL^2)^{1/(\beta c+1)} T^{\beta c/(\beta c+1)}$ (with $n - 1$ in place of the first $n$), and the bound becomes
$\frac{1 + 1/(\beta c)}{n-1} (2cL^2)^{1/(\beta c+1)} T^{\beta c/(\beta c+1)}$, as Hardt, Recht and Singer print it. Their
$t_0$ has to be an integer, though; rounding it up costs at most $1/n$, and that is what can be said here. With
constant steps the product is exponential in $\alpha\beta T$. $L$, $\beta$ and the steps are what the caller says; for a ReLU
network $\beta$ does not exist.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

from flint import fmpq
from hypothesis import strategies as st

from numerics.arithmetic.exact import Matrix, rational
from numerics.dynamics.sgd_runs import Example, Run
from numerics.evidence.verdict import Verdict, at_most, equal, every
from numerics.strategies import sizes
from theorems import Citation, Claim, Mutant, Premise, Tight
from theorems.cited import sgd
from theorems.proof import Derivation
from theorems.proof.crosscheck import Model
from theorems.schemes import premises


def gap_bound(share, L, K, growth):
    r"""$\frac{t_0}n + L K (\prod - 1)$ with $K = \frac{2L}{\beta(n-1)}$."""
    return share + L * K * (growth - 1)


# Proof.


def proof() -> Derivation:
    from theorems.proof import at_least, at_most, calculus, equal, nonnegative, positive
    from theorems.proof.sums import each
    from theorems.schemes.sgd_steps import step_with_different_examples

    d = Derivation("SGD on smooth losses is stable")
    D, h = d.matrices("D: d 1", "h: d 1")
    a, beta, L = d.scalars("a beta L")
    beta_positive, a_sign, L_sign = d.given(positive(beta)), d.given(nonnegative(a)), d.given(nonnegative(L))

    # One step with the same example: beta (|D| + ...)^2, with beta^2 |D|^2 >= |h|^2.
    smooth = d.given(at_most(h.squared_norm(), beta**2 * D.squared_norm()), "gradients differ by at most beta |D|")
    inverse, unit = d.reciprocal(beta_positive, "1/beta")
    inverse_positive = d.smt(positive(inverse), [beta_positive, unit])
    same = d.goal(at_most((D - a * h).squared_norm(), (1 + a * beta) ** 2 * D.squared_norm()))
    terms = [(1, a_sign, inverse_positive, beta * D + h), (1, a_sign, inverse_positive, smooth), (1, smooth, a)]
    d.squares(same, terms, [unit], rounds=6)
    step_with_different_examples(d, D, a, L, a_sign, L_sign)

    # The steps after t_0: R[t] holds the distances on the paths, Y[t] is the product of the growth factors.
    T = d.index_constant("T")
    R, c = (d.family(f"{name}[i]: p 1", "i") for name in "Rc")
    s, Y = (d.family(f"{name}[i]: 1 1", "i") for name in "sY")
    paths = d.matrix("e: p 1")
    n, nu, K, eps, early, t0 = d.scalars("n nu K epsilon p t_0")
    n_large = d.given(at_least(n, 2))
    n_positive = d.smt(positive(n), [n_large])
    inverse_n = d.given(equal(n * nu, 1))
    K_value = d.given(equal((n - 1) * beta * K, 2 * L), "definition of K")
    start = d.given(equal(paths.T @ R("0"), 0), "the runs are together after t_0 steps")
    steps = each(d, sgd.smooth_step(R("i-1"), R("i"), c("i"), s("i"), beta, L), T)
    draws = each(d, sgd.independent(c("i"), R("i-1"), paths, nu), T)
    sizes_ = each(d, nonnegative(s("i")), T)
    one = d.given(equal(Y("0"), 1))
    growth = each(d, equal(Y("i"), Y("i-1") * (1 + (1 - nu) * s("i") * beta)), T)
    nu_small = d.smt(nonnegative(1 - nu), [n_large, inverse_n])

    def mean(i):
        return at_most(paths.T @ R(i) + K, K * Y(i))

    index = d.index("j", "0", "T-1")
    supposed = d.suppose(mean("j"))
    place = {"R": R("j"), "Q": R("j+1"), "c": c("j+1"), "e": paths, "a": s("j+1"), "beta": beta, "L": L, "nu": nu}
    _, (grown,) = d.axiom(sgd.MEANS_OF_INDEPENDENT_STEPS, place, [d.at(steps, "j+1"), d.at(draws, "j+1")])
    # 2 a L nu = (1 - nu) a beta K
    shift = d.algebra(equal(2 * L * nu, (1 - nu) * beta * K), [K_value, inverse_n], rounds=4)
    terms = [(1, grown), (1, supposed), (1, supposed, nu_small, d.at(sizes_, "j+1"), beta_positive)]
    step = d.squares(mean("j+1"), terms, [d.at(growth, "j+1"), shift], rounds=6)
    whole = d.at(d.induction(index, supposed, step, d.squares(mean("0"), [], [start, one])), T)
    d.weaken(whole, d.goal(mean(T)))
    soon = d.given(at_most(n * early, t0), "p, the probability that the example is drawn in the first t_0 steps")
    loss = d.given(at_most(eps, early + L * (paths.T @ R(T))), "values in [0, 1], and L-Lipschitz")
    goal = d.goal(at_most(eps, gap_bound(t0 * nu, L, K, Y(T))))
    nu_positive = d.smt(positive(nu), [n_positive, inverse_n])
    d.squares(goal, [(1, loss), (1, L_sign, whole), (1, nu_positive, soon)], [inverse_n], rounds=4)

    # A factor of the product, for steps c/t: 1 + q/t <= (t/(t-1))^q with q = beta c.
    exponent, t = d.scalars("q' t")
    q_, t_, x_ = (calculus.Var(v) for v in ("q'", "t", "z"))
    signs = [d.given(positive(exponent)), d.given(positive(t - 1))]
    power = calculus.exp(q_ * calculus.log(t_ / (t_ - 1)))
    lower = d.calculus_increasing(x_, "z", 1 + q_ / t_, power, signs)
    d.squares(d.goal(at_least(d.term(power), d.term(1 + q_ / t_))), [(1, lower)])
    evaluate_predicates(d)
    return d


def evaluate_predicates(d: Derivation) -> None:
    def is_stepped(R: Matrix, Q: Matrix, c: Matrix, a: Any, beta: Any, L: Any) -> bool:
        return all(
            Q[i, 0] <= (R[i, 0] + 2 * a * L if c[i, 0] == 1 else (1 + a * beta) * R[i, 0]) and c[i, 0] in (0, 1)
            for i in range(R.rows)
        )

    def is_drawn(c: Matrix, R: Matrix, e: Matrix, nu: Any) -> bool:
        """For each value of R, the share of paths with c = 1 is nu."""
        weights: dict[Any, list[fmpq]] = {}
        for i in range(c.rows):
            pair = weights.setdefault(R[i, 0], [fmpq(0), fmpq(0)])
            pair[0] += e[i, 0]
            pair[1] += e[i, 0] * c[i, 0]
        return sum(e.entries()) == 1 and min(e.entries()) >= 0 and all(x * nu == z for x, z in weights.values())

    d.model_predicate("on every path, R becomes Q by a step, with the different examples where c = 1", is_stepped)
    d.model_predicate("c is 1 with probability nu, independent of R", is_drawn)


# Check.


def late_distance(t: Run, t0: int) -> fmpq:
    """The mean distance at the end over the paths that do not draw the last example in the first t0 steps."""
    kept = [d[-1] for p, d in zip(t.paths, t.distances, strict=True) if t.n - 1 not in p[:t0]]
    return sum(kept, fmpq(0)) / len(kept) if kept else fmpq(0)


def distance_bound(t: Run, t0: int) -> fmpq:
    r"""$K (\prod_{t > t_0} (1 + (1 - 1/n) \alpha_t \beta) - 1)$."""
    return rate(t) * (growth(t, t0) - 1)


def rate(t: Run) -> fmpq:
    """K."""
    return 2 * rational(t.lipschitz / t.smoothness) / (t.n - 1)


def growth(t: Run, t0: int) -> fmpq:
    product = fmpq(1)
    for a in t.steps[t0:]:
        product *= 1 + (1 - fmpq(1, t.n)) * rational(a * t.smoothness)
    return product


def stability_bound(t: Run, t0: int) -> fmpq:
    return gap_bound(fmpq(t0, t.n), rational(t.lipschitz), rate(t), growth(t, t0))


def stability(t: Run) -> fmpq:
    """The greatest change of a mean loss, over waves of all phases at hand."""
    pool = {*t.examples, t.other}
    changes = [abs(sum((z.value(w) - z.value(v) for w, v in t.ends), fmpq(0))) / len(t.paths) for z in pool]
    return max(changes)


def check(t: Run) -> Verdict:
    verdicts, change = [], stability(t)
    for t0 in range(len(t.steps) + 1):
        verdicts.append(at_most(late_distance(t, t0), distance_bound(t, t0), "mean distance"))
        verdicts.append(at_most(change, stability_bound(t, t0), "stability"))
    return every(verdicts)


@st.composite
def waves(draw, L: Fraction, beta: Fraction) -> Example:
    """Waves with values in an interval of length at most 1: slope^2 <= curvature."""
    curvature = beta * draw(st.sampled_from([Fraction(1), Fraction(1, 4)]))
    slope = L * draw(
        st.sampled_from([Fraction(1, 2), Fraction(1, 4)] if curvature < beta else [Fraction(1), Fraction(1, 2)])
    )
    return Example("wave", slope, curvature, draw(st.sampled_from([Fraction(0), L / beta, -L / beta, Fraction(1, 3)])))


@st.composite
def runs(draw) -> Run:
    beta = draw(st.sampled_from([Fraction(1), Fraction(4), Fraction(1, 4)]))
    root = {1: Fraction(1), 4: Fraction(2), Fraction(1, 4): Fraction(1, 2)}[beta]
    L = root * draw(st.sampled_from([Fraction(1), Fraction(1, 2)]))
    n = draw(sizes(2, 3))
    steps = draw(
        st.lists(st.sampled_from([Fraction(2), Fraction(1), Fraction(1, 4), Fraction(0)]), min_size=1, max_size=3)
    )
    return Run(
        tuple(draw(waves(L, beta)) for _ in range(n)), draw(waves(L, beta)), tuple(a / beta for a in steps), L, beta
    )


def interpret(t: Run) -> Model | None:
    """All steps after t_0 = 1 on the paths that do not begin with the last example; one step of the farthest path."""
    t0 = min(1, len(t.steps) - 1)
    kept = [i for i, p in enumerate(t.paths) if t.n - 1 not in p[:t0]]
    best = max(kept, key=lambda i: t.distances[i][-2])
    *_, (w, v, _, _, a), _ = t.follow(t.paths[best])
    first, last = t.examples[0], t.examples[-1]
    k, h = last.gradient(w), t.other.gradient(v)
    L, beta, nu = rational(t.lipschitz), rational(t.smoothness), fmpq(1, t.n)
    late = [[t.distances[i][s] for i in kept] for s in range(t0, len(t.steps) + 1)]
    early = 1 - fmpq(t.n - 1, t.n) ** t0
    values: dict[str, Any] = {
        "D": Matrix([[w - v]]),
        "h": Matrix([[first.gradient(w) - first.gradient(v)]]),
        "k": Matrix([[k]]),
        "l": Matrix([[h]]),
        "a": a,
        "beta": beta,
        "L": L,
        "r": abs(w - v),
        "q": abs(w - v - a * (k - h)),
        "x": (w - v) * (k - h),
        "y": (k - h) ** 2,
    }
    values |= {"e": Matrix([[fmpq(1, len(kept))] for _ in kept]), "n": t.n, "nu": nu, "p": early, "t_0": t0}
    values |= {
        "K": 2 * L / (beta * (t.n - 1)),
        "epsilon": stability(t),
        "Y[0]": 1,
        "R[0]": Matrix([[x] for x in late[0]]),
    }
    values |= {"q'": beta * rational(t.steps[-1]) + 1, "t": len(t.steps) + 1}
    y = fmpq(1)
    for i, s in enumerate(t.steps[t0:], 1):
        y *= 1 + (1 - nu) * rational(s) * beta
        values |= {f"s[{i}]": s, f"Y[{i}]": y, f"R[{i}]": Matrix([[x] for x in late[i]])}
        values[f"c[{i}]"] = Matrix([[int(t.paths[j][t0 + i - 1] == t.n - 1)] for j in kept])
    return Model(values, {"T": len(t.steps) - t0})


def stratum(t: Run) -> str:
    return "the runs stay together" if all(d[-1] == 0 for d in t.distances) else "generic"


# Colophon.


def opposite(steps: tuple[Fraction, ...] = (Fraction(1, 2),), **change: Any) -> Run:
    """Two waves, of slope 1 and -1 at the start."""
    up, down = (Example("wave", Fraction(1), Fraction(1), Fraction(c)) for c in (-1, 1))
    return replace(Run((up, up), down, steps, Fraction(1), Fraction(1)), **change)


def on_a_hill() -> Run:
    """A short step, then long ones, and two examples whose gradient falls from 0 at the start."""
    hill = Example("wave", Fraction(1), Fraction(1), Fraction(2))
    return opposite((Fraction(1, 4), Fraction(1), Fraction(1)), examples=(hill, hill, opposite().examples[0]))


def high_waves() -> Run:
    """Losses with values in an interval of length 100."""
    up, down = (Example("wave", Fraction(10), Fraction(1), Fraction(c)) for c in (-10, 10))
    return Run((up, up), down, (Fraction(1),), Fraction(10), Fraction(1))


def half_growth(t: Run) -> fmpq:
    """The bound on the distance with beta/2 in the product only."""
    return distance_bound(replace(t, smoothness=t.smoothness / 2), 0) / 2


def shown(t: Run) -> str:
    worst = min(range(len(t.steps) + 1), key=lambda t0: stability_bound(t, t0))
    return (
        f"mean loss at the end changes by {stability(t)}, the bound at t_0 = {worst} is {stability_bound(t, worst)}\n"
        f"mean distance at the end {late_distance(t, 0)}, its bound {distance_bound(t, 0)}"
    )


# Bounds.


claim = Claim(
    __name__,
    __doc__,
    source=Citation("hardt2016train", "Theorem 3.8"),
    premises=(
        Premise(
            "values in [0, 1]",
            r"$0 \le f(\cdot; z) \le 1$, or any other interval of length 1.",
            holds=lambda t: all(z.slope**2 <= z.curvature for z in (*t.examples, t.other)),
            without=high_waves,
            show=shown,
        ),
        premises.smooth(
            holds=lambda t: all(z.curvature <= t.smoothness for z in (*t.examples, t.other)),
            without=lambda: replace(on_a_hill(), smoothness=Fraction(1, 8)),
            show=shown,
        ),
        premises.lipschitz(
            holds=lambda t: all(abs(z.slope) <= t.lipschitz for z in (*t.examples, t.other)),
            without=lambda: opposite(lipschitz=Fraction(1, 2)),
            show=shown,
        ),
        Premise(
            "uniform draws",
            "The indices are drawn independently and uniformly.",
            holds=lambda t: not t.always and t.draws == "with replacement",
            without=lambda: opposite(always=True),
            show=shown,
        ),
        Premise(
            "two examples",
            r"$n \ge 2$, $\beta > 0$ and $\alpha_t \ge 0$.",
            holds=lambda t: t.n >= 2 and t.smoothness > 0 and min(t.steps) >= 0,
            kind="typing",
            why="the bound divides by n - 1 and by beta",
        ),
    ),
    derivation=proof,
    interpret=interpret,
    instances=runs,
    check=check,
    stratum=stratum,
    beyond="all paths of draws of runs with one weight at once, for every t_0, and the losses at their ends",
    tight=(Tight("one step apart", opposite, lambda t: equal(late_distance(t, 0), distance_bound(t, 0))),),
    mutants=(
        Mutant(
            "nothing for the first steps",
            "The same without $t_0/n$.",
            lambda t: at_most(stability(t), rational(t.lipschitz) * distance_bound(t, len(t.steps))),
            opposite,
        ),
        Mutant(
            "n for n - 1",
            r"$\frac{2L^2}{\beta n}$ in place of $\frac{2L^2}{\beta(n-1)}$.",
            lambda t: at_most(t.n * late_distance(t, 0), (t.n - 1) * distance_bound(t, 0)),
            opposite,
        ),
        Mutant(
            "as if convex",
            r"$E\|w_T - w'_T\| \le \frac{2L}n \sum_t \alpha_t$.",
            lambda t: at_most(
                t.n * late_distance(t, 0), 2 * rational(t.lipschitz) * rational(sum(t.steps, Fraction(0)))
            ),
            on_a_hill,
        ),
        Mutant(
            "half the growth",
            r"$1 + (1-\frac1n)\alpha_t\beta/2$ for the factors.",
            lambda t: at_most(late_distance(t, 0), half_growth(t)),
            opposite,
        ),
    ),
)
