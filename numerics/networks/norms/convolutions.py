r"""Certified norms of convolution operators: the linear maps between images, not the norms of their kernels.

*Circular padding*: the operator is block-diagonal in the Fourier basis, and its norm is the largest norm of the symbol
over the frequencies of the grid (`numerics.arithmetic.symbols`; Sedghi, Gupta and Long, arXiv 1805.10408), exactly when
the rows of the operator are those of a circulant each as often as the others, as with `padding="same"` or a total padding
of $d(k-1)$, and any stride that divides the length.

*Zero padding*: the operator is a compression of a circular one on a larger torus (`numerics.networks.norms.axes`), whose norm
is the upper end of the ball. The lower end is $\|Ax\|/\|x\|$ for a vector $x$ found by iteration on the true operator $A$,
with its rounding paid (`numerics.networks.norms.iteration`). *The ball is as wide as the boundary makes it*, about
$O(1/n^2)$ relatively, not `relative_width`: up to 3 % for random kernels on maps of 7 x 7, 0.6 % at 14 x 14, $10^{-6}$ to $10^{-5}$ for smooth ones (see below).
Operators with at most 2048 rows or columns in a group are written out as matrices instead, which gives the width asked
for (in up to 200 MB); `method="dense"` does so up to 8192. Nothing cheaper is known beyond: a factorisation that proves the
bound would need the band of $A^\top A$, for 64 channels of 32 x 32 already 2 GB. Both ends are exact for kernels of one tap,
for windows that do not overlap, and for a single window.

*Twisted tori.* The torus may as well be closed with a change of sign along an axis, $x_{j+N} = -x_j$: a row still reads each
input at its own place $j \in [0, n)$ with its own weight, and zeros elsewhere, whatever their sign. So the operator is a
compression of this one too. Its symbol stands at the frequencies $2\pi(j + \frac12)/N$, and the smaller of the maxima counts.
A kernel whose symbol peaks at frequency 0, as smooth ones do, has a peak between the points of this grid that is lower by the same
$O(1/N^2)$ as the norm of the operator: the norm $2 + 2\cos\frac{\pi}{n+1}$ of the kernel $(1, 2, 1)$ is attained.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from flint import arb, ctx
from numpy.typing import ArrayLike

from numerics.arithmetic.enclosure import BITS, norm_21_rows, power_of_two
from numerics.arithmetic.spectral import RELATIVE_WIDTH, between, checked_width, spectral_norm, width
from numerics.arithmetic.symbols import between_grid_points, largest_on_grid
from numerics.evidence.errors import InputError
from numerics.networks.layers import Convolution
from numerics.networks.norms.axes import Axis, embedded
from numerics.networks.norms.dense import dense_norm, is_small, largest_ball
from numerics.networks.norms.iteration import lower_end
from numerics.networks.norms.kernels import kernels_of
from numerics.networks.windows import Shape

Method = Literal["auto", "dense", "torus"]

# what is written out as a matrix by itself: rows or columns, entries, multiplications
_SMALL = (2048, 2**24, 2**36)
_ON_REQUEST = (8192, 2**26, 2**40)


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
    dense = is_small(layer, input_shape, *_SMALL)
    if method == "dense" and not is_small(layer, input_shape, *_ON_REQUEST):
        side, entries, _ = _ON_REQUEST
        raise InputError(
            f"`method` 'dense' needs at most {side} rows or columns and {entries} entries in a group and a kernel no "
            f"longer than a circular input, found `{layer}` on {input_shape}: use 'torus'."
        )
    if method == "dense" or (method == "auto" and dense and not exact):
        return dense_norm(layer, input_shape, relative_width)
    with ctx.workprec(BITS):
        kernels = kernels_of(layer, known)
        K, positions, phases, exponent = kernels
        if not K.size:
            return arb(0)
        scale = power_of_two(exponent) * arb(math.prod(axis.repeats for axis in known)).sqrt()
        if len(positions) == 1:
            # one real matrix for each group
            peak, ball = None, largest_ball([spectral_norm(k[0], relative_width) for k in K], relative_width)
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
            lower = arb(0) if upper == 0 else lower_end(layer, input_shape, known, kernels, peak)
            return between(lower * power_of_two(exponent), upper * scale)
        result = between(lower * scale, upper * scale)
    if width(result) > relative_width and peak is not None:
        if dense and method == "auto":
            return dense_norm(layer, input_shape, relative_width)
        if not lower > 0:
            return result
        raise InputError(
            f"`relative_width` must be at least {width(result):.1e}, which float64 certifies for `{layer}`, found "
            f"{relative_width:.1e}: ask for a wider ball."
        )
    return result


def _without_idle_taps(layer: Convolution, axes: Sequence[Axis]) -> Convolution:
    """The layer with zeros for the taps that meet nothing but padding: they may be large, and do not count."""
    if all(axis.taps.size == size for axis, size in zip(axes, layer.windows.size, strict=True)):
        return layer
    used = np.zeros(layer.windows.size, bool)
    used[np.ix_(*(axis.taps.tolist() for axis in axes))] = True
    return layer.with_weight(np.where(used, layer.weight, 0.0), None)


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
        K, positions, phases, exponent = kernels_of(layer, axes)
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
    return largest_ball(balls, relative_width)


def filter_norm_21(weight: ArrayLike) -> arb:
    r"""$\sum_o \|K_o\|_2$ over the filters $K_o$ (in/groups x *size) of the output channels.

    *Not a norm of the operator*, in which every filter stands once for each output position:
    `operator_norm_21_rows` counts them, with what the boundary cuts off.
    """
    array = np.asarray(weight)
    return norm_21_rows(array.reshape(array.shape[0], -1))
