"""Several clients at once, in orders that hypothesis picks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeAlias, TypeVar

from hypothesis import given

from squidie_contract.checks.contract import StorageClauses
from squidie_contract.engine import racing
from squidie_contract.engine.appends import HOUR, append, commits_of, due_ids, row, signed, stored, write
from squidie_contract.engine.racing import Race, Step, races
from squidie_contract.engine.schedule import Schedule
from squidie_contract.engine.trying import orders
from squidie_contract.engine.worlds import World, Worlds
from squidie_core.journal.commit import COMMITTED, NO_HEAD, Commit
from squidie_core.ports.storage import Storage

T = TypeVar("T")


class RacesClauses(StorageClauses):
    """Races: J3 to J10, I1, B2."""

    def test_j3_appends_of_many_writers_happen_one_after_the_other(self, worlds: Worlds) -> None:
        _race(worlds, "append a", "append a", "read a")

    def test_j3_of_many_starts_of_a_thread_one_is_accepted(self, worlds: Worlds) -> None:
        def start(world: World, choices: Choices) -> None:
            starts = {name: append("t", NO_HEAD, name) for name in CLIENTS}
            results = at_once(world, choices, lambda name, client: client.commit([Commit((starts[name],))]))
            (accepted,) = [name for name, result in results.items() if list(result) == [COMMITTED]]
            assert commits_of(world.storage(), "t") == [stored(starts[accepted])]

        _in_many_orders(worlds, start)

    def test_j4_commits_over_two_threads_stand_in_both_or_in_none(self, worlds: Worlds) -> None:
        _race(worlds, "append both", "append both", "append a", "append b", "load both")

    def test_j5_groups_of_several_writers_are_judged_commit_by_commit(self, worlds: Worlds) -> None:
        _race(worlds, "append each", "append each", "append a", "append b")

    def test_j7_busy_is_said_of_what_is_undecided(self, worlds: Worlds) -> None:
        _race(worlds, "nudge", "append both", "append a", "append b")

    def test_j8_commits_whose_answers_are_lost_are_whole_or_nothing(self, worlds: Worlds) -> None:
        _race(worlds, "append both", "append a", "append each", "read a", with_faults=True)

    def test_j10_readers_see_what_was_written_before_they_asked(self, worlds: Worlds) -> None:
        _race(worlds, "read a", "load both", "append a", "append both")

    def test_i1_observers_see_the_head_and_the_row_of_one_commit(self, worlds: Worlds) -> None:
        _race(worlds, "look", "append a", "append both")

    def test_d1_runs_that_many_callers_reserve_are_not_lost(self, worlds: Worlds) -> None:
        def take(world: World, choices: Choices) -> None:
            taken = _taken(world, choices)
            assert {run for runs in taken.values() for run in runs} | set(due_ids(world.storage())) == set(RUNS)

        _in_many_orders(worlds, take)

    def test_d12_no_two_callers_get_the_same_run(self, worlds: Worlds) -> None:
        def take(world: World, choices: Choices) -> None:
            taken = [run for runs in _taken(world, choices).values() for run in runs]
            assert len(taken) == len(set(taken)), f"some were given twice: {sorted(taken)}"

        _in_many_orders(worlds, take)

    def test_b2_of_many_who_put_a_blob_at_once_all_read_the_same(self, worlds: Worlds) -> None:
        def put(world: World, choices: Choices) -> None:
            def put_and_read(name: str, client: Storage) -> str:
                client.put_blob("digest", name)
                return client.get_blobs(["digest"])["digest"]

            read = at_once(world, choices, put_and_read)
            assert set(read.values()) == set(world.storage().get_blobs(["digest"]).values())

        _in_many_orders(worlds, put)

    def test_r4_rebuilding_writes_over_no_writer(self, worlds: Worlds) -> None:
        def rebuild(world: World, choices: Choices) -> None:
            first = signed(append("t"))
            write(world.storage(), first)

            def rebuild_or_write(name: str, client: Storage) -> None:
                if name == CLIENTS[0]:
                    client.rebuild_index(lambda _, commits: row(status=str(commits[-1].commit_id)))
                else:
                    client.commit([Commit((signed(append("t", first.head)),))])

            at_once(world, choices, rebuild_or_write)
            status = world.storage().heads(["t"])["t"]
            assert status.status == str(status.head.commit_id), "the row is of another commit than the head"

        _in_many_orders(worlds, rebuild)


CLIENTS = ("client 1", "client 2", "client 3")
RUNS = ("a", "b", "c", "d")
Choices: TypeAlias = Sequence[int]


def _taken(world: World, choices: Choices) -> dict[str, list[str]]:
    """Which runs each of several callers got, of those that are due."""
    write(world.storage(), *map(append, RUNS))
    return at_once(world, choices, lambda _, client: due_ids(client, limit=2, reserve_for=HOUR))


def at_once(world: World, choices: Choices, program: Callable[[str, Storage], T]) -> dict[str, T]:
    """What the program gives each of several clients that run it at once, in this order."""
    schedule = Schedule(choices, tell=world.trail.tell)
    clients = {name: world.storage(schedule.wire(name), name=name) for name in CLIENTS}
    results: dict[str, T] = {}

    def run(name: str) -> None:
        results[name] = program(name, clients[name])

    schedule.run({name: partial(run, name) for name in CLIENTS})
    return results


def _in_many_orders(worlds: Worlds, race: Callable[[World, Choices], None]) -> None:
    @worlds.trying(worlds.profile.races)
    @given(choices=orders(len(CLIENTS)))
    def attempt(choices: list[int]) -> None:
        with worlds.example() as world:
            race(world, choices)

    attempt()


def _race(worlds: Worlds, *steps: Step, with_faults: bool = False) -> None:
    """Fail with all that cannot have happened."""

    @worlds.trying(worlds.profile.races)
    @given(race=races(*steps, with_faults=with_faults))
    def attempt(race: Race) -> None:
        with worlds.example() as world:
            found = racing.run(world, race)
            assert not found, "; ".join(map(str, found))

    attempt()
