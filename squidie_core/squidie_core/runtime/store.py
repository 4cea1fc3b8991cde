"""Between the store and the decisions: loading states, writing drafts, the road that every command takes."""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

from squidie_core.decisions import Draft
from squidie_core.definition.plan import Plan
from squidie_core.errors import ConflictError, Corrupt, NotFoundError, StorageError, Unavailable, UnknownVersion
from squidie_core.journal.codec import encode_entries
from squidie_core.journal.commit import (
    NO_HEAD,
    Append,
    Busy,
    Checkpoint,
    Commit,
    CommitResult,
    Conflict,
    IndexRow,
    LoadedThread,
    Refused,
    StoredCommit,
)
from squidie_core.ports.storage import DueRun, Storage
from squidie_core.runtime.catalog import Catalog
from squidie_core.runtime.checkpoints import CheckpointWriter
from squidie_core.runtime.clock import StoreClock
from squidie_core.runtime.ids import fraction, new_commit_id
from squidie_core.runtime.purging import purged
from squidie_core.runtime.telemetry import Telemetry
from squidie_core.state import RunState, fold_thread, index_row, restore, save, wants_checkpoint

_log = logging.getLogger("squidie.store")
T = TypeVar("T")

MAX_TRIES = 30
_LONGEST_WAIT = 0.25
_LONGEST_PARKED = 6
"""After so many times the pause is the longest."""


def pause(tries: int) -> float:
    """Seconds to wait before try number `tries` + 1: full jitter, from a millisecond on."""
    return min(0.001 * 2.0**tries, _LONGEST_WAIT) * fraction()


def _wake_nobody(queue: str, count: int) -> None:
    pass


