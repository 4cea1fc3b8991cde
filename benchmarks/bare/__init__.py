"""What the bare clients do by hand: append and claim with the effect of our adapters, and as durably."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from squidie_core.journal.commit import Append

OFFERS = ("chain:one", "chain:two", "chain:three", "chain:*")
RESERVE_FOR = 60_000
"""Milliseconds."""


class Claimed(NamedTuple):
    """A run that was due and is reserved, with its journal."""

    run_id: str
    rev: int
    commit_id: int
    bodies: list[str]


class Bare(Protocol):
    """A client and its statements, written for one namespace."""

    def append(self, appends: Sequence[Append]) -> int:
        """Append where the head is as expected, durably, each on its own; how many were."""
        ...

    def claim(self, queue: str, limit: int) -> list[Claimed]:
        """Take runs that are due and bring their journals."""
        ...

    def close(self) -> None:
        """Give back the connection."""
        ...


def bare_client(url: str, namespace: str) -> Bare:
    """The one for this store."""
    kind = url.partition(":")[0]
    if kind == "sqlite":
        from benchmarks.bare.sqlite import BareSqlite  # noqa: PLC0415  # a process needs one of them

        return BareSqlite(url, namespace)
    if kind == "dynamodb":
        from benchmarks.bare.dynamodb import BareDynamodb  # noqa: PLC0415

        return BareDynamodb(url, namespace)
    from benchmarks.bare.postgresql import BarePostgresql  # noqa: PLC0415

    return BarePostgresql(url, namespace)
