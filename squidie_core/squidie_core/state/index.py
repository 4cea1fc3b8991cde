"""The index row of a run, derived from its state."""

from __future__ import annotations

from squidie_core.journal.commit import IndexRow
from squidie_core.state.run import RunState

MAX_NEEDS = 8


def index_row(state: RunState, max_skew: int = 0) -> IndexRow:
    """What a store keeps beside the entries so that workers, whose clocks may be so far apart, find the run."""
    return IndexRow(
        workflow=state.workflow,
        queue=state.queue,
        priority=state.priority,
        status=state.status,
        started_at=state.started_at,
        wake_at=state.wake_at(max_skew),
        needs=_needs(state),
        ended_at=state.ended_at,
        version=state.version,
        tags=state.tags,
        start_digest=state.start_digest,
    )


def _needs(state: RunState) -> tuple[str, ...]:
    """The steps that wait for a worker; steps without a body, and too many of them, need only the workflow."""
    if state.terminal or state.gate is not None:
        return ()
    everything = f"{state.workflow}:*"
    needs: dict[str, None] = {}
    for runnable in state.open.values():
        need = f"{state.workflow}:{runnable.step}" if runnable.kind == "run" else everything
        needs[need] = None
        if len(needs) > MAX_NEEDS:
            return (everything,)
    return (everything,) if everything in needs else tuple(sorted(needs))
