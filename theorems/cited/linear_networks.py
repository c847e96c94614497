r"""What proofs about linear networks take on trust: an argument of our own about ranks, for which the kernel has no word.

The network is $U H Z W$ with last layer $U$ and first layer $W$; its narrowest hidden layer, of width $p$, is between $H$ and $Z$.
"""

from __future__ import annotations

import functools

from theorems.proof import Axiom, Expr, Relation, Statement, equal, identity, letter, letters, nonzero, predicate

LOCAL_MINIMUM = "local minimum of the whole network, whose narrowest hidden layer is between H and Z"


def local_minimum(U: Expr, H: Expr, Z: Expr, W: Expr, X: Expr, Y: Expr) -> Relation:
    return predicate(LOCAL_MINIMUM, U, H, Z, W, X, Y)


@functools.cache
def full_rank() -> Axiom:
    r"""At a local minimum with $R X^\top \ne 0$ the product has the rank $p$ of the narrowest hidden layer.

    A smaller rank than $\min(\operatorname{rank} X, n_1, \dots, n_K)$ leads downhill. If that minimum is the rank of $X$ or
    the number of outputs, the gradient of the last or of the first layer alone gives $R X^\top = 0$.
    """
    shapes = ("U: m q", "H: q p", "Z: p h", "W: h n", "X: n N", "Y: m N", "R: m N")
    bound, new = tuple(map(letters, shapes)), (letters("B^-: p m"), letters("C^-: N p"))
    U, H, Z, W, X, Y, R = map(letter, bound)
    J, L = map(letter, new)
    premises = (local_minimum(U, H, Z, W, X, Y), equal(R, Y - U @ H @ Z @ W @ X), nonzero(R @ X.T))
    inverses = (equal(J @ U @ H, identity("p")), equal(Z @ W @ X @ L, identity("p")))
    source = "own argument: landscape.degenerate_local_minima_are_critical_for_the_product, Reading"
    return Axiom("degenerate local minima are stationary", Statement(bound, premises, inverses, new), "O", source)
