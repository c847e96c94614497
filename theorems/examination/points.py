r"""The one examination that every claim sits: nine points, each of which a page can fail.

1. `derivation`: no gaps, every certificate holds modulo a prime, and every fact is true on models of the claim;
2. `instances`: the check holds on random instances;
3. `premises`: random instances satisfy all premises, and the check does not hold of everything;
4. `necessity`: each needed premise has an instance that violates only it and breaks the conclusion; superfluous ones
   are violated without harm;
5. `mutants`: every false variant is killed by a verdict *fails*;
6. `tightness`: equality is attained where the page says so;
7. `printed`: the printed form, where there is one, is refuted by its witness;
8. `citation`: every citation has an entry in `references.bib` and a locator;
9. `decided`: special strata are decided in full, the rest to at least 95 %.

Random instances come in *chunks*: chunk number `c` of seed `s` draws from `(s, claim, c)` alone, so verdicts and counts
are the same for any number of workers.
"""

from __future__ import annotations

import functools
import hashlib
import re
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import hypothesis
from hypothesis import HealthCheck
from hypothesis.errors import HypothesisWarning, NoSuchExample

from numerics.evidence.verdict import Answer, Rigour, Verdict
from theorems.catalogue import claim
from theorems.claim import Claim

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
)
DEFAULT_EXAMPLES = 200
QUICK_EXAMPLES = 20
CHUNK = 50
MODELS = 50
DECIDED_SHARE = 0.95
SUPERFLUOUS_EXAMPLES = 25


@dataclass(frozen=True)
class Finding:
    """What one point of the examination found. `detail` is for people, `data` for the record."""

    point: str
    passed: bool
    detail: str
    data: dict[str, Any] = field(default_factory=dict)


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


def chunk_seed(name: str, seed: int, chunk: int) -> int:
    """The seed of a chunk, from its address alone."""
    digest = hashlib.sha256(f"{name}/{seed}/{chunk}".encode()).digest()
    return int.from_bytes(digest[:8], "big")


def members(drawn: Any) -> Iterator[Any]:
    """The instances in a drawn value: the members of a `Batch`, or the value itself."""
    from numerics.strategies import Batch

    if isinstance(drawn, Batch):
        yield from drawn
    else:
        yield drawn


def draw(strategy: Any, examples: int, seed: int) -> list[Any]:
    """`examples` values of a Hypothesis strategy, determined by `seed` alone (no database, no deadline)."""
    drawn: list[Any] = []

    @hypothesis.seed(seed)
    @hypothesis.settings(_settings(examples), phases=[hypothesis.Phase.generate])
    @hypothesis.given(strategy)
    def collect(value: Any) -> None:
        drawn.append(value)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", HypothesisWarning)
        collect()
    return drawn[:examples]


def _settings(examples: int) -> Any:
    return hypothesis.settings(
        max_examples=examples,
        database=None,
        deadline=None,
        derandomize=False,
        print_blob=False,
        report_multiple_bugs=False,
        # How slow or how large a draw is must not decide what is drawn.
        suppress_health_check=[
            HealthCheck.too_slow,
            HealthCheck.data_too_large,
            HealthCheck.filter_too_much,
            HealthCheck.large_base_example,
        ],
    )


def judge(check: Callable[[Any], Verdict], instance: Any) -> Verdict:
    """The verdict of a check; anything else than a `Verdict` is an error of the page."""
    verdict = check(instance)
    if not isinstance(verdict, Verdict):
        raise TypeError(f"A check returns a `Verdict`: found {type(verdict).__name__}.")
    return verdict


def run_chunk(name: str, seed: int, chunk: int, examples: int) -> ChunkResult:
    """Check one chunk of a claim's random instances (in any process)."""
    return chunk_of(claim(name), seed, chunk, examples)


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
    failure = None if failing is None else _shrink(page, failing, seed, chunk, examples)
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


def _shrink(page: Claim, failing: Any, seed: int, chunk: int, examples: int) -> Failure:
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
                settings=_settings(max(examples, 200)),
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


