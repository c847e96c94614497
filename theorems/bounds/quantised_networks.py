r"""The bound for networks with few bits in numbers: weights rounded to a grid that was fixed in advance."""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from flint import arb

from numerics.evidence.errors import InputError
from theorems.bounds.bound import Bound
from theorems.bounds.changed_weights import changed
from theorems.bounds.conditions import weights_condition
from theorems.bounds.options import exact

PAGE = "generalization.few_bits_make_few_errors"

OPTIONS = {
    "bits": "bits for each weight, fixed before the data, or `best` for the best of 1 to 16, which is paid for",
    "references": "centre of the grid, a matrix for each layer with weights, fixed before the data (default: zero)",
}
SYMBOLS = {
    "q": "training error of the quantised network",
    "N": "number of its weights and biases",
    "b": "bits for each of them",
    "C": "price of choosing range and bits after the data",
    "n": "number of training examples",
    "delta": "probability that the bound fails",
}


def formula() -> Any:
    from sympy import Symbol, log

    from theorems.bounds.functions import KlInverse

    q, C = Symbol("q", nonnegative=True), Symbol("C", nonnegative=True)
    n, N, b = (Symbol(name, integer=True, positive=True) for name in ("n", "N", "b"))
    return KlInverse(q, N * b * log(2) / n + C / n + log(1 / Symbol("delta", positive=True)) / n)


def quantised(network: Any, bits: int, e: int, references: Any = None) -> Any:
    r"""The network with each weight, less its reference, moved to the nearest of $2^b$ equally spaced numbers.

    They are the middles of $2^b$ equal parts of $[-2^e, 2^e]$. Adding the reference back may round: the result is a
    function of the numbers on the grid all the same, so the class is no larger.
    """
    import numpy as np

    step = 2.0 ** (e + 1 - bits)

    def rounded(array: Any, centre: Any = 0.0) -> Any:
        number = np.clip(np.floor((array - centre) / step), -(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
        return centre + (number + 0.5) * step

    if references is None:
        return changed(network, lambda _, weight: rounded(weight), rounded)
    return changed(network, lambda k, weight: rounded(weight, np.asarray(references[k], dtype=float)), rounded)


def measure(network: Any, data: Any, options: Mapping[str, Any]) -> Mapping[str, Any]:
    import numpy as np

    from numerics.networks import certified_margins, margins

    bits, references, memory = options["bits"], options.get("references"), options["memory"]
    layers = [place.layer for place in network.linear_layers]
    if references is not None and [np.shape(M) for M in references] != [x.weight.shape for x in layers]:
        raise InputError(
            f"`references` must hold one array of the shape of each of the {len(layers)} weights, found "
            f"{[np.shape(M) for M in references]}."
        )
    whole = None if bits == "best" else exact(bits)
    if bits != "best" and (whole is None or whole.denominator != 1 or not 1 <= whole <= 32):
        raise InputError(f"`bits` must be a whole number from 1 to 32, or `best`, found {bits!r}.")
    if "bits" not in memory:
        moved = [x.weight - (0 if references is None else references[i]) for i, x in enumerate(layers)]
        moved += [x.bias for x in layers if x.bias is not None]
        largest = max(float(np.abs(x).max()) for x in moved)
        e = max(-1000, math.frexp(largest)[1])  # 2^e is at least the largest
        size = sum(x.size for x in moved)

        def price(b: int) -> int:
            return 3 * 2 ** abs(e) * (b * (b + 1) if whole is None else 1)

        def value(b: int) -> float:
            """The root form in floats: all bits are paid for, so searching is allowed."""
            c = (size * b * math.log(2) + math.log(price(b))) / len(data)
            return float((margins(quantised(network, b, e, references), data) <= 0).mean()) + math.sqrt(c / 2)

        b = min(range(1, 17), key=value) if whole is None else int(whole)
        lower, _ = certified_margins(quantised(network, b, e, references), data)
        memory.update(bits=b, price=price(b), N=size, q=Fraction(int((lower <= 0).sum()), len(data)))
    return {
        "q": memory["q"],
        "N": memory["N"],
        "b": memory["bits"],
        "C": arb(memory["price"]).log(),
        "n": len(data),
    }


def bounds() -> tuple[Bound, ...]:
    return (
        Bound(
            "quantised-occam",
            "the network with its weights rounded to a few bits, as one of finitely many",
            formula,
            SYMBOLS,
            measure,
            weights_condition,
            PAGE,
            "langford2005tutorial, abstract",
            OPTIONS,
            required=("bits",),
            quantity="Pr[error of the quantised network]",
        ),
    )
