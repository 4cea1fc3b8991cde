"""What the figures were measured on, and what else this machine was doing."""

from __future__ import annotations

import os
import platform
import sqlite3
import statistics
import sys
import threading
import time
from collections import defaultdict
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from benchmarks.usage import Processes

_EVERY = 2.0
_BLOCK = b"y" * 8192


def fsync_microseconds(folder: Path, seconds: float) -> float:
    """Median time to write 8 kB over and make them durable, in a file that has its size already."""
    samples: list[float] = []
    descriptor = os.open(folder / "probe", os.O_CREAT | os.O_WRONLY)
    try:
        os.write(descriptor, _BLOCK * 64)
        os.fsync(descriptor)
        end = time.perf_counter() + seconds
        while (began := time.perf_counter()) < end:
            os.pwrite(descriptor, _BLOCK, 8192 * (len(samples) % 64))
            os.fdatasync(descriptor)
            samples.append(time.perf_counter() - began)
    finally:
        os.close(descriptor)
    return statistics.median(samples) * 1e6


def machine() -> dict[str, Any]:
    """What does not change while the benchmark runs."""
    model = next(
        (line.partition(": ")[2] for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line),
        platform.machine(),
    )
    return {
        "cores": len(os.sched_getaffinity(0)),
        "processor": model,
        "kernel": platform.release(),
        "python": sys.version.split()[0],
        "sqlite": sqlite3.sqlite_version,
        "psycopg": version("psycopg"),
        "sqlalchemy": version("sqlalchemy"),
    }


class Neighbours:
    """Looks every two seconds at what the rest of the machine is doing, while the block lasts."""

    def __init__(self) -> None:
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._cores: list[float] = []
        self._load: list[float] = []
        self._names: defaultdict[str, float] = defaultdict(float)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()

    def report(self) -> dict[str, Any]:
        """Medians over the time so far, and who used most."""
        total = sum(self._names.values()) or 1.0
        most = sorted(self._names.items(), key=lambda item: -item[1])
        return {
            "load_average": round(statistics.median(self._load or [os.getloadavg()[0]]), 2),
            "cores_used_by_others": round(statistics.median(self._cores or [0.0]), 2),
            "most_used_by": {name: round(used / total, 2) for name, used in most[:5] if used > total / 100},
        }

    def _look(self) -> None:
        before, at = Processes(), time.monotonic()
        while not self._ended.wait(_EVERY):
            now = Processes()
            passed = time.monotonic() - at
            ours = set(now.tree(os.getpid()))
            others = {
                pid: used
                for pid, seconds in now.seconds.items()
                if pid not in ours and pid in before.seconds and (used := seconds - before.seconds[pid]) > 0
            }
            self._cores.append(sum(others.values()) / passed)
            self._load.append(os.getloadavg()[0])
            for pid, used in others.items():
                self._names[now.names[pid]] += used
            before, at = now, time.monotonic()
