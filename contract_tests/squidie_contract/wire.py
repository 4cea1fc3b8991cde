"""The wire: where a client under test meets the suite, once for every round trip."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Protocol


class Wire(Protocol):
    """Called around each round trip of a client: `with wire("commit"): ...the request and its answer...`.

    Entering may take long, since other clients go first. Entering raises where the request must not be sent, leaving
    where its answer must not arrive: Cut, to be turned into what the driver raises when its connection breaks (it is
    a ConnectionError), or Died, to be let through. May be called from any thread.
    """

    def __call__(self, request: str = "a request", /) -> AbstractContextManager[None]:
        """Around one round trip; `request` names it in the history of a failure."""
        ...


class Cut(ConnectionError):
    """The connection broke here."""


class Died(BaseException):
    """The client's process died here. No Exception, so that nobody takes it for an error to deal with."""


def quiet(_request: str = "", /) -> AbstractContextManager[None]:
    """The wire of clients to which nothing happens."""
    return nullcontext()
