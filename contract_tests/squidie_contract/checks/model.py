"""Any adapter does what MemoryStorage does, whatever is asked of it and in whatever order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from squidie_contract.checks.contract import StorageClauses
from squidie_contract.engine.appends import FAR_FUTURE, HOUR, LONG_AGO, OFFERS, append, checkpoint_at, fold, stored
from squidie_contract.engine.worlds import World, Worlds
from squidie_core.errors import Corrupt
from squidie_core.journal.codec import READER_VERSION
from squidie_core.journal.commit import (
    COMMITTED,
    NO_HEAD,
    Append,
    Checkpoint,
    Commit,
    CommitResult,
    Conflict,
    Head,
    IndexRow,
    LoadedThread,
    StoredCommit,
)
from squidie_core.memory import MemoryStorage
from squidie_core.ports.storage import DueBatch, DueRun, RebuildPage, RunPage, RunQuery, Storage

QUEUES = ("default", "slow")
THREADS = ("a", "b", "c", "d")
STATUSES = ("running", "paused", "completed")
NEEDS = ("ring-errand:pack", "ring-errand:*", "other:*")

Answer = TypeVar("Answer")

threads = st.sampled_from(THREADS)
few_threads = st.lists(threads, max_size=3, unique=True)
expectations = st.sampled_from(["head"] * 6 + ["none", "older", "foreign", "ahead"])
changes = st.fixed_dictionaries(
    {
        "status": st.sampled_from(STATUSES),
        "wake_at": st.sampled_from([None, LONG_AGO, LONG_AGO + 1, FAR_FUTURE]),
        "needs": st.sampled_from([OFFERS, OFFERS, ("ring-errand:pack", "other:*"), ()]),
        "ended_at": st.sampled_from([None, LONG_AGO + 2]),
        "min_reader": st.sampled_from([READER_VERSION] * 3 + [READER_VERSION + 1]),
    }
)
proposals = st.lists(
    st.tuples(threads, expectations, st.integers(1, 3), changes, st.integers(0, 4)),
    min_size=1,
    max_size=3,
    unique_by=lambda one: one[0],
)
queries = st.builds(
    RunQuery,
    workflow=st.sampled_from([None, None, "ring-errand", "other"]),
    status=st.sampled_from([None, None, *STATUSES]),
    queue=st.sampled_from([None, None, "default", "slow"]),
    tag=st.sampled_from([None, None, "x", "y"]),
    quarantined=st.sampled_from([None, None, True, False]),
    limit=st.integers(1, 4),
)


def fixed_columns(thread_id: str) -> dict[str, Any]:
    """What never changes after a thread's first append."""
    place = THREADS.index(thread_id)
    return {
        "workflow": "other" if place == 2 else "ring-errand",
        "queue": QUEUES[place == 3],
        "priority": place % 3,
        "started_at": LONG_AGO + place // 2,
        "tags": (("x", "y"), ("x",), ())[place % 3],
        "version": None if place else "v1",
    }


