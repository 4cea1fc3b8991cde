"""The first commit of a run."""

from __future__ import annotations

import pytest

from squidie_core.decisions import start
from squidie_core.errors import PayloadError
from squidie_core.journal.entries import ManualStepPaused, Runnable, RunnablesPlanned, RunSignalReceived, RunStarted
from tests.core.runs import NOW, RUN_ID, Run, ok, plan_of, request, step

two_roots = plan_of(step("march", takes=["bearer"]), step("rally"), step("win", after=("march", "rally")))


class TestStart:
    def test_is_the_receipt_the_start_and_the_first_steps(self) -> None:
        draft = start(
            two_roots,
            request(
                {"bearer": "frodo"},
                tags=("x",),
                priority=2,
                queue="slow",
                context={"schedule": {"at": 1}},
                metadata={"ip": "::1"},
                idempotency_key="key",
            ),
            NOW,
        )
        assert draft.entries == [
            RunSignalReceived(
                NOW, "start_run", payload={"trigger": "leave_shire"}, metadata={"ip": "::1"}, idempotency_key="key"
            ),
            RunStarted(
                NOW,
                run_id=RUN_ID,
                workflow="ring-errand",
                trigger="leave_shire",
                input={"bearer": "frodo"},
                definition=two_roots.fingerprint,
                queue="slow",
                priority=2,
                payload_digest="0" * 64,
                version="1",
                tags=("x",),
                context={"schedule": {"at": 1}},
            ),
            RunnablesPlanned(
                NOW,
                (
                    Runnable(f"{RUN_ID}:march:1", "march", NOW, input={"bearer": "frodo"}),
                    Runnable(f"{RUN_ID}:rally:1", "rally", NOW, input={}),
                ),
            ),
        ]
        assert draft.state.status == "running"
        assert (draft.state.context, draft.state.schedule) == ({"bearer": "frodo"}, {"at": 1})
        assert draft.state.wake_at() == NOW

    def test_with_a_delay_keeps_the_first_steps_back(self) -> None:
        run = Run(two_roots, {"bearer": "frodo"}, delay=5_000)
        assert run.state.wake_at() == NOW + 5_000
        assert run.later(4_999).claim() == []
        assert run.later(1).claim() == ["march", "rally"]

    def test_without_a_value_that_a_first_step_needs_decides_nothing(self) -> None:
        with pytest.raises(PayloadError) as caught:
            start(two_roots, request({"ring_id": "one"}), NOW)
        assert caught.value.code == "missing_input_path"
        assert caught.value.details == {
            "step": "march",
            "target": "bearer",
            "path": ["bearer"],
            "missing_at": ["bearer"],
        }
        assert "'march' needs 'bearer'" in str(caught.value)

    def test_at_a_gate_opens_it(self) -> None:
        plan = plan_of(step("hide", kind="pause"), step("go"), transitions=[ok("hide", "go")])
        run = Run(plan)
        assert isinstance(run.last[-1], ManualStepPaused)
        assert (run.status, run.state.wake_at()) == ("paused", None)

    def test_with_a_delay_opens_a_gate_when_it_is_over(self) -> None:
        plan = plan_of(step("hide", kind="pause"), step("go"), transitions=[ok("hide", "go")])
        run = Run(plan, delay=1_000)
        assert (run.status, run.state.wake_at()) == ("running", NOW + 1_000)
        assert run.claim() == []
        assert run.last == []
        run.later(1_000).claim()
        assert run.kinds() == ["manual_step_paused"]
        assert run.status == "paused"

    def test_at_a_wait_counts_it_from_the_end_of_the_delay(self) -> None:
        plan = plan_of(step("rest", kind="wait", duration=500), step("go"), transitions=[ok("rest", "go")])
        assert Run(plan, delay=1_000).state.wake_at() == NOW + 1_500

    def test_of_a_workflow_that_loops_back_to_its_beginning_begins_with_the_first_step(self) -> None:
        plan = plan_of(step("ask"), step("wait"), transitions=[ok("ask", "wait"), ok("wait", "ask", max_visits=1)])
        assert Run(plan).open_steps() == ["ask"]
