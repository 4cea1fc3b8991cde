"""Bytes that rot in a file, in the journal of one run: it is quarantined and reported, and the others go on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import psycopg
import pytest

from squidie_core import Corrupt, Snapshot, Squidie, Workflow, step, trigger
from squidie_core.ports import Finding
from tests.failures.flows import Good, nothing
from tests.runtime.stores import SqliteStore, SqlStore, assert_consistent, working
from tests.runtime.waiting import eventually
from tests.servers import Postgres

MARK = "a letter to Gandalf"
DAMAGE: Mapping[str, Callable[[str], str]] = {
    "a byte that is no text": lambda body: body.replace("Gandalf", "Gand\udcfflf"),
    "no JSON": lambda body: body.replace("]", "", 1),
    "a letter that is none of ours": lambda body: body.replace("Gandalf", "Gandálf"),
    "cut off": lambda body: body[: len(body) // 2],
    "nothing": lambda _: "",
    "too deep": lambda _: "[" * 100_000,
    "a number too long": lambda body: body.replace('"priority":0', f'"priority":{"9" * 5000}'),
    "another run's": lambda body: body.replace("run_signal_received", "attempt_heartbeat"),
}


class Changed(Workflow, name="good"):
    """What a later worker knows of `Good`: it has to ask for the definition that runs were started with."""

    begin = trigger.manual()
    first = step(nothing)


def findings(squidie: Squidie, check: str) -> Finding:
    return next(finding for finding in squidie.doctor().findings if finding.check == check)


def assert_quarantined(squidie: Squidie, bad: list[Snapshot], good: list[Snapshot]) -> None:
    """The good ones have gone on; the bad ones are out of the way, and everybody who asks is told."""
    ids = {run.id for run in bad}
    for run in good:
        assert squidie.inspect_run(run).status == "completed"
        assert_consistent(squidie, run)
    listed = squidie.list_runs(quarantined=True).runs
    assert {row.id for row in listed} == ids
    assert all(row.quarantined for row in listed)
    assert {row.id for row in squidie.list_runs().runs} == ids | {run.id for run in good}
    for check in ("quarantine", "journals"):
        finding = findings(squidie, check)
        assert finding.status == "fail"
        assert all(run in str(finding.details) for run in ids)
        assert MARK not in str(finding)
    for run in bad:
        for ask in (squidie.inspect_run, squidie.cancel):
            with pytest.raises(Corrupt) as refused:
                ask(run)
            assert "Gand" not in str(refused.value)


def first_commit(store: SqlStore, run: Snapshot) -> str:
    """The text of the run's first commit."""
    (body,) = store.execute(
        "select body from squidie_commits where namespace = %(namespace)s and run_id = %(run_id)s and rev = 1",
        {"namespace": store.namespace, "run_id": run.id},
    )
    return str(body)


def rewrite_first(store: SqlStore, run: Snapshot, body: str) -> None:
    """Put something in place of it, whatever SQLite takes for text."""
    store.execute(
        "update squidie_commits set body = cast(%(body)s as text) "
        "where namespace = %(namespace)s and run_id = %(run_id)s and rev = 1",
        {"namespace": store.namespace, "run_id": run.id, "body": body.encode(errors="surrogateescape")},
    )


class TestDamageInAFile:
    def test_of_any_kind_stops_no_other_run(self, sqlite: SqliteStore, caplog: pytest.LogCaptureFixture) -> None:
        squidie = sqlite.open(Good)
        bad = [squidie.start(Good.begin, priority=0, metadata={"note": MARK}) for _ in DAMAGE]
        squidie.drain(limit=len(bad))  # so that the damage lies before what is read last
        good = [squidie.start(Good.begin) for _ in range(5)]
        kept = [first_commit(sqlite, run) for run in bad]
        for run, body, damage in zip(bad, kept, DAMAGE.values(), strict=True):
            assert damage(body) != body
            rewrite_first(sqlite, run, damage(body))
        other = sqlite.open(Good)  # which has none of them in its memory
        with working(other):
            eventually(lambda: len(other.list_runs(quarantined=True).runs) == len(bad))
            eventually(lambda: all(other.inspect_run(run).status == "completed" for run in good))
            assert_quarantined(other, bad, good)
            assert MARK not in caplog.text
            for run, body in zip(bad, kept, strict=True):
                rewrite_first(sqlite, run, body)
                assert other.unquarantine(run)
            eventually(lambda: all(other.inspect_run(run).status == "completed" for run in bad))
        for run in bad:
            assert_consistent(other, run)
        assert findings(other, "quarantine").status == "ok"

    def test_of_a_definition_stops_no_other_run(self, sqlite: SqliteStore) -> None:
        """It says something else then, which must not be taken for what the run was started with."""
        bad = sqlite.open(Good).start(Good.begin)
        sqlite.execute("update squidie_blobs set body = replace(body, 'second', 'secind')", {})
        other = sqlite.open(Changed)
        good = other.start(Changed.begin)
        assert other.drain() == 1
        assert other.inspect_run(good).status == "completed"
        assert [row.id for row in other.list_runs(quarantined=True).runs] == [bad.id]

    def test_is_found_by_who_starts_the_run_again(self, sqlite: SqliteStore) -> None:
        squidie = sqlite.open(Good)
        run = squidie.start(Good.begin, idempotency_key="k")
        kept = first_commit(sqlite, run)
        rewrite_first(sqlite, run, "[")
        with pytest.raises(Corrupt):
            squidie.start(Good.begin, idempotency_key="k")
        rewrite_first(sqlite, run, kept)
        assert squidie.start(Good.begin, idempotency_key="k").id == run.id


class TestDamageOnAServersDisk:
    def test_stops_no_other_run(self, server: Postgres, caplog: pytest.LogCaptureFixture) -> None:
        with Squidie(server.url, workflows=[Good], storage_options={"create": True}) as squidie:
            bad = squidie.start(Good.begin, priority=0, metadata={"note": MARK})
            good = [squidie.start(Good.begin) for _ in range(5)]
        rot(server)
        with Squidie(server.url, workflows=[Good]) as other, working(other):
            eventually(lambda: other.list_runs(quarantined=True).runs)
            eventually(lambda: all(other.inspect_run(run).status == "completed" for run in good))
            assert_quarantined(other, [bad], good)
            assert MARK not in caplog.text


def rot(server: Postgres) -> None:
    """Change a byte of a journal where it lies, while the server is down."""
    with psycopg.connect(server.url, autocommit=True) as owner:
        row = owner.execute(
            "select current_setting('data_directory') || '/' || pg_relation_filepath('squidie_commits')"
        ).fetchone()
        owner.execute("checkpoint")
    assert row is not None
    server.kill()
    file = Path(row[0])
    content = file.read_bytes()
    assert content.count(MARK.encode()) == 1
    with file.open("r+b") as opened:
        opened.seek(content.index(MARK.encode()))
        opened.write(b"\xff")
    server.start()
