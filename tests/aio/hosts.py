"""Both kinds of workers at work, seen from a thread that is neither's."""

from __future__ import annotations

import asyncio
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Self

from squidie_core import AsyncSquidie, AsyncWorker, Squidie, Worker, Workflow
from squidie_core.ports.storage import Storage
from squidie_core.runtime.worker import WorkLoop
from tests.aio.flows import Brief, Mixed, Play, PlayTwice, Scene, Speech
from tests.runtime.waiting import PATIENCE

WORKFLOWS: tuple[type[Workflow], ...] = (Brief, Mixed, Play, PlayTwice, Speech)


class Host(ABC):
    """A process that lends a worker a thread or its loop; a context manager."""

    squidie: Squidie
    worker: WorkLoop

    def __init__(self, storage: str | Storage, scene: Scene, **options: Any) -> None:
        self.options: dict[str, Any] = {"grace": PATIENCE, "async_concurrency": 4, **options}
        self.opening: dict[str, Any] = {"workflows": WORKFLOWS, "resources": {Scene: scene}}
        self.storage = storage
        self.thread = threading.Thread(target=self.work, daemon=True)

    @abstractmethod
    def work(self) -> None:
        """Until the worker stops."""

    def stop(self) -> None:
        """Stop the worker, and wait for that."""
        self.worker.stop()
        self.join()

    def join(self) -> None:
        """Wait until the host has ended."""
        self.thread.join(PATIENCE)
        assert not self.thread.is_alive(), "the worker did not stop"

    def __enter__(self) -> Self:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class ThreadHost(Host):
    """One with a thread for a Worker."""

    def __init__(self, storage: str | Storage, scene: Scene, **options: Any) -> None:
        super().__init__(storage, scene, **options)
        self.squidie = Squidie(storage, **self.opening)
        self._mine = Worker(self.squidie, **self.options)
        self.worker = self._mine

    def work(self) -> None:
        self._mine.run()


class LoopHost(Host):
    """One with a loop for an AsyncWorker."""

    def __init__(self, storage: str | Storage, scene: Scene, **options: Any) -> None:
        super().__init__(storage, scene, **options)
        self.twin = AsyncSquidie(storage, **self.opening)
        self.squidie = self.twin.sync
        self._mine = AsyncWorker(self.twin, **self.options)
        self.worker = self._mine
        self.loop: asyncio.AbstractEventLoop | None = None
        self.task: asyncio.Task[None] | None = None
        self.was_cancelled = False

    def work(self) -> None:
        asyncio.run(self.live())

    async def live(self) -> None:
        """The host's main."""
        self.loop = asyncio.get_running_loop()
        self.task = asyncio.create_task(self._mine.run())
        try:
            await self.task
        except asyncio.CancelledError:
            self.was_cancelled = True

    def cancel(self) -> None:
        """Cancel the task that runs the worker, and let it hear of it."""

        async def cancel() -> None:
            assert self.task is not None
            self.task.cancel()
            for _ in range(3):
                await asyncio.sleep(0)

        assert self.loop is not None
        asyncio.run_coroutine_threadsafe(cancel(), self.loop).result(PATIENCE)


Make = Callable[..., Host]


async def soon(look: Callable[[], object]) -> None:
    """Let the loop go on until that is true."""
    async with asyncio.timeout(PATIENCE):
        while not look():  # noqa: ASYNC110  # what is looked at happens in threads too
            await asyncio.sleep(0.002)
