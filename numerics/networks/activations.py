r"""Activations: what theorems need to know of them, the best Lipschitz constant and the value at 0, in one table."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from numerics.arithmetic.enclosure import Floats
from numerics.evidence.errors import InputError
from numerics.networks.windows import Shape


@dataclass(frozen=True)
class Kind:
    r"""What is known of a family of activations $\sigma_s$, $s$ the slope where the family has one.

    `lipschitz` is the best constant, infinite where there is none, and `zero` is $\sigma(0)$, both exact in binary;
    `keeps_one` says that $\sigma(1) = 1$.
    """

    apply: Callable[[Floats, float], Floats]
    lipschitz: Callable[[float], float]
    zero: float
    keeps_one: bool


def _sigmoid(x: Floats) -> Floats:
    y = np.exp(-np.abs(x))
    return np.where(x >= 0, 1.0, y) / (1 + y)


CLIPS: Mapping[str, tuple[float, float]] = {"relu6": (0.0, 6.0), "hard_tanh": (-1.0, 1.0)}
"""The activations that are the identity between two numbers and constant outside."""


def _clip(low: float, high: float) -> Kind:
    return Kind(lambda x, s: np.clip(x, low, high), lambda s: 1.0, 0.0, True)


SLOPES: Mapping[str, float] = {"leaky_relu": 0.01, "prelu": 0.25}
"""The activations that have a slope, with its default."""

ACTIVATIONS: Mapping[str, Kind] = {
    "relu": Kind(lambda x, s: np.maximum(x, 0.0), lambda s: 1.0, 0.0, True),
    **dict.fromkeys(SLOPES, Kind(lambda x, s: np.where(x >= 0, x, s * x), lambda s: max(1.0, abs(s)), 0.0, True)),
    "abs": Kind(lambda x, s: np.abs(x), lambda s: 1.0, 0.0, True),
    "identity": Kind(lambda x, s: x, lambda s: 1.0, 0.0, True),
    **{name: _clip(*ends) for name, ends in CLIPS.items()},
    "tanh": Kind(lambda x, s: np.tanh(x), lambda s: 1.0, 0.0, False),
    "sigmoid": Kind(lambda x, s: _sigmoid(x), lambda s: 0.25, 0.5, False),
    "sign": Kind(lambda x, s: np.sign(x), lambda s: math.inf, 0.0, True),
}
"""The activations, by name. `prelu` is a `leaky_relu` whose slope was learned; `logistic` is read as `sigmoid`. `sign` has
three values, -1, 0 and 1, with sign(0) = 0 as in ONNX, NumPy and PyTorch: it alone jumps, and has no Lipschitz constant."""

_TEXT = re.compile(r"\s*(\w+)\s*(?:\(\s*([^()\s]+)\s*\))?\s*")
_OTHER_NAMES = {"logistic": "sigmoid", "linear": "identity"}


@dataclass(frozen=True)
class Activation:
    r"""An activation, applied entry by entry.

    `name` is one of `ACTIVATIONS`, or `logistic` for `sigmoid`, or `linear` for `identity`; `slope` belongs to
    `leaky_relu` and `prelu`, $\sigma(x) = x$ for $x \ge 0$ and slope $\cdot\, x$ below. Raises `InputError` for an unknown name, a
    slope that is not finite, or a slope where there is none.
    """

    name: str
    slope: float | None = None

    def __post_init__(self) -> None:
        name = _OTHER_NAMES.get(self.name, self.name)
        if name not in ACTIVATIONS:
            near = difflib.get_close_matches(str(self.name), [*ACTIVATIONS, *_OTHER_NAMES], 1)
            hint = f"did you mean `{near[0]}`?" if near else f"use one of {', '.join(ACTIVATIONS)}."
            raise InputError(f"`{self.name}` is not a known activation: {hint}")
        slope = self.slope
        if name in SLOPES:
            slope = SLOPES[name] if slope is None else float(slope)
            if not np.isfinite(slope):
                raise InputError(f"The slope of `{name}` must be finite, found {slope}.")
        elif slope is not None:
            raise InputError(f"`{name}` has no slope, found {slope}: leave it out, or use `leaky_relu`.")
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "slope", slope)

    @classmethod
    def from_text(cls, text: str) -> Activation:
        """The activation written as `relu` or `leaky_relu(0.1)`, which is what `str` gives back."""
        match = _TEXT.fullmatch(text)
        try:
            slope = float(match[2]) if match and match[2] else None
        except ValueError:
            match, slope = None, None
        if match is None:
            raise InputError(f"An activation is written `relu` or `leaky_relu(0.1)`, found {text[:40]!r}.")
        return cls(match[1], slope)

    def __str__(self) -> str:
        return self.name if self.slope is None else f"{self.name}({self.slope!r})"

    @property
    def _kind(self) -> Kind:
        return ACTIVATIONS[self.name]

    @property
    def lipschitz(self) -> float:
        """The best Lipschitz constant, an exact float; infinity where there is none."""
        return self._kind.lipschitz(self.slope or 0.0)

    @property
    def jumps(self) -> bool:
        """Whether it is not continuous, so that it has no Lipschitz constant."""
        return math.isinf(self.lipschitz)

    @property
    def at_zero(self) -> float:
        r"""$\sigma(0)$, exactly."""
        return self._kind.zero

    @property
    def keeps_one(self) -> bool:
        r"""Whether $\sigma(1) = 1$, so that a constant feature passes through."""
        return self._kind.keeps_one

    def output_shape(self, *inputs: Shape) -> Shape:
        return inputs[0]

    def __call__(self, x: Floats) -> Floats:
        return self._kind.apply(x, self.slope or 0.0)
