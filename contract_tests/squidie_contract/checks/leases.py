"""What a lease backend promises to one owner after the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from squidie_contract.checks.contract import LeaseClauses
from squidie_contract.checks.values import json_values
from squidie_contract.engine.leasing import HOUR, MOMENT, NOT_BEFORE, claim, claimed_ids, eventually_claim, lapse
from squidie_contract.engine.line import Line
from squidie_contract.engine.texts import texts_of
from squidie_contract.engine.worlds import World, Worlds
from squidie_core.errors import EncodingError, LeaseError, Unavailable
from squidie_core.ports import LeaseBackend
from squidie_core.ports.leases import DeadLetter, Delivery

REPORTS: Mapping[str, Callable[[LeaseBackend, Delivery], object]] = {
    "extend": lambda leases, one: leases.extend(one, lease_for=HOUR),
    "complete": lambda leases, one: leases.complete(one),
    "fail": lambda leases, one: leases.fail(one, reason="r", retry_in=0),
    "give up": lambda leases, one: leases.fail(one, reason="r", retry_in=None),
}
"""What an owner says about its delivery."""

CALLS: Mapping[str, Callable[[LeaseBackend], object]] = {
    "enqueue": lambda leases: leases.enqueue("q", {}),
    "claim": lambda leases: leases.claim("q", owner_id="me", lease_for=HOUR),
    "dead_letters": lambda leases: leases.dead_letters("q"),
}


class DeliveryClauses(LeaseClauses):
    """Deliveries: L3 to L5 and L7 to L14."""

    def test_l2_a_delivery_that_is_claimed_is_nobody_elses(self, world: World) -> None:
        one, other = world.leases(), world.leases()
        one.enqueue("q", {})
        claim(one)
        assert claimed_ids(one) == claimed_ids(other) == []

    def test_l3_a_lease_that_runs_out_makes_the_delivery_visible_and_not_before(self, world: World) -> None:
        leases = world.leases()
        leases.enqueue("q", {"n": 1})
        began = world.harness.now()
        first = claim(leases, lease_for=MOMENT)
        second = eventually_claim(world, leases)
        assert world.harness.now() - began >= NOT_BEFORE
        assert (second.id, second.attempt, second.payload) == (first.id, 2, {"n": 1})

    def test_l3_extending_holds_the_delivery_from_now(self, world: World) -> None:
        leases = world.leases()
        leases.enqueue("q", {})
        first = claim(leases, lease_for=HOUR)
        second = leases.extend(first, lease_for=2 * HOUR)
        assert second == replace(first, lease_until=second.lease_until)
        assert second.lease_until > first.lease_until
        third = leases.extend(second, lease_for=MOMENT)
        lapse(world)
        with pytest.raises(LeaseError):
            leases.complete(third)
        assert claimed_ids(leases) == [first.id]

    def test_l4_tokens_grow_with_every_claim(self, world: World) -> None:
        leases, other = world.leases(), world.leases()
        leases.enqueue("q", {})
        tokens: list[int] = []
        for round_ in range(6):
            delivery = eventually_claim(world, (leases, other)[round_ % 2], lease_for=MOMENT)
            tokens.append(delivery.token)
            if round_ % 3 == 0:
                leases.extend(delivery, lease_for=MOMENT)
            elif round_ % 3 == 1:
                with suppress(LeaseError):  # it may have run out by now
                    leases.fail(delivery, reason="again", retry_in=0)
        assert tokens == sorted(set(tokens))

    @pytest.mark.parametrize("report", list(REPORTS))
    def test_l5_a_report_is_refused_when_another_has_the_delivery(self, world: World, report: str) -> None:
        leases = world.leases()
        leases.enqueue("q", {})
        mine = claim(leases, lease_for=MOMENT)
        theirs = eventually_claim(world, leases)
        with pytest.raises(LeaseError):
            REPORTS[report](leases, mine)
        leases.complete(theirs)

    @pytest.mark.parametrize("report", list(REPORTS))
    def test_l5_a_report_is_refused_when_the_lease_has_run_out(self, world: World, report: str) -> None:
        leases = world.leases()
        leases.enqueue("q", {})
        mine = claim(leases, lease_for=MOMENT)
        lapse(world)
        with pytest.raises(LeaseError):
            REPORTS[report](leases, mine)
        assert claimed_ids(leases) == [mine.id]

    @pytest.mark.parametrize("report", list(REPORTS))
    def test_l5_a_report_is_refused_when_another_was_made(self, leases: LeaseBackend, report: str) -> None:
        for name, earlier in REPORTS.items():
            if name != "extend":
                leases.enqueue(name, {})
                mine = claim(leases, name)
                earlier(leases, mine)
                with pytest.raises(LeaseError):
                    REPORTS[report](leases, mine)

    @pytest.mark.parametrize("report", list(REPORTS))
    def test_l5_a_report_is_refused_for_an_earlier_delivery_of_the_same_id(
        self, leases: LeaseBackend, report: str
    ) -> None:
        leases.enqueue("q", {}, delivery_id="one")
        earlier = claim(leases)
        leases.complete(earlier)
        leases.enqueue("q", {}, delivery_id="one")
        claim(leases)
        with pytest.raises(LeaseError):
            REPORTS[report](leases, earlier)

    def test_l7_a_delivery_with_a_delay_is_not_visible_before(self, world: World) -> None:
        leases = world.leases()
        leases.enqueue("q", {}, delay=HOUR)
        assert claimed_ids(leases) == []
        began = world.harness.now()
        new_id = leases.enqueue("q", {}, delay=MOMENT)
        assert eventually_claim(world, leases).id == new_id
        assert world.harness.now() - began >= NOT_BEFORE

    def test_l7_a_delivery_that_is_given_back_is_not_visible_before(self, world: World) -> None:
        leases = world.leases()
        leases.enqueue("q", {"n": 1})
        leases.fail(claim(leases), reason="busy", retry_in=HOUR)
        assert claimed_ids(leases) == []
        leases.enqueue("r", {"n": 2})
        began = world.harness.now()
        leases.fail(claim(leases, "r"), reason="busy", retry_in=MOMENT)
        again = eventually_claim(world, leases, "r")
        assert world.harness.now() - began >= NOT_BEFORE
        assert (again.attempt, again.payload) == (2, {"n": 2})

    def test_l8_what_is_given_up_is_a_dead_letter(self, leases: LeaseBackend) -> None:
        for name in ("a", "b"):
            leases.enqueue("q", {"name": name}, delivery_id=name)
        first, second = leases.claim("q", owner_id="me", lease_for=HOUR, limit=2)
        leases.fail(second, reason="broken", retry_in=None)
        leases.fail(first, reason="lost", retry_in=None)
        assert claimed_ids(leases) == []
        letters = [
            DeadLetter(id="b", queue="q", payload={"name": "b"}, attempts=1, reason="broken"),
            DeadLetter(id="a", queue="q", payload={"name": "a"}, attempts=1, reason="lost"),
        ]
        assert list(leases.dead_letters("q")) == letters
        assert list(leases.dead_letters("q", limit=1)) == letters[:1]
        assert list(leases.dead_letters("other")) == []

    def test_l9_a_claim_takes_lower_priorities_first_then_the_oldest(self, leases: LeaseBackend) -> None:
        for name, priority in [("b", 5), ("a", 5), ("last", 9), ("first", 0)]:
            leases.enqueue("q", {}, priority=priority, delivery_id=name)
        assert claimed_ids(leases, limit=3) == ["first", "b", "a"]
        assert claimed_ids(leases, limit=3) == ["last"]

    def test_l9_a_claim_takes_no_more_than_its_limit(self, leases: LeaseBackend) -> None:
        for _ in range(5):
            leases.enqueue("q", {})
        assert [len(claimed_ids(leases, limit=limit)) for limit in (1, 3, 3, 3)] == [1, 3, 1, 0]

    def test_l10_a_known_id_adds_nothing(self, leases: LeaseBackend) -> None:
        assert leases.enqueue("q", {"n": 1}, delivery_id="one") == "one"
        assert leases.enqueue("q", {"n": 2}, delivery_id="one") == "one"
        delivery = claim(leases)
        assert delivery.payload == {"n": 1}
        leases.enqueue("q", {"n": 3}, delivery_id="one")
        leases.fail(delivery, reason="broken", retry_in=None)
        leases.enqueue("q", {"n": 4}, delivery_id="one")
        assert claimed_ids(leases) == []

    def test_l10_deliveries_without_an_id_get_one_each(self, leases: LeaseBackend) -> None:
        assert leases.enqueue("q", {}) != leases.enqueue("q", {})
        assert len(claimed_ids(leases)) == 2

    def test_l11_payloads_come_back_as_they_were(self, worlds: Worlds) -> None:
        @worlds.trying(worlds.profile.values)
        @given(payload=st.dictionaries(st.text(), json_values, max_size=4), priority=st.integers(0, 9))
        def attempt(payload: dict[str, object], priority: int) -> None:
            with worlds.example() as world:
                new_id = world.leases().enqueue("q", payload, priority=priority)
                delivery = claim(world.leases(), owner_id="you")
                assert (delivery.id, delivery.payload, delivery.priority) == (new_id, payload, priority)
                assert (delivery.queue, delivery.owner_id, delivery.attempt) == ("q", "you", 1)

        attempt()

    def test_l11_a_payload_is_kept_as_it_was_when_it_came(self, leases: LeaseBackend) -> None:
        payload = {"list": [1]}
        leases.enqueue("q", payload)
        payload["list"].append(2)
        assert claim(leases).payload == {"list": [1]}

    def test_l11_what_is_no_json_is_refused(self, leases: LeaseBackend) -> None:
        with pytest.raises(EncodingError):
            leases.enqueue("q", {"bad": {1, 2}})
        assert claimed_ids(leases) == []

    def test_l12_a_claim_takes_from_its_queue_only(self, worlds: Worlds) -> None:
        here, there = worlds.new("here ").leases(), worlds.new("there ").leases()
        here.enqueue("other", {}, delivery_id="one")
        assert claimed_ids(here, "q") == []
        assert claimed_ids(there, "other") == []
        here.enqueue("q", {"n": 2}, delivery_id="one")
        assert [claim(here, queue).payload for queue in ("other", "q")] == [{}, {"n": 2}]

    def test_l13_after_close_every_call_is_unavailable(self, world: World) -> None:
        leases, other = world.leases(), world.leases()
        leases.enqueue("q", {})
        mine = claim(leases)
        leases.enqueue("q", {}, delivery_id="waits")
        leases.close()
        leases.close()
        assert _answered(leases, mine) == []
        assert claimed_ids(other) == ["waits"]
        other.complete(mine)

    def test_l14_every_call_is_unavailable_while_the_backend_cannot_be_reached(self, world: World) -> None:
        line = Line()
        leases = world.leases(line)
        leases.enqueue("q", {})
        mine = claim(leases)
        line.down = True
        assert _answered(leases, mine) == []
        line.heal()
        leases.complete(mine)

    def test_l14_no_text_holds_a_credential(self, world: World) -> None:
        line = Line()
        leases = world.leases(line)
        texts = [repr(leases), str(leases)]
        line.down = True
        for call in CALLS.values():
            try:
                call(leases)
            except Unavailable as error:
                texts += texts_of(error)
        assert [text for text in texts for secret in world.harness.secrets if secret in text] == []


def _answered(leases: LeaseBackend, mine: Delivery) -> list[str]:
    """The calls that do not raise Unavailable."""
    answered: list[str] = []
    calls: dict[str, Callable[[LeaseBackend], object]] = dict(CALLS)
    calls |= {name: partial(_report, report, mine) for name, report in REPORTS.items()}
    for name, call in calls.items():
        with suppress(Unavailable):
            call(leases)
            answered.append(name)
    return answered


def _report(report: Callable[[LeaseBackend, Delivery], object], mine: Delivery, leases: LeaseBackend) -> None:
    report(leases, mine)
