"""What `Squidie.start` promises."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from squidie_core import (
    ConflictError,
    EncodingError,
    NotFoundError,
    OptionError,
    PayloadError,
    Resource,
    Snapshot,
    Squidie,
    TooLarge,
    Workflow,
    step,
    trigger,
)
from tests.runtime.flows import Chain, Held, OneStep, Order, Stage, on
from tests.runtime.processes import Clients
from tests.runtime.stores import SharedStore, Store, assert_consistent
from tests.runtime.trails import Single, Trail, along
from tests.runtime.waiting import at_once, eventually

SECRET = "s3cr3t value"


def runs_in(squidie: Squidie) -> list[str]:
    return [run.id for run in squidie.list_runs().runs]


def nothing(_: object = None) -> None:
    pass


def take_order(order_id: str) -> None:
    del order_id


class TwoDoors(Workflow, name="two-doors"):
    front = trigger.manual(Order)
    back = trigger.manual(code=int)
    act = step(nothing)


class Bank:
    pass


def pay(bank: Resource[Bank] | None = None) -> dict[str, bool]:
    return {"paid": isinstance(bank, Bank)}


class Paying(Workflow, name="paying"):
    begin = trigger.manual()
    paying = step(pay)


class NeedsMore(Workflow, name="needs-more"):
    front = trigger.manual(Order)
    back = trigger.manual(code=int)
    act = step(take_order)


class TestStarting:
    def test_a_trigger_with_a_value_of_its_contract_gives_the_snapshot_of_a_run(self, store: Store) -> None:
        squidie = store.open(OneStep)
        run = squidie.start(OneStep.place, Order("o-1", 3), tags=("vip", "eu"), priority=2)
        assert isinstance(run, Snapshot)
        assert (run.workflow, run.version, run.trigger) == ("one-step", "1", "place")
        assert (run.status, run.reason, run.queue, run.priority) == ("running", "attempt_visible", "default", 2)
        assert run.tags == ("vip", "eu")
        assert run.input == run.context == {"order_id": "o-1", "amount": 3}
        assert [(view.step, view.attempt, view.status) for view in run.attempts] == [("note", 1, "available")]
        assert squidie.inspect_run(run) == run
        assert UUID(run.id).version == 7

    def test_a_workflow_with_a_mapping_is_the_loose_form(self, store: Store) -> None:
        squidie = store.open(OneStep)
        run = squidie.start(OneStep, {"order_id": "o-1"})
        assert squidie.inspect_run(run.id).input == {"order_id": "o-1", "amount": 1}

    def test_the_loose_form_takes_the_first_trigger_or_the_one_that_is_named(self, memory: Store) -> None:
        squidie = memory.open(TwoDoors)
        assert squidie.start(TwoDoors, {"order_id": "o-1"}).trigger == "front"
        assert squidie.start(TwoDoors, {"code": 7}, trigger="back").trigger == "back"
        with pytest.raises(OptionError, match="front, back"):
            squidie.start(TwoDoors, {"code": 7}, trigger="window")

    def test_a_delay_keeps_the_first_steps_back(self, store: Store) -> None:
        squidie = store.open(OneStep)
        run = squidie.start(OneStep.place, Order("o-1"), delay=timedelta(hours=1))
        assert run.reason == "attempt_scheduled_for_later"
        assert run.waiting_for is not None
        assert (run.waiting_for.kind, run.waiting_for.until) == ("time", run.started_at + timedelta(hours=1))
        assert squidie.execute_next() is None
        soon = squidie.start(OneStep.place, Order("o-2"), delay=0.05)
        assert eventually(squidie.execute_next).id == soon.id

    def test_a_queue_is_the_calls_or_the_workflows_or_the_clients(self, store: Store) -> None:
        class Elsewhere(Workflow, name="elsewhere", queue="billing"):
            begin = trigger.manual()
            act = step(nothing)

        squidie = store.open(OneStep, Elsewhere, queue="main")
        assert squidie.start(OneStep.place, Order("o-1")).queue == "main"
        assert squidie.start(Elsewhere.begin).queue == "billing"
        far = squidie.start(Elsewhere.begin, queue="far")
        assert far.queue == "far"
        found = squidie.execute_next(queue="far")
        assert found is not None
        assert found.id == far.id

    def test_lower_priorities_go_first(self, store: Store) -> None:
        squidie = store.open(OneStep)
        started = {priority: squidie.start(OneStep.place, Order("o"), priority=priority).id for priority in (9, 0, 5)}
        done = [squidie.execute_next() for _ in range(3)]
        assert [run.id for run in done if run] == [started[0], started[5], started[9]]

    def test_metadata_is_kept_with_the_command_and_its_secrets_are_not(self, store: Store) -> None:
        squidie = store.open(OneStep)
        run = squidie.start(OneStep.place, Order("o-1"), metadata={"from": "web", "nested": {"password": SECRET}})
        history = squidie.inspect_run(run, include_history=True).history
        assert history is not None
        assert history[0]["metadata"] == {"from": "web", "nested": {"password": "[REDACTED]"}}
        assert SECRET not in json.dumps(history)


class TestPayloads:
    @pytest.mark.parametrize(
        ("payload", "details"),
        [
            ({}, {"missing_fields": ["order_id"]}),
            ({"order_id": "o", "colour": SECRET}, {"unknown_fields": ["colour"]}),
            ({"order_id": "o", "amount": SECRET}, {"invalid_types": {"amount": "int"}}),
            (SECRET, {"expected": "Order or a mapping"}),
        ],
    )
    def test_one_that_breaks_the_contract_is_refused_and_writes_nothing(
        self, store: Store, payload: Any, details: Mapping[str, Any]
    ) -> None:
        squidie = store.open(OneStep)
        with pytest.raises(PayloadError) as refused:
            squidie.start(OneStep, payload)
        assert refused.value.code == "invalid_payload"
        assert refused.value.details == details
        assert SECRET not in str(refused.value) + json.dumps(refused.value.details)
        assert runs_in(squidie) == []

    def test_one_without_what_a_first_step_takes_is_refused_and_writes_nothing(self, store: Store) -> None:
        squidie = store.open(NeedsMore)
        with pytest.raises(PayloadError) as refused:
            squidie.start(NeedsMore, {"code": 7}, trigger="back")
        assert refused.value.code == "missing_input_path"
        assert refused.value.details["missing_at"] == ["order_id"]
        assert runs_in(squidie) == []

    def test_one_that_cannot_be_stored_is_refused_and_writes_nothing(self, memory: Store) -> None:
        class Loose(Workflow, name="loose"):
            begin = trigger.manual(anything=Any)
            act = step(nothing)

        squidie = memory.open(Loose)
        with pytest.raises(EncodingError) as refused:
            squidie.start(Loose.begin, {"anything": {"deep": [object()]}})
        assert refused.value.details["path"] == "deep[0]"
        assert runs_in(squidie) == []

    def test_one_that_is_too_large_is_refused_and_writes_nothing(self, store: Store) -> None:
        squidie = store.open(OneStep)
        with pytest.raises(TooLarge, match="reference"):
            squidie.start(OneStep.place, Order("x" * 300_000))
        assert runs_in(squidie) == []

    def test_rich_values_arrive_as_what_they_were(self, store: Store) -> None:
        @dataclass
        class Rich:
            at: datetime
            day: date
            price: Decimal
            id: UUID
            pause: timedelta
            raw: bytes
            tagged: dict[str, Any]

        seen: list[dict[str, Any]] = []

        def look(**everything: Any) -> None:
            seen.append(everything)

        class Riches(Workflow, name="riches"):
            begin = trigger.manual(Rich)
            looking = step(look)

        value = Rich(
            datetime(2026, 11, 21, 8, 30, tzinfo=UTC),
            date(2026, 11, 21),
            Decimal("19.90"),
            uuid4(),
            timedelta(microseconds=1),
            b"\x00\xff",
            {"$squidie": "decimal", "value": "1", "text": "\x00 \U0001f991 \ud800"},
        )
        squidie = store.open(Riches)
        run = squidie.start(Riches.begin, value)
        assert squidie.drain() == 1
        assert seen == [vars(value)]
        assert squidie.inspect_run(run).input == vars(value)


class TestStartingTwice:
    def test_with_one_key_gives_the_same_run_however_far_it_has_come(self, store: Store) -> None:
        squidie = store.open(Chain, resources=on(Stage()))
        first = squidie.start(Chain.begin, idempotency_key="k")
        assert squidie.start(Chain.begin, idempotency_key="k", tags=("other",), priority=1, delay=9).id == first.id
        progressed = squidie.execute_next()
        assert progressed is not None
        assert squidie.start(Chain.begin, idempotency_key="k") == squidie.inspect_run(first)
        squidie.drain()
        again = squidie.start(Chain.begin, idempotency_key="k")
        assert (again.id, again.status) == (first.id, "completed")
        assert runs_in(squidie) == [first.id]
        assert squidie.start(Chain.begin, idempotency_key="another").id != first.id

    def test_with_one_key_and_another_payload_is_a_conflict(self, store: Store) -> None:
        squidie = store.open(OneStep)
        run = squidie.start(OneStep.place, Order("o-1"), idempotency_key="k")
        for _ in range(2):
            with pytest.raises(ConflictError) as refused:
                squidie.start(OneStep.place, Order(SECRET), idempotency_key="k")
            assert refused.value.code == "conflict"
            assert refused.value.details == {"run_id": run.id}
            assert SECRET not in str(refused.value)
            squidie.drain()
        assert runs_in(squidie) == [run.id]

    def test_a_default_that_is_given_is_the_same_payload(self, memory: Store) -> None:
        squidie = memory.open(OneStep)
        run = squidie.start(OneStep, {"order_id": "o-1"}, idempotency_key="k")
        assert squidie.start(OneStep, {"order_id": "o-1", "amount": 1}, idempotency_key="k").id == run.id
        assert squidie.start(OneStep.place, Order("o-1"), idempotency_key="k").id == run.id

    def test_one_key_means_another_run_for_another_trigger_or_workflow(self, memory: Store) -> None:
        squidie = memory.open(OneStep, TwoDoors)
        ids = {
            squidie.start(OneStep, {"order_id": "o"}, idempotency_key="k").id,
            squidie.start(TwoDoors, {"order_id": "o"}, idempotency_key="k").id,
            squidie.start(TwoDoors, {"code": 1}, trigger="back", idempotency_key="k").id,
        }
        assert len(ids) == 3

    def test_with_one_run_id_gives_the_same_run_or_a_conflict(self, store: Store) -> None:
        squidie = store.open(OneStep, TwoDoors)
        given = uuid4()
        run = squidie.start(OneStep.place, Order("o-1"), run_id=str(given).upper())
        assert run.id == str(given)
        assert squidie.start(OneStep.place, Order("o-1"), run_id=str(given)).id == run.id
        for what in (OneStep, TwoDoors):
            with pytest.raises(ConflictError):
                squidie.start(what, {"order_id": "o-2"}, run_id=str(given))
        assert runs_in(squidie) == [run.id]

    def test_an_id_belongs_to_one_namespace(self, migrated_url: str) -> None:
        given = str(uuid4())
        with (
            Squidie(migrated_url, workflows=[OneStep], namespace=f"a-{given}") as here,
            Squidie(migrated_url, workflows=[OneStep], storage_options={"namespace": f"b-{given}"}) as there,
        ):
            here.start(OneStep.place, Order("o-1"), run_id=given)
            there.start(OneStep.place, Order("o-2"), run_id=given)
            assert here.inspect_run(given).input["order_id"] == "o-1"
            assert there.inspect_run(given).input["order_id"] == "o-2"

    def test_twenty_threads_with_one_key_make_one_run(self, store: Store) -> None:
        squidie = store.open(OneStep)
        runs = at_once(20, lambda _: squidie.start(OneStep.place, Order("o-1"), idempotency_key="k"))
        assert len({run.id for run in runs}) == 1
        assert runs_in(squidie) == [runs[0].id]
        assert squidie.drain() == 1
        assert_consistent(squidie, runs[0])

    def test_one_of_twenty_payloads_under_one_key_wins(self, store: Store) -> None:
        squidie = store.open(OneStep)

        def start(number: int) -> str | None:
            try:
                return squidie.start(OneStep.place, Order(str(number)), idempotency_key="k").id
            except ConflictError:
                return None

        assert len([run_id for run_id in at_once(20, start) if run_id]) == 1
        assert len(runs_in(squidie)) == 1


class TestOptions:
    @pytest.mark.parametrize(
        ("options", "code"),
        [
            ({"run_id": SECRET}, "invalid_run_id"),
            ({"run_id": 7}, "invalid_run_id"),
            ({"run_id": str(UUID(int=7)), "idempotency_key": SECRET}, "invalid_option"),
            ({"idempotency_key": ""}, "invalid_option"),
            ({"idempotency_key": 7}, "invalid_option"),
            ({"idempotency_key": SECRET * 1000}, "invalid_option"),
            ({"queue": SECRET}, "invalid_option"),
            ({"queue": ""}, "invalid_option"),
            ({"queue": "q" * 201}, "invalid_option"),
            ({"priority": 10}, "invalid_option"),
            ({"priority": -1}, "invalid_option"),
            ({"priority": True}, "invalid_option"),
            ({"priority": SECRET}, "invalid_option"),
            ({"tags": "vip"}, "invalid_option"),
            ({"tags": (SECRET,)}, "invalid_option"),
            ({"tags": (7,)}, "invalid_option"),
            ({"tags": 7}, "invalid_option"),
            ({"tags": None}, "invalid_option"),
            ({"delay": -1}, "invalid_option"),
            ({"delay": SECRET}, "invalid_option"),
            ({"delay": float("nan")}, "invalid_option"),
            ({"delay": float("inf")}, "invalid_option"),
            ({"metadata": SECRET}, "invalid_option"),
            ({"metadata": [SECRET]}, "invalid_option"),
        ],
        ids=repr,
    )
    def test_one_that_cannot_be_used_is_refused_without_being_echoed(
        self, memory: Store, options: dict[str, Any], code: str
    ) -> None:
        squidie = memory.open(OneStep)
        with pytest.raises(OptionError) as refused:
            squidie.start(OneStep.place, Order("o-1"), **options)
        assert refused.value.code == code
        assert refused.value.details["option"] in options
        assert SECRET not in str(refused.value) + json.dumps(refused.value.details)
        assert runs_in(squidie) == []

    def test_metadata_that_cannot_be_stored_is_refused(self, memory: Store) -> None:
        squidie = memory.open(OneStep)
        with pytest.raises(EncodingError, match="metadata"):
            squidie.start(OneStep.place, Order("o-1"), metadata={"a": object()})
        assert runs_in(squidie) == []

    @pytest.mark.parametrize(
        ("what", "code"), [(OneStep.place, "unknown_trigger"), (OneStep, "unknown_workflow")], ids=["trigger", "class"]
    )
    def test_a_workflow_that_is_not_registered_is_not_found(self, memory: Store, what: Any, code: str) -> None:
        squidie = memory.open(Held, resources=on(Stage()))
        with pytest.raises(NotFoundError, match="workflows=") as refused:
            squidie.start(what, {"order_id": "o-1"})
        assert refused.value.code == code
        assert runs_in(squidie) == []


class TestMakingOne:
    def test_a_resource_that_is_missing_is_refused_at_once(self, memory: Store) -> None:
        with pytest.raises(OptionError) as refused:
            memory.open(Held)
        assert refused.value.code == "missing_resource"
        assert "Stage" in str(refused.value)

    def test_a_resource_that_may_be_missing_may(self, memory: Store) -> None:
        memory.open(Paying)
        squidie = memory.open(Paying, resources={Bank: Bank()})
        run = squidie.start(Paying.begin)
        squidie.drain()
        assert squidie.inspect_run(run).output(Paying.paying) == {"paid": True}

    def test_two_workflows_of_one_name_are_refused(self, memory: Store) -> None:
        class Twin(Workflow, name="one-step"):
            begin = trigger.manual()
            act = step(nothing)

        with pytest.raises(OptionError, match="one-step"):
            memory.open(OneStep, Twin)

    @pytest.mark.parametrize("options", [{"queue": SECRET}, {"queue": ""}, {"namespace": SECRET}])
    def test_an_option_that_cannot_be_used_is_refused_without_being_echoed(self, options: dict[str, Any]) -> None:
        with pytest.raises(OptionError) as refused:
            Squidie("memory://", **options)
        assert SECRET not in str(refused.value)

    @pytest.mark.parametrize("storage", [None, 7, {"url": "memory://"}])
    def test_what_is_neither_url_nor_storage_is_refused(self, storage: Any) -> None:
        with pytest.raises(OptionError, match="storage"):
            Squidie(storage)


class TestStartingFromProcesses:
    def test_twenty_starts_from_four_processes_with_one_key_make_one_run(
        self, shared_store: SharedStore, tmp_path: Path
    ) -> None:
        trail = Trail(tmp_path / "trail")
        squidie = shared_store.open(Single, resources=along(trail))
        with Clients(shared_store.url, trail.path) as processes:
            ids = processes.start("start", "k", "5", copies=4).rest()
        assert len(ids) == 20
        assert runs_in(squidie) == list(set(ids))
        assert squidie.drain() == 1
        assert_consistent(squidie, ids[0])
