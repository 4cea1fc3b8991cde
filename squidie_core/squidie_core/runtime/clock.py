"""The store's time, without asking the store each time."""

from __future__ import annotations

import logging
import time

from squidie_core.ports.storage import Storage

_log = logging.getLogger("squidie.clock")
_SMOOTHING = 0.2
_NOTABLE_SKEW = 2_000


class StoreClock:
    """Milliseconds since the epoch by the store's clock: this machine's monotonic time plus a smoothed offset.

    It lags behind the store's own by up to the time of an answer's way and is not ahead of it, so that what is written
    as due now is due for the store too.

    Safe to use from any thread: the offset is one number.
    """

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._local = storage.capabilities.local_clock
        self._offset: float | None = None

    def now(self) -> int:
        """The store's time. The first call on a remote store costs a round trip."""
        if self._local:
            return self._storage.clock()
        if self._offset is None:
            self.observe(self._storage.clock())
        return int(time.monotonic() * 1000 + (self._offset or 0.0))

    def observe(self, store_now: int) -> None:
        """Learn from an answer that has just come and carried the store's time."""
        if self._local:
            return
        offset = store_now - time.monotonic() * 1000
        if self._offset is None:
            self._offset = offset
            skew = round(time.time() * 1000) - store_now
            if abs(skew) > _NOTABLE_SKEW:
                _log.warning("this machine's clock is %d ms off the store's; the store's rules", skew)
        elif offset > self._offset:
            self._offset = offset  # this answer was on its way for a shorter time
        else:
            self._offset += _SMOOTHING * (offset - self._offset)
