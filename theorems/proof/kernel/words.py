r"""Matrix algebra in symbolic dimensions: one normal form decides every identity.

An expression is a sum of *terms*: a rational coefficient, commuting *atoms*, and one *word* of typed letters.
Atoms are traces of words (up to rotation and transposition, since $\operatorname{tr} AB = \operatorname{tr} BA$ and
$\operatorname{tr} A = \operatorname{tr} A^\top$) and dimensions ($\operatorname{tr} I_n = n$). A $1 \times 1$ matrix is
a scalar: it commutes, so a word that passes through dimension one is cut there and its closed pieces become atoms.
Two expressions are equal for matrices of *every* size if and only if their normal forms coincide (this is what
`tests/proof/test_words.py` attacks); the kernel relies only on "if".

Trusted file: a wrong line here can prove a wrong theorem. Nothing in it searches.
"""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from numbers import Rational
from typing import Any, Union

Dimension = str  # "n", "n[j+1]", or "1"


class ShapeError(ValueError):
    """Two expressions do not fit together."""


# How things are printed, filled in by `theorems.proof.render`: no step reads what is printed.
PRINTERS: dict[str, Callable[[Any], str]] = {}


class Printed:
    """What can be shown as one line of text and as LaTeX."""

    __slots__ = ()

    def __str__(self) -> str:
        return PRINTERS["plain"](self)

    def latex(self) -> str:
        return PRINTERS["latex"](self)


@dataclass(frozen=True)
class Letter:
    """A matrix of symbolic shape `rows` x `cols`. A letter of shape 1 x 1 is a scalar."""

    name: str
    rows: Dimension
    cols: Dimension
    symmetric: bool = False

    def __post_init__(self) -> None:
        if self.symmetric and self.rows != self.cols:
            raise ShapeError(
                f"The symmetric letter `{self.name}` needs a square shape: found {self.rows} x {self.cols}."
            )
        if self.rows == self.cols == "1":
            object.__setattr__(self, "symmetric", True)
        object.__setattr__(self, "_hash", hash((self.name, self.rows, self.cols, self.symmetric)))

    def __hash__(self) -> int:
        return self._hash  # type: ignore[attr-defined]  # computed once: letters are keys everywhere

    def __reduce__(self) -> tuple[Any, ...]:
        # Built anew on the other side: the hash of a text differs from process to process.
        return (Letter, (self.name, self.rows, self.cols, self.symmetric))

    def __str__(self) -> str:
        return self.name


Signed = tuple[Letter, bool]  # a letter, and whether it stands transposed
Word = tuple[Signed, ...]
Atom = str | Word  # a dimension, or a closed word under the trace
Term = tuple[tuple[Atom, ...], Word]
Scalar = Union[int, Fraction, "Expr"]


def _signed(letter: Letter, transposed: bool) -> Signed:
    return (letter, transposed and not letter.symmetric)


def _rows(s: Signed) -> Dimension:
    return s[0].cols if s[1] else s[0].rows


def _cols(s: Signed) -> Dimension:
    return s[0].rows if s[1] else s[0].cols


def transposed(word: Word) -> Word:
    return tuple(_signed(letter, not t) for letter, t in reversed(word))


def _order(word: Word) -> tuple[tuple[str, bool], ...]:
    return tuple((letter.name, t) for letter, t in word)


def _atom_order(atom: Atom) -> tuple[int, tuple[tuple[str, bool], ...]]:
    return (0, ((atom, False),)) if isinstance(atom, str) else (1, _order(atom))


@functools.lru_cache(maxsize=2**16)
def _closed(word: Word) -> Word:
    """The representative of a word under the trace: least among all rotations of it and of its transpose."""
    both = (word, transposed(word))
    return min((w[i:] + w[:i] for w in both for i in range(len(w))), key=_order)


@functools.lru_cache(maxsize=2**16)
def _open_at_units(rows: Dimension, word: Word) -> tuple[tuple[Atom, ...], Word]:
    """Cut a word where it passes through dimension one: (closed pieces, what is left of the word)."""
    cuts = [0] if rows == "1" else []
    cuts += [i + 1 for i, s in enumerate(word) if _cols(s) == "1"]
    if len(cuts) < 2:
        return (), word
    pieces = tuple(_closed(word[a:b]) for a, b in itertools.pairwise(cuts))
    return pieces, word[: cuts[0]] + word[cuts[-1] :]


