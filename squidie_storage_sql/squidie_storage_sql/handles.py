"""What a host may hand over as its transaction: what SQLAlchemy makes of a connection, or the driver's own."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from sqlalchemy.engine import Connection
from sqlalchemy.exc import SQLAlchemyError

from squidie_core.dataclass import dataclass
from squidie_core.errors import OptionError

if TYPE_CHECKING:
    from sqlalchemy.engine import RootTransaction
    from sqlalchemy.orm import Session

Driver = TypeVar("Driver")


@dataclass(slots=True)
class Handle(Generic[Driver]):
    """A transaction of the host's, from the driver's connection up to whatever stands above it."""

    driver: Driver
    connection: Connection | None = None
    session: Session | None = None
    _root: RootTransaction | None = None

    def begin(self) -> None:
        """Let SQLAlchemy know that there is a transaction now, as it would by itself with the first statement."""
        if self.connection is not None:
            if not self.connection.in_transaction():
                self.connection.begin()
            self._root = self.connection.get_transaction()

    def check(self) -> None:
        """Raise OptionError once SQLAlchemy has ended the transaction: its connection may be somebody else's by now."""
        connection = self.connection
        if connection is not None and (connection.closed or connection.get_transaction() is not self._root):
            raise over()


def handle_types() -> tuple[type, ...]:
    """Those of SQLAlchemy."""
    from sqlalchemy.orm import Session  # noqa: PLC0415  # takes a while; only those ask who have such steps

    return (Connection, Session)


def read_handle(given: object, driver: type[Driver]) -> Handle[Driver]:
    """What the host gave, with the driver's connection below it. Raises OptionError."""
    session = _session(given)
    try:
        connection = session.connection() if session is not None else given
        if isinstance(connection, Connection):
            below: Any = connection.connection.dbapi_connection
        else:
            connection, below = None, given
    except SQLAlchemyError as error:
        raise refused(f"cannot be used: {error}") from error
    if not isinstance(below, driver):
        raise refused(_no_handle(given, below, driver))
    return Handle(below, connection, session)


def driver_of(given: object, driver: type[Driver]) -> Driver | None:
    """The driver's connection below what the host gave, if it is of this kind."""
    try:
        return read_handle(given, driver).driver
    except OptionError:
        return None


def over() -> OptionError:
    """The error for what was handed over for a transaction that has ended since."""
    return refused("has no transaction any more; call within the next one")


def refused(message: str) -> OptionError:
    """The error for what cannot be taken part in."""
    return OptionError(f"transaction: {message}", code="invalid_transaction_handle", details={"option": "transaction"})


def _session(given: object) -> Session | None:
    """The session that was given. Nobody has one who has not imported the module that makes them."""
    orm: Any = sys.modules.get("sqlalchemy.orm")
    if orm is None:
        return None
    if isinstance(given, orm.scoped_session):
        given = cast("Any", given)()
    return cast("Session", given) if isinstance(given, orm.Session) else None


def _no_handle(given: object, below: object, driver: type) -> str:
    wanted = f"an SQLAlchemy Connection or Session, or a {driver.__module__}.{driver.__qualname__}"
    name = type(given).__name__
    if "async" in name.lower() or type(below).__name__.startswith("Async"):
        return f"belongs to an event loop ({name}); run the transaction in a thread (asyncio.to_thread), on {wanted}"
    if below is not given:
        return f"goes through {type(below).__module__}, and this store takes {wanted}"
    return f"is a {name}; pass {wanted}"
