"""The scheduler: races are found, always the same way, and made small."""

from __future__ import annotations

import random
import re
import threading

import pytest
from hypothesis import given, seed, settings

from squidie_contract.engine import racing
from squidie_contract.engine.line import Fault, Line
from squidie_contract.engine.racing import Race, races
from squidie_contract.engine.schedule import Schedule
from squidie_contract.engine.trying import trying
from squidie_contract.engine.worlds import Worlds
from squidie_contract.mutants.journal import ChecksThenWrites
from squidie_contract.profiles import PROFILES
from squidie_contract.wire import Cut, Died

PROBE = PROFILES["probe"]


def run(race: Race) -> tuple[list[str], list[str]]:
    """The anomalies' kinds, and who went when, of a race on a store that checks and then writes."""
    with (worlds := Worlds(ChecksThenWrites, PROBE)).example() as world:
        kinds = [found.kind for found in racing.run(world, race)]
        steps = [line for line in str(worlds.trail).splitlines() if re.match(r"client \d: ", line)]
        return kinds, steps


class TestARace:
    @pytest.mark.parametrize("number", range(12))
    def test_between_a_check_and_a_write_is_found(self, number: int) -> None:
        found: list[Race] = []

        @seed(number)
        @settings(trying(100), phases=trying(100, probe=True).phases)
        @given(race=races("append a", "read a"))
        def attempt(race: Race) -> None:
            if run(race)[0]:
                found.append(race)

        attempt()
        assert found

    def test_is_made_as_small_as_two_appends_and_two_changes_of_hands(self) -> None:
        smallest: list[Race] = []

        @seed(1)
        @trying(200)
        @given(race=races("append a", "read a"))
        def attempt(race: Race) -> None:
            if run(race)[0]:
                smallest.append(race)
                raise AssertionError

        with pytest.raises(AssertionError):
            attempt()
        assert [list(steps) for steps in smallest[-1].programs.values()] == [["append a"], ["append a"]]
        assert sum(choice > 0 for choice in smallest[-1].choices) <= 2

    def test_is_run_in_the_same_order_again(self) -> None:
        choose = random.Random(1)  # noqa: S311  # guards nothing
        programs = {f"client {number}": ["append a", "read a", "append a"] for number in (1, 2, 3)}
        race = Race(programs, [choose.randrange(3) for _ in range(40)])  # type: ignore[arg-type]  # literals
        assert run(race) == run(race)

    def test_without_changes_of_hands_is_one_client_after_the_other(self) -> None:
        kinds, steps = run(Race({"client 1": ["append a", "append a"], "client 2": ["append a"]}, []))
        assert kinds == []
        assert [step[:8] for step in steps] == sorted(step[:8] for step in steps)


class TestASchedule:
    def test_lets_others_go_on_while_one_waits_for_anothers_lock(self) -> None:
        schedule = Schedule([0, 0, 1, 0, 1])
        lock, order = threading.Lock(), list[str]()

        def program(name: str) -> None:
            wire = schedule.wire(name)
            with wire("first"), lock, wire("second, with the lock"):
                order.append(name)

        schedule.run({"a": lambda: program("a"), "b": lambda: program("b")})
        assert sorted(order) == ["a", "b"]

    def test_tells_of_a_program_that_failed(self) -> None:
        schedule = Schedule([])

        def fails() -> None:
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            schedule.run({"a": fails, "b": lambda: None})

    def test_lets_programs_die(self) -> None:
        schedule = Schedule([])

        def dies() -> None:
            with schedule.wire("a", {1: Fault.DIES_AFTER})("request"):
                pass

        schedule.run({"a": dies})


class TestALine:
    def test_loses_the_request_or_the_answer(self) -> None:
        line, arrived = Line({1: Fault.REQUEST_LOST, 2: Fault.ANSWER_LOST}), list[int]()
        for number in (1, 2, 3):
            try:
                with line():
                    arrived.append(number)
            except Cut:
                continue
        assert arrived == [2, 3]

    def test_of_a_client_that_died_carries_nothing_more(self) -> None:
        line = Line({1: Fault.DIES_BEFORE})
        for _ in range(3):
            with pytest.raises(Died), line():
                raise AssertionError("this was sent")
