r"""Stochastic gradient descent on convex, smooth losses is stable: the gap grows with the sum of the steps over n.

**Theorem.** Let $f(\cdot; z)$ be convex, $\beta$-smooth and $L$-Lipschitz on $\mathbb R^d$ for every example $z$, and let
$w_t = w_{t-1} - \alpha_t \nabla f(w_{t-1}; z_{i_t})$, $1 \le t \le T$, with $0 \le \alpha_t \le 2/\beta$ and $i_t$ drawn uniformly from
$\{1, \dots, n\}$, independently or in the order of random permutations. For two samples that differ in one example, run
from the same start with the same indices, and every $z$,
$$E\,\|w_T - w'_T\| \le \frac{2L}{n} \sum_{t=1}^T \alpha_t, \qquad
  |E f(w_T; z) - E f(w'_T; z)| \le \frac{2L^2}{n} \sum_{t=1}^T \alpha_t .$$
So for independent examples $|E[R(w_T) - R_S(w_T)]| \le \frac{2L^2}{n} \sum_t \alpha_t$: the gap in *expectation* over sample and
indices. Both inequalities are attained, by $f(w; z) = \langle z, w\rangle$.

**Idea.** A step with one and the same example does not lengthen the distance of the two runs, because gradients of a convex
$\beta$-smooth function are co-coercive, $\beta\langle h, w - w'\rangle \ge \|h\|^2$ with $h$ the difference of the gradients, and
$$\beta\big(\|w - w'\|^2 - \|w - w' - \alpha h\|^2\big)
  = 2\alpha(\beta\langle h, w - w'\rangle - \|h\|^2) + \alpha(2 - \alpha\beta)\|h\|^2 \ge 0 .$$
A step with the two different examples lengthens it by at most $2\alpha L$, the triangle inequality. That step happens with
probability $1/n$ whatever $t$ is, so the means add up to $\frac{2L}n\sum_t \alpha_t$; the losses are $L$-Lipschitz. The last
sentence is `generalization.stability_bounds_the_expected_gap`. Cited: co-coercivity (Baillon and Haddad), and that
inequalities on every path hold in the mean.

**Reading.** Train faster, generalize better: half the steps, half the gap. Nothing is said of the size of the network, and
nothing of probabilities: a bound in expectation. For a network the losses are not convex: see
`generalization.sgd_is_stable_for_smooth_losses`. The step sizes, $L$ and $\beta$ are what the caller says; they are not measured.
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


def n_times_gap(L, S):
    r"""$2L^2 \sum_t \alpha_t$: n times the bound on the change of a loss, and on the gap."""
    return 2 * L**2 * S


# Proof.


def proof() -> Derivation:
    from theorems.proof import at_most, equal, nonnegative, positive
    from theorems.proof.sums import Total, each, induction
    from theorems.schemes.sgd_steps import step_with_different_examples

    d = Derivation("SGD on convex losses is stable")
    g, h, w, v = d.matrices("g: d 1", "h: d 1", "w: d 1", "v: d 1")
    a, beta, L = d.scalars("a beta L")
    D, e_ = w - v, g - h
    beta_positive = d.given(positive(beta))
    L_sign = d.given(nonnegative(L))
    a_sign, a_small = d.given(nonnegative(a)), d.given(at_most(a * beta, 2))

    # One step with the same example.
    smooth = d.given(sgd.gradients(g, h, w, v, beta))
    _, (coc,) = d.axiom(sgd.CO_COERCIVITY, {"g": g, "h": h, "w": w, "v": v, "beta": beta}, [smooth, beta_positive])
    inverse, unit = d.reciprocal(beta_positive, "1/beta")
    inverse_positive = d.smt(positive(inverse), [beta_positive, unit])
    same = d.goal(at_most((D - a * e_).squared_norm(), D.squared_norm()))
    d.squares(same, [(2, inverse_positive, a_sign, coc), (1, inverse_positive, a_sign, a_small, e_)], [unit], rounds=6)

    # One step with different examples, of gradients k and l.
    step_with_different_examples(d, D, a, L, a_sign, L_sign)

    # All steps: R[t] holds the distances on the paths after t steps, c[t] marks those that use the different examples.
    T = d.index_constant("T")
    R, c = (d.family(f"{name}[i]: p 1", "i") for name in "Rc")
    s, S = (d.family(f"{name}[i]: 1 1", "i") for name in ("s", "S"))
    paths = d.matrix("e: p 1")
    n, eps = d.scalars("n epsilon")
    n_positive = d.given(positive(n))
    law = d.given(sgd.chances(paths))
    start = d.given(equal(paths.T @ R("0"), 0), "both runs start together")
    steps = each(d, sgd.convex_step(R("i-1"), R("i"), c("i"), s("i"), L), T)
    rare = each(d, equal(n * (paths.T @ c("i")), 1), T, name="each example is drawn with probability 1/n")
    total = Total(d, S, s, T)

    def mean(i):
        return at_most(n * (paths.T @ R(i)), 2 * L * S(i))

    def add(supposed, i):
        place = {"R": R(i.removesuffix("+1")), "Q": R(i), "c": c(i), "e": paths, "a": s(i), "L": L}
        _, (grown,) = d.axiom(sgd.MEANS_OF_STEPS, place, [d.at(steps, i), law])
        return d.squares(mean(i), [(1, supposed), (1, n_positive, grown)], [total.at(i), d.at(rare, i)], rounds=4)

    base = d.squares(mean("0"), [], [start, total.empty])
    apart_at_end = d.at(induction(d, mean, add, "j", T, base), T)
    goal = d.goal(at_most(n * (paths.T @ R(T)), 2 * L * S(T)))
    assert d.proof_of(goal) is not None
    loss = d.given(at_most(eps, L * (paths.T @ R(T))), "the loss is L-Lipschitz")
    d.squares(d.goal(at_most(n * eps, n_times_gap(L, S(T)))), [(1, n_positive, loss), (1, L_sign, apart_at_end)])
    evaluate_predicates(d)
    return d


def evaluate_predicates(d: Derivation) -> None:
    """For one weight: secants of the gradient between 0 and beta; distances path by path."""

    def is_gradient(g: Matrix, h: Matrix, w: Matrix, v: Matrix, beta: Any) -> bool:
        rise, run = g[0, 0] - h[0, 0], w[0, 0] - v[0, 0]
        return bool(0 <= rise * run) and bool(abs(rise) <= beta * abs(run))

    def is_stepped(R: Matrix, Q: Matrix, c: Matrix, a: Any, L: Any) -> bool:
        rows = range(R.rows)
        return all(c[i, 0] in (0, 1) and Q[i, 0] <= R[i, 0] + 2 * a * L * c[i, 0] for i in rows)

    d.model_predicate("gradients at two points of a convex function with beta-Lipschitz gradient", is_gradient)
    d.model_predicate(
        "on every path, R becomes Q by a step of the theorem, with the different examples where c = 1", is_stepped
    )
    d.model_predicate("the probabilities of the paths", lambda e: sum(e.entries()) == 1 and min(e.entries()) >= 0)


# Check.


def distance_bound(t: Run) -> fmpq:
    return 2 * rational(t.lipschitz) * rational(sum(t.steps, Fraction(0))) / t.n


def check(t: Run) -> Verdict:
    bound = distance_bound(t)
    return every(
        [
            at_most(t.mean_distance(len(t.steps)), bound, "mean distance"),
            at_most(t.n * t.stability(), n_times_gap(rational(t.lipschitz), rational(sum(t.steps))), "stability"),
        ]
    )


@st.composite
def examples(draw, L: Fraction, beta: Fraction) -> Example:
    kind = draw(st.sampled_from(["linear", "huber"]))
    slope = L * draw(st.sampled_from([Fraction(1), Fraction(1, 2), Fraction(0)]))
    if kind == "linear":
        return Example(kind, slope * draw(st.sampled_from([1, -1])))
    centre = draw(st.sampled_from([Fraction(0), Fraction(1), Fraction(-1, 2)]))
    return Example(kind, slope or L, beta * draw(st.sampled_from([Fraction(1), Fraction(1, 3)])), centre)


@st.composite
def runs(draw) -> Run:
    L = draw(st.sampled_from([Fraction(1), Fraction(1, 2), Fraction(3)]))
    beta = draw(st.sampled_from([Fraction(1), Fraction(2), Fraction(1, 3)]))
    n = draw(sizes(1, 3))
    steps = draw(
        st.lists(st.sampled_from([Fraction(2), Fraction(1), Fraction(1, 4), Fraction(0)]), min_size=1, max_size=4)
    )
    return Run(
        tuple(draw(examples(L, beta)) for _ in range(n)),
        draw(examples(L, beta)),
        tuple(a / beta for a in steps),
        L,
        beta,
        draw(st.sampled_from(["with replacement", "permutation"])),
    )


def interpret(t: Run) -> Model | None:
    """The last step of the path on which the runs are farthest apart before it."""
    best = max(range(len(t.paths)), key=lambda i: t.distances[i][-2])
    *_, (w, v, _, _, a), _ = t.follow(t.paths[best])
    first, last = t.examples[0], t.examples[-1]
    k, h = last.gradient(w), t.other.gradient(v)
    L = rational(t.lipschitz)
    count, paths = len(t.steps), t.paths
    values: dict[str, Any] = {
        "w": Matrix([[w]]),
        "v": Matrix([[v]]),
        "g": Matrix([[first.gradient(w)]]),
        "h": Matrix([[first.gradient(v)]]),
        "k": Matrix([[k]]),
        "l": Matrix([[h]]),
        "a": a,
        "beta": t.smoothness,
        "L": L,
        "r": abs(w - v),
        "q": abs(w - v - a * (k - h)),
        "x": (w - v) * (k - h),
        "y": (k - h) ** 2,
        "e": Matrix([[fmpq(1, len(paths))] for _ in paths]),
        "n": t.n,
        "epsilon": t.stability(),
        "S[0]": 0,
        "R[0]": Matrix([[0] for _ in paths]),
    }
    total = fmpq(0)
    for i in range(1, count + 1):
        total += rational(t.steps[i - 1])
        values |= {f"s[{i}]": t.steps[i - 1], f"S[{i}]": total}
        values[f"R[{i}]"] = Matrix([[d[i]] for d in t.distances])
        values[f"c[{i}]"] = Matrix([[int(p[i - 1] == t.n - 1)] for p in paths])
    return Model(values, {"T": count})


def stratum(t: Run) -> str:
    if all(d[-1] == 0 for d in t.distances):
        return "the runs stay together"
    return "one example" if t.n == 1 else "generic"


# Colophon.


def linear(steps: tuple[Fraction, ...] = (Fraction(1), Fraction(1, 2)), n: int = 2) -> Run:
    """z_n' = -z_n, and the losses are linear."""
    up, down = Example("linear", Fraction(1)), Example("linear", Fraction(-1))
    return Run((up,) * n, down, steps, Fraction(1), Fraction(1))


