"""A storage that counts what is asked of it, and notes when commits have returned."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from squidie_core.journal.commit import Append, Commit, CommitResult, Committed
from squidie_core.ports import Storage
from squidie_storage_dynamodb import open_dynamodb
from squidie_storage_sql import open_postgresql, open_sqlite

_ENDED = ("completed", "failed", "cancelled")


@dataclass(slots=True)
class Counts:
    """So far."""

    calls: Counter[str] = field(default_factory=Counter[str])
    appends: int = 0
    finished: int = 0
    reserving: int = 0
    """Looks for due runs that found some, which are transactions that write."""

    def per_run(self, runs: int) -> dict[str, float]:
        """What one of so many runs cost; on PostgreSQL each call is one round trip."""
        commits = self.calls["commit"]
        return {
            "round_trips": sum(self.calls.values()) / runs,
            "commits": (commits + self.reserving) / runs,
            "commits_of_entries": commits / runs,
            "appends": self.appends / runs,
            "appends_per_commit": self.appends / max(commits, 1),
            "runs_per_reservation": runs / max(self.reserving, 1),
        } | {f"calls_{name}": count / runs for name, count in self.calls.items()}

    def since(self, before: Counts) -> Counts:
        """What came after."""
        return Counts(
            self.calls - before.calls,
            self.appends - before.appends,
            self.finished - before.finished,
            self.reserving - before.reserving,
        )

    def copy(self) -> Counts:
        """As it is now."""
        return Counts(self.calls.copy(), self.appends, self.finished, self.reserving)


class Watched:
    """Wraps a Storage; `on_committed` hears each call of `commit`: when it began, when it returned, what it wrote."""

    def __init__(
        self, storage: Storage, on_committed: Callable[[float, float, Sequence[Append]], None] | None = None
    ) -> None:
        self._storage = storage
        self._on_committed = on_committed
        self._lock = threading.Lock()
        self.counts = Counts()

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._storage, name)
        if not callable(found) or (name == "clock" and self._storage.capabilities.local_clock):
            return found

        def counted(*given: Any, **named: Any) -> Any:
            with self._lock:
                self.counts.calls[name] += 1
            return found(*given, **named)

        setattr(self, name, counted)
        return counted

    def commit(self, commits: Sequence[Commit]) -> Sequence[CommitResult]:
        """Commit and tell."""
        began = time.monotonic()
        results = self._storage.commit(commits)
        ended = time.monotonic()
        written = [
            append
            for commit, result in zip(commits, results, strict=True)
            if isinstance(result, Committed)
            for append in commit.appends
        ]
        with self._lock:
            self.counts.calls["commit"] += 1
            self.counts.appends += len(written)
            self.counts.finished += sum(is_end(append) for append in written)
        if self._on_committed is not None:
            self._on_committed(began, ended, written)
        return results

    def due(self, queue: str, **options: Any) -> Any:
        """Look and count whether something was found."""
        batch = self._storage.due(queue, **options)
        with self._lock:
            self.counts.calls["due"] += 1
            self.counts.reserving += bool(batch.runs)
        return batch

    def as_storage(self) -> Storage:
        """Itself, as what it stands for."""
        return cast("Storage", self)


def is_end(append: Append) -> bool:
    """Whether the append ends its run."""
    return append.index.status in _ENDED


def opened(url: str) -> Storage:
    """The store with its default options."""
    if url.startswith("dynamodb"):
        return open_dynamodb(url)
    return open_sqlite(url) if url.startswith("sqlite") else open_postgresql(url)
