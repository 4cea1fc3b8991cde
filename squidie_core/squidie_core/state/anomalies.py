"""What an entry is that breaks a rule."""

from __future__ import annotations

from squidie_core.journal.entries import Entry
from squidie_core.state.run import Anomaly, RunState


def anomaly(state: RunState, entry: Entry, reason: str, key: str | None = None) -> None:
    """Note that the entry broke a rule; it changes nothing else."""
    state.anomalies.append(
        Anomaly(
            reason=reason,
            entry_type=entry.TYPE,
            rev=state.rev,
            runnable_key=key or getattr(entry, "runnable_key", None),
            claim_id=getattr(entry, "claim_id", None),
        )
    )
