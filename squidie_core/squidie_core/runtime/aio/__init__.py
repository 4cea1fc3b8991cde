"""The twins for hosts that live in an event loop."""

from squidie_core.runtime.aio.facade import AsyncSquidie
from squidie_core.runtime.aio.worker import AsyncWorker

__all__ = ["AsyncSquidie", "AsyncWorker"]
