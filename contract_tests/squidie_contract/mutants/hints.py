"""Notifiers that are broken."""

# what the methods should do is said by the port; what they do instead, by their mutant

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar

from squidie_contract.mutants.broken import Mutant
from squidie_contract.wire import Wire
from squidie_core.memory import MemoryNotifier, MemoryWorld
from squidie_core.ports import Notifier
from squidie_core.ports.notifier import Subscription


class BrokenNotifier(MemoryNotifier):
    """Hints in memory."""

    wire: Wire

    @property
    def world(self) -> MemoryWorld:
        """Where the listeners are."""
        return self._world


class NotifierMutant(Mutant):
    """A broken notifier."""

    Broken: ClassVar[type[BrokenNotifier]]

    def __init__(self) -> None:
        self._world = MemoryWorld()

    def notifier(self, wire: Wire) -> Notifier:
        made = self.Broken(world=self._world)
        made.wire = wire
        return made


class TellsEverybody(NotifierMutant):
    """Every listener hears every hint, whichever its queue."""

    breaks = "N1"

    class Broken(BrokenNotifier):
        def notify(self, queues: Mapping[str, int]) -> None:
            super().notify({listener.queue: max(queues.values(), default=0) for listener in self.world.listeners})


class CallsThemItself(NotifierMutant):
    """Whoever notifies runs the listeners."""

    breaks = "N2"

    class Broken(BrokenNotifier):
        def notify(self, queues: Mapping[str, int]) -> None:
            for listener in list(self.world.listeners):
                if listener.queue in queues:
                    listener.wake(queues[listener.queue])


class DiesWithAListener(NotifierMutant):
    """After a listener has raised nobody hears anything."""

    breaks = "N3"

    class Broken(BrokenNotifier):
        def listen(self, queue: str, wake: Callable[[int], None]) -> Subscription:
            def fatal(count: int) -> None:
                if self.__dict__.get("dead"):
                    return
                try:
                    wake(count)
                except Exception:
                    self.__dict__["dead"] = True
                    raise

            return super().listen(queue, fatal)


class NeverLeaves(NotifierMutant):
    """Closing a subscription does nothing."""

    breaks = "N4"

    class Broken(BrokenNotifier):
        def listen(self, queue: str, wake: Callable[[int], None]) -> Subscription:
            super().listen(queue, wake)
            return _NotClosed()


class _NotClosed:
    def close(self) -> None:
        pass


class HintsWhenClosed(NotifierMutant):
    """It goes on after it was closed."""

    breaks = "N5"

    class Broken(BrokenNotifier):
        def close(self) -> None:
            pass


class RaisesWhenCutOff(NotifierMutant):
    """Whoever notifies hears of the broken connection."""

    breaks = "N6"

    class Broken(BrokenNotifier):
        def notify(self, queues: Mapping[str, int]) -> None:
            with self.wire("notify"):
                super().notify(queues)
