"""Examining a store: is it there, is it quick, does it tell the truth, does anything wait in vain. Changes nothing."""

from __future__ import annotations

import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import partial

from squidie_core.dataclass import record
from squidie_core.errors import SquidieError, StorageError
from squidie_core.journal.codec import READER_VERSION
from squidie_core.journal.entries import Json
from squidie_core.journal.redaction import scrub
from squidie_core.ports.health import Diagnosable, Finding, FindingStatus
from squidie_core.ports.notifier import Notifier
from squidie_core.ports.storage import RunQuery, RunRow, Storage
from squidie_core.runtime.sampling import examine_sample

NOTABLE_SKEW = 2_000
_ROUND_TRIPS = 5
_HINTS = 12
_HINT_PATIENCE = 0.25
_MOST_LISTED = 100
_SHOWN = 5
_NOBODY = "00000000-0000-0000-0000-000000000000"

_PARKED_HINTS = {
    "step_unavailable": "start a worker whose workflows have the step, or whose actions have that of the node",
    "unknown_version": "upgrade the workers: a newer Squidie wrote these runs",
    "refused": "see the worker's log: the store takes no more of this run",
    "error": "see the worker's log for what was raised",
}


@record(frozen=True, slots=True)
class Diagnosis:
    """What an examination found, in the order of the checks."""

    findings: tuple[Finding, ...]

    @property
    def status(self) -> FindingStatus:
        """The worst of them."""
        found = {finding.status for finding in self.findings}
        return "fail" if "fail" in found else "warn" if "warn" in found else "ok"

    def to_dict(self) -> dict[str, Json]:
        """The same as plain JSON."""
        return {"status": self.status, "findings": [finding.to_dict() for finding in self.findings]}


def examine(storage: Storage, notifier: Notifier | None, *, stuck_after: int, sample: int) -> Diagnosis:
    """Make every check. One that cannot be made is a finding too.

    A run is stuck that was due `stuck_after` milliseconds ago and that nobody has taken. The journals of about `sample`
    runs are read whole and compared with the index: the newest of each status, and the newest of all.
    """
    checks: Sequence[tuple[str, Callable[[], Iterable[Finding]]]] = (
        ("store", partial(_store, storage)),
        ("clock", partial(_clock, storage)),
        ("notifier", partial(_notifier, notifier)),
        ("stuck", partial(_stuck, storage, stuck_after)),
        ("quarantine", partial(_quarantined, storage)),
        ("journals", partial(examine_sample, storage, sample)),
        ("health", partial(_health, storage)),
    )
    return Diagnosis(tuple(finding for name, check in checks for finding in _made(name, check)))


def unopened(error: SquidieError) -> Diagnosis:
    """The diagnosis of a store that could not even be opened; the error's message says what to do."""
    details: dict[str, Json] = {"code": error.code}
    return Diagnosis((Finding(check="store", status="fail", message=scrub(error.message), details=details),))


def _made(name: str, check: Callable[[], Iterable[Finding]]) -> Sequence[Finding]:
    try:
        return list(check())
    except StorageError as error:
        message = f"this could not be looked at: {scrub(error.message)}"
        return [Finding(check=name, status="fail", message=message, details={"code": error.code})]


