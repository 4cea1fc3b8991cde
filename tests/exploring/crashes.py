"""The crash explorer: a run is played once to learn its round trips, then once more for each of them and each fault."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from host_app.services import Services
from squidie_contract import Capability, Harness
from squidie_contract.engine.line import Fault, Line
from squidie_contract.wire import Died, Wire, quiet
from squidie_core import Snapshot, Squidie
from squidie_core.errors import SquidieError, Unavailable
from squidie_core.ports import Storage
from tests.exploring.hands import Hand
from tests.exploring.judging import assert_sound, ending_of
from tests.exploring.outside import Outside
from tests.exploring.tales import Tale

PATIENCE = 60_000
"""Milliseconds of the world's time in which a run must come to its end."""
_WHILE = 50

TALLY: Counter[str] = Counter()
"""Crashes that were tried in this process, by tale and harness."""


@dataclass
class Stage:
    """One world with its outside, and the clients in it."""

    harness: Harness
    outside: Outside = field(default_factory=Outside)
    _opened: list[Storage] = field(default_factory=list[Storage])
    _observer: Squidie | None = None

    def open(self, tale: Tale, wire: Wire = quiet) -> Squidie:
        """A client as another process would have it."""
        storage = self.harness.storage(wire)
        self._opened.append(storage)
        resources = {Services: self.outside, Harness: self.harness}
        return Squidie(storage, workflows=tale.workflows, resources=resources, actions=tale.actions)

    def observer(self, tale: Tale) -> Squidie:
        """A client that only looks, and to which nothing happens; one for all, which is quicker."""
        if self._observer is None:
            self._observer = self.open(tale)
        return self._observer

    def close(self) -> None:
        """Close the clients, then the world."""
        for storage in self._opened:
            with suppress(SquidieError, Died):
                storage.close()
        self.harness.close()


@contextmanager
def staged(harness: type[Harness]) -> Generator[Stage]:
    """A world in which nothing has happened."""
    stage = Stage(harness())
    try:
        yield stage
    finally:
        stage.close()


@dataclass(frozen=True)
class Ending:
    """How a tale ended: the run as it is told, what happened outside, and the application's own rows."""

    run: dict[str, Any]
    outside: list[str]
    rows: list[str]


@dataclass(frozen=True)
class Explorer:
    """Explores tales on one kind of storage, with one kind of worker."""

    harness: type[Harness]
    hand: Callable[[Squidie], Hand]

    def explore(self, tale: Tale, *, at_most: int | None = None, at_a_time: int = 1) -> int:
        """Try every fault at every round trip, or so many of them, evenly chosen; how many. Raises AssertionError.

        Most of the time on servers passes in waiting for what a dead client has claimed, so several go on at a time.
        """
        with staged(self.harness) as stage:
            whole = Line()
            self._play(stage, tale, whole)
            expected = self._end(stage, tale)
        assert expected.run["status"] == tale.ends
        crashes = [(trip, fault) for trip in range(1, whole.trips + 1) for fault in Fault]
        stride = 1 if at_most is None else -(-len(crashes) // at_most)
        tried = crashes[::stride]
        with ThreadPoolExecutor(at_a_time) as pool:
            for done in [pool.submit(self._crash, tale, *crash, expected) for crash in tried]:
                done.result()
        TALLY[f"{tale.name} on {self.harness.__name__}"] += len(tried)
        return len(tried)

    def _crash(self, tale: Tale, trip: int, fault: Fault, expected: Ending) -> None:
        told: list[str] = []
        with staged(self.harness) as stage:
            try:
                self._play(stage, tale, Line({trip: fault}, tell=told.append))
                assert self._end(stage, tale) == expected
            except Exception as error:
                error.add_note(f"{tale.name}, {fault.name} at round trip {trip}: {'; '.join(told)}")
                raise

    def _play(self, stage: Stage, tale: Tale, line: Line) -> None:
        """Live, as far as the line lets."""
        try:
            self._live(stage, tale, line)
        except Died:
            pass
        except SquidieError:  # a body caught the death, and the dead client's connection is closed
            if not line.dead:
                raise

    def _end(self, stage: Stage, tale: Tale) -> Ending:
        """Go on with nothing but the store, as often as it takes, and judge."""
        run = self._live(stage, tale, quiet)
        observer = stage.observer(tale)
        for row in observer.list_runs().runs:
            assert_sound(observer, row.id, stage.outside)
        assert [row.id for row in observer.list_runs(status="running").runs] == []
        rows = sorted(stage.harness.notes()) if Capability.HOST_TRANSACTIONS in stage.harness.supports else []
        return Ending(ending_of(run, attempts=not tale.retries), stage.outside.told(), rows)

    def _live(self, stage: Stage, tale: Tale, wire: Wire) -> Snapshot:
        squidie, observer = stage.open(tale, wire), stage.observer(tale)
        hand = self.hand(squidie)
        until = stage.harness.now() + PATIENCE
        run: Snapshot | None = None
        while run is None or not run.terminal:
            assert stage.harness.now() < until, f"the run is still {run and run.reason}"
            with suppress(Unavailable):  # a host tries again
                run = run or tale.begin(squidie)
                if hand.turn():
                    continue
                run = observer.inspect_run(run)
                tale.act(squidie, run)
                _wait(stage.harness, observer, run.id)
        return run


def _wait(harness: Harness, observer: Squidie, run_id: str) -> None:
    """Until the run is due, or for a while where it is due and somebody has reserved it."""
    wake_at = observer.store.state(run_id).wake_at(observer.store.max_skew)
    left = 0 if wake_at is None else wake_at - observer.store.clock.now()
    harness.wait(left if left > 0 else _WHILE)


def names(tales: Sequence[Tale]) -> list[str]:
    """For the ids of tests."""
    return [tale.name for tale in tales]
