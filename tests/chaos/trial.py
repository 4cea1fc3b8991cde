"""The journal of one run, read entry by entry by rules of its own: nothing here asks the fold."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from squidie_core.journal.codec import decode_entries
from squidie_core.journal.commit import StoredCommit
from squidie_core.journal.entries import (
    AttemptClaimed,
    AttemptCompleted,
    AttemptFailed,
    AttemptHeartbeat,
    AttemptReleased,
    ManualStepPaused,
    ManualStepResolved,
    Runnable,
    RunnableApplied,
    RunnablesPlanned,
    RunSignalReceived,
    RunStarted,
    RunTerminal,
)


@dataclass(slots=True)
class Work:
    """One runnable and what was done with it."""

    planned: Runnable
    claims: list[str] = field(default_factory=list[str])
    holder: str | None = None
    lease_until: int = 0
    ended: AttemptCompleted | AttemptFailed | ManualStepResolved | None = None
    paused: bool = False
    applied: RunnableApplied | None = None

    @property
    def is_over(self) -> bool:
        """Applied, or failed for good or for a retry."""
        return self.applied is not None or isinstance(self.ended, AttemptFailed)


class Trial:
    """Reads a journal; `problems` says what is wrong with it."""

    def __init__(self, run_id: str, commits: Sequence[StoredCommit]) -> None:
        self.run_id = run_id
        self.problems: list[str] = []
        self.started: RunStarted | None = None
        self.terminal: RunTerminal | None = None
        self.received: list[RunSignalReceived] = []
        self.works: dict[str, Work] = {}
        self._at = 0
        self._readers: Mapping[type[Any], Callable[[Any], None]] = {
            RunSignalReceived: self._signal,
            RunStarted: self._started,
            RunnablesPlanned: self._planned,
            AttemptClaimed: self._claimed,
            AttemptHeartbeat: self._heartbeat,
            AttemptReleased: self._released,
            AttemptCompleted: self._ended,
            AttemptFailed: self._ended,
            RunnableApplied: self._applied,
            ManualStepPaused: self._paused,
            ManualStepResolved: self._resolved,
            RunTerminal: self._terminal,
        }
        rev, previous = 0, 0
        for commit in commits:
            self._check((commit.rev, commit.previous) == (rev + 1, previous), f"{commit.rev} does not follow {rev}")
            self._read_commit(commit)
            rev, previous = commit.head
        self._check_the_end()

    def _check(self, holds: object, problem: str) -> None:
        if not holds:
            self.problems.append(f"{self.run_id}: {problem}")

    def _read_commit(self, commit: StoredCommit) -> None:
        entries = decode_entries(commit.body)
        self._check(len(entries) == commit.count, f"{commit.rev} has {len(entries)} of {commit.count} entries")
        for entry in entries:
            self._read(entry)
        for key, work in self.works.items():
            half = isinstance(work.ended, (AttemptCompleted, ManualStepResolved)) and work.applied is None
            self._check(not half, f"{key} was completed and not applied by one commit")

    def _check_the_end(self) -> None:
        if self.terminal is not None and self.terminal.status == "completed":
            for key, work in self.works.items():
                self._check(work.is_over, f"{key} is still open at the end")

    def _read(self, entry: Any) -> None:
        self._check(entry.at >= self._at, f"{entry} is older than the entry before it")
        self._at = entry.at
        self._check(
            self.terminal is None or isinstance(entry, RunSignalReceived), f"{type(entry).__name__} after the end"
        )
        self._readers[type(entry)](entry)

    def _signal(self, entry: RunSignalReceived) -> None:
        known = [(one.signal, one.idempotency_key) for one in self.received]
        self._check((entry.signal, entry.idempotency_key) not in known, f"{entry.signal} was received twice")
        self.received.append(entry)

    def _started(self, entry: RunStarted) -> None:
        self._check(self.started is None, "it was started twice")
        self.started = entry

    def _planned(self, entry: RunnablesPlanned) -> None:
        for planned in entry.runnables:
            self._check(planned.key not in self.works, f"{planned.key} was planned twice")
            self.works[planned.key] = Work(planned)

    def _claimed(self, entry: AttemptClaimed) -> None:
        work = self._open(entry)
        self._check(work.holder is None or work.lease_until <= entry.at, f"{entry.runnable_key} was taken while held")
        self._check(work.planned.visible_at <= entry.at, f"{entry.runnable_key} was taken too early")
        self._check(entry.claim_id not in work.claims, f"{entry.runnable_key} was claimed twice by {entry.claim_id}")
        work.claims.append(entry.claim_id)
        work.holder, work.lease_until = entry.claim_id, entry.lease_until

    def _heartbeat(self, entry: AttemptHeartbeat) -> None:
        for key, claim_id in entry.claims.items():
            self._held(key, claim_id, entry.at).lease_until = entry.lease_until

    def _released(self, entry: AttemptReleased) -> None:
        self._held(entry.runnable_key, entry.claim_id, entry.at).holder = None

    def _ended(self, entry: AttemptCompleted | AttemptFailed) -> None:
        work = self._open(entry)
        if entry.claim_id is not None:
            self._held(entry.runnable_key, entry.claim_id, entry.at)
        elif isinstance(entry, AttemptFailed):
            lapsed = work.holder is not None and work.lease_until <= entry.at
            self._check(lapsed, f"{entry.runnable_key} was given up while held")
        else:
            self._check(work.planned.kind == "wait", f"{entry.runnable_key} was completed by nobody")
        work.ended = entry

    def _paused(self, entry: ManualStepPaused) -> None:
        work = self._open(entry)
        self._check(work.planned.kind == entry.kind and not work.paused, f"{entry.runnable_key} was paused wrongly")
        work.paused = True

    def _resolved(self, entry: ManualStepResolved) -> None:
        work = self._open(entry)
        self._check(work.paused, f"{entry.runnable_key} was resolved while it was no open gate")
        work.ended = entry

    def _applied(self, entry: RunnableApplied) -> None:
        work = self._work(entry.runnable_key)
        self._check(work.applied is None, f"{entry.runnable_key} was applied twice")
        self._check(work.ended is not None, f"{entry.runnable_key} was applied before its end")
        work.applied = entry

    def _terminal(self, entry: RunTerminal) -> None:
        self.terminal = entry

    def _work(self, key: str) -> Work:
        if key not in self.works:
            self._check(holds=False, problem=f"{key} was never planned")
            self.works[key] = Work(Runnable(key, "?", 0))
        return self.works[key]

    def _open(self, entry: Any) -> Work:
        work = self._work(entry.runnable_key)
        self._check(work.ended is None, f"{type(entry).__name__} of {entry.runnable_key} after its end")
        return work

    def _held(self, key: str, claim_id: str, at: int) -> Work:
        work = self._work(key)
        self._check(work.holder == claim_id and work.lease_until > at, f"{key} was not held by {claim_id} at {at}")
        return work
