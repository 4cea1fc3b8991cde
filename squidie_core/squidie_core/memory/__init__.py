"""The adapters that need nothing: storage, leases and a notifier in this process's memory."""

from squidie_core.memory.leases import MemoryLeases
from squidie_core.memory.notifier import MemoryNotifier
from squidie_core.memory.opening import open_leases, open_notifier, open_storage
from squidie_core.memory.storage import MemoryStorage
from squidie_core.memory.world import MemoryWorld

__all__ = [
    "MemoryLeases",
    "MemoryNotifier",
    "MemoryStorage",
    "MemoryWorld",
    "open_leases",
    "open_notifier",
    "open_storage",
]
