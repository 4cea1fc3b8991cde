"""Storages whose journals are broken."""

# what the methods should do is said by the port; what they do instead, by their mutant

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from squidie_contract.capabilities import Capability
from squidie_contract.mutants.broken import BrokenStorage, StorageMutant
from squidie_contract.wire import Wire
from squidie_contract.wired import wired
from squidie_core.errors import OptionError
from squidie_core.journal.codec import MAX_COMMIT_BYTES
from squidie_core.journal.commit import (
    COMMITTED,
    NO_HEAD,
    Append,
    Busy,
    Commit,
    CommitResult,
    Conflict,
    Head,
    LoadedThread,
    StoredCommit,
)
from squidie_core.memory import open_storage
from squidie_core.ports.storage import HeadStatus, RunPage, RunQuery, Storage


class ForgetsAFilter(StorageMutant):
    """A listing by queue holds the other queues too."""

    breaks = "J1"

    class Broken(BrokenStorage):
        def find(self, query: RunQuery) -> RunPage:
            return super().find(replace(query, queue=None))


class LeavesGaps(StorageMutant):
    """Every commit takes one revision too many."""

    breaks = "J2"

    class Broken(BrokenStorage):
        def read(self, thread_id: str, *, after: int = 0, limit: int | None = None) -> Sequence[StoredCommit]:
            found = super().read(thread_id, after=after, limit=limit)
            return [replace(commit, rev=commit.rev + place) for place, commit in enumerate(found)]


class ChecksThenWrites(StorageMutant):
    """The fence is one round trip, the write another."""

    breaks = "J3"
    trips = True

    class Broken(BrokenStorage):
        def commit(self, commits: Sequence[Commit]) -> Sequence[CommitResult]:
            return [self._checked(commit) for commit in commits]

        def _checked(self, commit: Commit) -> CommitResult:
            with self.wire("look at the heads"):
                heads = self._heads(commit)
            moved = tuple(one.thread_id for one in commit.appends if heads[one.thread_id] != one.expected)
            if moved:
                return Conflict(moved)
            with self.wire("write"):
                heads = self._heads(commit)
                forced = tuple(replace(one, expected=heads[one.thread_id]) for one in commit.appends)
                (result,) = super().commit([replace(commit, appends=forced)])
            return result

        def _heads(self, commit: Commit) -> dict[str, Head]:
            found = self.heads([one.thread_id for one in commit.appends])
            return {
                one.thread_id: found[one.thread_id].head if one.thread_id in found else NO_HEAD
                for one in commit.appends
            }


class LooksAtRevisionsOnly(StorageMutant):
    """The fence is the revision alone, whoever wrote it."""

    breaks = "J3"

    class Broken(BrokenStorage):
        def commit(self, commits: Sequence[Commit]) -> Sequence[CommitResult]:
            return super().commit(
                [replace(commit, appends=tuple(map(self._trusting, commit.appends))) for commit in commits]
            )

        def _trusting(self, one: Append) -> Append:
            found = self.heads([one.thread_id]).get(one.thread_id)
            return one if found is None or found.head.rev != one.expected.rev else replace(one, expected=found.head)


class ConflictsForNothing(StorageMutant):
    """Every third append to a thread is refused once, though nothing stands against it."""

    breaks = "J3"

    class Broken(BrokenStorage):
        def commit(self, commits: Sequence[Commit]) -> Sequence[CommitResult]:
            first = commits[0].appends[:1] if commits else ()
            if first and first[0].expected.rev == 2 and not hasattr(self, "refused"):
                self.refused = True
                return [Conflict((commit.appends[0].thread_id,)) for commit in commits]
            return super().commit(commits)


class WritesThreadByThread(StorageMutant):
    """A commit over several threads is a round trip for each."""

    breaks = "J4"
    trips = True

    class Broken(BrokenStorage):
        def commit(self, commits: Sequence[Commit]) -> Sequence[CommitResult]:
            return [self._one_by_one(commit) for commit in commits]

        def _one_by_one(self, commit: Commit) -> CommitResult:
            for one in commit.appends:
                (result,) = self.trip([Commit((one,))])
                if result != COMMITTED:
                    return result
            return COMMITTED


class GivesUpTheGroup(StorageMutant):
    """After the first commit that is not accepted, the rest of the group is not either."""

    breaks = "J5"

    class Broken(BrokenStorage):
        def commit(self, commits: Sequence[Commit]) -> Sequence[CommitResult]:
            results: list[CommitResult] = []
            for commit in commits:
                stopped = results and results[-1] != COMMITTED
                results += [Conflict((commit.appends[0].thread_id,))] if stopped else super().commit([commit])
            return results


class LeavesTheRow(StorageMutant):
    """The index row of a refused commit stays."""

    breaks = "J6"

    class Broken(BrokenStorage):
        def commit(self, commits: Sequence[Commit]) -> Sequence[CommitResult]:
            results = super().commit(commits)
            for commit, result in zip(commits, results, strict=True):
                for one in commit.appends if isinstance(result, Conflict) else ():
                    if self.heads([one.thread_id]):
                        self.thread(one.thread_id).index = one.index
            return results


class CallsItBusy(StorageMutant):
    """What has been decided against is said to be undecided."""

    breaks = "J7"

    class Broken(BrokenStorage):
        def commit(self, commits: Sequence[Commit]) -> Sequence[CommitResult]:
            return [
                Busy(result.thread_ids) if isinstance(result, Conflict) else result
                for result in super().commit(commits)
            ]


