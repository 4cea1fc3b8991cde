"""The status of a node: of a step, a callback, or a node of dynamic work."""

from __future__ import annotations

from typing import Literal

from squidie_core.journal.identity import is_deferred_key
from squidie_core.state import RunnableState, RunState

NodeStatus = Literal[
    "recorded", "waiting", "pending", "running", "retrying", "deferred", "paused", "completed", "failed", "cancelled"
]


def status_of(state: RunState, newest: RunnableState, now: int) -> NodeStatus:
    """The status of the node whose newest attempt this is."""
    if newest.key in state.joins and not state.terminal:
        return "running"  # its body is through, its children are not
    if newest.status in ("failed", "applied", "completed"):
        return "completed" if newest.error is None else "failed"
    if state.terminal or newest.key not in state.open:
        return "cancelled"
    if newest.status == "paused":
        return "paused"
    if newest.status == "claimed":
        return "running"
    if is_deferred_key(newest.key) and newest.visible_at > now:
        return "deferred"
    return "retrying" if newest.attempt > 1 else "pending"
