"""Starts, replays and purges of one run at once: there is one run by a name, whole, or it is said to be gone."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from squidie_contract.harness import Harness
from squidie_core import ConflictError, InvalidTransitionError, PurgedError, Snapshot, Squidie
from tests.constructs.racing import Arena, at_every_moment, in_many_orders, outcome
from tests.constructs.test_waiting import Reviewed, at_review
from tests.runtime.flows import OneStep, Order
from tests.runtime.stores import assert_consistent

ORDER = Order("one")


def start(squidie: Squidie) -> Any:
    return outcome(lambda: squidie.start(OneStep.place, ORDER, idempotency_key="once"))


def purge(squidie: Squidie) -> int:
    return squidie.purge(before=timedelta(0)).runs


def runs(arena: Arena) -> list[str]:
    return [run.id for run in arena.quiet.list_runs().runs]


def ended(arena: Arena) -> Snapshot:
    """A run that is over, and can be purged from now on."""
    run: Snapshot = start(arena.quiet)
    done = arena.finish(run)
    arena.harness.wait(2)
    return done


class TestAStart:
    def test_by_two_with_one_key_makes_one_run(self, harness: type[Harness]) -> None:
        def race(arena: Arena) -> None:
            one, other = arena.race(start, start)
            assert runs(arena) == [one.id] == [other.id]
            assert_consistent(arena.quiet, one)

        in_many_orders(harness, OneStep, race=race)

    def test_by_two_with_one_key_and_different_payloads_is_refused_to_one(self, harness: type[Harness]) -> None:
        def race(arena: Arena) -> None:
            def start_another(squidie: Squidie) -> Any:
                return outcome(lambda: squidie.start(OneStep.place, Order("two"), idempotency_key="once"))

            found = arena.race(start, start_another)
            (made,) = [each for each in found if isinstance(each, Snapshot)]
            (refused,) = [each for each in found if isinstance(each, ConflictError)]
            assert runs(arena) == [made.id], refused
            assert arena.finish(made).context["noted"] == made.input["order_id"]

        at_every_moment(harness, OneStep, race=race)

    def test_of_a_run_that_is_purged_meanwhile_makes_no_second_one(self, harness: type[Harness]) -> None:
        def race(arena: Arena) -> None:
            done = ended(arena)
            found, purged = arena.race(start, purge)
            assert purged == 1
            assert isinstance(found, PurgedError) or found.id == done.id
            assert runs(arena) == []

        at_every_moment(harness, OneStep, race=race)


class TestAReplay:
    def test_of_a_run_that_is_purged_meanwhile_is_whole_or_refused(self, harness: type[Harness]) -> None:
        def race(arena: Arena) -> None:
            done = ended(arena)

            def replay(squidie: Squidie) -> Any:
                return outcome(lambda: squidie.replay(done, idempotency_key="again"))

            found, purged = arena.race(replay, purge)
            assert purged == 1
            if isinstance(found, PurgedError):
                assert runs(arena) == []
            else:
                assert runs(arena) == [found.id]
                assert arena.finish(found).context["noted"] == "one"
                assert_consistent(arena.quiet, found)

        at_every_moment(harness, OneStep, race=race)


class TestAnAnswer:
    @pytest.mark.parametrize("answer", ["approve", "reject"])
    def test_and_a_cancellation_each_happen_or_are_refused(self, harness: type[Harness], answer: str) -> None:
        def race(arena: Arena) -> None:
            run = at_review(arena.quiet)

            def decide(squidie: Squidie) -> Any:
                return outcome(lambda: getattr(squidie, answer)(run, actor="sam"))

            def cancel(squidie: Squidie) -> Any:
                return outcome(lambda: squidie.cancel(run))

            decided, cancelled = arena.race(decide, cancel)
            over = [isinstance(each, Snapshot) for each in (decided, cancelled)]
            assert any(over)
            assert all(isinstance(each, Snapshot | InvalidTransitionError) for each in (decided, cancelled))
            found = arena.quiet.inspect_run(run)
            assert found.status == ("cancelled" if over[1] else "completed" if answer == "approve" else "running")
            assert ("review" in found.context) == over[0]
            assert_consistent(arena.quiet, run)

        at_every_moment(harness, Reviewed, race=race)
