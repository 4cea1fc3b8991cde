"""The shell: everything that has a clock, threads and a store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from squidie_core.lazily import lazily

if TYPE_CHECKING:
    from squidie_core.runtime.aio import AsyncSquidie, AsyncWorker
    from squidie_core.runtime.facade import Squidie
    from squidie_core.runtime.worker import Worker

__all__ = ["AsyncSquidie", "AsyncWorker", "Squidie", "Worker"]

if not TYPE_CHECKING:  # checkers would take it for a promise of every name
    __getattr__ = lazily(__name__, __all__, "facade", "worker", "aio")  # asyncio takes a while to import
