"""An idle worker that notes how late each body begins; hints reach it as its options say."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from benchmarks.ours.watched import opened
from benchmarks.ours.workflows import Bell, Woken
from benchmarks.speaking import options, ready, say
from squidie_core import Squidie, Worker
from squidie_leases_redis import hinted


@contextmanager
def opened_with(given: dict[str, Any], bell: Bell) -> Generator[Squidie]:
    """A Squidie that sends and hears hints by the side that it is on."""
    notifiers = {"polling": None, "listen/notify": given["url"]}
    storage = opened(given["url"])
    if given["side"] == "redis with due hints":
        storage = hinted(storage, given["redis"])
    notifier = notifiers.get(given["side"], given["redis"])
    with Squidie(storage, workflows=[Woken], resources={Bell: bell}, notifier=notifier) as squidie:
        yield squidie
    storage.close()


def main() -> None:
    """Work until told to stop, with a little time for the last one to begin."""
    given = options()
    bell = Bell()
    with opened_with(given, bell) as squidie:
        worker = Worker(squidie)
        thread = threading.Thread(target=worker.run)
        thread.start()
        while given["side"] != "polling" and not squidie.wakeups.reach_others:
            time.sleep(0.01)
        ready()
        while squidie.list_runs(status="running", limit=1).runs:
            time.sleep(0.05)
        worker.stop()
        thread.join()
    say(seconds=bell.seconds)


if __name__ == "__main__":
    main()
