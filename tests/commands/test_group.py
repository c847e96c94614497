"""The group of commands: each has a module, and `--help` says of each what its own help says first."""

from __future__ import annotations

import subprocess
import sys

import click
import pytest

from theorems.commands.cli import COMMANDS, command


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_the_group_is_that_of_the_command(name: str) -> None:
    found = command.get_command(click.Context(command), name)
    assert found is not None and found.name == name and found.help is not None
    assert " ".join(found.help.split()).startswith(COMMANDS[name][1])


def test_help_loads_no_command() -> None:
    run = "import sys; sys.argv = ['theorems', '--help']\nfrom theorems.__main__ import main\ntry: main()\nexcept SystemExit: pass\n"
    run += "print([m for m in sys.modules if m.startswith('theorems.commands.')])"
    done = subprocess.run([sys.executable, "-c", run], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "['theorems.commands.cli']"
    assert all(f"  {name} " in done.stdout for name in COMMANDS)
