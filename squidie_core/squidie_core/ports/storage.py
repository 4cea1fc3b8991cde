"""The storage port: threads of entries fenced by their heads, an index written with them, and the work that is due.

An adapter stores and fences; it does not know what a step is. Every method may be called from any thread at once. Times
are integer milliseconds since the epoch by the store's clock, durations integer milliseconds. Every method raises
`Unavailable` when the store cannot be reached or does not answer in time, and never any error of a driver; no error's
text holds a credential (E1, E2). The ids in parentheses are the clauses of the adapters' contract, `docs/contract.md`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from typing import Protocol, runtime_checkable

from squidie_core.dataclass import record
from squidie_core.journal.commit import Checkpoint, Commit, CommitResult, Head, IndexRow, LoadedThread, StoredCommit


@record(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What an adapter declares about itself."""

    name: str
    local_clock: bool = False
    """`clock()` is this machine's clock and costs nothing; a remote one costs a round trip."""
    max_skew: int = 0
    """How far apart, in milliseconds, the clocks of two clients may be; 0 where the store's own clock rules.

    A lease is taken over only so long after its end by the taker's clock: then it has ended by its owner's clock too.
    """
    max_appends: int = 100
    """How many appends one commit may hold. With less than two no step can start children: the contract wants two."""
    max_group: int = 256
    """How many commits one call should bring; more are taken, in several round trips."""
    durable: bool = True
    """What was committed survives the end of the process."""
    exclusive_reservations: bool = False
    """No two callers of `due` get the same run while a reservation lasts."""
    host_transactions: bool = False
    """It takes part in the host's transactions: it satisfies `ports.transactions.HostTransactions` too."""


@record(frozen=True, slots=True, kw_only=True)
class DueRun:
    """A run that wants attention. `loaded` is `None` where the thread is too large to bring along."""

    thread_id: str
    head: Head
    loaded: LoadedThread | None = None
    parked: int = 0
    """How many times in a row nobody could advance it."""
    nudges: int = 0
    """How often it was nudged so far."""


@record(frozen=True, slots=True, kw_only=True)
class DueBatch:
    """What `due` found. `now` is the store's time. `next_wake` is when the next run falls due, where that is known."""

    runs: Sequence[DueRun]
    now: int
    next_wake: int | None = None


@record(frozen=True, slots=True, kw_only=True)
class HeadStatus:
    """The cheap look at a run."""

    head: Head
    status: str
    nudges: int = 0
    parked_until: int | None = None
    park_reason: str | None = None
    quarantine_reason: str | None = None


@record(frozen=True, slots=True, kw_only=True)
class RunQuery:
    """Which runs to list, newest start first, ties by thread id descending. `cursor` is a page's `next_cursor`.

    `due_before`: only runs whose index row has a `wake_at` at or before this time.
    """

    workflow: str | None = None
    status: str | None = None
    queue: str | None = None
    tag: str | None = None
    quarantined: bool | None = None
    due_before: int | None = None
    limit: int = 100
    cursor: str | None = None


@record(frozen=True, slots=True, kw_only=True)
class RunRow:
    """One listed run."""

    thread_id: str
    head: Head
    index: IndexRow
    updated_at: int
    parked_until: int | None = None
    park_reason: str | None = None
    quarantine_reason: str | None = None


@record(frozen=True, slots=True, kw_only=True)
class RunPage:
    """A page of listed runs. `next_cursor` is `None` on the last one."""

    runs: Sequence[RunRow]
    next_cursor: str | None = None


@record(frozen=True, slots=True, kw_only=True)
class Tombstone:
    """What is left of a purged run, as its index row had it. Times in milliseconds since the epoch."""

    workflow: str
    status: str
    start_digest: str
    ended_at: int
    expires_at: int
    """From then on a purge may take the tombstone too."""


