"""The storage port in memory: the model that other adapters are compared with."""

# ruff: noqa: D102  # what the methods do is said by the port's docstrings

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from squidie_core.adapters.accepting import check_threads_differ, fault
from squidie_core.errors import StorageError, Unavailable
from squidie_core.journal.codec import READER_VERSION
from squidie_core.journal.commit import (
    COMMITTED,
    NO_HEAD,
    Checkpoint,
    Commit,
    CommitResult,
    Conflict,
    Head,
    IndexRow,
    LoadedThread,
    Refused,
    StoredCommit,
)
from squidie_core.memory.cursors import read_cursor, write_cursor
from squidie_core.memory.purging import purgeable, take
from squidie_core.memory.threads import Namespace, Thread
from squidie_core.memory.world import MemoryWorld, world_of
from squidie_core.ports.storage import (
    Capabilities,
    DueBatch,
    DueRun,
    HeadStatus,
    PurgePage,
    RebuildPage,
    RunPage,
    RunQuery,
    RunRow,
    Tombstone,
)

CAPABILITIES = Capabilities(name="memory", local_clock=True, durable=False, exclusive_reservations=True)

OLDEST_FIRST_EVERY = 8
"""At every eighth poll of a queue priority does not count, so nothing waits for ever."""

SMALL_THREAD_BYTES = 32 * 1024
"""Threads up to this size are brought along by `due`."""


