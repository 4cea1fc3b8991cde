"""Requests: sent again where that helps, with full jitter, for a bounded time; several at once where that is wanted."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol, TypeVar

from squidie_core.adapters.scrubbing import Scrubber
from squidie_core.errors import Unavailable
from squidie_storage_dynamodb.failures import Declined, Retriable, meaning

_FIRST_PAUSE, _LONGEST_PAUSE = 0.025, 1.0

Given = TypeVar("Given")
Answer = TypeVar("Answer")


class Client(Protocol):
    """What is used of boto3's client for DynamoDB. Safe to use from many threads."""

    def close(self) -> None:
        """Give back the connections."""
        ...


class Calls:
    """Sends requests to DynamoDB. Safe to use from many threads."""

    def __init__(self, client: Client, scrub: Callable[[], Scrubber], *, retry_for: float, parallel: int) -> None:
        self.client = client
        self._scrub = scrub
        self.retry_for = retry_for
        self._parallel = parallel
        self._lock = threading.Lock()
        self._pool: ThreadPoolExecutor | None = None
        self._closed = False

    def read(self, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
        """The answer. What is not answered had no effect."""
        try:
            return self.write(operation, request)
        except Unavailable as error:
            raise Unavailable(error.message, details=error.details) from error.__cause__

    def write(self, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
        """The answer of a request that may be sent twice.

        Raises Declined where DynamoDB answered that nothing was done; Unavailable, whose `outcome` is `unknown` if any
        of the tries may have had an effect.
        """
        end = time.monotonic() + self.retry_for
        unknown = False
        tries = 0
        while True:
            try:
                return self._send(operation, request)
            except Declined as declined:
                declined.unknown = unknown
                raise
            except Retriable as failure:
                unknown = unknown or failure.unknown
                pause = backoff(tries)
                tries += 1
                if time.monotonic() + pause >= end:
                    raise Unavailable(str(failure), outcome="unknown" if unknown else "none") from failure.__cause__
                time.sleep(pause)

    def check_open(self) -> None:
        """Raise Unavailable once it is closed."""
        if self._closed:
            raise Unavailable("this storage is closed; open another one")

    def _send(self, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
        self.check_open()
        try:
            answer: dict[str, Any] = getattr(self.client, operation)(**request)
        except Exception as error:
            scrub = self._scrub()
            means = meaning(error, scrub)
            if means is error:
                raise
            raise means from scrub.cause(error)
        return answer

    def each(self, act: Callable[[Given], Answer], given: Iterable[Given]) -> list[Answer]:
        """What `act` gives for each, in order, several at once. `act` must not call this.

        All are done before the first error is raised.
        """
        items = list(given)
        if len(items) < 2:  # noqa: PLR2004 -- one needs no thread
            return [act(one) for one in items]
        futures = [self._threads().submit(act, one) for one in items]
        for future in futures:
            future.exception()
        return [future.result() for future in futures]

    def _threads(self) -> ThreadPoolExecutor:
        with self._lock:
            self.check_open()
            if self._pool is None:
                self._pool = ThreadPoolExecutor(self._parallel, thread_name_prefix="squidie-dynamodb")
            return self._pool

    def close(self) -> None:
        """Let what is on its way end, then give back the connections. May be repeated."""
        with self._lock:
            self._closed = True
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown()
        self.client.close()


def backoff(tries: int, *, first: float = _FIRST_PAUSE) -> float:
    """Seconds to wait before another try: full jitter."""
    longest = min(first * 2.0**tries, _LONGEST_PAUSE)
    return longest * random.random()  # noqa: S311 -- it only spreads the tries
