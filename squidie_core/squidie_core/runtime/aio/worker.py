"""AsyncWorker: the worker for hosts that live in an event loop."""

from __future__ import annotations

import asyncio

from squidie_core.authoring import Duration
from squidie_core.runtime.aio.facade import AsyncSquidie
from squidie_core.runtime.aio.hosting import thread_of
from squidie_core.runtime.signals import on_termination
from squidie_core.runtime.worker import WorkLoop


class AsyncWorker(WorkLoop):
    """Takes due attempts, runs their bodies, and writes what follows, until it is stopped.

    As Worker, but coroutine bodies run in the loop that awaits `run`, where the host's own clients and pools live.
    Everything else goes on in threads, so that a body that blocks the loop blocks the host, but no heartbeat.

    `run` may be called once; `stop` from any thread.
    """

    def __init__(
        self,
        squidie: AsyncSquidie,
        *,
        concurrency: int = 32,
        async_concurrency: int = 256,
        queue: str | None = None,
        owner_id: str | None = None,
        lease_for: Duration = 30,
        grace: Duration = 20,
    ) -> None:
        super().__init__(
            squidie.sync,
            concurrency=concurrency,
            async_concurrency=async_concurrency,
            queue=queue,
            owner_id=owner_id,
            lease_for=lease_for,
            grace=grace,
        )

    async def run(self, *, install_signal_handlers: bool = False) -> None:
        """Work until stopped. The signals are the host's, unless handlers are asked for, as by `Worker.run`.

        Cancelling the task that awaits this is `stop`: bodies get their grace, and CancelledError is raised when they
        are over. Cancelling it once more ends the grace.
        """
        host = asyncio.current_task()
        if self._coroutines is not None and host is not None:
            self._coroutines.lend(host, self.stop)
        with on_termination(self.stop, install=install_signal_handlers):
            await thread_of(self._serve, "squidie-worker", stop=self.stop, hurry=self._hurry)
