"""The proof kernel: derivations whose steps a machine checks."""

from theorems.proof.derivation import Axiom as Axiom
from theorems.proof.derivation import Derivation as Derivation
from theorems.proof.derivation import Fact as Fact
from theorems.proof.derivation import ProofError as ProofError
from theorems.proof.derivation import Square as Square
from theorems.proof.derivation import letters as letters
from theorems.proof.language import Indexed as Indexed
from theorems.proof.language import Relation as Relation
from theorems.proof.language import Statement as Statement
from theorems.proof.language import at_least as at_least
from theorems.proof.language import at_most as at_most
from theorems.proof.language import equal as equal
from theorems.proof.language import less as less
from theorems.proof.language import nonnegative as nonnegative
from theorems.proof.language import nonzero as nonzero
from theorems.proof.language import positive as positive
from theorems.proof.language import predicate as predicate
from theorems.proof.language import zero as zero
from theorems.proof.words import Expr as Expr
from theorems.proof.words import Letter as Letter
from theorems.proof.words import dimension as dimension
from theorems.proof.words import identity as identity
from theorems.proof.words import letter as letter
from theorems.proof.words import number as number
from theorems.proof.words import zeros as zeros
