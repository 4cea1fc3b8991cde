"""Runs that are started where a worker waits: claimed by the commit that starts them, for slots that are free."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

import pytest

from squidie_core import Snapshot, Squidie, Unavailable
from squidie_core.journal.codec import decode_entries
from squidie_core.journal.commit import Commit, CommitResult
from squidie_core.journal.entries import AttemptClaimed
from squidie_core.memory import MemoryStorage, MemoryWorld
from tests.runtime.flows import Chain, Held, OneStep, Order, Stage, Wide, on
from tests.runtime.stores import Store, assert_consistent, claims_of, entries_of, working
from tests.runtime.waiting import eventually


def claimed_at_start(squidie: Squidie, run: Snapshot) -> list[AttemptClaimed]:
    """The claims in the run's first commit."""
    first = squidie.store.storage.read(run.id, limit=1)[0]
    return [entry for entry in decode_entries(first.body) if isinstance(entry, AttemptClaimed)]


def started_with_claims(squidie: Squidie, start: Callable[[], Snapshot]) -> Snapshot:
    """Start runs, one after the other, until one finds the worker waiting."""

    def attempt() -> Snapshot | None:
        run = start()
        if claimed_at_start(squidie, run):
            return run
        eventually(lambda: squidie.inspect_run(run).status == "completed")
        return None

    return eventually(attempt)


class Unsteady(MemoryStorage):
    """Loses the next commit when told to."""

    fail_next = False

    def commit(self, commits: Sequence[Commit]) -> Sequence[CommitResult]:
        if self.fail_next and commits[0].appends[0].expected.rev == 0:
            self.fail_next = False
            raise Unavailable("the store is not there", outcome="none")
        return super().commit(commits)


class TestStartingBesideAWorker:
    def test_the_start_claims_for_a_worker_that_waits(self, store: Store) -> None:
        squidie = store.open(OneStep)
        with working(squidie) as worker:
            run = started_with_claims(squidie, lambda: squidie.start(OneStep.place, Order("a")))
            [claim] = claimed_at_start(squidie, run)
            assert claim.owner_id == worker.owner_id
            assert run.reason == "attempt_claimed"
            eventually(lambda: squidie.inspect_run(run).status == "completed")
        assert len(claims_of(squidie, run)) == 1
        assert_consistent(squidie, run)

    def test_a_run_alone_takes_one_commit_for_each_step_and_one_to_start(self, store: Store) -> None:
        squidie = store.open(Chain, resources=on(Stage()))
        with working(squidie):
            run = started_with_claims(squidie, lambda: squidie.start(Chain.begin))
            eventually(lambda: squidie.inspect_run(run).status == "completed")
        steps = len(claims_of(squidie, run))
        assert len(squidie.store.storage.read(run.id)) == steps + 1

    def test_a_worker_without_a_free_slot_is_left_alone(self, store: Store) -> None:
        stage = Stage()
        squidie = store.open(Held, OneStep, resources=on(stage))
        with working(squidie, concurrency=1, async_concurrency=1):
            held = squidie.start(Held.begin)
            eventually(lambda: stage.steps() == ["enter"])
            waiting = [squidie.start(OneStep.place, Order(str(number))) for number in range(20)]
            assert not any(claimed_at_start(squidie, run) for run in waiting)
            stage.opened.set()
            eventually(lambda: all(squidie.inspect_run(run).status == "completed" for run in [held, *waiting]))

    def test_a_start_that_finds_its_run_gives_the_slot_back(self, store: Store) -> None:
        squidie = store.open(OneStep)
        with working(squidie, concurrency=1):
            first = squidie.start(OneStep.place, Order("a"), idempotency_key="k")
            eventually(lambda: squidie.inspect_run(first).status == "completed")
            for _ in range(20):
                assert squidie.start(OneStep.place, Order("a"), idempotency_key="k").id == first.id
            last = started_with_claims(squidie, lambda: squidie.start(OneStep.place, Order("b")))
            eventually(lambda: squidie.inspect_run(last).status == "completed")

    def test_a_start_that_fails_gives_the_slot_back(self) -> None:
        storage = Unsteady("n", world=MemoryWorld())
        squidie = Squidie(storage, workflows=[OneStep])
        with working(squidie, concurrency=1):
            for _ in range(20):
                storage.fail_next = True
                with pytest.raises(Unavailable):
                    squidie.start(OneStep.place, Order("a"))
            last = started_with_claims(squidie, lambda: squidie.start(OneStep.place, Order("b")))
            eventually(lambda: squidie.inspect_run(last).status == "completed")

    def test_many_starters_never_take_more_than_there_are_slots(self, store: Store) -> None:
        stage = Stage()
        squidie = store.open(Held, resources=on(stage))
        runs: list[Snapshot] = []
        with working(squidie, concurrency=3):
            starters = [
                threading.Thread(target=lambda: runs.extend(squidie.start(Held.begin) for _ in range(5)))
                for _ in range(4)
            ]
            for starter in starters:
                starter.start()
            for starter in starters:
                starter.join()
            eventually(lambda: len(stage.calls) == 3)
            claims = [claim for run in runs for claim in claims_of(squidie, run)]
            assert len(claims) == 3
            stage.opened.set()
            eventually(lambda: all(squidie.inspect_run(run).status == "completed" for run in runs))

    def test_what_the_start_does_not_claim_is_found_by_the_worker(self, store: Store) -> None:
        squidie = store.open(Wide, resources=on(Stage(opened=True)))
        with working(squidie, concurrency=2):
            run = started_with_claims(squidie, lambda: squidie.start(Wide.begin))
            eventually(lambda: squidie.inspect_run(run).status == "completed")
        assert_consistent(squidie, run)

    def test_starts_while_the_worker_stops_leave_no_claim_behind(self, store: Store) -> None:
        squidie = store.open(OneStep)
        runs: list[Snapshot] = []
        enough = threading.Event()

        def start() -> None:
            while not enough.is_set():
                runs.append(squidie.start(OneStep.place, Order(str(len(runs)))))

        for _ in range(5):
            enough.clear()
            starter = threading.Thread(target=start)
            with working(squidie):
                before = len(runs)
                starter.start()
                eventually(lambda: len(runs) > before + 5)  # noqa: B023
            enough.set()
            starter.join()
        while squidie.execute_next() is not None:
            pass
        assert {squidie.inspect_run(run).status for run in runs} == {"completed"}
        assert all(entries_of(squidie, run) for run in runs)
