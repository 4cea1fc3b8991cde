"""Options that several commands have, and the settings that they make."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any, NoReturn, TypeAlias

from squidie_core.errors import OptionError
from squidie_core.runtime.config import Settings, read_settings


class Parser(argparse.ArgumentParser):
    """A parser whose complaints are errors like all others."""

    def __init__(self, **keywords: Any) -> None:
        super().__init__(allow_abbrev=False, **keywords)

    def error(self, message: str) -> NoReturn:
        """Raise OptionError instead of ending the process."""
        raise OptionError(f"{message}; see {self.prog} --help", code="usage")


Commands: TypeAlias = Callable[..., Parser]
"""`add_parser` of the program's commands."""


def add_command(commands: Commands, name: str, summary: str) -> Parser:
    """A command with the options that every command has."""
    parser = commands(name, help=summary, description=summary[0].upper() + summary[1:] + ".")
    parser.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="print one JSON document")
    return parser


def add_store(parser: Parser) -> None:
    """The options that say which store, and whose runs in it."""
    group = parser.add_argument_group("store", "by default SQUIDIE_*, then [tool.squidie] of pyproject.toml")
    group.add_argument("--url", help="the store, such as sqlite:///runs.db")
    group.add_argument("--namespace", help="whose runs, in a store that several applications share")
    group.add_argument("--schema", help="the PostgreSQL schema that holds the tables")


def settings_of(args: argparse.Namespace) -> Settings:
    """The settings, those first that stand on the command line."""
    names = ("url", "namespace", "schema", "app")
    return read_settings({name: getattr(args, name, None) for name in names})