class RunStore:
    """The runs of one store. Safe to use from any thread; the states it gives out belong to their callers."""

    max_tries = MAX_TRIES

    def __init__(self, storage: Storage, catalog: Catalog, telemetry: Telemetry | None = None) -> None:
        self.storage = storage
        self.catalog = catalog
        self.telemetry = telemetry or Telemetry()
        self.clock = StoreClock(storage)
        self.max_skew = storage.capabilities.max_skew
        """How far apart the clocks of two clients may be, in milliseconds."""
        self.wake: Callable[[str, int], None] = _wake_nobody
        """Tells workers that so many runs of the queue are due."""
        self._checkpoints = CheckpointWriter(storage, self.telemetry.wrote_checkpoint)

    def to_append(self, draft: Draft, nudges_seen: int = 0) -> Append:
        """What the draft writes, and how many nudges were looked into before. Raises TooLarge."""
        state = draft.state
        return Append(
            thread_id=state.run_id,
            expected=state.head,
            count=len(draft.entries),
            body=encode_entries(draft.entries),
            index=index_row(state, self.max_skew),
            commit_id=new_commit_id(),
            nudges_seen=nudges_seen,
        )

    def derive_index(self, thread_id: str, commits: Sequence[StoredCommit]) -> IndexRow:
        """The index row of a whole thread. Raises Corrupt, UnknownVersion."""
        head = commits[-1].head if commits else NO_HEAD
        return index_row(fold_thread(RunState(thread_id), LoadedThread(head, commits)), self.max_skew)

    def states(
        self, run_ids: Sequence[str], bases: Mapping[str, RunState] | None = None
    ) -> dict[str, RunState | StorageError]:
        """The states of the runs that exist; for one that cannot be read, why.

        Of a run in `bases` only what follows that committed state is loaded, and folded into it.
        """
        if not bases:
            return {run_id: self.fold(run_id, thread) for run_id, thread in self.storage.load(run_ids).items()}
        threads = self.storage.load(run_ids, known={run_id: state.head for run_id, state in bases.items()})
        return {run_id: self._follow(bases.get(run_id), run_id, thread) for run_id, thread in threads.items()}

    def _follow(self, base: RunState | None, run_id: str, thread: LoadedThread) -> RunState | StorageError:
        if base is None:
            return self.fold(run_id, thread)
        try:
            return fold_thread(base, thread)
        except (Corrupt, UnknownVersion):  # the base may be of a thread that is no more
            found = self.states([run_id]).get(run_id)
            return Corrupt(f"run {run_id} went away while it was read") if found is None else found

    def fold(self, run_id: str, thread: LoadedThread) -> RunState | StorageError:
        """The state of a loaded thread, or why it cannot be read. A checkpoint that is of no use costs a round trip."""
        try:
            if thread.checkpoint is None:
                return fold_thread(RunState(run_id), thread)
            return self._fold_on(run_id, thread, thread.checkpoint) or self._fold_all(run_id)
        except (Corrupt, UnknownVersion) as error:
            return error

    def _fold_on(self, run_id: str, thread: LoadedThread, checkpoint: Checkpoint) -> RunState | None:
        state = restore(run_id, checkpoint)
        try:
            return None if state is None else fold_thread(state, thread)
        except Corrupt:
            return None

    def _fold_all(self, run_id: str) -> RunState:
        commits = self.storage.read(run_id)
        head = commits[-1].head if commits else NO_HEAD
        return fold_thread(RunState(run_id), LoadedThread(head, commits))

    def committed(self, state: RunState, append: Append) -> None:
        """The state's draft is in the store: it is at the append's head now. Saves a checkpoint where that pays."""
        state.head = append.head
        state.folded_bytes += len(append.body)
        if wants_checkpoint(state) and not state.terminal:
            self._checkpoints.put(state.run_id, save(state))

    def state(self, run_id: str) -> RunState:
        """The state of the run. Raises NotFoundError, which PurgedError is, Corrupt, UnknownVersion."""
        found = self.states([run_id]).get(run_id)
        if found is None or (isinstance(found, RunState) and found.status == "new"):
            left = self.storage.tombstones([run_id]).get(run_id)
            if left is not None:
                raise purged(run_id, left)
            raise NotFoundError(f"there is no run {run_id} in this store and namespace", details={"run_id": run_id})
        if isinstance(found, StorageError):
            raise found
        return found

    def draft(self, state: RunState) -> Draft:
        """A draft on the run's state, with the definition that the run is pinned to."""
        return Draft(state, self.catalog.plan(state.definition, self.storage), self.clock.now())

    def change(self, run_id: str, decide: Callable[[Draft], T]) -> tuple[RunState, T]:
        """Load, decide, commit; where somebody else was faster, load and decide again.

        `decide` may be called several times, each time on a fresh state. Where it emits nothing, nothing is written.
        """
        for tries in range(self.max_tries):
            draft = self.draft(self.state(run_id))
            was_over = draft.state.terminal
            decided = decide(draft)
            if not draft.entries:
                return draft.state, decided
            append = self.to_append(draft)
            result = self.commit(append, nudges=draft.state.nudges)
            if not isinstance(result, Conflict):
                self.committed(draft.state, append)
                if draft.state.terminal and not was_over:
                    self.telemetry.ended(draft.state)
                    self.wake_parent(draft.state)
                return draft.state, decided
            time.sleep(pause(tries))
        raise self.outrun(run_id)

    def outrun(self, run_id: str) -> ConflictError:
        """Others were faster as often as it was tried."""
        return ConflictError(
            f"run {run_id} was written by others {self.max_tries} times in a row; try again", details={"run_id": run_id}
        )

    def wake_parent(self, state: RunState) -> None:
        """The run has ended: where another waits for that, tell the workers of its queue."""
        if state.nudges and state.parent is not None:
            self.wake(state.parent["queue"], 1)

    def ensure_stored(self, plan: Plan) -> None:
        """See that the definition is there before a run is started that is pinned to it."""
        self.catalog.ensure_stored(plan, self.storage)

    def commit(self, *appends: Append, nudges: tuple[str, ...] = ()) -> CommitResult:
        """Write the appends together or not at all; waits while a thread is busy.

        Gives Committed or Conflict, or raises.
        """
        commit = Commit(appends, nudges)
        return self.waited_for(commit, self._write([commit])[0])

    def commit_all(self, appends: Sequence[Append]) -> list[CommitResult]:
        """The same for several threads, each on its own, in as few round trips as the store allows."""
        commits = [Commit((append,)) for append in appends]
        results = self._write(commits)
        return [self.waited_for(commit, result) for commit, result in zip(commits, results, strict=True)]

    def waited_for(self, commit: Commit, result: CommitResult) -> CommitResult:
        """The result of a commit once its threads are busy no more; raises where it was refused, or they stay so."""
        for tries in range(MAX_TRIES):
            if isinstance(result, Refused):
                raise result.error
            if not isinstance(result, Busy):
                return result
            time.sleep(pause(tries))
            result = self._write([commit])[0]
        run_id = commit.appends[0].thread_id
        raise Unavailable(
            f"run {run_id} is locked by another transaction; nothing was written, try again",
            code="busy",
            details={"run_id": run_id},
        )

    def _write(self, commits: Sequence[Commit]) -> Sequence[CommitResult]:
        began = time.monotonic()
        results = self.storage.commit(commits)
        self.telemetry.wrote(
            [append for commit in commits for append in commit.appends],
            [result for commit, result in zip(commits, results, strict=True) for _ in commit.appends],
            time.monotonic() - began,
        )
        return results

    def report_unreadable(self, run_id: str, error: StorageError, owner_id: str) -> None:
        """Keep a run that cannot be read out of the queue, after a second look; let one from the future wait."""
        if isinstance(error, UnknownVersion):
            self.park(run_id, "unknown_version", 0)
            return
        try:
            self.draft(self.state(run_id))
        except Corrupt as again:
            _log.error("run %s is quarantined: %s", run_id, again)  # its text says all
            self.storage.quarantine(run_id, reason=str(again), by=owner_id)
            self.telemetry.quarantined(run_id, str(again))
        except (NotFoundError, UnknownVersion):
            pass

    def park(self, run_id: str, reason: str, times: int) -> None:
        """Nobody here can advance the run: look again after a second, then two, at most a minute."""
        self._park([run_id], reason, times)

    def park_all(self, runs: Iterable[DueRun], reason: str) -> None:
        """The same for runs that were parked before, each as often as it says; those alike in one round trip."""
        alike: defaultdict[int, list[str]] = defaultdict(list)
        for run in runs:
            alike[min(run.parked, _LONGEST_PARKED)].append(run.thread_id)
        for times, run_ids in alike.items():
            self._park(run_ids, reason, times)

    def _park(self, run_ids: Sequence[str], reason: str, times: int) -> None:
        delay = min(1_000 * 2 ** min(times, _LONGEST_PARKED), 60_000)
        self.storage.reserve(*run_ids, until=self.clock.now() + delay, reason=reason)

    def close(self) -> None:
        """Let the checkpoints that were handed in be written."""
        self._checkpoints.close()
