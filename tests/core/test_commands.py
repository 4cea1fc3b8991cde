"""What operators do: resume, approve, reject, cancel."""

from __future__ import annotations

from typing import Any, NoReturn

import pytest

from squidie_core.decisions import ManualCommand
from squidie_core.definition.model import END
from squidie_core.errors import InvalidTransitionError
from squidie_core.journal.entries import (
    Decision,
    ManualStepResolved,
    RunnableApplied,
    RunSignalReceived,
    RunTerminal,
)
from squidie_core.state import Receipt
from tests.core.runs import NOW, RUN_ID, Run, Signal, error, ok, plan_of, step

AT = "2027-01-15T08:00:00+00:00"

pause = plan_of(step("hide", kind="pause"), step("go"), transitions=[ok("hide", "go")])
last_pause = plan_of(step("a"), step("hide", kind="pause"), transitions=[ok("a", "hide")])


def approval(output: str | None = None) -> Run:
    """A run that waits at its council."""
    plan = plan_of(
        step("council", kind="approval", output=output),
        step("go", takes=[output or "decision"]),
        step("stay"),
        transitions=[ok("council", "go"), error("council", "stay")],
    )
    return Run(plan, {"ring_id": "one"})


def refused(run: Run, signal: Signal | None, command: ManualCommand | None = None) -> InvalidTransitionError:
    """The refusal of a command, which leaves no trace."""
    before = len(run.entries)
    with pytest.raises(InvalidTransitionError) as caught:
        run.manual(signal, command) if signal else run.cancel(command)
    assert len(run.entries) == before == run.state.rev
    return caught.value


class TestPause:
    def test_waits_for_a_human_and_for_nothing_else(self) -> None:
        run = Run(pause)
        assert run.later(10**9).claim() == []
        assert run.last == []
        assert run.state.wake_at() is None

    def test_resumed_goes_on_and_keeps_the_receipt(self) -> None:
        run = Run(pause).later(60)
        run.manual(
            "resume_run",
            ManualCommand(actor={"id": 7}, comment="now", metadata={"ticket": 1}, idempotency_key="k"),
        )
        key = f"{RUN_ID}:hide:1"
        assert run.last[:3] == [
            RunSignalReceived(
                NOW + 60,
                "resume_run",
                payload={"run_id": RUN_ID, "runnable_key": key},
                metadata={"ticket": 1},
                idempotency_key="k",
                actor={"id": 7},
                comment="now",
            ),
            ManualStepResolved(NOW + 60, key, "hide", "resumed", {}),
            RunnableApplied(NOW + 60, key, Decision("hide", "ok", "go", 0)),
        ]
        assert (run.status, run.open_steps()) == ("running", ["go"])
        assert run.state.context == {}

    def test_as_the_last_step_ends_the_run(self) -> None:
        run = Run(last_pause).does("a")
        assert run.status == "paused"
        run.manual("resume_run")
        assert run.status == "completed"

    def test_that_leads_to_another_gate_opens_it(self) -> None:
        run = Run(plan_of(step("one", kind="pause"), step("two", kind="pause"), transitions=[ok("one", "two")]))
        run.manual("resume_run")
        assert run.state.gate is not None
        assert run.state.gate.step == "two"
        run.manual("resume_run")
        assert run.status == "completed"


class TestApproval:
    def test_approved_goes_on_with_the_decision_in_the_context(self) -> None:
        run = approval()
        run.manual("approve_run")
        assert run.open_steps() == ["go"]
        decision = {"decision": "approved", "actor": "elrond", "decided_at": AT}
        assert run.state.context == {"ring_id": "one", **decision}
        assert run.runnable("go").input == {"decision": "approved"}

    def test_rejected_takes_the_error_route_and_does_not_fail(self) -> None:
        run = approval()
        run.manual("reject_run")
        assert (run.status, run.open_steps()) == ("running", ["stay"])
        assert run.state.context["decision"] == "rejected"
        assert run.state.error is None
        applied = next(entry for entry in run.last if isinstance(entry, RunnableApplied))
        assert applied.decision == Decision("council", "error", "stay", 1)

    def test_rejected_to_the_end_completes_the_run(self) -> None:
        plan = plan_of(step("council", kind="approval"), transitions=[ok("council", END), error("council", END)])
        run = Run(plan)
        run.manual("reject_run")
        assert run.status == "completed"
        assert run.state.context["decision"] == "rejected"

    def test_keeps_its_decision_under_the_output_name(self) -> None:
        run = approval("council")
        run.manual("approve_run", ManualCommand(actor="elrond", comment="with nine", metadata={"token": "[REDACTED]"}))
        decision: dict[str, Any] = {
            "decision": "approved",
            "actor": "elrond",
            "decided_at": AT,
            "comment": "with nine",
            "metadata": {"token": "[REDACTED]"},
        }
        assert run.state.context == {"ring_id": "one", "council": decision}
        assert run.runnable("go").input == {"council": decision}

    def test_at_a_later_visit_is_decided_anew(self) -> None:
        plan = plan_of(
            step("council", kind="approval"),
            transitions=[error("council", "council", max_visits=2), error("council", END), ok("council", END)],
        )
        run = Run(plan)
        run.manual("reject_run")
        assert run.state.gate is not None
        assert run.state.gate.runnable_key == f"{RUN_ID}:council#2:1"
        run.manual("approve_run")
        assert run.status == "completed"


