"""Clients of the runtime that race: one round trip at a time.

Either in orders that hypothesis picks, or in each order in which the others do all that they do between two round trips
of the first; or with each fault at each round trip of the first.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, suppress
from functools import cached_property, partial
from itertools import product
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from adapters.harnesses.memory import MemoryHarness
from squidie_contract.engine.line import Fault, Line
from squidie_contract.engine.schedule import Schedule
from squidie_contract.engine.trying import orders, trying
from squidie_contract.harness import Harness
from squidie_contract.wire import Wire, quiet
from squidie_core import Snapshot, Squidie, Unavailable, Workflow
from tests.runtime.waiting import PATIENCE

ORDERS, ORDERS_OF_A_SERVER = 60, 8
"""How many are tried of each race."""
_TIME_PASSES = "time passes"


class Arena:
    """A world of its own, and clients of the runtime in it: those that race are behind a wire, `quiet` is not.

    `resources` are those of clients that are yet to be made. `lease`: the seconds after which another worker takes the
    place of one that has died; few where they have to be waited for.
    """

    def __init__(
        self,
        harness: Harness,
        choices: Sequence[int],
        *workflows: type[Workflow],
        fault: tuple[int, Fault] | None = None,
        **options: Any,
    ) -> None:
        self.harness = harness
        self.trips = 0
        """How many round trips the first of those that raced has made."""
        self._fault = fault
        self.turns_its_clock = isinstance(harness, MemoryHarness)
        self.lease = 30.0 if self.turns_its_clock else 0.1
        self.resources: dict[type, object] = {}
        self._given: dict[str, Any] = {"workflows": workflows, "resources": self.resources, **options}
        self._schedule = Schedule(choices, tell=self._told)
        self._to_pass: dict[str, float] = {}
        self._racing: dict[Squidie, tuple[str, Line]] = {}
        self._opened: list[Squidie] = []

    @cached_property
    def quiet(self) -> Squidie:
        """The client for what comes before and after the race."""
        return self._open(quiet)

    def _open(self, wire: Wire, **options: Any) -> Squidie:
        squidie = Squidie(self.harness.storage(wire), **{**self._given, **options})
        self._opened.append(squidie)
        return squidie

    def client(self, **options: Any) -> Squidie:
        """One that may race, with options of its own."""
        name = f"client {len(self._racing) + 1}"
        line = self._schedule.wire(name)
        squidie = self._open(line, **options)
        self._racing[squidie] = (name, line)
        return squidie

    def wire(self, squidie: Squidie) -> Wire:
        """The wire of one of those that race, for connections that it has beside its storage."""
        return self._racing[squidie][1]

    def race(self, *programs: Callable[[Squidie], Any], clients: Sequence[Squidie] = ()) -> list[Any]:
        """What each program gives, each run by a client of its own at the same time; called once.

        A fault happens to the first of them; where it dies it gives nothing.
        """
        racing = [*clients, *(self.client() for _ in programs[len(clients) :])]
        first = self._racing[racing[0]][1]
        before = first.trips
        if self._fault is not None:
            first.fault_from(*self._fault)
        results: dict[str, Any] = {}

        def run(squidie: Squidie, program: Callable[[Squidie], Any]) -> None:
            results[self._racing[squidie][0]] = program(squidie)

        running = {
            self._racing[squidie][0]: partial(run, squidie, program)
            for squidie, program in zip(racing, programs, strict=True)
        }
        self._schedule.run(running)
        self.trips = first.trips - before
        return [results[name] for name in running if name in results]

    def later(self, squidie: Squidie, seconds: float) -> None:
        """Let time pass in the world, when it is this client's turn."""
        name, line = self._racing[squidie]
        self._to_pass[name] = seconds
        with line(_TIME_PASSES):
            pass

    def _told(self, what: str) -> None:
        """Somebody's turn begins. Time passes before it, for who takes long at its own turn is thought to be stuck."""
        name, _, request = what.partition(": ")
        if request == _TIME_PASSES:
            self.harness.wait(1000 * self._to_pass.pop(name))

    def work(self, squidie: Squidie, *, lease_for: float | None = None) -> None:
        """Execute what is due, also after the connection was lost."""
        for _ in range(5):
            with suppress(Unavailable):
                squidie.drain(owner_id=f"worker {id(squidie)}", lease_for=lease_for or self.lease, limit=20)
                return

    def work_steadily(self, squidie: Squidie) -> None:
        """The same with claims that last, so that nobody takes over."""
        self.work(squidie, lease_for=30)

    def work_later(self, squidie: Squidie) -> None:
        """The same once what others have found is reserved for them no more, where that need not be awaited."""
        if self.turns_its_clock:
            self.later(squidie, 2)
        self.work_steadily(squidie)

    def take_over(self, squidie: Squidie) -> None:
        """Execute what is due when the claims of others have lapsed."""
        self.later(squidie, 1.4 * self.lease)
        self.work(squidie)

    def finish(self, run: Snapshot | str) -> Snapshot:
        """Execute all that is left of the run and its children, however long that takes; the run at its end."""
        end = time.monotonic() + PATIENCE
        while True:
            self.quiet.drain()
            found = self.quiet.inspect_run(run)
            if found.terminal and not self.quiet.list_runs(status="running").runs:
                return found
            assert time.monotonic() < end, f"run {found.id} does not end: {found.reason}"
            self.harness.wait(61_000 if self.turns_its_clock else 20)

    def close(self) -> None:
        """Close the clients, then the store."""
        for squidie in self._opened:
            squidie.store.storage.close()
            squidie.close()
        self.harness.close()


