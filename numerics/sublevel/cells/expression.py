r"""Loss functions as expressions: sums, products, integer powers, `relu` and `abs` of named parameters.

```python
w1, w2 = parameters("w1 w2")
E = (w1 * w2 - 1) ** 2 + Fraction(1, 10) * (w1**2 + w2**2)
E(w1=1, w2=Fraction(1, 2))          # 3/8, exactly
```

Constants are rational: integers, `Fraction`, `fmpq`, and floats, which are taken as the dyadic numbers they are (0.1 is
*not* 1/10). Expressions also work as entries of NumPy object arrays, so that `W2 @ W1` builds a linear network. Equal
expressions are one object, so that common parts are evaluated once.

# Derivatives

`E.gradient()` gives one expression for each parameter. Where a `relu` or `abs` has its kink the derivative is a *set*:
`step(f)` stands for 0 where $f < 0$, 1 where $f > 0$ and **any** number of $[0, 1]$ where $f = 0$; `sign(f)` for -1, 1 and
any number of $[-1, 1]$. Let $g_i$ be the expression `E.gradient()[i]`.

**Slope lemma.** Let $x$ and $y = x + t e_i$, $t > 0$, and let $g_i$ take values in the interval $G$ on the segment between
them, whichever numbers are chosen at kinks. Then $E(y) - E(x) \in tG$.

*Proof.* On the segment every subexpression is a Lipschitz function $\varphi$ of one variable, hence differentiable almost
everywhere and the integral of its derivative. The chain rule holds almost everywhere with any choice at kinks: where
$\varphi(s) \ne 0$, $\mathrm{relu} \circ \varphi$ is $0$ or $\varphi$ nearby. The points with $\varphi(s) = 0 \ne \varphi'(s)$
are isolated, hence countably many. Where $\varphi(s) = \varphi'(s) = 0$, $|\mathrm{relu}(\varphi(s + h))| \le |\varphi(s + h)|
= o(h)$, so that the derivative is $0 = c\,\varphi'(s)$ for every $c$. The same for `abs`. So $E(y) - E(x)$ is the integral
of values of $g_i$ (algebra may rearrange $g_i$, which keeps its values), and lies in $tG$. $\square$
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any
from weakref import WeakValueDictionary

import numpy as np
from flint import fmpq, fmpz

from numerics.arithmetic.exact import rational
from numerics.evidence.errors import InputError
from numerics.sublevel.cells.tape import Exact, Tape, in_order

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_known: WeakValueDictionary[tuple[Any, ...], Expression] = WeakValueDictionary()  # equal expressions are one object


class Expression:
    """A node: an operation, its arguments, and a name, a rational number or an exponent where it needs one.

    Made by arithmetic from `Parameter`s, never by hand. Comparison is by identity, which is structural equality here.
    """

    __slots__ = ("__weakref__", "args", "op", "value")

    op: str
    args: tuple[Expression, ...]
    value: Any

    # Arithmetic.

    def __add__(self, other: Any) -> Expression:
        return sum_of((self, _operand(other)))

    def __radd__(self, other: Any) -> Expression:
        return sum_of((_operand(other), self))

    def __sub__(self, other: Any) -> Expression:
        return sum_of((self, -_operand(other)))

    def __rsub__(self, other: Any) -> Expression:
        return sum_of((_operand(other), -self))

    def __neg__(self) -> Expression:
        return product_of((constant(-1), self))

    def __pos__(self) -> Expression:
        return self

    def __mul__(self, other: Any) -> Expression:
        return product_of((self, _operand(other)))

    def __rmul__(self, other: Any) -> Expression:
        return product_of((_operand(other), self))

    def __truediv__(self, other: Any) -> Expression:
        divisor = _operand(other)
        if divisor.op != "constant" or divisor.value == 0:
            raise InputError(f"A loss may be divided by numbers other than 0 only, found the divisor {divisor}.")
        return product_of((constant(1 / divisor.value), self))

    def __rtruediv__(self, other: Any) -> Expression:
        return _operand(other) / self

    def __pow__(self, exponent: Any) -> Expression:
        if isinstance(exponent, bool) or not isinstance(exponent, int) or exponent < 0:
            raise InputError(f"The exponent must be an integer 0, 1, 2, ..., found {exponent!r}.")
        return power_of(self, exponent)

    def __abs__(self) -> Expression:
        return constant(abs(self.value)) if self.op == "constant" else _node("abs", (self,))

    def __lt__(self, other: Any) -> Any:
        raise TypeError("Expressions cannot be compared: write max(x, 0) as `relu(x)` and max(x, -x) as `abs(x)`.")

    __le__ = __gt__ = __ge__ = __lt__

    def __bool__(self) -> bool:
        raise TypeError("An expression has no truth value: a loss must not branch on its parameters.")

    # What it is made of.

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names of the parameters, in the order in which they first occur, reading from left to right."""
        seen: dict[str, None] = {}
        for node in in_order((self,)):
            if node.op == "parameter":
                seen[node.value] = None
        return tuple(seen)

    @property
    def is_polynomial(self) -> bool:
        return all(node.op in ("parameter", "constant", "sum", "product", "power") for node in in_order((self,)))

    def gradient(self, names: Sequence[str] | None = None) -> tuple[Expression, ...]:
        """The derivatives with respect to `names` (all parameters by default), set-valued at kinks, see above."""
        nodes = in_order((self,))
        if any(node.op in ("step", "sign") for node in nodes):
            raise InputError("The derivative of a loss with `relu` or `abs` has jumps and no derivative of its own.")
        return tuple(_derivative(nodes, name) for name in (self.parameters if names is None else names))

    def __call__(self, **values: Any) -> fmpq:
        """The exact value at a rational point; at a kink `step` and `sign` are 0."""
        missing = [name for name in self.parameters if name not in values]
        if missing:
            raise InputError(f"`{missing[0]}` must have a value: give all of {', '.join(self.parameters)}.")
        tape = Tape((self,), self.parameters)
        return tape.run(Exact(), [rational(values[name]) for name in self.parameters])[0]

    def __str__(self) -> str:
        texts: dict[Expression, str] = {}
        for node in in_order((self,)):
            texts[node] = _text(node, [texts[a] for a in node.args])
        return texts[self]

    __repr__ = __str__


