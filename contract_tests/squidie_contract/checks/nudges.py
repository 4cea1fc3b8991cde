"""Saying that a run wants to be looked at: it is seen, and never forgotten for somebody who had not seen it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from squidie_contract.checks.contract import StorageClauses
from squidie_contract.engine.appends import (
    FAR_FUTURE,
    HOUR,
    LONG_AGO,
    OFFERS,
    append,
    commit_one,
    commits_of,
    due_ids,
    history,
    loaded,
    nudge,
    stored,
    write,
)
from squidie_contract.engine.worlds import World
from squidie_core.journal.commit import COMMITTED, Append, Commit, Conflict, Head
from squidie_core.ports.storage import DueRun, Storage


class NudgesClauses(StorageClauses):
    """Nudges: D8 and D9."""

    def test_d8_a_nudge_makes_a_run_due_that_waits_for_nothing(self, storage: Storage) -> None:
        write(storage, append("parent", wake_at=None), append("asleep", wake_at=FAR_FUTURE))
        assert due_ids(storage) == []
        assert storage.commit([Commit((append("child", wake_at=None),), nudges=("parent", "asleep"))]) == [COMMITTED]
        assert sorted(due_ids(storage)) == ["asleep", "parent"]

    def test_d8_a_nudge_is_counted_where_readers_see_it(self, storage: Storage) -> None:
        write(storage, append("t"))
        for _ in range(3):
            nudge(storage, "t")
        assert storage.heads(["t"])["t"].nudges == 3
        assert loaded(storage, "t").nudges == 3

    def test_d8_a_nudge_is_no_part_of_the_journal(self, storage: Storage) -> None:
        (one,) = history(storage, "t", "a")
        nudge(storage, "t")
        assert loaded(storage, "t").head == one.head
        assert commits_of(storage, "t") == [stored(one)]
        write(storage, append("t", one.head))

    def test_d8_a_nudge_to_a_run_that_does_not_exist_is_nothing(self, storage: Storage) -> None:
        assert storage.commit([Commit((append("child"),), nudges=("gone",))]) == [COMMITTED]
        assert storage.heads(["gone"]) == {}

    def test_d9_a_nudge_is_no_more_after_an_append_whose_decision_had_seen_it(self, storage: Storage) -> None:
        (one,) = history(storage, "t", "a", wake_at=None)
        nudge(storage, "t")
        write(storage, seeing(1, append("t", one.head, wake_at=None)))
        assert due_ids(storage) == []
        assert storage.heads(["t"])["t"].nudges == 1

    @pytest.mark.parametrize("wake_at", [None, FAR_FUTURE])
    def test_d9_a_nudge_that_came_between_load_and_commit_keeps_the_run_due(
        self, world: World, wake_at: int | None
    ) -> None:
        storage, nudger = world.storage(), world.storage()
        (one,) = history(storage, "t", "a", wake_at=None)
        nudge(nudger, "t")
        run = due_run(storage, "t")
        nudge(nudger, "t")
        write(storage, seeing(run.nudges, append("t", one.head, wake_at=wake_at)))
        again = due_run(storage, "t")
        assert (run.nudges, again.nudges) == (1, 2)
        storage.acknowledge({"t": again.nudges})
        assert due_ids(storage) == []

    def test_d9_a_nudge_that_came_between_due_and_commit_outlasts_the_reservation(self, world: World) -> None:
        storage, nudger = world.storage(), world.storage()
        (one,) = history(storage, "t", "a")
        assert due_ids(storage, reserve_for=HOUR) == ["t"]
        nudge(nudger, "t")
        assert due_ids(storage) == []
        write(storage, append("t", one.head, wake_at=None))
        assert due_ids(nudger) == ["t"]

    def test_d9_a_nudge_is_not_forgotten_for_an_older_acknowledgement(self, storage: Storage) -> None:
        (one,) = history(storage, "t", "a", wake_at=None)
        for _ in range(3):
            nudge(storage, "t")
        storage.acknowledge({"t": 2})
        assert due_ids(storage) == ["t"]
        second = seeing(2, append("t", one.head, wake_at=None))
        write(storage, second)
        assert due_ids(storage) == ["t"]
        write(storage, seeing(3, append("t", second.head, wake_at=None)))
        assert due_ids(storage) == []

    def test_d9_a_nudge_that_was_acknowledged_does_not_come_back(self, storage: Storage) -> None:
        (one,) = history(storage, "t", "a", wake_at=None)
        nudge(storage, "t")
        storage.acknowledge({"t": 1})
        assert due_ids(storage) == []
        write(storage, append("t", one.head, wake_at=None))
        assert due_ids(storage) == []

    def test_d9_a_nudge_that_was_acknowledged_leaves_the_time_of_the_index_row(self, storage: Storage) -> None:
        write(storage, append("due"), append("asleep", wake_at=FAR_FUTURE))
        nudge(storage, "due", "asleep")
        storage.acknowledge({"due": 1, "asleep": 1, "gone": 1})
        assert due_ids(storage) == ["due"]
        assert storage.heads(["gone"]) == {}

    def test_d9_a_nudge_that_was_acknowledged_ends_the_reservation(self, storage: Storage) -> None:
        write(storage, append("t", wake_at=None))
        for times in (1, 2):
            nudge(storage, "t")
            assert due_ids(storage, reserve_for=HOUR) == ["t"]
            storage.acknowledge({"t": times})
        nudge(storage, "t")
        assert due_ids(storage, reserve_for=HOUR) == ["t"]
        storage.acknowledge({"t": 2})
        assert due_ids(storage) == ["t"]

    def test_d9_a_nudge_that_was_acknowledged_leaves_parking_and_quarantine(self, storage: Storage) -> None:
        write(storage, append("parked"), append("quarantined"))
        nudge(storage, "parked", "quarantined")
        storage.reserve("parked", until=FAR_FUTURE, reason="step_unavailable")
        storage.quarantine("quarantined", reason="unreadable", by="operator")
        storage.acknowledge({"parked": 1, "quarantined": 1})
        assert due_ids(storage) == []
        storage.unquarantine("quarantined")
        assert due_ids(storage) == ["quarantined"]

    @pytest.mark.parametrize("seen", [0, 1])
    def test_d9_a_nudge_in_a_call_that_appends_to_the_run_comes_after_that(self, storage: Storage, seen: int) -> None:
        (one,) = history(storage, "t", "a", wake_at=None)
        nudge(storage, "t")
        own = seeing(seen, append("t", one.head, wake_at=None))
        child = Commit((append("child", queue="children"),), nudges=("t",))
        assert storage.commit([child, Commit((own,))]) == [COMMITTED, COMMITTED]
        assert due_run(storage, "t").nudges == 2
        assert loaded(storage, "t").head == own.head

    def test_d8_a_nudge_of_a_run_by_a_commit_that_appends_to_it_counts(self, storage: Storage) -> None:
        (one,) = history(storage, "t", "a")
        assert storage.commit([Commit((append("t", one.head, wake_at=None),), nudges=("t",))]) == [COMMITTED]
        assert due_run(storage, "t").nudges == 1

    def test_d8_a_nudge_counts_once_for_each_commit(self, storage: Storage) -> None:
        write(storage, append("t"))
        commits = [Commit((append(f"child {i}"),), nudges=("t", "t")) for i in range(2)]
        assert storage.commit(commits) == [COMMITTED, COMMITTED]
        assert storage.heads(["t"])["t"].nudges == 2

    def test_d8_a_nudge_of_a_refused_commit_in_a_group_is_none(self, storage: Storage) -> None:
        write(storage, append("t"), append("taken"))
        refused = Commit((append("taken"),), nudges=("t",))
        accepted = Commit((append("child"),), nudges=("t",))
        assert storage.commit([refused, accepted]) == [Conflict(("taken",)), COMMITTED]
        assert storage.heads(["t"])["t"].nudges == 1

    def test_d8_a_nudge_of_a_run_whose_own_append_is_refused_counts(self, storage: Storage) -> None:
        history(storage, "t", "a", wake_at=None)
        stale = Commit((append("t", Head(9, 9)),))
        assert storage.commit([stale, Commit((append("child", wake_at=None),), nudges=("t",))]) == [
            Conflict(("t",)),
            COMMITTED,
        ]
        assert due_run(storage, "t").nudges == 1

    def test_d8_a_nudge_by_a_commit_of_nothing_else_counts(self, storage: Storage) -> None:
        write(storage, append("t", wake_at=None))
        assert storage.commit([Commit((), nudges=("t", "gone"))]) == [COMMITTED]
        assert due_run(storage, "t").nudges == 1

    def test_d8_a_nudge_makes_no_ended_run_due(self, storage: Storage) -> None:
        (one,) = history(storage, "t", "a")
        nudge(storage, "t")
        write(storage, append("t", one.head, wake_at=None, status="completed", ended_at=LONG_AGO))
        assert due_ids(storage) == []
        nudge(storage, "t")
        assert due_ids(storage) == []
        assert storage.heads(["t"])["t"].nudges == 2

    def test_d9_a_nudge_is_seen_by_whoever_looks_after_it_however_many_nudge_at_once(self, world: World) -> None:
        """Nudgers race with somebody who acknowledges all he sees: at the end nothing is left unseen."""
        clients = [world.storage() for _ in range(4)]
        (one,) = history(clients[0], "t", "a", wake_at=None)

        def nudger(client: Storage) -> None:
            for _ in range(20):
                nudge(client, "t")

        head, seen = one.head, 0
        with ThreadPoolExecutor(3) as pool:
            nudging = [pool.submit(nudger, client) for client in clients[1:]]
            for _ in range(5_000):
                if all(done.done() for done in nudging) and not due_ids(clients[0]):
                    break
                status = clients[0].heads(["t"])["t"]
                own = seeing(status.nudges, append("t", head, wake_at=None))
                if commit_one(clients[0], own) == COMMITTED:
                    head, seen = own.head, status.nudges
        status = clients[0].heads(["t"])["t"]
        assert (status.head, status.nudges) == (head, seen)

    def test_d8_load_of_a_known_thread_tells_of_nudges_though_nothing_follows(self, storage: Storage) -> None:
        (one,) = history(storage, "t", "a")
        nudge(storage, "t")
        assert storage.load(["t"], known={"t": one.head})["t"].nudges == 1

    @pytest.mark.parametrize("wake_at", [None, FAR_FUTURE])
    def test_d8_parking_does_not_make_a_nudge_forgotten(self, storage: Storage, wake_at: int | None) -> None:
        write(storage, append("t", wake_at=wake_at))
        nudge(storage, "t")
        storage.reserve("t", until=LONG_AGO, reason="step_unavailable")
        assert due_ids(storage) == ["t"]


def seeing(nudges: int, one: Append) -> Append:
    """The append of somebody who had seen so many nudges."""
    return replace(one, nudges_seen=nudges)


def due_run(storage: Storage, thread_id: str) -> DueRun:
    (run,) = storage.due("default", offers=OFFERS, limit=9, reserve_for=0).runs
    assert run.thread_id == thread_id
    return run
