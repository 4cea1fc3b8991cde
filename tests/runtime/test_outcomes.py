"""What becomes of bodies that return what cannot be kept, or end in ways that bodies should not."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from typing import Any

import pytest

from squidie_core import (
    Defer,
    FailStep,
    Resource,
    Retry,
    Snapshot,
    StepContext,
    Unavailable,
    Workflow,
    end,
    step,
    trigger,
)
from tests.runtime.flows import Stage, on
from tests.runtime.stores import Store, assert_consistent, working
from tests.runtime.waiting import eventually


def of(body: Callable[..., Any], **options: Any) -> type[Workflow]:
    """A workflow of one step with this body."""

    class Of(Workflow, name="of-one-body"):
        begin = trigger.manual(given=Any)
        act = step(body, **options)

    return Of


def executed(store: Store, workflow: type[Workflow], given: Any = None) -> Snapshot:
    """The run after one attempt."""
    squidie = store.open(workflow, resources=on(Stage()))
    squidie.start(workflow, {"given": given})
    run = squidie.execute_next()
    assert run is not None
    assert_consistent(squidie, run)
    return run


def worked(store: Store, workflow: type[Workflow], stage: Stage) -> Snapshot:
    """The run after a worker is through with it."""
    squidie = store.open(workflow, resources=on(stage))
    run = squidie.start(workflow, {"given": None})
    with working(squidie):
        found = eventually(lambda: (now := squidie.inspect_run(run)).terminal and now)
    assert isinstance(found, Snapshot)
    assert_consistent(squidie, run)
    return found


def error_of(run: Snapshot) -> dict[str, Any]:
    assert run.status == "failed"
    return dict(run.error or {})


def text(given: Any) -> Any:
    del given
    return "just a text"


def wrong_type(given: Any) -> dict[str, int]:
    del given
    return {"count": "many"}  # type: ignore[dict-item]  # that is the point


def unstorable(given: Any) -> dict[str, Any]:
    del given
    return {"deep": [{"thing": object()}]}


def not_a_number(given: Any) -> dict[str, Any]:
    del given
    return {"rate": float("nan")}


def bad_key(given: Any) -> dict[str, Any]:
    del given
    return {"by_number": {7: "seven"}}


def large(given: Any) -> dict[str, Any]:
    del given
    return {"bytes": "x" * 300_000}


class TestResults:
    @pytest.mark.parametrize(
        ("body", "code", "hint"),
        [
            (text, "invalid_step_result", "a mapping, a dataclass or None"),
            (wrong_type, "invalid_step_result", "count must be int"),
            (unstorable, "not_encodable", "at deep[0].thing"),
            (not_a_number, "not_encodable", "at rate"),
            (bad_key, "not_encodable", "at by_number"),
            (large, "too_large", "256"),
        ],
    )
    def test_one_that_cannot_be_kept_fails_the_step_at_once(
        self, store: Store, body: Callable[..., Any], code: str, hint: str
    ) -> None:
        run = executed(store, of(body, retry=Retry(3, None)))
        error = error_of(run)
        assert (error["code"], error["retryable"], len(run.attempts)) == (code, False, 1)
        assert "step 'act'" in error["message"]
        assert hint in error["message"].replace("262,144", "256")
        json.dumps(error)

    def test_one_that_is_too_large_takes_the_error_route(self, memory: Store) -> None:
        def tell(error: dict[str, Any]) -> dict[str, Any]:
            return {"told": error["code"]}

        class Routed(Workflow, name="routed"):
            begin = trigger.manual()
            act = step(lambda: large(None))
            telling = step(tell)
            transitions = (act.ok.to(end), act.error.to(telling))

        squidie = memory.open(Routed)
        run = squidie.start(Routed.begin)
        squidie.drain()
        assert squidie.inspect_run(run).context["told"] == "too_large"

    def test_an_input_that_breaks_the_contract_fails_the_step_at_once(self, store: Store) -> None:
        def count(given: int, more: list[int]) -> None:
            del given, more

        class Counting(Workflow, name="counting"):
            begin = trigger.manual(given=Any, more=Any)
            act = step(count, retry=3)

        squidie = store.open(Counting)
        squidie.start(Counting.begin, {"given": "s3cret", "more": [1, "2"]})
        run = squidie.execute_next()
        assert run is not None
        error = error_of(run)
        assert (error["code"], error["retryable"], len(run.attempts)) == ("invalid_step_input", False, 1)
        assert [violation["path"] for violation in error["details"]["violations"]] == ["given", "more[1]"]
        assert "s3cret" not in json.dumps(error)


class Mute(Exception):  # an exception of somebody's library
    def __str__(self) -> str:
        raise RuntimeError("no words")


def mute(given: Any) -> None:
    del given
    raise Mute


def odd_details(given: Any) -> None:
    del given
    raise FailStep("odd", details="text")  # type: ignore[arg-type]  # that is the point


def large_error(given: Any) -> None:
    del given
    raise FailStep("large", details={"bytes": "x" * 300_000})


def unstorable_details(given: Any) -> None:
    del given
    raise FailStep("thing", details={"thing": object()})


def unstorable_reason(given: Any) -> Defer:
    del given
    return Defer({"thing": object()}, after=0)


class TestFailures:
    @pytest.mark.parametrize(
        ("body", "code"),
        [
            (mute, "step_exception"),
            (odd_details, "step_error"),
            (large_error, "too_large"),
            (unstorable_details, "step_error"),
            (unstorable_reason, "not_encodable"),
        ],
    )
    def test_one_that_cannot_be_described_is_a_failure_like_others(
        self, memory: Store, body: Callable[..., Any], code: str
    ) -> None:
        assert error_of(executed(memory, of(body)))["code"] == code
        assert error_of(worked(memory, of(body), Stage()))["code"] == code

    def test_an_error_of_squidies_own_that_a_body_lets_through_follows_the_policy(self, memory: Store) -> None:
        def ask(ctx: StepContext, stage: Resource[Stage]) -> dict[str, Any]:
            if stage.begin(ctx) == 1:
                raise Unavailable
            return {}

        run = worked(memory, of(ask, retry=Retry(2, None)), Stage())
        assert (run.status, len(run.attempts)) == ("completed", 2)

    @pytest.mark.parametrize(
        ("error", "attempts"), [(KeyError("a"), 3), (ConnectionResetError("b"), 1), (ValueError("c"), 1)]
    )
    def test_the_policy_says_which_exceptions_count(self, memory: Store, error: Exception, attempts: int) -> None:
        def fail(given: Any) -> None:
            del given
            raise error

        policy = Retry(3, None, retry_on=(LookupError, OSError), give_up_on=(ConnectionError,))
        assert len(worked(memory, of(fail, retry=policy), Stage()).attempts) == attempts


def leave(ctx: StepContext, stage: Resource[Stage]) -> None:
    stage.begin(ctx)
    sys.exit(3)


async def leave_softly(ctx: StepContext, stage: Resource[Stage]) -> None:
    stage.begin(ctx)
    sys.exit(3)


async def give_in(ctx: StepContext, stage: Resource[Stage]) -> None:
    """Let the cancellation of something else through."""
    stage.begin(ctx)
    something = asyncio.ensure_future(asyncio.sleep(3600))
    something.cancel()
    await something


def give_in_plainly(ctx: StepContext, stage: Resource[Stage]) -> None:
    stage.begin(ctx)
    raise asyncio.CancelledError


class TestEndingOddly:
    @pytest.mark.parametrize("body", [leave, leave_softly, give_in, give_in_plainly])
    def test_a_body_that_would_end_its_thread_fails_and_the_worker_lives_on(
        self, memory: Store, body: Callable[..., Any]
    ) -> None:
        class After(Workflow, name="after"):
            begin = trigger.manual()
            plain = step(lambda: {"plain": True})

        async def softly() -> dict[str, bool]:
            return {"softly": True}

        class AfterSoftly(Workflow, name="after-softly"):
            begin = trigger.manual()
            act = step(softly)

        workflow = of(body)
        squidie = memory.open(workflow, After, AfterSoftly, resources=on(Stage()))
        run = squidie.start(workflow, {"given": None})
        with working(squidie):
            eventually(lambda: squidie.inspect_run(run).terminal)
            others = [squidie.start(After.begin), squidie.start(AfterSoftly.begin)]
            eventually(lambda: all(squidie.inspect_run(other).status == "completed" for other in others))
        error = error_of(squidie.inspect_run(run))
        assert error["code"] == "step_exception"
        assert error["type"] in ("SystemExit", "asyncio.exceptions.CancelledError")
        assert_consistent(squidie, run)

    def test_execute_next_records_a_cancellation_that_a_body_lets_through(self, memory: Store) -> None:
        assert error_of(executed(memory, of(give_in)))["type"] == "asyncio.exceptions.CancelledError"
