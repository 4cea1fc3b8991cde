"""Storages whose index, due work, blobs, clock or checkpoints are broken."""

# what the methods should do is said by the port; what they do instead, by their mutant

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from squidie_contract.mutants.broken import BrokenStorage, StorageMutant
from squidie_contract.wire import Wire
from squidie_core.errors import OptionError, StorageError, Unavailable
from squidie_core.journal.commit import (
    Checkpoint,
    Commit,
    CommitResult,
    Head,
    IndexRow,
    LoadedThread,
    StoredCommit,
)
from squidie_core.ports.storage import (
    Capabilities,
    DueBatch,
    DueRun,
    HeadStatus,
    PurgePage,
    RebuildPage,
    RunPage,
    RunQuery,
    Storage,
    Tombstone,
)


class DeclaresAnew(StorageMutant):
    """What it can do is another thing each time it is asked."""

    breaks = "C1"

    class Broken(BrokenStorage):
        @property
        def capabilities(self) -> Capabilities:
            return replace(super().capabilities, max_group=random.randrange(1, 2**60))  # noqa: S311  # guards nothing


class StaysOpen(StorageMutant):
    """It answers after it was closed."""

    breaks = "C2"

    class Broken(BrokenStorage):
        def close(self) -> None:
            pass


class IsForOneThread(StorageMutant):
    """A second thread finds the connection in use."""

    breaks = "C3"

    class Broken(BrokenStorage):
        def commit(self, commits: Sequence[Commit]) -> Sequence[CommitResult]:
            connection: threading.Lock = self.__dict__.setdefault("connection", threading.Lock())
            if not connection.acquire(blocking=False):
                raise RuntimeError("the connection is in use")
            try:
                time.sleep(0.002)  # what a server takes
                return super().commit(commits)
            finally:
                connection.release()


class WritesTheRowLater(StorageMutant):
    """The index row is a round trip of its own, after the entries."""

    breaks = "I1"
    trips = True

    class Broken(BrokenStorage):
        def commit(self, commits: Sequence[Commit]) -> Sequence[CommitResult]:
            rows = {
                one.thread_id: self.thread(one.thread_id).index
                for commit in commits
                for one in commit.appends
                if super().heads([one.thread_id])
            }
            results = self.trip(commits)
            written = [
                one for c, r in zip(commits, results, strict=True) if not hasattr(r, "thread_ids") for one in c.appends
            ]
            for one in written:
                self.thread(one.thread_id).index = rows.get(one.thread_id, replace(one.index, status="new"))
            with self.wire("write the rows"):
                for one in written:
                    self.thread(one.thread_id).index = one.index
            return results

        def heads(self, thread_ids: Sequence[str]) -> Mapping[str, HeadStatus]:
            with self.wire("heads"):
                return super().heads(thread_ids)

        def find(self, query: RunQuery) -> RunPage:
            with self.wire("find"):
                return super().find(query)


class HidesTheQuarantine(StorageMutant):
    """`heads` does not tell of a quarantine."""

    breaks = "I2"

    class Broken(BrokenStorage):
        def heads(self, thread_ids: Sequence[str]) -> Mapping[str, HeadStatus]:
            return {key: replace(one, quarantine_reason=None) for key, one in super().heads(thread_ids).items()}


class ListsTiesAnyhow(StorageMutant):
    """Runs that started at once are listed in another order."""

    breaks = "I3"

    class Broken(BrokenStorage):
        def find(self, query: RunQuery) -> RunPage:
            page = super().find(query)
            return replace(page, runs=sorted(page.runs, key=lambda run: (-run.index.started_at, run.thread_id)))


class CountsRows(StorageMutant):
    """A cursor is how many rows to pass over, however many have come meanwhile."""

    breaks = "I4"

    class Broken(BrokenStorage):
        def find(self, query: RunQuery) -> RunPage:
            try:
                skip = int(query.cursor or "0")
            except ValueError:
                raise OptionError("cursor: no page gave this cursor") from None
            found = super().find(replace(query, cursor=None, limit=10_000)).runs
            more = len(found) > skip + query.limit
            return RunPage(runs=found[skip : skip + query.limit], next_cursor=str(skip + query.limit) if more else None)


