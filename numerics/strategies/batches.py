"""Batches: one draw of Hypothesis serves many instances, each addressed by the specification and its number."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar, overload

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from numerics.strategies.stream import Drawn, checked_size

S = TypeVar("S")
T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True)
class Batch(Sequence[T_co]):
    """Members made from one specification: member `i` is `make(spec, i)`, made when it is asked for and not kept.

    `make` must be a function of its two arguments alone; take randomness from `Stream(spec.seed, i)`. Then `batch[i]`
    rebuilds one member without the others, in any process. A batch is pickled by name of `make`, which should
    therefore stand at the top of a module.

    Raises `ValueError` when `size` is not positive: a check of no members could not fail.
    """

    spec: Any
    make: Callable[[Any, int], T_co] = field(repr=False)
    size: int

    def __post_init__(self) -> None:
        checked_size(self.size, "size", 1)

    def __len__(self) -> int:
        return self.size

    @overload
    def __getitem__(self, index: int) -> T_co: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[T_co, ...]: ...
    def __getitem__(self, index: int | slice) -> T_co | tuple[T_co, ...]:
        if isinstance(index, slice):
            return tuple(self.make(self.spec, i) for i in range(*index.indices(self.size)))
        if not -self.size <= index < self.size:
            raise IndexError(f"`index` must lie between {-self.size} and {self.size - 1}, found {index}.")
        return self.make(self.spec, index % self.size)


def batches(specs: SearchStrategy[S], make: Callable[[S, int], T], size: int = 16) -> SearchStrategy[Batch[T]]:
    """Batches of `size` members each; only the specification is drawn, and shrinks. See `Batch` and `alone`.

    Raises `ValueError` when `size` is not positive.
    """
    checked_size(size, "size", 1)
    return specs.map(lambda spec: Batch(spec, make, size))


@st.composite
def alone(draw: DrawFn, batches: SearchStrategy[Batch[T]]) -> T:
    """Single members, of which Hypothesis draws every byte, so that a failing one shrinks to the simplest that fails.

    The specification is drawn as in the batches; then `make(spec, i)` runs with an `i` (equal to 0) that makes each
    `Stream(seed, i)` take its bytes from Hypothesis. The seed plays no part any more.
    """
    batch = draw(batches)
    return batch.make(batch.spec, Drawn(draw))
