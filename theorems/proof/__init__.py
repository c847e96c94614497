"""The proof kernel: derivations whose steps a machine checks."""

from theorems.proof import render as render  # it says how everything is printed
from theorems.proof.derivation import Derivation as Derivation
from theorems.proof.derivation import lemmas_from as lemmas_from
from theorems.proof.kernel import calculus as calculus
from theorems.proof.kernel import smt as smt
from theorems.proof.kernel.facts import Axiom as Axiom
from theorems.proof.kernel.facts import Fact as Fact
from theorems.proof.kernel.facts import ProofError as ProofError
from theorems.proof.kernel.facts import Square as Square
from theorems.proof.kernel.facts import letters as letters
from theorems.proof.kernel.language import Indexed as Indexed
from theorems.proof.kernel.language import Relation as Relation
from theorems.proof.kernel.language import Statement as Statement
from theorems.proof.kernel.language import at_least as at_least
from theorems.proof.kernel.language import at_most as at_most
from theorems.proof.kernel.language import equal as equal
from theorems.proof.kernel.language import less as less
from theorems.proof.kernel.language import nonnegative as nonnegative
from theorems.proof.kernel.language import nonzero as nonzero
from theorems.proof.kernel.language import positive as positive
from theorems.proof.kernel.language import predicate as predicate
from theorems.proof.kernel.language import zero as zero
from theorems.proof.kernel.sums import basis as basis
from theorems.proof.kernel.words import Expr as Expr
from theorems.proof.kernel.words import Letter as Letter
from theorems.proof.kernel.words import dimension as dimension
from theorems.proof.kernel.words import identity as identity
from theorems.proof.kernel.words import letter as letter
from theorems.proof.kernel.words import number as number
from theorems.proof.kernel.words import ones as ones
from theorems.proof.kernel.words import zeros as zeros
