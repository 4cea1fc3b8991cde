"""Processes that write to one world with nobody to hold them back, some of which are killed.

Run as a program, this file is one of them: `python -m squidie_contract.engine.soaking URL NAME SECONDS`. It prints a
line before and after each thing that it does, so that whoever reads them knows what was under way when it died.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any, cast

from squidie_contract.engine.appends import append
from squidie_contract.engine.history import Anomaly, History, Outcome, Saw, Wrote, anomalies
from squidie_core.errors import Unavailable
from squidie_core.journal.commit import NO_HEAD, Append, Busy, Commit, Committed, Conflict, Head, StoredCommit
from squidie_core.plugins import open_plugin
from squidie_core.ports.storage import Storage

THREADS = ("soaked a", "soaked b", "soaked c")


def soak(url: str, *, processes: int, seconds: float) -> Iterator[Process]:
    """Start the processes; kill every second one of them in the middle of its work. Yields them when they are over."""
    crew = [Process(url, f"process {number}", seconds) for number in range(1, processes + 1)]
    try:
        for process in crew:
            process.wait_until_ready()
        for process in crew:
            process.begin()
        for number, process in enumerate(crew):
            if number % 2:
                process.read_lines(20)
                process.kill()
        for process in crew:
            process.read_to_the_end()
            yield process
    finally:
        for process in crew:
            process.forget()


def problems(storage: Storage, crew: Sequence[Process]) -> list[Anomaly]:
    """All that is wrong with what they saw, and with what is there in the end."""
    histories = {thread_id: History() for thread_id in THREADS}
    for process in crew:
        process.tell(histories)
    found: list[Anomaly] = []
    standing: set[int] = set()
    for thread_id, history in histories.items():
        final = tuple(storage.read(thread_id))
        standing |= {commit.commit_id for commit in final}
        found += anomalies(history, final)
    together: dict[tuple[str, float], list[Wrote]] = {}
    for history in histories.values():
        for one in history.wrote:
            together.setdefault((one.client, one.start), []).append(one)
    for wrote in together.values():
        stand = [one for one in wrote if one.append.commit_id in standing]
        if len(stand) not in {0, len(wrote)}:
            found.append(Anomaly("torn over threads", f"{wrote[0].client}'s commit stands in {len(stand)} of them"))
    return found


class Process:
    """One of them, as its parent sees it."""

    def __init__(self, url: str, name: str, seconds: float) -> None:
        self.name = name
        self.operations = 0
        self._lines: list[str] = []
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__, url, name, str(seconds)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def wait_until_ready(self) -> None:
        """Return when it waits for its word."""
        if self._line() != "ready\n":
            raise AssertionError(f"{self.name} could not open the world by its url; what it said stands above")

    def begin(self) -> None:
        """Let it begin."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()

    def read_lines(self, count: int) -> None:
        """Read on until it has said so much."""
        for _ in range(count):
            self._lines.append(self._line())

    def read_to_the_end(self) -> None:
        """Read on until it has ended."""
        assert self._process.stdout is not None
        self._lines += self._process.stdout.readlines()
        self._process.wait()

    def kill(self) -> None:
        """End it as a crash does, if it has not ended yet."""
        self._process.kill()

    def forget(self) -> None:
        """End it and close what connects it to this process."""
        self.kill()
        with self._process:
            pass

    def tell(self, histories: dict[str, History]) -> None:
        """Add what it did to the threads' histories."""
        begun: dict[str, Any] | None = None
        for line in self._lines:
            if not line.endswith("\n"):
                break  # it died while it wrote this
            said: dict[str, Any] = json.loads(line)
            if "asked" in said:
                begun = said
            elif begun is not None:
                self._told(histories, begun, said)
                begun = None
        if begun is not None:
            self._told(histories, begun, {"outcomes": ["unknown"] * len(begun["appends"]), "end": float("inf")})

    def _told(self, histories: dict[str, History], asked: dict[str, Any], answered: dict[str, Any]) -> None:
        self.operations += 1
        if asked["asked"] == "read" and "saw" in answered:
            saw = tuple(StoredCommit(*commit) for commit in answered["saw"])
            histories[asked["thread"]].saw.append(Saw(self.name, saw, asked["start"], answered["end"]))
        for one, outcome in zip(asked["appends"], answered.get("outcomes", ()), strict=True):
            thread_id, expected, count, body, commit_id = one
            written = Append(thread_id, Head(*expected), count, body, append(thread_id).index, commit_id)
            wrote = Wrote(self.name, written, cast("Outcome", outcome), asked["start"], answered["end"])
            histories[thread_id].wrote.append(wrote)

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline()


def main(url: str, name: str, seconds: str) -> None:
    """Write and read until the time is over."""
    storage: Storage = open_plugin("storage", url, {})
    _say("ready")
    sys.stdin.readline()
    choose = random.Random(name)  # noqa: S311  # guards nothing
    known: dict[str, Head] = dict.fromkeys(THREADS, NO_HEAD)
    end = time.monotonic() + float(seconds)
    while time.monotonic() < end:
        with suppress(Unavailable):
            if choose.random() < 0.3:  # the rest are writes
                _read(storage, choose.choice(THREADS), known)
            else:
                _write(storage, choose.sample(THREADS, choose.choice([1, 1, 1, 2, 3])), known)
    storage.close()


def _read(storage: Storage, thread_id: str, known: dict[str, Head]) -> None:
    _say(json.dumps({"asked": "read", "thread": thread_id, "appends": [], "start": _now()}))
    commits = storage.read(thread_id)
    saw = [(c.rev, c.count, c.commit_id, c.previous, c.body) for c in commits]
    _say(json.dumps({"saw": saw, "end": _now()}))
    known[thread_id] = commits[-1].head if commits else NO_HEAD


def _write(storage: Storage, thread_ids: Sequence[str], known: dict[str, Head]) -> None:
    appends = tuple(append(thread_id, known[thread_id]) for thread_id in thread_ids)
    told = [(one.thread_id, one.expected, one.count, one.body, one.commit_id) for one in appends]
    _say(json.dumps({"asked": "write", "appends": told, "start": _now()}))
    try:
        (result,) = storage.commit([Commit(appends)])
    except Unavailable as error:
        _say(json.dumps({"outcomes": [error.outcome] * len(appends), "end": _now()}))
        return
    outcomes: dict[str, Outcome] = {}
    match result:
        case Committed():
            outcomes = dict.fromkeys(thread_ids, "committed")
            known |= {one.thread_id: one.head for one in appends}
        case Conflict(moved):
            outcomes = dict.fromkeys(moved, "conflict")
        case Busy(held):
            outcomes = dict.fromkeys(held, "busy")
        case _:
            outcomes = dict.fromkeys(thread_ids, "refused")
    _say(json.dumps({"outcomes": [outcomes.get(one.thread_id, "none") for one in appends], "end": _now()}))
    for thread_id in result.thread_ids if isinstance(result, Conflict) else ():
        _read(storage, thread_id, known)


def _now() -> int:
    """Nanoseconds by a clock that all processes of a machine share."""
    return time.monotonic_ns()


def _say(line: str) -> None:
    os.write(sys.stdout.fileno(), f"{line}\n".encode())


if __name__ == "__main__":
    main(*sys.argv[1:])
