"""What was asked and answered, as lines for whoever reads a failure."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Any, TypeVar, cast

from squidie_core.errors import Unavailable
from squidie_core.journal.commit import (
    Append,
    Busy,
    Checkpoint,
    Commit,
    Committed,
    Conflict,
    Head,
    IndexRow,
    LoadedThread,
    Refused,
    StoredCommit,
)

Client = TypeVar("Client")

_LONGEST = 200
_LAST = 200


class Trail:
    """The latest lines, oldest first. Safe to use from any thread."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._lock = threading.Lock()

    def tell(self, line: str) -> None:
        """Add a line."""
        with self._lock:
            self._lines.append(line)

    def clear(self) -> None:
        """Begin anew."""
        with self._lock:
            self._lines.clear()

    def __str__(self) -> str:
        with self._lock:
            dropped = len(self._lines) - _LAST
            head = [f"... {dropped} lines before ..."] if dropped > 0 else []
            return "\n".join([*head, *self._lines[-_LAST:]])


class _Recorded:
    """Stands before a client and tells the trail of every call."""

    def __init__(self, name: str, client: object, trail: Trail) -> None:
        self._name = name
        self._client = client
        self._trail = trail

    def __getattr__(self, attribute: str) -> Any:
        value = getattr(self._client, attribute)
        return self._told(attribute, value) if callable(value) else value

    def _told(self, method: str, call: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(call)
        def recorded(*args: Any, **options: Any) -> Any:
            given = [*map(brief, args), *(f"{name}={brief(value)}" for name, value in options.items())]
            said = f"{self._name}.{method}({', '.join(given)})"
            try:
                answer = call(*args, **options)
            except BaseException as error:
                outcome = f" (outcome={error.outcome})" if isinstance(error, Unavailable) else ""
                self._trail.tell(f"{said} raised {type(error).__name__}{outcome}")
                raise
            self._trail.tell(f"{said} -> {brief(answer)}")
            return answer

        return recorded


def recorded(name: str, client: Client, trail: Trail) -> Client:
    """The client, with every call told to the trail under this name."""
    return cast("Client", _Recorded(name, client, trail))


def brief(value: object) -> str:
    """The value in a few words."""
    text = _brief(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def _brief(value: object) -> str:
    for kind, tell in _TELLERS.items():
        if isinstance(value, kind):
            return tell(value)
    return repr(value)


def _append(one: Append) -> str:
    return f"{one.thread_id!r} {_head(one.expected)} -> {_head(one.head)}"


def _head(head: Head) -> str:
    return f"{head.rev}#{head.commit_id & 0xFFFF:04x}"


def _commit(commit: Commit) -> str:
    nudged = f", nudging {', '.join(map(repr, commit.nudges))}" if commit.nudges else ""
    return f"<{'; '.join(map(_append, commit.appends))}{nudged}>"


def _loaded(thread: LoadedThread) -> str:
    start = "" if thread.checkpoint is None else f"checkpoint {_head(thread.checkpoint.head)}, "
    nudges = f", {thread.nudges} nudges" if thread.nudges else ""
    return f"at {_head(thread.head)}: [{start}{', '.join(map(_brief, thread.commits))}]{nudges}"


def _mapping(items: Mapping[object, object]) -> str:
    return "{" + ", ".join(f"{_brief(key)}: {_brief(one)}" for key, one in items.items()) + "}"


def _sequence(items: Sequence[object]) -> str:
    return "[" + ", ".join(map(_brief, items)) + "]"


_TELLERS: Mapping[type[Any], Callable[[Any], str]] = {
    str: repr,
    bytes: repr,
    Head: _head,
    Append: _append,
    Commit: _commit,
    StoredCommit: lambda commit: f"{commit.rev}..{_head(commit.head)}",
    LoadedThread: _loaded,
    Checkpoint: lambda checkpoint: f"checkpoint {_head(checkpoint.head)}",
    Committed: lambda _: "committed",
    Conflict: lambda result: f"conflict {', '.join(map(repr, result.thread_ids))}",
    Busy: lambda result: f"busy {', '.join(map(repr, result.thread_ids))}",
    Refused: lambda result: f"refused ({type(result.error).__name__})",
    IndexRow: lambda row: f"row {row.status} {row.wake_at}",
    Mapping: _mapping,
    Sequence: _sequence,
}
"""How values are told, by the first type that fits."""
