"""Several owners at once, in orders that hypothesis picks."""

from __future__ import annotations

from functools import partial

from hypothesis import given
from hypothesis import strategies as st

from squidie_contract.checks.contract import LeaseClauses
from squidie_contract.engine.leasing import MOMENT, claim, claimed_ids, lapse
from squidie_contract.engine.schedule import Schedule
from squidie_contract.engine.trying import orders
from squidie_contract.engine.worlds import World, Worlds
from squidie_core.errors import LeaseError
from squidie_core.ports import LeaseBackend

OWNERS = ("owner 1", "owner 2", "owner 3")


class LeaseRacesClauses(LeaseClauses):
    """Races: L2 and L6."""

    def test_l2_of_many_owners_one_gets_each_delivery(self, worlds: Worlds) -> None:
        @worlds.trying(worlds.profile.races)
        @given(choices=orders(len(OWNERS)))
        def attempt(choices: list[int]) -> None:
            with worlds.example() as world:
                for name in "abcd":
                    world.leases().enqueue("q", {}, delivery_id=name)
                schedule = Schedule(choices, tell=world.trail.tell)
                owners = {name: world.leases(schedule.wire(name), name=name) for name in OWNERS}
                taken: list[str] = []

                def take(leases: LeaseBackend) -> None:
                    taken.extend(claimed_ids(leases, limit=2))

                schedule.run({name: partial(take, leases) for name, leases in owners.items()})
                taken += claimed_ids(world.leases())
                assert sorted(taken) == ["a", "b", "c", "d"]

        attempt()

    def test_l6_a_report_that_comes_after_the_lease_has_no_effect(self, worlds: Worlds) -> None:
        @worlds.trying(worlds.profile.races)
        @given(choices=orders(2), gives_back=st.booleans())
        def attempt(choices: list[int], gives_back: bool) -> None:  # noqa: FBT001  # an example's part
            with worlds.example() as world:
                _sleep_and_report(world, choices, gives_back=gives_back)

        attempt()


def _sleep_and_report(world: World, choices: list[int], *, gives_back: bool) -> None:
    """One reports while its lease runs out and another claims: at most one of them has the delivery in the end."""
    world.leases().enqueue("q", {})
    schedule = Schedule(choices, tell=world.trail.tell)
    sleeper = world.leases(schedule.wire("sleeper"), name="sleeper")
    successor = world.leases(schedule.wire("successor"), name="successor")
    reported: list[str] = []
    finished: list[str] = []
    mine = claim(sleeper, owner_id="sleeper", lease_for=MOMENT)

    def report() -> None:
        try:
            if gives_back:
                sleeper.fail(mine, reason="slept", retry_in=None)
            else:
                sleeper.complete(mine)
            reported.append("sleeper")
        except LeaseError:
            pass

    def take_over() -> None:
        lapse(world)
        for theirs in successor.claim("q", owner_id="successor", lease_for=60_000):
            successor.complete(theirs)
            finished.append("successor")

    schedule.run({"sleeper": report, "successor": take_over})
    assert len(reported) + len(finished) == 1, f"reported: {reported}, taken over: {finished}"
