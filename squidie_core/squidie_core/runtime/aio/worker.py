"""AsyncWorker: the worker for hosts that live in an event loop."""

from __future__ import annotations

import asyncio
import threading

from squidie_core.authoring import Duration
from squidie_core.runtime.aio.facade import AsyncSquidie
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
        loop = asyncio.get_running_loop()
        over: asyncio.Future[None] = loop.create_future()
        host = asyncio.current_task()
        if self._coroutines is not None and host is not None:
            self._coroutines.lend(host, self.stop)
        threading.Thread(target=self._work_for, args=(loop, over), name="squidie-worker", daemon=True).start()
        with on_termination(self.stop, install=install_signal_handlers):
            try:
                await self._end_of(over)
            finally:
                self.stop()  # also where the host drops this coroutine and never comes back to it

    def _work_for(self, loop: asyncio.AbstractEventLoop, over: asyncio.Future[None]) -> None:
        error: BaseException | None = None
        try:
            self._serve()
        except BaseException as raised:  # noqa: BLE001  # it is the awaiting task's
            error = raised
        try:
            loop.call_soon_threadsafe(_settle, over, error)
        except RuntimeError:
            return  # the host has closed its loop and waits for nothing

    async def _end_of(self, over: asyncio.Future[None]) -> None:
        cancelled = False
        while not over.done():
            try:
                await asyncio.wait([over])
            except asyncio.CancelledError:
                if cancelled:
                    self._hurry()
                cancelled = True
                self.stop()
        over.result()
        if cancelled:
            raise asyncio.CancelledError


def _settle(over: asyncio.Future[None], error: BaseException | None) -> None:
    if error is None:
        over.set_result(None)
    else:
        over.set_exception(error)
