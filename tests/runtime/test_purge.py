"""What `Squidie.purge` forgets, and what is remembered of it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from squidie_core import ConflictError, NotFoundError, OptionError, PurgedError, Snapshot, Squidie
from tests.runtime.flows import Held, OneStep, Order, Stage, on
from tests.runtime.stores import Store, working
from tests.runtime.waiting import eventually


def ended(squidie: Squidie, **options: Any) -> Snapshot:
    """A run that ended before this millisecond."""
    run = squidie.start(OneStep.place, Order("1"), **options)
    squidie.drain()
    over = squidie.inspect_run(run)
    assert over.status == "completed"
    eventually(lambda: squidie.store.clock.now() > squidie.store.state(run.id).last_at)
    return over


def runs_in(squidie: Squidie) -> list[str]:
    return [run.id for run in squidie.list_runs().runs]


class TestPurge:
    def test_takes_what_ended_before_and_leaves_the_rest(self, store: Store) -> None:
        squidie = store.open(OneStep)
        over = ended(squidie)
        waiting = squidie.start(OneStep.place, Order("2"), delay=3600)
        assert squidie.purge(before=3600).runs == 0
        assert squidie.purge(before=0).runs == 1
        assert runs_in(squidie) == [waiting.id]
        with pytest.raises(PurgedError) as gone:
            squidie.inspect_run(over)
        assert isinstance(gone.value, NotFoundError)
        assert gone.value.code == "purged"
        assert (gone.value.workflow, gone.value.status) == ("one-step", "completed")
        details = json.loads(json.dumps(dict(gone.value.details)))
        assert details["run_id"] == over.id
        assert details["status"] == "completed"
        assert squidie.purge(before=0).runs == 0

    def test_keeps_to_the_statuses(self, store: Store) -> None:
        squidie = store.open(OneStep)
        over = ended(squidie)
        cancelled = squidie.cancel(squidie.start(OneStep.place, Order("2"), delay=3600))
        eventually(lambda: squidie.store.clock.now() > squidie.store.state(cancelled.id).last_at)
        assert squidie.purge(before=0, statuses=["cancelled"]).runs == 1
        assert runs_in(squidie) == [over.id]

    def test_counts_without_taking(self, store: Store) -> None:
        squidie = store.open(OneStep)
        over = ended(squidie)
        assert squidie.purge(before=0, dry_run=True).runs == 1
        assert runs_in(squidie) == [over.id]

    def test_takes_a_moment_too(self, store: Store) -> None:
        squidie = store.open(OneStep)
        ended(squidie)
        now = datetime.fromtimestamp(squidie.store.clock.now() / 1000, UTC)
        assert squidie.purge(before=now - timedelta(hours=1)).runs == 0
        assert squidie.purge(before=now).runs == 1

    def test_stops_at_the_limit(self, store: Store) -> None:
        squidie = store.open(OneStep)
        squidie.start_many(OneStep.place, [Order(str(number)) for number in range(120)])
        squidie.drain()
        ended(squidie)
        assert squidie.purge(before=0, limit=105).runs == 105
        assert len(runs_in(squidie)) == 16
        assert squidie.purge(before=0).runs == 16

    def test_leaves_quarantined_runs(self, store: Store) -> None:
        squidie = store.open(OneStep)
        over = ended(squidie)
        squidie.store.storage.quarantine(over.id, reason="unreadable", by="operator")
        assert squidie.purge(before=0).runs == 0
        assert runs_in(squidie) == [over.id]

    @pytest.mark.parametrize(
        ("option", "value"),
        [
            ("before", -1),
            ("before", "2026-01-01"),
            ("before", datetime(2026, 1, 1)),  # noqa: DTZ001
            ("before", datetime(9000, 1, 1, tzinfo=UTC)),
            ("statuses", ["running"]),
            ("statuses", []),
            ("remember_for", -1),
            ("limit", 0),
        ],
    )
    def test_refuses_what_cannot_be(self, memory: Store, option: str, value: object) -> None:
        squidie = memory.open(OneStep)
        given: dict[str, Any] = {"before": 0, option: value}
        with pytest.raises(OptionError) as refused:
            squidie.purge(**given)
        assert refused.value.details == {"option": option}


class TestAStartOfAPurgedRun:
    def test_is_told_how_it_ended_and_runs_nothing_twice(self, store: Store) -> None:
        squidie = store.open(OneStep)
        over = ended(squidie, idempotency_key="once")
        squidie.purge(before=0)
        with pytest.raises(PurgedError, match=r"completed at .* was purged") as gone:
            squidie.start(OneStep.place, Order("1"), idempotency_key="once")
        assert gone.value.details["run_id"] == over.id
        with pytest.raises(PurgedError):
            squidie.start_many(OneStep.place, [Order("1"), Order("2")], idempotency_keys=["once", "other"])
        assert len(runs_in(squidie)) == 1

    def test_with_another_payload_is_a_conflict(self, store: Store) -> None:
        squidie = store.open(OneStep)
        over = ended(squidie, idempotency_key="once")
        squidie.purge(before=0)
        with pytest.raises(ConflictError) as refused:
            squidie.start(OneStep.place, Order("2"), idempotency_key="once")
        assert refused.value.details == {"run_id": over.id}

    def test_by_its_id_is_told_too(self, store: Store) -> None:
        squidie = store.open(OneStep, Held, resources=on(Stage()))
        over = ended(squidie)
        squidie.purge(before=0)
        with pytest.raises(PurgedError):
            squidie.start(OneStep.place, Order("1"), run_id=over.id)
        with pytest.raises(ConflictError):
            squidie.start(Held, {}, run_id=over.id)

    def test_runs_again_once_it_is_forgotten(self, store: Store) -> None:
        squidie = store.open(OneStep)
        over = ended(squidie, idempotency_key="once")
        first = squidie.purge(before=0, remember_for=0)
        eventually(lambda: first.tombstones + squidie.purge(before=0).tombstones == 1 or _is_forgotten(squidie, over))
        again = squidie.start(OneStep.place, Order("2"), idempotency_key="once")
        assert (again.id, again.status) == (over.id, "running")


def _is_forgotten(squidie: Squidie, run: Snapshot) -> bool:
    return not squidie.store.storage.tombstones([run.id])


class TestAWorker:
    def test_whose_run_was_cancelled_and_purged_drops_its_outcome_and_goes_on(self, store: Store) -> None:
        stage = Stage()
        squidie = store.open(Held, OneStep, resources=on(stage))
        with working(squidie):
            held = squidie.start(Held.begin)
            eventually(lambda: len(stage.calls) == 1)
            squidie.cancel(held)
            eventually(lambda: squidie.purge(before=0).runs == 1)
            stage.opened.set()
            eventually(lambda: stage.went_on == 1)
            after = squidie.start(OneStep.place, Order("1"))
            eventually(lambda: squidie.inspect_run(after).status == "completed")
        assert runs_in(squidie) == [after.id]
        with pytest.raises(PurgedError):
            squidie.inspect_run(held)
