"""A PostgreSQL URL with its options, understood."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
from sqlalchemy.engine import make_url

from squidie_storage_sql.options import POSTGRESQL_OPTIONS, PostgresqlOptions, check_names
from squidie_storage_sql.plugin import Plugin
from squidie_storage_sql.postgresql.database import CAPABILITIES, PostgresqlDatabase
from squidie_storage_sql.urls import Address, merged, postgresql_address

if TYPE_CHECKING:
    from collections.abc import Mapping


@attrs.frozen
class PostgresqlTarget:
    """Where to connect to and how."""

    address: Address
    options: PostgresqlOptions

    @property
    def namespace(self) -> str:
        """Whose runs."""
        return self.options.namespace

    @property
    def schema(self) -> str | None:
        """Where the tables are."""
        return self.options.schema

    @property
    def create(self) -> bool:
        """Whether opening may create tables."""
        return self.options.create

    def connect(self) -> PostgresqlDatabase:
        """A pool; connections are made when they are needed."""
        return PostgresqlDatabase(self.address.url, self.options, self.address.scrub)

    def __str__(self) -> str:
        return str(self.address)


def _target(url: str, options: Mapping[str, object]) -> PostgresqlTarget:
    check_names(options, POSTGRESQL_OPTIONS)
    address = postgresql_address(url, POSTGRESQL_OPTIONS)
    return PostgresqlTarget(address, PostgresqlOptions(**merged(address, options)))


open_postgresql = Plugin(CAPABILITIES, make_url("postgresql+psycopg://").get_dialect()(), _target)
"""Opens `postgresql://` URLs; options: see `PostgresqlOptions`."""
