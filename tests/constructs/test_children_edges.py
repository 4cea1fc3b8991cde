"""What can go wrong with children, in memory on a clock that the tests turn."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, ClassVar

import pytest

from squidie_core import (
    ConflictError,
    InvalidTransitionError,
    NotSupported,
    Resource,
    Snapshot,
    Squidie,
    StepContext,
    Workflow,
    end,
    step,
    trigger,
    where,
)
from squidie_core.errors import StorageError, UnknownVersion
from squidie_core.journal.commit import Commit, CommitResult
from squidie_core.journal.entries import ChildrenAwaited, ChildRunEnded, ChildRunStarted, RunSignalReceived
from squidie_core.memory import MemoryStorage, MemoryWorld
from squidie_core.ports.storage import Capabilities, HeadStatus
from squidie_core.runtime import joining
from squidie_core.runtime.store import RunStore
from tests.clocks import Clock
from tests.constructs.families import ALL, Gated, Named, Packing, Parent, Play, Waiting, act, tell
from tests.runtime.flows import Order
from tests.runtime.stores import assert_consistent, commits_of, entries_of, working
from tests.runtime.waiting import eventually


class Family:
    """A store in memory, and a worker whose bodies do what the test says."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.world = MemoryWorld(clock=self.clock)
        self.squidie = self.client()
        self.act: Callable[[StepContext], Any] = lambda _: None

    def client(self, namespace: str = "n", storage: type[MemoryStorage] = MemoryStorage, **options: Any) -> Squidie:
        resources: dict[type, object] = {Play: Play(self.play)}
        return Squidie(storage(namespace, world=self.world), workflows=ALL, resources=resources, **options)

    def play(self, ctx: StepContext) -> Any:
        return self.act(ctx)

    def run(self, workflow: type[Workflow], act: Callable[[StepContext], Any]) -> Snapshot:
        """Start a run whose body does this, and do what is due."""
        self.act = act
        run = self.squidie.start(workflow)
        return self.drained(run)

    def drained(self, run: Snapshot | str) -> Snapshot:
        self.squidie.drain(owner_id="w", limit=1_000)
        return self.squidie.inspect_run(run)

    def pass_time(self, seconds: float) -> None:
        self.clock.now += round(seconds * 1000)

    def close(self) -> None:
        self.squidie.close()


@pytest.fixture
def family() -> Iterator[Family]:
    made = Family()
    yield made
    made.close()


def gate(ctx: StepContext) -> dict[str, Any]:
    return {"child": ctx.start_child(Gated, child_key="g").id}


def packed(key: str, amount: int = 1) -> Callable[[StepContext], None]:
    def start(ctx: StepContext) -> None:
        ctx.start_child(Packing.order, Order(key, amount), child_key=key)

    return start


