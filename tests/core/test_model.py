"""Whatever is declared and whatever happens: the rules that hold of every run.

Small workflows are driven by decisions alone, by workers that finish, fail, defer, give back and vanish, by operators,
and by a clock that tests move.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from copy import deepcopy
from dataclasses import replace
from typing import Any, TypeVar

import pytest
from hypothesis import Phase, event, given, settings
from hypothesis import strategies as st

from squidie_core.decisions import Draft, ManualCommand, complete
from squidie_core.decisions.children import ChildRequest, EndedChild, join_children, link_children
from squidie_core.decisions.dynamic import add_work
from squidie_core.decisions.timeout import LEASE_AFTER_TIMEOUT
from squidie_core.definition.plan import Plan
from squidie_core.definition.validation import validate
from squidie_core.errors import ConflictError, DynamicWorkError, InvalidTransitionError
from squidie_core.journal.codec import decode_entries, encode_entries
from squidie_core.journal.commit import Head
from squidie_core.journal.dynamic import WorkOrigin
from squidie_core.journal.entries import (
    AttemptClaimed,
    AttemptCompleted,
    AttemptFailed,
    AttemptHeartbeat,
    AttemptReleased,
    ChildrenAwaited,
    ChildRunEnded,
    CompensationStarted,
    DynamicWorkRecorded,
    Entry,
    ManualStepResolved,
    Runnable,
    RunnableApplied,
    RunnablesPlanned,
    RunStarted,
    RunTerminal,
)
from squidie_core.state import RunState, fold, index_row
from squidie_core.state.checkpoint import restore, save
from tests.core.generated import (
    Action,
    actions,
    additions,
    cancellations,
    dependency_plans,
    family,
    plans,
    transition_plans,
    undoing,
)
from tests.core.journal_values import QUICK, THOROUGH
from tests.core.runs import RUN_ID, Run, visible

T = TypeVar("T")
NEVER: int = 2**62
"""A time that never comes."""

REFUSALS = (InvalidTransitionError, ConflictError, DynamicWorkError)

ANY_HISTORY = settings(THOROUGH, max_examples=60, phases=set(Phase) - {Phase.explain})
histories = st.lists(actions, max_size=25)
histories_with_work = st.lists(actions | additions, max_size=25)
histories_of_parents = st.lists(actions | additions | family | family, max_size=25)


def from_checkpoint(state: RunState) -> RunState:
    """The state as another process has it: through the text of a checkpoint."""
    committed = deepcopy(state)
    committed.head = Head(state.rev, 1)
    found = restore(RUN_ID, save(committed))
    assert found is not None
    return found


@pytest.fixture(autouse=True, scope="module")
def every_draft_is_revocable() -> Generator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("squidie_core.decisions.draft.REVOCABLE_FROM", 1)
        yield


class CheckedRun(Run):
    """A run that looks at everything after every draft."""

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan, {"n": 1, "list": [0]})
        self.check()

    def decide(self, decision: Callable[[Draft], T]) -> T:
        twins = [
            Draft(state, self.plan, self.now)
            for state in (deepcopy(self.state), self.refolded(), from_checkpoint(self.state), self.revoked(decision))
        ]
        try:
            answer = super().decide(decision)
        except REFUSALS:
            self.last = []
            for twin in twins:
                assert refuses(twin, decision)
                assert twin.entries == []
            self.check()
            raise
        for twin in twins:
            decision(twin)
            assert twin.entries == self.last, "equal states decide alike"
        self.check()
        return answer

    def revoked(self, decision: Callable[[Draft], object]) -> RunState:
        """The state after the decision was made and taken back."""
        state = deepcopy(self.state)
        draft = Draft(state, self.plan, self.now)
        refuses(draft, decision)
        assert draft.revoke()
        assert in_no_order(visible(state)) == in_no_order(visible(self.state))
        assert index_row(state) == index_row(self.state)
        return state

    def check(self) -> None:
        state = self.state
        assert not state.anomalies, "what was decided breaks no rule"
        assert state.rev == len(self.entries)
        times = [entry.at for entry in self.entries]
        assert times == sorted(times), "time never goes back"
        assert visible(self.refolded()) == visible(state)
        again = decode_entries(encode_entries(self.entries))
        assert again == self.entries
        assert visible(fold(RunState(RUN_ID), again)) == visible(state)
        assert visible(from_checkpoint(state)) == visible(state)
        self.check_wake()
        self.check_history()

    def check_wake(self) -> None:
        state, row = self.state, index_row(self.state)
        if state.terminal:
            assert row.wake_at is None
            return
        assert state.open, "a run with nothing open is over"
        assert (state.status == "paused") == (state.gate is not None)
        waits = state.gate is not None and len(state.open) == 1
        assert (row.wake_at is None) == waits
        assert (row.needs == ()) == waits

    def check_history(self) -> None:
        """What the entries say by themselves, without the fold."""
        planned = [r.key for entry in self.entries if isinstance(entry, RunnablesPlanned) for r in entry.runnables]
        assert len(planned) == len(set(planned)), "no runnable is planned twice"
        ends = [number for number, entry in enumerate(self.entries) if isinstance(entry, RunTerminal)]
        assert len(ends) <= 1
        assert self.state.terminal == bool(ends)
        assert self.state.context == context_of(self.entries)
        assert_one_holder_at_a_time(self.entries)
        assert_order(self.plan, self.entries)
        assert_nothing_late_counts(self.plan, self.entries)
        assert_undone(self.plan, self.entries)


def in_no_order(found: dict[str, Any]) -> dict[str, Any]:
    return {**found, "open": sorted(found["open"])}


def refuses(draft: Draft, decision: Callable[[Draft], object]) -> bool:
    try:
        decision(draft)
    except REFUSALS:
        return True
    return False


def context_of(entries: list[Entry]) -> dict[str, Any]:
    """The payload, then the results in the order in which they were applied."""
    context: dict[str, Any] = {}
    results: dict[str, Any] = {}
    callbacks: set[str] = set()
    steps: dict[str, str] = {}
    children: dict[str, dict[str, Any]] = {}
    for entry in entries:
        if isinstance(entry, RunStarted):
            context.update(entry.input)
        elif isinstance(entry, ChildRunEnded):
            told = {"run_id": entry.child_run_id, "status": entry.status}
            children.setdefault(entry.step, {})[entry.child_key] = {**told, "output": entry.output}
        elif isinstance(entry, AttemptCompleted | ManualStepResolved):
            results[entry.runnable_key] = entry.result
        elif isinstance(entry, RunnablesPlanned):
            callbacks |= {runnable.key for runnable in entry.runnables if runnable.kind == "compensation"}
            steps |= {runnable.key: runnable.step for runnable in entry.runnables}
        elif isinstance(entry, RunnableApplied) and entry.deferred is None and entry.runnable_key not in callbacks:
            context.update(results.get(entry.runnable_key, {}))
            if entry.children is not None:
                context["children"] = dict(children.get(steps[entry.runnable_key], {}))
    return context


def assert_one_holder_at_a_time(entries: list[Entry]) -> None:
    held: dict[str, tuple[str, int]] = {}
    for entry in entries:
        if isinstance(entry, AttemptClaimed):
            _, until = held.get(entry.runnable_key, ("", 0))
            assert until <= entry.at, "nobody takes what somebody holds"
            held[entry.runnable_key] = (entry.claim_id, entry.lease_until)
        elif isinstance(entry, AttemptHeartbeat):
            for key, claim_id in entry.claims.items():
                holder, until = held[key]
                assert (holder, until > entry.at) == (claim_id, True)
                held[key] = (claim_id, entry.lease_until)
        elif isinstance(entry, AttemptReleased):
            held[entry.runnable_key] = ("", 0)
        elif isinstance(entry, AttemptCompleted) and entry.claim_id is not None:
            holder, until = held[entry.runnable_key]
            assert (holder, until > entry.at) == (entry.claim_id, True)
            held[entry.runnable_key] = ("", 2**62)


def nodes_after(entries: list[Entry]) -> dict[str, set[str]]:
    """What leads to each node of scheduled work."""
    works = [entry for entry in entries if isinstance(entry, DynamicWorkRecorded) and entry.status == "scheduled"]
    return {
        node.id: {edge.source for edge in work.edges if edge.target == node.id} for work in works for node in work.nodes
    }


def assert_nothing_late_counts(plan: Plan, entries: list[Entry]) -> None:
    """What comes after a step's timeout is no result, and its claim is not held for long after it."""
    limits: dict[str, int] = {}
    over_at: dict[str, int] = {}
    for entry in entries:
        if isinstance(entry, RunnablesPlanned):
            for runnable in entry.runnables:
                step = plan.steps.get(runnable.step)
                limit = None if step is None else step.definition.timeout
                if limit is not None:
                    limits[runnable.key] = limit
        elif isinstance(entry, AttemptClaimed) and entry.runnable_key in limits:
            over_at[entry.runnable_key] = entry.at + limits[entry.runnable_key]
        elif isinstance(entry, AttemptHeartbeat):
            for key in entry.claims:
                assert entry.lease_until - LEASE_AFTER_TIMEOUT <= over_at.get(key, NEVER)
        elif isinstance(entry, AttemptCompleted) and entry.claim_id is not None:
            assert entry.at < over_at.get(entry.runnable_key, NEVER)


