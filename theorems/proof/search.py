r"""Finding cofactors: untrusted search whose result the kernel checks.

To prove $g = 0$ from facts $f_i = 0$ one needs $g = \sum_i L_i f_i R_i$. Two ways find such sums: *rewriting* with
installed rules, which records what it used, and *linear algebra over Q*: collect the contexts in which a monomial of
a fact occurs in a monomial at hand, add the monomials which they bring along, and solve for the coefficients.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from fractions import Fraction

from flint import fmpq, fmpq_mat

from theorems.proof.kernel.facts import Cofactor
from theorems.proof.kernel.words import Atom, Dimension, Expr, Term, Word, _atom_order, identity, number, transposed


def _raw(rows: Dimension, cols: Dimension, atoms: tuple[Atom, ...], word: Word) -> Expr:
    return Expr(rows, cols, {(tuple(sorted(atoms, key=_atom_order)), word): Fraction(1)})


def _without(atoms: tuple[Atom, ...], part: tuple[Atom, ...]) -> tuple[Atom, ...] | None:
    rest = list(atoms)
    for a in part:
        if a not in rest:
            return None
        rest.remove(a)
    return tuple(rest)


def _ends(word: Word, i: int, rows: Dimension) -> Dimension:
    """The dimension in front of position `i` of a word that starts at dimension `rows`."""
    if i == 0:
        return rows
    x, t = word[i - 1]
    return x.rows if t else x.cols


def contexts(shape: tuple[Dimension, Dimension], term: Term, k: int, f: Expr, lead: Term) -> Iterator[Cofactor]:
    """All ways to place fact number `k`, `f = 0`, so that its monomial `lead` lands on the monomial `term`."""
    (rows, cols), (atoms, word) = shape, term
    lead_atoms, lead_word = lead
    if f.is_scalar:
        rest = _without(atoms, lead_atoms)
        if rest is not None:
            yield Cofactor(k, _raw(rows, cols, rest, word), number(1), number(1))
        return
    one = number(1)
    for flipped in (False, True):
        w = transposed(lead_word) if flipped else lead_word
        g_rows, g_cols = (f.cols, f.rows) if flipped else (f.rows, f.cols)
        n = len(w)
        rest = _without(atoms, lead_atoms)
        if rest is not None:
            for i in range(len(word) - n + 1):
                fits = _ends(word, i, rows) == g_rows and _ends(word, i + n, rows) == g_cols
                if word[i : i + n] == w and fits:
                    left = _raw(rows, g_rows, (), word[:i])
                    right = _raw(g_cols, cols, (), word[i + n :])
                    yield Cofactor(k, one * _raw("1", "1", rest, ()), left, right, transposed=flipped)
        for j, atom in enumerate(atoms):
            if isinstance(atom, str):
                if n == 0 and atom == g_rows == g_cols:
                    others = _without(atoms[:j] + atoms[j + 1 :], lead_atoms)
                    if others is not None:
                        eye = identity(g_rows)
                        yield Cofactor(k, _raw(rows, cols, others, word), eye, eye, traced=True)
                continue
            others = _without(atoms[:j] + atoms[j + 1 :], lead_atoms)
            if others is None or n > len(atom):
                continue
            for i in range(len(atom)):
                turned = atom[i:] + atom[:i]
                x, t = turned[0]
                start = x.cols if t else x.rows
                if start == g_rows and turned[:n] == w and _ends(turned, n, start) == g_cols:
                    right = _raw(g_cols, g_rows, (), turned[n:])
                    outer = _raw(rows, cols, others, word)
                    yield Cofactor(k, outer, identity(g_rows), right, traced=True, transposed=flipped)


def find_cofactors(goal: Expr, facts: Sequence[Expr], rounds: int = 3, most: int = 3000) -> list[Cofactor] | None:
    """Cofactors with `goal` = sum of their values, or `None` when `rounds` of closure did not find any."""
    if goal.is_zero():
        return []
    seen: set[Term] = set()
    frontier: set[Term] = set(goal.terms)
    columns: dict[tuple, tuple[Cofactor, Expr]] = {}
    for _ in range(rounds):
        new: set[Term] = set()
        for term in sorted(
            frontier, key=lambda t: (tuple(map(_atom_order, t[0])), tuple((x.name, s) for x, s in t[1]))
        ):
            for k, f in enumerate(facts):
                for lead in f.terms:
                    for cofactor in contexts(goal.shape, term, k, f, lead):
                        value = cofactor.value(f)
                        key = (k, value)
                        if value.is_zero() or key in columns:
                            continue
                        columns[key] = (cofactor, value)
                        new |= set(value.terms)
                        if len(columns) > most:
                            return _solve(goal, list(columns.values()))
        solution = _solve(goal, list(columns.values()))
        if solution is not None:
            return solution
        seen |= frontier
        frontier = new - seen
        if not frontier:
            return None
    return None


def _solve(goal: Expr, columns: list[tuple[Cofactor, Expr]]) -> list[Cofactor] | None:
    rows: dict[Term, int] = {}
    for _, value in columns:
        for t in value.terms:
            rows.setdefault(t, len(rows))
    if any(t not in rows for t in goal.terms):
        return None
    width = len(columns)
    table: list[list[fmpq | int]] = [[0] * (width + 1) for _ in rows]
    for j, (_, value) in enumerate(columns):
        for t, c in value.terms.items():
            table[rows[t]][j] = fmpq(c.numerator, c.denominator)
    for t, c in goal.terms.items():
        table[rows[t]][width] = fmpq(c.numerator, c.denominator)
    reduced, rank = fmpq_mat(table).rref()
    found: list[Cofactor] = []
    for i in range(rank):
        pivot = next(j for j in range(width + 1) if reduced[i, j] != 0)
        if pivot == width:
            return None
        q = reduced[i, width]
        if q != 0:
            cofactor = columns[pivot][0]
            found.append(replace(cofactor, outer=cofactor.outer * Fraction(int(q.p), int(q.q))))
    return found


def rewrite(goal: Expr, rules: Sequence[tuple[int, Expr, Term]], steps: int = 2000) -> tuple[Expr, list[Cofactor]]:
    """Apply rules `(number of the fact, its expression, its leading monomial)` until none fires.

    Returns what is left and the cofactors used: `goal` = what is left + sum of their values.
    """
    used: list[Cofactor] = []
    rest = goal
    for _ in range(steps):
        step = _first_rewrite(rest, rules)
        if step is None:
            return rest, used
        cofactor, value = step
        used.append(cofactor)
        rest = rest - value
    return rest, used


def _first_rewrite(expr: Expr, rules: Iterable[tuple[int, Expr, Term]]) -> tuple[Cofactor, Expr] | None:
    for term, c in expr.terms.items():
        for k, f, lead in rules:
            for cofactor in contexts(expr.shape, term, k, f, lead):
                scaled = replace(cofactor, outer=cofactor.outer * (c / f.terms[lead]))
                value = scaled.value(f)
                if value.terms.get(term) == c:
                    return scaled, value
    return None
