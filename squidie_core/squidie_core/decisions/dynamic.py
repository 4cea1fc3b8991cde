"""Adding dynamic work to a run: as evidence alone, or to be executed."""

from __future__ import annotations

from dataclasses import replace
from typing import NoReturn

from squidie_core.decisions.draft import Draft
from squidie_core.decisions.planning import plan_nodes
from squidie_core.errors import ConflictError, DynamicWorkError
from squidie_core.journal.codec import to_plain
from squidie_core.journal.entries import DynamicWorkRecorded, Json
from squidie_core.journal.identity import digest


def add_work(draft: Draft, work: DynamicWorkRecorded) -> None:
    """Record the work, and plan what nothing leads to where it is scheduled; nothing where it is recorded already.

    The time of `work` does not matter. Raises what `check_work` does.
    """
    if check_work(draft, work):
        return
    draft.emit(replace(work, at=draft.at))
    if work.status == "scheduled":
        nodes = draft.state.nodes
        plan_nodes(draft, [node.id for node in work.nodes if nodes[node.id].waits_for == 0])


def check_work(draft: Draft, work: DynamicWorkRecorded) -> bool:
    """Whether this very work is recorded already.

    Raises ConflictError where other work has its key, DynamicWorkError where the run does not take it.
    """
    known = draft.state.dynamic_work.get(work.dynamic_key)
    if known is not None:
        if _content(known) == _content(work):
            return True
        raise ConflictError(
            f"run {draft.state.run_id} has other dynamic work under the key {work.dynamic_key!r}; use another key",
            code="conflicting_dynamic_work",
            details={"run_id": draft.state.run_id, "dynamic_key": work.dynamic_key},
        )
    if draft.state.terminal:
        _refuse(draft, "run", "terminal", f"it is {draft.state.status}; add work while it runs")
    if draft.state.rollback is not None:
        _refuse(draft, "run", "compensating", "it is being undone; add work before it fails")
    _check_origin(draft, work)
    for node in work.nodes:
        _check_name(draft, node.id)
    return False


def _content(work: DynamicWorkRecorded) -> str:
    return digest(to_plain(replace(work, at=0)))


def _check_origin(draft: Draft, work: DynamicWorkRecorded) -> None:
    origin = work.origin
    runnable = draft.state.runnables.get(origin.runnable_key)
    if runnable is None or (runnable.step, runnable.attempt) != (origin.step, origin.attempt):
        text = f"its origin {origin.runnable_key!r} is no attempt {origin.attempt} at step {origin.step!r} of this run"
        _refuse(draft, "origin", "unknown_runnable", f"{text}; take it from the run's attempts")
    if work.status == "scheduled" and (runnable.status != "applied" or runnable.deferred is not None):
        text = f"its origin {origin.runnable_key!r} is not applied"
        _refuse(draft, "origin", "unapplied_runnable", f"{text}; schedule what comes out of a step once it is over")


def _check_name(draft: Draft, name: str) -> None:
    state = draft.state
    if name in draft.plan.steps or name in state.nodes or name in state.visits:
        what = "a node" if name in state.nodes else "a step"
        _refuse(draft, "nodes", "duplicate_existing_id", f"it has {what} called {name!r}; use another id", id=name)


def _refuse(draft: Draft, field: str, reason: str, text: str, **more: Json) -> NoReturn:
    run_id = draft.state.run_id
    raise DynamicWorkError(
        f"run {run_id} does not take the dynamic work: {text}",
        details={"run_id": run_id, "field": field, "reason": reason, **more},
    )