def _trace(size: Dimension, word: Word) -> tuple[Atom, ...]:
    """The trace of a square word as a product of atoms."""
    if not word:
        return () if size == "1" else (size,)
    for i, s in enumerate(word):
        if _rows(s) == "1":
            pieces, rest = _open_at_units("1", word[i:] + word[:i])
            assert not rest
            return pieces
    return (_closed(word),)


class Expr(Printed):
    """A matrix expression in normal form, immutable. Build expressions from letters with `+ - * / @ .T .trace()`.

    `made` remembers the operation and the operands from which the expression was built. It plays no part in equality:
    it is what gets printed, and what the modular check evaluates without any normal form.
    """

    __slots__ = ("_hash", "cols", "made", "rows", "terms")

    def __init__(
        self, rows: Dimension, cols: Dimension, terms: Mapping[Term, Fraction], made: tuple[Any, ...] | None = None
    ):
        self.rows = rows
        self.cols = cols
        self.terms: dict[Term, Fraction] = {t: c for t, c in terms.items() if c}
        self.made = made
        self._hash: int | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        return (Expr, (self.rows, self.cols, self.terms, self.made))

    @property
    def shape(self) -> tuple[Dimension, Dimension]:
        return (self.rows, self.cols)

    @property
    def is_scalar(self) -> bool:
        return self.rows == self.cols == "1"

    def is_zero(self) -> bool:
        return not self.terms

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Expr):
            return self.shape == other.shape and self.terms == other.terms
        return NotImplemented

    def __hash__(self) -> int:
        if self._hash is None:
            self._hash = hash((self.rows, self.cols, frozenset(self.terms.items())))
        return self._hash

    def __add__(self, other: Scalar) -> Expr:
        other = _expr(other)
        if self.shape != other.shape:
            raise ShapeError(f"Cannot add a {self.rows} x {self.cols} and a {other.rows} x {other.cols} matrix.")
        terms = dict(self.terms)
        for t, c in other.terms.items():
            terms[t] = terms.get(t, Fraction(0)) + c
        return Expr(self.rows, self.cols, terms, ("+", self, other))

    __radd__ = __add__

    def __neg__(self) -> Expr:
        return Expr(self.rows, self.cols, {t: -c for t, c in self.terms.items()}, ("-", self))

    def __sub__(self, other: Scalar) -> Expr:
        return self + (-_expr(other))

    def __rsub__(self, other: Scalar) -> Expr:
        return _expr(other) - self

    def __mul__(self, other: Scalar) -> Expr:
        other = _expr(other)
        if not (self.is_scalar or other.is_scalar):
            raise ShapeError("`*` multiplies by a scalar: for the product of two matrices write `@`.")
        scalar, matrix = (self, other) if self.is_scalar else (other, self)
        return _combine(
            matrix.rows,
            matrix.cols,
            (
                ((a1 + a2, word), c1 * c2)
                for (a1, _), c1 in scalar.terms.items()
                for (a2, word), c2 in matrix.terms.items()
            ),
            ("*", scalar, matrix),
        )

    __rmul__ = __mul__

    def __truediv__(self, other: int | Fraction) -> Expr:
        if not isinstance(other, Rational):
            raise TypeError(
                "An expression can be divided by a rational number only: for 1/s introduce a reciprocal of s."
            )
        return self * (1 / Fraction(other))

    def __matmul__(self, other: Expr) -> Expr:
        if not isinstance(other, Expr):
            return NotImplemented
        if self.cols != other.rows:
            raise ShapeError(f"Cannot multiply a {self.rows} x {self.cols} by a {other.rows} x {other.cols} matrix.")
        return _combine(
            self.rows,
            other.cols,
            (
                ((a1 + a2, w1 + w2), c1 * c2)
                for (a1, w1), c1 in self.terms.items()
                for (a2, w2), c2 in other.terms.items()
            ),
            ("@", self, other),
        )

    def __pow__(self, k: int) -> Expr:
        if k < 0:
            raise ValueError("An expression has powers with exponent >= 0 only.")
        if self.rows != self.cols:
            raise ShapeError(f"A power needs a square matrix: found {self.rows} x {self.cols}.")
        result = identity(self.rows)
        for _ in range(k):
            result = result @ self
        return Expr(self.rows, self.cols, result.terms, ("^", self, k))

    @property
    def T(self) -> Expr:
        terms = (((atoms, transposed(w)), c) for (atoms, w), c in self.terms.items())
        return _combine(self.cols, self.rows, terms, ("T", self))

    def trace(self) -> Expr:
        if self.rows != self.cols:
            raise ShapeError(f"The trace needs a square matrix: found {self.rows} x {self.cols}.")
        terms = (((atoms + _trace(self.rows, w), ()), c) for (atoms, w), c in self.terms.items())
        return _combine("1", "1", terms, ("trace", self))

    def inner(self, other: Expr) -> Expr:
        r"""The Frobenius inner product $\langle A, B \rangle = \operatorname{tr} A^\top B$."""
        return Expr("1", "1", (self.T @ other).trace().terms, ("inner", self, other))

    def squared_norm(self) -> Expr:
        r"""The squared Frobenius norm $\|A\|_F^2$."""
        return Expr("1", "1", (self.T @ self).trace().terms, ("norm", self))

    def letters(self) -> frozenset[Letter]:
        words = [w for atoms, word in self.terms for w in (word, *(a for a in atoms if not isinstance(a, str)))]
        return frozenset(letter for w in words for letter, _ in w)

    def dimensions(self) -> frozenset[Dimension]:
        found = {self.rows, self.cols} | {d for letter in self.letters() for d in (letter.rows, letter.cols)}
        found |= {a for atoms, _ in self.terms for a in atoms if isinstance(a, str)}
        return frozenset(found - {"1"})

    def degree(self) -> int:
        """The largest number of letters in one term, those under traces included."""
        sizes = (sum(1 if isinstance(a, str) else len(a) for a in atoms) + len(w) for atoms, w in self.terms)
        return max(sizes, default=0)

    def __repr__(self) -> str:
        return str(self)


