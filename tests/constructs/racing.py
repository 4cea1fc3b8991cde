"""Clients of the runtime that race: one round trip at a time, in orders that hypothesis picks."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar

from hypothesis import given

from adapters.harnesses.memory import MemoryHarness
from squidie_contract.engine.schedule import Schedule
from squidie_contract.engine.trying import orders, trying
from squidie_contract.harness import Harness
from squidie_core import Squidie, Workflow

T = TypeVar("T")

NAMES = ("client 1", "client 2")


class Arena:
    """A store of its own, and clients of the runtime at it, each behind a wire."""

    def __init__(self, harness: Harness, choices: Sequence[int], *workflows: type[Workflow], **options: Any) -> None:
        self._harness = harness
        self._options = options
        self._schedule = Schedule(choices)
        self._opened: list[Squidie] = []
        self.clients = {name: self._open(name, workflows) for name in NAMES}

    def _open(self, name: str, workflows: Sequence[type[Workflow]]) -> Squidie:
        squidie = Squidie(self._harness.storage(self._schedule.wire(name)), workflows=workflows, **self._options)
        self._opened.append(squidie)
        return squidie

    @property
    def first(self) -> Squidie:
        """One of them, for what comes before and after the race."""
        return self.clients[NAMES[0]]

    def race(self, *programs: Callable[[Squidie], T]) -> list[T]:
        """What each program gives, each run by a client of its own at the same time."""
        results: dict[str, T] = {}

        def run(name: str, program: Callable[[Squidie], T]) -> None:
            results[name] = program(self.clients[name])

        racing: Mapping[str, Callable[[], None]] = {
            name: partial(run, name, program) for name, program in zip(NAMES, programs, strict=True)
        }
        self._schedule.run(racing)
        return [results[name] for name in racing]

    def close(self) -> None:
        """Close the clients, then the store."""
        for squidie in self._opened:
            squidie.store.storage.close()
            squidie.close()
        self._harness.close()


def in_many_orders(
    harness: type[Harness], *workflows: type[Workflow], race: Callable[[Arena], None], **options: Any
) -> None:
    """Run the race in a new arena for each of many orders; the options are those of its clients."""

    @trying(60 if harness is MemoryHarness else 8)
    @given(choices=orders(len(NAMES)))
    def attempt(choices: list[int]) -> None:
        with _arena(harness, choices, *workflows, **options) as arena:
            race(arena)

    attempt()


@contextmanager
def _arena(
    harness: type[Harness], choices: Sequence[int], *workflows: type[Workflow], **options: Any
) -> Generator[Arena]:
    arena = Arena(harness(), choices, *workflows, **options)
    try:
        yield arena
    finally:
        arena.close()


def outcome(call: Callable[[], Any]) -> Any:
    """What the call gives, or the error that it raises."""
    try:
        return call()
    except Exception as error:  # noqa: BLE001  # the race's judge tells them apart
        return error
