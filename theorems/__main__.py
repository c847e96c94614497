"""The command `theorems`, and `python -m theorems`."""

from theorems.commands.cli import command


def main() -> None:
    command(prog_name="theorems")


if __name__ == "__main__":
    main()
