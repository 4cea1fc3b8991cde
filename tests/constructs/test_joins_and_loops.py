"""The ways through a workflow: steps side by side and what joins them, conditions, loops, nested inputs."""

from __future__ import annotations

from typing import Any

import pytest

from squidie_core import (
    FailStep,
    PayloadError,
    Resource,
    Retry,
    RetryStep,
    Snapshot,
    Squidie,
    StepContext,
    Workflow,
    end,
    step,
    trigger,
    where,
)
from squidie_core.journal.entries import RunnablesPlanned
from tests.runtime.flows import Stage, enter, on
from tests.runtime.stores import Store, assert_consistent, entries_of, working
from tests.runtime.waiting import eventually


def march(ctx: StepContext, stage: Resource[Stage], banner: str) -> dict[str, Any]:
    stage.begin(ctx)
    return {"by": banner, "legs": [{"miles": 3}, {"miles": 7}]}


def rally(ctx: StepContext, stage: Resource[Stage]) -> dict[str, Any]:
    stage.begin(ctx)
    if ctx.attempt < 3:
        raise RetryStep("nobody came", after=0.01)
    return {"riders": 6_000}


def distract(ctx: StepContext, stage: Resource[Stage]) -> None:
    stage.begin(ctx)


def after_distraction(ctx: StepContext, stage: Resource[Stage]) -> dict[str, Any]:
    stage.begin(ctx)
    return {"distracted": True}


def declare(
    ctx: StepContext, stage: Resource[Stage], miles: int, riders: int, banner: str, *, distracted: bool
) -> dict[str, Any]:
    stage.begin(ctx)
    return {"victory": f"{banner}: {riders} riders, {miles} miles", "distracted": distracted}


class War(Workflow, name="war"):
    begin = trigger.manual(banner=str)
    march = step(march, output="road")
    rally = step(rally, retry=Retry(3, None))
    night = step.wait(0.03)
    distract = step(distract)
    unseen = step(after_distraction, after=[distract])
    declare = step(declare, input={"miles": "road.legs.1.miles"}, after=[march, rally, night, unseen])


def lose(ctx: StepContext, stage: Resource[Stage]) -> None:
    stage.begin(ctx)
    raise FailStep("the wall is down", code="lost")


class Lost(Workflow, name="lost"):
    """One of two steps side by side fails while the other is held."""

    begin = trigger.manual()
    hold = step(enter)
    lose = step(lose)
    join = step(distract, after=[hold, lose])


def planned(squidie: Squidie, run: Snapshot) -> list[list[str]]:
    """The steps that each commit planned together."""
    entries = entries_of(squidie, run)
    return [[runnable.step for runnable in e.runnables] for e in entries if isinstance(e, RunnablesPlanned)]


class TestJoins:
    def test_come_after_retries_waits_and_deeper_branches_with_what_all_of_them_gave(self, store: Store) -> None:
        stage = Stage()
        squidie = store.open(War, resources=on(stage))
        run = squidie.start(War.begin, {"banner": "white"})
        with working(squidie), working(store.open(War, resources=on(stage))):
            eventually(lambda: squidie.inspect_run(run).terminal)
        done = squidie.inspect_run(run)
        assert (done.status, done.error) == ("completed", None)
        assert done.output(War.declare) == {"victory": "white: 6000 riders, 7 miles", "distracted": True}
        plans = planned(squidie, run)
        assert plans[0] == ["march", "rally", "night", "distract"]
        assert sorted(map(tuple, plans[1:])) == [("declare",), ("rally",), ("rally",), ("unseen",)]
        assert sorted(stage.steps()) == sorted(["march", "rally", "rally", "rally", "distract", "unseen", "declare"])
        ends = {view.step: view.ended_at for view in done.attempts}
        began = done.attempts[-1].visible_at
        assert all(ended is not None and ended <= began for name, ended in ends.items() if name != "declare")
        assert_consistent(squidie, run)

    def test_of_which_one_part_failed_never_come_and_the_other_parts_are_told(self, store: Store) -> None:
        stage = Stage()
        squidie = store.open(Lost, resources=on(stage))
        run = squidie.start(Lost.begin)
        with working(squidie):
            eventually(lambda: squidie.inspect_run(run).terminal)
            eventually(lambda: any(call.step == "hold" and call.cancelled for call in stage.calls))
            over = squidie.inspect_run(run)
            stage.opened.set()
            eventually(lambda: stage.went_on)
        assert over.error is not None
        assert (over.status, over.error["code"], over.error["step"]) == ("failed", "lost", "lose")
        assert planned(squidie, run) == [["hold", "lose"]]
        assert squidie.inspect_run(run) == over
        assert_consistent(squidie, run)


