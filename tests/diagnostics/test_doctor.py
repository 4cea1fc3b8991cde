"""Each check of the doctor's, where all is well and where it is not."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

import pytest

from squidie_core import Corrupt, Squidie, Unavailable
from squidie_core.memory import MemoryNotifier, MemoryStorage
from squidie_core.memory.storage import CAPABILITIES
from squidie_core.ports import Capabilities, Diagnosable, Finding
from squidie_core.ports.health import FindingStatus
from squidie_core.ports.notifier import Subscription
from squidie_core.runtime.doctor import Diagnosis
from squidie_storage_dynamodb.values import Value
from tests.diagnostics.flows import Failing
from tests.runtime.flows import Chain, Held, OneStep, Order, Stage, on
from tests.runtime.stores import DynamodbStore, MemoryStore, SharedStore, SqlStore, Store, working
from tests.runtime.waiting import eventually


def found(diagnosis: Diagnosis, check: str) -> Finding:
    (finding,) = (finding for finding in diagnosis.findings if finding.check == check)
    return finding


def populated(store: Store) -> Squidie:
    """A Squidie whose store has a run in every status but paused."""
    squidie = store.open(Chain, Failing, Held, resources=on(Stage()))
    squidie.start(Chain.begin)
    squidie.start(Failing.begin)
    squidie.drain()
    squidie.cancel(squidie.start(Held.begin))
    squidie.start(Held.begin, tags=("a", "b"), priority=2)
    return squidie


def set_column(store: Store, run_id: str, column: str, value: object) -> None:
    """Change the run's index row behind everybody's back."""
    change: dict[str, Any] = {column: value}
    if isinstance(store, MemoryStore):
        with store.world.lock:
            thread = store.world.namespaces[store.namespace].threads[run_id]
            thread.index = replace(thread.index, **change)
        return
    if isinstance(store, DynamodbStore):
        store.set(run_id, column, cast("Value", value))
        return
    assert isinstance(store, SqlStore)
    statements: Mapping[str, Any] = {
        name: f"update squidie_runs set {name} = %(value)s "  # noqa: S608  # constants
        "where namespace = %(namespace)s and run_id = %(run_id)s"
        for name in ("workflow", "queue", "status", "wake_at", "ended_at", "rev", "commit_id", "priority")
    }
    parameters = {"value": value, "namespace": store.namespace, "run_id": run_id}
    store.execute(statements[column], parameters)


class Shifted(MemoryStorage):
    """A store with a clock of its own, so many milliseconds off this machine's."""

    shift = 0

    @property
    def capabilities(self) -> Capabilities:
        return replace(CAPABILITIES, local_clock=False)

    def clock(self) -> int:
        return super().clock() + self.shift


class Deaf(MemoryNotifier):
    """Carries no hint, and only says now and then that its connection is lost."""

    def notify(self, queues: Mapping[str, int]) -> None:
        super().notify(dict.fromkeys(queues, 1))


class Slow(MemoryNotifier):
    """Loses what comes before it has begun to listen."""

    lost = 0

    def notify(self, queues: Mapping[str, int]) -> None:
        if self.lost < 2:
            self.lost += 1
        else:
            super().notify(queues)


class Gone(MemoryNotifier):
    """Cannot be reached."""

    def listen(self, queue: str, wake: Callable[[int], None]) -> Subscription:  # noqa: ARG002  # the port's
        raise Unavailable("redis://app:hunter2@host/0 did not answer")


