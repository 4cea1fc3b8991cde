"""Pure commands on a run's state: what they add to the thread follows from the state, the plan and the given time."""

from squidie_core.decisions.claim import Claimant, advance, heartbeat, release
from squidie_core.decisions.control import ManualCommand, cancel, resolve_gate
from squidie_core.decisions.draft import Draft
from squidie_core.decisions.outcome import complete, defer, fail
from squidie_core.decisions.start import StartRequest, start
from squidie_core.decisions.timeout import timeout_error

__all__ = [
    "Claimant",
    "Draft",
    "ManualCommand",
    "StartRequest",
    "advance",
    "cancel",
    "complete",
    "defer",
    "fail",
    "heartbeat",
    "release",
    "resolve_gate",
    "start",
    "timeout_error",
]