class TestAKey:
    def test_names_one_child_of_the_step(self, family: Family) -> None:
        def start_twice(ctx: StepContext) -> None:
            first = ctx.start_child(Packing.order, Order("1"), child_key="k", priority=1)
            assert first.is_new
            again = ctx.start_child(Packing, {"order_id": "1"}, child_key="k", tags=("other",))
            assert (again.id, again.is_new) == (first.id, False)
            for workflow, payload in ((Packing, {"order_id": "2"}), (Gated, None)):
                with pytest.raises(ConflictError):
                    ctx.start_child(workflow, payload, child_key="k")

        done = family.run(Parent, start_twice)
        assert done.status == "completed", done.error
        (child,) = done.children
        assert family.squidie.inspect_run(child.id).priority == 1

    def test_that_is_no_name_and_other_bad_options_start_nothing(self, family: Family) -> None:
        problems: list[str] = []

        def start_badly(ctx: StepContext) -> None:
            starts: list[Callable[[], object]] = [
                lambda: ctx.start_child(Gated, child_key="not a name"),
                lambda: ctx.start_child(Gated, child_key=""),
                lambda: ctx.start_child(Gated, child_key="k", metadata="x"),  # type: ignore[call-overload]  # refused
                lambda: ctx.start_child(Gated, child_key="k", trigger="unknown"),
                lambda: ctx.start_child(Gated, child_key="k", colour="red"),  # type: ignore[call-overload]  # refused
                lambda: ctx.start_child(Packing, {}, child_key="k"),
                lambda: ctx.start_children(Packing, {"k": {"order_id": "1"}, "l": {}}),
                lambda: ctx.start_child(Unknown, child_key="k"),
            ]
            for start in starts:
                with pytest.raises(Exception, match=r".") as caught:
                    start()
                problems.append(getattr(caught.value, "code", type(caught.value).__name__))

        done = family.run(Parent, start_badly)
        assert done.status == "completed", done.error
        assert done.children == ()
        assert problems == [
            *["invalid_option"] * 4,
            "TypeError",
            *["invalid_payload"] * 2,
            "unknown_workflow",
        ]

    def test_of_an_id_that_is_taken_is_refused(self, family: Family) -> None:
        def start(ctx: StepContext) -> str:
            return ctx.start_child(Gated, child_key="g").id

        taken = family.run(Parent, lambda ctx: {"id": start(ctx)})
        other = family.client("elsewhere")
        parent = other.start(Parent, run_id=taken.id)
        other.start(Gated, run_id=taken.context["id"])
        other.drain(owner_id="w")
        failed = other.inspect_run(parent)
        assert (failed.status, failed.error and failed.error["code"]) == ("failed", "conflict")

    def test_means_another_child_in_another_namespace(self, family: Family) -> None:
        first = family.run(Parent, gate)
        other = family.client("elsewhere")
        parent = other.start(Parent, run_id=first.id)
        other.drain(owner_id="w")
        assert other.inspect_run(parent).status == "completed"
        family.squidie.cancel(first.context["child"])
        assert other.inspect_run(first.context["child"]).status == "paused"


class TestAStoreOfSingleAppends:
    class Single(MemoryStorage):
        @property
        def capabilities(self) -> Capabilities:
            return replace(super().capabilities, name="single", max_appends=1)

    def test_is_refused_by_steps_that_wait_for_children(self, family: Family) -> None:
        with pytest.raises(NotSupported) as refused:
            family.client(storage=self.Single)
        assert refused.value.code == "children_not_supported"
        assert "step 'send_out' of workflow 'shipping' says await_children=True" in refused.value.message

    def test_fails_steps_that_start_some(self, family: Family) -> None:
        play = Play(family.play)
        squidie = Squidie(self.Single("n", world=family.world), workflows=[Parent, Gated], resources={Play: play})
        family.act = gate
        run = squidie.start(Parent)
        squidie.drain(owner_id="w")
        found = squidie.inspect_run(run)
        assert (found.status, found.error and found.error["code"]) == ("failed", "children_not_supported")
        assert len(squidie.list_runs().runs) == 1


class Unknown(Workflow, name="unknown"):
    begin = trigger.manual()
    gate = step.pause()


class TestAParent:
    def test_that_is_over_starts_nothing(self, family: Family) -> None:
        def cancelled_meanwhile(ctx: StepContext) -> None:
            family.squidie.cancel(ctx.run_id)
            with pytest.raises(InvalidTransitionError) as caught:
                gate(ctx)
            assert caught.value.code == "invalid_parent_run"
            told.append(ctx.run_id)

        told: list[str] = []
        done = family.run(Parent, cancelled_meanwhile)
        assert (done.status, done.children, told) == ("cancelled", (), [done.id])
        assert len(family.squidie.list_runs().runs) == 1

    def test_whose_attempt_somebody_else_has_starts_nothing(self, family: Family) -> None:
        def overtaken(ctx: StepContext) -> None:
            codes.append("begun")
            if len(codes) == 1:
                family.pass_time(31)
                family.client().execute_next(owner_id="other")
                with pytest.raises(InvalidTransitionError) as caught:
                    gate(ctx)
                codes.append(caught.value.code)
            else:
                gate(ctx)

        codes: list[str] = []
        done = family.run(Waiting, overtaken)
        assert done.reason == "awaiting_children"
        assert codes == ["begun", "begun", "invalid_parent_context"]
        assert len(done.children) == 1

    def test_of_no_run_says_so(self) -> None:
        with pytest.raises(InvalidTransitionError) as caught:
            StepContext("r").start_child(Gated, child_key="k")
        assert caught.value.code == "invalid_parent_context"

    def test_reads_what_its_body_wrote_before_it_decides(self, family: Family) -> None:
        done = family.run(Parent, gate)
        assert done.status == "completed"
        metrics = family.squidie.metrics()
        assert metrics.conflicts == 0, "nobody lost a race"
        assert metrics.appends == len(commits_of(family.squidie, done)) + 1, "each append is counted"
        assert_consistent(family.squidie, done)

    def test_is_told_of_nothing_it_does_not_await(self, family: Family) -> None:
        done = family.run(Parent, gate)
        family.squidie.cancel(done.context["child"])
        assert family.squidie.store.storage.heads([done.id])[done.id].nudges == 0

    def test_may_be_a_child_itself(self, family: Family) -> None:
        def deeper(ctx: StepContext) -> dict[str, Any] | None:
            if ctx.workflow == "waiting":
                ctx.start_child(Named, child_key="named")
                return None
            packed("p")(ctx)
            return {"own": 1}

        done = family.run(Waiting, deeper)
        assert done.status == "completed", done.error
        assert done.context["children"]["named"]["output"] == {
            "acted": {
                "own": 1,
                "children": {
                    "p": {
                        "run_id": family.squidie.inspect_run(done.children[0].id).children[0].id,
                        "status": "completed",
                        "output": {"parcel": "1 for p"},
                    }
                },
            },
            "told": {"p": "completed"},
        }


