"""What a scheduler starts at each tick, and what it leaves."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from squidie_core import OptionError, Payload, Runner, Scheduler, Squidie, Unavailable, Window, Workflow, step, trigger
from squidie_core.memory import MemoryStorage, MemoryWorld
from tests.clocks import Clock
from tests.runtime.waiting import PATIENCE, eventually

NINE = datetime(2026, 5, 15, 9, tzinfo=UTC)


@dataclass
class Beat:
    at: str


@dataclass
class Mood:
    """Of the application: the windows that it makes no payload for."""

    refused: tuple[str, ...] = ()


mood = Mood()


def beat(window: Window) -> Beat:
    at = f"{window.start:%H:%M}"
    if at in mood.refused:
        raise RuntimeError("not today")
    return Beat(at)


def note(at: str) -> dict[str, Any]:
    return {"noted": at}


class Often(Workflow, name="often"):
    by_hand = trigger.manual(Beat)
    beat = trigger.cron("*/10 * * * *", Beat, values=beat)
    note = step(note)


class Daily(Workflow, name="daily"):
    digest = trigger.cron("30 8 * * *", Beat, values=beat, timezone="Europe/Berlin", idempotency="skip_duplicate")
    note = step(note)


class ByHand(Workflow, name="by-hand"):
    by_hand = trigger.manual(Beat)
    note = step(note)


@pytest.fixture
def clock() -> Clock:
    return Clock(int(NINE.timestamp() * 1000))


@pytest.fixture
def squidie(clock: Clock) -> Iterator[Squidie]:
    mood.refused = ()
    with Squidie(MemoryStorage(world=MemoryWorld(clock=clock)), workflows=[Often, ByHand]) as made:
        yield made


def later(**units: float) -> datetime:
    return NINE + timedelta(**units)


def beats(squidie: Squidie) -> list[str]:
    """What was started, the first window first."""
    return sorted(squidie.inspect_run(run.id).input["at"] for run in squidie.list_runs(limit=200).runs)


def delays_of(squidie: Squidie) -> dict[datetime, timedelta]:
    """How late each window was started, by its beginning."""
    schedules = [squidie.inspect_run(run.id).schedule for run in squidie.list_runs(limit=200).runs]
    return {
        given.intended_window.start: given.received_at - given.intended_window.start
        for given in schedules
        if given is not None and given.intended_window is not None
    }


class TestATick:
    def test_starts_what_has_become_due_and_costs_nothing_until_then(
        self, squidie: Squidie, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        scheduler = Scheduler(squidie, catch_up=0)
        assert [done.outcome for done in scheduler.tick()] == ["started"]
        assert scheduler.next_at == later(minutes=10)
        monkeypatch.setattr(squidie.store.storage, "load", None)
        monkeypatch.setattr(squidie.store.storage, "commit", None)
        assert scheduler.tick(later(minutes=9, seconds=59)) == []
        monkeypatch.undo()
        (done,) = scheduler.tick(later(minutes=10))
        assert done.run is not None
        assert done.run.schedule is not None
        assert done.run.schedule.intended_window == Window(later(minutes=10), later(minutes=20))
        assert done.run.schedule.idempotency_key is not None
        assert done.run.schedule.idempotency is None
        assert beats(squidie) == ["09:00", "09:10"]

    def test_asks_the_clock_of_the_store(self, squidie: Squidie, clock: Clock) -> None:
        scheduler = Scheduler(squidie, catch_up=0)
        scheduler.tick()
        clock.now += 600_000
        assert [done.outcome for done in scheduler.tick()] == ["started"]

    def test_gives_one_run_a_window_to_any_number_of_schedulers(self, squidie: Squidie) -> None:
        schedulers = [Scheduler(squidie, misfire="all") for _ in range(3)]
        every = [scheduler.tick(later(minutes=5)) for scheduler in schedulers]
        assert [[done.outcome for done in ticked] for ticked in every] == [["started"] * 6] + [["existing"] * 6] * 2
        assert len(beats(squidie)) == 6
        assert [scheduler.tick(later(minutes=5)) for scheduler in schedulers] == [[], [], []]

    def test_gives_the_run_that_a_host_has_started_for_the_window(self, clock: Clock) -> None:
        """By whichever of both, under a trigger that starts once for each activation."""
        with Squidie(MemoryStorage(world=MemoryWorld(clock=clock)), workflows=[Daily]) as squidie:
            window = Window(later(hours=-2.5), later(hours=21.5))
            first = Runner(squidie).perform(Payload.cron(Daily, "digest", intended_window=window))
            (second,) = Scheduler(squidie, catch_up=timedelta(hours=3)).tick()
            assert first.run is not None
            assert second.run is not None
            assert (first.outcome, second.outcome, second.run.id) == ("started", "skipped", first.run.id)
            assert first.run.input == {"at": "08:30"}  # where the trigger is

    def test_passes_over_what_was_purged(self, squidie: Squidie, clock: Clock) -> None:
        Scheduler(squidie, catch_up=0).tick()
        squidie.drain()
        clock.now += 1
        assert squidie.purge(before=timedelta(0)).runs == 1
        (done,) = Scheduler(squidie, catch_up=0).tick()
        assert (done.outcome, done.run) == ("existing", None)
        assert beats(squidie) == []

    def test_leaves_what_fails_for_the_next_tick_and_starts_the_others(self, squidie: Squidie) -> None:
        mood.refused = ("08:40",)
        scheduler = Scheduler(squidie, misfire="all", catch_up=timedelta(minutes=30))
        with pytest.raises(RuntimeError, match="not today"):
            scheduler.tick()
        assert beats(squidie) == ["08:30", "08:50", "09:00"]
        mood.refused = ()
        assert [done.outcome for done in scheduler.tick()] == ["started"]
        assert beats(squidie) == ["08:30", "08:40", "08:50", "09:00"]
        assert scheduler.tick() == []

    @pytest.mark.parametrize(("misfire", "until"), [("all", later(minutes=30)), ("skip", later(minutes=1))])
    def test_gives_up_what_has_failed_for_too_long_and_says_when_it_begins_and_ends_to(
        self, squidie: Squidie, caplog: pytest.LogCaptureFixture, misfire: Any, until: datetime
    ) -> None:
        mood.refused = ("09:00",)
        scheduler = Scheduler(squidie, misfire=misfire, catch_up=timedelta(minutes=30))
        for at in (later(), later(seconds=30), until):
            with pytest.raises(RuntimeError):
                scheduler.tick(at)
        mood.refused = ()
        scheduler.tick(until + timedelta(seconds=1))
        scheduler.tick(until + timedelta(seconds=2))
        assert "09:00" not in beats(squidie)
        said = [record.getMessage().split(" at 2026-05-15T09:00:00+00:00 ")[1] for record in caplog.records]
        assert said == ["was not started: not today", "is not tried again"]

    def test_without_a_store_is_an_error_and_nothing_is_forgotten(
        self, squidie: Squidie, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def gone(*_: object) -> None:
            raise Unavailable("gone")

        scheduler = Scheduler(squidie, misfire="all")
        monkeypatch.setattr(squidie.store.storage, "load", gone)
        with pytest.raises(Unavailable):
            scheduler.tick()
        monkeypatch.undo()
        assert len(scheduler.tick()) == 7


class TestAClockThatIsMended:
    """As where the machine's is the store's, and somebody had set it wrong."""

    def test_loses_no_window_that_was_not_started_while_it_was_ahead(self, squidie: Squidie, clock: Clock) -> None:
        scheduler = Scheduler(squidie, catch_up=0)
        clock.now += 86_400_000
        scheduler.tick()
        clock.now -= 86_400_000
        scheduler.tick()
        assert scheduler.next_at == later(minutes=10)
        clock.now += 600_000
        (done,) = scheduler.tick()
        assert done.run is not None
        assert done.run.schedule is not None
        assert done.run.schedule.intended_window == Window(later(minutes=10), later(minutes=20))

    def test_starts_nothing_ahead_of_its_time(self, squidie: Squidie, clock: Clock) -> None:
        mood.refused = ("09:30",)
        scheduler = Scheduler(squidie, catch_up=0, misfire="all")
        clock.now += 1_800_000
        with pytest.raises(RuntimeError, match="not today"):
            scheduler.tick()
        mood.refused = ()
        clock.now -= 1_800_000
        scheduler.tick()
        assert beats(squidie) == ["09:00"]

    def test_is_not_looked_back_for_where_it_only_wavers(
        self, squidie: Squidie, clock: Clock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        scheduler = Scheduler(squidie)
        scheduler.tick()
        monkeypatch.setattr(squidie.store.storage, "load", None)
        for _ in range(5):
            clock.now -= 100
            assert scheduler.tick() == []


class TestMissedWindows:
    """Found at 09:05 by a scheduler that begins then; 09:00 is within the grace of ten minutes, 08:50 is not."""

    @pytest.mark.parametrize(
        ("misfire", "started"),
        [("latest", ["08:50", "09:00"]), ("all", ["08:30", "08:40", "08:50", "09:00"]), ("skip", ["09:00"])],
    )
    def test_are_started_as_the_policy_says(self, squidie: Squidie, misfire: Any, started: list[str]) -> None:
        scheduler = Scheduler(squidie, misfire=misfire, grace=600, catch_up=timedelta(minutes=40))
        scheduler.tick(later(minutes=5))
        assert beats(squidie) == started
        assert scheduler.tick(later(minutes=5)) == []

    def test_are_found_again_after_a_long_sleep(self, squidie: Squidie) -> None:
        scheduler = Scheduler(squidie, misfire="all", catch_up=timedelta(minutes=30))
        scheduler.tick()
        assert len(scheduler.tick(later(days=3, minutes=5))) == 3
        assert beats(squidie) == ["08:30", "08:40", "08:40", "08:50", "08:50", "09:00", "09:00"]

    def test_are_no_more_than_the_bound(self, squidie: Squidie) -> None:
        scheduler = Scheduler(squidie, misfire="all", catch_up=timedelta(days=1), max_catch_up=3)
        assert len(scheduler.tick()) == 3
        assert beats(squidie) == ["08:40", "08:50", "09:00"]

    def test_within_the_grace_are_not_missed_even_without_catching_up(self, squidie: Squidie) -> None:
        Scheduler(squidie, misfire="skip", grace=60, catch_up=0).tick(later(seconds=59))
        assert beats(squidie) == ["09:00"]


class TestJitter:
    def test_delays_each_start_by_as_much_in_every_scheduler(self, squidie: Squidie) -> None:
        one, other = (Scheduler(squidie, catch_up=0, grace=0, jitter=60) for _ in range(2))
        for scheduler in (one, other):
            scheduler.tick(later(seconds=-1))
        due_at = one.next_at
        assert due_at is not None
        assert due_at == other.next_at
        assert later() < due_at < later(seconds=60)
        assert one.tick(due_at - timedelta(milliseconds=1)) == []
        assert [done.outcome for done in one.tick(due_at)] == ["started"]
        assert [done.outcome for done in other.tick(due_at)] == ["existing"]

    def test_is_no_reason_to_miss_a_window(self, squidie: Squidie) -> None:
        """Where a scheduler begins between the window and its delayed start."""
        early = Scheduler(squidie, catch_up=0, grace=0, jitter=60)
        early.tick(later(seconds=-1))
        due_at = early.next_at
        assert due_at is not None
        begun = Scheduler(squidie, catch_up=0, grace=0, jitter=60)
        assert begun.tick(due_at - timedelta(milliseconds=1)) == []
        assert len(begun.tick(due_at)) == 1


class TestTheLoop:
    def test_starts_windows_until_it_is_stopped(self, squidie: Squidie) -> None:
        scheduler = Scheduler(squidie)
        thread = threading.Thread(target=scheduler.run)
        thread.start()
        eventually(lambda: beats(squidie) == ["08:50", "09:00"])
        scheduler.stop()
        thread.join(PATIENCE)
        assert not thread.is_alive()

    def test_makes_no_further_start_when_it_is_stopped(self, clock: Clock) -> None:
        """However many windows it had to catch up with; the others are for who comes next."""

        def last(window: Window) -> Beat:
            scheduler.stop()
            return beat(window)

        class Stopping(Workflow, name="stopping"):
            beat = trigger.cron("*/10 * * * *", Beat, values=last)
            note = step(note)

        with Squidie(MemoryStorage(world=MemoryWorld(clock=clock)), workflows=[Stopping]) as squidie:
            scheduler = Scheduler(squidie, misfire="all")
            scheduler.run()
            assert beats(squidie) == ["08:00"]
            scheduler.tick()
            assert len(beats(squidie)) == 7

    def test_goes_on_after_failures(
        self, squidie: Squidie, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        caplog.set_level(logging.WARNING)
        mood.refused = ("09:00",)
        scheduler = Scheduler(squidie)
        monkeypatch.setattr("squidie_core.delivery.scheduler._LONGEST_PAUSE", 0.01)
        thread = threading.Thread(target=scheduler.run)
        thread.start()
        eventually(lambda: "not today" in caplog.text)
        mood.refused = ()
        eventually(lambda: beats(squidie) == ["08:50", "09:00"])
        scheduler.stop()
        thread.join(PATIENCE)
        assert not thread.is_alive()

    def test_is_awake_when_a_trigger_is_due_however_long_another_one_has_failed(self, clock: Clock) -> None:
        """A pause of half a minute would make it miss windows, where there is less grace."""

        class Sleepless(Scheduler):
            def _wait(self, seconds: float) -> None:
                clock.now += int(seconds * 1000) + 1
                if clock.now > later(hours=4).timestamp() * 1000:
                    self.stop()

        class Failing(Workflow, name="failing"):
            beat = trigger.cron("5 9 * * *", Beat, values=lambda _: 1 / 0)  # type: ignore[arg-type, return-value]  # as it may be
            note = step(note)

        with Squidie(MemoryStorage(world=MemoryWorld(clock=clock)), workflows=[Often, Failing]) as squidie:
            Sleepless(squidie, catch_up=timedelta(hours=4), grace=5, misfire="all").run()
            delays = [delay for at, delay in delays_of(squidie).items() if at >= NINE]
            assert len(delays) == 24
            assert max(delays) < timedelta(seconds=5)


class TestOptions:
    @pytest.mark.parametrize(
        ("options", "option"),
        [
            ({"misfire": "never"}, "misfire"),
            ({"catch_up": timedelta(days=32)}, "catch_up"),
            ({"grace": -1}, "grace"),
            ({"max_catch_up": 0}, "max_catch_up"),
            ({"jitter": "1"}, "jitter"),
        ],
    )
    def test_that_cannot_be_are_named(self, squidie: Squidie, options: dict[str, Any], option: str) -> None:
        with pytest.raises(OptionError) as caught:
            Scheduler(squidie, **options)
        assert caught.value.details == {"option": option}

    def test_a_naive_time_is_refused(self, squidie: Squidie) -> None:
        with pytest.raises(OptionError, match="time zone"):
            Scheduler(squidie).tick(datetime(2026, 5, 15))  # noqa: DTZ001  # the point

    def test_a_scheduler_with_nothing_to_do_is_a_mistake(self) -> None:
        with (
            Squidie(MemoryStorage(world=MemoryWorld()), workflows=[ByHand]) as squidie,
            pytest.raises(OptionError, match="no cron trigger"),
        ):
            Scheduler(squidie)
