r"""From a box to all of space: only by a lemma that fits the loss, and each lemma checks by itself that it does.

A count inside a box says nothing of what lies outside it: components may lie there, and those that touch the box may be
joined there. For some families of losses more is true. For others, such as linear networks of width two and more, balancing
does not bound the weights: say "inside the box".

- `ridge_box`: a loss that is at least $\sum \lambda_i w_i^2 + c$ has its sublevel set in an explicit box.
- `ScalarChain`: $(w_1 \cdots w_K - y)^2$. The set retracts to a box, and $N_u$ is known for all $u$.
- `ScalarRidge`: $(w_1 \cdots w_K - y)^2 + \lambda \sum w_i^2$. $N_u$ is known for all $u$.
- `StarShape`: the set is star-shaped, hence connected, at the critical value and above.

`count_by_formula` tries the last three: it decides critical values, at which cells cannot.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from flint import fmpq

from numerics.arithmetic.polynomial import Polynomial
from numerics.evidence.errors import InputError
from numerics.evidence.verdict import Verdict, decided, fails, holds
from numerics.sublevel.cells.component_certificate import ComponentsCertificate
from numerics.sublevel.cells.enclosures import Box, finite
from numerics.sublevel.cells.expression import Expression
from numerics.sublevel.cells.one_variable import components
from numerics.sublevel.cells.tape import Exact, Tape

Monomials = dict[tuple[int, ...], fmpq]


def expand(E: Expression) -> Monomials:
    """The monomials of a polynomial loss: exponents of `E.parameters`, and coefficients. Raises `InputError` for others."""
    from flint import Ordering, fmpq_mpoly_ctx

    if not E.is_polynomial:
        raise InputError(f"The loss must be a polynomial, found {E}.")
    names = E.parameters
    if not names:
        return {(): E()} if E() != 0 else {}
    context = fmpq_mpoly_ctx.get(names, Ordering.lex)

    class Polynomials(Exact):
        def constant(self, q: fmpq) -> Any:
            return context.constant(q)

    (p,) = Tape((E,), names).run(Polynomials(), list(context.gens()))
    return {tuple(map(int, exponents)): c for exponents, c in p.to_dict().items()}


# A ridge.


def ridge_box(E: Expression, u: Any) -> dict[str, fmpq]:
    r"""Numbers $r_i^2$ with $\{E \le u\} \subseteq \{|w_i| \le r_i\}$, for a sum of squares and non-negative terms.

    The terms of $E$ are sorted: multiples $\lambda_i w_i^2$, $\lambda_i > 0$, a constant $c$, and a rest that is non-negative
    because it is made of even powers, absolute values and `relu` by sums and products. Then $E \ge \sum \lambda_i w_i^2 + c$,
    so that $E \le u$ implies $w_i^2 \le (u - c)/\lambda_i$ (nothing, if $u < c$).

    Raises `InputError` when a parameter has no such square or a term may be negative.
    """
    level = finite(u, "the level `u`")
    ridge: dict[str, fmpq] = {}
    bottom = fmpq(0)
    for term in E.args if E.op == "sum" else (E,):
        number, factors = fmpq(1), term.args if term.op == "product" else (term,)
        if factors[0].op == "constant":
            number, factors = factors[0].value, factors[1:]
        if not factors:
            bottom += number
        elif len(factors) == 1 and _is_square(factors[0]) and number > 0:
            name = factors[0].args[0].value
            ridge[name] = ridge.get(name, fmpq(0)) + number
        elif number < 0 or not all(_is_nonnegative(f) for f in factors):
            raise InputError(f"The terms of the loss must be squares and other non-negative terms, found {term}.")
    missing = [name for name in E.parameters if name not in ridge]
    if missing:
        raise InputError(f"The loss must have a positive multiple of {missing[0]}**2 among its terms, found none.")
    return {name: max(fmpq(0), (level - bottom) / ridge[name]) for name in E.parameters}


def _is_square(f: Expression) -> bool:
    return f.op == "power" and f.value == 2 and f.args[0].op == "parameter"


def _is_nonnegative(f: Expression) -> bool:
    match f.op:
        case "constant":
            return f.value >= 0
        case "power":
            return f.value % 2 == 0 or _is_nonnegative(f.args[0])
        case "sum" | "product":
            return all(_is_nonnegative(a) for a in f.args)
        case "abs" | "relu":
            return True
        case _:
            return False


# Scalar chains.


@dataclass(frozen=True)
class ScalarChain:
    r"""$E = (w_1 \cdots w_K - y)^2$ in all of $\mathbb R^K$, $K \ge 1$.

    **The count.** $N_u = 0$ for $u < 0$; $N_u = 1$ for $u \ge y^2$; and for $0 \le u < y^2$, $N_u = 2^{K-1}$. *Proof.* $E \le
    u$ says that $p = \prod w_i$ lies in $I = [y - \sqrt u, y + \sqrt u]$. If $u \ge y^2$, $0 \in I$ and with $w$ all $tw$, $t
    \in [0, 1]$, have $t^K p \in I$: star-shaped. Else all of $I$ has the sign of $y \ne 0$: no weight vanishes, signs are
    constant on components, and the $2^{K-1}$ patterns with the sign of $y$ occur. Each pattern is connected: in $x_i =
    \log|w_i|$ it is the convex set $\sum x_i \in \log |I|$ (at $u = 0$ a hyperplane). $\square$

    **The retraction.** If $R^K \ge |y| + \sqrt u$, then $\{E \le u\}$ has the set inside $[-R, R]^K$ as a deformation retract;
    so the components of one are those of the other. *Proof.* Let $E(w) \le u$, so that $|p| \le R^K$. For $l \ge 1$ put
    $c_i = \min(l, R/|w_i|)$ ($R/0 = \infty$). $\prod c_i$ is at most 1 at $l = 1$. As $l$ grows it increases strictly until no
    $c_i$ moves any more, where it is $R^K/|p| \ge 1$, or without bound if some $w_i = 0$. So $\prod c_i = 1$ for one $c =
    c(w)$. It is continuous: $c_i \ge \min(1, R/|w_i|)$ and $\prod c_i = 1$ bound it locally, and a limit of $c(w_n)$ is again
    of this form (take a subsequence with $l_n \to l \in [1, \infty]$), hence is $c(w)$. The map $w \mapsto (w_i c_i^t)_i$, $0
    \le t \le 1$, keeps $p$ and so $E$. It fixes the points of the cube, where $l = 1$ gives $c = 1$, and ends in the cube.
    $\square$
    """

    E: Expression
    target: fmpq

    @staticmethod
    def of(E: Expression) -> ScalarChain:
        """Raises `InputError` unless the loss is such a chain."""
        terms, K = expand(E), len(E.parameters)
        y = -terms.get((1,) * K, fmpq(0)) / 2
        chain = ScalarChain(E, y)
        if not chain.fits():
            raise InputError(f"The loss must be (w1*...*wK - y)**2 with a number y, found {E}.")
        return chain

    def fits(self) -> bool:
        """That the loss is this polynomial."""
        K, y = len(self.E.parameters), self.target
        expected = {(2,) * K: fmpq(1), (1,) * K: -2 * y, (0,) * K: y**2}
        return K > 0 and expand(self.E) == {e: c for e, c in expected.items() if c != 0}

    def count(self, u: Any) -> int:
        level = finite(u, "the level `u`")
        if level < 0:
            return 0
        return 1 if level >= self.target**2 else 2 ** (len(self.E.parameters) - 1)

    def retracts_to(self, box: Box, u: fmpq) -> Verdict:
        """Whether the box is a cube $[-R, R]^K$ with $R^K \\ge |y| + \\sqrt u$."""
        R = box.hi[0]
        if not self.fits() or set(box.names) != set(self.E.parameters):
            return fails("the loss is not a scalar chain in the coordinates of the box")
        if any(b != R for b in box.hi) or any(a != -R for a in box.lo):
            return fails("the box is not a cube around 0")
        room = R**box.dimension - abs(self.target)
        return decided(room >= 0 and (u < 0 or room**2 >= u), "R^K >= |y| + sqrt(u)")


@dataclass(frozen=True)
class ScalarRidge:
    r"""$E = (w_1 \cdots w_K - y)^2 + \lambda \sum w_i^2$ in all of $\mathbb R^K$, $K \ge 2$, $\lambda > 0$.

    Let $n$ be the number of components of $\{s \in \mathbb R : H(s) \le u\}$, $H(s) = (s^{2K} - |y|)^2 + K \lambda s^4$. Then
    $$N_u = 2^{K-2}\, n \text{ for } u < y^2, \qquad N_u = 1 + 2^{K-2} (n - 1) \text{ for } u \ge y^2 .$$
    $n$ is found exactly (`one_variable.py`), at critical values of $E$ too. For $K = 2$, $\lambda < |y|$: $N_u = 0$ below $2 \lambda |y| -
    \lambda^2$, 2 from there to below $y^2$, 1 from $y^2$ on; and for $\lambda \ge |y|$, 0 below $y^2$ and 1 from there on. For $K \ge
    3$, 0 is a strict local minimum, and a poor one for small $\lambda$: it is the odd one of 5 components at $K = 3$, $y = 1$, $\lambda =
    1/10$, $u = 1$.

    *Proof.* Changing the sign of $w_1$, let $y \ge 0$. Let $A$ be an open orthant where $p = \prod w_i > 0$; there are $2^{K-1}$. In
    $x_i = \log |w_i|$, move all $x_i$ to their mean on a straight line: $p$ stays, and the convex symmetric $\sum e^{2 x_i}$ falls,
    because it is least at the mean among all points with this sum. So $\{E \le u\} \cap A$ retracts to its diagonal $|w_i| = r > 0$, where
    $E = G(r) = (r^K - y)^2 + K \lambda r^2$: its components are those of $\{r > 0 : G(r) \le u\}$. Elsewhere, $p \le 0$ and $E(w) \ge y^2 + \lambda |w|^2$;
    there, and at $0$, $E(tw) \le E(w)$ for $t \in [0, 1]$, because $(tp - y)^2$ increases with $t \ge 0$ for $p \le 0$.

    Let $u < y^2$. Then the set lies in the $2^{K-1}$ orthants $A$, disjoint open sets, and $G(0) > u$. $H(s) = G(s^2)$ is even and $H(0) > u$: half
    of the $n$ components are at $s > 0$.

    Let $u \ge y^2$. All points with $p \le 0$ are joined to $0$ in the set. So are, in each $A$, those that retract to the component of $\{r \ge 0 : G(r) \le u\}$
    that contains 0, since the diagonal leads to $0$. The other components of this set are compact intervals at a distance from 0,
    the points of $A$ that retract to one of them form a compact connected set, the points that are joined to 0 another, and finitely many
    compact sets that are disjoint are apart. There are $(n - 1)/2$ of them in each $A$: $H(0) \le u$, so one of the $n$ components contains 0, and the others come in
    pairs. $\square$
    """

    E: Expression
    target: fmpq
    ridge: fmpq

    @staticmethod
    def of(E: Expression) -> ScalarRidge:
        """Raises `InputError` unless the loss is of this form."""
        terms, K = expand(E), len(E.parameters)
        squares = [tuple(2 * (i == k) for i in range(K)) for k in range(K)]
        y, ridge = -terms.get((1,) * K, fmpq(0)) / 2, terms.get((2,) + (0,) * (K - 1), fmpq(0))
        expected = {(2,) * K: fmpq(1), (1,) * K: -2 * y, (0,) * K: y**2} | dict.fromkeys(squares, ridge)
        if K < 2 or ridge <= 0 or terms != {e: c for e, c in expected.items() if c != 0}:
            raise InputError(
                f"The loss must be (w1*...*wK - y)**2 + c*(w1**2 + ... + wK**2) with K > 1 and c > 0, found {E}."
            )
        return ScalarRidge(E, y, ridge)

    def count(self, u: Any) -> int:
        level, y, K = finite(u, "the level `u`"), abs(self.target), len(self.E.parameters)
        s = Polynomial([0, 1])
        n = len(components((s ** (2 * K) - y) ** 2 + K * self.ridge * s**4, level))
        return 2**K * n // 4 if level < y**2 else 1 + 2**K * (n - 1) // 4


# Star-shaped sets.


@dataclass(frozen=True)
class StarShape:
    r"""$\{E \le u\}$ is star-shaped around 0 and not empty, hence has one component: in all of space, and in every box around 0.

    Let $E$ be a polynomial and $E_j$ its part of degree $j$. If for some $k \ge 1$ all $E_j$ with $j > k$ are non-negative and
    all with $0 < j < k$ are non-positive, and $u \ge E(0)$, then $E(w) \le u$ implies $E(tw) \le u$ for $t \in [0, 1]$. *Proof.*
    With $s = t^k$, $E(tw) = \sum_j s^{j/k} E_j(w)$. The function $s^{j/k}$ on $[0, 1]$ is convex for $j \ge k$, concave for $j
    \le k$ and linear for $j = k$. So this is a convex function of $s$, and at most the larger of its end values $E(0)$ and
    $E(w)$. $\square$

    A part counts as non-negative here when its monomials are squares with positive coefficients, or when it is a positive
    multiple of a square. It serves at the critical value itself, which cells cannot decide: for $(q(w) - y)^2$ with $q$
    homogeneous of degree $k$, as $w_1 \cdots w_k$ or $ab + cd$, at every $u \ge y^2$.
    """

    E: Expression
    u: fmpq
    box: Box | None = None

    def verify(self) -> Verdict:
        if not self.E.is_polynomial:
            return fails("the loss is not a polynomial")
        terms = expand(self.E)
        at_zero = terms.get((0,) * len(self.E.parameters), fmpq(0))
        if at_zero > self.u:
            return fails(f"the loss at 0 is {at_zero}, above the level {self.u}")
        if self.box is not None and not all(a <= 0 <= b for a, b in zip(self.box.lo, self.box.hi, strict=True)):
            return fails("0 does not lie in the box")
        parts: dict[int, Monomials] = {}
        for e, c in terms.items():
            parts.setdefault(sum(e), {})[e] = c
        signs = {j: _sign(part) for j, part in parts.items() if j}
        for k in sorted(signs) or [1]:
            if all(j == k or sign == (1 if j > k else -1) for j, sign in signs.items()):
                return holds(f"convex in t^{k} along rays, and E(0) = {at_zero} <= {self.u}")
        return fails("no power of t makes the loss convex along rays term by term")


def _sign(part: Monomials) -> int:
    """1 if the polynomial is clearly nowhere negative, -1 if nowhere positive, 0 if that is not seen."""
    from flint import Ordering, fmpq_mpoly_ctx

    sign = 1 if next(iter(part.values())) > 0 else -1
    if all(sign * c > 0 and all(n % 2 == 0 for n in e) for e, c in part.items()):
        return sign
    names = tuple(f"x{i}" for i in range(len(next(iter(part)))))
    leading, factors = fmpq_mpoly_ctx.get(names, Ordering.lex).from_dict(part).factor_squarefree()
    if any(n % 2 for _, n in factors):
        return 0
    return 1 if leading > 0 else -1


# From a count inside a box.


@dataclass(frozen=True)
class WholeSpace:
    r"""The bounds of a certificate for a box, for all of space: by the ridge (`lemma` "ridge") or the retraction of scalar
    chains ("chain")."""

    certificate: ComponentsCertificate
    lemma: str

    @property
    def count(self) -> int | None:
        c = self.certificate
        return c.lower if c.lower == c.upper else None

    def check_lemma(self) -> Verdict:
        """That the lemma applies to this loss, box and level."""
        c = self.certificate
        try:
            if self.lemma == "chain":
                return ScalarChain.of(c.E).retracts_to(c.box, c.u)
            radii = ridge_box(c.E, c.u)
        except InputError as problem:
            return fails(str(problem))
        if self.lemma != "ridge" or set(radii) != set(c.box.names):
            return fails(f"there is no lemma {self.lemma!r} for the parameters {', '.join(c.box.names)}")
        for name, a, b in zip(c.box.names, c.box.lo, c.box.hi, strict=True):
            if max(a, -b) > 0 or min(-a, b) ** 2 < radii[name]:
                return fails(f"the box must contain |{name}| <= sqrt({radii[name]}), found [{a}, {b}]")
        return holds("the box contains the ridge box")

    def verify(self) -> Verdict:
        return self.check_lemma() & self.certificate.verify()


def in_all_of_space(certificate: ComponentsCertificate) -> WholeSpace:
    """The same bounds for all of space, by the first lemma that applies.

    Raises `InputError` when none does: then the count is one inside the box.
    """
    problems = []
    for lemma in ("ridge", "chain"):
        found = WholeSpace(certificate, lemma)
        verdict = found.check_lemma()
        if verdict.holds:
            return found
        problems.append(f"{lemma}: {verdict.reason.rstrip('.')}")
    raise InputError(
        f"No lemma takes the count from the box to all of space ({'; '.join(problems)}): say 'inside the box', or enlarge it."
    )


def ridge_cube(E: Expression, u: Any) -> Box:
    """The smallest cube with integer corners that `ridge_box` guarantees to contain the set. Raises as `ridge_box`."""
    side = 1 + max(math.isqrt(int(r.p // r.q)) for r in ridge_box(E, u).values())
    return Box.of((-side, side), E)


# A known count.


def count_by_formula(E: Expression, u: Any) -> tuple[int, str] | None:
    """$N_u$ in all of space, exactly, and why, for the families above: also at critical values. `None` for other losses."""
    level = finite(u, "the level `u`")
    for family, name in ((ScalarChain, "scalar chains"), (ScalarRidge, "scalar chains with a ridge")):
        try:
            return family.of(E).count(level), f"by the formula for {name}"
        except InputError:
            continue
    return (1, "because the set is star-shaped around 0") if StarShape(E, level).verify().holds else None
