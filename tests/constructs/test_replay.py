"""Replays: another run with the trigger and the payload of one that there is."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from squidie_contract.harness import Harness
from squidie_core import (
    ConflictError,
    NotFoundError,
    OptionError,
    PayloadError,
    PurgedError,
    Squidie,
    UnsafeReplayError,
    Workflow,
    sequence,
    step,
    trigger,
)
from squidie_core.journal.entries import RunnablesPlanned, RunSignalReceived, RunStarted
from tests.constructs.racing import Arena, at_every_moment, outcome
from tests.runtime.stores import Store, assert_consistent, entries_of, working
from tests.runtime.waiting import eventually


@dataclass
class Order:
    order_id: str
    amount: int = 1


@dataclass
class LaterOrder:
    order_id: str
    amount: int = 1
    currency: str = "EUR"


@dataclass
class OtherOrder:
    order_id: str
    amount: str = "1"


def charge(order_id: str, amount: int) -> dict[str, Any]:
    return {"charged": f"{order_id}:{amount}"}


def ship(order_id: str) -> dict[str, Any]:
    return {"shipped": order_id}


class Sale(Workflow, name="sale", version="1"):
    place = trigger.manual(Order)
    charge = step(charge)
    ship = step(ship, irreversible=True)
    transitions = sequence(charge, ship)


class SafeToday(Workflow, name="sale", version="2"):
    """The marker is gone, and the contract has a field more."""

    place = trigger.manual(LaterOrder)
    charge = step(charge)
    ship = step(ship)
    transitions = sequence(charge, ship)


class Strict(Workflow, name="sale", version="3"):
    place = trigger.manual(OtherOrder)
    ship = step(ship)


class Renamed(Workflow, name="sale", version="4"):
    order = trigger.manual(Order)
    ship = step(ship)


class TestReplaying:
    def test_is_a_new_run_with_the_same_trigger_and_payload(self, store: Store) -> None:
        squidie = store.open(Sale)
        source = squidie.start(Sale.place, Order("a"), tags=["vip"], priority=2, queue="default")
        squidie.execute_next()
        replay = squidie.replay(source, actor={"id": 7, "token": "s3cr3t"}, comment="again", metadata={"ticket": 1})
        assert (replay.replayed_from, replay.input) == (source.id, {"order_id": "a", "amount": 1})
        assert (replay.tags, replay.priority, replay.trigger, replay.version) == (("vip",), 2, "place", "1")
        assert replay.to_dict()["replayed_from"] == source.id
        receipt, begun, planned = entries_of(squidie, replay)
        assert isinstance(receipt, RunSignalReceived)
        assert isinstance(begun, RunStarted)
        assert isinstance(planned, RunnablesPlanned)
        assert (receipt.signal, receipt.actor, receipt.comment) == (
            "replay_run",
            {"id": 7, "token": "[REDACTED]"},
            "again",
        )
        assert receipt.payload == {"run_id": source.id, "allow_irreversible": False, "definition": "original"}
        assert begun.replayed_from == source.id
        squidie.drain()
        done = squidie.inspect_run(replay)
        assert (done.status, done.context["charged"], done.replayed_from) == ("completed", "a:1", source.id)
        assert squidie.inspect_run(source).status == "completed"
        assert_consistent(squidie, replay)

    def test_wakes_a_worker_that_waits(self, store: Store) -> None:
        squidie = store.open(Sale)
        source = squidie.start(Sale.place, Order("a"))
        squidie.cancel(source)
        with working(squidie):
            replay = squidie.replay(source)
            eventually(lambda: squidie.inspect_run(replay).status == "completed")

    def test_of_a_replay_repeats_it(self, memory: Store) -> None:
        squidie = memory.open(Sale)
        first = squidie.replay(squidie.start(Sale.place, Order("a")))
        assert squidie.replay(first).replayed_from == first.id

    def test_goes_to_another_queue_where_one_is_named(self, memory: Store) -> None:
        squidie = memory.open(Sale)
        assert squidie.replay(squidie.start(Sale.place, Order("a")), queue="slow").queue == "slow"


class TestSafety:
    def test_what_cannot_be_undone_is_done_again_only_where_that_is_said(self, store: Store) -> None:
        squidie = store.open(Sale)
        source = squidie.start(Sale.place, Order("a"))
        squidie.drain()
        with pytest.raises(UnsafeReplayError) as refused:
            squidie.replay(source)
        assert [item["step"] for item in refused.value.details["steps"]] == ["ship"]
        assert len(squidie.list_runs().runs) == 1
        replay = squidie.replay(source, allow_irreversible=True)
        assert entries_of(squidie, replay)[0].payload["allow_irreversible"] is True  # type: ignore[union-attr]  # the receipt

    def test_the_definition_that_the_run_went_by_decides_not_the_code_of_today(self, memory: Store) -> None:
        old = memory.open(Sale)
        source = old.start(Sale.place, Order("a"))
        old.drain()
        for choice in ("original", "current"):
            with pytest.raises(UnsafeReplayError):
                memory.open(SafeToday).replay(source, definition=choice)

    @pytest.mark.parametrize("value", ["yes", 1, None], ids=repr)
    def test_the_override_is_true_and_nothing_that_resembles_it(self, memory: Store, value: Any) -> None:
        squidie = memory.open(Sale)
        source = squidie.start(Sale.place, Order("a"))
        squidie.drain()
        with pytest.raises(OptionError) as refused:
            squidie.replay(source, allow_irreversible=value)
        assert refused.value.details == {"option": "allow_irreversible"}


class TestDefinitions:
    def test_the_original_is_the_one_that_the_run_went_by(self, store: Store) -> None:
        source = store.open(Sale).start(Sale.place, Order("a"))
        today = store.open(SafeToday)
        replay = today.replay(source)
        assert (replay.version, replay.input) == ("1", {"order_id": "a", "amount": 1})
        today.drain()
        assert today.inspect_run(replay).status == "completed"

    def test_the_current_one_completes_the_payload_as_it_would_be_today(self, store: Store) -> None:
        source = store.open(Sale).start(Sale.place, Order("a", 3))
        today = store.open(SafeToday)
        replay = today.replay(source, definition="current")
        assert (replay.version, replay.replayed_from) == ("2", source.id)
        assert replay.input == {"order_id": "a", "amount": 3, "currency": "EUR"}
        today.drain()
        assert today.inspect_run(replay).status == "completed"

    def test_a_payload_that_is_wrong_today_is_refused(self, memory: Store) -> None:
        source = memory.open(Sale).start(Sale.place, Order("a", 3))
        today = memory.open(Strict)
        with pytest.raises(PayloadError) as refused:
            today.replay(source, definition="current")
        assert refused.value.details == {"invalid_types": {"amount": "str"}}
        assert today.replay(source).version == "1"

    def test_the_current_one_needs_the_workflow_and_its_trigger(self, memory: Store) -> None:
        source = memory.open(Sale).start(Sale.place, Order("a"))
        for workflows, code in (((), "unknown_workflow"), ((Renamed,), "unknown_trigger")):
            with pytest.raises(NotFoundError) as refused:
                memory.open(*workflows).replay(source, definition="current")
            assert refused.value.code == code

    def test_the_original_needs_no_code_here(self, memory: Store) -> None:
        squidie = memory.open(Sale)
        replay = memory.open().replay(squidie.start(Sale.place, Order("a")))
        squidie.drain()
        assert squidie.inspect_run(replay).status == "completed"

    def test_any_other_choice_is_refused(self, memory: Store) -> None:
        squidie = memory.open(Sale)
        with pytest.raises(OptionError) as refused:
            squidie.replay(squidie.start(Sale.place, Order("a")), definition="newest")  # type: ignore[arg-type]  # wrong
        assert refused.value.details == {"option": "definition"}


class TestRepeating:
    def test_one_key_makes_one_run_however_late_it_comes_again(self, store: Store) -> None:
        squidie = store.open(Sale)
        source = squidie.start(Sale.place, Order("a"))
        first = squidie.replay(source, idempotency_key="once")
        assert squidie.replay(source, idempotency_key="once") == first
        squidie.drain()  # the source has completed what cannot be undone
        assert squidie.replay(source, idempotency_key="once").id == first.id
        assert squidie.replay(source, idempotency_key="twice", allow_irreversible=True).id != first.id
        assert len(squidie.list_runs().runs) == 3

    def test_the_key_belongs_to_the_source(self, memory: Store) -> None:
        squidie = memory.open(Sale)
        one, other = (squidie.start(Sale.place, Order(name)) for name in "ab")
        assert squidie.replay(one, idempotency_key="k").id != squidie.replay(other, idempotency_key="k").id

    def test_an_id_can_be_chosen_and_found_again(self, memory: Store) -> None:
        squidie = memory.open(Sale)
        source, chosen = squidie.start(Sale.place, Order("a")), str(uuid4())
        assert squidie.replay(source, run_id=chosen).id == chosen
        assert squidie.replay(source, run_id=chosen).id == chosen
        with pytest.raises(OptionError):
            squidie.replay(source, run_id=chosen, idempotency_key="k")

    def test_a_key_or_id_of_another_replay_or_run_is_a_conflict(self, memory: Store) -> None:
        squidie = memory.open(Sale)
        source = squidie.start(Sale.place, Order("a"))
        replay = squidie.replay(source, idempotency_key="k")
        other = squidie.start(Sale.place, Order("b"))
        with pytest.raises(ConflictError):
            squidie.replay(source, definition="current", idempotency_key="k")
        for taken in (replay.id, source.id):
            with pytest.raises(ConflictError):
                squidie.replay(other, run_id=taken)
        with pytest.raises(ConflictError):
            squidie.start(Sale.place, Order("a"), run_id=replay.id)

    def test_two_at_once_with_one_key_make_one_run(self, harness: type[Harness]) -> None:
        def race(arena: Arena) -> None:
            source = arena.quiet.start(Sale.place, Order("a"))

            def replay(squidie: Squidie) -> Any:
                return outcome(lambda: squidie.replay(source, idempotency_key="once").id)

            one, other = arena.race(replay, replay)
            assert one == other
            assert len(arena.quiet.list_runs().runs) == 2

        at_every_moment(harness, Sale, race=race)


class TestSources:
    def test_that_do_not_exist_are_not_found(self, store: Store) -> None:
        with pytest.raises(NotFoundError) as refused:
            store.open(Sale).replay(str(uuid4()))
        assert refused.value.code == "not_found"

    def test_that_were_purged_are_said_to_be(self, store: Store) -> None:
        squidie = store.open(Sale)
        source = squidie.start(Sale.place, Order("a"))
        squidie.cancel(source)
        eventually(lambda: squidie.purge(before=timedelta(0)).runs)
        with pytest.raises(PurgedError):
            squidie.replay(source)

    def test_attributes_are_checked_before_the_run_is_looked_up(self, memory: Store) -> None:
        squidie = memory.open(Sale)
        for wrong in ({"actor": ""}, {"comment": ""}, {"metadata": "x"}, {"idempotency_key": ""}, {"run_id": "x"}):
            with pytest.raises(OptionError):
                squidie.replay(str(uuid4()), **wrong)  # type: ignore[arg-type]  # wrong

    def test_no_secret_reaches_the_journal(self, memory: Store) -> None:
        squidie = memory.open(Sale)
        replay = squidie.replay(squidie.start(Sale.place, Order("a")), metadata={"deep": [{"password": "s3cr3t"}]})
        assert "s3cr3t" not in json.dumps(squidie.inspect_run(replay, include_history=True).to_dict())
