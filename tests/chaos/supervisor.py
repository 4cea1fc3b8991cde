"""A host's supervisor: it forks processes, and forks another for each that dies. `python -m tests.chaos.supervisor`.

It is told by lines: `hire ROLE [ARGUMENT...]`; `kill NUMBER` for `kill -9` to the process in that place, counted from 0
in the order of hiring; `freeze NUMBER SECONDS` to let it do nothing for so long. When its input ends it asks all to
end, and ends when they have. One that ends by itself has done its work; every end is told to the side log.
"""

from __future__ import annotations

import contextlib
import math
import os
import select
import signal
import sys
import threading
import time
import traceback
from dataclasses import dataclass
from pathlib import Path

from squidie_core.plugins import installed_plugins
from tests.chaos.roles import ROLES
from tests.chaos.sidelog import SideLog

_INPUT = 0


@dataclass(slots=True)
class Place:
    """A process, and what it was hired for."""

    role: str
    arguments: tuple[str, ...]
    pid: int = 0
    ended: int = -1
    """What reads as ended once the process has."""
    frozen_until: float = math.inf
    """Monotonic seconds."""

    @property
    def is_empty(self) -> bool:
        """Whether the work is done."""
        return self.pid == 0


class Supervisor:
    """One thread, so that it may fork."""

    def __init__(self, url: str, log: Path) -> None:
        self._url = url
        self._log_path = log
        self._log = SideLog(log)
        self._places: list[Place] = []
        self._begun = ""
        self._closing = False
        self._alive, self._keep_alive = os.pipe()

    def serve(self) -> None:
        """Until the input ends and everybody has."""
        while not (self._closing and all(place.is_empty for place in self._places)):
            watched = [place.ended for place in self._places if not place.is_empty]
            thaw_at = min((place.frozen_until for place in self._places), default=math.inf)
            timeout = None if thaw_at == math.inf else max(0.0, thaw_at - time.monotonic())
            readable, _, _ = select.select(watched if self._closing else [_INPUT, *watched], [], [], timeout)
            for place in [place for place in self._places if place.frozen_until <= time.monotonic()]:
                self._thaw(place)
            for place in [place for place in self._places if place.ended in readable]:
                self._bury(place)
            if _INPUT in readable:
                self._hear(os.read(_INPUT, 65536).decode())

    def _hear(self, text: str) -> None:
        """Obey each line, as soon as it is whole; `select` would not see lines that a file object keeps."""
        if not text:
            self._close()
        *lines, self._begun = (self._begun + text).split("\n")
        for line in lines:
            self._obey(line)

    def _obey(self, line: str) -> None:
        match line.split():
            case ["hire", role, *arguments]:
                place = Place(role, tuple(arguments))
                self._places.append(place)
                self._fork(place)
            case ["kill", number]:
                self._signal(self._places[int(number)], signal.SIGKILL)
            case ["freeze", number, seconds]:
                place = self._places[int(number)]
                self._signal(place, signal.SIGSTOP)
                place.frozen_until = time.monotonic() + float(seconds)
            case _:
                raise ValueError(line)

    def _thaw(self, place: Place) -> None:
        place.frozen_until = math.inf
        self._signal(place, signal.SIGCONT)

    def _close(self) -> None:
        self._closing = True
        for place in self._places:
            self._signal(place, signal.SIGTERM)

    def _signal(self, place: Place, number: signal.Signals) -> None:
        if not place.is_empty:
            os.kill(place.pid, number)  # nobody else has its number: it is not buried yet

    def _fork(self, place: Place) -> None:
        place.ended, held = os.pipe()
        place.pid = os.fork()
        if place.pid == 0:
            os.close(self._keep_alive)
            os._exit(self._work(place))
        os.close(held)

    def _work(self, place: Place) -> int:
        """In the new process; `held` stays open until it ends."""
        threading.Thread(target=self._end_with_the_supervisor, daemon=True).start()
        try:
            ROLES[place.role](self._url, self._log_path, *place.arguments)
        except BaseException:  # noqa: BLE001  # nothing of the supervisor's may be run here
            traceback.print_exc()
            return 1
        return 0

    def _end_with_the_supervisor(self) -> None:
        os.read(self._alive, 1)  # nothing ever comes: it returns when the other end closes
        os._exit(0)

    def _bury(self, place: Place) -> None:
        os.close(place.ended)
        place.ended = -1
        _, status = os.waitpid(place.pid, 0)
        code = os.waitstatus_to_exitcode(status)
        place.pid = 0
        self._log.tell("end", role=place.role, code=code)
        if code != 0 and not self._closing:
            self._fork(place)


if __name__ == "__main__":
    installed_plugins()  # so that the others need not import them
    with contextlib.suppress(KeyboardInterrupt):
        Supervisor(sys.argv[1], Path(sys.argv[2])).serve()
