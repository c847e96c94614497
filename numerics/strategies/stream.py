r"""Exact instances from bytes: tables of small numbers, planted matrices, and the `Stream` that decodes them."""

from __future__ import annotations

import functools
import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from operator import neg
from typing import NamedTuple, TypeVar

from flint import fmpq_mat, fmpz, fmpz_mat
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from numerics.arithmetic.exact import Matrix, Rational, as_fraction, zeros

T = TypeVar("T")


def _table(*weighted: tuple[Fraction | int, int]) -> tuple[Fraction, ...]:
    """A number for every byte, simplest first, each as often as its weight says."""
    table = tuple(Fraction(value) for value, weight in weighted for _ in range(weight))
    if len(table) != 256:
        raise AssertionError(f"The weights must add up to 256, found {len(table)}.")
    return table


def _numerators(table: tuple[Fraction, ...], denominator: int) -> tuple[int, ...]:
    if any(denominator % x.denominator for x in table):
        raise AssertionError(f"The numbers must be multiples of 1/{denominator}.")
    return tuple(int(x * denominator) for x in table)


def _both(value: Fraction | int, weight: int) -> tuple[tuple[Fraction | int, int], ...]:
    return (value, weight), (-value, weight)


_HALF, _THIRD = Fraction(1, 2), Fraction(1, 3)

_ENTRIES = _table(
    (0, 32),
    *_both(1, 48),
    *_both(2, 16),
    *_both(_HALF, 12),
    *_both(3, 10),
    *_both(_THIRD, 8),
    *_both(Fraction(3, 2), 6),
    *_both(Fraction(2, 3), 4),
    *_both(Fraction(1, 4), 4),
    *_both(5, 4),
)
_TWELFTHS = _numerators(_ENTRIES, 12)

_SKEW = _numerators(_table((0, 96), *_both(1, 48), *_both(2, 20), *_both(3, 12)), 1)
# Integers alone never turn a plane by less than 90 degrees; one denominator for all of them keeps the frames small.
_SKEW_DENOMINATORS = _numerators(_table((1, 160), (2, 48), (3, 48)), 1)

TINY = Fraction(1, 10**6)
r"""A positive gap at most this large is *tiny*. The relative gaps drawn are $10^{-6}, 10^{-12}$ and $10^{-18}$, the last
of which float64 cannot represent."""

_LARGEST = _table(
    *((0, 24), (1, 104), (2, 48), (3, 32), (_HALF, 16), (5, 12), (_THIRD, 12), (1000, 4), (TINY, 4)),
)
# The largest value and the ratios that follow, not the gaps: then a prefix of the bytes is a prefix of the spectrum, and
# a tie survives when the size shrinks.
_RATIOS = _table(
    *((1, 112), (0, 28), (_HALF, 40), (Fraction(2, 3), 16), (Fraction(3, 4), 12), (_THIRD, 8)),
    *((1 - TINY, 8), (1 - TINY**2, 16), (1 - TINY**3, 8), (TINY, 8)),
)

_RATIO_PAIRS = tuple(x.as_integer_ratio() for x in _RATIOS)

_GENERIC, _LOW_RANK, _REPEATED, _ZERO_COLUMNS, _ZERO = range(5)
_KINDS = _numerators(_table((_GENERIC, 144), (_LOW_RANK, 40), (_REPEATED, 28), (_ZERO_COLUMNS, 28), (_ZERO, 16)), 1)


@dataclass(frozen=True)
class Planted:
    r"""A matrix $A = U \operatorname{diag}(\text{spectrum})\, V^\top$ with its decomposition, all of it exact.

    `matrix` is $m \times n$, `left` is $U \in O(m)$, `right` is $V \in O(n)$, and `spectrum` has $\min(m, n)$ numbers in
    descending order. From `planted_matrices` they are the singular values; from `symmetric_matrices` $U = V$ and they
    are the eigenvalues, of either sign.
    """

    matrix: Matrix
    spectrum: tuple[Fraction, ...]
    left: Matrix
    right: Matrix

    @property
    def rank(self) -> int:
        return sum(s != 0 for s in self.spectrum)

    @property
    def stratum(self) -> str:
        """The first that applies of `zero`, `tie` (of two non-zero values), `rank drop`, `tiny gap` and `generic`.

        A gap is tiny when it is positive and at most `TINY`, between neighbours or between the last value and 0.
        """
        return spectral_stratum(self.spectrum)


