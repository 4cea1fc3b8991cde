"""One run at a time, started by the process that hosts the worker in a thread; until its last commit has returned."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

from benchmarks.ours.chain import Chain
from benchmarks.ours.watched import Watched, is_end, opened
from benchmarks.ours.workflows import WORKFLOWS
from benchmarks.speaking import options, ready, say
from benchmarks.usage import milliseconds
from squidie_core import Squidie, Worker
from squidie_core.journal.commit import Append


class End:
    """Waits for a run's end, which its last commit's return tells."""

    def __init__(self) -> None:
        self._ended = threading.Event()
        self._at = 0.0

    def committed(self, _began: float, ended: float, written: Sequence[Append]) -> None:
        """Look for the end among what was written."""
        if any(map(is_end, written)):
            self._at = ended
            self._ended.set()

    def wait(self) -> float:
        """When it was."""
        if not self._ended.wait(60):
            raise TimeoutError("a run alone did not end within a minute")
        self._ended.clear()
        return self._at


def main() -> None:
    """Measure so many, with a pause between them in which the worker comes to rest."""
    given = options()
    end = End()
    storage = Watched(opened(given["url"]), end.committed)
    with Squidie(storage.as_storage(), workflows=WORKFLOWS) as squidie:
        worker = Worker(squidie)
        thread = threading.Thread(target=worker.run)
        thread.start()

        def measure(runs: int) -> list[float]:
            samples: list[float] = []
            for number in range(runs):
                began = time.monotonic()
                squidie.start(Chain.go, {"number": number})
                samples.append(end.wait() - began)
                time.sleep(0.002)
            return samples

        measure(20)
        ready()
        before = storage.counts.copy()
        samples = measure(given["runs"])
        used = storage.counts.since(before).per_run(len(samples))
        worker.stop()
        thread.join()
    say(**milliseconds(samples), used=used)


if __name__ == "__main__":
    main()
