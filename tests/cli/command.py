"""The real `squidie` command, run as operators run it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

SQUIDIE = Path(sys.executable).with_name("squidie")


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The one JSON document on stdout."""
        return json.loads(self.out)


class Inside(Protocol):
    """The command's `main` called in this process, in the same directory: what only varies an option is tested so."""

    def __call__(self, *arguments: str, **variables: str) -> Ended: ...


@dataclass(frozen=True)
class Command:
    """Runs the command in a directory of its own, with nothing set but what a test sets."""

    directory: Path

    def __call__(self, *arguments: str, **variables: str) -> Ended:
        done = subprocess.run(
            [SQUIDIE, *arguments],
            cwd=self.directory,
            env=environment(variables),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        return Ended(done.returncode, done.stdout, done.stderr)

    def start(self, *arguments: str, **variables: str) -> subprocess.Popen[str]:
        """Start it and let it run; the test ends it."""
        return subprocess.Popen(
            [SQUIDIE, *arguments],
            cwd=self.directory,
            env=environment(variables),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )


def environment(variables: Mapping[str, str]) -> dict[str, str]:
    """The environment without settings of Squidie's but these."""
    others = {name: value for name, value in os.environ.items() if not name.startswith("SQUIDIE_")}
    return {**others, **variables}


def until(holds: Callable[[], bool], seconds: float = 30) -> None:
    """Look again and again until it is so; fail when it does not come."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.02)
