r"""Elementary lemmas about numbers and matrices, proved by the kernel: they say nothing about networks.

A lemma that is a claim of its own is a page; these are what a textbook uses without a word.
"""

from __future__ import annotations

from fractions import Fraction

from theorems.proof import Derivation, Letter, Statement, at_most, letter, nonnegative, positive


def nonzero_by_inner_product() -> Derivation:
    r"""A lemma: $\langle F, H \rangle > 0$ gives $\|F\|_F^2 > 0$."""
    d = Derivation("a matrix with a positive inner product is not zero")
    F, H = d.matrices("F: a b", "H: a b")
    c = d.given(positive(F.inner(H)))
    goal = d.goal(positive(F.squared_norm()))
    one = d.squares(positive(1 + H.squared_norm()), [(1,), H])
    rho, inverse = d.reciprocal(one, "rho")
    above_zero = d.smt(positive(rho), [one, inverse])
    nearest = F - F.inner(H) * rho * H
    d.squares(goal, [nearest, (1, c, c, above_zero), (1, c, c, above_zero, above_zero)], [inverse])
    return d


def small_number() -> Derivation:
    r"""A lemma: for $a, q \ge 0$ and $r > 0$ there is $\tau > 0$ with $\tau^2 a \le r$ and $\tau q \le 1$."""
    d = Derivation("there are small positive numbers")
    a, q, r = d.scalars("a q r")
    size, slope, radius = d.given(nonnegative(a)), d.given(nonnegative(q)), d.given(positive(r))
    tau = Letter("tau", "1", "1")
    t = letter(tau)
    goal = Statement((), (), (positive(t), at_most(t * t * a, r), at_most(t * q, 1)), (tau,))
    d.goal(goal)
    total = d.squares(positive(r + r * q + a), [(1, radius), (1, radius, slope), (1, size)])
    rho, inverse = d.reciprocal(total, "rho")
    rho_size = d.smt(positive(rho), [total, inverse])
    x = r * rho
    one = d.squares(at_most(x, 1), [(1, radius, rho_size, slope), (1, size, rho_size)], [inverse])
    part = d.squares(at_most(rho * a, 1), [(1, radius, rho_size, slope), (1, radius, rho_size)], [inverse])
    facts = [
        d.squares(positive(x), [(1, radius, rho_size)]),
        d.squares(at_most(x * x * a, r), [(1, radius, one), (1, radius, radius, rho_size, part)]),
        d.squares(at_most(x * q, 1), [(1, radius, rho_size), (1, size, rho_size)], [inverse]),
    ]
    d.exhibit(goal, {"tau": x}, facts)
    return d


def no_descent_no_gap() -> Derivation:
    r"""A lemma: if a tilt by $\tau (\lambda \kappa - 1)$, with $\tau$ small, does not lower the loss, then $\lambda \kappa \le 1$."""
    d = Derivation("no descent by a tilt, no gap")
    lam, kappa, nu, beta, tau = d.scalars("lambda kappa nu beta tau")
    excess = lam * kappa - 1
    c = tau * excess
    lam_size, kappa_size = d.given(nonnegative(lam)), d.given(nonnegative(kappa))
    nu_size, beta_size, above_zero = d.given(positive(nu)), d.given(nonnegative(beta)), d.given(positive(tau))
    short = d.given(at_most(tau * (1 + (1 + excess**2) * beta), 1))
    not_lower = d.given(nonnegative(c**2 * lam**2 * nu * (c**2 * beta - excess)))
    goal = d.goal(at_most(lam * kappa, 1))
    half = d.smt(at_most(tau * tau * excess * beta, Fraction(1, 2)), [beta_size, above_zero, short])
    d.smt(goal, [lam_size, kappa_size, nu_size, above_zero, half, not_lower])
    return d


def cauchy_schwarz() -> Derivation:
    r"""A lemma: $\langle X, Y \rangle^2 \le \|X\|^2 \|Y\|^2$ for vectors, since $\|X Y^\top - Y X^\top\|_F^2$ is twice the difference."""
    d = Derivation("Cauchy-Schwarz")
    X, Y = d.matrices("X: n 1", "Y: n 1")
    goal = d.goal(at_most((X.T @ Y) ** 2, X.squared_norm() * Y.squared_norm()))
    d.squares(goal, [(Fraction(1, 2), X @ Y.T - Y @ X.T)])
    return d


def triangle_inequality() -> Derivation:
    r"""A lemma: $\|X\| \le p$ and $\|Y\| \le q$ give $\|X + Y\| \le p + q$, written with squares."""
    d = Derivation("triangle inequality")
    X, Y = d.matrices("X: n 1", "Y: n 1")
    p, q = d.scalars("p q")
    x, y = X.squared_norm(), Y.squared_norm()
    X_small, Y_small = d.given(at_most(x, p**2)), d.given(at_most(y, q**2))
    signs = [d.given(nonnegative(p)), d.given(nonnegative(q))]
    goal = d.goal(at_most((X + Y).squared_norm(), (p + q) ** 2))
    _, (angle,) = d.lemma(cauchy_schwarz(), {"X": X, "Y": Y})
    # <X, Y>^2 <= |X|^2 |Y|^2 <= p^2 q^2, and so <X, Y> <= p q.
    bounded = d.squares(at_most((X.T @ Y) ** 2, p**2 * q**2), [(1, angle), (1, X_small, Y), (1, Y_small, p)])
    product = d.smt(at_most(X.T @ Y, p * q), [bounded, *signs])
    d.squares(goal, [(1, X_small), (1, Y_small), (2, product)])
    return d
