"""Any backend does what MemoryLeases does, whatever is asked of it and in whatever order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from squidie_contract.checks.contract import LeaseClauses
from squidie_contract.engine.leasing import HOUR, MOMENT, lapse
from squidie_contract.engine.worlds import World, Worlds
from squidie_core.errors import LeaseError
from squidie_core.memory import MemoryLeases
from squidie_core.ports import LeaseBackend
from squidie_core.ports.leases import Delivery

Answer = TypeVar("Answer")

QUEUES = ("q", "r")
IDS = tuple("123456")
queues = st.sampled_from(["q", "q", "q", "r"])
Pair = tuple[Delivery, Delivery]


class Comparison(RuleBasedStateMachine):
    """Does everything twice: in the backend under test, and in the model. Time passes in long steps or not at all."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world
        self.leases = world.leases()
        self.now = 0
        self.model = MemoryLeases(clock=lambda: self.now)
        self.claims: list[Pair] = []
        self.open: list[Pair] = []
        """Those of the claims that nothing was reported of."""

    def teardown(self) -> None:
        self.world.close()

    def both(self, ask: Callable[[LeaseBackend], Answer]) -> Answer:
        answer, expected = ask(self.leases), ask(self.model)
        assert answer == expected
        return answer

    @invariant()
    def gives_up_the_same(self) -> None:
        for queue in QUEUES:
            self.both(lambda leases, queue=queue: list(leases.dead_letters(queue)))  # type: ignore[misc]  # mypy cannot type a default

    @rule(
        queue=queues,
        delivery_id=st.sampled_from(IDS),
        number=st.integers(0, 9),
        delay=st.sampled_from([0, 0, 0, HOUR]),
        priority=st.integers(0, 9),
    )
    def enqueue(self, queue: str, delivery_id: str, number: int, delay: int, priority: int) -> None:
        self.both(
            lambda leases: leases.enqueue(queue, {"n": number}, delay=delay, priority=priority, delivery_id=delivery_id)
        )

    @rule(queue=queues, lapses=st.booleans())
    def claim(self, queue: str, lapses: bool) -> None:  # noqa: FBT001  # an example's part
        lease_for = MOMENT if lapses else HOUR
        ours = self.leases.claim(queue, owner_id="me", lease_for=lease_for, limit=100)
        theirs = {one.id: one for one in self.model.claim(queue, owner_id="me", lease_for=lease_for, limit=100)}
        assert {one.id: plain(one) for one in ours} == {key: plain(one) for key, one in theirs.items()}
        self.open += [(one, theirs[one.id]) for one in ours]
        self.claims += self.open[-len(ours) :] if ours else []
        if lapses:
            lapse(self.world)
            self.now += 2 * MOMENT

    @precondition(lambda self: self.claims)
    @rule(
        data=st.data(), report=st.sampled_from(["give back", "extend", "give back", "complete", "put off", "give up"])
    )
    def report(self, data: st.DataObject, report: str) -> None:
        pair = data.draw(st.sampled_from([*self.open[-2:], *self.open[-2:], self.claims[-1]]))
        if pair in self.open and report != "extend":
            self.open.remove(pair)
        results = [outcome(leases, one, report) for leases, one in zip((self.leases, self.model), pair, strict=True)]
        assert results[0] == results[1]


def plain(delivery: Delivery) -> Delivery:
    """What two backends agree on."""
    return replace(delivery, token=0, lease_until=0)


def outcome(leases: LeaseBackend, delivery: Delivery, report: str) -> str:
    """Whether the report was taken."""
    try:
        match report:
            case "extend":
                leases.extend(delivery, lease_for=HOUR)
            case "complete":
                leases.complete(delivery)
            case _:
                retry_in = {"give back": 0, "put off": HOUR}.get(report)
                leases.fail(delivery, reason=report, retry_in=retry_in)
    except LeaseError:
        return "refused"
    return "taken"


class LeaseModelClauses(LeaseClauses):
    """The model: L1."""

    def test_l1_the_backend_does_what_the_model_does(self, worlds: Worlds) -> None:
        class OnThisBackend(Comparison):
            def __init__(self) -> None:
                super().__init__(worlds.example())

        profile = worlds.profile
        run_state_machine_as_test(
            OnThisBackend, settings=worlds.trying(profile.model_examples, steps=profile.model_steps)
        )
