"""Commands: as calls and as signals, their receipts, their repetition."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import pytest

from squidie_contract.harness import Harness
from squidie_core import (
    InvalidTransitionError,
    NotFoundError,
    OptionError,
    Signal,
    Snapshot,
    Squidie,
    StepContext,
    Workflow,
    end,
    from_cloudevent,
    sequence,
    step,
    to_cloudevent,
    trigger,
)
from squidie_core.journal.codec import decode_entries
from squidie_core.journal.entries import RunSignalReceived
from tests.constructs.racing import Arena, at_every_moment, outcome
from tests.runtime.stores import Store, assert_consistent, commits_of

ASKED = datetime(2026, 5, 15, 9, 0, 0, 123_000, tzinfo=UTC)
SECRET = "s3cr3t value"


@dataclass
class Guest:
    name: str


def greet(name: str) -> dict[str, Any]:
    return {"greeting": f"hello, {name}"}


class Gated(Workflow, name="gated-signals"):
    begin = trigger.manual(name=str)
    later = trigger.manual(name=str, at=datetime)
    daily = trigger.cron(
        "0 9 * * *", Guest, values=lambda window: {"name": str(window.start.day)}, idempotency="return_existing_run"
    )
    hide = step.pause()
    council = step.approval(output="verdict")
    greet = step(greet)
    transitions = (*sequence(hide, council, greet), council.error.to(end), greet.ok.to(end))


def at_pause(squidie: Squidie) -> Snapshot:
    return squidie.start(Gated.begin, {"name": "Bilbo"})


def at_council(squidie: Squidie) -> Snapshot:
    return squidie.resume(at_pause(squidie))


Ask = Callable[[Snapshot], Signal]
said: dict[str, Any] = {
    "actor": {"id": 7, "token": SECRET},
    "comment": "because",
    "metadata": {"deep": [{"password": SECRET}]},
    "occurred_at": ASKED,
    "idempotency_key": "once",
}
ASKING: dict[str, tuple[Callable[[Squidie], Snapshot], Ask]] = {
    "resume_run": (at_pause, lambda run: Signal.resume_run(run.id, **said)),
    "approve_run": (at_council, lambda run: Signal.approve_run(run.id, **said)),
    "reject_run": (at_council, lambda run: Signal.reject_run(run.id, **said)),
    "cancel_run": (at_council, lambda run: Signal.cancel_run(run.id, compensate=False, **said)),
    "replay_run": (at_council, lambda run: Signal.replay_run(run.id, **said)),
}


class TestApplying:
    @pytest.mark.parametrize("name", ASKING)
    def test_does_what_the_command_does_and_keeps_who_asked_and_when(self, store: Store, name: str) -> None:
        squidie = store.open(Gated)
        reach, ask = ASKING[name]
        run = reach(squidie)
        found = squidie.apply_signal(ask(run))
        assert (found.id == run.id) == (name != "replay_run")
        command = found.commands[-1]
        assert (command.signal, command.occurred_at, command.idempotency_key) == (name, ASKED, "once")
        assert (command.actor, command.comment) == ({"id": 7, "token": "[REDACTED]"}, "because")
        assert command.metadata == {"deep": [{"password": "[REDACTED]"}]}
        assert command.received_at > ASKED
        assert_consistent(squidie, found)

    def test_the_same_through_an_envelope(self, store: Store) -> None:
        squidie = store.open(Gated)
        event = to_cloudevent(Signal.start_run(Gated, {"name": "Sam", "at": ASKED}, trigger="later", tags=["x"]))
        run = squidie.apply_signal(from_cloudevent(event))
        assert (run.trigger, run.input, run.tags) == ("later", {"name": "Sam", "at": ASKED}, ("x",))
        assert squidie.inspect_run(run).commands[0].signal == "start_run"

    def test_a_start_is_the_one_of_the_same_key_however_it_is_asked_for(self, memory: Store) -> None:
        squidie = memory.open(Gated)
        signal = Signal.start_run("gated-signals", {"name": "Sam"}, idempotency_key="k")
        run = squidie.apply_signal(signal)
        assert squidie.apply_signal(signal).id == run.id
        assert squidie.start(Gated.begin, {"name": "Sam"}, idempotency_key="k").id == run.id

    def test_a_cron_start_is_made_once_for_its_activation(self, store: Store) -> None:
        squidie = store.open(Gated)
        signal = Signal.start_cron(Gated, "daily", intended_window={"start_at": ASKED, "end_at": ASKED.replace(day=16)})
        run = squidie.apply_signal(signal)
        assert squidie.apply_signal(signal).id == run.id
        assert run.input == {"name": "15"}
        command = squidie.inspect_run(run).commands[0]
        assert command.signal == "start_cron"
        assert command.payload["schedule"]["intended_window"]["start_at"] == "2026-05-15T09:00:00.123Z"
        replay = squidie.replay(run)
        assert run.schedule is not None
        assert replay.schedule == replace(run.schedule, idempotency=None, idempotency_key=None)

    def test_a_cancellation_may_take_the_children_along(self, memory: Store) -> None:
        def go(ctx: StepContext) -> None:
            ctx.start_child(Gated.begin, {"name": "Frodo"}, child_key="f")

        class Family(Workflow, name="family-signals"):
            begin = trigger.manual()
            first = step(go)
            wait = step.pause()
            transitions = sequence(first, wait)

        squidie = memory.open(Gated, Family)
        parent = squidie.start(Family.begin)
        squidie.drain()
        found = squidie.apply_signal(Signal.cancel_run(parent.id, children=True, occurred_at=ASKED))
        (child,) = found.children
        ended = squidie.inspect_run(child.id)
        assert (found.status, ended.status) == ("cancelled", "cancelled")
        assert ended.commands[-1].occurred_at == ASKED

    def test_what_is_no_signal_is_refused(self, memory: Store) -> None:
        with pytest.raises(OptionError) as refused:
            memory.open(Gated).apply_signal({"type": "cancel_run"})  # type: ignore[arg-type]  # wrong
        assert refused.value.code == "invalid_signal"

    def test_errors_are_those_of_the_command(self, memory: Store) -> None:
        squidie = memory.open(Gated)
        run = squidie.cancel(at_pause(squidie))
        with pytest.raises(InvalidTransitionError):
            squidie.apply_signal(Signal.resume_run(run.id))
        with pytest.raises(NotFoundError) as refused:
            squidie.apply_signal(Signal.start_run("nowhere"))
        assert refused.value.code == "unknown_workflow"


class TestReceipts:
    @pytest.mark.parametrize("name", ["start_run", *ASKING])
    def test_stand_in_the_commit_of_their_effect(self, memory: Store, name: str) -> None:
        squidie = memory.open(Gated)
        run = at_pause(squidie)
        if name != "start_run":
            reach, ask = ASKING[name]
            run = squidie.apply_signal(ask(reach(squidie)))
        entries = decode_entries(commits_of(squidie, run)[-1].body)
        assert isinstance(entries[0], RunSignalReceived)
        assert (entries[0].signal, len(entries) > 1) == (name, True)

    def test_are_listed_in_their_order_and_none_is_a_duplicate(self, store: Store) -> None:
        squidie = store.open(Gated)
        run = squidie.approve(at_council(squidie), actor="elrond")
        found = squidie.inspect_run(squidie.cancel(run))
        assert [command.signal for command in found.commands] == [
            "start_run",
            "resume_run",
            "approve_run",
            "cancel_run",
        ]
        assert not any(command.duplicate for command in found.commands)
        assert found.to_dict()["commands"][2]["actor"] == "elrond"

    def test_answers_at_two_gates_are_no_duplicates(self, memory: Store) -> None:
        class Twice(Workflow, name="twice"):
            begin = trigger.manual()
            one = step.pause()
            two = step.pause()
            transitions = sequence(one, two)

        squidie = memory.open(Twice)
        done = squidie.resume(squidie.resume(squidie.start(Twice.begin)))
        assert done.status == "completed"
        assert [command.duplicate for command in done.commands] == [False, False, False]
        assert done.commands[1].payload["runnable_key"].endswith(":one:1")


class TestRepeating:
    @pytest.mark.parametrize("name", ASKING)
    def test_a_signal_that_comes_again_while_it_is_applied_has_one_effect(
        self, harness: type[Harness], name: str
    ) -> None:
        reach, ask = ASKING[name]

        def race(arena: Arena) -> None:
            run = reach(arena.quiet)
            before = run.rev
            signal = ask(run)

            def apply(squidie: Squidie) -> Any:
                return outcome(lambda: squidie.apply_signal(signal).id)

            one, other = arena.race(apply, apply)
            assert one == other
            found = arena.quiet.inspect_run(one)
            assert sum(command.signal == name for command in found.commands) == 1
            assert (found.rev > before) == (name != "replay_run")
            assert_consistent(arena.quiet, found)

        at_every_moment(harness, Gated, race=race)

    def test_without_a_key_the_second_of_two_is_refused(self, harness: type[Harness]) -> None:
        def race(arena: Arena) -> None:
            run = at_council(arena.quiet)

            def approve(squidie: Squidie) -> Any:
                return outcome(lambda: squidie.apply_signal(Signal.approve_run(run.id, actor="a")).id)

            results = arena.race(approve, approve)
            assert sorted(type(result).__name__ for result in results) == ["InvalidTransitionError", "str"]

        at_every_moment(harness, Gated, race=race)
