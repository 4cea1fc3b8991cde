"""What a snapshot needs beside the state: the journal as plain JSON, and a reader of outputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from squidie_core.authoring import Step
from squidie_core.definition.plan import Plan
from squidie_core.errors import StorageError
from squidie_core.inspection.snapshot import OutputOf, no_output
from squidie_core.inspection.times import moment, text
from squidie_core.journal.codec import decode_entries, to_plain
from squidie_core.journal.entries import Json
from squidie_core.journal.values import decode
from squidie_core.ports.storage import HeadStatus, Storage
from squidie_core.runtime.catalog import Catalog, wants_code
from squidie_core.runtime.running import renamed
from squidie_core.runtime.store import RunStore
from squidie_core.state import RunState


def history_of(storage: Storage, run_id: str, rev: int) -> Sequence[Mapping[str, Json]]:
    """Every entry up to the revision, each with its `rev` and its time as text."""
    return [
        {"rev": number, **to_plain(entry), "at": text(moment(entry.at))}
        for commit in storage.read(run_id)
        for number, entry in enumerate(decode_entries(commit.body), commit.rev)
        if number <= rev
    ]


def output_reader(store: RunStore, state: RunState) -> OutputOf:
    """What finds a step's output among the results of the run. It raises NotFoundError where there is none."""
    catalog, workflow, run_id = store.catalog, state.workflow, state.run_id
    outputs = _output_names(store, state)

    def output_of(step: Step[..., Any], results: Mapping[str, Json]) -> Any:
        name = catalog.step_name(workflow, step)
        if name is None or name not in results:
            raise no_output(name or repr(step), run_id)
        body = catalog.body(workflow, name)
        if body is None:
            return _built_in(step, results[name], outputs.get(name, step.options.output))
        return body.read_result(renamed(results[name], outputs.get(name, body.output), body.output))

    return output_of


def plan_of(store: RunStore, state: RunState) -> Plan | None:
    """The definition that the run goes by, where it can be had."""
    try:
        return store.catalog.plan(state.definition, store.storage)
    except StorageError:
        return None


def _output_names(store: RunStore, state: RunState) -> Mapping[str, str | None]:
    """The steps' output names in the definition that the run goes by; none where that cannot be had."""
    plan = plan_of(store, state)
    return {} if plan is None else {name: step.definition.output for name, step in plan.steps.items()}


def park_reason(catalog: Catalog, state: RunState, head: HeadStatus | None, now: int) -> str | None:
    """Why no worker can advance the run, as the store or this process's own code tells."""
    if head is not None and head.park_reason is not None:
        return head.park_reason
    if state.workflow not in catalog.workflows or state.claimed():
        return None
    due = [r for r in state.open.values() if r.visible_at <= now and r.key not in state.joins]
    lacking = (wants_code(runnable) and catalog.body_of(state.workflow, runnable) is None for runnable in due)
    return "step_unavailable" if due and all(lacking) else None


def _built_in(step: Step[..., Any], result: Mapping[str, Json], output: str | None) -> Any:
    """The decision at an approval; the other steps without a body give nothing."""
    if step.kind != "approval":
        return None
    return decode(dict(result) if output is None else result[output])
