"""A storage's part in a transaction of the host's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import event

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.orm import Session, SessionTransaction

    from squidie_storage_sql.storage import SqlStorage

_KEY = "squidie_after_commit"


class Joined:
    """The storage within one transaction; implements `squidie_core.ports.HostTransaction`."""

    def __init__(self, storage: SqlStorage, session: Session | None) -> None:
        self.storage = storage
        self._session = session

    def after_commit(self, call: Callable[[], None]) -> bool:
        """A Session tells; connections do not."""
        if self._session is None:
            return False
        _waiting(self._session).append(call)
        return True


def _waiting(session: Session) -> list[Callable[[], None]]:
    """What is to be called after the session's next commit. One pair of listeners a session, however often it asks."""
    info = cast("dict[str, Any]", session.info)
    if _KEY not in info:
        info[_KEY] = []
        event.listen(session, "after_commit", _committed)
        event.listen(session, "after_transaction_end", _ended)
    return cast("list[Callable[[], None]]", info[_KEY])


def _committed(session: Session) -> None:
    calls = _waiting(session)
    while calls and not session.in_nested_transaction():  # the end of a savepoint is told of as well
        calls.pop(0)()


def _ended(session: Session, transaction: SessionTransaction) -> None:
    if transaction.parent is None:
        _waiting(session).clear()
