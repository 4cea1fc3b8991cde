"""A SQLite URL with its options, understood."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
from sqlalchemy.engine import make_url

from squidie_core.errors import NotSupported, SchemaError
from squidie_storage_sql.options import SQLITE_OPTIONS, SqliteOptions, check_names, option_error
from squidie_storage_sql.plugin import Plugin
from squidie_storage_sql.sqlite.database import CAPABILITIES, SqliteDatabase
from squidie_storage_sql.sqlite.mounts import check_file_system
from squidie_storage_sql.urls import Address, merged, sqlite_address

if TYPE_CHECKING:
    from collections.abc import Mapping

_OLDEST_SQLITE = (3, 35)  # returning, and materialized subqueries


@attrs.frozen
class SqliteTarget:
    """Which file and how."""

    address: Address
    options: SqliteOptions
    schema: None = None

    @property
    def namespace(self) -> str:
        """Whose runs."""
        return self.options.namespace

    @property
    def create(self) -> bool:
        """Whether opening may create the file and its tables."""
        return self.options.create

    def connect(self) -> SqliteDatabase:
        """Connections to a file that may be used; they are made when they are needed."""
        if sqlite3.sqlite_version_info < _OLDEST_SQLITE:
            raise NotSupported(f"SQLite 3.35 or later is needed, this Python has {sqlite3.sqlite_version}")
        path = Path(str(self.address.url.database))
        check_file_system(str(path))
        if not path.parent.is_dir():
            raise option_error("url", f"names a file in a folder that does not exist; create {path.parent} first")
        if not self.create and not path.exists():
            raise SchemaError(f"there is no file {path}; run `squidie migrate URL`, or leave create on")
        return SqliteDatabase(self.address.url, self.options)

    def __str__(self) -> str:
        return str(self.address)


def _target(url: str, options: Mapping[str, object]) -> SqliteTarget:
    check_names(options, SQLITE_OPTIONS)
    address = sqlite_address(url, SQLITE_OPTIONS)
    return SqliteTarget(address, SqliteOptions(**merged(address, options)))


open_sqlite = Plugin(CAPABILITIES, make_url("sqlite+pysqlite://").get_dialect()(), _target)
"""Opens `sqlite:///path` URLs; options: see `SqliteOptions`."""
