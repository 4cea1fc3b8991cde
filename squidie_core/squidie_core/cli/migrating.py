"""`squidie migrate`: bring a store's tables to the version that this client works with."""

from __future__ import annotations

import argparse
from typing import Any, Protocol, runtime_checkable

from squidie_core.cli.arguments import Commands, add_command, add_store, settings_of
from squidie_core.cli.output import Output
from squidie_core.plugins import find_opener


class MigrationReport(Protocol):
    """What a migration did."""

    @property
    def from_version(self) -> int:
        """The version before; 0 where there was nothing."""
        ...

    @property
    def to_version(self) -> int:
        """The version now."""
        ...


@runtime_checkable
class Migratable(Protocol):
    """A storage plugin whose stores have a schema. Both take the options of opening."""

    def migrate(self, url: str, **options: Any) -> MigrationReport:
        """Bring the schema to the newest version; safe to call at any time, from several processes at once."""
        ...

    def migration_sql(self, url: str, **options: Any) -> str:
        """What makes the schema where there is nothing, for somebody else to run. Connects to nothing."""
        ...


def add(commands: Commands) -> None:
    """The command and its options."""
    parser = add_command(commands, "migrate", "bring the store's tables to the newest version")
    parser.add_argument("address", nargs="?", metavar="URL", help="the store; the same as --url")
    parser.add_argument("--sql", action="store_true", help="print the statements for an empty store instead")
    add_store(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, out: Output) -> None:
    """Migrate, or print how to."""
    args.url = args.url or args.address
    settings = settings_of(args)
    with settings.blaming():
        url = settings.require("url")
        plugin: object = find_opener("storage", url)
        if not isinstance(plugin, Migratable):
            _show(out, 0, 0, "this store has no schema: nothing needs migrating")
            return
        options = settings.opening()["storage_options"]
        if args.sql:
            text = plugin.migration_sql(url, **options)
            out.show({"sql": text}, text.splitlines())
            return
        report = plugin.migrate(url, **options)
    change = f"from version {report.from_version} to {report.to_version}"
    done = f"migrated {change}" if report.from_version != report.to_version else f"is at version {report.to_version}"
    _show(out, report.from_version, report.to_version, f"the schema {done}")


def _show(out: Output, before: int, after: int, line: str) -> None:
    out.show({"from_version": before, "to_version": after, "migrated": before != after}, [line])
