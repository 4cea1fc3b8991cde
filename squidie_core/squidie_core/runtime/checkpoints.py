"""Writing checkpoints behind the back of those who work."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from queue import SimpleQueue

from squidie_core.errors import StorageError
from squidie_core.journal.commit import Checkpoint
from squidie_core.ports.storage import Storage

_log = logging.getLogger("squidie.checkpoints")


class CheckpointWriter:
    """One daemon thread, started with the first checkpoint. What cannot be written is dropped. Thread-safe."""

    def __init__(self, storage: Storage, written: Callable[[], None]) -> None:
        self._storage = storage
        self._written = written
        self._queue: SimpleQueue[tuple[str, Checkpoint] | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def put(self, run_id: str, checkpoint: Checkpoint) -> None:
        """Write the checkpoint soon."""
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="squidie-checkpoints", daemon=True)
                self._thread.start()
        self._queue.put((run_id, checkpoint))

    def close(self) -> None:
        """Wait until what was handed in is written."""
        with self._lock:
            thread, self._thread = self._thread, None
        if thread is not None:
            self._queue.put(None)
            thread.join()

    def _work(self) -> None:
        while (item := self._queue.get()) is not None:
            run_id, checkpoint = item
            try:
                self._storage.put_checkpoint(run_id, checkpoint)
                self._written()
            except StorageError as error:
                _log.warning("the checkpoint of run %s was not written: %s", run_id, error)
