"""Signals as values, and their envelope."""

from __future__ import annotations

import inspect
import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from squidie_core import OptionError, Signal, Squidie, Workflow, from_cloudevent, step, to_cloudevent, trigger
from squidie_core.journal.values import encode
from squidie_core.runtime.starting import StartKeywords
from squidie_core.signals.checks import FIELDS
from tests.core.journal_values import QUICK, fixed_offsets, plain_values

RUN_ID = "01a3185c-5000-7000-8000-000000000001"
AT = datetime(2026, 5, 15, 9, tzinfo=UTC)
FIRST = datetime.min.replace(tzinfo=timezone(timedelta(hours=14)))
"""A moment that UTC has no year for."""


def body() -> None: ...


class Flow(Workflow, name="flow"):
    begin = trigger.manual(when=datetime)
    body = step(body)


texts = st.text(min_size=1, max_size=20)
stored = plain_values.map(lambda value: encode(value, "v"))
maps = st.dictionaries(st.text(max_size=5), plain_values, max_size=3)
moments = st.datetimes(timezones=fixed_offsets | st.just(UTC))
common: dict[str, st.SearchStrategy[Any]] = {
    "metadata": st.none() | maps,
    "occurred_at": st.none() | moments,
    "idempotency_key": st.none() | texts,
}
said: dict[str, st.SearchStrategy[Any]] = {
    **common,
    "actor": texts | st.dictionaries(texts, plain_values, min_size=1, max_size=2),
    "comment": st.none() | texts,
}
ids = st.uuids().map(str)
signals = st.one_of(
    st.builds(Signal.start_run, texts, st.none() | maps, trigger=st.none() | texts, **common),
    st.builds(
        Signal.start_cron,
        texts,
        texts,
        signal_id=st.none() | texts,
        intended_window=st.none() | st.fixed_dictionaries({"start_at": moments}, optional={"end_at": moments}),
        metadata=common["metadata"],
        occurred_at=common["occurred_at"],
    ),
    st.builds(Signal.resume_run, ids, **said),
    st.builds(Signal.approve_run, ids, **said),
    st.builds(Signal.reject_run, ids, **said),
    st.builds(Signal.cancel_run, ids, compensate=st.none() | st.booleans(), children=st.booleans(), **said),
    st.builds(
        Signal.replay_run,
        ids,
        allow_irreversible=st.booleans(),
        definition=st.sampled_from(["original", "current"]),
        queue=st.none() | texts,
        **said,
    ),
)


def refusal(make: Any) -> tuple[str, Any]:
    with pytest.raises(OptionError) as refused:
        make()
    found = refused.value
    assert "s3cr3t" not in f"{found} {found.details}"
    return found.code, (found.details["field"], found.details["reason"])


