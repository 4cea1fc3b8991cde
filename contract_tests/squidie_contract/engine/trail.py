"""What was asked and answered, as lines for whoever reads a failure."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Any, TypeVar, cast

from squidie_core.errors import SquidieError
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
                outcome = f" (outcome={error.details['outcome']})" if "outcome" in details_of(error) else ""
                self._trail.tell(f"{said} raised {type(error).__name__}{outcome}")
                raise
            self._trail.tell(f"{said} -> {brief(answer)}")
            return answer

        return recorded


def details_of(error: BaseException) -> Mapping[str, Any]:
    """What an error of ours knows beside its text."""
    return error.details if isinstance(error, SquidieError) else {}


def recorded(name: str, client: Client, trail: Trail) -> Client:
    """The client, with every call told to the trail under this name."""
    return cast("Client", _Recorded(name, client, trail))


def brief(value: object) -> str:
    """The value in a few words."""
    text = _brief(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def _brief(value: object) -> str:
    match value:
        case Head(rev, commit_id):
            text = f"{rev}#{commit_id & 0xFFFF:04x}"
        case Append():
            text = f"{value.thread_id!r} {_brief(value.expected)} -> {_brief(value.head)}"
        case Commit(appends, nudges):
            nudged = f", nudging {', '.join(map(repr, nudges))}" if nudges else ""
            text = f"<{'; '.join(map(_brief, appends))}{nudged}>"
        case StoredCommit():
            text = f"{value.rev}..{_brief(value.head)}"
        case LoadedThread():
            start = "" if value.checkpoint is None else f"{_brief(value.checkpoint)}, "
            nudges = f", {value.nudges} nudges" if value.nudges else ""
            text = f"at {_brief(value.head)}: [{start}{', '.join(map(_brief, value.commits))}]{nudges}"
        case Checkpoint():
            text = f"checkpoint {_brief(value.head)}"
        case Committed():
            text = "committed"
        case Conflict(thread_ids) | Busy(thread_ids):
            text = f"{type(value).__name__.lower()} {', '.join(map(repr, thread_ids))}"
        case Refused(error):
            text = f"refused ({type(error).__name__})"
        case IndexRow():
            text = f"row {value.status} {value.wake_at}"
        case str():
            text = repr(value)
        case Mapping():
            items = cast("Mapping[object, object]", value).items()
            text = "{" + ", ".join(f"{_brief(key)}: {_brief(one)}" for key, one in items) + "}"
        case Sequence():
            text = "[" + ", ".join(map(_brief, cast("Sequence[object]", value))) + "]"
        case _:
            text = repr(value)
    return text
