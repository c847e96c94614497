"""`theorems witness`: the counterexample without a premise, and instances in witness files, field by field, exactly."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from theorems.catalogue import claim
from theorems.claim import Claim


def save_instance(page: Claim, instance: Any, path: Path, *, note: str = "") -> None:
    """Write the fields of an instance (a dataclass) to a witness file."""
    from numerics.evidence.witness import Witness

    fields = {f.name: getattr(instance, f.name) for f in dataclasses.fields(instance)}
    fields["instance of"] = type(instance).__name__
    Witness(page.dotted, fields, note).save(path)


def load_instance(page: Claim, path: Path) -> Any:
    """Read an instance back; `InputError` when the file belongs to another claim or lacks a field."""
    import sys

    from numerics.evidence.errors import InputError
    from numerics.evidence.witness import Witness

    values = dict(Witness.load(path, claim=page.dotted).values)
    kind = values.pop("instance of", None)
    cls = getattr(sys.modules[page.name], str(kind), None)
    if not (isinstance(cls, type) and dataclasses.is_dataclass(cls)):
        raise InputError(f"The witness `{path}` holds a `{kind}`, which {page.dotted} does not have: save it again.")
    wanted = {f.name for f in dataclasses.fields(cls)}
    if wanted != set(values):
        raise InputError(f"The witness `{path}` has the fields {sorted(values)}: needed {sorted(wanted)}.")
    return cls(**values)


@click.command()
@click.argument("name")
@click.argument("premise", required=False)
@click.option("--save", type=click.Path(path_type=Path), help="Keep the instance in a witness file (with one PREMISE).")
@click.option("--load", type=click.Path(path_type=Path), help="Check the instance of a witness file of this claim.")
def witness(name: str, premise: str | None, save: Path | None, load: Path | None) -> None:
    """The counterexample that appears when a premise is dropped, with the numbers that show it."""
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
