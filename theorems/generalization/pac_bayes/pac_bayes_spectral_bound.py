r"""A network whose weights may be shaken without moving its margins errs rarely: PAC-Bayes with spectral norms, every constant.

**Theorem.** Let $F_A(x) = A_L\,\sigma_{L-1}(\cdots\sigma_1(A_1 x))$ have at least two outputs and 1-Lipschitz activations with
$\sigma_i(0) = 0$; let $h$ be the greatest width of a layer, input and output included, and fix matrices $M_i$ before seeing the data.
Let $(x_1, y_1), \dots, (x_n, y_n)$ be independent draws of $(x, y)$, $B = \max_i \|x_i\|$ and $0 < \delta < 1$. With probability at
least $1 - \delta$, for all $A$, all $\gamma > 0$ and all integers $e$ such that $\sigma = 2^{e/4}$ satisfies
$$2\sqrt2\, B \Big(\prod_{i=1}^L (\|A_i\|_\sigma + \eta) - \prod_{i=1}^L \|A_i\|_\sigma\Big) \le \gamma, \qquad
\eta = \sigma\sqrt{2 h \ln(4 h L)},$$
one has, with $i = 2e$ for $e > 0$ and $i = 1 - 2e$ for $e \le 0$,
$$\Pr[\operatorname{argmax} F_A(x) \ne y] \le \frac1n \#\{l : M(F_A(x_l), y_l) \le \gamma\} + \frac{\ln(2/\delta)}n +
  \sqrt{\frac{\sum_i \|A_i - M_i\|_F^2/\sigma^2 + \ln(16 \sqrt n\, i (i+1)/\delta)}{2n}} .$$
For $M_i = 0$ and positively homogeneous activations $A$ may be balanced first, $A_i \mapsto (\beta/\|A_i\|_\sigma) A_i$ with $\beta^L =
\prod_i \|A_i\|_\sigma$, which changes no output.

**Idea.** The prior is $N(M, \sigma^2 I)$, the posterior $N(A, \sigma^2 I)$ given that every perturbation has
$\|U_i\|_\sigma \le \eta$. A Gaussian $d \times d'$ matrix has $\Pr[\|U\|_\sigma > t] \le 2h e^{-t^2/(2h\sigma^2)}$, so that this event has
probability at least $\frac12$, and conditioning on it makes the divergence $\|A - M\|_F^2/(2\sigma^2)$ at most twice as large plus
$2\ln2$. By `generalization.weight_perturbation` and $\sqrt2$-Lipschitz margins, no margin at an input of length at most
$B$ moves by more than $\gamma/2$, so that the error of $F_A$ is at most the posterior's share of margins at most $\gamma/2$, and that share
on the sample at most the share of margins of $F_A$ at most $\gamma$. Maurer's PAC-Bayes theorem joins the two. Inputs longer than
all of the sample weigh at most $\ln(2/\delta)/n$, with probability $1 - \delta/2$; the other half of $\delta$ is shared by the $\sigma = 2^{e/4}$.
Cited are PAC-Bayes, the Gaussian tail and divergence; conditioning, the longest input and the step from posterior to centre are own
arguments, checked here exactly; the union and the assembly are proved.

**Reading.** The paper takes $\sigma = \gamma/(42 L B \tilde\beta^{L-1} \sqrt{h \ln(4hL)})$ for $\tilde\beta$ on a grid around $\beta$ and
$4\sqrt{(\mathrm{KL} + \ln(6n/\delta))/(n-1)}$ with $\mathrm{KL} \le \frac{42^2}{2\gamma^2} L^2 B^2 \tilde\beta^{2L-2} h \ln(4hL) \sum \|A_i\|_F^2$,
$B$ a bound on all inputs. $42 \ge 4 \sqrt2 e^2$: $e$ for the perturbation lemma, $e$ for the grid, 4 for the margin, $\sqrt2$ of $\eta$.
Here the grid is over $\sigma$ itself, no linearisation is needed, the margin costs $2\sqrt2$, and $B$ is that of the sample.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from flint import arb, ctx, fmpq
from hypothesis import strategies as st

from numerics.arithmetic import balls
from numerics.arithmetic.balls import ball, decide
from numerics.arithmetic.exact import Matrix, rational
from numerics.evidence.verdict import Verdict, at_most, decided, every
from numerics.learning.margins import DELTAS, coin, distributions
from numerics.learning.problems import ACTIVATIONS, Learning, rarely_fails
from numerics.strategies import labels, matrices, rationals, sizes
from theorems import Citation, Claim, Mutant, Premise
from theorems.cited.pac_bayes_margins import divergence
from theorems.proof import Derivation
from theorems.proof.crosscheck import Model
from theorems.schemes import premises


def bound_value(risk, long, root):
    """The share of small margins, the weight of long inputs, and the root of PAC-Bayes."""
    return risk + long + root


def radicand(distance, variance, log_2, x):
    r"""$\|A - M\|_F^2 + \sigma^2 (2 \ln 2 + x)$, which is $2n\sigma^2$ times the square of the root; $x = \ln(4\sqrt n\,i(i+1)/\delta)$."""
    return distance + variance * (2 * log_2 + x)


# Proof.


def proof() -> Derivation:
    from theorems.cited import learning as cited
    from theorems.cited import pac_bayes_margins as pac
    from theorems.proof import Indexed, at_least, at_most, calculus, equal, nonnegative, number, positive
    from theorems.schemes.every_scale import Shares

    d = Derivation("PAC-Bayes with spectral norms")
    m_ = d.index_constant("m")
    c = d.index_constant("c", at_least="1", at_most="m")
    mu, P, u, X = d.matrices("mu: k 1", "P: q 1", "u: q 1", "X: k 1")
    n, root_n, delta, q, p_far, eps, log_half = d.scalars("n sqrt(n) delta q p_far eps ln(delta/2)")
    texts = ("F[i]: k r[i]", "pi[i]: r[i] 1", "S[i]: r[i] q", "D[i]: q 1", "G[i]: q 1", "t[i]: q 1")
    F, pi, S, D, G, t = (d.family(text, "i") for text in texts)
    x, a = (d.family(f"{name}[i]: 1 1", "i") for name in ("x", "y"))
    shares = Shares(d, m_)
    o, p, i = shares.o, shares.p, "i"

    def each(relation, name="premise"):
        return d.given(Indexed(relation, "i", "1", m_), name)

    delta_positive, drawn = d.given(positive(delta)), d.given(cited.samples(P, mu, n))
    half_positive = d.smt(positive(delta / 2), [delta_positive])
    squares = [d.given(equal(root_n**2, n)), d.given(nonnegative(root_n))]
    unit, gaps = each(cited.losses(F(i))), each(pac.posterior_gaps(G(i), F(i), S(i), mu, n))
    divergences, roots = each(pac.divergences(D(i), S(i), pi(i))), each(pac.roots(t(i), D(i), x(i), n))
    named = each(cited.logarithm(x(i), a(i)))
    argument = each(at_least(a(i) * (delta / 2 * o(i)), 2 * root_n), "x = ln(2 sqrt n/(delta o/2)), or more")
    tail = each(cited.beyond(p(i), G(i) - t(i), P, number(0)))

    def rarely(k):
        place = {"mu": mu, "F": F(k), "pi": pi(k), "R": S(k), "K": D(k), "G": G(k), "t": t(k), "P": P, "n": n}
        place |= {"m": root_n, "a": a(k), "x": x(k), "delta": delta / 2 * o(k), "p": p(k)}
        members = [d.at(f, k) for f in (unit, gaps, divergences, roots, named, argument, tail)]
        return d.axiom(pac.PAC_BAYES, place, [drawn, *squares, *members])[1][0]

    total = shares.total(delta / 2, half_positive, rarely)
    weighed = d.given(pac.far(p_far, X, mu, P, n, eps))
    facts = [drawn, weighed, d.given(cited.logarithm(log_half, delta / 2)), d.given(equal(n * eps, -log_half))]
    place = {"X": X, "mu": mu, "P": P, "n": n, "eps": eps, "x": log_half, "delta": delta / 2, "p": p_far}
    _, (seldom,) = d.axiom(pac.RADIUS, place, facts)
    subadditive = d.given(at_most(q, shares.U(m_) + p_far), "the probability of a union is at most the sum")
    d.squares(d.goal(at_most(q, delta)), [(1, subadditive), (1, total), (1, seldom)])

    # A good sample, with the prior number c.
    m, M, Z, z, R, K = d.matrices("m: k 1", "M: k r[c]", "Z: k r[c]", "z: k 1", "R: r[c] q", "K: q 1")
    err, risk, gamma, B, growth, distance, v = d.scalars("err risk gamma B Delta |A-M|^2 sigma^2")
    marked, good = d.given(cited.marked(u)), d.given(at_most(u.T @ (G(c) - t(c)), 0), "a good sample")
    light = d.given(at_most(mu.T @ z, eps), "a good sample: z are the inputs longer than all of it")
    close = d.given(pac.distances(m, M, Z), "generalization.margins_and_ramp")
    moved = d.given(pac.moved(Z, z, S(c), u, (B * growth) ** 2), "generalization.weight_perturbation")
    small = d.given(at_most(8 * (B * growth) ** 2, gamma**2), "the condition on sigma")
    place = {"m": m, "M": M, "S": Z, "z": z, "R": S(c), "u": u, "q": (B * growth) ** 2, "gamma": gamma}
    _, (steady,) = d.axiom(pac.MARGINS, place, [close, moved, small])
    facts = [pac.half(F(c), M, gamma), pac.clear(z, u, n), pac.errors(err, m, mu), pac.counted(risk, m, u, n, gamma)]
    place = {"m": m, "M": M, "F": F(c), "z": z, "R": S(c), "u": u, "mu": mu, "G": G(c), "n": n}
    place |= {"err": err, "risk": risk, "gamma": gamma}
    _, (centre,) = d.axiom(pac.DERANDOMISATION, place, [steady, *map(d.given, facts), d.at(gaps, c)])
    d.squares(d.goal(at_most(err, bound_value(risk, eps, u.T @ t(c)))), [(1, centre), (1, good), (1, light)])

    log_2, two_named = cited.logarithm_of(d, calculus.term(2))
    whole, event = d.given(pac.divergences(K, R, pi(c))), d.given(pac.conditioned(S(c), R))
    place = {"R": R, "S": S(c), "K": K, "D": D(c), "pi": pi(c), "u": u, "x": log_2}
    _, (truncated,) = d.axiom(pac.TRUNCATION, place, [whole, d.at(divergences, c), event, marked, two_named])
    normal = d.given(at_most(2 * v * (u.T @ K), distance), "divergence of N(A, sigma^2 I) from N(M, sigma^2 I)")
    v_sign = d.given(nonnegative(v))
    place = {"t": t(c), "K": D(c), "u": u, "x": x(c), "n": n}
    _, (root,) = d.axiom(pac.ROOT, place, [d.at(roots, c), marked])
    goal = d.goal(at_most(2 * n * v * (u.T @ t(c)) ** 2, radicand(distance, v, log_2, x(c))))
    d.squares(goal, [(1, v_sign, truncated), (1, normal)], [root], rounds=4)
    pac.evaluate_predicates(d)
    return d


# Check.


@dataclass(frozen=True)
class Shaken:
    """Networks around the first one, with a prior and a posterior on them.

    With `adaptive` prior and posterior are both the network whose number is the first point drawn. `copies` as in `Learning`.
    """

    problem: Learning
    prior: tuple[Fraction, ...]
    posterior: tuple[Fraction, ...]
    gamma: Fraction
    adaptive: bool = False

    def event(self) -> list[int]:
        """Networks near the first one, with posterior probability at least 1/2: the nearest are taken first."""
        layers = self.problem.networks

        def moved(j: int) -> fmpq:
            return sum(((A - B).squared_norm() for A, B in zip(layers[0], layers[j], strict=True)), fmpq(0))

        order = sorted(range(len(layers)), key=moved)
        chosen, weight = [], Fraction(0)
        for j in order:
            chosen.append(j)
            weight += self.posterior[j]
            if weight >= Fraction(1, 2):
                break
        return chosen

    def truncated(self) -> list[Fraction]:
        chosen = self.event()
        Z = sum((self.posterior[j] for j in chosen), Fraction(0))
        return [self.posterior[j] / Z if j in chosen else Fraction(0) for j in range(len(self.posterior))]

    def losses(self) -> list[list[int]]:
        """By network and point: whether the margin is at most gamma/2."""
        return [[int(2 * M <= rational(self.gamma)) for M in row] for row in self.problem.margins()]


def exact(weights: Sequence[Fraction]) -> list[fmpq]:
    return [rational(w) for w in weights]


def gap(t: Shaken, weights: Sequence[fmpq], sample: Sequence[int]) -> fmpq:
    losses, chances = t.losses(), t.problem.probabilities
    loss = [sum((w * row[i] for w, row in zip(weights, losses, strict=True)), fmpq(0)) for i in range(len(chances))]
    mean = sum((p * x for p, x in zip(chances, loss, strict=True)), fmpq(0))
    return mean - sum((loss[i] for i in sample), fmpq(0)) / len(sample)


def pac_bayes_fails_rarely(t: Shaken) -> Verdict:
    """The probability, over all samples, that one of several posteriors has a greater gap than PAC-Bayes allows."""
    n, count, prior = t.problem.n, len(t.prior), exact(t.prior)
    single = [[fmpq(int(i == j)) for i in range(count)] for j in range(count)]
    tried = [*single, exact(t.posterior), exact(t.truncated())]

    def holds(s: tuple[int, ...]) -> Verdict:
        x = (2 * arb(n).sqrt() / ball(t.problem.delta)).log()
        return every(
            at_most(gap(t, rho, s), (((arb(0) if t.adaptive else divergence(rho, prior)) + x) / (2 * n)).sqrt())
            for rho in ([single[s[0] % count]] if t.adaptive else tried)
        )

    return rarely_fails(t.problem.samples, holds, t.problem.delta, "probability that PAC-Bayes fails")


def truncation(t: Shaken, factor: int = 2) -> Verdict:
    def question(_: int) -> Verdict:
        whole, part = (divergence(exact(r), exact(t.prior)) for r in (t.posterior, t.truncated()))
        return at_most(part, factor * whole + (2 * arb(2).log() if factor == 2 else 0), "conditioning")

    return decide(question)


def growth(t: Shaken) -> arb:
    """The growth of the Lipschitz bound for the networks of the event: the greatest over them."""
    found = arb(0)
    centre = t.problem.networks[0]
    for j in t.event():
        before = after = arb(1)
        for A, B in zip(centre, t.problem.networks[j], strict=True):
            s = balls.spectral_norm(A)
            before, after = before * s, after * (s + balls.spectral_norm(B - A))
        found = found.max(after - before)
    return found


def squared_length(t: Learning, i: int) -> fmpq:
    return t.inputs[i, :].squared_norm()


def centre_obeys(t: Shaken, constant: int = 8) -> Verdict:
    """The step from the posterior to its centre, on every sample on which its condition on gamma holds."""
    problem = t.problem
    chances, M = problem.probabilities, problem.margins()[0]
    rho, Delta = exact(t.truncated()), growth(t)
    error = sum((p for p, x in zip(chances, M, strict=True) if x <= 0), fmpq(0))
    verdicts = []
    for s, _ in problem.samples():
        B2 = max(squared_length(problem, i) for i in s)
        if not constant * B2 * Delta**2 <= ball(t.gamma) ** 2:
            continue
        risk = fmpq(sum(int(M[i] <= rational(t.gamma)) for i in s), len(s))
        far = sum((p for i, p in enumerate(chances) if squared_length(problem, i) > B2), fmpq(0))
        verdicts.append(at_most(error, risk + gap(t, rho, s) + far, "error of the centre"))
    return every(verdicts)


def longest_input(t: Shaken, factor: Fraction = Fraction(1)) -> Verdict:
    problem, chances = t.problem, t.problem.probabilities

    def holds(s: tuple[int, ...]) -> Verdict:
        longest = max(squared_length(problem, i) for i in s)
        weight = sum((c for i, c in enumerate(chances) if squared_length(problem, i) > longest), fmpq(0))
        return at_most(weight, -ball(problem.delta).log() / problem.n * ball(factor))

    return rarely_fails(problem.samples, holds, problem.delta, "inputs longer than the sample")


def gaussian_tail(width: int, t: Fraction, factor: int | None = None) -> Verdict:
    r"""$\Pr[\|U\| > t] \le 2h e^{-t^2/(2h)}$ for a Gaussian column, whose norm is a root of $\chi^2_h$."""

    def question(_: int) -> Verdict:
        half, x = arb(width) / 2, ball(t) ** 2 / 2
        true = x.gamma_upper(half) / half.gamma()
        h = width if factor is None else factor
        return at_most(true, 2 * h * (-(ball(t) ** 2) / (2 * h)).exp(), "Gaussian tail")

    return decide(question)


def check(t: Shaken) -> Verdict:
    verdicts = [pac_bayes_fails_rarely(t)]
    if not (t.problem.copies or t.adaptive):
        verdicts += [truncation(t), centre_obeys(t), longest_input(t)]
        verdicts += [gaussian_tail(h, t.gamma + 1) for h in (1, 2, 7)]
    return every(verdicts)


@st.composite
def shaken(draw) -> Shaken:
    k = draw(sizes(1, 3))
    depth = draw(sizes(1, 2))
    widths = [draw(sizes(1, 2)) for _ in range(depth)] + [2]
    centre = tuple(draw(matrices(widths[i + 1], widths[i])) for i in range(depth))
    networks = [centre]
    for _ in range(draw(sizes(1, 3))):
        scale = draw(st.sampled_from([Fraction(1), Fraction(1, 10), Fraction(1, 100)]))
        networks.append(tuple(A + scale * draw(matrices(*A.shape)) for A in centre))
    count = len(networks)

    problem = Learning(
        draw(matrices(k, widths[0])),
        draw(labels(k, 2)),
        draw(distributions(k)),
        tuple(networks),
        draw(sizes(1, 3)),
        Fraction(1),
        draw(st.sampled_from(DELTAS)),
        activation=draw(st.sampled_from(sorted(ACTIVATIONS))),
    )
    gamma = draw(rationals()) ** 2 or Fraction(1)
    return Shaken(
        problem, draw(distributions(count)), draw(distributions(count)), draw(st.sampled_from([gamma, 30 * gamma]))
    )


def upper(x: arb) -> fmpq:
    """A rational number just above a ball."""
    man, exp = (x.upper() * arb(2) ** 60).ceil().unique_fmpz(), fmpq(2) ** 60
    assert man is not None
    return fmpq(man) / exp


def interpret(t: Shaken) -> Model | None:
    problem, n = t.problem, t.problem.n
    with ctx.workprec(320):
        chances, M, scores = problem.probabilities, problem.margins(), problem.scores()
        samples = [s for s, _ in problem.samples()]
        P = [p for _, p in problem.samples()]
        rho, part, count = exact(t.posterior), exact(t.truncated()), len(t.prior)
        K, D = (upper(divergence(r, exact(t.prior))) for r in (rho, part))
        eps = -(ball(problem.delta) / 2).log() / n
        G = [gap(t, part, s) for s in samples]
        values: dict[str, Any] = {"a[0]": 0, "U[0]": 0, "V[0]": 0, "r[0]": 1}
        good, U, V = set(range(len(samples))), fmpq(0), fmpq(0)
        for i in (1, 2):
            y = 4 * arb(n).sqrt() * i * (i + 1) / ball(problem.delta)
            # x and t rational with t^2 = (D + x)/(2n) exactly: x and D are greater than they must be by less than 2^-50.
            x = upper(y.log()) + fmpq(1, 2**55)
            y = arb(x).exp()
            tau = upper(((arb(D) + arb(x)) / (2 * n)).sqrt())
            bad = {j for j, g in enumerate(G) if g > tau}
            p = sum((P[j] for j in bad), fmpq(0))
            good -= bad
            U, V = U + p, V + fmpq(1, i * (i + 1))
            values |= {
                f"F[{i}]": Matrix([list(r) for r in zip(*t.losses(), strict=True)]),
                f"pi[{i}]": Matrix([[w] for w in t.prior]),
                f"S[{i}]": Matrix([[w] * len(samples) for w in part]),
                f"D[{i}]": Matrix([[2 * n * tau * tau - x]] * len(samples)),
                f"G[{i}]": Matrix([[g] for g in G]),
                f"t[{i}]": Matrix([[tau]] * len(samples)),
            }
            values |= {f"x[{i}]": x, f"y[{i}]": y, f"o[{i}]": fmpq(1, i * (i + 1)), f"p[{i}]": p, f"a[{i}]": i}
            values |= {f"r[{i}]": fmpq(1, i + 1), f"U[{i}]": U, f"V[{i}]": V}
        lengths = [squared_length(problem, i) for i in range(len(chances))]

        def long(s: Sequence[int]) -> list[int]:
            return [int(x > max(lengths[i] for i in s)) for x in lengths]

        heavy = {
            j
            for j, s in enumerate(samples)
            if arb(sum((c for c, z in zip(chances, long(s), strict=True) if z), fmpq(0))) > eps
        }
        good -= heavy
        Delta = growth(t)
        good = {j for j in good if 8 * max(lengths[i] for i in samples[j]) * Delta**2 < ball(t.gamma) ** 2}
        if not good:
            return None
        here = min(good)
        s = samples[here]
        points = range(len(chances))
        values |= {
            "mu": Matrix([[c] for c in chances]),
            "P": Matrix([[p] for p in P]),
            "u": Matrix([[int(j == here)] for j in range(len(samples))]),
            "X": Matrix([[x] for x in lengths]),
            "n": n,
            "sqrt(n)": arb(n).sqrt(),
            "delta": problem.delta,
            "ln(delta/2)": (ball(problem.delta) / 2).log(),
            "eps": eps,
            "p_far": sum((P[j] for j in heavy), fmpq(0)),
            "q": 0,
            "m": Matrix([[x] for x in M[0]]),
            "M": Matrix([[M[j][i] for j in range(count)] for i in points]),
            "Z": Matrix([[(scores[j][i, :] - scores[0][i, :]).squared_norm() for j in range(count)] for i in points]),
            "z": Matrix([[z] for z in long(s)]),
            "R": Matrix([[w] * len(samples) for w in rho]),
            "K": Matrix([[K]] * len(samples)),
            "err": sum((c for c, x in zip(chances, M[0], strict=True) if x <= 0), fmpq(0)),
            "risk": fmpq(sum(int(M[0][i] <= rational(t.gamma)) for i in s), n),
            "gamma": t.gamma,
            "B": arb(max(lengths[i] for i in s)).sqrt(),
            "Delta": Delta * (1 + arb(2) ** -40),
            "|A-M|^2": K,
            "sigma^2": Fraction(1, 2),
        }
        return Model(values, indices={"m": 2, "c": 2})


def stratum(t: Shaken) -> str:
    return "all inputs are zero" if t.problem.inputs.is_zero() else "generic"


# Colophon.


def steady(**change: Any) -> Shaken:
    """The coin with two constant classifiers, equally likely before and after."""
    return replace(Shaken(coin(), (Fraction(1, 2),) * 2, (Fraction(1, 2),) * 2, Fraction(1)), **change)


def memorisers() -> Shaken:
    """Four points, and for each the network that knows it alone."""
    networks = tuple((Matrix([[1 if j == i else -1 for j in range(4)], [0] * 4]),) for i in range(4))
    inputs = Matrix([[int(i == j) for j in range(4)] for i in range(4)])
    problem = Learning(inputs, (0,) * 4, (Fraction(1, 4),) * 4, networks, 1, Fraction(1), Fraction(9, 10))
    return Shaken(problem, (Fraction(1, 4),) * 4, (Fraction(1, 4),) * 4, Fraction(1), adaptive=True)


def two_lengths() -> Shaken:
    """Inputs 1 and 2, equally likely."""
    return steady(problem=coin(inputs=Matrix([[1], [2]]), delta=Fraction(45, 100)))


def opposite() -> Shaken:
    """A network with outputs (x, -x) pushed to (0, 0): margins move by 2 and outputs by the root of 2."""
    networks = ((Matrix([[1], [-1]]),), (Matrix([[0], [0]]),))
    problem = coin(networks=networks, inputs=Matrix([[1], [1]]), labels=(0, 0))
    return Shaken(problem, (Fraction(1, 2),) * 2, (Fraction(1, 3), Fraction(2, 3)), Fraction(3))


def margins_within(t: Shaken, constant: int) -> Verdict:
    """That margins move by at most gamma/2 where constant * B^2 Delta^2 <= gamma^2."""
    M, Delta = t.problem.margins(), growth(t)
    B2 = max(squared_length(t.problem, i) for i in range(len(t.problem.labels)))
    if not constant * B2 * Delta**2 <= ball(t.gamma) ** 2:
        return decided(True, "the condition does not hold")
    return every(at_most(2 * abs(M[0][i] - M[j][i]), rational(t.gamma)) for j in t.event() for i in range(len(M[0])))


def shown(t: Shaken) -> str:
    s, _ = next(t.problem.samples())
    count = len(t.prior)
    units = [[fmpq(int(i == j)) for i in range(count)] for j in range(count)]
    rho = units[s[0]] if t.adaptive else max(units, key=lambda r: gap(t, r, s))
    K = arb(0) if t.adaptive else divergence(rho, exact(t.prior))
    allowed = ((K + (2 * arb(t.problem.n).sqrt() / ball(t.problem.delta)).log()) / (2 * t.problem.n)).sqrt()
    return f"mean - sample loss of a posterior is {gap(t, rho, s)}, PAC-Bayes allows {allowed.str(4, radius=False)}"


claim = Claim(
    __name__,
    __doc__,
    source=Citation("neyshabur2018pac", "abstract"),
    also=(
        Citation("maurer2004note", "abstract"),
        Citation("shalev2014understanding", "Chapter 31, for the form of PAC-Bayes theorems"),
    ),
    premises=(
        premises.independent(
            holds=lambda t: not t.problem.copies,
            without=lambda: steady(problem=coin(n=250_000, delta=Fraction(2, 5), copies=True)),
            show=shown,
        ),
        Premise(
            "prior before the data",
            "The matrices $M_i$ are fixed before the data is seen.",
            holds=lambda t: not t.adaptive,
            without=memorisers,
            show=shown,
        ),
        Premise(
            "1-Lipschitz and zero to zero",
            r"The activations are 1-Lipschitz with $\sigma_i(0) = 0$, and no layer has a bias.",
            holds=lambda t: t.problem.shift == 0 and t.problem.activation in ACTIVATIONS,
            kind="unknown",
            why="the perturbation lemma needs it (generalization.weight_perturbation), but the condition on sigma is far from tight",
        ),
        Premise(
            "probability",
            r"$0 < \delta < 1$ and $\gamma > 0$.",
            holds=lambda t: 0 < t.problem.delta < 1 and t.gamma > 0,
            kind="typing",
            why="delta is the probability that the bound fails, gamma a margin",
        ),
    ),
    derivation=proof,
    interpret=interpret,
    instances=shaken,
    check=check,
    stratum=stratum,
    beyond="the Gaussian tail for columns against the chi-squared distribution; conditioning, PAC-Bayes, the longest input and the "
    "centre on finite sets of networks, by enumeration of all samples",
    mutants=(
        Mutant(
            "conditioning is free",
            r"The divergence given an event of probability at least $\frac12$ is at most that without it.",
            lambda t: truncation(t, 1),
            lambda: steady(prior=(Fraction(2, 3), Fraction(1, 3)), posterior=(Fraction(2, 3), Fraction(1, 3))),
        ),
        Mutant(
            "no width",
            r"$\Pr[\|U\|_\sigma > t] \le 2 e^{-t^2/2}$ for any width.",
            lambda t: gaussian_tail(8, Fraction(3), 1),
            steady,
        ),
        Mutant(
            "half the radius term",
            r"Inputs longer than the sample weigh at most $\ln(1/\delta)/(2n)$.",
            lambda t: longest_input(t, Fraction(1, 2)),
            two_lengths,
        ),
        Mutant(
            "margin is 1-Lipschitz",
            r"$2 B \Delta \le \gamma$ is enough, in place of $2\sqrt2 B\Delta \le \gamma$.",
            lambda t: margins_within(t, 4),
            opposite,
        ),
    ),
)
