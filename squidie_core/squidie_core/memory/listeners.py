"""Who listens to the in-memory notifiers."""

from __future__ import annotations

from collections.abc import Callable
from queue import SimpleQueue
from typing import TypeAlias

from squidie_core.dataclass import record


@record(frozen=True, slots=True, eq=False)
class Listener:
    """Who wants hints for a queue, and the inbox of the notifier that calls it."""

    queue: str
    wake: Callable[[int], None]
    inbox: Inbox


Inbox: TypeAlias = "SimpleQueue[tuple[Listener, int] | None]"
"""Hints on their way to listeners; `None` is the last."""
