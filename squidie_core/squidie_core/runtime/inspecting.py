"""What a snapshot needs beside the state: the journal as plain JSON, and a reader of outputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from squidie_core.authoring import Step
from squidie_core.inspection.snapshot import OutputOf, no_output
from squidie_core.inspection.times import moment, text
from squidie_core.journal.codec import decode_entries, to_plain
from squidie_core.journal.entries import Json
from squidie_core.journal.values import decode
from squidie_core.ports.storage import Storage
from squidie_core.runtime.catalog import Catalog
from squidie_core.state import RunState


def history_of(storage: Storage, run_id: str, rev: int) -> Sequence[Mapping[str, Json]]:
    """Every entry up to the revision, each with its `rev` and its time as text."""
    return [
        {"rev": number, **to_plain(entry), "at": text(moment(entry.at))}
        for commit in storage.read(run_id)
        for number, entry in enumerate(decode_entries(commit.body), commit.rev)
        if number <= rev
    ]


def output_reader(catalog: Catalog, state: RunState) -> OutputOf:
    """What finds a step's output among the results of the run. It raises NotFoundError where there is none."""
    workflow, run_id = state.workflow, state.run_id

    def output_of(step: Step[..., Any], results: Mapping[str, Json]) -> Any:
        name = catalog.step_name(workflow, step)
        if name is None or name not in results:
            raise no_output(name or repr(step), run_id)
        body = catalog.body(workflow, name)
        return _built_in(step, results[name]) if body is None else body.read_result(results[name])

    return output_of


def _built_in(step: Step[..., Any], result: Mapping[str, Json]) -> Any:
    """The decision at an approval; the other steps without a body give nothing."""
    if step.kind != "approval":
        return None
    output = step.options.output
    return decode(dict(result) if output is None else result[output])
