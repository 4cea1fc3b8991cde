"""The notifier port: hints that work is due. They may be lost, doubled or late: polling alone makes progress.

The ids in parentheses are the clauses of the adapters' contract, `docs/contract.md`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol, runtime_checkable


@runtime_checkable
class Subscription(Protocol):
    """A listener that can be ended."""

    def close(self) -> None:
        """End it; the callback is not called after this returns, except where it is already running (N4)."""
        ...


@runtime_checkable
class TransactionalNotifier(Protocol):
    """What a notifier may have beside: hints that go out with the host's own commit."""

    def notify_within(self, handle: object, queues: Mapping[str, int]) -> None:
        """Tell listeners once the host's transaction on the handle commits, and never where it does not.

        Does nothing where the handle is of another kind. Raises TransactionAborted where the transaction cannot go on.
        """
        ...


@runtime_checkable
class Notifier(Protocol):
    """Carries wake-ups from those who commit work to those who wait for it; called from any thread."""

    @property
    def working(self) -> bool:
        """Whether hints are known to arrive here, because some lately did; costs nothing to ask.

        As long as they are, workers that listen look for themselves less often. It is False until something has
        arrived, and again when a connection is lost or a hint to oneself goes astray.
        """
        ...

    def notify(self, queues: Mapping[str, int]) -> None:
        """Tell listeners that so many runs of each queue are due. Never raises and never waits for listeners (N2).

        Called after the commit, never within it. Listeners in every client of the same server and namespace hear it,
        and those of no other queue (N1). While the server cannot be reached it does nothing (N6).
        """
        ...

    def listen(self, queue: str, wake: Callable[[int], None]) -> Subscription:
        """Call `wake(count)` from a thread of the notifier's whenever a hint for the queue arrives.

        `wake` returns at once and does not raise; if one does, the others still hear (N3). A notifier that loses its
        connection reconnects by itself and calls `wake(1)` when it is back, since it cannot know what it missed (N6).
        """
        ...

    def close(self) -> None:
        """End all subscriptions and give back connections. Listening after this raises Unavailable (N5)."""
        ...
