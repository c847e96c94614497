"""The command `theorems`: one module for each subcommand."""