class TestWrongCommands:
    def test_for_the_kind_of_gate_say_what_to_call(self) -> None:
        refusal = refused(approval(), "resume_run")
        assert refusal.code == "unsupported_manual_step"
        assert refusal.details == {
            "run_id": RUN_ID,
            "status": "paused",
            "signal": "resume_run",
            "step": "council",
            "kind": "approval",
        }
        assert "use approve or reject" in str(refusal)
        wrong: list[Signal] = ["approve_run", "reject_run"]
        for signal in wrong:
            refusal = refused(Run(pause), signal)
            assert refusal.code == "unsupported_manual_step"
            assert "use resume" in str(refusal)

    @pytest.mark.parametrize("signal", ["resume_run", "approve_run", "reject_run"])
    def test_without_an_open_gate_are_refused(self, signal: Signal) -> None:
        run = Run(last_pause)
        refusal = refused(run, signal)
        assert (refusal.code, refusal.details["status"]) == ("invalid_transition", "running")
        assert "no gate is open" in str(refusal)
        run.claim()
        refused(run, signal)
        run.cancel()
        refusal = refused(run, signal)
        assert refusal.details["status"] == "cancelled"
        assert "it is over" in str(refusal)

    def test_of_the_second_of_two_operators_are_refused(self) -> None:
        run = approval()
        run.manual("approve_run", ManualCommand(actor="elrond", idempotency_key="e"))
        assert refused(run, "reject_run", ManualCommand(actor="boromir", idempotency_key="b")).details["status"] == (
            "running"
        )
        refused(run, "approve_run", ManualCommand(actor="boromir"))
        assert run.open_steps() == ["go"]


class TestRepeatedCommands:
    command = ManualCommand(actor="elrond", idempotency_key="k")

    def test_with_one_key_write_nothing_the_second_time(self) -> None:
        run = approval()
        run.manual("approve_run", self.command)
        run.manual("approve_run", self.command)
        assert run.last == []
        run.does("go")
        run.manual("approve_run", self.command)
        assert run.last == []

    def test_are_found_without_going_through_all_that_were_received(self) -> None:
        class Long(list[Receipt]):
            def __iter__(self) -> NoReturn:
                raise AssertionError("somebody goes through all receipts")

        run = approval()
        run.manual("approve_run", self.command)
        run.state.receipts = Long(run.state.receipts)
        run.manual("approve_run", self.command)
        assert run.last == []
        run.cancel(self.command)
        assert run.status == "cancelled"

    def test_by_somebody_else_or_for_other_reasons_are_the_same_commands(self) -> None:
        """The first stands, with its words."""
        run = approval()
        run.manual("approve_run", self.command)
        run.manual("approve_run", ManualCommand(actor="boromir", comment="gladly", idempotency_key="k"))
        assert run.last == []
        run.cancel(self.command)
        run.cancel(ManualCommand(idempotency_key="k"), compensate=True)
        assert run.last == []

    def test_without_a_key_are_new_commands(self) -> None:
        run = Run(last_pause)
        run.cancel()
        refused(run, None)

    def test_with_the_key_of_another_kind_of_command_are_new(self) -> None:
        run = approval()
        run.manual("approve_run", self.command)
        refused(run, "reject_run", self.command)
        run.cancel(self.command)
        assert run.status == "cancelled"


class TestCancelling:
    def test_ends_the_run_and_keeps_the_receipt(self) -> None:
        run = Run(last_pause).later(5)
        run.cancel(ManualCommand(actor="sam", comment="enough", metadata={"x": 1}, idempotency_key="k"))
        assert run.last == [
            RunSignalReceived(
                NOW + 5,
                "cancel_run",
                payload={"run_id": RUN_ID},
                metadata={"x": 1},
                idempotency_key="k",
                actor="sam",
                comment="enough",
            ),
            RunTerminal(NOW + 5, "cancelled"),
        ]
        assert (run.status, run.state.error, run.state.ended_at) == ("cancelled", None, NOW + 5)
        run.cancel(ManualCommand(idempotency_key="k"))
        assert run.last == []

    def test_is_possible_while_an_attempt_runs_whose_outcome_is_then_lost(self) -> None:
        run = Run(last_pause)
        run.claim()
        run.cancel()
        assert not run.complete("a", {"x": 1})
        run.release("a")
        assert run.last == []
        assert run.state.context == {}

    def test_is_possible_at_a_gate_which_is_then_closed(self) -> None:
        run = Run(pause)
        run.cancel()
        assert (run.status, run.state.gate) == ("cancelled", None)
        refused(run, "resume_run")

    def test_is_possible_before_the_first_step_is_due(self) -> None:
        run = Run(last_pause, delay=10_000)
        run.cancel()
        assert run.later(20_000).claim() == []

    @pytest.mark.parametrize("end", ["completed", "failed", "cancelled"])
    def test_of_a_run_that_is_over_is_refused(self, end: str) -> None:
        run = Run(plan_of(step("a")))
        run.claim()
        if end == "completed":
            run.complete("a")
        elif end == "failed":
            run.fail("a")
        else:
            run.cancel()
        refusal = refused(run, None)
        assert (refusal.code, refusal.details["status"]) == ("invalid_transition", end)
        assert run.status == end