def spectral_stratum(spectrum: Sequence[Fraction]) -> str:
    """The stratum of a descending spectrum, as in `Planted.stratum`."""
    if not any(spectrum):
        return "zero"
    pairs = list(pairwise(spectrum))
    if any(s == t != 0 for s, t in pairs):
        return "tie"
    if not all(spectrum):
        return "rank drop"
    tiny = any(s - t <= TINY for s, t in pairs) or any(abs(s) <= TINY for s in spectrum)
    return "tiny gap" if tiny else "generic"


# Hypothesis varies an example by copying one drawn value over another of its kind, and when it shrinks a size it keeps
# the values drawn later. Where the lengths do not fit it puts zeros instead: with lengths that follow the dimensions,
# half of all drawn matrices were zero. So every byte string that it draws here has the same length. It is read from its
# end, because shrinking moves what is not zero to the end, and an instance of a smaller size reads fewer bytes: the
# decoders below see to it that these are the bytes of a part of the larger instance.
_BLOCK = 32
_BLOCKS = st.binary(min_size=_BLOCK, max_size=_BLOCK)

POOL = 16
"""How many frames of each size the members of a batch share."""


class _Frame(NamedTuple):
    """The orthogonal matrix Q = Z/d."""

    Z: fmpz_mat
    d: fmpz
    Q: Matrix


class Drawn(int):
    """The number 0, as the position of a member whose bytes come from Hypothesis (see `alone`)."""

    draw: DrawFn

    def __new__(cls, draw: DrawFn) -> Drawn:
        self = super().__new__(cls, 0)
        self.draw = draw
        return self