def to_undo(plan: Plan, entries: list[Entry]) -> list[str]:
    """What was done until a rollback began and has a callback, the last first; what waits for children is done too."""
    planned: dict[str, Runnable] = {}
    applied: list[str] = []
    waiting: list[str] = []
    failed: set[str] = set()
    for entry in entries:
        if isinstance(entry, CompensationStarted):
            break
        if isinstance(entry, RunnablesPlanned):
            planned |= {runnable.key: runnable for runnable in entry.runnables}
        elif isinstance(entry, AttemptFailed):
            failed.add(entry.runnable_key)
        elif isinstance(entry, ChildrenAwaited) and entry.runnable_key not in waiting:
            waiting.append(entry.runnable_key)
        elif isinstance(entry, RunnableApplied):
            waiting = [key for key in waiting if key != entry.runnable_key]
            if entry.deferred is None and entry.runnable_key not in failed:
                applied.append(entry.runnable_key)
    done = [planned[key] for key in (*applied, *waiting)]
    return [r.key for r in reversed(done) if r.step in plan.compensations and r.kind == "run"]


def assert_undone(plan: Plan, entries: list[Entry]) -> None:
    """A rollback undoes what was done, the last first, one after the other; nothing else goes on."""
    begins = next((place for place, entry in enumerate(entries) if isinstance(entry, CompensationStarted)), None)
    if begins is None:
        return
    expected = to_undo(plan, entries)
    assert expected
    callbacks: set[str] = set()
    open_callback: str | None = None
    for entry in entries[begins + 1 :]:
        assert not isinstance(entry, CompensationStarted)
        if isinstance(entry, RunnablesPlanned):
            (runnable,) = entry.runnables
            assert runnable.kind == "compensation"
            if runnable.previous not in callbacks:
                assert runnable.previous == expected.pop(0)
            assert open_callback is None
            open_callback = runnable.key
            callbacks.add(runnable.key)
        elif isinstance(entry, AttemptFailed | RunnableApplied):
            assert entry.runnable_key == open_callback
            open_callback = None
        elif isinstance(entry, AttemptClaimed):
            assert entry.runnable_key == open_callback
        elif isinstance(entry, RunTerminal):
            assert entry.status != "completed", "a run that is undone does not complete"


