"""What keeps a run out of `due` for a while."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from squidie_contract.checks.contract import StorageClauses
from squidie_contract.engine.appends import (
    FAR_FUTURE,
    HOUR,
    LONG_AGO,
    OFFERS,
    append,
    due_ids,
    due_runs,
    history,
    loaded,
    nudge,
    write,
)
from squidie_contract.engine.worlds import World
from squidie_core.ports.storage import RunQuery, Storage


class ParkingClauses(StorageClauses):
    """Reservations and parking: D5 to D7."""

    def test_d5_after_a_commit_a_reserved_run_is_free_again(self, storage: Storage) -> None:
        write(storage, append("t"))
        (run,) = storage.due("default", offers=["ring-errand:*"], limit=1, reserve_for=HOUR).runs
        write(storage, append("t", run.head))
        assert due_ids(storage) == ["t"]

    def test_d5_after_a_commit_a_parked_run_takes_part_again(self, storage: Storage) -> None:
        (one,) = history(storage, "t", "a")
        storage.reserve("t", until=FAR_FUTURE, reason="step_unavailable")
        write(storage, append("t", one.head))
        status = storage.heads(["t"])["t"]
        assert (status.parked_until, status.park_reason) == (None, None)
        (run,) = storage.due("default", offers=["ring-errand:*"], limit=1, reserve_for=0).runs
        assert run.parked == 0

    def test_d5_a_reservation_keeps_the_run_from_this_clients_other_calls(self, storage: Storage) -> None:
        write(storage, append("t"))
        assert due_ids(storage, reserve_for=HOUR) == ["t"]
        assert due_ids(storage) == []

    def test_d7_a_reservation_keeps_the_run_from_other_clients(self, world: World) -> None:
        one, other = world.storage(), world.storage()
        write(one, append("t"), append("u"))
        assert due_ids(one, limit=1, reserve_for=HOUR) == ["t"]
        assert due_ids(other) == ["u"]

    def test_d5_a_reservation_lapses_by_itself(self, world: World) -> None:
        storage = world.storage()
        write(storage, append("t"))
        batch = storage.due("default", offers=OFFERS, limit=1, reserve_for=5)
        assert [run.thread_id for run in batch.runs] == ["t"]
        world.wait_until(storage, batch.now + 5)
        assert due_ids(storage) == ["t"]

    def test_d6_a_reservation_is_no_parking(self, storage: Storage) -> None:
        write(storage, append("t"))
        assert due_runs(storage, reserve_for=0)["t"].parked == 0
        assert due_runs(storage, reserve_for=HOUR)["t"].parked == 0
        status = storage.heads(["t"])["t"]
        assert (status.parked_until, status.park_reason) == (None, None)

    def test_d5_a_reservation_falls_on_no_run_beyond_the_limit(self, storage: Storage) -> None:
        write(storage, *(append(f"t{i}") for i in range(3)))
        assert due_ids(storage, limit=1, reserve_for=HOUR) == ["t0"]
        assert due_ids(storage) == ["t1", "t2"]

    def test_d1_a_reservation_of_one_of_many_callers_loses_no_run(self, world: World) -> None:
        storage = world.storage()
        runs = [f"t{i:02}" for i in range(24)]
        write(storage, *map(append, runs))

        def worker(client: Storage) -> list[str]:
            mine: list[str] = []
            while batch := due_ids(client, limit=2, reserve_for=HOUR):
                mine += batch
            return mine

        clients = [storage, storage, world.storage(), world.storage()]
        with ThreadPoolExecutor(len(clients)) as pool:
            taken = [run for mine in pool.map(worker, clients) for run in mine]
        assert set(taken) | set(due_ids(storage)) == set(runs)

    def test_d6_parking_leaves_the_run_out_and_says_why(self, storage: Storage) -> None:
        (one,) = history(storage, "t", "a")
        storage.reserve("t", until=FAR_FUTURE, reason="step_unavailable")
        assert due_ids(storage) == []
        status = storage.heads(["t"])["t"]
        assert (status.parked_until, status.park_reason) == (FAR_FUTURE, "step_unavailable")
        (listed,) = storage.find(RunQuery()).runs
        assert (listed.parked_until, listed.park_reason) == (FAR_FUTURE, "step_unavailable")
        assert loaded(storage, "t").head == one.head

    def test_d5_parking_lapses_by_itself(self, world: World) -> None:
        storage = world.storage()
        write(storage, append("t"))
        until = storage.clock() + 5
        storage.reserve("t", until=until, reason="step_unavailable")
        world.wait_until(storage, until)
        assert due_ids(storage) == ["t"]

    def test_d5_parking_takes_the_place_of_a_reservation(self, storage: Storage) -> None:
        write(storage, append("t"))
        assert due_ids(storage, reserve_for=HOUR) == ["t"]
        storage.reserve("t", until=LONG_AGO, reason="step_unavailable")
        assert due_ids(storage) == ["t"]

    def test_d6_parking_is_counted_until_somebody_advances_the_run(self, storage: Storage) -> None:
        (one,) = history(storage, "t", "a")
        for times in range(1, 4):
            storage.reserve("t", until=LONG_AGO, reason="step_unavailable")
            assert due_runs(storage)["t"].parked == times
        write(storage, append("t", one.head))
        assert due_runs(storage)["t"].parked == 0

    def test_d5_parking_survives_due_of_others(self, storage: Storage) -> None:
        write(storage, append("parked"), append("free"))
        storage.reserve("parked", until=FAR_FUTURE, reason="step_unavailable")
        assert due_ids(storage, reserve_for=HOUR) == ["free"]
        assert storage.heads(["parked"])["parked"].park_reason == "step_unavailable"

    def test_d5_parking_is_not_lifted_by_a_nudge(self, storage: Storage) -> None:
        write(storage, append("t"))
        storage.reserve("t", until=FAR_FUTURE, reason="step_unavailable")
        nudge(storage, "t")
        assert due_ids(storage) == []

    def test_d5_parking_outlasts_a_quarantine(self, storage: Storage) -> None:
        write(storage, append("t"))
        storage.quarantine("t", reason="unreadable", by="operator")
        storage.reserve("t", until=FAR_FUTURE, reason="step_unavailable")
        storage.unquarantine("t")
        assert due_ids(storage) == []

    def test_d5_parking_of_a_run_that_does_not_exist_makes_none(self, storage: Storage) -> None:
        storage.reserve("gone", until=FAR_FUTURE, reason="step_unavailable")
        assert storage.heads(["gone"]) == {}
        write(storage, append("gone"))
        assert due_ids(storage) == ["gone"]

    def test_d5_parking_takes_many_runs_at_once_or_none(self, storage: Storage) -> None:
        write(storage, *(append(f"r{i}") for i in range(5)))
        storage.reserve("r0", "r1", "gone", "r3", until=FAR_FUTURE, reason="step_unavailable")
        storage.reserve(until=FAR_FUTURE, reason="step_unavailable")
        assert sorted(due_ids(storage)) == ["r2", "r4"]