class MemoryStorage:
    """Runs in this process's memory, for tests and for trying things out; the reference for other adapters.

    Clients of one `world` see each other's runs; without one, the storage has a world of its own, whose time
    is `clock` (milliseconds since the epoch). Implements `squidie_core.ports.Storage`. Thread-safe.
    """

    def __init__(
        self,
        namespace: str = "default",
        clock: Callable[[], int] | None = None,
        *,
        world: MemoryWorld | None = None,
    ) -> None:
        self.namespace = namespace
        self._world = world_of(world, clock)
        self._closed = False

    @property
    def capabilities(self) -> Capabilities:
        return CAPABILITIES

    def clock(self) -> int:
        with self._opened():
            return self._world.clock()

    def commit(self, commits: Sequence[Commit]) -> Sequence[CommitResult]:
        check_threads_differ(commits)
        with self._opened() as namespace:
            now = self._world.clock()
            return [_commit(namespace, commit, now) for commit in commits]

    def load(self, thread_ids: Sequence[str], *, known: Mapping[str, Head] | None = None) -> Mapping[str, LoadedThread]:
        heads = known or {}
        with self._opened() as namespace:
            return {
                thread_id: thread.loaded(heads.get(thread_id)) for thread_id, thread in _existing(namespace, thread_ids)
            }

    def heads(self, thread_ids: Sequence[str]) -> Mapping[str, HeadStatus]:
        with self._opened() as namespace:
            return {
                thread_id: HeadStatus(
                    head=thread.head,
                    status=thread.index.status,
                    nudges=thread.nudges,
                    parked_until=thread.parked_until,
                    park_reason=thread.park_reason,
                    quarantine_reason=thread.quarantine_reason,
                )
                for thread_id, thread in _existing(namespace, thread_ids)
            }

    def read(self, thread_id: str, *, after: int = 0, limit: int | None = None) -> Sequence[StoredCommit]:
        with self._opened() as namespace:
            thread = namespace.threads.get(thread_id)
            return () if thread is None else thread.after(after)[:limit]

    def due(self, queue: str, *, offers: Sequence[str], limit: int, reserve_for: int) -> DueBatch:
        with self._opened() as namespace:
            now = self._world.clock()
            namespace.polls[queue] += 1
            oldest_first = namespace.polls[queue] % OLDEST_FIRST_EVERY == 0
            ready: list[tuple[int, int, str, Thread]] = []
            later: list[int] = []
            for thread_id, thread in namespace.threads.items():
                due_at = thread.due_at
                if due_at is None or not _concerns(thread, queue, offers):
                    continue
                if max(due_at, thread.reserved_until) > now:
                    later.append(max(due_at, thread.reserved_until))
                else:
                    ready.append((0 if oldest_first else thread.index.priority, due_at, thread_id, thread))
            taken = sorted(ready, key=lambda run: run[:3])[:limit]
            for *_, thread in taken:
                thread.reserved_until = now + reserve_for
            runs = [_due_run(thread_id, thread) for *_, thread_id, thread in taken]
            return DueBatch(runs=runs, now=now, next_wake=min(later, default=None))

    def reserve(self, *thread_ids: str, until: int, reason: str) -> None:
        with self._opened() as namespace:
            for _, thread in _existing(namespace, thread_ids):
                thread.reserved_until = thread.parked_until = until
                thread.park_reason = reason
                thread.parked += 1

    def acknowledge(self, seen: Mapping[str, int]) -> None:
        with self._opened() as namespace:
            for thread_id, thread in _existing(namespace, seen):
                thread.acknowledge(seen[thread_id])
                thread.reserved_until = thread.parked_until or 0

    def find(self, query: RunQuery) -> RunPage:
        before = None if query.cursor is None else read_cursor(query.cursor)
        with self._opened() as namespace:
            found = sorted(
                (
                    (thread.index.started_at, thread_id)
                    for thread_id, thread in namespace.threads.items()
                    if _matches(thread, query) and (before is None or (thread.index.started_at, thread_id) < before)
                ),
                reverse=True,
            )
            page = found[: query.limit]
            return RunPage(
                runs=[_run_row(thread_id, namespace.threads[thread_id]) for _, thread_id in page],
                next_cursor=write_cursor(*page[-1]) if page and len(found) > len(page) else None,
            )

    def put_blob(self, digest: str, body: str) -> None:
        with self._opened() as namespace:
            namespace.blobs.setdefault(digest, body)

    def get_blobs(self, digests: Sequence[str]) -> Mapping[str, str]:
        with self._opened() as namespace:
            return {digest: namespace.blobs[digest] for digest in digests if digest in namespace.blobs}

    def put_checkpoint(self, thread_id: str, checkpoint: Checkpoint) -> None:
        with self._opened() as namespace:
            for _, thread in _existing(namespace, [thread_id]):
                kept = thread.usable_checkpoint()
                if kept is None or kept.head.rev <= checkpoint.head.rev:
                    thread.checkpoint = checkpoint

    def delete_checkpoint(self, thread_id: str) -> None:
        with self._opened() as namespace:
            for _, thread in _existing(namespace, [thread_id]):
                thread.checkpoint = None

    def quarantine(self, thread_id: str, *, reason: str, by: str) -> None:
        with self._opened() as namespace:
            for _, thread in _existing(namespace, [thread_id]):
                thread.quarantine_reason = reason
                thread.quarantined_by = by

    def unquarantine(self, thread_id: str) -> bool:
        with self._opened() as namespace:
            thread = namespace.threads.get(thread_id)
            if thread is None or thread.quarantine_reason is None:
                return False
            thread.quarantine_reason = thread.quarantined_by = None
            return True

    def purge(
        self,
        *,
        before: int,
        statuses: Sequence[str],
        remember_until: int,
        limit: int = 100,
        after: str | None = None,
        dry_run: bool = False,
    ) -> PurgePage:
        start = None if after is None else read_cursor(after)
        with self._opened() as namespace:
            found = purgeable(namespace, before, statuses, start)
            page = found[:limit]
            if not dry_run:
                for _, thread_id in page:
                    namespace.tombstones[thread_id] = take(namespace, thread_id, remember_until)
            expired = [] if dry_run else self._expired(namespace)[:limit]
            for thread_id in expired:
                del namespace.tombstones[thread_id]
            return PurgePage(
                run_ids=[thread_id for _, thread_id in page],
                next_after=write_cursor(*page[-1]) if page and len(found) > len(page) else None,
                expired=len(expired),
            )

    def _expired(self, namespace: Namespace) -> list[str]:
        now = self._world.clock()
        return [thread_id for thread_id, left in namespace.tombstones.items() if left.expires_at <= now]

    def tombstones(self, thread_ids: Sequence[str]) -> Mapping[str, Tombstone]:
        with self._opened() as namespace:
            return {
                thread_id: namespace.tombstones[thread_id]
                for thread_id in thread_ids
                if thread_id in namespace.tombstones
            }

    def rebuild_index(
        self,
        derive: Callable[[str, Sequence[StoredCommit]], IndexRow],
        *,
        after: str | None = None,
        limit: int = 100,
    ) -> RebuildPage:
        with self._opened() as namespace:
            waiting = sorted(thread_id for thread_id in namespace.threads if after is None or thread_id > after)
        page = waiting[:limit]
        written = 0
        failed: dict[str, str] = {}
        for thread_id in page:
            commits = self.read(thread_id)
            if not commits:
                continue  # it was purged meanwhile
            try:
                index = derive(thread_id, commits)
            except StorageError as error:
                failed[thread_id] = error.message
            else:
                written += self._rewrite(thread_id, commits[-1].head, index)
        return RebuildPage(
            examined=len(page),
            written=written,
            next_after=page[-1] if page and len(waiting) > len(page) else None,
            failed=failed,
        )

    def close(self) -> None:
        self._closed = True

    def _rewrite(self, thread_id: str, head: Head, index: IndexRow) -> bool:
        with self._opened() as namespace:
            thread = namespace.threads.get(thread_id)
            if thread is None or thread.head != head:
                return False
            thread.index = index
            return True

    @contextmanager
    def _opened(self) -> Generator[Namespace]:
        with self._world.lock:
            if self._closed:
                raise Unavailable("this storage is closed; make another one")
            yield self._world.namespaces[self.namespace]


