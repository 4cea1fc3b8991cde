"""Which runs are due, in which order, and that none is lost."""

from __future__ import annotations

from squidie_contract.checks.contract import StorageClauses
from squidie_contract.engine.appends import (
    FAR_FUTURE,
    HOUR,
    LONG_AGO,
    OFFERS,
    append,
    due_ids,
    due_runs,
    fold,
    history,
    loaded,
    write,
)
from squidie_contract.engine.worlds import World
from squidie_core.journal.codec import READER_VERSION
from squidie_core.ports.storage import Storage

_POLLS = 64
"""More polls than a run may be overtaken in."""


class DueClauses(StorageClauses):
    """Due work: D1 to D4 and D10."""

    def test_d1_after_a_commit_a_run_without_a_time_is_not_due(self, storage: Storage) -> None:
        (one,) = history(storage, "t", "a")
        write(storage, append("t", one.head, wake_at=None))
        assert due_ids(storage) == []

    def test_d1_after_a_commit_a_run_is_due_when_its_index_row_says(self, world: World) -> None:
        storage = world.storage()
        (one,) = history(storage, "t", "a")
        later = storage.clock() + 20
        write(storage, append("t", one.head, wake_at=later))
        world.wait_until(storage, later)
        assert due_ids(storage) == ["t"]

    def test_d1_due_gives_the_runs_of_the_queue_whose_time_has_come(self, storage: Storage) -> None:
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

    def test_d1_due_counts_the_very_millisecond_as_come(self, world: World) -> None:
        storage = world.storage()
        now = storage.clock()
        write(storage, append("t", wake_at=now))
        world.wait_until(storage, now)
        assert due_ids(storage) == ["t"]

    def test_d2_due_gives_lower_priorities_first_then_the_earliest(self, storage: Storage) -> None:
        write(
            storage,
            append("late", priority=5, wake_at=LONG_AGO + 2),
            append("last", priority=9, wake_at=LONG_AGO),
            append("early", priority=5, wake_at=LONG_AGO + 1),
            append("first", priority=0, wake_at=LONG_AGO + 3),
        )
        assert due_ids(storage) == ["first", "early", "late", "last"]

    def test_d1_due_gives_what_was_written_after_a_look_even_if_its_time_was_long_past_then(self, world: World) -> None:
        one, other = world.storage(), world.storage()
        for name in ("a", "b"):
            assert due_ids(one) == due_ids(other) == []
            (begun,) = history(one, name, "begun", wake_at=FAR_FUTURE)
            write(other, append(name, begun.head, wake_at=LONG_AGO))
            assert due_ids(one) == due_ids(other) == [name]
            one.reserve(name, until=FAR_FUTURE, reason="seen")

    def test_d2_due_gives_at_most_so_many_and_the_best_of_them(self, storage: Storage) -> None:
        write(storage, *(append(f"t{i}", priority=9 - i) for i in range(5)))
        assert due_ids(storage, limit=2, reserve_for=HOUR) == ["t4", "t3"]
        assert due_ids(storage, limit=2, reserve_for=HOUR) == ["t2", "t1"]
        assert due_ids(storage, limit=2, reserve_for=HOUR) == ["t0"]

    def test_d1_due_takes_nothing_for_a_limit_of_none(self, storage: Storage) -> None:
        write(storage, append("t"))
        assert due_ids(storage, limit=0, reserve_for=HOUR) == []
        assert due_ids(storage) == ["t"]

    def test_d1_due_gives_runs_that_need_one_of_the_offers(self, storage: Storage) -> None:
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

    def test_d1_due_leaves_out_what_only_newer_readers_understand(self, storage: Storage) -> None:
        write(storage, append("newer", min_reader=READER_VERSION + 1), append("readable", min_reader=READER_VERSION))
        assert due_ids(storage) == ["readable"]

    def test_d10_due_gives_a_run_with_its_head(self, storage: Storage) -> None:
        *_, last = history(storage, "t", "a", "b")
        assert due_runs(storage)["t"].head == last.head

    def test_d10_due_brings_threads_along_as_they_are(self, storage: Storage) -> None:
        history(storage, "t", "a", "b")
        storage.reserve("t", until=LONG_AGO, reason="not yet")
        run = due_runs(storage)["t"]
        assert run.loaded in (loaded(storage, "t"), None)
        assert run.parked == 1

    def test_d10_due_gives_large_threads_whole_or_leaves_them_to_load(self, storage: Storage) -> None:
        written = history(storage, "t", *("x" * 100_000 for _ in range(4)))
        run = due_runs(storage)["t"]
        assert run.loaded is None or fold(run.loaded) == [one.body for one in written]
        assert run.head == written[-1].head
        assert fold(loaded(storage, "t")) == [one.body for one in written]

    def test_d1_due_tells_when_the_next_run_falls_due_where_that_is_known(self, storage: Storage) -> None:
        write(storage, append("now"), append("b", wake_at=FAR_FUTURE + 5), append("a", wake_at=FAR_FUTURE))
        assert storage.due("default", offers=OFFERS, limit=9, reserve_for=0).next_wake in (FAR_FUTURE, None)
        assert storage.due("empty", offers=OFFERS, limit=9, reserve_for=0).next_wake is None

    def test_d3_fairness_a_run_of_the_last_priority_is_overtaken_only_for_a_bounded_time(
        self, storage: Storage
    ) -> None:
        write(storage, append("patient", priority=9, wake_at=LONG_AGO))
        for i in range(_POLLS):
            write(storage, append(f"hurried {i}", priority=0, wake_at=LONG_AGO + 1))
            if "patient" in due_ids(storage, limit=1, reserve_for=HOUR):
                return
        raise AssertionError(f"overtaken {_POLLS} times")

    def test_d4_fairness_runs_that_nobody_can_advance_never_keep_others_out(self, storage: Storage) -> None:
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
