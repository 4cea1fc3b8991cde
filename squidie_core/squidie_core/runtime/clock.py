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
            sent = time.monotonic()
            self.observe(self._storage.clock(), sent)
        return round(time.monotonic() * 1000 + (self._offset or 0.0))

    def observe(self, store_now: int, sent: float) -> None:
        """Learn from an answer that carried the store's time, to a request sent at `sent` (monotonic seconds)."""
        if self._local:
            return
        offset = store_now - (sent + time.monotonic()) / 2 * 1000
        if self._offset is None:
            self._offset = offset
            skew = round(time.time() * 1000) - store_now
            if abs(skew) > _NOTABLE_SKEW:
                _log.warning("this machine's clock is %d ms off the store's; the store's rules", skew)
        else:
            self._offset += _SMOOTHING * (offset - self._offset)
