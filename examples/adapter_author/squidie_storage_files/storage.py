"""The storage port over a directory: every call is a transaction alone with the files."""

from __future__ import annotations

import base64
import hashlib
import json
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from squidie_core.adapters.accepting import check_threads_differ, fault
from squidie_core.errors import OptionError, StorageError, Unavailable
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
from squidie_core.ports import (
    Capabilities,
    DueBatch,
    DueRun,
    HeadStatus,
    PurgePage,
    RebuildPage,
    RunPage,
    RunQuery,
    Tombstone,
)
from squidie_storage_files.directory import Directory, Transaction
from squidie_storage_files.runs import Run

CAPABILITIES = Capabilities(name="files", local_clock=True, exclusive_reservations=True)
_OLDEST_FIRST_EVERY = 8
_RUN = ".run.json"
_TOMBSTONE = ".tombstone.json"


def open_storage(url: str, *, namespace: str | None = None) -> FilesStorage:
    """The storage at `files:///path`; the namespace may stand in the URL, `?namespace=...`. Raises OptionError."""
    parts = urlsplit(url)
    options = dict(parse_qsl(parts.query))
    if parts.scheme != "files" or parts.netloc or not parts.path or options.keys() - {"namespace"}:
        raise OptionError("url: must be files:///path/of/a/directory, which ?namespace=... may follow")
    return FilesStorage(Path(unquote(parts.path)), namespace or options.get("namespace", "default"))