class LooksAtTheFirstNeed(StorageMutant):
    """A run is due for the first of its needs only."""

    breaks = "D1"

    class Broken(BrokenStorage):
        def due(self, queue: str, *, offers: Sequence[str], limit: int, reserve_for: int) -> DueBatch:
            batch = super().due(queue, offers=offers, limit=limit, reserve_for=reserve_for)
            return replace(
                batch, runs=[run for run in batch.runs if self.thread(run.thread_id).index.needs[0] in offers]
            )


class KnowsNoPriority(StorageMutant):
    """The earliest comes first, whatever its priority."""

    breaks = "D2"

    class Broken(BrokenStorage):
        def due(self, queue: str, *, offers: Sequence[str], limit: int, reserve_for: int) -> DueBatch:
            self._world.namespaces[self.namespace].polls[queue] = 7  # the next is the one that takes the oldest first
            return super().due(queue, offers=offers, limit=limit, reserve_for=reserve_for)


class LetsThemWait(StorageMutant):
    """The last priority gets its turn when there is no other."""

    breaks = "D3"

    class Broken(BrokenStorage):
        def due(self, queue: str, *, offers: Sequence[str], limit: int, reserve_for: int) -> DueBatch:
            self._world.namespaces[self.namespace].polls[queue] = 0
            return super().due(queue, offers=offers, limit=limit, reserve_for=reserve_for)


class LooksAtTheFirstFew(StorageMutant):
    """It takes a few runs from the front of the queue, and then sees which can be advanced."""

    breaks = "D4"

    class Broken(BrokenStorage):
        def due(self, queue: str, *, offers: Sequence[str], limit: int, reserve_for: int) -> DueBatch:
            threads = self._world.namespaces[self.namespace].threads
            front = sorted(threads, key=lambda key: (threads[key].index.priority, threads[key].due_at or 0))[:20]
            batch = super().due(queue, offers=offers, limit=limit, reserve_for=reserve_for)
            return replace(batch, runs=[run for run in batch.runs if run.thread_id in front])


class ReservesNothing(StorageMutant):
    """The next call gets the same runs."""

    breaks = "D5"

    class Broken(BrokenStorage):
        def due(self, queue: str, *, offers: Sequence[str], limit: int, reserve_for: int) -> DueBatch:  # noqa: ARG002  # what is wrong
            return super().due(queue, offers=offers, limit=limit, reserve_for=0)


class ReservesForEver(StorageMutant):
    """A reservation ends with a commit, or never."""

    breaks = "D5"

    class Broken(BrokenStorage):
        def due(self, queue: str, *, offers: Sequence[str], limit: int, reserve_for: int) -> DueBatch:
            return super().due(queue, offers=offers, limit=limit, reserve_for=reserve_for and 2**50)


class ForgetsWhy(StorageMutant):
    """A parked run does not say why."""

    breaks = "D6"

    class Broken(BrokenStorage):
        def reserve(self, *thread_ids: str, until: int, reason: str) -> None:  # noqa: ARG002  # what is wrong
            super().reserve(*thread_ids, until=until, reason="")


class ReservesForItself(StorageMutant):
    """Only the client that reserved a run knows of it."""

    breaks = "D7"

    class Broken(BrokenStorage):
        def due(self, queue: str, *, offers: Sequence[str], limit: int, reserve_for: int) -> DueBatch:
            mine: dict[str, int] = self.__dict__.setdefault("mine", {})
            batch = super().due(queue, offers=offers, limit=10_000, reserve_for=0)
            runs = [run for run in batch.runs if mine.get(run.thread_id, 0) <= batch.now][:limit]
            mine |= {run.thread_id: batch.now + reserve_for for run in runs}
            return replace(batch, runs=runs)


class LooksThenReserves(StorageMutant):
    """What is due is one round trip, its reservation another."""

    breaks = "D12"
    trips = True

    class Broken(BrokenStorage):
        def due(self, queue: str, *, offers: Sequence[str], limit: int, reserve_for: int) -> DueBatch:
            with self.wire("look"):
                batch = super().due(queue, offers=offers, limit=limit, reserve_for=0)
            with self.wire("reserve"):
                for run in batch.runs:
                    self.thread(run.thread_id).reserved_until = batch.now + reserve_for
            return batch


class DropsNudges(StorageMutant):
    """Nobody is nudged."""

    breaks = "D8"

    class Broken(BrokenStorage):
        def commit(self, commits: Sequence[Commit]) -> Sequence[CommitResult]:
            return super().commit([replace(commit, nudges=()) for commit in commits])