def _combine(
    rows: Dimension, cols: Dimension, terms: Iterable[tuple[Term, Fraction]], made: tuple[Any, ...] | None = None
) -> Expr:
    """Collect terms into normal form. The only place where normal forms are made."""
    collected: dict[Term, Fraction] = {}
    for (atoms, word), c in terms:
        pieces, rest = _open_at_units(rows, word)
        key = (tuple(sorted(atoms + pieces, key=_atom_order)), rest)
        collected[key] = collected[key] + c if key in collected else c
    return Expr(rows, cols, collected, made)


def _expr(x: Scalar) -> Expr:
    if isinstance(x, Expr):
        return x
    if isinstance(x, Rational):
        return number(Fraction(x))
    raise TypeError(f"An expression takes rational numbers and expressions: found `{x!r}`.")


def number(x: int | Fraction) -> Expr:
    """A rational number as a scalar expression; a float, which is not the decimal that it shows, is a `TypeError`."""
    if not isinstance(x, Rational):
        raise TypeError(f"A number of the kernel is an integer or a `Fraction`: found `{x!r}`.")
    return Expr("1", "1", {((), ()): Fraction(x)}, ("number", Fraction(x)))


def identity(n: Dimension) -> Expr:
    return Expr(n, n, {((), ()): Fraction(1)}, ("identity", n))


def zeros(rows: Dimension, cols: Dimension) -> Expr:
    return Expr(rows, cols, {}, ("zeros",))


def dimension(n: Dimension) -> Expr:
    r"""The number $n = \operatorname{tr} I_n$ as a scalar expression."""
    return identity(n).trace()


def letter(x: Letter) -> Expr:
    return _combine(x.rows, x.cols, [(((), ((x, False),)), Fraction(1))], ("letter", x))


BASIS = "is a standard basis vector"  # the one predicate that steps of the kernel know
ONES = "\N{MATHEMATICAL BOLD DIGIT ONE}"  # the name of the one constant: no declared letter has it


def ones(n: Dimension) -> Expr:
    r"""The column of $n$ ones, with which $\mathbf 1^\top v$ is a sum. It is no letter of anybody: it has one value."""
    return letter(Letter(ONES, n, "1")) if n != "1" else number(1)