class WritesEntryByEntry(StorageMutant):
    """The second entry of an append is another round trip."""

    breaks = "J8"
    trips = True

    class Broken(BrokenStorage):
        def commit(self, commits: Sequence[Commit]) -> Sequence[CommitResult]:
            halves = [replace(c, appends=tuple(replace(a, count=1) for a in c.appends)) for c in commits]
            results = self.trip(halves)
            with self.wire("the rest"):
                for commit in commits:
                    for one in commit.appends:
                        self._complete(one)
            return results

        def _complete(self, one: Append) -> None:
            commits = self.thread(one.thread_id).commits if self.heads([one.thread_id]) else []
            for place, stands in enumerate(commits):
                if stands.commit_id == one.commit_id:
                    commits[place] = replace(stands, count=one.count)


class ForgetsItsOwn(StorageMutant):
    """Whoever submits again what took effect is told of a conflict with itself."""

    breaks = "J9"

    class Broken(BrokenStorage):
        def commit(self, commits: Sequence[Commit]) -> Sequence[CommitResult]:
            before = self.heads([one.thread_id for commit in commits for one in commit.appends])
            results = super().commit(commits)
            return [
                Conflict(moved) if result == COMMITTED and (moved := _moved(commit, before)) else result
                for commit, result in zip(commits, results, strict=True)
            ]


def _moved(commit: Commit, before: Mapping[str, HeadStatus]) -> tuple[str, ...]:
    return tuple(
        one.thread_id
        for one in commit.appends
        if (before[one.thread_id].head if one.thread_id in before else NO_HEAD) != one.expected
    )


class WritesAgain(StorageMutant):
    """What is submitted again is written again."""

    breaks = "J9"

    class Broken(BrokenStorage):
        def commit(self, commits: Sequence[Commit]) -> Sequence[CommitResult]:
            seen: set[int] = self.__dict__.setdefault("seen", set())
            results = list(super().commit(commits))
            for commit, result in zip(commits, results, strict=True):
                for one in commit.appends if result == COMMITTED else ():
                    if one.commit_id in self._world.__dict__.setdefault("written", seen):
                        self.thread(one.thread_id).append(
                            replace(one, expected=self.thread(one.thread_id).head), self._world.clock()
                        )
                    self._world.__dict__["written"].add(one.commit_id)
            return results


class RemembersWhatItRead(StorageMutant):
    """A client that has read a thread does not ask again."""

    breaks = "J10"

    class Broken(BrokenStorage):
        def read(self, thread_id: str, *, after: int = 0, limit: int | None = None) -> Sequence[StoredCommit]:
            remembered: dict[tuple[str, int, int | None], Sequence[StoredCommit]] = self.__dict__.setdefault("seen", {})
            return remembered.setdefault((thread_id, after, limit), super().read(thread_id, after=after, limit=limit))


class ReadsOneTooMany(StorageMutant):
    """`after` is not left out."""

    breaks = "J11"

    class Broken(BrokenStorage):
        def read(self, thread_id: str, *, after: int = 0, limit: int | None = None) -> Sequence[StoredCommit]:
            return super().read(thread_id, after=max(0, after - 1), limit=limit)


class FoldsCase(StorageMutant):
    """Names are compared without their case."""

    breaks = "J12"

    class Broken(BrokenStorage):
        def commit(self, commits: Sequence[Commit]) -> Sequence[CommitResult]:
            return super().commit(
                [
                    replace(c, appends=tuple(replace(a, thread_id=a.thread_id.lower()) for a in c.appends))
                    for c in commits
                ]
            )

        def load(
            self, thread_ids: Sequence[str], *, known: Mapping[str, Head] | None = None
        ) -> Mapping[str, LoadedThread]:
            found = super().load([thread_id.lower() for thread_id in thread_ids], known=known)
            return {key: found[key.lower()] for key in thread_ids if key.lower() in found}


class CutsOff(StorageMutant):
    """What is too large is made to fit."""

    breaks = "J13"

    class Broken(BrokenStorage):
        def commit(self, commits: Sequence[Commit]) -> Sequence[CommitResult]:
            return super().commit(
                [
                    replace(c, appends=tuple(replace(a, body=a.body[:MAX_COMMIT_BYTES]) for a in c.appends))
                    for c in commits
                ]
            )


class SharesBlobs(StorageMutant):
    """Blobs have no namespace."""

    breaks = "J14"

    class Broken(BrokenStorage):
        shared: dict[str, str] = {}  # noqa: RUF012  # that it is shared is what is wrong

        def put_blob(self, digest: str, body: str) -> None:
            self.shared[digest] = body

        def get_blobs(self, digests: Sequence[str]) -> Mapping[str, str]:
            return {digest: self.shared[digest] for digest in digests if digest in self.shared}


class ForgetsWithItsProcess(StorageMutant):
    """It says that it is durable, and keeps everything in the memory of its process."""

    breaks = "J15"
    supports = Capability.CRASH_SAFE

    @property
    def url(self) -> str:
        return "memory://forgets"

    def storage(self, wire: Wire) -> Storage:
        return wired(open_storage(self.url), wire)


class Rejects(StorageMutant):
    """A client that was given an empty group says that the caller is wrong."""

    breaks = "J5"

    class Broken(BrokenStorage):
        def commit(self, commits: Sequence[Commit]) -> Sequence[CommitResult]:
            if not commits:
                raise OptionError("commits: at least one is needed")
            return super().commit(commits)
