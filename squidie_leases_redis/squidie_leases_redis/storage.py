"""A storage whose due runs are first looked for in Redis."""

# ruff: noqa: D102  # what the methods do is said by the port's docstrings

from __future__ import annotations

import random
import time
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import attrs

from squidie_core.errors import OptionError
from squidie_core.journal.commit import Committed
from squidie_core.ports.health import Diagnosable, Finding
from squidie_core.ports.storage import DueBatch, DueRun
from squidie_core.ports.transactions import host_transactions
from squidie_leases_redis.addresses import understood
from squidie_leases_redis.options import DueHintsOptions
from squidie_leases_redis.ready import ReadySet

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping, Sequence

    from squidie_core.journal.commit import (
        Checkpoint,
        Commit,
        CommitResult,
        Head,
        IndexRow,
        LoadedThread,
        StoredCommit,
    )
    from squidie_core.ports.storage import (
        Capabilities,
        HeadStatus,
        PurgePage,
        RebuildPage,
        RunPage,
        RunQuery,
        Storage,
        Tombstone,
    )
    from squidie_core.ports.transactions import HostTransaction, LentTransaction
    from squidie_leases_redis.ready import Taken

_AFTER_RESERVATIONS = 0.1
"""Seconds."""
_ENDED = frozenset({"completed", "failed", "cancelled"})


@attrs.define
class _Watch:
    """When to ask the store itself for a queue's due runs. Seconds of the monotonic clock; store times in ms."""

    sweep_at: float = 0.0
    age: str | None = None
    """The ready set's, when the store was last asked on its account."""
    next_wake: int | None = None
    clock_offset: float | None = None
    """The store's time less the monotonic clock's, in milliseconds."""


