"""Entries as text and back."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from squidie_core.errors import Corrupt, TooLarge, UnknownVersion
from squidie_core.journal.codec import MAX_COMMIT_BYTES, READER_VERSION, decode_entries, encode_entries, to_plain
from squidie_core.journal.entries import (
    ENTRY_CLASSES,
    AttemptCompleted,
    Entry,
    Runnable,
    RunnableApplied,
    RunnablesPlanned,
    RunSignalReceived,
    RunStarted,
    RunTerminal,
)
from squidie_core.journal.values import MAX_VALUE_BYTES
from tests.core.journal_values import QUICK, THOROUGH, entries, entries_of

ended = RunTerminal(5, "completed")


def completed(size: int) -> AttemptCompleted:
    """An attempt whose result takes so many bytes as text."""
    return AttemptCompleted(1, "r:a:1", "c1", {"x": "y" * (size - len('{"x":""}'))})


class TestEntries:
    @given(items=st.lists(entries, max_size=4))
    @THOROUGH
    def test_come_back_as_they_were(self, items: list[Entry]) -> None:
        again = decode_entries(encode_entries(items))
        assert again == items
        assert [type(entry) for entry in again] == [type(entry) for entry in items]

    @pytest.mark.parametrize("cls", ENTRY_CLASSES)
    @given(data=st.data())
    @QUICK
    def test_of_each_type_come_back_as_they_were(self, cls: type[Entry], data: st.DataObject) -> None:
        entry = data.draw(entries_of[cls])
        assert decode_entries(encode_entries([entry])) == [entry]

    @QUICK
    @given(items=st.lists(entries, max_size=4))
    def test_are_text_of_printable_ascii_on_one_line(self, items: list[Entry]) -> None:
        body = encode_entries(items)
        assert body.isascii()
        assert body.isprintable()

    @QUICK
    @given(items=st.lists(entries, max_size=4))
    def test_have_one_text(self, items: list[Entry]) -> None:
        assert encode_entries(decode_entries(encode_entries(items))) == encode_entries(items)

    def test_leave_out_what_has_its_default(self) -> None:
        assert to_plain(ended) == {"type": "run_terminal", "at": 5, "status": "completed"}
        assert to_plain(RunnableApplied(5, "k")) == {"type": "runnable_applied", "at": 5, "runnable_key": "k"}
        assert to_plain(RunnablesPlanned(5, (Runnable("k", "a", 7),))) == {
            "type": "runnables_planned",
            "at": 5,
            "runnables": [{"key": "k", "step": "a", "visible_at": 7}],
        }
        assert to_plain(RunSignalReceived(5, "cancel_run")) == {
            "type": "run_signal_received",
            "at": 5,
            "signal": "cancel_run",
        }
        assert to_plain(AttemptCompleted(5, "k", None, {})) == {
            "type": "attempt_completed",
            "at": 5,
            "runnable_key": "k",
            "claim_id": None,
            "result": {},
        }

    def test_do_not_share_their_defaults(self) -> None:
        text = encode_entries([RunSignalReceived(5, "cancel_run")] * 2)
        first, second = decode_entries(text)
        assert isinstance(first, RunSignalReceived)
        assert isinstance(second, RunSignalReceived)
        assert first.payload is not second.payload

    def test_have_one_durable_name_each(self) -> None:
        assert [cls.TYPE for cls in ENTRY_CLASSES] == [
            "run_signal_received",
            "run_started",
            "runnables_planned",
            "attempt_claimed",
            "attempt_heartbeat",
            "attempt_released",
            "attempt_completed",
            "attempt_failed",
            "runnable_applied",
            "child_run_started",
            "child_run_ended",
            "children_awaited",
            "manual_step_paused",
            "manual_step_resolved",
            "dynamic_work_recorded",
            "compensation_started",
            "run_terminal",
        ]


class TestWhatIsNewer:
    @pytest.mark.parametrize(
        "item",
        [
            {"type": "run_teleported", "at": 1},
            {"type": "run_teleported"},
            {"type": "run_terminal", "at": 1, "status": "completed", "v": READER_VERSION + 1},
            {"type": "run_terminal", "at": 1, "status": "completed", "because": "unknown field", "v": 99},
        ],
    )
    def test_is_an_unknown_version_and_not_corrupt(self, item: dict[str, Any]) -> None:
        with pytest.raises(UnknownVersion, match="upgrade this process") as caught:
            decode_entries(json.dumps([to_plain(ended), item]))
        assert caught.value.details == {"type": item["type"], "reader_version": READER_VERSION}
        assert not isinstance(caught.value, Corrupt)

    def test_is_read_where_the_version_is_known(self) -> None:
        assert decode_entries(json.dumps([{**to_plain(ended), "v": READER_VERSION}])) == [ended]


class TestGarbage:
    @pytest.mark.parametrize(
        "body",
        [
            "",
            "null",
            "5",
            "{}",
            '""',
            '"text"',
            "[5]",
            "[null]",
            "[[]]",
            '["run_terminal"]',
            "[{}]",
            '[{"type":[]}]',
            '[{"type":"run_terminal"}]',
            '[{"type":"run_terminal","at":1}]',
            '[{"type":"run_terminal","at":"1","status":"completed"}]',
            '[{"type":"run_terminal","at":1.5,"status":"completed"}]',
            '[{"type":"run_terminal","at":true,"status":"completed"}]',
            '[{"type":"run_terminal","at":1,"status":"completed","because":1}]',
            '[{"type":"run_terminal","at":1,"status":"completed","v":"2"}]',
            '[{"type":"runnables_planned","at":1}]',
            '[{"type":"runnables_planned","at":1,"runnables":5}]',
            '[{"type":"runnables_planned","at":1,"runnables":[5]}]',
            '[{"type":"runnables_planned","at":1,"runnables":[{"key":"k"}]}]',
            '[{"type":"runnable_applied","at":1,"runnable_key":"k","decision":5}]',
            '[{"type":"runnable_applied","at":1,"runnable_key":"k","decision":{}}]',
            '[{"type":"run_started","at":1,"tags":5}]',
            '[{"type":"run_terminal","at":1,"status":"completed"}',
            "[" * 100_000,
            '[{"type":"run_terminal","at":' + "1" * 5_000 + "}]",
        ],
    )
    def test_is_corrupt(self, body: str) -> None:
        with pytest.raises(Corrupt):
            decode_entries(body)

    @QUICK
    @given(body=st.text(max_size=40))
    def test_of_any_kind_is_corrupt(self, body: str) -> None:
        with pytest.raises(Corrupt):
            decode_entries("x" + body)

    @given(
        value=st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from([c.TYPE for c in ENTRY_CLASSES]),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(
                    st.sampled_from(["type", "at", "v", "runnables", "decision", "tags"]), inner, max_size=5
                )
            ),
            max_leaves=12,
        )
    )
    @THOROUGH
    @example(value=[{"type": "run_terminal", "at": 1, "v": [2]}])
    def test_that_is_json_raises_nothing_but_the_ports_errors(self, value: Any) -> None:
        try:
            found = decode_entries(json.dumps(value))
        except (Corrupt, UnknownVersion):
            return
        assert isinstance(value, list)
        assert len(found) == len(value)  # pyright: ignore[reportUnknownArgumentType]

    @given(items=st.lists(entries, min_size=1, max_size=2), data=st.data())
    @THOROUGH
    def test_that_was_a_commit_once_raises_nothing_but_the_ports_errors(
        self, items: list[Entry], data: st.DataObject
    ) -> None:
        body = encode_entries(items)
        place = data.draw(st.integers(0, len(body) - 1))
        cut = body[:place] + data.draw(st.sampled_from(["", "x", '"', "[", "null", "0"])) + body[place + 1 :]
        with contextlib.suppress(Corrupt, UnknownVersion):
            decode_entries(cut)


class TestLimits:
    def test_a_value_takes_256_kilobytes(self) -> None:
        assert decode_entries(encode_entries([completed(MAX_VALUE_BYTES)])) == [completed(MAX_VALUE_BYTES)]
        with pytest.raises(TooLarge, match=r"result of attempt_completed takes 262,145 bytes") as caught:
            encode_entries([ended, completed(MAX_VALUE_BYTES + 1)])
        assert caught.value.details == {
            "entry": "attempt_completed",
            "field": "result",
            "bytes": MAX_VALUE_BYTES + 1,
            "limit": MAX_VALUE_BYTES,
        }

    def test_a_value_is_measured_as_text(self) -> None:
        with pytest.raises(TooLarge):
            encode_entries([AttemptCompleted(1, "r:a:1", "c1", {"x": "\x00" * (MAX_VALUE_BYTES // 6)})])

    def test_a_commit_takes_a_megabyte(self) -> None:
        four = [completed(MAX_VALUE_BYTES - 100)] * 4
        assert len(encode_entries(four)) <= MAX_COMMIT_BYTES
        with pytest.raises(TooLarge, match="entries of one commit take") as caught:
            encode_entries([*four, completed(1_000)])
        assert caught.value.details["limit"] == MAX_COMMIT_BYTES
        assert caught.value.details["bytes"] > MAX_COMMIT_BYTES

    def test_the_start_and_the_inputs_are_measured_too(self) -> None:
        started = RunStarted(
            1,
            run_id="r",
            workflow="w",
            trigger="t",
            input={"x": "y" * MAX_VALUE_BYTES},
            definition="0" * 64,
            queue="default",
            priority=5,
            payload_digest="1" * 64,
        )
        with pytest.raises(TooLarge, match="input of run_started"):
            encode_entries([started])
        wide = [Runnable(f"r:a:{n}", "a", 1, input={"x": "y" * 200_000}) for n in range(6)]
        assert len(encode_entries([RunnablesPlanned(1, tuple(wide[:5]))])) < MAX_COMMIT_BYTES
        with pytest.raises(TooLarge, match="entries of one commit"):
            encode_entries([RunnablesPlanned(1, tuple(wide))])
