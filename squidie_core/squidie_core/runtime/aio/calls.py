"""How a method that waits for the store becomes one that is awaited."""

from __future__ import annotations

import asyncio
import contextvars
import functools
from collections.abc import Callable, Coroutine, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any, Concatenate, ParamSpec, TypeVar

from squidie_core.errors import Unavailable
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
        self._going: set[asyncio.Future[None]] = set()
        self._closed = False

    async def call(self, function: Callable[[], R]) -> R:
        """What the function gives. Where the awaiting task is cancelled, a call that has begun goes on to its end."""
        return await asyncio.wrap_future(self._in_context(self._calls, function))

    def turn(self, function: Callable[[], R]) -> Future[R]:
        """Call what may run a body."""
        return self._in_context(self._turns, function)

    @contextmanager
    def going(self) -> Generator[None]:
        """What runs a body in the loop: `close` leaves these threads to it until the block ends."""
        over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._going.add(over)
        try:
            yield
        finally:
            self._going.discard(over)
            with suppress(RuntimeError):  # the loop is closed, and nobody waits
                over.cancel()

    async def close(self, last: Callable[[], None]) -> None:
        """Wait until what was begun is over, in the loop that runs and in all threads, then call this.

        Nothing can be called after.
        """
        loop = asyncio.get_running_loop()
        while going := [over for over in tuple(self._going) if over.get_loop() is loop]:
            await asyncio.wait(going)

        def end() -> None:
            self._closed = True
            self._turns.shutdown()
            self._calls.shutdown()
            last()

        closer = ThreadPoolExecutor(1, thread_name_prefix="squidie-close")
        try:
            await asyncio.wrap_future(closer.submit(end))
        finally:
            closer.shutdown(wait=False)

    def _in_context(self, pool: ThreadPoolExecutor, function: Callable[[], R]) -> Future[R]:
        """Call it in a thread of the pool, with the context variables of who asks."""
        try:
            return pool.submit(contextvars.copy_context().run, function)
        except RuntimeError:
            if self._closed:
                raise Unavailable("this AsyncSquidie is closed; make another one") from None
            raise


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
