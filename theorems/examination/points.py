r"""The one examination that every claim sits: ten points, each of which a page can fail.

1. `derivation`: no gaps, every certificate holds modulo a prime, and every fact is true on models of the claim;
2. `instances`: the check holds on random instances;
3. `premises`: random instances satisfy all premises, and the check does not hold of everything;
4. `necessity`: each needed premise has an instance that violates only it and breaks the conclusion; superfluous ones
   are violated without harm;
5. `mutants`: every false variant is killed by a verdict *fails*;
6. `tightness`: equality is attained where the page says so;
7. `printed`: the printed form, where there is one, is refuted by its witness;
8. `citation`: every citation has an entry in `references.bib` and a locator;
9. `decided`: special strata are decided in full, the rest to at least 95 %;
10. `calculators`: every calculator of the page computes what the goal of its derivation says.

Points 2 and 9 are decided by a campaign of random instances (`theorems.examination.campaign`), the others here, one
function each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from numerics.evidence.verdict import Rigour
from theorems.claim import Claim
from theorems.examination.bibliography import bibliography
from theorems.examination.calculators import calculators
from theorems.examination.campaign import campaign_findings, chunk_of, chunks
from theorems.examination.draws import chunk_seed, draw, judge, members
from theorems.examination.findings import Finding

POINTS = (
    "derivation",
    "instances",
    "premises",
    "necessity",
    "mutants",
    "tightness",
    "printed",
    "citation",
    "decided",
    "calculators",
)
QUICK_EXAMPLES = 20
MODELS = 50
SUPERFLUOUS_EXAMPLES = 25


def derivation(page: Claim, examples: int, seed: int) -> Finding:
    from theorems.proof.crosscheck import model_check, modular_check
    from theorems.proof.kernel.facts import ProofError
    from theorems.proof.report import trusted_base

    if page.derivation is None:
        return Finding("derivation", True, "no derivation: tested only")
    try:
        proof = page.proof()
    except ProofError as refused:
        return Finding("derivation", False, f"the kernel refuses: {refused}")
    assert proof is not None
    problems = proof.gaps() + modular_check(proof, seed)
    if page.interpret is None:
        return Finding("derivation", False, "the derivation has no `interpret`: its goal is not tied to the instances")
    report = model_check(proof, _models(page, proof, seed), enough=MODELS)
    if report.models < MODELS:
        return Finding("derivation", False, f"only {report.models} models were generated: needed {MODELS}")
    problems += list(report.false[:3]) + [f"never evaluated on a model: {f}" for f in report.never[:3]]
    base = trusted_base(proof)
    trusted = {"axioms": [a.name for a in base.axioms], "glue": len(base.glue)}
    data = {"facts": len(proof.facts), "models": report.models, **trusted}
    detail = f"{len(proof.facts)} facts, {report.models} models"
    return Finding("derivation", not problems, "; ".join(problems) or detail, data)


def _models(page: Claim, derivation: Any, seed: int) -> Iterator[Any]:
    """Instances as models: one draw, and small further ones for branches of a proof that are rarer than that."""
    assert page.interpret is not None
    for attempt, count in enumerate([MODELS, *[MODELS // 5] * 35]):
        for value in draw(page.instances(), count, chunk_seed(page.name, seed, 10**6 + attempt)):
            for instance in members(value):
                model = page.interpret(instance)
                if model is not None:
                    derivation.complete_model(model)
                    yield model


def premises(page: Claim, examples: int, seed: int) -> Finding:
    drawn = draw(page.instances(), max(examples, 20), chunk_seed(page.name, seed, 0))
    instances = [i for value in drawn for i in members(value)]
    for p in page.premises:
        if p.kind == "superfluous":
            continue
        bad = next((i for i in instances if not p.holds(i)), None)
        if bad is not None:
            return Finding("premises", False, f"the strategy draws an instance that violates `{p.name}`: {bad!r}")
    if len({repr(i) for i in instances}) < 2:
        return Finding("premises", False, "the strategy draws only one instance: the check is vacuous")
    suspects = [p.without() for p in page.premises if p.without] + [p.witness() for p in page.printed]
    suspects += [m.falsifier() for m in page.mutants if m.falsifier]
    breakable = any(judge(page.check, i).fails for i in suspects)
    breakable = breakable or any(judge(m.check, i).fails for m in page.mutants for i in [*suspects, *instances])
    if not breakable:
        return Finding(
            "premises", False, "no instance at hand makes the check or a variant of it fail: it may be vacuous"
        )
    return Finding("premises", True, f"satisfied by {len(instances)} instances", {"instances": len(instances)})


def necessity(page: Claim, examples: int, seed: int) -> Finding:
    notes = []
    for p in page.premises:
        if p.kind == "needed":
            assert p.without is not None
            witness = p.without()
            if p.holds(witness):
                return Finding("necessity", False, f"the witness of `{p.name}` does not violate it")
            others = [q.name for q in page.premises if q is not p and q.kind != "superfluous" and not q.holds(witness)]
            if others:
                return Finding("necessity", False, f"the witness of `{p.name}` also violates {', '.join(others)}")
            verdict = judge(page.check, witness)
            if not verdict.fails or verdict.rigour < Rigour.BALL:
                found = f"{verdict.answer.value} ({verdict.rigour})"
                return Finding(
                    "necessity", False, f"without `{p.name}` the conclusion should fail rigorously: found {found}"
                )
            notes.append(f"`{p.name}` needed")
        elif p.kind == "superfluous":
            assert p.violating is not None
            count = 0
            for value in draw(
                p.violating(), min(examples, SUPERFLUOUS_EXAMPLES), chunk_seed(page.name + p.name, seed, 0)
            ):
                for i in members(value):
                    if p.holds(i):
                        return Finding(
                            "necessity", False, f"`{p.name}`: the strategy of violations satisfies it: {i!r}"
                        )
                    if not judge(page.check, i).holds:
                        return Finding(
                            "necessity", False, f"`{p.name}` is not superfluous: {i!r} breaks the conclusion"
                        )
                    count += 1
            notes.append(f"`{p.name}` superfluous ({count} violations)")
        else:
            notes.append(f"`{p.name}` {'typing' if p.kind == 'typing' else 'unknown'}")
    return Finding("necessity", True, "; ".join(notes) or "no premises")


def mutants(page: Claim, examples: int, seed: int) -> Finding:
    if not page.mutants:
        return Finding("mutants", False, "the page plants no false variant")
    instances: list[Any] | None = None
    for m in page.mutants:
        if m.falsifier is not None:
            verdict = judge(m.check, m.falsifier())
            if verdict.fails and verdict.rigour >= Rigour.STATISTICAL:
                continue
            return Finding(
                "mutants", False, f"`{m.name}` survives its falsifier: {verdict.answer.value} ({verdict.rigour})"
            )
        if instances is None:
            drawn = draw(page.instances(), max(examples, 100), chunk_seed(page.name, seed, 2 * 10**6))
            instances = [i for value in drawn for i in members(value)]
        if not any(v.fails and v.rigour >= Rigour.STATISTICAL for v in (judge(m.check, i) for i in instances)):
            return Finding("mutants", False, f"`{m.name}` survives {len(instances)} random instances")
    return Finding("mutants", True, f"{len(page.mutants)} killed", {"mutants": len(page.mutants)})


def tightness(page: Claim, examples: int, seed: int) -> Finding:
    for t in page.tight:
        verdict = judge(t.attained, t.instance())
        if not verdict.holds or verdict.rigour < Rigour.BALL:
            return Finding("tightness", False, f"`{t.name}` is not attained: {verdict.answer.value} {verdict.reason}")
    return Finding("tightness", True, f"{len(page.tight)} attained" if page.tight else "no inequality that claims it")


def printed(page: Claim, examples: int, seed: int) -> Finding:
    for p in page.printed:
        verdict = judge(p.check, p.witness())
        if not verdict.fails or verdict.rigour < Rigour.BALL:
            return Finding(
                "printed",
                False,
                f"the printed form in {p.source.key} is not refuted: {verdict.answer.value} ({verdict.rigour})",
            )
    return Finding("printed", True, f"{len(page.printed)} refuted" if page.printed else "no deviating printed form")


def citation(page: Claim, examples: int, seed: int) -> Finding:
    cited = [page.source, *page.also, *(p.source for p in page.printed)]
    for c in cited:
        if c.key not in bibliography():
            return Finding("citation", False, f"`{c.key}` has no entry in references.bib")
        if not c.locator.strip():
            return Finding("citation", False, f"the citation of `{c.key}` has no locator")
    return Finding("citation", True, ", ".join(f"{c.key} {c.locator}" for c in cited))


EXAMINERS: dict[str, Callable[[Claim, int, int], Finding]] = {
    "derivation": derivation,
    "premises": premises,
    "necessity": necessity,
    "mutants": mutants,
    "tightness": tightness,
    "printed": printed,
    "citation": citation,
    "calculators": calculators,
}


def examine(page: Claim, point: str, *, examples: int = QUICK_EXAMPLES, seed: int = 0) -> Finding:
    """Examine one point of one claim in this process."""
    if point in ("instances", "decided"):
        return campaign_findings(page, [chunk_of(page, seed, c, n) for c, n in chunks(examples)])[point]
    return EXAMINERS[point](page, examples, seed)
