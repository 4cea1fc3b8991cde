"""Storages and notifiers with which the runtime cannot keep its word."""

# what the methods should do is said by the port; what they do instead, by their mutant

from __future__ import annotations

from collections.abc import Mapping, Sequence

from squidie_contract.capabilities import Capability
from squidie_contract.mutants.broken import BrokenStorage, StorageMutant
from squidie_contract.wire import Wire
from squidie_contract.wired import wired
from squidie_core.journal.commit import COMMITTED, Commit, CommitResult
from squidie_core.memory import MemoryNotifier, open_storage
from squidie_core.ports import Notifier, Storage
from squidie_core.ports.storage import DueBatch


class FindsNothing(StorageMutant):
    """Nothing is ever due."""

    breaks = "A1"

    class Broken(BrokenStorage):
        def due(self, queue: str, *, offers: Sequence[str], limit: int, reserve_for: int) -> DueBatch:  # noqa: ARG002
            return DueBatch(runs=(), now=self.clock())


class KeepsForTheDead(StorageMutant):
    """What a client has reserved is nobody else's, even when it has died."""

    breaks = "A2"

    class Broken(BrokenStorage):
        def due(self, queue: str, *, offers: Sequence[str], limit: int, reserve_for: int) -> DueBatch:  # noqa: ARG002
            return super().due(queue, offers=offers, limit=limit, reserve_for=2**50)


class IsAloneInItsProcess(StorageMutant):
    """It says that others can open its world, and each of them has its own."""

    breaks = "A3"
    supports = Capability.CRASH_SAFE

    @property
    def url(self) -> str:
        return "memory://alone"

    def storage(self, wire: Wire) -> Storage:
        return wired(open_storage(self.url), wire)


class LosesCancellations(StorageMutant):
    """What cancels a run is acknowledged, and not written."""

    breaks = "A4"

    class Broken(BrokenStorage):
        def commit(self, commits: Sequence[Commit]) -> Sequence[CommitResult]:
            return [_unless(commit, "cancel_run") or super(type(self), self).commit([commit])[0] for commit in commits]


class LosesApprovals(StorageMutant):
    """What approves is acknowledged, and not written."""

    breaks = "A5"

    class Broken(BrokenStorage):
        def commit(self, commits: Sequence[Commit]) -> Sequence[CommitResult]:
            return [_unless(commit, "approve_run") or super(type(self), self).commit([commit])[0] for commit in commits]


def _unless(commit: Commit, signal: str) -> CommitResult | None:
    return COMMITTED if any(signal in one.body for one in commit.appends) else None


class StandsInTheWay(StorageMutant):
    """Its notifier raises, so who starts a run learns of a failure that is none."""

    breaks = "A6"

    class Broken(BrokenStorage):
        pass

    def notifier(self, wire: Wire) -> Notifier:  # noqa: ARG002  # as the harness says
        return _Raising()


class _Raising(MemoryNotifier):
    def notify(self, queues: Mapping[str, int]) -> None:  # noqa: ARG002  # as the port says
        raise ConnectionError("the server of the hints is gone")