class TestMaking:
    def test_says_what_is_asked_and_leaves_out_what_is_not(self) -> None:
        signal = Signal.start_run(Flow, {"when": AT}, occurred_at=AT, queue="slow")
        assert (signal.type, signal.subject, signal.occurred_at) == ("start_run", "flow", AT)
        assert signal.payload == {"workflow": "flow", "input": encode({"when": AT}, "p"), "queue": "slow"}
        assert Signal.cancel_run(RUN_ID, occurred_at=AT).payload == {"run_id": RUN_ID}

    def test_is_of_now_unless_told_otherwise(self) -> None:
        before = datetime.now(UTC)
        assert before <= Signal.cancel_run(RUN_ID).occurred_at <= datetime.now(UTC)

    def test_shows_no_values(self) -> None:
        shown = repr(Signal.start_run("flow", {"a": "s3cr3t"}, metadata={"b": "s3cr3t"}))
        assert "s3cr3t" not in shown

    @pytest.mark.parametrize(
        ("make", "field", "reason"),
        [
            (lambda: Signal.start_run(""), "workflow", "invalid"),
            (lambda: Signal.start_run(7), "workflow", "invalid"),  # type: ignore[arg-type]  # wrong
            (lambda: Signal.start_run("w", ["s3cr3t"]), "payload", "expected_map"),  # type: ignore[arg-type]  # wrong
            (lambda: Signal.start_run("w", trigger=""), "trigger", "invalid"),
            (lambda: Signal.start_run("w", colour="s3cr3t"), "colour", "unsupported"),
            (lambda: Signal.start_run("w", priority=10), "priority", "invalid"),
            (lambda: Signal.start_run("w", metadata="s3cr3t"), "metadata", "expected_map"),  # type: ignore[arg-type]  # wrong
            (lambda: Signal.start_run("w", occurred_at=datetime(2026, 5, 15)), "occurred_at", "expected_datetime"),  # noqa: DTZ001  # naive
            (lambda: Signal.start_run("w", idempotency_key=""), "idempotency_key", "expected_non_empty_string"),
            (lambda: Signal(type="start_cron", payload={"workflow": "w"}), "trigger", "required"),
            (
                lambda: Signal.start_cron("w", "t", intended_window={"end_at": AT}),
                "intended_window",
                "schedule_identity",
            ),
            (lambda: Signal.start_cron("w", "t", signal_id=""), "signal_id", "invalid"),
            (
                lambda: Signal.start_cron("w", "t", intended_window={"start_at": FIRST}),
                "intended_window",
                "schedule_identity",
            ),
            (
                lambda: Signal(type="start_cron", payload={"workflow": "w", "trigger": "t"}, idempotency_key="s3cr3t"),
                "idempotency_key",
                "unsupported",
            ),
            (lambda: Signal.start_run("w", delay=float("inf")), "delay", "invalid"),
            (lambda: Signal.cancel_run(RUN_ID, occurred_at=FIRST), "occurred_at", "expected_datetime"),
            (lambda: Signal.cancel_run(RUN_ID, children="yes"), "children", "expected_boolean"),  # type: ignore[arg-type]  # wrong
            (lambda: Signal.cancel_run("s3cr3t"), "run_id", "invalid"),
            (lambda: Signal.approve_run(RUN_ID, actor=None), "actor", "required"),  # type: ignore[arg-type]  # wrong
            (lambda: Signal.approve_run(RUN_ID, actor={}), "actor", "invalid"),
            (lambda: Signal.reject_run(RUN_ID, actor="a", comment=""), "comment", "string"),
            (lambda: Signal.replay_run(RUN_ID, allow_irreversible=1), "allow_irreversible", "expected_boolean"),  # type: ignore[arg-type]  # wrong
            (lambda: Signal.replay_run(RUN_ID, definition="newest"), "definition", "invalid"),  # type: ignore[arg-type]  # wrong
            (lambda: Signal(type="cancel_run", payload=[]), "payload", "expected_map"),  # type: ignore[arg-type]  # wrong
            (lambda: Signal(type="cancel_run", payload={}), "run_id", "invalid"),
            (lambda: Signal(type="cancel_run", payload={"run_id": RUN_ID, "actor": {"at": AT}}), "actor", "invalid"),
        ],
    )
    def test_refuses_what_cannot_be_used(self, make: Any, field: str, reason: str) -> None:
        assert refusal(make) == ("invalid_signal", (field, reason))

    def test_a_signal_can_say_all_that_its_command_takes(self) -> None:
        """But the ids of new runs, which are known by keys there."""
        for name in ("resume", "approve", "reject", "cancel", "replay"):
            asked = set(inspect.signature(getattr(Signal, f"{name}_run")).parameters)
            taken = set(inspect.signature(getattr(Squidie, name)).parameters) - {"self", "run"}
            assert asked - {"occurred_at"} == taken - ({"run_id"} if name == "replay" else set()) | {"run_id"}
        taken = set(StartKeywords.__annotations__) - {"run_id", "idempotency_key", "metadata"}
        assert FIELDS["start_run"].keys() - {"workflow", "trigger", "input"} == taken

    @pytest.mark.parametrize("kind", ["stop_run", "", None, 7])
    def test_knows_its_types(self, kind: Any) -> None:
        with pytest.raises(OptionError) as refused:
            Signal(type=kind, payload={})
        assert refused.value.code == "unsupported_signal"


