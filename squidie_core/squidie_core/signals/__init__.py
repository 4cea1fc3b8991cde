"""Commands as values: what may be asked of runs, made here or elsewhere, and its envelope between systems."""

from squidie_core.signals.cloudevents import from_cloudevent, to_cloudevent
from squidie_core.signals.signal import Signal

__all__ = ["Signal", "from_cloudevent", "to_cloudevent"]