class TestManyChildren:
    def test_are_started_in_as_few_commits_as_the_store_allows(self, family: Family) -> None:
        def start_all(ctx: StepContext) -> dict[str, Any]:
            found = ctx.start_children(Packing.order, {f"k{n}": Order(str(n)) for n in range(150)})
            assert list(found) == [f"k{n}" for n in range(150)]
            if ctx.attempt == 1:
                raise ConnectionError("again")
            return {"new": sum(run.is_new for run in found.values())}

        done = family.run(Waiting, start_all)
        assert done.status == "completed", done.error
        assert done.context["new"] == 0
        assert {child["status"] for child in done.context["children"].values()} == {"completed"}
        linking = [commit.count for commit in commits_of(family.squidie, done) if "child_run_started" in commit.body]
        assert linking == [99, 51]
        assert_consistent(family.squidie, done)

    def test_with_large_outputs_are_drained_in_several_appends(self, family: Family) -> None:
        def start_all(ctx: StepContext) -> None:
            if ctx.workflow == "waiting":
                ctx.start_children(Parent, {f"k{n}": {} for n in range(6)})
                return None
            return {"large": "x" * 200_000}  # type: ignore[return-value]  # whatever a body returns

        done = family.run(Waiting, start_all)
        assert done.status == "completed", done.error
        assert {len(child["output"]["large"]) for child in done.context["children"].values()} == {200_000}

    def test_of_which_one_has_too_much_to_tell_fail_the_run_clearly(self, family: Family) -> None:
        def start(ctx: StepContext) -> dict[str, Any] | None:
            if ctx.workflow == "waiting":
                ctx.start_child(Heavy, child_key="heavy")
                return None
            return {ctx.step: "x" * 200_000}

        family.squidie = Squidie(
            MemoryStorage("n", world=family.world), workflows=[*ALL, Heavy], resources={Play: Play(start)}
        )
        done = family.drained(family.squidie.start(Waiting))
        assert done.status == "failed"
        assert done.error is not None
        assert (done.error["code"], done.error["child_key"], done.error["step"]) == (
            "child_output_too_large",
            "heavy",
            "act",
        )


class Asked(MemoryStorage):
    """Tells how many heads it was asked for, each time."""

    asked: ClassVar[list[int]] = []

    def heads(self, thread_ids: Sequence[str]) -> Mapping[str, HeadStatus]:
        self.asked.append(len(thread_ids))
        return super().heads(thread_ids)


