"""The signals that ask a process to end."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def on_termination(stop: Callable[[], None], *, install: bool) -> Generator[None]:
    """Call `stop` on SIGTERM and SIGINT while the block runs; in the main thread only, and only if `install`.

    `stop` may interrupt itself: so nothing with a lock.
    """
    if not install or threading.current_thread() is not threading.main_thread():
        yield
        return

    def handle(number: int, frame: FrameType | None) -> None:  # noqa: ARG001  # the signature of handlers
        stop()

    previous = {number: signal.signal(number, handle) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