class Parameter(Expression):
    """A parameter of a loss: `Parameter("w1")`. Two with the same name are the same one."""

    __slots__ = ()

    def __new__(cls, name: str) -> Parameter:
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise InputError(f"The name of a parameter must be a word such as `w1`, found {name!r}.")
        found = _node("parameter", (), name, cls)
        assert isinstance(found, Parameter)
        return found


def parameters(names: str) -> tuple[Parameter, ...]:
    """`parameters("a b c")`: several parameters at once."""
    return tuple(Parameter(name) for name in names.split())


def constant(x: Any) -> Expression:
    """A rational number as an expression."""
    return _node("constant", (), rational(x))


def relu(x: Any) -> Any:
    r"""$\max(x, 0)$: an expression of an expression or a rational number, an array of an array, a float of a float.

    So that a loss can be written once for expressions and arrays.
    """
    if isinstance(x, np.ndarray | np.floating | float):
        return np.maximum(x, 0.0)
    f = _operand(x)
    return constant(max(f.value, fmpq(0))) if f.op == "constant" else _node("relu", (f,))


# Building: like terms and equal factors are collected, so that x*x is the square of x, which intervals evaluate tightly.


def _node(op: str, args: tuple[Expression, ...], value: Any = None, cls: type[Expression] = Expression) -> Expression:
    # The node keeps its arguments alive, and so their identities. Numbers go in as texts: FLINT's cannot be hashed while
    # the interpreter shuts down, when the table is emptied.
    key = (op, tuple(id(a) for a in args), None if value is None else str(value))
    node = _known.get(key)
    if node is None:
        node = object.__new__(cls)
        node.op, node.args, node.value = op, args, value
        _known[key] = node
    return node


def _operand(x: Any) -> Expression:
    if isinstance(x, Expression):
        return x
    if isinstance(x, int | float | Fraction | fmpq | fmpz | np.number):
        return constant(x)
    raise TypeError(f"A loss is made of parameters, rational numbers and + - * ** relu abs, found {type(x).__name__}.")


def _split(term: Expression) -> tuple[fmpq, Expression | None]:
    """A term as a number times the rest; the rest of a constant is None."""
    if term.op == "constant":
        return term.value, None
    if term.op == "product" and term.args[0].op == "constant":
        rest = term.args[1:]
        return term.args[0].value, rest[0] if len(rest) == 1 else _node("product", rest)
    return fmpq(1), term


def sum_of(terms: Iterable[Expression]) -> Expression:
    collected: dict[Expression | None, fmpq] = {}
    for term in terms:
        for part in term.args if term.op == "sum" else (term,):
            number, rest = _split(part)
            collected[rest] = collected.get(rest, fmpq(0)) + number
    number = collected.pop(None, fmpq(0))
    parts = [product_of((constant(c), rest)) for rest, c in collected.items() if c != 0 and rest is not None]
    if number != 0 or not parts:
        parts.append(constant(number))
    return parts[0] if len(parts) == 1 else _node("sum", tuple(parts))


