"""A warning for who blocks an event loop."""

from __future__ import annotations

import functools
import sys
import warnings
from collections.abc import Callable
from types import FunctionType
from typing import Any, TypeVar

from squidie_core.errors import SquidieBlockingWarning

C = TypeVar("C", bound=type)

_HARMLESS = {"close", "metrics", "within"}
"""They wait for nothing, or are called when nothing else goes on any more."""
_told: set[str] = set()


def warns_in_event_loops(facade: C) -> C:
    """Let the public methods of the class warn, each once a process, where they are called from a running event loop.

    A decorator for the class, which sees inherited methods too. Costs each call a fraction of a microsecond.
    """
    for name in dir(facade):
        method = getattr(facade, name)
        if isinstance(method, FunctionType) and not name.startswith("_") and name not in _HARMLESS:
            setattr(facade, name, _watched(method))
    return facade


def _watched(method: Callable[..., Any]) -> Callable[..., Any]:
    name = method.__name__

    @functools.wraps(method)
    def call(self: object, /, *args: Any, **kwargs: Any) -> Any:
        events: Any = sys.modules.get("asyncio.events")  # who has not imported it runs no loop
        if events is not None and events._get_running_loop() is not None and name not in _told:  # noqa: SLF001  # documented as for low-level code
            _warn(name)
        return method(self, *args, **kwargs)

    return call


def _warn(name: str) -> None:
    _told.add(name)
    warnings.warn(
        f"Squidie.{name} blocks the event loop that runs in this thread until the store has answered; "
        f"make an AsyncSquidie and `await squidie.{name}(...)`, or call `await asyncio.to_thread(squidie.{name}, ...)`",
        SquidieBlockingWarning,
        stacklevel=3,
    )
