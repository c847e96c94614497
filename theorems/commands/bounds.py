"""The command `theorems bounds`: read the files and options, measure, and write the report in the format asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from numerics.evidence.errors import InputError
from theorems.commands import bounds_output, console, figures
from theorems.commands.bounds_report import FORMATS, absorbed, bounds_report

if TYPE_CHECKING:
    from numerics.networks.data import Samples


def _options(pairs: Sequence[str], training: str | Path | None) -> dict[str, Any]:
    """What a TOML file says of the training, and over it the pairs `name=value` of the command line."""
    import tomllib

    found: dict[str, Any] = {}
    if training is not None:
        try:
            found = tomllib.loads(Path(training).read_text(encoding="utf-8"))
        except OSError as error:
            raise InputError(f"`{training}` could not be read: {error.strerror or error}.") from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise InputError(f"`{training}` must be a TOML file of options such as `steps = 1000`: {error}.") from error
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name.strip():
            raise InputError(f"`--set` needs NAME=VALUE, found `{pair}`.")
        found[name.strip().replace("-", "_")] = value.strip()
    return found


def run(
    model: str | Path,
    data: str | Path,
    *,
    delta: str = "0.01",
    gamma: str | None = None,
    references: str = "auto",
    init: str | Path | None = None,
    architecture: str | Path | None = None,
    test: str | Path | None = None,
    training: str | Path | None = None,
    settings: Sequence[str] = (),
    absorb: bool = False,
    format: str = "table",
    plot: str | Path | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> str:
    """The command: read the files, measure, and return what is to be printed. Raises `InputError` for every fault."""
    from numerics.networks import load_data, load_initialization, load_network, load_references

    choices: Mapping[str, tuple[str, tuple[str, ...]]] = {
        "references": (references, ("auto", "none")),
        "format": (format, FORMATS),
    }
    for name, (value, allowed) in choices.items():
        if value not in allowed:
            raise InputError(f"`--{name}` must be one of {', '.join(allowed)}, found `{value}`.")
    if init is not None and references == "none":
        raise InputError("`--init` gives reference matrices and `--references none` forbids them: leave one out.")
    if plot is not None:
        figures.check_file(plot)
    options = _options(settings, training)
    network = load_network(model, architecture)
    if init is not None:
        matrices = load_initialization(init, network, architecture)
    else:
        matrices = load_references(model) if references == "auto" else None
    samples = _classified(load_data(data), data)
    tests = None if test is None else _classified(load_data(test), test)
    if absorb:  # here, so that the figure is of the network that is measured, and nothing is measured twice
        network, matrices, samples, tests = absorbed(network, matrices, samples, tests)
    report = bounds_report(
        network,
        samples,
        delta=delta,
        gamma=gamma,
        references=matrices,
        test_data=tests,
        options=options,
        progress=progress,
    )
    if plot is not None:
        bounds_output.plot(network, samples, plot)
    return bounds_output.WRITERS[format](report)


def _classified(data: Any, path: str | Path) -> Samples:
    from numerics.networks import Data

    if not isinstance(data, Data):
        raise InputError(f"`{path}` must hold class labels, found real targets: the bounds are about classification.")
    return data


@click.command()
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
    progress = console.progress()
    try:
        text = run(model, data, absorb=absorb_biases, format=format_, progress=progress, **options)
    finally:
        progress("")
    click.echo(text)