def assert_order(plan: Plan, entries: list[Entry]) -> None:
    """Dependencies come first and once; limited routes are taken no more often than they may be."""
    applied: set[str] = set()
    steps: dict[str, str] = {}
    taken: dict[int, int] = {}
    after = nodes_after(entries)
    for entry in entries:
        if isinstance(entry, RunnablesPlanned):
            for runnable in entry.runnables:
                steps[runnable.key] = runnable.step
                before = after.get(runnable.step)
                assert applied >= (set(plan.steps[runnable.step].definition.after) if before is None else before)
                assert runnable.visit == 1 or not plan.uses_dependencies
        elif isinstance(entry, RunnableApplied):
            if entry.deferred is None:
                applied.add(steps[entry.runnable_key])
            if entry.decision is not None:
                taken[entry.decision.index] = taken.get(entry.decision.index, 0) + 1
    if entries and isinstance(entries[-1], RunTerminal) and entries[-1].status == "completed":
        assert applied >= set(after), "a run is not over before its nodes are"
    for index, times in taken.items():
        limit = plan.definition.transitions[index].max_visits
        assert limit is None or times <= limit


def perform(run: CheckedRun, action: Action) -> None:
    """Let it happen, where it can."""
    what, given = action
    if what == "pass":
        run.later(given)
    elif what == "expire":
        lease = run.state.first_lease()
        run.now = run.now if lease is None else max(run.now, lease.lease_until)
    elif what == "claim":
        run.claim(limit=given[0], max_skew=given[1])
    elif what == "heartbeat":
        run.heartbeat(*[runnable.key for runnable in run.state.claimed()], lease_for=given)
    elif what == "decide":
        operate(run, lambda: run.manual(given, ManualCommand(actor="elrond", idempotency_key=f"k{run.state.rev % 5}")))
    elif what == "add":
        add(run, given)
    elif what == "undo":
        command = ManualCommand(idempotency_key=given[0])
        operate(run, lambda: run.cancel(command, compensate=given[1]))
    elif what == "cancel":
        operate(run, lambda: run.cancel(ManualCommand(idempotency_key=given)))
    elif what == "join":
        join(run, given[0], again=given[1])
    elif run.state.open:
        keys = list(run.state.open)
        key = keys[place_in(given) % len(keys)]
        if what == "link":
            link(run, key, given[1])
        else:
            report(run, what, key, given)