def _store(storage: Storage) -> Iterable[Finding]:
    """The schema was checked when the storage was opened."""
    name = storage.capabilities.name
    taken = sorted(_milliseconds(partial(storage.heads, [_NOBODY])) for _ in range(_ROUND_TRIPS))
    median, slowest = round(taken[_ROUND_TRIPS // 2], 2), round(taken[-1], 2)
    yield Finding(
        check="store",
        status="ok",
        message=f"{name}, namespace {storage.namespace}: opened; its schema suits this client",
        details={"name": name, "namespace": storage.namespace},
    )
    yield Finding(
        check="latency",
        status="ok",
        message=f"a round trip takes {median:g} ms, the slowest of {_ROUND_TRIPS} took {slowest:g} ms",
        details={"median_ms": median, "slowest_ms": slowest},
    )


def _milliseconds(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return (time.perf_counter() - began) * 1000


def _clock(storage: Storage) -> Iterable[Finding]:
    if storage.capabilities.local_clock:
        yield Finding(check="clock", status="ok", message="the store goes by this machine's clock")
        return
    before = time.time_ns()
    store_now = storage.clock()
    after = time.time_ns()
    skew = round((before + after) / 2_000_000) - store_now
    far = abs(skew) > NOTABLE_SKEW
    yield Finding(
        check="clock",
        status="warn" if far else "ok",
        message=f"this machine's clock is {abs(skew)} ms {'ahead of' if skew > 0 else 'behind'} the store's",
        hint="set the machine's clock by NTP; the store's rules, so nothing is harmed but what people read"
        if far
        else "",
        details={"skew_ms": skew},
    )


def _notifier(notifier: Notifier | None) -> Iterable[Finding]:
    if notifier is None:
        message = "there is none: workers of other processes find work by polling"
        yield Finding(check="notifier", status="ok", message=message, details={"configured": False})
        return
    trouble = _notifier_trouble(notifier)
    yield Finding(
        check="notifier",
        status="ok" if trouble is None else "warn",
        message="a hint arrives" if trouble is None else trouble,
        hint="" if trouble is None else "workers poll meanwhile; see that its server is reached without a pooler",
        details={"configured": True, "working": trouble is None},
    )


def _notifier_trouble(notifier: Notifier) -> str | None:
    """Why it does not work: hints to a queue of which nobody knows have to come back; the first may be lost."""
    queue = f"squidie-doctor-{secrets.token_hex(8)}"
    arrived = threading.Event()

    def hear(count: int) -> None:
        if count > 1:  # 1 may also say that a connection was lost, or is back
            arrived.set()

    try:
        subscription = notifier.listen(queue, hear)
        try:
            for _ in range(_HINTS):
                notifier.notify({queue: 2})
                if arrived.wait(_HINT_PATIENCE):
                    return None
        finally:
            subscription.close()
    except SquidieError as error:
        return f"it cannot be used: {scrub(error.message)}"
    return f"of {_HINTS} hints none arrived within {_HINTS * _HINT_PATIENCE:g} s"


def _stuck(storage: Storage, stuck_after: int) -> Iterable[Finding]:
    before = storage.clock() - stuck_after
    rows = [
        row
        for status in ("running", "paused")
        for row in storage.find(RunQuery(status=status, quarantined=False, due_before=before, limit=_MOST_LISTED)).runs
    ]
    minutes = f"{stuck_after / 60_000:g} minutes"
    if not rows:
        yield Finding(check="stuck", status="ok", message=f"no run has been due for more than {minutes}")
        return
    reasons = Counter(_parked(row) or f"not taken from queue {row.index.queue}" for row in rows)
    hints = {
        _PARKED_HINTS.get(reason, "see the worker's log")
        if (reason := _parked(row)) is not None
        else f"start a worker for queue {row.index.queue} that knows workflow {row.index.workflow}"
        for row in rows
    }
    told = ", ".join(f"{reason}: {count}" for reason, count in reasons.most_common())
    yield Finding(
        check="stuck",
        status="warn",
        message=f"{_count(rows)} due for more than {minutes} ({told}): {_examples(rows)}",
        hint="; ".join(sorted(hints)),
        details={"runs": [{"id": row.thread_id, "queue": row.index.queue, "parked": _parked(row)} for row in rows]},
    )


def _parked(row: RunRow) -> str | None:
    """Why workers leave the run alone. What a newer Squidie wrote they do not even look at."""
    return "unknown_version" if row.index.min_reader > READER_VERSION else row.park_reason


def _quarantined(storage: Storage) -> Iterable[Finding]:
    rows = storage.find(RunQuery(quarantined=True, limit=_MOST_LISTED)).runs
    if not rows:
        yield Finding(check="quarantine", status="ok", message="no run is quarantined")
        return
    yield Finding(
        check="quarantine",
        status="fail",
        message=f"{_count(rows)} taken out of their queues: {_examples(rows)}",
        hint="repair their journals, from a backup if need be, then call Squidie.unquarantine(id)",
        details={"runs": [{"id": row.thread_id, "reason": row.quarantine_reason} for row in rows]},
    )


def _health(storage: Storage) -> Iterable[Finding]:
    return storage.health() if isinstance(storage, Diagnosable) else ()


def _count(rows: Sequence[RunRow]) -> str:
    if len(rows) == 1:
        return "1 run is"
    return f"{'at least ' if len(rows) >= _MOST_LISTED else ''}{len(rows)} runs are"


def _examples(rows: Sequence[RunRow]) -> str:
    shown = ", ".join(row.thread_id for row in rows[:_SHOWN])
    return shown if len(rows) <= _SHOWN else f"{shown}, ..."