# The nine points.


def examine(page: Claim, point: str, *, examples: int = QUICK_EXAMPLES, seed: int = 0) -> Finding:
    """Examine one point of one claim in this process."""
    if point in ("instances", "decided"):
        return campaign_findings(page, [chunk_of(page, seed, c, n) for c, n in chunks(examples)])[point]
    return _EXAMINERS[point](page, examples, seed)


def chunks(examples: int) -> list[tuple[int, int]]:
    """(chunk number, examples in it), covering `examples`."""
    full, rest = divmod(examples, CHUNK)
    sizes = [CHUNK] * full + ([rest] if rest else [])
    return list(enumerate(sizes))


def _derivation(page: Claim, examples: int, seed: int) -> Finding:
    from theorems.proof.crosscheck import model_check, modular_check
    from theorems.proof.kernel.facts import ProofError
    from theorems.proof.report import trusted_base

    if page.derivation is None:
        return Finding("derivation", True, "no derivation: tested only")
    try:
        derivation = page.proof()
    except ProofError as refused:
        return Finding("derivation", False, f"the kernel refuses: {refused}")
    assert derivation is not None
    problems = derivation.gaps() + modular_check(derivation, seed)
    if page.interpret is None:
        return Finding("derivation", False, "the derivation has no `interpret`: its goal is not tied to the instances")
    report = model_check(derivation, _models(page, derivation, seed), enough=MODELS)
    if report.models < MODELS:
        return Finding("derivation", False, f"only {report.models} models were generated: needed {MODELS}")
    problems += list(report.false[:3]) + [f"never evaluated on a model: {f}" for f in report.never[:3]]
    base = trusted_base(derivation)
    trusted = {"axioms": [a.name for a in base.axioms], "glue": len(base.glue)}
    data = {"facts": len(derivation.facts), "models": report.models, **trusted}
    detail = f"{len(derivation.facts)} facts, {report.models} models"
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


def _premises(page: Claim, examples: int, seed: int) -> Finding:
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


def _necessity(page: Claim, examples: int, seed: int) -> Finding:
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


def _mutants(page: Claim, examples: int, seed: int) -> Finding:
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


def _tightness(page: Claim, examples: int, seed: int) -> Finding:
    for t in page.tight:
        verdict = judge(t.attained, t.instance())
        if not verdict.holds or verdict.rigour < Rigour.BALL:
            return Finding("tightness", False, f"`{t.name}` is not attained: {verdict.answer.value} {verdict.reason}")
    return Finding("tightness", True, f"{len(page.tight)} attained" if page.tight else "no inequality that claims it")


def _printed(page: Claim, examples: int, seed: int) -> Finding:
    for p in page.printed:
        verdict = judge(p.check, p.witness())
        if not verdict.fails or verdict.rigour < Rigour.BALL:
            return Finding(
                "printed",
                False,
                f"the printed form in {p.source.key} is not refuted: {verdict.answer.value} ({verdict.rigour})",
            )
    return Finding("printed", True, f"{len(page.printed)} refuted" if page.printed else "no deviating printed form")


@functools.cache
def bibliography() -> dict[str, str]:
    """The entries of `references.bib` by key, as text."""
    text = (Path(__file__).parent.parent / "references.bib").read_text(encoding="utf-8")
    entries = re.findall(r"^(@\w+\{([^,\s]+),.*?^\})", text, re.S | re.M)
    return {key: entry for entry, key in entries}


def _citation(page: Claim, examples: int, seed: int) -> Finding:
    cited = [page.source, *page.also, *(p.source for p in page.printed)]
    for c in cited:
        if c.key not in bibliography():
            return Finding("citation", False, f"`{c.key}` has no entry in references.bib")
        if not c.locator.strip():
            return Finding("citation", False, f"the citation of `{c.key}` has no locator")
    return Finding("citation", True, ", ".join(f"{c.key} {c.locator}" for c in cited))


