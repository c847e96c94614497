r"""What bounds from a description of the training read from the caller's options: step sizes, sample size."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from flint import arb

from numerics.arithmetic.balls import ball
from numerics.evidence.errors import InputError
from theorems.options import number

STEP_OPTIONS = {
    "step_sizes": "all step sizes in order, or `0.1` for one size, or `0.1/t` for 0.1/t in step t, with `steps`",
    "steps": "number of steps, where `step_sizes` is one number or decays",
}


def sample_size(data: Any, options: Mapping[str, Any]) -> int:
    """The number of training examples, from the data or the option `examples`."""
    if options.get("examples") is not None:
        return int(number(options, "examples", whole=True))
    if data is None:
        raise InputError("`examples` must say how many training examples there are, where no data is given.")
    return len(data)


@dataclass(frozen=True)
class Schedule:
    r"""Step sizes: the `sizes` as listed, or `size` for `steps` steps, divided by the number of the step if it `decays`."""

    steps: int
    size: Fraction = Fraction(0)
    decays: bool = False
    sizes: tuple[Fraction, ...] = ()

    @classmethod
    def read(cls, options: Mapping[str, Any]) -> Schedule:
        given = options["step_sizes"]
        if (isinstance(given, Sequence) and not isinstance(given, str)) or hasattr(given, "__array__"):
            sizes = tuple(number({"step_sizes": a}, "step_sizes") for a in given)
            if not sizes:
                raise InputError("`step_sizes` must hold at least one step size, found none.")
            return cls(len(sizes), sizes=sizes)
        text = str(given).replace(" ", "")
        decays = text.endswith("/t")
        size = number({"step_sizes": text.removesuffix("/t")}, "step_sizes")
        if options.get("steps") is None:
            raise InputError("`steps` must say how many steps there are, where `step_sizes` does not list them.")
        return cls(int(number(options, "steps", whole=True)), size, decays)

    def __iter__(self) -> Iterator[Fraction]:
        if self.sizes:
            return iter(self.sizes)
        return (self.size / t if self.decays else self.size for t in range(1, self.steps + 1))

    def largest(self) -> Fraction:
        return max(self.sizes) if self.sizes else self.size

    def total(self) -> arb:
        """The sum, as a ball at the working precision."""
        if not self.sizes and not self.decays:
            return ball(self.size * self.steps)
        total = arb(0)
        for a in self:
            total += ball(a)
        return total
