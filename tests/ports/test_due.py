"""What `Storage.due`, `reserve`, `quarantine` and `unquarantine` promise."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from squidie_core.journal.codec import READER_VERSION
from squidie_core.journal.commit import NO_HEAD
from squidie_core.ports.storage import DueRun, RunQuery, Storage
from tests.ports.appends import (
    FAR_FUTURE,
    HOUR,
    LONG_AGO,
    OFFERS,
    append,
    due_ids,
    fold,
    history,
    loaded,
    nudge,
    write,
)
from tests.ports.worlds import World

PATIENCE = 64
"""More polls than a run may be overtaken in."""


def due_runs(storage: Storage, *, limit: int = 100, reserve_for: int = 0) -> dict[str, DueRun]:
    batch = storage.due("default", offers=OFFERS, limit=limit, reserve_for=reserve_for)
    return {run.thread_id: run for run in batch.runs}


class TestDue:
    def test_gives_the_runs_of_the_queue_whose_time_has_come(self, storage: Storage) -> None:
        write(
            storage,
            append("due", wake_at=LONG_AGO),
            append("later", wake_at=FAR_FUTURE),
            append("never", wake_at=None),
            append("elsewhere", queue="other"),
        )
        assert due_ids(storage) == ["due"]
        assert due_ids(storage, queue="other") == ["elsewhere"]
        assert due_ids(storage, queue="unheard of") == []

    def test_counts_the_very_millisecond_as_come(self, world: World) -> None:
        storage = world.open()
        now = storage.clock()
        write(storage, append("t", wake_at=now))
        world.wait_until(now)
        assert due_ids(storage) == ["t"]

    def test_gives_lower_priorities_first_then_the_earliest(self, storage: Storage) -> None:
        write(
            storage,
            append("late", priority=5, wake_at=LONG_AGO + 2),
            append("last", priority=9, wake_at=LONG_AGO),
            append("early", priority=5, wake_at=LONG_AGO + 1),
            append("first", priority=0, wake_at=LONG_AGO + 3),
        )
        assert due_ids(storage) == ["first", "early", "late", "last"]

    def test_gives_what_was_written_after_a_look_even_if_its_time_was_long_past_then(self, world: World) -> None:
        one, other = world.open(), world.open()
        for name in ("a", "b"):
            assert due_ids(one) == due_ids(other) == []
            (begun,) = history(one, name, "begun", wake_at=FAR_FUTURE)
            write(other, append(name, begun.head, wake_at=LONG_AGO))
            assert due_ids(one) == due_ids(other) == [name]
            assert due_ids(one, reserve_for=HOUR) == [name]

    def test_gives_at_most_so_many_and_the_best_of_them(self, storage: Storage) -> None:
        write(storage, *(append(f"t{i}", priority=9 - i) for i in range(5)))
        assert due_ids(storage, limit=2, reserve_for=HOUR) == ["t4", "t3"]
        assert due_ids(storage, limit=2, reserve_for=HOUR) == ["t2", "t1"]
        assert due_ids(storage, limit=2, reserve_for=HOUR) == ["t0"]

    def test_takes_nothing_for_a_limit_of_none(self, storage: Storage) -> None:
        write(storage, append("t"))
        assert due_ids(storage, limit=0, reserve_for=HOUR) == []
        assert due_ids(storage) == ["t"]

    def test_gives_runs_that_need_one_of_the_offers(self, storage: Storage) -> None:
        write(
            storage,
            append("any", needs=("ring-errand:*",)),
            append("pack", needs=("ring-errand:pack",)),
            append("both", needs=("ring-errand:pack", "ring-errand:toss")),
            append("toss", needs=("ring-errand:toss",)),
            append("ended", needs=()),
        )

        def offered(*offers: str) -> set[str]:
            return {run.thread_id for run in storage.due("default", offers=offers, limit=9, reserve_for=0).runs}

        assert offered("ring-errand:pack", "ring-errand:*") == {"any", "pack", "both"}
        assert offered("ring-errand:toss") == {"both", "toss"}
        assert offered("ring-errand:tos", "ring-errand", "*", "ring%", "ring-errand:%") == set()
        assert offered() == set()

    def test_leaves_out_what_only_newer_readers_understand(self, storage: Storage) -> None:
        write(storage, append("newer", min_reader=READER_VERSION + 1), append("readable", min_reader=READER_VERSION))
        assert due_ids(storage) == ["readable"]

    def test_gives_a_run_with_its_head(self, storage: Storage) -> None:
        *_, last = history(storage, "t", "a", "b")
        assert due_runs(storage)["t"].head == last.head

    def test_brings_small_threads_along(self, storage: Storage) -> None:
        history(storage, "t", "a", "b")
        storage.reserve("t", until=LONG_AGO, reason="not yet")
        run = due_runs(storage)["t"]
        assert run.loaded == loaded(storage, "t")
        assert run.parked == 1

    def test_leaves_large_threads_to_load(self, storage: Storage) -> None:
        written = history(storage, "t", *("x" * 100_000 for _ in range(4)))
        run = due_runs(storage)["t"]
        assert run.loaded is None
        assert run.head == written[-1].head
        assert fold(loaded(storage, "t")) == [one.body for one in written]

    def test_tells_the_stores_time(self, storage: Storage) -> None:
        before = storage.clock()
        batch = storage.due("default", offers=OFFERS, limit=1, reserve_for=0)
        assert before <= batch.now <= storage.clock()

    def test_tells_when_the_next_run_falls_due_where_that_is_known(self, storage: Storage) -> None:
        write(storage, append("now"), append("b", wake_at=FAR_FUTURE + 5), append("a", wake_at=FAR_FUTURE))
        assert storage.due("default", offers=OFFERS, limit=9, reserve_for=0).next_wake in (FAR_FUTURE, None)
        assert storage.due("empty", offers=OFFERS, limit=9, reserve_for=0).next_wake is None

    def test_of_one_namespace_gives_nothing_of_another(self, world: World) -> None:
        here, there = world.open("here"), world.open("there")
        write(here, append("mine"))
        write(there, append("theirs"))
        assert due_ids(here, reserve_for=HOUR) == ["mine"]
        assert due_ids(there) == ["theirs"]


class TestFairness:
    def test_a_run_of_the_last_priority_is_overtaken_only_for_a_bounded_time(self, storage: Storage) -> None:
        write(storage, append("patient", priority=9, wake_at=LONG_AGO))
        for i in range(PATIENCE):
            write(storage, append(f"hurried {i}", priority=0, wake_at=LONG_AGO + 1))
            if "patient" in due_ids(storage, limit=1, reserve_for=HOUR):
                return
        raise AssertionError(f"overtaken {PATIENCE} times")

    def test_runs_that_nobody_can_advance_never_keep_others_out(self, storage: Storage) -> None:
        for i in range(40):
            write(
                storage,
                append(f"unoffered {i}", priority=0, needs=("ring-errand:gone",)),
                append(f"parked {i}", priority=0),
                append(f"quarantined {i}", priority=0),
                append(f"newer {i}", priority=0, min_reader=READER_VERSION + 1),
            )
            storage.reserve(f"parked {i}", until=FAR_FUTURE, reason="step_unavailable")
            storage.quarantine(f"quarantined {i}", reason="unreadable", by="worker")
        write(storage, append("able", priority=5, wake_at=LONG_AGO + 1))
        assert due_ids(storage, limit=1) == ["able"]


class TestAReservation:
    def test_keeps_the_run_from_other_calls(self, world: World) -> None:
        one, other = world.open(), world.open()
        write(one, append("t"))
        assert due_ids(one, reserve_for=HOUR) == ["t"]
        assert due_ids(other) == []
        assert due_ids(one) == []

    def test_lapses_by_itself(self, world: World) -> None:
        storage = world.open()
        write(storage, append("t"))
        batch = storage.due("default", offers=OFFERS, limit=1, reserve_for=5)
        assert [run.thread_id for run in batch.runs] == ["t"]
        world.wait_until(batch.now + 5)
        assert due_ids(storage) == ["t"]

    def test_is_no_parking(self, storage: Storage) -> None:
        write(storage, append("t"))
        assert due_runs(storage, reserve_for=0)["t"].parked == 0
        assert due_runs(storage, reserve_for=HOUR)["t"].parked == 0
        status = storage.heads(["t"])["t"]
        assert (status.parked_until, status.park_reason) == (None, None)

    def test_falls_on_no_run_beyond_the_limit(self, storage: Storage) -> None:
        write(storage, *(append(f"t{i}") for i in range(3)))
        assert due_ids(storage, limit=1, reserve_for=HOUR) == ["t0"]
        assert due_ids(storage) == ["t1", "t2"]

    def test_gives_each_run_to_one_of_many_callers_where_reservations_are_exclusive(self, world: World) -> None:
        storage = world.open()
        runs = [f"t{i:02}" for i in range(24)]
        write(storage, *map(append, runs))

        def worker(client: Storage) -> list[str]:
            mine: list[str] = []
            while batch := due_ids(client, limit=2, reserve_for=HOUR):
                mine += batch
            return mine

        clients = [storage, storage, world.open(), world.open()]
        with ThreadPoolExecutor(len(clients)) as pool:
            taken = [run for mine in pool.map(worker, clients) for run in mine]
        assert set(taken) | set(due_ids(storage)) == set(runs)
        if storage.capabilities.exclusive_reservations:
            assert len(taken) == len(set(taken))


class TestParking:
    def test_leaves_the_run_out_and_says_why(self, storage: Storage) -> None:
        (one,) = history(storage, "t", "a")
        storage.reserve("t", until=FAR_FUTURE, reason="step_unavailable")
        assert due_ids(storage) == []
        status = storage.heads(["t"])["t"]
        assert (status.parked_until, status.park_reason) == (FAR_FUTURE, "step_unavailable")
        (listed,) = storage.find(RunQuery()).runs
        assert (listed.parked_until, listed.park_reason) == (FAR_FUTURE, "step_unavailable")
        assert loaded(storage, "t").head == one.head

    def test_lapses_by_itself(self, world: World) -> None:
        storage = world.open()
        write(storage, append("t"))
        until = storage.clock() + 5
        storage.reserve("t", until=until, reason="step_unavailable")
        world.wait_until(until)
        assert due_ids(storage) == ["t"]

    def test_takes_the_place_of_a_reservation(self, storage: Storage) -> None:
        write(storage, append("t"))
        assert due_ids(storage, reserve_for=HOUR) == ["t"]
        storage.reserve("t", until=LONG_AGO, reason="step_unavailable")
        assert due_ids(storage) == ["t"]

    def test_is_counted_until_somebody_advances_the_run(self, storage: Storage) -> None:
        (one,) = history(storage, "t", "a")
        for times in range(1, 4):
            storage.reserve("t", until=LONG_AGO, reason="step_unavailable")
            assert due_runs(storage)["t"].parked == times
        write(storage, append("t", one.head))
        assert due_runs(storage)["t"].parked == 0

    def test_survives_due_of_others(self, storage: Storage) -> None:
        write(storage, append("parked"), append("free"))
        storage.reserve("parked", until=FAR_FUTURE, reason="step_unavailable")
        assert due_ids(storage, reserve_for=HOUR) == ["free"]
        assert storage.heads(["parked"])["parked"].park_reason == "step_unavailable"

    def test_is_not_lifted_by_a_nudge(self, storage: Storage) -> None:
        write(storage, append("t"))
        storage.reserve("t", until=FAR_FUTURE, reason="step_unavailable")
        nudge(storage, "t")
        assert due_ids(storage) == []

    @pytest.mark.parametrize("wake_at", [None, FAR_FUTURE])
    def test_does_not_make_a_nudge_forgotten(self, storage: Storage, wake_at: int | None) -> None:
        write(storage, append("t", wake_at=wake_at))
        nudge(storage, "t")
        storage.reserve("t", until=LONG_AGO, reason="step_unavailable")
        assert due_ids(storage) == ["t"]

    def test_outlasts_a_quarantine(self, storage: Storage) -> None:
        write(storage, append("t"))
        storage.quarantine("t", reason="unreadable", by="operator")
        storage.reserve("t", until=FAR_FUTURE, reason="step_unavailable")
        storage.unquarantine("t")
        assert due_ids(storage) == []

    def test_of_a_run_that_does_not_exist_makes_none(self, storage: Storage) -> None:
        storage.reserve("gone", until=FAR_FUTURE, reason="step_unavailable")
        assert storage.heads(["gone"]) == {}
        write(storage, append("gone"))
        assert due_ids(storage) == ["gone"]


class TestQuarantine:
    def test_keeps_the_run_out_of_due_until_it_is_lifted(self, storage: Storage) -> None:
        write(storage, append("bad"), append("good"))
        storage.quarantine("bad", reason="unreadable", by="operator")
        assert due_ids(storage) == ["good"]
        assert storage.unquarantine("bad") is True
        assert sorted(due_ids(storage)) == ["bad", "good"]
        assert storage.heads(["bad"])["bad"].quarantine_reason is None

    def test_says_whether_there_was_one_to_lift(self, storage: Storage) -> None:
        write(storage, append("t"))
        assert storage.unquarantine("t") is False
        assert storage.unquarantine("gone") is False
        storage.quarantine("t", reason="unreadable", by="operator")
        assert storage.unquarantine("t") is True
        assert storage.unquarantine("t") is False

    def test_leaves_the_run_listed_and_readable(self, storage: Storage) -> None:
        (one,) = history(storage, "t", "a")
        storage.quarantine("t", reason="unreadable", by="operator")
        (listed,) = storage.find(RunQuery()).runs
        assert (listed.thread_id, listed.quarantine_reason) == ("t", "unreadable")
        assert storage.heads(["t"])["t"].quarantine_reason == "unreadable"
        assert loaded(storage, "t").head == one.head

    def test_outlasts_commits_and_nudges(self, storage: Storage) -> None:
        (one,) = history(storage, "t", "a")
        storage.quarantine("t", reason="unreadable", by="operator")
        write(storage, append("t", one.head))
        nudge(storage, "t")
        assert storage.heads(["t"])["t"].quarantine_reason == "unreadable"
        assert due_ids(storage) == []

    def test_may_be_given_another_reason(self, storage: Storage) -> None:
        write(storage, append("t"))
        for reason in ("unreadable", "by hand"):
            storage.quarantine("t", reason=reason, by="operator")
        assert storage.heads(["t"])["t"].quarantine_reason == "by hand"

    def test_of_a_run_that_does_not_exist_makes_none(self, storage: Storage) -> None:
        storage.quarantine("gone", reason="unreadable", by="operator")
        assert storage.heads(["gone"]) == {}
        write(storage, append("gone", NO_HEAD))
        assert storage.load(["gone"]) != {}

    def test_takes_many_runs_at_once_or_none(self, storage: Storage) -> None:
        write(storage, *(append(f"r{i}") for i in range(5)))
        storage.reserve("r0", "r1", "gone", "r3", until=FAR_FUTURE, reason="step_unavailable")
        storage.reserve(until=FAR_FUTURE, reason="step_unavailable")
        assert sorted(due_ids(storage)) == ["r2", "r4"]