def is_constant(x: Letter) -> bool:
    return x.name == ONES


def _replace(expr: Expr, choose: Mapping[Letter, Expr], dims: Mapping[Dimension, Dimension]) -> Expr:
    """Substitute letters and dimensions everywhere, and bring the result to normal form."""

    def dim(d: Dimension) -> Dimension:
        return dims.get(d, d)

    def image(s: Signed) -> Expr:
        x, t = s
        value = choose.get(x)
        if value is None and x.name == ONES:
            value = ones(dim(x.rows))
        if value is None:
            value = letter(Letter(x.name, dim(x.rows), dim(x.cols), x.symmetric))
        return value.T if t else value

    def product(size: Dimension, word: Word) -> Expr:
        result = identity(dim(size))
        for s in word:
            result = result @ image(s)
        return result

    total = zeros(dim(expr.rows), dim(expr.cols))
    for (atoms, word), c in expr.terms.items():
        term = product(expr.rows, word)
        for atom in atoms:
            factor = dimension(dim(atom)) if isinstance(atom, str) else product(_rows(atom[0]), atom).trace()
            term = factor * term
        total = total + c * term
    return Expr(total.rows, total.cols, total.terms, ("substituted", expr, dict(choose), dict(dims)))


def substitute(expr: Expr, values: Mapping[Letter, Expr], dims: Mapping[Dimension, Dimension] | None = None) -> Expr:
    """Replace letters by expressions, all at once, and dimensions by dimensions.

    Raises `ShapeError` when a value has not the (replaced) shape of its letter, or a symmetric letter gets a value
    that is not symmetric in normal form.
    """
    dims = dims or {}
    for x, value in values.items():
        shape = (dims.get(x.rows, x.rows), dims.get(x.cols, x.cols))
        if value.shape != shape:
            raise ShapeError(
                f"`{x.name}` has shape {shape[0]} x {shape[1]}: found a value of {value.rows} x {value.cols}."
            )
        if x.symmetric and value != value.T:
            raise ShapeError(f"`{x.name}` is symmetric: found a value that is not, in normal form.")
    return _replace(expr, values, dims)


def is_well_formed(expr: Expr) -> bool:
    """Whether the expression is what letters and operators make: shapes chain, normal form. By hand all can be wrong."""
    try:
        return _replace(expr, {}, {}) == expr
    except (ShapeError, IndexError):
        return False


def _occurrences(expr: Expr) -> Iterable[tuple[Fraction, tuple[Atom, ...], Word, int | None, int, Signed]]:
    """Every letter of every term: (coefficient, atoms, word, which atom or None for the word, position, letter)."""
    for (atoms, word), c in expr.terms.items():
        for i, s in enumerate(word):
            yield c, atoms, word, None, i, s
        for k, atom in enumerate(atoms):
            if not isinstance(atom, str):
                for i, s in enumerate(atom):
                    yield c, atoms, word, k, i, s


def derivative(expr: Expr, direction: Mapping[Letter, Expr]) -> Expr:
    r"""The derivative at $t = 0$ of `expr` with each letter $X$ of `direction` replaced by $X + t D$ (Leibniz)."""
    for x, d in direction.items():
        if d.shape != (x.rows, x.cols):
            raise ShapeError(f"The direction of `{x.name}` needs shape {x.rows} x {x.cols}: found {d.rows} x {d.cols}.")
        if x.symmetric and d != d.T:
            raise ShapeError(f"The direction of the symmetric letter `{x.name}` needs to be symmetric.")
    total = zeros(expr.rows, expr.cols)
    for c, atoms, word, k, i, (x, t) in _occurrences(expr):
        if x not in direction:
            continue
        moved = direction[x].T if t else direction[x]
        if k is None:
            term = _raw(expr.rows, _rows(word[i]), word[:i]) @ moved @ _raw(_cols(word[i]), expr.cols, word[i + 1 :])
            rest = atoms
        else:
            atom = atoms[k]
            assert not isinstance(atom, str)
            around = _raw(_cols(atom[i]), _rows(atom[i]), atom[i + 1 :] + atom[:i])
            term = (moved @ around).trace() * _raw(expr.rows, expr.cols, word)
            rest = atoms[:k] + atoms[k + 1 :]
        total = total + c * (_product(rest) * term)
    return Expr(total.rows, total.cols, total.terms, ("derivative", expr, dict(direction)))


