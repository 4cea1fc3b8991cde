"""Two workers at one run, of old and of new code, and operators: joins, deferrals, loops, drift, cancellation."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from adapters.harnesses.memory import MemoryHarness
from squidie_contract.harness import Harness
from squidie_core import (
    Defer,
    InvalidTransitionError,
    Resource,
    Retry,
    RetryStep,
    StepContext,
    Workflow,
    end,
    step,
    trigger,
    where,
)
from squidie_core.journal.entries import RunnablesPlanned, RunTerminal
from tests.constructs.racing import Arena, at_every_moment, in_many_orders, outcome
from tests.constructs.test_new_code import CODE, Old, StepRemoved, Strict, StrictToo
from tests.runtime.flows import Stage, begun, on
from tests.runtime.stores import assert_consistent, claims_of, entries_of


def retried(ctx: StepContext, stage: Resource[Stage]) -> dict[str, Any]:
    stage.begin(ctx)
    if ctx.attempt == 1:
        raise RetryStep("not yet", after=0)
    return {"retried": ctx.attempt}


def deferred(ctx: StepContext, stage: Resource[Stage]) -> dict[str, Any] | Defer:
    stage.begin(ctx)
    return {"deferred": True} if stage.steps().count(ctx.step) > 1 else Defer("later", after=0)


def joined(ctx: StepContext, stage: Resource[Stage], retried: int, *, deferred: bool) -> dict[str, Any]:
    stage.begin(ctx)
    return {"joined": [retried, deferred]}


class Joining(Workflow, name="joining"):
    begin = trigger.manual()
    retries = step(retried, retry=Retry(2, None))
    defers = step(deferred)
    plain = step(begun)
    join = step(joined, after=[retries, defers, plain])


def improve(ctx: StepContext, stage: Resource[Stage], score: int = 0) -> dict[str, Any]:
    stage.begin(ctx)
    return {"score": score + 1}


class Looping(Workflow, name="looping"):
    begin = trigger.manual()
    improve = step(improve)
    rest = step.wait(0.001)
    publish = step(begun)
    transitions = (
        improve.ok.to(rest, when=where("score").equals(1), max_visits=2),
        improve.ok.to(improve, when=where("score").equals(2), max_visits=2),
        improve.ok.to(publish),
        rest.ok.to(improve),
        publish.ok.to(end),
    )


def planned(arena: Arena, run: Any) -> Counter[str]:
    """How often each runnable was planned."""
    entries = entries_of(arena.quiet, run)
    return Counter(r.key for entry in entries if isinstance(entry, RunnablesPlanned) for r in entry.runnables)


class TestTwoWorkers:
    def test_plan_a_join_once_with_what_all_branches_gave(self, harness: type[Harness]) -> None:
        def race(arena: Arena) -> None:
            stage = Stage()
            arena.resources.update(on(stage))
            run = arena.quiet.start(Joining)
            arena.race(arena.work_steadily, arena.work_steadily)
            done = arena.finish(run)
            assert (done.status, done.context["joined"]) == ("completed", [2, True])
            assert Counter(stage.steps()) == {"retries": 2, "defers": 2, "plain": 1, "join": 1}
            assert set(planned(arena, run).values()) == {1}
            assert_consistent(arena.quiet, run)

        in_many_orders(harness, Joining, race=race)

    def test_go_round_a_loop_as_often_as_it_says(self, harness: type[Harness]) -> None:
        def race(arena: Arena) -> None:
            stage = Stage()
            arena.resources.update(on(stage))
            run = arena.quiet.start(Looping)
            arena.race(arena.work_steadily, arena.work_steadily)
            done = arena.finish(run)
            assert (done.status, done.context["score"]) == ("completed", 3)
            assert stage.steps() == ["improve"] * 3 + ["publish"]
            assert set(planned(arena, run).values()) == {1}
            assert_consistent(arena.quiet, run)

        in_many_orders(harness, Looping, race=race)

    def test_of_whom_one_was_taken_over_apply_each_step_once(self) -> None:
        def race(arena: Arena) -> None:
            arena.resources.update(on(Stage()))
            run = arena.quiet.start(Joining)
            arena.race(arena.work, arena.take_over)
            done = arena.finish(run)
            assert (done.status, done.context["joined"]) == ("completed", [2, True])
            assert set(planned(arena, run).values()) == {1}
            assert_consistent(arena.quiet, run)

        at_every_moment(MemoryHarness, Joining, race=race)
        in_many_orders(MemoryHarness, Joining, race=race)


class TestACancellation:
    @pytest.mark.parametrize("workflow", [Joining, Looping])
    def test_is_the_end_or_is_refused_after_it(self, harness: type[Harness], workflow: type[Workflow]) -> None:
        def race(arena: Arena) -> None:
            arena.resources.update(on(Stage()))
            run = arena.quiet.start(workflow)
            _, answer = arena.race(arena.work_steadily, lambda squidie: outcome(lambda: squidie.cancel(run)))
            refused = isinstance(answer, InvalidTransitionError)
            assert arena.finish(run).status == ("completed" if refused else "cancelled")
            assert [entry.status for entry in ends(arena, run)] == ["completed" if refused else "cancelled"]
            assert_consistent(arena.quiet, run)

        at_every_moment(harness, workflow, race=race)


def ends(arena: Arena, run: Any) -> list[RunTerminal]:
    return [entry for entry in entries_of(arena.quiet, run) if isinstance(entry, RunTerminal)]


class TestOldAndNewCode:
    def test_of_a_run_that_fails_for_drift_have_it_end_once(self, harness: type[Harness]) -> None:
        """What the old code has claimed ends as it would; where the new code comes to a step first, the run fails."""

        def race(arena: Arena) -> None:
            run = arena.quiet.start(Strict)
            clients = (arena.client(), arena.client(workflows=[StrictToo]))
            arena.race(arena.work_steadily, arena.work_later, clients=clients)
            done = arena.finish(run)
            failed = done.error is not None
            assert done.status == ("failed" if failed else "completed")
            assert done.error is None or done.error["code"] == CODE
            assert [entry.status for entry in ends(arena, run)] == [done.status]
            assert [view.deliveries for view in done.attempts if view.status != "applied"] == [0] * failed
            assert_consistent(arena.quiet, run)

        at_every_moment(harness, Strict, race=race)

    def test_of_which_one_lacks_a_step_leave_it_to_the_other(self, harness: type[Harness]) -> None:
        def race(arena: Arena) -> None:
            run = arena.quiet.start(Old)
            clients = (arena.client(workflows=[StepRemoved]), arena.client())
            arena.race(arena.work_steadily, arena.work_later, clients=clients)
            assert arena.finish(run).context["two"] == 2
            assert len(claims_of(arena.quiet, run)) == 2
            assert_consistent(arena.quiet, run)

        at_every_moment(harness, Old, race=race)
