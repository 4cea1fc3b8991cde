"""What an adapter's author writes: one small class."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, ClassVar

from squidie_contract.capabilities import Capability

if TYPE_CHECKING:
    from squidie_contract.wire import Wire
    from squidie_core.ports import LeaseBackend, Notifier, Storage


class Harness:
    """One world: a part of one real server that no other instance uses.

    Made without arguments, often, so a new one is cheap: a new namespace, never an emptied table. Override `storage`,
    `leases` or `notifier`, whichever the adapter is for. `pytest.skip` in `__init__` says that the server is not here.
    """

    supports: ClassVar[Capability] = Capability.NONE
    """What the adapter offers beyond what it must."""
    gaps: ClassVar[Mapping[str, str]] = {}
    """Clauses known to be broken, and why: `{"J7": "..."}`. A gap that is closed must be struck from here."""

    def storage(self, wire: Wire) -> Storage:
        """A new client of this world's storage, with `wire` around each of its round trips.

        Around those of transactions that it lends, too.
        """
        raise NotImplementedError

    def leases(self, wire: Wire) -> LeaseBackend:
        """A new client of this world's deliveries, with `wire` around each of its round trips."""
        raise NotImplementedError

    def notifier(self, wire: Wire) -> Notifier:
        """A new client of this world's hints, with `wire` around each of its round trips that carries hints."""
        raise NotImplementedError

    def host_transaction(self) -> AbstractContextManager[object]:
        """A transaction of a host's on this world's store, as `within` takes it; needed for HOST_TRANSACTIONS.

        Committed at the end of the block, rolled back where that raises. Each is on a connection of its own, and none
        waits where another one has something locked.
        """
        raise NotImplementedError

    def note(self, handle: object, word: str) -> None:
        """Write a row of the host's own, in a transaction of either side; needed for HOST_TRANSACTIONS."""
        raise NotImplementedError

    def notes(self) -> Collection[str]:
        """The rows of the host's own that are committed; needed for HOST_TRANSACTIONS."""
        raise NotImplementedError

    @property
    def url(self) -> str:
        """What `Squidie(url)` takes in another process to work in this world; needed for CRASH_SAFE."""
        raise NotImplementedError

    @property
    def secrets(self) -> tuple[str, ...]:
        """Credentials with which the clients were made: no text of theirs may hold one."""
        return ()

    def now(self) -> float:
        """Milliseconds from some moment on. Override it, with `wait`, where tests turn the world's clock by hand."""
        return time.monotonic() * 1000

    def wait(self, milliseconds: float) -> None:
        """Let so much time pass in this world."""
        time.sleep(milliseconds / 1000)

    def close(self) -> None:
        """Give back what the world holds. The clients are closed by then."""

    @classmethod
    def ports(cls) -> frozenset[str]:
        """The ports that the harness has clients for."""
        return frozenset(name for name in ("storage", "leases", "notifier") if name_overridden(cls, name))


def name_overridden(cls: type[Harness], name: str) -> bool:
    """Whether the class gives its own."""
    return getattr(cls, name) is not getattr(Harness, name)
