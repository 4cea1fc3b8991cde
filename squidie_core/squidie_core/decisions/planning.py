"""Moving on: what is planned when a step has ended, and when the run itself ends."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from squidie_core.decisions.compensation import fail_run
from squidie_core.decisions.context import InputError, check_size, matches, origin_of, select_input, view_of
from squidie_core.decisions.deadlines import deadline_from
from squidie_core.decisions.draft import Draft
from squidie_core.definition.model import END, StepOutcome
from squidie_core.definition.plan import Route
from squidie_core.journal.entries import (
    Decision,
    Json,
    ManualStepPaused,
    Runnable,
    RunnableApplied,
    RunnablesPlanned,
    RunTerminal,
)
from squidie_core.journal.identity import runnable_key
from squidie_core.state.children import with_children
from squidie_core.state.run import RunnableState


def plan_steps(draft: Draft, names: Iterable[str], *, visible_at: int) -> None:
    """Plan the steps anew, each from `visible_at` on. Raises InputError, and then nothing is planned."""
    state = draft.state
    view, origin = view_of(state), origin_of(state)
    planned: list[Runnable] = []
    for name in names:
        step = draft.step(name).definition
        visit = state.visits.get(name, 0) + 1
        begins_at = visible_at + (step.duration or 0)
        planned.append(
            Runnable(
                key=runnable_key(state.run_id, name, visit, 1),
                step=name,
                visible_at=begins_at,
                kind=step.kind,
                visit=visit,
                input=select_input(step, view, origin) if step.kind == "run" else {},
                deadline=deadline_from(step.deadline, begins_at) if step.kind == "run" else None,
            )
        )
    check_size(planned)
    draft.emit(RunnablesPlanned(draft.at, tuple(planned)))
    for runnable in planned:
        if runnable.visible_at <= draft.at:
            open_gate(draft, state.runnables[runnable.key])


def plan_nodes(draft: Draft, names: Sequence[str]) -> None:
    """Plan these nodes of dynamic work. The fold knows their input."""
    state = draft.state
    planned = [
        Runnable(runnable_key(state.run_id, name, 1, 1), name, draft.at, dynamic=state.nodes[name].node.action)
        for name in names
    ]
    draft.emit(RunnablesPlanned(draft.at, tuple(planned)))


def open_gate(draft: Draft, runnable: RunnableState) -> None:
    """Open the gate, if the runnable is one."""
    if runnable.kind == "pause" or runnable.kind == "approval":  # noqa: PLR1714  # narrows the type
        deadline = deadline_from(draft.step(runnable.step).definition.deadline, draft.at)
        draft.emit(ManualStepPaused(draft.at, runnable.key, runnable.step, runnable.kind, deadline))


def move_on(draft: Draft, runnable: RunnableState, on: StepOutcome) -> None:
    """Apply a runnable that has a result, or a failure that a route waits for, and plan what follows or end the run."""
    if runnable.dynamic is not None:
        _move_on_from_node(draft, runnable)
        return
    step = draft.step(runnable.step)
    children = (step.definition.output or "") if on == "ok" and step.definition.await_children else None
    if draft.plan.uses_dependencies:
        draft.emit(RunnableApplied(draft.at, runnable.key, children=children))
        _plan_dependents(draft, step.dependents)
        return
    routes = step.on_ok if on == "ok" else step.on_error
    result = runnable.result if children is None else with_children(draft.state, runnable, children)
    route = choose(draft, routes, runnable, on, result)
    draft.emit(RunnableApplied(draft.at, runnable.key, _decision(route), children=children))
    if route is None and routes:
        fail_run(draft, _no_match(runnable, on))
    elif route is None or route.transition.target == END:
        _end_if_over(draft)
    else:
        _plan_or_fail(draft, (route.transition.target,))


def choose(
    draft: Draft,
    routes: Sequence[Route],
    runnable: RunnableState,
    on: StepOutcome,
    result: Mapping[str, Json] | None = None,
) -> Route | None:
    """The first route whose condition holds, `result` considered, and that was not taken as often as it may be."""
    newest: Mapping[str, Json] = result or {}
    if on == "error" and runnable.error is not None:
        newest = {"error": runnable.error}
    view = (newest, *view_of(draft.state), origin_of(draft.state))
    for route in routes:
        limit, condition = route.transition.max_visits, route.transition.condition
        if limit is not None and draft.state.routes_taken.get(route.index, 0) >= limit:
            continue
        if condition is None or matches(condition, view):
            return route
    return None


def _end_if_over(draft: Draft) -> None:
    """The run ends when both its steps and its nodes are over."""
    if not draft.state.open:
        draft.emit(RunTerminal(draft.at, "completed"))


def _move_on_from_node(draft: Draft, runnable: RunnableState) -> None:
    draft.emit(RunnableApplied(draft.at, runnable.key))
    nodes = draft.state.nodes
    ready = [name for name in nodes[runnable.step].leads_to if nodes[name].waits_for == 0]
    if ready:
        plan_nodes(draft, ready)
    else:
        _end_if_over(draft)


def _plan_dependents(draft: Draft, dependents: Sequence[str]) -> None:
    ready = [name for name in dependents if _is_ready(draft, name)]
    if ready:
        _plan_or_fail(draft, ready)
    else:
        _end_if_over(draft)


def _is_ready(draft: Draft, name: str) -> bool:
    state = draft.state
    if name in state.visits:
        return False
    return all(dependency in state.applied_steps for dependency in draft.step(name).definition.after)


def _plan_or_fail(draft: Draft, names: Sequence[str]) -> None:
    try:
        plan_steps(draft, names, visible_at=draft.at)
    except InputError as problem:
        fail_run(draft, problem.error())


def _decision(route: Route | None) -> Decision | None:
    if route is None:
        return None
    transition = route.transition
    return Decision(transition.source, transition.on, transition.target, route.index, transition.recovery)


def _no_match(runnable: RunnableState, on: StepOutcome) -> dict[str, Json]:
    return {
        "code": "no_matching_transition",
        "message": f"step {runnable.step!r} ended with {on!r} and no transition matched; add one without when=",
        "step": runnable.step,
        "retryable": False,
    }
