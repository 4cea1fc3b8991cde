"""What was done is what the metrics say."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import pytest

from squidie_core import Metrics, Resource, Squidie, Unavailable, Workflow, step, trigger
from squidie_core.journal.commit import Busy, Commit, CommitResult, Conflict
from squidie_core.memory import MemoryStorage
from tests.diagnostics.flows import Deferring, Endless, Failing, Large, Retrying
from tests.runtime.flows import Chain, Held, Stage, on
from tests.runtime.stores import Store, working
from tests.runtime.waiting import eventually


class Fickle(MemoryStorage):
    """A storage that gives these answers first, without effect."""

    def __init__(self) -> None:
        super().__init__()
        self.answers: deque[type[Busy | Conflict]] = deque()

    def commit(self, commits: Sequence[Commit]) -> Sequence[CommitResult]:
        if not self.answers:
            return super().commit(commits)
        answer = self.answers.popleft()
        return [answer(tuple(append.thread_id for append in commit.appends)) for commit in commits]


def provoke(storage: Resource[Fickle]) -> dict[str, Any]:
    """Let the outcome meet a conflict."""
    storage.answers.append(Conflict)
    return {}


class Troubling(Workflow, name="troubling"):
    begin = trigger.manual()
    provoke = step(provoke)


def numbers(squidie: Squidie, *names: str) -> tuple[float, ...]:
    told = squidie.metrics().to_dict()
    return tuple(told[name] for name in names)


class TestMetrics:
    def test_begin_with_nothing(self, memory: Store) -> None:
        told = memory.open(Chain, resources=on(Stage())).metrics()
        assert set(told.to_dict()) == {field.name for field in fields(Metrics)}
        assert not any(told.to_dict().values())

    def test_of_calls_one_by_one(self, store: Store) -> None:
        squidie = store.open(Chain, resources=on(Stage()))
        for _ in range(2):
            squidie.start(Chain.begin)
        assert squidie.drain() == 6
        told = squidie.metrics()
        assert (told.runs_started, told.runs_completed, told.runs_failed, told.runs_cancelled) == (2, 2, 0, 0)
        assert (told.claims, told.attempts_completed, told.claims_lost) == (6, 6, 0)
        assert (told.polls, told.empty_polls, told.due_runs) == (7, 1, 6)
        # A start each, and a claim and an outcome for each attempt.
        assert (told.commits, told.appends, told.largest_group, told.mean_group) == (14, 14, 1, 1.0)
        assert (told.conflicts, told.busy, told.refused, told.store_failures, told.bodies_in_flight) == (0, 0, 0, 0, 0)

    def test_of_two_workers_are_added_and_stay_when_they_have_ended(self, store: Store) -> None:
        squidie = store.open(Chain, resources=on(Stage()))
        runs = squidie.start_many(Chain.begin, [None] * 6)
        assert numbers(squidie, "commits", "appends", "largest_group", "mean_group") == (1, 6, 6, 6.0)
        with working(squidie), working(squidie):
            eventually(lambda: all(squidie.inspect_run(run).terminal for run in runs))
            during = eventually(lambda: squidie.metrics() if squidie.metrics().runs_completed == 6 else None)
        told = squidie.metrics()
        for name in ("runs_completed", "attempts_completed", "claims", "appends", "largest_group"):
            assert getattr(told, name) == getattr(during, name)
        assert (told.claims, told.attempts_completed, told.bodies_in_flight) == (18, 18, 0)
        # Six starts, six first claims, and an append for each of eighteen outcomes; some claim anew after the chain.
        assert 30 <= told.appends <= 42
        assert told.commits < told.appends
        assert told.mean_group == told.appends / told.commits

    def test_of_one_squidie_are_not_those_of_another(self, store: Store) -> None:
        first, second = (store.open(Chain, resources=on(Stage())) for _ in range(2))
        first.start(Chain.begin)
        second.drain()
        assert numbers(first, "runs_started", "claims", "polls") == (1, 0, 0)
        assert numbers(second, "runs_started", "claims", "polls") == (0, 3, 4)

    def test_count_a_repeated_start_once(self, store: Store) -> None:
        squidie = store.open(Chain, resources=on(Stage()))
        for _ in range(3):
            squidie.start(Chain.begin, idempotency_key="the same")
        assert numbers(squidie, "runs_started", "appends", "conflicts") == (1, 1, 2)


class TestOutcomes:
    def test_retried(self, memory: Store) -> None:
        squidie = memory.open(Retrying)
        squidie.start(Retrying.begin)
        squidie.drain()
        names = ("attempts_failed", "attempts_retried", "attempts_completed", "runs_completed", "runs_failed")
        assert numbers(squidie, *names) == (1, 1, 1, 1, 0)

    def test_failed(self, memory: Store) -> None:
        squidie = memory.open(Failing)
        squidie.start(Failing.begin)
        squidie.drain()
        assert numbers(squidie, "attempts_failed", "attempts_retried", "runs_failed") == (1, 0, 1)

    def test_deferred(self, memory: Store) -> None:
        squidie = memory.open(Deferring)
        squidie.start(Deferring.begin)
        eventually(lambda: squidie.drain() == 0 and squidie.metrics().runs_completed)
        assert numbers(squidie, "attempts_deferred", "attempts_completed", "claims") == (1, 1, 2)

    def test_released(self, memory: Store) -> None:
        stage = Stage()
        squidie = memory.open(Endless, resources=on(stage))
        squidie.start(Endless.begin)
        with working(squidie, grace=0):
            eventually(lambda: stage.calls)
        assert numbers(squidie, "attempts_released", "attempts_completed", "bodies_in_flight") == (1, 0, 0)

    def test_cancelled_under_a_running_body(self, store: Store) -> None:
        stage = Stage()
        squidie = store.open(Held, resources=on(stage))
        run = squidie.start(Held.begin)
        with working(squidie):
            eventually(lambda: stage.calls)
            eventually(lambda: squidie.metrics().bodies_in_flight == 1)
            squidie.cancel(run)
            eventually(lambda: squidie.metrics().claims_lost == 1)
            stage.opened.set()
            eventually(lambda: squidie.metrics().bodies_in_flight == 0)
        names = ("runs_cancelled", "claims_lost", "attempts_completed", "runs_completed")
        assert numbers(squidie, *names) == (1, 1, 0, 0)


class TestTrouble:
    def test_an_append_without_effect(self) -> None:
        storage = Fickle()
        squidie = Squidie(storage, workflows=[Troubling], resources={Fickle: storage})
        squidie.start(Troubling.begin)
        storage.answers.extend([Busy, Busy])
        assert squidie.execute_next() is not None
        assert numbers(squidie, "busy", "conflicts", "runs_completed") == (2, 1, 1)
        # Start, claim, outcome; and the three that had no effect.
        assert numbers(squidie, "appends", "commits", "claims", "attempts_completed") == (3, 6, 1, 1)

    def test_a_command_without_effect(self) -> None:
        storage = Fickle()
        squidie = Squidie(storage, workflows=[Troubling], resources={Fickle: storage})
        run = squidie.start(Troubling.begin)
        storage.answers.extend([Busy, Conflict])
        squidie.cancel(run)
        assert numbers(squidie, "busy", "conflicts", "runs_cancelled", "appends", "commits") == (1, 1, 1, 2, 4)

    def test_a_quarantined_run(self, store: Store) -> None:
        squidie = store.open(Chain, resources=on(Stage()))
        bad = squidie.start(Chain.begin)
        store.rewrite(bad.id, lambda _: "garbage")
        squidie.drain()
        assert numbers(squidie, "runs_quarantined", "claims") == (1, 0)

    def test_a_store_that_is_away(self, memory: Store, monkeypatch: pytest.MonkeyPatch) -> None:
        squidie = memory.open(Chain, resources=on(Stage()))

        def away(*_: object, **__: object) -> None:
            raise Unavailable

        with monkeypatch.context() as patch:
            patch.setattr(squidie.store.storage, "due", away)
            with pytest.raises(Unavailable):
                squidie.execute_next()
            assert numbers(squidie, "store_failures") == (1,)
            with working(squidie):
                eventually(lambda: squidie.metrics().store_failures > 1)
        assert squidie.metrics().polls == 0

    def test_a_checkpoint(self, store: Store) -> None:
        squidie = store.open(Large)
        squidie.start(Large.begin)
        squidie.drain()
        squidie.store.close()
        assert squidie.metrics().checkpoints_written >= 1
