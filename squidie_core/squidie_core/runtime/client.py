"""What everything that an application asks of its runs is made of: the store, the queue, who is to be woken."""

from __future__ import annotations

from copy import copy
from typing import TypeVar

from squidie_core.inspection import Snapshot
from squidie_core.inspection.snapshot import snapshot
from squidie_core.runtime import options
from squidie_core.runtime.berths import Hosts
from squidie_core.runtime.inspecting import output_reader, park_reason
from squidie_core.runtime.store import RunStore
from squidie_core.runtime.wakeups import Wakeups
from squidie_core.state import RunState

RunRef = str | Snapshot
"""A run's id, or any snapshot of it."""


C = TypeVar("C", bound="Client")


class Client:
    """The base of the facade's parts."""

    store: RunStore
    queue: str
    hosts: Hosts
    wakeups: Wakeups
    occurred_at: int | None = None
    """When that was asked for which this object is told, in milliseconds, where that is not now."""

    def _snapshot(self, state: RunState, now: int) -> Snapshot:
        return snapshot_of(self.store, state, now)


def snapshot_of(store: RunStore, state: RunState, now: int) -> Snapshot:
    """What callers see of a run in this state."""
    parked = park_reason(store.catalog, state, None, now)
    return snapshot(state, now, output_reader(store, state), parked=parked)


def told(client: C, *, occurred_at: int) -> C:
    """The same object, for a command whose receipt says so."""
    found = copy(client)
    found.occurred_at = occurred_at
    return found


def id_of(run: RunRef) -> str:
    """The run's id. Raises OptionError for what is no id."""
    return run.id if isinstance(run, Snapshot) else options.run_id(run)
