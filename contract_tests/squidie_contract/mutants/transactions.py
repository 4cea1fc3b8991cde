"""Storages that take part in transactions of the host's, and do it wrong."""

# what the methods should do is said by the port; what they do instead, by their mutant

from __future__ import annotations

from collections.abc import Collection, Generator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import replace
from typing import ClassVar

from squidie_contract.capabilities import Capability
from squidie_contract.mutants.broken import BrokenStorage, StorageMutant
from squidie_contract.wire import Wire
from squidie_core.errors import OptionError
from squidie_core.journal.commit import COMMITTED, Commit, CommitResult, Conflict, Head, LoadedThread
from squidie_core.memory import MemoryStorage, MemoryWorld
from squidie_core.ports import Capabilities, Storage


class Joint:
    """A transaction over runs and notes: a copy of both, which takes their place when it commits.

    It stands for the host's transaction, for its handle, and for one that is lent. Nobody else writes meanwhile.
    """

    def __init__(self, harness: TransactionMutant, storage: type[BrokenStorage], name: str) -> None:
        self._harness = harness
        self._world = MemoryWorld(clock=harness.world.clock)
        self._world.namespaces.update(deepcopy(dict(harness.world.namespaces)))
        self.words = list(harness.words)
        self.storage: Storage = storage(name, world=self._world)

    def handle(self, _: type) -> object:
        return self

    def finish(self) -> None:
        """Nothing is left pending."""

    def commit(self) -> None:
        """Let all see it."""
        self._harness.world.namespaces.update(self._world.namespaces)
        self._harness.words = self.words


class SoundJoining(BrokenStorage):
    """A storage in memory that takes part in transactions as it should."""

    harness: TransactionMutant
    handles: Sequence[type] = (Joint,)
    Inside: ClassVar[type[BrokenStorage]] = BrokenStorage
    """What the runs are looked at and written with in a transaction."""

    @property
    def capabilities(self) -> Capabilities:
        return replace(super().capabilities, host_transactions=True)

    def within(self, handle: object) -> Joint:
        if not isinstance(handle, Joint):
            raise OptionError("transaction: is none")
        return handle

    @contextmanager
    def lend(self) -> Generator[Joint]:
        yield Joint(self.harness, self.Inside, self.namespace)


class TransactionMutant(StorageMutant):
    """A harness of such a storage."""

    supports = StorageMutant.supports | Capability.HOST_TRANSACTIONS
    Broken: ClassVar[type[BrokenStorage]] = SoundJoining

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []

    def storage(self, wire: Wire) -> Storage:
        made = self.Broken(self.name, world=self.world)
        made.wire = wire
        vars(made)["harness"] = self
        return made

    @property
    def name(self) -> str:
        return f"mutant {id(self)}"

    @contextmanager
    def host_transaction(self) -> Generator[object]:
        joint = Joint(self, getattr(self.Broken, "Inside", BrokenStorage), self.name)
        yield joint
        joint.commit()

    def note(self, handle: object, word: str) -> None:
        assert isinstance(handle, Joint)
        handle.words.append(word)

    def notes(self) -> Collection[str]:
        return self.words


class WritesBesideTheTransaction(TransactionMutant):
    """What is committed within a transaction goes on a connection of the storage's own."""

    breaks = "H1"

    class Broken(SoundJoining):
        def within(self, handle: object) -> Joint:
            joint = super().within(handle)
            joint.storage = MemoryStorage(self.namespace, world=self._world)
            return joint


class CommitsTheHostsTransaction(TransactionMutant):
    """After each commit within a transaction that is committed too."""

    breaks = "H2"

    class Broken(SoundJoining):
        def within(self, handle: object) -> Joint:
            joint = super().within(handle)
            inside = joint.storage

            class Eager(BrokenStorage):
                def commit(self, commits: Sequence[Commit]) -> Sequence[CommitResult]:
                    results = inside.commit(commits)
                    joint.commit()
                    return results

            joint.storage = Eager(self.namespace, world=MemoryWorld())
            return joint


class JudgesNothingWithin(TransactionMutant):
    """Within a transaction whatever conflicts is put on top of what is there."""

    breaks = "H3"

    class Broken(SoundJoining):
        class Inside(BrokenStorage):
            def commit(self, commits: Sequence[Commit]) -> Sequence[CommitResult]:
                results = list(super().commit(commits))
                for place, commit in enumerate(commits):
                    if isinstance(results[place], Conflict):
                        heads = self.load([one.thread_id for one in commit.appends])
                        forced = tuple(replace(one, expected=heads[one.thread_id].head) for one in commit.appends)
                        super().commit([replace(commit, appends=forced)])
                        results[place] = COMMITTED
                return results


class AbortsWithoutAWord(TransactionMutant):
    """A conflict within a transaction undoes all that the host had written, and the host goes on as if nothing were."""

    breaks = "H3"

    class Broken(SoundJoining):
        def within(self, handle: object) -> Joint:
            joint = super().within(handle)
            inside = joint.storage

            class Forgetful(BrokenStorage):
                def commit(self, commits: Sequence[Commit]) -> Sequence[CommitResult]:
                    results = inside.commit(commits)
                    if any(isinstance(result, Conflict) for result in results):
                        joint.commit = lambda: None  # type: ignore[method-assign]  # it is rolled back
                    return results

                def load(
                    self, thread_ids: Sequence[str], *, known: Mapping[str, Head] | None = None
                ) -> Mapping[str, LoadedThread]:
                    return inside.load(thread_ids, known=known)

            joint.storage = Forgetful(self.namespace, world=MemoryWorld())
            return joint


class KeepsTheRowsAlone(TransactionMutant):
    """A lent transaction that ends without a commit keeps what its holder wrote."""

    breaks = "H4"

    class Broken(SoundJoining):
        @contextmanager
        def lend(self) -> Generator[Joint]:
            with super().lend() as lent:
                yield lent
                self.harness.words = lent.words


class TakesPartUndeclared(StorageMutant):
    """It has the methods and does not declare them: what was written through them went nowhere in particular."""

    breaks = "H5"

    class Broken(BrokenStorage):
        def within(self, _: object) -> Storage:
            return self
