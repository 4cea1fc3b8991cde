"""What time it is, and what is dated by it."""

from __future__ import annotations

from squidie_contract.checks.contract import StorageClauses
from squidie_contract.engine.appends import OFFERS, append, write
from squidie_contract.engine.worlds import World
from squidie_core.ports.storage import RunQuery, Storage


class ClockClauses(StorageClauses):
    """Time: T1 and T2."""

    def test_t1_a_client_tells_the_time_in_milliseconds_since_the_epoch(self, storage: Storage) -> None:
        first, second = storage.clock(), storage.clock()
        assert isinstance(first, int)
        assert 1_600_000_000_000 < first <= second < 3_000_000_000_000

    def test_t1_an_accepted_commit_is_dated_by_the_stores_clock(self, storage: Storage) -> None:
        before = storage.clock()
        write(storage, append("t"))
        (listed,) = storage.find(RunQuery()).runs
        assert before <= listed.updated_at <= storage.clock()

    def test_t1_due_tells_the_stores_time(self, storage: Storage) -> None:
        before = storage.clock()
        batch = storage.due("default", offers=OFFERS, limit=1, reserve_for=0)
        assert before <= batch.now <= storage.clock()

    def test_t2_two_clients_agree_on_the_time_as_far_as_is_declared(self, world: World) -> None:
        one, other = world.storage(), world.storage()
        skew = one.capabilities.max_skew
        for _ in range(10):
            before, between, after = one.clock(), other.clock(), one.clock()
            assert before - skew <= between <= after + skew
