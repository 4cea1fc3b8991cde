"""The worker: the loop for hosts that lend a process or a thread."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from squidie_core.authoring import Duration
from squidie_core.errors import StorageError
from squidie_core.runtime import options
from squidie_core.runtime.attempts import Attempt, Flag
from squidie_core.runtime.berths import Berths, Boarding
from squidie_core.runtime.blocking import warns_in_event_loops
from squidie_core.runtime.bodies import Inbox, Report, ThreadBodies
from squidie_core.runtime.engine import Engine, EngineOptions
from squidie_core.runtime.facade import Squidie
from squidie_core.runtime.polling import Polling
from squidie_core.runtime.running import run_attempt
from squidie_core.runtime.signals import on_termination
from squidie_core.runtime.slots import Caution, Slots

if TYPE_CHECKING:
    from squidie_core.runtime.coroutines import CoroutineBodies

_log = logging.getLogger("squidie.worker")

_WATCH_EVERY = 1.5
_RENEW_CHECK_EVERY = 0.25
_LONGEST_STORE_PAUSE = 5.0


class WorkLoop:
    """What a worker does all day, in a thread that its kind provides."""

    def __init__(
        self,
        squidie: Squidie,
        *,
        concurrency: int = 32,
        async_concurrency: int = 256,
        queue: str | None = None,
        owner_id: str | None = None,
        lease_for: Duration = 30,
        grace: Duration = 20,
    ) -> None:
        self.concurrency = options.integer("concurrency", concurrency, least=1, most=1_000)
        self.async_concurrency = options.integer("async_concurrency", async_concurrency, least=1, most=100_000)
        self.queue = squidie.queue if queue is None else options.name("queue", queue)
        self.owner_id = options.owner(owner_id)
        self._grace = options.milliseconds("grace", grace) / 1000
        self._store = squidie.store
        self._wakeups = squidie.wakeups
        self._inbox = Inbox()
        resources = self._store.catalog.resources
        self._threads = ThreadBodies(self.concurrency, self._inbox, partial(run_attempt, self._store))
        self._has_coroutines = self._store.catalog.has_coroutines
        self._coroutines = _coroutine_bodies(self._inbox, resources) if self._has_coroutines else None
        lease = options.milliseconds("lease_for", lease_for, least=100)
        self._renew_check = min(_RENEW_CHECK_EVERY, lease / 8_000)
        self._engine = Engine(
            self._store,
            EngineOptions(queue=self.queue, owner_id=self.owner_id, lease_for=lease),
            on_lost=self._on_lost,
        )
        self._hosts = squidie.hosts
        self._berths = Berths(self._store.catalog, self.owner_id, lease, self._inbox.put)
        self._counters = self._engine.observer.counters
        self._polling = Polling()
        self._caution = Caution()
        self._starved = False
        """The last look left out work of a kind that had no slot."""
        self._awaited = (0, 0)
        """Threads and coroutines for runs that are being started here."""
        self._in_threads = 0
        self._in_loop = 0
        self._stopping = Flag()
        """Raised by signal handlers, which may interrupt one another: so nothing with a lock."""
        self._hurried = Flag()
        self._store_failures = 0

    def _serve(self) -> None:
        """Work in this thread until stopped."""
        end_listening = self._wakeups.listen(self.queue, self._ask)
        try:
            with self._store.telemetry.counting(self._counters), self._hosts.hosting(self.queue, self._berths):
                _log.info("worker %s takes work from queue %s", self.owner_id, self.queue)
                self._work()
                self._wind_down()
        finally:
            end_listening()
            self._threads.stop()
            if self._coroutines is not None:
                self._coroutines.stop()
            _log.info("worker %s has stopped", self.owner_id)

    def stop(self) -> None:
        """Let the worker end: nothing more is claimed, running bodies may finish within the grace period."""
        self._stopping.set()
        self._inbox.wake()

    def _hurry(self) -> None:
        """End the grace period, from any thread."""
        self._hurried.set()
        self._inbox.wake()

    def _ask(self, after: float) -> None:
        """From any thread: look for work after so many seconds, or as soon as there is a slot for it."""
        self._polling.ask(time.monotonic() + after)
        if self._in_threads < self.concurrency or (self._has_coroutines and self._in_loop < self.async_concurrency):
            self._inbox.wake()

    def _work(self) -> None:
        renew_at = watch_at = time.monotonic()
        while not self._stopping.is_set():
            self._wait(self._timeout(time.monotonic(), renew_at, watch_at))
            if self._stopping.is_set():
                return
            now = time.monotonic()
            try:
                if now >= renew_at:
                    self._engine.renew()
                    renew_at = now + self._renew_check
                if now >= watch_at:
                    self._engine.watch()
                    watch_at = now + _WATCH_EVERY
                self._tick(poll=self._polling.is_due(now))
                self._store_failures = 0
            except StorageError as error:
                self._put_up_with(error)

    def _wait(self, timeout: float) -> None:
        """Take in what arrives; meanwhile runs that are started here may have the slots for which no others wait."""
        slots = self._slots()
        if not (self._engine.last_poll_full or self._store_failures or self._stopping.is_set()):
            self._berths.open(slots.threads, slots.coroutines)
        news = self._inbox.collect(timeout, self._in_threads + self._in_loop)
        self._awaited = self._berths.close()
        self._take(news)

    def _tick(self, *, poll: bool) -> None:
        slots = self._slots()
        poll = poll and slots.free > 0
        starved = slots.threads == 0 or (self._has_coroutines and slots.coroutines == 0)
        attempts = self._engine.tick(slots, poll=poll, limit=self._caution.limit(busy=slots.busy))
        self._caution.learn(slots, time.monotonic())
        left_work = self._engine.writer.left_work
        if left_work:
            self._engine.writer.left_work = False
            self._polling.wake()
        elif poll:
            self._starved = starved
            self._polling.polled(self._engine, self._store.clock, hinted=self._wakeups.reach_others)
        else:
            self._polling.expect(self._engine, self._store.clock)
        self._dispatch(attempts)
        if left_work:
            self._tell_others()

    def _tell_others(self) -> None:
        """Of the work that was left: what this worker has no slot or no code for is for them."""
        slots = self._slots()
        starved = slots.threads == 0 or (self._has_coroutines and slots.coroutines == 0)
        if starved or self._engine.writer.left_to_others:
            self._engine.writer.left_to_others = False
            self._wakeups.wake(self.queue)

    def _timeout(self, now: float, renew_at: float, watch_at: float) -> float:
        if self._engine.has_reports and not self._store_failures:
            return 0.0
        until = min(renew_at, watch_at) if not self._engine.idle else now + 60
        if self._slots().free > 0:
            until = min(until, self._polling.at)
        for at in (self._engine.retry_at, self._engine.times_out_at):
            if at is not None:
                until = min(until, at)
        if self._store_failures:
            until = max(until, now + min(0.05 * 2**self._store_failures, _LONGEST_STORE_PAUSE))
        return max(0.0, until - now)

    def _slots(self) -> Slots:
        busy = self._in_threads + self._in_loop + sum(self._awaited) > 0
        if self._caution.holds(time.monotonic(), busy=busy):
            return Slots(self._store.catalog, 0, 0, busy=True)
        threads = self.concurrency - self._in_threads - self._awaited[0]
        coroutines = self.async_concurrency - self._in_loop - self._awaited[1] if self._has_coroutines else 0
        return Slots(self._store.catalog, threads, coroutines, busy=busy)

    def _take(self, news: list[Report | Boarding]) -> None:
        reports = 0
        for item in news:
            if isinstance(item, Boarding):
                self._on_board(item)
                continue
            attempt, outcome = item
            reports += 1
            self._engine.report(attempt, outcome)
            if attempt.is_async:
                self._in_loop -= 1
            else:
                self._in_threads -= 1
                self._threads.done(1)
        self._counters.bodies_in_flight -= reports
        if reports and self._starved:
            self._polling.wake()

    def _on_board(self, boarding: Boarding) -> None:
        self._engine.board(boarding.state, boarding.attempts, boarding.wake_at)
        self._dispatch(boarding.attempts)
        self._awaited = self._berths.free(boarding.berth)

    def _dispatch(self, attempts: list[Attempt]) -> None:
        coroutines = [attempt for attempt in attempts if attempt.is_async]
        self._in_loop += len(coroutines)
        self._in_threads += len(attempts) - len(coroutines)
        self._counters.bodies_in_flight += len(attempts)
        self._threads.run(attempt for attempt in attempts if not attempt.is_async)
        if self._coroutines is not None:
            self._coroutines.run(coroutines)

    def _on_lost(self, attempt: Attempt) -> None:
        if attempt.is_async and self._coroutines is not None:
            self._coroutines.cancel(attempt)

    def _put_up_with(self, error: StorageError) -> None:
        self._store_failures = min(self._store_failures + 1, 10)
        self._polling.put_off()
        self._store.telemetry.store_failed(error)
        _log.warning("the store did not answer; trying again: %s", error)

    def _wind_down(self) -> None:
        """Write what ends within the grace period, give back what was not begun."""
        self._threads.close()
        end = time.monotonic() + self._grace
        cancelled = False
        while not self._engine.idle or any(self._awaited):
            now = time.monotonic()
            if not cancelled and (now >= end or self._hurried.is_set()):
                cancelled = True
                end = now + 1
                if self._coroutines is not None:
                    self._coroutines.cancel_all()
            elif now >= end:
                _log.warning("bodies were still running after the grace period; their claims will lapse")
                return
            self._wait(max(0.0, min(0.1, end - now)))
            try:
                self._engine.renew()
                self._engine.tick(Slots(self._store.catalog, 0, 0), poll=False, chain=False)
            except StorageError as error:
                self._put_up_with(error)


@warns_in_event_loops("make an AsyncWorker and `await worker.{name}()`")
class Worker(WorkLoop):
    """Takes due attempts, runs their bodies, and writes what follows, until it is stopped.

    `concurrency` plain bodies run at a time, each in a thread, and `async_concurrency` coroutine bodies in one event
    loop. Claims last `lease_for` and are renewed while their bodies run. On SIGTERM or SIGINT, or after `stop`, nothing
    more is claimed, running bodies get `grace` to end, coroutines that outlast it are cancelled, and what was not begun
    is given back.

    `run` may be called once; `stop` from any thread.
    """

    def run(self, *, install_signal_handlers: bool = True) -> None:
        """Work until stopped. Signal handlers are installed only in the main thread, and taken back at the end."""
        with on_termination(self.stop, install=install_signal_handlers):
            self._serve()


def _coroutine_bodies(inbox: Inbox, resources: Mapping[type, object]) -> CoroutineBodies:
    from squidie_core.runtime.coroutines import CoroutineBodies  # noqa: PLC0415  # only these bodies need asyncio

    return CoroutineBodies(inbox, resources)