def place_in(given: Any) -> int:
    """Which of the open runnables it is about."""
    return given if isinstance(given, int) else given[0]


def link(run: CheckedRun, key: str, child_keys: list[str]) -> None:
    """The body starts children, or finds them."""
    step = run.state.runnables[key].step
    key, claim_id = run.claim_of(key)
    requests = [
        ChildRequest(run_id=f"{step}-{name}", workflow="w", trigger="t", child_key=name, payload_digest="d")
        for name in child_keys
    ]

    def decision(draft: Draft) -> None:
        link_children(draft, key, claim_id, requests)

    operate(run, lambda: run.decide(decision))


def join(run: CheckedRun, count: int, *, again: bool = False) -> None:
    """Somebody looks at the children that are waited for: so many have ended."""
    steps = dict.fromkeys(run.state.runnables[key].step for key in run.state.joins)
    live = [(step, key, run_id) for step in steps for key, run_id in run.state.children.live(step).items()]
    ended = [
        EndedChild(step=step, child_key=key, run_id=run_id, status="completed", output={"n": 1})
        for step, key, run_id in live[:count]
    ]
    run.decide(lambda draft: join_children(draft, ended, again=again))


def add(run: CheckedRun, given: DynamicWorkRecorded) -> None:
    """Add the work, out of the runnable in the place that its origin says."""
    origin = list(run.state.runnables.values())[given.origin.attempt % len(run.state.runnables)]
    work = replace(given, origin=WorkOrigin(origin.key, origin.step, origin.attempt))
    operate(run, lambda: run.decide(lambda draft: add_work(draft, work)))


def operate(run: CheckedRun, command: Callable[[], None]) -> None:
    """Give the command, which may be refused; repeated with its key it writes nothing."""
    try:
        command()
    except REFUSALS:
        assert run.last == []


