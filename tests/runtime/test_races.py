"""Decisions that come too late: what others wrote is read, and nothing of the rest again."""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from squidie_core import Squidie, Workflow, step, trigger
from squidie_core.decisions.draft import REVOCABLE_FROM
from squidie_core.journal.commit import Commit, CommitResult, Conflict, Head, LoadedThread
from squidie_core.memory import MemoryStorage, MemoryWorld
from tests.runtime.stores import assert_consistent, working
from tests.runtime.waiting import eventually

NODES = 60
LARGE = "x" * 100_000
"""A run with this is read by itself; small ones come whole with each look that finds them."""


def node() -> dict[str, Any]:
    return {}


def _nodes(namespace: dict[str, Any]) -> None:
    namespace["begin"] = trigger.manual(text=str)
    for number in range(NODES):
        namespace[f"node{number}"] = step(node)


Broad: type[Workflow] = types.new_class("Broad", (Workflow,), {"name": "broad"}, _nodes)


class Overtaken(MemoryStorage):
    """Lets others commit just before every other commit to a run that is long enough for drafts to be revoked."""

    overtake: Callable[[], object] = staticmethod(lambda: None)

    def __init__(self, *given: Any, **options: Any) -> None:
        super().__init__(*given, **options)
        self.conflicts = 0
        self.known: list[Head] = []
        self.whole = 0
        self._turn = False

    def commit(self, commits: Sequence[Commit]) -> Sequence[CommitResult]:
        if any(append.expected.rev >= REVOCABLE_FROM for commit in commits for append in commit.appends):
            self._turn = not self._turn
            if self._turn:
                self.overtake()
        results = super().commit(commits)
        self.conflicts += sum(isinstance(result, Conflict) for result in results)
        return results

    def load(self, thread_ids: Sequence[str], *, known: Mapping[str, Head] | None = None) -> Mapping[str, LoadedThread]:
        self.known += (known or {}).values()
        self.whole += len(thread_ids) - len(known or {})
        return super().load(thread_ids, known=known)


def test_who_was_overtaken_reads_only_what_is_new() -> None:
    world = MemoryWorld()
    storage = Overtaken("n", world=world)
    other = Squidie(MemoryStorage("n", world=world), workflows=[Broad])

    def overtake() -> None:
        with world.lock:
            world.namespaces["n"].threads[run.id].reserved_until = 0  # a look may have reserved it a moment ago
        other.execute_next()

    storage.overtake = overtake
    squidie = Squidie(storage, workflows=[Broad])
    run = other.start(Broad, {"text": LARGE})
    with working(squidie, concurrency=8):
        eventually(lambda: other.inspect_run(run).status == "completed")
    assert storage.conflicts > 0
    assert len(storage.known) >= storage.conflicts
    assert storage.whole == 1, "it was read whole when it was found, and never again"
    assert_consistent(other, run)
    assert all(view.deliveries == 1 for view in other.inspect_run(run).attempts)
