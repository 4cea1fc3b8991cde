"""What other processes do: `python -m tests.operations.program COMMAND URL NOTIFIER [ARGUMENT...]`.

An empty NOTIFIER means none.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable

from squidie_core import Squidie, Worker
from squidie_core.runtime import polling
from tests.operations.flows import ALL, Folder
from tests.runtime.waiting import eventually


def work(squidie: Squidie, pace: str, concurrency: str, folder: str) -> None:
    """Work until a line comes or the input ends; say `ready` once hints arrive."""
    del folder
    polling.SHORTEST = polling.LONGEST = polling.LONGEST_WITH_HINTS = float(pace)
    worker = Worker(squidie, concurrency=int(concurrency))
    thread = threading.Thread(target=worker.run)
    thread.start()
    if squidie.wakeups.notifier is not None:
        eventually(lambda: squidie.wakeups.reach_others)
    say("ready")
    sys.stdin.readline()
    worker.stop()
    thread.join()


def start(squidie: Squidie, workflow: str, delay: str) -> None:
    """Start a run; say its id."""
    (chosen,) = (one for one in ALL if squidie.store.catalog.workflow(one).name == workflow)
    say(squidie.start(chosen, {}, delay=float(delay) or None).id)


COMMANDS: dict[str, Callable[..., None]] = {"work": work, "start": start}


def say(line: str) -> None:
    print(line, flush=True)  # noqa: T201  # how it talks to the test


def main(command: str, url: str, notifier: str, *arguments: str) -> None:
    folder = Folder(arguments[-1] if command == "work" else "")
    with Squidie(url, workflows=ALL, resources={Folder: folder}, notifier=notifier or None) as squidie:
        COMMANDS[command](squidie, *arguments)


if __name__ == "__main__":
    main(*sys.argv[1:])
