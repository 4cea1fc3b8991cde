"""Notifiers that are as bad as the port allows."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from squidie_core.ports import Notifier
from squidie_core.ports.notifier import Subscription


class _Nothing:
    def close(self) -> None:
        """Nothing was begun."""


class Deaf:
    """Loses every hint."""

    working = False

    def notify(self, queues: Mapping[str, int]) -> None:
        """Lose them."""

    def listen(self, queue: str, wake: Callable[[int], None]) -> Subscription:  # noqa: ARG002  # as the port says
        """Hear nothing."""
        return _Nothing()

    def close(self) -> None:
        """Nothing was begun."""


class Stammering:
    """Says every hint three times, and one that nobody gave."""

    def __init__(self, notifier: Notifier) -> None:
        self._notifier = notifier

    @property
    def working(self) -> bool:
        """As the one behind it."""
        return self._notifier.working

    def notify(self, queues: Mapping[str, int]) -> None:
        """Say it again and again."""
        for _ in range(3):
            self._notifier.notify(queues)

    def listen(self, queue: str, wake: Callable[[int], None]) -> Subscription:
        """Hear more than there was."""

        def again(count: int) -> None:
            wake(count)
            wake(count)

        wake(1)
        return self._notifier.listen(queue, again)

    def close(self) -> None:
        """Close the one behind it."""
        self._notifier.close()
