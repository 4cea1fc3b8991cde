"""What bodies and operators did, in a file beside the store: the witness that the judge asks."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any


class SideLog:
    """Lines that many processes append, each whole, and that survive the death of whoever wrote them."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._counted = 0
        self._bodies = 0

    def tell(self, what: str, **about: Any) -> None:
        """Say that something is happening."""
        os.write(self._file, f"{json.dumps({'what': what, 'at': round(time.time(), 3), **about})}\n".encode())

    def facts(self, what: str) -> list[dict[str, Any]]:
        """What was told under this name, in order."""
        told: list[dict[str, Any]] = [json.loads(line) for line in self.path.read_text("utf-8").splitlines()]
        return [fact for fact in told if fact["what"] == what]

    @property
    def size(self) -> int:
        """How long it is: it grows while anything goes on."""
        return self.path.stat().st_size

    @property
    def bodies(self) -> int:
        """How many bodies have begun. For one thread."""
        with self.path.open("rb") as file:
            file.seek(self._counted)
            new = file.read()
        self._counted += len(new)
        self._bodies += new.count(b'"body"')
        return self._bodies

    def close(self) -> None:
        os.close(self._file)