_EXAMINERS: dict[str, Callable[[Claim, int, int], Finding]] = {
    "derivation": _derivation,
    "premises": _premises,
    "necessity": _necessity,
    "mutants": _mutants,
    "tightness": _tightness,
    "printed": _printed,
    "citation": _citation,
}


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


# Standing: computed, never declared.


def standing(page: Claim, findings: Iterable[Finding]) -> str:
    """`proved`, `proved modulo [axioms]`, `tested (...)` or `refuted`, from what the examination found."""
    found = {f.point: f for f in findings}
    instances = found.get("instances")
    if instances is not None and "failure" in instances.data:
        return "refuted"
    rigours = instances.data.get("rigours", {}) if instances is not None else {}
    order = [str(r) for r in sorted(Rigour)]
    weakest = min(rigours, key=order.index, default="not run")
    tested = f"tested ({weakest})"
    if page.derivation is None or not found["derivation"].passed:
        return tested
    # From the finding and not from the derivation, which then is not built once more where the findings are collected.
    trusted = found["derivation"].data
    if glue := trusted["glue"]:
        return f"{tested}; the derivation rests on {glue} sentence{'s' * (glue > 1)} of glue"
    return f"proved modulo [{', '.join(trusted['axioms'])}]" if trusted["axioms"] else "proved"


# The runner.


@dataclass(frozen=True)
class Report:
    """The examination of one claim."""

    claim: str
    findings: tuple[Finding, ...]
    standing: str
    seconds: float

    @property
    def passed(self) -> bool:
        return all(f.passed for f in self.findings)

    @property
    def axioms(self) -> list[str]:
        """The names of the axioms that the derivation rests on."""
        return next((f.data.get("axioms", []) for f in self.findings if f.point == "derivation"), [])


def run_points(name: str, examples: int, seed: int) -> list[Finding]:
    """All points of a claim that are not part of the campaign (in any process)."""
    page = claim(name)
    return [_EXAMINERS[point](page, examples, seed) for point in POINTS if point in _EXAMINERS]


def pool(jobs: int) -> Callable[[], Executor]:
    """The default executor: a pool of processes. Spawned, so that no thread of the parent is forked."""

    def factory() -> Executor:
        import multiprocessing

        return ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn"))

    return factory


class _Here(Executor):
    """Runs each task at once in this process."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except BaseException as error:
            future.set_exception(error)
        return future


def examine_all(
    names: Sequence[str],
    *,
    examples: int = DEFAULT_EXAMPLES,
    seed: int = 0,
    executor: Callable[[], Executor] | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> list[Report]:
    """Sit the examination for all `names`; `executor` is any factory of `concurrent.futures.Executor`."""
    started = time.perf_counter()
    points: dict[str, list[Finding]] = {}
    results: dict[str, list[ChunkResult]] = {name: [] for name in names}
    spent: Counter[str] = Counter()
    with (executor or _Here)() as running:
        tasks: dict[Future[Any], tuple[str, str]] = {}
        # The long tasks first, so that the short ones fill the gaps at the end.
        for name in names:
            tasks[running.submit(_timed, run_points, name, examples, seed)] = (name, "points")
        for name in names:
            for c, n in chunks(examples):
                tasks[running.submit(_timed, run_chunk, name, seed, c, n)] = (name, "chunk")
        for done, future in enumerate(as_completed(tasks), start=1):
            name, kind = tasks[future]
            seconds, value = future.result()
            spent[name] += seconds
            if kind == "points":
                points[name] = value
            else:
                results[name].append(value)
            progress(f"{done}/{len(tasks)} {name} ({time.perf_counter() - started:.0f} s)")
    reports = []
    for name in names:
        page = claim(name)
        found = {f.point: f for f in points[name]} | campaign_findings(page, results[name])
        ordered = tuple(found[p] for p in POINTS)
        reports.append(Report(page.dotted, ordered, standing(page, ordered), spent[name]))
    return reports


def _timed(fn: Callable[..., Any], *args: Any) -> tuple[float, Any]:
    started = time.perf_counter()
    value = fn(*args)
    return time.perf_counter() - started, value
