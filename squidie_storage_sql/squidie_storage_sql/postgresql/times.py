"""Times in PostgreSQL's statements, in milliseconds."""

from __future__ import annotations

BACKDATED = 500
"""By how many milliseconds at most a row's due time may lie before the moment at which it is written.

So nothing comes in far below the marks up to which `due` found everything done (`postgresql.marks`).
"""

VISIBLE_AFTER = 1_500
"""Milliseconds within which a written row is committed, but for a transaction that a host keeps open."""

NOW = "(extract(epoch from clock_timestamp()) * 1000)::int8"

EARLIEST = f"{NOW} - {BACKDATED}"


def due_at(wake_at: str, nudged_at: str, parked_until: str) -> str:
    """When a worker should look: at its time or when nudged, not while parked, never while quarantined."""
    return f"case when r.quarantine_reason is null then {due_at_once(wake_at, nudged_at, parked_until)} end"


def due_at_once(wake_at: str, nudged_at: str, parked_until: str) -> str:
    """The same for a run that is not quarantined, or not any more."""
    least = f"least({wake_at}, {nudged_at})"
    return f"case when {least} is not null then greatest({least}, {parked_until}, {EARLIEST}) end"


def written_at(wake_at: str) -> str:
    """The due time of a row that is written anew."""
    return f"case when {wake_at} is not null then greatest({wake_at}, {EARLIEST}) end"
