"""How expressions and derivations are printed: what is read is what was proved."""

from __future__ import annotations

import random
import re
from fractions import Fraction

from theorems.proof import (
    Derivation,
    Expr,
    Indexed,
    Letter,
    at_least,
    dimension,
    equal,
    identity,
    letter,
    nonnegative,
    number,
    predicate,
    zero,
    zeros,
)
from theorems.proof.kernel.words import at_index, derivative, gradient, substitute
from theorems.proof.render import latex, latex_made, latex_name, latex_prose, latex_text, plain, plain_made

LETTERS = [Letter("A", "n", "n"), Letter("B", "n", "m"), Letter("S", "n", "n", True), Letter("u", "n", "1")]
A, B, S, u = map(letter, LETTERS)
s, t = letter(Letter("s", "1", "1")), letter(Letter("t", "1", "1"))
n = dimension("n")


def test_normal_forms_as_text() -> None:
    for e, text in [
        (A @ B, "A B"),
        (A.T @ A @ A, "A' A^2"),
        (A.T @ A.T, "A'^2"),
        (A - 2 * S, "A - 2 S"),
        (-A, "-A"),
        (-A / 2 + identity("n"), "-1/2 A + I"),
        (n * identity("n"), "n I"),
        ((A @ S).trace(), "tr(A S)"),
        (u.T @ A @ u, "u' A u"),
        (s * s * t, "s^2 t"),
        (s * A, "s A"),
        (number(0), "0"),
        (zeros("n", "m"), "0"),
        (number(-3), "-3"),
        (n * n - 1, "n^2 - 1"),
        (A.trace() ** 2 * u, "tr(A)^2 u"),
        ((A @ A).trace(), "tr(A^2)"),
    ]:
        assert plain(e) == text and repr(e) == text


def test_normal_forms_as_latex() -> None:
    for e, text in [
        (A @ B, "A B"),
        (A.T @ A @ A, "A^{\\top} A^{2}"),
        (A.T @ A.T, "{(A^{\\top})}^{2}"),
        (A.squared_norm(), "\\|A\\|_F^2"),
        ((A @ S).squared_norm(), "\\|A S\\|_F^2"),
        ((A @ A @ S).trace(), "\\operatorname{tr}(A^{2} S)"),
        ((A @ B).squared_norm(), "\\|A B\\|_F^2"),
        ((S @ S).trace(), "\\|S\\|_F^2"),
        ((A @ S).trace(), "\\operatorname{tr}(A S)"),
        (A / 2 - Fraction(2, 3) * S, "\\tfrac{1}{2}\\,A - \\tfrac{2}{3}\\,S"),
        (u.T @ A @ u, "(u^{\\top} A u)"),
        (s * s * n, "n\\,s^{2}"),
        (number(2), "2"),
    ]:
        assert latex(e) == text


def test_expressions_as_they_were_written() -> None:
    x = LETTERS[0]
    for e, text in [
        (A @ (B + B), "A (B + B)"),
        ((A + S) @ B - B, "(A + S) B - B"),
        (A - (S + A), "A - (S + A)"),
        (A - (S - A), "A - (S - A)"),
        (-(A + S), "-(A + S)"),
        (-A @ B, "(-A) B"),
        (A @ (-S), "A (-S)"),
        ((A + S).T, "(A + S)'"),
        (A.T.T, "(A')'"),
        ((A @ S) ** 2, "(A S)^2"),
        ((A**2) ** 3, "(A^2)^3"),
        (2 * (s + 1), "2 (s + 1)"),
        (s / 2, "(1/2) s"),
        (s * -1, "(-1) s"),
        ((A + S).trace() * A, "tr(A + S) A"),
        ((A - S).squared_norm(), "|A - S|^2"),
        (A.inner(S @ A), "<A, S A>"),
        (identity("n") @ A, "I_n A"),
        (n * s, "n s"),
        (identity("1") + s, "1 + s"),
        (zeros("n", "n") + A, "0 + A"),
        (zeros("n", "n") @ A, "0 A"),
        (derivative(A @ A, {x: S}), "D(A A)[A -> S]"),
        (gradient(A.squared_norm(), x), "2 A"),
    ]:
        assert plain_made(e) == text
    assert latex_made((A + S) @ B - B.T.T) == "\\left(A + S\\right) B - {\\left(B^{\\top}\\right)}^{\\top}"
    assert latex_made(A.inner(S)) == "\\left\\langle A,\\ S\\right\\rangle"
    assert latex_made((A - S).squared_norm()) == "\\left\\|A - S\\right\\|_F^2"
    assert (
        latex_made(s / 2 + (A**3).trace()) == "\\left(\\tfrac{1}{2}\\right) s + \\operatorname{tr}\\left(A^{3}\\right)"
    )
    assert latex_made(derivative(A @ A, {x: S})) == "\\mathrm{D}\\left(A A\\right)\\left[A \\to S\\right]"
    assert latex_made(identity("n") - A) == "I_{n} - A"


def test_a_leading_minus_is_not_lost_in_a_product() -> None:
    """A normal form inside what was written: `A (-2 B)` must not read `A - 2 B`."""
    minus = Expr("n", "m", (-2 * B).terms)
    assert plain_made(A @ minus) == "A (-2 B)" and plain_made(minus) == "-2 B"
    assert plain_made(A @ Expr("n", "m", (2 * B).terms)) == "A 2 B"
    assert plain_made(s * Expr("1", "1", (s - 1).terms)) == "s (s - 1)"
    assert plain_made(A @ Expr("n", "n", {})) == "A (0)"


