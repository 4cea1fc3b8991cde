"""Several clients at once, in orders that hypothesis picks."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from squidie_contract.checks.contract import StorageClauses
from squidie_contract.engine import racing
from squidie_contract.engine.appends import append, commits_of, stored
from squidie_contract.engine.racing import Race, Step, races
from squidie_contract.engine.schedule import Schedule
from squidie_contract.engine.trying import trying
from squidie_contract.engine.worlds import Worlds
from squidie_core.journal.commit import COMMITTED, NO_HEAD, Commit
from squidie_core.ports.storage import Storage


class RacesClauses(StorageClauses):
    """Races: J3 to J10, I1, B2."""

    def test_j3_appends_of_many_writers_happen_one_after_the_other(self, worlds: Worlds) -> None:
        _race(worlds, "append a", "append a", "read a")

    def test_j3_of_many_starts_of_a_thread_one_is_accepted(self, worlds: Worlds) -> None:
        @trying(worlds.profile.races)
        @given(choices=st.lists(st.integers(0, 2), max_size=20))
        def attempt(choices: list[int]) -> None:
            with worlds.example() as world:
                schedule = Schedule(choices, tell=world.trail.tell)
                names = ("client 1", "client 2", "client 3")
                clients = {name: world.storage(schedule.wire(name), name=name) for name in names}
                starts = {name: append("t", NO_HEAD, name) for name in names}
                accepted: list[str] = []

                def start(name: str, client: Storage) -> None:
                    if list(client.commit([Commit((starts[name],))])) == [COMMITTED]:
                        accepted.append(name)

                schedule.run({name: lambda n=name, c=client: start(n, c) for name, client in clients.items()})
                assert len(accepted) == 1
                assert commits_of(world.storage(), "t") == [stored(starts[accepted[0]])]

        attempt()

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


def _race(worlds: Worlds, *steps: Step, with_faults: bool = False) -> None:
    """Fail with all that cannot have happened."""

    @trying(worlds.profile.races)
    @given(race=races(*steps, with_faults=with_faults))
    def attempt(race: Race) -> None:
        with worlds.example() as world:
            found = racing.run(world, race)
            assert not found, "; ".join(map(str, found))

    attempt()
