"""What was decided goes into the store, all of it in one call, and what follows from that is done."""

from __future__ import annotations

import time

from squidie_core.decisions import Draft
from squidie_core.journal.commit import Busy, CommitResult, Committed, IndexRow, Refused
from squidie_core.runtime.actor import Actor, Write, loaded
from squidie_core.runtime.actors import Actors
from squidie_core.runtime.attempts import Attempt, Outcome, Released, Settled
from squidie_core.runtime.ids import fraction
from squidie_core.runtime.observer import Observer
from squidie_core.runtime.outcomes import refused
from squidie_core.runtime.store import RunStore, pause
from squidie_core.runtime.timeouts import Timeouts
from squidie_core.state import RunState

_CLAIM_TRIES = 3
_LONGEST_BACKOFF = 0.25


class Writer:
    """The pen of one engine, in its thread. What it says of the work that is left is for whoever looks for more."""

    def __init__(self, store: RunStore, actors: Actors, timeouts: Timeouts, observer: Observer, lease_for: int) -> None:
        self._store = store
        self._actors = actors
        self._timeouts = timeouts
        self._observer = observer
        self._lease_for = lease_for
        self._commit_seconds = 0.0
        self.advanced: RunState | None = None
        """The state that was committed last, since the last report; the engine's until its run is let go."""
        self.won = False
        """What the last look found was not all lost to others."""
        self.left_work = False
        """What was committed since this was last reset left work that is due and that nobody has claimed."""
        self.left_to_others = False
        """Some of it are steps whose code is not here."""
        self.next_wake: int | None = None
        """When the next run falls due, as the store said it or as a commit since then made it."""

    def put(self, actor: Actor, draft: Draft, claimed: list[Attempt], reported: list[tuple[Attempt, Outcome]]) -> None:
        """Let the decision be written by the next commit; where it is none, let go of a run that is idle."""
        if draft.entries:
            actor.write = Write(draft, self._store.to_append(draft, actor.nudges), claimed, reported)
        elif actor.idle:
            self._actors.retire(actor)

    def commit(self) -> list[Attempt]:
        """Write, in one call, what may be written now; gives the attempts that are claimed by it."""
        now = time.monotonic()
        writing = [a for a in self._actors if a.write is not None and a.write.not_before <= now]
        if not writing:
            return []
        results = self._store.storage.commit([actor.write.commit for actor in writing if actor.write is not None])
        refused = len(results) - sum(type(result) is Committed for result in results)
        self._commit_seconds = time.monotonic() - now
        self._observer.wrote(len(results), refused, self._commit_seconds)
        started: list[Attempt] = []
        for actor, result in zip(writing, results, strict=True):
            if actor.write is not None:
                started += self._settle(actor, actor.write, result)
        return started

    def _settle(self, actor: Actor, write: Write, result: CommitResult) -> list[Attempt]:
        if not isinstance(result, Committed):
            self._observer.repeats(actor.run_id, result)
        if isinstance(result, Busy) and (write.reported or write.tries < _CLAIM_TRIES):
            write.tries += 1
            write.not_before = time.monotonic() + pause(write.tries)
            return []
        actor.write = None
        if isinstance(result, Committed):
            return self._committed(actor, write)
        actor.take_back(write.draft)
        if not write.claimed and not write.reported:
            actor.renew_at = 0  # it may have been a heartbeat
        if isinstance(result, Refused):
            actor.reported[:0] = refused(write.reported, result.error)
            if not write.reported:
                self._store.park(actor.run_id, "refused", 6)
        else:
            self._lost_race(actor)
            actor.reported[:0] = write.reported
        if actor.idle:
            self._actors.retire(actor)
        return []

    def _lost_race(self, actor: Actor) -> None:
        """Others were faster: decide again on what they wrote, after a while in which fewer may be under way."""
        actor.behind = True
        actor.losses = min(actor.losses + 1, 6)
        actor.not_before = time.monotonic() + min(self._commit_seconds * 2**actor.losses, _LONGEST_BACKOFF) * fraction()

    def _committed(self, actor: Actor, write: Write) -> list[Attempt]:
        actor.losses = 0
        state = loaded(actor)
        self._store.committed(state, write.append)
        self.advanced = state
        self._note_left(state, write.append.index)
        if write.reported:
            self._observer.ended(state, write.reported)
        else:
            self.won = True
        if state.terminal:
            self._observer.run_ended(state, write.reported)
            self._store.wake_parent(state)
        self._actors.drop_unwanted(actor, state)
        claimed = write.claimed
        if claimed and self._came_late(claimed):
            self._observer.claimed(claimed)
            actor.reported += [(attempt, Released()) for attempt in claimed]
            claimed = []
        if claimed:
            self.begin(actor, claimed, chained=actor.chained + 1 if write.reported else 0)
        if actor.idle:
            self._actors.retire(actor)
        return claimed

    def _came_late(self, claimed: list[Attempt]) -> bool:
        """Whether the claims were on their way for so long that they may lapse before anybody renews them."""
        return claimed[0].runnable.lease_until - self._store.clock.now() < self._lease_for // 4

    def _note_left(self, state: RunState, index: IndexRow) -> None:
        if self.note_wake(state, index.wake_at):
            self.left_to_others = self.left_to_others or not self._store.catalog.has_all(index.needs)

    def note_wake(self, state: RunState, wake_at: int | None) -> bool:
        """Whether what is in the store now leaves work that is due."""
        if wake_at is None:
            return False
        if wake_at <= state.last_at:
            self.left_work = True
            return True
        self.next_wake = wake_at if self.next_wake is None else min(wake_at, self.next_wake)
        return False

    def begin(self, actor: Actor, attempts: list[Attempt], *, chained: int) -> None:
        """The attempts are ours: see that their claims are renewed. `chained`: steps taken without letting go."""
        self._observer.claimed(attempts)
        actor.chained = chained
        if chained <= 1:
            actor.chain_started = time.monotonic()
        renew_at = attempts[0].runnable.lease_until - self._lease_for // 2
        if actor.running:
            actor.renew_at = min(actor.renew_at, renew_at)
        else:
            actor.renewals = 0
            actor.renew_at = renew_at
        self._actors.lose(actor, [attempt.key for attempt in attempts])  # our own, whose lease had lapsed
        for attempt in attempts:
            actor.running[attempt.key] = attempt
            if attempt.step.timeout is not None:
                self._timeouts.begin(attempt, self._store.clock.now())

    def settled(self, actor: Actor, attempt: Attempt, settled: Settled) -> None:
        """What follows was written with the body's own rows."""
        state = self.advanced = settled.state
        self._note_left(state, settled.index)
        self._observer.ended(state, [(attempt, settled.outcome)])
        if state.terminal:
            self._observer.run_ended(state, [(attempt, settled.outcome)])
            self._store.wake_parent(state)
        self._actors.drop_unwanted(actor, state)
        if actor.idle:
            self._actors.retire(actor)
