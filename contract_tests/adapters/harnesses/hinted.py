"""Due hints in Redis over SQLite: a world is a namespace in both, and the wire is that of the storage."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from adapters.harnesses.redis import redis_url
from adapters.harnesses.sqlite import SqliteHarness
from squidie_contract import Wire
from squidie_contract.wire import quiet
from squidie_core.ports import Storage
from squidie_leases_redis import hinted

_LATE = "Redis gives a run once, and hears of commits alone; the rest comes with the next sweep of the store: "
_TWICE = "Redis knows no reservations, so it may give a run that the store has given; the second claim is refused: "


class HintedSqliteHarness(SqliteHarness):
    """A storage that has been swept, and is not again in the time that a test takes: it is Redis who is asked."""

    gaps: ClassVar[Mapping[str, str]] = {
        "J1": _LATE + "so looks that follow one another differ from the model's",
        "J9": _TWICE + "after a commit was submitted again",
        "D1": _LATE + "a look that reserves nothing still takes the run out of Redis",
        "D2": "Redis takes what fell due long ago for due at once, so those runs come in no order",
        "D3": _LATE + "which is when the longest due comes first",
        "D4": _LATE + "where nobody took it for a minute",
        "D5": _LATE + "the end of a reservation",
        "D6": _LATE + "the end of a parking, and how often there was one",
        "D9": _LATE + "a nudge that another look has left",
        "D10": _LATE + "how often a run was parked",
        "D11": _LATE + "the end of a quarantine",
        "H1": _LATE + "what was committed in a transaction of the host's",
        "R3": _LATE + "rows that were written anew",
        "R4": _TWICE + "after a nudge",
    }

    def storage(self, wire: Wire) -> Storage:  # type: ignore[override]  # not SQLite's own any more
        before = super().storage(quiet)
        storage = hinted(before, redis_url(), sweep_every=3600)
        for _ in ("a sweep", "another, because the set is one that it does not know"):
            storage.due("default", offers=(), limit=1, reserve_for=0)
        storage._storage = super().storage(wire)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  # it was no part of the test
        before.close()
        return storage
