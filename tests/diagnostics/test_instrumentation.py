"""An instrumentation is told what happens, and can harm nothing."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Sequence

import pytest

from squidie_core import Squidie, Unavailable
from squidie_core.ports.instrumentation import (
    AttemptEnded,
    AttemptTaken,
    ClaimLost,
    Event,
    GroupWritten,
    Instrumentation,
    QueuePolled,
    RunBegun,
    RunEnded,
    RunQuarantined,
    StoreFailed,
    WriteRepeated,
)
from tests.diagnostics.flows import Failing, Retrying
from tests.diagnostics.test_metrics import Fickle, Troubling
from tests.runtime.flows import Chain, Held, Stage, on
from tests.runtime.stores import Store, working
from tests.runtime.waiting import eventually


class Listener:
    """Keeps what it is told, and by which thread."""

    def __init__(self) -> None:
        self.told: list[tuple[Event, threading.Thread]] = []

    def on_event(self, event: Event) -> None:
        self.told.append((event, threading.current_thread()))

    @property
    def events(self) -> Sequence[Event]:
        """Without those that tell of the store rather than of runs."""
        return [event for event, _ in self.told if not isinstance(event, GroupWritten | QueuePolled)]

    @property
    def calls(self) -> Sequence[Event]:
        """The others."""
        return [event for event, _ in self.told if isinstance(event, GroupWritten | QueuePolled)]


class Broken:
    def __init__(self) -> None:
        self.calls = 0

    def on_event(self, event: Event) -> None:
        self.calls += 1
        raise ValueError(f"cannot take {type(event).__name__}")


class TestEvents:
    def test_tell_a_runs_story_in_order(self, store: Store) -> None:
        listener = Listener()
        squidie = store.open(Chain, resources=on(Stage()), instrumentation=listener)
        run = squidie.start(Chain.begin, priority=3)
        squidie.drain()
        begun, *attempts, ended = listener.events
        assert begun == RunBegun(run_id=run.id, workflow="chain", queue="default", trigger="begin", priority=3)
        for (taken, outcome), name in zip(
            zip(attempts[::2], attempts[1::2], strict=True), ("first", "second", "third"), strict=True
        ):
            assert isinstance(taken, AttemptTaken)
            assert isinstance(outcome, AttemptEnded)
            assert (taken.step, taken.attempt, taken.delivery, outcome.step) == (name, 1, 1, name)
            assert taken.runnable_key == outcome.runnable_key == f"{run.id}:{name}:1"
            assert (outcome.outcome, outcome.error, outcome.retried) == ("completed", None, False)
            assert taken.waited >= 0
            assert outcome.held >= 0
            assert outcome.ran > 0
        assert isinstance(ended, RunEnded)
        assert (ended.run_id, ended.workflow, ended.status) == (run.id, "chain", "completed")
        final = squidie.inspect_run(run)
        assert final.ended_at is not None
        assert ended.seconds == pytest.approx((final.ended_at - final.started_at).total_seconds())

    def test_tell_of_the_calls_to_the_store(self, memory: Store) -> None:
        listener = Listener()
        squidie = memory.open(Chain, resources=on(Stage()), instrumentation=listener, queue="elsewhere")
        squidie.start_many(Chain.begin, [None] * 3)
        assert squidie.execute_next() is not None
        written, polled, *_ = listener.calls
        assert isinstance(written, GroupWritten)
        assert (written.appends, written.refused) == (3, 0)
        assert isinstance(polled, QueuePolled)
        assert (polled.queue, polled.found) == ("elsewhere", 1)
        assert min(written.seconds, polled.seconds) >= 0

    def test_tell_failures_by_their_codes(self, memory: Store) -> None:
        listener = Listener()
        squidie = memory.open(Retrying, Failing, instrumentation=listener)
        for trigger in (Retrying.begin, Failing.begin):
            squidie.start(trigger)
        squidie.drain()
        ended = {
            (event.workflow, event.attempt): (event.outcome, event.error, event.retried)
            for event in listener.events
            if isinstance(event, AttemptEnded)
        }
        assert ended == {
            ("retrying", 1): ("failed", "step_exception", True),
            ("retrying", 2): ("completed", None, False),
            ("failing", 1): ("failed", "step_exception", False),
        }
        assert "precious" not in repr(listener.told)

    def test_tell_of_a_claim_that_is_lost_from_the_workers_thread(self, store: Store) -> None:
        listener, stage = Listener(), Stage()
        squidie = store.open(Held, resources=on(stage), instrumentation=listener)
        run = squidie.start(Held.begin)
        with working(squidie):
            eventually(lambda: stage.calls)
            squidie.cancel(run)
            eventually(lambda: stage.calls[0].cancelled)
            stage.opened.set()
        lost = [(event, thread) for event, thread in listener.told if isinstance(event, ClaimLost)]
        assert [event for event, _ in lost] == [
            ClaimLost(run_id=run.id, workflow="held", step="enter", attempt=1, runnable_key=f"{run.id}:enter:1")
        ]
        assert not [event for event in listener.events if isinstance(event, AttemptEnded)]
        here = threading.current_thread()
        threads = {type(event): thread for event, thread in listener.told}
        assert threads[RunBegun] is threads[RunEnded] is here
        assert lost[0][1] is threads[AttemptTaken] is threads[QueuePolled] is not here

    def test_tell_of_appends_without_effect(self) -> None:
        listener, storage = Listener(), Fickle()
        squidie = Squidie(storage, workflows=[Troubling], resources={Fickle: storage}, instrumentation=listener)
        run = squidie.start(Troubling.begin)
        squidie.execute_next()
        assert WriteRepeated(run_id=run.id, reason="conflict") in listener.events
        assert [event.refused for event in listener.calls if isinstance(event, GroupWritten)] == [0, 0, 1, 0]

    def test_tell_of_a_store_that_is_away(self, memory: Store, monkeypatch: pytest.MonkeyPatch) -> None:
        listener = Listener()
        squidie = memory.open(Chain, resources=on(Stage()), instrumentation=listener)

        def away(*_: object, **__: object) -> None:
            raise Unavailable("postgresql://app:hunter2@host/db did not answer")

        monkeypatch.setattr(squidie.store.storage, "due", away)
        with pytest.raises(Unavailable):
            squidie.execute_next()
        assert listener.events == [
            StoreFailed(code="unavailable", message="postgresql://[REDACTED]@host/db did not answer")
        ]

    def test_tell_of_a_quarantined_run(self, store: Store) -> None:
        listener = Listener()
        squidie = store.open(Chain, resources=on(Stage()), instrumentation=listener)
        bad = squidie.start(Chain.begin)
        store.rewrite(bad.id, lambda _: "garbage")
        squidie.drain()
        _, told = listener.events
        assert isinstance(told, RunQuarantined)
        assert told.run_id == bad.id
        assert told.reason == squidie.list_runs(quarantined=True).runs[0].quarantined


class TestHarmlessness:
    def test_one_that_raises_is_logged_once_and_changes_nothing(
        self, store: Store, caplog: pytest.LogCaptureFixture
    ) -> None:
        broken = Broken()
        squidie = store.open(Chain, resources=on(Stage()), instrumentation=broken)
        run = squidie.start(Chain.begin)
        with working(squidie):
            eventually(lambda: squidie.inspect_run(run).status == "completed")
        assert broken.calls > 5
        records = [record for record in caplog.records if record.name == "squidie.instrumentation"]
        assert [record.levelname for record in records] == ["ERROR"]
        assert records[0].exc_info is not None
        assert isinstance(records[0].exc_info[1], ValueError)
        assert squidie.metrics().runs_completed == 1

    def test_one_may_call_back(self, store: Store) -> None:
        """No lock is held while it is told: it would wait for itself here."""

        class Curious:
            squidie: Squidie | None = None
            seen = 0

            def __init__(self) -> None:
                self.found: list[str] = []

            def on_event(self, event: Event) -> None:
                if self.squidie is not None:
                    self.seen = max(self.seen, self.squidie.metrics().runs_completed)
                    if isinstance(event, RunEnded):
                        self.found.append(self.squidie.inspect_run(event.run_id).status)

        curious = Curious()
        squidie = curious.squidie = store.open(Chain, Held, resources=on(Stage()), instrumentation=curious)
        run = squidie.start(Chain.begin)
        with working(squidie):
            eventually(lambda: curious.seen == 1)
        squidie.cancel(squidie.start(Held.begin))
        assert squidie.inspect_run(run).status == "completed"
        assert curious.found == ["completed", "cancelled"]

    def test_the_protocol_is_what_it_must_have(self) -> None:
        assert isinstance(Listener(), Instrumentation)
        assert not isinstance(object(), Instrumentation)

    def test_without_one_its_events_are_not_even_imported(self) -> None:
        program = "import sys, squidie_core; print([name for name in sys.modules if 'instrumentation' in name])"
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
        assert done.stdout == "[]\n"
