"""What it costs to have Squidie in a process."""

from __future__ import annotations

import statistics
import subprocess
import sys

from benchmarks.children import ROOT, turn
from benchmarks.figures import Figure, alone
from benchmarks.session import Session

_WORKER = "from squidie_core import Squidie, Worker, Workflow, step"
_AUTHOR = "from squidie_core import Workflow, step, trigger"
_TIMED = """
import time
began, used = time.perf_counter(), time.process_time()
{}
print(1000 * (time.perf_counter() - began), 1000 * (time.process_time() - used))
"""


def footprint(session: Session) -> list[Figure]:
    """What a worker imports, best of many fresh interpreters, and the memory of an idle one on PostgreSQL.

    The package loads its rooms when they are asked for, so that `import squidie_core` alone would say nothing.
    """
    times = session.sized(40, 5)
    imports = sorted(_import_milliseconds(_WORKER) for _ in range(times))
    wall = [passed for passed, _ in imports]
    cpu = min(used for _, used in imports)
    author = min(_import_milliseconds(_AUTHOR) for _ in range(times))[0]
    url = session.stores.ours("postgresql", "footprint")
    seconds = 5 * min(session.scale, 1) + 0.5
    held = [turn("ours.resident", {"url": url, "seconds": seconds})["resident_mb"] for _ in session.rounds()]
    session.keep("footprint", {"import_ms": imports, "resident_mb": held})
    return [
        alone(
            "import_ms",
            "import of Squidie, Worker, Workflow and step",
            wall[0],
            "ms",
            f"best of {len(wall)} fresh interpreters; median {statistics.median(wall):.0f} ms, least CPU {cpu:.0f} ms; "
            f"a module that declares workflows imports in {author:.0f} ms",
        ),
        alone("idle_worker_mb", "idle worker with SQL storage", statistics.median(held), "MB"),
    ]


def _import_milliseconds(statement: str) -> tuple[float, float]:
    """Of wall time and of CPU time."""
    command = (sys.executable, "-I", "-c", _TIMED.format(statement))
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)  # noqa: S603  # this interpreter
    passed, used = map(float, done.stdout.split())
    return passed, used
