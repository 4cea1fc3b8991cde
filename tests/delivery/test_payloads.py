"""What a delivery may carry, and that what is refused is not echoed."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest

from squidie_core import OptionError, Payload, Window
from squidie_core.delivery.payloads import Drain, read
from squidie_core.runtime.activations import Cron
from tests.delivery.flows import Digest

NINE = datetime(2026, 5, 15, 9, tzinfo=UTC)
SECRET = "s3cr3t"


class TestPayload:
    def test_of_a_cron_start_is_plain_json_and_says_what_to_start(self) -> None:
        window = Window(NINE, NINE + timedelta(hours=1))
        payload = Payload.cron(Digest, "once", signal_id="digest:9", intended_window=window)
        assert payload == {
            "kind": "cron",
            "workflow": "digest",
            "trigger": "once",
            "signal_id": "digest:9",
            "intended_window": {"start_at": "2026-05-15T09:00:00+00:00", "end_at": "2026-05-15T10:00:00+00:00"},
        }
        again = read(json.loads(json.dumps(payload)))
        assert again == Cron(workflow="digest", trigger="once", signal_id="digest:9", window=window)

    def test_of_a_cron_start_needs_no_code_of_the_workflow(self) -> None:
        assert Payload.cron("digest", "once") == {"kind": "cron", "workflow": "digest", "trigger": "once"}

    def test_keeps_the_moment_of_a_window_in_another_zone(self) -> None:
        there = timezone(timedelta(hours=2))
        window = Window(NINE.astimezone(there))
        assert read(Payload.cron("w", "t", intended_window=window)) == Cron(
            workflow="w", trigger="t", window=Window(NINE)
        )

    def test_of_a_drain_says_its_queue_and_limits(self) -> None:
        payload = Payload.drain("reports", limit=7, time_limit=timedelta(seconds=2.5))
        assert payload == {"kind": "drain", "queue": "reports", "limit": 7, "time_limit": 2.5}
        assert read(payload) == Drain(queue="reports", limit=7, time_limit=2.5)
        assert read({"kind": "drain"}) == Drain()

    @pytest.mark.parametrize(
        ("payload", "code"),
        [
            (SECRET, "invalid_runtime_payload"),
            ({}, "invalid_runtime_payload"),
            ({"kind": SECRET}, "invalid_runtime_payload"),
            ({"kind": [SECRET]}, "invalid_runtime_payload"),
            ({"kind": "step", "step": SECRET}, "invalid_runtime_payload"),
            ({"kind": "cron", "workflow": "w"}, "invalid_runtime_payload"),
            ({"kind": "cron", "workflow": 1, "trigger": SECRET}, "invalid_runtime_payload"),
            ({"kind": "cron", "workflow": "w", "trigger": "t", "payload": SECRET}, "invalid_runtime_payload"),
            ({"kind": "cron", "workflow": "w", "trigger": "t", "signal_id": ""}, "invalid_schedule_signal_id"),
            ({"kind": "cron", "workflow": "w", "trigger": "t", "signal_id": 1}, "invalid_schedule_signal_id"),
            *(
                ({"kind": "cron", "workflow": "w", "trigger": "t", "intended_window": window}, code)
                for code in ["invalid_schedule_intended_window"]
                for window in (
                    SECRET,
                    {"end_at": "2026-05-15T09:00:00Z"},
                    {"start_at": "0001-01-01T00:00:00+14:00"},
                    {"start_at": SECRET},
                    {"start_at": 9},
                    {"start_at": "2026-05-15T09:00:00"},
                )
            ),
            ({"kind": "drain", "limit": 0}, "invalid_option"),
            ({"kind": "drain", "time_limit": SECRET}, "invalid_option"),
            ({"kind": "drain", "queue": f"{SECRET} "}, "invalid_option"),
            ({"kind": "drain", "owner": SECRET}, "invalid_runtime_payload"),
        ],
    )
    def test_that_cannot_be_performed_is_refused_and_not_echoed(self, payload: object, code: str) -> None:
        with pytest.raises(OptionError) as caught:
            read(payload)
        assert caught.value.code == code
        assert SECRET not in f"{caught.value} {caught.value.details} {caught.value.__cause__!r}"

    def test_is_checked_where_it_is_made(self) -> None:
        with pytest.raises(OptionError, match="signal_id"):
            Payload.cron(Digest, "once", signal_id="")
        with pytest.raises(OptionError, match="limit"):
            Payload.drain(limit=0)
        with pytest.raises(OptionError, match="offset"):
            Payload.cron(Digest, "once", intended_window=Window(datetime(2026, 5, 15)))  # noqa: DTZ001 -- the point
