r"""Lower bounds of the norm of a convolution operator, from vectors found by iteration on the operator itself.

*Rounding.* Each output is a sum of at most $m = k^2 c$ products ($c$ input channels of a group), so
$|\mathrm{fl}(Ax) - Ax| \le \gamma_m|A||x|$, and $\||A|\|_\sigma$ is a convolution norm too, of the kernels $|K_t|$, at most
$\sqrt r\,\|S\|_F$ with $S = \sum_t|K_t|$ and $r$ the number of repetitions of a row:
$$\|A\|_\sigma \ge \frac{\|\mathrm{fl}(Ax)\| - \gamma_m\sqrt r\,\|S\|_F\|x\| - \nu}{\|x\|}.$$
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from flint import arb

from numerics.arithmetic.enclosure import NU, Floats, gamma, norm_ball
from numerics.arithmetic.spectral import RELATIVE_WIDTH, Numbers, lanczos, random_start
from numerics.arithmetic.symbols import Peak
from numerics.networks.layers import Convolution
from numerics.networks.norms.axes import Axis
from numerics.networks.norms.kernels import Kernels
from numerics.networks.windows import Shape

_STEPS = 8  # of the iteration on the true operator where that is large: the start is good
_LARGE = 2**22  # multiplications
_GROUPS_WORK = 2**28  # so many multiplications may be spent on the groups that are not the best one on the torus


class Operator:
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


def lower_end(layer: Convolution, input_shape: Shape, axes: Sequence[Axis], kernels: Kernels, peak: Peak | None) -> arb:
    r"""A lower bound of $2^{-e}\|A\|_\sigma$ by iteration on the true operator, from modes of the torus."""
    lengths, exponent = input_shape[1:], kernels.exponent
    work = layer.weight.size * math.prod(lengths) * 4 * _STEPS
    best = peak.group if peak else int(np.argmax([np.linalg.norm(np.ldexp(k, -exponent)) for k in kernels.K]))
    frequency = peak.frequency if peak else np.zeros(len(axes))
    lower = arb(0)
    for group in range(layer.groups) if work <= _GROUPS_WORK else (best,):
        vector = peak.vector if peak and group == best else kernels.singular_vector(group, frequency)
        lower = lower.max(_iterated_group(Operator(layer, lengths, group, exponent), axes, frequency, vector))
    return lower


def _iterated_group(operator: Operator, axes: Sequence[Axis], frequency: Floats, vector: Numbers) -> arb:
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
