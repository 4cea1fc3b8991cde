"""What an application does itself for its runs: one attempt, or all that is due."""

from __future__ import annotations

import time

from squidie_core.authoring import Duration
from squidie_core.inspection import Snapshot
from squidie_core.runtime import options
from squidie_core.runtime.client import Client, snapshot_of
from squidie_core.runtime.single import Turn, TurnOptions
from squidie_core.state import RunState


class Execution(Client):
    """For hosts that lend a moment rather than a worker. Safe to use from any thread."""

    def execute_next(
        self,
        *,
        owner_id: str | None = None,
        queue: str | None = None,
        lease_for: Duration = 30,
        heartbeat_every: Duration | None = None,
    ) -> Snapshot | None:
        """Take one attempt that is due, run its body in this thread, and write what follows.

        Returns the run's snapshot afterwards, or `None` where nothing was due. A body that may run longer than
        `lease_for` needs `heartbeat_every`, or another worker takes the attempt over. Raises StorageError; what a body
        raises is recorded and never raised here.
        """
        with Turn(self.store, turn_options(self, owner_id, queue, lease_for, heartbeat_every)) as turn:
            state = turn.execute()
        return None if state is None else advanced(self, state)

    def drain(
        self,
        *,
        limit: int = 200,
        time_limit: Duration = 50,
        owner_id: str | None = None,
        queue: str | None = None,
        lease_for: Duration = 30,
        heartbeat_every: Duration | None = None,
    ) -> int:
        """Call `execute_next` until nothing is due, `limit` attempts were made or `time_limit` has passed.

        Returns the number of attempts. An attempt that has begun is finished.
        """
        end = end_of_drain(limit, time_limit)
        for done in range(limit):
            if time.monotonic() >= end:
                return done
            found = self.execute_next(
                owner_id=owner_id, queue=queue, lease_for=lease_for, heartbeat_every=heartbeat_every
            )
            if found is None:
                return done
        return limit


def turn_options(
    client: Client, owner_id: str | None, queue: str | None, lease_for: Duration, heartbeat_every: Duration | None
) -> TurnOptions:
    """What `execute_next` was given, checked. Raises OptionError."""
    return TurnOptions(
        queue=client.queue if queue is None else options.name("queue", queue),
        owner_id=options.owner(owner_id),
        lease_for=options.milliseconds("lease_for", lease_for, least=100),
        heartbeat_every=None
        if heartbeat_every is None
        else options.milliseconds("heartbeat_every", heartbeat_every, least=50),
    )


def advanced(client: Client, state: RunState) -> Snapshot:
    """The run after its attempt; workers are told that it goes on."""
    if not state.terminal:
        client.wakeups.wake(state.queue)
    return snapshot_of(client.store, state, client.store.clock.now())


def end_of_drain(limit: int, time_limit: Duration) -> float:
    """When a drain that begins now begins no further attempt, in monotonic seconds. Raises OptionError."""
    options.integer("limit", limit, least=1, most=1_000_000)
    return time.monotonic() + options.milliseconds("time_limit", time_limit) / 1000