def gradient(expr: Expr, x: Letter) -> Expr:
    r"""The Frobenius gradient of a scalar: the matrix $G$ with derivative $\langle G, D \rangle$ in every direction $D$.

    Raises `ShapeError` for an expression that is not scalar and for a symmetric matrix letter, whose gradient
    depends on a convention.
    """
    if not expr.is_scalar:
        raise ShapeError(f"A gradient needs a scalar: found {expr.rows} x {expr.cols}.")
    if x.symmetric and x.rows != "1":
        raise ShapeError(f"The gradient in the symmetric letter `{x.name}` depends on a convention: use `derivative`.")
    total = zeros(x.rows, x.cols)
    for c, atoms, _, k, i, (y, t) in _occurrences(expr):
        if y != x or k is None:
            continue
        atom = atoms[k]
        assert not isinstance(atom, str)
        around = _raw(_cols(atom[i]), _rows(atom[i]), atom[i + 1 :] + atom[:i])
        total = total + c * (_product(atoms[:k] + atoms[k + 1 :]) * (around if t else around.T))
    return Expr(total.rows, total.cols, total.terms, ("gradient", expr, x))


def _raw(rows: Dimension, cols: Dimension, word: Word) -> Expr:
    return _combine(rows, cols, [(((), word), Fraction(1))])


def _product(atoms: tuple[Atom, ...]) -> Expr:
    return Expr("1", "1", {(atoms, ()): Fraction(1)})


# Indexed letters: the letters of a chain are named `W[j]`, `W[j+1]`, `W[K]`, with dimensions such as `n[j]`.

_INDEX = re.compile(r"\[([A-Za-z]\w*)?([+-]?\d+)?\]")


def index_symbol(text: str) -> str:
    """`text`, which has to be a symbol: a letter, then letters, digits or underscores."""
    if re.fullmatch(r"[A-Za-z]\w*", text) is None:
        raise ValueError(f"`{text}` is no index symbol: write a letter, such as `j`.")
    return text


def parse_index(text: str) -> tuple[str, int]:
    """Split an index such as `j+1`, `K`, `-1` or `2` into (symbol or "", offset)."""
    match = _INDEX.fullmatch(f"[{text.replace(' ', '')}]")
    if match is None or not (match[1] or match[2]):
        raise ValueError(f"`{text}` is no index: needed a symbol, an integer, or a symbol plus or minus an integer.")
    return match[1] or "", int(match[2] or 0)


def show_index(symbol: str, offset: int) -> str:
    if not symbol:
        return str(offset)
    return symbol + (f"{offset:+d}" if offset else "")


def shift_index(text: str, symbol: str, to: str) -> str:
    """Replace the index symbol everywhere in a name: `shift_index("W[j+1]", "j", "k-1") == "W[k]"`."""
    new_symbol, new_offset = parse_index(to)

    def image(match: re.Match[str]) -> str:
        found, offset = match[1] or "", int(match[2] or 0)
        return f"[{show_index(new_symbol, new_offset + offset)}]" if found == symbol else match[0]

    return _INDEX.sub(image, text)


def replace_indices(text: str, to: Mapping[str, str]) -> str:
    """Replace several index symbols everywhere in a name, all at once."""

    def image(match: re.Match[str]) -> str:
        found, offset = match[1] or "", int(match[2] or 0)
        if found not in to:
            return match[0]
        symbol, more = parse_index(to[found])
        return f"[{show_index(symbol, more + offset)}]"

    return _INDEX.sub(image, text)


def indices(text: str) -> frozenset[str]:
    """The index symbols in a name."""
    return frozenset(m[1] for m in _INDEX.finditer(text) if m[1])


def at_index(expr: Expr, symbol: str, to: str) -> Expr:
    """The expression with an index symbol replaced, in letters and in dimensions."""
    dims = {d: shift_index(d, symbol, to) for d in expr.dimensions()}
    values = {
        x: letter(
            Letter(shift_index(x.name, symbol, to), dims.get(x.rows, x.rows), dims.get(x.cols, x.cols), x.symmetric)
        )
        for x in expr.letters()
    }
    return _replace(expr, values, dims)
