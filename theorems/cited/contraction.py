r"""One output instead of all: the ramp loss of the margin contracts Rademacher averages of many outputs."""

from __future__ import annotations

from typing import Any

from flint import fmpq

from numerics.arithmetic.exact import Matrix
from numerics.evidence.verdict import at_most as is_at_most
from numerics.learning.enumeration import greatest_supremum, sample_of
from numerics.learning.problems import margin, ramp
from theorems.cited import learning as cited
from theorems.cited.form import axiom
from theorems.proof import (
    Derivation,
    at_most,
    predicate,
)


def ramp_losses(F, O, y):
    return predicate("ramp losses at margin 1 of these outputs and labels", F, O, y)


def suprema(T, O, u, n, k):
    return predicate("T bounds the expected supremum of each of k outputs on the sample", T, O, u, n, k)


VECTOR_CONTRACTION = axiom(
    "vector contraction",
    "F: p r, N: q 1, O: h r, y: p 1, u: q 1, n, k, T",
    lambda F, N, O, y, u, n, k, T: (
        [ramp_losses(F, O, y), cited.averages(N, F, n), cited.marked(u), suprema(T, O, u, n, k)],
        [at_most(n * (u.T @ N), 2 * k * T)],
    ),
    "P",
    "Maurer, A vector-contraction inequality for Rademacher complexities, ALT 2016 (constant sqrt 2, as quoted in later work), with the margin "
    "sqrt 2-Lipschitz (generalization.margins_and_ramp) and the supremum of a sum at most the sum of the suprema",
    "E sup sum e_i loss(f(x_i)) <= sqrt 2 sqrt 2 E sup sum e_ij f_j(x_i) <= 2 k max_j E sup sum e_i f_j(x_i)",
)


def evaluate_predicates(d: Derivation) -> None:
    cited.evaluate_predicates(d)

    def losses(F: Matrix, O: Matrix, y: Matrix) -> bool:
        k = O.rows // F.rows
        return all(
            F[i, j] == ramp(margin([O[i * k + c, j] for c in range(k)], int(y[i, 0].p)), fmpq(1))
            for i in range(F.rows)
            for j in range(F.cols)
        )

    def bounded(T: Any, O: Matrix, u: Matrix, n: Any, k: Any) -> Any:
        outputs, size = int(k.p), int(n.p)
        s = sample_of(u, O.rows // outputs, size)
        return cited._truth(is_at_most(greatest_supremum(O, outputs, s), T))

    d.model_predicate("ramp losses at margin 1 of these outputs and labels", losses)
    d.model_predicate("T bounds the expected supremum of each of k outputs on the sample", bounded)
