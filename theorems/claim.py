r"""The form that every claim takes.

A page of this package is one module with a `claim`: a statement with its premises, a derivation that the kernel
checks, a numeric check on random instances, the counterexample that appears when a premise is dropped, false variants
that the check must kill, and the citation. This file holds the words (`Claim`, `Premise`, `Citation`, `Printed`,
`Mutant`, `Tight`); `theorems.catalogue` finds the pages.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

    from numerics.evidence.verdict import Verdict
    from theorems.proof.crosscheck import Model
    from theorems.proof.derivation import Derivation


# How pages find each other by name, filled in by `theorems.catalogue`: a proof may cite another page as a lemma.
CATALOGUE: dict[str, Callable[[str], Claim]] = {}


class UnknownClaim(LookupError):
    """No page has this name; the message proposes what was probably meant."""


@dataclass(frozen=True)
class Citation:
    """A key of `references.bib` and where in that work: `Citation("kawaguchi2016deep", "Theorem 2.3")`."""

    key: str
    locator: str


@dataclass(frozen=True)
class Premise:
    r"""One condition of a claim.

    `holds(instance)` decides it exactly. `kind` says what is known about its necessity:

    * `"needed"`: `without()` is an instance that violates only this premise and breaks the conclusion;
    * `"superfluous"`: papers state it, the theorem does not need it: `violating()` is a strategy of instances that
      violate it, and the check must accept them all;
    * `"typing"`: without it the statement has no meaning, or the others imply it (`why` says which);
    * `"unknown"`: nobody here knows (`why` says what was tried).
    """

    name: str
    statement: str
    holds: Callable[[Any], bool]
    kind: Literal["needed", "superfluous", "typing", "unknown"] = "needed"
    without: Callable[[], Any] | None = None
    violating: Callable[[], SearchStrategy[Any]] | None = None
    why: str = ""
    show: Callable[[Any], str] | None = None

    def __post_init__(self) -> None:
        missing = {
            "needed": self.without is None and "`without`, an instance that violates only this premise",
            "superfluous": self.violating is None and "`violating`, a strategy of instances that violate it",
            "typing": not self.why and "`why` the statement has no meaning without it",
            "unknown": not self.why and "`why` it is not known",
        }[self.kind]
        if missing:
            raise ValueError(f"The {self.kind} premise `{self.name}` needs {missing}.")


@dataclass(frozen=True)
class Mutant:
    """A false variant of the claim. Its `check` must return `fails` on `falsifier()` or on a random instance."""

    name: str
    statement: str
    check: Callable[[Any], Verdict]
    falsifier: Callable[[], Any] | None = None


@dataclass(frozen=True)
class Printed:
    """How a source prints the claim, when that is not the true statement; `check(witness())` must fail."""

    statement: str
    source: Citation
    check: Callable[[Any], Verdict]
    witness: Callable[[], Any]
    remark: str = ""


@dataclass(frozen=True)
class Tight:
    """An instance where the claim's inequality is an equality: `attained(instance())` must hold."""

    name: str
    instance: Callable[[], Any]
    attained: Callable[[Any], Verdict]


def generic(_: Any) -> str:
    """The stratum of an instance about which nothing special is known."""
    return "generic"


@dataclass(frozen=True, repr=False)
class Claim:
    r"""For all instances that satisfy the premises, the goal holds.

    `name` and `doc` are the page's `__name__` and `__doc__`; the doc's first line is the title, the paragraph that
    starts with `**Theorem.**` the statement, `**Idea.**` the idea of the proof. `instances` is a function that returns
    a Hypothesis strategy of instances, or of `numerics.strategies.Batch`es of them. `check(instance)` decides the
    conclusion by a route that is independent of the formula under test; it must accept instances that violate a
    premise and then say whether the conclusion fails. `interpret(instance)` maps the letters of the formal goal to exact values
    (or returns `None` where the goal does not speak of the instance), so that proof and numbers are about the same thing.
    `stratum(instance)` names special cases (ties, zeros, rank drops): each must be decided in full.
    `beyond` says in one sentence what `check` tests that the formal goal does not say. `bounds` returns the
    `theorems.bounds.Bound`s that the page brings along; pages of this package have theirs in `theorems.bounds`.
    """

    name: str
    doc: str | None
    source: Citation
    instances: Callable[[], SearchStrategy[Any]]
    check: Callable[[Any], Verdict]
    premises: tuple[Premise, ...] = ()
    derivation: Callable[[], Derivation] | None = None
    interpret: Callable[[Any], Model | None] | None = None
    mutants: tuple[Mutant, ...] = ()
    printed: tuple[Printed, ...] = ()
    tight: tuple[Tight, ...] = ()
    also: tuple[Citation, ...] = ()
    bounds: Callable[[], tuple[Any, ...]] | None = None
    stratum: Callable[[Any], str] = generic
    beyond: str = ""
    figure: Callable[[Any], Any] | None = None

    def __repr__(self) -> str:
        return f"<claim {self.name}>"

    @property
    def dotted(self) -> str:
        """The permanent name, topic and stem, such as `landscape.linear_networks_have_no_poor_minima`.

        The theme folder between the two is a matter of the shelf and no part of the name.
        """
        parts = self.name.removeprefix("theorems.").split(".")
        return parts[0] if len(parts) == 1 else f"{parts[0]}.{parts[-1]}"

    @property
    def title(self) -> str:
        return (self.doc or "").strip().partition("\n")[0].strip()

    def section(self, heading: str) -> str:
        """The text of the docstring from `**heading.**` to the next bold heading, without the heading."""
        match = re.search(rf"^\*\*{heading}\.\*\*(.*?)(?=^\*\*[A-Z][^*\n]*\.\*\*|\Z)", self.doc or "", re.S | re.M)
        return match[1].strip() if match else ""

    @property
    def statement(self) -> str:
        """The precise statement, in Markdown with LaTeX."""
        return self.section("Theorem")

    @property
    def idea(self) -> str:
        return self.section("Idea")

    def proof(self) -> Derivation | None:
        """The derivation, built once for each process."""
        return _proof(self)

    def premise(self, name: str) -> Premise:
        for p in self.premises:
            if p.name == name:
                return p
        raise UnknownClaim(did_you_mean("premise", name, [p.name for p in self.premises], f" of `{self.dotted}`"))


@functools.cache
def _proof(claim_: Claim) -> Derivation | None:
    if claim_.derivation is None:
        return None
    from theorems.proof.derivation import lemmas_from

    with lemmas_from(lambda name: CATALOGUE["claim"](name).proof()):
        return claim_.derivation()


def did_you_mean(what: str, name: str, known: list[str], where: str) -> str:
    import difflib

    ends = {k.rpartition(".")[2]: k for k in known}
    close = (
        difflib.get_close_matches(name, known, n=3, cutoff=0.6)
        or [k for k in known if len(name) > 2 and name in k][:3]
        or [ends[end] for end in difflib.get_close_matches(name, ends, n=3, cutoff=0.4)]
    )
    if close:
        hint = f"did you mean {' or '.join(f'`{c}`' for c in close)}?"
    elif what == "claim":
        hint = "`theorems list` shows all."
    else:
        hint = f"known: {', '.join(known) or 'none'}."
    return f"There is no {what} `{name}`{where}: {hint}"
