"""A storage whose calls a test can hold up, or break."""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, cast

from squidie_core.ports.storage import Storage
from tests.runtime.waiting import PATIENCE


class HeldStorage:
    """Passes everything on, once it may."""

    def __init__(self, inner: str | Storage) -> None:
        self._inner = inner
        self._held: dict[str, threading.Event] = {}
        self.broken: set[str] = set()
        """The calls of these names raise what no storage should."""
        self.waiting = 0

    @property
    def storage(self) -> Storage:
        """It, as a port."""
        return cast("Storage", self)

    @contextmanager
    def held(self, name: str) -> Generator[None]:
        """Hold the calls of this name until the block ends."""
        gate = self._held[name] = threading.Event()
        try:
            yield
        finally:
            del self._held[name]
            gate.set()

    def __getattr__(self, name: str) -> Any:
        inner = getattr(self._inner, name)
        if not callable(inner):
            return inner

        def call(*args: Any, **kwargs: Any) -> Any:
            if name in self.broken:
                raise ZeroDivisionError("a bug in an adapter")
            gate = self._held.get(name)
            if gate is not None:
                self.waiting += 1
                assert gate.wait(PATIENCE)
            return inner(*args, **kwargs)

        return call