class TestManyThatHaveEnded:
    def test_are_looked_at_only_until_there_are_enough_for_an_append(
        self, family: Family, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Else each append would ask for all: the square of their number."""
        monkeypatch.setattr(joining, "_HEADS_AT_ONCE", 10)
        monkeypatch.setattr(joining, "MOST_AT_ONCE", 5)
        family.act = lambda ctx: ctx.start_children(Gated, {f"k{n:02}": None for n in range(40)}) and None
        run = family.squidie.start(Waiting)
        children = family.drained(run).children
        for child in children[:2] + children[12:]:
            family.squidie.cancel(child.id)
        Asked.asked.clear()
        family.squidie = family.client(storage=Asked)
        assert family.drained(run).reason == "awaiting_children"
        assert max(Asked.asked) == 10
        assert sum(Asked.asked) < 8 * 40 / 2, "half of what asking for all that are left would take"
        for child in children[2:12]:
            family.squidie.cancel(child.id)
        done = family.drained(run)
        assert done.status == "completed"
        assert list(done.context["children"]) == [f"k{n:02}" for n in range(40)]
        assert_consistent(family.squidie, done)


class Heavy(Workflow, name="heavy"):
    begin = trigger.manual()
    first = step(act)
    second = step(act, after=[first])


class TestAJoin:
    def test_without_children_has_none(self, family: Family) -> None:
        done = family.run(Named, lambda _: None)
        assert (done.status, done.context["acted"], done.context["told"]) == ("completed", {"children": {}}, {})

    def test_waits_and_says_so(self, family: Family) -> None:
        waiting = family.run(Waiting, gate)
        assert (waiting.status, waiting.reason) == ("running", "awaiting_children")
        assert waiting.waiting_for is not None
        assert (waiting.waiting_for.kind, waiting.waiting_for.step) == ("children", "act")
        assert [view.status for view in waiting.attempts] == ["completed"]
        graph = family.squidie.inspect_run_graph(waiting)
        assert (graph.node("act").status, graph.current_node_ids) == ("running", ("act",))
        assert graph.child_links == waiting.children
        (link,) = graph.to_dict()["child_links"]
        assert link["id"] == f"act:child_run:{waiting.children[0].id}"
        family.squidie.resume(waiting.children[0].id)
        assert family.drained(waiting).status == "completed"

    def test_takes_the_children_of_every_attempt(self, family: Family) -> None:
        def start(ctx: StepContext) -> None:
            packed(f"attempt{ctx.attempt}")(ctx)
            if ctx.attempt == 1:
                raise ConnectionError("again")

        done = family.run(Waiting, start)
        assert sorted(done.context["children"]) == ["attempt1", "attempt2"]

    @pytest.mark.parametrize("result", [[1], {"children": 1}, "text"])
    def test_refuses_a_result_that_has_no_room_for_it(self, family: Family, result: object) -> None:
        done = family.run(Named, lambda _: result)
        assert done.error is not None
        assert done.error["code"] == "invalid_step_result"

    def test_chooses_its_route_by_what_the_children_gave(self, family: Family) -> None:
        squidie = Squidie(
            MemoryStorage("n", world=family.world), workflows=[*ALL, Choosing], resources={Play: Play(packed("p"))}
        )
        run = squidie.start(Choosing)
        squidie.drain(owner_id="w")
        assert squidie.inspect_run(run).context["told"] == {"p": "completed"}

    def test_beside_other_steps_holds_up_its_own_dependents_alone(self, family: Family) -> None:
        squidie = Squidie(
            MemoryStorage("n", world=family.world), workflows=[*ALL, Forked], resources={Play: Play(gate)}
        )
        run = squidie.start(Forked)
        squidie.drain(owner_id="w")
        found = squidie.inspect_run(run)
        assert {view.step: view.status for view in found.attempts} == {"joining": "completed", "free": "applied"}
        squidie.resume(next(child.id for child in found.children if child.step == "joining"))
        squidie.drain(owner_id="w")
        assert squidie.inspect_run(run).status == "completed"

    def test_that_was_cancelled_is_not_taken_up_again(self, family: Family) -> None:
        waiting = family.run(Waiting, gate)
        family.squidie.cancel(waiting)
        family.squidie.resume(waiting.children[0].id)
        assert family.squidie.execute_next(owner_id="w") is None
        assert_consistent(family.squidie, waiting)


class Choosing(Workflow, name="choosing"):
    begin = trigger.manual()
    act = step(act, await_children=True)
    tell = step(tell)
    transitions = (
        act.ok.to(tell, when=where("children.p.status").equals("completed")),
        act.ok.to(end),
        tell.ok.to(end),
    )


class Forked(Workflow, name="forked"):
    begin = trigger.manual()
    joining = step(act, await_children=True)
    free = step(act)
    last = step(tell, after=[joining])


def undo(play: Resource[Play]) -> None:
    play.act(StepContext("undone"))


class Undoable(Workflow, name="undoable"):
    begin = trigger.manual()
    first = step(act, await_children=True, compensate=undo)
    beside = step(act, await_children=True, after=[first])
    second = step(act, after=[first])


class TestAFailure:
    def test_beside_a_join_ends_the_wait_and_undoes_steps_that_had_children(self, family: Family) -> None:
        def play(ctx: StepContext) -> None:
            if ctx.run_id == "undone":
                undone.append(ctx.run_id)
                squidie.resume(next(child.id for child in squidie.inspect_run(run).children if child.child_key == "g"))
                assert squidie.execute_next(owner_id="other") is None, "nobody waits for that any more"
            elif ctx.step == "first":
                packed("p")(ctx)
            elif ctx.step == "beside":
                gate(ctx)
            elif ctx.step == "second":
                raise ValueError("no")

        undone: list[str] = []
        squidie = Squidie(
            MemoryStorage("n", world=family.world), workflows=[*ALL, Undoable], resources={Play: Play(play)}
        )
        run = squidie.start(Undoable, priority=1)
        squidie.drain(owner_id="w")
        done = squidie.inspect_run(run)
        assert (done.status, undone) == ("failed", ["undone"])
        assert done.error is not None
        assert done.error["message"] == "no"
        assert [child.status for child in done.children] == ["completed", None]
        assert_consistent(squidie, run)

    def test_that_cancels_a_family_undoes_it(self, family: Family) -> None:
        def play(ctx: StepContext) -> None:
            if ctx.run_id == "undone":
                undone.append(ctx.run_id)
            elif ctx.workflow == "waiting":
                ctx.start_child(Undoable, child_key="u")
            elif ctx.step == "second":
                gate(ctx)
            elif ctx.step == "beside":
                packed("never")(ctx)
                gate(ctx)

        undone: list[str] = []
        squidie = Squidie(
            MemoryStorage("n", world=family.world), workflows=[*ALL, Undoable], resources={Play: Play(play)}
        )
        run = squidie.start(Waiting)
        squidie.drain(owner_id="w")
        (child,) = squidie.inspect_run(run).children
        assert squidie.inspect_run(child.id).reason == "awaiting_children"
        squidie.cancel(run, children=True, compensate=True)
        assert squidie.inspect_run(child.id).reason == "compensating"
        squidie.cancel(run, children=True, compensate=True)
        squidie.drain(owner_id="w")
        assert (squidie.inspect_run(child.id).status, undone) == ("cancelled", ["undone"])
        statuses = {
            c.child_key + c.step: squidie.inspect_run(c.id).status for c in squidie.inspect_run(child.id).children
        }
        assert statuses == {"gsecond": "cancelled", "neverbeside": "completed", "gbeside": "cancelled"}


class Deaf(MemoryStorage):
    """Loses every hint."""

    def commit(self, commits: Sequence[Commit]) -> Sequence[CommitResult]:
        return super().commit([Commit(commit.appends) for commit in commits])


class TestALostHint:
    def test_costs_time_only(self, family: Family) -> None:
        family.squidie = family.client(storage=Deaf)
        waiting = family.run(Waiting, gate)
        looks: list[float] = []
        for _ in range(12):
            looked = [entry for entry in entries_of(family.squidie, waiting) if isinstance(entry, ChildrenAwaited)]
            looks.append((looked[-1].look_at - looked[-1].at) / 1000)
            family.pass_time(looks[-1] - 0.001)
            assert family.squidie.execute_next(owner_id="w") is None, "nobody looks too early"
            family.pass_time(0.001)
            family.squidie.drain(owner_id="w")
        assert looks[:8] == [1, 1, 2, 4, 8, 16, 32, 60]
        family.squidie.resume(waiting.children[0].id)
        assert family.squidie.execute_next(owner_id="w") is None
        family.pass_time(60)
        assert family.drained(waiting).status == "completed"

    def test_of_a_long_wait_is_made_up_for_in_a_sixtieth_of_it(self, family: Family) -> None:
        waiting = family.run(Waiting, gate)
        family.pass_time(10 * 24 * 3600)
        family.drained(waiting)
        (*_, looked) = (entry for entry in entries_of(family.squidie, waiting) if isinstance(entry, ChildrenAwaited))
        assert looked.look_at - looked.at == 4 * 3600 * 1000

    def test_is_no_matter_where_the_hint_comes_before_the_join(self, family: Family) -> None:
        def end_at_once(ctx: StepContext) -> None:
            child = ctx.start_child(Gated, child_key="g")
            squidie = family.client()
            squidie.execute_next(owner_id="other")
            squidie.cancel(child.id)
            assert squidie.execute_next(owner_id="other") is None, "there is nothing to join yet"

        done = family.run(Waiting, end_at_once)
        assert done.status == "completed"
        assert done.context["children"]["g"]["status"] == "cancelled"


class TestAChildThatIsGone:
    def test_because_it_cannot_be_read_ends_the_wait(self, family: Family) -> None:
        waiting = family.run(Waiting, gate)
        family.squidie.store.storage.quarantine(waiting.children[0].id, reason="damaged", by="test")
        with family.world.lock:
            thread = family.world.namespaces["n"].threads[waiting.children[0].id]
            object.__setattr__(thread.commits[0], "body", "[")
        family.pass_time(60)
        done = family.drained(waiting)
        assert done.status == "completed"
        assert done.context["children"]["g"]["status"] == "quarantined"

    @pytest.mark.parametrize("remembered", [True, False])
    def test_ends_the_wait(self, family: Family, *, remembered: bool) -> None:
        waiting = family.run(Waiting, gate)
        child = waiting.children[0].id
        with family.world.lock:
            del family.world.namespaces["n"].threads[child]
            if remembered:
                family.world.namespaces["n"].tombstones[child] = _tombstone()
        family.pass_time(60)
        done = family.drained(waiting)
        assert done.status == "completed"
        told = done.context["children"]["g"]
        assert (told["status"], told["error"]["code"]) == (
            ("failed", "purged") if remembered else ("lost", "not_found")
        )


def _tombstone() -> Any:
    from squidie_core.ports.storage import Tombstone  # noqa: PLC0415  # for this one

    return Tombstone(workflow="gated", status="failed", start_digest="", ended_at=1, expires_at=2**50)


class TestPurging:
    def test_leaves_a_child_alone_while_its_parent_lives(self, family: Family) -> None:
        def start(ctx: StepContext) -> None:
            gate(ctx)
            packed("p")(ctx)

        waiting = family.run(Waiting, start)
        family.pass_time(3600)
        assert family.squidie.purge(before=timedelta(minutes=1)).runs == 0
        (gated,) = (child.id for child in waiting.children if child.child_key == "g")
        family.squidie.resume(gated)
        assert family.drained(waiting).status == "completed"
        family.pass_time(3600)
        assert family.squidie.purge(before=timedelta(minutes=1)).runs == 3


class TestCancelling:
    def family_of_four(self, family: Family) -> tuple[Snapshot, list[str]]:
        """A run that waits for one that waits for another, and its other child, which has left a child and is over."""

        def start(ctx: StepContext) -> None:
            if len(begun) == 0:
                begun.append(ctx.run_id)
                ctx.start_child(Waiting, child_key="p")
                ctx.start_child(Parent, child_key="q")
            else:
                gate(ctx)

        begun: list[str] = []
        waiting = family.run(Waiting, start)
        children = [child.id for child in waiting.children]
        return waiting, [*children, *(family.squidie.inspect_run(child).children[0].id for child in children)]

    def statuses(self, family: Family, runs: Sequence[str]) -> list[str]:
        return [family.squidie.inspect_run(run).status for run in runs]

    def test_leaves_children_alone_unless_told(self, family: Family) -> None:
        waiting = family.run(Waiting, gate)
        family.squidie.cancel(waiting)
        assert self.statuses(family, [waiting.children[0].id]) == ["paused"]

    def test_with_children_ends_all_that_came_of_the_run(self, family: Family) -> None:
        run, others = self.family_of_four(family)
        assert self.statuses(family, others) == ["running", "completed", "paused", "paused"]
        assert family.squidie.cancel(run, children=True, actor="frodo").status == "cancelled"
        assert self.statuses(family, others) == ["cancelled", "completed", "cancelled", "cancelled"]
        (receipt,) = (
            entry
            for entry in entries_of(family.squidie, others[2])
            if isinstance(entry, RunSignalReceived) and entry.signal == "cancel_run"
        )
        assert receipt.actor == "frodo"

    def test_with_children_is_repaired_by_saying_it_again(self, family: Family) -> None:
        waiting = family.run(Waiting, gate)
        child = waiting.children[0].id
        family.squidie.cancel(waiting)
        with pytest.raises(InvalidTransitionError):
            family.squidie.cancel(waiting)
        for _ in range(2):
            assert family.squidie.cancel(waiting, children=True).status == "cancelled"
            assert self.statuses(family, [child]) == ["cancelled"]

    def test_a_run_that_ended_otherwise_is_refused_with_children_too(self, family: Family) -> None:
        done = family.run(Parent, gate)
        with pytest.raises(InvalidTransitionError):
            family.squidie.cancel(done, children=True)


async def start_async(ctx: StepContext) -> dict[str, Any]:
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            ticks += 1
            await asyncio.sleep(0)

    ticking = asyncio.create_task(tick())
    with pytest.raises(Exception, match="start_child_async") as caught:
        ctx.start_child(Packing.order, Order("1"), child_key="one")
    one, many = await asyncio.gather(
        ctx.start_child_async(Packing.order, Order("1"), child_key="one"),
        ctx.start_children_async(Packing.order, {"two": Order("2"), "three": Order("3")}),
    )
    ticking.cancel()
    assert one.child_key == "one"
    return {"keys": sorted([one.child_key, *many]), "ticks": ticks, "code": getattr(caught.value, "code", "")}


class Awaiting(Workflow, name="awaiting"):
    begin = trigger.manual()
    start = step(start_async, await_children=True)


class TestACoroutine:
    def test_starts_children_while_the_loop_goes_on(self) -> None:
        with Squidie("memory://", workflows=[Awaiting, Packing]) as squidie:
            with working(squidie):
                run = squidie.start(Awaiting)
                eventually(lambda: squidie.inspect_run(run).terminal)
            done = squidie.inspect_run(run)
            assert done.status == "completed", done.error
            assert done.context["keys"] == ["one", "three", "two"]
            assert done.context["code"] == "blocking_call"
            assert done.context["ticks"] > 0
            assert {child["status"] for child in done.context["children"].values()} == {"completed"}
            assert_consistent(squidie, run)


class TestSeveralWorkers:
    def test_join_what_others_executed(self) -> None:
        with Squidie("memory://", workflows=ALL, resources={Play: Play(_start_elsewhere)}) as squidie:
            with working(squidie, owner_id="parents"), working(squidie, queue="packers", owner_id="packers"):
                run = squidie.start(Named)
                eventually(lambda: squidie.inspect_run(run).terminal)
            done = squidie.inspect_run(run)
            assert done.context["told"] == {"a": "completed", "b": "completed"}
            assert squidie.inspect_run(done.children[0].id).attempts[0].owner_id == "packers"
            ended = [entry for entry in entries_of(squidie, run) if isinstance(entry, ChildRunEnded)]
            assert len(ended) == len([e for e in entries_of(squidie, run) if isinstance(e, ChildRunStarted)]) == 2


def _start_elsewhere(ctx: StepContext) -> None:
    ctx.start_children(Packing.order, {"a": Order("a"), "b": Order("b")}, queue="packers")


class TestChildrenOfANewerVersion:
    def test_are_left_to_others_and_looked_at_after_a_pause(
        self, family: Family, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Also where there are more of them than are read at a time."""

        def start_two(ctx: StepContext) -> None:
            ctx.start_children(Gated, {"a": None, "b": None})

        def unreadable(_: RunStore, run_ids: Sequence[str], *_bases: object) -> dict[str, StorageError]:
            return {run_id: UnknownVersion("it is newer") for run_id in run_ids}

        run = family.run(Waiting, start_two)
        for child in family.squidie.inspect_run(run).children:
            family.squidie.resume(child.id)
        before = self.looks(family, run)
        with monkeypatch.context() as patch:
            patch.setattr("squidie_core.runtime.joining.MOST_AT_ONCE", 1)
            patch.setattr(RunStore, "states", unreadable)
            for _ in range(5):
                family.squidie.execute_next(owner_id="w", queue="default")
        assert self.looks(family, run) <= before + 1

    @staticmethod
    def looks(family: Family, run: Snapshot) -> int:
        return sum(isinstance(entry, ChildrenAwaited) for entry in entries_of(family.squidie, run))
