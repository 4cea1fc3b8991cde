"""Saying that a run wants to be looked at."""

from __future__ import annotations

import pytest

from squidie_contract.checks.contract import StorageClauses
from squidie_contract.engine.appends import (
    FAR_FUTURE,
    LONG_AGO,
    append,
    commits_of,
    due_ids,
    history,
    loaded,
    nudge,
    stored,
    write,
)
from squidie_core.journal.commit import COMMITTED, Commit
from squidie_core.ports.storage import Storage


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

    def test_d8_a_nudge_is_answered_by_the_next_commit_to_the_run(self, storage: Storage) -> None:
        (one,) = history(storage, "t", "a", wake_at=None)
        nudge(storage, "t")
        write(storage, append("t", one.head, wake_at=None))
        assert due_ids(storage) == []

    @pytest.mark.parametrize("wake_at", [None, FAR_FUTURE])
    def test_d8_parking_does_not_make_a_nudge_forgotten(self, storage: Storage, wake_at: int | None) -> None:
        write(storage, append("t", wake_at=wake_at))
        nudge(storage, "t")
        storage.reserve("t", until=LONG_AGO, reason="step_unavailable")
        assert due_ids(storage) == ["t"]

    def test_d8_load_of_a_known_thread_tells_of_nudges_though_nothing_follows(self, storage: Storage) -> None:
        (one,) = history(storage, "t", "a")
        nudge(storage, "t")
        assert storage.load(["t"], known={"t": one.head})["t"].nudges == 1