def report(run: CheckedRun, what: str, key: str, given: Any) -> None:
    """A worker that was given the runnable, rightly or not, says what came of it."""
    before = visible(run.state)
    if what == "complete":
        accepted = run.complete(key, given[1])
    elif what == "fail":
        accepted = run.fail(key, given[1], retry_after=given[2])
    elif what == "defer":
        accepted = run.defer(key, given[1])
    elif what == "release":
        run.release(key)
        return
    else:
        accepted = run.decide(lambda draft: complete(draft, key, "a claim that nobody made", {"n": 2}))
        assert not accepted
    assert accepted == bool(run.last)
    if not accepted:
        assert visible(run.state) == before
        return
    after = visible(run.state)
    assert not run.complete(key, {"n": 2}), "an outcome counts once"
    assert visible(run.state) == after


def finish(run: CheckedRun) -> None:
    """Let time pass and workers work until the run is over, which it will be."""
    for _ in range(100):
        if run.state.terminal:
            return
        if run.state.gate is not None:
            run.manual("resume_run" if run.state.gate.kind == "pause" else "approve_run")
            continue
        join(run, 9)
        claimed = run.claim()
        for name in claimed:
            run.complete(name, {"n": 0})
        wake_at = run.state.wake_at()
        if not claimed and wake_at is not None:
            run.now = max(run.now + 1, wake_at)
    raise AssertionError("the run never ends")


def end_of(state: RunState) -> Any:
    return deepcopy((state.status, state.error, state.ended_at, state.context, state.gate, state.wake_at()))


class TestDraws:
    @QUICK
    @given(plan=plans)
    def test_are_workflows_that_may_be_declared(self, plan: Plan) -> None:
        assert validate(plan.definition, complete=False) == []
        assert plan.uses_dependencies or plan.roots == ("s0",)


class TestAnyHistory:
    @ANY_HISTORY
    @given(plan=transition_plans(), history=histories)
    def test_of_transitions_obeys_every_rule_and_ends(self, plan: Plan, history: list[Action]) -> None:
        self.play(plan, history)

    @ANY_HISTORY
    @given(plan=dependency_plans(), history=histories)
    def test_of_dependencies_obeys_every_rule_and_ends(self, plan: Plan, history: list[Action]) -> None:
        self.play(plan, history)

    @ANY_HISTORY
    @given(plan=plans, history=histories_with_work)
    def test_with_dynamic_work_obeys_every_rule_and_ends(self, plan: Plan, history: list[Action]) -> None:
        self.play(plan, history)

    @ANY_HISTORY
    @given(plan=plans, history=histories_of_parents)
    def test_with_children_obeys_every_rule_and_ends(self, plan: Plan, history: list[Action]) -> None:
        self.play(plan, history)

    @settings(ANY_HISTORY, max_examples=30)
    @given(plan=plans, history=histories_with_work, cancellation=cancellations, more=histories)
    def test_may_be_cut_off_by_a_cancellation(
        self, plan: Plan, history: list[Action], cancellation: Action, more: list[Action]
    ) -> None:
        run = CheckedRun(plan)
        for action in (*history, cancellation):
            perform(run, action)
        if run.state.rollback is not None:
            finish(run)
        assert run.state.terminal
        ended = end_of(run.state)
        for action in (*more, cancellation):
            perform(run, action)
        assert end_of(run.state) == ended

    @settings(ANY_HISTORY, max_examples=60)
    @given(plan=plans, history=histories_of_parents, undo=undoing, more=st.lists(actions | undoing, max_size=15))
    def test_may_be_undone_and_ends(self, plan: Plan, history: list[Action], undo: Action, more: list[Action]) -> None:
        run = CheckedRun(plan)
        for action in (*history, undo, *more):
            perform(run, action)
        event(f"undone: {run.state.rollback is not None}")
        finish(run)

    @staticmethod
    def play(plan: Plan, history: list[Action]) -> None:
        run = CheckedRun(plan)
        for action in history:
            perform(run, action)
        event(f"{run.state.status} after the history")
        finish(run)
        event(f"{run.state.status} at last")
        ended = end_of(run.state)
        fold(run.state, list(run.entries))
        assert end_of(run.state) == ended, "nothing that comes after the end changes the end"
