r"""Random instances of a claim in chunks, their counts, and the two points that are decided by them.

Chunk number `c` of seed `s` draws from `(s, claim, c)` alone, so verdicts and counts are the same for any number of
workers.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

import hypothesis
from hypothesis.errors import NoSuchExample

from numerics.evidence.verdict import Answer
from theorems.claim import Claim
from theorems.examination.draws import chunk_seed, draw, judge, members, settings
from theorems.examination.findings import Finding

CHUNK = 50
DECIDED_SHARE = 0.95


@dataclass(frozen=True)
class Failure:
    """An instance on which the check did not hold, shrunken, and how to see it again."""

    instance: str
    reason: str
    answer: str
    reproduce: str


@dataclass(frozen=True)
class ChunkResult:
    """The counts of one chunk of random instances: picklable, and independent of where it ran."""

    claim: str
    chunk: int
    specifications: int
    answers: dict[tuple[str, str], int]
    rigours: dict[str, int]
    worst_slack: float | None
    worst_instance: str
    failure: Failure | None
    error_probability: float


def chunks(examples: int) -> list[tuple[int, int]]:
    """(chunk number, examples in it), covering `examples`."""
    full, rest = divmod(examples, CHUNK)
    sizes = [CHUNK] * full + ([rest] if rest else [])
    return list(enumerate(sizes))


def chunk_of(page: Claim, seed: int, chunk: int, examples: int) -> ChunkResult:
    answers: Counter[tuple[str, str]] = Counter()
    rigours: Counter[str] = Counter()
    worst: tuple[float, str] | None = None
    failing: Any = None
    error = 0.0
    drawn = draw(page.instances(), examples, chunk_seed(page.name, seed, chunk))
    for value in drawn:
        for instance in members(value):
            verdict = judge(page.check, instance)
            answers[page.stratum(instance), verdict.answer.value] += 1
            rigours[str(verdict.rigour)] += 1
            error += verdict.error_probability or 0.0
            if verdict.slack is not None and verdict.holds and (worst is None or verdict.slack < worst[0]):
                worst = (verdict.slack, repr(instance))
            if verdict.fails and failing is None:
                failing = instance
    failure = None if failing is None else _shrunken(page, failing, seed, chunk, examples)
    slack, instance = worst or (None, "")
    return ChunkResult(
        page.dotted,
        chunk,
        len(drawn),
        dict(answers),
        dict(rigours),
        slack,
        instance[:2000],
        failure,
        error,
    )


def _shrunken(page: Claim, failing: Any, seed: int, chunk: int, examples: int) -> Failure:
    """The simplest failing instance that Hypothesis finds, re-run alone."""

    def bad(value: Any) -> bool:
        return any(judge(page.check, m).fails for m in members(value))

    smallest = failing
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            value = hypothesis.find(
                page.instances(),
                bad,
                settings=settings(max(examples, 200)),
                random=Random(chunk_seed(page.name, seed, chunk)),
            )
            smallest = next(m for m in members(value) if judge(page.check, m).fails)
        except NoSuchExample:
            pass
    verdict = judge(page.check, smallest)
    return Failure(
        repr(smallest),
        verdict.reason,
        verdict.answer.value,
        f"theorems check {page.dotted} --seed {seed} --examples {(chunk + 1) * examples}",
    )


def campaign_findings(page: Claim, results: Sequence[ChunkResult]) -> dict[str, Finding]:
    """Points 2 and 9 from the chunks of a campaign."""
    answers: Counter[tuple[str, str]] = Counter()
    rigours: Counter[str] = Counter()
    for r in results:
        answers.update(r.answers)
        rigours.update(r.rigours)
    count = sum(answers.values())
    failure = next((r.failure for r in sorted(results, key=lambda r: r.chunk) if r.failure), None)
    slacks = [
        (r.worst_slack, r.worst_instance) for r in sorted(results, key=lambda r: r.chunk) if r.worst_slack is not None
    ]
    worst = min(slacks, key=lambda s: s[0], default=(None, ""))
    data: dict[str, Any] = {
        "specifications": sum(r.specifications for r in results),
        "instances": count,
        "rigours": dict(sorted(rigours.items())),
        "worst_slack": worst[0],
        "worst_instance": worst[1],
        "error_probability": sum(r.error_probability for r in results),
    }
    if failure is not None:
        data["failure"] = failure.__dict__
        detail = f"{failure.instance} {failure.answer}: {failure.reason}; reproduce: {failure.reproduce}"
    elif count == 0:
        detail = "no instance was drawn"
    elif set(rigours) == {"float"}:
        detail = "every verdict is `float`: an exact, ball or statistical decision is needed"
    else:
        detail = f"{count} instances, {', '.join(sorted(rigours))}"
    passed = failure is None and count > 0 and set(rigours) != {"float"}
    shares = decided_shares(answers)
    low = [s for s, share in shares.items() if share < (DECIDED_SHARE if s == "generic" else 1.0)]
    decided_detail = ", ".join(f"{s} {100 * share:.1f} %" for s, share in sorted(shares.items()))
    return {
        "instances": Finding("instances", passed, detail, data),
        "decided": Finding(
            "decided",
            not low and count > 0,
            decided_detail or "nothing was decided",
            {"shares": shares, "counts": _strata(answers)},
        ),
    }


def decided_shares(answers: Counter[tuple[str, str]]) -> dict[str, float]:
    """The share of instances that were decided, for each stratum."""
    total: Counter[str] = Counter()
    open_: Counter[str] = Counter()
    for (stratum, answer), n in answers.items():
        total[stratum] += n
        open_[stratum] += n * (answer == Answer.UNDECIDED.value)
    return {s: 1 - open_[s] / n for s, n in sorted(total.items())}


def _strata(answers: Counter[tuple[str, str]]) -> dict[str, dict[str, int]]:
    table: dict[str, dict[str, int]] = {}
    for (stratum, answer), n in sorted(answers.items()):
        table.setdefault(stratum, {})[answer] = n
    return table
