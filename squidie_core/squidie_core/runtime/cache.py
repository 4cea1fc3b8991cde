"""States of runs that were worked on lately, so that the next look at them need not fold their threads again."""

from __future__ import annotations

from collections import OrderedDict

from squidie_core.state import RunState

_ENTRY_BYTES = 600
"""Roughly what one folded entry holds in memory."""


class StateCache:
    """The least recently used states go first. Owned by one thread; what is taken out belongs to the taker."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._states: OrderedDict[str, RunState] = OrderedDict()

    def put(self, state: RunState) -> None:
        """Keep a committed state."""
        self.take(state.run_id)
        self._states[state.run_id] = state
        self._bytes += state.rev * _ENTRY_BYTES
        while self._bytes > self._max_bytes:
            _, oldest = self._states.popitem(last=False)
            self._bytes -= oldest.rev * _ENTRY_BYTES

    def take(self, run_id: str) -> RunState | None:
        """The state, if it is here, at whatever head; it is no longer here afterwards."""
        state = self._states.pop(run_id, None)
        if state is not None:
            self._bytes -= state.rev * _ENTRY_BYTES
        return state
