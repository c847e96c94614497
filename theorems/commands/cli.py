"""The command. Each subcommand is a thin dress over a function of the library; everything heavy is imported inside."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from theorems import __version__
from theorems.catalogue import claim, names
from theorems.claim import UnknownClaim

if TYPE_CHECKING:
    from theorems.examination.findings import Report


class _Command(click.Group):
    """A group that turns the user's mistakes into one sentence and exit code 2."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except UnknownClaim as error:
            raise SystemExit(_complain(error.args[0])) from None
        except ValueError as error:
            from numerics.evidence.errors import InputError

            if not isinstance(error, InputError):
                raise
            raise SystemExit(_complain(str(error))) from None
        except BrokenPipeError:
            # The reader of our output left (`| head`): nothing more to say, and nothing is wrong.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return None


def _complain(sentence: str) -> int:
    print(f"theorems: {sentence}", file=sys.stderr)
    return 2


@click.group(cls=_Command, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="theorems")
def command() -> None:
    """Theorems of deep learning as pages that run: proof, check, counterexample, citation."""


@command.command("list")
def list_() -> None:
    """All claims with their computed standing."""
    from theorems.examination.record import standings

    known = standings()
    for name in names():
        entry = known.get(name, {"standing": "not examined", "title": ""})
        click.echo(click.style(name, bold=True))
        click.echo(f"    {entry['title']}")
        click.echo(f"    {entry['standing']}")


@command.command()
@click.argument("name")
@click.option("--latex", is_flag=True, help="The theorem and its derivation in LaTeX.")
def show(name: str, latex: bool) -> None:
    """The statement, premises and standing of a claim."""
    from theorems.examination.record import standings

    page = claim(name)
    if latex:
        from theorems.commands.latex import proof, theorem

        click.echo(theorem(page))
        derivation = page.proof()
        if derivation is not None:
            click.echo(proof(derivation))
        return
    click.echo(click.style(page.title, bold=True) + f"\n{page.dotted}\n")
    click.echo(page.statement + "\n")
    for p in page.premises:
        click.echo(f"  [{p.kind}] {p.name}: {p.statement}" + (f" ({p.why})" if p.why else ""))
    for p in page.printed:
        click.echo(
            f"  [printed, false] {p.statement} ({p.source.key}, {p.source.locator})"
            + (f" {p.remark}" if p.remark else "")
        )
    if page.idea:
        click.echo("\n" + page.idea)
    entry = standings().get(page.dotted)
    click.echo(f"\nStanding: {entry['standing'] if entry else 'not examined'}")
    click.echo(f"Source: {page.source.key}, {page.source.locator}")


@command.command()
@click.argument("name")
def axioms(name: str) -> None:
    """Everything that the proof of a claim takes on trust."""
    from theorems.proof.kernel.facts import GRADES
    from theorems.proof.report import trusted_base, trusted_lines

    page = claim(name)
    derivation = page.proof()
    if derivation is None:
        click.echo(f"{page.dotted} has no derivation: it is tested, not proved.")
        return
    base = trusted_base(derivation)
    click.echo(click.style(f"{page.dotted} rests on", bold=True))
    for a in base.axioms:
        click.echo(f"  axiom [{a.grade}] {a.name}: {a.statement.text or a.statement}")
        click.echo(f"      {a.source}; {GRADES[a.grade]}")
    for sentence in base.glue:
        click.echo(f"  glue (read it): {sentence}")
    for lemma in base.lemmas:
        click.echo(f"  lemma {lemma}")
    for engine in base.engines:
        click.echo(f"  engine {engine}")
    if not (base.axioms or base.glue or base.engines):
        click.echo("  no axiom, no glue and no solver")
    lines = trusted_lines()
    click.echo(f"  the kernel: {sum(lines.values())} lines ({', '.join(f'{k} {v}' for k, v in lines.items())})")
    if base.held_fixed:
        click.echo(f"  derivatives are partial: of {', '.join(base.held_fixed)} each is held fixed while others move")
    for premise in base.unused_premises:
        click.echo(f"  premise that the derivation never uses: {premise}")


@command.command()
@click.argument("name")
@click.option("--bibtex", "only", flag_value="bibtex", help="Only the BibTeX entries.")
@click.option("--theorem", "only", flag_value="theorem", help="Only the LaTeX theorem.")
@click.option("--evidence", "only", flag_value="evidence", help="Only the line of evidence.")
def cite(name: str, only: str | None) -> None:
    """LaTeX theorem, BibTeX of the source and of the page, and one line of evidence."""
    from theorems.commands import cite as citing
    from theorems.commands.latex import theorem

    page = claim(name)
    parts = {"theorem": theorem, "bibtex": citing.bibtex, "evidence": lambda p: "% " + citing.evidence(p)}
    click.echo("\n\n".join(f(page) for key, f in parts.items() if only in (None, key)))