def product_of(factors: Iterable[Expression]) -> Expression:
    number, collected = fmpq(1), dict[Expression, int]()
    for factor in factors:
        for part in factor.args if factor.op == "product" else (factor,):
            if part.op == "constant":
                number *= part.value
            else:
                base, n = (part.args[0], part.value) if part.op == "power" else (part, 1)
                collected[base] = collected.get(base, 0) + n
    if number == 0 or not collected:
        return constant(number)
    parts = [_node("power", (base,), n) if n > 1 else base for base, n in collected.items()]
    if number != 1:
        if len(parts) == 1 and parts[0].op == "sum":  # a number times a sum is the sum of the multiples
            return _node("sum", tuple(product_of((constant(number), term)) for term in parts[0].args))
        parts.insert(0, constant(number))
    return parts[0] if len(parts) == 1 else _node("product", tuple(parts))


def power_of(base: Expression, n: int) -> Expression:
    if n == 0:
        return constant(1)
    if n == 1:
        return base
    match base.op:
        case "constant":
            return constant(base.value**n)
        case "power":
            return _node("power", base.args, base.value * n)
        case "product":
            return product_of(power_of(a, n) for a in base.args)
        case _:
            return _node("power", (base,), n)


def _derivative(nodes: Sequence[Expression], name: str) -> Expression:
    zero, one = constant(0), constant(1)
    d: dict[Expression, Expression] = {}
    for node in nodes:
        args = node.args
        match node.op:
            case "parameter":
                d[node] = one if node.value == name else zero
            case "constant":
                d[node] = zero
            case "sum":
                d[node] = sum_of(d[a] for a in args)
            case "product":
                d[node] = sum_of(
                    product_of((*args[:k], d[a], *args[k + 1 :])) for k, a in enumerate(args) if d[a] is not zero
                )
            case "power":
                d[node] = product_of((constant(node.value), power_of(args[0], node.value - 1), d[args[0]]))
            case "relu":
                d[node] = product_of((_node("step", args), d[args[0]]))
            case "abs":
                d[node] = product_of((_node("sign", args), d[args[0]]))
    return d[nodes[-1]]


def _text(node: Expression, args: list[str]) -> str:
    def inside(k: int) -> str:
        a = node.args[k]
        is_simple = a.op not in ("sum", "product") and not (a.op == "constant" and (a.value < 0 or a.value.q != 1))
        return args[k] if is_simple or (node.op == "product" and a.op == "constant") else f"({args[k]})"

    match node.op:
        case "parameter" | "constant":
            return str(node.value)
        case "sum":
            return " + ".join(args).replace(" + -", " - ")
        case "product":
            return "*".join(inside(k) for k in range(len(args))).replace("-1*", "-", 1)
        case "power":
            base = f"({args[0]})" if node.args[0].op == "power" else inside(0)
            return f"{base}**{node.value}"
        case _:
            return f"{node.op}({args[0]})"


def as_expression(loss: Any, names: Mapping[str, Any] | Sequence[str] = ()) -> Expression:
    """`loss` as an `Expression`: one already, a rational number, or a Python function that is called with `Parameter`s.

    The parameters of a function are named by `names`, or else by its own arguments.
    """
    if callable(loss) and not isinstance(loss, Expression):
        import inspect

        chosen = tuple(names) or tuple(inspect.signature(loss).parameters)
        loss = loss(*(Parameter(name) for name in chosen))
    try:
        return _operand(loss)
    except TypeError:
        raise InputError(
            f"The loss must be an expression in + - * ** relu abs of its parameters, found {type(loss).__name__}."
        ) from None


def from_lists(instructions: Sequence[Sequence[Any]]) -> Expression:
    """The expression whose `Tape.to_lists` this is. Raises `InputError` when it is none."""
    nodes: list[Expression] = []
    for k, instruction in enumerate(instructions):
        match list(instruction):
            case ["parameter", str(name)]:
                nodes.append(Parameter(name))
            case ["constant", str(text)]:
                nodes.append(constant(text))
            case [str(op), str(text), *places] if places:
                if not all(isinstance(i, int) and 0 <= i < k for i in places):
                    raise InputError(f"Instruction {k} of the loss must use earlier ones, found {places}.")
                args = [nodes[i] for i in places]
                if op in ("sum", "product"):
                    nodes.append((sum_of if op == "sum" else product_of)(args))
                elif op == "power" and text.isdigit() and len(text) < 10:
                    nodes.append(power_of(args[0], int(text)))
                elif op in ("relu", "abs"):
                    nodes.append(relu(args[0]) if op == "relu" else abs(args[0]))
                else:
                    raise InputError(f"Instruction {k} of the loss must be one that `to_lists` writes, found {op!r}.")
            case _:
                raise InputError(
                    f"Instruction {k} of the loss must be one that `to_lists` writes, found {instruction}."
                )
    if not nodes:
        raise InputError("The loss must have at least one instruction, found none.")
    return nodes[-1]
