"""A loop that takes deliveries from a queue with leases and sees each one through."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import field
from uuid import uuid4

from squidie_core.authoring import Backoff, Duration
from squidie_core.dataclass import dataclass
from squidie_core.delivery.runner import Runner
from squidie_core.errors import LeaseError, Unavailable
from squidie_core.journal.redaction import scrub
from squidie_core.ports.leases import Delivery, LeaseBackend
from squidie_core.runtime import options
from squidie_core.runtime.blocking import warns_in_event_loops
from squidie_core.runtime.ids import fraction

_log = logging.getLogger("squidie.delivery")

_LONGEST_REASON = 1_000
_LONGEST_PAUSE = 5.0
_REPORTS = 5
"""How often a report is tried while the backend does not answer."""


@dataclass(slots=True)
class _Held:
    """The lease of the delivery in hand, as the thread that extends it knows it."""

    delivery: Delivery
    lost: bool = False
    over: threading.Event = field(default_factory=threading.Event)


@warns_in_event_loops("run the DeliveryWorker in a thread of its own")
class DeliveryWorker:
    """Takes one delivery after the other, performs its payload, and completes it or gives it back.

    The delivery's lease lasts `lease_for` and is extended while its payload is performed; it says who has the delivery,
    and nothing about runs: their attempts are claimed in the journal, with leases of their own. What raises is given
    back after `backoff`, and is a dead letter after `max_attempts` deliveries, those included whose worker was lost. A
    drain that ended at one of its limits is enqueued again.

    `run` may be called once, `stop` from any thread. For several deliveries at a time, run several of them.
    """

    def __init__(
        self,
        runner: Runner,
        leases: LeaseBackend,
        *,
        queue: str = "default",
        owner_id: str | None = None,
        lease_for: Duration = 30,
        poll_every: Duration = 1,
        backoff: Backoff | None = None,
        max_attempts: int = 5,
    ) -> None:
        self._runner = runner
        self._leases = leases
        self._queue = options.text("queue", queue, 200)
        self.owner_id = options.owner(owner_id)
        self._lease_for = options.milliseconds("lease_for", lease_for, least=100)
        self._poll_every = options.milliseconds("poll_every", poll_every, least=1) / 1000
        self._backoff = backoff or Backoff()
        self._shortest = options.milliseconds("backoff.min", self._backoff.min)
        self._longest = options.milliseconds("backoff.max", self._backoff.max, least=self._shortest)
        self._max_attempts = options.integer("max_attempts", max_attempts, least=1, most=1_000_000)
        self._stopping = threading.Event()
        self._failures = 0

    def run(self) -> None:
        """Work until stopped; the delivery in hand is then seen through."""
        while not self._stopping.is_set():
            try:
                found = self.perform_next()
                self._failures = 0
            except Unavailable as error:
                found = False
                self._put_up_with(error)
            if not found:
                self._stopping.wait(self._pause())

    def stop(self) -> None:
        """Take nothing more."""
        self._stopping.set()

    def perform_next(self) -> bool:
        """Take one delivery, if one is visible, and see it through; whether there was one. Raises Unavailable."""
        for delivery in self._leases.claim(self._queue, owner_id=self.owner_id, lease_for=self._lease_for):
            if delivery.attempt > self._max_attempts:
                self._report(delivery, self._giving_up(delivery, "taken too often by workers that were lost with it"))
            else:
                self._perform(delivery)
            return True
        return False

    def _perform(self, delivery: Delivery) -> None:
        with self._extended(delivery) as held:
            try:
                performed = self._runner.perform(delivery.payload)
            except Exception as error:  # noqa: BLE001  # whatever it was, the delivery is given back
                _log.warning("delivery %s failed: %s", delivery.id, scrub(str(error)))
                report = self._failure(delivery, error)
            else:
                report = self._success(delivery, again=performed.limited)
            if held.lost:
                _log.warning("delivery %s was performed without its lease: it may be performed again", delivery.id)
            else:
                self._report(delivery, report)

    def _success(self, delivery: Delivery, *, again: bool) -> Callable[[], None]:
        next_id = str(uuid4())

        def report() -> None:
            if again:
                queue, payload = delivery.queue, delivery.payload
                self._leases.enqueue(queue, payload, priority=delivery.priority, delivery_id=next_id)
            self._leases.complete(delivery)

        return report

    def _failure(self, delivery: Delivery, error: Exception) -> Callable[[], None]:
        reason = scrub(f"{type(error).__qualname__}: {error}")[:_LONGEST_REASON]
        if delivery.attempt >= self._max_attempts:
            return self._giving_up(delivery, reason)
        return lambda: self._leases.fail(delivery, reason=reason, retry_in=self._retry_in(delivery.attempt))

    def _giving_up(self, delivery: Delivery, reason: str) -> Callable[[], None]:
        return lambda: self._leases.fail(delivery, reason=reason, retry_in=None)

    def _retry_in(self, attempt: int) -> int:
        """Milliseconds, by the backoff."""
        delay = min(self._shortest * self._backoff.factor ** min(attempt - 1, 64), self._longest)
        return round(delay * (1 - fraction() / 2)) if self._backoff.jitter else round(delay)

    def _report(self, delivery: Delivery, report: Callable[[], None]) -> None:
        """Tell the backend; where that fails for long, the lease lapses and somebody else gets the delivery."""
        for tries in range(_REPORTS):
            try:
                report()
            except LeaseError as error:
                # After an answer that was lost, this is how a report that took effect looks.
                _log.warning("%s", error)
            except Unavailable as error:
                _log.warning("what became of delivery %s cannot be reported: %s", delivery.id, error)
                self._stopping.wait(0.05 * 2**tries * (0.5 + fraction()))
                continue
            return

    @contextmanager
    def _extended(self, delivery: Delivery) -> Generator[_Held]:
        """Hold on to the delivery, from a thread of its own."""
        held = _Held(delivery)
        thread = threading.Thread(target=self._extend, args=(held,), name="squidie-delivery-lease", daemon=True)
        thread.start()
        try:
            yield held
        finally:
            held.over.set()
            thread.join()

    def _extend(self, held: _Held) -> None:
        while not held.over.wait(self._lease_for / 3000):
            try:
                held.delivery = self._leases.extend(held.delivery, lease_for=self._lease_for)
            except LeaseError:
                held.lost = not held.over.is_set()
                return
            except Unavailable as error:
                _log.warning("the lease of delivery %s cannot be extended: %s", held.delivery.id, error)

    def _put_up_with(self, error: Unavailable) -> None:
        self._failures += 1
        if self._failures == 1:
            _log.warning("deliveries cannot be taken for now: %s", error)

    def _pause(self) -> float:
        longest = max(self._poll_every, _LONGEST_PAUSE)
        return min(self._poll_every * 2.0 ** min(self._failures, 10), longest) * (0.5 + fraction() / 2)