@record(frozen=True, slots=True, kw_only=True)
class PurgePage:
    """What one call of `purge` took. `next_after` is where to go on, `None` where every run was looked at.

    `expired`: how many tombstones it collected.
    """

    run_ids: Sequence[str]
    next_after: str | None = None
    expired: int = 0


@record(frozen=True, slots=True, kw_only=True)
class RebuildPage:
    """What one call of `rebuild_index` did. `next_after` is where to go on, `None` at the end.

    `failed` maps a thread to why its row could not be derived.
    """

    examined: int
    written: int
    next_after: str | None
    failed: Mapping[str, str] = field(default_factory=dict[str, str])


@runtime_checkable
class Storage(Protocol):
    """A store of runs, for one namespace. Namespaces never see each other (J14).

    Where several answers would be right, the model is `squidie_core.memory.MemoryStorage` (J1). One client serves many
    threads (C3). Names, texts and numbers come back as they were (J12).
    """

    @property
    def capabilities(self) -> Capabilities:
        """What this adapter can do; constant (C1)."""
        ...

    @property
    def namespace(self) -> str:
        """The namespace that this object works in; constant."""
        ...

    def clock(self) -> int:
        """The store's time now (T1). Clients differ by no more than the declared `max_skew` (T2)."""
        ...

    def commit(self, commits: Sequence[Commit]) -> Sequence[CommitResult]:
        """Write each commit whole or not at all (J4), each judged on its own; results in the commits' order (J5).

        An append is accepted only if its thread's head equals `expected` at that moment (J3); the thread's revisions
        have no gap (J2). Its entries, its index row and its new head become visible together (I1). A refused commit
        leaves no trace (J6). No commit waits for a row that somebody else has locked: `Busy` then, which also means no
        effect (J7). A thread occurs in at most one commit of a call, and once; a commit of an append whose content the
        store can never take is `Refused` and harms no other (J13). What is `Committed` is durable (J15).
        After `Unavailable(outcome="unknown")` each commit took effect wholly or not at all (J8), after `none` not at
        all (E3); to find out, call again with the same commits: one that had taken effect gives `Committed` again and
        has no second effect (J9).
        A commit clears the reservation and the parking of its threads, and makes them due at `index.wake_at` (D5).

        A run in `nudges` is due from then on (D8) until an append ends it, or an append or `acknowledge` says that so
        many nudges were seen (`Append.nudges_seen`): a nudge that the decision had not seen keeps the run due (D9).
        Runs that have ended are counted up and not due; runs that do not exist stay so, and whether one that the same
        call starts counts as existing is not said. A nudge waits for nobody: where somebody has the row locked it may
        be lost, so whoever waits for one looks again by itself after a while. A commit without appends may nudge twice.
        """
        ...

    def load(self, thread_ids: Sequence[str], *, known: Mapping[str, Head] | None = None) -> Mapping[str, LoadedThread]:
        """The threads, in one round trip where that is possible; those that do not exist are left out (J11).

        For a thread in `known` only the commits after that head are given; the caller checks that they follow it
        (`StoredCommit.previous`, or the head itself where there are none) and loads the thread whole where not. For the
        others the newest checkpoint may stand for the commits before it (R1). What is given is a prefix of the thread
        in whole commits, never less than an earlier call in this process has seen (J10).
        """
        ...

    def heads(self, thread_ids: Sequence[str]) -> Mapping[str, HeadStatus]:
        """The heads of the threads that exist, without their entries, in one round trip (I2)."""
        ...

    def read(self, thread_id: str, *, after: int = 0, limit: int | None = None) -> Sequence[StoredCommit]:
        """The commits that hold the revisions above `after`, in order, at most `limit` commits (J11)."""
        ...

    def due(self, queue: str, *, offers: Sequence[str], limit: int, reserve_for: int) -> DueBatch:
        """Runs of the queue whose time has come and that need one of `offers`, at most `limit` (D1).

        Runs whose `min_reader` is above `journal.codec.READER_VERSION` are left out, as are quarantined ones.

        Lower priorities first, then the earliest (D2); a run that waits is overtaken for a bounded time only (D3).
        Where not all can be given, a time that was past when it was written may count as the time of the writing. Each
        is reserved for `reserve_for` milliseconds, in which this client's other calls leave it out, and those of others
        where they can (D7, D12). Reservations and parking lapse by themselves (D5), so no run is lost; runs that nobody
        can advance never keep others out (D4). What is brought along is what a load would give (D10).
        """
        ...

    def reserve(self, *thread_ids: str, until: int, reason: str) -> None:
        """Park the runs (D6): `due` leaves each out before `until`, or until the next commit.

        Not part of the journal. In one round trip where that is possible. A run that does not exist, or that somebody
        has locked, stays as it is.
        """
        ...

    def acknowledge(self, seen: Mapping[str, int]) -> None:
        """Somebody looked at these runs, each after so many nudges, and there was nothing to write (D9).

        Ends their reservations. A run that was not nudged since is due at its index row's `wake_at` again; parking and
        quarantine stay. In one round trip where that is possible. A run that does not exist, or that somebody has
        locked, stays as it is.
        """
        ...

    def find(self, query: RunQuery) -> RunPage:
        """List runs from the index alone (I3). Raises OptionError for a cursor that no page gave (I4)."""
        ...

    def put_blob(self, digest: str, body: str) -> None:
        """Keep an immutable text (ASCII) under its name; what is there already stays (B1, B2)."""
        ...

    def get_blobs(self, digests: Sequence[str]) -> Mapping[str, str]:
        """The texts that exist under these names."""
        ...

    def put_checkpoint(self, thread_id: str, checkpoint: Checkpoint) -> None:
        """Keep a checkpoint in place of an older one. It may be dropped at any time (R2)."""
        ...

    def delete_checkpoint(self, thread_id: str) -> None:
        """Drop the thread's checkpoint, if there is one."""
        ...

    def quarantine(self, thread_id: str, *, reason: str, by: str) -> None:
        """Keep the run, if it exists, out of `due` until `unquarantine` (D11); it stays listed, also when rebuilt."""
        ...

    def unquarantine(self, thread_id: str) -> bool:
        """Let the run take part again. Returns whether it was quarantined."""
        ...

    def purge(
        self,
        *,
        before: int,
        statuses: Sequence[str],
        remember_until: int,
        limit: int = 100,
        after: str | None = None,
        dry_run: bool = False,
    ) -> PurgePage:
        """Forget runs that ended before that time with one of these statuses, at most `limit` (P1).

        Entries, checkpoint, index row and head go together: readers see a run whole or not at all (P2). A tombstone
        stays (P3) at least until `remember_until`. Appends to the thread conflict then, a new start of it too. Left
        alone are runs whose `parent` is there and has not ended, quarantined ones, and those that somebody has locked.

        Goes through the runs in an order of its own; `after` is the `next_after` of the page before (OptionError for
        what no page gave). A page may hold few runs or none and yet not be the last. With `dry_run` it only says which
        runs it would take; otherwise each call also collects at most `limit` tombstones whose time is over, unless the
        store does so by itself. Without `statuses` it does that alone.
        """
        ...

    def tombstones(self, thread_ids: Sequence[str]) -> Mapping[str, Tombstone]:
        """The tombstones of those threads that were purged, in one round trip (P3)."""
        ...

    def rebuild_index(
        self,
        derive: Callable[[str, Sequence[StoredCommit]], IndexRow],
        *,
        after: str | None = None,
        limit: int = 100,
    ) -> RebuildPage:
        """Write the heads and index rows of up to `limit` threads anew from their commits, in order of thread id (R3).

        Goes on after thread id `after`. A row is written only where the head is still the one read, or missing (R4).
        What `derive` raises as StorageError is reported in the page (R5). Reservations, nudges and quarantine stay.
        """
        ...

    def close(self) -> None:
        """Give back connections. Calls after this raise Unavailable (C2)."""
        ...
