r"""A calculator against the goal that its page proves.

The goal of a derivation is an inequality of letters, of which one is bounded: $\mathrm{risk} + 24K/n\,(\dots) + t \ge
\mathrm{err}$. A `Reading` gives the letters their values from those of the calculator's symbols, and the bounded letter
the value that the calculator computes. Then the goal must be an equality: a calculator below it claims what is not
proved, one above it gives something away. The premises of the derivation are looked at too (such as $n t^2 = -2 \ln
\delta$), so that a reading that is as wrong as the calculator is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from flint import arb, ctx

if TYPE_CHECKING:
    from theorems.bounds.bound import Bound
    from theorems.bounds.reading import Reading
    from theorems.proof.derivation import Derivation

BITS = 256
SMALL = 2.0**-100


def difference(bound: Bound, derivation: Derivation, reading: Reading, values: Mapping[str, Any]) -> str:
    """What is wrong with the calculator at these values of its symbols, or nothing."""
    from theorems.bounds.bound import enclose
    from theorems.proof.crosscheck import Model, prepare
    from theorems.proof.language import Relation

    with ctx.workprec(BITS):
        value = enclose(bound.expression, values)
        found = dict(reading.letters(values, value))
        model = Model(found, reading.indices(values))
        goal = derivation.goals[reading.goal]
        assert isinstance(goal, Relation)
        if not prepare(derivation, goal, model):
            return f"`{bound.name}`: the goal {goal} has letters without a value"
        said = [("premise", f.content) for f in derivation.facts if f.step == "given"]
        said += [("goal", g) for number, g in enumerate(derivation.goals) if number != reading.goal]
        for kind, content in said:
            try:
                answer = model.says(content, derivation.predicates)
            except (KeyError, TypeError, AttributeError):
                continue  # it speaks of letters that the calculator knows nothing of
            if answer is False:
                return f"`{bound.name}`: the {kind} {content} is false at {shown(values)}"
        rest = arb(model.evaluate(goal.expr))
        if not (rest.contains(0) and float(rest.rad()) < SMALL):
            return f"`{bound.name}` is {value.str(8)} where the goal {goal} leaves {rest.str(8)} at {shown(values)}"
    return ""


def shown(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} = {x.str(8, radius=False) if isinstance(x, arb) else x}" for name, x in values.items())