def improve(ctx: StepContext, stage: Resource[Stage], draft: dict[str, int] | None = None) -> dict[str, Any]:
    stage.begin(ctx)
    if ctx.attempt == 1:
        raise RetryStep("not in the mood", after=0)
    return {"score": (draft or {"score": 0})["score"] + 1}


def publish(score: int, who: str) -> dict[str, Any]:
    return {"published": f"{score} by {who}"}


def give_up() -> dict[str, Any]:
    return {"gave_up": True}


class Draft(Workflow, name="draft"):
    """A loop with a wait in it inside a loop with a gate in it; the body fails once at each visit."""

    begin = trigger.manual()
    improve = step(improve, retry=Retry(2, None), output="draft")
    rest = step.wait(0.005)
    review = step.approval(output="review")
    publish = step(publish, input={"score": "draft.score", "who": "review.actor.name"})
    give_up = step(give_up)
    transitions = (
        improve.ok.to(rest, when=where("draft").equals({"score": 1}), max_visits=5),
        improve.ok.to(review),
        rest.ok.to(improve),
        review.ok.to(publish),
        review.error.to(improve, max_visits=1),
        review.error.to(give_up),
        publish.ok.to(end),
        give_up.ok.to(end),
    )


def at_gate(squidie: Squidie, run: Snapshot) -> Snapshot:
    """The run, once nothing but a human can bring it on."""

    def look() -> Snapshot | None:
        squidie.drain()
        now = squidie.inspect_run(run)
        return now if now.terminal or now.status == "paused" else None

    found = eventually(look)
    assert isinstance(found, Snapshot)
    return found


class TestLoops:
    def test_give_each_visit_its_keys_its_attempts_and_the_input_of_its_time(self, store: Store) -> None:
        stage = Stage()
        squidie = store.open(Draft, resources=on(stage))
        run = squidie.start(Draft.begin)
        squidie.reject(at_gate(squidie, run), actor="sam")
        other = store.open(Draft, resources=on(stage))
        other.approve(at_gate(other, run), actor={"name": "sam"})
        done = at_gate(other, run)
        assert (done.status, done.context["published"]) == ("completed", "3 by sam")
        visits = ["improve", "improve#2", "improve#3"]
        keys = [call.runnable_key.removeprefix(f"{run.id}:") for call in stage.calls]
        assert keys == [f"{visit}:{attempt}" for visit in visits for attempt in (1, 2)]
        assert [call.idempotency_key for call in stage.calls] == [f"{run.id}:{v}:1" for v in visits for _ in (1, 2)]
        inputs = [r.input for e in entries_of(other, run) if isinstance(e, RunnablesPlanned) for r in e.runnables]
        assert [given["draft"]["score"] for given in inputs if given and "draft" in given] == [1, 2]
        assert [(view.step, view.visit) for view in done.attempts if view.attempt == 1] == [
            ("improve", 1),
            ("rest", 1),
            ("improve", 2),
            ("review", 1),
            ("improve", 3),
            ("review", 2),
            ("publish", 1),
        ]
        assert_consistent(other, run)

    def test_that_were_gone_as_often_as_they_may_be_are_left_by_the_next_way(self, memory: Store) -> None:
        squidie = memory.open(Draft, resources=on(Stage()))
        run = squidie.start(Draft.begin)
        for _ in range(2):
            squidie.reject(at_gate(squidie, run), actor="sam")
        done = at_gate(squidie, run)
        assert (done.status, done.context["gave_up"]) == ("completed", True)
        assert_consistent(squidie, run)


