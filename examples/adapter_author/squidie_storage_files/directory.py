"""Files that change together: a lock, and one rename that decides."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final

from squidie_core.errors import Outcome, Unavailable

_LOCK: Final = ".lock"
_PENDING: Final = ".pending"


class Transaction:
    """The files of a directory as one holder of the lock sees and changes them. Each holds JSON."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.changed: dict[str, Any] = {}

    def get(self, name: str) -> Any:
        """What the file holds, with the changes so far; `None` where there is none."""
        if name in self.changed:
            return self.changed[name]
        try:
            return json.loads((self._path / name).read_text("ascii"))
        except FileNotFoundError:
            return None

    def put(self, name: str, content: object) -> None:
        """Change the file when the transaction ends; `None`: remove it."""
        self.changed[name] = content

    def names(self, suffix: str) -> list[str]:
        """The files whose names end so."""
        return [file.name for file in self._path.glob(f"*{suffix}")]


class Directory:
    """A directory that processes of one machine share."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.mkdir(parents=True, exist_ok=True)

    @contextmanager
    def transaction(self) -> Generator[Transaction]:
        """Alone with the files, until the block ends; then all that it changed is there, or nothing if it raised.

        Raises Unavailable, with the outcome `unknown` where the changes may be there.
        """
        outcome: Outcome = "none"
        try:
            with (self._path / _LOCK).open("ab") as lock:
                self._lock(lock)
                self._finish()
                files = Transaction(self._path)
                yield files
                if files.changed:
                    self._write(_PENDING, files.changed)
                    outcome = "unknown"
                    self._rename(_PENDING)
                    self._finish()
        except OSError as error:
            raise Unavailable(f"the directory cannot be used: {error.strerror or error}", outcome=outcome) from error

    def _finish(self) -> None:
        """Do what was decided, by this process or by one that died over it."""
        pending: Mapping[str, Any] = Transaction(self._path).get(_PENDING) or {}
        for name, content in pending.items():
            if content is None:
                self._remove(name)
            else:
                self._write(name, content)
                self._rename(name)
        if pending:
            self._remove(_PENDING)

    def _write(self, name: str, content: object) -> None:
        with self._new(name).open("w", encoding="ascii") as file:
            json.dump(content, file)
            file.flush()
            os.fsync(file.fileno())

    def _new(self, name: str) -> Path:
        return self._path / f"{name}.new"

    # What the others can see, step by step

    def _lock(self, file: IO[bytes]) -> None:
        fcntl.flock(file, fcntl.LOCK_EX)

    def _rename(self, name: str) -> None:
        self._new(name).replace(self._path / name)

    def _remove(self, name: str) -> None:
        (self._path / name).unlink(missing_ok=True)
