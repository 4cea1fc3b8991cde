"""What an application may know about its runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from squidie_core.authoring import Workflow, compiled
from squidie_core.inspection.snapshot import Snapshot, snapshot
from squidie_core.ports.storage import RunQuery
from squidie_core.runtime import options
from squidie_core.runtime.client import Client, RunRef, id_of
from squidie_core.runtime.inspecting import history_of, output_reader, park_reason, plan_of

if TYPE_CHECKING:
    from squidie_core.authoring.dynamic import DynamicWork
    from squidie_core.inspection.graph import RunGraph
    from squidie_core.inspection.listing import RunList
    from squidie_core.inspection.metrics import Metrics
    from squidie_core.inspection.previewing import DynamicWorkPreview


class Views(Client):
    """The read models. They change nothing. Safe to use from any thread."""

    def inspect_run(self, run: RunRef, /, *, include_history: bool = False) -> Snapshot:
        """The run as it is now; `include_history` adds every entry of its journal. Raises NotFoundError, Corrupt."""
        run_id = id_of(run)
        state = self.store.state(run_id)
        history = history_of(self.store.storage, run_id, state.head.rev) if include_history else None
        head = self.store.storage.heads([run_id]).get(run_id)
        now = self.store.clock.now()
        return snapshot(
            state,
            now,
            output_reader(self.store, state),
            parked=park_reason(self.store.catalog, state, head, now),
            quarantined=head.quarantine_reason if head is not None else None,
            history=history,
        )

    def inspect_run_graph(self, run: RunRef, /, *, include_history: bool = False) -> RunGraph:
        """The run as nodes and edges, as it is now: what was taken, what is left, what the run waits for.

        `include_history` adds inputs, outputs, errors and attempts to the nodes. Raises as `inspect_run` does.
        """
        from squidie_core.inspection.graphing import run_graph  # noqa: PLC0415  # workers draw nothing

        state = self.store.state(id_of(run))
        plan = plan_of(self.store, state)
        return run_graph(state, plan, self.store.clock.now(), include_history=include_history)

    def preview_dynamic_work(self, run: RunRef, work: DynamicWork | Mapping[str, Any], /) -> DynamicWorkPreview:
        """What recording the work would add to the run. Raises as `record_dynamic_work` does; writes nothing."""
        from squidie_core.decisions.dynamic import check_work  # noqa: PLC0415  # as above
        from squidie_core.inspection.previewing import preview  # noqa: PLC0415  # few applications need it
        from squidie_core.runtime.dynamic import read_work  # noqa: PLC0415  # as above

        read = read_work(work, "recorded", self.store.catalog.actions)
        draft = self.store.draft(self.store.state(id_of(run)))
        known = draft.state.dynamic_work.get(read.dynamic_key)
        duplicate = check_work(draft, read if known is None else replace(read, status=known.status))
        return preview(draft.state, draft.plan, replace(read, at=draft.at), draft.at, duplicate=duplicate)

    def list_runs(
        self,
        *,
        workflow: type[Workflow] | str | None = None,
        status: str | None = None,
        queue: str | None = None,
        tag: str | None = None,
        quarantined: bool | None = None,
        limit: int = 100,
        cursor: str | None = None,
    ) -> RunList:
        """A page of runs, newest start first, from the index alone. Raises OptionError for a filter that cannot be."""
        query = RunQuery(
            workflow=workflow if workflow is None or isinstance(workflow, str) else compiled(workflow).name,
            status=options.status(status),
            queue=None if queue is None else options.name("queue", queue),
            tag=None if tag is None else options.name("tag", tag),
            quarantined=quarantined,
            limit=options.integer("limit", limit, least=1, most=1000),
            cursor=options.optional_text("cursor", cursor),
        )
        from squidie_core.runtime.listing import run_list  # noqa: PLC0415  # workers list nothing

        return run_list(self.store.storage.find(query))

    def metrics(self) -> Metrics:
        """What this object, its workers and its callers have done in this process so far. Asks the store nothing."""
        return self.store.telemetry.read()
