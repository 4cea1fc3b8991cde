"""Many starts at once: one call, each run on its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from squidie_core import ConflictError, OptionError, PayloadError, Squidie, Workflow, step, trigger
from squidie_core.journal.commit import Commit, CommitResult
from tests.runtime.stores import Store


@dataclass
class Parcel:
    number: int


def send(number: int) -> dict[str, int]:
    return {"sent": number}


class Post(Workflow, name="post"):
    drop = trigger.manual(Parcel)
    send = step(send)


def runs_in(squidie: Squidie) -> list[str]:
    return sorted(run.id for run in squidie.list_runs().runs)


class TestStartMany:
    def test_starts_a_run_for_each_payload(self, store: Store) -> None:
        squidie = store.open(Post)
        runs = squidie.start_many(Post.drop, [Parcel(n) for n in range(5)], tags=["bulk"], priority=2)
        assert [run.input for run in runs] == [{"number": n} for n in range(5)]
        assert {(run.tags, run.priority, run.status) for run in runs} == {(("bulk",), 2, "running")}
        assert runs_in(squidie) == sorted(run.id for run in runs)
        assert squidie.drain() == 5
        assert [squidie.inspect_run(run).output(Post.send) for run in runs] == [{"sent": n} for n in range(5)]

    def test_starts_nothing_where_a_payload_is_wrong(self, store: Store) -> None:
        squidie = store.open(Post)
        payloads: list[Any] = [Parcel(1), {"number": "two"}]
        with pytest.raises(PayloadError):
            squidie.start_many(Post.drop, payloads)
        assert runs_in(squidie) == []

    def test_gives_the_runs_that_there_are_for_known_keys(self, store: Store) -> None:
        squidie = store.open(Post)
        first = squidie.start(Post.drop, Parcel(1), idempotency_key="one")
        squidie.drain()
        again, new = squidie.start_many(Post.drop, [Parcel(1), Parcel(2)], idempotency_keys=["one", "two"])
        assert (again.id, again.status) == (first.id, "completed")
        assert (new.status, len(runs_in(squidie))) == ("running", 2)
        with pytest.raises(ConflictError):
            squidie.start_many(Post.drop, [Parcel(3)], idempotency_keys=["two"])

    @pytest.mark.parametrize("keys", [["a"], ["a", "a"], ["a", ""]])
    def test_refuses_keys_that_do_not_tell_the_payloads_apart(self, memory: Store, keys: Sequence[str]) -> None:
        squidie = memory.open(Post)
        with pytest.raises(OptionError):
            squidie.start_many(Post.drop, [Parcel(1), Parcel(2)], idempotency_keys=keys)
        assert runs_in(squidie) == []

    def test_calls_the_store_once(self, memory: Store, monkeypatch: pytest.MonkeyPatch) -> None:
        squidie = memory.open(Post)
        storage = squidie.store.storage
        calls: list[int] = []
        commit = storage.commit

        def counted(commits: Sequence[Commit]) -> Sequence[CommitResult]:
            calls.append(len(commits))
            return commit(commits)

        monkeypatch.setattr(storage, "commit", counted)
        squidie.start_many(Post.drop, [Parcel(n) for n in range(100)])
        assert calls == [100]

    def test_takes_no_payloads_as_nothing_to_do(self, memory: Store) -> None:
        assert memory.open(Post).start_many(Post.drop, []) == []