class FilesStorage:
    """Runs of one namespace in a directory. Small and slow: every look reads all runs. Thread-safe."""

    def __init__(self, path: Path, namespace: str = "default", *, directory: type[Directory] = Directory) -> None:
        self.namespace = namespace
        self.directory = directory(path / _digest(namespace))
        self._polls = Counter[str]()
        self._closed = False

    @property
    def capabilities(self) -> Capabilities:
        """Constant."""
        return CAPABILITIES

    def clock(self) -> int:
        """This machine's."""
        if self._closed:
            raise Unavailable("this storage is closed; open another one")
        return time.time_ns() // 1_000_000

    def commit(self, commits: Sequence[Commit]) -> Sequence[CommitResult]:
        """All of them in one transaction, each judged on its own."""
        check_threads_differ(commits)
        with self._files() as files:
            now = self.clock()
            judged = [_judged(files, commit) for commit in commits]
            written = [commit for commit, result in zip(commits, judged, strict=True) if result is None]
            for commit in written:
                _append(files, commit, now)
            for commit in written:  # a nudge comes after every append of the call
                _nudge(files, commit.nudges, now)
            return [COMMITTED if result is None else result for result in judged]

    def load(self, thread_ids: Sequence[str], *, known: Mapping[str, Head] | None = None) -> Mapping[str, LoadedThread]:
        """From the checkpoint on, or after the known head."""
        with self._files() as files:
            return {run.thread_id: run.loaded((known or {}).get(run.thread_id)) for run in _runs(files, thread_ids)}

    def heads(self, thread_ids: Sequence[str]) -> Mapping[str, HeadStatus]:
        """Of those that exist."""
        with self._files() as files:
            return {run.thread_id: run.status() for run in _runs(files, thread_ids)}

    def read(self, thread_id: str, *, after: int = 0, limit: int | None = None) -> Sequence[StoredCommit]:
        """Whole commits."""
        with self._files() as files:
            return [commit for run in _runs(files, [thread_id]) for commit in run.after(after)[:limit]]

    def due(self, queue: str, *, offers: Sequence[str], limit: int, reserve_for: int) -> DueBatch:
        """Every eighth poll of a queue takes the longest due first, so nothing waits for ever."""
        with self._files() as files:
            now = self.clock()
            self._polls[queue] += 1
            oldest_first = self._polls[queue] % _OLDEST_FIRST_EVERY == 0
            wanted = [run for run in _all_runs(files) if run.due_at is not None and run.concerns(queue, set(offers))]
            free_at = {run.thread_id: max(run.due_at or 0, run.reserved_until) for run in wanted}
            ready = [run for run in wanted if free_at[run.thread_id] <= now]
            ready.sort(key=lambda run: (0 if oldest_first else run.index.priority, run.due_at, run.thread_id))
            for run in ready[:limit]:
                run.reserved_until = now + reserve_for
                _put(files, run)
            runs = [
                DueRun(
                    thread_id=run.thread_id, head=run.head, loaded=run.loaded(), parked=run.parked, nudges=run.nudges
                )
                for run in ready[:limit]
            ]
            return DueBatch(
                runs=runs, now=now, next_wake=min((at for at in free_at.values() if at > now), default=None)
            )

    def reserve(self, *thread_ids: str, until: int, reason: str) -> None:
        """Park them."""
        with self._files() as files:
            for run in _runs(files, thread_ids):
                run.reserved_until = run.parked_until = until
                run.park_reason, run.parked = reason, run.parked + 1
                _put(files, run)

    def acknowledge(self, seen: Mapping[str, int]) -> None:
        """They were looked at."""
        with self._files() as files:
            for run in _runs(files, seen):
                run.acknowledge(seen[run.thread_id])
                run.reserved_until = run.parked_until or 0
                _put(files, run)

    def find(self, query: RunQuery) -> RunPage:
        """Newest start first."""
        before = None if query.cursor is None else _read_cursor(query.cursor)
        with self._files() as files:
            found = [run for run in _all_runs(files) if _matches(run, query)]
        places = {(run.index.started_at, run.thread_id): run for run in found}
        ordered = sorted((place for place in places if before is None or place < before), reverse=True)
        page = ordered[: query.limit]
        return RunPage(
            runs=[places[place].row() for place in page],
            next_cursor=_cursor(*page[-1]) if page and len(ordered) > len(page) else None,
        )

    def put_blob(self, digest: str, body: str) -> None:
        """The first stays."""
        with self._files() as files:
            if files.get(_blob(digest)) is None:
                files.put(_blob(digest), body)

    def get_blobs(self, digests: Sequence[str]) -> Mapping[str, str]:
        """Those that exist."""
        with self._files() as files:
            found = {digest: files.get(_blob(digest)) for digest in digests}
        return {digest: body for digest, body in found.items() if body is not None}

    def put_checkpoint(self, thread_id: str, checkpoint: Checkpoint) -> None:
        """In place of an older one."""
        with self._files() as files:
            for run in _runs(files, [thread_id]):
                kept = run.usable_checkpoint()
                if kept is None or kept.head.rev <= checkpoint.head.rev:
                    run.checkpoint = checkpoint
                    _put(files, run)

    def delete_checkpoint(self, thread_id: str) -> None:
        """If there is one."""
        with self._files() as files:
            for run in _runs(files, [thread_id]):
                run.checkpoint = None
                _put(files, run)

    def quarantine(self, thread_id: str, *, reason: str, by: str) -> None:
        """Keep it out of `due`."""
        with self._files() as files:
            for run in _runs(files, [thread_id]):
                run.quarantine_reason, run.quarantined_by = reason, by
                _put(files, run)

    def unquarantine(self, thread_id: str) -> bool:
        """Let it take part again."""
        with self._files() as files:
            for run in _runs(files, [thread_id]):
                was, run.quarantine_reason = run.quarantine_reason, None
                _put(files, run)
                return was is not None
            return False

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
        """Oldest start first; a tombstone takes the place of the run's file."""
        place = None if after is None else _read_cursor(after)
        with self._files() as files:
            runs = {run.thread_id: run for run in _all_runs(files)}
            over = sorted(
                (run.index.started_at, run.thread_id)
                for run in runs.values()
                if run.is_over(before, statuses) and not _is_awaited(run, runs)
            )
            waiting = [one for one in over if place is None or one > place]
            page = waiting[:limit]
            expired = [] if dry_run else _expired(files, self.clock())[:limit]
            for name in expired:
                files.put(name, None)
            for _, thread_id in page if not dry_run else ():
                files.put(_tombstone(thread_id), runs[thread_id].tombstone(remember_until))
                files.put(_digest(thread_id) + _RUN, None)
        next_after = _cursor(*page[-1]) if len(waiting) > len(page) else None
        return PurgePage(run_ids=[thread_id for _, thread_id in page], next_after=next_after, expired=len(expired))

    def tombstones(self, thread_ids: Sequence[str]) -> Mapping[str, Tombstone]:
        """Those that are there."""
        with self._files() as files:
            found = {thread_id: files.get(_tombstone(thread_id)) for thread_id in thread_ids}
        return {thread_id: Tombstone(**plain) for thread_id, plain in found.items() if plain is not None}

    def rebuild_index(
        self,
        derive: Callable[[str, Sequence[StoredCommit]], IndexRow],
        *,
        after: str | None = None,
        limit: int = 100,
    ) -> RebuildPage:
        """Thread by thread; `derive` may use the storage."""
        with self._files() as files:
            waiting = sorted(run.thread_id for run in _all_runs(files) if after is None or run.thread_id > after)
        page, failed, written = waiting[:limit], dict[str, str](), 0
        for thread_id in page:
            commits = self.read(thread_id)
            try:
                index = derive(thread_id, commits)
            except StorageError as error:
                failed[thread_id] = error.message
            else:
                written += self._rewrite(thread_id, commits[-1].head, index)
        next_after = page[-1] if len(waiting) > len(page) else None
        return RebuildPage(examined=len(page), written=written, next_after=next_after, failed=failed)

    def _rewrite(self, thread_id: str, head: Head, index: IndexRow) -> bool:
        with self._files() as files:
            for run in _runs(files, [thread_id]):
                if run.head == head:
                    run.index = index
                    _put(files, run)
                    return True
            return False

    def close(self) -> None:
        """Nothing is open between calls."""
        self._closed = True

    @contextmanager
    def _files(self) -> Generator[Transaction]:
        self.clock()
        with self.directory.transaction() as files:
            yield files


