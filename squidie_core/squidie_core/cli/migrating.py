"""`squidie migrate`: bring a store's tables to the version that this client works with."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

from squidie_core.cli.arguments import Commands, add_command, add_store, settings_of
from squidie_core.cli.output import Output
from squidie_core.errors import NotSupported, OptionError
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


@runtime_checkable
class Grantable(Protocol):
    """A storage plugin whose stores have roles."""

    def grants(self, url: str, role: str, *, purging: bool = False, **options: Any) -> str:
        """What lets the role do all that workers and operators do, or `purging` alone, for an owner to run.

        Connects to nothing.
        """
        ...


def add(commands: Commands) -> None:
    """The command and its options."""
    parser = add_command(commands, "migrate", "bring the store's tables to the newest version")
    parser.add_argument("address", nargs="?", metavar="URL", help="the store; the same as --url")
    printing = parser.add_mutually_exclusive_group()
    printing.add_argument(
        "--sql", "--print", action="store_true", help="print what makes an empty store instead: SQL, or a template"
    )
    printing.add_argument("--print-grants", metavar="ROLE", help="print what grants a role all that workers need")
    parser.add_argument("--purging", action="store_true", help="with --print-grants: all that `squidie purge` needs")
    add_store(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, out: Output) -> None:
    """Migrate, or print how to."""
    args.url = args.url or args.address
    settings = settings_of(args)
    with settings.blaming():
        url = settings.require("url")
        plugin: object = find_opener("storage", url)
        options = settings.opening()["storage_options"]
        if args.print_grants is not None:
            _show_sql(out, _grants(plugin, url, args.print_grants, options, purging=args.purging))
            return
        if args.purging:
            raise OptionError("--purging goes with --print-grants", code="usage")
        if not isinstance(plugin, Migratable):
            _show(out, 0, 0, "this store has no schema: nothing needs migrating")
            return
        if args.sql:
            _show_sql(out, plugin.migration_sql(url, **options))
            return
        report = plugin.migrate(url, **options)
    change = f"from version {report.from_version} to {report.to_version}"
    done = f"migrated {change}" if report.from_version != report.to_version else f"is at version {report.to_version}"
    _show(out, report.from_version, report.to_version, f"the schema {done}")


def _grants(plugin: object, url: str, role: str, options: Mapping[str, Any], *, purging: bool) -> str:
    if not isinstance(plugin, Grantable):
        raise NotSupported("this store has no roles: nothing needs granting")
    return plugin.grants(url, role, purging=purging, **options)


def _show_sql(out: Output, text: str) -> None:
    out.show({"sql": text}, text.splitlines())


def _show(out: Output, before: int, after: int, line: str) -> None:
    out.show({"from_version": before, "to_version": after, "migrated": before != after}, [line])
