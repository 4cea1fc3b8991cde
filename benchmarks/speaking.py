"""How a measured process speaks with the benchmark: one JSON argument in, "ready", "go", one JSON result out.

The standard library alone, because peers speak from their own environments.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any


def options() -> dict[str, Any]:
    """What this process was told on its command line."""
    given: dict[str, Any] = json.loads(sys.argv[1])
    return given


def say(**values: Any) -> None:
    """One line to the benchmark."""
    sys.stdout.write(json.dumps(values) + "\n")
    sys.stdout.flush()


def listen() -> None:
    """Wait for the benchmark's next line; where it has gone, so does this process."""
    if not sys.stdin.readline():
        os._exit(1)


def ready() -> None:
    """Say that everything is set up and warm, and wait for the turn."""
    say(ready=True)
    listen()
