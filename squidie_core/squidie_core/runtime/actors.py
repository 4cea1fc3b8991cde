"""The runs that a worker has in hand, and those that it may meet again."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence

from squidie_core.errors import StorageError
from squidie_core.ports.storage import DueRun
from squidie_core.runtime.actor import Actor
from squidie_core.runtime.attempts import Attempt
from squidie_core.runtime.cache import StateCache
from squidie_core.runtime.observer import Observer
from squidie_core.runtime.store import RunStore
from squidie_core.state import RunState


class Actors:
    """One engine's actors by run, and the states of runs that it let go. Owned by the engine's thread."""

    def __init__(
        self,
        store: RunStore,
        owner_id: str,
        cache_bytes: int,
        observer: Observer,
        on_lost: Callable[[Attempt], None] | None,
    ) -> None:
        self._store = store
        self._owner_id = owner_id
        self._cache = StateCache(cache_bytes)
        self._observer = observer
        self._on_lost = on_lost
        self._by_run: dict[str, Actor] = {}

    def __iter__(self) -> Iterator[Actor]:
        return iter(self._by_run.values())

    def get(self, run_id: str) -> Actor | None:
        """The run's actor, if it is in hand."""
        return self._by_run.get(run_id)

    def take(self, run_id: str) -> Actor:
        """The run's actor, which is in hand now."""
        actor = self._by_run.get(run_id)
        if actor is None:
            actor = self._by_run[run_id] = Actor(run_id, None)
        return actor

    @property
    def idle(self) -> bool:
        """Whether nothing is running and nothing waits to be written."""
        return all(actor.idle for actor in self._by_run.values())

    @property
    def has_reports(self) -> bool:
        """Whether outcomes wait for the next tick."""
        now = time.monotonic()
        return any(actor.ready and actor.not_before <= now for actor in self._by_run.values())

    @property
    def retry_at(self) -> float | None:
        """When what was put off may be tried again, in monotonic seconds."""
        return min((at for actor in self._by_run.values() if (at := actor.put_off_until) is not None), default=None)

    def reload(self, actors: list[Actor]) -> None:
        """Bring those up to date whose runs others have written to; what cannot be read is dropped from the list."""
        for actor in actors:
            actor.hear()
        stale = [actor for actor in actors if actor.state is None or actor.behind]
        if not stale:
            return
        bases = {actor.run_id: actor.state for actor in stale if actor.state is not None}
        states = self._store.states([actor.run_id for actor in stale], bases)
        for actor in stale:
            state = states.get(actor.run_id)
            if isinstance(state, RunState):
                actor.state, actor.behind = state, False
            else:
                self.abandon(actor, state)
                actors.remove(actor)

    def states_of(self, runs: Sequence[DueRun]) -> dict[str, RunState | StorageError]:
        """The states of runs that were found due: known ones brought up to date, the others folded."""
        found: dict[str, RunState | StorageError] = {}
        bases: dict[str, RunState] = {}
        absent: list[str] = []
        for run in runs:
            known = self._known(run.thread_id)
            if known is not None and known.head == run.head:
                found[run.thread_id] = known
            elif run.loaded is not None:
                found[run.thread_id] = self._store.fold(run.thread_id, run.loaded)
            else:
                absent.append(run.thread_id)
                if known is not None:
                    bases[run.thread_id] = known
        if absent:
            found.update(self._store.states(absent, bases))
        return found

    def _known(self, run_id: str) -> RunState | None:
        """The last committed state that is known here."""
        actor = self._by_run.get(run_id)
        return self._cache.take(run_id) if actor is None or actor.state is None else actor.state

    def lose(self, actor: Actor, keys: Iterable[str]) -> None:
        """The claims are gone: their outcomes will be dropped, and their bodies are told."""
        for key in keys:
            attempt = actor.running.get(key)
            if attempt is not None and not attempt.lost.is_set() and not attempt.settling:
                self._observer.lost(attempt)
                self.tell(attempt)

    def drop_unwanted(self, actor: Actor, state: RunState) -> None:
        """Where the run is over or being undone: what else is running of it has no effect any more."""
        if state.terminal:
            self.lose(actor, list(actor.running))
        elif state.rollback is not None:
            self.lose(actor, [key for key in actor.running if key not in state.open])

    def tell(self, attempt: Attempt) -> None:
        """The attempt's outcome is not wanted any more: its body is told."""
        attempt.lost.set()
        if self._on_lost is not None:
            self._on_lost(attempt)

    def retire(self, actor: Actor) -> None:
        """Let go of the run; its state is kept for the next time."""
        del self._by_run[actor.run_id]
        if actor.state is not None and not actor.state.terminal and actor.state.rev == actor.state.head.rev:
            self._cache.put(actor.state)

    def abandon(self, actor: Actor, error: StorageError | None) -> None:
        """The run cannot be read, or is gone: drop what was reported, and keep it from coming back at once."""
        self.lose(actor, list(actor.running))
        actor.state = None
        actor.reported.clear()
        actor.running.clear()
        self.retire(actor)
        if error is not None:
            self._store.report_unreadable(actor.run_id, error, self._owner_id)
