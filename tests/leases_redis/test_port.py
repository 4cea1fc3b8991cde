"""What the leases port promises, in memory and in Redis."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from squidie_core.errors import EncodingError, LeaseError, Unavailable
from squidie_core.ports import LeaseBackend
from squidie_core.ports.leases import DeadLetter, Delivery
from tests.clocks import Clock
from tests.leases_redis.worlds import LeaseWorld, lease_world


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["memory", "valkey", "redis 6.2", "cluster"])
def world(request: pytest.FixtureRequest, clock: Clock) -> Iterator[LeaseWorld]:
    made = lease_world(request, clock)
    yield made
    made.close()


@pytest.fixture
def leases(world: LeaseWorld) -> LeaseBackend:
    return world.open()


def claim(leases: LeaseBackend, queue: str = "q", *, owner_id: str = "me", lease_for: int = 100) -> Delivery:
    (delivery,) = leases.claim(queue, owner_id=owner_id, lease_for=lease_for)
    return delivery


def claimed_ids(leases: LeaseBackend, queue: str = "q", *, limit: int = 100) -> list[str]:
    return [one.id for one in leases.claim(queue, owner_id="me", lease_for=100, limit=limit)]


class TestEnqueue:
    def test_makes_a_delivery_for_whoever_claims(self, leases: LeaseBackend, world: LeaseWorld, clock: Clock) -> None:
        payload = {"run": "1", "list": [1, 2.5, None, True], "nested": {"$squidie": "x"}, "\u00e9": "\x00"}
        new_id = leases.enqueue("q", payload, priority=3)
        delivery = claim(world.open(), owner_id="you")
        assert delivery == Delivery(
            id=new_id,
            queue="q",
            payload=payload,
            owner_id="you",
            token=delivery.token,
            attempt=1,
            priority=3,
            lease_until=clock.now + 100,
        )

    def test_is_visible_only_after_the_delay(self, leases: LeaseBackend, clock: Clock) -> None:
        leases.enqueue("q", {}, delay=10)
        clock.now += 9
        assert claimed_ids(leases) == []
        clock.now += 1
        assert len(claimed_ids(leases)) == 1

    def test_with_a_known_id_adds_nothing(self, leases: LeaseBackend) -> None:
        assert leases.enqueue("q", {"n": 1}, delivery_id="one") == "one"
        assert leases.enqueue("q", {"n": 2}, delivery_id="one") == "one"
        delivery = claim(leases)
        assert delivery.payload == {"n": 1}
        leases.enqueue("q", {"n": 3}, delivery_id="one")
        leases.fail(delivery, reason="broken", retry_in=None)
        leases.enqueue("q", {"n": 4}, delivery_id="one")
        assert claimed_ids(leases) == []

    def test_gives_every_delivery_without_an_id_its_own(self, leases: LeaseBackend) -> None:
        assert leases.enqueue("q", {}) != leases.enqueue("q", {})
        assert len(claimed_ids(leases)) == 2

    def test_keeps_the_payload_as_it_was(self, leases: LeaseBackend) -> None:
        payload = {"list": [1]}
        leases.enqueue("q", payload)
        payload["list"].append(2)
        assert claim(leases).payload == {"list": [1]}

    def test_refuses_what_is_no_json(self, leases: LeaseBackend) -> None:
        with pytest.raises(EncodingError, match="payload"):
            leases.enqueue("q", {"bad": {1, 2}})
        assert claimed_ids(leases) == []


class TestClaim:
    def test_takes_lower_priorities_first_then_the_oldest(self, leases: LeaseBackend) -> None:
        for name, priority in [("b", 5), ("a", 5), ("last", 9), ("first", 0)]:
            leases.enqueue("q", {}, priority=priority, delivery_id=name)
        assert claimed_ids(leases, limit=3) == ["first", "b", "a"]
        assert claimed_ids(leases, limit=3) == ["last"]

    def test_gives_a_delivery_to_one_owner_at_a_time(self, leases: LeaseBackend) -> None:
        for i in range(50):
            leases.enqueue("q", {}, delivery_id=str(i))
        with ThreadPoolExecutor(4) as pool:
            claims = [pool.submit(claimed_ids, leases, limit=5) for _ in range(20)]
        taken = [one for made in claims for one in made.result()]
        assert sorted(taken) == sorted(map(str, range(50)))

    def test_takes_from_its_queue_only(self, leases: LeaseBackend) -> None:
        leases.enqueue("other", {})
        assert claimed_ids(leases) == []

    def test_takes_what_has_lost_its_lease_with_a_greater_token(self, leases: LeaseBackend, clock: Clock) -> None:
        leases.enqueue("q", {})
        first = claim(leases)
        clock.now += 99
        assert claimed_ids(leases) == []
        clock.now += 1
        second = claim(leases, owner_id="you")
        assert second.token > first.token
        assert (second.attempt, second.owner_id, second.id) == (2, "you", first.id)


Report = Callable[[LeaseBackend, Delivery], object]
REPORTS: dict[str, Report] = {
    "extend": lambda leases, one: leases.extend(one, lease_for=10),
    "complete": lambda leases, one: leases.complete(one),
    "fail": lambda leases, one: leases.fail(one, reason="r", retry_in=0),
    "give up": lambda leases, one: leases.fail(one, reason="r", retry_in=None),
}


@pytest.mark.parametrize("report", REPORTS.values(), ids=list(REPORTS))
class TestAReport:
    """What an owner says about its delivery counts only while the lease is its own."""

    def test_is_refused_when_another_has_the_delivery(self, leases: LeaseBackend, clock: Clock, report: Report) -> None:
        leases.enqueue("q", {})
        mine = claim(leases)
        clock.now += 100
        theirs = claim(leases)
        with pytest.raises(LeaseError, match="no longer"):
            report(leases, mine)
        leases.complete(theirs)

    def test_is_refused_when_the_lease_has_run_out(self, leases: LeaseBackend, clock: Clock, report: Report) -> None:
        leases.enqueue("q", {})
        mine = claim(leases)
        clock.now += 100
        with pytest.raises(LeaseError):
            report(leases, mine)
        assert len(claimed_ids(leases)) == 1

    def test_is_refused_when_it_was_completed(self, leases: LeaseBackend, report: Report) -> None:
        leases.enqueue("q", {})
        mine = claim(leases)
        leases.complete(mine)
        with pytest.raises(LeaseError):
            report(leases, mine)

    def test_is_refused_when_it_was_given_back(self, leases: LeaseBackend, report: Report) -> None:
        leases.enqueue("q", {})
        mine = claim(leases)
        leases.fail(mine, reason="r", retry_in=1000)
        with pytest.raises(LeaseError):
            report(leases, mine)

    def test_is_refused_for_an_earlier_delivery_of_the_same_id(self, leases: LeaseBackend, report: Report) -> None:
        leases.enqueue("q", {}, delivery_id="one")
        earlier = claim(leases)
        leases.complete(earlier)
        leases.enqueue("q", {}, delivery_id="one")
        claim(leases)
        with pytest.raises(LeaseError):
            report(leases, earlier)


class TestExtend:
    def test_holds_the_delivery_from_now(self, leases: LeaseBackend, clock: Clock) -> None:
        leases.enqueue("q", {})
        first = claim(leases, lease_for=100)
        clock.now += 99
        second = leases.extend(first, lease_for=50)
        assert second == replace(first, lease_until=clock.now + 50)
        clock.now += 49
        assert claimed_ids(leases) == []
        leases.complete(second)
        clock.now += 1000
        assert claimed_ids(leases) == []


class TestFail:
    def test_gives_it_back_after_a_while(self, leases: LeaseBackend, clock: Clock) -> None:
        leases.enqueue("q", {"n": 1})
        leases.fail(claim(leases), reason="busy", retry_in=20)
        clock.now += 19
        assert claimed_ids(leases) == []
        clock.now += 1
        again = claim(leases)
        assert (again.attempt, again.payload) == (2, {"n": 1})

    def test_for_good_makes_a_dead_letter(self, leases: LeaseBackend, clock: Clock) -> None:
        for name in ("a", "b"):
            leases.enqueue("q", {"name": name}, delivery_id=name)
        a, b = leases.claim("q", owner_id="me", lease_for=100, limit=2)
        leases.fail(b, reason="broken", retry_in=None)
        leases.fail(a, reason="lost", retry_in=None)
        clock.now += 1000
        assert claimed_ids(leases) == []
        letters = [
            DeadLetter(id="b", queue="q", payload={"name": "b"}, attempts=1, reason="broken"),
            DeadLetter(id="a", queue="q", payload={"name": "a"}, attempts=1, reason="lost"),
        ]
        assert list(leases.dead_letters("q")) == letters
        assert list(leases.dead_letters("q", limit=1)) == letters[:1]
        assert list(leases.dead_letters("other")) == []


class TestADeadLetter:
    def test_is_delivered_again_as_if_it_were_new(self, leases: LeaseBackend) -> None:
        leases.enqueue("q", {"n": 1}, delivery_id="dead", priority=3)
        leases.fail(claim(leases), reason="broken", retry_in=None)
        leases.enqueue("q", {}, delivery_id="younger", priority=3)
        assert leases.redeliver("q", "dead")
        assert list(leases.dead_letters("q")) == []
        assert [leases.redeliver("q", "dead"), leases.redeliver("other", "dead")] == [False, False]
        younger, dead = leases.claim("q", owner_id="me", lease_for=100, limit=2)
        assert (younger.id, dead.id, dead.attempt, dead.payload) == ("younger", "dead", 1, {"n": 1})

    def test_that_is_discarded_is_forgotten_with_its_id(self, leases: LeaseBackend) -> None:
        leases.enqueue("q", {"n": 1}, delivery_id="dead")
        leases.fail(claim(leases), reason="broken", retry_in=None)
        assert [leases.discard("q", "dead"), leases.discard("q", "dead")] == [True, False]
        assert list(leases.dead_letters("q")) == []
        leases.enqueue("q", {"n": 2}, delivery_id="dead")
        assert claim(leases).payload == {"n": 2}


class TestClose:
    def test_makes_every_later_call_unavailable(self, world: LeaseWorld) -> None:
        leases, other = world.open(), world.open()
        leases.enqueue("q", {})
        leases.close()
        leases.close()
        with pytest.raises(Unavailable):
            leases.enqueue("q", {})
        with pytest.raises(Unavailable):
            leases.claim("q", owner_id="me", lease_for=1)
        other.complete(claim(other))
