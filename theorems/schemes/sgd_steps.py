r"""What the proofs about two runs of stochastic gradient descent share."""

from __future__ import annotations

from fractions import Fraction

from theorems.proof import Derivation, Expr, Fact, at_least, at_most, equal, nonnegative


def step_with_different_examples(d: Derivation, D: Expr, a: Expr, L: Expr, a_sign: Fact, L_sign: Fact) -> Fact:
    r"""$q \le r + 2aL$ for $r = \|D\|$ and $q = \|D - a(k - l)\|$ with gradients of norm at most $L$; declared as a goal.

    Introduces the letters k, l (gradients), r, q (norms), x (inner product of D and k - l), y (squared norm of k - l).
    """
    k, l = d.matrices("k: d 1", "l: d 1")
    r, q, x, y = d.scalars("r q x y")
    e = k - l
    lengths = d.given(equal(r**2, D.squared_norm())), d.given(equal(q**2, (D - a * e).squared_norm()))
    signs = d.given(nonnegative(r)), d.given(nonnegative(q))
    bounded = [d.given(at_most(g.squared_norm(), L**2)) for g in (k, l)]
    x_value = d.given(equal(x, D.T @ e), "inner product")
    y_value = d.given(equal(y, e.squared_norm()), "squared norm")
    apart = d.squares(at_most(e.squared_norm(), 4 * L**2), [(2, bounded[0]), (2, bounded[1]), k + l])
    # Lagrange's identity gives the inequality of Cauchy and Schwarz.
    wedge = (Fraction(1, 2), D @ e.T - e @ D.T)
    product = d.squares(at_most((D.T @ e) ** 2, D.squared_norm() * e.squared_norm()), [wedge])
    schwarz = d.squares(at_most(x**2, r**2 * y), [(1, product)], [x_value, y_value, lengths[0]], rounds=4)
    y_small = d.squares(at_most(y, 4 * L**2), [(1, apart)], [y_value])
    y_sign = d.squares(nonnegative(y), [e], [y_value])
    length = d.algebra(equal(q**2, r**2 - 2 * a * x + a**2 * y), [*lengths, x_value, y_value])
    x_low = d.smt(at_least(x, -2 * r * L), [schwarz, y_small, y_sign, signs[0], L_sign])
    square = d.squares(at_most(q**2, (r + 2 * a * L) ** 2), [(2, a_sign, x_low), (1, y_small, a)], [length], rounds=4)
    return d.smt(d.goal(at_most(q, r + 2 * a * L)), [square, *signs, a_sign, L_sign])