class TestWell:
    def test_all_is_well_and_nothing_has_changed(self, store: Store) -> None:
        squidie = populated(store)
        before = [squidie.inspect_run(run.id, include_history=True).to_dict() for run in squidie.list_runs().runs]
        diagnosis = squidie.doctor()
        assert [finding for finding in diagnosis.findings if finding.status != "ok"] == []
        assert diagnosis.status == "ok"
        names = [finding.check for finding in diagnosis.findings]
        core = ["store", "latency", "clock", "notifier", "stuck", "quarantine"]
        core += ["index", "journals", "anomalies", "definitions"]
        assert names[: len(core)] == core
        assert len(names) == len(set(names))
        assert "4 runs" in found(diagnosis, "index").message
        after = [squidie.inspect_run(run.id, include_history=True).to_dict() for run in squidie.list_runs().runs]
        assert before == after

    def test_it_is_plain_json(self, store: Store) -> None:
        diagnosis = populated(store).doctor()
        document = diagnosis.to_dict()
        assert json.loads(json.dumps(document)) == document
        assert document["status"] == "ok"

    def test_the_worst_finding_is_the_status(self) -> None:
        statuses: tuple[FindingStatus, ...] = ("ok", "warn", "fail")
        ok, warn, fail = (Finding(check=status, status=status, message="") for status in statuses)
        assert Diagnosis((ok,)).status == "ok"
        assert Diagnosis((ok, warn, ok)).status == "warn"
        assert Diagnosis((warn, fail, ok)).status == "fail"


class TestClock:
    @pytest.mark.parametrize(("shift", "status"), [(0, "ok"), (-60_000, "warn"), (60_000, "warn")])
    def test_compares_it_with_the_stores(self, shift: int, status: str) -> None:
        storage = Shifted()
        storage.shift = shift
        finding = found(Squidie(storage).doctor(), "clock")
        assert finding.status == status
        assert bool(finding.hint) == (status == "warn")
        assert finding.details["skew_ms"] == pytest.approx(-shift, abs=1_000)

    def test_a_real_server_on_this_machine_agrees(self, store: Store) -> None:
        assert found(store.open().doctor(), "clock").status == "ok"


