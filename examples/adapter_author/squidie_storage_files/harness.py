"""The world in which the contract suite meets this adapter."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import IO
from uuid import uuid4

from squidie_contract import Capability, Harness, Wire
from squidie_storage_files.directory import Directory
from squidie_storage_files.storage import FilesStorage


class FilesHarness(Harness):
    """One directory for all worlds, each in a namespace of its own."""

    supports = Capability.CRASH_SAFE | Capability.SHARED_RESERVATIONS | Capability.EXCLUSIVE_RESERVATIONS

    def __init__(self) -> None:
        self._path = Path(_folder().name)
        self._namespace = uuid4().hex

    @property
    def url(self) -> str:
        """For other processes."""
        return f"files://{self._path}?namespace={self._namespace}"

    def storage(self, wire: Wire) -> FilesStorage:
        """A client with the wire around each step that others can see: between any two of them it can die."""

        class WiredDirectory(Directory):
            def _lock(self, file: IO[bytes]) -> None:
                self._step("lock", lambda: super(WiredDirectory, self)._lock(file))

            def _rename(self, name: str) -> None:
                self._step("rename", lambda: super(WiredDirectory, self)._rename(name))

            def _remove(self, name: str) -> None:
                self._step("remove", lambda: super(WiredDirectory, self)._remove(name))

            def _step(self, name: str, step: Callable[[], None]) -> None:
                with wire(name):
                    step()

        return FilesStorage(self._path, self._namespace, directory=WiredDirectory)


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="squidie-files-", ignore_cleanup_errors=True)
