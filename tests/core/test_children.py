"""Children in the state of a run: linked, ended, joined, and all of it taken back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from squidie_core.decisions import Draft
from squidie_core.decisions.children import ChildRequest, EndedChild, join_children, link_children
from squidie_core.decisions.replay import check_replay
from squidie_core.definition.model import StepDefinition
from squidie_core.errors import UnsafeReplayError
from squidie_core.journal.entries import ChildRunEnded, ChildRunStarted, RunTerminal
from squidie_core.state import index_row
from tests.core.runs import Run, plan_of, step, visible


@pytest.fixture(autouse=True)
def every_draft_is_revocable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("squidie_core.decisions.draft.REVOCABLE_FROM", 1)


def request(key: str) -> ChildRequest:
    return ChildRequest(run_id=f"run-{key}", workflow="w", trigger="t", child_key=key, payload_digest="d")


def ended(key: str) -> EndedChild:
    return EndedChild(step="walk", child_key=key, run_id=f"run-{key}", status="completed", output={"n": 1})


class Family(Run):
    """A run whose step has started children; every draft is taken back once before it is made."""

    def __init__(self, *steps: StepDefinition) -> None:
        super().__init__(plan_of(*(steps or (step("walk", await_children=True), step("rest", after=("walk",))))))
        self.claim()

    def decide(self, decision: Callable[[Draft], object]) -> object:  # type: ignore[override]  # of no interest here
        before = visible(self.state)
        trial = Draft(self.state, self.plan, self.now)
        decision(trial)
        assert trial.revoke()
        assert visible(self.state) == before
        made = super().decide(decision)
        assert visible(self.refolded()) == visible(self.state)
        assert self.state.anomalies == []
        return made

    def link(self, *keys: str) -> None:
        key, claim_id = self.claim_of("walk")
        self.decide(lambda draft: link_children(draft, key, claim_id, [request(name) for name in keys]))

    def join(self, *keys: str, again: bool = False) -> None:
        self.decide(lambda draft: join_children(draft, [ended(name) for name in keys], again=again))


class TestAJoin:
    def test_goes_from_link_to_application(self) -> None:
        run = Family()
        run.link("a", "b")
        run.link("b")
        assert run.last == []
        run.complete("walk", {"x": 1})
        assert run.kinds() == ["attempt_completed", "children_awaited"]
        assert (run.state.wake_at(), index_row(run.state).needs) == (run.now, ("ring-errand:*",))
        run.join("a")
        assert run.kinds() == ["child_run_ended", "children_awaited"]
        run.join("a", "b", again=True)
        assert run.kinds() == ["child_run_ended", "children_awaited"]
        assert run.state.wake_at() == run.now
        run.join()
        assert run.kinds() == ["runnable_applied", "runnables_planned"]
        told = {"status": "completed", "output": {"n": 1}}
        assert run.state.context == {
            "x": 1,
            "children": {"a": {"run_id": "run-a", **told}, "b": {"run_id": "run-b", **told}},
        }
        assert run.state.joins == {}

    def test_looks_at_nothing_where_all_have_ended(self) -> None:
        run = Family()
        run.complete("walk")
        assert run.kinds() == ["attempt_completed", "runnable_applied", "runnables_planned"]
        assert run.state.context == {"children": {}}

    def test_is_undone_with_its_run_as_the_last_thing_that_it_did(self) -> None:
        undo: dict[str, Any] = {"compensate": "m.undo"}
        walk = step("walk", await_children=True, irreversible=True, after=("rest",), **undo)
        run = Family(step("rest", **undo), walk)
        run.complete("rest")
        run.claim()
        run.link("a")
        run.complete("walk", {"x": 1})
        run.cancel(compensate=True)
        assert run.claim() == ["walk"]
        callback = run.runnable("walk")
        assert (callback.kind, callback.input) == ("compensation", {"x": 1})
        run.complete("walk")
        assert run.claim() == ["rest"]
        run.complete("rest")
        assert run.status == "cancelled"
        with pytest.raises(UnsafeReplayError):
            check_replay(run.state, run.plan, allow_irreversible=False)

    def test_of_a_run_that_is_over_records_nothing(self) -> None:
        run = Family()
        run.link("a")
        run.complete("walk")
        run.cancel()
        assert run.state.wake_at() is None
        run.join("a")
        assert run.last == []


class TestTheFold:
    @pytest.mark.parametrize(
        ("entry", "reason"),
        [
            (ChildRunStarted(1, "unknown", "r", "w", "t", "k", "d"), "unknown_runnable_intent"),
            (ChildRunEnded(1, "walk", "k", "r", "completed"), "unknown_child_run"),
            (ChildRunEnded(1, "walk", "a", "other", "completed"), "unknown_child_run"),
        ],
        ids=["no runnable", "no child", "another child"],
    )
    def test_notes_what_cannot_be(self, entry: ChildRunStarted | ChildRunEnded, reason: str) -> None:
        run = Family()
        run.link("a")
        before = visible(run.state)["children"]
        Run.decide(run, lambda draft: draft.emit(entry))
        assert [found.reason for found in run.state.anomalies] == [reason]
        assert run.state.children == before

    def test_knows_one_child_for_a_key_and_one_end(self) -> None:
        run = Family()
        run.link("a")
        key = run.key("walk")
        Run.decide(run, lambda draft: draft.emit(ChildRunStarted(draft.at, key, "other", "w", "t", "a", "d")))
        Run.decide(run, lambda draft: draft.emit(ChildRunEnded(draft.at, "walk", "a", "run-a", "failed")))
        Run.decide(run, lambda draft: draft.emit(ChildRunEnded(draft.at, "walk", "a", "run-a", "completed")))
        assert [found.reason for found in run.state.anomalies] == ["conflicting_child_run", "child_run_ended_before"]
        child = run.state.children.get("walk", "a")
        assert child is not None
        assert (child.run_id, child.status) == ("run-a", "failed")

    def test_tells_who_waits_for_the_end(self) -> None:
        parent = {"run_id": "p", "queue": "q", "awaited": True}
        run = Run(plan_of(step("walk")), context={"parent": parent})
        assert index_row(run.state).parent == "p"
        assert not run.state.nudges
        Run.decide(run, lambda draft: draft.emit(RunTerminal(draft.at, "completed")))
        assert run.state.nudges == ("p",)
