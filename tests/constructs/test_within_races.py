"""A host's transaction and somebody else at one run."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.harnesses.postgresql import PostgresqlHarness, WiredConnection
from adapters.harnesses.servers import postgresql_url
from squidie_contract.harness import Harness
from squidie_core import ConflictError, InvalidTransitionError, Snapshot, Squidie, Unavailable
from tests.constructs.racing import Arena, at_every_moment, outcome
from tests.constructs.test_within import Fulfil
from tests.runtime.stores import assert_consistent


@pytest.mark.parametrize("harness", [PostgresqlHarness], indirect=True, ids=["postgresql"])
class TestOneRun:
    def test_is_decided_once_with_the_hosts_row_or_without(self, harness: type[Harness]) -> None:
        def race(arena: Arena) -> None:
            run = arena.quiet.start(Fulfil.ordered, {"order": "one"})

            def approve(squidie: Squidie) -> Any:
                return outcome(lambda: approve_within(arena, squidie, run))

            def reject(squidie: Squidie) -> Any:
                return outcome(lambda: squidie.reject(run, actor="Gandalf"))

            def work(squidie: Squidie) -> Any:
                return outcome(lambda: squidie.drain(limit=3))

            by_host, by_operator, _ = arena.race(approve, reject, work)
            approved = isinstance(by_host, Snapshot)
            assert approved != isinstance(by_operator, Snapshot), (by_host, by_operator)
            assert list(arena.harness.notes()) == (["approved"] if approved else [])
            loser = by_operator if approved else by_host
            assert isinstance(loser, (ConflictError, InvalidTransitionError, Unavailable)), loser
            done = arena.finish(run)
            assert done.status == "completed"
            assert [view.step for view in done.attempts if view.step == "ship"] == (["ship"] if approved else [])
            assert_consistent(arena.quiet, run)

        at_every_moment(harness, Fulfil, race=race)


def approve_within(arena: Arena, squidie: Squidie, run: Snapshot) -> Snapshot:
    """Within a transaction of the host's, beside a row of its own."""
    connection = WiredConnection.connect(postgresql_url())
    connection.wire = arena.wire(squidie)
    with connection:
        arena.harness.note(connection, "approved")
        return squidie.within(connection).approve(run, actor="Sam")
