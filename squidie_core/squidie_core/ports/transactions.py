"""Taking part in the host's transactions: an optional power of storages whose tables stand beside the host's.

A storage that has it declares `Capabilities.host_transactions` and satisfies `HostTransactions`. The ids in parentheses
are the clauses of the adapters' contract, `docs/contract.md`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Protocol, cast

from squidie_core.errors import NotSupported
from squidie_core.ports.storage import Storage


class HostTransaction(Protocol):
    """A transaction that the host has opened and that the host will end."""

    @property
    def storage(self) -> Storage:
        """The runs as the transaction sees them, and a way to write to them in it (H1).

        `clock`, `commit`, `load`, `heads`, `read`, `tombstones`, `put_blob` and `get_blobs` do what the port says, but
        what they write is the transaction's: durable and seen by others when it commits, and never there where it does
        not (H2). Blobs alone, which nobody sees who does not ask for them by name, may be there before, and stay. The
        other methods may raise NotSupported. To be used from one thread at a time, until the end of the transaction:
        after it, as far as that can be known, every method raises OptionError and writes nowhere. What the host changes
        about its session meanwhile, a search path for example, leads to no other tables.

        `commit` judges as ever (H3): what is not accepted has no effect, and the transaction can be used on. Nothing is
        tried again, and nothing ends the transaction or changes its session. Where the transaction cannot go on, every
        method raises `TransactionAborted`; the host rolls back.
        """
        ...

    def after_commit(self, call: Callable[[], None]) -> bool:
        """Call it soon after the host has committed, and never where it rolls back; False: nobody can tell here."""
        ...


class LentTransaction(Protocol):
    """A transaction that the storage has opened, for a body to write its own rows in. Used by one thread."""

    @property
    def storage(self) -> Storage:
        """As in `HostTransaction`."""
        ...

    def handle(self, kind: type) -> object:
        """The open transaction as one of the storage's `handles`; whoever has it cannot end the transaction."""
        ...

    def finish(self) -> None:
        """The body is over: send what it left pending. Raises what that brings, TransactionAborted among it."""
        ...

    def commit(self) -> None:
        """Make what was written durable, all of it or nothing (H4); called once, at the end.

        Raises TransactionAborted where nothing was written, Unavailable with the outcome `unknown` where nobody knows.
        """
        ...


class HostTransactions(Protocol):
    """What a storage with this power has beside the storage port. Safe to use from many threads."""

    @property
    def handles(self) -> Sequence[type]:
        """The classes of connections that `within` takes and that a lent transaction can be had as."""
        ...

    def within(self, handle: object) -> HostTransaction:
        """Take part in the transaction that is open on the handle.

        Raises OptionError for what is no such handle, leads to another database or has no transaction, SchemaError
        where the tables are not there, TransactionAborted where the transaction has failed before.
        """
        ...

    def lend(self) -> AbstractContextManager[LentTransaction]:
        """Open a transaction on a connection of its own; rolled back when the block ends, unless it was committed.

        Waits where as many as the storage allows are lent. Raises Unavailable where no connection can be had.
        """
        ...


def host_transactions(storage: Storage) -> HostTransactions:
    """The storage's power. Raises NotSupported (`host_transactions_not_supported`) where it declares none (H5)."""
    if not storage.capabilities.host_transactions:
        raise NotSupported(
            f"the {storage.capabilities.name} storage cannot take part in the host's transactions; use a store in the "
            "host's own database, or make the work idempotent by ctx.idempotency_key",
            code="host_transactions_not_supported",
            details={"storage": storage.capabilities.name},
        )
    return cast("HostTransactions", storage)
