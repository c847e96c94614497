r"""The proof kernel: a derivation is a list of facts, each justified by one checked step.

Trusted file, like all files of this folder. Facts carry the suppositions on which they still rest, natural-deduction
style: `suppose` opens one, `cases`, `induction` and `for_all` discharge it, and a goal must rest on none. What is *not*
proved here is visible: `axiom` takes a cited statement on trust (with a grade), `glue` records a sentence that only a
human can read and yields no fact.
"""

from __future__ import annotations

from theorems.proof.kernel.analysis import Analysis
from theorems.proof.kernel.equations import Equations
from theorems.proof.kernel.families import Families
from theorems.proof.kernel.order import Order
from theorems.proof.kernel.quantifiers import Quantifiers
from theorems.proof.kernel.statements import Statements
from theorems.proof.kernel.sums import Sums


class Derivation(Equations, Order, Quantifiers, Statements, Sums, Families, Analysis):
    """A proof under construction. Every method that returns a `Fact` checks first, or raises `ProofError`."""
