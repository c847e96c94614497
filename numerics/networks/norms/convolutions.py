r"""Certified norms of convolution operators: the linear maps between images, not the norms of their kernels.

*Circular padding*: the operator is block-diagonal in the Fourier basis, and its norm is the largest norm of the symbol
over the frequencies of the grid (`numerics.arithmetic.symbols`; Sedghi, Gupta and Long, arXiv 1805.10408), exactly when
the rows of the operator are those of a circulant each as often as the others, as with `padding="same"` or a total padding
of $d(k-1)$, and any stride that divides the length.

*Zero padding*: the operator is a compression of a circular one on a larger torus (`numerics.networks.norms.axes`), whose norm
is the upper end of the ball. The lower end is $\|Ax\|/\|x\|$ for a vector $x$ found by iteration on the true operator $A$,
with its rounding paid. *The ball is as wide as the boundary makes it*, about $O(1/n^2)$ relatively, not `relative_width`:
up to 3 % for random kernels on maps of 7 x 7, 0.6 % at 14 x 14, $10^{-6}$ to $10^{-5}$ for smooth ones (see below).
Operators with at most 2048 rows or columns in a group are written out as matrices instead, which gives the width asked
for (in up to 200 MB); `method="dense"` does so up to 8192. Nothing cheaper is known beyond: a factorisation that proves the
bound would need the band of $A^\top A$, for 64 channels of 32 x 32 already 2 GB. Both ends are exact for kernels of one tap,
for windows that do not overlap, and for a single window.

*Twisted tori.* The torus may as well be closed with a change of sign along an axis, $x_{j+N} = -x_j$: a row still reads each
input at its own place $j \in [0, n)$ with its own weight, and zeros elsewhere, whatever their sign. So the operator is a
compression of this one too. Its symbol stands at the frequencies $2\pi(j + \frac12)/N$, and the smaller of the maxima counts.
A kernel whose symbol peaks at frequency 0, as smooth ones do, has a peak between the points of this grid that is lower by the same
$O(1/N^2)$ as the norm of the operator: the norm $2 + 2\cos\frac{\pi}{n+1}$ of the kernel $(1, 2, 1)$ is attained.

The rounding of the lower end: each output is a sum of at most $m = k^2 c$ products ($c$ input channels of a group), so
$|\mathrm{fl}(Ax) - Ax| \le \gamma_m|A||x|$, and $\||A|\|_\sigma$ is a convolution norm too, of the kernels $|K_t|$, at most
$\sqrt r\,\|S\|_F$ with $S = \sum_t|K_t|$ and $r$ the number of repetitions of a row:
$$\|A\|_\sigma \ge \frac{\|\mathrm{fl}(Ax)\| - \gamma_m\sqrt r\,\|S\|_F\|x\| - \nu}{\|x\|}.$$
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
from flint import arb, ctx
from numpy.typing import ArrayLike

from numerics.arithmetic.enclosure import BITS, NU, Floats, gamma, norm_21_rows, norm_ball, power_of_two
from numerics.arithmetic.spectral import (
    RELATIVE_WIDTH,
    Numbers,
    between,
    bits_for,
    checked_width,
    lanczos,
    random_start,
    spectral_norm,
    width,
)
from numerics.arithmetic.symbols import Ints, Peak, between_grid_points, largest_on_grid, symbol
from numerics.evidence.errors import InputError
from numerics.networks.layers import Convolution
from numerics.networks.norms.axes import Axis, embedded, has_aliases
from numerics.networks.windows import Shape

Method = Literal["auto", "dense", "torus"]

# what is written out as a matrix by itself: rows or columns, entries, multiplications
_SMALL = (2048, 2**24, 2**36)
_ON_REQUEST = (8192, 2**26, 2**40)
_STEPS = 8  # of the iteration on the true operator where that is large: the start is good
_LARGE = 2**22  # multiplications
_GROUPS_WORK = 2**28  # so many multiplications may be spent on the groups that are not the best one on the torus


def convolution_norm(
    weight: ArrayLike,
    input_shape: Sequence[int],
    stride: int | Sequence[int] = 1,
    padding: Any = 0,
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
    circular: bool = False,
    relative_width: float = RELATIVE_WIDTH,
    *,
    method: Method = "auto",
) -> arb:
    r"""A ball around the norm of the convolution operator with this weight on inputs of shape (channels, *space).

    The arguments are those of the layer `Convolution`; see the head of this file for what is certified, and
    `layer_norm` for `method` and the errors.
    """
    layer = Convolution(weight, stride=stride, padding=padding, dilation=dilation, groups=groups, circular=circular)
    return layer_norm(layer, tuple(input_shape), relative_width, method=method)


def layer_norm(
    layer: Convolution, input_shape: Shape, relative_width: float = RELATIVE_WIDTH, *, method: Method = "auto"
) -> arb:
    r"""A ball around $\|A\|_\sigma$, $A$ the linear part of the layer on inputs of this shape, flattened.

    `method` says how an operator is treated whose symbol does not give the norm exactly, as with zero padding:
    `"torus"` between a certified upper bound and a certified lower bound that are $O(1/n^2)$ apart, `"dense"` as a
    matrix (up to 1.6 GB), `"auto"` as a matrix when that is small. Everything else is at most `relative_width` wide, relatively,
    but where taps meet around the circle and cancel, so that float64 cannot tell the norm from 0: there the ball begins at 0.

    Raises `InputError` when the layer does not take this shape, when `relative_width` is below what float64 certifies,
    or when `"dense"` is asked for an operator that is too large or whose kernel meets itself around the circle.
    """
    relative_width = checked_width(relative_width)
    if method not in ("auto", "dense", "torus"):
        raise InputError(f"`method` must be 'auto', 'dense' or 'torus', found {method!r}.")
    layer.output_shape(input_shape)
    lengths = input_shape[1:]
    axes = [embedded(layer, axis, length) for axis, length in enumerate(lengths)]
    if any(axis is None for axis in axes) or not layer.weight.any():
        return arb(0)
    known = [axis for axis in axes if axis is not None]
    layer = _without_idle_taps(layer, known)
    exact = all(axis.exact for axis in known)
    dense = _is_small(layer, input_shape, *_SMALL)
    if method == "dense" and not _is_small(layer, input_shape, *_ON_REQUEST):
        side, entries, _ = _ON_REQUEST
        raise InputError(
            f"`method` 'dense' needs at most {side} rows or columns and {entries} entries in a group and a kernel no "
            f"longer than a circular input, found `{layer}` on {input_shape}: use 'torus'."
        )
    if method == "dense" or (method == "auto" and dense and not exact):
        return _dense_norm(layer, input_shape, relative_width)
    with ctx.workprec(BITS):
        kernels = _kernels(layer, known)
        K, positions, phases, exponent = kernels
        if not K.size:
            return arb(0)
        scale = power_of_two(exponent) * arb(math.prod(axis.repeats for axis in known)).sqrt()
        if len(positions) == 1:
            # one real matrix for each group
            peak, ball = None, _largest([spectral_norm(k[0], relative_width) for k in K], relative_width)
            ball *= power_of_two(-exponent)
            lower, upper = ball.lower(), ball.upper()
        else:
            sides = tuple(axis.side for axis in known)
            twists = [tuple(0 for _ in sides)]
            if not layer.circular:
                twists = list(itertools.product(*((1, 0) if side > 1 else (0,) for side in sides)))
            peak = largest_on_grid(K, positions, sides, relative_width, exponent, twists, phases)
            lower, upper = peak.lower, peak.upper
        if not exact:
            lower = arb(0) if upper == 0 else _iterated(layer, input_shape, known, kernels, peak)
            return between(lower * power_of_two(exponent), upper * scale)
        result = between(lower * scale, upper * scale)
    if width(result) > relative_width and peak is not None:
        if dense and method == "auto":
            return _dense_norm(layer, input_shape, relative_width)
        if not lower > 0:
            return result
        raise InputError(
            f"`relative_width` must be at least {width(result):.1e}, which float64 certifies for `{layer}`, found "
            f"{relative_width:.1e}: ask for a wider ball."
        )
    return result


def _largest(balls: list[arb], relative_width: float) -> arb:
    """A ball around the largest of the numbers in the balls."""
    if len(balls) == 1:
        return balls[0]
    with ctx.workprec(bits_for(relative_width)):
        ends = [(ball.lower(), ball.upper()) for ball in balls]
        return between(*(functools.reduce(arb.max, side) for side in zip(*ends, strict=True)))


def _without_idle_taps(layer: Convolution, axes: Sequence[Axis]) -> Convolution:
    """The layer with zeros for the taps that meet nothing but padding: they may be large, and do not count."""
    if all(axis.taps.size == size for axis, size in zip(axes, layer.windows.size, strict=True)):
        return layer
    used = np.zeros(layer.windows.size, bool)
    used[np.ix_(*(axis.taps.tolist() for axis in axes))] = True
    return layer.with_weight(np.where(used, layer.weight, 0.0), None)


class _Kernels(NamedTuple):
    r"""The kernels of the symbol, groups x T x p x q, a view of the weight where that is possible; their places, T x axes;
    their phases, where those are not side by side in the kernels already; and the $e$ with the largest entry in $2^e[1/2,
    1)$. Empty when all weights that count are zero."""

    K: Floats
    positions: Ints
    phases: Ints | None
    exponent: int

    def singular_vector(self, group: int, frequency: Floats) -> Numbers:
        """The first left singular vector of the symbol, in floats."""
        phases = np.zeros(len(self.positions), np.int64) if self.phases is None else self.phases
        F = [
            symbol(self.K[group, own], self.positions[own], frequency, self.exponent)
            for own in (phases == phase for phase in np.unique(phases))
        ]
        return np.linalg.svd(np.hstack(F), full_matrices=False)[0][:, 0]


def _kernels(layer: Convolution, axes: Sequence[Axis]) -> _Kernels:
    out, channels = layer.outputs // layer.groups, layer.weight.shape[1]
    weight = layer.weight
    for number, axis in enumerate(axes, 2):
        if axis.taps.size < weight.shape[number]:
            weight = weight.take(axis.taps, axis=number)
    largest = max(float(weight.max()), -float(weight.min()))
    if not largest:
        return _Kernels(np.empty(0), np.empty((0, len(axes)), np.int64), None, 0)
    exponent = math.frexp(largest)[1]
    weight = weight.reshape(layer.groups, out, channels, -1)
    # of each tap, the last axis running fastest
    positions = np.array(list(itertools.product(*(axis.blocks.tolist() for axis in axes))), np.int64)
    residues = np.array(list(itertools.product(*(axis.phases.tolist() for axis in axes))), np.int64)
    phases = np.unique(residues, axis=0, return_inverse=True)[1].ravel()
    K, count = np.moveaxis(weight, -1, 1), int(phases.max()) + 1
    if (positions == positions[0]).all():
        # all taps have phases of their own; the order of columns does not matter
        return _Kernels(weight.reshape(layer.groups, 1, out, -1), positions[:1], None, exponent)
    if count == 1 or out <= count * channels:
        return _Kernels(K, positions, phases if count > 1 else None, exponent)
    # the smaller side is that of the phases and channels: they are written side by side
    grid, place = np.unique(positions, axis=0, return_inverse=True)
    wide = np.zeros((layer.groups, len(grid), out, count, channels))
    for tap, (a, b) in enumerate(zip(place.ravel(), phases, strict=True)):
        wide[:, a, :, b] = K[:, tap]
    return _Kernels(wide.reshape(layer.groups, len(grid), out, -1), grid, None, exponent)


# The true operator.


class _Operator:
    r"""The linear part of one group of a layer, times $2^{-\text{exponent}}$, on one sample (channels, *space)."""

    def __init__(self, layer: Convolution, lengths: Shape, group: int = 0, exponent: int = 0) -> None:
        self.lengths, self.windows, self.circular = lengths, layer.windows, layer.circular
        self.counts = layer.windows.counts(lengths)
        self.outputs, self.inputs = layer.outputs // layer.groups, layer.weight.shape[1]
        weight = layer.weight[group * self.outputs : (group + 1) * self.outputs]
        self.kernels = np.moveaxis(weight.reshape(self.outputs, self.inputs, -1), -1, 0).copy()
        np.ldexp(self.kernels, -exponent, out=self.kernels)
        # the part of the padded input that each tap reads
        self.parts = [
            (
                slice(None),
                *(
                    slice(d * t, d * t + s * (c - 1) + 1, s)
                    for d, t, s, c in zip(self.windows.dilation, tap, self.windows.stride, self.counts, strict=True)
                ),
            )
            for tap in itertools.product(*map(range, self.windows.size))
        ]

    def forward(self, x: Floats) -> Floats:
        padded = self.windows.padded(x, circular=self.circular)
        y = np.zeros((self.outputs, math.prod(self.counts)))
        for kernel, part in zip(self.kernels, self.parts, strict=True):
            y += kernel @ padded[part].reshape(self.inputs, -1)
        return y.reshape(-1, *self.counts)

    def adjoint(self, y: Floats) -> Floats:
        paddings = self.windows.padding
        padded = np.zeros((self.inputs, *(n + sum(p) for n, p in zip(self.lengths, paddings, strict=True))))
        flat = y.reshape(self.outputs, -1)
        for kernel, part in zip(self.kernels, self.parts, strict=True):
            target = padded[part]
            target += (kernel.T @ flat).reshape(target.shape)
        for axis, (n, (before, after)) in enumerate(zip(self.lengths, paddings, strict=True), 1):
            whole = np.moveaxis(padded, axis, 0)
            inner = whole[before : before + n]
            if self.circular:
                inner = inner.copy()
                inner[n - before :] += whole[:before]
                inner[:after] += whole[before + n :]
            padded = np.moveaxis(inner, 0, axis)
        return padded


def _iterated(
    layer: Convolution, input_shape: Shape, axes: Sequence[Axis], kernels: _Kernels, peak: Peak | None
) -> arb:
    r"""A lower bound of $2^{-e}\|A\|_\sigma$ by iteration on the true operator, from modes of the torus."""
    lengths, exponent = input_shape[1:], kernels.exponent
    work = layer.weight.size * math.prod(lengths) * 4 * _STEPS
    best = peak.group if peak else int(np.argmax([np.linalg.norm(np.ldexp(k, -exponent)) for k in kernels.K]))
    frequency = peak.frequency if peak else np.zeros(len(axes))
    lower = arb(0)
    for group in range(layer.groups) if work <= _GROUPS_WORK else (best,):
        vector = peak.vector if peak and group == best else kernels.singular_vector(group, frequency)
        lower = lower.max(_iterated_group(_Operator(layer, lengths, group, exponent), axes, frequency, vector))
    return lower


def _iterated_group(operator: _Operator, axes: Sequence[Axis], frequency: Floats, vector: Numbers) -> arb:
    """The lower bound for one group; the search starts from the mode with this frequency and `vector` over the output
    channels, tapered towards the boundary."""
    shape = (operator.inputs, *operator.lengths)
    angle, taper = np.zeros(()), np.ones(())
    for axis, count, omega in zip(axes, operator.counts, frequency.tolist(), strict=True):
        i = np.arange(count)
        angle = np.add.outer(angle, omega * axis.step * i)
        taper = np.multiply.outer(taper, np.sin(math.pi * (i + 1) / (count + 1)))
    wave = np.exp(1j * angle) * taper
    # turned so that the real part is as long as possible
    wave *= np.exp(-0.5j * np.angle((vector @ vector) * (wave * wave).sum()))
    start = operator.adjoint(np.real(np.multiply.outer(vector, wave))).ravel()
    # Something of everything, as the mode may have a symmetry that the best vector has not: a little where steps are dear.
    large = operator.kernels.size * math.prod(operator.counts) > _LARGE
    size = np.linalg.norm(start) or 1.0
    start += (0.01 if large else 1.0) * size * start.size**-0.5 * random_start(start.size, False)

    def gram(v: Any) -> Any:
        return operator.adjoint(operator.forward(v.reshape(shape))).ravel()

    _, v = lanczos(gram, start, RELATIVE_WIDTH, _STEPS if large else 8 * _STEPS)
    image, length = norm_ball(operator.forward(v.reshape(shape))), norm_ball(v)
    cells, repeats = len(operator.kernels), math.prod(axis.repeats for axis in axes)
    total = norm_ball(sum(map(np.abs, operator.kernels), np.zeros(operator.kernels.shape[1:]))) / arb(1 - gamma(cells))
    error = arb(gamma(operator.inputs * cells)) * arb(repeats).sqrt() * total * length + NU
    return ((image - error) / length).lower().max(arb(0))


# The operator as a matrix.


def dense_operator(layer: Convolution, input_shape: Shape) -> Floats:
    r"""The linear part of the layer as a matrix, outputs x inputs, both flattened with the last axis running fastest.

    Exact, but for circular kernels longer than the input, whose taps that meet are added in floats.
    """
    counts, lengths = layer.output_shape(input_shape)[1:], input_shape[1:]
    n = len(lengths)
    result = np.zeros((layer.outputs, *counts, layer.inputs, *lengths))
    view = np.moveaxis(result, n + 1, 1)
    reads = [layer.places(axis, length) for axis, length in enumerate(lengths)]
    out, channels = layer.outputs // layer.groups, layer.weight.shape[1]
    for tap in itertools.product(*map(range, layer.windows.size)):
        rows = [np.flatnonzero(read[:, t] >= 0) for read, t in zip(reads, tap, strict=True)]
        columns = [read[r, t] for read, r, t in zip(reads, rows, tap, strict=True)]
        across = (*np.meshgrid(*rows, indexing="ij"), *np.meshgrid(*columns, indexing="ij"))
        for g in range(layer.groups):
            block = view[g * out : (g + 1) * out, g * channels : (g + 1) * channels]
            values = layer.weight[(slice(g * out, (g + 1) * out), slice(None), *tap)]
            block[(slice(None), slice(None), *across)] += values.reshape(out, channels, *[1] * n)
    return result.reshape(layer.outputs * math.prod(counts), -1)


def _one_group(layer: Convolution, group: int) -> Convolution:
    if layer.groups == 1:
        return layer
    out = layer.outputs // layer.groups
    part = layer.weight[group * out : (group + 1) * out]
    return Convolution(
        part, stride=layer.stride, padding=layer.padding, dilation=layer.dilation, circular=layer.circular
    )


def _is_small(layer: Convolution, input_shape: Shape, most_rows: int, most_entries: int, most_work: int) -> bool:
    lengths = input_shape[1:]
    rows = layer.outputs // layer.groups * math.prod(layer.windows.counts(lengths))
    columns = layer.weight.shape[1] * math.prod(lengths)
    side, entries = min(rows, columns), rows * columns
    small = side <= most_rows and entries <= most_entries and layer.groups * side * entries <= most_work
    return small and not any(has_aliases(layer, axis, length) for axis, length in enumerate(lengths))


def _dense_norm(layer: Convolution, input_shape: Shape, relative_width: float) -> arb:
    balls = []
    for group in range(layer.groups):
        part = _one_group(layer, group)
        balls.append(spectral_norm(dense_operator(part, (part.inputs, *input_shape[1:])), relative_width))
    return _largest(balls, relative_width)


# Named bounds.


def norm_at_every_size(
    weight: ArrayLike,
    stride: int | Sequence[int] = 1,
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
    *,
    grid: int = 32,
    relative_width: float = RELATIVE_WIDTH,
) -> arb:
    r"""A ball around $\sup_\omega\|F(\omega)\|_\sigma$, the supremum of the symbol over *all* frequencies.

    Its upper end bounds the norm of the convolution operator for every size of the input and every zero padding, and for
    every circular padding that repeats no row on lengths that the stride divides; the operators of growing size come
    arbitrarily near. It is the maximum
    over a grid of this side, over $\prod_a \cos(\pi d_a/N)$, $d_a$ half the range of the taps: 1 % wide for 3 x 3 kernels
    and the side 32. See `numerics.arithmetic.symbols`, equation (2). Raises `InputError` for a grid that is too coarse.
    """
    layer = Convolution(weight, stride=stride, dilation=dilation, groups=groups)
    axes = []
    for size, s, d in zip(layer.windows.size, layer.stride, layer.dilation, strict=True):
        offsets = d * np.arange(size)
        blocks, phases = offsets // s, np.unique(offsets % s, return_inverse=True)[1]
        # the symbol has a period when all places are multiples of one number
        blocks = blocks // max(1, int(np.gcd.reduce(blocks)))
        if not isinstance(grid, int) or grid <= blocks[-1]:
            raise InputError(f"`grid` must be an integer above {blocks[-1]} for this kernel, found {grid!r}.")
        axes.append(Axis(np.arange(size), blocks, phases, grid if blocks[-1] else 1, 1, True, 1))
    with ctx.workprec(BITS):
        K, positions, phases, exponent = _kernels(layer, axes)
        if not K.size:
            return arb(0)
        sides = tuple(axis.side for axis in axes)
        peak = largest_on_grid(K, positions, sides, checked_width(relative_width), exponent, phases=phases)
        upper = peak.upper * between_grid_points(positions, sides)
        return between(peak.lower * power_of_two(exponent), upper * power_of_two(exponent))


def reshaped_kernel_norm(weight: ArrayLike, groups: int = 1, relative_width: float = RELATIVE_WIDTH) -> arb:
    r"""$\|K_{\mathrm{resh}}\|_\sigma$ of the kernel as a matrix out/groups x (in/groups cells), the largest of the groups.

    *Not the norm of the operator*, and no upper bound of it: $\|K_{\mathrm{resh}}\|_\sigma \le \|A\|_\sigma \le
    \sqrt{\text{cells}}\,\|K_{\mathrm{resh}}\|_\sigma$, the first when some window lies inside the input, the second for
    zero padding and for circular padding that repeats no row. A 3 x 3 kernel of ones has 3, its operator up to 9.
    """
    layer = Convolution(weight, groups=groups)
    balls = [spectral_norm(k, relative_width) for k in layer.kernels]
    return _largest(balls, relative_width)


def filter_norm_21(weight: ArrayLike) -> arb:
    r"""$\sum_o \|K_o\|_2$ over the filters $K_o$ (in/groups x *size) of the output channels.

    *Not a norm of the operator*, in which every filter stands once for each output position:
    `operator_norm_21_rows` counts them, with what the boundary cuts off.
    """
    array = np.asarray(weight)
    return norm_21_rows(array.reshape(array.shape[0], -1))
