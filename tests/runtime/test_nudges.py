"""Runs that somebody wants looked at, though there is nothing for them to do."""

from __future__ import annotations

from squidie_core import Resource, StepContext, Workflow, sequence, step, trigger
from squidie_core.journal.commit import COMMITTED, Commit
from squidie_core.memory import MemoryStorage
from tests.runtime.flows import OneStep, Order
from tests.runtime.stores import MemoryStore


class Bell:
    """Nudges a run."""

    def __init__(self, storage: MemoryStorage) -> None:
        self.storage = storage

    def ring(self, run_id: str) -> None:
        assert self.storage.commit([Commit((), nudges=(run_id,))]) == [COMMITTED]

    def is_heard(self) -> bool:
        """Whether any run is due."""
        offers = ("rung:*", "one-step:note")
        return bool(self.storage.due("default", offers=offers, limit=9, reserve_for=0).runs)


def ring(ctx: StepContext, bell: Resource[Bell]) -> None:
    bell.ring(ctx.run_id)


class Rung(Workflow, name="rung"):
    """Somebody nudges the run while its first step runs."""

    begin = trigger.manual()
    first = step(ring)
    rest = step.wait(3600)
    last = step(ring)
    transitions = sequence(first, rest, last)


def bell_of(store: MemoryStore) -> Bell:
    return Bell(MemoryStorage(store.namespace, world=store.world))


class TestANudge:
    def test_with_nothing_to_do_is_looked_into_once(self, memory: MemoryStore) -> None:
        bell = bell_of(memory)
        squidie = memory.open(OneStep)
        run = squidie.start(OneStep.place, Order("1"), delay=3600)
        for _ in range(2):
            bell.ring(run.id)
            assert bell.is_heard()
            assert squidie.execute_next(owner_id="w") is None
            assert not bell.is_heard()

    def test_during_a_body_has_the_run_looked_at_after_it(self, memory: MemoryStore) -> None:
        bell = bell_of(memory)
        squidie = memory.open(Rung, resources={Bell: bell})
        squidie.start(Rung.begin)
        assert squidie.execute_next(owner_id="w") is not None
        assert bell.is_heard()
        assert squidie.execute_next(owner_id="w") is None
        assert not bell.is_heard()

    def test_before_a_command_is_not_forgotten_for_it(self, memory: MemoryStore) -> None:
        bell = bell_of(memory)
        squidie = memory.open(Gated)
        run = squidie.start(Gated.begin)
        squidie.execute_next(owner_id="w")
        bell.ring(run.id)
        squidie.resume(run.id)
        assert bell.storage.heads([run.id])[run.id].nudges == 1
        assert bell.is_heard()


class Gated(Workflow, name="rung"):
    begin = trigger.manual()
    gate = step.pause()
    rest = step.wait(3600)
    transitions = sequence(gate, rest)
