"""Hypothesis strategies that feed a `Stream` with bytes that shrink."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any, TypeVar

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from numerics.arithmetic.exact import Matrix, Rational
from numerics.strategies.stream import Drawn, Planted, Stream, not_negative, ordered

T = TypeVar("T")

Size = int | SearchStrategy[int]
"""A dimension, or a strategy of dimensions."""


@st.composite
def _built(draw: DrawFn, build: Callable[..., T], *arguments: Any) -> T:
    """`build(stream, *arguments)` with bytes from Hypothesis, after drawing the arguments that are strategies."""
    drawn = [draw(a) if isinstance(a, SearchStrategy) else a for a in arguments]
    return build(Stream(0, Drawn(draw)), *drawn)


def _sizes(size: Size | None) -> SearchStrategy[int]:
    return sizes() if size is None else st.just(size) if isinstance(size, int) else size


def sizes(low: int = 1, high: int = 5) -> SearchStrategy[int]:
    """Dimensions from `low`, which is simplest, to `high`; raises `ValueError` when they are not in this order."""
    ordered(low, high)
    return st.integers(low, high)


def seeds() -> SearchStrategy[int]:
    """Seeds for the `Stream`s of a batch."""
    return st.integers(0, 2**32 - 1)


def rationals() -> SearchStrategy[Fraction]:
    r"""Small rationals, simplest first: $0, 1, -1, 2, -2, \tfrac12, -\tfrac12, 3, \dots$; one in eight is 0."""
    return _built(Stream.rational)


def matrices(rows: Size, cols: Size) -> SearchStrategy[Matrix]:
    """Matrices whose entries are `rationals`; the zero matrix is simplest. Sizes may be 0.

    Beyond the smallest sizes, rank drops and ties of singular values are rare here: see `planted_matrices` and
    `data_matrices`.
    """
    return _built(Stream.matrix, rows, cols)


def spectra(length: Size, *, minimum: Rational = 0) -> SearchStrategy[tuple[Fraction, ...]]:
    r"""Descending numbers, none below `minimum`; the simplest are all equal to it.

    Above `minimum` stand the largest value, which is a small number (also 0, 1000 or $10^{-6}$), and after it each
    value's ratio to the one before: 1 (a tie), 0 (a rank drop), simple fractions, $1 - 10^{-6}$, $1 - 10^{-12}$,
    $1 - 10^{-18}$ (tiny gaps) and $10^{-6}$ are all common.

    Raises `ValueError` when `minimum` is negative.
    """
    return _built(functools.partial(Stream.spectrum, minimum=not_negative(minimum)), length)


def frames(n: Size) -> SearchStrategy[Matrix]:
    r"""Rational orthogonal $n \times n$ matrices $D\,(I - K)(I + K)^{-1}$; the identity is simplest.

    $D$ is any diagonal of signs, so that both components of $O(n)$ are drawn, and the skew matrix is $K = k/c$ with
    integers $|k_{ij}| \le 3$ and $c \in \{1, 2, 3\}$. With every rational $K$ this form gives every rational matrix in
    $O(n)$ (see `exact.orthogonal`, which takes other parameters); what is drawn is a finite part of them.
    """
    return _built(Stream.frame, n)


def planted_matrices(
    rows: Size | None = None, cols: Size | None = None, *, minimum: Rational = 0
) -> SearchStrategy[Planted]:
    r"""Matrices with known singular values: `spectra` (with `minimum`) between two `frames`.

    The simplest is the zero matrix in identity frames. Sizes left out are drawn by `sizes()`, half of the shapes being
    square.

    Raises `ValueError` when `minimum` is negative.
    """
    low = not_negative(minimum)
    if rows is None and cols is None:
        shapes = st.one_of(sizes().map(lambda n: (n, n)), st.tuples(sizes(), sizes()))
    else:
        shapes = st.tuples(_sizes(rows), _sizes(cols))
    return _built(lambda stream, shape: stream.planted(*shape, minimum=low), shapes)


def symmetric_matrices(n: Size | None = None) -> SearchStrategy[Planted]:
    """Symmetric matrices with known eigenvalues: `spectra` with signs, in one frame. A size left out is of `sizes()`.

    Ties, zeros, tiny gaps, pairs of opposite eigenvalues, definite and indefinite matrices are all common.
    """
    return _built(Stream.symmetric, _sizes(n))


def data_matrices(features: Size, samples: Size) -> SearchStrategy[Matrix]:
    r"""Data $X$ of size `features` x `samples`, samples as columns; no data (size 0) and zero data are simplest.

    Nearly half are degenerate: of low rank (rank 1 included), with repeated samples, with zero samples, or zero.
    """
    return _built(Stream.data, features, samples)


def labels(samples: Size, classes: Size) -> SearchStrategy[tuple[int, ...]]:
    """Classes $0, 1, ...$ of samples; class 0 is simplest, and all samples in one class are common."""
    return _built(Stream.labels, samples, classes)


def widths(depth: Size, low: int = 1, high: int = 4) -> SearchStrategy[tuple[int, ...]]:
    """The sizes $n_0, ..., n_K$ of input, hidden layers and output of a network with $K$ = `depth` weight matrices.

    Raises `ValueError` when `low > high`.
    """
    ordered(low, high)
    return _built(functools.partial(Stream.widths, low=low, high=high), depth)


def linear_networks(
    widths: Sequence[int] | SearchStrategy[Sequence[int]] | None = None,
    *,
    min_depth: int = 2,
    max_depth: int = 4,
    min_width: int = 1,
    max_width: int = 4,
) -> SearchStrategy[tuple[Matrix, ...]]:
    r"""Layers $W_1, \dots, W_K$ of a linear network, $W_k$ of size $n_k \times n_{k-1}$; they chain as $W_K \cdots W_1$.

    Layers of low rank, with repeated or zero columns, and zero layers are common. `widths` gives $n_0, \dots, n_K$;
    otherwise they are drawn from the depths and widths given.

    Raises `ValueError` when a minimum exceeds its maximum.
    """
    ordered(min_depth, max_depth)
    ordered(min_width, max_width)

    def build(stream: Stream, depth: int) -> tuple[Matrix, ...]:
        return stream.linear_network(stream.widths(depth, min_width, max_width))

    if widths is None:
        return _built(build, sizes(min_depth, max_depth))
    return _built(Stream.linear_network, widths)