def in_many_orders(
    harness: type[Harness],
    *workflows: type[Workflow],
    race: Callable[[Arena], None],
    clients: int = 2,
    faults: bool = False,
    **options: Any,
) -> None:
    """Let so many clients race in a new arena, in each of many orders; the options are those of the clients."""
    fault = st.tuples(st.integers(0, 24), st.sampled_from(Fault)) if faults else st.none()

    @trying(ORDERS if harness is MemoryHarness else ORDERS_OF_A_SERVER)
    @given(choices=orders(clients), fault=fault)
    def attempt(choices: list[int], fault: tuple[int, Fault] | None) -> None:
        with _arena(harness, choices, *workflows, fault=fault, **options) as arena:
            race(arena)

    attempt()


def at_every_moment(
    harness: type[Harness], *workflows: type[Workflow], race: Callable[[Arena], None], **options: Any
) -> None:
    """Let the others, one after the other, do all that they do between two round trips of the first, each in turn.

    For races in which little happens besides: there these few orders find more than as many others do.
    """
    with _arena(harness, [], *workflows, **options) as one_after_the_other:
        race(one_after_the_other)
    for moment in range(one_after_the_other.trips + 1):
        with _arena(harness, [0] * moment + [1], *workflows, **options) as arena:
            race(arena)


def with_every_fault(
    harness: type[Harness],
    *workflows: type[Workflow],
    race: Callable[[Arena], None],
    faults: Sequence[Fault] = (Fault.REQUEST_LOST, Fault.ANSWER_LOST, Fault.DIES_AFTER),
    **options: Any,
) -> None:
    """Let each fault happen at each round trip of the first client; the others go on when that is over.

    Who dies before a request is for all others one who has died after the request before.
    """
    with _arena(harness, [], *workflows, **options) as whole:
        race(whole)
    for fault in product(range(whole.trips), faults):
        with _arena(harness, [], *workflows, fault=fault, **options) as arena:
            race(arena)


@contextmanager
def _arena(
    harness: type[Harness], choices: Sequence[int], *workflows: type[Workflow], **options: Any
) -> Generator[Arena]:
    arena = Arena(harness(), choices, *workflows, **options)
    try:
        yield arena
    except BaseException as error:
        error.add_note(f"in the order {choices}, with {options.get('fault')}")
        raise
    finally:
        arena.close()


def outcome(call: Callable[[], Any]) -> Any:
    """What the call gives, or the error that it raises."""
    try:
        return call()
    except Exception as error:  # noqa: BLE001  # the race's judge tells them apart
        return error
