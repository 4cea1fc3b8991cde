"""One worker process with default settings: works until told to stop, or until so many runs have ended in it."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

from benchmarks.ours.watched import Counts, Watched, is_end, opened
from benchmarks.ours.workflows import WORKFLOWS
from benchmarks.speaking import listen, options, ready, say
from benchmarks.usage import cpu_seconds
from squidie_core import Squidie, Worker
from squidie_core.journal.commit import Append


class Watch:
    """Notes each commit, and what was used between the end of the warm-up and the end."""

    def __init__(self, server: int | None, warmup: int, last: int | None) -> None:
        self.moments: list[tuple[float, float, int]] = []
        self.finished = 0
        self.used: dict[str, float] = {}
        self._server = server
        self._warmup = warmup
        self._last = last
        self._cpu = (0.0, 0.0)
        self._before: tuple[Counts, int] | None = None
        self.worker: Worker | None = None
        self.storage: Watched | None = None

    def committed(self, began: float, ended: float, written: Sequence[Append]) -> None:
        """Called in the worker's own thread, so kept short."""
        now = sum(map(is_end, written))
        self.finished += now
        self.moments.append((began, ended, now))
        if self.storage is None or self.worker is None:
            return
        if self._before is None and self.finished >= self._warmup:
            self._before = (self.storage.counts.copy(), self.finished)
            self._cpu = self._read_cpu()
        if self._last is not None and self.finished >= self._last and not self.used:
            self._sum_up(self.storage)
            self.worker.stop()

    def _sum_up(self, storage: Watched) -> None:
        if self._before is None:
            return
        counts, finished = self._before
        runs = max(self.finished - finished, 1)
        process, server = self._read_cpu()
        self.used = storage.counts.since(counts).per_run(runs) | {
            "cpu_ms": 1000 * (process - self._cpu[0]) / runs,
            "server_cpu_ms": 1000 * (server - self._cpu[1]) / runs,
        }

    def _read_cpu(self) -> tuple[float, float]:
        return time.process_time(), cpu_seconds(self._server)


def stop_when_told(worker: Worker) -> None:
    """Wait for the benchmark's next line."""
    listen()
    worker.stop()


def main() -> None:
    """Work."""
    given = options()
    watch = Watch(given.get("server"), given.get("warmup", 0), given.get("last"))
    storage = watch.storage = Watched(opened(given["url"]), watch.committed)
    with Squidie(storage.as_storage(), workflows=WORKFLOWS) as squidie:
        worker = watch.worker = Worker(squidie, concurrency=given.get("concurrency", 32))
        ready()
        threading.Thread(target=stop_when_told, args=[worker], daemon=True).start()
        worker.run(install_signal_handlers=False)
    say(moments=watch.moments, finished=watch.finished, used=watch.used)


if __name__ == "__main__":
    main()
