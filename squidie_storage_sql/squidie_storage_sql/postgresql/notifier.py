"""The notifier port over LISTEN and NOTIFY."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.rows import tuple_row

from squidie_core.adapters.sending import Sender
from squidie_core.errors import OptionError, TransactionAborted, Unavailable
from squidie_storage_sql.handles import driver_of
from squidie_storage_sql.options import (
    NOTIFIER_OPTIONS,
    POSTGRESQL_OPTIONS,
    PostgresqlNotifierOptions,
    check_names,
)
from squidie_storage_sql.postgresql.channels import channel, encode_hint
from squidie_storage_sql.postgresql.failures import words
from squidie_storage_sql.postgresql.lines import NOTIFY, line, notifying
from squidie_storage_sql.postgresql.listener import PostgresqlListener
from squidie_storage_sql.urls import Address, postgresql_address

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from squidie_core.ports.notifier import Subscription

_KNOWN = (*NOTIFIER_OPTIONS, *POSTGRESQL_OPTIONS)


class PostgresqlNotifier:
    """Hints through a PostgreSQL database, to everybody who names the same namespace and schema.

    Takes one connection to send and, once somebody listens, one to listen; both come back by themselves.
    Implements `squidie_core.ports.Notifier`. Safe to use from many threads, not across a fork.
    """

    def __init__(self, address: Address, options: PostgresqlNotifierOptions) -> None:
        self._description = str(address)
        self._options = options
        self._channel = name = channel(options.schema, options.namespace)
        sending = line(address.url, address.scrub, "hints cannot be sent")
        self._sender = Sender(sending, notifying(name), probing_to_the_end=False)
        hearing = line(address.url, address.scrub, "hints cannot be heard")
        self._listener = PostgresqlListener(hearing, name, self._sender.probe, options)
        self._closed = False

    def __repr__(self) -> str:
        return f"<PostgresqlNotifier {self._description} namespace={self._options.namespace!r}>"

    @property
    def working(self) -> bool:
        """Whether a notification that this notifier sent itself came back, lately and on the connection it has."""
        return self._listener.working

    def notify(self, queues: Mapping[str, int]) -> None:
        """Leave the hints to the sender."""
        self._sender.hint(queues)

    def notify_within(self, handle: object, queues: Mapping[str, int]) -> None:
        """PostgreSQL itself keeps them until the host's transaction commits; they are lost in another database."""
        connection = driver_of(handle, psycopg.Connection)
        hints = [hint for queue, count in queues.items() if (hint := encode_hint(queue, count)) is not None]
        if connection is None or not hints:
            return
        try:
            psycopg.Cursor(connection, row_factory=tuple_row).execute(NOTIFY, ([self._channel] * len(hints), hints))
        except psycopg.Error as error:
            raise TransactionAborted(f"the transaction cannot go on, roll it back: {words(error)}") from error

    def listen(self, queue: str, wake: Callable[[int], None]) -> Subscription:
        """Call `wake` on each hint, and with 1 when the connection is lost and when it is back."""
        if self._closed:
            raise Unavailable("this notifier is closed; open another one")
        return self._listener.add(queue, wake)

    def close(self) -> None:
        """End all subscriptions; send what was not sent yet."""
        if not self._closed:
            self._closed = True
            self._listener.close()
            self._sender.close()


def open_notifier(url: str, **options: object) -> PostgresqlNotifier:
    """A notifier at a `postgresql://` URL; options: see `PostgresqlNotifierOptions`. Connects when it is used.

    The storage's URL and options will do as well: what is the storage's alone has no effect here. Raises OptionError.
    """
    check_names(options, _KNOWN)
    address = postgresql_address(url, _KNOWN)
    chosen = _agreed(address.options, options)
    return PostgresqlNotifier(address, PostgresqlNotifierOptions(**chosen))


def _agreed(in_url: Mapping[str, object], given: Mapping[str, object]) -> dict[str, Any]:
    """Our options of both; what is said twice must be the same."""
    for name in NOTIFIER_OPTIONS:
        if name in in_url and name in given and in_url[name] != given[name]:
            raise OptionError(f"{name}: the URL and the call differ; keep one", details={"option": name})
    return {name: value for name, value in {**in_url, **given}.items() if name in NOTIFIER_OPTIONS}
