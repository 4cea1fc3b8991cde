"""Worker processes that are killed while they work.

Run as a program, this file is one of them: `python -m squidie_contract.engine.crew URL BOOK`.
"""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from squidie_contract.engine.flows import ALL, Book, LedgerOf
from squidie_core import Squidie, Worker

SIZE = 2
LEASE = 0.5


class Crew:
    """Two processes at a time that execute what is due at a URL; when the block ends, so have they."""

    def __init__(self, url: str, book: Book, patience: int) -> None:
        self._patience = patience / 1000
        self._command = [sys.executable, "-m", __name__, url, str(book.path)]
        self._processes: list[subprocess.Popen[bytes]] = []

    def work_until(self, condition: Callable[[], bool]) -> None:
        """Start them, and return when they have come so far."""
        self._processes += [subprocess.Popen(self._command) for _ in range(SIZE)]
        end = time.monotonic() + self._patience
        pause = threading.Event()
        while not condition():
            if time.monotonic() > end:
                raise AssertionError(f"the workers did not come so far in {self._patience:g} s")
            if any(process.poll() for process in self._processes):
                raise AssertionError("a worker could not work in the world by its url; what it said stands above")
            pause.wait(0.01)

    def kill(self) -> None:
        """End them as a crash does."""
        for process in self._processes:
            process.kill()
            process.wait()
        self._processes.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()


def main(url: str, book: str) -> None:
    """Work until killed."""
    with Squidie(url, workflows=ALL, resources={LedgerOf: LedgerOf(Book(Path(book)))}) as squidie:
        Worker(squidie, concurrency=2, lease_for=LEASE).run()


if __name__ == "__main__":
    main(*sys.argv[1:])
