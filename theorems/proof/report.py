"""What a derivation rests on: the axioms, glue, lemmas and engines in the cone of its goals. Untrusted: it only reads."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from theorems.proof.kernel.derivation import Derivation
from theorems.proof.kernel.facts import Axiom
from theorems.proof.kernel.ledger import Ledger

KERNEL = Path(__file__).parent / "kernel"
TRUSTED = tuple(sorted(p.name for p in KERNEL.glob("*.py")))


@dataclass(frozen=True)
class TrustedBase:
    """Everything on which the goals of a derivation rest."""

    axioms: tuple[Axiom, ...]
    glue: tuple[str, ...]
    lemmas: tuple[str, ...]
    engines: tuple[str, ...]
    unused_premises: tuple[str, ...]
    held_fixed: tuple[str, ...] = ()  # letters in which derivatives are partial


def trusted_base(derivation: Derivation) -> TrustedBase:
    axioms: list[Axiom] = []
    glue: list[str] = []
    lemmas: list[str] = []
    engines: set[str] = set()
    _collect(derivation, axioms, glue, lemmas, engines, set())
    used = {f.number for f in derivation.cone()}
    unused = tuple(f"{f.reason}: {f.content}" for f in derivation.facts if f.step == "given" and f.number not in used)
    ordered = tuple(sorted(axioms, key=lambda a: a.name))
    return TrustedBase(ordered, tuple(glue), tuple(lemmas), tuple(sorted(engines)), unused, derivation.held_fixed)


def _collect(
    d: Ledger, axioms: list[Axiom], glue: list[str], lemmas: list[str], engines: set[str], seen: set[Ledger]
) -> None:
    if d in seen:
        return
    seen.add(d)
    glue += d.glue_sentences
    for f in d.cone():
        if f.step == "axiom":
            axiom = d.axioms[f.payload["axiom"]]
            if axiom not in axioms:
                axioms.append(axiom)
        elif f.step == "lemma":
            name = f.payload["lemma"]
            if name not in lemmas:
                lemmas.append(name)
            _collect(d.lemmas[name], axioms, glue, lemmas, engines, seen)  # by the derivation: titles may coincide
        elif f.step in ("smt", "calculus"):
            engines.add(f"{f.payload['solver']} {f.payload['version']}")
        elif f.step == "cases" and "unsat" in f.payload["exhaustive"]:
            engines.add(f.payload["exhaustive"].partition(":")[0])


def trusted_lines() -> dict[str, int]:
    """Lines of code (no blanks, comments or docstrings counted out) of every trusted file."""
    counts = {}
    for name in TRUSTED:
        lines = (KERNEL / name).read_text(encoding="utf-8").splitlines()
        counts[name] = sum(1 for line in lines if line.strip() and not line.strip().startswith("#"))
    return counts
