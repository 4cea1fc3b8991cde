"""Runs that schedules start: once for each activation, with what is known of it, whoever starts them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from squidie_contract.harness import Harness
from squidie_core import (
    DefinitionError,
    NotFoundError,
    Payload,
    PurgedError,
    Runner,
    Schedule,
    Scheduler,
    Signal,
    Squidie,
    StepContext,
    Window,
    Workflow,
    end,
    step,
    trigger,
    where,
)
from squidie_core.authoring import definition_of
from tests.constructs.clocked import ClockedStore
from tests.constructs.racing import Arena, at_every_moment, in_many_orders
from tests.constructs.ticker import NINE, Often, scheduler_of
from tests.processes import Processes
from tests.runtime.stores import SharedStore, Store, assert_consistent

DAY = Window(datetime(2026, 3, 28, 23, tzinfo=UTC), datetime(2026, 3, 29, 22, tzinfo=UTC))
"""29 March 2026 in Berlin, 23 hours long."""


@dataclass
class Edition:
    day: str


def edition(window: Window) -> Edition:
    return Edition(window.start.date().isoformat())


def tell(ctx: StepContext) -> dict[str, Any]:
    schedule = ctx.schedule
    if schedule is None:
        return {"told": "nothing"}
    assert schedule.intended_window is not None
    return {"told": f"{schedule.signal_id}: {schedule.intended_window.start.isoformat()}"}


def everything(**context: Any) -> dict[str, Any]:
    return {"seen": sorted(context)}


def mapped(until: str) -> dict[str, Any]:
    return {"until": until}


class Digest(Workflow, name="digest"):
    daily = trigger.cron(
        "0 0 * * *", Edition, values=edition, timezone="Europe/Berlin", idempotency="return_existing_run"
    )
    skipped = trigger.cron("0 0 * * *", Edition, values=edition, idempotency="skip_duplicate")
    each = trigger.cron("0 0 * * *", Edition, values=edition)
    by_hand = trigger.manual(Edition)
    tell = step(tell)
    everything = step(everything)
    mapped = step(mapped, input={"until": "schedule.intended_window.end_at"})
    transitions = (
        tell.ok.to(everything),
        everything.ok.to(mapped, when=where("schedule.trigger_name").equals("daily")),
        everything.ok.to(end),
        mapped.ok.to(end),
    )


class Renamed(Workflow, name="digest"):
    """The same workflow later: the trigger is another, and so is the queue."""

    daily = trigger.cron("0 5 * * *", idempotency="skip_duplicate")
    tell = step(tell)


class Gone(Workflow, name="other"):
    """The digest is not there any more."""

    by_hand = trigger.manual()
    tell = step(tell)


class TestTheSchedule:
    def test_is_known_to_steps_snapshots_and_replays(self, store: Store) -> None:
        squidie = store.open(Digest)
        run = Runner(squidie).perform(Payload.cron(Digest, "daily", signal_id="s-1", intended_window=DAY)).run
        assert run is not None
        squidie.drain()
        done = squidie.inspect_run(run)
        assert done.status == "completed"
        assert done.context == {
            "day": "2026-03-29",
            "told": "s-1: 2026-03-29T00:00:00+01:00",
            "seen": ["day", "told"],
            "until": "2026-03-29T22:00:00.000Z",
        }
        assert isinstance(done.schedule, Schedule)
        assert done.schedule.intended_window == DAY
        assert done.schedule.idempotency_key == "s-1"
        assert done.schedule.received_at.tzinfo is UTC
        again = squidie.replay(done, idempotency_key="k")
        assert again.schedule == replace(done.schedule, idempotency=None, idempotency_key=None)
        assert again.id != done.id
        squidie.drain()
        assert squidie.inspect_run(again).context == done.context
        assert_consistent(squidie, again)

    def test_is_nothing_where_somebody_started_the_run(self, memory: Store) -> None:
        squidie = memory.open(Digest)
        run = squidie.start(Digest.by_hand, Edition("today"))
        squidie.drain()
        done = squidie.inspect_run(run)
        assert (done.schedule, done.context["told"], done.to_dict()["schedule"]) == (None, "nothing", None)
        assert "until" not in done.context

    @pytest.mark.parametrize("name", ["schedule", "parent"])
    def test_is_taken_by_no_step_that_does_not_map_it(self, name: str) -> None:
        namespace: dict[str, Any] = {}
        exec(f"def body({name}): return {{}}", namespace)  # noqa: S102  # a parameter's name cannot be passed otherwise

        class Asking(Workflow, name="asking", abstract=True):
            go = trigger.manual()

        with pytest.raises(DefinitionError) as caught:
            definition_of(type("Asks", (Asking,), {"body": step(namespace["body"])}, name="asks"))
        (problem,) = caught.value.problems
        assert problem.code == "missing_step_input"
        assert f'input={{"{name}": "{name}"}}' in problem.hint


class TestASecondDelivery:
    @pytest.mark.parametrize("later", [Renamed, Gone])
    def test_finds_the_run_whatever_became_of_the_code(self, store: Store, later: type[Workflow]) -> None:
        """And as the trigger said when the run was started, in the queue where it is."""
        payload = Payload.cron("digest", "daily", intended_window=DAY)
        first = Runner(store.open(Digest)).perform(payload)
        second = Runner(store.open(later, queue="slow")).perform(payload)
        assert first.run is not None
        assert second.run is not None
        assert (second.outcome, second.run.id, second.run.queue) == ("existing", first.run.id, "default")

    def test_of_what_is_neither_here_nor_was_started_is_refused(self, memory: Store) -> None:
        with pytest.raises(NotFoundError) as caught:
            Runner(memory.open(Gone)).perform(Payload.cron("digest", "daily", intended_window=DAY))
        assert caught.value.code == "unknown_workflow"

    def test_calls_nothing_of_the_application(self, memory: Store) -> None:
        calls: list[Window] = []

        def counted(window: Window) -> Edition:
            calls.append(window)
            return edition(window)

        class Counted(Workflow, name="counted"):
            daily = trigger.cron("0 0 * * *", Edition, values=counted, idempotency="skip_duplicate")
            tell = step(tell)

        runner = Runner(memory.open(Counted))
        outcomes = [runner.perform(Payload.cron(Counted, "daily", intended_window=DAY)).outcome for _ in range(2)]
        assert (outcomes, len(calls)) == (["started", "skipped"], 1)

    @pytest.mark.parametrize(("name", "outcome"), [("daily", "existing"), ("skipped", "skipped")])
    def test_of_a_purged_run_is_done_without_one(self, clocked: ClockedStore, name: str, outcome: str) -> None:
        squidie = clocked.open(Digest)
        payload = Payload.cron(Digest, name, signal_id="once")
        run = Runner(squidie).perform({**payload, "intended_window": {}}).run
        assert run is not None
        squidie.cancel(run)
        clocked.later(1)
        assert squidie.purge(before=timedelta(0)).runs == 1
        done = Runner(squidie).perform(payload)
        assert (done.outcome, done.run) == (outcome, None)
        with pytest.raises(PurgedError):
            squidie.apply_signal(Signal.start_cron(Digest, name, signal_id="once"))

    def test_with_the_name_of_a_run_by_hand_is_refused_where_the_trigger_is_by_hand(self, memory: Store) -> None:
        squidie = memory.open(Digest)
        squidie.start(Digest.by_hand, Edition("today"), idempotency_key="same")
        with pytest.raises(Exception, match="not cron's"):
            Runner(squidie).perform(Payload.cron(Digest, "by_hand", signal_id="same"))


def deliver(squidie: Squidie) -> str:
    return Runner(squidie).perform(Payload.cron(Digest, "daily", intended_window=DAY)).outcome


def tick(squidie: Squidie) -> list[str]:
    scheduler = Scheduler(squidie, misfire="all", catch_up=timedelta(minutes=15))
    return [done.outcome for done in scheduler.tick(NINE + timedelta(seconds=1))]


class TestRaces:
    def test_of_two_deliveries_one_starts_the_run(self, harness: type[Harness]) -> None:
        def race(arena: Arena) -> None:
            assert sorted(arena.race(deliver, deliver)) == ["existing", "started"]
            (run,) = arena.quiet.list_runs().runs
            assert_consistent(arena.quiet, run.id)

        at_every_moment(harness, Digest, race=race)

    def test_of_two_schedulers_one_starts_each_window(self, harness: type[Harness]) -> None:
        def race(arena: Arena) -> None:
            outcomes = Counter(outcome for ticked in arena.race(tick, tick) for outcome in ticked)
            assert outcomes == {"started": 2, "existing": 2}
            assert len(arena.quiet.list_runs().runs) == 2

        in_many_orders(harness, Often, race=race)


def inputs(squidie: Squidie) -> list[str]:
    return sorted(squidie.inspect_run(run.id).input["at"] for run in squidie.list_runs().runs)


ALL = ["08:10", "08:20", "08:30", "08:40", "08:50", "09:00"]


@pytest.mark.parametrize("shared_store", ["sqlite", "postgresql"], indirect=True)
class TestProcesses:
    def test_that_tick_at_once_start_each_window_once(self, shared_store: SharedStore) -> None:
        squidie = shared_store.open(Often)
        with Processes("tests.constructs.ticker") as processes:
            tickers = [processes.run(shared_store.url) for _ in range(2)]
            for ticker in tickers:
                assert ticker.line() == "ready"
            for ticker in tickers:
                ticker.tell()
            outcomes = Counter(outcome for ticker in tickers for outcome in ticker.rest())
        assert outcomes == {"started": 6, "existing": 6}
        assert inputs(squidie) == ALL
        squidie.drain()
        contexts: list[Mapping[str, Any]] = [squidie.inspect_run(run.id).context for run in squidie.list_runs().runs]
        assert {"at": "08:30", "noted": "08:30 by beat for 08:40"} in contexts

    def test_that_die_between_two_starts_leave_the_rest_to_others(self, shared_store: SharedStore) -> None:
        squidie = shared_store.open(Often)
        with Processes("tests.constructs.ticker") as processes:
            dying = processes.run(shared_store.url, "asking")
            assert dying.line() == "ready"
            dying.tell()
            for at in ALL[:2]:
                assert dying.line() == f"may I start {at}?"
                dying.tell()
            assert dying.line() == f"may I start {ALL[2]}?"
            dying.kill()
        assert inputs(squidie) == ALL[:2]
        outcomes = [done.outcome for done in scheduler_of(squidie).tick(NINE)]
        assert outcomes == ["existing"] * 2 + ["started"] * 4
        assert inputs(squidie) == ALL
