"""Evaluating expressions with any kind of numbers, and writing them as plain data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, TypeVar

from flint import fmpq

from numerics.evidence.errors import InputError

T = TypeVar("T")
N = TypeVar("N", bound="Node")


class Node(Protocol):
    """What a tape reads of an expression: an operation, its arguments, and a name, a number or an exponent."""

    @property
    def op(self) -> str: ...
    @property
    def args(self) -> tuple[Any, ...]: ...
    @property
    def value(self) -> Any: ...


def in_order(roots: Sequence[N]) -> list[N]:
    """All nodes, arguments before what is made of them, without recursion."""
    order: dict[N, None] = {}
    stack = [(root, False) for root in reversed(roots)]
    while stack:
        node, is_ready = stack.pop()
        if is_ready:
            order[node] = None
        elif node not in order:
            stack.append((node, True))
            stack.extend((a, False) for a in reversed(node.args))
    return list(order)


class Arithmetic(Protocol[T]):
    """What a tape needs of a kind of numbers."""

    def constant(self, q: fmpq) -> T: ...
    def add(self, x: T, y: T) -> T: ...
    def multiply(self, x: T, y: T) -> T: ...
    def power(self, x: T, n: int) -> T: ...
    def relu(self, x: T) -> T: ...
    def abs(self, x: T) -> T: ...
    def step(self, x: T) -> T: ...
    def sign(self, x: T) -> T: ...


class Exact:
    """Single rational numbers."""

    def constant(self, q: fmpq) -> fmpq:
        return q

    def add(self, x: fmpq, y: fmpq) -> fmpq:
        return x + y

    def multiply(self, x: fmpq, y: fmpq) -> fmpq:
        return x * y

    def power(self, x: fmpq, n: int) -> fmpq:
        return x**n

    def relu(self, x: fmpq) -> fmpq:
        return max(x, fmpq(0))

    def abs(self, x: fmpq) -> fmpq:
        return abs(x)

    def step(self, x: fmpq) -> fmpq:
        return fmpq(int(x > 0))

    def sign(self, x: fmpq) -> fmpq:
        return fmpq(int(x > 0) - int(x < 0))


class Floats:
    """Floats and NumPy arrays of them, without any claim on rounding: for pictures and searches."""

    def constant(self, q: fmpq) -> Any:
        return int(q.p) / int(q.q)

    def add(self, x: Any, y: Any) -> Any:
        return x + y

    def multiply(self, x: Any, y: Any) -> Any:
        return x * y

    def power(self, x: Any, n: int) -> Any:
        return x**n

    def relu(self, x: Any) -> Any:
        return (x > 0) * x

    def abs(self, x: Any) -> Any:
        return abs(x)

    def step(self, x: Any) -> Any:
        return (x > 0) * 1.0

    def sign(self, x: Any) -> Any:
        return (x > 0) * 1.0 - (x < 0) * 1.0


class Tape:
    """Expressions as one list of instructions, in which every common part occurs once.

    `names` says which input belongs to which parameter; it must name all parameters of `outputs`.
    """

    def __init__(self, outputs: Sequence[Node], names: Sequence[str]) -> None:
        nodes = in_order(outputs)
        place = {node: k for k, node in enumerate(nodes)}
        position = {name: i for i, name in enumerate(names)}
        unknown = [n.value for n in nodes if n.op == "parameter" and n.value not in position]
        if unknown:
            raise InputError(f"`{unknown[0]}` is a parameter of the loss and missing among {', '.join(names)}.")
        self.names = tuple(names)
        self.instructions = [
            (node.op, position[node.value] if node.op == "parameter" else node.value, [place[a] for a in node.args])
            for node in nodes
        ]
        self.outputs = [place[node] for node in outputs]

    def run(self, arithmetic: Arithmetic[T], inputs: Sequence[T]) -> list[T]:
        values: list[T] = []
        value: Any
        for op, value, args in self.instructions:
            match op:
                case "parameter":
                    result = inputs[value]
                case "constant":
                    result = arithmetic.constant(value)
                case "sum" | "product":
                    combine = arithmetic.add if op == "sum" else arithmetic.multiply
                    result = values[args[0]]
                    for k in args[1:]:
                        result = combine(result, values[k])
                case "power":
                    result = arithmetic.power(values[args[0]], value)
                case _:
                    result = getattr(arithmetic, op)(values[args[0]])
            values.append(result)
        return [values[k] for k in self.outputs]

    # As plain data, for files.

    def to_lists(self) -> list[list[Any]]:
        """One list for each instruction: operation, name or number or exponent as text, places of the arguments."""
        return [
            [op, self.names[value] if op == "parameter" else "" if value is None else str(value), *args]
            for op, value, args in self.instructions
        ]