class TestNotifier:
    @pytest.mark.parametrize("kind", [MemoryNotifier, Slow])
    def test_one_that_works(self, kind: type[MemoryNotifier]) -> None:
        notifier = kind()
        finding = found(Squidie("memory://", notifier=notifier).doctor(), "notifier")
        notifier.close()
        assert (finding.status, finding.details) == ("ok", {"configured": True, "working": True})

    @pytest.mark.parametrize("broken", [Deaf, Gone])
    def test_one_that_does_not(self, broken: type[MemoryNotifier], monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("squidie_core.runtime.doctor._HINT_PATIENCE", 0.001)
        notifier = broken()
        finding = found(Squidie("memory://", notifier=notifier).doctor(), "notifier")
        notifier.close()
        assert (finding.status, finding.details) == ("warn", {"configured": True, "working": False})
        assert "hunter2" not in finding.message

    def test_a_real_one(self, migrated_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        with Squidie(migrated_url, notifier=migrated_url) as squidie:
            assert found(squidie.doctor(), "notifier").status == "ok"
        monkeypatch.setattr("squidie_core.runtime.doctor._HINT_PATIENCE", 0.001)
        unreachable = "postgresql://app:hunter2@127.0.0.1:1/runs?connect_timeout=2"
        with Squidie(migrated_url, notifier=unreachable) as squidie:
            finding = found(squidie.doctor(), "notifier")
        assert finding.status == "warn"
        assert "hunter2" not in finding.message

    def test_wakes_no_worker(self) -> None:
        notifier = MemoryNotifier()
        woken: list[int] = []
        with_ears = notifier.listen("default", woken.append)
        found(Squidie("memory://", notifier=notifier).doctor(), "notifier")
        with_ears.close()
        notifier.close()
        assert woken == []


class TestStuckRuns:
    def test_tells_those_that_nobody_takes(self, store: Store) -> None:
        squidie = store.open(Chain, resources=on(Stage()), queue="forgotten")
        run = squidie.start(Chain.begin)
        assert found(squidie.doctor(), "stuck").status == "ok"
        finding = found(squidie.doctor(stuck_after=0), "stuck")
        assert finding.status == "warn"
        assert finding.details["runs"] == [{"id": run.id, "queue": "forgotten", "parked": None}]
        assert "queue forgotten" in finding.hint
        squidie.drain()
        assert found(squidie.doctor(stuck_after=0), "stuck").status == "ok"

    def test_tells_why_they_are_parked(self, store: Store) -> None:
        squidie = store.open(Chain, resources=on(Stage()))
        run = squidie.start(Chain.begin)
        squidie.store.park(run.id, "step_unavailable", 3)
        finding = found(squidie.doctor(stuck_after=0), "stuck")
        assert finding.details["runs"] == [{"id": run.id, "queue": "default", "parked": "step_unavailable"}]
        assert "step_unavailable: 1" in finding.message
        assert "start a worker" in finding.hint

    def test_leaves_out_what_waits_on_purpose_and_what_is_claimed(self, store: Store) -> None:
        stage = Stage()
        squidie = store.open(Chain, Held, resources=on(stage))
        squidie.start(Chain.begin, delay=3600)
        squidie.start(Held.begin)
        with working(squidie):
            eventually(lambda: stage.calls)
            assert found(squidie.doctor(stuck_after=0), "stuck").status == "ok"
            stage.opened.set()


class TestQuarantine:
    def test_tells_who_and_why(self, store: Store) -> None:
        squidie = store.open(OneStep)
        run = squidie.start(OneStep.place, Order("one"))
        squidie.store.storage.quarantine(run.id, reason="its journal is torn", by="somebody")
        diagnosis = squidie.doctor(stuck_after=0)
        finding = found(diagnosis, "quarantine")
        assert finding.status == diagnosis.status == "fail"
        assert finding.details["runs"] == [{"id": run.id, "reason": "its journal is torn"}]
        assert found(diagnosis, "stuck").status == "ok"
        squidie.unquarantine(run)
        assert found(squidie.doctor(), "quarantine").status == "ok"


class TestIndexAgainstJournal:
    @pytest.mark.parametrize(
        ("column", "value"),
        [
            ("workflow", "other"),
            ("queue", "other"),
            ("status", "paused"),
            ("wake_at", 7),
            ("ended_at", 7),
            ("priority", 9),
        ],
    )
    def test_finds_a_row_that_was_tampered_with(self, store: Store, column: str, value: object) -> None:
        squidie = populated(store)
        run = squidie.list_runs(status="running").runs[0]
        set_column(store, run.id, column, value)
        finding = found(squidie.doctor(), "index")
        assert finding.status == "fail"
        assert finding.details["runs"] == {run.id: column}
        squidie.rebuild_index()
        assert found(squidie.doctor(), "index").status == "ok"

    @pytest.mark.parametrize("rev", [1, 99])
    def test_finds_a_head_that_is_not_the_journals(self, shared_store: SharedStore, rev: int) -> None:
        squidie = populated(shared_store)
        run = squidie.list_runs(status="completed").runs[0]
        set_column(shared_store, run.id, "rev", rev)
        finding = found(squidie.doctor(), "index")
        assert finding.details["runs"] == {run.id: "head"}
        squidie.rebuild_index()
        assert found(squidie.doctor(), "index").status == "ok"

    def test_finds_a_head_that_stayed_behind(self, shared_store: SharedStore) -> None:
        squidie = populated(shared_store)
        run = squidie.list_runs(status="completed").runs[0]
        first = squidie.store.storage.read(run.id)[0].head
        set_column(shared_store, run.id, "rev", first.rev)
        set_column(shared_store, run.id, "commit_id", first.commit_id)
        assert found(squidie.doctor(), "index").details["runs"] == {run.id: "head"}

    def test_is_not_misled_by_a_run_that_moves_meanwhile(self, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
        squidie = store.open(Chain, resources=on(Stage()))
        run = squidie.start(Chain.begin)
        read = squidie.store.storage.read

        def go_on_and_read(thread_id: str) -> Any:
            with monkeypatch.context() as patch:
                patch.setattr(squidie.store.storage, "read", read)
                assert squidie.execute_next() is not None
            return read(thread_id)

        monkeypatch.setattr(squidie.store.storage, "read", go_on_and_read)
        findings = squidie.doctor().findings
        assert squidie.inspect_run(run).rev > run.rev
        assert [finding for finding in findings if finding.status != "ok"] == []

    def test_reads_as_many_as_asked(self, store: Store) -> None:
        squidie = store.open(Chain, resources=on(Stage()))
        squidie.start_many(Chain.begin, [None] * 12)
        for sample, count in ((0, 0), (1, 1), (5, 5), (12, 12), (100, 12)):
            assert f"sample of {count} run" in found(squidie.doctor(sample=sample), "index").message


class TestJournals:
    def test_finds_one_that_cannot_be_read(self, store: Store) -> None:
        squidie = populated(store)
        run = squidie.list_runs(status="completed").runs[0]
        kept = store.rewrite(run.id, lambda _: "garbage")
        diagnosis = squidie.doctor()
        finding = found(diagnosis, "journals")
        assert finding.status == "fail"
        assert list(finding.details["runs"]) == [run.id]
        with pytest.raises(Corrupt) as refused:
            squidie.inspect_run(run.id)
        assert refused.value.message
        store.rewrite(run.id, lambda _: kept)
        assert found(squidie.doctor(), "journals").status == "ok"

    def test_tells_a_newer_one_apart(self, store: Store) -> None:
        squidie = populated(store)
        run = squidie.list_runs(status="running").runs[0]
        store.rewrite(run.id, lambda body: body.replace("runnables_planned", "runnables_dreamt"))
        diagnosis = squidie.doctor()
        assert found(diagnosis, "versions").status == diagnosis.status == "warn"
        assert list(found(diagnosis, "versions").details["runs"]) == [run.id]
        assert found(diagnosis, "journals").status == "ok"

    def test_finds_entries_that_broke_a_rule(self, store: Store) -> None:
        squidie = populated(store)
        run = squidie.list_runs(status="failed").runs[0]

        def twice(body: str) -> str:
            entries = json.loads(body)
            return json.dumps([*entries[:-1], entries[0]])

        store.rewrite(run.id, twice)
        finding = found(squidie.doctor(), "anomalies")
        assert finding.status == "warn"
        assert list(finding.details["runs"]) == [run.id]

    def test_finds_a_definition_that_is_lost(self, store: Store) -> None:
        squidie = populated(store)
        store.forget_definitions()
        finding = found(squidie.doctor(), "definitions")
        assert finding.status == "fail"
        assert len(finding.details["runs"]) == 3
        assert all("is missing" in problem for problem in finding.details["runs"].values())

    def test_finds_a_definition_that_is_torn(self, shared_store: SharedStore) -> None:
        squidie = populated(shared_store)
        shared_store.tear_definitions()
        finding = found(squidie.doctor(), "definitions")
        assert all("cannot be read" in problem for problem in finding.details["runs"].values())


class TestTrouble:
    def test_a_check_that_cannot_be_made_is_a_finding_and_the_others_are_made(
        self, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        squidie = populated(store)

        def away(*_: object) -> Any:
            raise Unavailable("postgresql://app:hunter2@host/db is away")

        monkeypatch.setattr(squidie.store.storage, "read", away)
        diagnosis = squidie.doctor()
        finding = found(diagnosis, "journals")
        assert (finding.status, diagnosis.status) == ("fail", "fail")
        assert "hunter2" not in finding.message
        assert found(diagnosis, "quarantine").status == "ok"

    def test_a_storage_tells_of_itself_if_it_can(self) -> None:
        class Talkative(MemoryStorage):
            def health(self) -> Sequence[Finding]:
                return [Finding(check="mood", status="warn", message="low")]

        assert isinstance(Talkative(), Diagnosable)
        assert not isinstance(MemoryStorage(), Diagnosable)
        assert found(Squidie(Talkative()).doctor(), "mood").message == "low"
