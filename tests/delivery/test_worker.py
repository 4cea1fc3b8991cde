"""The loop between a queue of deliveries and a runner: what it reports, and what it does when things fail."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import pytest

from squidie_core import DeliveryWorker, LeaseError, Payload, Performed, Runner, Squidie, Unavailable
from squidie_core.authoring import Backoff
from squidie_core.memory import MemoryLeases, MemoryStorage, MemoryWorld
from squidie_core.ports.leases import Delivery
from tests.clocks import Clock
from tests.delivery.flows import ALL, Digest, Edition
from tests.runtime.waiting import PATIENCE, eventually


class Scripted(Runner):
    """A runner that does what a test says."""

    def __init__(self, perform: Callable[[Mapping[str, Any]], Performed]) -> None:
        self._perform = perform

    def perform(self, payload: Mapping[str, Any], /) -> Performed:
        return self._perform(payload)


class Faulty(MemoryLeases):
    """Deliveries in memory behind a connection that may fail, before a call takes effect or after."""

    def __init__(self, clock: Clock | None = None) -> None:
        super().__init__(clock)
        self.failing: dict[str, int] = {}
        self.losing: dict[str, int] = {}
        self.extended = 0

    def _passes(self, call: str) -> bool:
        """Fail, where the test says so; whether the answer arrives."""
        if self.failing.get(call, 0):
            self.failing[call] -= 1
            raise Unavailable("told to fail")
        lost = self.losing.get(call, 0)
        self.losing[call] = max(lost - 1, 0)
        return not lost

    def claim(self, queue: str, *, owner_id: str, lease_for: int, limit: int = 1) -> Sequence[Delivery]:
        self._passes("claim")
        return super().claim(queue, owner_id=owner_id, lease_for=lease_for, limit=limit)

    def extend(self, delivery: Delivery, *, lease_for: int) -> Delivery:
        self._passes("extend")
        self.extended += 1
        return super().extend(delivery, lease_for=lease_for)

    def complete(self, delivery: Delivery) -> None:
        arrives = self._passes("complete")
        super().complete(delivery)
        if not arrives:
            raise Unavailable("told to lose the answer", outcome="unknown")


def fail(payload: Mapping[str, Any]) -> Performed:
    raise RuntimeError(f"cannot perform {payload['n']} at https://frodo:s3cr3t@shire/")


def drained(payload: Mapping[str, Any]) -> Performed:
    return Performed(outcome="drained", limited=bool(payload.get("limited")))


@contextmanager
def running(worker: DeliveryWorker) -> Generator[None]:
    thread = threading.Thread(target=worker.run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        worker.stop()
        thread.join(PATIENCE)
        assert not thread.is_alive(), "the worker did not stop"


class TestADelivery:
    def test_is_performed_and_completed(self) -> None:
        leases = MemoryLeases()
        with Squidie(MemoryStorage(world=MemoryWorld()), workflows=ALL) as squidie:
            run = squidie.start(Digest.by_hand, Edition("today"))
            leases.enqueue("default", Payload.cron(Digest, "once", signal_id="monday"))
            leases.enqueue("default", Payload.drain())
            worker = DeliveryWorker(Runner(squidie), leases)
            assert [worker.perform_next() for _ in range(3)] == [True, True, False]
            assert {one.status for one in squidie.list_runs().runs} == {"completed"}
            assert squidie.inspect_run(run).status == "completed"
        assert leases.dead_letters("default") == []

    def test_that_fails_is_given_back_after_the_backoff_and_at_last_given_up(self) -> None:
        clock = Clock()
        leases = MemoryLeases(clock)
        leases.enqueue("default", {"n": 1}, delivery_id="d")
        policy = Backoff(min=1, max=3, jitter=False)
        worker = DeliveryWorker(Scripted(fail), leases, backoff=policy, max_attempts=4)
        for pause in (1_000, 2_000, 3_000):
            assert worker.perform_next()
            clock.now += pause - 1
            assert not worker.perform_next()
            clock.now += 1
        assert worker.perform_next()
        (letter,) = leases.dead_letters("default")
        assert (letter.id, letter.attempts) == ("d", 4)
        assert letter.reason == "RuntimeError: cannot perform 1 at https://[REDACTED]@shire/"

    def test_whose_backoff_has_jitter_waits_half_of_it_at_least(self) -> None:
        clock = Clock()
        leases = MemoryLeases(clock)
        for number in range(20):
            leases.enqueue("default", {"n": number})
        worker = DeliveryWorker(Scripted(fail), leases, backoff=Backoff(min=10, max=10))
        assert [worker.perform_next() for _ in range(21)] == [True] * 20 + [False]
        clock.now += 4_999
        assert not worker.perform_next()
        clock.now += 5_001
        assert [worker.perform_next() for _ in range(21)] == [True] * 20 + [False]

    def test_that_kills_its_workers_is_given_up_without_being_performed(self) -> None:
        clock = Clock()
        leases = MemoryLeases(clock)
        leases.enqueue("default", {"n": 1})
        for _ in range(3):
            leases.claim("default", owner_id="dies", lease_for=100)
            clock.now += 100
        worker = DeliveryWorker(Scripted(fail), leases, max_attempts=3)
        assert worker.perform_next()
        (letter,) = leases.dead_letters("default")
        assert (letter.attempts, "lost" in letter.reason) == (4, True)

    def test_of_a_drain_that_ended_at_its_limit_is_made_again(self) -> None:
        leases = MemoryLeases()
        leases.enqueue("default", {"limited": True}, priority=3, delivery_id="first")
        worker = DeliveryWorker(Scripted(drained), leases)
        assert worker.perform_next()
        (again,) = leases.claim("default", owner_id="me", lease_for=100)
        assert (again.id != "first", again.payload, again.priority, again.attempt) == (True, {"limited": True}, 3, 1)

    def test_holds_its_lease_as_long_as_it_takes(self) -> None:
        leases = Faulty()
        leases.enqueue("default", {})
        leases.failing["extend"] = 1

        def perform(_: Mapping[str, Any]) -> Performed:
            eventually(lambda: leases.extended > 5)
            assert leases.claim("default", owner_id="other", lease_for=100) == []
            return Performed(outcome="drained")

        assert DeliveryWorker(Scripted(perform), leases, lease_for=0.3).perform_next()
        assert leases.claim("default", owner_id="other", lease_for=100) == []

    def test_whose_lease_was_lost_is_not_reported(self, caplog: pytest.LogCaptureFixture) -> None:
        clock = Clock()
        leases = Faulty(clock)
        leases.enqueue("default", {})
        taken: list[Delivery] = []

        def perform(_: Mapping[str, Any]) -> Performed:
            clock.now += 1_000
            taken.extend(leases.claim("default", owner_id="other", lease_for=60_000))
            before = leases.extended
            eventually(lambda: leases.extended > before)
            return Performed(outcome="drained")

        with caplog.at_level(logging.WARNING, logger="squidie.delivery"):
            assert DeliveryWorker(Scripted(perform), leases, lease_for=0.2).perform_next()
        assert "without its lease" in caplog.text
        leases.complete(taken[0])


class TestAnOutage:
    def test_of_a_report_is_waited_out(self) -> None:
        leases = Faulty()
        leases.enqueue("default", {"limited": True})
        leases.failing["complete"] = 2
        worker = DeliveryWorker(Scripted(drained), leases)
        assert worker.perform_next()
        assert len(leases.claim("default", owner_id="me", lease_for=100, limit=9)) == 1  # the next drain, once

    def test_that_lost_the_answer_to_a_report_does_no_harm(self, caplog: pytest.LogCaptureFixture) -> None:
        leases = Faulty()
        leases.enqueue("default", {})
        leases.losing["complete"] = 1
        with caplog.at_level(logging.WARNING, logger="squidie.delivery"):
            assert DeliveryWorker(Scripted(drained), leases).perform_next()
        assert "no longer leased" in caplog.text
        assert leases.claim("default", owner_id="me", lease_for=100) == []

    def test_is_told_once_and_then_the_work_goes_on(self, caplog: pytest.LogCaptureFixture) -> None:
        leases = Faulty()
        leases.enqueue("default", {"n": 1})
        leases.failing["claim"] = 3
        performed: list[object] = []

        def perform(payload: Mapping[str, Any]) -> Performed:
            performed.append(payload["n"])
            return Performed(outcome="drained")

        with (
            caplog.at_level(logging.WARNING, logger="squidie.delivery"),
            running(DeliveryWorker(Scripted(perform), leases, poll_every=0.001)),
        ):
            eventually(lambda: performed)
        assert [record.getMessage().partition(":")[0] for record in caplog.records] == [
            "deliveries cannot be taken for now"
        ]


class TestStopping:
    def test_lets_the_delivery_in_hand_be_seen_through(self) -> None:
        leases = MemoryLeases()
        for number in range(2):
            leases.enqueue("default", {"n": number})
        begun, over = threading.Event(), threading.Event()

        def perform(_: Mapping[str, Any]) -> Performed:
            begun.set()
            assert over.wait(PATIENCE)
            return Performed(outcome="drained")

        worker = DeliveryWorker(Scripted(perform), leases)
        with running(worker):
            assert begun.wait(PATIENCE)
            worker.stop()
            over.set()
        (left,) = leases.claim("default", owner_id="me", lease_for=100, limit=9)
        assert left.payload == {"n": 1}
        with pytest.raises(LeaseError):
            MemoryLeases().complete(left)
