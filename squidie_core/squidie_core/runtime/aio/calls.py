"""How a method that waits for the store becomes one that is awaited."""

from __future__ import annotations

import asyncio
import contextvars
import functools
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Concatenate, ParamSpec, TypeVar

from squidie_core.runtime.facade import Squidie

P = ParamSpec("P")
R = TypeVar("R")

CALLS = 8
"""How many calls to the store go on at once; more would only wait for the adapters' connections."""
TURNS = 64
"""How many of `execute_next`: these threads run plain bodies too."""


class Threads:
    """Where the methods of one Squidie are called: in threads of its own, which never wait for those of the host."""

    def __init__(self) -> None:
        self._calls = ThreadPoolExecutor(CALLS, thread_name_prefix="squidie-call")
        self._turns = ThreadPoolExecutor(TURNS, thread_name_prefix="squidie-turn")

    async def call(self, function: Callable[[], R]) -> R:
        """What the function gives. Where the awaiting task is cancelled, a call that has begun goes on to its end."""
        return await asyncio.wrap_future(_in_context(self._calls, function))

    def turn(self, function: Callable[[], R]) -> Future[R]:
        """Call what may run a body."""
        return _in_context(self._turns, function)

    async def close(self, last: Callable[[], None]) -> None:
        """Wait until what was begun is over, then call this; nothing can be called after."""

        def end() -> None:
            self._turns.shutdown()
            self._calls.shutdown()
            last()

        closer = ThreadPoolExecutor(1, thread_name_prefix="squidie-close")
        try:
            await asyncio.wrap_future(closer.submit(end))
        finally:
            closer.shutdown(wait=False)


class Twin:
    """A Squidie, and the threads in which its methods are called."""

    def __init__(self, sync: Squidie) -> None:
        self.sync = sync
        """The Squidie beneath, for threads: everything that it does is seen here, and the other way round."""
        self.threads = Threads()


def awaited(method: Callable[Concatenate[Any, P], R]) -> Callable[Concatenate[Twin, P], Coroutine[Any, Any, R]]:
    """The twin of a method of Squidie: same parameters, same documentation, to be awaited."""

    @functools.wraps(method)
    async def call(self: Twin, /, *args: P.args, **kwargs: P.kwargs) -> R:
        return await self.threads.call(functools.partial(method, self.sync, *args, **kwargs))

    return call


def _in_context(pool: ThreadPoolExecutor, function: Callable[[], R]) -> Future[R]:
    """Call it in a thread of the pool, with the context variables of who asks."""
    return pool.submit(contextvars.copy_context().run, function)