class AnswersAllNudges(StorageMutant):
    """A commit answers every nudge, also those that came after its decision."""

    breaks = "D9"

    class Broken(BrokenStorage):
        def commit(self, commits: Sequence[Commit]) -> Sequence[CommitResult]:
            return super().commit(
                [replace(c, appends=tuple(replace(a, nudges_seen=2**40) for a in c.appends)) for c in commits]
            )


class BringsTooLittle(StorageMutant):
    """What `due` brings along is without the last commit."""

    breaks = "D10"

    class Broken(BrokenStorage):
        def due(self, queue: str, *, offers: Sequence[str], limit: int, reserve_for: int) -> DueBatch:
            batch = super().due(queue, offers=offers, limit=limit, reserve_for=reserve_for)
            return replace(batch, runs=[self._shortened(run) for run in batch.runs])

        def _shortened(self, run: DueRun) -> DueRun:
            return (
                run if run.loaded is None else replace(run, loaded=replace(run.loaded, commits=run.loaded.commits[:-1]))
            )


class ReleasesOnCommit(StorageMutant):
    """A commit ends a quarantine."""

    breaks = "D11"

    class Broken(BrokenStorage):
        def commit(self, commits: Sequence[Commit]) -> Sequence[CommitResult]:
            results = super().commit(commits)
            for commit in commits:
                for one in commit.appends:
                    self.unquarantine(one.thread_id)
            return results


class OverwritesBlobs(StorageMutant):
    """The last who puts a blob wins."""

    breaks = "B1"

    class Broken(BrokenStorage):
        def put_blob(self, digest: str, body: str) -> None:
            self._world.namespaces[self.namespace].blobs[digest] = body


class LooksThenPuts(StorageMutant):
    """Whether there is a blob is one round trip, putting it another."""

    breaks = "B2"
    trips = True

    class Broken(BrokenStorage):
        def put_blob(self, digest: str, body: str) -> None:
            with self.wire("look"):
                exists = digest in super().get_blobs([digest])
            if not exists:
                with self.wire("put"):
                    self._world.namespaces[self.namespace].blobs[digest] = body

        def get_blobs(self, digests: Sequence[str]) -> Mapping[str, str]:
            with self.wire("get"):
                return super().get_blobs(digests)


class CountsSeconds(StorageMutant):
    """The time is in seconds."""

    breaks = "T1"

    class Broken(BrokenStorage):
        def clock(self) -> int:
            return super().clock() // 1000


class GoesWrong(StorageMutant):
    """Every client's clock is ten seconds ahead of the one before; no skew is declared."""

    breaks = "T2"

    class Broken(BrokenStorage):
        def clock(self) -> int:
            return super().clock() + self.offset

        offset = 0

    def storage(self, wire: Wire) -> Storage:  # noqa: ARG002  # nothing happens to these
        self.clients = getattr(self, "clients", 0) + 1
        made = self.Broken(f"mutant {id(self)}", world=self.world)
        made.offset = 10_000 * self.clients
        return made


class SkipsAfterACheckpoint(StorageMutant):
    """The commit after a checkpoint is left out."""

    breaks = "R1"

    class Broken(BrokenStorage):
        def load(
            self, thread_ids: Sequence[str], *, known: Mapping[str, Head] | None = None
        ) -> Mapping[str, LoadedThread]:
            return {
                key: one if one.checkpoint is None else replace(one, commits=one.commits[1:])
                for key, one in super().load(thread_ids, known=known).items()
            }


class TrustsCheckpoints(StorageMutant):
    """A checkpoint is given, whichever history it belongs to."""

    breaks = "R2"

    class Broken(BrokenStorage):
        def load(
            self, thread_ids: Sequence[str], *, known: Mapping[str, Head] | None = None
        ) -> Mapping[str, LoadedThread]:
            return {
                key: self._trusting(key, one) if key not in (known or {}) else one
                for key, one in super().load(thread_ids, known=known).items()
            }

        def _trusting(self, thread_id: str, loaded: LoadedThread) -> LoadedThread:
            checkpoint: Checkpoint | None = self.thread(thread_id).checkpoint
            if checkpoint is None:
                return loaded
            return replace(loaded, checkpoint=checkpoint, commits=self.read(thread_id, after=checkpoint.head.rev))


