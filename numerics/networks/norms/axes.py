r"""Convolution along one axis, as the part of a circular convolution that it is.

Row $i$ of the operator (output $i$) reads tap $t$ at the place $si + dt - p$ of an input of length $n$: taken modulo $n$
if the convolution is circular, and nothing when it is outside $[0, n)$ otherwise.

**Circular.** The row depends on $si \bmod n$ only. With $g = s$ when $s$ divides $n$ and $g = 1$ otherwise, the places
where rows start are multiples of $g$, and the operator is $C$, the circular convolution with stride $g$, with its row
$r$ repeated $c_r \ge 0$ times: $A = PC$ with $P^\top P = \mathrm{diag}(c_r)$. So $\|A\|_\sigma \le \sqrt{\max_r c_r}
\|C\|_\sigma$, with equality when all $c_r$ are equal (1 for the usual padding).

**Zero padding.** Taps that never meet the input and rows that meet none are dropped. Let $l$ and $h$ be the least and
the largest place read by the others, and $N \ge n + \max(-l, 0)$, $N \ge h + 1$, $N \ge n$, a multiple of $s$. On the torus
$\mathbb{Z}_N$, with the input in $[0, n)$ and zeros elsewhere, the places $j < 0$ become $j + N \in [n, N)$, those from
$n$ to $h$ stay: every row reads what it read before. The rows are different ones: if $si + N = si'$, then row $i'$ reads
some $j' \in [0, n)$, so that row $i$ would read $j' - N < n - N \le l$. So the operator is a compression of the circular one
of side $N$ with stride $s$, and its norm is at most the norm of that. For stride 1 this is $N = n + \max(p, p')$ with the
paddings before and behind (at most $k - 1$ count). The circular operator of side $n$ is *no* bound: the kernel $(-1, 1)$ of
a row of 3 has 1.732 there and 1.802 with zero padding.

**Stride.** With stride $g$ on a circle whose side $g$ divides, tap $o = dt - \min$ reads the residue $b = o \bmod g$ at the place
$a = \lfloor o/g \rfloor$ of the circle of side $N/g$: a stride-1 convolution of $g$ times as many channels.

When only one place $a$ is left (kernels of one tap, windows that do not overlap), the symbol does not depend on the
frequency, one frequency is enough, and the bound is attained as soon as one row has all its taps inside. A single row is
such a case: any stride may be assumed of it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from numerics.networks.layers import Convolution

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Axis:
    """The circular convolution that one axis of a convolution layer is a part of.

    `taps` are the numbers of the taps that count, `blocks` their places $a$ and `phases` their residues $b$ (numbered
    from 0 without gaps); `side` is $N/g$, `repeats` $\\max c_r$, `exact` says that the norm is attained. Output $i$ is
    row `step` $i$ of the circle.
    """

    taps: Ints
    blocks: Ints
    phases: Ints
    side: int
    repeats: int
    exact: bool
    step: int


def has_aliases(layer: Convolution, axis: int, length: int) -> bool:
    """Whether two taps of one row read the same place, as those of a long circular kernel do."""
    size, dilation = layer.windows.size[axis], layer.windows.dilation[axis]
    return layer.circular and np.unique(dilation * np.arange(size) % length).size < size


def embedded(layer: Convolution, axis: int, length: int) -> Axis | None:
    """See the head of this file; `None` when the weights meet nothing but padding."""
    stride, dilation = layer.windows.stride[axis], layer.windows.dilation[axis]
    read = layer.places(axis, length)
    inside = read >= 0
    taps = np.flatnonzero(inside.any(axis=0))
    rows = np.flatnonzero(inside.any(axis=1))
    if not taps.size:
        return None
    offsets = dilation * (taps - taps[0])
    if rows.size == 1 and not has_aliases(layer, axis, length):
        return _axis(taps, offsets, int(offsets[-1]) + 1, 1, step=1)
    if layer.circular:
        step = stride if length % stride == 0 else 1
        counts = np.bincount(stride * np.arange(len(read)) % length, minlength=length)[::step]
        even = bool((counts == counts[0]).all())
        return _axis(taps, offsets, step, length // step, stride // step, int(counts.max()), exact=even)
    first = -layer.windows.padding[axis][0]
    low = first + stride * int(rows[0]) + dilation * int(taps[0])
    high = first + stride * int(rows[-1]) + dilation * int(taps[-1])
    side = -(-max(length, length - low, high + 1) // stride)
    whole = bool(inside[:, taps].all(axis=1).any())
    result = _axis(taps, offsets, stride, side, step=1)
    return replace(result, exact=whole and np.unique(result.blocks).size == 1)


def _axis(taps: Ints, offsets: Ints, stride: int, side: int, step: int, repeats: int = 1, exact: bool = True) -> Axis:
    blocks, phases = offsets // stride, np.unique(offsets % stride, return_inverse=True)[1]
    return Axis(taps, blocks, phases, 1 if np.unique(blocks).size == 1 else side, repeats, exact, step)
