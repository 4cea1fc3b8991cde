"""Runs that wait: for a time, for a body that goes on later, for a human; and what happens to them meanwhile."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from adapters.harnesses.memory import MemoryHarness
from squidie_contract.harness import Harness
from squidie_core import (
    Defer,
    InvalidTransitionError,
    OptionError,
    Resource,
    Snapshot,
    Squidie,
    StepContext,
    Workflow,
    end,
    sequence,
    step,
    trigger,
)
from squidie_core.journal.entries import ManualStepResolved, RunSignalReceived
from tests.constructs.clocked import ClockedStore
from tests.constructs.racing import Arena, at_every_moment, outcome
from tests.runtime.flows import Stage, on
from tests.runtime.stores import Store, assert_consistent, entries_of
from tests.runtime.waiting import eventually

SECRET = "s3cr3t value"


def look(ctx: StepContext, stage: Resource[Stage]) -> dict[str, Any] | Defer:
    return Defer("too early", after=0.01) if stage.begin(ctx) < 3 else {"looks": 3}


class Long(Workflow, name="long"):
    """Every way of waiting, one after the other."""

    begin = trigger.manual()
    hide = step.pause()
    rest = step.wait(0.015)
    look = step(look)
    council = step.approval(output="council")
    last = step.wait(timedelta(milliseconds=15))
    transitions = (*sequence(hide, rest, look, council, last), council.error.to(end))


class TestEveryWayOfWaiting:
    def test_outlives_the_clients_that_look_at_it(self, store: Store) -> None:
        """Each part is done by another client; nothing is known but what the store keeps."""
        stage = Stage()
        run = store.open(Long, resources=on(stage)).start(Long.begin, delay=0.02)
        early = store.open(Reviewed)
        with pytest.raises(InvalidTransitionError, match="no gate is open"):
            early.resume(run)

        def reached(kind: str) -> Snapshot:
            worker = store.open(Long, resources=on(stage))

            def look() -> Snapshot | None:
                worker.drain()
                now = worker.inspect_run(run)
                return now if now.terminal or (now.waiting_for and now.waiting_for.kind == kind) else None

            found = eventually(look)
            assert isinstance(found, Snapshot)
            return found

        early.resume(reached("pause"))
        assert [call.attempt for call in stage.calls] == []
        store.open(Reviewed).approve(reached("approval"), actor="elrond")
        done = reached("nothing")
        assert (done.status, done.context["looks"], done.context["council"]["decision"]) == ("completed", 3, "approved")
        times = {view.runnable_key.removeprefix(f"{run.id}:"): view.visible_at for view in done.attempts}
        assert list(times) == [
            "hide:1",
            "rest:1",
            "look:1",
            "look:1:deferred",
            "look:1:deferred#2",
            "council:1",
            "last:1",
        ]
        assert done.ended_at is not None
        assert done.ended_at >= times["last:1"]
        assert {call.attempt for call in stage.calls} == {1}
        assert_consistent(early, run)

    def test_takes_the_milliseconds_that_it_says(self, clocked: ClockedStore) -> None:
        squidie = clocked.open(Long, resources=on(Stage()))
        run = squidie.start(Long.begin, delay=timedelta(milliseconds=7))
        assert run.waiting_for is not None
        assert (run.reason, run.waiting_for.kind) == ("attempt_scheduled_for_later", "time")
        for wait, kind in ((7, "pause"), (15, "time"), (10, "time"), (10, "approval"), (15, None)):
            clocked.later(wait - 1)
            assert squidie.drain() == 0
            clocked.later(1)
            squidie.drain()
            now = squidie.inspect_run(run)
            assert (now.waiting_for and now.waiting_for.kind) == kind
            if kind == "pause":
                squidie.resume(run)
            elif kind == "approval":
                squidie.approve(run, actor="elrond")
        ended = squidie.inspect_run(run)
        assert (ended.status, ended.ended_at) == ("completed", run.started_at + timedelta(milliseconds=57))


class Reviewed(Workflow, name="reviewed"):
    """A review that sends the work back, twice at most."""

    begin = trigger.manual()
    write = step(lambda: None)
    review = step.approval(output="review")
    transitions = (
        write.ok.to(review),
        review.ok.to(end),
        review.error.to(write, max_visits=2),
        review.error.to(end),
    )


def at_review(squidie: Squidie) -> Snapshot:
    run = squidie.start(Reviewed.begin)
    squidie.drain()
    return squidie.inspect_run(run)


class TestDecidingTwice:
    def test_without_a_key_or_with_a_new_one_is_refused_once_the_gate_is_closed(self, memory: Store) -> None:
        squidie = memory.open(Reviewed)
        run = at_review(squidie)
        over = squidie.approve(run, actor="sam", idempotency_key="once")
        for key in (None, "twice"):
            for act in (squidie.approve, squidie.reject):
                with pytest.raises(InvalidTransitionError) as refused:
                    act(run, actor="sam", idempotency_key=key)
                assert refused.value.code == "invalid_transition"
        assert squidie.approve(run, actor="sam", idempotency_key="once") == over
        with pytest.raises(InvalidTransitionError):
            squidie.reject(run, actor="sam", idempotency_key="once")  # a key belongs to one kind of command

    def test_with_the_key_of_an_earlier_visit_leaves_a_later_one_alone(self, store: Store) -> None:
        squidie = store.open(Reviewed)
        run = at_review(squidie)
        squidie.reject(run, actor="sam", idempotency_key="first")
        squidie.drain()
        again = squidie.reject(run, actor="sam", idempotency_key="first")
        assert again.waiting_for is not None
        assert (again.status, again.attempts[-1].runnable_key) == ("paused", f"{run.id}:review#2:1")
        for _ in range(2):
            squidie.reject(run, actor="sam")
            squidie.drain()
        over = squidie.inspect_run(run)
        assert (over.status, over.context["review"]["decision"]) == ("completed", "rejected")
        assert [view.step for view in over.attempts] == ["write", "review"] * 3
        assert_consistent(squidie, run)


class TestTwoOperators:
    def test_at_one_gate_have_one_effect_between_them(self, harness: type[Harness]) -> None:
        at_every_moment(harness, Reviewed, race=lambda arena: two_decide(arena, "reject", None))

    def test_with_one_key_have_one_effect_and_are_both_told_of_it(self) -> None:
        at_every_moment(MemoryHarness, Reviewed, race=lambda arena: two_decide(arena, "approve", "one"))


def two_decide(arena: Arena, second: str, key: str | None) -> None:
    """Whoever comes second is refused, or finds what the command under the same key has done."""
    run = at_review(arena.quiet)
    answers = arena.race(
        lambda squidie: outcome(lambda: squidie.approve(run, actor="sam", idempotency_key=key)),
        lambda squidie: outcome(lambda: getattr(squidie, second)(run, actor="pippin", idempotency_key=key)),
    )
    entries = entries_of(arena.quiet, run)
    (resolved,) = [entry for entry in entries if isinstance(entry, ManualStepResolved)]
    receipts = [e for e in entries if isinstance(e, RunSignalReceived) and e.signal != "start_run"]
    assert [receipt.actor for receipt in receipts] == [resolved.result["review"]["actor"]]
    refused = [answer for answer in answers if isinstance(answer, InvalidTransitionError)]
    assert len(refused) == (1 if key is None else 0)
    assert all(isinstance(answer, Snapshot) for answer in answers if answer not in refused)
    assert_consistent(arena.quiet, run)


KEYS = [
    "access_token",
    "api_key",
    "authorization",
    "claim_token",
    "credential",
    "password",
    "private_key",
    "refresh_token",
    "secret",
    "Token",
]


class TestWhatIsSaid:
    @pytest.mark.parametrize(
        ("act", "given", "option"),
        [
            ("resume", {"actor": ""}, "actor"),
            ("resume", {"actor": {}, "comment": 7}, "actor"),
            ("resume", {"comment": "", "metadata": SECRET}, "comment"),
            ("resume", {"metadata": [SECRET]}, "metadata"),
            ("approve", {"actor": None, "comment": 7}, "actor"),
            ("reject", {"actor": 7}, "actor"),
            ("reject", {"actor": "sam", "comment": "", "metadata": 7}, "comment"),
            ("approve", {"actor": "sam", "metadata": SECRET}, "metadata"),
        ],
        ids=repr,
    )
    def test_is_checked_before_the_run_is_looked_up_the_first_problem_alone(
        self, memory: Store, act: str, given: dict[str, Any], option: str
    ) -> None:
        squidie = memory.open(Reviewed)
        for nobody in (str(uuid4()), "no id"):
            with pytest.raises(OptionError) as refused:
                getattr(squidie, act)(nobody, **given)
            code = "invalid_resume" if act == "resume" else "invalid_review"
            assert (refused.value.code, refused.value.details) == (code, {"option": option})
            assert SECRET not in str(refused.value)

    def test_has_its_secrets_redacted_in_the_receipt_and_in_the_decision(self, memory: Store) -> None:
        squidie = memory.open(Reviewed)
        run = at_review(squidie)
        hidden = dict.fromkeys(KEYS, "[REDACTED]")
        said = {"ticket": 7, "rows": [{"n": 1, **dict.fromkeys(KEYS, SECRET)}], "deep": {key: [SECRET] for key in KEYS}}
        kept = {"ticket": 7, "rows": [{"n": 1, **hidden}], "deep": hidden}
        squidie.approve(run, actor={"id": 1, "token": SECRET}, metadata=said)
        found = squidie.inspect_run(run, include_history=True)
        assert found.context["review"]["metadata"] == kept
        assert found.context["review"]["actor"] == {"id": 1, "token": "[REDACTED]"}
        receipt = next(entry for entry in reversed(entries_of(squidie, run)) if isinstance(entry, RunSignalReceived))
        assert receipt.metadata == kept
        assert SECRET not in json.dumps(found.to_dict())


def ship() -> dict[str, Any]:
    return {"shipped": True}


def tell() -> dict[str, Any]:
    return {"told": True}


class Order(Workflow, name="order", version="1"):
    begin = trigger.manual()
    check = step.approval(output="verdict")
    ship = step(ship)
    tell = step(tell)
    transitions = (check.ok.to(ship), check.error.to(tell), ship.ok.to(end), tell.ok.to(end))


class Gone(Workflow, name="order", version="2"):
    """No gate at all."""

    begin = trigger.manual()
    ship = step(ship)
    tell = step(tell)
    transitions = sequence(ship, tell)


class OtherKind(Workflow, name="order", version="3"):
    begin = trigger.manual()
    check = step.pause()
    ship = step(ship)
    tell = step(tell)
    transitions = sequence(check, tell, ship)


class OtherWays(Workflow, name="order", version="4"):
    """The answers lead the other way round, under another name."""

    begin = trigger.manual()
    check = step.approval(output="review")
    ship = step(ship)
    tell = step(tell)
    transitions = (check.ok.to(tell), check.error.to(ship), ship.ok.to(end), tell.ok.to(end))


class TestNewCodeWhileARunWaits:
    @pytest.mark.parametrize("later", [Gone, OtherKind, OtherWays])
    def test_changes_neither_the_question_nor_where_the_answers_lead(
        self, memory: Store, later: type[Workflow]
    ) -> None:
        runs = [memory.open(Order).start(Order.begin) for _ in range(2)]
        squidie = memory.open(later)
        with pytest.raises(InvalidTransitionError) as refused:
            squidie.resume(runs[0], actor="sam")
        assert refused.value.code == "unsupported_manual_step"
        squidie.approve(runs[0], actor="sam")
        squidie.reject(runs[1], actor="sam")
        squidie.drain()
        for run, decision, others in zip(runs, ("approved", "rejected"), ({"shipped"}, {"told"}), strict=True):
            done = squidie.inspect_run(run)
            assert (done.status, done.version, done.context["verdict"]["decision"]) == ("completed", "1", decision)
            assert done.context.keys() == {"verdict"} | others
            if later is OtherWays:
                assert done.output(OtherWays.check)["decision"] == decision
            assert_consistent(squidie, run)

    def test_that_has_not_even_the_workflow_can_still_decide(self, store: Store) -> None:
        run = store.open(Order).start(Order.begin)
        operator = store.open(Reviewed)
        decided = operator.approve(run, actor="sam")
        assert (decided.status, decided.context["verdict"]["actor"]) == ("running", "sam")
        worker = store.open(Order)
        worker.drain()
        assert worker.inspect_run(run).status == "completed"
        assert_consistent(worker, run)
