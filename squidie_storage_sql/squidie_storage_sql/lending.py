"""A transaction of the storage's own, lent to a body."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from squidie_core.errors import StorageError

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection
    from sqlalchemy.orm import Session

    from squidie_storage_sql.storage import SqlStorage


class Loan(ABC):
    """An open transaction on a connection of its own. Whoever has a handle of it cannot end it."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._session: Session | None = None

    @property
    @abstractmethod
    def driver(self) -> Any:
        """The driver's connection."""

    @abstractmethod
    def check_open(self) -> None:
        """Raise where the transaction is not open any more.

        StorageError where the body has ended it or made it fail, TransactionAborted where others did.
        """

    @abstractmethod
    def commit(self) -> None:
        """As `squidie_core.ports.LentTransaction` says."""

    def handle(self, kind: type) -> object:
        """The transaction as SQLAlchemy or the driver know it."""
        if isinstance(self.connection, kind):
            return self.connection
        if isinstance(self.driver, kind):
            return self.driver
        from sqlalchemy.orm import Session  # noqa: PLC0415  # for those who ask for one

        if self._session is None:
            self._session = Session(self.connection, join_transaction_mode="rollback_only")
        return self._session

    def finish(self) -> None:
        """Send what the body left pending in its session."""
        if self._session is not None:
            self._session.flush()
        self.check_open()

    def close(self) -> None:
        """Let go of the session's objects."""
        if self._session is not None:
            self._session.close()


class Lent:
    """The storage and a body in one transaction; implements `squidie_core.ports.LentTransaction`."""

    def __init__(self, storage: SqlStorage, loan: Loan) -> None:
        self.storage = storage
        self.handle = loan.handle
        self.finish = loan.finish
        self.commit = loan.commit


def ended() -> StorageError:
    """The error for a body that did what is not its to do."""
    return StorageError(
        "the body ended its transaction, so what it wrote and the step's completion cannot be committed together; "
        "leave commit and rollback to Squidie",
        code="transaction_ended",
    )


def failed() -> StorageError:
    """The error for a body that went on after a statement had failed."""
    return StorageError(
        "a statement of the body failed, and its transaction with it; let the exception out of the body, or guard the "
        "statement with a savepoint",
        code="transaction_failed",
    )
