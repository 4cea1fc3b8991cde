"""What an idle worker with the SQL storage holds in memory."""

from __future__ import annotations

import threading
import time

from benchmarks.ours.chain import Chain
from benchmarks.speaking import options, ready, say
from benchmarks.usage import resident_mb
from squidie_core import Squidie, Worker


def main() -> None:
    """Be idle for a while."""
    given = options()
    with Squidie(given["url"], workflows=[Chain]) as squidie:
        worker = Worker(squidie)
        thread = threading.Thread(target=worker.run)
        thread.start()
        ready()
        time.sleep(given["seconds"])
        held = resident_mb()
        worker.stop()
        thread.join()
    say(resident_mb=held)


if __name__ == "__main__":
    main()
