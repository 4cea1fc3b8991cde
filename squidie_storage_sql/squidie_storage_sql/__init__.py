"""Squidie's journals in PostgreSQL and SQLite."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from squidie_storage_sql.migrations import MigrationReport
    from squidie_storage_sql.options import PostgresqlNotifierOptions, PostgresqlOptions, SqliteOptions
    from squidie_storage_sql.plugin import Plugin
    from squidie_storage_sql.postgresql.notifier import PostgresqlNotifier, open_notifier
    from squidie_storage_sql.postgresql.target import open_postgresql
    from squidie_storage_sql.sqlite.target import open_sqlite
    from squidie_storage_sql.storage import SqlStorage

__all__ = [
    "MigrationReport",
    "Plugin",
    "PostgresqlNotifier",
    "PostgresqlNotifierOptions",
    "PostgresqlOptions",
    "SqlStorage",
    "SqliteOptions",
    "open_notifier",
    "open_postgresql",
    "open_sqlite",
]

_HOMES = {
    "MigrationReport": "migrations",
    "Plugin": "plugin",
    "PostgresqlNotifier": "postgresql.notifier",
    "PostgresqlNotifierOptions": "options",
    "PostgresqlOptions": "options",
    "SqlStorage": "storage",
    "SqliteOptions": "options",
    "open_notifier": "postgresql.notifier",
    "open_postgresql": "postgresql.target",
    "open_sqlite": "sqlite.target",
}

if not TYPE_CHECKING:  # checkers would take it for a promise of every name

    def __getattr__(name: str) -> object:
        """A name is imported when it is first asked for: each database needs its own driver and not the other's."""
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return globals().setdefault(name, getattr(import_module(f"{__name__}.{_HOMES[name]}"), name))

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