class TestEnvelope:
    def test_is_a_cloudevent(self) -> None:
        signal = Signal.approve_run(RUN_ID, actor="sam", idempotency_key="k", occurred_at=AT)
        event = to_cloudevent(signal)
        assert event == {
            "specversion": "1.0",
            "id": event["id"],
            "source": "urn:squidie",
            "type": "squidie.command.approve_run",
            "subject": RUN_ID,
            "time": "2026-05-15T09:00:00Z",
            "datacontenttype": "application/json",
            "data": {"payload": {"run_id": RUN_ID, "actor": "sam"}, "metadata": {}, "idempotency_key": "k"},
        }

    @QUICK
    @given(signal=signals)
    def test_gives_back_the_signal(self, signal: Signal) -> None:
        event = to_cloudevent(signal)
        assert from_cloudevent(json.loads(json.dumps(event))) == signal
        assert to_cloudevent(signal) == event

    def test_two_signals_have_two_ids_and_two_sources_too(self) -> None:
        one = Signal.cancel_run(RUN_ID, occurred_at=AT)
        other = Signal.cancel_run(RUN_ID, occurred_at=AT + timedelta(microseconds=1))
        events = [to_cloudevent(one), to_cloudevent(other), to_cloudevent(one, source="urn:shop")]
        assert len({event["id"] for event in events}) == 3

    def test_a_time_elsewhere_is_the_same_moment(self) -> None:
        at = AT.astimezone(timezone(timedelta(hours=2)))
        assert to_cloudevent(Signal.cancel_run(RUN_ID, occurred_at=at))["time"] == "2026-05-15T09:00:00Z"

    def test_of_equal_signals_has_one_id(self) -> None:
        """A store of documents may have put the names in another order."""
        names = [("run_id", RUN_ID), ("actor", "sam")]
        one, other = (Signal(type="cancel_run", payload=dict(each), occurred_at=AT) for each in (names, names[::-1]))
        assert one == other
        assert to_cloudevent(one)["id"] == to_cloudevent(other)["id"]

    @pytest.mark.parametrize(
        "change",
        [
            {"datacontenttype": None, "data_base64": None, "dataschema": None, "traceid": None},
            {"datacontenttype": "Application/JSON; charset=utf-8"},
            {"time": "2026-05-15t11:00:00.000000000+02:00"},
            {"time": "2026-05-15T09:00:00z"},
            {"dataschema": "urn:x", "sequence": 7, "sampled": True},
        ],
        ids=str,
    )
    def test_may_be_written_as_the_specification_allows(self, change: dict[str, Any]) -> None:
        signal = Signal.cancel_run(RUN_ID, occurred_at=AT)
        assert from_cloudevent({**to_cloudevent(signal), **change}) == signal

    @pytest.mark.parametrize("source", ["", "a b", "urn:ä", None, 7])
    def test_has_a_source_that_is_a_uri_reference(self, source: Any) -> None:
        assert refusal(lambda: to_cloudevent(Signal.cancel_run(RUN_ID), source=source)) == (
            "invalid_cloudevent",
            ("source", "expected_uri_reference"),
        )

    @pytest.mark.parametrize("event", [None, [], "s3cr3t", 7])
    def test_is_an_object(self, event: Any) -> None:
        assert refusal(lambda: from_cloudevent(event)) == ("invalid_cloudevent", ("event", "expected_map"))

    def test_may_have_extensions(self) -> None:
        signal = Signal.cancel_run(RUN_ID)
        assert from_cloudevent({**to_cloudevent(signal), "traceparent": "00-0-0-00"}) == signal

    @pytest.mark.parametrize(
        ("change", "field", "reason"),
        [
            ({"specversion": "0.3"}, "specversion", "unsupported"),
            ({"id": ""}, "id", "expected_non_empty_string"),
            ({"source": None}, "source", "expected_non_empty_string"),
            ({"type": "other.command.cancel_run"}, "type", "unsupported"),
            ({"subject": "s3cr3t"}, "subject", "mismatch"),
            ({"time": "2026-05-15T09:00:00"}, "time", "expected_datetime"),
            ({"time": None}, "time", "expected_datetime"),
            ({"time": "20260515T090000Z"}, "time", "expected_datetime"),
            ({"time": "2026-W20-5T09:00:00Z"}, "time", "expected_datetime"),
            ({"time": "0001-01-01T00:00:00+14:00"}, "time", "expected_datetime"),
            ({"time": "2026-05-15T25:00:00Z"}, "time", "expected_datetime"),
            ({"subject": None}, "subject", "expected_non_empty_string"),
            ({7: 7}, "7", "unsupported"),
            ({"datacontenttype": "text/xml"}, "datacontenttype", "unsupported"),
            ({"data": "s3cr3t"}, "data", "expected_map"),
            ({"data": {"payload": {"run_id": RUN_ID}, "more": 1}}, "data.more", "unsupported"),
            ({"data_base64": "s3cr3t"}, "data_base64", "unsupported"),
            ({"Trace-Parent": "s3cr3t"}, "Trace-Parent", "unsupported"),
        ],
        ids=str,
    )
    def test_is_read_strictly(self, change: dict[str, Any], field: str, reason: str) -> None:
        event = {**to_cloudevent(Signal.cancel_run(RUN_ID)), **change}
        assert refusal(lambda: from_cloudevent(event)) == ("invalid_cloudevent", (field, reason))

    def test_of_a_source_that_is_not_expected_is_refused(self) -> None:
        event = to_cloudevent(Signal.cancel_run(RUN_ID), source="urn:shop")
        assert from_cloudevent(event, source="urn:shop").type == "cancel_run"
        assert refusal(lambda: from_cloudevent(event, source="urn:squidie"))[1] == ("source", "mismatch")

    def test_of_no_signal_says_what_the_signal_would(self) -> None:
        event = to_cloudevent(Signal.cancel_run(RUN_ID))
        with pytest.raises(OptionError) as refused:
            from_cloudevent({**event, "type": "squidie.command.stop_run"})
        assert refused.value.code == "unsupported_signal"
