"""The normal form against arithmetic: random expressions are compared with their values, computed without it.

A random *tree* of sums, products, transposes and traces is built twice: as an expression, and as a matrix modulo
$2^{61} - 1$ with every dimension above the degree, where a non-zero polynomial vanishes at random matrices with
probability below $10^{-16}$.
"""

from __future__ import annotations

import os
import pickle
import random
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import pytest
from flint import nmod, nmod_mat

from theorems.proof.crosscheck import MODULAR, PRIME, evaluate
from theorems.proof.kernel.words import (
    Expr,
    Letter,
    ShapeError,
    at_index,
    derivative,
    dimension,
    gradient,
    identity,
    index_symbol,
    indices,
    is_well_formed,
    letter,
    number,
    parse_index,
    shift_index,
    show_index,
    substitute,
    zeros,
)

LETTERS = [
    Letter("A", "n", "n"),
    Letter("B", "n", "m"),
    Letter("C", "m", "n"),
    Letter("S", "n", "n", symmetric=True),
    Letter("M", "m", "m"),
    Letter("u", "n", "1"),
    Letter("v", "m", "1"),
    Letter("w", "1", "n"),
    Letter("s", "1", "1"),
    Letter("t", "1", "1"),
]
DIMS = ("n", "m", "1")
SIZES = {"n": 8, "m": 9, "p": 10, "1": 1}


# Trees: (operation, rows, cols, children).


@dataclass(frozen=True)
class Tree:
    op: str
    rows: str
    cols: str
    parts: tuple[Any, ...] = ()

    def expr(self) -> Expr:
        match self.op, self.parts:
            case "letter", (x,):
                return letter(x)
            case "T", (a,):
                return a.expr().T
            case "+", (a, b):
                return a.expr() + b.expr()
            case "-", (a, b):
                return a.expr() - b.expr()
            case "@", (a, b):
                return a.expr() @ b.expr()
            case "*", (a, b):
                return a.expr() * b.expr()
            case "q", (c, a):
                return c * a.expr()
            case "tr", (a,):
                return a.expr().trace()
            case "<>", (a, b):
                return a.expr().inner(b.expr())
            case "||", (a,):
                return a.expr().squared_norm()
            case "^", (a, k):
                return a.expr() ** k
            case "dim", (n,):
                return dimension(n)
            case "I", ():
                return identity(self.rows)
        raise AssertionError(self.op)

    def value(self, at: Mapping[Letter, nmod_mat]) -> nmod_mat:
        """The value as a matrix, 1 x 1 matrices included, straight from the tree."""
        match self.op, self.parts:
            case "letter", (x,):
                return at[x]
            case "T", (a,):
                return a.value(at).transpose()
            case "+", (a, b):
                return a.value(at) + b.value(at)
            case "-", (a, b):
                return a.value(at) - b.value(at)
            case "@", (a, b):
                return a.value(at) * b.value(at)
            case "*", (a, b):
                x, y = a.value(at), b.value(at)
                return y * x[0, 0] if (a.rows, a.cols) == ("1", "1") else x * y[0, 0]
            case "q", (c, a):
                return a.value(at) * modular(c)
            case "tr", (a,):
                return trace(a.value(at))
            case "<>", (a, b):
                return trace(a.value(at).transpose() * b.value(at))
            case "||", (a,):
                return trace(a.value(at).transpose() * a.value(at))
            case "^", (a, k):
                result = eye(SIZES[a.rows])
                for _ in range(k):
                    result = result * a.value(at)
                return result
            case "dim", (n,):
                return nmod_mat(1, 1, [SIZES[n]], PRIME)
            case "I", ():
                return eye(SIZES[self.rows])
        raise AssertionError(self.op)


def modular(c: Fraction | int) -> nmod:
    c = Fraction(c)
    return nmod(c.numerator, PRIME) / nmod(c.denominator, PRIME)


def eye(n: int) -> nmod_mat:
    return nmod_mat(n, n, [int(i == j) for i in range(n) for j in range(n)], PRIME)


def trace(m: nmod_mat) -> nmod_mat:
    return nmod_mat(1, 1, [int(sum((m[i, i] for i in range(m.nrows())), nmod(0, PRIME)))], PRIME)


