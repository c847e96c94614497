r"""Facts of topology that proofs cite, about a function $E$ and a set $S$ that some parameters `theta` describe."""

from __future__ import annotations

from theorems.cited.form import axiom
from theorems.proof import Expr, Relation, at_most, predicate

MUNKRES = "Munkres, Topology, 2nd ed."


def connected(theta: Expr, c: Expr) -> Relation:
    return predicate("the sublevel set is connected", theta, c)


def inside(theta: Expr, x: Expr) -> Relation:
    return predicate("lies in S", theta, x)


def value(theta: Expr, x: Expr, e: Expr) -> Relation:
    return predicate("has the value", theta, x, e)


def clopen(theta: Expr, c: Expr) -> Relation:
    return predicate("S is open and closed in the sublevel set", theta, c)


def compact(theta: Expr) -> Relation:
    return predicate("S is compact", theta)


def isolated(theta: Expr, c: Expr) -> Relation:
    return predicate("E = c on S, and E > c on O without S for an open O around S", theta, c)


CONNECTED_SETS = axiom(
    "connected sets",
    "theta: k 1, x: d 1, a: d 1, c, e",
    lambda theta, x, a, c, e: (
        [connected(theta, c), inside(theta, x), value(theta, a, e), at_most(e, c), inside(theta, a).negation],
        [clopen(theta, c).negation],
    ),
    "T",
    f"{MUNKRES}, section 23: only the empty set and the whole are open and closed in a connected set",
    "",
)
COMPACT_SETS = axiom(
    "compact sets are closed",
    "theta: k 1, c",
    lambda theta, c: ([compact(theta), clopen(theta, c).negation], [isolated(theta, c).negation]),
    "T",
    f"{MUNKRES}, section 26 (compact subspaces of a Hausdorff space are closed): S is closed, and the trace of the open O "
    "on {E <= c}",
    "",
)
