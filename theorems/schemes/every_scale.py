r"""Margin bounds for classes of every scale at once: the part of their proofs that does not know the norm.

A network of size $P$ (a norm of its weights) and a margin $\gamma$ lie in the cell of the integer $e$ with
$2^{e-1} < P/\gamma \le 2^e$. The integers are counted $0, 1, -1, 2, -2, \dots$, and cell number $i = 1, 2, \dots$ gets the
share $1/(i(i+1))$ of $\delta$; all shares together are 1. Within a cell there is one class of losses, and the error is at
most the training risk, twice the Rademacher average of the class on the sample, and $2\sqrt{\ln(i(i+1)/\delta)/(2n)}$.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from numerics.learning.scales import norm_excess
from theorems.cited import learning as cited
from theorems.cited.contraction import VECTOR_CONTRACTION, evaluate_predicates, ramp_losses
from theorems.proof import (
    Derivation,
    Indexed,
    Relation,
    at_most,
    calculus,
    equal,
    nonnegative,
    positive,
    zero,
)
from theorems.proof.kernel.facts import Fact
from theorems.proof.kernel.words import Expr

SHARES = "generalization.shares_of_all_cells_add_up_to_delta"
DEVIATION = "generalization.a_class_deviates_by_twice_its_rademacher_average"


@dataclass(frozen=True)
class Cell:
    """What `every_scale` has of the cell number c: letters, and facts about them."""

    outputs: Expr
    labels: Expr
    sample: Expr
    n: Expr
    inverse_n: Expr
    t: Expr
    error: Expr
    risk: Expr
    average: Expr
    losses: Fact
    unit: Fact
    averages: Fact
    marked: Fact
    n_positive: Fact
    inverse: Fact
    delta_positive: Fact
    excess: Fact


class Shares:
    r"""Cells $1, \\dots, m$ with the shares $o_i = 1/(i(i+1))$ and the probabilities $p_i$ that their bounds fail."""

    def __init__(self, d: Derivation, m: str) -> None:
        self.d, self.m = d, m
        self.o, self.p, self.a, self.r, self.U, self.V = (
            d.family(f"{name}[i]: 1 1", "i") for name in ["o", "p", "a", "r", "U", "V"]
        )

    def _each(self, relation: Relation, name: str = "premise", low: str = "1") -> Fact:
        return self.d.given(Indexed(relation, "i", low, self.m), name)

    def total(self, delta: Expr, delta_positive: Fact, rarely: Callable[[str], Fact]) -> Fact:
        r"""$\sum_i p_i \le \delta$ from `rarely(k)`, which says $p_k \le \delta o_k$."""
        d, m, o, p, a, r, U, V = self.d, self.m, self.o, self.p, self.a, self.r, self.U, self.V
        i = "i"
        # a_i = i, o_i = 1/(i (i+1)), r_i = 1/(i+1): the shares telescope.
        counted = self._each(equal(a(i), a("i-1") + 1))
        share = self._each(equal(o(i) * a(i) * (a(i) + 1), 1), "shares")
        inverse_count = self._each(equal(r(i) * (a(i) + 1), 1), low="0")
        united, shared = self._each(equal(U(i), U("i-1") + p(i))), self._each(equal(V(i), V("i-1") + o(i)))
        a_0, U_0, V_0 = d.given(zero(a("0"))), d.given(zero(U("0"))), d.given(zero(V("0")))

        k = d.index("l", "1", m)
        rare = d.for_all(k, rarely("l"))
        rest = self._each(nonnegative(r(i)), "1/(i+1) is not negative", "0")
        families = {"o": o, "p": p, "a": a, "r": r, "U": U, "V": V}
        facts = [
            d.weaken(delta_positive, nonnegative(delta)),
            rare,
            counted,
            share,
            inverse_count,
            rest,
            united,
            shared,
        ]
        _, total = d.chain_lemma(SHARES, {"delta": delta}, families, {"m": m}, [*facts, a_0, U_0, V_0])
        return total


def every_scale(
    d: Derivation,
    shares_of: Callable[[Derivation, str], Any] = Shares,
    losses: Callable[[Expr, Expr, Expr], Relation] | None = None,
) -> Cell:
    r"""Prove that the bound of some cell $1, \dots, m$ fails with probability at most $\delta$; go on in the cell c.

    `excess` says error $\le$ risk $+ 2\varrho + t$ with $\varrho$ the Rademacher average on a sample that is good for all cells.
    The number $m$ is arbitrary: what holds of any finitely many cells holds of all, as probabilities are continuous from below.
    `shares_of` is `Shares` or has the like; `losses(F, O, y)` says what losses they are (default: `ramp_losses`).
    """
    m = d.index_constant("m")
    here = d.index_constant("c", at_least="1", at_most="m")
    mu, P, u = d.matrices("mu: k 1", "P: q 1", "u: q 1")
    n, delta, q = d.scalars("n delta q")
    F, G, N = (d.family(text, "i") for text in ("F[i]: k r[i]", "G[i]: q 1", "N[i]: q 1"))
    x, t = (d.family(f"{name}[i]: 1 1", "i") for name in ["x", "t"])
    shares = shares_of(d, m)
    o, p = shares.o, shares.p
    n_positive, delta_positive = d.given(positive(n)), d.given(positive(delta))
    drawn = d.given(cited.samples(P, mu, n))

    def each(relation, name="premise"):
        return d.given(Indexed(relation, "i", "1", m), name)

    i = "i"
    greatest = each(cited.deviations(G(i), F(i), mu, n))
    rad, unit = each(cited.averages(N(i), F(i), n)), each(cited.losses(F(i)))
    named = each(cited.logarithm(x(i), delta * o(i)))
    t_sign, t_value = each(nonnegative(t(i))), each(equal(n * t(i) ** 2, -2 * x(i)), "t = 2 sqrt(ln(1/(delta o))/(2n))")
    tail = each(cited.beyond(p(i), G(i) - 2 * N(i), P, t(i)))
    good = each(at_most(u.T @ (G(i) - 2 * N(i)), t(i)), "the sample is good for every cell")
    subadditive = d.given(at_most(q, shares.U(m)), "the probability of a union is at most the sum")

    def lemma(k, v, risk, mean_loss):
        letters = {"mu": mu, "F": F(k), "P": P, "G": G(k), "N": N(k), "u": u, "v": v, "n": n}
        letters |= {"delta": delta * o(k), "x": x(k), "t": t(k), "p": p(k), "risk": risk}
        members = [d.at(f, k) for f in (greatest, rad, unit, named, t_sign, t_value, tail, good)]
        return d.lemma(DEVIATION, letters, [n_positive, drawn, mean_loss, *members])[1]

    # In each cell some network stands for all.
    w, s = d.family("w[i]: r[i] 1", "i"), d.family("s[i]: 1 1", "i")
    some = each(cited.average(s(i), F(i), w(i), u, n), "the average loss of one network")
    total = shares.total(delta, delta_positive, lambda k: lemma(k, w(k), s(k), d.at(some, k))[0])
    d.squares(d.goal(at_most(q, delta)), [(1, subadditive), (1, total)])

    # The cell c.
    O, y, v = d.matrices("O: h r[c]", "y: k 1", "v: r[c] 1")
    err, risk = d.scalars("err risk")
    one_over_n = 1 / calculus.Var("n")
    nu, inverse = d.term(one_over_n), d.calculus_equal(calculus.Var("n") * one_over_n, calculus.term(1), [n_positive])
    ramped = d.given((losses or ramp_losses)(F(here), O, y))
    mean_loss = d.given(cited.average(risk, F(here), v, u, n))
    costs = d.given(at_most(err, mu.T @ F(here) @ v), "errors are below the ramp: generalization.margins_and_ramp")
    marked = d.given(cited.marked(u))
    _, deviation = lemma(here, v, risk, mean_loss)
    excess = d.squares(at_most(err, risk + 2 * (u.T @ N(here)) + t(here)), [(1, costs), (1, deviation)])
    evaluate_predicates(d)
    facts = (ramped, d.at(unit, here), d.at(rad, here), marked, n_positive, inverse, delta_positive, excess)
    return Cell(O, y, u, n, nu, t(here), err, risk, u.T @ N(here), *facts)


def close(
    d: Derivation, cell: Cell, complexity: Expr, k: Expr, T: Expr, taken: Fact, small: Fact, k_sign: Fact
) -> None:
    """The last step of every such bound: T bounds the suprema (`taken`) and T <= complexity (`small`)."""
    N = next(e for e in cell.averages.relation.arguments)
    F = cell.averages.relation.arguments[1]
    place = {"F": F, "N": N, "O": cell.outputs, "y": cell.labels, "u": cell.sample, "n": cell.n, "k": k, "T": T}
    _, (contracted,) = d.axiom(VECTOR_CONTRACTION, place, [cell.losses, cell.averages, cell.marked, taken])
    nu_positive = d.smt(positive(cell.inverse_n), [cell.n_positive, cell.inverse])
    d.squares(
        d.goal(at_most(cell.error, cell.risk + norm_excess(complexity, k, cell.t, cell.inverse_n))),
        [(1, cell.excess), (2, nu_positive, contracted), (4, nu_positive, k_sign, small)],
        [cell.inverse],
        rounds=4,
    )