@command.command()
@click.argument("name")
@click.argument("premise", required=False)
@click.option("--save", type=click.Path(path_type=Path), help="Keep the instance in a witness file (with one PREMISE).")
@click.option("--load", type=click.Path(path_type=Path), help="Check the instance of a witness file of this claim.")
def witness(name: str, premise: str | None, save: Path | None, load: Path | None) -> None:
    """The counterexample that appears when a premise is dropped, with the numbers that show it."""
    from theorems.commands.witnesses import load_instance, save_instance

    page = claim(name)
    if load is not None:
        instance = load_instance(page, load)
        _print_verdict(instance, page.check(instance), None)
        return
    chosen = [page.premise(premise)] if premise else [p for p in page.premises if p.kind == "needed"]
    if save is not None and (premise is None or chosen[0].without is None):
        from numerics.evidence.errors import InputError

        raise InputError("`--save` needs one needed premise: name it after the claim.")
    for p in chosen:
        click.echo(click.style(f"Without `{p.name}`", bold=True) + f" ({p.statement})")
        if p.without is None:
            click.echo(f"  no counterexample: the premise is {p.kind}" + (f" ({p.why})" if p.why else ""))
            continue
        instance = p.without()
        _print_verdict(instance, page.check(instance), p.show)
        if save is not None:
            save_instance(page, instance, save, note=f"without {p.name}")
            click.echo(f"  saved in {save}")
    if premise is None:
        for p in page.printed:
            click.echo(
                click.style("The printed form", bold=True) + f" ({p.source.key}, {p.source.locator}): {p.statement}"
            )
            instance = p.witness()
            _print_verdict(instance, p.check(instance), None)
    if not chosen and not page.printed:
        click.echo("No premise of this claim is needed, and no printed form deviates from it.")


def _print_verdict(instance: Any, verdict: Any, show_: Callable[[Any], str] | None) -> None:
    click.echo(f"  instance: {instance!r}")
    slack = "" if verdict.slack is None else f", slack {verdict.slack:.6g}"
    click.echo(
        f"  conclusion: {verdict.answer.value} ({verdict.rigour}{slack})"
        + (f": {verdict.reason}" if verdict.reason else "")
    )
    if show_ is not None:
        for line in show_(instance).splitlines():
            click.echo(f"  {line}")


@command.command()
@click.argument("name", nargs=-1)
@click.option("--examples", type=click.IntRange(min=1), help="Random specifications for each claim (default 200).")
@click.option("--quick", is_flag=True, help="20 specifications for each claim.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@click.option("--jobs", type=click.IntRange(min=1), default=None, help="Worker processes (default: one for each core).")
@click.option(
    "--json", "json_file", type=click.Path(path_type=Path, dir_okay=False), help="Write a record of everything found."
)
def check(
    name: tuple[str, ...], examples: int | None, quick: bool, seed: int, jobs: int | None, json_file: Path | None
) -> None:
    """Examine claims: proof, random instances, necessity, mutants. Exit code 1 when anything fails."""
    from theorems.examination.points import QUICK_EXAMPLES
    from theorems.examination.runner import DEFAULT_EXAMPLES, examine_all, pool

    pages = [claim(n) for n in name] or [claim(n) for n in names()]
    dotted = list(dict.fromkeys(p.dotted for p in pages))
    if json_file is not None and not json_file.absolute().parent.is_dir():
        from numerics.evidence.errors import InputError

        raise InputError(f"`--json` needs a folder that exists: found {json_file.absolute().parent}.")
    count = examples or (QUICK_EXAMPLES if quick else DEFAULT_EXAMPLES)
    workers = jobs or os.cpu_count() or 1
    executor = None if workers == 1 else pool(workers)
    progress = _progress()
    try:
        reports = examine_all(dotted, examples=count, seed=seed, executor=executor, progress=progress)
    except KeyboardInterrupt:
        print("\ntheorems: interrupted, nothing was written.", file=sys.stderr)
        raise SystemExit(130) from None
    progress("")
    _table(reports)
    for r in reports:
        for f in r.findings:
            if not f.passed:
                click.echo(f"\n{r.claim}: {f.point} fails: {f.detail}")
    if json_file is not None:
        from theorems.examination.record import record, write_json

        write_json(json_file, record(reports, seed=seed, examples=count))
        click.echo(f"\nrecord written to {json_file}")
    if not all(r.passed for r in reports):
        raise SystemExit(1)


def _progress() -> Callable[[str], None]:
    """Progress on stderr: one line that is rewritten in a terminal, elsewhere a line every ten seconds."""
    terminal = sys.stderr.isatty()
    last = time.monotonic()

    def write(text: str) -> None:
        nonlocal last
        if terminal:
            print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)
        elif text and time.monotonic() - last >= 10:
            last = time.monotonic()
            print(text, file=sys.stderr, flush=True)

    return write


