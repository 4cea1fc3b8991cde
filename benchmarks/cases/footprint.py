"""What it costs to have Squidie in a process."""

from __future__ import annotations

import statistics
import subprocess
import sys

from benchmarks.children import ROOT, turn
from benchmarks.figures import Figure, alone
from benchmarks.session import Session

_IMPORT = """
import time
began, used = time.perf_counter(), time.process_time()
import squidie_core
print(1000 * (time.perf_counter() - began), 1000 * (time.process_time() - used))
"""


def footprint(session: Session) -> list[Figure]:
    """The import, best of many fresh interpreters, and the memory of an idle worker on PostgreSQL."""
    imports = sorted(_import_milliseconds() for _ in range(session.sized(40, 5)))
    wall = [passed for passed, _ in imports]
    cpu = min(used for _, used in imports)
    url = session.stores.ours("postgresql", "footprint")
    seconds = 5 * min(session.scale, 1) + 0.5
    held = [turn("ours.resident", {"url": url, "seconds": seconds})["resident_mb"] for _ in session.rounds()]
    session.keep("footprint", {"import_ms": imports, "resident_mb": held})
    return [
        alone(
            "import_ms",
            "import of squidie_core",
            wall[0],
            "ms",
            f"best of {len(wall)} fresh interpreters; median {statistics.median(wall):.0f} ms, least CPU {cpu:.0f} ms",
        ),
        alone("idle_worker_mb", "idle worker with SQL storage", statistics.median(held), "MB"),
    ]


def _import_milliseconds() -> tuple[float, float]:
    """Of wall time and of CPU time."""
    command = (sys.executable, "-I", "-c", _IMPORT)
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)  # noqa: S603  # this interpreter
    passed, used = map(float, done.stdout.split())
    return passed, used
