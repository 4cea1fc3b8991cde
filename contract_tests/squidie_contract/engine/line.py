"""One client's wire: it can be held, cut, and die."""

from __future__ import annotations

import enum
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager

from squidie_contract.engine.tally import TALLY
from squidie_contract.wire import Cut, Died


class Fault(enum.Enum):
    """What happens at a round trip."""

    REQUEST_LOST = "the connection breaks before the request is sent"
    ANSWER_LOST = "the request takes effect, the connection breaks before the answer"
    DIES_BEFORE = "the client dies before the request is sent"
    DIES_AFTER = "the request takes effect, the client dies before the answer"


class Line:
    """A wire on which things happen: `faults` at round trips by their number, from 1. Safe to use from any thread.

    `hold` is called before each request. While `down` no request gets through.
    """

    def __init__(
        self,
        faults: Mapping[int, Fault] | None = None,
        *,
        hold: Callable[[str], None] | None = None,
        tell: Callable[[str], None] | None = None,
    ) -> None:
        self._faults = dict(faults or {})
        self._hold = hold
        self._tell: Callable[[str], None] = tell or _tell_nobody
        self.dead = False
        self.down = False
        self.trips = 0

    def fault_from(self, skip: int, fault: Fault, *, times: int = 1) -> None:
        """Let it happen so many times, after so many more round trips."""
        first = self.trips + 1 + skip
        self._faults |= dict.fromkeys(range(first, first + times), fault)

    def heal(self) -> None:
        """Let nothing happen any more."""
        self._faults.clear()
        self.down = False

    @contextmanager
    def __call__(self, request: str = "a request", /) -> Generator[None]:
        """Around one round trip."""
        if self._hold is not None and not self.dead:
            self._hold(request)
        if self.dead:
            raise Died("this client died before")
        self.trips += 1
        TALLY.trips += 1
        fault = Fault.REQUEST_LOST if self.down else self._faults.get(self.trips)
        if fault is not None:
            self._tell(f"{request}: {fault.value}")
        if fault is Fault.REQUEST_LOST:
            raise Cut("the connection was lost")
        if fault is Fault.DIES_BEFORE:
            self.dead = True
            raise Died(fault.value)
        yield
        if fault is Fault.ANSWER_LOST:
            raise Cut("the connection was lost")
        if fault is Fault.DIES_AFTER:
            self.dead = True
            raise Died(fault.value)


def _tell_nobody(_: str) -> None:
    pass
