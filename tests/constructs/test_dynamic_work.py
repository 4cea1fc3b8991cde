"""Dynamic work: nodes that come out of a step at run time, recorded as evidence or executed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from squidie_core import (
    Action,
    Backoff,
    ConflictError,
    Defer,
    DynamicEdge,
    DynamicNode,
    DynamicWork,
    DynamicWorkError,
    FailStep,
    OptionError,
    Resource,
    Retry,
    RetryStep,
    Snapshot,
    Squidie,
    StepContext,
    UnsafeReplayError,
    Workflow,
    sequence,
    step,
    trigger,
)
from squidie_core.journal.entries import DynamicWorkRecorded, RunnablesPlanned
from squidie_core.memory import MemoryStorage, MemoryWorld
from squidie_core.state.index import MAX_LOOKED_AT, MAX_NEEDS
from tests.clocks import Clock
from tests.runtime.stores import Store, assert_consistent, commits_of, entries_of, working
from tests.runtime.waiting import eventually


def subscribe(chat: str) -> dict[str, Any]:
    return {"subscribed": chat}


def close_book(subscribed: str) -> dict[str, Any]:
    return {"closed": subscribed}


def sum_up(deliver_b: int) -> dict[str, Any]:
    return {"total": deliver_b}


class Digest(Workflow, name="digest"):
    begin = trigger.manual(chat=str)
    subscribe = step(subscribe)
    close = step(close_book)
    transitions = sequence(subscribe, close)


class Fellowship(Workflow, name="fellowship"):
    begin = trigger.manual(chat=str)
    subscribe = step(subscribe)
    close = step(close_book, after=[subscribe])


class Council(Workflow, name="council"):
    begin = trigger.manual(chat=str)
    subscribe = step(subscribe)
    agree = step.approval(output="verdict")
    close = step(close_book)
    transitions = (*sequence(subscribe, agree, close), agree.error.to(close))


def deliver(to: str) -> str:
    return f"delivered to {to}"


async def whisper(to: str) -> str:
    return f"whispered to {to}"


def gather(**given: Any) -> dict[str, Any]:
    return given


def fail() -> None:
    raise FailStep("the eagles are busy", code="busy")


ACTIONS: Mapping[str, Callable[..., Any] | Action] = {
    "deliver": deliver,
    "whisper": whisper,
    "gather": gather,
    "fail": fail,
    "off": Action(deliver, enabled=False),
}


def opened(store: Store, **more: Any) -> Squidie:
    chosen: dict[str, Any] = {"actions": ACTIONS, **more}
    return store.open(Digest, Fellowship, Council, **chosen)


def begun(squidie: Squidie, workflow: type[Workflow] = Digest) -> Snapshot:
    """A run whose first step is applied."""
    squidie.start(workflow, {"chat": "c1"})
    run = squidie.execute_next()
    assert run is not None
    return run


def work(run: Snapshot, *nodes: DynamicNode, edges: tuple[DynamicEdge, ...] = (), key: str = "fanout") -> DynamicWork:
    return DynamicWork(key=key, origin=run.attempts[0], nodes=nodes, edges=edges)


def to(name: str, **more: Any) -> DynamicNode:
    return DynamicNode(name, "deliver", {"to": name}, **more)


def diamond(run: Snapshot) -> DynamicWork:
    nodes = (to("top"), to("left"), DynamicNode("right", "whisper", {"to": "right"}), DynamicNode("bottom", "gather"))
    pairs = (("top", "left"), ("top", "right"), ("left", "bottom"), ("right", "bottom"))
    return work(run, *nodes, edges=tuple(DynamicEdge(*pair) for pair in pairs))


def statuses(run: Snapshot) -> dict[str, str]:
    return {node.id: node.status for each in run.dynamic_work for node in each.nodes}


class TestScheduledWork:
    @pytest.mark.parametrize("workflow", [Digest, Fellowship])
    def test_is_executed_in_the_order_of_its_edges(self, store: Store, workflow: type[Workflow]) -> None:
        squidie = opened(store)
        run = begun(squidie, workflow)
        commits = len(commits_of(squidie, run))
        run = squidie.schedule_dynamic_work(run, diamond(run))
        assert len(commits_of(squidie, run)) == commits + 1
        assert statuses(run) == {"top": "pending", "left": "waiting", "right": "waiting", "bottom": "waiting"}
        squidie.drain()
        done = squidie.inspect_run(run)
        assert (done.status, set(statuses(done).values())) == ("completed", {"completed"})
        assert done.context["bottom"] == {"left": "delivered to left", "right": "whispered to right"}
        assert done.context["closed"] == "c1"
        order = [view.step for view in done.attempts if view.step not in ("subscribe", "close")]
        assert (order[0], order[-1]) == ("top", "bottom")
        assert_consistent(squidie, done)

    def test_is_planned_with_its_record(self, memory: Store) -> None:
        squidie = opened(memory)
        run = begun(squidie)
        squidie.schedule_dynamic_work(run, work(run, to("a"), to("b")))
        *_, recorded, planned = entries_of(squidie, run)
        assert isinstance(recorded, DynamicWorkRecorded)
        assert isinstance(planned, RunnablesPlanned)
        assert [runnable.key for runnable in planned.runnables] == [f"{run.id}:a:1", f"{run.id}:b:1"]

    def test_keeps_the_run_from_ending_before_it_is_over(self, memory: Store) -> None:
        squidie = opened(memory)
        run = begun(squidie)
        squidie.schedule_dynamic_work(run, work(run, to("a")))
        steps_done = squidie.execute_next()
        assert steps_done is not None
        assert (steps_done.status, steps_done.context["closed"]) == ("running", "c1")
        done = squidie.execute_next()
        assert done is not None
        assert (done.status, done.context["a"]) == ("completed", "delivered to a")

    def test_waits_for_the_steps_where_those_take_longer(self, memory: Store) -> None:
        squidie = opened(memory)
        run = begun(squidie, Council)
        squidie.schedule_dynamic_work(run, work(run, to("a")))
        assert squidie.drain() == 1
        waiting = squidie.inspect_run(run)
        assert (waiting.status, waiting.context["a"]) == ("paused", "delivered to a")
        squidie.approve(run, actor="elrond")
        squidie.drain()
        assert squidie.inspect_run(run).status == "completed"

    def test_may_come_out_of_a_node(self, memory: Store) -> None:
        squidie = opened(memory)
        run = begun(squidie, Council)
        squidie.schedule_dynamic_work(run, work(run, to("a")))
        run = squidie.execute_next() or run
        later = DynamicWork(key="more", origin=run.attempts[-1], nodes=[to("b")])
        assert later.origin is run.attempts[-1]
        squidie.schedule_dynamic_work(run, later)
        squidie.drain()
        assert squidie.inspect_run(run).context["b"] == "delivered to b"

    def test_may_be_given_as_a_mapping(self, memory: Store) -> None:
        squidie = opened(memory)
        run = begun(squidie)
        origin = {"runnable_key": f"{run.id}:subscribe:1", "step": "subscribe", "attempt": 1}
        given = {
            "dynamic_key": "fanout",
            "origin": origin,
            "reason": "runtime_fanout",
            "nodes": [
                {"id": "a", "action": "deliver", "input": {"to": "a"}, "retry": {"max_attempts": 2}},
                {"id": "b", "action": "gather", "metadata": {"chat_id": "c", "token": "s3cr3t"}},
            ],
            "edges": [{"from": "subscribe", "to": "a"}, {"id": "then", "from": "a", "to": "b"}],
            "metadata": {"password": "s3cr3t"},
        }
        squidie.schedule_dynamic_work(run, given)
        squidie.drain()
        done = squidie.inspect_run(run)
        assert done.context["b"] == {"a": "delivered to a"}
        (view,) = done.dynamic_work
        assert (view.reason, view.nodes[0].max_attempts, view.edge_ids) == (
            "runtime_fanout",
            2,
            ("subscribe:dynamic:a", "then"),
        )
        assert (view.metadata, view.nodes[1].metadata["token"]) == ({"password": "[REDACTED]"}, "[REDACTED]")
        assert "s3cr3t" not in str([commit.body for commit in commits_of(squidie, run)])
        assert done.to_dict()["dynamic_work"][0]["edges"][1] == {
            "id": "then",
            "from": "a",
            "to": "b",
            "type": "dynamic",
        }


class TestNodes:
    def test_are_retried_as_they_say(self) -> None:
        calls: list[str] = []

        def flaky(ctx: StepContext) -> str:
            calls.append(ctx.idempotency_key)
            if ctx.attempt < 3:
                raise ConnectionError("no road")
            return ctx.runnable_key

        clock = Clock()
        storage = MemoryStorage(world=MemoryWorld(clock=clock))
        squidie = Squidie(storage, workflows=[Digest], actions={"flaky": flaky})
        run = begun(squidie)
        policy = Retry(3, Backoff(min=10, jitter=False))
        squidie.schedule_dynamic_work(run, work(run, DynamicNode("n", "flaky", retry=policy)))
        squidie.drain()
        found = squidie.inspect_run(run)
        assert (found.status, statuses(found)) == ("running", {"n": "retrying"})
        clock.now += 9_999
        assert squidie.drain() == 0
        clock.now += 1
        assert squidie.drain() == 1
        clock.now += 20_000
        squidie.drain()
        done = squidie.inspect_run(run)
        assert (done.status, done.context["n"]) == ("completed", f"{run.id}:n:3")
        assert calls == [f"{run.id}:n:1"] * 3

    def test_fail_the_run_when_no_retry_is_left(self, memory: Store) -> None:
        squidie = opened(memory)
        run = begun(squidie, Council)
        squidie.schedule_dynamic_work(run, work(run, DynamicNode("n", "fail", retry=3), to("other")))
        squidie.drain()
        done = squidie.inspect_run(run)
        assert (done.status, done.error and done.error["code"], done.error and done.error["step"]) == (
            "failed",
            "busy",
            "n",
        )
        assert statuses(done)["n"] == "failed"

    def test_are_final_failures_without_a_policy(self, memory: Store) -> None:
        def broken() -> None:
            raise RetryStep("again")

        squidie = opened(memory, actions={"broken": broken})
        run = begun(squidie)
        squidie.schedule_dynamic_work(run, work(run, DynamicNode("n", "broken")))
        squidie.drain()
        assert squidie.inspect_run(run).status == "failed"

    def test_are_given_up_for_what_their_action_says(self, memory: Store) -> None:
        calls: list[int] = []

        def picky(ctx: StepContext) -> None:
            calls.append(ctx.attempt)
            raise ValueError("never right") if ctx.attempt > 1 else ConnectionError("later perhaps")

        squidie = opened(memory, actions={"picky": Action(picky, give_up_on=(ValueError,))})
        run = begun(squidie)
        squidie.schedule_dynamic_work(run, work(run, DynamicNode("n", "picky", retry=Retry(9, None))))
        squidie.drain()
        assert (squidie.inspect_run(run).status, calls) == ("failed", [1, 2])

    def test_may_go_on_later(self) -> None:
        calls: list[str] = []

        def patient(ctx: StepContext, to: str) -> str | Defer:
            calls.append(to)
            return Defer("not yet", after=5) if len(calls) == 1 else ctx.runnable_key

        clock = Clock()
        storage = MemoryStorage(world=MemoryWorld(clock=clock))
        squidie = Squidie(storage, workflows=[Digest], actions={"patient": patient, "gather": gather})
        run = begun(squidie)
        nodes = (DynamicNode("n", "patient", {"to": "x"}), DynamicNode("after", "gather"))
        squidie.schedule_dynamic_work(run, work(run, *nodes, edges=(DynamicEdge("n", "after"),)))
        squidie.drain()
        deferred = squidie.inspect_run(run)
        assert statuses(deferred) == {"n": "deferred", "after": "waiting"}
        with pytest.raises(DynamicWorkError, match="is not applied"):
            squidie.schedule_dynamic_work(
                run, DynamicWork(key="more", origin=deferred.attempts[2], nodes=[DynamicNode("m", "gather")])
            )
        clock.now += 5_000
        squidie.drain()
        done = squidie.inspect_run(run)
        assert (done.status, done.context["after"]) == ("completed", {"n": f"{run.id}:n:1:deferred"})
        assert calls == ["x", "x"]

    def test_take_resources(self, memory: Store) -> None:
        class Post:
            def send(self, to: str) -> str:
                return f"posted to {to}"

        def post(to: str, office: Resource[Post]) -> str:
            return office.send(to)

        post.__annotations__["office"] = Resource[Post]
        squidie = opened(memory, actions={"post": post}, resources={Post: Post()})
        run = begun(squidie)
        squidie.schedule_dynamic_work(run, work(run, DynamicNode("n", "post", {"to": "bree"})))
        squidie.drain()
        assert squidie.inspect_run(run).context["n"] == "posted to bree"
        with pytest.raises(OptionError, match="Post") as refused:
            opened(memory, actions={"post": post})
        assert refused.value.code == "missing_resource"

    def test_are_seen_by_conditions_and_later_steps(self, memory: Store) -> None:
        class Counting(Workflow, name="counting"):
            begin = trigger.manual(chat=str, deliver_b=int)
            subscribe = step(subscribe)
            agree = step.pause()
            sum_up = step(sum_up)
            transitions = sequence(subscribe, agree, sum_up)

        squidie = memory.open(Counting, actions={"count": lambda: 7})
        squidie.start(Counting, {"chat": "c", "deliver_b": 0})
        run = squidie.execute_next()
        assert run is not None
        squidie.schedule_dynamic_work(run, work(run, DynamicNode("deliver_b", "count")))
        squidie.drain()
        squidie.resume(run)
        squidie.drain()
        assert squidie.inspect_run(run).context["total"] == 7

    def test_whose_action_is_elsewhere_wait_for_a_worker_that_has_it(self, store: Store) -> None:
        squidie, other = opened(store), opened(store, actions={"another": deliver})
        run = begun(squidie)
        squidie.schedule_dynamic_work(run, work(run, to("a")))
        assert other.drain() == 1, "the declared step"
        assert other.execute_next() is None
        waiting = other.inspect_run(run)
        assert (waiting.status, waiting.reason) == ("running", "step_unavailable")
        capable = store.open(actions={"deliver": deliver})
        assert capable.drain() == 1, "it needs the action and not the workflow"
        assert capable.inspect_run(run).status == "completed"

    def test_whose_action_is_switched_off_here_wait_too(self, memory: Store) -> None:
        squidie = opened(memory)
        run = begun(squidie)
        squidie.schedule_dynamic_work(run, work(run, to("a")))
        without = opened(memory, actions={"deliver": Action(deliver, enabled=False)})
        assert without.drain() == 1
        assert without.inspect_run(run).reason == "step_unavailable"

    def test_may_be_many(self, memory: Store) -> None:
        """More than are looked at when the index row is derived, and of more actions than it names."""
        names = [f"n{number}" for number in range(MAX_LOOKED_AT + 9)]
        actions = dict.fromkeys(names[: MAX_NEEDS + 1], deliver)
        squidie = opened(memory, actions=actions)
        run = begun(squidie)
        nodes = [DynamicNode(name, names[number % len(actions)], {"to": name}) for number, name in enumerate(names)]
        squidie.schedule_dynamic_work(run, work(run, *nodes))
        squidie.execute_next()
        assert squidie.inspect_run(run).context["closed"] == "c1"
        with working(memory.open(actions=actions)):
            eventually(lambda: squidie.inspect_run(run).terminal)
        done = squidie.inspect_run(run)
        assert done.status == "completed"
        assert [done.context[name] for name in names] == [f"delivered to {name}" for name in names]
        assert_consistent(squidie, run)

    def test_do_not_hide_the_steps_behind_them(self, memory: Store) -> None:
        squidie = opened(memory)
        run = begun(squidie, Council)
        squidie.schedule_dynamic_work(run, work(run, *(to(f"n{number}") for number in range(MAX_LOOKED_AT + 1))))
        squidie.approve(run, actor="elrond")
        other = opened(memory, actions=None)
        assert other.drain() == 1
        assert other.inspect_run(run).context["closed"] == "c1"

    def test_that_take_too_long_have_failed(self) -> None:
        clock = Clock()

        def dawdle() -> None:
            clock.now += 1_000

        storage = MemoryStorage(world=MemoryWorld(clock=clock))
        squidie = Squidie(storage, workflows=[Digest], actions={"dawdle": dawdle})
        run = begun(squidie)
        squidie.schedule_dynamic_work(run, work(run, DynamicNode("n", "dawdle", timeout=1)))
        squidie.drain()
        done = squidie.inspect_run(run)
        assert (done.status, done.error and done.error["code"]) == ("failed", "step_timeout")


class TestUndoing:
    def test_a_node_that_fails_undoes_the_steps_of_its_run(self, memory: Store) -> None:
        undone: list[str] = []

        def undo(subscribed: str) -> None:
            undone.append(subscribed)

        class Saga(Workflow, name="saga"):
            begin = trigger.manual(chat=str)
            subscribe = step(subscribe, compensate=undo)
            agree = step.pause()
            transitions = sequence(subscribe, agree)

        squidie = memory.open(Saga, actions=ACTIONS)
        squidie.start(Saga, {"chat": "c1"})
        run = squidie.execute_next()
        assert run is not None
        nodes = (DynamicNode("n", "fail"), to("before"), to("never"), to("after"))
        squidie.schedule_dynamic_work(
            run, work(run, *nodes, edges=(DynamicEdge("before", "n"), DynamicEdge("n", "after")))
        )
        for _ in range(3):
            run = squidie.execute_next() or run
        assert run.reason == "compensating"
        with pytest.raises(DynamicWorkError) as refused:
            squidie.schedule_dynamic_work(run, work(run, to("more"), key="more"))
        assert told(refused.value) == ("run", "compensating")
        squidie.drain()
        done = squidie.inspect_run(run)
        assert (done.status, done.error and done.error["step"], undone) == ("failed", "n", ["c1"])
        assert statuses(done) == {"n": "failed", "before": "completed", "never": "completed", "after": "waiting"}
        assert_consistent(squidie, run)

    def test_a_run_with_a_completed_node_is_not_replayed_unseen(self, memory: Store) -> None:
        squidie = opened(memory)
        run = begun(squidie, Council)
        squidie.schedule_dynamic_work(run, work(run, to("a")))
        squidie.replay(run)
        squidie.drain()
        with pytest.raises(UnsafeReplayError) as refused:
            squidie.replay(run)
        assert [each["step"] for each in refused.value.details["steps"]] == ["a"]


class TestRecordedWork:
    def test_is_evidence_alone(self, store: Store) -> None:
        squidie = opened(store)
        run = begun(squidie)
        run = squidie.record_dynamic_work(run, diamond(run))
        assert set(statuses(run).values()) == {"recorded"}
        assert squidie.drain() == 1
        done = squidie.inspect_run(run)
        assert (done.status, set(statuses(done).values())) == ("completed", {"recorded"})
        assert_consistent(squidie, run)

    def test_may_come_out_of_a_step_that_is_not_over(self, memory: Store) -> None:
        squidie = opened(memory)
        run = squidie.start(Digest, {"chat": "c"})
        squidie.record_dynamic_work(run, work(run, to("a")))
        with pytest.raises(DynamicWorkError) as refused:
            squidie.schedule_dynamic_work(run, work(run, to("b"), key="other"))
        assert told(refused.value) == ("origin", "unapplied_runnable")

    def test_needs_no_actions(self, memory: Store) -> None:
        squidie = opened(memory, actions=None)
        run = begun(squidie)
        squidie.record_dynamic_work(run, work(run, DynamicNode("a"), DynamicNode("b", "whatever")))
        with pytest.raises(DynamicWorkError) as refused:
            squidie.schedule_dynamic_work(run, work(run, DynamicNode("c", "whatever"), key="other"))
        assert told(refused.value) == ("action_registry", "required")


class TestRepeating:
    @pytest.mark.parametrize("how", ["record_dynamic_work", "schedule_dynamic_work"])
    def test_the_same_work_changes_nothing(self, memory: Store, how: str) -> None:
        squidie = opened(memory)
        run = begun(squidie)
        add = getattr(squidie, how)
        first = add(run, diamond(run))
        assert add(run, diamond(run)).rev == first.rev
        squidie.drain()
        assert add(run, diamond(run)).status == "completed"

    def test_a_key_with_other_work_is_refused(self, memory: Store) -> None:
        squidie = opened(memory)
        run = begun(squidie)
        first = squidie.schedule_dynamic_work(run, work(run, to("a")))
        for other in (work(run, to("b")), work(run, to("a"), to("b")), work(run, to("a", retry=2))):
            with pytest.raises(ConflictError) as refused:
                squidie.schedule_dynamic_work(run, other)
            assert refused.value.code == "conflicting_dynamic_work"
        with pytest.raises(ConflictError):
            squidie.record_dynamic_work(run, work(run, to("a")))
        assert squidie.inspect_run(run).rev == first.rev


class TestPreviews:
    def test_say_what_would_be_added_and_write_nothing(self, memory: Store) -> None:
        squidie = opened(memory)
        run = begun(squidie)
        shown = squidie.preview_dynamic_work(run, diamond(run))
        assert (shown.recordable, shown.duplicate, shown.warnings) == (True, False, ())
        assert (shown.origin_node_id, shown.added_node_ids) == ("subscribe", ("top", "left", "right", "bottom"))
        assert shown.added_edge_ids[0] == "subscribe:dynamic:top"
        assert [node.id for node in shown.graph.nodes] == ["subscribe", "close", "top", "left", "right", "bottom"]
        assert squidie.inspect_run(run).rev == run.rev == shown.graph.rev
        assert squidie.inspect_run(run).dynamic_work == ()
        assert shown.to_dict()["dynamic_work"]["dynamic_key"] == "fanout"

    @pytest.mark.parametrize("how", ["record_dynamic_work", "schedule_dynamic_work"])
    def test_know_what_is_there_already(self, memory: Store, how: str) -> None:
        squidie = opened(memory)
        run = begun(squidie)
        getattr(squidie, how)(run, diamond(run))
        shown = squidie.preview_dynamic_work(run, diamond(run))
        assert (shown.recordable, shown.duplicate, shown.warnings) == (False, True, ("duplicate_dynamic_work",))
        assert (shown.added_node_ids, shown.added_edge_ids) == ((), ())
        with pytest.raises(ConflictError):
            squidie.preview_dynamic_work(run, work(run, to("a")))


class TestGraphs:
    def test_show_nodes_and_edges(self, memory: Store) -> None:
        squidie = opened(memory)
        run = begun(squidie)
        squidie.record_dynamic_work(run, work(run, DynamicNode("seen", "deliver"), key="seen"))
        squidie.schedule_dynamic_work(run, diamond(run))
        squidie.execute_next()
        squidie.execute_next()
        graph = squidie.inspect_run_graph(run)
        assert {node.id: node.status for node in graph.nodes} == {
            "subscribe": "completed",
            "close": "completed",
            "seen": "recorded",
            "top": "completed",
            "left": "pending",
            "right": "pending",
            "bottom": "waiting",
        }
        bottom = graph.node("bottom")
        assert (bottom.dynamic_key, bottom.action) == ("fanout", "gather")
        assert bottom.recovery is not None
        assert bottom.recovery.replay == "manual_review_required"
        assert graph.edge("top:dynamic:left").status == "selected"
        assert graph.edge("left:dynamic:bottom").status == "pending"
        assert [each.key for each in graph.dynamic_work] == ["seen", "fanout"]
        assert "-->|" in graph.to_mermaid()
        assert graph.to_dict()["dynamic_work"][1]["status"] == "scheduled"


def told(error: DynamicWorkError) -> tuple[str, str]:
    assert error.code == "invalid_dynamic_work"
    return error.details["field"], error.details["reason"]


def positional(*names: str) -> None:
    """Nothing can be given to it by name."""


BAD: list[tuple[str, Mapping[str, Any], tuple[str, str]]] = [
    ("no mapping of its fields", {"color": "grey"}, ("attrs", "invalid")),
    ("no key", {"key": ""}, ("dynamic_key", "invalid")),
    ("no origin", {"origin": None}, ("origin", "invalid")),
    ("an origin without a key", {"origin": {"step": "subscribe", "attempt": 1}}, ("origin", "missing_runnable_key")),
    ("an origin without a step", {"origin": {"runnable_key": "k", "attempt": 1}}, ("origin", "missing_step")),
    ("an origin without an attempt", {"origin": {"runnable_key": "k", "step": "s"}}, ("origin", "missing_attempt")),
    (
        "an origin that is not there",
        {"origin": {"runnable_key": "k", "step": "s", "attempt": 1}},
        ("origin", "unknown_runnable"),
    ),
    ("nodes that are none", {"nodes": "a"}, ("nodes", "invalid")),
    ("no nodes", {"nodes": []}, ("nodes", "empty")),
    ("a node that is none", {"nodes": [1]}, ("nodes", "invalid")),
    ("a node without an id", {"nodes": [{"action": "deliver"}]}, ("nodes", "invalid")),
    ("a node twice", {"nodes": [to("a"), to("a")]}, ("nodes", "duplicate_id")),
    ("a node of a step's name", {"nodes": [to("close")]}, ("nodes", "duplicate_existing_id")),
    ("a node of a node's name", {"nodes": [to("known")]}, ("nodes", "duplicate_existing_id")),
    ("a name of ours", {"nodes": [to("compensate:close")]}, ("nodes", "reserved_id")),
    ("a name like a visit's", {"nodes": [to("close#2")]}, ("nodes", "reserved_id")),
    ("a name of the context's", {"nodes": [to("error")]}, ("nodes", "reserved_id")),
    ("no action", {"nodes": [DynamicNode("a")]}, ("nodes", "missing_action_key")),
    ("an action that is no key", {"nodes": [{"id": "a", "action": 7}]}, ("nodes", "invalid_action_key")),
    ("an unknown action", {"nodes": [DynamicNode("a", "fly")]}, ("nodes", "unknown_action_key")),
    ("an action switched off", {"nodes": [DynamicNode("a", "off")]}, ("nodes", "disabled_action_key")),
    ("a retry of none", {"nodes": [to("a", retry=0)]}, ("nodes", "invalid_max_attempts")),
    ("a retry of a word", {"nodes": [to("a", retry="x")]}, ("nodes", "invalid_max_attempts")),
    (
        "a retry of exceptions",
        {"nodes": [to("a", retry=Retry(2, retry_on=(OSError,)))]},
        ("nodes", "invalid_max_attempts"),
    ),
    ("a timeout of none", {"nodes": [to("a", timeout=0)]}, ("nodes", "invalid")),
    ("a timeout of a word", {"nodes": [to("a", timeout="x")]}, ("nodes", "invalid")),
    ("an input that is none", {"nodes": [{"id": "a", "action": "deliver", "input": 1}]}, ("nodes", "invalid")),
    ("an input of objects", {"nodes": [DynamicNode("a", "deliver", {"to": object()})]}, ("nodes", "invalid")),
    ("metadata that is none", {"metadata": []}, ("metadata", "invalid")),
    ("a reason that is none", {"reason": 5}, ("reason", "invalid")),
    ("edges that are none", {"edges": 5}, ("edges", "invalid")),
    ("an edge that is none", {"edges": [("a", "b")]}, ("edges", "invalid")),
    ("an edge without an end", {"edges": [{"from": "a"}]}, ("edges", "invalid")),
    ("an edge from nowhere", {"edges": [DynamicEdge("close", "b")]}, ("edges", "unknown_node")),
    ("an edge to nowhere", {"edges": [DynamicEdge("a", "close")]}, ("edges", "unknown_node")),
    ("an edge twice", {"edges": [DynamicEdge("a", "b"), DynamicEdge("a", "b")]}, ("edges", "duplicate_id")),
    (
        "an edge of a default's name",
        {"edges": [DynamicEdge("a", "b", "subscribe:dynamic:a")]},
        ("edges", "duplicate_id"),
    ),
    ("a circle", {"edges": [DynamicEdge("a", "b"), DynamicEdge("b", "a")]}, ("edges", "circle")),
    ("a short circle", {"edges": [DynamicEdge("a", "a")]}, ("edges", "circle")),
    (
        "an input where a result goes",
        {"nodes": [to("a"), DynamicNode("b", "gather", {"a": 1})], "edges": [DynamicEdge("a", "b")]},
        ("nodes", "invalid"),
    ),
]


class TestBadWork:
    @pytest.mark.parametrize(("what", "change", "words"), BAD, ids=[what for what, _, _ in BAD])
    def test_is_refused_in_the_same_words_everywhere(
        self, memory: Store, what: str, change: Mapping[str, Any], words: tuple[str, str]
    ) -> None:
        squidie = opened(memory)
        run = begun(squidie)
        squidie.record_dynamic_work(run, work(run, to("known"), key="known"))
        before = squidie.inspect_run(run).rev
        given = {"key": "k", "origin": run.attempts[0], "nodes": [to("a"), to("b")], **change}
        for call in (squidie.preview_dynamic_work, squidie.record_dynamic_work, squidie.schedule_dynamic_work):
            with pytest.raises(DynamicWorkError) as refused:
                call(run, given)
            assert told(refused.value) == words, what
        assert squidie.inspect_run(run).rev == before

    def test_for_a_run_that_is_over_is_refused(self, memory: Store) -> None:
        squidie = opened(memory)
        run = begun(squidie)
        squidie.drain()
        for call in (squidie.preview_dynamic_work, squidie.record_dynamic_work, squidie.schedule_dynamic_work):
            with pytest.raises(DynamicWorkError) as refused:
                call(run, work(run, to("a")))
            assert told(refused.value) == ("run", "terminal")

    @pytest.mark.parametrize(
        "action", [7, Action, Action(int), positional], ids=["a number", "a class", "of a class", "positional"]
    )
    def test_actions_that_cannot_be_executed_are_refused_at_once(self, memory: Store, action: Any) -> None:
        with pytest.raises(OptionError) as refused:
            opened(memory, actions={"x": action})
        assert refused.value.code == "invalid_action"
