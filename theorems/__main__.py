"""The command `theorems`, and `python -m theorems`."""

import sys


def main() -> None:
    try:
        from theorems.cli import command
    except ImportError as error:
        if "instead of the package that comes with `theorems`" not in str(error):
            raise
        print(f"theorems: {error}", file=sys.stderr)
        raise SystemExit(2) from None
    command()


if __name__ == "__main__":
    main()
