"""PostgreSQL killed under load and started again: everything finishes, and nothing takes effect twice."""

from __future__ import annotations

import time
from random import Random

from squidie_storage_sql import open_postgresql
from tests.chaos.crew import crew_at
from tests.chaos.flows import SHAPES
from tests.chaos.judge import judge
from tests.chaos.options import OPTIONS
from tests.chaos.roles import opened
from tests.chaos.sidelog import SideLog
from tests.servers import Postgres

LONGEST = 0.5
"""Seconds that the server is away, at most."""


class TestAServerThatIsKilled:
    def test_again_and_again_loses_no_run_and_applies_no_result_twice(
        self, server: Postgres, log: SideLog, chosen: Random
    ) -> None:
        url, count = server.url, OPTIONS.share(4)
        open_postgresql.migrate(url)
        outages = 0
        with opened(url, log) as squidie, crew_at(url, squidie, log) as crew:
            crew.hire("start", ",".join(SHAPES), count)
            crew.hire("work", copies=OPTIONS.workers)
            while not crew.over(count):
                crew.wait_for_bodies(chosen.randrange(1, 200), lambda: crew.over(count))
                server.kill_all()
                time.sleep(chosen.uniform(0, LONGEST))  # how long it is away
                server.start()
                assert server.url == url
                outages += 1
            crew.dismiss()
            assert outages >= 3
            judge(squidie, log, count=count)