class HintedStorage:
    """Any storage, with a ready set in Redis that commits feed and `due` takes from.

    The storage stays the only truth. It is asked for due runs itself every `sweep_every`, when it said that something
    would fall due that Redis does not know, where a commit nudged runs, when Redis was wiped, when much is due, and for
    all as long as Redis is not to be had. What Redis gives is looked up in the storage before a worker gets it. All
    processes should open the storage this way: what one commits without is found by the next sweep.

    Implements `squidie_core.ports.Storage`. Closing it closes the storage. Safe to use from many threads.
    """

    def __init__(self, storage: Storage, ready: ReadySet, options: DueHintsOptions) -> None:
        self._storage = storage
        self._ready = ready
        self._sweep_every = options.sweep_every / 1000
        self._watches: dict[str, _Watch] = {}
        self.capabilities: Capabilities = replace(storage.capabilities, exclusive_reservations=False)
        self.namespace: str = storage.namespace

    def __repr__(self) -> str:
        return f"<HintedStorage {self._storage!r} with {self._ready.address}>"

    def commit(self, commits: Sequence[Commit]) -> Sequence[CommitResult]:
        results = self._storage.commit(commits)
        written = [commit for commit, result in zip(commits, results, strict=True) if isinstance(result, Committed)]
        rows = [(append.thread_id, append.index) for commit in written for append in commit.appends]
        self._ready.feed(rows, nudged=any(commit.nudges for commit in written))
        return results

    @property
    def handles(self) -> Sequence[type]:
        return host_transactions(self._storage).handles

    def within(self, handle: object) -> HostTransaction:
        """The storage's own: what it writes is found by the next sweep."""
        return host_transactions(self._storage).within(handle)

    @contextmanager
    def lend(self) -> Generator[LentTransaction]:
        """The storage's own: what it writes is found here by a sweep that comes at once."""
        with host_transactions(self._storage).lend() as transaction:
            yield transaction
        for watch in list(self._watches.values()):
            watch.sweep_at = 0.0

    def due(self, queue: str, *, offers: Sequence[str], limit: int, reserve_for: int) -> DueBatch:
        watch = self._watches.setdefault(queue, _Watch())
        if watch.clock_offset is not None and time.monotonic() < watch.sweep_at:
            now = self._now(watch.clock_offset)
            taken = self._ready.take(queue, age=watch.age, offers=offers, limit=limit, now=now)
            if taken is not None and taken.whole:
                return self._looked_up(watch, taken, now)
            if taken is not None and taken.age != watch.age:
                was_known, watch.age = watch.age is not None, taken.age
                batch = self._swept(watch, queue, offers, limit, reserve_for)
                if was_known:
                    # A nudged run may be reserved by somebody who did not see the nudge, and not be given now.
                    watch.sweep_at = min(watch.sweep_at, time.monotonic() + reserve_for / 1000 + _AFTER_RESERVATIONS)
                return batch
        return self._swept(watch, queue, offers, limit, reserve_for)

    def _swept(self, watch: _Watch, queue: str, offers: Sequence[str], limit: int, reserve_for: int) -> DueBatch:
        batch = self._storage.due(queue, offers=offers, limit=limit, reserve_for=reserve_for)
        now = time.monotonic()
        watch.clock_offset = batch.now - now * 1000
        watch.next_wake = batch.next_wake
        watch.sweep_at = now
        if len(batch.runs) < limit:
            watch.sweep_at += self._sweep_every * random.uniform(0.75, 1.25)  # noqa: S311 -- spreads sweeps
            if batch.next_wake is not None and not self._ready.knows(queue, batch.next_wake):
                watch.sweep_at = min(watch.sweep_at, now + (batch.next_wake - batch.now) / 1000)
        return batch

    def _looked_up(self, watch: _Watch, taken: Taken, now: int) -> DueBatch:
        try:
            heads: Mapping[str, HeadStatus] = self._storage.heads(taken.run_ids) if taken.run_ids else {}
        except BaseException:
            watch.sweep_at = 0.0  # they are in the set no more
            raise
        runs = [
            DueRun(thread_id=run_id, head=heads[run_id].head, nudges=heads[run_id].nudges)
            for run_id in taken.run_ids
            if run_id in heads and _is_open(heads[run_id], now)
        ]
        times = [at for at in (taken.next_wake, watch.next_wake) if at is not None]
        return DueBatch(runs=runs, now=now, next_wake=min(times, default=None))

    def _now(self, offset: float) -> int:
        return self._storage.clock() if self.capabilities.local_clock else int(time.monotonic() * 1000 + offset)

    def health(self) -> Sequence[Finding]:
        """The storage's own findings, where it has any, and one about Redis."""
        findings = list(self._storage.health()) if isinstance(self._storage, Diagnosable) else []
        works = self._ready.looks()
        findings.append(
            Finding(
                check="due_hints",
                status="ok" if works else "warn",
                message=f"due runs are {'fed to' if works else 'not fed to'} {self._ready.address}",
                hint="" if works else "workers look in the store alone meanwhile; see why Redis cannot be reached",
            )
        )
        return findings

    def close(self) -> None:
        self._storage.close()
        self._ready.close()

    # What Redis has no part in

    def clock(self) -> int:
        return self._storage.clock()

    def load(self, thread_ids: Sequence[str], *, known: Mapping[str, Head] | None = None) -> Mapping[str, LoadedThread]:
        return self._storage.load(thread_ids, known=known)

    def heads(self, thread_ids: Sequence[str]) -> Mapping[str, HeadStatus]:
        return self._storage.heads(thread_ids)

    def read(self, thread_id: str, *, after: int = 0, limit: int | None = None) -> Sequence[StoredCommit]:
        return self._storage.read(thread_id, after=after, limit=limit)

    def reserve(self, *thread_ids: str, until: int, reason: str) -> None:
        self._storage.reserve(*thread_ids, until=until, reason=reason)

    def acknowledge(self, seen: Mapping[str, int]) -> None:
        self._storage.acknowledge(seen)

    def find(self, query: RunQuery) -> RunPage:
        return self._storage.find(query)

    def put_blob(self, digest: str, body: str) -> None:
        self._storage.put_blob(digest, body)

    def get_blobs(self, digests: Sequence[str]) -> Mapping[str, str]:
        return self._storage.get_blobs(digests)

    def put_checkpoint(self, thread_id: str, checkpoint: Checkpoint) -> None:
        self._storage.put_checkpoint(thread_id, checkpoint)

    def delete_checkpoint(self, thread_id: str) -> None:
        self._storage.delete_checkpoint(thread_id)

    def quarantine(self, thread_id: str, *, reason: str, by: str) -> None:
        self._storage.quarantine(thread_id, reason=reason, by=by)

    def unquarantine(self, thread_id: str) -> bool:
        return self._storage.unquarantine(thread_id)

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
        return self._storage.purge(
            before=before,
            statuses=statuses,
            remember_until=remember_until,
            limit=limit,
            after=after,
            dry_run=dry_run,
        )

    def tombstones(self, thread_ids: Sequence[str]) -> Mapping[str, Tombstone]:
        return self._storage.tombstones(thread_ids)

    def rebuild_index(
        self,
        derive: Callable[[str, Sequence[StoredCommit]], IndexRow],
        *,
        after: str | None = None,
        limit: int = 100,
    ) -> RebuildPage:
        return self._storage.rebuild_index(derive, after=after, limit=limit)


def hinted(storage: Storage, url: str, **options: object) -> HintedStorage:
    """The storage with a ready set in the Redis at this URL; options: see `DueHintsOptions`.

    The namespace is the storage's. Connects when it is used. Raises OptionError.
    """
    if "namespace" in options:
        raise OptionError("namespace: it is the storage's", details={"option": "namespace"})
    address, chosen = understood(url, {**options, "namespace": storage.namespace}, DueHintsOptions)
    return HintedStorage(storage, ReadySet(address, chosen), chosen)


def _is_open(status: HeadStatus, now: int) -> bool:
    """Whether a worker may look at the run."""
    return (
        status.status not in _ENDED
        and status.quarantine_reason is None
        and (status.parked_until is None or status.parked_until <= now)
    )
