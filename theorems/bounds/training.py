r"""What bounds from a description of the training share: the options that they read, and that no network is looked at."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
from flint import arb

from numerics.evidence.errors import InputError
from theorems.bounds.bound import Bound
from theorems.bounds.options import number

if TYPE_CHECKING:
    import sympy

    from theorems.bounds.bound import Value

STEP_OPTIONS = {
    "step_sizes": "all step sizes in order, or `0.1` for one size, or `0.1/t` for 0.1/t in step t, with `steps`",
    "steps": "number of steps, where `step_sizes` is one number or decays",
}
EXAMPLES = {"examples": "number of training examples, where no data is given"}
RANGE = {"loss_range": "M, length of an interval with all values of the loss (1 for the 0-1 loss)"}
TEMPERATURE = {"inverse_temperature": "beta, with noise of standard deviation sqrt(2 eta/beta) in a step eta"}
SMOOTH = {
    "lipschitz": "Lipschitz constant L of the loss in the weights, for every example",
    "smoothness": "Lipschitz constant beta of its gradient",
}
N = {"n": "number of training examples"}
M = {"M": "length of the interval of losses, as stated by the caller"}
L = {"L": "Lipschitz constant of the loss, as stated by the caller"}

Measured = Mapping[str, "Value"]


def training_bound(
    name: str,
    title: str,
    page: str,
    citation: str,
    formula: Callable[[], sympy.Expr],
    symbols: Mapping[str, str],
    measure: Callable[[Any, Any, Mapping[str, Any]], Measured],
    options: Mapping[str, str],
    required: tuple[str, ...],
    *,
    quantity: str = "expected generalization gap",
    trivial: str | None = "1",
) -> Bound:
    """A bound that does not look at the network: `quantity` is at most `formula` of what the caller says of the training."""
    return Bound(
        name,
        title,
        formula,
        symbols,
        measure,
        lambda network: (),
        f"generalization.{page}",
        citation,
        options,
        required=required,
        quantity=quantity,
        trivial=trivial,
    )


def positive(names: str) -> list[sympy.Symbol]:
    """SymPy symbols of positive numbers."""
    from sympy import Symbol

    return [Symbol(name, positive=True) for name in names.split()]


def two_examples(data: Any, options: Mapping[str, Any]) -> int:
    """The number of examples where the bound divides by one less."""
    n = sample_size(data, options)
    if n < 2:
        raise InputError(f"`examples` must be at least 2, found {n}.")
    return n


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

    def floats(self) -> np.ndarray:
        """All of them, rounded."""
        return np.array([float(a) for a in self])

    @property
    def is_constant(self) -> bool:
        return not self.sizes and not self.decays

    def sum(self, term: Callable[[Fraction], arb], *, after: int = 0) -> arb:
        """The sum of `term(step size)` over the steps after the first `after`, as a ball at the working precision."""
        if self.is_constant:
            return (self.steps - after) * term(self.size) if self.steps > after else arb(0)
        return sum(map(term, itertools.islice(self, after, None)), arb(0))

    def product(self, factor: Callable[[Fraction], arb], *, after: int = 0) -> arb:
        """The product of `factor(step size)` over the same steps."""
        if self.is_constant:
            return factor(self.size) ** (self.steps - after)
        return math.prod(map(factor, itertools.islice(self, after, None)), start=arb(1))
