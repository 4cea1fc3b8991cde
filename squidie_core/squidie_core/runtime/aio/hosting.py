"""A loop of ours in a thread, on behalf of a task of the host's."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable


async def thread_of(
    work: Callable[[], None], name: str, *, stop: Callable[[], None], hurry: Callable[[], None] | None = None
) -> None:
    """Do the work in a daemon thread of its own, and wait for its end; what it raises is raised here.

    Where the awaiting task is cancelled the work is told to `stop`, and CancelledError is raised when it is over; each
    further cancellation is a reason to `hurry`. It is told to stop, too, where the host drops this coroutine.
    """
    loop = asyncio.get_running_loop()
    over: asyncio.Future[None] = loop.create_future()

    def do() -> None:
        error: BaseException | None = None
        try:
            work()
        except BaseException as raised:  # noqa: BLE001  # it is the awaiting task's
            error = raised
        try:
            loop.call_soon_threadsafe(_settle, over, error)
        except RuntimeError:
            return  # the host has closed its loop and waits for nothing

    threading.Thread(target=do, name=name, daemon=True).start()
    try:
        await _end_of(over, stop, hurry)
    finally:
        stop()


async def _end_of(over: asyncio.Future[None], stop: Callable[[], None], hurry: Callable[[], None] | None) -> None:
    cancelled = False
    while not over.done():
        try:
            await asyncio.wait([over])
        except asyncio.CancelledError:
            if cancelled and hurry is not None:
                hurry()
            cancelled = True
            stop()
    over.result()
    if cancelled:
        raise asyncio.CancelledError


def _settle(over: asyncio.Future[None], error: BaseException | None) -> None:
    if error is None:
        over.set_result(None)
    else:
        over.set_exception(error)
