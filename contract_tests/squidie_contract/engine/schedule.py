"""Several clients, one round trip at a time, in an order that is given: races that can be repeated and made smaller."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence

from squidie_contract.engine.line import Fault, Line
from squidie_contract.engine.tally import TALLY
from squidie_contract.wire import Died

PATIENCE = 0.05
"""Seconds after which a client that has not come to its next round trip is taken to wait for another's lock."""
GLANCE = 0.003
"""Seconds in which one that waits for a lock should come on, once it has the lock."""
STUCK = 30
"""Seconds after which nobody is expected to move again."""


class Schedule:
    """Clients park before every request; `choices` says, park by park, who proceeds.

    0 is whoever went last, 1 the next after it, and so on; where the choices have run out it is always 0. So the
    shortest and smallest choices are one client after the other, and each number above 0 is one change of hands.
    """

    def __init__(self, choices: Sequence[int], *, tell: Callable[[str], None] | None = None) -> None:
        self._choices = iter(choices)
        self._tell: Callable[[str], None] = tell or _tell_nobody
        self._moved = threading.Condition()
        self._parked: dict[str, str] = {}
        self._running: set[str] = set()
        self._blocked: set[str] = set()
        self._last = ""
        self._tick = 0
        self._over = False

    def tick(self) -> int:
        """A moment later than every one before."""
        with self._moved:
            self._tick += 1
            return self._tick

    def wire(self, client: str, faults: Mapping[int, Fault] | None = None) -> Line:
        """A wire for the client, which parks at every round trip while the programs run."""
        return Line(
            faults, hold=lambda request: self._park(client, request), tell=lambda text: self._tell(f"{client}: {text}")
        )

    def run(self, programs: Mapping[str, Callable[[], None]]) -> None:
        """Run each client's program in a thread of its own, until all have ended.

        A program may end with Died. Raises the first other error.
        """
        TALLY.interleavings += len(programs) > 1
        errors: list[BaseException] = []

        def ending(client: str, program: Callable[[], None]) -> None:
            try:
                self._park(client, "begins")
                program()
            except Died:
                pass
            except BaseException as error:  # noqa: BLE001  # told to whoever runs the programs
                errors.append(error)
            finally:
                with self._moved:
                    self._running.discard(client)
                    self._moved.notify_all()

        self._running = set(programs)
        threads = [
            threading.Thread(target=ending, args=item, name=f"contract-{item[0]}", daemon=True)
            for item in programs.items()
        ]
        for thread in threads:
            thread.start()
        try:
            while self._proceed():
                pass
        finally:
            with self._moved:
                self._over = True
                self._moved.notify_all()
            for thread in threads:
                thread.join(STUCK)
        if errors:
            raise errors[0]

    def _proceed(self) -> bool:
        """Let one client go on; whether there may be another."""
        with self._moved:
            self._settle()
            if not self._parked:
                return False
            client = self._pick(next(self._choices, 0))
            self._last = client
            self._running.add(client)
            self._tell(f"{client}: {self._parked.pop(client)}")
            self._moved.notify_all()
            return True

    def _pick(self, choice: int) -> str:
        waiting = sorted(self._parked)
        later = [client for client in waiting if client >= self._last]
        return [*later, *(client for client in waiting if client < self._last)][choice % len(waiting)]

    def _settle(self) -> None:
        """Return when every client is at its wire or has ended, but for those that wait for another's lock."""
        if not self._moved.wait_for(lambda: self._running <= self._blocked, PATIENCE):
            self._blocked |= self._running
        if self._running:
            self._moved.wait_for(lambda: not self._running, GLANCE)
        if not self._moved.wait_for(lambda: self._parked or not self._running, STUCK):
            waiting = ", ".join(sorted(self._running))
            raise AssertionError(f"no client is at its wire, and these do not come to it: {waiting}")

    def _park(self, client: str, request: str) -> None:
        with self._moved:
            if self._over or client not in self._running:
                return  # before the programs begin and after they have ended nobody waits
            self._running.discard(client)
            self._blocked.discard(client)
            self._parked[client] = request
            self._moved.notify_all()
            self._moved.wait_for(lambda: self._over or client not in self._parked)


def _tell_nobody(_: str) -> None:
    pass
