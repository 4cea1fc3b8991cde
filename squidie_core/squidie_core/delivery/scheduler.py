"""Starting the runs of cron triggers when their time comes, for hosts that have no scheduler of their own."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from queue import Empty, SimpleQueue
from typing import get_args

from squidie_core.authoring import Duration
from squidie_core.delivery.runner import Performed, perform_cron
from squidie_core.delivery.timetable import Misfire, Policy, timetables_of
from squidie_core.errors import Unavailable
from squidie_core.inspection.times import moment
from squidie_core.journal.redaction import scrub
from squidie_core.runtime import Squidie, options
from squidie_core.runtime.attempts import Flag
from squidie_core.runtime.blocking import warns_in_event_loops
from squidie_core.runtime.ids import fraction
from squidie_core.runtime.signals import on_termination

_log = logging.getLogger("squidie.scheduler")

_LONGEST_SLEEP = 60.0
_SHORTEST_PAUSE = 1.0
_LONGEST_PAUSE = 30.0
_MOST_CATCH_UP = 31 * 86_400_000


@warns_in_event_loops("make an AsyncScheduler and `await scheduler.{name}()`")
class Scheduler:
    """Starts one run for each window of every cron trigger of the Squidie's workflows.

    A window goes from one time of the trigger's expression to the next, and its run is due when it begins. The window
    is the run's identity, whether or not the trigger has an `idempotency=`: any number of schedulers may run at once,
    and may be ended and started at any time. Nothing is stored beside the runs. A scheduler looks `catch_up` back when
    it begins, at `max_catch_up` windows of each trigger, so that windows which nobody has started find their run.

    A window is missed where it is not started within `grace`: of several missed windows of a trigger `misfire="latest"`
    starts the last, `"all"` starts them all, `"skip"` starts none. `jitter` delays each start by a part of that time
    and of its window, the same part in every scheduler, so that not all that is due at midnight begins at once.

    `tick` may be called from any thread, `run` once, `stop` from any thread and from signal handlers. Needs the extra
    `squidie-core[scheduler]`. Raises PluginError where that is not installed, and OptionError.
    """

    def __init__(
        self,
        squidie: Squidie,
        /,
        *,
        misfire: Misfire = "latest",
        grace: Duration = 60,
        catch_up: Duration = timedelta(hours=1),
        max_catch_up: int = 100,
        jitter: Duration = 0,
    ) -> None:
        if misfire not in get_args(Misfire):
            raise options.refuse("misfire", "is no policy", "use one of latest, all, skip")
        on_time, back = options.milliseconds("grace", grace), options.milliseconds("catch_up", catch_up)
        if max(on_time, back) > _MOST_CATCH_UP:
            raise options.refuse("catch_up", "or grace is above 31 days", "start what is older by hand")
        policy = Policy(
            misfire=misfire,
            grace=timedelta(milliseconds=on_time),
            reach=timedelta(milliseconds=max(on_time, back)),
            most=options.integer("max_catch_up", max_catch_up, least=1, most=1_000),
            jitter=timedelta(milliseconds=options.milliseconds("jitter", jitter)),
        )
        self._squidie = squidie
        self._timetables = timetables_of(squidie, policy)
        self._next_at = self._first()
        self._lock = threading.Lock()
        self._stopping = Flag()
        self._wake: SimpleQueue[None] = SimpleQueue()
        self._failures = 0

    @property
    def next_at(self) -> datetime | None:
        """When the next window is due, as far as the last tick has looked; waits for none that is under way."""
        return self._next_at

    def _first(self) -> datetime | None:
        return min((at for table in self._timetables if (at := table.next_at) is not None), default=None)

    def tick(self, now: datetime | None = None) -> list[Performed]:
        """Start the run of every window that is due, and say what came of each; costs nothing where none is.

        `now` is an aware time, by default the store's. A window whose start fails is left for the next tick, and the
        others are tried all the same, unless the store does not answer. Then raises the first failure: StorageError,
        or what `values=` of a trigger raised.
        """
        if now is not None and now.tzinfo is None:
            raise options.refuse("now", "has no time zone", "pass an aware datetime")
        return self._tick(now, lambda: False)

    def _tick(self, now: datetime | None, is_over: Callable[[], bool]) -> list[Performed]:
        with self._lock:
            try:
                at = moment(self._squidie.store.clock.now()) if now is None else now.astimezone(UTC)
                return self._start_due(at, is_over)
            finally:
                self._next_at = self._first()

    def _start_due(self, now: datetime, is_over: Callable[[], bool]) -> list[Performed]:
        due = [(table, window) for table in self._timetables for window in table.due(now)]
        performed: list[Performed] = []
        failures: list[Exception] = []
        for table, window in sorted(due, key=lambda item: item[1].start):
            if is_over():
                break
            try:
                done = perform_cron(self._squidie, table.cron(window), once=True)
            except Unavailable:
                raise
            except Exception as error:  # noqa: BLE001  # values= is the application's, and the others go on
                table.fail(window, error)
                failures.append(error)
                continue
            table.settle(window)
            performed.append(done)
            if done.outcome == "started" and done.run is not None:
                _log.info("%s at %s is run %s", table.place, window.start.isoformat(), done.run.id)
        if failures:
            raise failures[0]
        return performed

    def run(self, *, install_signal_handlers: bool = True) -> None:
        """Tick whenever a window is due, until stopped. Signal handlers are installed only in the main thread."""
        with on_termination(self.stop, install=install_signal_handlers):
            _log.info("the scheduler minds %d triggers", len(self._timetables))
            while not self._stopping.is_set():
                self._wait(self._turn())
            _log.info("the scheduler has stopped")

    def stop(self) -> None:
        """End `run`; the start that is being made is finished."""
        self._stopping.set()
        self._wake.put(None)

    def _turn(self) -> float:
        """Tick, whatever comes of it; seconds until the next one."""
        try:
            self._squidie.store.clock.observe(self._squidie.store.storage.clock())
            self._tick(None, self._stopping.is_set)
        except Unavailable as error:
            return self._pause(error)
        except Exception as error:  # noqa: BLE001  # a scheduler outlives what it starts
            # What fails is tried again after a while, and nothing else has to wait for that.
            return min(
                self._pause(error), max(self._until(table.comes_at for table in self._timetables), _SHORTEST_PAUSE)
            )
        self._failures = 0
        return self._until([self.next_at])

    def _pause(self, error: Exception) -> float:
        self._failures += 1
        if self._failures == 1:
            _log.warning("the scheduler tries again: %s", scrub(str(error)))
        return float(min(2.0 ** min(self._failures, 10), _LONGEST_PAUSE) * (0.5 + fraction() / 2))

    def _until(self, times: Iterable[datetime | None]) -> float:
        first = min((at for at in times if at is not None), default=None)
        if first is None:
            return _LONGEST_SLEEP
        seconds = (first - moment(self._squidie.store.clock.now())).total_seconds()
        return min(max(seconds, 0.0) + 0.001, _LONGEST_SLEEP)

    def _wait(self, seconds: float) -> None:
        try:
            self._wake.get(timeout=seconds)
        except Empty:
            return
