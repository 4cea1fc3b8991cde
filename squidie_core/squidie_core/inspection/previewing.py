"""What dynamic work would add to a run."""

from __future__ import annotations

from dataclasses import replace

from squidie_core.dataclass import dataclass
from squidie_core.definition.plan import Plan
from squidie_core.inspection.dynamic import DynamicWorkView
from squidie_core.inspection.graph import RunGraph
from squidie_core.inspection.graphing import run_graph
from squidie_core.journal.entries import DynamicWorkRecorded, Json
from squidie_core.state import RunState, fold


@dataclass(frozen=True, slots=True, kw_only=True)
class DynamicWorkPreview:
    """What adding the work to the run would change: nothing where it is recorded already."""

    run_id: str
    duplicate: bool
    origin_node_id: str
    added_node_ids: tuple[str, ...]
    added_edge_ids: tuple[str, ...]
    warnings: tuple[str, ...]
    """`duplicate_dynamic_work`."""
    dynamic_work: DynamicWorkView
    graph: RunGraph
    """The run with the work in it."""

    @property
    def recordable(self) -> bool:
        """Whether recording it would add a fact."""
        return not self.duplicate

    def to_dict(self) -> dict[str, Json]:
        """The same as plain JSON."""
        return {
            "run_id": self.run_id,
            "duplicate": self.duplicate,
            "recordable": self.recordable,
            "origin_node_id": self.origin_node_id,
            "added_node_ids": list(self.added_node_ids),
            "added_edge_ids": list(self.added_edge_ids),
            "warnings": list(self.warnings),
            "dynamic_work": self.dynamic_work.to_dict(),
            "graph": self.graph.to_dict(),
        }


def preview(state: RunState, plan: Plan, work: DynamicWorkRecorded, now: int, *, duplicate: bool) -> DynamicWorkPreview:
    """The preview of work that was checked. The state is used up: the work is folded into it."""
    rev = state.rev
    if not duplicate:
        fold(state, (work,))
    graph = replace(run_graph(state, plan, now), rev=rev)
    (view,) = [each for each in graph.dynamic_work if each.key == work.dynamic_key]
    return DynamicWorkPreview(
        run_id=state.run_id,
        duplicate=duplicate,
        origin_node_id=view.origin_node_id,
        added_node_ids=() if duplicate else view.node_ids,
        added_edge_ids=() if duplicate else view.edge_ids,
        warnings=("duplicate_dynamic_work",) if duplicate else (),
        dynamic_work=view,
        graph=graph,
    )