class Stream:
    r"""Bytes, and the exact instances that they encode.

    `Stream(seed, i)` is a function of its two arguments alone: block $j$ of its bytes is the BLAKE2b digest of
    $(\text{seed}, i, j)$, the same on every machine and in every process; there is no global state. Inside `alone` the
    bytes come from Hypothesis instead, whatever the seed. In both cases zero bytes stand for the simplest instance.

    Raises `ValueError` when `seed` or `i` is negative.
    """

    def __init__(self, seed: int, i: int = 0) -> None:
        if seed < 0 or i < 0:
            raise ValueError(f"`seed` and `i` must not be negative, found {seed} and {i}.")
        self._draw = i.draw if isinstance(i, Drawn) else None
        self._seed = seed
        self._key = f"{seed},{i},"
        self._block = 0
        self._buffer = b""

    def bytes(self, n: int) -> bytes:
        """The next `n` bytes."""
        if n <= 0:
            return b""
        if self._draw is not None:
            return b"".join([self._draw(_BLOCKS)[::-1] for _ in range(-(-n // _BLOCK))])[:n]
        while len(self._buffer) < n:
            self._buffer += hashlib.blake2b(f"{self._key}{self._block}".encode()).digest()
            self._block += 1
        taken, self._buffer = self._buffer[:n], self._buffer[n:]
        return taken

    def integer(self, low: int, high: int) -> int:
        """An integer between `low` and `high`, both included; `low` is simplest.

        Not exactly uniform. Raises `ValueError` when `low > high`.
        """
        return self.integers(low, high, 1)[0]

    def integers(self, low: int, high: int, count: int) -> tuple[int, ...]:
        """So many integers between `low` and `high`, as `integer`."""
        ordered(low, high)
        if self._draw is not None:
            draw, one = self._draw, st.integers(low, high)
            return tuple([draw(one) for _ in range(count)])
        span = high - low + 1
        width = ((span - 1).bit_length() + 7) // 8
        drawn = self.bytes(width * count)
        return tuple(low + int.from_bytes(drawn[width * k : width * (k + 1)]) % span for k in range(count))

    def choice(self, options: Sequence[T]) -> T:
        """One of the options; the first is simplest. Raises `ValueError` when there is none."""
        if not options:
            raise ValueError("`options` must hold at least one, found none.")
        return options[self.integer(0, len(options) - 1)]

    def rational(self) -> Fraction:
        """A small rational number: see `rationals`."""
        return _ENTRIES[self.integer(0, 255)]

    def matrix(self, rows: int, cols: int) -> Matrix:
        """A matrix of small rational numbers: see `matrices`."""
        checked_size(rows, "rows")
        checked_size(cols, "cols")
        return _entries(rows, cols, self.bytes(rows * cols))

    def spectrum(self, length: int, *, minimum: Rational = 0) -> tuple[Fraction, ...]:
        """Descending numbers: see `spectra`."""
        return _fractions(*self._spectrum(length, minimum))

    def _spectrum(self, length: int, minimum: Rational) -> tuple[list[int], int]:
        checked_size(length, "length")
        return _descending(self.bytes(length), not_negative(minimum) if minimum else None)

    def frame(self, n: int) -> Matrix:
        """An orthogonal matrix: see `frames`; in a batch, one of the `POOL` frames of this seed and size."""
        checked_size(n, "n")
        return self._frame(n).Q

    def _frame(self, n: int) -> _Frame:
        if self._draw is None:
            return _pooled(self._seed, n, self.bytes(1)[0] % POOL)
        return _frame(n, self.bytes(_frame_bytes(n)))

    def planted(self, rows: int, cols: int, *, minimum: Rational = 0) -> Planted:
        """A matrix with known singular values: see `planted_matrices`."""
        checked_size(rows, "rows")
        checked_size(cols, "cols")
        numerators, denominator = self._spectrum(min(rows, cols), minimum)
        return _plant(numerators, denominator, self._frame(rows), self._frame(cols))

    def symmetric(self, n: int) -> Planted:
        """A symmetric matrix with known eigenvalues: see `symmetric_matrices`."""
        checked_size(n, "n")
        magnitudes, denominator = self._spectrum(n, 0)
        numerators = sorted((s * x for s, x in zip(_signs(self.bytes(n)), magnitudes, strict=True)), reverse=True)
        Q = self._frame(n)
        return _plant(numerators, denominator, Q, Q)

    def data(self, features: int, samples: int) -> Matrix:
        """A data matrix, samples as columns: see `data_matrices`."""
        checked_size(features, "features")
        checked_size(samples, "samples")
        return self._structured(features, samples)

    def _structured(self, m: int, n: int) -> Matrix:
        if m == 0 or n == 0:
            return self.matrix(m, n)
        drawn = self.bytes(m * n + 2)
        kind, how, numbers = _KINDS[drawn[0]], drawn[1], drawn[2:]
        if kind == _ZERO:
            return Matrix(fmpq_mat(m, n))
        A = _entries(m, n, numbers)
        if kind == _LOW_RANK and min(m, n) > 1:
            r = 1 + how % (min(m, n) - 1)
            # The rows below the first r become combinations of them, with what stood there as coefficients.
            top, coefficients = A[:r, :], A[r:, :r]
            flat = [*top.entries(), *(coefficients @ top).entries()]
            return Matrix(fmpq_mat(m, n, flat))
        if kind == _REPEATED and n > 1:
            distinct = 1 + how % (n - 1)
            return A[:, [j if j < distinct else numbers[j] % distinct for j in range(n)]]
        if kind == _ZERO_COLUMNS and n > 1:
            return A.copy_with({(i, j): 0 for j in range(n) if numbers[j] & 1 for i in range(m)})
        return A

    def labels(self, samples: int, classes: int) -> tuple[int, ...]:
        """Classes of samples: see `labels`."""
        checked_size(samples, "samples")
        checked_size(classes, "classes", 1)
        drawn = self.integers(0, classes - 1, samples)
        one_class_only = self.integer(0, 4) == 4
        return drawn[:1] * samples if one_class_only else drawn

    def widths(self, depth: int, low: int = 1, high: int = 4) -> tuple[int, ...]:
        """The sizes of the layers of a network: see `widths`."""
        checked_size(depth, "depth", 1)
        return self.integers(low, high, depth + 1)

    def linear_network(self, widths: Sequence[int]) -> tuple[Matrix, ...]:
        """The layers of a linear network with the given widths: see `linear_networks`."""
        if len(widths) < 2:
            raise ValueError(f"`widths` must hold the input and the output size at least, found {list(widths)}.")
        return tuple(self._structured(m, n) for n, m in pairwise(widths))


def _descending(drawn: bytes, minimum: Fraction | None) -> tuple[list[int], int]:
    """Numerators and the denominator of a descending spectrum: the largest value, then ratios, on top of `minimum`."""
    if not drawn:
        return [], 1
    numerators, denominator = [_LARGEST[drawn[0]].numerator], _LARGEST[drawn[0]].denominator
    for byte in drawn[1:]:
        p, q = _RATIO_PAIRS[byte]
        last = numerators[-1]
        if q != 1:
            numerators = [x * q for x in numerators]
            denominator *= q
        numerators.append(last * p)
    if minimum:
        p, q = minimum.numerator, minimum.denominator
        numerators = [x * q + p * denominator for x in numerators]
        denominator *= q
    common = math.gcd(denominator, *numerators)
    return [x // common for x in numerators], denominator // common


def _fractions(numerators: Sequence[int], denominator: int) -> tuple[Fraction, ...]:
    return tuple([_fraction(x, denominator) for x in numerators])


# The same few values come again and again, and Fraction(x, y) takes ten times as long as finding one here.
_fraction = functools.lru_cache(maxsize=4096)(Fraction)


def _entries(m: int, n: int, drawn: bytes) -> Matrix:
    return Matrix(fmpq_mat(fmpz_mat(m, n, [_TWELFTHS[drawn[j]] for j in _shells(m, n)])) / 12)


@functools.lru_cache(maxsize=256)
def _shells(m: int, n: int) -> tuple[int, ...]:
    """The position of each entry in the order of max(i, j), where the entries of a leading block come first."""
    order = sorted((max(i, j), i, j) for i in range(m) for j in range(n))
    position = {(i, j): k for k, (_, i, j) in enumerate(order)}
    return tuple(position[i, j] for i in range(m) for j in range(n))


@functools.lru_cache(maxsize=64)
def _skew_layout(n: int) -> tuple[int, ...]:
    """Where each entry of cI + k stands in the list (c, entries above the diagonal by columns, the same negated)."""
    count = n * (n - 1) // 2
    layout = [0] * (n * n)
    pairs = ((i, j) for j in range(n) for i in range(j))
    for k, (i, j) in enumerate(pairs):
        layout[i * n + j], layout[j * n + i] = 1 + k, 1 + count + k
    return tuple(layout)


def _signs(drawn: bytes) -> list[int]:
    return [1 if b < 128 else -1 for b in drawn]


def _diagonal(values: Sequence[int], m: int, n: int) -> fmpz_mat:
    D = fmpz_mat(m, n)
    for k, x in enumerate(values):
        D[k, k] = x
    return D


def _frame_bytes(n: int) -> int:
    return 1 + n * (n + 1) // 2


def _frame(n: int, drawn: bytes) -> _Frame:
    """D (I - K)(I + K)^{-1} with K = k/c: a byte for c, then for each column of k its sign in D and the entries above."""
    if n == 0:
        return _Frame(fmpz_mat(0, 0), fmpz(1), zeros(0, 0))
    c = _SKEW_DENOMINATORS[drawn[0]]
    starts = [1 + j * (j + 1) // 2 for j in range(n)]
    k = [_SKEW[b] for j, start in enumerate(starts) for b in drawn[start + 1 : start + 1 + j]]
    pool = (c, *k, *map(neg, k))
    inverse = fmpq_mat(fmpz_mat(n, n, list(map(pool.__getitem__, _skew_layout(n))))).inv()
    N, d = inverse.numer_denom()
    D = _diagonal(_signs(bytes(drawn[start] for start in starts)), n, n)
    Z = D * (N * (2 * c)) - D * d
    return _Frame(Z, d, _quotient(Z, d))


@functools.lru_cache(maxsize=1024)
def _pooled(seed: int, n: int, k: int) -> _Frame:
    return _frame(n, hashlib.shake_128(f"{seed},{n},{k}".encode()).digest(_frame_bytes(n)))


def _quotient(Z: fmpz_mat, d: fmpz) -> Matrix:
    return Matrix._of(fmpq_mat(Z) / d)


def _plant(numerators: Sequence[int], denominator: int, U: _Frame, V: _Frame) -> Planted:
    A = U.Z * _diagonal(numerators, U.Z.nrows(), V.Z.nrows()) * V.Z.transpose()
    return Planted(_quotient(A, U.d * V.d * denominator), _fractions(numerators, denominator), U.Q, V.Q)


def checked_size(value: int, name: str, low: int = 0) -> None:
    if value < low:
        raise ValueError(f"`{name}` must be at least {low}, found {value}.")


def ordered(low: int, high: int) -> None:
    if low > high:
        raise ValueError(f"`low` must not exceed `high`, found {low} and {high}: swap them.")


def not_negative(minimum: Rational) -> Fraction:
    low = as_fraction(minimum)
    if low < 0:
        raise ValueError(f"`minimum` must not be negative, found {low}.")
    return low
