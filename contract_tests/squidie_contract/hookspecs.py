"""The hook by which a package brings its harnesses to `pytest --pyargs squidie_contract.suite`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from squidie_contract.harness import Harness

hookspec = pluggy.HookspecMarker("pytest")


@hookspec
def pytest_squidie_harnesses() -> Sequence[type[Harness]]:
    """The harnesses of this package: `@pytest.hookimpl` in a module that a `pytest11` entry point names.

    Import `squidie_contract` and the adapter within the function, so that pytest starts quickly elsewhere.
    """
    raise NotImplementedError