def send(city: str) -> dict[str, Any]:
    return {"sent_to": city}


class Parcel(Workflow, name="parcel"):
    begin = trigger.manual(order=dict[str, Any])
    deliver = step(send, input={"city": "order.address.city"})
    thank = step(send, input={"city": "order.sender.city"})
    sorry = step(send, input={"city": "order.address.city"})
    transitions = (deliver.ok.to(thank), thank.ok.to(end), thank.error.to(sorry), sorry.ok.to(end))


class TestNestedInputs:
    @pytest.mark.parametrize(
        ("order", "missing_at"),
        [
            ({}, ["order", "address"]),
            ({"address": {}}, ["order", "address", "city"]),
            ({"address": "Bree"}, ["order", "address", "city"]),
        ],
    )
    def test_that_a_first_step_lacks_refuse_the_start_and_nothing_is_written(
        self, store: Store, order: dict[str, Any], missing_at: list[str]
    ) -> None:
        squidie = store.open(Parcel)
        with pytest.raises(PayloadError) as refused:
            squidie.start(Parcel.begin, {"order": order}, idempotency_key="k")
        assert refused.value.code == "missing_input_path"
        assert refused.value.details == {
            "step": "deliver",
            "target": "city",
            "path": ["order", "address", "city"],
            "missing_at": missing_at,
        }
        assert squidie.list_runs().runs == ()
        assert squidie.start(Parcel.begin, {"order": {"address": {"city": "Bree"}}}, idempotency_key="k").rev > 0

    def test_that_a_later_step_lacks_fail_the_run_without_an_error_route(self, memory: Store) -> None:
        squidie = memory.open(Parcel)
        run = squidie.start(Parcel.begin, {"order": {"address": {"city": "Bree"}, "sender": None}})
        squidie.drain()
        failed = squidie.inspect_run(run)
        assert failed.error is not None
        assert (failed.status, failed.error["code"]) == ("failed", "missing_input_path")
        assert failed.error["details"]["missing_at"] == ["order", "sender", "city"]
        assert failed.context["sent_to"] == "Bree"
        assert [(view.step, view.status) for view in failed.attempts] == [("deliver", "applied")]


def sort_out(bag: dict[str, Any]) -> dict[str, Any]:
    return bag


def fly() -> None:
    """Nothing depends on how."""


class Sorted(Workflow, name="sorted"):
    begin = trigger.manual(bag=dict[str, Any])
    sort_out = step(sort_out)
    first = step(fly)
    second = step(fly)
    third = step(fly)
    fallback = step(fly)
    transitions = (
        sort_out.ok.to(fallback),
        sort_out.ok.to(first, when=where("flags.0").equals({"on": True})),
        sort_out.ok.to(second, when=where("size").greater_than(10)),
        sort_out.ok.to(third, when=where("size").less_than(20.5)),
    )


class TestRouting:
    @pytest.mark.parametrize(
        ("bag", "taken"),
        [
            ({"flags": [{"on": True}], "size": 99}, "first"),
            ({"flags": [{"on": 1}], "size": 99}, "second"),
            ({"size": 15}, "second"),
            ({"size": 10}, "third"),
            ({"size": "15"}, "fallback"),
            ({"flags": [], "size": None}, "fallback"),
            ({}, "fallback"),
        ],
    )
    def test_takes_the_first_condition_that_holds_and_the_fallback_last(
        self, memory: Store, bag: dict[str, Any], taken: str
    ) -> None:
        squidie = memory.open(Sorted)
        run = squidie.start(Sorted.begin, {"bag": bag})
        squidie.drain()
        done = squidie.inspect_run(run)
        assert (done.status, [view.step for view in done.attempts]) == ("completed", ["sort_out", taken])
