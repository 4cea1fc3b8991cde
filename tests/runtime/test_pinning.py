"""Runs keep the definition that they were started with, whatever code comes later."""

from __future__ import annotations

from typing import Any

import pytest

from squidie_core import Snapshot, Squidie, Workflow, end, sequence, step, trigger, where
from tests.runtime.stores import Store, assert_consistent, working
from tests.runtime.waiting import eventually


def first() -> dict[str, Any]:
    return {"way": "old"}


def second(way: str) -> dict[str, Any]:
    return {"second": way}


def third() -> dict[str, Any]:
    return {"third": True}


class Old(Workflow, name="changing", version="1"):
    begin = trigger.manual()
    first = step(first, output="choice")
    rest = step.wait(0.05)
    second = step(second, input={"way": "choice.way"})
    third = step(third)
    transitions = (
        first.ok.to(rest, when=where("choice.way").equals("old")),
        first.ok.to(end),
        *sequence(rest, second),
        second.ok.to(end),
        third.ok.to(end),
        second.error.to(third),
    )


class New(Workflow, name="changing", version="2"):
    """Another output name, no wait, another order, and `second` is followed by `third`."""

    begin = trigger.manual()
    first = step(first, output="decision")
    second = step(second, input={"way": "decision.way"})
    third = step(third)
    transitions = sequence(first, second, third)


class Shrunk(Workflow, name="changing", version="3"):
    """`second` is gone."""

    begin = trigger.manual()
    first = step(first, output="choice")


class Gone(Workflow, name="going", version="1"):
    begin = trigger.manual()
    first = step(first)
    second = step(second)
    transitions = sequence(first, second)


class After(Workflow, name="going", version="2"):
    begin = trigger.manual()
    first = step(first)


def over(squidie: Squidie, run: Snapshot) -> Snapshot:
    def look() -> Snapshot | None:
        squidie.drain()
        found = squidie.inspect_run(run)
        return found if found.terminal else None

    found = eventually(look)
    assert found is not None
    return found


class TestPinning:
    def test_a_run_of_old_code_takes_the_old_routes_and_waits_under_new_code(self, store: Store) -> None:
        run = store.open(Old).start(Old.begin)
        new = store.open(New)
        done = over(new, run)
        assert (done.status, done.version) == ("completed", "1")
        assert [view.step for view in done.attempts] == ["first", "rest", "second"]
        assert done.context == {"choice": {"way": "old"}, "second": "old"}
        assert done.output(New.first) == {"way": "old"}
        assert_consistent(new, run)

    def test_runs_of_both_go_on_side_by_side(self, store: Store) -> None:
        old, new = store.open(Old), store.open(New)
        runs = {old.start(Old.begin).id: 3, new.start(New.begin).id: 3}
        for run_id, attempts in runs.items():
            done = over(new, new.inspect_run(run_id))
            assert (done.status, len(done.attempts)) == ("completed", attempts)

    def test_a_start_under_new_code_finds_the_run_of_the_old(self, store: Store) -> None:
        run = store.open(Old).start(Old.begin, idempotency_key="k")
        again = store.open(New).start(New.begin, idempotency_key="k")
        assert (again.id, again.version) == (run.id, "1")


class TestStepsWithoutCode:
    def test_a_run_waits_for_a_worker_that_has_the_code_and_delays_no_other(self, store: Store) -> None:
        before = store.open(Gone)
        stuck = [before.start(Gone.begin, priority=0) for _ in range(5)]
        now = store.open(After)
        assert now.drain() == len(stuck)
        assert now.inspect_run(stuck[0]).reason == "step_unavailable"
        with working(now, concurrency=1):
            others = [now.start(After.begin, priority=9) for _ in range(5)]
            eventually(lambda: all(now.inspect_run(other).status == "completed" for other in others))
        waiting = now.inspect_run(stuck[0])
        assert (waiting.status, waiting.reason) == ("running", "step_unavailable")
        assert waiting.waiting_for is not None
        assert (waiting.waiting_for.kind, waiting.waiting_for.step) == ("worker", "second")
        with working(before):
            eventually(lambda: all(now.inspect_run(run).status == "completed" for run in stuck))
        assert_consistent(before, stuck[0])

    def test_a_run_of_a_workflow_that_nobody_has_waits_too(self, store: Store) -> None:
        run = store.open(Gone).start(Gone.begin)
        other = store.open(Old)
        assert other.drain() == 0
        assert other.inspect_run(run).status == "running"
        assert store.open(Gone).drain() == 2

    @pytest.mark.parametrize("steps", [1, 12])
    def test_however_many_steps_wait(self, store: Store, steps: int) -> None:
        class Many(Workflow, name="many"):
            begin = trigger.manual()
            kept = step(first)

        def wide(count: int) -> type[Workflow]:
            body: dict[str, Any] = {f"s{number}": step(first) for number in range(count)}
            return type("Wide", (Workflow,), {"begin": trigger.manual(), **body}, name="many")

        before = wide(steps)
        run = store.open(before).start(before)
        now = store.open(Many)
        now.drain()
        assert now.inspect_run(run).reason == "step_unavailable"