def _judged(files: Transaction, commit: Commit) -> CommitResult | None:
    """What becomes of it without an effect; `None`: it is to be written."""
    found = fault(commit, max_appends=CAPABILITIES.max_appends)
    if found is not None:
        return Refused(found)
    runs = {run.thread_id: run for run in _runs(files, [one.thread_id for one in commit.appends])}
    if any(one.thread_id in runs and runs[one.thread_id].holds(one) for one in commit.appends):
        return COMMITTED  # before, with all its appends; its answer was lost
    heads = {thread_id: run.head for thread_id, run in runs.items()}
    moved = tuple(
        one.thread_id
        for one in commit.appends
        if heads.get(one.thread_id, NO_HEAD) != one.expected or files.get(_tombstone(one.thread_id)) is not None
    )
    return Conflict(moved) if moved else None


def _append(files: Transaction, commit: Commit, now: int) -> None:
    for one in commit.appends:
        run = next(iter(_runs(files, [one.thread_id])), Run.started(one, now))
        run.append(one, now)
        _put(files, run)


def _nudge(files: Transaction, thread_ids: Sequence[str], now: int) -> None:
    for run in _runs(files, dict.fromkeys(thread_ids)):
        run.nudge(now)
        _put(files, run)


def _runs(files: Transaction, thread_ids: Iterable[str]) -> Generator[Run]:
    for thread_id in thread_ids:
        plain = files.get(_digest(thread_id) + _RUN)
        if plain is not None:
            yield Run.read(plain)


def _all_runs(files: Transaction) -> list[Run]:
    return [Run.read(files.get(name)) for name in files.names(_RUN)]


def _is_awaited(run: Run, runs: Mapping[str, Run]) -> bool:
    parent = runs.get(run.index.parent or "")
    return parent is not None and parent.index.ended_at is None


def _expired(files: Transaction, now: int) -> list[str]:
    return [name for name in files.names(_TOMBSTONE) if files.get(name)["expires_at"] <= now]


def _put(files: Transaction, run: Run) -> None:
    files.put(_digest(run.thread_id) + _RUN, run.plain())


def _tombstone(thread_id: str) -> str:
    return _digest(thread_id) + _TOMBSTONE


def _blob(digest: str) -> str:
    return f"{_digest(digest)}.blob.json"


def _digest(name: str) -> str:
    """A file's name for any name."""
    return hashlib.sha256(name.encode()).hexdigest()


def _matches(run: Run, query: RunQuery) -> bool:
    index = run.index
    return (
        query.workflow in (None, index.workflow)
        and query.status in (None, index.status)
        and query.queue in (None, index.queue)
        and (query.tag is None or query.tag in index.tags)
        and query.quarantined in (None, run.quarantine_reason is not None)
        and (query.due_before is None or (index.wake_at is not None and index.wake_at <= query.due_before))
    )


def _cursor(started_at: int, thread_id: str) -> str:
    return base64.urlsafe_b64encode(json.dumps([started_at, thread_id]).encode()).decode()


def _read_cursor(cursor: str) -> tuple[int, str]:
    try:
        started_at, thread_id = json.loads(base64.urlsafe_b64decode(cursor))
        if _cursor(started_at, thread_id) == cursor:
            return started_at, thread_id
    except (ValueError, TypeError, RecursionError):
        pass
    raise OptionError("cursor: no page gave this cursor; pass the next_cursor of a page of this storage")
