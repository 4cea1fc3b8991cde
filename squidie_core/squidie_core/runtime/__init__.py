"""The shell: everything that has a clock, threads and a store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from squidie_core.runtime.facade import Squidie
from squidie_core.runtime.worker import Worker

if TYPE_CHECKING:
    from squidie_core.runtime.aio import AsyncSquidie, AsyncWorker

__all__ = ["AsyncSquidie", "AsyncWorker", "Squidie", "Worker"]

if not TYPE_CHECKING:  # checkers would take it for a promise of every name

    def __getattr__(name: str) -> object:
        """The twins are imported when they are first asked for: asyncio takes a while to import."""
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from squidie_core.runtime import aio  # noqa: PLC0415

        return getattr(aio, name)
