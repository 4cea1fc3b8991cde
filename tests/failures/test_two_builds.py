"""A rolling deploy with runs in flight: each goes by the definition that it was started with, and none is lost."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from squidie_core import Snapshot, Squidie
from tests.failures.builds import NewOrder, NewShop, NewTill, OldOrder, OldShop, OldTill
from tests.failures.processes import Processes
from tests.runtime.stores import SharedStore, assert_consistent, claims_of
from tests.runtime.trails import Trail, along
from tests.runtime.waiting import eventually

OLD, NEW = "tests.failures.builds:OLD", "tests.failures.builds:NEW"
OLD_STEPS, NEW_STEPS = ["take", "pay", "ship"], ["take", "check", "pay", "deliver"]


def steps(squidie: Squidie, run: Snapshot) -> list[str]:
    return [view.step for view in squidie.inspect_run(run).attempts]


def assert_done(squidie: Squidie, runs: list[Snapshot], version: str, expected: list[str]) -> None:
    for run in runs:
        done = squidie.inspect_run(run)
        assert (done.status, done.version, steps(squidie, run)) == ("completed", version, expected)
        assert_consistent(squidie, run)


class TestARollingDeploy:
    def test_loses_no_run(self, store: SharedStore, processes: Processes) -> None:
        trail = Trail(processes.trail)
        old, new = store.open(OldShop, resources=along(trail)), store.open(NewShop, resources=along(trail))

        def begun(runs: list[Snapshot]) -> bool:
            return all(any(line.startswith(f"{run.id}:pay:") for line in trail.lines()) for run in runs)

        def over(runs: list[Snapshot]) -> bool:
            return all(new.inspect_run(run).terminal for run in runs)

        # Old alone, with runs in the middle.
        first_worker = processes.work(OLD, owner_id="old", concurrency=8)
        early = [old.start(OldShop.order, OldOrder(f"early {n}")) for n in range(8)]
        eventually(lambda: begun(early))

        # Both. What is started meanwhile goes by either definition, and both workers are wanted for both kinds.
        second_worker = processes.work(NEW, owner_id="new", concurrency=16)
        mixed_old = [old.start(OldShop.order, OldOrder(f"old {n}")) for n in range(4)]
        mixed_new = [new.start(NewShop.order, NewOrder(f"new {n}", "silver")) for n in range(4)]
        eventually(lambda: begun([*mixed_old, *mixed_new]))
        for run in (*early[:4], *mixed_new):
            trail.write(run.id)
        eventually(lambda: over([*early[:4], *mixed_new]))
        assert_done(new, early[:4], "1", OLD_STEPS)
        assert_done(new, mixed_new, "2", NEW_STEPS)

        # New alone: the old worker ends what it holds, and what only it can go on with waits.
        first_worker.signal(signal.SIGTERM)
        trail.write("paid")
        first_worker.terminate()
        late = [old.start(OldShop.order, OldOrder(f"late {n}")) for n in range(2)]  # as from an old web server
        left = [*late, *(run for run in (*early[4:], *mixed_old) if not new.inspect_run(run).terminal)]
        fresh = [new.start(NewShop.order, NewOrder(f"fresh {n}")) for n in range(4)]
        eventually(lambda: over(fresh))
        assert_done(new, fresh, "2", NEW_STEPS)
        eventually(lambda: all(new.inspect_run(run).reason == "step_unavailable" for run in left))
        for run in left:
            waiting = new.inspect_run(run)
            assert (waiting.status, steps(new, run)) == ("running", OLD_STEPS)
            assert waiting.waiting_for is not None
            assert (waiting.waiting_for.kind, waiting.waiting_for.step) == ("worker", "ship")

        # The old one once more.
        processes.work(OLD, owner_id="old again")
        eventually(lambda: over(left))
        assert_done(new, [*early, *mixed_old, *late], "1", OLD_STEPS)
        assert second_worker.alive
        assert [claim.owner_id for claim in claims_of(new, late[0])] == ["new", "new", "old again"]


class TestRunsThatFailOnDrift:
    def test_end_what_old_code_has_begun_and_fail_at_the_next_step(
        self, store: SharedStore, processes: Processes
    ) -> None:
        trail = Trail(processes.trail)
        old, new = store.open(OldTill, resources=along(trail)), store.open(NewTill, resources=along(trail))
        worker = processes.work(OLD, owner_id="old")
        run = old.start(OldTill.order, OldOrder("one"))
        eventually(trail.lines)
        processes.work(NEW, owner_id="new")
        worker.signal(signal.SIGTERM)
        trail.write("paid")
        worker.terminate()
        eventually(lambda: new.inspect_run(run).terminal)
        failed = new.inspect_run(run)
        assert failed.error is not None
        assert (failed.status, failed.error["code"]) == ("failed", "incompatible_workflow_definition")
        assert (failed.error["step"], failed.context["paid"]) == ("ship", "one")
        assert [claim.owner_id for claim in claims_of(new, run)] == ["old"]
        assert_consistent(new, run)


class TestStepsThatBothBuildsHave:
    @pytest.fixture
    def trail(self, tmp_path: Path) -> Trail:
        made = Trail(tmp_path / "trail")
        made.write("paid")
        return made

    def test_an_input_that_was_added_has_its_default_in_an_old_run(self, store: SharedStore, trail: Trail) -> None:
        old, new = store.open(OldShop, resources=along(trail)), store.open(NewShop, resources=along(trail))
        run = old.start(OldShop.order, OldOrder("one"))
        assert new.drain() == 2
        assert new.inspect_run(run).reason == "step_unavailable"
        assert old.drain() == 1
        assert_done(old, [run], "1", OLD_STEPS)
        assert old.inspect_run(run).context["paid"] == "one in gold"

    def test_an_input_that_was_added_is_not_missed_by_old_code(self, store: SharedStore, trail: Trail) -> None:
        old, new = store.open(OldShop, resources=along(trail)), store.open(NewShop, resources=along(trail))
        run = new.start(NewShop.order, NewOrder("one", "silver"))
        assert [old.drain(), new.execute_next() is not None, old.drain(), new.drain()] == [1, True, 1, 1]
        assert_done(new, [run], "2", NEW_STEPS)
        assert new.inspect_run(run).context["paid"] == "one"
        assert new.inspect_run(run).context["currency"] == "silver"
