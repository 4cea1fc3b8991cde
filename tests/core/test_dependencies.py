"""Steps ordered by what they depend on."""

from __future__ import annotations

import pytest

from squidie_core.definition.plan import Plan
from squidie_core.journal.entries import RunnablesPlanned
from tests.core.runs import NOW, RUN_ID, Run, failure, plan_of, retry, step

diamond = plan_of(
    step("top"),
    step("left", after=("top",)),
    step("right", after=("top",)),
    step("bottom", after=("left", "right"), takes=["l", "r", "payload"]),
)


def planned(run: Run) -> list[str]:
    """The steps that the last draft planned."""
    return [r.step for entry in run.last if isinstance(entry, RunnablesPlanned) for r in entry.runnables]


class TestJoins:
    def test_are_planned_once_by_the_last_of_their_dependencies(self) -> None:
        run = Run(diamond, {"payload": 0}).does("top")
        assert planned(run) == ["left", "right"]
        run.claim()
        run.complete("right", {"r": 2})
        assert planned(run) == []
        run.complete("left", {"l": 1})
        assert planned(run) == ["bottom"]
        assert run.runnable("bottom").input == {"l": 1, "r": 2, "payload": 0}
        assert run.does("bottom").status == "completed"

    def test_are_planned_once_where_all_complete_in_one_draft(self) -> None:
        plan = plan_of(step("a"), step("b"), step("join", after=("a", "b")))
        run = Run(plan)
        run.claim()
        entries = len(run.entries)
        run.complete("a")
        run.complete("b")
        kinds = [entry.TYPE for entry in run.entries[entries:]]
        assert kinds.count("runnables_planned") == 1

    def test_do_not_wait_for_steps_that_they_do_not_depend_on(self) -> None:
        plan = plan_of(
            step("quick"),
            step("slow"),
            step("after_quick", after=("quick",)),
            step("after_that", after=("after_quick",)),
            step("last", after=("after_that", "slow")),
        )
        run = Run(plan)
        run.claim()
        for name in ("quick", "after_quick", "after_that"):
            run.complete(name)
            run.claim()
        assert run.open_steps() == ["slow"]
        run.complete("slow")
        assert run.open_steps() == ["last"]

    def test_of_uneven_depth_come_after_the_deepest(self) -> None:
        plan = plan_of(step("a"), step("b", after=("a",)), step("c", after=("b",)), step("join", after=("a", "b", "c")))
        run = Run(plan)
        for name in ("a", "b", "c"):
            assert run.open_steps() == [name]
            run.does(name)
        assert run.open_steps() == ["join"]

    def test_wait_for_waits(self) -> None:
        plan = plan_of(
            step("rest", kind="wait", duration=250), step("a"), step("join", after=("rest", "a"), takes=["x"])
        )
        run = Run(plan)
        assert run.claim() == ["a"]
        run.later(100).complete("a", {"x": 1})
        assert run.open_steps() == ["rest"]
        assert run.state.wake_at() == NOW + 250
        assert run.later(150).claim() == ["join"]

    def test_wait_for_retries(self) -> None:
        plan = plan_of(step("a", retry=retry(2)), step("b"), step("join", after=("a", "b")))
        run = Run(plan)
        run.claim()
        run.fail("a")
        run.complete("b")
        assert run.open_steps() == ["a"]
        assert run.does("a").open_steps() == ["join"]


class TestTheEnd:
    def test_comes_when_every_branch_is_over(self) -> None:
        run = Run(plan_of(step("a"), step("b"), step("c", after=("a",))))
        run.claim()
        run.complete("a")
        run.complete("b")
        assert run.status == "running"
        assert run.does("c").status == "completed"

    def test_comes_after_a_last_wait(self) -> None:
        run = Run(plan_of(step("a"), step("rest", kind="wait", duration=10, after=("a",)))).does("a")
        assert run.status == "running"
        run.later(10).claim()
        assert run.status == "completed"

    @pytest.mark.parametrize("plan", [plan_of(step("a"), step("b"), step("c", after=("a", "b"))), diamond])
    def test_comes_with_the_first_failure_and_later_completions_are_lost(self, plan: Plan) -> None:
        run = Run(plan, {"payload": 0})
        if plan is diamond:
            run.does("top")
        first, second = run.claim()
        run.fail(first, failure("lost"))
        assert run.status == "failed"
        before = dict(run.state.context)
        assert not run.complete(second, {"x": 1})
        assert not run.fail(second)
        assert run.heartbeat(second) == {run.key(second)}
        assert run.last == []
        assert run.state.context == before
        assert run.state.error == {**failure("lost"), "step": first, "runnable_key": f"{RUN_ID}:{first}:1"}
        assert run.claim() == []
