"""`squidie config`: which settings hold here."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping

from squidie_core.cli.arguments import Commands, add_command, add_store, settings_of
from squidie_core.cli.output import Output
from squidie_core.cli.rendering import table
from squidie_core.runtime.config import Setting


def add(commands: Commands) -> None:
    """The command and its options."""
    parser = add_command(commands, "config", "show the settings that hold here, passwords hidden")
    parser.add_argument("--show-origin", action="store_true", help="where each comes from")
    add_store(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, out: Output) -> None:
    """Show them."""
    settings = list(settings_of(args))
    out.show(
        {"settings": {setting.name: _document(setting, origin=args.show_origin) for setting in settings}},
        _lines(settings, origin=args.show_origin),
    )


def _document(setting: Setting, *, origin: bool) -> Mapping[str, str | None]:
    document = {"value": setting.shown}
    return {**document, "origin": setting.origin} if origin else document


def _lines(settings: list[Setting], *, origin: bool) -> Iterator[str]:
    if origin:
        yield from table(("setting", "value", "origin"), [(s.name, s.shown, s.origin) for s in settings])
    else:
        yield from table(("setting", "value"), [(s.name, s.shown) for s in settings])