class RebuildsFromTheEnd(StorageMutant):
    """Rows are derived from the last commit alone."""

    breaks = "R3"

    class Broken(BrokenStorage):
        def rebuild_index(
            self,
            derive: Callable[[str, Sequence[StoredCommit]], IndexRow],
            *,
            after: str | None = None,
            limit: int = 100,
        ) -> RebuildPage:
            return super().rebuild_index(lambda key, commits: derive(key, commits[-1:]), after=after, limit=limit)


class RebuildsOverWriters(StorageMutant):
    """A row is written though the thread has moved on."""

    breaks = "R4"

    class Broken(BrokenStorage):
        def _rewrite(self, thread_id: str, head: Head, index: IndexRow) -> bool:  # noqa: ARG002  # what is wrong
            self.thread(thread_id).index = index
            return True


class StopsAtTheFirst(StorageMutant):
    """What cannot be derived ends the rebuilding."""

    breaks = "R5"

    class Broken(BrokenStorage):
        def rebuild_index(
            self,
            derive: Callable[[str, Sequence[StoredCommit]], IndexRow],
            *,
            after: str | None = None,
            limit: int = 100,
        ) -> RebuildPage:
            def strict(thread_id: str, commits: Sequence[StoredCommit]) -> IndexRow:
                try:
                    return derive(thread_id, commits)
                except StorageError as error:
                    raise RuntimeError("cannot be derived") from error

            return super().rebuild_index(strict, after=after, limit=limit)


class PurgesWhateverHasEnded(StorageMutant):
    """A purge does not look at statuses."""

    breaks = "P1"

    class Broken(BrokenStorage):
        def purge(
            self,
            *,
            before: int,
            statuses: Sequence[str],  # noqa: ARG002  # what is wrong
            remember_until: int,
            limit: int = 100,
            after: str | None = None,
            dry_run: bool = False,
        ) -> PurgePage:
            every = ("completed", "failed", "cancelled")
            return super().purge(
                before=before,
                statuses=every,
                remember_until=remember_until,
                limit=limit,
                after=after,
                dry_run=dry_run,
            )


class PurgesTheIndexOnly(StorageMutant):
    """What was purged can still be read."""

    breaks = "P2"

    class Broken(BrokenStorage):
        def read(self, thread_id: str, *, after: int = 0, limit: int | None = None) -> Sequence[StoredCommit]:
            kept: dict[str, Sequence[StoredCommit]] = self.__dict__.setdefault("kept", {})
            found = super().read(thread_id, after=after, limit=limit)
            return found or kept.get(thread_id, ())

        def commit(self, commits: Sequence[Commit]) -> Sequence[CommitResult]:
            results = super().commit(commits)
            kept: dict[str, Sequence[StoredCommit]] = self.__dict__.setdefault("kept", {})
            kept |= {one.thread_id: super(type(self), self).read(one.thread_id) for c in commits for one in c.appends}
            return results


class LeavesNoTombstone(StorageMutant):
    """What was purged was never there."""

    breaks = "P3"

    class Broken(BrokenStorage):
        def tombstones(self, thread_ids: Sequence[str]) -> Mapping[str, Tombstone]:  # noqa: ARG002  # what is wrong
            return {}


class LetsErrorsThrough(StorageMutant):
    """What the connection raises reaches the caller."""

    breaks = "E1"
    trips = True

    class Broken(BrokenStorage):
        def heads(self, thread_ids: Sequence[str]) -> Mapping[str, HeadStatus]:
            with self.wire("heads"):
                return super().heads(thread_ids)


class TellsThePassword(StorageMutant):
    """The text of an error holds the URL."""

    breaks = "E2"
    trips = True

    @property
    def secrets(self) -> tuple[str, ...]:
        return ("mellon-123",)

    class Broken(BrokenStorage):
        def heads(self, thread_ids: Sequence[str]) -> Mapping[str, HeadStatus]:
            try:
                with self.wire("heads"):
                    return super().heads(thread_ids)
            except ConnectionError as error:
                raise Unavailable("postgresql://gimli:mellon-123@moria/doors cannot be reached") from error


class DeniesIt(StorageMutant):
    """Whenever an answer is lost it says that nothing took effect."""

    breaks = "E3"
    trips = True

    class Broken(BrokenStorage):
        def commit(self, commits: Sequence[Commit]) -> Sequence[CommitResult]:
            try:
                return self.trip(commits)
            except Unavailable as error:
                raise Unavailable(error.message, outcome="none") from error