def leaf(rng: random.Random, rows: str, cols: str) -> Tree:
    fits = [x for x in LETTERS if (x.rows, x.cols) == (rows, cols)]
    turned = [x for x in LETTERS if (x.cols, x.rows) == (rows, cols)]
    choices: list[Tree] = [Tree("letter", rows, cols, (x,)) for x in fits]
    choices += [Tree("T", rows, cols, (Tree("letter", cols, rows, (x,)),)) for x in turned]
    if rows == cols:
        choices.append(Tree("I", rows, cols))
    if rows == cols == "1":
        choices.append(Tree("dim", "1", "1", (rng.choice("nm"),)))
    return rng.choice(choices)


def tree(rng: random.Random, rows: str, cols: str, size: int) -> Tree:
    """A random tree of a shape with about `size` letters."""
    if size <= 1:
        return leaf(rng, rows, cols)
    left = rng.randrange(1, size)
    ops = ["+", "-", "@", "@", "@", "T", "q", "*"]
    if rows == cols == "1":
        ops += ["tr", "tr", "<>", "||", "dim"]
    if rows == cols and size >= 2:
        ops.append("^")
    op = rng.choice(ops)
    if op in "+-":
        return Tree(op, rows, cols, (tree(rng, rows, cols, left), tree(rng, rows, cols, size - left)))
    if op == "@":
        inner = rng.choice(DIMS)
        return Tree("@", rows, cols, (tree(rng, rows, inner, left), tree(rng, inner, cols, size - left)))
    if op == "*":
        scalar, matrix = tree(rng, "1", "1", left), tree(rng, rows, cols, size - left)
        return Tree("*", rows, cols, (scalar, matrix) if rng.random() < 0.5 else (matrix, scalar))
    if op == "T":
        return Tree("T", rows, cols, (tree(rng, cols, rows, size),))
    if op == "q":
        return Tree("q", rows, cols, (Fraction(rng.randrange(-3, 4), rng.randrange(1, 4)), tree(rng, rows, cols, size)))
    if op == "^":
        k = rng.randrange(0, 3)
        return Tree("^", rows, cols, (tree(rng, rows, rows, max(1, size // 2)), k))
    n, m = rng.choice(DIMS), rng.choice(DIMS)
    if op == "tr":
        return Tree("tr", "1", "1", (tree(rng, n, n, size),))
    if op == "||":
        return Tree("||", "1", "1", (tree(rng, n, m, max(1, size // 2)),))
    if op == "<>":
        return Tree("<>", "1", "1", (tree(rng, n, m, left), tree(rng, n, m, size - left)))
    return Tree("dim", "1", "1", (rng.choice("nm"),))


def random_matrix(rng: random.Random, x: Letter) -> nmod_mat:
    m, n = SIZES[x.rows], SIZES[x.cols]
    drawn = nmod_mat(m, n, [rng.randrange(PRIME) for _ in range(m * n)], PRIME)
    return drawn + drawn.transpose() if x.symmetric and x.rows != "1" else drawn


AT = {x: random_matrix(random.Random(i), x) for i, x in enumerate(LETTERS)}


def value(e: Expr, at: Mapping[Letter, nmod_mat] = AT) -> nmod_mat:
    """The value of a normal form, as a matrix."""

    def of(x: Letter) -> Any:
        from theorems.proof.crosscheck import _Mod

        return nmod(int(at[x][0, 0]), PRIME) if x.rows == x.cols == "1" else _Mod(at[x])

    found = evaluate(e, of, SIZES.__getitem__, MODULAR)
    return nmod_mat(1, 1, [int(found)], PRIME) if isinstance(found, nmod) else found.m


def shapes(rng: random.Random) -> tuple[str, str]:
    return rng.choice(DIMS), rng.choice(DIMS)


def test_known_identities_and_their_look_alikes() -> None:
    A, B, C, S, M, u, v, w, s, t = map(letter, LETTERS)
    n, m = dimension("n"), dimension("m")
    I = identity("n")
    assert (A @ B).T == B.T @ A.T and (A @ B).T != A.T @ A.T @ B
    assert (A @ A.T).trace() == (A.T @ A).trace() == A.squared_norm() != (A @ A).trace()
    assert (B @ C).trace() == (C @ B).trace() == (C.T @ B.T).trace()
    assert (A @ S @ A.T).trace() == (A.T @ A @ S).trace() != (A @ A @ S).trace()
    assert (A @ A @ S).trace() == (A.T @ A.T @ S).trace() == (A @ S @ A).trace()
    assert A @ B @ C != B @ C @ A and A @ A.T != A.T @ A
    assert u.T @ u == u.squared_norm() and u.T @ A @ u == u.T @ A.T @ u and (u @ u.T).trace() == u.T @ u
    assert w @ u == (u @ w).trace() == u.T @ w.T
    assert (u @ w) @ (u @ w) == (w @ u) * (u @ w) and (u @ v.T) @ v == u * v.squared_norm()
    assert s * t == t * s == s @ t and s.T == s and s.trace() == s
    assert I.trace() == n and (B @ B.T + n * I).trace() == B.squared_norm() + n * n
    assert identity("m").trace() == m != n and identity("1") == number(1) and dimension("1") == number(1)
    assert A**0 == I and A**3 == A @ A @ A and s**2 == s * s
    assert 2 * A - A - A == zeros("n", "n") and (A - A).is_zero() and not A.is_zero()
    assert A + 0 * A == A and A / 2 + A / 2 == A and Fraction(1, 3) * A * 3 == A
    assert 1 - s == -(s - 1) and 1 + s == s + 1
    assert A.inner(S) == (A @ S).trace() and A.inner(A) == A.squared_norm()
    assert A != S and A != 1 and (A == "A") is False
    assert zeros("n", "m") != zeros("m", "n") and zeros("n", "m").shape == ("n", "m")
    assert M.letters() == {LETTERS[4]} and (A.trace() * u).letters() == {LETTERS[0], LETTERS[5]}
    assert (n * u).dimensions() == {"n"} and (m * u).dimensions() == {"n", "m"} and s.dimensions() == frozenset()
    assert (A.trace() * B @ C).degree() == 3 and (n * A).degree() == 2 and zeros("n", "n").degree() == 0
    assert (A + A @ A).degree() == 2 and number(2).degree() == 0 and dimension("n[12]").degree() == 1
    assert str(LETTERS[0]) == "A" and repr(A @ B.T.T) == "A B"


def test_a_normal_form_has_the_value_of_its_tree() -> None:
    rng = random.Random(1)
    for _ in range(1200):
        t = tree(rng, *shapes(rng), rng.randrange(1, 7))
        e = t.expr()
        assert e.shape == (t.rows, t.cols)
        assert value(e) == t.value(AT), t
        assert is_well_formed(e)


def test_normal_forms_are_equal_just_when_values_are() -> None:
    """Small trees of one shape coincide often; the normal form tells exactly when."""
    rng = random.Random(2)
    equal = different = 0
    for _ in range(60):
        shape = shapes(rng)
        trees = [tree(rng, *shape, rng.randrange(1, 4)) for _ in range(14)]
        pairs = [(t.expr(), t.value(AT)) for t in trees]
        for i, (e, x) in enumerate(pairs):
            for f, y in pairs[:i]:
                same = x == y
                assert (e == f) == same, (e, f)
                assert (hash(e) == hash(f)) >= same and (e - f).is_zero() == same
                equal, different = equal + same, different + (not same)
    assert equal > 200 and different > 2000


def rewritten(rng: random.Random, t: Tree) -> Tree:
    """A tree of the same value: associativity, distributivity, transposition, cyclic moves, commuting scalars."""
    parts = tuple(rewritten(rng, p) if isinstance(p, Tree) else p for p in t.parts)
    t = Tree(t.op, t.rows, t.cols, parts)
    if rng.random() < 0.4:
        t = Tree("T", t.rows, t.cols, (Tree("T", t.cols, t.rows, (t,)),))
    match t.op, t.parts:
        case "@", (a, Tree("@", _, _, (b, c))):
            return Tree("@", t.rows, t.cols, (Tree("@", a.rows, b.cols, (a, b)), c))
        case "@", (Tree("@", _, _, (a, b)), c):
            return Tree("@", t.rows, t.cols, (a, Tree("@", b.rows, c.cols, (b, c))))
        case "@", (a, Tree("+" | "-" as op, _, _, (b, c))):
            halves = [Tree("@", t.rows, t.cols, (a, x)) for x in (b, c)]
            return Tree(op, t.rows, t.cols, tuple(halves))
        case "@", (a, b):
            turned = Tree("@", t.cols, t.rows, (transpose(b), transpose(a)))
            return Tree("T", t.rows, t.cols, (turned,))
        case "tr", (Tree("@", _, _, (a, b)),):
            return Tree("tr", "1", "1", (Tree("@", b.rows, b.rows, (b, a)),))
        case "tr", (a,):
            return Tree("tr", "1", "1", (transpose(a),))
        case "<>", (a, b):
            return Tree("<>", "1", "1", (b, a) if rng.random() < 0.5 else (transpose(a), transpose(b)))
        case "||", (a,):
            return Tree("||", "1", "1", (transpose(a),))
        case "+", (a, b):
            return Tree("+", t.rows, t.cols, (b, a))
        case "-", (a, b):
            return Tree("+", t.rows, t.cols, (Tree("q", t.rows, t.cols, (Fraction(-1), b)), a))
        case "*", (a, b):
            return Tree("*", t.rows, t.cols, (b, a))
        case "letter", (x,) if x.symmetric:
            return transpose(t)
    return t


def transpose(t: Tree) -> Tree:
    return Tree("T", t.cols, t.rows, (t,))


def test_true_identities_are_recognised() -> None:
    rng = random.Random(3)
    for _ in range(800):
        t = tree(rng, *shapes(rng), rng.randrange(2, 8))
        u = rewritten(rng, rewritten(rng, t))
        assert t.expr() == u.expr(), (t, u)


def corrupted(rng: random.Random, t: Tree) -> Tree:
    """The tree with one place changed: sign, factor, exponent, transposition, a dropped or added term."""
    spots = [i for i, p in enumerate(t.parts) if isinstance(p, Tree)]
    if spots and rng.random() < 0.7:
        i = rng.choice(spots)
        return Tree(t.op, t.rows, t.cols, (*t.parts[:i], corrupted(rng, t.parts[i]), *t.parts[i + 1 :]))
    changes = [Tree("q", t.rows, t.cols, (Fraction(-1), t)), Tree("q", t.rows, t.cols, (Fraction(3, 2), t))]
    changes.append(Tree("+", t.rows, t.cols, (t, leaf(rng, t.rows, t.cols))))
    if t.rows == t.cols:
        changes += [transpose(t), Tree("^", t.rows, t.cols, (t, 2))]
    if t.op in "+-":
        changes.append(t.parts[0])
    return rng.choice(changes)


def test_corrupted_identities_are_rejected() -> None:
    rng = random.Random(4)
    rejected = 0
    for _ in range(800):
        t = tree(rng, *shapes(rng), rng.randrange(2, 7))
        u = corrupted(rng, t)
        same = t.value(AT) == u.value(AT)  # some changes change nothing: the transpose of a symmetric matrix
        assert (t.expr() == u.expr()) == same, (t, u)
        rejected += not same
    assert rejected > 500


def test_symmetric_letters() -> None:
    with pytest.raises(ShapeError, match="symmetric letter `S` needs a square shape: found n x m"):
        Letter("S", "n", "m", symmetric=True)
    assert Letter("s", "1", "1").symmetric and not Letter("u", "n", "1").symmetric
    S = letter(LETTERS[3])
    assert S.T == S and (S @ S).T == S @ S and (S @ letter(LETTERS[0])).T != S @ letter(LETTERS[0])


def test_what_operators_refuse() -> None:
    A, B, C, _, M, u, _, _, s, _ = map(letter, LETTERS)
    for attempt, message in [
        (lambda: A + B, "Cannot add a n x n and a n x m matrix"),
        (lambda: A - 1, "Cannot add a n x n and a 1 x 1 matrix"),
        (lambda: 1 - A, "Cannot add a 1 x 1 and a n x n matrix"),
        (lambda: B @ A, "Cannot multiply a n x m by a n x n matrix"),
        (lambda: s @ A, "Cannot multiply a 1 x 1 by a n x n matrix"),
        (lambda: A * M, "for the product of two matrices write `@`"),
        (lambda: B**2, "A power needs a square matrix: found n x m"),
        (lambda: u.trace(), "The trace needs a square matrix: found n x 1"),
        (lambda: A.inner(B), "The trace needs a square matrix: found n x m"),
        (lambda: B.inner(C), "Cannot multiply a m x n by a m x n matrix"),
    ]:
        with pytest.raises(ShapeError, match=message):
            attempt()
    with pytest.raises(ValueError, match="exponent >= 0 only"):
        _ = A**-1
    for wrong in (0.5, "s", None):
        with pytest.raises(TypeError, match="takes rational numbers and expressions: found"):
            _ = s + wrong  # type: ignore[operator]
    with pytest.raises(TypeError, match="can be divided by a rational number only"):
        _ = s / s  # type: ignore[operator]
    with pytest.raises(TypeError, match=r"an integer or a `Fraction`: found `0\.1`"):
        number(0.1)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="unsupported operand"):
        _ = A @ 2  # type: ignore[operator]


def test_agreement_with_explicit_matrices() -> None:
    """SymPy multiplies explicit 2 x 3 matrices of symbols; equal normal forms expand to equal entries."""
    import sympy

    sizes = {"n": 2, "m": 3, "1": 1}

    def explicit(x: Letter) -> Any:
        rows, cols = sizes[x.rows], sizes[x.cols]
        if x.symmetric:
            return sympy.Matrix(rows, cols, lambda i, j: sympy.Symbol(f"{x.name}_{min(i, j)}{max(i, j)}"))
        return sympy.Matrix(rows, cols, lambda i, j: sympy.Symbol(f"{x.name}_{i}{j}"))

    at = {x: explicit(x) for x in LETTERS}

    def by_hand(t: Tree) -> Any:
        match t.op, t.parts:
            case "letter", (x,):
                return at[x]
            case "T", (a,):
                return by_hand(a).T
            case "+" | "-", (a, b):
                return by_hand(a) + by_hand(b) * (1 if t.op == "+" else -1)
            case "@", (a, b):
                return by_hand(a) * by_hand(b)
            case "*", (a, b):
                x, y = by_hand(a), by_hand(b)
                return x[0, 0] * y if (a.rows, a.cols) == ("1", "1") else x * y[0, 0]
            case "q", (c, a):
                return sympy.Rational(c.numerator, c.denominator) * by_hand(a)
            case "tr", (a,):
                return sympy.Matrix([[by_hand(a).trace()]])
            case "<>", (a, b):
                return sympy.Matrix([[(by_hand(a).T * by_hand(b)).trace()]])
            case "||", (a,):
                return sympy.Matrix([[(by_hand(a).T * by_hand(a)).trace()]])
            case "^", (a, k):
                return by_hand(a) ** k
            case "dim", (n,):
                return sympy.Matrix([[sizes[n]]])
        return sympy.eye(sizes[t.rows])

    def of_terms(e: Expr) -> Any:
        total = sympy.zeros(sizes[e.rows], sizes[e.cols])
        for (atoms, word), c in e.terms.items():
            factor = sympy.Rational(c.numerator, c.denominator)
            for a in atoms:
                factor *= sizes[a] if isinstance(a, str) else product(a, None).trace()
            total += factor * product(word, sizes[e.rows])
        return total

    def product(word: Any, size: int | None) -> Any:
        parts = [at[x].T if t else at[x] for x, t in word]
        result = parts[0] if parts else sympy.eye(size)
        for p in parts[1:]:
            result = result * p
        return result

    rng = random.Random(5)
    for _ in range(40):
        t = tree(rng, *shapes(rng), rng.randrange(1, 5))
        assert (by_hand(t) - of_terms(t.expr())).expand() == sympy.zeros(sizes[t.rows], sizes[t.cols])


def test_letters_travel_between_processes() -> None:
    """The hash of a text differs from process to process; a letter must be found under its name all the same."""
    e = letter(LETTERS[0]) @ letter(LETTERS[3])
    assert e in {e}  # so that the hash is known before the journey
    code = (
        "import pickle, sys; from theorems.proof.kernel.words import Letter, letter; e = pickle.load(sys.stdin.buffer)\n"
        "A, S = Letter('A', 'n', 'n'), Letter('S', 'n', 'n', True)\n"
        "assert e == letter(A) @ letter(S) and e.letters() == {A, S} and hash(e) == hash(letter(A) @ letter(S))"
    )
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        subprocess.run([sys.executable, "-c", code], input=pickle.dumps(e), env=environment, check=True)


# Substitution.


def test_substitution_has_the_value_of_the_substituted() -> None:
    rng = random.Random(6)
    for _ in range(300):
        e = tree(rng, *shapes(rng), rng.randrange(1, 5)).expr()
        values: dict[Letter, Expr] = {}
        for x in rng.sample(LETTERS, 3):
            image = tree(rng, x.rows, x.cols, 2).expr()
            values[x] = image + image.T if x.symmetric else image
        images = {x: value(values[x]) if x in values else AT[x] for x in LETTERS}
        assert value(substitute(e, values)) == value(e, images)


def test_substitution_is_simultaneous_and_typed() -> None:
    A, B, _, S, _, u, _, _, s, t = map(letter, LETTERS)
    a, b, c, sym, _, x, *_ = LETTERS
    assert substitute(s * t, {LETTERS[8]: t, LETTERS[9]: s + 1}) == t * (s + 1)
    assert substitute(A @ B, {a: A.T, b: A @ B}) == A.T @ A @ B
    assert substitute(A.trace() * B, {a: A.T @ A}) == A.squared_norm() * B
    for values, message in [
        ({a: B}, "`A` has shape n x n: found a value of n x m"),
        ({sym: A}, "`S` is symmetric: found a value that is not, in normal form"),
        ({x: u.T}, "`u` has shape n x 1: found a value of 1 x n"),
    ]:
        with pytest.raises(ShapeError, match=message):
            substitute(A @ u, values)
    assert substitute(S, {sym: A @ A.T}) == A @ A.T
    # dimensions become others: squares, rows and numbers
    e = substitute(A @ B @ letter(c) + A.trace() * dimension("n") * A, {}, {"n": "k"})
    assert e.shape == ("k", "k") and e.dimensions() == {"k", "m"}
    one = substitute(A @ A + dimension("n") * A, {}, {"n": "1"})
    scalar = letter(Letter("A", "1", "1"))
    assert one == scalar**2 + scalar and is_well_formed(one)
    assert substitute(B, {b: letter(Letter("Z", "1", "m"))}, {"n": "1"}) == letter(Letter("Z", "1", "m"))
    assert substitute(identity("n").trace(), {}, {"n": "m"}) == dimension("m")
    assert substitute(S @ A, {}, {"n": "k"}).T == letter(Letter("A", "k", "k")).T @ letter(Letter("S", "k", "k", True))
    with pytest.raises(ShapeError, match="`B` has shape k x m"):
        substitute(B, {b: B}, {"n": "k"})


# Derivatives.


def along(e: Expr, direction: Mapping[Letter, Expr]) -> nmod_mat:
    """The exact coefficient of t in e(X + t D) modulo the prime, by interpolation."""
    points = e.degree() + 1
    moved = {x: value(d) for x, d in direction.items()}
    samples = []
    for k in range(points):
        at = {x: AT[x] + moved[x] * nmod(k, PRIME) if x in moved else AT[x] for x in LETTERS}
        samples.append(value(e, at))
    # the slope at 0 of the interpolating polynomial
    slope = samples[0] * nmod(0, PRIME)
    for i in range(points):
        weight = nmod(0, PRIME)
        for j in range(points):
            if j != i:
                term = nmod(1, PRIME) / (nmod(i, PRIME) - nmod(j, PRIME))
                for k in range(points):
                    if k not in (i, j):
                        term = term * (nmod(0, PRIME) - nmod(k, PRIME)) / (nmod(i, PRIME) - nmod(k, PRIME))
                weight = weight + term
        slope = slope + samples[i] * weight
    return slope


def test_derivatives_are_slopes() -> None:
    rng = random.Random(7)
    for _ in range(250):
        e = tree(rng, *shapes(rng), rng.randrange(1, 5)).expr()
        direction: dict[Letter, Expr] = {}
        for x in rng.sample(LETTERS, rng.randrange(1, 3)):
            d = tree(rng, x.rows, x.cols, rng.randrange(1, 3)).expr()
            direction[x] = d + d.T if x.symmetric else d
        found = derivative(e, direction)
        assert found.shape == e.shape and value(found) == along(e, direction)


def test_gradients_are_slopes() -> None:
    rng = random.Random(8)
    for _ in range(250):
        e = tree(rng, "1", "1", rng.randrange(2, 6)).expr()
        x = rng.choice([x for x in LETTERS if not x.symmetric or x.rows == "1"])
        d = tree(rng, x.rows, x.cols, 2).expr()
        found = gradient(e, x)
        assert found.shape == (x.rows, x.cols) and found.inner(d) == derivative(e, {x: d})
        assert value(found.inner(d)) == along(e, {x: d})
        # What the model check and the printer read: the slope as it was asked for, not as it came out.
        assert found.made == ("gradient", e, x) and derivative(e, {x: d}).made == ("derivative", e, {x: d})


def test_what_derivatives_refuse() -> None:
    A, B, _, S, *_ = map(letter, LETTERS)
    a, _, _, sym, *_ = LETTERS
    with pytest.raises(ShapeError, match="direction of `A` needs shape n x n: found n x m"):
        derivative(A, {a: B})
    with pytest.raises(ShapeError, match="direction of the symmetric letter `S` needs to be symmetric"):
        derivative(S, {sym: A})
    assert derivative(S @ A, {sym: A + A.T}) == (A + A.T) @ A
    with pytest.raises(ShapeError, match="A gradient needs a scalar: found n x n"):
        gradient(A, a)
    with pytest.raises(ShapeError, match="symmetric letter `S` depends on a convention"):
        gradient(S.trace(), sym)
    s = LETTERS[8]
    assert gradient(letter(s) ** 3, s) == 3 * letter(s) ** 2
    assert derivative(A, {}) == zeros("n", "n") and gradient(B.squared_norm(), a).is_zero()


# Indices.


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("j", ("j", 0)),
        ("j+1", ("j", 1)),
        ("j - 2", ("j", -2)),
        ("K-1", ("K", -1)),
        ("3", ("", 3)),
        ("-1", ("", -1)),
        ("layer_2", ("layer_2", 0)),
        ("j+0", ("j", 0)),
    ],
)
def test_indices_are_a_symbol_and_an_offset(text: str, parsed: tuple[str, int]) -> None:
    assert parse_index(text) == parsed
    assert parse_index(show_index(*parsed)) == parsed


@pytest.mark.parametrize("text", ["", "j+", "2j", "j+k", "[j]", "j*2", "1.5", "-j", "j]+[k"])
def test_what_is_no_index(text: str) -> None:
    with pytest.raises(ValueError, match="is no index: needed a symbol, an integer, or a symbol plus or minus"):
        parse_index(text)


def test_shifting_an_index() -> None:
    assert shift_index("W[j+1]", "j", "k-1") == "W[k]"
    assert shift_index("W[j][i+2]", "j", "3") == "W[3][i+2]"
    assert shift_index("W[j]", "i", "3") == "W[j]" and shift_index("W[jj]", "j", "3") == "W[jj]"
    assert shift_index("W[j-1]", "j", "1") == "W[0]" and shift_index("W[2]", "j", "1") == "W[2]"
    assert shift_index("j", "j", "1") == "j" and shift_index("W[j+1]", "j", "j+1") == "W[j+2]"
    assert show_index("", 4) == "4" and show_index("j", 0) == "j" and show_index("j", -3) == "j-3"
    assert indices("W[j+1][K]") == {"j", "K"} and indices("W[1]") == indices("j") == frozenset()
    assert index_symbol("j_1") == "j_1"
    for bad in ("", "1", "_j", "j ", "j\n"):
        with pytest.raises(ValueError, match="is no index symbol"):
            index_symbol(bad)


def test_expressions_at_an_index() -> None:
    def W(i: str, symmetric: bool = False) -> Expr:
        return letter(Letter(f"W[{i}]", f"n[{i}]", f"n[{i}]", symmetric))

    e = W("j") @ W("j") + dimension("n[j]") * W("j").trace() * identity("n[j]")
    at_two = W("2") @ W("2") + dimension("n[2]") * W("2").trace() * identity("n[2]")
    assert at_index(e, "j", "2") == at_two and at_index(e, "i", "2") == e
    assert at_index(W("j", True), "j", "3").T == W("3", True)
    assert at_index(dimension("n[j]") - dimension("n[2]"), "j", "2").is_zero()
    A = letter(Letter("A", "n[j]", "m"))
    assert at_index(A, "j", "1").shape == ("n[1]", "m")


def test_well_formed_expressions() -> None:
    for lie in (
        Expr("n", "m", {((), ()): Fraction(1)}),
        Expr("n", "m", {((), ((LETTERS[0], False),)): Fraction(1)}),
        Expr("1", "1", {((), ((LETTERS[8], False),)): Fraction(1)}),
        Expr("n", "n", {((), ((LETTERS[3], True),)): Fraction(1)}),
        Expr("1", "1", {((((LETTERS[1], False), (LETTERS[0], False)),), ()): Fraction(1)}),
        Expr("1", "1", {(((),), ()): Fraction(1)}),
        Expr("1", "1", {((((LETTERS[0], True),),), ()): Fraction(1)}),
        Expr("1", "1", {(("n", "m"), ()): Fraction(1)}),
    ):
        assert not is_well_formed(lie)
    assert is_well_formed(zeros("n", "m")) and is_well_formed(number(0)) and is_well_formed(dimension("n") * 2)
