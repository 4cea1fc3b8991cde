"""What performing a payload does, and what doing it again does."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from squidie_core import NotFoundError, OptionError, Payload, Runner, Squidie, Window
from squidie_core.memory import MemoryStorage, MemoryWorld
from squidie_core.runtime.activations import Cron
from tests.delivery.flows import ALL, Digest, Edition, Refused
from tests.runtime.waiting import at_once

NINE = datetime(2026, 5, 15, 9, tzinfo=UTC)
DAY = Window(NINE, NINE + timedelta(days=1))


@pytest.fixture
def squidie() -> Iterator[Squidie]:
    with Squidie(MemoryStorage(world=MemoryWorld()), workflows=ALL) as made:
        yield made


@pytest.fixture
def runner(squidie: Squidie) -> Runner:
    return Runner(squidie)


class TestACronStart:
    def test_begins_a_run_with_the_values_of_its_window(self, squidie: Squidie, runner: Runner) -> None:
        performed = runner.perform(Payload.cron(Digest, "once", intended_window=DAY))
        assert performed.outcome == "started"
        assert performed.run is not None
        found = squidie.inspect_run(performed.run, include_history=True)
        assert (found.trigger, found.input) == ("once", {"day": "2026-05-15", "number": 1})
        assert found.history is not None
        receipt, started = found.history[:2]
        assert receipt["signal"] == "start_cron"
        assert started["context"]["schedule"] == receipt["payload"]["schedule"] == found.to_dict()["schedule"]
        assert found.schedule is not None
        assert found.schedule.to_dict() | {"received_at": ""} == {
            "workflow": "digest",
            "trigger_name": "once",
            "cron_expression": "0 9 * * *",
            "timezone": "UTC",
            "received_at": "",
            "intended_window": {"start_at": "2026-05-15T09:00:00.000Z", "end_at": "2026-05-16T09:00:00.000Z"},
            "idempotency": "return_existing_run",
            "idempotency_key": Cron(workflow="digest", trigger="once", window=DAY).identity,
        }
        assert "schedule" not in found.context

    @pytest.mark.parametrize(("trigger", "outcome"), [("once", "existing"), ("skipped", "skipped")])
    def test_again_begins_nothing(self, squidie: Squidie, runner: Runner, trigger: str, outcome: str) -> None:
        payload = Payload.cron(Digest, trigger, signal_id="monday")
        first = runner.perform(payload)
        squidie.drain()
        second = Runner(squidie).perform(payload)
        assert first.run is not None
        assert second.run is not None
        assert (first.outcome, second.outcome, second.run.id) == ("started", outcome, first.run.id)
        assert second.run.status == "completed"
        assert len(squidie.list_runs().runs) == 1

    def test_is_named_by_its_signal_or_else_by_its_window(self, runner: Runner) -> None:
        def run_of(**options: object) -> str:
            performed = runner.perform(Payload.cron(Digest, "once", **options))  # type: ignore[arg-type]
            assert performed.run is not None
            return performed.run.id

        later = Window(DAY.start, NINE + timedelta(days=2))
        elsewhere = Window(*(at.astimezone() for at in (DAY.start, NINE + timedelta(days=1))))
        assert run_of(intended_window=DAY) == run_of(intended_window=elsewhere)
        assert run_of(signal_id="a") == run_of(signal_id="a", intended_window=DAY)
        names = [
            run_of(intended_window=DAY),
            run_of(intended_window=later),
            run_of(signal_id="a"),
            run_of(signal_id="b"),
        ]
        assert len(set(names)) == 4

    def test_of_one_name_by_many_at_once_begins_one_run(self, squidie: Squidie, runner: Runner) -> None:
        payload = Payload.cron(Digest, "once", signal_id="monday")
        performed = at_once(8, lambda _: runner.perform(payload))
        assert len({one.run.id for one in performed if one.run is not None}) == 1
        assert len(squidie.list_runs().runs) == 1

    def test_under_a_trigger_that_does_not_mind_begins_a_run_each_time(self, squidie: Squidie, runner: Runner) -> None:
        for _ in range(2):
            assert runner.perform(Payload.cron(Digest, "each", signal_id="monday")).outcome == "started"
        assert len(squidie.list_runs().runs) == 2

    @pytest.mark.parametrize("window", [None, Window(NINE)])
    def test_without_a_name_is_refused_where_one_is_needed(
        self, squidie: Squidie, runner: Runner, window: Window | None
    ) -> None:
        with pytest.raises(OptionError) as caught:
            runner.perform(Payload.cron(Digest, "once", intended_window=window))
        assert caught.value.code == "missing_schedule_idempotency_key"
        assert squidie.list_runs().runs == ()

    @pytest.mark.parametrize(
        ("workflow", "trigger", "code"),
        [
            ("digest", "never", "unknown_trigger"),
            ("strange", "once", "unknown_workflow"),
            ("digest", "by_hand", "invalid_runtime_payload"),
        ],
    )
    def test_of_what_is_not_there_is_refused(self, runner: Runner, workflow: str, trigger: str, code: str) -> None:
        with pytest.raises((NotFoundError, OptionError)) as caught:
            runner.perform(Payload.cron(workflow, trigger))
        assert caught.value.code == code


class TestADrain:
    def test_executes_what_is_due_and_fails_with_no_run(self, squidie: Squidie, runner: Runner) -> None:
        runs = [squidie.start(Digest.by_hand, Edition("today")), squidie.start(Refused.begin)]
        performed = runner.perform(Payload.drain())
        assert (performed.outcome, performed.attempts, performed.limited) == ("drained", 2, False)
        assert [squidie.inspect_run(run).status for run in runs] == ["completed", "failed"]

    def test_ends_at_its_limits_and_says_so(self, squidie: Squidie, runner: Runner) -> None:
        for _ in range(3):
            squidie.start(Digest.by_hand, Edition("today"))
        performed = runner.perform(Payload.drain(limit=2))
        assert (performed.attempts, performed.limited) == (2, True)
        performed = runner.perform(Payload.drain(time_limit=0))
        assert (performed.attempts, performed.limited) == (0, True)

    def test_takes_from_its_queue(self, squidie: Squidie, runner: Runner) -> None:
        squidie.start(Digest.by_hand, Edition("today"), queue="other")
        assert runner.perform(Payload.drain()).attempts == 0
        assert runner.perform(Payload.drain("other")).attempts == 1