def test_a_replaced_dimension_is_shown() -> None:
    """What was written with `n` is not printed with `n` once it speaks of `k`."""

    def W(i: str) -> Expr:
        return letter(Letter(f"W[{i}]", f"n[{i}]", f"n[{i}]"))

    M, x = letter(Letter("M", "k", "k")), LETTERS[0]
    square = W("j") @ W("j") - dimension("n[j]") * identity("n[j]")
    assert plain_made(substitute(A @ identity("n"), {x: M}, {"n": "k"})) == "M I_k"
    assert plain_made(substitute(n * A, {x: M}, {"n": "k"})) == "k M"
    assert plain_made(substitute(n * (A + A), {}, {"n": "n", "m": "k"})) == "n (A + A)"
    assert "n[j]" not in plain_made(at_index(square, "j", "2")) and "n[2]" in plain_made(at_index(square, "j", "2"))
    assert plain_made(at_index(W("j") @ (W("j") + W("j")), "j", "2")) == "W[2] (W[2] + W[2])"
    assert plain_made(substitute(A @ (A + S), {x: -S})) == "(-S) (-S + S)"
    twice = substitute(substitute(n * (A + A), {}, {"n": "k"}), {Letter("A", "k", "k"): M.T})
    assert plain_made(twice) == "k (M' + M')"
    moved = substitute(derivative(A @ A, {x: S}), {x: S @ A})
    assert plain_made(moved) in (plain(moved), "S (S A) + (S A) S")  # not `D(S A S A)[A -> S]`
    for e in (square, n * A, moved, twice):
        assert plain_made(equal(e, 0 * e).expr)


def read(text: str, at: dict[str, Expr]) -> Expr:
    """A small reader of `plain_made` for letters, +, -, products, ' and ^: the printed text as an expression."""
    tokens = re.findall(r"[A-Za-z]\w*|\d+|[()+\-'^]", text)

    def sum_() -> Expr:
        total = -product() if tokens[0] == "-" and tokens.pop(0) else product()
        while tokens and tokens[0] in "+-":
            sign = tokens.pop(0)
            total = total + product() if sign == "+" else total - product()
        return total

    def product() -> Expr:
        factors = [power()]
        while tokens and tokens[0] not in "+-)":
            factors.append(power())
        result = factors[0]
        for f in factors[1:]:
            result = result * f if result.is_scalar or f.is_scalar else result @ f
        return result

    def power() -> Expr:
        token = tokens.pop(0)
        if token == "(":
            e = sum_()
            assert tokens.pop(0) == ")"
        else:
            e = number(int(token)) if token.isdigit() else at[token]
        while tokens and tokens[0] in "'^":
            e = e.T if tokens.pop(0) == "'" else e ** int(tokens.pop(0))
        return e

    result = sum_()
    assert not tokens
    return result


def test_what_is_printed_reads_as_what_was_meant() -> None:
    rng, at = random.Random(5), {"A": A, "S": S, "s": s, "t": t}

    def grow(depth: int) -> Expr:
        if depth == 0:
            return rng.choice([A, S])
        e, f = grow(depth - 1), grow(depth - 1)
        made = [e + f, e - f, e @ f, -e, e.T, e**2, s * e, 3 * e, (s - t) * e, e @ Expr("n", "n", (f - e).terms)]
        made.append(e @ Expr("n", "n", (-2 * A).terms))
        return rng.choice(made)

    for _ in range(400):
        e = grow(rng.randrange(1, 4))
        assert read(plain_made(e), at) == e, plain_made(e)


def test_names() -> None:
    for name, text in [
        ("W", "W"),
        ("W[j+1]", "W_{j+1}"),
        ("W_1", "W_{1}"),
        ("W_12", "W_{12}"),
        ("sigma", "\\sigma"),
        ("sigma_1", "\\sigma_{1}"),
        ("lambda[i]", "\\lambda_{i}"),
        ("W_1[j]", "W_{1,j}"),
        ("W[i][j]", "W_{i,j}"),
        ("a_b_c", "a_{b,c}"),
        ("Sigma'", "\\Sigma'"),
        ("alphabet", "alphabet"),
        ("x1", "x1"),
        ("1", "1"),
    ]:
        assert latex_name(name) == text


def test_text() -> None:
    assert latex_text("a_b & 5% #1") == "a\\_b \\& 5\\% \\#1" and "^" not in latex_text("x^2").replace("circum", "")
    assert predicate("full_rank", A).latex() == "\\text{full\\_rank}(A)"
    assert latex_prose(predicate("full_rank", A).negation) == "not: full\\_rank $(A)$"


def test_facts_as_latex_prose() -> None:
    d = Derivation()
    w = d.family("w[i]: 1 1", "i")
    p = d.given(Indexed(zero(w("i")), "i", "1", "2"), "all w_i vanish")
    d.algebra(equal(w(1) ** 2, 0), [d.at(p, "1")])
    d.goal(nonnegative(w(1)))
    assert [latex_prose(f.content) for f in d.facts] == [
        "for all $1 \\le i \\le 2$: $w_{i} = 0$",
        "$w_{1} = 0$",
        "$w_{1}^{2} = 0$",
    ]
    assert str(at_least(w(1), 2)) == "w[1] >= 2"