def _existing(namespace: Namespace, thread_ids: Iterable[str]) -> Iterator[tuple[str, Thread]]:
    for thread_id in thread_ids:
        if thread_id in namespace.threads:
            yield thread_id, namespace.threads[thread_id]


def _commit(namespace: Namespace, commit: Commit, now: int) -> CommitResult:
    problem = fault(commit, max_appends=CAPABILITIES.max_appends)
    if problem is not None:
        return Refused(problem)
    threads = [namespace.threads.get(append.thread_id) for append in commit.appends]
    # One that stands says that all took effect, though others of their threads may have been purged since.
    if any(thread is not None and thread.holds(append) for thread, append in zip(threads, commit.appends, strict=True)):
        return COMMITTED
    stale = [
        append.thread_id
        for thread, append in zip(threads, commit.appends, strict=True)
        if append.expected != (NO_HEAD if thread is None else thread.head) or append.thread_id in namespace.tombstones
    ]
    if stale:
        return Conflict(tuple(stale))
    for append in commit.appends:
        thread = namespace.threads.setdefault(append.thread_id, Thread([], append.index, now))
        thread.append(append, now)
    for _, thread in _existing(namespace, dict.fromkeys(commit.nudges)):
        thread.nudge(now)
    return COMMITTED


def _concerns(thread: Thread, queue: str, offers: Sequence[str]) -> bool:
    """Whether a worker of the queue with these offers can advance the run."""
    index = thread.index
    return (
        index.queue == queue
        and thread.quarantine_reason is None
        and index.min_reader <= READER_VERSION
        and not set(index.needs).isdisjoint(offers)
    )


def _due_run(thread_id: str, thread: Thread) -> DueRun:
    loaded = thread.loaded()
    checkpoint = 0 if loaded.checkpoint is None else len(loaded.checkpoint.body)
    small = checkpoint + sum(len(commit.body) for commit in loaded.commits) <= SMALL_THREAD_BYTES
    return DueRun(
        thread_id=thread_id,
        head=thread.head,
        loaded=loaded if small else None,
        parked=thread.parked,
        nudges=thread.nudges,
    )


def _matches(thread: Thread, query: RunQuery) -> bool:
    index = thread.index
    return (
        query.workflow in (None, index.workflow)
        and query.status in (None, index.status)
        and query.queue in (None, index.queue)
        and (query.tag is None or query.tag in index.tags)
        and query.quarantined in (None, thread.quarantine_reason is not None)
        and (query.due_before is None or (index.wake_at is not None and index.wake_at <= query.due_before))
    )


def _run_row(thread_id: str, thread: Thread) -> RunRow:
    return RunRow(
        thread_id=thread_id,
        head=thread.head,
        index=thread.index,
        updated_at=thread.updated_at,
        parked_until=thread.parked_until,
        park_reason=thread.park_reason,
        quarantine_reason=thread.quarantine_reason,
    )
