"""What a dialect must give: statements by name, run on its connections, with failures told apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from squidie_core.errors import StorageError
    from squidie_core.journal.commit import Commit, CommitResult
    from squidie_core.ports import Capabilities, Finding
    from squidie_storage_sql.handles import Handle
    from squidie_storage_sql.lending import Loan
    from squidie_storage_sql.migrations import MigrationReport
    from squidie_storage_sql.statements import Statements

Row = tuple[Any, ...]
Parameters = Mapping[str, Any]

LOADED_BYTES = 32 * 1024
"""`due` brings a thread along if its entries take no more than this."""


class Lost(Exception):
    """The connection was lost while a request was in flight."""


class Transient(Exception):  # nothing happened; the same request may succeed a moment later
    """The server could not do it now: a deadlock, a lock held for too long, a database that is busy."""


class Rejected(Exception):
    """The server will never take this request. `duplicate`: because a key exists already."""

    def __init__(self, error: StorageError, *, duplicate: bool = False) -> None:
        super().__init__(str(error))
        self.error = error
        self.duplicate = duplicate


class Database(Protocol):
    """Connections to one database and the statements of its dialect.

    A list or tuple among the parameters is a set that travels in one piece; `namespace` is added to every statement.
    Methods raise the port's errors, and Rejected.
    """

    @property
    def capabilities(self) -> Capabilities:
        """What the dialect can do."""
        ...

    @property
    def statements(self) -> Statements:
        """Its SQL."""
        ...

    @property
    def schema(self) -> str | None:
        """Where the tables are; None: where the connection finds them."""
        ...

    @property
    def shares_transactions(self) -> bool:
        """Whether a group may hold commits of several appends; otherwise each of these is a group of its own."""
        ...

    @property
    def blobs(self) -> Database:
        """Where blobs are written and read: itself, or what nobody waits for while a host's transaction lasts."""
        ...

    def clock(self) -> int:
        """The store's time in milliseconds."""
        ...

    def read(self, statement: str, parameters: Parameters) -> list[Row]:
        """The rows of a statement that changes nothing, from one snapshot."""
        ...

    def write(self, statement: str, parameters: Parameters) -> list[Row]:
        """Run one statement in a transaction of its own; it must be safe to repeat."""
        ...

    def commit(self, commits: Sequence[Commit]) -> Sequence[CommitResult]:
        """Judge and write a group in which no thread occurs twice.

        Raises Rejected where one member spoils the group, which then had no effect.
        """
        ...

    def due(self, parameters: Parameters, *, oldest_first: bool) -> list[Row]:
        """Reserve what is due: rows of `rows.due_batch`, at least one."""
        ...

    def purge(self, parameters: Parameters) -> tuple[list[Row], int]:
        """What `purgeable` finds, each row with whether the run was purged, and how many tombstones were collected."""
        ...

    @property
    def handles(self) -> tuple[type, ...]:
        """What a transaction may be handed over as."""
        ...

    def within(self, given: object) -> tuple[Database, Handle[Any]]:
        """The same in a transaction of the host's, as `squidie_core.ports.HostTransactions` says."""
        ...

    def lend(self) -> AbstractContextManager[tuple[Database, Loan]]:
        """The same in a transaction of its own, for the block."""
        ...

    def names(self, stored: object) -> tuple[str, ...]:
        """A stored set of names."""
        ...

    def health(self) -> list[Finding]:
        """How the tables do, as `squidie_core.ports.Diagnosable` says."""
        ...

    def migrate(self) -> MigrationReport:
        """Bring the tables to the newest version. Safe at any time, and from several processes at once."""
        ...

    def close(self) -> None:
        """Give back the connections."""
        ...
