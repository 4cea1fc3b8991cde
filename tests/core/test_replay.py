"""Which runs may be replayed as they are, and what a replay starts with."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from squidie_core.decisions import ManualCommand
from squidie_core.decisions.replay import ReplayRequest, check_replay, replay_digest, replay_request
from squidie_core.errors import UnsafeReplayError
from tests.core.runs import RUN_ID, Run, error, ok, plan_of, retry, step

NEW_ID = "01a3185c-5000-7000-8000-000000000002"
pay = step("pay", irreversible=True)
mail = step("mail", compensatable=False)
walk = step("walk")


def asked(**options: Any) -> ReplayRequest:
    given: dict[str, Any] = {
        "run_id": NEW_ID,
        "payload": {"n": 1},
        "queue": "default",
        "definition": "original",
        "allow_irreversible": False,
        "command": ManualCommand(),
    }
    return ReplayRequest(**{**given, **options})


def unsafe(run: Run) -> list[str]:
    try:
        check_replay(run.state, run.plan, allow_irreversible=False)
    except UnsafeReplayError as refused:
        return [item["step"] for item in refused.details["steps"]]
    return []


class TestSafety:
    def test_steps_that_were_not_completed_are_no_danger(self) -> None:
        run = Run(plan_of(walk, pay, mail, transitions=[ok("walk", "pay"), ok("pay", "mail")]))
        run.does("walk")
        run.claim()
        assert unsafe(run) == []
        run.fail("pay")
        assert run.status == "failed"
        assert unsafe(run) == []

    def test_completed_ones_are_listed_with_their_policies_in_their_order(self) -> None:
        run = Run(plan_of(mail, walk, pay, transitions=[ok("mail", "walk"), ok("walk", "pay")]))
        run.does("mail").does("walk").does("pay")
        with pytest.raises(UnsafeReplayError) as refused:
            check_replay(run.state, run.plan, allow_irreversible=False)
        by_hand = {"compensatable": False, "replay": "manual_review_required", "recovery": "manual_intervention"}
        assert refused.value.code == "unsafe_replay"
        assert "mail, pay" in str(refused.value)
        assert refused.value.details == {
            "run_id": RUN_ID,
            "steps": [
                {"step": "mail", "irreversible": False, **by_hand},
                {"step": "pay", "irreversible": True, **by_hand},
            ],
        }
        check_replay(run.state, run.plan, allow_irreversible=True)

    def test_one_that_failed_into_an_error_route_may_have_had_its_effect(self) -> None:
        run = Run(plan_of(pay, walk, transitions=[ok("pay", "walk"), error("pay", "walk")]))
        run.claim()
        run.fail("pay")
        assert unsafe(run) == ["pay"]

    def test_one_that_succeeded_at_the_second_attempt_counts(self) -> None:
        run = Run(plan_of(replace(pay, retry=retry(2))))
        run.claim()
        run.fail("pay")
        assert unsafe(run) == []
        run.does("pay")
        assert unsafe(run) == ["pay"]

    def test_the_definition_that_the_run_went_by_decides(self) -> None:
        run = Run(plan_of(pay)).does("pay")
        today = plan_of(step("pay"))
        check_replay(run.state, today, allow_irreversible=False)
        assert unsafe(run) == ["pay"]

    def test_a_step_that_the_definition_does_not_have_asks_for_a_human(self) -> None:
        run = Run(plan_of(step("extra"))).does("extra")
        with pytest.raises(UnsafeReplayError):
            check_replay(run.state, plan_of(walk), allow_irreversible=False)


class TestRequest:
    def test_keeps_what_the_run_was_started_with(self) -> None:
        run = Run(plan_of(walk), {"n": 1}, tags=("x",), priority=2, delay=5_000, idempotency_key="k")
        command = ManualCommand(actor="sam", comment="again", metadata={"t": 1}, idempotency_key="once")
        made = replay_request(run.state, asked(command=command, allow_irreversible=True, queue="slow"))
        assert (made.trigger, made.payload, made.tags, made.priority) == ("leave_shire", {"n": 1}, ("x",), 2)
        assert (made.run_id, made.queue, made.delay, made.replayed_from) == (NEW_ID, "slow", 0, RUN_ID)
        assert (made.signal, made.actor, made.comment) == ("replay_run", "sam", "again")
        assert (made.metadata, made.idempotency_key) == ({"t": 1}, "once")
        assert made.received == {"run_id": RUN_ID, "allow_irreversible": True, "definition": "original"}

    def test_keeps_the_schedule_without_its_identity_and_drops_the_parent(self) -> None:
        schedule = {"trigger": "daily", "signal_id": "s", "idempotency": "skip_duplicate", "idempotency_key": "k"}
        run = Run(plan_of(walk), context={"schedule": schedule, "parent": {"run_id": "p"}})
        made = replay_request(run.state, asked())
        assert made.context == {"schedule": {"trigger": "daily", "signal_id": "s"}}

    def test_is_known_again_by_the_source_and_the_choice(self) -> None:
        assert replay_digest("a", "original") != replay_digest("a", "current")
        assert replay_digest("a", "original") != replay_digest("b", "original")
