"""Squidie's journals in PostgreSQL and SQLite."""

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