def _brief(report: Report) -> str:
    """The standing with the number of axioms instead of their names, which `theorems axioms` prints."""
    head, separator, _ = report.standing.partition(" [")
    return f"{head} {len(report.axioms)}" if separator else head


def _table(reports: list[Report]) -> None:
    """One line for each claim, or two where the terminal is too narrow for its name beside the rest."""
    from rich.console import Console
    from rich.table import Table

    headings = ("claim", "points", "instances", "undecided", "standing", "s")
    rows = []
    for r in reports:
        data = next(f.data for f in r.findings if f.point == "instances")
        strata = next(f.data for f in r.findings if f.point == "decided")["counts"]
        undecided = sum(row.get("undecided", 0) for row in strata.values())
        marks = "".join("." if f.passed else "F" for f in r.findings)
        rows.append((r.claim, marks, str(data["instances"]), str(undecided), _brief(r), f"{r.seconds:.1f}"))
    console = Console(width=None if sys.stdout.isatty() else 200, highlight=False, markup=False)
    widths = [max(map(len, column)) for column in zip(headings, *rows, strict=True)]
    narrow = sum(widths) + 2 * (len(widths) - 1) > console.width
    table = Table(box=None, pad_edge=False)
    for heading in headings[narrow:]:
        table.add_column(
            heading,
            justify="right" if heading in ("instances", "undecided", "s") else "left",
            no_wrap=heading != "standing",
        )
    for row in rows:
        table.add_row(*row[narrow:])
    if narrow:
        # The columns are those of one table, so that they stand below each other with the names between them.
        with console.capture() as captured:
            console.print(table)
        heading, *lines = captured.get().splitlines()
        click.echo(heading)
        for row, line in zip(rows, lines, strict=True):
            click.echo(f"{row[0]}\n{line}")
    else:
        console.print(table)
    passed = sum(r.passed for r in reports)
    console.print(f"\n{passed} of {len(reports)} claims pass all ten points.")


@command.command()
@click.argument("model", type=click.Path(path_type=Path))
@click.option(
    "--data", required=True, type=click.Path(path_type=Path), help="Training data: .npz, .npy, .csv, safetensors."
)
@click.option("--architecture", type=click.Path(path_type=Path), help="TOML: how a file of weights alone is wired.")
@click.option("--init", type=click.Path(path_type=Path), help="The network before training: reference matrices.")
@click.option(
    "--references", default="auto", show_default=True, help="`auto` (from MODEL, where it has them) or `none`."
)
@click.option("--delta", default="0.01", show_default=True, help="Probability with which a bound may fail.")
@click.option("--gamma", help="The margin, fixed in advance (default: 1; bounds for all margins choose their own).")
@click.option("--test", type=click.Path(path_type=Path), help="Data that training did not see, for test-set bounds.")
@click.option(
    "--training", type=click.Path(path_type=Path), help="TOML: the options of bounds, such as `steps = 1000`."
)
@click.option("--set", "settings", multiple=True, metavar="NAME=VALUE", help="One option of a bound; may be repeated.")
@click.option("--absorb-biases", is_flag=True, help="Turn biases into weights of a constant feature.")
@click.option("--format", "format_", default="table", show_default=True, help="table, json, latex or bibtex.")
@click.option("--plot", type=click.Path(path_type=Path), help="Write a figure of the margins (.pdf, .png, .svg).")
def bounds(model: Path, data: Path, absorb_biases: bool, format_: str, **options: Any) -> None:
    """Every generalization bound of a trained network MODEL, with explicit constants and certified ingredients."""
    from theorems.commands.bounds import run

    progress = _progress()
    try:
        text = run(model, data, absorb=absorb_biases, format=format_, progress=progress, **options)
    finally:
        progress("")
    click.echo(text)


@command.command()
@click.argument("loss", metavar="FILE.py:FUNCTION")
@click.option("--box", required=True, help="`-2,2` for all parameters, or `w1=-2,2;w2=0,1`.")
@click.option("--grid", type=int, help="Grid points along each axis (default: 1000, 400, 80, 24, 12, 8 by dimension).")
@click.option("--levels", default="", help="Levels to show, such as `0.5,1,3/2` (default: where the count changes).")
@click.option("--certify", multiple=True, metavar="U", help="Prove the count at this level; may be repeated.")
@click.option(
    "--cells", type=click.IntRange(min=1), default=1_000_000, show_default=True, help="Most cells of a proof."
)
@click.option("--format", "format_", default="table", show_default=True, help="`table` or `json`.")
@click.option("--plot", "plot_file", type=click.Path(path_type=Path), help="Write a figure (.pdf, .png, .svg).")
def landscape(loss: str, format_: str, **options: Any) -> None:
    """How many components the sublevel sets of a loss have: on a grid, and certified. The file is run."""
    from theorems.commands.landscape_report import run

    progress = _progress()
    try:
        text = run(loss, format=format_, progress=progress, **options)
    finally:
        progress("")
    click.echo(text)
