"""Worlds side by side."""

from __future__ import annotations

from squidie_contract.checks.contract import StorageClauses
from squidie_contract.engine.appends import (
    HOUR,
    always,
    append,
    checkpoint_at,
    commits_of,
    due_ids,
    history,
    loaded,
    nudge,
    row,
    stored,
    write,
)
from squidie_contract.engine.worlds import Worlds
from squidie_core.journal.commit import LoadedThread
from squidie_core.ports.storage import HeadStatus, RunQuery


class NamespacesClauses(StorageClauses):
    """Namespaces: J14."""

    def test_j14_due_of_one_namespace_gives_nothing_of_another(self, worlds: Worlds) -> None:
        here, there = worlds.new("here ").storage(), worlds.new("there ").storage()
        write(here, append("mine"))
        write(there, append("theirs"))
        assert due_ids(here, reserve_for=HOUR) == ["mine"]
        assert due_ids(there) == ["theirs"]

    def test_j14_rebuild_index_of_one_namespace_touches_no_other(self, worlds: Worlds) -> None:
        here, there = worlds.new("here ").storage(), worlds.new("there ").storage()
        write(here, append("t"))
        write(there, append("t"), append("u"))
        assert here.rebuild_index(always(row(status="derived"))).examined == 1
        assert {run.index.status for run in there.find(RunQuery()).runs} == {"running"}

    def test_j14_namespaces_never_see_each_other(self, worlds: Worlds) -> None:
        here, there = worlds.new("here ").storage(), worlds.new("there ").storage()
        mine = history(here, "t", "mine", tags=("mine",))
        theirs = history(there, "t", "theirs", "more", status="paused")
        here.put_blob("blob", "mine")
        here.put_checkpoint("t", checkpoint_at(mine))
        here.quarantine("t", reason="unreadable", by="operator")
        nudge(here, "t")
        assert commits_of(here, "t") == [stored(one) for one in mine]
        assert commits_of(there, "t") == [stored(one) for one in theirs]
        assert loaded(there, "t") == LoadedThread(theirs[-1].head, loaded(there, "t").commits)
        assert there.heads(["t"]) == {"t": HeadStatus(head=theirs[-1].head, status="paused")}
        assert there.get_blobs(["blob"]) == {}
        there.put_blob("blob", "theirs")
        assert here.get_blobs(["blob"]) == {"blob": "mine"}
        assert not there.unquarantine("t")
        there.delete_checkpoint("t")
        assert loaded(here, "t").checkpoint is not None
