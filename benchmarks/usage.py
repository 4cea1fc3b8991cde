"""What processes use, and what a set of samples says. The standard library alone, as peers use it too."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Sequence
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


class Processes:
    """All processes at one moment: their names, parents and CPU seconds, those of their ended children included."""

    def __init__(self) -> None:
        self.names: dict[int, str] = {}
        self.seconds: dict[int, float] = {}
        self._children: dict[int, list[int]] = {}
        for folder in Path("/proc").glob("[0-9]*"):
            self._add(folder)

    def _add(self, folder: Path) -> None:
        try:
            head, _, tail = (folder / "stat").read_text().rpartition(")")
        except OSError:
            return  # it has ended
        pid, _, name = head.partition(" (")
        fields = tail.split()
        self.names[int(pid)] = name
        self.seconds[int(pid)] = sum(map(int, fields[11:15])) / _TICKS
        self._children.setdefault(int(fields[1]), []).append(int(pid))

    def tree(self, root: int) -> list[int]:
        """The process and everything that it has started and not lost."""
        found = [root]
        for pid in found:
            found += self._children.get(pid, ())
        return found

    def seconds_of(self, root: int) -> float:
        """CPU seconds of a process and its descendants."""
        return sum(self.seconds.get(pid, 0.0) for pid in self.tree(root))


def cpu_seconds(root: int | None) -> float:
    """CPU seconds of another process and its descendants; 0 where there is none."""
    return 0.0 if root is None else Processes().seconds_of(root)


def parent_of(pid: int) -> int:
    """The process that started this one."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def resident_mb() -> float:
    """What this process holds in memory."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return 0.0


class Stopwatch:
    """Wall and CPU seconds of this process, and CPU seconds of the server's, since it was made."""

    def __init__(self, server: int | None) -> None:
        self._server = server
        self._server_seconds = cpu_seconds(server)
        self._process_seconds = time.process_time()
        self._began = time.perf_counter()

    def read(self, runs: int) -> dict[str, float]:
        """What so many runs took."""
        seconds = time.perf_counter() - self._began
        process = time.process_time() - self._process_seconds
        server = cpu_seconds(self._server) - self._server_seconds
        return {
            "runs_per_second": runs / seconds,
            "seconds": seconds,
            "cpu_ms_per_run": 1000 * process / runs,
            "server_cpu_ms_per_run": 1000 * server / runs,
        }


def milliseconds(samples: Sequence[float]) -> dict[str, float]:
    """Quantiles of samples in seconds."""
    ordered = sorted(samples)
    return {
        "p50_ms": 1000 * statistics.median(ordered),
        "p95_ms": 1000 * ordered[int(len(ordered) * 0.95)],
        "best_ms": 1000 * ordered[0],
        "samples": len(ordered),
    }
