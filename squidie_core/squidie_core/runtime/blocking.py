"""A warning for who blocks an event loop."""

from __future__ import annotations

import functools
import sys
import threading
import warnings
from collections.abc import Callable
from types import FunctionType
from typing import Any, TypeVar

from squidie_core.errors import SquidieBlockingWarning

C = TypeVar("C", bound=type)

_HARMLESS = {"close", "metrics", "stop", "within"}
"""They wait for nothing, or are called when nothing else goes on any more."""
_told: set[str] = set()
_within = threading.local()
"""`call`: a method that was warned of is under way, and calls others."""


def warns_in_event_loops(instead: str) -> Callable[[C], C]:
    """Let the public methods of the class warn, each once a process, where they are called from a running event loop.

    A decorator for the class, which sees inherited methods too. Costs each call a fraction of a microsecond. `instead`
    says what to do; `{name}` in it is the method's.
    """

    def decorate(kind: C) -> C:
        for name in dir(kind):
            method = getattr(kind, name)
            if isinstance(method, FunctionType) and not name.startswith("_") and name not in _HARMLESS:
                setattr(kind, name, _watched(method, f"{kind.__name__}.{name}", instead.format(name=name)))
        return kind

    return decorate


def _watched(method: Callable[..., Any], name: str, instead: str) -> Callable[..., Any]:
    @functools.wraps(method)
    def call(self: object, /, *args: Any, **kwargs: Any) -> Any:
        events: Any = sys.modules.get("asyncio.events")  # who has not imported it runs no loop
        if events is None or events._get_running_loop() is None or hasattr(_within, "call"):  # noqa: SLF001  # documented as for low-level code
            return method(self, *args, **kwargs)
        if name not in _told:
            _told.add(name)
            text = f"{name} blocks the event loop that runs in this thread; {instead}"
            warnings.warn(text, SquidieBlockingWarning, stacklevel=2)
        _within.call = name
        try:
            return method(self, *args, **kwargs)
        finally:
            del _within.call

    return call
