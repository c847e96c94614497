"""The command: a group whose subcommands have a module each, loaded when it is called."""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any

import click

from theorems import __version__
from theorems.claim import UnknownClaim

COMMANDS = {
    "axioms": (
        "axioms",
        "Everything that the proof of a claim takes on trust; without a name, what the whole catalogue does.",
    ),
    "bounds": (
        "bounds",
        "Every generalization bound of a trained network MODEL, with explicit constants and certified ingredients.",
    ),
    "check": ("check", "Examine claims: proof, random instances, necessity, mutants."),
    "cite": ("cite", "LaTeX theorem, BibTeX of the source and of the page, and one line of evidence."),
    "landscape": ("landscape", "How many components the sublevel sets of a loss have: on a grid, and certified."),
    "list": ("listing", "All claims with their computed standing."),
    "show": ("show", "The statement, premises and standing of a claim."),
    "witness": ("witness", "The counterexample that appears when a premise is dropped, with the numbers that show it."),
}
"""Each subcommand: its module, and the first sentence of its help, so that `theorems --help` loads none of them."""


class _Command(click.Group):
    """A group that loads a subcommand when it is called, and turns the user's mistakes into one sentence and exit code 2."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"theorems.commands.{COMMANDS[cmd_name][0]}")
        return next(x for x in vars(module).values() if isinstance(x, click.Command) and x.name == cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        width = formatter.width - 6 - max(map(len, COMMANDS))
        with formatter.section("Commands"):
            formatter.write_dl([(name, _shortened(text, width)) for name, (_, text) in COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except UnknownClaim as error:
            raise SystemExit(_complain(error.args[0])) from None
        except BrokenPipeError:
            # The reader of our output left (`| head`): nothing more to say, and nothing is wrong.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return None
        except Exception as error:
            # Imported only now: `theorems --help` loads neither.
            from numerics.evidence.errors import InputError
            from theorems.proof.kernel.facts import ProofError

            if isinstance(error, InputError):
                raise SystemExit(_complain(str(error))) from None
            if isinstance(error, ProofError):
                raise SystemExit(_complain(f"the kernel refuses the derivation: {error}")) from None
            raise


def _shortened(text: str, width: int) -> str:
    """A sentence on one line, cut at a word."""
    import textwrap

    return textwrap.shorten(text, width, placeholder="...")


def _complain(sentence: str) -> int:
    print(f"theorems: {sentence}", file=sys.stderr)
    return 2


@click.group(cls=_Command, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="theorems")
def command() -> None:
    """Theorems of deep learning as pages that run: proof, check, counterexample, citation."""