class Comparison(RuleBasedStateMachine):
    """Does everything twice: in the store under test, and in the model."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world
        self.store = world.storage()
        self.model = MemoryStorage()
        self.journal: dict[str, list[Append]] = {thread_id: [] for thread_id in THREADS}
        self.purged: list[Append] = []
        """What a commit over several threads says is there, though one of them was purged since."""
        self.sent: list[Commit] = []
        self.rows: dict[int, IndexRow] = {}

    def teardown(self) -> None:
        for thread_id, appends in self.journal.items():
            assert list(self.store.read(thread_id)) == [stored(one) for one in appends]
        self.world.close()

    def both(self, ask: Callable[[Storage], Answer]) -> Answer:
        """The answer of both, which must be the same."""
        answer, expected = ask(self.store), ask(self.model)
        assert answer == expected
        return answer

    def submit(self, commits: Sequence[Commit]) -> None:
        results = self.both(lambda storage: [plain_result(result) for result in storage.commit(commits)])
        for commit, result in zip(commits, results, strict=True):
            for one in commit.appends if result == COMMITTED else ():
                if one not in self.journal[one.thread_id] and one not in self.purged:
                    self.journal[one.thread_id].append(one)

    def expected_head(self, thread_id: str, kind: str) -> Head:
        heads = [NO_HEAD, *(one.head for one in self.journal[thread_id])]
        match kind:
            case "none":
                return NO_HEAD
            case "older":
                return heads[max(0, len(heads) - 2)]
            case "foreign":
                return Head(heads[-1].rev or 1, heads[-1].commit_id ^ 1 or 2)
            case "ahead":
                return Head(heads[-1].rev + 1, heads[-1].commit_id or 1)
            case _:
                return heads[-1]

    @invariant()
    def looks_the_same(self) -> None:
        """To whoever looks at everything: `due` with a reservation of no time takes nothing from anybody."""
        self.both(lambda storage: dict(storage.heads(THREADS)))
        self.both(lambda storage: plain_page(storage.find(RunQuery())))
        self.both(lambda storage: [plain_due(poll(storage, queue).runs) for queue in QUEUES])

    @initialize()
    def some_threads(self) -> None:
        self.write([("a", "head", 2, {}, 0), ("b", "head", 1, {}, 0), ("d", "head", 1, {}, 0)], 2, [])

    @rule(proposed=proposals, together=st.integers(1, 3), nudges=few_threads)
    def write(
        self, proposed: list[tuple[str, str, int, dict[str, Any], int]], together: int, nudges: list[str]
    ) -> None:
        appends: list[Append] = []
        for thread_id, kind, count, row_changes, seen in proposed:
            notes = [f"{thread_id} {i}" for i in range(count)]
            one = append(thread_id, self.expected_head(thread_id, kind), *notes, **fixed_columns(thread_id))
            one = replace(one, index=replace(one.index, **row_changes), nudges_seen=seen)
            self.rows[one.commit_id] = one.index
            appends.append(one)
        groups = [tuple(appends[i : i + together]) for i in range(0, len(appends), together)]
        starts = {one.thread_id for one in appends if one.expected == NO_HEAD}
        nudges = [thread_id for thread_id in nudges if thread_id not in starts]  # whether these exist is not said
        starts = {one.thread_id for one in appends if one.expected == NO_HEAD}
        nudges = [thread_id for thread_id in nudges if thread_id not in starts]  # whether these exist is not said
        commits = [*map(Commit, groups[:-1]), Commit(groups[-1], tuple(nudges))]
        self.sent += commits
        self.submit(commits)

    @precondition(lambda self: self.sent)
    @rule(data=st.data())
    def resubmit(self, data: st.DataObject) -> None:
        self.submit([data.draw(st.sampled_from(self.sent))])

    @rule(asked=few_threads, data=st.data())
    def load(self, asked: list[str], data: st.DataObject) -> None:
        known = {
            thread_id: self.expected_head(thread_id, data.draw(expectations))
            for thread_id in asked
            if data.draw(st.booleans())
        }
        whole, tails = [t for t in asked if t not in known], list(known)
        self.both(lambda storage: {key: plain_thread(one) for key, one in storage.load(whole).items()})
        self.both(lambda storage: {key: plain_tail(one) for key, one in storage.load(tails, known=known).items()})

    @rule(thread_id=threads, after=st.integers(0, 8), limit=st.none() | st.integers(1, 3))
    def read(self, thread_id: str, after: int, limit: int | None) -> None:
        self.both(lambda storage: list(storage.read(thread_id, after=after, limit=limit)))

    @rule(
        queue=st.sampled_from(QUEUES),
        offers=st.lists(st.sampled_from(NEEDS), max_size=3, unique=True),
        reserve_for=st.sampled_from([0, HOUR]),
    )
    def due(self, queue: str, offers: list[str], reserve_for: int) -> None:
        self.both(lambda storage: plain_due(poll(storage, queue, offers, reserve_for).runs))

    @rule(thread_id=threads, until=st.sampled_from([LONG_AGO, FAR_FUTURE]), reason=st.sampled_from(["r", "s"]))
    def reserve(self, thread_id: str, until: int, reason: str) -> None:
        self.both(lambda storage: storage.reserve(thread_id, until=until, reason=reason))

    @rule(thread_id=threads, seen=st.integers(0, 4))
    def acknowledge(self, thread_id: str, seen: int) -> None:
        self.both(lambda storage: storage.acknowledge({thread_id: seen}))

    @rule(thread_id=threads, reason=st.sampled_from(["q", "p"]))
    def quarantine(self, thread_id: str, reason: str) -> None:
        self.both(lambda storage: storage.quarantine(thread_id, reason=reason, by="model"))

    @rule(thread_id=threads)
    def unquarantine(self, thread_id: str) -> None:
        self.both(lambda storage: storage.unquarantine(thread_id))

    @rule(statuses=st.lists(st.sampled_from(STATUSES), max_size=2, unique=True))
    def purge(self, statuses: list[str]) -> None:
        """All pages of it, each store with its own; what is gone is remembered."""
        for thread_id in self.both(lambda storage: purge_to_the_end(storage, statuses)):
            self.purged += self.journal[thread_id]
            self.journal[thread_id] = []
        self.both(lambda storage: dict(storage.tombstones(THREADS)))

    @rule(query=queries)
    def find(self, query: RunQuery) -> None:
        """Both listings side by side, page by page, each with its own cursors."""
        ours = theirs = query
        while True:
            page, expected = self.store.find(ours), self.model.find(theirs)
            assert plain_page(page) == plain_page(expected)
            if page.next_cursor is None:
                return
            ours = replace(query, cursor=page.next_cursor)
            theirs = replace(query, cursor=expected.next_cursor)

    @rule(thread_id=threads, foreign=st.booleans(), data=st.data())
    def put_checkpoint(self, thread_id: str, data: st.DataObject, *, foreign: bool) -> None:
        appends = self.journal[thread_id]
        if foreign or not appends:
            head = Head(data.draw(st.integers(1, 9)), 99)
            checkpoint = Checkpoint(head, 1, '["foreign"]')
        else:
            checkpoint = checkpoint_at(appends[: data.draw(st.integers(1, len(appends)))])
        self.both(lambda storage: storage.put_checkpoint(thread_id, checkpoint))

    @rule(thread_id=threads)
    def delete_checkpoint(self, thread_id: str) -> None:
        self.both(lambda storage: storage.delete_checkpoint(thread_id))

    @rule(digest=st.sampled_from(["1", "2"]), body=st.sampled_from(["one", "two"]))
    def blobs(self, digest: str, body: str) -> None:
        self.both(lambda storage: storage.put_blob(digest, body))
        self.both(lambda storage: dict(storage.get_blobs(["1", "2"])))

    @rule(unreadable=st.none() | threads, after=st.none() | threads, limit=st.integers(1, 6))
    def rebuild(self, unreadable: str | None, after: str | None, limit: int) -> None:
        def derive(thread_id: str, commits: Sequence[StoredCommit]) -> IndexRow:
            if thread_id == unreadable:
                raise Corrupt("unreadable")
            return self.rows[commits[-1].commit_id]

        self.both(lambda storage: rebuild_to_the_end(storage, derive, after, limit))


def poll(storage: Storage, queue: str, offers: Sequence[str] = NEEDS, reserve_for: int = 0) -> DueBatch:
    return storage.due(queue, offers=offers, limit=len(THREADS), reserve_for=reserve_for)


def plain_result(result: CommitResult) -> CommitResult:
    return Conflict(tuple(sorted(result.thread_ids))) if isinstance(result, Conflict) else result


def plain_thread(thread: LoadedThread) -> tuple[Head, int, list[str]]:
    return thread.head, thread.nudges, fold(thread)


def plain_tail(thread: LoadedThread) -> tuple[Head, int, list[StoredCommit], Checkpoint | None]:
    return thread.head, thread.nudges, list(thread.commits), thread.checkpoint


def plain_due(runs: Sequence[DueRun]) -> dict[str, tuple[Head, int, int]]:
    for run in runs:
        assert run.loaded is None or run.loaded.head == run.head
    return {run.thread_id: (run.head, run.parked, run.nudges) for run in runs}


def purge_to_the_end(storage: Storage, statuses: Sequence[str]) -> list[str]:
    taken: list[str] = []
    after: str | None = None
    while True:
        page = storage.purge(before=FAR_FUTURE, statuses=statuses, remember_until=FAR_FUTURE, limit=2, after=after)
        taken += page.run_ids
        after = page.next_after
        if after is None:
            return sorted(taken)


def plain_page(page: RunPage) -> tuple[list[Any], bool]:
    return [replace(run, updated_at=0) for run in page.runs], page.next_cursor is not None


def rebuild_to_the_end(
    storage: Storage, derive: Callable[[str, Sequence[StoredCommit]], IndexRow], after: str | None, limit: int
) -> tuple[int, int, set[str]]:
    examined = written = 0
    failed: set[str] = set()
    while True:
        page: RebuildPage = storage.rebuild_index(derive, after=after, limit=limit)
        examined, written, failed = examined + page.examined, written + page.written, failed | set(page.failed)
        if page.next_after is None:
            return examined, written, failed
        after = page.next_after


class ModelClauses(StorageClauses):
    """The model: J1."""

    def test_j1_the_store_does_what_the_model_does(self, worlds: Worlds) -> None:
        class OnThisStore(Comparison):
            def __init__(self) -> None:
                super().__init__(worlds.example())

        profile = worlds.profile
        run_state_machine_as_test(
            OnThisStore, settings=worlds.trying(profile.model_examples, steps=profile.model_steps)
        )
