"""What a run does when it is executed: routes, joins, retries, waits, gates, and what bodies are given."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import Enum
from functools import partial
from typing import Any

import pytest

from squidie_core import (
    Backoff,
    Defer,
    FailStep,
    NotFoundError,
    OptionError,
    Resource,
    Retry,
    RetryStep,
    Snapshot,
    Squidie,
    StepContext,
    Workflow,
    end,
    sequence,
    step,
    trigger,
    where,
)
from tests.runtime.flows import Chain, OneStep, Order, Stage, Wide, on
from tests.runtime.stores import Store, assert_consistent
from tests.runtime.waiting import at_once, eventually


def give_nothing() -> dict[str, Any]:
    return {}


class Colour(Enum):
    RED = "red"


@dataclass
class Receipt:
    number: int
    price: Decimal
    at: datetime
    colour: Colour


NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def pay(amount: int) -> Receipt:
    return Receipt(amount, Decimal("19.90"), NOON, Colour.RED)


def decide(amount: int) -> dict[str, Any]:
    return {"way": "high" if amount > 10 else "low"}


def arrive(way: str) -> dict[str, Any]:
    return {"arrived": way}


async def arrive_softly(way: str) -> dict[str, Any]:
    return {"arrived": f"softly {way}"}


class Ways(Workflow, name="ways"):
    """A route by a condition, one that is left over, and one to the end."""

    begin = trigger.manual(amount=int)
    decide = step(decide)
    high = step(arrive, output="high")
    low = step(arrive_softly, output="low")
    skipped = step(arrive)
    transitions = (
        decide.ok.to(high, when=where("way").equals("high")),
        decide.ok.to(low),
        high.ok.to(end),
        low.ok.to(end),
        skipped.ok.to(end),
        low.error.to(skipped),
    )


def fail_until(ctx: StepContext, stage: Resource[Stage]) -> dict[str, Any]:
    if stage.begin(ctx) < 3:
        raise ConnectionError("postgresql://bilbo:precious@host/db is away")
    return {"tries": ctx.attempt}


class Retrying(Workflow, name="retrying"):
    begin = trigger.manual()
    act = step(fail_until, retry=Retry(3, Backoff(min=0.01, max=0.05)))


def fail(ctx: StepContext, stage: Resource[Stage]) -> None:
    stage.begin(ctx)
    raise ValueError("no")


def look_at(error: dict[str, Any]) -> dict[str, Any]:
    return {"seen": error}


class Rescue(Workflow, name="rescue"):
    begin = trigger.manual()
    act = step(fail, retry=Retry(2, None))
    rescue = step(look_at)
    transitions = (act.ok.to(end), act.error.to(rescue))


class Failing(Workflow, name="failing"):
    begin = trigger.manual()
    act = step(fail)


class Waiting(Workflow, name="waiting"):
    begin = trigger.manual()
    first = step.wait(0.05)
    tell = step.log("halfway", level="warning")
    last = step.wait(timedelta(milliseconds=20))
    transitions = sequence(first, tell, last)


def defer_twice(ctx: StepContext, stage: Resource[Stage]) -> dict[str, Any] | Defer:
    if stage.begin(ctx) < 3:
        return Defer({"gate": "shut"}, after=0.01)
    return {"open": True}


class Deferring(Workflow, name="deferring"):
    begin = trigger.manual()
    act = step(defer_twice, output="gate", retry=Retry(2))


def steps_of(run: Snapshot) -> list[tuple[str, int, str]]:
    return [(view.step, view.attempt, view.status) for view in run.attempts]


def execute(squidie: Squidie, run: Snapshot) -> Snapshot:
    """Execute what is due until the run is over."""

    def over() -> Snapshot | None:
        squidie.drain()
        found = squidie.inspect_run(run)
        return found if found.terminal else None

    return eventually(over)


class TestRoutes:
    @pytest.mark.parametrize(("amount", "taken"), [(20, "high"), (1, "low")])
    def test_the_first_that_matches_is_taken(self, store: Store, amount: int, taken: str) -> None:
        squidie = store.open(Ways)
        run = squidie.start(Ways.begin, {"amount": amount})
        assert squidie.drain() == 2
        done = squidie.inspect_run(run)
        assert (done.status, done.reason, done.waiting_for) == ("completed", "terminal", None)
        assert steps_of(done) == [("decide", 1, "applied"), (taken, 1, "applied")]
        assert done.context == {
            "amount": amount,
            "way": taken,
            taken: {"arrived": taken if taken == "high" else "softly low"},
        }
        assert_consistent(squidie, run)

    def test_execute_next_takes_one_attempt_and_gives_the_run_as_it_is_then(self, store: Store) -> None:
        squidie = store.open(Chain, resources=on(Stage()))
        assert squidie.execute_next() is None
        run = squidie.start(Chain.begin)
        for position, name in enumerate(("first", "second", "third"), 1):
            found = squidie.execute_next(owner_id="me")
            assert found is not None
            assert found == squidie.inspect_run(run)
            assert len(found.attempts) == min(position + 1, 3)
            done = found.attempts[position - 1]
            assert (done.step, done.status, done.owner_id, done.deliveries) == (name, "applied", "me", 1)
        assert squidie.execute_next() is None
        assert squidie.inspect_run(run).status == "completed"

    def test_no_route_that_matches_fails_the_run(self, memory: Store) -> None:
        class Stuck(Workflow, name="stuck"):
            begin = trigger.manual(amount=int)
            decide = step(decide)
            high = step(arrive)
            transitions = decide.ok.to(high, when=where("way").equals("high"))

        squidie = memory.open(Stuck)
        run = execute(squidie, squidie.start(Stuck.begin, {"amount": 1}))
        assert run.status == "failed"
        assert run.error is not None
        assert run.error["code"] == "no_matching_transition"

    def test_a_step_that_lacks_its_input_fails_the_run(self, memory: Store) -> None:
        def need(nowhere: str) -> None:
            del nowhere

        class Lacking(Workflow, name="lacking"):
            begin = trigger.manual(amount=int)
            decide = step(give_nothing)
            needing = step(need)
            transitions = decide.ok.to(needing)

        squidie = memory.open(Lacking)
        run = execute(squidie, squidie.start(Lacking.begin, {"amount": 1}))
        assert run.error is not None
        assert (run.status, run.error["code"]) == ("failed", "missing_input_path")


class TestJoins:
    def test_a_step_is_due_as_soon_as_all_that_it_needs_is_done(self, store: Store) -> None:
        stage = Stage(opened=True)
        squidie = store.open(Wide, resources=on(stage))
        run = squidie.start(Wide.begin)
        for _ in range(3):
            assert "last" not in stage.steps()
            squidie.execute_next()
        squidie.execute_next()
        assert sorted(stage.steps()[:3]) == ["left", "middle", "right"]
        assert stage.steps()[3:] == ["last"]
        assert squidie.inspect_run(run).status == "completed"
        assert_consistent(squidie, run)

    def test_side_by_side_in_four_clients_it_is_joined_once(self, store: Store) -> None:
        stage = Stage(opened=True)
        clients = [store.open(Wide, resources=on(stage)) for _ in range(4)]
        runs = [clients[0].start(Wide.begin) for _ in range(5)]

        def work(number: int) -> None:
            def over() -> bool:
                clients[number].drain()
                return all(clients[number].inspect_run(run).terminal for run in runs)

            eventually(over)

        at_once(4, work)
        assert sorted(stage.steps()) == sorted(["left", "middle", "right", "last"] * 5)
        for run in runs:
            assert_consistent(clients[0], run)


class TestRetries:
    def test_a_failure_is_tried_again_later_under_one_idempotency_key(self, store: Store) -> None:
        stage = Stage()
        squidie = store.open(Retrying, resources=on(stage))
        run = squidie.start(Retrying.begin)
        failed = squidie.execute_next()
        assert failed is not None
        assert failed.reason in ("attempt_scheduled_for_later", "attempt_visible")
        done = execute(squidie, run)
        assert (done.status, done.context) == ("completed", {"tries": 3})
        assert steps_of(done) == [("act", 1, "failed"), ("act", 2, "failed"), ("act", 3, "applied")]
        assert [call.attempt for call in stage.calls] == [1, 2, 3]
        assert {call.idempotency_key for call in stage.calls} == {f"{run.id}:act:1"}
        assert [call.runnable_key for call in stage.calls] == [f"{run.id}:act:{n}" for n in (1, 2, 3)]
        assert_consistent(squidie, run)

    def test_the_pause_before_the_next_attempt_is_the_policys(self, memory: Store) -> None:
        class Slow(Workflow, name="slow"):
            begin = trigger.manual()
            act = step(fail, retry=Retry(3, Backoff(min=100, max=1000, factor=3, jitter=False)))

        squidie = memory.open(Slow, resources=on(Stage()))
        squidie.start(Slow.begin)
        run = squidie.execute_next()
        assert run is not None
        assert run.attempts[0].ended_at is not None
        assert run.attempts[1].visible_at - run.attempts[0].ended_at == timedelta(seconds=100)
        assert squidie.execute_next() is None

    def test_a_failure_that_is_final_takes_the_error_route_and_its_step_sees_it(self, store: Store) -> None:
        stage = Stage()
        squidie = store.open(Rescue, resources=on(stage))
        run = execute(squidie, squidie.start(Rescue.begin))
        assert (run.status, run.error) == ("completed", None)
        assert stage.steps() == ["act", "act"]
        seen = run.context["seen"]
        assert (seen["type"], seen["code"], seen["message"]) == ("ValueError", "step_exception", "no")
        assert_consistent(squidie, run)

    def test_a_failure_without_a_route_fails_the_run_and_is_kept(self, store: Store) -> None:
        squidie = store.open(Failing, resources=on(Stage()))
        run = execute(squidie, squidie.start(Failing.begin))
        assert run.status == "failed"
        assert run.error is not None
        assert (run.error["step"], run.error["type"], run.error["message"]) == ("act", "ValueError", "no")
        assert run.error["runnable_key"] == f"{run.id}:act:1"
        assert "in fail" in run.error["traceback"][-1]
        assert_consistent(squidie, run)

    def test_credentials_of_urls_are_not_kept_with_the_message(self, memory: Store) -> None:
        squidie = memory.open(Retrying, resources=on(Stage()))
        squidie.start(Retrying.begin)
        run = squidie.execute_next()
        assert run is not None
        error = run.attempts[0].error or {}
        assert error["message"] == "postgresql://[REDACTED]@host/db is away"

    def test_a_failure_is_logged_without_its_message(self, memory: Store, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.INFO, "squidie")
        squidie = memory.open(Retrying, resources=on(Stage()))
        squidie.start(Retrying.begin)
        squidie.execute_next()
        assert any("ConnectionError" in record.getMessage() for record in caplog.records)
        assert "precious" not in caplog.text


class TestWaitsAndLogs:
    def test_a_run_goes_through_them_without_a_body_and_a_last_wait_ends_it(
        self, store: Store, caplog: pytest.LogCaptureFixture
    ) -> None:
        squidie = store.open(Waiting)
        run = squidie.start(Waiting.begin)
        assert run.waiting_for is not None
        assert run.waiting_for.kind == "time"
        done = execute(squidie, run)
        assert done.status == "completed"
        first, tell, last = done.attempts
        assert first.ended_at is not None
        assert tell.ended_at is not None
        assert first.visible_at == run.started_at + timedelta(milliseconds=50)
        assert first.ended_at >= first.visible_at
        assert last.visible_at == tell.ended_at + timedelta(milliseconds=20)
        records = [record for record in caplog.records if record.getMessage() == "halfway"]
        assert [(record.name, record.levelname) for record in records] == [("squidie.steps", "WARNING")]
        assert vars(records[0])["run_id"] == run.id
        assert_consistent(squidie, run)


class TestDeferring:
    def test_the_same_step_goes_on_later_without_spending_its_retries(self, store: Store) -> None:
        stage = Stage()
        squidie = store.open(Deferring, resources=on(stage))
        run = squidie.start(Deferring.begin)
        deferred = squidie.execute_next()
        assert deferred is not None
        assert deferred.reason in ("deferred_continuation", "attempt_visible")
        done = execute(squidie, run)
        assert (done.status, done.context) == ("completed", {"gate": {"open": True}})
        assert [call.attempt for call in stage.calls] == [1, 1, 1]
        assert len({call.idempotency_key for call in stage.calls}) == 1
        history = squidie.inspect_run(run, include_history=True).history or ()
        assert [entry["deferred"] for entry in history if "deferred" in entry] == [{"gate": "shut"}] * 2
        assert_consistent(squidie, run)

    def test_it_has_no_output_before_it_is_done(self, memory: Store) -> None:
        squidie = memory.open(Deferring, resources=on(Stage()))
        run = squidie.start(Deferring.begin)
        squidie.execute_next()
        with pytest.raises(NotFoundError, match="no output"):
            squidie.inspect_run(run).output(Deferring.act)
        assert execute(squidie, run).output(Deferring.act) == {"open": True}


class TestOutputs:
    def test_one_is_read_back_as_its_annotation_says(self, store: Store) -> None:
        class Paying(Workflow, name="paying"):
            begin = trigger.manual(amount=int)
            bare = step(pay)
            named = step(pay, output="receipt")
            transitions = sequence(bare, named)

        squidie = store.open(Paying)
        run = execute(squidie, squidie.start(Paying.begin, {"amount": 7}))
        expected = Receipt(7, Decimal("19.90"), NOON, Colour.RED)
        assert run.output(Paying.bare) == run.output(Paying.named) == expected
        plain = {"number": 7, "price": Decimal("19.90"), "at": NOON, "colour": "red"}
        assert run.context == {"amount": 7, **plain, "receipt": plain}
        assert run.to_dict()["context"]["price"] == {"$squidie": "decimal", "value": "19.90"}

    def test_a_step_that_was_not_applied_has_none(self, memory: Store) -> None:
        squidie = memory.open(Ways, OneStep)
        run = execute(squidie, squidie.start(Ways.begin, {"amount": 1}))
        for other in (Ways.high, OneStep.note):
            with pytest.raises(NotFoundError) as missing:
                run.output(other)
            assert missing.value.code == "no_output"

    def test_a_later_body_gets_what_an_earlier_one_gave(self, memory: Store) -> None:
        seen: list[object] = []

        def take(price: Decimal, at: datetime, colour: Colour, receipt: Receipt) -> None:
            seen.extend((price, at, colour, receipt))

        class Handing(Workflow, name="handing"):
            begin = trigger.manual(amount=int)
            bare = step(pay)
            named = step(pay, output="receipt")
            taking = step(take)
            transitions = sequence(bare, named, taking)

        squidie = memory.open(Handing)
        execute(squidie, squidie.start(Handing.begin, {"amount": 7}))
        assert seen == [Decimal("19.90"), NOON, Colour.RED, Receipt(7, Decimal("19.90"), NOON, Colour.RED)]


class Doubler:
    """An object that is a body."""

    def __init__(self, factor: int) -> None:
        self.factor = factor

    def __call__(self, amount: int) -> dict[str, Any]:
        return {"amount": amount * self.factor}

    def method(self, amount: int) -> dict[str, Any]:
        return {"amount": amount + self.factor}


def scaled(amount: int, by: int) -> dict[str, Any]:
    return {"amount": amount * by}


async def scaled_softly(amount: int, *, by: int = 1) -> dict[str, Any]:
    return {"amount": amount * by}


class TestBodies:
    @pytest.mark.parametrize(
        ("body", "result"),
        [
            (Doubler(2), 14),
            (Doubler(3).method, 10),
            (partial(scaled, by=5), 35),
            (scaled_softly, 7),
            (partial(scaled_softly, by=4), 28),
        ],
        ids=["object", "bound method", "partial", "coroutine", "partial coroutine"],
    )
    def test_any_callable_is_one(self, memory: Store, body: Callable[..., Any], result: int) -> None:
        class Any1(Workflow, name="any-callable"):
            begin = trigger.manual(amount=int)
            act = step(body)

        squidie = memory.open(Any1)
        run = execute(squidie, squidie.start(Any1.begin, {"amount": 7}))
        assert run.context == {"amount": result}

    def test_one_that_takes_everything_gets_the_whole_context(self, memory: Store) -> None:
        seen: list[dict[str, Any]] = []

        def take(amount: int, **rest: Any) -> None:
            seen.append({"amount": amount, **rest})

        class Everything(Workflow, name="everything"):
            begin = trigger.manual(amount=int, colour=str)
            decide = step(decide, output="route")
            taking = step(take, input={"way": "route.way"})
            transitions = sequence(decide, taking)

        squidie = memory.open(Everything)
        execute(squidie, squidie.start(Everything.begin, {"amount": 7, "colour": "red"}))
        assert seen == [{"amount": 7, "colour": "red", "route": {"way": "low"}, "way": "low"}]

    def test_what_one_changes_in_its_input_stays_with_it(self, memory: Store) -> None:
        def change(items: list[int]) -> None:
            items.append(1)

        class Changing(Workflow, name="changing"):
            begin = trigger.manual(items=list[int])
            first = step(change)
            second = step(change)
            transitions = sequence(first, second)

        squidie = memory.open(Changing)
        run = execute(squidie, squidie.start(Changing.begin, {"items": [0]}))
        assert run.context == {"items": [0]}

    def test_the_context_names_the_attempt(self, store: Store) -> None:
        stage = Stage(opened=True)
        squidie = store.open(Wide, resources=on(stage))
        run = squidie.start(Wide.begin)
        squidie.execute_next()
        call = stage.calls[0]
        assert (call.run_id, call.workflow, call.attempt) == (run.id, "wide", 1)
        assert call.runnable_key == call.idempotency_key == f"{run.id}:{call.step}:1"
        claim = squidie.inspect_run(run, include_history=True).history or ()
        assert call.claim_id in [entry.get("claim_id") for entry in claim]
        assert call.resource(Stage) is stage
        assert not call.cancelled


class TestDraining:
    def test_it_stops_at_its_limit(self, memory: Store) -> None:
        squidie = memory.open(OneStep)
        for number in range(5):
            squidie.start(OneStep.place, Order(str(number)))
        assert squidie.drain(limit=2) == 2
        assert squidie.drain(time_limit=0) == 0
        assert squidie.drain() == 3
        assert squidie.drain() == 0

    @pytest.mark.parametrize(
        "options",
        [
            {"limit": 0},
            {"limit": "5"},
            {"time_limit": -1},
            {"lease_for": 0},
            {"lease_for": "long"},
            {"heartbeat_every": 0},
            {"queue": "no queue"},
            {"owner_id": ""},
        ],
        ids=repr,
    )
    def test_an_option_that_cannot_be_used_is_refused(self, memory: Store, options: dict[str, Any]) -> None:
        squidie = memory.open(OneStep)
        squidie.start(OneStep.place, Order("o"))
        with pytest.raises(OptionError) as refused:
            squidie.drain(**options)
        assert refused.value.details["option"] in options


class TestSayingHowItFailed:
    def test_a_body_that_asks_for_a_retry_sets_its_pause(self, memory: Store) -> None:
        def ask(ctx: StepContext) -> dict[str, Any]:
            if ctx.attempt == 1:
                raise RetryStep("rate limited", after=1000, code="slow_down", details={"left": 0, "token": "t0p"})
            return {}

        class Asking(Workflow, name="asking"):
            begin = trigger.manual()
            asking = step(ask, retry=Retry(2, None))

        squidie = memory.open(Asking)
        squidie.start(Asking.begin)
        run = squidie.execute_next()
        assert run is not None
        first, second = run.attempts
        assert first.ended_at is not None
        assert second.visible_at - first.ended_at == timedelta(seconds=1000)
        assert first.error is not None
        assert (first.error["code"], first.error["message"]) == ("slow_down", "rate limited")
        assert first.error["details"] == {"left": 0, "token": "[REDACTED]"}
        assert "traceback" not in first.error

    def test_a_body_that_gives_up_is_not_tried_again(self, store: Store) -> None:
        def give_up() -> None:
            raise FailStep("card declined", code="declined", details={"bank": "b"})

        class GivingUp(Workflow, name="giving-up"):
            begin = trigger.manual()
            act = step(give_up, retry=Retry(5, None))

        squidie = store.open(GivingUp)
        run = execute(squidie, squidie.start(GivingUp.begin))
        assert len(run.attempts) == 1
        assert run.error is not None
        assert (run.error["code"], run.error["message"], run.error["details"]) == (
            "declined",
            "card declined",
            {"bank": "b"},
        )
        assert (run.error["step"], run.error["retryable"]) == ("act", False)
