"""The `squidie` command."""

from squidie_core.cli.program import main

__all__ = ["main"]
