"""What an entry point names: a callable that opens a storage, with what a command line needs beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from squidie_core.errors import NotSupported, SchemaError
from squidie_storage_sql.migrations import VERSION, check, script
from squidie_storage_sql.postgresql.grants import grants
from squidie_storage_sql.storage import SqlStorage
from squidie_storage_sql.tables import in_schema

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Protocol

    from sqlalchemy.engine import Dialect

    from squidie_core.ports import Capabilities
    from squidie_storage_sql.database import Database
    from squidie_storage_sql.migrations import MigrationReport

    class Target(Protocol):
        """A URL and its options, understood."""

        @property
        def namespace(self) -> str:
            """Whose runs."""
            ...

        @property
        def schema(self) -> str | None:
            """Where the tables are."""
            ...

        @property
        def create(self) -> bool:
            """Whether opening may create what is missing."""
            ...

        def connect(self) -> Database:
            """Connections, without a look at the schema."""
            ...


class Plugin:
    """Opens storages of one dialect: `plugin(url, **options)`."""

    def __init__(
        self, capabilities: Capabilities, dialect: Dialect, target: Callable[[str, Mapping[str, object]], Target]
    ) -> None:
        self.capabilities = capabilities
        self._dialect = dialect
        self._target = target

    def __repr__(self) -> str:
        return f"<Plugin {self.capabilities.name}>"

    def __call__(self, url: str, **options: object) -> SqlStorage:
        """Open the store that the URL names.

        Raises OptionError for an option that cannot be used, SchemaError where the tables are missing (`create` makes
        them) or of a version that this client does not work with, Unavailable where the store cannot be reached.
        """
        target = self._target(url, options)
        database = target.connect()
        try:
            if target.create and _recorded(database) is None:
                database.migrate()
            check(_recorded(database), str(target))
        except BaseException:
            database.close()
            raise
        return SqlStorage(database, target.namespace, str(target))

    def migrate(self, url: str | SqlStorage, **options: object) -> MigrationReport:
        """Bring the tables to the newest version; what is there already stays.

        Takes a URL with the options of opening, or an open storage. Several processes may call it at once.
        """
        if isinstance(url, SqlStorage):
            return url.database.migrate()
        database = self._target(url, options).connect()
        try:
            return database.migrate()
        finally:
            database.close()

    def migration_sql(self, url: str, **options: object) -> str:
        """The statements that make the tables in an empty database, for somebody else to run. Connects to nothing."""
        target = self._target(url, options)
        statements = script(self._dialect, target.schema, from_version=0)
        return "".join(f"{statement};\n" for statement in ("begin", *statements, "commit"))

    def grants(self, url: str, role: str, *, purging: bool = False, **options: object) -> str:
        """The statements that let a role do all that workers and operators do, for an owner to run.

        That is everything but migrations and purges; `purging`: purges and nothing else. Connects to nothing.

        Raises NotSupported where the database has no roles, OptionError for what cannot be a role.
        """
        target = self._target(url, options)
        if self._dialect.name != "postgresql":
            raise NotSupported("this store has no roles: whoever may write to the file may do everything")
        return grants(role, target.schema, purging=purging)


def _recorded(database: Database) -> Sequence[tuple[int, int]] | None:
    """The newest record of the schema, or None where there is no table of them."""
    try:
        return [(row[0], row[1]) for row in database.read(in_schema(VERSION, database.schema), {})]
    except SchemaError:
        return None
