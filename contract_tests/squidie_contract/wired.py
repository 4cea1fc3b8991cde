"""A wire around the calls of a client that has no connection of its own to put it around."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from squidie_contract.wire import Cut, Wire
from squidie_core.errors import Unavailable

Client = TypeVar("Client")


def wired(client: Client, wire: Wire) -> Client:
    """The client with `wire` around every call, as if each were one round trip.

    For stores within the process. An adapter that talks to a server puts the wire around its requests instead, where
    one call may be several.
    """
    return cast("Client", _Wired(client, wire))


class _Wired:
    def __init__(self, client: object, wire: Wire) -> None:
        self._client = client
        self._wire = wire
        self._at_hand = {"close"}
        capabilities = getattr(client, "capabilities", None)
        if capabilities is not None and capabilities.local_clock:
            self._at_hand.add("clock")

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._client, name)
        return self._over(name, value) if callable(value) and name not in self._at_hand else value

    def __repr__(self) -> str:
        return repr(self._client)

    def _over(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(call)
        def over(*args: Any, **options: Any) -> Any:
            sent = False
            try:
                with self._wire(name):
                    sent = True
                    return call(*args, **options)
            except Cut as cut:
                raise Unavailable("the connection was lost", outcome="unknown" if sent else "none") from cut

        return over
