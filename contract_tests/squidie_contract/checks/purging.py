"""Runs that are forgotten go whole, and that they were there is remembered for a while."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from typing import Any

import pytest

from squidie_contract.checks.contract import StorageClauses
from squidie_contract.engine.appends import (
    FAR_FUTURE,
    LONG_AGO,
    always,
    append,
    checkpoint_at,
    commit_one,
    commits_of,
    due_ids,
    history,
    loaded,
    nudge,
    row,
    write,
)
from squidie_contract.engine.worlds import World, Worlds
from squidie_core.errors import OptionError
from squidie_core.journal.commit import COMMITTED, NO_HEAD, Append, Commit, Conflict, Head
from squidie_core.ports.storage import PurgePage, RunQuery, Storage, Tombstone

ENDED = ("completed", "failed", "cancelled")
END = LONG_AGO + 10
LATER = END + 1


def end(storage: Storage, thread_id: str, status: str = "completed", **changes: Any) -> list[Append]:
    """Write a run of two commits that has ended."""
    ending: dict[str, Any] = {"status": status, "ended_at": END, "wake_at": None, "needs": ()}
    first = append(thread_id, NO_HEAD, "begun", **changes)
    second = append(thread_id, first.head, "ended", **ending | changes)
    write(storage, first, second)
    return [first, second]


def purge(storage: Storage, **changes: Any) -> PurgePage:
    given: dict[str, Any] = {"before": LATER, "statuses": ENDED, "remember_until": FAR_FUTURE}
    return storage.purge(**given | changes)


def purge_all(storage: Storage, **changes: Any) -> list[list[str]]:
    """The pages of a purge from its first to its last."""
    pages = [purge(storage, **changes)]
    while pages[-1].next_after is not None:
        pages.append(purge(storage, after=pages[-1].next_after, **changes))
    return [list(page.run_ids) for page in pages]


def purged(storage: Storage, **changes: Any) -> set[str]:
    return set(chain.from_iterable(purge_all(storage, **changes)))


def listed(storage: Storage, **filters: Any) -> list[str]:
    return [run.thread_id for run in storage.find(RunQuery(**filters)).runs]


class PurgingClauses(StorageClauses):
    """Retention: P1 to P3."""

    def test_p1_a_purge_takes_runs_that_ended_before_that_time_with_one_of_the_statuses(self, storage: Storage) -> None:
        write(storage, append("running"), append("paused", status="paused", wake_at=None))
        end(storage, "old")
        end(storage, "failed", "failed")
        end(storage, "cancelled", "cancelled")
        end(storage, "young", ended_at=LATER)
        assert purged(storage, statuses=("completed", "failed")) == {"old", "failed"}
        assert sorted(listed(storage)) == ["cancelled", "paused", "running", "young"]

    def test_p1_a_purge_takes_nothing_of_no_status(self, storage: Storage) -> None:
        end(storage, "t")
        assert purge_all(storage, statuses=()) == [[]]
        assert purged(storage, statuses=("running", "unheard of")) == set()

    def test_p1_a_purge_takes_no_run_whose_row_has_no_end(self, storage: Storage) -> None:
        write(storage, append("t", status="completed"))
        assert purged(storage) == set()

    @pytest.mark.parametrize("limit", [1, 2, 3, 7, 100])
    def test_p1_a_purge_goes_on_where_a_page_ended(self, storage: Storage, limit: int) -> None:
        for number in range(7):
            end(storage, f"t{number}", ENDED[number % 3], started_at=LONG_AGO + number // 2)
        pages = purge_all(storage, limit=limit)
        assert sorted(chain.from_iterable(pages)) == [f"t{number}" for number in range(7)]
        assert all(len(page) <= limit for page in pages)
        assert listed(storage) == []

    def test_p1_a_purge_takes_the_oldest_of_a_status_first(self, storage: Storage) -> None:
        for number in (2, 0, 1):
            end(storage, f"t{number}", started_at=LONG_AGO + number)
        assert purge_all(storage, statuses=("completed",), limit=1)[:3] == [["t0"], ["t1"], ["t2"]]

    def test_p1_a_purge_goes_past_what_it_leaves_alone(self, storage: Storage) -> None:
        for number in range(6):
            end(storage, f"t{number}", started_at=LONG_AGO + number)
            if number < 3:
                storage.quarantine(f"t{number}", reason="unreadable", by="operator")
        assert purged(storage, limit=2) == {"t3", "t4", "t5"}

    @pytest.mark.parametrize("after", ["", "nonsense", "\u00e9", "bnVsbA==", "WzFd"])
    def test_p1_a_purge_refuses_to_go_on_after_what_no_page_gave(self, storage: Storage, after: str) -> None:
        with pytest.raises(OptionError, match=r"after|cursor"):
            purge(storage, after=after)

    def test_p1_a_purge_only_says_what_it_would_take(self, storage: Storage) -> None:
        for number in range(5):
            end(storage, f"t{number}")
        assert purged(storage, dry_run=True, limit=2) == {f"t{number}" for number in range(5)}
        assert len(listed(storage)) == 5
        assert storage.tombstones([f"t{number}" for number in range(5)]) == {}

    def test_j14_a_purge_leaves_other_namespaces_alone(self, worlds: Worlds) -> None:
        here, there = worlds.new("here ").storage(), worlds.new("there ").storage()
        for storage in (here, there):
            end(storage, "t")
        assert purged(here) == {"t"}
        assert listed(there) == ["t"]
        assert there.tombstones(["t"]) == {}
        assert len(commits_of(there, "t")) == 2

    def test_p1_a_purge_keeps_listings_going_where_they_were(self, storage: Storage) -> None:
        for number in range(6):
            end(storage, f"t{number}", started_at=LONG_AGO + number)
        first = storage.find(RunQuery(limit=2))
        assert set(purge(storage, limit=2).run_ids) == {"t0", "t1"}
        second = storage.find(RunQuery(limit=9, cursor=first.next_cursor))
        assert [run.thread_id for run in (*first.runs, *second.runs)] == ["t5", "t4", "t3", "t2"]

    def test_p1_a_purge_by_several_at_once_takes_each_run_once(self, world: World) -> None:
        storage = world.storage()
        names = [f"t{number}" for number in range(60)]
        for name in names:
            end(storage, name)

        def purge_by(client: Storage) -> list[str]:
            return list(chain(*purge_all(client, limit=4)))

        with ThreadPoolExecutor(3) as pool:
            taken = list(pool.map(purge_by, [world.storage() for _ in range(3)]))
        assert sorted(chain(*taken, purge_by(storage))) == sorted(names)

    def test_p1_the_run_of_another_stays_as_long_as_that_one_may_await_it(self, storage: Storage) -> None:
        (parent,) = history(storage, "parent", "begun")
        end(storage, "child", parent="parent")
        assert purged(storage) == set()
        write(storage, append("parent", parent.head, status="completed", ended_at=END, wake_at=None))
        assert purged(storage) == {"parent", "child"}

    def test_p1_the_run_of_another_goes_where_that_one_is_not_there(self, storage: Storage) -> None:
        end(storage, "orphan", parent="gone")
        end(storage, "parent")
        assert purged(storage) == {"orphan", "parent"}
        end(storage, "late", parent="parent")
        assert purged(storage) == {"late"}

    def test_p1_the_run_of_another_stays_while_it_has_not_ended_itself(self, storage: Storage) -> None:
        write(storage, append("child", parent="parent"))
        end(storage, "parent")
        assert purged(storage) == {"parent"}
        assert listed(storage) == ["child"]

    def test_p2_a_purged_run_is_gone_for_every_reader(self, storage: Storage) -> None:
        written = end(storage, "t", tags=("x",))
        storage.put_checkpoint("t", checkpoint_at(written))
        end(storage, "other")
        assert purged(storage, statuses=("completed",), limit=1) == {"t", "other"}
        assert storage.load(["t"]) == storage.load(["t"], known={"t": written[0].head}) == {}
        assert storage.heads(["t"]) == {}
        assert commits_of(storage, "t") == []
        assert listed(storage) == listed(storage, status="completed") == listed(storage, workflow="ring-errand") == []
        assert listed(storage, quarantined=False) == listed(storage, tag="x") == []
        assert due_ids(storage) == []
        assert purged(storage, before=FAR_FUTURE) == set()

    def test_p2_a_purged_run_is_touched_by_nobody(self, storage: Storage) -> None:
        end(storage, "t")
        purge(storage)
        left = storage.tombstones(["t"])
        nudge(storage, "t")
        storage.reserve("t", until=LONG_AGO, reason="step_unavailable")
        storage.acknowledge({"t": 1})
        storage.quarantine("t", reason="unreadable", by="operator")
        assert storage.unquarantine("t") is False
        storage.put_checkpoint("t", checkpoint_at(end(storage, "other")))
        storage.delete_checkpoint("t")
        assert due_ids(storage) == []
        assert storage.heads(["t"]) == {}
        assert storage.load(["t"]) == {}
        assert storage.tombstones(["t"]) == left

    def test_p2_a_purged_run_is_not_brought_back_by_a_rebuild(self, storage: Storage) -> None:
        end(storage, "t")
        write(storage, append("live"))
        purge(storage)
        page = storage.rebuild_index(always(row()))
        assert (page.examined, dict(page.failed)) == (1, {})
        assert listed(storage) == ["live"]

    def test_p2_a_purged_run_during_a_rebuild_harms_nothing(self, storage: Storage) -> None:
        end(storage, "t")

        def derive(_: str, __: Any) -> Any:
            purge(storage)
            return row(status="completed", ended_at=END, wake_at=None)

        storage.rebuild_index(derive)
        assert listed(storage) == []
        assert "t" in storage.tombstones(["t"])

    def test_p3_a_purged_run_is_not_brought_back_by_a_late_writer(self, storage: Storage) -> None:
        first, second = end(storage, "t")
        purge(storage)
        for head in (second.head, first.head, NO_HEAD):
            assert commit_one(storage, append("t", head)) == Conflict(("t",))
        both = Commit((append("t"), append("beside")))
        assert storage.commit([both, Commit((append("c"),))]) == [Conflict(("t",)), COMMITTED]
        assert storage.heads(["t", "beside"]) == {}
        assert commits_of(storage, "t") == []

    def test_p3_a_purged_run_leaves_what_it_was(self, storage: Storage) -> None:
        end(storage, "t", "failed", workflow="errand", start_digest="begin:\u00e9")
        end(storage, "other")
        purge(storage, statuses=("failed",))
        assert storage.tombstones(["t", "other", "gone"]) == {
            "t": Tombstone(
                workflow="errand",
                status="failed",
                start_digest="begin:\u00e9",
                ended_at=END,
                expires_at=FAR_FUTURE,
            )
        }
        assert storage.tombstones([]) == {}

    def test_p3_a_tombstone_goes_with_a_later_purge_once_its_time_is_over(self, storage: Storage) -> None:
        end(storage, "t")
        end(storage, "other")
        (first,) = purge(storage, statuses=("completed",), remember_until=LONG_AGO, limit=1).run_ids
        purge_all(storage)
        assert set(storage.tombstones(["t", "other"])) == {"t", "other"} - {first}

    def test_p3_a_tombstone_stays_until_then(self, world: World) -> None:
        storage = world.storage()
        end(storage, "t")
        until = storage.clock() + 60_000
        purge(storage, remember_until=until)
        purge_all(storage)
        assert set(storage.tombstones(["t"])) == {"t"}

    def test_p3_a_tombstone_is_collected_without_statuses_too_and_at_most_so_many_at_once(
        self, storage: Storage
    ) -> None:
        names = [f"t{number}" for number in range(5)]
        for name in names:
            end(storage, name)
        assert purged(storage, remember_until=LONG_AGO, dry_run=True) == set(names)
        purge(storage, remember_until=LONG_AGO, limit=5)
        assert purge(storage, dry_run=True).expired == 0
        collected = 0
        while expired := purge(storage, statuses=(), limit=2).expired:
            assert expired <= 2
            collected += expired
        assert storage.tombstones(names) == {}
        assert collected in (5, 0)

    def test_p3_a_tombstone_that_went_leaves_the_id_free(self, storage: Storage) -> None:
        end(storage, "t")
        purge(storage, remember_until=LONG_AGO)
        while purge(storage, statuses=()).expired:
            pass
        (again,) = history(storage, "t", "again")
        assert loaded(storage, "t").head == again.head
        assert listed(storage) == ["t"]

    def test_j9_a_purged_run_hides_nothing_of_a_commit_that_another_run_still_shows(self, storage: Storage) -> None:
        together = Commit((append("gone", status="completed", ended_at=END, wake_at=None), append("stays")))
        assert list(storage.commit([together])) == [COMMITTED]
        assert purged(storage) == {"gone"}
        assert list(storage.commit([together])) == [COMMITTED]
        assert storage.heads(["gone"]) == {}

    def test_p2_while_others_work_readers_see_a_run_whole_or_not_at_all(self, world: World) -> None:
        storage, reader = world.storage(), world.storage()
        written = {f"t{number}": end(storage, f"t{number}") for number in range(40)}

        def read() -> None:
            for _ in range(30):
                for name, thread in reader.load(list(written)).items():
                    assert thread.head == written[name][1].head
                    assert len(thread.commits) == 2

        with ThreadPoolExecutor(1) as pool:
            reading = pool.submit(read)
            assert purged(storage, limit=3) == set(written)
            reading.result()

    def test_p3_while_others_work_a_start_never_gets_the_id_of_a_run_that_goes(self, world: World) -> None:
        """Starts race with the purge of their run: each finds the run, or its tombstone."""
        storage, clients = world.storage(), [world.storage() for _ in range(2)]
        names = [f"t{number}" for number in range(60)]
        for name in names:
            end(storage, name)

        def start_all(client: Storage) -> set[object]:
            return {commit_one(client, append(name)) for _ in range(3) for name in names}

        with ThreadPoolExecutor(2) as pool:
            starting = [pool.submit(start_all, client) for client in clients]
            assert purged(storage, limit=2) == set(names)
            results = set(chain.from_iterable(done.result() for done in starting))
        assert COMMITTED not in results
        assert storage.heads(names) == {}
        assert set(storage.tombstones(names)) == set(names)

    def test_p2_while_others_work_an_append_to_the_run_is_wholly_before_or_after(self, world: World) -> None:
        storage, writers = world.storage(), [world.storage() for _ in range(2)]
        names = [f"t{number:03}" for number in range(200)]
        ended: dict[str, Any] = {"status": "completed", "ended_at": END, "wake_at": None}
        begun = [append(name, **ended) for name in names]
        assert set(storage.commit([Commit((one,)) for one in begun])) == {COMMITTED}

        def write_all(writer: Storage, heads: dict[str, Head]) -> None:
            """Append to each again and again, until it is gone."""
            while heads:
                for name, head in list(heads.items()):
                    one = append(name, head, **ended)
                    result = commit_one(writer, one)
                    if result == COMMITTED:
                        heads[name] = one.head
                    elif isinstance(result, Conflict):
                        del heads[name]

        with ThreadPoolExecutor(2) as pool:
            heads = {one.thread_id: one.head for one in begun}
            halves = [{name: heads[name] for name in names[half::2]} for half in range(2)]
            writing = [pool.submit(write_all, *one) for one in zip(writers, halves, strict=True)]
            purged(storage, limit=200)
            while not all(done.done() for done in writing):
                purged(storage, limit=200)
        left = {name for name in names if commits_of(storage, name)}
        assert set(storage.heads(names)) == left
        assert purged(storage) == left
        assert not any(commits_of(storage, name) for name in names)
