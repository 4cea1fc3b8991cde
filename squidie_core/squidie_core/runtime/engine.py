"""The executor: due, load, decide, commit, and again, for all runs of one worker in one place.

An engine belongs to one thread. Bodies run elsewhere: `tick` gives out the attempts to run, `report` takes their
outcomes. Everything that is decided between two ticks goes to the store in one call.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from squidie_core.dataclass import record
from squidie_core.decisions import Draft, heartbeat, timeout_error
from squidie_core.errors import Corrupt, StorageError, TooLarge, Unavailable, UnknownVersion
from squidie_core.ports.storage import DueRun
from squidie_core.runtime.actor import Actor, loaded
from squidie_core.runtime.actors import Actors
from squidie_core.runtime.attempts import Attempt, Failed, Outcome, Settled
from squidie_core.runtime.claiming import claim
from squidie_core.runtime.observer import Observer
from squidie_core.runtime.outcomes import apply_outcomes, too_large
from squidie_core.runtime.slots import Slots
from squidie_core.runtime.store import RunStore
from squidie_core.runtime.timeouts import Timeouts
from squidie_core.runtime.writing import Writer
from squidie_core.state import RunState

if TYPE_CHECKING:
    from squidie_core.runtime.joining import ChildNews

_log = logging.getLogger("squidie.engine")

LONGEST_LEASE = 300_000
MAX_CHAIN = 16
MAX_CHAIN_OF_MANY = 4
"""How many steps may follow one another while more runs wait than there are slots."""
MAX_CHAIN_SECONDS = 0.25
_RESERVE_FOR = 1_000
_MOST_IN_VAIN = 1_000
"""How many runs to ask for where the last looks brought only runs whose code is not here."""


@record(frozen=True, slots=True, kw_only=True)
class EngineOptions:
    """Durations in milliseconds. `chain`: whether a run's next step may be claimed by the commit that ends the last."""

    queue: str
    owner_id: str
    lease_for: int
    chain: bool = True
    cache_bytes: int = 64 * 1024 * 1024


