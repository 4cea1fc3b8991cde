"""Keeping a run that cannot be read out of the way."""

from __future__ import annotations

from squidie_contract.checks.contract import StorageClauses
from squidie_contract.engine.appends import append, due_ids, history, loaded, nudge, write
from squidie_core.journal.commit import NO_HEAD
from squidie_core.ports.storage import RunQuery, Storage


class QuarantineClauses(StorageClauses):
    """Quarantine: D11."""

    def test_d11_quarantine_keeps_the_run_out_of_due_until_it_is_lifted(self, storage: Storage) -> None:
        write(storage, append("bad"), append("good"))
        storage.quarantine("bad", reason="unreadable", by="operator")
        assert due_ids(storage) == ["good"]
        assert storage.unquarantine("bad") is True
        assert sorted(due_ids(storage)) == ["bad", "good"]
        assert storage.heads(["bad"])["bad"].quarantine_reason is None

    def test_d11_quarantine_says_whether_there_was_one_to_lift(self, storage: Storage) -> None:
        write(storage, append("t"))
        assert storage.unquarantine("t") is False
        assert storage.unquarantine("gone") is False
        storage.quarantine("t", reason="unreadable", by="operator")
        assert storage.unquarantine("t") is True
        assert storage.unquarantine("t") is False

    def test_d11_quarantine_leaves_the_run_listed_and_readable(self, storage: Storage) -> None:
        (one,) = history(storage, "t", "a")
        storage.quarantine("t", reason="unreadable", by="operator")
        (listed,) = storage.find(RunQuery()).runs
        assert (listed.thread_id, listed.quarantine_reason) == ("t", "unreadable")
        assert storage.heads(["t"])["t"].quarantine_reason == "unreadable"
        assert loaded(storage, "t").head == one.head

    def test_d11_quarantine_outlasts_commits_and_nudges(self, storage: Storage) -> None:
        (one,) = history(storage, "t", "a")
        storage.quarantine("t", reason="unreadable", by="operator")
        write(storage, append("t", one.head))
        nudge(storage, "t")
        assert storage.heads(["t"])["t"].quarantine_reason == "unreadable"
        assert due_ids(storage) == []

    def test_d11_quarantine_may_be_given_another_reason(self, storage: Storage) -> None:
        write(storage, append("t"))
        for reason in ("unreadable", "by hand"):
            storage.quarantine("t", reason=reason, by="operator")
        assert storage.heads(["t"])["t"].quarantine_reason == "by hand"

    def test_d11_quarantine_of_a_run_that_does_not_exist_makes_none(self, storage: Storage) -> None:
        storage.quarantine("gone", reason="unreadable", by="operator")
        assert storage.heads(["gone"]) == {}
        write(storage, append("gone", NO_HEAD))
        assert storage.load(["gone"]) != {}
