r"""A calculator against the goal that its page proves.

The goal of a derivation is an inequality of letters, of which one is bounded: $\mathrm{risk} + 24K/n\,(\dots) + t \ge
\mathrm{err}$. A `Reading` gives the letters their values from those of the calculator's symbols, and the bounded letter
the value that the calculator computes. Then the goal must be an equality: a calculator below it claims what is not
proved, one above it gives something away. The premises of the derivation are looked at too (such as $n t^2 = -2 \ln
\delta$), so that a reading that is as wrong as the calculator is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import TYPE_CHECKING, Any

from flint import arb, ctx, fmpq

from theorems.examination.draws import chunk_seed
from theorems.examination.findings import Finding

if TYPE_CHECKING:
    from theorems.bounds.bound import Bound
    from theorems.bounds.reading import Reading
    from theorems.claim import Claim
    from theorems.proof.derivation import Derivation

DRAWS = 5
BITS = 256
SMALL = 2.0**-100


def calculators(page: Claim, examples: int, seed: int) -> Finding:
    """Point 10: every calculator of the page computes at random values of its symbols what the proved goal says."""
    from theorems.bounds import bounds_of
    from theorems.bounds.readings import READINGS
    from theorems.catalogue import claim

    found = bounds_of(page)
    for bound in found:
        reading = bound.reading or READINGS.get(bound.name)
        if reading is None:
            return Finding("calculators", False, f"`{bound.name}` has no reading: it is not compared with any goal")
        proved = reading.page or bound.page
        derivation = (page if proved == page.dotted else claim(proved)).proof()
        if derivation is None:
            return Finding("calculators", False, f"`{bound.name}` has no goal: `{proved}` has no derivation")
        rng = Random(chunk_seed(f"{page.name}/{bound.name}", seed, 0))
        for _ in range(DRAWS):
            wrong = difference(bound, derivation, reading, drawn(bound, reading, rng))
            if wrong:
                return Finding("calculators", False, wrong)
    detail = f"{', '.join(b.name for b in found)}: as the goal says" if found else "no calculator"
    return Finding("calculators", True, detail, {"calculators": len(found)} if found else {})


def drawn(bound: Bound, reading: Reading, rng: Random) -> dict[str, Any]:
    """Random values of the symbols. The number of examples is large, so that the theorems say something."""

    def thousandths(low: int, high: int) -> arb:
        return arb(fmpq(rng.randrange(1000 * low + 1, 1000 * high), 1000))

    values: dict[str, Any] = {}
    with ctx.workprec(BITS):
        for symbol in sorted(bound.symbols):
            if symbol in reading.whole:
                values[symbol] = rng.randrange(2, 6)
            elif symbol == "n":
                values[symbol] = arb(rng.randrange(10**4, 10**6))
            elif symbol in ("risk", "q", "delta"):
                values[symbol] = arb(fmpq(rng.randrange(1, 500), 1000))
            elif symbol == "eta":
                values[symbol] = values["delta"] / 3
            elif symbol == "C":
                i = rng.randrange(1, 6)
                values[symbol] = arb(i * (i + 1)).log()  # the price of cell number i
            elif symbol == "gamma":
                values[symbol] = thousandths(1, 3)
            elif symbol == "m":
                values[symbol] = arb(rng.randrange(10, 50))
            elif symbol in ("N", "b", "t0", "k0", "k"):
                values[symbol] = arb(rng.randrange(1, 9))
            else:
                values[symbol] = thousandths(1, 9)
    return values


def difference(bound: Bound, derivation: Derivation, reading: Reading, values: Mapping[str, Any]) -> str:
    """What is wrong with the calculator at these values of its symbols, or nothing."""
    from theorems.bounds.bound import enclose
    from theorems.proof import Relation
    from theorems.proof.crosscheck import Model, prepare

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