def overshooting(kind: str, second: Fraction) -> Run:
    """A small step, then one on a bend of curvature 3 that the runs may share."""
    bend = Example(kind, Fraction(1), Fraction(3))
    return replace(
        linear((Fraction(1, 10), second)),
        examples=(bend, linear().other),
        other=linear().examples[0],
        smoothness=Fraction(3),
    )


def shown(t: Run) -> str:
    lines = [
        f"draws {tuple(i + 1 for i in p)}: distances {', '.join(map(str, d))}"
        for p, d in list(zip(t.paths, t.distances, strict=True))[:4]
    ]
    return "\n".join([*lines, f"mean {t.mean_distance(len(t.steps))}, and (2L/n) sum of steps = {distance_bound(t)}"])


# Bounds.


claim = Claim(
    __name__,
    __doc__,
    source=Citation("hardt2016train", "Theorem 3.7"),
    premises=(
        Premise(
            "convex",
            r"$f(\cdot; z)$ is convex.",
            holds=lambda t: all(z.is_convex for z in (*t.examples, t.other)),
            without=lambda: overshooting("hill", Fraction(2, 3)),
            show=shown,
        ),
        Premise(
            "short steps",
            r"$0 \le \alpha_t \le 2/\beta$.",
            holds=lambda t: all(0 <= a * t.smoothness <= 2 for a in t.steps),
            without=lambda: overshooting("huber", Fraction(1)),
            show=shown,
        ),
        premises.smooth(
            holds=lambda t: all(z.curvature <= t.smoothness for z in (*t.examples, t.other)),
            without=lambda: replace(overshooting("huber", Fraction(1)), smoothness=Fraction(2)),
            show=shown,
        ),
        premises.lipschitz(
            holds=lambda t: all(abs(z.slope) <= t.lipschitz for z in (*t.examples, t.other)),
            without=lambda: replace(linear(), lipschitz=Fraction(1, 2)),
            show=shown,
        ),
        Premise(
            "uniform draws",
            r"Every example is drawn with probability $1/n$ in every step.",
            holds=lambda t: not t.always,
            without=lambda: replace(linear(), always=True),
            show=shown,
        ),
    ),
    derivation=proof,
    interpret=interpret,
    instances=runs,
    check=check,
    stratum=stratum,
    beyond="all paths of draws of runs with one weight at once, and the losses at their ends",
    tight=(
        Tight("linear losses, distance", linear, lambda t: equal(t.mean_distance(len(t.steps)), distance_bound(t))),
        Tight(
            "linear losses, loss",
            lambda: linear((Fraction(1, 7), Fraction(2), Fraction(1, 2)), 3),
            lambda t: equal(t.stability(), rational(t.lipschitz) * distance_bound(t)),
        ),
    ),
    mutants=(
        Mutant(
            "once",
            r"$|E f(w_T; z) - E f(w'_T; z)| \le \frac{L^2}n \sum_t \alpha_t$.",
            lambda t: at_most(2 * t.stability(), rational(t.lipschitz) * distance_bound(t)),
            linear,
        ),
        Mutant(
            "n squared",
            r"$|E f(w_T; z) - E f(w'_T; z)| \le \frac{2L^2}{n^2} \sum_t \alpha_t$.",
            lambda t: at_most(t.n * t.stability(), rational(t.lipschitz) * distance_bound(t)),
            linear,
        ),
        Mutant(
            "the largest step",
            r"$E \|w_T - w'_T\| \le \frac{2L}n \max_t \alpha_t$.",
            lambda t: at_most(t.mean_distance(len(t.steps)), 2 * rational(t.lipschitz) * rational(max(t.steps)) / t.n),
            linear,
        ),
        Mutant(
            "on every path",
            r"$\|w_T - w'_T\| \le \frac{2L}n \sum_t \alpha_t$ for all draws.",
            lambda t: every(at_most(d[-1], distance_bound(t)) for d in t.distances),
            linear,
        ),
    ),
)
