"""The entry points: `memory://` is a world of its own, `memory://name` is one that this process shares by name."""

from __future__ import annotations

import re
from collections import defaultdict

from squidie_core.errors import OptionError, near
from squidie_core.memory.leases import MemoryLeases
from squidie_core.memory.notifier import MemoryNotifier
from squidie_core.memory.storage import CAPABILITIES, MemoryStorage
from squidie_core.memory.world import MemoryWorld

_NAMED: defaultdict[str, MemoryWorld] = defaultdict(MemoryWorld)
"""They last as long as the process, so that what one client wrote is there for the next."""


class StorageOpener:
    """The type of `open_storage`: what it opens can be described without being opened."""

    capabilities = CAPABILITIES

    def __call__(self, url: str, **options: object) -> MemoryStorage:
        """Open a storage at `memory://` or `memory://name`. Options: `namespace`.

        Raises OptionError for another URL or option.
        """
        _check_options(options, known=("namespace",))
        namespace = options.get("namespace", "default")
        if not isinstance(namespace, str):
            raise OptionError(f"namespace: must be a str, is a {type(namespace).__qualname__}")
        return MemoryStorage(namespace, world=_world(url))


open_storage = StorageOpener()


def open_leases(url: str, **options: object) -> MemoryLeases:
    """A lease backend at `memory://` or `memory://name`. No options; raises OptionError as `open_storage` does."""
    _check_options(options, known=())
    return MemoryLeases(world=_world(url))


def open_notifier(url: str, **options: object) -> MemoryNotifier:
    """A notifier at `memory://` or `memory://name`. Raises OptionError as `open_storage` does.

    All namespaces hear each other, whichever the option `namespace` says.
    """
    _check_options(options, known=("namespace",))
    return MemoryNotifier(world=_world(url))


def _world(url: str) -> MemoryWorld:
    match = re.fullmatch(r"memory://([A-Za-z0-9._-]*)", url)
    if match is None:
        raise OptionError(
            "url: must be memory:// or memory://name, where the name has letters, digits, '.', '_' and '-'"
        )
    name = match[1]
    return _NAMED[name] if name else MemoryWorld()


def _check_options(options: dict[str, object], *, known: tuple[str, ...]) -> None:
    for name in options:
        if name not in known:
            meant = near(name, known)
            hint = f"did you mean {meant}?" if meant else f"known are: {', '.join(known) or 'none'}"
            raise OptionError(f"{name}: the memory adapter has no such option; {hint}", details={"option": name})
