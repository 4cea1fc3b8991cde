"""The chaos again and again, each time with another seed, until the minutes are over or something fails."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import replace
from itertools import count
from pathlib import Path

from tests.chaos.options import OPTIONS, variables


def main(*arguments: str) -> int:
    """Pytest's exit code; `arguments` go to it."""
    end = time.monotonic() + OPTIONS.minutes * 60
    for number in count():
        options = replace(OPTIONS, seed=OPTIONS.seed + number)
        print(f"round {number + 1}, {options.replay}", flush=True)  # noqa: T201  # somebody waits for it
        # The size of a test is the caller's wish, so it has no time limit of its own; what stands still fails.
        command = [sys.executable, "-m", "pytest", str(Path(__file__).parent), "--timeout=0", *arguments]
        code = subprocess.run(command, env={**os.environ, **variables(options)}, check=False).returncode
        if code != 0 or time.monotonic() >= end:
            return code
    raise AssertionError


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
