"""What people do to runs: resuming, approving, rejecting, cancelling, and the receipts that they leave."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import uuid4

import pytest

from squidie_core import (
    InvalidTransitionError,
    NotFoundError,
    OptionError,
    Snapshot,
    Squidie,
    Workflow,
    end,
    sequence,
    step,
    trigger,
)
from squidie_core.errors import SquidieError
from squidie_core.journal.entries import RunSignalReceived
from tests.runtime.flows import Chain, Held, Stage, on
from tests.runtime.stores import Store, assert_consistent, entries_of, working
from tests.runtime.waiting import at_once, eventually

SECRET = "s3cr3t value"


def tell(verdict: dict[str, Any]) -> dict[str, Any]:
    return {"told": verdict["decision"]}


def hear(decision: str) -> dict[str, Any]:
    return {"heard": decision}


class Gated(Workflow, name="gated"):
    begin = trigger.manual()
    hide = step.pause()
    council = step.approval(output="verdict")
    agreed = step(tell)
    refused = step(tell)
    transitions = (
        *sequence(hide, council, agreed),
        council.error.to(refused),
        agreed.ok.to(end),
        refused.ok.to(end),
    )


class Bare(Workflow, name="bare"):
    begin = trigger.manual()
    council = step.approval()
    after = step(hear)
    transitions = (council.ok.to(after), council.error.to(end))


def at_pause(store: Store) -> tuple[Squidie, Snapshot]:
    squidie = store.open(Gated)
    return squidie, squidie.start(Gated.begin)


def at_council(store: Store) -> tuple[Squidie, Snapshot]:
    squidie, run = at_pause(store)
    return squidie, squidie.resume(run)


def signals(squidie: Squidie, run: Snapshot) -> list[RunSignalReceived]:
    return [entry for entry in entries_of(squidie, run) if isinstance(entry, RunSignalReceived)]


class TestPausing:
    def test_a_pause_waits_for_a_human_and_for_nobody_else(self, store: Store) -> None:
        squidie, run = at_pause(store)
        assert (run.status, run.reason) == ("paused", "manual_intervention_required")
        assert run.waiting_for is not None
        assert (run.waiting_for.kind, run.waiting_for.step) == ("pause", "hide")
        assert squidie.execute_next() is None
        resumed = squidie.resume(run, actor="sam", comment="the way is clear", metadata={"ring": 1, "token": SECRET})
        assert resumed.waiting_for is not None
        assert (resumed.status, resumed.waiting_for.kind) == ("paused", "approval")
        assert resumed.output(Gated.hide) is None
        receipt = signals(squidie, run)[-1]
        assert (receipt.signal, receipt.actor, receipt.comment) == ("resume_run", "sam", "the way is clear")
        assert receipt.metadata == {"ring": 1, "token": "[REDACTED]"}


class TestDeciding:
    def test_approving_takes_the_ok_route_and_puts_the_decision_into_the_context(self, store: Store) -> None:
        squidie, run = at_council(store)
        approved = squidie.approve(run, actor={"id": 7}, comment="go", metadata={"vote": [3, 1]})
        verdict = approved.context["verdict"]
        assert approved.output(Gated.council) == verdict
        assert run.started_at <= datetime.fromisoformat(verdict["decided_at"])
        said = {"decision": "approved", "actor": {"id": 7}, "comment": "go", "metadata": {"vote": [3, 1]}}
        assert verdict == {**said, "decided_at": verdict["decided_at"]}
        squidie.drain()
        done = squidie.inspect_run(run)
        assert (done.status, done.context["told"]) == ("completed", "approved")
        assert done.output(Gated.council)["decision"] == "approved"
        assert_consistent(squidie, run)

    def test_rejecting_takes_the_error_route(self, store: Store) -> None:
        squidie, run = at_council(store)
        squidie.reject(run, actor="elrond")
        squidie.drain()
        done = squidie.inspect_run(run)
        assert (done.status, done.context["told"]) == ("completed", "rejected")
        assert [view.step for view in done.attempts] == ["hide", "council", "refused"]

    def test_without_an_output_name_the_decision_has_names_of_its_own(self, memory: Store) -> None:
        squidie = memory.open(Bare)
        run = squidie.start(Bare.begin)
        squidie.approve(run, actor="elrond")
        squidie.drain()
        assert squidie.inspect_run(run).context["heard"] == "approved"
        assert squidie.inspect_run(run).output(Bare.council)["actor"] == "elrond"

    def test_it_wakes_a_worker_that_waits(self, store: Store) -> None:
        squidie, run = at_council(store)
        with working(squidie):
            squidie.approve(run, actor="elrond")
            eventually(lambda: squidie.inspect_run(run).terminal)


class TestRepeating:
    @pytest.mark.parametrize("act", ["resume", "approve", "reject", "cancel"])
    def test_a_command_under_one_key_has_one_effect_however_late_it_comes_again(self, store: Store, act: str) -> None:
        squidie, run = at_pause(store) if act in ("resume", "cancel") else at_council(store)

        def again(actor: str = "sam") -> Snapshot:
            found: Snapshot = getattr(squidie, act)(run, actor=actor, idempotency_key="once")
            return found

        first = again()
        entries = len(entries_of(squidie, run))
        assert again() == first
        assert again("another").rev == first.rev
        squidie.drain()
        if not squidie.inspect_run(run).terminal:
            squidie.cancel(run)
        end = squidie.inspect_run(run)
        assert again() == end
        assert len([signal for signal in signals(squidie, run) if signal.idempotency_key == "once"]) == 1
        assert end.rev >= entries

    def test_ten_threads_that_approve_have_one_effect(self, store: Store) -> None:
        squidie, run = at_council(store)

        def approve(number: int) -> bool:
            try:
                squidie.approve(run, actor=str(number))
            except InvalidTransitionError:
                return False
            return True

        assert at_once(10, approve).count(True) == 1
        assert len(signals(squidie, run)) == 3
        assert_consistent(squidie, run)


class TestWrongMoments:
    @pytest.mark.parametrize(("at", "act"), [(at_pause, "approve"), (at_pause, "reject"), (at_council, "resume")])
    def test_another_answer_than_the_gate_asks_for_is_refused(
        self, store: Store, at: Callable[[Store], tuple[Squidie, Snapshot]], act: str
    ) -> None:
        squidie, run = at(store)
        with pytest.raises(InvalidTransitionError) as refused:
            getattr(squidie, act)(run, actor="a")
        assert refused.value.code == "unsupported_manual_step"
        assert refused.value.details["status"] == "paused"
        assert squidie.inspect_run(run) == run

    @pytest.mark.parametrize("act", ["resume", "approve", "reject", "cancel"])
    def test_a_run_that_is_over_takes_no_command(self, memory: Store, act: str) -> None:
        squidie, run = at_pause(memory)
        over = squidie.cancel(run)
        with pytest.raises(InvalidTransitionError) as refused:
            getattr(squidie, act)(run, actor="a")
        assert refused.value.code == "invalid_transition"
        assert refused.value.details["status"] == "cancelled"
        assert squidie.inspect_run(run) == over

    def test_without_a_gate_there_is_nothing_to_decide(self, memory: Store) -> None:
        squidie = memory.open(Chain, resources=on(Stage()))
        run = squidie.start(Chain.begin)
        for act in ("resume", "approve", "reject"):
            with pytest.raises(InvalidTransitionError, match="no gate"):
                getattr(squidie, act)(run, actor="a")

    @pytest.mark.parametrize("act", ["resume", "approve", "reject", "cancel", "inspect_run"])
    def test_a_run_that_does_not_exist_is_not_found(self, store: Store, act: str) -> None:
        squidie, _ = at_pause(store)
        options = {} if act == "inspect_run" else {"actor": "a"}
        with pytest.raises(NotFoundError) as missing:
            getattr(squidie, act)(str(uuid4()), **options)
        assert missing.value.code == "not_found"
        with pytest.raises(OptionError) as refused:
            getattr(squidie, act)(SECRET, **options)
        assert refused.value.code == "invalid_run_id"
        assert SECRET not in str(refused.value)


class TestWhoAndWhy:
    @pytest.mark.parametrize(
        ("options", "option"),
        [
            ({"actor": None}, "actor"),
            ({"actor": ""}, "actor"),
            ({"actor": {}}, "actor"),
            ({"actor": 7}, "actor"),
            ({"actor": "a", "comment": ""}, "comment"),
            ({"actor": "a", "comment": 7}, "comment"),
            ({"actor": "a", "metadata": SECRET}, "metadata"),
            ({"actor": "a", "idempotency_key": ""}, "idempotency_key"),
        ],
        ids=repr,
    )
    def test_an_approval_needs_an_actor_and_options_that_can_be_used(
        self, memory: Store, options: dict[str, Any], option: str
    ) -> None:
        squidie, run = at_council(memory)
        with pytest.raises(OptionError) as refused:
            squidie.approve(run, **options)
        assert refused.value.details == {"option": option}
        assert SECRET not in str(refused.value)
        assert squidie.inspect_run(run) == run

    def test_what_cannot_be_stored_is_refused(self, memory: Store) -> None:
        squidie, run = at_council(memory)
        with pytest.raises(SquidieError, match="actor"):
            squidie.approve(run, actor={"who": object()})
        assert squidie.inspect_run(run) == run

    def test_secrets_do_not_reach_the_journal(self, memory: Store) -> None:
        squidie, run = at_council(memory)
        squidie.approve(run, actor={"id": 1, "api_key": SECRET}, metadata={"deep": [{"password": SECRET}]})
        history = squidie.inspect_run(run, include_history=True).to_dict()
        assert SECRET not in json.dumps(history)


class TestCancelling:
    @pytest.mark.parametrize("at", [at_pause, at_council])
    def test_a_run_at_a_gate_ends(self, store: Store, at: Callable[[Store], tuple[Squidie, Snapshot]]) -> None:
        squidie, run = at(store)
        cancelled = squidie.cancel(run, actor="sauron", comment="mine")
        assert (cancelled.status, cancelled.reason, cancelled.waiting_for) == ("cancelled", "terminal", None)
        assert cancelled.ended_at is not None
        assert squidie.list_runs(status="cancelled").runs[0].id == run.id
        assert squidie.execute_next() is None
        assert_consistent(squidie, run)

    def test_work_that_waits_is_not_begun(self, store: Store) -> None:
        stage = Stage()
        squidie = store.open(Chain, resources=on(stage))
        squidie.cancel(squidie.start(Chain.begin))
        assert squidie.drain() == 0
        assert stage.calls == []

    def test_what_a_running_body_gives_is_dropped(self, store: Store) -> None:
        stage = Stage()
        squidie = store.open(Held, resources=on(stage))
        run = squidie.start(Held.begin)
        with working(squidie):
            eventually(lambda: stage.calls)
            cancelled = squidie.cancel(run)
            stage.opened.set()
            eventually(lambda: stage.went_on)
        assert squidie.inspect_run(run) == cancelled
        assert_consistent(squidie, run)
