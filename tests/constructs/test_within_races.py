"""A host's transaction and somebody else at one run: one round trip at a time, in orders that hypothesis picks."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from hypothesis import given

from adapters.harnesses.postgresql import PostgresqlHarness, WiredConnection
from adapters.harnesses.servers import postgresql_url
from squidie_contract.engine.schedule import Schedule
from squidie_contract.engine.trying import orders, trying
from squidie_contract.wire import Wire
from squidie_core import ConflictError, InvalidTransitionError, Snapshot, Squidie, Unavailable
from tests.constructs.racing import outcome
from tests.constructs.test_within import Fulfil
from tests.runtime.stores import assert_consistent


def approve(harness: PostgresqlHarness, wire: Wire, run: Snapshot, squidie: Squidie) -> Snapshot:
    """Within a transaction of the host's, beside a row of its own."""
    connection = WiredConnection.connect(postgresql_url())
    connection.wire = wire
    with connection:
        harness.note(connection, "approved")
        return squidie.within(connection).approve(run, actor="Sam")


def reject(run: Snapshot, squidie: Squidie) -> Snapshot:
    return squidie.reject(run, actor="Gandalf")


def work(squidie: Squidie) -> int:
    return squidie.drain(limit=3)


class TestOneRun:
    @trying(12)
    @given(choices=orders(3))
    def test_is_decided_once_with_the_hosts_row_or_without(self, choices: list[int]) -> None:
        harness, schedule = PostgresqlHarness(), Schedule(choices)
        quiet = Squidie(harness.url, workflows=[Fulfil])
        run = quiet.start(Fulfil.ordered, {"order": "one"})
        wires = {name: schedule.wire(name) for name in ("host", "operator", "worker")}
        clients = {name: Squidie(harness.storage(wire), workflows=[Fulfil]) for name, wire in wires.items()}
        results: dict[str, Any] = {}
        programs: dict[str, Callable[[Squidie], Any]] = {
            "host": partial(approve, harness, wires["host"], run),
            "operator": partial(reject, run),
            "worker": work,
        }

        def play(name: str) -> None:
            results[name] = outcome(partial(programs[name], clients[name]))

        schedule.run({name: partial(play, name) for name in programs})
        approved = isinstance(results["host"], Snapshot)
        rejected = isinstance(results["operator"], Snapshot)
        assert approved != rejected, results
        assert list(harness.notes()) == (["approved"] if approved else [])
        loser = results["operator" if approved else "host"]
        assert isinstance(loser, (ConflictError, InvalidTransitionError, Unavailable)), loser
        quiet.drain()
        done = quiet.inspect_run(run)
        assert done.status == "completed"
        assert [view.step for view in done.attempts if view.step == "ship"] == (["ship"] if approved else [])
        assert_consistent(quiet, run)
        for squidie in (quiet, *clients.values()):
            squidie.store.storage.close()
        harness.close()
