"""What a worker's loop takes in at once."""

from __future__ import annotations

import threading
from typing import Any, cast

import pytest

from squidie_core.runtime import bodies
from squidie_core.runtime.bodies import Inbox, Report
from tests.runtime.waiting import PATIENCE

ONE, TWO, THREE = (cast("Report", (number, None)) for number in "123")


class TestCollecting:
    def test_waits_for_the_outcomes_that_follow_closely(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(bodies, "CLOSE", PATIENCE)
        inbox = Inbox()
        inbox.put(ONE)
        taken: list[Any] = []
        collector = threading.Thread(target=lambda: taken.extend(inbox.collect(PATIENCE, 3)))
        collector.start()
        inbox.put(TWO)
        inbox.put(THREE)
        collector.join(PATIENCE)
        assert taken == [ONE, TWO, THREE]

    def test_does_not_wait_when_nothing_more_can_come(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(bodies, "CLOSE", 10 * PATIENCE)
        inbox = Inbox()
        inbox.put(ONE)
        assert inbox.collect(PATIENCE, 1) == [ONE]

    def test_gives_what_there_is_when_the_rest_takes_long(self) -> None:
        inbox = Inbox()
        inbox.put(ONE)
        assert inbox.collect(PATIENCE, 2) == [ONE]

    def test_a_wake_up_ends_the_wait(self) -> None:
        inbox = Inbox()
        inbox.wake()
        assert inbox.collect(10 * PATIENCE, 32) == []
