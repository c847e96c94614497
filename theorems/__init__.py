"""Theorems of deep learning as pages that run: proof, check, counterexample, citation."""

import numerics as _numerics

if getattr(_numerics, "PART_OF", None) != "theorems":
    raise ImportError(
        f"`import numerics` found {getattr(_numerics, '__file__', None) or _numerics} "
        "instead of the package that comes with `theorems`: rename your own `numerics.py` (or folder), or run from another folder."
    )

from theorems.catalogue import claim as claim
from theorems.catalogue import claims as claims
from theorems.catalogue import names as names
from theorems.claim import Citation as Citation
from theorems.claim import Claim as Claim
from theorems.claim import Mutant as Mutant
from theorems.claim import Premise as Premise
from theorems.claim import Printed as Printed
from theorems.claim import Tight as Tight
from theorems.claim import UnknownClaim as UnknownClaim

__version__ = "0.1.0"