class Engine:
    """One worker's view of its queue. Not thread-safe."""

    def __init__(
        self, store: RunStore, options: EngineOptions, on_lost: Callable[[Attempt], None] | None = None
    ) -> None:
        self._store = store
        self._options = options
        self.observer = Observer(store.telemetry.teller)
        self._actors = Actors(store, options.owner_id, options.cache_bytes, self.observer, on_lost)
        self._timeouts = Timeouts()
        self.writer = Writer(store, self._actors, self._timeouts, self.observer, options.lease_for)
        self.last_poll_full = False
        self.last_poll_runs = 0
        self._lacking: list[DueRun] = []
        """Those that the look going on found and that need code which is not here."""
        self._nudged_in_vain: dict[str, int] = {}
        """Those that it found for their nudges alone, so many, and for which there is nothing to do."""
        self._in_vain = 0
        """How many looks in a row brought nothing else."""

    @property
    def idle(self) -> bool:
        """Whether nothing is running and nothing waits to be written."""
        return self._actors.idle

    @property
    def has_reports(self) -> bool:
        """Whether outcomes wait for the next tick."""
        return self._actors.has_reports

    @property
    def retry_at(self) -> float | None:
        """When what was put off may be tried again, in monotonic seconds."""
        return self._actors.retry_at

    @property
    def times_out_at(self) -> float | None:
        """When the next attempt in hand will have taken too long, in monotonic seconds; the tick then says so."""
        return self._timeouts.next_at

    def report(self, attempt: Attempt, outcome: Outcome) -> None:
        """An attempt is over; the next tick writes what follows."""
        self.writer.advanced = None
        actor = self._actors.get(attempt.run_id)
        if actor is not None and actor.running.get(attempt.key) is attempt:
            del actor.running[attempt.key]
            self._timeouts.end(attempt)
            if attempt.is_transactional:
                actor.behind = True  # its transaction may have written
            if isinstance(outcome, Settled):
                self.writer.settled(actor, attempt, outcome)
                return
            attempt.finished_at = self._store.clock.now()
            if attempt.over_at is not None:
                attempt.finished_at -= round((time.monotonic() - attempt.over_at) * 1000)
            actor.reported.append((attempt, outcome))

    def board(self, state: RunState, attempts: list[Attempt], wake_at: int | None) -> None:
        """Go on with a run that was started elsewhere in this process, with claims in this engine's name."""
        actor = self._actors.take(state.run_id)
        if actor.state is None:
            actor.state = state
        self.writer.note_wake(state, wake_at)
        self.writer.begin(actor, attempts, chained=0)

    def tick(self, slots: Slots, *, poll: bool, chain: bool = True, limit: int | None = None) -> list[Attempt]:
        """Decide and write everything that can be written now; returns the attempts that were claimed.

        `poll` looks for due runs, at most `limit` of them; `chain` lets the commit that ends a step claim the next one.

        Raises Unavailable where the store is not to be had; nothing is lost then, tick again later.
        """
        now = time.monotonic()
        self._time_out(now)
        ready = [actor for actor in self._actors if actor.ready and actor.not_before <= now]
        self._actors.reload(ready)
        for actor in ready:
            self._decide_reported(actor, slots, chain=chain and self._options.chain)
        if poll and slots.free > 0:
            self._poll(slots, limit or _wanted(slots))
        return self.writer.commit()

    def renew(self) -> None:
        """Prepare heartbeats for the claims that are half through their lease; the next tick writes them."""
        now = self._store.clock.now()
        due = [a for a in self._actors if a.running and a.write is None and a.renew_at <= now]
        self._actors.reload(due)
        for actor in due:
            self._guarded(actor, partial(self._decide_renewal, actor))

    def watch(self) -> None:
        """Look at the heads of everything that is running, and tell bodies whose runs have ended."""
        running = {actor.run_id: actor for actor in self._actors if actor.running}
        if not running:
            return
        heads = self._store.storage.heads(list(running))
        moved: list[Actor] = []
        for run_id, actor in running.items():
            head = heads.get(run_id)
            if head is None or head.status in ("completed", "failed", "cancelled"):
                self._actors.lose(actor, list(actor.running))
            elif actor.write is None and actor.state is not None and actor.state.head != head.head:
                actor.behind = True
                if self._store.catalog.plan(actor.state.definition, self._store.storage).compensations:
                    moved.append(actor)
        self._actors.reload(moved)
        for actor in moved:
            self._actors.drop_unwanted(actor, loaded(actor))

    def _time_out(self, now: float) -> None:
        """What took too long has failed, whatever its body does from here on; it is told."""
        for attempt in self._timeouts.over(now):
            if attempt.over_at is None:
                self._actors.tell(attempt)
                self.report(attempt, Failed(timeout_error(attempt.step)))

    def _decide_reported(self, actor: Actor, slots: Slots, *, chain: bool) -> None:
        reported, actor.reported = actor.reported[: actor.batch], actor.reported[actor.batch :]

        def decide() -> None:
            draft = self._draft(loaded(actor))
            lost = apply_outcomes(draft, reported)
            applied = self._applied(reported, lost) if lost else reported
            claimed = self._claim(draft, slots, max(len(applied), 1)) if chain and self._may_chain(actor) else []
            try:
                self.writer.put(actor, draft, claimed, applied)
            except TooLarge as error:
                actor.take_back(draft)
                actor.reported[:0] = too_large(actor, applied, error)

        self._guarded(actor, decide)

    def _applied(
        self, reported: list[tuple[Attempt, Outcome]], lost: list[tuple[Attempt, Outcome]]
    ) -> list[tuple[Attempt, Outcome]]:
        """Those whose claims still held; the others are dropped, a claim that is lost stays so."""
        for attempt, _ in lost:
            if not attempt.lost.is_set():
                self.observer.dropped(attempt)
        return [item for item in reported if item not in lost]

    def _may_chain(self, actor: Actor) -> bool:
        if actor.chained >= (MAX_CHAIN_OF_MANY if self.last_poll_full else MAX_CHAIN):
            return False
        return actor.chained == 0 or time.monotonic() - actor.chain_started < MAX_CHAIN_SECONDS

    def _decide_renewal(self, actor: Actor) -> None:
        doubled = self._options.lease_for * 2 ** min(actor.renewals + 1, 16)
        lease_for = max(min(doubled, LONGEST_LEASE), self._options.lease_for)
        claims = {key: attempt.claim_id for key, attempt in actor.running.items()}
        draft = self._draft(loaded(actor))
        lost = heartbeat(draft, claims, lease_for)
        self._actors.lose(actor, lost)
        actor.renewals += 1
        actor.renew_at = draft.at + lease_for // 2
        self.writer.put(actor, draft, [], [])

    def _poll(self, slots: Slots, limit: int) -> None:
        sent = time.monotonic()
        look = max(limit, min(limit << self._in_vain, _MOST_IN_VAIN))
        batch = self._store.storage.due(
            self._options.queue,
            offers=self._store.catalog.offers(threads=slots.threads > 0, coroutines=slots.coroutines > 0),
            limit=look,
            reserve_for=_RESERVE_FOR if look == limit else 0,
        )
        self._store.clock.observe(batch.now)
        self.observer.polled(self._options.queue, len(batch.runs), time.monotonic() - sent)
        self.last_poll_full = len(batch.runs) >= look
        self.last_poll_runs = len(batch.runs)
        self.writer.won = False
        self.writer.next_wake = batch.next_wake
        runs = [run for run in batch.runs if (a := self._actors.get(run.thread_id)) is None or a.write is None]
        share = max(1, limit // max(len(runs), 1))
        for first in range(0, len(runs), limit):
            if look > limit and slots.free == 0:
                break  # nobody was kept from them
            self._take_on(runs[first : first + limit], slots, batch.now, share)
        self._put_aside(len(batch.runs))

    def _take_on(self, runs: Sequence[DueRun], slots: Slots, now: int, share: int) -> None:
        states = self._actors.states_of(runs)
        news = self._news_of_children(states)
        for run in runs:
            actor = self._actors.take(run.thread_id)
            state = states.get(run.thread_id)
            if isinstance(state, RunState):
                actor.state, actor.behind = state, False
                actor.nudges = max(actor.nudges, run.nudges)
                self._guarded(
                    actor, partial(self._decide_claim, actor, run, slots, now, share, news=news.get(run.thread_id))
                )
            else:
                self._actors.abandon(actor, state)

    def _news_of_children(self, states: Mapping[str, RunState | StorageError]) -> dict[str, ChildNews]:
        """For those of the runs that wait for some."""
        if not any(isinstance(state, RunState) and state.joins for state in states.values()):
            return {}
        from squidie_core.runtime.joining import look_at_children  # noqa: PLC0415  # few runs have children

        return look_at_children(self._store, states)

    def _put_aside(self, found: int) -> None:
        """Keep what nobody here can advance from coming back at once, and from hiding others behind its mere number."""
        lacking, self._lacking = self._lacking, []
        self._in_vain = self._in_vain + 1 if 0 < found == len(lacking) else 0
        self._store.park_all(lacking, "step_unavailable")
        if self._nudged_in_vain:
            seen, self._nudged_in_vain = self._nudged_in_vain, {}
            self._store.storage.acknowledge(seen)

    def _decide_claim(
        self, actor: Actor, run: DueRun, slots: Slots, now: int, share: int, *, news: ChildNews | None
    ) -> None:
        draft = self._draft(loaded(actor), now)
        if news is not None:
            from squidie_core.decisions.children import join_children  # noqa: PLC0415  # few runs have any

            join_children(draft, news.ended, again=news.again)
        slots.lacks_code = False
        claimed = self._claim(draft, slots, share)
        if draft.entries:
            self.writer.put(actor, draft, claimed, [])
            return
        wake_at = draft.state.wake_at(self._store.max_skew)
        if run.nudges and (wake_at is None or wake_at > draft.at):
            self._nudged_in_vain[run.thread_id] = run.nudges
        if not actor.running:
            if slots.lacks_code:
                self._lacking.append(run)
            self._actors.retire(actor)

    def _claim(self, draft: Draft, slots: Slots, share: int) -> list[Attempt]:
        options = self._options
        return claim(self._store, draft, slots, owner_id=options.owner_id, lease_for=options.lease_for, share=share)

    def _draft(self, state: RunState, now: int = 0) -> Draft:
        draft = self._store.draft(state)
        draft.at = max(draft.at, now)
        return draft

    def _guarded(self, actor: Actor, decide: Callable[[], None]) -> None:
        """One run that cannot be decided on must not stop the others."""
        try:
            decide()
        except Unavailable:
            raise
        except (Corrupt, UnknownVersion) as error:
            self._actors.abandon(actor, error)
        except Exception:  # noqa: BLE001  # whatever it is, it is this run's trouble alone
            _log.exception("run %s cannot be advanced", actor.run_id)
            self._actors.abandon(actor, None)
            self._store.park(actor.run_id, "error", 6)


def _wanted(slots: Slots) -> int:
    """How many runs to ask for: each may want a slot of either kind that is offered."""
    if slots.threads and slots.coroutines:
        return min(slots.threads, slots.coroutines)
    return slots.threads + slots.coroutines
