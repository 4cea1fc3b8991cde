"""One attempt on behalf of a task: plain bodies run in a thread, coroutine bodies in the loop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from contextlib import suppress
from functools import partial

from squidie_core.decisions import timeout_error
from squidie_core.runtime.aio.calls import Threads
from squidie_core.runtime.attempts import Attempt, Failed, Flag, Outcome, Released
from squidie_core.runtime.coroutines import Host, run_coroutine
from squidie_core.runtime.single import Turn, TurnOptions
from squidie_core.runtime.store import RunStore
from squidie_core.state import RunState


async def take_turn(store: RunStore, options: TurnOptions, threads: Threads) -> RunState | None:
    """As `Turn.execute`, with the loop free meanwhile."""
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()
    host = None if task is None else Host(task)
    told = Flag()
    body: list[asyncio.Task[Outcome]] = []

    def cancel() -> None:
        told.set()
        for task in body:
            task.cancel()

    def on_lost(attempt: Attempt) -> None:  # noqa: ARG001  # there is only one
        with suppress(RuntimeError):  # the loop is closed, and the body with it
            loop.call_soon_threadsafe(cancel)

    with Turn(store, options, on_lost) as turn:
        attempt = await _taken(turn, threads)
        if attempt is None:
            return turn.advanced
        body.append(loop.create_task(run_coroutine(attempt, store.catalog.resources, told, host)))
        if told.is_set():
            cancel()
        outcome = await _in_time(attempt, _outcome(turn, body[0]), cancel)
        cancelled = host is not None and host.is_cancelled
        if cancelled and body[0].cancelling():
            outcome = Released()
        state = await asyncio.shield(asyncio.wrap_future(threads.turn(partial(turn.end, attempt, outcome))))
        if cancelled:
            raise asyncio.CancelledError
        return state


async def _taken(turn: Turn, threads: Threads) -> Attempt | None:
    """The attempt, if one with a coroutine body was claimed; any other has gone all its way in the thread."""

    def take() -> Attempt | None:
        attempt = turn.take()
        if attempt is None or attempt.is_async:
            return attempt
        turn.run(attempt)
        return None

    def give_back(taking: Future[Attempt | None]) -> None:
        attempt = None if taking.cancelled() or taking.exception() else taking.result()
        if attempt is not None:
            turn.end(attempt, Released())

    taking = threads.turn(take)
    try:
        return await asyncio.wrap_future(taking)
    except asyncio.CancelledError:
        taking.add_done_callback(give_back)
        raise


async def _in_time(attempt: Attempt, outcome: Awaitable[Outcome], cancel: Callable[[], None]) -> Outcome:
    """The outcome; once the attempt's time is over it is cancelled, and has failed for that."""
    if attempt.overdue_at is None:
        return await outcome
    late = Flag()

    def time_out() -> None:
        late.set()
        cancel()

    timer = asyncio.get_running_loop().call_later(attempt.overdue_at - time.monotonic(), time_out)
    try:
        found = await outcome
    finally:
        timer.cancel()
    return Failed(timeout_error(attempt.step)) if late.is_set() else found


async def _outcome(turn: Turn, body: asyncio.Task[Outcome]) -> Outcome:
    """What came of the body. Who awaits this and is cancelled, cancels the body and waits for its end."""
    try:
        return await body
    except asyncio.CancelledError:
        return Released()  # before its first step
    except BaseException:  # what ends the process
        turn.give_up()
        raise
